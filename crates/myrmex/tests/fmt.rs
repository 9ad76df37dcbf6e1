//! `fmt`, the formats of `check`, and `explain`, as a person and a script meet them: whole outputs and exit codes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::Write;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

/// Runs the program; shows its exit code, standard output and standard error.
fn run(folder: &TempDir, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_myrmex"));
    command.args(arguments).current_dir(folder.path()).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads no input may have ended already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    format!("exit {}\n--- stdout\n{stdout}--- stderr\n{stderr}", output.status.code().unwrap_or(-1))
}

const UGLY: &str = "workflow: \"w\"   # the name\n\n\ntasks:\n    a: { run: 'echo' }\n";
const CANONICAL: &str = "workflow: w  # the name\n\ntasks:\n  a: {run: echo}\n";

#[test]
fn files_are_written_in_the_canonical_form_and_others_left_alone() {
    let folder = folder(&[("ugly.yaml", UGLY), ("good.yaml", CANONICAL)]);
    assert_snapshot!(run(&folder, &["fmt", "ugly.yaml", "good.yaml"], ""), @r"
    exit 0
    --- stdout
    --- stderr
    2 files: 1 changed, 1 unchanged
    ");
    assert_eq!(
        (read(&folder, "ugly.yaml").as_str(), read(&folder, "good.yaml").as_str()),
        (CANONICAL, CANONICAL)
    );
}

#[test]
fn check_names_what_would_change_and_writes_nothing() {
    let folder = folder(&[("ugly.yaml", UGLY), ("good.yaml", CANONICAL)]);
    assert_snapshot!(run(&folder, &["fmt", "--check", "ugly.yaml", "good.yaml"], ""), @r"
    exit 1
    --- stdout
    ugly.yaml
    --- stderr
    2 files: 1 would be changed, 1 unchanged
    ");
    assert_eq!(read(&folder, "ugly.yaml"), UGLY);
    assert!(run(&folder, &["fmt", "--check", "good.yaml"], "").starts_with("exit 0"));
}

#[test]
fn files_with_syntax_errors_are_refused_and_the_others_still_formatted() {
    let folder = folder(&[("ugly.yaml", UGLY), ("bad.yaml", "a: [1\n")]);
    assert_snapshot!(run(&folder, &["fmt", "bad.yaml", "none.yaml", "ugly.yaml"], ""), @r"
    exit 2
    --- stdout
    --- stderr
    error[E0101]: unclosed bracket '['
     --> bad.yaml:1:4
      |
    1 | a: [1
      |    ^

    error[E0001]: the file cannot be read: there is no such file
    --> none.yaml

    3 files: 1 changed, 0 unchanged, 2 refused
    ");
    assert_eq!(
        (read(&folder, "ugly.yaml").as_str(), read(&folder, "bad.yaml").as_str()),
        (CANONICAL, "a: [1\n")
    );
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = folder(&[]);
    assert_eq!(run(&folder, &["fmt", "-"], UGLY), format!("exit 0\n--- stdout\n{CANONICAL}--- stderr\n"));
    assert_eq!(
        run(&folder, &["fmt", "-"], CANONICAL),
        format!("exit 0\n--- stdout\n{CANONICAL}--- stderr\n")
    );
    assert_eq!(run(&folder, &["fmt", "-", "--check"], UGLY), "exit 1\n--- stdout\n<stdin>\n--- stderr\n");
    assert_eq!(run(&folder, &["fmt", "-"], "{\"a\":1}"), "exit 0\n--- stdout\n{\"a\": 1}\n--- stderr\n");
}

#[test]
fn a_json_file_stays_json() {
    let folder = folder(&[("w.json", "{\"workflow\":\"w\",\n\"tasks\":{\"a\":{\"run\":\"echo\"}}}")]);
    assert!(run(&folder, &["fmt", "w.json"], "").starts_with("exit 0"));
    assert_snapshot!(read(&folder, "w.json"), @r#"
    {
      "workflow": "w",
      "tasks": {"a": {"run": "echo"}}
    }
    "#);
}

const BAD: &str =
    "workflow: w\ntasks:\n  a: {runn: x}\n  b: {run: 'é', env: {A: '${{ 1,5% }}'}}\n  b: {run: y}\n";

#[test]
fn check_speaks_to_github_actions() {
    let folder = folder(&[("a,b:c.yaml", BAD)]);
    assert_snapshot!(run(&folder, &["check", "--format", "github", "a,b:c.yaml"], ""), @r#"
    exit 2
    --- stdout
    ::error file=a%2Cb%3Ac.yaml,line=3,col=7,endLine=3,endColumn=11,title=E0202::unknown key `runn` in a task%0Ahint: did you mean `run`?
    ::error file=a%2Cb%3Ac.yaml,line=4,col=32,endLine=4,endColumn=33,title=E0401::unexpected input after expression
    ::error file=a%2Cb%3Ac.yaml,line=5,col=3,endLine=5,endColumn=4,title=E0105::the key `b` stands twice in this map%0Aa,b:c.yaml:4:3: first here
    --- stderr
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the whole output is shown")]
fn check_writes_sarif() {
    let folder = folder(&[("a b.yaml", BAD)]);
    let shown = run(&folder, &["check", "--format", "sarif", "a b.yaml", "none.yaml"], "");
    let text = shown.strip_prefix("exit 2\n--- stdout\n").unwrap().strip_suffix("--- stderr\n").unwrap();
    let mut log: Value = serde_json::from_str(text).unwrap();
    let driver = &mut log["runs"][0]["tool"]["driver"];
    assert_eq!(driver["semanticVersion"].take(), json!(env!("CARGO_PKG_VERSION")));
    for rule in driver["rules"].as_array_mut().unwrap() {
        let help = rule["help"].take();
        assert!(help["text"].as_str().unwrap().starts_with(&format!("# {}: ", rule["id"].as_str().unwrap())));
        assert_eq!(help["text"], help["markdown"]);
    }
    assert_snapshot!(format!("{log:#}"), @r##"
    {
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        {
          "tool": {
            "driver": {
              "name": "myrmex",
              "semanticVersion": null,
              "rules": [
                {
                  "id": "E0001",
                  "shortDescription": {
                    "text": "a file that cannot be read"
                  },
                  "help": null
                },
                {
                  "id": "E0105",
                  "shortDescription": {
                    "text": "a key stands twice in one map"
                  },
                  "help": null
                },
                {
                  "id": "E0202",
                  "shortDescription": {
                    "text": "an unknown key"
                  },
                  "help": null
                },
                {
                  "id": "E0401",
                  "shortDescription": {
                    "text": "an expression that cannot be read"
                  },
                  "help": null
                }
              ]
            }
          },
          "columnKind": "unicodeCodePoints",
          "results": [
            {
              "ruleId": "E0202",
              "ruleIndex": 2,
              "level": "error",
              "message": {
                "text": "unknown key `runn` in a task\nhint: did you mean `run`?"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "a%20b.yaml"
                    },
                    "region": {
                      "startLine": 3,
                      "startColumn": 7,
                      "endLine": 3,
                      "endColumn": 11
                    }
                  }
                }
              ]
            },
            {
              "ruleId": "E0401",
              "ruleIndex": 3,
              "level": "error",
              "message": {
                "text": "unexpected input after expression"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "a%20b.yaml"
                    },
                    "region": {
                      "startLine": 4,
                      "startColumn": 32,
                      "endLine": 4,
                      "endColumn": 33
                    }
                  }
                }
              ]
            },
            {
              "ruleId": "E0105",
              "ruleIndex": 1,
              "level": "error",
              "message": {
                "text": "the key `b` stands twice in this map"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "a%20b.yaml"
                    },
                    "region": {
                      "startLine": 5,
                      "startColumn": 3,
                      "endLine": 5,
                      "endColumn": 4
                    }
                  }
                }
              ],
              "relatedLocations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "a%20b.yaml"
                    },
                    "region": {
                      "startLine": 4,
                      "startColumn": 3,
                      "endLine": 4,
                      "endColumn": 4
                    }
                  },
                  "message": {
                    "text": "first here"
                  }
                }
              ]
            },
            {
              "ruleId": "E0001",
              "ruleIndex": 0,
              "level": "error",
              "message": {
                "text": "the file cannot be read: there is no such file"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "none.yaml"
                    }
                  }
                }
              ]
            }
          ]
        }
      ]
    }
    "##);
}

#[test]
fn check_without_problems_writes_an_empty_log() {
    let bounded = CANONICAL.replacen('\n', "\ndeadline: 1h\n", 1);
    let folder = folder(&[("w.yaml", &bounded)]);
    assert_eq!(
        run(&folder, &["check", "--format", "github", "w.yaml"], ""),
        "exit 0\n--- stdout\n--- stderr\n"
    );
    assert!(run(&folder, &["check", "--format", "sarif", "w.yaml"], "").contains("\"results\": []"));
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let folder = folder(&[]);
    let page = include_str!("../../../spec/codes/E0207.md");
    assert_eq!(run(&folder, &["explain", "e0207"], ""), format!("exit 0\n--- stdout\n{page}--- stderr\n"));
    let unknown = run(&folder, &["explain", "E0277"], "");
    assert!(unknown.starts_with("exit 2\n") && unknown.contains("E0207"), "{unknown}");
    let shown = run(&folder, &["explain", "E0207", "--json"], "");
    let text = shown.strip_prefix("exit 0\n--- stdout\n").unwrap().strip_suffix("--- stderr\n").unwrap();
    let found: Value = serde_json::from_str(text).unwrap();
    assert_eq!(found, json!({"code": "E0207", "title": "a dependency cycle between tasks", "text": page}));
}

#[test]
fn explain_lists_all_codes() {
    let folder = folder(&[]);
    let shown = run(&folder, &["explain"], "");
    for line in [
        "E0001  a file that cannot be read",
        "W0203  more problems than are shown",
        "X0102  inputs are missing or wrong",
    ] {
        assert!(shown.lines().any(|own| own == line), "{shown}");
    }
    assert!(run(&folder, &["explain", "--json"], "").contains("\"title\": \"a tab outside quotes\""));
}
