//! Checks of the service's own token: login, policies, lifetime and permissions.

use super::{
    finding::{CHECK_VAULT, CheckGroup, Finding, skipped},
    permissions::{self, CHECKS},
};
use crate::{
    policy::Mounts,
    vault::{InspectError, Inspector, ServiceLogin, TokenDetails, VaultSession},
};

/// The source of the service's token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenSource {
    AppRole,
    Token,
    TokenFile,
}

impl TokenSource {
    pub(super) fn of(login: &ServiceLogin) -> Self {
        match login {
            ServiceLogin::AppRole { .. } => Self::AppRole,
            ServiceLogin::Token(_) => Self::Token,
            ServiceLogin::TokenFile(_) => Self::TokenFile,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::AppRole => "the AppRole",
            Self::Token => "VAULT_TOKEN",
            Self::TokenFile => "VAULT_TOKEN_FILE",
        }
    }
}

const ID: &str = "token";
const TITLE: &str = "The service's token";

/// The policy that the service needs.
const SERVICE_POLICY: &str = "validator";

/// The policy that it also needs to compare policies.
const OPTIONAL_POLICY: &str = "validator-drift";

/// The policy that Vault adds unless the role disables it.
const DEFAULT_POLICY: &str = "default";

const LOGIN: &str = "login";
const ROOT: &str = "root";
const POLICIES: &str = "policies";
const LIFETIME: &str = "life";

/// The checks of the token's own properties.
const PROPERTY_CHECKS: [&str; 3] = [ROOT, POLICIES, LIFETIME];

/// Returns the group for a token that is not available.
pub(super) fn skip(reason: &str, remedy: &str) -> CheckGroup {
    let login = Finding::skipped(LOGIN, reason, remedy);
    without_token(login, "the service's token is not available")
}

/// Returns the group for a failed login.
pub(super) fn login_failed(error: &str) -> CheckGroup {
    let remedy = "correct VALIDATOR_ROLE_ID and VALIDATOR_SECRET_ID_FILE, or the configured token";
    without_token(Finding::failed(LOGIN, error, remedy), "the service's login failed")
}

fn without_token(login: Finding, reason: &str) -> CheckGroup {
    let rest = skipped(PROPERTY_CHECKS.into_iter().chain(CHECKS), reason);
    CheckGroup::new(ID, TITLE, [login].into_iter().chain(rest).collect())
}

/// Checks the properties and the permissions of the token that this session has.
pub(super) async fn check(
    session: &VaultSession,
    source: TokenSource,
    mounts: &Mounts,
    tenants: &[String],
) -> CheckGroup {
    let examiner = Inspector::new(session);
    let login = Finding::ok(LOGIN, format!("Vault accepts the token of {}", source.label()));
    let mut findings = vec![login];
    let record = match examiner.token().await {
        Ok(record) => record,
        Err(error) => {
            findings.extend(lookup_failed(&error));
            return CheckGroup::new(ID, TITLE, findings);
        }
    };
    if record.policies().any(|policy| policy == "root") {
        findings.push(Finding::failed(
            ROOT,
            "it is a root token: a compromised service has full access to Vault",
            "give the service an AppRole with only the policy validator; if this token is yours \
             and not the service's, also set VALIDATOR_ROLE_ID and VALIDATOR_SECRET_ID_FILE",
        ));
        let rest = PROPERTY_CHECKS[1..].iter().copied().chain(CHECKS);
        findings.extend(skipped(rest, "a root token may do everything"));
        return CheckGroup::new(ID, TITLE, findings);
    }
    findings.extend([
        Finding::ok(ROOT, "it is not a root token"),
        check_policies(&record),
        check_lifetime(&record, source),
    ]);
    findings.extend(permissions::check(&examiner, mounts, tenants, &record).await);
    CheckGroup::new(ID, TITLE, findings)
}

fn lookup_failed(error: &InspectError) -> impl Iterator<Item = Finding> {
    let remedy = "grant it read on auth/token/lookup-self, as policies/validator.hcl does";
    let first = match error {
        InspectError::PermissionDenied(why) => Finding::skipped(ROOT, why, remedy),
        InspectError::Failed(why) => Finding::failed(ROOT, why, CHECK_VAULT),
    };
    let rest = PROPERTY_CHECKS[1..].iter().copied().chain(CHECKS);
    [first].into_iter().chain(skipped(rest, "the token cannot be looked up"))
}

fn check_policies(record: &TokenDetails) -> Finding {
    let names: Vec<&str> = record.policies().collect();
    let known = [SERVICE_POLICY, OPTIONAL_POLICY, DEFAULT_POLICY];
    let others: Vec<_> = names.iter().filter(|name| !known.contains(name)).collect();
    let message = match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    if others.is_empty() && names.contains(&SERVICE_POLICY) {
        return Finding::ok(POLICIES, message);
    }
    Finding::warning(POLICIES, message, "the service needs only the policy validator")
}

fn check_lifetime(record: &TokenDetails, source: TokenSource) -> Finding {
    let duration = |seconds: u64| {
        humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
    };
    let left = duration(record.ttl);
    match (record.period, record.renewable, source) {
        _ if !record.expires() => Finding::ok(LIFETIME, "it does not expire"),
        (Some(period), true, _) if period > 0 => {
            Finding::ok(LIFETIME, format!("{left} left; each renewal adds {}", duration(period)))
        }
        (_, _, TokenSource::AppRole) => {
            Finding::ok(LIFETIME, format!("{left} left; the service logs in again before that"))
        }
        (_, _, TokenSource::TokenFile) => Finding::ok(
            LIFETIME,
            format!("{left} left; the service reads the next token from the file"),
        ),
        (_, true, TokenSource::Token) => Finding::warning(
            LIFETIME,
            format!("{left} left, and renewals end at its maximum TTL"),
            "use an AppRole, or a periodic token",
        ),
        (_, false, TokenSource::Token) => Finding::warning(
            LIFETIME,
            format!("{left} left, and it cannot be renewed: the service stops working then"),
            "use an AppRole, or a periodic token",
        ),
    }
}
