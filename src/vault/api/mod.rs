//! Vault's HTTP API: one function per endpoint and one type per response.
//!
//! A function takes the token that the request is made with, sends the request and returns the
//! parsed response. It draws no conclusions: a rejection is an error with its kind.

pub(super) mod sys;
pub(super) mod token;
