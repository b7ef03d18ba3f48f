//! `tenants shred`.

use serde_json::json;

use super::{Platform, set};
use crate::support::{platform::create_key, shell::Shell};

#[tokio::test(flavor = "multi_thread")]
async fn deleted_key_leaves_ciphertext() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    for name in ["crm", "mcp/hostinger"] {
        set(&acme, "acme", name, &json!({"A": "1"}));
    }
    let operator = platform.holder("operator").await;
    let shred = ["tenants", "shred", "acme"];
    operator.run(&shred).failed(2, "add --confirm acme");
    operator.run(&[&shred[..], &["--confirm", "globex"]].concat()).failed(2, "another tenant");
    let other = operator.on_a_terminal(&shred, &[("tenant's name: ", "globex\n")]);
    assert!(other.code == Some(1) && other.stdout.contains("nothing was done"), "{other:?}");
    acme.run(&["secrets", "get", "acme", "crm"]).done();

    let root = Shell::to(&platform.bao, platform.bao.root_token());
    let report =
        root.on_a_terminal(&shred, &[("2 secrets of acme permanently unreadable", "no\n")]);
    assert_eq!(report.code, Some(1), "{report:?}");

    let done = operator.on_a_terminal(&shred, &[("tenant's name: ", "acme\n")]).done();
    assert!(done.contains("the key of acme is deleted"), "{done}");
    let read = acme.run(&["secrets", "get", "acme", "crm"]);
    assert!(read.code == Some(1) && read.stderr.contains("no key"), "{read:?}");
    let again = operator.run(&[&shred[..], &["--confirm", "acme"]].concat()).done();
    assert!(
        again.contains("acme has no key: it was shredded earlier, or never had one"),
        "{again}"
    );

    for tenant in ["acme", "nobody"] {
        let report = operator.run(&["tenants", "shred", tenant, "--confirm", tenant]).done();
        assert!(
            !report.contains("keep their AppRoles") && !report.contains("ciphertext"),
            "{tenant}: {report}"
        );
    }

    // Another key of the same name decrypts nothing of it.
    create_key(&platform.bao, "acme").await;
    acme.run(&["secrets", "get", "acme", "crm"]).failed(1, "with another key");
    let (status, _) = platform.bao.request("GET", "transit/keys/tenant-globex", None).await;
    assert_eq!(status, 200, "others keep theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn shred_deletes_ciphertexts_on_request() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    for name in ["a/b/c/d", "crm", "mcp/hostinger"] {
        set(&acme, "acme", name, &json!({"A": "1"}));
        set(&acme, "acme", name, &json!({"A": "2"}));
    }
    let shred = ["tenants", "shred", "acme", "--confirm", "acme", "--output", "json"];
    let operator = platform.holder("operator").await;
    let done = operator.run(&shred).json();
    assert_eq!((&done["key_deleted"], &done["secrets_unreadable"]), (&json!(true), &json!(null)));
    let purge = [&shred[..], &["--purge"]].concat();
    operator.run(&purge).failed(1, "not all ciphertext is");
    let root = Shell::to(&platform.bao, platform.bao.root_token());
    let done = root.run(&purge).json();
    let expected = json!({
        "tenant": "acme", "key_deleted": false, "secrets_unreadable": 3, "secrets_purged": 3,
    });
    assert_eq!(done, expected);
    let (status, _) =
        platform.bao.request("GET", "secret/metadata/tenants/acme?list=true", None).await;
    assert_eq!(status, 404);
    let done = root.run(&purge).json();
    assert_eq!(done["secrets_purged"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn shredded_secret_is_not_up_to_date() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let operator = platform.holder("operator").await;
    let rotator = platform.holder("key-rotator").await;
    set(&acme, "acme", "lost", &json!({"A": "1"}));
    for _ in 0..3 {
        rotator.run(&["tenants", "rotate", "acme"]).done();
    }
    operator.run(&["tenants", "shred", "acme", "--confirm", "acme"]).done();
    create_key(&platform.bao, "acme").await;
    set(&acme, "acme", "new", &json!({"A": "1"}));
    let rotated = rotator.run(&["tenants", "rotate", "acme"]);
    assert_eq!(rotated.code, Some(1), "{rotated:?}");
    assert!(rotated.stderr.contains("1 secret could not be processed"), "{rotated:?}");
    let named = "lost  the stored record was encrypted with a version that the key does not have";
    assert!(rotated.stdout.contains(named), "{rotated:?}");
    acme.run(&["secrets", "get", "acme", "lost"]).failed(1, "secrets set --replace");
    acme.run(&["secrets", "get", "acme", "new"]).done();
}
