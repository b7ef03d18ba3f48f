use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::input::{Input, Reading};
use crate::{
    cli::{
        USAGE, complain,
        output::Output,
        store::{StoreArgs, why},
    },
    secrets::{Change, Key, Precondition, SecretData, SecretError, SecretPath, Version, Written},
};

/// Write a secret, or some of its values.
///
/// The value of a KEY is typed unseen, or read from standard input if that is no terminal, or from
/// FILE. It is never an argument itself. Without a KEY, standard input is JSON. What the secret
/// holds besides stays, unless --replace says otherwise. A line break at the end of a value is
/// dropped, unless --exact says otherwise. An empty value is refused, unless --allow-empty says
/// otherwise or JSON has it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets set acme crm DATABASE_URL API_KEY
  openssl rand -hex 32 | vault-auth-validator secrets set acme crm SESSION_KEY
  vault-auth-validator secrets set acme crm TLS_KEY=@tls.key --exact
  vault-auth-validator secrets set acme crm --replace < values.json
  vault-auth-validator secrets set acme crm --unset OLD_KEY --if-version 3")]
pub(super) struct Set {
    // Text, because clap would repeat what may be a value.
    /// The tenant.
    tenant: String,
    /// The secret's name, such as `crm` or `mcp/hostinger`.
    name: String,
    /// The keys, each alone or with the file that holds its value.
    #[arg(value_name = "KEY|KEY=@FILE")]
    keys: Vec<String>,
    /// Take this key out, which has to be there. May be repeated.
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Let the secret hold nothing else.
    #[arg(long, conflicts_with = "unset")]
    replace: bool,
    #[command(flatten)]
    reading: Reading,
    /// Only if this is still the latest version.
    #[arg(long, value_name = "VERSION", conflicts_with = "create")]
    if_version: Option<Version>,
    /// Only if there is no such secret.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

/// What is to be written.
struct Order {
    path: SecretPath,
    input: Input,
    unset: Vec<Key>,
}

impl Set {
    pub(super) fn run(self) -> ExitCode {
        let Order { path, input, unset } = match self.order() {
            Ok(order) => order,
            Err(error) => {
                complain(error);
                return ExitCode::from(USAGE);
            }
        };
        let Self { replace, reading, if_version, create, output, store, .. } = self;
        let precondition = match (if_version, create) {
            (Some(version), _) => Precondition::Latest(version),
            (None, true) => Precondition::Absent,
            (None, false) => Precondition::None,
        };
        store.run(async |store| {
            // After the login, so that nobody types in vain.
            let change = match input.read(reading) {
                Ok(values) => values.without(unset),
                Err(error) => {
                    complain(error);
                    return Ok(ExitCode::from(USAGE));
                }
            };
            let written = store.with(async |secrets| {
                if replace || create {
                    let data = SecretData::default().patched(change)?;
                    secrets.replace(&path, &data, precondition).await
                } else {
                    secrets.merge(&path, &change, precondition).await
                }
            });
            let written = written.await.map_err(|error| {
                let certainty = match error {
                    SecretError::Unavailable(_) => "; nothing was written",
                    _ => "",
                };
                why(&error, &path.tenant, &path.name) + certainty
            })?;
            output.print(|| as_json(&path, &written), |_| as_text(&path, &written));
            Ok(ExitCode::SUCCESS)
        })
    }

    fn order(&self) -> Result<Order, String> {
        let path =
            SecretPath::parse(&self.tenant, &self.name).map_err(|error| error.to_string())?;
        let unset = self.unset.iter().map(|key| Key::parse(key)).collect::<Option<Vec<_>>>();
        let unset = unset.ok_or("a key to take out is [A-Za-z_][A-Za-z0-9_]{0,127}")?;
        if path.name.is_reserved() {
            return Err(
                "a secret's name does not end in `/versions` or `/undelete`: that is where \
                        the API has the versions of another"
                    .to_owned(),
            );
        }
        Ok(Order { path, input: Input::of(&self.keys, &unset)?, unset })
    }
}

fn as_text(SecretPath { tenant, name }: &SecretPath, written: &Written) -> String {
    let done = match written.change {
        Change::Created => "created",
        Change::Replaced => "changed",
    };
    format!("{done} {tenant}/{name}: version {}", written.version)
}

fn as_json(SecretPath { tenant, name }: &SecretPath, written: &Written) -> serde_json::Value {
    json!({
        "tenant": tenant.as_str(),
        "name": name.as_str(),
        "version": written.version.number(),
        "created_at": written.created_at.to_string(),
        "key_version": written.key_version,
    })
}
