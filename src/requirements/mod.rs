//! A route's requirements, which the proxy's configuration passes in the query string of
//! `/validate`.
//!
//! Requirements only restrict access. Invalid ones are an error, so that a mistake in a
//! configuration closes a route and never opens one.

mod cache;
mod parse;
mod path;
#[cfg(test)]
mod properties;

use std::fmt;

pub use cache::RequirementsCache;
pub use parse::{RequirementError, RequirementErrorKind};
pub use path::{AclPath, AmbiguousPath};

use crate::{resource_uri::ResourceUri, tenants::TenantName};

/// The requirements of a route, all of which the caller has to meet. Without any, every valid token
/// passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    checks: Vec<Requirement>,
    /// The response to a person who opens a page and is not logged in.
    pub unauthenticated: UnauthenticatedNavigation,
    /// The requests of other sites with a session cookie.
    pub cross_site: CrossSiteRequests,
    /// The cookies for the application, in a response that allows a request.
    pub cookies: ResponseCookies,
    /// The resource whose access tokens are accepted; no others are.
    pub resource: Option<ResourceUri>,
}

/// The `Cookie` header in a response that allows a request (`cookies`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseCookies {
    /// There is none: the proxy removes cookies itself.
    #[default]
    Omitted,
    /// The cookies of the request without those that contain a credential or belong to browser logins
    /// (`cookies=without_credentials`), for a proxy that can only replace a header.
    WithoutCredentials,
}

/// The response to a page navigation without a valid credential (`login`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnauthenticatedNavigation {
    /// 401, as to any other request.
    #[default]
    Refused,
    /// A redirect to the login page, if there is one (`login=redirect`).
    Redirected,
}

/// The treatment of requests from another origin that may change something and have a session cookie
/// (`cross_site`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossSiteRequests {
    /// They are refused, since a page of another site may have caused them.
    #[default]
    Refused,
    /// They are accepted (`cross_site=allow`): the application checks their origin itself.
    Allowed,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The token has at least one of these policies.
    AnyPolicy(Vec<Box<str>>),
    /// The caller belongs to this tenant.
    Tenant(TenantName),
    /// Vault grants the caller, on this path, a capability that the request's method implies.
    Acl(AclPath),
    /// Vault grants the same on this path joined with the request's own path.
    AclUri(AclPath),
    /// Vault grants the caller the MCP method of the request, and its tool, prompt or resource, below this
    /// path.
    Mcp(McpRoute),
}

/// The server of a route for clients of the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpRoute {
    /// The path of the server in Vault's policies.
    pub path: AclPath,
    /// The only path of the server at which its headers are compared with the body; that of the resource,
    /// if the route has one.
    pub endpoint: Option<Box<str>>,
}

impl Requirements {
    /// No requirements.
    pub const NONE: Self = Self {
        checks: Vec::new(),
        unauthenticated: UnauthenticatedNavigation::Refused,
        cross_site: CrossSiteRequests::Refused,
        cookies: ResponseCookies::Omitted,
        resource: None,
    };

    /// No requirements, for requests from any origin.
    pub const ANY_ORIGIN: Self = Self {
        checks: Vec::new(),
        unauthenticated: UnauthenticatedNavigation::Refused,
        cross_site: CrossSiteRequests::Allowed,
        cookies: ResponseCookies::Omitted,
        resource: None,
    };

    /// Returns the requirements in the order of the query string.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.checks.iter()
    }

    /// Returns true if the route is for clients of the Model Context Protocol.
    #[must_use]
    pub fn has_mcp(&self) -> bool {
        self.iter().any(|requirement| matches!(requirement, Requirement::Mcp(_)))
    }
}

/// The requirement as written in a query string, without percent-encoding.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyPolicy(names) => write!(f, "policy={}", names.join(",")),
            Self::Tenant(name) => write!(f, "tenant={name}"),
            Self::Acl(path) => write!(f, "acl={path}"),
            Self::AclUri(path) => write!(f, "acl_uri={path}"),
            Self::Mcp(route) => write!(f, "mcp={}", route.path),
        }
    }
}
