//! `tenants rotate`, with a token that cannot decrypt.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DESTROY, Platform, ROTATE, get, rotate, set};
use crate::support::{fault::Fault, wait::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn rotation_preserves_values() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    for name in ["a/b/c/d", "crm", "mcp/hostinger"] {
        set(&acme, "acme", name, &json!({"NAME": name}));
    }
    set(&acme, "acme", "crm", &json!({"NAME": "crm", "SECOND": "version"}));
    rotator.run(&["secrets", "get", "acme", "crm"]).failed(1, "does not grant");

    let plan = rotate(&rotator, &["--dry-run"]);
    assert_eq!((&plan["rotated"], &plan["key_version"]), (&json!(true), &json!(2)));
    assert_eq!((&plan["behind"], &plan["remaining"]["versions"]), (&json!(3), &json!(4)));
    assert_eq!(platform.key_versions().await, (1, 1), "nothing was done");

    let done = rotate(&rotator, &[]);
    let expected = json!({
        "tenant": "acme",
        "dry_run": false,
        "complete": true,
        "rotated": true,
        "key_version": 2,
        "min_decryption_version": 1,
        "secrets": 3,
        "behind": 0,
        "rewrapped": 3,
        "versions_destroyed": 0,
        "remaining": {
            "versions": 4,
            "secrets": 3,
            "deleted": 0,
            "without_successor": 0,
            "first": done["remaining"]["first"],
        },
        "failed": {"secrets": 0, "first": [], "all": []},
    });
    assert_eq!(done, expected);
    let first = done["remaining"]["first"].as_array().expect("a list");
    assert!(first.contains(&json!({"name": "crm", "versions": [1, 2]})), "{first:?}");
    for name in ["a/b/c/d", "crm", "mcp/hostinger"] {
        assert_eq!(platform.key_version(name, 0).await, 2);
        assert_eq!(get(&acme, "acme", name, None)["NAME"], name);
    }
    assert_eq!(get(&acme, "acme", "crm", Some("1")), json!({"NAME": "crm"}), "still readable");
    assert_eq!(platform.key_versions().await, (2, 1));

    let done = rotate(&rotator, &DESTROY);
    assert_eq!((&done["rotated"], &done["rewrapped"]), (&json!(false), &json!(0)));
    assert_eq!(
        (&done["versions_destroyed"], &done["remaining"]["versions"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(platform.key_versions().await, (2, 2));
    acme.run(&["secrets", "get", "acme", "crm", "--version", "2"]).failed(1, "was destroyed");
    let expected = json!({"NAME": "crm", "SECOND": "version"});
    assert_eq!(get(&acme, "acme", "crm", None), expected);

    let done = rotate(&rotator, &DESTROY);
    assert_eq!((&done["rotated"], &done["key_version"]), (&json!(true), &json!(3)));
    assert_eq!(platform.key_versions().await, (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_secrets_key_version_is_kept() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    let text = rotator.run(&["tenants", "rotate", "acme"]).done();
    assert!(text.contains("The key of acme has a new version, 2."), "{text}");
    assert!(text.contains("1 of them are deleted and could not be checked."), "{text}");
    assert_eq!(platform.key_versions().await, (2, 1));
    let undelete = json!({"versions": [1]});
    platform.bao.must("PUT", "secret/undelete/tenants/acme/crm", Some(undelete)).await;
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "1"}));
    let done = rotate(&rotator, &[]);
    assert_eq!((&done["rotated"], &done["rewrapped"]), (&json!(true), &json!(1)));
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    let destroy = [&["tenants", "rotate", "acme"], &DESTROY[..]].concat();
    let text = rotator.run(&destroy).done();
    assert!(text.contains("1 of them are live without a live successor"), "{text}");
    assert_eq!(platform.key_versions().await, (3, 1));
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    let text = rotator.run(&destroy).done();
    assert!(text.contains("No older version of the key can decrypt any more."), "{text}");
    assert_eq!(platform.key_versions().await, (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_rewrap_keeps_key_version() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let record = platform.bao.must("GET", "secret/data/tenants/acme/crm", None).await;
    let moved = json!({"data": record["data"]["data"]});
    platform.bao.must("POST", "secret/data/tenants/acme/moved", Some(moved)).await;
    let plain = json!({"data": {"A": "plain"}});
    platform.bao.must("POST", "secret/data/tenants/acme/plain", Some(plain)).await;
    let ended = rotator.run(&[&ROTATE[..], &DESTROY].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let done: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let failed: Vec<&Value> = done["failed"]["first"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert!(failed.len() == 2 && failed.contains(&&json!("moved")), "{done}");
    assert_eq!(done["rewrapped"], 1);
    assert_eq!(platform.key_versions().await, (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permission_changes_nothing() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    for shell in [acme.clone(), platform.holder("validator").await] {
        shell.run(&ROTATE).failed(1, "policies/key-rotator.hcl");
    }
    assert_eq!(platform.key_versions().await, (1, 1));
    assert_eq!(platform.key_version("crm", 0).await, 1);
    let rotator = platform.rotator().await;
    rotator.run(&["tenants", "rotate", "nobody"]).failed(1, "no key");
    rotator.run(&["tenants", "rotate", "No-Body"]).failed(2, "a tenant's name is");
}

#[tokio::test(flavor = "multi_thread")]
async fn destroying_needs_its_own_policy() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let rotator = platform.holder("key-rotator").await.with("VALIDATOR_VAULT_TIMEOUT", "1s");
    let refused = rotator.run(&[&ROTATE[..], &DESTROY].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("policies/version-destroyer.hcl"), "{refused:?}");
    assert_eq!(get(&acme, "acme", "crm", Some("1")), json!({"A": "1"}));
    assert_eq!(platform.key_versions().await, (2, 1));
    assert_eq!(rotate(&rotator, &[])["complete"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_are_kept() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    let names: Vec<String> = (0..3).map(|number| format!("n{number}")).collect();
    for name in &names {
        set(&acme, "acme", name, &json!({"COUNT": "0"}));
    }
    let written = std::thread::scope(|scope| {
        let writers: Vec<_> = names
            .iter()
            .map(|name| {
                let acme = &acme;
                scope.spawn(move || {
                    for count in 1..=25 {
                        let key = format!("K{count}");
                        let value = count.to_string();
                        acme.feed(&["secrets", "set", "acme", name, &key], value.as_bytes()).done();
                    }
                })
            })
            .collect();
        let mut rotated = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            rotator.run(&ROTATE).done();
            rotated += 1;
        }
        rotated
    });
    assert!(written > 0, "nothing was rotated meanwhile");
    for name in &names {
        let values = get(&acme, "acme", name, None);
        let values = values.as_object().expect("an object");
        assert_eq!(values.len(), 26, "{name}");
        for count in 1..=25 {
            assert_eq!(values[&format!("K{count}")].as_str(), Some(&*count.to_string()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_with_old_key_are_awaited() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    platform.fault.set_for("POST /v1/secret/data/", Fault::Late(Duration::from_millis(1500))).await;
    let slow = acme.with("VAULT_ADDR", &platform.fault.addr());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| set(&slow, "acme", "late", &json!({"A": "2"})));
        while platform.fault.struck() == 0 {
            std::thread::yield_now();
        }
        let done = rotate(&rotator, &DESTROY);
        assert_eq!((&done["key_version"], &done["min_decryption_version"]), (&json!(2), &json!(2)));
        writer.join().expect("it is written");
    });
    assert_eq!(platform.key_version("late", 0).await, 2);
    assert_eq!(get(&slow, "acme", "late", None), json!({"A": "2"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn write_between_read_and_rewrap_is_kept() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let rotator = platform.rotator().await.with("VALIDATOR_VAULT_TIMEOUT", "3s");
    let slow = rotator.with("VAULT_ADDR", &platform.fault.addr());
    for (number, call) in ["transit/rewrap/", "secret/data/"].into_iter().enumerate() {
        let number = number.to_string();
        set(&acme, "acme", "crm", &json!({"A": "before"}));
        let struck = platform.fault.struck();
        let late = Fault::Late(Duration::from_secs(2));
        platform.fault.set_for(&format!("POST /v1/{call}"), late).await;
        std::thread::scope(|scope| {
            let rotation = scope.spawn(|| rotate(&slow, &[]));
            while platform.fault.struck() == struck {
                std::thread::yield_now();
            }
            set(&acme, "acme", "crm", &json!({"A": number}));
            assert_eq!(rotation.join().expect("it ends")["failed"]["secrets"], 0);
        });
        assert_eq!(get(&acme, "acme", "crm", None), json!({"A": number}), "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rotations_rotate_once() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    for number in 0..40 {
        let name = format!("n{number}");
        set(&acme, "acme", &name, &json!({"NAME": name}));
    }
    let rotated = std::thread::scope(|scope| {
        let rotations = [(); 2].map(|()| scope.spawn(|| rotate(&rotator, &DESTROY)));
        rotations.map(|rotation| rotation.join().expect("it ends")["rotated"] == true)
    });
    assert!(rotated == [true, false] || rotated == [false, true], "{rotated:?}");
    assert_eq!(platform.key_versions().await, (2, 2));
    for number in 0..40 {
        let name = format!("n{number}");
        assert_eq!(platform.key_version(&name, 0).await, 2);
        assert_eq!(get(&acme, "acme", &name, None)["NAME"], name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_resumes_after_kill() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let rotator = platform.rotator().await.with("VAULT_ADDR", &platform.fault.addr());
    for number in 0..10 {
        let name = format!("n{number}");
        set(&acme, "acme", &name, &json!({"NAME": name}));
    }
    // Each is killed while the first call of this kind is under way, done or not.
    for (calls, rotated) in [
        ("GET /v1/secret/metadata/tenants/acme?", false),
        ("POST /v1/secret/data/rotation/acme", false),
        ("POST /v1/secret/metadata/rotation/acme", false),
        ("POST /v1/transit/keys/tenant-acme/rotate", false),
        ("POST /v1/transit/rewrap/", true),
        ("POST /v1/secret/data/tenants/", true),
        ("POST /v1/secret/destroy/", true),
        ("POST /v1/transit/keys/tenant-acme/config", true),
    ] {
        let struck = platform.fault.struck();
        platform.fault.set_for(calls, Fault::Hang).await;
        let process = rotator.start(&[&ROTATE[..], &DESTROY].concat());
        eventually(Duration::from_secs(30), calls, async || {
            assert_eq!(process.exit_status(), None, "{calls}: {}", process.log());
            (platform.fault.struck() > struck).then_some(())
        })
        .await;
        process.kill();
        platform.fault.set(Fault::Pass).await;
        platform.end_lease().await;
        let latest = if rotated { 2 } else { 1 };
        assert_eq!(platform.key_versions().await, (latest, 1), "{calls}");
        for number in 0..10 {
            let name = format!("n{number}");
            assert_eq!(get(&acme, "acme", &name, None)["NAME"], name, "{calls}");
        }
    }
    let done = rotate(&rotator, &DESTROY);
    assert_eq!((&done["rotated"], &done["key_version"]), (&json!(false), &json!(2)));
    assert_eq!(platform.key_versions().await, (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_response_is_recovered() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let rotator = platform.rotator().await.with("VAULT_ADDR", &platform.fault.addr());
    for calls in [
        "GET /v1/secret/data/",
        "POST /v1/secret/data/rotation/",
        "POST /v1/secret/metadata/rotation/",
        "POST /v1/transit/keys/tenant-acme/rotate",
        "POST /v1/transit/rewrap/",
        "POST /v1/secret/data/tenants/",
        "POST /v1/secret/destroy/",
    ] {
        set(&acme, "acme", "crm", &json!({"A": "1"}));
        set(&acme, "acme", "odoo", &json!({"A": "2"}));
        platform.fault.set_for(calls, Fault::Hiccup).await;
        let done = rotate(&rotator, &DESTROY);
        assert_eq!(
            (&done["secrets"], &done["failed"]["secrets"]),
            (&json!(2), &json!(0)),
            "{calls}"
        );
        assert_eq!(done["key_version"], done["min_decryption_version"], "{calls}");
        platform.fault.set(Fault::Pass).await;
        assert_eq!(get(&acme, "acme", "odoo", None), json!({"A": "2"}), "{calls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_bar_needs_terminal() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "hunter2"}));
    let shown = rotator.on_a_terminal(&["tenants", "rotate", "acme"], &[]).done();
    assert!(
        shown.contains("rewrapping secrets [##############################] 1 of 1"),
        "{shown:?}"
    );
    let ended = rotator.run(&["tenants", "rotate", "acme"]);
    assert_eq!(ended.stderr, "waiting 2s for writes with the previous key version\n");
}
