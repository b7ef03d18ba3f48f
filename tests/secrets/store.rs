//! Secrets are written whole, bound to their place, and read as they were written.

use futures_util::TryStreamExt;
use serde_json::json;
use vault_auth_validator::secrets::{
    RecordError, SecretError, SecretState, SecretVersion, UnusableKey, WriteCondition, WriteKind,
};

use super::vault::{Vault, data, path, values};
use crate::support::fault::Fault;

fn version(number: u64) -> SecretVersion {
    SecretVersion::new(number).expect("a version")
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_is_encrypted_and_readable() {
    let vault = Vault::start().await;
    let secret = json!({"EMPTY": "", "URL": "postgres://crm\n\"'$\\ \u{0} ü"});
    vault
        .with(vault.acme.token(), async |secrets| {
            let place = path("acme/mcp/hostinger");
            let written = secrets
                .write(&place, &data(&secret), WriteCondition::Absent)
                .await
                .expect("written");
            assert_eq!((written.version, written.kind), (version(1), WriteKind::Created));
            let read = secrets.read(&place, None).await.expect("read");
            assert_eq!((read.version, read.key_version), (version(1), 1));
            assert_eq!(read.created_at, written.created_at);
            assert_eq!(values(&read.data), secret);
        })
        .await;
    let record = vault.record("acme/mcp/hostinger").await;
    assert_eq!((&record["v"], &record["key"]), (&json!(1), &json!("tenant-acme")), "{record}");
    let ciphertext = record["ct"].as_str().expect("a ciphertext");
    assert!(ciphertext.starts_with("vault:v1:"), "{ciphertext}");
    assert_eq!(record.as_object().map(serde_json::Map::len), Some(3), "{record}");
    assert!(!vault.bao.log().contains("postgres"));
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_ciphertext_does_not_decrypt() {
    let vault = Vault::start().await;
    vault
        .with(vault.acme.token(), async |secrets| {
            let secret = data(&json!({"A": "1"}));
            secrets.write(&path("acme/crm"), &secret, WriteCondition::None).await.expect("written");
        })
        .await;
    let record = vault.record("acme/crm").await;
    let mut relabelled = record.clone();
    relabelled["key"] = json!("tenant-globex");
    let mut changed = record.clone();
    changed["ct"] =
        json!(record["ct"].as_str().expect("text").replace("vault:v1:", "vault:v1:AAAA"));
    for (name, record) in [
        ("acme/other", record.clone()),
        ("acme/crm/deeper", record.clone()),
        ("globex/crm", record.clone()),
        ("globex/relabelled", relabelled),
        ("acme/changed", changed),
        ("acme/plain", json!({"GREETING": "hello"})),
    ] {
        vault.put_record(name, record).await;
        let token =
            if name.starts_with("acme") { vault.acme.token() } else { vault.globex.token() };
        let outcome = vault.with(token, async |secrets| secrets.read(&path(name), None).await);
        let error = outcome.await.expect_err(name);
        let expected =
            if name == "acme/plain" { RecordError::Format } else { RecordError::WrongContext };
        assert!(matches!(error, SecretError::Unreadable(why) if why == expected), "{name} {error}");
    }
    vault.put_record("acme/crm", record).await;
    let read = vault.with(vault.acme.token(), async |secrets| {
        secrets.read(&path("acme/crm"), None).await.map(|secret| values(&secret.data))
    });
    assert_eq!(read.await.expect("in its own place"), json!({"A": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn unbound_key_is_not_used() {
    let vault = Vault::start().await;
    let key = json!({"deletion_allowed": true});
    vault.bao.must("POST", "transit/keys/tenant-acme/config", Some(key)).await;
    vault.bao.must("DELETE", "transit/keys/tenant-acme", None).await;
    let place = path("acme/crm");
    vault
        .with(vault.acme.token(), async |secrets| {
            let secret = data(&json!({"A": "1"}));
            let missing = secrets.write(&place, &secret, WriteCondition::None).await;
            assert!(matches!(missing, Err(SecretError::KeyMissing)), "{missing:?}");
            let key = json!({"type": "aes256-gcm96", "derived": false});
            vault.bao.must("POST", "transit/keys/tenant-acme", Some(key)).await;
            let unfit = secrets.write(&place, &secret, WriteCondition::None).await;
            assert!(
                matches!(unfit, Err(SecretError::KeyUnusable(UnusableKey::NotDerived))),
                "{unfit:?}"
            );
            let deletable = json!({"deletion_allowed": true});
            vault.bao.must("POST", "transit/keys/tenant-acme/config", Some(deletable)).await;
            vault.bao.must("DELETE", "transit/keys/tenant-acme", None).await;
            let key = json!({"derived": true, "convergent_encryption": true});
            vault.bao.must("POST", "transit/keys/tenant-acme", Some(key)).await;
            let unfit = secrets.write(&place, &secret, WriteCondition::None).await;
            assert!(
                matches!(unfit, Err(SecretError::KeyUnusable(UnusableKey::Convergent))),
                "{unfit:?}"
            );
            assert_eq!(secrets.state(&place).await.expect("a state"), SecretState::Absent);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_version_hides_secret() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    vault
        .with(vault.acme.token(), async |secrets| {
            let write = async |value: &str, precondition| {
                secrets.write(&place, &data(&json!({"A": value})), precondition).await
            };
            assert!(matches!(
                secrets.delete(&place, WriteCondition::None).await,
                Err(SecretError::NotFound)
            ));
            write("1", WriteCondition::None).await.expect("written");
            write("2", WriteCondition::Latest(version(1))).await.expect("written");
            let conflict = secrets.delete(&place, WriteCondition::Latest(version(1))).await;
            assert!(matches!(conflict, Err(SecretError::Conflict)), "{conflict:?}");
            let deleted = secrets.delete(&place, WriteCondition::None).await.expect("deleted");
            assert_eq!(deleted, version(2));
            for outcome in [
                secrets.read(&place, None).await.map(|_| ()),
                secrets.read(&place, Some(version(2))).await.map(|_| ()),
                secrets.delete(&place, WriteCondition::None).await.map(|_| ()),
            ] {
                assert!(matches!(outcome, Err(SecretError::Deleted(v)) if v == version(2)));
            }
            let older = secrets.read(&place, Some(version(1))).await.expect("an older version");
            assert_eq!(values(&older.data), json!({"A": "1"}));
            let later = secrets.read(&place, Some(version(7))).await;
            assert!(
                matches!(later, Err(SecretError::VersionNotFound { version: v, latest })
                    if v == version(7) && latest == version(2)),
                "{later:?}"
            );
            let latest = write("3", WriteCondition::Latest(version(2))).await;
            assert!(matches!(latest, Err(SecretError::Conflict)), "{latest:?}");
            let written = write("3", WriteCondition::Absent).await.expect("written");
            assert_eq!((written.version, written.kind), (version(3), WriteKind::Created));
            let destroy = json!({"versions": [3]});
            vault.bao.must("PUT", "secret/destroy/tenants/acme/crm", Some(destroy)).await;
            let destroyed = secrets.read(&place, None).await;
            assert!(matches!(destroyed, Err(SecretError::Destroyed(_))), "{destroyed:?}");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_pages_skip_invalid_names() {
    let vault = Vault::start().await;
    let mut expected: Vec<String> = (0..1100).map(|n| format!("many/n{n:04}")).collect();
    expected.extend(["crm", "mcp-x", "mcp/a/b/c", "mcp/hostinger", "zz"].map(str::to_owned));
    expected.sort();
    for name in expected.iter().map(String::as_str).chain(["UPPER", "a/b/c/d/e", "dot.ted/x"]) {
        vault.put_record(&format!("acme/{name}"), json!({"v": 1})).await;
    }
    vault.bao.must("DELETE", "secret/data/tenants/acme/zz", None).await;
    vault
        .with(vault.acme.token(), async |secrets| {
            let tenant = path("acme/x").tenant;
            let names: Vec<_> =
                secrets.names(&tenant).into_stream().try_collect().await.expect("names");
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(names, expected);
            let listed: Vec<_> = secrets.list(&tenant).try_collect().await.expect("a list");
            let last = listed.last().expect("the last");
            assert_eq!((last.name.as_str(), last.state), ("zz", SecretState::Deleted(version(1))));
            assert_eq!(listed.len(), expected.len());
            assert!(
                listed.iter().rev().skip(1).all(|one| one.state == SecretState::Live(version(1)))
            );
            let tenant = path("globex/x").tenant;
            let denied = secrets.names(&tenant).next().await;
            assert!(matches!(denied, Err(SecretError::PermissionDenied)), "{denied:?}");
        })
        .await;
    let none = vault.with(vault.globex.token(), async |secrets| {
        secrets.names(&path("globex/x").tenant).next().await.expect("an answer")
    });
    assert_eq!(none.await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_fifty_writers_wins() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    vault
        .with(vault.acme.token(), async |secrets| {
            let secret = data(&json!({"A": "0"}));
            secrets.write(&place, &secret, WriteCondition::None).await.expect("written");
            let write = async |number: usize| {
                let secret = data(&json!({"A": number.to_string()}));
                secrets.write(&place, &secret, WriteCondition::Latest(version(1))).await
            };
            let outcomes = futures_util::future::join_all((1..=50).map(write)).await;
            let winners: Vec<usize> = (1..=50).filter(|n| outcomes[n - 1].is_ok()).collect();
            let [winner] = winners[..] else { panic!("{winners:?} have won") };
            let losers = outcomes.iter().filter(|o| matches!(o, Err(SecretError::Conflict)));
            assert_eq!(losers.count(), 49);
            let read = secrets.read(&place, None).await.expect("read");
            assert_eq!(read.version, version(2));
            assert_eq!(values(&read.data), json!({"A": winner.to_string()}));
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_write_keeps_old_or_new() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    vault
        .with(vault.acme.token(), async |secrets| {
            let mut before = json!({"A": "0", "B": "0"});
            secrets.write(&place, &data(&before), WriteCondition::None).await.expect("written");
            let faults = [
                Fault::Hang,
                Fault::Reset,
                Fault::Garbage,
                Fault::Truncated,
                Fault::Status(500, r#"{"errors":["no"]}"#),
                Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#),
                Fault::Status(400, r#"{"errors":["leadership lost while committing log"]}"#),
            ];
            let calls = [
                "GET /v1/secret/data/",
                "GET /v1/transit/keys/",
                "POST /v1/transit/encrypt/",
                "POST /v1/secret/data/",
            ];
            for (number, fault) in faults.into_iter().enumerate() {
                for call in calls {
                    let next = json!({"A": number.to_string(), "B": call});
                    vault.fault.set_for(call, fault).await;
                    let outcome = secrets.write(&place, &data(&next), WriteCondition::None).await;
                    let sealed = matches!(fault, Fault::Status(503, _));
                    let certain = sealed || call != "POST /v1/secret/data/";
                    let report = match outcome {
                        Err(SecretError::Unavailable(_)) => certain,
                        Err(SecretError::OutcomeUnknown(_)) => !certain,
                        _ => false,
                    };
                    assert!(report, "{call} {fault:?}: {outcome:?}");
                    vault.fault.set(Fault::Pass).await;
                    let now = secrets.read(&place, None).await.expect("whole");
                    assert_eq!(values(&now.data), before, "{call} {fault:?}");
                }
            }
            // The answer to the write itself is lost: it was done all the same.
            before["A"] = json!("last");
            vault.fault.set_for("POST /v1/secret/data/", Fault::Lost).await;
            let outcome = secrets.write(&place, &data(&before), WriteCondition::None).await;
            assert!(matches!(outcome, Err(SecretError::OutcomeUnknown(_))), "{outcome:?}");
            vault.fault.set(Fault::Pass).await;
            let now = secrets.read(&place, None).await.expect("whole");
            assert_eq!((values(&now.data), now.version), (before, version(2)));
        })
        .await;
}
