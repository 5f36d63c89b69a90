//! The steps of a plan, but for regions, bodies and indices, which have files of their own.

use super::frame::{Run, Single, Slot};
use super::threads::Drive;
use super::{out_of_memory, written};
use crate::array::Array;
use crate::operation::{Body, EffectCall, Failure, FunctionCall};
use crate::plan::region::{Site, ValueId};
use crate::plan::{Step, Work};
use crate::short::Short;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::{Attribute, OperationId, SourceAxis};
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;
use thalweg_lang::value::Value;

impl<'a> Run<'a> {
    /// What spreads work as its site says.
    pub(super) fn drive(&self, site: &Site) -> Drive<'a> {
        let of = if site.is_light { Drive::light } else { Drive::new };
        of(self.context.threads, site.threads, self.context.cancel)
    }

    /// What runs all work on the calling thread.
    pub(super) fn alone(&self) -> Drive<'a> {
        Drive::new(self.context.threads, 1, self.context.cancel)
    }

    /// Runs one step and keeps its results.
    pub(super) fn step(&mut self, index: usize, step: &'a Step) -> Result<(), Diagnostic> {
        let slot = match &step.work {
            Work::Region(region) => return self.region(region, step.span),
            Work::If(choice) => return self.choose(index, choice, step),
            Work::Loop(repeated) => return self.repeat(index, repeated, step),
            Work::Map(map) => return self.map(index, map, step),
            Work::Effect { operation, arguments } => return self.effect(*operation, arguments, step.span),
            Work::Gather { value, axes } => return self.gather(*value, axes, step),
            Work::Update(update) => return self.update(update, step),
            Work::View { value, axes } => {
                self.values[step.results[0]] = match self.values[*value].array() {
                    Some(array) => Slot::Array(view(array, axes, &step.types[0])),
                    None => Slot::Array(view(&self.array(*value), axes, &step.types[0])),
                };
                return Ok(());
            }
            Work::Apply { operation, operands, attributes } => {
                let results = self.apply(*operation, operands, attributes, step)?;
                debug_assert_eq!(results.len(), step.results.len());
                for (&value, array) in step.results.iter().zip(results) {
                    self.values[value] = Slot::Array(array);
                }
                return Ok(());
            }
            Work::SliceBounds { length, start, stop, step: distance } => {
                let bounds = self.slice_bounds(*length, *start, *stop, *distance);
                step.results.iter().zip(bounds).for_each(|(&value, slot)| self.values[value] = slot);
                return Ok(());
            }
            Work::Constant(scalar) => Slot::Single(Single::of(*scalar)),
            Work::Literal(elements) => Slot::Array(self.literal(elements, &step.types[0], step.span)?),
            Work::Reshape { value } => Slot::Array(self.reshape(*value, &step.types[0], step.span)?),
            Work::Stack { values } => Slot::Array(self.stack(values, &step.types[0], step.span)?),
            Work::Count { value } => self.count(*value, step.span)?,
            Work::Positions { value } => self.positions(*value, step)?,
            Work::Compress { value, mask } => self.compress(*value, *mask, step)?,
        };
        debug_assert!(slot.is(&step.types[0]), "{} is not what the step made", step.types[0]);
        self.values[step.results[0]] = slot;
        Ok(())
    }

    fn apply(
        &self,
        operation: OperationId,
        operands: &[ValueId],
        attributes: &[Attribute],
        step: &Step,
    ) -> Result<Vec<Array>, Diagnostic> {
        let Body::Function(function) = self.context.bodies.body(operation) else {
            return Err(unrunnable(self.context.bodies.name(operation), step.span));
        };
        let operands = operands.iter().map(|&value| self.keepable(value, step.span)).collect::<Result<Vec<_>, _>>()?;
        let drive = self.drive(&step.site);
        let call = FunctionCall {
            operands: &operands,
            attributes,
            types: &step.types,
            pool: self.context.pool,
            threads: drive.count(),
            team: &drive,
        };
        function(&call).map_err(|failure| failure.at(step.span))
    }

    fn effect(&self, operation: OperationId, arguments: &[Value<ValueId>], span: Span) -> Result<(), Diagnostic> {
        let Body::Effect(effect) = self.context.bodies.body(operation) else {
            return Err(unrunnable(self.context.bodies.name(operation), span));
        };
        let mut refused = None;
        let mut keepable = |&value: &ValueId| {
            self.keepable(value, span).unwrap_or_else(|refusal| {
                refused = Some(refusal);
                Array::scalar(Scalar::bool(false))
            })
        };
        let arguments: Vec<Value<Array>> = arguments.iter().map(|value| value.map(&mut keepable)).collect();
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let call = EffectCall { arguments: &arguments, host: self.context.host };
        effect(&call).map_err(|failure| failure.at(span))
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
        Ok(unsafe { written(array_type.dtype, &array_type.shape, block) })
    }
}

/// A view, without a copy.
fn view(array: &Array, axes: &[SourceAxis], array_type: &ArrayType) -> Array {
    let mut offset = array.offset() as isize;
    let mut strides: Short<isize> = Short::from_elem(0, array_type.shape.len());
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
