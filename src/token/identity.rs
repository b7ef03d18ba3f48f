use std::{array, borrow::Cow, iter::zip};

use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use crate::{
    tenants::TenantName,
    token::{CacheStatus, Expiry, Facts, TokenType},
};

/// How many headers tell who the caller is.
const FIELDS: usize = 6;

/// Tells where the facts came from: `hit`, `miss` or `stale`.
const X_AUTH_CACHE: HeaderName = HeaderName::from_static("x-auth-cache");

const NOTHING: HeaderValue = HeaderValue::from_static("");

/// Bytes that are percent-encoded in an identity header. Control and non-ASCII bytes have no
/// agreed meaning there; `%` is encoded so that decoding gives back the very name.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// As [`ENCODED`], within a list.
const ENCODED_IN_LIST: &AsciiSet = &ENCODED.add(b',');

/// Who a caller is, as the service behind the proxy is told: one value for each identity header,
/// empty where there is nothing to say, so that none of a client's own copies is left standing.
///
/// Written once for a token, as lines that are copied into each answer.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The lines of [`Identity::HEADERS`].
    lines: Box<str>,
    /// Where in them each value ends.
    ends: [u32; FIELDS],
    token_type: TokenType,
}

/// A place in [`Identity::HEADERS`] whose value is asked for by itself.
#[derive(Clone, Copy)]
enum Field {
    Subject,
    EntityId,
    Tenant,
    Policies,
    Expires,
}

impl Identity {
    /// The headers by which applications know who somebody is. Those with a
    /// `Field` come first, in its order.
    pub const HEADERS: [&str; FIELDS] = [
        "x-auth-subject",
        "x-auth-entity-id",
        "x-auth-tenant",
        "x-auth-policies",
        "x-auth-expires",
        "x-auth-token-type",
    ];

    /// The identity of a caller whose token has these facts.
    #[must_use]
    pub fn new(facts: &Facts) -> Self {
        let policies: Vec<_> = facts.policies.iter().map(|policy| in_list(policy)).collect();
        let expires = match facts.expiry {
            Expiry::Never => String::new(),
            Expiry::At { timestamp, .. } => format!("{timestamp:.0}"),
        };
        let fields = [
            encode(facts.subject.as_deref().unwrap_or_default()),
            encode(facts.entity_id.as_deref().unwrap_or_default()),
            facts.tenant.as_ref().map_or("", |tenant| tenant.as_str()).to_owned(),
            policies.join(","),
            expires,
            facts.token_type.as_str().to_owned(),
        ];
        // It is ASCII without controls. Were it not: a service that sees no identity refuses, one
        // that sees half a name, or a line of a name's making, might not.
        let fields =
            fields.map(|value| HeaderValue::from_str(&value).map(|_| value).unwrap_or_default());
        let length = zip(Self::HEADERS, &fields).map(|(name, value)| name.len() + value.len() + 4);
        // Made to size: there may be a million of these.
        let mut lines = String::with_capacity(length.sum());
        let ends = array::from_fn(|place| {
            lines.extend([Self::HEADERS[place], ": ", &fields[place]]);
            // Vault's answers are far smaller than that.
            let end = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            lines.push_str("\r\n");
            end
        });
        Self { lines: lines.into(), ends, token_type: facts.token_type }
    }

    /// The identity headers, each a line that ends in CR and LF (RFC 9112, 2.1).
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// All headers of an answer that lets this caller in.
    #[must_use]
    pub fn headers(&self, status: CacheStatus) -> HeaderMap {
        let values = (0..FIELDS).map(|place| HeaderValue::from_bytes(self.value(place)));
        let names = Self::HEADERS.map(HeaderName::from_static);
        let mut headers: HeaderMap =
            zip(names, values.map(|value| value.unwrap_or(NOTHING))).collect();
        headers.insert(X_AUTH_CACHE, HeaderValue::from_static(status.as_str()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers
    }

    /// Whether Vault applies this policy to the caller's token. `name` is in lower case, as all
    /// names of Vault's policies are.
    #[must_use]
    pub fn has_policy(&self, name: &str) -> bool {
        let encoded = in_list(name);
        let mut list = self.bytes(Field::Policies).split(|byte| *byte == b',');
        !name.is_empty() && list.any(|one| one == encoded.as_bytes())
    }

    /// The names of the policies that Vault applies to the caller's token, sorted.
    pub fn policies(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let list = self.bytes(Field::Policies).split(|byte| *byte == b',');
        list.filter(|name| !name.is_empty()).map(decode)
    }

    /// A readable name of the caller that nobody else in Vault has.
    #[must_use]
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        self.text(Field::Subject)
    }

    /// The id of the caller's entity.
    #[must_use]
    pub fn entity_id(&self) -> Option<Cow<'_, str>> {
        self.text(Field::EntityId)
    }

    /// Whose the caller is.
    #[must_use]
    pub fn tenant(&self) -> Option<Cow<'_, str>> {
        self.text(Field::Tenant)
    }

    /// Whether the caller is of the tenant with this name.
    #[must_use]
    pub fn is_of_tenant(&self, name: &TenantName) -> bool {
        self.bytes(Field::Tenant) == name.as_str().as_bytes()
    }

    /// Whether the caller's token is stored by Vault or carries itself.
    #[must_use]
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }

    /// When the token ends (RFC 3339), if ever.
    #[must_use]
    pub fn expires(&self) -> Option<Cow<'_, str>> {
        self.text(Field::Expires)
    }

    fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        Some(self.bytes(field)).filter(|bytes| !bytes.is_empty()).map(decode)
    }

    fn bytes(&self, field: Field) -> &[u8] {
        self.value(field as usize)
    }

    fn value(&self, place: usize) -> &[u8] {
        let line = if place == 0 { 0 } else { self.ends[place - 1] as usize + "\r\n".len() };
        let value = line + Self::HEADERS[place].len() + ": ".len()..self.ends[place] as usize;
        self.lines.get(value).unwrap_or_default().as_bytes()
    }
}

fn in_list(name: &str) -> Cow<'_, str> {
    utf8_percent_encode(name, ENCODED_IN_LIST).into()
}

fn encode(text: &str) -> String {
    let middle = text.trim_matches(' ');
    let start = text.len() - text.trim_start_matches(' ').len();
    let end = text.len() - start - middle.len();
    // Spaces at the ends would be trimmed by whoever reads the header.
    let (start, end) = ("%20".repeat(start), "%20".repeat(end));
    format!("{start}{}{end}", utf8_percent_encode(middle, ENCODED))
}

fn decode(encoded: &[u8]) -> Cow<'_, str> {
    percent_decode(encoded).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Identity;
    use crate::{
        tenants::TenantName,
        token::{CacheStatus, Expiry, Facts, Standing, TokenType, Usage},
    };

    fn facts(subject: Option<&str>, policies: &[&str]) -> Facts {
        Facts {
            accessor: "accessor".into(),
            token_type: TokenType::Batch,
            standing: Standing::Ordinary,
            entity_id: Some("an id".into()),
            subject: subject.map(Into::into),
            tenant: TenantName::parse("acme"),
            policies: policies.iter().map(|&policy| policy.into()).collect(),
            expiry: Expiry::At {
                timestamp: "2999-01-01T00:00:00.5Z".parse().expect("a time"),
                deadline: Instant::now() + Duration::from_secs(1),
            },
            usage: Usage::Unlimited,
            bound_cidrs: Vec::new(),
        }
    }

    #[test]
    fn every_header_has_its_own_value() {
        let identity = Identity::new(&facts(Some("ann"), &["crm", "default"]));
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
        let lines: Vec<_> = identity.lines().split_terminator("\r\n").collect();
        let told = |(name, value): (&str, &str)| lines.contains(&&*format!("{name}: {value}"));
        assert_eq!(expected.into_iter().filter(|header| told(*header)).count(), 6, "{lines:?}");
    }

    #[test]
    fn a_name_of_any_letters_comes_back_as_it_was() {
        for name in ["a b", " a ", "naïve", "50%", "a,b", "%2C", "a\nb", "日本"] {
            let identity = Identity::new(&facts(Some(name), &["first", name]));
            assert_eq!(identity.subject().as_deref(), Some(name));
            assert_eq!(identity.policies().collect::<Vec<_>>(), ["first", name]);
            assert!(identity.has_policy(name) && identity.has_policy("first"), "{name:?}");
            let headers = identity.headers(CacheStatus::Hit);
            assert!(!headers["x-auth-subject"].is_empty(), "{name:?}");
        }
    }

    #[test]
    fn a_part_of_a_name_is_no_policy() {
        let identity = Identity::new(&facts(None, &["crm-agent", "a,b"]));
        for name in ["crm", "agent", "crm-agent,a", "a", "b", "", "a%2Cb"] {
            assert!(!identity.has_policy(name), "{name}");
        }
        assert_eq!(identity.subject(), None);
        let without = Identity::new(&facts(None, &[]));
        assert!(!without.has_policy("") && without.policies().next().is_none());
    }
}
