//! A mount that is not KV version 2, to which nothing is written.

use std::process::{Command, Stdio};

use serde_json::json;
use vault_auth_validator::secrets::{SecretError, WriteCondition};

use super::vault::{Vault, data, path};
use crate::{
    expect::problem,
    support::{bao::Bao, direct::Direct, fault::Fault, platform, tools},
};

/// The answer to a token that may do nothing in the mount.
const PREFLIGHT: &str = r#"{"errors":["preflight capability check returned 403, please ensure client's policies grant access to path \"secret/\""]}"#;

/// Mounts KV version 1 at `old/`, where the policy of tenants is good, too.
async fn with_old_mount(bao: &Bao) {
    let old = json!({"type": "kv", "options": {"version": "1"}});
    bao.must("POST", "sys/mounts/old", Some(old)).await;
    let policy =
        r#"path "old/*" { capabilities = ["create", "read", "update", "list", "delete"] }"#;
    platform::set_policy(bao, "crm-agent", policy).await;
}

async fn is_empty(bao: &Bao) {
    let (status, answer) = bao.request("LIST", "old/", None).await;
    assert_eq!(status, 404, "something was written: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_v1_mount_is_not_written() {
    let service = Direct::on(Bao::dev().await, &[("VALIDATOR_KV_MOUNT", "old")]).await;
    with_old_mount(&service.bao).await;
    let crm = "/v1/tenants/acme/secrets/crm";
    let body = json!({"data": {"A": "1"}});
    for (method, headers) in [("PUT", &[][..]), ("PUT", &[("if-none-match", "*")])] {
        let token = service.acme.token();
        let answer = service.api(method, crm, token, headers, Some(body.clone())).await;
        let message = problem(&answer, 409, "mount_unfit");
        assert!(message.contains("KV version 2"), "{message}");
        is_empty(&service.bao).await;
    }
    let answer = service.api("PATCH", crm, service.acme.token(), &[], Some(body.clone())).await;
    problem(&answer, 404, "secret_not_found");
    // What an earlier program has left there.
    let left = json!({"options": {"cas": 0}, "data": {"v": 1}});
    service.bao.must("POST", "old/data/tenants/acme/crm", Some(left.clone())).await;
    for method in ["PUT", "PATCH"] {
        let answer = service.api(method, crm, service.acme.token(), &[], Some(body.clone())).await;
        problem(&answer, 503, "vault_unavailable");
    }
    let kept = service.bao.must("GET", "old/data/tenants/acme/crm", None).await;
    assert_eq!(kept["data"], left);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_mount_is_not_written() {
    let vault = Vault::start().await;
    let place = path("acme/crm");
    vault
        .with(vault.acme.token(), async |secrets| {
            let secret = data(&json!({"A": "1"}));
            for fault in [
                Fault::Status(403, r#"{"errors":["preflight capability check returned 403"]}"#),
                Fault::Status(403, PREFLIGHT),
                Fault::Status(200, r#"{"data":{"type":"kv"}}"#),
                Fault::Status(200, r#"{"data":{"type":"kv","options":{"version":"1"}}}"#),
                Fault::Status(200, r#"{"data":{"type":"cubbyhole","options":{"version":"2"}}}"#),
                Fault::Garbage,
                Fault::Hang,
            ] {
                vault.fault.set_for("GET /v1/sys/internal/ui/mounts/secret", fault).await;
                let written = secrets.write(&place, &secret, WriteCondition::None).await;
                let unwritten = matches!(
                    written,
                    Err(SecretError::MountNotVersioned
                        | SecretError::Unavailable(_)
                        | SecretError::PermissionDenied)
                );
                assert!(unwritten, "{fault:?}: {written:?}");
                let (status, _) =
                    vault.bao.request("GET", "secret/data/tenants/acme/crm", None).await;
                assert_eq!(status, 404, "{fault:?}");
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_report_kv_v1_mount() {
    let bao = Bao::dev().await;
    platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    with_old_mount(&bao).await;
    let (address, root) = (bao.addr(), bao.root_token().to_owned());
    let run = |arguments: &[&str], mount: &str, token: &str| {
        let output = Command::new(tools::validator())
            .args(arguments)
            .env_clear()
            .envs([("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", token)])
            .env("VALIDATOR_KV_MOUNT", mount)
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), message)
    };
    let value = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(value.path(), "1").expect("a value");
    let pair = format!("A=@{}", value.path().display());
    let set = ["secrets", "set", "acme", "crm", &pair];
    for (arguments, token) in [
        (&["serve", "--check"][..], root.as_str()),
        (&set, acme.token()),
        (&["tenants", "create", "globex"], &root),
        (&["tenants", "rotate", "acme", "--dry-run"], &root),
        (&["tenants", "rotate", "acme"], &root),
    ] {
        let (code, message) = run(arguments, "old", token);
        assert_eq!(code, Some(1), "{arguments:?}: {message}");
        assert!(message.contains("version 2"), "{arguments:?}: {message}");
        let (code, message) = run(arguments, "secret", token);
        assert_eq!(code, Some(0), "{arguments:?}: {message}");
    }
    for more in [&["--dry-run"][..], &[]] {
        let (code, message) =
            run(&[&["tenants", "rotate", "acme"], more].concat(), "nowhere", &root);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains("nothing is mounted in Vault at: nowhere/"), "{message}");
    }
    let (_, message) = run(&["tenants", "create", "globex"], "old", &root);
    assert!(message.contains("KV version 1") && !message.contains("bootstrap"), "{message}");
    is_empty(&bao).await;
}
