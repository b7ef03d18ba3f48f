use std::io;

use crate::cli::output::prompt;

/// Asks for something on the terminal.
pub(super) fn ask(question: &str) -> Result<String, String> {
    prompt(question);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    Ok(answer.trim().to_owned())
}

/// Asks whether to go on.
pub(super) fn consents(question: &str) -> Result<bool, String> {
    Ok(ask(&format!("{question} Type yes"))? == "yes")
}
