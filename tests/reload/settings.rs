//! Each group of settings.

use std::{fs, process::Command};

use serde_json::json;
use vault_auth_validator::sealed::KeyRing;

use super::{Configured, TIMEOUT};
use crate::{
    expect::{granted, refused},
    support::{http, platform, stack::bearer, tools, wait::eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn reload_changes_who_is_accepted() {
    let service = Configured::start("").await;
    let root = service.bao.root_token().to_owned();
    refused(&service.ask("", &root).await, "token_not_allowed");
    service.reload("allow_root = true").await;
    granted(&service.ask("", &root).await);
    let line = service.line(&["configuration reloaded", "VALIDATOR_ALLOW_ROOT"]).await;
    assert!(line.contains("\"settings\":\"VALIDATOR_ALLOW_ROOT=true\""), "{line}");

    let token = service.acme.token();
    let basic = [("authorization", &*format!("Basic {}", base64(&format!("x:{token}"))))];
    refused(&service.validator.validate("", &basic).await, "credential_missing");
    service.reload("credentials = [\"basic\"]").await;
    granted(&service.validator.validate("", &basic).await);
    refused(&service.ask("", token).await, "credential_missing");

    service.reload("").await;
    granted(&service.ask("", token).await);
    refused(&service.ask("", &root).await, "token_not_allowed");
    service.reload("").await;
    service.line(&["configuration reloaded: nothing has changed"]).await;
}

fn base64(text: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_changes_trusted_proxies() {
    let service = Configured::start("").await;
    let policy = "path \"route/a\" { capabilities = [\"read\"] }";
    let authorization = bearer(&platform::token_with(&service.bao, policy).await);
    let forwarded = [
        ("authorization", authorization.as_str()),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/"),
    ];
    granted(&service.validator.validate("acl=route/a", &forwarded).await);
    service.reload("trusted_proxies = [\"192.0.2.0/24\"]").await;
    let answer = service.validator.validate("acl=route/a", &forwarded).await;
    refused(&answer, "request_invalid");
    service.reload("forwarded_headers = \"x-original\"").await;
    let answer = service.validator.validate("acl=route/a", &forwarded).await;
    refused(&answer, "request_invalid");
    let original = [
        ("authorization", authorization.as_str()),
        ("x-original-method", "GET"),
        ("x-original-uri", "/"),
    ];
    granted(&service.validator.validate("acl=route/a", &original).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_changes_failure_limit() {
    let service = Configured::start("failure_limit = 2").await;
    let guess = async |number: u32| {
        let authorization = bearer(&format!("hvs.guess{number}"));
        let headers = [("authorization", &*authorization), ("x-forwarded-for", "192.0.2.1")];
        service.validator.validate("", &headers).await.status
    };
    assert_eq!([guess(1).await, guess(2).await, guess(3).await], [401, 401, 429]);
    service.reload("failure_limit = 2\nallow_root = true").await;
    assert_eq!(guess(4).await, 429, "the failures are counted on");
    service.reload("failure_limit = 3").await;
    assert_eq!([guess(5).await, guess(6).await, guess(7).await], [401; 3]);
    assert_eq!(guess(8).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_changes_admin_access() {
    let service = Configured::start("").await;
    let clear = async |token: &str| {
        let url = format!("{}/cache", service.validator.admin_url());
        let authorization = bearer(token);
        let headers = [("authorization", authorization.as_str())];
        let answer = http::send(&http::client(), "DELETE", &url, &headers, None).await;
        answer.expect("an answer").status
    };
    assert_eq!(clear("").await, 204);
    let file = service.file("admin-token", "first-0123456789");
    let settings = format!("admin_token_file = \"{file}\"");
    service.reload(&settings).await;
    assert_eq!([clear("").await, clear("first-0123456789").await], [401, 204]);
    service.file("admin-token", "second-0123456789\n");
    service.reload(&settings).await;
    assert_eq!([clear("first-0123456789").await, clear("second-0123456789").await], [401, 204]);
    let line = service.line(&["configuration reloaded", "(new content)"]).await;
    assert!(line.contains("VALIDATOR_ADMIN_TOKEN_FILE"), "{line}");
    assert!(!service.validator.log().contains("-0123456789"), "a token is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_turns_browser_login_on_and_off() {
    let service = Configured::start("").await;
    let form = async || {
        let url = format!("{}/.vault-auth/login", service.validator.api_url());
        let headers = [
            ("x-forwarded-host", "login.example.com"),
            ("x-forwarded-proto", "https"),
            ("accept", "text/html"),
        ];
        http::send(&http::client(), "GET", &url, &headers, None).await.expect("an answer").status
    };
    assert_eq!(form().await, 404);
    let keys = service.file("keys", &KeyRing::generate());
    let login = format!(
        "login_url = \"https://login.example.com\"\nlogin_hosts = \"crm.example.com\"\n\
         sealing_key_file = \"{keys}\""
    );
    service.reload(&login).await;
    assert_eq!(form().await, 200);
    service.reload("").await;
    assert_eq!(form().await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_changes_log_level() {
    let service = Configured::start("").await;
    service.reload("log = \"error\"").await;
    let deny = async || service.ask("policy=none", service.acme.token()).await;
    refused(&deny().await, "policy_required");
    service.reload("log = \"info\"").await;
    service.line(&["configuration reloaded", "VALIDATOR_LOG=info"]).await;
    assert!(!service.validator.log().contains("policy_required"), "{}", service.validator.log());
    refused(&deny().await, "policy_required");
    service.line(&["policy_required"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_changes_mounts() {
    let service = Configured::start("").await;
    let kv = json!({"type": "kv", "options": {"version": "2"}});
    service.bao.must("POST", "sys/mounts/other", Some(kv)).await;
    platform::create_key(&service.bao, "acme").await;
    let policy = "path \"other/*\" { capabilities = [\"create\", \"read\", \"update\"] }\n\
                  path \"transit/*\" { capabilities = [\"read\", \"update\"] }";
    let token = platform::token_with(&service.bao, policy).await;
    let write = async || {
        let url = format!("{}/v1/tenants/acme/secrets/one", service.validator.api_url());
        let authorization = bearer(&token);
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        let body = json!({"data": {"KEY": "value"}}).to_string();
        http::send(&http::client(), "PUT", &url, &headers, Some(body)).await.expect("an answer")
    };
    assert_eq!(write().await.status, 403);
    service.reload("kv_mount = \"other\"").await;
    let answer = write().await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_turns_policy_drift_on_and_off() {
    let service = Configured::start("").await;
    let series = "vault_auth_policy_drift_interval_seconds";
    assert_eq!(service.validator.count(series).await, 0);
    let folder = tools::repository("policies").display().to_string();
    let settings = format!("policy_drift_dir = \"{folder}\"\npolicy_drift_interval = \"3600s\"");
    service.reload(&settings).await;
    eventually(TIMEOUT, "the interval", async || {
        (service.validator.count(series).await == 3600).then_some(())
    })
    .await;
    service.reload("").await;
    assert_eq!(service.validator.count(series).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_need_a_restart_are_named() {
    let service = Configured::start("").await;
    let settings = "cache_capacity = 7\nlog_format = \"text\"\nallow_root = true";
    service.reload(settings).await;
    let line = service.line(&["only after a restart"]).await;
    assert!(line.contains("VALIDATOR_CACHE_CAPACITY=7"), "{line}");
    granted(&service.ask("", service.bao.root_token()).await);
    // As long as they differ, each reload says so.
    service.reload(settings).await;
    let log = service.validator.log();
    assert_eq!(log.matches("only after a restart").count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_describes_the_signal() {
    let help = Command::new(tools::validator()).args(["serve", "--help"]).output().expect("help");
    assert!(String::from_utf8_lossy(&help.stdout).contains("SIGHUP"), "{help:?}");
    fs::metadata(tools::validator()).expect("the program");
}
