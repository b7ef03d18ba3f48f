use std::io::{self, IsTerminal, Read};

use zeroize::Zeroizing;

/// The maximum length of a line, in bytes: more than the headers of a request may have.
const MAX_LINE: usize = 64 * 1024;

/// Reads a caller's token, which is never an argument: the first line of standard input, or a prompt
/// without echo if that is a terminal.
///
/// # Errors
/// Those of reading.
pub(super) fn read_token() -> io::Result<Zeroizing<String>> {
    read_secret_line("Token: ")
}

/// Reads a line as [`read_token`] does, with this prompt.
///
/// # Errors
/// Those of reading.
pub(super) fn read_secret_line(prompt: &str) -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(Zeroizing::new);
    }
    read_first_line(io::stdin())
}

/// Returns the first line of a source, of which 64 KiB are read.
///
/// # Errors
/// Those of reading.
pub(super) fn read_first_line(source: impl Read) -> io::Result<Zeroizing<String>> {
    // Capacity for the whole text, so that no reallocation leaves a copy.
    let mut text = Zeroizing::new(String::with_capacity(MAX_LINE + 1));
    source.take(MAX_LINE as u64).read_to_string(&mut text)?;
    let end = text.find('\n').unwrap_or(text.len());
    text.truncate(end);
    Ok(text)
}
