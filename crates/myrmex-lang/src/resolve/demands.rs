//! Finds what can never be had: pools that nobody declares, more units than there are, what a block around holds already,
//! and what no worker that is known has.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::demand::amount;
use myrmex_model::name::Name;

use crate::codes;
use crate::others::{Others, Supply};
use crate::outline::{Asks, Data, Defaults, Handlers, Outline, Spot, Task, Units, Verb, Workflow};
use crate::report::Report;
use crate::tree::Place;

/// Checks what the tasks of a workflow ask for, those of actions that it uses included.
pub(super) fn check<'o>(workflow: &'o Workflow, others: &'o Others<'o>, report: &mut Report) {
    let supply = &others.supply;
    let mut pools: BTreeMap<&str, u32> = BTreeMap::new();
    for (pool, units) in &workflow.pools {
        pools.insert(&pool.value, units.value);
    }
    for (pool, units) in &supply.pools {
        pools.insert(pool.as_str(), *units);
    }
    let mut used = BTreeSet::new();
    let mut walk = Walk { pools, supply, others, report, around: Vec::new(), defaults: &workflow.defaults };
    walk.asks(&workflow.defaults.asks, None, &mut used);
    workflow.body.tasks.iter().for_each(|task| walk.task(task, None, &mut used));
    walk.handlers(&workflow.handlers, None, &mut used);
}

struct Walk<'o, 'r> {
    pools: BTreeMap<&'o str, u32>,
    supply: &'o Supply,
    others: &'o Others<'o>,
    report: &'r mut Report,
    /// What the blocks around hold, the nearest last.
    around: Vec<(&'o str, &'o Asks)>,
    defaults: &'o Defaults,
}

impl<'o> Walk<'o, '_> {
    /// Looks at a task; with `used` it belongs to an action, and `used` is where that is named.
    fn task(&mut self, task: &'o Task, used: Option<Place>, seen: &mut BTreeSet<&'o str>) {
        let own = task.asks.as_deref();
        if let Some(own) = own {
            self.asks(own, used, seen);
        }
        let name = task.name.value.as_str();
        let depth = self.around.len();
        match &task.verb {
            Some(Verb::Run(_)) => self.run(name, task, used),
            Some(Verb::Block(_) | Verb::Use(_) | Verb::Call(_)) => {
                if let Some(own) = own {
                    self.fits_around(name, (own.pools.as_ref(), own.lock.as_ref()), used);
                    self.around.push((name, own));
                }
            }
            Some(Verb::Set(_) | Verb::Switch(_) | Verb::Fail(_) | Verb::Wait(_)) | None => {}
        }
        match &task.verb {
            Some(Verb::Block(scope)) => scope.tasks.iter().for_each(|task| self.task(task, used, seen)),
            Some(Verb::Use(action)) => {
                let library = self.others.library(&action.library);
                let found = library.and_then(|library| library.action(&action.action));
                let key = action.action.as_str();
                // An action that uses itself is reported elsewhere.
                if let Some(found) = found
                    && seen.insert(key)
                {
                    let inside = library.map_or(self.defaults, |own| &own.defaults);
                    let outside = std::mem::replace(&mut self.defaults, inside);
                    self.task(&found.task, used.or(Some(action.place)), seen);
                    self.defaults = outside;
                    seen.remove(key);
                }
            }
            Some(
                Verb::Run(_) | Verb::Set(_) | Verb::Switch(_) | Verb::Fail(_) | Verb::Wait(_) | Verb::Call(_),
            )
            | None => {}
        }
        // What a block holds it holds until what follows it has ended.
        let is_leaf = matches!(task.verb, Some(Verb::Run(_)));
        self.handlers(&task.handlers, used.filter(|_| !is_leaf || used.is_some()), seen);
        self.around.truncate(depth);
    }

    fn handlers(&mut self, handlers: &'o Handlers, used: Option<Place>, seen: &mut BTreeSet<&'o str>) {
        for task in handlers.tasks() {
            self.task(task, used, seen);
        }
    }

    /// Looks at what is written in one place, whatever is around it.
    fn asks(&mut self, asks: &'o Asks, used: Option<Place>, _seen: &mut BTreeSet<&'o str>) {
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
            let (held, holder) = self.held(&pool.value);
            let Some(holder) = holder.filter(|_| units.value <= capacity && held + units.value > capacity)
            else {
                continue;
            };
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
        let is_same =
            |own: &Asks| own.lock.as_ref().is_some_and(|own| own.value.template == lock.value.template);
        let Some((holder, _)) = self.around.iter().rev().find(|(_, own)| is_same(own)) else { return };
        // Of an expression that may differ from item to item nothing is known.
        if lock.value.template.as_literal().is_none()
            && lock.value.reads.iter().any(|read| read.root != "inputs")
        {
            return;
        }
        let message =
            format!("`{name}` would wait for ever: `{holder}`, the block around it, holds this lock");
        let problem = self.report.error(codes::HELD_AROUND, used.unwrap_or(lock.place), message);
        self.report.push(problem.with_hint(format!("leave the lock to `{holder}`")));
    }

    /// Returns how many units of a pool the blocks around hold, and the nearest that holds some.
    fn held(&self, pool: &str) -> (u32, Option<&'o str>) {
        let (mut held, mut nearest) = (0_u32, None);
        for (name, asks) in self.around.iter().rev() {
            let own = asks.pools.iter().flatten().filter(|(own, _)| own.value == pool);
            for (_, units) in own {
                held = held.saturating_add(units.value);
                nearest.get_or_insert(*name);
            }
        }
        (held, nearest)
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
