//! Request and response bodies of the API, with their schemas for the `OpenAPI` document.

use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type},
    },
};

use crate::{
    secrets::{
        DecryptedSecret, ExposedData, SecretName, SecretPath, SecretVersion, UndeleteResult,
        VersionInfo, WriteResult,
    },
    tenants::TenantName,
};

/// The names of a tenant's secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretList)]
pub(super) struct SecretListResponse<'s> {
    tenant: &'s str,
    /// In alphabetical order.
    secrets: Vec<SecretListItem<'s>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListedSecret)]
struct SecretListItem<'s> {
    name: &'s str,
    /// The latest version.
    #[schema(minimum = 1)]
    version: u64,
}

/// A secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretResponse<'s> {
    tenant: &'s str,
    name: &'s str,
    #[schema(minimum = 1)]
    version: u64,
    /// The time when the version was written (RFC 3339).
    created_at: String,
    /// The version of the tenant's key that encrypted it.
    #[schema(minimum = 1)]
    key_version: u64,
    #[schema(schema_with = strings)]
    data: ExposedData<'s>,
}

/// The versions of a secret that Vault has.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretVersions)]
pub(super) struct SecretVersionsResponse<'s> {
    tenant: &'s str,
    name: &'s str,
    /// In ascending order. The last one is the latest, whatever its state.
    versions: Vec<SecretVersionItem>,
}

/// A version of a secret, without its data.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretVersion)]
struct SecretVersionItem {
    #[schema(minimum = 1)]
    version: u64,
    /// `live`, `deleted` or `destroyed`. A deleted version can be undeleted.
    #[schema(pattern = "^(live|deleted|destroyed)$")]
    state: &'static str,
    /// The time when the version was written (RFC 3339).
    created_at: String,
    /// The time when the version was deleted (RFC 3339); null if it is not deleted.
    deleted_at: Option<String>,
    /// The version of the tenant's key that encrypted it, if the version is live and the caller may
    /// read it. It is looked up for the latest 100 live versions.
    #[schema(minimum = 1)]
    key_version: Option<u64>,
}

/// A version that was undeleted.
#[derive(Serialize, ToSchema)]
#[schema(as = UndeletedVersion)]
pub(super) struct UndeletedVersionResponse<'s> {
    tenant: &'s str,
    name: &'s str,
    #[schema(minimum = 1)]
    version: u64,
    #[schema(pattern = "^live$")]
    state: &'static str,
    /// The time when the version was written (RFC 3339).
    created_at: String,
    /// The latest version, which is the default for reading. It may differ from `version`.
    #[schema(minimum = 1)]
    latest: u64,
}

/// A version that was written.
#[derive(Serialize, ToSchema)]
#[schema(as = WrittenVersion)]
pub(super) struct WrittenVersionResponse<'s> {
    tenant: &'s str,
    name: &'s str,
    #[schema(minimum = 1)]
    version: u64,
    /// The time when the version was written (RFC 3339).
    created_at: String,
    /// The version of the tenant's key that encrypted it.
    #[schema(minimum = 1)]
    key_version: u64,
}

/// The data of a new version of a secret.
#[derive(ToSchema)]
#[schema(as = SecretData)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes the body that `SecretData::from_body` parses")]
pub(super) struct WriteRequest {
    #[schema(schema_with = strings)]
    data: (),
}

/// A change of the data of a secret.
#[derive(ToSchema)]
#[schema(as = SecretPatch)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes the body that `Patch::from_body` parses")]
pub(super) struct PatchRequest {
    #[schema(schema_with = strings_or_null)]
    data: (),
}

impl<'s> SecretListResponse<'s> {
    pub(super) fn new(tenant: &'s TenantName, secrets: &'s [(SecretName, SecretVersion)]) -> Self {
        let item = |(name, version): &'s (SecretName, SecretVersion)| SecretListItem {
            name: name.as_str(),
            version: version.number(),
        };
        Self { tenant: tenant.as_str(), secrets: secrets.iter().map(item).collect() }
    }
}

impl<'s> SecretResponse<'s> {
    pub(super) fn new(path: &'s SecretPath, secret: &'s DecryptedSecret) -> Self {
        Self {
            tenant: path.tenant.as_str(),
            name: path.name.as_str(),
            version: secret.version.number(),
            created_at: secret.created_at.to_string(),
            key_version: secret.key_version,
            data: secret.data.exposed(),
        }
    }
}

impl<'s> SecretVersionsResponse<'s> {
    pub(super) fn new(path: &'s SecretPath, versions: &[VersionInfo]) -> Self {
        Self {
            tenant: path.tenant.as_str(),
            name: path.name.as_str(),
            versions: versions.iter().map(SecretVersionItem::new).collect(),
        }
    }
}

impl SecretVersionItem {
    fn new(info: &VersionInfo) -> Self {
        Self {
            version: info.version.number(),
            state: info.state.as_str(),
            created_at: info.created_at.to_string(),
            deleted_at: info.state.deleted_at().map(|time| time.to_string()),
            key_version: info.key_version,
        }
    }
}

impl<'s> UndeletedVersionResponse<'s> {
    pub(super) fn new(path: &'s SecretPath, undeleted: &UndeleteResult) -> Self {
        Self {
            tenant: path.tenant.as_str(),
            name: path.name.as_str(),
            version: undeleted.version.version.number(),
            state: undeleted.version.state.as_str(),
            created_at: undeleted.version.created_at.to_string(),
            latest: undeleted.latest.number(),
        }
    }
}

impl<'s> WrittenVersionResponse<'s> {
    pub(super) fn new(path: &'s SecretPath, written: &WriteResult) -> Self {
        Self {
            tenant: path.tenant.as_str(),
            name: path.name.as_str(),
            version: written.version.number(),
            created_at: written.created_at.to_string(),
            key_version: written.key_version,
        }
    }
}

/// Returns the schema of an object whose values are strings.
fn strings() -> Schema {
    object_of(Type::String.into())
}

/// Returns the schema of an object whose values are strings or null.
fn strings_or_null() -> Schema {
    object_of(SchemaType::from_iter([Type::String, Type::Null]))
}

fn object_of(value_type: SchemaType) -> Schema {
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[A-Za-z_][A-Za-z0-9_]{0,127}$"))
        .build();
    let value = ObjectBuilder::new().schema_type(value_type).build();
    let value = AdditionalProperties::RefOr(RefOr::T(value.into()));
    ObjectBuilder::new()
        .property_names(Some(Schema::from(key)))
        .additional_properties(Some(value))
        .build()
        .into()
}
