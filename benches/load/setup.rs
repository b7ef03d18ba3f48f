//! The setup of the contestants: OpenBao and a caller with a token.

use futures_util::{StreamExt, stream};
use serde_json::json;
use tempfile::NamedTempFile;
use vault_auth_validator::{
    sealed::{KeyRing, Purpose},
    token::SESSION_COOKIE,
    wall_clock::now,
};

use crate::{
    cpu::{SERVER_CORE, TASKSET},
    support::{
        bao::Bao,
        platform::{self, AppRole, Caller},
        ports::free_port,
        validator::Validator,
    },
};

/// The target of a request that requires a tenant and a policy.
pub const TENANT_AND_POLICY: &str = "/validate?tenant=acme&policy=crm-agent";

/// The target of a request that requires a capability, which the validator caches.
pub const ACL: &str = "/validate?acl=route/crm";

/// The caller's additional policy: grants the capability for [`ACL`] and the creation of tokens.
const POLICY: &str = r#"
path "route/crm" { capabilities = ["read"] }
path "auth/token/create" { capabilities = ["update"] }
"#;

/// A validator with browser logins, and the session of the caller.
pub struct Session {
    pub validator: Validator,
    /// The session cookie, with its name.
    pub cookie: String,
    _keys: NamedTempFile,
}

impl Session {
    pub async fn start(setup: &Setup) -> Self {
        let keys = NamedTempFile::new().expect("a file");
        std::fs::write(keys.path(), KeyRing::generate().as_str()).expect("the key");
        let ring = KeyRing::read(keys.path()).expect("the key");
        let expiry = now() + jiff::SignedDuration::from_hours(1);
        let token = setup.caller.token.as_bytes();
        let sealed = ring.seal(Purpose::Session, "acme.crm.example.com", expiry, token);
        let cookie = format!("{SESSION_COOKIE}={}", sealed.expect("a session"));
        let file = keys.path().display().to_string();
        let env = [
            ("VALIDATOR_LOGIN_URL", "https://login.example.com"),
            ("VALIDATOR_LOGIN_HOSTS", "*.crm.example.com"),
            ("VALIDATOR_SEALING_KEY_FILE", file.as_str()),
        ];
        Self { validator: setup.validator(&env).await, cookie, _keys: keys }
    }
}

/// OpenBao, the validator's credentials, and a caller.
pub struct Setup {
    pub bao: Bao,
    pub role: AppRole,
    pub caller: Caller,
}

impl Setup {
    pub async fn start() -> Self {
        Self::on(Bao::unaudited().await).await
    }

    /// Sets up this OpenBao.
    pub async fn on(bao: Bao) -> Self {
        let role = platform::provision(&bao).await;
        platform::set_policy(&bao, "bench", POLICY).await;
        let tenant = json!({"tenant": "acme"});
        let policies = ["tenant", "crm-agent", "bench"];
        let caller = platform::create_caller(&bao, "acme", tenant, &policies).await;
        Self { bao, role, caller }
    }

    /// Starts the validator on the servers' core, and waits until it is ready.
    pub async fn validator(&self, env: &[(&str, &str)]) -> Validator {
        self.validator_under(&[TASKSET, "-c", SERVER_CORE], env).await
    }

    /// Starts it with traces of 1 % of the requests, to a collector that is unreachable.
    pub async fn tracing_validator(&self) -> Validator {
        let collector = format!("http://127.0.0.1:{}", free_port());
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ];
        self.validator(&env).await
    }

    /// Starts the validator on all cores.
    pub async fn validator_on_all_cores(&self, env: &[(&str, &str)]) -> Validator {
        self.validator_under(&[], env).await
    }

    /// Creates this number of service tokens of the caller, all with the same properties.
    pub async fn tokens(&self, count: usize) -> Vec<String> {
        self.tokens_of("service", count).await
    }

    /// Creates tokens of this type. OpenBao does not store batch tokens.
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
