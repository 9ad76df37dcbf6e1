//! `examples/`: every folder is run, in a copy, as its page says, and gives what its `expected.json` says.
//!
//! A step of `expected.json` is a line of the page with its exit code, and as far as they are told: the status, the output and the
//! tasks of the run that it made (the items of `for_each` apart), and parts of what it printed. What a page shows and nobody runs
//! stands under `not_run`, with the reason. `MYRMEX_BLESS=1` writes down exit codes, statuses, outputs and tasks anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use said::Said;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// What a run is compared by, where it is told.
const OF_RUNS: [&str; 3] = ["status", "output", "tasks"];

/// A copy of one example, in which commands are run.
struct Copy {
    name: String,
    folder: TempDir,
}

fn repository() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

/// Returns the names of the folders with examples, in order.
fn names() -> Vec<String> {
    let entries = fs::read_dir(repository().join("examples")).unwrap().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders
        .map(|folder| folder.file_name().into_string().unwrap())
        .filter(|name| name != ".myrmex")
        .collect();
    names.sort();
    names
}

fn read(name: &str, file: &str) -> String {
    let path = repository().join("examples").join(name).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("`{name}` has no `{file}`: {error}"))
}

fn expected(name: &str) -> Value {
    serde_json::from_str(&read(name, "expected.json")).unwrap_or_else(|error| panic!("`{name}`: {error}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_name() == ".myrmex" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Copy {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&repository().join("examples").join(name), folder.path());
        // Whatever lies above the temporary folder, this is a workspace.
        fs::create_dir(folder.path().join(".myrmex")).unwrap();
        Self { name: name.to_owned(), folder }
    }

    /// Runs a line of the page as a shell does; `ID` in it is the newest run.
    fn sh(&self, line: &str) -> Said {
        let program = Path::new(env!("CARGO_BIN_EXE_myrmex"));
        let target = program.ancestors().nth(2).unwrap();
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let line = if line.split(' ').any(|word| word == "ID") {
            line.replace(" ID", &format!(" {}", self.newest()["run"].as_str().unwrap()))
        } else {
            line.to_owned()
        };
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PATH", path).env("NO_COLOR", "1").env("CARGO_NET_OFFLINE", "true");
        command.env("REPOSITORY", repository()).env("TARGET", target).env_remove("MYRMEX_PARTITIONS");
        Said::of(&mut command)
    }

    /// Returns the newest run that no other run called.
    fn newest(&self) -> Value {
        let listed = self.sh("myrmex runs list --json").json();
        let own = listed["runs"].as_array().unwrap().iter().find(|run| run["parent"].is_null());
        own.cloned().unwrap_or(Value::Null)
    }

    /// Returns how many runs there are.
    fn runs(&self) -> usize {
        let listed = self.sh("myrmex runs list --json --limit 1000");
        if listed.code == 0 { listed.json()["runs"].as_array().unwrap().len() } else { 0 }
    }

    /// Carries out a step and returns what came of it, told as the step tells it; and what is wrong with what it printed.
    fn act(&self, step: &Value) -> (Map<String, Value>, Vec<String>) {
        let line = step["command"].as_str().unwrap();
        let before = self.runs();
        let said = self.sh(line);
        let mut came = Map::from_iter([("exit".to_owned(), json!(said.code))]);
        if self.runs() > before {
            let shown = self
                .sh(&format!("myrmex runs show {} --json", self.newest()["run"].as_str().unwrap()))
                .json();
            let of_items = |path: &str| path.contains('[');
            let tasks = shown["tasks"].as_object().unwrap().iter().filter(|(path, _)| !of_items(path));
            let tasks: Map<String, Value> =
                tasks.map(|(path, task)| (path.clone(), task["status"].clone())).collect();
            came.extend([
                ("status".to_owned(), shown["status"].clone()),
                ("output".to_owned(), shown["output"].clone()),
                ("tasks".to_owned(), tasks.into()),
            ]);
        }
        let mut wrong = Vec::new();
        for (stream, text) in [("stdout", &said.stdout), ("stderr", &said.stderr)] {
            let parts = step[stream].as_array().into_iter().flatten().map(|part| part.as_str().unwrap());
            let text = narrow(text);
            let missing = parts.filter(|part| !text.contains(&narrow(part)));
            wrong.extend(missing.map(|part| format!("its {stream} has no {part:?}")));
        }
        if !wrong.is_empty() || step["exit"] != came["exit"] {
            wrong.push(format!("it printed\n{}\n{}", said.stdout, said.stderr));
        }
        (came, wrong)
    }

    /// Carries out all steps; returns them with what came of each, and what is not as it should be.
    fn run(&self) -> (Value, Vec<String>) {
        let mut whole = expected(&self.name);
        let mut wrong = Vec::new();
        for step in whole["steps"].as_array_mut().unwrap() {
            let (came, unsaid) = self.act(step);
            let line = step["command"].as_str().unwrap().to_owned();
            let told = |key: &str| step.get(key).filter(|told| !told.is_null());
            let differs = |key: &&str| match told(key) {
                Some(told) => came.get(*key) != Some(told),
                None => *key == "exit" || (*key == "status" && came.contains_key(*key)),
            };
            let differing: Vec<&str> = ["exit"].into_iter().chain(OF_RUNS).filter(differs).collect();
            wrong.extend(differing.iter().map(|key| {
                let is = came.get(*key).unwrap_or(&Value::Null);
                format!("{}: `{line}`: {key} is {is}, not {}", self.name, step[*key])
            }));
            wrong.extend(unsaid.iter().map(|unsaid| format!("{}: `{line}`: {unsaid}", self.name)));
            let is_new = step.get("exit").is_none();
            for (key, value) in came {
                if is_new || step.get(&key).is_some() {
                    step[key] = value;
                }
            }
        }
        (whole, wrong)
    }
}

/// Makes one blank of several: a column is as wide as its widest time.
fn narrow(text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the lines of the blocks of shell commands in a page.
fn commands(page: &str) -> Vec<&str> {
    let mut is_shell = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(language) => is_shell = language == "sh",
            None if is_shell => lines.push(line),
            None => {}
        }
    }
    lines
}

#[test]
fn every_example_gives_what_it_says() {
    let is_blessed = std::env::var_os("MYRMEX_BLESS").is_some();
    let mut wrong = Vec::new();
    for name in names() {
        let (came, differing) = Copy::of(&name).run();
        if is_blessed {
            let text = format!("{}\n", serde_json::to_string_pretty(&came).unwrap());
            fs::write(repository().join("examples").join(&name).join("expected.json"), text).unwrap();
        }
        wrong.extend(differing);
    }
    assert!(is_blessed || wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_has_a_title_and_shows_the_commands_that_are_run_and_no_others() {
    let index = fs::read_to_string(repository().join("examples/README.md")).unwrap();
    for name in names() {
        let page = read(&name, "README.md");
        assert!(page.starts_with("# "), "{name} has no title");
        assert!(
            index.contains(&format!("| [{name}]({name}/README.md) |")),
            "{name} has no line in the index"
        );
        let expected = expected(&name);
        let run = expected["steps"].as_array().unwrap().iter().map(|step| step["command"].as_str().unwrap());
        let not_run =
            expected["not_run"].as_object().into_iter().flat_map(|lines| lines.keys().map(String::as_str));
        let mut told: Vec<&str> = run.chain(not_run).collect();
        let mut shown = commands(&page);
        told.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, told, "{name}");
    }
}

#[test]
fn examples_have_no_problems_and_are_in_the_canonical_form() {
    for name in names() {
        let copy = Copy::of(&name);
        let checked = copy.sh("myrmex check --format json");
        assert_eq!(checked.json(), json!({"diagnostics": []}), "{name}");
        let formatted = copy.sh("myrmex fmt --check .");
        assert_eq!(formatted.code, 0, "{name}: {}{}", formatted.stdout, formatted.stderr);
    }
}
