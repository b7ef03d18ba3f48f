//! The input of `secrets set`: values are read from a prompt, standard input or files, never from
//! arguments, which every user of a machine can see.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use clap::Args;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::secrets::{SecretBodyError, SecretData, SecretKey, SecretPatch};

/// The maximum size of a value and of a whole secret, in bytes.
const MAX_INPUT_BYTES: usize = 1024 * 1024;

/// The sources of the values to write.
pub(super) enum ValueInput {
    /// Each of these keys has a file, or is prompted for on the terminal.
    Keys(Vec<(SecretKey, ValueSource)>),
    /// Standard input is the value of the key without a file.
    OneValue(Vec<(SecretKey, ValueSource)>),
    /// Standard input is a JSON object with all values.
    Json,
}

/// The source of one value.
pub(super) enum ValueSource {
    /// Standard input, or a hidden prompt if that is a terminal.
    Stdin,
    File(PathBuf),
}

/// The options for reading values.
#[derive(Args, Clone, Copy)]
pub(super) struct ReadOptions {
    /// Keep a line break at the end of a value. By default it is removed, since most files and
    /// pipes end in one.
    #[arg(long)]
    exact: bool,
    /// Allow empty values, which a broken pipe or a truncated file may cause.
    #[arg(long)]
    allow_empty: bool,
}

/// The description of the expected JSON: the bare values, not the document of the API.
const JSON_FORMAT: &str = r#"expected an object of strings: {"KEY":"value"}"#;

impl ValueInput {
    /// Parses the key arguments; `unset` are the keys to remove. No error repeats an argument that
    /// may hold a value.
    pub(super) fn parse(arguments: &[String], unset: &[SecretKey]) -> Result<Self, String> {
        let keys: Vec<(SecretKey, ValueSource)> =
            arguments.iter().enumerate().map(parse_assignment).collect::<Result<_, _>>()?;
        let from_stdin =
            keys.iter().filter(|(_, source)| matches!(source, ValueSource::Stdin)).count();
        match (keys.len(), from_stdin, io::stdin().is_terminal()) {
            (0, _, _) if !unset.is_empty() => Ok(Self::Keys(keys)),
            (0, _, true) => Err("no keys given: name the keys to set".to_owned()),
            (0, _, false) => Ok(Self::Json),
            (_, 0, _) | (_, _, true) => Ok(Self::Keys(keys)),
            (_, 1, false) => Ok(Self::OneValue(keys)),
            (_, _, false) => {
                Err("standard input is only one value: name one key, or none and pass \
                     JSON, such as {\"KEY\":\"value\"}"
                    .to_owned())
            }
        }
    }

    /// Reads the values into a patch.
    pub(super) fn read(self, options: ReadOptions) -> Result<SecretPatch, String> {
        let stdin = || read_bounded("standard input", io::stdin());
        match self {
            Self::Json => {
                let json = stdin()?;
                if json.is_empty() {
                    return Err("standard input is empty; nothing was written".to_owned());
                }
                let data = SecretData::from_json(json.as_bytes()).map_err(|error| {
                    let error = match error {
                        SecretBodyError::Shape => JSON_FORMAT.to_owned(),
                        error => error.to_string(),
                    };
                    format!("standard input: {error}; nothing was written")
                })?;
                Ok(data.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect())
            }
            Self::Keys(keys) => values(keys, options, |key| {
                let typed = rpassword::prompt_password(format!("{key}: "));
                typed.map(Zeroizing::new).map_err(|error| error.to_string())
            }),
            Self::OneValue(keys) => values(keys, options, |_| stdin()),
        }
    }
}

fn values(
    keys: Vec<(SecretKey, ValueSource)>,
    options: ReadOptions,
    mut prompt: impl FnMut(&SecretKey) -> Result<Zeroizing<String>, String>,
) -> Result<SecretPatch, String> {
    let value = |(key, source): (SecretKey, ValueSource)| {
        let text = match source {
            ValueSource::Stdin => prompt(&key)?,
            ValueSource::File(path) => {
                // Without the path, which may be a value by mistake.
                let file =
                    File::open(path).map_err(|error| format!("the file for {key}: {error}"))?;
                read_bounded(&format!("the file for {key}"), file)?
            }
        };
        let value = if options.exact { &text } else { without_final_newline(&text) };
        if value.is_empty() && !options.allow_empty {
            return Err(format!(
                "the value of {key} is empty; nothing was written. Use --allow-empty to write it"
            ));
        }
        Ok((key, Some(SecretString::from(value))))
    };
    keys.into_iter().map(value).collect()
}

/// Parses `KEY` or `KEY=@FILE`.
fn parse_assignment(
    (index, argument): (usize, &String),
) -> Result<(SecretKey, ValueSource), String> {
    let key = |text: &str| {
        let number = index + 1;
        SecretKey::parse(text)
            .ok_or_else(|| format!("key {number} does not match [A-Za-z_][A-Za-z0-9_]{{0,127}}"))
    };
    match argument.split_once('=') {
        None => Ok((key(argument)?, ValueSource::Stdin)),
        Some((name, file)) if file.len() > 1 && file.starts_with('@') => {
            Ok((key(name)?, ValueSource::File(file[1..].into())))
        }
        Some(_) => Err("a value cannot be an argument, which every user of this machine can see: \
                        name only the KEY and type or pipe the value, or use KEY=@FILE. If this \
                        was a real value, change it"
            .to_owned()),
    }
}

/// Reads all of the source, up to [`MAX_INPUT_BYTES`].
fn read_bounded(what: &str, source: impl Read) -> Result<Zeroizing<String>, String> {
    // Allocated once: a buffer that grows would leave copies of the value in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT_BYTES + 1));
    let limit = MAX_INPUT_BYTES as u64 + 1;
    source.take(limit).read_to_end(&mut bytes).map_err(|error| format!("{what}: {error}"))?;
    if bytes.len() > MAX_INPUT_BYTES {
        return Err(format!("{what} is larger than 1 MiB"));
    }
    let text = str::from_utf8(&bytes)
        .map_err(|_| format!("{what} is not valid UTF-8; encode it, for example with base64"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Returns the text without one line break at its end: `\n` or `\r\n`, but not `\r` alone.
fn without_final_newline(text: &str) -> &str {
    let Some(line) = text.strip_suffix('\n') else { return text };
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::{ValueSource, parse_assignment, without_final_newline};

    #[test]
    fn argument_with_value_is_rejected_silently() {
        let parse = |argument: &str| parse_assignment((0, &argument.to_owned()));
        assert!(matches!(parse("A"), Ok((_, ValueSource::Stdin))));
        assert!(
            matches!(parse("A=@a=b"), Ok((_, ValueSource::File(path))) if path.as_os_str() == "a=b")
        );
        for argument in ["A=hunter2", "A=", "A=@", "=hunter2", "hunter-2", "A-B=@hunter2"] {
            let error = parse(argument).map(|_| ()).expect_err(argument);
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn one_final_newline_is_removed() {
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
            assert_eq!(without_final_newline(text), expected);
        }
    }
}
