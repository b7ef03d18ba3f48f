//! Every refusal of the contract, as a client behind Caddy receives it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    expect::refused,
    support::{
        backend::Backend,
        bao::Bao,
        caddy::Caddy,
        fault::Fault,
        http::{self, Answer},
        platform::{self, AppRole, create_caller},
        raw,
        stack::{Stack, bearer},
        validator::Validator,
        wait::eventually,
    },
};

/// Requests a page of acme's CRM with this token.
async fn crm(stack: &Stack, token: &str) -> Answer {
    stack.get(&Stack::crm(&stack.acme), &[("authorization", &bearer(token))]).await
}

/// Requests a page that any valid token may read.
async fn api(stack: &Stack, token: &str) -> Answer {
    stack.get("api.localhost", &[("authorization", &bearer(token))]).await
}

/// Asserts a refusal with this code that did not reach the application.
fn assert_refused(stack: &Stack, answer: &Answer, code: &str) {
    refused(answer, code);
    assert_eq!(stack.backend.hits(), 0, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credential_is_challenged() {
    let stack = Stack::start().await;
    assert_refused(&stack, &stack.get("api.localhost", &[]).await, "credential_missing");
    let basic = [("authorization", "Basic dXNlcjpwYXNz")];
    assert_refused(&stack, &stack.get("api.localhost", &basic).await, "credential_missing");
    let path = format!("/?token={0}&access_token={0}", stack.acme.token());
    let answer = stack.caddy.send("GET", "api.localhost", &path, &[]).await;
    assert_refused(&stack, &answer, "credential_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_tokens_look_identical() {
    let stack = Stack::start().await;
    let bao = &stack.bao;
    let expired = platform::token(bao, json!({"policies": ["tenant"], "ttl": "1s"})).await;
    let revoked = platform::token(bao, json!({"policies": ["tenant"]})).await;
    bao.must("POST", "auth/token/revoke", Some(json!({ "token": revoked }))).await;
    let disabled = create_caller(bao, "disabled", json!({"tenant": "acme"}), &["crm-agent"]).await;
    let path = format!("identity/entity/id/{}", disabled.entity_id);
    bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    let deleted = create_caller(bao, "deleted", json!({"tenant": "acme"}), &["crm-agent"]).await;
    bao.must("DELETE", &format!("identity/entity/id/{}", deleted.entity_id), None).await;
    eventually(Duration::from_secs(5), "the token to expire", async || {
        let own = bao.request_as(&expired, "GET", "auth/token/lookup-self", None).await;
        (own.0 == 403).then_some(())
    })
    .await;
    let unknown = "s.aaaaaaaaaaaaaaaaaaaaaaaa";
    let upper_case = stack.acme.token().to_uppercase();
    let longer = format!("{}a", stack.acme.token());
    let mut answers = Vec::new();
    for token in [
        unknown,
        &expired,
        &revoked,
        &disabled.token,
        &deleted.token,
        &upper_case,
        &longer,
        "no-prefix",
        "b.AAAA",
        "b.!!!",
        "hvs.CAESIA",
    ] {
        let answer = crm(&stack, token).await;
        assert_refused(&stack, &answer, "token_invalid");
        let mut body = answer.json();
        assert!(body["request_id"].take().is_string());
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_credential_is_rejected() {
    let stack = Stack::start().await;
    let token = stack.acme.token();
    for malformed in ["Bearer", "Bearer a b", "Bearer \"quoted\"", "bearer a,b", "Bearer ä"] {
        let answer = stack.get("api.localhost", &[("authorization", malformed)]).await;
        assert_refused(&stack, &answer, "credential_malformed");
        let headers = [("authorization", malformed), ("x-vault-token", token)];
        let answer = stack.get("api.localhost", &headers).await;
        assert_refused(&stack, &answer, "credential_malformed");
    }
    let answer = stack.get("api.localhost", &[("x-vault-token", "a b")]).await;
    assert_refused(&stack, &answer, "credential_malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_are_rejected() {
    let stack = Stack::start().await;
    let (acme, globex) = (bearer(stack.acme.token()), bearer(stack.globex.token()));
    for headers in [
        [("authorization", acme.as_str()), ("x-vault-token", stack.globex.token())],
        [("authorization", &acme), ("authorization", &globex)],
        [("x-vault-token", stack.acme.token()), ("x-vault-token", stack.globex.token())],
    ] {
        let answer = stack.get("api.localhost", &headers).await;
        assert_refused(&stack, &answer, "credential_conflict");
    }
    let same = [("authorization", acme.as_str()), ("x-vault-token", stack.acme.token())];
    assert_eq!(stack.get("api.localhost", &same).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_policy_is_rejected() {
    let stack = Stack::start().await;
    let visitor =
        create_caller(&stack.bao, "visitor", json!({"tenant": "acme"}), &["tenant"]).await;
    assert_refused(&stack, &crm(&stack, &visitor.token).await, "policy_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_token_is_rejected() {
    let stack = Stack::start().await;
    assert_refused(&stack, &crm(&stack, stack.globex.token()).await, "tenant_mismatch");
    let without_tenant = platform::token(&stack.bao, json!({"policies": ["crm-agent"]})).await;
    assert_refused(&stack, &crm(&stack, &without_tenant).await, "tenant_mismatch");
    let headers = [("x-vault-token", stack.acme.token())];
    assert_refused(&stack, &stack.get("initech.crm.localhost", &headers).await, "tenant_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_token_is_rejected() {
    let stack = Stack::start().await;
    let options = json!({"policies": ["tenant"], "bound_cidrs": ["192.0.2.0/24", "2001:db8::1"]});
    let token = platform::token(&stack.bao, options).await;
    assert_refused(&stack, &api(&stack, &token).await, "address_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_token_is_rejected() {
    let stack = Stack::start().await;
    assert_refused(&stack, &api(&stack, stack.bao.root_token()).await, "token_not_allowed");
    let with_an_end = platform::token(&stack.bao, json!({"policies": ["root"], "ttl": "1h"})).await;
    assert_refused(&stack, &api(&stack, &with_an_end).await, "token_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapping_token_stays_usable() {
    let stack = Stack::start().await;
    let wrapping =
        stack.bao.wrapped("POST", "sys/wrapping/wrap", Some(json!({"gift": "inside"}))).await;
    assert_refused(&stack, &api(&stack, &wrapping).await, "token_not_allowed");
    let (status, answer) =
        stack.bao.request_as(&wrapping, "POST", "sys/wrapping/unwrap", None).await;
    assert_eq!((status, answer["data"]["gift"].as_str()), (200, Some("inside")));
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_own_token_is_rejected() {
    let bao = Bao::dev().await;
    platform::provision(&bao).await;
    let own = platform::token(&bao, json!({"policies": ["validator"], "ttl": "1h"})).await;
    let env = [("VAULT_TOKEN", own.as_str()), NO_ROLE[0], NO_ROLE[1]];
    let validator = Validator::start(&bao, &no_approle(), &env).await;
    let backend = Backend::start().await;
    let caddy = Caddy::start(validator.auth_address(), backend.address(), &[]).await;
    let answer = caddy.send("GET", "api.localhost", "/", &[("x-vault-token", &own)]).await;
    refused(&answer, "token_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidc_access_token_is_rejected() {
    let stack = Stack::start().await;
    let client = json!({"redirect_uris": ["http://localhost/"], "assignments": ["allow_all"]});
    stack.bao.must("POST", "identity/oidc/client/app", Some(client)).await;
    let client = stack.bao.must("GET", "identity/oidc/client/app", None).await["data"].clone();
    let (id, secret) = (text(&client["client_id"]), text(&client["client_secret"]));
    let request = json!({
        "scope": "openid",
        "response_type": "code",
        "client_id": id,
        "redirect_uri": "http://localhost/",
        "state": "s",
        "nonce": "n",
    });
    let provider = "identity/oidc/provider/default";
    let path = format!("{provider}/authorize");
    let token = stack.acme.token();
    let (status, code) = stack.bao.request_as(token, "POST", &path, Some(request)).await;
    assert_eq!(status, 200, "{code}");
    let form = format!(
        "grant_type=authorization_code&code={}&client_id={id}&client_secret={secret}\
         &redirect_uri=http%3A%2F%2Flocalhost%2F",
        text(&code["code"])
    );
    let url = format!("{}/v1/{provider}/token", stack.bao.addr());
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = http::send(&http::client(), "POST", &url, &headers, Some(form)).await;
    let answer = answer.expect("an answer").json();
    let access_token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_refused(&stack, &api(&stack, access_token).await, "token_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_requirement_denies_route() {
    let stack = Stack::start().await;
    let (validator, backend) = (stack.validator.auth_address(), stack.backend.address());
    let caddy = Caddy::guarding("tenant={labels.9}", validator, backend).await;
    let token = stack.acme.token();
    let host = Stack::crm(&stack.acme);
    let answer = caddy.send("GET", &host, "/", &[("x-vault-token", token)]).await;
    assert_refused(&stack, &answer, "requirement_invalid");
    for query in ["tenant=", "tenant=a.b", "policy=", "acl=", "acl_uri=route/", "polciy=a"] {
        let answer = stack.validator.validate(query, &[("x-vault-token", token)]).await;
        refused(&answer, "requirement_invalid");
    }
    assert_eq!(stack.validator.count("vault_requests_total{operation=\"lookup\"}").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn non_path_target_is_rejected_via_caddy() {
    let stack = Stack::start().await;
    let token = stack.acme.token();
    let request = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: api.localhost\r\nX-Vault-Token: {token}\r\n\r\n")
    };
    let deadline = Duration::from_secs(5);
    let absolute = request("http://api.localhost/validate");
    let answer = raw::exchange(stack.validator.auth_address(), absolute.as_bytes(), deadline).await;
    refused(&answer.expect("an answer").into(), "request_invalid");
    let other_form = request("x:http://api.localhost/validate");
    let answer = raw::exchange(&stack.caddy.address(), other_form.as_bytes(), deadline).await;
    assert_eq!(answer.expect("an answer").status, 400);
    assert_eq!(stack.backend.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_vault_returns_503() {
    let stack = Stack::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "500ms")]).await;
    stack.fault.set(Fault::Hang).await;
    assert_refused(&stack, &crm(&stack, stack.acme.token()).await, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_vault_returns_503() {
    let stack = Stack::start().await;
    stack.bao.seal().await;
    assert_refused(&stack, &crm(&stack, stack.acme.token()).await, "vault_sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_vault_returns_503() {
    let stack = Stack::start().await;
    let quota = json!({"path": "auth/token/lookup", "rate": 1, "interval": "1h"});
    stack.bao.must("POST", "sys/quotas/rate-limit/lookups", Some(quota)).await;
    let answer = eventually(Duration::from_secs(5), "the quota to be used up", async || {
        let unknown = format!("s.{:024x}", rand::random::<u64>());
        let answer = crm(&stack, &unknown).await;
        (answer.status != 401).then_some(answer)
    })
    .await;
    assert_refused(&stack, &answer, "vault_throttled");
    assert_refused(&stack, &crm(&stack, stack.acme.token()).await, "vault_throttled");
}

#[tokio::test(flavor = "multi_thread")]
async fn validator_without_login_returns_503() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    let role = AppRole { secret_id: "wrong".to_owned(), ..role };
    let validator = Validator::start_unready(&bao, &role, &[]).await;
    let backend = Backend::start().await;
    let caddy = Caddy::start(validator.auth_address(), backend.address(), &[]).await;
    let headers = [("x-vault-token", acme.token())];
    refused(&caddy.send("GET", "api.localhost", "/", &headers).await, "not_ready");
    assert_eq!(backend.hits(), 0);
}

/// Variables that unset the AppRole that `support` configures.
const NO_ROLE: [(&str, &str); 2] = [("VALIDATOR_ROLE_ID", ""), ("VALIDATOR_SECRET_ID_FILE", "")];

fn no_approle() -> AppRole {
    AppRole { role_id: String::new(), secret_id: String::new() }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}"))
}
