//! The system backend, `sys/`.

pub(in crate::vault) mod capabilities;
pub(in crate::vault) mod health;
pub(in crate::vault) mod mfa;
pub(in crate::vault) mod seal;
pub(in crate::vault) mod wrapping;
