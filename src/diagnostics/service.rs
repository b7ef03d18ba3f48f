//! The service on this machine.

use std::{net::SocketAddr, sync::Arc};

use http::{Request, StatusCode, header::HOST};
use http_body_util::Empty;
use tokio::{net::lookup_host, time::timeout};
use url::Url;

use super::{
    PATIENCE,
    diagnosis::{Finding, Group},
    proxy::Refusal,
};
use crate::{
    cli::healthcheck,
    config::{AdminOrigin, Fault, Service, Setup, TokenOrigin},
    probe::{Door, Trust},
    vault,
};

const LISTENER: &str = "auth listener";

/// Its configuration, and whether it is there.
pub(super) async fn examine(setup: &Setup, auth_listener: Option<&str>) -> Group {
    let mut findings = configuration(setup);
    findings.push(readiness(setup).await);
    findings.push(match auth_listener {
        Some(address) => exposure(address).await,
        None => Finding::skipped(
            LISTENER,
            "nobody said where it is",
            "--auth-listener HOST:PORT, where clients must not reach it",
        ),
    });
    Group::new("service", "The service", findings)
}

fn configuration(setup: &Setup) -> Vec<Finding> {
    let check = "configuration";
    let Some(faults) = &setup.faults else {
        let beside = setup.operator.as_ref().map(|operator| operator.origin);
        let settings = setup.vault.as_ref();
        let client = settings.map(|settings| vault::Client::new(settings, Arc::default()));
        return vec![match (client, beside) {
            (Some(Err(error)), _) => {
                Finding::failed(check, error.to_string(), "`serve --check` says when it is mended")
            }
            (_, Some(TokenOrigin::BesideAppRole)) => Finding::warning(
                check,
                "valid without the token beside the AppRole, which is taken as yours",
                "`serve` does not start with both: leave the token out there, or keep it where \
                 `vault login` does",
            ),
            _ => Finding::ok(check, "valid"),
        }];
    };
    let nobody = matches!(setup.service, Service::Unknown) && faults.iter().count() == 1;
    let finding = |fault: &Fault| {
        let remedy = "`serve --check` says when it is mended";
        match (nobody, setup.operator.is_some()) {
            (true, true) => Finding::warning(
                check,
                format!("`serve` would not start here: {fault}"),
                "run this where the service runs, to see what it sees",
            ),
            _ => Finding::failed(check, fault.to_string(), remedy),
        }
    };
    faults.iter().map(finding).collect()
}

async fn readiness(setup: &Setup) -> Finding {
    let check = "ready";
    let Some(listen) = &setup.admin_listen else {
        return Finding::skipped(check, "the address of the admin listener cannot be read", "");
    };
    let asked = timeout(PATIENCE, healthcheck::ask(listen)).await;
    match (asked, setup.admin_origin) {
        (Ok(Ok((StatusCode::OK, _))), _) => Finding::ok(check, format!("{listen} says so")),
        (Ok(Ok((status, body))), _) => Finding::failed(
            check,
            format!("{listen} says {status} {body}"),
            "its log says why: mostly Vault is away, or does not let it in",
        ),
        (_, AdminOrigin::Default) => Finding::skipped(
            check,
            format!("nobody answers at {listen}, where it would be by default"),
            "--admin-listen says where it is",
        ),
        (other, AdminOrigin::Written) => {
            let why = match other {
                Ok(Err(error)) => error.to_string(),
                _ => "nothing came".to_owned(),
            };
            let detail = format!("{listen} does not answer: {why}");
            Finding::failed(
                check,
                detail,
                "is `serve` running, and does its admin listener listen there?",
            )
        }
    }
}

/// Where the auth listener is, seen from here.
#[derive(Clone, Copy)]
enum Place {
    ThisMachine,
    Elsewhere,
}

/// What came from there.
#[derive(Clone, Copy)]
enum Reply {
    /// Nobody accepts a connection.
    Silence,
    Validator,
    /// Somebody who does not answer as the validator does, or not at all.
    Another,
}

/// Whether the auth listener can be reached from here, where it should not be: whoever reaches it can
/// make up what a proxy says.
async fn exposure(address: &str) -> Finding {
    let resolved: Vec<SocketAddr> = match timeout(PATIENCE, lookup_host(address)).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return Finding::skipped(LISTENER, format!("{address} has no address: {error}"), "");
        }
        Err(_) => return Finding::skipped(LISTENER, format!("{address} is not found in time"), ""),
    };
    let home = resolved.iter().all(|address| address.ip().is_loopback());
    let place = if home { Place::ThisMachine } else { Place::Elsewhere };
    match reply(address).await {
        Ok(reply) => judged(address, place, reply),
        Err(why) => Finding::skipped(LISTENER, why, ""),
    }
}

fn judged(address: &str, place: Place, reply: Reply) -> Finding {
    let remedy = "bind it where the proxy alone reaches it: VALIDATOR_LISTEN, or a network of \
                  their own";
    match (reply, place) {
        (Reply::Silence, _) => {
            Finding::ok(LISTENER, format!("{address} takes no connection from here"))
        }
        (_, Place::ThisMachine) => {
            Finding::ok(LISTENER, format!("{address} is this machine's alone"))
        }
        (Reply::Validator, Place::Elsewhere) => {
            Finding::failed(LISTENER, format!("{address} answers to whoever is here"), remedy)
        }
        (Reply::Another, Place::Elsewhere) => Finding::warning(
            LISTENER,
            format!("{address} accepts connections from here, and does not answer as it should"),
            remedy,
        ),
    }
}

async fn reply(address: &str) -> Result<Reply, String> {
    let url = Url::parse(&format!("http://{address}/")).map_err(|error| error.to_string())?;
    let door = Door::new(&url, "", &Trust::System, None, PATIENCE)?;
    let request = Request::get("/validate").header(HOST, address).body(Empty::new());
    let request = request.map_err(|error| error.to_string())?;
    let Ok(connection) = door.open().await else { return Ok(Reply::Silence) };
    match connection.ask(request).await {
        Ok(answer) if Refusal::read(&answer).is_some() => Ok(Reply::Validator),
        _ => Ok(Reply::Another),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::diagnosis::Outcome::{Failed, Ok, Warning},
        Place::{Elsewhere, ThisMachine},
        Reply::{Another, Silence, Validator},
        judged,
    };

    #[test]
    fn an_auth_listener_answers_nobody_who_is_not_at_home() {
        for (place, reply, outcome) in [
            (ThisMachine, Silence, Ok),
            (ThisMachine, Validator, Ok),
            (Elsewhere, Silence, Ok),
            (Elsewhere, Validator, Failed),
            (Elsewhere, Another, Warning),
        ] {
            assert_eq!(judged("host:8080", place, reply).outcome, outcome);
        }
    }
}
