//! Paths of the API that several modules link to.

/// The path of the `OpenAPI` document.
pub(super) const OPENAPI: &str = "/openapi.json";

/// The path of the documentation page.
pub(super) const DOCS: &str = "/docs";

/// The path of the documentation's style sheet.
pub(super) const DOCS_STYLE: &str = "/docs/style.css";

/// The path of the description of the caller.
pub(super) const WHOAMI: &str = "/v1/whoami";
