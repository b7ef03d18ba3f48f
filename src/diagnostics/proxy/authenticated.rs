//! Probes of a caller with access.

use super::{
    echo::{Echo, EchoUnavailable},
    site::{Persona::Caller, ProxyProbe, no_response},
};
use crate::{
    diagnostics::{
        finding::{Finding, skipped},
        problem::{ProblemDocument, describe},
    },
    probe::ProbeResponse,
};

const TOKEN: &str = "token";
const PROTOCOL: &str = "protocol";
const FORGED_PATH: &str = "forged path";
const FORGED_IDENTITY: &str = "forged identity";

/// The checks, which need a token.
pub(super) const CHECKS: [&str; 4] = [TOKEN, PROTOCOL, FORGED_PATH, FORGED_IDENTITY];

/// Queries that would be unsatisfiable requirements.
const QUERIES: [&str; 2] = ["policy=doctor-no-such-policy", "tenant=doctor-no-such-tenant"];

const REMOVE_UPGRADE: &str =
    "the guard has to remove `Upgrade`, unless it is websocket (`@upgrade`)";
const REMOVE_FORWARDED: &str =
    "the guard has to remove X-Forwarded-Uri, X-Forwarded-Method and similar headers";
const REMOVE_IDENTITY: &str = "the guard has to remove a client's own identity headers with \
                               `request_header -X-Auth-*` before `forward_auth`, and to copy all six";

/// Runs the checks.
pub(super) async fn check(probe: &ProxyProbe) -> Vec<Finding> {
    let (token, response) = match probe.get(Caller, &probe.site.path, &[]).await {
        Ok(response) => (check_token(probe, &response).await, Some(response)),
        Err(failure) => (no_response(TOKEN, &failure), None),
    };
    let Some(baseline) = response.filter(|response| ProblemDocument::parse(response).is_none())
    else {
        let rest = skipped(CHECKS.into_iter().skip(1), "the token is rejected");
        return [token].into_iter().chain(rest).collect();
    };
    let echo = match &probe.site.echo {
        None => Err(EchoUnavailable::new("it needs an application that echoes request headers")),
        Some(path) => Echo::open(probe, path).await,
    };
    let echo = echo.as_ref();
    let identity = match echo {
        Ok(echo) => echo.check_identity_headers(FORGED_IDENTITY, REMOVE_IDENTITY).await,
        Err(unavailable) => unavailable.skip(FORGED_IDENTITY),
    };
    let protocol = check_protocol(probe, echo).await;
    let path = check_forged_path(probe, &baseline, echo).await;
    vec![token, protocol, path, identity]
}

/// Checks that the caller has access, whatever the query of the request.
async fn check_token(probe: &ProxyProbe, baseline: &ProbeResponse) -> Finding {
    let path = &probe.site.path;
    let message = format!("with the token, {path} is {}", describe(baseline));
    if ProblemDocument::parse(baseline).is_some() {
        let remedy = "`explain --require ...` with the route's requirements shows the reason";
        return Finding::failed(TOKEN, message, remedy);
    }
    for query in QUERIES {
        let target = format!("{path}?{query}");
        match probe.get(Caller, &target, &[]).await {
            Ok(response) if ProblemDocument::parse(&response).is_some() => {
                return Finding::failed(
                    TOKEN,
                    format!("{message}, but {target} is {}", describe(&response)),
                    "the client's query is interpreted as the route's requirements: write those \
                     after `uri /validate?`, with the `?`",
                );
            }
            Ok(_) => {}
            Err(failure) => return no_response(TOKEN, &failure),
        }
    }
    match baseline.status {
        200..400 => Finding::ok(TOKEN, message),
        500.. => {
            let remedy = "check that the application is running; see Caddy's log";
            Finding::failed(TOKEN, message, remedy)
        }
        _ => Finding::warning(TOKEN, message, "--path PATH, for which the application returns 200"),
    }
}

/// Checks that a connection cannot be upgraded to a protocol whose requests bypass the guard.
async fn check_protocol(probe: &ProxyProbe, echo: Result<&Echo<'_>, &EchoUnavailable>) -> Finding {
    let headers = [
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABk"),
    ];
    match (probe.get(Caller, &probe.site.path, &headers).await, echo) {
        (Ok(response), _) if response.status == 101 => Finding::failed(
            PROTOCOL,
            "a connection is upgraded to h2c, whose requests bypass the guard",
            REMOVE_UPGRADE,
        ),
        (Ok(_), Ok(echo)) => echo.check_upgrade(PROTOCOL, REMOVE_UPGRADE).await,
        (Ok(_), Err(_)) => Finding::ok(PROTOCOL, "no connection is upgraded to h2c"),
        (Err(failure), _) => no_response(PROTOCOL, &failure),
    }
}

/// Checks that a client cannot forge the path and method that the decision is made about.
async fn check_forged_path(
    probe: &ProxyProbe,
    baseline: &ProbeResponse,
    echo: Result<&Echo<'_>, &EchoUnavailable>,
) -> Finding {
    let forged = [("x-forwarded-uri", "/doctor//.."), ("x-forwarded-method", "DOCTOR")];
    match (probe.get(Caller, &probe.site.path, &forged).await, echo) {
        (Ok(response), _) if ProblemDocument::parse(&response).is_some() => Finding::failed(
            FORGED_PATH,
            format!(
                "{} becomes {} with a forged X-Forwarded-Uri",
                baseline.status,
                describe(&response)
            ),
            REMOVE_FORWARDED,
        ),
        (Ok(_), Ok(echo)) => echo.check_forwarding_headers(FORGED_PATH, REMOVE_FORWARDED).await,
        (Ok(_), Err(unavailable)) => unavailable.skip(FORGED_PATH),
        (Err(failure), _) => no_response(FORGED_PATH, &failure),
    }
}
