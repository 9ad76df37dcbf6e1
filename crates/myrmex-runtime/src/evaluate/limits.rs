//! The limits of evaluations, which a workspace can set.

use std::time::Duration;

/// What each evaluation of a partition may do. Messages call the fields by their keys in the settings, `expressions.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationLimits {
    /// What one evaluation may spend, and how deep its values nest: `fuel` and `depth`.
    pub expression: myrmex_expr::Limits,
    /// How long a jq program may take before it is given up: `jq_deadline`.
    pub jq_deadline: Duration,
    /// With more jq programs than this that were given up and still run, none is run: `jq_lost`.
    pub jq_lost_max: u32,
}

impl Default for EvaluationLimits {
    fn default() -> Self {
        Self {
            expression: myrmex_expr::Limits::default(),
            // All fuel lasts for less on a small machine, so that whoever meets this limit is on a very busy one, or has
            // found a call that is not priced.
            jq_deadline: Duration::from_millis(250),
            // Each may hold a core, and all the memory its fuel pays for.
            jq_lost_max: 8,
        }
    }
}
