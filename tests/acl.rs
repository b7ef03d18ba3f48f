//! ACL requirements, which Vault's policies decide: the capability and the path.

use std::time::Duration;

use serde_json::json;

use crate::{
    expect::{granted, refused},
    support::{
        backend::Backend,
        caddy::Caddy,
        direct::Direct,
        platform::{self, create_caller, set_policy, token_with},
        raw,
        stack::{Stack, bearer},
    },
};

/// Grants each capability on a path named for it.
const ONE_EACH: &str = r#"
    path "route/create" { capabilities = ["create"] }
    path "route/read"   { capabilities = ["read"] }
    path "route/update" { capabilities = ["update"] }
    path "route/patch"  { capabilities = ["patch"] }
    path "route/delete" { capabilities = ["delete"] }
    path "route/list"   { capabilities = ["list"] }
    path "route/sudo"   { capabilities = ["sudo"] }
    path "route/deny"   { capabilities = ["deny"] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn method_requires_exactly_its_capability() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, ONE_EACH).await;
    let before = service.calls("capabilities").await;
    let table: [(&str, &[&str]); 15] = [
        ("GET", &["read"]),
        ("HEAD", &["read"]),
        ("OPTIONS", &["read"]),
        ("POST", &["create", "update"]),
        ("PUT", &["update"]),
        ("PATCH", &["patch"]),
        ("DELETE", &["delete"]),
        ("get", &[]),
        ("Post", &[]),
        ("LIST", &[]),
        ("PROPFIND", &[]),
        ("TRACE", &[]),
        ("CONNECT", &[]),
        ("GET,POST", &[]),
        ("GET PUT", &[]),
    ];
    let on = ["create", "read", "update", "patch", "delete", "list", "sudo", "deny", "none"];
    for (method, sufficient) in table {
        for capability in on {
            let query = format!("acl=route/{capability}");
            let answer = service.request(method, "/", &query, &token).await;
            let expected = if sufficient.contains(&capability) { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{method} with {capability}");
            if expected == 403 {
                refused(&answer, "acl_denied");
            }
        }
    }
    let calls = service.calls("capabilities").await - before;
    assert_eq!(calls, on.len() as u64, "whatever the method, a path is asked about once");
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_headers_are_rejected() {
    let service = Direct::start().await;
    let authorization = bearer(&token_with(&service.bao, ONE_EACH).await);
    let token = ("authorization", authorization.as_str());
    let (method, uri) = (("x-forwarded-method", "GET"), ("x-forwarded-uri", "/read"));
    for query in ["acl=route/read", "acl_uri=route"] {
        granted(&service.validator.validate(query, &[token, method, uri]).await);
        for broken in [
            vec![token, uri],
            vec![token, uri, method, method],
            vec![token, uri, method, ("x-forwarded-method", "POST")],
            vec![token, uri, ("x-forwarded-method", "")],
            vec![token, uri, ("x-original-method", "GET")],
            vec![token, uri, ("x-http-method-override", "GET")],
        ] {
            refused(&service.validator.validate(query, &broken).await, "request_invalid");
        }
    }
    for broken in [
        vec![token, method],
        vec![token, method, uri, uri],
        vec![token, method, uri, ("x-forwarded-uri", "/other")],
        vec![token, method, ("x-forwarded-uri", "")],
        vec![token, method, ("x-forwarded-uri", "/ä")],
        vec![token, method, ("x-original-uri", "/read")],
    ] {
        refused(&service.validator.validate("acl_uri=route", &broken).await, "request_invalid");
    }
    granted(&service.validator.validate("acl=route/read", &[token, method]).await);
    granted(&service.validator.validate("", &[token]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn untrusted_peers_are_ignored() {
    let service = Direct::start_with(&[("VALIDATOR_TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let token = token_with(&service.bao, ONE_EACH).await;
    for query in ["acl=route/read", "acl_uri=route"] {
        refused(&service.request("GET", "/read", query, &token).await, "request_invalid");
    }
    granted(&service.request("GET", "/read", "", &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_headers_are_opt_in() {
    let service = Direct::start_with(&[("VALIDATOR_FORWARDED_HEADERS", "x-original")]).await;
    let token = token_with(&service.bao, ONE_EACH).await;
    let authorization = bearer(&token);
    let original = [
        ("authorization", authorization.as_str()),
        ("x-original-method", "GET"),
        ("x-original-uri", "/read?page=2"),
    ];
    for query in ["acl=route/read", "acl_uri=route"] {
        granted(&service.validator.validate(query, &original).await);
        refused(&service.request("GET", "/read", query, &token).await, "request_invalid");
    }
    // nginx leaves a client's own copies of the other family in place.
    let forged = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/read")];
    let posted = [original[0], ("x-original-method", "POST"), ("x-original-uri", "/patch")];
    let headers = [&posted[..], &forged].concat();
    refused(&service.validator.validate("acl_uri=route", &headers).await, "acl_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_checked_in_one_call() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, r#"path "a/*" { capabilities = ["read"] }"#).await;
    let calls = async || service.calls("capabilities").await;
    let before = calls().await;
    let query = "acl=a/1&acl=a/2&acl_uri=a/3&policy=default";
    refused(&service.request("GET", "/x", query, &token).await, "policy_required");
    assert_eq!(calls().await, before, "what the facts decide is decided first");
    granted(&service.request("GET", "/x", "acl=a/1&acl=a/2&acl_uri=a/3", &token).await);
    assert_eq!(calls().await, before + 1);
    for query in ["acl=a/1&acl=b/1", "acl=b/1&acl=a/1", "acl=a/1&acl_uri=b", "acl=a/1&acl=a"] {
        refused(&service.request("GET", "/x", query, &token).await, "acl_denied");
    }
    assert_eq!(calls().await, before + 4, "what is known of a path holds in any order");
    granted(&service.request("GET", "/x", "acl=a/1&acl=a/1", &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn deny_overrides_other_policies() {
    let service = Direct::start().await;
    set_policy(&service.bao, "wide", r#"path "route/+/secret" { capabilities = ["read"] }"#).await;
    set_policy(&service.bao, "no", r#"path "route/+/secret" { capabilities = ["deny"] }"#).await;
    let options = |policies: &[&str]| json!({"policies": policies, "ttl": "1h"});
    let wide = platform::token(&service.bao, options(&["wide"])).await;
    let both = platform::token(&service.bao, options(&["wide", "no"])).await;
    granted(&service.request("GET", "/", "acl=route/x/secret", &wide).await);
    refused(&service.request("GET", "/", "acl=route/x/secret", &both).await, "acl_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn template_uses_callers_entity() {
    let service = Direct::start().await;
    let template = r#"
        path "route/{{identity.entity.metadata.tenant}}/*" { capabilities = ["read"] }
        path "people/{{identity.entity.name}}" { capabilities = ["update"] }
    "#;
    set_policy(&service.bao, "template", template).await;
    let caller = create_caller(&service.bao, "ann", json!({"tenant": "acme"}), &["template"]).await;
    let ask = async |method, path: &str| {
        service.request(method, "/", &format!("acl={path}"), &caller.token).await
    };
    granted(&ask("GET", "route/acme/x").await);
    granted(&ask("PUT", "people/ann").await);
    refused(&ask("GET", "route/globex/x").await, "acl_denied");
    refused(&ask("PUT", "people/bob").await, "acl_denied");
    let literal = "route/%7B%7Bidentity.entity.metadata.tenant%7D%7D/x";
    refused(&ask("GET", literal).await, "requirement_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_has_all_capabilities() {
    let service = Direct::start_with(&[("VALIDATOR_ALLOW_ROOT", "true")]).await;
    let root = service.bao.root_token();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        granted(&service.request(method, "/", "acl=any/path", root).await);
    }
    refused(&service.request("PROPFIND", "/", "acl=any/path", root).await, "acl_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn path_trimmed_by_vault_is_ambiguous() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, r#"path "route/*" { capabilities = ["read"] }"#).await;
    for blank in ["%20", "%C2%A0", "%E1%9A%80", "%E2%80%83", "%E2%80%A8", "%E3%80%80"] {
        let uri = format!("/x{blank}");
        let answer = service.request("GET", &uri, "acl_uri=route/crm", &token).await;
        refused(&answer, "path_ambiguous");
        for query in [format!("acl=route/x{blank}"), format!("acl={blank}route/x")] {
            let answer = service.request("GET", "/", &query, &token).await;
            refused(&answer, "requirement_invalid");
        }
        let within = format!("/{blank}x/{blank}y/");
        granted(&service.request("GET", &within, "acl_uri=route/crm", &token).await);
    }
}

/// Targets that programs interpret differently.
const AMBIGUOUS: [&str; 12] = [
    "/a/../b",
    "/a/./b",
    "//a",
    "/a//b",
    "/a%2fb",
    "/a%5Cb",
    "/a;x/b",
    "/%2e%2e/b",
    "/a%00",
    "/%ff",
    "/a%252fb",
    "/a%",
];

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_path_makes_no_vault_call() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, r#"path "route/*" { capabilities = ["read"] }"#).await;
    granted(&service.ask(&token).await);
    let calls = async || service.validator.count("vault_requests_total").await;
    let before = calls().await;
    for uri in AMBIGUOUS {
        let answer = service.request("GET", uri, "acl_uri=route/crm", &token).await;
        refused(&answer, "path_ambiguous");
        refused(
            &service.request("GET", uri, "acl_uri=route/crm", "a b").await,
            "credential_malformed",
        );
    }
    assert_eq!(calls().await, before);
    let stranger = service.request("GET", "/a/../b", "acl_uri=route/crm", "s.unknown").await;
    refused(&stranger, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_forwards_path_and_method() {
    let stack = Stack::start().await;
    let policy = r#"
        path "route/acme/contacts/*" { capabilities = ["read"] }
        path "route/acme/J\u00fcrgen M" { capabilities = ["read"] }
        path "route/acme/notes" { capabilities = ["create"] }
    "#;
    set_policy(&stack.bao, "crm-admin", policy).await;
    let policies = ["crm-admin"];
    let caller = create_caller(&stack.bao, "ann", json!({"tenant": "acme"}), &policies).await;
    let requirement = "tenant={labels.2}&acl_uri=route/{labels.2}&policy=crm-admin";
    let (validator, backend) = (&stack.validator, Backend::start().await);
    let caddy = Caddy::guarding(requirement, validator.auth_address(), backend.address()).await;
    let deadline = Duration::from_secs(5);
    let send = async |method: &str, target: &str, more: &str| {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: acme.crm.localhost\r\nX-Vault-Token: {}\r\n\
             Content-Length: 0\r\n{more}\r\n",
            caller.token
        );
        raw::exchange(&caddy.address(), request.as_bytes(), deadline).await.expect("an answer")
    };
    for (method, target) in [
        ("GET", "/contacts/7"),
        ("OPTIONS", "/contacts/7?next=/../x"),
        ("GET", "/%63ontacts/a%20b"),
        ("GET", "/J%C3%BCrgen%20M"),
        ("POST", "/notes"),
    ] {
        assert_eq!(send(method, target, "").await.status, 200, "{method} {target}");
    }
    let passed = backend.hits();
    assert_eq!(passed, 5);
    for (method, target) in
        [("POST", "/contacts/7"), ("GET", "/notes"), ("GET", "/contacts"), ("GET", "/")]
    {
        let forged = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /contacts/7\r\n\
                      X-Original-Uri: /contacts/7\r\nX-HTTP-Method-Override: GET\r\n";
        refused(&send(method, target, forged).await.into(), "acl_denied");
    }
    for target in ["/contacts/../notes", "//contacts/7", "/contacts%2f7", "/contacts/;/7"] {
        refused(&send("GET", target, "").await.into(), "path_ambiguous");
    }
    assert_eq!(backend.hits(), passed, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_metadata_grants_nothing() {
    let service = Direct::start().await;
    let team = r#"path "route/{{identity.entity.metadata.team}}/*" { capabilities = ["read"] }"#;
    set_policy(&service.bao, "tenant", team).await;
    let caller = &service.acme.caller;
    let path = format!("identity/entity/id/{}", caller.entity_id);
    for (value, code) in [("a", None), ("a/*", Some("acl_denied"))] {
        let metadata = json!({"metadata": {"tenant": "acme", "team": value}});
        service.bao.must("POST", &path, Some(metadata)).await;
        service.validator.admin("DELETE", "/cache").await;
        let answer = service.request("GET", "/", "acl=route/a/x", &caller.token).await;
        match code {
            None => drop(granted(&answer)),
            Some(code) => refused(&answer, code),
        }
    }
}
