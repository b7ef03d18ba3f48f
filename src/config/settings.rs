use std::{path::PathBuf, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use crate::{
    auth::RootTokens,
    config::{
        admin::{AdminAccess, AdminToken},
        browser_login::BrowserLoginSettings,
        changed::ChangedSettings,
        error::ConfigErrors,
        listen::ListenAddress,
        oauth::OAuthSettings,
        policy_drift::PolicyDriftSettings,
        reader::SettingReader,
        snapshot::SettingsSnapshot,
        sources::SettingSources,
        values,
    },
    forwarded::TrustedProxies,
    policy::Mounts,
    sealed::KeyRing,
    telemetry::{
        self, DecisionLogMode, DecisionLogSettings, DecisionLogTarget, LogFormat, SentryDsn,
        SentrySettings, check_file,
    },
    token,
    vault::{self, ServiceLogin},
};

/// The validated configuration of `serve`.
#[derive(Debug)]
pub struct Settings {
    /// The address of the auth listener.
    pub listen: ListenAddress,
    /// The address of the api listener.
    pub api_listen: ListenAddress,
    /// The address of the admin listener.
    pub admin_listen: ListenAddress,
    /// The rules for state-changing requests to the admin listener.
    pub admin_access: AdminAccess,
    /// The file of an audit device that is followed; `None` for none.
    pub audit_file: Option<PathBuf>,
    /// The trusted proxies and their headers.
    pub trust: TrustedProxies,
    /// The settings of the token cache.
    pub cache: token::CacheSettings,
    /// The reader of a request's credential.
    pub credentials: token::CredentialReader,
    /// The settings of browser logins; `None` without a login host.
    pub browser_login: Option<BrowserLoginSettings>,
    /// The settings of OAuth; `None` without resources.
    pub oauth: Option<OAuthSettings>,
    /// The maximum number of failures per client address and minute; `None` for no limit.
    pub failure_limit: Option<u32>,
    /// The treatment of root tokens.
    pub root_tokens: RootTokens,
    /// The mounts of the tenants' secrets and keys.
    pub mounts: Mounts,
    /// The auth mount that people log in with, without `auth/` and without slashes at its ends.
    pub subject_mount: String,
    /// The connection to Vault.
    pub vault: vault::ClientSettings,
    /// The login of the service.
    pub login: Arc<ServiceLogin>,
    /// The comparison of the policies in Vault with files; `None` for none.
    pub policy_drift: Option<PolicyDriftSettings>,
    /// The settings of logs, traces and error reports.
    pub telemetry: telemetry::TelemetrySettings,
    /// The export of metrics; `None` if they are only served.
    pub metrics_export: Option<telemetry::MetricsExport>,
    /// The settings of the decision log; `None` without one.
    pub decision_log: Option<DecisionLogSettings>,
    /// The settings that differ from their defaults.
    pub changed: ChangedSettings,
    /// The values of all settings, for a comparison with later ones.
    pub snapshot: SettingsSnapshot,
}

const SECOND: Duration = Duration::from_secs(1);

impl Settings {
    /// Reads these sources.
    ///
    /// # Errors
    /// All errors in the configuration.
    pub fn load(sources: SettingSources) -> Result<Self, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        let settings = reader.settings();
        reader.finish(settings)
    }

    /// Reads only the address of the admin listener, regardless of other errors.
    ///
    /// # Errors
    /// The error in that setting.
    pub fn load_admin_listen(sources: SettingSources) -> Result<ListenAddress, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        reader.clear_errors();
        let listen = reader.parsed("admin_listen");
        reader.finish(listen)
    }

    /// Reads only the connection to Vault, without a login.
    ///
    /// # Errors
    /// The errors in those settings, and in the sources.
    pub fn load_vault(sources: SettingSources) -> Result<vault::ClientSettings, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        let vault = reader.vault();
        reader.finish(vault)
    }

    /// Reads only the mounts of the tenants' secrets and keys, regardless of other errors.
    ///
    /// # Errors
    /// The errors in those settings.
    pub fn load_mounts(sources: SettingSources) -> Result<Mounts, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        reader.clear_errors();
        let mounts = reader.mounts();
        reader.finish(mounts)
    }

    /// Reads only the keys of sessions, regardless of other errors.
    ///
    /// # Errors
    /// The error in that setting or in its file.
    pub fn load_sealing_keys(sources: SettingSources) -> Result<Arc<KeyRing>, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        reader.clear_errors();
        let keys = reader.required_sealing_keys();
        reader.finish(keys)
    }

    /// Reads only the auth mount that people log in with, regardless of other errors.
    ///
    /// # Errors
    /// The error in that setting.
    pub fn load_subject_mount(sources: SettingSources) -> Result<String, ConfigErrors> {
        let mut reader = SettingReader::new(sources);
        reader.clear_errors();
        let mount = reader.subject_mount();
        reader.finish(mount)
    }
}

impl SettingReader {
    /// Returns the whole configuration; `None` only after an error. Every value is read before the
    /// first `?`, so that all errors are recorded.
    pub(super) fn settings(&mut self) -> Option<Settings> {
        let snapshot = self.snapshot();
        let listeners = self.listeners();
        let admin_access = self.admin_access();
        let proxies = self.value("trusted_proxies", values::networks);
        let family = self.value("forwarded_headers", values::header_family);
        let cache = self.cache();
        let browser_login = self.browser_login();
        let credentials = self.credentials(browser_login.as_ref());
        let oauth = self.oauth();
        let failure_limit = self.value("failure_limit", values::failure_limit);
        let root_tokens = self.value("allow_root", values::root_tokens);
        let mounts = self.mounts();
        let subject_mount = self.subject_mount();
        let vault = self.vault();
        let login = self.login();
        let policy_drift = self.policy_drift();
        let telemetry = self.telemetry();
        let decision_log = self.decision_log();
        let [listen, api_listen, admin_listen] = listeners?;
        Some(Settings {
            listen,
            api_listen,
            admin_listen,
            admin_access: admin_access?,
            audit_file: self.text("audit_file").map(PathBuf::from),
            trust: TrustedProxies { networks: proxies?, headers: family? },
            cache: cache?,
            credentials: credentials?,
            browser_login,
            oauth,
            failure_limit: failure_limit?,
            root_tokens: root_tokens?,
            mounts: mounts?,
            subject_mount: subject_mount?,
            vault: vault?,
            login: Arc::new(login?),
            policy_drift,
            telemetry: telemetry?,
            metrics_export: self.otlp.metrics.take(),
            decision_log,
            changed: self.changed_settings(),
            snapshot,
        })
    }

    fn listeners(&mut self) -> Option<[ListenAddress; 3]> {
        let names = ["listen", "api_listen", "admin_listen"];
        let [listen, api, admin] = names.map(|name| self.parsed::<ListenAddress>(name));
        let listeners = [listen?, api?, admin?];
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            if listeners[one].conflicts_with(&listeners[other]) {
                let message = format!("{} is also the address of `{}`", listeners[one], names[one]);
                self.record_error(names[other], message);
            }
        }
        Some(listeners)
    }

    fn admin_access(&mut self) -> Option<AdminAccess> {
        let hosts = match self.raw("admin_hosts") {
            Some(_) => self.value("admin_hosts", values::host_names),
            None => Some(Vec::new()),
        };
        let token = self.bearer_token("admin_token_file");
        let audit_token = self.bearer_token("audit_token_file");
        Some(AdminAccess { hosts: hosts?, token, audit_token })
    }

    /// Returns the token in a file; `None` without the setting, or after an error.
    fn bearer_token(&mut self, name: &'static str) -> Option<AdminToken> {
        self.raw(name)?;
        let path = self.file(name)?;
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let token = text.map_err(|error| error.to_string());
        match token.and_then(|text| AdminToken::parse(&text)) {
            Ok(token) => Some(token),
            Err(message) => self.fail(name, message),
        }
    }

    fn cache(&mut self) -> Option<token::CacheSettings> {
        let within = |min, max| move |text: &str| values::parse_duration(text, min, max);
        let ttl = self.value("cache_ttl", within(Duration::ZERO, 600 * SECOND));
        let ttl_with_feed = match self.raw("cache_ttl_with_feed") {
            Some(_) => self.value("cache_ttl_with_feed", within(Duration::ZERO, 3600 * SECOND)),
            None => ttl,
        };
        let negative_ttl = self.value("negative_ttl", within(Duration::ZERO, 60 * SECOND));
        let stale_grace = self.value("stale_grace", within(Duration::ZERO, 600 * SECOND));
        let capacity = self.value("cache_capacity", values::capacity);
        if let (Some(Duration::ZERO), Some(grace)) = (ttl, stale_grace)
            && !grace.is_zero()
        {
            self.record_error("stale_grace", "needs a cache_ttl: without one nothing is cached");
        }
        if ttl.zip(ttl_with_feed).is_some_and(|(ttl, with_feed)| with_feed < ttl) {
            self.record_error("cache_ttl_with_feed", "must not be shorter than cache_ttl");
        }
        Some(token::CacheSettings {
            ttl: ttl?,
            ttl_with_feed: ttl_with_feed?,
            negative_ttl: negative_ttl?,
            stale_grace: stale_grace?,
            capacity: capacity?,
        })
    }

    /// Returns the settings of the decision log; `None` without one, or after an error.
    fn decision_log(&mut self) -> Option<DecisionLogSettings> {
        let mode = self.value("decision_log_mandatory", values::decision_log_mode)?;
        let Some(target) = self.text("decision_log") else {
            if mode == DecisionLogMode::Mandatory {
                self.record_error("decision_log_mandatory", "needs decision_log: a file or stdout");
            }
            return None;
        };
        let target = match target.as_str() {
            "stdout" => DecisionLogTarget::Stdout,
            path => DecisionLogTarget::File(path.into()),
        };
        if let DecisionLogTarget::File(path) = &target
            && let Err(error) = check_file(path)
        {
            return self.fail("decision_log", format!("{}: {error}", path.display()));
        }
        Some(DecisionLogSettings { target, mode })
    }

    fn telemetry(&mut self) -> Option<telemetry::TelemetrySettings> {
        let level = self.value("log", values::level);
        let format = match self.raw("log_format") {
            Some(_) => self.value("log_format", values::log_format),
            None => Some(LogFormat::auto_detect()),
        };
        let errors = std::mem::take(&mut self.otlp.errors);
        self.record_errors(errors);
        let (traces, log_export) = (self.otlp.traces, self.otlp.logs);
        let sentry = self.sentry();
        let (level, format) = (level?, format?);
        Some(telemetry::TelemetrySettings { level, format, traces, log_export, sentry })
    }

    /// Returns the settings of the reports to Sentry; `None` without a DSN, or after an error.
    fn sentry(&mut self) -> Option<SentrySettings> {
        let dsn = self.value("sentry_dsn", SentryDsn::parse);
        let environment = self.value("sentry_environment", values::opaque_string);
        let release = self.value("sentry_release", values::opaque_string);
        Some(SentrySettings { dsn: dsn?, environment, release })
    }
}
