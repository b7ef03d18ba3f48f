//! The backend of logins with the real OpenBao.

mod mfa;
mod oidc;
mod outages;
mod passwords;
mod tickets;

use std::{fmt::Debug, sync::Arc, time::Duration};

use serde_json::{Value, json};
use vault_auth_validator::{
    login::{
        BrowserLoginKind, BrowserLoginMethod, LoginBackend, LoginError, LoginStep, UnsuitableToken,
    },
    telemetry::Metrics,
    token::{CallerToken, Unavailable},
    vault::{Client, ClientSettings, TrustRoots, VaultLoginBackend},
};

use crate::support::{bao::Bao, fault::FaultProxy};

/// The password of everyone.
const PASSWORD: &str = "pa55 wörd";

/// The lifetime of a ticket.
const TICKET: Duration = Duration::from_secs(30);

/// The timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An OpenBao with user `ana`, and the backend.
struct LoginVault {
    bao: Bao,
    fault: FaultProxy,
    backend: VaultLoginBackend,
}

impl LoginVault {
    async fn start() -> Self {
        Self::with_timeout(TIMEOUT).await
    }

    /// The same with this timeout of a request.
    async fn with_timeout(timeout: Duration) -> Self {
        let bao = Bao::dev().await;
        bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
        let fault = FaultProxy::start(&bao.authority()).await;
        let settings = ClientSettings {
            addresses: fault.addr().parse::<url::Url>().expect("an address").into(),
            namespace: None,
            trust: TrustRoots::System,
            server_name: None,
            client_cert: None,
            timeout,
        };
        let client = Client::new(&settings, Arc::new(Metrics::default())).expect("a client");
        let vault = Self { bao, fault, backend: VaultLoginBackend::new(Arc::new(client)) };
        vault.add_user("ana", json!({})).await;
        vault
    }

    /// Creates a user with these parameters besides the password.
    async fn add_user(&self, name: &str, parameters: Value) {
        let mut user = parameters;
        user["password"] = json!(PASSWORD);
        self.bao.must("POST", &format!("auth/userpass/users/{name}"), Some(user)).await;
    }

    /// Logs a user in, and returns the entity's id.
    async fn entity(&self, name: &str) -> String {
        let (path, body) = (format!("auth/userpass/login/{name}"), json!({"password": PASSWORD}));
        let (_, answer) = self.bao.request_as("", "POST", &path, Some(body)).await;
        text(&answer["auth"]["entity_id"])
    }

    async fn disable(&self, entity: &str) {
        let path = format!("identity/entity/id/{entity}");
        self.bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    }

    async fn log_in(&self, name: &str, password: &str) -> Result<LoginStep, LoginError> {
        self.backend.log_in(&userpass(), name, &password.into()).await
    }

    /// Returns the token of user `ana`.
    async fn token(&self) -> CallerToken {
        logged_in(self.log_in("ana", PASSWORD).await)
    }

    /// Returns the status of a lookup of the token with itself.
    async fn lookup_status(&self, token: &CallerToken) -> u16 {
        self.bao.request_as(token.expose(), "GET", "auth/token/lookup-self", None).await.0
    }

    /// Returns the number of requests for paths with this start in the audit log.
    fn requests(&self, prefix: &str) -> usize {
        let log = self.bao.audit_log();
        let is_request = |entry: &&Value| {
            let path = entry["request"]["path"].as_str();
            entry["type"] == "request" && path.is_some_and(|path| path.starts_with(prefix))
        };
        log.iter().filter(is_request).count()
    }
}

fn userpass() -> BrowserLoginMethod {
    let mount = "userpass".to_owned();
    BrowserLoginMethod { kind: BrowserLoginKind::Userpass, mount, role: None }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}

#[track_caller]
fn logged_in(step: Result<LoginStep, LoginError>) -> CallerToken {
    match step {
        Ok(LoginStep::LoggedIn(token)) => token,
        other => panic!("no token: {other:?}"),
    }
}

#[track_caller]
fn rejected<T: Debug>(result: Result<T, LoginError>) {
    match result {
        Err(LoginError::Rejected) => {}
        other => panic!("not rejected: {other:?}"),
    }
}

#[track_caller]
fn expired<T: Debug>(result: Result<T, LoginError>) {
    match result {
        Err(LoginError::Expired) => {}
        other => panic!("not expired: {other:?}"),
    }
}

#[track_caller]
fn misconfigured<T: Debug>(result: Result<T, LoginError>) -> String {
    match result {
        Err(LoginError::Misconfigured(why)) => why,
        other => panic!("not misconfigured: {other:?}"),
    }
}

#[track_caller]
fn unsuitable<T: Debug>(result: Result<T, LoginError>) -> UnsuitableToken {
    match result {
        Err(LoginError::UnsuitableToken(reason)) => reason,
        other => panic!("suitable: {other:?}"),
    }
}

#[track_caller]
fn unavailable<T: Debug>(result: Result<T, LoginError>) -> Unavailable {
    match result {
        Err(LoginError::Unavailable(why)) => why,
        other => panic!("available: {other:?}"),
    }
}
