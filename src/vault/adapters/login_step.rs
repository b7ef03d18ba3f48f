//! The conversion of Vault's answer to a login into a step of the login.

#[cfg(test)]
mod tests;

use secrecy::ExposeSecret;

use crate::{
    login::{LoginError, LoginStep, MfaRequirement, UnsuitableToken},
    token::{CallerToken, Credential},
    vault::{
        api::login_auth::{FactorConstraint, LoginAuth, LoginFactors},
        client::{FailureKind, VaultError},
    },
};

/// Vault's policy with which a token may look itself up, renew and revoke itself, and wrap.
const DEFAULT_POLICY: &str = "default";

/// Returns the step that a login has reached.
///
/// # Errors
/// Unavailable for an answer that Vault does not give: nothing is concluded from it.
pub(super) fn login_step(auth: LoginAuth) -> Result<LoginStep, LoginError> {
    let has_token = !auth.client_token.expose_secret().is_empty();
    match (has_token, auth.mfa_requirement) {
        (false, Some(factors)) => requirement(factors).map(LoginStep::MfaRequired),
        (true, None) => issued_token(LoginAuth { mfa_requirement: None, ..auth }),
        (true, Some(_)) => Err(malformed("a token although further factors are required")),
        (false, None) => Err(malformed("neither a token nor required factors")),
    }
}

fn issued_token(auth: LoginAuth) -> Result<LoginStep, LoginError> {
    match auth.token_type.as_str() {
        "service" => {}
        "batch" => return Err(LoginError::UnsuitableToken(UnsuitableToken::Batch)),
        _ => return Err(malformed("a token of another type")),
    }
    if auth.num_uses > 0 {
        return Err(LoginError::UnsuitableToken(UnsuitableToken::LimitedUses));
    }
    // The union of the token's own policies and those of its entity, which count as much.
    let policies = auth.policies.unwrap_or_default();
    if !policies.iter().any(|policy| policy == DEFAULT_POLICY) {
        return Err(LoginError::UnsuitableToken(UnsuitableToken::NoDefaultPolicy));
    }
    if Credential::from_text(auth.client_token.expose_secret()).is_none() {
        return Err(malformed("a token that no header may contain"));
    }
    Ok(LoginStep::LoggedIn(CallerToken::from(auth.client_token)))
}

/// Returns the methods that a passcode is needed for. One passcode serves all constraints that the
/// method satisfies.
fn requirement(factors: LoginFactors) -> Result<MfaRequirement, LoginError> {
    let LoginFactors { mfa_request_id: request_id, mfa_constraints: constraints } = factors;
    if request_id.is_empty() || constraints.is_empty() {
        return Err(malformed("an incomplete mfa_requirement"));
    }
    let mut methods = Vec::new();
    for (name, constraint) in constraints {
        let method = passcode_method(constraint).ok_or_else(|| {
            LoginError::Misconfigured(format!(
                "the MFA enforcement `{}` has no method with a passcode, and the login supports no \
                 others: add a TOTP method to it, or set use_passcode=true for its Duo method",
                name.escape_debug()
            ))
        })?;
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(MfaRequirement { request_id, methods })
}

/// Returns the first method that takes a passcode.
fn passcode_method(constraint: FactorConstraint) -> Option<String> {
    constraint.any.into_iter().find(|method| method.uses_passcode).map(|method| method.id)
}

/// Returns the error of an answer that Vault does not give.
pub(super) fn malformed(detail: &str) -> LoginError {
    LoginError::Unavailable(VaultError::malformed(detail).into())
}

/// Returns the error of a step that Vault did not carry out.
pub(super) fn login_error(error: VaultError) -> LoginError {
    match error.kind {
        FailureKind::UserRejected => LoginError::Rejected,
        FailureKind::LoginExpired | FailureKind::WrappingTokenInvalid => LoginError::Expired,
        FailureKind::LoginMisconfigured
        | FailureKind::MountNotFound
        | FailureKind::EndpointNotFound
        | FailureKind::NamespaceNotFound => LoginError::Misconfigured(error.to_string()),
        _ => LoginError::Unavailable(error.into()),
    }
}

/// Returns the error of a request that was made with a person's token. A token of a disabled entity
/// is rejected like one that does not exist.
pub(super) fn token_error(error: VaultError) -> LoginError {
    match error.kind {
        FailureKind::TokenRejected => LoginError::Rejected,
        FailureKind::PermissionDenied => {
            LoginError::UnsuitableToken(UnsuitableToken::NoDefaultPolicy)
        }
        _ => login_error(error),
    }
}
