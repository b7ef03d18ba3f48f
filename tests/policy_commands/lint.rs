use serde_json::json;

use super::{Ended, Folder, Operator, reads};

/// Nobody is asked.
fn lint(folder: &Folder, arguments: &[&str]) -> Ended {
    let nobody = Operator { variables: Vec::new() };
    let path = folder.path();
    let mut ended = nobody.run(&[&["lint", &path], arguments].concat());
    ended.stdout = folder.relative(&ended.stdout);
    ended
}

#[test]
fn findings_are_shown_with_place_excerpt_and_remedy() {
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
error[syntax]: expected a capability (create, delete, deny, list, patch, read, scan, sudo, \
update), found `reed`
--> broken.hcl:2:19
  |
2 |   capabilities = [\"reed\"]
  |                   ^

error[kv-path]: `secret/crm` is no path of KV version 2
--> crm.hcl:2:6
  |
2 | path \"secret/crm\" {
  |      ^
= secret is such a mount: write secret/data/crm to read and write, secret/metadata/crm to list

warning[legacy]: this is the old way to write capabilities
--> old.hcl:1:21
  |
1 | path \"a\" { policy = \"deny\" }
  |                     ^
= write capabilities = [\"deny\"]

error[name]: `root` would take the place of a policy of Vault's own
--> root.hcl:1:1
  |
1 | path \"a\" {
  | ^
= give the file another name: Vault's own policies stay as they are

2 policies: 3 errors, 1 warning
";
    assert_eq!(ended, Ended { code: Some(1), stdout: expected.into(), stderr: String::new() });
}

#[test]
fn warnings_fail_only_where_that_is_asked_for_and_checks_can_be_allowed() {
    let folder = Folder::new(&[("old.hcl", "path \"a\" { policy = \"read\" }\n")]);
    assert_eq!(lint(&folder, &[]).code, Some(0));
    assert_eq!(lint(&folder, &["--strict"]).code, Some(1));
    assert_eq!(lint(&folder, &["--strict", "--allow", "legacy"]).code, Some(0));
    folder.write("twice.hcl", &reads("a").repeat(2));
    assert_eq!(lint(&folder, &[]).code, Some(1));
    assert_eq!(lint(&folder, &["--allow", "duplicate-path"]).code, Some(0));
    lint(&folder, &["--allow", "syntax"]).failed(2, "there are duplicate-path");
}

#[test]
fn programs_are_told_the_same() {
    let folder = Folder::new(&[("crm.hcl", &reads("team/crm"))]);
    let arguments = ["--output", "json", "--kv-mount", "team"];
    let ended = lint(&folder, &arguments);
    let mut told = ended.json();
    let finding = told["findings"][0].as_object_mut().expect("a finding");
    let (file, remedy) = (finding.remove("file"), finding.remove("remedy"));
    assert_eq!((file, ended.code), (Some(json!("crm.hcl")), Some(1)));
    assert!(remedy.expect("a remedy").as_str().expect("text").contains("team/data/crm"));
    let expected = json!({
        "policies": 1, "errors": 1, "warnings": 0,
        "findings": [{
            "check": "kv-path", "severity": "error", "line": 1, "column": 6,
            "message": "`team/crm` is no path of KV version 2", "excerpt": "path \"team/crm\" {",
        }],
    });
    assert_eq!(told, expected);
    assert_eq!(lint(&folder, &[]).code, Some(0), "of another mount nothing is known");
}

#[test]
fn what_is_shipped_is_linted_where_no_folder_is_named() {
    let nobody = Operator { variables: Vec::new() };
    let ended = nobody.run(&["lint", "--strict"]);
    let stdout = "20 policies: no errors, no warnings\n".to_owned();
    assert_eq!(ended, Ended { code: Some(0), stdout, stderr: String::new() });
}

#[test]
fn a_folder_that_has_no_policies_is_no_success() {
    let folder = Folder::new(&[("notes.txt", "")]);
    lint(&folder, &[]).failed(2, "there is no policy in it");
    let nobody = Operator { variables: Vec::new() };
    nobody.run(&["lint", "/nonexistent"]).failed(2, "/nonexistent: No such file");
    let other = Operator { variables: vec![("VALIDATOR_KV_MOUNT".into(), "../x".into())] };
    other.run(&["lint"]).failed(2, "VALIDATOR_KV_MOUNT: `../x` is no mount");
}
