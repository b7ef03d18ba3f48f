use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{
    EntryReader,
    entry::Stage,
    excerpt::MAX_EXCERPT,
    reader::{ReadEntries, parse},
};
use crate::token::{AuditHash, Change, Invalidation, LookupHashes};

const ACCESSOR: &str = "auth/token/revoke-accessor";

/// A hash as in the audit log, with these first digits.
fn hmac(first: &str) -> String {
    format!("hmac-sha256:{first}{}", "0".repeat(64 - first.len()))
}

fn hash(first: &str) -> AuditHash {
    AuditHash::parse(&hmac(first)).expect("a hash")
}

fn nothing() -> Invalidation {
    Invalidation::default()
}

/// The revocation of the token with this accessor.
fn token(accessor: &str) -> Invalidation {
    [Change::Accessor(accessor.to_owned()), Change::TokensWithParent].into_iter().collect()
}

fn only(change: Change) -> Invalidation {
    [change].into_iter().collect()
}

/// Returns the entry of a successful update of this path by a caller with a token.
fn update(path: &str, data: &Value) -> Value {
    json!({
        "type": "response",
        "auth": {"accessor": "caller", "policies": ["default"]},
        "request": {"operation": "update", "path": path, "data": data, "namespace": {"id": "root"}},
    })
}

/// Returns the entries in these bytes, in several chunks.
fn read_entries<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> ReadEntries {
    let mut reader = EntryReader::default();
    pieces.into_iter().for_each(|piece| reader.push(piece));
    reader.finish()
}

/// Returns the invalidation by responses in these entries; of all tokens if one is unreadable.
fn invalidation(entries: ReadEntries) -> Invalidation {
    let mut all = if entries.is_unreadable { Invalidation::all() } else { nothing() };
    let responses = entries.summaries.into_iter().filter(|entry| entry.stage == Stage::Response);
    responses.for_each(|entry| all.merge(entry.invalidation));
    if all.is_all() { Invalidation::all() } else { all }
}

/// Returns the invalidation by these bytes, in one chunk.
fn read_bytes(entries: &[u8]) -> Invalidation {
    read_chunks([entries])
}

/// Returns the invalidation by these bytes, in several chunks.
fn read_chunks<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Invalidation {
    invalidation(read_entries(pieces))
}

fn read(entries: &[Value]) -> Invalidation {
    read_bytes(entries.iter().map(Value::to_string).collect::<String>().as_bytes())
}

/// Returns the invalidation by an update of this path.
fn evicted(path: &str) -> Invalidation {
    read(&[update(path, &json!({}))])
}

#[test]
fn revocation_invalidates_token_and_children() {
    let revoked = |path: &str, data: Value| read(&[update(path, &data)]);
    assert_eq!(revoked(ACCESSOR, json!({"accessor": "a1"})), token("a1"));
    assert_eq!(evicted("auth/token/revoke-self"), token("caller"));
    let by_hash = |change| Invalidation::from_iter([change, Change::TokensWithParent]);
    let accessor = revoked(ACCESSOR, json!({"accessor": hmac("0a")}));
    assert_eq!(accessor, by_hash(Change::AccessorHash(hash("0a"))));
    for path in ["auth/token/revoke", "auth/token/revoke-orphan"] {
        let token = revoked(path, json!({"token": hmac("0b")}));
        assert_eq!(token, by_hash(Change::TokenHash(hash("0b"))), "{path}");
    }
    for odd in [json!(5), json!(["a1"]), json!({}), json!(null), json!(""), json!("hmac-sha256:0")]
    {
        assert!(revoked(ACCESSOR, json!({ "accessor": odd })).is_all(), "{odd}");
        let raw = if odd.is_string() { json!("s.raw") } else { odd };
        assert!(revoked("auth/token/revoke", json!({ "token": raw })).is_all(), "{raw}");
    }
}

#[test]
fn renewal_invalidates_token_alone() {
    let renewed = |path: &str, data: Value| read(&[update(path, &data)]);
    assert_eq!(evicted("auth/token/renew-self"), only(Change::Accessor("caller".to_owned())));
    let hashed = renewed("auth/token/renew", json!({"token": hmac("0c")}));
    assert_eq!(hashed, only(Change::TokenHash(hash("0c"))));
    let hashed = renewed("auth/token/renew-accessor", json!({"accessor": hmac("0c")}));
    assert_eq!(hashed, only(Change::AccessorHash(hash("0c"))));
}

#[test]
fn identity_change_invalidates_entity() {
    assert_eq!(evicted("identity/entity/id/e1"), only(Change::Entity("e1".to_owned())));
    let named = only(Change::EntityName("Ana".to_owned()));
    assert_eq!(evicted("identity/entity/name/Ana"), named);
    for path in [
        "identity/entity",
        "identity/entity/merge",
        "identity/entity/batch-delete",
        "identity/entity-alias/id/x",
        "identity/alias/id/x",
        "identity/group/id/x",
        "identity/group-alias",
        "identity/unheard-of",
    ] {
        assert_eq!(evicted(path), only(Change::AllEntities), "{path}");
    }
}

#[test]
fn login_invalidates_entity_with_groups() {
    let login = |mount_type: &str| {
        let mut entry = update("auth/corp/login", &json!({}));
        entry["auth"]["entity_id"] = json!("e1");
        entry["request"]["mount_type"] = json!(mount_type);
        read(&[entry])
    };
    for method in ["oidc", "ldap", "jwt", "unheard-of"] {
        assert_eq!(login(method), only(Change::Entity("e1".to_owned())), "{method}");
    }
    for method in ["approle", "userpass", "cert"] {
        assert_eq!(login(method), nothing(), "{method}");
    }
}

#[test]
fn policy_change_invalidates_policy() {
    for path in ["sys/policies/acl/Tenant", "sys/policy/tenant"] {
        assert_eq!(evicted(path), only(Change::Policy("tenant".to_owned())), "{path}");
    }
}

#[test]
fn broad_change_invalidates_all() {
    for path in [
        "auth/token/tidy",
        "auth/token/revoke/s.token",
        "sys/auth/userpass",
        "sys/auth/userpass/tune",
        "sys/mounts/auth/userpass/tune",
        "sys/remount",
        "sys/leases/revoke",
        "sys/leases/revoke/auth/userpass/login/ana/h0",
        "sys/leases/revoke-prefix/auth/userpass",
        "sys/revoke-force/auth/userpass",
        "sys/leases/tidy",
        "sys/policies/unheard-of/x",
        "sys/namespaces/child",
        "sys/namespaces/api-lock/lock/child",
        "sys/storage/raft/snapshot-force",
        "sys/raw/core/auth",
        "sys/unheard-of",
    ] {
        assert_eq!(evicted(path), Invalidation::all(), "{path}");
    }
}

#[test]
fn lookup_entry_has_both_hashes() {
    let mut entry = update("auth/token/lookup", &json!({"token": hmac("0a")}));
    entry["request"]["id"] = json!("the id");
    entry["response"] = json!({"data": {"accessor": hmac("0b"), "id": hmac("0a")}});
    let summaries = |entry: &Value| read_entries([entry.to_string().as_bytes()]).summaries;
    let read = summaries(&entry);
    assert_eq!(read[0].request_id.as_deref(), Some("the id"));
    assert_eq!(read[0].looked_up, Some(LookupHashes { token: hash("0a"), accessor: hash("0b") }));
    entry["response"] = json!({"data": {"accessor": ""}});
    assert_eq!(summaries(&entry)[0].looked_up, None);
}

#[test]
fn request_entry_has_changes_of_allowed_callers() {
    let mut entry = update(ACCESSOR, &json!({"accessor": "a1"}));
    entry["type"] = json!("request");
    let changes = |entry: &Value| {
        let mut read = read_entries([entry.to_string().as_bytes()]).summaries;
        assert_eq!(read[0].stage, Stage::Request);
        read.remove(0).invalidation
    };
    assert_eq!(changes(&entry), token("a1"));
    entry["error"] = json!("permission denied");
    assert_eq!(changes(&entry), nothing());
}

#[test]
fn harmless_request_evicts_nothing() {
    for path in [
        "auth/token/lookup",
        "auth/token/create",
        "auth/userpass/login/ana",
        "auth/userpass/users/ana",
        "auth/approle/role/service/secret-id/destroy",
        "secret/data/tenants/acme/db",
        "transit/decrypt/tenant-acme",
        "cubbyhole/x",
        "sys/capabilities-self",
        "sys/leases/renew",
        "sys/leases/revoke/database/creds/x/h0",
        "sys/seal",
        "sys/step-down",
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
    assert_eq!(read(&[entry]), Invalidation::all());
}

#[test]
fn namespace_is_removed_from_the_path() {
    for path in ["team/auth/token/revoke", "auth/token/revoke"] {
        let mut entry = update(path, &json!({}));
        entry["request"]["namespace"] = json!({"id": "x", "path": "team/"});
        assert_eq!(read(&[entry]), Invalidation::all(), "{path}");
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
        assert_eq!(failed(prefix, half_done), Invalidation::all(), "{half_done}");
    }
    assert_eq!(failed(prefix, "failed to revoke 1 of 2"), Invalidation::all());
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
