use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        output::{OutputArgs, usage_error},
        secret_client::{SecretClientArgs, secret_error_message},
        secrets::input::{ReadOptions, ValueInput},
    },
    secrets::{
        SecretData, SecretError, SecretKey, SecretPath, SecretVersion, WriteCondition, WriteKind,
        WriteResult,
    },
};

/// Write a secret, or some of its values.
///
/// Values are read from a hidden prompt, from standard input if that is not a terminal, or from FILE;
/// never from arguments. Without a KEY, standard input is JSON. Other keys of the secret are kept
/// unless --replace is given. A line break at the end of a value is removed unless --exact is
/// given. An empty value is rejected unless --allow-empty is given or it is in JSON.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets set acme crm DATABASE_URL API_KEY
  openssl rand -hex 32 | vault-auth-validator secrets set acme crm SESSION_KEY
  vault-auth-validator secrets set acme crm TLS_KEY=@tls.key --exact
  vault-auth-validator secrets set acme crm --replace < values.json
  vault-auth-validator secrets set acme crm --unset OLD_KEY --if-version 3")]
pub(super) struct SetSecretArgs {
    // Strings, because clap's errors would repeat an argument that may be a value.
    /// The tenant.
    tenant: String,
    /// The secret's name, such as `crm` or `mcp/hostinger`.
    name: String,
    /// The keys to set, each optionally with the file that holds its value.
    #[arg(value_name = "KEY|KEY=@FILE")]
    keys: Vec<String>,
    /// Remove this key, which must exist. May be repeated.
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Remove all other keys.
    #[arg(long, conflicts_with = "unset")]
    replace: bool,
    #[command(flatten)]
    options: ReadOptions,
    /// Write only if this is still the latest version.
    #[arg(long, value_name = "VERSION", conflicts_with = "create")]
    if_version: Option<SecretVersion>,
    /// Write only if the secret does not exist.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

/// The parsed arguments.
struct SetRequest {
    path: SecretPath,
    input: ValueInput,
    unset: Vec<SecretKey>,
}

impl SetSecretArgs {
    pub(super) fn run(self) -> ExitCode {
        let SetRequest { path, input, unset } = match self.request() {
            Ok(request) => request,
            Err(error) => return usage_error(error),
        };
        let Self { replace, options, if_version, create, output, store, .. } = self;
        let precondition = match (if_version, create) {
            (Some(version), _) => WriteCondition::Latest(version),
            (None, true) => WriteCondition::Absent,
            (None, false) => WriteCondition::None,
        };
        store.run(async |store| {
            // After the login, so that no value is typed before a login fails.
            let change = match input.read(options) {
                Ok(values) => values.removing_keys(unset),
                Err(error) => return Ok(usage_error(error)),
            };
            let written = store.with(async |secrets| {
                if replace || create {
                    let data = SecretData::default().apply_patch(change)?;
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
                secret_error_message(&error, &path.tenant, &path.name) + certainty
            })?;
            output.print(|| as_json(&path, &written), |_| as_text(&path, &written));
            Ok(ExitCode::SUCCESS)
        })
    }

    fn request(&self) -> Result<SetRequest, String> {
        let path =
            SecretPath::parse(&self.tenant, &self.name).map_err(|error| error.to_string())?;
        let unset = self.unset.iter().map(|key| SecretKey::parse(key)).collect::<Option<Vec<_>>>();
        let unset = unset.ok_or("a key to unset must match [A-Za-z_][A-Za-z0-9_]{0,127}")?;
        if path.name.is_reserved() {
            return Err(
                "a secret's name cannot end in `/versions` or `/undelete`, which are paths of the API"
                    .to_owned(),
            );
        }
        Ok(SetRequest { path, input: ValueInput::parse(&self.keys, &unset)?, unset })
    }
}

fn as_text(SecretPath { tenant, name }: &SecretPath, written: &WriteResult) -> String {
    let done = match written.kind {
        WriteKind::Created => "created",
        WriteKind::Replaced => "changed",
    };
    format!("{done} {tenant}/{name}: version {}", written.version)
}

fn as_json(SecretPath { tenant, name }: &SecretPath, written: &WriteResult) -> serde_json::Value {
    json!({
        "tenant": tenant.as_str(),
        "name": name.as_str(),
        "version": written.version.number(),
        "created_at": written.created_at.to_string(),
        "key_version": written.key_version,
    })
}
