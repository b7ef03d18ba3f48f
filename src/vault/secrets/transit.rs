//! The calls of the transit engine.

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    secrets::{Ciphertext, SecretData, SecretError, SecretPath, Unreadable, to_wiped_json},
    tenants::TenantName,
    vault::{
        client::Operation,
        error::VaultError,
        secrets::{Call, Secrets},
    },
};

#[derive(Serialize)]
struct Encrypt<'p> {
    plaintext: &'p str,
    context: String,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Serialize)]
struct Bound<'c> {
    ciphertext: &'c str,
    context: String,
}

#[derive(Serialize)]
struct Rewrap<'c> {
    ciphertext: &'c str,
    context: String,
    key_version: u64,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: SecretString,
}

impl Secrets<'_> {
    /// Whether the tenant has a key that binds a ciphertext to its context.
    pub(super) async fn check_key(&self, tenant: &TenantName) -> Result<(), SecretError> {
        self.key(tenant).await.map(|_| ())
    }

    /// This, encrypted for this place. No key is made by it: `policies/tenant.hcl` grants `update`
    /// alone.
    pub(super) async fn encrypt(
        &self,
        path: &SecretPath,
        data: &SecretData,
    ) -> Result<Ciphertext, SecretError> {
        let json = to_wiped_json(&data.exposed());
        let plaintext = Zeroizing::new(BASE64_STANDARD.encode(&*json));
        let body = Encrypt { plaintext: &plaintext, context: self.context(path) };
        let call = Call::post(self.transit("encrypt", &path.tenant), &body);
        let answer: Encrypted = self.ask(Operation::Encrypt, &call).await?;
        let ciphertext = Ciphertext::parse(answer.ciphertext);
        ciphertext.ok_or_else(|| VaultError::malformed("no ciphertext").into())
    }

    /// What was encrypted for this place.
    pub(super) async fn decrypt(
        &self,
        path: &SecretPath,
        ciphertext: &Ciphertext,
    ) -> Result<SecretData, SecretError> {
        let body = Bound { ciphertext: ciphertext.as_str(), context: self.context(path) };
        let call = Call::post(self.transit("decrypt", &path.tenant), &body);
        let answer: Decrypted = self.ask(Operation::Decrypt, &call).await?;
        let json = BASE64_STANDARD.decode(answer.plaintext.expose_secret());
        let json = Zeroizing::new(json.map_err(|_| VaultError::malformed("no base64"))?);
        SecretData::from_json(&json).map_err(|_| Unreadable::Format.into())
    }

    /// The same secret, encrypted with this version of the key. The plaintext stays in Vault.
    pub(super) async fn rewrap(
        &self,
        path: &SecretPath,
        ciphertext: &Ciphertext,
        key_version: u64,
    ) -> Result<Ciphertext, SecretError> {
        let (ciphertext, context) = (ciphertext.as_str(), self.context(path));
        let body = Rewrap { ciphertext, context, key_version };
        let call = Call::post(self.transit("rewrap", &path.tenant), &body);
        let answer: Encrypted = self.ask(Operation::Rewrap, &call).await?;
        let ciphertext = Ciphertext::parse(answer.ciphertext)
            .filter(|ciphertext| ciphertext.key_version() == key_version);
        ciphertext.ok_or_else(|| VaultError::malformed("no ciphertext of this version").into())
    }

    fn context(&self, path: &SecretPath) -> String {
        BASE64_STANDARD.encode(path.context(&self.mounts.kv))
    }
}
