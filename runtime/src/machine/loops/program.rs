//! A loop as a program of single elements: variables, places in memory, and what is done with them in order. It is what a plan's
//! steps are lowered to (`lower.rs`) and what machine code is made of (`emit.rs`).

use crate::kernel::{Kernel, STRIPE, STRIPES};
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::source::Span;

/// A variable: an index into [`Program::locals`].
pub type Local = usize;

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A single element.
    Element(DType),
    /// Where an array's elements begin.
    Address,
}

/// A whole number: `offset`, and each variable (i64) so many times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affine {
    /// The part that is known.
    pub offset: i64,
    /// The variables and their factors.
    pub terms: Vec<(Local, i64)>,
}

impl Affine {
    /// A known number.
    pub fn known(offset: i64) -> Affine {
        Affine { offset, terms: Vec::new() }
    }

    /// A variable.
    pub fn of(local: Local) -> Affine {
        Affine { offset: 0, terms: vec![(local, 1)] }
    }

    /// Adds another number, `factor` times. Wraps, as the numbers themselves do.
    pub fn add(&mut self, other: &Affine, factor: i64) {
        self.offset = self.offset.wrapping_add(other.offset.wrapping_mul(factor));
        for &(local, own) in &other.terms {
            let own = own.wrapping_mul(factor);
            match self.terms.iter_mut().find(|(known, _)| *known == local) {
                Some((_, sum)) => *sum = sum.wrapping_add(own),
                None => self.terms.push((local, own)),
            }
        }
        self.terms.retain(|(_, factor)| *factor != 0);
    }
}

/// A place in memory: so many bytes behind an address.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address.
    pub base: Local,
    /// The distance in bytes.
    pub bytes: Affine,
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Statement {
    /// A known element.
    Constant {
        /// The variable that gets it.
        to: Local,
        /// The element.
        value: Scalar,
    },
    /// The address of known elements.
    Data {
        /// The variable that gets it.
        to: Local,
        /// Which.
        index: usize,
    },
    /// Variables become what others are, all at once.
    Assign {
        /// Those that change.
        to: Vec<Local>,
        /// What they become.
        from: Vec<Local>,
    },
    /// What a kernel makes of elements.
    Compute {
        /// The variable that gets it.
        to: Local,
        /// The kernel.
        kernel: &'static Kernel,
        /// Its operands.
        operands: Vec<Local>,
        /// What it means that there is no answer.
        fault: Option<usize>,
    },
    /// A whole number (i64; wraps).
    Number {
        /// The variable that gets it.
        to: Local,
        /// The number.
        number: Affine,
    },
    /// The place on an axis that a number stands for; a number that stands for none is a fault.
    Position {
        /// The variable that gets it.
        to: Local,
        /// The number (i64).
        number: Local,
        /// What is added to it.
        start: i64,
        /// The axis's length.
        length: i64,
        /// Whether the number may be below 0, and count from the end.
        may_be_negative: bool,
        /// What it is when there is no such place; `None`: it has been seen that there is one.
        fault: Option<usize>,
        /// Which of several numbers it is, and how many they are, for the fault.
        at: Option<(Local, Affine)>,
    },
    /// Where a slice of an axis begins and how many places it has, as Python's slices do.
    Slice {
        /// The variable that gets the first place.
        first: Local,
        /// The variable that gets the number of places.
        count: Local,
        /// The axis's length.
        length: Affine,
        /// Where it begins, as it is written.
        start: Option<Bound>,
        /// Before what it ends, as it is written.
        stop: Option<Bound>,
        /// From one place to the next; above 0.
        step: i64,
    },
    /// Something for each number from 0 on.
    Each {
        /// The variable that holds the number (i64).
        index: Local,
        /// Which number is the first that is left out.
        count: Affine,
        /// What is done.
        body: Vec<Statement>,
    },
    /// Elements reduced to one.
    Fold(Box<Fold>),
    /// Reads an element.
    Load {
        /// The variable that gets it.
        to: Local,
        /// Where it lies.
        place: Place,
    },
    /// Writes an element.
    Store {
        /// Where it lies.
        place: Place,
        /// What it becomes.
        from: Local,
    },
    /// One of two.
    If {
        /// A bool.
        condition: Local,
        /// When true.
        then: Vec<Statement>,
        /// When false.
        otherwise: Vec<Statement>,
    },
    /// Again and again.
    Loop(Box<Repeat>),
}

/// A bound of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The number (i64).
    pub number: Local,
    /// Whether it is known to lie between 0 and the axis's length.
    pub is_within: bool,
}

/// Elements that are reduced to one, in the one order of reductions.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The variable that gets the result.
    pub to: Local,
    /// The variable that holds an element's number (i64).
    pub index: Local,
    /// How many there are.
    pub count: Affine,
    /// How many there are at most.
    pub most: i64,
    /// What computes an element.
    pub body: Vec<Statement>,
    /// The variable that the element is in then.
    pub element: Local,
    /// What makes one of two.
    pub kernel: &'static Kernel,
    /// What nothing gives; none where there is something.
    pub identity: Option<Scalar>,
}

impl Fold {
    /// The most elements that a fold may have: more blocks than they make would be reduced in blocks again.
    pub fn most_elements(dtype: DType) -> i64 {
        ((STRIPE / dtype.size() * STRIPES) as i64).pow(2)
    }
}

/// A loop in a program.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The number of the turn (i64), and how many there are; the outermost loop may begin later than at 0.
    pub turns: Option<(Local, i64)>,
    /// The most turns, if that is known.
    pub most: Option<i64>,
    /// Whether it is the outermost loop.
    pub is_outermost: bool,
    /// What tells whether there is another turn, and where it tells it.
    pub condition: Option<(Vec<Statement>, Local)>,
    /// A turn.
    pub body: Vec<Statement>,
    /// Where the turn says that it was the last one.
    pub stop: Option<Local>,
}

/// What may go wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A number stands for no place on an axis.
    Bounds {
        /// The axis.
        axis: usize,
        /// Its length.
        length: usize,
        /// Whether it may be one of several numbers; which, the frame says: below 0 when there is one alone.
        is_one_of_several: bool,
        /// Where it was written.
        span: Span,
    },
    /// An element has no answer, in an instruction.
    Instruction {
        /// What that means.
        text: &'static str,
        /// Which element.
        at: Vec<usize>,
        /// Where it was written.
        span: Span,
    },
    /// An element has no answer, in an update.
    Update {
        /// What that means.
        text: &'static str,
        /// Where it was written.
        span: Span,
    },
}

/// What the program is given from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// What is walked along, by its number; an array.
    Walked(usize),
    /// What is carried, by its number.
    Carried(usize),
    /// What every turn sees, by its number.
    Captured(usize),
    /// Where a map's result goes, by its number.
    Result(usize),
}

/// A loop as a program.
#[derive(Debug, Default)]
pub struct Program {
    /// What the variables hold.
    pub locals: Vec<Kind>,
    /// Known elements that are read by their address, packed.
    pub data: Vec<Vec<[u64; 2]>>,
    /// What is given from outside, and the variables that get it.
    pub inputs: Vec<(Given, Local)>,
    /// The variables that hold what is carried, in the end.
    pub outputs: Vec<Local>,
    /// What is done.
    pub statements: Vec<Statement>,
    /// What may go wrong.
    pub faults: Vec<Fault>,
    /// About how many steps of the interpreter one turn of the outermost loop stands for.
    pub weight: f64,
    /// How many statements there are, in blocks too.
    pub size: usize,
}

impl Program {
    /// Adds known elements, and gives their number.
    pub fn add_data(&mut self, elements: &[Scalar]) -> usize {
        let mut bytes = Vec::new();
        for element in elements {
            let [first, second] = element.bits;
            match (element.dtype, element.dtype.size()) {
                (DType::C64, _) => {
                    bytes.extend_from_slice(&(first as u32).to_ne_bytes());
                    bytes.extend_from_slice(&(second as u32).to_ne_bytes());
                }
                (DType::C128, _) => {
                    bytes.extend_from_slice(&first.to_ne_bytes());
                    bytes.extend_from_slice(&second.to_ne_bytes());
                }
                (_, 1) => bytes.push(first as u8),
                (_, 2) => bytes.extend_from_slice(&(first as u16).to_ne_bytes()),
                (_, 4) => bytes.extend_from_slice(&(first as u32).to_ne_bytes()),
                _ => bytes.extend_from_slice(&first.to_ne_bytes()),
            }
        }
        bytes.resize(bytes.len().next_multiple_of(16).max(16), 0);
        let word = |bytes: &[u8]| u64::from_ne_bytes(std::array::from_fn(|index| bytes[index]));
        self.data.push(bytes.chunks(16).map(|chunk| [word(&chunk[..8]), word(&chunk[8..])]).collect());
        self.data.len() - 1
    }

    /// Where known elements lie, as long as the program lives.
    pub fn data_address(&self, index: usize) -> usize {
        self.data[index].as_ptr().addr()
    }
}
