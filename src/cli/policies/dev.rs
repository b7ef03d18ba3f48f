use std::{
    fs::File,
    io::{Read, Seek},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{task::JoinHandle, time::sleep};
use url::Url;

use crate::{
    cli::operator::Operator,
    config::{OperatorSettings, search_path},
    vault::{self, ServiceLogin},
};

/// The timeout of a start, the interval of readiness checks, and the maximum number of starts:
/// another process can bind the port in between.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const MAX_STARTS: usize = 3;

/// The timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The names of the server programs in PATH.
const PROGRAM_NAMES: [&str; 2] = ["bao", "vault"];

/// An in-memory development server on the loopback interface, stopped on drop.
pub(super) struct DevServer {
    pub(super) operator: Operator,
    _process: Process,
}

/// A child process, killed on drop.
struct Process {
    child: Child,
    log: File,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl DevServer {
    /// Starts the server on a free port, and waits until it responds.
    pub(super) async fn start(
        program: Option<&Path>,
        stop: &JoinHandle<()>,
    ) -> Result<Self, String> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => find_program().ok_or("no bao or vault found in PATH: set --bao")?,
        };
        let mut last = String::new();
        for _ in 0..MAX_STARTS {
            let token: SecretString = format!("{:032x}", rand::random::<u128>()).into();
            let port = free_port().map_err(|error| format!("no free port: {error}"))?;
            let mut process = launch(&program, port, &token)
                .map_err(|error| format!("{} failed to start: {error}", program.display()))?;
            match wait_until_ready(&mut process, port, &token, stop).await? {
                Some(operator) => return Ok(Self { operator, _process: process }),
                None => last = process.log_tail(&token),
            }
        }
        Err(format!("{} exited right after the start:\n{last}", program.display()))
    }
}

/// Starts the server. The token is passed in the environment, because every user of the machine
/// can see arguments.
fn launch(program: &Path, port: u16, token: &SecretString) -> std::io::Result<Process> {
    let log = tempfile::tempfile()?;
    let child = Command::new(program)
        .args(["server", "-dev", "-dev-no-store-token"])
        .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
        .env_clear()
        .envs(search_path().map(|path| ("PATH", path)))
        .env("BAO_DEV_ROOT_TOKEN_ID", token.expose_secret())
        .env("VAULT_DEV_ROOT_TOKEN_ID", token.expose_secret())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .spawn()?;
    Ok(Process { child, log })
}

/// Returns an operator as soon as the server responds; `None` if the process has exited.
async fn wait_until_ready(
    process: &mut Process,
    port: u16,
    token: &SecretString,
    stop: &JoinHandle<()>,
) -> Result<Option<Operator>, String> {
    let start = Instant::now();
    loop {
        if process.child.try_wait().map_err(|error| error.to_string())?.is_some() {
            return Ok(None);
        }
        // Another server on this port would not accept the token.
        let last_error = match Operator::connect(operator_settings(port, token)?).await {
            Ok(operator) => return Ok(Some(operator)),
            Err(error) => error,
        };
        if stop.is_finished() {
            return Err("stopped".to_owned());
        }
        if start.elapsed() > START_TIMEOUT {
            return Err(format!("the development server did not become ready: {last_error}"));
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn operator_settings(port: u16, token: &SecretString) -> Result<OperatorSettings, String> {
    let address = Url::parse(&format!("http://127.0.0.1:{port}")).map_err(|e| e.to_string())?;
    let vault = vault::ClientSettings {
        addresses: address.into(),
        namespace: None,
        trust: vault::TrustRoots::System,
        server_name: None,
        client_cert: None,
        timeout: REQUEST_TIMEOUT,
    };
    Ok(OperatorSettings { vault, login: ServiceLogin::Token(token.clone()) })
}

impl Process {
    /// Returns the end of the log, with the root token redacted: a development server logs it.
    fn log_tail(&mut self, token: &SecretString) -> String {
        let mut text = String::new();
        let read = self.log.rewind().and_then(|()| self.log.read_to_string(&mut text));
        let text = text.replace(token.expose_secret(), "(the token)");
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match read {
            Ok(_) => lines[lines.len().saturating_sub(5)..].join("\n"),
            Err(error) => error.to_string(),
        }
    }
}

/// Returns the path of the first server program in PATH.
fn find_program() -> Option<PathBuf> {
    let path = search_path()?;
    let places = || std::env::split_paths(&path);
    PROGRAM_NAMES
        .iter()
        .find_map(|name| places().map(|place| place.join(name)).find(|at| at.is_file()))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
