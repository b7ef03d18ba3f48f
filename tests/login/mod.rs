//! The login of people in a browser: cases L1 to L31, and what goes beyond them.

mod explain;
mod factors;
mod journey;
mod navigation;
mod passwords;
mod proxies;
mod renewal;
mod sealing;
mod vault;
