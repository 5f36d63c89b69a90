//! Running a plan: step by step, each on the executor that the plan chose.

mod block;
mod extreme;
mod fold;
mod region;
mod threads;

#[cfg(test)]
mod tests;

pub use threads::Threads;

use crate::array::Array;
use crate::buffer::{OutOfMemory, Pool};
use crate::operation::{Bodies, Body, EffectCall, Failure, FunctionCall, Host};
use crate::plan::region::ValueId;
use crate::plan::{MapStep, Plan, Step, Work};
use block::Fault;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;
use thalweg_lang::value::Value;
use threads::{Drive, Stop};

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
pub fn run(plan: &Plan, inputs: &[Array], context: &Context) -> Result<Vec<Array>, Diagnostic> {
    run_taking(plan, inputs.to_vec(), context)
}

/// As [`run`], with inputs that are given away: a result may be written where an input was that nothing else holds.
///
/// # Errors
/// As [`run`].
pub fn run_taking(plan: &Plan, inputs: Vec<Array>, context: &Context) -> Result<Vec<Array>, Diagnostic> {
    if let Some(refusal) = plan.refusal() {
        return Err(refusal.clone());
    }
    if inputs.len() != plan.inputs.len() {
        let message =
            format!("internal error: {} inputs were given where {} are needed", inputs.len(), plan.inputs.len());
        return Err(Diagnostic::error("E0599", message, Span::default(), ""));
    }
    let mut run = Run { plan, context, values: vec![None; plan.values.len()] };
    for (array, (input, places)) in inputs.into_iter().zip(&plan.inputs) {
        if array.dtype() != input.array_type.dtype || array.shape() != input.array_type.shape {
            let message = format!("internal error: the input `{}` is not {}", input.name, input.array_type);
            return Err(Diagnostic::error("E0599", message, Span::default(), ""));
        }
        if let Some((&last, others)) = places.split_last() {
            others.iter().for_each(|&place| run.values[place] = Some(array.clone()));
            run.values[last] = Some(array);
        }
    }
    for step in &plan.steps {
        if context.cancel.is_cancelled() {
            return Err(interrupted(step.span));
        }
        run.step(step)?;
        for &value in &step.drops {
            run.values[value] = None;
        }
    }
    Ok(plan.outputs.iter().map(|&value| run.array(value).clone()).collect())
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

/// One run under way.
struct Run<'a> {
    plan: &'a Plan,
    context: &'a Context<'a>,
    values: Vec<Option<Array>>,
}

impl Run<'_> {
    /// A value that an earlier step has made.
    fn array(&self, value: ValueId) -> &Array {
        match &self.values[value] {
            Some(array) => array,
            None => unreachable!("steps come after those that make their operands, and drops after the last use"),
        }
    }

    fn arrays(&self, values: &[ValueId]) -> Vec<Array> {
        values.iter().map(|&value| self.array(value).clone()).collect()
    }

    /// A value that an operation of anybody's making may keep for longer than the run: lent memory is copied.
    fn keepable(&self, value: ValueId, span: Span) -> Result<Array, Diagnostic> {
        let array = self.array(value);
        if !array.buffer().is_lent() {
            return Ok(array.clone());
        }
        let array_type = ArrayType::new(array.dtype(), array.shape());
        array.copy(self.context.pool).map_err(|refusal| out_of_memory(&array_type, refusal, span))
    }

    fn drive(&self, threads: usize) -> Drive<'_> {
        Drive::new(self.context.threads, threads, self.context.cancel)
    }

    fn step(&mut self, step: &Step) -> Result<(), Diagnostic> {
        let results = match &step.work {
            Work::Region(region) => return self.region(region, step.span),
            Work::Constant(scalar) => vec![Array::scalar(*scalar)],
            Work::Literal(elements) => vec![self.literal(elements, &step.types[0], step.span)?],
            Work::View { value, axes } => vec![view(self.array(*value), axes, &step.types[0])],
            Work::Reshape { value } => vec![self.reshape(*value, &step.types[0], step.span)?],
            Work::Stack { values } => vec![self.stack(values, &step.types[0], step.span)?],
            Work::Apply { operation, operands, attributes } => {
                let Body::Function(function) = self.context.bodies.body(*operation) else {
                    return Err(unrunnable(self.context.bodies.name(*operation), step.span));
                };
                let operands =
                    operands.iter().map(|&value| self.keepable(value, step.span)).collect::<Result<Vec<_>, _>>()?;
                let drive = self.drive(step.site.threads);
                let call = FunctionCall {
                    operands: &operands,
                    attributes,
                    types: &step.types,
                    pool: self.context.pool,
                    threads: drive.count(),
                    team: &drive,
                };
                function(&call).map_err(|failure| failure.at(step.span))?
            }
            Work::Map(map) => self.map(map, step)?,
            Work::If { condition, then, otherwise, captured } => {
                let condition = self.array(*condition).scalar_value().is_some_and(|scalar| scalar.bits[0] != 0);
                run(if condition { then } else { otherwise }, &self.arrays(captured), self.context)?
            }
            Work::Effect { operation, arguments } => {
                let Body::Effect(effect) = self.context.bodies.body(*operation) else {
                    return Err(unrunnable(self.context.bodies.name(*operation), step.span));
                };
                let mut refused = None;
                let mut keepable = |&value: &ValueId| {
                    self.keepable(value, step.span).unwrap_or_else(|refusal| {
                        refused = Some(refusal);
                        Array::scalar(Scalar::bool(false))
                    })
                };
                let arguments: Vec<Value<Array>> = arguments.iter().map(|value| value.map(&mut keepable)).collect();
                if let Some(refusal) = refused {
                    return Err(refusal);
                }
                let call = EffectCall { arguments: &arguments, host: self.context.host };
                return effect(&call).map_err(|failure| failure.at(step.span));
            }
        };
        debug_assert_eq!(results.len(), step.results.len());
        for ((&value, array), array_type) in step.results.iter().zip(results).zip(&step.types) {
            debug_assert_eq!((array.dtype(), array.shape()), (array_type.dtype, &array_type.shape[..]));
            self.values[value] = Some(array);
        }
        Ok(())
    }

    fn literal(&self, elements: &[Scalar], array_type: &ArrayType, span: Span) -> Result<Array, Diagnostic> {
        let refused = |refusal| out_of_memory(array_type, refusal, span);
        let mut array = Array::zeros(array_type.dtype, &array_type.shape, self.context.pool).map_err(refused)?;
        crate::for_dtype!(array_type.dtype, T => {
            for (place, &element) in array.as_mut_slice::<T>().unwrap_or_default().iter_mut().zip(elements) {
                *place = <T as crate::array::Element>::from_scalar(element);
            }
        });
        Ok(array)
    }

    fn reshape(&self, value: ValueId, array_type: &ArrayType, span: Span) -> Result<Array, Diagnostic> {
        let array = self.array(value);
        if let Some(reshaped) = array.reshape(&array_type.shape) {
            return Ok(reshaped);
        }
        let copy = array.copy(self.context.pool).map_err(|refusal| out_of_memory(array_type, refusal, span))?;
        match copy.reshape(&array_type.shape) {
            Some(reshaped) => Ok(reshaped),
            None => unreachable!("a contiguous array takes every shape of as many elements"),
        }
    }

    fn stack(&self, values: &[ValueId], array_type: &ArrayType, span: Span) -> Result<Array, Diagnostic> {
        let block = Array::unwritten(array_type.dtype, &array_type.shape, self.context.pool)
            .map_err(|refusal| out_of_memory(array_type, refusal, span))?;
        for (index, &value) in values.iter().enumerate() {
            let array = self.array(value);
            // SAFETY: the block has room for as many such arrays as there are values.
            unsafe { array.write_contiguous(block.pointer().add(index * array.bytes())) };
        }
        // SAFETY: every element has just been written.
        Ok(unsafe { written(array_type, block) })
    }

    /// The body for each index, several at once.
    fn map(&self, map: &MapStep, step: &Step) -> Result<Vec<Array>, Diagnostic> {
        let mut blocks = Vec::with_capacity(step.types.len());
        for array_type in &step.types {
            let block = Array::unwritten(array_type.dtype, &array_type.shape, self.context.pool);
            blocks.push(block.map_err(|refusal| out_of_memory(array_type, refusal, step.span))?);
        }
        let mapped = self.arrays(&map.mapped);
        let captured = self.arrays(&map.captured);
        let length = mapped.first().map_or(0, |array| array.shape()[0]);
        let first_failure: Mutex<Option<(usize, Diagnostic)>> = Mutex::new(None);
        let turn = |index: usize| -> Result<(), Diagnostic> {
            let inputs: Vec<Array> =
                mapped.iter().map(|array| element(array, index)).chain(captured.iter().cloned()).collect();
            for (result, block) in run(&map.body, &inputs, self.context)?.iter().zip(&blocks) {
                // SAFETY: the block has room for `length` such results, and this place is this turn's.
                unsafe { result.write_contiguous(block.pointer().add(index * result.bytes())) };
            }
            Ok(())
        };
        let drive = self.drive(step.site.threads);
        let grain = if drive.count() == 1 { length } else { (length / (drive.count() * 8)).clamp(1, 64) };
        let outcome = drive.units(
            length,
            grain,
            |unit| unit,
            || (),
            |(), index| {
                let failure = turn(index).err()?;
                let mut first = first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(known, _)| index < *known) {
                    *first = Some((index, failure));
                }
                Some(Fault { element: index, instruction: 0 })
            },
        );
        match outcome {
            Err(Stop::Cancelled) => Err(interrupted(step.span)),
            Err(Stop::Fault(_) | Stop::OutOfMemory(_)) => {
                let first = first_failure.into_inner().unwrap_or_else(PoisonError::into_inner);
                Err(first.map_or_else(|| interrupted(step.span), |(_, failure)| failure))
            }
            // SAFETY: every turn has written its part.
            Ok(()) => Ok(step.types.iter().zip(blocks).map(|(kind, block)| unsafe { written(kind, block) }).collect()),
        }
    }
}

/// The array that a filled block has become.
///
/// # Safety
/// As [`Array::from_written`], with the block that [`Array::unwritten`] gave for this type.
unsafe fn written(array_type: &ArrayType, block: crate::buffer::Unwritten) -> Array {
    // SAFETY: the caller's promise.
    match unsafe { Array::from_written(array_type.dtype, &array_type.shape, block) } {
        Some(array) => array,
        None => unreachable!("the block was made for the type"),
    }
}

/// One element of the first axis.
fn element(array: &Array, index: usize) -> Array {
    let offset = array.offset().wrapping_add_signed(index as isize * array.strides()[0]);
    match array.view(offset, &array.shape()[1..], &array.strides()[1..]) {
        Some(element) => element,
        None => unreachable!("the index is below the length"),
    }
}

/// A view, without a copy.
fn view(array: &Array, axes: &[SourceAxis], array_type: &ArrayType) -> Array {
    let mut offset = array.offset() as isize;
    let mut strides = vec![0isize; array_type.shape.len()];
    for (axis, &stride) in axes.iter().zip(array.strides()) {
        offset = offset.wrapping_add((axis.start as isize).wrapping_mul(stride));
        if let Some(own) = axis.axis {
            strides[own] += axis.step * stride;
        }
    }
    match array.view(offset as usize, &array_type.shape, &strides) {
        Some(view) => view,
        None => unreachable!("the checker has checked the view's indices"),
    }
}

fn unrunnable(name: &str, span: Span) -> Diagnostic {
    let message = format!("internal error: `{name}` has no function to run");
    Failure { code: "E0599", message, help: None }.at(span)
}
