//! The documentation page of the API, generated from the OpenAPI document. It has no scripts and
//! loads nothing but its own style sheet.

mod example;
mod json;
mod markdown;
mod operation;
mod schema;

use std::sync::LazyLock;

use self::{json::text, markdown::Markdown, operation::OperationSection, schema::SchemaSection};
use crate::server::api::{openapi, paths};
use askama::Template;
use axum::{body::Body, response::IntoResponse};
use http::{
    Response,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

const CSS: &str = include_str!("docs/style.css");

/// The content security policy of the page.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; \
                              form-action 'none'; frame-ancestors 'none'";

/// The shell commands to run before the examples. `printf` is a shell builtin, so that the token is
/// in no argument list.
const SETUP: &str = "API=https://api.example.com\n\
                     VAULT_TOKEN=$(cat ~/.vault-token)\n\
                     auth() { printf 'Authorization: Bearer %s\\n' \"$VAULT_TOKEN\"; }";

/// The documentation page, rendered with `templates/docs.html`.
#[derive(Template)]
#[template(path = "docs.html", whitespace = "minimize")]
struct DocsPage<'d> {
    title: &'d str,
    version: &'d str,
    description: Markdown,
    style: &'static str,
    document: &'static str,
    setup: &'static str,
    operations: Vec<OperationSection<'d>>,
    schemas: Vec<SchemaSection<'d>>,
}

/// Serves the documentation page.
pub(super) async fn page() -> impl IntoResponse {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        render().unwrap_or_else(|error| format!("cannot render the page: {error}"))
    });
    let headers =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, CONTENT_POLICY)];
    (headers, PAGE.as_str())
}

/// Serves the style sheet of the page.
pub(super) async fn style() -> Response<Body> {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], CSS).into_response()
}

fn render() -> Result<String, askama::Error> {
    let api = serde_json::to_value(openapi::document()).map_err(askama::Error::custom)?;
    let info = &api["info"];
    let page = DocsPage {
        title: text(&info["title"]),
        version: text(&info["version"]),
        description: Markdown::new(text(&info["description"])),
        style: paths::DOCS_STYLE,
        document: paths::OPENAPI,
        setup: SETUP,
        operations: operation::all(&api),
        schemas: schema::all(&api),
    };
    page.render()
}

#[cfg(test)]
mod tests {
    use super::{
        json::{items, members},
        openapi, render,
    };

    #[test]
    fn page_has_every_operation() {
        let page = render().unwrap();
        let api = serde_json::to_value(openapi::document()).unwrap();
        let mut operations = 0;
        for (path, item) in members(&api["paths"]).filter(|(path, _)| !path.contains("folder}")) {
            for (method, operation) in members(item) {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("<section id=\"{id}\">")), "{method} {path}");
                for response in members(&operation["responses"]) {
                    assert!(page.contains(&format!(">{}</span>", response.0)), "{path}");
                }
                for parameter in items(&operation["parameters"]) {
                    let name = parameter["name"].as_str().unwrap();
                    assert!(page.contains(&format!("<dt><code>{name}</code></dt>")), "{path}");
                }
                operations += 1;
            }
        }
        assert!(operations >= 7, "{operations}");
        assert_eq!(page.matches("<pre class=\"curl\"").count(), operations);
        for (name, _) in members(&api["components"]["schemas"]) {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
    }

    #[test]
    fn page_is_self_contained() {
        let page = render().unwrap();
        for external in ["<script", "<img", "style=", "src=", "javascript:", "url(", "href=\"http"]
        {
            assert!(!page.contains(external), "{external}");
        }
        let targets: Vec<&str> =
            page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(targets.len() > 10, "{targets:?}");
        for target in targets {
            assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        }
        assert!(!super::CSS.contains("url(") && !super::CSS.contains("@import"));
    }
}
