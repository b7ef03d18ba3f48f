//! The capabilities that steps need and the operator's token lacks.

use secrecy::SecretString;

use super::{VaultResources, member_index::member_record};
use crate::{
    provisioning::{Membership, ProvisionError, ProvisionStep, Resource, ResourceState},
    tenants::settings_record,
    vault::{
        Client,
        admin::errors::provision_error,
        api::{
            approle::{APPROLE, role_path},
            audit_devices::FILE_DEVICE,
            identity::{alias::ALIAS_PATH, entity::ENTITY_PATH},
            kv::data_path,
            sys::capabilities::{CapabilitiesResponse, capabilities_self},
            transit::{key_path, keys_config_path},
        },
        client::FailureKind,
    },
};

/// Capabilities that are needed on a path.
struct RequiredCapability {
    path: String,
    capabilities: &'static [&'static str],
}

const CREATE: &[&str] = &["create"];
const UPDATE: &[&str] = &["update"];

/// The capabilities for the paths that Vault protects with `sudo`.
const SUDO_UPDATE: &[&str] = &["update", "sudo"];

impl VaultResources<'_> {
    /// Returns the capabilities that these steps need and the token lacks; none if the token may not
    /// read its own capabilities, so that the steps themselves fail.
    pub(super) async fn missing_permissions(
        &self,
        steps: &[ProvisionStep],
    ) -> Result<Vec<String>, ProvisionError> {
        let required = steps.iter().filter_map(required);
        self.not_granted(required.chain(steps.iter().filter_map(required_for_record)).collect())
            .await
    }

    /// Returns those of these paths on which the token lacks `update`, each as `update on PATH`.
    ///
    /// # Errors
    /// A message that says why they are not known.
    pub async fn paths_without_update(
        &self,
        paths: Vec<String>,
    ) -> Result<Vec<String>, ProvisionError> {
        let required = |path| RequiredCapability { path, capabilities: UPDATE };
        self.not_granted(paths.into_iter().map(required).collect()).await
    }

    async fn not_granted(
        &self,
        required: Vec<RequiredCapability>,
    ) -> Result<Vec<String>, ProvisionError> {
        if required.is_empty() {
            return Ok(Vec::new());
        }
        let paths: Vec<_> = required.iter().map(|required| required.path.clone()).collect();
        let ask = async |client: &Client, token: &SecretString| {
            capabilities_self(client, token, &paths).await
        };
        let granted = match self.operator.call(ask).await {
            Ok(granted) => granted,
            Err(error) if error.kind == FailureKind::PermissionDenied => return Ok(Vec::new()),
            Err(error) => {
                let needed = "the policy `default`";
                return Err(provision_error(&error, "ask for capabilities", needed));
            }
        };
        Ok(required.iter().filter_map(|required| required.missing(&granted)).collect())
    }
}

impl RequiredCapability {
    /// Returns those that are not granted, as `update on PATH`.
    fn missing(&self, granted: &CapabilitiesResponse) -> Option<String> {
        let granted = granted.names(&self.path).unwrap_or_default();
        let has = |wanted: &str| granted.iter().any(|name| name == wanted || name == "root");
        let missing: Vec<_> =
            self.capabilities.iter().filter(|wanted| !has(wanted)).copied().collect();
        (!missing.is_empty()).then(|| format!("{} on {}", missing.join(" and "), self.path))
    }
}

fn required(step: &ProvisionStep) -> Option<RequiredCapability> {
    let (path, capabilities) = match (&step.resource, &step.state) {
        (_, ResourceState::Present | ResourceState::Kept(_) | ResourceState::Conflict(_)) => {
            return None;
        }
        (Resource::AuditFileDevice(_), _) => (FILE_DEVICE.to_owned(), SUDO_UPDATE),
        (Resource::SecretsEngine { path, .. }, _) => (format!("sys/mounts/{path}"), UPDATE),
        (Resource::TransitDisableUpsert(transit), _) => (keys_config_path(transit), UPDATE),
        (Resource::AppRoleAuthMethod, _) => (format!("sys/auth/{APPROLE}"), SUDO_UPDATE),
        (Resource::LoginAuthMethod(path), _) => (format!("sys/auth/{path}"), SUDO_UPDATE),
        (Resource::TransitKey { transit, name }, _) => (key_path(transit, name), UPDATE),
        (Resource::RotationInterval { kv, tenant, .. }, state) => {
            let path = data_path(kv, &settings_record(tenant));
            (path, if *state == ResourceState::Absent { CREATE } else { UPDATE })
        }
        (Resource::Entity { .. } | Resource::Membership(_), _) => (ENTITY_PATH.to_owned(), UPDATE),
        (Resource::AppRole(role), ResourceState::Absent) => (role_path(&role.name), CREATE),
        (Resource::AppRole(role), ResourceState::Drifted(_)) => (role_path(&role.name), UPDATE),
        (Resource::Alias(_), _) => (ALIAS_PATH.to_owned(), UPDATE),
    };
    Some(RequiredCapability { path, capabilities })
}

/// Returns the capability to record a member. The id of its entity is not known yet; a placeholder
/// is used instead.
fn required_for_record(step: &ProvisionStep) -> Option<RequiredCapability> {
    let (kv, tenant) = match (&step.resource, &step.state) {
        (_, ResourceState::Present | ResourceState::Kept(_) | ResourceState::Conflict(_)) => {
            return None;
        }
        (
            Resource::Entity { kv, tenant, .. }
            | Resource::Membership(Membership { kv, tenant, .. }),
            _,
        ) => (kv, tenant),
        _ => return None,
    };
    let path = data_path(kv, &member_record(tenant, "ID"));
    Some(RequiredCapability { path, capabilities: CREATE })
}
