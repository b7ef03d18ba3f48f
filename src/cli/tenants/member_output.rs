use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    cli::output::{TextStyle, align_columns, escape_line},
    tenants::{Member, MemberLogin},
    vault::MemberSource,
};

/// Returns members as a table.
pub(super) fn member_table(members: &[Member], style: &TextStyle) -> String {
    let heading =
        ["member", "logs in at", "", "policies", "entity"].map(|word| style.heading(word));
    let row = |member: &Member| {
        let mounts: BTreeSet<&str> =
            member.logins.iter().map(|login| login.mount.as_str()).collect();
        let policies = member.policies.iter().cloned();
        let unknown = member
            .unknown_policies
            .iter()
            .map(|reason| style.warning(&format!("unknown: {}", escape_line(reason))));
        [
            member.display_name().escape_debug().to_string(),
            mounts.into_iter().map(escape_line).collect::<Vec<_>>().join(", "),
            if member.disabled { style.warning("disabled") } else { String::new() },
            policies.chain(unknown).collect::<Vec<_>>().join(", "),
            member.id.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(members.iter().map(row)).collect();
    align_columns(&rows)
}

/// Returns a member as JSON.
pub(super) fn member_json(member: &Member) -> Value {
    let login = |login: &MemberLogin| json!({"name": login.name, "mount": login.mount, "method": login.method});
    let logins = member.logins.iter().filter(|login| login.is_person()).map(login);
    let methods: BTreeSet<&str> = member.logins.iter().map(|login| login.method.as_str()).collect();
    json!({
        "name": member.display_name(),
        "entity": member.entity,
        "entity_id": member.id,
        "disabled": member.disabled,
        "logs_in_by": methods,
        "logins": logins.collect::<Vec<_>>(),
        "policies": member.policies,
        "policies_unknown": member.unknown_policies,
    })
}

/// Returns a sentence about the entities that were searched for members.
pub(super) fn source_text(source: &MemberSource) -> String {
    match source {
        MemberSource::AllEntities => "All entities in Vault were searched for members.".to_owned(),
        MemberSource::Index { complete_since } => format!(
            "Only recorded members were read. `tenants list` finds members that were added by other \
             means since {complete_since}."
        ),
    }
}

/// Returns the time since which the record of members is complete; null if all entities were read.
pub(super) fn source_json(source: &MemberSource) -> Value {
    match source {
        MemberSource::AllEntities => Value::Null,
        MemberSource::Index { complete_since } => json!(complete_since),
    }
}
