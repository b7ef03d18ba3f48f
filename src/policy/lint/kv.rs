//! Paths of KV version 2, whose API has `data/`, `metadata/` and others below the mount.

use std::collections::BTreeSet;

use super::{Diagnostic, Lint, Mounts};
use crate::{
    capabilities::Capability,
    policy::{PolicySet, Rule, error::Quoted},
};

/// The API's path segments below the mount (KV version 2; `detailed-metadata` is OpenBao's).
const API: [&str; 8] =
    ["config", "data", "delete", "destroy", "detailed-metadata", "metadata", "subkeys", "undelete"];

/// The mounts that are never KV.
const NO_KV: [&str; 5] = ["auth", "cubbyhole", "identity", "sys", "+"];

/// Returns the configured mount, and each mount below which any policy names `data/` or
/// `metadata/`. The rules of all policies are checked against them.
pub(super) fn mounts(set: &PolicySet, configured: &Mounts) -> BTreeSet<String> {
    let rules = set.iter().flat_map(|(_, file)| file.policy.rules());
    let named = rules.filter_map(|rule| {
        let path = declared(rule);
        let segments: Vec<&str> = path.split('/').collect();
        let api = |segment: &&str| matches!(*segment, "data" | "metadata");
        let place = segments.iter().position(api)?;
        let mount = segments.get(..place)?;
        let first = mount.first().filter(|first| !NO_KV.contains(first))?;
        let plain = place + 1 < segments.len() && *first != configured.transit;
        plain.then(|| mount.join("/"))
    });
    named.chain([configured.kv.clone()]).collect()
}

pub(super) fn check_rule(rule: &Rule, mounts: &BTreeSet<String>) -> Option<Diagnostic> {
    let path = declared(rule);
    let below = |mount: &String| path.strip_prefix(mount.as_str())?.strip_prefix('/');
    // Nothing can be mounted below another mount, so the shortest one matches.
    let (mount, rest) = mounts.iter().find_map(|mount| Some((mount, below(mount)?)))?;
    let at = rule.path().at;
    let (first, more) =
        rest.split_once('/').map_or((rest, None), |(first, more)| (first, Some(more)));
    let known = match first.strip_suffix('*') {
        Some(beginning) if more.is_none() => API.iter().any(|word| word.starts_with(beginning)),
        _ => first == "+" || API.contains(&first),
    };
    if !known {
        let message = format!("{} is not a path of KV version 2", Quoted(path));
        let rest = rest.escape_debug();
        let remedy = format!(
            "{mount} is a KV version 2 mount: write {mount}/data/{rest} to read and write, \
             {mount}/metadata/{rest} to list"
        );
        return Some(Diagnostic::new(Lint::KvPath, at, message, remedy));
    }
    let list = rule.declared().iter().find(|one| one.value == Capability::List)?;
    (first == "data").then(|| {
        let message = "data/ cannot be listed";
        let rest = more.unwrap_or_default().escape_debug();
        let remedy = format!("grant list on {mount}/metadata/{rest}");
        Diagnostic::new(Lint::KvList, list.at, message, remedy)
    })
}

/// Returns the path as written, without the leading slash that Vault removes.
fn declared(rule: &Rule) -> &str {
    let path = &*rule.path().value;
    path.strip_prefix('/').unwrap_or(path)
}
