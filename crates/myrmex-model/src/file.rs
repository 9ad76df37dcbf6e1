//! File values: what stands for content that a run keeps.

use serde_json::json;

use crate::id::BlobHash;
use crate::value::Value;

/// A file as values name it: an object with exactly the fields `name`, `size` and `hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileValue {
    /// What the file is called, without a folder.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The hash of its content.
    pub hash: BlobHash,
}

impl FileValue {
    /// The fields that a file value has, in their order.
    pub const FIELDS: [&str; 3] = ["name", "size", "hash"];

    /// Returns the file that a value names; none if it is anything else.
    pub fn of(value: &Value) -> Option<Self> {
        let fields = value.as_object().filter(|fields| fields.len() == Self::FIELDS.len())?;
        let [name, size, hash] = Self::FIELDS.map(|field| fields.get(field));
        let (name, hash) = (name?.as_str()?, hash?.as_str()?);
        Some(Self { name: name.to_owned(), size: size?.as_u64()?, hash: hash.parse().ok()? })
    }

    /// Returns the value that names it.
    pub fn to_value(&self) -> Value {
        json!({"name": self.name, "size": self.size, "hash": self.hash.to_string()})
    }

    /// Returns every file that `value` names, itself or in what it holds, in order.
    pub fn all_in(value: &Value) -> Vec<Self> {
        let mut found = Vec::new();
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(items) => open.extend(items.iter().rev()),
                Value::Object(fields) => match Self::of(value) {
                    Some(file) => found.push(file),
                    None => open.extend(fields.values().rev()),
                },
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_value_has_exactly_its_fields() {
        let file = FileValue { name: "a.txt".into(), size: 3, hash: BlobHash([7; 32]) };
        let value = file.to_value();
        assert_eq!(FileValue::of(&value), Some(file.clone()));
        assert_eq!(FileValue::all_in(&json!([1, {"x": [value]}, value])), [file.clone(), file]);
        let mut more = value.clone();
        more["more"] = json!(1);
        assert_eq!(FileValue::of(&more), None);
        assert_eq!(FileValue::of(&json!({"name": "a", "size": 1, "hash": "no hash"})), None);
        assert_eq!(FileValue::of(&json!("a.txt")), None);
    }
}
