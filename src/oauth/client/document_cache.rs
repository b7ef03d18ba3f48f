use std::{sync::Arc, time::Duration};

use moka::future::Cache;

use super::{ClientError, DocumentId, OAuthClient};
use crate::public_documents::{DocumentError, PublicDocuments};

/// The time for which a valid document is used without another request.
const VALID_FOR: Duration = Duration::from_mins(5);

/// The time for which a valid document is used while it cannot be requested.
const USABLE_FOR: Duration = Duration::from_hours(24);

/// The time for which a document that is invalid or unavailable is not requested again.
const FAILED_FOR: Duration = Duration::from_secs(30);

/// The maximum number of valid documents, and of failures.
const MAX_ENTRIES: u64 = 256;

/// The documents of clients. Concurrent requests of one document are coalesced.
pub(super) struct DocumentCache {
    documents: PublicDocuments,
    clients: Cache<String, Arc<OAuthClient>>,
    /// The last valid documents.
    older: Cache<String, Arc<OAuthClient>>,
    failures: Cache<String, ClientError>,
}

impl DocumentCache {
    pub(super) fn new(documents: PublicDocuments) -> Self {
        Self::with_lifetimes(documents, VALID_FOR, FAILED_FOR)
    }

    fn with_lifetimes(documents: PublicDocuments, valid: Duration, failed: Duration) -> Self {
        Self {
            documents,
            clients: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(valid).build(),
            older: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(USABLE_FOR).build(),
            failures: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(failed).build(),
        }
    }

    /// Returns the client with this id. While its document cannot be requested, the last valid one is used.
    pub(super) async fn find(&self, id: &DocumentId) -> Result<Arc<OAuthClient>, ClientError> {
        match self.find_current(id).await {
            Err(error @ ClientError::DocumentUnavailable(_)) => {
                self.older.get(id.as_str()).await.ok_or(error)
            }
            found => found,
        }
    }

    async fn find_current(&self, id: &DocumentId) -> Result<Arc<OAuthClient>, ClientError> {
        if let Some(client) = self.clients.get(id.as_str()).await {
            return Ok(client);
        }
        if let Some(failure) = self.failures.get(id.as_str()).await {
            return Err(failure);
        }
        let client = self.clients.try_get_with_by_ref(id.as_str(), self.request(id)).await;
        client.map_err(|error| (*error).clone())
    }

    async fn request(&self, id: &DocumentId) -> Result<Arc<OAuthClient>, ClientError> {
        let failure = match self.documents.get(id.url()).await {
            Ok(document) => match id.parse_document(&document) {
                Ok(client) => {
                    let client = Arc::new(client);
                    self.older.insert(id.as_str().to_owned(), Arc::clone(&client)).await;
                    return Ok(client);
                }
                Err(reason) => ClientError::DocumentInvalid(reason.to_owned()),
            },
            // The other requests say nothing about this document.
            Err(error @ DocumentError::Overloaded) => {
                return Err(ClientError::DocumentUnavailable(error.to_string()));
            }
            Err(error) if error.is_transient() => {
                ClientError::DocumentUnavailable(error.to_string())
            }
            Err(error) => ClientError::DocumentInvalid(error.to_string()),
        };
        if let ClientError::DocumentInvalid(_) = failure {
            self.older.invalidate(id.as_str()).await;
        }
        self.failures.insert(id.as_str().to_owned(), failure.clone()).await;
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering::SeqCst},
        sync::{Arc, OnceLock},
        time::Duration,
    };

    use futures_util::future::join_all;
    use moka::future::Cache;

    use super::{ClientError, DocumentCache, DocumentId};
    use crate::public_documents::test_server::{PreparedAnswers, TestReply, TestServer};

    const HOUR: Duration = Duration::from_hours(1);

    const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

    /// Starts a server whose document at any path is valid while the flag is set.
    async fn server(is_valid: Arc<AtomicBool>) -> TestServer {
        let origin: Arc<OnceLock<String>> = Arc::default();
        let known = Arc::clone(&origin);
        let server = TestServer::start(move |path| {
            if !is_valid.load(SeqCst) {
                return TestReply::raw(UNAVAILABLE);
            }
            let origin = known.get().expect("the origin");
            TestReply::json(&format!(
                "{{\"client_id\":\"{origin}{path}\",\"redirect_uris\":[\"https://client.test/cb\"]}}"
            ))
        });
        let server = server.await;
        origin.set(server.url("/").as_str().trim_end_matches('/').to_owned()).expect("one origin");
        server
    }

    fn id(server: &TestServer, path: &str) -> DocumentId {
        DocumentId::parse(server.url(path).as_str()).expect("an id")
    }

    #[tokio::test]
    async fn m17_concurrent_requests_are_coalesced() {
        let server = server(Arc::new(AtomicBool::new(true))).await;
        let (cache, id) = (DocumentCache::new(server.documents()), id(&server, "/client.json"));
        for client in join_all((0..20).map(|_| cache.find(&id))).await {
            assert_eq!(client.expect("a client").id, id.as_str());
        }
        assert_eq!(server.request_count(), 1);
    }

    #[tokio::test]
    async fn m17_outage_does_not_replace_a_document() {
        let is_valid = Arc::new(AtomicBool::new(true));
        let server = server(Arc::clone(&is_valid)).await;
        let (cache, id) = (DocumentCache::new(server.documents()), id(&server, "/client.json"));
        cache.find(&id).await.expect("a client");
        is_valid.store(false, SeqCst);
        cache.find(&id).await.expect("the cached client");
        assert_eq!(server.request_count(), 1);
    }

    #[tokio::test]
    async fn m17_failure_is_cached_for_a_time() {
        let is_valid = Arc::new(AtomicBool::new(false));
        let server = server(Arc::clone(&is_valid)).await;
        let failed = Duration::from_secs(1);
        let cache = DocumentCache::with_lifetimes(server.documents(), HOUR, failed);
        let id = id(&server, "/client.json");
        for _ in 0..3 {
            let error = cache.find(&id).await.expect_err("an error");
            assert!(matches!(error, ClientError::DocumentUnavailable(_)), "{error}");
        }
        assert_eq!(server.request_count(), 1);
        is_valid.store(true, SeqCst);
        tokio::time::sleep(failed * 2).await;
        cache.find(&id).await.expect("a client");
        assert_eq!(server.request_count(), 2);
    }

    #[tokio::test]
    async fn m17_last_valid_document_is_used_while_unavailable() {
        let is_valid = Arc::new(AtomicBool::new(true));
        let server = server(Arc::clone(&is_valid)).await;
        let cache = DocumentCache::with_lifetimes(server.documents(), Duration::ZERO, HOUR);
        let id = id(&server, "/client.json");
        cache.find(&id).await.expect("a client");
        is_valid.store(false, SeqCst);
        cache.find(&id).await.expect("the last valid document");
        assert_eq!(server.request_count(), 2);
        let private = server.documents_with(PreparedAnswers::always(&["10.0.0.1"]));
        let cache = DocumentCache { documents: private, failures: Cache::new(1), ..cache };
        assert!(cache.find(&id).await.is_err(), "its host is no public one any more");
        assert!(cache.older.get(id.as_str()).await.is_none());
    }

    #[tokio::test]
    async fn m17_refused_documents_are_invalid() {
        let server = TestServer::start(|path| match path {
            "/missing" => TestReply::raw("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
            _ => TestReply::json("{\"client_id\":\"https://other.test/a\",\"redirect_uris\":[]}"),
        });
        let server = server.await;
        let cache = DocumentCache::new(server.documents());
        for path in ["/missing", "/other"] {
            let error = cache.find(&id(&server, path)).await.expect_err("an error");
            assert!(matches!(error, ClientError::DocumentInvalid(_)), "{path}: {error}");
            assert!(!error.to_string().contains("other.test"), "{error}");
        }
        let private = server.documents_with(PreparedAnswers::always(&["10.0.0.1"]));
        let error =
            DocumentCache::new(private).find(&id(&server, "/a")).await.expect_err("an error");
        assert!(matches!(error, ClientError::DocumentInvalid(_)), "{error}");
    }
}
