//! A Vault that does not answer as it should.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::time::timeout;
use vault_auth_validator::{
    login::{LoginBackend, MfaRequirement, OidcCallback},
    token::UnavailableReason,
};

use super::{LoginVault, PASSWORD, TICKET, oidc::oidc, unavailable};
use crate::support::{fault::Fault, wait::eventually};

/// Does every step of a login while Vault has this fault; each step is to be unavailable.
async fn all_unavailable(vault: &LoginVault, fault: Fault) {
    vault.fault.set(fault).await;
    let backend = &vault.backend;
    let secret = || SecretString::from("s.w7pbreeWPt3pgBw68BX2Uakc");
    let token = secret().into();
    let callback = OidcCallback { state: secret(), code: secret(), client_nonce: secret() };
    let requirement = MfaRequirement { request_id: "r".to_owned(), methods: vec!["m".to_owned()] };
    let redirect_uri = "http://localhost/";
    let mut errors = vec![
        unavailable(vault.log_in("ana", PASSWORD).await),
        unavailable(backend.start_oidc(&oidc("staff"), redirect_uri, &secret()).await),
        unavailable(backend.finish_oidc(&oidc("staff"), &callback).await),
        unavailable(backend.validate_mfa(&requirement, &["123456".into()]).await),
        unavailable(backend.wrap(&token, TICKET).await),
    ];
    // Vault's answers to these may have no data: to the last one if another request was faster.
    if !matches!(fault, Fault::Status(200, _)) {
        errors.push(unavailable(backend.revoke(&token).await));
        errors.push(unavailable(backend.unwrap(&secret()).await));
    }
    for why in errors {
        let text = format!("{why:?}");
        assert!(!text.contains(PASSWORD) && !text.contains("w7pbree"), "{fault:?}: {text}");
        assert!(!text.contains("123456"), "{fault:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l28_unknown_answers_are_unavailable() {
    let vault = LoginVault::with_timeout(Duration::from_millis(800)).await;
    for fault in [
        Fault::Status(
            500,
            r#"{"errors":["local node not active but active cluster node not found"]}"#,
        ),
        Fault::Status(400, r#"{"errors":["something else"]}"#),
        Fault::Status(403, r#"{"errors":["something else"]}"#),
        Fault::Status(403, "<html>permission denied</html>"),
        Fault::Status(404, r#"{"errors":[]}"#),
        Fault::Status(200, r#"{"auth":{},"data":[]}"#),
        Fault::Status(200, "{}"),
        Fault::Status(429, r#"{"errors":["rate limit quota exceeded"]}"#),
        Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#),
        Fault::Redirect("http://127.0.0.1:1/v1/auth/userpass/login/ana"),
        Fault::Reset,
        Fault::Garbage,
        Fault::Truncated,
        Fault::Hang,
    ] {
        all_unavailable(&vault, fault).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_of_an_outage_are_kept() {
    let vault = LoginVault::start().await;
    for (status, body, reason) in [
        (503, r#"{"errors":["Vault is sealed"]}"#, UnavailableReason::Sealed),
        (429, r#"{"errors":["quota"]}"#, UnavailableReason::Throttled),
        (502, "", UnavailableReason::NoValidResponse),
    ] {
        vault.fault.set(Fault::Status(status, body)).await;
        assert_eq!(unavailable(vault.log_in("ana", PASSWORD).await).reason, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_login_is_not_repeated() {
    let vault = LoginVault::start().await;
    let conflict = r#"{"errors":["1 error occurred:\n\t* transaction commit failed\n\n"]}"#;
    for fault in [Fault::Status(500, conflict), Fault::Reset, Fault::Hiccup] {
        vault.fault.set_for("/v1/auth/userpass/login/", fault).await;
        let before = vault.fault.struck();
        unavailable(vault.log_in("ana", PASSWORD).await);
        assert_eq!(vault.fault.struck(), before + 1, "{fault:?}");
    }
    vault.fault.set(Fault::Pass).await;
    assert_eq!(vault.requests("auth/userpass/login/"), 0);
    vault.fault.set_for("/v1/auth/userpass/login/", Fault::Lost).await;
    unavailable(vault.log_in("ana", PASSWORD).await);
    assert_eq!(vault.requests("auth/userpass/login/"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l27_logins_in_flight_are_bounded() {
    let limit = Duration::from_secs(2);
    let vault = LoginVault::with_timeout(limit).await;
    vault.fault.set_for("/v1/auth/userpass/login/", Fault::Hang).await;
    let start = Instant::now();
    let logins = join_all((0..16).map(|_| vault.log_in("ana", PASSWORD)));
    let in_flight = async {
        eventually(limit, "four logins", async || (vault.fault.struck() == 4).then_some(())).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        vault.fault.struck()
    };
    let (results, in_flight) = tokio::join!(logins, in_flight);
    assert_eq!(in_flight, 4);
    let reasons: Vec<_> = results.into_iter().map(|result| unavailable(result).reason).collect();
    let overloaded = reasons.iter().filter(|r| **r == UnavailableReason::Overloaded).count();
    assert!((8..=12).contains(&overloaded), "{reasons:?}");
    assert!(start.elapsed() < 3 * limit, "{:?}", start.elapsed());
    vault.fault.set(Fault::Pass).await;
    vault.token().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l27_abandoned_logins_count() {
    let vault = LoginVault::start().await;
    vault.fault.set_for("/v1/auth/userpass/login/", Fault::Hang).await;
    let moment = Duration::from_millis(500);
    for _ in 0..3 {
        let logins = join_all((0..4).map(|_| vault.log_in("ana", PASSWORD)));
        timeout(moment, logins).await.expect_err("no login ends");
        assert_eq!(vault.fault.struck(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_logins_all_succeed() {
    let vault = LoginVault::start().await;
    let results = join_all((0..12).map(|_| vault.log_in("ana", PASSWORD))).await;
    for result in results {
        super::logged_in(result);
    }
}
