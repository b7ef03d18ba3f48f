//! The stack of `deploy/observability`: its files, and the queries of its dashboards in ClickHouse.

mod captured;
mod dashboards;
mod database;
mod increases;
mod macros;
mod panels;
mod platform;
mod quality;
mod rows;
mod simulated;
mod stack;
