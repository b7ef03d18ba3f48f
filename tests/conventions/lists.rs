//! The lists of codes in the documentation are those of the code.

use std::{collections::BTreeSet, fs};

use syn::visit::{self, Visit};

use super::source::{SourceFile, source_files};
use crate::support::tools::repository;

/// Codes that neither `/validate` nor the API explain: of a fault of the program itself.
const UNLISTED: &str = "internal_error";

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The string literals in the form of a code within functions of one name.
struct Codes<'a> {
    functions: &'a [&'a str],
    is_inside: bool,
    found: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Codes<'_> {
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.is_inside = self.functions.iter().any(|name| item.sig.ident == name);
        visit::visit_impl_item_fn(self, item);
        self.is_inside = false;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.is_inside = self.functions.iter().any(|name| item.sig.ident == name);
        visit::visit_item_fn(self, item);
        self.is_inside = false;
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        let is_code = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if self.is_inside && is_code(&literal.value()) {
            self.found.insert(literal.value());
        }
    }
}

/// Returns the codes that the tables in these functions of a file have.
fn codes(path: &str, functions: &[&str]) -> BTreeSet<String> {
    let files = source_files(&["src"]);
    let file: &SourceFile = files.iter().find(|file| file.path == path).expect("the file");
    let mut codes = Codes { functions, is_inside: false, found: BTreeSet::new() };
    codes.visit_file(file.syntax());
    codes.found
}

/// Returns the code spans in the second column of the tables that begin with `status` and `code`.
fn documented_codes(page: &str) -> BTreeSet<String> {
    let text = read(page);
    let tables = text.split("| status | code | meaning |\n").skip(1);
    let rows = tables.flat_map(|table| table.lines().take_while(|line| line.starts_with('|')));
    let cells = rows.filter_map(|row| row.split('|').nth(2).map(str::to_owned));
    let spans = |cell: String| -> Vec<_> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    cells.flat_map(spans).collect()
}

#[test]
fn codes_of_validate_have_a_text_for_people() {
    let texts = codes("src/login/pages/text/refusal.rs", &["explanation"]);
    assert_eq!(texts, codes("src/auth/refusal.rs", &["problem_spec", "unavailable_terms"]));
}

#[test]
fn codes_of_validate_are_documented() {
    let mut codes = codes("src/auth/refusal.rs", &["problem_spec", "unavailable_terms"]);
    assert!(codes.len() > 15, "{codes:?}");
    assert!(codes.remove(UNLISTED));
    assert_eq!(documented_codes("README.md"), codes);
}

#[test]
fn codes_of_the_api_are_documented() {
    let codes = codes("src/server/api/error.rs", &["terms", "secret_terms"]);
    assert!(codes.len() > 15, "{codes:?}");
    let mut documented = documented_codes("docs/secrets.md");
    // Those of `/validate` and of the router are explained there as well.
    assert!(documented.remove("acl_denied") && documented.remove("method_not_allowed"));
    assert_eq!(documented, codes);
    let openapi = read("src/server/api/error_responses.rs");
    for code in codes {
        assert!(openapi.contains(&format!("`{code}`")), "OpenAPI lacks {code}");
    }
}
