//! Machine code for regions: what the recorded formulas of a region ask for, as one loop over vectors.
//!
//! ```text
//! region -- record --> operations -- prepare --> Request -- allocate, x86 --> Compiled
//! ```
//!
//! The values never leave the registers between one operation and the next, so what the block interpreter sends through the first
//! cache takes no memory here. Each operation is the instruction that the lanes use, or several that give what it gives, so the bits are the same.

mod allocate;
mod lanes;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod memory;
mod region;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod vectors;
mod verify;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod x86;

pub(crate) use lanes::lane_loop;
pub use lanes::{LaneLoop, Operand, parts};
pub use region::{Kept, Refusal};

use crate::buffer::ALIGNMENT;
use crate::kernel::Level;
use crate::kernel::record::{Code, Operation, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use thalweg_lang::dtype::DType;

/// How an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Element by element.
    Dense,
    /// As a dense one, from beyond the caches: its lines are asked for before they are wanted, since the processor by itself does so
    /// within a page alone.
    Fetched,
    /// As a dense one whose rows are all the same: what it divides finds its reciprocals in another input.
    Repeated,
    /// The [`reciprocals`] of the input with this number, which is repeated.
    Reciprocals(usize),
    /// One value, which lies in memory over and over, 64 bytes of it; once is enough where [`Compiled::repeats`] says so.
    Splat,
    /// What the output with this number has been so far: it is an accumulator.
    Accumulator(usize),
    /// Element by element, as another input that is dense is read from the element `by` on, which lies within a line of its first.
    Shifted {
        /// The other input.
        of: usize,
        /// How many elements further on.
        by: usize,
    },
}

/// How outputs are accumulated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Folding {
    /// For each output what it is of one element: what an accumulator begins with, and is combined with later on.
    pub elements: Vec<Value>,
    /// How many accumulators a row has, of which each takes every so many-th element from the first on; a power of two. `None`: one for
    /// each element of the row, which goes on from what it was.
    pub stripe: Option<usize>,
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Output {
    /// The value.
    pub value: Value,
    /// Its dtype.
    pub dtype: DType,
}

/// Code to compile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// What to do with each element.
    pub operations: Vec<Operation>,
    /// The inputs, by the numbers that the operations have for them.
    pub inputs: Vec<Reading>,
    /// The outputs.
    pub outputs: Vec<Output>,
    /// Whether results pass by the cache: they are more than it holds. Each then begins at a multiple of [`ALIGNMENT`].
    pub streams: bool,
    /// The output, of dtype bool, while which is true in any of the elements that go side by side these are computed again. Outputs
    /// then lie where inputs do, and an element for which it is false must come out as it went in.
    pub again: Option<usize>,
    /// When there are accumulators among the outputs.
    pub folding: Option<Folding>,
    /// Whether outputs may lie where inputs do, or before them, in rows that do not end with a vector: of a row's last one only what is new
    /// is written. All outputs are then of elements of [`SHORTEST_IN_PLACE`] bytes at least.
    pub in_place: bool,
}

/// The bytes of the shortest elements that are written one by one at the end of a row.
pub const SHORTEST_IN_PLACE: usize = 4;

impl Request {
    /// Whether only the new elements of a row's last vector are written.
    pub fn ends_partly(&self) -> bool {
        self.folding.is_some() || self.in_place
    }
}

/// Operations as the machine has them at a level, for inputs that are read in these ways: conversions of truths are selections, divisions
/// by what is the same everywhere are products, and what no output needs is gone.
pub fn prepare(
    operations: &[Operation],
    outputs: &[Value],
    inputs: &[Reading],
    level: Level,
) -> (Vec<Operation>, Vec<Output>) {
    let operations = &match level {
        Level::Avx512 => with_three_numbers(operations, outputs),
        _ => operations.to_vec(),
    };
    let mut needed = vec![false; operations.len()];
    for &output in outputs {
        needed[output as usize] = true;
    }
    for (index, operation) in operations.iter().enumerate().rev() {
        if needed[index] {
            operation.operands().iter().for_each(|&operand| needed[operand as usize] = true);
            if operation.code == Code::Merge {
                needed[operation.immediate as usize] = true;
            }
        }
    }
    let mut prepared = Prepared { inputs, ..Prepared::default() };
    let mut places = vec![0; operations.len()];
    let mut guards = Vec::new();
    let kept = operations.iter().enumerate().filter(|(index, _)| needed[*index]);
    for (index, operation) in kept {
        let mut operation = *operation;
        for operand in &mut operation.operands[..operation.arity as usize] {
            *operand = places[*operand as usize];
        }
        if operation.code == Code::Merge {
            operation.immediate = places[operation.immediate as usize] as u64;
        }
        if operation.code == Code::Constant {
            places[index] = prepared.constant(operation.dtype, operation.immediate);
            continue;
        }
        if operation.code == Code::Convert && prepared.operations[operation.operands[0] as usize].dtype == DType::Bool {
            let one = prepared.constant(operation.dtype, one(operation.dtype));
            let zero = prepared.constant(operation.dtype, 0);
            let operands = [operation.operands[0], one, zero];
            operation = Operation { code: Code::Select, arity: 3, operands, ..operation };
        }
        if operation.code == Code::Divide {
            let [x, y, _] = operation.operands;
            if let Some(reciprocal) = exact_reciprocal(&prepared.operations[y as usize]) {
                // Exactly the same, and a division takes as long as ten products.
                operation.operands[1] = prepared.constant(operation.dtype, reciprocal);
                operation.code = Code::Multiply;
            } else if !prepared.uniform[x as usize]
                && guards.is_empty()
                && let Some(divisor) = prepared.divisor(y)
            {
                places[index] = prepared.quotient(operation.dtype, [x, y], divisor);
                continue;
            }
        }
        match operation.code {
            Code::Rare => guards.push(prepared.operations.len() as u64),
            Code::Merge if guards.last() == Some(&operation.immediate) => drop(guards.pop()),
            _ => {}
        }
        places[index] = prepared.push(operation);
    }
    let outputs = outputs.iter().map(|&output| {
        let value = places[output as usize];
        Output { value, dtype: prepared.operations[value as usize].dtype }
    });
    let outputs = outputs.collect();
    (prepared.operations, outputs)
}

/// Whether an operation makes a number that is the same in every element of a row, if it is `known` which of those before it do.
fn is_uniform(operation: &Operation, inputs: &[Reading], known: &[bool]) -> bool {
    operation.dtype != DType::Bool
        && match operation.code {
            Code::Constant => true,
            Code::Operand => inputs[operation.immediate as usize] == Reading::Splat,
            Code::Rare | Code::Merge | Code::Refuse => false,
            _ => operation.operands().iter().all(|&operand| known[operand as usize]),
        }
}

/// How a float's bits are divided.
struct Parts {
    /// Integers of the same size.
    signed: DType,
    unsigned: DType,
    /// The place of the sign.
    sign: u64,
    /// Bits of the mantissa that are there.
    mantissa: i64,
    /// Divisors are taken by their reciprocals between the powers of 2 with this exponent's negative and this one.
    reach: i64,
}

impl Parts {
    const F64: Parts = Parts { signed: DType::I64, unsigned: DType::U64, sign: 63, mantissa: 52, reach: 64 };
    const F32: Parts = Parts { signed: DType::I32, unsigned: DType::U32, sign: 31, mantissa: 23, reach: 16 };

    fn of(dtype: DType) -> Parts {
        if dtype == DType::F64 { Parts::F64 } else { Parts::F32 }
    }

    /// What the exponent of 1 is written as.
    fn middle(&self) -> i64 {
        (1 << (self.sign as i64 - self.mantissa - 1)) - 1
    }

    /// The bits of a power of 2.
    fn power(&self, exponent: i64) -> u64 {
        ((self.middle() + exponent) as u64) << self.mantissa
    }
}

/// The bits of the least and the greatest number, without their signs, by whose reciprocals code divides.
fn limits(dtype: DType) -> [u64; 2] {
    let parts = Parts::of(dtype);
    [-parts.reach, parts.reach].map(|exponent| parts.power(exponent))
}

/// The reciprocals of `count` floats, for code that divides by them; NaN for those by which it must divide.
///
/// # Safety
/// `from` is readable and `to` writable for as many elements of the dtype, which is f32 or f64.
pub unsafe fn reciprocals(dtype: DType, from: *const u8, to: *mut u8, count: usize) {
    let [low, high] = limits(dtype);
    macro_rules! each {
        ($float:ident) => {
            for index in 0..count {
                // SAFETY: the caller's promise.
                unsafe {
                    let value = from.cast::<$float>().add(index).read_unaligned();
                    let is_within = (low..=high).contains(&u64::from(value.abs().to_bits()));
                    let reciprocal = if is_within { 1.0 / value } else { $float::NAN };
                    to.cast::<$float>().add(index).write_unaligned(reciprocal);
                }
            }
        };
    }
    match dtype {
        DType::F64 => each!(f64),
        DType::F32 => each!(f32),
        dtype => unreachable!("{dtype} has no reciprocals"),
    }
}

/// The bits of 1.
fn one(dtype: DType) -> u64 {
    match dtype {
        DType::F64 => 1f64.to_bits(),
        DType::F32 => 1f32.to_bits() as u64,
        _ => 1,
    }
}

/// Operations on their way to what the machine has.
#[derive(Default)]
struct Prepared<'a> {
    inputs: &'a [Reading],
    operations: Vec<Operation>,
    /// For each operation whether it is the same in every element.
    uniform: Vec<bool>,
    constants: HashMap<(DType, u64), Value>,
    /// For each divisor of many elements its reciprocal, or NaN, and its negative.
    divisors: HashMap<Value, [Value; 2]>,
}

impl Prepared<'_> {
    fn push(&mut self, operation: Operation) -> Value {
        self.uniform.push(is_uniform(&operation, self.inputs, &self.uniform));
        self.operations.push(operation);
        self.operations.len() as Value - 1
    }

    fn constant(&mut self, dtype: DType, bits: u64) -> Value {
        if let Some(&value) = self.constants.get(&(dtype, bits)) {
            return value;
        }
        let value = self.push(Operation { code: Code::Constant, dtype, arity: 0, operands: [0; 3], immediate: bits });
        self.constants.insert((dtype, bits), value);
        value
    }

    fn make<const N: usize>(&mut self, code: Code, dtype: DType, operands: [Value; N], immediate: u64) -> Value {
        let mut places = [0; 3];
        places[..N].copy_from_slice(&operands);
        self.push(Operation { code, dtype, arity: N as u8, operands: places, immediate })
    }

    /// The reciprocal of what divides many elements, or NaN, and its negative; `None` for what divides one alone.
    fn divisor(&mut self, y: Value) -> Option<[Value; 2]> {
        if let Some(&known) = self.divisors.get(&y) {
            return Some(known);
        }
        let reciprocal = self.reciprocal(y)?;
        let negative = self.make(Code::Negate, self.operations[y as usize].dtype, [y], 0);
        self.divisors.insert(y, [reciprocal, negative]);
        Some([reciprocal, negative])
    }

    /// The reciprocal alone, as [`reciprocals`] has it.
    fn reciprocal(&mut self, y: Value) -> Option<Value> {
        use Code::*;
        let Operation { code, dtype, immediate, .. } = self.operations[y as usize];
        if code == Operand && self.inputs[immediate as usize] == Reading::Repeated {
            let is_it = |&reading: &Reading| reading == Reading::Reciprocals(immediate as usize);
            let number = self.inputs.iter().position(is_it)?;
            return Some(self.make(Operand, dtype, [], number as u64));
        }
        if !self.uniform[y as usize] {
            return None;
        }
        let Parts { signed, sign, .. } = Parts::of(dtype);
        let [low, high] = limits(dtype).map(|bits| self.constant(signed, bits));
        let size = self.constant(signed, (1 << sign) - 1);
        let size = self.make(And, signed, [y, size], 0);
        let below = self.make(Subtract, signed, [size, low], 0);
        let above = self.make(Subtract, signed, [high, size], 0);
        let outside = self.make(Or, signed, [below, above], 0);
        // All ones, which is NaN.
        let outside = self.make(ShiftRight, signed, [outside], sign);
        let one = self.constant(dtype, one(dtype));
        let reciprocal = self.make(Divide, dtype, [one, y], 0);
        Some(self.make(Or, dtype, [reciprocal, outside], 0))
    }

    /// `x / y`, rounded as a division rounds, by the reciprocal z of `y`: q = x z and then q + (x - q y) z, which is exact to the last bit
    /// unless something leaves the range of normal numbers (Brisebarre, Muller and Raina, "Accelerating correctly rounded floating-point
    /// division when the divisor is known in advance", 2004). Where q is near an end of that range there is a division.
    ///
    /// The last bit of the remainder x - q y is worth the last bits of q and y together, which must not be less than the least number there
    /// is: q is at least 2^(1 - middle + mantissa + reach), where reach is the negative of y's least exponent. It may be a bit too long to be
    /// exact, when q is more than one unit off; the result is the nearest float still. The operations on bits take the registers as they
    /// are, whatever dtype lies there.
    fn quotient(&mut self, dtype: DType, [x, y]: [Value; 2], [reciprocal, negative]: [Value; 2]) -> Value {
        use Code::*;
        let parts = Parts::of(dtype);
        let unsigned = parts.unsigned;
        let [least, most] = [1 - parts.middle() + parts.mantissa + parts.reach, parts.middle() - 2];
        let [least, most] = [least, most].map(|exponent| parts.power(exponent));
        let first = self.make(Multiply, dtype, [x, reciprocal], 0);
        let remainder = self.make(Fma, dtype, [first, negative, x], 0);
        let quotient = self.make(Fma, dtype, [remainder, reciprocal, first], 0);
        let [least_twice, range] = [least << 1, (most - least) << 1].map(|bits| self.constant(unsigned, bits));
        let twice = self.make(ShiftLeft, unsigned, [first], 1);
        let above = self.make(Subtract, unsigned, [twice, least_twice], 0);
        let is_far = self.make(Less, DType::Bool, [range, above], 0);
        // 0 / y is 0 if both have the sign +: then all bits are.
        let both = self.make(Or, unsigned, [x, first], 0);
        let zero = self.constant(unsigned, 0);
        let is_something = self.make(NotEqual, DType::Bool, [both, zero], 0);
        let is_rare = self.make(And, DType::Bool, [is_far, is_something], 0);
        let rare = self.make(Rare, DType::Bool, [is_rare], 0);
        let slow = self.make(Divide, dtype, [x, y], 0);
        self.make(Merge, dtype, [is_rare, slow, quotient], rare as u64)
    }
}

/// Operations of which those on the bits of two numbers, one of which is made for nothing else by another such one, are one of three numbers.
fn with_three_numbers(operations: &[Operation], outputs: &[Value]) -> Vec<Operation> {
    let mut operations = operations.to_vec();
    let mut uses = vec![0; operations.len()];
    let operands = operations.iter().flat_map(Operation::operands);
    operands.chain(outputs).for_each(|&value| uses[value as usize] += 1);
    let on_bits = |code: Code, a: bool, b: bool| match code {
        Code::And => Some(a & b),
        Code::Or => Some(a | b),
        Code::Xor => Some(a ^ b),
        _ => None,
    };
    for index in 0..operations.len() {
        let outer = operations[index];
        if outer.dtype == DType::Bool || on_bits(outer.code, false, false).is_none() {
            continue;
        }
        let [first, second, _] = outer.operands;
        let is_inner = |&value: &Value| {
            let operation = operations[value as usize];
            uses[value as usize] == 1
                && operation.dtype == outer.dtype
                && on_bits(operation.code, false, false).is_some()
        };
        let Some(inner) = [first, second].into_iter().find(is_inner) else { continue };
        let third = if inner == first { second } else { first };
        let Operation { code: inner, operands: [a, b, _], .. } = operations[inner as usize];
        // An instruction reads its last operand from memory, where constants lie.
        let is_constant = |value: Value| operations[value as usize].code == Code::Constant;
        let is_swapped = is_constant(b) && !is_constant(third);
        let operands = if is_swapped { [a, third, b] } else { [a, b, third] };
        let mut immediate = 0;
        for bits in 0..8 {
            let [a, b, c] = [4, 2, 1].map(|bit| bits & bit != 0);
            let (b, c) = if is_swapped { (c, b) } else { (b, c) };
            let result = on_bits(inner, a, b).and_then(|made| on_bits(outer.code, made, c));
            immediate |= u64::from(result == Some(true)) << bits;
        }
        operations[index] = Operation { code: Code::OfThree, arity: 3, operands, immediate, ..outer };
    }
    operations
}

/// The bits of the reciprocal of a constant power of two, when it is a normal number too.
fn exact_reciprocal(operation: &Operation) -> Option<u64> {
    if operation.code != Code::Constant {
        return None;
    }
    match operation.dtype {
        DType::F64 => {
            let value = f64::from_bits(operation.immediate);
            let reciprocal = 1.0 / value;
            let is_power = value.is_normal() && operation.immediate << 12 == 0;
            (is_power && reciprocal.is_normal()).then_some(reciprocal.to_bits())
        }
        DType::F32 => {
            let value = f32::from_bits(operation.immediate as u32);
            let reciprocal = 1.0 / value;
            let is_power = value.is_normal() && (operation.immediate as u32) << 9 == 0;
            (is_power && reciprocal.is_normal()).then_some(reciprocal.to_bits() as u64)
        }
        _ => None,
    }
}

/// Compiled code.
pub struct Compiled {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    executable: memory::Executable,
    constants: Vec<u64>,
    /// Elements of a vector.
    width: usize,
    inputs: Vec<Input>,
    /// For each output its bytes an element.
    outputs: Vec<usize>,
    streams: bool,
    repeats: bool,
    in_place: bool,
}

/// What is known of an input when code runs.
struct Input {
    /// Bytes of an element; 0 where none is read.
    size: usize,
    reading: Reading,
    /// How many elements further on others read what begins here.
    reach: usize,
}

impl Input {
    fn new(request: &Request, number: usize) -> Input {
        let (mut size, mut reach) = (0, 0);
        for operation in request.operations.iter().filter(|operation| operation.code == Code::Operand) {
            match request.inputs[operation.immediate as usize] {
                Reading::Shifted { of, by } if of == number => (size, reach) = (operation.dtype.size(), by.max(reach)),
                _ if operation.immediate == number as u64 => size = operation.dtype.size(),
                _ => {}
            }
        }
        Input { size, reading: request.inputs[number], reach }
    }

    /// How many lines of a stage hold its last elements, and those that others read.
    fn lines(&self) -> usize {
        match self.reading {
            Reading::Splat | Reading::Shifted { .. } => 0,
            _ if self.size == 0 => 0,
            _ if self.reach > 0 => 2,
            _ => 1,
        }
    }
}

/// A cache line of a stage.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Line([u8; ALIGNMENT]);

impl Line {
    /// Zeros.
    pub const EMPTY: Line = Line([0; ALIGNMENT]);
}

impl Compiled {
    /// Why a request has no machine code at a level, if it has none.
    pub fn refusal(operations: &[Operation], level: Level) -> Option<String> {
        if !matches!(level, Level::Avx2 | Level::Avx512) {
            return Some(format!("none for {}", level.name()));
        }
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        return vectors::refusal(operations, level);
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
        {
            let _ = operations;
            Some("none on this machine".to_owned())
        }
    }

    /// Compiles a request, which must not be refused, for a level that this machine has.
    ///
    /// # Errors
    /// Why it is not done: the system gives no memory that may run, or the assembler refuses an instruction.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub fn new(request: &Request, level: Level) -> Result<Compiled, String> {
        let assembled = x86::assemble(request, level).map_err(|error| error.to_string())?;
        let executable = memory::Executable::new(&assembled.code).ok_or("no memory for machine code")?;
        Ok(Compiled {
            executable,
            constants: assembled.constants,
            width: assembled.width,
            inputs: (0..request.inputs.len()).map(|number| Input::new(request, number)).collect(),
            outputs: request.outputs.iter().map(|output| output.dtype.size()).collect(),
            streams: request.streams,
            repeats: level == Level::Avx512,
            in_place: request.in_place,
        })
    }

    /// Elsewhere there is none.
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    pub fn new(_: &Request, _: Level) -> Result<Compiled, String> {
        Err("no machine code here".to_owned())
    }

    /// Whether it repeats an input of one value itself, if that has `size` bytes: no truth is read so.
    pub fn repeats(&self, size: usize) -> bool {
        self.repeats && size >= 4
    }

    /// How many lines a stage needs.
    pub fn stage(&self) -> usize {
        self.inputs.iter().map(Input::lines).sum::<usize>() + self.outputs.len()
    }

    /// Computes `rows` rows of `count` elements. The table has the address of each input and then of each output in the first row;
    /// from one row to the next each goes on by its step, in bytes. What the table holds afterwards is unspecified.
    ///
    /// # Safety
    /// In each row, dense inputs are readable and outputs writable for as many elements, splat inputs for 64 bytes, and
    /// what is shifted is the other input's elements; an output may lie exactly where a dense input of the same element size does, or
    /// before it where the request says `in_place`, and overlaps nothing else. The machine has the level.
    pub unsafe fn run(
        &self,
        table: &mut [*const u8],
        stage: &mut [Line],
        count: usize,
        (rows, steps): (usize, &[isize]),
    ) {
        debug_assert!(rows == 1 || !self.streams && steps.len() == table.len() && table.len() <= MOST_IN_ROWS);
        let (inputs, outputs) = table.split_at(self.inputs.len());
        let in_place = outputs.iter().any(|output| inputs.contains(output));
        // SAFETY: the caller's promise.
        unsafe {
            if rows > 1 && (count.is_multiple_of(self.width) || count >= self.width && (self.in_place || !in_place)) {
                self.call(table, count, (rows, steps), 0);
                return;
            }
            if rows == 1 {
                self.row(table, stage, count, in_place);
                return;
            }
            let mut places = [std::ptr::null(); MOST_IN_ROWS];
            let places = &mut places[..table.len()];
            for row in 0..rows {
                for ((place, &address), &step) in places.iter_mut().zip(table.iter()).zip(steps) {
                    *place = address.offset(row as isize * step);
                }
                self.row(places, stage, count, in_place);
            }
        }
    }

    /// Computes elements until `again` is false for all of them, or until so many turns were spent on some; gives how many elements,
    /// from the first on, are done.
    ///
    /// # Safety
    /// As [`Compiled::run`] for one row, of a whole vector at least; the request says `again`.
    pub unsafe fn repeat(&self, table: &mut [*const u8], count: usize, turns: usize) -> usize {
        debug_assert!(count >= self.width);
        // SAFETY: the caller's promise. Elements that are done may be computed again: they stay as they are.
        unsafe { self.call(table, count, (1, &[]), turns) }
    }

    /// Computes `rows` rows of `count` elements, as [`Compiled::run`] does, and accumulates them. The table's places of accumulators among
    /// the inputs are not looked at; where there are stripes, 64 bytes before each row's accumulators are memory, too.
    ///
    /// # Safety
    /// As [`Compiled::run`], for rows of a vector at least, or of a stripe where there are stripes; the request says `folding`.
    pub unsafe fn fold(&self, table: &mut [*const u8], count: usize, (rows, steps): (usize, &[isize])) {
        debug_assert!(count >= self.width);
        debug_assert!(steps.len() == table.len() || rows == 1 && steps.is_empty() && table.len() <= MOST_IN_ROWS);
        // SAFETY: the caller's promise. What the last vector computes again is not written again.
        unsafe { self.call(table, count, (rows, steps), 0) };
    }

    /// How many elements make a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row.
    ///
    /// # Safety
    /// As [`Compiled::run`].
    unsafe fn row(&self, table: &mut [*const u8], stage: &mut [Line], count: usize, in_place: bool) {
        // The last vector may compute elements again: where results lie by then, only if it does not write them again.
        let is_whole = if self.in_place { count >= self.width } else { !in_place };
        let whole = if is_whole && !self.streams { count } else { count - count % self.width };
        // SAFETY: the caller's promise; the function stays within it. What is left goes through lines of the stage, one of which
        // holds a vector, and two what lies up to a line behind its elements besides.
        unsafe {
            let done = self.call(table, whole, (1, &[]), 0);
            let rest = count - done;
            if rest == 0 {
                return;
            }
            let inputs = self.inputs.len();
            let mut lines = stage;
            for (input, address) in self.inputs.iter().zip(table.iter_mut()).filter(|(input, _)| input.lines() > 0) {
                let &Input { size, reach, .. } = input;
                let (own, others) = lines.split_at_mut(input.lines());
                lines = others;
                let line = own.as_mut_ptr().cast::<u8>();
                let from = address.add(done * size);
                // Elements like the others behind the last: nothing rare happens because of them.
                for index in 0..self.width + reach {
                    let last = rest - 1 + reach;
                    std::ptr::copy_nonoverlapping(from.add(index.min(last) * size), line.add(index * size), size);
                }
                *address = line;
            }
            let mut places = [std::ptr::null::<u8>(); MOST_OUTPUTS];
            for ((line, address), place) in lines.iter_mut().zip(&mut table[inputs..]).zip(&mut places) {
                *place = *address;
                *address = line.0.as_ptr();
            }
            self.call(table, self.width, (1, &[]), 0);
            for ((&size, line), place) in self.outputs.iter().zip(lines.iter()).zip(places) {
                let to = place.cast_mut().add(done * size);
                std::ptr::copy_nonoverlapping(line.0.as_ptr(), to, rest * size);
            }
        }
    }

    /// # Safety
    /// As [`Compiled::run`], for rows that can be done without a stage.
    unsafe fn call(
        &self,
        table: &mut [*const u8],
        count: usize,
        (rows, steps): (usize, &[isize]),
        turns: usize,
    ) -> usize {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        // SAFETY: the caller's promise; the instructions were written for this table and these constants.
        return unsafe {
            let table = table.as_mut_ptr();
            // Code that fetches looks at the steps of a single row, too.
            let steps = if steps.is_empty() { &[0; MOST_IN_ROWS][..] } else { steps };
            self.executable.call(table, count, self.constants.as_ptr(), (rows, steps.as_ptr()), turns)
        };
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
        {
            let _ = (table, count, rows, steps, turns, &self.constants, self.streams);
            unreachable!("nothing is compiled here")
        }
    }
}

/// The most inputs and outputs of code that is run on several rows at once.
pub const MOST_IN_ROWS: usize = 64;

/// The most outputs of a request.
pub const MOST_OUTPUTS: usize = 16;

/// The most compiled requests that are kept.
const MOST_KEPT: usize = 1024;

type Known = HashMap<(Request, Level), Option<Arc<Compiled>>>;

/// The code of a request, compiled now or before.
pub fn compiled(request: Request, level: Level) -> Option<Arc<Compiled>> {
    static KEPT: OnceLock<Mutex<Known>> = OnceLock::new();
    let kept = KEPT.get_or_init(Mutex::default);
    let key = (request, level);
    let lock = || kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(known) = lock().get(&key) {
        return known.clone();
    }
    let compiled = Compiled::new(&key.0, level).map(Arc::new).ok();
    let mut kept = lock();
    // Programs that make new code all the time would fill the memory: then all of it is made anew. What runs keeps its own.
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    kept.insert(key, compiled.clone());
    compiled
}
