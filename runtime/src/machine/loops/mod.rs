//! Loops as machine code: what a plan's loop does with single elements runs without a table of values.
//!
//! A loop, or a map, is **lowered** (`lower.rs`) when it is planned: its steps, and those of the loops and branches in it, become a program
//! over variables and places in memory, or the loop is declined with a reason. When it has been run so often that compiling costs
//! less than it gains, the program is **emitted** (`emit.rs`, by Cranelift) for the machine that it runs on. It computes what the
//! interpreter computes, bit for bit, because both do the same operations: those of the kernels' recordings, or the kernels
//! themselves.

pub mod program;

mod code;
#[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod emit;
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod emit {
    //! Other machines have no code, and Miri runs none.

    /// Never there.
    pub struct Emitted {
        pub address: usize,
    }

    pub fn emit(_: &super::Program, _: usize) -> Option<Emitted> {
        None
    }
}
#[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
mod light;
mod lower;
mod range;

pub use code::Code;

pub use program::{Fault, Given, Program};

/// The bytes of a slot of a frame: a loop is given its frame, which `emit.rs` describes.
pub const SLOT: usize = 16;
/// The slot of the address of the flag that cancels.
pub const CANCEL: usize = 0;
/// The slot of the outermost loop's first turn.
pub const FIRST_TURN: usize = 1;
/// The slot that gets the number that stood for no place.
pub const NUMBER: usize = 2;
/// The slot that gets which of several numbers it was.
pub const AT: usize = 3;
/// The slot of the turn before which the outermost loop ends, if it counts turns.
pub const LAST_TURN: usize = 4;
/// The first input's slot.
pub const INPUTS: usize = 5;

use super::MachineCode;
use crate::operation::Bodies;
use crate::plan::{LoopStep, Plan, Work};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// About how many steps the interpreter does in the time that compiling a statement takes, and in the time that the least program
/// takes.
const STEPS_FOR_A_STATEMENT: u64 = 100;
const STEPS_FOR_A_PROGRAM: u64 = 4_000;

/// A loop that has a program, and its machine code once it is worth it.
#[derive(Debug)]
pub struct Offer {
    /// The program.
    pub program: Program,
    always: bool,
    /// About how many steps the interpreter has done for it.
    steps: AtomicU64,
    /// The code; none if it cannot be had.
    code: OnceLock<Option<Arc<Code>>>,
}

impl Offer {
    /// The code, if the loop has run long enough: `turns` more turns are ahead.
    pub fn code(&self, turns: usize) -> Option<&Arc<Code>> {
        if let Some(code) = self.code.get() {
            return code.as_ref();
        }
        let ahead = (turns as f64 * self.program.weight) as u64;
        let before = self.steps.fetch_add(ahead, Ordering::Relaxed);
        let worth = STEPS_FOR_A_PROGRAM + STEPS_FOR_A_STATEMENT * self.program.size as u64;
        if !self.always && before.saturating_add(ahead) < worth {
            return None;
        }
        self.code.get_or_init(|| Code::new(&self.program).map(Arc::new)).as_ref()
    }
}

/// Offers a plan's loops, and those in its bodies, to the compiler: the outermost that it takes.
pub fn offer(plan: &mut Plan, bodies: &dyn Bodies, machine_code: MachineCode) {
    if machine_code == MachineCode::Off || !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        return;
    }
    for index in 0..plan.steps.len() {
        let outcome = match &plan.steps[index].work {
            Work::Loop(_) => Some(lower::lower(plan, index, bodies)),
            Work::Map(_) => Some(lower::lower_map(plan, index, bodies)),
            _ => None,
        };
        let offered = |program| {
            let always = machine_code == MachineCode::Always;
            Some(Ok(Box::new(Offer { program, always, steps: AtomicU64::new(0), code: OnceLock::new() })))
        };
        match (&mut plan.steps[index].work, outcome) {
            (Work::Loop(repeated), Some(Ok(program))) => repeated.machine = offered(program),
            (Work::Map(map), Some(Ok(program))) => map.machine = offered(program),
            (Work::Loop(repeated), Some(Err(reason))) => {
                repeated.machine = Some(Err(reason));
                let LoopStep { condition, body, .. } = repeated;
                condition.iter_mut().for_each(|condition| offer(condition, bodies, machine_code));
                offer(body, bodies, machine_code);
            }
            (Work::If(choice), _) => {
                offer(&mut choice.then, bodies, machine_code);
                offer(&mut choice.otherwise, bodies, machine_code);
            }
            (Work::Map(map), outcome) => {
                map.machine = outcome.and_then(Result::err).map(Err);
                offer(&mut map.body, bodies, machine_code);
                if let Some(chunks) = &mut map.chunks {
                    offer(&mut chunks.each, bodies, machine_code);
                    chunks.last.iter_mut().for_each(|last| offer(last, bodies, machine_code));
                }
            }
            _ => {}
        }
    }
}
