use std::{collections::BTreeSet, time::Duration};

use crate::tenants::settings_record;

/// The lifetime of a person's token after the login and after each renewal. It bounds the use of a session
/// that the person has left open.
pub const LOGIN_TOKEN_TTL: Duration = Duration::from_hours(1);

/// The maximum lifetime of a person's token: a long working day.
pub const LOGIN_TOKEN_MAX_TTL: Duration = Duration::from_hours(12);

/// A resource that is wanted in Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An audit device that writes to this file, on Vault's own machine.
    AuditFileDevice(String),
    /// A secrets engine at this path.
    SecretsEngine {
        /// The path, without slashes at its ends.
        path: String,
        /// The type of the engine.
        engine: EngineType,
    },
    /// The setting `disable_upsert` of the transit engine at this path: encrypting with a mistyped
    /// key name creates no key.
    TransitDisableUpsert(String),
    /// The auth method with which services log in, at `approle/`.
    AppRoleAuthMethod,
    /// The auth method with which people log in, at this path: user names and passwords, with tokens
    /// of [`LOGIN_TOKEN_TTL`], unless another method is enabled there.
    LoginAuthMethod(String),
    /// A transit key. It is derived: a ciphertext is bound to a context.
    TransitKey {
        /// The path of the transit engine.
        transit: String,
        /// The name of the key.
        name: String,
    },
    /// The interval at which a tenant's key is to be rotated.
    RotationInterval {
        /// The path of the KV engine.
        kv: String,
        /// The tenant.
        tenant: String,
        /// The interval, such as `90d`.
        interval: String,
    },
    /// An entity that belongs to a tenant, and is recorded as its member.
    Entity {
        /// The path of the KV engine with the record.
        kv: String,
        /// The name of the entity.
        name: String,
        /// The tenant, which is in the metadata of the entity.
        tenant: String,
    },
    /// The membership of a person in a tenant.
    Membership(Membership),
    /// An AppRole.
    AppRole(AppRoleSpec),
    /// The alias that links the AppRole and the entity, both of this name.
    Alias(String),
}

/// The membership of a person in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The path of the KV engine with the record.
    pub kv: String,
    /// The tenant.
    pub tenant: String,
    /// The path of the auth method, without slashes at its ends.
    pub mount: String,
    /// The name of the person's alias.
    pub login: String,
}

/// The type of a secrets engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineType {
    /// KV, version 2.
    Kv,
    /// Transit.
    Transit,
}

/// An AppRole. Its tokens are periodic: they can be renewed without a maximum, each time for
/// [`AppRoleSpec::PERIOD`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRoleSpec {
    /// The name of the AppRole.
    pub name: String,
    /// The policies of its tokens.
    pub policies: BTreeSet<String>,
    /// The program that logs in with it.
    pub owner: RoleOwner,
}

/// The program that logs in with an AppRole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleOwner {
    /// The validator. Its tokens have exactly the role's policies, and not Vault's `default`.
    Validator,
    /// A tenant's service, whose entity has the same name. An operator may have added policies.
    Service,
}

impl AppRoleSpec {
    /// The lifetime of a token after its creation and after each renewal.
    pub const PERIOD: Duration = Duration::from_hours(1);
}

impl Resource {
    /// Returns the kind of the resource, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AuditFileDevice(_) => "audit device",
            Self::SecretsEngine { .. } => "mount",
            Self::TransitDisableUpsert(_) | Self::RotationInterval { .. } => "setting",
            Self::AppRoleAuthMethod | Self::LoginAuthMethod(_) => "auth method",
            Self::TransitKey { .. } => "key",
            Self::Entity { .. } => "entity",
            Self::AppRole(_) => "AppRole",
            Self::Alias(_) => "alias",
            Self::Membership(_) => "member",
        }
    }

    /// Returns the name of the resource, for people.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::AuditFileDevice(file) => file.clone(),
            Self::SecretsEngine { path, .. } | Self::LoginAuthMethod(path) => format!("{path}/"),
            Self::TransitDisableUpsert(transit) => format!("{transit}/config/keys"),
            Self::AppRoleAuthMethod => "approle/".to_owned(),
            Self::TransitKey { name, .. } | Self::Entity { name, .. } | Self::Alias(name) => {
                name.clone()
            }
            Self::RotationInterval { kv, tenant, .. } => {
                format!("{kv}/{}", settings_record(tenant))
            }
            Self::AppRole(role) => role.name.clone(),
            Self::Membership(Membership { login, mount, .. }) => format!("{login} ({mount}/)"),
        }
    }

    /// Returns a description of the resource, for people.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::AuditFileDevice(_) => "a file on Vault's machine; OpenBao takes it from its \
                                   configuration file only, unless that sets \
                                   unsafe_allow_api_audit_creation"
                .to_owned(),
            Self::SecretsEngine { engine: EngineType::Kv, .. } => "KV version 2".to_owned(),
            Self::SecretsEngine { engine: EngineType::Transit, .. } => "transit".to_owned(),
            Self::TransitDisableUpsert(_) => {
                "disable_upsert: a mistyped name creates no key".to_owned()
            }
            Self::AppRoleAuthMethod => "the login of services".to_owned(),
            Self::LoginAuthMethod(_) => {
                let [ttl, max_ttl] = [LOGIN_TOKEN_TTL, LOGIN_TOKEN_MAX_TTL];
                let [ttl, max_ttl] = [ttl, max_ttl].map(humantime::format_duration);
                format!("the login of people: tokens for {ttl}, renewed on use for up to {max_ttl}")
            }
            Self::TransitKey { .. } => "aes256-gcm96, derived".to_owned(),
            Self::RotationInterval { interval, .. } => {
                format!("the key is rotated every {interval}")
            }
            Self::Entity { tenant, .. } | Self::Membership(Membership { tenant, .. }) => {
                format!("of the tenant {tenant}")
            }
            Self::AppRole(role) => {
                let policies: Vec<&str> = role.policies.iter().map(String::as_str).collect();
                format!("policies {}", policies.join(", "))
            }
            Self::Alias(_) => "links the AppRole to the entity".to_owned(),
        }
    }
}
