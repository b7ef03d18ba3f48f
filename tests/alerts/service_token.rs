//! The token of the validator itself.

use serde_json::json;

use super::{UNCACHED, set, under_load, watch};
use crate::support::{direct::Direct, fault::Fault};

#[tokio::test(flavor = "multi_thread")]
async fn o3_failed_login_is_reported() {
    let service = Direct::start_with(&UNCACHED).await;
    let monitoring = watch(&service).await;
    // Revokes the validator's token as well.
    service.bao.must("DELETE", "sys/auth/approle", None).await;
    let ask = async || drop(service.ask(service.acme.token()).await);
    under_load(ask, monitoring.delivers("VaultAuthNotLoggedIn")).await;
    under_load(ask, monitoring.holds_back("VaultAuthNotReady")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_unrenewed_token_is_reported() {
    let mut service = Direct::start().await;
    let short = json!({"token_period": "24s", "token_policies": "validator"});
    service.bao.must("POST", "auth/approle/role/validator", Some(short)).await;
    service.validator.restart().await;
    service.validator.ready().await;
    let monitoring = watch(&service).await;
    let throttled = Fault::Status(429, r#"{"errors":["rate limit quota exceeded"]}"#);
    service.fault.set_for("/v1/auth/token/renew-self", throttled).await;
    monitoring.delivers("VaultAuthTokenExpires").await;
    assert_eq!(monitoring.fired().await, set(&["VaultAuthTokenExpires"]));
}
