//! The session cookie that a login sets.

use std::fmt;

use jiff::SignedDuration;

use crate::{
    sealed::{KeyRing, Purpose},
    token::{CallerToken, SESSION_COOKIE},
    wall_clock::now,
};

/// The time after which a session cookie is not accepted any more. The token in it ends earlier, unless
/// it is renewed all the time.
pub const MAX_SESSION_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The maximum length of the name and the value of a cookie, in bytes, that browsers accept
/// (draft-ietf-httpbis-rfc6265bis, 5.6).
const MAX_COOKIE_LENGTH: usize = 4096;

/// The token is too long for a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTooLong;

/// Returns the `Set-Cookie` header of a session with this token at this host. The cookie ends when the
/// browser is closed.
///
/// # Errors
/// [`SessionTooLong`]: no service token is, but a batch token may be.
pub fn session_cookie(
    keys: &KeyRing,
    authority: &str,
    token: &CallerToken,
) -> Result<String, SessionTooLong> {
    let expiry = now() + MAX_SESSION_AGE;
    let sealed = keys.seal(Purpose::Session, authority, expiry, token.expose().as_bytes());
    let sealed = sealed.map_err(|_| SessionTooLong)?;
    if SESSION_COOKIE.len() + sealed.len() > MAX_COOKIE_LENGTH {
        return Err(SessionTooLong);
    }
    Ok(format!("{SESSION_COOKIE}={sealed}; Path=/; Secure; HttpOnly; SameSite=Lax"))
}

/// Returns the `Set-Cookie` header that removes a cookie whose name begins with `__Host-`.
#[must_use]
pub fn removed_cookie(name: &str) -> String {
    format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

impl fmt::Display for SessionTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token is too long for a cookie")
    }
}

impl std::error::Error for SessionTooLong {}

#[cfg(test)]
mod tests {
    use super::{SessionTooLong, session_cookie};
    use crate::{sealed::KeyRing, token::CallerToken};

    #[test]
    fn long_token_is_no_session() {
        let keys = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let cookie = |length| {
            session_cookie(&keys, "crm.test", &CallerToken::from("t".repeat(length).as_str()))
        };
        for length in [26, 300, 2_900] {
            let value = cookie(length).expect("a cookie");
            let pair = value.split(';').next().expect("a pair");
            assert!(pair.len() <= 4096, "{length}");
        }
        for length in [3_050, 4_210] {
            assert_eq!(cookie(length), Err(SessionTooLong), "{length}");
        }
    }
}
