//! What the API is, in the words of OpenAPI 3.1, made from the code.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use utoipa::{
    IntoResponses, Modify, OpenApi, ToSchema,
    openapi::{
        Content, HeaderBuilder, OpenApi as Document, PathItem, Ref, RefOr, ResponseBuilder, Schema,
        path::Parameter,
        response::Response as Described,
        schema::{ObjectBuilder, SchemaType, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// Where it is served.
pub(super) const DOCUMENT: &str = "/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "vault-auth-validator",
        description = "The secrets of the caller's tenant, and what is known of the caller. Vault \
                       decides on each call by the caller's own token.",
    ),
    paths(
        super::about,
        super::whoami::whoami,
        super::list::list,
        super::secrets::read,
        super::secrets::write,
        super::secrets::patch,
        super::secrets::delete,
        super::versions::list,
        super::versions::undelete,
    ),
    components(schemas(Problem)),
    security(("bearer" = []), ("vault_token" = [])),
    modifiers(&Credentials, &Presence, &LongNames),
)]
struct Api;

/// Every answer that is not what was asked for (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `problem` writes")]
pub(super) struct Problem {
    /// `urn:vault-auth-validator:` and the code.
    r#type: String,
    /// The problem for people; the same for all problems with this code.
    title: String,
    /// The status of the response.
    status: u16,
    /// The name by which programs know the problem.
    code: String,
    /// What is wrong with the request, if there is more to say.
    detail: Option<String>,
    /// Also in the service's log.
    request_id: String,
}

/// The document.
pub(super) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(Api::openapi);
    &DOCUMENT
}

/// Serves it. All responses share the one copy in memory.
pub(super) async fn serve() -> Response<Body> {
    static JSON: LazyLock<Bytes> =
        LazyLock::new(|| document().to_json().unwrap_or_default().into());
    ([(CONTENT_TYPE, super::answer::JSON)], JSON.clone()).into_response()
}

/// How a caller may show a token.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, api: &mut Document) {
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let header = ApiKey::Header(ApiKeyValue::new("X-Vault-Token"));
        components.add_security_scheme("vault_token", SecurityScheme::ApiKey(header));
    }
}

/// A parameter that is not needed may be left out, which utoipa takes for leave to be null.
struct Presence;

impl Modify for Presence {
    fn modify(&self, api: &mut Document) {
        let items = api.paths.paths.values_mut();
        let operations = items.flat_map(|item| {
            let PathItem { get, put, post, patch, delete, .. } = item;
            [get, put, post, patch, delete].into_iter().flatten()
        });
        for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten())
        {
            if let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(object))), .. }) =
                parameter
                && let SchemaType::Array(types) = &object.schema_type
                && let [of, Type::Null] = &types[..]
            {
                object.schema_type = of.clone().into();
            }
        }
    }
}

/// A path of OpenAPI has no room for a name of several parts, so there is one for each number.
struct LongNames;

impl Modify for LongNames {
    fn modify(&self, api: &mut Document) {
        const FOLDERS: [&str; 3] = ["folder", "subfolder", "subsubfolder"];
        let named = api.paths.paths.iter().filter(|(path, _)| path.contains("/{name}"));
        let named: Vec<_> = named.map(|(path, item)| (path.clone(), item.clone())).collect();
        for (short, item) in named {
            for depth in 1..=FOLDERS.len() {
                let folders = &FOLDERS[..depth];
                let long = format!("{{{}}}/{{name}}", folders.join("}/{"));
                let path = short.replace("{name}", &long);
                api.paths.paths.insert(path, below(item.clone(), folders));
            }
        }
    }
}

/// The same within these folders.
fn below(mut item: PathItem, folders: &[&str]) -> PathItem {
    let PathItem { get, put, post, patch, delete, .. } = &mut item;
    for operation in [get, put, post, patch, delete].into_iter().flatten() {
        if let Some(id) = &mut operation.operation_id {
            *id = format!("{id}_in_{}", folders[folders.len() - 1]);
        }
        let parameters = operation.parameters.get_or_insert_default();
        let name = parameters.iter().find_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.name == "name" => Some(parameter.clone()),
            _ => None,
        });
        parameters.extend(folders.iter().filter_map(|folder| {
            let mut parameter = name.clone()?;
            (*folder).clone_into(&mut parameter.name);
            Some(RefOr::T(parameter))
        }));
    }
    item
}

/// Problems that any call may meet.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Responses {
        problems(&[
            (
                400,
                "The request is not understood: `request_invalid`, `name_invalid`, \
                   `query_invalid`, `precondition_invalid`, `body_malformed`",
            ),
            (
                401,
                "There is no valid token: `credential_missing`, `credential_malformed`, \
                   `credential_conflict`, `token_invalid`",
            ),
            (
                403,
                "Vault does not grant the token this: `acl_denied`; or it cannot be used here: \
                   `token_not_allowed`, `address_not_allowed`",
            ),
            (429, "Too many tokens from this address were refused: `too_many_failures`"),
            (500, "The service failed: `internal_error`"),
            (
                503,
                "Vault's word could not be had: `vault_unavailable`, `vault_sealed`, \
                   `vault_throttled`, `not_ready`, `overloaded`",
            ),
        ])
    }
}

/// Problems with what is there.
pub(super) struct Unfound;

impl IntoResponses for Unfound {
    fn responses() -> Responses {
        problems(&[
            (
                404,
                "There is nothing to be had: `secret_not_found`, `version_not_found`, \
                   `secret_deleted`, `secret_destroyed`, `field_not_found`, `key_missing`",
            ),
            (
                409,
                "What is there cannot be used: `secret_unreadable`, `key_unfit`, `mount_unfit`; or \
                   the path has two meanings: `name_ambiguous`",
            ),
        ])
    }
}

/// Problems of a call that reads.
pub(super) struct Unread;

impl IntoResponses for Unread {
    fn responses() -> Responses {
        problems(&[(422, "A value has no words in the dialect: `value_inexpressible`")])
    }
}

/// Problems of a call that writes.
pub(super) struct Unwritten;

impl IntoResponses for Unwritten {
    fn responses() -> Responses {
        problems(&[
            (408, "The body did not come in time: `body_timeout`"),
            (412, "The secret is not in the state that was expected: `version_conflict`"),
            (413, "It is too large: `body_too_large`, `secret_too_large`"),
            (415, "The body is not JSON: `media_type_unsupported`"),
            (422, "The body does not say what to write: `body_invalid`"),
        ])
    }
}

/// The header that a problem of this status has beside those of all.
fn header_with(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 | 403 => Some(("WWW-Authenticate", "The credential that would do (RFC 6750)")),
        429 | 503 => Some(("Retry-After", "The seconds after which to try again")),
        _ => None,
    }
}

type Responses = BTreeMap<String, RefOr<Described>>;

fn problems(problems: &[(u16, &str)]) -> Responses {
    let described = |(status, description): &(u16, &str)| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let mut response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", content);
        if let Some((name, description)) = header_with(*status) {
            let schema = ObjectBuilder::new().schema_type(Type::String).build();
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description));
            response = response.header(name, header.build());
        }
        (status.to_string(), RefOr::T(response.build()))
    };
    problems.iter().map(described).collect()
}
