//! A tenant's secrets: what they are called, what they hold, and how they are written down.
//!
//! A secret is a map of keys to strings at a [`SecretPath`], in versions. It is kept as a
//! [`Record`]: the whole map, encrypted by the tenant's own key for this one place. It is given
//! out as JSON or as lines for an environment, in one [`Dialect`].

mod data;
mod env;
mod error;
mod json;
mod path;
mod precondition;
mod record;
mod version;

pub use data::{AbsentKey, Exposed, Key, Patch, SecretData};
pub use env::{Dialect, Inexpressible};
pub use error::{KeyFault, SecretError, Unreadable};
pub use json::{BodyError, to_wiped_json};
pub use path::{NameError, SecretName, SecretPath};
pub use precondition::{Conflict, Current, Precondition};
pub use record::{Ciphertext, Record};
pub use version::{
    Change, Effect, ListPage, Listed, Secret, Undeleted, Version, VersionInfo, VersionState,
    Written,
};
