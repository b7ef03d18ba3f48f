use super::{
    super::{
        HclItem, HclValue, Position,
        error::{ParseError, Quoted},
    },
    duration, integer, items_with_key, unlabelled_value,
};

/// The type and value of a duration attribute.
#[derive(Clone, Debug, PartialEq)]
enum RawValueKind {
    Text(String),
    Integer(i64),
    Float(f64),
    Other,
}

/// A duration that is not parsed yet: Vault does not parse it in a rule with `deny`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) struct RawDuration {
    raw: RawValueKind,
    at: Position,
}

impl RawDuration {
    /// Reads the value of a key. If the key occurs several times, the first occurrence determines
    /// the type of the others.
    pub(in crate::policy) fn read(
        items: &[HclItem],
        key: &str,
    ) -> Result<Option<Self>, ParseError> {
        let mut last: Option<Self> = None;
        for item in items_with_key(items, key) {
            let value = unlabelled_value(item)?;
            let raw = match (last.map(|last| last.raw), &value.value) {
                (None | Some(RawValueKind::Text(_)), HclValue::Text(text))
                | (Some(RawValueKind::Text(_)), HclValue::Integer(text)) => {
                    RawValueKind::Text(text.clone())
                }
                (None, HclValue::Integer(_))
                | (Some(RawValueKind::Integer(_)), HclValue::Integer(_) | HclValue::Text(_)) => {
                    RawValueKind::Integer(integer::read(value)?)
                }
                (None, HclValue::Float(text))
                | (Some(RawValueKind::Float(_)), HclValue::Float(text) | HclValue::Integer(text)) => {
                    RawValueKind::Float(float(text, value.at)?)
                }
                (None, _) => RawValueKind::Other,
                (Some(_), found) => {
                    let expected = format!("the same type as in the first `{key}`");
                    return Err(ParseError::expected(value.at, &expected, found));
                }
            };
            last = Some(Self { raw, at: value.at });
        }
        Ok(last)
    }

    /// Returns its position.
    pub(in crate::policy) fn at(&self) -> Position {
        self.at
    }

    /// Returns the duration in nanoseconds.
    pub(in crate::policy) fn nanoseconds(&self) -> Result<i64, ParseError> {
        let nanoseconds = match &self.raw {
            RawValueKind::Text(text) => duration::parse(text),
            RawValueKind::Integer(seconds) => duration::scaled(*seconds, 1_000_000_000),
            RawValueKind::Float(seconds) => duration::seconds(*seconds),
            RawValueKind::Other => None,
        };
        let expected = "expected a duration of at most 292 years, such as 90, \"90s\" or \"1h30m\"";
        nanoseconds.ok_or_else(|| ParseError::new(self.at, expected))
    }
}

fn float(text: &str, at: Position) -> Result<f64, ParseError> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| ParseError::expected(at, "a finite number", Quoted(text)))
}
