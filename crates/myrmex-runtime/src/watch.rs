//! The watched pool: jq programs run on threads of their own, and one that does not end in time is given up.
//!
//! A program ends by its fuel, but nothing can interrupt one call inside of the jq library. So whoever asks waits for the
//! answer no longer than the deadline; after it the thread is left to itself, replaced, and counted until it ends. What
//! this module does not do: it bounds no memory. The prices of programs do, see `myrmex_expr`.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use myrmex_expr::{JqAnswer, JqJob, JqRunner, JqTrouble, STACK_BYTES};

/// Threads kept for the next program. A partition evaluates one expression at a time; more belong to further partitions.
const IDLE_MAX: usize = 4;

/// A pool of threads for jq programs; cheap to clone.
#[derive(Clone)]
pub struct Watch {
    pool: Arc<Pool>,
    deadline: Duration,
    /// With more lost threads than this no program is run.
    lost_max: u32,
}

struct Pool {
    /// Threads that wait for work. A thread ends when its sender is dropped.
    idle: Mutex<Vec<Sender<Work>>>,
    /// Threads that were given up and have not ended since.
    lost: AtomicU32,
}

type Work = Box<dyn FnOnce() + Send>;

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("deadline", &self.deadline)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

impl JqRunner for Watch {
    fn run(&mut self, job: JqJob) -> Result<JqAnswer, JqTrouble> {
        self.perform(move || job.run())
    }
}

impl Watch {
    /// Builds a pool without threads; they are started when they are needed.
    pub fn new(deadline: Duration, lost_max: u32) -> Self {
        let pool = Pool { idle: Mutex::new(Vec::new()), lost: AtomicU32::new(0) };
        Self { pool: Arc::new(pool), deadline, lost_max }
    }

    /// Returns how many threads were given up and still run.
    pub fn lost(&self) -> u32 {
        self.pool.lost.load(Ordering::SeqCst)
    }

    /// Carries out `work` on a thread of the pool and waits for it, but not beyond the deadline.
    fn perform<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JqTrouble> {
        let lost = self.lost();
        if lost > self.lost_max {
            return Err(JqTrouble::Lost { lost, lost_max: self.lost_max });
        }
        let thread = self.pool.thread()?;
        let (answer, answered) = sync_channel(1);
        let is_settled = Arc::new(AtomicBool::new(false));
        let ending = Ending { pool: Arc::clone(&self.pool), is_settled: Arc::clone(&is_settled) };
        let work = Box::new(move || {
            let value = work();
            drop(ending);
            // Nobody waits for it after the deadline.
            drop(answer.send(value));
        });
        thread.send(work).map_err(|_| JqTrouble::Broken)?;
        let value = match answered.recv_timeout(self.deadline) {
            Err(RecvTimeoutError::Timeout) => {
                // Counted before it is settled, so that a thread that ends now finds itself counted.
                self.pool.lost.fetch_add(1, Ordering::SeqCst);
                if !is_settled.swap(true, Ordering::SeqCst) {
                    let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
                    return Err(JqTrouble::Deadline { deadline_ms });
                }
                self.pool.lost.fetch_sub(1, Ordering::SeqCst);
                answered.recv().map_err(|_| JqTrouble::Broken)?
            }
            Err(RecvTimeoutError::Disconnected) => return Err(JqTrouble::Broken),
            Ok(value) => value,
        };
        self.pool.keep(thread);
        Ok(value)
    }
}

impl Pool {
    /// Returns a thread that waits for work.
    fn thread(&self) -> Result<Sender<Work>, JqTrouble> {
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(idle);
        }
        let (thread, orders) = channel::<Work>();
        let builder = std::thread::Builder::new().name("jq".into()).stack_size(STACK_BYTES);
        let started = builder.spawn(move || orders.into_iter().for_each(|work| work()));
        started.map(|_| thread).map_err(|_| JqTrouble::NoThread)
    }

    fn keep(&self, thread: Sender<Work>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(thread);
        }
    }
}

/// Settles a piece of work when it ends, by a panic too: a thread that was given up is lost no longer.
struct Ending {
    pool: Arc<Pool>,
    is_settled: Arc<AtomicBool>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.is_settled.swap(true, Ordering::SeqCst) {
            self.pool.lost.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use myrmex_expr::Evaluator;
    use myrmex_model::template::Expr;
    use serde_json::json;

    use super::*;

    /// Soon over, whatever else the machine does.
    const SHORT: Duration = Duration::from_millis(1);

    const LOST_MAX: u32 = 2;

    /// Never over.
    const LONG: Duration = Duration::from_hours(1);

    #[test]
    fn a_program_runs_on_a_thread_of_the_pool() {
        let watch = Watch::new(LONG, LOST_MAX);
        let mut evaluator = Evaluator::with_jq(Box::new(watch.clone()));
        let expr = Expr::jinja("x | jq('[.[] | . + 1]')");
        for _ in 0..3 {
            let value = evaluator.value(&expr, &mut |_| Some(json!([1, 2])));
            assert_eq!(value.unwrap(), json!([2, 3]));
        }
        assert_eq!(watch.pool.idle.lock().unwrap().len(), 1);
        assert_eq!(watch.lost(), 0);
    }

    #[test]
    fn a_program_beyond_its_deadline_is_an_error_that_names_the_limit() {
        let watch = Watch::new(SHORT, LOST_MAX);
        let (go, gone) = channel::<()>();
        let trouble = watch.perform(move || gone.recv().is_ok()).unwrap_err();
        let message = "the program did not end within the limit `expressions.jq_deadline` of 1 ms";
        assert_eq!(trouble.to_string(), message);
        assert_eq!(watch.lost(), 1);
        drop(go);
    }

    #[test]
    fn more_lost_threads_than_the_limit_stop_every_further_program_until_they_end() {
        let watch = Watch::new(SHORT, LOST_MAX);
        let gates: Vec<Sender<()>> = (0..=LOST_MAX)
            .map(|_| {
                let (go, gone) = channel();
                assert!(watch.perform(move || gone.recv().is_ok()).is_err());
                go
            })
            .collect();
        let mut evaluator = Evaluator::with_jq(Box::new(watch.clone()));
        let error = evaluator.value(&Expr::jinja("1 | jq('.')"), &mut |_| None).unwrap_err();
        let message = "`jq`: no program is run: 3 earlier ones did not end in time and still run, the limit `expressions.jq_lost` is 2";
        assert_eq!(error.to_string(), message);
        drop(gates);
        while watch.lost() > 0 {
            std::thread::yield_now();
        }
        let watch = Watch { deadline: LONG, ..watch };
        assert_eq!(watch.perform(|| 1), Ok(1));
    }

    #[test]
    fn work_that_panics_is_an_error_and_its_thread_is_replaced() {
        let watch = Watch::new(LONG, LOST_MAX);
        let trouble = watch.perform(|| panic!("a defect made for this test")).unwrap_err();
        assert_eq!(trouble, JqTrouble::Broken);
        assert_eq!((watch.perform(|| 2), watch.lost()), (Ok(2), 0));
    }
}
