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
        for query in [format!("policy=a{c}b"), format!("{c}"), format!("policy=a{c}&tenant=b")] {
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
