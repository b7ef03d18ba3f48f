mod command;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, Notify, watch},
    time::{sleep, sleep_until},
};

pub use self::command::LoginError;
use self::command::Logins;
use crate::{
    token::{Cause, Unavailable},
    vault::{
        Client, Login,
        attempts::{Attempts, Hindrance, Hold},
        error::{Failure, VaultError},
        file_change::{Stamp, file_change, stamp},
        login::renew,
        own_token::OwnToken,
        self_test,
    },
};

/// The shortest and the longest pause between two attempts at a renewal.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// A token that Vault refuses within this time of issuing it, before it was of any use, would be
/// refused again.
const TRIAL: Duration = Duration::from_millis(500);

/// How often at the most a login is tried because the token's policies seem to have changed.
const DOUBT: Duration = Duration::from_secs(2);

/// The service's own token and its care: login, renewal, and login again when Vault refuses it.
///
/// One task, [`Session::keep`], does all of that. Requests only read the state, and tell when
/// Vault refused the token; so no request that ends early takes a login with it.
pub struct Session {
    client: Arc<Client>,
    login: Login,
    state: watch::Sender<State>,
    doubts: Notify,
    /// Held during a login.
    logins: Mutex<Logins>,
}

#[derive(Clone)]
enum State {
    /// Without a token, and about to have one or to know why not.
    LoggingIn,
    /// With a token to work with.
    In(Arc<OwnToken>),
    /// Without one, and why.
    Out(Unavailable),
}

/// Why a token is not kept any longer.
enum Ending {
    /// Vault refused it.
    Refused,
    /// Vault refused it before it was of any use.
    Unproven,
    /// Vault refused something that it should be good for.
    Doubted,
    /// It is time for another.
    Due,
}

/// Whether there has been a token.
#[derive(Clone, Copy)]
enum Kept {
    Never,
    Before,
}

impl State {
    fn is_in_with(&self, token: &Arc<OwnToken>) -> bool {
        matches!(self, Self::In(present) if Arc::ptr_eq(present, token))
    }
}

impl Session {
    /// A session that has yet to log in; [`Session::keep`] does.
    #[must_use]
    pub fn new(client: Arc<Client>, login: Login) -> Self {
        Self {
            client,
            login,
            state: watch::Sender::new(State::LoggingIn),
            doubts: Notify::new(),
            logins: Mutex::default(),
        }
    }

    /// The client that calls are made with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether its tokens are made by logins, and revoked by [`Session::close`].
    #[must_use]
    pub fn obtains_tokens(&self) -> bool {
        self.login.obtains_tokens()
    }

    /// Whether there is a token to work with.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        matches!(*self.state.borrow(), State::In(_))
    }

    /// Why there is no token to work with; `None` if there is one, or one is on its way. It holds
    /// no secret.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        match &*self.state.borrow() {
            State::Out(unavailable) => Some(Arc::clone(&unavailable.detail)),
            State::LoggingIn | State::In(_) => None,
        }
    }

    /// The present token; while one is on its way, that.
    pub(crate) async fn token(&self) -> Result<Arc<OwnToken>, Unavailable> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::LoggingIn)).await;
        match settled.as_deref() {
            Ok(State::In(own)) => Ok(Arc::clone(own)),
            Ok(State::Out(unavailable)) => Err(unavailable.clone()),
            Ok(State::LoggingIn) | Err(_) => {
                Err(Unavailable::new(Cause::NotReady, "not logged in to vault"))
            }
        }
    }

    /// The token that takes the place of this one, which Vault refused. However many ask for it
    /// at once, there is one login.
    pub(crate) async fn replace(
        &self,
        refused: &Arc<OwnToken>,
    ) -> Result<Arc<OwnToken>, Unavailable> {
        self.leave(refused, State::LoggingIn);
        self.token().await
    }

    /// Says that the token may not do what it is for. It stays, since it may be one caller's token
    /// that is odd; but if it is the policies of the service's role that have changed, a new login
    /// brings the new ones, or finds out what is missing.
    pub(crate) fn doubt(&self) {
        self.doubts.notify_one();
    }

    /// Is in this state from now on, if this token is the present one.
    fn leave(&self, token: &Arc<OwnToken>, next: State) {
        self.state.send_if_modified(|state| {
            let present = state.is_in_with(token);
            if present {
                *state = next;
            }
            present
        });
    }

    /// Keeps the session alive until [`Session::close`] ends it.
    pub async fn keep(&self) {
        let mut attempts = Attempts::default();
        let mut said = None;
        let mut kept = Kept::Never;
        let mut doubted = false;
        loop {
            let file = stamp(self.login.file()).await;
            let (hindrance, unavailable) = match self.log_in().await {
                Ok(None) => return,
                Ok(Some(own)) => {
                    said = None;
                    kept = Kept::Before;
                    let ending = self.keep_token(own, file).await;
                    if !matches!(ending, Ending::Unproven) {
                        attempts = Attempts::default();
                        doubted = matches!(ending, Ending::Doubted);
                        continue;
                    }
                    let detail = "vault refuses the token that it has just issued";
                    let unavailable = Unavailable::new(Cause::NotReady, detail);
                    self.state.send_replace(State::Out(unavailable.clone()));
                    (Hindrance::Passing, unavailable)
                }
                Err(error) => {
                    let failure = error.failure;
                    let before = said.take().filter(|(before, _)| *before == failure);
                    let (_, unavailable) = before.unwrap_or_else(|| {
                        tracing::error!(%error, "cannot log in to vault");
                        (failure, failed(error, kept))
                    });
                    said = Some((failure, unavailable.clone()));
                    if doubted && failure == Failure::OwnPolicy {
                        self.state.send_replace(State::Out(unavailable.clone()));
                    } else {
                        self.serve_on_or(unavailable.clone());
                    }
                    (failure.into(), unavailable)
                }
            };
            self.rest(attempts.failed(hindrance, file), unavailable).await;
        }
    }

    /// Waits until a login may be tried again. Whoever waits for a token meanwhile is told that
    /// there is none.
    async fn rest(&self, hold: Hold, unavailable: Unavailable) {
        let mut state = self.state.subscribe();
        let nobody_waits = async {
            while state.wait_for(|state| matches!(state, State::LoggingIn)).await.is_ok() {
                self.serve_on_or(unavailable.clone());
            }
        };
        tokio::select! {
            () = hold.over(self.login.file()) => {}
            () = nobody_waits => {}
        }
    }

    /// Logs in with a token that is fit for the work; `None` once the session has ended.
    async fn log_in(&self) -> Result<Option<Arc<OwnToken>>, VaultError> {
        let Some(_logins) = self.logins().await else { return Ok(None) };
        let own = self.login.log_in(&self.client).await?;
        if let Err(unfit) = self_test::run(&self.client, &own).await {
            // It is not worked with, and ends by itself if it is not revoked.
            let _ = self.revoke(&own).await;
            return Err(unfit);
        }
        let own = Arc::new(own);
        self.state.send_replace(State::In(Arc::clone(&own)));
        tracing::info!("logged in to vault");
        Ok(Some(own))
    }

    /// There is no other token for this reason. One that there is serves on while its lease lasts.
    fn serve_on_or(&self, unavailable: Unavailable) {
        self.state.send_if_modified(|state| {
            let works_on = matches!(state, State::In(own) if !own.is_over());
            if !works_on {
                *state = State::Out(unavailable);
            }
            !works_on
        });
    }

    /// Renews this token until a new login is called for, and says why it is.
    async fn keep_token(&self, mut own: Arc<OwnToken>, file: Option<Stamp>) -> Ending {
        let first_lease = own.lease_length();
        let issued = Instant::now();
        loop {
            let mut state = self.state.subscribe();
            let doubted = async {
                sleep_until((issued + DOUBT).into()).await;
                self.doubts.notified().await;
            };
            let renewed = tokio::select! {
                _ = state.wait_for(|state| !state.is_in_with(&own)) => {
                    let unproven = issued.elapsed() < TRIAL && !own.has_served();
                    return if unproven { Ending::Unproven } else { Ending::Refused };
                }
                () = doubted => return Ending::Doubted,
                () = file_change(self.login.watched_file(), file) => {
                    tracing::info!("the token file has changed");
                    return Ending::Due;
                }
                renewed = self.renewed(&own) => renewed,
            };
            let Some(renewed) = renewed.map(Arc::new) else { return Ending::Due };
            self.leave(&own, State::In(Arc::clone(&renewed)));
            own = renewed;
            // Near the end of what Vault allows a token, renewals become shorter and shorter.
            if own.lease_length() <= first_lease / 2 {
                return Ending::Due;
            }
        }
    }

    /// The token with a longer lease, when it is time; `None` if it has to be replaced instead.
    async fn renewed(&self, own: &Arc<OwnToken>) -> Option<OwnToken> {
        let Some(renewal) = own.renewal() else { return std::future::pending().await };
        sleep_until(renewal.into()).await;
        let mut pause = PAUSE.0;
        while own.is_renewable() && !own.is_over() {
            let error = match renew(&self.client, own).await {
                Ok(renewed) => return Some(renewed),
                Err(error) => error,
            };
            tracing::warn!(%error, "cannot renew the service's own token");
            match error.failure {
                // Past its greatest age OpenBao says 400 or 500. A login is as good as a renewal.
                Failure::BadRequest | Failure::Server => return None,
                Failure::OwnToken => {
                    self.leave(own, State::LoggingIn);
                    return None;
                }
                _ => rest(&mut pause).await,
            }
        }
        None
    }
}

/// What a login that failed means for those who need a token.
fn failed(error: VaultError, kept: Kept) -> Unavailable {
    match (kept, error.failure) {
        (Kept::Before, failure)
            if !matches!(
                failure,
                Failure::BadRequest | Failure::NoNamespace | Failure::SecretIdSpent
            ) =>
        {
            error.into()
        }
        _ => Unavailable::new(Cause::NotReady, format!("vault login: {error}")),
    }
}

/// Pauses for about this long, and makes the next pause longer.
async fn rest(pause: &mut Duration) {
    sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
    *pause = PAUSE.1.min(*pause * 2);
}
