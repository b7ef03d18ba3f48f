//! A proxy in front of OpenBao that rewrites responses to those of HashiCorp Vault.
//!
//! With `TEST_VAULT_WORDING=hashicorp` every OpenBao that tests start is reached through one.

use std::io;

use bytes::Bytes;
use http::{StatusCode, header::CONTENT_LENGTH, header::TRANSFER_ENCODING};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, body::Incoming, client::conn::http1 as client,
    server::conn::http1 as server, service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The variable that selects the wording of Vault's responses, and its value for this proxy.
const VARIABLE: (&str, &str) = ("TEST_VAULT_WORDING", "hashicorp");

/// The proxy.
pub struct Rewording {
    address: String,
    server: JoinHandle<()>,
}

impl Rewording {
    /// Starts it in front of `target` (`host:port`) if the environment selects it.
    #[expect(clippy::disallowed_methods, reason = "a developer may ask for other words")]
    pub async fn start_if_asked(target: &str) -> Option<Self> {
        match std::env::var(VARIABLE.0).as_deref() {
            Err(_) | Ok("") => None,
            Ok(value) if value == VARIABLE.1 => Some(Self::start(target).await),
            Ok(value) => panic!("{} is {value}, and not {}", VARIABLE.0, VARIABLE.1),
        }
    }

    /// Starts it in front of `target` (`host:port`).
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let server = tokio::spawn(serve(listener, target.to_owned()));
        Self { address, server }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Rewording {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, target: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let target = target.clone();
        let service = service_fn(move |request| pass(request, target.clone()));
        tokio::spawn(async move {
            // An error closes the connection without an answer, as a killed server does.
            let _ = server::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn pass(request: Request<Incoming>, target: String) -> io::Result<Response<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if head.uri.query().is_some_and(|query| query.contains("list=true")) {
        // It does not paginate, and responds with all entries.
        head.uri = format!("{path}?list=true").parse().map_err(io::Error::other)?;
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let stream = TcpStream::connect(target).await?;
    let handshake = client::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let (mut sender, connection) = handshake;
    let connection = tokio::spawn(connection);
    let request = Request::from_parts(head, Full::new(body));
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let (mut head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    let (status, body) = reworded(&path, head.status, body);
    head.status = status;
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRANSFER_ENCODING);
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Parts of OpenBao's messages about the logins of people, and HashiCorp's instead.
const LOGIN_TEXTS: [(&str, &str); 6] = [
    ("OpenBao login failed. Expired", "Vault login failed. Expired"),
    ("OpenBao login failed. Error", "Vault login failed. Error"),
    ("OpenBao login failed. error validating", "error validating"),
    ("OpenBao login failed. claim", "claim"),
    ("OpenBao login failed. failed to fetch", "failed to fetch"),
    ("MFA credentials not supplied or incorrect", "failed to validate TOTP passcode"),
];

/// Returns the response as HashiCorp Vault would send it.
fn reworded(path: &str, status: StatusCode, body: Bytes) -> (StatusCode, Bytes) {
    if path.contains("/detailed-metadata/") {
        let warning = "Invalid path for a versioned K/V secrets engine. See the API docs for the \
                       appropriate API endpoints to use. If using the Vault CLI, use 'vault kv \
                       list' for this operation.";
        let unsupported = json!({
            "request_id": "00000000-0000-0000-0000-000000000000",
            "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
            "wrap_info": null, "warnings": [warning], "auth": null, "mount_type": "kv",
        });
        return (StatusCode::NOT_FOUND, unsupported.to_string().into());
    }
    let Ok(mut document) = serde_json::from_slice::<Value>(&body) else { return (status, body) };
    let login =
        path.starts_with("/v1/auth/") && (path.contains("/login") || path.contains("/oidc/"));
    if document == json!({"errors": ["permission denied"]}) && !login {
        let own = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
        document = json!({"errors": [own]});
    } else if path == "/v1/sys/health" {
        document["version"] = json!("1.20.4");
        document["enterprise"] = json!(false);
        document["performance_standby"] = json!(false);
    } else if document["request_id"].is_string() {
        document["mount_type"] = json!("system");
    }
    let text = LOGIN_TEXTS
        .iter()
        .fold(document.to_string(), |text, (openbaos, vaults)| text.replace(openbaos, vaults));
    (status, text.into())
}
