//! Lists, page by page, whatever of them Vault knows.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use vault_auth_validator::secrets::{SecretState, SecretSummary, SecretVersion};

use super::vault::{Vault, path};
use crate::{
    expect::problem,
    support::{bao::Bao, direct::Direct, fault::Fault, http::Answer, platform, tools},
};

const LIST: &str = "/v1/tenants/acme/secrets";

/// OpenBao, and one that is as HashiCorp Vault in what matters to lists.
async fn both() -> [Bao; 2] {
    [Bao::dev().await, Bao::dev().await.reworded().await]
}

async fn page(service: &Direct, query: &str) -> Answer {
    let path = format!("{LIST}{query}");
    service.api("GET", &path, service.acme.token(), &[], None).await
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.json();
    let secrets = document["secrets"].as_array().expect("secrets");
    secrets.iter().map(|secret| secret["name"].as_str().expect("a name").to_owned()).collect()
}

/// The query of the next page.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let address = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(address.expect("a link").strip_prefix(LIST).expect("the same list").to_owned())
}

async fn fill(service: &Direct, names: &[String]) {
    let writes = stream::iter(names).map(|name| service.put_record(name));
    writes.buffer_unordered(16).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_no_gap_or_repetition() {
    for bao in both().await {
        let service = Direct::on(bao, &[]).await;
        let flat = (0..12).map(|number| format!("n{number:02}"));
        let folders = ["a", "mcp", "mcp-x", "mcp/a/b/c", "mcp/a/x", "mcp/b", "mcp0", "z/1", "z/2"];
        let mut expected: Vec<String> = flat.chain(folders.map(str::to_owned)).collect();
        fill(&service, &expected).await;
        fill(&service, &["UPPER", "a/b/c/d/e", "n03x/-"].map(str::to_owned)).await;
        for gone in ["mcp/a/x", "n04", "z/2"] {
            service.bao.must("DELETE", &format!("secret/data/tenants/acme/{gone}"), None).await;
            expected.retain(|name| name != gone);
        }
        expected.sort();
        for limit in [1, 2, 5, 20, 21, 22] {
            let mut query = Some(format!("?limit={limit}"));
            let mut listed = Vec::new();
            while let Some(this) = query {
                let answer = page(&service, &this).await;
                let page = names(&answer);
                assert!(page.len() <= limit, "{this}: {page:?}");
                listed.extend(page);
                query = next(&answer);
            }
            assert_eq!(listed, expected, "{limit}");
        }
        let whole = page(&service, "").await;
        assert_eq!((names(&whole), next(&whole)), (expected, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_starts_after_absent_name() {
    for bao in both().await {
        let service = Direct::on(bao, &[]).await;
        assert_eq!(names(&page(&service, "").await), Vec::<String>::new());
        fill(&service, &["b", "m/a", "m/c", "x"].map(str::to_owned)).await;
        for (after, expected) in [
            ("a", &["b", "m/a", "m/c", "x"][..]),
            ("b", &["m/a", "m/c", "x"]),
            ("m", &["m/a", "m/c", "x"]),
            ("m/b", &["m/c", "x"]),
            ("m/c", &["x"]),
            ("m/c/d", &["x"]),
            ("n/c", &["x"]),
            ("x", &[]),
            ("y/z", &[]),
        ] {
            let answer = page(&service, &format!("?after={after}")).await;
            assert_eq!(names(&answer), expected, "{after}");
            assert_eq!(next(&answer), None, "{after}");
        }
        for query in ["?limit=0", "?limit=1001", "?limit=01", "?after=", "?after=..", "?page=2"] {
            problem(&page(&service, query).await, 400, "query_invalid");
        }
        let other = service.api("GET", LIST, service.globex.token(), &[], None).await;
        problem(&other, 403, "acl_denied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_with_metadata_takes_one_call() {
    for bao in both().await {
        let (limit, lookups) = if bao.is_reworded() { (50, 50) } else { (1000, 0) };
        let service = Direct::on(bao, &[]).await;
        let all: Vec<String> = (0..=limit).map(|number| format!("n{number:04}")).collect();
        fill(&service, &all[..limit]).await;
        let calls = async || {
            let mut calls = Vec::new();
            for kind in ["secret_details", "secret_list", "secret_metadata"] {
                calls.push(service.calls(kind).await);
            }
            calls
        };
        let query = format!("?limit={limit}");
        let answer = page(&service, &query).await;
        assert_eq!((names(&answer).len(), next(&answer)), (limit, None));
        let expected = if service.bao.is_reworded() { [1, 1, lookups] } else { [1, 0, 0] };
        assert_eq!(calls().await, expected);
        fill(&service, &all[limit..]).await;
        let answer = page(&service, &query).await;
        assert_eq!(names(&answer), all[..limit]);
        assert_eq!(next(&answer), Some(format!("{query}&after={}", all[limit - 1])));
        // That the server has no details is not found out again each time.
        let expected = if service.bao.is_reworded() { [1, 2, 2 * lookups] } else { [2, 0, 0] };
        assert_eq!(calls().await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_without_details_reads_each() {
    let service = Direct::start().await;
    let policy = std::fs::read_to_string(tools::repository("policies/tenant.hcl"));
    let policy = policy.expect("the policy").replace("secret/detailed-metadata/", "secret/other/");
    platform::set_policy(&service.bao, "tenant", &policy).await;
    fill(&service, &["a", "b/c"].map(str::to_owned)).await;
    for _ in 0..2 {
        assert_eq!(names(&page(&service, "").await), ["a", "b/c"]);
    }
    assert_eq!(service.calls("secret_metadata").await, 4);
    platform::load_policies(&service.bao).await;
    assert_eq!(names(&page(&service, "").await), ["a", "b/c"]);
    let expected = if service.bao.is_reworded() { 6 } else { 4 };
    assert_eq!(service.calls("secret_metadata").await, expected, "it may use them at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_page_is_split() {
    let vault = Vault::start().await;
    let custom: serde_json::Map<String, Value> =
        (0..64).map(|key| (format!("key-{key}"), json!("x".repeat(512)))).collect();
    let expected: Vec<String> = (0..200).map(|number| format!("n{number:03}")).collect();
    let writes = stream::iter(&expected).map(async |name| {
        vault.put_record(&format!("acme/{name}"), json!({"v": 1})).await;
        let path = format!("secret/metadata/tenants/acme/{name}");
        vault.bao.must("POST", &path, Some(json!({ "custom_metadata": custom }))).await;
    });
    writes.buffer_unordered(8).collect::<Vec<()>>().await;
    let listed = list(&vault).await;
    let names: Vec<String> = listed.into_iter().map(|listed| listed.name.to_string()).collect();
    assert_eq!(names, expected);
}

async fn list(vault: &Vault) -> Vec<SecretSummary> {
    let listed = vault.with(vault.acme.token(), async |secrets| {
        secrets.list(&path("acme/x").tenant).try_collect::<Vec<_>>().await
    });
    listed.await.expect("a list")
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_follows_vaults_clock() {
    for bao in both().await {
        let vault = Vault::on(bao).await;
        for name in ["live", "later", "deleted"] {
            vault.put_record(&format!("acme/{name}"), json!({"v": 1})).await;
        }
        vault.bao.must("DELETE", "secret/data/tenants/acme/deleted", None).await;
        let later = "secret/metadata/tenants/acme/later";
        let hour = Some(json!({"delete_version_after": "1h"}));
        vault.bao.must("POST", later, hour).await;
        vault.put_record("acme/later", json!({"v": 1})).await;
        let states = async || {
            let states: Vec<_> = list(&vault).await.iter().map(|listed| listed.state).collect();
            states
        };
        let version = |number| SecretVersion::new(number).expect("a version");
        let (gone, live) = (SecretState::Deleted, SecretState::Live);
        let now = [gone(version(1)), live(version(2)), live(version(1))];
        assert_eq!(states().await, now, "as soon as it was deleted");
        // Vault's clock goes on, and ours stays.
        let in_2100 = Fault::Status(
            200,
            r#"{"initialized":true,"sealed":false,"server_time_utc":4102444800}"#,
        );
        vault.fault.set_for("GET /v1/sys/health", in_2100).await;
        assert_eq!(states().await, [gone(version(1)), gone(version(2)), live(version(1))]);
        let in_2000 = Fault::Status(
            200,
            r#"{"initialized":true,"sealed":false,"server_time_utc":946684800}"#,
        );
        vault.fault.set_for("GET /v1/sys/health", in_2000).await;
        assert_eq!(states().await, [live(version(1)), live(version(2)), live(version(1))]);
        for garbage in [
            r#"{"initialized":true,"sealed":false,"server_time_utc":"now"}"#,
            r#"{"initialized":true,"sealed":false}"#,
            "{}",
        ] {
            vault.fault.set_for("GET /v1/sys/health", Fault::Status(200, garbage)).await;
            let listed = vault.with(vault.acme.token(), async |secrets| {
                secrets.list(&path("acme/x").tenant).try_collect::<Vec<_>>().await
            });
            assert!(listed.await.is_err(), "{garbage}");
        }
    }
}
