//! The command line: one file per command. Only this module prints.

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
mod prompt;
mod secret_client;
mod secret_id_args;
mod secrets;
mod serve;
mod signals;
mod sources;
mod tenants;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::output::{USAGE_EXIT_CODE, print_error, usage_error};

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

/// Parses the arguments of this process and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    // Fails if a provider is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    output::set_message_format(std::env::args_os());
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return print_usage(&error),
    };
    output::final_exit_code(match command {
        Command::Serve(serve) => serve.run(),
        Command::Explain(explain) => explain.run(),
        Command::Bootstrap(bootstrap) => bootstrap.run(),
        Command::Tenants(tenants) => tenants.run(),
        Command::Policies(policies) => policies.run(),
        Command::Secrets(secrets) => secrets.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Healthcheck(healthcheck) => healthcheck.run(),
        Command::Completions(completions) => completions.run(Cli::command()),
        Command::Man(man) => man.run(Cli::command()),
    })
}

/// Prints the requested help, or the error in the arguments. The exit code of an error is 1 with
/// `--detailed-exitcode`, where 2 means that there are changes.
fn print_usage(error: &clap::Error) -> ExitCode {
    if error.exit_code() == 0 {
        output::report_write_error(output::ignore_broken_pipe(error.print()));
        return output::final_exit_code(ExitCode::SUCCESS);
    }
    let text = error.render().to_string();
    print_error(text.trim_start_matches("error: ").trim_end());
    let detailed = std::env::args_os().any(|argument| argument == "--detailed-exitcode");
    if detailed { ExitCode::FAILURE } else { ExitCode::from(USAGE_EXIT_CODE) }
}
