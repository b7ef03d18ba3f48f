//! The README compared with the program.

use std::fs;

use vault_auth_validator::{
    config::SETTINGS,
    policy::{Lint, builtin},
};

use crate::support::tools::repository;

#[test]
fn readme_lists_every_setting() {
    let readme = fs::read_to_string(repository("README.md")).expect("README.md");
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| {
            ["| `VALIDATOR_", "| `VAULT_", "| `BAO_", "| `SENTRY_"]
                .iter()
                .any(|p| line.starts_with(p))
        })
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let expected: Vec<Vec<String>> = SETTINGS
        .iter()
        .map(|key| {
            let names: Vec<String> = key.env.iter().map(|name| format!("`{name}`")).collect();
            let default = key.default.map(|default| format!("`{default}`")).unwrap_or_default();
            vec![String::new(), names.join(", "), default, key.help.to_owned(), String::new()]
        })
        .collect();
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    assert_eq!(rows.len(), SETTINGS.len(), "settings without a row, or rows without a setting");
}

#[test]
fn policy_page_is_complete() {
    let page = fs::read_to_string(repository("docs/policies.md")).expect("docs/policies.md");
    let rows = |start: &str| -> Vec<String> {
        let rows = page.lines().filter(|line| line.starts_with(start));
        rows.map(|line| line.split('|').nth(1).expect("a cell").trim().to_owned()).collect()
    };
    let severities: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for (check, row) in Lint::ALL.iter().zip(&severities) {
        let start = format!("| `{}` | {} |", check.id(), check.severity().as_str());
        assert!(row.starts_with(&start), "{row}");
    }
    assert_eq!(severities.len(), Lint::ALL.len());
    let mut listed = rows("| [`");
    listed.sort();
    let shipped = builtin::policies();
    let link = |name: &str| format!("[`{name}`](../policies/{name}.hcl)");
    assert_eq!(listed, shipped.iter().map(|source| link(source.stem())).collect::<Vec<_>>());
}
