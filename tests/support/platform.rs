//! Sets Vault up as an operator would: mounts, policies, the validator's role, tenants.
//! Each step may be repeated.

use std::fs;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{bao::Bao, tools};

/// The credentials of an AppRole login.
#[derive(Debug, Clone)]
pub struct AppRole {
    /// The role's id.
    pub role_id: String,
    /// A secret id of the role.
    pub secret_id: String,
}

/// A logged-in caller with an entity.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The name of the entity and of the AppRole.
    pub name: String,
    /// A live token.
    pub token: String,
    /// The token's accessor.
    pub accessor: String,
    /// The id of the entity.
    pub entity_id: String,
    /// The AppRole with which the caller logs in again.
    pub role: AppRole,
}

/// A tenant: its name, and a caller who belongs to it and works in its CRM.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The name, which is also the host's label.
    pub name: String,
    /// The tenant's own service.
    pub caller: Caller,
}

impl Caller {
    /// `X-Auth-Subject`: the name of the entity, since that of the alias is the role id.
    pub fn subject(&self) -> String {
        format!("entity:{}", self.name)
    }
}

impl Tenant {
    /// The live token of the tenant's service.
    pub fn token(&self) -> &str {
        &self.caller.token
    }
}

/// Creates mounts, every policy of `policies/`, and the AppRole `validator`; returns the
/// validator's AppRole.
pub async fn provision(bao: &Bao) -> AppRole {
    let kv = json!({"type": "kv", "options": {"version": "2"}});
    enable(bao, "mounts", "secret", kv).await;
    enable(bao, "mounts", "transit", json!({"type": "transit"})).await;
    enable(bao, "auth", "approle", json!({"type": "approle"})).await;
    load_policies(bao).await;
    let role = json!({
        "token_period": "1h",
        "token_no_default_policy": true,
        "token_policies": "validator",
    });
    app_role(bao, "validator", role).await
}

/// Loads every `policies/*.hcl` under its file name.
pub async fn load_policies(bao: &Bao) {
    for entry in fs::read_dir(tools::repository("policies")).expect("policies/") {
        let path = entry.expect("an entry of policies/").path();
        if path.extension().is_some_and(|extension| extension == "hcl") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let policy = fs::read_to_string(&path).expect("a policy");
            set_policy(bao, &name, &policy).await;
        }
    }
}

/// Writes one policy.
pub async fn set_policy(bao: &Bao, name: &str, policy: &str) {
    let body = json!({ "policy": policy });
    bao.must("PUT", &format!("sys/policies/acl/{name}"), Some(body)).await;
}

/// Creates a tenant with a key, an entity, and the policies `tenant` and `crm-agent`.
pub async fn create_tenant(bao: &Bao, name: &str) -> Tenant {
    create_key(bao, name).await;
    let metadata = json!({ "tenant": name });
    let caller = create_caller(bao, name, metadata, &["tenant", "crm-agent"]).await;
    Tenant { name: name.to_owned(), caller }
}

/// Creates the derived transit key of a tenant.
pub async fn create_key(bao: &Bao, tenant: &str) {
    let key = json!({"type": "aes256-gcm96", "derived": true});
    bao.must("POST", &format!("transit/keys/tenant-{tenant}"), Some(key)).await;
}

/// Makes the tenant's key older by `hours`: restores its backup with earlier dates in all versions.
/// Negative hours make it younger.
pub async fn age_key(bao: &Bao, tenant: &str, hours: i64) {
    let readable = json!({"exportable": true, "allow_plaintext_backup": true});
    bao.must("POST", &format!("transit/keys/tenant-{tenant}/config"), Some(readable)).await;
    let backup = bao.must("GET", &format!("transit/backup/tenant-{tenant}"), None).await;
    let backup = json!({"backup": aged(&backup["data"]["backup"], hours), "force": true});
    bao.must("POST", &format!("transit/restore/tenant-{tenant}"), Some(backup)).await;
}

/// Returns a key's backup with all versions older by `hours` and export and backup disabled.
pub fn aged(backup: &Value, hours: i64) -> String {
    let backup = BASE64_STANDARD.decode(text(backup)).expect("base64");
    let mut backup: Value = serde_json::from_slice(&backup).expect("JSON");
    for version in backup["policy"]["keys"].as_object_mut().expect("versions").values_mut() {
        let created = version["creation_time"].as_i64().expect("a time") - 3600 * hours;
        let time = jiff::Timestamp::from_second(created).expect("a time");
        version["creation_time"] = json!(created);
        version["time"] = json!(time.to_string());
    }
    backup["policy"]["exportable"] = json!(false);
    backup["policy"]["allow_plaintext_backup"] = json!(false);
    BASE64_STANDARD.encode(backup.to_string())
}

/// Creates an entity with this metadata and an AppRole with these policies, and logs in with it.
/// Vault adds the policy `default`.
pub async fn create_caller(bao: &Bao, name: &str, metadata: Value, policies: &[&str]) -> Caller {
    let role = app_role(bao, name, json!({"token_ttl": "1h", "token_policies": policies})).await;
    let entity = json!({"name": name, "metadata": metadata});
    bao.must("POST", "identity/entity", Some(entity)).await;
    let entity = bao.must("GET", &format!("identity/entity/name/{name}"), None).await;
    let entity_id = text(&entity["data"]["id"]);
    let mounts = bao.must("GET", "sys/auth", None).await;
    let alias = json!({
        "name": role.role_id,
        "canonical_id": entity_id,
        "mount_accessor": mounts["data"]["approle/"]["accessor"],
    });
    bao.must("POST", "identity/entity-alias", Some(alias)).await;
    let auth = log_in(bao, &role).await;
    Caller {
        name: name.to_owned(),
        token: text(&auth["client_token"]),
        accessor: text(&auth["accessor"]),
        entity_id,
        role,
    }
}

/// Logs in by AppRole; returns the `auth` part of the response.
pub async fn log_in(bao: &Bao, role: &AppRole) -> Value {
    let body = json!({"role_id": role.role_id, "secret_id": role.secret_id});
    let (status, answer) = bao.request_as("", "POST", "auth/approle/login", Some(body)).await;
    assert_eq!(status, 200, "login: {answer}");
    answer["auth"].clone()
}

/// Creates a token as root, for example with `{"policies": ["tenant"], "ttl": "5s"}`.
/// The options are those of `auth/token/create` (`type`, `period`, `num_uses`,
/// `no_default_policy`, ...), and `bound_cidrs`, which Vault takes from a token role.
/// Without `policies` it is another root token.
pub async fn token(bao: &Bao, mut options: Value) -> String {
    let mut path = "auth/token/create".to_owned();
    let cidrs = options.as_object_mut().and_then(|options| options.remove("bound_cidrs"));
    if let Some(cidrs) = cidrs {
        let role = format!("bound-{:08x}", rand::random::<u32>());
        let settings = json!({"token_bound_cidrs": cidrs, "token_type": "default-service"});
        bao.must("POST", &format!("auth/token/roles/{role}"), Some(settings)).await;
        path = format!("{path}/{role}");
    }
    text(&bao.must("POST", &path, Some(options)).await["auth"]["client_token"])
}

/// Creates a token with this policy alone.
pub async fn token_with(bao: &Bao, policy: &str) -> String {
    let name = format!("only-{:08x}", rand::random::<u32>());
    set_policy(bao, &name, policy).await;
    token(bao, json!({"policies": [name], "no_default_policy": true, "ttl": "1h"})).await
}

/// Creates an AppRole and a secret id for it.
pub async fn app_role(bao: &Bao, name: &str, settings: Value) -> AppRole {
    let path = format!("auth/approle/role/{name}");
    bao.must("POST", &path, Some(settings)).await;
    let role = bao.must("GET", &format!("{path}/role-id"), None).await;
    let secret = bao.must("POST", &format!("{path}/secret-id"), None).await;
    AppRole {
        role_id: text(&role["data"]["role_id"]),
        secret_id: text(&secret["data"]["secret_id"]),
    }
}

/// Enables a secrets engine (`mounts`) or an auth method (`auth`) unless it is there.
async fn enable(bao: &Bao, kind: &str, name: &str, settings: Value) {
    let present = bao.must("GET", &format!("sys/{kind}"), None).await;
    if present["data"][format!("{name}/")].is_null() {
        bao.must("POST", &format!("sys/{kind}/{name}"), Some(settings)).await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}

/// Returns the accessors of all live tokens.
pub async fn accessors(bao: &Bao) -> Vec<String> {
    let listed = bao.must("GET", "auth/token/accessors?list=true", None).await;
    let keys = listed["data"]["keys"].as_array().expect("accessors");
    let mut keys: Vec<_> =
        keys.iter().map(|key| key.as_str().expect("a text").to_owned()).collect();
    keys.sort();
    keys
}
