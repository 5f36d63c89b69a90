//! What x86-64 has for one function's vectors: registers, which operations read memory, and what an operation needs besides.

use super::allocate::{Needs, Place, Step, Target, pressure};
use super::{Reading, Request, is_uniform, prepare};
use crate::kernel::Level;
use crate::kernel::record::{Code, Operation, Value};
use thalweg_lang::dtype::DType;

/// Values of numbers, and values of truths where these have registers of their own.
pub const VECTORS: usize = 0;
pub const MASKS: usize = 1;

/// The most vectors side by side.
pub const MOST_COPIES: usize = 4;

/// The instruction set and the vectors of one function.
#[derive(Clone)]
pub struct Vectors<'a> {
    /// What the function is to do.
    pub request: &'a Request,
    /// Whether there is AVX-512.
    pub wide: bool,
    /// Elements of a vector.
    pub width: usize,
    /// For each value that is an input's elements a little further on, and is put together of its vectors, that input's value.
    pub shifted: Vec<Option<Value>>,
    /// For each value whether it is a number in memory that is the same in every element: given so, or computed once for a row.
    pub uniform: Vec<bool>,
    /// How many vector registers values may have.
    registers: usize,
}

/// Whether a dtype's numbers are floats.
pub fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// Whether a dtype's numbers are integers with a sign.
pub fn is_signed(dtype: DType) -> bool {
    matches!(dtype, DType::I32 | DType::I64)
}

impl<'a> Vectors<'a> {
    /// The vectors of a function for a level.
    pub fn new(request: &'a Request, level: Level) -> Vectors<'a> {
        let wide = level == Level::Avx512;
        let largest = request.operations.iter().map(|operation| operation.dtype.size()).max().unwrap_or(8);
        let width = if wide { 64 } else { 32 } / largest.max(4);
        let operations = &request.operations;
        let mut uniform = Vec::with_capacity(operations.len());
        for operation in operations {
            uniform.push(is_uniform(operation, &request.inputs, &uniform));
        }
        // The last one is kept for what takes two instructions: `scratch`.
        let most = if wide { 31 } else { 15 };
        let mut vectors =
            Vectors { request, wide, width, shifted: vec![None; operations.len()], uniform, registers: most };
        // The older encoding takes two instructions, and its vectors cross lines half as often. Guarded parts run copy after copy, and
        // do not find what the next one has.
        if wide && request.operations.iter().all(|operation| operation.code != Code::Rare) {
            vectors.shifted = (0..request.operations.len() as Value).map(|value| vectors.origin(value)).collect();
        }
        vectors
    }

    /// The value of the input of which a value is the elements less than a vector further on.
    fn origin(&self, value: Value) -> Option<Value> {
        let Some(Reading::Shifted { of, by }) = self.reading(value) else { return None };
        let is_it = |operation: &Operation| operation.code == Code::Operand && operation.immediate == of as u64;
        let origin = self.request.operations.iter().position(is_it)?;
        (by < self.width).then_some(origin as Value)
    }

    /// How many vectors go side by side, and the values that are loaded once.
    pub fn copies(&mut self, outputs: &[Value]) -> (usize, Vec<Value>) {
        let (copies, pinned) = self.room(outputs);
        if self.shifted.iter().any(Option::is_some) {
            // What is kept for others must not cost a vector side by side.
            let shifted = std::mem::replace(&mut self.shifted, vec![None; self.request.operations.len()]);
            let alone = self.room(outputs);
            if alone.0 > copies {
                return alone;
            }
            self.shifted = shifted;
        }
        (copies, pinned)
    }

    /// As many vectors side by side as the registers hold, with what is needed all the time held back; and the values that could be
    /// loaded once, of which so many find room.
    pub fn room(&self, outputs: &[Value]) -> (usize, Vec<Value>) {
        let (needed, mut uniform) = pressure(self, &self.request.operations, outputs);
        let banks = self.banks();
        // A turn waits for what the one before has left in memory: more side by side is worth it even where some masks are saved.
        let masks = if self.request.again.is_some() { 2 * banks[MASKS] } else { banks[MASKS] };
        let room = |copies: usize| {
            let fits = |bank: usize, registers: usize| needed[bank] * copies <= registers || registers == 0;
            copies == 1 || fits(VECTORS, banks[VECTORS]) && fits(MASKS, masks)
        };
        let copies = [MOST_COPIES, 2, 1].into_iter().find(|&copies| room(copies)).unwrap_or(1);
        uniform.truncate(banks[VECTORS].saturating_sub(needed[VECTORS] * copies + 2));
        (copies, uniform)
    }

    /// Bytes of a vector of a dtype's elements.
    pub fn bytes(&self, dtype: DType) -> usize {
        match dtype {
            // Without mask registers a truth is as wide as the widest element.
            DType::Bool => self.full(),
            dtype => self.width * dtype.size(),
        }
    }

    /// Bytes of a whole register.
    pub fn full(&self) -> usize {
        if self.wide { 64 } else { 32 }
    }

    /// A register that no value has: what takes two instructions goes through it.
    pub fn scratch(&self) -> u8 {
        if self.wide { 31 } else { 15 }
    }

    /// Whether a dtype's vectors are narrower than the registers.
    pub fn is_half(&self, dtype: DType) -> bool {
        dtype != DType::Bool && self.bytes(dtype) < self.full()
    }

    /// The same vectors where values have the first registers alone, each of them in one vector.
    pub fn few(&self, registers: usize) -> Vectors<'a> {
        Vectors { registers, shifted: vec![None; self.shifted.len()], ..self.clone() }
    }

    /// Makes steps leave an output in a register and not in memory: where its last operation can, that puts it there.
    pub fn keep(&self, steps: &mut Vec<Step>, output: usize, to: u8) {
        let made = self.request.outputs[output].value;
        let operations = &self.request.operations;
        let dtypes = operations[made as usize].operands.map(|operand| operations[operand as usize].dtype);
        let is_read = operations.iter().any(|operation| operation.operands().contains(&made))
            || self.request.outputs.iter().filter(|output| output.value == made).count() > 1;
        let goes_there = !is_read && !self.needs(&operations[made as usize], dtypes).apart;
        steps.retain_mut(|step| {
            match step {
                Step::Compute { value, result, .. } if *value == made && goes_there => *result = to,
                Step::Store { output: stored, .. } if *stored == output && goes_there => return false,
                Step::Store { output: stored, register, .. } if *stored == output => {
                    *step = Step::Move { bank: VECTORS, from: *register, to };
                }
                _ => {}
            }
            true
        });
    }

    /// The steps of one copy as those of another, which has the register behind as many others in the place of `register`.
    pub fn of_copy(&self, steps: &[Step], copy: u8, register: u8) -> Vec<Step> {
        let operations = &self.request.operations;
        let is_vector = |value: Value| self.bank(operations[value as usize].dtype) == VECTORS;
        let moved = |from: u8, is_vector: bool| if is_vector && from == register { from + copy } else { from };
        let step = |step: &Step| match *step {
            Step::Compute { value, result, operands, temporaries, .. } => {
                let mut places = operands;
                let operation = operations[value as usize];
                // Operands that may change places are in one bank.
                for (place, &operand) in places.iter_mut().zip(operation.operands()) {
                    if let Place::Register(from) = place {
                        *from = moved(*from, is_vector(operand));
                    }
                }
                Step::Compute { value, copy, result: moved(result, is_vector(value)), operands: places, temporaries }
            }
            Step::Load { value, register: to, .. } => Step::Load { value, copy, register: moved(to, is_vector(value)) },
            Step::Move { bank, from, to } => {
                Step::Move { bank, from: moved(from, bank == VECTORS), to: moved(to, bank == VECTORS) }
            }
            Step::Save { bank, register, slot } => Step::Save { bank, register, slot },
            Step::Restore { bank, register, slot } => Step::Restore { bank, register, slot },
            Step::Store { output, value, register, .. } => Step::Store { output, value, copy, register },
            Step::Guard { .. } | Step::Merge { .. } | Step::Join { .. } => unreachable!("there are none"),
        };
        steps.iter().map(step).collect()
    }

    /// Whether a value is computed, once for a row.
    fn is_made_once(&self, value: Value) -> bool {
        let is_given = matches!(self.request.operations[value as usize].code, Code::Constant | Code::Operand);
        self.uniform[value as usize] && !is_given
    }

    /// What a row computes once, and elements or results need: as a function of its own, whose outputs these are, and the values that they
    /// are in this one.
    pub fn prologue(&self) -> (Request, Vec<Value>) {
        let operations = &self.request.operations;
        let mut is_wanted = vec![false; operations.len()];
        let elements = operations.iter().zip(&self.uniform).filter(|(_, uniform)| !**uniform);
        let wanted = elements.flat_map(|(operation, _)| operation.operands()).copied();
        let outputs = self.request.outputs.iter().map(|output| output.value);
        let folded = self.request.folding.iter().flat_map(|folding| &folding.elements).copied();
        let needed = wanted.chain(outputs).chain(folded);
        needed.for_each(|value| is_wanted[value as usize] = self.is_made_once(value));
        let values: Vec<Value> = (0..operations.len() as Value).filter(|&value| is_wanted[value as usize]).collect();
        let level = if self.wide { Level::Avx512 } else { Level::Avx2 };
        let inputs = self.request.inputs.clone();
        let (operations, outputs) = prepare(operations, &values, &inputs, level);
        let request =
            Request { operations, inputs, outputs, streams: false, again: None, folding: None, in_place: false };
        (request, values)
    }

    /// The vectors of a function's prologue, which are as wide as its own; there everything is computed.
    pub fn of_prologue<'b>(&self, request: &'b Request) -> Vectors<'b> {
        let operations = &request.operations;
        let none = vec![false; operations.len()];
        let uniform = operations.iter().map(|operation| is_uniform(operation, &request.inputs, &none)).collect();
        Vectors {
            request,
            wide: self.wide,
            width: self.width,
            shifted: vec![None; operations.len()],
            uniform,
            registers: self.registers,
        }
    }

    /// How many accumulators a row's elements take turns at.
    pub fn stripe(&self) -> Option<usize> {
        self.request.folding.as_ref()?.stripe
    }

    /// How a value is read, if it is an input.
    pub fn reading(&self, value: Value) -> Option<Reading> {
        let operation = self.request.operations[value as usize];
        (operation.code == Code::Operand).then(|| self.request.inputs[operation.immediate as usize])
    }
}

impl Target for Vectors<'_> {
    fn banks(&self) -> [usize; 2] {
        // The last mask is kept where the last vector's results are written under one.
        match (self.wide, self.request.ends_partly()) {
            (true, false) => [self.registers, 7],
            (true, true) => [self.registers, 6],
            (false, _) => [self.registers, 0],
        }
    }

    fn bank(&self, dtype: DType) -> usize {
        if self.wide && dtype == DType::Bool { MASKS } else { VECTORS }
    }

    fn memory(&self, operation: &Operation) -> ([bool; 3], bool) {
        let from = self.request.operations[operation.operands[0] as usize].dtype;
        if operation.dtype == DType::Bool && (from == DType::Bool || !self.wide && !is_float(from)) {
            return ([false; 3], false);
        }
        match operation.code {
            Code::Multiply if !self.wide && operation.dtype.size() == 8 && !is_float(operation.dtype) => {
                ([false; 3], false)
            }
            Code::Add
            | Code::Multiply
            | Code::And
            | Code::Or
            | Code::Xor
            | Code::Equal
            | Code::NotEqual
            | Code::MultiplyLowerHalves => ([false, true, false], true),
            Code::Subtract | Code::Divide | Code::Less | Code::LessEqual => ([false, true, false], false),
            Code::Fma | Code::OfThree => ([false, false, true], false),
            Code::SquareRoot | Code::Floor | Code::Ceil | Code::Truncate | Code::Round => ([true, false, false], false),
            Code::Select if operation.dtype != DType::Bool => ([false, true, false], false),
            _ => ([false; 3], false),
        }
    }

    fn needs(&self, operation: &Operation, operands: [DType; 3]) -> Needs {
        let vectors = |count: usize| Needs { temporaries: [count, 0], apart: true };
        let integer = !is_float(operation.dtype);
        let from = operands[0];
        match operation.code {
            Code::Select if operation.dtype == DType::Bool => match self.wide {
                true => Needs { temporaries: [0, 1], apart: true },
                false => Needs::default(),
            },
            Code::Select if !self.wide && self.is_half(operation.dtype) => vectors(1),
            Code::Convert if is_float(from) && integer => match self.wide {
                true => Needs { temporaries: [0, 1], apart: true },
                false => vectors(1),
            },
            Code::Convert if !self.wide => vectors(1),
            Code::Multiply if !self.wide && integer && operation.dtype.size() == 8 => vectors(2),
            Code::ShiftRight if !self.wide && integer && operation.dtype.size() == 8 => vectors(1),
            Code::CopySign if !self.wide => vectors(1),
            Code::Equal | Code::NotEqual | Code::Less | Code::LessEqual if !self.wide && !is_float(from) => vectors(2),
            _ => Needs::default(),
        }
    }

    fn is_dense(&self, value: Value) -> bool {
        // Truths take more than one instruction to read.
        matches!(
            self.reading(value),
            Some(
                Reading::Dense
                    | Reading::Fetched
                    | Reading::Repeated
                    | Reading::Reciprocals(_)
                    | Reading::Shifted { .. }
                    | Reading::Accumulator(_)
            )
        ) && self.request.operations[value as usize].dtype != DType::Bool
    }

    fn is_uniform(&self, value: Value) -> bool {
        self.uniform[value as usize]
    }

    fn shifted(&self, value: Value) -> Option<Value> {
        self.shifted[value as usize]
    }
}

/// Why a recording has no vector code at a level: the first operation that is not there.
pub fn refusal(operations: &[Operation], level: Level) -> Option<String> {
    let wide = level == Level::Avx512;
    for operation in operations {
        let small = |dtype: DType| !matches!(dtype.size(), 4 | 8) || matches!(dtype, DType::C64);
        if operation.dtype != DType::Bool && small(operation.dtype) {
            return Some(format!("no vectors of {}", operation.dtype));
        }
        if operation.code == Code::Convert && !wide {
            let from = operations[operation.operands[0] as usize].dtype;
            let (a, b) = (is_float(from), is_float(operation.dtype));
            let exact = a && !b && operation.dtype != DType::I32;
            let rounding = !a && b && operation.dtype == DType::F32 && from != DType::I32;
            if exact || rounding {
                return Some(format!("no conversion from {from} to {} with AVX2", operation.dtype));
            }
        }
    }
    None
}
