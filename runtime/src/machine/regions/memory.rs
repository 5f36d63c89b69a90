//! Executable memory: written while it cannot run, run while it cannot be written.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

// The C library that std links anyway. The numbers are those of Linux on x86-64.
unsafe extern "C" {
    fn mmap(
        address: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn munmap(address: *mut c_void, length: usize) -> c_int;
    fn mprotect(address: *mut c_void, length: usize, protection: c_int) -> c_int;
}

const READ: c_int = 1;
const WRITE: c_int = 2;
const EXECUTE: c_int = 4;
const PRIVATE_ANONYMOUS: c_int = 2 | 0x20;

/// The signature of what `x86.rs` writes: a table of addresses, how many elements a row has, the constants, how many rows, and how
/// far each address goes from one row to the next, and how many turns may be spent on the same elements; how many elements of each
/// row it did.
type Function = unsafe extern "sysv64" fn(*mut *const u8, usize, *const u64, usize, *const isize, usize) -> usize;

/// One function's instructions.
pub struct Executable {
    start: NonNull<c_void>,
    length: usize,
}

// SAFETY: nobody writes to the memory until it is dropped.
unsafe impl Send for Executable {}
// SAFETY: as above.
unsafe impl Sync for Executable {}

impl Executable {
    /// Instructions in memory of their own; `None` when the system refuses.
    pub fn new(code: &[u8]) -> Option<Executable> {
        // SAFETY: an anonymous private mapping touches nothing that exists; it is as long as what is copied into it, and
        // loses the right to be written before anything runs.
        unsafe {
            let start = mmap(std::ptr::null_mut(), code.len(), READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
            if start.addr() == usize::MAX {
                return None;
            }
            let executable = Executable { start: NonNull::new(start)?, length: code.len() };
            std::ptr::copy_nonoverlapping(code.as_ptr(), start.cast(), code.len());
            (mprotect(start, code.len(), READ | EXECUTE) == 0).then_some(executable)
        }
    }

    /// Runs it.
    ///
    /// # Safety
    /// The instructions are a function of this signature for this machine, and the arguments are what it expects.
    pub unsafe fn call(
        &self,
        table: *mut *const u8,
        count: usize,
        constants: *const u64,
        (rows, steps): (usize, *const isize),
        turns: usize,
    ) -> usize {
        // SAFETY: the caller's promise.
        unsafe {
            let function: Function = std::mem::transmute(self.start.as_ptr());
            function(table, count, constants, rows, steps, turns)
        }
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing runs in it: calls borrow the value.
        unsafe { munmap(self.start.as_ptr(), self.length) };
    }
}
