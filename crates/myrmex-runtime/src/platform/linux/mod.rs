//! Linux: a zygote, reusable reapers that are child subreapers, and an epoll loop. See the parent module for the
//! promises and the picture.

mod changes;
mod launch;
mod processes;
mod reaper;
mod syscall;
mod tree;
mod volume;
mod wire;
mod zygote;

pub use changes::Changes;
pub use processes::{Processes, Waker};
pub use syscall::{memory_bytes, raise_open_files, return_memory};
pub use volume::{limits, volume_of};
pub use zygote::Zygote;
