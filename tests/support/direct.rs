//! OpenBao and the validator alone, without a proxy in front.

use serde_json::{Value, json};

use super::{
    bao::Bao,
    fault::FaultProxy,
    http::{self, Answer},
    platform::{self, AppRole, Tenant},
    stack::bearer,
    validator::Validator,
};

/// A platform without Caddy. Fields are in the order in which they are to be stopped.
pub struct Direct {
    /// The validator, ready.
    pub validator: Validator,
    /// The proxy between the validator and OpenBao; passes everything at first.
    pub fault: FaultProxy,
    /// OpenBao, provisioned.
    pub bao: Bao,
    /// The AppRole that the validator logs in with.
    pub role: AppRole,
    /// A tenant.
    pub acme: Tenant,
    /// Another tenant.
    pub globex: Tenant,
}

impl Direct {
    /// Starts everything with the validator's defaults.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts everything, with variables for the validator.
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        Self::on(Bao::dev().await, env).await
    }

    /// Starts the rest on this OpenBao.
    pub async fn on(bao: Bao, env: &[(&str, &str)]) -> Self {
        let role = platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        let globex = platform::create_tenant(&bao, "globex").await;
        let fault = FaultProxy::start(&bao.authority()).await;
        let addr = fault.addr();
        let env: Vec<_> = [("VAULT_ADDR", addr.as_str())].iter().chain(env).copied().collect();
        let validator = Validator::start(&bao, &role, &env).await;
        Self { validator, fault, bao, role, acme, globex }
    }

    /// Validates this token without requirements.
    pub async fn ask(&self, token: &str) -> Answer {
        self.require("", token).await
    }

    /// Validates this token with the requirements in `query`.
    pub async fn require(&self, query: &str, token: &str) -> Answer {
        self.validator.validate(query, &[("authorization", &bearer(token))]).await
    }

    /// Validates a request with this method and target, as a proxy forwards it.
    pub async fn request(&self, method: &str, uri: &str, query: &str, token: &str) -> Answer {
        let authorization = bearer(token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-forwarded-method", method),
            ("x-forwarded-uri", uri),
        ];
        self.validator.validate(query, &headers).await
    }

    /// Validates a request of a client at this address.
    pub async fn from(&self, address: &str, query: &str, token: &str) -> Answer {
        let headers = [("authorization", &*bearer(token)), ("x-forwarded-for", address)];
        self.validator.validate(query, &headers).await
    }

    /// Sends a request to the API with this token, and a JSON body if there is one.
    pub async fn api(
        &self,
        method: &str,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let authorization = bearer(token);
        let mut all = vec![("authorization", authorization.as_str())];
        if body.is_some() {
            all.push(("content-type", "application/json"));
        }
        all.extend(headers);
        let url = format!("{}{path}", self.validator.api_url());
        let body = body.map(|body| body.to_string());
        http::send(&http::client(), method, &url, &all, body).await.expect("an answer")
    }

    /// Writes a record of acme's without the program.
    pub async fn put_record(&self, name: &str) {
        let path = format!("secret/data/tenants/acme/{name}");
        self.bao.must("POST", &path, Some(json!({"data": {"v": 1}}))).await;
    }

    /// Returns the number of calls of this kind that the validator has made to Vault.
    pub async fn calls(&self, operation: &str) -> u64 {
        let series = format!("vault_requests_total{{operation=\"{operation}\"}}");
        self.validator.count(&series).await
    }
}
