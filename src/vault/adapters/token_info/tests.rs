use std::time::Instant;

use proptest::{option, prelude::*};
use serde_json::{Value, json};

use super::{EntityResult, Remaining, TokenLookupData};
use crate::{
    token::{TokenExpiry, TokenInfo, TokenKind, TokenUsage},
    vault::client::{Namespace, VaultError},
};

/// The `data` of a lookup of a plain service token, with these fields replaced.
fn token(changes: &Value) -> Value {
    let mut data = json!({
        "accessor": "accessor",
        "creation_time": 1_795_163_486,
        "display_name": "token",
        "entity_id": "",
        "expire_time": "2026-11-20T09:31:26.275525447Z",
        "id": "s.token",
        "issue_time": "2026-11-20T08:31:26.275525447Z",
        "meta": null,
        "num_uses": 0,
        "path": "auth/token/create",
        "policies": ["default"],
        "renewable": true,
        "ttl": 3599,
        "type": "service",
    });
    for (name, value) in changes.as_object().expect("fields") {
        data[name] = value.clone();
    }
    data
}

fn standing(changes: &Value, namespace: Option<&str>) -> TokenKind {
    let namespace: Option<Namespace> = namespace.map(|path| path.parse().expect("a namespace"));
    let data: TokenLookupData =
        serde_json::from_value(token(changes)).expect("the fields of a token");
    data.token_kind(namespace.as_ref()).expect("a kind of token")
}

fn info(changes: &Value, entity: Option<Value>) -> Result<TokenInfo, VaultError> {
    info_with_entity(changes, &entity.map_or(EntityResult::NoEntity, entity_result))
}

fn entity_result(entity: Value) -> EntityResult {
    EntityResult::Found(serde_json::from_value(entity).expect("the fields of an entity"))
}

fn info_with_entity(changes: &Value, entity: &EntityResult) -> Result<TokenInfo, VaultError> {
    let data: TokenLookupData =
        serde_json::from_value(token(changes)).expect("the fields of a token");
    let standing = data.token_kind(None)?;
    data.into_token_info(standing, entity, "userpass", Instant::now())
}

fn entity(changes: &Value) -> Value {
    let mut data = json!({"id": "entity", "name": "entity-name", "disabled": false});
    for (name, value) in changes.as_object().expect("fields") {
        data[name] = value.clone();
    }
    data
}

#[test]
fn token_kind_is_derived_from_its_lookup() {
    for (changes, expected) in [
        (json!({}), TokenKind::Caller),
        (json!({"policies": []}), TokenKind::Caller),
        (json!({"policies": ["a", "root"]}), TokenKind::Root),
        (json!({"policies": ["root"], "expire_time": null, "ttl": 0}), TokenKind::Root),
        (json!({"policies": ["response-wrapping"], "num_uses": 1}), TokenKind::Wrapping),
        (json!({"policies": null, "type": "batch"}), TokenKind::Caller),
        (
            json!({"policies": null, "type": "batch", "identity_policies": ["root"]}),
            TokenKind::Root,
        ),
        (
            json!({"policies": null, "type": "batch", "path": "oidc/provider/main/token"}),
            TokenKind::OidcAccess,
        ),
        (json!({"path": "oidc/provider/main/token"}), TokenKind::OidcAccess),
        (json!({"path": "identity/oidc/provider/main/token"}), TokenKind::OidcAccess),
        (json!({"path": "auth/oidc/provider/main/token"}), TokenKind::Caller),
        (json!({"path": "auth/userpass/login/oidc/provider/x/token"}), TokenKind::Caller),
        (json!({"namespace_path": "team/"}), TokenKind::ForeignNamespace),
        (json!({"namespace_path": "team/", "policies": ["root"]}), TokenKind::ForeignNamespace),
        (json!({"namespace_path": ""}), TokenKind::Caller),
    ] {
        assert_eq!(standing(&changes, None), expected, "{changes}");
    }
    for (changes, expected) in [
        (json!({"namespace_path": "team/"}), TokenKind::Caller),
        (json!({"namespace_path": "team/", "policies": ["root"]}), TokenKind::Root),
        (json!({"namespace_path": "team/sub/"}), TokenKind::ForeignNamespace),
        (json!({}), TokenKind::ForeignNamespace),
        (json!({"expire_time": null, "ttl": 0}), TokenKind::ForeignNamespace),
    ] {
        assert_eq!(standing(&changes, Some("team")), expected, "{changes}");
    }
}

#[test]
fn missing_policies_are_an_error() {
    for changes in [
        json!({"policies": null}),
        json!({"policies": null, "type": "batch", "path": "oidc/provider/a/b/token"}),
        json!({"policies": null, "type": "batch", "path": "oidc/provider/main"}),
        json!({"policies": null, "type": "batch", "path": null}),
    ] {
        assert!(info(&changes, None).is_err(), "{changes}");
    }
    let mut without = token(&json!({"type": "batch"}));
    without.as_object_mut().expect("fields").remove("policies");
    assert!(serde_json::from_value::<TokenLookupData>(without).is_err());
}

#[test]
fn remaining_lifetime_depends_on_ttl_and_expiry() {
    let remaining = |changes: Value| {
        serde_json::from_value::<TokenLookupData>(token(&changes)).expect("a token").remaining()
    };
    for ttl in [-1, i64::MIN] {
        assert_eq!(remaining(json!({ "ttl": ttl })), Remaining::Ended);
        assert_eq!(remaining(json!({"ttl": ttl, "expire_time": null})), Remaining::Ended);
        assert!(info(&json!({ "ttl": ttl }), None).is_err());
    }
    assert_eq!(remaining(json!({"ttl": 0})), Remaining::Ending);
    assert_eq!(remaining(json!({"ttl": 0, "expire_time": null})), Remaining::Live);
    assert_eq!(remaining(json!({"ttl": 1})), Remaining::Live);
}

#[test]
fn only_root_tokens_may_never_expire() {
    let endless = json!({"expire_time": null, "ttl": 0});
    assert!(info(&endless, None).is_err());
    let root = json!({"expire_time": null, "ttl": 0, "policies": ["root"]});
    assert_eq!(info(&root, None).expect("token info").expiry, TokenExpiry::Never);
    for unreadable in [
        json!({"expire_time": "tomorrow"}),
        json!({"expire_time": "2026-11-20"}),
        json!({"ttl": null}),
        json!({"ttl": i64::MAX}),
    ] {
        assert!(info(&unreadable, None).is_err(), "{unreadable}");
    }
    let ending = info(&json!({"ttl": 0}), None).expect("token info");
    assert!(ending.expiry.is_past(Instant::now()));
}

#[test]
fn malformed_limits_are_an_error() {
    let usage = |uses: i64| info(&json!({ "num_uses": uses }), None).expect("token info").usage;
    assert_eq!(
        [0, 1, -1].map(usage),
        [TokenUsage::Unlimited, TokenUsage::Limited, TokenUsage::Limited]
    );
    let data =
        |uses: i64| serde_json::from_value::<TokenLookupData>(token(&json!({ "num_uses": uses })));
    let used_up = |uses: i64| data(uses).expect("data").is_used_up();
    assert_eq!([0, 1, -1].map(used_up), [false, false, true]);
    let cidrs = json!({"bound_cidrs": ["10.0.0.0/8", "192.168.1.5", "2001:db8::/32", "::1"]});
    let cidrs = info(&cidrs, None).expect("token info").bound_cidrs;
    let cidrs: Vec<String> = cidrs.iter().map(ToString::to_string).collect();
    assert_eq!(cidrs, ["10.0.0.0/8", "192.168.1.5/32", "2001:db8::/32", "::1/128"]);
    for unreadable in ["", "10.0.0.0/33", "localhost", "10.0.0.1:80", "*"] {
        assert!(info(&json!({ "bound_cidrs": [unreadable] }), None).is_err(), "{unreadable}");
    }
}

#[test]
fn missing_entity_has_no_subject_or_tenant() {
    let changes = json!({"entity_id": "merged", "policies": ["tenant-acme"]});
    let info = info_with_entity(&changes, &EntityResult::NotFound).expect("token info");
    assert_eq!((info.subject, info.tenant), (None, None));
    assert_eq!(info.entity_id.as_deref(), Some("merged"));
}

#[test]
fn tenant_is_the_entitys_or_the_only_policys() {
    let tenant = |metadata: Value, policies: Value| {
        let entity = entity(&json!({ "metadata": metadata }));
        let info = info(&json!({"policies": policies}), Some(entity)).expect("token info");
        info.tenant.map(|tenant| tenant.to_string())
    };
    let acme = Some("acme".to_owned());
    assert_eq!(tenant(json!({"tenant": "acme"}), json!(["tenant-globex"])), acme);
    assert_eq!(tenant(json!(null), json!(["tenant-acme", "tenant"])), acme);
    assert_eq!(tenant(json!({"other": "x"}), json!(["tenant-acme"])), acme);
    for unusable in ["", "Acme", "a/b", "*", "+", "{{x}}"] {
        assert_eq!(tenant(json!({ "tenant": unusable }), json!(["tenant-acme"])), None);
    }
    assert_eq!(tenant(json!({}), json!(["tenant-acme", "tenant-globex"])), None);
    assert_eq!(tenant(json!({}), json!(["tenant-"])), None);
    assert_eq!(tenant(json!({}), json!(["tenant", "mytenant-acme"])), None);
}

proptest! {
    #[test]
    fn policies_are_sorted_and_unique(
        own in prop::collection::vec("[a-d]{1,2}", 0..6),
        identity in option::of(prop::collection::vec("[a-d]{1,2}", 0..6)),
    ) {
        let changes = json!({"policies": own, "identity_policies": identity});
        let info = info(&changes, None).expect("token info");
        prop_assert!(info.policies.windows(2).all(|pair| pair[0] < pair[1]));
        for name in own.iter().chain(identity.iter().flatten()) {
            prop_assert!(info.policies.iter().any(|policy| **policy == **name));
        }
        prop_assert!(info.policies.iter().all(|policy| own.iter().chain(identity.iter().flatten()).any(|name| **name == **policy)));
    }

    #[test]
    fn plain_token_always_expires(
        ttl in any::<i64>(),
        uses in any::<i64>(),
        time in option::of("2026-11-20T09:31:26Z|\\PC{0,12}"),
        root in any::<bool>(),
    ) {
        let policy = if root { "root" } else { "default" };
        let changes =
            json!({"ttl": ttl, "num_uses": uses, "expire_time": time, "policies": [policy]});
        if let Ok(info) = info(&changes, None) {
            prop_assert!(root || info.expiry != TokenExpiry::Never);
            prop_assert_eq!(info.usage == TokenUsage::Unlimited, uses == 0);
        }
    }
}
