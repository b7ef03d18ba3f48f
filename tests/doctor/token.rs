//! Checks of the service's own token.

use serde_json::json;

use super::{Diagnosis, Shell, provisioned};
use crate::support::{
    bao::Bao,
    platform::{self, AppRole, app_role, set_policy},
};

/// The names of the checks of rights.
const NEEDS: [&str; 4] =
    ["may look up tokens", "may read entities", "may ask for capabilities", "may renew itself"];
const FORBIDDEN: [&str; 7] = [
    "no secrets",
    "no tenants' keys",
    "no policies",
    "no tokens",
    "no identities",
    "no mounts",
    "no sudo",
];

/// Runs `doctor` as a service that has a token with exactly these policies.
async fn with_policies(bao: &Bao, policies: &[&str]) -> Diagnosis {
    let name = format!("role-{:08x}", rand::random::<u32>());
    let settings = json!({
        "token_period": "1h",
        "token_no_default_policy": true,
        "token_policies": policies,
    });
    let role = app_role(bao, &name, settings).await;
    Shell::of_service(&bao.addr(), &role).diagnosis(&[])
}

#[tokio::test(flavor = "multi_thread")]
async fn shipped_policy_has_exact_rights() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let diagnosis = Shell::of_service(&bao.addr(), &role).diagnosis(&[]);
    assert_eq!(
        (diagnosis.all("fail"), diagnosis.all("warning")),
        (vec![], vec![]),
        "{diagnosis:#?}"
    );
    for check in ["login", "root", "policies", "life"].into_iter().chain(NEEDS).chain(FORBIDDEN) {
        diagnosis.is(check, "ok", "");
    }
    // The service has no right to read the other resources.
    for check in [
        "secrets engine",
        "transit engine",
        "AppRole",
        "tenants' keys",
        "shipped policies",
        "audit",
    ] {
        diagnosis.is(check, "skipped", "the service's token has no ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_fail() {
    let bao = Bao::dev().await;
    provisioned(&bao).await;
    let whole = [
        ("auth/token/lookup", "update"),
        ("identity/entity/id/+", "read"),
        ("auth/token/renew-self", "update"),
    ];
    for (missing, check) in whole.iter().zip([NEEDS[0], NEEDS[1], NEEDS[3]]) {
        let rules = whole.iter().filter(|rule| *rule != missing);
        let always = [
            ("sys/capabilities", "update"),
            ("auth/token/lookup-self", "read"),
            ("auth/token/revoke-self", "update"),
        ];
        let rules = rules.chain(&always).map(|(path, capability)| {
            format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}\n")
        });
        set_policy(&bao, "validator", &rules.collect::<String>()).await;
        let diagnosis = with_policies(&bao, &["validator"]).await;
        diagnosis.is(check, "fail", &format!("it lacks {} on ", missing.1));
        assert_eq!(diagnosis.all("fail"), [check]);
    }
    let blind = "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }\n\
                 path \"auth/token/revoke-self\" { capabilities = [\"update\"] }";
    set_policy(&bao, "validator", blind).await;
    let diagnosis = with_policies(&bao, &["validator"]).await;
    diagnosis.is("may ask for capabilities", "fail", "Vault denies it");
    for check in [NEEDS[0], NEEDS[1], NEEDS[3]].into_iter().chain(FORBIDDEN) {
        diagnosis.is(check, "skipped", "capabilities are unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn excess_rights_fail() {
    let bao = Bao::dev().await;
    provisioned(&bao).await;
    for (path, capability, check) in [
        ("secret/data/tenants/*", "read", "no secrets"),
        ("secret/+/tenants/+/any", "list", "no secrets"),
        ("transit/decrypt/tenant-*", "update", "no tenants' keys"),
        ("transit/encrypt/+", "update", "no tenants' keys"),
        ("transit/export/*", "read", "no tenants' keys"),
        ("sys/policies/acl/*", "update", "no policies"),
        ("sys/policy/*", "create", "no policies"),
        ("auth/token/create", "update", "no tokens"),
        ("auth/approle/role/+/secret-id", "update", "no tokens"),
        ("identity/entity", "update", "no identities"),
        ("sys/mounts/*", "update", "no mounts"),
    ] {
        let policy = format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}");
        set_policy(&bao, "more", &policy).await;
        let diagnosis = with_policies(&bao, &["validator", "more"]).await;
        diagnosis.is(check, "fail", &format!("it has {capability} on "));
        diagnosis.is("policies", "warning", "more, validator");
        assert_eq!(diagnosis.all("fail"), [check], "{path}");
    }
    set_policy(&bao, "more", "path \"sys/audit/*\" { capabilities = [\"read\", \"sudo\"] }").await;
    let diagnosis = with_policies(&bao, &["validator", "more"]).await;
    diagnosis.is("no sudo", "fail", "sys/audit/");
}

#[tokio::test(flavor = "multi_thread")]
async fn right_to_one_tenants_secrets_fails() {
    let bao = Bao::dev().await;
    provisioned(&bao).await;
    let policy = "path \"secret/data/tenants/acme/*\" { capabilities = [\"read\"] }";
    set_policy(&bao, "more", policy).await;
    let settings = json!({"token_policies": ["validator", "more"], "token_period": "1h"});
    let role = app_role(&bao, "curious", settings).await;
    let shell = Shell::of_service(&bao.addr(), &role).and_home_of(bao.root_token());
    let diagnosis = shell.diagnosis(&[]);
    diagnosis.is("no secrets", "fail", "it has read on secret/data/tenants/acme/any");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_and_expiring_tokens_are_reported() {
    let bao = Bao::dev().await;
    provisioned(&bao).await;
    let diagnosis = Shell::at(&bao.addr()).with("VAULT_TOKEN", bao.root_token()).diagnosis(&[]);
    diagnosis.is("root", "fail", "root token");
    for check in ["policies", "life"].into_iter().chain(NEEDS).chain(FORBIDDEN) {
        diagnosis.is(check, "skipped", "a root token may do everything");
    }
    let options = json!({"policies": ["validator"], "ttl": "10m", "renewable": false});
    let token = platform::token(&bao, options).await;
    let diagnosis = Shell::at(&bao.addr()).with("VAULT_TOKEN", &token).diagnosis(&[]);
    diagnosis.is("life", "warning", "it cannot be renewed");
    diagnosis.is("may renew itself", "skipped", "");
    let options = json!({"policies": ["validator"], "period": "1h"});
    let token = platform::token(&bao, options).await;
    let diagnosis = Shell::at(&bao.addr()).with("VAULT_TOKEN", &token).diagnosis(&[]);
    diagnosis.is("life", "ok", "each renewal adds 1h");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapped_secret_id_is_left_unused() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    let wrong = AppRole { secret_id: "wrong".to_owned(), ..role.clone() };
    let diagnosis = Shell::of_service(&bao.addr(), &wrong).diagnosis(&[]);
    diagnosis.is("login", "fail", "invalid role or secret ID");
    diagnosis.is("no secrets", "skipped", "the service's login failed");
    let secret_id = bao.wrapped("POST", "auth/approle/role/validator/secret-id", None).await;
    let wrapped = AppRole { secret_id, ..role };
    let shell = Shell::of_service(&bao.addr(), &wrapped);
    for _ in 0..2 {
        shell.diagnosis(&[]).is("login", "skipped", "a login would use it up");
    }
}
