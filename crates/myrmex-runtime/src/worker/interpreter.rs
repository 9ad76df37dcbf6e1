//! Interpreters: how each is given its script, without a file on a disk.

use std::ffi::OsString;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::value::{Value, to_text};

use crate::platform::SCRIPT_PATH;

/// The longest script that is given as an argument: Linux takes 128 KiB for one, its end included.
const ARGUMENT_BYTES_MAX: usize = (128 << 10) - 1;

/// An interpreter that is known by its bare name.
struct Known {
    name: &'static str,
    /// The program with what always stands before the script.
    program: &'static [&'static str],
    /// What says that the script itself is the next argument.
    inline: &'static str,
    /// What must stand before the path of a script.
    file: &'static [&'static str],
}

const KNOWN: [Known; 9] = [
    // Shells stop at the first command that fails.
    known("sh", &["sh", "-e"], "-c", &[]),
    known("dash", &["dash", "-e"], "-c", &[]),
    known("bash", &["bash", "-e", "-o", "pipefail"], "-c", &[]),
    known("zsh", &["zsh", "-e"], "-c", &[]),
    // What is called `python` differs from machine to machine, and is often not there.
    known("python", &["python3"], "-c", &[]),
    known("python3", &["python3"], "-c", &[]),
    // It would look for the file behind the link, which has no name.
    known("node", &["node"], "-e", &["--preserve-symlinks-main"]),
    known("perl", &["perl"], "-e", &[]),
    known("ruby", &["ruby"], "-e", &[]),
];

const fn known(
    name: &'static str,
    program: &'static [&'static str],
    inline: &'static str,
    file: &'static [&'static str],
) -> Known {
    Known { name, program, inline, file }
}

/// How a script is started.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) argv: Vec<OsString>,
    /// The script, if it is not among the arguments.
    pub(super) script: Option<OsString>,
}

/// Says how `interpreter` is given `script`: by an argument if its bare name is known and the script is short enough,
/// else as a file in memory whose path is the last argument.
///
/// # Errors
///
/// Returns the task's error if the interpreter is an empty text.
pub(super) fn invoke(interpreter: &str, script: OsString) -> Result<Invocation, Fault> {
    let known = KNOWN.iter().find(|known| known.name == interpreter.trim());
    let mut argv: Vec<OsString> = match known {
        Some(known) => known.program.iter().map(OsString::from).collect(),
        None => interpreter.split_whitespace().map(OsString::from).collect(),
    };
    if argv.is_empty() {
        return Err(Fault::new(FaultKind::Validation, "`interpreter` names no program"));
    }
    if let Some(known) = known.filter(|_| script.len() <= ARGUMENT_BYTES_MAX) {
        argv.extend([known.inline.into(), script]);
        return Ok(Invocation { argv, script: None });
    }
    argv.extend(known.into_iter().flat_map(|known| known.file).map(OsString::from));
    argv.push(SCRIPT_PATH.into());
    Ok(Invocation { argv, script: Some(script) })
}

/// Returns the word for the program that the arguments of a task name, and the program.
pub(super) fn program(arguments: &Value) -> (&'static str, String) {
    if let Some(command) = arguments.get("command") {
        return ("program", command.get(0).map(to_text).unwrap_or_default());
    }
    let interpreter = arguments.get("interpreter").and_then(Value::as_str).unwrap_or("sh");
    let invocation = invoke(interpreter, OsString::new());
    let first = invocation.ok().and_then(|invocation| invocation.argv.into_iter().next());
    ("interpreter", first.unwrap_or_default().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(interpreter: &str, script: &str, argv: &[&str], is_file: bool) {
        let invocation = invoke(interpreter, script.into()).unwrap();
        assert_eq!(invocation.argv, argv);
        assert_eq!(invocation.script, is_file.then(|| script.into()));
    }

    #[test]
    fn a_known_interpreter_is_given_the_script_itself() {
        check("sh", "a\nb", &["sh", "-e", "-c", "a\nb"], false);
        check("bash", "x", &["bash", "-e", "-o", "pipefail", "-c", "x"], false);
        check("python", "print(1)", &["python3", "-c", "print(1)"], false);
        check("node", "x", &["node", "-e", "x"], false);
    }

    #[test]
    fn a_long_script_and_any_other_interpreter_get_a_path() {
        let long = "x".repeat(ARGUMENT_BYTES_MAX + 1);
        check("sh", &long, &["sh", "-e", SCRIPT_PATH], true);
        check("node", &long, &["node", "--preserve-symlinks-main", SCRIPT_PATH], true);
        check("awk -f", "x", &["awk", "-f", SCRIPT_PATH], true);
        check("/usr/bin/python3", "x", &["/usr/bin/python3", SCRIPT_PATH], true);
        assert!(invoke(" ", "x".into()).is_err());
    }
}
