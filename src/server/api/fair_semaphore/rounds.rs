use std::collections::HashMap;

use super::holder::Holder;

/// The maximum number of holders whose last round is recorded.
const MAX_SERVED: usize = 1024;

/// The rounds in which holders are served, one request of each per round: start-time fair queueing
/// (Goyal, Vin and Cheng, 1996).
#[derive(Default)]
pub(super) struct Rounds {
    current: u64,
    /// The round in which a holder was served last, unless it is a past one.
    served: HashMap<Holder, u64>,
}

impl Rounds {
    /// Returns the round for the next request of a holder. `last` is the round of its last waiting
    /// request.
    pub(super) fn next_round(&self, holder: &Holder, last: Option<u64>) -> u64 {
        let before = last.max(self.served.get(holder).copied());
        before.map_or(self.current, |round| self.current.max(round + 1))
    }

    /// Records that a request of this holder was served in its round.
    pub(super) fn record_served(&mut self, holder: &Holder, round: u64) {
        self.current = self.current.max(round);
        if self.served.len() >= MAX_SERVED {
            self.served.clear();
        }
        self.served.insert(holder.clone(), round);
        let current = self.current;
        self.served.retain(|_, round| *round >= current);
    }

    /// Clears the records, for when no holder waits or holds a permit.
    pub(super) fn clear(&mut self) {
        self.served.clear();
    }
}
