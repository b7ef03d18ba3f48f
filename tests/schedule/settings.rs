//! `tenants set`, `tenants create --rotate-every`, and what `list` and `show` make of it.

use serde_json::json;

use super::{Platform, listed};
use crate::support::{
    platform::{age_key, token_with},
    shell::Shell,
};

const SET: [&str; 4] = ["tenants", "set", "acme", "--rotate-every"];

fn set(every: &str) -> Vec<&str> {
    [&SET[..], &[every]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn interval_is_stored_until_never() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    let text = operator.run(&set("90d")).done();
    assert_eq!(text, "`tenants rotate --due` rotates the key of acme when it is 90d old\n");
    assert_eq!(platform.settings("acme").await, json!({"v": 1, "rotate_every": "90d"}));
    let report = operator.run(&[&set("36h")[..], &["--output", "json"]].concat()).json();
    assert_eq!(report, json!({"tenant": "acme", "rotate_every": "36h"}));
    let rotation = listed(&operator, "acme");
    let expected = json!({
        "every": "36h",
        "unreadable": null,
        "age_seconds": rotation["age_seconds"],
        "due": "no",
        "auto_rotate_period": null,
    });
    assert_eq!(rotation, expected);
    assert_eq!(listed(&operator, "globex")["every"], json!(null));
    let shown = operator.run(&["tenants", "show", "acme"]).done();
    assert!(shown.contains("  rotates  every 36h, not due yet\n"), "{shown}");

    for _ in 0..2 {
        operator.run(&set("never")).done();
        let (status, _) =
            platform.bao.request("GET", "secret/metadata/tenant-settings/acme", None).await;
        assert_eq!(status, 404, "nothing is left of it");
    }
    assert_eq!(listed(&operator, "acme")["every"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_interval_never_reaches_vault() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    for every in ["0d", "90", "-1d", "30m", "4000d", "Never", "", "90 dogs", "1h 1s"] {
        let every = format!("--rotate-every={every}");
        operator.run(&["tenants", "set", "acme", &every]).failed(2, "such as 90d");
        operator.run(&["tenants", "create", "acme", &every]).failed(2, "such as 90d");
    }
    operator.run(&["tenants", "set", "acme"]).failed(2, "--rotate-every");
    assert_eq!(platform.settings("acme").await, json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_tenant_gets_no_settings() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    let set = ["tenants", "set", "acne", "--rotate-every", "90d"];
    operator.run(&set).failed(1, "acne has no key");
    assert_eq!(platform.settings("acne").await, json!(null));
    platform.put_settings("acne", json!({"v": 1, "rotate_every": "90d"})).await;
    operator.run(&["tenants", "set", "acne", "--rotate-every", "never"]).done();
    assert_eq!(platform.settings("acne").await, json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_v1_mount_gets_no_settings() {
    let platform = Platform::start().await;
    let old = json!({"type": "kv", "options": {"version": "1"}});
    platform.bao.must("POST", "sys/mounts/old", Some(old)).await;
    let root = Shell::to(&platform.bao, platform.bao.root_token());
    let old = root.with("VALIDATOR_KV_MOUNT", "old");
    old.run(&set("90d")).failed(1, "mount old/ is not KV version 2");
    let (status, _) = platform.bao.request("LIST", "old/data", None).await;
    assert_eq!(status, 404, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn create_plans_the_interval() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    let create = ["tenants", "create", "initech", "--rotate-every", "90d"];
    let shown = operator.run(&[&create[..], &["--dry-run"]].concat()).done();
    let step = "create  setting  secret/tenant-settings/initech  the key is rotated every 90d";
    assert!(shown.contains(step), "{shown}");
    assert_eq!(platform.settings("initech").await, json!(null));
    operator.run(&create).done();
    assert_eq!(platform.settings("initech").await, json!({"v": 1, "rotate_every": "90d"}));
    let again = operator.run(&create).done();
    assert!(again.contains("same"), "{again}");
    let other = ["tenants", "create", "initech", "--rotate-every", "30d"];
    let changed = operator.run(&other).done();
    assert!(changed.contains("every 90d becomes every 30d"), "{changed}");
    operator.run(&["tenants", "create", "initech"]).done();
    assert_eq!(platform.settings("initech").await, json!({"v": 1, "rotate_every": "30d"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn list_shows_key_age_by_vaults_clock() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    for tenant in ["acme", "globex"] {
        operator.run(&["tenants", "set", tenant, "--rotate-every", "90d"]).done();
    }
    for (hours, age, due) in
        [(89 * 24, "89d", "no"), (2 * 24, "91d", "due"), (2 * 24, "93d", "overdue")]
    {
        age_key(&platform.bao, "acme", hours).await;
        let rotation = listed(&operator, "acme");
        assert_eq!((&rotation["due"], &rotation["every"]), (&json!(due), &json!("90d")), "{age}");
        let days = rotation["age_seconds"].as_u64().expect("a number") / (24 * 3600);
        assert_eq!(format!("{days}d"), age);
    }
    let text = operator.run(&["tenants", "list"]).done();
    let line = "acme    aes256-gcm96  v1       v1             93d  90d           overdue  1";
    assert!(text.contains(line), "{text}");
    age_key(&platform.bao, "globex", -24).await;
    let rotation = listed(&operator, "globex");
    assert_eq!((&rotation["due"], &rotation["age_seconds"]), (&json!("unknown"), &json!(null)));
    let shown = operator.run(&["tenants", "show", "globex"]).done();
    assert!(shown.contains("every 90d, its date is in the future"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vaults_own_rotation_is_distinguished() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    let period = json!({"auto_rotate_period": "720h"});
    platform.bao.must("POST", "transit/keys/tenant-globex/config", Some(period)).await;
    let rotation = listed(&operator, "globex");
    let expected = (&json!(null), &json!(2_592_000));
    assert_eq!((&rotation["every"], &rotation["auto_rotate_period"]), expected);
    let text = operator.run(&["tenants", "list"]).done();
    assert!(text.contains("Vault: 30days"), "{text}");
    assert!(text.contains("never rewraps the secrets; `tenants rotate --due` does"), "{text}");
    let shown = operator.run(&["tenants", "show", "globex"]).done();
    assert!(shown.contains("Vault rotates it every 30days, and never rewraps"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_settings_are_not_none() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    for data in [
        json!({"v": 2, "rotate_every": "90d"}),
        json!({"v": 1, "rotate_every": 90}),
        json!({"v": 1, "rotate_every": "0d"}),
        json!({"v": 1, "rotate_every": "-5d"}),
        json!({"v": 1, "rotate_every": "90d", "more": 1}),
        json!({}),
    ] {
        platform.put_settings("acme", data.clone()).await;
        let rotation = listed(&operator, "acme");
        assert_eq!((&rotation["every"], &rotation["due"]), (&json!(null), &json!(null)), "{data}");
        assert!(rotation["unreadable"].is_string(), "{data}: {rotation}");
        let text = operator.run(&["tenants", "list"]).done();
        assert!(text.contains("unreadable"), "{text}");
        let create = ["tenants", "create", "acme", "--rotate-every", "90d"];
        operator.run(&create).failed(1, "`tenants set acme --rotate-every 90d` replaces it");
    }
    platform.bao.must("DELETE", "secret/data/tenant-settings/acme", None).await;
    let why = listed(&operator, "acme")["unreadable"].clone();
    assert_eq!(why, "its latest version, 6, is deleted");
    operator.run(&set("90d")).done();
    assert_eq!(listed(&operator, "acme")["every"], "90d");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_settings_permission_is_shown() {
    let platform = Platform::start().await;
    platform.operator().await.run(&set("90d")).done();
    let policy = "path \"transit/keys\" { capabilities = [\"list\"] }\n\
                  path \"transit/keys/+\" { capabilities = [\"read\"] }\n\
                  path \"identity/entity/id\" { capabilities = [\"list\"] }\n\
                  path \"identity/entity/id/+\" { capabilities = [\"read\"] }\n\
                  path \"sys/mounts\" { capabilities = [\"read\"] }\n\
                  path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n";
    for more in ["", "path \"secret/metadata/tenant-settings\" { capabilities = [\"list\"] }"] {
        let token = token_with(&platform.bao, &format!("{policy}{more}")).await;
        let shell = Shell::to(&platform.bao, &token);
        let ended = shell.run(&["tenants", "list"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains("unreadable"), "{ended:?}");
        assert!(
            ended.stderr.contains("needs list on secret/metadata/tenant-settings"),
            "{ended:?}"
        );
        shell
            .run(&set("30d"))
            .failed(1, "create, read and update on secret/data/tenant-settings/acme");
        shell.run(&set("never")).failed(1, "delete on secret/metadata/tenant-settings/acme");
    }
    assert_eq!(platform.settings("acme").await, json!({"v": 1, "rotate_every": "90d"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_deleted_with_tenant() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    let shred = ["tenants", "shred", "acme", "--confirm", "acme"];
    for _ in 0..2 {
        // The second time there is no key, as after a run that was cut short.
        platform.put_settings("acme", json!({"v": 1, "rotate_every": "90d"})).await;
        operator.run(&shred).done();
        assert_eq!(platform.settings("acme").await, json!(null));
    }
}
