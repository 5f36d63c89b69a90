//! Memory of a thread's for the time of some work.

use crate::buffer::ALIGNMENT;
use std::cell::RefCell;

/// The most block buffers that a thread keeps, and the most lines of one: an idle thread holds little memory.
const MOST_IDLE: usize = 4;
const LARGEST_IDLE: usize = 256 * 1024 / ALIGNMENT;

thread_local! {
    /// Block buffers that a thread has used and will use again: clearing new ones costs more than a small region.
    static IDLE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Memory of a thread's for the time of some work.
pub struct Scratch(Vec<Line>);

impl Scratch {
    /// So many bytes at least, each of which has been written.
    pub fn of(bytes: usize) -> Scratch {
        let mut memory = IDLE.with_borrow_mut(Vec::pop).unwrap_or_default();
        let lines = bytes.div_ceil(ALIGNMENT);
        if memory.len() < lines {
            memory.resize(lines, Line([0; ALIGNMENT]));
        }
        Scratch(memory)
    }

    /// Where it begins, to read.
    pub fn start(&self) -> *const u8 {
        self.0.as_ptr().cast()
    }

    /// The first byte.
    pub fn pointer(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.0);
        if memory.is_empty() || memory.len() > LARGEST_IDLE {
            return;
        }
        // A thread that is ending has no place for it any more.
        let _ = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            if idle.len() < MOST_IDLE {
                idle.push(memory);
            }
        });
    }
}

/// A cache line, to align the bench.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [u8; ALIGNMENT]);
