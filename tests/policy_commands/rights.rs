//! Restrictions of the shipped policies that `sys/capabilities` does not report.

use serde_json::json;

use super::Operator;
use crate::support::{bao::Bao, http, platform};

/// Creates a token with this shipped policy.
async fn holder(bao: &Bao, policy: &str) -> String {
    platform::token(bao, json!({"policies": [policy], "ttl": "1h"})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_manages_policies_and_tenants() {
    let bao = Bao::dev().await;
    platform::provision(&bao).await;
    bao.must("DELETE", "sys/policies/acl/crm-agent", None).await;
    let operator = Operator::new(&bao).await;
    bao.must("DELETE", "sys/policies/acl/crm-agent", None).await;
    let ended = operator.run(&["apply", "--yes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let token = holder(&bao, "operator").await;
    for (method, path, body, expected) in [
        ("POST", "transit/keys/tenant-a", json!({"derived": true}), 200),
        ("POST", "transit/keys/tenant-b", json!({"exportable": true}), 403),
        ("POST", "transit/keys/tenant-a/config", json!({"exportable": true}), 403),
        ("POST", "transit/keys/tenant-a/config", json!({"allow_plaintext_backup": true}), 403),
        ("POST", "transit/keys/tenant-a/config", json!({"deletion_allowed": true}), 200),
        ("POST", "transit/keys/tenant-a/rotate", json!({}), 200),
        ("POST", "identity/entity", json!({"name": "a", "metadata": {"tenant": "a"}}), 200),
        ("POST", "identity/entity", json!({"name": "b", "policies": ["operator"]}), 403),
        ("POST", "identity/entity/name/a", json!({"policies": ["operator"]}), 403),
        ("POST", "identity/entity/name/a", json!({"disabled": true}), 204),
        ("POST", "auth/approle/role/a", json!({"token_policies": ["tenant"]}), 204),
        ("POST", "auth/approle/role/a/secret-id", json!({}), 403),
        ("DELETE", "transit/keys/tenant-a", json!(null), 204),
    ] {
        let (status, answer) = bao.request_as(&token, method, path, Some(body.clone())).await;
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
    }
    let url = format!("{}/v1/auth/approle/role/a/secret-id", bao.addr());
    for (lifetime, expected) in [("5m", 200), ("48h", 403)] {
        let headers = [("x-vault-token", token.as_str()), ("x-vault-wrap-ttl", lifetime)];
        let answer = http::send(&http::client(), "POST", &url, &headers, None).await;
        assert_eq!(answer.expect("an answer").status, expected, "wrapped for {lifetime}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_test_role_cannot_become_root() {
    let bao = Bao::dev().await;
    platform::load_policies(&bao).await;
    let token = holder(&bao, "operator").await;
    let role = json!({"allowed_policies": ["root"]});
    let path = "auth/token/roles/validator-test-1";
    assert_eq!(bao.request_as(&token, "POST", path, Some(role)).await.0, 204);
    let path = "auth/token/create/validator-test-1";
    let root = json!({"policies": ["root"]});
    let (status, answer) = bao.request_as(&token, "POST", path, Some(root)).await;
    assert!(matches!(status, 400 | 403), "{status} {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn auditor_compares_policies() {
    let bao = Bao::dev().await;
    platform::load_policies(&bao).await;
    let token = holder(&bao, "policy-auditor").await;
    let auditor = Operator::at(&bao.addr(), &token);
    assert_eq!(auditor.run(&["plan", "--detailed-exitcode"]).code, Some(0));
    bao.must("DELETE", "sys/policies/acl/tenant", None).await;
    assert_eq!(auditor.run(&["plan", "--detailed-exitcode"]).code, Some(2));
    let ended = auditor.run(&["apply", "--yes"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("failed  create  tenant"), "{ended:?}");
    assert_eq!(bao.request_as(&token, "GET", "sys/audit", None).await.0, 200);
}
