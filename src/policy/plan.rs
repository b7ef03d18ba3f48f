use similar::TextDiff;

use super::{
    Policy, PolicyFile, PolicyName, PolicySet, PolicyStore, PolicyStoreError, StoredPolicy,
};

/// The changes that give Vault the policies of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyPlan {
    /// The changes, in the order of writing.
    pub changes: Vec<PolicyChange>,
    /// The policies that are equivalent in both places.
    pub unchanged: Vec<UnchangedPolicy>,
    /// The policies in Vault that are not in the set and are kept.
    pub unmanaged: Vec<String>,
}

/// One write or deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// The name of the policy.
    pub name: String,
    /// The current policy in Vault.
    pub before: Option<StoredPolicy>,
    /// The new text; `None` to delete the policy.
    pub after: Option<String>,
}

/// A policy that needs no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchangedPolicy {
    /// The name.
    pub name: String,
    /// The comparison of the two texts.
    pub text_match: TextMatch,
}

/// The comparison of two equivalent texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// The texts are identical.
    Same,
    /// Only comments, layout or notation differ.
    Differs,
}

/// The handling of policies that are not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnmanagedPolicies {
    /// Keeps them.
    Keep,
    /// Deletes them.
    Prune,
}

impl PolicyPlan {
    /// Compares a set with the stored policies. Vault's built-in policies are ignored.
    ///
    /// # Errors
    /// Fails if a stored policy cannot be read.
    pub async fn compute(
        set: &PolicySet,
        store: &impl PolicyStore,
        unmanaged: UnmanagedPolicies,
    ) -> Result<Self, PolicyStoreError> {
        let mut names = store.names().await?;
        names.sort();
        names.retain(|name| {
            set.get(name).is_none() && !PolicyName::BUILT_IN.contains(&name.as_str())
        });
        let mut plan = Self::default();
        for (name, file) in set.iter() {
            let name = name.to_string();
            let before = store.read(&name).await?;
            let text_match = before.as_ref().and_then(|before| compare(before, file));
            if let Some(text_match) = text_match {
                plan.unchanged.push(UnchangedPolicy { name, text_match });
            } else {
                let after = Some(file.source.text.clone());
                plan.changes.push(PolicyChange { name, before, after });
            }
        }
        match unmanaged {
            UnmanagedPolicies::Keep => plan.unmanaged = names,
            UnmanagedPolicies::Prune => {
                for name in names {
                    // A policy that was deleted meanwhile needs no deletion.
                    if let Some(before) = store.read(&name).await? {
                        plan.changes.push(PolicyChange { name, before: Some(before), after: None });
                    }
                }
            }
        }
        Ok(plan)
    }

    /// Returns the number of changes that delete a policy.
    #[must_use]
    pub fn deletions(&self) -> usize {
        self.changes.iter().filter(|change| change.after.is_none()).count()
    }
}

/// Compares the stored text with the file. Returns `None` if they are not equivalent, or if Vault
/// keeps extra settings.
fn compare(before: &StoredPolicy, file: &PolicyFile) -> Option<TextMatch> {
    if !before.extra_settings.is_empty() {
        return None;
    }
    if before.text == file.source.text {
        return Some(TextMatch::Same);
    }
    let stored = Policy::parse(&before.text).ok()?;
    stored.is_equivalent_to(&file.policy).then_some(TextMatch::Differs)
}

impl PolicyChange {
    /// Returns the verb: create, update or delete.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match (&self.before, &self.after) {
            (_, None) => "delete",
            (None, Some(_)) => "create",
            (Some(_), Some(_)) => "update",
        }
    }

    /// Returns the change as a unified diff. The extra settings that Vault keeps are its first
    /// lines.
    #[must_use]
    pub fn diff(&self) -> String {
        let empty = StoredPolicy::default();
        let before = self.before.as_ref().unwrap_or(&empty);
        let mut old = String::new();
        for setting in &before.extra_settings {
            old = format!("{old}# kept by Vault: {setting}\n");
        }
        old += &before.text;
        let new = self.after.as_deref().unwrap_or_default();
        let from =
            if self.before.is_some() { format!("vault/{}", self.name) } else { NOTHING.into() };
        let to = if self.after.is_some() { format!("file/{}", self.name) } else { NOTHING.into() };
        TextDiff::from_lines(old.as_str(), new).unified_diff().header(&from, &to).to_string()
    }
}

/// The file name in a diff for an absent policy.
const NOTHING: &str = "/dev/null";
