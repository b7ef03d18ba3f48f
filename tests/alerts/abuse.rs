//! Requests of clients who guess, and of a proxy that is configured wrongly.

use futures_util::future::join_all;

use super::{set, under_load, unknown_token, watch};
use crate::support::{direct::Direct, people::People};

#[tokio::test(flavor = "multi_thread")]
async fn o3_rejected_tokens_are_reported() {
    let service =
        Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "50"), ("VALIDATOR_LOG", "info")]).await;
    let monitoring = watch(&service).await;
    let mut round: u32 = 0;
    let guess = async || {
        round += 1;
        let (tokens, address) =
            ([(); 8].map(|()| unknown_token()), format!("10.0.0.{}", round % 256));
        join_all(tokens.iter().map(|token| service.from(&address, "", token))).await;
    };
    under_load(guess, monitoring.delivers("VaultAuthTokensRejected")).await;
    let repeat = async || drop(service.from("10.1.0.0", "", &unknown_token()).await);
    under_load(repeat, monitoring.delivers("VaultAuthLimiterActive")).await;
    let expected = set(&["VaultAuthTokensRejected", "VaultAuthLimiterActive"]);
    assert_eq!(monitoring.fired().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_invalid_requirements_are_reported() {
    let service = Direct::start().await;
    let monitoring = watch(&service).await;
    for _ in 0..3 {
        service.require("polcy=crm-agent", service.acme.token()).await;
    }
    assert_eq!(monitoring.fired().await, set(&[]));
    let ask = async || drop(service.require("polcy=crm-agent", service.acme.token()).await);
    under_load(ask, monitoring.delivers("VaultAuthRequirementInvalid")).await;
    assert_eq!(monitoring.fired().await, set(&["VaultAuthRequirementInvalid"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_guessed_passwords_are_reported() {
    let people = People::start().await;
    let monitoring = watch(&people.direct).await;
    let form = "https://login.example.com/.vault-auth/login";
    let mut round = 0;
    let guess = async || {
        round += 1;
        let guesses = (0..8).map(async |number| {
            let name = format!("person-{round}-{number}");
            let fields = [("method", "0"), ("name", &*name), ("password", "wrong")];
            people.person().submit(form, "/.vault-auth/login", &fields).await
        });
        join_all(guesses).await;
    };
    under_load(guess, monitoring.delivers("VaultAuthLoginFailures")).await;
    let fired = monitoring.fired().await;
    assert!(
        fired.is_subset(&set(&["VaultAuthLoginFailures", "VaultAuthLimiterActive"])),
        "{fired:?}"
    );
}
