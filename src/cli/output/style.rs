use std::io::{IsTerminal, stdout};

use super::{color_mark::COLOR_MARK, escape::escape_line};

/// The colors of printed text, if colors are enabled.
pub(in crate::cli) struct TextStyle {
    colors: ColorMode,
}

enum ColorMode {
    Enabled,
    Disabled,
}

impl TextStyle {
    /// Returns a style with colors if standard output is a terminal and `NO_COLOR` is not set
    /// (<https://no-color.org>).
    pub(super) fn for_stdout() -> Self {
        let enabled = stdout().is_terminal() && !crate::config::no_color();
        Self { colors: if enabled { ColorMode::Enabled } else { ColorMode::Disabled } }
    }

    /// Returns a style without colors.
    pub(in crate::cli) fn plain() -> Self {
        Self { colors: ColorMode::Disabled }
    }

    /// Colors the text as a success.
    pub(in crate::cli) fn success(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Colors the text as an error.
    pub(in crate::cli) fn error(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Colors the text as a warning.
    pub(in crate::cli) fn warning(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Colors the text as a heading.
    pub(in crate::cli) fn heading(&self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colors {
            ColorMode::Enabled => format!("{mark}{code};{text}{mark}0;", mark = *COLOR_MARK),
            ColorMode::Disabled => text.to_owned(),
        }
    }
}

/// Returns the text with terminal escape sequences instead of color marks.
pub(super) fn apply_colors(text: &str) -> String {
    let mut parts = text.split(&*COLOR_MARK);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| match part.split_once(';') {
        Some((code, rest)) => format!("{all}\x1b[{code}m{rest}"),
        None => all + part,
    })
}

/// Returns the rows as lines with aligned columns. Line breaks in a cell are escaped.
pub(in crate::cli) fn align_columns<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| escape_line(cell))).collect();
    let width =
        |column: usize| rows.iter().map(|row| display_width(&row[column])).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let padded =
            cells.map(|(cell, width)| format!("{cell}{:1$}", "", width - display_width(cell)));
        format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns the number of characters without those of color marks.
fn display_width(text: &str) -> usize {
    let mut parts = text.split(&*COLOR_MARK);
    let plain = parts.next().unwrap_or_default().chars().count();
    let colored = parts.filter_map(|part| part.split_once(';'));
    plain + colored.map(|(_, rest)| rest.chars().count()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::{super::escape::escape_text, ColorMode, TextStyle, align_columns, apply_colors};

    #[test]
    fn colored_columns_are_aligned() {
        let good = TextStyle { colors: ColorMode::Enabled }.success("ok");
        let rows = [
            [good, "a".to_owned(), "x".to_owned()],
            ["refused".to_owned(), "b\nd".to_owned(), String::new()],
        ];
        let printed = apply_colors(&escape_text(&align_columns(&rows)));
        assert_eq!(printed, "  \x1b[32mok\x1b[0m       a     x\n  refused  b\\nd");
    }

    #[test]
    fn foreign_color_codes_are_escaped() {
        let name = TextStyle { colors: ColorMode::Enabled }.error("a\x1b[32mb\u{fdd0}32;c");
        assert_eq!(apply_colors(&escape_text(&name)), "\x1b[31ma\\u{1b}[32mb\\u{fdd0}32;c\x1b[0m");
    }
}
