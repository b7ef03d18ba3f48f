//! The requests by which stand-ins are made and taken away.

use std::collections::BTreeMap;

use rustify_derive::Endpoint;
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Endpoint)]
#[endpoint(path = "sys/auth", method = "GET")]
pub(super) struct AuthMountsRequest {}

#[derive(Deserialize)]
pub(super) struct AuthMount {
    pub(super) accessor: String,
}

/// vaultrs has neither the lists' globs nor the type.
#[derive(Endpoint)]
#[endpoint(path = "auth/token/roles/{self.name}", method = "POST")]
pub(super) struct WriteRoleRequest {
    #[endpoint(skip)]
    pub(super) name: String,
    pub(super) allowed_policies: Vec<String>,
    pub(super) allowed_entity_aliases: Vec<String>,
    pub(super) orphan: bool,
    pub(super) renewable: bool,
    pub(super) token_type: &'static str,
}

#[derive(Endpoint)]
#[endpoint(path = "auth/token/roles/{self.name}", method = "DELETE")]
pub(super) struct DeleteRoleRequest {
    #[endpoint(skip)]
    pub(super) name: String,
}

#[derive(Endpoint)]
#[endpoint(path = "auth/token/create/{self.role}", method = "POST")]
pub(super) struct CreateTokenRequest {
    #[endpoint(skip)]
    pub(super) role: String,
    pub(super) policies: Vec<String>,
    pub(super) no_default_policy: bool,
    pub(super) entity_alias: Option<String>,
    pub(super) ttl: &'static str,
}

#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) client_token: SecretString,
}

#[derive(Endpoint)]
#[endpoint(path = "identity/entity", method = "POST")]
pub(super) struct CreateEntityRequest {
    pub(super) name: String,
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) id: String,
}

#[derive(Endpoint)]
#[endpoint(path = "identity/entity/name/{self.name}", method = "DELETE")]
pub(super) struct DeleteEntityRequest {
    #[endpoint(skip)]
    pub(super) name: String,
}

#[derive(Endpoint)]
#[endpoint(path = "identity/group/name/{self.name}", method = "POST")]
pub(super) struct WriteGroupRequest {
    #[endpoint(skip)]
    pub(super) name: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) member_entity_ids: Vec<String>,
}

#[derive(Endpoint)]
#[endpoint(path = "identity/group/name/{self.name}", method = "DELETE")]
pub(super) struct DeleteGroupRequest {
    #[endpoint(skip)]
    pub(super) name: String,
}

#[derive(Endpoint)]
#[endpoint(path = "identity/entity-alias", method = "POST")]
pub(super) struct CreateAliasRequest {
    pub(super) name: String,
    pub(super) canonical_id: String,
    pub(super) mount_accessor: String,
}
