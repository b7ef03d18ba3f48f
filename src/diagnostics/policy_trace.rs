//! Which of a caller's policies speak for a path.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::{
    policies::{Policy, Rule, joined},
    token::Identity,
    vault::Records,
};

/// The policies of a caller, as far as they can be read.
pub(super) struct Provenance {
    policies: Vec<(String, Policy)>,
    unread: Vec<String>,
    values: HashMap<String, String>,
}

/// What the policies say about one path.
pub(super) enum Word {
    /// Rules that speak, each with its policy, its line, its path as written and what it grants.
    Rules(Vec<Spoken>),
    /// None of them says anything about it, which denies.
    Silence,
    /// It cannot be told, and why.
    Unknown(String),
}

/// A rule that speaks for a path.
pub(super) struct Spoken {
    policy: String,
    line: usize,
    path: String,
    grants: String,
}

impl Provenance {
    /// The policies of this caller.
    pub(super) async fn of(identity: &Identity, records: &Records<'_>) -> Self {
        let mut this = Self { policies: Vec::new(), unread: Vec::new(), values: HashMap::new() };
        for name in identity.policies() {
            match records.policy(&name).await {
                Ok(Some(text)) => match Policy::parse(&text) {
                    Ok(policy) => this.policies.push((name.to_string(), policy)),
                    Err(error) => this.unread.push(format!("{name}, {}", error.message())),
                },
                Ok(None) => {}
                Err(error) => this.unread.push(format!("{name}, {error}")),
            }
        }
        if let Some(id) = identity.entity_id() {
            let rules = this.policies.iter().flat_map(|(_, policy)| policy.rules());
            let selectors: BTreeSet<&str> = rules.flat_map(Rule::selectors).collect();
            match records.entity_values(&id, &selectors).await {
                Ok(values) => this.values = values,
                Err(error) => this.unread.push(format!("the entity or one of its groups, {error}")),
            }
        }
        this
    }

    /// What they say about this path.
    pub(super) fn word(&self, path: &str) -> Word {
        if let Some(first) = self.unread.first() {
            let others = match self.unread.len() - 1 {
                0 => String::new(),
                number => format!(" (and {number} more)"),
            };
            let needed = if first.starts_with("the entity") {
                "your token needs read on identity/entity/id/+, identity/group/id/+ and \
                 identity/group/name/+"
            } else {
                "your token needs read on sys/policies/acl/+"
            };
            return Word::Unknown(format!("cannot read {first}{others}; {needed}"));
        }
        let policies: Vec<&Policy> = self.policies.iter().map(|(_, policy)| policy).collect();
        let fill = |selector: &str| self.values.get(selector).cloned();
        match joined(&policies, path, &fill) {
            Err(forbidden) => Word::Unknown(forbidden.to_string()),
            Ok(None) => Word::Silence,
            Ok(Some(verdict)) => Word::Rules(
                verdict
                    .sources
                    .iter()
                    .map(|source| Spoken {
                        policy: self.policies[source.policy].0.clone(),
                        line: source.rule.path().at.line,
                        path: source.rule.path().value.to_string(),
                        grants: source.rule.capabilities().names().join(", "),
                    })
                    .collect(),
            ),
        }
    }
}

impl Word {
    /// One line for each rule, for people.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Rules(rules) => rules
                .iter()
                .map(|Spoken { policy, line, path, grants }| {
                    format!("policy {policy}, line {line}: path \"{path}\" says {grants}")
                })
                .collect(),
            Self::Silence => {
                vec!["none of the caller's policies says anything about it".to_owned()]
            }
            Self::Unknown(why) => vec![format!("which policy spoke is not known: {why}")],
        }
    }

    /// The same for programs.
    pub(super) fn as_json(&self) -> Value {
        match self {
            Self::Rules(rules) => rules
                .iter()
                .map(|Spoken { policy, line, path, grants }| {
                    json!({ "policy": policy, "line": line, "path": path, "grants": grants })
                })
                .collect(),
            Self::Silence => json!([]),
            Self::Unknown(why) => json!({ "unknown": why }),
        }
    }
}
