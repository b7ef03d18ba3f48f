//! Properties of parsing: malformed, truncated and slightly wrong responses.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock, time::Instant};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    FailureKind, Operation, VaultError,
    response::{AuthEnvelope, Envelope, RawResponse, parse},
};
use crate::{
    capabilities::Capabilities,
    token::{TokenInfo, TokenKind, TokenType, TokenUsage},
    vault::{
        adapters::token_info::EntityResult,
        api::{
            entity::TokenEntity, sys::capabilities::CapabilitiesResponse, token::TokenLookupData,
        },
    },
};

/// Responses of OpenBao 2.7 by the names of their files, with their tokens replaced.
static CORPUS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/vault");
    let files = fs::read_dir(folder).expect("the corpus").map(|file| file.expect("a file"));
    let read = |file: fs::DirEntry| {
        let text = fs::read_to_string(file.path()).expect("a response");
        let name = file.file_name().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    files.map(read).collect()
});

/// Returns the responses whose names begin like this.
fn recorded(kind: &str) -> Vec<&'static Value> {
    CORPUS.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, response)| response).collect()
}

/// Returns a response with this body and without headers.
fn raw_response(status: u16, body: &[u8]) -> RawResponse {
    RawResponse { status, index: None, address: 0, body: Zeroizing::new(body.to_vec()) }
}

/// Any JSON, mostly of words that Vault uses.
fn json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("root"),
        Just("response-wrapping"),
        Just("service"),
        Just("batch"),
        Just("tenant-globex"),
        Just("globex"),
        Just("read"),
        Just("deny"),
        Just("10.0.0.0/8"),
        Just("2099-01-01T00:00:00Z"),
        Just("team/"),
        Just("identity/oidc/provider/x"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-z_]{1,8}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Collects the JSON pointers (RFC 6901) to all values within this one.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    let mut add = |name: &str, inner: &Value| {
        let pointer = format!("{here}/{}", name.replace('~', "~0").replace('/', "~1"));
        pointers(inner, &pointer, found);
        found.push(pointer);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| add(name, inner)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, inner)| add(&n.to_string(), inner));
        }
        _ => {}
    }
}

/// A pointer, and the value that is put there; `None` to remove the value.
type FieldChange = (Index, Option<Value>);

fn changes() -> impl Strategy<Value = Vec<FieldChange>> {
    vec((any::<Index>(), proptest::option::weighted(0.6, json())), 0..5)
}

fn change(mut response: Value, changes: Vec<FieldChange>) -> Value {
    for (pointer, replacement) in changes {
        let mut found = Vec::new();
        pointers(&response, "", &mut found);
        if found.is_empty() {
            break;
        }
        let pointer = pointer.get(&found);
        match replacement {
            Some(value) => *response.pointer_mut(pointer).expect("a pointer") = value,
            None => remove(&mut response, pointer),
        }
    }
    response
}

fn remove(response: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer to a member");
    match response.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            items.remove(name.parse().expect("an index"));
        }
        _ => {}
    }
}

fn read_token(status: u16, body: &[u8]) -> Result<TokenLookupData, VaultError> {
    let envelope: Envelope<TokenLookupData> = parse(Operation::Lookup, raw_response(status, body))?;
    envelope.data.ok_or_else(|| VaultError::malformed("no data"))
}

fn read_entity(status: u16, body: &[u8]) -> Result<TokenEntity, VaultError> {
    let envelope: Envelope<TokenEntity> = parse(Operation::Entity, raw_response(status, body))?;
    envelope.data.ok_or_else(|| VaultError::malformed("no data"))
}

fn info(body: &[u8], entity: Option<TokenEntity>) -> Result<TokenInfo, VaultError> {
    let data = read_token(200, body)?;
    let standing = data.token_kind(None)?;
    let entity = entity.map_or(EntityResult::NoEntity, EntityResult::Found);
    data.into_token_info(standing, &entity, "userpass", Instant::now())
}

/// Returns the strings in this list; none if there is no list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Asserts that the response supports each field.
fn assert_supported(info: &TokenInfo, response: &Value) {
    let data = &response["data"];
    let kind = if info.token_type == TokenType::Batch { "batch" } else { "service" };
    assert_eq!(data["type"], kind);
    let uses = data["num_uses"].as_i64().expect("a number of uses");
    assert_eq!(info.usage == TokenUsage::Unlimited, uses == 0);
    let id = data["entity_id"].as_str().expect("an entity's id");
    assert_eq!(info.entity_id.as_deref().unwrap_or_default(), id);
    assert_eq!(info.bound_cidrs.len(), texts(&data["bound_cidrs"]).len());
    let mut policies = texts(&data["policies"]);
    policies.extend(texts(&data["identity_policies"]));
    policies.sort_unstable();
    policies.dedup();
    assert_eq!(info.policies.iter().map(|name| &**name).collect::<Vec<_>>(), policies);
    if info.kind == TokenKind::Caller {
        assert!(data["expire_time"].is_string() && data["ttl"].is_i64(), "it never ends");
        let path = data["path"].as_str().unwrap_or_default();
        let batch = data["type"] == "batch" && path.starts_with("auth/");
        assert!(data["policies"].is_array() || batch, "of an OIDC client");
        let harmless = |name: &&str| !matches!(*name, "root" | "response-wrapping");
        assert!(texts(&data["policies"]).iter().all(harmless), "{policies:?}");
        assert!(matches!(&data["namespace_path"], Value::Null | Value::String(_)));
    }
}

#[test]
fn recorded_responses_are_parsed() {
    let lookups = recorded("lookup");
    assert!(lookups.len() >= 9, "the corpus is gone");
    for response in lookups {
        let info = info(response.to_string().as_bytes(), None).expect("token info");
        assert_supported(&info, response);
    }
    for response in recorded("entity") {
        let entity = read_entity(200, response.to_string().as_bytes()).unwrap_or_else(|error| {
            panic!("{error}");
        });
        assert_eq!(response["data"]["disabled"], entity.disabled);
    }
    for response in recorded("refused") {
        let Err(error) = read_token(403, response.to_string().as_bytes()) else { panic!("read") };
        assert_eq!(error.kind, FailureKind::TokenNotFound);
    }
}

#[test]
fn deeply_nested_response_is_malformed() {
    for (open, close) in [("[", "]"), ("{\"data\":", "}")] {
        let deep = format!("{{\"data\":{}0{}}}", open.repeat(100_000), close.repeat(100_000));
        let error = info(deep.as_bytes(), None).expect_err("a response");
        assert_eq!(error.kind, FailureKind::Malformed);
    }
    let long = format!("{{\"data\":{{\"num_uses\":{}}}}}", "9".repeat(100_000));
    assert!(info(long.as_bytes(), None).is_err());
}

proptest! {
    #[test]
    fn token_info_rests_on_the_response(
        which in any::<Index>(),
        changes in changes(),
    ) {
        let responses = recorded("lookup");
        let response = change((*which.get(&responses)).clone(), changes);
        if let Ok(info) = info(response.to_string().as_bytes(), None) {
            assert_supported(&info, &response);
            // Without an entity only a policy can name the tenant.
            let tenant = info.tenant.as_ref().map(|tenant| format!("tenant-{tenant}"));
            prop_assert!(tenant.is_none_or(|name| info.policies.iter().any(|policy| **policy == *name)));
        }
    }

    #[test]
    fn entity_rests_on_the_response(
        which in any::<Index>(),
        changes in changes(),
    ) {
        let responses = recorded("entity");
        let response = change((*which.get(&responses)).clone(), changes);
        if let Ok(entity) = read_entity(200, response.to_string().as_bytes()) {
            let data = &response["data"];
            prop_assert_eq!(data["id"].as_str(), Some(entity.id.as_str()));
            prop_assert_eq!(data["disabled"].as_bool(), Some(entity.disabled));
            let lookup = recorded("lookup-entity").remove(0).to_string();
            let info = info(lookup.as_bytes(), Some(entity)).expect("token info");
            let recorded_tenant = data["metadata"]["tenant"].as_str();
            prop_assert!(info.tenant.is_none_or(|tenant| recorded_tenant == Some(tenant.as_str())));
        }
    }

    #[test]
    fn only_listed_capabilities_are_granted(changes in changes()) {
        let paths = ["route/crm".to_owned(), "route/crm/contacts".to_owned()];
        let response = change(recorded("capabilities").remove(0).clone(), changes);
        let body = Zeroizing::new(response.to_string().into_bytes());
        let read: Result<Envelope<CapabilitiesResponse>, _> =
            parse(Operation::Capabilities, raw_response(200, &body));
        let read = read.and_then(|read| read.data.ok_or_else(|| VaultError::malformed("no data")));
        if let Ok(capabilities) = read.and_then(|read| read.on_each(&paths)) {
            prop_assert_eq!(capabilities.len(), paths.len());
            for (path, capabilities) in paths.iter().zip(&*capabilities) {
                let names = texts(&response["data"][path]);
                if *capabilities != Capabilities::NONE {
                    prop_assert!(!names.contains(&"deny"));
                    let is_root = names.contains(&"root");
                    prop_assert!(is_root || capabilities.names().iter().all(|name| names.contains(name)));
                }
            }
        }
    }

    #[test]
    fn corrupt_response_is_parsed_or_malformed(
        which in any::<Index>(),
        flips in vec((any::<Index>(), any::<u8>()), 1..6),
        end in any::<Index>(),
    ) {
        let responses = recorded("");
        let mut body = which.get(&responses).to_string().into_bytes();
        for (at, byte) in flips {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let cut = &body[..end.index(body.len())];
        for body in [cut, &body[..]] {
            let lookup = info(body, None).err();
            let entity = read_entity(200, body).err();
            for error in [lookup, entity].into_iter().flatten() {
                prop_assert_eq!(error.kind, FailureKind::Malformed);
            }
        }
        prop_assert!(info(cut, None).is_err(), "half a response");
    }

    #[test]
    fn only_2xx_has_data_and_only_vault_rejects(
        status in 0..700_u16,
        body in prop_oneof![
            json().prop_map(|json| json.to_string()),
            "\\PC{0,40}",
            Just(recorded("lookup-service").remove(0).to_string()),
            Just(r#"{"errors":["bad token"]}"#.to_owned()),
        ],
    ) {
        match read_token(status, body.as_bytes()) {
            Ok(_) => prop_assert!((200..300).contains(&status)),
            Err(error) if error.kind == FailureKind::TokenNotFound => {
                prop_assert!(matches!(status, 400 | 403));
                prop_assert!(body.contains("errors"));
            }
            Err(_) => {}
        }
        let login: Result<AuthEnvelope<Value>, _> =
            parse(Operation::Login, raw_response(status, body.as_bytes()));
        prop_assert!(login.is_err() || (200..300).contains(&status));
    }

    #[test]
    fn errors_do_not_quote_the_response(secret in "[a-z]{24}", changes in changes()) {
        let text = recorded("lookup-service").remove(0).to_string().replace("s.token", &secret);
        let response = change(serde_json::from_str(&text).expect("JSON"), changes);
        if let Err(error) = info(response.to_string().as_bytes(), None) {
            let message = format!("{error} {error:?}");
            prop_assert!(!message.contains(&secret), "{}", message);
        }
    }
}
