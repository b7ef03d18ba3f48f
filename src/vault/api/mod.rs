//! Vault's HTTP API: one function per endpoint and one type per response.
//!
//! A function takes the client, the token that the request is made with, and the parts of the path
//! and the body. It returns the parsed response.

pub(super) mod entity;
pub(super) mod login;
pub(super) mod sys;
pub(super) mod token;
