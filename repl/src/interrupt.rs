//! Ctrl-C: stops what runs and keeps the session; ends a script.

use crate::screen::Screen;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use thalweg_runtime::execute::Cancel;

/// The exit status of what Ctrl-C has ended.
pub const INTERRUPTED: u8 = 130;

/// A run that has not stopped after this long is not going to.
const PATIENCE: Duration = Duration::from_millis(100);
/// A second Ctrl-C this soon is impatience, not despair.
const DESPAIR: Duration = Duration::from_millis(500);

/// Milliseconds in `pressed` that mean "not yet".
const NEVER: u64 = u64::MAX;

/// What Ctrl-C does.
pub struct Interrupt {
    state: Arc<State>,
}

struct State {
    cancel: Cancel,
    /// How many runs have begun or ended: odd while one is under way.
    runs: AtomicU64,
    /// When Ctrl-C was first pressed in this run, in milliseconds since `since`.
    pressed: AtomicU64,
    since: Instant,
    /// There is a prompt to come back to.
    prompt: bool,
    screen: Weak<Screen>,
}

impl Interrupt {
    /// Takes Ctrl-C over. With a `prompt`, what runs is cancelled and the session goes on; without, the command ends.
    pub fn install(cancel: Cancel, prompt: bool, screen: &Arc<Screen>) -> Interrupt {
        let state = Arc::new(State {
            cancel,
            runs: AtomicU64::new(0),
            pressed: AtomicU64::new(NEVER),
            since: Instant::now(),
            prompt,
            screen: Arc::downgrade(screen),
        });
        let handler = state.clone();
        // Where no handler can be set Ctrl-C ends the process, as it does everywhere else.
        let _ = ctrlc::set_handler(move || handler.press());
        Interrupt { state }
    }

    /// Runs something that Ctrl-C may cancel; also says whether it was pressed.
    pub fn during<T>(&self, run: impl FnOnce() -> T) -> (T, bool) {
        let _running = Running::new(&self.state);
        let result = run();
        (result, self.state.pressed.load(Ordering::SeqCst) != NEVER)
    }
}

/// A run under way; also over when it panics.
struct Running<'a>(&'a State);

impl Running<'_> {
    fn new(state: &State) -> Running<'_> {
        state.pressed.store(NEVER, Ordering::SeqCst);
        // A cancelled interpreter stays so until it is told that a new run begins.
        state.cancel.reset();
        state.runs.fetch_add(1, Ordering::SeqCst);
        Running(state)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
    }
}

impl State {
    /// Called on a thread of its own for each Ctrl-C.
    fn press(&self) {
        let run = self.runs.load(Ordering::SeqCst);
        let running = run % 2 == 1;
        if !running {
            // At an idle prompt the editor clears the line by itself.
            if !self.prompt {
                self.exit();
            }
            return;
        }
        let now = self.since.elapsed().as_millis() as u64;
        let first = self.pressed.compare_exchange(NEVER, now, Ordering::SeqCst, Ordering::SeqCst);
        self.cancel.cancel();
        match first {
            Err(earlier) if now.saturating_sub(earlier) >= DESPAIR.as_millis() as u64 => self.exit(),
            _ if self.prompt => {}
            _ => {
                // The run ends by itself and reports; one that does not hear is ended.
                std::thread::sleep(PATIENCE);
                if self.runs.load(Ordering::SeqCst) == run {
                    self.exit();
                }
            }
        }
    }

    fn exit(&self) -> ! {
        if self.prompt {
            // The shell's prompt should not stand behind the ^C that the terminal has echoed.
            let _ = writeln!(std::io::stderr());
        }
        if let Some(screen) = self.screen.upgrade() {
            screen.try_flush();
        }
        std::process::exit(i32::from(INTERRUPTED));
    }
}
