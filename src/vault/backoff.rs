use std::time::Duration;

/// Returns the pauses before the second and each further of several tries: the first about as long
/// as this, and each twice as long as the one before. Each is longer or shorter by up to a half, at
/// random, so that two that got into each other's way do not do so again.
pub(super) fn pauses(first: Duration, number: u32) -> impl Iterator<Item = Duration> {
    (0..number).map(move |doublings| {
        let pause = first.saturating_mul(2_u32.saturating_pow(doublings));
        pause.mul_f64(rand::random_range(0.5..1.5))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pauses;

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
}
