//! The identity store, at `identity/`.

pub(in crate::vault) mod alias;
pub(in crate::vault) mod entity;
pub(in crate::vault) mod group;
