//! Threads: rayon pools, made when first needed, and work that is pulled in units by the calling thread and its helpers.

use super::Cancel;
use super::block::Fault;
use crate::operation::{Failure, Team};
use crate::short::Short;
use rayon::ThreadPool;
use std::any::Any;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For so long a helper looks for more work before it sleeps, about as long as it takes to wake it: a loop's next step finds it awake. It
/// gives way to whoever wants its core meanwhile.
const LINGERING: Duration = Duration::from_micros(50);

/// Work that one call after the other asks for within this time is shared by threads, even if it is little: they are awake by then.
const SUCCESSION: Duration = Duration::from_micros(150);

/// About how many elements a unit of light work has at most.
pub const UNIT: usize = 32 * 1024;

/// So many units each of several threads has at least, so that one that comes late leaves some to the others.
const UNITS_EACH: usize = 4;

/// So often one looks before one gives way.
const GLANCES: usize = 8;

/// Waits for what is soon to come, but not for long.
fn linger_until(is_over: impl Fn() -> bool) {
    let begin = Instant::now();
    loop {
        for _ in 0..GLANCES {
            if is_over() {
                return;
            }
            std::hint::spin_loop();
        }
        if begin.elapsed() >= LINGERING {
            return;
        }
        // Whoever else wants this core gets it: that may be who is waited for.
        std::thread::yield_now();
    }
}

/// The pools of a program, one for each number of threads that something ran on.
#[derive(Default)]
pub struct Threads {
    pools: Mutex<HashMap<usize, Option<Arc<Helpers>>>>,
    /// What there was of little work.
    little: Mutex<Little>,
}

/// What is known of work that is only worth sharing with who is awake.
#[derive(Default)]
struct Little {
    /// When there was some last.
    last: Option<Instant>,
    /// How often in succession no helper came in time.
    missed: usize,
    /// How many times more nobody is called.
    alone: usize,
}

/// So often in succession helpers may miss little work (it takes them some to wake) until nobody calls them for a while: they may have
/// to share the caller's core.
const MOST_MISSED: usize = 8;

/// How long that while is, in calls.
const ALONE: usize = 500;

impl Threads {
    /// No threads yet.
    pub fn new() -> Threads {
        Threads::default()
    }

    fn little(&self) -> MutexGuard<'_, Little> {
        self.little.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether helpers are called for little work: there was some shortly before, and they did not miss it time and again.
    pub fn share_little(&self) -> bool {
        let now = Instant::now();
        let mut little = self.little();
        let last = little.last.replace(now);
        if little.alone > 0 {
            little.alone -= 1;
            return false;
        }
        last.is_some_and(|last| now.duration_since(last) < SUCCESSION)
    }

    /// Notes whether a helper did some of the little work that it was called for.
    fn note_help(&self, came: bool) {
        let mut little = self.little();
        little.missed = if came { 0 } else { little.missed + 1 };
        if little.missed > MOST_MISSED {
            (little.missed, little.alone) = (0, ALONE);
        }
    }

    /// The helpers of the calling thread, one less than `threads`; `None` when the system gives none.
    fn helpers(&self, threads: usize) -> Option<Arc<Helpers>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools
            .entry(threads)
            .or_insert_with(|| {
                let builder = rayon::ThreadPoolBuilder::new().num_threads(threads - 1);
                let pool = builder.thread_name(|index| format!("thalweg-{}", index + 1)).build().ok()?;
                Some(Arc::new(Helpers { pool, offer: Mutex::default(), offers: AtomicUsize::new(0) }))
            })
            .clone()
    }

    /// Calls `work` on the calling thread (with `true`), and on those of up to `threads - 1` helpers that come while it is being done; waits
    /// for these. On a busy machine a helper may come when nothing is left to do: nobody waits for it, so `work` must not count on company.
    pub fn together(&self, threads: usize, work: &(dyn Fn(bool) + Sync)) {
        let Some(helpers) = (if threads > 1 { self.helpers(threads) } else { None }) else { return work(true) };
        // SAFETY: only the lifetime changes, and the pointer is used as `Invitation` says.
        let work_of_helpers = unsafe {
            std::mem::transmute::<*const (dyn Fn(bool) + Sync + '_), *const (dyn Fn(bool) + Sync + 'static)>(work)
        };
        let invitation = Arc::new(Invitation { work: work_of_helpers, guests: Mutex::default(), left: Condvar::new() });
        let host = Host(&invitation);
        helpers.call(&invitation, threads - 1);
        work(true);
        helpers.withdraw(&invitation);
        drop(host);
        let panicked = invitation.guests().panicked.take();
        if let Some(panicked) = panicked {
            std::panic::resume_unwind(panicked);
        }
    }
}

/// Threads that come when they are called.
struct Helpers {
    pool: ThreadPool,
    offer: Mutex<Offer>,
    /// How many offers there have been, for those who look for one.
    offers: AtomicUsize,
}

/// What helpers find who have not gone to sleep yet.
#[derive(Default)]
struct Offer {
    invitation: Option<Arc<Invitation>>,
    /// How many look for it.
    looking: usize,
}

impl Helpers {
    fn offer(&self) -> MutexGuard<'_, Offer> {
        self.offer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls so many: those that look for work, and others from their sleep.
    fn call(self: &Arc<Helpers>, invitation: &Arc<Invitation>, count: usize) {
        let looking = {
            let mut offer = self.offer();
            offer.invitation = Some(invitation.clone());
            self.offers.fetch_add(1, Ordering::Release);
            offer.looking
        };
        for _ in looking..count {
            let (helpers, invitation) = (self.clone(), invitation.clone());
            self.pool.spawn(move || helpers.serve(invitation));
        }
    }

    /// Nobody need come any more.
    fn withdraw(&self, invitation: &Arc<Invitation>) {
        let mut offer = self.offer();
        offer.invitation.take_if(|offered| Arc::ptr_eq(offered, invitation));
    }

    /// What a helper does that was called.
    fn serve(&self, mut invitation: Arc<Invitation>) {
        loop {
            invitation.accept();
            match self.look(&invitation) {
                Some(next) => invitation = next,
                None => return,
            }
        }
    }

    /// Another offer than the last, if one comes soon.
    fn look(&self, last: &Arc<Invitation>) -> Option<Arc<Invitation>> {
        let other = |offer: &Offer| offer.invitation.clone().filter(|offered| !Arc::ptr_eq(offered, last));
        let seen = {
            let mut offer = self.offer();
            let found = other(&offer);
            if found.is_some() {
                return found;
            }
            offer.looking += 1;
            self.offers.load(Ordering::Relaxed)
        };
        linger_until(|| self.offers.load(Ordering::Acquire) != seen);
        let mut offer = self.offer();
        offer.looking -= 1;
        other(&offer)
    }
}

/// What helpers are called to.
struct Invitation {
    /// Valid as long as the invitation is not closed, or a guest is inside: `Host` closes it, and waits for the guests inside, before
    /// the work's own lifetime ends.
    work: *const (dyn Fn(bool) + Sync),
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
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| work(false))).err();
        let mut guests = self.guests();
        guests.inside -= 1;
        // Of several the host is told one; the others go when this guest has left, for what they hold may panic again.
        let one_more = panicked.and_then(|panicked| guests.panicked.replace(panicked));
        drop(guests);
        self.left.notify_all();
        drop(one_more);
    }
}

/// Closes an invitation when its work is done, also by a panic, and waits for the guests inside.
struct Host<'a>(&'a Invitation);

impl Drop for Host<'_> {
    fn drop(&mut self) {
        self.0.guests().is_closed = true;
        // Guests leave when their unit of work is done, mostly sooner than a thread wakes that sleeps until then.
        linger_until(|| self.0.guests().inside == 0);
        let mut guests = self.0.guests();
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
    /// Whether it is only worth it with helpers that are awake.
    is_light: bool,
}

impl<'a> Drive<'a> {
    /// Work on `count` threads.
    pub fn new(threads: &'a Threads, count: usize, cancel: &'a Cancel) -> Drive<'a> {
        Drive { threads, count: count.max(1), cancel, cancelled: AtomicBool::new(false), is_light: false }
    }

    /// Little work: on `count` threads where helpers are awake, else on the calling one.
    pub fn light(threads: &'a Threads, count: usize, cancel: &'a Cancel) -> Drive<'a> {
        let count = if threads.share_little() { count } else { 1 };
        Drive { is_light: true, ..Drive::new(threads, count, cancel) }
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

    /// How many of `count` elements are a unit: at most so many, and about as many units for each thread.
    pub fn unit(&self, count: usize, most: usize) -> usize {
        match self.count {
            1 => most,
            threads => count.div_ceil(count.div_ceil(most).max(threads * UNITS_EACH).next_multiple_of(threads)).max(1),
        }
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
        let pieces = units.div_ceil(grain);
        let threads = self.count.min(pieces).max(1);
        if threads == 1 {
            return self.units_alone(units, first, state, work);
        }
        // Each thread has a part of its own, the same in each of many runs, whose elements stay in its cache; then it helps the others.
        let ends = |part: usize| units.min(pieces * (part + 1) / threads * grain);
        let parts: Short<Next, 8> =
            (0..threads).map(|part| Next(AtomicUsize::new(pieces * part / threads * grain))).collect();
        let helpers = AtomicUsize::new(0);
        let came = AtomicBool::new(false);
        let worst: Mutex<Option<Fault>> = Mutex::new(None);
        let known = AtomicUsize::new(usize::MAX);
        self.threads.together(threads, &|is_host| {
            let first_part = if is_host { 0 } else { 1 + helpers.fetch_add(1, Ordering::Relaxed) };
            let mut own = None;
            for part in (0..threads).map(|part| (first_part + part) % threads) {
                let (next, end) = (&parts[part].0, ends(part));
                loop {
                    let from = next.fetch_add(grain, Ordering::Relaxed);
                    if from >= end {
                        break;
                    }
                    if !is_host {
                        came.store(true, Ordering::Relaxed);
                    }
                    let own = own.get_or_insert_with(&state);
                    for unit in from..end.min(from + grain) {
                        if self.is_cancelled() {
                            return;
                        }
                        if known.load(Ordering::Relaxed) < first(unit) {
                            continue;
                        }
                        if let Some(fault) = work(own, unit) {
                            let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
                            let least = worst.map_or(fault, |known| known.min(fault));
                            *worst = Some(least);
                            known.store(least.element, Ordering::Relaxed);
                        }
                    }
                }
            }
        });
        if self.is_light {
            self.threads.note_help(came.load(Ordering::Relaxed));
        }
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        match worst.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(Stop::Fault(fault)),
            None => Ok(()),
        }
    }

    /// As [`Drive::units`], on the calling thread: what several need to share the work would cost more than a little of it.
    fn units_alone<S>(
        &self,
        units: usize,
        first: impl Fn(usize) -> usize,
        state: impl Fn() -> S,
        mut work: impl FnMut(&mut S, usize) -> Option<Fault>,
    ) -> Result<(), Stop> {
        let mut own = None;
        let mut worst: Option<Fault> = None;
        for unit in 0..units {
            if self.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            if worst.is_none_or(|worst| first(unit) <= worst.element)
                && let Some(fault) = work(own.get_or_insert_with(&state), unit)
            {
                worst = Some(worst.map_or(fault, |worst| worst.min(fault)));
            }
        }
        match worst {
            _ if self.cancelled.load(Ordering::Relaxed) => Err(Stop::Cancelled),
            Some(fault) => Err(Stop::Fault(fault)),
            None => Ok(()),
        }
    }
}

/// The next unit of a part, on a line of its own: threads that work on other parts do not wait for it.
#[repr(align(64))]
struct Next(AtomicUsize);

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
            threads.together(4, &|_| {
                while next.fetch_add(1, Ordering::Relaxed) < 8 {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert_eq!(done.load(Ordering::Relaxed), 8, "turn {turn}");
        }
    }

    #[test]
    fn little_work_is_done_alone_after_a_pause_and_where_helpers_miss_it() {
        let threads = Threads::new();
        assert!(!threads.share_little());
        std::thread::sleep(10 * SUCCESSION);
        assert!(!threads.share_little());
        (0..=MOST_MISSED).for_each(|_| threads.note_help(false));
        assert_eq!(threads.little().alone, ALONE);
        assert!((0..ALONE).all(|_| !threads.share_little()));
        assert_eq!(threads.little().alone, 0);
    }

    #[test]
    fn threads_have_as_many_units_each_and_none_is_long() {
        let (threads, cancel) = (Threads::new(), Cancel::new());
        for count in [1, 2, 3, 8] {
            let drive = Drive::new(&threads, count, &cancel);
            for elements in [1, 7, 1000, 100_000, 10_000_000] {
                let unit = drive.unit(elements, UNIT);
                let units = elements.div_ceil(unit);
                assert!((1..=UNIT).contains(&unit), "{elements} elements on {count} threads");
                if count > 1 && elements >= 1000 {
                    assert!(units >= UNITS_EACH * count, "{elements} elements on {count} threads: {units} units");
                    // The last unit of each may be missing or shorter because units have whole elements.
                    let most = units.div_ceil(count) * unit;
                    assert!(most * count <= elements + count * unit, "{elements} elements on {count} threads");
                }
            }
        }
    }

    #[test]
    fn a_panic_of_a_helper_reaches_the_caller_and_the_pool_lives() {
        let threads = Threads::new();
        let caller = std::thread::current().id();
        let came = AtomicBool::new(false);
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            threads.together(2, &|_| {
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
        threads.together(2, &|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(count.load(Ordering::Relaxed) >= 1);
    }
}
