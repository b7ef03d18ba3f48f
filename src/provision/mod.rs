//! Declarative provisioning of Vault: resources, plan, apply.
//!
//! A [`Thing`] is a mount, a key, an AppRole or the like. A [`Plan`] compares the wanted resources
//! with those in Vault, and changes nothing while one of them conflicts with something else or the
//! token lacks a permission. Resources that exist as wanted are left alone, so a plan can be applied
//! again after any part of it.

mod apply;
mod error;
mod plan;
mod provider;
mod resource;
mod step;
mod tenant;

pub use apply::Outcome;
pub use error::Trouble;
pub use plan::{Hindrance, Plan};
pub use provider::Inventory;
pub use resource::{Engine, Holder, Membership, Role, Thing};
pub use step::{State, Step};
pub use tenant::things;
