//! The recipes for Caddy, nginx, Traefik and Envoy, each run as in `deploy/` with the same requests.

mod addresses;
mod cors;
mod headers;

use serde_json::json;

use crate::{
    expect::IDENTITY,
    support::{
        backend::{Backend, received},
        direct::Direct,
        edge::{Edge, Recipe},
        edges::{self, Edges},
        fault::Fault,
        http::Answer,
        platform::{Tenant, create_caller, set_policy},
        stack::bearer,
    },
};

/// Every proxy with a recipe, in front of one validator and one application. Fields are in the order
/// in which they are to be stopped.
struct Proxies {
    edges: Edges,
    service: Direct,
    backend: Backend,
}

impl Proxies {
    /// Starts each with its unchanged recipe.
    async fn start() -> Self {
        Self::with(Recipe::PLAIN).await
    }

    /// Starts each with its recipe changed like this.
    async fn with(recipe: Recipe<'_>) -> Self {
        Self::before(Direct::start().await, recipe).await
    }

    /// Starts each in front of this validator.
    async fn before(service: Direct, recipe: Recipe<'_>) -> Self {
        let backend = Backend::start().await;
        let (validator, application) = (service.validator.auth_address(), backend.address());
        let edges = edges::start(validator, application, recipe).await;
        Self { edges, service, backend }
    }

    /// Asserts that a request is denied with this status and does not reach the application.
    async fn assert_denied(
        &self,
        name: &str,
        answer: impl Future<Output = Answer>,
        status: u16,
    ) -> Answer {
        let before = self.backend.hits();
        let answer = answer.await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert_eq!(self.backend.hits(), before, "{name}: the application was asked");
        answer
    }
}

/// Requests acme's page with this `Authorization`.
async fn acme(edge: &Edge, authorization: &str) -> Answer {
    edge.send("GET", "acme", "/", &[("authorization", authorization)], None).await
}

/// Asserts that the application received exactly this tenant's identity headers.
fn assert_identity(answer: &Answer, tenant: &Tenant) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = answer.json();
    let caller = &tenant.caller;
    assert_eq!(received(&seen, "x-auth-tenant"), [tenant.name.as_str()]);
    assert_eq!(received(&seen, "x-auth-entity-id"), [caller.entity_id.as_str()]);
    assert_eq!(received(&seen, "x-auth-subject"), [caller.subject()]);
    assert_eq!(received(&seen, "x-auth-policies"), ["crm-agent,default,tenant"]);
    assert_eq!(received(&seen, "x-auth-token-type"), ["service"]);
    assert_eq!(received(&seen, "x-auth-expires").len(), 1);
    assert!(!answer.body.contains(&caller.token), "the application has the token");
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_forward_identity() {
    let proxies = Proxies::start().await;
    let (tenant, globex) = (&proxies.service.acme, &proxies.service.globex);
    let metadata = json!({"tenant": "acme"});
    let visitor = create_caller(&proxies.service.bao, "visitor", metadata, &["tenant"]).await;
    for (name, edge) in &proxies.edges {
        for token in [globex.token(), &visitor.token] {
            proxies.assert_denied(name, acme(edge, &bearer(token)), 403).await;
        }
        let anonymous = edge.send("GET", "acme", "/", &[], None);
        let answer = proxies.assert_denied(name, anonymous, 401).await;
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="vault""#), "{name}");
        for garbage in ["Bearer s.unknown", "Bearer", "Bearer a b", "Bearer \"a\"", "bearer ä"] {
            let answer = proxies.assert_denied(name, acme(edge, garbage), 401).await;
            let challenge = answer.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains("invalid_token"), "{name}: {challenge}");
        }
        assert_identity(&acme(edge, &bearer(tenant.token())).await, tenant);
        let headers = [("x-vault-token", globex.token())];
        assert_identity(&edge.send("GET", "globex", "/", &headers, None).await, globex);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_drop_only_forged_headers() {
    const BODY: &str = "a body, whole";
    let proxies = Proxies::start().await;
    let tenant = &proxies.service.acme;
    let forged = IDENTITY.into_iter().chain(FORGED).map(|name| (name, "forged"));
    let own = [("x-vault-token", tenant.token()), ("x-own", "kept"), ("authorization", "Own kept")];
    let headers: Vec<_> = own.into_iter().chain(forged).collect();
    for (name, edge) in &proxies.edges {
        let answer = edge.send("GET", "acme", "/a?b=c", &headers, None).await;
        assert_identity(&answer, tenant);
        assert!(!answer.body.contains("forged"), "{name}: {}", answer.body);
        let seen = answer.json();
        assert_eq!(seen["uri"], "/a?b=c", "{name}");
        assert_eq!(received(&seen, "x-own"), ["kept"], "{name}");
        // Traefik cannot distinguish schemes.
        let own: &[&str] = if *name == "Traefik" { &[] } else { &["Own kept"] };
        assert_eq!(received(&seen, "authorization"), own, "{name}");
        assert_eq!(received(&seen, "host"), ["acme.crm.localhost"], "{name}");
        assert_eq!(received(&seen, "x-forwarded-for"), ["127.0.0.1"], "{name}");

        let answer = edge.send("POST", "acme", "/in", &headers, Some(BODY)).await;
        assert_identity(&answer, tenant);
        let seen = answer.json();
        let request = (seen["method"].as_str(), seen["body"].as_str());
        assert_eq!(request, (Some("POST"), Some(BODY)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_tenant_host_is_not_served() {
    let proxies = Proxies::start().await;
    let authorization = bearer(proxies.service.acme.token());
    let headers = [("authorization", authorization.as_str())];
    let long = "a".repeat(64);
    let judged = proxies.service.validator.count("decisions_total").await;
    for (name, edge) in &proxies.edges {
        // Traefik and Envoy name each tenant's host.
        let status = if matches!(*name, "Caddy" | "nginx") { 421 } else { 404 };
        for label in ["-x", "_x", &long] {
            let answer = edge.send("GET", label, "/", &headers, None);
            proxies.assert_denied(name, answer, status).await;
        }
    }
    let after = proxies.service.validator.count("decisions_total").await;
    assert_eq!(after, judged, "the validator was asked");
}

/// Headers that the application must not get from a client.
const FORGED: [&str; 11] = [
    "x-auth-cache",
    "x-forwarded-for",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-prefix",
    "x-original-url",
    "x-http-method-override",
    "x-method-override",
    "forwarded",
    "true-client-ip",
    "x-forwarded-user",
];

#[tokio::test(flavor = "multi_thread")]
async fn proxies_send_path_and_method() {
    let recipe = Recipe { requirement: "acl_uri=route/crm", ..Recipe::PLAIN };
    let proxies = Proxies::with(recipe).await;
    let policy = "path \"route/crm/open\" { capabilities = [\"read\"] }";
    set_policy(&proxies.service.bao, "crm-agent", policy).await;
    let authorization = bearer(proxies.service.acme.token());
    for (name, edge) in &proxies.edges {
        let ask = async |method: &str, path: &str, forged: &[(&str, &str)]| {
            let headers = [&[("authorization", authorization.as_str())], forged].concat();
            edge.send(method, "acme", path, &headers, None).await
        };
        for forged in [
            [("x-forwarded-uri", "/open"), ("x-forwarded-method", "GET")],
            [("x-original-uri", "/open"), ("x-original-method", "GET")],
            [("x-original-url", "/open"), ("x-http-method-override", "GET")],
        ] {
            proxies.assert_denied(name, ask("GET", "/closed", &forged), 403).await;
            proxies.assert_denied(name, ask("POST", "/open", &forged), 403).await;
            proxies.assert_denied(name, ask("GET", "/closed?x=/open", &forged), 403).await;
        }
        let hop =
            [("connection", "x-forwarded-uri, x-forwarded-method"), ("x-forwarded-uri", "/open")];
        // Caddy's guard refuses the request before it is judged.
        let status = if *name == "Caddy" { 400 } else { 403 };
        proxies.assert_denied(name, ask("GET", "/closed", &hop), status).await;
        let answer = ask("GET", "/open", &[("x-forwarded-uri", "/closed")]).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_deny_during_outages() {
    let proxies = Proxies::start().await;
    let authorization = bearer(proxies.service.acme.token());
    // Each proxy's status while Vault is unavailable, and while the validator is.
    let away = |name: &str| match name {
        "Caddy" => (503, 502),
        "nginx" => (500, 500),
        "Traefik" => (503, 500),
        _ => (503, 503),
    };
    proxies.service.fault.set(Fault::Garbage).await;
    for (name, edge) in &proxies.edges {
        proxies.assert_denied(name, acme(edge, &authorization), away(name).0).await;
    }
    proxies.service.validator.process().kill();
    for (name, edge) in &proxies.edges {
        proxies.assert_denied(name, acme(edge, &authorization), away(name).1).await;
    }
}
