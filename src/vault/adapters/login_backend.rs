use std::{collections::BTreeMap, iter::zip, sync::Arc, time::Duration};

use opentelemetry::trace::FutureExt as _;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use url::Url;

use super::{
    login_input::{has_path, is_passcode},
    login_step::{login_error, login_step, malformed, token_error},
};
use crate::{
    login::{
        BrowserLoginMethod, LoginBackend, LoginError, LoginFuture, LoginStep, MfaRequirement,
        OidcCallback, UnsuitableToken,
    },
    token::{CallerToken, Credential, Unavailable, UnavailableReason},
    vault::{
        api::{
            login::log_in_with_password,
            login_auth::LoginAuth,
            oidc,
            sys::{mfa, wrapping},
            token::revoke_self,
        },
        client::{Client, FailureKind, Operation, VaultError},
    },
};

/// The number of logins with a password that are in flight at once. Each takes Vault some 80 ms of
/// CPU time for bcrypt, which lookups then wait for.
const MAX_LOGINS: usize = 4;

/// Logs people in to Vault. A request of a login is sent once: Vault counts failed logins, and accepts
/// a passcode, a state and a ticket once.
///
/// Vault gives the same answer for a mount that does not exist as for a user who is locked out, so such
/// a mount rejects every password.
pub struct VaultLoginBackend {
    client: Arc<Client>,
    logins: Arc<Semaphore>,
}

/// The data in a ticket.
#[derive(Serialize)]
struct NewTicket<'a> {
    session_token: &'a str,
}

/// The data in a wrapping token, which anyone with a token of Vault can wrap.
#[derive(Deserialize)]
struct TicketData {
    session_token: Option<SecretString>,
}

impl VaultLoginBackend {
    /// Creates a backend that sends its requests with this client.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        Self { client, logins: Arc::new(Semaphore::new(MAX_LOGINS)) }
    }

    /// Waits until another login may be in flight, for at most the timeout of a request.
    async fn login_permit(&self) -> Result<OwnedSemaphorePermit, LoginError> {
        let permit = Arc::clone(&self.logins).acquire_owned();
        let permit = timeout(self.client.timeout(), permit).await;
        permit.ok().and_then(Result::ok).ok_or_else(|| {
            let detail = "too many logins to vault are in flight";
            Unavailable::new(UnavailableReason::Overloaded, detail).into()
        })
    }

    /// Returns the step that a login has reached. A token that cannot be a session is revoked, as far
    /// as its policies allow that; it expires otherwise.
    async fn complete(&self, auth: LoginAuth) -> Result<LoginStep, LoginError> {
        let token = auth.client_token.clone();
        let step = login_step(auth);
        if let Err(LoginError::UnsuitableToken(reason)) = &step
            && *reason != UnsuitableToken::Batch
            && let Err(error) = revoke_self(&self.client, &token).await
        {
            tracing::debug!(?reason, %error, "the token of a refused login was not revoked");
        }
        step
    }

    async fn password_login(
        &self,
        method: &BrowserLoginMethod,
        name: &str,
        password: &SecretString,
    ) -> Result<LoginStep, LoginError> {
        if !has_path(method.kind, name) || password.expose_secret().is_empty() {
            return Err(LoginError::Rejected);
        }
        let permit = self.login_permit().await?;
        let client = Arc::clone(&self.client);
        let (mount, name, password) = (method.mount.clone(), name.to_owned(), password.clone());
        let login = async move {
            let _permit = permit;
            log_in_with_password(&client, &mount, &name, &password).await
        };
        // Vault computes the hash to its end, also if nothing waits for the response any more.
        let auth = tokio::spawn(login.with_current_context()).await;
        let auth = auth.map_err(|_| {
            Unavailable::new(UnavailableReason::NoValidResponse, "the login did not end")
        })?;
        self.complete(auth.map_err(login_error)?).await
    }

    async fn passcode_login(
        &self,
        requirement: &MfaRequirement,
        passcodes: &[SecretString],
    ) -> Result<CallerToken, LoginError> {
        let MfaRequirement { request_id, methods } = requirement;
        let is_complete = methods.len() == passcodes.len() && !methods.is_empty();
        if !is_complete || !passcodes.iter().all(is_passcode) {
            return Err(LoginError::Rejected);
        }
        let passcodes: BTreeMap<_, _> =
            zip(methods.iter().map(String::as_str), passcodes).collect();
        let auth = mfa::validate(&self.client, request_id, &passcodes).await;
        match self.complete(auth.map_err(login_error)?).await? {
            LoginStep::LoggedIn(token) => Ok(token),
            LoginStep::MfaRequired(_) => Err(malformed("factors are required once more")),
        }
    }

    async fn auth_url(
        &self,
        method: &BrowserLoginMethod,
        redirect_uri: &str,
        client_nonce: &SecretString,
    ) -> Result<String, LoginError> {
        let (mount, role) = (method.mount.as_str(), method.role.as_deref());
        let url = oidc::auth_url(&self.client, mount, role, redirect_uri, client_nonce).await;
        let url = url.map_err(login_error)?.ok_or_else(|| {
            LoginError::Misconfigured(format!(
                "Vault has no address of the provider of auth/{mount}/: check that {redirect_uri} is \
                 one of the role's allowed_redirect_uris, to the character, that the role's role_type \
                 is oidc, and that Vault can reach oidc_discovery_url (Vault's log has the reason)"
            ))
        })?;
        let parsed = Url::parse(&url).ok();
        let is_web = parsed.is_some_and(|parsed| matches!(parsed.scheme(), "https" | "http"));
        let is_ascii = url.bytes().all(|byte| byte.is_ascii_graphic());
        if is_web && is_ascii { Ok(url) } else { Err(malformed("an auth_url that is no URL")) }
    }

    async fn open_ticket(&self, ticket: &SecretString) -> Result<CallerToken, LoginError> {
        // Vault takes an empty token for none.
        if Credential::from_text(ticket.expose_secret()).is_none() {
            return Err(LoginError::Expired);
        }
        let lookup = wrapping::lookup(&self.client, Operation::TicketUnwrap, ticket).await;
        // The wrapping token of another request stays usable for its owner.
        if lookup.map_err(ticket_error)?.creation_path != wrapping::WRAP {
            return Err(LoginError::Expired);
        }
        let data = wrapping::unwrap(&self.client, Operation::TicketUnwrap, ticket).await;
        let TicketData { session_token } = data.map_err(ticket_error)?;
        let token = session_token.ok_or(LoginError::Expired)?;
        let is_token = Credential::from_text(token.expose_secret()).is_some();
        if is_token { Ok(token.into()) } else { Err(LoginError::Expired) }
    }
}

impl LoginBackend for VaultLoginBackend {
    /// A name that the auth method has no path for is rejected without a request.
    fn log_in<'a>(
        &'a self,
        method: &'a BrowserLoginMethod,
        name: &'a str,
        password: &'a SecretString,
    ) -> LoginFuture<'a, LoginStep> {
        Box::pin(self.password_login(method, name, password))
    }

    /// Vault does not say whether the role or the provider is the reason why there is no address, so
    /// that a provider that it cannot reach is reported as a misconfiguration, too.
    fn start_oidc<'a>(
        &'a self,
        method: &'a BrowserLoginMethod,
        redirect_uri: &'a str,
        client_nonce: &'a SecretString,
    ) -> LoginFuture<'a, String> {
        Box::pin(self.auth_url(method, redirect_uri, client_nonce))
    }

    /// A code that the provider does not exchange is [`LoginError::Unavailable`], like a provider that
    /// Vault cannot reach: Vault sends the same status and a free text. The person has to start again
    /// in both cases, and the operator's log needs the text.
    fn finish_oidc<'a>(
        &'a self,
        method: &'a BrowserLoginMethod,
        callback: &'a OidcCallback,
    ) -> LoginFuture<'a, LoginStep> {
        Box::pin(async move {
            let auth = oidc::callback(&self.client, &method.mount, callback).await;
            self.complete(auth.map_err(login_error)?).await
        })
    }

    fn validate_mfa<'a>(
        &'a self,
        requirement: &'a MfaRequirement,
        passcodes: &'a [SecretString],
    ) -> LoginFuture<'a, CallerToken> {
        Box::pin(self.passcode_login(requirement, passcodes))
    }

    fn wrap<'a>(
        &'a self,
        token: &'a CallerToken,
        lifetime: Duration,
    ) -> LoginFuture<'a, SecretString> {
        Box::pin(async move {
            let ticket = NewTicket { session_token: token.expose() };
            let (client, secret) = (&self.client, token.as_secret());
            let wrapped = wrapping::wrap(client, Operation::TicketWrap, secret, &ticket, lifetime);
            wrapped.await.map_err(token_error)
        })
    }

    fn unwrap<'a>(&'a self, ticket: &'a SecretString) -> LoginFuture<'a, CallerToken> {
        Box::pin(self.open_ticket(ticket))
    }

    /// Vault rejects a token of a disabled entity like one that does not exist. Such a token is not
    /// revoked, and is valid again if the entity is enabled before the token expires.
    fn revoke<'a>(&'a self, token: &'a CallerToken) -> LoginFuture<'a, ()> {
        Box::pin(async move {
            match revoke_self(&self.client, token.as_secret()).await {
                Err(error) if error.kind == FailureKind::TokenRejected => Ok(()),
                revoked => revoked.map_err(token_error),
            }
        })
    }
}

/// Returns the error of a ticket that was not exchanged. Vault rejects a token that it cannot parse
/// like one that a request is made with.
fn ticket_error(error: VaultError) -> LoginError {
    match error.kind {
        FailureKind::TokenRejected => LoginError::Expired,
        _ => login_error(error),
    }
}
