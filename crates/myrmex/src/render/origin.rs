//! Where in its file an expression stands that failed in a run.
//!
//! A run keeps its definition, which means the same wherever it stands, and no file. So the file is read again: if it still
//! makes the definition of the run, its places are those of the run; otherwise nothing is said.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use myrmex_engine::run::Run;
use myrmex_lang::{Position, SourceMap};
use myrmex_model::address::Address;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::DefinitionHash;
use myrmex_model::ir::{Body, Definition, NodeId};
use myrmex_model::wire;

use crate::commands::{CheckedFile, check_placed};
use crate::sources;
use crate::workspace::Workspace;

/// What a message begins with that is about an expression.
const ABOUT: &str = "expression `";

/// The file that this process was told to run: it may lie where no other workflow is looked for.
static GIVEN: OnceLock<PathBuf> = OnceLock::new();

/// Notes the file that this process runs.
pub fn note(path: &Path) {
    // Standard input and pipes cannot be read a second time: whoever tries may wait for ever.
    if path.is_file() {
        GIVEN.get_or_init(|| path.to_owned());
    }
}

/// The file of a run, read when the first place in it is asked for.
#[derive(Default)]
pub struct Origin {
    file: OnceCell<Option<CheckedFile>>,
}

impl Origin {
    /// Returns where the expression stands that `fault` of `run` is about; nothing if that is not known any more.
    pub fn place(&self, run: &Run, fault: &Fault) -> Option<Position> {
        // The words of a `fail` are its author's.
        let (_, expression) = match &fault.kind {
            FaultKind::Expression | FaultKind::DataLimit => fault.title.split_once(ABOUT)?,
            FaultKind::Configuration
            | FaultKind::Validation
            | FaultKind::Timeout
            | FaultKind::Runtime
            | FaultKind::NoChoice
            | FaultKind::BranchFailed
            | FaultKind::ToleranceExceeded
            | FaultKind::RoundsExceeded
            | FaultKind::Conflict
            | FaultKind::Deadlock
            | FaultKind::Refused
            | FaultKind::Own(_) => return None,
        };
        let file = self.file.get_or_init(|| file_of(run)).as_ref()?;
        let whole = fault.detail.as_deref().unwrap_or_default();
        let is_meant = |source: &str| {
            let is_whole = expression.strip_prefix(source).is_some_and(|rest| rest.starts_with("`: "));
            // A long one is cut in the message, and stands whole at the end of the detail.
            is_whole || expression.contains("…`: ") && whole.ends_with(source)
        };
        let (places, node) = node_of(file, fault.task.as_deref().unwrap_or_default())?;
        let key = whole.strip_prefix("in `").and_then(|rest| rest.split_once('`')).map(|(key, _)| key);
        places.expression(node, key, is_meant)
    }
}

/// Returns the file that makes the definition of `run`, checked.
fn file_of(run: &Run) -> Option<CheckedFile> {
    let root = Workspace::current(None).ok()?.root;
    let name = run.definition().name.as_str().to_owned();
    let given = GIVEN.get().cloned();
    let shown = |path: PathBuf| path.strip_prefix(&root).map_or(path.clone(), Path::to_path_buf);
    let is_it = |file: &CheckedFile| {
        let hash = file.definition.as_ref().map(|own| DefinitionHash::of(&wire::definition::encode(own)));
        hash == Some(run.definition_hash())
    };
    let here = std::env::current_dir().is_ok_and(|here| here == root);
    let named = sources::workflows_named(&name, &root).chain(sources::workflows_below(&name, &root));
    let named = named.map(|path| if here { shown(path) } else { path });
    given.into_iter().chain(named).map(|path| check_placed(&path, &root)).find(is_it)
}

/// Returns the node at the path of a task, with the places of its definition: what is inside a call is in the one called.
fn node_of<'f>(file: &'f CheckedFile, path: &str) -> Option<(&'f SourceMap, NodeId)> {
    let (places, called) = file.places.as_ref()?;
    let (mut places, mut definition) = (places, file.definition.as_ref()?);
    let mut node = definition.root;
    for segment in Address::parse(path).ok()?.segments() {
        if let Body::Call(call) = &definition.node(node).body {
            places = called.get(&call.workflow)?;
            definition = file.closure.get(&call.workflow)?;
            node = definition.root;
        }
        node = child(definition, node, segment.name)?;
        if segment.key.is_some() {
            node = child(definition, node, segment.name)?;
        }
    }
    Some((places, node))
}

fn child(definition: &Definition, parent: NodeId, name: &str) -> Option<NodeId> {
    let is_it = |node: &myrmex_model::ir::Node| node.parent == Some(parent) && node.name.as_str() == name;
    let place = definition.nodes.iter().position(is_it)?;
    u32::try_from(place).ok().map(NodeId)
}
