//! The HTML pages of the browser login and of OAuth authorizations, in English and Spanish. They have
//! no scripts and load nothing. This module only renders: it knows neither requests nor Vault.

mod account;
mod consent;
mod html_page;
mod language;
mod links;
mod login_form;
mod mfa_form;
mod notice;
mod refusal_page;
mod style;
#[cfg(test)]
mod tests;
mod text;

pub use account::AccountPage;
pub use consent::{ConsentClient, ConsentPage, RedirectPlace};
pub use html_page::HtmlPage;
pub use language::Language;
pub use links::{
    ACCOUNT_PATH, AuthorizationTarget, CONSENT_PATH, LOGIN_PATH, LOGOUT_PATH, LoginTarget,
};
pub use login_form::{LoginForm, LoginMessage};
pub use mfa_form::MfaForm;
pub use notice::{AuthorizationProblem, Notice, NoticePage};
pub use refusal_page::RefusalPage;
pub use style::content_security_policy;
