//! Reads where secrets are named: in variables of a process, and nowhere else. A secret itself never stands in a file.

use myrmex_expr::{Piece, Step};
use myrmex_model::name::Name;
use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::value::Value;
use serde_json::json;

use super::policy::is_variable;
use super::{HOLE, Reader};
use crate::codes;
use crate::outline::{Data, Read, Reads};
use crate::tree::{Node, Place, Scalar};

/// How names end behind which people put secrets.
const TELLING_ENDS: [&str; 9] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY"];

/// The key of a part that names a secret.
const PART: &str = "secret";

impl Reader<'_> {
    /// Reads the value of a variable. If it names secrets it becomes the list of its parts.
    pub(super) fn variable(&mut self, node: &Node) -> Option<Data> {
        let text = node.as_scalar().and_then(Scalar::as_text).filter(|text| text.contains(HOLE));
        let Some(text) = text else { return self.data(node) };
        let data = self.data(node)?;
        if !data.reads.iter().any(|read| self.names_secret(read)) {
            return Some(data);
        }
        let mut parts = Vec::new();
        let mut reads = Reads::default();
        for (piece, place) in self.pieces(text, node.followed().place)? {
            parts.push(match piece {
                Piece::Text(text) => Template::Literal(Value::String(text)),
                Piece::Hole { source, .. } => self.secret_hole(&source, place, &mut reads)?,
            });
        }
        Some(Data { template: Template::list(parts), reads: reads.into(), is_secret: true })
    }

    /// Reads a hole of a variable that names secrets: the name of one, or a text that names none.
    fn secret_hole(&mut self, source: &str, place: Place, reads: &mut Reads) -> Option<Template> {
        let mut own = Reads::default();
        self.inspected(source, place, &mut own)?;
        let secret = own.iter().find(|read| self.names_secret(read)).cloned();
        reads.paths.extend(own.paths.into_iter().map(|read| Read { is_secret: true, ..read }));
        let Some(secret) = secret else { return Some(Template::Text(vec![Part::Hole(Expr::jinja(source))])) };
        let named = match secret.steps.as_slice() {
            [Step::Field(name)] if is_named(source.trim(), &secret.root, name) => name,
            _ => {
                let message = "a secret can only be named, nothing else can be done with it here";
                let dashed = source.trim().strip_prefix("secrets.").filter(|name| Name::new(name).is_ok());
                let hint = match dashed {
                    Some(name) => format!("a name with `-` goes in brackets: `${{{{ secrets['{name}'] }}}}`"),
                    None => {
                        "write `${{ secrets.NAME }}` with text around it, and let the process do the rest"
                            .to_owned()
                    }
                };
                self.report.refuse_hint(codes::SECRET_FORM, secret.place, message, hint);
                return None;
            }
        };
        Some(match secret.root.as_str() {
            "secrets" => Template::Literal(json!({ PART: named })),
            _ => Template::Map(vec![(PART.to_owned(), Template::Expr(Expr::jinja(source.trim())))]),
        })
    }

    /// Returns whether a path names a secret: `secrets.NAME`, or an input of that type.
    fn names_secret(&self, read: &Read) -> bool {
        match (read.root.as_str(), read.steps.first()) {
            ("secrets", _) => true,
            ("inputs", Some(Step::Field(name))) => self.secret_inputs.contains(name),
            _ => false,
        }
    }

    /// Reads `secrets`: names, each of which is a variable too.
    pub(super) fn secrets(&mut self, node: &Node) -> Vec<(String, Data)> {
        let Some(list) = self.list("`secrets`", node) else { return Vec::new() };
        let mut variables = Vec::with_capacity(list.items.len());
        for item in &list.items {
            let Some(name) = self.fixed_text("the name of a secret", item) else { continue };
            if !is_variable(name) {
                let message = format!("`{name}` cannot name an environment variable");
                let hint = "write `env: {VARIABLE: '${{ secrets.NAME }}'}`";
                self.report.refuse_hint(codes::VARIABLE, item.place, message, hint);
                continue;
            }
            let template = Template::Literal(json!([{ PART: name }]));
            variables
                .push((name.to_owned(), Data { template, reads: Reads::default().into(), is_secret: true }));
        }
        variables
    }

    /// Warns of a value that looks like a secret in plain text.
    pub(super) fn warn_plain_secret(&mut self, name: &str, value: &Value, place: Place) {
        let upper = name.to_uppercase().replace('-', "_");
        let is_telling = TELLING_ENDS.iter().any(|end| {
            upper.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('_'))
        });
        let is_value = match value {
            Value::String(text) => !text.is_empty(),
            Value::Number(_) => true,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if is_telling && is_value {
            let message = format!("`{name}` looks like a secret in plain text");
            let warning = self.report.warning(codes::SECRET_PLAIN, place, message);
            self.report.push(
                warning.with_hint(format!("store it as a secret and write `${{{{ secrets.{name} }}}}`")),
            );
        }
    }
}

/// Returns whether `source` is the path to `name` and no more.
fn is_named(source: &str, root: &str, name: &str) -> bool {
    [format!("{root}.{name}"), format!("{root}['{name}']"), format!("{root}[\"{name}\"]")]
        .iter()
        .any(|form| form == source)
}
