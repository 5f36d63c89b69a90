//! Running a loop or a map as machine code: its frame, the memory of what it carries, and what went wrong.

use super::frame::{Element, Run, Single, Slot};
use super::index::out_of_bounds;
use super::loops::Walk;
use super::region::no_answer;
use super::{interrupted, out_of_memory};
use crate::array::Array;
use crate::buffer::Unwritten;
use crate::machine::loops::{AT, CANCEL, Code, FIRST_TURN, Fault, Given, INPUTS, LAST_TURN, NUMBER, Program};
use crate::plan::{LoopStep, MapStep, Step};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;

/// An array that does not lie in order is copied for a loop that takes at least one step for so many of its elements.
const COPIED: usize = 64;

/// What code is given.
struct Frame {
    slots: Vec<Element>,
    /// What the slots lead to that is only read.
    read: Vec<Array>,
}

/// A map as machine code: any of its turns can be run, several at once.
pub(super) struct Coded<'a> {
    code: &'a Code,
    program: &'a Program,
    frame: Frame,
}

impl<'a> Run<'a> {
    /// Gets a map ready to run as machine code, `blocks` being where its results go; `None`: not this time.
    pub(super) fn coded(
        &self,
        map: &'a MapStep,
        walks: &[Walk],
        captured: &[Slot],
        blocks: &[Unwritten],
        step: &Step,
    ) -> Result<Option<Coded<'a>>, Diagnostic> {
        let offer = map.machine.as_ref().and_then(|machine| machine.as_deref().ok());
        let Some((offer, code)) = offer.and_then(|offer| Some((offer, offer.code(map.length)?))) else {
            return Ok(None);
        };
        let program = &offer.program;
        let captured = |number: usize| captured[number].clone().held();
        let Some(mut frame) = self.frame(program, map.length, walks, &captured, step)? else { return Ok(None) };
        for (&(given, _), place) in program.inputs.iter().zip(&mut frame.slots[INPUTS..]) {
            if let Given::Result(number) = given {
                *place = word(blocks[number].pointer().addr() as u64);
            }
        }
        Ok(Some(Coded { code, program, frame }))
    }
}

impl Coded<'_> {
    /// Runs some turns.
    ///
    /// # Safety
    /// The blocks that it was made for live, are as large as the results, and nobody else writes these turns' parts of them.
    pub(super) unsafe fn turns(&self, turns: std::ops::Range<usize>, span: Span) -> Result<(), Diagnostic> {
        let mut slots = self.frame.slots.clone();
        slots[FIRST_TURN] = word(turns.start as u64);
        slots[LAST_TURN] = word(turns.end as u64);
        // SAFETY: the frame has the slots that the program was made for; what is read lies in order, has the shapes that the plan
        // says and is held by the frame; the rest is the caller's promise.
        unsafe { ended(self.code, self.program, &mut slots, span) }
    }
}

/// Runs code to its end.
///
/// # Safety
/// As [`Code::run`].
unsafe fn ended(code: &Code, program: &Program, frame: &mut [Element], span: Span) -> Result<(), Diagnostic> {
    // SAFETY: the caller's promise.
    match unsafe { code.run(frame.as_mut_ptr().cast()) } {
        0 => Ok(()),
        1 => Err(interrupted(span)),
        fault => {
            let said = |slot: usize| i64::from_ne_bytes(std::array::from_fn(|index| frame[slot].0[index]));
            Err(diagnostic(&program.faults[fault as usize - 2], said(NUMBER), said(AT)))
        }
    }
}

impl Run<'_> {
    /// The frame of a loop or a map, with what is only read in it, and what that is; `None` where a copy would cost more than the
    /// turns do.
    fn frame(
        &self,
        program: &Program,
        turns: usize,
        walks: &[Walk],
        captured: &dyn Fn(usize) -> Slot<'static>,
        step: &Step,
    ) -> Result<Option<Frame>, Diagnostic> {
        let mut slots = vec![Element([0; 16]); INPUTS + program.inputs.len() + program.outputs.len()];
        // The flag lives as long as the run does.
        slots[CANCEL] = word(self.context.cancel.flag().addr() as u64);
        let mut read: Vec<Array> = Vec::new();
        for (&(given, _), place) in program.inputs.iter().zip(&mut slots[INPUTS..]) {
            let slot = match given {
                Given::Walked(number) => match &walks[number] {
                    Walk::Array(array) => Slot::Array(array.clone()),
                    Walk::Counter { .. } => unreachable!("what counts is no input"),
                },
                Given::Captured(number) => captured(number),
                Given::Carried(_) | Given::Result(_) => continue,
            };
            match self.readable(slot, turns, program, step)? {
                Some(Slot::Single(single)) => *place = single.element,
                Some(Slot::Array(array)) => {
                    *place = word(array.data_pointer().addr() as u64);
                    read.push(array);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(Frame { slots, read }))
    }

    /// Runs a loop from a turn on, to its end. False: not this time, because an array would have to be copied that is much larger
    /// than the loop is long.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn run_code(
        &self,
        code: &Code,
        program: &Program,
        repeated: &LoopStep,
        walks: &[Walk],
        carried: &mut [Slot],
        turn: usize,
        step: &Step,
    ) -> Result<bool, Diagnostic> {
        let captured = |number: usize| self.values[repeated.captured[number]].clone().held();
        let Some(frame) = self.frame(program, repeated.turns, walks, &captured, step)? else { return Ok(false) };
        let Frame { slots: mut frame, read } = frame;
        frame[FIRST_TURN] = word(turn as u64);
        frame[LAST_TURN] = word(repeated.turns as u64);
        let mut owned: Vec<Array> = Vec::new();
        for (&(given, _), place) in program.inputs.iter().zip(&mut frame[INPUTS..]) {
            let Given::Carried(number) = given else { continue };
            match single(std::mem::replace(&mut carried[number], Slot::Empty)) {
                Slot::Array(array) => {
                    let mut array = self.in_order(array, step)?;
                    let Some(pointer) = array.data_pointer_mut() else {
                        unreachable!("it has just been made writable")
                    };
                    *place = word(pointer.addr() as u64);
                    owned.push(array);
                }
                Slot::Single(single) => *place = single.element,
                Slot::Lent(_) | Slot::Empty => unreachable!("a carried value is handed over in every turn"),
            }
        }
        // SAFETY: the frame has the slots that the program was made for; what is read and what is carried lies in order, has the
        // shapes that the plan says, and lives until the end of this function; what is carried is held by `owned` alone.
        unsafe { ended(code, program, &mut frame, step.span)? };
        drop(read);
        let results = &frame[INPUTS + program.inputs.len()..];
        for ((slot, element), own) in carried.iter_mut().zip(results).zip(&step.types) {
            *slot = if own.shape.is_empty() {
                Slot::Single(Single { element: *element, dtype: own.dtype })
            } else {
                let address = u64::from_ne_bytes(std::array::from_fn(|index| element.0[index]));
                let is_own = |array: &Array| {
                    array.data_pointer().addr() as u64 == address
                        && array.dtype() == own.dtype
                        && array.shape() == own.shape
                };
                match owned.iter().position(is_own) {
                    Some(place) => Slot::Array(owned.swap_remove(place)),
                    None => unreachable!("a loop gives back each array that it was given, once"),
                }
            };
        }
        Ok(true)
    }

    /// A value whose elements lie in order; `None` where a copy would cost more than the loop does.
    fn readable(
        &self,
        slot: Slot,
        turns: usize,
        program: &Program,
        step: &Step,
    ) -> Result<Option<Slot<'static>>, Diagnostic> {
        let slot = single(slot);
        let Slot::Array(array) = slot else { return Ok(Some(slot)) };
        if array.is_contiguous() {
            return Ok(Some(Slot::Array(array)));
        }
        let turns = if turns == usize::MAX { COPIED } else { turns };
        if array.len() as f64 > (COPIED * turns) as f64 * program.weight {
            return Ok(None);
        }
        Ok(Some(Slot::Array(self.copied(&array, step)?)))
    }

    /// An array that nothing else holds and whose elements lie in order.
    fn in_order(&self, mut array: Array, step: &Step) -> Result<Array, Diagnostic> {
        if array.is_contiguous() && array.data_pointer_mut().is_some() {
            return Ok(array);
        }
        self.copied(&array, step)
    }

    fn copied(&self, array: &Array, step: &Step) -> Result<Array, Diagnostic> {
        let array_type = ArrayType::new(array.dtype(), array.shape());
        array.copy(self.context.pool).map_err(|refusal| out_of_memory(&array_type, refusal, step.span))
    }
}

/// A slot in which a value of rank 0 is a single element.
fn single(slot: Slot) -> Slot<'static> {
    match slot.held() {
        // SAFETY: an array of rank 0 has one element.
        Slot::Array(array) if array.rank() == 0 => unsafe {
            Slot::Single(Single::read(array.data_pointer(), array.dtype()))
        },
        slot => slot,
    }
}

fn word(bits: u64) -> Element {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&bits.to_ne_bytes());
    Element(bytes)
}

/// What a fault is to the person who wrote the program: the interpreter's words.
fn diagnostic(fault: &Fault, number: i64, at: i64) -> Diagnostic {
    match fault {
        Fault::Bounds { axis, length, is_one_of_several, span } => {
            let place = usize::try_from(at).ok().filter(|_| *is_one_of_several);
            out_of_bounds(number, *axis, *length, place.as_slice(), *span)
        }
        Fault::Instruction { text, at, span } => no_answer(text, at, *span),
        Fault::Update { text, span } => Diagnostic::error("E0501", (*text).to_owned(), *span, ""),
    }
}
