//! Login MFA, `sys/mfa/`.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::vault::{
    api::login_auth::LoginAuth,
    client::{ApiRequest, Client, Operation, VaultError},
};

/// Completes a login with passcodes by the ids of their methods (`sys/mfa/validate`).
pub(in crate::vault) async fn validate(
    client: &Client,
    request_id: &str,
    passcodes: &BTreeMap<&str, &SecretString>,
) -> Result<LoginAuth, VaultError> {
    #[derive(Serialize)]
    struct Validation<'a> {
        mfa_request_id: &'a str,
        mfa_payload: BTreeMap<&'a str, [&'a str; 1]>,
    }
    let exposed = passcodes.iter().map(|(method, code)| (*method, [code.expose_secret()]));
    let body = Validation { mfa_request_id: request_id, mfa_payload: exposed.collect() };
    let request = ApiRequest::post("sys/mfa/validate", &body);
    client.auth(Operation::MfaValidation, None, &request).await
}
