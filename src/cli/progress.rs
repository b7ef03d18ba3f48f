use std::time::{Duration, Instant};

use crate::cli::output::{can_redraw, print_status, redraw_line};

/// A progress bar on a terminal, or a status line per [`LINE_INTERVAL`] items elsewhere.
pub(super) struct ProgressBar {
    label: &'static str,
    total: u64,
    done: u64,
    display: ProgressDisplay,
}

enum ProgressDisplay {
    /// A bar, with the time when it was last drawn.
    Bar(Option<Instant>),
    Lines,
}

/// The minimum time between two redraws of the bar.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// The width of the bar, in characters.
const BAR_WIDTH: usize = 30;

/// The number of items per status line.
const LINE_INTERVAL: u64 = 1000;

impl ProgressBar {
    /// Creates a progress bar; a total of 0 means unknown.
    pub(super) fn new(label: &'static str, total: u64) -> Self {
        let display =
            if can_redraw() { ProgressDisplay::Bar(None) } else { ProgressDisplay::Lines };
        Self { label, total, done: 0, display }
    }

    /// Records one more item.
    pub(super) fn increment(&mut self) {
        self.done += 1;
        match &mut self.display {
            ProgressDisplay::Bar(Some(drawn)) if drawn.elapsed() < REDRAW_INTERVAL => {}
            ProgressDisplay::Bar(drawn) => {
                *drawn = Some(Instant::now());
                redraw_line(&bar(self.label, self.done, self.total));
            }
            ProgressDisplay::Lines if self.done.is_multiple_of(LINE_INTERVAL) => {
                print_status(&count(self.label, self.done, self.total));
            }
            ProgressDisplay::Lines => {}
        }
    }
}

impl Drop for ProgressBar {
    /// Erases the bar.
    fn drop(&mut self) {
        if let ProgressDisplay::Bar(Some(_)) = self.display {
            redraw_line("");
        }
    }
}

fn bar(label: &str, done: u64, total: u64) -> String {
    if total == 0 {
        return count(label, done, total);
    }
    let is_full = |column: &u64| column * total <= done * BAR_WIDTH as u64;
    let full = (1..=BAR_WIDTH as u64).filter(is_full).count();
    format!("{label} [{:<BAR_WIDTH$}] {done} of {total}", "#".repeat(full))
}

fn count(label: &str, done: u64, total: u64) -> String {
    match total {
        0 => format!("{label}: {done}"),
        _ => format!("{label}: {done} of {total}"),
    }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bar_shows_the_share_done() {
        assert_eq!(bar("a", 5, 10), "a [###############               ] 5 of 10");
        assert_eq!(bar("a", 12, 10), "a [##############################] 12 of 10");
        assert_eq!(bar("a", 7, 0), "a: 7");
    }
}
