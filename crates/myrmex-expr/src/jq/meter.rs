//! What a jq program may spend: units for outputs and bytes, and the stack.

use std::cell::{Cell, RefCell};

use jaq_core::data::HasLut;
use jaq_core::{Ctx, DataT, Exn, Lut};
use jaq_json::{Num, Val};

use crate::STACK_BYTES;
use crate::convert::{Depth, Failure};

/// Units for one unit of fuel. jq touches data several times for each of ours.
pub(super) const UNITS_PER_FUEL: u64 = 256;

/// What one output of a generator costs; a byte of data costs one. It takes a microsecond or two, so that all fuel lasts
/// for less than the usual deadline.
pub(super) const STEP_UNITS: u64 = 128;

/// What a number or a slot of a list or an object counts for, in units.
const SLOT_UNITS: u64 = 8;

/// Integers with more bits take too long to print.
const INTEGER_BITS_MAX: u64 = 1024;

/// How much of the stack a program may use. The rest is for what is between two payments, and for dropping.
const STACK_USED_MAX: usize = STACK_BYTES / 2;

/// What programs compute with: jaq's values, and a meter beside them.
#[derive(Debug)]
pub(super) enum Metered {}

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Meter<'a>;
}

/// What every filter is given beside its input.
#[derive(Clone, Copy)]
pub(super) struct Meter<'a> {
    pub(super) lut: &'a Lut<Metered>,
    pub(super) purse: &'a Purse,
}

impl<'a> HasLut<'a, Metered> for Meter<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.lut
    }
}

/// What is left to spend, and why the program was stopped.
pub(super) struct Purse {
    units: Cell<u64>,
    stopped: RefCell<Option<Failure>>,
    /// Where the stack stood when the program began.
    base: usize,
}

/// Whether something was paid.
pub(super) type Paid<'a> = Result<(), Exn<'a, Val>>;

impl Purse {
    /// Fills a purse for a program that begins here.
    pub(super) fn new(fuel: u64) -> Self {
        let units = Cell::new(fuel.saturating_mul(UNITS_PER_FUEL));
        Self { units, stopped: RefCell::new(None), base: stack_place() }
    }

    /// Returns the units that are left.
    pub(super) fn left(&self) -> u64 {
        self.units.get()
    }

    /// Returns why the program was stopped, if it was.
    pub(super) fn into_failure(self) -> Option<Failure> {
        self.stopped.into_inner()
    }

    /// Pays, or stops the program for good. A halt passes `try`, which an error does not.
    pub(super) fn pay<'a>(&self, price: Result<u64, Failure>) -> Paid<'a> {
        let mut stopped = self.stopped.borrow_mut();
        if stopped.is_some() {
            return Err(Exn::halt(1));
        }
        let paid = price.and_then(|units| self.units.get().checked_sub(units).ok_or(Failure::Fuel));
        match paid {
            Ok(_) if self.base.abs_diff(stack_place()) > STACK_USED_MAX => {
                *stopped = Some(Failure::Reason("the program nests its calls too deeply".to_owned()));
            }
            Ok(left) => {
                self.units.set(left);
                return Ok(());
            }
            Err(failure) => {
                if matches!(failure, Failure::Fuel) {
                    self.units.set(0);
                }
                *stopped = Some(failure);
            }
        }
        Err(Exn::halt(1))
    }
}

/// Returns an address on the stack of the caller.
#[inline(never)]
fn stack_place() -> usize {
    let marker = 0_u8;
    std::hint::black_box(&raw const marker).addr()
}

/// Pays a price that may depend on what is left.
pub(super) fn pay<'a>(context: &Ctx<'a, Metered>, price: impl Fn(u64) -> Result<u64, Failure>) -> Paid<'a> {
    let purse = context.data().purse;
    purse.pay(price(purse.left()))
}

/// Returns how large `value` is; looks no further than `most`.
pub(super) fn size(value: &Val, most: u64) -> Result<u64, Failure> {
    let mut total = 0;
    add_size(value, Depth::default(), &mut total, most)?;
    Ok(total)
}

fn add_size(value: &Val, depth: Depth, total: &mut u64, most: u64) -> Result<(), Failure> {
    *total += SLOT_UNITS;
    if *total > most + SLOT_UNITS {
        return Err(Failure::Fuel);
    }
    match value {
        Val::Null | Val::Bool(_) | Val::Num(Num::Int(_) | Num::Float(_)) => {}
        Val::Num(Num::BigInt(integer)) => {
            if integer.bits() > INTEGER_BITS_MAX {
                let reason = format!("an integer has more than {INTEGER_BITS_MAX} bits");
                return Err(Failure::Reason(reason));
            }
            *total += integer.bits();
        }
        Val::Num(Num::Dec(digits)) => *total += digits.len() as u64,
        Val::BStr(text) | Val::TStr(text) => *total += text.len() as u64,
        Val::Arr(items) => {
            let depth = depth.inner()?;
            items.iter().try_for_each(|item| add_size(item, depth, total, most))?;
        }
        Val::Obj(fields) => {
            let depth = depth.inner()?;
            for (key, field) in fields.iter() {
                add_size(key, depth, total, most)?;
                add_size(field, depth, total, most)?;
            }
        }
    }
    Ok(())
}

/// Returns how large a copy of `value` is that shares its members.
pub(super) fn shallow_size(value: &Val) -> u64 {
    match value {
        Val::Null | Val::Bool(_) | Val::Num(_) => 0,
        Val::BStr(text) | Val::TStr(text) => text.len() as u64,
        Val::Arr(items) => items.len() as u64 * 2 * SLOT_UNITS,
        Val::Obj(fields) => fields.len() as u64 * 4 * SLOT_UNITS,
    }
}
