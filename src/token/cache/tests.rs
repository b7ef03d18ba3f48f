use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::yield_now};

use super::{CacheSettings, CacheStatus, FactsCache, Known};
use crate::token::{
    Answer, Authority, Cause, Credential, Expiry, Facts, Granted, LookupPriority, Spent, Standing,
    Token, TokenType, Unavailable, Usage, Verdict,
};

/// How long a caller waits for the oracle.
const TIMEOUT: Duration = Duration::from_millis(500);

/// An authority that says one thing, to each who asks when it is let.
struct Oracle {
    asked: AtomicUsize,
    leave: Semaphore,
    word: fn() -> Result<Verdict, Unavailable>,
}

impl Authority for Oracle {
    fn lookup(&self, _: Token, _: LookupPriority) -> Answer<'_, Verdict> {
        Box::pin(async {
            self.asked.fetch_add(1, SeqCst);
            self.leave.acquire().await.expect("it is not closed").forget();
            (self.word)()
        })
    }

    fn capabilities(&self, _: Token, _: Vec<String>) -> Answer<'_, Granted> {
        unreachable!("no path is asked about here")
    }

    fn spend(&self, _: Token) -> Answer<'_, Spent> {
        unreachable!("no use is counted here")
    }

    fn probe(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.leave.acquire().await.expect("it is not closed").forget();
            Ok(())
        })
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }
}

impl Oracle {
    /// The oracle, which answers this many times at first, and a cache in front of it.
    fn new(
        word: fn() -> Result<Verdict, Unavailable>,
        leave: usize,
    ) -> (Arc<Self>, Arc<FactsCache>) {
        let (asked, leave) = (AtomicUsize::new(0), Semaphore::new(leave));
        let oracle = Arc::new(Self { asked, leave, word });
        let minute = Duration::from_mins(1);
        let settings =
            CacheSettings { ttl: minute, negative_ttl: minute, stale_grace: minute, capacity: 100 };
        let cache = FactsCache::new(settings, Arc::clone(&oracle) as Arc<dyn Authority>);
        (oracle, Arc::new(cache))
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    async fn is_asked(&self, times: usize) {
        while self.asked() < times {
            yield_now().await;
        }
    }
}

fn live_with(usage: Usage, ttl: Duration) -> Verdict {
    let expiry = Expiry::At {
        timestamp: "2999-01-01T00:00:00Z".parse().expect("a time"),
        deadline: Instant::now() + ttl,
    };
    Verdict::Live(Box::new(Facts {
        accessor: "accessor".into(),
        token_type: TokenType::Service,
        standing: Standing::Ordinary,
        entity_id: None,
        subject: None,
        tenant: None,
        policies: Vec::new(),
        expiry,
        usage,
        bound_cidrs: Vec::new(),
    }))
}

fn live() -> Verdict {
    live_with(Usage::Unlimited, Duration::from_hours(1))
}

async fn ask(cache: &FactsCache) -> Result<Known, Unavailable> {
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    match cache.recall(key, &credential) {
        Some(entry) => Ok(Known { entry: Some(entry), status: CacheStatus::Hit }),
        None => cache.ask(key, Token::from(&credential)).await,
    }
}

fn asking(cache: &Arc<FactsCache>) -> tokio::task::JoinHandle<Result<Known, Unavailable>> {
    let cache = Arc::clone(cache);
    tokio::spawn(async move { ask(&cache).await })
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_the_answer_from_no_other() {
    let (oracle, cache) = Oracle::new(|| Ok(live()), 0);
    let first = asking(&cache);
    oracle.is_asked(1).await;
    let second = asking(&cache);
    first.abort();
    assert!(first.await.is_err(), "it has not hung up");
    oracle.leave.add_permits(1);
    let known = second.await.expect("it is not aborted").expect("an answer");
    assert!(known.entry.is_some());
    assert_eq!(oracle.asked(), 1);
}

#[tokio::test]
async fn an_answer_that_was_on_its_way_during_an_eviction_is_not_kept() {
    let (oracle, cache) = Oracle::new(|| Ok(live()), 0);
    let first = asking(&cache);
    oracle.is_asked(1).await;
    assert_eq!(cache.evict(|entry| &*entry.accessor == "another"), 0);
    oracle.leave.add_permits(2);
    assert!(first.await.expect("it is not aborted").expect("an answer").entry.is_some());
    assert_eq!(ask(&cache).await.expect("an answer").status, CacheStatus::Miss);
    assert_eq!(ask(&cache).await.expect("an answer").status, CacheStatus::Hit);
    assert_eq!(oracle.asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_at_once_a_refusal_is_asked_for_once() {
    for _ in 0..200 {
        let (oracle, cache) = Oracle::new(|| Ok(Verdict::Invalid), 1000);
        let clients: Vec<_> = (0..20).map(|_| asking(&cache)).collect();
        for client in clients {
            let known = client.await.expect("it is not aborted").expect("an answer");
            assert!(known.entry.is_none());
        }
        assert_eq!(oracle.asked(), 1);
    }
}

#[tokio::test]
async fn a_token_of_limited_use_or_in_its_last_second_is_not_kept() {
    let counted = || Ok(live_with(Usage::Counted, Duration::from_hours(1)));
    let ending = || Ok(live_with(Usage::Unlimited, Duration::from_secs(1)));
    for word in [counted, ending] {
        let (oracle, cache) = Oracle::new(word, 2);
        for _ in 0..2 {
            let known = ask(&cache).await.expect("an answer");
            assert!(known.entry.is_some() && known.status == CacheStatus::Miss);
        }
        assert_eq!(oracle.asked(), 2);
    }
}

/// What a cache with a time to live of 400 ms says of a token again and again, for a second.
async fn in_use(word: fn() -> Result<Verdict, Unavailable>) -> (usize, Vec<CacheStatus>) {
    let (oracle, _) = Oracle::new(word, 1000);
    let ttl = Duration::from_millis(400);
    let settings = CacheSettings { ttl, negative_ttl: ttl, stale_grace: ttl, capacity: 100 };
    let cache = FactsCache::new(settings, Arc::clone(&oracle) as Arc<dyn Authority>);
    let start = Instant::now();
    let mut answers = Vec::new();
    while start.elapsed() < Duration::from_secs(1) {
        answers.push(ask(&cache).await.expect("an answer").status);
        yield_now().await;
    }
    (oracle.asked(), answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_use_waits_for_vault_once_and_is_asked_for_again_and_again() {
    let (asked, answers) = in_use(|| Ok(live())).await;
    let waited = answers.iter().filter(|status| **status != CacheStatus::Hit).count();
    assert_eq!(waited, 1, "of {}", answers.len());
    assert!((3..=5).contains(&asked), "asked {asked} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_behind_the_callers_back_is_heeded() {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    let once = || match FIRST.fetch_add(1, SeqCst) {
        0 => Ok(live()),
        _ => Ok(Verdict::Invalid),
    };
    let (_, cache) = Oracle::new(once, 1000);
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    assert!(ask(&cache).await.expect("an answer").entry.is_some());
    let shared = Arc::clone(&cache.shared);
    shared.recheck(key, Token::from(&credential)).await;
    assert!(ask(&cache).await.expect("an answer").entry.is_none());
}

/// A cache that knew a live token, and was told of a refusal while Vault was asked again; that
/// answer, which comes last, says that it is live.
async fn refused_meanwhile(negative_ttl: Duration) -> (FactsCache, Credential<'static>) {
    let (oracle, _) = Oracle::new(|| Ok(live()), 1);
    let ttl = Duration::from_mins(1);
    let settings = CacheSettings { ttl, negative_ttl, stale_grace: ttl, capacity: 100 };
    let cache = FactsCache::new(settings, Arc::clone(&oracle) as Arc<dyn Authority>);
    let credential = Credential::from_text("s.token").expect("well formed");
    let key = cache.key(&credential);
    assert!(ask(&cache).await.expect("an answer").entry.is_some());
    let recheck = Arc::clone(&cache.shared).recheck(key, Token::from(&credential));
    let recheck = tokio::spawn(recheck);
    oracle.is_asked(2).await;
    cache.shared.refuse(key).await;
    oracle.leave.add_permits(1);
    recheck.await.expect("it ends");
    (cache, credential)
}

#[tokio::test]
async fn a_refusal_is_not_undone_by_an_answer_that_was_on_its_way() {
    let (cache, _) = refused_meanwhile(Duration::from_mins(1)).await;
    assert!(ask(&cache).await.expect("an answer").entry.is_none());
}

#[tokio::test]
async fn a_refusal_holds_against_it_even_where_refusals_are_not_repeated() {
    let (cache, credential) = refused_meanwhile(Duration::ZERO).await;
    assert!(cache.recall(cache.key(&credential), &credential).is_none());
}

#[tokio::test]
async fn the_grace_applies_whatever_keeps_vault_from_answering() {
    static CAUSE: AtomicUsize = AtomicUsize::new(0);
    let word = || match CAUSE.load(SeqCst) {
        0 => Ok(live()),
        1 => Err(Unavailable::new(Cause::Overloaded, "too many")),
        2 => Err(Unavailable::new(Cause::Throttled, "too many")),
        3 => Err(Unavailable::new(Cause::NotReady, "not yet")),
        4 => Err(Unavailable::new(Cause::Vault, "away")),
        _ => Ok(Verdict::Invalid),
    };
    let (oracle, _) = Oracle::new(word, 100);
    let (ttl, stale_grace) = (Duration::from_millis(300), Duration::from_mins(1));
    let settings = CacheSettings { ttl, negative_ttl: ttl, stale_grace, capacity: 100 };
    let cache = FactsCache::new(settings, Arc::clone(&oracle) as Arc<dyn Authority>);
    assert_eq!(ask(&cache).await.expect("an answer").status, CacheStatus::Miss);
    CAUSE.store(1, SeqCst);
    let credential = Credential::from_text("s.token").expect("well formed");
    while cache.recall(cache.key(&credential), &credential).is_some() {
        yield_now().await;
    }
    for cause in 1..=4 {
        CAUSE.store(cause, SeqCst);
        assert_eq!(ask(&cache).await.expect("an answer").status, CacheStatus::Stale, "{cause}");
    }
    CAUSE.store(5, SeqCst);
    assert!(ask(&cache).await.expect("an answer").entry.is_none());
    CAUSE.store(4, SeqCst);
    tokio::time::sleep(ttl).await;
    assert!(ask(&cache).await.is_err(), "there is no grace after a refusal");
}

/// A cache with a token that has gone stale, in front of an oracle that no longer answers.
async fn stale_and_unanswered(tokens: usize) -> (Arc<Oracle>, Arc<FactsCache>, Vec<String>) {
    let (oracle, _) = Oracle::new(|| Ok(live()), tokens);
    let (ttl, stale_grace) = (Duration::from_millis(100), Duration::from_mins(1));
    let settings = CacheSettings { ttl, negative_ttl: ttl, stale_grace, capacity: 100 };
    let cache = Arc::new(FactsCache::new(settings, Arc::clone(&oracle) as Arc<dyn Authority>));
    let tokens: Vec<_> = (0..tokens).map(|number| format!("s.{number}")).collect();
    for token in &tokens {
        assert_eq!(ask_for(&cache, token).await.expect("an answer").status, CacheStatus::Miss);
    }
    tokio::time::sleep(ttl).await;
    (oracle, cache, tokens)
}

async fn ask_for(cache: &FactsCache, token: &str) -> Result<Known, Unavailable> {
    let credential = Credential::from_text(token).expect("well formed");
    cache.ask(cache.key(&credential), Token::from(&credential)).await
}

#[tokio::test]
async fn stale_entries_serve_at_once_after_one_timeout() {
    let (oracle, cache, tokens) = stale_and_unanswered(20).await;
    let start = Instant::now();
    assert_eq!(ask_for(&cache, &tokens[0]).await.expect("grace").status, CacheStatus::Stale);
    assert!(start.elapsed() >= TIMEOUT, "the first waits");
    let (opened, asked) = (Instant::now(), oracle.asked());
    for token in &tokens {
        assert_eq!(ask_for(&cache, token).await.expect("grace").status, CacheStatus::Stale);
    }
    assert!(opened.elapsed() < TIMEOUT / 2, "the others do not");
    assert_eq!(oracle.asked(), asked, "nor is Vault asked for them");
    oracle.leave.add_permits(1000);
    while ask_for(&cache, &tokens[1]).await.expect("an answer").status != CacheStatus::Miss {
        yield_now().await;
    }
}

#[tokio::test]
async fn breaker_closes_without_a_request_when_vault_answers() {
    let (oracle, cache, tokens) = stale_and_unanswered(1).await;
    assert_eq!(ask_for(&cache, &tokens[0]).await.expect("grace").status, CacheStatus::Stale);
    assert!(cache.shared.breaker.is_open());
    oracle.leave.add_permits(1000);
    while cache.shared.breaker.is_open() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(ask_for(&cache, &tokens[0]).await.expect("an answer").status, CacheStatus::Miss);
}

#[tokio::test]
async fn callers_that_wait_are_served_stale_when_the_breaker_opens() {
    let (_, cache, tokens) = stale_and_unanswered(2).await;
    let start = Instant::now();
    let (early, late) = tokio::join!(ask_for(&cache, &tokens[0]), async {
        tokio::time::sleep(TIMEOUT / 2).await;
        ask_for(&cache, &tokens[1]).await
    });
    for known in [early, late] {
        assert_eq!(known.expect("grace").status, CacheStatus::Stale);
    }
    assert!(start.elapsed() < TIMEOUT + TIMEOUT / 4, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_caller_that_joins_late_has_its_own_full_timeout() {
    let (oracle, cache) = Oracle::new(|| Ok(live()), 0);
    let first = asking(&cache);
    oracle.is_asked(1).await;
    tokio::time::sleep(TIMEOUT * 3 / 4).await;
    let second = asking(&cache);
    assert!(first.await.expect("no panic").is_err(), "the first waited in vain");
    assert!(!second.is_finished());
    oracle.leave.add_permits(1);
    assert!(second.await.expect("no panic").expect("an answer").entry.is_some());
    assert_eq!(oracle.asked(), 1);
}

#[tokio::test]
async fn a_caller_does_not_inherit_the_failure_of_an_earlier_call() {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    let word = || match FIRST.fetch_add(1, SeqCst) {
        0 => Err(Unavailable::new(Cause::Vault, "away")),
        _ => Ok(live()),
    };
    let (oracle, cache) = Oracle::new(word, 0);
    let first = asking(&cache);
    oracle.is_asked(1).await;
    let second = asking(&cache);
    yield_now().await;
    oracle.leave.add_permits(2);
    assert!(first.await.expect("no panic").is_err());
    assert!(second.await.expect("no panic").expect("an answer").entry.is_some());
}

#[tokio::test]
async fn unavailability_is_not_kept() {
    let away = || Err(Unavailable::new(Cause::Vault, "away"));
    let (oracle, cache) = Oracle::new(away, 2);
    assert!(ask(&cache).await.is_err());
    assert!(ask(&cache).await.is_err());
    assert_eq!(oracle.asked(), 2);
}
