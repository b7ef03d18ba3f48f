//! `secrets render`: the file, and what becomes of it over time.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    time::Duration,
};

use serde_json::json;

use super::{
    Platform,
    place::{Place, STAY, TIMEOUT},
    set,
};
use crate::support::{fault::Fault, platform::log_in, shell::Shell, wait::eventually};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

const APPEND: &str = "cat \"$1\" >> \"$2\"";

#[tokio::test(flavor = "multi_thread")]
async fn file_is_private_and_atomic() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "common", &json!({"A": "common", "B": "it's $5"}));
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let (path, file) = (place.file(), place.file().display().to_string());
    let render = ["secrets", "render", "acme", "common", "crm", "--file", &file];
    let message = acme.run(&render).done();
    assert_eq!(message, format!("{file} written: common version 1, crm version 1\n"));
    assert_eq!(fs::read_to_string(&path).expect("a file"), "A=1\nB=\"it's \\$5\"\n");
    assert_eq!(mode(&path), 0o600);

    let before = fs::metadata(&path).expect("a file");
    let message = acme.run(&[&render[..], &["--output", "json"]].concat()).json();
    assert_eq!(message["outcome"], "unchanged");
    assert_eq!(fs::metadata(&path).expect("a file").ino(), before.ino());

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    // Not everybody may give a file away; that an owner stays shows only to those who may.
    let given = chown(&path, Some(12345), Some(54321)).is_ok();
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    acme.run(&[&render[..], &["--dialect", "docker"]].concat()).done();
    let after = fs::metadata(&path).expect("a file");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "A=2\nB=it's $5\n");
    assert_eq!(mode(&path), 0o600);
    assert_ne!(after.ino(), before.ino(), "it is another file");
    if given {
        assert_eq!((after.uid(), after.gid()), (12345, 54321));
    }

    set(&acme, "acme", "crm", &json!({"A": "two\nlines"}));
    let refused = acme.run(&[&render[..], &["--dialect", "docker"]].concat());
    refused.failed(1, "`A` cannot be written for docker");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "A=2\nB=it's $5\n", "as it was");
    assert_eq!(fs::read_dir(place.folder.path()).expect("a folder").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn watched_file_follows_secrets() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let watch = place.watch_with(&acme, &[], APPEND);
    place.becomes(&place.mark(), "A=1\n").await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    place.becomes(&place.mark(), "A=1\nA=2\n").await;
    // A version that says the same is no change.
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    set(&acme, "acme", "crm", &json!({"A": "3"}));
    place.becomes(&place.mark(), "A=1\nA=2\nA=3\n").await;
    assert_eq!(mode(&place.file()), 0o600);
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    eventually(TIMEOUT, "a word", async || watch.log().contains("was deleted").then_some(())).await;
    place.becomes(&place.file(), "A=3\n").await;
    set(&acme, "acme", "crm", &json!({"A": "4"}));
    place.becomes(&place.mark(), "A=1\nA=2\nA=3\nA=4\n").await;
    assert_eq!(watch.log().matches("was deleted").count(), 1, "{}", watch.log());
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0));
    for value in ["A=1", "A=4", platform.acme.token()] {
        assert!(!watch.log().contains(value), "{}", watch.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_keeps_watched_file() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let away = Shell::new(&platform.fault.addr(), platform.acme.token())
        .with("VALIDATOR_VAULT_TIMEOUT", "300ms");
    let watch = place.watch_with(&away, &[], APPEND);
    place.becomes(&place.mark(), "A=1\n").await;
    for fault in [Fault::Reset, Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#)] {
        let struck = platform.fault.struck();
        platform.fault.set(fault).await;
        eventually(TIMEOUT, "two looks", async || {
            (platform.fault.struck() >= struck + 2).then_some(())
        })
        .await;
    }
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    assert_eq!(fs::read_to_string(place.file()).expect("a file"), "A=1\n");
    platform.fault.set(Fault::Pass).await;
    place.becomes(&place.mark(), "A=1\nA=2\n").await;
    assert!(watch.log().contains("keeping the current file"), "{}", watch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_command_is_retried() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let file = place.file().display().to_string();
    let once = ["secrets", "render", "acme", "crm", "--file", &file, "--", "sh", "-c", "exit 3"];
    let failed = acme.run(&once);
    assert!(failed.code == Some(1) && failed.stderr.contains("exit status: 3"), "{failed:?}");

    let fail = place.folder.path().join("mark.fail");
    fs::write(&fail, "").expect("a file");
    let watch = place.watch_with(&acme, &[], "test ! -e \"$2.fail\" && cat \"$1\" >> \"$2\"");
    let failed = async |times| {
        let message = || watch.log().matches("exit status: 1").count() == times;
        eventually(TIMEOUT, "a word", async || message().then_some(())).await;
    };
    failed(1).await;
    fs::remove_file(&fail).expect("it is there");
    place.becomes(&place.mark(), "A=1\n").await;
    fs::write(&fail, "").expect("a file");
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    failed(2).await;
    fs::remove_file(fail).expect("it is there");
    place.becomes(&place.mark(), "A=1\nA=2\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_survives_token_expiry() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let secret_id = place.folder.path().join("secret-id");
    let role = &platform.acme.caller.role;
    fs::write(&secret_id, &role.secret_id).expect("a file");
    let service = Shell::to(&platform.bao, "")
        .with("VALIDATOR_ROLE_ID", &role.role_id)
        .with("VALIDATOR_SECRET_ID_FILE", &secret_id.display().to_string());
    lifetime(&platform, "2s").await;
    let watch = place.watch_with(&service, &[], APPEND);
    place.becomes(&place.mark(), "A=1\n").await;
    more(&platform, &["auth/approle/login"], 2).await;
    lifetime(&platform, "1h").await;
    more(&platform, &["auth/approle/login", "auth/token/renew-self"], 1).await;
    // One that was good for long is revoked.
    let accessor = json!({ "accessor": last_accessor(&platform) });
    platform.bao.must("POST", "auth/token/revoke-accessor", Some(accessor)).await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    place.becomes(&place.mark(), "A=1\nA=2\n").await;
    assert!(watch.exit_status().is_none(), "{}", watch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_renewed_during_run() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let secret_id = place.folder.path().join("secret-id");
    let role = &platform.acme.caller.role;
    fs::write(&secret_id, &role.secret_id).expect("a file");
    let service = Shell::to(&platform.bao, "")
        .with("VALIDATOR_ROLE_ID", &role.role_id)
        .with("VALIDATOR_SECRET_ID_FILE", &secret_id.display().to_string());
    lifetime(&platform, "2s").await;
    let watch = place.watch_with(&service, &[], &format!("{APPEND}; {STAY}"));
    place.becomes(&place.mark(), "A=1\n").await;
    more(&platform, &["auth/approle/login"], 2).await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    place.becomes(&place.file(), "A=2\n").await;
    assert_eq!(place.marked(), "A=1\n", "it still runs");
    assert_eq!(watch.stop_gracefully(TIMEOUT).await.code(), Some(0), "{}", watch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_secret_id_does_not_lock_role() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let secret_id = place.folder.path().join("secret-id");
    let role = &platform.acme.caller.role;
    fs::write(&secret_id, &role.secret_id).expect("a file");
    let service = Shell::to(&platform.bao, "")
        .with("VALIDATOR_ROLE_ID", &role.role_id)
        .with("VALIDATOR_SECRET_ID_FILE", &secret_id.display().to_string());
    lifetime(&platform, "2s").await;
    let watch = place.watch_with(&service, &[], APPEND);
    place.becomes(&place.mark(), "A=1\n").await;
    fs::write(&secret_id, "wrong").expect("a file");
    let refused = async || watch.log().contains("invalid secret id").then_some(());
    eventually(TIMEOUT, "a refused login", refused).await;
    let logins = platform.bao.audited("auth/approle/login");
    // Many more looks, and no login.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(platform.bao.audited("auth/approle/login"), logins, "{}", watch.log());
    log_in(&platform.bao, role).await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    fs::write(&secret_id, &role.secret_id).expect("a file");
    place.becomes(&place.mark(), "A=1\nA=2\n").await;
}

/// Lets tokens of acme's role live this long, and no longer.
async fn lifetime(platform: &Platform, ttl: &str) {
    let settings = json!({"token_ttl": ttl, "token_max_ttl": ttl});
    platform.bao.must("POST", "auth/approle/role/acme", Some(settings)).await;
}

/// Waits for so many more requests on these paths.
async fn more(platform: &Platform, paths: &[&str], more: usize) {
    let now = || paths.iter().map(|path| platform.bao.audited(path)).sum::<usize>();
    let before = now();
    eventually(TIMEOUT, "a new token", async || (now() >= before + more).then_some(())).await;
}

/// The accessor of the token that was made by the latest login.
fn last_accessor(platform: &Platform) -> String {
    let mut accessors = platform.bao.audit_log().into_iter().filter_map(|entry| {
        let login = entry["type"] == "response" && entry["request"]["path"] == "auth/approle/login";
        let accessor = entry["response"]["auth"]["accessor"].as_str().map(str::to_owned);
        accessor.filter(|_| login)
    });
    accessors.next_back().expect("a login")
}
