mod mcp;

use crate::policy::{
    Lint, LintFinding, Mounts, PolicySet, PolicySource, Server, Severity, builtin,
};

fn mounts() -> Mounts {
    Mounts { kv: "secret".to_owned(), transit: "transit".to_owned() }
}

fn lint(files: &[(&str, &str)]) -> Vec<LintFinding> {
    let sources =
        files.iter().map(|(name, text)| PolicySource::new(format!("p/{name}.hcl"), *text));
    let (set, mut findings) = PolicySet::read(sources.collect());
    findings.extend(set.lint(&mounts()));
    findings
}

/// Returns the lints that fire for a policy of this name, each with line and column.
fn found(name: &str, text: &str) -> Vec<(Lint, usize, usize)> {
    let findings = lint(&[(name, text)]);
    findings.iter().map(|finding| (finding.check, finding.at.line, finding.at.column)).collect()
}

/// Returns a rule that grants `read` on this path.
fn reads(path: &str) -> String {
    format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n")
}

#[test]
fn builtin_policies_have_no_findings() {
    let (set, findings) = PolicySet::read(builtin::policies());
    assert_eq!((findings, set.lint(&mounts())), (Vec::new(), Vec::new()));
    assert!(set.len() >= 9, "{}", set.len());
}

#[test]
fn finding_shows_position_and_remedy() {
    let text = format!("# Twice.\n{}{}", reads("a"), reads("/a"));
    let findings = lint(&[("twice", &text)]);
    let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let expected = "\
--> p/twice.hcl:3:6
  |
3 | path \"/a\" { capabilities = [\"read\"] }
  |      ^
= Vault merges the blocks: write a single one";
    assert_eq!(shown[0], expected);
    assert_eq!(findings[0].message, "duplicate path `/a`, first in line 2");
    assert_eq!(findings[1].check, Lint::LeadingSlash);
}

#[test]
fn misleading_rules_are_found() {
    use Lint::{
        DenyHides, DuplicateKey, DuplicatePath, Empty, IgnoredLabel, Legacy, NoCapabilities,
        OpenBaoOnly, OtherName,
    };
    for (text, expected) in [
        (r#"path "a" {}"#, &[(NoCapabilities, 1, 6)][..]),
        (r#"path "a" { capabilities = [] }"#, &[(NoCapabilities, 1, 6)]),
        (r#"path "a" { capabilities = ["deny", "read"] }"#, &[(DenyHides, 1, 36)]),
        (r#"path "a" { policy = "write" }"#, &[(Legacy, 1, 21)]),
        (r#"path "a" "b" { capabilities = ["read"] }"#, &[(IgnoredLabel, 1, 10)]),
        (
            "path \"a\" {\n capabilities = [\"read\"]\n capabilities = [\"list\"]\n}",
            &[(DuplicateKey, 3, 2)],
        ),
        (
            "path \"a\" { policy = \"read\" }\npath \"a\" { policy = \"deny\" }",
            &[(Legacy, 1, 21), (DuplicatePath, 2, 6), (Legacy, 2, 21)],
        ),
        ("# nothing\n", &[(Empty, 1, 1)]),
        ("name = \"q\" path \"a\" { capabilities = [\"read\"] }", &[(OtherName, 1, 8)]),
        ("name = \"p\" path \"a\" { capabilities = [\"read\"] }", &[]),
        (
            "path \"a\" { capabilities = [\"scan\"] pagination_limit = 5 }",
            &[(OpenBaoOnly, 1, 28), (OpenBaoOnly, 1, 36)],
        ),
        (
            r#"path "a" { capabilities = ["read"] allowed_parameters "x" {} allowed_parameters "y" {} }"#,
            &[],
        ),
    ] {
        assert_eq!(found("p", text), expected, "{text}");
    }
}

#[test]
fn misleading_paths_are_found() {
    use Lint::{EmptySegment, LeadingSlash, Placeholder, Template, Unreachable, Wildcard};
    for (path, expected) in [
        ("a*b", &[Wildcard][..]),
        ("a/*/b", &[Wildcard]),
        ("a+", &[Wildcard]),
        ("a/+b/c", &[Wildcard]),
        ("/a", &[LeadingSlash]),
        ("//a", &[LeadingSlash, EmptySegment]),
        ("a//b", &[EmptySegment]),
        ("{{identity.entity.metdata.tenant}}", &[Template]),
        ("{{identity.entity.metadata}}", &[Template]),
        ("{{identity.entity.metadata.}}", &[Template]),
        ("{{identity.entity.name.x}}", &[Template]),
        ("{{tenant}}/a", &[Template]),
        ("{identity.entity.name}", &[Template]),
        ("", &[EmptySegment]),
        ("/", &[LeadingSlash, EmptySegment]),
        ("v1/a", &[Unreachable]),
        ("/v1/a", &[LeadingSlash, Unreachable]),
        ("a/../b", &[Unreachable]),
        ("./a", &[Unreachable]),
        ("a/v1/.b/..c", &[]),
        ("v1*", &[]),
        ("{{identity.groups.names.*.name}}", &[Template]),
        ("{{identity.groups.names.+.metadata.path}}", &[Template]),
        ("{{identity.groups.ids.a*.id}}", &[Template]),
        ("{{identity.entity.aliases.*.name}}", &[Template]),
        ("{{identity.groups.names.a.b.id}}", &[Template]),
        ("{{identity.groups.names.a.mail}}", &[Template]),
        ("${mount}/a", &[Placeholder]),
        ("a/$TEAM/b", &[Placeholder]),
        ("a/<team>", &[Placeholder]),
        ("a/%{ team }/b", &[Placeholder]),
        ("a/{% team %}", &[Placeholder]),
        ("a/{team}/b", &[Placeholder]),
        ("a/<%= team %>", &[Placeholder]),
        ("a/${{identity.entity.name}}", &[Placeholder]),
        ("a/100%/b$", &[]),
        ("a/x < y", &[]),
        ("a/*", &[]),
        ("a/b*", &[]),
        ("+/a/+", &[]),
        ("a/", &[]),
        ("{{ identity.entity.id }}/{{identity.entity.metadata.a.b}}", &[]),
        ("{{identity.entity.aliases.auth_x_1.custom_metadata.a}}", &[]),
        ("{{identity.groups.names.a b.id}}", &[]),
        ("{{identity.groups.names.a.name}}/{{identity.groups.names.a.metadata.b.c}}", &[]),
        ("{{identity.groups.ids.a.id}}/{{identity.groups.ids.a.name}}", &[]),
        ("{{identity.entity.metadata.*}}", &[]),
    ] {
        let checks: Vec<_> =
            found("p", &reads(path)).into_iter().map(|(check, ..)| check).collect();
        assert_eq!(checks, expected, "{path}");
    }
    let findings = lint(&[("p", &reads("{{identity.entity.metdata.tenant}}"))]);
    assert!(findings[0].remedy.contains("did you mean identity.entity.metadata.KEY?"));
    let findings = lint(&[("p", &reads("a/${{identity.entity.name}}"))]);
    assert_eq!(findings[0].message, "`${…}` looks like a placeholder");
}

#[test]
fn severity_depends_on_target_server() {
    let factor =
        "control_group = { factor \"o\" { identity { group_names = [\"g\"] approvals = 1 } } }";
    for (rule, check) in [
        ("capabilities = [\"subscribe\"]", Lint::VaultOnly),
        ("capabilities = [\"read\", \"recover\"]", Lint::VaultOnly),
        ("capabilities = [\"read\"] subscribe_event_types = [\"*\"]", Lint::VaultOnly),
        (&format!("capabilities = [\"read\"] {factor}"), Lint::VaultOnly),
        ("capabilities = [\"scan\"]", Lint::OpenBaoOnly),
    ] {
        let findings = lint(&[("p", &format!("path \"a\" {{ {rule} }}"))]);
        let [finding] = findings.as_slice() else { panic!("{rule}: {findings:?}") };
        assert_eq!((finding.check, finding.severity), (check, Severity::Warning), "{rule}");
        let (refuses, accepts) = match check {
            Lint::VaultOnly => (Server::OpenBao, Server::Vault),
            _ => (Server::Vault, Server::OpenBao),
        };
        let judged = finding.clone().for_server(refuses).map(|finding| finding.severity);
        assert_eq!(judged, Some(Severity::Error), "{rule}");
        assert_eq!(finding.clone().for_server(accepts), None, "{rule}");
    }
    // Both servers ignore what follows `deny`.
    let denied = "path \"a\" { capabilities = [\"deny\", \"subscribe\"] }";
    assert_eq!(found_checks("p", denied), [Lint::DenyHides]);
}

#[test]
fn ineffective_deny_is_a_hint() {
    for (path, expected) in [
        ("+/+/+", Some(Lint::WeakDeny)),
        ("+/x", Some(Lint::WeakDeny)),
        ("*", Some(Lint::WeakDeny)),
        ("route/app/admin", Some(Lint::DenySpelling)),
        ("route/app/admin/*", Some(Lint::DenySpelling)),
        ("route/+/a/ADMIN*", Some(Lint::DenySpelling)),
        ("route/app/{{identity.entity.name}}", None),
        ("route/app", None),
        ("route/app/*", None),
        ("route/app/42", None),
        ("secret/data/app/admin", None),
        ("s+/x", Some(Lint::Wildcard)),
    ] {
        let text = format!("path \"{path}\" {{ capabilities = [\"deny\"] }}");
        assert_eq!(found_checks("p", &text), Vec::from_iter(expected), "{path}");
    }
    let text = "path \"route/app/admin\" { capabilities = [\"deny\"] }";
    let remedy = lint(&[("p", text)])[0].remedy.clone();
    for other in ["`route/app/ADMIN`", "`route/app/admin.json`", "`route/app/admin.`"] {
        assert!(remedy.contains(other), "{remedy}");
    }
}

#[test]
fn invalid_rule_does_not_hide_others() {
    use Lint::{LeadingSlash, Legacy, Syntax};
    let text = "path \"a\" { capabilities = [\"reed\"] }\npath \"/b\" { policy = \"read\" }\n\
                path \"c\" { capabilites = [] }\nnam = \"p\"\n";
    let expected = [(Syntax, 4, 1), (Syntax, 1, 28), (Syntax, 3, 12), (LeadingSlash, 2, 6)];
    let expected = [expected.as_slice(), &[(Legacy, 2, 22)]].concat();
    assert_eq!(found("p", text), expected);
    let findings = lint(&[("p", text)]);
    assert_eq!(findings[1].remedy, "did you mean `read`?");
    assert!(findings.iter().all(|finding| !finding.remedy.is_empty()), "{findings:?}");
    // The set does not contain partially parsed policies.
    let (set, _) = PolicySet::read(vec![PolicySource::new("p.hcl", text)]);
    assert!(set.is_empty());
}

#[test]
fn kv_paths_without_data_are_found() {
    for (path, finds) in [
        ("secret/crm", true),
        ("secret/crm/*", true),
        ("secret/crm*", true),
        ("secret/", true),
        ("secret/{{identity.entity.name}}", true),
        ("secret/crm/data/a", true),
        ("secret/data/crm", false),
        ("secret/metadata/", false),
        ("secret/undelete/a", false),
        ("secret/+/a", false),
        ("secret/*", false),
        ("secret/da*", false),
        ("secrets/crm", false),
    ] {
        let found = found("p", &reads(path));
        let expected: &[_] = if finds { &[(Lint::KvPath, 1, 6)] } else { &[] };
        assert_eq!(found, expected, "{path}");
    }
    let findings = lint(&[("p", &reads("secret/crm/*"))]);
    assert!(findings[0].remedy.contains("write secret/data/crm/* to read"), "{findings:?}");
    let list = r#"path "secret/data/a/*" { capabilities = ["read", "list"] }"#;
    assert_eq!(found("p", list), [(Lint::KvList, 1, 50)]);
}

#[test]
fn kv_mounts_are_inferred() {
    let (one, other) = (reads("team/kv/data/a"), reads("team/kv/a"));
    let findings = lint(&[("one", &one), ("other", &other)]);
    let found: Vec<_> = findings.iter().map(|finding| (&*finding.file, finding.check)).collect();
    assert_eq!(found, [("p/other.hcl", Lint::KvPath)]);
    assert_eq!(lint(&[("other", &other)]), []);
    for path in ["sys/internal/metadata/x", "+/data/a", "auth/a/data/b"] {
        let text = format!("{}{}", reads(path), reads("sys/a"));
        assert_eq!(found_checks("p", &text), [], "{path}");
    }
}

fn found_checks(name: &str, text: &str) -> Vec<Lint> {
    found(name, text).into_iter().map(|(check, ..)| check).collect()
}

#[test]
fn transit_create_is_found() {
    for (path, capabilities, finds) in [
        ("transit/encrypt/a", r#""create", "update""#, true),
        ("transit/encrypt/tenant-{{identity.entity.metadata.tenant}}", r#""create""#, true),
        ("transit/+/a", r#""create""#, true),
        ("transit/*", r#""create""#, true),
        ("transit/encrypt/a", r#""update""#, false),
        ("transit/keys/a", r#""create""#, false),
        ("transit/decrypt/+", r#""create""#, false),
    ] {
        let text = format!("path \"{path}\" {{ capabilities = [{capabilities}] }}");
        let finds = if finds { vec![Lint::TransitCreate] } else { vec![] };
        let found = found_checks("p", &text);
        assert_eq!(found, finds, "{text}");
    }
}

const OWN: &str = "{{identity.entity.metadata.tenant}}";

#[test]
fn cross_tenant_access_is_found() {
    let own = reads(&format!("secret/data/tenants/{OWN}/*"));
    for (path, finds) in [
        (format!("secret/data/tenants/{OWN}*"), true),
        (format!("secret/data/tenants/{OWN}"), false),
        (format!("secret/+/tenants/{OWN}/a"), false),
        ("secret/data/tenants/+/crm".to_owned(), true),
        ("secret/data/tenants/acme/crm".to_owned(), true),
        ("secret/data/*".to_owned(), true),
        ("secret/data/other/*".to_owned(), false),
        (format!("transit/encrypt/tenant-{OWN}"), false),
        (format!("transit/encrypt/tenant-{OWN}*"), true),
        ("transit/decrypt/+".to_owned(), true),
        ("transit/datakey/plaintext/*".to_owned(), true),
        (format!("transit/keys/tenant-{OWN}/rotate"), false),
        ("*".to_owned(), true),
    ] {
        let text = format!("{own}{}", reads(&path));
        let expected = if finds { vec![(Lint::TenantReach, 2, 6)] } else { vec![] };
        assert_eq!(found("p", &text), expected, "{path}");
    }
    let denied = format!("{own}path \"secret/data/tenants/+/x\" {{ capabilities = [\"deny\"] }}");
    assert_eq!(found("p", &denied), []);
    assert_eq!(found("operator", &reads("secret/metadata/tenants/*")), []);
}

#[test]
fn tenant_is_inferred_from_policy_name() {
    let path = |tenant: &str| reads(&format!("secret/data/tenants/{tenant}/a"));
    assert_eq!(found_checks("tenant-acme", &path("acme")), []);
    assert_eq!(found_checks("tenant-acme", &path("globex")), [Lint::TenantReach]);
    assert_eq!(found_checks("tenant-acme", &path("+")), [Lint::TenantReach]);
    assert_eq!(
        found_checks("tenant-acme", &reads("transit/decrypt/tenant-acme*")),
        [Lint::TenantReach]
    );
    // The other file shows that globex is a tenant.
    let (shared, globex) = (reads("secret/data/tenants/g*"), path("globex"));
    let findings = lint(&[("tenant-acme", &shared), ("tenant-globex", &globex)]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        findings[0].message,
        "a rule of a tenant's policy matches paths of the tenant globex"
    );
}

#[test]
fn invalid_files_are_found() {
    let findings = lint(&[
        ("root", &reads("a")),
        ("Default", &reads("a")),
        ("CRM", &reads("a")),
        ("broken", "path \"a\" {\n  capabilities = [\"reed\"]\n}"),
    ]);
    let found: Vec<_> =
        findings.iter().map(|f| (f.check, &*f.file, f.at.line, f.at.column)).collect();
    assert_eq!(
        found,
        [
            (Lint::Name, "p/root.hcl", 1, 1),
            (Lint::Name, "p/Default.hcl", 1, 1),
            (Lint::Name, "p/CRM.hcl", 1, 1),
            (Lint::Syntax, "p/broken.hcl", 2, 19),
        ]
    );
}

#[test]
fn lint_ids_are_unique_and_sorted() {
    let ids: std::collections::BTreeSet<_> = Lint::ALL.into_iter().map(Lint::id).collect();
    assert_eq!(ids.len(), Lint::ALL.len());
    assert!(Lint::ALL.is_sorted());
    assert!(Lint::ALL.map(Lint::severity).is_sorted());
    assert_eq!(Lint::IgnoredLabel.severity(), Severity::Error);
    assert_eq!(Lint::LeadingSlash.severity(), Severity::Warning);
    assert_eq!("kv-path".parse(), Ok(Lint::KvPath));
    for id in ["name", "syntax", "KvPath"] {
        assert!(id.parse::<Lint>().expect_err(id).contains("expected one of duplicate-path"));
    }
}
