//! The API for people: a page made from the OpenAPI document, without scripts, that loads nothing
//! but its own style sheet.

mod example;
mod markdown;
mod operation;
mod schema;

use std::sync::LazyLock;

use askama::Template;
use axum::{body::Body, response::IntoResponse};
use http::{
    Response,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use serde_json::Value;

use self::{markdown::Markdown, operation::Operation, schema::Schema};
use crate::server::api::openapi;

/// Where the page is.
pub(super) const PAGE: &str = "/docs";

/// Where its style sheet is.
pub(super) const STYLE: &str = "/docs/style.css";

const CSS: &str = include_str!("docs/style.css");

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The lines that the examples need before them. `printf` is a part of the shell, so that the token
/// is in no argument list.
const SETUP: &str = "API=https://api.example.com\n\
                     VAULT_TOKEN=$(cat ~/.vault-token)\n\
                     auth() { printf 'Authorization: Bearer %s\\n' \"$VAULT_TOKEN\"; }";

/// The page, from `templates/docs.html`.
#[derive(Template)]
#[template(path = "docs.html", whitespace = "minimize")]
struct Page<'d> {
    title: &'d str,
    version: &'d str,
    description: Markdown,
    style: &'static str,
    document: &'static str,
    setup: &'static str,
    operations: Vec<Operation<'d>>,
    schemas: Vec<Schema<'d>>,
}

pub(super) async fn page() -> impl IntoResponse {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        render().unwrap_or_else(|error| format!("the page could not be made: {error}"))
    });
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE.as_str())
}

pub(super) async fn style() -> Response<Body> {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], CSS).into_response()
}

fn render() -> Result<String, askama::Error> {
    let api = serde_json::to_value(openapi::document()).map_err(askama::Error::custom)?;
    let info = &api["info"];
    let page = Page {
        title: text(&info["title"]),
        version: text(&info["version"]),
        description: Markdown::new(text(&info["description"])),
        style: STYLE,
        document: openapi::DOCUMENT,
        setup: SETUP,
        operations: operation::all(&api),
        schemas: schema::all(&api),
    };
    page.render()
}

/// A string of the document; empty if there is none.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The members of an object of the document, in its order; none if there is no object.
fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// The items of a list of the document; none if there is no list.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::{items, members, openapi, render};

    #[test]
    fn every_operation_of_the_document_is_on_the_page() {
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
    fn links_lead_somewhere_and_nothing_is_loaded_from_elsewhere() {
        let page = render().unwrap();
        for loading in ["<script", "<img", "style=", "src=", "javascript:", "url(", "href=\"http"] {
            assert!(!page.contains(loading), "{loading}");
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
