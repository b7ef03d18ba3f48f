use std::time::{Duration, Instant};

use crate::cli::output::{can_draw, draw, note};

/// How far something has got: a bar on a terminal, and elsewhere a line now and then.
pub(super) struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    place: Place,
}

enum Place {
    /// With the moment when the bar was last drawn.
    Terminal(Option<Instant>),
    Elsewhere,
}

/// How long a bar stays as it is.
const FRAME: Duration = Duration::from_millis(100);

/// How wide it is, in characters.
const WIDTH: usize = 30;

/// A line for so many, where there is no terminal.
const STEP: u64 = 1000;

impl Progress {
    /// Of this, of which there are so many; 0 if that is not known.
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let place = if can_draw() { Place::Terminal(None) } else { Place::Elsewhere };
        Self { what, total, done: 0, place }
    }

    /// One more is done.
    pub(super) fn step(&mut self) {
        self.done += 1;
        match &mut self.place {
            Place::Terminal(Some(drawn)) if drawn.elapsed() < FRAME => {}
            Place::Terminal(drawn) => {
                *drawn = Some(Instant::now());
                draw(&bar(self.what, self.done, self.total));
            }
            Place::Elsewhere if self.done.is_multiple_of(STEP) => {
                note(&count(self.what, self.done, self.total));
            }
            Place::Elsewhere => {}
        }
    }
}

impl Drop for Progress {
    /// Leaves no bar behind.
    fn drop(&mut self) {
        if let Place::Terminal(Some(_)) = self.place {
            draw("");
        }
    }
}

fn bar(what: &str, done: u64, total: u64) -> String {
    if total == 0 {
        return count(what, done, total);
    }
    let is_full = |place: &u64| place * total <= done * WIDTH as u64;
    let full = (1..=WIDTH as u64).filter(is_full).count();
    format!("{what} [{:<WIDTH$}] {done} of {total}", "#".repeat(full))
}

fn count(what: &str, done: u64, total: u64) -> String {
    match total {
        0 => format!("{what}: {done}"),
        _ => format!("{what}: {done} of {total}"),
    }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_as_full_as_there_is_done() {
        assert_eq!(bar("a", 5, 10), "a [###############               ] 5 of 10");
        assert_eq!(bar("a", 12, 10), "a [##############################] 12 of 10");
        assert_eq!(bar("a", 7, 0), "a: 7");
    }
}
