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

pub use crate::probe::TrustRoots;
pub use adapters::{
    ExplainReadError, ExplainReader, Requester, VaultLoginBackend, VaultRefreshStore,
    VaultTokenBackend,
};
pub use admin::{
    AccountPlan, AccountRemoval, DesiredMember, DesiredTenant, InitPlan, InspectError, Inspector,
    LoginMethod, MemberRemover, MemberSource, MembershipPlan, PlatformPlan, RemovalResult,
    RotationIntervals, RotationSchedules, SecretIdDelivery, TenantDirectory, TenantPlan,
    TenantSettings, TestPrincipals, TokenDetails, VaultPolicies, VaultResources, parse_user_name,
    read_root_token, unreadable_settings,
};
pub use api::sys::health::{HealthResponse, Product};
pub use api::{
    mounts::{Mount, MountConfig, UserLockoutConfig},
    oidc::OidcRole,
    transit::TransitKey,
    userpass::{UserpassUser, account_path, is_user_name},
};
pub use client::{
    Client, ClientCertificate, ClientSettings, ClientSettingsError, Consistency, Namespace,
    ResponseMeta, VaultAddresses, VaultIndex,
};
pub use clock::server_time;
pub use health::{VaultHealth, check_connection, watch_health};
pub use initializer::{InitializedServer, KeyShares, SealKind, SealState, ServerInitializer};
pub use secrets::{
    CheckCache, LeaseAcquisition, MAX_PAGE_SIZE, NamesPage, RewrapMode, RotationLease, SecretNames,
    SecretsClient, SessionSecrets, rotation,
};
pub use server_probe::{ServerProbe, ServerProbeError, probe_server};
pub use session::{
    LoginCost, REQUIRED_CAPABILITIES, ServiceLogin, SessionLoginError, VaultSession,
};
