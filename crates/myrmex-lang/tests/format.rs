//! The canonical form of files.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};

use myrmex_lang::{FormatError, Source, Syntax, check, format};
use myrmex_model::id::DefinitionHash;
use myrmex_model::wire;
use proptest::prelude::*;

fn yaml(text: &str) -> Result<String, FormatError> {
    format(&Source::new("t.yaml", text), Syntax::Yaml)
}

/// Asserts the canonical form of `text`, and that it is the canonical form of itself.
#[track_caller]
fn assert_form(text: &str, expected: &str) {
    let formatted = yaml(text).unwrap();
    assert!(formatted == expected, "\n=== found\n{formatted}=== expected\n{expected}");
    assert_eq!(yaml(&formatted).unwrap(), formatted);
}

/// What a file means: the hash of its definition, or its problems.
fn meaning(text: &str) -> Result<DefinitionHash, Vec<String>> {
    let checked = check(&Source::new("t.yaml", text));
    let problems = || {
        let mut lines: Vec<_> =
            checked.diagnostics.iter().map(|found| format!("{} {}", found.code, found.message)).collect();
        lines.sort_unstable();
        lines
    };
    checked
        .definition
        .as_ref()
        .map(|definition| DefinitionHash::of(&wire::definition::encode(definition)))
        .ok_or_else(problems)
}

/// Asserts what holds of every file: formatting keeps the meaning, and doing it again changes nothing.
#[track_caller]
fn assert_lawful(text: &str) {
    for syntax in [Syntax::Yaml, Syntax::Json] {
        match format(&Source::new("t.yaml", text), syntax) {
            Ok(formatted) => {
                assert_eq!(
                    format(&Source::new("t.yaml", formatted.as_str()), syntax).as_ref(),
                    Ok(&formatted),
                    "again:\n{text}"
                );
                assert_eq!(meaning(&formatted), meaning(text), "{text}\n---\n{formatted}");
            }
            Err(FormatError::Broken(problems)) => assert!(!problems.is_empty()),
            Err(FormatError::Lossy) => panic!("lossy:\n{text}"),
        }
    }
}

#[test]
fn what_is_canonical_stays() {
    let text = "\
# yaml-language-server: $schema=workflow.json

workflow: release
description: >-
  Two lines
  of text.

inputs:
  version: {type: string, pattern: ^v\\d+$}

tasks:
  # Builds it.
  build:
    run: |
      make
        all
    env: {VERSION: '${{ inputs.version }}', EMPTY: ''}  # from outside
  test:
    needs: [build]
    if: inputs.version != 'v0'

    run:
      command:
        - test
        # The last one.
        - ${{ inputs.version }}
  # At the end.
";
    assert_form(text, text);
}

#[test]
fn lists_and_maps_are_indented_by_two() {
    assert_form(
        "tasks:\n    a:\n        needs:\n        - b\n        -   c\n        -\n           d: 1\n           e: 2\n        - - f\n          - g\n",
        "tasks:\n  a:\n    needs:\n      - b\n      - c\n      - d: 1\n        e: 2\n      - - f\n        - g\n",
    );
}

#[test]
fn braces_and_brackets_stay_if_they_fit() {
    assert_form("a: { b : [1,2 , 3], c: {} ,d: [ ] }\n", "a: {b: [1, 2, 3], c: {}, d: []}\n");
    assert_form("a: [x,\n  y]\n", "a: [x, y]\n");
    let long = "word".repeat(20);
    assert_form(
        &format!("a: {{b: [{long}, {long}], c: d}} # why\n"),
        &format!("a:  # why\n  b:\n    - {long}\n    - {long}\n  c: d\n"),
    );
}

#[test]
fn braces_with_comments_become_lines() {
    assert_form(
        "a: { # one\n  b: 1, # two\n\n  # three\n  c: [x, y] # four\n  # five\n  } # six\nd: 1\n",
        "a:  # one\n  b: 1  # two\n\n  # three\n  c: [x, y]  # four\n  # five\n# six\nd: 1\n",
    );
}

#[test]
fn quotes_are_used_where_they_are_needed() {
    assert_form(
        "a: \"x\"\nb: 'true'\nc: \"it's\"\nd: \"a\\nb\"\ne: 'x: y'\nf: '${{ a }}'\ng: {h: \"${{ a }}\"}\n\"i\": '1'\n'no': 'no'\non: 1.50\nj: True\nk: ~\nl:\nm: [~, '']\nn: '#x'\no: \"\\t\\\\\"\np: 'a''b'\nq: 'https://x/y'\n",
        "a: x\nb: 'true'\nc: it's\nd: \"a\\nb\"\ne: 'x: y'\nf: ${{ a }}\ng: {h: '${{ a }}'}\ni: '1'\n'no': 'no'\non: 1.50\nj: true\nk: null\nl:\nm: [null, '']\nn: '#x'\no: \"\\t\\\\\"\np: a'b\nq: https://x/y\n",
    );
}

#[test]
fn block_texts_stay() {
    let text = "a: |\n  x\n\n    y\nb: |-\n  z\nc: |+  # kept\n  z\n\n\nd: |2\n    indented\ne: >\n  folded\n  text\n\n    code\nf:\n  - |\n    x\n  - >-\n    y\n";
    assert_form(text, text);
    assert_form("a: |4\n     x\nb: >2\n     y\n    z\n", "a: |2\n   x\nb: >2\n     y\n    z\n");
    assert_form("a: |\n\n\nb: |-\n", "a: ''\nb: ''\n");
}

#[test]
fn long_text_that_was_broken_is_folded() {
    let words = ["word"; 30].join(" ");
    assert_form(
        &format!("a: one\n  two\nb: {words}\n   end\nc: {words}\n"),
        &format!(
            "a: one two\nb: >-\n  {}\n  {} end\nc: {words}\n",
            ["word"; 21].join(" "),
            ["word"; 9].join(" ")
        ),
    );
}

#[test]
fn one_blank_line_stays_of_many() {
    assert_form("\n\n# top\n\n\n\na: 1\n\n\nb:\n\n  c: 1\n\n\n", "# top\n\na: 1\n\nb:\n\n  c: 1\n");
}

#[test]
fn comments_stay_with_what_they_belong_to() {
    assert_form(
        "a:\n    b: 1\n    # of a\n  # between\n# of c\nc: # behind\n - x   # first\n#odd\n - y\n   # of the list\n# end\n",
        "a:\n  b: 1\n  # of a\n# between\n# of c\nc:  # behind\n  - x  # first\n  #odd\n  - y\n  # of the list\n# end\n",
    );
    assert_form("a:\n- b\n# of c\nc: 1\n", "a:\n  - b\n# of c\nc: 1\n");
    assert_form("a: # why\n  text\nb: # one\n  # two\n  [1]\n", "a: text  # why\nb: [1]  # one\n# two\n");
    assert_form("- # why\n  a: 1\n- # what\n  |\n  x\n", "# why\n- a: 1\n# what\n- |\n  x\n");
}

#[test]
fn anchors_stay() {
    let text = "a: &one {b: 1}\nc: &two\n  d: &three |\n    x\n  e: &four\nf: [*one, &five x, *five]\ng:\n  - &six\n    h: 1\n  - *six\n";
    assert_form(text, text);
}

#[test]
fn directives_and_marks_go() {
    assert_form("\u{feff}%YAML 1.2\n# c\n---\r\na: 1\r\nb: |\r\n  x\r\n...\n", "# c\na: 1\nb: |\n  x\n");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let Err(FormatError::Broken(problems)) = yaml("a: [1\nb: 2\n") else { panic!() };
    assert_eq!(problems.len(), 1);
    assert!(yaml("a: 1\na: 2\n").is_err());
    assert!(yaml("").is_err());
}

#[test]
fn a_form_that_would_be_too_long_is_refused() {
    let text = format!("x: {}{}a{}\n", "[".repeat(90), "a, ".repeat(10_000), "]".repeat(90));
    let Err(FormatError::Broken(problems)) = yaml(&text) else { panic!() };
    assert_eq!(problems[0].code, myrmex_lang::codes::TEXT_LONG);
}

#[test]
fn json_stays_json() {
    let json = |text: &str| format(&Source::new("t.json", text), Syntax::Json).unwrap();
    assert_eq!(
        json("{\"a\":1.0,\"b\":[1, 2],\n\"c\":{\"d\":\"é\\n\"},\"e\":{},\"f\":[\n1,{\"g\":null}]}"),
        "{\n  \"a\": 1.0,\n  \"b\": [1, 2],\n  \"c\": {\"d\": \"é\\n\"},\n  \"e\": {},\n  \"f\": [\n    1,\n    {\"g\": null}\n  ]\n}\n"
    );
    let Err(FormatError::Broken(problems)) = format(&Source::new("t.json", "{} # c"), Syntax::Json) else {
        panic!()
    };
    assert_eq!(problems[0].message, "JSON has no comments");
}

/// All files below `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All files in `folder`.
fn every_file(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test reads its data; the crate does not")]
fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test reads its data; the crate does not")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_file_at_hand_keeps_its_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = ["examples", "crates", "docs", "spec", "bench"];
    let workflows: Vec<_> = folders.iter().flat_map(|folder| files(&root.join(folder), "yaml")).collect();
    assert!(workflows.len() > 5);
    for path in workflows {
        assert_lawful(&read(&path));
    }
    for folder in ["check", "tree"] {
        for seed in every_file(&root.join("tests-data/fuzz").join(folder)) {
            assert_lawful(&read_lossy(&seed));
        }
    }
    for path in files(&root.join("tests-data/wfinstances"), "json") {
        let text = read(&path);
        assert_lawful(&text);
        assert_lawful(&myrmex_lang::import::wfformat(&text, 0.5).unwrap());
    }
}

/// The texts in the tests of `check`: between quotes that stand alone on a line, and after `check…(`.
#[test]
fn every_text_of_the_tests_of_check_keeps_its_meaning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let mut count = 0;
    for path in files(&folder, "rs") {
        for part in read(&path).split("\n        \"\n").skip(1).step_by(2) {
            let part = part.replace("\\\"", "\"").replace("\\\\", "\\");
            let body: String =
                part.lines().map(|line| line.get(8..).unwrap_or("").to_owned() + "\n").collect();
            assert_lawful(&body);
            assert_lawful(&format!("workflow: w\n{body}"));
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn a_folded_text_that_ends_the_file_in_a_blank_keeps_it() {
    assert_lawful("c: >\n  , ");
    assert_lawful("c: |\n  , ");
}

#[test]
fn white_space_that_yaml_takes_for_text_stays_at_the_end_of_a_text() {
    for blank in ["\u{85}", "\u{a0}", "\u{2003}", "\u{2028}", "\u{3000}", "\u{b}", "\u{c}"] {
        for style in [">", "|", ">-", ">+"] {
            assert_lawful(&format!("a: {style}\n {blank}\nb: {style}\n x {blank}\n\n"));
            assert_lawful(&format!(": {style}\n {blank}\n? c"));
        }
        assert_lawful(&format!("a: x{blank} # c{blank}\nb: [x{blank}, 'y{blank}']\n{blank}: 1\n"));
    }
}

/// Texts that look like YAML, with all that makes it hard.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b:",
        "c: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\n\n",
        "{",
        "}",
        "[",
        "]",
        ", ",
        " # c",
        "\n# d\n",
        "|",
        ">",
        "|-\n",
        "|+\n",
        ">2\n",
        "'",
        "\"",
        "&x ",
        "*x",
        "x y",
        ": ",
        "? ",
        "é",
        "'it''s'",
        "\"\\n\"",
        "1.0",
        "null",
        "\n  # e",
        "\r\n",
        "---\n",
        "\\",
        "w: {a: [1, 2], b: c}\n",
        "- a: 1\n  b: 2\n",
        "\t",
        "k: |\n    text\n     more\n",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "? c",
        ": >\n ",
    ]);
    prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.concat())
}

/// Documents that are always well formed, with comments and blank lines anywhere they may stand.
fn documents() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "x",
        "'y z'",
        "\"q\"",
        "1",
        "''",
        "\"a: b\"",
        "'${{ a }}'",
        "|\n<  one\n<   two\n",
        ">-\n<  one\n<  two\n\n<  three\n",
        "|+\n<  z\n\n\n",
        "[a, b]",
        "{c: d, e: [f]}",
        "[a, # in\n<   b\n<  ]",
        "null",
        "p\n<  q",
        "|2-\n<    deep\n",
    ]);
    let comment =
        prop::sample::select(vec!["", "", "", "# c\n", "\n", "\n\n# d\n\n", "      # far\n", "#\n"]);
    let tail = prop::sample::select(vec!["", "", " # t"]);
    let leaf = (scalar, tail).prop_map(|(scalar, tail)| {
        if scalar.ends_with('\n') { scalar.to_owned() } else { format!("{scalar}{tail}\n") }
    });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let member = (comment.clone(), inner, 0usize..3);
        (prop::collection::vec(member, 1..4), any::<bool>(), 1usize..4).prop_map(
            |(members, is_list, step)| {
                let mut out = String::from("\n");
                for (index, (comment, value, _)) in members.into_iter().enumerate() {
                    out.push_str(comment);
                    let value = value.replace("\n<", &format!("\n<{}", " ".repeat(step)));
                    let head = if is_list { "-".to_owned() } else { format!("k{index}:") };
                    out.extend(["<", &" ".repeat(step), &head, " ", &value]);
                }
                out
            },
        )
    })
    .prop_map(|text| text.replace("\n<", "\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_keeps_its_meaning_or_is_refused(text in texts()) {
        assert_lawful(&text);
    }

    #[test]
    fn any_document_keeps_its_meaning(text in documents()) {
        assert_lawful(&text);
    }
}
