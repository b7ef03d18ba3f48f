//! The integration tests.

mod policies;
mod support;
