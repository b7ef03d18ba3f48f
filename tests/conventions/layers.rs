//! The direction of dependencies between the modules of the program.

use std::collections::BTreeSet;

use super::{
    modules::{circles, module_graph},
    source::source_files,
};

/// Each top-level module with those that it uses. A module uses only modules above it.
const USES: &[(&str, &[&str])] = &[
    ("capabilities", &[]),
    ("child_process", &[]),
    ("headers", &[]),
    ("mcp_methods", &["capabilities"]),
    ("networks", &[]),
    ("probe", &[]),
    ("public_documents", &["probe"]),
    ("sealed", &[]),
    ("suggestion", &[]),
    ("tenants", &[]),
    ("uri", &[]),
    ("wall_clock", &[]),
    ("forwarded", &["headers", "mcp_methods"]),
    ("policy", &["capabilities", "mcp_methods", "suggestion", "tenants"]),
    ("resource_uri", &["forwarded"]),
    ("requirements", &["resource_uri", "tenants", "uri"]),
    ("token", &["capabilities", "headers", "sealed", "tenants", "wall_clock"]),
    ("login", &["forwarded", "sealed", "token", "wall_clock"]),
    ("oauth", &["login", "public_documents", "resource_uri", "sealed", "token", "wall_clock"]),
    ("auth", &["capabilities", "forwarded", "mcp_methods", "requirements", "token"]),
    ("provisioning", &["policy", "sealed", "tenants"]),
    ("secrets", &["tenants", "token"]),
    ("telemetry", &["auth", "forwarded", "token", "wall_clock"]),
    ("console", &["auth", "login", "telemetry", "token"]),
    ("audit_feed", &["telemetry", "tenants", "token", "wall_clock"]),
    (
        "vault",
        &[
            "audit_feed",
            "capabilities",
            "login",
            "networks",
            "oauth",
            "policy",
            "probe",
            "provisioning",
            "secrets",
            "telemetry",
            "tenants",
            "token",
            "wall_clock",
        ],
    ),
    (
        "config",
        &[
            "auth",
            "forwarded",
            "login",
            "networks",
            "oauth",
            "policy",
            "probe",
            "sealed",
            "suggestion",
            "telemetry",
            "token",
            "vault",
        ],
    ),
    (
        "diagnostics",
        &[
            "auth",
            "capabilities",
            "config",
            "forwarded",
            "login",
            "oauth",
            "policy",
            "probe",
            "provisioning",
            "requirements",
            "resource_uri",
            "sealed",
            "tenants",
            "token",
            "vault",
            "wall_clock",
        ],
    ),
    (
        "server",
        &[
            "audit_feed",
            "auth",
            "config",
            "console",
            "diagnostics",
            "forwarded",
            "headers",
            "login",
            "oauth",
            "policy",
            "probe",
            "public_documents",
            "requirements",
            "resource_uri",
            "sealed",
            "secrets",
            "telemetry",
            "tenants",
            "token",
            "uri",
            "vault",
            "wall_clock",
        ],
    ),
    (
        "cli",
        &[
            "auth",
            "capabilities",
            "child_process",
            "config",
            "diagnostics",
            "forwarded",
            "login",
            "mcp_methods",
            "policy",
            "probe",
            "provisioning",
            "requirements",
            "resource_uri",
            "sealed",
            "secrets",
            "server",
            "telemetry",
            "tenants",
            "token",
            "vault",
            "wall_clock",
        ],
    ),
];

#[test]
fn modules_use_only_those_above_them_in_the_table() {
    let mut above = BTreeSet::new();
    let mut listed = BTreeSet::new();
    for (module, used) in USES {
        for other in *used {
            assert!(above.contains(other), "{module} uses {other}, which is not above it");
            listed.insert(((*module).to_owned(), (*other).to_owned()));
        }
        above.insert(*module);
    }
    let mut faults = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (module, used) in module_graph(&source_files(&["src"])) {
        let Some(top) = module.first() else { continue };
        assert!(above.contains(top.as_str()), "{top} has no row in the table");
        for other in used.iter().filter(|other| other[0] != *top) {
            let pair = (top.clone(), other[0].clone());
            if !listed.contains(&pair) {
                faults.insert(format!("{} uses {}", module.join("::"), other.join("::")));
            }
            seen.insert(pair);
        }
    }
    let unused = listed.difference(&seen).map(|(top, other)| format!("{top} uses no {other}"));
    faults.extend(unused);
    let lines = faults.into_iter().collect::<Vec<_>>().join("\n");
    assert!(lines.is_empty(), "the table and the code differ:\n{lines}");
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
