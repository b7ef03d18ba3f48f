//! What is to be there in Vault, and the way to it.
//!
//! A [`Thing`] is a mount, a key, a role and the like. A [`Plan`] compares things with what is
//! there; it changes nothing while one of them is in the way or the token may not do all of it. What
//! is there already is left as it is, so that a plan may be carried out again, after any part of it.

mod apply;
mod credential_dir;
mod credentials;
mod desired_state;
mod inventory;
mod plan;
mod prerequisites;
pub mod private_dir;
mod summary;
mod thing;

pub use apply::Outcome;
pub(crate) use credential_dir::already_exists;
pub use credential_dir::{CredentialDir, FileContent, ReservedFile};
pub use credentials::{DesiredAccount, IfAbsent, Issue, NewPassword, SecretIdOptions};
pub use desired_state::{DesiredState, OPERATOR_POLICY, VALIDATOR, check_mounts};
pub use inventory::{Inventory, Trouble};
pub use plan::{Hindrance, Plan, State, Step};
pub use prerequisites::{check_policies, check_resources};
pub use summary::{PlanRow, incomplete_count, may_continue};
pub use thing::{Engine, Holder, Membership, Role, Thing};
