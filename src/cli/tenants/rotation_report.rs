use serde_json::{Value, json};

use crate::{
    cli::output::{TextStyle, align_columns, pluralize},
    secrets::RotationSummary,
    tenants::TenantName,
    vault::rotation::{OldVersions, RotationReport, RotationStart},
};

/// The maximum number of failures in text output.
const MAX_SHOWN: usize = 10;

/// Whether a report is of something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RotationMode {
    /// It is what would be done.
    DryRun,
    /// It was done.
    Apply,
}

impl RotationReport {
    /// Returns it for people.
    pub(super) fn as_text(
        &self,
        tenant: &TenantName,
        mode: RotationMode,
        style: &TextStyle,
    ) -> String {
        let Self { start, key, tally, complete, .. } = self;
        let latest = key.latest;
        let mut lines = vec![match (start, mode) {
            (RotationStart::NewVersion, RotationMode::Apply) => {
                format!("The key of {tenant} has a new version, {latest}.")
            }
            (RotationStart::NewVersion, RotationMode::DryRun) => {
                format!("The key of {tenant} would get a new version, {latest}.")
            }
            (RotationStart::Resumed, _) => format!(
                "The rotation of the key of {tenant} to version {latest} was not finished: it is \
                 resumed."
            ),
            (RotationStart::Joined, _) => format!(
                "Another process has rotated the key of {tenant} to version {latest} meanwhile: no \
                 second rotation is started."
            ),
        }];
        let (number, verb) = match mode {
            RotationMode::DryRun => (tally.outdated, "to be rewrapped"),
            RotationMode::Apply => (tally.rewrapped, "rewrapped"),
        };
        lines.push(format!("{number} of {} {verb}.", pluralize(tally.secrets, "secret")));
        if tally.destroyed > 0 {
            lines.push(format!("{} destroyed.", pluralize(tally.destroyed, "older version")));
        }
        lines.extend(self.remaining(mode));
        if tally.failed > 0 {
            lines.push(
                style.error(&format!(
                    "{} could not be processed:",
                    pluralize(tally.failed, "secret")
                )),
            );
            let shown = tally.failures.iter().take(MAX_SHOWN);
            let rows = shown.map(|(name, why)| [name.clone(), why.clone()]);
            lines.push(align_columns(&rows.collect::<Vec<_>>()));
            let others = tally.failures.len().saturating_sub(MAX_SHOWN);
            if others > 0 {
                lines.push(format!(
                    "  and {}; --output json lists them all",
                    pluralize(others as u64, "other secret")
                ));
            }
        }
        if key.min_decryption == latest {
            lines.push("No older version of the key can decrypt any more.".to_owned());
        }
        if !complete {
            lines.push(style.error(
                "It ended before all secrets were processed; those in progress are not counted.",
            ));
        }
        lines.join("\n")
    }

    /// Returns what still needs an older version of the key, and how to destroy it.
    fn remaining(&self, mode: RotationMode) -> Vec<String> {
        let Self { key, tally, .. } = self;
        if tally.pending_versions == 0 {
            return Vec::new();
        }
        let to_come = match mode {
            RotationMode::DryRun => self.old_versions,
            RotationMode::Apply => OldVersions::Keep,
        };
        let would = if mode == RotationMode::DryRun { "would " } else { "" };
        let (versions, secrets) = (
            pluralize(tally.pending_versions, "older version"),
            pluralize(tally.pending_secrets, "secret"),
        );
        let fate = match to_come {
            OldVersions::Destroy => ":".to_owned(),
            OldVersions::Keep => {
                format!(
                    ": versions from {} on remain in use, and they remain readable.",
                    key.min_decryption
                )
            }
        };
        let mut lines = vec![format!(
            "{versions} of {secrets} {would}need an older version of the key, or may{fate}"
        )];
        let row = |(name, versions): &(String, Vec<u64>)| {
            let versions: Vec<String> = versions.iter().map(u64::to_string).collect();
            [name.clone(), format!("version {}", versions.join(", "))]
        };
        lines.push(align_columns(&tally.examples.iter().map(row).collect::<Vec<_>>()));
        let others = tally.pending_secrets - tally.examples.len() as u64;
        if others > 0 {
            lines.push(format!("  and of {}", pluralize(others, "other secret")));
        }
        if tally.unknown > 0 {
            lines.push(format!("{} of them are deleted and could not be checked.", tally.unknown));
        }
        lines.extend(self.endings(to_come));
        lines
    }

    /// Returns how to remove the versions that need an older version of the key.
    fn endings(&self, to_come: OldVersions) -> Vec<String> {
        let RotationSummary { pending_versions: remaining, without_successor: live, .. } =
            self.tally;
        let others = match live {
            0 => Some("them"),
            live if live < remaining => Some("the others"),
            _ => None,
        };
        let others = others.map(|others| match to_come {
            OldVersions::Destroy => {
                format!("Without --dry-run this permanently destroys {others}.")
            }
            OldVersions::Keep => {
                format!("--destroy-old-versions destroys {others}.")
            }
        });
        let live = (live > 0).then(|| {
            format!(
                "{live} of them are live without a live successor, and are not destroyed by this \
                 command: write a new version of the secret, or destroy them with `bao kv destroy`."
            )
        });
        live.into_iter().chain(others).collect()
    }

    /// Returns it for programs.
    pub(super) fn as_json(&self, tenant: &TenantName, mode: RotationMode) -> Value {
        let Self { start, key, tally, complete, .. } = self;
        let remaining = tally.examples.iter();
        let remaining =
            remaining.map(|(name, versions)| json!({"name": name, "versions": versions}));
        let failures = tally.failures.iter();
        let failures: Vec<Value> =
            failures.map(|(name, why)| json!({"name": name, "because": why})).collect();
        json!({
            "tenant": tenant.as_str(),
            "dry_run": mode == RotationMode::DryRun,
            "complete": complete,
            "rotated": *start == RotationStart::NewVersion,
            "key_version": key.latest,
            "min_decryption_version": key.min_decryption,
            "secrets": tally.secrets,
            "behind": tally.outdated,
            "rewrapped": tally.rewrapped,
            "versions_destroyed": tally.destroyed,
            "remaining": {
                "versions": tally.pending_versions,
                "secrets": tally.pending_secrets,
                "deleted": tally.unknown,
                "without_successor": tally.without_successor,
                "first": remaining.collect::<Vec<_>>(),
            },
            "failed": {
                "secrets": tally.failed,
                "first": failures.get(..MAX_SHOWN).unwrap_or(&failures),
                "all": failures,
            },
        })
    }
}
