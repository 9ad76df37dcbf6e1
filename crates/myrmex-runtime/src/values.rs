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
    /// The run of which values are copied. What is not in the table yet is read from there.
    lender: Option<RunId>,
}

/// The most bytes that the cache of a run keeps beyond a turn; what it forgets is read from the table again.
const KNOWN_BYTES_MAX: usize = 32 << 20;

/// A value with what it takes in memory, about.
#[derive(Debug)]
struct Known {
    form: Form,
    bytes: usize,
}

impl Known {
    fn null() -> Self {
        Self { form: Form::Value(Arc::new(Value::Null)), bytes: 0 }
    }
}

/// How a value is kept.
#[derive(Debug)]
enum Form {
    Value(Arc<Value>),
    /// Its JSON text: a long list that nobody has read takes many times as much otherwise.
    Text(Arc<str>),
}

impl Values {
    pub(crate) fn new(namespace: Namespace, run: RunId) -> Self {
        let mut known = OrderedMap::default();
        known.insert(HashedValue::null_hash(), Known::null());
        Self { namespace, run, known, bytes: 0, fresh: Vec::new(), lender: None }
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

    /// Has the store copy values of another run into this one, with the next batch. They do not pass through memory: until
    /// that batch is durable they are read from the other run. Values of one other run only may be copied.
    pub(crate) fn copy(&mut self, of: RunId, hashes: impl IntoIterator<Item = ValueHash>) {
        self.lender = Some(of);
        let new = hashes.into_iter().filter(|hash| !self.known.contains_key(hash));
        self.fresh.extend(new.map(|hash| IndexOperation::CopyValue {
            namespace: self.namespace.clone(),
            from: of,
            run: self.run,
            hash,
        }));
    }

    /// Returns a value, from the table if it was not seen yet.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the table cannot be read or the value is not in it.
    pub(crate) fn get(&mut self, hash: ValueHash, reader: &dyn Reader) -> Result<Arc<Value>, StoreError> {
        match self.known.get(&hash).map(|known| &known.form) {
            Some(Form::Value(value)) => return Ok(Arc::clone(value)),
            Some(Form::Text(text)) => {
                let value = Arc::new(parsed(text.as_bytes(), self.run, hash)?);
                self.remember(hash, Arc::clone(&value));
                return Ok(value);
            }
            None => {}
        }
        let value = Arc::new(parsed(&self.stored(hash, reader)?, self.run, hash)?);
        self.remember(hash, Arc::clone(&value));
        Ok(value)
    }

    /// Adds the list of values that are known or in the table, null for each that is none, and returns its hash; none if its text
    /// has more than `bytes_max` bytes. No more than texts is made of it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] as [`Values::get`] does.
    pub(crate) fn put_list(
        &mut self,
        members: impl Iterator<Item = Option<ValueHash>>,
        bytes_max: usize,
        reader: &dyn Reader,
    ) -> Result<Option<ValueHash>, StoreError> {
        let mut text = String::from("[");
        for member in members {
            if text.len() > 1 {
                text.push(',');
            }
            match member {
                Some(hash) => self.append(hash, reader, &mut text)?,
                None => text.push_str("null"),
            }
            if text.len() >= bytes_max {
                return Ok(None);
            }
        }
        text.push(']');
        let hash = ValueHash::of(text.as_bytes());
        if !self.known.contains_key(&hash) {
            self.fresh.push(IndexOperation::PutValue {
                namespace: self.namespace.clone(),
                run: self.run,
                hash,
                json: text.clone().into_bytes(),
            });
            let bytes = text.len();
            self.keep(hash, Known { form: Form::Text(text.into()), bytes });
        }
        Ok(Some(hash))
    }

    /// Appends the JSON text of a value.
    fn append(&self, hash: ValueHash, reader: &dyn Reader, text: &mut String) -> Result<(), StoreError> {
        match self.known.get(&hash).map(|known| &known.form) {
            Some(Form::Value(value)) => text.push_str(&value.to_string()),
            Some(Form::Text(own)) => text.push_str(own),
            None => {
                let json = self.stored(hash, reader)?;
                let is_whole = |json: &&str| ValueHash::of(json.as_bytes()) == hash;
                let json = std::str::from_utf8(&json).ok().filter(is_whole);
                text.push_str(json.ok_or_else(|| damaged("a value is not what was put", self.run, hash))?);
            }
        }
        Ok(())
    }

    /// Reads the text of a value that is not known.
    fn stored(&self, hash: ValueHash, reader: &dyn Reader) -> Result<Vec<u8>, StoreError> {
        let own = reader.value(&self.namespace, self.run, hash)?;
        let found = match (own, self.lender) {
            (None, Some(lender)) => reader.value(&self.namespace, lender, hash)?,
            (own, _) => own,
        };
        found.ok_or_else(|| damaged("a value that the journal names is missing", self.run, hash))
    }

    fn remember(&mut self, hash: ValueHash, value: Arc<Value>) {
        let bytes = weight(&value);
        self.keep(hash, Known { form: Form::Value(value), bytes });
    }

    fn keep(&mut self, hash: ValueHash, known: Known) {
        self.bytes += known.bytes;
        let before = self.known.insert(hash, known);
        self.bytes -= before.map_or(0, |before| before.bytes);
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
        self.known.insert(HashedValue::null_hash(), Known::null());
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
    let json = reader.value(namespace, run, hash)?;
    let json = json.ok_or_else(|| damaged("a value that the journal names is missing", run, hash))?;
    parsed(&json, run, hash)
}

fn parsed(json: &[u8], run: RunId, hash: ValueHash) -> Result<Value, StoreError> {
    serde_json::from_slice(json).map_err(|_| damaged("a value is not JSON", run, hash))
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

#[cfg(test)]
mod tests {
    use myrmex_store::memory::MemoryStore;
    use myrmex_store::{Batch, LogId, Sequence, Store};
    use serde_json::json;

    use super::*;

    const RUN: RunId = RunId([1; 16]);

    const LENDER: RunId = RunId([2; 16]);

    fn kept(store: &mut MemoryStore, run: RunId, values: &[Value]) {
        let mut of_run = Values::new(Namespace::standard(), run);
        for value in values {
            of_run.put(value.clone());
        }
        let (log, operations) = (LogId(0), of_run.take_fresh());
        let epoch = store.open_log(log).expect("it can be opened").epoch;
        let batch = Batch { log, expected: Sequence::NONE, epoch, records: Vec::new(), operations };
        store.commit(&batch).expect("there is room");
    }

    /// Wherever its members are, a list is what it would be as a value.
    #[test]
    fn a_list_of_texts_is_the_list_of_their_values() {
        let all = [
            json!(null),
            json!({"b": 1.5e300, "a": [0.1, -0.0, 18_446_744_073_709_551_615_u64]}),
            json!("quote \" \\ \u{7f} \u{2028} ü 𝄞 \u{1}\n"),
            json!([]),
            json!({"": {"deep": [[[{}]]]}}),
            json!(7),
        ];
        let mut store = MemoryStore::new();
        kept(&mut store, RUN, &all[..2]);
        kept(&mut store, LENDER, &all[2..4]);
        let reader = store.reader().expect("readable");
        let mut values = Values::new(Namespace::standard(), RUN);
        let hash = |value: &Value| HashedValue::new(value.clone()).hash;
        values.copy(LENDER, all[2..4].iter().map(hash));
        for value in &all[4..] {
            values.put(value.clone());
        }
        let members = || all.iter().map(|value| Some(hash(value))).chain([None]);
        let whole = Value::Array(all.iter().cloned().chain([Value::Null]).collect());
        let bytes = whole.to_string().len();
        let mut list = |bytes_max| values.put_list(members(), bytes_max, reader.as_ref()).expect("readable");
        assert_eq!(list(bytes - 1), None);
        assert_eq!(list(bytes), Some(hash(&whole)));
        // A list of lists, of which one is known by its text alone.
        let twice = values.put_list([Some(hash(&whole)); 2].into_iter(), usize::MAX, reader.as_ref());
        let nested = json!([whole, whole]);
        assert_eq!(twice.expect("readable"), Some(hash(&nested)));
        assert_eq!(*values.get(hash(&nested), reader.as_ref()).expect("readable"), nested);
        assert_eq!(*values.get(hash(&whole), reader.as_ref()).expect("readable"), whole);
        let empty = values.put_list(std::iter::empty(), usize::MAX, reader.as_ref());
        assert_eq!(empty.expect("readable"), Some(hash(&json!([]))));
    }
}
