//! The types of form 1 for schemas of inputs and outputs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::forms::{Text, is_false, wrong};
use crate::schema::{Additional, Keywords, Schema, Type};
use crate::value::Value;
use crate::wire::WireError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaV1<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    allowed: Cow<'a, [Value]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Box<SchemaV1<'a>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more: Option<Box<KeywordsV1<'a>>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeywordsV1<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exclusive_minimum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exclusive_maximum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    multiple_of: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length_min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length_max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items_min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items_max: Option<u32>,
    #[serde(default, skip_serializing_if = "is_false")]
    unique_items: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
    properties: Vec<(Text<'a>, SchemaV1<'a>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    required: Vec<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    additional: Option<AdditionalV1<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    any_of: Vec<SchemaV1<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    one_of: Vec<SchemaV1<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    all_of: Vec<SchemaV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not: Option<Box<SchemaV1<'a>>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AdditionalV1<'a> {
    Nothing,
    #[serde(borrow)]
    Fitting(Box<SchemaV1<'a>>),
}

impl<'a> From<&'a Schema> for SchemaV1<'a> {
    fn from(schema: &'a Schema) -> Self {
        Self {
            kind: schema.kind.as_str().into(),
            allowed: schema.allowed.as_slice().into(),
            items: schema.items.as_deref().map(|items| Box::new(items.into())),
            minimum: schema.minimum,
            maximum: schema.maximum,
            pattern: schema.pattern.as_deref().map(Cow::Borrowed),
            more: schema.more.as_deref().map(|more| Box::new(more.into())),
        }
    }
}

impl TryFrom<SchemaV1<'_>> for Schema {
    type Error = WireError;

    fn try_from(form: SchemaV1<'_>) -> Result<Self, WireError> {
        Ok(Self {
            kind: Type::from_word(&form.kind)
                .ok_or_else(|| wrong(format!("unknown type `{}`", form.kind)))?,
            allowed: form.allowed.into_owned(),
            items: form.items.map(|items| Self::try_from(*items).map(Box::new)).transpose()?,
            minimum: form.minimum,
            maximum: form.maximum,
            pattern: form.pattern.map(Cow::into_owned),
            more: form.more.map(|more| Keywords::try_from(*more).map(Box::new)).transpose()?,
        })
    }
}

impl<'a> From<&'a Keywords> for KeywordsV1<'a> {
    fn from(more: &'a Keywords) -> Self {
        let list = |schemas: &'a [Schema]| schemas.iter().map(SchemaV1::from).collect();
        let named = |(name, schema): &'a (String, Schema)| (Text::from(name), SchemaV1::from(schema));
        Self {
            exclusive_minimum: more.exclusive_minimum,
            exclusive_maximum: more.exclusive_maximum,
            multiple_of: more.multiple_of,
            length_min: more.length_min,
            length_max: more.length_max,
            items_min: more.items_min,
            items_max: more.items_max,
            unique_items: more.has_unique_items,
            properties: more.properties.iter().map(named).collect(),
            required: more.required.iter().map(Text::from).collect(),
            additional: match &more.additional {
                Additional::Anything => None,
                Additional::Nothing => Some(AdditionalV1::Nothing),
                Additional::Fitting(schema) => Some(AdditionalV1::Fitting(Box::new(schema.as_ref().into()))),
            },
            any_of: list(&more.any_of),
            one_of: list(&more.one_of),
            all_of: list(&more.all_of),
            not: more.not.as_deref().map(|schema| Box::new(schema.into())),
        }
    }
}

impl TryFrom<KeywordsV1<'_>> for Keywords {
    type Error = WireError;

    fn try_from(form: KeywordsV1<'_>) -> Result<Self, WireError> {
        let list = |forms: Vec<SchemaV1<'_>>| {
            forms.into_iter().map(Schema::try_from).collect::<Result<Vec<_>, WireError>>()
        };
        let named = |(name, form): (Text<'_>, SchemaV1<'_>)| {
            Ok::<_, WireError>((name.into_owned(), Schema::try_from(form)?))
        };
        Ok(Self {
            exclusive_minimum: form.exclusive_minimum,
            exclusive_maximum: form.exclusive_maximum,
            multiple_of: form.multiple_of,
            length_min: form.length_min,
            length_max: form.length_max,
            items_min: form.items_min,
            items_max: form.items_max,
            has_unique_items: form.unique_items,
            properties: form.properties.into_iter().map(named).collect::<Result<_, _>>()?,
            required: form.required.into_iter().map(Cow::into_owned).collect(),
            additional: match form.additional {
                None => Additional::Anything,
                Some(AdditionalV1::Nothing) => Additional::Nothing,
                Some(AdditionalV1::Fitting(form)) => Additional::Fitting(Box::new((*form).try_into()?)),
            },
            any_of: list(form.any_of)?,
            one_of: list(form.one_of)?,
            all_of: list(form.all_of)?,
            not: form.not.map(|form| Schema::try_from(*form).map(Box::new)).transpose()?,
        })
    }
}
