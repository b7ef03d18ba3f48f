//! The configuration: its sources, the settings with their valid values, and all errors together.

mod admin;
mod error;
mod listen;
mod login;
mod operator;
mod partial;
mod reader;
mod setting;
mod settings;
mod sources;
mod values;
mod vault;

pub use admin::{AdminAccess, AdminToken};
pub use error::{Fault, Faults};
pub use listen::Listen;
pub use operator::Access;
pub use partial::{AdminOrigin, Operator, Service, Setup, TokenOrigin};
pub use setting::{KEYS, Key, KeyKind, credential_variables};
pub use settings::Settings;
pub use sources::{Sources, no_color, search_path};
pub(crate) use values::parse_duration;
