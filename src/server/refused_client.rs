//! The parts of a refusal of `/validate` that OAuth clients and clients of the Model Context Protocol read.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    auth::{ProblemSpec, Refusal},
    forwarded::{ForwardedRequest, MCP_VERSIONS, McpError},
    oauth::{Resources, SCOPE},
    requirements::Requirements,
    server::{
        problem::{self, ProblemDetails},
        request_id::RequestId,
    },
};

/// The error codes of the Model Context Protocol, revision 2026-07-28, and one for all other refusals.
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;
const REFUSED: i32 = -32001;

/// A refused request of a client that is no browser.
pub(super) struct RefusedClient<'r> {
    pub(super) refusal: &'r Refusal,
    pub(super) requirements: &'r Requirements,
    pub(super) forwarded: ForwardedRequest<'r>,
}

/// Problem details that are an error of JSON-RPC as well (<https://www.jsonrpc.org/specification>, 5).
#[derive(Serialize)]
struct McpProblem<'d> {
    #[serde(flatten)]
    details: ProblemDetails<'d>,
    jsonrpc: &'static str,
    /// Null: the id is in the body of the request, which is not read.
    id: Option<()>,
    error: Value,
}

impl RefusedClient<'_> {
    /// Completes a response with problem details: clients of the Model Context Protocol show another body.
    pub(super) fn complete(&self, response: Response<Bytes>, id: &RequestId) -> Response<Bytes> {
        match self.mcp_body(&self.refusal.problem_spec(), id) {
            Some(body) => with_json(response, body),
            None => response,
        }
    }

    /// Adds the metadata of the resource to the challenge of a response.
    pub(super) fn with_metadata(
        &self,
        mut response: Response<Bytes>,
        resources: Option<&Resources>,
    ) -> Response<Bytes> {
        let headers = response.headers_mut();
        if self.is_policy_of_call() {
            // By `insufficient_scope` a client asks the person to log in again, for each denied call. A login
            // does not change a policy.
            headers.remove(WWW_AUTHENTICATE);
        } else if let Some(challenge) = self.challenge(&self.refusal.problem_spec(), resources) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// Returns true if Vault's policies do not allow the called tool, prompt or resource.
    fn is_policy_of_call(&self) -> bool {
        self.requirements.has_mcp() && matches!(self.refusal, Refusal::AclDenied)
    }

    /// Returns the challenge with the metadata of the resource (RFC 9728, 5.1).
    fn challenge(&self, spec: &ProblemSpec, resources: Option<&Resources>) -> Option<HeaderValue> {
        let resource = resources?.get(self.requirements.resource.as_ref()?)?;
        let challenge = problem::challenge(spec.challenge)?;
        let metadata = resource.uri.metadata_url();
        let value = format!(r#"{challenge}, scope="{SCOPE}", resource_metadata="{metadata}""#);
        HeaderValue::try_from(value).ok()
    }

    /// Returns the body for a client of the Model Context Protocol, for an error of the request.
    fn mcp_body(&self, spec: &ProblemSpec, id: &RequestId) -> Option<Vec<u8>> {
        let is_about_request =
            matches!(spec.status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN);
        if !self.requirements.has_mcp() || !is_about_request {
            return None;
        }
        let body = McpProblem {
            details: ProblemDetails::new(spec.status, spec.code, spec.title, None, id),
            jsonrpc: "2.0",
            id: None,
            error: self.rpc_error(spec),
        };
        serde_json::to_vec(&body).ok()
    }

    fn rpc_error(&self, spec: &ProblemSpec) -> Value {
        match self.refusal {
            Refusal::McpInvalid(error @ McpError::UnsupportedVersion(requested)) => json!({
                "code": UNSUPPORTED_PROTOCOL_VERSION,
                "message": error.to_string(),
                "data": { "supported": MCP_VERSIONS, "requested": requested },
            }),
            Refusal::McpInvalid(error) => {
                json!({ "code": HEADER_MISMATCH, "message": error.to_string() })
            }
            Refusal::AclDenied => {
                let call = self.forwarded.mcp_call().ok();
                let call = call.map_or_else(String::new, |call| {
                    let name = call.name.unwrap_or_default();
                    format!(": {} {name}", call.method)
                });
                json!({ "code": REFUSED, "message": format!("{}{}", spec.title, call.trim_end()) })
            }
            _ => json!({ "code": REFUSED, "message": spec.title }),
        }
    }
}

fn with_json(response: Response<Bytes>, body: Vec<u8>) -> Response<Bytes> {
    let mut response = response.map(|_| Bytes::from(body));
    // Clients read an error of JSON-RPC from no other media type.
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
