use std::collections::{BTreeSet, HashMap};

use crate::{
    policy::{Policy, Rule, evaluate},
    token::CallerIdentity,
    vault::ExplainReader,
};

/// A caller's policies, as far as they can be read, for tracing which rules decide on a path.
pub(super) struct PolicyTrace {
    policies: Vec<(String, Policy)>,
    unreadable: Vec<String>,
    template_values: HashMap<String, String>,
}

/// The rules of a caller's policies that decide on one path.
pub enum RuleTrace {
    /// These rules match the path.
    Matched(Vec<MatchedRule>),
    /// No rule matches the path, which denies access.
    NoMatch,
    /// The rules cannot be determined, for this reason.
    Unknown(String),
}

/// A policy rule that decides on a path.
pub struct MatchedRule {
    /// The name of the policy.
    pub policy: String,
    /// The line of the rule in the policy.
    pub line: usize,
    /// The path as written in the rule.
    pub path: String,
    /// The capabilities, comma-separated.
    pub capabilities: String,
}

impl PolicyTrace {
    /// Reads the policies of this caller from Vault, and the values of their templates.
    pub(super) async fn load(identity: &CallerIdentity, records: &ExplainReader<'_>) -> Self {
        let (mut policies, mut unreadable) = (Vec::new(), Vec::new());
        for name in identity.policies() {
            match records.policy(&name).await {
                Ok(Some(text)) => match Policy::parse(&text) {
                    Ok(policy) => policies.push((name.to_string(), policy)),
                    Err(error) => unreadable.push(format!("{name}, {}", error.message())),
                },
                Ok(None) => {}
                Err(error) => unreadable.push(format!("{name}, {error}")),
            }
        }
        let mut template_values = HashMap::new();
        if let Some(id) = identity.entity_id() {
            let rules = policies.iter().flat_map(|(_, policy): &(_, Policy)| policy.rules());
            let selectors: BTreeSet<&str> = rules.flat_map(Rule::selectors).collect();
            match records.entity_values(&id, &selectors).await {
                Ok(values) => template_values = values,
                Err(error) => {
                    unreadable.push(format!("the entity or one of its groups, {error}"));
                }
            }
        }
        Self { policies, unreadable, template_values }
    }

    /// Returns the rules that decide on this path.
    pub(super) fn trace(&self, path: &str) -> RuleTrace {
        if let Some(reason) = self.unreadable_reason() {
            return RuleTrace::Unknown(reason);
        }
        let policies: Vec<&Policy> = self.policies.iter().map(|(_, policy)| policy).collect();
        let fill = |selector: &str| self.template_values.get(selector).cloned();
        match evaluate(&policies, path, &fill) {
            Err(error) => RuleTrace::Unknown(error.to_string()),
            Ok(None) => RuleTrace::NoMatch,
            Ok(Some(evaluation)) => RuleTrace::Matched(
                evaluation
                    .rules
                    .iter()
                    .map(|source| MatchedRule {
                        policy: self.policies[source.policy].0.clone(),
                        line: source.rule.path().at.line,
                        path: source.rule.path().value.to_string(),
                        capabilities: source.rule.capabilities().names().join(", "),
                    })
                    .collect(),
            ),
        }
    }

    /// Returns what could not be read, and the access that is needed for it.
    fn unreadable_reason(&self) -> Option<String> {
        let first = self.unreadable.first()?;
        let others = match self.unreadable.len() - 1 {
            0 => String::new(),
            number => format!(" (and {number} more)"),
        };
        let needed = if first.starts_with("the entity") {
            "your token needs read on identity/entity/id/+, identity/group/id/+ and \
             identity/group/name/+"
        } else {
            "your token needs read on sys/policies/acl/+"
        };
        Some(format!("cannot read {first}{others}; {needed}"))
    }
}
