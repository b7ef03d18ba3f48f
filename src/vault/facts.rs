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
    tenants::TenantName,
    token::{Expiry, Facts, Standing, TokenType, Usage},
    vault::{Namespace, error::VaultError},
};

/// The `data` of `auth/token/lookup`. Without `Debug`, since it holds the token.
#[derive(Deserialize)]
pub(super) struct TokenData {
    pub(super) accessor: Option<String>,
    #[serde(rename = "type")]
    token_type: Option<String>,
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
    name: Option<String>,
    pub(super) disabled: bool,
    metadata: Option<HashMap<String, String>>,
    aliases: Option<Vec<Alias>>,
}

#[derive(Deserialize)]
struct Alias {
    name: String,
}

impl TokenData {
    /// What kind of token this is, short of being the service's own.
    ///
    /// `policies` is null only for access tokens of the OIDC provider. A token of another
    /// namespace names its own, or, seen from below, has no expiry without being root.
    pub(super) fn standing(&self, namespace: Option<&Namespace>) -> Standing {
        let has = |name| self.policies.iter().flatten().any(|policy| policy == name);
        let own_path = self.namespace_path.as_deref().unwrap_or_default().trim_matches('/');
        let provider = self.path.as_deref().is_some_and(|path| path.contains("oidc/provider/"));
        if has("response-wrapping") {
            Standing::Wrapping
        } else if self.policies.is_none() || provider {
            Standing::OidcAccess
        } else if own_path != namespace.map_or("", Namespace::as_str) {
            Standing::ForeignNamespace
        } else if has("root") {
            Standing::Root
        } else if self.expire_time.is_none() && namespace.is_some() {
            Standing::ForeignNamespace
        } else {
            Standing::Ordinary
        }
    }

    /// Whether its last use was taken. Vault ends such a token a moment later, and until then finds
    /// it with a negative number of uses.
    pub(super) fn is_used_up(&self) -> bool {
        self.num_uses.is_some_and(i64::is_negative)
    }

    /// The facts, as of the moment at which Vault was asked.
    pub(super) fn into_facts(
        self,
        standing: Standing,
        entity: Option<&EntityData>,
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
        let subject = entity.and_then(EntityData::subject);
        let tenant = match entity.and_then(EntityData::tenant) {
            Some(name) => TenantName::parse(name),
            None => tenant_of_policy(&policies),
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
        let ttl = Duration::from_secs(u64::try_from(ttl).unwrap_or(0));
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

    fn subject(&self) -> Option<Box<str>> {
        let name = match self.aliases.as_deref() {
            Some([only]) => Some(only.name.as_str()),
            _ => self.name.as_deref(),
        };
        name.filter(|name| !name.is_empty()).map(Into::into)
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
    let mut named = policies.iter().filter_map(|policy| policy.strip_prefix("tenant-"));
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
