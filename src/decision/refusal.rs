use std::time::Duration;

use http::StatusCode;

use crate::{
    requirement::RequirementError,
    token::{Cause, CredentialError, Standing, Unavailable},
};

/// Why a request does not come in. There is no other way to be refused.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The route's requirements cannot be read.
    RequirementInvalid(RequirementError),
    /// A request that no proxy should forward; says what is wrong with it.
    RequestInvalid(&'static str),
    /// There is no usable credential.
    Credential(CredentialError),
    /// Vault refuses the token: unknown, expired, revoked, or of a disabled entity.
    TokenInvalid,
    /// A live token of a kind that is nobody's identity.
    TokenNotAllowed(Standing),
    /// The token may not be used from the client's address.
    AddressNotAllowed,
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

impl Refusal {
    /// What this refusal means, to everyone: the one table of statuses, codes and log levels.
    #[must_use]
    pub fn terms(&self) -> Terms {
        match self {
            Self::RequirementInvalid(_) => Terms::mistaken(
                "requirement_invalid",
                "The requirements of this route cannot be read",
                Severity::Operator,
            ),
            Self::RequestInvalid(_) => {
                Terms::mistaken("request_invalid", "The request cannot be judged", Severity::Client)
            }
            Self::Credential(CredentialError::Missing) => Terms::unknown_caller(
                "credential_missing",
                "A credential is needed",
                Challenge::Bare,
            ),
            Self::Credential(CredentialError::Malformed) => Terms::unknown_caller(
                "credential_malformed",
                "The credential is malformed",
                Challenge::InvalidToken,
            ),
            Self::Credential(CredentialError::Conflict) => Terms::unknown_caller(
                "credential_conflict",
                "The request carries different credentials",
                Challenge::InvalidToken,
            ),
            Self::TokenInvalid => Terms::unknown_caller(
                "token_invalid",
                "The token is not valid",
                Challenge::InvalidToken,
            ),
            Self::TokenNotAllowed(_) => {
                Terms::forbidden("token_not_allowed", "A token of this kind cannot be used here")
            }
            Self::AddressNotAllowed => Terms::forbidden(
                "address_not_allowed",
                "The token cannot be used from this address",
            ),
            Self::PolicyRequired => {
                Terms::forbidden("policy_required", "The token lacks a policy that is needed here")
            }
            Self::TenantMismatch => {
                Terms::forbidden("tenant_mismatch", "The token belongs to another tenant")
            }
            Self::Unavailable(Unavailable { cause, .. }) => match cause {
                Cause::Vault => {
                    Terms::away("vault_unavailable", "The authority cannot be reached", 2)
                }
                Cause::Sealed => Terms::away("vault_sealed", "The authority is sealed", 5),
                Cause::Throttled => {
                    Terms::away("vault_throttled", "The authority asks for patience", 2)
                }
                Cause::NotReady => Terms::away("not_ready", "The service is not ready", 2),
            },
            Self::Internal => Terms {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                severity: Severity::Operator,
                ..Terms::mistaken("internal_error", "The service failed", Severity::Operator)
            },
        }
    }

    /// What an operator needs to know beyond the code, if anything. Never holds a secret.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::RequirementInvalid(error) => Some(error.to_string()),
            Self::RequestInvalid(what) => Some((*what).to_owned()),
            Self::TokenNotAllowed(standing) => Some(why_not(*standing).to_owned()),
            Self::Unavailable(unavailable) => Some(unavailable.detail.to_string()),
            _ => None,
        }
    }
}

fn why_not(standing: Standing) -> &'static str {
    match standing {
        Standing::Ordinary => "the number of its uses is limited",
        Standing::Root => "it is a root token; VALIDATOR_ALLOW_ROOT would let it in",
        Standing::Wrapping => "it is a response-wrapping token",
        Standing::OidcAccess => "it is an access token of Vault's OIDC provider",
        Standing::Own => "it is the validator's own token",
        Standing::ForeignNamespace => "it is of another namespace than VAULT_NAMESPACE names",
    }
}

impl Terms {
    fn mistaken(code: &'static str, title: &'static str, severity: Severity) -> Self {
        let (status, challenge, retry_after) = (StatusCode::BAD_REQUEST, Challenge::Absent, None);
        Self { status, code, title, challenge, retry_after, severity }
    }

    fn unknown_caller(code: &'static str, title: &'static str, challenge: Challenge) -> Self {
        let (status, retry_after, severity) = (StatusCode::UNAUTHORIZED, None, Severity::Client);
        Self { status, code, title, challenge, retry_after, severity }
    }

    fn forbidden(code: &'static str, title: &'static str) -> Self {
        let challenge = Challenge::InsufficientScope;
        Self {
            status: StatusCode::FORBIDDEN,
            challenge,
            ..Self::unknown_caller(code, title, challenge)
        }
    }

    fn away(code: &'static str, title: &'static str, seconds: u64) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code,
            title,
            challenge: Challenge::Absent,
            retry_after: Some(Duration::from_secs(seconds)),
            severity: Severity::Dependency,
        }
    }
}
