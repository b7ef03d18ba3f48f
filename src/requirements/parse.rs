use std::{
    borrow::Cow,
    fmt,
    mem::{Discriminant, discriminant},
};

use url::form_urlencoded;

use crate::{
    requirements::{
        AclPath, CrossSiteRequests, McpRoute, Requirement, Requirements, ResponseCookies,
        UnauthenticatedNavigation,
    },
    resource_uri::ResourceUri,
    tenants::TenantName,
    uri::is_query,
};

/// The maximum length of a required policy's name, in bytes.
const MAX_POLICY_LENGTH: usize = 256;

/// The maximum number of requirements of a route.
const MAX_REQUIREMENTS: usize = 16;

/// The parameters that may occur once only.
const ONCE: [&str; 6] = ["tenant", "login", "cross_site", "cookies", "resource", "mcp"];

/// An error in a query string of requirements. The proxy's configuration has to be fixed, so the
/// message names the parameter and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequirementError {
    /// The parameter is unknown.
    Unknown(String),
    /// The parameter has no value.
    Empty(&'static str),
    /// The parameter occurs more than once.
    Repeated(&'static str),
    /// The value is malformed.
    Malformed(&'static str),
    /// The path contains a `+`, which means a space in a query string.
    UnencodedPlus(&'static str),
    /// The text contains a character that has to be percent-encoded in a query string, or a `%`
    /// without two hexadecimal digits after it (RFC 3986, 3.4).
    Unencoded,
    /// There are more requirements than allowed.
    TooMany,
}

/// The kind of an error, independent of values that a client may have chosen: the variant and the
/// parameter. There are few kinds.
pub type RequirementErrorKind = (Discriminant<RequirementError>, &'static str);

impl RequirementError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> RequirementErrorKind {
        let parameter = match self {
            Self::Empty(name)
            | Self::Repeated(name)
            | Self::Malformed(name)
            | Self::UnencodedPlus(name) => *name,
            Self::Unknown(_) | Self::Unencoded | Self::TooMany => "",
        };
        (discriminant(self), parameter)
    }
}

impl fmt::Display for RequirementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "unknown requirement `{}`; use policy, tenant, acl, acl_uri, mcp, resource, login, cross_site or cookies", name.escape_debug())
            }
            Self::Empty(name) => write!(f, "`{name}` has an empty value"),
            Self::Repeated(name) => write!(f, "`{name}` may be given only once"),
            Self::Malformed("tenant") => f.write_str(
                "`tenant` must be 1 to 63 letters, digits, `-` or `_`, and begin with a letter or digit",
            ),
            Self::Malformed(name @ ("acl" | "acl_uri" | "mcp")) => write!(
                f,
                "`{name}` must be a path such as route/crm, without a slash at its ends, empty \
                 or dot segments, or placeholders"
            ),
            Self::Malformed("resource") => f.write_str(
                "`resource` must be an https URI such as https://mcp.example.com/mcp, without a query",
            ),
            Self::Malformed("login") => f.write_str("`login` may only be `login=redirect`"),
            Self::Malformed("cookies") => {
                f.write_str("`cookies` may only be `cookies=without_credentials`")
            }
            Self::Malformed("cross_site") => f.write_str("`cross_site` may only be `cross_site=allow`"),
            Self::UnencodedPlus(name) => write!(
                f,
                "`{name}` contains a `+`, which means a space in a query string; use %2B or %20"
            ),
            Self::Unencoded => f.write_str(
                "a character such as `#`, a space or a quote has to be percent-encoded in a query \
                 string, or a placeholder in `{` and `}` was not replaced, or two hexadecimal digits \
                 are missing after `%`",
            ),
            Self::TooMany => write!(f, "there are more than {MAX_REQUIREMENTS} requirements"),
            Self::Malformed(name) => write!(f, "`{name}` has a malformed value"),
        }
    }
}

impl std::error::Error for RequirementError {}

impl Requirements {
    /// Parses the query string of a `/validate` request.
    ///
    /// # Errors
    /// [`RequirementError`] if it is not a query string of RFC 3986, else for the first parameter
    /// that is unknown, empty or malformed.
    pub fn parse(query: &str) -> Result<Self, RequirementError> {
        if !is_query(query.as_bytes()) {
            return Err(RequirementError::Unencoded);
        }
        let mut requirements = Self::NONE;
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        for (name, value, written) in pairs(query) {
            if let Some(repeated) = ONCE.into_iter().find(|once| *once == name)
                && names.contains(&name)
            {
                return Err(RequirementError::Repeated(repeated));
            }
            let checks = &mut requirements.checks;
            match &*name {
                "policy" => checks.push(any_policy(&value)?),
                "tenant" => checks.push(tenant(&value)?),
                "acl" => checks.push(Requirement::Acl(acl_path("acl", &value, written)?)),
                "acl_uri" => {
                    checks.push(Requirement::AclUri(acl_path("acl_uri", &value, written)?));
                }
                "mcp" => {
                    let path = acl_path("mcp", &value, written)?;
                    checks.push(Requirement::Mcp(McpRoute { path, endpoint: None }));
                }
                "resource" => requirements.resource = Some(resource(&value)?),
                "login" => {
                    only_value("login", "redirect", &value)?;
                    requirements.unauthenticated = UnauthenticatedNavigation::Redirected;
                }
                "cross_site" => {
                    only_value("cross_site", "allow", &value)?;
                    requirements.cross_site = CrossSiteRequests::Allowed;
                }
                "cookies" => {
                    only_value("cookies", "without_credentials", &value)?;
                    requirements.cookies = ResponseCookies::WithoutCredentials;
                }
                _ => return Err(RequirementError::Unknown(sanitized_name(&name))),
            }
            names.push(name);
        }
        if names.len() > MAX_REQUIREMENTS {
            return Err(RequirementError::TooMany);
        }
        requirements.limit_mcp_to_resource();
        Ok(requirements)
    }
}

impl Requirements {
    fn limit_mcp_to_resource(&mut self) {
        let path = self.resource.as_ref().map(ResourceUri::path).filter(|path| !path.is_empty());
        for check in &mut self.checks {
            if let Requirement::Mcp(route) = check {
                route.endpoint = path.map(Into::into);
            }
        }
    }
}

/// Checks that a parameter has the only value that it may have.
fn only_value(name: &'static str, expected: &str, value: &str) -> Result<(), RequirementError> {
    match value {
        "" => Err(RequirementError::Empty(name)),
        _ if value == expected => Ok(()),
        _ => Err(RequirementError::Malformed(name)),
    }
}

/// Returns the decoded name and value of each parameter, and its text as written. Unlike a lenient
/// parser this skips nothing: a stray `&` gives an empty name, which no requirement has.
fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>, &str)> {
    let parts = (!query.is_empty()).then(|| query.split('&')).into_iter().flatten();
    parts.map(|part| {
        let (name, value) = form_urlencoded::parse(part.as_bytes())
            .next()
            .unwrap_or((Cow::Borrowed(""), Cow::Borrowed("")));
        (name, value, part)
    })
}

/// Returns the parameter's name for error messages; empty if it is not a plausible name, since it
/// may come from a client then.
fn sanitized_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let fits = (1..=20).contains(&name.len()) && name.bytes().all(plain);
    if fits { name.to_owned() } else { String::new() }
}

fn any_policy(list: &str) -> Result<Requirement, RequirementError> {
    if list.is_empty() {
        return Err(RequirementError::Empty("policy"));
    }
    let policies = list.split(',').map(|name| {
        if is_policy_name(name) {
            Ok(name.to_lowercase().into())
        } else {
            Err(RequirementError::Malformed("policy"))
        }
    });
    policies.collect::<Result<_, _>>().map(Requirement::AnyPolicy)
}

/// Returns true if the text may be a policy name. Vault allows almost any name, and stores it in
/// lower case. Characters that no name has, and those that a broken template or encoding leaves,
/// are rejected.
fn is_policy_name(name: &str) -> bool {
    let forbidden = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '{' | '}' | char::REPLACEMENT_CHARACTER)
    };
    (1..=MAX_POLICY_LENGTH).contains(&name.len()) && !name.contains(forbidden)
}

fn tenant(label: &str) -> Result<Requirement, RequirementError> {
    if label.is_empty() {
        return Err(RequirementError::Empty("tenant"));
    }
    TenantName::from_host_label(label)
        .map(Requirement::Tenant)
        .ok_or(RequirementError::Malformed("tenant"))
}

fn resource(uri: &str) -> Result<ResourceUri, RequirementError> {
    if uri.is_empty() {
        return Err(RequirementError::Empty("resource"));
    }
    ResourceUri::parse(uri).ok_or(RequirementError::Malformed("resource"))
}

fn acl_path(name: &'static str, path: &str, written: &str) -> Result<AclPath, RequirementError> {
    if path.is_empty() {
        return Err(RequirementError::Empty(name));
    }
    if written.contains('+') {
        return Err(RequirementError::UnencodedPlus(name));
    }
    AclPath::parse(path).ok_or(RequirementError::Malformed(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        CrossSiteRequests, McpRoute, RequirementError as E, Requirements, UnauthenticatedNavigation,
    };
    use crate::{
        requirements::{AclPath, Requirement, ResponseCookies},
        tenants::TenantName,
    };

    fn parse(query: &str) -> Result<Vec<Requirement>, E> {
        Requirements::parse(query).map(|all| all.checks)
    }

    fn any(names: &[&str]) -> Requirement {
        Requirement::AnyPolicy(names.iter().map(|name| (*name).into()).collect())
    }

    #[test]
    fn empty_query_has_no_requirements() {
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn each_policy_list_is_one_requirement() {
        assert_eq!(parse("policy=a,B&policy=c"), Ok(vec![any(&["a", "b"]), any(&["c"])]));
        assert_eq!(parse("policy=a%2Cb"), Ok(vec![any(&["a", "b"])]));
    }

    #[test]
    fn tenant_is_a_host_label() {
        let acme = Requirement::Tenant(TenantName::parse("acme").expect("valid"));
        assert_eq!(parse("tenant=ACME"), Ok(vec![acme]));
    }

    #[test]
    fn unknown_empty_or_malformed_is_an_error() {
        assert_eq!(parse("tenant="), Err(E::Empty("tenant")));
        assert_eq!(parse("tenant"), Err(E::Empty("tenant")));
        assert_eq!(parse("policy="), Err(E::Empty("policy")));
        assert_eq!(parse("tenant=a&tenant=a"), Err(E::Repeated("tenant")));
        for broken in [
            "policy=a,",
            "policy=,a",
            "policy=a,,b",
            "policy=%7Blabels.2%7D",
            "policy=%ff",
            "policy=a+b",
            "policy=%00",
        ] {
            assert_eq!(parse(broken), Err(E::Malformed("policy")), "{broken}");
        }
        for broken in [
            "tenant=a.b",
            "tenant=%7Blabels.2%7D",
            "tenant=acme%23",
            "tenant=a/b",
            "tenant=%C3%A4",
            "tenant=*",
        ] {
            assert_eq!(parse(broken), Err(E::Malformed("tenant")), "{broken}");
        }
        for (broken, name) in [
            ("&", ""),
            ("policy=a&", ""),
            ("&policy=a", ""),
            ("=a", ""),
            ("Policy=a", ""),
            ("token=x", "token"),
            ("s.abc", ""),
            ("policy%00=a", ""),
        ] {
            assert_eq!(parse(broken), Err(E::Unknown(name.into())), "{broken}");
        }
    }

    #[test]
    fn unencoded_character_is_an_error() {
        let unencoded = (0..=255_u8)
            .map(char::from)
            .filter(|c| !(c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(*c)));
        for c in unencoded {
            for query in [format!("policy=a{c}b"), format!("{c}"), format!("policy=a{c}&tenant=b")]
            {
                assert_eq!(parse(&query), Err(E::Unencoded), "{query}");
            }
        }
        for query in
            ["tenant=acme#&policy=b", "#", "policy=%", "policy=a%2", "policy=%zz", "policy=a%u0062"]
        {
            assert_eq!(parse(query), Err(E::Unencoded), "{query}");
        }
        assert_eq!(parse("policy=a%23b"), Ok(vec![any(&["a#b"])]));
    }

    #[test]
    fn resource_is_a_uri() {
        let parsed = Requirements::parse("resource=https://MCP.example.com/mcp&mcp=route/mcp");
        let resource = parsed.expect("requirements").resource.expect("a resource");
        assert_eq!(resource.as_str(), "https://mcp.example.com/mcp");
        for (query, endpoint) in [
            ("mcp=route/mcp", None),
            ("mcp=route/mcp&resource=https://mcp.example.com", None),
            ("mcp=route/mcp&resource=https://mcp.example.com/mcp", Some("/mcp")),
            ("resource=https://mcp.example.com/mcp&mcp=route/mcp", Some("/mcp")),
        ] {
            let path = AclPath::parse("route/mcp").expect("a path");
            let route = McpRoute { path, endpoint: endpoint.map(Into::into) };
            assert_eq!(parse(query), Ok(vec![Requirement::Mcp(route)]), "{query}");
        }
        assert_eq!(parse("resource="), Err(E::Empty("resource")));
        assert_eq!(parse("mcp="), Err(E::Empty("mcp")));
        assert_eq!(parse("mcp=/mcp"), Err(E::Malformed("mcp")));
        for broken in ["mcp.example.com", "http://mcp.example.com", "https://%7Bhost%7D/mcp"] {
            assert_eq!(parse(&format!("resource={broken}")), Err(E::Malformed("resource")));
        }
        let twice = "resource=https://a.example&resource=https://b.example";
        assert_eq!(parse(twice), Err(E::Repeated("resource")));
        assert_eq!(parse("mcp=a&mcp=b"), Err(E::Repeated("mcp")));
    }

    #[test]
    fn login_and_cross_site_have_one_value() {
        let both = Requirements::parse("login=redirect&acl=route/crm&cross_site=allow");
        let both = both.expect("requirements");
        assert_eq!(both.unauthenticated, UnauthenticatedNavigation::Redirected);
        assert_eq!(both.cross_site, CrossSiteRequests::Allowed);
        assert_eq!(both.iter().count(), 1);
        assert_eq!(
            Requirements::parse("acl=route/crm").map(|all| all.cross_site),
            Ok(CrossSiteRequests::Refused)
        );
        for name in ["login", "cross_site", "cookies"] {
            assert_eq!(parse(name), Err(E::Empty(name)));
            for value in ["true", "Allow", "redirect ", "Redirect", "none"] {
                let value = value.replace(' ', "%20");
                assert_eq!(parse(&format!("{name}={value}")), Err(E::Malformed(name)), "{value}");
            }
        }
        assert_eq!(parse("login=redirect&login=redirect"), Err(E::Repeated("login")));
    }

    #[test]
    fn plus_in_a_path_is_an_error() {
        for name in ["acl", "acl_uri"] {
            assert_eq!(parse(&format!("{name}=route/c++")), Err(E::UnencodedPlus(name)));
            let path = |text| AclPath::parse(text).expect("a path");
            for (written, read) in [("c%2B%2B", "c++"), ("a%20b", "a b")] {
                let expected = match name {
                    "acl" => Requirement::Acl(path(read)),
                    _ => Requirement::AclUri(path(read)),
                };
                assert_eq!(parse(&format!("{name}={written}")), Ok(vec![expected]), "{written}");
            }
        }
    }

    proptest! {
        #[test]
        fn query_is_parsed_whole_or_rejected(query in "\\PC{0,80}") {
            if let Ok(all) = Requirements::parse(&query) {
                let parts = if query.is_empty() { 0 } else { query.split('&').count() };
                let login = usize::from(all.unauthenticated == UnauthenticatedNavigation::Redirected);
                let cross_site = usize::from(all.cross_site == CrossSiteRequests::Allowed);
                let cookies = usize::from(all.cookies == ResponseCookies::WithoutCredentials);
                let others = login + cross_site + cookies + usize::from(all.resource.is_some());
                prop_assert_eq!(all.checks.len() + others, parts);
            }
        }

        #[test]
        fn policy_list_is_parsed(names in prop::collection::vec("[a-z][a-z0-9_/-]{0,20}", 1..5)) {
            let expected = any(&names.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(parse(&format!("policy={}", names.join(","))), Ok(vec![expected]));
        }
    }
}
