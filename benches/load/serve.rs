//! The contestants within this program, which are all compiled with the same options.

use std::{
    convert::Infallible, process::Command, sync::Arc, thread::available_parallelism, time::Duration,
};

use axum::{Router, routing::get};
use bytes::Bytes;
use clap::ValueEnum;
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::{Builder, Runtime},
};

use vault_auth_validator::{
    config::ListenAddress,
    server::{FastPathBench, Listener},
};

use crate::{
    cpu::{self, SERVER_CORE, TASKSET},
    fixture::{self, CredentialKind},
    setup::TENANT_AND_POLICY,
    support::{process::Process, wait::eventually},
};

/// A contestant within this program.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Server {
    /// A loop that reads a request and writes a constant response of the validator.
    Floor,
    /// hyper with an empty 200: the baseline.
    Hyper,
    /// hyper with an empty 200, on the default multi-thread runtime.
    HyperDefault,
    /// axum with an empty 200.
    Axum,
    /// The validator's listener with a cache that was filled without Vault.
    Filled,
}

/// A child process that runs one of the contestants.
pub struct ContestantProcess {
    process: Process,
    address: String,
    bytes_per_token: f64,
}

impl ContestantProcess {
    /// Starts a contestant on the servers' core.
    pub async fn start(server: Server) -> Self {
        Self::start_on(SERVER_CORE, server).await
    }

    /// Starts a contestant on these cores.
    pub async fn start_on(cores: &str, server: Server) -> Self {
        Self::spawn(cores, server, 0).await
    }

    /// Starts the validator's listener on the servers' core, with this number of cached tokens.
    pub async fn filled(tokens: usize) -> Self {
        Self::spawn(SERVER_CORE, Server::Filled, tokens).await
    }

    async fn spawn(cores: &str, server: Server, tokens: usize) -> Self {
        let name = server.to_possible_value().expect("none is skipped");
        let program = std::env::current_exe().expect("own path");
        let mut command = Command::new(TASKSET);
        command.args(["-c", cores]).arg(program).args([
            "--serve",
            name.get_name(),
            "--tokens",
            &tokens.to_string(),
        ]);
        let process = Process::spawn(name.get_name(), &mut command);
        let address = eventually(Duration::from_mins(2), "a contestant to listen", async || {
            assert!(process.exit_status().is_none(), "{}", process.log());
            logged_value(&process, "listening on ")
        })
        .await;
        let bytes_per_token = logged_value(&process, "bytes per token: ");
        let bytes_per_token = bytes_per_token.map_or(0.0, |bytes| bytes.parse().expect("a number"));
        Self { process, address, bytes_per_token }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Returns the resident memory per token in a filled cache, in bytes.
    pub fn bytes_per_token(&self) -> f64 {
        self.bytes_per_token
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Returns the text after this prefix in the log.
fn logged_value(process: &Process, prefix: &str) -> Option<String> {
    process.log().lines().find_map(|line| line.strip_prefix(prefix).map(str::to_owned))
}

/// Runs this contestant until the process is killed.
pub fn run(server: Server, tokens: usize) {
    let one_core = available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let runtime = match server {
        Server::Hyper if one_core => Builder::new_current_thread().enable_all().build(),
        _ => Runtime::new(),
    };
    runtime.expect("a runtime").block_on(async {
        if matches!(server, Server::Filled) {
            return tokio::spawn(filled(tokens)).await.expect("no panic");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("listening on {}", listener.local_addr().expect("its address"));
        match server {
            Server::Floor => respond_with_constant(&listener).await,
            Server::Hyper | Server::HyperDefault => {
                accept(&listener, || service_fn(empty)).await;
            }
            Server::Axum => {
                let router = Router::new().route("/validate", get(async || ()));
                accept(&listener, || TowerToHyperService::new(router.clone())).await;
            }
            Server::Filled => unreachable!("it has its own listener"),
        }
    });
}

/// Fills the cache, prints the memory per token, and serves requests.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
async fn filled(tokens: usize) {
    let cache = fixture::empty_cache(tokens);
    fixture::fill(Arc::clone(&cache), 1).await;
    let before = cpu::resident(std::process::id());
    fixture::fill(Arc::clone(&cache), tokens).await;
    let more = cpu::resident(std::process::id()).saturating_sub(before);
    println!("bytes per token: {}", more as f64 / tokens as f64);
    let any_port = ListenAddress::Tcp("127.0.0.1:0".to_owned());
    let listener = Listener::bind(&any_port).await.expect("a free port");
    println!("listening on {}", listener.address());
    FastPathBench::new(cache, None).serve(listener).await;
}

/// Answers each read with the validator's response to a cached token. It parses nothing: `wrk` sends
/// a request in one segment, and the next one after the response.
async fn respond_with_constant(listener: &TcpListener) {
    let (handler, request) =
        fixture::handler_and_request(TENANT_AND_POLICY, CredentialKind::Bearer);
    let mut connection = handler.connection();
    connection.respond(&request).await;
    let response: Arc<[u8]> = connection.respond(&request).await.into();
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        let response = Arc::clone(&response);
        tokio::spawn(async move {
            let mut request = [0; 4096];
            while matches!(stream.read(&mut request).await, Ok(1..))
                && stream.write_all(&response).await.is_ok()
            {}
        });
    }
}

async fn empty(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

async fn accept<S, B>(listener: &TcpListener, service: impl Fn() -> S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    let protocol = Arc::new(http1::Builder::new());
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        let connection = protocol.serve_connection(TokioIo::new(stream), service());
        tokio::spawn(async move {
            // Connection errors are ignored.
            let _ = connection.await;
        });
    }
}
