//! The tenants' secrets, in the real OpenBao.

mod api;
mod callers;
mod documents;
mod input;
mod load;
mod outages;
mod policy;
mod rotation;
mod schema;
mod store;
mod unread;
mod vault;
mod versions;
