//! The binary; see the documentation of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vault_auth_validator::cli::main()
}
