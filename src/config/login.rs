use crate::{
    config::{reader::SettingReader, values},
    vault::ServiceLogin,
};

/// The settings of each login method, for error messages.
const LOGIN_METHODS: &str = "role_id and secret_id_file, or vault_token_file, or vault_token";

impl SettingReader {
    /// Returns the login of the service.
    pub(super) fn login(&mut self) -> Option<ServiceLogin> {
        let is_set = |name| self.raw(name).is_some();
        let (role_id, secret_id_file) = (is_set("role_id"), is_set("secret_id_file"));
        match (role_id || secret_id_file, is_set("vault_token_file"), is_set("vault_token")) {
            (true, false, false) if !secret_id_file => {
                self.fail("secret_id_file", "not set, but role_id needs it")
            }
            (true, false, false) if !role_id => {
                self.fail("role_id", "not set, but secret_id_file needs it")
            }
            (true, false, false) => self.app_role(),
            (false, true, false) => self.file("vault_token_file").map(ServiceLogin::TokenFile),
            (false, false, true) => self.own_token(),
            (false, false, false) => {
                self.fail("role_id", format!("no Vault login is configured: set {LOGIN_METHODS}"))
            }
            _ => self.fail(
                "role_id",
                format!("several Vault logins are configured: set only {LOGIN_METHODS}"),
            ),
        }
    }

    /// Returns the login of an operator's command.
    pub(super) fn operator_login(&mut self) -> Option<ServiceLogin> {
        let is_set = |name| self.raw(name).is_some();
        if is_set("vault_token") || is_set("vault_token_file") {
            return self.token_login();
        }
        if is_set("role_id") && is_set("secret_id_file") {
            return self.app_role();
        }
        if let Some(token) = self.vault_cli_token() {
            return Some(token);
        }
        for (set, missing) in [("role_id", "secret_id_file"), ("secret_id_file", "role_id")] {
            if is_set(set) {
                return self.fail(missing, format!("not set, but {set} needs it"));
            }
        }
        self.fail(
            "vault_token",
            "not set, and ~/.vault-token, which `vault login` writes, does not exist; an \
             uninitialized Vault has no token yet: `bootstrap --init` creates the first one",
        )
    }

    /// Returns the login by a configured token or token file.
    pub(super) fn token_login(&mut self) -> Option<ServiceLogin> {
        if self.raw("vault_token").is_some() {
            return self.own_token();
        }
        self.file("vault_token_file").map(ServiceLogin::TokenFile)
    }

    /// Returns the login by the token file of the Vault CLI, if it exists.
    pub(super) fn vault_cli_token(&self) -> Option<ServiceLogin> {
        let file = self.home.as_ref().map(|home| home.join(".vault-token"));
        file.filter(|file| file.exists()).map(ServiceLogin::TokenFile)
    }

    fn app_role(&mut self) -> Option<ServiceLogin> {
        let file = self.file("secret_id_file");
        let role_id = self.value("role_id", values::opaque_string)?;
        Some(ServiceLogin::app_role(role_id, file?))
    }

    fn own_token(&mut self) -> Option<ServiceLogin> {
        self.value("vault_token", values::opaque_string)
            .map(|token| ServiceLogin::Token(token.into()))
    }
}
