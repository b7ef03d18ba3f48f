//! The cache of tokens.

use std::time::Duration;

use super::{set, under_load, watch};
use crate::support::direct::Direct;

#[tokio::test(flavor = "multi_thread")]
async fn o3_evicted_cache_is_reported() {
    let service = Direct::start().await;
    let monitoring = watch(&service).await;
    let ask = async || drop(service.ask(service.acme.token()).await);
    under_load(ask, monitoring.observes(Duration::from_secs(8))).await;
    let ask_anew = async || {
        assert_eq!(service.validator.admin("DELETE", "/cache").await.0, 204);
        ask().await;
    };
    under_load(ask_anew, monitoring.delivers("VaultAuthHitRatioLow")).await;
    assert_eq!(monitoring.fired().await, set(&["VaultAuthHitRatioLow"]));
}
