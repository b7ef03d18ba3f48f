//! The configuration: where a value comes from, what it may be, and everything that is wrong with
//! it at once.

mod admin;
mod fault;
mod keys;
mod listen;
mod reader;
mod settings;
mod setup;
mod sources;
mod values;

pub use admin::{AdminAccess, AdminToken};
pub use fault::{Fault, Faults};
pub use keys::{KEYS, Key, KeyKind, credential_variables};
pub use listen::Listen;
pub use settings::{Access, Settings};
pub use setup::{AdminOrigin, Operator, Service, Setup, TokenOrigin};
pub use sources::{Sources, no_color, search_path};
