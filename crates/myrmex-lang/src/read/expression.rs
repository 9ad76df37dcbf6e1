//! Reads data with expressions in it, and bare conditions, and lists what they read.

use myrmex_expr::{ExprError, ExprErrorKind, Inspection, Piece, inspect, scan};
use myrmex_model::template::{Expr, Part, Template};
use myrmex_model::value::Value;

use super::{HOLE, Reader, foreign};
use crate::codes;
use crate::outline::{Condition, Data, Hole, Read, Reads};
use crate::report::nearest;
use crate::tree::{Kind, Meaning, Node, Place, Scalar};

/// What stands for a literal `${{`.
const ESCAPED_HOLE: &str = "$${{";

impl Reader<'_> {
    /// Reads data: any value, in whose texts expressions may stand.
    pub(super) fn data(&mut self, node: &Node) -> Option<Data> {
        let mut reads = Reads::default();
        let template = self.template(node, &mut reads)?;
        Some(Data { template, reads: reads.into(), is_secret: false })
    }

    pub(super) fn template(&mut self, node: &Node, reads: &mut Reads) -> Option<Template> {
        match &node.followed().kind {
            Kind::Scalar(scalar) => self.scalar_template(scalar, node.followed().place, reads),
            // All members are read before one of them can spoil the whole, so that all their problems are seen.
            Kind::List(list) => {
                let items: Vec<_> = list.items.iter().map(|item| self.template(item, reads)).collect();
                items.into_iter().collect::<Option<_>>().map(Template::list)
            }
            Kind::Map(map) => {
                let read = |entry: &crate::tree::Entry| {
                    let is_key = self.refuse_hole_in_key(entry);
                    let value = self.template(&entry.value, reads);
                    if is_key { Some((entry.key.text.clone(), value?)) } else { None }
                };
                let fields: Vec<_> = map.entries.iter().map(read).collect();
                fields.into_iter().collect::<Option<_>>().map(Template::map)
            }
            Kind::Alias(_) | Kind::Broken => None,
        }
    }

    /// Reports an expression in a key, which would stay as it is; returns whether there is none.
    fn refuse_hole_in_key(&mut self, entry: &crate::tree::Entry) -> bool {
        let is_hole = entry.key.text.contains(HOLE);
        if is_hole {
            let message = "a key must be fixed, an expression cannot stand in it";
            let hint = "write the whole map as one expression: `${{ {name: value} }}`";
            self.report.refuse_hint(codes::EXPRESSION_MISPLACED, entry.key.place, message, hint);
        }
        !is_hole
    }

    fn scalar_template(&mut self, scalar: &Scalar, place: Place, reads: &mut Reads) -> Option<Template> {
        if scalar.meaning != Meaning::Text || !scalar.text.contains(HOLE) {
            return Some(Template::Literal(scalar.value()));
        }
        let pieces = self.pieces(&scalar.text, place)?;
        let mut parts = Vec::with_capacity(pieces.len());
        let mut is_good = true;
        for (piece, piece_place) in pieces {
            parts.push(match piece {
                Piece::Text(text) => Part::Text(text),
                Piece::Hole { source, .. } => {
                    is_good &= self.inspected(&source, piece_place, reads).is_some();
                    Part::Hole(Expr::jinja(&source))
                }
            });
        }
        let template = match parts.as_mut_slice() {
            [Part::Hole(expr)] => Template::Expr(expr.clone()),
            [Part::Text(text)] => Template::Literal(Value::String(std::mem::take(text))),
            _ => Template::Text(parts),
        };
        is_good.then_some(template)
    }

    /// Reads the text of a script: an expression in it must insist by `raw(…)`.
    pub(super) fn script(&mut self, node: &Node) -> Option<Data> {
        let Some(text) = node.as_scalar().and_then(Scalar::as_text) else {
            self.refuse_type("the script", "text", node);
            return None;
        };
        let place = node.followed().place;
        let mut is_good = true;
        if text.contains(HOLE) {
            for (piece, place) in self.pieces(text, place)? {
                if let Piece::Hole { source, .. } = piece
                    && !inspect(&source).is_ok_and(|inspection| is_raw(&inspection))
                {
                    is_good = false;
                    let hint = "give the value to the script by `env`, or run a `command`";
                    let message = "an expression in the text of a script would be read as code";
                    self.report.refuse_hint(codes::SCRIPT_HOLE, place, message, hint);
                }
            }
        }
        if is_good { self.data(node) } else { None }
    }

    /// Cuts a text at its holes, and finds the place of each hole.
    pub(super) fn pieces(&mut self, text: &str, place: Place) -> Option<Vec<(Piece, Place)>> {
        let pieces = match scan(text) {
            Ok(pieces) => pieces,
            Err(error) => {
                let inside = self
                    .place_of(text, place)
                    .map(|start| Place::new(start + error.span.start, start + error.span.end));
                self.report.refuse(codes::EXPRESSION, inside.unwrap_or(place), error.to_string());
                return None;
            }
        };
        let raw = &self.text[place.start..place.end];
        let mut cursor = 0;
        let locate = |piece: Piece| {
            let Piece::Hole { source, .. } = &piece else { return (piece, place) };
            let found = next_hole(raw, cursor).and_then(|inside| {
                let start = inside + (raw[inside..].len() - raw[inside..].trim_start().len());
                raw[start..].starts_with(source.as_str()).then_some(start)
            });
            let found = found.map(|start| {
                cursor = start + source.len();
                Place::new(place.start + start, place.start + cursor)
            });
            (piece, found.unwrap_or(place))
        };
        Some(pieces.into_iter().map(locate).collect())
    }

    /// Returns where `text` stands verbatim within `place`.
    fn place_of(&self, text: &str, place: Place) -> Option<usize> {
        self.text[place.start..place.end].find(text).map(|offset| place.start + offset)
    }

    /// Reads a bare condition: an expression without braces around it.
    pub(super) fn condition(&mut self, key: &str, node: &Node) -> Option<Condition> {
        let Some(scalar) = node.as_scalar() else {
            self.refuse_type(&format!("`{key}`"), "an expression", node);
            return None;
        };
        let source = scalar.text.trim();
        let place = node.followed().place;
        match scalar.meaning {
            Meaning::Null | Meaning::Number(_) => {
                self.refuse_type(&format!("`{key}`"), "an expression", node);
                return None;
            }
            Meaning::Boolean(flag) => {
                let expr = Expr::jinja(if flag { "true" } else { "false" });
                return Some(Condition { expr, reads: Reads::default().into() });
            }
            Meaning::Text => {}
        }
        if let Some(inner) = source.strip_prefix(HOLE) {
            let inner = inner.strip_suffix("}}").unwrap_or(inner).trim();
            let message = format!("`{key}` takes a bare expression, without `${{{{ }}}}`");
            self.report.refuse_hint(
                codes::CONDITION_BRACES,
                place,
                message,
                format!("write `{key}: {inner}`"),
            );
            return None;
        }
        let start = self.place_of(source, place);
        let expression_place = start.map_or(place, |start| Place::new(start, start + source.len()));
        let mut reads = Reads::default();
        self.inspected(source, expression_place, &mut reads)?;
        Some(Condition { expr: Expr::jinja(source), reads: reads.into() })
    }

    /// Inspects one expression and adds what it reads.
    pub(super) fn inspected(&mut self, source: &str, place: Place, reads: &mut Reads) -> Option<()> {
        let is_verbatim = self.text.get(place.start..place.end) == Some(source);
        let hole = Hole { source: source.into(), place, is_verbatim };
        match inspect(source) {
            Ok(inspection) => {
                let Inspection { references, guarded, .. } = inspection;
                reads.paths.extend(references.into_iter().enumerate().map(|(index, reference)| Read {
                    place: hole.part(&reference.span),
                    root: reference.root,
                    steps: reference.steps,
                    is_secret: false,
                    is_guarded: guarded.contains(&index),
                }));
                self.report.expressions.push((hole.source.clone(), place));
                reads.holes.push(hole);
                Some(())
            }
            Err(error) => {
                self.refuse_expression(&error, &hole);
                None
            }
        }
    }

    fn refuse_expression(&mut self, error: &ExprError, hole: &Hole) {
        let (mut function, mut operator) = (None, None);
        let (code, unknown) = match &error.kind {
            ExprErrorKind::DynamicSubscript { .. } | ExprErrorKind::BareRoot { .. } => {
                (codes::REFERENCE_WHOLE, None)
            }
            ExprErrorKind::UnknownFunction(name) => {
                function = foreign::instead_of_function(name);
                (codes::EXPRESSION, Some(name))
            }
            ExprErrorKind::UnknownFilter(name) | ExprErrorKind::UnknownTest(name) => {
                (codes::EXPRESSION, Some(name))
            }
            ExprErrorKind::Syntax(_) => {
                operator = foreign::instead_of_operator(&error.expression, error.span.start);
                (codes::EXPRESSION, None)
            }
            ExprErrorKind::Long { .. }
            | ExprErrorKind::Method { .. }
            | ExprErrorKind::Missing { .. }
            | ExprErrorKind::NotBoolean { .. }
            | ExprErrorKind::Operation(_)
            | ExprErrorKind::Fuel { .. }
            | ExprErrorKind::Limit(_) => (codes::EXPRESSION, None),
        };
        let span = operator.as_ref().map_or(&error.span, |(_, operator)| operator);
        let mut diagnostic = self.report.error(code, hole.part(span), error.to_string());
        if let Some(near) = unknown.and_then(|name| nearest(name, error.known_names().iter().copied())) {
            diagnostic = diagnostic.with_hint(format!("did you mean `{near}`?"));
        }
        let foreign = function.or(operator.map(|(write, _)| write));
        diagnostic.hint = foreign.map(str::to_owned).or(diagnostic.hint);
        self.report.push(diagnostic);
    }
}

/// Returns where the inside of the first hole at or after `from` begins.
fn next_hole(raw: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let dollar = at + raw[at..].find('$')?;
        if raw[dollar..].starts_with(ESCAPED_HOLE) {
            at = dollar + ESCAPED_HOLE.len();
        } else if raw[dollar..].starts_with(HOLE) {
            return Some(dollar + HOLE.len());
        } else {
            at = dollar + 1;
        }
    }
}

/// Returns whether an expression as a whole is `raw(…)`.
fn is_raw(inspection: &Inspection) -> bool {
    inspection.functions.first().is_some_and(|(name, place)| name == "raw" && place.start == 0)
}
