//! The command line: one file per command, and the only place that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where it prints")]

mod completions;
mod explain;
mod healthcheck;
mod operator;
mod output;
mod provenance;
mod serve;
mod sources;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Forward authentication for Caddy, nginx, Traefik and Envoy, with HashiCorp Vault or OpenBao as
/// the only authority.
#[derive(Parser)]
#[command(name = "vault-auth-validator", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Explain(explain::Explain),
    Healthcheck(healthcheck::Healthcheck),
    Completions(completions::Completions),
}

/// The exit code of a command that was used wrongly, as clap has it.
const USAGE: u8 = 2;

/// Runs the command that this process was started with.
#[must_use]
pub fn main() -> ExitCode {
    // It fails if there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Explain(explain) => explain.run(),
        Command::Healthcheck(healthcheck) => healthcheck.run(),
        Command::Completions(completions) => completions.run(),
    }
}

/// Says what went wrong.
fn complain(what: impl std::fmt::Display) {
    eprintln!("vault-auth-validator: {what}");
}
