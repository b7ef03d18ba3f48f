//! Tests of all pages in both languages.

mod content;
mod html;
mod samples;
mod texts;
