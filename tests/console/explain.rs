//! Explanations by HTTP.

use serde_json::json;

use super::get;
use crate::support::{direct::Direct, fault::Fault, http::Answer, platform};

const EXPLAIN: &str = "/console/explain";

async fn explain(service: &Direct, query: &str, token: &str) -> Answer {
    get(service, &format!("{EXPLAIN}?{query}"), &[("x-vault-token", token)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_agree_with_validate() {
    let service = Direct::start().await;
    let own = service.role.role_id.clone();
    for (query, token, verdict) in [
        ("require=tenant%3Dacme", service.acme.token(), "Allowed: 200"),
        ("require=tenant%3Dglobex", service.acme.token(), "Denied: 403 tenant_mismatch"),
        ("require=policy%3Dno-such", service.acme.token(), "Denied: 403 policy_required"),
        ("", "hvs.unknown", "Denied: 401 token_invalid"),
        ("", own.as_str(), "Denied: 401 token_invalid"),
        ("", "", "Denied: 401 credential_missing"),
        ("", service.bao.root_token(), "Denied: 403 token_not_allowed"),
        ("require=acl%3Droute%2Fcrm&method=BREW", service.acme.token(), "Denied: 403 acl_denied"),
        ("require=acl_uri%3Droute%2Fcrm&path=/a//b", service.acme.token(), "403 path_ambiguous"),
    ] {
        let answer = explain(&service, query, token).await;
        assert!(answer.status == 200 && answer.body.contains(verdict), "{query}: {}", answer.body);
        assert!(token.is_empty() || !answer.body.contains(token), "the token is in the answer");
    }
    for (query, token, reason) in [
        ("require=tennant%3Dacme", "", "requirements are invalid"),
        ("client=localhost", "", "not an IP address"),
        ("path=%2F%C3%A9", "", "visible ASCII"),
        ("", "vat_something", "OAuth credential"),
    ] {
        let answer = explain(&service, query, token).await;
        assert!(answer.status == 400 && answer.body.contains(reason), "{query}: {}", answer.body);
    }
    assert!(!service.validator.log().contains(service.acme.token()), "the token is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn explanation_consumes_no_use() {
    let service = Direct::start().await;
    let limited =
        platform::token(&service.bao, json!({"policies": ["tenant"], "num_uses": 2, "ttl": "1h"}))
            .await;
    for _ in 0..3 {
        let answer = explain(&service, "", &limited).await;
        assert!(answer.body.contains("each validation consumes one"), "{}", answer.body);
    }
    explain(&service, "", service.acme.token()).await;
    let (_, sizes) = service.validator.admin("GET", "/cache").await;
    assert_eq!(sizes, json!({"live": 0, "refused": 0}));
    for status in [200, 200, 401] {
        assert_eq!(service.ask(&limited).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_are_limited() {
    let service = Direct::start().await;
    let mut statuses = Vec::new();
    for number in 0..32 {
        statuses.push(explain(&service, "", &format!("hvs.guess-{number}")).await.status);
    }
    assert_eq!(statuses[..30], [200; 30]);
    assert_eq!(statuses[30..], [429; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_is_no_denial() {
    let service = Direct::start().await;
    service.fault.set(Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#)).await;
    let answer = explain(&service, "", service.acme.token()).await;
    assert!(answer.body.contains("Not known: 503 vault_sealed"), "{}", answer.body);
}
