//! The session cookie that `explain --session` reads.

use std::sync::Arc;

use clap::Args;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::{
    header_value,
    sealed::{SealedDescription, UNKNOWN_KEY, noun, sealed_with},
};
use crate::{
    cli::{operator::OperatorArgs, sources::ForExplain, token::read_secret_line},
    config::Settings,
    diagnostics::SessionToExplain,
    forwarded::normalized_authority,
    login::LOGIN_COOKIE,
    sealed::{KeyRing, Purpose, SealedInspection},
    token::{CredentialReader, CredentialSources, SESSION_COOKIE},
    wall_clock::now,
};

/// The names of what has a sealed value, in the order in which they are looked for: the cookies, and the
/// query parameter with a ticket.
const NAMES: [&str; 3] = [SESSION_COOKIE, LOGIN_COOKIE, "ticket"];

/// The arguments about a session cookie.
#[derive(Args)]
pub(super) struct SessionArgs {
    /// Read a session cookie instead of a token. Needs --host, and the file of the sealing keys.
    #[arg(long)]
    session: bool,
    /// With --session: the origin of the page that makes the request, such as
    /// `https://erp.example.com`; by default a page of the same host.
    #[arg(long, value_name = "ORIGIN", requires = "session", value_parser = header_value)]
    origin: Option<HeaderValue>,
}

impl SessionArgs {
    /// Returns the sealing keys if a session cookie is to be explained.
    ///
    /// # Errors
    /// Returns why that is not possible.
    pub(super) fn keys(
        &self,
        host: Option<&str>,
        operator: &OperatorArgs<ForExplain>,
    ) -> Result<Option<Arc<KeyRing>>, String> {
        if !self.session {
            return Ok(None);
        }
        match host.map(normalized_authority) {
            None => {
                return Err("--session needs --host HOST, the host in the browser's address bar: a \
                            session is sealed for one host, whose name is authenticated with it but \
                            not in it, so that it cannot be found out from the session"
                    .to_owned());
            }
            Some(None) => {
                return Err("--host is not a host: write for example crm.example.com".to_owned());
            }
            Some(Some(_)) => {}
        }
        let keys = Settings::load_sealing_keys(operator.clone().sources());
        keys.map(Some).map_err(|errors| errors.to_string())
    }

    /// Returns the origin of the page that makes the request, if it is given.
    pub(super) fn origin(&self) -> Option<HeaderValue> {
        self.origin.clone()
    }
}

/// A sealed text, as far as the keys describe it. It has no `Debug`, since it may be a valid session.
pub(super) struct SealedInput {
    text: Zeroizing<String>,
    host: String,
    inspection: SealedInspection,
    key_count: usize,
    /// The number of values with the same name.
    candidates: usize,
}

impl SealedInput {
    /// Reads a text from standard input. Of several cookies with the same name it is the first that is a
    /// session of this host, as for the service.
    ///
    /// # Errors
    /// Returns why there is no such text.
    pub(super) fn read(keys: &KeyRing, host: &str) -> Result<Self, String> {
        let line = read_secret_line("Session cookie: ")
            .map_err(|error| format!("the session cookie cannot be read: {error}"))?;
        let host = normalized_authority(host).unwrap_or_default().into_owned();
        let inspect = |text: &str| keys.inspect(&host, now(), text);
        let values = values(&line).ok_or_else(|| {
            format!(
                "standard input has no session cookie: neither a value nor {SESSION_COOKIE}=VALUE"
            )
        })?;
        let is_session =
            |text: &&&str| matches!(inspect(text), SealedInspection::Valid(Purpose::Session, _));
        let found = values.iter().find(is_session).or(values.first());
        let text = Zeroizing::new(found.copied().unwrap_or_default().to_owned());
        let inspection = inspect(&text);
        let (key_count, candidates) = (keys.key_count(), values.len());
        Ok(Self { text, host, inspection, key_count, candidates })
    }

    /// Returns the request of a browser with this text as its session cookie.
    ///
    /// # Errors
    /// Returns that no cookie can have this value.
    pub(super) fn to_explain(
        &self,
        keys: Arc<KeyRing>,
        origin: Option<HeaderValue>,
    ) -> Result<SessionToExplain, String> {
        let cookie = Zeroizing::new(format!("{SESSION_COOKIE}={}", *self.text));
        let invalid = |_| "standard input has characters that no cookie has".to_owned();
        let mut cookie = HeaderValue::from_str(&cookie).map_err(invalid)?;
        cookie.set_sensitive(true);
        let host = HeaderValue::from_str(&self.host).map_err(|error| error.to_string())?;
        let reader = CredentialReader::with_keys(CredentialSources::session_only(), keys);
        Ok(SessionToExplain { reader, cookie, host, origin })
    }

    /// Returns the description for both forms of output.
    pub(super) fn description(&self) -> SealedDescription {
        let audience = ("host", self.host.as_str());
        SealedDescription::new(self.inspection, self.key_count, audience, self.text())
    }

    fn text(&self) -> String {
        let host = &self.host;
        let text = match self.inspection {
            SealedInspection::Malformed => {
                "nothing that this service has sealed; a Vault token is explained without --session"
                    .to_owned()
            }
            SealedInspection::UnknownKey(_) => UNKNOWN_KEY.to_owned(),
            SealedInspection::NotAuthentic(header) => format!(
                "{}, but not for {host}: --host has to be the host in the browser's address bar, with \
                 its port if that is not 443; or it was changed",
                sealed_with(header.key, self.key_count)
            ),
            SealedInspection::Expired(purpose, header) => format!(
                "{} {host}, {}; expired {}",
                noun(purpose),
                sealed_with(header.key, self.key_count),
                header.expiry
            ),
            SealedInspection::Valid(purpose, header) => format!(
                "{} {host}, {}; expires {} at the latest{}",
                noun(purpose),
                sealed_with(header.key, self.key_count),
                header.expiry,
                if purpose == Purpose::Session { "" } else { "; it is no session" },
            ),
        };
        match self.candidates {
            0 | 1 => text,
            count => format!("{text} (of {count} cookies with this name)"),
        }
    }
}

/// Returns the values in a line of input: of the first of [`NAMES`] that occurs, or the line itself.
/// `None` if it has pairs, and none of these names.
fn values(line: &str) -> Option<Vec<&str>> {
    let line = line.trim();
    let line = match line.split_at_checked("cookie:".len()) {
        Some((name, rest)) if name.eq_ignore_ascii_case("cookie:") => rest.trim_start(),
        _ => line,
    };
    let parts = || line.split([';', '?', '&']).map(str::trim);
    let named = |name: &str| -> Vec<&str> {
        parts().filter_map(|part| part.strip_prefix(name)?.strip_prefix('=')).collect()
    };
    // A sealed text is base64url without padding, and so has no `=`.
    match NAMES.map(named).into_iter().find(|values| !values.is_empty()) {
        Some(values) => Some(values),
        None if line.is_empty() || line.contains('=') => None,
        None => Some(vec![line]),
    }
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn session_is_found_in_its_forms() {
        for line in [
            "AbC-_9",
            " AbC-_9 \n",
            "__Host-vault-session=AbC-_9",
            "Cookie: a=b; __Host-vault-session=AbC-_9; c=d",
            "cookie:__Host-vault-login=x;__Host-vault-session=AbC-_9",
            "__Host-vault-login=AbC-_9",
            "https://crm.example.com/.vault-auth/session?ticket=AbC-_9",
        ] {
            assert_eq!(values(line), Some(vec!["AbC-_9"]), "{line}");
        }
        let twice = "__Host-vault-session=a; __Host-vault-session=b";
        assert_eq!(values(twice), Some(vec!["a", "b"]));
        for line in ["", "  ", "Cookie:", "a=b", "Cookie: x__Host-vault-session=a"] {
            assert_eq!(values(line), None, "{line}");
        }
    }
}
