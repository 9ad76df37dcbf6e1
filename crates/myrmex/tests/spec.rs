//! Executes the examples of the pages in `spec/`; `spec/README.md` says how a page is made.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "spec/validate.rs"]
mod validate;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use myrmex_lang::codes::{self, CodeInfo};
use myrmex_lang::{Beside, Checked, Source, Syntax};
use myrmex_model::diagnostic::Span;
use myrmex_model::id::DefinitionHash;
use myrmex_model::wire;
use serde_json::Value;

/// The name of the settings that an example may have beside it.
const SETTINGS: &str = "myrmex.yaml";

/// The name that examples have as files.
const FILE: &str = "example.yaml";

/// The name of the people and things that a project may have beside it.
const RESOURCES: &str = "resources.yaml";

/// A fenced block of a page.
#[derive(Debug, Clone)]
struct Block {
    /// Its first word: what it is.
    kind: String,
    /// The rest of its first line.
    words: Vec<String>,
    text: String,
    /// Which lines of the page its text is.
    lines: std::ops::Range<usize>,
}

/// A file with what is said about it.
#[derive(Debug)]
struct Example {
    text: String,
    line: usize,
    /// The files that stand beside it: named blocks above it on the page.
    beside: Vec<(String, String)>,
    /// What stands right behind it.
    expected: Option<Block>,
}

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec")
}

/// Returns the pages of a folder of `spec/`.
fn pages(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(spec().join(folder)).unwrap();
    let mut pages: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let mut words = info.split(' ').map(str::to_owned);
                let kind = words.next().unwrap_or_default();
                let lines = number + 1..number + 1;
                open = Some(Block { kind, words: words.collect(), text: String::new(), lines });
            }
            (Some(block), Some(_)) => {
                block.lines.end = number;
                blocks.extend(open.take());
            }
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn examples(page: &str) -> Vec<Example> {
    let blocks = blocks(page);
    let (mut examples, mut beside) = (Vec::new(), Vec::new());
    for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind == "yaml") {
        let text = expand(&block.text);
        if let [name] = block.words.as_slice() {
            beside.retain(|(other, _)| other != name);
            beside.push((name.clone(), text));
            continue;
        }
        let next =
            blocks.get(index + 1).filter(|next| matches!(next.kind.as_str(), "diagnostics" | "result"));
        let (line, beside) = (block.lines.start, beside.clone());
        examples.push(Example { text, line, beside, expected: next.cloned() });
    }
    examples
}

/// Replaces each `‹N × TEXT›` by N times TEXT.
fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('‹') {
        let (macro_text, after) = after.split_once('›').expect("`‹` is closed by `›`");
        let (count, repeated) = macro_text.split_once(" × ").expect("between `‹` and `›` stands N × TEXT");
        out.push_str(before);
        out.push_str(&repeated.repeat(count.parse().unwrap()));
        rest = after;
    }
    out + rest
}

/// Checks `text` in the place of an example, on a thread with the stack that expressions ask for.
fn check(text: &str, example: &Example) -> Checked {
    let source = Source::new(FILE, text);
    let (settings, others): (Vec<_>, Vec<_>) = example.beside.iter().partition(|(name, _)| name == SETTINGS);
    let declared = settings.first().map(|(name, text)| {
        let (settings, problems) =
            myrmex::settings::Settings::read(&Source::new(name.as_str(), text.as_str()), Path::new("/"));
        assert_eq!(problems, [], "settings of an example are right");
        settings.declared()
    });
    let supply = declared.unwrap_or_default();
    let (resources, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|(name, _)| name == RESOURCES);
    let resources = resources.first().map(|(name, text)| Source::new(name.as_str(), text.as_str()));
    let named = others.iter().map(|(name, text)| Source::new(name.as_str(), text.as_str()));
    let (libraries, workflows) = named.partition(|file| file.name.starts_with("actions/"));
    let workflow_folders = vec![".".to_owned(), "workflows".to_owned()];
    let library_folder = Some("actions".to_owned());
    let beside = Beside { workflows, libraries, workflow_folders, library_folder, resources };
    let builder = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
    builder.spawn(move || myrmex_lang::check_in(&source, &beside, &supply)).unwrap().join().unwrap()
}

fn diagnostics(text: &str, checked: &Checked) -> String {
    let place = |span: &Span| {
        let before = &text[..span.start];
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        format!("{}:{}", before.matches('\n').count() + 1, column + 1)
    };
    let mut out = String::new();
    for found in &checked.diagnostics {
        writeln!(out, "{} {} {}", found.code, place(&found.span), found.message).unwrap();
        if !found.label.is_empty() {
            writeln!(out, "  {}", found.label).unwrap();
        }
        for (span, label) in &found.related {
            writeln!(out, "  {} {label}", place(span)).unwrap();
        }
        if let Some(hint) = &found.hint {
            writeln!(out, "  hint: {hint}").unwrap();
        }
    }
    out
}

/// Runs the built program on a file.
fn result(example: &Example, words: &[String]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), &example.text).unwrap();
    for (name, text) in &example.beside {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(["run", "--json", FILE]).args(words).current_dir(folder.path());
    // As users have it: where a page says what happens first, it is so with one partition.
    command.env_remove("MYRMEX_PARTITIONS");
    let output = command.env("USER", "reader").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let Some(last) = stdout.lines().last() else { return String::from_utf8(output.stderr).unwrap() };
    let summary: Value = serde_json::from_str(last).unwrap();
    let tasks = summary["tasks"].as_object().unwrap();
    let mut out = format!("{}\n", summary["status"].as_str().unwrap());
    for (name, task) in tasks.iter().filter(|(name, _)| !name.contains('[')) {
        write_task(&mut out, name, task);
        let items = tasks
            .iter()
            .filter(|(item, _)| item.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('[')));
        for (item, task) in items {
            out.push_str("  ");
            write_task(&mut out, item, task);
        }
    }
    if !summary["output"].is_null() {
        writeln!(out, "output {}", summary["output"]).unwrap();
    }
    if let Some(error) = summary["error"].as_object() {
        let title = error["title"].as_str().unwrap_or_default();
        writeln!(out, "error {}: {title}", error["type"].as_str().unwrap_or_default()).unwrap();
    }
    out
}

fn write_task(out: &mut String, name: &str, task: &Value) {
    write!(out, "{name}: {}", task["status"].as_str().unwrap()).unwrap();
    match task["attempts"].as_u64() {
        None | Some(0 | 1) => {}
        Some(attempts) => write!(out, " ({attempts} attempts)").unwrap(),
    }
    if !task["output"].is_null() {
        write!(out, " {}", task["output"]).unwrap();
    }
    out.push('\n');
}

/// Returns whether `found` is what was expected, in which a line `…` stands for any lines.
fn fits(expected: &str, found: &str) -> bool {
    match expected.split_once("…\n") {
        None => expected == found,
        Some((before, after)) => {
            found.starts_with(before) && found.ends_with(after) && found.len() >= before.len() + after.len()
        }
    }
}

/// Executes an example and returns what its expected block should hold; nothing if it has none and is clean.
fn execute(example: &Example) -> Result<Option<String>, String> {
    let mut checked = check(&example.text, example);
    // The smallest example has no limit of time; only those say so that are about that.
    let is_meant = |block: &Block| block.text.contains(codes::TIMEOUT_MISSING.0);
    if !example.expected.as_ref().is_some_and(is_meant) {
        checked.diagnostics.retain(|found| found.code != codes::TIMEOUT_MISSING);
    }
    let found = diagnostics(&example.text, &checked);
    let kind = example.expected.as_ref().map(|block| block.kind.as_str());
    if kind == Some("diagnostics") {
        return if found.is_empty() { Err("there are no problems".into()) } else { Ok(Some(found)) };
    }
    if !checked.diagnostics.is_empty() {
        return Err(found);
    }
    keeps_its_meaning(example, &checked)?;
    Ok(example.expected.as_ref().map(|block| result(example, &block.words)))
}

/// Formats an example and compares the definitions.
fn keeps_its_meaning(example: &Example, checked: &Checked) -> Result<(), String> {
    let formatted = myrmex_lang::format(&Source::new(FILE, example.text.as_str()), Syntax::Yaml)
        .map_err(|error| error.to_string())?;
    let hash = |checked: &Checked| {
        checked
            .definition
            .as_ref()
            .map(|definition| DefinitionHash::of(&wire::definition::encode(definition)))
    };
    let again = check(&formatted, example);
    if hash(&again) == hash(checked) {
        Ok(())
    } else {
        Err(format!("formatted, it means something else:\n{formatted}"))
    }
}

/// Executes all examples of the pages of a folder, and writes their expected blocks anew if asked to.
#[track_caller]
fn check_pages(folder: &str) {
    let is_blessed = std::env::var_os("MYRMEX_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in pages(folder) {
        let page = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
        let examples = examples(&page);
        // From the last to the first, so that the numbers of lines before stay true.
        for example in examples.iter().rev() {
            let place = format!("{}:{}", path.display(), example.line + 1);
            match (execute(example), &example.expected) {
                (Err(problem), _) => wrong.push(format!("{place}\n{problem}")),
                (Ok(Some(found)), Some(block)) if !fits(&block.text, &found) => {
                    if is_blessed {
                        lines.splice(block.lines.clone(), found.lines().map(str::to_owned));
                    } else {
                        wrong.push(format!("{place}\n--- the page\n{}--- found\n{found}", block.text));
                    }
                }
                (Ok(_), _) => {}
            }
        }
        if is_blessed {
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bodies() {
    check_pages("bodies");
}

#[test]
fn verbs() {
    check_pages("verbs");
}

#[test]
fn keys() {
    check_pages("keys");
}

#[test]
fn project() {
    check_pages("project");
}

#[test]
fn expressions() {
    check_pages("expressions");
}

#[test]
fn filters() {
    check_pages("filters");
}

#[test]
fn codes() {
    check_pages("codes");
}

#[test]
fn every_page_of_a_code_shows_it_and_how_to_mend_it() {
    // A defect that an example could show would be mended instead.
    let is_shown = |info: &&CodeInfo| info.code != codes::UNREADABLE;
    for info in codes::ALL.iter().filter(is_shown) {
        let path = spec().join("codes").join(format!("{}.md", info.code));
        let page = std::fs::read_to_string(&path).unwrap();
        let examples = examples(&page);
        let shows = |example: &Example| {
            let expected = example.expected.as_ref().filter(|block| block.kind == "diagnostics");
            expected.is_some_and(|block| {
                block.text.lines().any(|line| line.split(' ').next() == Some(info.code.0))
            })
        };
        let (failing, mended): (Vec<_>, Vec<_>) = examples.iter().partition(|example| shows(example));
        assert!(!failing.is_empty(), "{}: no example shows it", info.code);
        assert!(mended.iter().any(|example| example.expected.is_none()), "{}: no mended example", info.code);
    }
}

#[test]
fn every_page_is_executed() {
    let known =
        ["README.md", "bodies", "codes", "expressions", "filters", "keys", "project", "schema", "verbs"];
    let names = pages("").into_iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    assert_eq!(
        names.filter(|name| !known.contains(&name.as_str())).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
}

/// The value of a file, as other readers of YAML see it; nothing if it cannot be read.
fn value(text: &str) -> Option<Value> {
    use myrmex_lang::tree::{Kind, Node};
    fn of(node: &Node) -> Value {
        match &node.followed().kind {
            Kind::Scalar(scalar) => scalar.value(),
            Kind::List(list) => list.items.iter().map(|item| of(item)).collect(),
            Kind::Map(map) => {
                map.entries.iter().map(|entry| (entry.key.text.clone(), of(&entry.value))).collect()
            }
            Kind::Alias(_) | Kind::Broken => Value::Null,
        }
    }
    let (tree, problems) = myrmex_lang::tree::parse_source(&Source::new(FILE, text));
    tree.root.filter(|_| problems.is_empty()).map(|root| of(&root))
}

/// Codes of problems that the schema of a file finds too.
const STRUCTURAL: &[&str] =
    &["E0202", "E0203", "E0205", "E0206", "E0213", "E0214", "E0302", "E0310", "E0501"];

#[test]
fn the_schema_accepts_every_valid_example_and_finds_structural_problems() {
    let schemas = [
        ("actions", myrmex_lang::schema::actions()),
        ("project", myrmex_lang::schema::project()),
        ("resources", myrmex_lang::schema::resources()),
    ];
    let workflow = myrmex_lang::schema::workflow();
    let mut counts = (0, 0);
    for path in
        ["bodies", "verbs", "keys", "project", "expressions", "filters", "codes"].into_iter().flat_map(pages)
    {
        for example in examples(&std::fs::read_to_string(&path).unwrap()) {
            let place = format!("{}:{}", path.display(), example.line + 1);
            let Some(value) = value(&example.text) else { continue };
            let mut found = check(&example.text, &example).diagnostics;
            found.retain(|found| found.code != codes::TIMEOUT_MISSING);
            let own = schemas.iter().find(|(kind, _)| myrmex_lang::begins_with(&example.text, kind));
            let schema = own.map_or(&workflow, |(_, schema)| schema);
            let error = validate::problem(schema, schema, &value);
            if found.is_empty() {
                counts.0 += 1;
                assert_eq!(error, None, "{place}");
            } else if found.iter().any(|found| STRUCTURAL.contains(&found.code.0)) {
                counts.1 += 1;
                assert!(error.is_some(), "{place}: the schema finds nothing");
            }
        }
    }
    assert!(counts.0 > 100 && counts.1 > 10, "{counts:?}");
}

#[test]
fn the_schema_of_settings_agrees_with_their_reader() {
    let schema = myrmex::settings::schema();
    let texts = [
        (
            "secrets: {A: {env: CI}, B: {file: keys/b}, C: {command: [op, read]}}\nsecrets_folder: /run\n",
            true,
        ),
        ("x-note: anything\n", true),
        ("secret: {}\n", false),
        ("secrets: {2x: {env: A}}\n", false),
        ("secrets: {A: {env: A-B}}\n", false),
        ("secrets: {A: {fiel: x}}\n", false),
        ("secrets: {A: {}}\n", false),
        ("secrets: {A: {env: B, file: b}}\n", false),
        ("secrets: {A: {command: op read}}\n", false),
        ("secrets: {A: {command: []}}\n", false),
        ("secrets: {A: token}\n", false),
        ("secrets_folder: []\n", false),
        (
            "pools: {db: 4}\nworker: {labels: [gpu], slots: 2, resources: {cpu: 1.5, memory: 2Gi, licence: 1}}\n",
            true,
        ),
        ("pools: {db: 0}\n", false),
        ("pools: {2x: 1}\n", false),
        ("pools: [db]\n", false),
        ("worker: {labels: gpu}\n", false),
        ("worker: {labels: ['']}\n", false),
        ("worker: {slots: 0}\n", false),
        ("worker: {slots: 1025}\n", false),
        ("worker: {label: [gpu]}\n", false),
        ("worker: {resources: {cpu: 0}}\n", false),
        ("worker: {resources: {memory: 512}}\n", false),
        ("worker: {resources: {gpu: 1.5}}\n", false),
    ];
    for (text, is_good) in texts {
        let (_, problems) = myrmex::settings::Settings::read(&Source::new(FILE, text), Path::new("/"));
        let found = validate::problem(&schema, &schema, &value(text).unwrap());
        assert_eq!((problems.is_empty(), found.is_none()), (is_good, is_good), "{text}{found:?}");
    }
}

#[test]
fn the_schemas_are_those_checked_in() {
    for (kind, schema) in [
        ("workflow", myrmex_lang::schema::workflow()),
        ("actions", myrmex_lang::schema::actions()),
        ("project", myrmex_lang::schema::project()),
        ("resources", myrmex_lang::schema::resources()),
        ("settings", myrmex::settings::schema()),
    ] {
        let path = spec().join(format!("schema/{kind}.json"));
        let schema = format!("{schema:#}\n");
        if std::env::var_os("MYRMEX_BLESS").is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(checked_in == schema, "write it anew: myrmex schema {kind} >spec/schema/{kind}.json");
        let printed = Command::new(env!("CARGO_BIN_EXE_myrmex")).args(["schema", kind]).output().unwrap();
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), schema);
    }
}

#[test]
fn large_examples_are_written_small() {
    assert_eq!(expand("a ‹3 × [›‹2 × x, › b"), "a [[[x, x,  b");
}
