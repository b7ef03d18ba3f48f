//! Where the values come from that are put into a secret: never from the arguments, which every
//! user of a machine sees.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use clap::Args;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::secrets::{BodyError, Key, Patch, SecretData};

/// The largest value, and the largest secret, in bytes.
const MAX_INPUT: usize = 1024 * 1024;

/// Values, and where they are to be read.
pub(super) enum Input {
    /// Each of these keys is asked for on the terminal, or read from its file.
    Keys(Vec<(Key, Place)>),
    /// Standard input is the value of the key that has no file.
    OneValue(Vec<(Key, Place)>),
    /// Standard input is JSON with all of them.
    Json,
}

/// Where one value is.
pub(super) enum Place {
    /// On standard input, or typed.
    Asked,
    File(PathBuf),
}

/// How values are read.
#[derive(Args, Clone, Copy)]
pub(super) struct Reading {
    /// Keep a line break at the end of a value. Else it is dropped, as files and pipes have one for
    /// their own sake.
    #[arg(long)]
    exact: bool,
    /// Write a value even if it is empty, as that of a broken pipe or a truncated file is.
    #[arg(long)]
    allow_empty: bool,
}

/// The JSON that is read. It has the bare values, and not the document that the API takes.
const JSON_FORM: &str = r#"the values are an object of strings: {"KEY":"value"}"#;

impl Input {
    /// What these arguments ask for, besides taking these keys out. No error repeats one that may
    /// hold a value.
    pub(super) fn of(arguments: &[String], unset: &[Key]) -> Result<Self, String> {
        let keys: Vec<(Key, Place)> =
            arguments.iter().enumerate().map(assignment).collect::<Result<_, _>>()?;
        let asked = keys.iter().filter(|(_, place)| matches!(place, Place::Asked)).count();
        match (keys.len(), asked, io::stdin().is_terminal()) {
            (0, _, _) if !unset.is_empty() => Ok(Self::Keys(keys)),
            (0, _, true) => Err("name the keys that are to be asked for".to_owned()),
            (0, _, false) => Ok(Self::Json),
            (_, 0, _) | (_, _, true) => Ok(Self::Keys(keys)),
            (_, 1, false) => Ok(Self::OneValue(keys)),
            (_, _, false) => Err("standard input is one value: name one key, or none and let it \
                                  be JSON, as in {\"KEY\":\"value\"}"
                .to_owned()),
        }
    }

    /// Reads the values.
    pub(super) fn read(self, reading: Reading) -> Result<Patch, String> {
        let stdin = || read("standard input", io::stdin());
        match self {
            Self::Json => {
                let json = stdin()?;
                if json.is_empty() {
                    return Err("standard input is empty, and nothing was written".to_owned());
                }
                let data = SecretData::from_json(json.as_bytes()).map_err(|error| {
                    let error = match error {
                        BodyError::Shape => JSON_FORM.to_owned(),
                        error => error.to_string(),
                    };
                    format!("standard input: {error}; nothing was written")
                })?;
                Ok(data.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect())
            }
            Self::Keys(keys) => values(keys, reading, |key| {
                let typed = rpassword::prompt_password(format!("{key}: "));
                typed.map(Zeroizing::new).map_err(|error| error.to_string())
            }),
            Self::OneValue(keys) => values(keys, reading, |_| stdin()),
        }
    }
}

fn values(
    keys: Vec<(Key, Place)>,
    reading: Reading,
    mut ask: impl FnMut(&Key) -> Result<Zeroizing<String>, String>,
) -> Result<Patch, String> {
    let value = |(key, place): (Key, Place)| {
        let text = match place {
            Place::Asked => ask(&key)?,
            Place::File(path) => {
                // Not the path: somebody may have meant it for the value.
                let file = File::open(path)
                    .map_err(|error| format!("the file named for {key}: {error}"))?;
                read(&format!("the file named for {key}"), file)?
            }
        };
        let value = if reading.exact { &text } else { trimmed(&text) };
        if value.is_empty() && !reading.allow_empty {
            return Err(format!(
                "the value for {key} is empty, and nothing was written; --allow-empty writes it"
            ));
        }
        Ok((key, Some(SecretString::from(value))))
    };
    keys.into_iter().map(value).collect()
}

/// `KEY`, or `KEY=@FILE`.
fn assignment((place, argument): (usize, &String)) -> Result<(Key, Place), String> {
    let key = |text: &str| {
        let number = place + 1;
        Key::parse(text)
            .ok_or_else(|| format!("key {number} is not [A-Za-z_][A-Za-z0-9_]{{0,127}}"))
    };
    match argument.split_once('=') {
        None => Ok((key(argument)?, Place::Asked)),
        Some((name, file)) if file.len() > 1 && file.starts_with('@') => {
            Ok((key(name)?, Place::File(file[1..].into())))
        }
        Some(_) => Err("a value is never an argument, which every user of this machine can see: \
                        name the KEY alone and pipe or type the value, or name a file: \
                        KEY=@FILE. If that was a real one, change it"
            .to_owned()),
    }
}

/// All of it, up to a bound.
fn read(what: &str, source: impl Read) -> Result<Zeroizing<String>, String> {
    // Made to size, so that growing leaves nothing behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT + 1));
    let most = MAX_INPUT as u64 + 1;
    source.take(most).read_to_end(&mut bytes).map_err(|error| format!("{what}: {error}"))?;
    if bytes.len() > MAX_INPUT {
        return Err(format!("{what} is larger than 1 MiB"));
    }
    let text = str::from_utf8(&bytes)
        .map_err(|_| format!("{what} is no text in UTF-8; encode it, for example with base64"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Without one line break at its end: `\n` or `\r\n`. A carriage return alone is none.
fn trimmed(text: &str) -> &str {
    let Some(line) = text.strip_suffix('\n') else { return text };
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::{Place, assignment, trimmed};

    #[test]
    fn a_value_is_no_argument_and_is_not_repeated() {
        let parse = |argument: &str| assignment((0, &argument.to_owned()));
        assert!(matches!(parse("A"), Ok((_, Place::Asked))));
        assert!(matches!(parse("A=@a=b"), Ok((_, Place::File(path))) if path.as_os_str() == "a=b"));
        for argument in ["A=hunter2", "A=", "A=@", "=hunter2", "hunter-2", "A-B=@hunter2"] {
            let error = parse(argument).map(|_| ()).expect_err(argument);
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn one_line_break_at_the_end_is_dropped() {
        for (text, expected) in [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            ("a\r\r\n", "a\r"),
            ("a\n\r", "a\n\r"),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(trimmed(text), expected);
        }
    }
}
