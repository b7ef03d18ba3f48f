//! What lies in `deploy/`, run as it is.

mod compose;
mod demo;
mod domains;
mod machine;
mod rotation;
mod routes;
mod snapshot;
mod vault;
