//! Lints for paths that do not match what they seem to, on any mount.

use super::{Diagnostic, Lint, mcp};
use crate::{
    policy::{Rule, error::Quoted},
    suggestion::did_you_mean,
};

/// The selectors that Vault supports, with placeholders in capitals (`identity/identity.go` of
/// both servers).
const FIELDS: [&str; 13] = [
    "identity.entity.id",
    "identity.entity.name",
    "identity.entity.metadata.KEY",
    "identity.entity.aliases.ACCESSOR.id",
    "identity.entity.aliases.ACCESSOR.name",
    "identity.entity.aliases.ACCESSOR.metadata.KEY",
    "identity.entity.aliases.ACCESSOR.custom_metadata.KEY",
    "identity.groups.ids.ID.id",
    "identity.groups.ids.ID.name",
    "identity.groups.ids.ID.metadata.KEY",
    "identity.groups.names.NAME.id",
    "identity.groups.names.NAME.name",
    "identity.groups.names.NAME.metadata.KEY",
];

pub(super) fn check_rule(rule: &Rule) -> Vec<Diagnostic> {
    let path = rule.path();
    // A rendered value contains none of the characters that are checked here.
    let render = rule.template().render(|_| "x".to_owned());
    let mut diagnostics = Vec::new();
    let mut diagnostic = |check, message: &str, remedy: String| {
        diagnostics.push(Diagnostic::new(check, path.at, message, remedy));
    };
    let bare = match render.strip_prefix('/') {
        Some(bare) => {
            let remedy = "remove it: Vault ignores it";
            diagnostic(Lint::LeadingSlash, "the path begins with a slash", remedy.to_owned());
            bare
        }
        None => &render,
    };
    if bare.is_empty() {
        let remedy = "no request has an empty path: write the intended path".to_owned();
        diagnostic(Lint::EmptySegment, "the path is empty", remedy);
    }
    if bare.starts_with('/') || mcp::without_name(bare).contains("//") {
        let remedy = "no request matches: Vault redirects to the path without it".to_owned();
        diagnostic(Lint::EmptySegment, "the path has an empty segment", remedy);
    }
    if bare.starts_with("v1/") {
        let remedy = "remove it: `/v1/` is the API prefix, not part of the path".to_owned();
        diagnostic(Lint::Unreachable, "the path begins with `v1/`", remedy);
    }
    if bare.split('/').any(|segment| matches!(segment, "." | "..")) {
        let remedy = "no request matches: write the intended path".to_owned();
        diagnostic(Lint::Unreachable, "the path has a segment `.` or `..`", remedy);
    }
    let star = bare.find('*').filter(|place| place + 1 < bare.len());
    if star.is_some() {
        let remedy = "write `+` for one whole segment, or end the path with the `*`".to_owned();
        diagnostic(Lint::Wildcard, "`*` is a wildcard only at the end of a path", remedy);
    }
    if bare.split('/').any(|segment| segment.contains('+') && segment != "+") {
        let remedy = "write `+` between slashes, or end the path there with `*`".to_owned();
        diagnostic(Lint::Wildcard, "`+` is a wildcard only as a whole segment", remedy);
    }
    for selector in rule.template().selectors() {
        diagnostics
            .extend(selector_problem(selector).map(|(message, remedy)| {
                Diagnostic::new(Lint::Template, path.at, message, remedy)
            }));
    }
    if bare.contains("{identity.") || bare.contains("{ identity.") {
        let remedy = "write {{ and }} around the selector";
        diagnostics.push(Diagnostic::new(
            Lint::Template,
            path.at,
            "a template needs double braces",
            remedy,
        ));
    } else if let Some(placeholder) = placeholder(&rule.template().render(|_| "{…}".to_owned())) {
        let message = format!("{} looks like a placeholder", Quoted(placeholder));
        let remedy = "Vault takes it literally: render it first, or write \
                      an {{identity...}} template";
        diagnostics.push(Diagnostic::new(Lint::Placeholder, path.at, message, remedy));
    }
    diagnostics
}

/// Returns the problem of an unsupported selector, and its remedy.
fn selector_problem(selector: &str) -> Option<(String, String)> {
    if !is_known(selector) {
        let hint = match did_you_mean(selector, &FIELDS) {
            Some(field) => format!("did you mean {field}?"),
            None => format!("known are {}", FIELDS.join(", ")),
        };
        let message = format!("Vault does not support the template {}", Quoted(selector));
        return Some((message, format!("the rule never matches: {hint}")));
    }
    // Metadata can have any key, so only names of groups and aliases are checked.
    let prefixes = ["identity.entity.aliases.", "identity.groups.ids.", "identity.groups.names."];
    let rest = prefixes.iter().find_map(|prefix| selector.strip_prefix(prefix))?;
    let name = rest.split('.').next().filter(|name| name.contains(['*', '+']))?;
    let message = format!("{} is not a wildcard in a template", Quoted(name));
    let remedy = "the rule never matches: write one rule for each group or alias";
    Some((message, remedy.to_owned()))
}

/// Returns the first placeholder in a path that a template engine, or a person, should have
/// replaced: `${name}`, `$NAME`, `%{name}`, `{% name %}`, `{name}` or `<name>`.
fn placeholder(path: &str) -> Option<&str> {
    path.char_indices().find_map(|(start, first)| {
        let rest = path.get(start..)?;
        let after = rest.get(first.len_utf8()..)?;
        let closed = |end: char| after.find(end).and_then(|place| rest.get(..=place + 1));
        match (first, after.chars().next()?) {
            ('$' | '%', '{') => closed('}').or(Some(rest)),
            ('$', letter) if is_word(letter) => {
                let end = after.find(|c: char| !is_word(c)).unwrap_or(after.len());
                rest.get(..=end)
            }
            ('{', letter) if letter == '%' || is_word(letter) => closed('}'),
            ('<', letter) if letter == '%' || is_word(letter) => closed('>'),
            _ => None,
        }
    })
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

/// Returns whether the selector is one of the fields, with a value for each word in capitals.
/// Metadata keys can contain dots.
fn is_known(selector: &str) -> bool {
    let is = |field: &&str| {
        let mut found = selector.split('.');
        let agree = field.split('.').all(|wanted| {
            let found = found.next().unwrap_or_default();
            let varies = wanted.bytes().all(|byte| byte.is_ascii_uppercase());
            if varies { !found.is_empty() } else { found == wanted }
        });
        agree && (found.next().is_none() || field.strip_suffix(".KEY").is_some())
    };
    FIELDS.iter().any(is)
}
