//! The login of people in a browser: cases L1 to L31, and what goes beyond them.

mod explain;
mod journey;
mod navigation;
mod passwords;
mod renewal;
mod sealing;
mod vault;
