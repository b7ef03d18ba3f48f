use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body_util::Full;

use crate::{
    forwarded::Peer,
    server::http1::parse::RequestHead,
    token::{CacheStatus, TokenEntry},
};

/// The handler of the requests of a listener that is served by the fast path.
pub(in crate::server) trait RequestHandler: Send + Sync + 'static {
    /// Authorizes a request from cached data alone. Returns `None` if that is not possible:
    /// [`RequestHandler::respond`] has to be called then. The head was read at `received`, from which
    /// on the response is measured.
    fn authorize_cached(
        &self,
        peer: Peer,
        head: &RequestHead<'_>,
        received: Instant,
    ) -> Option<Arc<TokenEntry>>;

    /// Responds to a request. Its body is not read.
    fn respond<B: Sync>(
        &self,
        peer: Peer,
        request: &Request<B>,
    ) -> impl Future<Output = HandlerResponse> + Send;
}

/// The response to a request.
pub(in crate::server) enum HandlerResponse {
    /// 200 with the headers of this cache entry and an empty body: a body on a 2xx makes proxies
    /// close the connection.
    Allowed(Arc<TokenEntry>, CacheStatus),
    /// Any other response.
    Other(Response<Bytes>),
}

impl HandlerResponse {
    /// Returns the status of the response.
    pub(in crate::server) fn status(&self) -> StatusCode {
        match self {
            Self::Allowed(..) => StatusCode::OK,
            Self::Other(response) => response.status(),
        }
    }
}

impl From<HandlerResponse> for Response<Full<Bytes>> {
    fn from(response: HandlerResponse) -> Self {
        match response {
            HandlerResponse::Allowed(entry, cache) => {
                let mut response = Response::new(Full::default());
                *response.headers_mut() = entry.identity.headers(cache);
                // Over HTTP/2 hyper does not add it.
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
                response
            }
            HandlerResponse::Other(response) => response.map(Full::new),
        }
    }
}
