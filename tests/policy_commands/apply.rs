use serde_json::json;

use super::{Folder, Operator, names, reads, stored};
use crate::support::{bao::Bao, platform};

#[tokio::test(flavor = "multi_thread")]
async fn second_apply_changes_nothing() {
    let bao = Bao::dev().await;
    let operator = Operator::root(&bao);
    let first = operator.run(&["apply", "--yes"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""), "{first:?}");
    assert!(first.stdout.contains("\n  done  create  crm-agent\n"), "{}", first.stdout);
    for (name, member) in shipped().iter() {
        let text = stored(&bao, name.as_str()).await;
        assert_eq!(text.as_deref(), Some(&*member.source.text), "letter by letter");
    }
    let second = operator.run(&["apply", "--yes"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(second.stdout.ends_with("only in Vault\nno changes\n"), "{}", second.stdout);
    assert!(!second.stdout.contains("create"), "{}", second.stdout);
    assert_eq!(operator.run(&["plan", "--detailed-exitcode"]).code, Some(0));
}

fn shipped() -> vault_auth_validator::policy::PolicySet {
    use vault_auth_validator::policy::{PolicySet, builtin};
    PolicySet::read(builtin::policies()).0
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_writes_after_confirmation_only() {
    let bao = Bao::dev().await;
    let operator = Operator::root(&bao);
    let folder = Folder::new(&[("one.hcl", &reads("a"))]);
    let path = folder.path();
    let before = names(&bao).await;
    operator.run(&["apply", &path]).failed(2, "add --yes");
    for answer in ["no\n", "y\n", "\n", "\x04"] {
        let ended = operator.on_a_terminal(&["apply", &path], answer);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let question = format!("write 1 policy in {}? Type yes: ", bao.addr());
        assert!(ended.stdout.contains(&question), "{ended:?}");
        assert!(ended.stdout.contains("nothing was written"), "{ended:?}");
        assert_eq!(names(&bao).await, before);
    }
    let ended = operator.on_a_terminal(&["apply", &path], "yes\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(stored(&bao, "one").await, Some(reads("a")));
}

#[tokio::test(flavor = "multi_thread")]
async fn prune_is_explicit_and_keeps_builtins() {
    let bao = Bao::dev().await;
    let operator = Operator::root(&bao);
    let folder = Folder::new(&[("one.hcl", &reads("a"))]);
    let path = folder.path();
    platform::set_policy(&bao, "left", &reads("a")).await;
    platform::set_policy(&bao, "odd%2Fname%20%3F%25", &reads("a")).await;
    assert_eq!(operator.run(&["apply", "--yes", &path]).code, Some(0));
    assert_eq!(names(&bao).await, ["default", "left", "odd/name ?%", "one", "root"]);

    let ended = operator.on_a_terminal(&["apply", "--prune", &path], "yes\nno\n");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("write 0 policies and DELETE 2 policies in"), "{ended:?}");
    assert!(ended.stdout.contains("Delete them permanently? Type yes: "), "{ended:?}");
    assert_eq!(names(&bao).await.len(), 5);
    let ended = operator.on_a_terminal(&["apply", "--prune", &path], "yes\nyes\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names(&bao).await, ["default", "one", "root"]);
    assert!(stored(&bao, "response-wrapping").await.is_some(), "which Vault does not even list");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_prevent_all_writes() {
    let bao = Bao::dev().await;
    let operator = Operator::root(&bao);
    let before = names(&bao).await;
    for (name, text, words) in [
        ("two", "path \"a\" {", "error[syntax]"),
        ("two", "path \"a\" {}", "error[no-capabilities]"),
        ("default", &*reads("a"), "error[name]"),
        ("Two", &*reads("a"), "error[name]"),
    ] {
        let folder = Folder::new(&[("one.hcl", &reads("a")), (&format!("{name}.hcl"), text)]);
        operator.run(&["apply", "--yes", &folder.path()]).failed(1, words);
        assert_eq!(names(&bao).await, before, "{name}");
    }
    let folder = Folder::new(&[("two.hcl", "path \"a\" {}")]);
    let allowed = ["apply", "--yes", "--allow", "no-capabilities", &folder.path()];
    assert_eq!(operator.run(&allowed).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_apply_reports_each_policy() {
    let bao = Bao::dev().await;
    let policy = "path \"sys/policies/acl\" { capabilities = [\"list\"] }\n\
        path \"sys/policies/acl/+\" { capabilities = [\"read\"] }\n\
        path \"sys/policies/acl/a\" { capabilities = [\"create\", \"read\", \"update\"] }\n\
        path \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
    let operator = Operator::at(&bao.addr(), &platform::token_with(&bao, policy).await);
    let files = ["a.hcl", "b.hcl", "c.hcl"].map(|name| (name, reads("x")));
    let folder = Folder::new(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let path = folder.path();
    let ended = operator.run(&["apply", "--yes", &path, "--output", "json"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stderr,
        "{\"error\":{\"message\":\"2 of 3 changes not applied; `policies plan` shows the rest\"}}\n"
    );
    let told = ended.json();
    let outcome =
        |place: usize| (&told["applied"][place]["policy"], &told["applied"][place]["outcome"]);
    assert_eq!(outcome(0), (&json!("a"), &json!("done")));
    assert_eq!(outcome(1), (&json!("b"), &json!("failed")));
    assert_eq!(outcome(2), (&json!("c"), &json!("not tried")));
    let why = told["applied"][1]["because"].as_str().expect("a reason");
    assert!(why.contains("your token needs create and update on sys/policies/acl/+"), "{why}");
    assert_eq!(stored(&bao, "a").await, Some(reads("x")));
    assert_eq!(stored(&bao, "b").await, None);

    let again = operator.run(&["apply", "--yes", &path]);
    let rows: Vec<_> = again.stdout.lines().rev().take(2).collect();
    assert!(rows[1].starts_with("  failed     create  b  cannot write the policy b"), "{rows:?}");
    assert_eq!(rows[0], "  not tried  create  c");
}
