use bytes::Bytes;
use http::{
    Request,
    header::{ACCEPT, CONTENT_TYPE},
    request::Builder,
};

use crate::resource_uri::ResourceUri;

/// A revision of the Model Context Protocol, as clients name it.
pub(super) type Revision = &'static str;

/// The last revision in which only the body of a request has the method.
pub(super) const REVISION_WITHOUT_HEADERS: Revision = "2025-11-25";

/// The path of servers of which only the origin is known.
const USUAL_PATH: &str = "/mcp";

/// A request that changes nothing at the server, should it reach it.
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;

/// Returns the path at which a resource receives the requests of clients.
pub(super) fn path(uri: &ResourceUri) -> &str {
    if uri.path().is_empty() { USUAL_PATH } else { uri.path() }
}

/// Returns the request of a client of this revision that lists the tools, and its body.
pub(super) fn list_tools(uri: &ResourceUri, revision: Revision) -> (Builder, Bytes) {
    let mut request = Request::post(path(uri))
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .header("mcp-protocol-version", revision);
    if revision != REVISION_WITHOUT_HEADERS {
        request = request.header("mcp-method", "tools/list");
    }
    (request, Bytes::from_static(BODY.as_bytes()))
}
