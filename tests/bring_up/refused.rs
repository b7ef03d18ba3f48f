//! Conflicts that prevent a bootstrap, which then changes nothing.

use serde_json::json;

use super::{Credentials, root, state};
use crate::support::{bao::Bao, platform, shell::Shell};

/// Asserts that the command fails with these words and changes nothing.
async fn refused(bao: &Bao, shell: &Shell, words: &[&str]) {
    let before = state(bao).await;
    let credentials = Credentials::new();
    for arguments in [&["bootstrap"][..], &["bootstrap", "--dry-run"], &["bootstrap", "--yes"]] {
        let ended = credentials.run(shell, arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        for words in words {
            assert!(ended.stderr.contains(words), "`{words}` in {}", ended.stderr);
        }
    }
    assert_eq!(state(bao).await, before);
    assert_eq!(credentials.names(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_mounts_are_kept() {
    let bao = Bao::dev().await;
    bao.must("DELETE", "sys/mounts/secret", None).await;
    for (path, mount) in [
        ("mounts/secret", json!({"type": "kv", "options": {"version": "1"}})),
        ("mounts/smarteros/agents", json!({"type": "kv", "options": {"version": "2"}})),
        ("mounts/transit", json!({"type": "pki"})),
        ("auth/approle", json!({"type": "userpass"})),
        ("auth/userpass", json!({"type": "approle"})),
    ] {
        bao.must("POST", &format!("sys/{path}"), Some(mount)).await;
    }
    let words = [
        "conflicting resources; nothing was changed:",
        "mount secret/: it is KV version 1",
        "mount smarteros/: smarteros/agents/ is mounted",
        "mount transit/: it is a mount of the type pki",
        "auth method approle/: the auth method there is of the type userpass",
        "auth method userpass/: the auth method there is of the type approle",
    ];
    refused(&bao, &root(&bao), &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permissions_are_listed() {
    let bao = Bao::dev().await;
    let read = |path: &str| format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}\n");
    let own = read("auth/token/lookup-self") + &read("sys/auth");
    let blind = platform::token_with(&bao, &own).await;
    refused(&bao, &Shell::to(&bao, &blind), &["your token needs read on sys/mounts"]).await;

    let capabilities = "path \"sys/capabilities-self\" { capabilities = [\"update\"] }\n";
    let seeing = own
        + &read("sys/mounts")
        + &read("transit/config/keys")
        + &read("auth/approle/role/*")
        + &read("sys/policies/acl")
        + &read("sys/policies/acl/*")
        + capabilities;
    let seeing = Shell::to(&bao, &platform::token_with(&bao, &seeing).await);
    let words = [
        "your token lacks these capabilities; nothing was changed:",
        "\n  update on sys/mounts/smarteros\n",
        "\n  update on transit/config/keys\n",
        "\n  update and sudo on sys/auth/approle\n",
        "\n  update and sudo on sys/auth/userpass\n",
        "\n  create on auth/approle/role/validator\n",
    ];
    refused(&bao, &seeing, &words).await;

    // What is left then is policies and the secret id.
    platform::provision(&bao).await;
    let config = json!({"disable_upsert": true});
    bao.must("POST", "transit/config/keys", Some(config)).await;
    let mount = json!({"type": "kv", "options": {"version": "2"}});
    bao.must("POST", "sys/mounts/smarteros", Some(mount)).await;
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    bao.must("DELETE", "sys/policies/acl/tenant", None).await;
    let before = state(&bao).await;
    let credentials = Credentials::new();
    let ended = credentials.run(&seeing, &["bootstrap", "--new-secret-id"]);
    let lacking =
        "  update on sys/policies/acl/tenant\n  update on auth/approle/role/validator/secret-id\n";
    assert!(ended.code == Some(1) && ended.stderr.ends_with(lacking), "{ended:?}");
    assert_eq!((state(&bao).await, credentials.names()), (before, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_vault_is_reported() {
    let bao = Bao::dev().await;
    let operator = root(&bao);
    for arguments in [&["bootstrap"][..], &["bootstrap", "--init"]] {
        let away = Shell::new("http://127.0.0.1:1", "s.own").run(arguments);
        away.failed(1, "VAULT_ADDR sets the address of Vault");
        let unprivileged = Shell::to(&bao, "s.unknown").run(arguments);
        unprivileged.failed(1, "Vault rejected the token");
    }
    bao.seal().await;
    operator.run(&["bootstrap"]).failed(1, "Vault is sealed: unseal it");
    let credentials = Credentials::new();
    credentials.run(&operator, &["bootstrap", "--init"]).failed(1, "unseal it with the keys");
    for arguments in
        [&["tenants", "list"][..], &["tenants", "show", "a"], &["tenants", "create", "a"]]
    {
        operator.run(arguments).failed(1, "sealed");
    }
}
