use super::{
    super::{
        FailureKind,
        Operation::{
            Login, Lookup, MfaValidation, OidcCallback, OidcStart, Revoke, TicketUnwrap,
            TicketWrap, Unwrap, UserLogin,
        },
    },
    PERMISSION_DENIED, classify_one,
};

/// Returns the message of an enforcement that is not satisfied for this reason.
fn unsatisfied(reason: &str) -> String {
    format!(
        "failed to satisfy enforcement a.b-c. error: 2 errors occurred:\n\t* {reason}\n\t* login MFA \
         validation failed for methodID: [3b85eb19-966b 9054050f-5406]\n\n"
    )
}

#[test]
fn rejected_logins_are_known() {
    for (operation, status, message) in [
        (UserLogin, 400, "invalid username or password"),
        (UserLogin, 400, "ldap operation failed: failed to bind as user"),
        (UserLogin, 403, "permission denied"),
        (OidcCallback, 403, "permission denied"),
        (
            OidcCallback,
            400,
            "OpenBao login failed. error validating claims: claim \"sub\" does not match any \
             associated bound claim values",
        ),
        (OidcCallback, 400, "error validating claims: claim \"hd\" is missing"),
        (OidcCallback, 400, "OpenBao login failed. claim \"nope\" not found in token"),
        (OidcCallback, 400, "claim \"nope\" not found in token"),
        (
            OidcCallback,
            400,
            "OpenBao login failed. failed to fetch groups: \"grp\" claim not found in token",
        ),
        (OidcCallback, 400, "OpenBao login failed. sub claim does not match bound subject"),
    ] {
        let kind = classify_one(operation, status, message);
        assert_eq!(kind, FailureKind::UserRejected, "{message}");
    }
}

#[test]
fn rejected_passcodes_are_known() {
    for reason in [
        "MFA credentials not supplied or incorrect",
        "failed to validate TOTP passcode",
        "code already used; new code is available in 30 seconds",
        "maximum TOTP validation attempts 6 exceeded the allowed attempts 5. Please try again in \
         30.000000002s seconds",
        "maximum TOTP validation attempts 2 exceeded the allowed attempts 1. Please try again in \
         30s seconds",
        "MFA secret for method name \"staff-totp\" not present in entity \"9f6f51de-b14a\"",
        "MFA secret for method ID \"3b85eb19-966b\" not present in entity \"9f6f51de-b14a\"",
        "duo authentication failed: \"Login request denied.\"",
    ] {
        let message = unsatisfied(reason);
        assert_eq!(classify_one(MfaValidation, 403, &message), FailureKind::UserRejected);
        assert_eq!(classify_one(UserLogin, 403, &message), FailureKind::Malformed);
        assert_eq!(classify_one(MfaValidation, 500, &message), FailureKind::ServerError);
    }
}

#[test]
fn provider_failures_are_no_rejections() {
    let dial = "Get \"https://127.0.0.1:1/auth/v2/check\": dial tcp 127.0.0.1:1: connect: \
                connection refused";
    for reason in [dial, "failed to read MFA configuration", "error fetching TOTP key: x"] {
        let kind = classify_one(MfaValidation, 403, &unsatisfied(reason));
        assert_eq!(kind, FailureKind::Malformed, "{reason}");
    }
    assert_eq!(classify_one(MfaValidation, 403, "permission denied"), FailureKind::TokenRejected);
    for message in [
        "OpenBao login failed. Error exchanging oidc code: \"Provider.Exchange: unable to exchange \
         auth code with provider: oauth2: \\\"invalid_grant\\\"\".",
        "Vault login failed. Error exchanging oidc code: \"dial tcp 127.0.0.1:1\".",
        "OpenBao login failed. Role could not be found",
        "failed to fetch groups: dial tcp 127.0.0.1:1: connect: connection refused",
    ] {
        assert_eq!(classify_one(OidcCallback, 400, message), FailureKind::BadRequest, "{message}");
    }
    assert_eq!(classify_one(UserLogin, 500, "missing password"), FailureKind::ServerError);
    assert_eq!(classify_one(UserLogin, 400, "dial tcp: refused"), FailureKind::BadRequest);
    assert_eq!(classify_one(UserLogin, 307, ""), FailureKind::Redirect);
}

#[test]
fn expired_logins_are_known() {
    let unknown_method = "failed to satisfy enforcement staff. error: failed to sanitize MFA creds, \
                          1 error occurred:\n\t* failed to find MFA credentials associated with an \
                          MFA method ID 933f68ed-ac17, method name staff-totp\n\n";
    for (operation, status, message) in [
        (MfaValidation, 400, "invalid request ID"),
        (MfaValidation, 403, unknown_method),
        (OidcCallback, 400, "OpenBao login failed. Expired or missing OAuth state."),
        (OidcCallback, 400, "Vault login failed. Expired or missing OAuth state."),
        (OidcCallback, 400, "invalid client_nonce"),
    ] {
        let kind = classify_one(operation, status, message);
        assert_eq!(kind, FailureKind::LoginExpired, "{message}");
    }
}

#[test]
fn misconfigured_methods_are_known() {
    for (operation, status, message) in [
        (OidcStart, 403, "permission denied"),
        (OidcStart, 400, "role \"staff\" could not be found"),
        (OidcStart, 400, "could not load configuration"),
        (OidcStart, 400, "missing role"),
        (OidcStart, 400, "OIDC login is not configured for this mount"),
        (UserLogin, 400, "ldap operation failed: failed to bind with the BindDN user"),
        (UserLogin, 404, "unsupported path"),
    ] {
        let kind = classify_one(operation, status, message);
        assert_eq!(kind, FailureKind::LoginMisconfigured, "{message}");
    }
}

#[test]
fn used_tickets_are_known() {
    let missing = "wrapping token is not valid or does not exist";
    let internal = "1 error occurred:\n\t* internal error\n\n";
    let signature =
        "error validating wrapping token: wrapping token signature could not be validated: x";
    let gone = "no information found; wrapping token may be from a previous OpenBao version";
    let count = "1 error occurred:\n\t* error decrementing wrapping token's use-count: x\n\n";
    for (status, message) in [
        (400, missing),
        (400, gone),
        (500, gone),
        (500, "cannot find token entry"),
        (403, signature),
        (500, internal),
        (500, "internal error"),
        (500, count),
        (403, PERMISSION_DENIED),
    ] {
        let kind = classify_one(TicketUnwrap, status, message);
        assert_eq!(kind, FailureKind::WrappingTokenInvalid, "{message}");
    }
    assert_eq!(classify_one(Unwrap, 400, missing), FailureKind::WrappingTokenInvalid);
    for operation in [Unwrap, Lookup, TicketWrap, Revoke, Login] {
        assert_eq!(classify_one(operation, 500, internal), FailureKind::ServerError);
    }
    assert_eq!(classify_one(TicketUnwrap, 500, "local node not active"), FailureKind::ServerError);
    assert_eq!(classify_one(TicketWrap, 403, "permission denied"), FailureKind::TokenRejected);
    assert_eq!(classify_one(Revoke, 403, "permission denied"), FailureKind::TokenRejected);
    assert_eq!(classify_one(Login, 403, "permission denied"), FailureKind::LoginDenied);
}
