//! The real OpenBao, Caddy and validator on free ports, for tests and the demo.
//!
//! `make tools` installs the two servers into `.tools/`; `BAO_BIN` and `CADDY_BIN`
//! name others. Every process that is started here is killed when its value is dropped.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "several binaries include this module, and each uses a part of it"
)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "when the surroundings of a test fail, it has to"
)]

pub mod backend;
pub mod bao;
pub mod caddy;
pub mod direct;
pub mod fault;
pub mod http;
pub mod metrics;
pub mod platform;
pub mod ports;
pub mod process;
pub mod raw;
pub mod stack;
pub mod tools;
pub mod validator;
pub mod wait;
