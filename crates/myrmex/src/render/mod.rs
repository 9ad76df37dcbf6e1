//! What people and scripts see.

pub mod analyzed;
pub mod diagnostics;
pub mod event;
pub mod exported;
pub mod failures;
pub mod graph;
pub mod held_up;
pub mod imported;
pub mod items;
pub mod live;
pub mod measured;
pub mod origin;
pub mod outline;
pub mod plan;
pub mod remaining;
pub mod screen;
pub mod standing;
pub mod summary;
pub mod table;
pub mod task_path;
pub mod time;
pub mod waits;
pub mod watch;
