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
}

/// Returns true for the lines with a requirement.
fn is_guard(line: &&str) -> bool {
    ["import guard", "import app"].iter().any(|guard| line.starts_with(guard))
}

/// Returns the applications that a requirement in this Caddyfile names by `acl=route/NAME`,
/// `acl_uri=route/NAME` or `policy=route-NAME`.
fn routes(caddyfile: &str) -> BTreeMap<String, Route> {
    let mut routes: BTreeMap<String, Route> = BTreeMap::new();
    let lines = caddyfile.lines().map(str::trim).filter(is_guard);
    for requirement in lines.filter_map(|line| line.split('"').nth(1)) {
        for (name, value) in requirement.split('&').filter_map(|pair| pair.split_once('=')) {
            for value in value.split(',') {
                let route = match name {
                    "acl" | "acl_uri" => value.strip_prefix("route/"),
                    "policy" => value.strip_prefix("route-"),
                    _ => None,
                };
                if let Some(route) = route {
                    routes.entry(route.to_owned()).or_default().has_paths |= name == "acl_uri";
                }
            }
        }
    }
    routes
}

/// The capabilities that methods require.
const CAPABILITIES: [&str; 5] = ["create", "read", "update", "patch", "delete"];

fn policy(name: &str, route: Route) -> String {
    let rule = |path: String| {
        let capabilities = CAPABILITIES.map(|word| format!("\"{word}\"")).join(", ");
        format!("path \"{path}\" {{\n  capabilities = [{capabilities}]\n}}\n")
    };
    let head = format!(
        "# For people and services that use only the application {name}.\n\
         # `make route-policies` generates this file from deploy/caddy/Caddyfile.\n"
    );
    let paths = route.has_paths.then(|| rule(format!("route/{name}/*")));
    let rules = [head, rule(format!("route/{name}"))].into_iter().chain(paths);
    rules.collect::<Vec<_>>().join("\n")
}

fn expectations(routes: &BTreeMap<String, Route>) -> String {
    let caller = |name: &String| {
        let may = CAPABILITIES.map(|word| format!("may.{word} = [\"route/{name}\"]"));
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
    let callers: Vec<_> = routes.keys().map(caller).collect();
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
    assert!(policy("docs", Route { has_paths: true }).contains("path \"route/docs/*\""));
}
