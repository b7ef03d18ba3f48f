use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use httparse::{Header, Status};

use crate::{
    fields::Fields,
    server::target::{NOT_ORIGIN_FORM, is_origin_form},
};

/// How many fields the head of a plain request may have.
const MAX_FIELDS: usize = 128;

/// Where the fields of a head are noted while it is read.
pub(super) struct Room<'b>([MaybeUninit<Header<'b>>; MAX_FIELDS]);

/// The head of a plain request: HTTP/1.1, without a body, and with nothing to say about the
/// connection. It is read by the parser that hyper uses.
pub(super) struct Head<'b> {
    method: &'b str,
    /// As it came in; whether it is one is not known.
    pub(super) target: &'b str,
    fields: &'b [Header<'b>],
    /// How many bytes it takes.
    pub(super) length: usize,
}

/// What bytes are that came in.
pub(super) enum Reading<'b> {
    /// They begin with the head of a plain request.
    Plain(Head<'b>),
    /// They may become one.
    Unfinished,
    /// They are something else, or nothing at all.
    Special,
}

impl Room<'_> {
    /// Nothing is noted yet.
    pub(super) fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; MAX_FIELDS])
    }
}

impl<'b> Head<'b> {
    /// What these bytes begin with.
    pub(super) fn read(bytes: &'b [u8], room: &'b mut Room<'b>) -> Reading<'b> {
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut room.0) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Reading::Unfinished,
            Err(_) => return Reading::Special,
        };
        let httparse::Request { method, path, version, headers: fields } = request;
        match (method, path, version) {
            (Some(method), Some(target), Some(1)) if is_plain(method, fields) => {
                Reading::Plain(Self { method, target, fields, length })
            }
            _ => Reading::Special,
        }
    }

    pub(super) fn fields(&self) -> Fields<'b> {
        Fields::Raw(self.fields)
    }

    /// The same in the form in which all requests take the long way; `None` if it is no request.
    pub(super) fn request(&self) -> Option<Request<()>> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).ok()?;
        *request.uri_mut() = match self.target {
            target if is_origin_form(target.as_bytes()) => Uri::try_from(target).ok()?,
            _ => Uri::from_static(NOT_ORIGIN_FORM),
        };
        let mut headers = HeaderMap::with_capacity(self.fields.len());
        for field in self.fields {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// Whether there is no body, neither in the request nor in what it may be answered with, and
/// nobody on the way is told anything.
fn is_plain(method: &str, fields: &[Header<'_>]) -> bool {
    !matches!(method, "HEAD" | "CONNECT")
        && fields.iter().all(|field| {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            if is("connection") {
                return field.value.eq_ignore_ascii_case(b"keep-alive");
            }
            if is("content-length") {
                return field.value == b"0";
            }
            !(is("transfer-encoding") || is("upgrade") || is("expect"))
        })
}
