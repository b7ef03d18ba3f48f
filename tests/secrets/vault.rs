//! An OpenBao with two tenants, and their secrets as the program's own code sees them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use vault_auth_validator::{
    policy::Mounts,
    secrets::{SecretData, SecretPath},
    telemetry::Metrics,
    vault::{
        CheckCache, Client, ClientSettings, SecretsClient, ServiceLogin, SessionSecrets,
        VaultSession,
    },
};

use crate::support::{
    bao::Bao,
    fault::FaultProxy,
    platform::{self, Tenant},
};

/// The platform without the service: this process asks OpenBao itself.
pub(super) struct Vault {
    pub(super) bao: Bao,
    pub(super) fault: FaultProxy,
    pub(super) acme: Tenant,
    pub(super) globex: Tenant,
    client: Arc<Client>,
    mounts: Mounts,
}

impl Vault {
    pub(super) async fn start() -> Self {
        Self::on(Bao::dev().await).await
    }

    /// The same on this OpenBao.
    pub(super) async fn on(bao: Bao) -> Self {
        platform::provision(&bao).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        let globex = platform::create_tenant(&bao, "globex").await;
        let fault = FaultProxy::start(&bao.authority()).await;
        let settings = ClientSettings {
            addresses: fault.addr().parse::<url::Url>().expect("an address").into(),
            namespace: None,
            trust: vault_auth_validator::vault::TrustRoots::System,
            server_name: None,
            client_cert: None,
            timeout: Duration::from_secs(2),
        };
        let client = Client::new(&settings, Arc::new(Metrics::default())).expect("a client");
        let mounts = Mounts { kv: "secret".to_owned(), transit: "transit".to_owned() };
        Self { bao, fault, acme, globex, client: Arc::new(client), mounts }
    }

    /// Does something with the secrets as this token sees them.
    pub(super) async fn with<T>(
        &self,
        token: &str,
        action: impl AsyncFnOnce(SecretsClient<'_>) -> T,
    ) -> T {
        let token = token.into();
        action(SecretsClient::new(&self.client, &self.mounts, &token)).await
    }

    /// Runs an action on the secrets with a session that has this token.
    pub(super) async fn with_session<T>(
        &self,
        token: &str,
        action: impl AsyncFnOnce(SessionSecrets<'_>) -> T,
    ) -> T {
        let session = Arc::new(VaultSession::new(
            Arc::clone(&self.client),
            ServiceLogin::Token(token.into()),
        ));
        session.log_in().await.expect("a session");
        let checks = CheckCache::default();
        action(SessionSecrets::new(&session, &self.mounts, &checks)).await
    }

    /// The record that OpenBao keeps.
    pub(super) async fn record(&self, path: &str) -> Value {
        let answer = self.bao.must("GET", &format!("secret/data/tenants/{path}"), None).await;
        answer["data"]["data"].clone()
    }

    /// Puts a record where the program did not.
    pub(super) async fn put_record(&self, path: &str, record: Value) {
        let body = json!({ "data": record });
        self.bao.must("POST", &format!("secret/data/tenants/{path}"), Some(body)).await;
    }
}

/// `acme/crm` and the like.
pub(super) fn path(path: &str) -> SecretPath {
    let (tenant, name) = path.split_once('/').expect("a tenant and a name");
    SecretPath::parse(tenant, name).expect("names")
}

/// A secret with these values.
pub(super) fn data(values: &Value) -> SecretData {
    SecretData::from_json(values.to_string().as_bytes()).expect("strings by keys")
}

/// Its values.
pub(super) fn values(data: &SecretData) -> Value {
    serde_json::to_value(data.exposed()).expect("JSON")
}
