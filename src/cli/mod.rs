//! The command line: one file per command, and the only place that prints.

mod ask;
mod bootstrap;
mod completions;
mod credentials;
mod doctor;
mod explain;
mod folder;
mod handover;
mod healthcheck;
mod operator;
mod output;
mod policies;
mod progress;
mod provenance;
mod secrets;
mod serve;
mod sources;
mod steps;
mod stop;
mod store;
mod tenants;
mod token;

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
    Bootstrap(bootstrap::Bootstrap),
    Tenants(tenants::Tenants),
    Policies(policies::Policies),
    Secrets(secrets::Secrets),
    Doctor(doctor::Doctor),
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
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return misused(&error),
    };
    output::unless_lost(match command {
        Command::Serve(serve) => serve.run(),
        Command::Explain(explain) => explain.run(),
        Command::Bootstrap(bootstrap) => bootstrap.run(),
        Command::Tenants(tenants) => tenants.run(),
        Command::Policies(policies) => policies.run(),
        Command::Secrets(secrets) => secrets.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Healthcheck(healthcheck) => healthcheck.run(),
        Command::Completions(completions) => completions.run(),
    })
}

/// Prints the help that was asked for, or what is wrong with the arguments. With
/// `--detailed-exitcode` 2 would say that there are changes.
fn misused(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let detailed = std::env::args_os().any(|argument| argument == "--detailed-exitcode");
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if detailed => ExitCode::FAILURE,
        _ => ExitCode::from(USAGE),
    }
}

/// Says what went wrong.
fn complain(what: impl std::fmt::Display) {
    output::note(&format!("vault-auth-validator: {what}\n"));
}
