//! Runs that are cut off, and the next.

use std::time::Duration;

use super::{Credentials, count, operator, platform, root, steps};
use crate::support::{
    bao::{Bao, Unsealed},
    fault::{Fault, FaultProxy},
    platform::log_in,
    shell::Shell,
    wait::eventually,
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs a command until a request that starts like this is in flight, and kills it.
async fn kill_at(fault: &FaultProxy, point: &str, shell: &Shell, arguments: &[&str]) {
    fault.set_for(point, Fault::Hang).await;
    let before = fault.struck();
    let process = shell.start(arguments);
    eventually(TIMEOUT, point, async || {
        assert_eq!(process.exit_status(), None, "{point}: {}", process.log());
        (fault.struck() > before).then_some(())
    })
    .await;
    process.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_resumes_after_kill() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut bao = Bao::empty(dir.path(), Unsealed::ByPeople).await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = Shell::new(&fault.addr(), "");
    let credentials = Credentials::new();
    let folder = credentials.path();
    let arguments = ["bootstrap", "--init", "--credentials", &folder, "--output", "json"];
    for point in [
        "PUT /v1/sys/init",
        "PUT /v1/sys/unseal",
        "POST /v1/sys/mounts/secret",
        "POST /v1/sys/mounts/transit",
        "POST /v1/transit/config/keys",
        "POST /v1/sys/auth/approle",
        "POST /v1/sys/auth/userpass",
        "POST /v1/auth/approle/role/validator",
        "POST /v1/sys/policies/acl/agent-director",
        "POST /v1/sys/policies/acl/validator",
        "POST /v1/auth/approle/role/validator/secret-id",
    ] {
        kill_at(&fault, point, &shell, &arguments).await;
    }
    fault.set(Fault::Pass).await;
    let report = shell.run(&arguments).json();
    let secret_id = ("validator".to_owned(), "done".to_owned());
    assert_eq!((steps(&report).last(), &report["changed"]), (Some(&secret_id), &1.into()));
    bao.adopt(&credentials.read("root-token"));
    log_in(&bao, &credentials.role(&bao, "validator").await).await;
    assert_eq!(shell.run(&arguments).json()["changed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_creation_resumes_after_kill() {
    let bao = platform().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = operator(&bao).await.with("VAULT_ADDR", &fault.addr());
    let credentials = Credentials::new();
    let folder = credentials.path();
    let create = ["tenants", "create", "acme", "--service", "crm", "--service", "n8n"];
    let arguments = [&create[..], &["--credentials", &folder, "--output", "json"]].concat();
    for point in [
        "POST /v1/transit/keys/tenant-acme",
        "POST /v1/identity/entity",
        "POST /v1/secret/data/tenant-members/of",
        "POST /v1/auth/approle/role/acme-crm",
        "POST /v1/identity/entity-alias",
        "POST /v1/auth/approle/role/acme-n8n",
        "POST /v1/auth/approle/role/acme-crm/secret-id",
        "POST /v1/auth/approle/role/acme-n8n/secret-id",
    ] {
        kill_at(&fault, point, &shell, &arguments).await;
    }
    fault.set(Fault::Pass).await;
    let report = shell.run(&arguments).json();
    assert_eq!((count(&report, "done"), &report["changed"]), (1, &1.into()), "{report}");
    for name in ["acme-crm", "acme-n8n"] {
        log_in(&bao, &credentials.role(&bao, name).await).await;
    }
    assert_eq!(shell.run(&arguments).json()["changed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_addition_resumes_after_kill() {
    let bao = platform().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = operator(&bao).await.with("VAULT_ADDR", &fault.addr());
    for tenant in ["acme", "globex"] {
        shell.run(&["tenants", "create", tenant]).done();
    }
    let password = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(password.path(), "secret").expect("it is written");
    let password = password.path().display().to_string();
    let add = ["tenants", "members", "add", "acme", "ana", "--create-user"];
    let arguments = [&add[..], &["--password-file", &password, "--output", "json"]].concat();
    for point in [
        "POST /v1/auth/userpass/users/ana",
        "POST /v1/identity/entity-alias",
        "POST /v1/secret/data/tenant-members/entities",
        "POST /v1/secret/data/tenant-members/of",
        "POST /v1/identity/entity ",
    ] {
        kill_at(&fault, point, &shell, &arguments).await;
    }
    fault.set(Fault::Pass).await;
    // Half of it is done, so that nobody else has the person, and it can be undone.
    let other = ["tenants", "members", "add", "globex", "ana"];
    let undo =
        "`vault-auth-validator tenants members remove acme ana --mount userpass` undoes that";
    let refused = shell.run(&other);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains(undo), "{refused:?}");
    let remove = ["tenants", "members", "remove", "acme", "ana"];
    shell.run(&remove).done();
    shell.run(&remove).failed(1, "ana belongs to no tenant; nothing was changed");
    let report = shell.run(&arguments).json();
    assert_eq!((count(&report, "done"), &report["changed"]), (1, &1.into()), "{report}");
    let shown = shell.run(&["tenants", "show", "acme", "--output", "json"]).json();
    assert_eq!(shown["members"][0]["name"], "ana", "{shown}");
    assert_eq!(shell.run(&arguments).json()["changed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_response_is_recovered() {
    for point in [
        "POST /v1/sys/mounts/",
        "POST /v1/transit/config/keys",
        "POST /v1/sys/auth/approle",
        "POST /v1/auth/approle/role/validator ",
        "POST /v1/sys/policies/acl/",
    ] {
        let bao = Bao::dev().await;
        let fault = FaultProxy::start(&bao.authority()).await;
        let shell = root(&bao).with("VAULT_ADDR", &fault.addr());
        fault.set_for(point, Fault::Lost).await;
        let report = Credentials::new().run(&shell, &["bootstrap", "--output", "json"]).json();
        assert!(fault.struck() > 0, "{point}");
        assert_eq!(count(&report, "done"), steps(&report).len() - 1, "{point}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_secret_id_is_created_again() {
    let bao = Bao::dev().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = root(&bao).with("VAULT_ADDR", &fault.addr());
    let credentials = Credentials::new();
    let path = "auth/approle/role/validator/secret-id";
    fault.set_for(&format!("POST /v1/{path}"), Fault::Lost).await;
    let ended = credentials.run(&shell, &["bootstrap"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("secret id    validator            failed"), "{}", ended.stdout);
    let next = "next: fix the error and run it again: completed steps are kept";
    assert_eq!(ended.stdout.lines().last(), Some(next));
    assert_eq!(credentials.read("validator-secret-id").trim(), "");
    fault.set(Fault::Pass).await;
    let report = credentials.run(&shell, &["bootstrap", "--output", "json"]).json();
    assert_eq!(report["changed"], 1, "{report}");
    log_in(&bao, &credentials.role(&bao, "validator").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_step_reports_progress() {
    let bao = Bao::dev().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = root(&bao).with("VAULT_ADDR", &fault.addr());
    let credentials = Credentials::new();
    let broken = Fault::Status(500, r#"{"errors":["no space left on device"]}"#);
    for (point, done, not_tried) in
        [("POST /v1/transit/config/keys", 2, 30), ("POST /v1/sys/policies/acl/crm-agent", 7, 23)]
    {
        fault.set_for(point, broken).await;
        let ended = credentials.run(&shell, &["bootstrap", "--output", "json"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let report = serde_json::from_str(&ended.stdout).expect("JSON");
        let counts =
            (count(&report, "done"), count(&report, "failed"), count(&report, "not tried"));
        assert_eq!(counts, (done, 1, not_tried), "{report}");
        assert!(ended.stdout.contains("no space left on device"), "{}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_waits_for_current_step() {
    let bao = Bao::dev().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = root(&bao).with("VAULT_ADDR", &fault.addr());
    let credentials = Credentials::new();
    let folder = credentials.path();
    let late = Fault::Late(Duration::from_millis(500));
    fault.set_for("POST /v1/sys/mounts/transit", late).await;
    let process = shell.start(&["bootstrap", "--credentials", &folder]);
    eventually(TIMEOUT, "the step", async || (fault.struck() > 0).then_some(())).await;
    process.signal("INT");
    let status = process.exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(1), "{}", process.log());
    let log = process.log();
    assert!(log.contains("mount        transit/             done\n"), "{log}");
    assert!(log.contains("auth method  approle/             not tried\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_waits_for_key_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bao = Bao::empty(dir.path(), Unsealed::ByPeople).await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let shell = Shell::new(&fault.addr(), "");
    let credentials = Credentials::new();
    let folder = credentials.path();
    let late = Fault::Late(Duration::from_millis(300));
    fault.set_for("PUT /v1/sys/init", late).await;
    let process = shell.start(&["bootstrap", "--init", "--credentials", &folder]);
    eventually(TIMEOUT, "the call", async || (fault.struck() > 0).then_some(())).await;
    process.signal("TERM");
    let status = process.exited(TIMEOUT).await;
    assert_eq!(status.code(), Some(1), "{}", process.log());
    assert_eq!(credentials.read("unseal-keys").lines().count(), 5);
    fault.set(Fault::Pass).await;
    let again = shell.run(&["bootstrap", "--init", "--credentials", &folder]);
    assert_eq!(again.code, Some(0), "{again:?}");
}
