//! OAuth 2.1 for MCP clients, in front of Vault's logins.

pub mod client;
