//! A semaphore that no single holder can exhaust.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::rounds::Rounds;
use crate::token::TokenKey;

/// Who permits are counted for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// All callers of this tenant together.
    Tenant(String),
    /// All tokens of this entity, which is of no tenant.
    Entity(String),
    /// One token without an entity.
    Token(TokenKey),
}

/// A semaphore of which a holder may have as many permits as are left for all others: half if it is
/// alone, a third if there are two of that kind. A holder without any gets what is free.
///
/// Those who wait are served in rounds, of each holder one request in a round, so that a holder with
/// many requests does not delay another with one. The places in the queue are divided by the same
/// rule as the permits.
pub(super) struct FairSemaphore {
    state: Mutex<State>,
}

struct State {
    permits: u64,
    /// How many are held, by all. May be more than there are, after [`FairPermit::resize`].
    used: u64,
    held: HashMap<Holder, u64>,
    places: usize,
    /// In the order in which they are served.
    waiting: VecDeque<Waiter>,
    rounds: Rounds,
}

struct Waiter {
    holder: Holder,
    amount: u64,
    /// The round in which it is served.
    round: u64,
    grant: oneshot::Sender<FairPermit>,
}

/// Permits of a [`FairSemaphore`], given back when this is dropped.
pub(super) struct FairPermit {
    semaphore: Arc<FairSemaphore>,
    holder: Holder,
    amount: u64,
}

impl FairSemaphore {
    /// A semaphore with this many permits, and this many places in its queue.
    pub(super) fn new(permits: u64, places: usize) -> Self {
        let (held, waiting, rounds) = (HashMap::new(), VecDeque::new(), Rounds::default());
        Self { state: Mutex::new(State { permits, used: 0, held, places, waiting, rounds }) }
    }

    /// Acquires this many permits for a holder, however long that takes. `None` if there is no place
    /// in the queue.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        holder: &Holder,
        amount: u64,
    ) -> Option<FairPermit> {
        let (grant, granted) = oneshot::channel();
        // Without a place the waiter is dropped, which ends the wait.
        self.state().enqueue(Waiter { holder: holder.clone(), amount, round: 0, grant });
        self.grant();
        granted.await.ok()
    }

    /// Gives what is free to those who wait.
    fn grant(self: &Arc<Self>) {
        // The lock is not held while they are told: a permit that nobody waits for any more is
        // dropped here, and takes the lock to give itself back.
        let granted = self.state().grant();
        for Waiter { holder, amount, grant, .. } in granted {
            let _ = grant.send(FairPermit { semaphore: Arc::clone(self), holder, amount });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts a waiter at the end of its round if its holder may have one more place. Those who have
    /// given up have none.
    fn enqueue(&mut self, mut waiter: Waiter) {
        self.waiting.retain(|other| !other.grant.is_closed());
        let own = self.waiting.iter().filter(|other| other.holder == waiter.holder);
        let (count, last) = own.fold((0, None), |(count, _), own| (count + 1, Some(own.round)));
        if count < self.places.saturating_sub(self.waiting.len()) {
            waiter.round = self.rounds.next(&waiter.holder, last);
            let place = self.waiting.partition_point(|other| other.round <= waiter.round);
            self.waiting.insert(place, waiter);
        }
    }

    /// Takes from the queue those whose permits are free now, and counts them as held.
    fn grant(&mut self) -> Vec<Waiter> {
        let mut granted = Vec::new();
        let mut at_limit = HashSet::new();
        for waiter in mem::take(&mut self.waiting) {
            if waiter.grant.is_closed() {
                continue;
            }
            if at_limit.contains(&waiter.holder) || !self.may_have(&waiter) {
                at_limit.insert(waiter.holder.clone());
                self.waiting.push_back(waiter);
                continue;
            }
            self.hold(&waiter.holder, waiter.amount);
            self.rounds.serve(&waiter.holder, waiter.round);
            granted.push(waiter);
        }
        if self.waiting.is_empty() && self.held.is_empty() {
            self.rounds.forget();
        }
        granted
    }

    fn may_have(&self, waiter: &Waiter) -> bool {
        let held = self.held.get(&waiter.holder).copied().unwrap_or_default();
        self.permits
            .checked_sub(self.used + waiter.amount)
            .is_some_and(|left| held == 0 || held + waiter.amount <= left)
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
    /// Holds exactly this many permits from now on. What is missing is not waited for, since what
    /// waits while it holds some can wait for itself: nobody gets any until they are free again.
    pub(super) fn resize(&mut self, amount: u64) {
        let before = mem::replace(&mut self.amount, amount);
        match amount.checked_sub(before) {
            Some(missing) => self.semaphore.state().hold(&self.holder, missing),
            None => self.release(before - amount),
        }
    }

    /// Takes this many of the permits out, or all if there are fewer.
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

    /// What a holder gets that asks for one permit after another.
    fn take_all(semaphore: &Arc<FairSemaphore>, name: &str) -> Vec<FairPermit> {
        std::iter::from_fn(|| take(semaphore, name, 1)).collect()
    }

    #[tokio::test]
    async fn holder_gets_as_much_as_is_left_for_others() {
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
    async fn holder_without_permits_gets_the_last_one() {
        let semaphore = Arc::new(FairSemaphore::new(2, 100));
        let first = take(&semaphore, "a", 1);
        let second = take(&semaphore, "b", 1);
        assert!(first.is_some() && second.is_some());
        assert!(take(&semaphore, "c", 1).is_none());
        drop(first);
        assert!(take(&semaphore, "c", 1).is_some());
    }

    #[tokio::test]
    async fn waiters_of_one_holder_do_not_delay_another() {
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
    async fn first_request_of_a_holder_waits_for_no_queue_of_another() {
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
            let (at, permit) = next.expect("somebody is served");
            served.push(waiting.remove(at).1.clone());
            held = Some(permit);
        }
        let expected = ["b", "quiet", "a", "b", "a", "b", "a"].map(holder);
        assert!(served == expected, "each in its round");
    }

    #[tokio::test]
    async fn places_in_the_queue_are_shared_too() {
        let semaphore = Arc::new(FairSemaphore::new(1, 4));
        let _held = take(&semaphore, "x", 1);
        let (a, b) = (holder("a"), holder("b"));
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire(&a, 1))).collect();
        let polled: Vec<_> =
            waiting.iter_mut().map(|waiting| waiting.as_mut().now_or_never()).collect();
        assert!(matches!(&polled[..], [None, None, Some(None)]), "half of the places");
        let mut other = Box::pin(semaphore.acquire(&b, 1));
        assert!(other.as_mut().now_or_never().is_none(), "it waits");
    }

    #[tokio::test]
    async fn permit_is_not_lost_with_its_waiter() {
        let semaphore = Arc::new(FairSemaphore::new(1, 100));
        let held = take(&semaphore, "a", 1).expect("a permit");
        let b = holder("b");
        assert!(semaphore.acquire(&b, 1).now_or_never().is_none(), "it gives up");
        let mut granted = Box::pin(semaphore.acquire(&b, 1));
        assert!(granted.as_mut().now_or_never().is_none());
        drop(held);
        drop(granted);
        assert!(take(&semaphore, "c", 1).is_some());
    }

    #[tokio::test]
    async fn resizing_gives_back_or_takes_the_difference() {
        let semaphore = Arc::new(FairSemaphore::new(16, 100));
        let mut large = take(&semaphore, "a", 16).expect("nobody else holds any");
        assert!(take(&semaphore, "b", 1).is_none());
        large.resize(3);
        assert!(take(&semaphore, "b", 13).is_some());
        large.resize(5);
        assert!(take(&semaphore, "b", 12).is_none());
        let other = take(&semaphore, "b", 11).expect("the rest");
        // More than there are: nobody gets any before that is made up for.
        large.resize(8);
        drop(other);
        assert!(take(&semaphore, "b", 9).is_none());
        assert!(take(&semaphore, "b", 8).is_some());
        drop(large);
        assert!(take(&semaphore, "b", 16).is_some());
    }

    #[tokio::test]
    async fn parts_of_a_permit_are_given_back_one_by_one() {
        let semaphore = Arc::new(FairSemaphore::new(16, 100));
        let mut rest = take(&semaphore, "a", 16).expect("nobody else holds any");
        let (part, surplus) = (rest.split(10), rest.split(7));
        drop(rest);
        assert!(take(&semaphore, "b", 1).is_none());
        drop(part);
        assert!(take(&semaphore, "b", 10).is_some());
        drop(surplus);
        assert!(take(&semaphore, "b", 16).is_some());
    }

    #[tokio::test]
    async fn waiters_that_gave_up_have_no_place_in_the_queue() {
        let semaphore = Arc::new(FairSemaphore::new(1, 4));
        let held = take(&semaphore, "x", 1);
        let a = holder("a");
        let mut gone: Vec<_> = (0..2).map(|_| Box::pin(semaphore.acquire(&a, 1))).collect();
        assert!(gone.iter_mut().all(|waiting| waiting.as_mut().now_or_never().is_none()));
        drop(gone);
        let mut waiting = Box::pin(semaphore.acquire(&a, 1));
        assert!(waiting.as_mut().now_or_never().is_none(), "it has a place");
        drop(held);
        assert!(waiting.now_or_never().flatten().is_some());
    }
}
