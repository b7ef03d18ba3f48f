use askama::Template;
use http::StatusCode;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    HtmlPage, LOGOUT_PATH, Language, links,
    text::{AccountText, PageText},
};

/// The page that shows who is logged in, with a button that logs out.
#[derive(Clone, Copy, Debug)]
pub struct AccountPage<'p> {
    /// The host that holds the session.
    pub host: &'p str,
    /// The subject, as in `X-Auth-Subject`.
    pub subject: &'p str,
    /// The tenant; `None` or empty if there is none.
    pub tenant: Option<&'p str>,
    /// The names of the policies.
    pub policies: &'p [&'p str],
    /// The end of the session (RFC 3339); `None` or empty if the token does not expire.
    pub expires: Option<&'p str>,
    /// The address of the application on this host, for a link to it.
    pub application: Option<&'p str>,
}

#[derive(Template)]
#[template(path = "login/account.html", whitespace = "minimize")]
struct AccountTemplate<'p> {
    language: Language,
    text: &'static AccountText,
    action: &'static str,
    account: &'p AccountPage<'p>,
    tenant: Option<&'p str>,
    /// The end of the session, as given and as people read it.
    expires: Option<(&'p str, String)>,
    application: Option<&'p str>,
}

impl AccountPage<'_> {
    /// Renders the page, with status 200.
    #[must_use]
    pub fn render(&self, language: Language) -> HtmlPage {
        let text = &PageText::of(language).account;
        let expires = self.expires.filter(|time| !time.is_empty());
        let template = AccountTemplate {
            language,
            text,
            action: LOGOUT_PATH,
            account: self,
            tenant: self.tenant.filter(|tenant| !tenant.is_empty()),
            expires: expires.map(|time| (time, readable_time(time, text))),
            application: self.application.and_then(links::link_address),
        };
        HtmlPage::new(StatusCode::OK, language, &template)
    }
}

/// Returns a time (RFC 3339) as `28 November 2026, 09:30 UTC`, and anything else as it is.
fn readable_time(time: &str, text: &AccountText) -> String {
    let Ok(timestamp) = time.parse::<Timestamp>() else { return time.to_owned() };
    let time = timestamp.to_zoned(TimeZone::UTC);
    let month = usize::try_from(time.month()).ok().and_then(|month| month.checked_sub(1));
    let month = month.and_then(|index| text.months.get(index)).copied().unwrap_or_default();
    format!(
        "{}{separator}{month}{separator}{}, {:02}:{:02} UTC",
        time.day(),
        time.year(),
        time.hour(),
        time.minute(),
        separator = text.date_separator,
    )
}
