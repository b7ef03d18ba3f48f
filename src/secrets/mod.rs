//! The tenants' secrets: names, data, versions, storage format, and the rotation of their keys.
//!
//! A secret is a map of keys to strings at a [`SecretPath`], in versions. It is stored as a
//! [`StoredRecord`]: the whole map, encrypted by the tenant's own key for this path. It is returned as
//! JSON or as lines of an environment file, in one [`EnvFormat`].

mod data;
mod env;
mod error;
mod json;
mod path;
mod precondition;
mod record;
mod rotation;
mod rotation_lease;
mod secret;
mod version;

pub use data::{ExposedData, MissingKeyError, SecretData, SecretKey, SecretPatch};
pub use env::{EnvFormat, UnencodableValue};
pub use error::{RecordError, SecretError, UnusableKey};
pub use json::{SecretBodyError, to_zeroizing_json};
pub use path::{NameError, SecretName, SecretPath};
pub use precondition::{SecretState, WriteCondition, WriteConflict, WriteKind};
pub use record::{Ciphertext, StoredRecord};
pub use rotation::{
    PendingVersion, RequiredKeyVersion, RewrapOutcome, RotationStatus, RotationSummary,
};
pub use rotation_lease::{LeaseHolder, RotationStage, StoredVersion};
pub use secret::{
    DecryptedSecret, ListPage, SecretSummary, UndeleteEffect, UndeleteResult, WriteResult,
};
pub use version::{SecretVersion, VersionInfo, VersionState};
