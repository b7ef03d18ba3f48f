//! The texts of the pages. Each table has a constant for each language.

mod account;
mod consent;
mod login;
mod notice;
mod refusal;

pub(super) use account::AccountText;
pub(super) use consent::ConsentText;
pub(super) use login::LoginText;
pub(super) use notice::{AuthorizationProblemText, NoticeText};
pub(super) use refusal::RefusalText;

use super::language::Language;

/// All texts in one language.
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct PageText {
    pub(super) login: LoginText,
    pub(super) account: AccountText,
    pub(super) consent: ConsentText,
    pub(super) notice: NoticeText,
    pub(super) refusal: RefusalText,
}

/// A title and a text that says what to do.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Explanation {
    pub(super) title: &'static str,
    pub(super) body: &'static str,
}

/// The parts of a sentence before and after a value.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct SentenceParts {
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

/// The parts of a sentence before, between and after two values.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct TwoValueSentence {
    pub(super) before: &'static str,
    pub(super) between: &'static str,
    pub(super) after: &'static str,
}

impl SentenceParts {
    /// Creates a sentence without a value.
    pub(super) const fn plain(text: &'static str) -> Self {
        Self { before: text, after: "" }
    }
}

impl PageText {
    /// Returns the texts in a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Spanish => &SPANISH,
        }
    }
}

static ENGLISH: PageText = PageText {
    login: login::ENGLISH,
    account: account::ENGLISH,
    consent: consent::ENGLISH,
    notice: notice::ENGLISH,
    refusal: refusal::ENGLISH,
};

static SPANISH: PageText = PageText {
    login: login::SPANISH,
    account: account::SPANISH,
    consent: consent::SPANISH,
    notice: notice::SPANISH,
    refusal: refusal::SPANISH,
};
