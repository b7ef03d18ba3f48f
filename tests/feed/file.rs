//! The file of an audit device that the validator follows.

use std::{fs, io::Write, time::Duration};

use serde_json::json;

use super::{cache, complete, is_refused};
use crate::{
    expect::granted,
    support::{bao::Bao, direct::Direct, validator::Validator, wait::eventually},
};

/// Starts everything, with the validator following OpenBao's audit file.
async fn start() -> Direct {
    let bao = Bao::dev().await;
    let file = bao.audit_file().display().to_string();
    let service = Direct::on(
        bao,
        &[
            ("VALIDATOR_CACHE_TTL", "60s"),
            ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m"),
            ("VALIDATOR_AUDIT_FILE", &file),
        ],
    )
    .await;
    complete(&service, 1).await;
    service
}

async fn revoke(service: &Direct, token: &str) {
    let revoke = service.bao.request_as(token, "POST", "auth/token/revoke-self", None).await;
    assert_eq!(revoke.0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_file_evicts_and_survives_rotation() {
    let service = start().await;
    let (acme, globex) = (service.acme.token(), service.globex.token());
    cache(&service, acme).await;
    cache(&service, globex).await;
    revoke(&service, acme).await;
    is_refused(&service, acme, "the revocation").await;
    let file = service.bao.audit_file();
    fs::rename(&file, file.with_extension("1")).expect("renamed");
    // OpenBao goes on with the old file until it is told to open it again.
    let token = crate::support::platform::token(
        &service.bao,
        json!({"policies": ["tenant", "default"], "ttl": "1h", "no_parent": true}),
    )
    .await;
    cache(&service, &token).await;
    revoke(&service, &token).await;
    is_refused(&service, &token, "a revocation in the old file").await;
    service.bao.reload();
    eventually(Duration::from_secs(5), "the new file", async || {
        service.bao.must("GET", "sys/audit", None).await;
        file.exists().then_some(())
    })
    .await;
    let lookups = service.calls("lookup").await;
    granted(&service.ask(globex).await);
    assert_eq!(service.calls("lookup").await, lookups, "a rotation evicted everything");
    revoke(&service, globex).await;
    is_refused(&service, globex, "a revocation in the new file").await;
    complete(&service, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_created_in_advance_is_not_followed() {
    let service = start().await;
    let acme = service.acme.token();
    cache(&service, acme).await;
    // As logrotate does, before it makes Vault open the new file.
    let file = service.bao.audit_file();
    fs::rename(&file, file.with_extension("1")).expect("renamed");
    fs::write(&file, "").expect("created");
    // Nothing shows that the validator has seen the new file: it must not do anything then.
    tokio::time::sleep(Duration::from_millis(200)).await;
    revoke(&service, acme).await;
    is_refused(&service, acme, "a revocation in the old file").await;
    service.bao.reload();
    let globex = service.globex.token();
    cache(&service, globex).await;
    eventually(Duration::from_secs(5), "the new file", async || {
        service.bao.must("GET", "sys/audit", None).await;
        (fs::metadata(&file).expect("a file").len() > 0).then_some(())
    })
    .await;
    revoke(&service, globex).await;
    is_refused(&service, globex, "a revocation in the new file").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_evicts() {
    let first = start().await;
    let file = first.bao.audit_file().display().to_string();
    let env = [
        ("VALIDATOR_CACHE_TTL", "60s"),
        ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m"),
        ("VALIDATOR_AUDIT_FILE", &*file),
    ];
    let others = [
        Validator::start(&first.bao, &first.role, &env).await,
        Validator::start(&first.bao, &first.role, &env).await,
    ];
    let token = first.acme.token();
    let replicas = [&others[0], &others[1], &first.validator];
    for replica in replicas {
        eventually(Duration::from_secs(20), "a cached token", async || {
            let answer = replica.validate("", &[("x-vault-token", token)]).await;
            granted(&answer);
            (answer.header("x-auth-cache") == Some("hit")).then_some(())
        })
        .await;
    }
    revoke(&first, token).await;
    for replica in replicas {
        eventually(super::SOON, "the revocation at each replica", async || {
            let answer = replica.validate("", &[("x-vault-token", token)]).await;
            (answer.status == 401).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_file_evicts_all() {
    let service = start().await;
    let (acme, globex) = (service.acme.token(), service.globex.token());
    cache(&service, acme).await;
    let lookups = service.calls("lookup").await;
    let file = fs::File::options().write(true).open(service.bao.audit_file()).expect("the file");
    file.set_len(0).expect("truncated");
    eventually(Duration::from_secs(5), "an eviction", async || {
        granted(&service.ask(acme).await);
        (service.calls("lookup").await > lookups).then_some(())
    })
    .await;
    cache(&service, globex).await;
    revoke(&service, globex).await;
    is_refused(&service, globex, "a revocation after the truncation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_line_evicts_all() {
    let service = start().await;
    cache(&service, service.acme.token()).await;
    let lookups = service.calls("lookup").await;
    let mut file = fs::File::options().append(true).open(service.bao.audit_file()).expect("a file");
    file.write_all(b"{\"type\":\"resp").expect("written");
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups, "evicted before the end of the line");
    file.write_all(b"\n").expect("written");
    eventually(Duration::from_secs(5), "an eviction", async || {
        granted(&service.ask(service.acme.token()).await);
        (service.calls("lookup").await > lookups).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_file_is_found_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("audit.log");
    let path = file.display().to_string();
    let service = Direct::start_with(&[
        ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m"),
        ("VALIDATOR_AUDIT_FILE", &path),
    ])
    .await;
    eventually(Duration::from_secs(5), "the message", async || {
        service.validator.log().contains("the audit file cannot be read").then_some(())
    })
    .await;
    cache(&service, service.acme.token()).await;
    fs::hard_link(service.bao.audit_file(), &file).expect("linked");
    complete(&service, 1).await;
    assert!(service.validator.log().contains("the audit file is read again"));
}
