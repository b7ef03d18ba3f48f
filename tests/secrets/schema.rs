//! Schemathesis holds the API against its OpenAPI document: it makes up requests that the document
//! allows and such that it forbids, and looks whether each answer is one that it tells of.

use std::process::Command;

use serde_json::json;

use crate::support::{direct::Direct, stack::bearer, tools};

#[tokio::test(flavor = "multi_thread")]
async fn api_matches_its_document() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    for name in ["crm", "mcp/hostinger"] {
        let path = format!("/v1/tenants/acme/secrets/{name}");
        let body = Some(json!({"data": {"A": "1", "B": "two\nlines"}}));
        service.api("PUT", &path, service.acme.token(), &[], body).await;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let url = format!("{}/openapi.json", service.validator.api_url());
    let header = format!("Authorization: {}", bearer(service.acme.token()));
    let mut command = Command::new(tools::schemathesis());
    command
        .arg("--config-file")
        .arg(tools::repository("tests/secrets/schemathesis.toml"))
        .args(["run", &url, "--header", &header])
        .current_dir(dir.path())
        .env_clear()
        .env("HOME", dir.path());
    let run = tokio::task::spawn_blocking(move || command.output().expect("schemathesis"));
    let output = run.await.expect("an end");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    let answers = service.validator.metric("api_requests_total{status=\"200\"}").await;
    assert!(answers > 50.0, "it has hardly asked: {answers}\n{report}");
}
