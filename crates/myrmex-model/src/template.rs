//! Data with expressions in it: literals, whole expressions, and text with holes.

use std::sync::Arc;

use crate::value::Value;

/// The language of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExprLang {
    /// Jinja expressions, the native language.
    Jinja,
}

/// An expression as its author wrote it, without the `${{ }}` around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expr {
    /// Its language.
    pub lang: ExprLang,
    /// Its source text.
    pub source: Arc<str>,
}

impl Expr {
    /// Wraps the source of a Jinja expression.
    pub fn jinja(source: &str) -> Self {
        Self { lang: ExprLang::Jinja, source: source.into() }
    }
}

/// A piece of text that holds expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Literal text.
    Text(String),
    /// A hole; its value is printed as [`crate::value::to_text`] says.
    Hole(Expr),
}

/// Data in which any scalar may be an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// Data without expressions.
    Literal(Value),
    /// One expression; the value keeps its type.
    Expr(Expr),
    /// Text with holes; the value is a string.
    Text(Vec<Part>),
    /// A list of which at least one member is not literal.
    List(Vec<Template>),
    /// A map of which at least one member is not literal, in the author's order.
    Map(Vec<(String, Template)>),
}

impl Template {
    /// Returns the value if no expression is in it.
    pub fn as_literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Expr(_) | Self::Text(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Builds a list, folded to a literal if all of it is.
    pub fn list(items: Vec<Self>) -> Self {
        match items.iter().map(|item| item.as_literal().cloned()).collect::<Option<Vec<_>>>() {
            Some(values) => Self::Literal(Value::Array(values)),
            None => Self::List(items),
        }
    }

    /// Builds a map, folded to a literal if all of it is.
    pub fn map(fields: Vec<(String, Self)>) -> Self {
        let literal = fields.iter().map(|(key, field)| Some((key.clone(), field.as_literal()?.clone())));
        match literal.collect::<Option<serde_json::Map<_, _>>>() {
            Some(values) => Self::Literal(Value::Object(values)),
            None => Self::Map(fields),
        }
    }

    /// Calls `visit` for each expression in it, in the author's order.
    pub fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::Literal(_) => {}
            Self::Expr(expr) => visit(expr),
            Self::Text(parts) => {
                for part in parts {
                    if let Part::Hole(expr) = part {
                        visit(expr);
                    }
                }
            }
            Self::List(items) => items.iter().for_each(|item| item.for_each_expr(visit)),
            Self::Map(fields) => fields.iter().for_each(|(_, field)| field.for_each_expr(visit)),
        }
    }
}
