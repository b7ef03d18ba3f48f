//! Logins that Vault rejects: the role is not locked, and the cause is reported to the operator.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    expect::granted,
    session::platform,
    support::{
        bao::Bao,
        platform::{AppRole, log_in},
        tools,
        validator::Validator,
        wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Returns this role with a secret id that was never issued.
fn wrong(role: &AppRole) -> AppRole {
    AppRole { secret_id: "wrong".to_owned(), ..role.clone() }
}

/// Returns the `detail` of `/readyz` of a validator that is not logged in.
async fn detail(validator: &Validator) -> String {
    validator.unready("not_logged_in").await;
    let what = "a detail that says why";
    eventually(TIMEOUT, what, async || {
        let (_, body) = validator.admin("GET", "/readyz").await;
        body["detail"].as_str().map(str::to_owned)
    })
    .await
}

/// Uses up the failed logins that a role may have.
async fn lock(bao: &Bao, role: &AppRole) {
    let login = json!({"role_id": role.role_id, "secret_id": "wrong"});
    eventually(TIMEOUT, "the role to be locked", async || {
        let answer = bao.request_as("", "POST", "auth/approle/login", Some(login.clone())).await;
        (answer.0 == 403).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_id_locks_no_role() {
    let (bao, role, acme) = platform().await;
    let validator = Validator::start_unready(&bao, &wrong(&role), &[]).await;
    // Before the first login, the service is not logged in either.
    detail(&validator).await;
    let failed = || bao.audited("auth/approle/login");
    let before = failed();
    // No further login may happen meanwhile.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(failed(), before, "it tried again");
    log_in(&bao, &role).await;
    validator.write_secret_id(&role.secret_id);
    let start = Instant::now();
    validator.ready().await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    granted(&validator.validate("", &[("x-vault-token", acme.token())]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_changes_do_not_lock_role() {
    let (bao, role, _) = platform().await;
    let validator = Validator::start_unready(&bao, &wrong(&role), &[]).await;
    validator.unready("not_logged_in").await;
    let refusals = "vault_requests_total{operation=\"login\",outcome=\"login_refused\"}";
    for tried in 2..=4 {
        eventually(TIMEOUT, "one more login", async || {
            validator.write_secret_id(&"wrong".repeat(rand::random_range(2..100)));
            tokio::time::sleep(Duration::from_millis(300)).await;
            (validator.count(refusals).await >= tried).then_some(())
        })
        .await;
    }
    validator.write_secret_id("another");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(validator.count(refusals).await, 4);
    log_in(&bao, &role).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_login_is_explained_in_log() {
    let (bao, role, _) = platform().await;
    let validator = Validator::start_unready(&bao, &wrong(&role), &[]).await;
    let detail = detail(&validator).await;
    for part in ["invalid secret id", &role.role_id, "/secret-id"] {
        assert!(detail.contains(part), "{part} in {detail}");
        // The log is written by a thread of its own.
        let what = format!("{part} in the log");
        eventually(TIMEOUT, &what, async || validator.log().contains(part).then_some(())).await;
    }
    assert!(!detail.contains(&role.secret_id) && !detail.contains("wrong"), "{detail}");
    let report = doctor(&bao, &wrong(&role));
    assert!(report.contains("invalid secret id") && report.contains(&role.role_id), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_role_logs_in_after_unlock() {
    let (bao, role, _) = platform().await;
    lock(&bao, &role).await;
    let validator = Validator::start_unready(&bao, &role, &[]).await;
    let detail = detail(&validator).await;
    for part in ["locked out until ", &role.role_id, "/secret-id"] {
        assert!(detail.contains(part), "{part} in {detail}");
        // The log is written by a thread of its own.
        let what = format!("{part} in the log");
        eventually(TIMEOUT, &what, async || validator.log().contains(part).then_some(())).await;
    }
    let report = doctor(&bao, &role);
    assert!(report.contains("locked out until "), "{report}");
    let mounts = bao.must("GET", "sys/auth", None).await;
    let accessor = mounts["data"]["approle/"]["accessor"].as_str().expect("an accessor");
    let path = format!("sys/locked-users/{accessor}/unlock/{}", role.role_id);
    bao.must("POST", &path, Some(json!({}))).await;
    validator.ready().await;
}

/// Returns the output of `doctor` with this role configured.
fn doctor(bao: &Bao, role: &AppRole) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("secret-id");
    fs::write(&file, &role.secret_id).expect("a file");
    let output = Command::new(tools::validator())
        .args(["doctor", "--login"])
        .env_clear()
        .env("VAULT_ADDR", bao.addr())
        .env("VALIDATOR_ROLE_ID", &role.role_id)
        .env("VALIDATOR_SECRET_ID_FILE", &file)
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
