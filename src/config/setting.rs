/// The prefix of this program's environment variables. An unknown variable with it is an error.
pub(super) const PREFIX: &str = "VALIDATOR_";

/// The variable with the path of the configuration file, like the flag `--config`.
pub(super) const CONFIG_VARIABLE: &str = "VALIDATOR_CONFIG";

/// A setting. The flags, the environment variables, the keys of the file, `--help` and the README's
/// table all follow from [`SETTINGS`].
#[derive(Debug)]
pub struct Setting {
    /// The key in the file; with dashes for underscores, the name of the flag.
    pub name: &'static str,
    /// The environment variables; different values in two of them are an error.
    pub env: &'static [&'static str],
    /// The default, in the same form as a configured value.
    pub default: Option<&'static str>,
    /// The confidentiality of the value.
    pub kind: SettingKind,
    /// The description, in one line.
    pub help: &'static str,
}

/// The confidentiality of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// The value may be shown.
    Plain,
    /// The value is the path of a file with a secret, and is not shown where it is not needed.
    SecretFile,
    /// The value is never shown, and is read from the environment only: every user of a machine can
    /// see arguments, and a configuration file may be readable by others.
    Secret,
}

const fn key(
    name: &'static str,
    env: &'static [&'static str],
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, env, default, kind: SettingKind::Plain, help }
}

const fn secret_file(
    name: &'static str,
    env: &'static [&'static str],
    help: &'static str,
) -> Setting {
    Setting { name, env, default: None, kind: SettingKind::SecretFile, help }
}

/// The default addresses of the listeners: loopback, or all interfaces in a container. The image is
/// built with that variable set, since environment variables of the image would override a
/// configuration file.
const DEFAULT_LISTEN: [&str; 3] = match option_env!("VALIDATOR_BUILD_FOR_CONTAINER") {
    None => ["127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:9090"],
    Some(_) => ["0.0.0.0:8080", "0.0.0.0:8081", "0.0.0.0:9090"],
};

/// All settings.
pub const SETTINGS: &[Setting] = &[
    key(
        "listen",
        &["VALIDATOR_LISTEN"],
        Some(DEFAULT_LISTEN[0]),
        "Listen address of the auth listener: host:port or unix:/path",
    ),
    key(
        "api_listen",
        &["VALIDATOR_API_LISTEN"],
        Some(DEFAULT_LISTEN[1]),
        "Listen address of the api listener: host:port or unix:/path",
    ),
    key(
        "admin_listen",
        &["VALIDATOR_ADMIN_LISTEN"],
        Some(DEFAULT_LISTEN[2]),
        "Listen address of the admin listener: host:port or unix:/path",
    ),
    key(
        "admin_hosts",
        &["VALIDATOR_ADMIN_HOSTS"],
        None,
        "Host names, without port, that state-changing requests to the admin listener may have as \
         `Host`, besides `localhost` and IP addresses",
    ),
    secret_file(
        "admin_token_file",
        &["VALIDATOR_ADMIN_TOKEN_FILE"],
        "File with the bearer token that such requests need; by default they need none",
    ),
    secret_file(
        "audit_token_file",
        &["VALIDATOR_AUDIT_TOKEN_FILE"],
        "File with a bearer token for `POST /audit` alone, which Vault's audit device sends",
    ),
    key(
        "audit_file",
        &["VALIDATOR_AUDIT_FILE"],
        None,
        "File of a Vault audit device, which is followed to evict tokens as soon as rights change",
    ),
    key(
        "trusted_proxies",
        &["VALIDATOR_TRUSTED_PROXIES"],
        Some("127.0.0.0/8,::1/128"),
        "Networks whose X-Forwarded-* headers are trusted; `private_ranges` for all private \
         networks",
    ),
    key(
        "forwarded_headers",
        &["VALIDATOR_FORWARDED_HEADERS"],
        Some("x-forwarded"),
        "Headers with the original method and URI: x-forwarded, or x-original as with nginx",
    ),
    key(
        "cache_ttl",
        &["VALIDATOR_CACHE_TTL"],
        Some("30s"),
        "Maximum time that token information stays fresh in the cache, and thus until a revocation \
         takes effect",
    ),
    key(
        "cache_ttl_with_feed",
        &["VALIDATOR_CACHE_TTL_WITH_FEED"],
        None,
        "The same while Vault's audit entries arrive without a gap; by default `cache_ttl`, recommended 10m",
    ),
    key(
        "cache_capacity",
        &["VALIDATOR_CACHE_CAPACITY"],
        Some("100000"),
        "Maximum number of cached tokens",
    ),
    key(
        "negative_ttl",
        &["VALIDATOR_NEGATIVE_TTL"],
        Some("2s"),
        "Time that a refusal by Vault stays cached",
    ),
    key(
        "stale_grace",
        &["VALIDATOR_STALE_GRACE"],
        Some("0s"),
        "Time that stale token information may be used while Vault is unreachable",
    ),
    key(
        "vault_timeout",
        &["VALIDATOR_VAULT_TIMEOUT"],
        Some("2s"),
        "Timeout of a Vault token lookup",
    ),
    key(
        "credentials",
        &["VALIDATOR_CREDENTIALS"],
        Some("bearer,x-vault-token"),
        "Credential sources: bearer, x-vault-token, basic, cookie:NAME, and session, which \
         VALIDATOR_LOGIN_URL adds to the default",
    ),
    key(
        "login_url",
        &["VALIDATOR_LOGIN_URL"],
        None,
        "Origin of the login host, such as https://login.example.com, or one for each domain, \
         separated by commas; without it there is no browser login",
    ),
    key(
        "login_hosts",
        &["VALIDATOR_LOGIN_HOSTS"],
        None,
        "Hosts that a login may return to and that hold sessions: crm.example.com, or \
         *.crm.example.com for one label before it",
    ),
    key(
        "login_methods",
        &["VALIDATOR_LOGIN_METHODS"],
        Some("userpass"),
        "Login methods, in the order in which they are shown: TYPE[:MOUNT[:ROLE]] with the type \
         userpass, ldap or oidc",
    ),
    secret_file(
        "sealing_key_file",
        &["VALIDATOR_SEALING_KEY_FILE"],
        "File with the keys that seal sessions, one per line: 32 bytes in base64. The first seals, \
         all unseal. SIGHUP re-reads it",
    ),
    key(
        "resources",
        &["VALIDATOR_RESOURCES"],
        None,
        "Protected resources for OAuth clients, such as MCP servers: URI[=NAME], separated by commas; \
         needs VALIDATOR_LOGIN_URL",
    ),
    key(
        "oauth_clients",
        &["VALIDATOR_OAUTH_CLIENTS"],
        None,
        "OAuth clients that have neither a metadata document nor a registration: \
         ID=REDIRECT_URI[ REDIRECT_URI], separated by commas",
    ),
    key(
        "oauth_registration",
        &["VALIDATOR_OAUTH_REGISTRATION"],
        Some("false"),
        "Let OAuth clients register themselves (RFC 7591), for clients without a metadata document",
    ),
    key(
        "oauth_client_networks",
        &["VALIDATOR_OAUTH_CLIENT_NETWORKS"],
        None,
        "Private networks from which the metadata documents of OAuth clients may be fetched, besides \
         public addresses",
    ),
    key(
        "failure_limit",
        &["VALIDATOR_FAILURE_LIMIT"],
        Some("100"),
        "Maximum number of refused tokens per client address and minute; 0 for no limit",
    ),
    key("allow_root", &["VALIDATOR_ALLOW_ROOT"], Some("false"), "Accept root tokens"),
    key(
        "kv_mount",
        &["VALIDATOR_KV_MOUNT"],
        Some("secret"),
        "Mount of the KV version 2 engine with the tenants' secrets",
    ),
    key(
        "transit_mount",
        &["VALIDATOR_TRANSIT_MOUNT"],
        Some("transit"),
        "Mount of the transit engine with the tenants' keys",
    ),
    key(
        "subject_mount",
        &["VALIDATOR_SUBJECT_MOUNT"],
        Some("userpass"),
        "Auth mount that people log in with: their subject is the bare name, on other mounts \
         NAME@MOUNT/",
    ),
    key(
        "role_id",
        &["VALIDATOR_ROLE_ID"],
        None,
        "Role id of the AppRole that the service logs in with",
    ),
    secret_file(
        "secret_id_file",
        &["VALIDATOR_SECRET_ID_FILE"],
        "File with the AppRole's secret id, or with a wrapping token for it",
    ),
    key(
        "vault_addr",
        &["VAULT_ADDR", "BAO_ADDR"],
        Some("https://127.0.0.1:8200"),
        "Addresses of Vault's nodes, comma-separated, or one address",
    ),
    key(
        "vault_namespace",
        &["VAULT_NAMESPACE", "BAO_NAMESPACE"],
        None,
        "Namespace whose tokens are validated",
    ),
    key(
        "vault_cacert",
        &["VAULT_CACERT", "BAO_CACERT"],
        None,
        "PEM file of the certificate authorities to trust instead of the system's",
    ),
    key(
        "vault_capath",
        &["VAULT_CAPATH", "BAO_CAPATH"],
        None,
        "Folder of such PEM files; VAULT_CACERT takes precedence",
    ),
    key(
        "vault_tls_server_name",
        &["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"],
        None,
        "Name in Vault's certificate, if it differs from the host of the address",
    ),
    key(
        "vault_client_cert",
        &["VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"],
        None,
        "PEM file of the client certificate for Vault",
    ),
    secret_file(
        "vault_client_key",
        &["VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"],
        "PEM file of the client certificate's private key",
    ),
    secret_file(
        "vault_token_file",
        &["VAULT_TOKEN_FILE"],
        "File with the service's token, re-read when it changes; instead of an AppRole",
    ),
    Setting {
        name: "vault_token",
        env: &["VAULT_TOKEN", "BAO_TOKEN"],
        default: None,
        kind: SettingKind::Secret,
        help: "Token of the service; instead of an AppRole",
    },
    key(
        "policy_drift_dir",
        &["VALIDATOR_POLICY_DRIFT_DIR"],
        None,
        "Folder with the policies that Vault should have, NAME.hcl",
    ),
    key(
        "policy_drift_interval",
        &["VALIDATOR_POLICY_DRIFT_INTERVAL"],
        None,
        "Interval at which the policies in Vault are compared with that folder, such as 1h; by default \
         they are not",
    ),
    key(
        "log",
        &["VALIDATOR_LOG"],
        Some("info"),
        "Log level: off, error, warn, info, debug or trace",
    ),
    key(
        "log_format",
        &["VALIDATOR_LOG_FORMAT"],
        None,
        "Log format, text or json; by default text on a terminal, else json",
    ),
    key(
        "decision_log",
        &["VALIDATOR_DECISION_LOG"],
        None,
        "File for a line of JSON about every decision of /validate, or stdout; without it there is \
         no decision log",
    ),
    key(
        "decision_log_mandatory",
        &["VALIDATOR_DECISION_LOG_MANDATORY"],
        Some("false"),
        "Refuse requests with 503 while the decision log cannot be written; by default its lines \
         are dropped and counted",
    ),
    Setting {
        name: "sentry_dsn",
        env: &["SENTRY_DSN"],
        default: None,
        kind: SettingKind::Secret,
        help: "DSN of the project in Sentry that panics and internal errors are reported to; by default \
               none are",
    },
    key(
        "sentry_environment",
        &["SENTRY_ENVIRONMENT"],
        None,
        "Environment of these reports, such as staging",
    ),
    key(
        "sentry_release",
        &["SENTRY_RELEASE"],
        None,
        "Release of these reports; by default this program's name and version",
    ),
];

/// Variables of the Vault CLI that are rejected rather than ignored, since a user who sets one
/// relies on it; each with the name that its value is stored under.
pub(super) const REJECTED_VARIABLES: &[(&str, &[&str])] = &[
    ("vault_skip_verify", &["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"]),
    ("vault_cacert_bytes", &["VAULT_CACERT_BYTES", "BAO_CACERT_BYTES"]),
];

impl Setting {
    /// Returns the setting with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|key| key.name == name)
    }

    /// Returns the name of the flag, without dashes before it; `None` for a secret.
    #[must_use]
    pub fn flag(&self) -> Option<String> {
        (self.kind != SettingKind::Secret).then(|| self.name.replace('_', "-"))
    }
}

/// Returns the variables with this program's login to Vault, and all with its own prefix. They are
/// removed from the environment of programs that it starts.
pub fn credential_variables() -> impl Iterator<Item = &'static str> {
    let names = SETTINGS.iter().flat_map(|key| key.env.iter().map(move |name| (key, *name)));
    let names = names.filter(|(key, name)| {
        let login = ["vault_token", "vault_token_file", "vault_client_cert", "vault_client_key"];
        name.starts_with(PREFIX) || login.contains(&key.name)
    });
    names.map(|(_, name)| name).chain([CONFIG_VARIABLE])
}
