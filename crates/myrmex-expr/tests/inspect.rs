//! What `inspect` finds and refuses.

use myrmex_expr::{ExprErrorKind, SOURCE_BYTES_MAX, inspect};

/// Shows the references of `source`, or the error and the text it marks.
fn check(source: &str, expected: &str) {
    let shown = match inspect(source) {
        Ok(found) => {
            let paths = found.references.iter().map(|reference| {
                let span = reference.span.clone();
                format!("{reference} = {}", &source[span])
            });
            paths.collect::<Vec<_>>().join("; ")
        }
        Err(error) => format!("{error} @ {}", &source[error.span.clone()]),
    };
    assert_eq!(shown, expected, "{source}");
}

#[test]
fn references_are_paths_of_fields_and_constant_subscripts() {
    check("tasks.build.output.x", "tasks.build.output.x = tasks.build.output.x");
    check("1 + tasks['a-b'].output", "tasks['a-b'].output = tasks['a-b'].output");
    check(
        "tasks[\"build\"]['output'][0][-1]",
        "tasks.build.output[0][-1] = tasks[\"build\"]['output'][0][-1]",
    );
    check("inputs.list[0:2]", "inputs.list = inputs.list");
    check("inputs.list.0", "inputs.list[0] = inputs.list.0");
    check("inputs", "inputs = inputs");
    check("(inputs).a.b", "inputs.a.b = (inputs).a.b");
    check("nobody.knows.it", "nobody.knows.it = nobody.knows.it");
    check("1 + 2", "");
}

#[test]
fn references_are_found_everywhere() {
    check("[a, {'k': b.c}, (d,)] ", "a = a; b.c = b.c; d = d");
    check("a.x if not b.y else c.z | default(d.w)", "a.x = a.x; b.y = b.y; c.z = c.z; d.w = d.w");
    check("a < b.c <= d and e is divisibleby(f)", "a = a; b.c = b.c; d = d; e = e; f = f");
    check("x.l | map(attribute=y.z) | join(w)", "x.l = x.l; y.z = y.z; w = w");
    check("m.list[i.dex].name", "m.list = m.list; i.dex = i.dex");
    check("a.l[b:c:d]", "a.l = a.l; b = b; c = c; d = d");
    check("range(n.m) ~ raw(q)", "n.m = n.m; q = q");
}

#[test]
fn filters_and_functions_are_listed_with_their_places() {
    let source = "raw(inputs.a | upper | join (','))";
    let found = inspect(source).unwrap();
    let names: Vec<_> =
        found.filters.iter().map(|(name, span)| (name.as_str(), &source[span.clone()])).collect();
    assert_eq!(names, [("upper", "upper"), ("join", "join")]);
    assert_eq!(found.functions, [("raw".to_owned(), 0..3)]);
}

#[test]
fn names_must_be_known_before_a_run() {
    check(
        "tasks[inputs.which].output",
        "what is read from `tasks` must be a literal name, not computed @ inputs.which",
    );
    check("inputs[item]", "what is read from `inputs` must be a literal name, not computed @ item");
    check(
        "secrets['a' ~ 'b']",
        "what is read from `secrets` must be a literal name, not computed @ 'a' ~ 'b'",
    );
    check("tasks", "`tasks` is not a value; read one of its fields, such as `tasks.name` @ tasks");
    check(
        "1 + (tasks | length)",
        "`tasks` is not a value; read one of its fields, such as `tasks.name` @ tasks",
    );
    check("tasks.x.items[index]", "tasks.x.items = tasks.x.items; index = index");
}

#[test]
fn unknown_names_of_operations_are_refused() {
    check("a | uper", "unknown filter `uper` @ uper");
    check("a | default(b | nope(1))", "unknown filter `nope` @ nope");
    check("a is strange", "unknown test `strange` @ strange");
    check("a is not strange", "unknown test `strange` @ strange");
    check("1 + debug()", "unknown function `debug` @ debug");
    check("namespace(a=1)", "unknown function `namespace` @ namespace");
    check("a | safe", "unknown filter `safe` @ safe");
    check("a | map('uper')", "unknown filter `uper` @ 'uper'");
    check("a | select('filter')", "unknown test `filter` @ 'filter'");
    check("a | selectattr('x', 'nope')", "unknown test `nope` @ 'nope'");
    check("a | map(b)", "what `map` applies must be a literal name, not computed @ b");
    let error = inspect("a | uper").unwrap_err();
    assert!(error.known_names().contains(&"upper"));
}

#[test]
fn methods_name_the_filter_that_does_it() {
    check("'x'.upper()", "values have no methods such as `upper()`; write `| upper` @ upper()");
    check("m.items()", "values have no methods such as `items()`; write `| items` @ items()");
    check(
        "v.startswith('a')",
        "values have no methods such as `startswith()`; write `is startingwith` @ startswith('a')",
    );
    check("v.frobnicate()", "values have no methods such as `frobnicate()` @ frobnicate()");
    check("[1](2)", "only functions can be called @ [1](2)");
}

#[test]
fn syntax_errors_mark_the_token_at_fault() {
    check("", "unexpected end of input, expected expression @ ");
    check("a +", "unexpected end of input, expected expression @ ");
    check("a b", "unexpected input after expression @ b");
    check("a + ) b", "unexpected `)` @ )");
    check("a }} b", "unexpected input after expression @ }}");
    check("[1, 2", "unexpected end of input, expected `,` @ ");
    check("a + 'b", "unexpected end of string @  'b");
    check("a ? b", "unexpected character @  ? b");
    check("f(*a)", "unknown function `f` @ f");
    check("range(*a)", "arguments cannot be spread with `*` or `**` @ range(*a)");
    check("{% if a %}", "unexpected `%` @ %");
}

#[test]
fn what_json_cannot_hold_is_refused() {
    check("1e400", "the number is out of range @ 1e400");
    check("1 + 18446744073709551616", "the number is out of range @ 18446744073709551616");
    check("18446744073709551615", "");
    check("[0] * 100000000", "a list cannot be repeated with `*` @ [0] * 100000000");
    check("3 * [a]", "a list cannot be repeated with `*` @ 3 * [a]");
}

#[test]
fn long_sources_are_refused() {
    assert!(inspect(&format!("'{}'", "x".repeat(SOURCE_BYTES_MAX - 2))).is_ok());
    let error = inspect(&"x".repeat(SOURCE_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(error.kind, ExprErrorKind::Long { bytes: SOURCE_BYTES_MAX + 1 });
}
