//! Makes files of ours of what other tools define or recorded.
//!
//! One module for each format: it reads sources and puts what it makes, and what it has to say, into a [`Draft`]. The rest is the
//! same for all and stands here: every generated file is brought into the canonical form and checked before anybody gets it,
//! so that what is handed out is clean; and a file that somebody changed since is known by the checksum in its first line.
//!
//! What this module deliberately does not do: it reads and writes no files, and it runs nothing.

mod argo;
pub mod codes;
mod codomyrmex;
mod cron;
mod dagu;
mod flow;
mod foreign;
mod github;
mod kestra;
mod names;
mod page;
mod shell;
mod template;
mod wfformat;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use myrmex_model::diagnostic::{Code, Diagnostic, Severity, Span};
use myrmex_model::value::Value;

use crate::tree::{Kind, Node, Place};
use crate::{Beside, Source, Syntax, check_with, format};

pub use codomyrmex::Dialect;
pub use wfformat::{ImportError, wfformat};

/// The most files that one import reads: far more than a project has, and few enough that a wrong folder is noticed.
pub const FILES_MAX: usize = 10_000;

/// The most bytes that one import reads in all: what is made of them is held in memory at once.
pub const BYTES_MAX: usize = 256 << 20;

/// The most notes of each severity that one import keeps, the first ones: so many that each file that is read may have one, and
/// few enough that a file full of keys without equal fills no memory. Those beyond are counted.
pub const NOTES_MAX: usize = 10_000;

/// The folder of generated workflows.
const WORKFLOWS: &str = "workflows";

/// The folder of generated libraries of actions.
const ACTIONS: &str = "actions";

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Documents of Argo Workflows.
    Argo,
    /// Workflows, tasks, resources and projects of codomyrmex.
    Codomyrmex,
    /// Crontabs.
    Cron,
    /// Files of Dagu.
    Dagu,
    /// Workflows of GitHub Actions.
    Github,
    /// Flows of Kestra.
    Kestra,
    /// `WfCommons` `WfFormat` 1.5: recorded executions of scientific workflows.
    Wfformat,
}

impl Format {
    /// All formats in order of their names.
    pub const ALL: &[Self] =
        &[Self::Argo, Self::Codomyrmex, Self::Cron, Self::Dagu, Self::Github, Self::Kestra, Self::Wfformat];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argo => "argo",
            Self::Codomyrmex => "codomyrmex",
            Self::Cron => "cron",
            Self::Dagu => "dagu",
            Self::Github => "github",
            Self::Kestra => "kestra",
            Self::Wfformat => "wfformat",
        }
    }

    /// Says what it is, in a line of help.
    pub fn about(self) -> &'static str {
        match self {
            Self::Argo => "Documents of Argo Workflows",
            Self::Codomyrmex => "Workflows, task lists and resources of codomyrmex",
            Self::Cron => "Crontabs",
            Self::Dagu => "Files of Dagu",
            Self::Github => "Workflows of GitHub Actions",
            Self::Kestra => "Flows of Kestra",
            Self::Wfformat => "`WfCommons` `WfFormat` 1.5: recorded executions of scientific workflows",
        }
    }

    /// Returns the endings of its files, which are looked for in folders.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Codomyrmex | Self::Wfformat => &["json"],
            Self::Cron => &["cron", "crontab"],
            Self::Argo | Self::Dagu | Self::Github | Self::Kestra => &["yaml", "yml"],
        }
    }
}

/// What an import is told beside the files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Of [`Format::Wfformat`]: what recorded durations are multiplied by, 1 if not said.
    pub scale: Option<f64>,
    /// Of [`Format::Codomyrmex`]: which dialect the files are written in.
    pub dialect: Option<Dialect>,
    /// Of [`Format::Codomyrmex`]: which task of ours stands for each action.
    pub map: Option<Source>,
}

/// What an import made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// The files, by their paths below the folder that is written to.
    pub files: Vec<Generated>,
    /// What is to be said, by file and place: errors about what was not written, warnings about what has no equal, notes.
    /// At most [`NOTES_MAX`] of each severity.
    pub notes: Vec<Diagnostic>,
    /// How many more notes of a severity there were, where there were too many.
    pub more: BTreeMap<Severity, usize>,
    /// What was read and written, counted.
    pub counts: Vec<Count>,
    /// How the files were read, if that could have been otherwise.
    pub manner: Option<String>,
}

/// A file that an import made. It is canonical and free of errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Its path below the folder that is written to, with `/` between its parts.
    pub path: String,
    /// Its text without the line with the checksum.
    pub body: String,
}

/// How many of something there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// What is counted, in plural.
    pub what: &'static str,
    /// How many there are.
    pub number: usize,
}

/// What is to become of a file that stands where a generated one belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is the same: nothing is written.
    Same,
    /// An import wrote it and nobody changed it: the new one takes its place.
    Replaced,
    /// Somebody changed what an import wrote: it is left alone, unless somebody forces it.
    Kept,
    /// No import wrote it: it is left alone always.
    Foreign,
}

impl Generated {
    /// Returns the text to be written: the body below a line with its checksum.
    pub fn text(&self) -> String {
        page::stamped(&self.body)
    }

    /// Whether it is a workflow.
    pub fn is_workflow(&self) -> bool {
        self.path.starts_with(WORKFLOWS)
    }

    /// Says what is to become of the file that stands where this one belongs.
    pub fn fate(&self, existing: &str) -> Fate {
        if existing == self.text() {
            Fate::Same
        } else if page::is_as_written(existing) {
            Fate::Replaced
        } else if page::is_stamped(existing) {
            Fate::Kept
        } else {
            Fate::Foreign
        }
    }
}

impl Imported {
    /// Returns whether something could not be written.
    pub fn has_errors(&self) -> bool {
        self.notes.iter().any(|note| note.severity == Severity::Error)
    }
}

/// Imports `sources`. Never stops at the first problem: what is in order becomes files, whatever is wrong with the rest.
///
/// Expressions are parsed by recursion: call it on a thread with a stack of `myrmex_expr::STACK_BYTES`.
///
/// ```
/// use myrmex_lang::Source;
/// use myrmex_lang::import::{Format, Options, import};
///
/// let text = r#"{"name": "hello", "steps": [{"name": "greet", "module": "tools", "action": "greet"}]}"#;
/// let imported = import(Format::Codomyrmex, &[Source::new("hello.json", text)], &Options::default());
/// let paths: Vec<_> = imported.files.iter().map(|file| file.path.as_str()).collect();
/// assert_eq!(paths, ["actions/codomyrmex.yaml", "workflows/hello.yaml"]);
/// ```
pub fn import(format: Format, sources: &[Source], options: &Options) -> Imported {
    let mut draft = Draft::default();
    match format {
        Format::Argo => argo::read(sources, &mut draft),
        Format::Codomyrmex => codomyrmex::read(sources, options, &mut draft),
        Format::Cron => cron::read(sources, &mut draft),
        Format::Dagu => dagu::read(sources, &mut draft),
        Format::Github => github::read(sources, &mut draft),
        Format::Kestra => kestra::read(sources, &mut draft),
        Format::Wfformat => wfformat::read(sources, options, &mut draft),
    }
    draft.finish(sources)
}

/// What an import has made so far.
#[derive(Debug, Default)]
struct Draft {
    files: Vec<Drafted>,
    notes: Vec<Diagnostic>,
    /// How many notes of each severity there were so far, kept or not.
    numbers: BTreeMap<Severity, usize>,
    counts: Vec<Count>,
    manner: Option<String>,
}

/// A file that was not checked yet.
#[derive(Debug)]
struct Drafted {
    path: String,
    text: String,
    /// Where what it was made of stands.
    origin: Span,
}

impl Draft {
    /// Adds a file at `path` that was made of what stands at `origin`.
    fn file(&mut self, path: String, text: String, origin: Span) {
        self.files.push(Drafted { path, text, origin });
    }

    /// Adds the file of the workflow `name`.
    fn workflow(&mut self, name: &str, text: String, origin: Span) {
        self.file(format!("{WORKFLOWS}/{name}.yaml"), text, origin);
    }

    /// Adds the library of actions `name`.
    fn library(&mut self, name: &str, text: String, origin: Span) {
        self.file(format!("{ACTIONS}/{name}.yaml"), text, origin);
    }

    /// Adds a note, or counts it alone if there are too many of its severity.
    fn push(&mut self, note: Diagnostic) {
        let number = self.numbers.entry(note.severity).or_default();
        *number += 1;
        if *number <= NOTES_MAX {
            self.notes.push(note);
        }
    }

    /// Says why something was not written.
    fn error(&mut self, code: Code, at: Span, message: impl Into<String>) {
        self.push(Diagnostic::error(code, at, message));
    }

    /// Says why something was not written, and what to do.
    fn error_hint(&mut self, code: Code, at: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Diagnostic::error(code, at, message).with_hint(hint));
    }

    /// Says what has no equal, or is only nearly the same.
    fn warn(&mut self, code: Code, at: Span, message: impl Into<String>) {
        self.push(Diagnostic::warning(code, at, message));
    }

    /// Says what was done and loses nothing.
    fn note(&mut self, at: Span, message: impl Into<String>) {
        let note = Diagnostic::warning(codes::DONE, at, message);
        self.push(Diagnostic { severity: Severity::Note, ..note });
    }

    /// Says how many of something there are.
    fn count(&mut self, what: &'static str, number: usize) {
        self.counts.push(Count { what, number });
    }

    /// Returns how many errors there are so far.
    fn errors(&self) -> usize {
        self.numbers.get(&Severity::Error).copied().unwrap_or_default()
    }

    /// Brings all files into the canonical form and checks them; those that do not check are not handed out.
    fn finish(mut self, sources: &[Source]) -> Imported {
        let mut files: Vec<Generated> = Vec::new();
        let mut paths = BTreeSet::new();
        // Libraries come first: workflows are checked with them.
        let (libraries, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.files).into_iter().partition(|file| file.path.starts_with(ACTIONS));
        let mut beside = Beside { library_folder: Some(ACTIONS.to_owned()), ..Beside::default() };
        for file in libraries.into_iter().chain(others) {
            match checked(&file, &beside) {
                Err(problem) => {
                    let message = format!("what was made of it does not check: {problem}");
                    self.error(codes::RESULT, file.origin, message);
                }
                Ok(_) if !paths.insert(file.path.clone()) => {
                    let message = format!("two definitions become the file `{}`", file.path);
                    self.error(codes::CONFLICT, file.origin, message);
                }
                Ok(body) => {
                    if file.path.starts_with(ACTIONS) {
                        beside.libraries.push(Source::new(file.path.as_str(), body.as_str()));
                    }
                    files.push(Generated { path: file.path, body });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let order: BTreeMap<&str, usize> =
            sources.iter().enumerate().map(|(index, source)| (&*source.name, index)).collect();
        self.notes.sort_by_cached_key(|note| {
            (order.get(&*note.span.file).copied(), note.span.clone(), note.code, note.message.clone())
        });
        self.notes.dedup();
        let more = self.numbers.into_iter().filter(|(_, number)| *number > NOTES_MAX);
        let more = more.map(|(severity, number)| (severity, number - NOTES_MAX)).collect();
        Imported { files, notes: self.notes, more, counts: self.counts, manner: self.manner }
    }
}

/// Returns the canonical text of a file that is free of errors, or what is wrong with it. Settings have no check here.
fn checked(file: &Drafted, beside: &Beside) -> Result<String, String> {
    let source = Source::new(file.path.as_str(), page::stamped(&file.text));
    let text = format(&source, Syntax::Yaml).map_err(|error| error.to_string())?;
    let body = text.split_once('\n').map_or(String::new(), |(_, body)| body.to_owned());
    if file.path.starts_with(WORKFLOWS) || file.path.starts_with(ACTIONS) {
        let found = check_with(&Source::new(file.path.as_str(), body.as_str()), beside).diagnostics;
        if let Some(error) = found.iter().find(|found| found.severity == Severity::Error) {
            return Err(format!("{} ({})", error.message, error.code));
        }
    }
    Ok(body)
}

/// Returns a stretch of a file.
fn span(source: &Source, place: Place) -> Span {
    Span { file: Arc::clone(&source.name), start: place.start, end: place.end }
}

/// Returns the value that stands in a tree.
fn value(node: &Node) -> Value {
    match &node.followed().kind {
        Kind::Scalar(scalar) => scalar.value(),
        Kind::List(list) => list.items.iter().map(|item| value(item)).collect(),
        Kind::Map(map) => {
            map.entries.iter().map(|entry| (entry.key.text.clone(), value(&entry.value))).collect()
        }
        Kind::Alias(_) | Kind::Broken => Value::Null,
    }
}
