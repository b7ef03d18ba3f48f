use std::fmt;

use crate::policy::error::Quoted;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    End,
    Word(String),
    Text(String),
    Heredoc(String),
    Integer(String),
    Float(String),
    Bool(bool),
    Null,
    BlockStart,
    BlockEnd,
    ListStart,
    ListEnd,
    Comma,
    Assign,
    Colon,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "the end of the text",
            Self::Text(_) => "a string",
            Self::Heredoc(_) => "a heredoc",
            Self::Word(text) | Self::Integer(text) | Self::Float(text) => {
                return Quoted(text).fmt(f);
            }
            Self::Bool(true) => "`true`",
            Self::Bool(false) => "`false`",
            Self::Null => "`null`",
            Self::BlockStart => "`{`",
            Self::BlockEnd => "`}`",
            Self::ListStart => "`[`",
            Self::ListEnd => "`]`",
            Self::Comma => "`,`",
            Self::Assign => "`=`",
            Self::Colon => "`:`",
        })
    }
}
