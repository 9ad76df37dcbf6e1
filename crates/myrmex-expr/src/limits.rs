//! What an evaluation may spend and make, and the tank that its fuel is in.

use std::cell::{Cell, OnceCell};

use minijinja::{Error, State};
use myrmex_model::value::VALUE_DEPTH_MAX;

use crate::convert::Failure;
use crate::vocabulary::ENVIRONMENT;
use crate::{FUEL, FUEL_MAX};

/// The limits of each evaluation of an [`crate::Evaluator`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What it may spend, as [`FUEL`]; from 1 to [`FUEL_MAX`], anything else is taken for the nearest.
    pub fuel: u64,
    /// How deep the values nest that it reads and gives; at most [`VALUE_DEPTH_MAX`], more is taken for that.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: FUEL, depth: VALUE_DEPTH_MAX }
    }
}

impl Limits {
    /// Returns these limits within the bounds that each has.
    pub(crate) fn bounded(self) -> Self {
        Self { fuel: self.fuel.clamp(1, FUEL_MAX), depth: self.depth.min(VALUE_DEPTH_MAX) }
    }
}

/// What work on data is paid with.
pub(crate) trait Fuel {
    /// Takes `fuel` away.
    ///
    /// # Errors
    ///
    /// Returns [`Failure::Fuel`] if nothing is left then.
    fn burn(&self, fuel: u64) -> Result<(), Failure>;

    /// Returns how much is left.
    fn left(&self) -> u64;
}

/// Filters, tests and functions are handed the state of minijinja, which holds all there is while they work.
impl Fuel for State<'_, '_> {
    fn burn(&self, fuel: u64) -> Result<(), Failure> {
        Ok(self.consume_fuel(fuel)?)
    }

    fn left(&self) -> u64 {
        self.fuel_levels().map_or(0, |(_, left)| left)
    }
}

/// The fuel of one evaluation.
///
/// minijinja's state, which filters need, costs more than a small condition. So it is made when the first of them is
/// applied, and from then on holds the fuel.
pub(crate) struct Tank {
    left: Cell<u64>,
    /// Boxed, because it is large and mostly not there.
    state: OnceCell<Box<State<'static, 'static>>>,
}

impl Tank {
    pub(crate) fn new(fuel: u64) -> Self {
        Self { left: Cell::new(fuel), state: OnceCell::new() }
    }

    /// Returns the state for a filter, a test or a function.
    pub(crate) fn state(&mut self) -> Result<&mut State<'static, 'static>, Error> {
        if self.state.get().is_none() {
            let state = ENVIRONMENT.empty_state();
            state.consume_fuel(FUEL_MAX - self.left.get())?;
            drop(self.state.set(Box::new(state)));
        }
        Ok(self.state.get_mut().expect("it was set above"))
    }
}

impl Fuel for Tank {
    fn burn(&self, fuel: u64) -> Result<(), Failure> {
        if let Some(state) = self.state.get() {
            return state.burn(fuel);
        }
        let left = self.left.get().saturating_sub(fuel);
        self.left.set(left);
        // As in minijinja, the last unit is not to be spent.
        if left == 0 { Err(Failure::Fuel) } else { Ok(()) }
    }

    fn left(&self) -> u64 {
        self.state.get().map_or(self.left.get(), |state| state.left())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tank_holds_the_same_before_and_after_its_state_is_made() {
        let mut tank = Tank::new(100);
        assert!(tank.burn(40).is_ok());
        assert_eq!(tank.left(), 60);
        assert!(tank.state().is_ok());
        assert_eq!(tank.left(), 60);
        assert!(tank.burn(59).is_ok());
        assert!(matches!(tank.burn(1), Err(Failure::Fuel)));
        let tank = Tank::new(100);
        assert!(tank.burn(99).is_ok());
        assert!(matches!(tank.burn(1), Err(Failure::Fuel)));
        assert_eq!(tank.left(), 0);
    }

    #[test]
    fn a_tank_that_is_empty_gives_no_state() {
        let mut tank = Tank::new(1);
        assert!(tank.burn(1).is_err() && tank.state().is_err());
    }
}
