use std::{error::Error, fmt, sync::Arc};

use super::{
    Spanned,
    error::{ParseError, Quoted},
};

/// A path as a sequence of literal text and template selectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<TemplateSegment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplateSegment {
    Text(String),
    Selector(String),
}

impl Template {
    /// Parses a path. Fails on unbalanced `{{` and `}}`, whatever is between them, and on `+*`,
    /// which is not a valid path.
    pub(super) fn parse(path: &Spanned<Arc<str>>) -> Result<Self, ParseError> {
        if path.value.contains("+*") {
            return Err(ParseError::new(path.at, "`+*` is not a wildcard: write `+/*` or `*`"));
        }
        let mut parts = path.value.split("{{");
        let first = parts.next().unwrap_or_default();
        if first.contains("}}") {
            return Err(unbalanced(path));
        }
        let mut segments = vec![TemplateSegment::Text(first.to_owned())];
        for part in parts {
            match part.split_once("}}") {
                Some((selector, text)) if !text.contains("}}") => {
                    segments.push(TemplateSegment::Selector(selector.trim().to_owned()));
                    segments.push(TemplateSegment::Text(text.to_owned()));
                }
                _ => return Err(unbalanced(path)),
            }
        }
        Ok(Self(segments))
    }

    /// Returns the selectors, trimmed.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            TemplateSegment::Selector(selector) => Some(selector.as_str()),
            TemplateSegment::Text(_) => None,
        })
    }

    /// Renders the path with a value for every selector. The values must not contain `/`, `*` or
    /// `+`.
    pub(super) fn render(&self, value: impl Fn(&str) -> String) -> String {
        let segments = self.0.iter().map(|segment| match segment {
            TemplateSegment::Text(text) => text.clone(),
            TemplateSegment::Selector(selector) => value(selector),
        });
        segments.collect()
    }

    /// Renders the path. Returns `None` if a value is missing.
    pub(super) fn try_render(
        &self,
        template_value: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, UnsafeTemplateValue> {
        let mut path = String::new();
        for segment in &self.0 {
            match segment {
                TemplateSegment::Text(text) => path.push_str(text),
                TemplateSegment::Selector(selector) => {
                    let Some(value) = template_value(selector) else {
                        return Ok(None);
                    };
                    if value.contains(['/', '*', '+']) {
                        return Err(UnsafeTemplateValue { selector: selector.clone(), value });
                    }
                    path.push_str(&value);
                }
            }
        }
        Ok(Some(path))
    }
}

fn unbalanced(path: &Spanned<Arc<str>>) -> ParseError {
    let remedy = "write {{ and }} around each template, and neither elsewhere";
    ParseError::new(path.at, "unbalanced `{{` and `}}` in the path").with_remedy(remedy)
}

/// A value with `/`, `*` or `+`, which would broaden the path of a template.
///
/// OpenBao rejects every request of such a token with an error; HashiCorp Vault inserts the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsafeTemplateValue {
    /// The selector of the template, without braces.
    pub selector: String,
    /// The value.
    pub value: String,
}

impl fmt::Display for UnsafeTemplateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { selector, value } = self;
        write!(f, "{}, the value of {selector}, contains /, * or +", Quoted(value))
    }
}

impl Error for UnsafeTemplateValue {}

/// A selector of a group's field, for example `identity.groups.names.NAME.metadata.KEY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSelector<'s> {
    /// The key of the group.
    pub group: GroupKey<'s>,
    /// The field of the group.
    pub field: GroupField<'s>,
}

/// The key of a group in a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKey<'s> {
    /// The group's name, which contains no `.`.
    Name(&'s str),
    /// The group's id.
    Id(&'s str),
}

/// A field of a group in a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupField<'s> {
    /// The id.
    Id,
    /// Its name.
    Name,
    /// The value of this metadata key.
    Metadata(&'s str),
}

impl<'s> GroupSelector<'s> {
    /// Parses a selector. Returns `None` if it does not select a group, or Vault does not support
    /// it (`identitytpl/templating.go` of both servers).
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

#[cfg(test)]
mod tests {
    use super::{GroupField, GroupKey, GroupSelector};

    #[test]
    fn group_selectors_match_vault() {
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
}
