//! Conventions of the source code itself: layers, names and doc comments.

mod language;
mod layers;
mod lists;
mod messages;
mod modules;
mod source;
