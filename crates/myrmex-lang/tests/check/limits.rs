//! Bounds, and files that are large, deep or broken.

use super::{check, check_body, problems};

#[test]
fn long_texts_are_refused() {
    let text = format!("workflow: w\n#{}\ntasks: {{a: {{run: x}}}}\n", "x".repeat(1 << 20));
    let bytes = text.len();
    check(&text, &format!("E0102 1:1 the text has {bytes} bytes, the limit is 1048576\n"));
}

#[test]
fn deep_nesting_is_refused_in_every_style() {
    let expected = "E0103 2:105 lists and maps nest deeper than 100\n";
    check_body(&format!("x-a: {}{}\n", "[".repeat(100), "]".repeat(100)), expected);
    assert!(problems(&format!("workflow: w\nx-a: {}\n", "[".repeat(1_000))).starts_with("E0103"));
    let mut block = String::from("x-a:\n");
    for depth in 0..200 {
        block.push_str(&format!("{}a:\n", " ".repeat(depth + 1)));
    }
    assert!(problems(&format!("workflow: w\n{block}")).contains("E0103"));
    check_body(&format!("x-a: {}{}\ntasks: {{a: {{run: x}}}}\n", "[".repeat(99), "]".repeat(99)), "");
}

#[test]
fn many_problems_are_cut_off_and_counted() {
    let tasks: String = (0..1_500).map(|index| format!("  t{index}: {{runn: x}}\n")).collect();
    let found = problems(&format!("workflow: w\ntasks:\n{tasks}"));
    assert!(found.contains("W0203"), "{found}");
    assert!(found.contains("500 more problems are not shown"), "{found}");
}

#[test]
fn no_prefix_and_no_mutation_of_a_file_makes_it_panic() {
    let text = include_str!("../../../../examples/16-demo/repository.yaml");
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)).step_by(13) {
        problems(&text[..end]);
    }
    let characters: Vec<char> = text.chars().collect();
    let wild = [
        ':', '{', '}', '[', ']', '"', '\'', '&', '*', '!', '|', '>', '%', '\t', '\n', '-', '?', '\u{85}',
        'é', '$',
    ];
    // A fixed walk over places and characters, no randomness.
    for step in 0..300 {
        let mut mutated = characters.clone();
        let at = (step * 7_919) % mutated.len();
        mutated[at] = wild[step % wild.len()];
        if step % 3 == 0 {
            mutated.remove((at * 31) % characters.len().saturating_sub(1));
        }
        problems(&mutated.into_iter().collect::<String>());
    }
}

#[test]
fn tasks_are_bounded_when_aliases_multiply_them() {
    let members: String = (0..1_000).map(|index| format!("    t{index}: {{run: x}}\n")).collect();
    let blocks: String = (0..101).map(|index| format!("  b{index}: {{tasks: *many}}\n")).collect();
    let found = problems(&format!("workflow: w\nx-many: &many\n{members}tasks:\n{blocks}"));
    assert!(found.starts_with("E0216 903:5 the file has more than 100000 tasks\n"), "{found}");
}

#[test]
fn blocks_nest_as_deep_as_the_limit_allows() {
    let deep = |levels: usize| {
        format!("tasks: {}{{a: {{run: x}}}}{}\n", "{a: {tasks: ".repeat(levels), "}}".repeat(levels))
    };
    check_body(&deep(48), "");
    assert!(problems(&format!("workflow: w\n{}", deep(49))).starts_with("E0103"));
}

#[test]
fn ten_thousand_tasks_fit_into_a_file() {
    let task =
        |index: usize| format!("  t{index}: {{run: 'true', needs: [t{}, t{}]}}\n", index - 1, index / 2 - 1);
    let tasks: String = (4..10_000).map(task).collect();
    let first: String = (1..4).map(|index| format!("  t{index}: {{run: 'true'}}\n")).collect();
    check_body(&format!("tasks:\n{first}{tasks}"), "");
}

#[test]
fn schemas_nest_no_deeper_than_can_be_read_back() {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let refused = |kind: &str, depth: usize| {
        format!(
            "E0312 2:10 the schema of the {kind} `x` nests {depth} deep, at most 24 are allowed\n  hint: leave out the innermost schemas\n"
        )
    };
    for (open, close) in [
        ("{type: object, properties: {x: ", "}}"),
        ("{anyOf: [", "]}"),
        ("{additionalProperties: ", "}"),
        ("{not: ", "}"),
        ("{type: array, items: ", "}"),
    ] {
        let schema = |times| nested(open, "{type: string}", close, times);
        check_body(
            &format!("inputs: {{x: {}}}\ntasks: {{a: {{set: '${{{{ inputs }}}}'}}}}\n", schema(23)),
            "",
        );
        let text = format!("inputs: {{x: {}}}\ntasks: {{a: {{run: x}}}}\n", schema(40));
        check_body(&text, &refused("input", 41));
        let text = format!("tasks: {{a: {{run: x, outputs: {{x: {}}}}}}}\n", schema(23));
        check_body(&text, "");
    }
    let values = |times| format!("{{enum: [{}]}}", nested("[", "1", "]", times));
    check_body(&format!("inputs: {{x: {}}}\ntasks: {{a: {{set: '${{{{ inputs }}}}'}}}}\n", values(23)), "");
    check_body(&format!("inputs: {{x: {}}}\ntasks: {{a: {{run: x}}}}\n", values(80)), &refused("input", 81));
}

#[test]
fn what_is_not_shown_costs_no_suggestion() {
    let inputs: String = (0..3_000).map(|index| format!("  input{index}: {{}}\n")).collect();
    let reads: String =
        (0..3_000).map(|index| format!("  t{index}: {{set: '${{{{ inputs.imput{index} }}}}'}}\n")).collect();
    let found = problems(&format!("workflow: w\ninputs:\n{inputs}tasks:\n{reads}"));
    assert!(found.contains("did you mean `input0`?") && found.contains("2000 more problems"), "{found}");
    assert!(found.matches("did you mean").count() < 100);
}
