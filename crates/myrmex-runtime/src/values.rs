//! The values of one run: a cache before the value table, and what a batch must add to the table.

use std::sync::Arc;

use myrmex_model::OrderedMap;
use myrmex_model::id::{RunId, ValueHash};
use myrmex_model::name::Namespace;
use myrmex_model::value::{HashedValue, Value};
use myrmex_store::{IndexOperation, Reader, StoreError};

/// The values of one run that were seen since it was loaded.
///
/// A value is stored once: it goes into the batch of the decision that made it. If that batch is dropped, the whole
/// cache is dropped with the run, so nothing is believed to be stored that is not.
#[derive(Debug)]
pub(crate) struct Values {
    namespace: Namespace,
    run: RunId,
    known: OrderedMap<ValueHash, Arc<Value>>,
    fresh: Vec<IndexOperation>,
}

impl Values {
    pub(crate) fn new(namespace: Namespace, run: RunId) -> Self {
        let mut known = OrderedMap::default();
        known.insert(HashedValue::null_hash(), Arc::new(Value::Null));
        Self { namespace, run, known, fresh: Vec::new() }
    }

    /// Adds a value and returns its hash.
    pub(crate) fn put(&mut self, value: Value) -> ValueHash {
        let HashedValue { hash, json, value } = HashedValue::new(value);
        if !self.known.contains_key(&hash) {
            self.known.insert(hash, Arc::new(value));
            self.fresh.push(IndexOperation::PutValue {
                namespace: self.namespace.clone(),
                run: self.run,
                hash,
                json: json.into_bytes(),
            });
        }
        hash
    }

    /// Returns a value, from the table if it was not seen yet.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the table cannot be read or the value is not in it.
    pub(crate) fn get(&mut self, hash: ValueHash, reader: &dyn Reader) -> Result<Arc<Value>, StoreError> {
        if let Some(value) = self.known.get(&hash) {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(load(reader, &self.namespace, self.run, hash)?);
        self.known.insert(hash, Arc::clone(&value));
        Ok(value)
    }

    /// Takes what the next batch must add to the table.
    pub(crate) fn take_fresh(&mut self) -> Vec<IndexOperation> {
        std::mem::take(&mut self.fresh)
    }
}

/// Reads a value from the table.
///
/// # Errors
///
/// Returns [`StoreError`] if the table cannot be read, or the value is not in it or is not JSON.
pub fn load(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
    hash: ValueHash,
) -> Result<Value, StoreError> {
    if hash == HashedValue::null_hash() {
        return Ok(Value::Null);
    }
    let damaged =
        |what: &str| StoreError::Damaged { what: what.to_owned(), place: format!("run {run}, value {hash}") };
    let json = reader
        .value(namespace, run, hash)?
        .ok_or_else(|| damaged("a value that the journal names is missing"))?;
    serde_json::from_slice(&json).map_err(|_| damaged("a value is not JSON"))
}
