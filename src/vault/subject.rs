//! The subject of a caller: who it is, in one readable name that nobody else in Vault has.
//!
//! There are three forms:
//!
//! | form | of an entity with |
//! |---|---|
//! | `NAME` | one alias, on the mount that people use |
//! | `NAME@MOUNT/` | one alias, on another mount |
//! | `entity:NAME` | several aliases or none, or an alias of an AppRole, whose name is the role id |
//!
//! An alias is the only one of its name on its mount, and an entity the only one of its name. A name
//! that could be mistaken for one of another form is written in a longer one, so that two entities
//! never have the same subject.

use crate::vault::facts::{Alias, EntityData};

/// The start of the third form.
const ENTITY: &str = "entity:";

/// The subject of this entity; `None` if it has no name. `people` is the path of the auth mount
/// that people use, without `auth/` and without slashes at its ends.
pub(super) fn subject(entity: &EntityData, people: &str) -> Option<Box<str>> {
    let alias = match entity.aliases() {
        [alias] if alias.mount_type.as_deref() != Some("approle") => of_alias(alias, people),
        _ => None,
    };
    let subject = alias.or_else(|| of_entity(entity.name.as_deref()?));
    subject.map(String::into_boxed_str)
}

/// The first or the second form; `None` if the mount is not known, or has a path in which the end
/// of the name would not be seen.
fn of_alias(alias: &Alias, people: &str) -> Option<String> {
    let name = alias.name.as_str();
    alias.mount_type.as_deref().filter(|kind| !kind.is_empty())?;
    let mount = alias.mount_path.as_deref()?.strip_prefix("auth/")?.strip_suffix('/')?;
    if name.is_empty() || mount.is_empty() || mount.contains('@') {
        return None;
    }
    let clear = !name.contains('@') && !name.starts_with(ENTITY);
    Some(if mount == people && clear { name.to_owned() } else { format!("{name}@{mount}/") })
}

/// The third form. What looks like the second form of a name that begins like the third gets a
/// further `@`, and so does what looks like having got one.
fn of_entity(name: &str) -> Option<String> {
    let bare = name.trim_end_matches('@');
    let like_an_alias = bare.ends_with('/') && bare.contains('@');
    let end = if like_an_alias { "@" } else { "" };
    (!name.is_empty()).then(|| format!("{ENTITY}{name}{end}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{EntityData, subject};

    fn entity(name: &str, aliases: &Value) -> EntityData {
        let entity = json!({"id": "id", "name": name, "disabled": false, "aliases": aliases});
        serde_json::from_value(entity).expect("an entity")
    }

    fn alias(name: &str, mount: &str) -> Value {
        let kind = if mount == "approle" { mount } else { "userpass" };
        json!({"name": name, "mount_path": format!("auth/{mount}/"), "mount_type": kind})
    }

    fn of(entity: &EntityData) -> String {
        subject(entity, "userpass").map(String::from).unwrap_or_default()
    }

    #[test]
    fn each_form_is_for_its_kind_of_entity() {
        let person = |name, mount| entity("entity_1", &json!([alias(name, mount)]));
        for (entity, expected) in [
            (person("ana", "userpass"), "ana"),
            (person("ana", "partners"), "ana@partners/"),
            (person("ana", "team/userpass"), "ana@team/userpass/"),
            (person("ana@example.com", "userpass"), "ana@example.com@userpass/"),
            (person("ana@partners/", "userpass"), "ana@partners/@userpass/"),
            (person("entity:bob", "userpass"), "entity:bob@userpass/"),
            (person("Ana Ñ 100%", "userpass"), "Ana Ñ 100%"),
            (person("5b2e6f1c", "approle"), "entity:entity_1"),
            (person("ana", "a@b"), "entity:entity_1"),
            (person("", "userpass"), "entity:entity_1"),
            (entity("chatwoot", &json!([])), "entity:chatwoot"),
            (entity("chatwoot", &json!(null)), "entity:chatwoot"),
            (entity("bob@userpass/", &json!([])), "entity:bob@userpass/@"),
            (entity("bob@userpass/@", &json!([])), "entity:bob@userpass/@@"),
            (entity("bob@example.com", &json!([])), "entity:bob@example.com"),
            (
                entity("two", &json!([alias("ana", "userpass"), alias("ana", "partners")])),
                "entity:two",
            ),
            (entity("", &json!([])), ""),
        ] {
            assert_eq!(of(&entity), expected);
        }
    }

    #[test]
    fn alias_whose_mount_is_not_told_gives_no_name() {
        for unknown in [
            json!({"name": "ana"}),
            json!({"name": "ana", "mount_path": "", "mount_type": ""}),
            json!({"name": "ana", "mount_path": "auth/userpass/"}),
            json!({"name": "ana", "mount_path": null, "mount_type": "userpass"}),
            json!({"name": "ana", "mount_path": "userpass/", "mount_type": "userpass"}),
            json!({"name": "ana", "mount_path": "auth/", "mount_type": "userpass"}),
        ] {
            assert_eq!(of(&entity("one", &json!([unknown]))), "entity:one");
        }
    }

    /// A few pieces that the forms are made of, so that names often look like other forms.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("ana"),
            Just("@"),
            Just("/"),
            Just("entity:"),
            Just("userpass"),
            Just("@userpass/"),
            Just("%40"),
            Just(" "),
        ];
        prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
    }

    /// What sets an entity apart from all others in Vault: its name, or an alias on a mount.
    fn someone() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
        (text(), prop::collection::vec((text(), text()), 0..3))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn two_entities_never_share_a_subject(one in someone(), other in someone()) {
            // Vault has no two entities of one name, nor with one alias.
            prop_assume!(one.0 != other.0);
            prop_assume!(one.1.iter().all(|alias| !other.1.contains(alias)));
            let subjects = [one, other].map(|(name, aliases)| {
                let aliases: Vec<_> = aliases.iter().map(|(name, mount)| alias(name, mount)).collect();
                of(&entity(&name, &json!(aliases)))
            });
            prop_assert!(subjects[0] != subjects[1] || subjects[0].is_empty(), "{:?}", subjects);
        }
    }
}
