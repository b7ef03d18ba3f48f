use crate::config::sources::{CONFIG_VARIABLE, PREFIX};

/// One thing that can be configured. The command line, the environment, the file, `--help` and
/// the README all follow from [`KEYS`].
#[derive(Debug)]
pub struct Key {
    /// Its name in the file; with dashes for underscores, that of the flag.
    pub name: &'static str,
    /// The environment variables that set it; different values in two of them are a fault.
    pub env: &'static [&'static str],
    /// What holds if nobody says anything, as one would write it.
    pub default: Option<&'static str>,
    /// Whether its value may be shown.
    pub kind: KeyKind,
    /// What it is, in one line.
    pub help: &'static str,
}

/// Whether a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// It may.
    Plain,
    /// It may not, and it comes from the environment alone: arguments are seen by every user of a
    /// machine, and files by their readers.
    Secret,
}

const fn key(
    name: &'static str,
    env: &'static [&'static str],
    default: Option<&'static str>,
    help: &'static str,
) -> Key {
    Key { name, env, default, kind: KeyKind::Plain, help }
}

/// The listeners' defaults: this machine alone, but in a container, which is a machine of its own.
/// The image is built with that variable set, since variables in the image itself would
/// overrule a configuration file.
const LISTEN: [&str; 3] = match option_env!("VALIDATOR_BUILD_FOR_CONTAINER") {
    None => ["127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:9090"],
    Some(_) => ["0.0.0.0:8080", "0.0.0.0:8081", "0.0.0.0:9090"],
};

/// Everything that can be configured.
pub const KEYS: &[Key] = &[
    key(
        "listen",
        &["VALIDATOR_LISTEN"],
        Some(LISTEN[0]),
        "Where the proxy asks: host:port or unix:/path",
    ),
    key(
        "api_listen",
        &["VALIDATOR_API_LISTEN"],
        Some(LISTEN[1]),
        "Where the API is served: host:port or unix:/path",
    ),
    key(
        "admin_listen",
        &["VALIDATOR_ADMIN_LISTEN"],
        Some(LISTEN[2]),
        "Where health and metrics are served: host:port or unix:/path",
    ),
    key(
        "admin_hosts",
        &["VALIDATOR_ADMIN_HOSTS"],
        None,
        "Host names, without port, that requests which change something may name at the admin \
         listener, besides `localhost` and IP addresses",
    ),
    key(
        "admin_token_file",
        &["VALIDATOR_ADMIN_TOKEN_FILE"],
        None,
        "The file with the bearer token that such requests need; without it they need none",
    ),
    key(
        "trusted_proxies",
        &["VALIDATOR_TRUSTED_PROXIES"],
        Some("127.0.0.0/8,::1/128"),
        "Networks whose X-Forwarded-* headers are believed; `private_ranges` for all private ones",
    ),
    key(
        "forwarded_headers",
        &["VALIDATOR_FORWARDED_HEADERS"],
        Some("x-forwarded"),
        "Which headers carry the original method and URI: x-forwarded, or x-original as with nginx",
    ),
    key(
        "cache_ttl",
        &["VALIDATOR_CACHE_TTL"],
        Some("30s"),
        "The longest that facts about a token are fresh: how late a revocation may be noticed",
    ),
    key(
        "cache_capacity",
        &["VALIDATOR_CACHE_CAPACITY"],
        Some("100000"),
        "How many tokens are remembered",
    ),
    key(
        "negative_ttl",
        &["VALIDATOR_NEGATIVE_TTL"],
        Some("2s"),
        "How long a refusal by Vault is remembered",
    ),
    key(
        "stale_grace",
        &["VALIDATOR_STALE_GRACE"],
        Some("0s"),
        "How long after going stale facts may serve while Vault is out of reach",
    ),
    key(
        "vault_timeout",
        &["VALIDATOR_VAULT_TIMEOUT"],
        Some("2s"),
        "The longest that Vault may take to tell about a token",
    ),
    key(
        "credentials",
        &["VALIDATOR_CREDENTIALS"],
        Some("bearer,x-vault-token"),
        "Where tokens are read from: bearer, x-vault-token, basic, cookie:NAME",
    ),
    key(
        "failure_limit",
        &["VALIDATOR_FAILURE_LIMIT"],
        Some("100"),
        "How many refused tokens a client address may send within a minute; 0 for any number",
    ),
    key("allow_root", &["VALIDATOR_ALLOW_ROOT"], Some("false"), "Whether root tokens may come in"),
    key(
        "kv_mount",
        &["VALIDATOR_KV_MOUNT"],
        Some("secret"),
        "The mount of the KV version 2 engine with the tenants' secrets",
    ),
    key(
        "transit_mount",
        &["VALIDATOR_TRANSIT_MOUNT"],
        Some("transit"),
        "The mount of the transit engine with the tenants' keys",
    ),
    key(
        "subject_mount",
        &["VALIDATOR_SUBJECT_MOUNT"],
        Some("userpass"),
        "The auth mount that people use: their subject is their name alone, elsewhere NAME@MOUNT/",
    ),
    key("role_id", &["VALIDATOR_ROLE_ID"], None, "The AppRole that the service logs in with"),
    key(
        "secret_id_file",
        &["VALIDATOR_SECRET_ID_FILE"],
        None,
        "The file with the AppRole's secret id, or with a token that wraps it",
    ),
    key(
        "vault_addr",
        &["VAULT_ADDR", "BAO_ADDR"],
        Some("https://127.0.0.1:8200"),
        "Where Vault is",
    ),
    key(
        "vault_namespace",
        &["VAULT_NAMESPACE", "BAO_NAMESPACE"],
        None,
        "The namespace whose tokens are validated",
    ),
    key(
        "vault_cacert",
        &["VAULT_CACERT", "BAO_CACERT"],
        None,
        "PEM file of the authorities to trust instead of the system's",
    ),
    key(
        "vault_capath",
        &["VAULT_CAPATH", "BAO_CAPATH"],
        None,
        "Folder of such PEM files; VAULT_CACERT goes before it",
    ),
    key(
        "vault_tls_server_name",
        &["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"],
        None,
        "The name that Vault's certificate is for, if that is not the host of its address",
    ),
    key(
        "vault_client_cert",
        &["VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"],
        None,
        "PEM file of the certificate to show to Vault",
    ),
    key(
        "vault_client_key",
        &["VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"],
        None,
        "PEM file of its private key",
    ),
    key(
        "vault_token_file",
        &["VAULT_TOKEN_FILE"],
        None,
        "A file with the service's token, read again when it changes; instead of an AppRole",
    ),
    Key {
        name: "vault_token",
        env: &["VAULT_TOKEN", "BAO_TOKEN"],
        default: None,
        kind: KeyKind::Secret,
        help: "The service's token; instead of an AppRole",
    },
    key(
        "log",
        &["VALIDATOR_LOG"],
        Some("info"),
        "What is logged: off, error, warn, info, debug or trace",
    ),
    key(
        "log_format",
        &["VALIDATOR_LOG_FORMAT"],
        None,
        "text or json; text on a terminal, else json",
    ),
];

/// Variables of Vault's own command that are refused rather than ignored, each with the name that its
/// value is kept under: whoever sets one relies on it.
pub(super) const REFUSED: &[(&str, &[&str])] = &[
    ("vault_skip_verify", &["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"]),
    ("vault_cacert_bytes", &["VAULT_CACERT_BYTES", "BAO_CACERT_BYTES"]),
];

impl Key {
    /// The key of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Its flag, without the dashes before it; a secret has none.
    #[must_use]
    pub fn flag(&self) -> Option<String> {
        (self.kind == KeyKind::Plain).then(|| self.name.replace('_', "-"))
    }
}

/// The variables that say how this program logs in to Vault, and those that are its alone. A program
/// that it starts is not to have them.
pub fn credential_variables() -> impl Iterator<Item = &'static str> {
    let names = KEYS.iter().flat_map(|key| key.env.iter().map(move |name| (key, *name)));
    let names = names.filter(|(key, name)| {
        let login = ["vault_token", "vault_token_file", "vault_client_cert", "vault_client_key"];
        name.starts_with(PREFIX) || login.contains(&key.name)
    });
    names.map(|(_, name)| name).chain([CONFIG_VARIABLE])
}
