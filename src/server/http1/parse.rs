use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use httparse::{Header, Status};

use crate::{
    headers::RequestHeaders,
    server::target::{NOT_ORIGIN_FORM, is_origin_form},
};

/// The maximum number of header lines of a request on the fast path.
const MAX_HEADERS: usize = 128;

/// Storage for the headers of the request that is parsed.
pub(super) struct HeaderBuf<'b>([MaybeUninit<Header<'b>>; MAX_HEADERS]);

/// The head of a request that the fast path supports: HTTP/1.1, without a body and without
/// headers that concern the connection. It is parsed by httparse, like hyper's.
pub(in crate::server) struct RequestHead<'b> {
    pub(in crate::server) method: &'b str,
    /// The request target as received, not validated.
    pub(in crate::server) target: &'b str,
    headers: &'b [Header<'b>],
    /// Length in bytes, with the empty line at the end.
    pub(super) length: usize,
}

/// Result of parsing the start of the read buffer.
pub(super) enum ParsedHead<'b> {
    /// A whole request head that the fast path supports.
    Complete(RequestHead<'b>),
    /// A valid prefix of a request head; more has to be read.
    Partial,
    /// Not supported by the fast path, or not valid; the connection is handed to hyper.
    Unsupported,
}

impl HeaderBuf<'_> {
    /// Creates uninitialized storage.
    pub(super) fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; MAX_HEADERS])
    }
}

impl<'b> RequestHead<'b> {
    /// Parses the request head at the start of `bytes`.
    pub(super) fn parse(bytes: &'b [u8], header_buf: &'b mut HeaderBuf<'b>) -> ParsedHead<'b> {
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut header_buf.0) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return ParsedHead::Partial,
            Err(_) => return ParsedHead::Unsupported,
        };
        let httparse::Request { method, path, version, headers } = request;
        match (method, path, version) {
            (Some(method), Some(target), Some(1)) if is_supported(method, headers) => {
                ParsedHead::Complete(Self { method, target, headers, length })
            }
            _ => ParsedHead::Unsupported,
        }
    }

    /// Returns the headers.
    pub(in crate::server) fn fields(&self) -> RequestHeaders<'b> {
        RequestHeaders::Raw(self.headers)
    }

    /// Converts the head into an [`http::Request`]. Returns `None` if it is not valid.
    pub(super) fn to_request(&self) -> Option<Request<()>> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).ok()?;
        *request.uri_mut() = match self.target {
            target if is_origin_form(target.as_bytes()) => Uri::try_from(target).ok()?,
            _ => Uri::from_static(NOT_ORIGIN_FORM),
        };
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for header in self.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
        }
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// Returns true if neither the request nor its response can have a body, and no header concerns
/// the connection.
fn is_supported(method: &str, headers: &[Header<'_>]) -> bool {
    !matches!(method, "HEAD" | "CONNECT")
        && headers.iter().all(|header| {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("connection") {
                return header.value.eq_ignore_ascii_case(b"keep-alive");
            }
            if is("content-length") {
                return header.value == b"0";
            }
            !(is("transfer-encoding") || is("upgrade") || is("expect"))
        })
}
