//! Expectations of the access that policies grant and deny.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Lint, LintFinding, PolicySet, PolicySource, Position, SyntaxError,
    error::{ParseError, Quoted},
    template::{GroupField, GroupKey, GroupSelector},
};
use crate::capabilities::{Capabilities, Capability};
use crate::suggestion::did_you_mean;

/// A caller in a file of expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCaller {
    /// The display name.
    pub name: String,
    /// The file that defines the caller.
    pub file: String,
    /// The policies of the token.
    pub policies: Vec<String>,
    /// The metadata of its entity. Without any, and without groups, the token has no entity.
    pub metadata: BTreeMap<String, String>,
    /// The groups that its entity is a member of, by name.
    pub groups: BTreeMap<String, TestGroup>,
    /// The expectations.
    pub expectations: Vec<Expectation>,
}

/// A group that a caller is a member of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestGroup {
    /// The id, for policies that name groups by id.
    pub id: Option<String>,
    /// The metadata.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl TestCaller {
    /// Returns the value of a template selector for this caller, if the file defines one.
    #[must_use]
    pub fn value(&self, selector: &str) -> Option<String> {
        if let Some(key) = selector.strip_prefix("identity.entity.metadata.") {
            return self.metadata.get(key).cloned();
        }
        let GroupSelector { group, field } = GroupSelector::parse(selector)?;
        let is_meant = |(name, one): &(&String, &TestGroup)| match group {
            GroupKey::Name(expected_access) => *name == expected_access,
            GroupKey::Id(expected_access) => one.id.as_deref() == Some(expected_access),
        };
        let (name, group) = self.groups.iter().find(is_meant)?;
        match field {
            GroupField::Id => group.id.clone(),
            GroupField::Name => Some(name.clone()),
            GroupField::Metadata(key) => group.metadata.get(key).cloned(),
        }
    }
}

/// The access that is expected on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The path as in a request.
    pub path: String,
    /// The expected access.
    pub expected: ExpectedAccess,
    /// The line in the file.
    pub line: usize,
}

/// The expected access on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedAccess {
    /// The capability is granted.
    May(Capability),
    /// The capability is not granted.
    MayNot(Capability),
    /// No capability is granted.
    Nothing,
}

impl ExpectedAccess {
    /// Returns whether the granted capabilities meet the expectation.
    #[must_use]
    pub fn is_met(self, granted: Capabilities) -> bool {
        match self {
            Self::May(capability) => granted.contains(capability),
            Self::MayNot(capability) => !granted.contains(capability),
            Self::Nothing => granted.denies(),
        }
    }

    /// Returns a description of the expectation.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::May(capability) => format!("may {capability}"),
            Self::MayNot(capability) => format!("may not {capability}"),
            Self::Nothing => "may do nothing".to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectationFile {
    caller: Vec<Spanned<CallerTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerTable {
    #[serde(rename = "who")]
    name: Spanned<String>,
    policies: Vec<Spanned<String>>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    groups: BTreeMap<String, TestGroup>,
    #[serde(default)]
    may: PathsByCapability,
    #[serde(default)]
    may_not: PathsByCapability,
}

/// Paths by capability.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PathsByCapability {
    create: Vec<Spanned<String>>,
    delete: Vec<Spanned<String>>,
    list: Vec<Spanned<String>>,
    patch: Vec<Spanned<String>>,
    read: Vec<Spanned<String>>,
    recover: Vec<Spanned<String>>,
    scan: Vec<Spanned<String>>,
    subscribe: Vec<Spanned<String>>,
    sudo: Vec<Spanned<String>>,
    update: Vec<Spanned<String>>,
    any: Vec<Spanned<String>>,
}

impl PathsByCapability {
    /// Returns each path with its capability, or without one for `any`.
    fn all(self) -> impl Iterator<Item = (Option<Capability>, Spanned<String>)> {
        let lists = [
            (Some(Capability::Create), self.create),
            (Some(Capability::Delete), self.delete),
            (Some(Capability::List), self.list),
            (Some(Capability::Patch), self.patch),
            (Some(Capability::Read), self.read),
            (Some(Capability::Recover), self.recover),
            (Some(Capability::Scan), self.scan),
            (Some(Capability::Subscribe), self.subscribe),
            (Some(Capability::Sudo), self.sudo),
            (Some(Capability::Update), self.update),
            (None, self.any),
        ];
        lists
            .into_iter()
            .flat_map(|(capability, paths)| paths.into_iter().map(move |path| (capability, path)))
    }
}

/// Reads a file of expectations about the policies of a set, or about Vault's `default`.
///
/// # Errors
/// Fails if the file is unreadable, is not TOML, has an unknown key, names a policy that is not in
/// the set, or has a path that no request can have.
pub fn read_expectations(
    source: &PolicySource,
    set: &PolicySet,
) -> Result<Vec<TestCaller>, Box<LintFinding>> {
    if let Some(error) = source.unreadable() {
        return Err(Box::new(LintFinding::error(source, Lint::Unreadable, &error)));
    }
    let parser = ExpectationParser { source, set };
    parser.parse().map_err(|error| {
        let error = error.with_remedy("no test of this file was run");
        let error = SyntaxError::new(&source.text, error);
        Box::new(LintFinding::error(source, Lint::Syntax, &error))
    })
}

struct ExpectationParser<'s> {
    source: &'s PolicySource,
    set: &'s PolicySet,
}

impl ExpectationParser<'_> {
    fn parse(&self) -> Result<Vec<TestCaller>, ParseError> {
        let file: ExpectationFile = toml::from_str(&self.source.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            ParseError::new(self.place(start), error.message())
        })?;
        file.caller.into_iter().map(|table| self.caller(table)).collect()
    }

    fn caller(&self, table: Spanned<CallerTable>) -> Result<TestCaller, ParseError> {
        let start = table.span().start;
        let CallerTable { name, policies, metadata, groups, may, may_not } = table.into_inner();
        let policies: Result<Vec<_>, _> =
            policies.into_iter().map(|name| self.policy(name)).collect();
        let policies = policies?;
        if policies.is_empty() {
            let at = self.place(name.span().start);
            return Err(ParseError::new(at, "the caller has no policies"));
        }
        let mut expectations = Vec::new();
        for (capability, path) in may.all() {
            let capability = capability.ok_or_else(|| {
                let message = "`any` is only supported in may_not: name the capabilities";
                ParseError::new(self.place(path.span().start), message)
            })?;
            expectations.push(self.expectation(path, ExpectedAccess::May(capability))?);
        }
        for (capability, path) in may_not.all() {
            let expected_access =
                capability.map_or(ExpectedAccess::Nothing, ExpectedAccess::MayNot);
            expectations.push(self.expectation(path, expected_access)?);
        }
        if expectations.is_empty() {
            let message = "the caller has no expectations: add may or may_not";
            return Err(ParseError::new(self.place(start), message));
        }
        expectations.sort_by_key(|expectation| expectation.line);
        let (name, file) = (name.into_inner(), self.source.file.clone());
        Ok(TestCaller { name, file, policies, metadata, groups, expectations })
    }

    fn policy(&self, name: Spanned<String>) -> Result<String, ParseError> {
        let at = self.place(name.span().start);
        let name = name.into_inner();
        if name == "default" || self.set.get(&name).is_some() {
            return Ok(name);
        }
        let known: Vec<&str> = self.set.iter().map(|(name, _)| name.as_str()).collect();
        let hint = match did_you_mean(&name, &known) {
            Some(suggestion) => format!("did you mean `{suggestion}`?"),
            None => format!("the policies are default, {}", known.join(", ")),
        };
        Err(ParseError::new(at, format!("unknown policy {}: {hint}", Quoted(&name))))
    }

    fn expectation(
        &self,
        path: Spanned<String>,
        expected_access: ExpectedAccess,
    ) -> Result<Expectation, ParseError> {
        let at = self.place(path.span().start);
        let path = path.into_inner();
        // Vault trims the paths in requests for capabilities.
        let is_trimmed = path.trim() == path;
        if path.is_empty()
            || !is_trimmed
            || path.starts_with('/')
            || path.contains(['*', '+', '{', '}'])
        {
            let expected =
                "a request path without wildcards, templates, or leading and trailing whitespace";
            return Err(ParseError::expected(at, expected, Quoted(&path)));
        }
        Ok(Expectation { path, expected: expected_access, line: at.line })
    }

    fn place(&self, offset: usize) -> Position {
        Position::of(&self.source.text, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::{ExpectedAccess, PolicySet, PolicySource, TestCaller, read_expectations};
    use crate::{capabilities::Capability, policy::Position};

    fn read(text: &str) -> Result<Vec<TestCaller>, Box<crate::policy::LintFinding>> {
        let policy = PolicySource::new("tenant.hcl", "path \"a\" {}");
        let (set, _) = PolicySet::read(vec![policy]);
        read_expectations(&PolicySource::new("tests/a.toml", text), &set)
    }

    const CALLER: &str = "[[caller]]\nwho = \"acme\"\npolicies = [\"tenant\", \"default\"]\n";

    #[test]
    fn expectations_have_line_numbers() {
        let text = format!(
            "{CALLER}metadata.tenant = \"acme\"\nmay_not.any = [\"c\"]\n\
             may.read = [\n  \"a\",\n  \"b\",\n]\nmay_not.read = [\"d\"]\n"
        );
        let callers = read(&text).unwrap();
        let [caller] = callers.as_slice() else { panic!("{callers:?}") };
        assert_eq!(caller.metadata["tenant"], "acme");
        let found: Vec<_> =
            caller.expectations.iter().map(|e| (e.line, e.expected, e.path.as_str())).collect();
        let expected = [
            (5, ExpectedAccess::Nothing, "c"),
            (7, ExpectedAccess::May(Capability::Read), "a"),
            (8, ExpectedAccess::May(Capability::Read), "b"),
            (10, ExpectedAccess::MayNot(Capability::Read), "d"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn caller_has_values_of_its_groups() {
        let groups = "groups.ops = { id = \"1f\", metadata.area = \"crm\" }\ngroups.all = {}\n";
        let callers = read(&format!("{CALLER}{groups}may.read = [\"a\"]")).unwrap();
        for (selector, value) in [
            ("identity.groups.names.ops.metadata.area", Some("crm")),
            ("identity.groups.names.ops.name", Some("ops")),
            ("identity.groups.names.ops.id", Some("1f")),
            ("identity.groups.ids.1f.name", Some("ops")),
            ("identity.groups.names.all.name", Some("all")),
            ("identity.groups.names.all.id", None),
            ("identity.groups.names.ops.metadata.team", None),
            ("identity.groups.names.dev.name", None),
            ("identity.groups.ids.ops.name", None),
            ("identity.groups.names.ops", None),
            ("identity.entity.metadata.tenant", None),
        ] {
            assert_eq!(callers[0].value(selector).as_deref(), value, "{selector}");
        }
    }

    #[test]
    fn invalid_expectations_have_positions() {
        for (text, line, column, words) in [
            ("caller = 1", 1, 10, "invalid type"),
            ("[[caller]]\nwho = \"a\"", 1, 1, "missing field `policies`"),
            ("[[caler]]", 1, 3, "unknown field `caler`"),
            (&format!("{CALLER}may.reed = [\"a\"]"), 4, 5, "unknown field `reed`"),
            (&format!("{CALLER}may.read = \"a\""), 4, 12, "invalid type"),
            (&format!("{CALLER}may.any = [\"a\"]"), 4, 12, "`any` is only supported in may_not"),
            (&format!("{CALLER}may.read = [\"a/*\"]"), 4, 13, "without wildcards"),
            (&format!("{CALLER}may.read = [\"/a\"]"), 4, 13, "a request path"),
            (&format!("{CALLER}may.read = [\"a \"]"), 4, 13, "trailing whitespace"),
            (&format!("{CALLER}groups.a.mail = \"x\"\nmay.read = [\"a\"]"), 4, 10, "unknown field"),
            (CALLER, 1, 1, "has no expectations"),
            ("[[caller]]\nwho = \"a\"\npolicies = []", 2, 7, "has no policies"),
            (&CALLER.replace("tenant", "tennant"), 3, 13, "did you mean `tenant`?"),
            (&format!("{CALLER}may.read = [\"a\""), 4, 16, ""),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.at, Position { line, column }, "{text}: {error}");
            assert!(error.message.contains(words), "{error:?}");
        }
    }
}
