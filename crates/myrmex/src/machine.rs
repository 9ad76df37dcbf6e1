//! What this machine has for the local worker: its labels, its cores and its memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::OnceLock;

use myrmex_model::demand::{CPU, MEMORY};
use myrmex_model::name::Name;
use myrmex_runtime::partition::Supply;
use myrmex_runtime::platform::memory_bytes;

use crate::settings::Settings;

/// Returns what the workspace has to give: what the settings say, and what the machine has where they say nothing.
pub(crate) fn supply(settings: &Settings) -> Supply {
    let mut labels = own_labels();
    labels.extend(settings.worker.labels.iter().flatten().cloned());
    let mut resources = own_resources();
    resources.extend(settings.worker.resources.iter().map(|(name, amount)| (name.clone(), *amount)));
    Supply { pools: settings.pools.clone(), labels, resources }
}

/// Returns the names of the operating system, the architecture and the host.
fn own_labels() -> BTreeSet<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    [std::env::consts::OS.to_owned(), std::env::consts::ARCH.to_owned()].into_iter().chain(host).collect()
}

/// Returns the cores and the memory, as far as the system tells.
fn own_resources() -> BTreeMap<Name, u64> {
    let name = |text: &str| Name::new(text).expect("it is a name");
    let mut resources = BTreeMap::from([(name(CPU), u64::from(cores()) * 1_000)]);
    if let Some(bytes) = memory_bytes() {
        resources.insert(name(MEMORY), bytes);
    }
    resources
}

/// Returns how many cores this process may use; one where the system does not tell. It is asked once: the answer is put together
/// from many files.
pub(crate) fn cores() -> u32 {
    static CORES: OnceLock<u32> = OnceLock::new();
    let ask = || std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok());
    *CORES.get_or_init(|| ask().unwrap_or(1))
}
