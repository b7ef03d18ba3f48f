//! Lints of policies and rules that do not depend on the path.

use std::collections::HashMap;

use super::{Diagnostic, Lint};
use crate::{
    capabilities::{Capabilities, Capability},
    policy::{Policy, Position, Rule, Spanned, error::Quoted, pattern::Pattern},
};

/// The keys that HashiCorp Vault does not support and rejects.
const OPENBAO_ONLY: [&str; 3] =
    ["expiration", "list_scan_response_keys_filter_path", "pagination_limit"];

pub(super) fn check_policy(name: &str, policy: &Policy) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if policy.rules().is_empty() {
        let remedy = "add a rule, or delete the file";
        diagnostics.push(Diagnostic::new(
            Lint::Empty,
            Position::START,
            "the policy has no rules",
            remedy,
        ));
    }
    if let Some(own) = policy.name().filter(|own| own.value != name) {
        let message =
            format!("`name` is {}, but the file is named differently", Quoted(&own.value));
        let remedy = format!("remove it: the policy is stored under the file's name, {name}");
        diagnostics.push(Diagnostic::new(Lint::OtherName, own.at, message, remedy));
    }
    diagnostics
}

/// Finds paths that occur twice in one policy.
pub(super) fn duplicate_paths(policy: &Policy) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut lines: HashMap<Pattern, usize> = HashMap::new();
    for rule in policy.rules() {
        let path = rule.path();
        match lines.get(&Pattern::new(&path.value)) {
            None => drop(lines.insert(Pattern::new(&path.value), path.at.line)),
            Some(line) => diagnostics.push(Diagnostic::new(
                Lint::DuplicatePath,
                path.at,
                format!("duplicate path {}, first in line {line}", Quoted(&path.value)),
                "Vault merges the blocks: write a single one",
            )),
        }
    }
    diagnostics
}

pub(super) fn check_rule(rule: &Rule) -> Vec<Diagnostic> {
    let at = rule.path().at;
    let mut diagnostics = duplicate_keys(rule);
    if rule.capabilities() == Capabilities::NONE {
        diagnostics.push(Diagnostic::new(
            Lint::NoCapabilities,
            at,
            "the rule has no capabilities",
            "it grants nothing and overrides broader paths: add capabilities, or write \
             capabilities = [\"deny\"]",
        ));
    }
    let beside_deny = rule.declared().iter().find(|one| one.value != Capability::Deny);
    if let Some(hidden) = beside_deny.filter(|_| rule.capabilities().contains(Capability::Deny)) {
        let message = format!("`{}` has no effect beside `deny`", hidden.value);
        diagnostics.push(Diagnostic::new(
            Lint::DenyHides,
            hidden.at,
            message,
            "remove one of them",
        ));
    }
    if let Some(legacy) = rule.legacy() {
        let remedy = format!(
            "write capabilities = [{}]",
            rule.capabilities()
                .iter()
                .map(|one| format!("\"{one}\""))
                .collect::<Vec<_>>()
                .join(", ")
        );
        let message = "the `policy` attribute is deprecated";
        diagnostics.push(Diagnostic::new(Lint::Legacy, legacy.at, message, remedy));
    }
    if let Some(label) = rule.ignored_labels().first() {
        let message = format!("Vault ignores {}", Quoted(&label.value));
        let remedy = "a rule has one path: write one block for each";
        diagnostics.push(Diagnostic::new(Lint::IgnoredLabel, label.at, message, remedy));
    }
    diagnostics.extend(openbao_only(rule));
    diagnostics.extend(rule.vault_only().iter().map(vault_only));
    diagnostics
}

fn duplicate_keys(rule: &Rule) -> Vec<Diagnostic> {
    let mut lines: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut diagnostics = Vec::new();
    for item in rule.attributes() {
        let keys: Vec<&str> = item.keys.iter().map(|key| &*key.value).collect();
        if let Some(line) = lines.get(&keys) {
            let effect = match item.key() {
                "capabilities" => "Vault merges both",
                _ => "Vault takes the last value or merges them",
            };
            let message = format!("duplicate key {}, first in line {line}", Quoted(item.key()));
            let remedy = format!("{effect}: write it once");
            diagnostics.push(Diagnostic::new(Lint::DuplicateKey, item.at(), message, remedy));
        } else {
            lines.insert(keys, item.at().line);
        }
    }
    diagnostics
}

fn openbao_only(rule: &Rule) -> Vec<Diagnostic> {
    let scan = rule.declared().iter().filter(|one| one.value == Capability::Scan);
    let scan = scan.map(|one| (one.at, Capability::Scan.as_str()));
    let keys = rule.attributes().iter().filter(|item| OPENBAO_ONLY.contains(&item.key()));
    let keys = keys.map(|item| (item.at(), item.key()));
    let diagnostic = |(at, word)| {
        let message = format!("HashiCorp Vault does not support {}", Quoted(word));
        let remedy = "it rejects the whole policy; ignore this if you only use OpenBao";
        Diagnostic::new(Lint::OpenBaoOnly, at, message, remedy)
    };
    scan.chain(keys).map(diagnostic).collect()
}

fn vault_only(word: &Spanned<&'static str>) -> Diagnostic {
    // A description has its own backticks.
    let described = match word.value {
        word if word.contains('`') => word.to_owned(),
        word => Quoted(word).to_string(),
    };
    let message = format!("OpenBao does not support {described}");
    let remedy = "it rejects the whole policy; ignore this if you only use HashiCorp Vault";
    Diagnostic::new(Lint::VaultOnly, word.at, message, remedy)
}
