//! The command line: one file per command, and the only place that prints.

mod ask;
mod bootstrap;
mod completions;
mod doctor;
mod explain;
mod healthcheck;
mod man;
mod names;
mod operator;
mod output;
mod password;
mod plan_output;
mod policies;
mod progress;
mod provenance;
mod secret_id_args;
mod secrets;
mod serve;
mod sources;
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
    Man(man::Man),
}

/// The exit code of a command that was used wrongly, as clap has it.
const USAGE: u8 = 2;

/// Runs the command that this process was started with.
#[must_use]
pub fn main() -> ExitCode {
    // It fails if there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    output::choose_form(std::env::args_os());
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return answer_to_usage(&error),
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
        Command::Man(man) => man.run(),
    })
}

/// Prints the help that was asked for, or what is wrong with the arguments. With
/// `--detailed-exitcode` 2 would say that there are changes.
fn answer_to_usage(error: &clap::Error) -> ExitCode {
    if error.exit_code() == 0 {
        output::report_if_lost(output::unless_unread(error.print()));
        return output::unless_lost(ExitCode::SUCCESS);
    }
    let text = error.render().to_string();
    complain(text.trim_start_matches("error: ").trim_end());
    let detailed = std::env::args_os().any(|argument| argument == "--detailed-exitcode");
    if detailed { ExitCode::FAILURE } else { ExitCode::from(USAGE) }
}

/// Says what went wrong.
fn complain(what: impl std::fmt::Display) {
    output::fail(&what.to_string());
}

/// Says what is wrong with how a command was used or with what it was to read, and returns the exit
/// code for that.
fn misused(what: impl std::fmt::Display) -> ExitCode {
    complain(what);
    ExitCode::from(USAGE)
}
