use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, format::Writer},
};

/// The format of fields in text logs: the message, then `name=value` for each field. A value is in
/// quotes only if it could be mistaken for something else, and never contains a line break.
pub(super) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = TextVisitor { writer, result: Ok(()), separator: "" };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct TextVisitor<'w> {
    writer: Writer<'w>,
    result: fmt::Result,
    separator: &'static str,
}

impl TextVisitor<'_> {
    fn write(&mut self, field: &Field, value: &str) -> fmt::Result {
        let separator = std::mem::replace(&mut self.separator, " ");
        self.writer.write_str(separator)?;
        if field.name() == "message" {
            return write!(self.writer, "{}", escaped(value));
        }
        let is_plain = |char: char| char.is_ascii_graphic() && !matches!(char, '"' | '=' | '\\');
        if !value.is_empty() && value.chars().all(is_plain) {
            write!(self.writer, "{}={value}", field.name())
        } else {
            write!(self.writer, "{}={value:?}", field.name())
        }
    }
}

impl Visit for TextVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.result.is_ok() {
            self.result = self.write(field, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Returns the text with its control characters escaped.
fn escaped(text: &str) -> impl fmt::Display {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() {
            escaped.extend(char.escape_debug());
        } else {
            escaped.push(char);
        }
    }
    escaped
}
