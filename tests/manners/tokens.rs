//! Tokens that a command obtained are revoked when it ends, and nothing is used up unasked.

use std::{fs, time::Duration};

use serde_json::json;

use super::with_role;
use crate::support::{
    bao::Bao,
    fault::{Fault, FaultProxy},
    platform::{AppRole, accessors, app_role, provision},
    shell::Shell,
    validator::Validator,
    wait::eventually,
};

/// A Vault with a role that may do what `default` allows and read all secrets.
async fn with_reader() -> (Bao, AppRole) {
    let bao = Bao::dev().await;
    provision(&bao).await;
    let rules = "path \"secret/*\" { capabilities = [\"read\", \"list\"] }\n\
                 path \"transit/*\" { capabilities = [\"read\", \"update\"] }";
    crate::support::platform::set_policy(&bao, "reader", rules).await;
    let role = app_role(&bao, "reader", json!({"token_policies": ["reader"]})).await;
    (bao, role)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_leave_no_token() {
    let (bao, role) = with_reader().await;
    crate::support::platform::create_tenant(&bao, "acme").await;
    let root = Shell::to(&bao, bao.root_token());
    root.feed(&["secrets", "set", "acme", "crm", "KEY"], b"value").done();
    let dir = tempfile::tempdir().expect("a folder");
    let shell = with_role(&bao.addr(), &role, dir.path());
    let before = accessors(&bao).await;
    for (arguments, code) in [
        (&["secrets", "list", "acme"][..], 0),
        (&["secrets", "get", "acme", "missing"], 1),
        (&["tenants", "show", "acme"], 1),
        (&["secrets", "run", "acme", "crm", "--", "sh", "-c", "exit 7"], 7),
        (&["secrets", "run", "acme", "crm", "--", "no-such-program"], 127),
        (&["doctor", "--login"], 1),
    ] {
        let ended = shell.run(arguments);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(!ended.stderr.contains("revoked"), "{ended:?}");
        assert_eq!(accessors(&bao).await, before, "after {arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_command_revokes_its_token() {
    let (bao, role) = with_reader().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    fault.set_for("/v1/transit/", Fault::Hang).await;
    fault.set_for("/v1/secret/", Fault::Hang).await;
    let dir = tempfile::tempdir().expect("a folder");
    let shell = with_role(&fault.addr(), &role, dir.path()).with("VALIDATOR_VAULT_TIMEOUT", "60s");
    let before = accessors(&bao).await;
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let command = shell.start(&["secrets", "list", "acme"]);
        let logged_in = async || (accessors(&bao).await != before).then_some(());
        eventually(Duration::from_secs(10), "the login", logged_in).await;
        command.signal(signal);
        let status = command.exited(Duration::from_secs(10)).await;
        assert_eq!(status.code(), Some(code), "{signal}: {}", command.log());
        assert_eq!(accessors(&bao).await, before, "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_revocation_is_a_warning() {
    let (bao, role) = with_reader().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let dir = tempfile::tempdir().expect("a folder");
    let shell = with_role(&fault.addr(), &role, dir.path());
    for how in [Fault::Hang, Fault::Reset, Fault::Status(500, r#"{"errors":["no"]}"#)] {
        fault.set_for("/v1/auth/token/revoke-self", how).await;
        let ended = shell.run(&["secrets", "list", "acme", "--output", "json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let text: serde_json::Value = serde_json::from_str(&ended.stderr).expect("JSON");
        let message = text["warning"]["message"].as_str().expect("a warning");
        assert!(message.contains("could not be revoked"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_tokens_are_not_revoked() {
    let (bao, _) = with_reader().await;
    let options = json!({"policies": ["reader"], "ttl": "1h"});
    let token = crate::support::platform::token(&bao, options).await;
    let before = accessors(&bao).await;
    Shell::to(&bao, &token).run(&["secrets", "list", "acme"]).done();
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join(".vault-token"), &token).expect("a file");
    let home = dir.path().display().to_string();
    Shell::new(&bao.addr(), "").with("HOME", &home).run(&["secrets", "list", "acme"]).done();
    assert_eq!(accessors(&bao).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_service_revokes_its_token() {
    let bao = Bao::dev().await;
    let role = provision(&bao).await;
    let before = accessors(&bao).await;
    let validator = Validator::start(&bao, &role, &[]).await;
    assert_ne!(accessors(&bao).await, before);
    validator.process().stop_gracefully(Duration::from_secs(15)).await;
    assert_eq!(accessors(&bao).await, before, "{}", validator.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_spends_secret_id_only_on_request() {
    let bao = Bao::dev().await;
    provision(&bao).await;
    let settings = json!({"secret_id_num_uses": 1, "token_policies": ["validator"]});
    let role = app_role(&bao, "once", settings).await;
    let dir = tempfile::tempdir().expect("a folder");
    let shell = with_role(&bao.addr(), &role, dir.path());
    for _ in 0..2 {
        let text = shell.run(&["doctor"]).done();
        assert!(text.contains("a login consumes a use of the secret id"), "{text}");
        assert!(text.contains("add --login"), "{text}");
    }
    let text = shell.run(&["doctor", "--login"]).stdout;
    assert!(text.contains("Vault accepts the token of the AppRole"), "{text}");
    let text = shell.run(&["doctor", "--login"]);
    assert!(text.code == Some(1) && text.stdout.contains("invalid secret id"), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapped_secret_id_is_inspected() {
    let bao = Bao::dev().await;
    let role = provision(&bao).await;
    let path = "auth/approle/role/validator/secret-id";
    let secret_id = bao.wrapped("POST", path, None).await;
    let dir = tempfile::tempdir().expect("a folder");
    let shell = with_role(&bao.addr(), &AppRole { secret_id, ..role }, dir.path());
    for _ in 0..2 {
        let text = shell.run(&["doctor", "--login"]).done();
        assert!(text.contains("its wrapping token is valid"), "{text}");
    }
    shell.run(&["secrets", "list", "acme"]);
    let spent = shell.run(&["secrets", "list", "acme"]);
    spent.failed(1, "/secret-id was already used or has expired");
    assert!(spent.stderr.contains("bootstrap --new-secret-id"), "{spent:?}");
    let text = shell.run(&["doctor"]);
    assert!(
        text.code == Some(1) && text.stdout.contains("was already used or has expired"),
        "{text:?}"
    );
}
