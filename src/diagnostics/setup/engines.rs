use super::access::{Mounted, TokenOwner, inspect_failure};
use crate::diagnostics::finding::Finding;

/// A secrets engine that tenants need.
#[derive(Clone, Copy)]
pub(super) enum Engine {
    Kv,
    Transit,
}

impl Engine {
    /// Returns the name of the engine's check.
    pub(super) const fn check_name(self) -> &'static str {
        match self {
            Self::Kv => "secrets engine",
            Self::Transit => "transit engine",
        }
    }

    /// Returns the engine's type in Vault, and the setting of its mount path.
    fn type_and_setting(self) -> (&'static str, &'static str) {
        match self {
            Self::Kv => ("kv", "VALIDATOR_KV_MOUNT"),
            Self::Transit => ("transit", "VALIDATOR_TRANSIT_MOUNT"),
        }
    }

    /// Checks that the engine is mounted at this path.
    pub(super) fn check(self, mounts: &Mounted, path: &str, owner: TokenOwner) -> Finding {
        let (check, (kind, setting)) = (self.check_name(), self.type_and_setting());
        let mounts = match mounts {
            Ok(mounts) => mounts,
            Err(error) => {
                return inspect_failure(check, error, owner, "read on sys/mounts", "operator");
            }
        };
        match (self, mounts.get(&format!("{path}/"))) {
            (_, None) => {
                let version = if matches!(self, Self::Kv) { " -version=2" } else { "" };
                let enable = format!("`bao secrets enable -path={path}{version} {kind}`");
                Finding::failed(check, format!("nothing is mounted at {path}/"), enable)
            }
            (_, Some(mount)) if mount.kind != kind => Finding::failed(
                check,
                format!("{path}/ is of the type {}, not {kind}", mount.kind),
                format!("set {setting} to the path of a {kind} engine"),
            ),
            (Self::Kv, Some(mount)) if mount.version() != Some("2") => Finding::failed(
                check,
                format!("{path}/ is version {} of KV, not 2", mount.version().unwrap_or("1")),
                format!("`bao kv enable-versioning {path}`"),
            ),
            (Self::Kv, Some(_)) => Finding::ok(check, format!("{path}/ is KV version 2")),
            (Self::Transit, Some(_)) => Finding::ok(check, format!("{path}/ is transit")),
        }
    }
}
