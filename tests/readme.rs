//! What the README says of the program, held against the program.

use std::fs;

use vault_auth_validator::config::KEYS;

use crate::support::tools::repository;

#[test]
fn the_readme_has_a_row_for_each_setting_and_for_no_other() {
    let readme = fs::read_to_string(repository("README.md")).expect("README.md");
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| {
            ["| `VALIDATOR_", "| `VAULT_", "| `BAO_"].iter().any(|p| line.starts_with(p))
        })
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let expected: Vec<Vec<String>> = KEYS
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
    assert_eq!(rows.len(), KEYS.len(), "settings without a row, or rows without a setting");
}
