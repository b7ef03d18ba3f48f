//! Backup and restore with the steps of `docs/operations.md`.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    deploy::machine::Machine,
    support::{http, wait::eventually},
};

const SECRET: &str = "secret/data/tenants/acme/greeting";

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_restores_empty_machine() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let machine = Machine::new(root.path());
    let bao = machine.start_bao().await;
    let before = machine.administrator().await;
    let secret = json!({"data": {"GREETING": "hello"}});
    let written = machine.vault(&before, "POST", SECRET, Some(secret)).await;
    assert_eq!(written.expect("an answer").status, 200);

    let client = http::client();
    let url = machine.vault_url("sys/storage/raft/snapshot");
    let snapshot = client.get(&url).header("x-vault-token", &before).send().await;
    let snapshot = snapshot.expect("an answer").bytes().await.expect("a snapshot");
    assert!(snapshot.len() > 1000, "{} bytes", snapshot.len());

    bao.stop_gracefully(Duration::from_secs(20)).await;
    for folder in ["openbao/file", "openbao/logs"] {
        fs::remove_dir_all(machine.path(folder)).expect("the storage");
        fs::create_dir_all(machine.path(folder)).expect("the storage");
    }
    // The keys are the same, and the first start creates an empty OpenBao.
    let _bao = machine.start_bao().await;
    let fresh = machine.administrator().await;
    let missing = machine.vault(&fresh, "GET", SECRET, None).await;
    assert_eq!(missing.expect("an answer").status, 404);
    let url = machine.vault_url("sys/storage/raft/snapshot-force");
    let restored = client.post(&url).header("x-vault-token", &fresh).body(snapshot).send().await;
    assert_eq!(restored.expect("an answer").status().as_u16(), 204);

    // Tokens are restored, too.
    let read = eventually(Duration::from_secs(20), "the secret to be back", async || {
        let answer = machine.vault(&before, "GET", SECRET, None).await?;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(read["data"]["data"]["GREETING"], "hello");
    let _validator = machine.start_validator().await;
}
