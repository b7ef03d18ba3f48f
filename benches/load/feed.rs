//! Measures what Vault's audit feed changes: the calls to Vault, the delay of a revocation, and the latency of
//! cached requests during a flood of entries.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::seq::IndexedRandom;
use serde_json::json;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    paced::{Paced, percentile},
    report::{Report, Target},
    setup::Setup,
    support::{
        bao::Bao,
        platform::{self, AppRole},
        raw::read_answer,
        validator::Validator,
        wait::eventually,
    },
    zipf,
};

/// The lifetimes of entries without and with the feed.
const LIFETIMES: [(&str, &str); 2] =
    [("VALIDATOR_CACHE_TTL", "30s"), ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m")];

/// The number of tokens with a Zipf distribution.
const ZIPF_TOKENS: usize = 2000;

/// The number of revocations.
const REVOCATIONS: usize = 300;

/// Cached requests per second during the revocations and the flood.
const RATE: u32 = 1000;

/// The path at which a token revokes itself.
const REVOKE_SELF: &str = "auth/token/revoke-self";

/// The number of connections with a flood of entries, which are one a millisecond together.
const SENDERS: u32 = 50;

/// The duration of a flood of entries, one a millisecond.
const FLOOD: Duration = Duration::from_secs(5);

/// OpenBao with a feed to a validator.
struct Fed {
    bao: Bao,
    validator: Validator,
    callers: AppRole,
}

/// A token with its accessor.
struct Token {
    token: String,
    accessor: String,
}

pub async fn run(report: &mut Report) {
    let fed = Fed::start().await;
    fed.zipf(report).await;
    fed.revocations(report).await;
    fed.flood(report).await;
}

impl Fed {
    async fn start() -> Self {
        let setup = Setup::on(Bao::dev().await).await;
        let validator = setup.validator_on_all_cores(&LIFETIMES).await;
        setup.bao.add_feed(&format!("{}/audit", validator.admin_url()), "").await;
        eventually(Duration::from_secs(10), "the feed", async || {
            let state = validator.metric("vault_auth_audit_feed_up").await;
            (state > 0.5).then_some(())
        })
        .await;
        let settings = json!({"token_policies": ["tenant", "default"], "token_ttl": "50m"});
        let callers = platform::app_role(&setup.bao, "callers", settings).await;
        Self { bao: setup.bao, validator, callers }
    }

    /// Logs in this many times: such tokens have no parent.
    async fn tokens(&self, count: usize) -> Vec<Token> {
        let mut tokens = Vec::new();
        for _ in 0..count {
            let login = platform::log_in(&self.bao, &self.callers).await;
            let text = |name: &str| login[name].as_str().expect("a text").to_owned();
            tokens.push(Token { token: text("client_token"), accessor: text("accessor") });
        }
        tokens
    }

    /// Returns the number of entries that the validator has received.
    async fn entries(&self) -> f64 {
        self.validator.metric("vault_auth_audit_entries_total").await
    }

    async fn status(&self, token: &str) -> u16 {
        self.validator.validate("", &[("x-vault-token", token)]).await.status
    }

    fn paced(&self, duration: Duration) -> Paced {
        Paced {
            address: self.validator.auth_address().to_owned(),
            path: "/validate".to_owned(),
            connections: 32,
            rate: RATE,
            duration,
        }
    }

    async fn zipf(&self, report: &mut Report) {
        eprintln!("feed: creating {ZIPF_TOKENS} tokens");
        let tokens = self.tokens(ZIPF_TOKENS).await;
        for token in &tokens {
            assert_eq!(self.status(&token.token).await, 200);
        }
        let next = Arc::new(zipf::by_rank(tokens.into_iter().map(|token| token.token).collect()));
        let before = zipf::counts(&self.validator).await;
        let paced = Paced { connections: 64, rate: zipf::RATE, ..self.paced(FLOOD) };
        paced.run(next as Arc<_>).await;
        let after = zipf::counts(&self.validator).await;
        let [requests, calls] = [1, 2].map(|at| after[at] - before[at]);
        let name = "Zipf traffic with the feed: calls of Vault for 1,000 requests";
        report.figure(name, "", vec![calls / requests * 1000.0]).to(Target::AtMost(20.0));
    }

    /// Measures the time from the end of a revocation until the token is refused.
    async fn revocations(&self, report: &mut Report) {
        eprintln!("feed: {REVOCATIONS} revocations");
        let load = self.load(Duration::from_secs(30)).await;
        let revoked = self.tokens(REVOCATIONS).await;
        for token in &revoked {
            assert_eq!(self.status(&token.token).await, 200);
        }
        let mut delays = Vec::new();
        for (number, Token { token, accessor }) in revoked.iter().enumerate() {
            let (path, body) = match number % 3 {
                0 => ("auth/token/revoke", json!({ "token": token })),
                1 => ("auth/token/revoke-accessor", json!({ "accessor": accessor })),
                _ => (REVOKE_SELF, json!({})),
            };
            let (status, answer) = if path == REVOKE_SELF {
                self.bao.request_as(token, "POST", path, Some(body)).await
            } else {
                self.bao.request("POST", path, Some(body)).await
            };
            assert_eq!(status, 204, "{path}: {answer}");
            let ended = Instant::now();
            while self.status(token).await != 401 {}
            delays.push(ended.elapsed());
        }
        load.abort();
        for (percent, target) in [(50, None), (99, Some(Target::AtMost(50.0)))] {
            let name = format!("revocation with the feed: delay, p{percent}");
            let delay = percentile(&mut delays, percent) / 1000.0;
            let figure = report.figure(&name, "ms", vec![delay]);
            if let Some(target) = target {
                figure.to(target);
            }
        }
    }

    /// Measures the latency of cached requests with and without a flood of entries that name tokens.
    async fn flood(&self, report: &mut Report) {
        eprintln!("feed: a flood of entries");
        let tokens = self.tokens(100).await;
        for token in &tokens {
            assert_eq!(self.status(&token.token).await, 200);
        }
        let next = any_of(tokens);
        let (mut ratios, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let mut calm = self.paced(FLOOD).run(Arc::clone(&next) as Arc<_>).await;
            let mut flood = JoinSet::new();
            for _ in 0..SENDERS {
                flood.spawn(post_entries(self.validator.admin_url()));
            }
            let before = self.entries().await;
            let mut flooded = self.paced(FLOOD).run(Arc::clone(&next) as Arc<_>).await;
            rates.push((self.entries().await - before) / FLOOD.as_secs_f64());
            flood.shutdown().await;
            ratios.push(percentile(&mut flooded, 99) / percentile(&mut calm, 99));
        }
        report.figure("flood of audit entries", "/s", rates);
        let name = "cached requests in a flood of audit entries: p99 to that without";
        report.figure(name, "×", ratios).to(Target::AtMost(2.0));
    }

    /// Starts cached requests of other tokens.
    async fn load(&self, duration: Duration) -> tokio::task::JoinHandle<()> {
        let tokens = self.tokens(100).await;
        let (paced, next) = (self.paced(duration), any_of(tokens));
        tokio::spawn(async move { drop(paced.run(next as Arc<_>).await) })
    }
}

fn any_of(tokens: Vec<Token>) -> Arc<impl Fn() -> (String, bool) + Send + Sync> {
    Arc::new(move || {
        let token = tokens.choose(&mut rand::rng()).expect("a token");
        (token.token.clone(), true)
    })
}

/// Posts entries without end, one of [`SENDERS`]. Each revokes a token that is not cached, and waits for the
/// eviction.
async fn post_entries(admin: String) {
    let address = admin.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let mut stream = BufReader::new(stream);
    let mut ticks = interval(Duration::from_millis(1) * SENDERS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0_u64.. {
        ticks.tick().await;
        let entry = json!({
            "type": "response",
            "auth": {"accessor": format!("accessor-{number}"), "policies": ["default"]},
            "request": {"id": format!("{number}"), "operation": "update", "path": REVOKE_SELF},
        })
        .to_string();
        let head =
            format!("POST /audit HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}", entry.len());
        let request = format!("{head}\r\n\r\n{entry}");
        stream.write_all(request.as_bytes()).await.expect("an open connection");
        let answer = read_answer(&mut stream).await.expect("an answer");
        assert_eq!(answer.status, 204);
    }
}
