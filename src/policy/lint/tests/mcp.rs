//! Lints of paths of the Model Context Protocol.

use super::{Lint, found, found_checks, lint, reads};

/// Rules that let callers list the tools of `route/mcp`.
const LISTING: &str = "path \"route/mcp/server/discover\" { capabilities = [\"read\"] }\n\
                       path \"route/mcp/tools/list\" { capabilities = [\"read\"] }\n";

fn rule(path: &str, capabilities: &str) -> String {
    let words: Vec<_> = capabilities.split(' ').map(|word| format!("\"{word}\"")).collect();
    format!("path \"{path}\" {{ capabilities = [{}] }}\n", words.join(", "))
}

#[test]
fn mcp_methods_are_known() {
    for (path, capability) in [
        ("tools/call/send_*", "update"),
        ("tools/call/+", "update"),
        ("tools/call*", "update"),
        ("tools/+", "read"),
        ("prompts/*", "read"),
        ("prompts/get/{{identity.entity.name}}", "read"),
        ("resources/read/file:///a/b.txt", "read"),
        ("resources/read/file:///a/*", "read"),
        ("resources/templates/list", "read"),
        ("completion/complete", "read"),
        ("subscriptions/listen", "read"),
        ("notifications/cancelled", "read"),
        ("tasks/get", "read"),
        ("ping", "read"),
        ("+/list", "read"),
        ("*", "read"),
    ] {
        let text = format!("{LISTING}{}", rule(&format!("route/mcp/{path}"), capability));
        assert_eq!(found_checks("p", &text), [], "{path}");
    }
}

#[test]
fn unknown_mcp_method_is_found() {
    for (path, remedy) in [
        ("tool/call/send_invoice", "did you mean `tools/call`?"),
        ("tools/lists", "did you mean `tools/list`?"),
        ("Tools/list", "did you mean `tools/list`?"),
        ("resources/template/list", "did you mean `resources/templates/list`?"),
        ("tools/call", "write route/mcp/tools/call/* for all, or a name instead of the `*`"),
        ("tools/list/*", "write route/mcp/tools/list"),
        ("zzz/*", "known are tools/call, "),
    ] {
        let text = format!("{LISTING}{}", reads(&format!("route/mcp/{path}")));
        let findings = lint(&[("p", &text)]);
        let [finding] = findings.as_slice() else { panic!("{path}: {findings:?}") };
        assert_eq!((finding.check, finding.at.line), (Lint::McpMethod, 3), "{path}");
        assert!(finding.remedy.contains(remedy), "{path}: {}", finding.remedy);
    }
    // The path of an application is any.
    assert_eq!(found_checks("p", &reads("route/crm/tool/call")), []);
    assert_eq!(found_checks("p", &format!("{LISTING}{}", reads("route/crm/tool/call"))), []);
    // Another policy shows that the route is for MCP.
    let findings = lint(&[("one", LISTING), ("other", &reads("route/mcp/tool/call"))]);
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn ineffective_mcp_capability_is_found() {
    for (path, capabilities, ineffective) in [
        ("tools/call/x", "create", Some("create")),
        ("tools/call/x", "read update", Some("read")),
        ("tools/list", "read update", Some("update")),
        ("tools/list", "list", Some("list")),
        ("tools/*", "read update delete", Some("delete")),
        ("tools/*", "read update", None),
        ("tools/call/x", "update", None),
        ("tools/call/x", "deny", None),
        ("tasks/*", "update", Some("update")),
        ("*", "create read update patch delete", None),
    ] {
        let text = format!("{LISTING}{}", rule(&format!("route/mcp/{path}"), capabilities));
        let findings = lint(&[("p", &text)]);
        let found: Vec<_> = findings
            .iter()
            .filter(|finding| finding.check != Lint::DuplicatePath)
            .map(|finding| (finding.check, finding.message.as_str()))
            .collect();
        let expected = ineffective.map(|word| format!("`{word}` has no effect on `{path}`"));
        let expected: Vec<_> =
            expected.iter().map(|text| (Lint::McpCapability, text.as_str())).collect();
        assert_eq!(found, expected, "{path} {capabilities}");
    }
    let text = format!("{LISTING}{}", rule("route/mcp/tools/call/x", "create read"));
    assert!(lint(&[("p", &text)])[0].remedy.ends_with("write capabilities = [\"update\"]"));
    assert_eq!(found("p", &text), [(Lint::McpCapability, 3, 49)]);
}

#[test]
fn tools_without_their_list_are_found() {
    let list = "path \"route/mcp/tools/list\" { capabilities = [\"read\"] }";
    let discover = "path \"route/mcp/server/discover\" { capabilities = [\"read\"] }";
    for (rules, missing) in [
        (rule("route/mcp/tools/call/send", "update"), vec![discover, list]),
        (rule("route/mcp/tools/call/send_*", "update"), vec![discover, list]),
        (rule("route/mcp/tools/call/+", "update") + list, vec![discover]),
        (rule("route/mcp/tools/call/send", "update") + LISTING, vec![]),
        (
            rule("route/mcp/tools/*", "update read") + &reads("route/mcp/prompts/list"),
            vec![discover],
        ),
        (rule("route/mcp/*", "update read") + &rule("route/mcp/tools/call/a", "deny"), vec![]),
        (rule("route/mcp/*", "update") + discover, vec![list]),
        (rule("route/mcp/*", "update read") + &rule("route/mcp/tools/list", "deny"), vec![list]),
        (rule("route/mcp/tools/call/a", "deny"), vec![]),
        (rule("route/+/tools/call/*", "update") + LISTING, vec![discover, list]),
        (
            rule("route/+/tools/call/*", "update")
                + &reads("route/+/tools/list")
                + &reads("route/+/server/discover"),
            vec![],
        ),
    ] {
        let findings = lint(&[("p", &rules)]);
        let found = findings.iter().filter(|finding| finding.check == Lint::McpListing);
        let remedies: Vec<_> = found.map(|finding| finding.remedy.replace('+', "mcp")).collect();
        assert_eq!(remedies.len(), usize::from(!missing.is_empty()), "{rules}: {findings:?}");
        let remedy = remedies.first().map_or("", String::as_str);
        let lines: Vec<_> = remedy.lines().skip(1).map(str::trim).collect();
        assert_eq!(lines, missing, "{rules}");
    }
    // One finding for each route, however many tools.
    let many = rule("route/mcp/tools/call/a", "update") + &rule("route/mcp/tools/call/b", "update");
    assert_eq!(found("p", &many), [(Lint::McpListing, 1, 6)]);
    // The paths of other policies do not count: a caller may have this one alone.
    let findings = lint(&[("list", LISTING), ("call", &rule("route/mcp/tools/call/a", "update"))]);
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn name_of_an_mcp_tool_has_one_spelling() {
    for (path, finds) in [
        ("route/mcp/tools/call/delete_user", None),
        ("route/mcp/prompts/get/secret", None),
        ("route/mcp/resources/read/file:///secret", Some(Lint::DenySpelling)),
    ] {
        let text = rule(path, "deny");
        assert_eq!(found_checks("p", &text), Vec::from_iter(finds), "{path}");
    }
}
