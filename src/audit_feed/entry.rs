//! One entry of Vault's audit log, as far as it is used here.

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::scope::{self, BodyField, Completion, Scope};
use crate::{
    telemetry::KeyRotationOutcome,
    tenants::tenant_from_key,
    token::{AuditHash, Change, Invalidation, LookupHashes},
};

/// The errors of a request that Vault denied before it changed anything: the messages of OpenBao
/// and of HashiCorp Vault. Any other error may be a plugin's own, from a request that is partly
/// done.
const DENIALS: [&str; 3] = [
    "permission denied",
    "1 error occurred:\n\t* permission denied\n\n",
    "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
];

/// The members of an audit entry that are used here. A member that is added to this type, or to one
/// of its fields' types, has to be added to those that an [`EntryExcerpt`](super::excerpt::EntryExcerpt)
/// keeps.
///
/// The data of requests and responses is parsed only when it is needed: the caller chooses that of a
/// request, and it may be any JSON.
#[derive(Deserialize)]
pub(super) struct AuditEntry<'e> {
    #[serde(rename = "type")]
    kind: String,
    time: Option<String>,
    error: Option<String>,
    auth: Option<AuditAuth>,
    #[serde(borrow)]
    request: Option<AuditRequest<'e>>,
    #[serde(borrow)]
    response: Option<&'e RawValue>,
}

#[derive(Default, Deserialize)]
struct AuditAuth {
    accessor: Option<String>,
    entity_id: Option<String>,
    policies: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct AuditRequest<'e> {
    id: Option<String>,
    operation: Option<String>,
    path: String,
    mount_type: Option<String>,
    namespace: Option<AuditNamespace>,
    #[serde(borrow)]
    data: Option<&'e RawValue>,
}

#[derive(Deserialize)]
struct AuditNamespace {
    path: Option<String>,
}

#[derive(Deserialize)]
struct NamedToken {
    accessor: Option<String>,
    token: Option<String>,
}

#[derive(Deserialize)]
struct AuditResponse {
    data: Option<NamedToken>,
}

/// The content of an entry, as far as it is used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntrySummary {
    pub(super) stage: Stage,
    /// The id of the request, which both of its entries have.
    pub(super) request_id: Option<String>,
    /// The time of the entry, by Vault's clock.
    pub(super) time: Option<Timestamp>,
    /// The cached tokens that the request makes stale.
    pub(super) invalidation: Invalidation,
    /// True if Vault completes the change some time after its response.
    pub(super) is_unfinished: bool,
    /// The hashes of the token that the request looked up.
    pub(super) looked_up: Option<LookupHashes>,
    /// True for a lookup of the caller's own token.
    pub(super) is_self_lookup: bool,
    pub(super) rotation: Option<KeyRotationOutcome>,
}

/// The time at which Vault wrote an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before it carried out the request.
    Request,
    /// When it was done.
    Response,
}

impl AuditEntry<'_> {
    /// Returns the content of the entry; `None` for an entry of an unknown kind.
    pub(super) fn summarize(self) -> Option<EntrySummary> {
        let stage = match self.kind.as_str() {
            "request" => Stage::Request,
            "response" => Stage::Response,
            _ => return None,
        };
        let request = self.request.as_ref()?;
        let mut summary = EntrySummary {
            stage,
            request_id: request.id.clone().filter(|id| !id.is_empty()),
            time: self.time.as_deref().and_then(|time| time.parse().ok()),
            invalidation: Invalidation::default(),
            is_unfinished: false,
            looked_up: self.looked_up(stage),
            is_self_lookup: request.path_in_namespace() == "auth/token/lookup-self",
            rotation: self.rotation(stage),
        };
        let scope = request.scope();
        summary.is_unfinished = scope == Scope::AllTokens(Completion::InBackground);
        summary.invalidation = self.changes(&scope).into_iter().collect();
        Some(summary)
    }

    /// Returns the changes that a request with this scope makes, or may have made.
    fn changes(&self, scope: &Scope<'_>) -> Vec<Change> {
        let error = self.error.as_deref().unwrap_or_default();
        let is_authenticated = self.auth.as_ref().is_some_and(AuditAuth::is_authenticated);
        // A caller without a token must not cause lookups of all tokens.
        if !is_authenticated || DENIALS.contains(&error) {
            return Vec::new();
        }
        match scope {
            // A request that failed for another reason than a missing permission may be partly done, such
            // as the revocation of a prefix of leases.
            Scope::AllTokens(_) => vec![Change::AllTokens],
            Scope::AllEntities => vec![Change::AllEntities],
            Scope::None => Vec::new(),
            _ if !error.is_empty() => Vec::new(),
            Scope::Entity(id) => vec![Change::Entity((*id).to_owned())],
            Scope::EntityName(name) => vec![Change::EntityName((*name).to_owned())],
            Scope::EntityOfLogin => self.own_entity().map(Change::Entity).into_iter().collect(),
            Scope::Policy(name) => vec![Change::Policy((*name).to_owned())],
            Scope::TokenInBody(field) => vec![self.named_token(*field), Change::TokensWithParent],
            Scope::TokenOfCaller => vec![self.own_token(), Change::TokensWithParent],
            Scope::LifetimeOf(field) => vec![self.named_token(*field)],
            Scope::LifetimeOfCaller => vec![self.own_token()],
        }
    }

    /// Returns the change of the caller's token. A batch token has no accessor, and cannot be revoked.
    fn own_token(&self) -> Change {
        let accessor = self.auth.as_ref().and_then(|auth| auth.accessor.clone());
        accessor.map_or(Change::AllTokens, with_accessor)
    }

    fn own_entity(&self) -> Option<String> {
        self.auth.as_ref()?.entity_id.clone().filter(|id| !id.is_empty())
    }

    /// Returns the change of the token that the body names; all tokens if it names none.
    fn named_token(&self, field: BodyField) -> Change {
        let data = self.request.as_ref().and_then(|request| request.data);
        let Some(named) = data.and_then(|data| serde_json::from_str::<NamedToken>(data.get()).ok())
        else {
            return Change::AllTokens;
        };
        match (field, named.accessor, named.token) {
            (BodyField::Accessor, Some(accessor), _) => with_accessor(accessor),
            // Raw only if Vault was configured to write tokens to its log.
            (BodyField::Token, _, Some(token)) => {
                AuditHash::parse(&token).map_or(Change::AllTokens, Change::TokenHash)
            }
            _ => Change::AllTokens,
        }
    }

    /// Returns the hashes of the token, if the entry is the response to a lookup that found it.
    fn looked_up(&self, stage: Stage) -> Option<LookupHashes> {
        let request = self.request.as_ref().filter(|_| stage == Stage::Response)?;
        if request.path_in_namespace() != "auth/token/lookup" {
            return None;
        }
        let asked: NamedToken = serde_json::from_str(request.data?.get()).ok()?;
        let found: AuditResponse = serde_json::from_str(self.response?.get()).ok()?;
        Some(LookupHashes {
            token: AuditHash::parse(&asked.token?)?,
            accessor: AuditHash::parse(&found.data?.accessor?)?,
        })
    }

    /// Returns the outcome if the entry is the response to a rotation of a tenant's key that the caller may
    /// rotate.
    fn rotation(&self, stage: Stage) -> Option<KeyRotationOutcome> {
        let request = self.request.as_ref().filter(|_| stage == Stage::Response)?;
        let key = request.path_in_namespace().strip_suffix("/rotate")?;
        let (mount, name) = key.rsplit_once("/keys/")?;
        if mount.is_empty() || tenant_from_key(name).is_none() {
            return None;
        }
        match self.error.as_deref().unwrap_or_default() {
            "" => Some(KeyRotationOutcome::Ok),
            error if DENIALS.contains(&error) => None,
            _ => Some(KeyRotationOutcome::Failed),
        }
    }
}

impl AuditAuth {
    /// Returns true if the caller had a valid token. Batch tokens have no accessor.
    fn is_authenticated(&self) -> bool {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_set(&self.accessor)
            || is_set(&self.entity_id)
            || self.policies.as_ref().is_some_and(|policies| !policies.is_empty())
    }
}

impl AuditRequest<'_> {
    /// Returns the tokens that the request affects, if it succeeds.
    fn scope(&self) -> Scope<'_> {
        let (operation, mount_type) = (self.operation.as_deref(), self.mount_type.as_deref());
        scope::of_request(self.path_in_namespace(), operation, mount_type)
    }

    /// Returns the path without its namespace. Today's Vault writes it so; older versions may not.
    /// No namespace can have the name of a mount that is used here: those names are reserved.
    fn path_in_namespace(&self) -> &str {
        let namespace = self.namespace.as_ref().and_then(|namespace| namespace.path.as_deref());
        namespace
            .filter(|namespace| !namespace.is_empty())
            .and_then(|namespace| self.path.strip_prefix(namespace))
            .unwrap_or(&self.path)
    }
}

/// Returns the change of the token with this accessor, which is a hash unless `hmac_accessor` is false.
fn with_accessor(accessor: String) -> Change {
    match AuditHash::parse(&accessor) {
        Some(hash) => Change::AccessorHash(hash),
        None if accessor.is_empty() || accessor.starts_with("hmac-") => Change::AllTokens,
        None => Change::Accessor(accessor),
    }
}
