//! The paths of OpenBao's own API, so that none that takes rights away is forgotten.

use serde_json::{Value, json};

use super::LONG;
use crate::{
    expect::granted,
    support::{direct::Direct, http, platform},
};

/// The changes that take no right from a token that exists, by the start of their path.
const HARMLESS: [&str; 28] = [
    "auth/token/create",
    "auth/token/lookup",
    "auth/token/roles/",
    "identity/lookup/",
    "identity/mfa/",
    "identity/oidc/",
    "sys/audit-hash/",
    "sys/capabilities",
    "sys/control-group/",
    "sys/internal/",
    "sys/leases/lookup",
    "sys/leases/renew",
    // A lease of a secrets engine, as is every one whose id does not begin with `auth/`.
    "sys/leases/revoke/x",
    "sys/mfa/",
    "sys/mounts/x",
    "sys/seal",
    "sys/step-down",
    "sys/tools/",
    "sys/wrapping/",
    "secret/",
    "cubbyhole/",
    // Of a policy that the caller does not have.
    "sys/policies/acl/x",
    "sys/policy/x",
    // Of another entity.
    "identity/entity/id/x",
    "identity/entity/name/x",
    // A batch token of its own, and nobody else's.
    "auth/token/renew-self",
    "auth/token/revoke-self",
    "pki/",
];

/// Returns the paths of the token store, of identities and of the system that can be changed, with `x` for
/// each parameter.
async fn changeable_paths(service: &Direct) -> Vec<String> {
    let api = service.bao.must("GET", "sys/internal/specs/openapi", None).await;
    let paths = api["paths"].as_object().expect("the paths");
    let is_change = |methods: &Value| {
        ["post", "put", "patch", "delete"].iter().any(|method| methods.get(method).is_some())
    };
    let changes = paths.iter().filter(|(_, methods)| is_change(methods));
    let concrete = changes.map(|(path, _)| {
        let segments = path.trim_start_matches('/').split('/');
        let filled = segments.map(|part| if part.starts_with('{') { "x" } else { part });
        filled.collect::<Vec<_>>().join("/")
    });
    let concerns_tokens =
        |path: &String| ["auth/token/", "identity/", "sys/"].iter().any(|at| path.starts_with(at));
    concrete.filter(concerns_tokens).collect()
}

/// Posts the entry of a successful change by another caller.
async fn post_change(service: &Direct, path: &str) {
    let entry = json!({
        "type": "response",
        "auth": {"accessor": "another", "policies": ["root"]},
        "request": {"id": "x", "operation": "update", "path": path, "data": {}},
    });
    let url = format!("{}/audit", service.validator.admin_url());
    let headers = [("content-type", "application/json")];
    let client = http::client();
    let answer = http::send(&client, "POST", &url, &headers, Some(entry.to_string()));
    assert_eq!(answer.await.expect("an answer").status, 204, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_changing_path_is_judged() {
    let service = Direct::start_with(&LONG).await;
    let allowed = "path \"route/crm\" { capabilities = [\"read\"] }";
    platform::set_policy(&service.bao, "crm", allowed).await;
    let mut paths = changeable_paths(&service).await;
    assert!(paths.len() > 100, "{} paths", paths.len());
    let acme = &service.acme.caller;
    paths.extend([
        format!("identity/entity/id/{}", acme.entity_id),
        "sys/policies/acl/tenant".to_owned(),
        "sys/policy/tenant".to_owned(),
        "sys/mounts/auth/x".to_owned(),
        "sys/mounts/auth/x/tune".to_owned(),
        "sys/leases/revoke/auth/x/login/x/h0".to_owned(),
        "sys/unheard-of".to_owned(),
        "identity/unheard-of".to_owned(),
        "auth/token/revoke-unheard-of".to_owned(),
    ]);
    let is_harmless = |path: &String| HARMLESS.iter().any(|harmless| path.starts_with(harmless));
    // What Vault completes in the background evicts again later.
    paths.sort_by_key(|path| !is_harmless(path));
    let ask = async || service.request("GET", "/", "acl=route/crm", &acme.token).await;
    ask().await;
    for path in paths {
        let lookups = service.calls("lookup").await;
        post_change(&service, &path).await;
        granted(&service.ask(&acme.token).await);
        let is_evicted = service.calls("lookup").await > lookups;
        assert_eq!(is_evicted, !is_harmless(&path), "{path}");
        ask().await;
    }
}
