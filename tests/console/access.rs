//! The rules by which the console is protected from web pages and from other people.

use super::{ADMIN_TOKEN, REBOUND, get, with_admin_token};
use crate::support::{direct::Direct, http::Answer};

const PATHS: [&str; 2] = ["/", "/console/explain"];

fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn rebound_host_cannot_read_the_console() {
    let hosts = [("VALIDATOR_ADMIN_HOSTS", "validator")];
    let service = Direct::start_with(&hosts).await;
    for path in PATHS {
        for host in [REBOUND, "127.0.0.1.evil.example.com", "user@localhost"] {
            assert_refused(&get(&service, path, &[("host", host)]).await, 403, "host_not_allowed");
        }
        for host in ["localhost:9090", "validator:9090", "[::1]"] {
            assert_eq!(get(&service, path, &[("host", host)]).await.status, 200, "{host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_cannot_read_the_console() {
    let service = Direct::start().await;
    for path in PATHS {
        for origin in ["https://evil.example.com", "null", &service.validator.admin_url()] {
            let answer = get(&service, path, &[("origin", origin)]).await;
            assert_refused(&answer, 403, "origin_not_allowed");
        }
        for site in ["cross-site", "same-site", "unknown"] {
            for (mode, destination) in
                [("no-cors", "script"), ("no-cors", "image"), ("navigate", "iframe"), ("cors", "")]
            {
                let headers = [
                    ("sec-fetch-site", site),
                    ("sec-fetch-mode", mode),
                    ("sec-fetch-dest", destination),
                ];
                assert_refused(&get(&service, path, &headers).await, 403, "cross_site");
            }
        }
    }
    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let page = get(&service, "/", &link).await;
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn console_changes_nothing() {
    let service = Direct::start().await;
    let url = format!("{}/console/explain", service.validator.admin_url());
    for method in ["POST", "PUT", "DELETE"] {
        let client = crate::support::http::client();
        let answer = crate::support::http::send(&client, method, &url, &[], None).await;
        assert_refused(&answer.expect("an answer"), 405, "method_not_allowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_needs_the_admin_token() {
    let (service, _dir) = with_admin_token().await;
    super::deny(&service, "crm.example.com", "/seldom").await;
    let locked = get(&service, "/", &[]).await;
    assert_eq!(locked.status, 200);
    for part in ["/seldom", "crm.example.com", "tenant_mismatch<", "id=\"explain\""] {
        assert!(!locked.body.contains(part), "{part}");
    }
    let token = service.acme.token();
    let unauthorized = get(&service, "/console/explain", &[("x-vault-token", token)]).await;
    assert_refused(&unauthorized, 401, "credential_missing");
    let calls = service.calls("lookup").await;
    for path in PATHS {
        let wrong =
            [("authorization", "Bearer another-token-of-some-length"), ("x-vault-token", token)];
        assert_refused(&get(&service, path, &wrong).await, 401, "token_invalid");
    }
    assert_eq!(service.calls("lookup").await, calls);
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let open = get(&service, "/", &[("authorization", &bearer)]).await;
    assert!(open.status == 200 && open.body.contains("/seldom"), "{}", open.body);
    let authorized = [("authorization", bearer.as_str()), ("x-vault-token", token)];
    let explained = get(&service, "/console/explain?require=tenant%3Dacme", &authorized).await;
    assert!(explained.body.contains("Allowed: 200"), "{}", explained.body);
}
