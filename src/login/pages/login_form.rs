use std::{borrow::Cow, time::Duration};

use askama::Template;
use http::StatusCode;

use super::{
    HtmlPage, LOGIN_PATH, Language, LoginTarget,
    text::{LoginText, NoticeText, PageText},
};
use crate::login::{BrowserLoginKind, BrowserLoginMethod};

/// The login form, with all login methods. It is sent to [`LOGIN_PATH`] with the fields `method` (the
/// index), `name`, `password` and, if given, `to` and `browser`, or `authorization`.
#[derive(Clone, Copy, Debug)]
pub struct LoginForm<'p> {
    /// The status of the response.
    pub status: StatusCode,
    /// The login methods, in the order in which they are shown.
    pub methods: &'p [BrowserLoginMethod],
    /// The index of the method that was chosen before.
    pub method: Option<usize>,
    /// The page and the browser, or the authorization, that the login is for.
    pub target: LoginTarget<'p>,
    /// The user name that was entered before; empty at first.
    pub name: &'p str,
    /// The message about the step before.
    pub message: Option<LoginMessage>,
    /// The request id, which is shown if the administrator can look up the cause of the message.
    pub request_id: Option<&'p str>,
}

/// A message about a login that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMessage {
    /// The user is unknown, locked or disabled, or the password is wrong: one text for all.
    WrongCredentials,
    /// A code of a further factor is wrong.
    WrongCode,
    /// There were too many failures; the next attempt is possible after this time.
    TooManyAttempts(Duration),
    /// Vault is unavailable.
    VaultUnavailable,
    /// The login took too long or was completed before.
    Expired,
    /// The `OpenID` provider did not confirm the login.
    Cancelled,
    /// The login method is not set up correctly, or yields a token that cannot be a session.
    NotUsable,
    /// The form was sent from another origin.
    CrossSite,
}

/// A message in the language of the page.
pub(super) struct MessageView {
    pub(super) class: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Cow<'static, str>,
    /// True if a value that was entered is wrong.
    pub(super) is_about_input: bool,
}

/// A login method with a password.
struct PasswordOption<'p> {
    index: usize,
    mount: &'p str,
    hint: &'static str,
    is_selected: bool,
}

/// A login method at an `OpenID` provider.
struct ProviderLink<'p> {
    url: String,
    /// The name of the mount, and the role if another method has the same mount; `None` for the
    /// default mount.
    name: Option<Cow<'p, str>>,
}

#[derive(Template)]
#[template(path = "login/form.html", whitespace = "minimize")]
struct LoginFormTemplate<'p> {
    language: Language,
    text: &'static LoginText,
    notice: &'static NoticeText,
    action: &'static str,
    form: &'p LoginForm<'p>,
    message: Option<MessageView>,
    passwords: Vec<PasswordOption<'p>>,
    providers: Vec<ProviderLink<'p>>,
}

impl LoginForm<'_> {
    /// Renders the page.
    #[must_use]
    pub fn render(&self, language: Language) -> HtmlPage {
        let text = PageText::of(language);
        let template = LoginFormTemplate {
            language,
            text: &text.login,
            notice: &text.notice,
            action: LOGIN_PATH,
            form: self,
            message: self.message.map(|message| message.view(&text.login)),
            passwords: self.passwords(&text.login),
            providers: self.providers(),
        };
        HtmlPage::new(self.status, language, &template)
    }

    fn passwords(&self, text: &LoginText) -> Vec<PasswordOption<'_>> {
        let mut options: Vec<_> = self
            .methods
            .iter()
            .enumerate()
            .filter_map(|(index, method)| {
                let hint = match method.kind {
                    BrowserLoginKind::Userpass => text.userpass,
                    BrowserLoginKind::Ldap => text.ldap,
                    BrowserLoginKind::Oidc => return None,
                };
                let is_selected = self.method == Some(index);
                Some(PasswordOption { index, mount: &method.mount, hint, is_selected })
            })
            .collect();
        if !options.iter().any(|option| option.is_selected)
            && let Some(first) = options.first_mut()
        {
            first.is_selected = true;
        }
        options
    }

    fn providers(&self) -> Vec<ProviderLink<'_>> {
        let is_provider = |method: &BrowserLoginMethod| method.kind == BrowserLoginKind::Oidc;
        let providers = self.methods.iter().enumerate().filter(|(_, method)| is_provider(method));
        providers
            .map(|(index, method)| ProviderLink {
                url: self.target.login_url(Some(index)),
                name: self.provider_name(method),
            })
            .collect()
    }

    fn provider_name<'m>(&self, method: &'m BrowserLoginMethod) -> Option<Cow<'m, str>> {
        let same_mount = |other: &&BrowserLoginMethod| other.mount == method.mount;
        let is_only = self.methods.iter().filter(same_mount).count() == 1;
        match &method.role {
            Some(role) if !is_only => Some(format!("{} ({role})", method.mount).into()),
            _ if is_only && method.mount == method.kind.name() => None,
            _ => Some(method.mount.as_str().into()),
        }
    }
}

impl LoginFormTemplate<'_> {
    /// Returns true if the message is about the name and the password.
    fn is_invalid(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.is_about_input)
    }
}

impl LoginMessage {
    /// Returns the message in the language of these texts.
    pub(super) fn view(self, text: &LoginText) -> MessageView {
        let explanation = match self {
            Self::WrongCredentials => text.wrong_credentials,
            Self::WrongCode => text.wrong_code,
            Self::VaultUnavailable => text.vault_unavailable,
            Self::Expired => text.expired,
            Self::Cancelled => text.cancelled,
            Self::NotUsable => text.not_usable,
            Self::CrossSite => text.cross_site,
            Self::TooManyAttempts(wait) => {
                let body = wait_text(wait, text);
                let title = text.too_many_attempts;
                return MessageView { class: "message error", title, body, is_about_input: false };
            }
        };
        let class = match self {
            Self::Expired | Self::Cancelled => "message",
            _ => "message error",
        };
        MessageView {
            class,
            title: explanation.title,
            body: explanation.body.into(),
            is_about_input: matches!(self, Self::WrongCredentials | Self::WrongCode),
        }
    }
}

/// Returns how long to wait, in whole minutes, rounded up.
fn wait_text(wait: Duration, text: &LoginText) -> Cow<'static, str> {
    let minutes = wait.as_millis().div_ceil(60_000);
    if minutes <= 1 {
        return text.wait_one_minute.into();
    }
    format!("{}{minutes}{}", text.wait_minutes.before, text.wait_minutes.after).into()
}
