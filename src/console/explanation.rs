use std::borrow::Cow;

use askama::Template;
use http::StatusCode;

use super::text::ConsoleText;
use crate::{
    auth::{AuthCheck, DecisionExplanation, ProblemSpec, Refusal},
    login::pages::Language,
    token::TokenEntry,
};

/// The answer to a request to explain a decision, as an HTML document. The console shows its content.
pub enum ExplanationPage<'e> {
    /// The explained decision.
    Decision(&'e DecisionExplanation),
    /// The reason why the token cannot be looked up.
    Unknown(&'e Refusal),
    /// There is no explanation.
    Problem(ExplainProblem),
}

/// A reason why a decision is not explained.
#[derive(Clone, Debug)]
pub enum ExplainProblem {
    /// The requirements are invalid, for this reason.
    Requirements(String),
    /// The method or the path has other characters than visible ASCII.
    Request,
    /// The client's address is none.
    Client,
    /// It is a credential of this service's OAuth endpoints, which only the command can explain.
    OAuthCredential,
    /// Too many decisions were explained.
    TooMany,
}

#[derive(Template)]
#[template(path = "console/explanation.html", whitespace = "minimize")]
struct ExplanationTemplate<'e> {
    language: Language,
    text: &'static ConsoleText,
    verdict: Verdict,
    caller: Option<ExplainedCaller<'e>>,
    checks: &'e [AuthCheck],
}

/// The result at the top.
struct Verdict {
    class: &'static str,
    title: String,
    /// Text in English.
    detail: Option<String>,
}

/// The caller, if the token is valid.
struct ExplainedCaller<'e> {
    rows: Vec<(&'static str, String)>,
    policies: Vec<Cow<'e, str>>,
}

impl ExplanationPage<'_> {
    /// Returns the HTML document.
    #[must_use]
    pub fn render(&self, language: Language) -> String {
        let text = ConsoleText::of(language);
        let (verdict, caller, checks) = match self {
            Self::Decision(explanation) => {
                let caller = explanation.entry.as_deref().map(|entry| caller(entry, text));
                (verdict(explanation, text), caller, explanation.checks.as_slice())
            }
            Self::Unknown(refusal) => (refused(refusal, text.unknown), None, [].as_slice()),
            Self::Problem(problem) => (problem.verdict(text), None, [].as_slice()),
        };
        let page = ExplanationTemplate { language, text, verdict, caller, checks }.render();
        // Rendering fails only if a value cannot be formatted, and all of these can.
        page.unwrap_or_else(|error| format!("cannot render the page: {error}"))
    }
}

fn verdict(explanation: &DecisionExplanation, text: &ConsoleText) -> Verdict {
    match &explanation.outcome {
        Ok(()) => Verdict { class: "good", title: format!("{}: 200", text.allowed), detail: None },
        Err(refusal) => refused(refusal, text.denied),
    }
}

fn refused(refusal: &Refusal, name: &str) -> Verdict {
    let ProblemSpec { status, code, title, .. } = refusal.problem_spec();
    let detail = match refusal.detail() {
        Some(detail) => format!("{title}: {detail}"),
        None => title.to_owned(),
    };
    let title = format!("{name}: {} {code}", status.as_u16());
    Verdict { class: "bad", title, detail: Some(detail) }
}

fn caller<'e>(entry: &'e TokenEntry, text: &ConsoleText) -> ExplainedCaller<'e> {
    let identity = &entry.identity;
    let rows = [
        (text.subject, identity.subject().map(Cow::into_owned)),
        (text.entity, identity.entity_id().map(Cow::into_owned)),
        (text.tenant, identity.tenant().map(Cow::into_owned)),
        (text.token_type, Some(identity.token_type().as_str().to_owned())),
        (text.expires, identity.expires().map(Cow::into_owned)),
    ];
    ExplainedCaller {
        rows: rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        policies: identity.policies().collect(),
    }
}

impl ExplainProblem {
    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn verdict(&self, text: &ConsoleText) -> Verdict {
        let (title, detail) = match self {
            Self::Requirements(reason) => (text.requirements_invalid, Some(reason.clone())),
            Self::Request => (text.request_invalid, None),
            Self::Client => (text.client_invalid, None),
            Self::OAuthCredential => (text.oauth_credential, None),
            Self::TooMany => (text.too_many, None),
        };
        Verdict { class: "caution", title: title.to_owned(), detail }
    }
}
