//! The one module that owns the operating system: it starts processes, streams what they print, ends whole process
//! trees and tells how they ended.
//!
//! It knows no task, run or store; the worker above turns its events into outcomes. It promises:
//!
//! - When [`ProcessEvent::Ended`] is delivered, no descendant of the process is alive any more, daemons that left the
//!   session included, and every byte they wrote has been delivered.
//! - When this process dies, by `kill -9` too, every tree it started is killed at once.
//! - A file given to [`Zygote::hold`] stays open until the last of these trees is gone, so a lock on it proves that.
//!
//! ```text
//! this process ──one socket per reaper: start, stop, kill ► ◄ status──┐
//!   │  └─ seqpacket: fork, hold ► ◄ lost                              │
//!   └── zygote ─fork─► reaper (child subreaper, reused) ◄─────────────┘
//!                        └── task, leader of its own session ── its descendants
//! ```
//!
//! The zygote is forked before any thread exists, so forking from it is cheap and safe. A reaper serves one attempt at
//! a time and is reused when its tree is gone, so a steady stream of attempts costs one `vfork`, one `exec` and no fork.
//! The end of a socket is how either side learns of the other's death, so nobody polls for it; and no signal is sent to
//! a number that may have come to mean another process.
//!
//! ```standalone_crate
//! use myrmex_runtime::platform::{Exit, ProcessEvent, ProcessId, ProcessSpec, Processes, Zygote};
//!
//! fn main() -> std::io::Result<()> {
//!     let mut processes = Processes::new(Zygote::fork()?)?;
//!     let spec = ProcessSpec {
//!         argv: vec!["echo".into(), "hello".into()],
//!         env: Vec::new(),
//!         env_remove: Vec::new(),
//!         script: None,
//!         workdir: "/".into(),
//!         timeout: None,
//!         grace: std::time::Duration::from_secs(5),
//!     };
//!     processes.start(ProcessId(1), &spec)?;
//!     let mut printed = Vec::new();
//!     while processes.running() > 0 {
//!         processes.poll(None, &mut |event| match event {
//!             ProcessEvent::Output { bytes, .. } => printed.extend_from_slice(bytes),
//!             ProcessEvent::Ended { end, .. } => assert_eq!(end.exit, Exit::Code(0)),
//!             ProcessEvent::Woken | ProcessEvent::Broken => {}
//!         })?;
//!     }
//!     assert_eq!(printed, b"hello\n");
//!     Ok(())
//! }
//! ```
//!
//! The types in `spec` are portable. Linux is the only implementation so far; macOS could follow with the same types,
//! without the promise about daemons, because it has no child subreaper.

mod spec;

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::{
    Changes, Processes, Waker, Zygote, limits, memory_bytes, raise_open_files, return_memory, volume_of,
};
pub use spec::{
    Exit, FileSystem, Finish, Limits, ProcessEnd, ProcessEvent, ProcessId, ProcessSpec, SCRIPT_PATH, Stage,
    Stream, Usage, Volume,
};

#[cfg(not(target_os = "linux"))]
compile_error!("the process layer is written for Linux only; add a sibling of `platform/linux`");
