use super::{ProvisionError, ProvisionStep, Resource, ResourceState};

/// Reads and creates resources in Vault.
pub trait ResourceProvider {
    /// Reads the state of a resource.
    fn read(&self, thing: &Resource)
    -> impl Future<Output = Result<ResourceState, ProvisionError>>;

    /// Creates a resource, or changes it to the wanted state.
    fn ensure(&self, thing: &Resource) -> impl Future<Output = Result<(), ProvisionError>>;

    /// Returns the capabilities that these steps need and the token lacks, each as
    /// `update on sys/mounts/secret`; none if they are not known.
    fn missing_capabilities(
        &self,
        steps: &[ProvisionStep],
    ) -> impl Future<Output = Result<Vec<String>, ProvisionError>>;
}
