//! The types of form 1 for what follows the body of a node.

use serde::{Deserialize, Serialize};

use super::forms::{RetryV1, Text, expr, is_false, source};
use crate::ir::{Catch, Handling, NodeId, Retry};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandlingV1<'a> {
    #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
    catch: Vec<CatchV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_failure: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finally: Option<u32>,
    #[serde(default, skip_serializing_if = "is_false")]
    continues: bool,
}

impl<'a> From<&'a Handling> for HandlingV1<'a> {
    fn from(handling: &'a Handling) -> Self {
        Self {
            catch: handling.catches.iter().map(CatchV1::from).collect(),
            on_failure: handling.on_failure.map(|node| node.0),
            finally: handling.finally.map(|node| node.0),
            continues: handling.continues,
        }
    }
}

impl From<HandlingV1<'_>> for Handling {
    fn from(form: HandlingV1<'_>) -> Self {
        Self {
            catches: form.catch.into_iter().map(Catch::from).collect(),
            on_failure: form.on_failure.map(NodeId),
            finally: form.finally.map(NodeId),
            continues: form.continues,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatchV1<'a> {
    #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
    types: Vec<Text<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<RetryV1<'a>>,
    body: u32,
}

impl<'a> From<&'a Catch> for CatchV1<'a> {
    fn from(catch: &'a Catch) -> Self {
        Self {
            types: catch.kinds.iter().map(|kind| kind.as_str().into()).collect(),
            statuses: catch.statuses.clone(),
            when: source(catch.when.as_ref()),
            retry: catch.retry.as_ref().map(RetryV1::from),
            body: catch.body.0,
        }
    }
}

impl From<CatchV1<'_>> for Catch {
    fn from(form: CatchV1<'_>) -> Self {
        Self {
            kinds: form.types.into_iter().map(Text::into_owned).collect(),
            statuses: form.statuses,
            when: expr(form.when),
            retry: form.retry.map(Retry::from),
            body: NodeId(form.body),
        }
    }
}
