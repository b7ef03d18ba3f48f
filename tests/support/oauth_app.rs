//! An OAuth client as an application has it: PKCE, the browser's redirect, and the token endpoint.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{
    http::Answer,
    people::{PASSWORD, People},
    person::{Page, Person},
};

/// The login host, which is the issuer.
pub const ISSUER: &str = "https://login.example.com";

/// The resource.
pub const RESOURCE: &str = "https://mcp.example.com";

/// The id of the client that is configured.
pub const CLIENT: &str = "inspector";

/// The address to which its browser returns.
pub const CALLBACK: &str = "http://127.0.0.1:33418/callback";

/// The variables of a validator with the resource and the client.
pub const ENV: [(&str, &str); 2] = [
    ("VALIDATOR_RESOURCES", "https://mcp.example.com=MCP registry"),
    (
        "VALIDATOR_OAUTH_CLIENTS",
        "inspector=http://127.0.0.1/callback https://app.example.net/callback,other=http://127.0.0.1/callback",
    ),
];

/// The names and values of parameters.
pub type Parameters = Vec<(&'static str, String)>;

/// An application.
pub struct OAuthApp {
    /// The id of the client.
    pub client_id: String,
    /// The address of its callback.
    pub redirect_uri: String,
    /// The resource that it asks access to.
    pub resource: String,
    /// The verifier of PKCE.
    pub verifier: String,
}

/// The tokens of an application.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The whole response.
    pub response: Value,
}

impl Default for OAuthApp {
    fn default() -> Self {
        Self {
            client_id: CLIENT.to_owned(),
            redirect_uri: CALLBACK.to_owned(),
            resource: RESOURCE.to_owned(),
            verifier: "v".repeat(43),
        }
    }
}

impl OAuthApp {
    /// Returns the parameters of the authorization request.
    pub fn parameters(&self) -> Parameters {
        let challenge = digest(&SHA256, self.verifier.as_bytes());
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("state", "state 1&2".to_owned()),
            ("code_challenge", BASE64_URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256".to_owned()),
            ("resource", self.resource.clone()),
            ("scope", "mcp".to_owned()),
        ]
    }

    /// Returns the address that the browser is sent to.
    pub fn authorize_url(&self) -> String {
        authorize_url(&self.parameters())
    }

    /// Authorizes the application as a person who logs in and consents; returns the answer that the
    /// browser brings to the callback.
    ///
    /// # Panics
    /// If there is no redirect to the callback.
    pub async fn authorize(&self, people: &People, name: &str) -> Callback {
        let mut person = people.person();
        let question = self.log_in(&mut person, name).await;
        self.answer(&mut person, &question, "allow").await
    }

    /// Logs in for the application; returns the question for consent.
    pub async fn log_in(&self, person: &mut Person, name: &str) -> Page {
        person.other_program = Some(self.redirect_uri.clone());
        let form = person.open(&self.authorize_url()).await;
        assert_eq!(form.status(), 200, "{form:?}");
        let question = person.log_in(&form, name, PASSWORD).await;
        assert_eq!(question.status(), 200, "{question:?}");
        question
    }

    /// Answers the question for consent.
    ///
    /// # Panics
    /// If there is no redirect to the callback.
    pub async fn answer(&self, person: &mut Person, question: &Page, decision: &str) -> Callback {
        let consent = question.hidden("consent").unwrap_or_else(|| panic!("{question:?}"));
        let fields = [("consent", consent.as_str()), ("decision", decision)];
        let page = person.submit(ISSUER, "/oauth/consent", &fields).await;
        Callback::of(&page, &self.redirect_uri)
    }

    /// Returns the parameters that exchange a code.
    pub fn exchange(&self, code: &str) -> Parameters {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("client_id", self.client_id.clone()),
            ("code_verifier", self.verifier.clone()),
            ("resource", self.resource.clone()),
        ]
    }

    /// Returns the parameters that refresh.
    pub fn refresh(&self, refresh_token: &str) -> Parameters {
        vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", refresh_token.to_owned()),
            ("client_id", self.client_id.clone()),
            ("resource", self.resource.clone()),
        ]
    }

    /// Returns tokens for a person.
    ///
    /// # Panics
    /// If there are none.
    pub async fn tokens(&self, people: &People, name: &str) -> Tokens {
        let code = self.authorize(people, name).await.code();
        let answer = post(people, "/oauth/token", &self.exchange(&code)).await;
        Tokens::of(&answer)
    }
}

impl Tokens {
    /// Reads the response of the token endpoint.
    ///
    /// # Panics
    /// If it has no tokens.
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let response = answer.json();
        let text = |name: &str| response[name].as_str().expect("a token").to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), response }
    }
}

/// What a browser brings to the callback.
#[derive(Debug)]
pub struct Callback(Url);

impl Callback {
    /// Reads the redirect at the end of a page's way.
    ///
    /// # Panics
    /// If it does not lead to this address.
    pub fn of(page: &Page, redirect_uri: &str) -> Self {
        assert_eq!(page.status(), 303, "{page:?}");
        let location = page.answer().header("location").expect("a location");
        assert!(location.starts_with(redirect_uri), "{location}");
        Self(Url::parse(location).expect("a URL"))
    }

    /// Returns a parameter.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut values = self.0.query_pairs().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} is repeated: {}", self.0);
        value
    }

    /// Returns the code.
    ///
    /// # Panics
    /// If there is none.
    pub fn code(&self) -> String {
        self.get("code").unwrap_or_else(|| panic!("no code: {}", self.0))
    }
}

/// Returns the address that a browser is sent to with these parameters.
pub fn authorize_url(parameters: &[(&str, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{ISSUER}/oauth/authorize?{query}")
}

/// Replaces or adds a parameter; `None` removes it.
pub fn with(mut parameters: Parameters, name: &'static str, value: Option<&str>) -> Parameters {
    parameters.retain(|(key, _)| *key != name);
    parameters.extend(value.map(|value| (name, value.to_owned())));
    parameters
}

/// Sends a form to an endpoint of the issuer, as an application does.
pub async fn post(people: &People, path: &str, parameters: &[(&str, String)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let mut app = people.person();
    app.send("POST", &format!("{ISSUER}{path}"), &headers, Some(body)).await
}
