//! Two addresses of Vault, of which one has faults.

use std::time::{Duration, Instant};

use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        fault::{Fault, FaultProxy},
        http::Answer,
        platform::{self, Tenant},
        validator::Validator,
        wait::eventually,
    },
};

const LOOKUP: &str = "/v1/auth/token/lookup";

/// A Vault with two addresses, each behind a proxy.
struct Two {
    validator: Validator,
    proxies: [FaultProxy; 2],
    bao: Bao,
    acme: Tenant,
}

impl Two {
    async fn start() -> Self {
        let bao = Bao::dev().await;
        let role = platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        let target = bao.authority();
        let (first, second) = (FaultProxy::start(&target).await, FaultProxy::start(&target).await);
        let addresses = format!("{}, {}", first.addr(), second.addr());
        let env = [
            ("VAULT_ADDR", addresses.as_str()),
            ("VALIDATOR_VAULT_TIMEOUT", "1s"),
            ("VALIDATOR_CACHE_TTL", "0s"),
            ("VALIDATOR_NEGATIVE_TTL", "0s"),
        ];
        let validator = Validator::start(&bao, &role, &env).await;
        Self { validator, proxies: [first, second], bao, acme }
    }

    async fn ask(&self, token: &str) -> Answer {
        self.validator.validate("", &[("x-vault-token", token)]).await
    }

    /// Waits until both addresses are up.
    async fn both_up(&self) {
        eventually(Duration::from_secs(10), "both addresses", async || {
            let up = self.validator.count("vault_auth_vault_address_up").await;
            (up == 2).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lookup_is_answered_by_the_other_address() {
    let two = Two::start().await;
    let faults = [
        Fault::Hang,
        Fault::Reset,
        Fault::Garbage,
        Fault::Truncated,
        Fault::Redirect("http://127.0.0.1:9/"),
        Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#),
        Fault::Status(
            500,
            r#"{"errors":["local node not active but active cluster node not found"]}"#,
        ),
        Fault::Status(502, "<html>Bad Gateway</html>"),
        Fault::Status(429, r#"{"errors":[]}"#),
    ];
    for fault in faults {
        two.both_up().await;
        let struck = || two.proxies.iter().map(FaultProxy::struck).sum::<usize>();
        let before = struck();
        for proxy in &two.proxies {
            proxy.set_for(LOOKUP, fault).await;
            let start = Instant::now();
            granted(&two.ask(two.acme.token()).await);
            assert!(start.elapsed() < Duration::from_millis(900), "{fault:?}");
            refused(&two.ask("s.unknown").await, "token_invalid");
            proxy.set(Fault::Pass).await;
        }
        assert!(struck() > before, "{fault:?} was applied to no request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejection_is_not_asked_elsewhere() {
    let two = Two::start().await;
    two.both_up().await;
    let before = two.bao.audited("auth/token/lookup");
    refused(&two.ask("s.unknown").await, "token_invalid");
    assert_eq!(two.bao.audited("auth/token/lookup"), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_at_all_addresses_is_unavailable() {
    let two = Two::start().await;
    let sealed = Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#);
    for (fault, code) in [(sealed, "vault_sealed"), (Fault::Reset, "vault_unavailable")] {
        for proxy in &two.proxies {
            proxy.set_for(LOOKUP, fault).await;
        }
        refused(&two.ask(two.acme.token()).await, code);
        refused(&two.ask("s.unknown").await, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_of_an_address_is_shown() {
    let two = Two::start().await;
    two.both_up().await;
    let [first, _] = &two.proxies;
    first.set_for("/v1/sys/", Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#)).await;
    let series = format!("vault_auth_vault_address_up{{address=\"{}\"}}", first.addr());
    eventually(Duration::from_secs(10), "a sealed address", async || {
        (two.validator.count(&series).await == 0).then_some(())
    })
    .await;
    two.validator.ready().await;
    let lines = || two.validator.log().matches("an address of vault changed its state").count();
    let before = lines();
    assert!(before >= 3, "{}", two.validator.log());
    granted(&two.ask(two.acme.token()).await);
    first.set(Fault::Pass).await;
    two.both_up().await;
    assert_eq!(lines(), before + 1, "a line for each change");
    assert!(!two.validator.log().contains("vault is unavailable"));
}
