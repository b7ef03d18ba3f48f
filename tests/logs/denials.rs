use serde_json::{Value, json};

use super::{INFO, TIMEOUT, line_with};
use crate::support::{
    direct::Direct, platform, stack::bearer, validator::Validator, wait::eventually,
};

/// A request with a code, and whether its line names the caller.
struct Denied<'d> {
    code: &'static str,
    query: &'static str,
    authorization: Option<&'d str>,
    uri: &'static str,
    client: &'static str,
    names_caller: bool,
}

impl Denied<'_> {
    async fn send(&self, validator: &Validator, id: &str) -> u16 {
        let mut headers = vec![
            ("x-request-id", id),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-host", "acme.crm.example.com"),
            ("x-forwarded-uri", self.uri),
            ("x-forwarded-for", self.client),
        ];
        headers.extend(self.authorization.map(|value| ("authorization", value)));
        let answer = validator.validate(self.query, &headers).await;
        let code = answer.json()["code"].clone();
        assert_eq!(code, self.code, "{}", answer.body);
        answer.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_say_who_where_and_why() {
    let service = Direct::start_with(&[INFO]).await;
    let vault = service.bao.addr();
    let text = [INFO, ("VALIDATOR_LOG_FORMAT", "text"), ("VAULT_ADDR", vault.as_str())];
    let text = Validator::start(&service.bao, &service.role, &text).await;
    let bound = json!({"policies": ["tenant"], "bound_cidrs": ["192.0.2.0/24"]});
    let bound = bearer(&platform::token(&service.bao, bound).await);
    let caller = bearer(service.acme.token());
    let (bound, caller) = (bound.as_str(), caller.as_str());
    let denied = |code, query, authorization, names_caller| Denied {
        code,
        query,
        authorization,
        uri: "/contacts/7?secret=in-the-query",
        client: "203.0.113.9",
        names_caller,
    };
    let all = [
        denied("credential_missing", "", None, false),
        denied("token_invalid", "", Some("Bearer s.unknown"), false),
        denied("credential_malformed", "", Some("Bearer a b"), false),
        denied("tenant_mismatch", "tenant=globex", Some(caller), true),
        denied("policy_required", "policy=crm-admin", Some(caller), true),
        denied("acl_denied", "acl=route/none", Some(caller), true),
        Denied {
            uri: "/a/../b",
            ..denied("path_ambiguous", "acl_uri=route/x", Some(caller), true)
        },
        Denied { code: "address_not_allowed", ..denied("", "", Some(bound), false) },
        denied("requirement_invalid", "tenant=", Some(caller), false),
    ];
    for (number, request) in all.iter().enumerate() {
        let id = format!("request-{number}");
        request.send(&service.validator, &id).await;
        request.send(&text, &id).await;
        let line = line_with(&service.validator, "request_id", &id).await;
        check(&line, request, &service);
        let line = eventually(TIMEOUT, &id, async || {
            text.log().lines().find(|line| line.contains(&id)).map(str::to_owned)
        })
        .await;
        let path = request.uri.split('?').next().expect("a path");
        let where_ = format!("host=acme.crm.example.com method=GET path={path} client=203.0.113.9");
        for part in ["refused request_id=", &format!("code={} ", request.code), &where_] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert_eq!(line.contains("subject=entity:acme"), request.names_caller, "{line}");
        for noise in ["Some(", "None", "=\"\"", "::", "in-the-query"] {
            assert!(!line.contains(noise), "{noise} in {line}");
        }
    }
    assert!(!service.validator.log().contains("in-the-query"), "the query is in the log");
}

fn check(line: &Value, request: &Denied<'_>, service: &Direct) {
    let path = request.uri.split('?').next().expect("a path");
    let level = if request.code == "requirement_invalid" { "ERROR" } else { "INFO" };
    for (field, expected) in [
        ("message", "refused"),
        ("level", level),
        ("code", request.code),
        ("host", "acme.crm.example.com"),
        ("method", "GET"),
        ("path", path),
        ("client", "203.0.113.9"),
    ] {
        assert_eq!(line[field], expected, "{field} in {line}");
    }
    let caller = &service.acme.caller;
    let known = [
        ("subject", caller.subject()),
        ("entity_id", caller.entity_id.clone()),
        ("tenant", "acme".to_owned()),
        ("accessor", caller.accessor.clone()),
    ];
    for (field, expected) in known {
        let found = line.get(field).and_then(Value::as_str);
        let expected = request.names_caller.then_some(&*expected);
        assert!(found == expected || request.code == "address_not_allowed", "{field} in {line}");
    }
    assert!(line.as_object().expect("an object").values().all(|value| !value.is_null()), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_rejections_say_who_and_where() {
    let service = Direct::start_with(&[INFO]).await;
    let headers = [("x-request-id", "api-1"), ("x-forwarded-for", "203.0.113.9")];
    let path = "/v1/tenants/globex/secrets/crm?field=IN_THE_QUERY";
    let answer = service.api("GET", path, service.acme.token(), &headers, None).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let line = line_with(&service.validator, "request_id", "api-1").await;
    let caller = &service.acme.caller;
    for (field, expected) in [
        ("code", "acl_denied"),
        ("method", "GET"),
        ("path", "/v1/tenants/globex/secrets/crm"),
        ("client", "203.0.113.9"),
        ("subject", &caller.subject()),
        ("entity_id", &caller.entity_id),
        ("tenant", "acme"),
        ("accessor", &caller.accessor),
    ] {
        assert_eq!(line[field], expected, "{field} in {line}");
    }
    assert!(line["host"].as_str().is_some_and(|host| host.starts_with("127.0.0.1")), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_forge_no_line_and_no_field() {
    let service = Direct::start_with(&[INFO]).await;
    let vault = service.bao.addr();
    let text = [INFO, ("VALIDATOR_LOG_FORMAT", "text"), ("VAULT_ADDR", vault.as_str())];
    let text = Validator::start(&service.bao, &service.role, &text).await;
    let long = format!("/{}", "\"".repeat(4000));
    let paths = [
        "/x subject=root tenant=globex",
        "/x\" subject=\"root",
        "/x\tsubject=root",
        "/\u{9b}31m\u{202e}x",
        &long,
    ];
    for validator in [&service.validator, &text] {
        for (number, path) in paths.iter().enumerate() {
            let id = format!("forged-{number}");
            let method = "GET subject=root";
            let headers = [
                ("x-request-id", &*id),
                ("x-forwarded-uri", path),
                ("x-forwarded-method", method),
                ("x-forwarded-host", "crm.example.com"),
            ];
            validator.validate("", &headers).await;
        }
    }
    for number in 0..paths.len() {
        let id = format!("forged-{number}");
        let line = line_with(&service.validator, "request_id", &id).await;
        assert_eq!(line.get("subject"), None, "{line}");
        assert!(line.to_string().len() < 1500, "{line}");
        let line = eventually(TIMEOUT, &id, async || {
            text.log().lines().find(|line| line.contains(&id)).map(str::to_owned)
        })
        .await;
        assert!(line.len() < 1500 && !line.chars().any(char::is_control), "{line}");
        // A forged field is inside of quotes.
        let outside: String = line.replace("\\\"", "").split('"').step_by(2).collect();
        assert!(!outside.contains("subject"), "{line}");
    }
    let long = line_with(&service.validator, "request_id", "forged-4").await;
    assert!(long["path"].as_str().is_some_and(|path| path.ends_with('…')), "{long}");
}
