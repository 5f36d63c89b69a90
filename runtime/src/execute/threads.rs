//! Threads: rayon pools, made when first needed, and work that is pulled in units by the calling thread and its helpers.

use super::Cancel;
use super::block::Fault;
use crate::operation::{Failure, Team};
use rayon::ThreadPool;
use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The pools of a program, one for each number of threads that something ran on.
#[derive(Default)]
pub struct Threads {
    pools: Mutex<HashMap<usize, Option<Arc<ThreadPool>>>>,
}

impl Threads {
    /// No threads yet.
    pub fn new() -> Threads {
        Threads::default()
    }

    /// The helpers of the calling thread, one less than `threads`; `None` when the system gives none.
    fn helpers(&self, threads: usize) -> Option<Arc<ThreadPool>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools
            .entry(threads)
            .or_insert_with(|| {
                let builder = rayon::ThreadPoolBuilder::new().num_threads(threads - 1);
                builder.thread_name(|index| format!("thalweg-{}", index + 1)).build().ok().map(Arc::new)
            })
            .clone()
    }

    /// Calls `work` on the calling thread, and on those of up to `threads - 1` helpers that come while it is being done; waits for
    /// these. On a busy machine a helper may come when nothing is left to do: nobody waits for it, so `work` must not count on company.
    pub fn together(&self, threads: usize, work: &(dyn Fn() + Sync)) {
        let Some(helpers) = (if threads > 1 { self.helpers(threads) } else { None }) else { return work() };
        // SAFETY: only the lifetime changes, and the pointer is used as `Invitation` says.
        let work_of_helpers =
            unsafe { std::mem::transmute::<*const (dyn Fn() + Sync + '_), *const (dyn Fn() + Sync + 'static)>(work) };
        let invitation = Arc::new(Invitation { work: work_of_helpers, guests: Mutex::default(), left: Condvar::new() });
        for _ in 1..threads {
            let invitation = invitation.clone();
            helpers.spawn(move || invitation.accept());
        }
        let host = Host(&invitation);
        work();
        drop(host);
        let panicked = invitation.guests().panicked.take();
        if let Some(panicked) = panicked {
            std::panic::resume_unwind(panicked);
        }
    }
}

/// What helpers are called to.
struct Invitation {
    /// Valid as long as the invitation is not closed, or a guest is inside: `Host` closes it, and waits for the guests inside, before
    /// the work's own lifetime ends.
    work: *const (dyn Fn() + Sync),
    guests: Mutex<Guests>,
    /// A guest has left.
    left: Condvar,
}

// SAFETY: the work may be called from several threads at once, and is, while it is valid.
unsafe impl Send for Invitation {}
// SAFETY: as above; everything else in it is synchronised.
unsafe impl Sync for Invitation {}

#[derive(Default)]
struct Guests {
    is_closed: bool,
    inside: usize,
    panicked: Option<Box<dyn Any + Send>>,
}

impl Invitation {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes part, unless it is too late.
    fn accept(&self) {
        {
            let mut guests = self.guests();
            if guests.is_closed {
                return;
            }
            guests.inside += 1;
        }
        // SAFETY: this guest is inside, so that the host has not returned.
        let work = unsafe { &*self.work };
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(work));
        let mut guests = self.guests();
        guests.inside -= 1;
        if let Err(panicked) = outcome {
            guests.panicked = Some(panicked);
        }
        drop(guests);
        self.left.notify_all();
    }
}

/// Closes an invitation when its work is done, also by a panic, and waits for the guests inside.
struct Host<'a>(&'a Invitation);

impl Drop for Host<'_> {
    fn drop(&mut self) {
        let mut guests = self.0.guests();
        guests.is_closed = true;
        while guests.inside > 0 {
            guests = self.0.left.wait(guests).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Why a piece of work did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Someone cancelled the run.
    Cancelled,
    /// An element has no answer: the first one.
    Fault(Fault),
    /// The partial results of a reduction, so many bytes, cannot be had.
    OutOfMemory(usize),
}

/// How a piece of work is spread: over how many threads, and who may stop it.
pub struct Drive<'a> {
    threads: &'a Threads,
    count: usize,
    cancel: &'a Cancel,
    cancelled: AtomicBool,
}

impl<'a> Drive<'a> {
    /// Work on `count` threads.
    pub fn new(threads: &'a Threads, count: usize, cancel: &'a Cancel) -> Drive<'a> {
        Drive { threads, count: count.max(1), cancel, cancelled: AtomicBool::new(false) }
    }

    /// The same, on the calling thread alone.
    pub fn alone(&self) -> Drive<'a> {
        Drive::new(self.threads, 1, self.cancel)
    }

    /// The same again, for the next piece of work.
    pub fn again(&self) -> Drive<'a> {
        Drive::new(self.threads, self.count, self.cancel)
    }

    /// How many threads.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the run was cancelled; what is under way is then given up, and its results are never looked at.
    pub fn is_cancelled(&self) -> bool {
        let cancelled = self.cancel.is_cancelled();
        if cancelled {
            // The flag may be reset before the run has ended, so that it is remembered here.
            self.cancelled.store(true, Ordering::Relaxed);
        }
        cancelled
    }

    /// Runs `work` for each of `units`, in pieces of `grain` neighbours, each thread with a state of its own. `first` is the
    /// first place on the line that a unit touches; of several faults the one at the first place counts.
    ///
    /// # Errors
    /// When the run was cancelled or an element has no answer.
    pub fn units<S>(
        &self,
        units: usize,
        grain: usize,
        first: impl Fn(usize) -> usize + Sync,
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, usize) -> Option<Fault> + Sync,
    ) -> Result<(), Stop> {
        let grain = grain.max(1);
        let threads = self.count.min(units.div_ceil(grain)).max(1);
        let next = AtomicUsize::new(0);
        let worst: Mutex<Option<Fault>> = Mutex::new(None);
        let known = AtomicUsize::new(usize::MAX);
        self.threads.together(threads, &|| {
            let mut from = next.fetch_add(grain, Ordering::Relaxed);
            if from >= units {
                return;
            }
            let mut own = state();
            while from < units {
                for unit in from..units.min(from + grain) {
                    if self.is_cancelled() {
                        return;
                    }
                    if known.load(Ordering::Relaxed) < first(unit) {
                        continue;
                    }
                    if let Some(fault) = work(&mut own, unit) {
                        let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
                        let least = worst.map_or(fault, |known| known.min(fault));
                        *worst = Some(least);
                        known.store(least.element, Ordering::Relaxed);
                    }
                }
                from = next.fetch_add(grain, Ordering::Relaxed);
            }
        });
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        match worst.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(Stop::Fault(fault)),
            None => Ok(()),
        }
    }
}

impl Team for Drive<'_> {
    fn each(&self, pieces: usize, work: &(dyn Fn(usize) + Sync)) -> Result<(), Failure> {
        let done = self.units(
            pieces,
            1,
            |_| 0,
            || (),
            |(), piece| {
                work(piece);
                None
            },
        );
        match done {
            Err(Stop::Cancelled) => Err(Failure { code: "E0590", message: "interrupted".into(), help: None }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_work_is_done_when_together_returns() {
        let threads = Threads::new();
        for turn in 0..if cfg!(miri) { 20 } else { 2000 } {
            let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
            threads.together(4, &|| {
                while next.fetch_add(1, Ordering::Relaxed) < 8 {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert_eq!(done.load(Ordering::Relaxed), 8, "turn {turn}");
        }
    }

    #[test]
    fn a_panic_of_a_helper_reaches_the_caller_and_the_pool_lives() {
        let threads = Threads::new();
        let caller = std::thread::current().id();
        let came = AtomicBool::new(false);
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            threads.together(2, &|| {
                if std::thread::current().id() != caller {
                    came.store(true, Ordering::SeqCst);
                    panic!("on a helper");
                }
                // The helper gets the time to come.
                while !came.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            });
        }));
        assert!(outcome.is_err());
        let count = AtomicUsize::new(0);
        threads.together(2, &|| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(count.load(Ordering::Relaxed) >= 1);
    }
}
