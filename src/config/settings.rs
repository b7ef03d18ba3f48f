use std::{path::PathBuf, time::Duration};

use zeroize::Zeroizing;

use crate::{
    config::{
        AdminAccess, AdminToken, Listen, fault::Faults, reader::Reader, sources::Sources, values,
    },
    decision::RootTokens,
    forwarded::Trust,
    policies::Mounts,
    telemetry::{self, LogFormat},
    token,
    vault::{self, ClientCertificate, Login},
};

/// The whole configuration of `serve`, valid.
#[derive(Debug)]
pub struct Settings {
    /// Where the proxy asks.
    pub listen: Listen,
    /// Where the API is served.
    pub api_listen: Listen,
    /// Where health and metrics are served.
    pub admin_listen: Listen,
    /// The rules for requests that change something there.
    pub admin_access: AdminAccess,
    /// Whose forwarding headers are believed.
    pub trust: Trust,
    /// How long facts are relied on.
    pub cache: token::CacheSettings,
    /// Where tokens are read from.
    pub credentials: token::Sources,
    /// How many failures within a minute are held against a client address; any if `None`.
    pub failure_limit: Option<u32>,
    /// Whether root tokens may come in.
    pub root_tokens: RootTokens,
    /// Where the tenants' secrets and keys are.
    pub mounts: Mounts,
    /// The auth mount that people use, without `auth/` and without slashes at its ends.
    pub subject_mount: String,
    /// Where Vault is.
    pub vault: vault::Settings,
    /// How the service logs in there.
    pub login: Login,
    /// What operators are told.
    pub telemetry: telemetry::Settings,
}

/// How a command that an operator runs reaches Vault.
#[derive(Debug)]
pub struct Access {
    /// Where Vault is.
    pub vault: vault::Settings,
    /// Who asks.
    pub login: Login,
}

impl Access {
    /// The access from these sources: `VAULT_TOKEN`, else a token file, else the service's
    /// `AppRole`, else the file that `vault login` leaves behind.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(sources: Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let (vault, login) = (reader.vault(), reader.operator_login());
        reader.finish(vault.zip(login).map(|(vault, login)| Self { vault, login }))
    }
}

const SECOND: Duration = Duration::from_secs(1);

impl Settings {
    /// The settings from these sources.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(sources: Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let settings = reader.settings();
        reader.finish(settings)
    }

    /// The address of the admin listener alone, whatever else is wrong.
    ///
    /// # Errors
    /// What is wrong with that address.
    pub fn load_admin_listen(sources: Sources) -> Result<Listen, Faults> {
        let mut reader = Reader::new(sources);
        reader.forgive();
        let listen = reader.parsed("admin_listen");
        reader.finish(listen)
    }

    /// Where Vault is, whoever logs in.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration but for the login.
    pub fn load_vault(sources: Sources) -> Result<vault::Settings, Faults> {
        let mut reader = Reader::new(sources);
        let vault = reader.vault();
        reader.finish(vault)
    }

    /// Where policies are to find the tenants' secrets and keys, whatever else is wrong.
    ///
    /// # Errors
    /// What is wrong with those.
    pub fn load_mounts(sources: Sources) -> Result<Mounts, Faults> {
        let mut reader = Reader::new(sources);
        reader.forgive();
        let mounts = reader.mounts();
        reader.finish(mounts)
    }

    /// The auth mount that people use, whatever else is wrong.
    ///
    /// # Errors
    /// The fault of that setting.
    pub fn load_subject_mount(sources: Sources) -> Result<String, Faults> {
        let mut reader = Reader::new(sources);
        reader.forgive();
        let mount = reader.subject_mount();
        reader.finish(mount)
    }
}

impl Reader {
    /// `None` only together with a fault. Every value is read before that is found out, so that
    /// all faults are.
    pub(super) fn settings(&mut self) -> Option<Settings> {
        let listeners = self.listeners();
        let admin_access = self.admin_access();
        let proxies = self.value("trusted_proxies", values::networks);
        let family = self.value("forwarded_headers", values::header_family);
        let cache = self.cache();
        let credentials = self.parsed("credentials");
        let failure_limit = self.value("failure_limit", values::failure_limit);
        let root_tokens = self.value("allow_root", values::root_tokens);
        let mounts = self.mounts();
        let subject_mount = self.subject_mount();
        let vault = self.vault();
        let login = self.login();
        let telemetry = self.telemetry();
        let [listen, api_listen, admin_listen] = listeners?;
        Some(Settings {
            listen,
            api_listen,
            admin_listen,
            admin_access: admin_access?,
            trust: Trust { proxies: proxies?, family: family? },
            cache: cache?,
            credentials: credentials?,
            failure_limit: failure_limit?,
            root_tokens: root_tokens?,
            mounts: mounts?,
            subject_mount: subject_mount?,
            vault: vault?,
            login: login?,
            telemetry: telemetry?,
        })
    }

    pub(super) fn subject_mount(&mut self) -> Option<String> {
        self.value("subject_mount", values::auth_mount)
    }

    pub(super) fn mounts(&mut self) -> Option<Mounts> {
        let kv = self.value("kv_mount", values::mount);
        let transit = self.value("transit_mount", values::mount);
        kv.zip(transit).map(|(kv, transit)| Mounts { kv, transit })
    }

    fn listeners(&mut self) -> Option<[Listen; 3]> {
        let names = ["listen", "api_listen", "admin_listen"];
        let [listen, api, admin] = names.map(|name| self.parsed::<Listen>(name));
        let listeners = [listen?, api?, admin?];
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            if listeners[one].clashes_with(&listeners[other]) {
                let what = format!("{} is the address of `{}` too", listeners[one], names[one]);
                self.note(names[other], what);
            }
        }
        Some(listeners)
    }

    fn admin_access(&mut self) -> Option<AdminAccess> {
        let hosts = match self.written("admin_hosts") {
            Some(_) => self.value("admin_hosts", values::host_names),
            None => Some(Vec::new()),
        };
        let token = match self.written("admin_token_file") {
            Some(_) => self.admin_token().map(Some),
            None => Some(None),
        };
        hosts.zip(token).map(|(hosts, token)| AdminAccess { hosts, token })
    }

    fn admin_token(&mut self) -> Option<AdminToken> {
        let name = "admin_token_file";
        let path = self.file(name)?;
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let token = text.map_err(|error| error.to_string());
        match token.and_then(|text| AdminToken::parse(&text)) {
            Ok(token) => Some(token),
            Err(what) => self.fault(name, what),
        }
    }

    fn cache(&mut self) -> Option<token::CacheSettings> {
        let within = |least, most| move |text: &str| values::duration(text, least, most);
        let ttl = self.value("cache_ttl", within(Duration::ZERO, 600 * SECOND));
        let negative_ttl = self.value("negative_ttl", within(Duration::ZERO, 60 * SECOND));
        let stale_grace = self.value("stale_grace", within(Duration::ZERO, 600 * SECOND));
        let capacity = self.value("cache_capacity", values::capacity);
        if let (Some(Duration::ZERO), Some(grace)) = (ttl, stale_grace)
            && !grace.is_zero()
        {
            self.note("stale_grace", "it needs a cache_ttl: without one nothing is kept to serve");
        }
        Some(token::CacheSettings {
            ttl: ttl?,
            negative_ttl: negative_ttl?,
            stale_grace: stale_grace?,
            capacity: capacity?,
        })
    }

    pub(super) fn vault(&mut self) -> Option<vault::Settings> {
        let address = self.value("vault_addr", values::vault_address);
        let timeout = self.value("vault_timeout", |text| {
            values::duration(text, Duration::from_millis(50), 60 * SECOND)
        });
        let namespace = self.value("vault_namespace", vault::Namespace::parse).flatten();
        let trust = self.trust();
        let server_name = self.value("vault_tls_server_name", values::server_name);
        let client_cert = match (self.file("vault_client_cert"), self.file("vault_client_key")) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                self.fault("vault_client_key", "it is missing, and vault_client_cert needs it")
            }
            (None, Some(_)) => {
                self.fault("vault_client_cert", "it is missing, and vault_client_key needs it")
            }
        };
        Some(vault::Settings {
            address: address?,
            namespace,
            trust: trust?,
            server_name,
            client_cert,
            timeout: timeout?,
        })
    }

    /// The authorities whose certificates count, in the order in which `vault` and `bao` look for
    /// them.
    fn trust(&mut self) -> Option<vault::Trust> {
        let off = |value: &str| ["0", "f", "F", "false", "FALSE", "False"].contains(&value);
        let skips = self.text("vault_skip_verify").is_some_and(|value| !off(&value));
        if skips {
            return self.fault(
                "vault_skip_verify",
                "certificates are always verified: leave it out, and name with VAULT_CACERT the \
                 authority that has signed Vault's, or its certificate itself",
            );
        }
        if self.written("vault_cacert_bytes").is_some() {
            return self.fault(
                "vault_cacert_bytes",
                "it is not supported: write it to a file, and name that with VAULT_CACERT",
            );
        }
        if self.written("vault_cacert").is_some() {
            return self.file("vault_cacert").map(vault::Trust::Only);
        }
        match self.text("vault_capath").map(PathBuf::from) {
            None => Some(vault::Trust::System),
            Some(folder) if folder.is_dir() => Some(vault::Trust::Folder(folder)),
            Some(folder) => {
                self.fault("vault_capath", format!("{} is no folder", folder.display()))
            }
        }
    }

    pub(super) fn login(&mut self) -> Option<Login> {
        const WAYS: &str = "role_id and secret_id_file, or vault_token_file, or vault_token";
        let given = |name| self.written(name).is_some();
        let (role_id, secret_id_file) = (given("role_id"), given("secret_id_file"));
        match (role_id || secret_id_file, given("vault_token_file"), given("vault_token")) {
            (true, false, false) if !secret_id_file => {
                self.fault("secret_id_file", "it is missing, and role_id needs it")
            }
            (true, false, false) if !role_id => {
                self.fault("role_id", "it is missing, and secret_id_file needs it")
            }
            (true, false, false) => self.app_role(),
            (false, true, false) => self.file("vault_token_file").map(Login::TokenFile),
            (false, false, true) => self.own_token(),
            (false, false, false) => {
                self.fault("role_id", format!("nothing says how to log in to Vault: set {WAYS}"))
            }
            _ => self.fault("role_id", format!("there are several ways to log in: set {WAYS}")),
        }
    }

    fn operator_login(&mut self) -> Option<Login> {
        let given = |name| self.written(name).is_some();
        if given("vault_token") || given("vault_token_file") {
            return self.token_login();
        }
        if given("role_id") && given("secret_id_file") {
            return self.app_role();
        }
        if let Some(left_behind) = self.left_behind() {
            return Some(left_behind);
        }
        for (given_one, missing) in [("role_id", "secret_id_file"), ("secret_id_file", "role_id")] {
            if given(given_one) {
                let what = format!("it is missing, and {given_one} needs it");
                return self.fault(missing, what);
            }
        }
        self.fault(
            "vault_token",
            "it is not set, and there is no ~/.vault-token, which `vault login` makes; an empty \
             Vault has no token yet, and `bootstrap --init` makes the first",
        )
    }

    /// With a token that somebody gave, or the file of one.
    pub(super) fn token_login(&mut self) -> Option<Login> {
        if self.written("vault_token").is_some() {
            return self.own_token();
        }
        self.file("vault_token_file").map(Login::TokenFile)
    }

    /// With the token that `vault login` left behind.
    pub(super) fn left_behind(&self) -> Option<Login> {
        let file = self.home.as_ref().map(|home| home.join(".vault-token"));
        file.filter(|file| file.exists()).map(Login::TokenFile)
    }

    fn telemetry(&mut self) -> Option<telemetry::Settings> {
        let level = self.value("log", values::level);
        let format = match self.written("log_format") {
            Some(_) => self.value("log_format", values::log_format),
            None => Some(LogFormat::for_this_place()),
        };
        Some(telemetry::Settings { level: level?, format: format?, traces: self.traces })
    }

    fn app_role(&mut self) -> Option<Login> {
        let file = self.file("secret_id_file");
        let role_id = self.value("role_id", values::word)?;
        Some(Login::app_role(role_id, file?))
    }

    fn own_token(&mut self) -> Option<Login> {
        self.value("vault_token", values::word).map(|token| Login::Token(token.into()))
    }
}
