//! Rotations of one tenant exclude each other.

use std::time::Duration;

use serde_json::json;

use super::{DESTROY, Platform, ROTATE, rotate, set};
use crate::support::{fault::Fault, platform, shell::Shell, wait::eventually};

/// A rotation that has its lease, and waits for Vault.
async fn held(platform: &Platform, rotator: &Shell) -> crate::support::process::Process {
    let struck = platform.fault.struck();
    platform.fault.set_for("POST /v1/transit/keys/tenant-acme/rotate", Fault::Hang).await;
    let slow = rotator.clone().with("VAULT_ADDR", &platform.fault.addr());
    let process = slow.start(&ROTATE);
    eventually(Duration::from_secs(30), "a rotation", async || {
        (platform.fault.struck() > struck).then_some(())
    })
    .await;
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn second_rotation_waits_or_names_holder() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    let process = held(&platform, &rotator).await;
    let ended = rotator.run(&[&ROTATE[..], &["--wait", "0s"]].concat());
    ended.failed(1, &format!("it is being rotated by process {} of uid ", process.pid()));
    let ended = rotator.run(&[&ROTATE[..], &["--wait", "1s"]].concat());
    ended.failed(1, "--wait DURATION waits longer");
    assert!(ended.stderr.contains("waiting up to 1s"), "{}", ended.stderr);
    assert_eq!(platform.key_versions().await, (1, 1));
    process.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn lease_expires_by_vaults_clock() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    held(&platform, &rotator).await.kill();
    let done = rotate(&rotator, &[]);
    assert_eq!((&done["rotated"], &done["key_version"]), (&json!(true), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rotation_starts_none() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let slow = rotator.clone().with("VAULT_ADDR", &platform.fault.addr());
    let late = Fault::Late(Duration::from_millis(900));
    platform.fault.set_for("POST /v1/transit/rewrap/", late).await;
    let first = slow.start(&ROTATE);
    eventually(Duration::from_secs(30), "a rewrap", async || {
        (platform.fault.struck() > 0).then_some(())
    })
    .await;
    let second = std::thread::scope(|scope| {
        let others = [(); 3].map(|()| scope.spawn(|| rotate(&rotator, &[])));
        others.map(|other| other.join().expect("it ends"))
    });
    let status = eventually(Duration::from_secs(30), "an end", async || first.exit_status());
    assert!(status.await.success(), "{}", first.log());
    for second in second {
        assert_eq!((&second["rotated"], &second["key_version"]), (&json!(false), &json!(2)));
    }
    assert_eq!(rotate(&rotator, &[])["key_version"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_rotation_releases_lease() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    let process = held(&platform, &rotator).await;
    process.signal("TERM");
    let status = eventually(Duration::from_secs(10), "an end", async || process.exit_status());
    assert_eq!(status.await.code(), Some(1), "{}", process.log());
    assert_eq!(rotate(&rotator, &["--wait", "0s"])["rotated"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_does_not_wait_for_hung_vault() {
    let platform = Platform::start().await;
    let patient = platform.rotator().await.with("VALIDATOR_VAULT_TIMEOUT", "60s");
    let process = held(&platform, &patient).await;
    platform.bao.freeze();
    process.signal("TERM");
    assert_eq!(process.exited(Duration::from_secs(5)).await.code(), Some(1), "{}", process.log());
    platform.bao.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_lease_prevents_destruction() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let slow = rotator.with("VAULT_ADDR", &platform.fault.addr());
    let late = Fault::Late(Duration::from_millis(900));
    platform.fault.set_for("POST /v1/transit/rewrap/", late).await;
    let process = slow.start(&[&ROTATE[..], &DESTROY].concat());
    eventually(Duration::from_secs(30), "a rewrap", async || {
        (platform.fault.struck() > 0).then_some(())
    })
    .await;
    let body = json!({"data": {"id": "another"}});
    platform.bao.must("POST", "secret/data/rotation/acme", Some(body)).await;
    let status = eventually(Duration::from_secs(30), "an end", async || process.exit_status());
    assert_eq!(status.await.code(), Some(1), "{}", process.log());
    assert!(
        process.log().contains("another rotation of the tenant has begun"),
        "{}",
        process.log()
    );
    let metadata = platform.bao.must("GET", "secret/metadata/tenants/acme/crm", None).await;
    assert_eq!(metadata["data"]["versions"]["1"]["destroyed"], false);
    assert_eq!(platform.key_versions().await, (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_versions_name_the_mount() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    let never = json!({"delete_version_after": "-1s"});
    platform.bao.must("POST", "secret/config", Some(never)).await;
    rotator.run(&ROTATE).failed(1, "bao write secret/config delete_version_after=0s");
    assert_eq!(platform.key_versions().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_lease_permission_is_named() {
    let platform = Platform::start().await;
    let old = "path \"transit/keys/tenant-*\" { capabilities = [\"read\", \"update\"] }";
    platform::set_policy(&platform.bao, "key-rotator", old).await;
    platform.rotator().await.run(&ROTATE).failed(1, "policies/key-rotator.hcl");
    assert_eq!(platform.key_versions().await, (1, 1));
}
