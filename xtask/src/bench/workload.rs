//! The workloads, and how each contender is told of them in its own language.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// A graph of equal tasks.
#[derive(Debug)]
pub(super) struct Workload {
    /// The name under which the goals know it.
    pub(super) id: &'static str,
    /// What it consists of.
    pub(super) about: &'static str,
    /// Which edges it has.
    shape: Shape,
    /// What each task does.
    act: Act,
}

/// The shapes of graphs.
#[derive(Debug)]
enum Shape {
    /// Each task needs the one before.
    Chain(usize),
    /// One task, then so many beside each other, then one.
    FanOut(usize),
    /// So many tasks beside each other.
    Independent(usize),
    /// Layers of equal width; each task needs two of the layer before.
    Layers { layers: usize, width: usize },
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// `/bin/true`, which myrmex is told as a list of arguments.
    Nothing,
    /// `/bin/true`, which myrmex is told as text for a shell. (ninja always uses one, make where it has to.)
    NothingByShell,
    /// About a second of one core.
    Compute,
}

/// The program of [`Act::Compute`]: free of every character that one of the three languages treats as its own.
const FIB: &str = "f = lambda n: n if n < 2 else f(n - 1) + f(n - 2); f(33)";

/// Everything that is measured, in this order.
pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        id: "W6",
        about: "cold start: one /bin/true",
        shape: Shape::Independent(1),
        act: Act::Nothing,
    },
    Workload { id: "W1", about: "chain of 40 /bin/true", shape: Shape::Chain(40), act: Act::Nothing },
    Workload { id: "W2", about: "source, 400 /bin/true, join", shape: Shape::FanOut(400), act: Act::Nothing },
    Workload {
        id: "W2-sh",
        about: "W2, told to myrmex as text for sh -e",
        shape: Shape::FanOut(400),
        act: Act::NothingByShell,
    },
    Workload {
        id: "W3",
        about: "ten python tasks of fib(33)",
        shape: Shape::Independent(10),
        act: Act::Compute,
    },
    Workload {
        id: "W5",
        about: "10,000 /bin/true in layers of 100, two parents each",
        shape: Shape::Layers { layers: 100, width: 100 },
        act: Act::Nothing,
    },
];

/// Who runs the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contender {
    /// The release build of this repository.
    Myrmex,
    /// ninja.
    Ninja,
    /// GNU make.
    Make,
}

impl Contender {
    /// Every contender, in the order of a round.
    pub(super) const ALL: [Self; 3] = [Self::Myrmex, Self::Ninja, Self::Make];

    /// Returns the name of its program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Myrmex => "myrmex",
            Self::Ninja => "ninja",
            Self::Make => "make",
        }
    }

    /// Returns the name of the file it reads.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Myrmex => "workload.yaml",
            Self::Ninja => "build.ninja",
            Self::Make => "Makefile",
        }
    }
}

impl Workload {
    /// Returns the number of its tasks.
    pub(super) fn tasks(&self) -> usize {
        self.needs().len()
    }

    /// Returns what each task needs, by the numbers of tasks before it.
    fn needs(&self) -> Vec<Vec<usize>> {
        match self.shape {
            Shape::Chain(length) => {
                (0..length).map(|task| task.checked_sub(1).into_iter().collect()).collect()
            }
            Shape::FanOut(width) => {
                let mut needs = vec![Vec::new()];
                needs.extend((0..width).map(|_| vec![0]));
                needs.push((1..=width).collect());
                needs
            }
            Shape::Independent(count) => vec![Vec::new(); count],
            Shape::Layers { layers, width } => (0..layers * width)
                .map(|task| match (task / width).checked_sub(1) {
                    None => Vec::new(),
                    Some(above) => vec![above * width + task % width, above * width + (task + 1) % width],
                })
                .collect(),
        }
    }
}

/// Writes the workload into `folder` in the contender's language.
pub(super) fn write(
    workload: &Workload,
    contender: Contender,
    folder: &Path,
    python: &str,
) -> io::Result<()> {
    let text = match contender {
        Contender::Myrmex => yaml(workload, python),
        Contender::Ninja => ninja(workload, python),
        Contender::Make => makefile(workload, python),
    };
    fs::write(folder.join(contender.file()), text)
}

fn yaml(workload: &Workload, python: &str) -> String {
    let run = match workload.act {
        Act::Nothing => "{command: [/bin/true]}".to_owned(),
        Act::NothingByShell => "/bin/true".to_owned(),
        Act::Compute => format!("{{command: ['{python}', '-c', '{FIB}']}}"),
    };
    let mut text = format!("workflow: {}\ntasks:\n", workload.id.to_lowercase());
    for (task, needs) in workload.needs().iter().enumerate() {
        let _ = write!(text, "  t{task}:\n    run: {run}\n");
        if !needs.is_empty() {
            let _ = writeln!(text, "    needs: [{}]", names(needs, ", "));
        }
    }
    text
}

fn ninja(workload: &Workload, python: &str) -> String {
    let mut text = format!("rule act\n  command = {}\n", shell(workload, python));
    for (task, needs) in workload.needs().iter().enumerate() {
        let _ = writeln!(text, "build t{task}: act {}", names(needs, " "));
    }
    text
}

fn makefile(workload: &Workload, python: &str) -> String {
    let needs = workload.needs();
    let all: Vec<usize> = (0..needs.len()).collect();
    let act = shell(workload, python);
    let mut text = format!("all: {}\n", names(&all, " "));
    for (task, needs) in needs.iter().enumerate() {
        let _ = write!(text, "t{task}: {}\n\t@{act}\n", names(needs, " "));
    }
    text
}

fn shell(workload: &Workload, python: &str) -> String {
    match workload.act {
        Act::Nothing | Act::NothingByShell => "/bin/true".to_owned(),
        Act::Compute => format!("{python} -c '{FIB}'"),
    }
}

fn names(tasks: &[usize], separator: &str) -> String {
    tasks.iter().map(|task| format!("t{task}")).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(shape: Shape) -> Workload {
        Workload { id: "W0", about: "", shape, act: Act::Nothing }
    }

    #[test]
    fn shapes_have_the_edges_they_are_named_for() {
        assert_eq!(workload(Shape::Chain(3)).needs(), [vec![], vec![0], vec![1]]);
        assert_eq!(workload(Shape::FanOut(2)).needs(), [vec![], vec![0], vec![0], vec![1, 2]]);
        let layers = workload(Shape::Layers { layers: 2, width: 2 });
        assert_eq!(layers.needs(), [vec![], vec![], vec![0, 1], vec![1, 0]]);
    }

    #[test]
    fn each_contender_is_told_the_same_graph() {
        let chain = workload(Shape::Chain(2));
        let yaml_text = "workflow: w0\ntasks:\n  t0:\n    run: {command: [/bin/true]}\n  t1:\n    run: {command: [/bin/true]}\n    needs: [t0]\n";
        assert_eq!(yaml(&chain, "python3"), yaml_text);
        assert_eq!(
            ninja(&chain, "python3"),
            "rule act\n  command = /bin/true\nbuild t0: act \nbuild t1: act t0\n"
        );
        assert_eq!(makefile(&chain, "python3"), "all: t0 t1\nt0: \n\t@/bin/true\nt1: t0\n\t@/bin/true\n");
    }

    #[test]
    fn the_large_workload_has_ten_thousand_tasks() {
        assert_eq!(WORKLOADS.iter().map(Workload::tasks).max(), Some(10_000));
    }
}
