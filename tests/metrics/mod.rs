//! Metrics: their names, formats, values and labels, as `docs/metrics.md` describes them.

mod cardinality;
mod export;
mod page;
mod values;

use std::{collections::BTreeSet, io::Write as _, process::Command};

use serde_json::json;

use crate::support::{direct::Direct, http, tools};

/// The `Accept` header of Prometheus 2.
const OF_PROMETHEUS: &str =
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// Returns the metrics in the format for this `Accept` header.
async fn scrape(service: &Direct, accept: &str) -> http::Answer {
    let url = format!("{}/metrics", service.validator.admin_url());
    let headers = [("accept", accept)];
    http::send(&http::client(), "GET", &url, &headers, None).await.expect("metrics")
}

/// Returns the names of the families in `OpenMetrics`, as their samples have them.
fn names(openmetrics: &str) -> BTreeSet<String> {
    let types = openmetrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|family| match family.split_once(' ').expect("a type") {
            (name, "counter") => format!("{name}_total"),
            (name, "info") => format!("{name}_info"),
            (name, _) => name.to_owned(),
        })
        .collect()
}

/// Starts a service with requests of many kinds behind it.
async fn start_busy(env: &[(&str, &str)]) -> Direct {
    let service = Direct::start_with(env).await;
    for query in ["", "", "tenant=globex", "tenant="] {
        service.require(query, service.acme.token()).await;
    }
    service.require("", "hvs.unknown").await;
    let path = "/v1/tenants/acme/secrets/smtp";
    let body = Some(json!({"data": {"A": "1"}}));
    assert_eq!(service.api("PUT", path, service.acme.token(), &[], body).await.status, 201);
    service.api("GET", path, service.acme.token(), &[], None).await;
    service.api("GET", "/nowhere", service.acme.token(), &[], None).await;
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_all_metrics() {
    let service = start_busy(&[]).await;
    let answer = scrape(&service, "*/*").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    // The former names have no prefix, and `build_info` none of its own: they are as they were.
    let mut check = Command::new(tools::promtool())
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("promtool starts");
    check.stdin.take().expect("its input").write_all(answer.body.as_bytes()).expect("a pipe");
    let output = check.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn openmetrics_is_for_those_that_ask() {
    let service = start_busy(&[]).await;
    let answer = scrape(&service, OF_PROMETHEUS).await;
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(openmetrics));
    assert!(answer.body.ends_with("# EOF\n"));
    let name = "vault_auth_decisions";
    assert!(answer.body.contains(&format!("# TYPE {name} counter\n")), "{}", answer.body);
    assert!(answer.body.contains(&format!("{name}_total{{result=\"allow\",reason=\"ok\"}} 2\n")));
}
