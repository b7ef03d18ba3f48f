use std::{error::Error, sync::Arc, time::Duration};

use http::{
    HeaderMap, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use ipnet::IpNet;
use reqwest::{Client as HttpClient, Response, dns::Resolve, redirect};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    DocumentError, PublicUrl,
    resolver::{PublicResolver, SystemResolver},
};
use crate::probe::{TrustRoots, tls_config};

/// The maximum size of a document, in bytes.
pub const MAX_DOCUMENT_SIZE: usize = 5 * 1024;

/// The time for a document, including DNS, connection and body.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for which a request waits for one of the others to complete.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// The maximum number of requests in flight.
pub(super) const MAX_IN_FLIGHT: usize = 32;

/// A client that requests documents from public servers.
pub struct PublicDocuments {
    http: HttpClient,
    permits: Semaphore,
}

impl PublicDocuments {
    /// Creates a client that trusts these authorities. Addresses in the `allowed` networks are
    /// requested although they may be private.
    ///
    /// # Errors
    /// The reason why the authorities cannot be loaded.
    pub fn new(trust: &TrustRoots, allowed: &[IpNet]) -> Result<Self, String> {
        Self::with_resolver(trust, allowed, Arc::new(SystemResolver))
    }

    /// Creates a client that finds addresses with this resolver.
    pub(super) fn with_resolver(
        trust: &TrustRoots,
        allowed: &[IpNet],
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, String> {
        let http = HttpClient::builder()
            .tls_backend_preconfigured(tls_config(trust, None)?)
            .dns_resolver(PublicResolver::new(resolver, allowed))
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            // It is divided among the addresses of a host.
            .connect_timeout(FETCH_TIMEOUT)
            // Each request checks the addresses again.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| format!("cannot create a client of public servers: {error}"))?;
        Ok(Self { http, permits: Semaphore::new(MAX_IN_FLIGHT) })
    }

    /// Requests a document, which is JSON according to its content type.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub async fn get(&self, url: &PublicUrl) -> Result<Vec<u8>, DocumentError> {
        let permit = timeout(MAX_WAIT, self.permits.acquire()).await;
        let _permit = permit.ok().and_then(Result::ok).ok_or(DocumentError::Overloaded)?;
        timeout(FETCH_TIMEOUT, self.request(url)).await.map_err(|_| DocumentError::Timeout)?
    }

    async fn request(&self, url: &PublicUrl) -> Result<Vec<u8>, DocumentError> {
        let request = self.http.get(url.url().clone()).header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| classify(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(DocumentError::Redirect(status));
        }
        if status != StatusCode::OK {
            return Err(DocumentError::Status(status));
        }
        if !is_json(response.headers()) {
            return Err(DocumentError::NotJson);
        }
        read_body(response).await
    }
}

/// Reads the body, and no more of it than may be in a document, whatever the announced length is.
async fn read_body(mut response: Response) -> Result<Vec<u8>, DocumentError> {
    if response.content_length().is_some_and(|length| length > MAX_DOCUMENT_SIZE as u64) {
        return Err(DocumentError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        if body.len() + chunk.len() > MAX_DOCUMENT_SIZE {
            return Err(DocumentError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns true for `application/json` and types such as `application/client+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let value = line.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some(subtype) = essence.strip_prefix("application/") else { return false };
    subtype == "json" || subtype.strip_suffix("+json").is_some_and(|name| !name.is_empty())
}

/// Returns the error of the resolver if it is the cause, and otherwise the innermost one.
fn classify(error: &reqwest::Error) -> DocumentError {
    if error.is_timeout() {
        return DocumentError::Timeout;
    }
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        if let Some(error) = cause.downcast_ref::<DocumentError>() {
            return error.clone();
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return DocumentError::Connection(cause.to_string()),
        }
    }
}
