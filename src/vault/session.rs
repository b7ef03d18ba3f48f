use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    time::{sleep, sleep_until},
};

use crate::{
    token::{Cause, Unavailable},
    vault::{
        Client, Login,
        error::{Failure, VaultError},
        file_change::{Stamp, file_change, stamp},
        login::renew,
        own_token::OwnToken,
        self_test,
    },
};

/// The shortest and the longest pause between two attempts at a login or a renewal.
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

/// Vault did not let somebody in.
#[derive(Debug)]
pub struct LoginError(VaultError);

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.failure {
            Failure::OwnToken => f.write_str(
                "Vault refuses the token: it is unknown, expired or revoked. `vault login` brings \
                 a new one, and VAULT_TOKEN goes before it",
            ),
            Failure::OwnPolicy => f.write_str(
                "the token may not look itself up: it needs Vault's policy `default`, or the one \
                 in policies/validator.hcl",
            ),
            Failure::Connect | Failure::Timeout => {
                write!(f, "Vault cannot be reached: {}. VAULT_ADDR says where it is", self.0)
            }
            _ => write!(f, "cannot log in to Vault: {}", self.0),
        }
    }
}

impl std::error::Error for LoginError {}

impl State {
    fn is_in_with(&self, token: &Arc<OwnToken>) -> bool {
        matches!(self, Self::In(present) if Arc::ptr_eq(present, token))
    }
}

impl Session {
    /// A session that has yet to log in; [`Session::keep`] does.
    #[must_use]
    pub fn new(client: Arc<Client>, login: Login) -> Self {
        Self { client, login, state: watch::Sender::new(State::LoggingIn), doubts: Notify::new() }
    }

    /// The client that calls are made with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether there is a token to work with.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        matches!(*self.state.borrow(), State::In(_))
    }

    /// Logs in once, for a program that is soon done.
    ///
    /// # Errors
    /// [`LoginError`] if Vault does not let it in.
    pub async fn open(&self) -> Result<(), LoginError> {
        let own = self.login.log_in(&self.client).await.map_err(LoginError)?;
        self.state.send_replace(State::In(Arc::new(own)));
        Ok(())
    }

    /// Sees to it that there is a token for a while to come: renews the present one when that is due,
    /// or logs in anew. For a program that runs on without [`Session::keep`].
    ///
    /// # Errors
    /// [`LoginError`] if Vault does not let it in any more.
    pub async fn refresh(&self) -> Result<(), LoginError> {
        let present = match &*self.state.borrow() {
            State::In(own) => Some(Arc::clone(own)),
            State::LoggingIn | State::Out(_) => None,
        };
        let Some(own) = present else { return self.open().await };
        if own.renewal().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        if own.is_renewable()
            && let Ok(renewed) = renew(&self.client, &own).await
        {
            self.leave(&own, State::In(Arc::new(renewed)));
            return Ok(());
        }
        self.open().await
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

    /// Has no token from now on, if Vault refused this one; [`Session::refresh`] brings another.
    pub(crate) fn give_up(&self, refused: &Arc<OwnToken>) {
        let unavailable = Unavailable::new(Cause::NotReady, "vault refuses the token");
        self.leave(refused, State::Out(unavailable));
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

    /// Keeps the session alive, for ever.
    pub async fn keep(&self) {
        let mut pause = PAUSE.0;
        let mut said = None;
        let mut kept = Kept::Never;
        let mut doubted = false;
        loop {
            let file = stamp(self.login.watched_file()).await;
            match self.log_in().await {
                Ok(own) => {
                    said = None;
                    kept = Kept::Before;
                    let issued = Instant::now();
                    match self.keep_token(Arc::clone(&own), file).await {
                        Ending::Refused if issued.elapsed() < TRIAL && !own.has_served() => {
                            let detail = "vault refuses the token that it has just issued";
                            let unavailable = Unavailable::new(Cause::NotReady, detail);
                            self.state.send_replace(State::Out(unavailable));
                        }
                        ending => {
                            pause = PAUSE.0;
                            doubted = matches!(ending, Ending::Doubted);
                            continue;
                        }
                    }
                }
                Err(error) => {
                    if said.replace(error.failure) != Some(error.failure) {
                        tracing::error!(%error, "cannot log in to vault");
                    }
                    if doubted && error.failure == Failure::OwnPolicy {
                        self.state.send_replace(State::Out(error.into()));
                    } else {
                        self.fail(error, kept);
                    }
                }
            }
            rest(&mut pause).await;
        }
    }

    /// Logs in with a token that is fit for the work.
    async fn log_in(&self) -> Result<Arc<OwnToken>, VaultError> {
        let own = self.login.log_in(&self.client).await?;
        self_test::run(&self.client, &own).await?;
        let own = Arc::new(own);
        self.state.send_replace(State::In(Arc::clone(&own)));
        tracing::info!("logged in to vault");
        Ok(own)
    }

    /// A login failed. The token that there is serves on while its lease lasts.
    fn fail(&self, error: VaultError, kept: Kept) {
        let unavailable = match (kept, error.failure) {
            (Kept::Before, failure) if failure != Failure::BadRequest => Unavailable::from(error),
            _ => Unavailable::new(Cause::NotReady, format!("vault login: {error}")),
        };
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
                _ = state.wait_for(|state| !state.is_in_with(&own)) => return Ending::Refused,
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

/// Pauses for about this long, and makes the next pause longer.
async fn rest(pause: &mut Duration) {
    sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
    *pause = PAUSE.1.min(*pause * 2);
}
