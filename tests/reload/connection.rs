//! Certificates of the connection to Vault.

use std::fs;

use serde_json::json;

use super::{Configured, TIMEOUT, new_token};
use crate::{
    expect::granted,
    support::{
        bao::Bao,
        platform::{self, AppRole},
        tls::Authority,
        wait::eventually,
    },
};

const HOST: &str = "127.0.0.1";

/// Starts everything with a Vault that speaks TLS; the settings of the connection are in `client`.
async fn start(bao: Bao, settings: &str) -> Configured {
    let address = bao.tls_addr();
    Configured::on(bao, &address, settings).await
}

/// Validates a token that is not cached, so that Vault is asked.
async fn validate_new_token(service: &Configured) -> u16 {
    let token = new_token(&service.bao).await;
    service.ask("", &token).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_authority_is_trusted_after_reload() {
    let (old, new) = (Authority::new(), Authority::new());
    let (certificate, key) = old.issue(HOST);
    let bao = Bao::tls(&certificate, &key).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    fs::write(&file, old.pem()).expect("a file");
    let service = start(bao, &format!("vault_cacert = \"{}\"", file.display())).await;
    granted(&service.ask("", service.acme.token()).await);
    assert_eq!(validate_new_token(&service).await, 200);
    let logins = service.bao.audited("auth/approle/login");

    // As long as Vault's certificate is of the old authority, the new one alone is refused.
    let half = new.pem().get(..new.pem().len() / 2).expect("half of it").to_owned();
    for (content, reason) in [
        (new.pem(), "certificate is not trusted"),
        (half.as_str(), "cannot configure TLS"),
        ("", "cannot configure TLS"),
    ] {
        fs::write(&file, content).expect("a file");
        service.signal("failed").await;
        service.line(&["configuration not reloaded", reason]).await;
        assert_eq!(validate_new_token(&service).await, 200, "{reason}");
    }
    // Both together are accepted, before and after Vault has another certificate.
    fs::write(&file, [old.pem(), new.pem()].concat()).expect("a file");
    service.signal("ok").await;
    service.line(&["configuration reloaded", "VAULT_CACERT=(new content)"]).await;
    assert_eq!(validate_new_token(&service).await, 200);
    let (certificate, key) = new.issue(HOST);
    service.bao.replace_certificate(&certificate, &key);
    fs::write(&file, new.pem()).expect("a file");
    let reloaded = "vault_auth_config_reloads_total{outcome=\"ok\"}";
    let before = service.validator.count(reloaded).await;
    eventually(TIMEOUT, "a reload with Vault's new certificate", async || {
        service.validator.process().signal("HUP");
        (service.validator.count(reloaded).await > before).then_some(())
    })
    .await;
    assert_eq!(validate_new_token(&service).await, 200);
    assert_eq!(service.bao.audited("auth/approle/login"), logins, "it stays logged in");
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_ends_an_outage_by_an_unknown_authority() {
    let (old, new) = (Authority::new(), Authority::new());
    let (certificate, key) = old.issue(HOST);
    let bao = Bao::tls(&certificate, &key).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    fs::write(&file, old.pem()).expect("a file");
    let settings = format!("vault_cacert = \"{}\"", file.display());
    let address = bao.tls_addr();
    let mut service = start(bao, &settings).await;
    let (certificate, key) = new.issue(HOST);
    service.bao.replace_certificate(&certificate, &key);
    service.bao.restart().await;
    // The server is empty. Its new role gets the former id, so that no setting changes.
    let AppRole { secret_id, .. } = platform::provision(&service.bao).await;
    let former = json!({"role_id": service.role.role_id});
    service.bao.must("POST", "auth/approle/role/validator/role-id", Some(former)).await;
    service.validator.write_secret_id(&secret_id);
    service.validator.unready("vault_unavailable").await;
    fs::write(&file, new.pem()).expect("a file");
    service.write_for(&address, &settings);
    service.signal("ok").await;
    service.validator.ready().await;
    assert_eq!(validate_new_token(&service).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_client_certificate_is_used_after_reload() {
    let [server, old, new, other] = [(); 4].map(|()| Authority::new());
    let (certificate, key) = server.issue(HOST);
    let bao = Bao::mutual_tls((&certificate, &key), &[old.pem(), new.pem()].concat()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, content: &str| fs::write(path(name), content).expect("a file");
    let (certificate, key) = old.issue("validator");
    write("ca.pem", server.pem());
    write("client.pem", &certificate);
    write("client.key", &key);
    let settings = format!(
        "vault_cacert = \"{}\"\nvault_client_cert = \"{}\"\nvault_client_key = \"{}\"",
        path("ca.pem"),
        path("client.pem"),
        path("client.key")
    );
    let service = start(bao, &settings).await;
    assert_eq!(validate_new_token(&service).await, 200);

    let (certificate, key) = other.issue("validator");
    write("client.pem", &certificate);
    write("client.key", &key);
    service.signal("failed").await;
    service.line(&["configuration not reloaded", "connection"]).await;
    assert_eq!(validate_new_token(&service).await, 200, "Vault does not know the other authority");

    let (certificate, key) = new.issue("validator");
    write("client.pem", &certificate);
    service.signal("failed").await;
    service.line(&["configuration not reloaded", "cannot configure TLS"]).await;
    assert_eq!(validate_new_token(&service).await, 200, "the key is still the old one");
    write("client.key", &key);
    service.signal("ok").await;
    assert_eq!(validate_new_token(&service).await, 200);
}
