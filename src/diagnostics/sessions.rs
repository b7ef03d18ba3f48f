//! The Vault sessions that checks run with: the service's, and an operator's if there is one.

use std::sync::Arc;

use super::{
    browser_login,
    finding::{CheckGroup, Finding},
    service_token::{self, TokenSource},
    setup::{self, Expected, TokenOwner},
};
use crate::{
    config::{OperatorLogin, ServiceLoginConfig},
    login::LoginSite,
    vault::{Client, LoginCost, ServiceLogin, VaultSession},
};

/// The sessions, as far as they could be opened.
pub(super) struct Sessions {
    service: Result<(Arc<VaultSession>, TokenSource), NoSession>,
    operator: Option<Result<Arc<VaultSession>, NoSession>>,
}

/// The logins that diagnostics may perform.
#[derive(Clone, Copy)]
pub enum AllowedLogins {
    /// Only logins that consume nothing.
    Free,
    /// Also logins that consume a use of the secret id.
    Consuming,
}

/// The reason why there is no session.
enum NoSession {
    LoginFailed(String),
    NotAttempted { reason: &'static str, remedy: &'static str },
}

/// The reason why nothing can be inspected.
const NO_TOKEN: &str = "there is no token to inspect it with";

/// The result for a wrapped secret id, which is left unused.
const WRAPPED: NoSession = NoSession::NotAttempted {
    reason: "the secret id is wrapped: its wrapping token is valid, and a login would use it up",
    remedy: "it is good for one login, that of the service it was issued for",
};

impl Sessions {
    /// Logs in as the service and as the operator, as far as the allowed logins permit.
    /// `before_login` is called with each session before its login.
    pub(super) async fn open(
        client: &Arc<Client>,
        service: ServiceLoginConfig,
        operator: Option<OperatorLogin>,
        allowed: AllowedLogins,
        before_login: &dyn Fn(&Arc<VaultSession>),
    ) -> Self {
        let service = match service {
            ServiceLoginConfig::NotConfigured => Err(NoSession::NotAttempted {
                reason: "no login of the service is configured here",
                remedy: "set VALIDATOR_ROLE_ID and VALIDATOR_SECRET_ID_FILE, or run this where \
                         they are set",
            }),
            ServiceLoginConfig::Invalid => Err(NoSession::NotAttempted {
                reason: "the service's login is misconfigured, see below",
                remedy: "",
            }),
            ServiceLoginConfig::Unspecified => Err(NoSession::NotAttempted {
                reason: "the configured login is used as the operator's (--operator)",
                remedy: "run this where the service runs, without --operator",
            }),
            ServiceLoginConfig::Login(login) => {
                let source = TokenSource::of(&login);
                let session = log_in(client, login, allowed, before_login).await;
                session.map(|session| (session, source))
            }
        };
        let operator = match operator {
            None => None,
            Some(operator) => Some(log_in(client, operator.login, allowed, before_login).await),
        };
        Self { service, operator }
    }

    /// Revokes the tokens that were obtained by login. Returns the errors.
    pub(super) async fn close(&self) -> Vec<String> {
        let service = self.service.as_ref().ok().map(|(session, _)| session);
        let operator = self.operator.as_ref().and_then(|operator| operator.as_ref().ok());
        let mut errors = Vec::new();
        for session in service.into_iter().chain(operator) {
            errors.extend(session.close().await.err());
        }
        errors
    }

    /// Checks the auth methods of browser logins, with the session that inspects the setup.
    pub(super) async fn check_login_methods(&self, site: &LoginSite) -> Vec<Finding> {
        match (&self.operator, &self.service) {
            (Some(Ok(session)), _) => {
                browser_login::check_methods(session, TokenOwner::Operator, site).await
            }
            (None, Ok((session, _))) => {
                browser_login::check_methods(session, TokenOwner::Service, site).await
            }
            (Some(Err(NoSession::LoginFailed(_))), _) => {
                browser_login::skip_methods("the operator's login failed")
            }
            (Some(Err(NoSession::NotAttempted { reason, .. })), _) => {
                browser_login::skip_methods(reason)
            }
            (None, Err(_)) => browser_login::skip_methods(NO_TOKEN),
        }
    }

    /// Checks the service's token and Vault's setup. The setup is inspected with the operator's
    /// session if there is an operator, else with the service's.
    pub(super) async fn check(&self, expected: Expected<'_>) -> [CheckGroup; 2] {
        let inspector = match (&self.operator, &self.service) {
            (Some(Ok(session)), _) => Ok((session, TokenOwner::Operator)),
            (Some(Err(NoSession::LoginFailed(why))), _) => Err(setup::login_failed(why)),
            (Some(Err(NoSession::NotAttempted { reason, .. })), _) => Err(setup::skip(reason)),
            (None, Ok((session, _))) => Ok((session, TokenOwner::Service)),
            (None, Err(_)) => Err(setup::skip(NO_TOKEN)),
        };
        let (setup, tenants) = match inspector {
            Ok((session, owner)) => setup::check(session, owner, expected).await,
            Err(group) => (group, Vec::new()),
        };
        let token = match &self.service {
            Ok((session, source)) => {
                service_token::check(session, *source, expected.mounts, &tenants).await
            }
            Err(NoSession::LoginFailed(why)) => service_token::login_failed(why),
            Err(NoSession::NotAttempted { reason, remedy }) => service_token::skip(reason, remedy),
        };
        [token, setup]
    }
}

async fn log_in(
    client: &Arc<Client>,
    login: ServiceLogin,
    allowed: AllowedLogins,
    before_login: &dyn Fn(&Arc<VaultSession>),
) -> Result<Arc<VaultSession>, NoSession> {
    match (login.cost(client).await, allowed) {
        (LoginCost::WrappedSecretId(Ok(())), _) => return Err(WRAPPED),
        (LoginCost::WrappedSecretId(Err(why)), _) => return Err(NoSession::LoginFailed(why)),
        (LoginCost::OneUse, AllowedLogins::Free) => {
            return Err(NoSession::NotAttempted {
                reason: "a login consumes a use of the secret id, which may have only one",
                remedy: "add --login to log in with it",
            });
        }
        (LoginCost::Nothing, _) | (LoginCost::OneUse, AllowedLogins::Consuming) => {}
    }
    let session = Arc::new(VaultSession::new(Arc::clone(client), login));
    before_login(&session);
    match session.log_in().await {
        Ok(()) => Ok(session),
        Err(error) => Err(NoSession::LoginFailed(error.to_string())),
    }
}
