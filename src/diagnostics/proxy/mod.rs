//! Caddy in front of the service, asked as a client would, and as one would who means harm.
//!
//! From outside only answers are seen. So each probe is such that a guard that is as it should be and
//! one that is not answer differently; where that takes a token, or an application that tells what
//! it received, and there is none, the check is skipped.

mod anonymous;
mod caller;
mod echo;

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header, uri::Authority};
use http_body_util::Empty;
use serde::Deserialize;
use url::Url;

use super::{
    PATIENCE,
    connection::{Place, in_the_clear, protection, unreached},
    diagnosis::{Finding, Group, Outcome},
};
use crate::{
    probe::{Answer, Door, Failure, Trust},
    token::Identity,
};

/// The headers by which applications know who somebody is.
const IDENTITY: [&str; 6] = Identity::HEADERS;

/// A site behind the proxy.
pub(super) struct Site {
    pub(super) url: Url,
    /// What clients call it.
    pub(super) host: Authority,
    /// Whose signature its certificate needs.
    pub(super) trust: Trust,
    /// A path behind the guard.
    pub(super) path: String,
    /// A path at which the application tells what it received.
    pub(super) echo: Option<String>,
    /// The `Authorization` of somebody who may come in.
    pub(super) authorization: Option<HeaderValue>,
}

/// Who a probe comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Nobody,
    Caller,
}

/// What the validator answers to those whom it does not let in.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Refusal {
    r#type: String,
    pub(super) code: String,
    pub(super) request_id: String,
}

impl Refusal {
    /// The validator's refusal, if that is what this answer is.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        let refusal: Self = serde_json::from_slice(&answer.body).ok()?;
        refusal.r#type.starts_with("urn:vault-auth-validator:").then_some(refusal)
    }
}

/// A site, and how it is asked.
struct Front {
    site: Site,
    door: Door,
}

impl Front {
    /// Asks for this target, with these headers.
    async fn ask(
        &self,
        asker: As,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, Failure> {
        let request = self.request(asker, target, headers);
        let request = request.map_err(|error| Failure::Http(error.to_string()))?;
        self.door.open().await?.ask(request).await
    }

    fn request(
        &self,
        asker: As,
        target: &str,
        headers: &[(&str, &str)],
    ) -> http::Result<Request<Empty<Bytes>>> {
        let mut request =
            Request::builder().uri(target).header(header::HOST, self.site.host.as_str());
        for (name, value) in headers {
            request = request.header(HeaderName::try_from(*name)?, *value);
        }
        if let (As::Caller, Some(authorization)) = (asker, &self.site.authorization) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Empty::new())
    }
}

const GUARDED: &str = "guarded";
const FORGED_HEADERS: &str = "forged headers";
const TARGET: &str = "request target";
const CONNECTION: &str = "Connection";
const QUERY: &str = "client's query";
const ADMIN: &str = "admin listener";
const TOKEN: &str = "token";
const PROTOCOL: &str = "protocol";
const FORGED_PATH: &str = "forged path";
const FORGED_IDENTITY: &str = "forged identity";

/// What a client without a token finds out once it is refused.
const ANONYMOUS: [&str; 5] = [FORGED_HEADERS, TARGET, CONNECTION, QUERY, ADMIN];

/// What only one with a token finds out.
const CALLER: [&str; 4] = [TOKEN, PROTOCOL, FORGED_PATH, FORGED_IDENTITY];

/// Asks all that there is to ask.
pub(super) async fn examine(site: Site) -> Group {
    let title =
        format!("The proxy at {}, as {}", site.url.origin().ascii_serialization(), site.host);
    let place = Place {
        name: site.url.origin().ascii_serialization(),
        address_setting: "--caddy",
        authority_setting: "--caddy-cacert",
    };
    let door = match Door::new(&site.url, site.host.host(), &site.trust, None, PATIENCE) {
        Ok(door) => door,
        Err(why) => {
            let wrong = Finding::failed("address", why, "mend --caddy, --host or --caddy-cacert");
            return Group::new("proxy", title, vec![wrong]);
        }
    };
    let connection = match door.open().await {
        Ok(connection) => connection,
        Err(failure) => {
            let mut findings = unreached(&place, &failure);
            let behind = [&[GUARDED][..], &ANONYMOUS, &CALLER].concat();
            findings.extend(skipped(&behind, "the proxy cannot be reached"));
            return Group::new("proxy", title, findings);
        }
    };
    let peer = connection.peer;
    let address = Finding::ok("address", format!("{peer} accepts connections"));
    let tls = protection(peer, site.url.scheme(), connection.certificate);
    drop(connection);
    let front = Front { site, door };
    let findings = [address, tls].into_iter().chain(behind(&front, peer).await);
    Group::new("proxy", title, findings.collect())
}

async fn behind(front: &Front, peer: SocketAddr) -> Vec<Finding> {
    let guarded = anonymous::guarded(front).await;
    if guarded.outcome != Outcome::Ok {
        let rest = [&ANONYMOUS[..], &CALLER].concat();
        let rest = skipped(&rest, "the site is not guarded as it should be");
        return [guarded].into_iter().chain(rest).collect();
    }
    let caller = match &front.site.authorization {
        None => Err("there is no token to come in with".to_owned()),
        Some(_) if in_the_clear(peer, front.site.url.scheme()) => {
            Err("the token would go there in the clear".to_owned())
        }
        Some(_) => Ok(()),
    };
    let mut findings = vec![
        guarded,
        anonymous::forged_headers(front).await,
        anonymous::request_target(front).await,
        anonymous::connection(front).await,
        anonymous::clients_query(front).await,
        anonymous::admin_listener(front).await,
    ];
    match caller {
        Ok(()) => findings.extend(caller::examine(front).await),
        Err(why) => {
            let remedy = "--caddy-token FILE, of somebody who may come in, and https";
            findings.extend(CALLER.map(|check| Finding::skipped(check, &why, remedy)));
        }
    }
    findings
}

fn skipped(checks: &[&'static str], because: &str) -> impl Iterator<Item = Finding> {
    checks.iter().map(move |check| Finding::skipped(check, because, ""))
}

/// A check that could not be made since the proxy did not answer a probe.
fn unanswered(check: &'static str, failure: &Failure) -> Finding {
    Finding::failed(check, format!("the proxy did not answer: {failure}"), "its log may say why")
}

/// What an answer is, in a few words.
fn describe(answer: &Answer) -> String {
    match Refusal::read(answer) {
        Some(refusal) => format!("{} {} from the validator", answer.status, refusal.code),
        None => answer.status.to_string(),
    }
}
