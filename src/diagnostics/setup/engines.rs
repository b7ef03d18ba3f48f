use super::{
    diagnosis::Finding,
    platform::{Looked, Viewer, untold},
};

/// An engine that tenants need.
#[derive(Clone, Copy)]
pub(super) enum Engine {
    Kv,
    Transit,
}

impl Engine {
    /// The name of its check.
    pub(super) const fn check(self) -> &'static str {
        match self {
            Self::Kv => "secrets engine",
            Self::Transit => "transit engine",
        }
    }

    /// Vault's word for it, and the name of the setting that says where it is.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Kv => ("kv", "VALIDATOR_KV_MOUNT"),
            Self::Transit => ("transit", "VALIDATOR_TRANSIT_MOUNT"),
        }
    }

    /// Whether it is mounted at this path.
    pub(super) fn examine(self, mounts: &Looked, path: &str, viewer: Viewer) -> Finding {
        let (check, (kind, setting)) = (self.check(), self.words());
        let mounts = match mounts {
            Ok(mounts) => mounts,
            Err(error) => return untold(check, error, viewer, "read on sys/mounts", "operator"),
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
                format!("{setting} has to name another mount"),
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
