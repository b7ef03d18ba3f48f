//! Names and doc comments use the terms of HTTP, Rust and Vault. CONTRIBUTING.md has the rules.

use std::{collections::BTreeMap, sync::LazyLock};

use super::source::{DefinedName, DocComment, NameKind, SourceFile, source_files};

/// All folders with Rust code.
const CODE: &[&str] = &["src", "tests", "benches", "examples"];

/// Words with which a doc comment describes a question instead of the item.
const INDIRECT_OPENINGS: &[&str] =
    &["What", "Whether", "How", "It", "Who", "Whose", "Why", "Where", "That", "There"];

/// The largest share of doc comments that may begin with such a word, in percent.
const MAX_INDIRECT_OPENINGS: usize = 8;

/// Figurative words and phrases that doc comments do without.
const FIGURATIVE_WORDS: &[&str] = &[
    "befall",
    "befalls",
    "behind the back",
    "by heart",
    "come in",
    "comes in",
    "comes up",
    "eyes",
    "front door",
    "go on",
    "goes on",
    "heard",
    "in mind",
    "is told",
    "let in",
    "lets in",
    "lets go",
    "means harm",
    "mend",
    "mended",
    "mends",
    "nobody",
    "nobody's",
    "patience",
    "remembered",
    "remembers",
    "said of",
    "somebody",
    "somebody's",
    "told",
    "under way",
    "whoever",
    "word of",
];

/// Parts of names that say nothing to who knows HTTP, Rust and Vault.
const FIGURATIVE_NAME_PARTS: &[&str] = &[
    "befalls",
    "heard",
    "himself",
    "mend",
    "nobody",
    "nobodys",
    "patience",
    "said",
    "somebody",
    "somebodys",
    "told",
    "untold",
    "whoever",
    "whom",
    "whose",
];

/// Longest name of a test, and the largest median of all, in characters.
const MAX_TEST_NAME: usize = 50;
const MAX_MEDIAN_TEST_NAME: usize = 32;

/// Type names that more than one module may define: each is its module's only one of the kind.
const REPEATED_TYPE_NAMES: &[&str] = &["Command", "Error"];

/// The doc comments and names of all code. They are read once, since parsing takes seconds.
static PROSE: LazyLock<(Vec<DocComment>, Vec<DefinedName>)> = LazyLock::new(|| {
    let files = source_files(CODE);
    let comments = files.iter().flat_map(SourceFile::doc_comments).collect();
    let names = files.iter().flat_map(SourceFile::defined_names).collect();
    (comments, names)
});

fn doc_comments() -> &'static [DocComment] {
    &PROSE.0
}

fn defined_names() -> &'static [DefinedName] {
    &PROSE.1
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}

/// Returns whether `text` has these words, in any case, not as parts of longer ones.
fn contains_words(text: &str, words: &str) -> bool {
    let text = text.to_lowercase();
    let is_inside_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(words).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !is_inside_word(before) && !is_inside_word(after)
    })
}

/// Splits an identifier in any case into its words, in lower case.
fn name_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut previous_is_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && previous_is_lower) {
            parts.push(String::new());
        }
        if c != '_' {
            parts.last_mut().expect("at least one part").extend(c.to_lowercase());
        }
        previous_is_lower = c.is_lowercase() || c.is_numeric();
    }
    parts
}

#[track_caller]
fn assert_none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}\n{}", faults.join("\n"));
}

#[test]
fn words_are_found_as_whole_words() {
    assert!(contains_words("The caller is Told so.", "told"));
    assert!(contains_words("told", "told"));
    assert!(!contains_words("untold", "told"));
    assert!(!contains_words("told_by", "told"));
    assert_eq!(name_parts("MAX_TTLs"), ["max", "ttls"]);
    assert_eq!(name_parts("TokenInfo"), ["token", "info"]);
    assert_eq!(name_parts("is_told2"), ["is", "told2"]);
}

#[test]
fn doc_comments_are_read() {
    let comments = doc_comments();
    let names = defined_names();
    assert!(comments.len() > 3000, "{} doc comments", comments.len());
    assert!(names.len() > 5000, "{} names", names.len());
    let own = comments.iter().find(|comment| comment.text.starts_with("Figurative words and"));
    let own = own.expect("the comment of a constant above");
    assert!(own.location.starts_with("tests/conventions/language.rs:"), "{}", own.location);
}

#[test]
fn doc_comments_describe_the_item() {
    let comments = doc_comments();
    let indirect: Vec<_> = comments
        .iter()
        .filter(|comment| INDIRECT_OPENINGS.contains(&first_word(&comment.text)))
        .map(|comment| format!("{}: {}", comment.location, comment.text))
        .collect();
    let percent = 100 * indirect.len() / comments.len();
    assert!(
        percent <= MAX_INDIRECT_OPENINGS,
        "{percent} % of the doc comments begin with a word such as \"What\" or \"Whether\"; \
         at most {MAX_INDIRECT_OPENINGS} % may:\n{}",
        indirect.join("\n")
    );
}

#[test]
fn doc_comments_have_no_figurative_words() {
    let mut faults = Vec::new();
    for comment in doc_comments() {
        for words in FIGURATIVE_WORDS.iter().filter(|words| contains_words(&comment.text, words)) {
            faults.push(format!("{}: \"{words}\": {}", comment.location, comment.text));
        }
    }
    assert_none(&faults, "say what the item is or does in terms of HTTP, Rust and Vault:");
}

#[test]
fn names_have_no_figurative_words() {
    let is_figurative = |name: &DefinedName| {
        name_parts(&name.name).iter().any(|part| FIGURATIVE_NAME_PARTS.contains(&part.as_str()))
    };
    let names = defined_names();
    let faults: Vec<_> = names
        .iter()
        .filter(|name| is_figurative(name))
        .map(|name| format!("{}: {}", name.location, name.name))
        .collect();
    assert_none(&faults, "name these in terms of HTTP, Rust and Vault:");
}

#[test]
fn type_names_are_unique() {
    let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let in_src = |name: &&DefinedName| name.location.starts_with("src/");
    for name in defined_names().iter().filter(in_src).filter(|name| name.kind == NameKind::Type) {
        types.entry(&name.name).or_default().push(&name.location);
    }
    let faults: Vec<_> = types
        .iter()
        .filter(|(name, places)| places.len() > 1 && !REPEATED_TYPE_NAMES.contains(name))
        .map(|(name, places)| format!("{name}: {}", places.join(", ")))
        .collect();
    assert_none(&faults, "one name is one concept; these types share theirs:");
}

#[test]
fn test_names_are_short() {
    let tests = || defined_names().iter().filter(|name| name.kind == NameKind::Test);
    let faults: Vec<_> = tests()
        .filter(|test| test.name.len() > MAX_TEST_NAME)
        .map(|test| format!("{}: {}", test.location, test.name))
        .collect();
    assert_none(&faults, "name subject, condition and outcome in at most 50 characters:");
    let mut lengths: Vec<_> = tests().map(|test| test.name.len()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MAX_MEDIAN_TEST_NAME, "the median length of test names is {median}");
}
