//! Rotations of one key that come together.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{TryStreamExt, future::join_all};
use serde_json::json;
use vault_auth_validator::{
    secrets::{LeaseHolder, RewrapOutcome, WriteCondition},
    vault::{
        LeaseAcquisition, RewrapMode,
        rotation::{
            self, OldVersions, RotationError, RotationMonitor, RotationPass, RotationStart,
        },
    },
};

use super::vault::{Vault, data, path};
use crate::support::{bao::Bao, fault::Fault, wait::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn rewrapped_versions_are_stored() {
    let storage = tempfile::tempdir().expect("a temporary directory");
    let mut vault = Vault::on(Bao::raft(storage.path()).await).await;
    let tenant = path("acme/crm").tenant;
    let root = vault.bao.root_token().to_owned();
    let holder = LeaseHolder { id: "test".to_owned(), ..LeaseHolder::unknown() };
    for _ in 0..5 {
        let stored = vault.with(&root, async |secrets| {
            let acquired = secrets.acquire_rotation_lease(&tenant, &holder).await;
            let Ok(LeaseAcquisition::Acquired(lease)) = acquired else { panic!("no lease") };
            let mut stored = 0;
            for _ in 0..10 {
                // Beside some who hold no lease.
                let path = "transit/keys/tenant-acme/rotate";
                let others = join_all((0..8).map(|_| vault.bao.request("POST", path, None)));
                let (rotated, _) = tokio::join!(secrets.rotate_key(&tenant, &lease), others);
                stored = rotated.expect("it is rotated").latest;
            }
            stored
        });
        let stored = stored.await;
        vault.bao.restart().await;
        let latest = vault.with(&root, async |secrets| secrets.key_versions(&tenant).await).await;
        let latest = latest.expect("a key").latest;
        assert!(latest >= stored, "{stored} was said to be stored, and {latest} is");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ciphertext_is_written_within_grace_period() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    // The look for the secret, and then for the mount.
    let late = Fault::Late(Duration::from_millis(1200));
    vault.fault.set_for("GET /v1/s", late).await;
    let secret = data(&json!({"A": "1"}));
    let writing = vault.with(vault.acme.token(), async |secrets| {
        secrets.write(&place, &secret, WriteCondition::Absent).await
    });
    let rotating = async {
        eventually(Duration::from_secs(10), "a look for the mount", async || {
            (vault.fault.struck() == 2).then_some(())
        })
        .await;
        vault.bao.must("POST", "transit/keys/tenant-acme/rotate", Some(json!({}))).await;
    };
    let (written, ()) = tokio::join!(writing, rotating);
    assert_eq!(written.expect("it is written").key_version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrently_rewrapped_is_up_to_date() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    let written = vault
        .with(vault.acme.token(), async |secrets| {
            secrets.write(&place, &data(&json!({"A": "1"})), WriteCondition::Absent).await
        })
        .await;
    assert!(written.is_ok(), "{written:?}");
    vault.bao.must("POST", "transit/keys/tenant-acme/rotate", Some(json!({}))).await;
    let late = Fault::Late(Duration::from_millis(1500));
    vault.fault.set_for("POST /v1/transit/rewrap/", late).await;
    let rotation = vault.with(vault.bao.root_token(), async |secrets| {
        let renewed = secrets.rewrap_all(&place.tenant, 2, RewrapMode::Rewrap);
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
    assert_eq!(standing.latest, RewrapOutcome::UpToDate);
}

/// Records a rotation's progress, and stops it when it waits for writes, if asked to.
#[derive(Default)]
struct Recorder {
    stops: bool,
    waits_for_writes: Cell<bool>,
    passes: RefCell<Vec<(RotationPass, u64)>>,
    secrets: Cell<u64>,
}

impl RotationMonitor for Recorder {
    async fn stopped(&self) {
        if !self.stops {
            pending::<()>().await;
        }
        while !self.waits_for_writes.get() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn waiting_for_lease(&self, _: &LeaseHolder, _: Duration) {}

    fn waiting_for_writes(&self, _: Duration) {
        self.waits_for_writes.set(true);
    }

    fn pass_started(&self, pass: RotationPass, total: u64) -> impl FnMut() {
        self.passes.borrow_mut().push((pass, total));
        || self.secrets.set(self.secrets.get() + 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_rotation_is_resumed() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    let written = vault.with(vault.acme.token(), async |secrets| {
        secrets.write(&place, &data(&json!({"A": "1"})), WriteCondition::Absent).await
    });
    written.await.expect("a secret");
    let rotate = async |recorder: &Recorder| {
        let rotated = vault.with_session(vault.bao.root_token(), async |secrets| {
            let wait = Duration::ZERO;
            rotation::rotate(secrets, &place.tenant, OldVersions::Keep, wait, recorder).await
        });
        rotated.await
    };

    let stopping = Recorder { stops: true, ..Recorder::default() };
    let (report, outcome) = rotate(&stopping).await;
    assert!(matches!(outcome, Err(RotationError::Stopped)), "{outcome:?}");
    let report = report.expect("a report");
    assert_eq!((report.start, report.key.latest), (RotationStart::NewVersion, 2));
    assert!(!report.complete && stopping.passes.borrow().is_empty());

    let recorder = Recorder::default();
    let (report, outcome) = rotate(&recorder).await;
    outcome.expect("a rotation");
    let report = report.expect("a report");
    assert_eq!((report.start, report.key.latest), (RotationStart::Resumed, 2));
    assert_eq!((report.tally.rewrapped, report.key.min_decryption), (1, 1));
    assert_eq!(*recorder.passes.borrow(), [(RotationPass::Rewrap, 1)]);
    assert_eq!(recorder.secrets.get(), 1);
}
