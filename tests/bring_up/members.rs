//! `tenants list` and `show`.

use serde_json::json;

use super::{Credentials, operator, platform, root};
use crate::support::{bao::Bao, shell::Shell};

/// Makes tenants with and without keys and services, and keys without a tenant.
async fn several_tenants(bao: &Bao, shell: &Shell) {
    let credentials = Credentials::new();
    let create = ["tenants", "create", "acme", "--service", "crm", "--policy", "crm-agent"];
    credentials.run(shell, &create).done();
    credentials.run(shell, &["tenants", "create", "globex"]).done();
    bao.must("POST", "transit/keys/tenant-acme/rotate", None).await;
    let person = json!({
        "name": "Ann \u{1b}[31m of Acme",
        "metadata": {"tenant": "acme"},
        "policies": ["other"],
        "disabled": true,
    });
    bao.must("POST", "identity/entity", Some(person)).await;
    let unsound = json!({"type": "aes256-gcm96"});
    bao.must("POST", "transit/keys/tenant-plain", Some(unsound)).await;
    let keyless = json!({"name": "somebody", "metadata": {"tenant": "keyless"}});
    bao.must("POST", "identity/entity", Some(keyless)).await;
    for nobodys in ["transit/keys/tenant-No", "transit/keys/other"] {
        bao.must("POST", nobodys, Some(json!({}))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_lists_tenants_and_members() {
    let bao = platform().await;
    let shell = operator(&bao).await;
    assert_eq!(shell.run(&["tenants", "list"]).done(), "no tenants\n");
    several_tenants(&bao, &shell).await;
    let listed = shell.run(&["tenants", "list"]).done();
    let expected = "  \
  tenant   key                        version  decrypts from  age  rotate every  due  members  disabled
  acme     aes256-gcm96               v2       v1             <1h                     2        1
  globex   aes256-gcm96               v1       v1             <1h                     0
  keyless  no key                                                                     1
  plain    aes256-gcm96, NOT DERIVED  v1       v1             <1h                     0

4 tenants
";
    assert_eq!(listed, expected);
    let listed = shell.run(&["tenants", "list", "--output", "json"]).json();
    assert_eq!(listed["tenants"][0]["members"][1]["name"], "acme-crm");
    assert_eq!(
        listed["tenants"][2],
        json!({
            "tenant": "keyless",
            "key": null,
            "rotation": listed["tenants"][2]["rotation"],
            "members": listed["tenants"][2]["members"],
        })
    );

    let id = bao.must("GET", "identity/entity/name/acme-crm", None).await["data"]["id"].clone();
    let shown = shell.run(&["tenants", "show", "acme", "--output", "json"]).json();
    assert_eq!(shown["secrets"], json!(null), "an operator may not list them");
    assert_eq!(
        shown["key"],
        json!({
            "type": "aes256-gcm96",
            "derived": true,
            "convergent": false,
            "latest_version": 2,
            "min_decryption_version": 1,
            "latest_version_created_at": shown["key"]["latest_version_created_at"],
        })
    );
    let member = json!({
        "name": "acme-crm",
        "entity": "acme-crm",
        "entity_id": id,
        "disabled": false,
        "logs_in_by": ["approle"],
        "logins": [],
        "policies": ["crm-agent", "tenant"],
        "policies_unknown": [],
    });
    assert_eq!(shown["members"][1], member);
    let text = shell.run(&["tenants", "show", "acme"]).done();
    assert!(text.contains("  secrets  your token may not list them\n"), "{text}");
    assert!(text.contains("encrypts with v2, decrypts from v1\n"), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("  disabled  "), "{text}");
    shell.run(&["tenants", "show", "nobody"]).failed(1, "`tenants create nobody` creates it");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_counted_with_permission() {
    let bao = platform().await;
    root(&bao).run(&["tenants", "create", "acme"]).done();
    let secrets = async || {
        root(&bao).run(&["tenants", "show", "acme", "--output", "json"]).json()["secrets"].clone()
    };
    assert_eq!(secrets().await, 0);
    for name in ["crm", "mcp/hostinger", "mcp/github"] {
        let path = format!("secret/data/tenants/acme/{name}");
        bao.must("POST", &path, Some(json!({"data": {"a": "b"}}))).await;
    }
    assert_eq!(secrets().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn unrelated_entities_are_skipped() {
    let bao = platform().await;
    for number in 0..60 {
        let tenant =
            if number % 3 == 0 { json!({"tenant": "acme"}) } else { json!({"other": "acme"}) };
        let entity = json!({"name": format!("entity-{number:02}"), "metadata": tenant});
        bao.must("POST", "identity/entity", Some(entity)).await;
    }
    let listed = operator(&bao).await.run(&["tenants", "list", "--output", "json"]).json();
    assert_eq!(listed["tenants"].as_array().map(Vec::len), Some(1));
    let members = listed["tenants"][0]["members"].as_array().expect("members");
    assert_eq!((members.len(), &members[19]["name"]), (20, &json!("entity-57")));
}
