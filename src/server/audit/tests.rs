use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::Evictions;

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

/// A successful update of this path by a caller with a token.
fn update(path: &str, data: &Value) -> Value {
    json!({
        "type": "response",
        "auth": {"accessor": "caller", "policies": ["default"]},
        "request": {"operation": "update", "path": path, "data": data, "namespace": {"id": "root"}},
    })
}

fn read(entries: &[Value]) -> Evictions {
    Evictions::read(entries.iter().map(Value::to_string).collect::<String>().as_bytes())
}

/// What an update of this path evicts.
fn evicted(path: &str) -> Evictions {
    read(&[update(path, &json!({}))])
}

#[test]
fn each_path_evicts_the_tokens_it_affects() {
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
fn requests_that_end_no_token_evict_nothing() {
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
fn status_of_a_moved_mount_evicts_all() {
    let mut entry = update("sys/remount/status/0815", &json!({}));
    entry["request"]["operation"] = json!("read");
    assert_eq!(read(&[entry]), Evictions::All);
}

#[test]
fn namespace_before_the_path_is_removed() {
    for path in ["team/auth/token/revoke", "auth/token/revoke"] {
        let mut entry = update(path, &json!({}));
        entry["request"]["namespace"] = json!({"id": "x", "path": "team/"});
        assert_eq!(read(&[entry]), Evictions::All, "{path}");
    }
}

#[test]
fn caller_without_a_token_evicts_nothing() {
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
fn failed_request_evicts_only_what_may_be_half_done() {
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
    assert_eq!(failed(prefix, denied), nothing());
    assert_eq!(failed(prefix, "failed to revoke 1 of 2"), Evictions::All);
}

#[test]
fn odd_data_of_a_login_does_not_hide_its_neighbours() {
    let login = |data| update("auth/userpass/login/ana", &data);
    let revoke = update(ACCESSOR, &json!({"accessor": "a1"}));
    for data in [json!({"accessor": 5}), json!([]), json!("x"), json!(null), json!({"path": {}})] {
        let entries = [login(data.clone()), revoke.clone(), login(data)];
        assert_eq!(read(&entries), token("a1"));
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let login = login(json!("DEEP")).to_string().replace("\"DEEP\"", &deep);
    assert_eq!(Evictions::read(format!("{login}\n{revoke}\n").as_bytes()), token("a1"));
}

#[test]
fn entry_that_cannot_be_read_evicts_all() {
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
        &revoke[..revoke.len() - 1],
    ] {
        let all = |entries: &str| assert_eq!(Evictions::read(entries.as_bytes()), Evictions::All);
        all(odd);
        all(&format!("{revoke}\n{odd}"));
        all(&format!("{odd}\n{revoke}"));
    }
    assert_eq!(Evictions::read(b"\xff"), Evictions::All);
    assert_eq!(Evictions::read(b" \n"), nothing());
}

proptest! {
    #[test]
    fn no_bytes_hide_a_revocation(
        before in vec(any::<u8>(), 0..40),
        after in vec(any::<u8>(), 0..40),
    ) {
        let revoke = update(ACCESSOR, &json!({"accessor": "a1"})).to_string();
        let entries = [&before, b"\n".as_slice(), revoke.as_bytes(), b"\n", &after].concat();
        let evicted = Evictions::read(&entries);
        prop_assert!(evicted == Evictions::All || evicted == token("a1"), "{evicted:?}");
    }
}
