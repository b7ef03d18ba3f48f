//! `X-Auth-Subject`: a readable name that is unique in Vault.

use serde_json::json;

use crate::{
    expect::granted,
    identity::lookup,
    support::{bao::Bao, direct::Direct},
};

/// Returns `X-Auth-Subject` of the caller with this token, which has to be accepted.
async fn subject_of(service: &Direct, token: &str) -> String {
    granted(&service.ask(token).await)[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_differ_by_mount() {
    let service = Direct::start().await;
    let bao = &service.bao;
    for mount in ["userpass", "partners", "team/userpass"] {
        let kind = json!({"type": "userpass"});
        bao.must("POST", &format!("sys/auth/{mount}"), Some(kind)).await;
    }
    let subject = async |mount, name| subject_of(&service, &person(bao, mount, name).await).await;
    assert_eq!(subject("userpass", "ana").await, "ana");
    assert_eq!(subject("partners", "ana").await, "ana@partners/");
    assert_eq!(subject("team/userpass", "ana").await, "ana@team/userpass/");
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_name_includes_mount() {
    let service = Direct::start_with(&[("VALIDATOR_SUBJECT_MOUNT", "token")]).await;
    let bao = &service.bao;
    for (name, subject) in [
        ("ana", "ana"),
        ("ana@partners/", "ana@partners/@token/"),
        ("ana@example.com", "ana@example.com@token/"),
        ("entity:acme", "entity:acme@token/"),
    ] {
        let role = json!({"allowed_entity_aliases": name, "token_type": "default-service"});
        bao.must("POST", "auth/token/roles/named", Some(role)).await;
        let options = json!({"entity_alias": name, "policies": ["default"]});
        let answer = bao.must("POST", "auth/token/create/named", Some(options)).await;
        let token = answer["auth"]["client_token"].as_str().expect("a token");
        assert_eq!(subject_of(&service, token).await, subject);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subject_mount_is_configurable() {
    let service = Direct::start_with(&[("VALIDATOR_SUBJECT_MOUNT", "/partners/")]).await;
    let bao = &service.bao;
    for mount in ["userpass", "partners"] {
        let kind = json!({"type": "userpass"});
        bao.must("POST", &format!("sys/auth/{mount}"), Some(kind)).await;
    }
    let ana = person(bao, "partners", "ana").await;
    assert_eq!(subject_of(&service, &ana).await, "ana");
    let ana = person(bao, "userpass", "ana").await;
    assert_eq!(subject_of(&service, &ana).await, "ana@userpass/");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_aliases_use_entity_name() {
    let service = Direct::start().await;
    let bao = &service.bao;
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    let alice = person(bao, "userpass", "alice").await;
    assert_eq!(subject_of(&service, &alice).await, "alice");
    let entity_id = lookup(bao, &alice).await["entity_id"].clone();
    let mounts = bao.must("GET", "sys/auth", None).await;
    let second = json!({
        "name": "alice-elsewhere",
        "canonical_id": entity_id,
        "mount_accessor": mounts["data"]["approle/"]["accessor"],
    });
    bao.must("POST", "identity/entity-alias", Some(second)).await;
    let path = format!("identity/entity/id/{}", entity_id.as_str().expect("an id"));
    bao.must("POST", &path, Some(json!({"name": "alice the first, 100%"}))).await;
    let again = person(bao, "userpass", "alice").await;
    assert_eq!(subject_of(&service, &again).await, "entity:alice the first, 100%25");
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_mounts_alias_is_ignored() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "0s")]).await;
    let bao = &service.bao;
    bao.must("POST", "sys/auth/partners", Some(json!({"type": "userpass"}))).await;
    let ana = person(bao, "partners", "ana").await;
    let entity_id = lookup(bao, &ana).await["entity_id"].clone();
    let path = format!("identity/entity/id/{}", entity_id.as_str().expect("an id"));
    bao.must("POST", &path, Some(json!({"name": "ana-of-partners"}))).await;
    assert_eq!(subject_of(&service, &ana).await, "ana@partners/");
    // Another token of the entity outlives the mount.
    let role = json!({"allowed_entity_aliases": "stays", "token_type": "default-service"});
    bao.must("POST", "auth/token/roles/stays", Some(role)).await;
    let mounts = bao.must("GET", "sys/auth", None).await;
    let alias = json!({
        "name": "stays",
        "canonical_id": entity_id,
        "mount_accessor": mounts["data"]["token/"]["accessor"],
    });
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
    let options = json!({"entity_alias": "stays", "policies": ["default"]});
    let answer = bao.must("POST", "auth/token/create/stays", Some(options)).await;
    let stays = answer["auth"]["client_token"].as_str().expect("a token");
    assert_eq!(subject_of(&service, stays).await, "entity:ana-of-partners");
    bao.must("DELETE", "sys/auth/partners", None).await;
    let left = subject_of(&service, stays).await;
    assert!(["entity:ana-of-partners", "stays@token/"].contains(&left.as_str()), "{left}");
}

/// Creates a user with this name at an auth mount, and logs in.
async fn person(bao: &Bao, mount: &str, name: &str) -> String {
    let password = json!({"password": "pw", "token_policies": ["default"]});
    bao.must("POST", &format!("auth/{mount}/users/{name}"), Some(password.clone())).await;
    let path = format!("auth/{mount}/login/{name}");
    let (_, answer) = bao.request_as("", "POST", &path, Some(password)).await;
    answer["auth"]["client_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}
