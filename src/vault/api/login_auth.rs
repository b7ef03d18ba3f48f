//! The response to the login of a person.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

/// The `auth` of a response to the login of a person, which has a token or requires further factors.
/// Has no `Debug`, since it contains the token. Vault never omits a field that is not an `Option`
/// here.
#[derive(Deserialize)]
pub(in crate::vault) struct LoginAuth {
    /// Empty if further factors are required.
    pub(in crate::vault) client_token: SecretString,
    /// The policies of the token and of its entity, null if further factors are required.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in crate::vault) policies: Option<Vec<String>>,
    pub(in crate::vault) token_type: String,
    /// Zero if the number of uses is not limited.
    pub(in crate::vault) num_uses: u64,
    pub(in crate::vault) mfa_requirement: Option<LoginFactors>,
}

/// The further factors that a login requires.
#[derive(Deserialize)]
pub(in crate::vault) struct LoginFactors {
    pub(in crate::vault) mfa_request_id: String,
    /// By their names. All have to be met.
    pub(in crate::vault) mfa_constraints: BTreeMap<String, FactorConstraint>,
}

/// A constraint, which one of these methods satisfies.
#[derive(Deserialize)]
pub(in crate::vault) struct FactorConstraint {
    pub(in crate::vault) any: Vec<FactorMethod>,
}

/// A method of login MFA.
#[derive(Deserialize)]
pub(in crate::vault) struct FactorMethod {
    pub(in crate::vault) id: String,
    /// Vault omits it if it is false.
    #[serde(default)]
    pub(in crate::vault) uses_passcode: bool,
}
