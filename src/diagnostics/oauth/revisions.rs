//! The check of the revisions of the Model Context Protocol that a route accepts, with a caller's token.

use http::{HeaderValue, header::AUTHORIZATION};
use serde_json::Value;

use super::request::{REVISION_WITHOUT_HEADERS, Revision, list_tools};
use crate::{
    diagnostics::{
        connection::is_cleartext,
        finding::{Finding, skipped},
        host_probe::HostProbe,
        problem::{ProblemDocument, describe},
        proxy::Site,
    },
    forwarded::MCP_VERSIONS,
    probe::ProbeResponse,
    resource_uri::ResourceUri,
};

pub(super) const REVISIONS: &str = "MCP revisions";

/// The revision in which headers name the method.
const REVISION_WITH_HEADERS: Revision = MCP_VERSIONS[0];

/// The error code of the protocol for a revision that is not accepted.
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

const NEEDS_TOKEN: &str =
    "--caddy-token FILE, with the token of a caller who may use the server, and https";

/// The response to a caller's request.
enum RevisionResult {
    /// The request reached the server.
    Passed,
    /// The guard does not accept the revision.
    Unsupported,
    /// The guard denies the request for another reason, or there is no response of the server.
    Refused(String),
}

/// Runs the check on these resources, all of which are guarded.
pub(super) async fn check(guarded: &[(&ResourceUri, HostProbe<'_>)], proxy: &Site) -> Vec<Finding> {
    if guarded.is_empty() {
        return skipped([REVISIONS], "no resource is guarded as it should be").collect();
    }
    let Some(authorization) = &proxy.authorization else {
        let reason = format!(
            "no token is given. A route with `mcp=` accepts {REVISION_WITH_HEADERS} only, which of the \
             official SDKs Python 2.x speaks, and TypeScript 2.x if the client asks for it; others need \
             `acl=` on the whole server"
        );
        return vec![Finding::skipped(REVISIONS, reason, NEEDS_TOKEN)];
    };
    let mut findings = Vec::new();
    for (uri, probe) in guarded {
        findings.push(check_resource(uri, probe, proxy, authorization).await);
    }
    findings
}

async fn check_resource(
    uri: &ResourceUri,
    probe: &HostProbe<'_>,
    proxy: &Site,
    authorization: &HeaderValue,
) -> Finding {
    let request = async |revision| -> Result<RevisionResult, Finding> {
        let connection = probe.connect().await.map_err(|error| {
            Finding::failed(REVISIONS, format!("{uri}: {error}"), "see the proxy's log")
        })?;
        if is_cleartext(connection.peer, proxy.url.scheme()) {
            let reason = "the token would be sent in cleartext";
            return Err(Finding::skipped(REVISIONS, reason, NEEDS_TOKEN));
        }
        let (request, body) = list_tools(uri, revision);
        let request = request.header(AUTHORIZATION, authorization);
        let response = probe.send_on(connection, request, body).await;
        Ok(response.map_or_else(RevisionResult::Refused, |response| RevisionResult::of(&response)))
    };
    let new = match request(REVISION_WITH_HEADERS).await {
        Ok(result) => result,
        Err(finding) => return finding,
    };
    match request(REVISION_WITHOUT_HEADERS).await {
        Ok(old) => finding(uri, &new, &old),
        Err(finding) => finding,
    }
}

fn finding(uri: &ResourceUri, with_headers: &RevisionResult, without: &RevisionResult) -> Finding {
    use RevisionResult::{Passed, Refused, Unsupported};

    let (new, old) = (REVISION_WITH_HEADERS, REVISION_WITHOUT_HEADERS);
    match (with_headers, without) {
        (Passed, Passed) => {
            Finding::ok(REVISIONS, format!("{uri} accepts clients of {new} and of {old}"))
        }
        (Unsupported, _) => Finding::failed(
            REVISIONS,
            format!("{uri} does not accept {new}"),
            "run the same release of this program as the service",
        ),
        (_, Unsupported) => Finding::warning(
            REVISIONS,
            format!(
                "{uri} accepts clients of {new} only: of the official SDKs Python 2.x, and TypeScript 2.x \
                 if the client asks for it; all others get 400"
            ),
            "unless that is intended, give the others a route with `acl=` on the whole server, as `import \
             mcp` does",
        ),
        (Passed, Refused(why)) => Finding::warning(
            REVISIONS,
            format!("with the token, {uri} accepts {new}, but tools/list of {old} is {why}"),
            "unless that is intended, a policy of the caller has to grant the path of `acl=`, by which \
             clients of older revisions are authorized",
        ),
        (Refused(why), Passed) => Finding::warning(
            REVISIONS,
            format!("with the token, {uri} accepts {old}, but tools/list of {new} is {why}"),
            "unless that is intended, a policy of the caller has to grant `read` on the path of `mcp=` \
             followed by `/tools/list`",
        ),
        (Refused(why), Refused(_)) => {
            let reason = format!("with the token, tools/list of {uri} is {why}");
            Finding::skipped(REVISIONS, reason, NEEDS_TOKEN)
        }
    }
}

impl RevisionResult {
    fn of(response: &ProbeResponse) -> Self {
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let is_of_guard = ProblemDocument::parse(response).is_some();
        match response.status {
            _ if is_of_guard && body["error"]["code"] == UNSUPPORTED_PROTOCOL_VERSION => {
                Self::Unsupported
            }
            // Behind nginx the guard's refusals have no body of its own.
            401 | 403 | 500.. => Self::Refused(describe(response)),
            _ if is_of_guard => Self::Refused(describe(response)),
            _ => Self::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::{RevisionResult, finding};
    use crate::{
        diagnostics::finding::Status::{self, Failed, Ok, Skipped, Warning},
        probe::ProbeResponse,
        resource_uri::ResourceUri,
    };

    fn result(status: u16, body: &Value) -> RevisionResult {
        let body = body.to_string().into_bytes().into();
        RevisionResult::of(&ProbeResponse { status, headers: HeaderMap::new(), body })
    }

    /// Returns the body of the guard's refusal with this code of JSON-RPC.
    fn refusal(code: i32) -> Value {
        json!({
            "type": "urn:vault-auth-validator:request_invalid",
            "code": "request_invalid",
            "request_id": "1",
            "error": { "code": code },
        })
    }

    #[test]
    fn refusals_of_guard_and_server_differ() {
        let uri = ResourceUri::parse("https://mcp.example.com").expect("a URI");
        let status = |new: (u16, &Value), old: (u16, &Value)| -> Status {
            finding(&uri, &result(new.0, new.1), &result(old.0, old.1)).status
        };
        let [unsupported, mismatch] = [-32022, -32020].map(refusal);
        // That of the server itself, behind the guard.
        let of_server = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32022}});
        let passed = (200, &json!({}));
        for (new, old, expected) in [
            (passed, passed, Ok),
            (passed, (400, &of_server), Ok),
            (passed, (404, &json!("no session")), Ok),
            (passed, (400, &unsupported), Warning),
            (passed, (403, &json!("refused by nginx")), Warning),
            ((403, &mismatch), (400, &unsupported), Warning),
            ((403, &mismatch), passed, Warning),
            ((400, &unsupported), (400, &unsupported), Failed),
            ((403, &mismatch), (403, &mismatch), Skipped),
            ((502, &json!("")), (502, &json!("")), Skipped),
        ] {
            assert_eq!(status(new, old), expected, "{new:?} {old:?}");
        }
    }
}
