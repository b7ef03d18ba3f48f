use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::token::{Expiry, Facts};

const HEADER_COUNT: usize = 6;

/// Tells where the facts came from: `hit`, `miss` or `stale`.
pub const X_AUTH_CACHE: HeaderName = HeaderName::from_static("x-auth-cache");

/// The names of the identity headers, in the order of [`Identity`]'s values.
const HEADERS: [HeaderName; HEADER_COUNT] = [
    HeaderName::from_static("x-auth-subject"),
    HeaderName::from_static("x-auth-entity-id"),
    HeaderName::from_static("x-auth-tenant"),
    HeaderName::from_static("x-auth-policies"),
    HeaderName::from_static("x-auth-token-type"),
    HeaderName::from_static("x-auth-expires"),
];

/// Bytes that are percent-encoded in an identity header. Control and non-ASCII bytes have no
/// agreed meaning there; `%` is encoded so that decoding gives back the very name.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// As [`ENCODED`], within a list.
const ENCODED_IN_LIST: &AsciiSet = &ENCODED.add(b',');

/// What the service behind the proxy is told of the caller: one value for each identity header,
/// empty where there is nothing to say, so that none of a client's own copies is left standing.
///
/// Built once for a token, with all that an answer has besides, then cloned, which copies no text.
#[derive(Clone, Debug)]
pub struct Identity(HeaderMap);

impl Identity {
    /// The header values for a token with these facts.
    #[must_use]
    pub fn new(facts: &Facts) -> Self {
        let policies: Vec<String> = facts
            .policies
            .iter()
            .map(|policy| utf8_percent_encode(policy, ENCODED_IN_LIST).to_string())
            .collect();
        let expires = match facts.expiry {
            Expiry::Never => String::new(),
            Expiry::At { timestamp, .. } => format!("{timestamp:.0}"),
        };
        let values = [
            encode(facts.subject.as_deref().unwrap_or_default()),
            encode(facts.entity_id.as_deref().unwrap_or_default()),
            encode(facts.tenant.as_ref().map_or("", |tenant| tenant.as_str())),
            from_ascii(policies.join(",")),
            HeaderValue::from_static(facts.token_type.as_str()),
            from_ascii(expires),
        ];
        let mut headers = HeaderMap::with_capacity(HEADER_COUNT + 2);
        headers.extend(HEADERS.into_iter().zip(values));
        headers.insert(X_AUTH_CACHE, HeaderValue::from_static("hit"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self(headers)
    }

    /// All headers of an answer that lets the caller in, from memory.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0
    }
}

fn encode(text: &str) -> HeaderValue {
    let middle = text.trim_matches(' ');
    let start = text.len() - text.trim_start_matches(' ').len();
    let end = text.len() - start - middle.len();
    // Spaces at the ends would be trimmed by whoever reads the header.
    let (start, end) = ("%20".repeat(start), "%20".repeat(end));
    from_ascii(format!("{start}{}{end}", utf8_percent_encode(middle, ENCODED)))
}

/// A header value from text without control or non-ASCII bytes. Empty if there should be one:
/// a service that sees no identity refuses, one that sees half a name might not.
fn from_ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
