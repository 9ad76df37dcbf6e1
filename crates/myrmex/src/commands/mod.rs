//! The commands, one file each.

pub mod check;
pub mod events;
pub mod explain;
pub mod fmt;
pub mod import;
pub mod run;
pub mod runs;
pub mod schema;

pub mod cancel;
pub mod list;
pub mod logs;
pub mod resume;

use std::path::Path;
use std::sync::Arc;

use myrmex_lang::{Checked, Source};
use myrmex_model::diagnostic::{Code, Diagnostic, Span};
use myrmex_model::ir::Definition;

use crate::exit::reason;

/// The largest source file that is read, in bytes. Larger ones belong into a `for_each` over data.
const SOURCE_BYTES_MAX: u64 = 64 << 20;

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
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
}

impl CheckedFile {
    /// Makes one of a file that cannot be read, for this reason.
    fn unreadable(problem: Diagnostic) -> Self {
        let source = Source::new(Arc::clone(&problem.span.file), "");
        Self { source, definition: None, diagnostics: vec![problem] }
    }
}

/// Builds the problem of a file that cannot be read.
fn unreadable(name: &Arc<str>, path: &Path, reason: &str) -> Diagnostic {
    let span = Span { file: Arc::clone(name), start: 0, end: 0 };
    let problem = Diagnostic::error(UNREADABLE, span, format!("the file cannot be read: {reason}"));
    if path.is_dir() {
        let folder = path.display();
        return problem.with_hint(format!("name the files in it, such as `{folder}/*.yaml`"));
    }
    problem
}

/// Reads and checks a source file; a file that cannot be read is a diagnostic like any other.
///
/// Expressions are parsed by recursion, so the work is done on a thread with the stack for it.
fn check_file(path: &Path) -> CheckedFile {
    let name: Arc<str> = path.display().to_string().into();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(reason) => return CheckedFile::unreadable(unreadable(&name, path, &reason)),
    };
    let source = Source::new(name, text);
    let on_thread = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
        let handle = builder.spawn_scoped(scope, || myrmex_lang::check(&source));
        handle.map(std::thread::ScopedJoinHandle::join)
    });
    let Checked { definition, diagnostics, .. } = match on_thread {
        Ok(Ok(checked)) => checked,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // Without memory for a large stack a small one must do.
        Err(_) => myrmex_lang::check(&source),
    };
    if source.text.len() > LARGE_SOURCE_BYTES {
        myrmex_runtime::platform::return_memory();
    }
    CheckedFile { source, definition, diagnostics }
}

fn read_text(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let said = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        // The other kinds are of a foreign enum, and the system's words are the best there are.
        _ => reason(&error),
    };
    let file = std::fs::File::open(path).map_err(said)?;
    let mut bytes = Vec::new();
    file.take(SOURCE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(said)?;
    if bytes.len() as u64 > SOURCE_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", SOURCE_BYTES_MAX >> 20));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 text (byte {})", error.utf8_error().valid_up_to()))
}
