use askama::Template;
use http::StatusCode;

use super::{
    HtmlPage, LOGIN_PATH, Language, LoginMessage, LoginTarget,
    login_form::MessageView,
    text::{LoginText, PageText},
};

/// The form for the codes of further factors. It is sent to [`LOGIN_PATH`] with the field `pending` and
/// a field `code` for each code, in their order.
#[derive(Clone, Copy, Debug)]
pub struct MfaForm<'p> {
    /// The status of the response.
    pub status: StatusCode,
    /// The opaque value that identifies the login.
    pub pending: &'p str,
    /// The number of codes; 0 is taken as 1.
    pub codes: usize,
    /// The page and the browser, or the authorization, that the login is for, to show it and to start
    /// again.
    pub target: LoginTarget<'p>,
    /// The message about the step before.
    pub message: Option<LoginMessage>,
}

#[derive(Template)]
#[template(path = "login/mfa.html", whitespace = "minimize")]
struct MfaFormTemplate<'p> {
    language: Language,
    text: &'static LoginText,
    action: &'static str,
    form: &'p MfaForm<'p>,
    message: Option<MessageView>,
    start_url: String,
}

impl MfaForm<'_> {
    /// Renders the page.
    #[must_use]
    pub fn render(&self, language: Language) -> HtmlPage {
        let text = &PageText::of(language).login;
        let template = MfaFormTemplate {
            language,
            text,
            action: LOGIN_PATH,
            form: self,
            message: self.message.map(|message| message.view(text)),
            start_url: self.target.login_url(None),
        };
        HtmlPage::new(self.status, language, &template)
    }
}

impl MfaFormTemplate<'_> {
    /// Returns the numbers of the codes, from 1.
    fn numbers(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.form.codes.max(1)
    }

    /// Returns true if the message is about the codes.
    fn is_invalid(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.is_about_input)
    }
}
