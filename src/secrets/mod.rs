//! The tenants' secrets: names, data, versions and storage format.
//!
//! A secret is a map of keys to strings at a [`SecretPath`], in versions. It is stored as a
//! [`Record`]: the whole map, encrypted by the tenant's own key for this path. It is returned as
//! JSON or as lines of an environment file, in one [`Dialect`].

mod data;
mod env;
mod error;
mod json;
mod path;
mod precondition;
mod record;
mod secret;
mod version;

pub use data::{AbsentKey, Exposed, Key, Patch, SecretData};
pub use env::{Dialect, Inexpressible};
pub use error::{KeyFault, SecretError, Unreadable};
pub use json::{BodyError, to_wiped_json};
pub use path::{NameError, SecretName, SecretPath};
pub use precondition::{Change, Conflict, Current, Precondition};
pub use record::{Ciphertext, Record};
pub use secret::{Effect, ListPage, Listed, Secret, Undeleted, Written};
pub use version::{Version, VersionInfo, VersionState};
