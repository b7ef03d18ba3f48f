//! Checks of the metadata documents, by which clients find the authorization server.

use serde_json::{Map, Value};

use super::{AuthorizedResource, document::MetadataDocument};
use crate::{
    diagnostics::{finding::Finding, proxy::Site},
    login::LoginOrigin,
    oauth::{DynamicRegistration, SERVER_METADATA_PATH},
};

pub(super) const RESOURCE: &str = "resource metadata";
pub(super) const SERVER: &str = "server metadata";

/// The remedy if the proxy does not send the requests of clients at the login host to the service.
pub(super) const SERVER_ROUTE: &str = "the proxy has to send /.well-known/ and /oauth/ of the login host to \
                                       the api listener, and not through a guard: `import oauth_server` \
                                       (deploy/caddy)";

/// Checks the document of a resource.
pub(super) async fn check_resource(authorized: AuthorizedResource<'_>, proxy: &Site) -> Finding {
    let AuthorizedResource { resource, server } = authorized;
    let uri = &resource.uri;
    let document = MetadataDocument {
        check: RESOURCE,
        url: uri.metadata_url(),
        route: "the proxy has to send /.well-known/oauth-protected-resource of this host to the api \
                listener, and not through the guard: `import mcp` or `import oauth_metadata` (deploy/caddy)",
        settings: "the running service has other VALIDATOR_RESOURCES or VALIDATOR_LOGIN_URL than this \
                   command, or the proxy names another host or scheme in X-Forwarded-Host and \
                   X-Forwarded-Proto",
    };
    let metadata = match document.fetch(uri.authority(), uri.origin(), proxy).await {
        Ok(metadata) => metadata,
        Err(finding) => return finding,
    };
    let server = server.to_string();
    match (text(&metadata, "resource"), &metadata.get("authorization_servers")) {
        (None, _) => document.not_ours("has no `resource`"),
        (Some(other), _) if other != uri.as_str() => {
            document.of_other_settings(&format!("is of the resource {other}, not {uri}"))
        }
        (_, Some(Value::Array(servers))) if *servers == [Value::from(server.as_str())] => {
            Finding::ok(RESOURCE, format!("{} names {server}", document.url))
        }
        (_, servers) => {
            let servers = servers.map_or_else(|| "none".to_owned(), Value::to_string);
            let problem = format!("has the authorization servers {servers}, not only {server}");
            document.of_other_settings(&problem)
        }
    }
}

/// Checks the document of an authorization server.
pub(super) async fn check_server(
    server: &LoginOrigin,
    registration: Option<DynamicRegistration>,
    proxy: &Site,
) -> Finding {
    let issuer = server.to_string();
    let document = MetadataDocument {
        check: SERVER,
        url: format!("{issuer}{SERVER_METADATA_PATH}"),
        route: SERVER_ROUTE,
        settings: "the running service has another VALIDATOR_LOGIN_URL, or other settings of OAuth than \
                   this command, or the proxy names another host or scheme in X-Forwarded-Host and \
                   X-Forwarded-Proto",
    };
    let metadata = match document.fetch(server.authority(), &issuer, proxy).await {
        Ok(metadata) => metadata,
        Err(finding) => return finding,
    };
    let methods = metadata.get("code_challenge_methods_supported").and_then(Value::as_array);
    let has_s256 = methods.is_some_and(|methods| methods.contains(&Value::from("S256")));
    let has_registration = metadata.contains_key("registration_endpoint");
    let is_expected = |setting| has_registration == (setting == DynamicRegistration::On);
    match text(&metadata, "issuer") {
        None => document.not_ours("has no `issuer`"),
        Some(other) if other != issuer => {
            document.of_other_settings(&format!("is of the issuer {other}, not {issuer}"))
        }
        Some(_) if !has_s256 => {
            document.not_ours("does not announce S256, without which clients refuse to log in")
        }
        Some(_) if !registration.is_none_or(is_expected) => {
            let announced = if has_registration { "an" } else { "no" };
            document.of_other_settings(&format!("has {announced} endpoint for registrations"))
        }
        Some(_) => Finding::ok(SERVER, format!("{} has this issuer, and S256", document.url)),
    }
}

fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str)
}
