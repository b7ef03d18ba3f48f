use super::{
    HclItem, Spanned, SyntaxError,
    error::ParseError,
    fields::{check_keys, text},
    rule::Rule,
    syntax,
};

/// The maximum number of errors that are reported for one text.
const MAX_ERRORS: usize = 20;

/// One ACL policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: Option<Spanned<String>>,
    rules: Vec<Rule>,
}

impl Policy {
    /// Reads a policy in HCL 1 or JSON.
    ///
    /// # Errors
    /// Fails if OpenBao and HashiCorp Vault reject the text, or if OpenBao would accept it only by
    /// ignoring a part of it. An empty text is rejected; a text of only whitespace or comments is
    /// not. [`Rule::vault_only`] lists what OpenBao rejects and HashiCorp Vault accepts.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let (policy, errors) = Self::parse_in_part(text);
        errors.into_iter().next().map_or(Ok(policy), Err)
    }

    /// Parses the valid rules, and returns an error for each invalid one.
    #[must_use]
    pub fn parse_in_part(text: &str) -> (Self, Vec<SyntaxError>) {
        let (policy, errors) = match syntax::items(text) {
            Ok(items) => Self::read(items),
            Err(error) => (Self { name: None, rules: Vec::new() }, vec![error]),
        };
        let errors = errors.into_iter().take(MAX_ERRORS);
        (policy, errors.map(|error| SyntaxError::new(text, error)).collect())
    }

    /// Returns the value of the key `name`, if there is one. Vault ignores it: the policy has the
    /// name under which it is stored.
    pub fn name(&self) -> Option<&Spanned<String>> {
        self.name.as_ref()
    }

    /// Returns the rules in order, one for each `path` block. Several can have the same path.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the policy without the rules that have expired at `now`, in seconds since 1970 UTC.
    #[must_use]
    pub fn unexpired(mut self, now: i64) -> Self {
        self.rules.retain(|rule| rule.expiration().is_none_or(|expiration| now <= expiration));
        self
    }

    fn read(items: Vec<HclItem>) -> (Self, Vec<ParseError>) {
        let unknown =
            |item: &HclItem| check_keys(std::slice::from_ref(item), &["path", "name"]).err();
        let mut errors: Vec<ParseError> = items.iter().filter_map(unknown).collect();
        let name = text::string(&items, "name").unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let mut rules = Vec::new();
        for item in items.into_iter().filter(|item| item.key() == "path") {
            match Rule::read(item, rules.last()) {
                Ok(rule) => rules.push(rule),
                Err(error) => errors.push(error),
            }
        }
        (Self { name, rules }, errors)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Policy, SyntaxError};
    use crate::{
        capabilities::Capability::{Deny, List, Read, Update},
        policy::{Position, evaluate},
    };

    proptest! {
        #[test]
        fn arbitrary_input_does_not_panic(
            text in r#"((path "|[{}\[\]=,:"\\\n+*/<.$-]|<<|a|0|é|e| |\PC){0,12}){0,12}"#,
            path in "[a/+*]{0,8}",
        ) {
            match Policy::parse(&text) {
                Ok(policy) => drop(evaluate(&[&policy], &path, &|_| Some(path.clone()))),
                Err(error) => prop_assert!(error.to_string().contains('^')),
            }
        }
    }

    fn parse(text: &str) -> Policy {
        Policy::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(text: &str) -> SyntaxError {
        Policy::parse(text).expect_err("no policy")
    }

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn positions_are_in_characters() {
        let policy = parse(
            "path \"ä\" {}\r\n/* ä */ path \"b\"\r\n{ capabilities = [\"read\",\n\"list\"] }",
        );
        let rule = &policy.rules()[1];
        assert_eq!((&*rule.path().value, rule.path().at), ("b", at(2, 14)));
        assert_eq!(rule.attributes()[0].at(), at(3, 3));
        let declared: Vec<_> = rule.declared().iter().map(|one| (one.value, one.at)).collect();
        assert_eq!(declared, [(Read, at(3, 19)), (List, at(4, 1))]);
    }

    #[test]
    fn duplicates_are_kept() {
        let policy = parse(
            r#"path "a" { capabilities = ["read"] capabilities = ["update"] }
            path "a" { capabilities = ["deny"] }"#,
        );
        let [first, second] = policy.rules() else { panic!("two rules") };
        assert_eq!(first.attributes().len(), 2);
        assert_eq!(first.capabilities(), [Read, Update].into_iter().collect());
        assert_eq!(second.capabilities(), [Deny].into_iter().collect());
    }

    #[test]
    fn legacy_policy_adds_capabilities() {
        let policy = parse(r#"path "a" { policy = "read" capabilities = ["update"] }"#);
        let rule = &policy.rules()[0];
        assert_eq!(rule.capabilities(), [Read, List, Update].into_iter().collect());
        assert_eq!(rule.legacy().unwrap().value, "read");
        assert_eq!(rule.declared().len(), 1);
    }

    #[test]
    fn typo_is_shown_at_its_position() {
        let error = refused("path \"a\" {\n  capabilites = [\"read\"]\n}\n");
        let shown = "2:3: unknown key `capabilites`: did you mean `capabilities`?\n  |\n\
                     2 |   capabilites = [\"read\"]\n  |   ^";
        assert_eq!(error.to_string(), shown);
        assert_eq!(error.position(), at(2, 3));
        let error = refused(r#"path "a" { capabilities = ["reed"] }"#);
        assert!(error.message().ends_with("found `reed`"), "{error}");
        assert_eq!(error.position(), at(1, 28));
    }

    #[test]
    fn json_with_labels_shows_ignored_ones() {
        let policy = parse(r#"{"path": {"a": {"foo": {}}}}"#);
        let rule = &policy.rules()[0];
        assert_eq!(&*rule.path().value, "a");
        assert_eq!(&*rule.ignored_labels()[0].value, "foo");
        assert_eq!(rule.ignored_labels()[0].at, at(1, 17));
    }

    #[test]
    fn expired_rules_can_be_removed() {
        let text = r#"path "a" { expiration = "2030-01-01T00:00:00Z" } path "b" {}"#;
        let before = parse(text).unexpired(1_893_456_000);
        let after = parse(text).unexpired(1_893_456_001);
        assert_eq!((before.rules().len(), after.rules().len()), (2, 1));
    }

    #[test]
    fn large_and_deep_texts_parse_fast() {
        let size = 1 << 20;
        let long = "a".repeat(size);
        for text in [
            "[".repeat(size),
            "{\"a\":".repeat(size / 5),
            format!("path a {{ comment = {}", "[".repeat(size)),
            format!("path a {}", "{ a ".repeat(size / 4)),
            format!("{{\"path\":{{\"{long}\":{{{}}}}}}}", "\"a\":{},".repeat(size / 7)),
            format!("path \"{long}\" {{ {long} = 1 }}"),
            format!("path a {{ comment = <<{long}"),
            format!("path a {{ comment = <<E\n{}", "E \n".repeat(size / 3)),
            format!("path \"{}\" {{}}", "{{a}}".repeat(size / 5)),
            format!("path \"{}\" {{}}", "${a}".repeat(size / 4)),
            format!("path {}", "a ".repeat(size / 2)),
            format!("path a {{ min_wrapping_ttl = \"{}\" }}", "1h".repeat(size / 2)),
            format!("path a {{ min_wrapping_ttl = {} }}", "9".repeat(size)),
            "path a {}\n".repeat(size / 10),
            "/*".repeat(size / 2),
            "\n".repeat(size) + "\"",
        ] {
            let start = Instant::now();
            let parse_source = Policy::parse(&text);
            // Most take milliseconds; quadratic time would be minutes.
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", text.get(..40));
            if let Err(error) = parse_source {
                assert!(error.to_string().len() < 2000, "{}", error.message().len());
            }
        }
    }
}
