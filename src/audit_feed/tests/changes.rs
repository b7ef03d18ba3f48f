use serde_json::{Value, json};

use super::{ACCESSOR, evicted, hash, hmac, nothing, only, read, read_entries, token, update};
use crate::{
    audit_feed::entry::Stage,
    token::{Change, Invalidation, LookupHashes},
};

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
