use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use ipnet::IpNet;

use crate::{
    capabilities::Capabilities,
    token::{Facts, Identity, Standing, Usage, cache::CacheSettings},
};

/// After which part of its fresh time an answer of Vault's that is in use is asked for again.
pub(super) const RECHECK_AFTER: f64 = 0.75;

/// The facts of a token in the form in which they are kept and judged.
#[derive(Debug)]
pub struct Entry {
    /// Who the caller is.
    pub identity: Identity,
    /// Vault's handle on the token; empty for batch tokens.
    pub accessor: Box<str>,
    /// Whether it is a token that may come in at all.
    pub standing: Standing,
    /// Whether the token may be used only a limited number of times.
    pub usage: Usage,
    /// The networks that the token may be used from; any, if empty.
    pub bound_cidrs: Box<[IpNet]>,
    /// When Vault was asked.
    pub(super) asked: Instant,
    /// How long from then the facts may be relied on.
    fresh: Millis,
    /// After which time they are better asked for again.
    due: Millis,
    /// How long they may serve while Vault is out of reach.
    usable: Millis,
    /// Whether they have been asked for again.
    rechecked: AtomicBool,
    /// Unlike that of any entry of another token, so that the grants that are remembered with this
    /// one go with it. An entry takes it over from the one that it replaces.
    pub(super) number: u64,
    /// How many evictions there had been when Vault was asked.
    pub(super) generation: u64,
}

/// Where an answer came from. What rests on several answers has the greatest status of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheStatus {
    /// From memory.
    Hit,
    /// From Vault, just now.
    Miss,
    /// From memory, past its time, because Vault is out of reach.
    Stale,
}

/// What is known of a token, and where from.
#[derive(Debug)]
pub struct Known {
    /// The facts of a live token; `None` for one that Vault refuses.
    pub entry: Option<Arc<Entry>>,
    /// Where the answer came from.
    pub status: CacheStatus,
}

impl CacheStatus {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Stale];

    /// The value of `X-Auth-Cache`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// What Vault grants a token on paths, and where the answer came from.
#[derive(Debug)]
pub struct KnownGrants {
    /// The capabilities, in the order of the paths; `None` if Vault now refuses the token.
    pub granted: Option<Arc<[Capabilities]>>,
    /// Where the answer came from.
    pub status: CacheStatus,
}

/// When Vault was asked, and what sets its answer apart from others.
#[derive(Clone, Copy)]
pub(super) struct Question {
    pub(super) asked: Instant,
    pub(super) number: u64,
    pub(super) generation: u64,
}

/// A time of whole milliseconds, at most 49 days, in little room.
#[derive(Clone, Copy, Debug)]
struct Millis(u32);

impl Millis {
    /// This time or a little less.
    fn of(time: Duration) -> Self {
        Self(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }

    fn is_past(self, age: Duration) -> bool {
        age >= Duration::from_millis(self.0.into())
    }
}

impl Entry {
    /// Fresh until the configured time after Vault was asked, and not within the token's last
    /// second, whose length Vault does not tell.
    pub(super) fn new(facts: Facts, question: Question, settings: &CacheSettings) -> Self {
        let identity = Identity::new(&facts);
        let Question { asked, number, generation } = question;
        let deadline = facts.expiry.deadline();
        let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(asked));
        let fresh = settings.ttl.min(left.saturating_sub(Duration::from_secs(1)));
        let usable = fresh.saturating_add(settings.stale_grace).min(left);
        Self {
            identity,
            accessor: facts.accessor,
            standing: facts.standing,
            usage: facts.usage,
            bound_cidrs: facts.bound_cidrs.into(),
            asked,
            fresh: Millis::of(fresh),
            due: Millis::of(fresh.mul_f64(RECHECK_AFTER)),
            usable: Millis::of(usable),
            rechecked: AtomicBool::new(false),
            number,
            generation,
        }
    }

    /// Whether it is time to ask for it again, and nobody has begun to.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_past(self.age(now)) && !self.rechecked.load(Relaxed)
    }

    /// Begins to ask for it again; `false` if somebody else has.
    pub(super) fn begin_recheck(&self) -> bool {
        !self.rechecked.swap(true, Relaxed)
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        !self.fresh.is_past(self.age(now))
    }

    /// Whether it may be remembered at all. A use that is counted has to reach Vault each time.
    pub(super) fn may_be_kept(&self) -> bool {
        self.usage == Usage::Unlimited && self.is_fresh(Instant::now())
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        !self.usable.is_past(self.age(now))
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.asked)
    }
}
