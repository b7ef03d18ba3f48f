use std::sync::Arc;

use crate::{
    config::{reader::SettingReader, values},
    login::{GuardedHosts, LoginOrigins, LoginSite, parse_login_methods},
    sealed::SealingKeys,
    token::{CredentialReader, CredentialSources},
};

/// The settings of browser logins.
#[derive(Clone, Debug)]
pub struct BrowserLoginSettings {
    /// The hosts and the methods.
    pub site: Arc<LoginSite>,
    /// The keys of sessions.
    pub keys: Arc<SealingKeys>,
}

impl SettingReader {
    /// Returns the settings of browser logins; `None` without a login host, or after an error.
    pub(super) fn browser_login(&mut self) -> Option<BrowserLoginSettings> {
        self.raw("login_url")?;
        let origins = self.value("login_url", values::from_error(LoginOrigins::parse));
        let hosts = match self.raw("login_hosts") {
            Some(_) => self.value("login_hosts", values::from_error(GuardedHosts::parse)),
            None => self.fail("login_hosts", "not set, but VALIDATOR_LOGIN_URL needs it"),
        };
        let methods = self.value("login_methods", values::from_error(parse_login_methods));
        let keys = match self.raw("sealing_key_file") {
            Some(_) => self.sealing_keys(),
            None => self.fail(
                "sealing_key_file",
                "not set, but VALIDATOR_LOGIN_URL needs it; `bootstrap` creates the file",
            ),
        };
        let site = Arc::new(LoginSite { origins: origins?, hosts: hosts?, methods: methods? });
        Some(BrowserLoginSettings { site, keys: keys? })
    }

    fn sealing_keys(&mut self) -> Option<Arc<SealingKeys>> {
        let file = self.file("sealing_key_file")?;
        match SealingKeys::read(file) {
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
            Some(login) if is_default => Some(CredentialReader::with_sessions(
                sources.with_session(),
                Arc::clone(&login.keys),
            )),
            Some(login) if sources.has_session() => {
                Some(CredentialReader::with_sessions(sources, Arc::clone(&login.keys)))
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
