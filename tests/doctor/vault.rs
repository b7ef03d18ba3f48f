//! Checks of the Vault server.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Shell, certificate, provisioned};
use crate::support::{
    bao::Bao,
    fault::{Fault, FaultProxy},
    ports::free_port,
};

/// The checks that need a response from Vault.
const RESPONSE_CHECKS: [&str; 5] = ["initialised", "seal", "version", "node", "clock"];

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_vault_skips_other_checks() {
    let address = format!("http://127.0.0.1:{}", free_port());
    let diagnosis = Shell::at(&address).with("VAULT_TOKEN", "s.any").diagnosis(&[]);
    diagnosis.is("address", "fail", "Connection refused");
    for check in RESPONSE_CHECKS.into_iter().chain(["TLS", "login", "root", "no secrets", "audit"])
    {
        diagnosis.is(check, "skipped", "");
    }
    let diagnosis =
        Shell::at("http://no-such-host.invalid").with("VAULT_TOKEN", "s.any").diagnosis(&[]);
    diagnosis.is("address", "fail", "DNS lookup failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_vault_times_out() {
    let bao = Bao::dev().await;
    let shell = Shell::at(&bao.addr()).with("VALIDATOR_VAULT_TIMEOUT", "200ms");
    bao.freeze();
    let diagnosis = shell.diagnosis(&[]);
    bao.thaw();
    diagnosis.is("address", "fail", "no response within 200ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_vault_fails() {
    let bao = Bao::dev().await;
    let role = provisioned(&bao).await;
    bao.seal().await;
    let diagnosis = Shell::of_service(&bao.addr(), &role).diagnosis(&[]);
    diagnosis.is("address", "ok", "");
    diagnosis.is("initialised", "ok", "");
    diagnosis.is("seal", "fail", "sealed");
    for check in ["login", "no secrets", "secrets engine", "audit"] {
        diagnosis.is(check, "skipped", "");
    }
    assert_eq!(diagnosis.all("fail"), ["seal"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_server_is_not_vault() {
    let bao = Bao::dev().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    fault.set(Fault::Status(200, r#"{"hello":"world"}"#)).await;
    let diagnosis = Shell::at(&fault.addr()).with("VAULT_TOKEN", bao.root_token()).diagnosis(&[]);
    diagnosis.is("address", "fail", "but not with Vault's health");
    diagnosis.is("login", "skipped", "the server at VAULT_ADDR is not Vault");
    fault.set(Fault::Garbage).await;
    let diagnosis = Shell::at(&fault.addr()).with("VAULT_TOKEN", bao.root_token()).diagnosis(&[]);
    diagnosis.is("address", "fail", "not valid HTTP");
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_skew_is_reported() {
    let bao = Bao::dev().await;
    let fault = FaultProxy::start(&bao.authority()).await;
    #[expect(clippy::disallowed_methods, reason = "a clock is to be wrong by so much")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let off = async |seconds: i64| {
        let there = now.cast_signed() + seconds;
        let health = format!(
            r#"{{"initialized":true,"sealed":false,"standby":false,"performance_standby":false,"version":"1.20.0","server_time_utc":{there}}}"#
        );
        fault.set_for("/v1/sys/health", Fault::Status(200, health.leak())).await;
        Shell::at(&fault.addr()).diagnosis(&[])
    };
    let diagnosis = off(-300).await;
    diagnosis.is("clock", "fail", "s behind this machine's");
    diagnosis.is("version", "ok", "HashiCorp Vault 1.20.0");
    off(600).await.is("clock", "fail", "s ahead of this machine's");
    off(20).await.is("clock", "warning", "s ahead of this machine's");
    off(0).await.is("clock", "ok", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_name_and_expiry_are_checked() {
    for (name, until, outcome, words) in [
        ("127.0.0.1", 4000, "ok", "days more, and for this name"),
        ("127.0.0.1", 2024, "fail", "expired at 2024-01-01T00:00:00Z"),
        ("vault.example.com", 4000, "fail", "for another name"),
    ] {
        let (pem, key) = certificate(name, until);
        let bao = Bao::tls(&pem, &key).await;
        let shell = Shell::at(&bao.tls_addr()).with("VAULT_TOKEN", bao.root_token());
        let authority = shell.file("ca.pem", &pem);
        let diagnosis = shell.with("VAULT_CACERT", &authority.display().to_string()).diagnosis(&[]);
        diagnosis.is("address", "ok", "");
        diagnosis.is("TLS", outcome, words);
        let reached = if outcome == "ok" { "fail" } else { "skipped" };
        diagnosis.is("root", reached, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_authority_differs_from_no_tls() {
    let (pem, key) = certificate("127.0.0.1", 4000);
    let bao = Bao::tls(&pem, &key).await;
    let (other, _) = certificate("127.0.0.1", 4000);
    let shell = Shell::at(&bao.tls_addr());
    let authority = shell.file("ca.pem", &other);
    let diagnosis = shell.with("VAULT_CACERT", &authority.display().to_string()).diagnosis(&[]);
    diagnosis.is("TLS", "fail", "signed by an unknown authority");
    let diagnosis = Shell::at(&bao.tls_addr()).diagnosis(&[]);
    diagnosis.is("TLS", "fail", "signed by an unknown authority");
    let diagnosis = Shell::at(&bao.addr().replace("http:", "https:")).diagnosis(&[]);
    diagnosis.is("TLS", "fail", "TLS handshake failed");
    let diagnosis = Shell::at(&bao.tls_addr().replace("https:", "http:")).diagnosis(&[]);
    diagnosis.is("address", "fail", "but not with Vault's health");
}
