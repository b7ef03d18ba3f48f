//! The route policies and their expectations: one for each application of the Caddyfile.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use crate::support::tools::repository;

/// Writes the files instead of comparing them. `make route-policies` sets it.
const WRITE: &str = "WRITE_ROUTE_POLICIES";

/// An application in the requirements of `deploy/caddy/Caddyfile`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Route {
    /// True if a requirement also covers the paths below the route.
    has_paths: bool,
    /// True if a requirement covers the methods and tools of MCP servers below the route.
    has_mcp: bool,
}

/// Returns true for the lines that may have a requirement, in quotes: `import guard "acl=route/ai" {`.
fn is_import(line: &&str) -> bool {
    line.starts_with("import ")
}

/// Returns the applications that a requirement in this Caddyfile names by `acl=route/NAME`,
/// `acl_uri=route/NAME`, `mcp=route/NAME` or `policy=route-NAME`, or that `import mcp route/NAME` guards.
fn routes(caddyfile: &str) -> BTreeMap<String, Route> {
    let mut routes: BTreeMap<String, Route> = BTreeMap::new();
    let lines = caddyfile.lines().map(str::trim).filter(is_import);
    for route in lines.clone().filter_map(|line| line.strip_prefix("import mcp route/")) {
        let name = route.split(' ').next().unwrap_or_default();
        routes.entry(name.to_owned()).or_default().has_mcp = true;
    }
    for requirement in lines.filter_map(|line| line.split('"').nth(1)) {
        for (name, value) in requirement.split('&').filter_map(|pair| pair.split_once('=')) {
            for value in value.split(',') {
                let route = match name {
                    "acl" | "acl_uri" | "mcp" => value.strip_prefix("route/"),
                    "policy" => value.strip_prefix("route-"),
                    _ => None,
                };
                if let Some(route) = route {
                    let route = routes.entry(route.to_owned()).or_default();
                    route.has_paths |= name == "acl_uri";
                    route.has_mcp |= name == "mcp";
                }
            }
        }
    }
    routes
}

/// The capabilities that methods require.
const CAPABILITIES: [&str; 5] = ["create", "read", "update", "patch", "delete"];

/// The capabilities that the methods of MCP require.
const MCP_CAPABILITIES: [&str; 2] = ["read", "update"];

fn policy(name: &str, route: Route) -> String {
    let rule = |path: String, capabilities: &[&str]| {
        let capabilities: Vec<_> = capabilities.iter().map(|word| format!("\"{word}\"")).collect();
        format!("path \"{path}\" {{\n  capabilities = [{}]\n}}\n", capabilities.join(", "))
    };
    let head = format!(
        "# For people and services that use only the application {name}.\n\
         # `make route-policies` generates this file from deploy/caddy/Caddyfile.\n"
    );
    let below = format!("route/{name}/*");
    let below = match route {
        Route { has_paths: true, .. } => Some(rule(below, &CAPABILITIES)),
        Route { has_mcp: true, .. } => Some(
            "# The methods and tools of MCP servers, for clients that name them in the headers.\n"
                .to_owned()
                + &rule(below, &MCP_CAPABILITIES),
        ),
        Route { .. } => None,
    };
    let rules = [head, rule(format!("route/{name}"), &CAPABILITIES)].into_iter().chain(below);
    rules.collect::<Vec<_>>().join("\n")
}

/// Returns the path of an MCP request that needs this capability.
fn mcp_path(capability: &str) -> Option<&'static str> {
    match capability {
        "read" => Some("tools/list"),
        "update" => Some("tools/call/send_invoice"),
        _ => None,
    }
}

fn expectations(routes: &BTreeMap<String, Route>) -> String {
    let caller = |(name, route): (&String, &Route)| {
        let may = CAPABILITIES.map(|word| {
            let mcp = mcp_path(word).filter(|_| route.has_mcp);
            let mcp = mcp.map(|path| format!(", \"route/{name}/{path}\"")).unwrap_or_default();
            format!("may.{word} = [\"route/{name}\"{mcp}]")
        });
        let others = routes.keys().filter(|other| *other != name);
        let others = others.map(|other| format!("route/{other}"));
        let others =
            others.chain(["route/mainkey".to_owned(), format!("secret/data/tenants/acme/{name}")]);
        let others: Vec<_> = others.map(|path| format!("  \"{path}\",")).collect();
        [
            format!("\n[[caller]]\nwho = \"a user of {name}\""),
            format!("policies = [\"route-{name}\", \"default\"]"),
            may.join("\n"),
            format!("may_not.any = [\n{}\n]\n", others.join("\n")),
        ]
        .join("\n")
    };
    let callers: Vec<_> = routes.iter().map(caller).collect();
    let head = "# `make route-policies` generates this file from deploy/caddy/Caddyfile.\n";
    [head.to_owned(), callers.concat()].concat()
}

/// Returns the files that the Caddyfile requires, by their paths below `policies/`.
fn wanted() -> BTreeMap<PathBuf, String> {
    let caddyfile = fs::read_to_string(repository("deploy/caddy/Caddyfile")).expect("a Caddyfile");
    let routes = routes(&caddyfile);
    assert!(routes.len() > 5, "the Caddyfile is not read as it is written");
    let policies = routes
        .iter()
        .map(|(name, route)| (PathBuf::from(format!("route-{name}.hcl")), policy(name, *route)));
    policies.chain([(PathBuf::from("tests/routes.toml"), expectations(&routes))]).collect()
}

/// Returns the existing files.
fn present() -> BTreeMap<PathBuf, String> {
    let folder = repository("policies");
    let names = fs::read_dir(&folder)
        .expect("policies/")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name of ASCII"));
    let routes = names.filter(|name| name.starts_with("route-"));
    let files = routes.map(PathBuf::from).chain([PathBuf::from("tests/routes.toml")]);
    files
        .filter_map(|file| Some((file.clone(), fs::read_to_string(folder.join(&file)).ok()?)))
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "`make route-policies` is a test that writes")]
fn is_to_write() -> bool {
    env::var_os(WRITE).is_some()
}

#[test]
fn route_policies_match_caddyfile() {
    let wanted = wanted();
    if is_to_write() {
        for file in present().keys().filter(|file| !wanted.contains_key(*file)) {
            fs::remove_file(repository("policies").join(file)).expect("it is removed");
        }
        for (file, text) in &wanted {
            fs::write(repository("policies").join(file), text).expect("it is written");
        }
    }
    for (file, text) in &wanted {
        let same = present().get(file) == Some(text);
        assert!(
            same,
            "policies/{} differs from the Caddyfile: run `make route-policies`",
            file.display()
        );
    }
    let left = present().into_keys().filter(|file| !wanted.contains_key(file));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<PathBuf>::new(), "run `make route-policies`");
}

#[test]
fn routes_are_found_in_requirements() {
    let found = routes(
        "# import guard \"acl=route/comment\" {\n\
         \timport guard \"policy=crm-agent,route-crm\" {\n\
         \timport guard \"tenant={tenant}&acl_uri=route/docs\" {\n\
         \timport app \"acl=route/kpi\" {\n\
         \timport guard \"acl=secret/x\" {\n",
    );
    let found: Vec<_> =
        found.iter().map(|(name, route)| (name.as_str(), route.has_paths)).collect();
    assert_eq!(found, [("crm", false), ("docs", true), ("kpi", false)]);
    let docs = policy("docs", Route { has_paths: true, has_mcp: false });
    assert!(docs.contains("path \"route/docs/*\""));
}

#[test]
fn mcp_route_has_methods_and_tools() {
    let found = routes(
        "\timport guard \"acl=route/mcp\" {\n\
         \timport guard_mcp \"resource=https://mcp.{$DOMAIN}/mcp&mcp=route/mcp\" {\n\
         \timport app \"acl=route/kpi\" {\n\
         \timport site mcp {\n",
    );
    let is_mcp: Vec<_> = found.iter().map(|(name, route)| (name.as_str(), route.has_mcp)).collect();
    assert_eq!(is_mcp, [("kpi", false), ("mcp", true)]);
    let expected = "\
# For people and services that use only the application mcp.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path \"route/mcp\" {
  capabilities = [\"create\", \"read\", \"update\", \"patch\", \"delete\"]
}

# The methods and tools of MCP servers, for clients that name them in the headers.
path \"route/mcp/*\" {
  capabilities = [\"read\", \"update\"]
}
";
    assert_eq!(policy("mcp", found["mcp"]), expected);
    let expectations = expectations(&found);
    for line in [
        "may.create = [\"route/mcp\"]",
        "may.read = [\"route/mcp\", \"route/mcp/tools/list\"]",
        "may.update = [\"route/mcp\", \"route/mcp/tools/call/send_invoice\"]",
        "may.read = [\"route/kpi\"]",
    ] {
        assert!(expectations.contains(&format!("\n{line}\n")), "{line} in {expectations}");
    }
}
