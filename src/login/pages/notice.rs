use std::borrow::Cow;

use askama::Template;
use http::StatusCode;

use super::{
    HtmlPage, LOGOUT_PATH, Language, links,
    text::{AuthorizationProblemText, Explanation, NoticeText, PageText, SentenceParts},
};

/// A page that says one thing, with links or a button.
#[derive(Clone, Copy, Debug)]
pub struct NoticePage<'p> {
    /// The status of the response.
    pub status: StatusCode,
    /// The content.
    pub notice: Notice<'p>,
    /// The request id, for the administrator.
    pub request_id: Option<&'p str>,
}

/// The content of a [`NoticePage`]. A link to an address that is neither a path nor `http` or `https` is
/// left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'p> {
    /// There is no session.
    NotLoggedIn {
        /// The address of the login form.
        log_in: Option<&'p str>,
    },
    /// The session was ended.
    LoggedOut {
        /// The address of the login form, or of the application.
        log_in: Option<&'p str>,
    },
    /// The session could not be ended, since Vault is unavailable. The button tries again.
    LogoutFailed,
    /// A login cannot return to this address: the host is not a guarded one, or the scheme is not
    /// `https`.
    ReturnRefused {
        /// The host or the address.
        host: Option<&'p str>,
    },
    /// The request came by `http`, and not from this machine.
    InsecureConnection {
        /// The host, for a link with `https`.
        host: &'p str,
    },
    /// The ticket of a login was used before or has expired.
    TicketInvalid {
        /// The address that starts the login again.
        log_in: Option<&'p str>,
    },
    /// The browser was redirected too often: it does not send the session cookie.
    SessionNotKept {
        /// The host that has set the cookie.
        host: &'p str,
        /// The address to open again.
        again: Option<&'p str>,
        /// The address of the account page of that host.
        account: Option<&'p str>,
    },
    /// Vault is unavailable.
    VaultUnavailable {
        /// The address to open again.
        again: Option<&'p str>,
    },
    /// The session had ended when a form was sent, which was not passed on.
    SessionEnded {
        /// The address of the page with the form, or of the application.
        again: Option<&'p str>,
    },
    /// The request came from another site.
    CrossSite {
        /// The address to open instead.
        again: Option<&'p str>,
    },
    /// The request for an authorization was refused, without a redirect to the client.
    AuthorizationRefused {
        /// The reason.
        reason: AuthorizationProblem,
    },
}

/// The reason why a request for an authorization was refused without a redirect to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationProblem {
    /// The client id is none that is known here.
    UnknownClient,
    /// The metadata document of the client cannot be fetched. The page offers to try again.
    ClientUnavailable,
    /// The address of the person has started too many authorizations.
    TooManyRequests,
    /// The redirect address is not one of the client's.
    RedirectRefused,
    /// A parameter of the request is missing or malformed.
    InvalidRequest,
    /// The authorization took too long or was completed before.
    Expired,
}

/// A part of a page: a sentence with a value in it, or without one.
pub(super) struct ParagraphView<'p> {
    pub(super) parts: SentenceParts,
    pub(super) value: Option<&'p str>,
}

/// A link or a button of a page.
pub(super) struct ActionView<'p> {
    /// The address of the link; `None` for the button that logs out.
    pub(super) address: Option<Cow<'p, str>>,
    pub(super) label: &'static str,
    pub(super) class: &'static str,
    /// The host after the label.
    pub(super) host: Option<&'p str>,
}

#[derive(Template)]
#[template(path = "login/notice.html", whitespace = "minimize")]
pub(super) struct NoticeTemplate<'p> {
    pub(super) language: Language,
    pub(super) text: &'static NoticeText,
    pub(super) logout_path: &'static str,
    pub(super) title: &'static str,
    pub(super) paragraphs: Vec<ParagraphView<'p>>,
    pub(super) actions: Vec<ActionView<'p>>,
    pub(super) code: Option<&'p str>,
    pub(super) request_id: Option<&'p str>,
}

impl NoticePage<'_> {
    /// Renders the page.
    #[must_use]
    pub fn render(&self, language: Language) -> HtmlPage {
        let text = &PageText::of(language).notice;
        let explanation = self.notice.explanation(text);
        let first = self.notice.sentence_with_host(text);
        let template = NoticeTemplate {
            language,
            text,
            logout_path: LOGOUT_PATH,
            title: explanation.title,
            paragraphs: first.into_iter().chain([ParagraphView::plain(explanation.body)]).collect(),
            actions: self.notice.actions(text),
            code: None,
            request_id: self.request_id,
        };
        HtmlPage::new(self.status, language, &template)
    }
}

impl<'p> Notice<'p> {
    fn explanation(self, text: &NoticeText) -> Explanation {
        match self {
            Self::NotLoggedIn { .. } => text.not_logged_in,
            Self::LoggedOut { .. } => text.logged_out,
            Self::LogoutFailed => text.logout_failed,
            Self::ReturnRefused { .. } => text.return_refused,
            Self::InsecureConnection { .. } => text.insecure,
            Self::TicketInvalid { .. } => text.ticket_invalid,
            Self::SessionNotKept { .. } => text.session_not_kept,
            Self::VaultUnavailable { .. } => text.vault_unavailable,
            Self::SessionEnded { .. } => text.session_ended,
            Self::CrossSite { .. } => text.cross_site,
            Self::AuthorizationRefused { reason } => reason.explanation(&text.authorization),
        }
    }

    fn sentence_with_host(self, text: &NoticeText) -> Option<ParagraphView<'p>> {
        let (parts, host) = match self {
            Self::ReturnRefused { host } => (text.return_refused_host, host?),
            Self::SessionNotKept { host, .. } => (text.session_not_kept_host, host),
            _ => return None,
        };
        Some(ParagraphView { parts, value: Some(host) })
    }

    fn actions(self, text: &NoticeText) -> Vec<ActionView<'p>> {
        let link = ActionView::link;
        let actions = match self {
            Self::NotLoggedIn { log_in } => [link(text.log_in, log_in), None],
            Self::LoggedOut { log_in } | Self::TicketInvalid { log_in } => {
                [link(text.log_in_again, log_in), None]
            }
            Self::LogoutFailed => [Some(ActionView::log_out(text.log_out)), None],
            Self::ReturnRefused { .. } => [None, None],
            Self::InsecureConnection { host } => [ActionView::https(text.open_https, host), None],
            Self::SessionNotKept { again, account, .. } => {
                let log_out = link(text.log_out, account).map(ActionView::secondary);
                [link(text.try_again, again), log_out]
            }
            Self::VaultUnavailable { again } => [link(text.try_again, again), None],
            Self::SessionEnded { again } | Self::CrossSite { again } => {
                [link(text.open_again, again), None]
            }
            Self::AuthorizationRefused { reason } => {
                let can_retry = reason == AuthorizationProblem::ClientUnavailable;
                [can_retry.then(|| ActionView::reload(text.try_again)), None]
            }
        };
        actions.into_iter().flatten().collect()
    }
}

impl AuthorizationProblem {
    fn explanation(self, text: &AuthorizationProblemText) -> Explanation {
        match self {
            Self::UnknownClient => text.unknown_client,
            Self::ClientUnavailable => text.client_unavailable,
            Self::TooManyRequests => text.too_many_requests,
            Self::RedirectRefused => text.redirect_refused,
            Self::InvalidRequest => text.invalid_request,
            Self::Expired => text.expired,
        }
    }
}

impl ParagraphView<'_> {
    pub(super) fn plain(text: &'static str) -> Self {
        Self { parts: SentenceParts::plain(text), value: None }
    }
}

impl<'p> ActionView<'p> {
    /// Returns a link, if there is an address that may be linked.
    pub(super) fn link(label: &'static str, address: Option<&'p str>) -> Option<Self> {
        let address = address.and_then(links::link_address)?;
        Some(Self { address: Some(address.into()), ..Self::log_out(label) })
    }

    /// Returns a link to the same address, which the browser opens with `GET`.
    pub(super) fn reload(label: &'static str) -> Self {
        Self { address: Some("".into()), ..Self::log_out(label) }
    }

    fn log_out(label: &'static str) -> Self {
        Self { address: None, label, class: "button primary", host: None }
    }

    /// Returns the same link or button, less prominent.
    pub(super) fn secondary(self) -> Self {
        Self { class: "button", ..self }
    }

    fn https(label: &'static str, host: &'p str) -> Option<Self> {
        let address = format!("https://{host}/");
        links::link_address(&address)?;
        Some(Self { address: Some(address.into()), host: Some(host), ..Self::log_out(label) })
    }
}
