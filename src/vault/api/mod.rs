//! Vault's HTTP API: one function per endpoint and one type per response.

pub(in crate::vault) mod kv;
pub(in crate::vault) mod transit;
