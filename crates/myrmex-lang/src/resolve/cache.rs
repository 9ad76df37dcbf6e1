//! Finds caches that would change what a workflow means.

use myrmex_model::ir::Repetition;

use crate::codes;
use crate::outline::{Cache, ForEach, Run, Task, Verb};
use crate::report::Report;

/// Refuses to take over what may be done only once, and one key for all items of a `for_each`. `default` is the `effect` of
/// a task that says none.
pub(super) fn check(task: &Task, default: Option<Repetition>, report: &mut Report) {
    let Some(Verb::Run(Run { cache: Some(cache), .. })) = &task.verb else { return };
    if task.effect.or(default) == Some(Repetition::Forbidden) {
        let message = "a success is never taken over with `effect: once`: the effect would not take place";
        let hint = "leave `cache` out, or say `effect: idempotent`";
        report.refuse_hint(codes::CACHE_ONCE, cache.place, message, hint);
    }
    if let Some(each) = &task.each {
        shared(cache, each, report);
    }
}

/// Refuses a key that does not tell items apart: one would take over the result of another.
fn shared(cache: &Cache, each: &ForEach, report: &mut Report) {
    let (Some(key), Some(place)) = (&cache.key, cache.key_place) else { return };
    let tells_apart = |root: &str| root == each.item || matches!(root, "index" | "key");
    if key.reads.iter().any(|read| tells_apart(&read.root)) {
        return;
    }
    let item = &each.item;
    let message = format!("all items would have one result: this key does not name `{item}`");
    let hint = format!("add the item to the key, as in `key: ['${{{{ {item} }}}}', …]`, or leave `key` out");
    report.refuse_hint(codes::CACHE_SHARED, place, message, hint);
}
