use super::{State, Step, Thing, Trouble};

/// Reads and creates resources in Vault.
pub trait Inventory {
    /// Reads the state of a resource.
    fn look(&self, thing: &Thing) -> impl Future<Output = Result<State, Trouble>>;

    /// Creates a resource, or changes it to the wanted state.
    fn make(&self, thing: &Thing) -> impl Future<Output = Result<(), Trouble>>;

    /// Returns the capabilities that these steps need and the token lacks, each as
    /// `update on sys/mounts/secret`; none if they are not known.
    fn lacking(&self, steps: &[Step]) -> impl Future<Output = Result<Vec<String>, Trouble>>;
}
