use std::{collections::HashMap, sync::Arc};

use super::{
    ClientError, DocumentId, OAuthClient,
    document_cache::DocumentCache,
    registration::{ID_PREFIX, registered_client},
};
use crate::{public_documents::PublicDocuments, sealed::KeyRing};

/// All clients: the configured ones, those with a document, and the registered ones.
pub struct Clients {
    configured: HashMap<String, Arc<OAuthClient>>,
    documents: DocumentCache,
    registration: DynamicRegistration,
}

/// The setting that lets clients register themselves (`VALIDATOR_OAUTH_REGISTRATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicRegistration {
    /// Clients cannot register, and ids of earlier registrations are unknown.
    Off,
    /// Clients can register.
    On,
}

impl Clients {
    /// Creates the registry.
    #[must_use]
    pub fn new(
        configured: Vec<OAuthClient>,
        documents: PublicDocuments,
        registration: DynamicRegistration,
    ) -> Self {
        let configured = configured.into_iter().map(|client| (client.id.clone(), client.into()));
        Self {
            configured: configured.collect(),
            documents: DocumentCache::new(documents),
            registration,
        }
    }

    /// Returns the setting for registrations.
    #[must_use]
    pub fn registration(&self) -> DynamicRegistration {
        self.registration
    }

    /// Returns true if a client with this id is accepted, without requesting its document.
    #[must_use]
    pub fn is_accepted(&self, id: &str) -> bool {
        let is_registered = id.starts_with(ID_PREFIX);
        self.configured.contains_key(id)
            || DocumentId::parse(id).is_some()
            || (is_registered && self.registration == DynamicRegistration::On)
    }

    /// Returns the client with this id. A document is requested if it is not cached.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn find(
        &self,
        keys: &KeyRing,
        issuer: &str,
        id: &str,
    ) -> Result<Arc<OAuthClient>, ClientError> {
        if let Some(client) = self.configured.get(id) {
            return Ok(Arc::clone(client));
        }
        if let Some(id) = DocumentId::parse(id) {
            return self.documents.find(&id).await;
        }
        if self.registration == DynamicRegistration::On && id.starts_with(ID_PREFIX) {
            let client = registered_client(keys, issuer, id);
            return client.map(Arc::new).map_err(|_| ClientError::Unknown);
        }
        Err(ClientError::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use super::{ClientError, Clients, DynamicRegistration};
    use crate::{
        oauth::client::{ClientKind, RegistrationRequest, parse_clients},
        public_documents::test_server::{TestReply, TestServer},
        sealed::KeyRing,
    };

    const ISSUER: &str = "https://login.test";

    #[tokio::test]
    async fn clients_of_all_kinds_are_found() {
        let url: Arc<OnceLock<String>> = Arc::default();
        let known = Arc::clone(&url);
        let server = TestServer::start(move |_| {
            let url = known.get().expect("the URL");
            TestReply::json(&format!(
                "{{\"client_id\":\"{url}\",\"redirect_uris\":[\"http://localhost/cb\"]}}"
            ))
        });
        let server = server.await;
        let url = url.get_or_init(|| server.url("/client.json").to_string());
        let keys = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let request = RegistrationRequest::parse(b"{\"redirect_uris\":[\"https://a.test/\"]}");
        let registered = request.expect("a request").register(&keys, ISSUER).expect("a response");
        let registered = registered.client_id;
        for (registration, expected) in [
            (DynamicRegistration::On, Ok(ClientKind::Registered)),
            (DynamicRegistration::Off, Err(ClientError::Unknown)),
        ] {
            let configured = parse_clients("inspector=http://localhost/cb").expect("clients");
            let clients = Clients::new(configured, server.documents(), registration);
            let find =
                async |id: &str| clients.find(&keys, ISSUER, id).await.map(|client| client.kind);
            assert_eq!(find("inspector").await, Ok(ClientKind::Configured));
            assert_eq!(find(url).await, Ok(ClientKind::Document));
            assert_eq!(find(&registered).await, expected);
            for other in ["", "Inspector", "vcr_", "http://client.test/a", "https://client.test/"] {
                assert_eq!(find(other).await, Err(ClientError::Unknown), "{other}");
            }
        }
    }
}
