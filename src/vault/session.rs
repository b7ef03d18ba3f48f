use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
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
    /// Held during a login, so that there is one at a time; when the last one was, and its error
    /// if it failed.
    last_login: Mutex<Option<(Instant, Option<VaultError>)>>,
}

/// The token that the service works with.
pub(crate) struct OwnToken {
    pub(crate) token: SecretString,
    accessor: Option<String>,
    /// How long it lives; for ever, if `None`.
    pub(crate) lease: Option<Lease>,
    /// Whether Vault has ever answered a caller's question that was asked with it.
    worked: AtomicBool,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    granted: Instant,
    length: Duration,
    /// How long it was when the token was new.
    first_length: Duration,
    renewable: bool,
}

impl Lease {
    /// A lease of this many seconds. Vault says zero within the last one.
    pub(crate) fn new(granted: Instant, seconds: u64, renewable: bool) -> Self {
        let length = Duration::from_secs(seconds.max(1));
        Self { granted, length, first_length: length, renewable }
    }

    /// This lease as that of a token which had `former` before.
    pub(crate) fn following(self, former: Option<Self>) -> Self {
        let first_length = former.map_or(self.length, |former| former.first_length);
        Self { first_length, ..self }
    }

    /// Whether the token nears its `max_ttl`: it is renewed for ever less.
    fn dwindles(self) -> bool {
        self.length * 2 <= self.first_length
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
        let accessor = accessor.filter(|accessor| !accessor.is_empty());
        Self { token, accessor, lease, worked: AtomicBool::new(false) }
    }

    /// Notes that Vault has answered a caller's question that was asked with it.
    pub(crate) fn has_worked(&self) {
        self.worked.store(true, Relaxed);
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

    /// Whether this is the token's accessor.
    pub(crate) fn has_accessor(&self, accessor: Option<&str>) -> bool {
        self.accessor.is_some() && self.accessor.as_deref() == accessor
    }
}

impl Session {
    /// A session that has yet to log in; [`Session::keep`] does.
    #[must_use]
    pub fn new(client: Arc<Client>, login: Login) -> Self {
        Self { client, login, token: watch::Sender::new(None), last_login: Mutex::new(None) }
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

    /// The present token.
    pub(crate) fn token(&self) -> Result<Arc<OwnToken>, Unavailable> {
        let own = self.token.borrow().clone();
        own.ok_or_else(|| Unavailable::new(Cause::NotReady, "not logged in to vault"))
    }

    /// Another token in place of this one, which Vault refused. However many ask for it at once,
    /// there is one login; and for a moment after one that was of no use, none.
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
        let mut last = self.last_login.lock().await;
        let current = self.token.borrow().clone();
        if let (Some(current), Some(refused)) = (current, refused)
            && !Arc::ptr_eq(&current, refused)
        {
            return Ok(current);
        }
        let in_good_use = refused.is_some_and(|own| own.worked.load(Relaxed));
        if let Some((at, error)) = last.as_ref()
            && at.elapsed() < PAUSE.0
            && (error.is_some() || !in_good_use)
        {
            return Err(error.clone().unwrap_or_else(|| {
                VaultError::new(Failure::OwnToken, "a token is refused that was just issued")
            }));
        }
        let own = self.login.log_in(&self.client).await.map(Arc::new);
        *last = Some((Instant::now(), own.as_ref().err().cloned()));
        let own = own?;
        self.token.send_replace(Some(Arc::clone(&own)));
        tracing::info!("logged in to vault");
        Ok(own)
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
                        if own.lease.is_some_and(Lease::dwindles) {
                            return;
                        }
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
                // Past the `max_ttl` OpenBao says 400 or 500. A login is as good as a renewal.
                Failure::BadRequest | Failure::Server => return None,
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
