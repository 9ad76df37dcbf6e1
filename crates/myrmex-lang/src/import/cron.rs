//! Crontabs: each line becomes a workflow with one task. When it ran is said in a comment and in the report: nothing is started by
//! time yet.
//!
//! The form with a column for the user is not told from the one without: in `/etc` it is taken off by whoever imports it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::flow::{Body, Flow, Task};
use super::foreign::shown;
use super::names::Names;
use super::template::escaped;
use super::{Draft, codes, span};
use crate::Source;
use crate::tree::Place;

/// The most lines of a crontab that become workflows.
const LINES_MAX: usize = 1_000;

/// The longest crontab that is read, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Words for times.
const WORDS: [&str; 8] =
    ["@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// The names of days and months, which may stand for numbers.
const NAMES: [&str; 19] = [
    "sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug",
    "sep", "oct", "nov", "dec",
];

/// Words before a command that say less of it than what follows.
const PLAIN: [&str; 8] = ["nice", "env", "sudo", "exec", "sh", "bash", "python3", "/usr/bin/env"];

/// What a line of a crontab is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'t> {
    /// Nothing, or a comment.
    Empty,
    /// A variable for the lines below it.
    Variable(&'t str, String),
    /// A time and a command.
    Entry(String, &'t str),
    /// Something else.
    Unknown,
}

/// Reads all files.
pub(super) fn read(sources: &[Source], draft: &mut Draft) {
    let (mut names, mut written) = (Names::default(), 0);
    for source in sources {
        if source.text.len() > FILE_BYTES_MAX || source.text.contains('\0') {
            draft.error(
                codes::FILE,
                span(source, Place::default()),
                "the file is no crontab, or larger than 1 MiB",
            );
            continue;
        }
        written += one(source, &mut names, draft);
    }
    draft.count("files", sources.len());
    draft.count("workflows", written);
}

fn one(source: &Source, names: &mut Names, draft: &mut Draft) -> usize {
    let (mut env, mut comment, mut written, mut at) = (Map::new(), Vec::new(), 0, 0);
    let mut refused = BTreeSet::new();
    for line in source.text.split_inclusive('\n') {
        let own = line.trim_end();
        let place = Place::new(at, at + own.len());
        at += line.len();
        match parsed(own) {
            Line::Empty => match own.trim_start().strip_prefix('#') {
                Some(text) => comment.push(text.trim().to_owned()),
                None => comment.clear(),
            },
            Line::Variable(name, value) if name == "MAILTO" || name == "CRON_TZ" => {
                let message = format!("`{name}={}` is left out: it has no equal yet", shown(&value));
                draft.warn(codes::NO_EQUAL, span(source, place), message);
            }
            Line::Variable(name, value) => {
                env.insert(name.to_owned(), json!(value));
            }
            Line::Entry(_, _) if written == LINES_MAX => {
                refused.insert(place.start);
            }
            Line::Entry(time, command) => {
                written += 1;
                entry(source, place, (&time, command), (&env, &mut comment, names), draft);
            }
            Line::Unknown => {
                comment.clear();
                let message = format!("`{}` is no line of a crontab", shown(own));
                draft.error(codes::FIELD, span(source, place), message);
            }
        }
    }
    for start in refused {
        let message =
            format!("a crontab has at most {LINES_MAX} lines that become workflows: this one is left out");
        draft.error(codes::FIELD, span(source, Place::new(start, start + 1)), message);
    }
    if written == 0 {
        draft.error(
            codes::FIELD,
            span(source, Place::default()),
            "the file has no line with a time and a command",
        );
    }
    written
}

/// Makes a workflow of a line.
fn entry(
    source: &Source,
    place: Place,
    (time, command): (&str, &str),
    (env, comment, names): (&Map<String, Value>, &mut Vec<String>, &mut Names),
    draft: &mut Draft,
) {
    let at = span(source, place);
    let (script, input) = input(command);
    let called = called(&script);
    let mut flow = Flow::new(names, &called, "cron", &source.name);
    let name = flow.name.clone();
    flow.comments.append(comment);
    flow.comments.push(format!("There it ran at: {time}"));
    flow.head.insert("x-cron".to_owned(), json!({"at": time, "line": command}));
    let mut env = env.clone();
    let shell = env.remove("SHELL").and_then(|shell| shell.as_str().map(str::to_owned));
    let mut task = Task::new();
    let text = match input {
        // What stands behind `%` is given to the command as its input.
        Some(input) => {
            env.insert("CRON_INPUT".to_owned(), json!(input));
            format!("printf '%s\\n' \"$CRON_INPUT\" | {{\n{script}\n}}\n")
        }
        None => script,
    };
    let interpreter = shell.unwrap_or_else(|| "/bin/sh".to_owned());
    task.insert("run".to_owned(), json!({"script": escaped(&text), "interpreter": interpreter}));
    let home = env.remove("HOME").and_then(|home| home.as_str().map(str::to_owned));
    if let Some(home) = home {
        draft.warn(
            codes::NEARLY,
            at.clone(),
            format!("`HOME={}` is the variable only: the folder is the workspace", shown(&home)),
        );
        env.insert("HOME".to_owned(), json!(home));
    }
    if !env.is_empty() {
        let escaped_env: Map<String, Value> = env
            .iter()
            .map(|(name, value)| (name.clone(), json!(escaped(value.as_str().unwrap_or_default()))))
            .collect();
        task.insert("env".to_owned(), Value::Object(escaped_env));
    }
    flow.body = Body::Graph(vec![("run".to_owned(), task)]);
    let message =
        format!("the time `{}` of `{name}` is left out: nothing is started by time yet", shown(time));
    draft.warn(codes::NO_EQUAL, at.clone(), message);
    draft.workflow(&flow.name.clone(), flow.text(), at);
}

/// Reads a line.
fn parsed(line: &str) -> Line<'_> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Line::Empty;
    }
    if let Some((name, value)) = line.split_once('=') {
        let name = name.trim();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name {
            let value = value.trim();
            let quoted =
                ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
            return Line::Variable(name, quoted.unwrap_or(value).to_owned());
        }
    }
    let count = if line.starts_with('@') { 1 } else { 5 };
    let (mut fields, mut rest) = (Vec::new(), line);
    for _ in 0..count {
        let Some((field, more)) = rest.split_once([' ', '\t']) else { return Line::Unknown };
        fields.push(field);
        rest = more.trim_start();
    }
    let is_time =
        if count == 1 { WORDS.contains(&fields[0]) } else { fields.iter().all(|field| is_field(field)) };
    if is_time && !rest.is_empty() { Line::Entry(fields.join(" "), rest) } else { Line::Unknown }
}

/// Whether a text is a column of a time: numbers, names, `*`, with `-`, `/` and `,` between them.
fn is_field(field: &str) -> bool {
    field.split(',').all(|part| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let is_number = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
                || NAMES.iter().any(|name| text.eq_ignore_ascii_case(name))
        };
        let is_range = range == "*" || range.split('-').count() <= 2 && range.split('-').all(is_number);
        is_range && step.is_none_or(is_number)
    })
}

/// Cuts a command at its first `%`, which is not part of it: what follows is its input, in which each `%` ends a line.
fn input(command: &str) -> (String, Option<String>) {
    let mut parts = vec![String::new()];
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'%') => {
                chars.next();
                if let Some(part) = parts.last_mut() {
                    part.push('%');
                }
            }
            '%' => parts.push(String::new()),
            other => {
                if let Some(part) = parts.last_mut() {
                    part.push(other);
                }
            }
        }
    }
    let script = parts.remove(0);
    (script.trim_end().to_owned(), (!parts.is_empty()).then(|| parts.join("\n")))
}

/// Makes a name of a command: the program without its folders and ending.
fn called(script: &str) -> String {
    let is_word =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '/' | '~'));
    let words = script.split_whitespace().filter(is_word).filter(|word| !word.contains('='));
    let word = words
        .clone()
        .find(|word| !PLAIN.contains(word) && !word.starts_with(['[', '>', '(', '{']))
        .unwrap_or("line");
    let file = word.rsplit('/').find(|part| !part.is_empty()).unwrap_or("line");
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("line");
    let name: String = stem.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    if name.is_empty() { "line".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_cron_reads_them() {
        let entry = |time: &str, command| Line::Entry(time.to_owned(), command);
        assert_eq!(parsed("*/5 0-6,8 * jan MON-FRI  a b"), entry("*/5 0-6,8 * jan MON-FRI", "a b"));
        assert_eq!(parsed("@daily\ta"), entry("@daily", "a"));
        assert_eq!(parsed(" A = 'b c'"), Line::Variable("A", "b c".to_owned()));
        assert_eq!(
            (parsed("  # x"), parsed("@never a"), parsed("1 2 3 a b")),
            (Line::Empty, Line::Unknown, Line::Unknown)
        );
        assert_eq!(parsed("61-x * * * * a"), Line::Unknown);
    }

    #[test]
    fn what_stands_behind_a_percent_sign_is_the_input() {
        assert_eq!(input(r"date +\%F"), ("date +%F".to_owned(), None));
        assert_eq!(input("cat%one%two"), ("cat".to_owned(), Some("one\ntwo".to_owned())));
        assert_eq!(
            ["/usr/local/bin/back-up.sh --all", "nice -n 5 env A=b ./x", "[ -d /x ] && y", "(echo)"]
                .map(called),
            ["back-up", "x", "x", "line"]
        );
    }
}
