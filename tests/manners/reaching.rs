//! Connections to Vault: certificates, and the variables of Vault's own command.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

use crate::support::{bao::Bao, shell::Shell};

/// A self-signed certificate that is an authority's, as `openssl req -x509` makes them, and its key.
fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let names = ["127.0.0.1".to_owned(), "vault.example.com".to_owned()];
    let mut params = CertificateParams::new(names).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(4000, 1, 1));
    change(&mut params);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).expect("a file");
    path
}

fn list(shell: &Shell) -> crate::support::shell::Ended {
    shell.run(&["tenants", "list"])
}

#[tokio::test(flavor = "multi_thread")]
async fn matching_self_signed_cert_is_trusted() {
    let dir = tempfile::tempdir().expect("a folder");
    let (pem, key) = self_signed(|_| ());
    let bao = Bao::tls(&pem, &key).await;
    let shell = Shell::new(&bao.tls_addr(), bao.root_token());
    let own = file(dir.path(), "own.pem", &pem).display().to_string();
    list(&shell.clone().with("VAULT_CACERT", &own)).done();
    let doctor = shell.clone().with("VAULT_CACERT", &own).run(&["doctor", "--operator"]);
    assert!(doctor.stdout.contains("days more, and for this name"), "{doctor:?}");

    let (other, _) = self_signed(|_| ());
    let other = file(dir.path(), "other.pem", &other).display().to_string();
    for shell in [shell.clone(), shell.clone().with("VAULT_CACERT", &other)] {
        let ended = list(&shell);
        ended.failed(1, "set VAULT_CACERT to the certificate authorities");
        assert!(!ended.stderr.contains("Other") && !ended.stderr.contains("UsedAs"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mismatched_self_signed_cert_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let expired = self_signed(|params| params.not_after = date_time_ymd(2024, 1, 1));
    let early = self_signed(|params| params.not_before = date_time_ymd(3999, 1, 1));
    let clients = self_signed(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let nameless = self_signed(|params| params.subject_alt_names.clear());
    let elsewhere = self_signed(|params| {
        *params = CertificateParams::new(["vault.internal".to_owned()]).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    for ((pem, key), words) in [
        (expired, "expired at 2024-01-01T00:00:00Z"),
        (early, "not valid yet"),
        (clients, "not issued for server authentication"),
        (nameless, "it has no subjectAltName; expected 127.0.0.1"),
        (elsewhere, "it is for vault.internal; expected 127.0.0.1"),
    ] {
        let bao = Bao::tls(&pem, &key).await;
        let own = file(dir.path(), "own.pem", &pem).display().to_string();
        let shell = Shell::new(&bao.tls_addr(), bao.root_token()).with("VAULT_CACERT", &own);
        list(&shell).failed(1, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_certificate_is_trusted() {
    let dir = tempfile::tempdir().expect("a folder");
    let made = Command::new("openssl")
        .args("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -days 30".split(' '))
        .args(["-subj", "/CN=vault", "-addext", "subjectAltName=IP:127.0.0.1"])
        .current_dir(dir.path())
        .output();
    // Not every machine has it.
    let Ok(made) = made else { return };
    assert!(made.status.success(), "{made:?}");
    let text = |name| fs::read_to_string(dir.path().join(name)).expect("a file");
    let bao = Bao::tls(&text("own.pem"), &text("key.pem")).await;
    let own = dir.path().join("own.pem").display().to_string();
    list(&Shell::new(&bao.tls_addr(), bao.root_token()).with("VAULT_CACERT", &own)).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_variables_apply_or_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (pem, key) = self_signed(|_| ());
    let bao = Bao::tls(&pem, &key).await;
    let folder = dir.path().join("authorities");
    fs::create_dir(&folder).expect("a folder");
    let own = file(&folder, "own.pem", &pem).display().to_string();
    file(&folder, "README", "no certificate");
    let folder = folder.display().to_string();
    let shell = Shell::new(&bao.tls_addr(), bao.root_token());
    for name in ["VAULT_CAPATH", "BAO_CAPATH"] {
        list(&shell.clone().with(name, &folder)).done();
        let empty = tempfile::tempdir().expect("a folder");
        let ended = list(&shell.clone().with(name, &empty.path().display().to_string()));
        ended.failed(1, "no file in it has a PEM certificate");
        list(&shell.clone().with(name, "/nowhere")).failed(2, "/nowhere is not a folder");
    }
    let trusting = shell.with("VAULT_CACERT", &own);
    let localhost =
        trusting.clone().with("VAULT_ADDR", &bao.tls_addr().replace("127.0.0.1", "localhost"));
    list(&localhost).failed(1, "VAULT_TLS_SERVER_NAME");
    for name in ["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"] {
        list(&localhost.clone().with(name, "vault.example.com")).done();
        list(&trusting.clone().with(name, "other.example.com")).failed(1, "another name");
        list(&trusting.clone().with(name, "a b")).failed(2, "is not a host name");
        let doctor =
            localhost.clone().with(name, "vault.example.com").run(&["doctor", "--operator"]);
        assert!(doctor.stdout.contains("days more, and for this name"), "{doctor:?}");
    }
    for name in ["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"] {
        for off in ["false", "0", ""] {
            list(&trusting.clone().with(name, off)).done();
        }
        for on in ["true", "1", "yes"] {
            list(&trusting.clone().with(name, on)).failed(2, "certificates are always verified");
        }
    }
    let bytes = trusting.clone().with("VAULT_CACERT_BYTES", &pem);
    list(&bytes).failed(2, "set VAULT_CACERT to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_cli_values_are_accepted() {
    let bao = Bao::dev().await;
    let shell = Shell::to(&bao, bao.root_token());
    for namespace in ["/", "root", "/root/", "root/"] {
        list(&shell.clone().with("VAULT_NAMESPACE", namespace)).done();
    }
    list(&shell.clone().with("VAULT_NAMESPACE", "a b")).failed(2, "VAULT_NAMESPACE");
    list(&shell.clone().with("BAO_ADDR", &format!("{}/", bao.addr()))).done();
    list(&shell.clone().with("BAO_ADDR", "http://127.0.0.1:1")).failed(2, "differ");
    let namespaces = shell.clone().with("VAULT_NAMESPACE", "team");
    list(&namespaces.with("BAO_NAMESPACE", "/team/"))
        .failed(1, "the namespace in VAULT_NAMESPACE does not exist");
}
