//! Every way of taking a right away, at the real OpenBao with a feed to the validator.

use serde_json::{Value, json};

use super::{SOON, cache, is_refused, start};
use crate::{
    expect::{granted, refused},
    support::{direct::Direct, platform, wait::eventually},
};

/// A token with everything by which it can be named.
struct Caller {
    token: String,
    accessor: String,
    entity_id: String,
    alias_id: String,
    name: String,
}

/// Creates a user of a `userpass` mount of its own, and logs in.
async fn user(service: &Direct, name: &str) -> Caller {
    let bao = &service.bao;
    let mount = format!("sys/auth/people-{name}");
    bao.must("POST", &mount, Some(json!({"type": "userpass"}))).await;
    let body = json!({"password": "x", "token_policies": ["tenant"]});
    bao.must("POST", &format!("auth/people-{name}/users/{name}"), Some(body)).await;
    let path = format!("auth/people-{name}/login/{name}");
    let login = bao.must("POST", &path, Some(json!({"password": "x"}))).await["auth"].clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let entity_id = text(&login["entity_id"]);
    let entity = bao.must("GET", &format!("identity/entity/id/{entity_id}"), None).await;
    Caller {
        token: text(&login["client_token"]),
        accessor: text(&login["accessor"]),
        alias_id: text(&entity["data"]["aliases"][0]["id"]),
        name: text(&entity["data"]["name"]),
        entity_id,
    }
}

/// Creates a token and one that ends with it.
async fn parent_and_child(service: &Direct) -> (String, String) {
    let options = json!({"policies": ["root"], "ttl": "1h", "no_parent": true});
    let parent = platform::token(&service.bao, options).await;
    let options = json!({"policies": ["tenant"], "ttl": "1h"});
    let path = "auth/token/create";
    let child = service.bao.request_as(&parent, "POST", path, Some(options)).await.1;
    (parent, child["auth"]["client_token"].as_str().expect("a token").to_owned())
}

/// A change with its path and body.
type Request = (&'static str, String, Value);

/// The changes that end a user's token, each with its name.
fn changes(caller: &Caller) -> Vec<(&'static str, Request)> {
    let Caller { token, accessor, entity_id, alias_id, name } = caller;
    let post = |path: &str, body: Value| ("POST", path.to_owned(), body);
    let delete = |path: String| ("DELETE", path, json!(null));
    let mount = name.clone();
    vec![
        ("revoke", post("auth/token/revoke", json!({ "token": token }))),
        ("revoke-orphan", post("auth/token/revoke-orphan", json!({ "token": token }))),
        ("revoke-accessor", post("auth/token/revoke-accessor", json!({ "accessor": accessor }))),
        (
            "entity disabled",
            post(&format!("identity/entity/id/{entity_id}"), json!({"disabled": true})),
        ),
        (
            "entity disabled by name",
            post(&format!("identity/entity/name/{name}"), json!({"disabled": true})),
        ),
        (
            "entity disabled in body",
            post("identity/entity", json!({"id": entity_id, "disabled": true})),
        ),
        ("entity deleted", delete(format!("identity/entity/id/{entity_id}"))),
        ("entity deleted by name", delete(format!("identity/entity/name/{name}"))),
        (
            "entities deleted",
            post("identity/entity/batch-delete", json!({"entity_ids": [entity_id]})),
        ),
        ("alias", delete(format!("identity/entity-alias/id/{alias_id}"))),
        (
            "prefix",
            post(&format!("sys/leases/revoke-prefix/auth/people-{mount}"), json!({"sync": true})),
        ),
        ("force", post(&format!("sys/leases/revoke-force/auth/people-{mount}"), json!({}))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn change_ends_token_at_once() {
    let service = start().await;
    let names = changes(&user(&service, "nobody").await).len();
    for index in 0..names {
        let login = format!("user{index}");
        let mut caller = user(&service, &login).await;
        let renamed = json!({ "name": login });
        let path = format!("identity/entity/id/{}", caller.entity_id);
        service.bao.must("POST", &path, Some(renamed)).await;
        caller.name = login;
        let (name, (method, path, body)) = changes(&caller).swap_remove(index);
        cache(&service, &caller.token).await;
        service.bao.must(method, &path, Some(body)).await;
        let at_vault = service.bao.request_as(&caller.token, "GET", "auth/token/lookup-self", None);
        if at_vault.await.0 == 200 {
            // Vault still accepts the token, without the identity that it had.
            let answer = service.ask(&caller.token).await;
            assert_eq!(answer.header("x-auth-cache"), Some("miss"), "{name}");
        } else {
            is_refused(&service, &caller.token, name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn named_token_is_evicted_alone() {
    let service = start().await;
    let bao = &service.bao;
    let mut callers = Vec::new();
    for index in 0..5 {
        callers.push(user(&service, &format!("user{index}")).await);
    }
    for token in callers.iter().map(|caller| &*caller.token).chain([service.globex.token()]) {
        cache(&service, token).await;
    }
    for (index, caller) in callers.iter().enumerate() {
        if index == 4 {
            let revoke = bao.request_as(&caller.token, "POST", "auth/token/revoke-self", None);
            assert_eq!(revoke.await.0, 204);
        } else {
            let (method, path, body) = changes(caller).swap_remove(index).1;
            bao.must(method, &path, Some(body)).await;
        }
        let lookups = service.calls("lookup").await;
        is_refused(&service, &caller.token, "the change").await;
        let answer = service.ask(service.globex.token()).await;
        assert_eq!(answer.header("x-auth-cache"), Some("hit"), "another token was evicted");
        assert!(service.calls("lookup").await <= lookups + 1, "it was looked up more than once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn child_ends_with_its_parent() {
    let service = start().await;
    let bao = &service.bao;
    for how in ["revoke-self", "revoke", "revoke-accessor", "expiry"] {
        let (parent, child) = parent_and_child(&service).await;
        cache(&service, &child).await;
        let looked_up = bao.request_as(&parent, "GET", "auth/token/lookup-self", None).await.1;
        let accessor = &looked_up["data"]["accessor"];
        match how {
            "revoke-self" => {
                bao.request_as(&parent, "POST", "auth/token/revoke-self", None).await;
            }
            "revoke" => {
                bao.must("POST", "auth/token/revoke", Some(json!({ "token": parent }))).await;
            }
            "revoke-accessor" => {
                let body = json!({ "accessor": accessor });
                bao.must("POST", "auth/token/revoke-accessor", Some(body)).await;
            }
            _ => {
                let body = json!({"token": parent, "increment": "1s"});
                bao.must("POST", "auth/token/renew", Some(body)).await;
                let lookup =
                    async || bao.request_as(&parent, "GET", "auth/token/lookup-self", None).await;
                eventually(SOON * 2, "the parent's expiry", async || {
                    (lookup().await.0 != 200).then_some(())
                })
                .await;
            }
        }
        is_refused(&service, &child, how).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shortened_token_ends_at_its_new_time() {
    let service = start().await;
    let caller = user(&service, "short").await;
    cache(&service, &caller.token).await;
    let body = json!({"increment": "2s"});
    let path = "auth/token/renew-self";
    assert_eq!(service.bao.request_as(&caller.token, "POST", path, Some(body)).await.0, 200);
    let answer = eventually(SOON * 3, "the end of the token", async || {
        let answer = service.ask(&caller.token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused(&answer, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_change_evicts_capabilities() {
    let service = start().await;
    let bao = &service.bao;
    let allowed = "path \"route/crm\" { capabilities = [\"read\"] }";
    platform::set_policy(bao, "crm", allowed).await;
    let options = json!({"policies": ["crm"], "ttl": "1h", "no_parent": true});
    let token = platform::token(bao, options).await;
    let ask = async || service.request("GET", "/", "acl=route/crm", &token).await;
    for remove in [true, false] {
        platform::set_policy(bao, "crm", allowed).await;
        eventually(SOON, "the policy", async || (ask().await.status == 200).then_some(())).await;
        if remove {
            bao.must("DELETE", "sys/policies/acl/crm", None).await;
        } else {
            platform::set_policy(bao, "crm", "path \"x\" { capabilities = [\"read\"] }").await;
        }
        let answer = eventually(SOON, "the loss of the policy", async || {
            let answer = ask().await;
            (answer.status != 200).then_some(answer)
        })
        .await;
        refused(&answer, "acl_denied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn group_change_evicts_policies() {
    let service = start().await;
    let bao = &service.bao;
    let caller = user(&service, "member").await;
    let group =
        json!({"name": "crm", "policies": ["crm"], "member_entity_ids": [caller.entity_id]});
    bao.must("POST", "identity/group/name/crm", Some(group)).await;
    let ask = async || service.require("policy=crm", &caller.token).await;
    granted(&ask().await);
    let empty = json!({"policies": ["crm"], "member_entity_ids": []});
    bao.must("POST", "identity/group/name/crm", Some(empty)).await;
    eventually(SOON, "the loss of the group", async || (ask().await.status == 403).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_change_takes_effect_at_once() {
    let service = start().await;
    let bao = &service.bao;
    let caller = user(&service, "ana").await;
    let entity = format!("identity/entity/id/{}", caller.entity_id);
    bao.must("POST", &entity, Some(json!({"metadata": {"tenant": "acme"}}))).await;
    let ask = async || service.require("tenant=acme", &caller.token).await;
    eventually(SOON, "the tenant", async || (ask().await.status == 200).then_some(())).await;
    bao.must("POST", &entity, Some(json!({"metadata": {"tenant": "globex"}}))).await;
    eventually(SOON, "the other tenant", async || (ask().await.status == 403).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_auth_method_ends_tokens() {
    let service = start().await;
    let bao = &service.bao;
    for (name, method, path) in
        [("gone", "DELETE", "sys/auth/people-gone"), ("moved", "POST", "sys/remount")]
    {
        let caller = user(&service, name).await;
        cache(&service, &caller.token).await;
        let body = json!({"from": format!("auth/people-{name}"), "to": "auth/elsewhere"});
        bao.must(method, path, Some(body)).await;
        is_refused(&service, &caller.token, path).await;
    }
}
