//! Groups that stand in for those of callers.

use std::collections::{BTreeMap, BTreeSet};

use crate::policies::{Caller, Group, GroupField, GroupKey, GroupSelector};

/// The metadata of a group that stands in for another: that one's name and id.
const GROUP_NAME: &str = "validator-test-name";
const GROUP_ID: &str = "validator-test-id";

/// The names of the groups that stand in for others, by how a template names those: `names.ops`,
/// `ids.4dcd9ef8`.
#[derive(Default)]
pub(super) struct StandInGroups(BTreeMap<String, String>);

/// The ways in which a template may name a group.
pub(super) fn keys(name: &str, group: &Group) -> impl Iterator<Item = String> {
    let by_id = group.id.as_deref().map(|id| key(GroupKey::Id(id)));
    [key(GroupKey::Name(name))].into_iter().chain(by_id)
}

/// The metadata of a stand-in: the group's own, with its name and id beside that.
pub(super) fn metadata(name: &str, group: &Group) -> BTreeMap<String, String> {
    let mut metadata = group.metadata.clone();
    metadata.insert(GROUP_NAME.to_owned(), name.to_owned());
    metadata.extend(group.id.clone().map(|id| (GROUP_ID.to_owned(), id)));
    metadata
}

fn key(group: GroupKey<'_>) -> String {
    match group {
        GroupKey::Name(name) => format!("names.{name}"),
        GroupKey::Id(id) => format!("ids.{id}"),
    }
}

impl StandInGroups {
    /// For the groups of these callers, under names that begin with `prefix`.
    pub(super) fn new(prefix: &str, callers: &[Caller]) -> Self {
        let groups = callers.iter().flat_map(|caller| &caller.groups);
        let keys: BTreeSet<String> = groups.flat_map(|(name, group)| keys(name, group)).collect();
        let named = keys.into_iter().enumerate();
        Self(named.map(|(number, key)| (key, format!("{prefix}-group-{number}"))).collect())
    }

    /// The name of the stand-in for the group that templates name so.
    pub(super) fn name(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    /// The template of a stand-in for this one of a group; `None` if the group has none.
    pub(super) fn selector(&self, selector: &str) -> Option<String> {
        let GroupSelector { group, field } = GroupSelector::parse(selector)?;
        let stand_in = self.0.get(&key(group))?;
        let key = match field {
            GroupField::Name => GROUP_NAME,
            GroupField::Id => GROUP_ID,
            GroupField::Metadata(key) => key,
        };
        Some(format!("identity.groups.names.{stand_in}.metadata.{key}"))
    }
}
