//! Warns of what is legal and seldom meant: the ways of other languages, which here are plain text or plain data.

use super::schema::type_meant;
use super::{HOLE, Reader, foreign, keys};
use crate::codes;
use crate::roots;
use crate::tree::{Entry, Kind, Map, Node, Place, Scalar, Style};

/// What a line of a script ends with that goes on in the next one.
const OPEN_ENDS: [&str; 11] = ["\\", "|", "&", ";", ",", "(", "{", "[", "=", " do", " then"];

/// What a line of a script begins with that belongs to the one before: an option, an operator, a bracket.
const BOUND_STARTS: [char; 8] = ['-', '|', '&', ';', '>', '<', ')', '}'];

impl Reader<'_> {
    /// Warns of the `outputs` of a workflow or a block that declare, as those of a task do.
    pub(super) fn warn_declared_outputs(&mut self, node: &Node) {
        if let Some(list) = node.as_list() {
            let is_name =
                |item: &Scalar| item.as_text().is_some_and(|text| is_path(text) && !text.is_empty());
            let are_names = list.items.iter().all(|item| item.as_scalar().is_some_and(is_name));
            if are_names && !list.items.is_empty() {
                let message = "these `outputs` are values, and this one is a list of names";
                let hint = "write `outputs: {NAME: '${{ tasks.TASK.output.NAME }}'}`";
                let warning = self.report.warning(codes::OUTPUT_DECLARED, node.place, message);
                self.report.push(warning.with_hint(hint));
            }
            return;
        }
        for entry in node.as_map().map_or(&[][..], |map| &map.entries) {
            let name = &entry.key.text;
            let Some(map) = entry.value.as_map().filter(|map| is_declaration(map)) else { continue };
            let message =
                format!("the output `{name}` is this map itself: outputs of a workflow or block are values");
            let value =
                map.entry("value").and_then(|entry| entry.value.as_scalar()).map(|own| own.text.as_str());
            let value = value.map_or_else(|| format!("${{{{ tasks.TASK.output.{name} }}}}"), str::to_owned);
            let hint = format!("write `{name}: '{value}'`; a type is declared in the `outputs` of the task");
            let warning = self.report.warning(codes::OUTPUT_DECLARED, entry.value.place, message);
            self.report.push(warning.with_hint(hint));
        }
    }

    /// Warns of lines of a script that YAML makes one.
    pub(super) fn warn_folded(&mut self, key: &str, node: &Node) {
        let node = node.followed();
        let Kind::Scalar(scalar) = &node.kind else { return };
        match scalar.style {
            Style::Literal => return,
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted | Style::Folded => {}
        }
        let raw = self.text.get(node.place.start..node.place.end).unwrap_or_default();
        let raw = raw.strip_prefix(['"', '\'']).and_then(|raw| raw.strip_suffix(['"', '\''])).unwrap_or(raw);
        let lines: Vec<&str> = raw.lines().map(str::trim).collect();
        let is_lost = |pair: &[&str]| {
            let [line, next] = pair else { return false };
            let goes_on = OPEN_ENDS.iter().any(|end| line.ends_with(end)) || next.starts_with(BOUND_STARTS);
            let are_lines = !line.is_empty() && !next.is_empty();
            are_lines && !goes_on && scalar.text.contains(&format!("{line} {next}"))
        };
        if lines.windows(2).any(is_lost) {
            let message = "the lines of this script become one line, with blanks between";
            let warning = self.report.warning(codes::SCRIPT_FOLDED, node.place, message);
            self.report.push(warning.with_hint(format!("write `{key}: |`, and the lines below it")));
        }
    }

    /// Warns of holes of other languages in data, which are text here.
    pub(super) fn warn_foreign_holes(&mut self, node: &Node) {
        let node = node.followed();
        match &node.kind {
            Kind::Scalar(scalar) => self.warn_foreign_hole(scalar, node.place),
            Kind::List(list) => list.items.iter().for_each(|item| self.warn_foreign_holes(item)),
            Kind::Map(map) => map.entries.iter().for_each(|entry| self.warn_foreign_holes(&entry.value)),
            Kind::Alias(_) | Kind::Broken => {}
        }
    }

    fn warn_foreign_hole(&mut self, scalar: &Scalar, place: Place) {
        let Some((hole, path)) = scalar.as_text().and_then(foreign_hole) else { return };
        let message = format!("`{hole}` is text here");
        let warning = self.report.warning(codes::HOLE_FOREIGN, place, message);
        self.report.push(warning.with_hint(format!("write `${{{{ {path} }}}}` for the value")));
    }

    /// Warns of a variable that is to be made of itself, which only a shell can do.
    pub(super) fn warn_self_reference(&mut self, entry: &Entry) {
        let name = &entry.key.text;
        let Some(text) = entry.value.as_scalar().and_then(Scalar::as_text) else { return };
        let is_end = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        let names_itself = text.contains(&format!("${{{name}}}"))
            || text.split('$').skip(1).any(|rest| rest.strip_prefix(name.as_str()).is_some_and(is_end));
        if names_itself {
            let message = format!("`${name}` is text here: no shell reads the values of `env`");
            let warning = self.report.warning(codes::HOLE_FOREIGN, entry.value.place, message);
            self.report.push(warning.with_hint(format!("write it in the script: `export {name}=\"…\"`")));
        }
    }
}

/// Returns whether a map is a schema: a known type, and beside it keywords only, perhaps with a `value`.
fn is_declaration(map: &Map) -> bool {
    let kind = map.entry("type").and_then(|entry| entry.value.as_scalar()?.as_text());
    let is_keyword = |entry: &Entry| {
        let key = entry.key.text.as_str();
        keys::SCHEMA.known(key).is_some() || keys::INPUT.known(key).is_some() || key == "value"
    };
    kind.is_some_and(|kind| type_meant(kind).is_some()) && map.entries.iter().all(is_keyword)
}

/// Returns the first hole of another language in `text`, and the path in it.
fn foreign_hole(text: &str) -> Option<(&str, &str)> {
    // Between back quotes `${…}` is a hole of JavaScript.
    let dollar = if text.contains('`') { None } else { hole_after(text, "${", "}", is_path_of_ours) };
    dollar.or_else(|| hole_after(text, "{{", "}}", is_path))
}

/// Returns the first hole between `open` and `close` that holds a path, and the path.
fn hole_after<'t>(
    text: &'t str,
    open: &str,
    close: &str,
    is_good: fn(&str) -> bool,
) -> Option<(&'t str, &'t str)> {
    text.match_indices(open).find_map(|(at, _)| {
        // A hole of ours is one in any case, and its inside is none of another language.
        if text[at..].starts_with(HOLE) || text[..at].ends_with('$') {
            return None;
        }
        let inside = &text[at + open.len()..];
        let length = inside.find(close)?;
        let path = inside[..length].trim();
        is_good(path).then_some((&text[at..at + open.len() + length + close.len()], path))
    })
}

/// Returns whether `text` is names with points between.
fn is_path(text: &str) -> bool {
    text.split('.').all(|step| {
        step.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && step.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-'))
    })
}

/// Returns whether `text` is a path that begins like one of ours, or of a language like ours: more than a shell's variable.
pub(super) fn is_path_of_ours(text: &str) -> bool {
    let Some((root, _)) = text.split_once('.') else { return false };
    is_path(text) && (roots::KNOWN.contains(&root) || foreign::instead_of_root(root).is_some())
}
