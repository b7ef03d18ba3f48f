use serde::Deserialize;

use crate::probe::ProbeResponse;

/// The members of the validator's problem documents (RFC 9457) that diagnostics use.
#[derive(Deserialize)]
pub(super) struct ProblemDocument {
    r#type: String,
    pub(super) code: String,
    /// Never read, but a problem document of the validator always has it.
    #[expect(dead_code, reason = "its presence is part of what identifies a document")]
    request_id: String,
}

impl ProblemDocument {
    /// Parses a response; `None` if it is not a problem document of the validator.
    pub(super) fn parse(response: &ProbeResponse) -> Option<Self> {
        let problem: Self = serde_json::from_slice(&response.body).ok()?;
        problem.r#type.starts_with("urn:vault-auth-validator:").then_some(problem)
    }
}

/// Describes a response by its status and, for one of the validator, its code.
pub(super) fn describe(response: &ProbeResponse) -> String {
    match ProblemDocument::parse(response) {
        Some(problem) => format!("{} {} from the validator", response.status, problem.code),
        None => response.status.to_string(),
    }
}
