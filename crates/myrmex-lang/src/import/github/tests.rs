//! Expressions of GitHub Actions, and what an import of them must not lose, misread, or take for ever to read.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::expression::{Asked, Needed, Scope, When};
use crate::Source;
use crate::import::{Format, Imported, Options, import};

fn scope() -> Scope {
    Scope {
        inputs: Rc::new(BTreeMap::from([("fast".to_owned(), true), ("level".to_owned(), false)])),
        needs: Rc::new(BTreeMap::from([
            (
                "build".to_owned(),
                Needed { task: "build".to_owned(), outputs: BTreeSet::from(["x".to_owned()]) },
            ),
            ("all".to_owned(), Needed { task: "all".to_owned(), outputs: BTreeSet::new() }),
        ])),
        steps: Rc::new(BTreeMap::from([("v".to_owned(), "v-1".to_owned())])),
        matrix: Some(BTreeSet::from(["os".to_owned()])),
        env: vec![Rc::new(BTreeMap::from([
            ("NAME".to_owned(), "it's".to_owned()),
            ("REF".to_owned(), "${{ inputs.level }}".to_owned()),
        ]))],
        workflow: "w".to_owned(),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let made = scope().expression(text, &Asked::default()).map(|made| made.source);
    assert_eq!(made.unwrap_or_else(|problem| format!("! {problem}")), expected, "{text}");
}

#[test]
fn expressions_become_ours() {
    check("inputs.level", "inputs.level");
    check("matrix.os", "matrix.os");
    check("matrix.extra", "matrix.extra | default('')");
    check("matrix[inputs.level]", "matrix[inputs.level]");
    check("steps.v.outputs.x-y", "tasks['v-1'].output['x-y'] | default('')");
    check("needs.build.outputs.x", "tasks.build.output.x | default('')");
    check("env.NAME == 'it''s'", r"('it\'s') == ('it\'s')");
    check("env.REF", "(inputs.level)");
    check(
        "github.event.pull_request.number > 3 && !inputs.fast",
        "(inputs.github_event_pull_request_number > 3) and (not (inputs.fast))",
    );
    check("contains(inputs.level, 'a') || false", "('a' in inputs.level) or false");
    check("format('{0}-{{}}-{1}', matrix.os, 2)", "'' ~ matrix.os ~ '-{}-' ~ 2");
    check("fromJSON('[1]')[0]", "! `fromJSON('[1]')[0]` cannot be read: a field of what a function gives");
    check("toJSON(inputs.level)", "inputs.level | to_json");
    check("needs.all.outputs.x", "! `needs.all.outputs.x` in `needs.all.outputs.x` has no equal");
    check("inputs.unknown", "! `inputs.unknown` in `inputs.unknown` has no equal");
    check("github.event.commits.*.id", "! `github[…]` in `github.event.commits.*.id` has no equal");
    check("secrets.KEY", "secrets.KEY");
    check("secrets.KEY != ''", "! `secrets.KEY` in `secrets.KEY != ''` has no equal");
    check("hashFiles('a')", "! `hashfiles()` in `hashFiles('a')` has no equal");
    check("1 +", "! `1 +` cannot be read: `+` is not expected");
    check("'a", "! `'a` cannot be read: a quote is not closed");
    check(
        &"(".repeat(100),
        &format!("! `{}…` cannot be read: `{}` is not expected", "(".repeat(60), "(".repeat(10)),
    );
    check(
        &"a == ".repeat(2000),
        &format!("! `{}…` cannot be read: it is longer than 4096 bytes", "a == ".repeat(12)),
    );
}

#[test]
fn conditions_say_when_and_whether() {
    let check = |text: &str, expected: (When, Option<&str>)| {
        let found = scope().condition(text, &Asked::default()).unwrap();
        assert_eq!((found.0, found.1.as_deref()), expected, "{text}");
    };
    check("always()", (When::Always, None));
    check("${{ failure() && inputs.fast }}", (When::Failed, Some("inputs.fast")));
    check("success()", (When::Succeeded, None));
    check("!cancelled() && inputs.level", (When::Always, Some("not not (inputs.level)")));
    check("inputs.fast && matrix.os == 'a'", (When::Succeeded, Some("(inputs.fast) and (matrix.os == 'a')")));
    assert!(scope().condition("always() || inputs.fast", &Asked::default()).is_err());
}

fn imported(text: &str) -> Imported {
    import(Format::Github, &[Source::new("w.yml", text)], &Options::default())
}

#[test]
fn no_value_of_others_becomes_code() {
    let text = "jobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo \"${{ github.event.issue.title }}\" '${{ github.actor }}'\n";
    let made = imported(text);
    assert!(!made.has_errors(), "{:?}", made.notes);
    let body = &made.files[0].body;
    assert!(body.contains(r#"echo "${GITHUB_EVENT_ISSUE_TITLE}" ''"${GITHUB_ACTOR}"''"#), "{body}");
    assert!(body.contains("GITHUB_ACTOR: ${{ inputs.github_actor }}"), "{body}");
}

#[test]
fn a_large_file_takes_no_quadratic_time() {
    let steps = |job: usize| {
        let steps = (0..5).map(|step| format!("      - run: echo ${{{{ github.a{job}_{step} }}}}\n"));
        steps.collect::<Vec<_>>().concat()
    };
    let job = |job: usize| {
        let before = job.max(1) - 1;
        format!(
            "  j{job}:\n    if: failure()\n    needs: j{before}\n    x{job}: {{a: 1}}\n    steps:\n{}",
            steps(job)
        )
    };
    let jobs = (0..900).map(job).collect::<Vec<_>>().concat();
    let text = format!("jobs:\n{jobs}");
    // The first needs itself, which is found by the check.
    let made = imported(&text.replacen("    needs: j0\n", "", 1));
    assert!(!made.files.is_empty() || made.has_errors());
}
