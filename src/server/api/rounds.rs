use std::collections::HashMap;

use super::fair_semaphore::Holder;

/// The largest number of holders that are known to have been served in a round.
const MAX_SERVED: usize = 1024;

/// The rounds in which holders are served, one request of each in a round: start-time fair queueing
/// (Goyal, Vin and Cheng, 1996).
#[derive(Default)]
pub(super) struct Rounds {
    current: u64,
    /// The last round in which a holder was served, if that is not past.
    served: HashMap<Holder, u64>,
}

impl Rounds {
    /// The round for the next request of a holder. `last` is that of the latest of its requests that
    /// wait.
    pub(super) fn next(&self, holder: &Holder, last: Option<u64>) -> u64 {
        let before = last.max(self.served.get(holder).copied());
        before.map_or(self.current, |round| self.current.max(round + 1))
    }

    /// Notes that a request of this holder was served in its round.
    pub(super) fn serve(&mut self, holder: &Holder, round: u64) {
        self.current = self.current.max(round);
        if self.served.len() >= MAX_SERVED {
            self.served.clear();
        }
        self.served.insert(holder.clone(), round);
        let current = self.current;
        self.served.retain(|_, round| *round >= current);
    }

    /// Forgets who was served, once there is nobody to share with.
    pub(super) fn forget(&mut self) {
        self.served.clear();
    }
}
