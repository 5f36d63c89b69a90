//! Bodies: maps turn by turn, loops, and one of two. A body is planned once and keeps its table of values from turn to turn;
//! what a turn carries to the next is handed over, so that it can be changed where it lies.

use super::block::Fault;
use super::frame::{Run, Single, Slot};
use super::machine::Coded;
use super::threads::{Drive, Stop};
use super::{Context, interrupted, out_of_memory, written};
use crate::array::Array;
use crate::buffer::{OutOfMemory, Unwritten};
use crate::plan::{Choice, LoopStep, MapStep, Step, Walked};
use std::sync::{Mutex, PoisonError};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::types::ArrayType;

/// What a map or a loop walks along.
pub(super) enum Walk {
    /// The elements of an array's first axis.
    Array(Array),
    /// Numbers that need no array.
    Counter { start: i64, step: i64 },
}

impl Walk {
    /// What a turn sees of it.
    fn element(&self, index: usize) -> Slot<'static> {
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

impl Walk {
    /// What several turns see of it, along a first axis.
    fn slice(&self, start: usize, end: usize, context: &Context) -> Result<Array, OutOfMemory> {
        match self {
            Walk::Counter { start: first, step } => {
                let mut array = Array::zeros(DType::I64, &[end - start], context.pool)?;
                for (place, turn) in array.as_mut_slice::<i64>().unwrap_or_default().iter_mut().zip(start..end) {
                    *place = first.wrapping_add(step.wrapping_mul(turn as i64));
                }
                Ok(array)
            }
            Walk::Array(array) => {
                let offset = array.offset().wrapping_add_signed(start as isize * array.strides()[0]);
                let shape: Vec<usize> =
                    std::iter::once(end - start).chain(array.shape()[1..].iter().copied()).collect();
                match array.view(offset, &shape, array.strides()) {
                    Some(slice) => Ok(slice),
                    None => unreachable!("the turns are below the length"),
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
        if let Some(lanes) = &repeated.lanes
            && let Some(code) = lanes.code()
            && lanes.lanes >= code.width()
        {
            return self.run_lanes(lanes, code, repeated, step);
        }
        let context = self.context;
        let plans = || std::iter::once(&*repeated.body).chain(repeated.condition.as_deref());
        let mut bodies = self.bodies(index, || plans().map(|plan| Run::new(plan, context)).collect());
        let walks = self.walks(&repeated.mapped);
        let mut carried: Vec<Slot> = repeated.carried.iter().map(|&handed| self.hand(handed)).collect();
        let (walked, count) = (walks.len(), carried.len());
        let offer = repeated.machine.as_ref().and_then(|machine| machine.as_deref().ok());
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
            if turn % BETWEEN_LOOKS == 0
                && let Some(offer) = offer
                && let Some(code) = offer.code(ahead(repeated, turn))
                && self.run_code(code, &offer.program, repeated, &walks, &mut carried, turn, step)?
            {
                break;
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
        let walks = self.walks(&map.mapped);
        let captured: Vec<Slot> = map.captured.iter().map(|&value| self.values[value].clone()).collect();
        let drive = self.drive(&step.site);
        let coded = self.coded(map, &walks, &captured, &blocks, step)?;
        let coded = coded.map(|coded| (coded, (map.length / (drive.count() * 8)).clamp(1, MOST_TURNS)));
        let turns = Turns { map, context, walks, captured, coded, blocks, step };
        if drive.count() == 1 {
            let mut bodies = self.bodies(index, || turns.bodies());
            turns.begin(&mut bodies);
            for unit in 0..turns.units() {
                if context.cancel.is_cancelled() {
                    return Err(interrupted(step.span));
                }
                turns.unit(&mut bodies, unit)?;
            }
            bodies.iter_mut().for_each(Run::unpin);
            self.keep(index, bodies);
        } else {
            turns.spread(&drive)?;
        }
        for ((&value, array_type), block) in step.results.iter().zip(&step.types).zip(turns.blocks) {
            // SAFETY: every turn has written its part.
            self.values[value] = Slot::Array(unsafe { written(array_type.dtype, &array_type.shape, block) });
        }
        Ok(())
    }
}

/// How many turns of a loop there are between two looks whether it is worth compiling by now.
const BETWEEN_LOOKS: usize = 64;

/// How many turns a loop has ahead that were not counted at the last look.
fn ahead(repeated: &LoopStep, turn: usize) -> usize {
    match (repeated.turns, turn) {
        (usize::MAX, _) => BETWEEN_LOOKS,
        (turns, 0) => turns,
        _ => 0,
    }
}

/// The most turns of a map that machine code does at once.
const MOST_TURNS: usize = 4096;

/// A map under way.
struct Turns<'a, 'b> {
    map: &'a MapStep,
    context: &'a Context<'a>,
    walks: Vec<Walk>,
    captured: Vec<Slot<'a>>,
    /// The machine code, and how many turns of it are a unit.
    coded: Option<(Coded<'a>, usize)>,
    /// The results, an equal part of each for each turn.
    blocks: Vec<Unwritten>,
    step: &'b Step,
}

impl<'a> Turns<'a, '_> {
    /// The tables of the bodies: for a turn, or for a chunk and for the last one.
    fn bodies(&self) -> Vec<Run<'a>> {
        let plans = match &self.map.chunks {
            _ if self.coded.is_some() => Vec::new(),
            None => vec![&*self.map.body],
            Some(chunks) => std::iter::once(&*chunks.each).chain(chunks.last.as_deref()).collect(),
        };
        plans.into_iter().map(|plan| Run::new(plan, self.context)).collect()
    }

    /// Gives tables what every turn sees.
    fn begin(&self, bodies: &mut [Run<'a>]) {
        for body in bodies {
            for (position, captured) in self.captured.iter().enumerate() {
                body.pin(self.walks.len() + position, captured.clone());
            }
        }
    }

    /// How many turns or chunks there are.
    fn units(&self) -> usize {
        match &self.map.chunks {
            _ if let Some((_, turns)) = &self.coded => self.map.length.div_ceil(*turns),
            None => self.map.length,
            Some(chunks) => self.map.length.div_ceil(chunks.lanes),
        }
    }

    /// Runs a turn, or a chunk.
    fn unit(&self, bodies: &mut [Run<'a>], unit: usize) -> Result<(), Diagnostic> {
        if let Some((coded, turns)) = &self.coded {
            let start = unit * turns;
            let turns = start..self.map.length.min(start + turns);
            // SAFETY: the blocks are this map's own, and each unit's turns are its alone.
            return unsafe { coded.turns(turns, self.step.span) };
        }
        let Some(chunks) = &self.map.chunks else { return self.turn(&mut bodies[0], unit) };
        let start = unit * chunks.lanes;
        let end = self.map.length.min(start + chunks.lanes);
        let body = &mut bodies[if end - start < chunks.lanes { 1 } else { 0 }];
        let Err(failure) = self.chunk(body, start, end) else { return Ok(()) };
        if self.context.cancel.is_cancelled() {
            return Err(failure);
        }
        // Lanes meet what goes wrong in another order than turns do: the first turn's failure is the one to tell.
        let mut body = [Run::new(&self.map.body, self.context)];
        self.begin(&mut body);
        (start..end).try_for_each(|turn| self.turn(&mut body[0], turn))
    }

    fn turn(&self, body: &mut Run, turn: usize) -> Result<(), Diagnostic> {
        give(body, &self.walks, turn);
        body.turn()?;
        self.store(body, turn, self.map.length);
        Ok(())
    }

    fn chunk(&self, body: &mut Run, start: usize, end: usize) -> Result<(), Diagnostic> {
        for (input, walk) in self.walks.iter().enumerate() {
            if body.needs(input) {
                let slice = walk.slice(start, end, self.context);
                let array = slice.map_err(|refusal| {
                    let array_type = ArrayType::new(DType::I64, vec![end - start]);
                    out_of_memory(&array_type, refusal, self.step.span)
                })?;
                body.put(input, Slot::Array(array));
            }
        }
        body.turn()?;
        self.store(body, start, self.map.length);
        Ok(())
    }

    /// Stores what a body has given, from the place of this turn on.
    fn store(&self, body: &mut Run, turn: usize, turns: usize) {
        for (output, (block, array_type)) in self.blocks.iter().zip(&self.step.types).enumerate() {
            let bytes = array_type.bytes() / turns;
            // SAFETY: the block has room for as many such results as there are turns, and these places are this turn's or
            // this chunk's.
            unsafe {
                let to = block.pointer().add(turn * bytes);
                match body.output(output) {
                    Slot::Single(single) => std::ptr::copy_nonoverlapping(single.element.0.as_ptr(), to, bytes),
                    slot => slot.into_array().write_contiguous(to),
                }
            }
        }
    }

    /// All turns, on several threads; of several failures the first turn's counts.
    fn spread(&self, drive: &Drive) -> Result<(), Diagnostic> {
        let units = self.units();
        let first_failure: Mutex<Option<(usize, Diagnostic)>> = Mutex::new(None);
        let ready = || {
            let mut bodies = self.bodies();
            self.begin(&mut bodies);
            bodies
        };
        let outcome = drive.units(
            units,
            (units / (drive.count() * 8)).clamp(1, 64),
            |unit| unit,
            ready,
            |bodies, unit| {
                let failure = self.unit(bodies, unit).err()?;
                // What the failed turn has left behind is nobody's business.
                *bodies = ready();
                let mut first = first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(known, _)| unit < *known) {
                    *first = Some((unit, failure));
                }
                Some(Fault { element: unit, instruction: 0 })
            },
        );
        match outcome {
            Err(Stop::Cancelled) => Err(interrupted(self.step.span)),
            Err(Stop::Fault(_) | Stop::OutOfMemory(_)) => {
                let first = first_failure.into_inner().unwrap_or_else(PoisonError::into_inner);
                Err(first.map_or_else(|| interrupted(self.step.span), |(_, failure)| failure))
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
        slot => slot.array().and_then(Array::scalar_value).is_some_and(|scalar| scalar.bits[0] != 0),
    }
}
