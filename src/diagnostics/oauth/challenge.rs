//! The check of the response to a client without a token, which has to lead it to the metadata.

use http::header::{LOCATION, WWW_AUTHENTICATE};

use super::request::{REVISION_WITHOUT_HEADERS, list_tools, path};
use crate::{
    diagnostics::{
        finding::Finding,
        host_probe::HostProbe,
        problem::{ProblemDocument, describe},
    },
    forwarded::MCP_VERSIONS,
    login::pages::LOGIN_PATH,
    probe::ProbeResponse,
    resource_uri::ResourceUri,
};

pub(super) const CHALLENGE: &str = "challenge";

const ADD_GUARD: &str = "the server has to be inside the guard: `import mcp` (deploy/caddy)";

/// Checks the challenge to clients of both kinds of revisions, for which a proxy may have different routes.
/// An error if the server may not be guarded.
pub(super) async fn check(uri: &ResourceUri, probe: &HostProbe<'_>) -> Result<Finding, Finding> {
    let path = path(uri);
    for revision in [MCP_VERSIONS[0], REVISION_WITHOUT_HEADERS] {
        let (request, body) = list_tools(uri, revision);
        let target = format!("POST {path} on {} with MCP revision {revision}", probe.authority());
        let response = probe.send(request, body).await.map_err(|error| {
            Finding::failed(CHALLENGE, format!("{target}: {error}"), super::NO_SITE)
        })?;
        if response.status != 401 {
            return Err(not_challenged(&target, &response));
        }
        if let Err((problem, remedy)) = check_header(&response, uri) {
            return Err(Finding::failed(
                CHALLENGE,
                format!("{target} is 401, but {problem}"),
                remedy,
            ));
        }
    }
    let message =
        format!("POST {path} on {} without a token leads to the metadata", probe.authority());
    Ok(Finding::ok(CHALLENGE, message))
}

/// Returns the finding for a response that does not ask for a token.
fn not_challenged(target: &str, response: &ProbeResponse) -> Finding {
    let location = response.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let is_login = location.is_some_and(|location| location.contains(LOGIN_PATH));
    let remedy = match (response.status, ProblemDocument::parse(response)) {
        (300..400, _) if is_login => {
            "clients do not follow a redirect to the login page: the route of an MCP server must not have \
             `login=redirect` (`import mcp` instead of `import app`), nor the proxy one of its own"
        }
        (300..400, _) => {
            "clients do not follow it: put the URI that needs no redirect into VALIDATOR_RESOURCES"
        }
        (_, Some(_)) => "see the validator's log; `request_id` identifies the line",
        (421, None) => "the proxy needs a site for this host",
        (502..=504, None) => {
            "the proxy cannot reach the validator: check AUTH_UPSTREAM, and that it is running"
        }
        _ => ADD_GUARD,
    };
    let location = location.map_or_else(String::new, |location| format!(" to {location}"));
    let message = format!("{target} without a token is {}{location}, not 401", describe(response));
    Finding::failed(CHALLENGE, message, remedy)
}

/// Checks that the response has one challenge, that it is of the scheme `Bearer`, and that it names the
/// metadata of the resource. Returns the problem and its remedy.
fn check_header(response: &ProbeResponse, uri: &ResourceUri) -> Result<(), (String, &'static str)> {
    let lines = response.headers.get_all(WWW_AUTHENTICATE).iter();
    let lines: Vec<&str> = lines.map(|value| value.to_str().unwrap_or_default()).collect();
    let line = match lines.as_slice() {
        [line] => *line,
        [] => {
            return Err((
                "has no WWW-Authenticate".to_owned(),
                "the proxy has to pass the header on; nginx does so only with `auth_request_set` and \
                 `add_header WWW-Authenticate … always`",
            ));
        }
        lines => {
            return Err((
                format!("has {} lines of WWW-Authenticate", lines.len()),
                "clients read one of them: no other program than the validator may add the header",
            ));
        }
    };
    let parameters = line.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    if parameters.is_none() {
        return Err((
            format!("its first challenge is not Bearer: `{line}`"),
            "clients read the first challenge only: put the server inside the guard, and leave `basic` out \
             of VALIDATOR_CREDENTIALS",
        ));
    }
    let expected = uri.metadata_url();
    let named =
        line.split_once("resource_metadata=\"").and_then(|(_, rest)| rest.split('"').next());
    match named {
        Some(named) if named == expected => Ok(()),
        Some(other) => Err((
            format!("its `resource_metadata` is {other}, not {expected}"),
            "the route has the `resource=` of another resource, or of another host or scheme",
        )),
        None => Err((
            "it names no `resource_metadata`".to_owned(),
            "the route needs `resource=` with exactly this URI (`import mcp`), and the running service the \
             same VALIDATOR_RESOURCES as this command",
        )),
    }
}
