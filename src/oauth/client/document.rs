use serde::{Deserialize, de::IgnoredAny};

use super::{ClientKind, OAuthClient, RedirectUri, name::client_name};
use crate::public_documents::PublicUrl;

/// The maximum number of redirect URIs in a document.
const MAX_REDIRECT_URIS: usize = 10;

/// The id of a client that is the URL of its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentId(PublicUrl);

/// The members of a document that matter here. A repeated member is an error.
#[derive(Deserialize)]
struct ClientDocument {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    client_secret: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
}

impl DocumentId {
    /// The maximum length of an id, in bytes.
    pub const MAX_LENGTH: usize = 256;

    /// Parses an id: an https URL in its normal form with a domain name and a path, without user
    /// information, query, fragment and dot segments.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = PublicUrl::parse(text).filter(|_| text.len() <= Self::MAX_LENGTH)?;
        (!url.has_query() && url.path() != "/").then_some(Self(url))
    }

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the host that publishes the document.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// Returns the URL of the document.
    pub(super) fn url(&self) -> &PublicUrl {
        &self.0
    }

    /// Parses the document of the client with this id.
    ///
    /// # Errors
    /// The reason why the document is not valid. It repeats nothing of the document.
    pub(super) fn parse_document(&self, document: &[u8]) -> Result<OAuthClient, &'static str> {
        // serde would read an array as well.
        if document.trim_ascii_start().first() != Some(&b'{') {
            return Err("it is not a JSON object");
        }
        let document: ClientDocument = serde_json::from_slice(document)
            .map_err(|_| "it is not JSON with the members client_id and redirect_uris")?;
        if document.client_id != self.as_str() {
            return Err("its client_id is not the URL of the document");
        }
        if document.client_secret.is_some() || document.client_secret_expires_at.is_some() {
            return Err("it has a client_secret, which would be public");
        }
        if !document.supports_public_clients() {
            return Err("its token_endpoint_auth_method is not `none`, and \
                        token_endpoint_auth_methods_supported does not list `none`: only clients \
                        without a secret are supported");
        }
        if !(1..=MAX_REDIRECT_URIS).contains(&document.redirect_uris.len()) {
            return Err("it has no redirect_uris, or more than 10");
        }
        let uris = document.redirect_uris.iter().map(|uri| RedirectUri::parse(uri));
        let redirect_uris = uris.collect::<Option<_>>();
        Ok(OAuthClient {
            id: document.client_id,
            name: document.client_name.as_deref().and_then(client_name),
            redirect_uris: redirect_uris.ok_or("one of its redirect_uris is not valid")?,
            kind: ClientKind::Document,
        })
    }
}

impl ClientDocument {
    /// Returns true if the client can do without a secret. A document is published for all servers,
    /// so it may prefer another method and list `none` besides, as that of `ChatGPT` does (`OpenID`
    /// Connect Relying Party Metadata Choices).
    fn supports_public_clients(&self) -> bool {
        let preferred = self.token_endpoint_auth_method.as_deref();
        let mut supported = self.token_endpoint_auth_methods_supported.iter().flatten();
        matches!(preferred, None | Some("none")) || supported.any(|method| method == "none")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{DocumentId, OAuthClient};
    use crate::oauth::client::ClientKind;

    const ID: &str = "https://client.test/client.json";

    fn parse(document: &Value) -> Result<OAuthClient, &'static str> {
        let id = document["client_id"].as_str().and_then(DocumentId::parse).expect("an id");
        id.parse_document(document.to_string().as_bytes())
    }

    fn parse_text(document: &str) -> Result<OAuthClient, &'static str> {
        DocumentId::parse(ID).expect("an id").parse_document(document.as_bytes())
    }

    /// Returns a valid document with these members besides.
    fn with(members: &Value) -> Value {
        let mut document = json!({ "client_id": ID, "redirect_uris": ["https://client.test/cb"] });
        let members = members.as_object().expect("members").clone();
        document.as_object_mut().expect("an object").extend(members);
        document
    }

    #[test]
    fn m17_documents_of_real_clients_are_valid() {
        let grants = ["authorization_code", "refresh_token"];
        let claude = json!({
            "client_id": "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "client_name": "Claude",
            "client_uri": "https://claude.ai",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "grant_types": [grants[0], grants[1], "urn:ietf:params:oauth:grant-type:jwt-bearer"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        let chatgpt = json!({
            "client_id": "https://chatgpt.com/oauth/client.json",
            "client_uri": "https://chatgpt.com/",
            "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "grant_types": grants,
            "response_types": ["code"],
            "client_name": "ChatGPT",
            "token_endpoint_auth_signing_alg": "RS256",
            "jwks_uri": "https://chatgpt.com/oauth/jwks.json",
        });
        let code = json!({
            "client_name": "Visual Studio Code",
            "grant_types": [grants[0], grants[1], "urn:ietf:params:oauth:grant-type:device_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
            "client_id": "https://vscode.dev/oauth/client-metadata.json",
            "redirect_uris": ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        });
        for (document, name, host) in [
            (claude, "Claude", "claude.ai"),
            (chatgpt, "ChatGPT", "chatgpt.com"),
            (code, "Visual Studio Code", "vscode.dev"),
        ] {
            let client = parse(&document).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(client.name.as_deref(), Some(name));
            assert_eq!(client.document_host().as_deref(), Some(host));
            assert_eq!(client.kind, ClientKind::Document);
            assert_eq!(
                document["redirect_uris"].as_array().map(Vec::len),
                Some(client.redirect_uris.len())
            );
        }
    }

    #[test]
    fn m17_invalid_documents_are_refused() {
        let many = vec!["https://client.test/cb"; 11];
        for (members, part) in [
            (json!({ "redirect_uris": [] }), "redirect_uris"),
            (json!({ "redirect_uris": many }), "redirect_uris"),
            (json!({ "redirect_uris": ["https://a.test/", "http://a.test/"] }), "redirect_uris"),
            (json!({ "redirect_uris": "https://a.test/" }), "JSON"),
            (json!({ "redirect_uris": [1] }), "JSON"),
            (json!({ "redirect_uris": null }), "JSON"),
            (json!({ "client_name": 1 }), "JSON"),
            (json!({ "client_secret": "a" }), "client_secret"),
            (json!({ "client_secret_expires_at": 0 }), "client_secret"),
            (json!({ "token_endpoint_auth_method": "client_secret_basic" }), "only clients"),
            (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "only clients"),
            (
                json!({
                    "token_endpoint_auth_method": "private_key_jwt",
                    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                }),
                "only clients",
            ),
        ] {
            let error = parse(&with(&members)).expect_err("an error");
            assert!(error.contains(part), "{members}: {error}");
        }
        for document in
            ["", "1", "null", "[]", "{", "\u{feff}{}", "{}", "<html>", "{\"client_id\":1}"]
        {
            assert!(parse_text(document).is_err(), "{document}");
        }
        let array = json!([ID, null, ["https://client.test/cb"], null, null, null, null]);
        assert!(parse_text(&array.to_string()).is_err(), "an array");
    }

    #[test]
    fn m17_client_id_must_be_the_url() {
        for other in [
            "https://client.test/client.json/",
            "https://client.test/CLIENT.json",
            "https://CLIENT.test/client.json",
            "https://client.test:443/client.json",
            "https://other.test/client.json",
            "",
        ] {
            let document = with(&json!({ "client_id": other })).to_string();
            assert!(parse_text(&document).is_err(), "{other}");
        }
        let valid = with(&json!({})).to_string();
        assert!(parse_text(&valid).is_ok());
        let twice = valid.replacen('{', "{\"client_id\":\"https://other.test/a\",", 1);
        assert!(parse_text(&twice).is_err(), "{twice}");
        let twice = valid.replacen('{', "{\"redirect_uris\":[\"https://a.test/\"],", 1);
        assert!(parse_text(&twice).is_err(), "{twice}");
    }

    #[test]
    fn m17_other_ids_are_not_urls_of_documents() {
        for text in [
            "https://client.test",
            "https://client.test/",
            "https://client.test/a?b=c",
            "https://client.test/a?",
            "https://client.test/a#b",
            "https://client.test/a/../b",
            "https://client.test/%2e%2e/b",
            "https://user@client.test/a",
            "https://127.0.0.1/a",
            "http://client.test/a",
            "HTTPS://client.test/a",
            "client.test/a",
            "inspector",
        ] {
            assert_eq!(DocumentId::parse(text), None, "{text}");
        }
        let long = format!("https://client.test/{}", "a".repeat(237));
        assert_eq!(DocumentId::parse(&long), None);
        assert!(DocumentId::parse(&long[..256]).is_some());
    }

    proptest! {
        #[test]
        fn documents_are_read_without_panic(document in any::<Vec<u8>>()) {
            let id = DocumentId::parse(ID).expect("an id");
            prop_assert!(id.parse_document(&document).is_err());
        }
    }
}
