//! Whose eyes what is in Vault is seen with.

use std::sync::Arc;

use super::{
    diagnosis::Group,
    platform::{self, Places, Viewer},
    token::{self, Kind},
};
use crate::{
    cli::operator,
    config::{Operator, Service},
    policies::PolicySet,
    vault::{Client, Login, LoginCost, Session},
};

/// Two sessions, as far as there are any.
pub(super) struct Sessions {
    service: Result<(Arc<Session>, Kind), Unusable>,
    operator: Option<Result<Arc<Session>, Unusable>>,
}

/// The permission to make a login that spends something.
#[derive(Clone, Copy)]
pub(super) enum Logins {
    Free,
    AtACost,
}

/// Why there is no session.
enum Unusable {
    Refused(String),
    NotTried { because: &'static str, remedy: &'static str },
}

/// The finding about a wrapped secret id, which is left as it is.
const WRAPPED: Unusable = Unusable::NotTried {
    because: "the secret id is wrapped: its wrapping token is valid, and this would use it up",
    remedy: "it is good for one login: that of whom it was made for",
};

impl Sessions {
    /// Logs in, as far as that does no harm.
    pub(super) async fn open(
        client: &Arc<Client>,
        service: Service,
        operator: Option<Operator>,
        logins: Logins,
    ) -> Self {
        let service = match service {
            Service::Unknown => Err(Unusable::NotTried {
                because: "nothing says here who the service is",
                remedy: "set VALIDATOR_ROLE_ID and VALIDATOR_SECRET_ID_FILE, or run this where they are",
            }),
            Service::Faulty => Err(Unusable::NotTried {
                because: "what says who the service is has faults, which are shown below",
                remedy: "",
            }),
            Service::Elsewhere => Err(Unusable::NotTried {
                because: "what logs in here is an operator's, as --operator says",
                remedy: "run this where the service runs, without --operator",
            }),
            Service::Login(login) => {
                let kind = Kind::of(&login);
                log_in(client, login, logins).await.map(|session| (session, kind))
            }
        };
        let operator = match operator {
            None => None,
            Some(operator) => Some(log_in(client, operator.login, logins).await),
        };
        Self { service, operator }
    }

    /// Ends those that there are.
    pub(super) async fn end(&self) {
        let service = self.service.as_ref().ok().map(|(session, _)| session);
        let operator = self.operator.as_ref().and_then(|operator| operator.as_ref().ok());
        for session in service.into_iter().chain(operator) {
            operator::end(session).await;
        }
    }

    /// The service's token, and what has been set up.
    pub(super) async fn examine(&self, places: Places<'_>, policies: &PolicySet) -> [Group; 2] {
        let mounts = places.mounts;
        let found = match (&self.operator, &self.service) {
            (Some(Ok(session)), _) => {
                Ok(platform::examine(session, Viewer::Operator, places, policies).await)
            }
            (Some(Err(Unusable::Refused(why))), _) => Err(platform::refused(why)),
            (Some(Err(Unusable::NotTried { because, .. })), _) => {
                Err(platform::unexamined(because))
            }
            (None, Ok((session, _))) => {
                Ok(platform::examine(session, Viewer::Service, places, policies).await)
            }
            (None, Err(_)) => Err(platform::unexamined("there is no token to look with")),
        };
        let (platform, tenants) = match found {
            Ok(found) => (found.group, found.tenants),
            Err(group) => (group, Vec::new()),
        };
        let token = match &self.service {
            Ok((session, kind)) => token::examine(session, *kind, mounts, &tenants).await,
            Err(Unusable::Refused(why)) => token::refused(why),
            Err(Unusable::NotTried { because, remedy }) => token::unexamined(because, remedy),
        };
        [token, platform]
    }
}

async fn log_in(
    client: &Arc<Client>,
    login: Login,
    logins: Logins,
) -> Result<Arc<Session>, Unusable> {
    match (login.cost(client).await, logins) {
        (LoginCost::WrappedSecretId(Ok(())), _) => return Err(WRAPPED),
        (LoginCost::WrappedSecretId(Err(why)), _) => return Err(Unusable::Refused(why)),
        (LoginCost::OneUse, Logins::Free) => {
            return Err(Unusable::NotTried {
                because: "a login spends a use of the secret id, which may be good for one alone",
                remedy: "add --login to log in with it",
            });
        }
        (LoginCost::Nothing, _) | (LoginCost::OneUse, Logins::AtACost) => {}
    }
    let session = Arc::new(Session::new(Arc::clone(client), login));
    operator::revoke_on_signal(&session);
    match session.open().await {
        Ok(()) => Ok(session),
        Err(error) => Err(Unusable::Refused(error.to_string())),
    }
}
