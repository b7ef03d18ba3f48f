//! Lints for `deny` rules that deny less than they seem to.

use super::{
    Diagnostic, Lint,
    mcp::{ROUTES, is_exact_name},
};
use crate::{
    capabilities::Capability,
    policy::{Rule, error::Quoted},
};

pub(super) fn check_rule(rule: &Rule) -> Option<Diagnostic> {
    if !rule.capabilities().contains(Capability::Deny) {
        return None;
    }
    let path = &*rule.path().value;
    let bare = path.strip_prefix('/').unwrap_or(path);
    weak(rule, bare).or_else(|| spelling(rule, bare))
}

/// Finds `deny` on a path that begins with a wildcard: any path whose first wildcard comes later
/// takes precedence.
fn weak(rule: &Rule, path: &str) -> Option<Diagnostic> {
    let at = rule.path().at;
    (path == "*" || path.split('/').next() == Some("+")).then(|| {
        let message = format!("`deny` on {} has little effect", Quoted(path));
        let remedy = "nearly every other matching rule is more specific and takes \
                      precedence: deny a path that begins with the mount, or grant less";
        Diagnostic::new(Lint::WeakDeny, at, message, remedy)
    })
}

/// Finds `deny` on one spelling of a path. Vault compares paths byte by byte; many applications
/// ignore case, extensions and trailing dots.
fn spelling(rule: &Rule, path: &str) -> Option<Diagnostic> {
    let (application, denied) = path.strip_prefix(ROUTES)?.split_once('/')?;
    let literal = |segment: &&str| segment.bytes().any(|byte| byte.is_ascii_alphabetic());
    let segment = denied.trim_end_matches('*').split('/').rfind(literal)?;
    let (before, _) = denied.rsplit_once(segment)?;
    // Other spellings of a template's value are unknown here.
    if segment.contains("}}") || is_exact_name(path) {
        return None;
    }
    let base = format!("{ROUTES}{application}/{before}");
    let upper = segment.to_ascii_uppercase();
    let upper = if upper == segment { segment.to_ascii_lowercase() } else { upper };
    let mut others = vec![format!("`{base}{upper}`")];
    if denied == format!("{before}{segment}") {
        others.extend([format!("`{base}{segment}.json`"), format!("`{base}{segment}.`")]);
    }
    let message = format!("this denies {} only in this spelling", Quoted(path));
    let remedy = format!(
        "an application may treat {} as the same path: grant the allowed paths instead of denying \
         others, or use a separate host",
        others.join(", ").escape_debug()
    );
    Some(Diagnostic::new(Lint::DenySpelling, rule.path().at, message, remedy))
}
