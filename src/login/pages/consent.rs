use std::borrow::Cow;

use askama::Template;
use http::StatusCode;

use super::{
    CONSENT_PATH, HtmlPage, Language,
    links::shortened,
    text::{ConsentText, Explanation, PageText, SentenceParts},
};

/// The number of policies that are shown at first.
const SHOWN_POLICIES: usize = 6;

/// The page that asks a person, after the login, if an OAuth client may use a resource. It is sent to
/// [`CONSENT_PATH`] with the fields `consent` and `decision`, which is `allow` or `deny`.
#[derive(Clone, Copy, Debug)]
pub struct ConsentPage<'p> {
    /// The name that the client gives itself, which is not verified.
    pub client_name: Option<&'p str>,
    /// The party that vouches for the client.
    pub client: ConsentClient<'p>,
    /// The host (`claude.ai`, `127.0.0.1:33418`) or the scheme (`cursor:`) that gets the access.
    pub redirect: &'p str,
    /// The place of that host or scheme.
    pub place: RedirectPlace,
    /// The name of the resource.
    pub resource_name: &'p str,
    /// The URI of the resource.
    pub resource: &'p str,
    /// The subject of the login, as in `X-Auth-Subject`.
    pub subject: &'p str,
    /// The tenant; `None` or empty if there is none.
    pub tenant: Option<&'p str>,
    /// The names of the policies.
    pub policies: &'p [&'p str],
    /// The opaque value that identifies the login and the authorization.
    pub consent: &'p str,
}

/// The party that vouches for the client of a [`ConsentPage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentClient<'p> {
    /// The website with the client's metadata document.
    Document {
        /// The host of the document.
        host: &'p str,
    },
    /// The administrator, who has set up the client.
    Configured {
        /// The client id.
        id: &'p str,
    },
    /// None: the client has registered itself.
    Registered,
}

/// The place that a client is redirected to with the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPlace {
    /// A website.
    Website,
    /// A program on the person's own computer.
    ThisComputer,
}

/// The client with a sentence about it.
struct ClientView<'p> {
    /// The part of the identity that is vouched for.
    identity: Option<Cow<'p, str>>,
    sentence: SentenceParts,
    /// The value in the sentence.
    value: Option<Cow<'p, str>>,
}

#[derive(Template)]
#[template(path = "login/consent.html", whitespace = "minimize")]
struct ConsentTemplate<'p> {
    language: Language,
    text: &'static ConsentText,
    action: &'static str,
    page: &'p ConsentPage<'p>,
    caution: Option<Explanation>,
    client: ClientView<'p>,
    tenant: Option<&'p str>,
    shown_policies: &'p [&'p str],
    more_policies: &'p [&'p str],
}

impl ConsentPage<'_> {
    /// Renders the page, with status 200.
    #[must_use]
    pub fn render(&self, language: Language) -> HtmlPage {
        let text = &PageText::of(language).consent;
        // A single policy more takes no more room than the line that unfolds it.
        let is_long = self.policies.len() > SHOWN_POLICIES + 1;
        let shown = if is_long { SHOWN_POLICIES } else { self.policies.len() };
        let (shown_policies, more_policies) = self.policies.split_at(shown);
        let template = ConsentTemplate {
            language,
            text,
            action: CONSENT_PATH,
            page: self,
            caution: self.caution(text),
            client: self.client_view(text),
            tenant: self.tenant.filter(|tenant| !tenant.is_empty()),
            shown_policies,
            more_policies,
        };
        HtmlPage::new(StatusCode::OK, language, &template)
    }

    fn caution(&self, text: &ConsentText) -> Option<Explanation> {
        let is_registered = self.client == ConsentClient::Registered;
        match self.place {
            RedirectPlace::Website => is_registered.then_some(text.unverified_on_website),
            RedirectPlace::ThisComputer if is_registered => Some(text.unverified_on_this_computer),
            RedirectPlace::ThisComputer => Some(text.this_computer),
        }
    }

    fn client_view(&self, text: &ConsentText) -> ClientView<'_> {
        let name = self.name();
        match self.client {
            ConsentClient::Document { host } => {
                let sentence = match name {
                    Some(_) => text.document_name,
                    None => SentenceParts::plain(text.document),
                };
                ClientView { identity: Some(host.into()), sentence, value: name }
            }
            ConsentClient::Configured { id } => match name {
                Some(_) => ClientView {
                    identity: name,
                    sentence: text.configured_id,
                    value: Some(id.into()),
                },
                None => ClientView {
                    identity: Some(id.into()),
                    sentence: SentenceParts::plain(text.configured),
                    value: None,
                },
            },
            ConsentClient::Registered => {
                let sentence = match name {
                    Some(_) => text.registered_name,
                    None => SentenceParts::plain(text.registered_without_name),
                };
                ClientView { identity: None, sentence, value: name }
            }
        }
    }

    /// Returns the name of the client, unless there is nothing in it to read.
    fn name(&self) -> Option<Cow<'_, str>> {
        let name = self.client_name?.trim();
        name.contains(char::is_alphanumeric).then(|| shortened(name))
    }
}
