//! The direction of dependencies between the modules of the program.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    modules::{circles, module_graph},
    source::source_files,
};

/// Each part, and the parts that it may use besides itself. A new one has to be put here.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("fields", &[]),
    ("networks", &[]),
    ("policies", &[]),
    ("probe", &[]),
    ("provision", &[]),
    ("uri", &[]),
    ("tenants", &["provision"]),
    ("forwarded", &["fields", "networks"]),
    ("token", &["fields", "tenants"]),
    ("requirement", &["tenants", "uri"]),
    ("secrets", &["tenants", "token"]),
    ("decision", &["forwarded", "token", "requirement"]),
    ("telemetry", &["decision", "token"]),
    (
        "vault",
        &["networks", "policies", "probe", "provision", "token", "tenants", "secrets", "telemetry"],
    ),
    ("config", &["forwarded", "networks", "policies", "token", "decision", "telemetry", "vault"]),
    (
        "server",
        &[
            "config",
            "decision",
            "fields",
            "forwarded",
            "policies",
            "requirement",
            "secrets",
            "telemetry",
            "tenants",
            "token",
            "uri",
            "vault",
        ],
    ),
    (
        "cli",
        &[
            "config",
            "decision",
            "fields",
            "forwarded",
            "policies",
            "probe",
            "provision",
            "requirement",
            "secrets",
            "server",
            "telemetry",
            "tenants",
            "token",
            "vault",
        ],
    ),
];

#[test]
fn modules_use_only_those_below() {
    let may_use = BTreeMap::from(MAY_USE);
    let mut seen = BTreeSet::new();
    for (module, used) in module_graph(&source_files(&["src"])) {
        let Some(part) = module.first() else { continue };
        let allowed = may_use.get(part.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("{part} has no row in the table"));
        for used in used {
            let other = used[0].as_str();
            let is_allowed = other == part || allowed.contains(&other);
            assert!(is_allowed, "{} may not use {}", module.join("::"), used.join("::"));
            seen.insert((part.clone(), other.to_owned()));
        }
    }
    for (part, allowed) in may_use {
        for other in allowed {
            let is_used = seen.contains(&(part.to_owned(), (*other).to_owned()));
            assert!(is_used, "{part} does not use {other}: remove it from the row");
        }
    }
}

#[test]
fn modules_use_each_other_in_no_circle() {
    let mut graph = module_graph(&source_files(&["src"]));
    // A module is part of the one that contains it and may use that one's items.
    for (module, used) in &mut graph {
        used.retain(|other| !module.starts_with(other));
    }
    assert!(graph.len() > 200, "{} modules", graph.len());
    let circles = circles(&graph);
    let lines: Vec<_> = circles
        .iter()
        .map(|circle| {
            circle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> ")
        })
        .collect();
    assert!(circles.is_empty(), "circles:\n{}", lines.join("\n"));
}
