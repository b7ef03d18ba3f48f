//! Random numbers that a seed repeats, and tokens drawn by how often they are used.

/// A generator of random numbers, `SplitMix64`.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Returns a number from 0 to below 1.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a waiting time with this mean, of events that are independent of each other.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    /// Returns a number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (((self.next() >> 32) * limit as u64) >> 32) as usize
    }
}

/// Returns a number that depends on every bit of the input.
pub fn mix(input: u64) -> u64 {
    let mixed = (input ^ (input >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Draws tokens: the nth one with a probability proportional to 1/n^exponent. Uses Walker's alias method.
pub struct Zipf {
    columns: Vec<Column>,
}

/// A pair of tokens, one of which is drawn.
#[derive(Clone, Copy)]
struct Column {
    /// The probability of the column's own token, as a fraction of 2^32.
    own: u32,
    /// The other token.
    other: u32,
}

impl Zipf {
    pub fn new(tokens: usize, exponent: f64) -> Self {
        let weight = |token: usize| ((token + 1) as f64).powf(-exponent);
        let mean = (0..tokens).map(weight).sum::<f64>() / tokens as f64;
        let mut left: Vec<f64> = (0..tokens).map(|token| weight(token) / mean).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..tokens).partition(|&token| left[token] < 1.0);
        let mut columns = vec![Column { own: u32::MAX, other: 0 }; tokens];
        while let (Some(&below), Some(&above)) = (small.last(), large.last()) {
            small.pop();
            let own = (left[below] * f64::from(u32::MAX)) as u32;
            columns[below] = Column { own, other: above as u32 };
            left[above] -= 1.0 - left[below];
            if left[above] < 1.0 {
                large.pop();
                small.push(above);
            }
        }
        Self { columns }
    }

    pub fn draw(&self, random: &mut Random) -> usize {
        let drawn = random.next();
        let column = (((drawn >> 32) * self.columns.len() as u64) >> 32) as usize;
        let Column { own, other } = self.columns[column];
        if drawn as u32 <= own { column } else { other as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, Zipf};

    #[test]
    fn seed_repeats_numbers() {
        let draw = |seed| [(); 3].map(|()| seed).map(|seed| Random::new(seed).next());
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn exponential_has_its_mean() {
        let mut random = Random::new(1);
        let sum: f64 = (0..100_000).map(|_| random.exponential(3.0)).sum();
        assert!((sum / 100_000.0 - 3.0).abs() < 0.05, "{sum}");
    }

    #[test]
    fn tokens_are_drawn_by_rank() {
        for exponent in [0.0, 1.0, 1.5] {
            let (zipf, mut random) = (Zipf::new(50, exponent), Random::new(7));
            let mut counts = [0_u32; 50];
            (0..1_000_000).for_each(|_| counts[zipf.draw(&mut random)] += 1);
            let total: f64 = (1..=50).map(|rank| f64::from(rank).powf(-exponent)).sum();
            for rank in [1_u32, 2, 10, 50] {
                let expected = f64::from(rank).powf(-exponent) / total * 1e6;
                let count = f64::from(counts[rank as usize - 1]);
                let deviation = (count - expected).abs() / expected.sqrt();
                assert!(deviation < 5.0, "exponent {exponent}, rank {rank}: {count} of {expected}");
            }
        }
    }
}
