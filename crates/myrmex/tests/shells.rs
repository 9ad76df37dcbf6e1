//! What a shell is told: completions by names that exist, asked for by a real bash, and the manual pages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/said.rs"]
mod said;

use std::process::Command;

use said::Workspace;

const WORKFLOW: &str = "workflow: deploy\ntasks:\n  build: {run: 'true', timeout: 1m}\n  publish: {run: 'true', timeout: 1m, needs: [build]}\n";

/// What bash would offer for the last of these words, after it read the script; options, which are always offered, left out.
fn offered(workspace: &Workspace, words: &[&str]) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_myrmex");
    let script = r#"
        source <("$0" completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _clap_complete_myrmex myrmex "${!#}"
        ((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
        true
    "#;
    let said = Command::new("bash")
        .args(["--norc", "-c", script, program, "myrmex"])
        .args(words)
        .current_dir(workspace.path())
        .output()
        .unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
    let offered = String::from_utf8(said.stdout).unwrap();
    offered.lines().filter(|word| !word.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn a_shell_completes_names_that_exist() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW), ("notes.txt", "")]);
    assert_eq!(offered(&workspace, &["run", ""]), ["w.yaml", "deploy"]);
    assert_eq!(offered(&workspace, &["run", "deploy", "--only", ""]), ["build", "publish"]);
    assert_eq!(offered(&workspace, &["runs", "show", ""]), [""; 0], "there is no store, and none is made");
    assert!(!workspace.path().join(".myrmex").exists());
    assert_eq!(workspace.run(&["run", "w.yaml"]).code, 0);
    let run = workspace.newest();
    let short = &run[..13];
    for words in [["runs", "show", ""], ["runs", "logs", &short[..5]], ["events", "--run", ""]] {
        assert_eq!(offered(&workspace, &words), [short], "{words:?}");
    }
    assert_eq!(offered(&workspace, &["why", &run[..15]]), [&run[..]]);
    assert_eq!(offered(&workspace, &["runs", "show", short, "--task", ""]), ["build", "publish"]);
    assert_eq!(offered(&workspace, &["runs", "retry", short, "--from", "p"]), ["publish"]);
    assert_eq!(offered(&workspace, &["why", &format!("{short}/b")]), [format!("{short}/build")]);
    assert_eq!(offered(&workspace, &["explain", "e010"]).len(), 9);
    assert_eq!(offered(&workspace, &["runs", "li"]), ["list"]);
    assert_eq!(offered(&workspace, &["example", "copy", "pe"]), ["penguins"]);
    assert_eq!(offered(&workspace, &["new", "workflow", "--shape", "gu"]), ["guarded"]);
}

#[test]
fn completions_look_into_the_data_directory_of_the_line() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    assert_eq!(workspace.run(&["--data-dir", "elsewhere", "run", "w.yaml"]).code, 0);
    assert_eq!(offered(&workspace, &["runs", "show", ""]), [""; 0]);
    assert_eq!(offered(&workspace, &["--data-dir", "elsewhere", "runs", "show", ""]).len(), 1);
    assert_eq!(offered(&workspace, &["--data-dir=elsewhere", "runs", "show", ""]).len(), 1);
}

#[test]
fn every_shell_has_a_script_that_asks_by_our_variable() {
    let workspace = Workspace::with(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = workspace.run(&["completions", shell]);
        assert_eq!(said.code, 0);
        assert!(said.stdout.contains("MYRMEX_COMPLETE") && said.stdout.contains("myrmex"), "{shell}");
    }
    assert_eq!(workspace.run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let workspace = Workspace::with(&[]);
    let page = workspace.run(&["man", "runs", "show"]);
    assert_eq!(page.code, 0);
    assert!(page.stdout.contains(".TH myrmex-runs-show 1"), "{}", page.stdout);
    assert!(page.stdout.contains("Show this task whole"));
    assert_eq!(workspace.run(&["man", "--out", "pages"]).code, 0);
    let pages = std::fs::read_dir(workspace.path().join("pages")).unwrap();
    let mut names: Vec<String> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.contains(&"myrmex.1".to_owned()) && names.contains(&"myrmex-runs-retry.1".to_owned()));
    assert!(names.iter().all(|name| !name.contains("help")), "{names:?}");
    let unknown = workspace.run(&["man", "runs", "shwo"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("show"), "{}", unknown.stderr);
}

#[test]
#[cfg(unix)]
fn a_name_of_the_program_that_is_no_text_stops_no_script() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    let said = command.arg0(OsStr::from_bytes(b"my\xffrmex")).args(["completions", "bash"]).output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
