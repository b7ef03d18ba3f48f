use super::{
    super::{
        Item, Position, Value,
        error::{Fault, Quoted},
    },
    duration, integer, named, plain,
};

/// What stands under a key that takes a duration.
#[derive(Clone, Debug, PartialEq)]
enum Raw {
    Text(String),
    Integer(i64),
    Float(f64),
    Other,
}

/// A duration that has not been understood yet: under `deny`, Vault never tries.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) struct Lifetime {
    raw: Raw,
    at: Position,
}

impl Lifetime {
    /// What is under a key. The first of several gives the type that the others have to have.
    pub(in crate::policy) fn read(items: &[Item], key: &str) -> Result<Option<Self>, Fault> {
        let mut last: Option<Self> = None;
        for item in named(items, key) {
            let value = plain(item)?;
            let raw = match (last.map(|last| last.raw), &value.value) {
                (None | Some(Raw::Text(_)), Value::Text(text))
                | (Some(Raw::Text(_)), Value::Integer(text)) => Raw::Text(text.clone()),
                (None, Value::Integer(_))
                | (Some(Raw::Integer(_)), Value::Integer(_) | Value::Text(_)) => {
                    Raw::Integer(integer::read(value)?)
                }
                (None, Value::Float(text))
                | (Some(Raw::Float(_)), Value::Float(text) | Value::Integer(text)) => {
                    Raw::Float(float(text, value.at)?)
                }
                (None, _) => Raw::Other,
                (Some(_), found) => {
                    let expected = format!("the same type as in the first `{key}`");
                    return Err(Fault::expected(value.at, &expected, found));
                }
            };
            last = Some(Self { raw, at: value.at });
        }
        Ok(last)
    }

    /// Where it stands.
    pub(in crate::policy) fn at(&self) -> Position {
        self.at
    }

    /// Nanoseconds.
    pub(in crate::policy) fn nanoseconds(&self) -> Result<i64, Fault> {
        let nanoseconds = match &self.raw {
            Raw::Text(text) => duration::parse(text),
            Raw::Integer(seconds) => duration::scaled(*seconds, 1_000_000_000),
            Raw::Float(seconds) => duration::seconds(*seconds),
            Raw::Other => None,
        };
        let expected = "expected a duration of at most 292 years, such as 90, \"90s\" or \"1h30m\"";
        nanoseconds.ok_or_else(|| Fault::new(self.at, expected))
    }
}

fn float(text: &str, at: Position) -> Result<f64, Fault> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| Fault::expected(at, "a number that can be held", Quoted(text)))
}
