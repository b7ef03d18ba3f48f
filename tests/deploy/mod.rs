//! What lies in `deploy/`, run as it is.

mod compose;
mod domains;
mod machine;
mod snapshot;
