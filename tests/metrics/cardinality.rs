//! O5: no client can add series.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::json;

use super::{OF_PROMETHEUS, scrape, start_busy};
use crate::support::http;

const REQUESTS: usize = 10_000;

/// Returns the series without their values.
fn series(openmetrics: &str) -> BTreeSet<String> {
    let samples = openmetrics.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| Some(line.rsplit_once("} ")?.0.to_owned())).collect()
}

/// A request that has a random text wherever a client can put one.
async fn send_random(client: &reqwest::Client, urls: &[String; 2], number: usize, token: &str) {
    let text = format!("canary{:x}", rand::random::<u64>());
    let unknown = text.to_uppercase();
    let method = ["GET", "POST", "PUT", "DELETE", "PATCH", &unknown][number % 6];
    let target = match number % 5 {
        0 => format!("{}/validate?{text}={text}", urls[0]),
        1 => format!("{}/{text}", urls[0]),
        2 => format!("{}/v1/tenants/{text}/secrets/{text}?{text}", urls[1]),
        3 => format!("{}/{text}/{text}", urls[1]),
        _ => format!("{}/validate?tenant={text}", urls[0]),
    };
    let headers = [
        ("authorization", if number.is_multiple_of(2) { text.as_str() } else { token }),
        ("host", &text),
        ("x-forwarded-host", &text),
        ("x-forwarded-uri", &format!("/{text}?{text}")),
        ("x-forwarded-method", &text),
        ("x-forwarded-for", "192.0.2.1"),
        ("user-agent", &text),
        ("traceparent", &text),
    ];
    http::send(client, method, &target, &headers, None).await.expect("an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn o5_series_are_bounded_under_random_requests() {
    let service = start_busy(&[("VALIDATOR_LOG", "info")]).await;
    let urls = [service.validator.auth_url(), service.validator.api_url()];
    let (client, token) = (http::client(), format!("Bearer {}", service.acme.token()));
    let send = async |count: usize| {
        stream::iter(0..count)
            .for_each_concurrent(16, |number| send_random(&client, &urls, number, &token))
            .await;
    };
    // By then every kind of answer to them has a series.
    send(500).await;
    let before = series(&scrape(&service, OF_PROMETHEUS).await.body);
    send(REQUESTS).await;
    let text = scrape(&service, OF_PROMETHEUS).await.body;
    let after = series(&text);
    assert!(!text.contains("canary"), "a label is from a client");
    assert!(after.len() < 2_000, "{} series", after.len());
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.len() < 100, "{} series are new: {new:#?}", new.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn o5_unknown_tenants_have_no_series() {
    let service = start_busy(&[]).await;
    for number in 0..20 {
        let path = format!("/v1/tenants/none{number}/secrets/smtp");
        let body = Some(json!({"data": {"A": "1"}}));
        service.api("PUT", &path, service.acme.token(), &[], body).await;
    }
    let text = scrape(&service, OF_PROMETHEUS).await.body;
    let operations =
        text.lines().filter(|line| line.contains("vault_auth_tenant_secret_operations"));
    let tenants: BTreeSet<_> =
        operations.filter_map(|line| line.split("tenant=\"").nth(1)?.split('"').next()).collect();
    assert_eq!(tenants, BTreeSet::from(["acme"]));
}
