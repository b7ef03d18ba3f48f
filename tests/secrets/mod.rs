//! The tenants' secrets, in the real OpenBao.

mod api;
mod callers;
mod documents;
mod input;
mod outages;
mod policy;
mod schema;
mod store;
mod vault;
