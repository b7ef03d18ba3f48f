//! Tokens and login credentials appear only where they are used.

use std::{collections::BTreeMap, fs, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use vault_auth_validator::config::{SettingSources, Settings};

use crate::support::{
    bao::Bao,
    direct::Direct,
    fault::Fault,
    http::{self, Answer},
    platform::{self, AppRole},
    stack::{Stack, bearer},
    validator::Validator,
    wait::eventually,
};

/// Returns the words in this text that look like a token of Vault or OpenBao.
fn tokens_in(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let prefixes = ["s.", "b.", "hvs.", "hvb."];
    text.split(|c| !is_word(c))
        .filter(|word| {
            let rest = prefixes.iter().find_map(|prefix| word.strip_prefix(prefix));
            rest.is_some_and(|rest| rest.len() >= 20)
        })
        .collect()
}

/// All output that was observed.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn answer(&mut self, answer: &Answer) {
        self.text(&format!("{:?}\n{}", answer.headers, answer.body));
    }

    fn text(&mut self, text: &str) {
        self.0 += text;
        self.0 += "\n";
    }

    /// Adds the output of this validator until now.
    async fn validator(&mut self, validator: &Validator) {
        for path in ["metrics", "cache", "readyz", "healthz", "nothing"] {
            let url = format!("{}/{path}", validator.admin_url());
            let answer = http::send(&http::client(), "GET", &url, &[], None).await;
            self.answer(&answer.expect("an answer"));
        }
        self.text(&validator.log());
    }

    /// Asserts that it contains none of these secrets, in any encoding that is easily undone.
    fn has_none_of(&self, secrets: &[&str]) {
        assert_eq!(tokens_in(&self.0), Vec::<&str>::new());
        for secret in secrets {
            assert!(secret.len() > 8, "{secret} could be anywhere");
            let encoded = BASE64_STANDARD.encode(secret);
            for form in [*secret, &encoded] {
                let place = self.0.find(form);
                let around = place.map(|at| &self.0[at.saturating_sub(200)..at]);
                assert!(around.is_none(), "{form} is shown after {around:?}");
            }
        }
    }

    fn has(&self, what: &str) {
        assert!(self.0.contains(what), "{what} is not shown, so nothing is proven");
    }
}

#[test]
fn leak_search_finds_known_tokens() {
    let log = r#"{"message":"lookup of s.abcdefghijklmnopqrstuvwx","other":"Bearer hvs.CAESIabcdefghijklmnop"}"#;
    assert_eq!(tokens_in(log), ["s.abcdefghijklmnopqrstuvwx", "hvs.CAESIabcdefghijklmnop"]);
    assert!(tokens_in("vault_requests.total 5 s.short hvs.short").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_never_logged() {
    let stack = Stack::start_with(&[
        ("VALIDATOR_VAULT_TIMEOUT", "500ms"),
        ("VALIDATOR_CREDENTIALS", "bearer,x-vault-token,basic,cookie:vault_token"),
        ("VALIDATOR_CACHE_TTL", "0s"),
        ("VALIDATOR_NEGATIVE_TTL", "0s"),
    ])
    .await;
    let mut shown = Shown::default();
    let (acme, globex) = (stack.acme.token(), stack.globex.token());
    let bao = &stack.bao;
    let revoked = platform::token(bao, json!({"policies": ["tenant"]})).await;
    bao.must("POST", "auth/token/revoke", Some(json!({ "token": revoked }))).await;
    let batch =
        platform::token(bao, json!({"policies": ["tenant"], "type": "batch", "ttl": "1h"})).await;
    let limited = platform::token(bao, json!({"policies": ["tenant"], "num_uses": 5})).await;
    let unknown = "hvs.unknownunknownunknownunknown";
    let callers = [acme, globex, &revoked, &batch, &limited, unknown, bao.root_token()];
    for token in callers {
        for header in headers(token) {
            for query in ["", "tenant=acme", "policy=crm-agent", "tenant=", "tenant=globex&x=y"] {
                shown.answer(&stack.validator.validate(query, &[header.0, header.1]).await);
            }
        }
        let query = format!("token={token}");
        shown.answer(&stack.validator.validate(&query, &[("x-vault-token", token)]).await);
        let authorization = bearer(token);
        let answer = stack.get("acme.crm.localhost", &[("authorization", &authorization)]).await;
        shown.answer(&answer);
        for fault in FAULTS {
            stack.fault.set(fault).await;
            shown.answer(&stack.validator.validate("", &[("x-vault-token", token)]).await);
        }
        stack.fault.set(Fault::Pass).await;
        stack.validator.ready().await;
    }
    let conflict =
        [("x-vault-token", acme), ("authorization", "Bearer s.anotheranotheranotheranot")];
    shown.answer(&stack.validator.validate("", &conflict).await);
    let path = format!("/cache/accessors/{}", stack.acme.caller.accessor);
    shown.text(&stack.validator.admin("DELETE", &path).await.1.to_string());
    shown.text(&stack.caddy.log());
    shown.validator(&stack.validator).await;
    shown.has_none_of(&callers);
    shown.has("logged in to vault");
    shown.has("token_invalid");
    shown.has("outcome=\"malformed\"");
    shown.has("credential_conflict");
    shown.has(&stack.acme.caller.entity_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_only_their_reader() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "500ms")]).await;
    let mut shown = Shown::default();
    let token = service.acme.token();
    let (first, second) = ("first-value-of-a-secret", "second\nvalue-of-a-secret");
    let crm = "/v1/tenants/acme/secrets/crm";
    let send = async |method, path: &str, body: Option<Value>| {
        service.api(method, path, token, &[], body).await
    };
    let body = || Some(json!({"data": {"A": first, "B": second}}));
    shown.answer(&send("PUT", crm, body()).await);
    shown.answer(&send("PATCH", crm, Some(json!({"data": {"A": first, "C": null}}))).await);
    assert_eq!(send("GET", crm, None).await.json()["data"]["A"], first);
    assert_eq!(send("GET", &format!("{crm}?field=B"), None).await.body, second);
    shown.answer(&send("GET", &format!("{crm}?dialect=docker"), None).await);
    shown.answer(&send("GET", "/v1/tenants/acme/secrets", None).await);
    shown.answer(&service.api("GET", crm, service.globex.token(), &[], None).await);
    for wrong in [
        json!({"data": {first: "1"}}),
        json!({"data": {"A": [first]}}),
        json!({"data": {"A": first}, first: 1}),
        json!(first),
    ] {
        shown.answer(&send("PUT", crm, Some(wrong)).await);
    }
    for path in
        [format!("{crm}?{first}=1"), format!("{crm}?field={first}"), format!("{crm}/{first}.x")]
    {
        shown.answer(&send("GET", &path, None).await);
    }
    for fault in FAULTS {
        for call in ["POST /v1/transit/", "POST /v1/secret/", "GET /v1/transit/"] {
            service.fault.set_for(call, fault).await;
            shown.answer(&send("PUT", crm, body()).await);
            shown.answer(&send("PATCH", crm, body()).await);
        }
    }
    let echo = r#"{"data":{"plaintext":"Zmlyc3QtdmFsdWUtb2YtYS1zZWNyZXQ="}}"#;
    service.fault.set_for("POST /v1/transit/decrypt", Fault::Status(200, echo)).await;
    shown.answer(&send("GET", crm, None).await);
    service.fault.set(Fault::Pass).await;
    service.validator.ready().await;
    shown.validator(&service.validator).await;
    shown.has_none_of(&[first, second, "value-of-a-secret", token, service.globex.token()]);
    shown.has("value_inexpressible");
    shown.has("body_invalid");
    shown.has("vault_unavailable");
    shown.has("secret_unreadable");
}

/// Faults that cause every kind of error.
const FAULTS: [Fault; 6] = [
    Fault::Hang,
    Fault::Reset,
    Fault::Garbage,
    Fault::Truncated,
    Fault::Status(200, r#"{"data":{"id":"echoed","type":1}}"#),
    Fault::Status(403, r#"{"errors":["permission denied"]}"#),
];

/// A header's name and value.
type Header = (&'static str, &'static str);

/// Returns headers with this token: well-formed, malformed, and repeated.
fn headers(token: &str) -> Vec<(Header, Header)> {
    let leak = |text: String| -> &'static str { text.leak() };
    let none = ("x-nothing", "here");
    let basic = BASE64_STANDARD.encode(format!("user:{token}"));
    vec![
        (("authorization", leak(bearer(token))), none),
        (("authorization", leak(format!("Bearer \"{token}\""))), none),
        (("authorization", leak(format!("Bearer {token} {token}"))), none),
        (("authorization", leak(format!("Basic {basic}"))), none),
        (("cookie", leak(format!("vault_token={token}"))), none),
        (("x-vault-token", leak(token.to_owned())), ("x-vault-token", leak(format!("{token},")))),
        (("x-vault-token", leak(format!("{token}ä"))), none),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn login_credentials_are_never_logged() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let wrapping = bao.wrapped("POST", "auth/approle/role/validator/secret-id", None).await;
    let gift = json!({ "secret_id": role.secret_id });
    let foreign = bao.wrapped("POST", "sys/wrapping/wrap", Some(gift)).await;
    let wrong = "00000000-wrong-secret-id-000000000000";
    let own = platform::token(&bao, json!({"policies": ["validator"], "ttl": "1h"})).await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("token");
    fs::write(&file, &own).expect("a file");
    let file = file.display().to_string();
    let mut shown = Shown::default();
    for secret_id in [&role.secret_id, &wrapping, &wrapping, &foreign, wrong, "with\nnewline-in-it"]
    {
        let role = AppRole { secret_id: secret_id.to_owned(), ..role.clone() };
        let validator = Validator::start_unready(&bao, &role, &[]).await;
        settled(&validator).await;
        shown.answer(&validator.validate("", &[("x-vault-token", &own)]).await);
        shown.validator(&validator).await;
    }
    let no_role = [("VALIDATOR_ROLE_ID", ""), ("VALIDATOR_SECRET_ID_FILE", "")];
    let dead = "s.deaddeaddeaddeaddeaddead";
    for login in [("VAULT_TOKEN", own.as_str()), ("VAULT_TOKEN_FILE", &file), ("VAULT_TOKEN", dead)]
    {
        let env = [no_role[0], no_role[1], login];
        let validator = Validator::start_unready(&bao, &role, &env).await;
        settled(&validator).await;
        shown.answer(&validator.validate("", &[("x-vault-token", &own)]).await);
        shown.validator(&validator).await;
    }
    let secrets = [&role.secret_id, &wrapping, &foreign, &own, dead, wrong, "newline-in-it"];
    shown.has_none_of(&secrets);
    shown.has("logged in to vault");
    shown.has("invalid role or secret ID");
    shown.has("may have been replaced by an attacker");
    shown.has("already used or has expired");
    shown.has("token_not_allowed");
}

/// Waits until it has logged in or has logged the failure.
async fn settled(validator: &Validator) {
    eventually(Duration::from_secs(10), "a login", async || {
        let log = validator.log();
        let messages = ["logged in to vault", "cannot log in to vault"];
        messages.iter().any(|words| log.contains(words)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_is_logged_with_request_id() {
    let service = Direct::start().await;
    let headers = [("x-vault-token", "s.unknown"), ("x-request-id", "from-the-proxy-1")];
    let answer = service.validator.validate("", &headers).await;
    assert_eq!(answer.json()["request_id"], "from-the-proxy-1");
    let made = service.validator.validate("", &[("x-request-id", "not \"plain\"")]).await.json();
    let made = made["request_id"].as_str().expect("an id").to_owned();
    assert_eq!(made.len(), 32, "{made}");
    service.validator.process().stop_gracefully(Duration::from_secs(5)).await;
    let log = service.validator.log();
    for (id, code) in [("from-the-proxy-1", "token_invalid"), (&made, "credential_missing")] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(id)).collect();
        assert!(matches!(lines[..], [one] if one.contains(code)), "{id}: {lines:?}");
    }
}

#[test]
fn printed_configuration_hides_secrets() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("secret-id");
    fs::write(&file, "very-secret-id").expect("a file");
    let file = file.display().to_string();
    for variables in [
        vec![("VAULT_TOKEN", "very-secret-token")],
        vec![("VALIDATOR_ROLE_ID", "role"), ("VALIDATOR_SECRET_ID_FILE", &file)],
    ] {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = SettingSources::new(BTreeMap::new(), owned.collect(), None);
        let settings = Settings::load(sources).expect("a valid configuration");
        let printed = format!("{settings:?}");
        assert!(printed.contains("127.0.0.1:8080"), "{printed}");
        assert!(!printed.contains("very-secret"), "{printed}");
    }
}
