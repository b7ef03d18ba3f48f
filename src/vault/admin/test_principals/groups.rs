//! Test groups, in the place of the groups of callers.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{GroupField, GroupKey, GroupSelector, TestCaller, TestGroup};

/// The metadata keys of a test group that hold the name and the id of the caller's group.
const GROUP_NAME: &str = "validator-test-name";
const GROUP_ID: &str = "validator-test-id";

/// The names of the test groups, by the key with which a template names the caller's group:
/// `names.ops`, `ids.4dcd9ef8`.
#[derive(Default)]
pub(super) struct TestGroups(BTreeMap<String, String>);

/// Returns the keys with which a template may name a group.
pub(super) fn keys(name: &str, group: &TestGroup) -> impl Iterator<Item = String> {
    let by_id = group.id.as_deref().map(|id| key(GroupKey::Id(id)));
    [key(GroupKey::Name(name))].into_iter().chain(by_id)
}

/// Returns the metadata of a test group: those of the caller's group, and its name and id.
pub(super) fn metadata(name: &str, group: &TestGroup) -> BTreeMap<String, String> {
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

impl TestGroups {
    /// Names a test group for each group of these callers. The names begin with `prefix`.
    pub(super) fn new(prefix: &str, callers: &[TestCaller]) -> Self {
        let groups = callers.iter().flat_map(|caller| &caller.groups);
        let keys: BTreeSet<String> = groups.flat_map(|(name, group)| keys(name, group)).collect();
        let named = keys.into_iter().enumerate();
        Self(named.map(|(number, key)| (key, format!("{prefix}-group-{number}"))).collect())
    }

    /// Returns the name of the test group for the group with this key.
    pub(super) fn name(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    /// Returns the selector on a test group for this selector on a caller's group; `None` if there
    /// is no test group for it.
    pub(super) fn selector(&self, selector: &str) -> Option<String> {
        let GroupSelector { group, field } = GroupSelector::parse(selector)?;
        let test_group = self.0.get(&key(group))?;
        let key = match field {
            GroupField::Name => GROUP_NAME,
            GroupField::Id => GROUP_ID,
            GroupField::Metadata(key) => key,
        };
        Some(format!("identity.groups.names.{test_group}.metadata.{key}"))
    }
}
