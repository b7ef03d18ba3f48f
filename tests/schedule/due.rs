//! `tenants rotate --due`, with the policy `key-rotator` and no other.

use std::time::Duration;

use serde_json::{Value, json};

use super::Platform;
use crate::support::{
    fault::Fault,
    platform::{age_key, create_key, token_with},
    shell::Shell,
    wait::eventually,
};

const DUE: [&str; 5] = ["tenants", "rotate", "--due", "--output", "json"];

/// Returns the outcome of a tenant.
fn outcome<'v>(printed_report: &'v Value, tenant: &str) -> &'v Value {
    let tenants = printed_report["tenants"].as_array().expect("tenants");
    tenants.iter().find(|one| one["tenant"] == tenant).expect("the tenant")
}

/// Returns the printed report, also of a failed run.
fn printed_report(ended: &crate::support::shell::Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_due_keys_are_rotated() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    let none = rotator.run(&["tenants", "rotate", "--due"]).done();
    assert!(none.starts_with("no tenant has a rotation interval"), "{none}");
    create_key(&platform.bao, "initech").await;
    age_key(&platform.bao, "initech", 900 * 24).await;
    for tenant in ["acme", "globex"] {
        platform.set_interval(tenant, "90d").await;
        platform.write(tenant, "crm");
    }
    age_key(&platform.bao, "acme", 90 * 24).await;
    age_key(&platform.bao, "globex", 90 * 24 - 1).await;

    let plan = rotator.run(&[&DUE[..], &["--dry-run"]].concat()).json();
    assert_eq!((&plan["dry_run"], &plan["done"]), (&json!(true), &json!(1)), "{plan}");
    assert_eq!(outcome(&plan, "acme")["report"]["behind"], 1);
    assert_eq!(platform.key_version("acme").await, 1, "nothing was done");

    let done = rotator.run(&DUE).json();
    let acme = outcome(&done, "acme");
    assert_eq!((&acme["outcome"], &acme["every"]), (&json!("done"), &json!("90d")));
    assert_eq!(acme["due_because"], "the key is 90d old");
    assert_eq!(
        (&acme["report"]["rotated"], &acme["report"]["rewrapped"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(outcome(&done, "globex")["outcome"], "not_due");
    assert_eq!(done["tenants"].as_array().map(Vec::len), Some(2));
    for (tenant, version) in [("acme", 2), ("globex", 1), ("initech", 1)] {
        assert_eq!(platform.key_version(tenant).await, version, "{tenant}");
    }
    assert_eq!(platform.secret_key_version("acme", "crm").await, 2);

    let again = rotator.run(&["tenants", "rotate", "--due"]).done();
    assert_eq!(again, "nothing is due: 2 tenants with a rotation interval\n");
    age_key(&platform.bao, "globex", 1).await;
    let text = rotator.run(&["tenants", "rotate", "--due"]).done();
    assert!(text.contains("globex: the key is 90d old (every 90d)\n"), "{text}");
    assert!(text.contains("The key of globex has a new version, 2."), "{text}");
    assert!(
        text.ends_with("\n2 tenants with a rotation interval: 1 rotated, 1 not due\n"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_tenant_does_not_block_others() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    platform.put_settings("acme", json!({"v": 1, "rotate_every": "-90d"})).await;
    platform.put_settings("gone", json!({"v": 1, "rotate_every": "90d"})).await;
    create_key(&platform.bao, "future").await;
    platform.set_interval("future", "90d").await;
    platform.set_interval("globex", "90d").await;
    for (tenant, days) in [("acme", 100), ("globex", 100), ("future", -3)] {
        age_key(&platform.bao, tenant, days * 24).await;
    }
    let ended = rotator.run(&DUE);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("3 tenants could not be processed"), "{ended:?}");
    let printed_report = printed_report(&ended);
    for (tenant, words) in [
        ("acme", "`-90d` is not a rotation interval"),
        ("gone", "has no key"),
        ("future", "Correct the clocks of Vault's nodes"),
    ] {
        let found = outcome(&printed_report, tenant);
        assert_eq!(found["outcome"], "failed", "{found}");
        let error = found["error"].as_str().expect("an error");
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(outcome(&printed_report, "globex")["outcome"], "done");
    for (tenant, version) in [("acme", 1), ("globex", 2), ("future", 1)] {
        assert_eq!(platform.key_version(tenant).await, version, "{tenant}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_rotated_by_vault_is_rewrapped() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    platform.set_interval("acme", "90d").await;
    platform.write("acme", "crm");
    platform.bao.must("POST", "transit/keys/tenant-acme/rotate", None).await;
    let done = rotator.run(&DUE).json();
    let because = outcome(&done, "acme")["due_because"].as_str().expect("a reason").to_owned();
    assert!(because.ends_with("has rotated the key, and not rewrapped 1 secret"), "{because}");
    let latest = platform.key_version("acme").await;
    assert_eq!(platform.secret_key_version("acme", "crm").await, latest);
    assert_eq!(rotator.run(&DUE).json()["not_due"], 1);
    assert_eq!(platform.key_version("acme").await, latest);

    // Where no secret is behind, a version that somebody else has made is nothing to do.
    platform.set_interval("globex", "90d").await;
    platform.bao.must("POST", "transit/keys/tenant-globex/rotate", None).await;
    assert_eq!(rotator.run(&DUE).json()["not_due"], 2);
    assert_eq!(platform.key_version("globex").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_rotation_is_resumed() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    let slow = rotator.clone().with("VAULT_ADDR", &platform.fault.addr());
    platform.set_interval("acme", "90d").await;
    platform.write("acme", "crm");
    age_key(&platform.bao, "acme", 91 * 24).await;
    platform.fault.set_for("POST /v1/transit/rewrap/", Fault::Hang).await;
    let process = slow.start(&DUE);
    eventually(Duration::from_secs(30), "a rewrap", async || {
        assert_eq!(process.exit_status(), None, "{}", process.log());
        (platform.fault.struck() > 0).then_some(())
    })
    .await;
    process.kill();
    platform.fault.set(Fault::Pass).await;
    let held = rotator.run(&DUE).json();
    assert_eq!(outcome(&held, "acme")["outcome"], "in_progress_elsewhere", "until its lease ends");
    platform.bao.must("DELETE", "secret/data/rotation/acme", None).await;
    let done = rotator.run(&DUE).json();
    assert_eq!(outcome(&done, "acme")["due_because"], "a rotation was not finished");
    assert_eq!(outcome(&done, "acme")["report"]["rotated"], json!(false));
    assert_eq!(platform.key_version("acme").await, 2);
    assert_eq!(platform.secret_key_version("acme", "crm").await, 2);
    assert_eq!(rotator.run(&DUE).json()["not_due"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_secret_allows_next_rotation() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    platform.set_interval("acme", "90d").await;
    platform.write("acme", "crm");
    let plain = json!({"data": {"A": "plain"}});
    platform.bao.must("POST", "secret/data/tenants/acme/plain", Some(plain)).await;
    for (version, because) in [(2, "the key is 91d old"), (3, "the key is 91d old")] {
        age_key(&platform.bao, "acme", 91 * 24).await;
        platform.age_note("acme", 91 * 24).await;
        for (because, rotated) in [(because, true), ("a rotation was not finished", false)] {
            let ended = rotator.run(&DUE);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let printed_report = printed_report(&ended);
            let acme = outcome(&printed_report, "acme");
            assert_eq!(acme["due_because"], because, "{acme}");
            assert_eq!(acme["report"]["rotated"], rotated, "{acme}");
        }
        assert_eq!(platform.key_version("acme").await, version);
        assert_eq!(platform.secret_key_version("acme", "crm").await, version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrently_rotated_tenant_is_skipped() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    for tenant in ["acme", "globex"] {
        platform.set_interval(tenant, "90d").await;
        age_key(&platform.bao, tenant, 91 * 24).await;
    }
    let holder =
        json!({"id": "1", "host": "elsewhere", "process": 7, "user": "uid 1", "since": null});
    platform.bao.must("POST", "secret/data/rotation/acme", Some(json!({"data": holder}))).await;
    let text = rotator.run(&["tenants", "rotate", "--due"]).done();
    assert!(
        text.contains("acme: in progress elsewhere, by process 7 of uid 1 on elsewhere"),
        "{text}"
    );
    assert!(text.ends_with("1 rotated, 1 in progress elsewhere\n"), "{text}");
    assert_eq!((platform.key_version("acme").await, platform.key_version("globex").await), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_runs_rotate_each_key_once() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    for tenant in ["acme", "globex"] {
        platform.set_interval(tenant, "90d").await;
        platform.write(tenant, "crm");
    }
    for round in 2..5 {
        for tenant in ["acme", "globex"] {
            age_key(&platform.bao, tenant, 91 * 24).await;
        }
        let runs: Vec<_> = std::thread::scope(|scope| {
            let runs = [0, 1, 2].map(|_| scope.spawn(|| rotator.run(&DUE).json()));
            runs.into_iter().map(|run| run.join().expect("it ends")).collect()
        });
        for tenant in ["acme", "globex"] {
            let done = runs.iter().filter(|run| outcome(run, tenant)["outcome"] == "done").count();
            assert_eq!(done, 1, "{tenant}: {runs:#?}");
            assert_eq!(platform.key_version(tenant).await, round, "{tenant}");
            assert_eq!(platform.secret_key_version(tenant, "crm").await, round, "{tenant}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_settings_are_a_failure() {
    let platform = Platform::start().await;
    platform.set_interval("acme", "90d").await;
    age_key(&platform.bao, "acme", 91 * 24).await;
    let policy = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n";
    let list = "path \"secret/metadata/tenant-settings\" { capabilities = [\"list\"] }";
    for more in ["", list] {
        let token = token_with(&platform.bao, &format!("{policy}{more}")).await;
        let shell = Shell::to(&platform.bao, &token);
        shell.run(&DUE).failed(1, "needs list on secret/metadata/tenant-settings");
    }
    let root = Shell::to(&platform.bao, platform.bao.root_token());
    root.with("VALIDATOR_KV_MOUNT", "nowhere").run(&DUE).failed(1, "nowhere");
    assert_eq!(platform.key_version("acme").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeat_continues_until_signal() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    platform.set_interval("acme", "90d").await;
    age_key(&platform.bao, "acme", 91 * 24).await;
    platform.put_settings("broken", json!({"v": 1})).await;
    let process = rotator.start(&["tenants", "rotate", "--due", "--repeat", "1d"]);
    let failed = "1 tenant could not be processed; the next round starts in 1h";
    eventually(Duration::from_secs(30), "a round", async || {
        assert_eq!(process.exit_status(), None, "{}", process.log());
        process.log().contains(failed).then_some(())
    })
    .await;
    assert_eq!(platform.key_version("acme").await, 2);
    let status = process.stop_gracefully(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_rotation_and_lease() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    let slow = rotator.clone().with("VAULT_ADDR", &platform.fault.addr());
    platform.set_interval("acme", "90d").await;
    platform.write("acme", "crm");
    for (arguments, code) in [(&[][..], 1), (&["--repeat", "1d"][..], 0)] {
        age_key(&platform.bao, "acme", 91 * 24).await;
        let struck = platform.fault.struck();
        platform.fault.set_for("POST /v1/transit/rewrap/", Fault::Hang).await;
        let process = slow.start(&[&["tenants", "rotate", "--due"], arguments].concat());
        eventually(Duration::from_secs(30), "a rewrap", async || {
            assert_eq!(process.exit_status(), None, "{}", process.log());
            (platform.fault.struck() > struck).then_some(())
        })
        .await;
        let status = process.stop_gracefully(Duration::from_secs(10)).await;
        assert_eq!(status.code(), Some(code));
        platform.fault.set(Fault::Pass).await;
        let done = rotator.run(&DUE).json();
        assert_eq!(outcome(&done, "acme")["due_because"], "a rotation was not finished");
    }
}

#[test]
fn invalid_arguments_never_reach_vault() {
    let shell = Shell::new("http://127.0.0.1:1", "s.own");
    for arguments in [
        &["rotate"][..],
        &["rotate", "acme", "--due"],
        &["rotate", "--due", "--destroy-old-versions"],
        &["rotate", "--due", "--wait", "1m"],
        &["rotate", "acme", "--repeat", "1d"],
        &["rotate", "--due", "--repeat", "1s"],
        &["rotate", "--due", "--repeat", "1d", "--dry-run"],
    ] {
        let ended = shell.run(&[&["tenants"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
    }
}
