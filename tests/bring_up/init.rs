//! `bootstrap --init`: Vaults that are empty, or sealed.

use std::{fs, path::Path};

use serde_json::json;
use tempfile::TempDir;

use super::{Credentials, count, steps};
use crate::support::{
    bao::{Bao, Unsealed},
    fault::{Fault, FaultProxy},
    shell::Shell,
};

const INIT: [&str; 4] = ["bootstrap", "--init", "--output", "json"];

/// An empty server, and a shell without a token.
async fn empty(unsealed: Unsealed) -> (TempDir, Bao, Shell) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bao = Bao::empty(dir.path(), unsealed).await;
    let shell = Shell::to(&bao, "");
    (dir, bao, shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_vault_is_initialized_and_unsealed() {
    let (_dir, mut bao, shell) = empty(Unsealed::ByPeople).await;
    let credentials = Credentials::new();
    credentials
        .run(&shell.clone().with("VAULT_TOKEN", "x"), &["bootstrap"])
        .failed(1, "add --init");
    let shown = credentials.run(&shell, &["bootstrap", "--init", "--dry-run"]);
    let init =
        "  initialize  Vault        keys                 5 keys with a threshold of 3, into ";
    assert!(shown.code == Some(0) && shown.stdout.starts_with(init), "{shown:?}");
    assert!(shown.stdout.contains("  create      AppRole      validator "), "{shown:?}");
    assert_eq!(bao.request("GET", "sys/init", None).await.1["initialized"], false);
    assert_eq!(credentials.names(), Vec::<String>::new());

    let made =
        credentials.run(&shell, &["bootstrap", "--init", "--shares", "3", "--threshold", "2"]);
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""), "{made:?}");
    let names =
        ["root-token", "sealing-keys", "unseal-keys", "validator-role-id", "validator-secret-id"];
    assert_eq!(credentials.names(), names);
    let (keys, token) = (credentials.read("unseal-keys"), credentials.read("root-token"));
    assert_eq!(keys.lines().count(), 3);
    for secret in keys.lines().chain([token.as_str()]) {
        assert!(!made.stdout.contains(secret), "it is shown to nobody");
    }
    let next: Vec<_> = made.stdout.lines().rev().take(2).collect();
    assert!(next[0].starts_with("next: within 1h: VALIDATOR_ROLE_ID="), "{next:?}");
    assert!(next[1].starts_with("next: give each key in "), "{next:?}");
    bao.adopt(&token);
    let status = bao.must("GET", "sys/seal-status", None).await;
    assert_eq!(
        (&status["t"], &status["n"], &status["sealed"]),
        (&2.into(), &3.into(), &false.into())
    );

    let again = credentials.run(&shell, &INIT).json();
    assert_eq!((&again["changed"], count(&again, "unchanged")), (&json!(0), steps(&again).len()));
    assert_eq!(credentials.read("unseal-keys"), keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_unseal_gives_recovery_keys() {
    let (_dir, mut bao, shell) = empty(Unsealed::ByItself).await;
    let credentials = Credentials::new();
    let report = credentials.run(&shell, &INIT).json();
    assert_eq!(steps(&report)[0], ("keys".to_owned(), "done".to_owned()));
    assert_eq!(steps(&report)[1].0, "secret/", "there is nothing to unseal");
    assert_eq!(credentials.read("recovery-keys").lines().count(), 5);
    bao.adopt(&credentials.read("root-token"));
    bao.restart().await;
    let again = credentials.run(&shell, &INIT).json();
    assert_eq!(again["changed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_unseal_is_awaited() {
    let bao = Bao::dev().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = Shell::new(&fault.addr(), bao.root_token());
    let sealed = r#"{"type": "static", "initialized": true, "sealed": true}"#;
    fault.set_for("GET /v1/sys/seal-status", Fault::Status(200, sealed)).await;
    Credentials::new().run(&shell, &["bootstrap"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_vault_is_unsealed_with_keys() {
    let (_dir, mut bao, shell) = empty(Unsealed::ByPeople).await;
    let credentials = Credentials::new();
    credentials.run(&shell, &INIT).json();
    bao.restart_sealed().await;
    let token = credentials.read("root-token");
    let with_token = shell.clone().with("VAULT_TOKEN", &token);
    credentials
        .run(&with_token, &["bootstrap"])
        .failed(1, "Vault is sealed: unseal it, or add --init");
    Credentials::new().run(&shell, &INIT).failed(1, "unseal it with the keys that you have");
    let shown = credentials.run(&shell, &["bootstrap", "--init", "--dry-run"]).done();
    assert!(shown.starts_with("  unseal  Vault  seal  with "), "{shown}");

    let keys = credentials.read("unseal-keys");
    let wrong = keys.lines().take(2).collect::<Vec<_>>().join("\n");
    fs::write(credentials.file("unseal-keys"), wrong).expect("a file");
    credentials.run(&shell, &INIT).failed(1, "not enough valid unseal keys");
    fs::write(credentials.file("unseal-keys"), keys).expect("a file");
    let report = credentials.run(&shell, &INIT).json();
    assert_eq!(steps(&report)[0], ("seal".to_owned(), "done".to_owned()));
    assert_eq!(count(&report, "unchanged"), steps(&report).len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_key_file_prevents_init() {
    let (_dir, bao, shell) = empty(Unsealed::ByPeople).await;
    for name in ["unseal-keys", "root-token", "validator-role-id", "validator-secret-id"] {
        let credentials = Credentials::new();
        fs::create_dir(Path::new(&credentials.path())).expect("a folder");
        fs::write(credentials.file(name), "somebody's\n").expect("a file");
        credentials.run(&shell, &INIT).failed(1, "would be overwritten");
        assert_eq!(fs::read_to_string(credentials.file(name)).expect("text"), "somebody's\n");
        assert_eq!(credentials.names(), [name]);
        assert_eq!(bao.request("GET", "sys/init", None).await.1["initialized"], false, "{name}");
    }
    let taken = Credentials::new();
    fs::write(taken.path(), "a file").expect("a file");
    taken.run(&shell, &INIT).failed(1, "cannot");
    assert_eq!(bao.request("GET", "sys/init", None).await.1["initialized"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_init_can_be_repeated() {
    let (_dir, bao, shell) = empty(Unsealed::ByPeople).await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let credentials = Credentials::new();
    let broken = shell.clone().with("VAULT_ADDR", &fault.addr());
    for (kind, words) in [
        (Fault::Status(500, r#"{"errors":["disk full"]}"#), "cannot initialize Vault"),
        (Fault::Reset, "cannot initialize Vault"),
        (Fault::Status(400, r#"{"errors":["Vault is already initialized"]}"#), "has the keys"),
    ] {
        fault.set_for("/v1/sys/init", kind).await;
        credentials.run(&broken, &INIT).failed(1, words);
        assert_eq!(credentials.read("unseal-keys").trim(), "", "a place for them, and room");
    }
    fault.set(Fault::Pass).await;
    let report = credentials.run(&broken, &INIT).json();
    assert_eq!(count(&report, "done"), steps(&report).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_keys_are_reported() {
    let (_dir, mut bao, shell) = empty(Unsealed::ByPeople).await;
    let credentials = Credentials::new();
    let fault = FaultProxy::start(&bao.authority()).await;
    fault.set_for("/v1/sys/init", Fault::Status(500, "{}")).await;
    credentials.run(&shell.clone().with("VAULT_ADDR", &fault.addr()), &INIT);
    let body = json!({"secret_shares": 1, "secret_threshold": 1});
    let answer = bao.request("PUT", "sys/init", Some(body)).await.1;
    bao.adopt(answer["root_token"].as_str().expect("a token"));
    credentials.run(&shell, &INIT).failed(1, "empty its storage and start again");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_root_token_is_replaced() {
    let (_dir, mut bao, shell) = empty(Unsealed::ByItself).await;
    let credentials = Credentials::new();
    credentials.run(&shell, &INIT).json();
    let token = credentials.read("root-token");
    bao.adopt(&token);
    let orphan = bao.must("POST", "auth/token/create-orphan", Some(json!({}))).await;
    let orphan = orphan["auth"]["client_token"].as_str().expect("a token").to_owned();
    bao.must("POST", "auth/token/revoke-self", None).await;
    let unprivileged = credentials.run(&shell, &INIT);
    assert!(
        unprivileged.code == Some(1) && unprivileged.stderr.contains("was rejected"),
        "{unprivileged:?}"
    );
    let report = credentials.run(&shell.with("VAULT_TOKEN", &orphan), &INIT).json();
    assert_eq!(report["changed"], 0);
}
