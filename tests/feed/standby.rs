//! A validator that asks a standby of a real cluster, with the feed of the active node.

use std::time::Duration;

use serde_json::{Value, json};

use super::SOON;
use crate::support::{
    bao::{Bao, cluster::Cluster},
    platform,
    stack::bearer,
    validator::Validator,
    wait::eventually,
};

/// Returns the status for this token, with the requirements in `query`.
async fn status(validator: &Validator, query: &str, token: &str) -> u16 {
    let authorization = bearer(token);
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/"),
    ];
    validator.validate(query, &headers).await.status
}

/// Waits until a token has this status.
async fn becomes(validator: &Validator, (query, token): (&str, &str), expected: u16, why: &str) {
    eventually(SOON, why, async || {
        (status(validator, query, token).await == expected).then_some(())
    })
    .await;
}

async fn log_in(leader: &Bao, name: &str) -> (String, String) {
    let body = json!({"password": "x", "token_policies": ["crm"]});
    leader.must("POST", &format!("auth/userpass/users/{name}"), Some(body)).await;
    let path = format!("auth/userpass/login/{name}");
    let login = leader.must("POST", &path, Some(json!({"password": "x"}))).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&login["auth"]["client_token"]), text(&login["auth"]["entity_id"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn change_counts_although_standby_is_behind() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let standby = cluster.other_than(leader);
    let (leader, standby) = (cluster.node(leader), cluster.node(standby));
    let role = platform::provision(leader).await;
    leader.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    let allowed = "path \"route/crm\" { capabilities = [\"read\"] }";
    platform::set_policy(leader, "crm", allowed).await;
    cluster.settle(&[0, 1, 2]).await;
    let address = format!("http://{}", standby.authority());
    let file = leader.audit_file().display().to_string();
    let env = [
        ("VAULT_ADDR", address.as_str()),
        ("VALIDATOR_AUDIT_FILE", &file),
        ("VALIDATOR_CACHE_TTL", "60s"),
        ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m"),
    ];
    let validator = Validator::start(leader, &role, &env).await;
    eventually(Duration::from_secs(20), "the feed", async || {
        (validator.metric("vault_auth_audit_feed_up").await > 0.5).then_some(())
    })
    .await;
    for round in 0..5 {
        let (token, entity) = log_in(leader, &format!("user{round}")).await;
        becomes(&validator, ("", &token), 200, "the new token").await;
        let disabled = json!({"disabled": true});
        leader.must("POST", &format!("identity/entity/id/{entity}"), Some(disabled)).await;
        becomes(&validator, ("", &token), 401, "the disabled entity").await;

        let (token, _) = log_in(leader, &format!("other{round}")).await;
        becomes(&validator, ("acl=route/crm", &token), 200, "the policy").await;
        leader.must("DELETE", "sys/policies/acl/crm", None).await;
        becomes(&validator, ("acl=route/crm", &token), 403, "the deleted policy").await;
        platform::set_policy(leader, "crm", allowed).await;
        becomes(&validator, ("acl=route/crm", &token), 200, "the new policy").await;
        leader.must("POST", "auth/token/revoke", Some(json!({ "token": token }))).await;
        becomes(&validator, ("", &token), 401, "the revoked token").await;
    }
}
