//! What is known of the `for_each`s around an expression, and of what their names hold.

use myrmex_expr::{Shape, infer};
use myrmex_model::template::Template;

use super::{Resolver, types};
use crate::codes;
use crate::outline::{Data, ForEach, Read, Task};

/// What is known of a `for_each`.
pub(super) struct Items<'o> {
    /// What it calls its item.
    pub(super) name: &'o str,
    /// What the item is.
    pub(super) item: Shape,
    /// Whether it can go over a map.
    may_have_keys: bool,
    /// Whether it can go over a list, a count or lines.
    may_be_numbered: bool,
}

impl<'o> Items<'o> {
    /// Returns what is known of `each`, whose source is `source`.
    pub(super) fn of(each: &'o ForEach, source: &Shape) -> Self {
        if types::is_file(source) && !is_written(&each.source) {
            // Its lines.
            let item = Shape::STRING;
            return Self { name: &each.item, item, may_have_keys: false, may_be_numbered: true };
        }
        let is_list = source.meets(&Shape::LIST);
        let is_count = source.meets(&Shape::INTEGER);
        let may_have_keys = source.meets(&Shape::MAP);
        let item = match (may_have_keys, is_list, is_count) {
            (false, true, false) => source.member(),
            (false, false, true) => Shape::INTEGER,
            (true, false, false) if is_written(&each.source) => source.any_field(),
            (_, _, _) => Shape::ANY,
        };
        Self { name: &each.item, item, may_have_keys, may_be_numbered: is_list || is_count }
    }
}

/// Returns whether all members of a list or map are written where it stands.
fn is_written(data: &Data) -> bool {
    match data.template {
        Template::Literal(_) | Template::List(_) | Template::Map(_) => true,
        Template::Expr(_) | Template::Text(_) => false,
    }
}

impl Resolver<'_, '_> {
    /// Returns what `key` is in the nearest `for_each`.
    pub(super) fn shape_of_key(&self) -> Shape {
        match self.items.last().map(|items| (items.may_have_keys, items.may_be_numbered)) {
            Some((true, false)) => Shape::STRING,
            Some((false, true)) => Shape::INTEGER,
            Some(_) | None => Shape::STRING.or(Shape::INTEGER),
        }
    }

    /// Says how the member of `list` of a `for_each` over a map is read that belongs to the key `key`; none if there is none.
    pub(super) fn item_of_key(&self, task: &Task, (list, key): (&str, &str)) -> Option<String> {
        let name = &task.name.value;
        let source = &task.each.as_ref()?.source;
        if let Some(place) = source.field_names().and_then(|keys| keys.iter().position(|own| *own == key)) {
            return Some(format!(
                "the list is in the order of the map: for `{key}` write `tasks.{name}.{list}[{place}]`"
            ));
        }
        let shape = match (&source.template, source.reads.holes.first()) {
            (Template::Expr(_), Some(hole)) => infer(&hole.source, &mut |read| self.shape_of(read)).shape,
            (_, _) => return None,
        };
        let is_map = shape.meets(&Shape::MAP)
            && !types::is_file(&shape)
            && !shape.meets(&Shape::LIST)
            && !shape.meets(&Shape::INTEGER);
        is_map.then(|| {
            format!(
                "the list is in the order of the map: let each item give `{{key: '${{{{ key }}}}', value: …}}`, \
                 and `tasks.{name}.output | jq('from_entries')` is a map"
            )
        })
    }

    /// Warns of a `key` that is an index: the nearest `for_each` goes over what has no keys.
    pub(super) fn warn_key(&mut self, read: &Read) {
        let Some((nearest, around)) = self.items.split_last() else { return };
        if nearest.may_have_keys || !nearest.may_be_numbered {
            return;
        }
        let is_hidden = around.iter().any(|items| items.may_have_keys);
        let message = "`key` is the index here: the items of this `for_each` have no keys";
        let hint = if is_hidden {
            "write `index`; the key of the map around is given on by a task outside this `for_each`: \
             `name: {set: '${{ key }}'}`, and here `tasks.name.output`"
        } else {
            "write `index`"
        };
        let warning = self.report.warning(codes::KEY_OF_LIST, read.place, message);
        self.report.push(warning.with_hint(hint));
    }
}
