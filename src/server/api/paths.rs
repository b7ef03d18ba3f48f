//! Paths of the API that several modules use.

/// The path of the `OpenAPI` document.
pub(super) const OPENAPI: &str = "/openapi.json";

/// The path of the documentation page.
pub(super) const DOCS: &str = "/docs";

/// The path of the documentation's style sheet.
pub(super) const DOCS_STYLE: &str = "/docs/style.css";

/// The path of the description of the caller.
pub(super) const WHOAMI: &str = "/v1/whoami";

/// The path of a tenant's secrets, as a template.
pub(super) const SECRETS: &str = "/v1/tenants/{tenant}/secrets";

/// The path of a secret and of the endpoints below it, as a template.
pub(super) const SECRET: &str = "/v1/tenants/{tenant}/secrets/{*name}";
