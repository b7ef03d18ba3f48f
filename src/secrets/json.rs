//! Secrets in JSON, read strictly: what is left over, said twice, or of another type is refused,
//! and no message repeats a value.

mod node;

use std::{collections::BTreeSet, fmt, io};

use serde::Serialize;
use serde_json::error::Category;
use zeroize::Zeroizing;

use self::node::Node;
use crate::secrets::{Key, Patch, SecretData};

/// Why a text does not tell what a secret is to hold. It repeats no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is no JSON, from this line and column on.
    Syntax {
        /// The line, from 1 on.
        line: usize,
        /// The column, from 1 on.
        column: usize,
    },
    /// It is not of the form `{"data":{…}}`.
    Shape,
    /// It has another member than `data`.
    UnknownMember,
    /// A member is there twice: `data`, or this key.
    Repeated(String),
    /// The key in this place, from 1 on, is none. It may be a value that came there by mistake.
    Key(usize),
    /// The value of this key is no string; in a patch, it is not null either.
    Value(Key),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(f, "this is no JSON in UTF-8: line {line}, column {column}")
            }
            Self::Shape => f.write_str(r#"the body is an object: {"data":{"KEY":"value"}}"#),
            Self::UnknownMember => f.write_str("the body has a member besides `data`"),
            Self::Repeated(what) => write!(f, "`{what}` is there twice"),
            Self::Key(place) => write!(f, "key {place} is not [A-Za-z_][A-Za-z0-9_]{{0,127}}"),
            Self::Value(key) => write!(f, "the value of `{key}` is no string"),
        }
    }
}

impl std::error::Error for BodyError {}

impl SecretData {
    /// From the body of a request: `{"data":{"KEY":"value"}}`.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn from_body(body: &[u8]) -> Result<Self, BodyError> {
        values(data(body)?, |node| match node {
            Node::Text(value) => Some(value),
            _ => None,
        })
    }

    /// From the bare object that [`SecretData::exposed`] makes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn from_json(json: &[u8]) -> Result<Self, BodyError> {
        let members = parse(json)?.members()?;
        values(members, |node| match node {
            Node::Text(value) => Some(value),
            _ => None,
        })
    }
}

impl Patch {
    /// From the body of a request: `{"data":{"KEY":"value","OTHER":null}}`.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn from_body(body: &[u8]) -> Result<Self, BodyError> {
        values(data(body)?, |node| match node {
            Node::Text(value) => Some(Some(value)),
            Node::Null => Some(None),
            _ => None,
        })
    }
}

/// This as JSON, in a buffer that is made to size, so that growing leaves nothing behind, and is
/// wiped.
#[must_use]
pub fn to_wiped_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    // Neither can fail: the writers take everything, and all keys are strings.
    let _ = serde_json::to_writer(&mut length, value);
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    let _ = serde_json::to_writer(&mut *json, value);
    json
}

struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Node {
    fn members(self) -> Result<Vec<(String, Self)>, BodyError> {
        match self {
            Self::Members(members) => Ok(members),
            _ => Err(BodyError::Shape),
        }
    }
}

fn parse(json: &[u8]) -> Result<Node, BodyError> {
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => BodyError::Shape,
        _ => BodyError::Syntax { line: error.line(), column: error.column() },
    })
}

/// The members of `data`, which has to be all that there is.
fn data(body: &[u8]) -> Result<Vec<(String, Node)>, BodyError> {
    let mut found = None;
    for (name, node) in parse(body)?.members()? {
        if name != "data" {
            return Err(BodyError::UnknownMember);
        }
        if found.replace(node).is_some() {
            return Err(BodyError::Repeated(name));
        }
    }
    found.ok_or(BodyError::Shape)?.members()
}

/// Each key with what `read` makes of its value.
fn values<V, M: FromIterator<(Key, V)>>(
    members: Vec<(String, Node)>,
    read: impl Fn(Node) -> Option<V>,
) -> Result<M, BodyError> {
    let mut seen = BTreeSet::new();
    let pair = |(place, (key, node)): (usize, (String, Node))| {
        let key = Key::parse(&key).ok_or(BodyError::Key(place + 1))?;
        if !seen.insert(key.clone()) {
            return Err(BodyError::Repeated(key.to_string()));
        }
        let value = read(node).ok_or_else(|| BodyError::Value(key.clone()))?;
        Ok((key, value))
    };
    members.into_iter().enumerate().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::{BodyError, to_wiped_json};
    use crate::secrets::{Key, Patch, SecretData};

    fn put(body: &str) -> Result<String, BodyError> {
        let data = SecretData::from_body(body.as_bytes())?;
        Ok(String::from_utf8(to_wiped_json(&data.exposed()).to_vec()).expect("UTF-8"))
    }

    #[test]
    fn a_body_holds_strings_by_their_keys() {
        assert_eq!(put(r#"{"data":{}}"#).as_deref(), Ok("{}"));
        let body = r#" {"data" : {"B":"two\nlines \u0000 \ud83d\ude00","A":""}} "#;
        assert_eq!(put(body).as_deref(), Ok(r#"{"A":"","B":"two\nlines \u0000 😀"}"#));
    }

    #[test]
    fn what_is_not_json_is_told_by_its_place_alone() {
        let deep = format!(r#"{{"data":{}"#, r#"{"A":"#.repeat(200));
        let deep_list = format!(r#"{{"data":{{"A":{}"#, "[".repeat(200));
        for body in [
            "",
            "{",
            "plain",
            r#"{"data":{"A":"plain}}"#,
            r#"{"data":{}}x"#,
            r#"{"data":{"A":1e999}}"#,
            r#"{"data":{"A":"\ud800"}}"#,
            &deep,
            &deep_list,
        ] {
            let error = put(body).expect_err("no JSON");
            assert!(matches!(error, BodyError::Syntax { .. }), "{error:?} of {body}");
            assert!(!error.to_string().contains("plain"), "{error}");
        }
        let not_text = SecretData::from_body(b"{\"data\":{\"A\":\"\xff\"}}");
        assert!(matches!(not_text, Err(BodyError::Syntax { .. })));
    }

    #[test]
    fn what_is_of_another_form_is_refused_and_not_repeated() {
        let key = |key: &str| Key::parse(key).expect("a key");
        for (body, expected) in [
            ("null", BodyError::Shape),
            ("[]", BodyError::Shape),
            ("{}", BodyError::Shape),
            (r#"{"data":null}"#, BodyError::Shape),
            (r#"{"data":["A"]}"#, BodyError::Shape),
            (r#"{"data":{},"cas":1}"#, BodyError::UnknownMember),
            (r#"{"data":{},"data":{}}"#, BodyError::Repeated("data".to_owned())),
            (r#"{"data":{"A":"1","A":"2"}}"#, BodyError::Repeated("A".to_owned())),
            (r#"{"data":{"A":"1","":"2"}}"#, BodyError::Key(2)),
            (r#"{"data":{"12345-secret":"2"}}"#, BodyError::Key(1)),
            (r#"{"data":{"A":12345}}"#, BodyError::Value(key("A"))),
            (r#"{"data":{"A":-1}}"#, BodyError::Value(key("A"))),
            (r#"{"data":{"A":12345.5}}"#, BodyError::Value(key("A"))),
            (r#"{"data":{"A":true}}"#, BodyError::Value(key("A"))),
            (r#"{"data":{"A":null}}"#, BodyError::Value(key("A"))),
            (r#"{"data":{"A":["12345"]}}"#, BodyError::Value(key("A"))),
            (r#"{"data":{"A":{"B":"12345"}}}"#, BodyError::Value(key("A"))),
        ] {
            let error = put(body).expect_err(body);
            assert_eq!(error, expected, "{body}");
            assert!(!error.to_string().contains("12345"), "{error}");
        }
    }

    #[test]
    fn a_patch_may_have_nulls() {
        assert!(Patch::from_body(br#"{"data":{"A":null,"B":"2"}}"#).is_ok());
        let number = Patch::from_body(br#"{"data":{"A":null,"B":2}}"#);
        assert!(matches!(number, Err(BodyError::Value(_))));
    }

    #[test]
    fn json_is_made_to_size() {
        let json = to_wiped_json(&["a\n", "ü"]);
        assert_eq!((&**json, json.capacity()), ("[\"a\\n\",\"ü\"]".as_bytes(), json.len()));
    }
}
