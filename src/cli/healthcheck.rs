use std::{io, process::ExitCode, time::Duration};

use bytes::Bytes;
use clap::Args;
use http::{Request, Response, StatusCode, header::HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Incoming, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    runtime::Builder,
    time::timeout,
};

use crate::{
    cli::{
        output::{Output, complain, misused},
        sources::{ConfigArgs, ForAdmin},
    },
    config::{Listen, Settings},
};

/// Check readiness via the admin listener (for container health checks).
///
/// Exits with 0 if the service on this machine is ready. It reads the same configuration as
/// `serve`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator healthcheck
  vault-auth-validator healthcheck --admin-listen unix:/run/validator/admin.sock")]
pub(super) struct Healthcheck {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    config: ConfigArgs<ForAdmin>,
}

/// The timeout of the request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// The maximum size of the response body, in bytes.
const MAX_BODY_BYTES: usize = 4096;

impl Healthcheck {
    pub(super) fn run(self) -> ExitCode {
        let listen = match Settings::load_admin_listen(self.config.sources()) {
            Ok(listen) => listen,
            Err(errors) => return misused(errors),
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let response = runtime.and_then(|runtime| {
            runtime.block_on(async { timeout(REQUEST_TIMEOUT, ask(&listen)).await? })
        });
        match response {
            Ok((StatusCode::OK, _)) => {
                self.output.print(|| json!({"ready": true}), |_| "ready".to_owned());
                ExitCode::SUCCESS
            }
            Ok((status, body)) => {
                complain(format!("not ready: {status} {body}"));
                ExitCode::FAILURE
            }
            Err(error) => {
                complain(format!(
                    "no response from {listen}: {error}; check that `serve` is running"
                ));
                ExitCode::FAILURE
            }
        }
    }
}

/// Requests `/readyz` from the listener at this address. Returns the status and the body.
pub(super) async fn ask(listen: &Listen) -> io::Result<(StatusCode, String)> {
    let response = match listen {
        Listen::Tcp(address) => get(TcpStream::connect(connect_address(address)).await?).await,
        Listen::Unix(path) => get(UnixStream::connect(path).await?).await,
    };
    let response = response.map_err(io::Error::other)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).trim().to_owned()))
}

/// Returns the address to connect to: loopback for a listener on all addresses.
fn connect_address(address: &str) -> String {
    match address.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        _ => address.to_owned(),
    }
}

async fn get<I>(stream: I) -> hyper::Result<Response<Incoming>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static("/readyz");
    request.headers_mut().insert(HOST, http::HeaderValue::from_static("localhost"));
    sender.send_request(request).await
}
