//! Tests of how much is left after each node of a definition.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;

use myrmex_lang::{Source, check as check_file};
use myrmex_model::ir::{Definition, NodeId};
use myrmex_model::rank::{Measure, Ranks};
use myrmex_plan::problem::Span;
use myrmex_plan::rank::levels;

fn definition(text: &str) -> Definition {
    let checked = check_file(&Source::new("t.yaml", text));
    checked.definition.unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn ranks(definition: &Definition, measured: &[(&str, i64)]) -> Ranks {
    levels(definition, &measured.iter().map(|(path, length)| ((*path).to_owned(), Span(*length))).collect())
}

/// Returns what is left from the begin of each of the named nodes, and from its end.
fn left(definition: &Definition, ranks: &Ranks, names: &[&str]) -> Vec<(u64, u64)> {
    let of = |name: &&str| {
        let place = definition.nodes.iter().position(|node| node.name.as_str() == *name).unwrap();
        let rank = ranks.of(NodeId(u32::try_from(place).unwrap()));
        (rank.remaining.0, rank.after.0)
    };
    names.iter().map(of).collect()
}

const DIAMOND: &str = "workflow: t\ntasks:\n  a: {run: x}\n  b: {needs: [a], run: x}\n  c: {needs: [a], run: x}\n  d: {needs: [b, c], run: x}\n";

#[test]
fn a_task_ranks_by_what_is_left_from_its_start_to_the_end() {
    let definition = definition(DIAMOND);
    let check = |measured: &[(&str, i64)], measure: Measure, expected: [u64; 4]| {
        let ranks = ranks(&definition, measured);
        let left = left(&definition, &ranks, &["a", "b", "c", "d"]);
        assert_eq!(
            (ranks.measure(), left.iter().map(|(begin, _)| *begin).collect()),
            (measure, Vec::from(expected))
        );
    };
    check(&[("a", 1), ("b", 5), ("c", 2), ("d", 4)], Measure::Time, [10, 9, 6, 4]);
    // Unknown counts as the median of 1, 2 and 4.
    check(&[("a", 1), ("c", 2), ("d", 4)], Measure::Time, [7, 6, 6, 4]);
    check(&[], Measure::Tasks, [3, 2, 2, 1]);
}

#[test]
fn what_was_measured_counts_before_what_was_estimated_and_that_before_the_median() {
    let definition = definition(
        "workflow: t\ntasks:\n  a: {run: x, estimate: 2m}\n  b: {needs: [a], run: x, estimate: 1h}\n  c: {needs: [b], run: x}\n",
    );
    let ranks = ranks(&definition, &[("b", 5)]);
    assert_eq!(left(&definition, &ranks, &["a", "b", "c"]), [(120_010, 10), (10, 5), (5, 0)]);
}

#[test]
fn what_is_inside_a_block_is_followed_by_what_follows_the_block() {
    let definition = definition(
        "workflow: t\ntasks:\n  block:\n    tasks:\n      x: {run: x}\n      y: {needs: [x], run: x}\n      z: {run: x}\n  last: {needs: [block], run: x}\n",
    );
    let ranks = ranks(&definition, &[("block/x", 1), ("block/y", 2), ("block/z", 5), ("last", 10)]);
    let expected = [(15, 10), (13, 12), (12, 10), (15, 10), (10, 0)];
    assert_eq!(left(&definition, &ranks, &["block", "x", "y", "z", "last"]), expected);
}

#[test]
fn items_take_as_many_rounds_as_their_number_needs() {
    let definition = definition(
        "workflow: t\ntasks:\n  many:\n    for_each: [1, 2, 3, 4, 5]\n    max_parallel: 2\n    tasks: {inside: {run: x}}\n  last: {needs: [many], run: x}\n",
    );
    let ranks = ranks(&definition, &[("many[]/inside", 3), ("last", 10)]);
    assert_eq!(left(&definition, &ranks, &["many", "inside", "last"]), [(19, 10), (13, 10), (10, 0)]);
}

#[test]
fn a_graph_with_more_ways_than_could_be_walked_is_ranked() {
    let mut text = "workflow: t\ntasks:\n".to_owned();
    for task in 0..2_000 {
        let needs = if task < 2 { String::new() } else { format!("needs: [t{}, t{}], ", task - 1, task - 2) };
        writeln!(text, "  t{task}: {{{needs}run: x}}").unwrap();
    }
    let definition = definition(&text);
    let ranks = ranks(&definition, &[]);
    assert_eq!(left(&definition, &ranks, &["t0", "t1999"]), [(1_999, 1_998), (1, 0)]);
}
