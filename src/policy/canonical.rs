//! Compares policies by their canonical form.

use super::{
    HclItem, HclValue, Policy, Position, Rule, Spanned,
    fields::{integer, lifetime::RawDuration},
};
use crate::capabilities::Capabilities;

/// Keys that are compared in another field, or have no effect.
const IGNORED_KEYS: [&str; 4] = ["capabilities", "comment", "expiration", "policy"];

/// A rule in a form that does not depend on its position and notation.
#[derive(PartialEq)]
struct CanonicalRule<'p> {
    path: &'p str,
    capabilities: Capabilities,
    expiration: Option<i64>,
    attributes: Vec<HclItem>,
}

impl Policy {
    /// Returns whether both policies have the same effect. Layout, comments, the order of rules
    /// with different paths, and the notation of capabilities are ignored.
    #[must_use]
    pub fn is_equivalent_to(&self, other: &Self) -> bool {
        canonical_rules(self) == canonical_rules(other)
    }
}

fn canonical_rules(policy: &Policy) -> Vec<CanonicalRule<'_>> {
    let mut rules: Vec<_> = policy.rules().iter().map(canonical_rule).collect();
    rules.sort_by_key(|rule| rule.path);
    rules
}

fn canonical_rule(rule: &Rule) -> CanonicalRule<'_> {
    let path = &*rule.path().value;
    let all = rule.attributes();
    let compared = all.iter().filter(|item| !IGNORED_KEYS.contains(&item.key()));
    let mut attributes: Vec<HclItem> =
        compared.map(|item| without_spans(&with_decimal_numbers(all, item))).collect();
    attributes.sort_by(|one, other| one.key().cmp(other.key()));
    CanonicalRule {
        path: path.strip_prefix('/').unwrap_or(path),
        capabilities: rule.capabilities(),
        expiration: rule.expiration(),
        attributes,
    }
}

/// Returns the item with durations in nanoseconds and numbers in decimal. Repeated keys are left
/// unchanged, because the first occurrence determines how the others are parsed.
fn with_decimal_numbers(all: &[HclItem], item: &HclItem) -> HclItem {
    let number = match item.key() {
        key if all.iter().filter(|other| other.key() == key).count() > 1 => None,
        "min_wrapping_ttl" | "max_wrapping_ttl" | "ttl" => {
            let duration = RawDuration::read(std::slice::from_ref(item), item.key());
            duration.ok().flatten().and_then(|duration| duration.nanoseconds().ok())
        }
        "pagination_limit" => integer::read(&item.value).ok(),
        _ => None,
    };
    let value = match (number, &item.value.value) {
        (Some(number), _) => HclValue::Integer(number.to_string()),
        (None, HclValue::Block(items)) if item.key() == "control_group" => {
            HclValue::Block(items.iter().map(|item| with_decimal_numbers(items, item)).collect())
        }
        (None, other) => other.clone(),
    };
    HclItem { keys: item.keys.clone(), value: Spanned::new(value, item.value.at) }
}

/// Returns the item with all positions reset.
fn without_spans(item: &HclItem) -> HclItem {
    let keys = item.keys.iter().map(|key| Spanned::new(key.value.clone(), Position::START));
    HclItem { keys: keys.collect(), value: value_without_spans(&item.value) }
}

fn value_without_spans(value: &Spanned<HclValue>) -> Spanned<HclValue> {
    let bare = match &value.value {
        HclValue::List(values) => HclValue::List(values.iter().map(value_without_spans).collect()),
        HclValue::Block(items) => HclValue::Block(items.iter().map(without_spans).collect()),
        plain => plain.clone(),
    };
    Spanned::new(bare, Position::START)
}

#[cfg(test)]
mod tests {
    use super::Policy;

    fn same(one: &str, other: &str) -> bool {
        let parse = |text| Policy::parse(text).unwrap();
        parse(one).is_equivalent_to(&parse(other))
    }

    const POLICY: &str = "path \"a\" {\n  capabilities = [\"read\", \"list\"]\n  \
                          allowed_parameters = { b = [\"c\"] }\n}\npath \"d\" {}\n";

    #[test]
    fn layout_and_order_are_ignored() {
        for other in [
            "# note\npath \"d\" {} path \"/a\" { allowed_parameters = { b = [\"c\"] }
             policy = \"read\" comment = \"x\" }",
            r#"{"path": {"a": {"capabilities": ["list", "read", "read"],
                "allowed_parameters": {"b": ["c"]}}, "d": {"policy": ""}}}"#,
        ] {
            assert!(same(POLICY, other), "{other}");
        }
    }

    #[test]
    fn equal_durations_are_equivalent() {
        for (one, other) in [
            ("max_wrapping_ttl = \"90s\"", "max_wrapping_ttl = 90"),
            ("max_wrapping_ttl = \"24h\"", "max_wrapping_ttl = \"1d\""),
            ("min_wrapping_ttl = \"1h30m\"", "min_wrapping_ttl = 5400.0"),
            ("pagination_limit = 010", "pagination_limit = \"8\""),
            (
                "control_group = { ttl = \"1h\" factor \"a\" { identity { group_names = [\"b\"] \
                 approvals = 1 } } }",
                "control_group { ttl = 3600 factor \"a\" { identity { group_names = [\"b\"] \
                 approvals = 1 } } }",
            ),
        ] {
            let rule = |attribute: &str| format!("path \"a\" {{ policy = \"read\" {attribute} }}");
            assert!(same(&rule(one), &rule(other)), "{one} {other}");
            let changed = other.replace(['5', '8', '9', '1', '3'], "2");
            assert!(!same(&rule(one), &rule(&changed)), "{one} {changed}");
        }
        // After a string, a number is read as a string.
        let second = |ttl: &str| {
            let text = "path \"a\" { policy = \"read\" max_wrapping_ttl = \"90s\" ";
            format!("{text} max_wrapping_ttl = {ttl} }}")
        };
        assert!(!same(&second("010"), &second("8")));
        let parameter = |ttl: &str| {
            format!("path \"a\" {{ policy = \"read\" allowed_parameters = {{ ttl = [{ttl}] }} }}")
        };
        assert!(!same(&parameter("\"90s\""), &parameter("90")));
    }

    #[test]
    fn effective_changes_are_different() {
        for (from, to) in [
            ("\"list\"", "\"update\""),
            ("\"c\"", "\"d\""),
            ("b =", "e ="),
            ("path \"d\" {}", ""),
            ("path \"d\" {}", "path \"d/\" {}"),
            ("path \"d\" {}", "path \"d\" { max_wrapping_ttl = \"1h\" }"),
            ("path \"d\" {}", "path \"d\" { expiration = \"2030-01-01T00:00:00Z\" }"),
        ] {
            assert!(!same(POLICY, &POLICY.replace(from, to)), "{from} {to}");
        }
    }
}
