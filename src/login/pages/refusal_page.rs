use http::StatusCode;

use super::{
    HtmlPage, LOGOUT_PATH, Language,
    notice::{ActionView, NoticeTemplate, ParagraphView},
    text::{NoticeText, PageText},
};

/// The page that explains a refusal of `/validate` to a person.
#[derive(Clone, Copy, Debug)]
pub struct RefusalPage<'p> {
    /// The status of the response.
    pub status: StatusCode,
    /// The code of the refusal; an unknown one gets a general explanation.
    pub code: &'p str,
    /// The request id, for the administrator.
    pub request_id: &'p str,
    /// The address of the login form, for a link; `None` without browser logins.
    pub log_in: Option<&'p str>,
    /// The address of the account page, for a link if the status is 403 or the credentials conflict;
    /// `None` without browser logins.
    pub account: Option<&'p str>,
}

impl RefusalPage<'_> {
    /// Renders the page.
    #[must_use]
    pub fn render(&self, language: Language) -> HtmlPage {
        let text = PageText::of(language);
        let explanation = text.refusal.explanation(self.code);
        let template = NoticeTemplate {
            language,
            text: &text.notice,
            logout_path: LOGOUT_PATH,
            title: explanation.title,
            paragraphs: vec![ParagraphView::plain(explanation.body)],
            actions: self.actions(&text.notice),
            code: Some(self.code),
            request_id: Some(self.request_id),
        };
        HtmlPage::new(self.status, language, &template)
    }

    fn actions(&self, text: &NoticeText) -> Vec<ActionView<'_>> {
        let has_session =
            self.status == StatusCode::FORBIDDEN || self.code == "credential_conflict";
        let can_retry = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let log_in = ActionView::link(text.log_in, self.log_in);
        let account = self.account.filter(|_| has_session);
        let account = ActionView::link(text.account, account).map(ActionView::secondary);
        let reload = can_retry.then(|| ActionView::reload(text.try_again));
        [reload, log_in, account].into_iter().flatten().collect()
    }
}
