//! Checks of the hosts of resources and of the login hosts where their clients are authorized.

use super::AuthorizedResource;
use crate::{
    diagnostics::finding::Finding,
    forwarded::{is_loopback, without_port},
    login::LoginOrigin,
};

pub(super) const RESOURCE: &str = "resource";

/// The number of labels at the end of two names of one domain.
const SHARED_LABELS: usize = 2;

/// Runs the checks.
pub(super) fn check(resources: &[AuthorizedResource<'_>]) -> Vec<Finding> {
    resources.iter().map(check_resource).collect()
}

fn check_resource(authorized: &AuthorizedResource<'_>) -> Finding {
    let AuthorizedResource { resource, server } = authorized;
    let uri = &resource.uri;
    if uri.authority() == server.authority() {
        return Finding::failed(
            RESOURCE,
            format!(
                "{uri} is on the login host {server}, whose login pages it could read and change"
            ),
            "give it a host of its own, and put that into VALIDATOR_RESOURCES",
        );
    }
    let name = resource.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let message = format!("{uri}{name} is authorized at {server}");
    if is_same_domain(uri.authority(), server) {
        return Finding::ok(RESOURCE, message);
    }
    Finding::warning(
        RESOURCE,
        format!("{message}, which is in another domain"),
        "unless that is intended, correct VALIDATOR_RESOURCES, or add a login host of this domain to \
         VALIDATOR_LOGIN_URL",
    )
}

/// Returns true if the hosts share their last labels, or are both this machine.
fn is_same_domain(authority: &str, server: &LoginOrigin) -> bool {
    let [one, other] = [authority, server.authority()].map(without_port);
    if is_loopback(one) && is_loopback(other) {
        return true;
    }
    let labels = one.rsplit('.').zip(other.rsplit('.'));
    labels.take_while(|(one, other)| one == other).count() >= SHARED_LABELS
}

#[cfg(test)]
mod tests {
    use super::{AuthorizedResource, check};
    use crate::{
        diagnostics::finding::Status::{Failed, Ok, Warning},
        login::LoginOrigins,
        oauth::Resources,
    };

    #[test]
    fn resource_of_another_domain_warns() {
        let origins = "https://login.example.com,https://login.example.org,http://localhost:8080";
        let origins = LoginOrigins::parse(origins).expect("origins");
        for (resource, status, words) in [
            (
                "https://mcp.example.com=Tools",
                Ok,
                "https://mcp.example.com (Tools) is authorized at https://login.example.com",
            ),
            ("https://a.mcp.example.org/x", Ok, "/x is authorized at https://login.example.org"),
            ("https://example.org", Ok, "at https://login.example.org"),
            ("http://mcp.localhost:8081/mcp", Ok, "at http://localhost:8080"),
            ("http://localhost:8081/mcp", Ok, "at http://localhost:8080"),
            (
                "https://mcp.test.com",
                Warning,
                "https://login.example.com, which is in another domain",
            ),
            ("https://mcp.test", Warning, "in another domain"),
            (
                "https://login.example.org/mcp",
                Failed,
                "on the login host https://login.example.org",
            ),
            ("http://localhost:8080/mcp", Failed, "on the login host http://localhost:8080"),
        ] {
            let resources = Resources::parse(resource).expect("a resource");
            let resource = resources.only().expect("one");
            let server = origins.nearest_to(resource.uri.authority()).expect("a login host");
            let findings = check(&[AuthorizedResource { resource, server }]);
            assert_eq!(findings[0].status, status, "{findings:?}");
            assert!(findings[0].message.contains(words), "{findings:?}");
        }
    }
}
