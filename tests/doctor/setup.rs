//! Checks of the resources that an operator sets up.

use serde_json::json;
use vault_auth_validator::policy::builtin;

use super::{Diagnosis, Shell, provisioned};
use crate::support::{
    bao::Bao,
    platform::{self, AppRole, app_role, set_policy},
    validator::Validator,
};

/// Runs `doctor` with a root token for the checks of an operator.
fn diagnose_as_root(bao: &Bao, role: &AppRole) -> Diagnosis {
    Shell::of_service(&bao.addr(), role).and_home_of(bao.root_token()).diagnosis(&[])
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_setup_passes() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let diagnosis = diagnose_as_root(&bao, &role);
    assert_eq!(diagnosis.all("skipped"), ["ready", "auth listener"]);
    assert_eq!((diagnosis.all("warning"), diagnosis.code), (vec![], Some(0)), "{diagnosis:#?}");
    let all = format!("all {} are the same", builtin::policies().len());
    diagnosis.is("shipped policies", "ok", &all);
    diagnosis.is("audit", "ok", "tests/ (file)");
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_policy_permits_most_checks() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let operator = platform::token(&bao, json!({"policies": ["operator"], "ttl": "1h"})).await;
    let shell = Shell::of_service(&bao.addr(), &role).and_home_of(&operator);
    let diagnosis = shell.diagnosis(&[]);
    for check in
        ["secrets engine", "transit engine", "AppRole", "tenants' keys", "shipped policies"]
    {
        diagnosis.is(check, "ok", "");
    }
    diagnosis.is("audit", "skipped", "your token has no read and sudo on sys/audit");
    let auditor = platform::token(&bao, json!({"policies": ["policy-auditor"], "ttl": "1h"})).await;
    let diagnosis = Shell::of_service(&bao.addr(), &role).and_home_of(&auditor).diagnosis(&[]);
    for check in ["secrets engine", "AppRole", "shipped policies", "audit"] {
        diagnosis.is(check, "ok", "");
    }
    diagnosis.is("tenants' keys", "skipped", "your token has no list on transit/keys");
    let diagnosis = Shell::of_service(&bao.addr(), &role).and_home_of("s.unknown").diagnosis(&[]);
    diagnosis.is("operator", "fail", "Vault rejected the token");
    diagnosis.is("audit", "skipped", "the operator's login failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_subject_mount_is_explained() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let shell = || Shell::of_service(&bao.addr(), &role).and_home_of(bao.root_token());
    let diagnosis = shell().diagnosis(&[]);
    diagnosis.is("subjects", "ok", "log in at userpass/ is their name; a service's is entity:NAME");
    for (mount, words) in [("ldap", "no auth method at ldap/"), ("approle", "names are role ids")] {
        let diagnosis = shell().with("VALIDATOR_SUBJECT_MOUNT", mount).diagnosis(&[]);
        diagnosis.is("subjects", "warning", words);
    }
    let diagnosis = shell().with("VALIDATOR_SUBJECT_MOUNT", "auth/ldap").diagnosis(&[]);
    diagnosis.is("configuration", "fail", "must not begin with `auth/`");
    diagnosis.is("subjects", "skipped", "VALIDATOR_SUBJECT_MOUNT is invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_wrong_mount_fails() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let shell = || Shell::of_service(&bao.addr(), &role).and_home_of(bao.root_token());
    let diagnosis = shell()
        .with("VALIDATOR_KV_MOUNT", "nowhere")
        .with("VALIDATOR_TRANSIT_MOUNT", "secret")
        .diagnosis(&[]);
    diagnosis.is("secrets engine", "fail", "nothing is mounted at nowhere/");
    diagnosis.is("transit engine", "fail", "secret/ is of the type kv, not transit");
    diagnosis.is("tenants' keys", "skipped", "there is no transit engine");
    bao.must("POST", "sys/mounts/old", Some(json!({"type": "kv"}))).await;
    let diagnosis = shell().with("VALIDATOR_KV_MOUNT", "old").diagnosis(&[]);
    diagnosis.is("secrets engine", "fail", "old/ is version 1 of KV, not 2");
    bao.must("DELETE", "sys/auth/approle", None).await;
    let diagnosis = Shell::at(&bao.addr()).and_home_of(bao.root_token()).diagnosis(&[]);
    diagnosis.is("AppRole", "fail", "no AppRole method");
    diagnosis.is("login", "skipped", "no login of the service is configured here");
}

#[tokio::test(flavor = "multi_thread")]
async fn misconfigured_tenant_key_fails() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    for (name, made, config, words) in [
        ("a", json!({}), json!({}), "tenant-a is not derived"),
        (
            "e",
            json!({"derived": true, "convergent_encryption": true}),
            json!({}),
            "tenant-e is convergent",
        ),
        ("b", json!({"derived": true, "exportable": true}), json!({}), "tenant-b can be exported"),
        (
            "c",
            json!({"derived": true, "allow_plaintext_backup": true}),
            json!({}),
            "tenant-c can be read in a backup",
        ),
        (
            "d",
            json!({"derived": true}),
            json!({"deletion_allowed": true}),
            "tenant-d can be deleted at once",
        ),
    ] {
        let path = format!("transit/keys/tenant-{name}");
        bao.must("POST", &path, Some(made)).await;
        bao.must("POST", &format!("{path}/config"), Some(config)).await;
        let diagnosis = diagnose_as_root(&bao, &role);
        diagnosis.is("tenants' keys", "fail", words);
        assert_eq!(diagnosis.all("fail"), ["tenants' keys"]);
        bao.must("POST", &format!("{path}/config"), Some(json!({"deletion_allowed": true}))).await;
        bao.must("DELETE", &path, None).await;
    }
    bao.must("POST", "transit/keys/another", Some(json!({}))).await;
    diagnose_as_root(&bao, &role).is("tenants' keys", "ok", "1 checked");
}

#[tokio::test(flavor = "multi_thread")]
async fn drifted_policy_differs_from_missing() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    bao.must("DELETE", "sys/policies/acl/mcp-transit", None).await;
    diagnose_as_root(&bao, &role).is("shipped policies", "warning", "not in Vault: mcp-transit");
    set_policy(&bao, "tenant", "path \"secret/*\" { capabilities = [\"read\"] }").await;
    let diagnosis = diagnose_as_root(&bao, &role);
    diagnosis.is("shipped policies", "fail", "they differ in Vault: tenant");
    assert_eq!(diagnosis.all("fail"), ["shipped policies"]);
    let shell = Shell::of_service(&bao.addr(), &role).and_home_of(bao.root_token());
    shell.file("tenant.hcl", "path \"secret/*\" { capabilities = [\"read\"] }");
    let folder = shell.dir.path().display().to_string();
    shell.diagnosis(&["--policies", &folder]).is("shipped policies", "ok", "all 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_audit_device_fails() {
    let bao = Bao::unaudited().await;
    let role = provisioned(&bao).await;
    let diagnosis = diagnose_as_root(&bao, &role);
    diagnosis.is("audit", "fail", "no audit device");
    assert_eq!(diagnosis.all("fail"), ["audit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_audit_device_alone_fails() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let receiver = Validator::start(&bao, &role, &[]).await;
    bao.post_audit_to(&format!("{}/audit", receiver.admin_url())).await;
    let diagnosis = diagnose_as_root(&bao, &role);
    diagnosis.is(
        "audit",
        "fail",
        "posted/ (http); no device writes entries on Vault's own machine",
    );
    assert_eq!(diagnosis.all("fail"), ["audit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespace_skips_audit_check() {
    let mut bao = Bao::dev().await;
    bao.enter("team").await;
    let role = provisioned(&bao).await;
    let shell = Shell::of_service(&bao.addr(), &role).and_home_of(bao.root_token());
    let diagnosis = shell.with("VAULT_NAMESPACE", "team").diagnosis(&[]);
    assert_eq!(diagnosis.all("fail"), Vec::<&str>::new(), "{diagnosis:#?}");
    diagnosis.is("tenants' keys", "ok", "");
    diagnosis.is("no secrets", "ok", "");
    diagnosis.is("audit", "skipped", "only the root namespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_option_skips_service_checks() {
    let bao = Bao::dev().await;
    provisioned(&bao).await;
    let settings = json!({"token_policies": ["operator", "policy-auditor"], "token_ttl": "1h"});
    let role = app_role(&bao, "somebody", settings).await;
    let shell = Shell::of_service(&bao.addr(), &role);
    shell.diagnosis(&[]).is("no policies", "fail", "sys/policies/acl/");
    let diagnosis = shell.diagnosis(&["--operator"]);
    assert_eq!(diagnosis.all("fail"), Vec::<&str>::new(), "{diagnosis:#?}");
    diagnosis.is("login", "skipped", "used as the operator's (--operator)");
    diagnosis.is("audit", "ok", "");
    let secret_id = bao.wrapped("POST", "auth/approle/role/somebody/secret-id", None).await;
    let shell = Shell::of_service(&bao.addr(), &AppRole { secret_id, ..role });
    for _ in 0..2 {
        shell.diagnosis(&["--operator"]).is("audit", "skipped", "a login would use it up");
    }
}
