//! The tenants' secrets, in the real OpenBao.

mod api;
mod callers;
mod calls;
mod documents;
mod input;
mod list;
mod load;
mod mount;
mod outages;
mod policy;
mod rotation;
mod schema;
mod store;
mod unread;
mod vault;
mod versions;
