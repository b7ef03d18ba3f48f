//! Requests that arrive at random at several replicas, each with its own cache, and an event that disturbs them.

use crate::{
    cache::{Feed, Lifetimes, Rules, SECOND, Ticks, TokenKind, ticks},
    options::{Options, Routing},
    random::{Random, Zipf, mix},
    report::Report,
    steady::REFRESH_AT,
    vault::{Lookup, Nodes, Pool, Vault},
};

/// The time at which the requests begin, later than the age of any entry.
const BEGIN: Ticks = 100_000 * SECOND;

/// The time from the first request to the event.
const BEFORE: Ticks = 30 * SECOND;

/// The replica that restarts.
const RESTARTED: usize = 0;

/// An event that happens after some time in the steady state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing happens.
    Nothing,
    /// One replica restarts, with an empty cache.
    RestartEmpty,
    /// One replica restarts and keeps its cache. Its feed begins anew, so older entries do not rely on it.
    RestartKept,
    /// The feed is lost at all replicas, and works again later.
    FeedLoss,
    /// A change in Vault may concern any token: all have to be looked up again.
    Change,
}

/// The counts of one second, of all replicas.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub requests: u64,
    pub hits: u64,
    pub lookups: u64,
    /// Requests that get a 503, because too many lookups wait or this one waits too long.
    pub refused: u64,
    /// The requests, and the hits among them, at the replicas that the event concerns.
    pub concerned: [u64; 2],
}

/// A token in the cache of a replica.
#[derive(Clone, Copy, Default)]
struct Entry {
    state: State,
    /// The lookup in flight.
    lookup: Option<Lookup>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// The replica has not seen the token since its start.
    #[default]
    Unknown,
    /// Vault accepted the token within the last day, but the entry was removed.
    Removed,
    /// An entry that was fetched at this time.
    Fetched(Ticks),
}

struct Replica {
    rules: Rules,
    known: Pool,
    unknown: Pool,
}

pub struct Simulation<'o> {
    options: &'o Options,
    event: Event,
    zipf: &'o Zipf,
    random: Random,
    vault: Vault,
    replicas: Vec<Replica>,
    /// The entries of all replicas, one replica after the other.
    entries: Vec<Entry>,
    seconds: Vec<Counts>,
}

/// Simulates some seconds before an event and after it, and returns their counts.
pub fn run(options: &Options, zipf: &Zipf, ttl_with_feed: f64, event: Event) -> Report {
    let lifetimes = Lifetimes { ttl: ticks(options.ttl), ttl_with_feed: ticks(ttl_with_feed) };
    let mut simulation = Simulation::new(options, zipf, lifetimes, event);
    simulation.fill_caches(lifetimes);
    let at = BEGIN + BEFORE;
    let end = at + ticks(options.seconds);
    let mut now = f64::from(BEGIN);
    let mean = f64::from(SECOND) / options.rate;
    let mut has_happened = false;
    loop {
        now += simulation.random.exponential(mean);
        let time = now as Ticks;
        if time >= end {
            break;
        }
        if time >= at && !has_happened {
            simulation.disturb(at);
            has_happened = true;
        }
        simulation.request(time);
    }
    Report { seconds: simulation.seconds, event_at: (BEFORE / SECOND) as usize }
}

impl<'o> Simulation<'o> {
    fn new(options: &'o Options, zipf: &'o Zipf, lifetimes: Lifetimes, event: Event) -> Self {
        let loss = (event == Event::FeedLoss).then(|| {
            let start = BEGIN + BEFORE;
            (start, start + ticks(options.loss))
        });
        let replica = || Replica {
            rules: Rules { lifetimes, feed: Feed { since: 0, loss } },
            known: Pool::known(),
            unknown: Pool::unknown(),
        };
        let lookups = options.vault_calls / options.calls;
        let seconds = (BEFORE / SECOND) as usize + options.seconds.ceil() as usize;
        Self {
            options,
            event,
            zipf,
            random: Random::new(options.seed),
            vault: Vault::new(lookups, options.vault_nodes, ticks(options.latency * options.calls)),
            replicas: (0..options.replicas).map(|_| replica()).collect(),
            entries: vec![Entry::default(); options.tokens * options.replicas],
            seconds: vec![Counts::default(); seconds],
        }
    }

    /// Draws the ages of all entries from their distribution in the steady state.
    fn fill_caches(&mut self, lifetimes: Lifetimes) {
        let Options { tokens, replicas, .. } = *self.options;
        let caches = if self.options.routing == Routing::Sticky { 1 } else { replicas };
        let weights: f64 = (1..=tokens).map(|rank| self.weight(rank)).sum();
        for token in 0..tokens {
            let rate = self.options.rate * self.weight(token + 1) / weights / caches as f64;
            let interval = f64::from(SECOND) / rate;
            let rules = Rules { lifetimes, feed: Feed::default() };
            let least = REFRESH_AT * f64::from(rules.fresh_for(self.kind(token), BEGIN));
            for replica in 0..replicas {
                if caches == 1 && replica != self.home(token) {
                    continue;
                }
                let is_recent = self.random.uniform() < least / (least + interval);
                let age = if is_recent {
                    least * self.random.uniform()
                } else {
                    least + self.random.exponential(interval)
                };
                // Ages are kept below the time since the beginning of the clock.
                let age = (age as Ticks).min(BEGIN);
                self.entries[replica * tokens + token].state = State::Fetched(BEGIN - age);
            }
        }
    }

    fn weight(&self, rank: usize) -> f64 {
        (rank as f64).powf(-self.options.exponent)
    }

    /// Returns the replica that a proxy chooses by the token.
    fn home(&self, token: usize) -> usize {
        (mix(token as u64 + 1) % self.options.replicas as u64) as usize
    }

    fn kind(&self, token: usize) -> TokenKind {
        let chance = mix(!(token as u64)) as f64 / u64::MAX as f64;
        if chance < self.options.children { TokenKind::WithParent } else { TokenKind::Orphan }
    }

    fn disturb(&mut self, now: Ticks) {
        let restarted = RESTARTED * self.options.tokens..(RESTARTED + 1) * self.options.tokens;
        match self.event {
            Event::Nothing | Event::FeedLoss => {}
            Event::RestartEmpty => self.entries[restarted].fill(Entry::default()),
            Event::RestartKept => self.entries[restarted].iter_mut().for_each(|e| e.lookup = None),
            Event::Change => self.entries.iter_mut().for_each(Entry::remove),
        }
        if matches!(self.event, Event::RestartEmpty | Event::RestartKept) {
            let replica = &mut self.replicas[RESTARTED];
            replica.rules.feed.since = now;
            (replica.known, replica.unknown) = (Pool::known(), Pool::unknown());
        }
    }

    fn request(&mut self, now: Ticks) {
        let token = self.zipf.draw(&mut self.random);
        let replica = match self.options.routing {
            Routing::Sticky => self.home(token),
            Routing::Spread => self.random.below(self.options.replicas),
        };
        let kind = self.kind(token);
        let entry = &mut self.entries[replica * self.options.tokens + token];
        let Replica { rules, known, unknown } = &mut self.replicas[replica];
        entry.complete(now);
        let fetched = match entry.state {
            State::Fetched(at) => Some(at),
            State::Unknown | State::Removed => None,
        };
        let is_hit = fetched.is_some_and(|at| rules.is_fresh(kind, at, now));
        let is_due = fetched.is_none_or(|at| !is_hit || rules.is_refresh_due(kind, at, now));
        let pool = if entry.state == State::Unknown { unknown } else { known };
        let is_new = is_due && entry.lookup.is_none();
        if is_new {
            let nodes = if rules.rely_on_feed(now) { Nodes::Active } else { Nodes::Any };
            entry.lookup = pool.look_up(&mut self.vault, nodes, now);
        }
        let is_answered = is_hit || entry.lookup.is_some_and(|lookup| lookup.is_in_time(now));
        let is_concerned = match self.event {
            Event::RestartEmpty | Event::RestartKept => replica == RESTARTED,
            Event::Nothing | Event::FeedLoss | Event::Change => true,
        };
        let counts = &mut self.seconds[((now - BEGIN) / SECOND) as usize];
        counts.requests += 1;
        counts.hits += u64::from(is_hit);
        counts.lookups += u64::from(is_new && entry.lookup.is_some());
        counts.refused += u64::from(!is_answered);
        counts.concerned[0] += u64::from(is_concerned);
        counts.concerned[1] += u64::from(is_concerned && is_hit);
    }
}

impl Entry {
    /// Applies the response to a lookup that has arrived by now.
    fn complete(&mut self, now: Ticks) {
        if let Some(lookup) = self.lookup
            && lookup.end <= now
        {
            *self = Self { state: State::Fetched(lookup.start), lookup: None };
        }
    }

    /// Removes the entry, as a change in Vault does that concerns the token.
    fn remove(&mut self) {
        let is_known = self.state != State::Unknown;
        *self =
            Self { state: if is_known { State::Removed } else { State::Unknown }, lookup: None };
    }
}
