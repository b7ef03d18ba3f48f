//! Completeness of the translations.

use std::{fs, path::Path};

use serde_json::Value;

use super::{
    super::{Language, text::PageText},
    samples::{LANGUAGES, pages},
};

/// Returns the texts of a table with letters, with their paths.
fn texts(language: Language) -> Vec<(String, String)> {
    let table = serde_json::to_value(PageText::of(language)).expect("a table");
    let mut texts = Vec::new();
    collect("", &table, &mut texts);
    texts
}

fn collect(path: &str, value: &Value, texts: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| collect(&format!("{path}.{name}"), member, texts));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(path, item, texts)),
        Value::String(text) if text.contains(char::is_alphabetic) => {
            texts.push((path.to_owned(), text.clone()));
        }
        Value::String(_) => {}
        other => panic!("{path}: {other}"),
    }
}

#[test]
fn every_text_is_translated() {
    let (english, spanish) = (texts(Language::English), texts(Language::Spanish));
    assert!(english.len() > 100, "{}", english.len());
    let both: Vec<_> = spanish.iter().filter(|text| english.contains(text)).collect();
    assert!(both.is_empty(), "{both:?}");
    for (path, text) in english.iter().chain(&spanish) {
        let is_part = text.starts_with(' ') || text.ends_with(' ');
        assert!(is_part || text.trim() == text, "{path}");
        assert!(!text.contains("  ") && !text.contains('\n'), "{path}: {text}");
    }
    for (path, text) in english {
        assert!(text.is_ascii(), "{path}: {text}");
    }
}

#[test]
fn bodies_are_sentences() {
    for (path, text) in LANGUAGES.into_iter().flat_map(texts) {
        let is_sentence = text.ends_with('.');
        match path.rsplit('.').next() {
            Some("body") => assert!(is_sentence, "{path}: {text}"),
            Some("title") => assert!(!is_sentence, "{path}: {text}"),
            _ => {}
        }
    }
}

#[test]
fn pages_have_texts_of_one_language() {
    for language in LANGUAGES {
        let other = LANGUAGES[usize::from(language == Language::English)];
        let own_text: String = texts(language).into_iter().map(|(_, text)| text + "\n").collect();
        // A short text such as "o" can be a part of any word.
        let foreign: Vec<String> = texts(other)
            .into_iter()
            .map(|(_, text)| text.trim().to_owned())
            .filter(|text| text.len() > 8 && !own_text.contains(text.as_str()))
            .collect();
        assert!(foreign.len() > 80, "{}", foreign.len());
        for (name, page) in pages(language) {
            let found = foreign.iter().find(|text| page.body.contains(text.as_str()));
            assert_eq!(found, None, "{name} in {language:?}");
        }
    }
}

#[test]
fn templates_have_no_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/login");
    let mut templates = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        templates += 1;
        let mut text = fs::read_to_string(&path).expect("a template");
        for (open, close) in [("{{", "}}"), ("{%", "%}"), ("<", ">")] {
            while let Some(start) = text.find(open) {
                let end = start + text[start..].find(close).expect("an end") + close.len();
                text.replace_range(start..end, "");
            }
        }
        assert!(!text.contains(char::is_alphanumeric), "{}: {text}", path.display());
    }
    assert_eq!(templates, 8);
}
