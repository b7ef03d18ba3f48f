//! The API matches its own documentation.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::support::{
    direct::Direct,
    http::{self, Answer},
};

async fn get(service: &Direct, path: &str) -> Answer {
    let url = format!("{}{path}", service.validator.api_url());
    http::send(&http::client(), "GET", &url, &[], None).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn first_page_links_to_others() {
    let service = Direct::start().await;
    let first = get(&service, "/").await;
    assert_eq!((first.status, &first.json()["name"]), (200, &json!("vault-auth-validator")));
    assert_eq!(first.json()["version"], env!("CARGO_PKG_VERSION"));
    let links = first.json()["links"].clone();
    for (link, status, kind) in [
        ("docs", 200, "text/html; charset=utf-8"),
        ("openapi", 200, "application/json"),
        ("whoami", 401, "application/problem+json"),
    ] {
        let answer = get(&service, links[link].as_str().expect("a path")).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(kind)));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    }
    let style = get(&service, "/docs/style.css").await;
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(get(&service, "/docs").await.body.contains("href=\"/docs/style.css\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn openapi_lists_exactly_the_calls() {
    let service = Direct::start().await;
    let document = get(&service, "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let concrete = ["tenant", "name", "folder", "subfolder", "subsubfolder"]
            .iter()
            .fold(path.clone(), |path, name| path.replace(&format!("{{{name}}}"), "acme"));
        for method in ["get", "put", "post", "patch", "delete"] {
            let report = &item[method];
            let answer =
                service.api(&method.to_uppercase(), &concrete, "s.unknown", &[], None).await;
            assert_eq!(report.is_null(), answer.status == 405, "{method} {path}: {answer:?}");
            assert_ne!(answer.json()["code"], "not_found", "{method} {path}");
            if !report.is_null() {
                calls += 1;
                let status = answer.status.to_string();
                assert!(report["responses"][&status].is_object(), "{method} {path}: {status}");
            }
        }
    }
    assert_eq!(calls, 3 + 4 * (4 + 2));
    let ids: Vec<&Value> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("calls").values())
        .map(|call| &call["operationId"])
        .collect();
    let distinct: std::collections::BTreeSet<String> =
        ids.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_describe_headers() {
    let service = Direct::start().await;
    let document = get(&service, "/openapi.json").await.json();
    let verbs = ["Change", "Delete", "Describe", "Get", "List", "Read", "Undelete", "Write"];
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, call) in item.as_object().expect("calls") {
            let summary = call["summary"].as_str().expect("a summary");
            let verb = summary.split(' ').next().expect("a word");
            assert!(verbs.contains(&verb), "{method} {path}: {summary}");
            for (status, header) in [
                ("201", "Location"),
                ("401", "WWW-Authenticate"),
                ("403", "WWW-Authenticate"),
                ("429", "Retry-After"),
                ("503", "Retry-After"),
            ] {
                let response = &call["responses"][status];
                let headers = &response["headers"];
                assert_eq!(response.is_null(), headers[header].is_null(), "{path} {status}");
            }
            calls += 1;
        }
    }
    assert!(calls > 20, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_are_counted_by_route() {
    let service = Direct::start().await;
    for name in ["a", "b", "c"] {
        let path = format!("/v1/tenants/acme/secrets/{name}");
        service.api("GET", &path, service.acme.token(), &[], None).await;
    }
    let route = "route=\"/v1/tenants/{tenant}/secrets/{*name}\"";
    let series = format!("api_requests_total{{{route},status=\"404\"}}");
    let text = http::send(
        &http::client(),
        "GET",
        &format!("{}/metrics", service.validator.admin_url()),
        &[],
        None,
    )
    .await
    .expect("metrics")
    .body;
    assert!(text.contains(&format!("{series} 3")), "{text}");
}

/// The text of each `pre` of this class.
fn preformatted(page: &str, class: &str) -> Vec<String> {
    let start = format!("<pre class=\"{class}\" tabindex=\"0\"><code>");
    let blocks = page.split(&start).skip(1);
    let blocks = blocks.map(|rest| rest.split("</code></pre>").next().expect("an end"));
    let plain = |html: &str| {
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
            .iter()
            .fold(html.to_owned(), |text, (entity, character)| text.replace(entity, character))
    };
    blocks.map(plain).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_examples_succeed() {
    let service = Direct::start().await;
    let page = get(&service, "/docs").await.body;
    let home = tempfile::tempdir().expect("a temporary directory");
    let token = service.acme.token();
    fs::write(home.path().join(".vault-token"), token).expect("a file");
    let [setup] = &preformatted(&page, "setup")[..] else { panic!("one block of settings") };
    let setup = setup.replace("https://api.example.com", &service.validator.api_url());
    let examples = preformatted(&page, "curl");
    assert!(examples.len() >= 7, "{examples:?}");
    for example in examples {
        // Each finds the secret that the page speaks of, live.
        let body = Some(json!({"data": {"DATABASE_URL": "x", "OLD_KEY": "y"}}));
        let put = service.api("PUT", "/v1/tenants/acme/secrets/crm", token, &[], body).await;
        assert!(matches!(put.status, 200 | 201), "{put:?}");
        let script = format!("set -eu\n{setup}\n{example}\n");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).env("HOME", home.path());
        let output = tokio::task::spawn_blocking(move || shell.output().expect("a shell"));
        let output = output.await.expect("an end");
        let (report, error) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{example}\n{}{error}", String::from_utf8_lossy(report));
    }
}
