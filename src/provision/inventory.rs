use std::{error::Error, fmt};

use super::{State, Step, Thing};

/// What there is, and where more can be made.
pub trait Inventory {
    /// Whether this is there.
    fn look(&self, thing: &Thing) -> impl Future<Output = Result<State, Trouble>>;

    /// Makes it, or brings it to what it is to be.
    fn make(&self, thing: &Thing) -> impl Future<Output = Result<(), Trouble>>;

    /// What the token would have to be granted for these steps and is not, each as `update on
    /// sys/mounts/secret`. Nothing if that cannot be told.
    fn lacking(&self, steps: &[Step]) -> impl Future<Output = Result<Vec<String>, Trouble>>;
}

/// Why something could not be seen or made, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(pub String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Trouble {}
