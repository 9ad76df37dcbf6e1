//! What is fed: each target reads bytes as the product would read them, and may answer anything.

use myrmex_expr::{Evaluator, inspect, template_of_text};
use myrmex_lang::{Source, Syntax, check, codes, format, tree};
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::template::Expr;
use myrmex_model::time::Timestamp;
use myrmex_model::value::Value;
use myrmex_model::wire::{definition, event, message};
use myrmex_store::envelope::{self, Place};
use myrmex_store::segments::{LogReader, LogStore, MemoryLogStore, Source as Attempt, Stream};
use myrmex_store::{LogId, LogPosition, LogRange, Sequence};

/// Something that reads bytes from outside.
pub(crate) struct Target {
    /// Its name, and that of the folder of its seeds.
    pub(crate) name: &'static str,
    /// Words that mean something to it.
    pub(crate) words: &'static [&'static str],
    /// Reads an input.
    pub(crate) read: fn(&[u8]),
}

/// All targets.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "tree", words: YAML, read: read_tree },
    Target { name: "check", words: WORKFLOW, read: read_workflow },
    Target { name: "expressions", words: EXPRESSION, read: read_expression },
    Target { name: "store", words: STORED, read: read_stored },
];

#[rustfmt::skip]
const YAML: &[&str] = &[
    "&a ", "*a", "<<: ", "? ", "- ", ": ", ", ", "[", "]", "{", "}", "|\n", ">-\n  ", "|2+\n", "---\n", "...\n", "%YAML 1.2\n", "!!str ",
    "! ", "'", "\"", "\\x00", "\\u{0}", " #", "\n\n", "\n  ", "\t", "\u{feff}", "\u{85}", "\u{2028}", "~", "null", "0x1f", ".inf",
];

#[rustfmt::skip]
const WORKFLOW: &[&str] = &[
    "workflow: w\n", "tasks:\n", "  a: ", "do:\n", "run: true", "set: ", "if: ", "needs: [a]", "for_each: ", "retry: {attempts: 3}",
    "timeout: 1s", "inputs:\n", "default: ", "outputs: ", "switch: ", "then: a", "else: b", "${{ ", " }}", "tasks.a.output", "item",
    "inputs.x", "states:\n", "try: ", "wait: 1s", "fail: ", "env: ", "pattern: '('", "enum: [1]", "{", "}", "[", "]", "\n    ", "- ",
];

#[rustfmt::skip]
const EXPRESSION: &[&str] = &[
    "${{", "}}", " | ", "jq('", "')", "x", "[", "]", "(", ")", "{", "}", " if ", " else ", " and ", " not ", " in ", " is ", "**", "//",
    "~", "==", "range(", "map('", "| list", "| sort", "| join(", "| groupby('", "regex_match('", "regex_replace('", "semver_match('",
    "| from_json", "| batch(", "| slice(", "| indent(", "| format(", ".[]", "..", "reduce ", " as $v ", "(0; ", "foreach ", "def f: ",
    "; ", "try ", " catch ", "label $l | ", "break $l", "repeat(", "limit(", "recurse", "until(", "path(", "|= ", "+= ", "? ", "// ",
    "\\(", "\"", "test(\"", "gsub(\"", "@base64 ", "tojson", "fromjson", "tostream", "getpath(", "setpath(", "del(", "walk(", "implode",
    "strftime(\"", "strptime(\"", "gmtime", "mktime", "infinite", "nan", "input", "env", "halt", "splits(\"", "combinations", "\n",
];

#[rustfmt::skip]
const STORED: &[&str] = &[
    "{", "}", "[", "]", ":", ",", "\"", "null", "true", "MXL\u{1}", "\"from\":", "\"to\":", "\"kind\":", "\"nodes\":", "\"body\":",
    "\"running\"", "\"succeeded\"", "\"queued\"", "\u{0}\u{0}\u{0}\u{0}", "\u{7f}\u{7f}\u{7f}\u{7f}", "[[[[[[[[", "{\"a\":", "\\u0000", "\\ud800",
];

fn read_tree(bytes: &[u8]) {
    let source = Source::new("fuzz.yaml", &*String::from_utf8_lossy(bytes));
    drop(tree::parse_source(&source));
    for syntax in [Syntax::Yaml, Syntax::Json] {
        if let Ok(formatted) = format(&source, syntax) {
            drop(format(&Source::new("fuzz.yaml", formatted), syntax));
        }
    }
}

fn read_workflow(bytes: &[u8]) {
    let source = Source::new("fuzz.yaml", &*String::from_utf8_lossy(bytes));
    // What cannot be read back is a problem of its own: that of a rule which is missing.
    let checked = check(&source);
    let defect = checked.diagnostics.iter().find(|problem| problem.code == codes::UNREADABLE);
    assert_eq!(defect, None, "what is accepted can be written and read");
}

/// The first line is the expression, the rest the value of all that it names: JSON, or a text.
fn read_expression(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (source, rest) = text.split_once('\n').unwrap_or((&text, "null"));
    let value: Value = serde_json::from_str(rest).unwrap_or_else(|_| Value::from(rest));
    let program = format!("x | jq({})", Value::from(source));
    let mut evaluator = Evaluator::new();
    for source in [source, &program] {
        if inspect(source).is_ok() {
            drop(evaluator.value(&Expr::jinja(source), &mut |_| Some(value.clone())));
        }
    }
    if let Ok(template) = template_of_text(&text) {
        drop(evaluator.render(&template, &mut |_| Some(value.clone())));
    }
}

fn read_stored(bytes: &[u8]) {
    let place = Place { log: LogId(1), sequence: Sequence(7), namespace: "default", run: RunId([9; 16]) };
    drop(envelope::open(&place, bytes));
    let sealed = envelope::seal(&place, 1, bytes);
    assert_eq!(envelope::open(&place, &sealed).expect("what was sealed can be opened").body, bytes);
    read_events(bytes);
    drop(definition::decode(bytes));
    read_segment(bytes);
}

/// Reads what the input holds as events and messages; what can be read reads back as the same.
fn read_events(bytes: &[u8]) {
    if let Ok((recorded, boot)) = event::decode(bytes) {
        assert_eq!(event::decode(&event::encode(&recorded, boot)), Ok((recorded, boot)), "it reads back");
    }
    if let Ok(message) = message::decode(bytes) {
        assert_eq!(message::decode(&message::encode(&message)), Ok(message), "it reads back");
    }
}

/// Reads a segment that consists of the input, ends with it, or has the changes that it lists.
fn read_segment(bytes: &[u8]) {
    let attempt = Attempt { log: LogId(1), token: FencingToken(1) };
    let mut store = MemoryLogStore::new();
    let part = &bytes[..bytes.len().min(4096)];
    for (stream, part) in [(Stream::Stdout, b"whole".as_slice()), (Stream::Stderr, part)] {
        store.append(attempt, stream, Timestamp(1), part).expect("memory is never full");
    }
    store.finish(attempt, Timestamp(3)).expect("memory is never full");
    store.sync().expect("memory is never full");
    let reader = store.memory_reader();
    reader.damage(1, |segment| match bytes.len() % 3 {
        0 => *segment = bytes.to_vec(),
        1 => segment.extend_from_slice(bytes),
        _ => {
            for change in bytes.chunks_exact(3).take(64) {
                let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % segment.len();
                segment[place] = change[2];
            }
        }
    });
    drop(reader.scan_tail(LogPosition { segment: 1, offset: 0 }));
    let end = bytes.len() as u64 + 200;
    let range = |start, end| LogRange { segment: 1, start, end };
    reader.read(vec![range(0, end), range(end / 2, end + 10)], attempt).for_each(drop);
}
