//! The contestants that are this very program, so that they are compiled alike.

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
    net::TcpListener,
    runtime::{Builder, Runtime},
};

use crate::{
    cpu::{SERVER_CORE, TASKSET},
    support::{process::Process, wait::eventually},
};

/// A contestant in this program.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Server {
    /// hyper with an empty 200: the floor.
    Hyper,
    /// The same on the runtime that a service has by default.
    HyperDefault,
    /// axum with an empty 200.
    Axum,
}

/// A child process that is one of them.
pub struct Served {
    process: Process,
    address: String,
}

impl Served {
    /// Starts it on the servers' core.
    pub async fn start(server: Server) -> Self {
        Self::start_on(SERVER_CORE, server).await
    }

    /// Starts it on these cores.
    pub async fn start_on(cores: &str, server: Server) -> Self {
        let name = server.to_possible_value().expect("none is skipped");
        let program = std::env::current_exe().expect("own path");
        let mut command = Command::new(TASKSET);
        command.args(["-c", cores]).arg(program).args(["--serve", name.get_name()]);
        let process = Process::spawn(name.get_name(), &mut command);
        let address = eventually(Duration::from_secs(10), "a contestant to listen", async || {
            let log = process.log();
            assert!(process.exit_status().is_none(), "{log}");
            log.lines().find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
        })
        .await;
        Self { process, address }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Is that server, until it is killed.
pub fn run(server: Server) {
    let one_core = available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let runtime = match server {
        Server::Hyper if one_core => Builder::new_current_thread().enable_all().build(),
        _ => Runtime::new(),
    };
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("listening on {}", listener.local_addr().expect("its address"));
        match server {
            Server::Hyper | Server::HyperDefault => {
                accept(&listener, || service_fn(empty)).await;
            }
            Server::Axum => {
                let router = Router::new().route("/validate", get(async || ()));
                accept(&listener, || TowerToHyperService::new(router.clone())).await;
            }
        }
    });
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
            // That it breaks is the peer's affair.
            let _ = connection.await;
        });
    }
}
