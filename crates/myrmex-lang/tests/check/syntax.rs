//! `E01xx`: the text, before it means anything.

use super::{check, check_body};

#[test]
fn text_that_is_not_yaml_is_located() {
    check_body(
        "tasks: {a: {run: x}",
        "
        E0101 2:8 unclosed bracket '{'
    ",
    );
}

#[test]
fn common_slips_of_yaml_come_with_a_hint() {
    check_body(
        "
        tasks:
          a: {run: echo, env: {X: ${{ inputs.x }}}}
        ",
        "
        E0101 3:28 a `,` or `}` is missing here
          hint: inside `{}` and `[]` an expression goes in quotes: '${{ … }}'
        ",
    );
    check_body(
        "
        tasks:
          a:
            run: echo a: b
        ",
        "
        E0101 4:16 a `:` cannot stand here
          hint: put quotes around text that holds `: `
        ",
    );
}

#[test]
fn what_stands_before_a_syntax_error_is_still_checked() {
    check_body(
        "
        max_paralell: 2
        tasks:
          a: {needs: later, runn: x}
          b: \"
        ",
        "
        E0202 2:1 unknown key `max_paralell` in a workflow
          hint: did you mean `max_parallel`?
        E0202 4:21 unknown key `runn` in a task
          hint: did you mean `run`?
        E0101 6:1 invalid indentation in multiline quoted scalar
          hint: close the quote above
        ",
    );
}

#[test]
fn a_key_that_stands_twice_is_refused_and_every_key_is_compared() {
    check_body(
        "
        tasks:
          a: {run: x}
          b: {run: x}
          a: {run: y}
        ",
        "
        E0105 5:3 the key `a` stands twice in this map
          3:3 first here
        ",
    );
}

#[test]
fn tabs_are_refused_outside_quotes_comments_and_blocks() {
    check_body(
        "tasks:\n  a:\n    run: |\n      if x; then\n      \tfi\n  # a\tb\n  b: {run:\t'a\tb'}\n  c:\t{run: \"a\tb\"}\n",
        "
        E0106 8:11 a tab stands outside quotes
          hint: use spaces; a tab that belongs to a text goes in quotes
        E0106 9:5 a tab stands outside quotes
          hint: use spaces; a tab that belongs to a text goes in quotes
        ",
    );
    check_body(
        "tasks:\n\ta: {run: x}\n",
        "
        E0106 3:1 a tab stands outside quotes
          hint: use spaces; a tab that belongs to a text goes in quotes
        ",
    );
}

#[test]
fn json_is_accepted_even_with_tabs() {
    check("{\n\t\"workflow\": \"w\",\n\t\"tasks\": {\"a\": {\"run\": \"echo \\\"hi\\\"\"}}\n}", "");
}

#[test]
fn words_that_readers_take_differently_are_refused_unless_quoted() {
    check_body(
        "
        inputs:
          a: {enum: [yes, 'no', On]}
        on: x
        tasks:
          on: {set: {a: off, no: 'off', x: '${{ inputs.a }}'}}
        ",
        "
        E0107 3:14 bare `yes` is text to some readers and a boolean to others
          hint: write `true`, or put quotes around the text
        E0107 3:25 bare `On` is text to some readers and a boolean to others
          hint: write `true`, or put quotes around the text
        E0202 4:1 unknown key `on` in a workflow
          hint: `triggers` says this, and is not supported yet
        E0107 6:17 bare `off` is text to some readers and a boolean to others
          hint: write `false`, or put quotes around the text
        ",
    );
}

#[test]
fn numbers_that_readers_take_differently_are_refused() {
    check_body(
        "
        tasks:
          a:
            set: [0755, 1:30, 0o17, 0x1F, 1_000, .inf, 12:30:45, 00]
        ",
        "
        E0108 4:11 bare `0755` is octal to some readers and decimal to others
          hint: write a decimal number, or put quotes around the text
        E0108 4:17 bare `1:30` is a number in base 60 to some readers and text to others
          hint: write a decimal number, or put quotes around the text
        E0108 4:23 bare `0o17` is a number in another base to some readers and text to others
          hint: write a decimal number, or put quotes around the text
        E0108 4:29 bare `0x1F` is a number in another base to some readers and text to others
          hint: write a decimal number, or put quotes around the text
        E0108 4:35 bare `1_000` is a number to some readers and text to others
          hint: write a decimal number, or put quotes around the text
        E0108 4:42 bare `.inf` is not a number that JSON knows
          hint: write a decimal number, or put quotes around the text
        E0108 4:48 bare `12:30:45` is a number in base 60 to some readers and text to others
          hint: write a decimal number, or put quotes around the text
        E0108 4:58 bare `00` is octal to some readers and decimal to others
          hint: write a decimal number, or put quotes around the text
        ",
    );
}

#[test]
fn numbers_of_yaml_1_2_are_numbers_and_versions_and_dates_are_text() {
    let definition = super::definition(
        "
        tasks:
          a: {set: {i: [0, -7, +7, 18446744073709551615], f: [1.5, .5, 1., 1e3, -2.5E-1], t: [1.2.3, 2027-01-11, 1h, 8080:80, 0.1.0]}}
        ",
    );
    let myrmex_model::ir::Body::Value(value) = &definition.nodes[1].body else { panic!() };
    assert_eq!(
        value.as_literal().unwrap().to_string(),
        r#"{"i":[0,-7,7,18446744073709551615],"f":[1.5,0.5,1.0,1000.0,-0.25],"t":["1.2.3","2027-01-11","1h","8080:80","0.1.0"]}"#
    );
}

#[test]
fn numbers_beyond_64_bits_are_refused() {
    check_body(
        "
        tasks:
          a: {set: {a: 18446744073709551616, b: -9223372036854775809, c: 1e400}}
        ",
        "
        E0109 3:16 the integer `18446744073709551616` does not fit 64 bits
          hint: put quotes around it if it is text
        E0109 3:41 the integer `-9223372036854775809` does not fit 64 bits
          hint: put quotes around it if it is text
        E0109 3:66 the number `1e400` is too large
        ",
    );
}

#[test]
fn merge_keys_and_tags_are_refused() {
    check_body(
        "
        tasks:
          a: &a {run: x}
          b:
            <<: *a
            run: !!str y
          c: !secret {run: z}
        ",
        "
        E0110 5:5 merge keys (`<<`) are not supported
          hint: repeat the keys, or put what tasks share into `defaults`
        E0111 6:10 tags are not allowed
          hint: remove it; a value that is to be text goes in quotes
        E0111 7:6 tags are not allowed
          hint: remove it; a value that is to be text goes in quotes
        ",
    );
}

#[test]
fn anchors_are_followed() {
    check_body(
        "
        tasks:
          a: {run: x, retry: &often {attempts: 3}}
          b: {run: x, retry: *often}
        ",
        "",
    );
}

#[test]
fn what_is_wrong_behind_an_anchor_is_said_once() {
    check_body(
        "
        tasks:
          a: {run: x, retry: &often {attempts: 0}}
          b: {run: x, retry: *often}
        ",
        "
        E0308 3:40 `attempts` must be at least 1, this is 0
        ",
    );
}

#[test]
fn aliases_that_lead_nowhere_or_into_themselves_are_refused() {
    check_body(
        "
        tasks:
          a: {set: {x: *nothing, y: &y [*y]}}
        ",
        "
        E0112 3:16 no anchor `&nothing` stands before this alias
        E0112 3:33 an alias cannot stand inside what it stands for
        ",
    );
}

#[test]
fn aliases_are_bounded_in_what_they_expand_to() {
    let mut text =
        String::from("tasks:\n  a:\n    set:\n      l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..9 {
        let before = format!("*l{}", level - 1);
        text.push_str(&format!("      l{level}: &l{level} [{}]\n", [before.as_str(); 9].join(", ")));
    }
    check_body(&text, "E0113 10:26 the aliases of this file expand to more than 8388608 bytes\n");
}

#[test]
fn keys_are_plain_text() {
    check_body(
        "
        ? [a, b]
        : c
        tasks: {a: {run: x}}
        ",
        "
        E0114 2:3 a key must be plain text
        ",
    );
}

#[test]
fn a_file_holds_one_document() {
    check(
        "
        workflow: w
        tasks: {a: {run: x}}
        ---
        workflow: v
        ",
        "
        E0104 3:1 a file holds one document, here a second one begins
          hint: put each document into a file of its own
        ",
    );
    check("---\nworkflow: w\ntasks: {a: {run: x}}\n", "");
}

#[test]
fn an_empty_file_is_refused() {
    let empty = "E0115 1:1 the file is empty\n  hint: begin with `workflow: NAME`\n";
    check("", empty);
    check("# nothing\n", empty);
}

#[test]
fn carriage_returns_before_line_feeds_and_a_byte_order_mark_change_nothing() {
    let found = super::problems("\u{feff}workflow: w\r\ntasks:\r\n  a: {runn: x}\r\n");
    assert!(found.contains("E0202 3:7 unknown key `runn` in a task"), "{found}");
    assert_eq!(super::problems("\u{feff}workflow: w\r\ntasks:\r\n  a:\r\n    run: |\r\n      x\r\n"), "");
}

#[test]
fn only_yaml_1_2_is_read() {
    let text = |head: &str| format!("{head}\n---\nworkflow: w\ntasks: {{a: {{run: x}}}}\n");
    check(
        &text("# first\n%YAML 1.1"),
        "E0101 2:1 only YAML 1.2 is read, this file says 1.1\n  hint: leave out the line\n",
    );
    check(&text("%YAML 1.2 # now"), "");
}

#[test]
fn the_commonest_slips_of_the_pen_are_told_with_what_to_do() {
    let problems = |body: &str| {
        let text = format!("workflow: w\ntasks:\n  a:\n{body}");
        let source = myrmex_lang::Source::new("test.yaml", text.as_str());
        super::describe(&text, &myrmex_lang::check(&source).diagnostics)
    };
    assert_eq!(
        problems("    run: |\n    echo x\n    timeout: 1m\n"),
        "E0101 5:5 this line is no key: it has no `:`\n  \
         hint: the text below a `|` or `>` stands further to the right than its key\n"
    );
    assert_eq!(
        problems("    run: 'echo it's'\n"),
        "E0101 4:19 something stands behind the closing quote\n  \
         hint: within single quotes a quote is written twice: 'it''s'\n"
    );
    assert_eq!(
        problems("    run: @foo\n"),
        "E0101 4:10 unexpected character: `@'\n  hint: put quotes around text that begins so\n"
    );
    assert_eq!(
        problems("    set: {v: \"x, timeout: 1m}\n  b: {set: {}}\n"),
        "E0101 5:3 invalid indentation\n  hint: close the quote above\n"
    );
    assert_eq!(
        problems("    needs: [b\n    timeout: 1m\n"),
        "E0101 5:5 invalid indentation\n  hint: close the bracket above\n"
    );
}
