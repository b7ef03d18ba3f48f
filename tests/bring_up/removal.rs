//! `tenants remove`, and what `members remove` ends.

use serde_json::{Value, json};

use super::{Credentials, add_person, log_in_as, operator, platform, state};
use crate::support::{platform::log_in, shell::Shell};

fn shown(shell: &Shell, tenant: &str) -> Value {
    shell.run(&["tenants", "show", tenant, "--output", "json"]).json()["members"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_service_is_refused_at_once() {
    let bao = platform().await;
    let (shell, credentials) = (operator(&bao).await, Credentials::new());
    let create = ["tenants", "create", "acme", "--service", "n8n", "--service", "crm"];
    credentials.run(&shell, &create).done();
    let role = credentials.role(&bao, "acme-n8n").await;
    let token = log_in(&bao, &role).await["client_token"].as_str().expect("a token").to_owned();
    let remove = ["tenants", "remove", "acme", "--service", "n8n"];
    let before = state(&bao).await;
    shell.run(&remove).failed(2, "add --confirm acme");
    shell.run(&[&remove[..], &["--confirm", "globex"]].concat()).failed(2, "another tenant");
    let ended = shell.on_a_terminal(&remove, &[("Type the tenant's name", "acne\n")]);
    assert!(ended.stdout.contains("the name does not match; nothing was done"), "{ended:?}");
    for (service, words) in [("none", "acme has no service none"), ("n8", "no service n8:")] {
        let wrong = ["tenants", "remove", "acme", "--service", "n8n", "--service", service];
        shell.run(&[&wrong[..], &["--confirm", "acme"]].concat()).failed(1, words);
    }
    assert_eq!(state(&bao).await, before);

    let report =
        shell.run(&[&remove[..], &["--confirm", "acme", "--output", "json"]].concat()).json();
    assert_eq!(report["services_removed"], json!(["acme-n8n"]));
    assert_eq!(bao.request_as(&token, "GET", "auth/token/lookup-self", None).await.0, 403);
    for path in ["auth/approle/role/acme-n8n", "identity/entity/name/acme-n8n"] {
        assert_eq!(bao.request("GET", path, None).await.0, 404, "{path}");
    }
    let left = shown(&shell, "acme");
    assert_eq!((left.as_array().map(Vec::len), &left[0]["name"]), (Some(1), &json!("acme-crm")));
    bao.must("GET", "transit/keys/tenant-acme", None).await;
    // It can be made again.
    Credentials::new().run(&shell, &create).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_service_is_not_removed() {
    let bao = platform().await;
    let shell = operator(&bao).await;
    Credentials::new().run(&shell, &["tenants", "create", "acme-crm", "--service", "x"]).done();
    Credentials::new().run(&shell, &["tenants", "create", "acme"]).done();
    let before = state(&bao).await;
    let remove = ["tenants", "remove", "acme", "--service", "crm-x", "--confirm", "acme"];
    shell.run(&remove).failed(1, "the entity acme-crm-x does not belong to acme");
    assert_eq!(state(&bao).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_tenant_keeps_accounts() {
    let bao = platform().await;
    let (shell, credentials) = (operator(&bao).await, Credentials::new());
    credentials.run(&shell, &["tenants", "create", "acme", "--service", "n8n"]).done();
    add_person(&shell, "acme", "ana", &[]).done();
    let by_hand = json!({"name": "by-hand", "metadata": {"tenant": "acme", "team": "sales"}});
    bao.must("POST", "identity/entity", Some(by_hand)).await;
    let token = log_in_as(&bao, "ana", "secret-of-it").await;
    let remove = ["tenants", "remove", "acme", "--confirm", "acme"];
    let before = state(&bao).await;
    shell.run(&remove).failed(1, "`vault-auth-validator tenants shred acme` first");
    assert_eq!(state(&bao).await, before);
    let text = shell.run(&["tenants", "shred", "acme", "--confirm", "acme"]).done();
    assert!(text.ends_with("`vault-auth-validator tenants remove acme` removes both.\n"), "{text}");

    let report = shell.run(&[&remove[..], &["--output", "json"]].concat()).json();
    assert_eq!(report["services_removed"], json!(["acme-n8n"]));
    assert_eq!(report["members_taken_out"], json!(["ana", "by-hand"]));
    shell.run(&remove).failed(1, "there is no tenant acme");
    shell.run(&["tenants", "show", "acme"]).failed(1, "there is no tenant acme");
    let by_hand = bao.must("GET", "identity/entity/name/by-hand", None).await;
    assert_eq!(by_hand["data"]["metadata"], json!({"team": "sales"}));
    assert_eq!(bao.request_as(&token, "GET", "auth/token/lookup-self", None).await.0, 200);
    let list = bao.request_as(&token, "LIST", "secret/metadata/tenants/acme", None).await;
    assert_eq!(list.0, 403, "the policy `tenant` has no tenant to fill in");
    let left = bao.request("LIST", "secret/metadata/tenant-members/of/acme", None).await;
    assert_eq!(left.0, 404, "{}", left.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_account_is_refused_at_once() {
    let bao = platform().await;
    let shell = operator(&bao).await;
    shell.run(&["tenants", "create", "acme"]).done();
    add_person(&shell, "acme", "ana", &[]).done();
    let token = log_in_as(&bao, "ana", "secret-of-it").await;
    let remove = ["tenants", "members", "remove", "acme", "ana", "--delete-user", "--yes"];
    let report = shell.run(&[&remove[..], &["--output", "json"]].concat()).json();
    assert_eq!(
        (&report["account_deleted"], &report["tokens_refused"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(bao.request_as(&token, "GET", "auth/token/lookup-self", None).await.0, 403);
    assert_eq!(bao.request("GET", "auth/userpass/users/ana", None).await.0, 404);
    shell.run(&remove).failed(1, "no member of acme logs in as ana at userpass/");
}
