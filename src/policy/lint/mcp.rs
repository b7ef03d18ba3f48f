//! Lints for the paths that the requirement `mcp=route/NAME` checks: `route/NAME/METHOD`, and for some
//! methods `route/NAME/METHOD/TOOL`.

use std::collections::BTreeSet;

use super::{Diagnostic, Lint};
use crate::{
    capabilities::{Capabilities, Capability},
    mcp_methods::{
        LISTING_METHODS, METHOD_FAMILIES, NAMED_METHODS, TOOL_CALL, UNNAMED_METHODS,
        required_capabilities, split_name,
    },
    policy::{
        Policy, PolicySet, Rule,
        error::Quoted,
        evaluate,
        pattern::{Pattern, overlaps},
    },
    suggestion::did_you_mean,
};

/// The prefix of the applications' paths, which `acl_uri` and `mcp` check.
pub(super) const ROUTES: &str = "route/";

/// A value for each template.
const TEMPLATE_VALUE: &str = "x";

/// Returns the routes below which any policy names a method, such as `mcp` for `route/mcp/tools/list`; `+`
/// if it names one for all routes. Paths of other routes are those of an application.
pub(super) fn routes(set: &PolicySet) -> BTreeSet<String> {
    let rules = set.iter().flat_map(|(_, file)| file.policy.rules());
    let named = rules.filter_map(|rule| {
        let path = rendered(rule);
        let (route, rest) = split_route(&path)?;
        // An application may have a path `ping`.
        let mut methods = all_methods().filter(|method| method.contains('/'));
        let is_method = |method: &str| {
            rest.strip_prefix(method)
                .is_some_and(|end| end.is_empty() || end.starts_with(['/', '*']))
        };
        methods.any(is_method).then(|| route.to_owned())
    });
    named.collect()
}

/// Finds unknown methods, and capabilities that are not required for a method.
pub(super) fn check_rule(rule: &Rule, routes: &BTreeSet<String>) -> Option<Diagnostic> {
    let path = rendered(rule);
    let (_, rest) = split_route(&path).filter(|(route, _)| routes.contains(*route))?;
    let matched = matched_methods(rest);
    if matched.is_empty() {
        return Some(unknown_method(rule, &path, rest));
    }
    // A wildcard at once below the route also covers the paths of an application.
    if rest.starts_with(['*', '+']) || rule.capabilities().denies() {
        return None;
    }
    let required =
        matched.iter().fold(Capabilities::NONE, |all, one| all | required_capabilities(one));
    let ineffective = rule.declared().iter().find(|one| !required.contains(one.value))?;
    let message = format!("`{}` has no effect on {}", ineffective.value, Quoted(rest));
    let names: Vec<_> = required.names().iter().map(|name| format!("\"{name}\"")).collect();
    let remedy = format!(
        "a tool call needs `update`, every other method `read`: write capabilities = [{}]",
        names.join(", ")
    );
    Some(Diagnostic::new(Lint::McpCapability, ineffective.at, message, remedy))
}

/// Finds grants of tool calls in a policy that does not let the caller list the tools.
pub(super) fn check_listing(policy: &Policy, routes: &BTreeSet<String>) -> Vec<Diagnostic> {
    let mut checked = BTreeSet::new();
    let calls = Pattern::new(&format!("{TOOL_CALL}/*"));
    let missing = |rule: &Rule| {
        let path = rendered(rule);
        let (route, rest) = split_route(&path).filter(|(route, _)| routes.contains(*route))?;
        let is_call = rule.capabilities().contains(Capability::Update)
            && overlaps(&Pattern::new(rest), &calls);
        if !is_call || !checked.insert(route.to_owned()) {
            return None;
        }
        let missing: Vec<_> = LISTING_METHODS
            .into_iter()
            .map(|method| format!("{ROUTES}{route}/{method}"))
            .filter(|path| !is_readable(policy, path))
            .collect();
        (!missing.is_empty()).then(|| not_listed(rule, route, &missing))
    };
    policy.rules().iter().filter_map(missing).collect()
}

fn not_listed(rule: &Rule, route: &str, missing: &[String]) -> Diagnostic {
    let route = Quoted(route);
    let message =
        format!("this policy grants tools of the route {route}, but not `read` on their list");
    let line = |path: &String| {
        format!("  path \"{}\" {{ capabilities = [\"read\"] }}", path.escape_debug())
    };
    let rules: Vec<_> = missing.iter().map(line).collect();
    let remedy = format!(
        "MCP clients ask for the server's description and the list of tools; some run a tool, and then \
         report a failure because the list is denied. Add:\n{}",
        rules.join("\n")
    );
    Diagnostic::new(Lint::McpListing, rule.path().at, message, remedy)
}

/// Returns true if the policy by itself grants `read` on a path. `+` stands for any route.
fn is_readable(policy: &Policy, path: &str) -> bool {
    let path = path.replace("/+/", "/any/");
    let value = |_: &str| Some(TEMPLATE_VALUE.to_owned());
    let evaluation = evaluate(&[policy], &path, &value).ok().flatten();
    evaluation.is_some_and(|evaluation| evaluation.capabilities.contains(Capability::Read))
}

fn unknown_method(rule: &Rule, path: &str, rest: &str) -> Diagnostic {
    let route = path.strip_suffix(rest).unwrap_or_default();
    let bare = rest.trim_end_matches(['/', '*', '+']);
    let diagnostic =
        |message, remedy| Diagnostic::new(Lint::McpMethod, rule.path().at, message, remedy);
    if NAMED_METHODS.contains(&bare) {
        let message = format!("{} has no name: no request matches it", Quoted(path));
        let remedy = format!("write {route}{bare}/* for all, or a name instead of the `*`");
        return diagnostic(message, remedy);
    }
    let is_longer =
        |method: &&str| rest.strip_prefix(method).is_some_and(|end| end.starts_with('/'));
    if let Some(method) = UNNAMED_METHODS.into_iter().find(is_longer) {
        let message = format!("`{method}` has no names: no request matches {}", Quoted(path));
        return diagnostic(message, format!("write {route}{method}"));
    }
    let known: Vec<&str> = all_methods().collect();
    let first_segments = bare.match_indices('/').nth(1).map_or(bare, |(end, _)| &bare[..end]);
    let suggestion = did_you_mean(bare, &known).or_else(|| did_you_mean(first_segments, &known));
    let message = format!("{} is not a method of MCP", Quoted(bare));
    let remedy = match suggestion {
        Some(method) => format!("did you mean `{method}`?"),
        None => format!("known are {}; ignore this for a method of an extension", known.join(", ")),
    };
    diagnostic(message, remedy)
}

/// Returns the part of a path that is not the name of a tool, a prompt or a resource.
pub(super) fn without_name(path: &str) -> &str {
    let name = split_route(path).and_then(|(_, rest)| split_name(rest));
    name.and_then(|(_, name)| path.strip_suffix(name)).unwrap_or(path)
}

/// Returns true for the path of a tool or a prompt, whose names servers compare byte by byte.
pub(super) fn is_exact_name(path: &str) -> bool {
    let split = split_route(path).and_then(|(_, rest)| split_name(rest));
    split.is_some_and(|(method, _)| method != "resources/read")
}

/// Splits `route/NAME/REST` into `NAME` and `REST`.
fn split_route(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(ROUTES)?.split_once('/')
}

fn rendered(rule: &Rule) -> String {
    let path = rule.template().render(|_| TEMPLATE_VALUE.to_owned());
    path.strip_prefix('/').map(str::to_owned).unwrap_or(path)
}

fn all_methods() -> impl Iterator<Item = &'static str> {
    NAMED_METHODS.into_iter().chain(UNNAMED_METHODS)
}

/// Returns the known methods and families that a path below a route matches.
fn matched_methods(rest: &str) -> Vec<&'static str> {
    let pattern = Pattern::new(rest);
    let is_below = |method: &&str| overlaps(&pattern, &Pattern::new(&format!("{method}/*")));
    let named = NAMED_METHODS.into_iter().chain(METHOD_FAMILIES).filter(is_below);
    let is_equal = |method: &&str| overlaps(&pattern, &Pattern::new(method));
    named.chain(UNNAMED_METHODS.into_iter().filter(is_equal)).collect()
}
