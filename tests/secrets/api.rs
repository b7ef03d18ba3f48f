//! Secrets over HTTP, from the first version to the last.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    expect::problem,
    support::{direct::Direct, http::Answer, platform},
};

const CRM: &str = "/v1/tenants/acme/secrets/crm";

/// A body that holds these values.
fn holding(values: &Value) -> Value {
    json!({ "data": values })
}

async fn get(service: &Direct, path: &str) -> Answer {
    service.api("GET", path, service.acme.token(), &[], None).await
}

async fn put(service: &Direct, headers: &[(&str, &str)], values: &Value) -> Answer {
    service.api("PUT", CRM, service.acme.token(), headers, Some(holding(values))).await
}

/// A success whose body is JSON, with what every answer says; the body without its time.
fn document(answer: &Answer, status: u16, tag: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    for (name, value) in [
        ("content-type", "application/json"),
        ("etag", tag),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    let mut document = answer.json();
    let time = document["created_at"].take();
    assert!(time.as_str().is_some_and(|time| time.ends_with('Z')), "{time}");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_is_created_replaced_deleted() {
    let service = Direct::start().await;
    problem(&get(&service, CRM).await, 404, "secret_not_found");
    let values = json!({"URL": "postgres://crm", "PASSWORD": "a \"b\" $c"});
    let created = put(&service, &[("if-none-match", "*")], &values).await;
    let about = json!({
        "tenant": "acme", "name": "crm", "version": 1, "key_version": 1, "created_at": null,
    });
    assert_eq!(document(&created, 201, "\"1\""), about);
    assert_eq!(created.header("location"), Some(CRM));
    let mut whole = about.clone();
    whole["data"] = values.clone();
    let read = get(&service, CRM).await;
    assert_eq!(document(&read, 200, "\"1\""), whole);
    assert_eq!(read.header("vary"), Some("accept"));

    problem(&put(&service, &[("if-none-match", "*")], &values).await, 412, "version_conflict");
    problem(&put(&service, &[("if-match", "\"2\"")], &values).await, 412, "version_conflict");
    let replaced = put(&service, &[("if-match", "\"1\"")], &json!({"URL": "other"})).await;
    assert_eq!(document(&replaced, 200, "\"2\"")["version"], 2);
    assert_eq!(replaced.header("location"), None);
    let unconditional = put(&service, &[], &json!({"URL": "third"})).await;
    assert_eq!(document(&unconditional, 200, "\"3\"")["version"], 3);
    assert_eq!(get(&service, CRM).await.json()["data"], json!({"URL": "third"}));
    assert_eq!(get(&service, &format!("{CRM}?version=1")).await.json()["data"], values);
    let message =
        problem(&get(&service, &format!("{CRM}?version=9")).await, 404, "version_not_found");
    assert_eq!(message, "there is no version 9; the latest is 3");
    let nowhere = get(&service, "/v1/tenants/acme/secrets/none?version=9").await;
    problem(&nowhere, 404, "secret_not_found");

    let delete = async |headers: &[(&str, &str)]| {
        service.api("DELETE", CRM, service.acme.token(), headers, None).await
    };
    problem(&delete(&[("if-match", "\"2\"")]).await, 412, "version_conflict");
    let deleted = delete(&[("if-match", "\"3\"")]).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    problem(&delete(&[]).await, 404, "secret_deleted");
    let gone = problem(&get(&service, CRM).await, 404, "secret_deleted");
    assert!(gone.contains("version 3"), "{gone}");
    let again = put(&service, &[("if-none-match", "*")], &values).await;
    assert_eq!(document(&again, 201, "\"4\"")["version"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn patch_keeps_other_values() {
    let service = Direct::start().await;
    let patch = async |headers: &[(&str, &str)], values: Value| {
        service.api("PATCH", CRM, service.acme.token(), headers, Some(holding(&values))).await
    };
    problem(&patch(&[], json!({"A": "1"})).await, 404, "secret_not_found");
    put(&service, &[], &json!({"A": "1", "B": "2"})).await;
    let patched = patch(&[("if-match", "\"1\"")], json!({"B": null, "C": "3"})).await;
    assert_eq!(document(&patched, 200, "\"2\"")["version"], 2);
    assert_eq!(get(&service, CRM).await.json()["data"], json!({"A": "1", "C": "3"}));
    let late = patch(&[("if-match", "\"1\"")], json!({"A": "late"})).await;
    problem(&late, 412, "version_conflict");
    assert_eq!(get(&service, CRM).await.json()["data"], json!({"A": "1", "C": "3"}));
    service.api("DELETE", CRM, service.acme.token(), &[], None).await;
    problem(&patch(&[], json!({"A": "1"})).await, 404, "secret_deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_is_returned_as_env_or_value() {
    let service = Direct::start().await;
    put(&service, &[], &json!({"B": "a b$", "A": "plain", "C": "two\nlines"})).await;
    let compose = "A=plain\nB=\"a b\\$\"\nC=\"two\\nlines\"\n";
    let sh = "A=plain\nB=\"a b\\$\"\nC=\"two\nlines\"\n";
    for (query, accept, expected) in [
        ("?format=env", "*/*", compose),
        ("", "text/plain", compose),
        ("", "text/plain, */*;q=0.5", compose),
        ("?dialect=sh", "application/json", sh),
        ("?format=env&dialect=systemd&version=1", "*/*", sh),
        ("?field=B", "application/json", "a b$"),
        ("?field=C&version=1", "*/*", "two\nlines"),
    ] {
        let path = format!("{CRM}{query}");
        let accept = [("accept", accept)];
        let answer = service.api("GET", &path, service.acme.token(), &accept, None).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected), "{query}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let refused = get(&service, &format!("{CRM}?dialect=docker")).await;
    let message = problem(&refused, 422, "value_inexpressible");
    assert!(message.contains("`C`") && message.contains("docker"), "{message}");
    assert!(!refused.body.contains("two"), "{refused:?}");
    problem(&get(&service, &format!("{CRM}?field=NONE")).await, 404, "field_not_found");
    let json = [("accept", "text/plain")];
    let path = format!("{CRM}?format=json");
    let answer = service.api("GET", &path, service.acme.token(), &json, None).await;
    assert_eq!(answer.json()["data"]["A"], "plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn current_version_is_304_and_head_has_none() {
    let service = Direct::start().await;
    put(&service, &[], &json!({"A": "1"})).await;
    let token = service.acme.token();
    let known = service.api("GET", CRM, token, &[("if-none-match", "\"1\"")], None).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    assert_eq!(known.header("etag"), Some("\"1\""));
    let other = service.api("GET", CRM, token, &[("if-none-match", "\"2\"")], None).await;
    assert_eq!(other.status, 200);
    let head = service.api("HEAD", CRM, token, &[], None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("etag"), Some("\"1\""));
    assert_eq!(head.header("content-length"), other.header("content-length"));
}

#[tokio::test(flavor = "multi_thread")]
async fn list_has_names_and_versions() {
    let service = Direct::start().await;
    let list = "/v1/tenants/acme/secrets";
    let empty = get(&service, list).await;
    assert_eq!(empty.json(), json!({"tenant": "acme", "secrets": []}));
    let token = service.acme.token();
    for name in ["crm", "mcp/hostinger", "crm", "gone", "a/b/c/d"] {
        let path = format!("{list}/{name}");
        service.api("PUT", &path, token, &[], Some(holding(&json!({"A": "1"})))).await;
    }
    service.api("DELETE", &format!("{list}/gone"), token, &[], None).await;
    let expected = json!([
        {"name": "a/b/c/d", "version": 1},
        {"name": "crm", "version": 2},
        {"name": "mcp/hostinger", "version": 1},
    ]);
    assert_eq!(get(&service, list).await.json()["secrets"], expected);
    let globex = service.api("GET", list, service.globex.token(), &[], None).await;
    problem(&globex, 403, "acl_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_fifty_requests_wins() {
    let service = std::sync::Arc::new(Direct::start().await);
    put(&service, &[], &json!({"A": "0"})).await;
    let mut writers = JoinSet::new();
    for number in 1..=50 {
        let service = std::sync::Arc::clone(&service);
        writers.spawn(async move {
            let values = json!({"A": number.to_string()});
            let answer = put(&service, &[("if-match", "\"1\"")], &values).await;
            (number, answer)
        });
    }
    let mut winners = Vec::new();
    for (number, answer) in writers.join_all().await {
        match answer.status {
            200 => winners.push(number),
            _ => drop(problem(&answer, 412, "version_conflict")),
        }
    }
    let [winner] = winners[..] else { panic!("{winners:?} have won") };
    let read = get(&service, CRM).await;
    assert_eq!(document(&read, 200, "\"2\"")["data"], json!({"A": winner.to_string()}));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mebibyte_secret_is_stored() {
    let service = Direct::start().await;
    let frame = json!({"data": {"A": ""}}).to_string().len();
    let value = "x".repeat(1024 * 1024 - frame);
    let created = put(&service, &[], &json!({ "A": value })).await;
    assert_eq!(created.status, 201, "{created:?}");
    let field = get(&service, &format!("{CRM}?field=A")).await;
    assert!(field.status == 200 && field.body == value, "{}", field.status);
    let larger = put(&service, &[], &json!({ "A": format!("{value}x") })).await;
    problem(&larger, 413, "body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_secret_keeps_old_version() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bao = crate::support::bao::Bao::raft(dir.path()).await;
    let service = Direct::on(bao, &[]).await;
    put(&service, &[], &json!({"A": "small"})).await;
    let large = put(&service, &[], &json!({ "A": "x".repeat(900_000) })).await;
    problem(&large, 413, "secret_too_large");
    assert_eq!(get(&service, CRM).await.json()["data"], json!({"A": "small"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_data_is_distinguished() {
    let service = Direct::start().await;
    put(&service, &[], &json!({"A": "1"})).await;
    let read = service.bao.must("GET", "secret/data/tenants/acme/crm", None).await;
    let copy = json!({"data": read["data"]["data"]});
    service.bao.must("POST", "secret/data/tenants/acme/copy", Some(copy)).await;
    let plain = json!({"data": {"GREETING": "hello"}});
    service.bao.must("POST", "secret/data/tenants/acme/plain", Some(plain)).await;
    for name in ["copy", "plain"] {
        let path = format!("/v1/tenants/acme/secrets/{name}");
        problem(&get(&service, &path).await, 409, "secret_unreadable");
        let body = Some(holding(&json!({"A": "2"})));
        let token = service.acme.token();
        let patched = service.api("PATCH", &path, token, &[], body.clone()).await;
        problem(&patched, 409, "secret_unreadable");
        assert_eq!(service.api("PUT", &path, token, &[], body).await.status, 200);
        assert_eq!(get(&service, &path).await.json()["data"], json!({"A": "2"}));
    }
    let plain = json!({"data": {"GREETING": "hello"}});
    service.bao.must("POST", "secret/data/tenants/acme/plain", Some(plain)).await;
    let path = "/v1/tenants/acme/secrets/plain";
    let deleted = service.api("DELETE", path, service.acme.token(), &[], None).await;
    assert_eq!(deleted.status, 204, "it is in the way, and may go: {deleted:?}");
    let metadata = json!({"tenant": "keyless"});
    let caller = platform::create_caller(&service.bao, "keyless", metadata, &["tenant"]).await;
    let path = "/v1/tenants/keyless/secrets/crm";
    let body = Some(holding(&json!({"A": "1"})));
    let keyless = service.api("PUT", path, &caller.token, &[], body.clone()).await;
    problem(&keyless, 404, "key_missing");
    let key = json!({"type": "aes256-gcm96"});
    service.bao.must("POST", "transit/keys/tenant-keyless", Some(key)).await;
    let unfit = service.api("PUT", path, &caller.token, &[], body).await;
    problem(&unfit, 409, "key_unfit");
}
