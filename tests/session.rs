//! The service's own login: obtaining, renewing and replacing its token.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        direct::Direct,
        fault::Fault,
        platform::{self, AppRole, Tenant},
        tools,
        validator::Validator,
        wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(15);

/// No caching, so that each request needs the service's own token.
const NO_CACHE: [(&str, &str); 1] = [("VALIDATOR_CACHE_TTL", "0s")];

/// Revokes the service's own tokens.
pub(crate) async fn revoke_own_tokens(bao: &Bao) {
    let accessors = bao.must("GET", "auth/token/accessors?list=true", None).await;
    let mut revoked = 0;
    for accessor in accessors["data"]["keys"].as_array().expect("accessors") {
        let body = json!({ "accessor": accessor });
        let token = bao.must("POST", "auth/token/lookup-accessor", Some(body.clone())).await;
        if token["data"]["policies"] == json!(["validator"]) {
            bao.must("POST", "auth/token/revoke-accessor", Some(body)).await;
            revoked += 1;
        }
    }
    assert!(revoked > 0, "there was no token to take away");
}

/// Starts OpenBao with a tenant; returns the validator's AppRole as well.
pub(crate) async fn platform() -> (Bao, AppRole, Tenant) {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    (bao, role, acme)
}

/// Creates a token for the validator as an operator would.
pub(crate) async fn own_token(bao: &Bao) -> String {
    let options = json!({"policies": ["validator"], "no_default_policy": true, "period": "1h"});
    platform::token(bao, options).await
}

/// Starts the validator with a token of its own instead of an AppRole.
pub(crate) async fn start_with_token(bao: &Bao, variable: &str, value: &str) -> Validator {
    let env = [
        (variable, value),
        ("VALIDATOR_ROLE_ID", ""),
        ("VALIDATOR_SECRET_ID_FILE", ""),
        NO_CACHE[0],
    ];
    let no_role = AppRole { role_id: String::new(), secret_id: String::new() };
    Validator::start(bao, &no_role, &env).await
}

async fn logged(validator: &Validator, words: &str) {
    eventually(TIMEOUT, words, async || validator.log().contains(words).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_own_token_causes_one_login() {
    let service = Direct::start_with(&NO_CACHE).await;
    let mut tokens = Vec::new();
    for _ in 0..50 {
        tokens.push(platform::token(&service.bao, json!({"policies": ["tenant"]})).await);
    }
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("login").await, 1);
    revoke_own_tokens(&service.bao).await;
    for answer in join_all(tokens.iter().map(|token| service.ask(token))).await {
        granted(&answer);
    }
    assert_eq!(service.calls("login").await, 2);
    assert!(service.validator.count("vault_requests_total{outcome=\"own_token\"}").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_token_floods_no_logins() {
    let service = Direct::start_with(&NO_CACHE).await;
    let denied = Fault::Status(403, r#"{"errors":["permission denied"]}"#);
    service.fault.set_for("/v1/auth/token/lookup", denied).await;
    let start = Instant::now();
    for _ in 0..50 {
        refused(&service.ask(service.acme.token()).await, "not_ready");
    }
    let logins = service.calls("login").await;
    let limit = 3 + u64::try_from(start.elapsed().as_millis() / 250).expect("a short time");
    assert!(logins <= limit, "{logins} logins in {:?}", start.elapsed());
    service.fault.set(Fault::Pass).await;
    eventually(TIMEOUT, "the caller to be let in", async || {
        (service.ask(service.acme.token()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_policy_returns_503() {
    let service = Direct::start_with(&NO_CACHE).await;
    let bao = &service.bao;
    bao.must("DELETE", "sys/policies/acl/validator", None).await;
    for token in [service.acme.token(), "s.unknown"] {
        refused(&service.ask(token).await, "not_ready");
    }
    logged(&service.validator, "lacks update on sys/capabilities").await;
    let no_entity = r#"
        path "auth/token/lookup" { capabilities = ["update"] }
        path "sys/capabilities" { capabilities = ["update"] }
    "#;
    platform::set_policy(bao, "validator", no_entity).await;
    for token in [service.acme.token(), "s.unknown"] {
        refused(&service.ask(token).await, "not_ready");
    }
    service.validator.unready("not_logged_in").await;
    platform::load_policies(bao).await;
    service.validator.ready().await;
    granted(&service.ask(service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_is_retried() {
    for body in [
        r#"{"errors":["1 error occurred:\n\t* leadership lost while committing log\n\n"]}"#,
        r#"{"errors":["leadership lost while committing log"]}"#,
    ] {
        let service = Direct::start_with(&NO_CACHE).await;
        granted(&service.ask(service.acme.token()).await);
        let once = Fault::StatusOnce(400, body);
        service.fault.set_for("/v1/auth/approle/login", once).await;
        revoke_own_tokens(&service.bao).await;
        let start = Instant::now();
        eventually(TIMEOUT, "the caller to be let in", async || {
            (service.ask(service.acme.token()).await.status == 200).then_some(())
        })
        .await;
        assert!(start.elapsed() < Duration::from_secs(5), "after {:?}", start.elapsed());
        assert_eq!(service.fault.struck(), 2, "the login was not tried twice");
        let log = service.validator.log();
        assert!(log.contains("leadership lost") && !log.contains("secret id"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_secret_id_needs_no_restart() {
    let (bao, role, acme) = platform().await;
    let wrong = AppRole { secret_id: "wrong".to_owned(), ..role.clone() };
    let validator = Validator::start_unready(&bao, &wrong, &NO_CACHE).await;
    validator.unready("not_logged_in").await;
    logged(&validator, "cannot log in to vault").await;
    validator.write_secret_id(&format!("{}\n", role.secret_id));
    validator.ready().await;
    granted(&validator.validate("", &[("x-vault-token", acme.token())]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_makes_unready() {
    let service = Direct::start_with(&NO_CACHE).await;
    let (bao, validator) = (&service.bao, &service.validator);
    let destroyed = json!({ "secret_id": service.role.secret_id });
    bao.must("POST", "auth/approle/role/validator/secret-id/destroy", Some(destroyed)).await;
    granted(&service.ask(service.acme.token()).await);
    revoke_own_tokens(bao).await;
    for token in [service.acme.token(), "s.unknown"] {
        refused(&service.ask(token).await, "not_ready");
    }
    validator.unready("not_logged_in").await;
    let new = bao.must("POST", "auth/approle/role/validator/secret-id", None).await;
    validator.write_secret_id(new["data"]["secret_id"].as_str().expect("a secret id"));
    validator.ready().await;
    granted(&service.ask(service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapped_secret_id_is_reused() {
    let (bao, role, acme) = platform().await;
    let wrapping = bao.wrapped("POST", SECRET_ID, None).await;
    let wrapped = AppRole { secret_id: wrapping, ..role };
    let mut validator = Validator::start(&bao, &wrapped, &NO_CACHE).await;
    let headers = [("x-vault-token", acme.token())];
    granted(&validator.validate("", &headers).await);
    revoke_own_tokens(&bao).await;
    granted(&validator.validate("", &headers).await);
    assert_eq!(bao.audited("sys/wrapping/unwrap"), 1);

    validator.restart().await;
    logged(&validator, "was already used or has expired: an operator creates a new one").await;
    validator.unready("not_logged_in").await;
    validator.write_secret_id(&bao.wrapped("POST", SECRET_ID, None).await);
    validator.ready().await;
    granted(&validator.validate("", &headers).await);
}

const SECRET_ID: &str = "auth/approle/role/validator/secret-id";

#[tokio::test(flavor = "multi_thread")]
async fn foreign_secret_id_is_rejected() {
    let (bao, role, _) = platform().await;
    let gift = json!({ "secret_id": role.secret_id });
    let wrapping = bao.wrapped("POST", "sys/wrapping/wrap", Some(gift)).await;
    let wrapped = AppRole { secret_id: wrapping.clone(), ..role };
    let validator = Validator::start_unready(&bao, &wrapped, &[]).await;
    logged(&validator, "may have been replaced by an attacker").await;
    validator.unready("not_logged_in").await;
    assert_eq!(bao.audited("auth/approle/login"), 1, "the tenant's, and no more");
    let (status, _) = bao.request_as(&wrapping, "POST", "sys/wrapping/unwrap", None).await;
    assert_eq!(status, 200, "the evidence is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_from_environment_is_used() {
    let (bao, _, acme) = platform().await;
    for variable in ["VAULT_TOKEN", "BAO_TOKEN"] {
        let own = own_token(&bao).await;
        let validator = start_with_token(&bao, variable, &own).await;
        granted(&validator.validate("", &[("x-vault-token", acme.token())]).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_token_file_is_reread() {
    let (bao, _, acme) = platform().await;
    let (first, second) = (own_token(&bao).await, own_token(&bao).await);
    let (_dir, file) = token_file(&format!("{first}\n"));
    let path = file.display().to_string();
    let validator = start_with_token(&bao, "VAULT_TOKEN_FILE", &path).await;
    let headers = [("x-vault-token", acme.token())];
    granted(&validator.validate("", &headers).await);

    // As Vault Agent does: a new file replaces the old one.
    let new = file.with_extension("new");
    fs::write(&new, &second).expect("a file");
    fs::rename(&new, &file).expect("the old name");
    eventually(TIMEOUT, "the new token to be inspected", async || {
        (validator.count("vault_requests_total{operation=\"lookup_self\"}").await == 2)
            .then_some(())
    })
    .await;
    bao.must("POST", "auth/token/revoke", Some(json!({ "token": first }))).await;
    granted(&validator.validate("", &headers).await);
    assert_eq!(validator.count("vault_requests_total{outcome=\"own_token\"}").await, 0);

    bao.must("POST", "auth/token/revoke", Some(json!({ "token": second }))).await;
    refused(&validator.validate("", &headers).await, "not_ready");
    validator.unready("not_logged_in").await;
    fs::write(&file, own_token(&bao).await).expect("the file");
    validator.ready().await;
    granted(&validator.validate("", &headers).await);
}

fn token_file(content: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("token");
    fs::write(&file, content).expect("a file");
    (dir, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn own_root_token_is_warned_about() {
    let (bao, _, acme) = platform().await;
    let validator = start_with_token(&bao, "VAULT_TOKEN", bao.root_token()).await;
    granted(&validator.validate("", &[("x-vault-token", acme.token())]).await);
    logged(&validator, "the service's own token is a root token").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_lived_own_token_is_renewed() {
    let (bao, _, acme) = platform().await;
    let settings = json!({
        "token_period": "3s",
        "token_no_default_policy": true,
        "token_policies": "validator",
    });
    let role = platform::app_role(&bao, "brief", settings).await;
    let validator = Validator::start(&bao, &role, &NO_CACHE).await;
    let renewed = "vault_requests_total{operation=\"renew\",outcome=\"ok\"}";
    eventually(TIMEOUT, "four renewals", async || {
        granted(&validator.validate("", &[("x-vault-token", acme.token())]).await);
        (validator.count(renewed).await >= 4).then_some(())
    })
    .await;
    assert_eq!(validator.count("vault_requests_total{operation=\"login\"}").await, 1);
    assert_eq!(validator.count("vault_requests_total{operation=\"renew\"}").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn unrenewable_own_token_is_replaced() {
    let (bao, _, acme) = platform().await;
    let settings = json!({
        "token_ttl": "2s",
        "token_max_ttl": "3s",
        "token_no_default_policy": true,
        "token_policies": "validator",
    });
    let role = platform::app_role(&bao, "brief", settings).await;
    let validator = Validator::start(&bao, &role, &NO_CACHE).await;
    let logins = "vault_requests_total{operation=\"login\",outcome=\"ok\"}";
    eventually(TIMEOUT, "three logins", async || {
        granted(&validator.validate("", &[("x-vault-token", acme.token())]).await);
        (validator.count(logins).await >= 3).then_some(())
    })
    .await;
    let renewals = validator.count("vault_requests_total{operation=\"renew\"}").await;
    assert!(renewals <= 2 * 3, "{renewals} renewals, for ever less");
    let found_out = "vault_requests_total{operation=\"lookup\",outcome=\"own_token\"}";
    assert_eq!(
        validator.count(found_out).await,
        0,
        "a request found the token gone: {}",
        validator.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_own_token_makes_unready() {
    let (bao, _, acme) = platform().await;
    let options = json!({"policies": ["validator"], "ttl": "2s", "renewable": false});
    let own = platform::token(&bao, options).await;
    let validator = start_with_token(&bao, "VAULT_TOKEN", &own).await;
    let headers = [("x-vault-token", acme.token())];
    granted(&validator.validate("", &headers).await);
    let answer = eventually(TIMEOUT, "the token to end", async || {
        let answer = validator.validate("", &headers).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused(&answer, "not_ready");
    validator.unready("not_logged_in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_policy_is_minimal() {
    let (bao, _, acme) = platform().await;
    let own = own_token(&bao).await;
    let paths = json!([
        "auth/token/lookup",
        "identity/entity/id/some-id",
        "sys/capabilities",
        "auth/token/renew-self",
        "auth/token/revoke-self",
        "auth/token/lookup-self",
        "secret/data/tenants/acme/greeting",
        "secret/metadata/tenants",
        "transit/decrypt/tenant-acme",
        "auth/token/create",
        "auth/token/revoke",
        "auth/token/revoke-accessor",
        "auth/token/accessors",
        "auth/approle/role/validator/secret-id",
        "identity/entity",
        "identity/entity/name/acme",
        "sys/policies/acl/validator",
        "sys/mounts",
        "sys/seal",
    ]);
    let body = json!({"token": own, "paths": paths});
    let answer = bao.must("POST", "sys/capabilities", Some(body)).await;
    let granted: Vec<(&str, &Value)> = paths
        .as_array()
        .expect("paths")
        .iter()
        .filter_map(Value::as_str)
        .map(|path| (path, &answer["data"][path]))
        .filter(|(_, capabilities)| **capabilities != json!(["deny"]))
        .collect();
    assert_eq!(
        granted,
        [
            ("auth/token/lookup", &json!(["update"])),
            ("identity/entity/id/some-id", &json!(["read"])),
            ("sys/capabilities", &json!(["update"])),
            ("auth/token/renew-self", &json!(["update"])),
            ("auth/token/revoke-self", &json!(["update"])),
            ("auth/token/lookup-self", &json!(["read"])),
        ]
    );
    let policy = fs::read_to_string(tools::repository("policies/validator.hcl")).expect("a file");
    assert_eq!(policy.matches("\npath ").count(), granted.len(), "a path is not covered here");
    let own_path = "secret/data/tenants/acme/greeting";
    bao.must("POST", own_path, Some(json!({"data": {"A": "1"}}))).await;
    assert_eq!(bao.request_as(acme.token(), "GET", own_path, None).await.0, 200);
}
