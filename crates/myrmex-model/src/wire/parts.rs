//! What events and messages are made of, as maps of CBOR with small numbers as keys.
//!
//! As in an event, a key is never used again for something else, what is not known is passed over, and what is absent has
//! the value that is said here.
//!
//! | map | keys |
//! |---|---|
//! | fault | 0 kind, a number or an author's own text · 1 status, absent if it is that of the kind · 2 title · 3 detail · 4 exit code · 5 task |
//! | report | 0 end: 0 succeeded, 1 failed, 2 timed out, 3 stopped, 4 lost · 1 output · 2 fault · 3 reason · 4 the watcher alone was lost · 5 process id · 6 exit code · 7 signal · 8 has leftovers · 9 artifacts · 10 cached: 0 run, 1 task · 11 unkept · 12 usage |
//! | parent | 0 run · 1 task · 2 depth · 3 nobody waits for it |
//! | retry | 0 run · 1 attempt · 2 what is taken |
//! | taken | 0 run · 1 status, absent if it is `succeeded` · 2 output · 3 vars · 4 fault · 5 attempts · 6 started · 7 finished · 8 artifacts · 9 case · 10 items: 0 list, 1 count, 2 keys |
//!
//! Usage is a list of wall, user and system time in microseconds, peak memory in KiB, and blocks in and out; zeros at its end
//! are left out, and so is a list of nothing else.

use super::WireError;
use super::cbor::{Fields, Reader};
use super::numbers;
use crate::address::Address;
use crate::event::Parent;
use crate::fault::{Fault, FaultKind};
use crate::id::{RunId, ValueHash};
use crate::name::Name;
use crate::outcome::{AttemptEnd, AttemptReport, Loss, Origin, ProcessExit, Usage};
use crate::retry::{Items, Retry, Taken};
use crate::status::Status;
use crate::time::Timestamp;

impl Fields {
    pub(super) fn value(&mut self, key: u8, hash: Option<ValueHash>) {
        if let Some(hash) = hash {
            self.bytes(key, &hash.0);
        }
    }

    pub(super) fn address(&mut self, key: u8, address: &Address) {
        self.text(key, address.as_str());
    }

    pub(super) fn fault(&mut self, key: u8, fault: &Fault) {
        let Fault { kind, status, title, detail, exit_code, task } = fault;
        self.map(key, |to| {
            match numbers::of_fault(kind) {
                Some(number) => to.unsigned(0, number),
                None => to.text(0, kind.as_str()),
            }
            if *status != kind.status() {
                to.unsigned(1, *status);
            }
            to.text(2, title);
            to.optional_text(3, detail.as_deref());
            if let Some(code) = exit_code {
                to.signed(4, *code);
            }
            to.optional_text(5, task.as_deref());
        });
    }

    pub(super) fn optional_text(&mut self, key: u8, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    pub(super) fn optional_number(&mut self, key: u8, number: Option<u32>) {
        if let Some(number) = number {
            self.unsigned(key, number);
        }
    }

    fn instant(&mut self, key: u8, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.signed(key, at.0);
        }
    }

    pub(super) fn parent(&mut self, key: u8, Parent { run, task, depth, is_awaited }: &Parent) {
        self.map(key, |to| {
            to.bytes(0, &run.0);
            to.address(1, task);
            to.unsigned(2, *depth);
            to.flag(3, !is_awaited);
        });
    }

    pub(super) fn retry(&mut self, key: u8, Retry { of, attempt, taken }: &Retry) {
        self.map(key, |to| {
            to.bytes(0, &of.0);
            to.unsigned(1, *attempt);
            to.bytes(2, &taken.0);
        });
    }

    pub(super) fn report(&mut self, key: u8, report: &AttemptReport) {
        let AttemptReport { end, usage, pid, exit, has_leftovers, artifacts, cached, unkept } = report;
        self.map(key, |to| {
            to.end(end);
            to.optional_number(5, *pid);
            match exit {
                Some(ProcessExit::Code(code)) => to.signed(6, *code),
                Some(ProcessExit::Signal(signal)) => to.signed(7, *signal),
                None => {}
            }
            to.flag(8, *has_leftovers);
            to.value(9, *artifacts);
            if let Some(Origin { run, task }) = cached.as_deref() {
                to.map(10, |to| {
                    to.bytes(0, &run.0);
                    to.address(1, task);
                });
            }
            if !unkept.is_empty() {
                to.texts(11, unkept.iter().map(String::as_str));
            }
            let Usage { wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out } = usage;
            let all = [*wall_us, *user_us, *system_us, *rss_max_kib, *blocks_in, *blocks_out];
            if let Some(last) = all.iter().rposition(|number| *number > 0) {
                to.numbers(12, &all[..=last]);
            }
        });
    }

    fn end(&mut self, end: &AttemptEnd) {
        match end {
            AttemptEnd::Succeeded { output } => {
                self.unsigned(0, 0_u8);
                self.bytes(1, &output.0);
            }
            AttemptEnd::Failed { fault } => {
                self.unsigned(0, 1_u8);
                self.fault(2, fault);
            }
            AttemptEnd::TimedOut { fault } => {
                self.unsigned(0, 2_u8);
                self.fault(2, fault);
            }
            AttemptEnd::Stopped => self.unsigned(0, 3_u8),
            AttemptEnd::Lost { loss, reason } => {
                self.unsigned(0, 4_u8);
                self.text(3, reason);
                self.flag(4, *loss == Loss::Watcher);
            }
        }
    }

    pub(super) fn taken(&mut self, key: u8, taken: &Taken) {
        let Taken { from, status, output, vars, fault, attempts, started, finished, artifacts, case, items } =
            taken;
        self.map(key, |to| {
            to.bytes(0, &from.0);
            if *status != Status::Succeeded {
                to.unsigned(1, numbers::of_status(*status));
            }
            to.value(2, *output);
            to.value(3, *vars);
            if let Some(fault) = fault {
                to.fault(4, fault);
            }
            to.unsigned(5, *attempts);
            to.instant(6, *started);
            to.instant(7, *finished);
            to.value(8, *artifacts);
            to.optional_number(9, *case);
            if let Some(Items { list, count, keys }) = items {
                to.map(10, |to| {
                    to.bytes(0, &list.0);
                    to.unsigned(1, *count);
                    if let Some(keys) = keys {
                        to.texts(2, keys.iter().map(String::as_str));
                    }
                });
            }
        });
    }
}

impl Reader<'_> {
    pub(super) fn value(&mut self) -> Result<ValueHash, WireError> {
        self.array().map(ValueHash)
    }

    pub(super) fn run(&mut self) -> Result<RunId, WireError> {
        self.array().map(RunId)
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, WireError> {
        self.i64().map(Timestamp)
    }

    pub(super) fn address(&mut self) -> Result<Address, WireError> {
        let text = self.text()?;
        Address::parse(text).map_err(|_| self.wrong("no address"))
    }

    pub(super) fn name(&mut self) -> Result<Name, WireError> {
        let text = self.text()?;
        Name::new(text).map_err(|_| self.wrong("no name"))
    }

    pub(super) fn status(&mut self) -> Result<Status, WireError> {
        let number = self.u64()?;
        numbers::status(number).ok_or_else(|| self.wrong("an unknown status"))
    }

    fn i32(&mut self) -> Result<i32, WireError> {
        let number = self.i64()?;
        i32::try_from(number).map_err(|_| self.wrong("a number that is too large"))
    }

    /// Returns what a field must say, or the error that it does not.
    pub(super) fn found<T>(&self, field: Option<T>, name: &str) -> Result<T, WireError> {
        field.ok_or_else(|| self.wrong(&format!("`{name}` is missing")))
    }

    pub(super) fn fault(&mut self) -> Result<Fault, WireError> {
        let (mut kind, mut status, mut title) = (None, None, None);
        let (mut detail, mut exit_code, mut task) = (None, None, None);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => kind = Some(self.fault_kind()?),
                1 => status = Some(self.small()?),
                2 => title = Some(self.string()?),
                3 => detail = Some(self.string()?),
                4 => exit_code = Some(self.i32()?),
                5 => task = Some(self.string()?),
                _ => self.skip()?,
            }
        }
        let kind = self.found(kind, "kind")?;
        let title = self.found(title, "title")?;
        Ok(Fault { status: status.unwrap_or_else(|| kind.status()), kind, title, detail, exit_code, task })
    }

    fn fault_kind(&mut self) -> Result<FaultKind, WireError> {
        if self.is_text_next() {
            return self.text().map(FaultKind::from_text);
        }
        let number = self.u64()?;
        numbers::fault(number).ok_or_else(|| self.wrong("an unknown kind of error"))
    }

    pub(super) fn parent(&mut self) -> Result<Parent, WireError> {
        let (mut run, mut task, mut depth, mut is_detached) = (None, None, None, false);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => run = Some(self.run()?),
                1 => task = Some(self.address()?),
                2 => depth = Some(self.small()?),
                3 => is_detached = self.flag()?,
                _ => self.skip()?,
            }
        }
        Ok(Parent {
            run: self.found(run, "run")?,
            task: self.found(task, "task")?,
            depth: self.found(depth, "depth")?,
            is_awaited: !is_detached,
        })
    }

    pub(super) fn retry(&mut self) -> Result<Retry, WireError> {
        let (mut of, mut attempt, mut taken) = (None, None, None);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => of = Some(self.run()?),
                1 => attempt = Some(self.small()?),
                2 => taken = Some(self.value()?),
                _ => self.skip()?,
            }
        }
        Ok(Retry {
            of: self.found(of, "run")?,
            attempt: self.found(attempt, "attempt")?,
            taken: self.found(taken, "taken")?,
        })
    }

    pub(super) fn report(&mut self) -> Result<AttemptReport, WireError> {
        let (mut end, mut output, mut fault, mut reason, mut loss) = (None, None, None, None, Loss::Worker);
        let mut report = AttemptReport::of(AttemptEnd::Stopped);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => end = Some(self.u64()?),
                1 => output = Some(self.value()?),
                2 => fault = Some(self.fault()?),
                3 => reason = Some(self.string()?),
                4 => loss = if self.flag()? { Loss::Watcher } else { Loss::Worker },
                5 => report.pid = Some(self.small()?),
                6 => report.exit = Some(ProcessExit::Code(self.i32()?)),
                7 => report.exit = Some(ProcessExit::Signal(self.i32()?)),
                8 => report.has_leftovers = self.flag()?,
                9 => report.artifacts = Some(self.value()?),
                10 => report.cached = Some(Box::new(self.origin()?)),
                11 => report.unkept = self.texts()?,
                12 => report.usage = self.usage()?,
                _ => self.skip()?,
            }
        }
        report.end = match self.found(end, "end")? {
            0 => AttemptEnd::Succeeded { output: self.found(output, "output")? },
            1 => AttemptEnd::Failed { fault: self.found(fault, "fault")? },
            2 => AttemptEnd::TimedOut { fault: self.found(fault, "fault")? },
            3 => AttemptEnd::Stopped,
            4 => AttemptEnd::Lost { loss, reason: self.found(reason, "reason")? },
            _ => return Err(self.wrong("an unknown end of an attempt")),
        };
        Ok(report)
    }

    fn origin(&mut self) -> Result<Origin, WireError> {
        let (mut run, mut task) = (None, None);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => run = Some(self.run()?),
                1 => task = Some(self.address()?),
                _ => self.skip()?,
            }
        }
        Ok(Origin { run: self.found(run, "run")?, task: self.found(task, "task")? })
    }

    fn usage(&mut self) -> Result<Usage, WireError> {
        let count = self.list()?;
        let mut all = [0; 6];
        for place in 0..count {
            match all.get_mut(place) {
                Some(number) => *number = self.u64()?,
                None => self.skip()?,
            }
        }
        let [wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out] = all;
        Ok(Usage { wall_us, user_us, system_us, rss_max_kib, blocks_in, blocks_out })
    }

    pub(super) fn taken(&mut self) -> Result<Taken, WireError> {
        let (mut from, mut attempts) = (None, None);
        let mut status = Status::Succeeded;
        let (mut output, mut vars, mut fault) = (None, None, None);
        let (mut started, mut finished, mut artifacts) = (None, None, None);
        let (mut case, mut items) = (None, None);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => from = Some(self.run()?),
                1 => status = self.status()?,
                2 => output = Some(self.value()?),
                3 => vars = Some(self.value()?),
                4 => fault = Some(Box::new(self.fault()?)),
                5 => attempts = Some(self.small()?),
                6 => started = Some(self.instant()?),
                7 => finished = Some(self.instant()?),
                8 => artifacts = Some(self.value()?),
                9 => case = Some(self.small()?),
                10 => items = Some(self.items()?),
                _ => self.skip()?,
            }
        }
        let (from, attempts) = (self.found(from, "run")?, self.found(attempts, "attempts")?);
        Ok(Taken { from, status, output, vars, fault, attempts, started, finished, artifacts, case, items })
    }

    fn items(&mut self) -> Result<Items, WireError> {
        let (mut list, mut count, mut texts) = (None, None, None);
        let mut keys = self.map()?;
        while let Some(key) = keys.next(self)? {
            match key {
                0 => list = Some(self.value()?),
                1 => count = Some(self.small()?),
                2 => texts = Some(self.texts()?),
                _ => self.skip()?,
            }
        }
        let (list, count) = (self.found(list, "list")?, self.found(count, "count")?);
        Ok(Items { list, count, keys: texts })
    }
}
