//! Checks of the service on this machine: configuration, readiness, and exposure of the auth
//! listener.

use std::{fmt::Display, net::SocketAddr, sync::Arc};

use http::{Request, StatusCode, header::HOST};
use http_body_util::Empty;
use tokio::{net::lookup_host, time::timeout};
use url::Url;

use super::{
    connection::STEP_TIMEOUT,
    finding::{CheckGroup, Finding},
    problem::ProblemDocument,
    readiness::fetch_readiness,
};
use crate::{
    config::{
        AdminListenOrigin, ConfigError, ListenAddress, PartialSettings, ServiceLoginConfig,
        TokenOrigin,
    },
    probe::{Endpoint, TrustRoots},
    vault,
};

const CONFIGURATION: &str = "configuration";
const READY: &str = "ready";
const AUTH_LISTENER: &str = "auth listener";

/// Runs the checks. `auth_listener` is the address of the auth listener as clients would reach it.
pub(super) async fn check(setup: &PartialSettings, auth_listener: Option<&str>) -> CheckGroup {
    let mut findings = check_configuration(setup);
    findings.push(check_readiness(setup).await);
    findings.push(match auth_listener {
        Some(address) => check_exposure(address).await,
        None => Finding::skipped(
            AUTH_LISTENER,
            "its address is not given",
            "--auth-listener HOST:PORT, the address that clients must not be able to reach",
        ),
    });
    CheckGroup::new("service", "The service", findings)
}

fn check_configuration(setup: &PartialSettings) -> Vec<Finding> {
    let remedy = "correct it; `serve --check` validates the configuration";
    let Some(faults) = &setup.errors else {
        let client = setup.vault.as_ref().map(|vault| vault::Client::new(vault, Arc::default()));
        let operator_token = setup.operator.as_ref().map(|operator| operator.origin);
        return vec![match (client, operator_token) {
            (Some(Err(error)), _) => Finding::failed(CONFIGURATION, error.to_string(), remedy),
            (_, Some(TokenOrigin::AlongsideAppRole)) => Finding::warning(
                CONFIGURATION,
                "valid except for the token that is set in addition to the AppRole; it is used as \
                 yours",
                "`serve` does not start with both: unset the token there, or store it with `vault \
                 login`",
            ),
            _ => Finding::ok(CONFIGURATION, "valid"),
        }];
    };
    let lacks_only_login =
        matches!(setup.service, ServiceLoginConfig::NotConfigured) && faults.iter().count() == 1;
    let finding = |fault: &ConfigError| {
        if lacks_only_login && setup.operator.is_some() {
            Finding::warning(
                CONFIGURATION,
                format!("`serve` would not start here: {fault}"),
                "run this where the service runs, with its configuration",
            )
        } else {
            Finding::failed(CONFIGURATION, fault.to_string(), remedy)
        }
    };
    faults.iter().map(finding).collect()
}

async fn check_readiness(setup: &PartialSettings) -> Finding {
    let Some(listen) = &setup.admin_listen else {
        return Finding::skipped(READY, "the address of the admin listener is invalid", "");
    };
    let response = timeout(STEP_TIMEOUT, fetch_readiness(listen)).await;
    match (response, setup.admin_listen_origin) {
        (Ok(Ok((StatusCode::OK, _))), _) => {
            Finding::ok(READY, format!("{listen} reports that it is ready"))
        }
        (Ok(Ok((status, body))), _) => Finding::failed(
            READY,
            format!("{listen} responds with {status} {body}"),
            "see the service's log: usually Vault is unavailable or rejects its login",
        ),
        (_, AdminListenOrigin::Default) => Finding::skipped(
            READY,
            format!("there is no response from {listen}, the default address"),
            "set --admin-listen to its address",
        ),
        (Ok(Err(error)), AdminListenOrigin::Configured) => admin_listener_failed(listen, &error),
        (Err(_), AdminListenOrigin::Configured) => admin_listener_failed(listen, &"no response"),
    }
}

fn admin_listener_failed(listen: &ListenAddress, why: &dyn Display) -> Finding {
    Finding::failed(
        READY,
        format!("{listen} does not respond: {why}"),
        "check that `serve` is running, and that this is the address of its admin listener",
    )
}

/// The location of the auth listener relative to this machine.
#[derive(Clone, Copy)]
enum Location {
    Local,
    Remote,
}

/// The result of a request to the auth listener.
#[derive(Clone, Copy)]
enum AuthListenerResponse {
    /// No connection could be established.
    Unreachable,
    /// The response is the validator's.
    Validator,
    /// Another response, or none.
    Unexpected,
}

/// Checks that the auth listener cannot be reached from here: a client that reaches it can forge
/// what a proxy forwards.
async fn check_exposure(address: &str) -> Finding {
    let resolved: Vec<SocketAddr> = match timeout(STEP_TIMEOUT, lookup_host(address)).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            let message = format!("the DNS lookup of {address} failed: {error}");
            return Finding::skipped(AUTH_LISTENER, message, "");
        }
        Err(_) => {
            let message = format!("the DNS lookup of {address} timed out");
            return Finding::skipped(AUTH_LISTENER, message, "");
        }
    };
    let is_local = resolved.iter().all(|address| address.ip().is_loopback());
    let location = if is_local { Location::Local } else { Location::Remote };
    match request_validate(address).await {
        Ok(response) => exposure_finding(address, location, response),
        Err(why) => Finding::skipped(AUTH_LISTENER, why, ""),
    }
}

fn exposure_finding(address: &str, location: Location, response: AuthListenerResponse) -> Finding {
    let remedy =
        "bind it where only the proxy can reach it: VALIDATOR_LISTEN, or a separate network";
    match (response, location) {
        (AuthListenerResponse::Unreachable, _) => {
            Finding::ok(AUTH_LISTENER, format!("{address} accepts no connection from here"))
        }
        (_, Location::Local) => {
            Finding::ok(AUTH_LISTENER, format!("{address} is reachable only on this machine"))
        }
        (AuthListenerResponse::Validator, Location::Remote) => {
            Finding::failed(AUTH_LISTENER, format!("{address} is reachable from here"), remedy)
        }
        (AuthListenerResponse::Unexpected, Location::Remote) => Finding::warning(
            AUTH_LISTENER,
            format!(
                "{address} accepts connections from here, but does not respond like the validator"
            ),
            remedy,
        ),
    }
}

async fn request_validate(address: &str) -> Result<AuthListenerResponse, String> {
    let url = Url::parse(&format!("http://{address}/")).map_err(|error| error.to_string())?;
    let endpoint = Endpoint::new(&url, "", &TrustRoots::System, None, STEP_TIMEOUT)?;
    let request = Request::get("/validate").header(HOST, address).body(Empty::new());
    let request = request.map_err(|error| error.to_string())?;
    let Ok(connection) = endpoint.connect().await else {
        return Ok(AuthListenerResponse::Unreachable);
    };
    match connection.send(request).await {
        Ok(response) if ProblemDocument::parse(&response).is_some() => {
            Ok(AuthListenerResponse::Validator)
        }
        _ => Ok(AuthListenerResponse::Unexpected),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        AuthListenerResponse::{Unexpected, Unreachable, Validator},
        Location::{Local, Remote},
        exposure_finding,
    };
    use crate::diagnostics::finding::Status::{Failed, Ok, Warning};

    #[test]
    fn remotely_reachable_auth_listener_fails() {
        for (location, response, status) in [
            (Local, Unreachable, Ok),
            (Local, Validator, Ok),
            (Remote, Unreachable, Ok),
            (Remote, Validator, Failed),
            (Remote, Unexpected, Warning),
        ] {
            assert_eq!(exposure_finding("host:8080", location, response).status, status);
        }
    }
}
