use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{ACCESSOR, invalidation, nothing, read, read_bytes, read_chunks, token, update};
use crate::{
    audit_feed::{excerpt::MAX_EXCERPT, reader::parse},
    token::Invalidation,
};

#[test]
fn odd_login_data_hides_no_entry() {
    let login = |data| update("auth/userpass/login/ana", &data);
    let revoke = update(ACCESSOR, &json!({"accessor": "a1"}));
    for data in [json!({"accessor": 5}), json!([]), json!("x"), json!(null), json!({"path": {}})] {
        let entries = [login(data.clone()), revoke.clone(), login(data)];
        assert_eq!(read(&entries), token("a1"));
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let login = login(json!("DEEP")).to_string().replace("\"DEEP\"", &deep);
    assert_eq!(read_bytes(format!("{login}\n{revoke}\n").as_bytes()), token("a1"));
}

#[test]
fn unreadable_entry_evicts_all() {
    let revoke = update(ACCESSOR, &json!({"accessor": "a1"})).to_string();
    for odd in [
        "garbage",
        "{\"type\":",
        "[1]",
        "5",
        "{}",
        "\0",
        "{\"type\":\"response\"}",
        "{\"type\":\"response\",\"request\":{}}",
        "{\"type\":\"response\",\"request\":{\"path\":5}}",
        "{\"type\":\"unheard-of\",\"request\":{\"path\":\"x\"}}",
        "{\"type\":\"response\",\"request\":[]}",
        "{\"type\" \"response\"}",
        "{\"type\"}",
        "{\"x\":[}",
        &update("sys/policy/x", &json!({})).to_string().replace("\"auth\"", "\"\\u0061uth\""),
        &revoke[..revoke.len() - 1],
    ] {
        let all = |entries: &str| assert_eq!(read_bytes(entries.as_bytes()), Invalidation::all());
        all(odd);
        all(&format!("{revoke}\n{odd}"));
        all(&format!("{odd}\n{revoke}"));
    }
    assert_eq!(read_bytes(b"\xff"), Invalidation::all());
    assert_eq!(read_bytes(b" \n"), nothing());
}

/// An anonymous login with this data, then the revocation of a1.
fn login_and_revocation(data: &Value) -> String {
    let login = update("auth/userpass/login/ana", data).to_string();
    let revoke = update(ACCESSOR, &json!({"other": data, "accessor": "a1"}));
    format!("{login}\n{revoke}\n")
}

#[test]
fn large_entry_evicts_what_it_names() {
    let long = "<é\\\"\u{1}".repeat(MAX_EXCERPT / 4);
    let mut many = serde_json::Map::new();
    for number in 0..100_000 {
        many.insert(format!("{number}"), json!("hmac"));
    }
    for data in [
        json!({ &long: 1 }),
        json!({ "x": &long, "path": &long, "type": [&long], "data": {"data": [&long, &long]} }),
        json!(many),
        json!({ "x": vec![0; 600_000] }),
        json!({ "accessor": vec![json!("a2"); 200_000] }),
    ] {
        let entries = login_and_revocation(&data);
        assert!(entries.len() > MAX_EXCERPT, "{}", entries.len());
        assert_eq!(read_chunks(entries.as_bytes().chunks(1000)), token("a1"));
    }
    let mut prefix = update(&format!("sys/leases/revoke-prefix/{long}"), &json!({}));
    assert_eq!(read(&[prefix.clone()]), Invalidation::all());
    prefix["request"]["path"] = json!(format!("{long}/sys/leases/revoke-prefix/"));
    assert_eq!(read(&[prefix.clone()]), nothing());
    prefix["error"] = json!(long);
    assert_eq!(read(&[prefix]), nothing());
}

#[test]
fn too_large_excerpt_evicts_all() {
    let entries = update("secret/data/x", &json!({})).to_string().repeat(MAX_EXCERPT / 100);
    assert_eq!(read_bytes(entries.as_bytes()), Invalidation::all());
    let deep = |depth: usize| {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let entry = update("secret/data/x", &json!("DEEP")).to_string();
        read_bytes(entry.replace("\"DEEP\"", &data).as_bytes())
    };
    assert_eq!(deep(10_000), nothing());
    assert_eq!(deep(20_000), Invalidation::all());
}

/// Any JSON, with the names that matter among its own.
fn any_json() -> impl Strategy<Value = Value> {
    let name = || prop_oneof!["accessor", "path", "type", "request", "data", "error", ".{0,20}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn escaped_name_hides_nothing() {
    let entry = update(ACCESSOR, &json!({"accessor": "a1", "<": 1})).to_string();
    let with = |name: &str| read_bytes(entry.replace("\"<\"", name).as_bytes());
    assert_eq!(with(r#""\u003c""#), token("a1"));
    assert_eq!(with(r#""\"accessor\":""#), token("a1"));
    let escaped = entry.replace("\"accessor\":\"a1\"", r#""\u0061ccessor":"a1""#);
    assert_eq!(read_bytes(escaped.as_bytes()), Invalidation::all());
}

proptest! {
    #[test]
    fn excerpt_is_equivalent(
        data in any_json(),
        extra in any_json(),
        piece in 1..50_usize,
        path in prop_oneof![Just(ACCESSOR), Just("sys/policy/x"), Just("identity/entity/id/e1")],
    ) {
        let mut entry = update(path, &data);
        entry["response"] = json!({"data": extra});
        entry["request"]["headers"] = extra.clone();
        entry["auth"]["metadata"] = extra;
        for text in [entry.to_string(), serde_json::to_string_pretty(&entry).unwrap()] {
            let excerpt = read_chunks(text.as_bytes().chunks(piece));
            prop_assert_eq!(excerpt, invalidation(parse(text.as_bytes())));
        }
    }

    #[test]
    fn no_bytes_hide_a_revocation(
        before in vec(any::<u8>(), 0..40),
        after in vec(any::<u8>(), 0..40),
    ) {
        let revoke = update(ACCESSOR, &json!({"accessor": "a1"})).to_string();
        let entries = [&before, b"\n".as_slice(), revoke.as_bytes(), b"\n", &after].concat();
        let evicted = read_bytes(&entries);
        prop_assert!(evicted.is_all() || evicted == token("a1"), "{evicted:?}");
    }
}
