//! Executes the command blocks of README.md, of the guides and of other pages in `docs/`, and compares what they print. How such a page
//! is written stands in CONTRIBUTING.md.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "guides/page.rs"]
mod page;
#[path = "guides/reference.rs"]
mod reference;
#[path = "guides/shell.rs"]
mod shell;
#[path = "guides/shown.rs"]
mod shown;

use std::ops::Range;
use std::path::{Path, PathBuf};

use page::{Block, Command, Use};
use shell::Folder;

/// Lines of a page, and what should stand there.
type Change = (Range<usize>, Vec<String>);

/// What a page should be, and the places where it is something else.
struct Read {
    changes: Vec<Change>,
    wrong: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Executes a page, and writes what its commands print anew if asked to.
#[track_caller]
fn check_page(path: &str) {
    let file = root().join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    let Read { mut changes, mut wrong } = executed(path, &text);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (name, lines_of) in page::generated(&text) {
        let made = reference::made(&root(), &name);
        if lines[lines_of.clone()] != made {
            wrong.push(format!("{path}:{}: `{name}` is not what the tables say", lines_of.start + 1));
            changes.push((lines_of, made));
        }
    }
    if std::env::var_os("MYRMEX_BLESS").is_some() {
        let mut lines = lines;
        // From the last to the first, so that the numbers of lines before stay true.
        changes.sort_by_key(|(lines, _)| std::cmp::Reverse(lines.start));
        for (range, new) in changes {
            lines.splice(range, new);
        }
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    } else {
        assert!(wrong.is_empty(), "{}\nMYRMEX_BLESS=1 writes it anew", wrong.join("\n"));
    }
}

/// Writes the files of a page and executes its commands, in order and in one folder.
fn executed(path: &str, text: &str) -> Read {
    let mut folder = Folder::new();
    let mut read = Read { changes: Vec::new(), wrong: Vec::new() };
    for block in page::blocks(text) {
        let place = format!("{path}:{}", block.lines.start);
        match block.used() {
            Err(problem) => panic!("{place}: {problem}"),
            Ok(Use::Shown) => {}
            Ok(Use::File(name)) => folder.write(&name, &block.text()),
            Ok(Use::Commands(commands)) => read.commands(&mut folder, &place, &block, &commands),
        }
    }
    read
}

impl Read {
    fn commands(&mut self, folder: &mut Folder, place: &str, block: &Block, commands: &[Command]) {
        let mut lines = Vec::new();
        let mut is_changed = false;
        for command in commands {
            let found = folder.run(&command.text);
            lines.push(format!("$ {}", command.text));
            if shown::fits(&command.output, &found) {
                lines.extend(command.output.iter().cloned());
                continue;
            }
            is_changed = true;
            let (expected, printed) = (command.output.join("\n"), found.join("\n"));
            let text = &command.text;
            self.wrong.push(format!("{place}: $ {text}\n--- the page\n{expected}\n--- found\n{printed}"));
            lines.extend(found);
        }
        if is_changed {
            self.changes.push((block.lines.clone(), lines));
        }
    }
}

#[test]
fn readme() {
    check_page("README.md");
}

#[test]
fn task_orchestration() {
    check_page("docs/task-orchestration-guide.md");
}

#[test]
fn workflow_configuration() {
    check_page("docs/workflow-configuration-schema.md");
}

#[test]
fn pages_by_topic_that_have_commands_or_generated_parts() {
    let names = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let pages = names.map(|name| format!("docs/{}", name.to_str().unwrap())).filter(|page| is_by_topic(page));
    let mut pages: Vec<String> = pages.collect();
    pages.sort();
    for page in pages {
        check_page(&page);
    }
}

/// Returns whether a page is no guide and has commands to execute.
fn is_by_topic(page: &str) -> bool {
    let is_guide = page.contains("-guide.") || page.contains("-schema.");
    let text = std::fs::read_to_string(root().join(page)).unwrap_or_default();
    let is_page = Path::new(page).extension().is_some_and(|extension| extension == "md");
    is_page && !is_guide && ["\n```console\n", "\n<!-- generated: "].iter().any(|part| text.contains(part))
}

#[test]
fn a_command_that_is_not_executed_is_refused() {
    let problem = |page: &str| page::blocks(page)[0].used().err();
    for refused in [
        "```sh\nmyrmex run hello.yaml\n```",
        "```\nmyrmex run hello.yaml\n```",
        "```text\n$ myrmex run hello.yaml\n```",
        "```yaml\nworkflow: hello\n```",
        "```console\nmyrmex run hello.yaml\n```",
    ] {
        assert!(problem(refused).is_some(), "{refused}");
    }
    for accepted in [
        "```sh\n# first\ncargo build --release -p myrmex\n```",
        "```text\na picture\n```",
        "```yaml hello.yaml\nworkflow: hello\n```",
        "```console\n$ myrmex run hello.yaml\n```",
    ] {
        assert_eq!(problem(accepted), None, "{accepted}");
    }
}

#[test]
fn what_differs_from_run_to_run_is_not_compared_and_all_else_is() {
    let fits = |expected: &str, found: &str| {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        shown::fits(&lines(expected), &lines(found))
    };
    assert!(fits("took 3 ms", "took 1.2 s"));
    assert!(fits("run a succeeded in 9 ms (1 task)", "run a succeeded in 10 ms (1 task)"));
    assert!(fits("at 2026-11-23 10:00:00", "at 2027-01-01 00:00:01"));
    assert!(fits(" succeeded  a  1 ms\n    failed  b  1 ms", "    failed  b  2 ms\n succeeded  a  2 ms"));
    assert!(fits("first\n…\nlast", "first\nx\ny\nlast"));
    assert!(!fits("first\n…\nlast", "first\nx"));
    assert!(!fits("a\nb", "b\na"));
    assert!(!fits("succeeded", "failed"));
    assert!(!fits("", "more"));
}
