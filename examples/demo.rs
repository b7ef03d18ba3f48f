//! Runs the whole platform on this machine, to try with `curl`.
//!
//! `make demo` starts OpenBao, the validator and Caddy with the files under `deploy/` and
//! `policies/`, and prints commands with their expected statuses. `make demo-check` (`--check`)
//! runs exactly those commands and compares.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "an example's output is its purpose, and so is its failing"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    io::{IsTerminal, stdout},
    process::{Command, ExitCode},
};

use serde_json::json;
use support::{
    platform::{self, Caller},
    stack::Stack,
};

/// A command to try, with its expected status.
struct Trial {
    expected: u16,
    what: &'static str,
    command: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let style = Style::new();
    let stack = Stack::start().await;
    let metadata = json!({"tenant": "acme"});
    let visitor = platform::create_caller(&stack.bao, "acme-visitor", metadata, &["tenant"]).await;
    let trials = trials(&stack, &visitor);
    if check {
        return run(&trials, &style);
    }
    introduce(&stack, &style);
    for trial in &trials {
        println!("{}  {}\n     {}\n", style.status(trial.expected), trial.what, trial.command);
    }
    println!("{}", style.dim("Leave `-o /dev/null` out to see the answers. Ctrl-C stops all."));
    stopped().await;
    ExitCode::SUCCESS
}

fn trials(stack: &Stack, visitor: &Caller) -> Vec<Trial> {
    let (acme, globex) = (stack.acme.token(), stack.globex.token());
    let visitor = visitor.token.as_str();
    let at = |host: &str, token: &str| {
        let caddy = stack.caddy.address();
        let header = format!("-H 'Authorization: Bearer {token}' ");
        let header = if token.is_empty() { "" } else { &header };
        curl(&format!("{header}-H 'Host: {host}.localhost' http://{caddy}/"))
    };
    let secret = |tenant: &str, rest: &str| {
        let url = format!("{}/v1/tenants/{tenant}/secrets/greeting", stack.validator.api_url());
        curl(&format!("-H 'X-Vault-Token: {acme}' {rest}'{url}'"))
    };
    let put =
        "-X PUT -H 'Content-Type: application/json' -d '{\"data\":{\"GREETING\":\"hello\"}}' ";
    let mut trials = Vec::new();
    let mut expect = |expected, command, what| {
        trials.push(Trial { expected, what, command });
    };
    expect(200, at("acme.crm", acme), "acme's token at acme's CRM");
    expect(200, at("globex.crm", globex), "globex's token at globex's CRM");
    expect(403, at("globex.crm", acme), "acme's token at globex's CRM: tenant_mismatch");
    expect(403, at("acme.crm", visitor), "of acme, but no crm-agent: policy_required");
    expect(401, at("acme.crm", ""), "no token: credential_missing");
    expect(401, at("acme.crm", "s.made-up"), "a made-up token: token_invalid");
    expect(200, at("api", visitor), "the API, which wants a live token and no more");
    expect(421, at("elsewhere", acme), "a host that no site takes");
    expect(201, secret("acme", put), "acme writes a secret, encrypted by acme's own key");
    expect(
        200,
        secret("acme", "-H 'Accept: text/plain' "),
        "acme reads it, as lines for an env_file",
    );
    expect(403, secret("globex", ""), "globex's secret with acme's token: acl_denied");
    trials
}

fn curl(rest: &str) -> String {
    format!("curl -s -o /dev/null -w '%{{http_code}}\\n' {rest}")
}

fn introduce(stack: &Stack, style: &Style) {
    let rows = [
        ("OpenBao", stack.bao.addr(), "in memory"),
        ("validator", stack.validator.auth_url(), "the proxy's listener"),
        ("", stack.validator.api_url(), "the API, and what it can do: /docs"),
        ("", stack.validator.admin_url(), "health and metrics"),
        ("Caddy", format!("http://{}", stack.caddy.address()), "*.crm.localhost, api.localhost"),
    ];
    println!();
    for (name, url, what) in rows {
        println!("{}  {url:<24}  {}", style.bold(&format!("{name:<9}")), style.dim(what));
    }
    println!("\nThe tokens below are throw-away: they end with this demo.\n");
}

/// Runs each command as it would be printed.
fn run(trials: &[Trial], style: &Style) -> ExitCode {
    let mut failed = 0;
    for trial in trials {
        let output = Command::new("sh").args(["-c", &trial.command]).output().expect("sh");
        let got = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let verdict = if got == trial.expected.to_string() {
            style.good("ok  ")
        } else {
            failed += 1;
            style.bad("FAIL")
        };
        println!("{verdict}  {}  {}", trial.expected, trial.what);
        if got != trial.expected.to_string() {
            println!("           got {got:?} from\n           {}", trial.command);
        }
    }
    println!("\n{} of {} as expected", trials.len() - failed, trials.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).expect("a handler for TERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

/// ANSI colours, if the output is a terminal that supports them.
struct Style {
    colours: bool,
}

impl Style {
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR is the user's, not configuration")]
    fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: stdout().is_terminal() && !unwanted }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn status(&self, status: u16) -> String {
        self.paint(if status < 300 { "32" } else { "33" }, &status.to_string())
    }
}
