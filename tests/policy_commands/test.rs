use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{Ended, Folder, Operator, reads};
use crate::support::{
    bao::Bao,
    fault::{Fault, FaultProxy},
    platform, tools,
    wait::eventually,
};

/// Runs `policies test --dev` without a token.
fn dev(arguments: &[&str]) -> Ended {
    let bao = tools::bao().display().to_string();
    let path = ("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    let anonymous = Operator { variables: vec![path] };
    anonymous.run(&[&["test", "--dev", "--bao", &bao], arguments].concat())
}

/// Creates a folder with two expectations that hold and two that don't.
fn mixed() -> Folder {
    let own = "secret/data/tenants/{{identity.entity.metadata.tenant}}/*";
    let expectations = r#"
[[caller]]
who = "acme"
policies = ["own"]
metadata.tenant = "acme"
may.read = ["secret/data/tenants/acme/a"]
may_not.any = ["secret/data/tenants/globex/a", "secret/data/tenants/acme/b"]

[[caller]]
who = "nobody"
policies = ["own"]
may.read = ["secret/data/tenants/acme/a"]
"#;
    Folder::new(&[
        ("own.hcl", &reads(own)),
        ("other.hcl", &reads("a")),
        ("tests/own.toml", expectations),
    ])
}

#[test]
fn shipped_expectations_hold() {
    let ended = dev(&["--output", "json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let report = ended.json();
    assert_eq!((&report["failed"], &report["untried"]), (&json!(0), &json!([])));
    let expectations = report["expectations"].as_array().expect("expectations");
    let of = |policy: &str, word: &str| {
        let about = |one: &&Value| {
            let named = one["policies"].as_array().expect("policies").contains(&json!(policy));
            named && one["expected"].as_str().expect("text").starts_with(word)
        };
        expectations.iter().filter(about).count()
    };
    for entry in fs::read_dir(tools::repository("policies")).expect("policies/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "hcl") {
            let name = path.file_stem().expect("a name").to_str().expect("text").to_owned();
            let (may, may_not) = (of(&name, "may "), of(&name, "may not ") + of(&name, "may do"));
            assert!(may > may_not - of(&name, "may not ") || may_not > 0, "{name}");
            assert!(may > 0 && may_not > 0, "both ways for {name}: {may} {may_not}");
        }
    }
}

#[test]
fn table_shows_results_and_rules() {
    let folder = mixed();
    let ended = dev(&[&folder.path()]);
    let expected = "\
\x20 ok  acme    may read        secret/data/tenants/acme/a
  ok  acme    may do nothing  secret/data/tenants/globex/a
  no  acme    may do nothing  secret/data/tenants/acme/b    tests/own.toml:7: Vault grants read \
(own.hcl:1 path \"secret/data/tenants/{{identity.entity.metadata.tenant}}/*\")
  no  nobody  may read        secret/data/tenants/acme/a    tests/own.toml:12: Vault grants deny \
(no rule in the files matches)

4 expectations, 2 failures of 1 policy
no expectations for other
";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(folder.relative(&ended.stdout), expected);
}

/// Returns the resources of the kinds that a test creates.
async fn remains(bao: &Bao) -> Vec<Value> {
    let mut remains = Vec::new();
    for path in [
        "sys/policies/acl",
        "identity/entity/name",
        "identity/entity-alias/id",
        "auth/token/roles",
        "identity/group/name",
    ] {
        let (status, answer) = bao.request("GET", &format!("{path}?list=true"), None).await;
        assert!(matches!(status, 200 | 404), "{path}: {answer}");
        remains.push(answer["data"]["keys"].clone());
    }
    remains
}

#[tokio::test(flavor = "multi_thread")]
async fn test_leaves_vault_unchanged() {
    let bao = Bao::dev().await;
    let operator = Operator::new(&bao).await;
    // Vault's resources of the same name are neither used nor changed.
    platform::set_policy(&bao, "own", &reads("theirs")).await;
    let before = remains(&bao).await;
    let folder = mixed();
    let ended = operator.run(&["test", &folder.path(), "--output", "json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.json()["failed"], 2);
    assert_eq!(remains(&bao).await, before);
    let ended = operator.run(&["test"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(remains(&bao).await, before);
    assert_eq!(super::stored(&bao, "own").await, Some(reads("theirs")));
}

/// Creates a folder with callers in groups, in one of which they have different metadata.
fn grouped() -> Folder {
    let paths = [
        "team/{{identity.groups.names.ops.metadata.area}}",
        "name/{{ identity.groups.names.ops.name }}",
        "id/{{identity.groups.names.ops.id}}",
        "by-id/{{identity.groups.ids.1f-2e.name}}/{{identity.groups.ids.1f-2e.metadata.area}}",
        "staff/{{identity.groups.names.the staff.name}}",
    ];
    let expectations = r#"
[[caller]]
who = "south"
policies = ["groups"]
groups.ops = { id = "1f-2e", metadata.area = "south" }
may.read = ["team/south", "name/ops", "id/1f-2e", "by-id/ops/south"]
may_not.any = ["team/north", "staff/the staff"]

[[caller]]
who = "north"
policies = ["groups"]
metadata.tenant = "acme"
groups.ops.metadata.area = "north"
groups."the staff" = {}
may.read = ["team/north", "name/ops", "staff/the staff"]
may_not.any = ["team/south", "id/1f-2e", "by-id/ops/north"]

[[caller]]
who = "of no group"
policies = ["groups"]
metadata.tenant = "acme"
may_not.any = ["team/north", "name/ops", "by-id/ops/north", "staff/the staff"]
"#;
    let policy: String = paths.iter().map(|path| reads(path)).collect();
    Folder::new(&[("groups.hcl", &policy), ("tests/groups.toml", expectations)])
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_runs_use_separate_groups() {
    let bao = Bao::dev().await;
    let operator = Operator::new(&bao).await;
    // Groups of the same name in Vault are neither used nor changed.
    let group = json!({"name": "ops", "metadata": {"area": "theirs"}});
    let theirs = bao.must("POST", "identity/group", Some(group)).await["data"]["id"].clone();
    let before = remains(&bao).await;
    let folder = grouped();
    let run = || operator.run(&["test", &folder.path(), "--output", "json"]);
    std::thread::scope(|scope| {
        let both = [scope.spawn(run), scope.spawn(run)];
        for run in both {
            let ended = run.join().expect("it ends");
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
            assert_eq!(ended.json()["expectations"].as_array().expect("a list").len(), 16);
        }
    });
    assert_eq!(remains(&bao).await, before);
    let group = bao.must("GET", "identity/group/name/ops", None).await;
    assert_eq!(
        (&group["data"]["id"], &group["data"]["metadata"]["area"]),
        (&theirs, &json!("theirs"))
    );
    // The responsible rule is found, too.
    let expectations = "[[caller]]\nwho = \"a\"\npolicies = [\"groups\"]\n\
                        groups.ops.metadata.area = \"x\"\nmay_not.any = [\"team/x\"]\n";
    folder.write("tests/groups.toml", expectations);
    let ended = operator.run(&["test", &folder.path()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("groups.hcl:1 path \"team/{{identity"), "{ended:?}");
    assert_eq!(remains(&bao).await, before);
}

#[test]
fn unresolved_template_fails() {
    let folder = grouped();
    folder.write("groups.hcl", &reads("team/{{identity.gr\\u006fups.names.ops.metadata.area}}"));
    let ended = dev(&[&folder.path()]);
    ended.failed(1, "policy groups: write the template");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_removes_created_resources() {
    let bao = Bao::dev().await;
    let policy =
        "path \"sys/policies/acl/+\" { capabilities = [\"create\", \"update\", \"delete\"] }
        path \"auth/token/roles/+\" { capabilities = [\"create\", \"update\", \"delete\"] }
        path \"auth/token/lookup-self\" { capabilities = [\"read\"] }";
    let entities = "path \"identity/entity\" { capabilities = [\"create\", \"update\"] }";
    for (policy, failure, is_left) in [
        (
            "path \"auth/token/lookup-self\" { capabilities = [\"read\"] }",
            "write a copy of the policy other",
            false,
        ),
        (policy, "create an entity", false),
        (&format!("{policy}\n{entities}"), "read sys/auth", true),
    ] {
        let token = platform::token_with(&bao, policy).await;
        let before = remains(&bao).await;
        let ended = Operator::at(&bao.addr(), &token).run(&["test", &mixed().path()]);
        ended.failed(1, &format!("cannot {failure}"));
        assert!(ended.stderr.contains("policies/operator.hcl grants, or use --dev"), "{ended:?}");
        let after = remains(&bao).await;
        assert_eq!((&after[0], &after[3]), (&before[0], &before[3]), "{ended:?}");
        // Resources that could not be deleted are listed, and no others.
        let report =
            ended.stderr.contains("please delete it: identity/entity/name/validator-test-");
        assert_eq!(
            (report, ended.stderr.contains("please delete it")),
            (is_left, is_left),
            "{ended:?}"
        );
        assert_eq!(after[1] != before[1], is_left);
    }
}

/// The indices of the entities and the groups in the result of [`remains`].
const ENTITIES: usize = 1;
const GROUPS: usize = 4;

/// Interrupts a test of this folder, with a Vault of this latency, as soon as there is a resource
/// of this sort; asserts that it stops and nothing remains.
async fn interrupted(folder: &[&str], sort: usize, delay: Duration) {
    let bao = Bao::dev().await;
    let proxy = FaultProxy::start(&bao.authority()).await;
    proxy.set(Fault::Late(delay)).await;
    let before = remains(&bao).await;
    let operator = Operator::at(&proxy.addr(), bao.root_token());
    let mut command = operator.command(tools::validator(), &["policies", "test"]);
    command.args(folder);
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    eventually(Duration::from_secs(20), "something to be made", async || {
        (remains(&bao).await[sort] != before[sort]).then_some(())
    })
    .await;
    let kill = format!("kill -s INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
    let ended = Ended::of(child.wait_with_output().expect("it ends"));
    ended.failed(1, "stopped");
    assert_eq!(remains(&bao).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn interruption_removes_created_entities() {
    interrupted(&[], ENTITIES, Duration::from_millis(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interruption_removes_created_groups() {
    interrupted(&[&grouped().path()], GROUPS, Duration::from_millis(200)).await;
}

#[test]
fn invalid_expectations_have_positions() {
    let folder = mixed();
    let caller = "[[caller]]\nwho = \"a\"\npolicies = [\"own\"]\n";
    folder.write("tests/a.toml", &format!("{caller}may.raed = [\"a\"]\n"));
    folder.write(
        "tests/b.toml",
        "[[caller]]\nwho = \"a\"\npolicies = [\"ownn\"]\nmay.read = [\"a\"]\n",
    );
    let ended = dev(&[&folder.path()]);
    ended.failed(1, "error[syntax]: unknown field `raed`");
    ended.failed(1, "tests/a.toml:4:5");
    ended.failed(1, "4 | may.raed = [\"a\"]\n  |     ^");
    ended.failed(1, "unknown policy `ownn`: did you mean `own`?\n--> ");
    ended.failed(1, "tests/b.toml:3:13");
    let report = dev(&[&folder.path(), "--output", "json"]);
    assert_eq!((report.code, &report.json()["errors"]), (Some(1), &json!(2)), "{report:?}");
    fs::write(folder.0.path().join("tests/a.toml"), b"# caf\xe9\n").expect("a file");
    let report = dev(&[&folder.path(), "--output", "json"]).json();
    let checks: Vec<_> = [0, 1].iter().map(|n| &report["findings"][*n]["check"]).collect();
    assert_eq!(checks, ["unreadable", "syntax"], "{report}");
    let folder = Folder::new(&[("own.hcl", &reads("a"))]);
    dev(&[&folder.path()]).failed(2, "tests: No such file");
    folder.write("tests/readme.md", "");
    dev(&[&folder.path()]).failed(2, "no *.toml files found");
    folder.write("own.hcl", "path");
    dev(&[&folder.path()]).failed(1, "own.hcl:1:5");
}

/// Creates a substitute for the OpenBao program, with this in its script.
fn program(folder: &Folder, script: &str) -> String {
    folder.write("bao", &format!("#!/bin/sh\n{script}\n"));
    let path = folder.0.path().join("bao");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    path.display().to_string()
}

#[test]
fn dev_server_token_is_in_environment() {
    let folder = mixed();
    let seen = folder.0.path().join("seen");
    let script = format!(
        "echo $$ > {0}.pid; echo \"$@\" > {0}.arguments; echo $BAO_DEV_ROOT_TOKEN_ID > {0}.token\n\
         exec {1} \"$@\"",
        seen.display(),
        tools::bao().display()
    );
    program(&folder, &script);
    // Found in PATH; what the user has of Vault is not for this server.
    let path = format!("{}:/usr/bin:/bin", folder.path());
    let variables =
        [("PATH", path.as_str()), ("VAULT_ADDR", "http://127.0.0.1:1"), ("BAO_TOKEN", "s.x")];
    let user =
        Operator { variables: variables.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec() };
    let ended = user.run(&["test", "--dev", &folder.path()]);
    assert!(ended.stdout.contains("4 expectations, 2 failures"), "{ended:?}");
    let read = |what: &str| fs::read_to_string(seen.with_extension(what)).expect("it was started");
    let (token, arguments) = (read("token"), read("arguments"));
    assert!(token.trim().len() >= 32 && !arguments.contains(token.trim()), "{arguments}");
    assert!(arguments.contains("-dev-listen-address=127.0.0.1:"), "{arguments}");
    let process = format!("/proc/{}", read("pid").trim());
    assert!(!std::path::Path::new(&process).exists(), "it still runs");
}

#[test]
fn failed_dev_server_log_is_shown() {
    let folder = mixed();
    let broken = program(&folder, "echo no such storage >&2; exit 1");
    let anonymous = Operator { variables: Vec::new() };
    let test = |bao: &str| anonymous.run(&["test", "--dev", "--bao", bao, &folder.path()]);
    test(&broken).failed(1, "exited right after the start:\nno such storage");
    let talks = program(&folder, "echo Root Token: $BAO_DEV_ROOT_TOKEN_ID; exit 1");
    test(&talks).failed(1, "Root Token: (the token)\n");
    test("/nonexistent/bao").failed(1, "/nonexistent/bao failed to start");
    anonymous.run(&["test", "--dev"]).failed(1, "no bao or vault found in PATH");
    assert_eq!(anonymous.run(&["test", "--bao", &broken]).code, Some(2), "it goes with --dev");
}
