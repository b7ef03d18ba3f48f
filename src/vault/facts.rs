//! Vault's answers about a token and an entity, put together into [`Facts`].

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    networks,
    tenants::{TenantName, tenant_from_policy},
    token::{Expiry, Facts, Standing, TokenType, Usage},
    vault::{Namespace, error::VaultError, subject::subject},
};

/// The `data` of `auth/token/lookup`. Without `Debug`, since it holds the token.
#[derive(Deserialize)]
pub(super) struct TokenData {
    pub(super) accessor: Option<String>,
    #[serde(rename = "type")]
    token_type: Option<String>,
    /// Null for a batch token whose policies are all its entity's. Vault never leaves it out.
    #[serde(deserialize_with = "Option::deserialize")]
    policies: Option<Vec<String>>,
    identity_policies: Option<Vec<String>>,
    pub(super) entity_id: Option<String>,
    expire_time: Option<String>,
    ttl: Option<i64>,
    num_uses: Option<i64>,
    path: Option<String>,
    bound_cidrs: Option<Vec<String>>,
    namespace_path: Option<String>,
}

/// The `data` of `identity/entity/id`. Vault always tells the id and whether it is disabled; an
/// answer without them is not one to rely on.
#[derive(Deserialize)]
pub(super) struct EntityData {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) disabled: bool,
    metadata: Option<HashMap<String, String>>,
    aliases: Option<Vec<Alias>>,
}

/// The name of an entity on an auth mount.
#[derive(Deserialize)]
pub(super) struct Alias {
    pub(super) name: String,
    /// As `auth/userpass/`; empty if the mount is gone.
    pub(super) mount_path: Option<String>,
    pub(super) mount_type: Option<String>,
}

/// What is known of the entity behind a token.
pub(super) enum Owner {
    /// The token has none.
    None,
    /// The token has one that is not found by its id, since it was merged into another. Vault
    /// accepts the token, and fills templates in its policies from that other one.
    Unknown,
    /// This one.
    Entity(EntityData),
}

/// How much longer a token lives, by Vault's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    /// It is past its end: while Vault loads its leases after a start, it still finds such a token.
    Ended,
    /// It is within its last second, or has just passed it.
    Ending,
    /// It lives on.
    Live,
}

impl TokenData {
    /// What kind of token this is, short of being the service's own.
    ///
    /// A token of another namespace names its own, or, seen from below, has no expiry without being
    /// root.
    pub(super) fn standing(&self, namespace: Option<&Namespace>) -> Result<Standing, VaultError> {
        let policies = || self.policies.iter().chain(&self.identity_policies).flatten();
        let has = |name| policies().any(|policy| policy == name);
        let own_path = self.namespace_path.as_deref().unwrap_or_default().trim_matches('/');
        let standing = if has("response-wrapping") {
            Standing::Wrapping
        } else if self.is_of_oidc_provider() {
            Standing::OidcAccess
        } else if self.policies.is_none() && !self.is_batch_of_auth_method() {
            return Err(VaultError::malformed("no policies"));
        } else if own_path != namespace.map_or("", Namespace::as_str) {
            Standing::ForeignNamespace
        } else if has("root") {
            Standing::Root
        } else if self.expire_time.is_none() && namespace.is_some() {
            Standing::ForeignNamespace
        } else {
            Standing::Ordinary
        };
        Ok(standing)
    }

    /// Whether Vault's OIDC provider has issued it: an access token for its userinfo endpoint, with
    /// a policy of its own that a lookup does not show.
    fn is_of_oidc_provider(&self) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        let path = path.strip_prefix("identity/").unwrap_or(path);
        let provider =
            path.strip_prefix("oidc/provider/").and_then(|path| path.strip_suffix("/token"));
        provider.is_some_and(|name| !name.is_empty() && !name.contains('/'))
    }

    /// Whether a login or a call of the token method has made it, as a batch token. Only such a one
    /// may be without policies of its own.
    fn is_batch_of_auth_method(&self) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        self.token_type.as_deref() == Some("batch") && path.starts_with("auth/")
    }

    /// How much longer it lives.
    pub(super) fn remaining(&self) -> Remaining {
        match (self.ttl, &self.expire_time) {
            (Some(..0), _) => Remaining::Ended,
            (Some(0), Some(_)) => Remaining::Ending,
            _ => Remaining::Live,
        }
    }

    /// Whether its last use was taken. Vault ends such a token a moment later, and until then finds
    /// it with a negative number of uses.
    pub(super) fn is_used_up(&self) -> bool {
        self.num_uses.is_some_and(i64::is_negative)
    }

    /// The facts, as of the moment at which Vault was asked. `people` is the auth mount that people
    /// use.
    pub(super) fn into_facts(
        self,
        standing: Standing,
        owner: &Owner,
        people: &str,
        asked: Instant,
    ) -> Result<Facts, VaultError> {
        let token_type = match self.token_type.as_deref() {
            Some("service") => TokenType::Service,
            Some("batch") => TokenType::Batch,
            _ => return Err(VaultError::malformed("an unknown type of token")),
        };
        let expiry = self.expiry(standing, asked)?;
        // Vault always tells both, and to take a missing one for none would be to guess.
        let usage = match self.num_uses.ok_or_else(|| VaultError::malformed("no num_uses"))? {
            0 => Usage::Unlimited,
            _ => Usage::Counted,
        };
        let entity_id = self.entity_id.ok_or_else(|| VaultError::malformed("no entity_id"))?;
        let bound_cidrs = networks(&self.bound_cidrs.unwrap_or_default())?;
        let policies = union(self.policies, self.identity_policies);
        let (subject, tenant) = match owner {
            // Vault may know another tenant for it, in the entity that is not seen from here.
            Owner::Unknown => (None, None),
            Owner::None => (None, tenant_of_policy(&policies)),
            Owner::Entity(entity) => {
                let tenant = match entity.tenant() {
                    Some(name) => TenantName::parse(name),
                    None => tenant_of_policy(&policies),
                };
                (subject(entity, people), tenant)
            }
        };
        Ok(Facts {
            accessor: self.accessor.unwrap_or_default().into(),
            token_type,
            standing,
            entity_id: Some(entity_id).filter(|id| !id.is_empty()).map(Into::into),
            subject,
            tenant,
            policies,
            expiry,
            usage,
            bound_cidrs,
        })
    }

    /// By Vault's relative `ttl`, so that its clock and ours need not agree. No `expire_time`
    /// means that the token never ends, which only a root token may; for one that is refused
    /// whatever it says, that is of no account.
    fn expiry(&self, standing: Standing, asked: Instant) -> Result<Expiry, VaultError> {
        let Some(text) = &self.expire_time else {
            return match standing {
                Standing::Ordinary => Err(VaultError::malformed("a token that never expires")),
                _ => Ok(Expiry::Never),
            };
        };
        let timestamp: Timestamp =
            text.parse().map_err(|_| VaultError::malformed("expire_time is no time"))?;
        let ttl = self.ttl.ok_or_else(|| VaultError::malformed("no ttl"))?;
        let ttl = u64::try_from(ttl).map_err(|_| VaultError::malformed("a ttl below zero"))?;
        let ttl = Duration::from_secs(ttl);
        let deadline = asked
            .checked_add(ttl)
            .ok_or_else(|| VaultError::malformed("a ttl that is out of range"))?;
        Ok(Expiry::At { timestamp, deadline })
    }
}

impl EntityData {
    /// As it was written, which may be no tenant's name. A policy does not make up for that.
    fn tenant(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("tenant").map(String::as_str)
    }

    /// Whether the tenant in the metadata would widen a templated path. Vault and OpenBao differ
    /// on such a token: OpenBao answers none of its requests.
    pub(super) fn has_a_tenant_that_widens(&self) -> bool {
        self.tenant().is_some_and(|tenant| tenant.contains(['/', '*', '+']))
    }

    /// Its names on auth mounts.
    pub(super) fn aliases(&self) -> &[Alias] {
        self.aliases.as_deref().unwrap_or_default()
    }
}

fn union(own: Option<Vec<String>>, identity: Option<Vec<String>>) -> Vec<Box<str>> {
    let all = own.into_iter().flatten().chain(identity.into_iter().flatten());
    let mut policies: Vec<Box<str>> = all.map(String::into_boxed_str).collect();
    policies.sort_unstable();
    policies.dedup();
    policies
}

/// The tenant that exactly one policy names.
fn tenant_of_policy(policies: &[Box<str>]) -> Option<TenantName> {
    let mut named = policies.iter().filter_map(|policy| tenant_from_policy(policy));
    match (named.next(), named.next()) {
        (Some(name), None) => TenantName::parse(name),
        _ => None,
    }
}

/// The networks that Vault tells of; one of a single host it writes as a bare address.
fn networks(cidrs: &[String]) -> Result<Vec<IpNet>, VaultError> {
    let each = cidrs.iter().map(|text| networks::parse(text));
    let all: Option<Vec<_>> = each.collect();
    let all = all.ok_or_else(|| VaultError::malformed("bound_cidrs holds no network"))?;
    Ok(all.into_iter().flatten().collect())
}
