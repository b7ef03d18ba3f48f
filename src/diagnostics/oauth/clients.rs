//! Checks of which clients can ask people for access.

use crate::{
    config::PartialOAuth,
    diagnostics::finding::{Finding, skipped},
    oauth::DynamicRegistration,
    probe::{TrustRoots, tls_config},
};

const CLIENTS: &str = "clients";
const DOCUMENTS: &str = "client documents";

/// Runs the checks.
pub(super) fn check(oauth: &PartialOAuth) -> Vec<Finding> {
    let mut findings = check_clients(oauth);
    findings.push(check_authorities());
    findings
}

fn check_clients(oauth: &PartialOAuth) -> Vec<Finding> {
    let (Some(registration), Some(clients)) = (oauth.registration, &oauth.clients) else {
        return skipped([CLIENTS], super::MISCONFIGURED).collect();
    };
    let finding = match (registration, clients.len()) {
        (DynamicRegistration::On, _) => Finding::warning(
            CLIENTS,
            "every program on the internet can register as a client, with any name",
            "unless clients without a metadata document need it, leave VALIDATOR_OAUTH_REGISTRATION at \
             false",
        ),
        (DynamicRegistration::Off, 0) => Finding::ok(
            CLIENTS,
            "only those with a metadata document can connect: none is configured, and none can register",
        ),
        (DynamicRegistration::Off, configured) => Finding::ok(
            CLIENTS,
            format!("{configured} configured, and those with a metadata document"),
        ),
    };
    vec![finding]
}

/// Checks that the certificates of servers with metadata documents can be verified. No document is requested.
fn check_authorities() -> Finding {
    match tls_config(&TrustRoots::System, None) {
        Ok(_) => Finding::ok(DOCUMENTS, "the system's certificate authorities can be read"),
        Err(why) => Finding::failed(
            DOCUMENTS,
            format!("{why}: no client with a metadata document can connect"),
            "install the system's certificate authorities (ca-certificates), or set SSL_CERT_FILE",
        ),
    }
}
