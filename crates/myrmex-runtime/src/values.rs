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
    known: OrderedMap<ValueHash, Known>,
    /// What all that is known takes in memory, about.
    bytes: usize,
    fresh: Vec<IndexOperation>,
}

/// The most bytes that the cache of a run keeps beyond a turn; what it forgets is read from the table again.
const KNOWN_BYTES_MAX: usize = 32 << 20;

/// A value with what it takes in memory, about.
#[derive(Debug)]
struct Known {
    value: Arc<Value>,
    bytes: usize,
}

impl Values {
    pub(crate) fn new(namespace: Namespace, run: RunId) -> Self {
        let mut known = OrderedMap::default();
        known.insert(HashedValue::null_hash(), Known { value: Arc::new(Value::Null), bytes: 0 });
        Self { namespace, run, known, bytes: 0, fresh: Vec::new() }
    }

    /// Adds a value and returns its hash.
    pub(crate) fn put(&mut self, value: Value) -> ValueHash {
        let HashedValue { hash, json, value } = HashedValue::new(value);
        if !self.known.contains_key(&hash) {
            self.remember(hash, Arc::new(value));
            self.fresh.push(IndexOperation::PutValue {
                namespace: self.namespace.clone(),
                run: self.run,
                hash,
                json: json.into_bytes(),
            });
        }
        hash
    }

    /// Brings a value of another run into this one as it is stored. Until the batch is durable it is read from here.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the table cannot be read, or the other run has no such value.
    pub(crate) fn bring(
        &mut self,
        of: RunId,
        hash: ValueHash,
        reader: &dyn Reader,
    ) -> Result<(), StoreError> {
        if !self.known.contains_key(&hash) {
            let json = json_of(reader, &self.namespace, of, hash)?;
            let value =
                serde_json::from_slice(&json).map_err(|_| damaged("a value is not JSON", of, hash))?;
            self.remember(hash, Arc::new(value));
            let (namespace, run) = (self.namespace.clone(), self.run);
            self.fresh.push(IndexOperation::PutValue { namespace, run, hash, json });
        }
        Ok(())
    }

    /// Returns a value, from the table if it was not seen yet.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the table cannot be read or the value is not in it.
    pub(crate) fn get(&mut self, hash: ValueHash, reader: &dyn Reader) -> Result<Arc<Value>, StoreError> {
        if let Some(known) = self.known.get(&hash) {
            return Ok(Arc::clone(&known.value));
        }
        let value = Arc::new(load(reader, &self.namespace, self.run, hash)?);
        self.remember(hash, Arc::clone(&value));
        Ok(value)
    }

    fn remember(&mut self, hash: ValueHash, value: Arc<Value>) {
        let bytes = weight(&value);
        self.known.insert(hash, Known { value, bytes });
        self.bytes += bytes;
    }

    /// Takes what the next batch must add to the table.
    pub(crate) fn take_fresh(&mut self) -> Vec<IndexOperation> {
        std::mem::take(&mut self.fresh)
    }

    /// Whether there is more than the cache should keep.
    pub(crate) fn is_large(&self) -> bool {
        self.bytes > KNOWN_BYTES_MAX
    }

    /// Forgets the values that were learned first, if there are too many. Only values that are durable may be forgotten:
    /// the table has them.
    pub(crate) fn forget_oldest(&mut self) {
        let mut count = 0;
        for known in self.known.values() {
            if self.bytes <= KNOWN_BYTES_MAX / 2 {
                break;
            }
            self.bytes -= known.bytes;
            count += 1;
        }
        self.known.drain(..count);
        self.known.insert(HashedValue::null_hash(), Known { value: Arc::new(Value::Null), bytes: 0 });
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
    let json = json_of(reader, namespace, run, hash)?;
    serde_json::from_slice(&json).map_err(|_| damaged("a value is not JSON", run, hash))
}

fn json_of(
    reader: &dyn Reader,
    namespace: &Namespace,
    run: RunId,
    hash: ValueHash,
) -> Result<Vec<u8>, StoreError> {
    let json = reader.value(namespace, run, hash)?;
    json.ok_or_else(|| damaged("a value that the journal names is missing", run, hash))
}

/// Returns about how many bytes a value takes in memory.
fn weight(value: &Value) -> usize {
    // A map keeps a table beside its entries.
    const MAP: usize = 64;
    const ENTRY: usize = 64;
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => {
            MAP + fields.iter().map(|(key, value)| ENTRY + key.len() + weight(value)).sum::<usize>()
        }
    };
    size_of::<Value>() + inside
}

fn damaged(what: &str, run: RunId, hash: ValueHash) -> StoreError {
    StoreError::Damaged { what: what.to_owned(), place: format!("run {run}, value {hash}") }
}
