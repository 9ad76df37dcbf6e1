//! The form of what a node asks for beside a place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::forms::{Text, name, wrong};
use super::template::TemplateV1;
use crate::demand::{Asks, Priority};
use crate::name::Name;
use crate::template::Template;
use crate::wire::WireError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AsksV1<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    priority: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pools: BTreeMap<Text<'a>, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock: Option<TemplateV1<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<TemplateV1<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    resources: BTreeMap<Text<'a>, u64>,
}

impl<'a> From<&'a Asks> for AsksV1<'a> {
    fn from(asks: &'a Asks) -> Self {
        let is_usual = asks.priority == Priority::default();
        Self {
            priority: (!is_usual).then(|| asks.priority.as_str().into()),
            queue: asks.queue.as_ref().map(|queue| queue.as_str().into()),
            pools: units(&asks.pools),
            lock: asks.lock.as_ref().map(TemplateV1::from),
            labels: asks.labels.iter().map(TemplateV1::from).collect(),
            resources: asks.resources.iter().map(|(name, amount)| (name.as_str().into(), *amount)).collect(),
        }
    }
}

impl TryFrom<AsksV1<'_>> for Asks {
    type Error = WireError;

    fn try_from(form: AsksV1<'_>) -> Result<Self, WireError> {
        let priority = match form.priority {
            None => Priority::default(),
            Some(word) => Priority::ALL
                .into_iter()
                .find(|priority| priority.as_str() == word)
                .ok_or_else(|| wrong(format!("the priority `{word}` is not known")))?,
        };
        let resources = form.resources.into_iter().map(|(key, amount)| Ok((name(&key)?, amount)));
        Ok(Self {
            priority,
            queue: form.queue.map(|queue| name(&queue)).transpose()?,
            pools: counted(form.pools)?,
            lock: form.lock.map(Template::from),
            labels: form.labels.into_iter().map(Template::from).collect(),
            resources: resources.collect::<Result<_, WireError>>()?,
        })
    }
}

/// Writes units of pools.
pub(super) fn units(pools: &BTreeMap<Name, u32>) -> BTreeMap<Text<'_>, u32> {
    pools.iter().map(|(pool, units)| (Cow::Borrowed(pool.as_str()), *units)).collect()
}

/// Reads units of pools; none of a pool is no number of units.
pub(super) fn counted(pools: BTreeMap<Text<'_>, u32>) -> Result<BTreeMap<Name, u32>, WireError> {
    let read = |(key, units): (Text<'_>, u32)| match units {
        0 => Err(wrong(format!("it has no units of the pool `{key}`"))),
        units => Ok((name(&key)?, units)),
    };
    pools.into_iter().map(read).collect()
}
