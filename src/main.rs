//! The program; see the library's documentation for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    vault_auth_validator::cli::main()
}
