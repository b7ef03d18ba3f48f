//! The real OpenBao, proxies and validator on free ports, for tests and the demo.
//!
//! `make tools` puts the servers into `.tools/`; `BAO_BIN`, `CADDY_BIN`, `NGINX_BIN`, `TRAEFIK_BIN`,
//! `ENVOY_BIN`, `PROMETHEUS_BIN`, `ALERTMANAGER_BIN`, `CHROMIUM_BIN` and `CHROMEDRIVER_BIN` name others. Every process that is started here is killed when its value is dropped.

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
pub mod browser;
pub mod caddy;
pub mod compose;
pub mod direct;
pub mod document_server;
pub mod edge;
pub mod edges;
pub mod envoy;
pub mod fault;
pub mod group;
pub mod http;
pub mod idp;
pub mod mcp;
pub mod metrics;
pub mod monitoring;
pub mod nginx;
pub mod oauth_app;
pub mod otlp;
pub mod people;
pub mod person;
pub mod platform;
pub mod ports;
pub mod process;
pub mod raw;
pub mod rewording;
pub mod sentry;
pub mod shell;
pub mod stack;
pub mod tls;
pub mod tools;
pub mod totp;
pub mod traefik;
pub mod validator;
pub mod wait;
