use std::{
    io::{IsTerminal, stdout},
    sync::LazyLock,
};

use super::clean::printable;

/// Stands before a colour and `;` in a text that is yet to be printed. It is made up anew by each
/// process, so that no text from elsewhere has it.
pub(super) static MARK: LazyLock<String> =
    LazyLock::new(|| format!("\u{fdd0}{:032x}\u{fdd0}", rand::random::<u128>()));

/// Colours, where somebody sees them.
pub(in crate::cli) struct Style {
    colours: Colours,
}

enum Colours {
    Shown,
    Plain,
}

impl Style {
    /// Colours on a terminal whose user has not said no (<https://no-color.org>).
    pub(super) fn of_stdout() -> Self {
        let wanted = stdout().is_terminal() && !crate::config::no_color();
        Self { colours: if wanted { Colours::Shown } else { Colours::Plain } }
    }

    /// No colours.
    pub(in crate::cli) fn plain() -> Self {
        Self { colours: Colours::Plain }
    }

    /// Something that is as it should be.
    pub(in crate::cli) fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Something that is not.
    pub(in crate::cli) fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something that may be as it should be.
    pub(in crate::cli) fn doubtful(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something that only says where the rest is.
    pub(in crate::cli) fn place(&self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colours {
            Colours::Shown => format!("{mark}{code};{text}{mark}0;", mark = *MARK),
            Colours::Plain => text.to_owned(),
        }
    }
}

/// Returns the text with a terminal's own colours in it.
pub(super) fn painted(text: &str) -> String {
    let mut parts = text.split(&*MARK);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| match part.split_once(';') {
        Some((code, rest)) => format!("{all}\x1b[{code}m{rest}"),
        None => all + part,
    })
}

/// Returns rows with their first cells as wide as the widest of each. A cell has one line, whatever is
/// in it.
pub(in crate::cli) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| visible(&row[column])).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let padded = cells.map(|(cell, width)| format!("{cell}{:1$}", "", width - visible(cell)));
        format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns the number of characters that are seen: all but those that colour it.
fn visible(text: &str) -> usize {
    let mut parts = text.split(&*MARK);
    let plain = parts.next().unwrap_or_default().chars().count();
    let coloured = parts.filter_map(|part| part.split_once(';'));
    plain + coloured.map(|(_, rest)| rest.chars().count()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::{super::clean::clean, Colours, Style, columns, painted};

    #[test]
    fn columns_line_up_whatever_their_colour() {
        let good = Style { colours: Colours::Shown }.good("ok");
        let rows = [
            [good, "a".to_owned(), "x".to_owned()],
            ["refused".to_owned(), "b\nd".to_owned(), String::new()],
        ];
        let printed = painted(&clean(&columns(&rows)));
        assert_eq!(printed, "  \x1b[32mok\x1b[0m       a     x\n  refused  b\\nd");
    }

    #[test]
    fn colours_of_others_are_not_shown() {
        let name = Style { colours: Colours::Shown }.bad("a\x1b[32mb\u{fdd0}32;c");
        assert_eq!(painted(&clean(&name)), "\x1b[31ma\\u{1b}[32mb\\u{fdd0}32;c\x1b[0m");
    }
}
