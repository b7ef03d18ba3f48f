//! Runs the whole platform on this machine, for experiments with `curl`.
//!
//! `make demo` starts OpenBao, the validator and Caddy with the files in `deploy/` and `policies/`,
//! and prints commands with their expected status codes. `make demo-check` (`--check`) runs these
//! commands and compares the status codes.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "an example prints its results and panics if its setup fails"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    io::{IsTerminal, stdout},
    process::{Command, ExitCode},
};

use serde_json::json;
use support::{
    backend::Backend,
    bao::Bao,
    caddy::Caddy,
    direct::Direct,
    person::{Person, Route},
    platform::{self, Caller},
    ports::free_port,
    stack::Stack,
};
use tempfile::NamedTempFile;
use vault_auth_validator::sealed::KeyRing;

/// The person who can log in.
const USER: &str = "ana";

/// The person's password.
const PASSWORD: &str = "demo-password";

/// An example command with its expected status code.
struct ExampleCommand {
    expected: u16,
    description: &'static str,
    command: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let style = Style::new();
    let keys = NamedTempFile::new().expect("a file");
    std::fs::write(keys.path(), KeyRing::generate().as_str()).expect("the sealing key");
    let stack = start(&keys).await;
    let metadata = json!({"tenant": "acme"});
    let reader = platform::create_caller(&stack.bao, "acme-reader", metadata, &["tenant"]).await;
    let examples = examples(&stack, &reader);
    if check {
        let walked = check_login(&stack, &style).await;
        return if run(&examples, &style) && walked {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    print_services(&stack, &style);
    print_login(&stack, &style);
    for example in &examples {
        println!(
            "{}  {}\n     {}\n",
            style.status(example.expected),
            example.description,
            example.command
        );
    }
    println!(
        "{}",
        style.dim(
            "Remove `-o /dev/null` to see the response bodies. Press Ctrl-C to stop the demo."
        )
    );
    wait_for_stop().await;
    ExitCode::SUCCESS
}

/// Starts everything with browser logins, and a person who may use acme's CRM.
async fn start(keys: &NamedTempFile) -> Stack {
    let bao = Bao::dev().await;
    let userpass = Some(json!({"type": "userpass", "config": {"default_lease_ttl": "1h"}}));
    bao.must("POST", "sys/auth/userpass", userpass).await;
    let person = Some(json!({"password": PASSWORD, "token_policies": "crm-agent"}));
    bao.must("POST", &format!("auth/userpass/users/{USER}"), person).await;
    let port = free_port();
    let (url, file) = (format!("http://login.localhost:{port}"), keys.path().display().to_string());
    let env = [
        ("VALIDATOR_LOGIN_URL", url.as_str()),
        ("VALIDATOR_LOGIN_HOSTS", "*.crm.localhost,crm.localhost"),
        ("VALIDATOR_SEALING_KEY_FILE", file.as_str()),
    ];
    let Direct { validator, fault, bao, acme, globex, .. } = Direct::on(bao, &env).await;
    assign_tenant(&bao).await;
    let backend = Backend::start().await;
    let api = validator.api_url().replace("http://", "");
    let upstreams = [("LOGIN_UPSTREAM", api.as_str())];
    let caddy =
        Caddy::start_at(port, validator.auth_address(), backend.address(), &upstreams).await;
    Stack { caddy, validator, fault, bao, backend, acme, globex }
}

/// Makes the person a member of acme: the metadata of the entity names the tenant.
async fn assign_tenant(bao: &Bao) {
    let entity = json!({"name": USER, "metadata": {"tenant": "acme"}});
    let entity = bao.must("POST", "identity/entity", Some(entity)).await;
    let mounts = bao.must("GET", "sys/auth", None).await;
    let alias = json!({
        "name": USER,
        "canonical_id": entity["data"]["id"],
        "mount_accessor": mounts["data"]["userpass/"]["accessor"],
    });
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
}

fn print_login(stack: &Stack, style: &Style) {
    println!(
        "Open {} in a browser, and log in as {} with the password {}.",
        style.bold(&application(stack, "acme")),
        style.bold(USER),
        style.bold(PASSWORD)
    );
    println!(
        "Then the application shows the request that it received, with X-Auth-Subject and \
         X-Auth-Tenant.\nglobex's host responds with 403. {} shows who is logged in, and logs \
         out.\n\nThe tokens below are valid until the demo stops.\n",
        application(stack, "acme") + ".vault-auth/"
    );
}

/// Returns the URL of a tenant's CRM.
fn application(stack: &Stack, tenant: &str) -> String {
    let address = stack.caddy.address();
    let port = address.rsplit(':').next().unwrap_or_default();
    format!("http://{tenant}.crm.localhost:{port}/")
}

/// Logs in and out with a cookie jar, as a browser does, and compares the status codes.
async fn check_login(stack: &Stack, style: &Style) -> bool {
    let (acme, globex) = (application(stack, "acme"), application(stack, "globex"));
    let mut person = Person::new(Route::Proxy(format!("http://{}", stack.caddy.address())));
    let form = person.open(&acme).await;
    let wrong = person.log_in(&form, USER, "wrong").await;
    let page = person.log_in(&form, USER, PASSWORD).await;
    let other = person.open(&globex).await;
    let account = format!("{acme}.vault-auth/");
    let logged_out = person.submit(&account, "/.vault-auth/logout", &[]).await;
    let again = person.open(&acme).await;
    let steps = [
        ("a browser is sent to the login page", form.statuses(), vec![302, 200]),
        ("a wrong password", wrong.statuses(), vec![403]),
        ("the password: acme's CRM", page.statuses(), vec![303, 303, 200]),
        ("globex's CRM: tenant_mismatch", other.statuses(), vec![302, 303, 303, 403]),
        ("the log-out", logged_out.statuses(), vec![303, 200]),
        ("acme's CRM asks again", again.statuses(), vec![302, 200]),
    ];
    let mut is_expected = true;
    for (description, got, expected) in steps {
        let result = if got == expected { style.good("ok  ") } else { style.bad("FAIL") };
        let codes = expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        println!("{result}  {codes}  {description}");
        if got != expected {
            println!("           got {got:?}");
            is_expected = false;
        }
    }
    is_expected
}

fn examples(stack: &Stack, reader: &Caller) -> Vec<ExampleCommand> {
    let (acme, globex) = (stack.acme.token(), stack.globex.token());
    let reader = reader.token.as_str();
    let site = |host: &str, token: &str| {
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
    let mut examples = Vec::new();
    let mut expect = |expected, command, description| {
        examples.push(ExampleCommand { expected, description, command });
    };
    expect(200, site("acme.crm", acme), "acme's token at acme's CRM");
    expect(200, site("globex.crm", globex), "globex's token at globex's CRM");
    expect(403, site("globex.crm", acme), "acme's token at globex's CRM: tenant_mismatch");
    expect(403, site("acme.crm", reader), "a token of acme without crm-agent: policy_required");
    expect(401, site("acme.crm", ""), "no token: credential_missing");
    expect(401, site("acme.crm", "s.made-up"), "an invalid token: token_invalid");
    expect(200, site("api", reader), "the API, which requires a valid token only");
    expect(421, site("elsewhere", acme), "a host without a site");
    expect(201, secret("acme", put), "acme writes a secret, encrypted with acme's key");
    expect(200, secret("acme", "-H 'Accept: text/plain' "), "acme reads it in the env_file format");
    expect(403, secret("globex", ""), "globex's secret with acme's token: acl_denied");
    examples
}

fn curl(rest: &str) -> String {
    format!("curl -s -o /dev/null -w '%{{http_code}}\\n' {rest}")
}

fn print_services(stack: &Stack, style: &Style) {
    let rows = [
        ("OpenBao", stack.bao.addr(), "in memory"),
        ("validator", stack.validator.auth_url(), "the proxy's listener"),
        ("", stack.validator.api_url(), "the API; its documentation is at /docs"),
        ("", stack.validator.admin_url(), "health and metrics"),
        (
            "Caddy",
            format!("http://{}", stack.caddy.address()),
            "*.crm.localhost, api.localhost, login.localhost",
        ),
    ];
    println!();
    for (name, url, description) in rows {
        println!("{}  {url:<24}  {}", style.bold(&format!("{name:<9}")), style.dim(description));
    }
    println!();
}

/// Runs all commands, and compares their status codes. Returns true if they are as expected.
fn run(examples: &[ExampleCommand], style: &Style) -> bool {
    let mut failed = 0;
    for example in examples {
        let output = Command::new("sh").args(["-c", &example.command]).output().expect("sh");
        let got = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let result = if got == example.expected.to_string() {
            style.good("ok  ")
        } else {
            failed += 1;
            style.bad("FAIL")
        };
        println!("{result}  {}  {}", example.expected, example.description);
        if got != example.expected.to_string() {
            println!("           got {got:?} from\n           {}", example.command);
        }
    }
    println!(
        "\n{} of {} commands had the expected status code",
        examples.len() - failed,
        examples.len()
    );
    failed == 0
}

/// Waits for Ctrl-C or SIGTERM.
async fn wait_for_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).expect("a handler for TERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

/// ANSI colours, if the output is a terminal and `NO_COLOR` is unset or empty.
struct Style {
    colours: bool,
}

impl Style {
    #[expect(clippy::disallowed_methods, reason = "NO_COLOR is not a setting of the service")]
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
