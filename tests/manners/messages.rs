//! Error messages of commands: the failure and its remedy.

use std::fs;

use crate::support::{
    bao::{Bao, Unsealed},
    fault::{Fault, FaultProxy},
    platform::provision,
    shell::Shell,
    validator::Validator,
};

#[test]
fn argument_kinds_share_messages() {
    let shell = Shell::new("http://127.0.0.1:1", "");
    let mut message: Vec<String> = [
        &["tenants", "create", "ACME"][..],
        &["tenants", "show", "ACME"],
        &["tenants", "rotate", "ACME"],
        &["tenants", "shred", "ACME"],
        &["secrets", "list", "ACME"],
        &["secrets", "get", "ACME", "crm"],
        &["secrets", "delete", "ACME", "crm"],
        &["secrets", "render", "ACME", "crm", "--file", "/nowhere/x"],
        &["secrets", "run", "ACME", "crm", "--", "true"],
    ]
    .into_iter()
    .map(|arguments| {
        let ended = shell.run(arguments);
        ended.failed(2, "TENANT");
        // The tenant of `rotate` may be left out.
        ended.stderr.replace("[TENANT]", "<TENANT>")
    })
    .collect();
    message.dedup();
    assert_eq!(message.len(), 1, "{message:#?}");
    let words = "invalid value 'ACME' for '<TENANT>': a tenant's name is";
    assert!(message[0].contains(words), "{message:#?}");
}

#[test]
fn unreadable_policies_exit_2() {
    let dir = tempfile::tempdir().expect("a folder");
    let empty = dir.path().display().to_string();
    let shell = Shell::new("http://127.0.0.1:1", "s.some");
    for folder in ["/nowhere", &empty] {
        for arguments in [
            &["policies", "lint", folder][..],
            &["policies", "plan", folder],
            &["policies", "apply", folder, "--yes"],
            &["policies", "test", folder],
            &["bootstrap", "--policies", folder],
            &["doctor", "--policies", folder],
        ] {
            shell.run(arguments).failed(2, "");
        }
        // There 2 says that something would change.
        shell.run(&["policies", "plan", folder, "--detailed-exitcode"]).failed(1, folder);
    }
    fs::write(dir.path().join("a.hcl"), "path \"a\" { capabilities = [\"reed\"] }")
        .expect("a file");
    shell.run(&["policies", "plan", &empty]).failed(1, "1 error in the files");
}

#[test]
fn half_approle_is_reported() {
    let shell = Shell::new("http://127.0.0.1:1", "");
    let ended = shell.clone().with("VALIDATOR_ROLE_ID", "role").run(&["tenants", "list"]);
    ended.failed(2, "VALIDATOR_SECRET_ID_FILE: not set, but role_id needs it");
    assert!(!ended.stderr.contains("VAULT_TOKEN"), "{ended:?}");
    let ended = shell.with("VALIDATOR_SECRET_ID_FILE", "/etc/hostname").run(&["tenants", "list"]);
    ended.failed(2, "VALIDATOR_ROLE_ID: not set");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_mount_has_remedy() {
    let bao = Bao::dev().await;
    let shell = Shell::to(&bao, bao.root_token()).with("VALIDATOR_KV_MOUNT", "nope");
    let ended = shell.run(&["secrets", "list", "acme"]);
    ended.failed(1, "nothing is mounted in Vault at: nope/");
    assert!(ended.stderr.contains("VALIDATOR_KV_MOUNT") && ended.stderr.contains("bootstrap"));
    assert!(!ended.stderr.contains("handler"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scheme_mismatch_is_reported() {
    let bao = Bao::dev().await;
    let plain = Shell::new(&bao.addr().replace("http:", "https:"), bao.root_token());
    let ended = plain.run(&["tenants", "list"]);
    ended.failed(1, "the response is not TLS; the server may speak plain HTTP");
    assert!(!ended.stderr.contains("Invalid"), "{ended:?}");
    let ended = Shell::new("http://127.0.0.1:1", "s.some").run(&["tenants", "list"]);
    ended.failed(1, "Connection refused");
    assert!(ended.stderr.contains("check VAULT_ADDR"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uninitialized_vault_is_not_sealed() {
    let dir = tempfile::tempdir().expect("a folder");
    let bao = Bao::empty(dir.path(), Unsealed::ByPeople).await;
    let shell = Shell::new(&bao.addr(), "s.some");
    for arguments in [
        &["tenants", "list"][..],
        &["secrets", "list", "acme"],
        &["policies", "plan"],
        &["explain"],
        &["bootstrap"],
    ] {
        let ended = shell.run(arguments);
        ended.failed(1, "not initiali");
        assert!(!ended.stderr.contains("sealed"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_confirms_on_terminal() {
    let dir = tempfile::tempdir().expect("a folder");
    let bao = Bao::empty(&dir.path().join("vault"), Unsealed::ByPeople).await;
    let credentials = dir.path().join("credentials");
    let path = credentials.display().to_string();
    let shell = Shell::new(&bao.addr(), "");
    let init = ["bootstrap", "--init", "--credentials", &path];
    let ended = shell.on_a_terminal(&init, &[("Type yes", "no\n")]);
    assert!(ended.code == Some(1) && ended.stdout.contains("nothing was changed"), "{ended:?}");
    assert!(!credentials.exists(), "nothing was written");
    let ended = shell.on_a_terminal(&init, &[("Type yes", "yes\n")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(credentials.join("root-token").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirecting_standby_is_named() {
    let bao = Bao::dev().await;
    let role = provision(&bao).await;
    let fault = FaultProxy::start(&bao.authority()).await;
    let validator = Validator::start(&bao, &role, &[("VAULT_ADDR", &fault.addr())]).await;

    // Its own health it tells itself, as HashiCorp's standby does.
    let leader = Fault::Standby("https://10.0.0.7:8200/v1/elsewhere?secret=x");
    fault.set(leader).await;
    validator.unready("vault_redirects").await;
    let (_, report) = validator.admin("GET", "/readyz").await;
    let detail = report["detail"].as_str().expect("a detail");
    assert!(detail.contains("redirects to https://10.0.0.7:8200,"), "{detail}");
    assert!(!detail.contains("secret"), "{detail}");
    let ended = Shell::new(&fault.addr(), bao.root_token()).run(&["tenants", "list"]);
    ended.failed(1, "redirects to https://10.0.0.7:8200,");
    fault.set(Fault::Pass).await;
    validator.ready().await;
}
