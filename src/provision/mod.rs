//! What is to be there in Vault, and the way to it.
//!
//! A [`Thing`] is a mount, a key, a role and the like. A [`Plan`] compares things with what is
//! there; it changes nothing while one of them is in the way or the token may not do all of it. What
//! is there already is left as it is, so that a plan may be carried out again, after any part of it.

mod apply;
mod inventory;
mod plan;
mod thing;

pub use apply::Outcome;
pub use inventory::{Inventory, Trouble};
pub use plan::{Hindrance, Plan, State, Step};
pub use thing::{Engine, Holder, Membership, Role, Thing};
