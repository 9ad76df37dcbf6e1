//! The commands, one file each.

pub mod analyze;
pub mod answer;
pub mod approvals;
pub mod check;
pub mod completions;
pub mod doctor;
pub mod events;
pub mod example;
pub mod explain;
pub mod export;
pub mod fmt;
mod follow;
pub mod graph;
pub mod import;
mod lacking;
pub mod man;
pub mod new;
mod out;
pub mod plan;
pub mod project;
mod rehearsal;
mod rounds;
pub mod run;
pub mod runs;
pub mod schema;
pub mod why;

pub mod artifacts;
pub mod cancel;
pub mod list;
pub mod logs;
pub mod resume;
pub mod retry;
pub mod show;
pub mod skip;
pub mod stats;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use myrmex_lang::{Checked, CheckedSource, Source, SourceMap};
use myrmex_model::diagnostic::{Code, Diagnostic, Span};
use myrmex_model::ir::Definition;
use myrmex_model::name::Name;

use crate::settings::{self, Settings};
use crate::sources;

/// From this size on the trees of a file take memory worth giving back before the run begins.
const LARGE_SOURCE_BYTES: usize = 128 << 10;

/// The code of a file that cannot be read.
const UNREADABLE: Code = Code("E0001");

/// What checking one file gave.
pub struct CheckedFile {
    /// The file.
    pub source: Source,
    /// The definition, if there is no error.
    pub definition: Option<Definition>,
    /// The workflows that a run of it may come to call, by name.
    pub closure: BTreeMap<Name, Definition>,
    /// Where the nodes of the definition stand, and those of the workflows that it calls, by name; if that was asked for.
    pub places: Option<(SourceMap, BTreeMap<Name, SourceMap>)>,
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
    /// The files with errors that this one needs.
    pub beside: Vec<CheckedSource>,
}

impl CheckedFile {
    /// Gives back what a run does not need: the places.
    fn give_back(&mut self) {
        self.places = None;
        if self.source.text.len() > LARGE_SOURCE_BYTES {
            myrmex_runtime::platform::return_memory();
        }
    }

    /// Makes one of a file that cannot be read, for this reason.
    fn unreadable(problem: Diagnostic) -> Self {
        let source = Source::new(Arc::clone(&problem.span.file), "");
        Self {
            source,
            definition: None,
            closure: BTreeMap::new(),
            places: None,
            diagnostics: vec![problem],
            beside: Vec::new(),
        }
    }
}

/// Builds the problem of a file that cannot be read.
fn unreadable(name: &Arc<str>, path: &Path, reason: &str) -> Diagnostic {
    let span = Span { file: Arc::clone(name), start: 0, end: 0 };
    let problem = Diagnostic::error(UNREADABLE, span, format!("the file cannot be read: {reason}"));
    if path.is_dir() {
        return problem.with_hint(match sources::ours(path).first() {
            Some(file) => format!("name one of the files in it, such as `{}`", file.display()),
            None => "no workflow and no library is in it: a workflow says `workflow: NAME` in its first line, libraries \
                     lie in `actions/`"
                .to_owned(),
        });
    }
    match sources::like(path) {
        Some(near) if !path.exists() => problem.with_hint(format!("did you mean `{}`?", near.display())),
        Some(_) | None => problem,
    }
}

/// Reads and checks a source file of the workspace at `root`, with what it names beside it; a file that cannot be read is a
/// diagnostic like any other.
///
/// What a run does not need of it is given back: the places.
fn check_file(path: &Path, root: &Path) -> CheckedFile {
    let mut file = check_placed(path, root);
    file.give_back();
    file
}

/// Reads and checks a source file like [`check_file`], and keeps the places.
pub(crate) fn check_placed(path: &Path, root: &Path) -> CheckedFile {
    let name = sources::name_of(path);
    let text = match sources::read_source(path) {
        Ok(text) => text,
        Err(reason) => return CheckedFile::unreadable(unreadable(&name, path, &reason)),
    };
    if settings::is_settings(path, &text) {
        let source = Source::new(name, text);
        let (_, diagnostics) = Settings::read(&source, root);
        let (closure, beside) = (BTreeMap::new(), Vec::new());
        return CheckedFile { source, definition: None, closure, places: None, diagnostics, beside };
    }
    check_source(Source::new(name, text), (path, root), None)
}

/// Checks a source file that was read from `path` in the workspace at `root`, and keeps the places; with `only` what is left of a
/// workflow with those of its outermost tasks.
///
/// Expressions are parsed by recursion, so the work is done on a thread with the stack for it.
pub(crate) fn check_source(
    source: Source,
    (path, root): (&Path, &Path),
    only: Option<&[String]>,
) -> CheckedFile {
    let others = sources::beside(path, &source.text, root);
    let supply = Settings::load_quietly(root).declared();
    let check = || match only {
        Some(only) => myrmex_lang::check_only(&source, &others, &supply, only),
        None => myrmex_lang::check_in(&source, &others, &supply),
    };
    let on_thread = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
        builder.spawn_scoped(scope, check).map(std::thread::ScopedJoinHandle::join)
    });
    let Checked { definition, places, closure, called_places, diagnostics, beside } = match on_thread {
        Ok(Ok(checked)) => checked,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // Without memory for a large stack a small one must do.
        Err(_) => check(),
    };
    let places = Some((places, called_places));
    CheckedFile { source, definition, closure, places, diagnostics, beside }
}
