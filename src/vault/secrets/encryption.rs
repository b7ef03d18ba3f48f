//! Encryption of secrets with the tenants' transit keys.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::retry::once_more_after_reset;
use crate::{
    secrets::{Ciphertext, RecordError, SecretData, SecretError, SecretPath, to_zeroizing_json},
    tenants::key_name,
    vault::{
        api::transit::{self, CiphertextRequest, EncryptRequest},
        client::VaultError,
        secrets::SecretsClient,
    },
};

impl SecretsClient<'_> {
    /// Encrypts a secret for this path. This creates no key: `policies/tenant.hcl` grants `update`
    /// only.
    pub(super) async fn encrypt(
        &self,
        path: &SecretPath,
        data: &SecretData,
    ) -> Result<Ciphertext, SecretError> {
        let (client, token, mount) = self.transit();
        let json = to_zeroizing_json(&data.exposed());
        let plaintext = Zeroizing::new(BASE64_STANDARD.encode(&*json));
        let (name, context) = (key_name(&path.tenant), self.context(path));
        let request = EncryptRequest { plaintext: &plaintext, context: &context };
        let ciphertext =
            once_more_after_reset(|| transit::encrypt(client, token, mount, &name, &request));
        let ciphertext = Ciphertext::parse(ciphertext.await?);
        ciphertext.ok_or_else(|| VaultError::malformed("not a ciphertext").into())
    }

    /// Decrypts a ciphertext that was encrypted for this path.
    pub(super) async fn decrypt(
        &self,
        path: &SecretPath,
        ciphertext: &Ciphertext,
    ) -> Result<SecretData, SecretError> {
        let (client, token, mount) = self.transit();
        let (name, context) = (key_name(&path.tenant), self.context(path));
        let ciphertext = ciphertext.as_str();
        let request = CiphertextRequest { ciphertext, context: &context, key_version: None };
        let plaintext =
            once_more_after_reset(|| transit::decrypt(client, token, mount, &name, &request));
        let json = BASE64_STANDARD.decode(plaintext.await?.expose_secret());
        let json = Zeroizing::new(json.map_err(|_| VaultError::malformed("not base64"))?);
        SecretData::from_json(&json).map_err(|_| RecordError::Format.into())
    }

    /// Rewraps a ciphertext to this version of the key. The plaintext does not leave Vault.
    pub(super) async fn rewrap(
        &self,
        path: &SecretPath,
        ciphertext: &Ciphertext,
        key_version: u64,
    ) -> Result<Ciphertext, SecretError> {
        let (client, token, mount) = self.transit();
        let (name, context) = (key_name(&path.tenant), self.context(path));
        let ciphertext = ciphertext.as_str();
        let request =
            CiphertextRequest { ciphertext, context: &context, key_version: Some(key_version) };
        let rewrapped =
            once_more_after_reset(|| transit::rewrap(client, token, mount, &name, &request));
        let rewrapped = Ciphertext::parse(rewrapped.await?)
            .filter(|ciphertext| ciphertext.key_version() == key_version);
        rewrapped.ok_or_else(|| {
            VaultError::malformed("not a ciphertext of the requested version").into()
        })
    }

    fn context(&self, path: &SecretPath) -> String {
        BASE64_STANDARD.encode(path.context(&self.mounts.kv))
    }
}
