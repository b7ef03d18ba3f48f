//! The recipes for nginx and Traefik, each run as it stands in `deploy/` and asked the same.

use serde_json::json;

use crate::{
    expect::IDENTITY,
    support::{
        backend::{Backend, received},
        direct::Direct,
        edge::{Edge, REQUIREMENT},
        fault::Fault,
        http::Answer,
        nginx,
        platform::{Tenant, create_caller, set_policy},
        stack::bearer,
        traefik,
    },
};

/// Which proxy stands in front.
#[derive(Clone, Copy)]
enum Proxy {
    Nginx,
    Traefik,
}

/// A proxy with everything behind it. Fields are in the order in which they are to be stopped.
struct Site {
    edge: Edge,
    service: Direct,
    backend: Backend,
}

impl Site {
    async fn start(proxy: Proxy) -> Self {
        Self::require(proxy, REQUIREMENT).await
    }

    /// A site that asks for this, besides the tenant.
    async fn require(proxy: Proxy, requirement: &str) -> Self {
        let service = Direct::start().await;
        let backend = Backend::start().await;
        let (validator, application) = (service.validator.auth_address(), backend.address());
        let edge = match proxy {
            Proxy::Nginx => nginx::start_with(validator, application, requirement).await,
            Proxy::Traefik => traefik::start_with(validator, application, requirement).await,
        };
        Self { edge, service, backend }
    }

    /// Asks for acme's page with this `Authorization`.
    async fn acme(&self, authorization: &str) -> Answer {
        self.edge.send("GET", "acme", "/", &[("authorization", authorization)], None).await
    }

    /// Refused with this status, and the application has heard nothing of it.
    fn stopped(&self, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{answer:?}\n{}", self.edge.log());
        assert_eq!(self.backend.hits(), 0, "the application was asked");
    }
}

/// The application was told who this is, and nothing else of the kind.
fn introduced(answer: &Answer, tenant: &Tenant) {
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

/// Who may come in, who may not, and what a client is told.
async fn callers_are_told_apart(proxy: Proxy) {
    let site = Site::start(proxy).await;
    let (acme, globex) = (&site.service.acme, &site.service.globex);
    let answer = site.acme(&bearer(globex.token())).await;
    site.stopped(&answer, 403);
    let visitor = json!({"tenant": "acme"});
    let visitor = create_caller(&site.service.bao, "visitor", visitor, &["tenant"]).await;
    site.stopped(&site.acme(&bearer(&visitor.token)).await, 403);
    let answer = site.edge.send("GET", "acme", "/", &[], None).await;
    site.stopped(&answer, 401);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="vault""#));
    for garbage in ["Bearer s.unknown", "Bearer", "Bearer a b", "Bearer \"a\"", "bearer ä"] {
        let answer = site.acme(garbage).await;
        site.stopped(&answer, 401);
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
    introduced(&site.acme(&bearer(acme.token())).await, acme);
    let headers = [("x-vault-token", globex.token())];
    introduced(&site.edge.send("GET", "globex", "/", &headers, None).await, globex);
}

/// What a client writes itself is replaced or gone; what is the application's own stays.
async fn forgeries_do_not_arrive(proxy: Proxy) {
    let site = Site::start(proxy).await;
    let acme = &site.service.acme;
    let forged = IDENTITY.into_iter().chain(FORGED);
    let token = acme.token();
    let headers: Vec<_> = forged.map(|name| (name, "forged")).collect();
    let headers = [&[("x-vault-token", token), ("x-own", "kept")], &headers[..]].concat();
    let answer = site.edge.send("GET", "acme", "/a?b=c", &headers, None).await;
    introduced(&answer, acme);
    assert!(!answer.body.contains("forged"), "{}", answer.body);
    let seen = answer.json();
    assert_eq!(seen["uri"], "/a?b=c");
    assert_eq!(received(&seen, "x-own"), ["kept"]);
    assert_eq!(received(&seen, "host"), ["acme.crm.localhost"]);
    assert_eq!(received(&seen, "x-forwarded-for"), ["127.0.0.1"]);

    let answer = site.edge.send("POST", "acme", "/in", &headers, Some("a body, whole")).await;
    introduced(&answer, acme);
    let seen = answer.json();
    assert_eq!((seen["method"].as_str(), seen["body"].as_str()), (Some("POST"), Some(BODY)));
}

const BODY: &str = "a body, whole";

/// Headers that the application must not get from a client.
const FORGED: [&str; 8] = [
    "x-auth-cache",
    "x-forwarded-for",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-original-url",
    "x-http-method-override",
    "forwarded",
    "x-forwarded-user",
];

/// Vault is asked about the path and method of the request, whatever a client says they are.
async fn the_real_path_and_method_are_judged(proxy: Proxy) {
    let site = Site::require(proxy, "acl_uri=route/crm").await;
    let policy = "path \"route/crm/open\" { capabilities = [\"read\"] }";
    set_policy(&site.service.bao, "crm-agent", policy).await;
    let authorization = bearer(site.service.acme.token());
    let ask = async |method: &str, path: &str, forged: &[(&str, &str)]| {
        let headers = [&[("authorization", authorization.as_str())], forged].concat();
        site.edge.send(method, "acme", path, &headers, None).await
    };
    for forged in [
        [("x-forwarded-uri", "/open"), ("x-forwarded-method", "GET")],
        [("x-original-uri", "/open"), ("x-original-method", "GET")],
        [("x-original-url", "/open"), ("x-http-method-override", "GET")],
        [("connection", "x-forwarded-uri, x-forwarded-method"), ("x-forwarded-uri", "/open")],
    ] {
        site.stopped(&ask("GET", "/closed", &forged).await, 403);
        site.stopped(&ask("POST", "/open", &forged).await, 403);
        site.stopped(&ask("GET", "/closed?x=/open", &forged).await, 403);
    }
    let answer = ask("GET", "/open", &[("x-forwarded-uri", "/closed")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Nobody comes in while somebody who has to be asked is away.
async fn nobody_comes_in_unjudged(proxy: Proxy) {
    let site = Site::start(proxy).await;
    let away: &[u16] = match proxy {
        Proxy::Nginx => &[500],
        Proxy::Traefik => &[500, 503],
    };
    let authorization = bearer(site.service.acme.token());
    site.service.fault.set(Fault::Garbage).await;
    let answer = site.acme(&authorization).await;
    assert!(away.contains(&answer.status), "Vault is away: {answer:?}");
    site.service.validator.process().kill();
    let answer = site.acme(&authorization).await;
    assert!(away.contains(&answer.status), "the validator is away: {answer:?}");
    assert_eq!(site.backend.hits(), 0, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_lets_in_whom_the_validator_does_and_says_who_that_is() {
    callers_are_told_apart(Proxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_lets_in_whom_the_validator_does_and_says_who_that_is() {
    callers_are_told_apart(Proxy::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_on_no_forged_header_and_the_whole_request() {
    forgeries_do_not_arrive(Proxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_passes_on_no_forged_header_and_the_whole_request() {
    forgeries_do_not_arrive(Proxy::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_about_the_real_path_and_method() {
    the_real_path_and_method_are_judged(Proxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_asks_about_the_real_path_and_method() {
    the_real_path_and_method_are_judged(Proxy::Traefik).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_lets_nobody_in_while_vault_or_the_validator_is_away() {
    nobody_comes_in_unjudged(Proxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_lets_nobody_in_while_vault_or_the_validator_is_away() {
    nobody_comes_in_unjudged(Proxy::Traefik).await;
}
