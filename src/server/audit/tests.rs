use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{EntryReader, Evictions, excerpt::MAX_EXCERPT, parse};

const ACCESSOR: &str = "auth/token/revoke-accessor";

fn nothing() -> Evictions {
    Evictions::Some { accessors: [].into(), entities: [].into() }
}

fn token(accessor: &str) -> Evictions {
    Evictions::Some { accessors: [accessor.to_owned()].into(), entities: [].into() }
}

fn entity(id: &str) -> Evictions {
    Evictions::Some { accessors: [].into(), entities: [id.to_owned()].into() }
}

/// Returns the entry of a successful update of this path by a caller with a token.
fn update(path: &str, data: &Value) -> Value {
    json!({
        "type": "response",
        "auth": {"accessor": "caller", "policies": ["default"]},
        "request": {"operation": "update", "path": path, "data": data, "namespace": {"id": "root"}},
    })
}

/// Returns the evictions of these bytes, in one chunk.
fn read_bytes(entries: &[u8]) -> Evictions {
    read_chunks([entries])
}

/// Returns the evictions of these bytes, in several chunks.
fn read_chunks<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Evictions {
    let mut reader = EntryReader::default();
    pieces.into_iter().for_each(|piece| reader.push(piece));
    reader.finish().evictions
}

fn read(entries: &[Value]) -> Evictions {
    read_bytes(entries.iter().map(Value::to_string).collect::<String>().as_bytes())
}

/// Returns the evictions of an update of this path.
fn evicted(path: &str) -> Evictions {
    read(&[update(path, &json!({}))])
}

#[test]
fn path_evicts_affected_tokens() {
    let revoked = |accessor: Value| read(&[update(ACCESSOR, &json!({ "accessor": accessor }))]);
    assert_eq!(revoked(json!("a1")), token("a1"));
    assert_eq!(evicted("auth/token/revoke-self"), token("caller"));
    assert_eq!(evicted("identity/entity/id/e1"), entity("e1"));
    for odd in [json!(5), json!(["a1"]), json!({}), json!(null), json!(""), json!("hmac-sha256:0")]
    {
        assert_eq!(revoked(odd.clone()), Evictions::All, "{odd}");
    }
    for path in [
        "auth/token/revoke",
        "auth/token/revoke-orphan",
        "auth/token/tidy",
        "sys/auth/userpass",
        "sys/auth/userpass/tune",
        "sys/mounts/auth/userpass/tune",
        "sys/remount",
        "sys/leases/revoke",
        "sys/leases/revoke-prefix/auth/userpass",
        "sys/revoke-force/auth/userpass",
        "sys/leases/tidy",
        "sys/policies/acl/tenant",
        "sys/policy/tenant",
        "sys/namespaces/child",
        "sys/namespaces/api-lock/lock/child",
        "sys/storage/raft/snapshot-force",
        "sys/raw/core/auth",
        "sys/unheard-of",
        "identity/entity",
        "identity/entity/name/ana",
        "identity/entity/merge",
        "identity/entity/batch-delete",
        "identity/entity-alias/id/x",
        "identity/alias/id/x",
        "identity/group/id/x",
        "identity/group-alias",
        "identity/unheard-of",
    ] {
        assert_eq!(evicted(path), Evictions::All, "{path}");
    }
}

#[test]
fn harmless_request_evicts_nothing() {
    for path in [
        "auth/token/lookup",
        "auth/token/create",
        "auth/token/renew-self",
        "auth/userpass/login/ana",
        "auth/userpass/users/ana",
        "auth/approle/role/service/secret-id/destroy",
        "secret/data/tenants/acme/db",
        "transit/decrypt/tenant-acme",
        "cubbyhole/x",
        "sys/capabilities-self",
        "sys/leases/renew",
        "sys/leases/lookup",
        "sys/wrapping/unwrap",
        "sys/tools/hash",
        "sys/audit-hash/log",
        "sys/mfa/validate",
        "sys/mounts/secret/tune",
        "identity/lookup/entity",
        "identity/oidc/provider/main/token",
    ] {
        assert_eq!(evicted(path), nothing(), "{path}");
    }
    for operation in ["read", "list", "scan"] {
        for path in ["sys/policies/acl/tenant", "identity/entity/id/e1", "sys/auth"] {
            let mut entry = update(path, &json!({}));
            entry["request"]["operation"] = json!(operation);
            assert_eq!(read(&[entry]), nothing(), "{operation} {path}");
        }
    }
    let mut request = update("auth/token/revoke", &json!({}));
    request["type"] = json!("request");
    assert_eq!(read(&[request]), nothing());
}

#[test]
fn remount_status_evicts_all() {
    let mut entry = update("sys/remount/status/0815", &json!({}));
    entry["request"]["operation"] = json!("read");
    assert_eq!(read(&[entry]), Evictions::All);
}

#[test]
fn namespace_is_removed_from_the_path() {
    for path in ["team/auth/token/revoke", "auth/token/revoke"] {
        let mut entry = update(path, &json!({}));
        entry["request"]["namespace"] = json!({"id": "x", "path": "team/"});
        assert_eq!(read(&[entry]), Evictions::All, "{path}");
    }
}

#[test]
fn anonymous_caller_evicts_nothing() {
    for auth in [json!(null), json!({}), json!({"policies": []}), json!({"accessor": ""})] {
        for error in ["", "missing client token", "rate limit exceeded"] {
            for path in ["sys/remount", "sys/storage/raft/bootstrap/challenge", "identity/entity"] {
                let mut entry = update(path, &json!({"accessor": 5}));
                entry["auth"] = auth.clone();
                entry["error"] = json!(error);
                assert_eq!(read(&[entry]), nothing(), "{path} {auth} {error}");
            }
        }
    }
}

#[test]
fn partly_done_request_evicts() {
    let failed = |path: &str, error: &str| {
        let mut entry = update(path, &json!({"accessor": 5}));
        entry["error"] = json!(error);
        read(&[entry])
    };
    let denied = "1 error occurred:\n\t* permission denied\n\n";
    for path in [ACCESSOR, "auth/token/revoke-self", "identity/entity/id/e1"] {
        assert_eq!(failed(path, "invalid accessor"), nothing(), "{path}");
    }
    let prefix = "sys/leases/revoke-prefix/auth/userpass";
    let since_1_17 = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
    for denied in [denied, "permission denied", since_1_17] {
        assert_eq!(failed(prefix, denied), nothing(), "{denied}");
    }
    let of_a_plugin = "failed to revoke \"auth/x\" (2 / 2): pq: permission denied";
    for half_done in
        [of_a_plugin, "permission denied\n", "1 error occurred:\n\t* pq: permission denied\n\n"]
    {
        assert_eq!(failed(prefix, half_done), Evictions::All, "{half_done}");
    }
    assert_eq!(failed(prefix, "failed to revoke 1 of 2"), Evictions::All);
}

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
        let all = |entries: &str| assert_eq!(read_bytes(entries.as_bytes()), Evictions::All);
        all(odd);
        all(&format!("{revoke}\n{odd}"));
        all(&format!("{odd}\n{revoke}"));
    }
    assert_eq!(read_bytes(b"\xff"), Evictions::All);
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
    assert_eq!(read(&[prefix.clone()]), Evictions::All);
    prefix["request"]["path"] = json!(format!("{long}/sys/leases/revoke-prefix/"));
    assert_eq!(read(&[prefix.clone()]), nothing());
    prefix["error"] = json!(long);
    assert_eq!(read(&[prefix]), nothing());
}

#[test]
fn too_large_excerpt_evicts_all() {
    let entries = update("secret/data/x", &json!({})).to_string().repeat(MAX_EXCERPT / 100);
    assert_eq!(read_bytes(entries.as_bytes()), Evictions::All);
    let deep = |depth: usize| {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let entry = update("secret/data/x", &json!("DEEP")).to_string();
        read_bytes(entry.replace("\"DEEP\"", &data).as_bytes())
    };
    assert_eq!(deep(10_000), nothing());
    assert_eq!(deep(20_000), Evictions::All);
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
    assert_eq!(read_bytes(escaped.as_bytes()), Evictions::All);
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
        entry["response"] = extra.clone();
        entry["request"]["headers"] = extra.clone();
        entry["auth"]["metadata"] = extra;
        for text in [entry.to_string(), serde_json::to_string_pretty(&entry).unwrap()] {
            let excerpt = read_chunks(text.as_bytes().chunks(piece));
            prop_assert_eq!(excerpt, parse(text.as_bytes()).evictions);
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
        prop_assert!(evicted == Evictions::All || evicted == token("a1"), "{evicted:?}");
    }
}
