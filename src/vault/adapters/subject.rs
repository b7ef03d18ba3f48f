//! The subject of a caller: one readable name that is unique within Vault.
//!
//! There are three forms:
//!
//! | form | of an entity with |
//! |---|---|
//! | `NAME` | one alias, on the auth mount of people |
//! | `NAME@MOUNT/` | one alias, on another mount |
//! | `entity:NAME` | several aliases or none, or an alias of an AppRole, whose name is the role id |
//!
//! Alias names are unique on their mount, and entity names are unique. A name that could be mistaken
//! for one of another form is written in a longer form, so that two entities never have the same
//! subject.

use crate::vault::api::entity::{EntityAlias, TokenEntity};

/// The prefix of the third form.
const ENTITY_PREFIX: &str = "entity:";

/// Returns the subject of this entity; `None` if it has no name. `subject_mount` is the path of the
/// auth mount of people, without `auth/` and without slashes at its ends.
pub(super) fn subject(entity: &TokenEntity, subject_mount: &str) -> Option<Box<str>> {
    let alias = match entity.aliases() {
        [alias] if alias.mount_type.as_deref() != Some("approle") => {
            alias_subject(alias, subject_mount)
        }
        _ => None,
    };
    let subject = alias.or_else(|| entity_subject(entity.name.as_deref()?));
    subject.map(String::into_boxed_str)
}

/// Returns the first or the second form; `None` if the mount is unknown, or has a path that would
/// make the end of the name ambiguous.
fn alias_subject(alias: &EntityAlias, subject_mount: &str) -> Option<String> {
    let name = alias.name.as_str();
    alias.mount_type.as_deref().filter(|kind| !kind.is_empty())?;
    let mount = alias.mount_path.as_deref()?.strip_prefix("auth/")?.strip_suffix('/')?;
    if name.is_empty() || mount.is_empty() || mount.contains('@') {
        return None;
    }
    let is_unambiguous = !name.contains('@') && !name.starts_with(ENTITY_PREFIX);
    Some(if mount == subject_mount && is_unambiguous {
        name.to_owned()
    } else {
        format!("{name}@{mount}/")
    })
}

/// Returns the third form. A name with which it would look like the second form of an alias gets an
/// `@` at its end, and so does a name that looks as if it had got one.
fn entity_subject(name: &str) -> Option<String> {
    let bare = name.trim_end_matches('@');
    let looks_like_alias = bare.ends_with('/') && bare.contains('@');
    let suffix = if looks_like_alias { "@" } else { "" };
    (!name.is_empty()).then(|| format!("{ENTITY_PREFIX}{name}{suffix}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{TokenEntity, subject};

    fn entity(name: &str, aliases: &Value) -> TokenEntity {
        let entity = json!({"id": "id", "name": name, "disabled": false, "aliases": aliases});
        serde_json::from_value(entity).expect("an entity")
    }

    fn alias(name: &str, mount: &str) -> Value {
        let kind = if mount == "approle" { mount } else { "userpass" };
        json!({"name": name, "mount_path": format!("auth/{mount}/"), "mount_type": kind})
    }

    fn of(entity: &TokenEntity) -> String {
        subject(entity, "userpass").map(String::from).unwrap_or_default()
    }

    #[test]
    fn each_kind_of_entity_has_its_form() {
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
    fn alias_of_unknown_mount_gives_no_name() {
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

    /// Names of the pieces that the forms consist of, so that they often look like other forms.
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

    /// The unique properties of an entity: its name, and its aliases on mounts.
    fn any_entity() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
        (text(), prop::collection::vec((text(), text()), 0..3))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn entities_never_share_a_subject(one in any_entity(), other in any_entity()) {
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
