//! Parts of the forwarded request that ACL requirements check: its method, method overrides, and its
//! path, and not the rest of its query.

use std::time::Duration;

use crate::{
    expect::{granted, refused},
    support::{direct::Direct, platform::token_with, raw, stack::bearer},
};

/// Grants to read one path.
const READ: &str = r#"path "route/read" { capabilities = ["read"] }"#;

/// Queries with bytes that are not valid in a URI.
const QUERIES: [&[u8]; 5] =
    [b"q=J\xc3\xbcrgen", b"q=\xff", b"q=%zz&\"{}|^<>\\", b"a=/../b;c=d#e", b"%00?%2f%2e%2e"];

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_query_accepts_any_bytes() {
    let service = Direct::start().await;
    let policy = r#"path "route/crm/contacts" { capabilities = ["read"] }"#;
    let token = token_with(&service.bao, policy).await;
    let address = service.validator.auth_address();
    for acl in ["acl_uri=route/crm", "acl=route/crm/contacts"] {
        for query in QUERIES {
            let head = format!(
                "GET /validate?{acl} HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\
                 X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /contacts?"
            );
            let request = [head.as_bytes(), query, b"\r\n\r\n"].concat();
            let answer = raw::exchange(address, &request, Duration::from_secs(5)).await;
            granted(&answer.expect("an answer").into());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_method_override_is_checked() {
    let service = Direct::start().await;
    let policy = r#"path "route/*" { capabilities = ["create", "read"] }"#;
    let token = token_with(&service.bao, policy).await;
    for acl in ["acl=route/chatwoot", "acl_uri=route"] {
        let ask = async |method: &str, query: &str| {
            service.request(method, &format!("/chatwoot?{query}"), acl, &token).await
        };
        refused(&ask("DELETE", "").await, "acl_denied");
        for query in [
            "_method=delete",
            "_method=DELETE",
            "a=b&_METHOD=Delete",
            "a=b;_method=delete",
            "%5fmethod=%64elete",
            "_method[]=delete",
            "_method=post&_method=put",
            "_method=",
            "_method=lock",
            "_HttpMethod=PATCH",
            "X-HTTP-Method-Override=PUT",
        ] {
            refused(&ask("POST", query).await, "acl_denied");
            refused(&ask("GET", query).await, "acl_denied");
        }
        for query in ["", "_method=get", "_method=Post&_method=HEAD", "method=delete", "a=_method"]
        {
            granted(&ask("POST", query).await);
        }
        refused(&ask("PUT", "_method=get").await, "acl_denied");
    }
    granted(&service.request("POST", "/chatwoot?_method=delete", "", &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_uri_checks_method_only() {
    let service = Direct::start().await;
    let authorization = bearer(&token_with(&service.bao, READ).await);
    let known = [("authorization", authorization.as_str()), ("x-forwarded-method", "GET")];
    granted(&service.validator.validate("acl=route/read", &known).await);
    let twice = [&known[..], &[("x-forwarded-uri", "/"), ("x-forwarded-uri", "/")]].concat();
    refused(&service.validator.validate("acl=route/read", &twice).await, "request_invalid");
}
