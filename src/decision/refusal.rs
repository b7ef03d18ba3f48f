use std::time::Duration;

use http::StatusCode;

use crate::{
    decision::failures::WINDOW,
    forwarded::ForwardedError,
    requirement::RequirementError,
    token::{Cause, CredentialError, Standing, Unavailable},
};

/// Why a request does not come in. There is no other way to be refused.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The route's requirements cannot be read.
    RequirementInvalid(RequirementError),
    /// A request that no proxy should forward; says what is wrong with it.
    RequestInvalid(String),
    /// There is no usable credential.
    Credential(CredentialError),
    /// Vault refuses the token: unknown, expired, revoked, or of a disabled entity.
    TokenInvalid,
    /// A live token of a kind that is nobody's identity.
    TokenNotAllowed(Standing),
    /// A live token whose uses are limited, and cannot be counted from here because the
    /// addresses it may be used from are limited too.
    TokenUncountable,
    /// The token may not be used from the client's address.
    AddressNotAllowed,
    /// Vault does not grant the caller what the route asks for.
    AclDenied,
    /// The path of the request could be read in more than one way.
    PathAmbiguous,
    /// Too many tokens that Vault refuses came from the client's address.
    TooManyFailures,
    /// The token has none of the policies that the route asks for.
    PolicyRequired,
    /// The caller is of another tenant, or of none.
    TenantMismatch,
    /// Vault's word could not be had.
    Unavailable(Unavailable),
    /// This program broke. It refuses, and lives on.
    Internal,
}

/// What a refusal means to a client and to an operator.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The status of the response.
    pub status: StatusCode,
    /// The name by which programs know the refusal; also the reason in metrics.
    pub code: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// What `WWW-Authenticate` says.
    pub challenge: Challenge,
    /// How long a client should wait before it tries again, if that can help.
    pub retry_after: Option<Duration>,
    /// How loud the log is.
    pub severity: Severity,
}

/// The `WWW-Authenticate` header of a refusal (RFC 6750, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// None: the client's credential is not at issue.
    Absent,
    /// A credential is asked for.
    Bare,
    /// The credential that was given is no good.
    InvalidToken,
    /// It is good, and not enough here.
    InsufficientScope,
}

/// Whose attention a refusal deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The client's affair.
    Client,
    /// Something that the service depends on is away.
    Dependency,
    /// The operator has to mend something.
    Operator,
}

/// What refusals of one kind have in common.
enum Kind {
    /// The proxy's configuration is at fault.
    Misconfigured,
    /// The request is.
    Malformed,
    /// Nobody said who they are.
    Anonymous,
    /// Somebody did, and it does not hold.
    Unauthenticated,
    /// It holds, and is not enough here.
    Forbidden,
    /// There has been too much of this; again after so many seconds.
    Limited(u64),
    /// It is not known; perhaps after so many seconds.
    Away(u64),
    /// This program broke.
    Broken,
}

impl Refusal {
    /// What this refusal means, to everyone: the one table of codes and their kinds.
    #[must_use]
    pub fn terms(&self) -> Terms {
        use Kind::{
            Anonymous, Away, Broken, Forbidden, Limited, Malformed, Misconfigured, Unauthenticated,
        };
        let (kind, code, title) = match self {
            Self::RequirementInvalid(_) => (
                Misconfigured,
                "requirement_invalid",
                "The requirements of this route cannot be read",
            ),
            Self::RequestInvalid(_) => {
                (Malformed, "request_invalid", "The request cannot be judged")
            }
            Self::Credential(CredentialError::Missing) => {
                (Anonymous, "credential_missing", "A credential is needed")
            }
            Self::Credential(CredentialError::Malformed) => {
                (Unauthenticated, "credential_malformed", "The credential is malformed")
            }
            Self::Credential(CredentialError::Conflict) => (
                Unauthenticated,
                "credential_conflict",
                "The request carries different credentials",
            ),
            Self::TokenInvalid => (Unauthenticated, "token_invalid", "The token is not valid"),
            Self::TokenNotAllowed(_) | Self::TokenUncountable => {
                (Forbidden, "token_not_allowed", "A token of this kind cannot be used here")
            }
            Self::AddressNotAllowed => {
                (Forbidden, "address_not_allowed", "The token cannot be used from this address")
            }
            Self::PolicyRequired => {
                (Forbidden, "policy_required", "The token lacks a policy that is needed here")
            }
            Self::TenantMismatch => {
                (Forbidden, "tenant_mismatch", "The token does not belong to this tenant")
            }
            Self::AclDenied => (Forbidden, "acl_denied", "The token is not granted this"),
            Self::PathAmbiguous => {
                (Forbidden, "path_ambiguous", "The path can be read in more than one way")
            }
            Self::TooManyFailures => {
                (Limited(WINDOW.as_secs()), "too_many_failures", "Too many tokens were not valid")
            }
            Self::Unavailable(Unavailable { cause, .. }) => match cause {
                Cause::Vault => (Away(2), "vault_unavailable", "The authority cannot be reached"),
                Cause::Sealed => (Away(5), "vault_sealed", "The authority is sealed"),
                Cause::Throttled => (Away(2), "vault_throttled", "The authority asks for patience"),
                Cause::NotReady => (Away(2), "not_ready", "The service is not ready"),
                Cause::Overloaded => (Away(1), "overloaded", "The service has too much to do"),
            },
            Self::Internal => (Broken, "internal_error", "The service failed"),
        };
        kind.terms(code, title)
    }

    /// What an operator needs to know beyond the code, if anything. Never holds a secret.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::RequirementInvalid(error) => Some(error.to_string()),
            Self::RequestInvalid(what) => Some(what.clone()),
            Self::TokenNotAllowed(standing) => why_not(*standing).map(str::to_owned),
            Self::TokenUncountable => Some(
                "its uses are limited and so are its addresses: Vault would count a use against \
                 the validator's address"
                    .to_owned(),
            ),
            Self::Unavailable(unavailable) => Some(unavailable.detail.to_string()),
            _ => None,
        }
    }
}

fn why_not(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Ordinary => None,
        Standing::Root => Some("it is a root token; VALIDATOR_ALLOW_ROOT would let it in"),
        Standing::Wrapping => Some("it is a response-wrapping token"),
        Standing::OidcAccess => Some("it is an access token of Vault's OIDC provider"),
        Standing::Own => Some("it is the validator's own token"),
        Standing::Widening => Some(
            "its entity's metadata `tenant` has `/`, `*` or `+` in it, and is no tenant's name",
        ),
        Standing::ForeignNamespace => {
            Some("it is of another namespace than the one that VAULT_NAMESPACE names")
        }
    }
}

impl Kind {
    fn terms(self, code: &'static str, title: &'static str) -> Terms {
        let (status, challenge, severity) = match self {
            Self::Misconfigured => (StatusCode::BAD_REQUEST, Challenge::Absent, Severity::Operator),
            Self::Malformed => (StatusCode::BAD_REQUEST, Challenge::Absent, Severity::Client),
            Self::Anonymous => (StatusCode::UNAUTHORIZED, Challenge::Bare, Severity::Client),
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, Challenge::InvalidToken, Severity::Client)
            }
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, Challenge::InsufficientScope, Severity::Client)
            }
            Self::Limited(_) => {
                (StatusCode::TOO_MANY_REQUESTS, Challenge::Absent, Severity::Client)
            }
            Self::Away(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, Challenge::Absent, Severity::Dependency)
            }
            Self::Broken => {
                (StatusCode::INTERNAL_SERVER_ERROR, Challenge::Absent, Severity::Operator)
            }
        };
        let retry_after = match self {
            Self::Limited(seconds) | Self::Away(seconds) => Some(Duration::from_secs(seconds)),
            _ => None,
        };
        Terms { status, code, title, challenge, retry_after, severity }
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
