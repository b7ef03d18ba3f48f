//! The HTML pages of the browser login, in English and Spanish. They have no scripts and load
//! nothing. This module only renders: it knows neither requests nor Vault.

mod account;
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
pub use html_page::HtmlPage;
pub use language::Language;
pub use links::{ACCOUNT_PATH, LOGIN_PATH, LOGOUT_PATH, LoginTarget};
pub use login_form::{LoginForm, LoginMessage};
pub use mfa_form::MfaForm;
pub use notice::{Notice, NoticePage};
pub use refusal_page::RefusalPage;
pub use style::content_security_policy;
