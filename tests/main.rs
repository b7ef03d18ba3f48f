//! Tests of the program as a running service, against the real OpenBao and real proxies, on free
//! ports of this machine. `support` starts them; each other module is one subject.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "clippy's leave for tests does not cover the functions that they share"
)]

mod acl;
mod acl_memory;
mod acl_oracle;
mod acl_requests;
mod addresses;
mod alerts;
mod attacks;
mod audit;
mod availability;
mod bring_up;
mod browser;
mod caching;
mod cluster;
mod command;
mod console;
mod conventions;
mod deploy;
mod doctor;
mod expect;
mod explain;
mod faults;
mod feed;
mod identity;
mod kinds;

mod limits;
mod login;
mod logins;
mod logs;
mod manners;
mod mcp_clients;
mod mcp_proxies;
mod metrics;
mod oauth;
mod observability;
mod outages;
mod policies;
mod policy_commands;
mod policy_drift;
mod proxies;
mod readme;
mod refusals;
mod reload;
mod schedule;
mod secrecy;
mod secret_commands;
mod secrets;
#[cfg(feature = "sentry")]
mod sentry;
mod session;
mod several_addresses;
mod shutdown;
mod sockets;
mod subjects;
mod support;
mod targets;

mod traces;
mod two_ways;
mod uses;
mod wire;
mod wording;
