use std::sync::Arc;

use super::{At, Policy, Rule, error::Fault, matching::ForbiddenValue};

/// A path in pieces: text, and what an identity has to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Selector(String),
}

impl Template {
    /// Refuses `{{` without `}}` and the other way round; any text may stand between them. `+*`
    /// is no path either.
    pub(super) fn parse(path: &At<Arc<str>>) -> Result<Self, Fault> {
        if path.value.contains("+*") {
            return Err(Fault::new(path.at, "`+*` is no wildcard: write `+/*`, or `*` alone"));
        }
        let mut parts = path.value.split("{{");
        let first = parts.next().unwrap_or_default();
        if first.contains("}}") {
            return Err(unbalanced(path));
        }
        let mut pieces = vec![Piece::Text(first.to_owned())];
        for part in parts {
            match part.split_once("}}") {
                Some((selector, text)) if !text.contains("}}") => {
                    pieces.push(Piece::Selector(selector.trim().to_owned()));
                    pieces.push(Piece::Text(text.to_owned()));
                }
                _ => return Err(unbalanced(path)),
            }
        }
        Ok(Self(pieces))
    }

    /// What stands between the braces, without blanks around it.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Selector(selector) => Some(selector.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The path with a value for every selector, none of which may widen it.
    pub(super) fn filled(&self, value: impl Fn(&str) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Selector(selector) => value(selector),
        });
        pieces.collect()
    }

    /// The path, filled in. `None` when a value is missing.
    pub(super) fn fill(
        &self,
        fill: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, ForbiddenValue> {
        let mut path = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Selector(selector) => {
                    let Some(value) = fill(selector) else {
                        return Ok(None);
                    };
                    if value.contains(['/', '*', '+']) {
                        return Err(ForbiddenValue { selector: selector.clone(), value });
                    }
                    path.push_str(&value);
                }
            }
        }
        Ok(Some(path))
    }
}

fn unbalanced(path: &At<Arc<str>>) -> Fault {
    let remedy = "write {{ and }} around each template, and neither elsewhere";
    Fault::new(path.at, "expected a `}}` for every `{{` in the path, and no other")
        .with_remedy(remedy)
}

/// A template that is filled from a group: `identity.groups.names.NAME.metadata.KEY`, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSelector<'s> {
    /// The group.
    pub group: GroupKey<'s>,
    /// What of it.
    pub field: GroupField<'s>,
}

/// The ways to name a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKey<'s> {
    /// By its name, which has no `.` in it.
    Name(&'s str),
    /// By its id.
    Id(&'s str),
}

/// What of a group can fill a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupField<'s> {
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// The value of this key of its metadata.
    Metadata(&'s str),
}

impl<'s> GroupSelector<'s> {
    /// Reads what stands between the braces; `None` if it is about something else, or Vault would
    /// never fill it (`identitytpl/templating.go` of both servers).
    #[must_use]
    pub fn parse(selector: &'s str) -> Option<Self> {
        let (kind, rest) = selector.strip_prefix("identity.groups.")?.split_once('.')?;
        let (key, field) = rest.split_once('.')?;
        let group = match kind {
            "names" => GroupKey::Name(key),
            "ids" => GroupKey::Id(key),
            _ => return None,
        };
        let field = match field {
            "id" => GroupField::Id,
            "name" => GroupField::Name,
            _ => GroupField::Metadata(field.strip_prefix("metadata.")?),
        };
        Some(Self { group, field })
    }
}

/// The text of a policy with other templates in its paths, for those that `replace` has another
/// for.
///
/// # Errors
/// The first template that could not be replaced, since it is written with escapes.
pub fn with_templates(
    text: &str,
    replace: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut parts = text.split("{{");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let other = part
            .split_once("}}")
            .and_then(|(selector, rest)| Some((replace(selector.trim())?, rest)));
        match other {
            Some((selector, rest)) => replaced.extend(["{{", &selector, "}}", rest]),
            None => replaced.extend(["{{", part]),
        }
    }
    let (policy, _) = Policy::parse_in_part(&replaced);
    let mut left = policy.rules().iter().flat_map(Rule::selectors);
    let left = left.find(|selector| replace(selector).is_some()).map(str::to_owned);
    left.map_or(Ok(replaced), Err)
}

#[cfg(test)]
mod tests {
    use super::{GroupField, GroupKey, GroupSelector, with_templates};

    #[test]
    fn a_selector_of_a_group_is_read_as_vault_reads_it() {
        let (group, field) = (GroupKey::Name("a b"), GroupField::Metadata("c.d"));
        let selector = "identity.groups.names.a b.metadata.c.d";
        assert_eq!(GroupSelector::parse(selector), Some(GroupSelector { group, field }));
        for selector in [
            "identity.groups.names.a.b.id",
            "identity.groups.names.a",
            "identity.groups.names.a.metadata",
            "identity.groups.other.a.id",
            "identity.entity.name",
        ] {
            assert_eq!(GroupSelector::parse(selector), None, "{selector}");
        }
    }

    #[test]
    fn templates_are_replaced_and_nothing_else() {
        let replace = |selector: &str| (selector == "a").then(|| "b".to_owned());
        let rule = |path: &str| format!("# a {{{{a\npath \"{path}\" {{ policy = \"read\" }}\n");
        let replaced = with_templates(&rule("x/{{ a }}/{{c}}/{{a}}"), &replace);
        assert_eq!(replaced, Ok(rule("x/{{b}}/{{c}}/{{b}}")));
        assert_eq!(with_templates(&rule("a/{{aa}}/}}"), &replace), Ok(rule("a/{{aa}}/}}")));
        assert_eq!(with_templates(&rule("{{\\u0061}}"), &replace), Err("a".to_owned()));
    }
}
