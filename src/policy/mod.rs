//! Vault's ACL policies: reading them, and saying which rule of them speaks for a path.
//!
//! A policy is HCL 1, or JSON in the shape of it. [`Policy::parse`] accepts what OpenBao accepts
//! and what HashiCorp Vault knows beside that, refuses what both refuse, and keeps what a reviewer has to see: the position of every path,
//! key and capability, and all that is written twice. Where OpenBao accepts a text by passing over
//! a part of it (JSON that ends too early, say), this parser refuses.
//!
//! [`spoken`] and [`joined`] explain and test policies offline. Whether a request may pass is
//! Vault's word alone, never theirs.
//!
//! A [`PolicySet`] is what is in a folder. It is [linted](PolicySet::lint) and compared with a
//! [`Store`], which makes a [`Plan`]; a plan shows itself, and is [applied](Plan::apply) as shown.
//! [`expectations`] say what a set should grant.

mod apply;
mod document;
mod error;
mod expectations;
mod fields;
mod finding;
mod item;
mod lint;
mod matching;
mod meaning;
mod name;
mod pattern;
mod plan;
mod position;
mod rule;
mod server;
mod set;
pub mod shipped;
mod store;
mod syntax;
mod template;

pub use apply::Outcome;
pub use document::Policy;
pub use error::SyntaxError;
pub use expectations::{Caller, Expectation, Group, Wanted, expectations};
pub use finding::Finding;
pub use item::{Item, Value};
pub use lint::{Check, Mounts, Severity};
pub use matching::{ForbiddenValue, Speaker, Verdict, joined, spoken};
pub use name::{NameFault, PolicyName};
pub use plan::{Plan, Step, Unchanged, Unmanaged, Wording};
pub use position::{At, Position};
pub use rule::Rule;
pub use server::Server;
pub use set::{Member, PolicySet, Source};
pub use store::{Store, StoreError, Stored};
pub use template::{GroupField, GroupKey, GroupSelector, with_templates};
