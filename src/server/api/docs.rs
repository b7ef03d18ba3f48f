//! The API for people: a page made from the OpenAPI document, without scripts, that loads nothing
//! but its own style.

use std::{fmt::Write, sync::LazyLock};

use axum::{body::Body, response::IntoResponse};
use http::{
    Response,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use utoipa::openapi::{
    RefOr,
    path::{Operation, Parameter, PathItem},
};

use crate::server::api::openapi;

/// Where the page is.
pub(super) const PAGE: &str = "/docs";

/// Where its style is.
pub(super) const STYLE: &str = "/docs/style.css";

const CSS: &str = include_str!("docs.css");

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub(super) async fn page() -> impl IntoResponse {
    static PAGE: LazyLock<String> = LazyLock::new(render);
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE.as_str())
}

pub(super) async fn style() -> Response<Body> {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], CSS).into_response()
}

fn render() -> String {
    let api = openapi::document();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"{STYLE}\">\n</head>\n<body>\n<h1>{title} {version}</h1>\n\
         <p>{description}</p>\n<p>A token goes into <code>Authorization: Bearer …</code> or \
         <code>X-Vault-Token</code>. For programs: <a href=\"{DOCUMENT}\">{DOCUMENT}</a>.</p>\n",
        title = escape(&api.info.title),
        version = escape(&api.info.version),
        description = escape(api.info.description.as_deref().unwrap_or_default()),
        DOCUMENT = openapi::DOCUMENT,
    );
    for (path, item) in &api.paths.paths {
        if !path.contains("folder}") {
            add_path(&mut page, path, item);
        }
    }
    page += "</body>\n</html>\n";
    page
}

fn add_path(page: &mut String, path: &str, item: &PathItem) {
    let PathItem { get, put, patch, delete, .. } = item;
    for (method, operation) in [("GET", get), ("PUT", put), ("PATCH", patch), ("DELETE", delete)] {
        if let Some(operation) = operation {
            add_operation(page, method, path, operation);
        }
    }
}

fn add_operation(page: &mut String, method: &str, path: &str, operation: &Operation) {
    let summary = operation.summary.as_deref().unwrap_or_default();
    let description = operation.description.as_deref().unwrap_or_default();
    // Writing into a string does not fail, here and below.
    let _ = write!(
        page,
        "<section>\n<h2><code>{method} {}</code></h2>\n<p><b>{}.</b> {}</p>\n<dl>\n",
        escape(path),
        escape(summary),
        escape(description),
    );
    for parameter in operation.parameters.iter().flatten() {
        if let RefOr::T(parameter) = parameter {
            add_parameter(page, parameter);
        }
    }
    for (status, response) in &operation.responses.responses {
        let description = match response {
            RefOr::T(response) => response.description.as_str(),
            RefOr::Ref(_) => "",
        };
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escape(status), escape(description));
    }
    *page += "</dl>\n</section>\n";
}

fn add_parameter(page: &mut String, parameter: &Parameter) {
    let description = parameter.description.as_deref().unwrap_or_default();
    let pattern = match &parameter.schema {
        Some(RefOr::T(utoipa::openapi::Schema::Object(object))) => object.pattern.as_deref(),
        _ => None,
    };
    let _ = writeln!(
        page,
        "<dt><code>{}</code></dt><dd><code>{}</code> {}</dd>",
        escape(&parameter.name),
        escape(pattern.unwrap_or_default()),
        escape(description),
    );
}

/// The text in HTML. What stands between backticks there does so here.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{escape, render};

    #[test]
    fn the_page_tells_of_every_call_and_loads_nothing_from_elsewhere() {
        let page = render();
        for call in [
            "GET /v1/whoami",
            "GET /v1/tenants/{tenant}/secrets<",
            "GET /v1/tenants/{tenant}/secrets/{name}",
            "PUT /v1/tenants/{tenant}/secrets/{name}",
            "PATCH /v1/tenants/{tenant}/secrets/{name}",
            "DELETE /v1/tenants/{tenant}/secrets/{name}",
        ] {
            assert!(page.contains(call), "{call}");
        }
        for loading in ["://", "<script", "<img", "style=", "javascript:"] {
            assert!(!page.contains(loading), "{loading}");
        }
    }

    #[test]
    fn what_means_something_in_html_is_escaped() {
        assert_eq!(escape("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
    }
}
