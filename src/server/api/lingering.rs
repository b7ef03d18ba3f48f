//! Request bodies that nobody wants: they are read on for a while, so that the client gets to read
//! the response.
//!
//! A client may send its whole body before it reads. If the connection were closed with a part of
//! that body unread, the kernel would reset it, and the response could be lost on the way.

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

/// How much more of a body is read, in bytes.
const MAX_UNWANTED: usize = 16 * 1024 * 1024;

/// How long more of it is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same request, whose body is read on when it is dropped. Not that of a client which waits to
/// be asked for it (RFC 9110, 10.1.1), nor one in HTTP/2, where a stream is closed by itself.
pub(super) fn request(request: Request) -> Request {
    let waits = request.headers().contains_key(EXPECT);
    if waits || request.version() == Version::HTTP_2 || request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(LingeringBody(body)))
}

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
            runtime.spawn(timeout(PATIENCE, read_on(std::mem::take(&mut self.0))));
        }
    }
}

/// Reads and drops what comes, up to [`MAX_UNWANTED`]. It holds nothing but its connection.
async fn read_on(mut body: Body) {
    let mut unwanted = 0;
    while let Some(Ok(frame)) = body.frame().await {
        unwanted += frame.data_ref().map_or(0, Bytes::len);
        if unwanted > MAX_UNWANTED {
            break;
        }
    }
}
