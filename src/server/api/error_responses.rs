//! The error responses of the API's operations in the `OpenAPI` document.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        Content, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder,
        schema::{ObjectBuilder, Type},
    },
};

/// The body of every error response (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body that `server::problem` writes")]
pub(super) struct Problem {
    /// `urn:vault-auth-validator:` and the code.
    r#type: String,
    /// A description of the problem, the same for all problems with this code.
    title: String,
    /// The status of the response.
    status: u16,
    /// The code of the problem, for programs.
    code: String,
    /// More about what is wrong with the request, if available.
    detail: Option<String>,
    /// The id of the request, which is also in the service's log.
    request_id: String,
}

/// The errors that every operation may return.
pub(super) struct CommonErrors;

impl IntoResponses for CommonErrors {
    fn responses() -> Responses {
        problems(&[
            (
                400,
                "The request is invalid: `request_invalid`, `name_invalid`, \
                   `query_invalid`, `precondition_invalid`, `body_malformed`",
            ),
            (
                401,
                "There is no valid token: `credential_missing`, `credential_malformed`, \
                   `credential_conflict`, `token_invalid`",
            ),
            (
                403,
                "Vault does not grant the token this: `acl_denied`; or the token cannot be used \
                   here: `token_not_allowed`, `address_not_allowed`",
            ),
            (429, "Too many tokens from this address were rejected: `too_many_failures`"),
            (500, "The service failed: `internal_error`"),
            (
                503,
                "No decision from Vault was available: `vault_unavailable`, `vault_sealed`, \
                   `vault_throttled`, `not_ready`, `overloaded`",
            ),
        ])
    }
}

/// The errors of operations on an existing secret.
pub(super) struct NotFoundErrors;

impl IntoResponses for NotFoundErrors {
    fn responses() -> Responses {
        problems(&[
            (
                404,
                "Not found: `secret_not_found`, `version_not_found`, \
                   `secret_deleted`, `secret_destroyed`, `field_not_found`, `key_missing`",
            ),
            (
                409,
                "The stored secret cannot be used: `secret_unreadable`, `key_unfit`, \
                   `mount_unfit`; or the path is ambiguous: `name_ambiguous`",
            ),
        ])
    }
}

/// The errors of operations that read.
pub(super) struct ReadErrors;

impl IntoResponses for ReadErrors {
    fn responses() -> Responses {
        problems(&[(422, "A value cannot be represented in the format: `value_inexpressible`")])
    }
}

/// The errors of operations that write.
pub(super) struct WriteErrors;

impl IntoResponses for WriteErrors {
    fn responses() -> Responses {
        problems(&[
            (408, "The body did not arrive in time: `body_timeout`"),
            (412, "The secret does not match the precondition: `version_conflict`"),
            (413, "The body or the secret is too large: `body_too_large`, `secret_too_large`"),
            (415, "The body is not JSON: `media_type_unsupported`"),
            (422, "The body is not a valid write: `body_invalid`"),
        ])
    }
}

/// Returns the additional header of error responses with this status, and its description.
fn extra_header(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 | 403 => Some(("WWW-Authenticate", "The challenge (RFC 6750)")),
        429 | 503 => Some(("Retry-After", "The seconds to wait before a retry")),
        _ => None,
    }
}

type Responses = BTreeMap<String, RefOr<Response>>;

fn problems(problems: &[(u16, &str)]) -> Responses {
    let describe = |(status, description): &(u16, &str)| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let mut response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", content);
        if let Some((name, description)) = extra_header(*status) {
            let schema = ObjectBuilder::new().schema_type(Type::String).build();
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description));
            response = response.header(name, header.build());
        }
        (status.to_string(), RefOr::T(response.build()))
    };
    problems.iter().map(describe).collect()
}
