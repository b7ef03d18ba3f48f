use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Place;
use crate::{
    cli::{
        output::Output,
        store::{StoreArgs, why},
    },
    secrets::{Effect, SecretPath, Undeleted, Version},
};

/// Bring back a version of a secret that was deleted.
///
/// It is as it was before. It becomes the latest only if it was: a version that was written after it
/// stays in front of it. To bring back what an older version holds, read it and set it anew.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets undelete acme crm --version 3
  vault-auth-validator secrets get acme crm --version 3 --output json | jq .data |
      vault-auth-validator secrets set acme crm --replace")]
pub(super) struct Undelete {
    #[command(flatten)]
    place: Place,
    /// The version; `secrets versions` shows which were deleted.
    #[arg(long)]
    version: Version,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

impl Undelete {
    pub(super) fn run(self) -> ExitCode {
        let Self { place, version, output, store } = self;
        let path = SecretPath::from(place);
        store.run(async |store| {
            let undeleted = store.with(async |secrets| secrets.undelete(&path, version).await);
            let undeleted =
                undeleted.await.map_err(|error| why(&error, &path.tenant, &path.name))?;
            output.print(|| as_json(&path, &undeleted), |_| as_text(&path, &undeleted));
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn as_text(SecretPath { tenant, name }: &SecretPath, undeleted: &Undeleted) -> String {
    let Undeleted { version, latest, effect } = undeleted;
    let version = version.version;
    let done = match effect {
        Effect::Done => format!("brought back {tenant}/{name}: version {version}"),
        Effect::Unchanged => format!("{tenant}/{name}: version {version} is not deleted"),
    };
    if version == *latest {
        return done;
    }
    format!("{done}\nthe latest is version {latest}, which is read where none is named")
}

fn as_json(SecretPath { tenant, name }: &SecretPath, undeleted: &Undeleted) -> Value {
    json!({
        "tenant": tenant.as_str(),
        "name": name.as_str(),
        "version": undeleted.version.version.number(),
        "state": undeleted.version.state.as_str(),
        "created_at": undeleted.version.created_at.to_string(),
        "latest": undeleted.latest.number(),
        "changed": undeleted.effect == Effect::Done,
    })
}
