//! Runs all known attacks on a running service, and measures the effect on legitimate clients:
//! before, during and after each attack.
//!
//! `make abuse` takes about two minutes. `--short` (`make abuse-check`) takes 20 seconds. It checks
//! the same limits except the latency, because a debug build is too slow for that.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "an example prints its results and panics if its setup fails; no crate imports it"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod attacks;
mod report;
mod traffic;

use std::{process::ExitCode, sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::sleep;

use attacks::{Attack, api_address};
use report::{Report, resident};
use support::{bao::Bao, direct::Direct, platform};
use traffic::{Outcomes, Traffic};

/// The address of all legitimate clients.
pub const CLIENT: &str = "198.51.100.7";

/// The number of tokens of legitimate clients, and the rate of their requests per second.
const TOKENS: usize = 200;
const RATE: u32 = 400;

/// The timeout for Vault: the value of `VALIDATOR_VAULT_TIMEOUT` below.
pub const TIMEOUT: Duration = Duration::from_millis(1500);

/// The settings of the service. The cache TTL is short, so that lookups of the clients' tokens are
/// always in flight.
const SETTINGS: [(&str, &str); 4] = [
    ("VALIDATOR_CACHE_TTL", "5s"),
    ("VALIDATOR_STALE_GRACE", "60s"),
    ("VALIDATOR_LOG", "info"),
    ("VALIDATOR_VAULT_TIMEOUT", "1500ms"),
];

/// The durations of an attack, and of the reference measurements before and after it.
#[derive(Clone, Copy)]
pub struct Times {
    pub reference: Duration,
    pub attack: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    let short = std::env::args().any(|argument| argument == "--short");
    let (reference, attack) = if short { (500, 1200) } else { (3000, 9000) };
    let times = Times {
        reference: Duration::from_millis(reference),
        attack: Duration::from_millis(attack),
    };
    let service = platform_with_secrets().await;
    let tokens = client_tokens(&service.bao).await;
    let (_validating, validate) = validation_traffic(&service, tokens).start();
    let (_reading, read) = secret_traffic(&service).start();
    // Every token is looked up once before the measurement.
    sleep(Duration::from_secs(2)).await;
    let mut report = Report::new(short);
    let memory = resident(&service);
    for attack in Attack::ALL {
        measure(attack, times, &service, [&validate, &read], &mut report).await;
    }
    report.memory(memory, resident(&service));
    report.role_is_usable(login_works(&service).await);
    report.print()
}

async fn measure(
    attack: Attack,
    times: Times,
    service: &Direct,
    [validate, read]: [&Outcomes; 2],
    report: &mut Report,
) {
    let take = async || (validate.take().await, read.take().await);
    take().await;
    sleep(times.reference).await;
    let before = take().await;
    let log = service.validator.log().len();
    attack.run(service, times.attack).await;
    let during = take().await;
    let grown = service.validator.log().len() - log;
    sleep(times.reference).await;
    let after = take().await;
    report.add(attack, times, [before, during, after], grown, resident(service));
}

async fn platform_with_secrets() -> Direct {
    let service = Direct::on(Bao::unaudited().await, &SETTINGS).await;
    let put = async |tenant: &platform::Tenant, name: &str, size: usize| {
        let path = format!("/v1/tenants/{}/secrets/{name}", tenant.name);
        let body = json!({"data": {"KEY": "x".repeat(size)}});
        let answer = service.api("PUT", &path, tenant.token(), &[], Some(body)).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    };
    put(&service.globex, "greeting", 10).await;
    put(&service.acme, "large", 700_000).await;
    for number in 0..300 {
        put(&service.acme, &format!("name-{number}"), 10).await;
    }
    service
}

async fn client_tokens(bao: &Bao) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..TOKENS {
        tokens.push(platform::token(bao, json!({"policies": ["tenant"], "ttl": "1h"})).await);
    }
    tokens
}

/// Returns the requests of legitimate clients to `/validate`.
fn validation_traffic(service: &Direct, tokens: Vec<String>) -> Traffic {
    Traffic {
        address: service.validator.auth_address().to_owned(),
        connections: 16,
        rate: RATE,
        request: Arc::new(move |number| {
            let token = &tokens[usize::try_from(number).unwrap_or(0) % tokens.len()];
            format!(
                "GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\
                 X-Forwarded-For: {CLIENT}\r\n\r\n"
            )
        }),
    }
}

/// Returns the requests of a tenant that reads a secret.
fn secret_traffic(service: &Direct) -> Traffic {
    let token = service.globex.token().to_owned();
    Traffic {
        address: api_address(service),
        connections: 2,
        rate: 20,
        request: Arc::new(move |_| {
            format!(
                "GET /v1/tenants/globex/secrets/greeting HTTP/1.1\r\nHost: v\r\n\
                 X-Vault-Token: {token}\r\n\r\n"
            )
        }),
    }
}

/// Returns true if a login to the service's role with the correct secret id still succeeds.
async fn login_works(service: &Direct) -> bool {
    let body = json!({"role_id": service.role.role_id, "secret_id": service.role.secret_id});
    service.bao.request_as("", "POST", "auth/approle/login", Some(body)).await.0 == 200
}
