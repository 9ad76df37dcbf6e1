//! The secrets that a run would lack, found before it begins: half a run is worse than none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use myrmex_lang::Source;
use myrmex_model::diagnostic::{Code, Diagnostic};
use myrmex_model::ir::Definition;
use myrmex_model::value::Value;
use myrmex_runtime::secrets::Providers;

use super::CheckedFile;
use crate::named_secrets::{Named, named_secrets, names_any};

/// The code of a secret without which the run would fail.
pub(super) const MISSING: Code = Code("E0702");

/// The code of a secret without which the run may fail.
pub(super) const MAYBE_MISSING: Code = Code("W0701");

/// Returns what a run of `definition`, which stands in `file`, with these inputs lacks: the files that name such secrets, with a
/// problem for each. `root` is the folder of the workspace. No value is kept, and no command carried out.
pub(super) fn lacking(
    file: &CheckedFile,
    (definition, inputs): (&Definition, &serde_json::Map<String, Value>),
    (providers, root): (&Providers, &Path),
) -> Vec<CheckedFile> {
    if !names_any(definition, &file.closure) {
        return Vec::new();
    }
    let find = || named_secrets(definition, &file.closure, inputs);
    let on_thread = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES);
        builder.spawn_scoped(scope, find).map(std::thread::ScopedJoinHandle::join)
    });
    let named = match on_thread {
        Ok(Ok(named)) => named,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // Without memory for a large stack a small one must do.
        Err(_) => find(),
    };
    let mut files: BTreeMap<Arc<str>, (Source, Vec<Diagnostic>)> = BTreeMap::new();
    for named in named {
        if let Some((source, problem)) = problem(file, (definition, &named), (providers, root)) {
            files.entry(Arc::clone(&source.name)).or_insert_with(|| (source, Vec::new())).1.push(problem);
        }
    }
    let files = files.into_values().map(|(source, mut diagnostics)| {
        diagnostics.sort_by_key(|problem| problem.span.start);
        let (closure, beside) = (BTreeMap::new(), Vec::new());
        CheckedFile { source, definition: None, closure, places: None, diagnostics, beside }
    });
    files.collect()
}

/// Builds the problem of a secret, if it cannot be had.
fn problem(
    file: &CheckedFile,
    (definition, named): (&Definition, &Named),
    (providers, root): (&Providers, &Path),
) -> Option<(Source, Diagnostic)> {
    let Named { secret, workflow, node, expression, is_certain } = named;
    let fault = providers.lacks(secret, root)?;
    let (own, called) = file.places.as_ref()?;
    let (places, definition) = match workflow {
        None => (own, definition),
        Some(name) => (called.get(name)?, file.closure.get(name)?),
    };
    let ways = match expression {
        Some(expression) => vec![expression.clone()],
        None => vec![
            format!("secrets.{secret}"),
            format!("secrets['{secret}']"),
            format!("secrets[\"{secret}\"]"),
        ],
    };
    let is_meant = |source: &str| ways.iter().any(|way| way == source.trim());
    let (source, span) = places.stretch(*node, is_meant)?;
    let (message, hint) = match expression {
        // What somebody gave as the name may be the secret itself, and is not repeated unless it is known as a name.
        Some(expression) if !providers.knows(secret) => (
            format!("the secret that `{expression}` names is missing"),
            "the secret NAME comes from the variable MYRMEX_SECRET_NAME, or from where `secrets` in myrmex.yaml says"
                .to_owned(),
        ),
        Some(_) | None => (fault.title, fault.detail.unwrap_or_default()),
    };
    let task = &definition.node(*node).name;
    let problem = if *is_certain {
        Diagnostic::error(MISSING, span, message).with_label(format!("`{task}` needs it"))
    } else {
        let label = format!("`{task}` needs it, if the run comes to it");
        Diagnostic::warning(MAYBE_MISSING, span, message).with_label(label)
    };
    Some((source.clone(), problem.with_hint(hint)))
}
