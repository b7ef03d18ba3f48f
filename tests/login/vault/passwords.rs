//! User names and passwords.

use serde_json::json;
use vault_auth_validator::login::{
    BrowserLoginKind, BrowserLoginMethod, LoginBackend, UnsuitableToken,
};

use super::{LoginVault, PASSWORD, logged_in, misconfigured, rejected, unsuitable, userpass};
use crate::support::platform;

#[tokio::test(flavor = "multi_thread")]
async fn right_password_yields_a_token() {
    let vault = LoginVault::start().await;
    for name in ["ana", "ANA"] {
        let token = logged_in(vault.log_in(name, PASSWORD).await);
        assert_eq!(vault.lookup_status(&token).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l26_rejected_logins_are_alike() {
    let vault = LoginVault::start().await;
    vault.add_user("bob", json!({})).await;
    vault.add_user("eve", json!({"token_bound_cidrs": ["192.0.2.1"]})).await;
    vault.disable(&vault.entity("bob").await).await;
    for (name, password) in [
        ("ana", "wrong"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("bob", "wrong"),
        ("eve", PASSWORD),
        ("ana", ""),
        ("", PASSWORD),
    ] {
        rejected(vault.log_in(name, password).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l26_locked_user_is_rejected() {
    let vault = LoginVault::start().await;
    let tune = json!({"user_lockout_config": {"lockout_threshold": "2"}});
    vault.bao.must("POST", "sys/auth/userpass/tune", Some(tune)).await;
    for _ in 0..3 {
        rejected(vault.log_in("ana", "wrong").await);
    }
    rejected(vault.log_in("ana", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_without_a_path_are_not_sent() {
    let vault = LoginVault::start().await;
    for name in [
        "ana@acme.com",
        "ana perez",
        "anä",
        "../login/ana",
        "ana/../ana",
        "..",
        ".",
        "%2e%2e",
        "ana%2fb",
        "-ana",
        "ana.",
        "ana?x",
        "ana#x",
        "ana\n",
        "ana\0",
        " ana",
    ] {
        rejected(vault.log_in(name, PASSWORD).await);
    }
    assert_eq!(vault.requests("auth/"), vault.requests("auth/token/") + 1, "beside the user");
}

#[tokio::test(flavor = "multi_thread")]
async fn ldap_names_stay_one_path_segment() {
    let vault = LoginVault::start().await;
    let ldap = BrowserLoginMethod { kind: BrowserLoginKind::Ldap, ..userpass() };
    // The auth method behind the mount has no path for these.
    for name in ["ana@acme.com", "Ana Pérez", "%2e%2e", "a?b#c", "acme\\ana"] {
        misconfigured(vault.backend.log_in(&ldap, name, &PASSWORD.into()).await);
        let path = format!("auth/userpass/login/{name}");
        assert_eq!(vault.bao.audited(&path), 1, "{path}");
    }
    for name in ["a/b", "..", ".", "", "a\u{7f}"] {
        rejected(vault.backend.log_in(&ldap, name, &PASSWORD.into()).await);
    }
    logged_in(vault.backend.log_in(&ldap, "ana", &PASSWORD.into()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsuitable_logins_are_refused() {
    let vault = LoginVault::start().await;
    for (name, parameters, reason) in [
        ("batch", json!({"token_type": "batch"}), UnsuitableToken::Batch),
        ("bare", json!({"token_no_default_policy": true}), UnsuitableToken::NoDefaultPolicy),
        (
            "other",
            json!({"token_no_default_policy": true, "token_policies": ["x"]}),
            UnsuitableToken::NoDefaultPolicy,
        ),
        ("uses", json!({"token_num_uses": 3}), UnsuitableToken::LimitedUses),
    ] {
        vault.add_user(name, parameters).await;
        assert_eq!(unsuitable(vault.log_in(name, PASSWORD).await), reason, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_token_is_revoked() {
    let vault = LoginVault::start().await;
    vault.add_user("uses", json!({"token_num_uses": 3})).await;
    let before = platform::accessors(&vault.bao).await;
    unsuitable(vault.log_in("uses", PASSWORD).await);
    assert_eq!(platform::accessors(&vault.bao).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn default_policy_may_be_the_entitys() {
    let vault = LoginVault::start().await;
    vault.add_user("bare", json!({"token_no_default_policy": true})).await;
    let path = format!("identity/entity/id/{}", vault.entity("bare").await);
    vault.bao.must("POST", &path, Some(json!({"policies": ["default"]}))).await;
    let token = logged_in(vault.log_in("bare", PASSWORD).await);
    assert_eq!(vault.lookup_status(&token).await, 200);
    vault.backend.revoke(&token).await.expect("revoked");
    assert_eq!(vault.lookup_status(&token).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_mount_rejects_logins() {
    let vault = LoginVault::start().await;
    let missing = BrowserLoginMethod { mount: "missing".to_owned(), ..userpass() };
    rejected(vault.backend.log_in(&missing, "ana", &PASSWORD.into()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mount_in_a_folder_is_found() {
    let vault = LoginVault::start().await;
    vault.bao.must("POST", "sys/auth/corp/staff", Some(json!({"type": "userpass"}))).await;
    let user = json!({"password": PASSWORD});
    vault.bao.must("POST", "auth/corp/staff/users/ana", Some(user)).await;
    let staff = BrowserLoginMethod { mount: "corp/staff".to_owned(), ..userpass() };
    logged_in(vault.backend.log_in(&staff, "ana", &PASSWORD.into()).await);
}
