//! The help of the commands that look back on runs, whole.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use said::Workspace;

/// What every command ends its help with.
const LAST: &str =
    "  -h, --help            Print help (see more with '--help')\n  -V, --version         Print version\n";

fn check(words: &[&str], expected: &str) {
    let said = Workspace::with(&[]).run(&[words, &["-h"]].concat());
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{words:?}");
    assert_eq!(said.stdout, format!("{expected}{LAST}"), "{words:?}");
}

#[test]
fn the_help_of_stats_and_analyze_is_short() {
    let stats = "\
Count how runs ended, how long they took and how often they were retried

Usage: myrmex runs stats [OPTIONS] [WORKFLOW]

Arguments:
  [WORKFLOW]  Only this workflow, with its tasks

Options:
      --data-dir <DIR>  Use this directory for the store instead of `.myrmex` in the workspace
      --last <COUNT>    Look at this many of the newest runs [default: 1000]
      --json            Print one JSON document
";
    check(&["runs", "stats"], stats);
    let analyze = "\
Say where the time of runs went, and what to change first

Usage: myrmex analyze [OPTIONS] <RUN_OR_WORKFLOW>

Arguments:
  <RUN_OR_WORKFLOW>  The run's id, or the beginning of it; or a workflow's name

Options:
      --data-dir <DIR>  Use this directory for the store instead of `.myrmex` in the workspace
      --last <COUNT>    Of a workflow: look at this many of its newest runs that are over [default:
                        20]
      --json            Print one JSON document
";
    check(&["analyze"], analyze);
}

#[test]
fn the_help_of_resume_and_skip_names_what_they_take() {
    for (command, usage) in [
        ("resume", "Usage: myrmex runs resume [OPTIONS] [RUN]...\n"),
        ("cancel", "Usage: myrmex runs cancel [OPTIONS] <RUN>...\n"),
        ("skip", "Usage: myrmex runs skip [OPTIONS] <RUN[/TASK]> [TASK]...\n"),
    ] {
        let said = Workspace::with(&[]).run(&["runs", command, "-h"]);
        assert!(said.code == 0 && said.stdout.contains(usage), "{}", said.stdout);
    }
}

#[test]
fn the_long_help_says_more_than_the_short_one() {
    for (words, more) in [
        (vec!["runs", "stats"], "P50 and P90 are lengths that occurred"),
        (vec!["analyze"], "runs that were interrupted are left out then"),
        (vec!["runs", "resume"], "Several runs go on one after the other"),
        (vec!["runs", "skip"], "All named tasks are skipped or none"),
        (vec!["runs", "retry"], "A retry is a new run"),
    ] {
        let said = Workspace::with(&[]).run(&[&words[..], &["--help"]].concat());
        let text = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.code == 0 && text.contains(more), "{}", said.stdout);
    }
}
