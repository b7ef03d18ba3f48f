//! `tenants create`, with a token that has the policy `operator` and no other.

use serde_json::json;

use super::{Credentials, count, operator, platform, root, state, steps};
use crate::{
    expect::granted,
    support::{
        bao::Bao,
        platform::{create_caller, log_in, provision, token_with},
        shell::Shell,
        validator::Validator,
    },
};

const CREATE: [&str; 5] = ["tenants", "create", "acme", "--output", "json"];

fn create<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&CREATE, more].concat()
}

/// Asserts that the command fails with these words and changes nothing.
async fn refused(bao: &Bao, shell: &Shell, service: &str, words: &str) {
    let before = state(bao).await;
    let credentials = Credentials::new();
    let arguments = ["tenants", "create", "acme", "--service", service];
    credentials.run(shell, &arguments).failed(1, words);
    assert_eq!((state(bao).await, credentials.names()), (before, Vec::new()), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_service_logs_in() {
    let bao = platform().await;
    let (credentials, shell) = (Credentials::new(), operator(&bao).await);
    let services = ["--service", "chatwoot", "--service", "n8n", "--service", "n8n"];
    let shown = credentials.run(&shell, &[&["tenants", "create", "acme"][..], &services].concat());
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""), "{shown:?}");
    assert!(
        shown.stdout.starts_with("  create  key        tenant-acme    aes256-gcm96, derived\n")
    );
    let last = shown.stdout.lines().last().expect("a line");
    assert!(last.starts_with("next: within 1h: VALIDATOR_ROLE_ID=$(cat "), "{last}");
    for secret in ["acme-chatwoot-secret-id", "acme-n8n-secret-id"] {
        assert!(!shown.stdout.contains(&credentials.read(secret)), "it is shown to nobody");
    }
    let key = bao.must("GET", "transit/keys/tenant-acme", None).await;
    assert_eq!(
        (&key["data"]["derived"], &key["data"]["type"]),
        (&json!(true), &json!("aes256-gcm96"))
    );

    let mine = Credentials::new();
    mine.run(&root(&bao), &["bootstrap", "--new-secret-id"]).done();
    let validator = Validator::start(&bao, &mine.role(&bao, "validator").await, &[]).await;
    let role = credentials.role(&bao, "acme-n8n").await;
    let token = log_in(&bao, &role).await["client_token"].as_str().expect("a token").to_owned();
    let headers = [("x-vault-token", token.as_str())];
    let answer = validator.validate("tenant=acme&policy=tenant", &headers).await;
    granted(&answer);
    assert_eq!(answer.header("x-auth-tenant"), Some("acme"));
    assert_eq!(validator.validate("tenant=globex", &headers).await.status, 403);
    let service = Shell::to(&bao, &token);
    let capabilities = json!({"token": token, "paths": ["secret/data/tenants/acme/x"]});
    let capabilities = bao.must("POST", "sys/capabilities", Some(capabilities)).await;
    assert_eq!(capabilities["data"]["capabilities"], json!(["create", "read", "update"]));
    service.run(&["tenants", "list"]).failed(1, "your token needs list on transit/keys/");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_run_adds_without_changes() {
    let bao = platform().await;
    let (credentials, shell) = (Credentials::new(), operator(&bao).await);
    let before = state(&bao).await;
    let dry = credentials.run(&shell, &create(&["--service", "crm", "--dry-run"])).json();
    assert_eq!((&dry["changed"], count(&dry, "shown")), (&json!(0), 5));
    assert_eq!((state(&bao).await, credentials.names()), (before, Vec::new()));

    let report = credentials.run(&shell, &create(&["--service", "crm"])).json();
    assert_eq!((&report["changed"], count(&report, "done")), (&json!(5), 5));
    let before = state(&bao).await;
    let wrapping = credentials.read("acme-crm-secret-id");
    let again = credentials.run(&shell, &create(&["--service", "crm"])).json();
    assert_eq!((&again["changed"], count(&again, "unchanged")), (&json!(0), 5));
    assert_eq!((state(&bao).await, credentials.read("acme-crm-secret-id")), (before, wrapping));

    let more = create(&["--service", "crm", "--service", "n8n", "--policy", "crm-agent"]);
    let report = credentials.run(&shell, &more).json();
    let done: Vec<_> = report["steps"].as_array().expect("steps").iter().collect();
    let update = done.iter().find(|step| step["action"] == "update").expect("an update");
    assert_eq!(update["detail"], "it lacks the policies crm-agent");
    assert_eq!(report["changed"], 1 + 4, "{report}");
    let policies = async |role: &str| {
        let role = bao.must("GET", &format!("auth/approle/role/{role}"), None).await;
        role["data"]["token_policies"].clone()
    };
    assert_eq!(policies("acme-crm").await, json!(["crm-agent", "tenant"]));
    assert_eq!(policies("acme-n8n").await, json!(["crm-agent", "tenant"]));
    // What somebody added by hand stays.
    let by_hand = json!({"token_policies": ["tenant", "by-hand"], "token_period": "2h"});
    bao.must("POST", "auth/approle/role/acme-crm", Some(by_hand)).await;
    let report = credentials.run(&shell, &create(&["--service", "crm"])).json();
    assert_eq!(report["changed"], 0);
    credentials.run(&shell, &create(&["--service", "crm", "--policy", "crm-agent"])).json();
    assert_eq!(policies("acme-crm").await, json!(["by-hand", "crm-agent", "tenant"]));
    credentials
        .run(&shell, &create(&["--service", "crm", "--new-secret-id"]))
        .failed(1, "would be overwritten");
    let elsewhere = Credentials::new();
    elsewhere.run(&shell, &create(&["--service", "crm", "--new-secret-id"])).json();
    log_in(&bao, &elsewhere.role(&bao, "acme-crm").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_objects_are_kept() {
    let bao = platform().await;
    let shell = operator(&bao).await;
    let globex = Credentials::new();
    globex.run(&shell, &["tenants", "create", "acme-crm", "--service", "x"]).done();
    refused(
        &bao,
        &shell,
        "crm-x",
        "entity acme-crm-x: an entity of this name exists, of the tenant acme-crm",
    )
    .await;

    bao.must("POST", "identity/entity", Some(json!({"name": "acme-nobody"}))).await;
    refused(&bao, &shell, "nobody", "an entity of this name exists, of no tenant").await;

    bao.must("POST", "auth/approle/role/acme-agent", Some(json!({"token_policies": "root-like"})))
        .await;
    refused(&bao, &shell, "agent", "an AppRole of this name exists and is no tenant's service")
        .await;

    // Somebody logged in by a role before it had an entity, so that Vault made one.
    let entity = json!({"name": "acme-used", "metadata": {"tenant": "acme"}});
    bao.must("POST", "identity/entity", Some(entity)).await;
    let role =
        crate::support::platform::app_role(&bao, "acme-used", json!({"token_policies": "tenant"}))
            .await;
    log_in(&bao, &role).await;
    refused(&bao, &shell, "used", "already belong to the entity entity_").await;

    let entity = json!({"tenant": "acme"});
    create_caller(&bao, "acme-moved", entity, &["tenant"]).await;
    bao.must("DELETE", "auth/approle/role/acme-moved", None).await;
    refused(&bao, &shell, "moved", "logs in with another AppRole").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unbound_key_is_not_used() {
    let bao = platform().await;
    let shell = operator(&bao).await;
    let key = "transit/keys/tenant-acme";
    for (options, words) in [
        (json!({"type": "aes256-gcm96"}), "key tenant-acme: it is not derived"),
        (
            json!({"derived": true, "convergent_encryption": true}),
            "key tenant-acme: it is convergent",
        ),
        (
            json!({"type": "chacha20-poly1305", "derived": true}),
            "of another type than aes256-gcm96",
        ),
    ] {
        bao.must("POST", key, Some(options)).await;
        refused(&bao, &shell, "crm", words).await;
        bao.must("POST", &format!("{key}/config"), Some(json!({"deletion_allowed": true}))).await;
        bao.must("DELETE", key, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_needs_bootstrap() {
    let bao = Bao::dev().await;
    refused(&bao, &root(&bao), "crm", "there is no mount transit/ (transit) in Vault: `vault-auth")
        .await;
    provision(&bao).await;
    bao.must("DELETE", "sys/policies/acl/tenant", None).await;
    refused(&bao, &root(&bao), "crm", "there is no policy tenant in Vault").await;
    let before = state(&bao).await;
    let arguments = ["tenants", "create", "acme", "--policy", "crm-agnet"];
    root(&bao).run(&arguments).failed(1, "there is no policy crm-agnet");
    bao.must("DELETE", "sys/auth/approle", None).await;
    root(&bao).run(&arguments).failed(1, "there is no auth method approle/");
    assert_eq!(before["transit/keys"], state(&bao).await["transit/keys"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permissions_are_listed() {
    let bao = platform().await;
    let policy = ["sys/mounts", "sys/auth", "transit/keys/+", "auth/approle/role/*"]
        .iter()
        .chain(&["identity/*", "sys/policies/acl/+", "auth/token/lookup-self"])
        .map(|path| format!("path \"{path}\" {{ capabilities = [\"read\", \"list\"] }}\n"))
        .chain(["path \"sys/capabilities-self\" { capabilities = [\"update\"] }".to_owned()])
        .collect::<String>();
    let shell = Shell::to(&bao, &token_with(&bao, &policy).await);
    let words = "update on transit/keys/tenant-acme\n  update on identity/entity\n  \
                 create on auth/approle/role/acme-crm\n  update on identity/entity-alias\n";
    refused(&bao, &shell, "crm", words).await;
}

#[test]
fn unsafe_names_never_reach_vault() {
    let shell = Shell::new("http://127.0.0.1:1", "s.own");
    let long = "a".repeat(64);
    for name in ["", "Acme", "a/b", "a*", "+", "-a", "a.b", "ä", &long] {
        for command in ["create", "show"] {
            let ended = shell.run(&["tenants", command, "--", name]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}: {ended:?}");
        }
        let service = format!("--service={name}");
        assert_eq!(shell.run(&["tenants", "create", "acme", &service]).code, Some(2), "{name}");
    }
    for policy in ["root", "default", "Tenant", "a,b"] {
        let policy = format!("--policy={policy}");
        assert_eq!(shell.run(&["tenants", "create", "acme", &policy]).code, Some(2), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_without_services_is_allowed() {
    let bao = platform().await;
    let report = operator(&bao).await.run(&CREATE).json();
    assert_eq!(steps(&report), [("tenant-acme".to_owned(), "done".to_owned())]);
    assert_eq!(report["next"], json!(["vault-auth-validator tenants show acme"]));
}
