use std::process::ExitCode;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    cli::{
        output::{OutputArgs, emit, escape_json, is_hidden, stdout_is_terminal},
        secret_client::{SecretClient, SecretClientArgs, secret_error_message},
        secrets::secret_args::SecretArgs,
    },
    secrets::{
        DecryptedSecret, EnvFormat, ExposedData, SecretData, SecretError, SecretKey, SecretPath,
        SecretVersion, VersionInfo, VersionState, to_zeroizing_json,
    },
};

/// Print a secret, or one of its values.
///
/// On a terminal values are masked unless --reveal is given. Elsewhere they are printed: the value
/// of KEY byte for byte, or an environment line for each key.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets get acme crm
  vault-auth-validator secrets get acme registry PASSWORD | docker login -u acme --password-stdin
  vault-auth-validator secrets get acme crm --version 3 --reveal
  vault-auth-validator secrets get acme crm --output json | jq .data
  vault-auth-validator secrets get acme crm --dialect systemd")]
pub(super) struct Get {
    #[command(flatten)]
    secret: SecretArgs,
    /// The key to print; all keys by default.
    #[arg(value_parser = parse_key)]
    key: Option<SecretKey>,
    /// The version to read; the latest by default.
    #[arg(long)]
    version: Option<SecretVersion>,
    /// Print values on a terminal, too.
    #[arg(long)]
    reveal: bool,
    /// The reader of the lines: compose, docker, systemd, python-dotenv or sh.
    #[arg(long, default_value_t = EnvFormat::Compose, conflicts_with = "key")]
    dialect: EnvFormat,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

/// The text that is printed instead of a value of any length.
const MASK: &str = "********";

/// The JSON document of a secret, or of one of its keys.
#[derive(Serialize)]
struct SecretDocument<'s> {
    tenant: &'s str,
    name: &'s str,
    version: u64,
    created_at: String,
    key_version: u64,
    data: ExposedData<'s>,
}

impl Get {
    pub(super) fn run(self) -> ExitCode {
        let Self { secret, key, version, reveal, dialect, output, store } = self;
        let path = SecretPath::from(secret);
        store.run(async |store| {
            let read = store.with(async |secrets| secrets.read(&path, version).await).await;
            let mut secret = match read {
                Ok(secret) => secret,
                Err(error) => return Err(read_error(&store, &path, &error).await),
            };
            if stdout_is_terminal() && !reveal {
                secret.data = mask_values(&secret.data);
            }
            if let Some(key) = &key {
                secret.data = select_key(&path, &secret.data, key)?;
            }
            match (&key, output.is_text()) {
                (_, false) => emit(&to_json(&document(&path, &secret)))?,
                (Some(key), true) => print_value(&secret.data, key)?,
                (None, true) => {
                    let lines = secret.data.to_env(dialect).map_err(|error| error.to_string())?;
                    emit(
                        if stdout_is_terminal() { escape_hidden(&lines) } else { lines }.as_bytes(),
                    )?;
                }
            }
            if stdout_is_terminal() && !output.is_text() {
                emit(b"\n")?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// Serializes the document as JSON. Control characters are escaped on a terminal.
fn to_json(document: &SecretDocument<'_>) -> Zeroizing<Vec<u8>> {
    let json = to_zeroizing_json(document);
    match str::from_utf8(&json) {
        Ok(text) if stdout_is_terminal() => Zeroizing::new(escape_json(text).into_bytes()),
        _ => json,
    }
}

/// Returns the error message for a secret that cannot be read. For a version that does not exist it
/// lists the existing ones, if the token may list them.
async fn read_error(store: &SecretClient, path: &SecretPath, error: &SecretError) -> String {
    let SecretPath { tenant, name } = path;
    let SecretError::VersionNotFound { version, .. } = error else {
        return secret_error_message(error, tenant, name);
    };
    match store.with(async |secrets| secrets.list_versions(path).await).await {
        Ok(versions) => {
            let versions: Vec<String> = versions.iter().map(version_summary).collect();
            format!(
                "{tenant}/{name}: no version {version}; existing versions: {}",
                versions.join(", ")
            )
        }
        Err(_) => secret_error_message(error, tenant, name),
    }
}

fn version_summary(info: &VersionInfo) -> String {
    match info.state {
        VersionState::Live => info.version.to_string(),
        state => format!("{} ({})", info.version, state.as_str()),
    }
}

fn document<'s>(path: &'s SecretPath, secret: &'s DecryptedSecret) -> SecretDocument<'s> {
    SecretDocument {
        tenant: path.tenant.as_str(),
        name: path.name.as_str(),
        version: secret.version.number(),
        created_at: secret.created_at.to_string(),
        key_version: secret.key_version,
        data: secret.data.exposed(),
    }
}

/// Returns the same keys with masked values.
fn mask_values(data: &SecretData) -> SecretData {
    data.iter().map(|(key, _)| (key.clone(), SecretString::from(MASK))).collect()
}

/// Returns the data of this key only.
fn select_key(path: &SecretPath, data: &SecretData, key: &SecretKey) -> Result<SecretData, String> {
    let value = data.get(key).ok_or_else(|| {
        let keys: Vec<&str> = data.iter().map(|(key, _)| key.as_str()).collect();
        let SecretPath { tenant, name } = path;
        format!("{tenant}/{name} has no key `{key}`; its keys: {}", keys.join(", "))
    })?;
    Ok([(key.clone(), value.clone())].into_iter().collect())
}

/// Prints the value byte for byte. Adds a line break on a terminal only.
fn print_value(data: &SecretData, key: &SecretKey) -> Result<(), String> {
    let value = data.get(key).map_or("", ExposeSecret::expose_secret);
    if !stdout_is_terminal() {
        return emit(value.as_bytes());
    }
    emit(escape_hidden(value).as_bytes())?;
    emit(b"\n")
}

/// Returns the text with control and invisible characters escaped.
fn escape_hidden(text: &str) -> Zeroizing<String> {
    let mut shown = Zeroizing::new(String::with_capacity(6 * text.len()));
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

fn parse_key(text: &str) -> Result<SecretKey, &'static str> {
    SecretKey::parse(text).ok_or("a key must match [A-Za-z_][A-Za-z0-9_]{0,127}")
}

#[cfg(test)]
mod tests {
    use super::escape_hidden;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(*escape_hidden("a\nb\tü"), "a\nb\tü");
        assert_eq!(*escape_hidden("\x1b[2J\r\u{9b}"), "\\u{1b}[2J\\u{d}\\u{9b}");
        assert_eq!(*escape_hidden("lx.\u{202e}lch\u{200b}"), "lx.\\u{202e}lch\\u{200b}");
    }
}
