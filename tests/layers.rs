//! The direction of dependencies between the parts of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::support::tools::repository;

/// Each part, and the parts that it may use besides itself. A new one has to be put here.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("fields", &[]),
    ("networks", &[]),
    ("policies", &[]),
    ("probe", &[]),
    ("provision", &["policies"]),
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

/// The names behind each `crate::` in this text, those in braces one by one.
fn parts_used(text: &str) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    for (at, path) in text.match_indices("crate::") {
        let rest = &text[at + path.len()..];
        let mut depth = 0;
        let mut start = true;
        for (place, c) in rest.char_indices() {
            let is_name = c.is_ascii_lowercase() || c == '_';
            if start && depth <= 1 && is_name {
                let end = rest[place..].find(|c: char| !(c.is_ascii_lowercase() || c == '_'));
                used.insert(&rest[place..place + end.unwrap_or(rest.len() - place)]);
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            start = matches!(c, '{' | ',') || (start && c.is_whitespace());
            if depth <= 0 {
                break;
            }
        }
    }
    used
}

/// Every Rust file below this folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn names_behind_crate_are_found_in_every_form() {
    let text = "use crate::{\n    config::{Settings, sources::{A, B}},\n    token::Credential,\n};\n\
                use crate::server;\nfn f() -> crate::vault::Client { crate::cli::main() }\n";
    let found: Vec<&str> = parts_used(text).into_iter().collect();
    assert_eq!(found, ["cli", "config", "server", "token", "vault"]);
}

#[test]
fn no_part_uses_one_that_stands_above_it() {
    let may_use = BTreeMap::from(MAY_USE);
    let src = repository("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut seen = BTreeSet::new();
    for file in files {
        let path = file.strip_prefix(&src).expect("a path below src");
        let part = path.iter().next().expect("a name").to_str().expect("text");
        let part = part.trim_end_matches(".rs");
        if matches!(part, "lib" | "main") {
            continue;
        }
        let allowed =
            may_use.get(part).unwrap_or_else(|| panic!("{part} has no place in the table"));
        let text = fs::read_to_string(&file).expect("a file");
        assert!(!text.contains("super::super"), "{}: name it by crate::", path.display());
        for used in parts_used(&text) {
            let fine = used == part || allowed.contains(&used);
            assert!(fine, "{}: {part} may not use {used}", path.display());
            seen.insert((part.to_owned(), used.to_owned()));
        }
    }
    assert!(seen.contains(&("decision".to_owned(), "token".to_owned())), "nothing was read");
    assert!(seen.len() > 20, "too little was read: {seen:?}");
}
