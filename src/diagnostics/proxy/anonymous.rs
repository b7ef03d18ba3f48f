//! Probes of a client without a token.

use super::site::{IDENTITY_HEADERS, Persona::Anonymous, ProxyProbe, no_response};
use crate::{
    diagnostics::{
        finding::Finding,
        problem::{ProblemDocument, describe},
    },
    probe::ProbeResponse,
};

pub(super) const GUARDED: &str = "guarded";
const FORGED_HEADERS: &str = "forged headers";
const REQUEST_TARGET: &str = "request target";
const CONNECTION: &str = "Connection";
const CLIENT_QUERY: &str = "client's query";
const ADMIN_LISTENER: &str = "admin listener";

/// The checks of a guarded site.
pub(super) const CHECKS: [&str; 5] =
    [FORGED_HEADERS, REQUEST_TARGET, CONNECTION, CLIENT_QUERY, ADMIN_LISTENER];

const ADD_GUARD: &str =
    "import deploy/caddy/guard.caddy, and put the site's content inside `guard`";

/// Returns true if this is the validator's response to a request without a token.
fn is_missing_credential(response: &ProbeResponse) -> bool {
    let problem = ProblemDocument::parse(response);
    response.status == 401 && problem.is_some_and(|problem| problem.code == "credential_missing")
}

/// Returns true if this is a 400 of the proxy itself.
fn is_rejected_by_proxy(response: &ProbeResponse) -> bool {
    response.status == 400 && ProblemDocument::parse(response).is_none()
}

/// Checks that the validator rejects a request without a token.
pub(super) async fn check_guarded(probe: &ProxyProbe) -> Finding {
    let path = &probe.site.path;
    let response = match probe.get(Anonymous, path, &[]).await {
        Ok(response) => response,
        Err(failure) => return no_response(GUARDED, &failure),
    };
    if is_missing_credential(&response) {
        let message = format!("{path} without a token is 401 from the validator");
        return Finding::ok(GUARDED, message);
    }
    let message = format!("{path} without a token is {}", describe(&response));
    let remedy = match (response.status, ProblemDocument::parse(&response)) {
        (_, Some(_)) => "see the validator's log; `request_id` identifies the line",
        (300..400, None) => "set --caddy to the target of the redirect, if that is the same site",
        (404 | 421, None) => {
            "set --host to a name of the site, and --path to a path behind its guard"
        }
        (502..=504, None) => {
            "the proxy cannot reach the validator: check AUTH_UPSTREAM, and that it is running"
        }
        _ => ADD_GUARD,
    };
    Finding::failed(GUARDED, message, remedy)
}

/// Runs the checks of a guarded site.
pub(super) async fn check(probe: &ProxyProbe) -> [Finding; CHECKS.len()] {
    [
        check_forged_headers(probe).await,
        check_request_target(probe).await,
        check_connection(probe).await,
        check_client_query(probe).await,
        check_admin_listener(probe).await,
    ]
}

/// Checks that forged identity or forwarding headers do not bypass authentication.
async fn check_forged_headers(probe: &ProxyProbe) -> Finding {
    let identity = IDENTITY_HEADERS.map(|name| (name, "doctor"));
    let forwarding = [
        ("x-forwarded-uri", "/public"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-original-uri", "/public"),
        ("x-rewrite-url", "/public"),
    ];
    for headers in [&identity[..], &forwarding[..]] {
        match probe.get(Anonymous, &probe.site.path, headers).await {
            Ok(response) if is_missing_credential(&response) => {}
            Ok(response) => {
                let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
                let message =
                    format!("with forged {} it is {}", names.join(", "), describe(&response));
                return Finding::failed(FORGED_HEADERS, message, ADD_GUARD);
            }
            Err(failure) => return no_response(FORGED_HEADERS, &failure),
        }
    }
    Finding::ok(FORGED_HEADERS, "they do not bypass authentication")
}

/// Checks that the proxy rejects a request target that is not a path.
async fn check_request_target(probe: &ProxyProbe) -> Finding {
    match probe.get(Anonymous, "*", &[]).await {
        Ok(response) if is_rejected_by_proxy(&response) => {
            Finding::ok(REQUEST_TARGET, "a target that is not a path is rejected")
        }
        Ok(response) => Finding::failed(
            REQUEST_TARGET,
            format!(
                "a target that is not a path is {}, not rejected by the proxy with 400",
                describe(&response)
            ),
            "the guard has to begin with `@target not path /*` and `error @target 400`",
        ),
        Err(failure) => no_response(REQUEST_TARGET, &failure),
    }
}

/// Checks that a client cannot make the proxy remove an identity header by naming it in
/// `Connection`.
async fn check_connection(probe: &ProxyProbe) -> Finding {
    for name in IDENTITY_HEADERS {
        let value = format!("close, {name}");
        match probe.get(Anonymous, &probe.site.path, &[("connection", &value)]).await {
            Ok(response) if is_rejected_by_proxy(&response) => {}
            Ok(response) => {
                return Finding::failed(
                    CONNECTION,
                    format!(
                        "`Connection: {value}` is {}, not rejected by the proxy with 400",
                        describe(&response)
                    ),
                    "a client can have its own identity headers removed: the guard has to reject \
                     that with `@hop`",
                );
            }
            Err(failure) => return no_response(CONNECTION, &failure),
        }
    }
    Finding::ok(CONNECTION, "a header that names an identity header is rejected")
}

/// Checks that the client's query is not interpreted as requirements of the route.
async fn check_client_query(probe: &ProxyProbe) -> Finding {
    let target = format!("{}?doctor-no-such-requirement=1", probe.site.path);
    match probe.get(Anonymous, &target, &[]).await {
        Ok(response) if is_missing_credential(&response) => {
            Finding::ok(CLIENT_QUERY, "it does not reach the validator as a requirement")
        }
        Ok(response) => Finding::failed(
            CLIENT_QUERY,
            format!("{target} is {}", describe(&response)),
            "write the route's requirements after `uri /validate?`: without the `?`, Caddy sends \
             the client's query instead",
        ),
        Err(failure) => no_response(CLIENT_QUERY, &failure),
    }
}

/// Checks that the paths of the admin listener are not served to clients.
async fn check_admin_listener(probe: &ProxyProbe) -> Finding {
    for path in ["/metrics", "/readyz", "/healthz", "/cache", "/validate"] {
        match probe.get(Anonymous, path, &[]).await {
            Ok(response) if (200..300).contains(&response.status) => {
                return Finding::failed(
                    ADMIN_LISTENER,
                    format!("{path} is {} without a token", describe(&response)),
                    "no site may forward to the admin listener, and no path may bypass the guard",
                );
            }
            Ok(_) => {}
            Err(failure) => return no_response(ADMIN_LISTENER, &failure),
        }
    }
    Finding::ok(ADMIN_LISTENER, "none of its paths is served without a token")
}
