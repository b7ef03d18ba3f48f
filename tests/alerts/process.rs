//! Faults of the validator's process.

use std::fs;

use tokio::net::TcpStream;

use super::{set, under_load, watch};
use crate::support::{
    bao::Bao, direct::Direct, monitoring::Monitoring, platform, validator::Validator,
};

#[tokio::test(flavor = "multi_thread")]
async fn o3_killed_validator_is_reported() {
    let mut service = Direct::start().await;
    let monitoring = watch(&service).await;
    service.validator.process().kill();
    monitoring.delivers("VaultAuthDown").await;
    let restart = async || {
        service.validator.restart().await;
        service.validator.ready().await;
        monitoring.ends("VaultAuthDown").await;
    };
    under_load(restart, monitoring.delivers("VaultAuthRestarting")).await;
    service.validator.restart().await;
    monitoring.resolves("VaultAuthDown").await;
    assert_eq!(monitoring.fired().await, set(&["VaultAuthRestarting"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_failed_reload_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("validator.toml");
    fs::write(&file, "cache_ttl = \"30s\"").expect("a file");
    let service = Direct::start_with(&[("VALIDATOR_CONFIG", &file.display().to_string())]).await;
    let monitoring = watch(&service).await;
    fs::write(&file, "cache_tll = \"30s\"").expect("a file");
    service.validator.process().signal("HUP");
    monitoring.delivers("VaultAuthReloadFailed").await;
    assert_eq!(monitoring.fired().await, set(&["VaultAuthReloadFailed"]));
    fs::write(&file, "cache_ttl = \"30s\"").expect("a file");
    service.validator.process().signal("HUP");
    monitoring.resolves("VaultAuthReloadFailed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_missing_target_is_reported() {
    let monitoring = Monitoring::start(&[]).await;
    monitoring.delivers("VaultAuthAbsent").await;
    assert_eq!(monitoring.fired().await, set(&[]));
    monitoring.evaluates().await;
}

/// Opens connections and sends nothing.
async fn connect(address: &str, number: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..number {
        streams.push(TcpStream::connect(address).await.expect("a connection"));
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_exhausted_files_are_reported() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let limited = ["/bin/sh", "-c", "ulimit -n 128; exec \"$0\" \"$@\""];
    let mut validator = Validator::spawn_under(&limited, &bao, &role, &[]);
    validator.listening().await;
    validator.ready().await;
    let address = validator.admin_url().trim_start_matches("http://").to_owned();
    let monitoring = Monitoring::start(&[&address]).await;
    assert_eq!(monitoring.fired().await, set(&[]));
    let most = connect(&address, 85).await;
    monitoring.delivers("VaultAuthOpenFilesNearLimit").await;
    let all = connect(&address, 60).await;
    monitoring.delivers("VaultAuthAcceptErrors").await;
    drop((most, all));
    let fired = monitoring.fired().await;
    assert_eq!(fired, set(&["VaultAuthOpenFilesNearLimit", "VaultAuthAcceptErrors"]));
}
