use std::fmt::Write;

use prost::Message;
use serde_json::json;

use super::{Traced, stop};
use crate::support::{
    otlp::{OtlpReceiver, Telemetry},
    people::{PASSWORD, People},
    platform,
};

/// Returns everything that was received, decoded and as the bytes that were sent.
fn everything(received: &Telemetry) -> String {
    let mut text = String::new();
    for request in &received.traces {
        write!(text, "{:?}", request.message).expect("a string");
        text += &String::from_utf8_lossy(&request.message.encode_to_vec());
    }
    for request in &received.logs {
        write!(text, "{:?}", request.message).expect("a string");
        text += &String::from_utf8_lossy(&request.message.encode_to_vec());
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn o4_exported_requests_have_no_secrets() {
    let traced = Traced::start(&[
        ("VALIDATOR_CREDENTIALS", "bearer,x-vault-token,basic,cookie:vault_token"),
        ("VALIDATOR_LOG", "trace"),
    ])
    .await;
    let service = &traced.service;
    let token = service.acme.token();
    let looked_up =
        service.bao.must("POST", "auth/token/lookup", Some(json!({"token": token}))).await;
    let accessor = looked_up["data"]["accessor"].as_str().expect("an accessor").to_owned();
    let unknown = "hvs.unknownunknownunknownunknown";
    let batch = platform::token(
        &service.bao,
        json!({"policies": ["tenant"], "type": "batch", "ttl": "1h"}),
    )
    .await;
    for token in [token, &batch, unknown] {
        for query in ["", "tenant=acme", "tenant=globex", "acl=route/crm", "tenant=canary-query"] {
            for credential in [
                ("x-vault-token", token.to_owned()),
                ("authorization", format!("Bearer {token}")),
                ("cookie", format!("theme=canary-cookie; vault_token={token}")),
            ] {
                let headers = [
                    (credential.0, credential.1.as_str()),
                    ("x-forwarded-method", "GET"),
                    ("x-forwarded-uri", "/page?reset=canary-uri"),
                    ("referer", "https://example.com/?canary-referer"),
                ];
                service.validator.validate(query, &headers).await;
            }
        }
        let body = json!({"data": {"KEY": "canary-value"}});
        let path = "/v1/tenants/acme/secrets/db?canary-api-query=1";
        service.api("PUT", path, token, &[], Some(body.clone())).await;
        let path = "/v1/tenants/acme/secrets/db";
        service.api("PUT", path, token, &[], Some(body)).await;
        service.api("GET", path, token, &[], None).await;
        service.api("GET", "/v1/whoami", token, &[], None).await;
    }
    let subject = service.acme.caller.subject();
    assert!(!traced.stop().await.is_empty());
    let text = everything(&traced.receiver.received());
    for shown in ["tenant_mismatch", "vault_auth.forwarded.path", "/page", "vault encrypt"] {
        assert!(text.contains(shown), "{shown} is not shown, so nothing is proven");
    }
    let secrets = [token, &batch, unknown, &accessor, &subject];
    for secret in secrets {
        assert!(secret.len() > 8, "{secret} could be anywhere");
        assert!(!text.contains(secret), "{secret} was sent");
    }
    assert!(
        !text.contains("canary"),
        "{:?}",
        text.find("canary").map(|at| &text[at - 80..at + 20])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn o4_exported_logins_have_no_names() {
    let receiver = OtlpReceiver::start().await;
    let endpoint = receiver.endpoint();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("VALIDATOR_LOG", "trace")];
    let people = People::start_with(&env).await;
    people.create("canary-person", json!({"token_policies": "crm-agent,route-crm"})).await;
    let mut person = people.person();
    let form = person.open("https://crm.example.com/").await;
    let refused = person.log_in(&form, "canary-person", "canary-password").await;
    assert_eq!(refused.status(), 403, "{:?}", refused.answer());
    people.logged_in_as("canary-person").await;
    stop(&people.direct).await;
    let text = everything(&receiver.received());
    for shown in ["POST /.vault-auth/login", "vault user_login", "GET /validate"] {
        assert!(
            text.contains(shown),
            "{shown} is not shown, so nothing is proven: {:?}",
            receiver.spans().iter().map(|(_, span)| &span.name).collect::<Vec<_>>()
        );
    }
    assert!(!text.contains(PASSWORD) && !text.contains("ticket="), "a secret was sent");
    assert!(
        !text.contains("canary"),
        "{:?}",
        text.find("canary").map(|at| &text[at - 80..at + 20])
    );
}
