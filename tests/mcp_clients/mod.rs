//! Clients of the official MCP SDK in front of a server of the same SDK, through the Caddyfile of
//! `deploy/`; a person logs in and consents in Chromium.

mod checks;
mod journey;

use serde_json::json;

use crate::support::{
    browser::Options,
    caddy::tls::TlsCaddy,
    document_server::DocumentServer,
    mcp::{McpServer, Sdk},
    oauth_app,
    people::People,
};

/// The policy of a person who may use all of the server but one tool.
const POLICY: &str = r#"
path "route/mcp" { capabilities = ["create", "read", "update", "delete"] }
path "route/mcp/*" { capabilities = ["read", "update"] }
path "route/mcp/tools/call/send_mail" { capabilities = ["deny"] }
"#;

/// The platform with an MCP server, behind Caddy.
struct McpPlatform {
    caddy: TlsCaddy,
    people: People,
    server: McpServer,
    document: DocumentServer,
}

impl McpPlatform {
    /// Starts it with a server of this line of the SDK, and `ana`, who may use it.
    async fn start(sdk: Sdk) -> Self {
        Self::start_with(sdk, "https://mcp.example.com/mcp=MCP registry").await
    }

    /// Starts it with these resources.
    async fn start_with(sdk: Sdk, resources: &str) -> Self {
        let document = DocumentServer::start(json!({
            "client_id": "URL",
            "client_name": "Test client",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": "none",
        }))
        .await;
        let certificates = document.leaf().certificate().display().to_string();
        let env = [
            ("VALIDATOR_RESOURCES", resources),
            ("VALIDATOR_CACHE_TTL", "1s"),
            ("VALIDATOR_OAUTH_REGISTRATION", "true"),
            ("VALIDATOR_OAUTH_CLIENT_NETWORKS", "127.0.0.0/8,::1"),
            ("SSL_CERT_FILE", certificates.as_str()),
        ];
        let env: Vec<_> = oauth_app::ENV.iter().copied().chain(env).collect();
        let people = People::start_with(&env).await;
        let policy = Some(json!({ "policy": POLICY }));
        people.bao().must("PUT", "sys/policies/acl/mcp-user", policy).await;
        people.create("ana", json!({"token_policies": "mcp-user"})).await;
        let server = McpServer::start(sdk, &[]).await;
        let validator = &people.direct.validator;
        let login = validator.api_url().replace("http://", "");
        let env = [("LOGIN_UPSTREAM", login.as_str())];
        let caddy = TlsCaddy::start(validator.auth_address(), server.address(), &env).await;
        Self { caddy, people, server, document }
    }

    fn options(&self) -> Options {
        Options::new(self.caddy.leaf(), self.caddy.port())
    }

    /// Ends every login of `ana`.
    async fn revoke_all(&self) {
        self.people.bao().must("POST", "sys/leases/revoke-prefix/auth/userpass/login", None).await;
    }
}
