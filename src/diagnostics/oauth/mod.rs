//! Checks of the protected resources, such as MCP servers, and of what OAuth clients need to reach them.

mod challenge;
mod clients;
mod document;
mod metadata;
mod request;
mod resources;
mod revisions;
mod token_endpoint;

use super::{
    finding::{CheckGroup, Finding, skipped},
    host_probe::HostProbe,
    proxy::Site,
};
use crate::{
    config::PartialOAuth,
    login::{LoginOrigin, LoginSite},
    oauth::{DynamicRegistration, ProtectedResource},
};

const ID: &str = "oauth";
const TITLE: &str = "OAuth for MCP clients";

/// The reason for checks that need the settings that are invalid.
const MISCONFIGURED: &str = "the settings of OAuth or of browser logins are invalid, see below";

/// The remedy if there is no response from a host.
const NO_SITE: &str = "the proxy needs a site, a DNS name and a certificate for this host";

/// The checks through the proxy.
const PROXIED: [&str; 5] = [
    challenge::CHALLENGE,
    metadata::RESOURCE,
    metadata::SERVER,
    token_endpoint::TOKENS,
    revisions::REVISIONS,
];

/// A resource, and the login host where its clients are authorized.
#[derive(Clone, Copy)]
struct AuthorizedResource<'s> {
    resource: &'s ProtectedResource,
    server: &'s LoginOrigin,
}

impl<'s> AuthorizedResource<'s> {
    fn of(resource: &'s ProtectedResource, login: &'s LoginSite) -> Option<Self> {
        let server = login.origins.nearest_to(resource.uri.authority())?;
        Some(Self { resource, server })
    }
}

/// Runs the checks. `login` has the login hosts, if they are valid.
pub(super) async fn check(
    oauth: &PartialOAuth,
    login: Option<&LoginSite>,
    proxy: Option<&Site>,
) -> CheckGroup {
    let resources = oauth.resources.as_deref().zip(login);
    let resources: Option<Vec<_>> = resources.map(|(resources, login)| {
        let authorized = |resource| AuthorizedResource::of(resource, login);
        resources.iter().filter_map(authorized).collect()
    });
    let mut findings = match &resources {
        Some(resources) => resources::check(resources),
        None => skipped([resources::RESOURCE], MISCONFIGURED).collect(),
    };
    findings.extend(clients::check(oauth));
    findings.extend(match (resources, proxy) {
        (None, _) => skipped(PROXIED, MISCONFIGURED).collect(),
        (Some(_), None) => {
            let remedy = "--caddy URL, the address at which clients reach the proxy";
            let skip = |check| Finding::skipped(check, "no proxy is given", remedy);
            PROXIED.map(skip).to_vec()
        }
        (Some(resources), Some(proxy)) => {
            check_through(proxy, &resources, oauth.registration).await
        }
    });
    CheckGroup::new(ID, TITLE, findings)
}

/// Runs the checks through the proxy, in the order in which a client needs what they check.
async fn check_through(
    proxy: &Site,
    resources: &[AuthorizedResource<'_>],
    registration: Option<DynamicRegistration>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut guarded = Vec::new();
    for AuthorizedResource { resource: ProtectedResource { uri, .. }, .. } in resources {
        if let Some(finding) = other_scheme(challenge::CHALLENGE, uri.origin(), proxy) {
            findings.push(finding);
            continue;
        }
        let probe = HostProbe::new(proxy, uri.authority());
        match challenge::check(uri, &probe).await {
            Ok(finding) => {
                findings.push(finding);
                guarded.push((uri, probe));
            }
            Err(finding) => findings.push(finding),
        }
    }
    for resource in resources {
        findings.push(metadata::check_resource(*resource, proxy).await);
    }
    let mut servers: Vec<&LoginOrigin> = Vec::new();
    for AuthorizedResource { server, .. } in resources {
        if !servers.contains(server) {
            servers.push(server);
            findings.push(metadata::check_server(server, registration, proxy).await);
            findings.push(token_endpoint::check(server, proxy).await);
        }
    }
    findings.extend(revisions::check(&guarded, proxy).await);
    findings
}

/// Returns a skipped check if the proxy's URL has another scheme than the origin.
fn other_scheme(check: &'static str, origin: &str, proxy: &Site) -> Option<Finding> {
    let (scheme, _) = origin.split_once("://")?;
    (scheme != proxy.url.scheme()).then(|| {
        let reason = format!("{origin} is {scheme}, and the proxy's URL is not");
        Finding::skipped(check, reason, format!("the {scheme}:// address of the proxy in --caddy"))
    })
}
