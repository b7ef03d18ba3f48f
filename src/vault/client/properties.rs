//! What comes of answers that Vault would never give, and of those that it nearly gave.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock, time::Instant};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{AuthEnvelope, Envelope, Operation, parse};
use crate::{
    capabilities::Capabilities,
    token::{Facts, Standing, TokenType, Usage},
    vault::{
        error::{Failure, VaultError},
        facts::{EntityData, Owner, TokenData},
        questions::{CapabilitiesData, granted},
    },
};

/// Answers of OpenBao 2.7 by the names of their files, their tokens replaced.
static CORPUS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/vault");
    let files = fs::read_dir(folder).expect("the corpus").map(|file| file.expect("a file"));
    let read = |file: fs::DirEntry| {
        let text = fs::read_to_string(file.path()).expect("an answer");
        let name = file.file_name().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    files.map(read).collect()
});

/// Those whose names begin like this.
fn real(kind: &str) -> Vec<&'static Value> {
    CORPUS.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, answer)| answer).collect()
}

/// Any JSON, most of it of words that mean something somewhere.
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

/// The place of everything within this, as JSON pointers (RFC 6901).
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    let mut add = |name: &str, inner: &Value| {
        let place = format!("{here}/{}", name.replace('~', "~0").replace('/', "~1"));
        places(inner, &place, found);
        found.push(place);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| add(name, inner)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, inner)| add(&n.to_string(), inner));
        }
        _ => {}
    }
}

/// A place, and what is put there; nothing if `None`.
type Change = (Index, Option<Value>);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec((any::<Index>(), proptest::option::weighted(0.6, json())), 0..5)
}

fn change(mut answer: Value, changes: Vec<Change>) -> Value {
    for (place, replacement) in changes {
        let mut found = Vec::new();
        places(&answer, "", &mut found);
        if found.is_empty() {
            break;
        }
        let place = place.get(&found);
        match replacement {
            Some(value) => *answer.pointer_mut(place).expect("a place") = value,
            None => remove(&mut answer, place),
        }
    }
    answer
}

fn remove(answer: &mut Value, place: &str) {
    let (parent, name) = place.rsplit_once('/').expect("a place within");
    match answer.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            items.remove(name.parse().expect("an index"));
        }
        _ => {}
    }
}

fn read_token(status: u16, body: &[u8]) -> Result<TokenData, VaultError> {
    let envelope: Envelope<TokenData> =
        parse(Operation::Lookup, (status, Zeroizing::new(body.to_vec())))?;
    envelope.data.ok_or_else(|| VaultError::malformed("no data"))
}

fn read_entity(status: u16, body: &[u8]) -> Result<EntityData, VaultError> {
    let envelope: Envelope<EntityData> =
        parse(Operation::Entity, (status, Zeroizing::new(body.to_vec())))?;
    envelope.data.ok_or_else(|| VaultError::malformed("no data"))
}

fn facts(body: &[u8], entity: Option<EntityData>) -> Result<Facts, VaultError> {
    let data = read_token(200, body)?;
    let standing = data.standing(None)?;
    let owner = entity.map_or(Owner::None, Owner::Entity);
    data.into_facts(standing, &owner, "userpass", Instant::now())
}

/// All texts in this list; a list that is not there has none.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Each fact stands in the answer.
fn rests_on(facts: &Facts, answer: &Value) {
    let data = &answer["data"];
    let kind = if facts.token_type == TokenType::Batch { "batch" } else { "service" };
    assert_eq!(data["type"], kind);
    let uses = data["num_uses"].as_i64().expect("a number of uses");
    assert_eq!(facts.usage == Usage::Unlimited, uses == 0);
    let id = data["entity_id"].as_str().expect("an entity's id");
    assert_eq!(facts.entity_id.as_deref().unwrap_or_default(), id);
    assert_eq!(facts.bound_cidrs.len(), texts(&data["bound_cidrs"]).len());
    let mut policies = texts(&data["policies"]);
    policies.extend(texts(&data["identity_policies"]));
    policies.sort_unstable();
    policies.dedup();
    assert_eq!(facts.policies.iter().map(|name| &**name).collect::<Vec<_>>(), policies);
    if facts.standing == Standing::Ordinary {
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
fn real_answers_are_read() {
    let lookups = real("lookup");
    assert!(lookups.len() >= 9, "the corpus is gone");
    for answer in lookups {
        let facts = facts(answer.to_string().as_bytes(), None).expect("facts");
        rests_on(&facts, answer);
    }
    for answer in real("entity") {
        let entity = read_entity(200, answer.to_string().as_bytes()).unwrap_or_else(|error| {
            panic!("{error}");
        });
        assert_eq!(answer["data"]["disabled"], entity.disabled);
    }
    for answer in real("refused") {
        let Err(error) = read_token(403, answer.to_string().as_bytes()) else { panic!("read") };
        assert_eq!(error.failure, Failure::Refused);
    }
}

#[test]
fn an_answer_that_is_too_deep_is_malformed() {
    for (open, close) in [("[", "]"), ("{\"data\":", "}")] {
        let deep = format!("{{\"data\":{}0{}}}", open.repeat(100_000), close.repeat(100_000));
        let error = facts(deep.as_bytes(), None).expect_err("an answer");
        assert_eq!(error.failure, Failure::Malformed);
    }
    let long = format!("{{\"data\":{{\"num_uses\":{}}}}}", "9".repeat(100_000));
    assert!(facts(long.as_bytes(), None).is_err());
}

proptest! {
    #[test]
    fn facts_rest_on_what_the_answer_says_and_on_nothing_else(
        which in any::<Index>(),
        changes in changes(),
    ) {
        let answers = real("lookup");
        let answer = change((*which.get(&answers)).clone(), changes);
        if let Ok(facts) = facts(answer.to_string().as_bytes(), None) {
            rests_on(&facts, &answer);
            // Without an entity only a policy can name the tenant.
            let tenant = facts.tenant.as_ref().map(|tenant| format!("tenant-{tenant}"));
            prop_assert!(tenant.is_none_or(|name| facts.policies.iter().any(|policy| **policy == *name)));
        }
    }

    #[test]
    fn an_entity_says_who_it_is_and_whether_it_is_welcome(
        which in any::<Index>(),
        changes in changes(),
    ) {
        let answers = real("entity");
        let answer = change((*which.get(&answers)).clone(), changes);
        if let Ok(entity) = read_entity(200, answer.to_string().as_bytes()) {
            let data = &answer["data"];
            prop_assert_eq!(data["id"].as_str(), Some(entity.id.as_str()));
            prop_assert_eq!(data["disabled"].as_bool(), Some(entity.disabled));
            let lookup = real("lookup-entity").remove(0).to_string();
            let facts = facts(lookup.as_bytes(), Some(entity)).expect("facts");
            let said = data["metadata"]["tenant"].as_str();
            prop_assert!(facts.tenant.is_none_or(|tenant| said == Some(tenant.as_str())));
        }
    }

    #[test]
    fn nothing_is_granted_but_what_the_answer_grants_on_that_path(changes in changes()) {
        let paths = ["route/crm".to_owned(), "route/crm/contacts".to_owned()];
        let answer = change(real("capabilities").remove(0).clone(), changes);
        let body = Zeroizing::new(answer.to_string().into_bytes());
        let read: Result<Envelope<CapabilitiesData>, _> =
            parse(Operation::Capabilities, (200, body));
        let read = read.and_then(|read| read.data.ok_or_else(|| VaultError::malformed("no data")));
        if let Ok(capabilities) = read.and_then(|words| granted(&words, &paths)) {
            prop_assert_eq!(capabilities.len(), paths.len());
            for (path, capabilities) in paths.iter().zip(&*capabilities) {
                let said = texts(&answer["data"][path]);
                if *capabilities != Capabilities::NONE {
                    prop_assert!(!said.contains(&"deny"));
                    let all = said.contains(&"root");
                    prop_assert!(all || capabilities.names().iter().all(|word| said.contains(word)));
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_turned_over_are_read_or_malformed(
        which in any::<Index>(),
        flips in vec((any::<Index>(), any::<u8>()), 1..6),
        end in any::<Index>(),
    ) {
        let answers = real("");
        let mut body = which.get(&answers).to_string().into_bytes();
        for (at, byte) in flips {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let cut = &body[..end.index(body.len())];
        for body in [cut, &body[..]] {
            let lookup = facts(body, None).err();
            let entity = read_entity(200, body).err();
            for error in [lookup, entity].into_iter().flatten() {
                prop_assert_eq!(error.failure, Failure::Malformed);
            }
        }
        prop_assert!(facts(cut, None).is_err(), "half an answer");
    }

    #[test]
    fn only_2xx_brings_facts_and_only_vaults_words_are_a_refusal(
        status in 0..700_u16,
        body in prop_oneof![
            json().prop_map(|json| json.to_string()),
            "\\PC{0,40}",
            Just(real("lookup-service").remove(0).to_string()),
            Just(r#"{"errors":["bad token"]}"#.to_owned()),
        ],
    ) {
        match read_token(status, body.as_bytes()) {
            Ok(_) => prop_assert!((200..300).contains(&status)),
            Err(error) if error.failure == Failure::Refused => {
                prop_assert!(matches!(status, 400 | 403));
                prop_assert!(body.contains("errors"));
            }
            Err(_) => {}
        }
        let login: Result<AuthEnvelope<Value>, _> =
            parse(Operation::Login, (status, Zeroizing::new(body.into())));
        prop_assert!(login.is_err() || (200..300).contains(&status));
    }

    #[test]
    fn no_error_repeats_what_the_answer_holds(secret in "[a-z]{24}", changes in changes()) {
        let text = real("lookup-service").remove(0).to_string().replace("s.token", &secret);
        let answer = change(serde_json::from_str(&text).expect("JSON"), changes);
        if let Err(error) = facts(answer.to_string().as_bytes(), None) {
            let said = format!("{error} {error:?}");
            prop_assert!(!said.contains(&secret), "{}", said);
        }
    }
}
