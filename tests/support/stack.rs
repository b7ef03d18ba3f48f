//! The whole platform: OpenBao, the validator, Caddy, an application, two tenants.

use super::{
    backend::Backend, bao::Bao, caddy::Caddy, direct::Direct, fault::FaultProxy, http::Answer,
    platform::Tenant, validator::Validator,
};

/// A whole platform. Fields are in the order in which they are to be stopped.
pub struct Stack {
    /// The proxy that clients connect to.
    pub caddy: Caddy,
    /// The validator, ready.
    pub validator: Validator,
    /// The proxy between the validator and OpenBao; passes everything at first.
    pub fault: FaultProxy,
    /// OpenBao, provisioned.
    pub bao: Bao,
    /// The application behind Caddy.
    pub backend: Backend,
    /// A tenant.
    pub acme: Tenant,
    /// Another tenant.
    pub globex: Tenant,
}

impl Stack {
    /// Starts everything with the validator's defaults.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts everything, with variables for the validator.
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        let Direct { validator, fault, bao, acme, globex, .. } = Direct::start_with(env).await;
        let backend = Backend::start().await;
        let caddy = Caddy::start(validator.auth_address(), backend.address(), &[]).await;
        Self { caddy, validator, fault, bao, backend, acme, globex }
    }

    /// `GET /` on `host` through Caddy.
    pub async fn get(&self, host: &str, headers: &[(&str, &str)]) -> Answer {
        self.caddy.send("GET", host, "/", headers).await
    }

    /// The CRM's host of a tenant.
    pub fn crm(tenant: &Tenant) -> String {
        format!("{}.crm.localhost", tenant.name)
    }
}

/// The header that carries a token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
