use std::time::Duration;

use clap::Args;

use crate::provisioning::{CredentialDir, Issue, SecretIdOptions};

/// The arguments for the delivery of secret ids.
#[derive(Args, Clone)]
pub(super) struct SecretIdArgs {
    /// The directory that credentials are written to, with access for your user only; created if it
    /// does not exist. Existing files are never overwritten.
    #[arg(long = "credentials", value_name = "DIR", default_value = "credentials")]
    pub(super) directory: CredentialDir,
    /// The time within which a wrapped secret id has to be unwrapped, from 1s to 24h.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_wrap_ttl)]
    wrap_ttl: Duration,
    /// Issue a secret id even if the role has one. Existing ones remain valid.
    #[arg(long)]
    new_secret_id: bool,
    /// Write the secret id itself instead of a response-wrapping token. It is valid for every start,
    /// and any reader of the file can use it undetected.
    #[arg(long, conflicts_with = "wrap_ttl")]
    plain_secret_id: bool,
}

impl SecretIdArgs {
    pub(super) fn options(&self) -> SecretIdOptions {
        SecretIdOptions {
            directory: self.directory.clone(),
            wrap_ttl: (!self.plain_secret_id).then_some(self.wrap_ttl),
            issue: if self.new_secret_id { Issue::Always } else { Issue::IfAbsent },
        }
    }
}

/// Parses a wrap TTL within the bounds of policies/operator.hcl.
fn parse_wrap_ttl(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_hours(24);
    let ttl = humantime::parse_duration(text).ok().filter(|ttl| range.contains(ttl));
    ttl.ok_or_else(|| "expected a duration from 1s to 24h, such as 30m".to_owned())
}
