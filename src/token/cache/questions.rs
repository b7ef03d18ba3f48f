use std::sync::Arc;

use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::token::{Place, TokenKey};

/// How many questions about one token, besides lookups, may be under way at once.
const MAX_QUESTIONS: usize = 8;

/// How many tokens are counted for. One that has to make room for others is counted anew.
const MAX_TOKENS: usize = 65_536;

/// The questions about tokens that are under way, so that one token does not take all calls to
/// Vault.
pub(super) struct Questions(Cache<TokenKey, Arc<Semaphore>, UnitWeighter, Place>);

impl Questions {
    pub(super) fn new() -> Self {
        let (weighter, hasher) = (UnitWeighter, Place::default());
        let capacity = MAX_TOKENS as u64;
        Self(Cache::with(MAX_TOKENS, capacity, weighter, hasher, DefaultLifecycle::default()))
    }

    /// Waits for the permit to ask a question about this token.
    pub(super) async fn permit(&self, key: TokenKey) -> Option<OwnedSemaphorePermit> {
        let new = || Ok::<_, ()>(Arc::new(Semaphore::new(MAX_QUESTIONS)));
        let permits = self.0.get_or_insert_with(&key, new).ok()?;
        // It is never closed.
        permits.acquire_owned().await.ok()
    }

    /// Removes the tokens about which no question is under way.
    pub(super) fn remove_idle(&self) {
        self.0.retain(|_, permits| Arc::strong_count(permits) > 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{MAX_QUESTIONS, Questions};
    use crate::token::{Credential, TokenKeys};

    #[tokio::test]
    async fn questions_about_one_token_are_limited_and_others_are_not() {
        let (questions, keys) = (Questions::new(), TokenKeys::random());
        let key = |token| keys.key(&Credential::from_text(token).expect("well formed"));
        let mut permits = Vec::new();
        for _ in 0..MAX_QUESTIONS {
            permits.push(questions.permit(key("s.one")).await);
        }
        questions.remove_idle();
        let mut waits = Box::pin(questions.permit(key("s.one")));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(questions.permit(key("s.two")).await.is_some());
        permits.pop();
        assert!(waits.await.is_some());
        drop(permits);
        questions.remove_idle();
        assert_eq!(questions.0.len(), 0);
    }
}
