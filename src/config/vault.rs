use std::{path::PathBuf, time::Duration};

use crate::{
    config::{reader::SettingReader, values},
    policy::Mounts,
    vault::{self, ClientCertificate},
};

impl SettingReader {
    /// Returns the settings of the connection to Vault.
    pub(super) fn vault(&mut self) -> Option<vault::ClientSettings> {
        let addresses = self.value("vault_addr", values::vault_addresses);
        let timeout = self.value("vault_timeout", |text| {
            values::parse_duration(text, Duration::from_millis(50), Duration::from_mins(1))
        });
        let namespace = self.value("vault_namespace", vault::Namespace::parse).flatten();
        let trust = self.trust();
        let server_name = self.value("vault_tls_server_name", values::server_name);
        let client_cert = match (self.file("vault_client_cert"), self.file("vault_client_key")) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                self.fail("vault_client_key", "not set, but vault_client_cert needs it")
            }
            (None, Some(_)) => {
                self.fail("vault_client_cert", "not set, but vault_client_key needs it")
            }
        };
        Some(vault::ClientSettings {
            addresses: addresses?,
            namespace,
            trust: trust?,
            server_name,
            client_cert,
            timeout: timeout?,
        })
    }

    /// Returns the trusted certificate authorities, in the order of precedence of `vault` and
    /// `bao`.
    fn trust(&mut self) -> Option<vault::TrustRoots> {
        let is_false = |value: &str| ["0", "f", "F", "false", "FALSE", "False"].contains(&value);
        let skips = self.text("vault_skip_verify").is_some_and(|value| !is_false(&value));
        if skips {
            return self.fail(
                "vault_skip_verify",
                "not supported: certificates are always verified. Unset it, and set VAULT_CACERT \
                 to the authority that signed Vault's certificate, or to that certificate itself",
            );
        }
        if self.raw("vault_cacert_bytes").is_some() {
            return self.fail(
                "vault_cacert_bytes",
                "not supported: write the certificates to a file and set VAULT_CACERT to it",
            );
        }
        if self.raw("vault_cacert").is_some() {
            return self.file("vault_cacert").map(vault::TrustRoots::CaFile);
        }
        match self.text("vault_capath").map(PathBuf::from) {
            None => Some(vault::TrustRoots::System),
            Some(folder) if folder.is_dir() => Some(vault::TrustRoots::CaDirectory(folder)),
            Some(folder) => {
                self.fail("vault_capath", format!("{} is not a folder", folder.display()))
            }
        }
    }

    /// Returns the mounts of the tenants' secrets and keys.
    pub(super) fn mounts(&mut self) -> Option<Mounts> {
        let kv = self.value("kv_mount", values::mount);
        let transit = self.value("transit_mount", values::mount);
        kv.zip(transit).map(|(kv, transit)| Mounts { kv, transit })
    }

    /// Returns the auth mount that people log in with.
    pub(super) fn subject_mount(&mut self) -> Option<String> {
        self.value("subject_mount", values::auth_mount)
    }
}
