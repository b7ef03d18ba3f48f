//! The capabilities that `policies/tenant.hcl` grants and does not grant, according to OpenBao.

use serde_json::{Value, json};

use super::vault::{Vault, data, path};
use crate::support::platform;
use vault_auth_validator::secrets::{SecretError, WriteCondition};

const WRITE: fn() -> Value = || json!({"data": {"v": 1}});

#[tokio::test(flavor = "multi_thread")]
async fn tenant_policy_covers_own_secrets_only() {
    let vault = Vault::start().await;
    let plaintext = json!({"plaintext": "AA==", "context": "AA=="});
    let versions = json!({"versions": [1]});
    let secret = Some(WRITE());
    let (bao, acme) = (&vault.bao, vault.acme.token());
    for (method, kind, own, body) in [
        ("POST", "secret/data/tenants/{}/x", 200, secret.clone()),
        ("POST", "secret/data/tenants/{}/x", 200, secret.clone()),
        ("GET", "secret/data/tenants/{}/x", 200, None),
        ("GET", "secret/metadata/tenants/{}/x", 200, None),
        ("GET", "secret/metadata/tenants/{}?list=true", 200, None),
        ("GET", "secret/metadata/tenants/{}/mcp?list=true", 404, None),
        ("GET", "secret/detailed-metadata/tenants/{}?list=true", 200, None),
        ("GET", "secret/detailed-metadata/tenants/{}/mcp?list=true", 404, None),
        ("POST", "secret/delete/tenants/{}/x", 204, Some(versions.clone())),
        ("GET", "transit/keys/tenant-{}", 200, None),
        ("POST", "transit/encrypt/tenant-{}", 200, Some(plaintext.clone())),
        ("DELETE", "secret/data/tenants/{}/x", 403, None),
        ("DELETE", "secret/metadata/tenants/{}/x", 403, None),
        ("PUT", "secret/destroy/tenants/{}/x", 403, Some(versions.clone())),
        ("POST", "secret/undelete/tenants/{}/x", 204, Some(versions)),
        ("POST", "secret/data/tenants/{}", 403, secret),
        ("POST", "transit/keys/tenant-{}", 403, Some(json!({"derived": false}))),
        ("POST", "transit/keys/tenant-{}/rotate", 403, None),
        ("POST", "transit/keys/tenant-{}/config", 403, Some(json!({"exportable": true}))),
        ("GET", "transit/export/encryption-key/tenant-{}", 403, None),
        ("POST", "transit/rewrap/tenant-{}", 403, Some(plaintext)),
        ("DELETE", "transit/keys/tenant-{}", 403, None),
    ] {
        for (tenant, expected) in [("acme", own), ("globex", 403), ("nobody", 403)] {
            let path = kind.replace("{}", tenant);
            let (status, answer) = bao.request_as(acme, method, &path, body.clone()).await;
            assert_eq!(status, expected, "{method} {path}: {answer}");
        }
    }
    let (status, _) = bao.request_as(acme, "GET", "secret/metadata/tenants?list=true", None).await;
    assert_eq!(status, 403, "nor who else there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_creates_no_key() {
    let vault = Vault::start().await;
    let metadata = json!({"tenant": "keyless"});
    let caller = platform::create_caller(&vault.bao, "keyless", metadata, &["tenant"]).await;
    let body = json!({"plaintext": "AA==", "context": "AA=="});
    let encrypt = "transit/encrypt/tenant-keyless";
    let (status, answer) =
        vault.bao.request_as(&caller.token, "POST", encrypt, Some(body.clone())).await;
    assert_eq!(status, 403, "{answer}");
    let (status, _) = vault.bao.request("GET", "transit/keys/tenant-keyless", None).await;
    assert_eq!(status, 404);
    let (status, _) = vault.bao.request("POST", encrypt, Some(body)).await;
    assert_eq!(status, 200, "with `create` it would have been made");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_and_tenantless_see_no_secret() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    let written = vault.with(vault.acme.token(), async |secrets| {
        secrets.write(&place, &data(&json!({"A": "1"})), WriteCondition::None).await.map(|_| ())
    });
    written.await.expect("written");
    let service = json!({"policies": ["validator"], "no_default_policy": true, "ttl": "1h"});
    let service = platform::token(&vault.bao, service).await;
    let orphan = platform::token(&vault.bao, json!({"policies": ["tenant"], "ttl": "1h"})).await;
    let metadata = json!({"other": "acme"});
    let unprivileged = platform::create_caller(&vault.bao, "nobody", metadata, &["tenant"]).await;
    for token in [&service, &orphan, &unprivileged.token, vault.globex.token()] {
        let outcome = vault.with(token, async |secrets| secrets.read(&place, None).await);
        let outcome = outcome.await.map(|_| ());
        assert!(matches!(outcome, Err(SecretError::PermissionDenied)), "{outcome:?}");
    }
    let outcome = vault.with("s.unknown", async |secrets| secrets.read(&place, None).await);
    let outcome = outcome.await.map(|_| ());
    assert!(matches!(outcome, Err(SecretError::TokenRejected)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn crm_user_reads_only_its_secret() {
    let vault = Vault::start().await;
    let metadata = json!({"tenant": "acme"});
    let agent = platform::create_caller(&vault.bao, "agent", metadata, &["crm-agent"]).await;
    for name in ["acme/crm", "acme/other"] {
        let written = vault.with(vault.acme.token(), async |secrets| {
            let secret = data(&json!({"A": "1"}));
            secrets.write(&path(name), &secret, WriteCondition::None).await.map(|_| ())
        });
        written.await.expect("written");
    }
    vault
        .with(&agent.token, async |secrets| {
            secrets.read(&path("acme/crm"), None).await.expect("the CRM's");
            let other = secrets.read(&path("acme/other"), None).await.map(|_| ());
            assert!(matches!(other, Err(SecretError::PermissionDenied)), "{other:?}");
            let secret = data(&json!({"A": "2"}));
            let written = secrets.write(&path("acme/crm"), &secret, WriteCondition::None).await;
            assert!(matches!(written, Err(SecretError::PermissionDenied)), "{written:?}");
        })
        .await;
}
