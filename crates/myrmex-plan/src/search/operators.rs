//! How new orders come from old ones. All keep every task behind those that bound it.

use super::draws::Draws;

/// Fills `child` with what `mother` has up to the place `first`, then from `father`'s order what is missing until there are `last`,
/// then the rest as in `mother`: two-point crossover of activity lists (Hartmann, "A competitive genetic algorithm for
/// resource-constrained project scheduling", 1998). Each task gets the mode of the one it came from.
pub(super) fn cross(
    (mother, mother_modes): (&[u32], &[u32]),
    (father, father_modes): (&[u32], &[u32]),
    (first, last): (usize, usize),
    is_taken: &mut Vec<bool>,
    child: &mut Vec<u32>,
    modes: &mut Vec<u32>,
) {
    is_taken.clear();
    is_taken.resize(mother.len(), false);
    child.clear();
    modes.clear();
    modes.extend_from_slice(mother_modes);
    child.extend_from_slice(&mother[..first]);
    child.iter().for_each(|task| is_taken[*task as usize] = true);
    for task in father {
        if child.len() >= last {
            break;
        }
        if !is_taken[*task as usize] {
            is_taken[*task as usize] = true;
            modes[*task as usize] = father_modes[*task as usize];
            child.push(*task);
        }
    }
    child.extend(mother.iter().filter(|task| !is_taken[**task as usize]));
}

/// Returns two places in order, the part between them from a quarter to three quarters of `count`.
pub(super) fn cut(draws: &mut Draws, count: usize) -> (usize, usize) {
    let length = count / 4 + draws.below(count / 2 + 1);
    let first = draws.below(count - length.min(count) + 1);
    (first, (first + length).min(count))
}
