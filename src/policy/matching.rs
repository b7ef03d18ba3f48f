use std::{collections::HashMap, sync::Arc};

use super::{
    Policy, Rule,
    pattern::{Pattern, Specificity},
    template::{Template, UnsafeTemplateValue},
};
use crate::capabilities::{Capabilities, Capability};

/// A rule that matches a path, and the policy that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleMatch<'p> {
    /// The index of the policy in the list of policies.
    pub policy: usize,
    /// The rule.
    pub rule: &'p Rule,
}

/// The access that a list of policies grants on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation<'p> {
    /// The granted capabilities.
    pub capabilities: Capabilities,
    /// The effective rules, which all have the same path. Rules with other paths have no effect.
    pub rules: Vec<RuleMatch<'p>>,
}

/// Returns the rule of one policy that is effective for a path, as [`evaluate`] selects it. Of
/// several with the same path it is the one that denies, or the first.
///
/// Returns `None` if no rule matches, or a template value is unsafe.
pub fn effective_rule<'p>(
    policy: &'p Policy,
    path: &str,
    template_value: &dyn Fn(&str) -> Option<String>,
) -> Option<&'p Rule> {
    let rules = evaluate(&[policy], path, template_value).ok()??.rules;
    let denies = |matched: &&RuleMatch<'p>| matched.rule.capabilities().contains(Capability::Deny);
    rules.iter().find(denies).or(rules.first()).map(|matched| matched.rule)
}

/// Evaluates a list of policies for a path, as `sys/capabilities` does. Returns `None` if no rule
/// matches, which denies access.
///
/// An exact path takes precedence over all others. Of the paths with wildcards, the one wins whose
/// first wildcard comes latest, then one that does not end in `*`, then the one with fewer `+`,
/// then the longest, then the last in byte order (`acl.go` in Vault and OpenBao). The capabilities
/// of all rules with this path are combined; one `deny` denies everything.
///
/// `template_value` returns the value of a selector such as `identity.entity.metadata.tenant`.
/// Rules without a value are skipped. Expired rules are not skipped: see [`Policy::unexpired`].
///
/// # Errors
/// Fails if a value would broaden a path.
pub fn evaluate<'p>(
    policies: &[&'p Policy],
    path: &str,
    template_value: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Evaluation<'p>>, UnsafeTemplateValue> {
    let groups = group_by_path(policies, template_value)?;
    let group = most_specific(&groups, path.trim_start_matches('/'));
    Ok(group.map(|group| Evaluation {
        capabilities: group
            .rules
            .iter()
            .fold(Capabilities::NONE, |set, matched| set | matched.rule.capabilities()),
        rules: group.rules.clone(),
    }))
}

/// Rules with the same path.
struct RuleGroup<'p> {
    pattern: Arc<Pattern>,
    rules: Vec<RuleMatch<'p>>,
}

fn group_by_path<'p>(
    policies: &[&'p Policy],
    template_value: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<RuleGroup<'p>>, UnsafeTemplateValue> {
    let mut groups: Vec<RuleGroup<'p>> = Vec::new();
    let mut indexes: HashMap<Arc<Pattern>, usize> = HashMap::new();
    // Rules that share their path share the template, which is rendered once.
    let mut before: Option<(&Arc<Template>, Option<usize>)> = None;
    let all = policies.iter().enumerate();
    for (policy, rule) in all.flat_map(|(policy, all)| all.rules().iter().map(move |r| (policy, r)))
    {
        let template = rule.template();
        let index = match before.filter(|(before, _)| Arc::ptr_eq(before, template)) {
            Some((_, index)) => index,
            None => template.try_render(template_value)?.map(|path| {
                let pattern = Arc::new(Pattern::new(&path));
                *indexes.entry(Arc::clone(&pattern)).or_insert_with(|| {
                    groups.push(RuleGroup { pattern, rules: Vec::new() });
                    groups.len() - 1
                })
            }),
        };
        before = Some((template, index));
        if let Some(group) = index.and_then(|index| groups.get_mut(index)) {
            group.rules.push(RuleMatch { policy, rule });
        }
    }
    Ok(groups)
}

/// Returns the group with the most specific matching path. `sys/capabilities` evaluates paths as
/// for LIST, so a trailing slash is optional. Among wildcards OpenBao (2.7) tries the path as
/// given first, HashiCorp Vault the one without the slash.
fn most_specific<'r, 'p>(groups: &'r [RuleGroup<'p>], path: &str) -> Option<&'r RuleGroup<'p>> {
    let bare = path.strip_suffix('/').unwrap_or(path);
    let by = |specificity: &dyn Fn(&'r Pattern) -> Option<Specificity<'r>>| {
        let ranked = groups.iter().filter_map(|group| Some((specificity(&group.pattern)?, group)));
        ranked.max_by(|one, other| one.0.cmp(&other.0)).map(|(_, group)| group)
    };
    by(&|pattern| pattern.exact(path))
        .or_else(|| by(&|pattern| pattern.exact(bare)))
        .or_else(|| by(&|pattern| pattern.specificity(path)))
        .or_else(|| by(&|pattern| pattern.specificity(bare)))
}

#[cfg(test)]
mod tests {
    use super::{UnsafeTemplateValue, effective_rule, evaluate};
    use crate::policy::Policy;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn acme(selector: &str) -> Option<String> {
        (selector == "identity.entity.metadata.tenant").then(|| "acme".to_owned())
    }

    /// Returns the effective path of a policy with one rule for each of these paths.
    fn speaks(paths: &[&str], request: &str) -> Option<String> {
        let rules: Vec<_> = paths.iter().map(|path| format!("path \"{path}\" {{}}")).collect();
        let policy = Policy::parse(&format!("{}\n", rules.join("\n"))).unwrap();
        effective_rule(&policy, request, &none).map(|rule| rule.path().value.to_string())
    }

    #[test]
    fn most_specific_path_wins() {
        for (paths, request, expected) in [
            // The examples of Vault's documentation on priority.
            (&["secret/*", "secret/a"][..], "secret/a", Some("secret/a")),
            (&["secret/*", "secret/a*"], "secret/ab", Some("secret/a*")),
            (&["foo/+", "foo/a*"], "foo/ab", Some("foo/a*")),
            (&["foo/bar/+/baz", "foo/+/bar/baz"], "foo/bar/bar/baz", Some("foo/bar/+/baz")),
            (&["foo/+/ba*", "foo/+/bar"], "foo/x/bar", Some("foo/+/bar")),
            (&["foo/*", "foo/+"], "foo/x", Some("foo/+")),
            (&["foo/+/+/baz", "foo/+/bar/+"], "foo/x/bar/baz", Some("foo/+/bar/+")),
            (&["foo/+/bar/b*", "foo/+/bar/ba*"], "foo/x/bar/baz", Some("foo/+/bar/ba*")),
            (&["+", "*"], "x", Some("+")),
            (&["a/+/*"], "a/b", None),
            (&["a/+/*"], "a/b/", Some("a/+/*")),
            (&["a/+/*"], "a/b/c/d", Some("a/+/*")),
            (&["a/+"], "a/b/c", None),
            (&["/a"], "/a", Some("/a")),
            (&["a*b"], "a*b", Some("a*b")),
            (&["a*b"], "axb", None),
            (&["a"], "a/", Some("a")),
            (&["a/"], "a", None),
            (&["a/+"], "a/b/", Some("a/+")),
            (&["a/+"], "a/b//", None),
            (&["a/+", "*"], "a/b/", Some("*")),
            (&[], "a", None),
        ] {
            assert_eq!(speaks(paths, request).as_deref(), expected, "{paths:?} {request}");
        }
    }

    #[test]
    fn template_without_value_is_skipped() {
        let text = r#"path "{{ identity.entity.metadata.tenant }}/*" { capabilities = ["read"] }
                      path "{{identity.entity.name}}/*" { capabilities = ["list"] }
                      path "*" { policy = "deny" }"#;
        let policy = Policy::parse(text).unwrap();
        let granted =
            |path| effective_rule(&policy, path, &acme).unwrap().capabilities().to_string();
        assert_eq!(granted("acme/x"), "read");
        assert_eq!(granted("globex/x"), "deny");
    }

    #[test]
    fn unsafe_template_value_is_an_error() {
        let policy = Policy::parse(r#"path "a/{{x}}/b" {}"#).unwrap();
        for value in ["a/b", "*", "+"] {
            let template_value = |_: &str| Some(value.to_owned());
            let error = UnsafeTemplateValue { selector: "x".to_owned(), value: value.to_owned() };
            assert_eq!(evaluate(&[&policy], "a/v/b", &template_value), Err(error));
            assert_eq!(effective_rule(&policy, "a/v/b", &template_value), None);
        }
    }

    #[test]
    fn policies_are_combined() {
        let one = Policy::parse(r#"path "a/*" { capabilities = ["read"] } path "*" {}"#).unwrap();
        let two = Policy::parse(r#"path "a/*" { capabilities = ["list"] }"#).unwrap();
        let deny = Policy::parse(r#"path "/a/*" { capabilities = ["deny"] }"#).unwrap();
        let names = |policies: &[&Policy]| {
            let evaluation = evaluate(policies, "a/b", &none).unwrap().unwrap();
            let who: Vec<_> = evaluation.rules.iter().map(|matched| matched.policy).collect();
            (evaluation.capabilities.to_string(), who)
        };
        assert_eq!(names(&[&one, &two]), ("list, read".to_owned(), vec![0, 1]));
        assert_eq!(names(&[&one, &two, &deny]), ("deny".to_owned(), vec![0, 1, 2]));
        assert_eq!(evaluate(&[&two], "b", &none), Ok(None));
    }

    #[test]
    fn deny_wins_within_a_policy() {
        let text = r#"path "a" { policy = "write" } path "a" { policy = "deny" }"#;
        let policy = Policy::parse(text).unwrap();
        assert_eq!(effective_rule(&policy, "a", &none).unwrap().capabilities().to_string(), "deny");
    }
}
