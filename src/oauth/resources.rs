use std::fmt;

use crate::resource_uri::ResourceUri;

/// A protected resource, such as an MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource {
    /// The URI.
    pub uri: ResourceUri,
    /// The name that people see; `None` for the URI's host.
    pub name: Option<String>,
}

/// The protected resources (`VALIDATOR_RESOURCES`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources(Vec<ProtectedResource>);

/// The error in a list of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourcesError {
    /// The item is not a resource.
    Invalid(String),
    /// Two items have the same URI.
    Repeated(String),
}

impl Resources {
    /// Parses a list of resources in the form `URI[=NAME]`, separated by commas.
    ///
    /// # Errors
    /// [`ResourcesError`], with the item.
    pub fn parse(list: &str) -> Result<Self, ResourcesError> {
        let mut all: Vec<ProtectedResource> = Vec::new();
        for item in list.split(',').map(str::trim) {
            let resource = ProtectedResource::parse(item);
            let resource = resource.ok_or_else(|| ResourcesError::Invalid(item.to_owned()))?;
            if all.iter().any(|other| other.uri == resource.uri) {
                return Err(ResourcesError::Repeated(item.to_owned()));
            }
            all.push(resource);
        }
        Ok(Self(all))
    }

    /// Returns all resources.
    pub fn iter(&self) -> impl Iterator<Item = &ProtectedResource> {
        self.0.iter()
    }

    /// Returns the resource with this URI.
    #[must_use]
    pub fn get(&self, uri: &ResourceUri) -> Option<&ProtectedResource> {
        self.0.iter().find(|resource| resource.uri == *uri)
    }

    /// Returns the resource at this URI, or the nearest one above it: some clients name the URL that they
    /// call, and not the resource in its metadata.
    #[must_use]
    pub fn covering(&self, uri: &ResourceUri) -> Option<&ProtectedResource> {
        self.nearest(uri.origin(), uri.path())
    }

    /// Returns the resource if there is only one.
    #[must_use]
    pub fn only(&self) -> Option<&ProtectedResource> {
        match self.0.as_slice() {
            [resource] => Some(resource),
            _ => None,
        }
    }

    /// Returns the resource at this path of an origin: the nearest one at or above it or, for an empty path,
    /// the only one of the origin.
    #[must_use]
    pub fn at(&self, origin: &str, path: &str) -> Option<&ProtectedResource> {
        let nearest = self.nearest(origin, path);
        let mut of_origin = self.0.iter().filter(|resource| resource.uri.origin() == origin);
        match (nearest, of_origin.next(), of_origin.next()) {
            (None, Some(only), None) if path.is_empty() => Some(only),
            (nearest, ..) => nearest,
        }
    }

    fn nearest(&self, origin: &str, path: &str) -> Option<&ProtectedResource> {
        let covering = self.0.iter().filter(|resource| resource.uri.covers(origin, path));
        covering.max_by_key(|resource| resource.uri.path().len())
    }
}

impl ProtectedResource {
    fn parse(item: &str) -> Option<Self> {
        let (uri, name) = match item.split_once('=') {
            Some((uri, name)) => (uri.trim(), Some(name.trim())),
            None => (item, None),
        };
        let is_name = |name: &str| {
            (1..=64).contains(&name.chars().count()) && !name.contains(char::is_control)
        };
        if !name.is_none_or(is_name) {
            return None;
        }
        Some(Self { uri: ResourceUri::parse(uri)?, name: name.map(str::to_owned) })
    }

    /// Returns the name that people see.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.uri.authority())
    }
}

impl fmt::Display for ResourcesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(item) => write!(
                f,
                "`{}` is not a resource: write URI[=NAME] with an https URI without query, such as \
                 `https://mcp.example.com/mcp=MCP server`",
                item.escape_debug()
            ),
            Self::Repeated(item) => {
                write!(f, "the URI of `{}` is listed twice", item.escape_debug())
            }
        }
    }
}

impl std::error::Error for ResourcesError {}

#[cfg(test)]
mod tests {
    use super::{Resources, ResourcesError};

    #[test]
    fn list_is_parsed() {
        let all =
            Resources::parse("https://a.test/mcp=Tools = all, https://b.test").expect("a list");
        let names: Vec<_> = all.iter().map(|one| (one.uri.as_str(), one.name())).collect();
        assert_eq!(names, [("https://a.test/mcp", "Tools = all"), ("https://b.test", "b.test")]);
        assert!(all.only().is_none());
        for item in ["", "a.test", "http://a.test", "https://a.test=", "https://a.test=\u{1}"] {
            let error = Resources::parse(&format!("https://b.test,{item}"));
            assert_eq!(error, Err(ResourcesError::Invalid(item.to_owned())), "{item}");
        }
        let twice = Resources::parse("https://a.test/=A,https://A.test=B");
        assert_eq!(twice, Err(ResourcesError::Repeated("https://A.test=B".to_owned())));
    }

    #[test]
    fn m01_resource_of_a_path_is_the_nearest_one() {
        let all =
            Resources::parse("https://a.test/x,https://a.test/x/y,https://b.test/z,https://c.test");
        let all = all.expect("a list");
        let at = |origin, path| all.at(origin, path).map(|one| one.uri.as_str());
        for (origin, path, expected) in [
            ("https://a.test", "/x", Some("https://a.test/x")),
            ("https://a.test", "/x/y", Some("https://a.test/x/y")),
            ("https://a.test", "/x/y/z", Some("https://a.test/x/y")),
            ("https://a.test", "/xy", None),
            ("https://a.test", "", None),
            ("https://b.test", "", Some("https://b.test/z")),
            ("https://b.test", "/other", None),
            ("https://c.test", "", Some("https://c.test")),
            ("https://c.test", "/mcp", Some("https://c.test")),
            ("http://c.test", "", None),
            ("https://d.test", "", None),
        ] {
            assert_eq!(at(origin, path), expected, "{origin} {path}");
        }
    }
}
