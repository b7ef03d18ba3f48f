//! The table of known attacks in `docs/security.md`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::tools::repository;

/// Returns the id of a row of the table, and the tests that it names.
fn row(line: &str) -> (&str, Vec<&str>) {
    let mut cells = line.trim_matches('|').split('|').map(str::trim);
    let (id, tests) = (cells.next().unwrap_or_default(), cells.next_back().unwrap_or_default());
    (id, tests.split('`').skip(1).step_by(2).collect())
}

/// Collects the names of all test functions in this folder.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    for path in paths {
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(tests_in(&fs::read_to_string(&path).expect("a file")));
        }
    }
}

fn tests_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        let line = line.trim_start_matches("async ");
        if let Some((name, _)) = line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
            if is_test {
                found.push(name.to_owned());
            }
            is_test = false;
        }
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    }
    found
}

#[test]
fn attack_table_matches_tests() {
    let document = fs::read_to_string(repository("docs/security.md")).expect("the document");
    let (_, table) = document.split_once("## Known attacks").expect("the table");
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| A")).map(row).collect();
    let ids: Vec<&str> = rows.iter().map(|(id, _)| *id).collect();
    let expected: Vec<String> = (1..=93).map(|number| format!("A{number:02}")).collect();
    assert_eq!(ids, expected);

    let mut existing = BTreeSet::new();
    tests(&repository("src"), &mut existing);
    tests(&repository("tests"), &mut existing);
    assert!(existing.len() > 100, "nothing was read");
    let named: BTreeSet<&str> = rows.iter().flat_map(|(_, tests)| tests).copied().collect();
    let missing: Vec<_> = named.iter().filter(|name| !existing.contains(**name)).collect();
    assert!(missing.is_empty(), "the table names tests that are not there: {missing:?}");

    for name in &existing {
        let id = name.split('_').next().unwrap_or_default().to_uppercase();
        if expected.contains(&id) {
            let (_, tests) = rows.iter().find(|(row, _)| *row == id).expect("a row");
            assert!(tests.contains(&name.as_str()), "{name} is not in the row of {id}");
        }
    }
    for (id, tests) in rows {
        assert_eq!(tests.is_empty(), id == "A32", "{id}: {tests:?}");
    }
}
