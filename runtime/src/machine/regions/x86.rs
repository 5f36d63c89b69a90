//! Vector code for x86-64 with AVX2 or AVX-512, put together by iced-x86.
//!
//! The function that comes out takes a table of addresses (the inputs', then the outputs'), how many elements a row has, the constants,
//! how many rows there are, how far each address goes from row to row, and how many turns may be spent. In a row it goes over whole vectors, several side by side
//! while enough are left. The last vector may begin within the one before it. Only when there is not one whole vector is nothing
//! done: it tells how many elements of each row it has done.
//!
//! Accumulators lie in memory, where the next element's turn finds them in the first cache: so there may be as many as there are, and
//! more than one result. A row's first stripe is stored, the others are combined with what is there. Of the last vector only those
//! elements are written that are new.

use super::allocate::{Allocation, Place, Step, Target, allocate};
use super::vectors::{MASKS, VECTORS, Vectors, is_float, is_signed};
use super::{Reading, Request, verify};
use crate::buffer::ALIGNMENT;
use crate::kernel::Level;
use crate::kernel::record::{Code, Operation, Value};
use iced_x86::code_asm::*;
use iced_x86::{IcedError, Register};
use std::collections::HashMap;
use std::sync::OnceLock;
use thalweg_lang::dtype::DType;

/// Machine code, before it is executable.
pub struct Assembled {
    /// The instructions.
    pub code: Vec<u8>,
    /// What its third argument points to.
    pub constants: Vec<u64>,
    /// Elements of a vector.
    pub width: usize,
}

/// Where the second source of an instruction is.
#[derive(Clone, Copy)]
enum Source {
    Register(u8),
    Memory(AsmMemoryOperand),
}
use Source::Memory;

fn zmm(register: u8) -> AsmRegisterZmm {
    registers::get_zmm(Register::ZMM0 + register as u32).unwrap_or(registers::zmm0)
}
fn ymm(register: u8) -> AsmRegisterYmm {
    registers::get_ymm(Register::YMM0 + register as u32).unwrap_or(registers::ymm0)
}
fn xmm(register: u8) -> AsmRegisterXmm {
    registers::get_xmm(Register::XMM0 + register as u32).unwrap_or(registers::xmm0)
}
/// Mask register 0 means "no mask", so the first one that we use is 1.
fn mask(register: u8) -> AsmRegisterK {
    registers::get_k(Register::K0 + 1 + register as u32).unwrap_or(registers::k1)
}

/// The registers that hold addresses for good.
const BASES: [AsmRegister64; 9] = [r8, r9, r10, r11, rbx, r12, r13, r14, r15];
/// Of these, those that a caller wants back as they were begin here.
const FIRST_SAVED: usize = 4;
/// Where accumulators are taken in turn, the last of them counts these.
const STRIPE_INDEX: AsmRegister64 = r15;
/// How many bytes ahead of where it is read memory is fetched: about what is computed until it is there.
const FETCHED_AHEAD: i32 = 4096;
/// The registers that hold accumulators begin here; so many are held, beside no more operations than these.
const FIRST_HELD: u8 = 23;
const MOST_HELD: usize = 8;
const MOST_BESIDE_HELD: usize = 24;
/// The mask register that no value has where there are accumulators.
const LAST_MASK: u8 = 6;

/// Whether a fold along rows asks for what comes, as it is measured: a Xeon gains by it (sum of 250 MB 18.3 ms, then 16.0), a Zen 4 loses (sum of
/// 160 MB 6.0 ms, then 6.9), for which all processors of its make are taken. Where results are written too, neither loses.
fn fetches_along() -> bool {
    static FETCHES: OnceLock<bool> = OnceLock::new();
    *FETCHES.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let vendor = std::arch::x86_64::__cpuid(0);
            let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
            !matches!(name.as_flattened(), b"AuthenticAMD" | b"HygonGenuine")
        }
        #[cfg(not(target_arch = "x86_64"))]
        true
    })
}

/// `name result, a, source` in the width of the result.
macro_rules! three {
    ($asm:expr, $bytes:expr, $name:ident, $result:expr, $a:expr, $source:expr) => {
        match ($bytes, $source) {
            (64, Source::Register(b)) => $asm.$name(zmm($result), zmm($a), zmm(b)),
            (64, Memory(b)) => $asm.$name(zmm($result), zmm($a), b),
            (32, Source::Register(b)) => $asm.$name(ymm($result), ymm($a), ymm(b)),
            (32, Memory(b)) => $asm.$name(ymm($result), ymm($a), b),
            (_, Source::Register(b)) => $asm.$name(xmm($result), xmm($a), xmm(b)),
            (_, Memory(b)) => $asm.$name(xmm($result), xmm($a), b),
        }
    };
}
/// `name result, source`.
macro_rules! two {
    ($asm:expr, $bytes:expr, $name:ident, $result:expr, $source:expr) => {
        match ($bytes, $source) {
            (64, Source::Register(b)) => $asm.$name(zmm($result), zmm(b)),
            (64, Memory(b)) => $asm.$name(zmm($result), b),
            (32, Source::Register(b)) => $asm.$name(ymm($result), ymm(b)),
            (32, Memory(b)) => $asm.$name(ymm($result), b),
            (_, Source::Register(b)) => $asm.$name(xmm($result), xmm(b)),
            (_, Memory(b)) => $asm.$name(xmm($result), b),
        }
    };
}
/// `name result, source, immediate`.
macro_rules! two_and_number {
    ($asm:expr, $bytes:expr, $name:ident, $result:expr, $source:expr, $number:expr) => {
        match ($bytes, $source) {
            (64, Source::Register(b)) => $asm.$name(zmm($result), zmm(b), $number),
            (64, Memory(b)) => $asm.$name(zmm($result), b, $number),
            (32, Source::Register(b)) => $asm.$name(ymm($result), ymm(b), $number),
            (32, Memory(b)) => $asm.$name(ymm($result), b, $number),
            (_, Source::Register(b)) => $asm.$name(xmm($result), xmm(b), $number),
            (_, Memory(b)) => $asm.$name(xmm($result), b, $number),
        }
    };
}
/// `name result, a, source, immediate` for vectors that the older encoding has.
macro_rules! three_and_number {
    ($asm:expr, $bytes:expr, $name:ident, $result:expr, $a:expr, $source:expr, $number:expr) => {
        match ($bytes, $source) {
            (32, Source::Register(b)) => $asm.$name(ymm($result), ymm($a), ymm(b), $number),
            (32, Memory(b)) => $asm.$name(ymm($result), ymm($a), b, $number),
            (_, Source::Register(b)) => $asm.$name(xmm($result), xmm($a), xmm(b), $number),
            (_, Memory(b)) => $asm.$name(xmm($result), xmm($a), b, $number),
        }
    };
}
/// A comparison of the newer encoding: `name mask, a, source, predicate`.
macro_rules! compare {
    ($asm:expr, $bytes:expr, $name:ident, $result:expr, $a:expr, $source:expr, $number:expr) => {
        match ($bytes, $source) {
            (64, Source::Register(b)) => $asm.$name(mask($result), zmm($a), zmm(b), $number),
            (64, Memory(b)) => $asm.$name(mask($result), zmm($a), b, $number),
            (32, Source::Register(b)) => $asm.$name(mask($result), ymm($a), ymm(b), $number),
            (32, Memory(b)) => $asm.$name(mask($result), ymm($a), b, $number),
            (_, Source::Register(b)) => $asm.$name(mask($result), xmm($a), xmm(b), $number),
            (_, Memory(b)) => $asm.$name(mask($result), xmm($a), b, $number),
        }
    };
}
/// `name result{mask}, a, source`.
macro_rules! masked_three {
    ($asm:expr, $bytes:expr, $name:ident, $result:expr, $mask:expr, $a:expr, $source:expr) => {
        match ($bytes, $source) {
            (64, Source::Register(b)) => $asm.$name(zmm($result).mask_register($mask), zmm($a), zmm(b)),
            (64, Memory(b)) => $asm.$name(zmm($result).mask_register($mask), zmm($a), b),
            (32, Source::Register(b)) => $asm.$name(ymm($result).mask_register($mask), ymm($a), ymm(b)),
            (32, Memory(b)) => $asm.$name(ymm($result).mask_register($mask), ymm($a), b),
            (_, Source::Register(b)) => $asm.$name(xmm($result).mask_register($mask), xmm($a), xmm(b)),
            (_, Memory(b)) => $asm.$name(xmm($result).mask_register($mask), xmm($a), b),
        }
    };
}
/// A conversion between vectors of different widths, from registers: the one of 8-byte elements is `$wide` bytes.
macro_rules! narrowing {
    ($asm:expr, $wide:expr, $name:ident, $result:expr, $from:expr) => {
        match $wide {
            64 => $asm.$name(ymm($result), zmm($from)),
            32 => $asm.$name(xmm($result), ymm($from)),
            _ => $asm.$name(xmm($result), xmm($from)),
        }
    };
}
macro_rules! widening {
    ($asm:expr, $wide:expr, $name:ident, $result:expr, $from:expr) => {
        match $wide {
            64 => $asm.$name(zmm($result), ymm($from)),
            32 => $asm.$name(ymm($result), xmm($from)),
            _ => $asm.$name(xmm($result), xmm($from)),
        }
    };
}

trait Masked: Sized {
    fn mask_register(self, register: u8) -> Self;
}
macro_rules! masked {
    ($($register:ident)*) => { $(
        impl Masked for $register {
            fn mask_register(self, register: u8) -> Self {
                match register {
                    0 => self.k1(),
                    1 => self.k2(),
                    2 => self.k3(),
                    3 => self.k4(),
                    4 => self.k5(),
                    5 => self.k6(),
                    _ => self.k7(),
                }
            }
        }
    )* };
}
masked!(AsmRegisterZmm AsmRegisterYmm AsmRegisterXmm);

/// Assembles a request for a level, which must be AVX2 or AVX-512.
pub fn assemble(request: &Request, level: Level) -> Result<Assembled, IcedError> {
    let mut vectors = Vectors::new(request, level);
    let values: Vec<Value> = request.outputs.iter().map(|output| output.value).collect();
    let (copies, pinned) = vectors.copies(&values);
    let vectors = vectors;
    let allocated = |operations: &[Operation], values: &[Value], copies: usize, pinned: &[Value]| {
        let allocation = allocate(&vectors, operations, values, copies, pinned);
        debug_assert_eq!(verify::fault(&vectors, operations, &allocation), None);
        Body { copies, allocation }
    };
    // The first stripe's operations come before those that combine.
    let first = request.folding.as_ref().filter(|folding| folding.stripe.is_some()).map(|folding| {
        let end = folding.elements.iter().max().map_or(0, |&last| last as usize + 1);
        (&request.operations[..end], &folding.elements)
    });
    let first = first.map(|(operations, elements)| allocated(operations, elements, copies, &pinned));
    let main = allocated(&request.operations, &values, copies, &pinned);
    let single = (copies > 1).then(|| allocated(&request.operations, &values, 1, &pinned));
    let held = Held::new(&vectors);
    let (once, made) = vectors.prologue();
    let prologue = Prologue::new(&once, made, &vectors);
    let mut writer = Writer::new(&vectors)?;
    writer.function(&prologue, first.as_ref().zip(Some(held.as_ref())), &[Some(&main), single.as_ref()])?;
    let code = writer.asm.assemble(0)?;
    Ok(Assembled { code, constants: writer.constants, width: vectors.width })
}

/// What a loop does in one turn.
struct Body {
    /// On how many vectors.
    copies: usize,
    allocation: Allocation,
}

/// What a row computes once: it comes to lie in slots above those of the loops.
struct Prologue<'a> {
    vectors: Vectors<'a>,
    allocation: Allocation,
    /// The values of the function, in the order of the slots.
    made: Vec<Value>,
}

impl<'a> Prologue<'a> {
    fn new(request: &'a Request, made: Vec<Value>, vectors: &Vectors) -> Prologue<'a> {
        let vectors = vectors.of_prologue(request);
        let outputs: Vec<Value> = request.outputs.iter().map(|output| output.value).collect();
        let allocation = allocate(&vectors, &request.operations, &outputs, 1, &[]);
        debug_assert_eq!(verify::fault(&vectors, &request.operations, &allocation), None);
        Prologue { vectors, allocation, made }
    }
}

/// A stripe whose accumulators are in registers, one for each of its vectors: what is done with one of them.
struct Held {
    allocation: Allocation,
    /// The output that is accumulated.
    output: usize,
    /// How many registers there are.
    count: usize,
}

impl Held {
    /// `None` where the accumulators do not fit beside what is computed, or that takes long enough to leave them in memory.
    fn new(vectors: &Vectors) -> Option<Held> {
        let request = vectors.request;
        let operations = &request.operations;
        let numbers = request.inputs.iter().enumerate().filter_map(|(number, reading)| match *reading {
            Reading::Accumulator(output) => Some((number, output)),
            _ => None,
        });
        let [(number, output)] = numbers.collect::<Vec<_>>()[..] else { return None };
        let count = vectors.stripe()? / vectors.width;
        let is_it = |operation: &Operation| operation.code == Code::Operand && operation.immediate == number as u64;
        let accumulator = operations.iter().position(is_it)? as Value;
        if !vectors.wide
            || vectors.bytes(request.outputs[output].dtype) != vectors.full()
            || count != MOST_HELD
            || operations.len() > MOST_BESIDE_HELD
            || operations.iter().any(|operation| operation.code == Code::Rare)
        {
            return None;
        }
        let outputs: Vec<Value> = request.outputs.iter().map(|output| output.value).collect();
        let (_, uniform) = vectors.few(FIRST_HELD as usize).room(&outputs);
        // The accumulator's own register comes behind theirs.
        let few = vectors.few(FIRST_HELD as usize + 1);
        let pinned: Vec<Value> = [accumulator].into_iter().chain(uniform).collect();
        let mut allocation = allocate(&few, operations, &outputs, 1, &pinned);
        debug_assert_eq!(verify::fault(&few, operations, &allocation), None);
        debug_assert_eq!(allocation.pinned.first(), Some(&(accumulator, FIRST_HELD)));
        allocation.pinned.remove(0);
        few.keep(&mut allocation.steps, output, FIRST_HELD);
        Some(Held { allocation, output, count })
    }
}

/// A guarded part that is written behind the function's end.
struct Aside<'a> {
    begin: CodeLabel,
    back: CodeLabel,
    body: &'a [Step],
}

struct Writer<'a> {
    asm: CodeAssembler,
    vectors: &'a Vectors<'a>,
    constants: Vec<u64>,
    places: HashMap<(u64, usize), usize>,
    /// The base register of each address of the table, where it has one.
    bases: Vec<Option<AsmRegister64>>,
    /// Whether anything is read or written at an address.
    is_read: Vec<bool>,
    /// How far below the frame the truth lies that says whether elements are computed again, or how many elements of the last vector
    /// are new.
    truth: i32,
    /// Where the address of the steps lies below the frame.
    steps: i32,
    /// Whether only the new elements of the last vector are written.
    partial: bool,
    /// The slot of each value that a row computes once.
    once: HashMap<Value, u32>,
    /// The first of these slots, while they are filled.
    fills: Option<u32>,
}

type Outcome = Result<(), IcedError>;

impl<'a> Writer<'a> {
    fn new(vectors: &'a Vectors<'a>) -> Result<Writer<'a>, IcedError> {
        let request = vectors.request;
        let count = request.inputs.len() + request.outputs.len();
        let is_read = |number: usize| {
            if matches!(request.inputs.get(number), Some(Reading::Accumulator(_) | Reading::Shifted { .. })) {
                return false;
            }
            let reads_it = |operation: &Operation| {
                operation.code == Code::Operand
                    && match request.inputs[operation.immediate as usize] {
                        Reading::Shifted { of, .. } => of == number,
                        _ => operation.immediate == number as u64,
                    }
            };
            number >= request.inputs.len() || request.operations.iter().any(reads_it)
        };
        let mut free: Vec<AsmRegister64> =
            BASES.into_iter().filter(|&base| base != STRIPE_INDEX || vectors.stripe().is_none()).collect();
        // An address that is read in every turn makes a stencil a quarter slower: where one register is missing, the table's serves.
        if (0..count).filter(|&index| is_read(index)).count() == free.len() + 1 {
            free.push(rdi);
        }
        let mut free = free.into_iter();
        let bases = (0..count).map(|index| is_read(index).then(|| free.next()).flatten()).collect();
        let is_read = (0..count).map(is_read).collect();
        let mut asm = CodeAssembler::new(64)?;
        // Only the newer encoding has registers from 16 on.
        asm.set_prefer_vex(!vectors.wide);
        Ok(Writer {
            asm,
            vectors,
            constants: Vec::new(),
            places: HashMap::new(),
            bases,
            is_read,
            truth: 0,
            steps: 0,
            partial: false,
            once: HashMap::new(),
            fills: None,
        })
    }

    /// The whole function: what a row begins with, what is done with its first stripe, if that is another thing, and the loops, the
    /// widest first.
    fn function(
        &mut self,
        prologue: &'a Prologue<'a>,
        first: Option<(&Body, Option<&Held>)>,
        loops: &[Option<&Body>],
    ) -> Outcome {
        let used = self.bases.iter().flatten().filter(|&&base| base != rdi).count();
        let mut saved: Vec<AsmRegister64> = BASES[..used].iter().skip(FIRST_SAVED).copied().collect();
        if first.is_some() {
            saved.push(STRIPE_INDEX);
        }
        let bodies = loops.iter().flatten().copied();
        let all = bodies.clone().chain(first.map(|first| first.0)).map(|body| &body.allocation);
        let held = first.and_then(|first| first.1);
        let all = all.chain(held.map(|held| &held.allocation)).chain([&prologue.allocation]);
        let before = all.map(|allocation| allocation.slots).max().unwrap_or(0);
        self.once = prologue.made.iter().copied().zip(before..).collect();
        let slots = (before as usize + prologue.made.len()) as i32;
        self.asm.push(rbp)?;
        self.asm.mov(rbp, rsp)?;
        for &register in &saved {
            self.asm.push(register)?;
        }
        self.asm.push(rcx)?;
        self.asm.push(r8)?;
        self.asm.push(r9)?;
        self.asm.push(rax)?;
        self.truth = 8 * (saved.len() as i32 + 4);
        let mut spent = self.asm.create_label();
        let rows = rbp - 8 * (saved.len() as i32 + 1);
        self.steps = 8 * (saved.len() as i32 + 2);
        let steps = rbp - self.steps;
        let turns = rbp - 8 * (saved.len() as i32 + 3);
        if slots > 0 {
            self.asm.and(rsp, -64)?;
            self.asm.sub(rsp, slots * 64)?;
        }
        let bases = self.bases.clone();
        for (index, base) in bases.iter().enumerate() {
            if let Some(base) = base {
                self.asm.mov(*base, ptr(rdi + index * 8))?;
            }
        }
        let mut row = self.asm.create_label();
        self.asm.set_label(&mut row)?;
        let mut asides = Vec::new();
        let own = std::mem::replace(&mut self.vectors, &prologue.vectors);
        self.fills = Some(before);
        self.steps(&prologue.allocation.steps, &mut asides)?;
        self.fills = None;
        self.vectors = own;
        for &(value, register) in bodies.clone().next().map_or(&[][..], |body| &body.allocation.pinned) {
            self.load(value, 0, register)?;
        }
        self.asm.xor(ecx, ecx)?;
        if let (Some((first, held)), Some(stripe)) = (first, self.vectors.stripe()) {
            let mut again = self.asm.create_label();
            self.asm.set_label(&mut again)?;
            self.asm.mov(STRIPE_INDEX, rcx)?;
            self.steps(&first.allocation.steps, &mut asides)?;
            self.asm.add(rcx, (first.copies * self.vectors.width) as i32)?;
            self.asm.cmp(rcx, stripe as i32)?;
            self.asm.jb(again)?;
            if let Some(held) = held {
                self.held(held, stripe as i32)?;
                let pinned = bodies.clone().next().map_or(&[][..], |body| &body.allocation.pinned);
                for &(value, register) in pinned {
                    self.load(value, 0, register)?;
                }
            }
        }
        for body in bodies.clone() {
            self.turns(body, (turns, spent), &mut asides)?;
        }
        if let Some(body) = bodies.last() {
            self.last_vector(body, &mut asides)?;
        }
        let mut last = self.asm.create_label();
        self.asm.dec(qword_ptr(rows))?;
        self.asm.je(last)?;
        self.asm.mov(rax, ptr(steps))?;
        for (index, base) in bases.into_iter().enumerate() {
            match base {
                Some(base) => self.asm.add(base, ptr(rax + index * 8))?,
                None if self.is_read[index] => {
                    self.asm.mov(rcx, ptr(rax + index * 8))?;
                    self.asm.add(qword_ptr(rdi + index * 8), rcx)?;
                }
                None => {}
            }
        }
        self.asm.jmp(row)?;
        self.asm.set_label(&mut last)?;
        // A label needs an instruction of its own.
        self.asm.nop()?;
        self.asm.set_label(&mut spent)?;
        if self.vectors.request.streams {
            // What passes by the cache is there before whoever is told that the work is done.
            self.asm.sfence()?;
        }
        self.asm.mov(rax, rcx)?;
        self.asm.vzeroupper()?;
        self.asm.lea(rsp, ptr(rbp - 8 * saved.len()))?;
        for &register in saved.iter().rev() {
            self.asm.pop(register)?;
        }
        self.asm.pop(rbp)?;
        self.asm.ret()?;
        while let Some(Aside { mut begin, back, body }) = asides.pop() {
            self.asm.set_label(&mut begin)?;
            self.steps(body, &mut asides)?;
            self.asm.jmp(back)?;
        }
        Ok(())
    }

    /// Whole stripes, while two at least are left, with accumulators in registers.
    fn held(&mut self, held: &Held, stripe: i32) -> Outcome {
        let mut again = self.asm.create_label();
        let mut done = self.asm.create_label();
        self.asm.lea(rax, ptr(rcx + 2 * stripe))?;
        self.asm.cmp(rax, rsi)?;
        self.asm.ja(done)?;
        for &(value, register) in &held.allocation.pinned {
            self.load(value, 0, register)?;
        }
        let output = self.vectors.request.inputs.len() + held.output;
        for copy in 0..held.count {
            let base = self.base(output)?;
            self.asm.vmovupd(zmm(FIRST_HELD + copy as u8), ptr(base + copy * 64))?;
        }
        self.asm.set_label(&mut again)?;
        self.fetch(held.count)?;
        for copy in 0..held.count as u8 {
            let steps = self.vectors.of_copy(&held.allocation.steps, copy, FIRST_HELD);
            self.steps(&steps, &mut Vec::new())?;
        }
        self.asm.add(rcx, stripe)?;
        self.asm.lea(rax, ptr(rcx + stripe))?;
        self.asm.cmp(rax, rsi)?;
        self.asm.jbe(again)?;
        for copy in 0..held.count {
            let base = self.base(output)?;
            self.asm.vmovupd(ptr(base + copy * 64), zmm(FIRST_HELD + copy as u8))?;
        }
        self.asm.set_label(&mut done)?;
        // A label needs an instruction of its own.
        self.asm.nop()
    }

    /// A body, while so many whole vectors are left.
    fn turns<'b>(
        &mut self,
        body: &'b Body,
        (turns, spent): (AsmMemoryOperand, CodeLabel),
        asides: &mut Vec<Aside<'b>>,
    ) -> Outcome {
        let step = (body.copies * self.vectors.width) as i32;
        let truth = rbp - self.truth;
        let mut again = self.asm.create_label();
        let mut done = self.asm.create_label();
        self.asm.lea(rax, ptr(rcx + step))?;
        self.asm.cmp(rax, rsi)?;
        self.asm.ja(done)?;
        self.asm.set_label(&mut again)?;
        if self.vectors.request.again.is_some() {
            self.asm.mov(dword_ptr(truth), 0)?;
        }
        if let Some(stripe) = self.vectors.stripe() {
            self.asm.mov(STRIPE_INDEX, rcx)?;
            self.asm.and(STRIPE_INDEX, stripe as i32 - 1)?;
        }
        self.fetch(body.copies)?;
        self.steps(&body.allocation.steps, asides)?;
        if self.vectors.request.again.is_some() {
            let mut next = self.asm.create_label();
            self.asm.cmp(dword_ptr(truth), 0)?;
            self.asm.je(next)?;
            self.asm.dec(qword_ptr(turns))?;
            self.asm.jne(again)?;
            self.asm.jmp(spent)?;
            self.asm.set_label(&mut next)?;
        }
        self.asm.add(rcx, step)?;
        self.asm.lea(rax, ptr(rcx + step))?;
        self.asm.cmp(rax, rsi)?;
        self.asm.jbe(again)?;
        self.asm.set_label(&mut done)?;
        // A label needs an instruction of its own.
        self.asm.nop()?;
        if body.copies == 1 && !self.vectors.request.ends_partly() {
            // What is left is less than a vector: the last whole vector is computed once more, some of it again.
            let mut end = self.asm.create_label();
            self.asm.test(rcx, rcx)?;
            self.asm.je(end)?;
            self.asm.cmp(rcx, rsi)?;
            self.asm.jae(end)?;
            self.asm.lea(rcx, ptr(rsi - step))?;
            self.asm.jmp(again)?;
            self.asm.set_label(&mut end)?;
            self.asm.nop()?;
        }
        Ok(())
    }

    /// Asks for what the turns to come read of the inputs that are fetched: some way on, or, where each element is an accumulator, the
    /// same of the next row. That it may lie behind an array's end does no harm.
    fn fetch(&mut self, copies: usize) -> Outcome {
        let request = self.vectors.request;
        let goes_down = request.folding.as_ref().is_some_and(|folding| folding.stripe.is_none());
        if request.folding.is_some() && !goes_down && !fetches_along() {
            return Ok(());
        }
        for number in (0..request.inputs.len()).filter(|&number| request.inputs[number] == Reading::Fetched) {
            let reads_it =
                |operation: &&Operation| operation.code == Code::Operand && operation.immediate == number as u64;
            let operand = request.operations.iter().find(reads_it);
            let (Some(base), Some(operand)) = (self.bases[number], operand) else { continue };
            let size = operand.dtype.size();
            if goes_down {
                self.asm.mov(rax, ptr(rbp - self.steps))?;
                self.asm.mov(rax, ptr(rax + number * 8))?;
                self.asm.add(rax, base)?;
            }
            for line in 0..(copies * self.vectors.width * size).div_ceil(ALIGNMENT) {
                let at = (line * ALIGNMENT) as i32;
                match goes_down {
                    // A whole row would push the accumulators out of the first cache.
                    true => self.asm.prefetcht1(ptr(rax + rcx * size as i32 + at))?,
                    false => self.asm.prefetcht0(ptr(base + rcx * size as i32 + (FETCHED_AHEAD + at)))?,
                }
            }
        }
        Ok(())
    }

    /// What is left of a row that ends partly, less than a vector: the last whole vector is computed, and what is new of it is written.
    fn last_vector<'b>(&mut self, body: &'b Body, asides: &mut Vec<Aside<'b>>) -> Outcome {
        if !self.vectors.request.ends_partly() || body.copies > 1 {
            return Ok(());
        }
        let width = self.vectors.width;
        let mut end = self.asm.create_label();
        self.asm.mov(rax, rsi)?;
        self.asm.sub(rax, rcx)?;
        self.asm.jbe(end)?;
        if let Some(stripe) = self.vectors.stripe() {
            self.asm.mov(STRIPE_INDEX, rcx)?;
            self.asm.and(STRIPE_INDEX, stripe as i32 - 1)?;
            self.asm.lea(STRIPE_INDEX, ptr(STRIPE_INDEX + rax - width as i32))?;
        }
        self.asm.lea(rcx, ptr(rsi - width as i32))?;
        if self.vectors.wide {
            // For each number of new elements the mask of the last so many.
            let masks = (0..width as u64).map(|new| (1 << width) - (1 << (width as u64 - new))).collect::<Vec<u64>>();
            let at = self.table(&masks);
            self.asm.kmovw(mask(LAST_MASK), ptr(rdx + rax * 8 + at))?;
        } else {
            self.asm.mov(qword_ptr(rbp - self.truth), rax)?;
        }
        self.partial = true;
        self.steps(&body.allocation.steps, asides)?;
        self.partial = false;
        self.asm.mov(rcx, rsi)?;
        self.asm.set_label(&mut end)?;
        // A label needs an instruction of its own.
        self.asm.nop()
    }

    /// The new elements of the last vector: all vectors end where the row does.
    fn store_partly(&mut self, to: AsmMemoryOperand, dtype: DType, register: u8) -> Outcome {
        let (bytes, size) = (self.vectors.bytes(dtype), dtype.size());
        if self.vectors.wide {
            let to = to.k7();
            return match (bytes, size) {
                (64, 8) => self.asm.vmovupd(to, zmm(register)),
                (64, _) => self.asm.vmovups(to, zmm(register)),
                (_, 8) => self.asm.vmovupd(to, ymm(register)),
                (_, _) => self.asm.vmovups(to, ymm(register)),
            };
        }
        // A window on nothing followed by all: it begins so much later as there are new elements.
        let scratch = self.vectors.scratch();
        let at = self.table(&[0, 0, 0, 0, u64::MAX, u64::MAX, u64::MAX, u64::MAX]) + 32 - bytes;
        self.asm.push(rcx)?;
        self.asm.mov(rcx, ptr(rbp - self.truth))?;
        match bytes {
            32 => self.asm.vmovupd(ymm(scratch), ptr(rdx + rcx * size as i32 + at))?,
            _ => self.asm.vmovupd(xmm(scratch), ptr(rdx + rcx * size as i32 + at))?,
        }
        self.asm.pop(rcx)?;
        match (bytes, size) {
            (32, 8) => self.asm.vmaskmovpd(to, ymm(scratch), ymm(register)),
            (32, _) => self.asm.vmaskmovps(to, ymm(scratch), ymm(register)),
            _ => self.asm.vmaskmovps(to, xmm(scratch), xmm(register)),
        }
    }

    fn steps<'b>(&mut self, steps: &'b [Step], asides: &mut Vec<Aside<'b>>) -> Outcome {
        for step in steps {
            match step {
                Step::Compute { value, copy, result, operands, temporaries } => {
                    self.compute(*value, *copy, *result, operands, *temporaries)?;
                }
                Step::Load { value, copy, register } => self.load(*value, *copy, *register)?,
                Step::Join { value, register, low, high, .. } => self.join(*value, *register, *low, *high)?,
                Step::Move { bank, from, to } => self.copy(*bank, *from, *to)?,
                Step::Save { bank, register, slot } => match (*bank == MASKS, self.vectors.wide) {
                    (true, _) => self.asm.kmovw(ptr(rsp + slot * 64), mask(*register))?,
                    (_, true) => self.asm.vmovupd(ptr(rsp + slot * 64), zmm(*register))?,
                    _ => self.asm.vmovupd(ptr(rsp + slot * 64), ymm(*register))?,
                },
                Step::Restore { bank, register, slot } => match (*bank == MASKS, self.vectors.wide) {
                    (true, _) => self.asm.kmovw(mask(*register), ptr(rsp + slot * 64))?,
                    (_, true) => self.asm.vmovupd(zmm(*register), ptr(rsp + slot * 64))?,
                    _ => self.asm.vmovupd(ymm(*register), ptr(rsp + slot * 64))?,
                },
                Step::Guard { masks, body, .. } => {
                    let begin = self.asm.create_label();
                    let mut back = self.asm.create_label();
                    self.test(masks, begin)?;
                    self.asm.set_label(&mut back)?;
                    self.asm.nop()?;
                    asides.push(Aside { begin, back, body });
                }
                Step::Merge { value, register, mask: truth, slow, .. } => {
                    self.merge(*value, *register, *truth, *slow)?
                }
                Step::Store { output, copy, register, .. } => self.store(*output, *copy, *register)?,
            }
        }
        Ok(())
    }

    /// Goes to a label when any of the masks is true anywhere.
    fn test(&mut self, masks: &[u8], to: CodeLabel) -> Outcome {
        for pair in masks.chunks(2) {
            let (first, last) = (pair[0], pair[pair.len() - 1]);
            if !self.vectors.wide {
                for &register in pair {
                    self.asm.vtestps(ymm(register), ymm(register))?;
                    self.asm.jne(to)?;
                }
                continue;
            }
            if self.vectors.width == 8 {
                self.asm.kortestb(mask(first), mask(last))?;
            } else {
                self.asm.kortestw(mask(first), mask(last))?;
            }
            self.asm.jne(to)?;
        }
        Ok(())
    }

    fn copy(&mut self, bank: usize, from: u8, to: u8) -> Outcome {
        match (bank == MASKS, self.vectors.wide) {
            (true, _) => self.asm.kmovw(mask(to), mask(from)),
            (_, true) => self.asm.vmovapd(zmm(to), zmm(from)),
            _ => self.asm.vmovapd(ymm(to), ymm(from)),
        }
    }

    fn operation(&self, value: Value) -> Operation {
        self.vectors.request.operations[value as usize]
    }

    /// Where a constant of `size` bytes lies: alone where an instruction can repeat it, otherwise as a whole vector.
    fn constant_at(&mut self, bits: u64, size: usize) -> usize {
        let (constants, count) = (&mut self.constants, if self.vectors.wide { 1 } else { 4 });
        *self.places.entry((bits, size)).or_insert_with(|| {
            let at = constants.len() * 8;
            let word = if size == 4 { bits & 0xffff_ffff | bits << 32 } else { bits };
            constants.extend(std::iter::repeat_n(word, count));
            at
        })
    }

    /// A constant as an operand.
    fn constant(&mut self, bits: u64, size: usize) -> AsmMemoryOperand {
        let at = self.constant_at(bits, size);
        match (self.vectors.wide, size) {
            (true, 4) => dword_bcst(rdx + at),
            (true, _) => qword_bcst(rdx + at),
            _ => ptr(rdx + at),
        }
    }

    /// Bytes of their own among the constants.
    fn table(&mut self, words: &[u64]) -> usize {
        let at = self.constants.len() * 8;
        self.constants.extend_from_slice(words);
        at
    }

    /// The base of an address of the table.
    fn base(&mut self, index: usize) -> Result<AsmRegister64, IcedError> {
        match self.bases[index] {
            Some(base) => Ok(base),
            None => {
                self.asm.mov(rax, ptr(rdi + index * 8))?;
                Ok(rax)
            }
        }
    }

    /// A copy's elements of the array at an address of the table.
    fn elements(&mut self, index: usize, size: usize, copy: u8) -> Result<AsmMemoryOperand, IcedError> {
        let request = self.vectors.request;
        let (index, further, is_accumulator) = match request.inputs.get(index) {
            Some(Reading::Accumulator(output)) => (request.inputs.len() + output, 0, true),
            Some(Reading::Shifted { of, by }) => (*of, *by, false),
            Some(_) => (index, 0, false),
            None => (index, 0, request.inputs.contains(&Reading::Accumulator(index - request.inputs.len()))),
        };
        let base = self.base(index)?;
        let at = if is_accumulator && self.vectors.stripe().is_some() { STRIPE_INDEX } else { rcx };
        let offset = ((copy as usize * self.vectors.width + further) * size) as i32;
        Ok(ptr(base + at * size as i32 + offset))
    }

    /// Where a value lies that was computed once.
    fn kept(&self, value: Value) -> Option<AsmMemoryOperand> {
        let slot = self.once.get(&value).filter(|_| self.fills.is_none())?;
        Some(ptr(rsp + slot * 64))
    }

    fn direct(&mut self, value: Value, copy: u8) -> Result<AsmMemoryOperand, IcedError> {
        let operation = self.operation(value);
        let size = operation.dtype.size();
        if let Some(slot) = self.kept(value) {
            return Ok(slot);
        }
        match (operation.code, self.vectors.reading(value)) {
            (Code::Constant, _) => Ok(self.constant(operation.immediate, size)),
            (_, Some(Reading::Splat)) => {
                let base = self.base(operation.immediate as usize)?;
                Ok(match (self.vectors.wide, size) {
                    (true, 4) => dword_bcst(base),
                    (true, _) => qword_bcst(base),
                    _ => ptr(base),
                })
            }
            _ => self.elements(operation.immediate as usize, size, copy),
        }
    }

    fn load(&mut self, value: Value, copy: u8, register: u8) -> Outcome {
        let operation = self.operation(value);
        let bytes = self.vectors.bytes(operation.dtype);
        if operation.dtype == DType::Bool {
            return self.load_truth(operation, copy, register);
        }
        if self.vectors.is_uniform(value) && self.vectors.wide && self.kept(value).is_none() {
            let is_eight = operation.dtype.size() == 8;
            let from = match operation.code {
                Code::Constant => ptr(rdx + self.constant_at(operation.immediate, operation.dtype.size())),
                _ => ptr(self.base(operation.immediate as usize)?),
            };
            return match (bytes, is_eight) {
                (64, true) => self.asm.vpbroadcastq(zmm(register), from),
                (64, false) => self.asm.vpbroadcastd(zmm(register), from),
                (_, true) => self.asm.vpbroadcastq(ymm(register), from),
                (_, false) => self.asm.vpbroadcastd(ymm(register), from),
            };
        }
        let from = self.direct(value, copy)?;
        two!(self.asm, bytes, vmovupd, register, Memory(from))
    }

    /// Of two vectors that follow each other the elements from the one on where a shifted input begins.
    fn join(&mut self, value: Value, register: u8, low: u8, high: u8) -> Outcome {
        let dtype = self.operation(value).dtype;
        let Some(Reading::Shifted { by, .. }) = self.vectors.reading(value) else {
            unreachable!("only what is shifted is put together")
        };
        let by = by as i32;
        match (self.vectors.bytes(dtype), dtype.size()) {
            (64, 8) => self.asm.valignq(zmm(register), zmm(high), zmm(low), by),
            (64, _) => self.asm.valignd(zmm(register), zmm(high), zmm(low), by),
            (_, 8) => self.asm.valignq(ymm(register), ymm(high), ymm(low), by),
            (_, _) => self.asm.valignd(ymm(register), ymm(high), ymm(low), by),
        }
    }

    /// Bytes into truths, or one truth everywhere.
    fn load_truth(&mut self, operation: Operation, copy: u8, register: u8) -> Outcome {
        let scratch = self.vectors.scratch();
        if operation.code == Code::Constant {
            return match (self.vectors.wide, operation.immediate != 0) {
                (true, true) => self.asm.kxnorw(mask(register), mask(register), mask(register)),
                (true, false) => self.asm.kxorw(mask(register), mask(register), mask(register)),
                (false, true) => self.asm.vpcmpeqd(ymm(register), ymm(register), ymm(register)),
                (false, false) => self.asm.vpxor(ymm(register), ymm(register), ymm(register)),
            };
        }
        let index = operation.immediate as usize;
        let from = match self.vectors.request.inputs[index] {
            Reading::Splat => ptr(self.base(index)?),
            _ => self.elements(index, 1, copy)?,
        };
        match (self.vectors.wide, self.vectors.width) {
            (true, 8) => {
                self.asm.vmovq(xmm(scratch), from)?;
                self.asm.vptestmb(mask(register), xmm(scratch), xmm(scratch))
            }
            (true, _) => {
                self.asm.vmovdqu8(xmm(scratch), from)?;
                self.asm.vptestmb(mask(register), xmm(scratch), xmm(scratch))
            }
            (false, 4) => {
                self.asm.vpmovzxbq(ymm(register), from)?;
                let zero = self.constant(0, 8);
                self.asm.vpcmpgtq(ymm(register), ymm(register), zero)
            }
            (false, _) => {
                self.asm.vpmovzxbd(ymm(register), from)?;
                let zero = self.constant(0, 8);
                self.asm.vpcmpgtd(ymm(register), ymm(register), zero)
            }
        }
    }

    fn store(&mut self, output: usize, copy: u8, register: u8) -> Outcome {
        if let Some(first) = self.fills {
            return match self.vectors.wide {
                true => self.asm.vmovapd(ptr(rsp + (first as usize + output) * 64), zmm(register)),
                false => self.asm.vmovapd(ptr(rsp + (first as usize + output) * 64), ymm(register)),
            };
        }
        let index = self.vectors.request.inputs.len() + output;
        let dtype = self.operation(self.vectors.request.outputs[output].value).dtype;
        let bytes = self.vectors.bytes(dtype);
        if self.vectors.request.again == Some(output) {
            match (self.vectors.wide, self.vectors.width) {
                (true, 8) => self.asm.kmovb(eax, mask(register))?,
                (true, _) => self.asm.kmovw(eax, mask(register))?,
                _ => self.asm.vmovmskps(eax, ymm(register))?,
            }
            self.asm.or(dword_ptr(rbp - self.truth), eax)?;
        }
        if dtype == DType::Bool {
            return self.store_truth(index, copy, register);
        }
        let to = self.elements(index, dtype.size(), copy)?;
        if self.partial {
            return self.store_partly(to, dtype, register);
        }
        match (bytes, self.vectors.request.streams) {
            (64, true) => self.asm.vmovntpd(to, zmm(register)),
            (32, true) => self.asm.vmovntpd(to, ymm(register)),
            (_, true) => self.asm.vmovntpd(to, xmm(register)),
            (64, false) => self.asm.vmovupd(to, zmm(register)),
            (32, false) => self.asm.vmovupd(to, ymm(register)),
            (_, false) => self.asm.vmovupd(to, xmm(register)),
        }
    }

    /// Truths into bytes, each 0 or 1.
    fn store_truth(&mut self, index: usize, copy: u8, register: u8) -> Outcome {
        let scratch = self.vectors.scratch();
        if self.vectors.wide {
            let to = self.elements(index, 1, copy)?;
            self.asm.vpmovm2b(xmm(scratch), mask(register))?;
            self.asm.vpabsb(xmm(scratch), xmm(scratch))?;
            return match self.vectors.width {
                8 => self.asm.vmovq(to, xmm(scratch)),
                _ => self.asm.vmovdqu8(to, xmm(scratch)),
            };
        }
        // Four bits to four bytes, by a table.
        let words: Vec<u64> = (0..8u64)
            .map(|pair| {
                let spread = |bits: u64| (0..4).map(|bit| (bits >> bit & 1) << (8 * bit)).sum::<u64>();
                spread(2 * pair) | spread(2 * pair + 1) << 32
            })
            .collect();
        let at = match self.places.get(&(u64::MAX, 0)) {
            Some(&at) => at,
            None => {
                let at = self.table(&words);
                self.places.insert((u64::MAX, 0), at);
                at
            }
        };
        // `rax` may be needed for the address: another register is borrowed, and given back.
        self.asm.mov(ptr(rsp - 8), rsi)?;
        let base = self.base(index)?;
        let offset = copy as usize * self.vectors.width;
        if self.vectors.width == 4 {
            self.asm.vmovmskpd(esi, ymm(register))?;
            self.asm.mov(esi, ptr(rdx + rsi * 4 + at))?;
            self.asm.mov(ptr(base + rcx + offset), esi)?;
        } else {
            for half in 0..2usize {
                self.asm.vmovmskps(esi, ymm(register))?;
                self.asm.shr(esi, 4 * half as i32)?;
                self.asm.and(esi, 15)?;
                self.asm.mov(esi, ptr(rdx + rsi * 4 + at))?;
                self.asm.mov(ptr(base + rcx + (offset + 4 * half)), esi)?;
            }
        }
        self.asm.mov(rsi, ptr(rsp - 8))
    }

    fn merge(&mut self, value: Value, register: u8, truth: u8, slow: u8) -> Outcome {
        let scratch = self.vectors.scratch();
        let operation = self.operation(value);
        let bytes = self.vectors.bytes(operation.dtype);
        if !self.vectors.wide {
            return match (bytes, operation.dtype.size()) {
                (32, 8) => self.asm.vblendvpd(ymm(register), ymm(register), ymm(slow), ymm(truth)),
                (32, _) => self.asm.vblendvps(ymm(register), ymm(register), ymm(slow), ymm(truth)),
                _ => {
                    self.narrow_mask(truth, scratch)?;
                    self.asm.vblendvps(xmm(register), xmm(register), xmm(slow), xmm(scratch))
                }
            };
        }
        let slow = Source::Register(slow);
        match operation.dtype.size() {
            8 => masked_three!(self.asm, bytes, vblendmpd, register, truth, register, slow),
            _ => masked_three!(self.asm, bytes, vblendmps, register, truth, register, slow),
        }
    }

    /// The truths of half as wide elements, without mask registers.
    fn narrow_mask(&mut self, truth: u8, to: u8) -> Outcome {
        self.asm.vextractf128(xmm(to), ymm(truth), 1)?;
        self.asm.vshufps(xmm(to), xmm(truth), xmm(to), 0x88)
    }

    fn compute(&mut self, value: Value, copy: u8, result: u8, places: &[Place; 3], temporaries: [u8; 2]) -> Outcome {
        let operation = self.operation(value);
        let mut sources = [Source::Register(0); 3];
        for (source, place) in sources.iter_mut().zip(places).take(operation.arity as usize) {
            *source = match *place {
                Place::Register(register) => Source::Register(register),
                Place::Slot(slot) => Memory(ptr(rsp + slot * 64)),
                Place::Direct(value) => Memory(self.direct(value, copy)?),
            };
        }
        let register = |source: Source| match source {
            Source::Register(register) => register,
            Memory(_) => unreachable!("only the operands that may lie in memory do"),
        };
        let from = self.operation(operation.operands[0]).dtype;
        let bytes = self.vectors.bytes(operation.dtype);
        match operation.code {
            Code::Equal | Code::NotEqual | Code::Less | Code::LessEqual if from == DType::Bool => {
                self.compare_truths(operation.code, result, register(sources[0]), register(sources[1]))
            }
            Code::Equal | Code::NotEqual | Code::Less | Code::LessEqual => {
                self.compare(operation.code, from, result, register(sources[0]), sources[1], temporaries)
            }
            Code::Select if operation.dtype == DType::Bool => {
                let [truth, then, otherwise] = sources.map(|source| match source {
                    Source::Register(register) => register,
                    Memory(_) => 0,
                });
                if self.vectors.wide {
                    let own = temporaries[0];
                    self.asm.kandw(mask(own), mask(truth), mask(then))?;
                    self.asm.kandnw(mask(result), mask(truth), mask(otherwise))?;
                    self.asm.korw(mask(result), mask(result), mask(own))
                } else {
                    self.asm.vblendvps(ymm(result), ymm(otherwise), ymm(then), ymm(truth))
                }
            }
            Code::Select => {
                let (truth, otherwise) = (register(sources[0]), register(sources[2]));
                match (self.vectors.wide, operation.dtype.size()) {
                    (true, 8) => masked_three!(self.asm, bytes, vblendmpd, result, truth, otherwise, sources[1]),
                    (true, _) => masked_three!(self.asm, bytes, vblendmps, result, truth, otherwise, sources[1]),
                    (false, size) if bytes == 32 => match (size, sources[1]) {
                        (8, Source::Register(then)) => {
                            self.asm.vblendvpd(ymm(result), ymm(otherwise), ymm(then), ymm(truth))
                        }
                        (8, Memory(then)) => self.asm.vblendvpd(ymm(result), ymm(otherwise), then, ymm(truth)),
                        (_, Source::Register(then)) => {
                            self.asm.vblendvps(ymm(result), ymm(otherwise), ymm(then), ymm(truth))
                        }
                        (_, Memory(then)) => self.asm.vblendvps(ymm(result), ymm(otherwise), then, ymm(truth)),
                    },
                    _ => {
                        let own = temporaries[0];
                        self.narrow_mask(truth, own)?;
                        match sources[1] {
                            Source::Register(then) => {
                                self.asm.vblendvps(xmm(result), xmm(otherwise), xmm(then), xmm(own))
                            }
                            Memory(then) => self.asm.vblendvps(xmm(result), xmm(otherwise), then, xmm(own)),
                        }
                    }
                }
            }
            Code::And | Code::Or | Code::Xor | Code::Not if self.vectors.wide && operation.dtype == DType::Bool => {
                let [a, b, _] = sources.map(|source| match source {
                    Source::Register(register) => register,
                    Memory(_) => 0,
                });
                match operation.code {
                    Code::And => self.asm.kandw(mask(result), mask(a), mask(b)),
                    Code::Or => self.asm.korw(mask(result), mask(a), mask(b)),
                    Code::Xor => self.asm.kxorw(mask(result), mask(a), mask(b)),
                    _ => self.asm.knotw(mask(result), mask(a)),
                }
            }
            // What repeats 4 bytes is not what repeats 8.
            Code::And if operation.dtype.size() == 4 => {
                three!(self.asm, bytes, vandps, result, register(sources[0]), sources[1])
            }
            Code::Or if operation.dtype.size() == 4 => {
                three!(self.asm, bytes, vorps, result, register(sources[0]), sources[1])
            }
            Code::Xor if operation.dtype.size() == 4 => {
                three!(self.asm, bytes, vxorps, result, register(sources[0]), sources[1])
            }
            Code::And => three!(self.asm, bytes, vandpd, result, register(sources[0]), sources[1]),
            Code::Or => three!(self.asm, bytes, vorpd, result, register(sources[0]), sources[1]),
            Code::Xor => three!(self.asm, bytes, vxorpd, result, register(sources[0]), sources[1]),
            Code::Not => {
                let ones = self.constant(u64::MAX, 8);
                three!(self.asm, bytes, vxorpd, result, register(sources[0]), Memory(ones))
            }
            Code::Bits => self.whole_copy(result, register(sources[0])),
            Code::Convert => self.convert(from, operation.dtype, result, register(sources[0]), temporaries),
            Code::Fma => self.fma(operation.dtype, result, sources),
            Code::OfThree => self.of_three(operation, result, sources),
            _ if is_float(operation.dtype) => self.float(operation, result, sources, temporaries),
            Code::ToInteger => self.rounded(operation.dtype, result, register(sources[0])),
            _ => self.integer(operation, result, sources, temporaries),
        }
    }

    fn whole_copy(&mut self, result: u8, from: u8) -> Outcome {
        if result == from { Ok(()) } else { self.copy(VECTORS, from, result) }
    }

    fn compare_truths(&mut self, code: Code, result: u8, a: u8, b: u8) -> Outcome {
        if self.vectors.wide {
            return match code {
                Code::Equal => self.asm.kxnorw(mask(result), mask(a), mask(b)),
                Code::NotEqual => self.asm.kxorw(mask(result), mask(a), mask(b)),
                Code::Less => self.asm.kandnw(mask(result), mask(a), mask(b)),
                _ => {
                    self.asm.kandnw(mask(result), mask(b), mask(a))?;
                    self.asm.knotw(mask(result), mask(result))
                }
            };
        }
        let ones = self.constant(u64::MAX, 8);
        match code {
            Code::NotEqual => self.asm.vxorpd(ymm(result), ymm(a), ymm(b)),
            Code::Less => self.asm.vandnpd(ymm(result), ymm(a), ymm(b)),
            Code::Equal => {
                self.asm.vxorpd(ymm(result), ymm(a), ymm(b))?;
                self.asm.vxorpd(ymm(result), ymm(result), ones)
            }
            _ => {
                self.asm.vandnpd(ymm(result), ymm(b), ymm(a))?;
                self.asm.vxorpd(ymm(result), ymm(result), ones)
            }
        }
    }

    fn compare(&mut self, code: Code, from: DType, result: u8, a: u8, b: Source, own: [u8; 2]) -> Outcome {
        let bytes = self.vectors.bytes(from);
        if is_float(from) {
            // Quiet; "not equal" is true with NaN.
            let number = match code {
                Code::Equal => 0,
                Code::NotEqual => 4,
                Code::Less => 17,
                _ => 18,
            };
            return match (self.vectors.wide, from) {
                (true, DType::F64) => compare!(self.asm, bytes, vcmppd, result, a, b, number),
                (true, _) => compare!(self.asm, bytes, vcmpps, result, a, b, number),
                (false, DType::F64) => three_and_number!(self.asm, bytes, vcmppd, result, a, b, number),
                (false, _) => {
                    three_and_number!(self.asm, bytes, vcmpps, result, a, b, number)?;
                    self.widen_mask(bytes, result)
                }
            };
        }
        if self.vectors.wide {
            let number = match code {
                Code::Equal => 0,
                Code::NotEqual => 4,
                Code::Less => 1,
                _ => 2,
            };
            return match from {
                DType::I64 => compare!(self.asm, bytes, vpcmpq, result, a, b, number),
                DType::U64 => compare!(self.asm, bytes, vpcmpuq, result, a, b, number),
                DType::I32 => compare!(self.asm, bytes, vpcmpd, result, a, b, number),
                _ => compare!(self.asm, bytes, vpcmpud, result, a, b, number),
            };
        }
        let Source::Register(mut b) = b else { unreachable!("integers are compared in registers") };
        let mut a = a;
        let eight = from.size() == 8;
        if matches!(code, Code::Less | Code::LessEqual) && !is_signed(from) {
            let sign = if eight { self.constant(1 << 63, 8) } else { self.constant(1 << 31, 4) };
            three!(self.asm, bytes, vxorpd, own[0], a, Memory(sign))?;
            three!(self.asm, bytes, vxorpd, own[1], b, Memory(sign))?;
            [a, b] = own;
        }
        let (first, second) = if code == Code::Less { (b, a) } else { (a, b) };
        match (code, eight) {
            (Code::Equal | Code::NotEqual, true) => {
                self.asm.vpcmpeqq(ymm(result), ymm(first), ymm(second))?;
            }
            (Code::Equal | Code::NotEqual, false) => {
                if bytes == 32 {
                    self.asm.vpcmpeqd(ymm(result), ymm(first), ymm(second))?;
                } else {
                    self.asm.vpcmpeqd(xmm(result), xmm(first), xmm(second))?;
                }
            }
            (_, true) => self.asm.vpcmpgtq(ymm(result), ymm(first), ymm(second))?,
            (_, false) if bytes == 32 => self.asm.vpcmpgtd(ymm(result), ymm(first), ymm(second))?,
            _ => self.asm.vpcmpgtd(xmm(result), xmm(first), xmm(second))?,
        }
        if matches!(code, Code::NotEqual | Code::LessEqual) {
            let ones = self.constant(u64::MAX, 8);
            self.asm.vxorpd(ymm(result), ymm(result), ones)?;
        }
        self.widen_mask(bytes, result)
    }

    /// Without mask registers: truths of half as wide elements become as wide as the widest.
    fn widen_mask(&mut self, bytes: usize, result: u8) -> Outcome {
        if bytes < 32 { self.asm.vpmovsxdq(ymm(result), xmm(result)) } else { Ok(()) }
    }

    fn fma(&mut self, dtype: DType, result: u8, sources: [Source; 3]) -> Outcome {
        let bytes = self.vectors.bytes(dtype);
        let [Source::Register(a), Source::Register(b), c] = sources else {
            unreachable!("the factors are in registers")
        };
        let double = dtype == DType::F64;
        if let Source::Register(addend) = c
            && addend == result
            && a != result
            && b != result
        {
            return match double {
                true => three!(self.asm, bytes, vfmadd231pd, result, a, Source::Register(b)),
                false => three!(self.asm, bytes, vfmadd231ps, result, a, Source::Register(b)),
            };
        }
        let (tied, other) = if b == result { (b, a) } else { (a, b) };
        self.whole_copy(result, tied)?;
        match double {
            true => three!(self.asm, bytes, vfmadd213pd, result, other, c),
            false => three!(self.asm, bytes, vfmadd213ps, result, other, c),
        }
    }

    /// The bits of three numbers, the first of which lies where the result goes.
    fn of_three(&mut self, operation: Operation, result: u8, sources: [Source; 3]) -> Outcome {
        let [Source::Register(mut a), Source::Register(mut b), mut c] = sources else {
            unreachable!("only the last may lie in memory")
        };
        let mut table = operation.immediate;
        // What changes places in the operands does so in the table's index.
        let mut swap = |first: u64, second: u64| {
            let bits = |index: u64| {
                let (one, other) = (index >> first & 1, index >> second & 1);
                index & !(1 << first | 1 << second) | one << second | other << first
            };
            table = (0..8).map(|index| (table >> bits(index) & 1) << index).sum();
        };
        if let Source::Register(third) = c
            && third == result
            && a != result
        {
            swap(2, 0);
            (a, c) = (third, Source::Register(a));
        } else if b == result && a != result {
            swap(2, 1);
            (a, b) = (b, a);
        }
        self.whole_copy(result, a)?;
        let number = table as i32;
        match (self.vectors.bytes(operation.dtype), operation.dtype.size(), c) {
            (64, 8, Source::Register(c)) => self.asm.vpternlogq(zmm(result), zmm(b), zmm(c), number),
            (64, 8, Memory(c)) => self.asm.vpternlogq(zmm(result), zmm(b), c, number),
            (64, _, Source::Register(c)) => self.asm.vpternlogd(zmm(result), zmm(b), zmm(c), number),
            (64, _, Memory(c)) => self.asm.vpternlogd(zmm(result), zmm(b), c, number),
            (_, 8, Source::Register(c)) => self.asm.vpternlogq(ymm(result), ymm(b), ymm(c), number),
            (_, 8, Memory(c)) => self.asm.vpternlogq(ymm(result), ymm(b), c, number),
            (_, _, Source::Register(c)) => self.asm.vpternlogd(ymm(result), ymm(b), ymm(c), number),
            (_, _, Memory(c)) => self.asm.vpternlogd(ymm(result), ymm(b), c, number),
        }
    }

    fn float(&mut self, operation: Operation, result: u8, sources: [Source; 3], own: [u8; 2]) -> Outcome {
        let bytes = self.vectors.bytes(operation.dtype);
        let double = operation.dtype == DType::F64;
        let sign = if double { 1u64 << 63 } else { 1 << 31 };
        let size = operation.dtype.size();
        let first = match sources[0] {
            Source::Register(register) => register,
            Memory(_) => 0,
        };
        macro_rules! both {
            ($wide:ident, $single:ident) => {
                match double {
                    true => three!(self.asm, bytes, $wide, result, first, sources[1]),
                    false => three!(self.asm, bytes, $single, result, first, sources[1]),
                }
            };
        }
        match operation.code {
            Code::Add => both!(vaddpd, vaddps),
            Code::Subtract => both!(vsubpd, vsubps),
            Code::Multiply => both!(vmulpd, vmulps),
            Code::Divide => both!(vdivpd, vdivps),
            Code::Negate => {
                let sign = self.constant(sign, size);
                match double {
                    true => three!(self.asm, bytes, vxorpd, result, first, Memory(sign)),
                    false => three!(self.asm, bytes, vxorps, result, first, Memory(sign)),
                }
            }
            Code::Absolute => {
                let rest = self.constant(sign - 1, size);
                match double {
                    true => three!(self.asm, bytes, vandpd, result, first, Memory(rest)),
                    false => three!(self.asm, bytes, vandps, result, first, Memory(rest)),
                }
            }
            Code::CopySign => self.copy_sign(operation, result, sources, own),
            Code::SquareRoot => match double {
                true => two!(self.asm, bytes, vsqrtpd, result, sources[0]),
                false => two!(self.asm, bytes, vsqrtps, result, sources[0]),
            },
            Code::Floor | Code::Ceil | Code::Truncate | Code::Round => {
                // Without complaint about what is inexact.
                let number = match operation.code {
                    Code::Floor => 9,
                    Code::Ceil => 10,
                    Code::Truncate => 11,
                    _ => 8,
                };
                match (self.vectors.wide, double) {
                    (true, true) => two_and_number!(self.asm, bytes, vrndscalepd, result, sources[0], number),
                    (true, false) => two_and_number!(self.asm, bytes, vrndscaleps, result, sources[0], number),
                    (false, true) => match sources[0] {
                        Source::Register(a) => self.asm.vroundpd(ymm(result), ymm(a), number),
                        Memory(a) => self.asm.vroundpd(ymm(result), a, number),
                    },
                    (false, false) => match (bytes, sources[0]) {
                        (32, Source::Register(a)) => self.asm.vroundps(ymm(result), ymm(a), number),
                        (32, Memory(a)) => self.asm.vroundps(ymm(result), a, number),
                        (_, Source::Register(a)) => self.asm.vroundps(xmm(result), xmm(a), number),
                        (_, Memory(a)) => self.asm.vroundps(xmm(result), a, number),
                    },
                }
            }
            Code::FromInteger => match (self.vectors.wide, double) {
                (true, true) => two!(self.asm, bytes, vcvtqq2pd, result, sources[0]),
                (_, false) => two!(self.asm, bytes, vcvtdq2ps, result, sources[0]),
                (false, true) => {
                    // 2^52 + 2^51 as a float has the integer in its low bits.
                    let magic = self.constant(MAGIC, 8);
                    self.asm.vpaddq(ymm(result), ymm(first), magic)?;
                    self.asm.vsubpd(ymm(result), ymm(result), magic)
                }
            },
            code => unreachable!("{code:?} of floats"),
        }
    }

    fn copy_sign(&mut self, operation: Operation, result: u8, sources: [Source; 3], own: [u8; 2]) -> Outcome {
        let bytes = self.vectors.bytes(operation.dtype);
        let [Source::Register(size), Source::Register(sign), _] = sources else {
            unreachable!("both are in registers")
        };
        let double = operation.dtype == DType::F64;
        let bit = if double { self.constant(1 << 63, 8) } else { self.constant(1 << 31, 4) };
        if !self.vectors.wide {
            three!(self.asm, bytes, vandpd, own[0], sign, Memory(bit))?;
            let rest = if double { self.constant((1 << 63) - 1, 8) } else { self.constant((1 << 31) - 1, 4) };
            three!(self.asm, bytes, vandpd, result, size, Memory(rest))?;
            return three!(self.asm, bytes, vorpd, result, result, Source::Register(own[0]));
        }
        // Where the constant's bit is set the sign's, elsewhere the size's; one of both is the result's register.
        let (other, number) = if result == sign && result != size { (size, 0xe4) } else { (sign, 0xd8) };
        if result != sign || result == size {
            self.whole_copy(result, size)?;
        }
        match (bytes, double) {
            (64, true) => self.asm.vpternlogq(zmm(result), zmm(other), bit, number),
            (64, false) => self.asm.vpternlogd(zmm(result), zmm(other), bit, number),
            (_, true) => self.asm.vpternlogq(ymm(result), ymm(other), bit, number),
            (_, false) => self.asm.vpternlogd(ymm(result), ymm(other), bit, number),
        }
    }

    fn rounded(&mut self, dtype: DType, result: u8, from: u8) -> Outcome {
        let bytes = self.vectors.bytes(dtype);
        match (self.vectors.wide, dtype.size()) {
            (true, 8) => two!(self.asm, bytes, vcvtpd2qq, result, Source::Register(from)),
            (_, 4) => two!(self.asm, bytes, vcvtps2dq, result, Source::Register(from)),
            _ => {
                let magic = self.constant(MAGIC, 8);
                self.asm.vaddpd(ymm(result), ymm(from), magic)?;
                self.asm.vpsubq(ymm(result), ymm(result), magic)
            }
        }
    }

    fn integer(&mut self, operation: Operation, result: u8, sources: [Source; 3], own: [u8; 2]) -> Outcome {
        let bytes = self.vectors.bytes(operation.dtype);
        let eight = operation.dtype.size() == 8;
        let first = match sources[0] {
            Source::Register(register) => register,
            Memory(_) => 0,
        };
        let number = operation.immediate as i32;
        macro_rules! both {
            ($wide:ident, $single:ident) => {
                match eight {
                    true => three!(self.asm, bytes, $wide, result, first, sources[1]),
                    false => three!(self.asm, bytes, $single, result, first, sources[1]),
                }
            };
        }
        macro_rules! shift {
            ($wide:ident, $single:ident) => {
                match (bytes, eight) {
                    (64, true) => self.asm.$wide(zmm(result), zmm(first), number),
                    (64, false) => self.asm.$single(zmm(result), zmm(first), number),
                    (32, true) => self.asm.$wide(ymm(result), ymm(first), number),
                    (32, false) => self.asm.$single(ymm(result), ymm(first), number),
                    (_, true) => self.asm.$wide(xmm(result), xmm(first), number),
                    (_, false) => self.asm.$single(xmm(result), xmm(first), number),
                }
            };
        }
        match operation.code {
            Code::Add => both!(vpaddq, vpaddd),
            Code::Subtract => both!(vpsubq, vpsubd),
            Code::MultiplyLowerHalves => three!(self.asm, bytes, vpmuludq, result, first, sources[1]),
            Code::Multiply if !eight => three!(self.asm, bytes, vpmulld, result, first, sources[1]),
            Code::Multiply if self.vectors.wide => match (bytes, sources[1]) {
                (64, Source::Register(b)) => self.asm.vpmullq(zmm(result), zmm(first), zmm(b)),
                (64, Memory(b)) => self.asm.vpmullq(zmm(result), zmm(first), b),
                (_, Source::Register(b)) => self.asm.vpmullq(ymm(result), ymm(first), ymm(b)),
                (_, Memory(b)) => self.asm.vpmullq(ymm(result), ymm(first), b),
            },
            Code::Multiply => {
                let Source::Register(second) = sources[1] else { unreachable!("factors are in registers") };
                let [cross, other] = own;
                self.asm.vpsrlq(ymm(cross), ymm(first), 32)?;
                self.asm.vpmuludq(ymm(cross), ymm(cross), ymm(second))?;
                self.asm.vpsrlq(ymm(other), ymm(second), 32)?;
                self.asm.vpmuludq(ymm(other), ymm(other), ymm(first))?;
                self.asm.vpaddq(ymm(cross), ymm(cross), ymm(other))?;
                self.asm.vpsllq(ymm(cross), ymm(cross), 32)?;
                self.asm.vpmuludq(ymm(result), ymm(first), ymm(second))?;
                self.asm.vpaddq(ymm(result), ymm(result), ymm(cross))
            }
            Code::Negate => {
                let (ones, one) = (self.constant(u64::MAX, 8), self.constant(1, operation.dtype.size()));
                three!(self.asm, bytes, vxorpd, result, first, Memory(ones))?;
                match eight {
                    true => three!(self.asm, bytes, vpaddq, result, result, Memory(one)),
                    false => three!(self.asm, bytes, vpaddd, result, result, Memory(one)),
                }
            }
            Code::ShiftLeft => shift!(vpsllq, vpslld),
            Code::ShiftRightLogical => shift!(vpsrlq, vpsrld),
            Code::ShiftRight if !is_signed(operation.dtype) => shift!(vpsrlq, vpsrld),
            Code::ShiftRight if self.vectors.wide || !eight => match (bytes, eight) {
                (64, true) => self.asm.vpsraq(zmm(result), zmm(first), number),
                (64, false) => self.asm.vpsrad(zmm(result), zmm(first), number),
                (_, true) => self.asm.vpsraq(ymm(result), ymm(first), number),
                (32, false) => self.asm.vpsrad(ymm(result), ymm(first), number),
                (_, false) => self.asm.vpsrad(xmm(result), xmm(first), number),
            },
            Code::ShiftRight => {
                // The sign's bits come from a comparison.
                let sign = own[0];
                self.asm.vpxor(ymm(sign), ymm(sign), ymm(sign))?;
                self.asm.vpcmpgtq(ymm(sign), ymm(sign), ymm(first))?;
                self.asm.vpsrlq(ymm(result), ymm(first), number)?;
                if number > 0 {
                    self.asm.vpsllq(ymm(sign), ymm(sign), 64 - number)?;
                    self.asm.vpor(ymm(result), ymm(result), ymm(sign))?;
                }
                Ok(())
            }
            Code::ShiftLeftEach => both!(vpsllvq, vpsllvd),
            Code::ShiftRightLogicalEach => both!(vpsrlvq, vpsrlvd),
            code => unreachable!("{code:?} of integers"),
        }
    }

    /// Between numbers; `super::prepare` has made selections of the conversions of truths.
    fn convert(&mut self, from: DType, to: DType, result: u8, value: u8, own: [u8; 2]) -> Outcome {
        let scratch = self.vectors.scratch();
        let wide = self.vectors.width * 8;
        let asm = &mut self.asm;
        match (from, to) {
            (DType::F32, DType::F64) => widening!(asm, wide, vcvtps2pd, result, value),
            (DType::F64, DType::F32) => narrowing!(asm, wide, vcvtpd2ps, result, value),
            (DType::I32, DType::F64) => widening!(asm, wide, vcvtdq2pd, result, value),
            (DType::I32, DType::F32) => two!(asm, self.vectors.bytes(to), vcvtdq2ps, result, Source::Register(value)),
            (DType::I32, DType::I64 | DType::U64) => widening!(asm, wide, vpmovsxdq, result, value),
            (DType::U32, DType::I64 | DType::U64) => widening!(asm, wide, vpmovzxdq, result, value),
            (DType::I64 | DType::U64, DType::I32 | DType::U32) if self.vectors.wide => match wide {
                64 => asm.vpmovqd(ymm(result), zmm(value)),
                _ => asm.vpmovqd(xmm(result), ymm(value)),
            },
            (DType::I64 | DType::U64, DType::I32 | DType::U32) => {
                asm.vextractf128(xmm(own[0]), ymm(value), 1)?;
                asm.vshufps(xmm(result), xmm(value), xmm(own[0]), 0x88)
            }
            _ if from.size() == to.size() && !is_float(from) && !is_float(to) => self.whole_copy(result, value),
            _ if is_float(to) && self.vectors.wide => match (from, to) {
                (DType::I64, DType::F64) => two!(asm, wide, vcvtqq2pd, result, Source::Register(value)),
                (DType::U64, DType::F64) => two!(asm, wide, vcvtuqq2pd, result, Source::Register(value)),
                (DType::I64, _) => narrowing!(asm, wide, vcvtqq2ps, result, value),
                (DType::U64, _) => narrowing!(asm, wide, vcvtuqq2ps, result, value),
                (_, DType::F64) => widening!(asm, wide, vcvtudq2pd, result, value),
                _ => two!(asm, self.vectors.bytes(to), vcvtudq2ps, result, Source::Register(value)),
            },
            _ if is_float(to) => self.convert_by_parts(from, result, value, own),
            _ if self.vectors.wide => self.truncate(from, to, result, value, own[0]),
            _ => {
                // To i32: what is NaN becomes 0 first; what is too large gives the smallest integer, which is turned over.
                let bytes = self.vectors.bytes(from);
                let limit = if from == DType::F64 {
                    self.constant(2147483648f64.to_bits(), 8)
                } else {
                    self.constant(2147483648f32.to_bits() as u64, 4)
                };
                if from == DType::F64 {
                    self.asm.vcmppd(ymm(own[0]), ymm(value), ymm(value), 7)?;
                    self.asm.vandpd(ymm(own[0]), ymm(own[0]), ymm(value))?;
                    self.asm.vcvttpd2dq(xmm(result), ymm(own[0]))?;
                    self.asm.vcmppd(ymm(own[0]), ymm(own[0]), limit, 29)?;
                    // The truths as wide as the integers.
                    self.asm.vextractf128(xmm(scratch), ymm(own[0]), 1)?;
                    self.asm.vshufps(xmm(own[0]), xmm(own[0]), xmm(scratch), 0x88)?;
                    self.asm.vxorpd(xmm(result), xmm(result), xmm(own[0]))
                } else {
                    let own = own[0];
                    three_and_number!(self.asm, bytes, vcmpps, own, value, Source::Register(value), 7)?;
                    three!(self.asm, bytes, vandps, own, own, Source::Register(value))?;
                    two!(self.asm, bytes, vcvttps2dq, result, Source::Register(own))?;
                    three_and_number!(self.asm, bytes, vcmpps, own, own, Memory(limit), 29)?;
                    three!(self.asm, bytes, vxorps, result, result, Source::Register(own))
                }
            }
        }
    }

    /// Without an instruction for it: an integer's halves as floats that hold them exactly, whose sum is rounded once.
    fn convert_by_parts(&mut self, from: DType, result: u8, value: u8, own: [u8; 2]) -> Outcome {
        let low = self.constant(0x4330_0000_0000_0000, 8);
        if from == DType::U32 {
            self.asm.vpmovzxdq(ymm(result), xmm(value))?;
            self.asm.vorpd(ymm(result), ymm(result), low)?;
            return self.asm.vsubpd(ymm(result), ymm(result), low);
        }
        let signed = from == DType::I64;
        let high = if signed { 0x4530_0000_8000_0000 } else { 0x4530_0000_0000_0000 };
        let both = if signed { 0x4530_0000_8010_0000 } else { 0x4530_0000_0010_0000 };
        let (high, both) = (self.constant(high, 8), self.constant(both, 8));
        self.asm.vpsrlq(ymm(own[0]), ymm(value), 32)?;
        self.asm.vxorpd(ymm(own[0]), ymm(own[0]), high)?;
        self.asm.vsubpd(ymm(own[0]), ymm(own[0]), both)?;
        // The even halves of the value, the odd ones of the constant.
        self.asm.vpblendd(ymm(result), ymm(value), low, 0xaa)?;
        self.asm.vaddpd(ymm(result), ymm(result), ymm(own[0]))
    }

    /// Floats to integers: towards zero, to the nearest that there is, and NaN to 0.
    fn truncate(&mut self, from: DType, to: DType, result: u8, value: u8, own: u8) -> Outcome {
        let wide = self.vectors.width * 8;
        let bytes = self.vectors.bytes(from);
        let double = from == DType::F64;
        let source = Source::Register(value);
        let asm = &mut self.asm;
        match (from, to) {
            (DType::F64, DType::I64) => two!(asm, wide, vcvttpd2qq, result, source)?,
            (DType::F64, DType::U64) => two!(asm, wide, vcvttpd2uqq, result, source)?,
            (DType::F64, DType::I32) => narrowing!(asm, wide, vcvttpd2dq, result, value)?,
            (DType::F64, _) => narrowing!(asm, wide, vcvttpd2udq, result, value)?,
            (_, DType::I64) => widening!(asm, wide, vcvttps2qq, result, value)?,
            (_, DType::U64) => widening!(asm, wide, vcvttps2uqq, result, value)?,
            (_, DType::I32) => two!(asm, bytes, vcvttps2dq, result, source)?,
            _ => two!(asm, bytes, vcvttps2udq, result, source)?,
        }
        let after = self.vectors.bytes(to);
        if !is_signed(to) {
            // All ones where it does not fit: right for what is too large, and 0 for all that is not at least 0.
            let zero = self.constant(0, from.size());
            let number = 25;
            match double {
                true => compare!(self.asm, bytes, vcmppd, own, value, Memory(zero), number)?,
                false => compare!(self.asm, bytes, vcmpps, own, value, Memory(zero), number)?,
            }
            return self.clear(to, after, result, own);
        }
        let power = if to.size() == 8 { 9223372036854775808f64 } else { 2147483648f64 };
        let limit = match double {
            true => self.constant(power.to_bits(), 8),
            false => self.constant((power as f32).to_bits() as u64, 4),
        };
        match double {
            true => compare!(self.asm, bytes, vcmppd, own, value, Memory(limit), 29)?,
            false => compare!(self.asm, bytes, vcmpps, own, value, Memory(limit), 29)?,
        }
        // The smallest integer is what the instruction gives for all that does not fit.
        let ones = match to.size() {
            8 => self.constant(u64::MAX, 8),
            _ => self.constant(u32::MAX as u64, 4),
        };
        match to.size() {
            8 => masked_three!(self.asm, after, vxorpd, result, own, result, Memory(ones))?,
            _ => masked_three!(self.asm, after, vxorps, result, own, result, Memory(ones))?,
        }
        match double {
            true => compare!(self.asm, bytes, vcmppd, own, value, source, 3)?,
            false => compare!(self.asm, bytes, vcmpps, own, value, source, 3)?,
        }
        self.clear(to, after, result, own)
    }

    /// 0 where the mask is true.
    fn clear(&mut self, dtype: DType, bytes: usize, result: u8, own: u8) -> Outcome {
        let same = Source::Register(result);
        match dtype.size() {
            8 => masked_three!(self.asm, bytes, vxorpd, result, own, result, same),
            _ => masked_three!(self.asm, bytes, vxorps, result, own, result, same),
        }
    }
}

/// 2^52 + 2^51: added to an integer below 2^51, as bits or as a float, it makes one of the other.
const MAGIC: u64 = 0x4338_0000_0000_0000;
