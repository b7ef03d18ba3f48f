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

/// How long it may take to come up, how often it is looked at meanwhile, and how often a start is
/// tried: another program may take the port in between.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const MAX_STARTS: usize = 3;

/// How long it may take to answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What is looked for in PATH.
const PROGRAM_NAMES: [&str; 2] = ["bao", "vault"];

/// A server in memory on this machine alone, which ends with this value.
pub(super) struct DevServer {
    pub(super) operator: Operator,
    _process: Process,
}

/// A program that is ended with this value.
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
    /// Starts it on a free port, and waits until it answers.
    pub(super) async fn start(
        program: Option<&Path>,
        stop: &JoinHandle<()>,
    ) -> Result<Self, String> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => {
                find_program().ok_or("there is no bao or vault in PATH: name one with --bao")?
            }
        };
        let mut last = String::new();
        for _ in 0..MAX_STARTS {
            let token: SecretString = format!("{:032x}", rand::random::<u128>()).into();
            let port = free_port().map_err(|error| format!("there is no free port: {error}"))?;
            let mut process = launch(&program, port, &token)
                .map_err(|error| format!("{} does not start: {error}", program.display()))?;
            match wait_until_ready(&mut process, port, &token, stop).await? {
                Some(operator) => return Ok(Self { operator, _process: process }),
                None => last = process.log_tail(&token),
            }
        }
        Err(format!("{} ends as soon as it is started:\n{last}", program.display()))
    }
}

/// The token comes with the environment: arguments are seen by every user of the machine.
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

/// An operator once it answers; `None` if it has ended instead.
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
        // Another server on this port would not know the token.
        let last_error = match Operator::connect(operator_settings(port, token)?).await {
            Ok(operator) => return Ok(Some(operator)),
            Err(error) => error,
        };
        if stop.is_finished() {
            return Err("stopped".to_owned());
        }
        if start.elapsed() > START_TIMEOUT {
            return Err(format!("the development server does not come up: {last_error}"));
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn operator_settings(port: u16, token: &SecretString) -> Result<OperatorSettings, String> {
    let address = Url::parse(&format!("http://127.0.0.1:{port}")).map_err(|e| e.to_string())?;
    let vault = vault::ClientSettings {
        address,
        namespace: None,
        trust: vault::TrustRoots::System,
        server_name: None,
        client_cert: None,
        timeout: REQUEST_TIMEOUT,
    };
    Ok(OperatorSettings { vault, login: ServiceLogin::Token(token.clone()) })
}

impl Process {
    /// The end of what it wrote. A development server writes its root token, too.
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

/// The first program in PATH that has one of the names.
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
