use std::fs;

use serde_json::json;

use super::{Ended, Folder, Operator, reads};

/// Runs `policies lint` without a Vault.
fn lint(folder: &Folder, arguments: &[&str]) -> Ended {
    let anonymous = Operator { variables: Vec::new() };
    let path = folder.path();
    let mut ended = anonymous.run(&[&["lint", &path], arguments].concat());
    ended.stdout = folder.relative(&ended.stdout);
    ended
}

#[test]
fn findings_show_place_and_remedy() {
    let folder = Folder::new(&[
        ("crm.hcl", "# Mine.\npath \"secret/crm\" {\n  capabilities = [\"read\"]\n}\n"),
        ("broken.hcl", "path \"a\" {\n  capabilities = [\"reed\"]\n}\n"),
        ("old.hcl", "path \"a\" { policy = \"deny\" }\n"),
        ("root.hcl", &reads("a")),
        ("notes.txt", "not looked at"),
        ("tests/a.hcl", "not looked at"),
    ]);
    let ended = lint(&folder, &[]);
    let expected = "\
error[syntax]: expected a capability (create, delete, deny, list, patch, read, recover, scan, \
subscribe, sudo, update), found `reed`
--> broken.hcl:2:19
  |
2 |   capabilities = [\"reed\"]
  |                   ^
= did you mean `read`?

error[kv-path]: `secret/crm` is not a path of KV version 2
--> crm.hcl:2:6
  |
2 | path \"secret/crm\" {
  |      ^
= secret is a KV version 2 mount: write secret/data/crm to read and write, secret/metadata/crm to list

warning[legacy]: the `policy` attribute is deprecated
--> old.hcl:1:21
  |
1 | path \"a\" { policy = \"deny\" }
  |                     ^
= write capabilities = [\"deny\"]

error[name]: `root` is the name of a built-in policy of Vault
--> root.hcl:1:1
  |
1 | path \"a\" {
  | ^
= rename the file: built-in policies cannot be replaced

2 policies: 3 errors, 1 warning
";
    assert_eq!(ended, Ended { code: Some(1), stdout: expected.into(), stderr: String::new() });
}

#[test]
fn warnings_fail_on_request_only() {
    let folder = Folder::new(&[("old.hcl", "path \"a\" { policy = \"read\" }\n")]);
    assert_eq!(lint(&folder, &[]).code, Some(0));
    assert_eq!(lint(&folder, &["--strict"]).code, Some(1));
    assert_eq!(lint(&folder, &["--strict", "--allow", "legacy"]).code, Some(0));
    folder.write("twice.hcl", &reads("a").repeat(2));
    assert_eq!(lint(&folder, &[]).code, Some(1));
    assert_eq!(lint(&folder, &["--allow", "duplicate-path"]).code, Some(0));
    lint(&folder, &["--allow", "syntax"]).failed(2, "expected one of duplicate-path");
}

#[test]
fn json_output_matches_text() {
    let folder = Folder::new(&[("crm.hcl", &reads("team/crm"))]);
    let arguments = ["--output", "json", "--kv-mount", "team"];
    let ended = lint(&folder, &arguments);
    let mut json = ended.json();
    let finding = json["findings"][0].as_object_mut().expect("a finding");
    let (file, remedy) = (finding.remove("file"), finding.remove("remedy"));
    assert_eq!((file, ended.code), (Some(json!("crm.hcl")), Some(1)));
    assert!(remedy.expect("a remedy").as_str().expect("text").contains("team/data/crm"));
    let expected = json!({
        "policies": 1, "errors": 1, "warnings": 0, "hints": 0,
        "findings": [{
            "check": "kv-path", "severity": "error", "line": 1, "column": 6,
            "message": "`team/crm` is not a path of KV version 2", "excerpt": "path \"team/crm\" {",
        }],
    });
    assert_eq!(json, expected);
    assert_eq!(lint(&folder, &[]).code, Some(0), "of another mount nothing is known");
}

#[test]
fn shipped_policies_are_linted_by_default() {
    let anonymous = Operator { variables: Vec::new() };
    let ended = anonymous.run(&["lint", "--strict"]);
    let stdout = "25 policies: 0 errors, 0 warnings\n".to_owned();
    assert_eq!(ended, Ended { code: Some(0), stdout, stderr: String::new() });
}

#[test]
fn folder_without_policies_fails() {
    let folder = Folder::new(&[("notes.txt", "")]);
    lint(&folder, &[]).failed(2, "no *.hcl files found");
    let anonymous = Operator { variables: Vec::new() };
    anonymous.run(&["lint", "/nonexistent"]).failed(2, "/nonexistent: No such file");
    let other = Operator { variables: vec![("VALIDATOR_KV_MOUNT".into(), "../x".into())] };
    other.run(&["lint"]).failed(2, "VALIDATOR_KV_MOUNT: `../x` is not a mount path");
}

#[test]
fn invalid_utf8_hides_no_other_findings() {
    let folder = Folder::new(&[("crm.hcl", &reads("secret/crm"))]);
    fs::write(folder.0.path().join("latin.hcl"), b"# caf\xe9\n").expect("a file");
    let ended = lint(&folder, &["--output", "json"]);
    let json = ended.json();
    let findings = json["findings"].as_array().expect("findings");
    let found: Vec<_> = findings.iter().map(|one| (&one["file"], &one["check"])).collect();
    let expected = [("crm.hcl", "kv-path"), ("latin.hcl", "unreadable")];
    let expected = expected.map(|(file, check)| (json!(file), json!(check)));
    assert_eq!(found, expected.iter().map(|(file, check)| (file, check)).collect::<Vec<_>>());
    assert_eq!(ended.code, Some(1));
    lint(&folder, &["--allow", "unreadable"]).failed(2, "expected one of");
    let anonymous = Operator { variables: Vec::new() };
    for command in ["plan", "test"] {
        let ended = anonymous.run(&[command, &folder.path(), "--output", "json"]);
        assert_eq!((ended.code, ended.json()["errors"].as_u64().is_some()), (Some(1), true));
    }
    let ended = anonymous.run(&["apply", "--yes", &folder.path()]);
    ended.failed(1, "the file is not UTF-8: found the byte 0xe9");
}

#[test]
fn lint_depends_on_server() {
    let folder = Folder::new(&[
        ("events.hcl", "path \"a\" { capabilities = [\"subscribe\"] }"),
        ("scan.hcl", "path \"a\" { capabilities = [\"scan\"] }"),
    ]);
    let counts = |arguments: &[&str]| {
        let ended = lint(&folder, &[arguments, &["--output", "json"]].concat());
        let json = ended.json();
        let checks = json["findings"].as_array().expect("findings").iter();
        let checks: Vec<_> =
            checks.map(|one| one["check"].as_str().expect("text").to_owned()).collect();
        (ended.code, json["errors"].as_u64(), json["warnings"].as_u64(), checks.join(" "))
    };
    let both = "vault-only openbao-only".to_owned();
    assert_eq!(counts(&[]), (Some(0), Some(0), Some(2), both));
    let one = |check: &str| (Some(1), Some(1), Some(0), check.to_owned());
    assert_eq!(counts(&["--server", "openbao"]), one("vault-only"));
    assert_eq!(counts(&["--server", "vault"]), one("openbao-only"));
    let none = (Some(0), Some(0), Some(0), String::new());
    assert_eq!(counts(&["--server", "openbao", "--allow", "vault-only"]), none);
    lint(&folder, &["--server", "consul"]).failed(2, "expected `openbao` or `vault`");
}

#[test]
fn hints_never_fail() {
    let denies = "path \"route/crm/admin\" {\n  capabilities = [\"deny\"]\n}\n";
    let folder = Folder::new(&[("crm.hcl", denies)]);
    let ended = lint(&folder, &["--strict"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("hint[deny-spelling]: this denies `route/crm/admin`"));
    assert!(ended.stdout.ends_with("1 policy: 0 errors, 0 warnings, 1 hint\n"), "{ended:?}");
    assert_eq!(lint(&folder, &["--allow", "deny-spelling"]).stdout.lines().count(), 1);
}

#[test]
fn findings_of_mcp_paths_show_the_missing_rules() {
    let tools = "path \"route/mcp/tools/call/send_*\" {\n  capabilities = [\"update\"]\n}\n";
    let misspelt = "path \"route/mcp/tool/list\" {\n  capabilities = [\"read\"]\n}\n";
    let folder = Folder::new(&[("sales.hcl", &format!("{tools}{misspelt}"))]);
    let ended = lint(&folder, &[]);
    let expected = "\
warning[mcp-listing]: this policy grants tools of the route `mcp`, but not `read` on their list
--> sales.hcl:1:6
  |
1 | path \"route/mcp/tools/call/send_*\" {
  |      ^
= MCP clients ask for the server's description and the list of tools; some run a tool, and then \
report a failure because the list is denied. Add:
  path \"route/mcp/server/discover\" { capabilities = [\"read\"] }
  path \"route/mcp/tools/list\" { capabilities = [\"read\"] }

warning[mcp-method]: `tool/list` is not a method of MCP
--> sales.hcl:4:6
  |
4 | path \"route/mcp/tool/list\" {
  |      ^
= did you mean `tools/list`?

1 policy: 0 errors, 2 warnings
";
    assert_eq!(ended, Ended { code: Some(0), stdout: expected.into(), stderr: String::new() });
    assert_eq!(lint(&folder, &["--strict"]).code, Some(1));
    folder.write("sales.hcl", &[tools, &reads("route/mcp/server/discover")].concat());
    let both = reads("route/mcp/tools/list");
    folder.write("list.hcl", &both);
    assert_eq!(lint(&folder, &["--strict"]).code, Some(1), "a policy of its own does not count");
    let complete = [tools, &reads("route/mcp/server/discover"), &both].concat();
    folder.write("sales.hcl", &complete);
    assert_eq!(lint(&folder, &["--strict"]).code, Some(0));
}
