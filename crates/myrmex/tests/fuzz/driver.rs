//! Feeds one target: bounds, time of each input, and what to keep of it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::mutate::Mutator;
use crate::targets::Target;

/// The longest that one input may take of a core, so that a busy machine changes nothing. A target reads an input up to
/// four times. What hangs is ended by whoever started the process.
const INPUT_TIME_MAX: Duration = Duration::from_secs(5);

/// What reading an input may take beyond what the process has before.
const MEMORY_MAX: u64 = 512 << 20;

/// How a target is fed.
pub(crate) struct Setting {
    /// Where the mutations begin.
    pub(crate) seed: u64,
    /// How long.
    pub(crate) time: Duration,
    /// The one input to run, instead of mutations.
    pub(crate) only: Option<PathBuf>,
}

/// Returns where the input under way is kept.
pub(crate) fn input_file(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{target}.input"))
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/fuzz").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Runs inputs on a thread with the stack that the product promises, until the time is over.
pub(crate) fn feed(target: &'static Target, setting: &Setting) {
    let inputs = match &setting.only {
        Some(file) => vec![fs::read(file).unwrap()],
        None => seeds(target.name),
    };
    let is_single = setting.only.is_some();
    let (seed, time) = (setting.seed, setting.time);
    let worker = std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES).spawn(move || {
        bound_memory();
        let begun = Instant::now();
        let mut slowest = Duration::ZERO;
        let mut count = 0_u64;
        let mut run = |input: &[u8]| {
            let started = time_of_thread();
            (target.read)(input);
            let took = time_of_thread().saturating_sub(started);
            assert!(took < INPUT_TIME_MAX, "an input of {} bytes took {took:?}", input.len());
            slowest = slowest.max(took);
            count += 1;
        };
        if is_single {
            for input in &inputs {
                run(input);
            }
        } else {
            let kept = input_file(target.name);
            let mut mutator = Mutator::new(seed, inputs, target.words);
            while begun.elapsed() < time {
                let input = mutator.next();
                fs::write(&kept, input).unwrap();
                run(input);
            }
        }
        println!("{}: {count} inputs, the slowest took {slowest:?}", target.name);
    });
    worker.unwrap().join().expect("no input may panic");
}

/// Lets this process take no more than [`MEMORY_MAX`] of further address space: more ends it.
#[expect(unsafe_code, reason = "the standard library cannot set limits of a process")]
fn bound_memory() {
    let pages: u64 =
        fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = pages * 4096 + MEMORY_MAX;
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: the pointer is to a local that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

/// Returns how much time of a core this thread has taken.
#[expect(unsafe_code, reason = "the standard library knows no clock of a thread")]
fn time_of_thread() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local that outlives the call.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}
