//! The messages of the logins of people: passwords, passcodes, `OpenID` providers and tickets.

use super::{
    FailureKind, KnownMessage,
    Operation::{MfaValidation, OidcCallback, OidcStart, TicketUnwrap, Unwrap, UserLogin},
};

/// The message of a login that one of the required factors does not satisfy. Errors of the provider
/// of a factor have the same form and status.
macro_rules! unsatisfied_factor {
    ($reason:literal) => {
        concat!(
            "failed to satisfy enforcement {word} error: 2 errors occurred:\n\t* ",
            $reason,
            "\n\t* login MFA validation failed for methodID: {text}\n\n"
        )
    };
}

/// The known messages, which take precedence over those of all operations.
pub(super) const LOGIN_MESSAGES: &[KnownMessage] = &[
    // The first is for an unknown user and for a wrong password. The second is for a user who is
    // locked out or disabled or may not log in from this address, and for a mount that does not exist.
    (&[UserLogin], 400, "invalid username or password", FailureKind::UserRejected),
    (&[UserLogin, OidcCallback], 403, "permission denied", FailureKind::UserRejected),
    // Of LDAP. The first is about the account that Vault itself searches the directory with.
    (
        &[UserLogin],
        400,
        "ldap operation failed: failed to bind with the BindDN user",
        FailureKind::LoginMisconfigured,
    ),
    (&[UserLogin], 400, "ldap operation failed: {text}", FailureKind::UserRejected),
    // A passcode that is wrong or was used before. The first message is OpenBao's, the next two are
    // HashiCorp's and those of older versions of OpenBao.
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!("MFA credentials not supplied or incorrect"),
        FailureKind::UserRejected,
    ),
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!("failed to validate TOTP passcode"),
        FailureKind::UserRejected,
    ),
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!("code already used; new code is available in {number} seconds"),
        FailureKind::UserRejected,
    ),
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!(
            "maximum TOTP validation attempts {number} exceeded the allowed attempts {number}. \
             Please try again in {word} seconds"
        ),
        FailureKind::UserRejected,
    ),
    // A person without a secret for the method.
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!(
            "MFA secret for method name \"{path}\" not present in entity \"{path}\""
        ),
        FailureKind::UserRejected,
    ),
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!("MFA secret for method ID \"{path}\" not present in entity \"{path}\""),
        FailureKind::UserRejected,
    ),
    (
        &[MfaValidation],
        403,
        unsatisfied_factor!("duo authentication failed: {text}"),
        FailureKind::UserRejected,
    ),
    // The factors that are required have changed since the login began.
    (
        &[MfaValidation],
        403,
        "failed to satisfy enforcement {word} error: failed to sanitize MFA creds, 1 error \
         occurred:\n\t* failed to find MFA credentials associated with an MFA method ID {text}\n\n",
        FailureKind::LoginExpired,
    ),
    (&[MfaValidation], 400, "invalid request ID", FailureKind::LoginExpired),
    // Vault has dropped the state, also after a callback that failed.
    (
        &[OidcCallback],
        400,
        "OpenBao login failed. Expired or missing OAuth state.",
        FailureKind::LoginExpired,
    ),
    (
        &[OidcCallback],
        400,
        "Vault login failed. Expired or missing OAuth state.",
        FailureKind::LoginExpired,
    ),
    (&[OidcCallback], 400, "invalid client_nonce", FailureKind::LoginExpired),
    // Claims that are missing or do not match those that the role requires. HashiCorp's messages
    // have no first sentence.
    (
        &[OidcCallback],
        400,
        "OpenBao login failed. error validating claims: {text}",
        FailureKind::UserRejected,
    ),
    (&[OidcCallback], 400, "error validating claims: {text}", FailureKind::UserRejected),
    (
        &[OidcCallback],
        400,
        "OpenBao login failed. claim \"{path}\" not found in token",
        FailureKind::UserRejected,
    ),
    (&[OidcCallback], 400, "claim \"{path}\" not found in token", FailureKind::UserRejected),
    (
        &[OidcCallback],
        400,
        "OpenBao login failed. failed to fetch groups: \"{path}\" claim not found in token",
        FailureKind::UserRejected,
    ),
    (
        &[OidcCallback],
        400,
        "failed to fetch groups: \"{path}\" claim not found in token",
        FailureKind::UserRejected,
    ),
    (
        &[OidcCallback],
        400,
        "OpenBao login failed. sub claim does not match bound subject",
        FailureKind::UserRejected,
    ),
    // No such mount, or one of another type.
    (&[OidcStart], 403, "permission denied", FailureKind::LoginMisconfigured),
    (&[OidcStart], 400, "could not load configuration", FailureKind::LoginMisconfigured),
    (&[OidcStart], 400, "missing role", FailureKind::LoginMisconfigured),
    (&[OidcStart], 400, "role \"{path}\" could not be found", FailureKind::LoginMisconfigured),
    (
        &[OidcStart],
        400,
        "OIDC login is not configured for this mount",
        FailureKind::LoginMisconfigured,
    ),
    (
        &[UserLogin, OidcStart, OidcCallback],
        404,
        "unsupported path",
        FailureKind::LoginMisconfigured,
    ),
    (
        &[Unwrap, TicketUnwrap],
        400,
        "wrapping token is not valid or does not exist",
        FailureKind::WrappingTokenInvalid,
    ),
    // Of a text in the form of a JWT that Vault did not sign.
    (
        &[TicketUnwrap],
        403,
        "error validating wrapping token: wrapping token could not be parsed: {text}",
        FailureKind::WrappingTokenInvalid,
    ),
    (
        &[TicketUnwrap],
        403,
        "error validating wrapping token: wrapping token signature could not be validated: {text}",
        FailureKind::WrappingTokenInvalid,
    ),
    // Another request used the wrapping token between two checks of this one.
    (
        &[TicketUnwrap],
        400,
        "no information found; wrapping token may be from a previous {word} version",
        FailureKind::WrappingTokenInvalid,
    ),
    (
        &[TicketUnwrap],
        500,
        "no information found; wrapping token may be from a previous {word} version",
        FailureKind::WrappingTokenInvalid,
    ),
    (
        &[TicketUnwrap],
        500,
        "1 error occurred:\n\t* internal error\n\n",
        FailureKind::WrappingTokenInvalid,
    ),
    (&[TicketUnwrap], 500, "internal error", FailureKind::WrappingTokenInvalid),
    (&[TicketUnwrap], 500, "cannot find token entry", FailureKind::WrappingTokenInvalid),
    (
        &[TicketUnwrap],
        500,
        "1 error occurred:\n\t* error decrementing wrapping token's use-count: {text}\n\n",
        FailureKind::WrappingTokenInvalid,
    ),
    (
        &[TicketUnwrap],
        500,
        "error decrementing wrapping token's use-count: {text}",
        FailureKind::WrappingTokenInvalid,
    ),
    (
        &[TicketUnwrap],
        403,
        "1 error occurred:\n\t* permission denied\n\n",
        FailureKind::WrappingTokenInvalid,
    ),
];
