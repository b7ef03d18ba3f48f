//! The setup of the contestants: OpenBao and a caller with a token.

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::{
    cpu::{SERVER_CORE, TASKSET},
    support::{
        bao::Bao,
        platform::{self, AppRole, Caller},
        validator::Validator,
    },
};

/// The requirements of the requests.
pub const TENANT_AND_POLICY: &str = "/validate?tenant=acme&policy=crm-agent";

/// The path whose capabilities Vault has to be asked for once.
pub const ACL: &str = "/validate?acl=route/crm";

/// The caller's additional permissions: that of [`ACL`], and to create tokens.
const POLICY: &str = r#"
path "route/crm" { capabilities = ["read"] }
path "auth/token/create" { capabilities = ["update"] }
"#;

/// OpenBao, the validator's credentials, and a caller.
pub struct Ground {
    pub bao: Bao,
    pub role: AppRole,
    pub caller: Caller,
}

impl Ground {
    pub async fn start() -> Self {
        let bao = Bao::unaudited().await;
        let role = platform::provision(&bao).await;
        platform::set_policy(&bao, "bench", POLICY).await;
        let tenant = json!({"tenant": "acme"});
        let policies = ["tenant", "crm-agent", "bench"];
        let caller = platform::create_caller(&bao, "acme", tenant, &policies).await;
        Self { bao, role, caller }
    }

    /// Starts the validator with its defaults on the servers' core, and waits until it is ready.
    pub async fn validator(&self, env: &[(&str, &str)]) -> Validator {
        self.validator_under(&[TASKSET, "-c", SERVER_CORE], env).await
    }

    /// Starts the validator on all cores.
    pub async fn validator_anywhere(&self, env: &[(&str, &str)]) -> Validator {
        self.validator_under(&[], env).await
    }

    /// Creates this number of live tokens of the caller, otherwise alike.
    pub async fn tokens(&self, count: usize) -> Vec<String> {
        self.tokens_of("service", count).await
    }

    /// Creates tokens of a type. Batch tokens take no storage in OpenBao.
    pub async fn tokens_of(&self, kind: &str, count: usize) -> Vec<String> {
        let policies = ["tenant", "crm-agent"];
        let options = json!({"type": kind, "policies": policies, "ttl": "50m"});
        let make = async |_| {
            let (status, answer) = self
                .bao
                .request_as(&self.caller.token, "POST", "auth/token/create", Some(options.clone()))
                .await;
            assert_eq!(status, 200, "{answer}");
            answer["auth"]["client_token"].as_str().expect("a token").to_owned()
        };
        stream::iter(0..count).map(make).buffer_unordered(16).collect().await
    }

    async fn validator_under(&self, under: &[&str], env: &[(&str, &str)]) -> Validator {
        let env: Vec<_> = [("VALIDATOR_LOG", "info")].iter().chain(env).copied().collect();
        let mut validator = Validator::spawn_under(under, &self.bao, &self.role, &env);
        validator.listening().await;
        validator.ready().await;
        validator
    }
}
