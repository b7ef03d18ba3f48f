use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    login::LoginError,
    resource_uri::ResourceUri,
    sealed::{KeyRing, Purpose, SealError, UnsealError},
    token::{CallerToken, REFRESH_TOKEN_PREFIX},
    wall_clock::now,
};

/// The time after which a refresh token is not accepted any more, unless it is replaced. The token in it
/// ends earlier.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The time for which a refresh token is accepted after it was replaced: clients refresh several times at
/// once.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// The time within which a client whose response was lost, or a replica whose clock is ahead, presents a
/// refresh token that was replaced. It is no sign of theft.
const LOST_RESPONSE_TIME: SignedDuration = SignedDuration::from_mins(5);

/// A refresh token (RFC 6749, 1.5). Each use replaces it by one of the next generation.
pub struct RefreshToken {
    /// The person's token.
    pub token: CallerToken,
    /// The accessor of that token.
    pub accessor: String,
    /// The id of the client that it was issued to.
    pub client_id: String,
    /// The resource that access is for.
    pub resource: ResourceUri,
    /// The number of the generation, from 0.
    pub generation: u64,
}

#[derive(Serialize, Deserialize)]
struct SealedRefreshToken {
    token: String,
    accessor: String,
    client_id: String,
    resource: ResourceUri,
    generation: u64,
}

/// The newest generation of a person's refresh tokens for one client. Vault keeps it with the person's
/// token, so that all replicas know it, and it ends with that token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// The number of the generation.
    pub generation: u64,
    /// The time at which it began.
    pub since: Timestamp,
}

/// The result of presenting a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshUse {
    /// It is the newest one, and is replaced: the next state.
    Current(RefreshState),
    /// It was replaced a moment ago: the present state.
    Repeated(RefreshState),
    /// It was replaced a while ago. The client may not have received its successor.
    Replaced,
    /// It was replaced long before, so that it, or a successor, may be stolen (RFC 9700, 4.14.2).
    Reused,
}

/// The store of [`RefreshState`]s: Vault.
pub trait RefreshStore: Send + Sync + 'static {
    /// Returns the state that is kept with a token; `None` before the first refresh.
    ///
    /// # Errors
    /// [`LoginError::Rejected`] if the token is no longer valid.
    fn read<'a>(
        &'a self,
        token: &'a CallerToken,
    ) -> BoxFuture<'a, Result<Option<RefreshState>, LoginError>>;

    /// Replaces the state that is kept with a token.
    fn write<'a>(
        &'a self,
        token: &'a CallerToken,
        state: RefreshState,
    ) -> BoxFuture<'a, Result<(), LoginError>>;

    /// Renews a token. It is no error if Vault does not extend it.
    fn renew<'a>(&'a self, token: &'a CallerToken) -> BoxFuture<'a, Result<(), LoginError>>;
}

impl RefreshToken {
    /// Seals the refresh token.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn seal(&self, keys: &KeyRing, issuer: &str) -> Result<String, SealError> {
        let data = SealedRefreshToken {
            token: self.token.expose().to_owned(),
            accessor: self.accessor.clone(),
            client_id: self.client_id.clone(),
            resource: self.resource.clone(),
            generation: self.generation,
        };
        let sealed = keys.seal_json(Purpose::RefreshToken, issuer, now() + MAX_AGE, &data)?;
        Ok(format!("{REFRESH_TOKEN_PREFIX}{sealed}"))
    }

    /// Unseals a refresh token of this issuer.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal(keys: &KeyRing, issuer: &str, text: &str) -> Result<Self, UnsealError> {
        let sealed = text.strip_prefix(REFRESH_TOKEN_PREFIX).ok_or(UnsealError::Malformed)?;
        let data: SealedRefreshToken =
            keys.unseal_json(Purpose::RefreshToken, issuer, now(), sealed)?;
        Ok(Self {
            token: CallerToken::from(data.token.as_str()),
            accessor: data.accessor,
            client_id: data.client_id,
            resource: data.resource,
            generation: data.generation,
        })
    }

    /// Decides about a refresh token that is presented at `now`.
    ///
    /// One that is newer than the state is the newest one: the state was not written, or an older one was
    /// written later.
    #[must_use]
    pub fn present(&self, state: Option<RefreshState>, now: Timestamp) -> RefreshUse {
        let state = state.unwrap_or(RefreshState { generation: 0, since: Timestamp::UNIX_EPOCH });
        if self.generation >= state.generation {
            let generation = self.generation.saturating_add(1);
            return RefreshUse::Current(RefreshState { generation, since: now });
        }
        let age = now.duration_since(state.since);
        let is_previous = self.generation.saturating_add(1) == state.generation;
        if is_previous && age <= GRACE {
            RefreshUse::Repeated(state)
        } else if is_previous && age <= LOST_RESPONSE_TIME {
            RefreshUse::Replaced
        } else {
            RefreshUse::Reused
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{RefreshState, RefreshToken, RefreshUse};
    use crate::{resource_uri::ResourceUri, token::CallerToken};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn m18_replaced_token_is_accepted_for_a_moment() {
        let token = |generation| RefreshToken {
            token: CallerToken::from("s.x"),
            accessor: "a".to_owned(),
            client_id: "c".to_owned(),
            resource: ResourceUri::parse("https://mcp.test").expect("a URI"),
            generation,
        };
        let state = |generation, second| RefreshState { generation, since: at(second) };
        let replaced = |generation, second| RefreshUse::Current(state(generation, second));
        assert_eq!(token(0).present(None, at(100)), replaced(1, 100));
        let now = Some(state(1, 100));
        assert_eq!(token(1).present(now, at(200)), replaced(2, 200));
        for second in [95, 100, 110] {
            assert_eq!(token(0).present(now, at(second)), RefreshUse::Repeated(state(1, 100)));
        }
        assert_eq!(token(0).present(now, at(111)), RefreshUse::Replaced);
        assert_eq!(token(0).present(now, at(400)), RefreshUse::Replaced);
        assert_eq!(token(0).present(now, at(401)), RefreshUse::Reused);
        assert_eq!(token(0).present(Some(state(2, 100)), at(101)), RefreshUse::Reused);
        // An older state was written after a newer one.
        assert_eq!(token(3).present(Some(state(2, 100)), at(101)), replaced(4, 101));
    }
}
