use std::io::{self, IsTerminal, Read};

use zeroize::Zeroizing;

/// Reads a caller's token, which is never an argument: the first line of standard input, or a prompt
/// without echo if that is a terminal.
///
/// # Errors
/// Those of reading.
pub(super) fn read_token() -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("Token: ").map(Zeroizing::new);
    }
    read_first_line(io::stdin())
}

/// Returns the first line of a source, of which 8 KiB are read.
///
/// # Errors
/// Those of reading.
pub(super) fn read_first_line(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source.take(8192).read_to_string(&mut text)?;
    let end = text.find('\n').unwrap_or(text.len());
    text.truncate(end);
    Ok(text)
}
