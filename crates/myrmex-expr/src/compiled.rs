//! Expressions in the form that is evaluated, kept by source, and the programs in them.

use std::sync::Arc;

use minijinja::Value;
use myrmex_model::OrderedMap;

use crate::error::ExprError;
use crate::inspect::{Reference, Step};
use crate::jq::Programs;
use crate::syntax::{self, Parsed};
use crate::tree::{Kind, Node};

/// How much source a generation of the cache holds, in bytes. A large definition has some ten thousand expressions of
/// some ten bytes each; compiled they take about fifty times that.
const CACHED_BYTES_MAX: usize = 1 << 20;

/// What a jq program counts for beside its source: the definitions it calls are compiled with it.
const PROGRAM_BYTES: usize = 1024;

/// An expression that was read once.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) source: Arc<str>,
    pub(crate) root: Node,
    /// What it takes in the cache, as bytes of source.
    weight: usize,
    /// What is asked of the caller: the paths that no shorter path begins.
    pub(crate) reads: Vec<Reference>,
    /// For each reference of the tree, which of `reads` begins it and what comes after that.
    pub(crate) slots: Vec<(usize, Vec<Value>)>,
}

impl Compiled {
    fn new(source: &Arc<str>, programs: &mut Programs) -> Result<Self, ExprError> {
        let Parsed { root, inspection } = syntax::parse(source, programs)?;
        let mut reads: Vec<Reference> = Vec::new();
        for reference in &inspection.references {
            if !reads.iter().any(|read| read.is_prefix_of(reference)) {
                reads.retain(|read| !reference.is_prefix_of(read));
                reads.push(reference.clone());
            }
        }
        let slot = |reference: &Reference| {
            let place = reads.iter().position(|read| read.is_prefix_of(reference));
            let place = place.expect("every reference is among the reads or begins with one of them");
            let rest = reference.steps[reads[place].steps.len()..].iter().map(|step| match step {
                Step::Field(name) => Value::from(name.as_str()),
                Step::Index(index) => Value::from(*index),
            });
            (place, rest.collect())
        };
        let slots = inspection.references.iter().map(slot).collect();
        let programs = inspection.filters.iter().filter(|(name, _)| name == "jq").count();
        let weight = source.len() + programs * PROGRAM_BYTES;
        Ok(Self { source: source.clone(), root, weight, reads, slots })
    }

    /// Returns the one path that is the whole expression.
    pub(crate) fn lone_read(&self) -> Option<&Reference> {
        if let Kind::Reference(_) = self.root.kind { self.reads.first() } else { None }
    }
}

/// Compiled expressions by source, in two generations, so that an expression in use is never dropped and the memory
/// stays bounded.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    recent: OrderedMap<Arc<str>, Arc<Compiled>>,
    older: OrderedMap<Arc<str>, Arc<Compiled>>,
    /// The bytes of source in `recent`.
    recent_bytes: usize,
    programs: Programs,
}

impl Cache {
    /// Returns the expression `source`, compiled.
    pub(crate) fn get(&mut self, source: &Arc<str>) -> Result<Arc<Compiled>, ExprError> {
        if let Some(compiled) = self.recent.get(&**source) {
            return Ok(compiled.clone());
        }
        let compiled = match self.older.get(&**source) {
            Some(compiled) => compiled.clone(),
            None => Arc::new(Compiled::new(source, &mut self.programs)?),
        };
        if self.recent_bytes + compiled.weight > CACHED_BYTES_MAX {
            self.older = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        self.recent_bytes += compiled.weight;
        self.recent.insert(source.clone(), compiled.clone());
        Ok(compiled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_several_expressions_is_compiled_once() {
        let mut cache = Cache::default();
        for source in ["x | jq('.a')", "y | jq('.a')", "[x | jq(\".a\"), x | jq('.b')]"] {
            cache.get(&source.into()).unwrap();
        }
        assert_eq!(cache.programs.compiled, 2);
    }

    #[test]
    fn programs_that_nothing_holds_are_forgotten() {
        let mut cache = Cache::default();
        for number in 0..5_000 {
            cache.get(&format!("x | jq('{number}')").into()).unwrap();
        }
        // As many as two generations of expressions hold, and again as many that are not swept yet.
        let held = 2 * CACHED_BYTES_MAX / PROGRAM_BYTES;
        assert!(cache.programs.len() <= 2 * held, "{}", cache.programs.len());
    }
}
