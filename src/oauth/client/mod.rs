//! OAuth clients: the applications that people let act for them.
//!
//! A client is listed in the configuration, publishes a document at the URL that is its id
//! (draft-ietf-oauth-client-id-metadata-document), or registers itself (RFC 7591). All are public
//! clients: they have no secret, and prove with PKCE that they asked for a code.

mod configured;
mod document;
mod document_cache;
mod error;
mod name;
mod redirect_uri;
mod registration;
mod registry;

use serde::{Deserialize, Serialize};

pub use configured::{ClientListError, parse_clients};
pub use document::DocumentId;
pub use error::ClientError;
pub use redirect_uri::RedirectUri;
pub use registration::{RegistrationError, RegistrationRequest, RegistrationResponse};
pub use registry::{Clients, DynamicRegistration};

/// An OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// The id.
    pub id: String,
    /// The name that the client gives itself, which proves nothing; without invisible characters.
    pub name: Option<String>,
    /// The registered redirect URIs, at least one.
    pub redirect_uris: Vec<RedirectUri>,
    /// The kind of the client.
    pub kind: ClientKind,
}

/// The kinds of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientKind {
    /// The client is listed in the configuration.
    Configured,
    /// The client publishes a document at the URL that is its id.
    Document,
    /// The client registered itself.
    Registered,
}

impl OAuthClient {
    /// Returns the redirect URI of a request; `None` if the client did not register it. A request
    /// without one is valid if a single URI is registered (RFC 6749, 3.1.2.3), and that one has no
    /// variable port.
    #[must_use]
    pub fn redirect_uri(&self, requested: Option<&str>) -> Option<RedirectUri> {
        let Some(requested) = requested else {
            let [only] = self.redirect_uris.as_slice() else { return None };
            return (!only.is_loopback()).then(|| only.clone());
        };
        let requested = RedirectUri::parse(requested)?;
        self.redirect_uris.iter().any(|uri| uri.allows(&requested)).then_some(requested)
    }

    /// Returns the host that publishes the client's document. Of all that is known of such a client,
    /// this host is what it cannot choose freely.
    #[must_use]
    pub fn document_host(&self) -> Option<String> {
        match self.kind {
            ClientKind::Document => DocumentId::parse(&self.id).map(|id| id.host().to_owned()),
            ClientKind::Configured | ClientKind::Registered => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_clients;

    #[test]
    fn m16_redirect_uri_must_be_registered() {
        let list = "one=https://a.test/cb,local=http://localhost/cb,two=https://a.test/ com.a:/cb";
        let clients = parse_clients(list).expect("clients");
        let find = |id: &str, requested: Option<&str>| {
            let client = clients.iter().find(|client| client.id == id).expect("a client");
            client.redirect_uri(requested).map(|uri| uri.to_string())
        };
        let https = Some("https://a.test/cb".to_owned());
        assert_eq!(find("one", None), https);
        assert_eq!(find("one", Some("https://a.test/cb")), https);
        assert_eq!(find("one", Some("https://a.test/cb/")), None);
        assert_eq!(find("one", Some("")), None);
        assert_eq!(find("local", None), None, "the port is unknown");
        let local = "http://localhost:49152/cb";
        assert_eq!(find("local", Some(local)).as_deref(), Some(local));
        assert_eq!(find("two", None), None);
        assert_eq!(find("two", Some("com.a:/cb")).as_deref(), Some("com.a:/cb"));
        assert_eq!(find("two", Some("com.b:/cb")), None);
    }
}
