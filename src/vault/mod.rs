//! The only place that knows Vault's wire: the client, the service's own session, and the
//! domain's traits put into calls.
//!
//! What is relied on is what HashiCorp Vault and OpenBao share. Answers are read tolerantly where
//! a field may be missing, and not at all where a missing one would have to be guessed.

mod admin;
mod attempts;
mod authority;
mod backoff;
mod call;
mod capacity;
mod client;
mod clock;
mod error;
mod facts;
mod file_change;
mod health;
mod login;
mod own_token;
mod questions;
mod reach;
mod records;
mod seal;
mod secrets;
mod self_test;
mod session;
mod settings;
mod subject;
mod wording;

pub use crate::probe::Trust;
pub use admin::{
    AccountPlan, DesiredMember, DesiredTenant, Examiner, InitPlan, Key, LoginMethod, Members,
    MembershipPlan, Mount, PlatformPlan, Policies, Removal, Removed, RotationIntervals,
    RotationSchedules, SecretIdDelivery, Source, StandIns, TenantPlan, TenantSettings, Tenants,
    Things, TokenRecord, Untold, account_path, is_user_name, parse_user_name, read_root_token,
    unreadable_settings,
};
pub use authority::{Asker, VaultAuthority};
pub use client::Client;
pub use clock::server_time;
pub use health::{Health, watch_health};
pub use login::{Login, LoginCost};
pub use reach::{Condition, Product, Sight, Unseen, look};
pub use records::{Records, Unreadable};
pub use seal::{Initialised, Seal, SealKind, SealState, Shares};
pub use secrets::{
    Acquisition, MAX_PAGE, NamesPage, RecentChecks, RotationLease, SecretNames, Secrets, Task,
    despite_others, patiently,
};
pub use self_test::NEEDED;
pub use session::{LoginError, Session};
pub use settings::{ClientCertificate, Namespace, Settings, SettingsError};
