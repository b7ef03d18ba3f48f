//! Tests of all pages in both languages.

mod authorization;
mod content;
mod html;
mod samples;
mod texts;
