//! A plan under way: the table of its values. A body that runs again and again keeps its table, so that a turn allocates nothing
//! but what its steps compute, and a single element is kept in the table itself.

use super::reader::scalar_bytes;
use super::{Context, interrupted, out_of_memory};
use crate::array::Array;
use crate::kernel::from_bytes;
use crate::plan::region::ValueId;
use crate::plan::{Following, Handed, Plan, Turns};
use crate::short::Short;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;

/// Room for one element of any dtype, as it lies in memory.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct Element(pub [u8; 16]);

/// An array of rank 0, without an allocation.
#[derive(Clone, Copy)]
pub struct Single {
    /// The element.
    pub element: Element,
    /// Its dtype.
    pub dtype: DType,
}

impl Single {
    /// A known element.
    pub fn of(scalar: Scalar) -> Single {
        Single { element: Element(scalar_bytes(scalar)), dtype: scalar.dtype }
    }

    /// The element at an address.
    ///
    /// # Safety
    /// An element of the dtype can be read there; it need not be aligned.
    pub unsafe fn read(pointer: *const u8, dtype: DType) -> Single {
        let mut element = Element([0; 16]);
        // SAFETY: the caller's promise; no element is larger than the room for one.
        unsafe { std::ptr::copy_nonoverlapping(pointer, element.0.as_mut_ptr(), dtype.size()) };
        Single { element, dtype }
    }

    /// The element as a scalar.
    pub fn scalar(&self) -> Scalar {
        from_bytes(self.dtype, self.element.0)
    }
}

/// A place in the table.
#[derive(Clone)]
pub enum Slot<'a> {
    /// Nothing yet, or nothing any more.
    Empty,
    /// A single element.
    Single(Single),
    /// An array.
    Array(Array),
    /// An array that the caller holds for as long as the run lasts.
    Lent(&'a Array),
}

impl Slot<'_> {
    /// The array, if it is one.
    pub fn array(&self) -> Option<&Array> {
        match self {
            Slot::Array(array) => Some(array),
            Slot::Lent(array) => Some(array),
            Slot::Single(_) | Slot::Empty => None,
        }
    }

    /// The same, held by itself.
    pub fn held(self) -> Slot<'static> {
        match self {
            Slot::Array(array) => Slot::Array(array),
            Slot::Lent(array) => Slot::Array(array.clone()),
            Slot::Single(single) => Slot::Single(single),
            Slot::Empty => Slot::Empty,
        }
    }

    /// The value as an array.
    pub fn into_array(self) -> Array {
        match self {
            Slot::Array(array) => array,
            Slot::Lent(array) => array.clone(),
            Slot::Single(single) => Array::scalar(single.scalar()),
            Slot::Empty => {
                unreachable!("steps come after those that make their operands, and drops after the last use")
            }
        }
    }

    /// Whether it holds what a value of this type is.
    pub fn is(&self, array_type: &ArrayType) -> bool {
        match self {
            Slot::Empty => false,
            Slot::Single(single) => array_type.shape.is_empty() && single.dtype == array_type.dtype,
            Slot::Array(array) => is(array, array_type),
            Slot::Lent(array) => is(array, array_type),
        }
    }
}

/// Whether an array is of a type.
pub fn is(array: &Array, array_type: &ArrayType) -> bool {
    array.dtype() == array_type.dtype && array.shape() == array_type.shape
}

/// One plan under way.
pub struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) context: &'a Context<'a>,
    pub(super) values: Vec<Slot<'a>>,
    /// The values that stay from turn to turn.
    pinned: Short<bool, 16>,
    /// What single elements are computed in.
    pub(super) registers: Vec<Element>,
    /// For each step the tables of its bodies, once it has run.
    bodies: Vec<Vec<Run<'a>>>,
    /// The outputs of the plan's rest, after a turn.
    rest: Vec<Slot<'a>>,
}

impl<'a> Run<'a> {
    /// An empty table.
    pub fn new(plan: &'a Plan, context: &'a Context<'a>) -> Run<'a> {
        let count = plan.values.len();
        Run {
            plan,
            context,
            values: std::iter::repeat_with(|| Slot::Empty).take(count).collect(),
            pinned: Short::from_elem(false, count),
            registers: Vec::new(),
            bodies: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// Whether anything reads an input.
    pub fn needs(&self, input: usize) -> bool {
        !self.plan.inputs[input].1.is_empty()
    }

    /// Gives an input for the next turn.
    pub fn put(&mut self, input: usize, slot: Slot<'a>) {
        let (declared, places) = &self.plan.inputs[input];
        debug_assert!(slot.is(&declared.array_type), "the input `{}` is not {}", declared.name, declared.array_type);
        if let Some((&last, others)) = places.split_last() {
            others.iter().for_each(|&place| self.values[place] = slot.clone());
            self.values[last] = slot;
        }
    }

    /// Gives an input for all turns.
    pub fn pin(&mut self, input: usize, slot: Slot<'a>) {
        self.put(input, slot);
        self.plan.inputs[input].1.iter().for_each(|&place| self.pinned[place] = true);
    }

    /// Lets go of what was given for all turns.
    pub fn unpin(&mut self) {
        for (value, pinned) in self.pinned.iter_mut().enumerate().filter(|(_, pinned)| **pinned) {
            *pinned = false;
            self.values[value] = Slot::Empty;
        }
    }

    /// Whether a value stays when its last reader has run.
    pub fn is_pinned(&self, value: ValueId) -> bool {
        self.pinned[value]
    }

    /// One turn: every step, given the inputs.
    pub fn turn(&mut self) -> Result<(), Diagnostic> {
        let plan = self.plan;
        let mut index = 0;
        while let Some(step) = plan.steps.get(index) {
            if self.context.cancel.is_cancelled() {
                return Err(interrupted(step.span));
            }
            let steps = &plan.steps[index..index + step.turns.steps];
            match step.turns {
                Turns { steps: 1, .. } => self.step(index, step)?,
                Turns { rows, .. } => self.together(steps, rows)?,
            }
            for &value in steps.iter().flat_map(|step| &step.drops) {
                if !self.pinned[value] {
                    self.values[value] = Slot::Empty;
                }
            }
            index += steps.len();
        }
        match &plan.following {
            Some(following) => self.follow(following),
            None => Ok(()),
        }
    }

    /// Runs the rest of the plan, whose sizes are known now.
    fn follow(&mut self, following: &Following) -> Result<(), Diagnostic> {
        let crossing = self.plan.outputs.len() - following.waits_for();
        let told = self.plan.outputs[crossing..].iter().map(|handed| self.integer(handed.value)).collect();
        let plan = following.plan(told, self.context.bodies)?;
        if let Some(refusal) = plan.refusal() {
            return Err(refusal.clone());
        }
        let mut run = Run::new(&plan, self.context);
        for input in 0..crossing {
            let slot = self.hand(self.plan.outputs[input]);
            run.put(input, slot);
        }
        run.turn()?;
        self.rest = (0..run.outputs()).map(|output| run.output(output).held()).collect();
        Ok(())
    }

    /// How many outputs there are after a turn.
    pub fn outputs(&self) -> usize {
        if self.plan.following.is_some() { self.rest.len() } else { self.plan.outputs.len() }
    }

    /// Takes an output after a turn; each once, in order.
    pub fn output(&mut self, index: usize) -> Slot<'a> {
        match self.plan.following {
            Some(_) => std::mem::replace(&mut self.rest[index], Slot::Empty),
            None => self.hand(self.plan.outputs[index]),
        }
    }

    /// A value on its way to another holder: given away where it is needed no more.
    pub fn hand(&mut self, handed: Handed) -> Slot<'a> {
        if handed.last && !self.pinned[handed.value] {
            std::mem::replace(&mut self.values[handed.value], Slot::Empty)
        } else {
            self.values[handed.value].clone()
        }
    }

    /// The tables of a step's bodies: those of the last time, or new ones. They are given back by [`Run::keep`].
    pub fn bodies(&mut self, step: usize, make: impl FnOnce() -> Vec<Run<'a>>) -> Vec<Run<'a>> {
        if self.bodies.len() <= step {
            self.bodies.resize_with(self.plan.steps.len(), Vec::new);
        }
        let bodies = std::mem::take(&mut self.bodies[step]);
        if bodies.is_empty() { make() } else { bodies }
    }

    /// Keeps the tables of a step's bodies for the next time.
    pub fn keep(&mut self, step: usize, bodies: Vec<Run<'a>>) {
        self.bodies[step] = bodies;
    }

    /// A value that an earlier step has made.
    pub fn array(&self, value: ValueId) -> Array {
        self.values[value].clone().into_array()
    }

    /// The element of a value of rank 0.
    pub fn single(&self, value: ValueId) -> Single {
        match &self.values[value] {
            Slot::Single(single) => *single,
            slot => match slot.array() {
                // SAFETY: an array of rank 0 has one element.
                Some(array) if array.rank() == 0 => unsafe { Single::read(array.data_pointer(), array.dtype()) },
                _ => unreachable!("the verifier has seen that this value is of rank 0"),
            },
        }
    }

    /// A bool of rank 0.
    pub fn truth(&self, value: ValueId) -> bool {
        self.single(value).element.0[0] != 0
    }

    /// An i64 of rank 0.
    pub fn integer(&self, value: ValueId) -> i64 {
        let Element(bytes) = self.single(value).element;
        i64::from_ne_bytes(std::array::from_fn(|index| bytes[index]))
    }

    /// A value's first element and its strides, for as long as its slot stays as it is.
    pub fn strided(&self, value: ValueId) -> (*const u8, &[isize]) {
        match &self.values[value] {
            Slot::Array(array) => (array.data_pointer(), array.strides()),
            Slot::Lent(array) => (array.data_pointer(), array.strides()),
            Slot::Single(single) => (single.element.0.as_ptr(), &[]),
            Slot::Empty => unreachable!("steps come after those that make their operands"),
        }
    }

    /// A value that an operation of anybody's making may keep for longer than the run: lent memory is copied.
    pub fn keepable(&self, value: ValueId, span: Span) -> Result<Array, Diagnostic> {
        let array = self.array(value);
        if !array.buffer().is_lent() {
            return Ok(array);
        }
        let array_type = ArrayType::new(array.dtype(), array.shape());
        array.copy(self.context.pool).map_err(|refusal| out_of_memory(&array_type, refusal, span))
    }
}
