//! Paths that mean something else than they seem to, on any mount.

use super::{Check, Note};
use crate::policies::{Rule, error::Quoted, fields::nearest};

/// What a template can have, with what varies in capitals (`identity/identity.go` of both servers).
const FIELDS: [&str; 10] = [
    "identity.entity.id",
    "identity.entity.name",
    "identity.entity.metadata.KEY",
    "identity.entity.aliases.ACCESSOR.id",
    "identity.entity.aliases.ACCESSOR.name",
    "identity.entity.aliases.ACCESSOR.metadata.KEY",
    "identity.entity.aliases.ACCESSOR.custom_metadata.KEY",
    "identity.groups.ids.ID.name",
    "identity.groups.ids.ID.metadata.KEY",
    "identity.groups.names.NAME.id",
];

pub(super) fn of_rule(rule: &Rule) -> Vec<Note> {
    let path = rule.path();
    // What a template puts in has no character that is looked for here.
    let filled = rule.template().filled(|_| "x".to_owned());
    let mut notes = Vec::new();
    let mut note = |check, message: &str, remedy: String| {
        notes.push(Note::new(check, path.at, message, remedy));
    };
    let bare = match filled.strip_prefix('/') {
        Some(bare) => {
            let remedy = "Vault drops it, and requests have none: leave it out";
            note(Check::LeadingSlash, "the path begins with a slash", remedy.to_owned());
            bare
        }
        None => &filled,
    };
    if bare.starts_with('/') || bare.contains("//") {
        let remedy = "no request has such a path: Vault redirects it to the one without".to_owned();
        note(Check::EmptySegment, "the path has an empty segment", remedy);
    }
    let star = bare.find('*').filter(|place| place + 1 < bare.len());
    if star.is_some() {
        let remedy = "write `+` for one whole segment, or end the path with the `*`".to_owned();
        note(Check::Wildcard, "`*` is a wildcard at the end of a path alone", remedy);
    }
    if bare.split('/').any(|segment| segment.contains('+') && segment != "+") {
        let remedy = "write `+` between slashes, or end the path there with `*`".to_owned();
        note(Check::Wildcard, "`+` is a wildcard as a whole segment alone", remedy);
    }
    for selector in rule.template().selectors().filter(|selector| !is_known(selector)) {
        let message = format!("there is no {} to fill in", Quoted(selector));
        let hint = match nearest(selector, &FIELDS) {
            Some(field) => format!("did you mean {field}?"),
            None => format!("there are {}", FIELDS.join(", ")),
        };
        note(Check::Template, &message, format!("the rule never holds: {hint}"));
    }
    if bare.contains("{identity.") || bare.contains("{ identity.") {
        let remedy = "write {{ and }} around what is to be filled in".to_owned();
        note(Check::Template, "a template has two braces", remedy);
    }
    notes
}

/// Whether this is one of the fields, with something for each word in capitals. A key of metadata
/// may have points in it.
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
