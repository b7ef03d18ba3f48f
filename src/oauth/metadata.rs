//! The metadata documents, by which clients find the authorization server and its endpoints.

use serde::Serialize;

use super::{DynamicRegistration, ProtectedResource};
use crate::login::LoginOrigin;

/// The path of the authorization server's metadata (RFC 8414, 3).
pub const SERVER_METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The path at which a browser starts an authorization.
pub const AUTHORIZE_PATH: &str = "/oauth/authorize";

/// The path at which a client exchanges a code or a refresh token.
pub const TOKEN_PATH: &str = "/oauth/token";

/// The path at which a client revokes a token (RFC 7009).
pub const REVOKE_PATH: &str = "/oauth/revoke";

/// The path at which a client registers itself (RFC 7591).
pub const REGISTER_PATH: &str = "/oauth/register";

/// The only scope. Vault's policies decide what a token may be used for, so that a scope adds nothing.
pub const SCOPE: &str = "mcp";

/// The metadata of a protected resource (RFC 9728, 2).
#[derive(Debug, Serialize)]
pub struct ResourceMetadata<'m> {
    resource: &'m str,
    authorization_servers: [String; 1],
    scopes_supported: [&'static str; 1],
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'m str,
}

/// The metadata of the authorization server (RFC 8414, 2).
#[derive(Debug, Serialize)]
pub struct ServerMetadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    scopes_supported: [&'static str; 1],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 1],
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    code_challenge_methods_supported: [&'static str; 1],
    ui_locales_supported: [&'static str; 2],
    authorization_response_iss_parameter_supported: bool,
    client_id_metadata_document_supported: bool,
}

impl<'m> ResourceMetadata<'m> {
    /// Creates the metadata of a resource whose clients are authorized by this server.
    #[must_use]
    pub fn new(resource: &'m ProtectedResource, server: &LoginOrigin) -> Self {
        Self {
            resource: resource.uri.as_str(),
            authorization_servers: [server.to_string()],
            scopes_supported: [SCOPE],
            bearer_methods_supported: ["header"],
            resource_name: resource.name(),
        }
    }
}

impl ServerMetadata {
    /// Creates the metadata of the server at this host, which is its issuer.
    #[must_use]
    pub fn new(issuer: &LoginOrigin, registration: DynamicRegistration) -> Self {
        let url = |path| format!("{issuer}{path}");
        let has_registration = registration == DynamicRegistration::On;
        Self {
            issuer: issuer.to_string(),
            authorization_endpoint: url(AUTHORIZE_PATH),
            token_endpoint: url(TOKEN_PATH),
            revocation_endpoint: url(REVOKE_PATH),
            registration_endpoint: has_registration.then(|| url(REGISTER_PATH)),
            scopes_supported: [SCOPE],
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: ["authorization_code", "refresh_token"],
            token_endpoint_auth_methods_supported: ["none"],
            revocation_endpoint_auth_methods_supported: ["none"],
            code_challenge_methods_supported: ["S256"],
            ui_locales_supported: ["es", "en"],
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: true,
        }
    }
}
