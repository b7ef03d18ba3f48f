//! Computes how many lookups the caches of several replicas cause at Vault, at sizes that cannot be measured on
//! one machine, and simulates restarts and the loss of the audit feed. Uses nothing but the standard library:
//! `make scale` compiles it by itself, within seconds.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    missing_docs,
    unreachable_pub,
    reason = "an example prints its results, and computes with approximate numbers; no crate imports it"
)]

mod cache;
mod options;
mod random;
mod report;
mod simulation;
mod steady;
mod tables;
#[cfg(test)]
mod tests;
mod vault;

use std::{env, process::ExitCode};

use options::{HELP, Options};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments) {
        Ok(options) => {
            tables::print(&options);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
