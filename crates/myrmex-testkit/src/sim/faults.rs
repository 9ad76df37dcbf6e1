//! What goes wrong in a simulation beside commits and reads: the process dies, people change their minds, the clock is
//! set, the disk is slow, the worker stands still, the network is cut, and reports come back that were heard long ago.

use std::sync::atomic::Ordering;

use myrmex_runtime::worker::{Assignment, Report, Said};

use super::CANCELLER;
use super::network::Quality;
use super::planted::Planted;
use super::world::World;

/// The longest that the disk is slow or the worker stands still, in things that happen meanwhile.
const SPELL_MAX: u64 = 40;

/// The most reports that are kept to be delivered once more.
const ECHOES_MAX: usize = 20;

/// What is wrong for a while.
#[derive(Debug, Default)]
pub(super) struct Weather {
    slow: u64,
    frozen: u64,
    /// How many runs are taken up first by the process to come, if not all.
    few: u64,
    /// Reports that were heard, as a network may deliver them again.
    echoes: Vec<Report>,
}

impl Weather {
    /// Lets a moment pass.
    pub(super) fn pass(&mut self) {
        self.slow = self.slow.saturating_sub(1);
        self.frozen = self.frozen.saturating_sub(1);
    }

    /// Whether a commit that is under way stays so.
    pub(super) fn is_disk_slow(&self) -> bool {
        self.slow > 0
    }

    /// Takes how many runs are to be taken up now, if not all.
    pub(super) fn take_few(&mut self) -> Option<usize> {
        usize::try_from(std::mem::take(&mut self.few)).ok().filter(|few| *few > 0)
    }

    /// Whether the worker neither hears nor does nor says anything.
    pub(super) fn is_worker_frozen(&self) -> bool {
        self.frozen > 0
    }

    /// Forgets the reports that were kept.
    pub(super) fn forget(&mut self) {
        self.echoes.clear();
    }

    /// Keeps a report that was heard.
    pub(super) fn keep(&mut self, said: &Said) {
        if let (Said::Report(report), true) = (said, self.echoes.len() < ECHOES_MAX) {
            self.echoes.push(report.as_ref().clone());
        }
    }
}

impl World {
    /// Lets something go wrong, sometimes.
    pub(super) fn meddle(&mut self) -> bool {
        let cases = 1_000 * self.pace();
        let drawn = cases - 1 - self.random.below(cases);
        let is_fragile = self.is_working() || self.is_recovering();
        match drawn {
            0..=24 if is_fragile || self.random.permille(300) => self.crash(),
            25..=29 => self.change_a_mind(),
            30..=34 => self.set_the_clock(),
            35..=44 => self.disk.sync(),
            45..=74 if self.planted == Some(Planted::NoFencing) => self.deliver_late(),
            75..=84 => {
                self.weather.slow = 1 + self.random.below(SPELL_MAX);
                self.counts.slow_disks += 1;
            }
            85..=94 => {
                self.weather.frozen = 1 + self.random.below(SPELL_MAX);
                self.counts.frozen_workers += 1;
            }
            95..=114 if !self.weather.echoes.is_empty() => self.echo(),
            115..=117 => self.tell(|partition| partition.ear().hear(Said::Broken("it broke".into()))),
            118..=121 => self.tell(|partition| partition.interrupter().interrupt()),
            122..=136 if self.quality.is_cut => self.cut(),
            207..=286 if self.quality.is_cut && self.may_lose() => self.cut(),
            142..=161 if self.is_recovering() => self.crash(),
            162..=191 => return self.retry(),
            192..=201 if !self.is_recovering() => self.resume(),
            202..=206 => {
                self.weather.few = 1 + self.random.below(3);
                self.crash();
            }
            500..=530 if self.is_zombie_there() => self.wake_zombie(),
            _ => return false,
        }
        true
    }

    fn change_a_mind(&mut self) {
        let index = self.random.below(self.clients.len() as u64);
        let client = &mut self.clients[usize::try_from(index).expect("it is small")];
        if client.is_cancelled {
            // Who cancels again means it: what the first cancel spares ends too. Nobody waits for the answer.
            let run = client.run;
            self.tell(|partition| drop(partition.cancel_run(run, CANCELLER, "now")));
        } else {
            client.wants_cancel |= client.is_acknowledged;
            client.is_cancelled |= client.wants_cancel && self.planted == Some(Planted::CancelRace);
        }
    }

    /// The wall clock is set, back or forth by up to half a day.
    fn set_the_clock(&mut self) {
        let step = i64::try_from(self.random.below(86_400_000)).expect("it is small");
        let step = if step % 2 == 0 { step / 2 } else { -step / 2 };
        self.now.fetch_add(step * 1_000_000, Ordering::Relaxed);
        self.counts.clock_jumps += 1;
    }

    /// Whether something is under way between the partitions and their worker that may be lost.
    fn may_lose(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.network.may_lose())
    }

    /// The network lets nothing pass for a while.
    fn cut(&mut self) {
        if let Some(process) = &mut self.process {
            process.network.cut(&mut self.random, &mut self.counts.traffic);
        }
    }

    /// A report arrives once more, maybe of a process that is long dead.
    fn echo(&mut self) {
        let index = self.random.below(self.weather.echoes.len() as u64);
        let report = self.weather.echoes.swap_remove(usize::try_from(index).expect("it is small"));
        self.counts.echoes += 1;
        self.tell(|partition| partition.ear().hear(Said::Report(Box::new(report))));
    }

    /// A report of a dead worker arrives; the planted bug takes it for one of the attempt that is open now.
    fn deliver_late(&mut self) {
        let Some(process) = &mut self.process else { return };
        for mut report in std::mem::take(&mut self.late) {
            let is_open = |open: &&Assignment| open.run == report.run && open.task == report.task;
            if let Some(open) = process.hands.running().find(is_open) {
                (report.token, report.attempt) = (open.token, open.attempt);
                process.partitions.ear().hear(Said::Report(Box::new(report)));
            }
        }
    }

    /// From now on nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        self.disk.heal();
        self.zombie = None;
        self.weather = Weather::default();
        self.quality = Quality::default();
        if let Some(process) = &mut self.process
            && process.network.heal(&mut self.random, &mut self.counts.traffic)
        {
            self.reconnect();
        }
        // What could not be read when it was taken up is taken up now.
        self.resume();
    }
}
