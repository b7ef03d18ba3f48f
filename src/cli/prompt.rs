use std::io;

use crate::cli::output::print_prompt;

/// Reads a line from standard input after printing this question.
pub(super) fn prompt(question: &str) -> Result<String, String> {
    print_prompt(question);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    Ok(answer.trim().to_owned())
}

/// Asks for a confirmation. Returns true if the answer is `yes`.
pub(super) fn confirm(question: &str) -> Result<bool, String> {
    Ok(prompt(&format!("{question} Type yes"))? == "yes")
}
