//! Attacks and faults: by clients, by other instances, and by Vault.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::{interval, sleep},
};

use crate::{
    CLIENT, TIMEOUT,
    support::{
        bao::Bao,
        direct::Direct,
        fault::Fault,
        platform::{self, AppRole},
        raw::read_answer,
        validator::Validator,
    },
    traffic::Traffic,
};

/// A kind of attack or fault.
#[derive(Clone, Copy)]
pub enum Attack {
    /// 3,000 distinct random tokens per second, from many addresses.
    Flood,
    /// 400 random tokens at once, repeatedly, from the address of the legitimate clients.
    Guesses,
    /// 64 uploads that never finish, each with a random token.
    Uploads,
    /// Hundreds of large responses that their clients do not read.
    UnreadAnswers,
    /// 64 connections that list one tenant's secrets.
    Lists,
    /// Bodies that arrive slowly at the admin listener.
    TricklingBodies,
    /// Another instance with a wrong secret id.
    WrongSecretId,
    /// A Vault that takes longer than the timeout.
    SlowVault,
    /// A Vault that accepts requests but does not respond.
    SilentVault,
}

impl Attack {
    pub const ALL: [Self; 9] = [
        Self::Flood,
        Self::Guesses,
        Self::Uploads,
        Self::UnreadAnswers,
        Self::Lists,
        Self::TricklingBodies,
        Self::WrongSecretId,
        Self::SlowVault,
        Self::SilentVault,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Flood => "3,000 random tokens per second, many addresses",
            Self::Guesses => "400 random tokens at once, the clients' address",
            Self::Uploads => "64 uploads that never finish",
            Self::UnreadAnswers => "large responses that are not read",
            Self::Lists => "64 connections list one tenant's secrets",
            Self::TricklingBodies => "slow request bodies at the admin listener",
            Self::WrongSecretId => "an instance with a wrong secret id",
            Self::SlowVault => "Vault takes longer than the timeout",
            Self::SilentVault => "Vault does not respond",
        }
    }

    /// Returns true if the secrets API must stay available during the attack.
    pub fn keeps_api_available(self) -> bool {
        !matches!(self, Self::SlowVault | Self::SilentVault)
    }

    /// Runs the attack for this duration.
    pub async fn run(self, service: &Direct, duration: Duration) {
        match self {
            Self::Flood => flood(service, duration).await,
            Self::Guesses => guesses(service, duration).await,
            Self::Uploads => uploads(service, duration).await,
            Self::UnreadAnswers => unread_answers(service, duration).await,
            Self::Lists => lists(service, duration).await,
            Self::TricklingBodies => trickling_bodies(service, duration).await,
            Self::WrongSecretId => wrong_secret_id(&service.bao, &service.role, duration).await,
            Self::SlowVault => slow_vault(service, duration).await,
            Self::SilentVault => {
                service.bao.freeze();
                sleep(duration).await;
                service.bao.thaw();
            }
        }
    }
}

fn validate(token: &str, client: &str) -> String {
    format!(
        "GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\
         X-Forwarded-For: {client}\r\n\r\n"
    )
}

fn random_token() -> String {
    format!("s.{:024x}", rand::random::<u64>())
}

async fn flood(service: &Direct, duration: Duration) {
    let random_address = || Ipv4Addr::from(rand::random::<u32>()).to_string();
    let traffic = Traffic {
        address: service.validator.auth_address().to_owned(),
        connections: 96,
        rate: 3000,
        request: Arc::new(move |_| validate(&random_token(), &random_address())),
    };
    let _running = traffic.start();
    sleep(duration).await;
}

async fn guesses(service: &Direct, duration: Duration) {
    let mut rounds = interval(Duration::from_secs(1));
    let mut all = JoinSet::new();
    let end = tokio::time::Instant::now() + duration;
    while rounds.tick().await < end {
        for _ in 0..400 {
            let address = service.validator.auth_address().to_owned();
            all.spawn(async move { exchange(&address, &validate(&random_token(), CLIENT)).await });
        }
    }
}

/// Sends a request, and returns the status code of the response.
async fn exchange(address: &str, request: &str) -> Option<u16> {
    let mut stream = BufReader::new(TcpStream::connect(address).await.ok()?);
    stream.write_all(request.as_bytes()).await.ok()?;
    read_answer(&mut stream).await.map(|answer| answer.status)
}

/// Repeats the attempts concurrently on this number of connections for this duration.
async fn repeat<F>(connections: usize, duration: Duration, attempt: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut all = JoinSet::new();
    for _ in 0..connections {
        all.spawn(attempt());
    }
    let _ = tokio::time::timeout(duration, async {
        while all.join_next().await.is_some() {
            all.spawn(attempt());
        }
    })
    .await;
}

async fn uploads(service: &Direct, duration: Duration) {
    let address = api_address(service);
    let attempt = || {
        let address = address.clone();
        async move {
            let head = format!(
                "PUT /v1/tenants/acme/secrets/x HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {}\r\n\
                 Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
                random_token()
            );
            exchange(&address, &head).await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    repeat(64, duration, attempt).await;
}

async fn lists(service: &Direct, duration: Duration) {
    let (address, token) = (api_address(service), service.acme.token().to_owned());
    let attempt = || {
        let request = format!(
            "GET /v1/tenants/acme/secrets HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n"
        );
        let address = address.clone();
        async move {
            exchange(&address, &request).await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    repeat(64, duration, attempt).await;
}

async fn unread_answers(service: &Direct, duration: Duration) {
    let (address, token) = (api_address(service), service.acme.token().to_owned());
    let attempt = || {
        let (address, token) = (address.clone(), token.clone());
        async move {
            let Ok(stream) = TcpStream::connect(address).await else { return };
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.initial_stream_window_size(0);
            let Ok((mut sender, connection)) = builder.handshake(TokioIo::new(stream)).await else {
                return;
            };
            tokio::spawn(connection);
            let mut unread = JoinSet::new();
            while sender.ready().await.is_ok() && unread.len() < 500 {
                let request = Request::get("http://v/v1/tenants/acme/secrets/large")
                    .header("x-vault-token", &token)
                    .body(Empty::<Bytes>::new())
                    .expect("a request");
                unread.spawn(sender.send_request(request));
            }
            sleep(Duration::from_mins(1)).await;
        }
    };
    repeat(2, duration, attempt).await;
}

async fn trickling_bodies(service: &Direct, duration: Duration) {
    let address = service.validator.admin_url().replace("http://", "");
    let attempt = || {
        let address = address.clone();
        async move {
            let Ok(mut stream) = TcpStream::connect(address).await else { return };
            let head = "POST /audit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n";
            let mut sent = stream.write_all(head.as_bytes()).await;
            while sent.is_ok() {
                sleep(Duration::from_millis(200)).await;
                sent = stream.write_all(b" ").await;
            }
        }
    };
    repeat(64, duration, attempt).await;
}

async fn wrong_secret_id(bao: &Bao, role: &AppRole, duration: Duration) {
    let wrong = AppRole { secret_id: "wrong".to_owned(), ..role.clone() };
    let _instance = Validator::spawn(bao, &wrong, &[]);
    sleep(duration).await;
}

/// Checks that a caller who joins another caller's lookup is allowed when Vault responds, although
/// the first caller has timed out by then.
async fn slow_vault(service: &Direct, duration: Duration) {
    let end = tokio::time::Instant::now() + duration;
    let mut late = Vec::new();
    while tokio::time::Instant::now() < end {
        let token = platform::token(&service.bao, json!({"policies": ["tenant"]})).await;
        service.fault.set_for("/v1/auth/token/lookup", Fault::Late(TIMEOUT * 4 / 3)).await;
        let (address, request) =
            (service.validator.auth_address(), validate(&token, "198.51.100.8"));
        let second = async {
            sleep(TIMEOUT * 2 / 3).await;
            exchange(address, &request).await
        };
        late.push(tokio::join!(exchange(address, &request), second).1);
    }
    service.fault.set(Fault::Pass).await;
    assert!(late.iter().all(|status| *status == Some(200)), "the second callers got {late:?}");
}

/// Returns `host:port` of the API listener.
pub fn api_address(service: &Direct) -> String {
    service.validator.api_url().replace("http://", "")
}
