use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    cli::output::{Style, columns, printable},
    tenants::{Login, Member},
    vault::Source,
};

/// Returns members as a table.
pub(super) fn member_table(members: &[Member], style: &Style) -> String {
    let heading = ["member", "logs in at", "", "policies", "entity"].map(|word| style.place(word));
    let row = |member: &Member| {
        let mounts: BTreeSet<&str> =
            member.logins.iter().map(|login| login.mount.as_str()).collect();
        let policies = member.policies.iter().cloned();
        let unknown = member
            .unknown
            .iter()
            .map(|reason| style.doubtful(&format!("unknown: {}", printable(reason))));
        [
            member.name().escape_debug().to_string(),
            mounts.into_iter().map(printable).collect::<Vec<_>>().join(", "),
            if member.disabled { style.doubtful("disabled") } else { String::new() },
            policies.chain(unknown).collect::<Vec<_>>().join(", "),
            member.id.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(members.iter().map(row)).collect();
    columns(&rows)
}

/// Returns a member as JSON.
pub(super) fn member_json(member: &Member) -> Value {
    let login =
        |login: &Login| json!({"name": login.name, "mount": login.mount, "method": login.method});
    let logins = member.logins.iter().filter(|login| login.is_persons()).map(login);
    let methods: BTreeSet<&str> = member.logins.iter().map(|login| login.method.as_str()).collect();
    json!({
        "name": member.name(),
        "entity": member.entity,
        "entity_id": member.id,
        "disabled": member.disabled,
        "logs_in_by": methods,
        "logins": logins.collect::<Vec<_>>(),
        "policies": member.policies,
        "policies_unknown": member.unknown,
    })
}

/// Returns a sentence about the entities that were searched for members.
pub(super) fn source_text(source: &Source) -> String {
    match source {
        Source::All => "All entities in Vault were searched for members.".to_owned(),
        Source::Recorded { complete_since } => format!(
            "Only recorded members were read. `tenants list` finds members that were added by other \
             means since {complete_since}."
        ),
    }
}

/// Returns the time since which the record of members is complete; null if all entities were read.
pub(super) fn source_json(source: &Source) -> Value {
    match source {
        Source::All => Value::Null,
        Source::Recorded { complete_since } => json!(complete_since),
    }
}
