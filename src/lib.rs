//! Forward authentication with HashiCorp Vault or OpenBao as the only authority.
//!
//! A proxy asks `/validate` about every request. The answer comes from a cache of what Vault said
//! of the token, judged anew each time:
//!
//! ```text
//! listener -> Credential + Requirements -> Validator::decide -> FactsCache -> (miss: vault)
//!          <- 200 with the caller's identity, or a problem document
//! ```
//!
//! # Layers
//!
//! Nothing calls back up. `policies`, `fields`, `networks`, `probe` and `uri` stand alone;
//! `provision` reads `policies`, `tenants` knows `provision`, `forwarded` and `token` read `fields`, `token` and
//! `requirement` know `tenants`, `forwarded`, `config` and `vault` read `networks`, `requirement`
//! and `server` read `uri`, `secrets` knows both `tenants` and `token`; `decision` judges with the types of `forwarded`,
//! `token` and `requirement`; `vault` answers for `token` what a token is, keeps `policies` and
//! `secrets`, makes what `provision` asks for, and is looked at with `probe`; `server` and `cli` use
//! everything. A test holds the table.

pub mod cli;
pub mod config;
pub mod decision;
pub mod fields;
pub mod forwarded;
pub mod networks;
pub mod policies;
pub mod probe;
pub mod provision;
pub mod requirement;
pub mod secrets;
pub mod server;
pub mod telemetry;
pub mod tenants;
pub mod token;
pub mod uri;
pub mod vault;
