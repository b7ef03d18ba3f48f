//! `bootstrap` in a Vault that is open.

use serde_json::json;
use vault_auth_validator::policy::builtin;

use super::{Credentials, count, root, state, steps};
use crate::{
    expect::granted,
    support::{bao::Bao, platform, shell::Shell, validator::Validator},
};

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_is_idempotent() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let first = credentials.run(&root(&bao), &["bootstrap"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""), "{first:?}");
    assert!(first.stdout.contains("  create  mount        transit/ "), "{}", first.stdout);
    assert!(first.stdout.contains("  policy       validator            done\n"), "{first:?}");
    let last = first.stdout.lines().last().expect("a line");
    assert!(last.starts_with("next: within 1h: VALIDATOR_ROLE_ID=$(cat "), "{last}");
    assert!(last.ends_with("validator-secret-id vault-auth-validator serve"), "{last}");

    let wrapping = credentials.read("validator-secret-id");
    assert!(!first.stdout.contains(&wrapping), "it is shown to nobody");
    let role = bao.must("GET", "auth/approle/role/validator", None).await;
    assert_eq!(role["data"]["token_period"], 3600);
    assert_eq!(role["data"]["token_no_default_policy"], true);
    assert_eq!(role["data"]["token_policies"], json!(["validator"]));
    let methods = bao.must("GET", "sys/auth", None).await;
    assert_eq!(methods["data"]["userpass/"]["type"], "userpass");
    let mounts = bao.must("GET", "sys/mounts", None).await;
    for (path, kind) in [("secret/", "kv"), ("smarteros/", "kv"), ("transit/", "transit")] {
        assert_eq!(mounts["data"][path]["type"], kind, "{path}");
    }
    assert_eq!(mounts["data"]["smarteros/"]["options"]["version"], "2");
    let config = bao.must("GET", "transit/config/keys", None).await;
    assert_eq!(config["data"]["disable_upsert"], true);

    let before = state(&bao).await;
    let second = credentials.run(&root(&bao), &["bootstrap"]);
    assert_eq!((second.code, second.stderr.as_str()), (Some(0), ""), "{second:?}");
    assert!(!second.stdout.contains("  create  "), "{second:?}");
    let end =
        "\nnothing to change\nnext: vault-auth-validator tenants create NAME --service SERVICE\n";
    assert!(second.stdout.ends_with(end), "{}", second.stdout);
    assert_eq!(state(&bao).await, before);
    assert_eq!(credentials.read("validator-secret-id"), wrapping);
}

#[tokio::test(flavor = "multi_thread")]
async fn validator_starts_with_bootstrap_output() {
    let bao = Bao::dev().await;
    for arguments in [&["bootstrap"][..], &["bootstrap", "--new-secret-id", "--plain-secret-id"]] {
        let credentials = Credentials::new();
        credentials.run(&root(&bao), arguments).done();
        let role = platform::AppRole {
            role_id: credentials.read("validator-role-id"),
            secret_id: credentials.read("validator-secret-id"),
        };
        let validator = Validator::start(&bao, &role, &[]).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        granted(&validator.validate("tenant=acme", &[("x-vault-token", acme.token())]).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_writes_nothing() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let before = state(&bao).await;
    let ended = credentials.run(&root(&bao), &["bootstrap", "--dry-run"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("  same    mount        secret/ "), "{}", ended.stdout);
    assert!(ended.stdout.contains("  create  auth method  approle/ "), "{}", ended.stdout);
    let end = "\nnothing was written; run it without --dry-run to apply the plan\n";
    assert!(ended.stdout.ends_with(end), "{}", ended.stdout);
    let report =
        credentials.run(&root(&bao), &["bootstrap", "--dry-run", "--output", "json"]).json();
    assert_eq!((&report["changed"], count(&report, "shown")), (&json!(0), steps(&report).len()));
    assert_eq!(report["steps"][2]["action"], "create");
    assert_eq!(state(&bao).await, before);
    assert_eq!(credentials.names(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn json_output_has_each_step() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let report = credentials.run(&root(&bao), &["bootstrap", "--output", "json"]).json();
    let steps = steps(&report);
    assert_eq!(steps.len(), 7 + builtin::policies().len() + 2);
    assert_eq!(steps[0], ("secret/".to_owned(), "unchanged".to_owned()), "a dev server has it");
    assert_eq!(report["changed"], steps.len() - 1);
    assert_eq!(report["steps"][2]["kind"], "mount");
    let again = credentials.run(&root(&bao), &["bootstrap", "--output", "json"]).json();
    assert_eq!((&again["changed"], count(&again, "unchanged")), (&json!(0), steps.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_secret_id_needs_a_flag() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    credentials.run(&root(&bao), &["bootstrap"]).done();
    let secret_ids = async || {
        let path = "auth/approle/role/validator/secret-id";
        let listed = bao.must("LIST", path, None).await;
        listed["data"]["keys"].as_array().expect("accessors").len()
    };
    // The files went to the validator's machine.
    let elsewhere = Credentials::new();
    let report = elsewhere.run(&root(&bao), &["bootstrap", "--output", "json"]).json();
    assert_eq!((&report["changed"], secret_ids().await), (&json!(1), 1));
    assert_eq!(elsewhere.names(), ["sealing-keys"], "these files have no counterpart in Vault");

    let again = ["bootstrap", "--new-secret-id"];
    let wrapping = credentials.read("validator-secret-id");
    credentials.run(&root(&bao), &again).failed(1, "would be overwritten: move it away");
    assert_eq!((credentials.read("validator-secret-id"), secret_ids().await), (wrapping, 1));
    elsewhere.run(&root(&bao), &again).done();
    assert_eq!(secret_ids().await, 2);
    let role = elsewhere.role(&bao, "validator").await;
    platform::log_in(&bao, &role).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_corrected_only_on_request() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    credentials.run(&root(&bao), &["bootstrap"]).done();
    let role = "auth/approle/role/validator";
    let change =
        json!({"token_policies": ["validator", "other"], "token_no_default_policy": false});
    bao.must("POST", role, Some(change)).await;
    platform::set_policy(&bao, "tenant", "path \"x\" { capabilities = [\"read\"] }").await;
    let before = state(&bao).await;

    let refused = credentials.run(&root(&bao), &["bootstrap"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("nothing was changed: 2 existing objects would be changed"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("add --yes"), "{refused:?}");
    let how = "its policies are other, validator; its tokens have the policy `default` too";
    assert!(refused.stdout.contains(how), "{refused:?}");
    let folder = credentials.path();
    let arguments = ["bootstrap", "--credentials", &folder];
    let declined = root(&bao).on_a_terminal(&arguments, &[("Type yes: ", "no\n")]);
    assert_eq!(declined.code, Some(1), "{declined:?}");
    assert_eq!(state(&bao).await, before);

    let report = credentials.run(&root(&bao), &["bootstrap", "--yes", "--output", "json"]).json();
    assert_eq!(report["changed"], 2);
    let role = bao.must("GET", role, None).await;
    assert_eq!(role["data"]["token_policies"], json!(["validator"]));
    let shell = root(&bao);
    assert_eq!(shell.run(&["policies", "plan", "--detailed-exitcode"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_drift_needs_a_flag() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let path = "auth/approle/role/validator";
    let policies = async || bao.must("GET", path, None).await["data"]["token_policies"].clone();
    credentials.run(&root(&bao), &["bootstrap"]).done();
    assert_eq!(policies().await, json!(["validator"]));
    credentials.run(&root(&bao), &["bootstrap", "--policy-drift", "--yes"]).done();
    assert_eq!(policies().await, json!(["validator", "validator-drift"]));
    let refused = credentials.run(&root(&bao), &["bootstrap"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("its policies are validator, validator-drift"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_mounts_get_their_policies() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let shell = root(&bao).with("VALIDATOR_KV_MOUNT", "team/kv");
    let before = state(&bao).await;
    credentials.run(&shell, &["bootstrap"]).failed(1, "name the directory with --policies");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    for transit in ["team", "team/kv", "team/kv/transit"] {
        let within = shell.clone().with("VALIDATOR_TRANSIT_MOUNT", transit);
        credentials
            .run(&within, &["bootstrap", "--policies", &path])
            .failed(1, "one path is inside the other");
    }
    assert_eq!(state(&bao).await, before);
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a policy");
    };
    write("own.hcl", "path \"team/kv/data/x\" { capabilities = [\"read\"] }\n");
    let arguments = ["bootstrap", "--policies", &path];
    credentials.run(&shell, &arguments).failed(1, "the policies do not include `validator`");
    for source in builtin::policies().iter().filter(|source| source.stem() == "validator") {
        write("validator.hcl", &source.text);
    }
    write("events.hcl", "path \"a\" { capabilities = [\"subscribe\"] }\n");
    credentials.run(&shell, &arguments).failed(1, "error[vault-only]");
    assert_eq!(state(&bao).await, before, "OpenBao would refuse one of them");
    std::fs::remove_file(folder.path().join("events.hcl")).expect("it is there");
    credentials.run(&shell, &arguments).done();
    let mounts = bao.must("GET", "sys/mounts", None).await;
    assert_eq!(mounts["data"]["team/kv/"]["options"]["version"], "2");
    let policies = bao.must("GET", "sys/policies/acl?list=true", None).await;
    assert_eq!(policies["data"]["keys"], json!(["default", "own", "validator", "root"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn openbao_audit_comes_from_configuration() {
    let bao = Bao::dev().await;
    let credentials = Credentials::new();
    let before = state(&bao).await;
    let audit = |file| ["bootstrap", "--audit-file", file];
    let ended = credentials.run(&root(&bao), &audit("/var/log/other.log"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let block = "audit \"file\" \"file\" { options { file_path = \"/var/log/other.log\" } }";
    assert!(ended.stdout.contains(block), "{}", ended.stdout);
    assert!(ended.stdout.contains("send SIGHUP to OpenBao"), "{}", ended.stdout);
    assert_eq!(state(&bao).await, before, "it comes first, so that the rest is written down");

    let devices = bao.must("GET", "sys/audit", None).await;
    let file = devices["data"]["tests/"]["options"]["file_path"].as_str().expect("a file");
    let report = credentials.run(&root(&bao), &[&audit(file)[..], &["--output", "json"]].concat());
    let report = report.json();
    assert_eq!(steps(&report)[0], (file.to_owned(), "unchanged".to_owned()));
}

#[test]
fn invalid_arguments_never_reach_vault() {
    let shell = Shell::new("http://127.0.0.1:1", "s.own");
    for (arguments, words) in [
        (&["--shares", "1", "--threshold", "2"][..], "--threshold"),
        (&["--shares", "3", "--threshold", "1"], "--threshold"),
        (&["--shares", "0"], "--shares"),
        (&["--shares", "256"], "--shares"),
        (&["--wrap-ttl", "25h"], "1s to 24h"),
        (&["--wrap-ttl", "soon"], "1s to 24h"),
        (&["--wrap-ttl", "10ms"], "1s to 24h"),
    ] {
        shell.run(&[&["bootstrap", "--init"], arguments].concat()).failed(2, words);
    }
    shell.clone().with("VAULT_TOKEN", "").run(&["bootstrap"]).failed(2, "VAULT_TOKEN: not set");
}
