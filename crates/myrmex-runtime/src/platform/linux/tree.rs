//! Ends whole process trees.
//!
//! Killing touches **direct children only**: their numbers cannot come to mean another process before this process
//! collects them. A subreaper inherits the children of every process that dies below it, so repeating that until there
//! are no children ends the whole tree, whatever it did with sessions, groups and double forks. A process that has
//! SIGKILL pending cannot fork, and a signal to a group reaches all of its members at one instant, so that even a group
//! that keeps forking has no survivor.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd;
use std::time::Duration;

use libc::pid_t;

use super::super::spec::Usage;
use super::syscall::{self, Reaped};

/// Orphans can fall to this process without any signal, when a process further down dies while a killed child hangs in
/// the kernel. Looking again this often bounds how long they live.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the processes of one attempt left behind.
pub(super) struct Tally {
    main: pid_t,
    /// The wait status of the main process, once it is dead.
    pub(super) main_status: Option<i32>,
    pub(super) usage: Usage,
}

impl Tally {
    pub(super) fn new(main: pid_t) -> Self {
        Self { main, main_status: None, usage: Usage::default() }
    }

    /// Collects all dead children; returns whether there are no children left.
    pub(super) fn collect(&mut self) -> bool {
        loop {
            match syscall::reap() {
                Reaped::Child { pid, wait_status, usage } => self.add(pid, wait_status, &usage),
                Reaped::NoneYet => return false,
                Reaped::NoChildren => return true,
            }
        }
    }

    /// Kills and collects children until there are none; returns whether there were any. It costs one call if not.
    pub(super) fn extinguish(&mut self) -> bool {
        let mut had_children = false;
        while !self.collect() {
            had_children = true;
            kill_children(|_| false);
            // Waiting cannot fail in a way that matters: the loop looks again either way.
            let _ = syscall::wait_event(None, 0, Some(LOOK_AGAIN));
        }
        had_children
    }

    fn add(&mut self, pid: pid_t, wait_status: i32, usage: &libc::rusage) {
        if pid == self.main {
            self.main_status = Some(wait_status);
        }
        let microseconds = |time: libc::timeval| unsigned(time.tv_sec) * 1_000_000 + unsigned(time.tv_usec);
        self.usage.user_us += microseconds(usage.ru_utime);
        self.usage.system_us += microseconds(usage.ru_stime);
        self.usage.rss_max_kib = self.usage.rss_max_kib.max(unsigned(usage.ru_maxrss));
        self.usage.in_blocks += unsigned(usage.ru_inblock);
        self.usage.out_blocks += unsigned(usage.ru_oublock);
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Sends SIGKILL to every direct child that is not spared, and to its process group.
pub(super) fn kill_children(is_spared: impl Fn(pid_t) -> bool) {
    let own_group = syscall::process_group(syscall::own_pid());
    let mut groups = BTreeSet::new();
    for child in children(syscall::own_pid()) {
        if is_spared(child) {
            continue;
        }
        // A task leads a session of its own and cannot join our group; the check costs nothing.
        let group = syscall::process_group(child).filter(|group| Some(*group) != own_group);
        if let Some(group) = group
            && groups.insert(group)
        {
            syscall::kill(-group, libc::SIGKILL);
        }
        syscall::kill(child, libc::SIGKILL);
    }
}

/// Returns whether this process has a child that is not spared.
pub(super) fn has_children(is_spared: impl Fn(pid_t) -> bool) -> bool {
    children(syscall::own_pid()).into_iter().any(|child| !is_spared(child))
}

/// Asks the tree of `main`, a direct child and session leader, to end: SIGTERM to its group and to every other
/// descendant, then SIGCONT so that stopped ones can follow.
pub(super) fn terminate(main: pid_t) {
    syscall::kill(-main, libc::SIGTERM);
    syscall::kill(-main, libc::SIGCONT);
    let own = syscall::own_pid();
    let mut seen = BTreeSet::from([own]);
    let mut parents = vec![own];
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            if !seen.insert(child) {
                continue;
            }
            parents.push(child);
            // A second SIGTERM means "at once" to many programs.
            if syscall::process_group(child) == Some(main) {
                continue;
            }
            // The number may have been given to a stranger by now. The handle pins whom we talk to; if that process has
            // one of our parents, it is ours.
            let Ok(handle) = syscall::open_process(child) else {
                continue;
            };
            if parent_of(child).is_some_and(|parent| seen.contains(&parent)) {
                syscall::signal_process(handle.as_fd(), libc::SIGTERM);
                syscall::signal_process(handle.as_fd(), libc::SIGCONT);
            }
        }
    }
}

/// Returns the children of a process. The kernel may miss some while they change, so callers look again.
fn children(pid: pid_t) -> Vec<pid_t> {
    let mut found = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return found;
    };
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => {
                found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<pid_t>().ok()));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && thread.path().exists() => {
                // A kernel without CONFIG_PROC_CHILDREN.
                return children_by_scan(pid);
            }
            Err(_) => {}
        }
    }
    found
}

fn children_by_scan(parent: pid_t) -> Vec<pid_t> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<pid_t>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: pid_t) -> Option<pid_t> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the parent is the second field after it.
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat[after_name + 1..].split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    str::from_utf8(fields.nth(1)?).ok()?.parse().ok()
}
