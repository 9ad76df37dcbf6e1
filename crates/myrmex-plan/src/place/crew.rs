//! Who works on a task: those with whom it ends first, then those who cost least, then those who are named first.
//!
//! Where few sets of people can be asked, all are tried. Else people are chosen one after the other, each as if the rest of the
//! places went to others like them. Whoever is chosen stays from start to finish.

use super::fixed::units;
use super::{Bounds, Layout, Placer, Recipe, Work, take};
use crate::instance::{Ask, Crew, Need, Side, Way};
use crate::placement::length;

/// As many sets of people are tried before they are chosen one by one: more would cost more than the order they lie in matters.
const CREWS_MAX: usize = 24;

/// How good a crew is: less is better.
type Merit = (i64, i128, i64);

impl Placer<'_> {
    /// Finds a place and people for a task, and takes the people.
    pub(super) fn place_with_people(
        &mut self,
        recipe: &Recipe<'_>,
        task: usize,
        bounds: Bounds,
        way: &Way,
        layout: &mut Layout,
    ) -> Option<(i64, i64)> {
        let side = self.instance.side(recipe.direction);
        let (crew, start, finish) = match recipe.like {
            Some(like) => {
                let crew = like.crew[task].clone();
                let (start, finish) = self.fit_crew(side, task, bounds, way, &crew, 0, layout)?;
                (crew, start, finish)
            }
            None => self.best_crew(side, task, bounds, way, layout)?,
        };
        let people = self.crew_needs(&crew);
        take(&mut self.profiles, start, finish, &people);
        layout.crew[task] = crew;
        Some((start, finish))
    }

    pub(super) fn best_crew(
        &mut self,
        side: &Side,
        task: usize,
        bounds: Bounds,
        way: &Way,
        layout: &Layout,
    ) -> Option<(Crew, i64, i64)> {
        let instance = self.instance;
        let asks = &instance.asks[way.asks.clone()];
        let Some(crews) = all_crews(asks) else {
            return self.grown_crew(side, task, bounds, way, layout);
        };
        let mut best: Option<(Merit, Crew, i64, i64)> = None;
        for people in crews {
            let crew = self.crew_of(asks, &people);
            let Some((start, finish)) = self.fit_crew(side, task, bounds, way, &crew, 0, layout) else {
                continue;
            };
            let merit = (finish, self.cost(way, &crew), -start);
            if best.as_ref().is_none_or(|(known, ..)| merit < *known) {
                best = Some((merit, crew, start, finish));
            }
        }
        best.map(|(_, crew, start, finish)| (crew, start, finish))
    }

    /// Chooses one person after the other.
    fn grown_crew(
        &mut self,
        side: &Side,
        task: usize,
        bounds: Bounds,
        way: &Way,
        layout: &Layout,
    ) -> Option<(Crew, i64, i64)> {
        let instance = self.instance;
        let asks = &instance.asks[way.asks.clone()];
        let mut open: usize = asks.iter().map(|ask| ask.count).sum();
        let mut crew = Crew::new();
        for ask in asks {
            for _ in 0..ask.count {
                open -= 1;
                let mut best: Option<(Merit, (u32, u32))> = None;
                for person in &ask.candidates {
                    if crew.iter().any(|(other, _)| other == person) {
                        continue;
                    }
                    let share = instance.share(*person, ask);
                    crew.push((*person, share));
                    let others = u64::from(share) * open as u64;
                    let fitted = self.fit_crew(side, task, bounds, way, &crew, others, layout);
                    let merit = fitted.map(|(start, finish)| (finish, self.cost(way, &crew), -start));
                    crew.pop();
                    if let Some(merit) = merit
                        && best.as_ref().is_none_or(|(known, _)| merit < *known)
                    {
                        best = Some((merit, (*person, share)));
                    }
                }
                crew.push(best?.1);
            }
        }
        crew.sort_unstable();
        let (start, finish) = self.fit_crew(side, task, bounds, way, &crew, 0, layout)?;
        Some((crew, start, finish))
    }

    /// Returns where a task fits with `crew`, as if `others` units of more people worked on it.
    #[expect(clippy::too_many_arguments, reason = "a question about one crew among many of a task")]
    fn fit_crew(
        &mut self,
        side: &Side,
        task: usize,
        bounds: Bounds,
        way: &Way,
        crew: &[(u32, u32)],
        others: u64,
        layout: &Layout,
    ) -> Option<(i64, i64)> {
        let mut work = self.work_of(way, crew);
        work.length = length(way.amount, units(crew) + others).0;
        let mut needs = self.instance.needs[way.needs.clone()].to_vec();
        needs.extend(self.crew_needs(crew));
        self.fit(side, task, bounds, work, &needs, layout)
    }

    /// Returns the work that a crew has: open when all of them are.
    pub(super) fn work_of(&mut self, way: &Way, crew: &[(u32, u32)]) -> Work {
        let mut clock = way.clock;
        for (person, _) in crew {
            clock = self.clocks.both(clock, self.instance.people[*person as usize].clock);
        }
        Work { length: length(way.amount, units(crew)).0, clock, is_whole: way.is_whole }
    }

    /// Returns what a crew takes of resources.
    pub(super) fn crew_needs(&self, crew: &[(u32, u32)]) -> Vec<Need> {
        let first = u32::try_from(self.instance.first_person).expect("there are fewer resources than 2^32");
        crew.iter().map(|(person, units)| Need { what: first + person, units: i64::from(*units) }).collect()
    }

    fn crew_of(&self, asks: &[Ask], people: &[u32]) -> Crew {
        let mut places = asks.iter().flat_map(|ask| std::iter::repeat_n(ask, ask.count));
        let mut crew: Crew = people
            .iter()
            .map(|person| {
                let ask = places.next().expect("there are as many people as places");
                (*person, self.instance.share(*person, ask))
            })
            .collect();
        crew.sort_unstable();
        crew
    }

    /// Returns what a crew costs for the task, up to a constant factor.
    fn cost(&self, way: &Way, crew: &[(u32, u32)]) -> i128 {
        let hours = i128::from(length(way.amount, units(crew)).0);
        let rate =
            |(person, units): &(u32, u32)| self.instance.people[*person as usize].rate * i128::from(*units);
        crew.iter().map(rate).sum::<i128>() * hours
    }
}

/// Returns all sets of different people for the places of `asks`, in the order of preference; none if they are too many.
fn all_crews(asks: &[Ask]) -> Option<Vec<Vec<u32>>> {
    let mut crews: Vec<Vec<u32>> = vec![Vec::new()];
    for ask in asks {
        let mut longer = Vec::new();
        for crew in &crews {
            choose(&ask.candidates, ask.count, crew.clone(), &mut longer);
            if longer.len() > CREWS_MAX {
                return None;
            }
        }
        crews = longer;
    }
    Some(crews)
}

/// Adds to `found` each way to add `count` of `candidates`, in their order, to `crew`; stops when there are too many.
fn choose(candidates: &[u32], count: usize, crew: Vec<u32>, found: &mut Vec<Vec<u32>>) {
    if count == 0 {
        found.push(crew);
        return;
    }
    for (at, person) in candidates.iter().enumerate() {
        if found.len() > CREWS_MAX || candidates.len() - at < count {
            return;
        }
        if !crew.contains(person) {
            let mut longer = crew.clone();
            longer.push(*person);
            choose(&candidates[at + 1..], count - 1, longer, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(candidates: &[u32], count: usize) -> Ask {
        Ask { candidates: candidates.to_vec(), count, units: 1_000 }
    }

    #[test]
    fn a_crew_has_different_people_in_order_of_preference() {
        let crews = all_crews(&[ask(&[2, 0, 1], 2), ask(&[0, 2], 1)]);
        assert_eq!(crews, Some(vec![vec![2, 1, 0], vec![0, 1, 2]]));
        assert_eq!(all_crews(&[ask(&[1], 2)]), Some(vec![]));
        assert_eq!(all_crews(&[ask(&(0..20).collect::<Vec<_>>(), 3)]), None);
    }
}
