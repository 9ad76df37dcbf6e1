//! Pure expressions: holes in text, the names they read, and evaluation with bounded fuel over a lazy context.
//!
//! Text is cut by [`scan`] and made data by [`template_of_text`]; [`inspect`] lists what an expression reads, so that
//! a front end can check names and draw edges before a run; [`infer`] finds the types that are known and what cannot work
//! on them; [`Evaluator`] computes values. An expression sees nothing
//! but what its caller resolves for it: no file, no environment, no clock.
//!
//! What this crate deliberately does not do: it does not know which names exist, and it sets no deadline. Callers
//! evaluate **and inspect** on a thread with a stack of [`STACK_BYTES`], because a source of
//! [`SOURCE_BYTES_MAX`] can hold a chain of some thousand operators, each of which costs a few stack frames.
//!
//! ```
//! use myrmex_expr::{Evaluator, template_of_text};
//! use serde_json::{Value, json};
//!
//! let template = template_of_text("Ship ${{ inputs.version | upper }}?").unwrap();
//! let text = Evaluator::new().render(&template, &mut |reference| {
//!     (reference.to_string() == "inputs.version").then(|| json!("v1"))
//! });
//! assert_eq!(text.unwrap(), Value::from("Ship V1?"));
//! ```

mod compiled;
mod convert;
mod error;
mod evaluate;
mod filters;
mod infer;
mod inspect;
mod jq;
mod limits;
mod operators;
mod scan;
mod shape;
mod syntax;
mod tree;
mod types;
mod vocabulary;

pub use error::{ExprError, ExprErrorKind, ResultLimit};
pub use evaluate::{Evaluator, Resolve};
pub use infer::{Clash, Inferred, Stray, infer};
pub use inspect::{Inspection, Reference, Step, inspect};
pub use jq::{JqAnswer, JqDirect, JqJob, JqRunner, JqTrouble};
pub use limits::Limits;
pub use scan::{Piece, ScanError, ScanErrorKind, scan, template_of_text};
pub use shape::Shape;

/// The longest source of an expression. Longer chains of operators would need a larger stack to parse.
pub const SOURCE_BYTES_MAX: usize = 4096;

/// What an evaluation may spend unless somebody says otherwise: one a step, and one for each 64 bytes read or made; about
/// 3 MB of data.
pub const FUEL: u64 = 50_000;

/// The most that somebody may say: about 320 MB of data, and seconds in which no other run of the partition goes on.
pub const FUEL_MAX: u64 = 5_000_000;

/// The stack a thread needs that inspects or evaluates.
pub const STACK_BYTES: usize = 64 << 20;
