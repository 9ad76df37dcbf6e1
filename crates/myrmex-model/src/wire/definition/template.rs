//! Templates as stored: lists whose first member says what follows, one level of JSON for each level of data.
//!
//! `["=", value]` literal · `["$", source]` expression · `["~", text, [source], …]` text with holes ·
//! `["[", template, …]` list · `["{", key, template, …]` map.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::template::{Expr, Part, Template};

/// The stored form of a [`Template`].
#[derive(Debug)]
pub(super) struct TemplateV1<'a>(pub(super) Cow<'a, Template>);

impl<'a> From<&'a Template> for TemplateV1<'a> {
    fn from(template: &'a Template) -> Self {
        Self(Cow::Borrowed(template))
    }
}

impl From<TemplateV1<'_>> for Template {
    fn from(form: TemplateV1<'_>) -> Self {
        form.0.into_owned()
    }
}

impl Serialize for TemplateV1<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.0 {
            Template::Literal(value) => ("=", value).serialize(serializer),
            Template::Expr(expr) => ("$", &*expr.source).serialize(serializer),
            Template::Text(parts) => {
                let mut list = serializer.serialize_seq(Some(parts.len() + 1))?;
                list.serialize_element("~")?;
                for part in parts {
                    match part {
                        Part::Text(text) => list.serialize_element(text)?,
                        Part::Hole(expr) => list.serialize_element(&[&*expr.source])?,
                    }
                }
                list.end()
            }
            Template::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len() + 1))?;
                list.serialize_element("[")?;
                items.iter().try_for_each(|item| list.serialize_element(&TemplateV1::from(item)))?;
                list.end()
            }
            Template::Map(fields) => {
                let mut list = serializer.serialize_seq(Some(fields.len() * 2 + 1))?;
                list.serialize_element("{")?;
                for (key, field) in fields {
                    list.serialize_element(key)?;
                    list.serialize_element(&TemplateV1::from(field))?;
                }
                list.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for TemplateV1<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TemplateVisitor).map(|template| Self(Cow::Owned(template)))
    }
}

struct TemplateVisitor;

impl<'de> Visitor<'de> for TemplateVisitor {
    type Value = Template;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Template, A::Error> {
        let cut_short = || de::Error::custom("a template is cut short");
        let tag: String = list.next_element()?.ok_or_else(cut_short)?;
        Ok(match tag.as_str() {
            "=" => Template::Literal(list.next_element()?.ok_or_else(cut_short)?),
            "$" => Template::Expr(Expr::jinja(&list.next_element::<String>()?.ok_or_else(cut_short)?)),
            "~" => {
                let mut parts = Vec::new();
                while let Some(part) = list.next_element::<PartV1>()? {
                    parts.push(part.0);
                }
                Template::Text(parts)
            }
            "[" => {
                let mut items = Vec::new();
                while let Some(item) = list.next_element::<TemplateV1<'_>>()? {
                    items.push(item.into());
                }
                Template::List(items)
            }
            "{" => {
                let mut fields = Vec::new();
                while let Some(key) = list.next_element::<String>()? {
                    let field: TemplateV1<'_> = list.next_element()?.ok_or_else(cut_short)?;
                    fields.push((key, field.into()));
                }
                Template::Map(fields)
            }
            _ => return Err(de::Error::custom(format!("unknown template `{tag}`"))),
        })
    }
}

/// Text, or the source of a hole as the one member of a list.
struct PartV1(Part);

impl<'de> Deserialize<'de> for PartV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;

        impl<'de> Visitor<'de> for PartVisitor {
            type Value = Part;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a hole")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Part, E> {
                Ok(Part::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Part, A::Error> {
                let source: Option<String> = list.next_element()?;
                let source = source.ok_or_else(|| de::Error::custom("a hole is empty"))?;
                Ok(Part::Hole(Expr::jinja(&source)))
            }
        }

        deserializer.deserialize_any(PartVisitor).map(Self)
    }
}
