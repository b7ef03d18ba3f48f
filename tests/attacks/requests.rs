//! Attacks that have another request judged than the one that is served.

use super::{request, send};
use crate::{
    expect::refused,
    support::{
        backend::{Backend, received},
        caddy::Caddy,
        direct::Direct,
        edge::Recipe,
        nginx,
        platform::set_policy,
        stack::{Stack, bearer},
    },
};

/// A site on which Vault grants acme read access to `/open` and below, and nothing else.
struct Paths {
    caddy: Caddy,
    service: Direct,
    backend: Backend,
}

impl Paths {
    async fn start() -> Self {
        let service = Direct::start().await;
        let read = "{ capabilities = [\"read\"] }";
        let policy = format!("path \"route/crm/open\" {read}\npath \"route/crm/open/*\" {read}");
        set_policy(&service.bao, "crm-agent", &policy).await;
        let backend = Backend::start().await;
        let validator = service.validator.auth_address();
        let caddy = Caddy::guarding("acl_uri=route/crm", validator, backend.address()).await;
        Self { caddy, service, backend }
    }

    /// Returns the status of acme's request with exactly these bytes.
    async fn ask(&self, method: &str, target: &str, lines: &str) -> u16 {
        let token = format!("X-Vault-Token: {}\r\n", self.service.acme.token());
        let line = format!("{method} {target} HTTP/1.1");
        let request = request(&line, "acme.crm.localhost", &[&token, lines]);
        send(&self.caddy.address(), request).await.status
    }

    /// Asserts that granted paths are served, so that the refusals are significant.
    async fn is_open(&self) {
        assert_eq!(self.backend.hits(), 0, "the application was asked");
        assert_eq!(self.ask("GET", "/open", "").await, 200);
        assert_eq!(self.ask("GET", "/open/in?x=/../y", "").await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a09_client_cannot_forge_path() {
    let paths = Paths::start().await;
    for lines in [
        "X-Forwarded-Uri: /open\r\n",
        "X-Forwarded-Uri: /open\r\nX-Forwarded-Uri: /open\r\n",
        "X-Original-URL: /open\r\nX-Rewrite-URL: /open\r\nX-Original-URI: /open\r\n",
        "X-Forwarded-Path: /open\r\nX-Forwarded-Prefix: /open\r\n",
        "Forwarded: for=127.0.0.1;path=\"/open\"\r\n",
    ] {
        assert_eq!(paths.ask("GET", "/closed", lines).await, 403, "{lines}");
    }
    paths.is_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_client_cannot_forge_host() {
    let stack = Stack::start().await;
    for (name, value) in [
        ("x-forwarded-host", "globex.crm.localhost"),
        ("x-forwarded-server", "globex.crm.localhost"),
        ("x-original-host", "globex.crm.localhost"),
        ("forwarded", "host=globex.crm.localhost;proto=https"),
        ("x-forwarded-proto", "javascript"),
        ("x-forwarded-port", "0"),
        ("x-forwarded-prefix", "/globex"),
    ] {
        let globex = [("x-vault-token", stack.globex.token()), (name, value)];
        refused(&stack.get("acme.crm.localhost", &globex).await, "tenant_mismatch");
        assert_eq!(stack.backend.hits(), 0, "{name}: the application was asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_judged_method_is_the_one_sent() {
    let paths = Paths::start().await;
    for name in
        ["X-Forwarded-Method", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Original-Method"]
    {
        let lines = format!("{name}: GET\r\n");
        for method in ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "get"] {
            assert_eq!(paths.ask(method, "/open", &lines).await, 403, "{method} {name}");
        }
    }
    for method in ["CONNECT", "TRACE"] {
        let status = paths.ask(method, "/open", "").await;
        assert!(matches!(status, 400 | 405), "{method}: {status}");
    }
    paths.is_open().await;
    let headers =
        [("x-vault-token", paths.service.acme.token()), ("x-http-method-override", "PUT")];
    let answer = paths.caddy.send("GET", "acme.crm.localhost", "/open", &headers).await;
    assert!(received(&answer.json(), "x-http-method-override").is_empty(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a12_ambiguous_path_is_refused() {
    let paths = Paths::start().await;
    for target in [
        "/open/../closed",
        "/open/%2e%2e/closed",
        "/open/.%2E/closed",
        "/open%2f..%2fclosed",
        "/open%2F..%2Fclosed",
        "/open/..;/closed",
        "/open/..%3b/closed",
        "/open;/../closed",
        "/open/x;y=../closed",
        "//open",
        "/open//in",
        "/./open",
        "/open%00",
        "/open%00/../../closed",
        "/open/%252e%252e/closed",
        "/open/%c0%ae%c0%ae/closed",
        "/open/%ff",
        "/open\\..\\closed",
        "/open/%5c../closed",
        "/open/#/../closed",
        "/open%23",
        "/open%3f",
        "/open%0d%0a",
        "/%6fpen/../closed",
    ] {
        let status = paths.ask("GET", target, "").await;
        assert!(matches!(status, 400 | 403), "{target}: {status}");
    }
    for target in ["/Open", "/closed", "/open.", "/openclosed", "/closed?/open", "/"] {
        assert_eq!(paths.ask("GET", target, "").await, 403, "{target}");
    }
    paths.is_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_every_path_needs_a_token() {
    let stack = Stack::start().await;
    for path in [
        "/",
        "/public",
        "/public/../x",
        "/healthz",
        "/readyz",
        "/metrics",
        "/validate",
        "/login",
        "/oauth2/callback",
        "/.well-known/openid-configuration",
        "/favicon.ico",
        "/static/app.js",
        "/?/public",
        "/x?a=b#/public",
    ] {
        let answer = stack.caddy.send("GET", "api.localhost", path, &[]).await;
        refused(&answer, "credential_missing");
    }
    assert_eq!(stack.backend.hits(), 0, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a15_unreadable_path_is_refused() {
    let paths = Paths::start().await;
    let token = paths.service.acme.token();
    let address = paths.service.validator.auth_address();
    let ask = async |uri: &[u8], more: &str| {
        let head = format!(
            "GET /validate?acl_uri=route/crm HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\
             X-Forwarded-Method: GET\r\n{more}X-Forwarded-Uri: "
        );
        send(address, [head.as_bytes(), uri, b"\r\n\r\n"].concat()).await.status
    };
    let unreadable: [&[u8]; 14] = [
        b"",
        b" ",
        b"*",
        b"open",
        b"http://[",
        b"http://h/open",
        b"//open",
        b"/%",
        b"/%zz",
        b"/open\xff",
        b"/open\xc3\xa4",
        b"/open\tx",
        b"?/open",
        b"#/open",
    ];
    for uri in unreadable {
        let status = ask(uri, "").await;
        assert!(matches!(status, 400 | 403), "{:?}: {status}", String::from_utf8_lossy(uri));
    }
    assert_eq!(ask(b"/open", "X-Forwarded-Uri: /closed\r\n").await, 400, "two of them");
    assert_eq!(ask(b"/open", "X-Forwarded-Method: POST\r\n").await, 400, "two methods");
    assert_eq!(ask(b"/open", "").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_client_query_is_no_requirement() {
    let stack = Stack::start().await;
    let (acme, globex) = (bearer(stack.acme.token()), bearer(stack.globex.token()));
    for query in ["tenant=globex", "tenant=globex&policy=crm-agent", "&tenant=globex", "policy=%"] {
        let path = format!("/?{query}");
        let ask = async |authorization: &str| {
            let headers = [("authorization", authorization)];
            stack.caddy.send("GET", "acme.crm.localhost", &path, &headers).await
        };
        refused(&ask(&globex).await, "tenant_mismatch");
        assert_eq!(ask(&acme).await.json()["uri"], path.as_str(), "not the whole request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_decoded_path_hides_no_requirement() {
    let service = Direct::start().await;
    set_policy(&service.bao, "crm-agent", r#"path "route/*" { capabilities = ["read"] }"#).await;
    let backend = Backend::start().await;
    let validator = service.validator.auth_address();
    // nginx decodes the path before it inserts it.
    let ask = async |requirement: &str, target: &str| {
        let recipe = Recipe { requirement, ..Recipe::PLAIN };
        let nginx = nginx::start(validator, backend.address(), recipe).await;
        let token = format!("X-Vault-Token: {}\r\n", service.acme.token());
        let line = format!("GET {target} HTTP/1.1");
        send(&nginx.address(), request(&line, "acme.crm.localhost", &[&token])).await.status
    };
    let (granted, denied) = ("acl=route$uri&policy=crm-agent", "acl=route$uri&policy=crm-admin");
    assert_eq!(ask(granted, "/open").await, 200);
    assert_eq!(backend.hits(), 1);
    assert_eq!(ask(denied, "/open").await, 403);
    for target in ["/open%23", "/open%23x", "/open%22", "/open%25", "/open%7B%7D"] {
        assert_eq!(ask(denied, target).await, 500, "{target}");
    }
    assert_eq!(backend.hits(), 1, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_user_agent_gives_no_access() {
    let stack = Stack::start().await;
    for agent in ["Go-http-client/1.1", "kube-probe/1.31", "ELB-HealthChecker/2.0", "GoogleHC/1.0"]
    {
        refused(&stack.get("api.localhost", &[("user-agent", agent)]).await, "credential_missing");
    }
    assert_eq!(stack.backend.hits(), 0, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_host_variants_keep_their_tenant() {
    let stack = Stack::start().await;
    let (acme, globex) = (bearer(stack.acme.token()), bearer(stack.globex.token()));
    let mut served = 0;
    for host in [
        "acme.crm.localhost",
        "ACME.CRM.LOCALHOST",
        "aCmE.crm.localhost:80",
        "acme.crm.localhost.",
        "acme.crm.localhost:",
        "acme..crm.localhost",
        "acme%2ecrm.localhost",
        "globex.acme.crm.localhost",
        "acme.crm.localhost, globex.crm.localhost",
        "acme.crm.localhost/globex.crm.localhost",
        "acme@globex.crm.localhost",
    ] {
        let ask = async |authorization: &str| {
            let lines = format!("Authorization: {authorization}\r\n");
            send(&stack.caddy.address(), request("GET / HTTP/1.1", host, &[&lines])).await
        };
        let answer = ask(&acme).await;
        if answer.status == 200 {
            served += 1;
            assert_eq!(received(&answer.json(), "x-auth-tenant"), ["acme"], "{host}");
        }
        let answer = ask(&globex).await;
        assert!((400..500).contains(&answer.status), "{host}: {answer:?}");
    }
    assert!(served >= 3, "only {served} spellings of acme's host are served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_tenant_is_of_the_routed_host() {
    let stack = Stack::start().await;
    let address = stack.caddy.address();
    let (acme, globex) = (stack.acme.token(), stack.globex.token());
    let absolute = async |token: &str| {
        let token = format!("X-Vault-Token: {token}\r\n");
        let line = "GET http://globex.crm.localhost/ HTTP/1.1";
        send(&address, request(line, "acme.crm.localhost", &[&token])).await
    };
    refused(&absolute(acme).await, "tenant_mismatch");
    assert_eq!(stack.backend.hits(), 0, "the application was asked");
    let seen = absolute(globex).await.json();
    assert_eq!(received(&seen, "host"), ["globex.crm.localhost"]);
    assert_eq!(received(&seen, "x-auth-tenant"), ["globex"]);

    let hits = stack.backend.hits();
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
        "GET / HTTP/1.1\r\nHost: acme.crm.localhost\r\nHost: globex.crm.localhost\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n",
    ] {
        let answer = send(&address, format!("{head}X-Vault-Token: {acme}\r\n\r\n")).await;
        assert!((400..500).contains(&answer.status), "{head}: {answer:?}");
    }
    assert_eq!(stack.backend.hits(), hits, "the application was asked");
}
