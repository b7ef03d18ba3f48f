//! Request bodies that are drained for a while after the response, so that the client can read it.
//!
//! A client may send its whole body before it reads the response. If the connection were closed
//! with a part of that body unread, the kernel would reset it, and the client could lose the
//! response.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::{Version, header::EXPECT};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

/// The maximum size of the rest of a body that is drained, in bytes.
const MAX_DRAINED: usize = 16 * 1024 * 1024;

/// The maximum time for draining a body.
const LINGER_TIMEOUT: Duration = Duration::from_secs(5);

/// Wraps the body of a request, so that it is drained after it is dropped. Exceptions are a client
/// that waits for 100 Continue (RFC 9110, 10.1.1), and HTTP/2, where a stream can be closed alone.
pub(super) fn linger(request: Request) -> Request {
    let expects_continue = request.headers().contains_key(EXPECT);
    if expects_continue || request.version() == Version::HTTP_2 || request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(LingeringBody(body)))
}

/// A body that is drained after it is dropped.
struct LingeringBody(Body);

impl HttpBody for LingeringBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current()
            && !self.0.is_end_stream()
        {
            runtime.spawn(timeout(LINGER_TIMEOUT, drain(std::mem::take(&mut self.0))));
        }
    }
}

/// Reads and discards the rest of a body, up to [`MAX_DRAINED`]. No permits are held meanwhile.
async fn drain(mut body: Body) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        drained += frame.data_ref().map_or(0, Bytes::len);
        if drained > MAX_DRAINED {
            break;
        }
    }
}
