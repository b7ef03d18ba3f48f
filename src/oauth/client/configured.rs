use std::fmt;

use super::{ClientKind, OAuthClient, RedirectUri};

/// The maximum length of an id, in bytes.
const MAX_ID_LENGTH: usize = 128;

/// The error in a list of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientListError {
    /// The item does not have the form `ID=REDIRECT_URI`, or the id has other characters.
    Invalid(String),
    /// The client with this id has this redirect URI, which is not valid.
    InvalidRedirectUri(String, String),
    /// Two clients have this id.
    Repeated(String),
}

/// Parses a list of clients in the form `ID=REDIRECT_URI[ REDIRECT_URI...]`, separated by commas
/// (`VALIDATOR_OAUTH_CLIENTS`).
///
/// # Errors
/// [`ClientListError`], with the item.
pub fn parse_clients(list: &str) -> Result<Vec<OAuthClient>, ClientListError> {
    let mut clients: Vec<OAuthClient> = Vec::new();
    for item in list.split(',').map(str::trim) {
        let client = parse_client(item)?;
        if clients.iter().any(|other| other.id == client.id) {
            return Err(ClientListError::Repeated(client.id));
        }
        clients.push(client);
    }
    Ok(clients)
}

fn parse_client(item: &str) -> Result<OAuthClient, ClientListError> {
    let invalid = || ClientListError::Invalid(item.to_owned());
    let (id, uris) = item.split_once('=').ok_or_else(invalid)?;
    let parse = |text: &str| {
        RedirectUri::parse(text)
            .ok_or_else(|| ClientListError::InvalidRedirectUri(id.to_owned(), text.to_owned()))
    };
    if !is_id(id) {
        return Err(invalid());
    }
    let redirect_uris: Vec<_> = uris.split_whitespace().map(parse).collect::<Result<_, _>>()?;
    if redirect_uris.is_empty() {
        return Err(invalid());
    }
    Ok(OAuthClient { id: id.to_owned(), name: None, redirect_uris, kind: ClientKind::Configured })
}

/// Returns true for unreserved characters (RFC 3986, 2.3), which no URL consists of.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID_LENGTH).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
}

impl fmt::Display for ClientListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(item) => write!(
                f,
                "`{}` is not a client: write ID=REDIRECT_URI with an id of letters, digits and \
                 `._~-`, for example `inspector=http://localhost/callback`; spaces separate several \
                 redirect URIs",
                item.escape_debug()
            ),
            Self::InvalidRedirectUri(id, uri) => write!(
                f,
                "`{}` is not a redirect URI for the client {id}: write an https URL, an http URL on \
                 localhost, 127.0.0.1 or [::1], or a URI with an application's own scheme, without \
                 a fragment and in lower case up to the path",
                uri.escape_debug()
            ),
            Self::Repeated(id) => write!(f, "the client `{id}` is listed twice"),
        }
    }
}

impl std::error::Error for ClientListError {}

#[cfg(test)]
mod tests {
    use super::{ClientListError, parse_clients};
    use crate::oauth::client::{ClientKind, RedirectUri};

    #[test]
    fn clients_are_parsed() {
        let list = "inspector=http://localhost/callback, app-1=https://a.test/cb?b=c\n com.a:/cb";
        let clients = parse_clients(list).expect("a list");
        let described: Vec<_> = clients
            .iter()
            .map(|client| {
                let uris: Vec<_> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
                (client.id.as_str(), uris, client.kind)
            })
            .collect();
        assert_eq!(
            described,
            [
                ("inspector", vec!["http://localhost/callback"], ClientKind::Configured),
                ("app-1", vec!["https://a.test/cb?b=c", "com.a:/cb"], ClientKind::Configured),
            ]
        );
    }

    #[test]
    fn invalid_clients_are_rejected() {
        let long = format!("{}=https://a.test/", "a".repeat(129));
        for item in [
            "",
            "a",
            "a=",
            "a= ",
            "=https://a.test/",
            "a b=https://a.test/",
            "a/b=https://a.test/",
            &long,
        ] {
            let error = parse_clients(item).expect_err("an error");
            assert!(matches!(error, ClientListError::Invalid(_)), "{item}: {error}");
        }
        let error = parse_clients("a=https://a.test/,").expect_err("an error");
        assert!(matches!(error, ClientListError::Invalid(_)), "{error}");
        let error = parse_clients("a=https://a.test/ http://a.test/").expect_err("an error");
        let uri = "http://a.test/".to_owned();
        assert_eq!(error, ClientListError::InvalidRedirectUri("a".to_owned(), uri));
        let error = parse_clients("a=https://a.test/,a=https://b.test/").expect_err("an error");
        assert_eq!(error, ClientListError::Repeated("a".to_owned()));
    }
}
