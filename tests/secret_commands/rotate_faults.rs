//! Rotations of keys and secrets that are not as they should be.

use serde_json::{Map, Value, json};

use super::{DESTROY, Platform, ROTATE, get, rotate, set};
use crate::support::{fault::Fault, shell::Shell};

impl Platform {
    /// Writes a record with this ciphertext.
    async fn forge(&self, name: &str, ciphertext: &str) {
        let record = json!({"v": 1, "key": "tenant-acme", "ct": ciphertext});
        let body = json!({ "data": record });
        self.bao.must("POST", &format!("secret/data/tenants/acme/{name}"), Some(body)).await;
    }

    /// Returns whether a version of a secret was destroyed.
    async fn is_destroyed(&self, name: &str, version: &str) -> bool {
        let path = format!("secret/metadata/tenants/acme/{name}");
        let metadata = self.bao.must("GET", &path, None).await;
        metadata["data"]["versions"][version]["destroyed"].as_bool().expect("a state")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unstored_key_version_stops_rotation() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    platform.bao.must("POST", "transit/keys/tenant-acme/rotate", None).await;
    let plan = rotate(&rotator, &["--dry-run"]);
    assert_eq!((&plan["rotated"], &plan["key_version"]), (&json!(true), &json!(3)));
    let done = rotate(&rotator, &[]);
    assert_eq!((&done["rotated"], &done["key_version"]), (&json!(true), &json!(3)));
    assert_eq!(platform.key_version("crm", 0).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_rotation_is_retried() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    let rotator = rotator.with("VAULT_ADDR", &platform.fault.addr());
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let calls = "POST /v1/transit/keys/tenant-acme/rotate";
    for (round, message) in [
        r#"{"errors":["1 error occurred:\n\t* transaction commit failed\n\n"]}"#,
        r#"{"errors":["internal error"]}"#,
        "no JSON",
    ]
    .into_iter()
    .enumerate()
    {
        let struck = platform.fault.struck();
        platform.fault.set_for(calls, Fault::StatusOnce(500, message)).await;
        let done = rotate(&rotator, &[]);
        assert_eq!((&done["rotated"], &done["key_version"]), (&json!(true), &json!(round + 2)));
        assert!(platform.fault.struck() >= struck + 2, "{message}: it was not repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_key_version_is_an_error() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "latest", &json!({"A": "1"}));
    platform.forge("latest", "vault:v9:AAAA").await;
    platform.forge("older", "vault:v9:AAAA").await;
    set(&acme, "acme", "older", &json!({"A": "1"}));
    platform.forge("next", "vault:v2:AAAA").await;
    let names = |result: &Value| {
        let failed = result["failed"]["all"].as_array().expect("a list").iter();
        let mut names: Vec<String> = failed.map(|one| one["name"].to_string()).collect();
        names.sort();
        names
    };
    let ended = rotator.run(&[&ROTATE[..], &["--dry-run"]].concat());
    let plan: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(names(&plan), [r#""latest""#, r#""next""#, r#""older""#]);
    for round in 0..2 {
        let ended = rotator.run(&[&ROTATE[..], &DESTROY].concat());
        let done: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(names(&done), [r#""latest""#, r#""next""#, r#""older""#], "{round}");
        assert!(done["failed"]["all"].to_string().contains("does not have"), "{done}");
        assert_eq!(done["rotated"], round == 0, "{done}");
        assert!(!platform.is_destroyed("latest", "1").await);
        assert_eq!(platform.key_versions().await, (2, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_version_behind_deleted_is_kept() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    for value in ["1", "2", "3"] {
        set(&acme, "acme", "crm", &json!({"A": value}));
    }
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    let done = rotate(&rotator, &DESTROY);
    assert_eq!(
        (&done["versions_destroyed"], &done["remaining"]["versions"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(platform.key_versions().await, (2, 1));
    for (version, value) in [("1", "1"), ("2", "2")] {
        assert_eq!(get(&acme, "acme", "crm", Some(version)), json!({"A": value}));
    }
    let text = rotator.run(&[&["tenants", "rotate", "acme"], &DESTROY[..]].concat()).done();
    assert!(text.contains("without a live successor"), "{text}");
    assert!(!text.contains("--destroy-old-versions destroys them"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_mount_keeps_key_versions() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let other = json!({"type": "kv", "options": {"version": "2"}});
    platform.bao.must("POST", "sys/mounts/other", Some(other)).await;
    let root = Shell::to(&platform.bao, platform.bao.root_token())
        .with("VALIDATOR_KV_MOUNT", "other")
        .with("VALIDATOR_VAULT_TIMEOUT", "1s");
    for more in [&DESTROY[..], &[]] {
        let done = rotate(&root, more);
        assert_eq!((&done["secrets"], &done["min_decryption_version"]), (&json!(0), &json!(1)));
    }
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn min_encryption_version_is_checked_first() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let config = "transit/keys/tenant-acme/config";
    let restricted = json!({"min_encryption_version": 1});
    platform.bao.must("POST", config, Some(restricted)).await;
    let refused = rotator.run(&[&ROTATE[..], &DESTROY].concat());
    refused.failed(1, "min_encryption_version of its key is 1");
    assert_eq!(platform.key_versions().await, (1, 1));
    assert!(!platform.is_destroyed("crm", "1").await);
    assert_eq!(rotate(&rotator, &[])["rewrapped"], 1);
    rotator.run(&[&ROTATE[..], &DESTROY].concat()).failed(1, "nothing was done");
    platform.bao.must("POST", config, Some(json!({"min_encryption_version": 0}))).await;
    assert_eq!(rotate(&rotator, &DESTROY)["versions_destroyed"], 1);
    assert_eq!(platform.key_versions().await, (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn destroying_needs_tenant_name() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let destroy = ["tenants", "rotate", "acme", "--destroy-old-versions"];
    rotator.run(&destroy).failed(2, "add --confirm acme");
    rotator.run(&[&destroy[..], &["--confirm", "globex"]].concat()).failed(2, "another tenant");
    let question = "Type the tenant's name:";
    let refused = rotator.on_a_terminal(&destroy, &[(question, "globex\n")]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(platform.key_versions().await, (1, 1));
    let plan = rotator.run(&[&destroy[..], &["--dry-run"]].concat()).done();
    assert!(plan.contains("Without --dry-run this permanently destroys them."), "{plan}");
    assert!(!plan.contains("remain readable"), "{plan}");
    rotator.on_a_terminal(&destroy, &[(question, "acme\n")]).done();
    assert_eq!(platform.key_versions().await, (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lists_failures_text_counts_them() {
    let platform = Platform::start().await;
    let rotator = platform.rotator().await;
    for number in 10..25 {
        platform.forge(&format!("n{number}"), "vault:v1:AAAA").await;
    }
    let ended = rotator.run(&ROTATE);
    let done: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(done["failed"]["all"].as_array().map(Vec::len), Some(15), "{done}");
    let text = rotator.run(&["tenants", "rotate", "acme"]).stdout;
    assert!(text.contains("and 5 other secrets"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_rotation_reports_progress() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    for name in ["crm", "odoo"] {
        set(&acme, "acme", name, &json!({"A": "1"}));
    }
    let rotator = rotator.with("VAULT_ADDR", &platform.fault.addr());
    let denied = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;
    let denied = Fault::Status(403, denied);
    let rotated = async |denying: &str| {
        platform.fault.set_for(denying, denied).await;
        let ended = rotator.run(&[&ROTATE[..], &DESTROY].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("policies/version-destroyer.hcl"), "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).expect("JSON")
    };
    let done = rotated("POST /v1/secret/destroy/").await;
    assert_eq!((&done["rotated"], &done["complete"]), (&json!(true), &json!(false)), "{done}");
    let done = rotated("POST /v1/transit/keys/tenant-acme/config").await;
    assert_eq!((&done["rotated"], &done["complete"]), (&json!(false), &json!(true)), "{done}");
    assert_eq!(done["versions_destroyed"], 2);
    assert_eq!((&done["key_version"], &done["min_decryption_version"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictory_numbers_are_rejected() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let (acme, rotator) =
        [acme, rotator].map(|shell| shell.with("VAULT_ADDR", &platform.fault.addr())).into();
    for (numbers, words) in [
        (r#""latest_version":0,"min_decryption_version":0"#, "latest_version is 0"),
        (r#""latest_version":1,"min_decryption_version":2"#, "not between 1 and latest_version"),
        (r#""latest_version":-1,"min_decryption_version":1"#, "cannot parse"),
        (r#""latest_version":1"#, "cannot parse"),
    ] {
        let body = format!(
            r#"{{"data":{{"type":"aes256-gcm96","derived":true,"convergent_encryption":false,"keys":{{"1":1,"0":1}},
            "min_encryption_version":0,{numbers}}}}}"#
        );
        let fault = Fault::Status(200, body.leak());
        platform.fault.set_for("GET /v1/transit/keys/tenant-acme", fault).await;
        rotator.run(&ROTATE).failed(1, words);
        acme.run(&["secrets", "get", "acme", "crm"]).failed(1, words);
    }
    for versions in [&[][..], &["1"], &["0", "2"], &["2", "3"]] {
        let entry = json!({"created_time": "2026-11-27T21:57:24Z"});
        let versions: Map<_, _> =
            versions.iter().map(|version| ((*version).to_owned(), entry.clone())).collect();
        let metadata = json!({"current_version": 2, "versions": versions});
        let list = json!({"data": {"keys": ["crm"], "key_info": {"crm": metadata}}});
        let fault = Fault::Status(200, list.to_string().leak());
        platform.fault.set_for("GET /v1/secret/detailed-metadata/tenants/acme", fault).await;
        acme.run(&["secrets", "list", "acme"]).failed(1, "cannot parse");
        let fault = Fault::Status(200, json!({ "data": metadata }).to_string().leak());
        platform.fault.set_for("GET /v1/secret/metadata/tenants/acme/crm", fault).await;
        acme.run(&["secrets", "versions", "acme", "crm"]).failed(1, "cannot parse");
    }
    platform.fault.set(Fault::Pass).await;
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_calls_are_bounded() {
    let platform = Platform::start().await;
    let (acme, rotator) = (platform.acme(), platform.rotator().await);
    for number in 0..10 {
        let name = format!("n{number}");
        set(&acme, "acme", &name, &json!({"NAME": name}));
    }
    for version in 2..=8 {
        set(&acme, "acme", "many", &json!({"VERSION": version.to_string()}));
    }
    let calls = |name: &str| {
        let (data, destroy) = (format!("/tenants/acme/{name}"), "secret/destroy/");
        let log = platform.bao.audit_log();
        let requests = log.iter().filter(|entry| entry["type"] == "request");
        let paths = requests.filter_map(|entry| entry["request"]["path"].as_str());
        let paths: Vec<String> = paths.map(str::to_owned).collect();
        let of = |found: &String| found.ends_with(&data) || found.starts_with(destroy);
        let own = paths.iter().filter(|path| of(path) && path.ends_with(&data)).count();
        let rewraps = paths.iter().filter(|path| path.starts_with("transit/rewrap/")).count();
        (own, rewraps)
    };
    let (before, rewraps_before) = calls("n0");
    let (many_before, _) = calls("many");
    rotate(&rotator, &DESTROY);
    let (after, rewraps_after) = calls("n0");
    let (many_after, _) = calls("many");
    assert_eq!(rewraps_after - rewraps_before, 11, "one for each secret");
    assert_eq!(after - before, 3, "read, write and destroy");
    // Read and write the latest, list the versions, read the other six, and destroy.
    assert_eq!(many_after - many_before, 10);
}
