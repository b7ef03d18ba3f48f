//! The `OpenAPI` 3.1 document of the API, generated from the code.

use std::sync::LazyLock;

use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document, PathItem, RefOr, Schema,
        path::Parameter,
        schema::{SchemaType, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::server::api::{error_responses::Problem, response};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "vault-auth-validator",
        description = "The secrets of the caller's tenant, and the caller's identity. Vault \
                       authorizes each request by the caller's own token.",
    ),
    paths(
        super::about::about,
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
    modifiers(&SecuritySchemes, &OptionalParameters, &NestedSecretPaths),
)]
struct ApiDocument;

/// Returns the document.
pub(super) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(ApiDocument::openapi);
    &DOCUMENT
}

/// Serves the document as JSON. All responses share one copy in memory.
pub(super) async fn serve() -> Response<Body> {
    static JSON: LazyLock<Bytes> =
        LazyLock::new(|| document().to_json().unwrap_or_default().into());
    ([(CONTENT_TYPE, response::JSON)], JSON.clone()).into_response()
}

/// Adds the security schemes: the headers that may have the token.
struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, api: &mut Document) {
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let header = ApiKey::Header(ApiKeyValue::new("X-Vault-Token"));
        components.add_security_scheme("vault_token", SecurityScheme::ApiKey(header));
    }
}

/// Removes `null` from the types of optional parameters, which utoipa adds although they can only
/// be omitted.
struct OptionalParameters;

impl Modify for OptionalParameters {
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

/// Adds a path for each number of segments of a secret's name, since a path parameter of `OpenAPI`
/// cannot contain slashes.
struct NestedSecretPaths;

impl Modify for NestedSecretPaths {
    fn modify(&self, api: &mut Document) {
        const FOLDERS: [&str; 3] = ["folder", "subfolder", "subsubfolder"];
        let secret_paths = api.paths.paths.iter().filter(|(path, _)| path.contains("/{name}"));
        let secret_paths: Vec<_> =
            secret_paths.map(|(path, item)| (path.clone(), item.clone())).collect();
        for (short, item) in secret_paths {
            for depth in 1..=FOLDERS.len() {
                let folders = &FOLDERS[..depth];
                let long = format!("{{{}}}/{{name}}", folders.join("}/{"));
                let path = short.replace("{name}", &long);
                api.paths.paths.insert(path, with_folders(item.clone(), folders));
            }
        }
    }
}

/// Returns a path item with parameters for these folders.
fn with_folders(mut item: PathItem, folders: &[&str]) -> PathItem {
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
