//! The logins that are not complete: at an `OpenID` provider, and before the second factor.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{LOGIN_COOKIE, MAX_CLOCK_SKEW, MfaRequirement};
use crate::{
    sealed::{KeyRing, Purpose, SealError},
    wall_clock::now,
};

/// The time for which Vault keeps the state of a login at an `OpenID` provider.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(10);

/// The time for which Vault keeps a login that needs a second factor.
const MFA_AGE: SignedDuration = SignedDuration::from_mins(5);

/// The maximum number of logins at `OpenID` providers in one browser.
const MAX_LOGINS: usize = 5;

/// The maximum number of pages whose tickets are counted in one browser.
const MAX_PAGES: usize = 16;

/// The maximum length of the sealed state, in bytes, so that the cookie is one that browsers accept.
const MAX_LENGTH: usize = 3_500;

/// The number of tickets for one page, and the time within which they are counted, after which it is said
/// that the browser does not keep the session.
const MAX_TICKETS: u32 = 3;
const TICKET_WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// The purpose of a login, as it is kept until the login ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The page of the login host about the session.
    Account,
    /// A page of an application: its URL, and the digest of the id that the browser has there.
    Page(String, Option<String>),
    /// The sealed request of an OAuth client.
    Authorization(String),
}

/// A login at an `OpenID` provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOidc {
    /// The state that Vault issued.
    pub state: String,
    /// The nonce that the login was started with.
    pub client_nonce: String,
    /// The index of the login method.
    pub method: usize,
    /// The purpose of the login.
    pub destination: Destination,
}

/// A login with a correct password that needs a second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMfa {
    /// The factors that are missing.
    pub requirement: MfaRequirement,
    /// The mount and the user name that failures count against.
    pub user: (String, String),
    /// The purpose of the login.
    pub destination: Destination,
}

/// The state of a browser at the login host, kept in one cookie of a bounded size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogins {
    oidc: Vec<PendingOidc>,
    tickets: Vec<IssuedTickets>,
}

/// The number of tickets for one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct IssuedTickets {
    /// The start of the hash of the page's URL.
    page: u64,
    since: i64,
    count: u32,
}

impl PendingMfa {
    /// Seals the login for this host, for the time that Vault keeps it.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn seal(&self, keys: &KeyRing, authority: &str) -> Result<String, SealError> {
        keys.seal_json(Purpose::PendingMfa, authority, now() + MFA_AGE + MAX_CLOCK_SKEW, self)
    }

    /// Unseals a login; `None` if it is not one, is for another host or has expired.
    #[must_use]
    pub fn unseal(keys: &KeyRing, authority: &str, text: &str) -> Option<Self> {
        keys.unseal_json(Purpose::PendingMfa, authority, now(), text).ok()
    }
}

impl PendingLogins {
    /// Reads the state from the value of a cookie. A state that cannot be unsealed is replaced by an
    /// empty one.
    #[must_use]
    pub fn unseal(keys: &KeyRing, authority: &str, value: &[u8]) -> Self {
        let text = std::str::from_utf8(value).unwrap_or_default();
        keys.unseal_json(Purpose::PendingLogin, authority, now(), text).unwrap_or_default()
    }

    /// Returns the `Set-Cookie` header with the state, without the oldest logins if it is too long.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn set_cookie(mut self, keys: &KeyRing, authority: &str) -> Result<String, SealError> {
        let expiry = now() + MAX_AGE + MAX_CLOCK_SKEW;
        loop {
            let sealed = keys.seal_json(Purpose::PendingLogin, authority, expiry, &self)?;
            if sealed.len() <= MAX_LENGTH {
                return Ok(format!(
                    "{LOGIN_COOKIE}={sealed}; Path=/; Secure; HttpOnly; SameSite=Lax"
                ));
            }
            if self.oidc.is_empty() {
                self.tickets.clear();
            } else {
                self.oidc.remove(0);
            }
        }
    }

    /// Adds a login. The oldest one is dropped if there are too many.
    pub fn add(&mut self, login: PendingOidc) {
        self.oidc.push(login);
        if self.oidc.len() > MAX_LOGINS {
            self.oidc.remove(0);
        }
    }

    /// Removes and returns the login with this state.
    pub fn take(&mut self, state: &str) -> Option<PendingOidc> {
        let index = self.oidc.iter().position(|login| login.state == state)?;
        Some(self.oidc.remove(index))
    }

    /// Counts a ticket for this page. Returns false if the browser had so many within a short time that it
    /// does not seem to keep the session there. Several tabs that are opened at once are for several
    /// pages.
    pub fn count_ticket(&mut self, url: &str) -> bool {
        let hash = *blake3::hash(url.as_bytes()).as_bytes();
        let page = hash.first_chunk().map_or(0, |start| u64::from_le_bytes(*start));
        let now = now().as_second();
        let window = TICKET_WINDOW.as_secs();
        self.tickets.retain(|issued| (0..window).contains(&(now - issued.since)));
        let known = self.tickets.iter_mut().find(|issued| issued.page == page);
        if let Some(issued) = known {
            issued.count = issued.count.saturating_add(1);
            return issued.count <= MAX_TICKETS;
        }
        if self.tickets.len() >= MAX_PAGES {
            self.tickets.remove(0);
        }
        self.tickets.push(IssuedTickets { page, since: now, count: 1 });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, PendingLogins, PendingOidc};
    use crate::{login::BrowserId, sealed::KeyRing};

    fn login(state: &str, page: &str) -> PendingOidc {
        let browser = BrowserId::random().digest();
        let destination = Destination::Page(page.to_owned(), Some(browser.as_str().to_owned()));
        let client_nonce = "n".repeat(22);
        PendingOidc { state: state.to_owned(), client_nonce, method: 0, destination }
    }

    fn value(cookie: &str) -> &[u8] {
        cookie.split(['=', ';']).nth(1).expect("a value").as_bytes()
    }

    #[test]
    fn l04_state_is_bounded() {
        let keys = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let mut pending = PendingLogins::default();
        let long = format!("https://crm.test/{}", "a".repeat(1_000));
        for number in 0..50 {
            pending.add(login(&format!("state-{number}"), &long));
            pending.count_ticket(&format!("host-{number}.test"));
            let cookie = pending.set_cookie(&keys, "login.test").expect("a cookie");
            let pair = cookie.split(';').next().expect("a pair");
            assert!(pair.len() <= 4096, "{}", pair.len());
            pending = PendingLogins::unseal(&keys, "login.test", value(&cookie));
            assert!(pending.clone().take(&format!("state-{number}")).is_some(), "{number}");
        }
        assert!(pending.take("state-0").is_none());
        assert!(pending.take("state-49").is_some());
        assert!(pending.take("state-49").is_none(), "once only");
    }

    #[test]
    fn l01_fourth_ticket_in_a_minute_ends_a_loop() {
        let mut pending = PendingLogins::default();
        let issued: Vec<_> = (0..5).map(|_| pending.count_ticket("crm.test")).collect();
        assert_eq!(issued, [true, true, true, false, false]);
        assert!(pending.count_ticket("erp.test"));
    }

    #[test]
    fn l18_state_of_another_browser_is_unknown() {
        let keys = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let mut pending = PendingLogins::default();
        pending.add(login("state", "https://crm.test/"));
        let cookie = pending.clone().set_cookie(&keys, "login.test").expect("a cookie");
        let elsewhere = PendingLogins::unseal(&keys, "other.test", value(&cookie));
        assert_eq!(elsewhere, PendingLogins::default());
        assert_eq!(PendingLogins::unseal(&keys, "login.test", b"x"), PendingLogins::default());
        assert!(pending.take("other").is_none());
    }
}
