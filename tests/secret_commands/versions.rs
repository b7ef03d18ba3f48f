//! `secrets versions` and `undelete`.

use serde_json::json;

use super::{Platform, get, set};
use crate::support::{fault::Fault, shell::Shell};

#[tokio::test(flavor = "multi_thread")]
async fn deleted_version_is_restored() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    for value in ["1", "2"] {
        set(&acme, "acme", "crm", &json!({"A": value}));
    }
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    let destroy = json!({"versions": [1]});
    platform.bao.must("PUT", "secret/destroy/tenants/acme/crm", Some(destroy)).await;
    set(&acme, "acme", "crm", &json!({"A": "3"}));

    let list = ["secrets", "versions", "acme", "crm"];
    let table = acme.run(&list).done();
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    let words: Vec<_> = rows.iter().map(|row| (row[1], row[2], row.get(5).copied())).collect();
    let expected =
        [("1", "destroyed", None), ("2", "deleted", Some("deleted")), ("3", "live", Some("key"))];
    assert_eq!(words, expected, "{table}");
    let document = acme.run(&[&list[..], &["--output", "json"]].concat()).json();
    let states: Vec<_> = document["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|version| (&version["version"], &version["state"], &version["key_version"]))
        .collect();
    let [one, two, three] = [json!(1), json!(2), json!(3)];
    let [destroyed, deleted, live] = [json!("destroyed"), json!("deleted"), json!("live")];
    let null = json!(null);
    let expected = [(&one, &destroyed, &null), (&two, &deleted, &null), (&three, &live, &one)];
    assert_eq!(states, expected);

    let undelete =
        |version| acme.run(&["secrets", "undelete", "acme", "crm", "--version", version]);
    let back = undelete("2").done();
    assert!(back.starts_with("undeleted acme/crm: version 2\nthe latest is version 3"), "{back}");
    assert_eq!(get(&acme, "acme", "crm", Some("2")), json!({"A": "2"}));
    assert_eq!(get(&acme, "acme", "crm", None), json!({"A": "3"}));
    assert!(undelete("2").done().starts_with("acme/crm: version 2 is not deleted"));
    undelete("1").failed(1, "version 1 was destroyed");
    undelete("9").failed(1, "there is no version 9; the latest is 3");
    undelete("0").failed(2, "a version is a whole number");
    let undelete = ["secrets", "undelete", "acme", "crm", "--version", "3", "--output", "json"];
    let document = acme.run(&undelete).json();
    assert_eq!((&document["latest"], &document["changed"]), (&three, &json!(false)));
    acme.run(&["secrets", "versions", "acme", "none"]).failed(1, "there is no such secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_version_lists_existing_ones() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    for value in ["1", "2"] {
        set(&acme, "acme", "crm", &json!({"A": value}));
    }
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    set(&acme, "acme", "crm", &json!({"A": "3"}));
    let ask = |shell: &Shell, name| shell.run(&["secrets", "get", "acme", name, "--version", "99"]);
    ask(&acme, "crm").failed(1, "acme/crm: no version 99; existing versions: 1, 2 (deleted), 3");
    ask(&acme, "none").failed(1, "there is no such secret");
    let denied = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;
    platform.fault.set_for("GET /v1/secret/metadata/", Fault::Status(403, denied)).await;
    let away = Shell::new(&platform.fault.addr(), platform.acme.token());
    ask(&away, "crm").failed(1, "there is no version 99; the latest is 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn uncertain_undelete_is_reported() {
    let platform = Platform::start().await;
    let acme = Shell::new(&platform.fault.addr(), platform.acme.token())
        .with("VALIDATOR_VAULT_TIMEOUT", "1s");
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    acme.run(&["secrets", "delete", "acme", "crm", "--yes"]).done();
    platform.fault.set_for("POST /v1/secret/undelete/", Fault::Lost).await;
    let ended = acme.run(&["secrets", "undelete", "acme", "crm", "--version", "1"]);
    ended.failed(1, "whether it was done is unknown: `secrets versions acme crm`");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_name_is_not_written() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    for name in ["crm/versions", "a/undelete"] {
        let ended = acme.feed(&["secrets", "set", "acme", name, "A"], b"1");
        ended.failed(2, "cannot end in `/versions` or `/undelete`");
    }
    set(&acme, "acme", "versions", &json!({"A": "1"}));
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let record = platform.bao.must("GET", "secret/data/tenants/acme/crm", None).await;
    let record = json!({"data": record["data"]["data"]});
    platform.bao.must("POST", "secret/data/tenants/acme/crm/versions", Some(record)).await;
    let elsewhere = acme.run(&["secrets", "get", "acme", "crm/versions"]);
    elsewhere.failed(1, "was encrypted for another path");
    acme.run(&["secrets", "delete", "acme", "crm/versions", "--yes"]).done();
}
