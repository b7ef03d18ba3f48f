//! Rotations of one key that come together.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::TryStreamExt;
use serde_json::json;
use vault_auth_validator::{secrets::Precondition, tenants::Renewal, vault::Task};

use super::vault::{Vault, data, path};
use crate::support::fault::Fault;

#[tokio::test(flavor = "multi_thread")]
async fn rotations_that_meet_in_vaults_storage_succeed() {
    let vault = Vault::start().await;
    let tenant = path("acme/crm").tenant;
    vault
        .with(vault.bao.root_token(), async |secrets| {
            let rotations = async || {
                for _ in 0..15 {
                    secrets.rotate_key(&tenant).await.expect("it is rotated");
                }
            };
            tokio::join!(rotations(), rotations());
            assert!(secrets.key(&tenant).await.expect("a key").latest > 30);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_that_another_rotation_renewed_meanwhile_is_up_to_date() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    let written = vault
        .with(vault.acme.token(), async |secrets| {
            secrets.write(&place, &data(&json!({"A": "1"})), Precondition::Absent).await
        })
        .await;
    assert!(written.is_ok(), "{written:?}");
    vault.bao.must("POST", "transit/keys/tenant-acme/rotate", Some(json!({}))).await;
    let late = Fault::Late(Duration::from_millis(1500));
    vault.fault.set_for("POST /v1/transit/rewrap/", late).await;
    let rotation = vault.with(vault.bao.root_token(), async |secrets| {
        let renewed = secrets.bring_to(&place.tenant, 2, Task::Rewrap);
        renewed.try_collect::<Vec<_>>().await.expect("the secrets")
    });
    let other = async {
        while vault.fault.struck() == 0 {
            tokio::task::yield_now().await;
        }
        let mut record = vault.record("acme/crm").await;
        let body = json!({
            "ciphertext": record["ct"],
            "context": BASE64_STANDARD.encode(place.context("secret")),
        });
        let renewed = vault.bao.must("POST", "transit/rewrap/tenant-acme", Some(body)).await;
        record["ct"] = renewed["data"]["ciphertext"].clone();
        vault.put_record("acme/crm", record).await;
        let retired = json!({"min_decryption_version": 2});
        vault.bao.must("POST", "transit/keys/tenant-acme/config", Some(retired)).await;
    };
    let (renewed, ()) = tokio::join!(rotation, other);
    let [(_, Ok(standing))] = &renewed[..] else { panic!("{renewed:?}") };
    assert_eq!(standing.latest, Renewal::UpToDate);
}
