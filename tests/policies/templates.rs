//! The templates that OpenBao fills, and their values.

use serde_json::json;
use vault_auth_validator::policy::{
    Lint, LintFinding, Mounts, Policy, PolicySet, PolicySource, evaluate,
};

use crate::support::{bao::Bao, platform::create_caller};

/// Returns templates, each with its value; `None` for those that are never filled.
fn templates(accessor: &str, group: &str) -> Vec<(String, Option<String>)> {
    let known = [
        ("identity.entity.name".to_owned(), "ann"),
        ("identity.entity.metadata.tenant".to_owned(), "acme"),
        (format!("identity.entity.aliases.{accessor}.custom_metadata.desk"), "7"),
        (format!("identity.groups.ids.{group}.id"), group),
        (format!("identity.groups.ids.{group}.name"), "Ops"),
        (format!("identity.groups.ids.{group}.metadata.area"), "south"),
        ("identity.groups.names.Ops.id".to_owned(), group),
        ("identity.groups.names.Ops.name".to_owned(), "Ops"),
        ("identity.groups.names.Ops.metadata.area".to_owned(), "south"),
        ("identity.groups.names.a b.name".to_owned(), "a b"),
        ("identity.groups.names.inherited.name".to_owned(), "inherited"),
    ];
    let unknown = [
        "identity.entity.aliases.*.name".to_owned(),
        "identity.groups.ids.+.name".to_owned(),
        "identity.groups.names.*.name".to_owned(),
        "identity.groups.names.O*.name".to_owned(),
        "identity.groups.names.Ops.mail".to_owned(),
        "identity.groups.names.x.y.name".to_owned(),
        "identity.group.names.Ops.name".to_owned(),
    ];
    let known = known.into_iter().map(|(selector, value)| (selector, Some(value.to_owned())));
    known.chain(unknown.map(|selector| (selector, None))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_filled_as_in_openbao() {
    let bao = Bao::dev().await;
    bao.must("POST", "sys/auth/approle", Some(json!({"type": "approle"}))).await;
    let caller = create_caller(&bao, "ann", json!({"tenant": "acme"}), &["templates"]).await;
    let entity = format!("identity/entity/id/{}", caller.entity_id);
    let alias = bao.must("GET", &entity, None).await["data"]["aliases"][0].clone();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let custom = json!({"custom_metadata": {"desk": "7"}});
    let path = format!("identity/entity-alias/id/{}", text(&alias["id"]));
    bao.must("POST", &path, Some(custom)).await;
    let member = json!([caller.entity_id]);
    let group =
        async |body| text(&bao.must("POST", "identity/group", Some(body)).await["data"]["id"]);
    let ops = json!({"name": "Ops", "metadata": {"area": "south"}, "member_entity_ids": member});
    let ops = group(ops).await;
    for name in ["a b", "x.y"] {
        group(json!({"name": name, "member_entity_ids": member})).await;
    }
    group(json!({"name": "inherited", "member_group_ids": [ops]})).await;

    let templates = templates(&text(&alias["mount_accessor"]), &ops);
    let rule = |(place, (selector, _)): (usize, &(String, _))| {
        format!("path \"t{place}/{{{{{selector}}}}}\" {{ capabilities = [\"read\"] }}\n")
    };
    let policy: String = templates.iter().enumerate().map(rule).collect();
    bao.must("PUT", "sys/policies/acl/templates", Some(json!({ "policy": policy }))).await;
    let (set, findings) = PolicySet::read(vec![PolicySource::new("templates.hcl", policy.clone())]);
    assert_eq!(findings, []);
    let mounts = Mounts { kv: "secret".to_owned(), transit: "transit".to_owned() };
    let found = set.lint(&mounts);
    let policy = Policy::parse(&policy).expect("a policy");
    let fill = |selector: &str| {
        templates.iter().find(|(known, _)| known == selector).and_then(|(_, value)| value.clone())
    };
    for (place, (selector, value)) in templates.iter().enumerate() {
        let value = value.clone().unwrap_or_else(|| "Ops".to_owned());
        let path = format!("t{place}/{value}");
        let asked = json!({"token": caller.token, "paths": [path]});
        let granted =
            bao.must("POST", "sys/capabilities", Some(asked)).await["data"][&path].clone();
        let ours = evaluate(&[&policy], &path, &fill).expect("values that fit");
        let ours = ours.map(|evaluation| evaluation.capabilities).unwrap_or_default().names();
        assert_eq!(json!(ours), granted, "{selector}");
        let is_here = |finding: &&LintFinding| finding.at.line == place + 1;
        let finds = found.iter().find(is_here).map(|finding| finding.check);
        let expected = (granted == json!(["deny"])).then_some(Lint::Template);
        assert_eq!(finds, expected, "{selector}: OpenBao grants {granted}");
    }
}
