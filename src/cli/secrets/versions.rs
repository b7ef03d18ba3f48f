use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        output::{OutputArgs, TextStyle, align_columns},
        secret_client::{SecretClientArgs, secret_error_message},
        secrets::secret_args::SecretArgs,
    },
    secrets::{SecretPath, VersionInfo, VersionState},
};

/// List the versions of a secret with their time and state.
///
/// A deleted version can be undeleted, a destroyed one cannot. The last one is the latest, which is
/// read by default. The version of the tenant's key that a version was encrypted with is shown if
/// the token may read the version.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets versions acme crm
  vault-auth-validator secrets versions acme crm --output json | jq '.versions[] | select(.state == \"deleted\")'")]
pub(super) struct Versions {
    #[command(flatten)]
    secret: SecretArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl Versions {
    pub(super) fn run(self) -> ExitCode {
        let Self { secret, output, store } = self;
        let path = SecretPath::from(secret);
        store.run(async |store| {
            let versions = store.with(async |secrets| secrets.version_history(&path).await).await;
            let versions =
                versions.map_err(|error| secret_error_message(&error, &path.tenant, &path.name))?;
            output.print(|| as_json(&path, &versions), |style| table(&versions, style));
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn table(versions: &[VersionInfo], style: &TextStyle) -> String {
    let row = |info: &VersionInfo| {
        let state = info.state.as_str();
        let state = match info.state {
            VersionState::Live => style.success(state),
            VersionState::Deleted(_) => style.warning(state),
            VersionState::Destroyed => style.error(state),
        };
        let key = info.key_version.map(|version| format!("key version {version}"));
        let deleted = info.state.deleted_at().map(|time| format!("deleted {time:.0}"));
        [
            format!("version {}", info.version),
            state,
            format!("written {:.0}", info.created_at),
            deleted.or(key).unwrap_or_default(),
        ]
    };
    align_columns(&versions.iter().map(row).collect::<Vec<_>>())
}

fn as_json(SecretPath { tenant, name }: &SecretPath, versions: &[VersionInfo]) -> Value {
    let version = |info: &VersionInfo| {
        json!({
            "version": info.version.number(),
            "state": info.state.as_str(),
            "created_at": info.created_at.to_string(),
            "deleted_at": info.state.deleted_at().map(|time| time.to_string()),
            "key_version": info.key_version,
        })
    };
    json!({
        "tenant": tenant.as_str(),
        "name": name.as_str(),
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
    })
}
