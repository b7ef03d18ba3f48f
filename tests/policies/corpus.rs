//! One file for each construct of policies.

use std::fs;

use vault_auth_validator::policy::Policy;

use super::oracle::Oracle;
use crate::support::tools;

/// Returns the files of one folder: name and text.
pub(super) fn files(folder: &str) -> Vec<(String, String)> {
    let folder = tools::repository("tests/corpus/hcl").join(folder);
    let entries = fs::read_dir(&folder).expect("the corpus");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("its text")))
        .collect();
    files.sort();
    assert!(files.len() > 5, "{}", folder.display());
    files
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Accepted,
    Refused,
}

use Outcome::{Accepted, Refused};

/// Asserts the results of both parsers for the files of a folder; lists all differences.
async fn compare(folder: &str, ours: Outcome, theirs: Outcome) {
    let oracle = Oracle::start().await;
    let mut differ = Vec::new();
    for (name, text) in files(folder) {
        let own = Policy::parse(&text);
        if own.is_ok() != (ours == Accepted) {
            differ.push(format!("we, {name}: {:?}", own.map_err(|error| error.to_string())));
        }
        let refusal = oracle.refusal(&text).await;
        if refusal.is_none() != (theirs == Accepted) {
            differ.push(format!("OpenBao, {name}: {refusal:?}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[tokio::test]
async fn accepted_policies_are_valid_in_openbao() {
    compare("accepted", Accepted, Accepted).await;
}

#[tokio::test]
async fn refused_policies_are_invalid_in_openbao() {
    compare("refused", Refused, Refused).await;
}

/// Covers extensions of HashiCorp Vault, which the parser accepts and reports.
#[tokio::test]
async fn vault_only_policies_fail_in_openbao() {
    compare("vault-only", Accepted, Refused).await;
    for (folder, expected) in [("vault-only", true), ("accepted", false)] {
        for (name, text) in files(folder) {
            let policy = Policy::parse(&text).expect(&name);
            assert_eq!(is_vault_only(&policy), expected, "{name}");
        }
    }
}

/// Returns true if the policy is reported as refused by OpenBao.
pub(super) fn is_vault_only(policy: &Policy) -> bool {
    policy.rules().iter().any(|rule| !rule.vault_only().is_empty())
}

/// Covers policies that OpenBao accepts but reads in part only, and useless ones.
#[tokio::test]
async fn ignored_parts_are_refused() {
    compare("passed-over", Refused, Accepted).await;
}

#[test]
fn syntax_errors_have_positions() {
    for (name, text) in files("refused").into_iter().chain(files("passed-over")) {
        let error = Policy::parse(&text).expect_err(&name);
        let at = error.position();
        let line = text.split('\n').nth(at.line - 1).expect("its line");
        assert!((1..=line.chars().count() + 1).contains(&at.column), "{name}: {error}");
    }
}

#[test]
fn shipped_policies_are_valid() {
    for entry in fs::read_dir(tools::repository("policies")).expect("the policies") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "hcl") {
            let text = fs::read_to_string(&path).expect("its text");
            let policy = Policy::parse(&text);
            let policy = policy.unwrap_or_else(|error| panic!("{}:{error}", path.display()));
            assert!(!policy.rules().is_empty(), "{}", path.display());
        }
    }
}
