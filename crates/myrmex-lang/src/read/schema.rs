//! Reads the declarations of inputs and outputs.

use std::collections::BTreeSet;

use myrmex_model::ir::{Input, OutputField};
use myrmex_model::name::Name;
use myrmex_model::schema::{Keywords, SECRET_NAME_PATTERN, Schema, Type};
use myrmex_model::template::Template;
use myrmex_model::value::{Value, type_name};
use myrmex_model::wire::definition::SCHEMA_DEPTH_MAX;

use super::{Fields, Reader, keys};
use crate::codes;
use crate::inputs::pattern_matches;
use crate::outline::{Data, InputDeclaration};
use crate::report::Report;
use crate::tree::{Kind, Map, Node, Place};

/// The type of an input that names a secret.
const SECRET: &str = "secret";

/// Words that other languages have for our types.
const TYPES_ELSEWHERE: [(&str, &[&str]); 8] = [
    ("boolean", &["bool"]),
    ("integer", &["int", "long"]),
    ("number", &["float", "double", "decimal"]),
    ("string", &["str", "text"]),
    ("array", &["list", "sequence"]),
    ("object", &["map", "dict", "mapping"]),
    ("date", &["datetime", "timestamp", "time"]),
    ("file", &["path", "blob", "binary"]),
];

/// Returns the words of `type`.
pub(super) fn type_words() -> Vec<&'static str> {
    Type::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// Returns the words of `type` of an input.
pub(super) fn input_type_words() -> Vec<&'static str> {
    Type::ALL.iter().map(|kind| kind.as_str()).chain([SECRET]).collect()
}

/// Returns the type that `word` is, or that it is elsewhere.
pub(super) fn type_meant(word: &str) -> Option<&'static str> {
    let ours = input_type_words().into_iter().find(|own| *own == word);
    ours.or_else(|| TYPES_ELSEWHERE.iter().find(|(_, theirs)| theirs.contains(&word)).map(|(own, _)| *own))
}

fn is_secret_type(fields: &Fields<'_>) -> bool {
    let scalar = fields.get("type").and_then(|entry| entry.value.as_scalar());
    scalar.is_some_and(|scalar| scalar.text == SECRET)
}

impl Reader<'_> {
    pub(super) fn inputs(&mut self, node: &Node) -> Vec<InputDeclaration> {
        let Some(map) = self.map("`inputs`", node) else { return Vec::new() };
        let read = |entry: &crate::tree::Entry| self.input(&entry.key.text, entry.key.place, &entry.value);
        let inputs: Vec<InputDeclaration> = map.entries.iter().filter_map(read).collect();
        let secret = inputs.iter().filter(|own| own.is_secret);
        self.secret_inputs = secret.map(|own| own.input.name.as_str().to_owned()).collect();
        inputs
    }

    /// Reads one input. If its schema is wrong, it is still an input, of any type.
    fn input(&mut self, name: &str, key: Place, node: &Node) -> Option<InputDeclaration> {
        self.name("an input", name, key);
        let mut is_secret = false;
        let schema = self.map(&format!("input `{name}`"), node).map(|map| {
            let fields = self.fields(map, &keys::INPUT);
            is_secret = is_secret_type(&fields);
            let schema =
                if is_secret { Some(self.secret_schema(&fields)) } else { self.schema_fields(&fields) };
            (schema, fields)
        });
        let mut default = None;
        let mut is_optional = false;
        if let Some((schema, fields)) = &schema {
            is_optional = self.is_optional(fields);
            default = fields.get("default").and_then(|entry| self.value("`default`", &entry.value));
            if let Some(schema) = schema {
                default = default.map(|value| schema.settled(value));
            }
            if let (Some(value), Some(schema), Some(entry)) = (&default, schema, fields.get("default")) {
                if schema.kind == Type::File {
                    self.default_path(name, value, entry.value.place);
                } else {
                    check_value(schema, value, (name, entry.value.place), self.report);
                }
                if !is_secret {
                    self.warn_plain_secret(name, value, entry.value.place);
                }
            }
        }
        let schema = schema.and_then(|(schema, _)| schema).unwrap_or(Schema::of(Type::Any));
        self.refuse_deep(&format!("the input `{name}`"), &schema, key);
        let name = Name::new(name).ok()?;
        Some(InputDeclaration { input: Input { name, schema, default, is_optional }, is_secret, key })
    }

    /// Returns whether what `fields` declare may be left out. Of a list `required` speaks of the fields of a map.
    fn is_optional(&mut self, fields: &Fields<'_>) -> bool {
        fields
            .get("required")
            .filter(|entry| entry.value.as_list().is_none())
            .and_then(|entry| self.boolean("`required`", &entry.value))
            .is_some_and(|required| !required)
    }

    /// Checks the default of a file, which is a path and no file value.
    fn default_path(&mut self, name: &str, value: &Value, place: Place) {
        if value.as_str().is_none_or(str::is_empty) {
            let message = format!("`{name}`: expected the path of a file, found {}", type_name(value));
            self.report.refuse(codes::VALUE_MISFIT, place, message);
        }
    }

    /// Reports a schema that nests deeper than what is stored may.
    fn refuse_deep(&mut self, what: &str, schema: &Schema, place: Place) {
        let depth = schema.depth();
        if depth > SCHEMA_DEPTH_MAX {
            let message =
                format!("the schema of {what} nests {depth} deep, at most {SCHEMA_DEPTH_MAX} are allowed");
            let hint = "leave out the innermost schemas";
            self.report.refuse_hint(codes::SCHEMA_DEEP, place, message, hint);
        }
    }

    /// Makes the schema of an input whose value is the name of a secret, never the secret itself.
    fn secret_schema(&mut self, fields: &Fields<'_>) -> Schema {
        for key in ["items", "minimum", "maximum", "pattern"] {
            self.misplaced_keyword(fields, key, &format!("the name of a secret has no {key}"));
        }
        let mut schema = Schema { pattern: Some(SECRET_NAME_PATTERN.to_owned()), ..Schema::of(Type::String) };
        if let Some(entry) = fields.get("enum") {
            schema.allowed = self.allowed(&schema, &entry.value);
        }
        schema
    }

    /// Reads the declared outputs of a task.
    pub(super) fn output_fields(&mut self, node: &Node) -> Option<Vec<OutputField>> {
        let map = self.map("`outputs` of a task", node)?;
        let mut fields = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            self.name("an output", &entry.key.text, entry.key.place);
            let Some(map) = self.map(&format!("output `{}`", entry.key.text), &entry.value) else { continue };
            let own = self.fields(map, &keys::OUTPUT);
            let is_optional = self.is_optional(&own);
            let schema = self.schema_fields(&own);
            if let Some(schema) = &schema {
                self.refuse_deep(&format!("the output `{}`", entry.key.text), schema, entry.key.place);
            }
            if let (Some(schema), Ok(name)) = (schema, Name::new(&entry.key.text)) {
                fields.push(OutputField { name, schema, is_optional });
            }
        }
        Some(fields)
    }

    /// Checks what a `set` gives, as far as it is known, against its declared outputs.
    pub(super) fn set_fits(&mut self, data: &Data, declared: &[OutputField], place: Place) {
        let Some(names) = data.field_names() else { return };
        for field in declared {
            let name = field.name.as_str();
            let literal = match &data.template {
                Template::Literal(value) => value.get(name),
                Template::Map(fields) => {
                    fields.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.as_literal())
                }
                Template::Expr(_) | Template::Text(_) | Template::List(_) => None,
            };
            let is_null = literal.is_some_and(Value::is_null);
            if field.is_optional && (is_null || !names.contains(&name)) {
                continue;
            }
            if !names.contains(&name) {
                let message = format!("the output `{name}` is declared, but `set` does not give it");
                self.report.refuse(codes::VALUE_MISFIT, place, message);
            } else if let Some(value) = literal {
                check_value(&field.schema, value, (name, place), self.report);
            }
        }
    }

    /// Reads a schema and what it asks.
    pub(super) fn schema(&mut self, what: &str, node: &Node) -> Option<Schema> {
        let map = self.map(what, node)?;
        let fields = self.fields(map, &keys::SCHEMA);
        if let Some(entry) = fields.get("required").filter(|entry| entry.value.is_boolean()) {
            let message = "here `required` is the list of the fields that a map must have";
            let hint = "in the map that holds this field write `required: [NAME]`";
            self.report.refuse_hint(codes::TYPE, entry.value.place, message, hint);
        }
        self.schema_fields(&fields)
    }

    fn schema_fields(&mut self, fields: &Fields<'_>) -> Option<Schema> {
        let kind = match fields.get("type") {
            Some(entry) => self.type_word(&entry.value)?,
            None if fields.has("type") => return None,
            None => Type::Any,
        };
        let mut schema = Schema::of(kind);
        for (key, types) in KEYWORD_TYPES {
            // Whether the input or output itself may be left out is nothing that its type says.
            let is_flag = fields.get(key).is_some_and(|entry| entry.value.is_boolean());
            if fields.has(key) && !types.contains(&kind) && kind != Type::Any && !is_flag {
                let why = format!("a value of type `{}` has no {key}", kind.as_str());
                self.misplaced_keyword(fields, key, &why);
            }
        }
        for key in ["enum", "const"].into_iter().filter(|_| kind == Type::File) {
            self.misplaced_keyword(fields, key, &format!("a file cannot be listed in {key}"));
        }
        schema.items = match fields.get("items") {
            Some(entry) => Some(Box::new(self.schema("`items`", &entry.value)?)),
            None => None,
        };
        schema.minimum = fields.get("minimum").and_then(|entry| self.number("`minimum`", &entry.value));
        schema.maximum = fields.get("maximum").and_then(|entry| self.number("`maximum`", &entry.value));
        self.bounds_fit(fields, ("minimum", schema.minimum), ("maximum", schema.maximum));
        schema.pattern = fields.get("pattern").and_then(|entry| self.pattern(&entry.value));
        let more = self.keywords(fields);
        schema.more = (more != Keywords::default()).then(|| Box::new(more));
        if let Some(entry) = fields.get("enum").filter(|_| kind != Type::File) {
            schema.allowed = self.allowed(&schema, &entry.value);
        }
        if let Some(entry) = fields.get("const").filter(|_| kind != Type::File)
            && let Some(value) = self.value("`const`", &entry.value)
        {
            check_value(&schema, &value, ("const", entry.value.place), self.report);
            schema.allowed = vec![value];
        }
        if !schema.allowed.is_empty() && !fields.has("type") {
            schema.kind = common_type(&schema.allowed);
        }
        Some(schema)
    }

    fn misplaced_keyword(&mut self, fields: &Fields<'_>, key: &str, why: &str) {
        if let Some(entry) = fields.map.entry(key) {
            self.report.refuse(codes::SCHEMA, entry.key.place, why);
        }
    }

    fn type_word(&mut self, node: &Node) -> Option<Type> {
        let text = self.fixed_text("`type`", node)?;
        if let Some(kind) = Type::from_word(text) {
            return Some(kind);
        }
        if text == SECRET {
            let message = "only an input is of type `secret`";
            self.report.refuse(codes::SECRET_MISPLACED, node.place, message);
        } else {
            let words = || Type::ALL.iter().map(|kind| kind.as_str()).chain([SECRET]);
            let foreign =
                TYPES_ELSEWHERE.iter().find(|(_, other)| other.contains(&text)).map(|(own, _)| *own);
            let hint = match foreign.or_else(|| self.report.nearest(text, words())) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the types are {}", words().collect::<Vec<_>>().join(", ")),
            };
            self.report.refuse_hint(codes::WORD, node.place, format!("unknown type `{text}`"), hint);
        }
        None
    }

    fn pattern(&mut self, node: &Node) -> Option<String> {
        let text = self.fixed_text("`pattern`", node)?;
        if let Err(error) = regex_lite::Regex::new(text) {
            self.report.refuse(
                codes::PATTERN,
                node.place,
                format!("`{text}` is not a regular expression: {error}"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn allowed(&mut self, schema: &Schema, node: &Node) -> Vec<Value> {
        let Some(list) = self.list("`enum`", node) else { return Vec::new() };
        if list.items.is_empty() {
            self.report.refuse(codes::SCHEMA, node.place, "`enum` allows nothing");
        }
        let mut values = Vec::with_capacity(list.items.len());
        let mut seen = BTreeSet::new();
        for item in &list.items {
            let Some(value) = self.value("a value of `enum`", item) else { continue };
            if !seen.insert(value.to_string()) {
                self.report.refuse(codes::SCHEMA, item.place, format!("`enum` lists {value} twice"));
                continue;
            }
            check_value(schema, &value, ("enum", item.place), self.report);
            values.push(value);
        }
        values
    }

    /// Reads a value in which no expression may stand.
    pub(super) fn value(&mut self, what: &str, node: &Node) -> Option<Value> {
        match &node.followed().kind {
            Kind::Scalar(scalar) => (!self.refuse_hole(what, node)).then(|| scalar.value()),
            Kind::List(list) => {
                let items: Vec<_> = list.items.iter().map(|item| self.value(what, item)).collect();
                items.into_iter().collect::<Option<_>>().map(Value::Array)
            }
            Kind::Map(map) => self.value_map(what, map),
            Kind::Alias(_) | Kind::Broken => None,
        }
    }

    fn value_map(&mut self, what: &str, map: &Map) -> Option<Value> {
        let read =
            |entry: &crate::tree::Entry| Some((entry.key.text.clone(), self.value(what, &entry.value)?));
        let fields: Vec<_> = map.entries.iter().map(read).collect();
        fields.into_iter().collect::<Option<_>>().map(Value::Object)
    }
}

/// Returns the type of all `values`, so that text from outside is read as what `enum` lists.
fn common_type(values: &[Value]) -> Type {
    let all = |is_kind: fn(&Value) -> bool| !values.is_empty() && values.iter().all(is_kind);
    if all(Value::is_string) {
        Type::String
    } else if all(Value::is_boolean) {
        Type::Boolean
    } else if all(|value| value.is_i64() || value.is_u64()) {
        Type::Integer
    } else {
        Type::Any
    }
}

const NUMBERS: &[Type] = &[Type::Integer, Type::Number];
const TEXTS: &[Type] = &[Type::String, Type::Duration, Type::Date];
const LISTS: &[Type] = &[Type::Array];
const MAPS: &[Type] = &[Type::Object];

/// The types that a keyword of a schema speaks of.
const KEYWORD_TYPES: [(&str, &[Type]); 15] = [
    ("items", LISTS),
    ("minItems", LISTS),
    ("maxItems", LISTS),
    ("uniqueItems", LISTS),
    ("minimum", NUMBERS),
    ("maximum", NUMBERS),
    ("exclusiveMinimum", NUMBERS),
    ("exclusiveMaximum", NUMBERS),
    ("multipleOf", NUMBERS),
    ("pattern", TEXTS),
    ("minLength", TEXTS),
    ("maxLength", TEXTS),
    ("properties", MAPS),
    ("required", MAPS),
    ("additionalProperties", MAPS),
];

/// Reports a value that does not fit the schema beside it.
fn check_value(schema: &Schema, value: &Value, (name, place): (&str, Place), report: &mut Report) {
    if let Err(mismatch) = schema.check(value, &pattern_matches) {
        let message = format!("`{name}{}`: {}", mismatch.place, mismatch.message);
        let is_text_wanted = schema.kind == Type::String && (value.is_number() || value.is_boolean());
        let is_number_wanted = matches!(schema.kind, Type::Integer | Type::Number);
        let is_quoted_number =
            is_number_wanted && value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
        if is_text_wanted {
            report.refuse_hint(codes::VALUE_MISFIT, place, message, "put quotes around it");
        } else if is_quoted_number {
            report.refuse_hint(codes::VALUE_MISFIT, place, message, "remove the quotes");
        } else {
            report.refuse(codes::VALUE_MISFIT, place, message);
        }
    }
}
