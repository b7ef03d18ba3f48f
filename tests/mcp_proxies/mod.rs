//! An MCP server behind the recipes for Caddy, nginx, Traefik and Envoy.

mod calls;
mod journey;
mod outages;
mod pages;
mod streams;
mod versions;

use serde_json::{Value, json};

use crate::support::{
    edge::{Edge, LOGIN_HOST, MCP_HOST, MCP_RESOURCE, Recipe},
    edges::{self, Edges},
    http::Answer,
    mcp::{McpServer, Sdk},
    people::People,
    platform,
};

/// The revision in which the headers name the tool.
const REVISION: &str = "2026-07-28";

/// The policy of a caller who may use some tools, and no other requests.
const TOOLS: &str = r#"
path "route/mcp/*" { capabilities = ["read"] }
path "route/mcp/tools/call/echo" { capabilities = ["update"] }
path "route/mcp/tools/call/whoami" { capabilities = ["update"] }
path "route/mcp/tools/call/count" { capabilities = ["update"] }
"#;

/// The policy of a caller who may use the server as a whole, but no tool by its name.
const WHOLE: &str = r#"
path "route/mcp" { capabilities = ["create", "read", "update", "delete"] }
"#;

/// Every proxy with its recipe, in front of a validator and an MCP server of SDK 2.x. Fields are in the
/// order in which they are to be stopped.
struct McpFronts {
    edges: Edges,
    people: People,
    server: McpServer,
}

impl McpFronts {
    /// Starts them; `arguments` are those of the server.
    async fn start(arguments: &[&str]) -> Self {
        let (people, server) = tokio::join!(start_people(), McpServer::start(Sdk::Two, arguments));
        let edges = edges_before(&people, server.address(), Recipe::PLAIN).await;
        Self { edges, people, server }
    }

    /// Creates a token with this policy alone.
    async fn token(&self, policy: &str) -> String {
        platform::token_with(self.people.bao(), policy).await
    }

    /// Returns the number of tools that have run.
    async fn runs(&self) -> usize {
        self.server.calls().await.len()
    }
}

/// Starts a validator with the resource and a client.
async fn start_people() -> People {
    let resource = format!("{MCP_RESOURCE}=MCP registry");
    let login = format!("http://{LOGIN_HOST}");
    People::start_with(&[
        ("VALIDATOR_CACHE_TTL", "1s"),
        ("VALIDATOR_LOGIN_URL", login.as_str()),
        ("VALIDATOR_LOGIN_HOSTS", "*.crm.localhost"),
        ("VALIDATOR_RESOURCES", resource.as_str()),
        ("VALIDATOR_OAUTH_CLIENTS", "inspector=http://127.0.0.1/callback"),
    ])
    .await
}

/// Starts every proxy with this recipe, in front of the MCP server at this address.
async fn edges_before(people: &People, mcp: &str, recipe: Recipe<'_>) -> Edges {
    let validator = &people.direct.validator;
    let api = validator.api_url();
    let login = api.trim_start_matches("http://");
    let recipe = Recipe { login, mcp, ..recipe };
    // Nothing listens at the address of the CRM.
    edges::start(validator.auth_address(), "127.0.0.1:9", recipe).await
}

/// Calls a tool with this token, with these lines of the headers of the protocol.
async fn call_tool(edge: &Edge, token: &str, tool: &str, lines: &[(&str, &str)]) -> Answer {
    let arguments = match tool {
        "echo" => json!({"text": "a"}),
        "send_mail" => json!({"to": "a"}),
        _ => json!({}),
    };
    let body = request("tools/call", json!({"name": tool, "arguments": arguments}));
    post(edge, &[&[("x-vault-token", token)], lines].concat(), &body).await
}

/// Sends a request of the protocol.
async fn post(edge: &Edge, headers: &[(&str, &str)], body: &Value) -> Answer {
    let own =
        [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
    let headers = [&own[..], headers].concat();
    edge.send_to(MCP_HOST, "POST", "/mcp", &headers, Some(&body.to_string())).await
}

/// Returns the body of a request of revision 2026-07-28.
fn request(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// Returns the headers of a call of this tool.
fn named(tool: &str) -> [(&str, &str); 3] {
    [("mcp-protocol-version", REVISION), ("mcp-method", "tools/call"), ("mcp-name", tool)]
}

/// Returns the code of the error of JSON-RPC in a response.
fn error_code(answer: &Answer) -> Option<i64> {
    serde_json::from_str::<Value>(&answer.body).ok()?["error"]["code"].as_i64()
}

/// Returns the lines of a header.
fn lines<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let lines = answer.headers.get_all(name).iter();
    lines.map(|line| line.to_str().expect("text")).collect()
}
