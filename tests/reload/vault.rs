//! Another Vault, another namespace, another login.

use serde_json::json;

use super::{Configured, TIMEOUT, new_token};
use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        platform::{self, accessors},
        wait::eventually,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn another_vault_decides_after_reload() {
    let mut service = Configured::start("cache_ttl = \"600s\"").await;
    let other = Bao::dev().await;
    let own = service.acme.token().to_owned();
    let foreign = new_token(&other).await;
    granted(&service.ask("", &own).await);
    refused(&service.ask("", &foreign).await, "token_invalid");
    let before = accessors(&service.bao).await.len();

    // There is no role for the service yet.
    service.write_for(&other.addr(), "cache_ttl = \"600s\"");
    service.signal("failed").await;
    service.line(&["configuration not reloaded", "the login at Vault failed"]).await;
    granted(&service.ask("", &own).await);
    granted(&service.ask("", &new_token(&service.bao).await).await);
    assert_eq!(service.validator.admin("GET", "/readyz").await.0, 200);

    service.role = platform::provision(&other).await;
    service.validator.write_secret_id(&service.role.secret_id);
    service.write_for(&other.addr(), "cache_ttl = \"600s\"");
    service.signal("ok").await;
    refused(&service.ask("", &own).await, "token_invalid");
    granted(&service.ask("", &foreign).await);
    service.line(&["configuration reloaded", "VAULT_ADDR=http"]).await;
    // The token at the other Vault is revoked once no request needs it; one token was created above.
    eventually(TIMEOUT, "the revocation", async || {
        (accessors(&service.bao).await.len() == before).then_some(())
    })
    .await;
    service.bao.kill();
    granted(&service.ask("", &new_token(&other).await).await);
    assert_eq!(service.validator.admin("GET", "/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unready_service_takes_any_valid_configuration() {
    let mut service = Configured::start("").await;
    let other = Bao::dev().await;
    service.bao.kill();
    service.validator.unready("vault_unavailable").await;
    service.write_for(&other.addr(), "");
    service.signal("ok").await;
    service.validator.unready("not_logged_in").await;
    service.role = platform::provision(&other).await;
    service.validator.write_secret_id(&service.role.secret_id);
    service.write_for(&other.addr(), "");
    service.signal("ok").await;
    service.validator.ready().await;
    granted(&service.ask("", &new_token(&other).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_login_keeps_the_cache() {
    let mut service = Configured::start("cache_ttl = \"600s\"").await;
    granted(&service.ask("", service.acme.token()).await);
    let settings = json!({"token_period": "1h", "token_policies": "validator"});
    let role = platform::app_role(&service.bao, "other", settings).await;
    let old = service.role.clone();

    service.role.role_id = role.role_id;
    service.write("cache_ttl = \"600s\"");
    service.signal("failed").await;
    service.line(&["configuration not reloaded", "invalid secret id"]).await;
    assert_eq!(service.ask("", service.acme.token()).await.header("x-auth-cache"), Some("hit"));
    service.validator.write_secret_id(&role.secret_id);
    service.signal("ok").await;
    assert_eq!(service.ask("", service.acme.token()).await.header("x-auth-cache"), Some("hit"));
    // The old role is not needed any more.
    service.bao.must("DELETE", "auth/approle/role/validator", None).await;
    granted(&service.ask("", &new_token(&service.bao).await).await);
    assert_ne!(old.role_id, service.role.role_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_namespace_decides_after_reload() {
    let mut service = Configured::start("").await;
    granted(&service.ask("", service.acme.token()).await);
    service.bao.enter("team").await;
    service.role = platform::provision(&service.bao).await;
    let token = new_token(&service.bao).await;
    service.validator.write_secret_id(&service.role.secret_id);
    service.reload("vault_namespace = \"team\"").await;
    granted(&service.ask("", &token).await);
    assert_ne!(service.ask("", service.acme.token()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_file_replaces_the_app_role() {
    let service = Configured::start("").await;
    let settings = json!({"policies": ["validator"], "no_default_policy": true, "period": "1h"});
    let token = platform::token(&service.bao, settings).await;
    let file = service.file("token", &token);
    let content =
        format!("vault_addr = \"{}\"\nvault_token_file = \"{file}\"\n", service.bao.addr());
    service.file("validator.toml", &content);
    // The secret id's file is set in the environment, which only a restart changes.
    service.signal("failed").await;
    service.line(&["configuration not reloaded", "several Vault logins"]).await;
    granted(&service.ask("", service.acme.token()).await);
}
