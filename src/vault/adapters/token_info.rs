//! The conversion of Vault's responses about a token and its entity into the domain's type.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use ipnet::IpNet;
use jiff::Timestamp;

use super::subject::subject;
use crate::{
    networks,
    tenants::{METADATA_KEY, TenantName, tenant_from_policy},
    token::{LookupSource, TokenExpiry, TokenInfo, TokenKind, TokenType, TokenUsage},
    vault::{
        api::{entity::TokenEntity, token::TokenLookupData},
        client::{Namespace, VaultError},
    },
};

/// The entity behind a token.
pub(in crate::vault) enum EntityResult {
    /// The token has no entity.
    NoEntity,
    /// The token has an entity that was not read, or is not found by its id, since it was merged
    /// into another one. Vault accepts the token, and fills templates in its policies from that
    /// other one.
    NotFound,
    /// The token has this entity.
    Found(TokenEntity),
}

/// The remaining lifetime of a token, as Vault reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    /// It has ended: while Vault loads its leases after a start, it still finds such a token.
    Ended,
    /// The token is within its last second, or has just passed it.
    Ending,
    /// It has not ended.
    Live,
}

impl EntityResult {
    /// Returns true if the tenant in the entity's metadata would widen a templated path. Vault and
    /// OpenBao differ on such a token: OpenBao rejects all of its requests.
    pub(super) fn has_unsafe_tenant(&self) -> bool {
        let Self::Found(entity) = self else { return false };
        entity.metadata(METADATA_KEY).is_some_and(|tenant| tenant.contains(['/', '*', '+']))
    }
}

impl TokenLookupData {
    /// Returns the kind of the token, apart from the service's own.
    ///
    /// A token of another namespace has that namespace's path, or, looked up from a child namespace,
    /// has no expiry without being root.
    pub(in crate::vault) fn token_kind(
        &self,
        namespace: Option<&Namespace>,
    ) -> Result<TokenKind, VaultError> {
        let policies = || self.policies.iter().chain(&self.identity_policies).flatten();
        let has = |name| policies().any(|policy| policy == name);
        let own_path = self.namespace_path.as_deref().unwrap_or_default().trim_matches('/');
        let kind = if has("response-wrapping") {
            TokenKind::Wrapping
        } else if self.is_of_oidc_provider() {
            TokenKind::OidcAccess
        } else if self.policies.is_none() && !self.is_batch_of_auth_method() {
            return Err(VaultError::malformed("no policies"));
        } else if own_path != namespace.map_or("", Namespace::as_str) {
            TokenKind::ForeignNamespace
        } else if has("root") {
            TokenKind::Root
        } else if self.expire_time.is_none() && namespace.is_some() {
            TokenKind::ForeignNamespace
        } else {
            TokenKind::Caller
        };
        Ok(kind)
    }

    /// Returns true if Vault's OIDC provider issued the token: an access token for its userinfo
    /// endpoint, with a policy of its own that a lookup does not show.
    fn is_of_oidc_provider(&self) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        let path = path.strip_prefix("identity/").unwrap_or(path);
        let provider =
            path.strip_prefix("oidc/provider/").and_then(|path| path.strip_suffix("/token"));
        provider.is_some_and(|name| !name.is_empty() && !name.contains('/'))
    }

    /// Returns true if it is a batch token that a login or the token method issued. Only such a token
    /// may have no policies of its own.
    fn is_batch_of_auth_method(&self) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        self.token_type.as_deref() == Some("batch") && path.starts_with("auth/")
    }

    /// Returns the remaining lifetime.
    pub(super) fn remaining(&self) -> Remaining {
        match (self.ttl, &self.expire_time) {
            (Some(..0), _) => Remaining::Ended,
            (Some(0), Some(_)) => Remaining::Ending,
            _ => Remaining::Live,
        }
    }

    /// Returns true if the last use of the token was consumed. Vault revokes such a token a moment
    /// later, and until then finds it with a negative number of uses.
    pub(super) fn is_used_up(&self) -> bool {
        self.num_uses.is_some_and(i64::is_negative)
    }

    /// Converts the response into the domain's type. `subject_mount` is the auth mount of people, and
    /// `requested` the time of the request.
    pub(in crate::vault) fn into_token_info(
        self,
        kind: TokenKind,
        entity: &EntityResult,
        subject_mount: &str,
        requested: Instant,
    ) -> Result<TokenInfo, VaultError> {
        let token_type = match self.token_type.as_deref() {
            Some("service") => TokenType::Service,
            Some("batch") => TokenType::Batch,
            _ => return Err(VaultError::malformed("the token type is unknown")),
        };
        let expiry = self.expiry(kind, requested)?;
        // Vault always reports both; a missing one must not be taken for none.
        let usage = match self.num_uses.ok_or_else(|| VaultError::malformed("no num_uses"))? {
            0 => TokenUsage::Unlimited,
            _ => TokenUsage::Limited,
        };
        let entity_id = self.entity_id.ok_or_else(|| VaultError::malformed("no entity_id"))?;
        let renewable_lifetime = match (self.renewable, self.creation_ttl.map(u64::try_from)) {
            (Some(true), Some(Ok(seconds))) => Some(Duration::from_secs(seconds)),
            _ => None,
        };
        let bound_cidrs = parse_networks(&self.bound_cidrs.unwrap_or_default())?;
        let policies = union(self.policies, self.identity_policies);
        let entity_name = match entity {
            EntityResult::Found(entity) => entity.name.as_deref().map(Into::into),
            EntityResult::NoEntity | EntityResult::NotFound => None,
        };
        let (subject, tenant) = match entity {
            // In Vault the token may have another tenant, that of the entity which was not found.
            EntityResult::NotFound => (None, None),
            EntityResult::NoEntity => (None, tenant_of_policy(&policies)),
            EntityResult::Found(entity) => {
                // A tenant in the metadata that is no valid name is not replaced by a policy's.
                let tenant = match entity.metadata(METADATA_KEY) {
                    Some(name) => TenantName::parse(name),
                    None => tenant_of_policy(&policies),
                };
                (subject(entity, subject_mount), tenant)
            }
        };
        Ok(TokenInfo {
            accessor: self.accessor.unwrap_or_default().into(),
            token_type,
            kind,
            entity_id: Some(entity_id).filter(|id| !id.is_empty()).map(Into::into),
            subject,
            tenant,
            policies,
            expiry,
            renewable_lifetime,
            usage,
            bound_cidrs,
            // Vault always reports it; a token that may have a parent is treated as if it had one.
            has_parent: self.orphan != Some(true),
            entity_name,
            source: LookupSource::default(),
        })
    }

    /// Returns the expiry by Vault's relative `ttl`, so that its clock and ours need not agree.
    /// Without an `expire_time` the token never expires, which is valid for a root token only; for
    /// one that is denied whatever its expiry, it does not matter.
    fn expiry(&self, kind: TokenKind, requested: Instant) -> Result<TokenExpiry, VaultError> {
        let Some(text) = &self.expire_time else {
            return match kind {
                TokenKind::Caller => Err(VaultError::malformed("a token that never expires")),
                _ => Ok(TokenExpiry::Never),
            };
        };
        let timestamp: Timestamp =
            text.parse().map_err(|_| VaultError::malformed("expire_time is not a time"))?;
        let ttl = self.ttl.ok_or_else(|| VaultError::malformed("no ttl"))?;
        let ttl = u64::try_from(ttl).map_err(|_| VaultError::malformed("ttl is negative"))?;
        let ttl = Duration::from_secs(ttl);
        let deadline = requested
            .checked_add(ttl)
            .ok_or_else(|| VaultError::malformed("ttl is out of range"))?;
        Ok(TokenExpiry::At { timestamp, deadline })
    }
}

fn union(own: Option<Vec<String>>, identity: Option<Vec<String>>) -> Vec<Box<str>> {
    let all = own.into_iter().flatten().chain(identity.into_iter().flatten());
    let mut policies: Vec<Box<str>> = all.map(String::into_boxed_str).collect();
    policies.sort_unstable();
    policies.dedup();
    policies
}

/// Returns the tenant of the only policy that is named for one.
fn tenant_of_policy(policies: &[Box<str>]) -> Option<TenantName> {
    let mut named = policies.iter().filter_map(|policy| tenant_from_policy(policy));
    match (named.next(), named.next()) {
        (Some(name), None) => TenantName::parse(name),
        _ => None,
    }
}

/// Parses networks; Vault writes one of a single host as an address.
fn parse_networks(cidrs: &[String]) -> Result<Vec<IpNet>, VaultError> {
    let each = cidrs.iter().map(|text| networks::parse(text));
    let all: Option<Vec<_>> = each.collect();
    let all = all.ok_or_else(|| VaultError::malformed("bound_cidrs has an invalid network"))?;
    Ok(all.into_iter().flatten().collect())
}
