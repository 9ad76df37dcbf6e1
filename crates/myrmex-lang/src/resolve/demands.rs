//! Finds what can never be had: pools that nobody declares, more units than there are, what a block around holds already,
//! and what no worker that is known has.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::demand::amount;
use myrmex_model::ir::NODES_MAX;
use myrmex_model::name::Name;
use myrmex_model::wire::definition::SCOPE_DEPTH_MAX;

use crate::codes;
use crate::others::{Others, Supply};
use crate::outline::{Asks, Call, Data, Defaults, Handlers, Outline, Spot, Task, Units, Use, Verb, Workflow};
use crate::report::Report;
use crate::tree::Place;

/// Checks what the tasks of a workflow ask for, those of actions that it uses included; and of workflows that it calls what
/// they ask for while blocks around the call hold something.
pub(super) fn check<'o>(workflow: &'o Workflow, others: &'o Others<'o>, report: &mut Report) {
    let supply = &others.supply;
    let mut pools: BTreeMap<&str, u32> = BTreeMap::new();
    for (pool, units) in &workflow.pools {
        pools.insert(&pool.value, units.value);
    }
    for (pool, units) in &supply.pools {
        pools.insert(pool.as_str(), *units);
    }
    if let Some(resources) = others.resources.filter(|_| workflow.project.is_some()) {
        let declared = resources.facts.pools.iter();
        pools.extend(declared.map(|pool| (pool.name.as_str(), pool.capacity)));
    }
    let mut walk = Walk {
        pools,
        supply,
        others,
        report,
        around: Vec::new(),
        defaults: &workflow.defaults,
        entered: Vec::new(),
        caller: None,
        walked: BTreeSet::new(),
        steps: 0,
    };
    walk.asks(&workflow.defaults.asks, None);
    workflow.body.tasks.iter().for_each(|task| walk.task(task, None));
    walk.handlers(&workflow.handlers, None);
}

struct Walk<'o, 'r> {
    /// How much there is of each pool; inside a call the least that the workflows on the way say.
    pools: BTreeMap<&'o str, u32>,
    supply: &'o Supply,
    others: &'o Others<'o>,
    report: &'r mut Report,
    /// What the blocks around hold, the nearest last.
    around: Vec<Around<'o>>,
    defaults: &'o Defaults,
    /// Where the walk is by way of a `use` or a call, the nearest last.
    entered: Vec<Inner<'o>>,
    /// How many blocks stand around the outermost call; none outside of calls. Called workflows are checked by themselves too,
    /// so inside one only what these blocks hold counts.
    caller: Option<usize>,
    /// What need not be walked again.
    walked: BTreeSet<Visit<'o>>,
    /// How many tasks were looked at; a workflow that has more of them cannot run.
    steps: usize,
}

/// A block that holds something.
struct Around<'o> {
    name: &'o str,
    asks: &'o Asks,
    /// How many `use`s and calls stand around it. What expressions read means the same only where that is the same.
    depth: usize,
}

/// What stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Inner<'o> {
    Action { library: &'o str, action: &'o str },
    Workflow { name: &'o str },
}

/// What the problems inside an action or a called workflow follow from.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Visit<'o> {
    inner: Inner<'o>,
    used: Place,
    is_called: bool,
    held: Held<'o>,
}

/// What all blocks around hold, as far as it is known everywhere.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Held<'o> {
    /// Of each pool the units, how many there are, and whether they count.
    pools: BTreeMap<&'o str, (u32, Option<u32>, bool)>,
    locks: BTreeSet<&'o str>,
}

impl<'o> Walk<'o, '_> {
    /// Looks at a task; with `used` it stands elsewhere, and `used` is where that is named.
    fn task(&mut self, task: &'o Task, used: Option<Place>) {
        self.steps += 1;
        if self.steps > NODES_MAX {
            return;
        }
        let own = task.asks.as_deref();
        if let Some(own) = own {
            self.asks(own, used);
        }
        let name = task.name.value.as_str();
        let outside = self.around.len();
        match &task.verb {
            Some(Verb::Run(_)) => self.run(name, task, used),
            Some(Verb::Block(_) | Verb::Use(_) | Verb::Call(_)) => {
                if let Some(own) = own {
                    self.fits_around(name, (own.pools.as_ref(), own.lock.as_ref()), used);
                    self.around.push(Around { name, asks: own, depth: self.entered.len() });
                }
            }
            Some(Verb::Set(_) | Verb::Switch(_) | Verb::Fail(_) | Verb::Wait(_) | Verb::Await(_)) | None => {}
        }
        match &task.verb {
            Some(Verb::Block(scope)) => scope.tasks.iter().for_each(|task| self.task(task, used)),
            Some(Verb::Use(action)) => self.action(action, used.unwrap_or(action.place)),
            Some(Verb::Call(call)) if !call.is_detached => {
                self.call(call, used.unwrap_or(call.name.place));
            }
            Some(
                Verb::Run(_)
                | Verb::Set(_)
                | Verb::Switch(_)
                | Verb::Fail(_)
                | Verb::Wait(_)
                | Verb::Await(_)
                | Verb::Call(_),
            )
            | None => {}
        }
        // What a block holds it holds until what follows it has ended.
        self.handlers(&task.handlers, used);
        self.around.truncate(outside);
    }

    fn handlers(&mut self, handlers: &'o Handlers, used: Option<Place>) {
        for task in handlers.tasks() {
            self.task(task, used);
        }
    }

    fn action(&mut self, action: &'o Use, used: Place) {
        let Some(library) = self.others.library(&action.library) else { return };
        let Some(found) = library.action(&action.action) else { return };
        let inner = Inner::Action { library: &action.library, action: &action.action };
        if !self.is_new(inner, used) {
            return;
        }
        self.entered.push(inner);
        let outside = std::mem::replace(&mut self.defaults, &library.defaults);
        self.task(&found.task, Some(used));
        self.defaults = outside;
        self.entered.pop();
    }

    /// Looks at what a called workflow asks for on top of what is held around the call.
    fn call(&mut self, call: &'o Call, used: Place) {
        let Some(workflow) = self.others.workflow(&call.name.value) else { return };
        let inner = Inner::Workflow { name: &call.name.value };
        if self.around.iter().all(|around| around.asks.pools.is_none() && around.asks.lock.is_none()) {
            return;
        }
        let mut pools = self.pools.clone();
        for (pool, units) in &workflow.pools {
            if Name::new(&pool.value).is_ok_and(|pool| !self.supply.pools.contains_key(&pool)) {
                let least = pools.entry(&pool.value).or_insert(units.value);
                *least = units.value.min(*least);
            }
        }
        let (pools, caller) = (std::mem::replace(&mut self.pools, pools), self.caller);
        self.caller = caller.or(Some(self.around.len()));
        if self.is_new(inner, used) {
            self.entered.push(inner);
            let outside = std::mem::replace(&mut self.defaults, &workflow.defaults);
            workflow.body.tasks.iter().for_each(|task| self.task(task, Some(used)));
            self.handlers(&workflow.handlers, Some(used));
            self.defaults = outside;
            self.entered.pop();
        }
        (self.pools, self.caller) = (pools, caller);
    }

    /// Returns whether what stands elsewhere has to be walked: it is not being walked already, as one that uses itself, and
    /// was not with the same around it.
    fn is_new(&mut self, inner: Inner<'o>, used: Place) -> bool {
        if self.entered.contains(&inner) || self.entered.len() > SCOPE_DEPTH_MAX {
            return false;
        }
        let mut held = Held::default();
        for (index, around) in self.around.iter().enumerate() {
            for (pool, _) in around.asks.pools.iter().flatten() {
                let (units, _, counts) = self.held(&pool.value);
                let capacity = self.pools.get(pool.value.as_str()).copied();
                held.pools.insert(&pool.value, (units, capacity, counts));
            }
            let lock = around.asks.lock.as_ref().filter(|_| self.counts(index));
            held.locks.extend(lock.and_then(|lock| lock.value.template.as_literal()?.as_str()));
        }
        self.walked.insert(Visit { inner, used, is_called: self.caller.is_some(), held })
    }

    /// Returns whether what a block around holds is looked at here.
    fn counts(&self, around: usize) -> bool {
        self.caller.is_none_or(|caller| around < caller)
    }

    /// Looks at what is written in one place, whatever is around it.
    fn asks(&mut self, asks: &'o Asks, used: Option<Place>) {
        if self.caller.is_some() {
            return;
        }
        for (pool, units) in asks.pools.iter().flatten() {
            match self.pools.get(pool.value.as_str()) {
                None => self.unknown_pool(pool, used),
                Some(capacity) if units.value > *capacity => {
                    let (name, asked) = (&pool.value, units.value);
                    let message =
                        format!("{asked} units of the pool `{name}` are asked for, it has {capacity}");
                    self.report.refuse(codes::POOL_LARGE, used.unwrap_or(units.place), message);
                }
                Some(_) => {}
            }
        }
        for (resource, asked) in asks.resources.iter().flatten() {
            let Ok(name) = Name::new(&resource.value) else { continue };
            if let Some(most) = self.supply.resources.get(&name)
                && asked.value > *most
            {
                let (asked_for, has) = (amount(&name, asked.value), amount(&name, *most));
                let message = format!("{asked_for} `{name}` are asked for, the worker has {has}");
                self.report.refuse(codes::RESOURCE_LARGE, used.unwrap_or(asked.place), message);
            }
        }
        let Some(known) = &self.supply.labels else { return };
        for label in asks.labels.iter().flatten() {
            let Some(text) = label.value.template.as_literal().and_then(|value| value.as_str()) else {
                continue;
            };
            if !known.contains(text) && !is_of_machine(text) {
                let message = format!("no worker that the settings declare has the label `{text}`");
                let place = used.unwrap_or(label.place);
                let warning = self.report.warning(codes::LABEL_UNKNOWN, place, message);
                let hint = match self.report.nearest(text, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add it to `worker.labels` in `myrmex.yaml` where it holds".to_owned(),
                };
                self.report.push(warning.with_hint(hint));
            }
        }
    }

    fn unknown_pool(&mut self, pool: &Spot<String>, used: Option<Place>) {
        let name = &pool.value;
        let message = format!("the pool `{name}` is declared nowhere");
        let mut problem = self.report.error(codes::POOL_UNKNOWN, used.unwrap_or(pool.place), message);
        let near = self.report.nearest(name, self.pools.keys().copied());
        problem = match near {
            Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
            None => problem.with_hint(format!(
                "add `pools: {{{name}: 1}}` to the root of the workflow, or to `myrmex.yaml` for all workflows"
            )),
        };
        self.report.push(problem);
    }

    /// Looks at what an attempt of a `run` asks for, with what `defaults` add.
    fn run(&mut self, name: &str, task: &'o Task, used: Option<Place>) {
        let own = task.asks.as_deref();
        let defaults = &self.defaults.asks;
        let pools = own.and_then(|own| own.pools.as_ref()).or(defaults.pools.as_ref());
        let lock = own.and_then(|own| own.lock.as_ref()).or(defaults.lock.as_ref());
        let is_default = own.is_none_or(|own| own.pools.is_none() && own.lock.is_none());
        let used = used.or(is_default.then_some(task.name.place));
        self.fits_around(name, (pools, lock), used);
    }

    /// Reports what can never be had because blocks around hold too much of it.
    fn fits_around(
        &mut self,
        name: &str,
        (pools, lock): (Option<&'o Units<u32>>, Option<&'o Spot<Data>>),
        used: Option<Place>,
    ) {
        for (pool, units) in pools.into_iter().flatten() {
            let Some(capacity) = self.pools.get(pool.value.as_str()).copied() else { continue };
            let (held, holder, counts) = self.held(&pool.value);
            // More than there is at all is reported where it is written.
            let is_possible = counts && (self.caller.is_some() || units.value <= capacity);
            let is_too_much = held.saturating_add(units.value) > capacity;
            let Some(holder) = holder.filter(|_| is_possible && is_too_much) else { continue };
            let (own, asked) = (&pool.value, units.value);
            let message = format!(
                "`{name}` would wait for ever: of {capacity} units of the pool `{own}` the blocks around hold {held}, and it asks for {asked}"
            );
            let place = used.unwrap_or(units.place);
            let problem = self.report.error(codes::HELD_AROUND, place, message);
            let hint = format!("leave the pool to `{holder}`, or let there be more of it");
            self.report.push(problem.with_hint(hint));
        }
        let Some(lock) = lock else { return };
        let template = &lock.value.template;
        // Of an expression that may differ from item to item, or that stands elsewhere, nothing is known.
        let is_literal = template.as_literal().is_some();
        let is_fixed = lock.value.reads.iter().all(|read| read.root == "inputs");
        let is_same = |around: &Around<'_>| {
            let own = around.asks.lock.as_ref().map(|own| &own.value.template);
            own == Some(template) && (is_literal || (is_fixed && around.depth == self.entered.len()))
        };
        let mut blocks = self.around.iter().enumerate().rev();
        let found = blocks.find(|(index, around)| self.counts(*index) && is_same(around));
        let Some((_, Around { name: holder, .. })) = found else { return };
        let message =
            format!("`{name}` would wait for ever: `{holder}`, the block around it, holds this lock");
        let problem = self.report.error(codes::HELD_AROUND, used.unwrap_or(lock.place), message);
        self.report.push(problem.with_hint(format!("leave the lock to `{holder}`")));
    }

    /// Returns how many units of a pool the blocks around hold, the nearest that holds some, and whether one of them counts.
    fn held(&self, pool: &str) -> (u32, Option<&'o str>, bool) {
        let (mut held, mut nearest, mut counts) = (0_u32, None, false);
        for (index, around) in self.around.iter().enumerate().rev() {
            let own = around.asks.pools.iter().flatten().filter(|(own, _)| own.value == pool);
            for (_, units) in own {
                held = held.saturating_add(units.value);
                nearest.get_or_insert(around.name);
                counts |= self.counts(index);
            }
        }
        (held, nearest, counts)
    }
}

/// Returns whether a worker may have a label by itself: the name of an operating system or an architecture.
fn is_of_machine(label: &str) -> bool {
    const OWN: [&str; 9] =
        ["linux", "macos", "windows", "x86_64", "aarch64", "x86", "arm", "riscv64", "powerpc64"];
    OWN.contains(&label)
}

/// Checks what the actions of a library ask for, as far as the workspace declares it.
pub(super) fn check_library<'o>(outline: &'o Outline, others: &'o Others<'o>, report: &mut Report) {
    let Outline::Library(library) = outline else { return };
    let supply = &others.supply;
    for action in &library.actions {
        action.task.walk(&mut |task| {
            for (pool, units) in task.asks.iter().flat_map(|asks| asks.pools.iter().flatten()) {
                let capacity = Name::new(&pool.value).ok().and_then(|pool| supply.pools.get(&pool).copied());
                if let Some(capacity) = capacity.filter(|capacity| units.value > *capacity) {
                    let (name, asked) = (&pool.value, units.value);
                    let message =
                        format!("{asked} units of the pool `{name}` are asked for, it has {capacity}");
                    report.refuse(codes::POOL_LARGE, units.place, message);
                }
            }
        });
    }
}
