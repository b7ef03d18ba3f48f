use std::borrow::Cow;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{BrowserIdDigest, GuardedHosts, MAX_CLOCK_SKEW, ReturnUrl};
use crate::{
    sealed::{KeyRing, Purpose, SealError, UnsealError},
    wall_clock::now,
};

/// The time for which a ticket is valid. Vault ends its wrapping token after that time.
pub const TICKET_LIFETIME: SignedDuration = SignedDuration::from_secs(30);

/// The one-time ticket by which a login host passes a session to an application's host. It is valid in
/// one browser.
pub struct Ticket {
    /// The response-wrapping token with the person's token, which can be exchanged once.
    pub wrapping_token: SecretString,
    /// The digest of the id of the browser that started the login.
    pub browser: BrowserIdDigest,
    /// The page to open.
    pub page: ReturnUrl,
}

#[derive(Serialize, Deserialize)]
struct SealedTicket<'t> {
    wrapping_token: &'t str,
    browser: &'t str,
    /// Owned if a character of the URL is escaped in JSON.
    page: Cow<'t, str>,
}

impl Ticket {
    /// Seals the ticket for the host of its page.
    ///
    /// # Errors
    /// [`SealError`], which does not occur in practice.
    pub fn seal(&self, keys: &KeyRing) -> Result<String, SealError> {
        let data = SealedTicket {
            wrapping_token: self.wrapping_token.expose_secret(),
            browser: self.browser.as_str(),
            page: self.page.as_str().into(),
        };
        let data = serde_json::to_vec(&data).map(Zeroizing::new).map_err(|_| SealError)?;
        let expiry = now() + TICKET_LIFETIME + MAX_CLOCK_SKEW;
        keys.seal(Purpose::Ticket, self.page.authority(), expiry, &data)
    }

    /// Unseals a ticket for this host, which has to be one of `hosts`.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal(
        keys: &KeyRing,
        authority: &str,
        hosts: &GuardedHosts,
        text: &str,
    ) -> Result<Self, UnsealError> {
        let data = keys.unseal(Purpose::Ticket, authority, now(), text)?;
        let data: SealedTicket<'_> =
            serde_json::from_slice(&data).map_err(|_| UnsealError::Malformed)?;
        let browser = BrowserIdDigest::parse(data.browser).ok_or(UnsealError::Malformed)?;
        let page = ReturnUrl::parse(&data.page, hosts).ok_or(UnsealError::Malformed)?;
        Ok(Self { wrapping_token: data.wrapping_token.into(), browser, page })
    }
}

#[cfg(test)]
mod tests {
    use super::Ticket;
    use crate::{
        login::{BrowserId, GuardedHosts, ReturnUrl},
        sealed::{KeyRing, Purpose, UnsealError},
    };

    #[test]
    fn l17_ticket_is_for_one_host() {
        let keys = KeyRing::parse(KeyRing::generate().as_bytes()).expect("a key");
        let hosts = GuardedHosts::parse("crm.test,erp.test").expect("hosts");
        let page = ReturnUrl::parse("https://crm.test/a?b=\"c\"", &hosts).expect("a page");
        let browser = BrowserId::random().digest();
        let ticket = Ticket { wrapping_token: "s.w".into(), browser: browser.clone(), page };
        let sealed = ticket.seal(&keys).expect("a ticket");
        let unsealed = Ticket::unseal(&keys, "crm.test", &hosts, &sealed).expect("a ticket");
        assert_eq!((unsealed.page, unsealed.browser), (ticket.page, browser));
        let elsewhere = Ticket::unseal(&keys, "erp.test", &hosts, &sealed).err();
        assert_eq!(elsewhere, Some(UnsealError::NotAuthentic));
        let now = crate::wall_clock::now();
        let as_session = keys.unseal(Purpose::Session, "crm.test", now, &sealed).err();
        assert_eq!(as_session, Some(UnsealError::NotAuthentic));
        let others = GuardedHosts::parse("erp.test").expect("hosts");
        let unguarded = Ticket::unseal(&keys, "crm.test", &others, &sealed).err();
        assert_eq!(unguarded, Some(UnsealError::Malformed));
    }
}
