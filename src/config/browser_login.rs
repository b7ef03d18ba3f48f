use std::{path::PathBuf, sync::Arc};

use crate::{
    config::{reader::SettingReader, values},
    login::{GuardedHosts, LoginOrigins, LoginSite, parse_login_methods},
    sealed::KeyRing,
    token::{CredentialReader, CredentialSources},
};

/// The settings of browser logins.
#[derive(Clone, Debug)]
pub struct BrowserLoginSettings {
    /// The hosts and the methods.
    pub site: Arc<LoginSite>,
    /// The keys of sessions.
    pub keys: Arc<KeyRing>,
}

/// The settings of browser logins, as far as they are valid.
#[derive(Clone, Debug)]
pub struct PartialBrowserLogin {
    /// The hosts and the methods; `None` after an error in them.
    pub site: Option<Arc<LoginSite>>,
    /// The file of the keys of sessions.
    pub key_file: Option<PathBuf>,
}

impl SettingReader {
    /// Returns the settings of browser logins; `None` without a login host, or after an error.
    pub(super) fn browser_login(&mut self) -> Option<BrowserLoginSettings> {
        self.raw("login_url")?;
        let site = self.login_site();
        let keys = match self.raw("sealing_key_file") {
            Some(_) => self.sealing_keys(),
            None => self.fail(
                "sealing_key_file",
                "not set, but VALIDATOR_LOGIN_URL needs it; `bootstrap` creates the file",
            ),
        };
        Some(BrowserLoginSettings { site: site?, keys: keys? })
    }

    /// Returns the settings of browser logins as far as they are valid; `None` without a login host.
    pub(super) fn partial_browser_login(&mut self) -> Option<PartialBrowserLogin> {
        self.raw("login_url")?;
        let key_file = self.text("sealing_key_file").map(PathBuf::from);
        Some(PartialBrowserLogin { site: self.login_site(), key_file })
    }

    /// Returns the keys of sessions, for a command that cannot do without.
    pub(super) fn required_sealing_keys(&mut self) -> Option<Arc<KeyRing>> {
        match self.raw("sealing_key_file") {
            Some(_) => self.sealing_keys(),
            None => {
                self.fail("sealing_key_file", "not set, but --session and access tokens need it")
            }
        }
    }

    fn login_site(&mut self) -> Option<Arc<LoginSite>> {
        let origins = self.value("login_url", values::from_error(LoginOrigins::parse));
        let hosts = match self.raw("login_hosts") {
            Some(_) => self.value("login_hosts", values::from_error(GuardedHosts::parse)),
            None => self.fail("login_hosts", "not set, but VALIDATOR_LOGIN_URL needs it"),
        };
        let methods = self.value("login_methods", values::from_error(parse_login_methods));
        Some(Arc::new(LoginSite { origins: origins?, hosts: hosts?, methods: methods? }))
    }

    fn sealing_keys(&mut self) -> Option<Arc<KeyRing>> {
        let file = self.file("sealing_key_file")?;
        match KeyRing::read(&file) {
            Ok(keys) => Some(Arc::new(keys)),
            Err(error) => self.fail("sealing_key_file", error),
        }
    }

    /// Returns the reader of credentials. With browser logins session cookies are a source.
    pub(super) fn credentials(
        &mut self,
        browser_login: Option<&BrowserLoginSettings>,
    ) -> Option<CredentialReader> {
        let is_default = self.raw("credentials").is_none();
        let sources: CredentialSources = self.parsed("credentials")?;
        match browser_login {
            Some(login) if is_default => {
                Some(CredentialReader::with_keys(sources.with_session(), Arc::clone(&login.keys)))
            }
            Some(login) if sources.has_session() => {
                Some(CredentialReader::with_keys(sources, Arc::clone(&login.keys)))
            }
            Some(_) => self.fail(
                "credentials",
                "the source `session` is missing, which VALIDATOR_LOGIN_URL needs",
            ),
            None if sources.has_session() => {
                self.fail("credentials", "the source `session` needs VALIDATOR_LOGIN_URL")
            }
            None => Some(CredentialReader::new(sources)),
        }
    }
}
