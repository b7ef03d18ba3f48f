//! The admin listener's `/audit`, told what OpenBao's own audit device wrote.

use serde_json::{Value, json};

use crate::{
    expect::{granted, refused},
    support::{direct::Direct, platform},
};

/// Long enough that only `/audit` can be the reason for a token to be forgotten.
const LONG: [(&str, &str); 1] = [("VALIDATOR_CACHE_TTL", "10m")];

/// Tells the validator what OpenBao has written so far about requests on this path.
async fn tell(service: &Direct, path: &str) -> u16 {
    let entries = service.bao.audit_log();
    let about = entries.iter().filter(|entry| entry["request"]["path"] == path);
    let text = about.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(!text.is_empty(), "there is no entry about {path}");
    post(service, text).await
}

async fn post(service: &Direct, body: String) -> u16 {
    let url = format!("{}/audit", service.validator.admin_url());
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
    http.post(url).body(body).send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_vault_tells_of_is_noticed_at_once() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    let (acme, globex) = (&service.acme.caller, &service.globex.caller);
    granted(&service.ask(&acme.token).await);
    granted(&service.ask(&globex.token).await);
    let revoke_self = "auth/token/revoke-self";
    assert_eq!(bao.request_as(&acme.token, "POST", revoke_self, None).await.0, 204);
    granted(&service.ask(&acme.token).await);
    assert_eq!(tell(&service, revoke_self).await, 204);
    refused(&service.ask(&acme.token).await, "token_invalid");
    let lookups = service.calls("lookup").await;
    granted(&service.ask(&globex.token).await);
    assert_eq!(service.calls("lookup").await, lookups, "another token was forgotten as well");
    let disable: Value = json!({"disabled": true});
    let entity = format!("identity/entity/id/{}", globex.entity_id);
    bao.must("POST", &entity, Some(disable)).await;
    granted(&service.ask(&globex.token).await);
    assert_eq!(tell(&service, &entity).await, 204);
    refused(&service.ask(&globex.token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_names_no_token_makes_all_be_asked_for_again() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    let token = platform::token(bao, json!({"policies": ["tenant"], "ttl": "1h"})).await;
    for path in ["auth/token/revoke", "auth/token/revoke-accessor"] {
        granted(&service.ask(service.acme.token()).await);
        let other = platform::create_caller(bao, "other", json!({}), &["tenant"]).await;
        let body = match path {
            "auth/token/revoke" => json!({ "token": token }),
            _ => json!({ "accessor": other.accessor }),
        };
        bao.must("POST", path, Some(body)).await;
        let lookups = service.calls("lookup").await;
        assert_eq!(tell(&service, path).await, 204);
        granted(&service.ask(service.acme.token()).await);
        assert_eq!(service.calls("lookup").await, lookups + 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_audit_entry_is_refused_and_what_changes_nothing_forgets_nothing() {
    let service = Direct::start_with(&LONG).await;
    granted(&service.ask(service.acme.token()).await);
    for body in ["garbage", "{\"type\":", "[1]", "\u{0}"] {
        assert_eq!(post(&service, body.to_owned()).await, 400, "{body}");
    }
    let lookups = service.calls("lookup").await;
    for body in [
        "",
        "{\"type\":\"response\"}",
        "{\"type\":\"request\",\"request\":{\"operation\":\"update\",\"path\":\"auth/token/revoke\"}}",
    ] {
        assert_eq!(post(&service, body.to_owned()).await, 204, "{body}");
    }
    assert_eq!(tell(&service, "auth/token/lookup").await, 204);
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups);
}
