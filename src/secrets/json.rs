//! Strict parsing of secrets in JSON: unknown members, duplicates and other types are rejected, and
//! no message repeats a value.

mod node;

use std::{collections::BTreeSet, fmt, io};

use serde::Serialize;
use serde_json::error::Category;
use zeroize::Zeroizing;

use self::node::Node;
use crate::secrets::{SecretData, SecretKey, SecretPatch};

/// The error of parsing a request body with a secret. It repeats no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretBodyError {
    /// The body is not JSON in UTF-8 at this position.
    Syntax {
        /// The line, starting at 1.
        line: usize,
        /// The column, starting at 1.
        column: usize,
    },
    /// The body does not have the form `{"data":{…}}`.
    Shape,
    /// The body has a member other than `data`.
    UnknownMember,
    /// A member is duplicated: `data`, or this key.
    Repeated(String),
    /// The key at this position, starting at 1, is invalid. It is not repeated, because it may be a
    /// value that was entered there by mistake.
    Key(usize),
    /// The value of this key is not a string and, in a patch, not null.
    Value(SecretKey),
}

impl fmt::Display for SecretBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(f, "this is not JSON in UTF-8: line {line}, column {column}")
            }
            Self::Shape => f.write_str(r#"the body has to be an object: {"data":{"KEY":"value"}}"#),
            Self::UnknownMember => f.write_str("the body has a member other than `data`"),
            Self::Repeated(what) => write!(f, "`{what}` is duplicated"),
            Self::Key(place) => write!(f, "key {place} is not [A-Za-z_][A-Za-z0-9_]{{0,127}}"),
            Self::Value(key) => write!(f, "the value of `{key}` is not a string"),
        }
    }
}

impl std::error::Error for SecretBodyError {}

impl SecretData {
    /// Parses the body of a request: `{"data":{"KEY":"value"}}`.
    ///
    /// # Errors
    /// [`SecretBodyError`].
    pub fn from_body(body: &[u8]) -> Result<Self, SecretBodyError> {
        values(data(body)?, |node| match node {
            Node::Text(value) => Some(value),
            _ => None,
        })
    }

    /// Parses an object of keys and values, as [`SecretData::exposed`] serializes it.
    ///
    /// # Errors
    /// [`SecretBodyError`].
    pub fn from_json(json: &[u8]) -> Result<Self, SecretBodyError> {
        let members = parse(json)?.members()?;
        values(members, |node| match node {
            Node::Text(value) => Some(value),
            _ => None,
        })
    }
}

impl SecretPatch {
    /// Parses the body of a request: `{"data":{"KEY":"value","OTHER":null}}`.
    ///
    /// # Errors
    /// [`SecretBodyError`].
    pub fn from_body(body: &[u8]) -> Result<Self, SecretBodyError> {
        values(data(body)?, |node| match node {
            Node::Text(value) => Some(Some(value)),
            Node::Null => Some(None),
            _ => None,
        })
    }
}

/// Serializes a value to JSON in a buffer of the exact size, so that no reallocation leaves a copy.
/// The buffer is zeroized when it is dropped.
#[must_use]
pub fn to_zeroizing_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut length = CountingWriter(0);
    // Neither can fail: the writers accept everything, and all keys are strings.
    let _ = serde_json::to_writer(&mut length, value);
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    let _ = serde_json::to_writer(&mut *json, value);
    json
}

struct CountingWriter(usize);

impl io::Write for CountingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Node {
    fn members(self) -> Result<Vec<(String, Self)>, SecretBodyError> {
        match self {
            Self::Members(members) => Ok(members),
            _ => Err(SecretBodyError::Shape),
        }
    }
}

fn parse(json: &[u8]) -> Result<Node, SecretBodyError> {
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => SecretBodyError::Shape,
        _ => SecretBodyError::Syntax { line: error.line(), column: error.column() },
    })
}

/// Returns the members of `data`, which has to be the only member of the body.
fn data(body: &[u8]) -> Result<Vec<(String, Node)>, SecretBodyError> {
    let mut found = None;
    for (name, node) in parse(body)?.members()? {
        if name != "data" {
            return Err(SecretBodyError::UnknownMember);
        }
        if found.replace(node).is_some() {
            return Err(SecretBodyError::Repeated(name));
        }
    }
    found.ok_or(SecretBodyError::Shape)?.members()
}

/// Parses the keys, and converts each value by `read`.
fn values<V, M: FromIterator<(SecretKey, V)>>(
    members: Vec<(String, Node)>,
    read: impl Fn(Node) -> Option<V>,
) -> Result<M, SecretBodyError> {
    let mut seen = BTreeSet::new();
    let pair = |(place, (key, node)): (usize, (String, Node))| {
        let key = SecretKey::parse(&key).ok_or(SecretBodyError::Key(place + 1))?;
        if !seen.insert(key.clone()) {
            return Err(SecretBodyError::Repeated(key.to_string()));
        }
        let value = read(node).ok_or_else(|| SecretBodyError::Value(key.clone()))?;
        Ok((key, value))
    };
    members.into_iter().enumerate().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::{SecretBodyError, to_zeroizing_json};
    use crate::secrets::{SecretData, SecretKey, SecretPatch};

    fn put(body: &str) -> Result<String, SecretBodyError> {
        let data = SecretData::from_body(body.as_bytes())?;
        Ok(String::from_utf8(to_zeroizing_json(&data.exposed()).to_vec()).expect("UTF-8"))
    }

    #[test]
    fn body_has_strings_by_key() {
        assert_eq!(put(r#"{"data":{}}"#).as_deref(), Ok("{}"));
        let body = r#" {"data" : {"B":"two\nlines \u0000 \ud83d\ude00","A":""}} "#;
        assert_eq!(put(body).as_deref(), Ok(r#"{"A":"","B":"two\nlines \u0000 😀"}"#));
    }

    #[test]
    fn syntax_error_hides_body() {
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
            let error = put(body).expect_err("not JSON");
            assert!(matches!(error, SecretBodyError::Syntax { .. }), "{error:?} of {body}");
            assert!(!error.to_string().contains("plain"), "{error}");
        }
        let not_text = SecretData::from_body(b"{\"data\":{\"A\":\"\xff\"}}");
        assert!(matches!(not_text, Err(SecretBodyError::Syntax { .. })));
    }

    #[test]
    fn other_shapes_are_rejected() {
        let key = |key: &str| SecretKey::parse(key).expect("a key");
        for (body, expected) in [
            ("null", SecretBodyError::Shape),
            ("[]", SecretBodyError::Shape),
            ("{}", SecretBodyError::Shape),
            (r#"{"data":null}"#, SecretBodyError::Shape),
            (r#"{"data":["A"]}"#, SecretBodyError::Shape),
            (r#"{"data":{},"cas":1}"#, SecretBodyError::UnknownMember),
            (r#"{"data":{},"data":{}}"#, SecretBodyError::Repeated("data".to_owned())),
            (r#"{"data":{"A":"1","A":"2"}}"#, SecretBodyError::Repeated("A".to_owned())),
            (r#"{"data":{"A":"1","":"2"}}"#, SecretBodyError::Key(2)),
            (r#"{"data":{"12345-secret":"2"}}"#, SecretBodyError::Key(1)),
            (r#"{"data":{"A":12345}}"#, SecretBodyError::Value(key("A"))),
            (r#"{"data":{"A":-1}}"#, SecretBodyError::Value(key("A"))),
            (r#"{"data":{"A":12345.5}}"#, SecretBodyError::Value(key("A"))),
            (r#"{"data":{"A":true}}"#, SecretBodyError::Value(key("A"))),
            (r#"{"data":{"A":null}}"#, SecretBodyError::Value(key("A"))),
            (r#"{"data":{"A":["12345"]}}"#, SecretBodyError::Value(key("A"))),
            (r#"{"data":{"A":{"B":"12345"}}}"#, SecretBodyError::Value(key("A"))),
        ] {
            let error = put(body).expect_err(body);
            assert_eq!(error, expected, "{body}");
            assert!(!error.to_string().contains("12345"), "{error}");
        }
    }

    #[test]
    fn patch_accepts_null() {
        assert!(SecretPatch::from_body(br#"{"data":{"A":null,"B":"2"}}"#).is_ok());
        let number = SecretPatch::from_body(br#"{"data":{"A":null,"B":2}}"#);
        assert!(matches!(number, Err(SecretBodyError::Value(_))));
    }

    #[test]
    fn json_buffer_has_exact_size() {
        let json = to_zeroizing_json(&["a\n", "ü"]);
        assert_eq!((&**json, json.capacity()), ("[\"a\\n\",\"ü\"]".as_bytes(), json.len()));
    }
}
