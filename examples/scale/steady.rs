//! The cache in its steady state, by formulas instead of by simulation.
//!
//! A token that is requested `rate` times a second, at random, is looked up once in `0.75 × TTL + 1 / rate`
//! seconds on average: the first request after 75 % of the entry's lifetime causes the next lookup. Within the
//! lifetime it is a hit, and the lookup runs in the background; after it, the request is a miss.

/// The part of the lifetime after which an entry in use is refreshed.
pub const REFRESH_AT: f64 = 0.75;

/// The ranks up to which each token is computed on its own.
const EXACT_RANKS: u64 = 2000;

/// The traffic of a group of tokens that reaches one cache or several.
#[derive(Clone, Copy)]
pub struct Population {
    pub tokens: u64,
    /// The requests per second for all tokens.
    pub rate: f64,
    /// The exponent of the distribution: the nth token is requested 1/n^exponent as often as the first.
    pub exponent: f64,
    /// The number of caches that each receive an equal part of the requests for every token.
    pub caches: u64,
}

/// The state of all caches together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady {
    /// The requests answered from a cache, as a fraction of all.
    pub hits: f64,
    /// Lookups per second.
    pub lookups: f64,
    /// Entries in memory, in all caches.
    pub entries: f64,
}

/// Returns the state for one token in one cache. `hits` is a rate here.
fn of_token(rate: f64, ttl: f64) -> Steady {
    let cycle = REFRESH_AT * ttl + 1.0 / rate;
    let unused = (-(1.0 - REFRESH_AT) * rate * ttl).exp();
    let present = REFRESH_AT * ttl + (1.0 - unused) / rate;
    Steady { hits: rate - unused / cycle, lookups: 1.0 / cycle, entries: present / cycle }
}

impl Population {
    /// Returns the state with this lifetime of entries, in seconds.
    pub fn steady(&self, ttl: f64) -> Steady {
        let mut weights = 0.0;
        self.for_ranks(|rank, number| weights += number * rank.powf(-self.exponent));
        let caches = self.caches as f64;
        let mut sum = Steady::default();
        self.for_ranks(|rank, number| {
            let rate = self.rate * rank.powf(-self.exponent) / weights / caches;
            let token = of_token(rate, ttl);
            sum.hits += number * caches * token.hits / self.rate;
            sum.lookups += number * caches * token.lookups;
            sum.entries += number * caches * token.entries;
        });
        sum
    }

    /// Calls a function with ranks, and the number of ranks that each stands for: the first ones singly, and
    /// the others in blocks that are a thousandth as long as their rank, by the middle of the block.
    fn for_ranks(&self, mut visit: impl FnMut(f64, f64)) {
        let mut first = 1;
        while first <= self.tokens {
            let length = if first <= EXACT_RANKS { 1 } else { first / 1000 };
            let length = length.min(self.tokens - first + 1);
            visit(first as f64 + (length - 1) as f64 / 2.0, length as f64);
            first += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Population, of_token};

    fn assert_near(value: f64, expected: f64, tolerance: f64) {
        assert!((value / expected - 1.0).abs() < tolerance, "{value}, expected {expected}");
    }

    #[test]
    fn token_in_constant_use_is_refreshed_early() {
        let token = of_token(1e6, 30.0);
        assert_near(token.lookups, 1.0 / 22.5, 1e-6);
        assert_near(token.hits, 1e6, 1e-9);
        assert_near(token.entries, 1.0, 1e-9);
    }

    #[test]
    fn rare_token_is_looked_up_each_time() {
        let token = of_token(1e-6, 30.0);
        assert_near(token.lookups, 1e-6, 1e-4);
        assert!(token.hits < 1e-10, "{token:?}");
    }

    #[test]
    fn equal_tokens_add_up() {
        let population = Population { tokens: 1_000_000, rate: 5e5, exponent: 0.0, caches: 1 };
        let token = of_token(0.5, 30.0);
        let all = population.steady(30.0);
        assert_near(all.lookups, 1e6 * token.lookups, 1e-9);
        assert_near(all.hits, token.hits / 0.5, 1e-9);
        assert_near(all.entries, 1e6 * token.entries, 1e-9);
    }

    #[test]
    fn blocks_of_ranks_agree_with_single_ranks() {
        let population = Population { tokens: 300_000, rate: 20_000.0, exponent: 1.0, caches: 3 };
        let total: f64 = (1..=300_000).map(|rank| 1.0 / f64::from(rank)).sum();
        let rates = (1..=300_000).map(|rank| 20_000.0 / f64::from(rank) / total / 3.0);
        let lookups: f64 = rates.map(|rate| 3.0 * of_token(rate, 30.0).lookups).sum();
        assert_near(population.steady(30.0).lookups, lookups, 1e-6);
    }

    #[test]
    fn more_caches_need_more_lookups() {
        let one = Population { tokens: 10_000, rate: 1000.0, exponent: 1.0, caches: 1 };
        let four = Population { caches: 4, ..one };
        let (one, four) = (one.steady(30.0), four.steady(30.0));
        assert!(four.lookups > 1.5 * one.lookups && four.hits < one.hits, "{one:?} {four:?}");
        assert!(four.lookups < 4.0 * one.lookups, "{one:?} {four:?}");
    }
}
