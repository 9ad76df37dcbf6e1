//! Workflows and runs as pictures: what is drawn ([`model`]), where it lies ([`layout`]), and one file for each format.
//!
//! All of it is pure: a definition or a run in, text out, and the same text each time.

pub mod critical;
pub mod dot;
pub(in crate::render) mod glyphs;
pub mod json;
mod layers;
pub mod layout;
pub mod mermaid;
pub mod model;
pub mod route;
pub mod states;
pub mod svg;
pub mod text;
