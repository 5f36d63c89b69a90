//! A region: elementwise code over one iteration space, with what it reads, what it stores and what it folds.
//!
//! Registers are numbered: first the leaves, then the instructions. A block of consecutive elements of the iteration space
//! is computed at once, instruction by instruction; no value of the whole space exists unless a result asks for it.

use super::Handed;
use super::counter::Counter;
use crate::kernel::record::Record;
use crate::kernel::{BlockFunction, Fold};
use crate::machine::{MachineCode, regions::Kept};
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard};
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::{OperationId, SourceAxis};
use thalweg_lang::source::Span;
use thalweg_lang::types::{ArrayType, Shape};

/// The most elements of an array that could exist: what an impossible shape counts as, in estimates.
const MOST: usize = isize::MAX as usize / 16;

/// The most operands of an instruction that runs on a single element.
pub const MOST_OPERANDS: usize = 8;

/// The number of elements of a shape, held within what could exist.
pub fn elements(shape: &[usize]) -> usize {
    crate::array::length_of(shape).unwrap_or(MOST)
}

/// The bytes of a type, held within what could exist.
pub fn bytes_of(array_type: &ArrayType) -> usize {
    elements(&array_type.shape) * array_type.dtype.size()
}

/// A view of an array that is no larger than one of so many parts of it is copied rather than the array.
pub const PARTS: usize = 8;

/// A value of a plan: what a step computes, or an input.
pub type ValueId = usize;

/// A register of a region: a leaf, or an instruction's result.
pub type Register = usize;

/// Elementwise code over one iteration space.
#[derive(Clone)]
pub struct Region {
    /// The iteration space, in the axes of the nodes.
    pub shape: Shape,
    /// The axes that the folds reduce, ascending.
    pub reduced: Vec<usize>,
    /// The axes from the slowest to the fastest: kept ones, reduced ones, and the kept ones after the last reduced; or, where
    /// the largest leaves lie so, the reduced ones and then all others.
    pub order: Vec<usize>,
    /// What is read.
    pub leaves: Vec<Leaf>,
    /// What is computed; operands come before their users.
    pub instructions: Vec<Instruction>,
    /// Registers that become arrays of the region's shape.
    pub stores: Vec<Store>,
    /// Registers that are reduced.
    pub ends: Vec<End>,
    /// How many block buffers the instructions share.
    pub buffers: usize,
    /// Where it runs.
    pub site: Site,
    /// When machine code is made of it.
    pub machine_code: MachineCode,
    /// The machine code, once it is made.
    pub code: Arc<Kept>,
    /// What its last run leaves to the next one.
    pub idle: Idle,
}

/// Something that the executor made ready for a run, and takes up again in the next one. Runs at the same time do not wait for it.
#[derive(Default)]
pub struct Idle(Mutex<Option<Box<dyn Any + Send>>>);

/// The place for it, while one run has it.
pub struct Opened<'a>(Option<MutexGuard<'a, Option<Box<dyn Any + Send>>>>);

impl Idle {
    /// The place, or none where another run has it.
    pub fn open(&self) -> Opened<'_> {
        Opened(self.0.try_lock().ok())
    }
}

impl Opened<'_> {
    /// What was left here, if it is of this type.
    pub fn take<T: Any>(&mut self) -> Option<Box<T>> {
        self.0.as_mut()?.take()?.downcast().ok()
    }

    /// Leaves something here.
    pub fn leave<T: Any + Send>(mut self, left: Box<T>) {
        if let Some(place) = &mut self.0 {
            **place = Some(left);
        }
    }
}

impl Clone for Idle {
    /// Nothing: each makes its own ready.
    fn clone(&self) -> Idle {
        Idle::default()
    }
}

impl Region {
    /// The number of elements of the iteration space.
    pub fn count(&self) -> usize {
        elements(&self.shape)
    }

    /// Whether it is elementwise code on a single element of rank 0: then it needs neither blocks nor memory.
    pub fn is_single(&self) -> bool {
        self.shape.is_empty()
            && self.ends.is_empty()
            && self.instructions.iter().all(|instruction| instruction.operands.len() <= MOST_OPERANDS)
    }

    /// The dtype of a register.
    pub fn dtype(&self, register: Register) -> DType {
        match self.leaves.get(register) {
            Some(leaf) => leaf.dtype,
            None => self.instructions[register - self.leaves.len()].dtype,
        }
    }

    /// The iteration space in the order of iteration, as (outer, reduced, inner) numbers of elements.
    pub fn extents(&self) -> (usize, usize, usize) {
        let is_kept = |axis: &usize| !self.reduced.contains(axis);
        let outer = self.order.iter().take_while(|axis| is_kept(axis)).count();
        let elements = |axes: &[usize]| axes.iter().map(|&axis| self.shape[axis]).product();
        let (outer, rest) = self.order.split_at(outer);
        let (reduced, inner) = rest.split_at(self.reduced.len());
        (elements(outer), elements(reduced), elements(inner))
    }
}

/// Something that a region reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Where it comes from.
    pub source: Source,
    /// Its dtype.
    pub dtype: DType,
}

/// Where a leaf comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// An array: one entry for each of its axes, in terms of the region's axes; an axis that no entry names repeats it.
    Array {
        /// The array.
        value: ValueId,
        /// Its axes.
        axes: Vec<SourceAxis>,
    },
    /// One known value everywhere.
    Scalar(Scalar),
    /// Numbers that follow from the index along the region's axes.
    Counter(Counter),
}

/// What an instruction computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A row of the library.
    Row(OperationId),
    /// A conversion to the instruction's dtype.
    Cast,
    /// One of two values, as a mask says.
    Select,
}

/// One elementwise operation on whole blocks.
#[derive(Clone)]
pub struct Instruction {
    /// What.
    pub code: Code,
    /// The precompiled code for one block.
    pub function: BlockFunction,
    /// The formula for machine code, if it has one.
    pub record: Option<Record>,
    /// The operands.
    pub operands: Vec<Register>,
    /// The result's dtype.
    pub dtype: DType,
    /// Which of the shared block buffers holds the result (unused when it is stored).
    pub buffer: usize,
    /// What a faulting element means; empty when none faults.
    pub fault: &'static str,
    /// Where it was written.
    pub span: Span,
}

/// A register that becomes an array of the region's shape.
#[derive(Clone, Debug)]
pub struct Store {
    /// The register.
    pub register: Register,
    /// The array.
    pub value: ValueId,
    /// Where it was written.
    pub span: Span,
    /// An array that nothing needs afterwards and that is read only at the index that is written: its memory may be
    /// taken over.
    pub reuse: Option<ValueId>,
    /// When the result is not an array of its own, but the new elements of a part of another: what they become part of. The value is
    /// the whole array then.
    pub within: Option<Within>,
}

/// The least length of rows that machine code reads and writes where they lie.
pub const SHORTEST_ROW: usize = 16;

/// A part of an array that a region replaces.
#[derive(Clone, Debug)]
pub struct Within {
    /// The array.
    pub(crate) value: Handed,
    /// Where the region's elements lie in it: one entry for each of its axes, in terms of the region's.
    pub axes: Vec<SourceAxis>,
    /// How many elements of the line must be computed after an element before it may be written: those still read the old one.
    pub delay: usize,
    /// Whether no element that is replaced is read but for the one that takes its place, and there is code that leaves rows there: threads
    /// may share the work.
    pub is_apart: bool,
    /// Whether machine code may make another array, with what is not replaced, so that nothing waits.
    pub is_aside: bool,
}

impl Within {
    /// Whether each result may be written where it belongs as soon as it is computed.
    pub fn is_at_once(&self) -> bool {
        self.delay == 0 && !self.is_aside
    }
}

/// A register that is reduced.
#[derive(Clone)]
pub struct End {
    /// The register.
    pub register: Register,
    /// The row.
    pub operation: OperationId,
    /// How.
    pub how: Reducer,
    /// The array that it becomes.
    pub value: ValueId,
    /// The type of that.
    pub array_type: ArrayType,
    /// Where it was written.
    pub span: Span,
}

/// How a register is reduced.
#[derive(Clone)]
pub enum Reducer {
    /// By an associative kernel, in the fixed order.
    Fold {
        /// The kernel.
        fold: &'static Fold,
        /// What nothing gives.
        identity: Option<Scalar>,
    },
    /// To the first index of the smallest or greatest element.
    FirstExtreme {
        /// Greatest, not smallest.
        greatest: bool,
    },
}

/// Where something runs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// On how many threads; 1: on the lanes of the calling one.
    pub threads: usize,
    /// Whether waking threads would cost more than they save: they share the work where more such work has just been done.
    pub is_light: bool,
    /// Why, as the rest of a sentence that begins with the executor.
    pub reason: String,
}
