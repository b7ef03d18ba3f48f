use std::{collections::BTreeSet, time::Duration};

/// Something that is to be there in Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// An audit device that writes to this file, on Vault's own machine.
    AuditFile(String),
    /// A secrets engine at this path.
    Engine {
        /// The path, without slashes at its ends.
        path: String,
        /// What is mounted there.
        engine: Engine,
    },
    /// The setting of the transit engine at this path by which nobody makes a key by encrypting
    /// under a name that was mistyped.
    NoUpsert(String),
    /// The auth method that services log in with, at `approle/`.
    AppRoles,
    /// The auth method that people log in with, at this path: user names and passwords, unless
    /// there is another method already.
    People(String),
    /// A transit key, derived: what it encrypts is bound to a context.
    Key {
        /// The path of the transit engine.
        transit: String,
        /// The name of the key.
        name: String,
    },
    /// The setting that says how often a tenant's key is to be rotated.
    RotateEvery {
        /// The path of the KV engine.
        kv: String,
        /// The tenant.
        tenant: String,
        /// The interval, such as `90d`.
        interval: String,
    },
    /// An entity that belongs to a tenant, and is recorded as its member.
    Entity {
        /// The path of the KV engine that the record is in.
        kv: String,
        /// Its name.
        name: String,
        /// The tenant, which stands in its metadata.
        tenant: String,
    },
    /// Whoever logs in by this name belongs to a tenant.
    Membership(Membership),
    /// An AppRole.
    Role(Role),
    /// Whoever logs in by the AppRole of this name is the entity of this name.
    Alias(String),
}

/// Whoever logs in by a name belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The path of the KV engine that the record is in.
    pub kv: String,
    /// The tenant.
    pub tenant: String,
    /// The path of the auth method, without slashes at its ends.
    pub mount: String,
    /// The name of the alias.
    pub login: String,
}

/// What a secrets engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// KV, version 2.
    Kv,
    /// Transit.
    Transit,
}

/// An AppRole, whose tokens may be renewed for ever, each time for [`Role::PERIOD`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The policies of its tokens.
    pub policies: BTreeSet<String>,
    /// Who logs in by it.
    pub holder: Holder,
}

/// Who logs in by a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The validator. It has the role's policies and no others, not even Vault's `default`.
    Validator,
    /// A tenant's service, which is the entity of the same name. Somebody may have given it further
    /// policies.
    Service,
}

impl Role {
    /// How long a token lives without being renewed.
    pub const PERIOD: Duration = Duration::from_hours(1);
}

impl Thing {
    /// What kind of thing it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AuditFile(_) => "audit device",
            Self::Engine { .. } => "mount",
            Self::NoUpsert(_) | Self::RotateEvery { .. } => "setting",
            Self::AppRoles | Self::People(_) => "auth method",
            Self::Key { .. } => "key",
            Self::Entity { .. } => "entity",
            Self::Role(_) => "AppRole",
            Self::Alias(_) => "alias",
            Self::Membership(_) => "member",
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::AuditFile(file) => file.clone(),
            Self::Engine { path, .. } | Self::People(path) => format!("{path}/"),
            Self::NoUpsert(transit) => format!("{transit}/config/keys"),
            Self::AppRoles => "approle/".to_owned(),
            Self::Key { name, .. } | Self::Entity { name, .. } | Self::Alias(name) => name.clone(),
            Self::RotateEvery { kv, tenant, .. } => format!("{kv}/tenant-settings/{tenant}"),
            Self::Role(role) => role.name.clone(),
            Self::Membership(Membership { login, mount, .. }) => format!("{login} ({mount}/)"),
        }
    }

    /// What there is to know of it.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::AuditFile(_) => "a file on Vault's machine; OpenBao takes it from its \
                                   configuration alone, unless that has \
                                   unsafe_allow_api_audit_creation"
                .to_owned(),
            Self::Engine { engine: Engine::Kv, .. } => "KV version 2".to_owned(),
            Self::Engine { engine: Engine::Transit, .. } => "transit".to_owned(),
            Self::NoUpsert(_) => "disable_upsert: no key is made by a mistyped name".to_owned(),
            Self::AppRoles => "what services log in with".to_owned(),
            Self::People(_) => "what people log in with".to_owned(),
            Self::Key { .. } => "aes256-gcm96, derived".to_owned(),
            Self::RotateEvery { interval, .. } => format!("the key is rotated every {interval}"),
            Self::Entity { tenant, .. } | Self::Membership(Membership { tenant, .. }) => {
                format!("of the tenant {tenant}")
            }
            Self::Role(role) => {
                let policies: Vec<&str> = role.policies.iter().map(String::as_str).collect();
                format!("policies {}", policies.join(", "))
            }
            Self::Alias(_) => "who logs in by the AppRole is the entity".to_owned(),
        }
    }
}
