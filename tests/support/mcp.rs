//! MCP clients and servers of the official SDK, in both of its lines (`tests/mcp/`).

use std::{process::Command, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use super::{
    browser::Browser,
    caddy::tls::TlsCaddy,
    edge::{Edge, LOGIN_HOST, MCP_RESOURCE},
    http,
    people::PASSWORD,
    person::{Person, Route},
    process::Process,
    tools,
    wait::eventually,
};

/// The time that a command may take, logins included.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A line of the SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// 1.x, which speaks the revisions up to 2025-11-25.
    One,
    /// 2.x, which speaks 2026-07-28 as well.
    Two,
}

impl Sdk {
    fn python(self) -> std::path::PathBuf {
        tools::mcp_python(match self {
            Self::One => "mcp-1",
            Self::Two => "mcp-2",
        })
    }
}

/// An MCP server on a free port. Dropping it ends it.
pub struct McpServer {
    process: Process,
    address: String,
}

impl McpServer {
    /// Starts it.
    ///
    /// # Panics
    /// If it does not listen in time.
    pub async fn start(sdk: Sdk, arguments: &[&str]) -> Self {
        let mut command = Command::new(sdk.python());
        command.arg(tools::repository("tests/mcp/server.py")).args(arguments);
        let process = Process::spawn("the MCP server", &mut command);
        let port = eventually(Duration::from_secs(20), "the MCP server to listen", async || {
            let log = process.log();
            assert!(process.exit_status().is_none(), "the MCP server exited:\n{log}");
            Some(log.lines().find_map(|line| line.strip_prefix("listening "))?.to_owned())
        });
        let address = format!("127.0.0.1:{}", port.await);
        Self { process, address }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns its output.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Returns the names of the tools that have run.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn calls(&self) -> Vec<String> {
        let url = format!("http://{}/calls", self.address);
        let answer = http::send(&http::client(), "GET", &url, &[], None).await.expect("an answer");
        serde_json::from_value(answer.json()).expect("names")
    }
}

/// The way in which a client authorizes its requests.
#[derive(Clone, Copy, Debug)]
pub enum McpAuth<'a> {
    /// With this client id.
    ClientId(&'a str),
    /// With the metadata document at this URL.
    Document(&'a str),
    /// With a registration.
    Register,
    /// With this token, which it sends as it is.
    Token(&'a str),
}

/// A person at an authorization: logs in and consents.
enum Visitor<'v> {
    /// `ana`, with Chromium.
    Browser(&'v Browser),
    /// The person of this name, without Chromium, behind this proxy.
    Person(&'v Edge, &'v str),
}

/// An MCP client. Dropping it ends it.
pub struct McpClient {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Its events until now.
    pub events: Vec<Value>,
}

impl McpClient {
    /// Starts a client of `https://mcp.example.com/mcp` behind this Caddy.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(sdk: Sdk, caddy: &TlsCaddy, auth: McpAuth<'_>, extra: &[&str]) -> Self {
        let mut command = client_command(sdk, "https://mcp.example.com/mcp");
        command
            .args(extra)
            .env("LOOPBACK_PORTS", format!("443:{}", caddy.port()))
            .env("SSL_CERT_FILE", caddy.leaf().certificate());
        Self::spawn(command, auth).await
    }

    /// Starts a client of `http://mcp.localhost/mcp` behind this proxy.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn behind(sdk: Sdk, edge: &Edge, auth: McpAuth<'_>) -> Self {
        let mut command = client_command(sdk, MCP_RESOURCE);
        let port = edge.address().replace("127.0.0.1:", "80:");
        command.env("LOOPBACK_PORTS", port);
        Self::spawn(command, auth).await
    }

    async fn spawn(mut command: tokio::process::Command, auth: McpAuth<'_>) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        match auth {
            McpAuth::ClientId(id) => command.args(["--client-id", id]),
            McpAuth::Document(url) => command.args(["--client-metadata-url", url]),
            McpAuth::Register => command.arg("--register"),
            McpAuth::Token(token) => command.args(["--bearer-env", "TOKEN"]).env("TOKEN", token),
        };
        let mut child = command.spawn().expect("the MCP client");
        let stdin = child.stdin.take().expect("its input");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut client = Self { _child: child, stdin, lines, events: Vec::new() };
        let ready = client.line().await;
        assert_eq!(ready["event"], "ready", "{ready}");
        client
    }

    /// Performs a command. No authorization may be needed for it.
    ///
    /// # Panics
    /// If one is, or if no answer comes.
    pub async fn run(&mut self, command: Value) -> Value {
        self.perform(command, None).await
    }

    /// Performs a command for which a person may have to log in and to consent, and returns the number
    /// of times.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn run_with(&mut self, command: Value, browser: &Browser) -> (Value, usize) {
        self.run_as(command, Visitor::Browser(browser)).await
    }

    /// Performs a command for which a person of this name may have to log in and to consent behind this
    /// proxy, and returns the number of times.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn run_with_person(
        &mut self,
        command: Value,
        edge: &Edge,
        name: &str,
    ) -> (Value, usize) {
        self.run_as(command, Visitor::Person(edge, name)).await
    }

    async fn run_as(&mut self, command: Value, visitor: Visitor<'_>) -> (Value, usize) {
        let before = self.count("authorize");
        let answer = self.perform(command, Some(visitor)).await;
        (answer, self.count("authorize") - before)
    }

    /// Returns the number of events of this kind.
    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event["event"] == kind).count()
    }

    /// Returns the responses that the client got from this path.
    pub fn responses(&self, path: &str) -> Vec<&Value> {
        let ends = |event: &&Value| event["url"].as_str().is_some_and(|url| url.ends_with(path));
        self.events.iter().filter(ends).collect()
    }

    async fn perform(&mut self, command: Value, visitor: Option<Visitor<'_>>) -> Value {
        let line = format!("{command}\n");
        self.stdin.write_all(line.as_bytes()).await.expect("the client reads");
        loop {
            let line = self.line().await;
            if line["event"].is_null() {
                return line;
            }
            self.events.push(line.clone());
            if line["event"] == "authorize" {
                let url = line["url"].as_str().expect("a URL");
                match &visitor {
                    Some(Visitor::Browser(browser)) => consent(browser, url).await,
                    Some(Visitor::Person(edge, name)) => consent_as(name, edge, url).await,
                    None => panic!("an authorization: {command}"),
                }
            }
        }
    }

    async fn line(&mut self) -> Value {
        let line = timeout(TIMEOUT, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("no line: {:?}", self.events));
        let line = line.expect("output").unwrap_or_else(|| panic!("it ended: {:?}", self.events));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"))
    }
}

/// Logs in as `ana` for a client, consents, and returns to the client's callback. An error takes the
/// browser there at once.
pub async fn consent(browser: &Browser, url: &str) {
    browser.goto(url).await;
    let has_form = async || {
        let (url, text) = (browser.url().await, browser.text().await);
        let is_callback = url.starts_with("http://127.0.0.1:");
        (is_callback || text.contains("MCP registry")).then_some(!is_callback)
    };
    if !browser.wait("the login form, or an error for the client", has_form).await {
        return;
    }
    browser.fill("User name", "ana").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Log in").await;
    browser.wait_for_text("Allow access?").await;
    browser.click("Allow").await;
    let callback = async || browser.url().await.starts_with("http://127.0.0.1:").then_some(());
    browser.wait("the callback of the client", callback).await;
}

/// Logs in without Chromium, and consents.
async fn consent_as(name: &str, edge: &Edge, url: &str) {
    let mut person = Person::new(Route::Proxy(format!("http://{}", edge.address())));
    person.other_program = Some("http://127.0.0.1:".to_owned());
    let form = person.open(url).await;
    let question = person.log_in(&form, name, PASSWORD).await;
    let consent = question.hidden("consent").unwrap_or_else(|| panic!("{question:?}"));
    let fields = [("consent", consent.as_str()), ("decision", "allow")];
    let page = person.submit(&format!("http://{LOGIN_HOST}"), "/oauth/consent", &fields).await;
    let callback = page.answer().header("location").unwrap_or_else(|| panic!("{page:?}"));
    let answer = http::send(&http::client(), "GET", callback, &[], None).await;
    assert_eq!(answer.expect("an answer").status, 200, "{callback}");
}

/// Returns the command that starts a client of this server.
fn client_command(sdk: Sdk, url: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(sdk.python());
    command
        .arg(tools::repository("tests/mcp/client.py"))
        .arg(url)
        .env_clear()
        .env("PYTHONPATH", tools::repository("tests/mcp/loopback"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Returns the command that calls a tool.
pub fn call(tool: &str, arguments: &Value) -> Value {
    json!({"do": "call", "tool": tool, "arguments": arguments})
}

/// Asserts that a command succeeded, and returns its result.
///
/// # Panics
/// If it did not.
pub fn ok(mut answer: Value) -> Value {
    assert!(answer.get("ok").is_some(), "{answer}");
    answer["ok"].take()
}
