//! Successes that the worker of a simulation takes over, by the same rules as the local worker, over arguments alone.

use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::name::Namespace;
use myrmex_model::outcome::Origin;
use myrmex_runtime::values;
use myrmex_runtime::worker::{Assignment, Outcome};
use myrmex_store::{CacheDigest, Reader};

use super::random::{mix, mix_text};

/// Returns what the success of an attempt depends on, if it may be taken over.
pub(super) fn digest(assignment: &Assignment) -> Option<CacheDigest> {
    let scope = assignment.cache.as_deref()?;
    let cache = &assignment.arguments["cache"];
    let given = cache.get("key").map_or_else(|| assignment.arguments.to_string(), ToString::to_string);
    let hash =
        [scope.workflow.as_str(), &scope.path, &scope.body.to_string(), &given].into_iter().fold(0, mix_text);
    let mut digest = [0; 32];
    for (index, part) in (0..).zip(digest.chunks_mut(8)) {
        part.copy_from_slice(&mix(hash, index).to_be_bytes());
    }
    Some(CacheDigest(digest))
}

/// Finds a success that an attempt can take over.
pub(super) fn find(reader: &dyn Reader, namespace: &Namespace, assignment: &Assignment) -> Option<Outcome> {
    let entry = reader.cached(namespace, digest(assignment)?).ok()??;
    let output = values::load(reader, namespace, entry.run, entry.output).ok()?;
    Some(Outcome::TakenOver { output, origin: Origin { run: entry.run, task: entry.task } })
}

/// Returns the origins of what a journal took over.
pub(super) fn origins(journal: &[Recorded]) -> impl Iterator<Item = &Origin> {
    journal.iter().filter_map(|recorded| {
        let Event::AttemptEnded { report, .. } = &recorded.event else { return None };
        report.cached.as_deref()
    })
}

/// Whether an origin is a success of this journal.
pub(super) fn is_success(origin: &Origin, journal: Option<&Vec<Recorded>>) -> bool {
    let succeeded = |recorded: &Recorded| {
        matches!(&recorded.event, Event::AttemptEnded { task, report, .. }
        if *task == origin.task && matches!(report.end, myrmex_model::outcome::AttemptEnd::Succeeded { .. }))
    };
    journal.is_some_and(|journal| journal.iter().any(succeeded))
}

/// Says that what a run took over is nobody's success.
pub(super) fn breach(run: RunId, origin: &Origin) -> String {
    format!("run {run} takes over `{}` of run {}, which did not succeed", origin.task, origin.run)
}
