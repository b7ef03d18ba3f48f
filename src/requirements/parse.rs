#[cfg(test)]
mod tests;

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
