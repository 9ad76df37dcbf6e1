//! The codes of what imports report, each written once. A code never gets a second meaning.
//!
//! `E09xx` what is not written · `W09xx` what is written otherwise, or not at all because it has no equal · `N09xx` what is good
//! to know.

use myrmex_model::diagnostic::Code;

/// A file cannot be read as what it seems to be.
pub const FILE: Code = Code("E0901");
/// A field is missing, or holds what it cannot hold.
pub const FIELD: Code = Code("E0902");
/// Tasks that need each other in a way that cannot be.
pub const GRAPH: Code = Code("E0903");
/// A reference that cannot be translated.
pub const REFERENCE: Code = Code("E0904");
/// Two definitions that have one name and differ.
pub const CONFLICT: Code = Code("E0905");
/// A value that means different things, or nothing, without more being said.
pub const MEANING: Code = Code("E0906");
/// What was made of a definition does not check.
pub const RESULT: Code = Code("E0907");
/// A generated file that could not be written.
pub const UNWRITABLE: Code = Code("E0908");
/// Something that has no equal and was left out.
pub const NO_EQUAL: Code = Code("W0901");
/// An action that is not mapped.
pub const UNMAPPED: Code = Code("W0902");
/// Something that became what is only nearly the same.
pub const NEARLY: Code = Code("W0903");
/// A file that was left alone because somebody changed it.
pub const KEPT: Code = Code("W0904");
/// Something that was done with the input and loses nothing.
pub const DONE: Code = Code("N0901");

/// All codes of imports in order.
pub const ALL: &[Code] = &[
    FILE, FIELD, GRAPH, REFERENCE, CONFLICT, MEANING, RESULT, UNWRITABLE, NO_EQUAL, UNMAPPED, NEARLY, KEPT,
    DONE,
];
