use similar::TextDiff;

use super::{Member, Policy, PolicyName, PolicySet, Store, StoreError, Stored};

/// What has to be written for Vault to have the policies of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is written, in this order.
    pub steps: Vec<Step>,
    /// What says the same in both places.
    pub unchanged: Vec<Unchanged>,
    /// The policies in Vault that are none of the set's, and stay as they are.
    pub unmanaged: Vec<String>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The policy's name.
    pub name: String,
    /// What Vault has now.
    pub before: Option<Stored>,
    /// What it will have; `None` to delete it.
    pub after: Option<String>,
}

/// A policy that is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchanged {
    /// Its name.
    pub name: String,
    /// Whether it says the same in the same words.
    pub wording: Wording,
}

/// How two texts that say the same compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Letter by letter.
    Same,
    /// Comments or layout differ.
    Differs,
}

/// What becomes of policies that are none of the set's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmanaged {
    /// They stay.
    Kept,
    /// They are deleted.
    Pruned,
}

impl Plan {
    /// Compares a set with what is stored. Vault's own policies are left alone.
    ///
    /// # Errors
    /// If something stored cannot be read.
    pub async fn draw(
        set: &PolicySet,
        store: &impl Store,
        unmanaged: Unmanaged,
    ) -> Result<Self, StoreError> {
        let mut names = store.names().await?;
        names.sort();
        names.retain(|name| {
            set.get(name).is_none() && !PolicyName::BUILT_IN.contains(&name.as_str())
        });
        let mut plan = Self::default();
        for (name, member) in set.iter() {
            let name = name.to_string();
            let before = store.read(&name).await?;
            let wording = before.as_ref().and_then(|before| compare(before, member));
            if let Some(wording) = wording {
                plan.unchanged.push(Unchanged { name, wording });
            } else {
                let after = Some(member.source.text.clone());
                plan.steps.push(Step { name, before, after });
            }
        }
        match unmanaged {
            Unmanaged::Kept => plan.unmanaged = names,
            Unmanaged::Pruned => {
                for name in names {
                    // One that is gone since the names were read needs no deletion.
                    if let Some(before) = store.read(&name).await? {
                        plan.steps.push(Step { name, before: Some(before), after: None });
                    }
                }
            }
        }
        Ok(plan)
    }

    /// How many steps delete a policy.
    #[must_use]
    pub fn deletions(&self) -> usize {
        self.steps.iter().filter(|step| step.after.is_none()).count()
    }
}

/// How the stored text words it, if it says the same and nothing beside it says more.
fn compare(before: &Stored, member: &Member) -> Option<Wording> {
    if !before.beside.is_empty() {
        return None;
    }
    if before.text == member.source.text {
        return Some(Wording::Same);
    }
    let stored = Policy::parse(&before.text).ok()?;
    stored.means_the_same_as(&member.policy).then_some(Wording::Differs)
}

impl Step {
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
        let empty = Stored::default();
        let before = self.before.as_ref().unwrap_or(&empty);
        let mut old = String::new();
        for setting in &before.beside {
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
