//! OAuth access tokens: a person's token, sealed for one resource and issued to one client.

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::CallerToken;
use crate::{
    sealed::{KeyRing, Purpose, SealError, UnsealError},
    wall_clock::now,
};

/// The first characters of each access token. By the prefixes, programs that search for leaked secrets
/// recognize the OAuth credentials.
pub const ACCESS_TOKEN_PREFIX: &str = "vat_";

/// The first characters of each authorization code.
pub const AUTHORIZATION_CODE_PREFIX: &str = "vac_";

/// The first characters of each refresh token.
pub const REFRESH_TOKEN_PREFIX: &str = "vrt_";

/// Returns true if this is an OAuth credential of this service, which is never sent to Vault.
pub(super) fn is_oauth_credential(text: &str) -> bool {
    [ACCESS_TOKEN_PREFIX, AUTHORIZATION_CODE_PREFIX, REFRESH_TOKEN_PREFIX]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

/// The content of an access token. Redacted in `Debug`.
#[derive(Clone)]
pub struct AccessToken {
    /// The person's token, with the expiry of the access token.
    pub token: CallerToken,
    /// The accessor of that token, by which its cached entries are found.
    pub accessor: String,
    /// The id of the client that it was issued to.
    pub client: String,
}

impl AccessToken {
    /// Seals a person's token for a resource and a client, until `expiry`.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn seal(
        &self,
        keys: &KeyRing,
        resource: &str,
        expiry: Timestamp,
    ) -> Result<String, SealError> {
        let data =
            Zeroizing::new(format!("{}\0{}\0{}", self.client, self.accessor, self.token.expose()));
        let sealed = keys.seal(Purpose::AccessToken, resource, expiry, data.as_bytes())?;
        Ok(format!("{ACCESS_TOKEN_PREFIX}{sealed}"))
    }

    /// Unseals an access token for a resource.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal(keys: &KeyRing, resource: &str, text: &str) -> Result<Self, UnsealError> {
        let sealed = text.strip_prefix(ACCESS_TOKEN_PREFIX).ok_or(UnsealError::Malformed)?;
        let (data, expiry) =
            keys.unseal_with_expiry(Purpose::AccessToken, resource, now(), sealed)?;
        let data = std::str::from_utf8(&data).map_err(|_| UnsealError::Malformed)?;
        let (client, rest) = data.split_once('\0').ok_or(UnsealError::Malformed)?;
        let (accessor, token) = rest.split_once('\0').ok_or(UnsealError::Malformed)?;
        let token = CallerToken::from(SecretString::from(token)).valid_until(expiry);
        Ok(Self { token, accessor: accessor.to_owned(), client: client.to_owned() })
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::AccessToken;
    use crate::{
        sealed::{KeyRing, UnsealError},
        token::CallerToken,
        wall_clock::now,
    };

    #[test]
    fn m05_access_token_is_for_one_resource() {
        let keys = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let (resource, client) = ("https://mcp.test/mcp", "https://client.test/c.json".to_owned());
        let (token, accessor) = (CallerToken::from("s.x"), "a".to_owned());
        let token = AccessToken { token, accessor, client: client.clone() };
        let at = |hours| now() + SignedDuration::from_hours(hours);
        let sealed = token.seal(&keys, resource, at(1)).expect("an access token");
        let unsealed = AccessToken::unseal(&keys, resource, &sealed).expect("an access token");
        assert_eq!((unsealed.token.expose(), unsealed.client), ("s.x", client));
        for other in ["https://mcp.test/mcp2", "https://mcp.test", "https://mcp.test/mcp/", ""] {
            let error = AccessToken::unseal(&keys, other, &sealed).err();
            assert_eq!(error, Some(UnsealError::NotAuthentic), "{other}");
        }
        let expired = token.seal(&keys, resource, at(-1)).expect("an access token");
        let error = AccessToken::unseal(&keys, resource, &expired).err();
        assert_eq!(error, Some(UnsealError::Expired));
        let bare = AccessToken::unseal(&keys, resource, sealed.trim_start_matches("vat_")).err();
        assert_eq!(bare, Some(UnsealError::Malformed));
    }
}
