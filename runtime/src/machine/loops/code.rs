//! Machine code in memory: made once, run as often as one likes, freed when nothing holds it any more.

use super::emit::{self, Emitted};
use super::program::Program;
use crate::kernel::BlockFunction;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many programs may have code at once: beyond that, loops stay with the interpreter.
const MOST_PROGRAMS: usize = 4096;

/// How many have.
static PROGRAMS: AtomicUsize = AtomicUsize::new(0);

/// The code of a program.
pub struct Code {
    emitted: Mutex<Option<Emitted>>,
    address: usize,
}

impl Code {
    /// The code of a program; `None` when it cannot be had.
    pub fn new(program: &Program) -> Option<Code> {
        if PROGRAMS.fetch_add(1, Ordering::Relaxed) >= MOST_PROGRAMS {
            PROGRAMS.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let emitted = emit::emit(program, call_kernel as *const () as usize);
        let Some(emitted) = emitted else {
            PROGRAMS.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        let address = emitted.address;
        Some(Code { emitted: Mutex::new(Some(emitted)), address })
    }

    /// Runs it: 0 when the loop is over, 1 when it was cancelled, 2 more than the fault's number otherwise.
    ///
    /// # Safety
    /// The frame is as `emit.rs` says for this program: as many slots, the arrays' addresses with as many elements behind them
    /// as the plan says, and those that the loop carries writable and apart from all others.
    pub unsafe fn run(&self, frame: *mut u8) -> i64 {
        // SAFETY: the address is that of a function of this form, which lives as long as `self`.
        let function: extern "C" fn(*mut u8) -> i64 = unsafe { std::mem::transmute(self.address) };
        function(frame)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        PROGRAMS.fetch_sub(1, Ordering::Relaxed);
        let emitted = self.emitted.get_mut().map(Option::take).unwrap_or(None);
        #[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
        if let Some(emitted) = emitted {
            // SAFETY: nobody runs the code any more, because nobody holds it.
            unsafe { emitted.module.free_memory() };
        }
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "code at {:#x}", self.address)
    }
}

/// Calls a kernel on single elements: kernels are Rust's own functions, which code calls through this one.
extern "C" fn call_kernel(function: usize, operands: *const *const u8, result: *mut u8) -> usize {
    // SAFETY: the code passes the address of a kernel's function, and the operands and the result that it takes, in its own frame.
    unsafe {
        let function: BlockFunction = std::mem::transmute(function);
        function(operands, result, 1)
    }
}
