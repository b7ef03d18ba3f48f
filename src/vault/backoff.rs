use std::{iter, time::Duration};

/// Returns the pauses before the second and each further of several tries: the first about as long
/// as this, and each twice as long as the one before. Each is longer or shorter by up to a half, at
/// random, so that two that got into each other's way do not do so again.
pub(super) fn pauses(first: Duration, number: u32) -> impl Iterator<Item = Duration> {
    (0..number)
        .map(move |doublings| jittered(first.saturating_mul(2_u32.saturating_pow(doublings))))
}

/// Returns the pauses between tries that are bounded in time and not in number: as [`pauses`], but
/// none nominally longer than this, and without an end.
pub(super) fn pauses_up_to(longest: Duration, first: Duration) -> impl Iterator<Item = Duration> {
    iter::successors(Some(first), move |pause| Some(pause.saturating_mul(2).min(longest)))
        .map(jittered)
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{pauses, pauses_up_to};

    #[test]
    fn pauses_double_and_differ() {
        let first = Duration::from_millis(100);
        let nominal = [100, 200, 400, 800].map(Duration::from_millis);
        let mut differ = false;
        for _ in 0..100 {
            let pauses: Vec<_> = pauses(first, 4).collect();
            assert_eq!(pauses.len(), 4);
            for (pause, nominal) in pauses.iter().zip(nominal) {
                assert!((nominal / 2..nominal * 3 / 2).contains(pause), "{pause:?}");
            }
            differ |= pauses[0].abs_diff(first) > first / 4;
        }
        assert!(differ);
    }

    #[test]
    fn pauses_between_tries_without_number_stop_growing() {
        let [first, longest] = [20, 100].map(Duration::from_millis);
        let nominal = [20, 40, 80, 100, 100, 100].map(Duration::from_millis);
        for (pause, nominal) in pauses_up_to(longest, first).zip(nominal) {
            assert!((nominal / 2..nominal * 3 / 2).contains(&pause), "{pause:?}");
        }
        assert_eq!(pauses_up_to(longest, first).take(1000).count(), 1000);
    }
}
