//! The programs that check MCP servers and their authorization: `mcp-authlab` and `mcpcheck`.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::McpPlatform;
use crate::support::{
    browser::Browser,
    mcp::{Sdk, consent},
    people::PASSWORD,
    tools,
};

const URL: &str = "https://mcp.example.com/mcp";

const TIMEOUT: Duration = Duration::from_mins(2);

/// Returns the command of a program that reaches the platform.
fn program(platform: &McpPlatform, name: &str) -> Command {
    let mut command = Command::new(tools::repository(".tools/mcp-2/bin").join(name));
    command
        .env_clear()
        .env("PYTHONPATH", tools::repository("tests/mcp/loopback"))
        .env("LOOPBACK_PORTS", format!("443:{}", platform.caddy.port()))
        .env("SSL_CERT_FILE", platform.caddy.leaf().certificate())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn mcpcheck_passes() {
    let platform = McpPlatform::start(Sdk::Two).await;
    let login = Some(json!({ "password": PASSWORD }));
    let login = platform.people.bao().must("POST", "auth/userpass/login/ana", login).await;
    let token = login["auth"]["client_token"].as_str().expect("a token");
    let mut command = program(&platform, "mcpcheck");
    command.args([URL, "--strict", "--no-color"]).env("MCPCHECK_TOKEN", token);
    let output = timeout(TIMEOUT, command.output()).await.expect("an end").expect("mcpcheck");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn authlab_passes() {
    let platform = McpPlatform::start_with(
        Sdk::Two,
        "https://mcp.example.com/mcp=MCP registry,https://b.example.com=MCP registry B",
    )
    .await;
    let browser = Browser::start(platform.options()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (tokens, report) = (folder.path().join("tokens"), folder.path().join("report.json"));
    let mut login = program(&platform, "mcp-authlab");
    login
        .args(["login", URL, "--no-browser", "--no-color", "--client-id", "inspector"])
        .args(["--foreign-resource", "https://b.example.com", "--timeout", "60"])
        .env("HOME", folder.path())
        .env("MCP_AUTHLAB_TOKENS", &tokens);
    let log = sign_in(login.spawn().expect("mcp-authlab"), &browser).await;
    assert!(tokens.exists(), "{log}");

    let mut scan = program(&platform, "mcp-authlab");
    scan.args(["scan", URL, "--no-color", "--format", "json", "-o"])
        .arg(&report)
        .args(["--tool", "echo"])
        .env("HOME", folder.path())
        .env("MCP_AUTHLAB_TOKENS", &tokens);
    let output = timeout(TIMEOUT, scan.output()).await.expect("an end").expect("mcp-authlab");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let report = std::fs::read(&report).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    // A token for another resource that is accepted is only a warning of the program.
    for list in ["must_failures", "critical_failures", "warnings"] {
        assert_eq!(report[list], json!([]), "{report:#}");
    }
    let results = report["results"].as_array().expect("results");
    assert!(results.len() > 20, "{report:#}");
    let failed = results.iter().filter(|result| result["status"] == "fail");
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<&Value>::new());
}

/// Signs in for each address that the program prints, until it ends; returns its messages.
async fn sign_in(mut child: Child, browser: &Browser) -> String {
    let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines();
    let mut log = String::new();
    let messages = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            log.push_str(&line);
            log.push('\n');
            if let Some(url) = line.trim().strip_prefix("https://login.example.com/") {
                consent(browser, &format!("https://login.example.com/{url}")).await;
            }
        }
    };
    timeout(TIMEOUT, messages).await.expect("an end");
    let status = child.wait().await.expect("a status");
    assert!(status.success(), "{log}");
    log
}
