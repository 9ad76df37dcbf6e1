//! What is known of a value before a run: which types of JSON it can have, and of what its members are.

use std::fmt;

use myrmex_model::value::Value as Json;

use crate::inspect::Step;

/// A set of types of JSON. Integers and other numbers are told apart for messages only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(1 << 1);
    pub(crate) const INTEGER: Self = Self(1 << 2);
    pub(crate) const FRACTION: Self = Self(1 << 3);
    pub(crate) const STRING: Self = Self(1 << 4);
    pub(crate) const LIST: Self = Self(1 << 5);
    pub(crate) const MAP: Self = Self(1 << 6);
    pub(crate) const NUMBER: Self = Self(Self::INTEGER.0 | Self::FRACTION.0);
    pub(crate) const ALL: Self = Self((1 << 7) - 1);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether a value can be of both.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.widened().0 & other.widened().0 != 0
    }

    /// Returns whether nothing is in it that is not in `other`.
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// A number without fraction may be of either type of number.
    const fn widened(self) -> Self {
        if self.0 & Self::NUMBER.0 == 0 { self } else { self.or(Self::NUMBER) }
    }
}

/// What is known of a value before a run. What is not known is anything: no statement about a shape is ever a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub(crate) kinds: Kinds,
    /// What each member is, if it is a list.
    items: Option<Box<Self>>,
    /// What these fields are, if it is a map that has them.
    fields: Vec<(String, Self)>,
    /// The only values that it can have, if all of them are known; null among them if it can be.
    only: Option<Vec<Json>>,
    /// Whether its type is what is to be expected, and may be another all the same.
    is_presumed: bool,
    /// Whether every text that it can be is a duration.
    is_duration: bool,
}

impl Shape {
    /// Anything.
    pub const ANY: Self = Self::of(Kinds::ALL);
    /// Null.
    pub const NULL: Self = Self::of(Kinds::NULL);
    /// True or false.
    pub const BOOLEAN: Self = Self::of(Kinds::BOOLEAN);
    /// A whole number.
    pub const INTEGER: Self = Self::of(Kinds::INTEGER);
    /// A number of either kind.
    pub const NUMBER: Self = Self::of(Kinds::NUMBER);
    /// Text.
    pub const STRING: Self = Self::of(Kinds::STRING);
    /// Text or null.
    pub const STRING_OR_NULL: Self = Self::of(Kinds::STRING.or(Kinds::NULL));
    /// A whole number or null.
    pub const INTEGER_OR_NULL: Self = Self::of(Kinds::INTEGER.or(Kinds::NULL));
    /// Text that says how long something takes, such as `1h30m`.
    pub const DURATION: Self = Self {
        kinds: Kinds::STRING,
        items: None,
        fields: Vec::new(),
        only: None,
        is_presumed: false,
        is_duration: true,
    };
    /// A list of anything.
    pub const LIST: Self = Self::of(Kinds::LIST);
    /// A map of anything.
    pub const MAP: Self = Self::of(Kinds::MAP);

    pub(crate) const fn of(kinds: Kinds) -> Self {
        Self { kinds, items: None, fields: Vec::new(), only: None, is_presumed: false, is_duration: false }
    }

    /// Returns this with nothing but `values` possible.
    #[must_use]
    pub fn among(self, values: Vec<Json>) -> Self {
        Self { only: Some(values), ..self }
    }

    /// Returns this as what is to be expected, where it may be something else all the same.
    #[must_use]
    pub fn presumed(self) -> Self {
        Self { is_presumed: true, ..self }
    }

    /// Returns whether it may be something else all the same.
    pub fn is_presumed(&self) -> bool {
        self.is_presumed
    }

    /// Returns whether every text that it can be is a duration.
    pub(crate) fn is_duration(&self) -> bool {
        self.is_duration
    }

    /// Returns all values that it can have, if they are known.
    pub(crate) fn values(&self) -> Option<&[Json]> {
        self.only.as_deref()
    }

    /// Returns what a part of it is that is of the same type.
    pub(crate) fn of_any_value(self) -> Self {
        Self { only: None, is_duration: false, ..self }
    }

    /// Returns a list whose members are `items`.
    pub fn list_of(items: Self) -> Self {
        Self { items: Some(Box::new(items)), ..Self::LIST }
    }

    /// Returns a map in which these fields, if they are there, are what is said of them; it may have others.
    pub fn map_of(fields: Vec<(String, Self)>) -> Self {
        Self { fields, ..Self::MAP }
    }

    /// Returns the shape of `value`.
    pub fn of_value(value: &Json) -> Self {
        match value {
            Json::Null => Self::NULL,
            Json::Bool(_) => Self::BOOLEAN,
            Json::Number(number) if number.is_f64() => Self::of(Kinds::FRACTION),
            Json::Number(_) => Self::INTEGER,
            Json::String(_) => Self::STRING,
            Json::Array(items) => Self::list_of(Self::one_of(items.iter().map(Self::of_value))),
            Json::Object(fields) => Self::map_of(
                fields.iter().map(|(name, field)| (name.clone(), Self::of_value(field))).collect(),
            ),
        }
    }

    /// Returns what is any of `all`; anything if there is none.
    pub fn one_of(all: impl Iterator<Item = Self>) -> Self {
        all.reduce(Self::or).unwrap_or(Self::ANY)
    }

    /// Returns what is one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let kinds = self.kinds.or(other.kinds);
        let is_presumed = self.is_presumed || other.is_presumed;
        let is_all = |one: &Self| one.is_duration || !one.kinds.meets(Kinds::STRING);
        let is_duration = (self.is_duration || other.is_duration) && is_all(&self) && is_all(&other);
        let only = match (self.all_values(), other.all_values()) {
            (Some(mut own), Some(more)) => {
                own.extend(more.into_iter().filter(|value| !own.contains(value)).collect::<Vec<_>>());
                Some(own)
            }
            (Some(_) | None, _) => None,
        };
        let items = match (self.items, other.items) {
            (Some(own), Some(more)) => Some(Box::new(own.or(*more))),
            (Some(only), None) if !other.kinds.meets(Kinds::LIST) => Some(only),
            (None, Some(only)) if !self.kinds.meets(Kinds::LIST) => Some(only),
            (Some(_) | None, _) => None,
        };
        let fields = match (self.kinds.meets(Kinds::MAP), other.kinds.meets(Kinds::MAP)) {
            (_, false) => self.fields,
            (false, true) => other.fields,
            (true, true) => self.fields.into_iter().filter_map(|own| shared(own, &other.fields)).collect(),
        };
        Self { kinds, items, fields, only, is_presumed, is_duration }
    }

    /// Returns all values that it can have, if they are known: of null there is one.
    fn all_values(&self) -> Option<Vec<Json>> {
        if self.kinds == Kinds::NULL { Some(vec![Json::Null]) } else { self.only.clone() }
    }

    /// Returns what is this or null.
    #[must_use]
    pub fn or_null(self) -> Self {
        self.or(Self::NULL)
    }

    /// Returns the part of it that `steps` lead to.
    #[must_use]
    pub fn at(&self, steps: &[Step]) -> Self {
        let Some((step, rest)) = steps.split_first() else { return self.clone() };
        let inner = match step {
            Step::Field(name) => self.fields.iter().find(|(own, _)| own == name).map(|(_, field)| field),
            Step::Index(_) => self.items.as_deref(),
        };
        inner.map_or(Self::ANY, |inner| inner.at(rest))
    }

    /// Returns what its members are, if it is a list.
    #[must_use]
    pub fn member(&self) -> Self {
        self.items.as_deref().cloned().unwrap_or(Self::ANY)
    }

    /// Returns what any of its fields is, if it is a map that has no others than those that are known.
    #[must_use]
    pub fn any_field(&self) -> Self {
        Self::one_of(self.fields.iter().map(|(_, field)| field.clone()))
    }

    /// Returns whether a value can be of both shapes, as far as their types tell.
    pub fn meets(&self, other: &Self) -> bool {
        self.kinds.meets(other.kinds)
    }
}

/// Returns the field with what it is in either map; none if nothing is known of it in the other.
fn shared((name, own): (String, Shape), others: &[(String, Shape)]) -> Option<(String, Shape)> {
    let other = others.iter().find(|(other, _)| *other == name).map(|(_, other)| other.clone())?;
    Some((name, own.or(other)))
}

/// Shown as the words of the language, each in backticks: `` `integer` or `null` ``.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kinds == Kinds::ALL {
            return f.write_str("`any`");
        }
        let number = if self.kinds.meets(Kinds::FRACTION) && !self.kinds.is_integer() {
            (Kinds::NUMBER, "number")
        } else {
            (Kinds::INTEGER, "integer")
        };
        let words = [
            number,
            (Kinds::STRING, "string"),
            (Kinds::BOOLEAN, "boolean"),
            (Kinds::LIST, "array"),
            (Kinds::MAP, "object"),
            (Kinds::NULL, "null"),
        ];
        let words =
            words.iter().filter(|(kind, _)| self.kinds.meets(*kind)).map(|(_, word)| format!("`{word}`"));
        f.write_str(&words.collect::<Vec<_>>().join(" or "))
    }
}

impl Kinds {
    /// Returns whether every number in it is whole.
    const fn is_integer(self) -> bool {
        self.0 & Self::NUMBER.0 == Self::INTEGER.0
    }
}
