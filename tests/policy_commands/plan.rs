use serde_json::json;

use super::{Folder, Operator, reads};
use crate::support::{bao::Bao, platform, rewording::Rewording};

const CRM: &str =
    "# The CRM.\npath \"secret/data/crm\" {\n  capabilities = [\"read\", \"list\"]\n}\n";

/// Creates a folder without lint findings.
fn folder() -> Folder {
    let crm = CRM.replace(", \"list\"", "");
    Folder::new(&[("crm.hcl", &crm), ("new.hcl", &reads("a/*")), ("same.hcl", &reads("b"))])
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_changes_nothing() {
    let bao = Bao::dev().await;
    platform::set_policy(&bao, "crm", CRM).await;
    platform::set_policy(&bao, "same", "# Otherwise.\npath \"b\" {capabilities=[\"read\"]}").await;
    platform::set_policy(&bao, "left", &reads("c")).await;
    let before = super::names(&bao).await;
    let operator = Operator::root(&bao);
    let folder = folder();
    let ended = operator.run(&["plan", &folder.path()]);
    let expected = "\
--- vault/crm
+++ file/crm
@@ -1,4 +1,4 @@
 # The CRM.
 path \"secret/data/crm\" {
-  capabilities = [\"read\", \"list\"]
+  capabilities = [\"read\"]
 }

--- /dev/null
+++ file/new
@@ -0,0 +1,3 @@
+path \"a/*\" {
+  capabilities = [\"read\"]
+}

  update  crm
  create  new
  same    same  equivalent: comments or layout differ
  keep    left  only in Vault

2 to write or delete, 1 unchanged, 1 only in Vault
";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), expected, ""));
    assert_eq!(super::names(&bao).await, before);
    assert_eq!(super::stored(&bao, "crm").await.as_deref(), Some(CRM));

    let json = operator.run(&["plan", &folder.path(), "--prune", "--output", "json"]).json();
    let actions: Vec<_> = json["changes"].as_array().expect("changes").iter().collect();
    let actions: Vec<_> = actions.iter().map(|one| (&one["policy"], &one["action"])).collect();
    let names = [("crm", "update"), ("new", "create"), ("left", "delete")];
    let names = names.map(|(name, action)| (json!(name), json!(action)));
    assert_eq!(actions, names.iter().map(|(name, action)| (name, action)).collect::<Vec<_>>());
    assert_eq!(json["unchanged"], json!([{"policy": "same", "same_text": false}]));
    assert_eq!(json["unmanaged"], json!([]));
    assert!(json["changes"][2]["diff"].as_str().expect("a diff").ends_with("-}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn detailed_exit_code_reports_changes() {
    let bao = Bao::dev().await;
    platform::set_policy(&bao, "left", &reads("c")).await;
    let operator = Operator::root(&bao);
    let folder = Folder::new(&[("one.hcl", &reads("a"))]);
    let code = |arguments: &[&str]| {
        operator.run(&[&["plan", &folder.path(), "--detailed-exitcode"], arguments].concat()).code
    };
    assert_eq!(code(&[]), Some(2));
    platform::set_policy(&bao, "one", &reads("a")).await;
    assert_eq!(code(&[]), Some(0), "what is in Vault alone is no change");
    assert_eq!(code(&["--prune"]), Some(2));
    assert_eq!(code(&["--vault-addr", "nowhere"]), Some(1), "a fault is no change");
    assert_eq!(code(&["--kv-mount", ".."]), Some(1), "nor is this");
    assert_eq!(code(&["--unknown"]), Some(1), "nor is this");
    assert_eq!(operator.run(&["plan", "--unknown"]).code, Some(2));
    assert_eq!(operator.run(&["plan", &folder.path()]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_attributes_are_compared() {
    let bao = Bao::dev().await;
    let policy = json!({
        "policy": reads("a"), "ttl": "1h", "allow_wildcards_in_identity_templates": true,
    });
    bao.must("PUT", "sys/policies/acl/one", Some(policy)).await;
    let folder = Folder::new(&[("one.hcl", &reads("a"))]);
    let ended = Operator::root(&bao).run(&["plan", &folder.path()]);
    for line in [
        "-# kept by Vault: it expires at ",
        "-# kept by Vault: a value with a wildcard may fill a template",
        "  update  one",
    ] {
        assert!(ended.stdout.lines().any(|found| found.starts_with(line)), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_need_a_terminal() {
    let bao = Bao::dev().await;
    let mut operator = Operator::root(&bao);
    let folder = folder();
    let path = folder.path();
    let escaped = |text: &str| text.contains("\x1b[32m+path");
    assert!(escaped(&operator.on_a_terminal(&["plan", &path], "").stdout));
    assert!(!operator.run(&["plan", &path]).stdout.contains('\x1b'));
    operator.variables.push(("NO_COLOR".to_owned(), "1".to_owned()));
    assert!(!operator.on_a_terminal(&["plan", &path], "").stdout.contains('\x1b'));
    // A policy in Vault adds no colours either.
    let painted = format!("# \x1b[31mred\x07\n{}", reads("a"));
    platform::set_policy(&bao, "new", &painted).await;
    let shown = operator.run(&["plan", &path]).stdout;
    assert!(shown.contains("-# \\u{1b}[31mred\\u{7}\n"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_plan_reports_cause_and_remedy() {
    let bao = Bao::dev().await;
    let folder = folder();
    let path = folder.path();
    let plan = |operator: &Operator| operator.run(&["plan", &path]);
    plan(&Operator { variables: Vec::new() }).failed(2, "VAULT_TOKEN: not set");
    let nowhere = Operator::at("http://127.0.0.1:1", "s.own");
    plan(&nowhere).failed(1, "http://127.0.0.1:1: Vault cannot be reached");
    let options = json!({"policies": ["default"], "ttl": "1h"});
    let weak = Operator::at(&bao.addr(), &platform::token(&bao, options).await);
    plan(&weak).failed(1, "your token needs list on sys/policies/acl, as policies/operator.hcl");
    let lists = "path \"sys/policies/acl\" { capabilities = [\"list\"] }\n\
                 path \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
    let weak = Operator::at(&bao.addr(), &platform::token_with(&bao, lists).await);
    plan(&weak).failed(1, "cannot read the policy crm");
    plan(&weak).failed(1, "your token needs read on sys/policies/acl/+");

    folder.write("broken.hcl", "path \"a\" {\n");
    for operator in [&nowhere, &Operator::root(&bao)] {
        let ended = plan(operator);
        ended.failed(1, "1 error in the files; nothing was written\n\nerror[syntax]: expected");
        ended.failed(1, "broken.hcl:2:1\n");
    }
    std::fs::remove_file(folder.0.path().join("broken.hcl")).expect("a file");
    bao.seal().await;
    plan(&Operator::root(&bao)).failed(1, "sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_durations_are_unchanged() {
    let bao = Bao::dev().await;
    let rule = |ttl: &str| {
        format!("path \"a\" {{\n  capabilities = [\"read\"]\n  max_wrapping_ttl = {ttl}\n}}\n")
    };
    for (stored, file, code) in [("90", "\"90s\"", 0), ("\"1d\"", "\"24h\"", 0), ("90", "91", 2)] {
        platform::set_policy(&bao, "p", &rule(stored)).await;
        let folder = Folder::new(&[("p.hcl", &rule(file))]);
        let ended = Operator::root(&bao).run(&["plan", &folder.path(), "--detailed-exitcode"]);
        assert_eq!(ended.code, Some(code), "{stored} {file}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_uses_rules_of_actual_server() {
    let bao = Bao::dev().await;
    let vault = Rewording::start(&bao.authority()).await;
    let vault = Operator::at(&format!("http://{}", vault.address()), bao.root_token());
    let openbao = Operator::root(&bao);
    let of = |capability: &str| {
        let text = format!("path \"a\" {{\n  capabilities = [\"{capability}\"]\n}}\n");
        Folder::new(&[("good.hcl", &reads("b")), ("p.hcl", &text)])
    };
    let (subscribe, scan) = (of("subscribe"), of("scan"));
    for (operator, refused, check, accepted) in
        [(&openbao, &subscribe, "vault-only", &scan), (&vault, &scan, "openbao-only", &subscribe)]
    {
        let path = refused.path();
        let words = format!("error[{check}]");
        operator.run(&["plan", &path]).failed(1, &words);
        operator.run(&["apply", "--yes", &path]).failed(1, &words);
        assert_eq!(super::stored(&bao, "good").await, None, "nothing is written");
        let json = operator.run(&["plan", &path, "--output", "json"]).json();
        assert_eq!(json["findings"][0]["check"], check, "{json}");
        for arguments in [&["plan", &path, "--allow", check][..], &["plan", &accepted.path()]] {
            let ended = operator.run(arguments);
            assert!(ended.stdout.contains("2 to write or delete"), "{arguments:?} {ended:?}");
        }
    }
}
