//! The Vault client, the service's session, and the adapters for the domain traits. No other module
//! speaks Vault's API.
//!
//! Only behaviour that HashiCorp Vault and OpenBao share is relied on. Responses are parsed
//! tolerantly where a field may be missing, and rejected where a missing field would have to be
//! guessed.

mod adapters;
mod admin;
mod api;
mod client;
mod clock;
mod health;
mod initializer;
mod secrets;
mod server_probe;
mod session;

pub use crate::probe::Trust;
pub use adapters::{Asker, Records, Unreadable, VaultAuthority};
pub use admin::{
    AccountPlan, DesiredMember, DesiredTenant, Examiner, InitPlan, LoginMethod, Members,
    MembershipPlan, PlatformPlan, Policies, Removal, Removed, RotationIntervals, RotationSchedules,
    SecretIdDelivery, Source, StandIns, TenantPlan, TenantSettings, Tenants, Things, TokenRecord,
    Untold, parse_user_name, read_root_token, unreadable_settings,
};
pub use api::sys::health::{Condition, Product};
pub use api::{
    mounts::Mount,
    transit::TransitKey,
    userpass::{Account, account_path, is_user_name},
};
pub use client::{Client, ClientCertificate, Namespace, Settings, SettingsError};
pub use clock::server_time;
pub use health::{Health, watch_health};
pub use initializer::{Initialised, Seal, SealKind, SealState, Shares};
pub use secrets::{
    Acquisition, MAX_PAGE, NamesPage, RecentChecks, RotationLease, SecretNames, Secrets,
    SessionSecrets, Task, rotation,
};
pub use server_probe::{Sight, Unseen, look};
pub use session::{Login, LoginCost, LoginError, NEEDED, Session};
