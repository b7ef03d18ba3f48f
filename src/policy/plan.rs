use similar::TextDiff;

use super::{
    Policy, PolicyFile, PolicyName, PolicySet, PolicyStore, PolicyStoreError, StoredPolicy,
};

/// What has to be written for Vault to have the policies of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyPlan {
    /// What is written, in this order.
    pub changes: Vec<PolicyChange>,
    /// What says the same in both places.
    pub unchanged: Vec<UnchangedPolicy>,
    /// The policies in Vault that are none of the set's, and stay as they are.
    pub unmanaged: Vec<String>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// The policy's name.
    pub name: String,
    /// What Vault has now.
    pub before: Option<StoredPolicy>,
    /// What it will have; `None` to delete it.
    pub after: Option<String>,
}

/// A policy that is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchangedPolicy {
    /// Its name.
    pub name: String,
    /// Whether it says the same in the same words.
    pub text_match: TextMatch,
}

/// How two texts that say the same compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// Letter by letter.
    Same,
    /// Comments or layout differ.
    Differs,
}

/// What becomes of policies that are none of the set's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnmanagedPolicies {
    /// They stay.
    Keep,
    /// They are deleted.
    Prune,
}

impl PolicyPlan {
    /// Compares a set with what is stored. Vault's own policies are left alone.
    ///
    /// # Errors
    /// If something stored cannot be read.
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
                    // One that is gone since the names were read needs no deletion.
                    if let Some(before) = store.read(&name).await? {
                        plan.changes.push(PolicyChange { name, before: Some(before), after: None });
                    }
                }
            }
        }
        Ok(plan)
    }

    /// How many changes delete a policy.
    #[must_use]
    pub fn deletions(&self) -> usize {
        self.changes.iter().filter(|change| change.after.is_none()).count()
    }
}

/// How the stored text words it, if it says the same and nothing beside it says more.
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
    /// What it does, in a word.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match (&self.before, &self.after) {
            (_, None) => "delete",
            (None, Some(_)) => "create",
            (Some(_), Some(_)) => "update",
        }
    }

    /// The change as a unified diff, with what Vault keeps beside the text as its first lines.
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

/// What a diff calls the side where there is no policy.
const NOTHING: &str = "/dev/null";
