//! The tenants' secrets, in the real OpenBao.

mod policy;
mod store;
mod vault;
