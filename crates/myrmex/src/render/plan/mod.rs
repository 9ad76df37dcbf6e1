//! A plan for people and scripts: a [`chart`], [`section`]s of words and tables beside it, and one file for each format.

mod axis;
pub mod chart;
pub mod html;
pub mod json;
pub mod mermaid;
mod money;
mod rows;
pub mod section;
pub mod shown;
pub mod svg;
pub mod text;
pub mod words;
