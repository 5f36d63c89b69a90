//! Bodies: maps turn by turn, loops, and one of two. A body is planned once and keeps its table of values from turn to turn;
//! what a turn carries to the next is handed over, so that it can be changed where it lies.

use super::block::Fault;
use super::frame::{Run, Single, Slot};
use super::threads::{Drive, Stop};
use super::{Context, interrupted, out_of_memory, written};
use crate::array::Array;
use crate::buffer::Unwritten;
use crate::plan::{Choice, LoopStep, MapStep, Step, Walked};
use std::sync::{Mutex, PoisonError};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;

/// What a map or a loop walks along.
enum Walk {
    /// The elements of an array's first axis.
    Array(Array),
    /// Numbers that need no array.
    Counter { start: i64, step: i64 },
}

impl Walk {
    /// What a turn sees of it.
    fn element(&self, index: usize) -> Slot {
        match self {
            Walk::Counter { start, step } => {
                Slot::Single(Single::of(Scalar::i64(start.wrapping_add(step.wrapping_mul(index as i64)))))
            }
            Walk::Array(array) => {
                let offset = array.offset().wrapping_add_signed(index as isize * array.strides()[0]);
                if array.rank() == 1 {
                    let pointer = array.buffer().pointer().wrapping_add(offset * array.dtype().size());
                    // SAFETY: the index is below the length, so that the element is one of the array's.
                    return Slot::Single(unsafe { Single::read(pointer, array.dtype()) });
                }
                match array.view(offset, &array.shape()[1..], &array.strides()[1..]) {
                    Some(element) => Slot::Array(element),
                    None => unreachable!("the index is below the length"),
                }
            }
        }
    }
}

impl<'a> Run<'a> {
    fn walks(&self, walked: &[Walked]) -> Vec<Walk> {
        let walk = |walked: &Walked| match *walked {
            Walked::Value(value) => Walk::Array(self.array(value)),
            Walked::Counter { start, step } => Walk::Counter { start, step },
        };
        walked.iter().map(walk).collect()
    }

    /// One of two bodies.
    pub(super) fn choose(&mut self, index: usize, choice: &'a Choice, step: &Step) -> Result<(), Diagnostic> {
        let context = self.context;
        let mut bodies =
            self.bodies(index, || vec![Run::new(&choice.then, context), Run::new(&choice.otherwise, context)]);
        let body = &mut bodies[if self.truth(choice.condition) { 0 } else { 1 }];
        for (input, &captured) in choice.captured.iter().enumerate() {
            if body.needs(input) {
                body.put(input, self.hand(captured));
            }
        }
        body.turn()?;
        for (output, &value) in step.results.iter().enumerate() {
            self.values[value] = body.output(output);
        }
        self.keep(index, bodies);
        Ok(())
    }

    /// The body again and again.
    pub(super) fn repeat(&mut self, index: usize, repeated: &'a LoopStep, step: &Step) -> Result<(), Diagnostic> {
        let context = self.context;
        let plans = || std::iter::once(&*repeated.body).chain(repeated.condition.as_deref());
        let mut bodies = self.bodies(index, || plans().map(|plan| Run::new(plan, context)).collect());
        let walks = self.walks(&repeated.mapped);
        let mut carried: Vec<Slot> = repeated.carried.iter().map(|&handed| self.hand(handed)).collect();
        let (walked, count) = (walks.len(), carried.len());
        for (position, &value) in repeated.captured.iter().enumerate() {
            bodies[0].pin(walked + count + position, self.values[value].clone());
            if let Some(condition) = bodies.get_mut(1) {
                condition.pin(count + position, self.values[value].clone());
            }
        }
        for turn in 0..repeated.turns {
            if context.cancel.is_cancelled() {
                return Err(interrupted(step.span));
            }
            let [body, rest @ ..] = &mut bodies[..] else { break };
            if let [condition] = rest {
                for (input, slot) in carried.iter().enumerate() {
                    if condition.needs(input) {
                        condition.put(input, slot.clone());
                    }
                }
                condition.turn()?;
                if !is_true(&condition.output(0)) {
                    break;
                }
            }
            give(body, &walks, turn);
            for (input, slot) in carried.iter_mut().enumerate() {
                body.put(walked + input, std::mem::replace(slot, Slot::Empty));
            }
            body.turn()?;
            for (output, slot) in carried.iter_mut().enumerate() {
                *slot = body.output(output);
            }
            if repeated.stops && is_true(&body.output(count)) {
                break;
            }
        }
        bodies.iter_mut().for_each(Run::unpin);
        self.keep(index, bodies);
        for (&value, slot) in step.results.iter().zip(carried) {
            self.values[value] = slot;
        }
        Ok(())
    }

    /// The body for each index, several at once.
    pub(super) fn map(&mut self, index: usize, map: &'a MapStep, step: &Step) -> Result<(), Diagnostic> {
        let context = self.context;
        let mut blocks = Vec::with_capacity(step.types.len());
        for array_type in &step.types {
            let block = Array::unwritten(array_type.dtype, &array_type.shape, context.pool);
            blocks.push(block.map_err(|refusal| out_of_memory(array_type, refusal, step.span))?);
        }
        let turns = Turns {
            map,
            context,
            walks: self.walks(&map.mapped),
            captured: map.captured.iter().map(|&value| self.values[value].clone()).collect(),
            blocks,
        };
        let drive = self.drive(step.site.threads);
        if drive.count() == 1 {
            let mut bodies = self.bodies(index, || vec![Run::new(&map.body, context)]);
            turns.begin(&mut bodies[0]);
            for turn in 0..map.length {
                if context.cancel.is_cancelled() {
                    return Err(interrupted(step.span));
                }
                turns.turn(&mut bodies[0], turn)?;
            }
            bodies[0].unpin();
            self.keep(index, bodies);
        } else {
            turns.spread(&drive, step)?;
        }
        for ((&value, array_type), block) in step.results.iter().zip(&step.types).zip(turns.blocks) {
            // SAFETY: every turn has written its part.
            self.values[value] = Slot::Array(unsafe { written(array_type, block) });
        }
        Ok(())
    }
}

/// A map under way.
struct Turns<'a> {
    map: &'a MapStep,
    context: &'a Context<'a>,
    walks: Vec<Walk>,
    captured: Vec<Slot>,
    /// The results, an equal part of each for each turn.
    blocks: Vec<Unwritten>,
}

impl<'a> Turns<'a> {
    /// Gives a table what every turn sees.
    fn begin(&self, body: &mut Run) {
        for (position, captured) in self.captured.iter().enumerate() {
            body.pin(self.walks.len() + position, captured.clone());
        }
    }

    fn turn(&self, body: &mut Run, turn: usize) -> Result<(), Diagnostic> {
        give(body, &self.walks, turn);
        body.turn()?;
        for (output, block) in self.blocks.iter().enumerate() {
            // SAFETY: the block has room for as many such results as there are turns, and this place is this turn's.
            unsafe {
                match body.output(output) {
                    Slot::Single(single) => {
                        let size = single.dtype.size();
                        let to = block.pointer().add(turn * size);
                        std::ptr::copy_nonoverlapping(single.element.0.as_ptr(), to, size);
                    }
                    slot => {
                        let array = slot.into_array();
                        array.write_contiguous(block.pointer().add(turn * array.bytes()));
                    }
                }
            }
        }
        Ok(())
    }

    /// All turns, on several threads; of several failures the first turn's counts.
    fn spread(&self, drive: &Drive, step: &Step) -> Result<(), Diagnostic> {
        let length = self.map.length;
        let first_failure: Mutex<Option<(usize, Diagnostic)>> = Mutex::new(None);
        let outcome = drive.units(
            length,
            (length / (drive.count() * 8)).clamp(1, 64),
            |unit| unit,
            || {
                let mut body = Run::new(&self.map.body, self.context);
                self.begin(&mut body);
                body
            },
            |body, turn| {
                let failure = self.turn(body, turn).err()?;
                // What the failed turn has left behind is nobody's business.
                *body = Run::new(&self.map.body, self.context);
                self.begin(body);
                let mut first = first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(known, _)| turn < *known) {
                    *first = Some((turn, failure));
                }
                Some(Fault { element: turn, instruction: 0 })
            },
        );
        match outcome {
            Err(Stop::Cancelled) => Err(interrupted(step.span)),
            Err(Stop::Fault(_) | Stop::OutOfMemory(_)) => {
                let first = first_failure.into_inner().unwrap_or_else(PoisonError::into_inner);
                Err(first.map_or_else(|| interrupted(step.span), |(_, failure)| failure))
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Gives a body what a turn sees of what is walked along.
fn give(body: &mut Run, walks: &[Walk], turn: usize) {
    for (input, walk) in walks.iter().enumerate() {
        if body.needs(input) {
            body.put(input, walk.element(turn));
        }
    }
}

/// A bool of rank 0.
fn is_true(slot: &Slot) -> bool {
    match slot {
        Slot::Single(single) => single.element.0[0] != 0,
        Slot::Array(array) => array.scalar_value().is_some_and(|scalar| scalar.bits[0] != 0),
        Slot::Empty => false,
    }
}
