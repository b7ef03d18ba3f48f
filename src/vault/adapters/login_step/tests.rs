use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{LoginError, LoginStep, UnsuitableToken, login_error, login_step, token_error};
use crate::{
    token::UnavailableReason,
    vault::client::{FailureKind, VaultError},
};

/// Returns the `auth` of OpenBao's answer to a login, with these fields instead of its own.
fn login(changes: &Value) -> Value {
    let mut auth = json!({
        "client_token": "s.w7pbreeWPt3pgBw68BX2Uakc",
        "accessor": "zcXPfznRro5cAVp6LDlyWNhG",
        "policies": ["default", "x"],
        "token_policies": ["default", "x"],
        "metadata": {"username": "ana"},
        "lease_duration": 2_764_800,
        "renewable": true,
        "entity_id": "a71ffa2b-5ff4-3655-1a8b-88d06118ff89",
        "token_type": "service",
        "orphan": true,
        "mfa_requirement": null,
        "num_uses": 0,
    });
    change(&mut auth, changes);
    auth
}

/// Returns the `auth` of OpenBao's answer to a login that needs MFA with these constraints.
fn mfa_login(constraints: &Value) -> Value {
    let requirement = json!({"mfa_request_id": "f817348c", "mfa_constraints": constraints});
    login(&json!({
        "client_token": "",
        "policies": null,
        "token_type": "default",
        "mfa_requirement": requirement,
    }))
}

fn change(auth: &mut Value, changes: &Value) {
    let changes = changes.as_object().expect("an object").clone();
    auth.as_object_mut().expect("an object").extend(changes);
}

/// Returns the step of a login with this `auth`; `None` if it cannot be parsed.
fn step(auth: Value) -> Option<Result<LoginStep, LoginError>> {
    serde_json::from_value(auth).ok().map(login_step)
}

#[track_caller]
fn assert_malformed(auth: Value) {
    let text = auth.to_string();
    match step(auth) {
        None => {}
        Some(Err(LoginError::Unavailable(why))) => {
            assert_eq!(why.reason, UnavailableReason::NoValidResponse, "{text}");
        }
        Some(other) => panic!("{text}: {other:?}"),
    }
}

#[test]
fn service_token_completes_a_login() {
    for auth in [
        login(&json!({})),
        login(&json!({"policies": ["default"], "token_policies": null})),
        // The policy of an entity counts like one of the token.
        login(&json!({"policies": ["default", "x"], "token_policies": ["x"]})),
    ] {
        let Some(Ok(LoginStep::LoggedIn(token))) = step(auth) else { panic!("no token") };
        assert_eq!(token.expose(), "s.w7pbreeWPt3pgBw68BX2Uakc");
        assert!(!format!("{token:?}").contains("w7pbree"));
    }
}

#[test]
fn long_answers_are_read() {
    let policies: Vec<_> = (0..200).map(|n| format!("policy-with-a-name-{n}")).collect();
    let mut policies = json!(policies);
    let auth = login(&json!({"policies": policies, "token_policies": policies}));
    assert!(auth.to_string().len() > 7000);
    let why = step(auth).expect("a step").expect_err("an error");
    assert!(matches!(why, LoginError::UnsuitableToken(UnsuitableToken::NoDefaultPolicy)));
    policies.as_array_mut().expect("a list").push(json!("default"));
    let auth = login(&json!({ "policies": policies }));
    assert!(matches!(step(auth), Some(Ok(LoginStep::LoggedIn(_)))));
}

#[test]
fn unsuitable_tokens_are_refused() {
    for (changes, expected) in [
        (json!({"token_type": "batch", "client_token": "b.AAAA"}), UnsuitableToken::Batch),
        (json!({"num_uses": 1}), UnsuitableToken::LimitedUses),
        (json!({"policies": []}), UnsuitableToken::NoDefaultPolicy),
        (json!({"policies": null}), UnsuitableToken::NoDefaultPolicy),
        (json!({"policies": ["x", "default-x", "Default"]}), UnsuitableToken::NoDefaultPolicy),
    ] {
        let text = changes.to_string();
        match step(login(&changes)) {
            Some(Err(LoginError::UnsuitableToken(reason))) => {
                assert_eq!(reason, expected, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn incomplete_answers_are_malformed() {
    for field in ["client_token", "policies", "token_type", "num_uses"] {
        let mut auth = login(&json!({}));
        auth.as_object_mut().expect("an object").remove(field);
        assert_malformed(auth);
    }
    for changes in [
        json!({"client_token": ""}),
        json!({"client_token": null}),
        json!({"client_token": 5}),
        json!({"client_token": "s.a\nb"}),
        json!({"client_token": "s.a;b"}),
        json!({"token_type": ""}),
        json!({"token_type": "default"}),
        json!({"token_type": "service-or-batch"}),
        json!({"num_uses": -1}),
        json!({"num_uses": null}),
        json!({"policies": "default"}),
        json!({"policies": [null]}),
    ] {
        assert_malformed(login(&changes));
    }
}

#[test]
fn passcode_methods_are_required() {
    let totp = |id: &str| json!({"type": "totp", "id": id, "uses_passcode": true, "name": "t"});
    let duo = json!({"type": "duo", "id": "d1", "name": "duo"});
    for (constraints, methods) in [
        (json!({"staff": {"any": [totp("t1")]}}), vec!["t1"]),
        (json!({"staff": {"any": [duo, totp("t1"), totp("t2")]}}), vec!["t1"]),
        (json!({"b": {"any": [totp("t1")]}, "a": {"any": [totp("t2")]}}), vec!["t2", "t1"]),
        (json!({"b": {"any": [totp("t1")]}, "a": {"any": [totp("t1")]}}), vec!["t1"]),
    ] {
        let Some(Ok(LoginStep::MfaRequired(requirement))) = step(mfa_login(&constraints)) else {
            panic!("no requirement")
        };
        assert_eq!(requirement.request_id, "f817348c");
        assert_eq!(requirement.methods, methods);
    }
}

#[test]
fn constraint_without_passcode_is_misconfigured() {
    let duo = json!({"type": "duo", "id": "d1", "uses_passcode": false, "name": "duo"});
    let totp = json!({"type": "totp", "id": "t1", "uses_passcode": true, "name": "t"});
    for constraints in [
        json!({"only-duo": {"any": [duo]}}),
        json!({"only-duo": {"any": []}}),
        json!({"only-duo": {"any": [duo]}, "staff": {"any": [totp]}}),
    ] {
        match step(mfa_login(&constraints)) {
            Some(Err(LoginError::Misconfigured(why))) => {
                assert!(why.contains("`only-duo`"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn contradictory_requirements_are_malformed() {
    let totp = json!({"staff": {"any": [{"type": "totp", "id": "t1", "uses_passcode": true}]}});
    let mut with_token = mfa_login(&totp);
    change(&mut with_token, &json!({"client_token": "s.w7pbreeWPt3pgBw68BX2Uakc"}));
    assert_malformed(with_token);
    assert_malformed(mfa_login(&json!({})));
    assert_malformed(mfa_login(&Value::Null));
    assert_malformed(mfa_login(&json!({"staff": {"any": [{"uses_passcode": true}]}})));
    for requirement in [
        json!({}),
        json!({"mfa_constraints": totp}),
        json!({"mfa_request_id": "", "mfa_constraints": totp}),
        json!({"mfa_request_id": "f817348c"}),
    ] {
        let mut auth = mfa_login(&totp);
        change(&mut auth, &json!({ "mfa_requirement": requirement }));
        assert_malformed(auth);
    }
}

#[test]
fn unknown_failures_are_unavailable() {
    for kind in [
        FailureKind::BadRequest,
        FailureKind::ServerError,
        FailureKind::Redirect,
        FailureKind::Malformed,
        FailureKind::NotFound,
        FailureKind::Timeout,
        FailureKind::Sealed,
        FailureKind::Throttled,
        FailureKind::StorageConflict,
        FailureKind::LocalError,
    ] {
        for error in [login_error, token_error] {
            let error = error(VaultError::new(kind, "why"));
            assert!(matches!(error, LoginError::Unavailable(_)), "{kind:?}: {error:?}");
        }
    }
    let rejected = VaultError::new(FailureKind::TokenRejected, "why");
    assert!(matches!(login_error(rejected.clone()), LoginError::Unavailable(_)));
    assert!(matches!(token_error(rejected), LoginError::Rejected));
}

#[test]
fn secret_of_an_answer_is_not_shown() {
    let auth = login(&json!({"token_type": "other"}));
    let error = step(auth).expect("a step").expect_err("an error");
    assert!(!format!("{error:?}").contains("w7pbree"), "{error:?}");
    let Some(Ok(LoginStep::LoggedIn(token))) = step(login(&json!({}))) else { panic!("no token") };
    let shown = format!("{:?}", LoginStep::LoggedIn(token.clone()));
    assert!(!shown.contains(token.as_secret().expose_secret()), "{shown}");
}
