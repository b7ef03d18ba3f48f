//! The configuration: its sources, the settings with their valid values, and all errors together.

mod admin;
mod browser_login;
mod changed;
mod error;
mod listen;
mod login;
mod metrics_export;
mod oauth;
mod operator;
mod otlp;
mod otlp_variables;
mod partial;
mod policy_drift;
mod reader;
mod setting;
mod settings;
mod snapshot;
mod sources;
mod values;
mod vault;

pub use admin::{AdminAccess, AdminToken};
pub use browser_login::{BrowserLoginSettings, PartialBrowserLogin};
pub use changed::ChangedSettings;
pub use error::{ConfigError, ConfigErrors};
pub use listen::ListenAddress;
pub use oauth::{OAuthSettings, PartialOAuth};
pub use operator::OperatorSettings;
pub use partial::{
    AdminListenOrigin, OperatorLogin, PartialSettings, ServiceLoginConfig, TokenOrigin,
};
pub use policy_drift::PolicyDriftSettings;
pub use setting::{SETTINGS, Setting, SettingKind, credential_variables};
pub use settings::Settings;
pub use snapshot::{SettingChanges, SettingsSnapshot};
pub use sources::{SettingSources, no_color, search_path};
pub(crate) use values::parse_duration;
