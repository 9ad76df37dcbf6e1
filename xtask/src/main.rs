//! Development tasks of the repository, one file a command: `cargo xtask COMMAND`.
//!
//! Holds what a developer and a check run need beside cargo itself. It holds no product code: whatever a user could
//! want lives in the `myrmex` binary.

mod bench;
mod book;
mod budget;
mod demo;
mod failure;
mod licences;
mod markdown;
mod metadata;
mod process;
mod registry;
mod runner;
mod soak;
mod suites;
mod tidy;
mod tools;
mod workspace;

use std::env;
use std::process::ExitCode;

use failure::Failure;
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [--short]                         Build myrmex; draw, run, kill and resume a pipeline, show its timeline
  quick                                  Formatting, lints, rules and fast tests: before every commit
  test [SUITE]...                        Every suite, or the named ones: before every submission
  tidy                                   Only the rules about files, names and manifests
  book                                   Build the book from the documents, and check its links
  bench local [--runs N] [--out FILE]    Measure myrmex beside ninja and make
  bench expr [--rounds N] [--out FILE]   Measure expressions beside runs of growing size
  bench growth [--out FILE]              Count what tasks and runs cost as their number grows
  bench dispatch [--out FILE]            Run recorded workflows in the order of arrival and in that of what is left
  bench plan [--out FILE]                Plan public instances and compare with the best known plans
  soak [--seeds N] [--from S] | FILE     Simulate many seeds, or one case again";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match act(&words) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn act(words: &[&str]) -> Result<ExitCode, Failure> {
    let Some((command, rest)) = words.split_first() else {
        println!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    match *command {
        "demo" => demo::act(&Workspace::find()?, rest),
        "quick" => runner::quick(&Workspace::find()?, rest),
        "test" => runner::test(&Workspace::find()?, rest),
        "tidy" => tidy::check(&Workspace::find()?).map(|()| ExitCode::SUCCESS),
        "book" => book::check(&Workspace::find()?).map(|()| ExitCode::SUCCESS),
        "bench" => bench::act(&Workspace::find()?, rest),
        "soak" => soak::act(&Workspace::find()?, rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => {
            eprintln!("error: unknown command `{unknown}`\n\n{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}
