//! The documents of the API, as they are sent and as `openapi` tells of them.

use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type},
    },
};

use crate::{
    secrets::{Exposed, Secret, SecretName, SecretPath, Undeleted, Version, VersionInfo, Written},
    tenants::TenantName,
};

/// The names of a tenant's secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretList)]
pub(super) struct ListDocument<'s> {
    tenant: &'s str,
    /// By their names.
    secrets: Vec<ListedDocument<'s>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ListedSecret)]
struct ListedDocument<'s> {
    name: &'s str,
    /// The latest.
    #[schema(minimum = 1)]
    version: u64,
}

/// A secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretDocument<'s> {
    tenant: &'s str,
    name: &'s str,
    #[schema(minimum = 1)]
    version: u64,
    /// When the version was written (RFC 3339).
    created_at: String,
    /// The version of the tenant's key that it was encrypted with.
    #[schema(minimum = 1)]
    key_version: u64,
    #[schema(schema_with = strings)]
    data: Exposed<'s>,
}

/// All versions of a secret that Vault has.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretVersions)]
pub(super) struct VersionsDocument<'s> {
    tenant: &'s str,
    name: &'s str,
    /// The oldest first. The last is the latest, whatever has become of it.
    versions: Vec<VersionDocument>,
}

/// A version of a secret, without what it holds.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretVersion)]
struct VersionDocument {
    #[schema(minimum = 1)]
    version: u64,
    /// `live`, `deleted` or `destroyed`. A deleted one can be brought back.
    #[schema(pattern = "^(live|deleted|destroyed)$")]
    state: &'static str,
    /// When it was written (RFC 3339).
    created_at: String,
    /// When it was deleted (RFC 3339); null where it is not.
    deleted_at: Option<String>,
    /// The version of the tenant's key that it was encrypted with, if it is live and the caller may
    /// read it. It is looked up for the newest 100 that are live.
    #[schema(minimum = 1)]
    key_version: Option<u64>,
}

/// A version that was brought back.
#[derive(Serialize, ToSchema)]
#[schema(as = UndeletedVersion)]
pub(super) struct UndeletedDocument<'s> {
    tenant: &'s str,
    name: &'s str,
    #[schema(minimum = 1)]
    version: u64,
    #[schema(pattern = "^live$")]
    state: &'static str,
    /// When it was written (RFC 3339).
    created_at: String,
    /// The latest version, which is read where none is named. It may be another.
    #[schema(minimum = 1)]
    latest: u64,
}

/// A version that was written.
#[derive(Serialize, ToSchema)]
#[schema(as = WrittenVersion)]
pub(super) struct WrittenDocument<'s> {
    tenant: &'s str,
    name: &'s str,
    #[schema(minimum = 1)]
    version: u64,
    /// When it was written (RFC 3339).
    created_at: String,
    /// The version of the tenant's key that it was encrypted with.
    #[schema(minimum = 1)]
    key_version: u64,
}

/// What a secret is to hold.
#[derive(ToSchema)]
#[schema(as = SecretData)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `SecretData::from_body` reads")]
pub(super) struct WriteBody {
    #[schema(schema_with = strings)]
    data: (),
}

/// A change of what a secret holds.
#[derive(ToSchema)]
#[schema(as = SecretPatch)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `Patch::from_body` reads")]
pub(super) struct PatchBody {
    #[schema(schema_with = strings_or_null)]
    data: (),
}

impl<'s> ListDocument<'s> {
    pub(super) fn new(tenant: &'s TenantName, secrets: &'s [(SecretName, Version)]) -> Self {
        let listed = |(name, version): &'s (SecretName, Version)| ListedDocument {
            name: name.as_str(),
            version: version.number(),
        };
        Self { tenant: tenant.as_str(), secrets: secrets.iter().map(listed).collect() }
    }
}

impl<'s> SecretDocument<'s> {
    pub(super) fn new(path: &'s SecretPath, secret: &'s Secret) -> Self {
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

impl<'s> VersionsDocument<'s> {
    pub(super) fn new(path: &'s SecretPath, versions: &[VersionInfo]) -> Self {
        Self {
            tenant: path.tenant.as_str(),
            name: path.name.as_str(),
            versions: versions.iter().map(VersionDocument::new).collect(),
        }
    }
}

impl VersionDocument {
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

impl<'s> UndeletedDocument<'s> {
    pub(super) fn new(path: &'s SecretPath, undeleted: &Undeleted) -> Self {
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

impl<'s> WrittenDocument<'s> {
    pub(super) fn new(path: &'s SecretPath, written: &Written) -> Self {
        Self {
            tenant: path.tenant.as_str(),
            name: path.name.as_str(),
            version: written.version.number(),
            created_at: written.created_at.to_string(),
            key_version: written.key_version,
        }
    }
}

/// Values by their keys.
fn strings() -> Schema {
    values(Type::String.into())
}

/// The same, of which some may be null.
fn strings_or_null() -> Schema {
    values(SchemaType::from_iter([Type::String, Type::Null]))
}

fn values(of: SchemaType) -> Schema {
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[A-Za-z_][A-Za-z0-9_]{0,127}$"))
        .build();
    let value = ObjectBuilder::new().schema_type(of).build();
    let value = AdditionalProperties::RefOr(RefOr::T(value.into()));
    ObjectBuilder::new()
        .property_names(Some(Schema::from(key)))
        .additional_properties(Some(value))
        .build()
        .into()
}
