//! Readers of environment files, each implemented from the documentation of its format.

use super::Pairs;

type ParseResult = Result<Pairs, String>;

/// `docker run --env-file`: blank lines and lines that begin with `#` are skipped, the text before
/// the first `=` is the name and the text after it the value.
pub(super) fn docker(text: &str) -> ParseResult {
    let mut pairs = Vec::new();
    for line in text.split('\n') {
        if line.len() >= 64 * 1024 {
            return Err("token too long".to_owned());
        }
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').ok_or("a variable without a value")?;
        if key.contains(char::is_whitespace) {
            return Err(format!("a blank in {key}"));
        }
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// `env_file` of Compose. A file's CRLF is read as LF. Unquoted values end at a comment, and are
/// interpolated; single-quoted ones are literal; in double-quoted ones the escapes `\n`, `\r`,
/// `\t`, `\\`, `\"` and `\$` are undone, and the rest is interpolated.
pub(super) fn compose(text: &str) -> ParseResult {
    let text = text.replace("\r\n", "\n");
    let mut rest = text.as_str();
    let mut pairs = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(pairs);
        }
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let (key, right) = rest.split_once('=').ok_or("no value")?;
        let right =
            right.trim_start_matches([' ', '\t', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{a0}']);
        let value;
        if let Some(quoted) = right.strip_prefix('"') {
            (value, rest) = compose_double_quoted(quoted)?;
        } else if let Some(quoted) = right.strip_prefix('\'') {
            let (inner, after) = quoted.split_once('\'').ok_or("unterminated")?;
            (value, rest) = (inner.to_owned(), after);
        } else {
            let (line, after) = right.split_once('\n').unwrap_or((right, ""));
            let line = line.split(" #").next().unwrap_or_default().trim_end();
            (value, rest) = (interpolated(line)?, after);
        }
        pairs.push((key.to_owned(), value));
    }
}

fn compose_double_quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '$' => return Err("interpolation".to_owned()),
            '\\' => match chars.next().ok_or("unterminated")?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('\\' | '"' | '$') => value.push(c),
                other => return Err(format!("\\{other} is not in the documentation")),
            },
            c => value.push(c),
        }
    }
    Err("unterminated".to_owned())
}

fn interpolated(text: &str) -> Result<String, String> {
    if text.contains('$') { Err("interpolation".to_owned()) } else { Ok(text.to_owned()) }
}

/// Returns true for the characters that `EnvironmentFile=` rejects: NUL, noncharacters, and the
/// byte order mark.
pub(super) fn is_rejected_by_systemd(c: char) -> bool {
    let code = c as u32;
    matches!(code, 0 | 0xfeff | 0xfdd0..=0xfdef) || matches!(code % 0x1_0000, 0xfffe | 0xffff)
}

/// `EnvironmentFile=` of systemd. Unquoted values are trimmed and a backslash keeps what follows
/// it; single-quoted ones are literal; in double-quoted ones a backslash keeps `"`, `\`, `` ` ``
/// and `$`, joins lines, and is otherwise literal. Lines that begin with `#` or `;` are skipped.
pub(super) fn systemd(text: &str) -> ParseResult {
    if text.chars().any(is_rejected_by_systemd) {
        return Err("no valid character".to_owned());
    }
    let mut rest = text;
    let mut pairs = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if rest.is_empty() {
            return Ok(pairs);
        }
        if rest.starts_with(['#', ';']) {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let (key, right) = rest.split_once('=').ok_or("no value")?;
        let value;
        if let Some(quoted) = right.strip_prefix('"') {
            (value, rest) = systemd_double_quoted(quoted)?;
            if !rest.starts_with('\n') {
                return Err("something follows the closing quote".to_owned());
            }
        } else {
            let (line, after) = right.split_once('\n').unwrap_or((right, ""));
            if line.contains(['\\', '\'', '"']) {
                return Err("the writer has no need of these without quotes".to_owned());
            }
            (value, rest) = (line.trim_matches([' ', '\t', '\r']).to_owned(), after);
        }
        pairs.push((key.to_owned(), value));
    }
}

fn systemd_double_quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next().ok_or("unterminated")?.1 {
                c @ ('"' | '\\' | '`' | '$') => value.push(c),
                '\n' => {}
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    Err("unterminated".to_owned())
}
