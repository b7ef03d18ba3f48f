use clap::Args;

use crate::{
    cli::{
        names::parse_tenant,
        secret_client::{SecretClient, secret_error_message},
    },
    secrets::{SecretData, SecretName, SecretPath, SecretState, SecretVersion},
    tenants::TenantName,
};

/// Several secrets of a tenant that are used as one.
#[derive(Args)]
pub(super) struct SecretBundle {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// The secrets' names. If two have the same key, the later one wins.
    #[arg(required = true, value_name = "NAME", value_parser = SecretName::parse)]
    names: Vec<SecretName>,
}

/// The merged data of a bundle, and the versions that it was read from.
pub(super) struct BundleContents {
    pub(super) data: SecretData,
    pub(super) versions: Vec<SecretVersion>,
}

impl SecretBundle {
    /// Reads and merges the latest versions.
    pub(super) async fn read(&self, store: &SecretClient) -> Result<BundleContents, String> {
        let mut contents = BundleContents { data: SecretData::default(), versions: Vec::new() };
        for path in self.paths() {
            let read = store.with(async |secrets| secrets.read(&path, None).await).await;
            let secret =
                read.map_err(|error| secret_error_message(&error, &path.tenant, &path.name))?;
            contents.data = contents.data.merged_with(secret.data);
            contents.versions.push(secret.version);
        }
        Ok(contents)
    }

    /// Returns true if these are still the latest versions. Decrypts nothing.
    pub(super) async fn is_current(
        &self,
        store: &SecretClient,
        versions: &[SecretVersion],
    ) -> Result<bool, String> {
        for (path, version) in self.paths().zip(versions) {
            let current = store.with(async |secrets| secrets.state(&path).await).await;
            let current =
                current.map_err(|error| secret_error_message(&error, &path.tenant, &path.name))?;
            if current != SecretState::Live(*version) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the names with these versions as text.
    pub(super) fn versions_as_text(&self, versions: &[SecretVersion]) -> String {
        let text = |(name, version)| format!("{name} version {version}");
        self.names.iter().zip(versions).map(text).collect::<Vec<_>>().join(", ")
    }

    /// Returns the names with these versions as JSON.
    pub(super) fn versions_as_json(&self, versions: &[SecretVersion]) -> serde_json::Value {
        let json = |(name, version): (&SecretName, &SecretVersion)| {
            let (name, version) = (name.as_str(), version.number());
            serde_json::json!({"name": name, "version": version})
        };
        self.names.iter().zip(versions).map(json).collect()
    }

    fn paths(&self) -> impl Iterator<Item = SecretPath> {
        let path =
            |name: &SecretName| SecretPath { tenant: self.tenant.clone(), name: name.clone() };
        self.names.iter().map(path)
    }
}
