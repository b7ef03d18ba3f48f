//! A semaphore that no single holder can exhaust.

mod holder;
mod rounds;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

pub(super) use self::holder::Holder;
use self::rounds::Rounds;

/// A semaphore in which a holder may have at most as many permits as remain for all others: half if
/// it is alone, a third if there are two such holders. A holder without a permit gets any free
/// ones.
///
/// Waiting requests are served in rounds, one of each holder per round, so that a holder with many
/// requests does not delay another holder with one. The slots of the queue are divided by the same
/// rule as the permits.
pub(super) struct FairSemaphore {
    state: Mutex<State>,
}

struct State {
    permits: u64,
    /// Number of held permits. May exceed `permits` after [`FairPermit::resize`].
    used: u64,
    held: HashMap<Holder, u64>,
    queue_slots: usize,
    /// Waiting requests, in the order in which they are served.
    queue: VecDeque<Waiter>,
    rounds: Rounds,
}

struct Waiter {
    holder: Holder,
    amount: u64,
    /// The round in which the request is served.
    round: u64,
    permit_sender: oneshot::Sender<FairPermit>,
}

/// Permits of a [`FairSemaphore`], released on drop.
pub(super) struct FairPermit {
    semaphore: Arc<FairSemaphore>,
    holder: Holder,
    amount: u64,
}

impl FairSemaphore {
    /// Creates a semaphore with this many permits and slots in its queue.
    pub(super) fn new(permits: u64, queue_slots: usize) -> Self {
        let (held, queue, rounds) = (HashMap::new(), VecDeque::new(), Rounds::default());
        Self { state: Mutex::new(State { permits, used: 0, held, queue_slots, queue, rounds }) }
    }

    /// Acquires this many permits for a holder, without a timeout. Returns `None` if the queue has
    /// no free slot for the holder.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        holder: &Holder,
        amount: u64,
    ) -> Option<FairPermit> {
        let (permit_sender, permit) = oneshot::channel();
        // Without a free slot the waiter is dropped, which ends the wait.
        self.state().enqueue(Waiter { holder: holder.clone(), amount, round: 0, permit_sender });
        self.grant();
        permit.await.ok()
    }

    /// Grants free permits to waiting requests.
    fn grant(self: &Arc<Self>) {
        // The lock must not be held here: a permit whose receiver was dropped is dropped at once,
        // and its release takes the lock.
        let granted = self.state().grant();
        for Waiter { holder, amount, permit_sender, .. } in granted {
            let _ = permit_sender.send(FairPermit { semaphore: Arc::clone(self), holder, amount });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds a waiter at the end of its round if its holder may have another slot. Removes cancelled
    /// waiters first.
    fn enqueue(&mut self, mut waiter: Waiter) {
        self.queue.retain(|other| !other.permit_sender.is_closed());
        let own = self.queue.iter().filter(|other| other.holder == waiter.holder);
        let (count, last) = own.fold((0, None), |(count, _), own| (count + 1, Some(own.round)));
        if count < self.queue_slots.saturating_sub(self.queue.len()) {
            waiter.round = self.rounds.next_round(&waiter.holder, last);
            let index = self.queue.partition_point(|other| other.round <= waiter.round);
            self.queue.insert(index, waiter);
        }
    }

    /// Removes the waiters whose permits are free from the queue, and counts those as held.
    fn grant(&mut self) -> Vec<Waiter> {
        let mut granted = Vec::new();
        let mut at_limit = HashSet::new();
        for waiter in mem::take(&mut self.queue) {
            if waiter.permit_sender.is_closed() {
                continue;
            }
            if at_limit.contains(&waiter.holder) || !self.may_hold(&waiter) {
                at_limit.insert(waiter.holder.clone());
                self.queue.push_back(waiter);
                continue;
            }
            self.hold(&waiter.holder, waiter.amount);
            self.rounds.record_served(&waiter.holder, waiter.round);
            granted.push(waiter);
        }
        if self.queue.is_empty() && self.held.is_empty() {
            self.rounds.clear();
        }
        granted
    }

    fn may_hold(&self, waiter: &Waiter) -> bool {
        let held = self.held.get(&waiter.holder).copied().unwrap_or_default();
        self.permits
            .checked_sub(self.used + waiter.amount)
            .is_some_and(|remaining| held == 0 || held + waiter.amount <= remaining)
    }

    fn hold(&mut self, holder: &Holder, amount: u64) {
        if amount > 0 {
            self.used += amount;
            *self.held.entry(holder.clone()).or_default() += amount;
        }
    }

    fn release(&mut self, holder: &Holder, amount: u64) {
        self.used = self.used.saturating_sub(amount);
        if let Some(held) = self.held.get_mut(holder) {
            *held = held.saturating_sub(amount);
            if *held == 0 {
                self.held.remove(holder);
            }
        }
    }
}

impl FairPermit {
    /// Changes the number of permits. Missing ones are not waited for, since a holder that waits
    /// with permits could block itself: further requests wait until the excess is released.
    pub(super) fn resize(&mut self, amount: u64) {
        let before = mem::replace(&mut self.amount, amount);
        match amount.checked_sub(before) {
            Some(missing) => self.semaphore.state().hold(&self.holder, missing),
            None => self.release(before - amount),
        }
    }

    /// Splits off this many permits, or all if there are fewer.
    pub(super) fn split(&mut self, amount: u64) -> Self {
        let amount = amount.min(self.amount);
        self.amount -= amount;
        Self { semaphore: Arc::clone(&self.semaphore), holder: self.holder.clone(), amount }
    }

    fn release(&self, amount: u64) {
        if amount > 0 {
            self.semaphore.state().release(&self.holder, amount);
            self.semaphore.grant();
        }
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        self.release(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::{FairPermit, FairSemaphore, Holder};

    fn holder(name: &str) -> Holder {
        Holder::Tenant(name.to_owned())
    }

    fn take(semaphore: &Arc<FairSemaphore>, name: &str, amount: u64) -> Option<FairPermit> {
        semaphore.acquire(&holder(name), amount).now_or_never().flatten()
    }

    /// Acquires one permit after another for a holder, until it gets no more.
    fn take_all(semaphore: &Arc<FairSemaphore>, name: &str) -> Vec<FairPermit> {
        std::iter::from_fn(|| take(semaphore, name, 1)).collect()
    }

    #[tokio::test]
    async fn holder_gets_its_fair_share() {
        let semaphore = Arc::new(FairSemaphore::new(16, 100));
        let first = take_all(&semaphore, "a");
        assert_eq!(first.len(), 8);
        let second = take_all(&semaphore, "b");
        assert_eq!(second.len(), 4);
        assert_eq!(take_all(&semaphore, "c").len(), 2);
        drop(first);
        assert_eq!(take_all(&semaphore, "c").len(), 6);
    }

    #[tokio::test]
    async fn new_holder_gets_the_last_permit() {
        let semaphore = Arc::new(FairSemaphore::new(2, 100));
        let first = take(&semaphore, "a", 1);
        let second = take(&semaphore, "b", 1);
        assert!(first.is_some() && second.is_some());
        assert!(take(&semaphore, "c", 1).is_none());
        drop(first);
        assert!(take(&semaphore, "c", 1).is_some());
    }

    #[tokio::test]
    async fn holders_do_not_delay_each_other() {
        let semaphore = Arc::new(FairSemaphore::new(4, 100));
        let held = take_all(&semaphore, "a");
        let a = holder("a");
        let mut waiting = Box::pin(semaphore.acquire(&a, 1));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(take(&semaphore, "b", 1).is_some());
        drop(held);
        assert!(waiting.now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn holders_are_served_in_rounds() {
        let semaphore = Arc::new(FairSemaphore::new(1, 100));
        let mut held = take(&semaphore, "a", 1);
        let holders = ["a", "b", "a", "b", "a", "quiet", "b"].map(holder);
        let mut waiting: Vec<_> =
            holders.iter().map(|holder| Box::pin(semaphore.acquire(holder, 1))).collect();
        let mut served = Vec::new();
        for waiter in &mut waiting {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        let mut waiting: Vec<_> = waiting.into_iter().zip(&holders).collect();
        while !waiting.is_empty() {
            drop(held.take());
            let mut turn = 0..waiting.len();
            let next = turn.find_map(|at| Some((at, waiting[at].0.as_mut().now_or_never()??)));
            let (at, permit) = next.expect("a waiter is served");
            served.push(waiting.remove(at).1.clone());
            held = Some(permit);
        }
        let expected = ["b", "quiet", "a", "b", "a", "b", "a"].map(holder);
        assert!(served == expected, "each in its round");
    }

    #[tokio::test]
    async fn queue_slots_are_shared() {
        let semaphore = Arc::new(FairSemaphore::new(1, 4));
        let _held = take(&semaphore, "x", 1);
        let (a, b) = (holder("a"), holder("b"));
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire(&a, 1))).collect();
        let polled: Vec<_> =
            waiting.iter_mut().map(|waiting| waiting.as_mut().now_or_never()).collect();
        assert!(matches!(&polled[..], [None, None, Some(None)]), "half of the slots");
        let mut other = Box::pin(semaphore.acquire(&b, 1));
        assert!(other.as_mut().now_or_never().is_none(), "it waits");
    }

    #[tokio::test]
    async fn cancelled_waiter_loses_no_permit() {
        let semaphore = Arc::new(FairSemaphore::new(1, 100));
        let held = take(&semaphore, "a", 1).expect("a permit");
        let b = holder("b");
        assert!(semaphore.acquire(&b, 1).now_or_never().is_none(), "the waiter is cancelled");
        let mut granted = Box::pin(semaphore.acquire(&b, 1));
        assert!(granted.as_mut().now_or_never().is_none());
        drop(held);
        drop(granted);
        assert!(take(&semaphore, "c", 1).is_some());
    }

    #[tokio::test]
    async fn resize_changes_held_permits() {
        let semaphore = Arc::new(FairSemaphore::new(16, 100));
        let mut large = take(&semaphore, "a", 16).expect("all permits are free");
        assert!(take(&semaphore, "b", 1).is_none());
        large.resize(3);
        assert!(take(&semaphore, "b", 13).is_some());
        large.resize(5);
        assert!(take(&semaphore, "b", 12).is_none());
        let other = take(&semaphore, "b", 11).expect("the rest");
        // More than the semaphore has: no permit is granted before the excess is released.
        large.resize(8);
        drop(other);
        assert!(take(&semaphore, "b", 9).is_none());
        assert!(take(&semaphore, "b", 8).is_some());
        drop(large);
        assert!(take(&semaphore, "b", 16).is_some());
    }

    #[tokio::test]
    async fn split_permits_release_separately() {
        let semaphore = Arc::new(FairSemaphore::new(16, 100));
        let mut rest = take(&semaphore, "a", 16).expect("all permits are free");
        let (part, surplus) = (rest.split(10), rest.split(7));
        drop(rest);
        assert!(take(&semaphore, "b", 1).is_none());
        drop(part);
        assert!(take(&semaphore, "b", 10).is_some());
        drop(surplus);
        assert!(take(&semaphore, "b", 16).is_some());
    }

    #[tokio::test]
    async fn cancelled_waiter_frees_its_slot() {
        let semaphore = Arc::new(FairSemaphore::new(1, 4));
        let held = take(&semaphore, "x", 1);
        let a = holder("a");
        let mut cancelled: Vec<_> = (0..2).map(|_| Box::pin(semaphore.acquire(&a, 1))).collect();
        assert!(cancelled.iter_mut().all(|waiting| waiting.as_mut().now_or_never().is_none()));
        drop(cancelled);
        let mut waiting = Box::pin(semaphore.acquire(&a, 1));
        assert!(waiting.as_mut().now_or_never().is_none(), "it has a slot");
        drop(held);
        assert!(waiting.now_or_never().flatten().is_some());
    }
}
