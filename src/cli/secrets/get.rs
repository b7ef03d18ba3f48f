use std::process::ExitCode;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Place, emit, is_seen};
use crate::{
    cli::{
        output::{Output, escape_json, is_hidden},
        store::{Store, StoreArgs, why},
    },
    secrets::{
        Dialect, Exposed, Key, Secret, SecretData, SecretError, SecretPath, Version, VersionInfo,
        VersionState, to_wiped_json,
    },
};

/// Show a secret, or one of its values.
///
/// On a terminal every value is masked, unless --reveal says otherwise. Elsewhere it is plain: the
/// bare value of KEY, just as it is, or a line for an environment for each key.
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
    place: Place,
    /// One key of it; without it, all.
    #[arg(value_parser = key)]
    key: Option<Key>,
    /// Another version than the latest.
    #[arg(long)]
    version: Option<Version>,
    /// Show values on a terminal too.
    #[arg(long)]
    reveal: bool,
    /// Whom the lines are for: compose, docker, systemd, python-dotenv or sh.
    #[arg(long, default_value_t = Dialect::Compose, conflicts_with = "key")]
    dialect: Dialect,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

/// What is shown in the place of a value, whatever its length.
const MASK: &str = "********";

/// A secret, or one key of it, for programs.
#[derive(Serialize)]
struct Document<'s> {
    tenant: &'s str,
    name: &'s str,
    version: u64,
    created_at: String,
    key_version: u64,
    data: Exposed<'s>,
}

impl Get {
    pub(super) fn run(self) -> ExitCode {
        let Self { place, key, version, reveal, dialect, output, store } = self;
        let path = SecretPath::from(place);
        store.run(async |store| {
            let read = store.with(async |secrets| secrets.read(&path, version).await).await;
            let mut secret = match read {
                Ok(secret) => secret,
                Err(error) => return Err(why_unread(&store, &path, &error).await),
            };
            if is_seen() && !reveal {
                secret.data = masked(&secret.data);
            }
            if let Some(key) = &key {
                secret.data = one(&path, &secret.data, key)?;
            }
            match (&key, output.is_text()) {
                (_, false) => emit(&json(&document(&path, &secret)))?,
                (Some(key), true) => bare(&secret.data, key)?,
                (None, true) => {
                    let lines = secret.data.to_env(dialect).map_err(|error| error.to_string())?;
                    emit(if is_seen() { visible(&lines) } else { lines }.as_bytes())?;
                }
            }
            if is_seen() && !output.is_text() {
                emit(b"\n")?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The document in JSON, on a terminal without what would control it.
fn json(document: &Document<'_>) -> Zeroizing<Vec<u8>> {
    let json = to_wiped_json(document);
    match str::from_utf8(&json) {
        Ok(text) if is_seen() => Zeroizing::new(escape_json(text).into_bytes()),
        _ => json,
    }
}

/// What is in the way of reading a secret. A version that does not exist is told with those that do,
/// if the token may know them.
async fn why_unread(store: &Store, path: &SecretPath, error: &SecretError) -> String {
    let SecretPath { tenant, name } = path;
    let SecretError::VersionAbsent { version, .. } = error else { return why(error, tenant, name) };
    match store.with(async |secrets| secrets.list_versions(path).await).await {
        Ok(versions) => {
            let versions: Vec<String> = versions.iter().map(in_short).collect();
            format!("{tenant}/{name}: there is no version {version}, but {}", versions.join(", "))
        }
        Err(_) => why(error, tenant, name),
    }
}

fn in_short(info: &VersionInfo) -> String {
    match info.state {
        VersionState::Live => info.version.to_string(),
        state => format!("{} ({})", info.version, state.as_str()),
    }
}

fn document<'s>(path: &'s SecretPath, secret: &'s Secret) -> Document<'s> {
    Document {
        tenant: path.tenant.as_str(),
        name: path.name.as_str(),
        version: secret.version.number(),
        created_at: secret.created_at.to_string(),
        key_version: secret.key_version,
        data: secret.data.exposed(),
    }
}

/// The same keys, and none of the values.
fn masked(data: &SecretData) -> SecretData {
    data.iter().map(|(key, _)| (key.clone(), SecretString::from(MASK))).collect()
}

/// This key alone.
fn one(path: &SecretPath, data: &SecretData, key: &Key) -> Result<SecretData, String> {
    let value = data.get(key).ok_or_else(|| {
        let keys: Vec<&str> = data.iter().map(|(key, _)| key.as_str()).collect();
        let SecretPath { tenant, name } = path;
        format!("{tenant}/{name} has no key `{key}`; it has {}", keys.join(", "))
    })?;
    Ok([(key.clone(), value.clone())].into_iter().collect())
}

/// Prints the value as it is. Only on a terminal does it get an end of line.
fn bare(data: &SecretData, key: &Key) -> Result<(), String> {
    let value = data.get(key).map_or("", ExposeSecret::expose_secret);
    if !is_seen() {
        return emit(value.as_bytes());
    }
    emit(visible(value).as_bytes())?;
    emit(b"\n")
}

/// A text without what would control a terminal.
fn visible(text: &str) -> Zeroizing<String> {
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

fn key(text: &str) -> Result<Key, &'static str> {
    Key::parse(text).ok_or("a key is [A-Za-z_][A-Za-z0-9_]{0,127}")
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn nothing_that_controls_a_terminal_is_shown_as_it_is() {
        assert_eq!(*visible("a\nb\tü"), "a\nb\tü");
        assert_eq!(*visible("\x1b[2J\r\u{9b}"), "\\u{1b}[2J\\u{d}\\u{9b}");
        assert_eq!(*visible("lx.\u{202e}lch\u{200b}"), "lx.\\u{202e}lch\\u{200b}");
    }
}
