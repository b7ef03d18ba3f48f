//! The service's own token: that it can do its work, and nothing else.

use super::{
    diagnosis::{Finding, Group},
    rights::{self, CHECKS},
};
use crate::{
    policies::Mounts,
    vault::{Examiner, Login, Session, TokenRecord, Untold},
};

/// How a service comes by its token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AppRole,
    Token,
    TokenFile,
}

impl Kind {
    pub(super) fn of(login: &Login) -> Self {
        match login {
            Login::AppRole { .. } => Self::AppRole,
            Login::Token(_) => Self::Token,
            Login::TokenFile(_) => Self::TokenFile,
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::AppRole => "the AppRole",
            Self::Token => "VAULT_TOKEN",
            Self::TokenFile => "VAULT_TOKEN_FILE",
        }
    }
}

const ID: &str = "token";
const TITLE: &str = "The service's token";

/// The policies that the service is meant to have; Vault adds the second unless told not to.
const OWN: &str = "validator";
const BUILT_IN: &str = "default";

/// The checks of what kind of token it is.
const KIND: [&str; 3] = ["root", "policies", "life"];

/// That nothing of this could be looked at.
pub(super) fn unexamined(because: &str, remedy: &str) -> Group {
    let login = Finding::skipped("login", because, remedy);
    let rest = unseen("there is no token of the service to look at");
    Group::new(ID, TITLE, [login].into_iter().chain(rest).collect())
}

/// That the service does not get in.
pub(super) fn refused(error: &str) -> Group {
    let remedy = "mend VALIDATOR_ROLE_ID and VALIDATOR_SECRET_ID_FILE, or the token in their place";
    let login = Finding::failed("login", error, remedy);
    Group::new(
        ID,
        TITLE,
        [login].into_iter().chain(unseen("the service does not get in")).collect(),
    )
}

fn unseen(because: &str) -> impl Iterator<Item = Finding> {
    KIND.into_iter().chain(CHECKS).map(move |check| Finding::skipped(check, because, ""))
}

/// What the token is, and what it may do, in the eyes of Vault.
pub(super) async fn examine(
    session: &Session,
    kind: Kind,
    mounts: &Mounts,
    tenants: &[String],
) -> Group {
    let examiner = Examiner::new(session);
    let login = Finding::ok("login", format!("Vault takes the token of {}", kind.source()));
    let mut findings = vec![login];
    let record = match examiner.token().await {
        Ok(record) => record,
        Err(error) => {
            findings.extend(untold(&error));
            return Group::new(ID, TITLE, findings);
        }
    };
    if record.policies().any(|policy| policy == "root") {
        findings.push(Finding::failed(
            "root",
            "it is a root token: whoever takes the service over has everything",
            "give the service an AppRole with the policy validator alone; if this token is yours \
             and not the service's, set VALIDATOR_ROLE_ID and VALIDATOR_SECRET_ID_FILE beside it",
        ));
        let rest = KIND[1..].iter().copied().chain(CHECKS);
        findings.extend(rest.map(|check| Finding::skipped(check, "a root token may do all", "")));
        return Group::new(ID, TITLE, findings);
    }
    findings.extend([
        Finding::ok("root", "it is not a root token"),
        policies(&record),
        life(&record, kind),
    ]);
    findings.extend(rights::examine(&examiner, mounts, tenants, &record).await);
    Group::new(ID, TITLE, findings)
}

fn untold(error: &Untold) -> impl Iterator<Item = Finding> {
    let remedy = "it needs read on auth/token/lookup-self, as policies/validator.hcl has it";
    let first = match error {
        Untold::NotAllowed(why) => Finding::skipped(KIND[0], why, remedy),
        Untold::Failed(why) => Finding::failed(KIND[0], why, "does Vault answer others?"),
    };
    let rest = KIND[1..].iter().copied().chain(CHECKS);
    let rest = rest.map(|check| Finding::skipped(check, "Vault does not say what it is", ""));
    [first].into_iter().chain(rest)
}

fn policies(record: &TokenRecord) -> Finding {
    let names: Vec<&str> = record.policies().collect();
    let others: Vec<_> = names.iter().filter(|name| ![OWN, BUILT_IN].contains(name)).collect();
    let detail = match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    if others.is_empty() && names.contains(&OWN) {
        return Finding::ok("policies", detail);
    }
    Finding::warning("policies", detail, "the service needs validator, and no other")
}

fn life(record: &TokenRecord, kind: Kind) -> Finding {
    let span = |seconds: u64| {
        humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
    };
    let left = span(record.ttl);
    match (record.period, record.renewable, kind) {
        _ if !record.ends() => Finding::ok("life", "it has no end"),
        (Some(period), true, _) if period > 0 => {
            Finding::ok("life", format!("{left} left; each renewal brings {}", span(period)))
        }
        (_, _, Kind::AppRole) => {
            Finding::ok("life", format!("{left} left; the service logs in again in time"))
        }
        (_, _, Kind::TokenFile) => Finding::ok(
            "life",
            format!("{left} left; the service takes the next one from the file"),
        ),
        (_, true, Kind::Token) => Finding::warning(
            "life",
            format!("{left} left, and renewals end at its greatest age"),
            "use an AppRole, or a periodic token",
        ),
        (_, false, Kind::Token) => Finding::warning(
            "life",
            format!("{left} left, and it cannot be renewed: the service ends with it"),
            "use an AppRole, or a periodic token",
        ),
    }
}
