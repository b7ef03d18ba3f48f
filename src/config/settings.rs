use std::{collections::BTreeMap, fs::File, io, path::PathBuf, str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{
        Listen,
        fault::{Fault, Faults},
        keys::Key,
        sources::{Sources, Written},
        values,
    },
    decision::RootTokens,
    forwarded::Trust,
    telemetry::{self, LogFormat, Traces},
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
    /// The mount of the tenants' secrets.
    pub kv_mount: String,
    /// The mount of the tenants' keys.
    pub transit_mount: String,
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
        let home = sources.home();
        let mut reader = Reader::new(sources);
        let vault = reader.vault();
        let login = reader.operator_login(home);
        match (vault, login) {
            (Some(vault), Some(login)) if reader.faults.is_empty() => Ok(Self { vault, login }),
            _ => Err(Faults(reader.faults)),
        }
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
        match settings {
            Some(settings) if reader.faults.is_empty() => Ok(settings),
            _ => Err(Faults(reader.faults)),
        }
    }

    /// The address of the admin listener alone, whatever else is wrong.
    ///
    /// # Errors
    /// What is wrong with that address.
    pub fn load_admin_listen(sources: Sources) -> Result<Listen, Faults> {
        let mut reader = Reader { faults: Vec::new(), ..Reader::new(sources) };
        reader.parsed("admin_listen").ok_or(Faults(reader.faults))
    }
}

/// Reads values one by one and keeps what is wrong with them.
struct Reader {
    values: BTreeMap<&'static str, Written>,
    faults: Vec<Fault>,
    traces: Traces,
}

impl Reader {
    fn new(sources: Sources) -> Self {
        let traces = sources.traces();
        let (values, faults) = sources.read();
        Self { values, faults, traces }
    }

    /// `None` only together with a fault. Every value is read before that is found out, so that
    /// all faults are.
    fn settings(&mut self) -> Option<Settings> {
        let listeners = self.listeners();
        let proxies = self.value("trusted_proxies", values::networks);
        let family = self.value("forwarded_headers", values::header_family);
        let cache = self.cache();
        let credentials = self.parsed("credentials");
        let failure_limit = self.value("failure_limit", values::failure_limit);
        let root_tokens = self.value("allow_root", values::root_tokens);
        let kv_mount = self.value("kv_mount", values::mount);
        let transit_mount = self.value("transit_mount", values::mount);
        let vault = self.vault();
        let login = self.login();
        let telemetry = self.telemetry();
        let [listen, api_listen, admin_listen] = listeners?;
        Some(Settings {
            listen,
            api_listen,
            admin_listen,
            trust: Trust { proxies: proxies?, family: family? },
            cache: cache?,
            credentials: credentials?,
            failure_limit: failure_limit?,
            root_tokens: root_tokens?,
            kv_mount: kv_mount?,
            transit_mount: transit_mount?,
            vault: vault?,
            login: login?,
            telemetry: telemetry?,
        })
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

    fn vault(&mut self) -> Option<vault::Settings> {
        let address = self.value("vault_addr", values::vault_address);
        let timeout = self.value("vault_timeout", |text| {
            values::duration(text, Duration::from_millis(50), 60 * SECOND)
        });
        let namespace = self.parsed("vault_namespace");
        let ca_cert = self.file("vault_cacert");
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
            ca_cert,
            client_cert,
            timeout: timeout?,
        })
    }

    fn login(&mut self) -> Option<Login> {
        let role_id = self.text("role_id").and_then(|id| self.role_id(id));
        let secret_id_file = self.file("secret_id_file");
        let token = self.written("vault_token").map(|written| written.value.clone());
        let token_file = self.file("vault_token_file");
        let with_role = role_id.is_some() || secret_id_file.is_some();
        match (with_role, token, token_file) {
            (true, None, None) => match (role_id, secret_id_file) {
                (Some(role_id), Some(file)) => Some(Login::app_role(role_id, file)),
                (Some(_), None) => self.fault("secret_id_file", "it is missing, and role_id needs it"),
                _ => self.fault("role_id", "it is missing, and secret_id_file needs it"),
            },
            (false, Some(token), None) => self.own_token(token),
            (false, None, Some(file)) => Some(Login::TokenFile(file)),
            (false, None, None) => self.fault("role_id", "nothing says how to log in to Vault: set role_id and secret_id_file, or vault_token_file, or vault_token"),
            _ => self.fault("role_id", "there is more than one way to log in to Vault: set either role_id and secret_id_file, or vault_token_file, or vault_token"),
        }
    }

    fn operator_login(&mut self, home: Option<PathBuf>) -> Option<Login> {
        if let Some(written) = self.written("vault_token") {
            let token = written.value.clone();
            return self.own_token(token);
        }
        if let Some(file) = self.file("vault_token_file") {
            return Some(Login::TokenFile(file));
        }
        if let (Some(role_id), Some(file)) = (self.text("role_id"), self.file("secret_id_file")) {
            return Some(Login::app_role(role_id, file));
        }
        match home.map(|home| home.join(".vault-token")).filter(|file| file.exists()) {
            Some(file) => Some(Login::TokenFile(file)),
            None => self.fault(
                "vault_token",
                "it is not set, and there is no ~/.vault-token, which `vault login` makes",
            ),
        }
    }

    fn telemetry(&mut self) -> Option<telemetry::Settings> {
        let level = self.value("log", values::level);
        let format = match self.written("log_format") {
            Some(_) => self.value("log_format", values::log_format),
            None => Some(LogFormat::for_this_place()),
        };
        Some(telemetry::Settings { level: level?, format: format?, traces: self.traces })
    }

    fn role_id(&mut self, id: String) -> Option<String> {
        if id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(id);
        }
        self.fault("role_id", "it has blanks or control characters in it")
    }

    fn own_token(&mut self, token: SecretString) -> Option<Login> {
        let usable = token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic());
        if usable {
            return Some(Login::Token(token));
        }
        self.fault("vault_token", "it has blanks or control characters in it")
    }

    fn written(&self, name: &'static str) -> Option<&Written> {
        self.values.get(name)
    }

    /// The value of a key that has no default, as it was written.
    fn text(&self, name: &'static str) -> Option<String> {
        self.written(name).map(|written| written.value.expose_secret().to_owned())
    }

    /// The path in such a key, if there is a file that can be read.
    fn file(&mut self, name: &'static str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(name)?);
        // Not opened before it is known to be a file: a pipe would wait for a writer.
        let readable = std::fs::metadata(&path).and_then(|metadata| {
            if metadata.is_file() {
                File::open(&path)
            } else {
                Err(io::Error::other("it is no file"))
            }
        });
        match readable {
            Ok(_) => Some(path),
            Err(error) => self.fault(name, format!("{}: {error}", path.display())),
        }
    }

    fn parsed<T: FromStr<Err = String>>(&mut self, name: &'static str) -> Option<T> {
        self.value(name, str::parse)
    }

    /// The value of this key, or its default; `None` without either, or with a fault.
    fn value<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let default = Key::named(name).and_then(|key| key.default);
        let parsed = match self.written(name) {
            Some(written) => parse(written.value.expose_secret()),
            None => parse(default?),
        };
        match parsed {
            Ok(value) => Some(value),
            Err(what) => self.fault(name, what),
        }
    }

    /// Notes a fault, in the place of the value that it spoilt.
    fn fault<T>(&mut self, name: &'static str, what: impl std::fmt::Display) -> Option<T> {
        self.note(name, what);
        None
    }

    fn note(&mut self, name: &'static str, what: impl std::fmt::Display) {
        let place = match (self.written(name), Key::named(name)) {
            (Some(written), _) => written.origin.to_string(),
            (None, Some(key)) => key.env.first().copied().unwrap_or(name).to_owned(),
            (None, None) => name.to_owned(),
        };
        self.faults.push(Fault::new(place, what));
    }
}
