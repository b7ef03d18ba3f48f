//! The policy parser compared with that of OpenBao.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "when the surroundings of a test fail, it has to"
)]

mod corpus;
mod generated;
mod joined;
mod oracle;
mod templates;
