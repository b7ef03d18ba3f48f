//! Probes the proxy (Caddy) as a legitimate and as a malicious client.
//!
//! Only responses are visible from outside. So each probe is one to which a correct guard and a
//! broken one respond differently. A probe that needs a token, or an application that echoes the
//! headers that it received, is skipped without them.

mod anonymous;
mod authenticated;
mod echo;
mod site;

use std::net::SocketAddr;

use self::site::ProxyProbe;
pub use self::site::Site;
use super::{
    connection::{ADDRESS, STEP_TIMEOUT, ServerSettings, check_protection, is_cleartext},
    finding::{CheckGroup, Finding, Status, skipped},
};
use crate::probe::Endpoint;

const ID: &str = "proxy";

/// Runs all checks.
pub(super) async fn check(site: Site) -> CheckGroup {
    let origin = site.url.origin().ascii_serialization();
    let title = format!("The proxy at {origin}, as {}", site.host);
    let endpoint = match Endpoint::new(&site.url, site.host.host(), &site.trust, None, STEP_TIMEOUT)
    {
        Ok(endpoint) => endpoint,
        Err(why) => {
            let remedy = "correct --caddy, --host or --caddy-cacert";
            return CheckGroup::new(ID, title, vec![Finding::failed(ADDRESS, why, remedy)]);
        }
    };
    let connection = match endpoint.connect().await {
        Ok(connection) => connection,
        Err(failure) => {
            let server = ServerSettings {
                name: origin,
                address_setting: "--caddy",
                authority_setting: "--caddy-cacert",
            };
            let mut findings = server.connect_failure(&failure);
            findings.extend(skipped([anonymous::GUARDED], "the proxy cannot be reached"));
            findings.extend(skipped(checks_behind_guard(), "the proxy cannot be reached"));
            return CheckGroup::new(ID, title, findings);
        }
    };
    let peer = connection.peer;
    let address = Finding::ok(ADDRESS, format!("{peer} accepts connections"));
    let tls = check_protection(peer, site.url.scheme(), connection.certificate);
    drop(connection);
    let probe = ProxyProbe { site, endpoint };
    let findings = [address, tls].into_iter().chain(probe_all(&probe, peer).await);
    CheckGroup::new(ID, title, findings.collect())
}

/// Returns the checks that need a site that is guarded.
fn checks_behind_guard() -> impl Iterator<Item = &'static str> {
    anonymous::CHECKS.into_iter().chain(authenticated::CHECKS)
}

async fn probe_all(probe: &ProxyProbe, peer: SocketAddr) -> Vec<Finding> {
    let guarded = anonymous::check_guarded(probe).await;
    if guarded.status != Status::Ok {
        let rest = skipped(checks_behind_guard(), "the site is not guarded");
        return [guarded].into_iter().chain(rest).collect();
    }
    let mut findings = vec![guarded];
    findings.extend(anonymous::check(probe).await);
    let reason = match &probe.site.authorization {
        None => Some("no token is given"),
        Some(_) if is_cleartext(peer, probe.site.url.scheme()) => {
            Some("the token would be sent in cleartext")
        }
        Some(_) => None,
    };
    match reason {
        None => findings.extend(authenticated::check(probe).await),
        Some(reason) => {
            let remedy = "--caddy-token FILE, with the token of a caller with access, and https";
            let skip = |check| Finding::skipped(check, reason, remedy);
            findings.extend(authenticated::CHECKS.map(skip));
        }
    }
    findings
}
