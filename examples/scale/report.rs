//! The figures of a simulation.

use crate::simulation::Counts;

/// The part of the hits before the event at which the caches count as filled again.
const RECOVERED: f64 = 0.95;

/// The number of seconds whose hits are counted together, since those of one vary at random.
const WINDOW: usize = 5;

/// The first seconds, which are left out of the state before the event.
const SETTLING: usize = 5;

/// The counts of each second.
pub struct Report {
    pub seconds: Vec<Counts>,
    /// The second of the event.
    pub event_at: usize,
}

impl Report {
    /// Returns the sums of the seconds before the event.
    pub fn before(&self) -> Counts {
        sum(&self.seconds[SETTLING..self.event_at])
    }

    fn after(&self) -> &[Counts] {
        &self.seconds[self.event_at..]
    }

    /// Returns the most lookups in one second from the event on.
    pub fn peak_lookups(&self) -> u64 {
        self.after().iter().map(|second| second.lookups).max().unwrap_or_default()
    }

    /// Returns the smallest hit ratio of one second from the event on, at the replicas that it concerns.
    pub fn lowest_hits(&self) -> f64 {
        self.after().iter().map(Counts::concerned_hit_ratio).fold(1.0, f64::min)
    }

    /// Returns the number of requests that got a 503.
    pub fn refused(&self) -> u64 {
        self.seconds.iter().map(|second| second.refused).sum()
    }

    /// Returns the number of seconds from the event until the hits of the next five seconds together stay above
    /// 95 % of those before; `None` if the simulation ended before that.
    pub fn recovered_after(&self) -> Option<usize> {
        let enough = RECOVERED * self.before().concerned_hit_ratio();
        let mut windows = self.after().windows(WINDOW);
        let last = windows.rposition(|window| sum(window).concerned_hit_ratio() < enough);
        let seconds = last.map_or(0, |last| last + 1);
        (seconds + WINDOW <= self.after().len()).then_some(seconds)
    }
}

impl Counts {
    /// Returns the part of the requests that were answered from a cache.
    pub fn hit_ratio(&self) -> f64 {
        self.hits as f64 / self.requests as f64
    }

    fn concerned_hit_ratio(&self) -> f64 {
        let [requests, hits] = self.concerned;
        if requests == 0 { 1.0 } else { hits as f64 / requests as f64 }
    }
}

fn sum(seconds: &[Counts]) -> Counts {
    seconds.iter().fold(Counts::default(), |sum, second| Counts {
        requests: sum.requests + second.requests,
        hits: sum.hits + second.hits,
        lookups: sum.lookups + second.lookups,
        refused: sum.refused + second.refused,
        concerned: [0, 1].map(|at| sum.concerned[at] + second.concerned[at]),
    })
}

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::simulation::Counts;

    /// Returns a report with these hits of 100 requests per second; the event is after 10 s.
    fn report(hits: &[u64]) -> Report {
        let second = |hits| Counts {
            requests: 100,
            hits,
            lookups: 100 - hits,
            refused: 0,
            concerned: [100, hits],
        };
        let seconds = [100; 10].iter().chain(hits).map(|hits| second(*hits)).collect();
        Report { seconds, event_at: 10 }
    }

    #[test]
    fn recovery_ends_with_last_low_seconds() {
        assert_eq!(report(&[100; 10]).recovered_after(), Some(0));
        assert_eq!(report(&[20, 99, 99, 99, 99, 99, 99, 99]).recovered_after(), Some(1));
        let again = [99, 99, 99, 99, 99, 20, 99, 99, 99, 99, 99];
        assert_eq!(report(&again).recovered_after(), Some(6));
        assert_eq!(report(&[99, 99, 99, 99, 99, 20]).recovered_after(), None);
    }

    #[test]
    fn extremes_are_those_after_the_event() {
        let report = report(&[90, 30, 95]);
        assert_eq!(report.peak_lookups(), 70);
        assert!((report.lowest_hits() - 0.3).abs() < 1e-9);
        assert!((report.before().hit_ratio() - 1.0).abs() < 1e-9);
    }
}
