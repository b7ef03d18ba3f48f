//! Declarative provisioning of Vault: resources, plan, apply.
//!
//! A [`Resource`] is a mount, a key, an AppRole or the like. A [`ProvisionPlan`] compares the wanted
//! resources with those in Vault, and changes nothing while one of them conflicts with something else or the
//! token lacks a permission. Resources that exist as wanted are left alone, so a plan can be applied
//! again after any part of it.

mod apply;
mod credential_dir;
mod credentials;
mod desired_state;
mod error;
mod plan;
mod prerequisites;
pub mod private_dir;
mod provider;
mod resource;
mod sealing_key_file;
mod step;
mod summary;
mod tenant;

pub use apply::StepOutcome;
pub(crate) use credential_dir::already_exists;
pub use credential_dir::{CredentialDir, FileContent, ReservedFile};
pub use credentials::{DesiredAccount, IfAbsent, Issue, NewPassword, SecretIdOptions};
pub use desired_state::{
    DesiredState, OPERATOR_POLICY, POLICY_DRIFT_POLICY, VALIDATOR, check_mounts,
};
pub use error::ProvisionError;
pub use plan::{PlanError, ProvisionPlan};
pub use prerequisites::{check_policies, check_resources};
pub use provider::ResourceProvider;
pub use resource::{
    AppRoleSpec, EngineType, LOGIN_TOKEN_MAX_TTL, LOGIN_TOKEN_TTL, Membership, Resource, RoleOwner,
};
pub use sealing_key_file::SealingKeyFile;
pub use step::{ProvisionStep, ResourceState};
pub use summary::{PlanRow, incomplete_count, may_continue};
pub use tenant::tenant_resources;
