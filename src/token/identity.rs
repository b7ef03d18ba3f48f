use std::{array, borrow::Cow, iter::zip};

use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use crate::{
    tenants::TenantName,
    token::{CacheStatus, TokenExpiry, TokenInfo, TokenType},
};

/// The number of identity headers.
const HEADER_COUNT: usize = 6;

/// The cache status: `hit`, `miss` or `stale`.
const X_AUTH_CACHE: HeaderName = HeaderName::from_static("x-auth-cache");

const EMPTY: HeaderValue = HeaderValue::from_static("");

/// Bytes that are percent-encoded in an identity header. Control and non-ASCII bytes have no agreed
/// meaning in headers; `%` is encoded so that decoding restores the exact name.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// The same within a comma-separated list.
const ENCODED_IN_LIST: &AsciiSet = &ENCODED.add(b',');

/// The caller's identity as sent to the service behind the proxy: one value for each identity
/// header, empty if absent, so that a copy that the client sent is always replaced.
///
/// Serialized once per token, as header lines that are copied into each response.
#[derive(Clone, Debug)]
pub struct CallerIdentity {
    /// The header lines, in the order of `HEADERS`.
    lines: Box<str>,
    /// The end of each value within the lines.
    ends: [u32; HEADER_COUNT],
    token_type: TokenType,
}

/// The index in `HEADERS` of a header whose value is read on its own.
#[derive(Clone, Copy)]
enum IdentityField {
    Subject,
    EntityId,
    Tenant,
    Policies,
    Expires,
}

impl CallerIdentity {
    /// The names of the identity headers. Those with an `IdentityField` come first, in its order.
    pub const HEADERS: [&str; HEADER_COUNT] = [
        "x-auth-subject",
        "x-auth-entity-id",
        "x-auth-tenant",
        "x-auth-policies",
        "x-auth-expires",
        "x-auth-token-type",
    ];

    /// Creates the identity from token information.
    #[must_use]
    pub fn new(info: &TokenInfo) -> Self {
        let policies: Vec<_> =
            info.policies.iter().map(|policy| encode_list_item(policy)).collect();
        let expires = match info.expiry {
            TokenExpiry::Never => String::new(),
            TokenExpiry::At { timestamp, .. } => format!("{timestamp:.0}"),
        };
        let fields = [
            encode(info.subject.as_deref().unwrap_or_default()),
            encode(info.entity_id.as_deref().unwrap_or_default()),
            info.tenant.as_ref().map_or("", |tenant| tenant.as_str()).to_owned(),
            policies.join(","),
            expires,
            info.token_type.as_str().to_owned(),
        ];
        // The values are ASCII without controls. If one were not, it is sent empty: a service
        // denies a request without identity, but might accept half a name or an injected line.
        let fields =
            fields.map(|value| HeaderValue::from_str(&value).map(|_| value).unwrap_or_default());
        let length = zip(Self::HEADERS, &fields).map(|(name, value)| name.len() + value.len() + 4);
        // Allocated to size, since there may be a million of these.
        let mut lines = String::with_capacity(length.sum());
        let ends = array::from_fn(|index| {
            lines.extend([Self::HEADERS[index], ": ", &fields[index]]);
            // Vault's responses are far smaller than that.
            let end = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            lines.push_str("\r\n");
            end
        });
        Self { lines: lines.into(), ends, token_type: info.token_type }
    }

    /// Returns the identity headers as lines that end in CR and LF (RFC 9112, 2.1).
    #[must_use]
    pub fn header_lines(&self) -> &str {
        &self.lines
    }

    /// Returns all headers of the response that allows this caller's request.
    #[must_use]
    pub fn headers(&self, status: CacheStatus) -> HeaderMap {
        let values = (0..HEADER_COUNT).map(|index| HeaderValue::from_bytes(self.value(index)));
        let names = Self::HEADERS.map(HeaderName::from_static);
        let mut headers: HeaderMap =
            zip(names, values.map(|value| value.unwrap_or(EMPTY))).collect();
        headers.insert(X_AUTH_CACHE, HeaderValue::from_static(status.as_str()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers
    }

    /// Returns true if Vault applies this policy to the caller's token. `name` has to be in lower
    /// case, as all policy names in Vault are.
    #[must_use]
    pub fn has_policy(&self, name: &str) -> bool {
        let encoded = encode_list_item(name);
        let mut list = self.bytes(IdentityField::Policies).split(|byte| *byte == b',');
        !name.is_empty() && list.any(|one| one == encoded.as_bytes())
    }

    /// Returns the names of the policies that Vault applies to the caller's token, sorted.
    pub fn policies(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let list = self.bytes(IdentityField::Policies).split(|byte| *byte == b',');
        list.filter(|name| !name.is_empty()).map(decode)
    }

    /// Returns the caller's readable name, unique within Vault.
    #[must_use]
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        self.text(IdentityField::Subject)
    }

    /// Returns the id of the caller's entity.
    #[must_use]
    pub fn entity_id(&self) -> Option<Cow<'_, str>> {
        self.text(IdentityField::EntityId)
    }

    /// Returns the caller's tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<Cow<'_, str>> {
        self.text(IdentityField::Tenant)
    }

    /// Returns true if the caller belongs to this tenant.
    #[must_use]
    pub fn belongs_to_tenant(&self, name: &TenantName) -> bool {
        self.bytes(IdentityField::Tenant) == name.as_str().as_bytes()
    }

    /// Returns the type of the caller's token.
    #[must_use]
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }

    /// Returns the token's expiry (RFC 3339).
    #[must_use]
    pub fn expires(&self) -> Option<Cow<'_, str>> {
        self.text(IdentityField::Expires)
    }

    fn text(&self, field: IdentityField) -> Option<Cow<'_, str>> {
        Some(self.bytes(field)).filter(|bytes| !bytes.is_empty()).map(decode)
    }

    fn bytes(&self, field: IdentityField) -> &[u8] {
        self.value(field as usize)
    }

    fn value(&self, index: usize) -> &[u8] {
        let line = if index == 0 { 0 } else { self.ends[index - 1] as usize + "\r\n".len() };
        let value = line + Self::HEADERS[index].len() + ": ".len()..self.ends[index] as usize;
        self.lines.get(value).unwrap_or_default().as_bytes()
    }
}

fn encode_list_item(name: &str) -> Cow<'_, str> {
    utf8_percent_encode(name, ENCODED_IN_LIST).into()
}

fn encode(text: &str) -> String {
    let middle = text.trim_matches(' ');
    let start = text.len() - text.trim_start_matches(' ').len();
    let end = text.len() - start - middle.len();
    // A recipient would trim spaces at the ends of a field value.
    let (start, end) = ("%20".repeat(start), "%20".repeat(end));
    format!("{start}{}{end}", utf8_percent_encode(middle, ENCODED))
}

fn decode(encoded: &[u8]) -> Cow<'_, str> {
    percent_decode(encoded).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::CallerIdentity;
    use crate::{
        tenants::TenantName,
        token::{
            CacheStatus, LookupSource, TokenExpiry, TokenInfo, TokenKind, TokenType, TokenUsage,
        },
    };

    fn info(subject: Option<&str>, policies: &[&str]) -> TokenInfo {
        TokenInfo {
            accessor: "accessor".into(),
            token_type: TokenType::Batch,
            kind: TokenKind::Caller,
            entity_id: Some("an id".into()),
            subject: subject.map(Into::into),
            tenant: TenantName::parse("acme"),
            policies: policies.iter().map(|&policy| policy.into()).collect(),
            expiry: TokenExpiry::At {
                timestamp: "2999-01-01T00:00:00.5Z".parse().expect("a time"),
                deadline: Instant::now() + Duration::from_secs(1),
            },
            renewable_lifetime: None,
            usage: TokenUsage::Unlimited,
            bound_cidrs: Vec::new(),
            has_parent: false,
            entity_name: None,
            source: LookupSource::default(),
        }
    }

    #[test]
    fn each_header_has_its_value() {
        let identity = CallerIdentity::new(&info(Some("ann"), &["crm", "default"]));
        let headers = identity.headers(CacheStatus::Stale);
        let expected = [
            ("x-auth-subject", "ann"),
            ("x-auth-entity-id", "an id"),
            ("x-auth-tenant", "acme"),
            ("x-auth-policies", "crm,default"),
            ("x-auth-token-type", "batch"),
            ("x-auth-expires", "2999-01-01T00:00:00Z"),
            ("x-auth-cache", "stale"),
            ("cache-control", "no-store"),
        ];
        assert_eq!(headers.len(), expected.len());
        for (name, value) in expected {
            assert_eq!(headers[name], value, "{name}");
        }
        let lines: Vec<_> = identity.header_lines().split_terminator("\r\n").collect();
        let is_sent = |(name, value): (&str, &str)| lines.contains(&&*format!("{name}: {value}"));
        assert_eq!(expected.into_iter().filter(|header| is_sent(*header)).count(), 6, "{lines:?}");
    }

    #[test]
    fn names_survive_encoding() {
        for name in ["a b", " a ", "naïve", "50%", "a,b", "%2C", "a\nb", "日本"] {
            let identity = CallerIdentity::new(&info(Some(name), &["first", name]));
            assert_eq!(identity.subject().as_deref(), Some(name));
            assert_eq!(identity.policies().collect::<Vec<_>>(), ["first", name]);
            assert!(identity.has_policy(name) && identity.has_policy("first"), "{name:?}");
            let headers = identity.headers(CacheStatus::Hit);
            assert!(!headers["x-auth-subject"].is_empty(), "{name:?}");
        }
    }

    #[test]
    fn partial_name_is_not_a_policy() {
        let identity = CallerIdentity::new(&info(None, &["crm-agent", "a,b"]));
        for name in ["crm", "agent", "crm-agent,a", "a", "b", "", "a%2Cb"] {
            assert!(!identity.has_policy(name), "{name}");
        }
        assert_eq!(identity.subject(), None);
        let without = CallerIdentity::new(&info(None, &[]));
        assert!(!without.has_policy("") && without.policies().next().is_none());
    }
}
