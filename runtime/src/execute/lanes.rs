//! Running a loop on lanes by machine code.

use super::frame::{Run, Slot};
use super::scratch::Scratch;
use super::{interrupted, out_of_memory};
use crate::array::Array;
use crate::buffer::ALIGNMENT;
use crate::machine::regions::{Compiled, LaneLoop, Operand, Reading, parts};
use crate::plan::{LoopStep, Step};
use crate::short::Short;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::types::ArrayType;

/// How many turns may be spent before somebody looks whether the run was cancelled.
const TURNS: usize = 1 << 15;

/// An input or result while the loop runs: where its first lane lies, and how many bytes there are to the next.
type Lying = (*mut u8, usize);

impl<'a> Run<'a> {
    /// Runs a loop on lanes to its end.
    pub(super) fn run_lanes(
        &mut self,
        lanes: &LaneLoop,
        code: &Compiled,
        repeated: &'a LoopStep,
        step: &Step,
    ) -> Result<(), Diagnostic> {
        let mut carried: Vec<Array> = Vec::with_capacity(repeated.carried.len());
        for &handed in &repeated.carried {
            let array = self.hand(handed).into_array();
            carried.push(self.own(array, step)?);
        }
        let mut kept: Vec<Array> = Vec::new();
        let mut scratch: Vec<Scratch> = Vec::new();
        let mut inputs: Short<Lying, 16> = Short::new();
        for operand in &lanes.operands {
            // The second part of a complex value comes with the first.
            if inputs.len() > lanes.operands.iter().position(|other| other == operand).unwrap_or(0) {
                continue;
            }
            // What is carried is this run's own, and is written where it lies.
            let own = match *operand {
                Operand::Carried(number) => carried[number].data_pointer_mut(),
                Operand::Captured(..) => None,
            };
            let array = match *operand {
                Operand::Carried(number) => carried[number].clone(),
                Operand::Captured(number, _) => self.array(repeated.captured[number]),
            };
            let array_type = || ArrayType::new(array.dtype(), array.shape());
            let refused = |refusal| out_of_memory(&array_type(), refusal, step.span);
            let array = array.to_contiguous(self.context.pool).map_err(refused)?;
            let parts = parts(array.dtype());
            let (part, pointer) = (parts[0].size(), own.unwrap_or(array.data_pointer().cast_mut()));
            let is_splat = matches!(operand, Operand::Captured(_, Reading::Splat));
            let count = if is_splat { ALIGNMENT / part } else { lanes.lanes };
            if parts.len() == 1 && !is_splat {
                inputs.push((pointer, part));
            } else {
                let mut memory = Scratch::of(parts.len() * count.next_multiple_of(ALIGNMENT) * part);
                for index in 0..parts.len() {
                    // SAFETY: the array has an element of as many parts for each lane, or one for all; the memory has room for each.
                    unsafe {
                        let to = memory.pointer().add(index * count.next_multiple_of(ALIGNMENT) * part);
                        for lane in 0..count {
                            let at = if is_splat { 0 } else { lane };
                            let from = pointer.add((at * parts.len() + index) * part);
                            std::ptr::copy_nonoverlapping(from, to.add(lane * part), part);
                        }
                        inputs.push((to, if is_splat { 0 } else { part }));
                    }
                }
                scratch.push(memory);
            }
            kept.push(array);
        }
        let results: usize = carried.iter().map(|array| parts(array.dtype()).len()).sum();
        let mut done = 0;
        while done < lanes.lanes {
            if self.context.cancel.is_cancelled() {
                return Err(interrupted(step.span));
            }
            let table = inputs.iter().chain(&inputs[..results]);
            let mut table: Short<*const u8, 32> =
                table.map(|&(pointer, size)| pointer.wrapping_add(done * size).cast_const()).collect();
            // SAFETY: every input has an element for each lane that is left, or a whole vector for all of them; the carried ones,
            // which come first, are this run's own; the plan's level is one that the machine has.
            done += unsafe { code.repeat(&mut table, lanes.lanes - done, TURNS) };
        }
        drop(kept);
        let mut first = 0;
        for (array, &value) in carried.iter_mut().zip(&step.results) {
            let parts = parts(array.dtype());
            if parts.len() > 1 {
                let (part, to) = (parts[0].size(), array.data_pointer_mut());
                let Some(to) = to else { unreachable!("it is this run's own") };
                for (index, &(from, _)) in inputs[first..first + parts.len()].iter().enumerate() {
                    for lane in 0..lanes.lanes {
                        // SAFETY: as above, the other way round.
                        unsafe {
                            let to = to.add((lane * parts.len() + index) * part);
                            std::ptr::copy_nonoverlapping(from.add(lane * part), to, part);
                        }
                    }
                }
            }
            first += parts.len();
            self.values[value] = Slot::Array(array.clone());
        }
        Ok(())
    }

    /// The array itself where it lies in order and nothing else holds it, otherwise a copy.
    fn own(&self, mut array: Array, step: &Step) -> Result<Array, Diagnostic> {
        if array.is_contiguous() && array.data_pointer_mut().is_some() {
            return Ok(array);
        }
        let array_type = ArrayType::new(array.dtype(), array.shape());
        array.copy(self.context.pool).map_err(|refusal| out_of_memory(&array_type, refusal, step.span))
    }
}
