//! `bootstrap` for logins in a browser: the sealing key, and the lifetime of people's tokens.

use std::fs;

use serde_json::{Value, json};
use vault_auth_validator::sealed::KeyRing;

use super::{Credentials, root, state};
use crate::support::{bao::Bao, shell::Shell};

const KEYS: &str = "sealing-keys";

/// Returns the row of a plan or a result of this kind.
fn row(report: &Value, kind: &str, name: &str) -> Value {
    let mut rows = report["steps"].as_array().expect("steps").iter();
    let found = rows.find(|row| row["kind"] == kind && row["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name} in {report}")).clone()
}

fn bootstrap(credentials: &Credentials, shell: &Shell) -> Value {
    credentials.run(shell, &["bootstrap", "--output", "json"]).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_key_is_created_once() {
    let bao = Bao::dev().await;
    let (shell, credentials) = (root(&bao), Credentials::new());
    let planned = credentials.run(&shell, &["bootstrap", "--dry-run"]).done();
    let line = format!(
        "  create  sealing key  sessions             a new key into {}/",
        credentials.path()
    );
    assert!(planned.contains(&line), "{planned}");
    assert_eq!(credentials.names(), Vec::<String>::new());

    let report = bootstrap(&credentials, &shell);
    assert_eq!(row(&report, "sealing key", "sessions")["outcome"], "done");
    let key = credentials.read(KEYS);
    assert!(!report.to_string().contains(&key), "it is shown to nobody");
    assert_eq!(KeyRing::read(&credentials.file(KEYS)).expect("keys").key_count(), 1);

    let both = format!("{}{key}\n", *KeyRing::generate());
    fs::write(credentials.file(KEYS), &both).expect("a file");
    let report = bootstrap(&credentials, &shell);
    let again = row(&report, "sealing key", "sessions");
    assert_eq!((&again["action"], &again["outcome"]), (&json!("same"), &json!("unchanged")));
    assert!(again["detail"].as_str().expect("a detail").starts_with("2 keys in "), "{again}");
    assert_eq!(credentials.read(KEYS) + "\n", both);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_sealing_key_changes_nothing() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    fs::create_dir(credentials.path()).expect("a folder");
    fs::write(credentials.file(KEYS), "no key\n").expect("a file");
    let before = state(&bao).await;
    let ended = credentials.run(&root(&bao), &["bootstrap"]);
    ended.failed(1, "sealing-keys: line 1 is not a sealing key");
    ended.failed(1, "move it away to have a new one created");
    assert_eq!(state(&bao).await, before);
    assert_eq!(fs::read_to_string(credentials.file(KEYS)).expect("text"), "no key\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_login_mount_has_short_lifetimes() {
    let bao = Bao::dev().await;
    let (shell, credentials) = (root(&bao), Credentials::new());
    let report = bootstrap(&credentials, &shell);
    let made = row(&report, "auth method", "userpass/");
    let detail = "the login of people: tokens for 1h, renewed on use for up to 12h";
    assert_eq!((&made["outcome"], &made["detail"]), (&json!("done"), &json!(detail)));
    let tuned = bao.must("GET", "sys/auth/userpass/tune", None).await;
    let lifetimes = [&tuned["data"]["default_lease_ttl"], &tuned["data"]["max_lease_ttl"]];
    assert_eq!(lifetimes, [3600, 43200]);
    let ana = json!({"password": "secret", "token_policies": "staff"});
    bao.must("POST", "auth/userpass/users/ana", Some(ana)).await;
    let login = bao.must("POST", "auth/userpass/login/ana", Some(json!({"password": "secret"})));
    assert_eq!(login.await["auth"]["lease_duration"], 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_login_mount_keeps_its_lifetimes() {
    let bao = Bao::dev().await;
    let (shell, credentials) = (root(&bao), Credentials::new());
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    for (config, words) in [
        (json!({}), "kept: tokens for Vault's default lifetime, 32 days unless"),
        (json!({"default_lease_ttl": "8h"}), "kept: tokens for 8h, renewed up to Vault's maximum"),
        (json!({"max_lease_ttl": "24h"}), "kept: tokens for 8h, renewed for up to 1day"),
    ] {
        bao.must("POST", "sys/auth/userpass/tune", Some(config)).await;
        let before = bao.must("GET", "sys/auth", None).await["data"]["userpass/"].clone();
        let report = bootstrap(&credentials, &shell);
        let kept = row(&report, "auth method", "userpass/");
        assert_eq!((&kept["action"], &kept["outcome"]), (&json!("same"), &json!("unchanged")));
        assert!(kept["detail"].as_str().expect("a detail").contains(words), "{kept}");
        let after = bao.must("GET", "sys/auth", None).await["data"]["userpass/"].clone();
        assert_eq!(after, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn next_steps_lead_to_the_first_login() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let output = credentials.run(&root(&bao), &["bootstrap"]).done();
    let file = format!("VALIDATOR_SEALING_KEY_FILE={}/sealing-keys", credentials.path());
    for words in [
        "VALIDATOR_LOGIN_URL=https://login.example.com",
        "VALIDATOR_LOGIN_HOSTS=crm.example.com VALIDATOR_SEALING_KEY_FILE",
        &file,
        "bao write auth/userpass/users/NAME token_policies=staff password=-`",
        "tenants members add TENANT NAME --create-user",
        "then open https://login.example.com/.vault-auth/login",
    ] {
        assert!(output.contains(words), "{words}: {output}");
    }
    let output = credentials.run(&root(&bao), &["bootstrap"]).done();
    assert!(!output.contains("VALIDATOR_LOGIN_URL"), "{output}");

    bao.must("POST", "sys/auth/partners", Some(json!({"type": "oidc"}))).await;
    let shell = root(&bao).with("VALIDATOR_SUBJECT_MOUNT", "partners");
    let output = Credentials::new().run(&shell, &["bootstrap"]).done();
    assert!(output.contains(" VALIDATOR_LOGIN_METHODS=oidc:partners "), "{output}");
    assert!(output.contains("by the settings of partners/; then open https://login"), "{output}");
}
