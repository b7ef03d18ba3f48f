//! Vault's ACL policies: reading them, and saying which rule of them speaks for a path.
//!
//! A policy is HCL 1, or JSON in the shape of it. [`Policy::parse`] accepts what OpenBao accepts
//! and refuses what it refuses, and keeps what a reviewer has to see: the position of every path,
//! key and capability, and all that is written twice. Where OpenBao accepts a text by passing over
//! a part of it (JSON that ends too early, say), this parser refuses.
//!
//! [`spoken`] and [`joined`] explain and test policies offline. Whether a request may pass is
//! Vault's word alone, never theirs.

mod capability;
mod error;
mod fields;
mod item;
mod matching;
mod pattern;
mod policy;
mod position;
mod rule;
mod syntax;
mod template;

pub use capability::{Capabilities, Capability};
pub use error::SyntaxError;
pub use item::{Item, Value};
pub use matching::{ForbiddenValue, Source, Verdict, joined, spoken};
pub use policy::Policy;
pub use position::{At, Position};
pub use rule::Rule;
