//! Property: what `check` accepts can be stored and read back, so it never says `E0801`.

use myrmex_lang::{Beside, Source, check_with};
use proptest::prelude::*;

/// Names that mean something elsewhere, so that they meet often.
const NAMES: [&str; 9] = ["a", "b", "finally", "on_failure", "catch", "try", "run", "case-1", "do"];

/// Makes one task as flow YAML, with blocks, items and handlers around it.
fn task() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(&NAMES[..]);
    let leaf = prop_oneof![
        Just("run: x".to_owned()),
        Just("set: {a: [1, {b: '${{ run.id }} x'}]}".to_owned()),
        Just("fail: x".to_owned()),
        name().prop_map(|name| format!("use: lib/{name}@1")),
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let pair = (name(), inner.clone());
        let pairs = prop::collection::vec(pair, 1..3).prop_map(|mut pairs| {
            pairs.sort();
            pairs.dedup_by(|a, b| a.0 == b.0);
            pairs
        });
        prop_oneof![
            pairs.clone().prop_map(|all| format!(
                "tasks: {{{}}}",
                list(&all, |(name, task)| format!("{name}: {{{task}}}"))
            )),
            pairs.clone().prop_map(|all| format!(
                "do: [{}]",
                list(&all, |(name, task)| format!("{{{name}: {{{task}}}}}"))
            )),
            pairs.prop_map(|all| format!(
                "repeat: {{until: 'true', max: 2, do: [{}]}}",
                list(&all, |(name, task)| format!("{{{name}: {{{task}}}}}"))
            )),
            (inner.clone(), inner.clone())
                .prop_map(|(body, catch)| format!("try: [{{{body}}}], catch: {{{catch}}}")),
            (inner.clone(), inner.clone()).prop_map(|(body, other)| format!(
                "switch: [{{if: 'true', do: {{{body}}}}}, {{else: {{do: {{{other}}}}}}}]"
            )),
            (inner.clone(), inner.clone())
                .prop_map(|(body, handler)| format!("{body}, finally: {{{handler}}}")),
            (inner.clone(), inner.clone())
                .prop_map(|(body, handler)| format!("{body}, on_failure: [{{{handler}}}]")),
            inner.prop_map(|body| format!("{body}, for_each: 2")),
        ]
    })
}

fn list<T>(items: &[T], shown: impl Fn(&T) -> String) -> String {
    items.iter().map(shown).collect::<Vec<_>>().join(", ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_can_be_read_back(first in task(), handler in task()) {
        let text = format!("workflow: w\ntasks: {{a: {{{first}}}, b: {{{handler}}}}}\nfinally: {{{handler}}}\n");
        let actions: String = NAMES.iter().map(|name| format!("  {name}: {{version: 1.0.0, run: x}}\n")).collect();
        let library = Source::new("actions/lib.yaml", format!("actions:\n{actions}"));
        let beside = Beside { libraries: vec![library], ..Beside::default() };
        let checked = check_with(&Source::new("w.yaml", text.as_str()), &beside);
        let defect = checked.diagnostics.iter().find(|problem| problem.code.0 == "E0801");
        prop_assert!(defect.is_none(), "{text}\n{defect:?}");
    }
}
