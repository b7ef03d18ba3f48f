use clap::Args;

use super::tenant;
use crate::{
    cli::store::{Store, why},
    secrets::{Current, SecretData, SecretName, SecretPath, Version},
    tenants::TenantName,
};

/// Several secrets of a tenant that are used as one.
#[derive(Args)]
pub(super) struct Bundle {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// The secrets' names. Where two have the same key, the later one counts.
    #[arg(required = true, value_name = "NAME", value_parser = SecretName::parse)]
    names: Vec<SecretName>,
}

/// What they hold, and in which versions.
pub(super) struct Contents {
    pub(super) data: SecretData,
    pub(super) versions: Vec<Version>,
}

impl Bundle {
    /// The latest versions.
    pub(super) async fn read(&self, store: &Store) -> Result<Contents, String> {
        let mut contents = Contents { data: SecretData::default(), versions: Vec::new() };
        for path in self.paths() {
            let read = store.with(async |secrets| secrets.read(&path, None).await).await;
            let secret = read.map_err(|error| why(&error, &path.tenant, &path.name))?;
            contents.data = contents.data.joined(secret.data);
            contents.versions.push(secret.version);
        }
        Ok(contents)
    }

    /// Whether these are still the latest versions. Nothing is decrypted for that.
    pub(super) async fn is_still(
        &self,
        store: &Store,
        versions: &[Version],
    ) -> Result<bool, String> {
        for (path, version) in self.paths().zip(versions) {
            let current = store.with(async |secrets| secrets.current(&path).await).await;
            let current = current.map_err(|error| why(&error, &path.tenant, &path.name))?;
            if current != Current::Live(*version) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Each with its version, for people.
    pub(super) fn told(&self, versions: &[Version]) -> String {
        let told = |(name, version)| format!("{name} version {version}");
        self.names.iter().zip(versions).map(told).collect::<Vec<_>>().join(", ")
    }

    /// The same for programs.
    pub(super) fn as_json(&self, versions: &[Version]) -> serde_json::Value {
        let one = |(name, version): (&SecretName, &Version)| serde_json::json!({"name": name.as_str(), "version": version.number()});
        self.names.iter().zip(versions).map(one).collect()
    }

    fn paths(&self) -> impl Iterator<Item = SecretPath> {
        let path =
            |name: &SecretName| SecretPath { tenant: self.tenant.clone(), name: name.clone() };
        self.names.iter().map(path)
    }
}
