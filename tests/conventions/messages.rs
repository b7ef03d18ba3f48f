//! The messages of errors in the log, which are also sent to Sentry.

use proc_macro2::TokenTree;
use syn::{Macro, visit::Visit};

use super::source::source_files;

/// The messages of `error!` in a file.
#[derive(Default)]
struct ErrorMessages(Vec<String>);

impl<'ast> Visit<'ast> for ErrorMessages {
    fn visit_macro(&mut self, found: &'ast Macro) {
        if found.path.segments.last().is_some_and(|segment| segment.ident == "error") {
            let literals = found.tokens.clone().into_iter().filter_map(|token| match token {
                TokenTree::Literal(literal) => Some(literal.to_string()),
                _ => None,
            });
            self.0.extend(literals);
        }
    }
}

#[test]
fn error_messages_have_no_arguments() {
    let mut number = 0;
    for file in source_files(&["src"]) {
        let mut messages = ErrorMessages::default();
        messages.visit_file(file.syntax());
        number += messages.0.len();
        for message in messages.0 {
            assert!(
                !message.contains('{'),
                "{}: {message}: pass the argument as a field: messages are sent to Sentry",
                file.path
            );
        }
    }
    assert!(number > 5, "{number} messages");
}
