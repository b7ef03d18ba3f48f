//! The files of `deploy/`, run unchanged.

mod compose;
mod demo;
mod domains;
mod machine;
mod rotation;
mod routes;
mod snapshot;
mod vault;
