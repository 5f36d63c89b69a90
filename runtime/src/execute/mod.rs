//! Running a plan: step by step, each on the executor that the plan chose.

mod block;
mod extreme;
mod fold;
mod frame;
mod index;
mod lanes;
mod line;
mod loops;
mod machine;
mod reader;
mod region;
mod scratch;
mod step;
mod straight;
mod threads;
mod truths;
mod turned;

#[cfg(test)]
mod tests;

pub use threads::Threads;

use crate::array::Array;
use crate::buffer::{OutOfMemory, Pool};
use crate::operation::{Bodies, Host};
use crate::plan::Plan;
use frame::{Run, Slot, is};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::DType;
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;

/// A flag that stops a run; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Stops what runs with this flag, within about ten milliseconds.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets the next run begin.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Where the flag lies, for code that looks at it itself: a byte, not 0 when the run is cancelled.
    fn flag(&self) -> *const u8 {
        self.0.as_ptr().cast()
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a run works with.
pub struct Context<'a> {
    /// Where memory comes from.
    pub pool: &'a Pool,
    /// The threads.
    pub threads: &'a Threads,
    /// What may stop it.
    pub cancel: &'a Cancel,
    /// The world outside.
    pub host: &'a dyn Host,
    /// The library.
    pub bodies: &'a dyn Bodies,
}

/// Runs a plan: one array for each of the graph's inputs, and back come its outputs, in order. Effects happen in program order.
///
/// # Errors
/// What went wrong and where; `E0590` when the run was cancelled.
pub fn run<'lent>(
    plan: &Plan,
    inputs: impl IntoIterator<Item = &'lent Array, IntoIter: ExactSizeIterator>,
    context: &Context,
) -> Result<Vec<Array>, Diagnostic> {
    run_on(plan, inputs.into_iter().map(Slot::Lent), context)
}

/// As [`run`], with inputs that are given away: a result may be written where an input was that nothing else holds.
///
/// # Errors
/// As [`run`].
pub fn run_taking(
    plan: &Plan,
    inputs: impl IntoIterator<Item = Array, IntoIter: ExactSizeIterator>,
    context: &Context,
) -> Result<Vec<Array>, Diagnostic> {
    run_on(plan, inputs.into_iter().map(Slot::Array), context)
}

fn run_on<'lent>(
    plan: &Plan,
    inputs: impl ExactSizeIterator<Item = Slot<'lent>>,
    context: &Context,
) -> Result<Vec<Array>, Diagnostic> {
    if let Some(refusal) = plan.refusal() {
        return Err(refusal.clone());
    }
    if inputs.len() != plan.inputs.len() {
        let message =
            format!("internal error: {} inputs were given where {} are needed", inputs.len(), plan.inputs.len());
        return Err(Diagnostic::error("E0599", message, Span::default(), ""));
    }
    let mut run = Run::new(plan, context);
    for (position, (slot, (input, _))) in inputs.zip(&plan.inputs).enumerate() {
        if !slot.array().is_some_and(|array| is(array, &input.array_type)) {
            let message = format!("internal error: the input `{}` is not {}", input.name, input.array_type);
            return Err(Diagnostic::error("E0599", message, Span::default(), ""));
        }
        run.put(position, slot);
    }
    run.turn()?;
    Ok((0..run.outputs()).map(|output| run.output(output).into_array()).collect())
}

fn interrupted(span: Span) -> Diagnostic {
    Diagnostic::error("E0590", "interrupted", span, "this was running")
}

/// What a result that cannot be had is: its type, its size and what the pool says.
fn out_of_memory(array_type: &ArrayType, refusal: OutOfMemory, span: Span) -> Diagnostic {
    let message =
        match array_type.shape.iter().try_fold(array_type.dtype.size(), |bytes, &length| bytes.checked_mul(length)) {
            Some(bytes) => format!("out of memory: {array_type} takes {}", crate::buffer::Bytes(bytes)),
            None => format!("out of memory: {array_type} is larger than any memory"),
        };
    let help = refusal.limit.map(|limit| format!("the session's limit is {}", crate::buffer::Bytes(limit)));
    let diagnostic = Diagnostic::error("E0502", message, span, format!("{array_type}"));
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The array that a filled block has become.
///
/// # Safety
/// As [`Array::from_written`], with the block that [`Array::unwritten`] gave for this type.
unsafe fn written(dtype: DType, shape: &[usize], block: crate::buffer::Unwritten) -> Array {
    // SAFETY: the caller's promise.
    match unsafe { Array::from_written(dtype, shape, block) } {
        Some(array) => array,
        None => unreachable!("the block was made for the type"),
    }
}
