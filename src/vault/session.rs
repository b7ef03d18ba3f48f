use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Mutex, watch},
    time::{sleep, sleep_until},
};

use crate::{
    token::{Cause, Token, Unavailable},
    vault::{
        Client, Login,
        error::{Failure, VaultError},
        login::renew,
    },
};

/// The shortest and the longest pause between two attempts at a login or a renewal.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How often a token file is looked at.
const FILE_CHECK: Duration = Duration::from_secs(1);

/// The service's own token and its care: login, renewal, and login again when Vault refuses it.
pub struct Session {
    client: Arc<Client>,
    login: Login,
    token: watch::Sender<Option<Arc<OwnToken>>>,
    /// Held during a login, so that there is one at a time; the time and the error of the last
    /// one that failed.
    failed: Mutex<Option<(Instant, VaultError)>>,
}

/// Vault did not let somebody in.
#[derive(Debug)]
pub struct LoginError(VaultError);

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot log in to vault: {}", self.0)
    }
}

impl std::error::Error for LoginError {}

/// The token that the service works with.
pub(crate) struct OwnToken {
    pub(crate) token: SecretString,
    accessor: Option<String>,
    lease: Option<Lease>,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    granted: Instant,
    length: Duration,
    renewable: bool,
}

impl Lease {
    /// A lease of this many seconds; none, for ever, if that is zero.
    pub(crate) fn new(granted: Instant, seconds: u64, renewable: bool) -> Option<Self> {
        let length = Duration::from_secs(seconds);
        (seconds > 0).then_some(Self { granted, length, renewable })
    }

    fn end(self) -> Instant {
        self.granted + self.length
    }

    /// A moment between half and two thirds of the lease, so that many instances started
    /// together do not come back together.
    fn renewal(self) -> Instant {
        self.granted + self.length.mul_f64(rand::random_range(0.5..0.67))
    }
}

impl OwnToken {
    pub(crate) fn new(token: SecretString, accessor: Option<String>, lease: Option<Lease>) -> Self {
        Self { token, accessor: accessor.filter(|accessor| !accessor.is_empty()), lease }
    }

    /// Whether its lease has run out.
    fn is_over(&self) -> bool {
        self.lease.is_some_and(|lease| Instant::now() >= lease.end())
    }

    /// Whether this very token was presented. Compared by hash, in constant time.
    pub(crate) fn is(&self, presented: &Token) -> bool {
        blake3::hash(self.token.expose_secret().as_bytes())
            == blake3::hash(presented.expose().as_bytes())
    }

    /// The token as a caller would present it.
    pub(crate) fn as_presented(&self) -> Token {
        Token::from(self.token.clone())
    }

    /// Whether this is the token's accessor.
    pub(crate) fn has_accessor(&self, accessor: Option<&str>) -> bool {
        self.accessor.is_some() && self.accessor.as_deref() == accessor
    }
}

impl Session {
    /// A session that has yet to log in; [`Session::keep`] does.
    #[must_use]
    pub fn new(client: Arc<Client>, login: Login) -> Self {
        Self { client, login, token: watch::Sender::new(None), failed: Mutex::new(None) }
    }

    /// The client that calls are made with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether there is a token to work with.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.token().is_ok()
    }

    /// Logs in once.
    ///
    /// # Errors
    /// [`LoginError`] if Vault does not let it in.
    pub async fn open(&self) -> Result<(), LoginError> {
        self.log_in(None).await.map(drop).map_err(LoginError)
    }

    /// The present token.
    pub(crate) fn token(&self) -> Result<Arc<OwnToken>, Unavailable> {
        let own = self.token.borrow().clone();
        own.ok_or_else(|| Unavailable::new(Cause::NotReady, "not logged in to vault"))
    }

    /// Another token in place of this one, which Vault refused. However many ask for it at once,
    /// there is one login; and for a moment after one that failed, none.
    pub(crate) async fn replace(
        &self,
        refused: &Arc<OwnToken>,
    ) -> Result<Arc<OwnToken>, Unavailable> {
        self.log_in(Some(refused)).await.map_err(|error| {
            self.drop_token(refused);
            match error.failure {
                Failure::BadRequest => {
                    Unavailable::new(Cause::NotReady, format!("vault login: {error}"))
                }
                _ => Unavailable::from(error),
            }
        })
    }

    /// Is without a token from now on, if this is the present one.
    fn drop_token(&self, own: &Arc<OwnToken>) {
        self.token.send_if_modified(|token| {
            let present = token.as_ref().is_some_and(|token| Arc::ptr_eq(token, own));
            if present {
                *token = None;
            }
            present
        });
    }

    /// Logs in, unless another has done so since `refused` was current.
    async fn log_in(&self, refused: Option<&Arc<OwnToken>>) -> Result<Arc<OwnToken>, VaultError> {
        let mut failed = self.failed.lock().await;
        let current = self.token.borrow().clone();
        if let (Some(current), Some(refused)) = (current, refused)
            && !Arc::ptr_eq(&current, refused)
        {
            return Ok(current);
        }
        if let Some((at, error)) = failed.as_ref()
            && at.elapsed() < PAUSE.0
        {
            return Err(error.clone());
        }
        match self.login.log_in(&self.client).await {
            Ok(own) => {
                *failed = None;
                let own = Arc::new(own);
                self.token.send_replace(Some(Arc::clone(&own)));
                tracing::info!("logged in to vault");
                Ok(own)
            }
            Err(error) => {
                *failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Keeps the session alive, for ever.
    pub async fn keep(&self) {
        loop {
            let file = stamp(self.login.watched_file()).await;
            let own = self.log_in_at_last().await;
            self.keep_token(own, file).await;
        }
    }

    /// Tries until it succeeds, ever more slowly, and logs each new reason why it did not.
    async fn log_in_at_last(&self) -> Arc<OwnToken> {
        let mut pause = PAUSE.0;
        let mut said = None;
        loop {
            let previous = self.token.borrow().clone();
            match self.log_in(previous.as_ref()).await {
                Ok(own) => return own,
                Err(error) => {
                    if said.replace(error.failure) != Some(error.failure) {
                        tracing::error!(%error, "cannot log in to vault");
                    }
                }
            }
            if let Some(previous) = previous.filter(|own| own.is_over()) {
                self.drop_token(&previous);
            }
            rest(&mut pause).await;
        }
    }

    /// Renews this token, or whichever has taken its place, until a new login is called for.
    async fn keep_token(&self, mut own: Arc<OwnToken>, file: Option<Stamp>) {
        let mut changes = self.token.subscribe();
        loop {
            changes.mark_unchanged();
            tokio::select! {
                _ = changes.changed() => match self.token.borrow().clone() {
                    Some(current) => own = current,
                    None => return,
                },
                () = file_change(self.login.watched_file(), file) => {
                    tracing::info!("the token file has changed");
                    return;
                }
                renewed = self.renewed(&own) => match renewed {
                    Some(renewed) => {
                        own = Arc::new(renewed);
                        self.token.send_replace(Some(Arc::clone(&own)));
                    }
                    None => return,
                }
            }
        }
    }

    /// The token with a longer lease, when it is time; `None` if it has to be replaced instead.
    async fn renewed(&self, own: &Arc<OwnToken>) -> Option<OwnToken> {
        let Some(lease) = own.lease else {
            return std::future::pending().await;
        };
        sleep_until(lease.renewal().into()).await;
        let mut pause = PAUSE.0;
        while lease.renewable && !own.is_over() {
            let error = match renew(&self.client, own).await {
                Ok(renewed) => return Some(renewed),
                Err(error) => error,
            };
            tracing::warn!(%error, "cannot renew the service's own token");
            match error.failure {
                Failure::BadRequest => return None,
                Failure::OwnToken => {
                    self.drop_token(own);
                    return None;
                }
                _ => rest(&mut pause).await,
            }
        }
        None
    }
}

/// Pauses for about this long, and makes the next pause longer.
async fn rest(pause: &mut Duration) {
    sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
    *pause = PAUSE.1.min(*pause * 2);
}

/// What tells one state of a file from another.
type Stamp = (u64, SystemTime);

/// Waits until the file is another than the one that was seen; for ever if there is none to wait
/// for. It is looked at rather than subscribed to, since that sees every way of replacing a file
/// on every file system.
async fn file_change(file: Option<&Path>, seen: Option<Stamp>) {
    if file.is_none() {
        std::future::pending::<()>().await;
    }
    loop {
        sleep(FILE_CHECK).await;
        let now = stamp(file).await;
        if now.is_some() && now != seen {
            return;
        }
    }
}

async fn stamp(file: Option<&Path>) -> Option<Stamp> {
    let metadata = tokio::fs::metadata(file?).await.ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}
