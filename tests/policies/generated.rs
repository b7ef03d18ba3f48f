//! Random mutations of the texts of the corpus.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use vault_auth_validator::policy::{Policy, SyntaxError};

use super::{
    corpus::{files, is_vault_only},
    oracle::Oracle,
};

/// The number of texts.
const TEXTS: usize = 1500;

/// Inserted pieces.
const PIECES: [&str; 51] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    "=",
    ":",
    "\"",
    "\\",
    "\n",
    "\r\n",
    " ",
    "#",
    "//",
    "/*",
    "*/",
    "${",
    "{{",
    "}}",
    "+",
    "*",
    "-",
    ".",
    "0",
    "8",
    "1e3",
    "\"x\"",
    "1",
    "[]",
    "{}",
    "true",
    "null",
    "path",
    "path \"a\"",
    "capabilities",
    "[\"read\"]",
    "[\"deny\"]",
    "[\"recover\"]",
    "\"subscribe\"",
    "subscribe_event_types",
    "\"deny\"",
    "policy",
    "\"read\"",
    "comment",
    "name",
    "min_wrapping_ttl",
    "allowed_parameters",
    "control_group",
    "expiration",
    "<<E\n",
    "E\n",
];

/// Attributes that most blocks may begin with.
const ATTRIBUTES: [&str; 6] = [
    " policy = \"read\" ",
    " capabilities = [\"list\"], ",
    " comment = {} ",
    " pagination_limit = 010 ",
    " min_wrapping_ttl = \"1s\" ",
    " allowed_parameters { a = [] } ",
];

#[tokio::test]
async fn random_policies_match_openbao() {
    let oracle = Oracle::start().await;
    let corpus = files("accepted");
    let mut random = StdRng::seed_from_u64(1);
    let (mut accepted, mut passed_over, mut differ) = (0, 0, Vec::new());
    for _ in 0..TEXTS {
        let text = mutated(&corpus, &mut random);
        let ours = Policy::parse(&text);
        let theirs = oracle.refusal(&text).await;
        match (ours, theirs) {
            (Ok(policy), Some(_)) if is_vault_only(&policy) => (),
            (Ok(policy), None) if !is_vault_only(&policy) => accepted += 1,
            (Err(_), Some(_)) => (),
            (Err(error), None) if passes_over(&text, &error) => passed_over += 1,
            (ours, theirs) => {
                let ours = ours.map(drop).map_err(|error| error.to_string());
                differ.push(format!("{text:?}\nwe: {ours:?}\nOpenBao: {theirs:?}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n\n"));
    // Both results must occur.
    assert!(accepted > TEXTS / 10 && passed_over < TEXTS / 8, "{accepted} {passed_over}");
}

/// Returns true if OpenBao may accept a refused text: JSON with a part that it doesn't read, and the few
/// things that `tests/corpus/hcl/passed-over` has.
fn passes_over(text: &str, error: &SyntaxError) -> bool {
    let message = error.message();
    text.trim_start().starts_with('{')
        || message.ends_with("found the end of the text")
        || ["with such letters", "octal", "in the template", "at most"]
            .iter()
            .any(|part| message.contains(part))
}

fn mutated(corpus: &[(String, String)], random: &mut StdRng) -> String {
    let mut text = pick(corpus, random);
    if random.random_bool(0.3) {
        text.push_str(&pick(corpus, random));
    }
    for _ in 0..random.random_range(1..3) {
        let (start, end) = (place(&text, random), place(&text, random));
        match random.random_range(0..6) {
            0 => text.insert_str(start, PIECES.choose(random).expect("a piece")),
            1 => drop(text.drain(start..text.ceil_char_boundary(start + 1))),
            2 => drop(text.drain(start.min(end)..text.ceil_char_boundary(start.max(end)))),
            3 => {
                if let Some(brace) = text[start..].find('{') {
                    let attribute = ATTRIBUTES.choose(random).expect("an attribute");
                    text.insert_str(start + brace + 1, attribute);
                }
            }
            4 => {
                let piece = text[start.min(end)..start.max(end)].to_owned();
                text.insert_str(start, &piece);
            }
            _ => {
                let other = pick(corpus, random);
                let (from, to) = (place(&other, random), place(&other, random));
                text.insert_str(start, &other[from.min(to)..from.max(to)]);
            }
        }
    }
    text
}

fn pick(corpus: &[(String, String)], random: &mut StdRng) -> String {
    corpus.choose(random).expect("a file").1.clone()
}

/// Returns a random position between two characters.
fn place(text: &str, random: &mut StdRng) -> usize {
    text.floor_char_boundary(random.random_range(0..=text.len()))
}
