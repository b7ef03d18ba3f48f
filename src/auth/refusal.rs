use std::time::Duration;

use http::StatusCode;

use crate::{
    auth::failure_limiter::FAILURE_WINDOW,
    forwarded::{ForwardedError, McpError},
    requirements::RequirementError,
    token::{CredentialError, TokenKind, Unavailable, UnavailableReason},
};

/// The reason why a request is denied. The enum is closed: there is no other way to deny a request.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The route's requirements are invalid.
    RequirementInvalid(RequirementError),
    /// The request is one that no proxy should forward; describes the error.
    RequestInvalid(String),
    /// The request is no MCP call that its headers describe.
    McpInvalid(McpError),
    /// The request has no usable credential.
    Credential(CredentialError),
    /// Vault rejects the token: unknown, expired, revoked, or of a disabled entity.
    TokenInvalid,
    /// The token is valid, but its kind does not identify a caller.
    TokenNotAllowed(TokenKind),
    /// The token is valid, but has a use limit and bound addresses: its uses cannot be counted from
    /// the validator's own address.
    LimitedUseWithBoundCidrs,
    /// The token may not be used from the client's address.
    AddressNotAllowed,
    /// Vault does not grant the caller the capability that the route requires.
    AclDenied,
    /// The path of the request is ambiguous.
    PathAmbiguous,
    /// The request is made with a session cookie, may change something, and comes from another origin.
    CrossSite,
    /// The client's address has sent too many invalid tokens.
    TooManyFailures,
    /// The token has none of the policies that the route requires.
    PolicyRequired,
    /// The caller belongs to another tenant, or to none.
    TenantMismatch,
    /// Vault is unavailable, so the token's state is unknown.
    Unavailable(Unavailable),
    /// The decision cannot be logged, and has to be.
    DecisionLogUnavailable,
    /// An internal error: a panic was caught.
    Internal,
}

/// The response, metric label and log severity of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct ProblemSpec {
    /// The status of the response.
    pub status: StatusCode,
    /// The machine-readable code; also the `reason` label in metrics.
    pub code: &'static str,
    /// The human-readable title.
    pub title: &'static str,
    /// The `WWW-Authenticate` header.
    pub challenge: Challenge,
    /// The value of `Retry-After`, if a retry can succeed.
    pub retry_after: Option<Duration>,
    /// The severity, which sets the log level.
    pub severity: RefusalSeverity,
}

/// The `WWW-Authenticate` header of a refusal (RFC 6750, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No header: the credential is not the problem.
    None,
    /// `Bearer` without an error: a credential is required.
    Bearer,
    /// `error="invalid_token"`: the credential is invalid.
    InvalidToken,
    /// `error="insufficient_scope"`: the credential is valid but not sufficient.
    InsufficientScope,
}

/// The cause of a refusal, which sets its log level and its `result` label in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalSeverity {
    /// The client: logged at info.
    Client,
    /// A dependency that is unavailable: logged at warn.
    Dependency,
    /// The operator, who has to fix something: logged at error.
    Operator,
    /// A fault of this program: logged at error.
    Internal,
}

/// A class of refusals with the same status, challenge and severity.
enum RefusalClass {
    /// The proxy's configuration is invalid.
    Misconfigured,
    /// The request is invalid.
    Malformed,
    /// No credential was sent.
    MissingCredential,
    /// The credential is invalid.
    Unauthenticated,
    /// The credential is valid but not sufficient.
    Forbidden,
    /// Rate limited; retry after this many seconds.
    Limited(u64),
    /// The token's state is unknown; retry after this many seconds.
    Unavailable(u64),
    /// An internal error.
    Failed,
}

impl Refusal {
    /// Returns the status, code, title, challenge and severity of this refusal: the one table of
    /// codes.
    #[must_use]
    pub fn problem_spec(&self) -> ProblemSpec {
        use RefusalClass::{
            Failed, Forbidden, Limited, Malformed, Misconfigured, MissingCredential,
            Unauthenticated,
        };
        let (class, code, title) = match self {
            Self::RequirementInvalid(_) => {
                (Misconfigured, "requirement_invalid", "The requirements of this route are invalid")
            }
            Self::RequestInvalid(_)
            | Self::McpInvalid(_)
            | Self::Credential(CredentialError::UnknownHost) => {
                (Malformed, "request_invalid", "The request is invalid")
            }
            Self::Credential(CredentialError::Missing) => {
                (MissingCredential, "credential_missing", "A credential is required")
            }
            Self::Credential(CredentialError::Malformed) => {
                (Unauthenticated, "credential_malformed", "The credential is malformed")
            }
            Self::Credential(CredentialError::Conflict) => (
                Unauthenticated,
                "credential_conflict",
                "The request contains conflicting credentials",
            ),
            Self::TokenInvalid => (Unauthenticated, "token_invalid", "The token is not valid"),
            Self::TokenNotAllowed(_) | Self::LimitedUseWithBoundCidrs => {
                (Forbidden, "token_not_allowed", "Tokens of this kind are not accepted")
            }
            Self::AddressNotAllowed => {
                (Forbidden, "address_not_allowed", "The token cannot be used from this address")
            }
            Self::PolicyRequired => {
                (Forbidden, "policy_required", "The token lacks a required policy")
            }
            Self::TenantMismatch => {
                (Forbidden, "tenant_mismatch", "The token does not belong to this tenant")
            }
            Self::AclDenied => (Forbidden, "acl_denied", "Vault's policies deny this request"),
            Self::CrossSite => (Forbidden, "cross_site", "The request comes from another site"),
            Self::PathAmbiguous => (Forbidden, "path_ambiguous", "The path is ambiguous"),
            Self::TooManyFailures => {
                (Limited(FAILURE_WINDOW.as_secs()), "too_many_failures", "Too many invalid tokens")
            }
            Self::Unavailable(Unavailable { reason, .. }) => unavailable_terms(*reason),
            Self::DecisionLogUnavailable => (
                RefusalClass::Unavailable(2),
                "decision_log_unavailable",
                "The decision log is unavailable",
            ),
            Self::Internal => (Failed, "internal_error", "Internal error"),
        };
        class.problem_spec(code, title)
    }

    /// Returns true if the caller may be allowed after a login. A request with conflicting credentials
    /// is not made by a person.
    #[must_use]
    pub fn asks_for_login(&self) -> bool {
        matches!(
            self,
            Self::Credential(CredentialError::Missing | CredentialError::Malformed)
                | Self::TokenInvalid
        )
    }

    /// Returns details for operators beyond the code, if any. Never contains a secret.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::RequirementInvalid(error) => Some(error.to_string()),
            Self::RequestInvalid(error) => Some(error.clone()),
            Self::McpInvalid(error) => Some(error.to_string()),
            Self::Credential(CredentialError::UnknownHost) => Some(
                "a session cookie is for one host, and X-Forwarded-Host is missing, occurs more than \
                 once or is malformed, or its sender is not in VALIDATOR_TRUSTED_PROXIES"
                    .to_owned(),
            ),
            Self::TokenNotAllowed(kind) => disallowed_reason(*kind).map(str::to_owned),
            Self::LimitedUseWithBoundCidrs => Some(
                "its uses and its addresses are limited: Vault would check the validator's address \
                 when it counts a use"
                    .to_owned(),
            ),
            Self::Unavailable(unavailable) => Some(unavailable.detail.to_string()),
            _ => None,
        }
    }
}

/// Returns the class, the code and the title.
fn unavailable_terms(reason: UnavailableReason) -> (RefusalClass, &'static str, &'static str) {
    use RefusalClass::Unavailable as Unknown;
    match reason {
        UnavailableReason::NoValidResponse | UnavailableReason::Misconfigured => {
            (Unknown(2), "vault_unavailable", "Vault is unavailable")
        }
        UnavailableReason::Sealed => (Unknown(5), "vault_sealed", "Vault is sealed"),
        UnavailableReason::Throttled => {
            (Unknown(2), "vault_throttled", "Vault is rate limiting requests")
        }
        UnavailableReason::NotReady => (Unknown(2), "not_ready", "The service is not ready"),
        UnavailableReason::Overloaded => (Unknown(1), "overloaded", "The service is overloaded"),
    }
}

fn disallowed_reason(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Caller => None,
        TokenKind::Root => Some("it is a root token; VALIDATOR_ALLOW_ROOT=true accepts these"),
        TokenKind::Wrapping => Some("it is a response-wrapping token"),
        TokenKind::OidcAccess => Some("it is an access token of Vault's OIDC provider"),
        TokenKind::ServiceToken => Some("it is the validator's own token"),
        TokenKind::UnsafeTenantMetadata => Some(
            "its entity's metadata `tenant` contains `/`, `*` or `+`, and is not a tenant's name",
        ),
        TokenKind::ForeignNamespace => Some("it belongs to another namespace than VAULT_NAMESPACE"),
    }
}

impl RefusalClass {
    fn problem_spec(self, code: &'static str, title: &'static str) -> ProblemSpec {
        let (status, challenge, severity) = match self {
            Self::Misconfigured => {
                (StatusCode::BAD_REQUEST, Challenge::None, RefusalSeverity::Operator)
            }
            Self::Malformed => (StatusCode::BAD_REQUEST, Challenge::None, RefusalSeverity::Client),
            Self::MissingCredential => {
                (StatusCode::UNAUTHORIZED, Challenge::Bearer, RefusalSeverity::Client)
            }
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, Challenge::InvalidToken, RefusalSeverity::Client)
            }
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, Challenge::InsufficientScope, RefusalSeverity::Client)
            }
            Self::Limited(_) => {
                (StatusCode::TOO_MANY_REQUESTS, Challenge::None, RefusalSeverity::Client)
            }
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, Challenge::None, RefusalSeverity::Dependency)
            }
            Self::Failed => {
                (StatusCode::INTERNAL_SERVER_ERROR, Challenge::None, RefusalSeverity::Internal)
            }
        };
        let retry_after = match self {
            Self::Limited(seconds) | Self::Unavailable(seconds) => {
                Some(Duration::from_secs(seconds))
            }
            _ => None,
        };
        ProblemSpec { status, code, title, challenge, retry_after, severity }
    }
}

impl RefusalSeverity {
    /// Returns the `result` label of refused requests in metrics.
    #[must_use]
    pub fn result_label(self) -> &'static str {
        match self {
            Self::Dependency | Self::Internal => "unknown",
            Self::Client | Self::Operator => "deny",
        }
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl From<ForwardedError> for Refusal {
    fn from(error: ForwardedError) -> Self {
        Self::RequestInvalid(error.to_string())
    }
}

impl From<McpError> for Refusal {
    fn from(error: McpError) -> Self {
        Self::McpInvalid(error)
    }
}
