//! Removals that were interrupted, or that meet manual changes.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Credentials, add_person, log_in_as, operator, platform, state};
use crate::support::{
    bao::Bao,
    platform::{set_policy, token},
    shell::Shell,
    wait::eventually,
};

const SHOW: [&str; 5] = ["tenants", "show", "acme", "--output", "json"];

/// A tenant with a person, `ana`.
async fn with_ana() -> (Bao, Shell) {
    let bao = platform().await;
    let shell = operator(&bao).await;
    shell.run(&["tenants", "create", "acme"]).done();
    add_person(&shell, "acme", "ana", &["--policy", "route-crm"]).done();
    (bao, shell)
}

/// A tenant with a service, `acme-n8n`.
async fn with_n8n() -> (Bao, Shell) {
    let bao = platform().await;
    let shell = operator(&bao).await;
    let create = ["tenants", "create", "acme", "--service", "n8n", "--policy", "route-n8n"];
    Credentials::new().run(&shell, &create).done();
    (bao, shell)
}

fn members(shell: &Shell) -> Value {
    shell.run(&SHOW).json()["members"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_account_deletion_can_be_repeated() {
    let (bao, shell) = with_ana().await;
    let own = bao.must("GET", "sys/policies/acl/operator", None).await;
    let own = own["data"]["policy"].as_str().expect("a policy").to_owned();
    let fewer = own.replace(
        "path \"auth/userpass/users/+\" {\n  capabilities = [\"create\", \"read\", \"update\", \"delete\"]",
        "path \"auth/userpass/users/+\" {\n  capabilities = [\"read\"]",
    );
    assert_ne!(own, fewer);
    set_policy(&bao, "reader", &fewer).await;
    let reader = Shell::to(&bao, &token(&bao, json!({"policies": ["reader"]})).await);
    let remove = ["tenants", "members", "remove", "acme", "ana", "--delete-user", "--yes"];
    reader.run(&remove).failed(1, "your token needs delete on auth/userpass/users/ana");
    assert_eq!(members(&shell)[0]["name"], "ana");
    shell.run(&remove).done();
    assert_eq!(bao.request("GET", "auth/userpass/users/ana", None).await.0, 404);
    assert_eq!(members(&shell), json!([]));
    let left = bao.request("LIST", "secret/metadata/tenant-members/of/acme", None).await;
    assert_eq!(left.0, 404, "{}", left.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn account_deletion_needs_consent() {
    let (bao, shell) = with_ana().await;
    let remove = ["tenants", "members", "remove", "acme", "ana", "--delete-user"];
    shell.run(&remove).failed(2, "standard input is not a terminal: add --yes");
    let question = "Delete the account ana at userpass/, and remove ana from acme?";
    let ended = shell.on_a_terminal(&remove, &[(question, "no\n")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("nothing was changed"), "{ended:?}");
    assert_eq!(members(&shell)[0]["name"], "ana");
    log_in_as(&bao, "ana", "secret-of-it").await;
    let ended = shell.on_a_terminal(&remove, &[(question, "yes\n")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(bao.request("GET", "auth/userpass/users/ana", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_service_reports_leftovers() {
    let (bao, shell) = with_n8n().await;
    let found = bao.must("GET", "identity/entity/name/acme-n8n", None).await;
    let path = format!("identity/entity/id/{}", found["data"]["id"].as_str().expect("an id"));
    bao.must("POST", &path, Some(json!({"name": "renamed"}))).await;
    let shown = members(&shell);
    let unknown = json!(["approle/: its AppRole does not have the name of the entity"]);
    assert_eq!((&shown[0]["name"], &shown[0]["policies"]), (&json!("renamed"), &json!([])));
    assert_eq!(shown[0]["policies_unknown"], unknown);
    let before = state(&bao).await;
    let service = ["tenants", "remove", "acme", "--service", "n8n", "--confirm", "acme"];
    shell
        .run(&service)
        .failed(1, "there is an AppRole acme-n8n with which services can log in, but no entity");
    shell.run(&["tenants", "shred", "acme", "--confirm", "acme"]).done();
    let remove = ["tenants", "remove", "acme", "--confirm", "acme"];
    shell.run(&remove).failed(1, "delete that AppRole first: auth/approle/role/acme-n8n");
    let after = state(&bao).await;
    let role = "auth/approle/role/acme-n8n";
    assert_eq!(
        (&before[role], &before["identity/entity/name"]),
        (&after[role], &after["identity/entity/name"])
    );
    bao.must("DELETE", role, None).await;
    shell.run(&remove).done();
    assert_eq!(bao.request("GET", "identity/entity/name/renamed", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_login_is_not_reported_removed() {
    let (bao, shell) = with_n8n().await;
    bao.must("POST", "sys/auth/other", Some(json!({"type": "approle"}))).await;
    bao.must("POST", "auth/other/role/acme-x", Some(json!({"token_policies": "route-crm"}))).await;
    let id = bao.must("GET", "auth/other/role/acme-x/role-id", None).await;
    let methods = bao.must("GET", "sys/auth", None).await;
    let entity = json!({"name": "acme-x", "metadata": {"tenant": "acme"}});
    let entity = bao.must("POST", "identity/entity", Some(entity)).await;
    let alias = json!({
        "name": id["data"]["role_id"],
        "canonical_id": entity["data"]["id"],
        "mount_accessor": methods["data"]["other/"]["accessor"],
    });
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
    let remove = ["tenants", "remove", "acme", "--service", "x", "--confirm", "acme"];
    let words = "the entity acme-x logs in with an AppRole at other/, and is not removed";
    shell.run(&remove).failed(1, words);
    bao.must("GET", "identity/entity/name/acme-x", None).await;
    shell.run(&["tenants", "list"]).done();
    let shown = members(&shell);
    assert_eq!(shown[1]["name"], "acme-x");
    assert_eq!(
        shown[1]["policies_unknown"][0],
        "other/: its AppRole does not have the name of the entity"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn remaining_policy_members_are_listed() {
    let (bao, shell) = with_ana().await;
    let account = json!({"token_policies": ["tenant-acme"]});
    bao.must("POST", "auth/userpass/users/ana", Some(account)).await;
    shell.run(&["tenants", "shred", "acme", "--confirm", "acme"]).done();
    let remove = ["tenants", "remove", "acme", "--confirm", "acme"];
    shell
        .run(&remove)
        .failed(1, "its tokens have the policy tenant-acme, which still assigns them to acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn password_is_read_before_changes() {
    let (bao, shell) = with_ana().await;
    let before = state(&bao).await;
    let add = ["tenants", "members", "add", "acme", "ben", "--create-user"];
    let missing = [&add[..], &["--password-file", "/nowhere/password"]].concat();
    shell.run(&missing).failed(2, "cannot read the password file: No such file or directory");
    let bootstrap = ["bootstrap", "--operator", "ben", "--operator-password", "/nowhere/password"];
    shell.run(&bootstrap).failed(2, "cannot read the password file: No such file or directory");
    assert_eq!(state(&bao).await, before);
    let report = add_person(&shell, "acme", "ana", &["--policy", "route-n8n"]).done();
    assert!(report.contains("it exists, and keeps its password"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn password_prompt_can_be_cancelled() {
    let (_bao, shell) = with_ana().await;
    let add = ["tenants", "members", "add", "acme", "ben", "--create-user"];
    let mut command = shell.command(&[&add[..], &["--password-file", "-"]].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("a process");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut plan = String::new();
    while !plan.contains("of the tenant acme") {
        assert_ne!(stdout.read_line(&mut plan).expect("text"), 0, "{plan}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("a signal");
    let ended = async || child.try_wait().expect("its state");
    let ended = eventually(Duration::from_secs(20), "the command ends", ended).await;
    assert!(!ended.success(), "{ended:?}");
    assert_eq!(members(&shell).as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn misplaced_key_is_not_reported_gone() {
    let (bao, shell) = with_n8n().await;
    let root = Shell::to(&bao, bao.root_token()).with("VALIDATOR_TRANSIT_MOUNT", "nope");
    let before = state(&bao).await;
    for command in [
        &["remove", "acme", "--confirm", "acme"][..],
        &["shred", "acme", "--confirm", "acme"],
        &["set", "acme", "--rotate-every", "5d"],
        &["members", "add", "acme", "ana"],
        &["show", "acme"],
    ] {
        let report = root.run(&[&["tenants"], command].concat());
        report.failed(1, "nothing is mounted in Vault at: nope/keys");
    }
    assert_eq!(state(&bao).await, before);
    assert_eq!(members(&shell)[0]["name"], "acme-n8n");
}
