//! From a program to machine code, by Cranelift. Only this folder's files that begin with `emit` know it.
//!
//! The code is one function of one argument, the **frame**: slots of 16 bytes. Slot 0 holds the address of the flag that cancels,
//! slot 1 the outermost loop's first turn and slot 4 the one before which it ends; slot 2 gets the number that stood for no
//! place, slot 3 which of several it was. Behind them come the program's inputs, elements as they lie in memory or addresses, and
//! behind those its outputs.
//!
//! Floats are added and multiplied as they are written: nothing is contracted or reordered, and what Cranelift does by itself
//! (common values once, what does not change out of the loop) leaves every bit as it is.

mod folds;

use super::light;
use super::program::{Affine, Bound, Kind, Local, Place, Program, Repeat, Statement};
use super::{AT, CANCEL, FIRST_TURN, INPUTS, LAST_TURN, NUMBER, SLOT};
use crate::kernel::record::{self, Code, Operation, Recording};
use crate::kernel::{Kernel, Level};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    AbiParam, Block, BlockArg, InstBuilder, InstructionData, MemFlagsData, Opcode, SigRef, Signature, StackSlot,
    StackSlotData, StackSlotKind, Type, Value, types,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};
use std::collections::HashMap;
use thalweg_lang::dtype::{DType, Scalar};

/// The most operands of a kernel that is called.
const MOST_OPERANDS: usize = 8;

/// Code in memory.
pub struct Emitted {
    /// What holds the memory, which is written before it can be run and never afterwards.
    pub module: JITModule,
    /// Where the function begins.
    pub address: usize,
}

/// The code of a program; `call` is the address of what calls kernels. `None` when there is something that Cranelift does not do
/// on this machine.
pub fn emit(program: &Program, call: usize) -> Option<Emitted> {
    let verifier = if cfg!(debug_assertions) { "true" } else { "false" };
    let flags = [("opt_level", "speed"), ("enable_verifier", verifier), ("unwind_info", "false")];
    let builder = JITBuilder::with_flags(&flags, default_libcall_names()).ok()?;
    let mut module = JITModule::new(builder);
    let pointer = module.target_config().pointer_type();
    if pointer != types::I64 {
        return None;
    }
    let mut context = module.make_context();
    context.func.signature.params.push(AbiParam::new(pointer));
    context.func.signature.returns.push(AbiParam::new(types::I64));
    let config = module.target_config();
    let mut workshop = FunctionBuilderContext::new();
    {
        let mut builder = FunctionBuilder::new(&mut context.func, &mut workshop);
        let mut emitter = Emitter::new(program, &mut builder, call, Signature::new(config.default_call_conv));
        emitter.program()?;
        builder.seal_all_blocks();
        builder.finalize(config);
    }
    let id = module.declare_function("thalweg_loop", Linkage::Export, &context.func.signature).ok()?;
    module.define_function(id, &mut context).ok()?;
    module.finalize_definitions().ok()?;
    let address = module.get_finalized_function(id).addr();
    Some(Emitted { module, address })
}

/// The parts of an element: complex numbers have two.
fn parts(dtype: DType) -> (Type, usize) {
    match dtype {
        DType::C64 => (types::F32, 2),
        DType::C128 => (types::F64, 2),
        dtype => (part(dtype), 1),
    }
}

fn part(dtype: DType) -> Type {
    match dtype {
        DType::Bool | DType::I8 | DType::U8 => types::I8,
        DType::I16 | DType::U16 => types::I16,
        DType::I32 | DType::U32 => types::I32,
        DType::I64 | DType::U64 => types::I64,
        DType::F32 | DType::C64 => types::F32,
        DType::F64 | DType::C128 => types::F64,
    }
}

fn is_signed(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::I16 | DType::I32 | DType::I64)
}

/// Memory that is there.
fn memory() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

/// A part of an element or an address: one value.
type Part = Value;

struct Emitter<'a, 'b, 'c> {
    program: &'a Program,
    builder: &'b mut FunctionBuilder<'c>,
    variables: Vec<Vec<Variable>>,
    frame: Value,
    /// Where the flag that cancels lies.
    cancel: Value,
    cancelled: Block,
    /// Where each fault leaves.
    leaving: HashMap<usize, Block>,
    /// What calls kernels, how, and where their operands and results lie: operands, their addresses, the result.
    call: usize,
    signature: Signature,
    called: Option<(SigRef, StackSlot)>,
    /// Room for the accumulators of a fold's block, and for those of the blocks' results.
    accumulators: [Option<StackSlot>; 2],
    /// The variables that are known elements.
    constants: HashMap<Local, Scalar>,
}

impl<'a, 'b, 'c> Emitter<'a, 'b, 'c> {
    fn new(
        program: &'a Program,
        builder: &'b mut FunctionBuilder<'c>,
        call: usize,
        signature: Signature,
    ) -> Emitter<'a, 'b, 'c> {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let frame = builder.block_params(entry)[0];
        let cancelled = builder.create_block();
        builder.set_cold_block(cancelled);
        let variables = program
            .locals
            .iter()
            .map(|kind| {
                let (own, count) = match kind {
                    Kind::Element(dtype) => parts(*dtype),
                    Kind::Address => (types::I64, 1),
                };
                (0..count).map(|_| builder.declare_var(own)).collect()
            })
            .collect();
        let cancel = builder.ins().load(types::I64, memory(), frame, (CANCEL * SLOT) as i32);
        Emitter {
            program,
            builder,
            variables,
            frame,
            cancel,
            cancelled,
            leaving: HashMap::new(),
            call,
            signature,
            called: None,
            accumulators: [None; 2],
            constants: HashMap::new(),
        }
    }

    fn program(&mut self) -> Option<()> {
        let program = self.program;
        for (slot, (_, local)) in program.inputs.iter().enumerate() {
            let values = self.load(program.locals[*local], self.frame, ((INPUTS + slot) * SLOT) as i32);
            self.set(*local, &values);
        }
        self.statements(&program.statements)?;
        for (slot, local) in program.outputs.iter().enumerate() {
            let values = self.get(*local);
            self.store(&values, self.frame, ((INPUTS + program.inputs.len() + slot) * SLOT) as i32);
        }
        self.leave(0);
        self.builder.switch_to_block(self.cancelled);
        self.leave(1);
        for (fault, block) in std::mem::take(&mut self.leaving) {
            self.builder.switch_to_block(block);
            for (place, slot) in [NUMBER, AT].into_iter().enumerate() {
                let said = self.builder.block_params(block)[place];
                self.builder.ins().store(memory(), said, self.frame, (slot * SLOT) as i32);
            }
            self.leave(2 + fault as i64);
        }
        Some(())
    }

    fn leave(&mut self, outcome: i64) {
        let outcome = self.builder.ins().iconst(types::I64, outcome);
        self.builder.ins().return_(&[outcome]);
    }

    // Variables and memory.

    fn get(&mut self, local: Local) -> Vec<Part> {
        let variables = self.variables[local].clone();
        variables.into_iter().map(|variable| self.builder.use_var(variable)).collect()
    }

    fn one(&mut self, local: Local) -> Part {
        self.builder.use_var(self.variables[local][0])
    }

    fn set(&mut self, local: Local, values: &[Part]) {
        for (&variable, &value) in self.variables[local].clone().iter().zip(values) {
            self.builder.def_var(variable, value);
        }
    }

    fn load(&mut self, kind: Kind, address: Value, offset: i32) -> Vec<Part> {
        let (own, count) = match kind {
            Kind::Element(dtype) => parts(dtype),
            Kind::Address => (types::I64, 1),
        };
        (0..count)
            .map(|index| {
                let offset = offset + (index as u32 * own.bytes()) as i32;
                self.builder.ins().load(own, memory(), address, offset)
            })
            .collect()
    }

    fn store(&mut self, values: &[Part], address: Value, offset: i32) {
        for (index, &value) in values.iter().enumerate() {
            let size = self.builder.func.dfg.value_type(value).bytes();
            self.builder.ins().store(memory(), value, address, offset + (index as u32 * size) as i32);
        }
    }

    /// An address, and how many bytes behind it a place lies. What changes in inner loops is added last, so that the rest is
    /// computed outside of them.
    fn place(&mut self, place: &Place) -> (Value, i32) {
        let mut address = self.one(place.base);
        let (known, rest) = match i32::try_from(place.bytes.offset) {
            Ok(offset) if offset.checked_add(16).is_some() => (offset, 0),
            _ => (0, place.bytes.offset),
        };
        if rest != 0 {
            address = self.builder.ins().iadd_imm_s(address, rest);
        }
        let sum = self.sum(address, &place.bytes);
        (sum, known)
    }

    fn number(&mut self, number: &Affine) -> Value {
        let start = self.builder.ins().iconst(types::I64, number.offset);
        self.sum(start, number)
    }

    fn sum(&mut self, start: Value, number: &Affine) -> Value {
        let mut terms = number.terms.clone();
        terms.sort_unstable();
        let mut sum = start;
        for (local, factor) in terms {
            let value = self.one(local);
            let value = self.times(value, factor);
            sum = self.builder.ins().iadd(sum, value);
        }
        sum
    }

    // Statements.

    fn statements(&mut self, statements: &[Statement]) -> Option<()> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Statement) -> Option<()> {
        match statement {
            Statement::Constant { to, value } => {
                self.constants.insert(*to, *value);
                let values = self.constant(*value);
                self.set(*to, &values);
            }
            Statement::Data { to, index } => {
                let address = self.program.data_address(*index) as i64;
                let address = self.builder.ins().iconst(types::I64, address);
                self.set(*to, &[address]);
            }
            Statement::Assign { to, from } => {
                let values: Vec<Vec<Part>> = from.iter().map(|&local| self.get(local)).collect();
                for (&to, values) in to.iter().zip(values) {
                    self.set(to, &values);
                }
            }
            Statement::Compute { to, kernel, operands, fault } => {
                let values: Vec<Vec<Part>> = operands.iter().map(|&operand| self.get(operand)).collect();
                let result = self.compute(kernel, &values, *fault)?;
                self.set(*to, &result);
            }
            Statement::Number { to, number } => {
                let sum = self.number(number);
                self.set(*to, &[sum]);
            }
            Statement::Position { to, number, start, length, may_be_negative, fault, at } => {
                let number = self.one(*number);
                let fault = fault.map(|fault| (fault, at.as_ref()));
                let place = self.position(number, *start, *length, *may_be_negative, fault);
                self.set(*to, &[place]);
            }
            Statement::Slice { first, count, length, start, stop, step } => {
                let length = self.number(length);
                let zero = self.builder.ins().iconst(types::I64, 0);
                let begin = start.map_or(zero, |bound| self.bound(bound, length));
                let end = stop.map_or(length, |bound| self.bound(bound, length));
                let distance = self.builder.ins().isub(end, begin);
                let mut places = self.builder.ins().smax(distance, zero);
                if *step != 1 {
                    let rounded = self.builder.ins().iadd_imm_s(places, *step - 1);
                    let step = self.builder.ins().iconst(types::I64, *step);
                    places = self.builder.ins().udiv(rounded, step);
                }
                self.set(*first, &[begin]);
                self.set(*count, &[places]);
            }
            Statement::Each { index, count, body } => {
                let (first, count) = (self.builder.ins().iconst(types::I64, 0), self.number(count));
                self.counted(first, count, 1, |emitter, number| {
                    emitter.set(*index, &[number]);
                    emitter.look_whether_cancelled();
                    emitter.statements(body)
                })?;
            }
            Statement::Fold(fold) => self.fold(fold)?,
            Statement::Load { to, place } => {
                let (address, offset) = self.place(place);
                let values = self.load(self.program.locals[*to], address, offset);
                self.set(*to, &values);
            }
            Statement::Store { place, from } => {
                let values = self.get(*from);
                let (address, offset) = self.place(place);
                self.store(&values, address, offset);
            }
            Statement::If { condition, then, otherwise } => {
                let condition = self.one(*condition);
                if let Some(changed) = light::both(then, otherwise, &self.constants) {
                    return self.choose(condition, [then, otherwise], &changed);
                }
                let [yes, no, after] = std::array::from_fn(|_| self.builder.create_block());
                self.builder.ins().brif(condition, yes, &[], no, &[]);
                for (block, statements) in [(yes, then), (no, otherwise)] {
                    self.builder.switch_to_block(block);
                    self.builder.seal_block(block);
                    self.statements(statements)?;
                    self.builder.ins().jump(after, &[]);
                }
                self.builder.switch_to_block(after);
                self.builder.seal_block(after);
            }
            Statement::Loop(repeat) => self.repeat(repeat)?,
        }
        Some(())
    }

    /// Both sides of a choice, and then for each variable that they set the one that counts.
    fn choose(&mut self, condition: Value, sides: [&[Statement]; 2], changed: &[Local]) -> Option<()> {
        let mut made = Vec::new();
        for side in sides {
            self.statements(side)?;
            made.push(changed.iter().map(|&local| self.get(local)).collect::<Vec<_>>());
        }
        for (place, &local) in changed.iter().enumerate() {
            let both = made[0][place].iter().zip(&made[1][place]);
            let chosen: Vec<Part> =
                both.map(|(&then, &other)| self.builder.ins().select(condition, then, other)).collect();
            self.set(local, &chosen);
        }
        Some(())
    }

    /// A loop of few turns, one after the other.
    fn unrolled(&mut self, repeat: &Repeat, turn: Local, count: i64) -> Option<()> {
        let after = self.builder.create_block();
        for number in 0..count {
            let number = self.builder.ins().iconst(types::I64, number);
            self.set(turn, &[number]);
            self.statements(&repeat.body)?;
            if let Some(stop) = repeat.stop {
                let stop = self.one(stop);
                self.go_on_unless(stop, after, &[]);
            }
        }
        self.builder.ins().jump(after, &[]);
        self.builder.switch_to_block(after);
        self.builder.seal_block(after);
        Some(())
    }

    fn repeat(&mut self, repeat: &Repeat) -> Option<()> {
        if let Some((turn, count)) = repeat.turns
            && light::is_unrolled(repeat)
        {
            return self.unrolled(repeat, turn, count);
        }
        let [body, after] = std::array::from_fn(|_| self.builder.create_block());
        if let Some((turn, _)) = repeat.turns {
            let first = if repeat.is_outermost {
                self.builder.ins().load(types::I64, memory(), self.frame, (FIRST_TURN * SLOT) as i32)
            } else {
                self.builder.ins().iconst(types::I64, 0)
            };
            self.set(turn, &[first]);
        }
        // What tells whether there is a turn stands before the first one and behind each, so that a turn has one jump; unless it is
        // long.
        let again = light::is_short_test(repeat).then_some(body);
        let test = again.is_none().then(|| {
            let test = self.builder.create_block();
            self.builder.ins().jump(test, &[]);
            self.builder.switch_to_block(test);
            test
        });
        self.go_on_while(repeat, body, after)?;
        self.builder.switch_to_block(body);
        if again.is_none() {
            self.builder.seal_block(body);
        }
        self.statements(&repeat.body)?;
        if let Some(stop) = repeat.stop {
            let stop = self.one(stop);
            self.go_on_unless(stop, after, &[]);
        }
        if let Some((turn, _)) = repeat.turns {
            let next = self.one(turn);
            let next = self.builder.ins().iadd_imm_s(next, 1);
            self.set(turn, &[next]);
        }
        match test {
            Some(test) => {
                self.builder.ins().jump(test, &[]);
                self.builder.seal_block(test);
            }
            None => {
                self.go_on_while(repeat, body, after)?;
                self.builder.seal_block(body);
            }
        }
        self.builder.switch_to_block(after);
        self.builder.seal_block(after);
        Some(())
    }

    /// To the body if there is another turn.
    fn go_on_while(&mut self, repeat: &Repeat, body: Block, after: Block) -> Option<()> {
        if !light::is_short(repeat) {
            self.look_whether_cancelled();
        }
        let mut holds = None;
        if let Some((turn, count)) = repeat.turns {
            let turn = self.one(turn);
            let last = match repeat.is_outermost {
                true => self.builder.ins().load(types::I64, memory(), self.frame, (LAST_TURN * SLOT) as i32),
                false => self.builder.ins().iconst(types::I64, count),
            };
            holds = Some(self.builder.ins().icmp(IntCC::SignedLessThan, turn, last));
        }
        if let Some((statements, truth)) = &repeat.condition {
            if let Some(holds) = holds {
                let next = self.builder.create_block();
                self.builder.ins().brif(holds, next, &[], after, &[]);
                self.builder.switch_to_block(next);
                self.builder.seal_block(next);
            }
            self.statements(statements)?;
            holds = Some(self.one(*truth));
        }
        match holds {
            Some(holds) => self.builder.ins().brif(holds, body, &[], after, &[]),
            None => self.builder.ins().jump(body, &[]),
        };
        Some(())
    }

    /// Leaves if the flag is set. It changes behind the code's back: a plain load might be taken out of a loop.
    fn look_whether_cancelled(&mut self) {
        let flag = self.builder.ins().atomic_load(types::I8, memory(), self.cancel);
        self.go_on_unless(flag, self.cancelled, &[]);
    }

    /// Something for each number from one on, below another, in steps.
    fn counted(
        &mut self,
        from: Value,
        to: Value,
        step: i64,
        mut turn: impl FnMut(&mut Self, Value) -> Option<()>,
    ) -> Option<()> {
        let [body, after] = std::array::from_fn(|_| self.builder.create_block());
        self.builder.append_block_param(body, types::I64);
        let is_any = self.builder.ins().icmp(IntCC::SignedLessThan, from, to);
        self.builder.ins().brif(is_any, body, &[BlockArg::Value(from)], after, &[]);
        self.builder.switch_to_block(body);
        let number = self.builder.block_params(body)[0];
        turn(self, number)?;
        let next = self.builder.ins().iadd_imm_s(number, step);
        let is_another = self.builder.ins().icmp(IntCC::SignedLessThan, next, to);
        self.builder.ins().brif(is_another, body, &[BlockArg::Value(next)], after, &[]);
        self.builder.seal_block(body);
        self.builder.switch_to_block(after);
        self.builder.seal_block(after);
        Some(())
    }

    /// Leaves for a block if a truth is set, and goes on otherwise.
    fn go_on_unless(&mut self, truth: Value, block: Block, arguments: &[BlockArg]) {
        let next = self.builder.create_block();
        self.builder.ins().brif(truth, block, arguments, next, &[]);
        self.builder.switch_to_block(next);
        self.builder.seal_block(next);
    }

    fn fault(&mut self, fault: usize) -> Block {
        let builder = &mut self.builder;
        *self.leaving.entry(fault).or_insert_with(|| {
            let block = builder.create_block();
            builder.set_cold_block(block);
            builder.append_block_param(block, types::I64);
            builder.append_block_param(block, types::I64);
            block
        })
    }

    /// A bound of a slice, held within the axis.
    fn bound(&mut self, bound: Bound, length: Value) -> Value {
        let number = self.one(bound.number);
        if bound.is_within {
            return number;
        }
        let is_negative = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, number, 0);
        let from_end = self.builder.ins().iadd(number, length);
        let number = self.builder.ins().select(is_negative, from_end, number);
        let zero = self.builder.ins().iconst(types::I64, 0);
        let number = self.builder.ins().smax(number, zero);
        self.builder.ins().smin(number, length)
    }

    fn position(
        &mut self,
        number: Value,
        start: i64,
        length: i64,
        may_be_negative: bool,
        fault: Option<(usize, Option<&(Local, Affine)>)>,
    ) -> Value {
        let mut number = number;
        if start != 0 {
            // A sum that would wrap is held at the end of the numbers: it stands for no place either way.
            let sum = self.builder.ins().iadd_imm_s(number, start);
            let (wraps, end) = if start > 0 {
                (self.builder.ins().icmp(IntCC::SignedLessThan, sum, number), i64::MAX)
            } else {
                (self.builder.ins().icmp(IntCC::SignedGreaterThan, sum, number), i64::MIN)
            };
            let end = self.builder.ins().iconst(types::I64, end);
            number = self.builder.ins().select(wraps, end, sum);
        }
        let from_end = |emitter: &mut Self| emitter.builder.ins().iadd_imm_s(number, length);
        let Some((fault, at)) = fault else {
            if !may_be_negative {
                return number;
            }
            let is_negative = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, number, 0);
            let from_end = from_end(self);
            return self.builder.ins().select(is_negative, from_end, number);
        };
        let is_outside = |emitter: &mut Self, place: Value| {
            emitter.builder.ins().icmp_imm_s(IntCC::UnsignedGreaterThanOrEqual, place, length)
        };
        let leaving = self.builder.create_block();
        self.builder.set_cold_block(leaving);
        let mut place = number;
        let outside = is_outside(self, number);
        if may_be_negative {
            // Most count from the first element on, and are not to wait for what the others need.
            let [unusual, inside] = std::array::from_fn(|_| self.builder.create_block());
            self.builder.set_cold_block(unusual);
            place = self.builder.append_block_param(inside, types::I64);
            self.builder.ins().brif(outside, unusual, &[], inside, &[BlockArg::Value(number)]);
            self.begin(unusual);
            let from_end = from_end(self);
            let outside = is_outside(self, from_end);
            self.builder.ins().brif(outside, leaving, &[], inside, &[BlockArg::Value(from_end)]);
            self.begin(inside);
        } else {
            self.go_on_unless(outside, leaving, &[]);
        }
        let after = self.builder.current_block();
        self.builder.switch_to_block(leaving);
        self.builder.seal_block(leaving);
        let alone = self.builder.ins().iconst(types::I64, -1);
        let at = match at {
            None => alone,
            Some((at, count)) => {
                let (at, count) = (self.one(*at), self.number(count));
                let is_alone = self.builder.ins().icmp_imm_s(IntCC::Equal, count, 1);
                self.builder.ins().select(is_alone, alone, at)
            }
        };
        let block = self.fault(fault);
        self.builder.ins().jump(block, &[BlockArg::Value(number), BlockArg::Value(at)]);
        if let Some(after) = after {
            self.builder.switch_to_block(after);
        }
        place
    }

    // Operations.

    fn bits(&mut self, own: Type, bits: u64) -> Value {
        if own == types::F64 {
            self.builder.ins().f64const(cranelift_codegen::ir::immediates::Ieee64::with_bits(bits))
        } else if own == types::F32 {
            self.builder.ins().f32const(cranelift_codegen::ir::immediates::Ieee32::with_bits(bits as u32))
        } else {
            let bits = if own == types::I64 { bits } else { bits & ((1 << own.bits()) - 1) };
            self.builder.ins().iconst(own, bits as i64)
        }
    }

    fn constant(&mut self, value: Scalar) -> Vec<Part> {
        let (own, count) = parts(value.dtype);
        (0..count).map(|index| self.bits(own, value.bits[index])).collect()
    }

    fn compute(&mut self, kernel: &Kernel, operands: &[Vec<Part>], fault: Option<usize>) -> Option<Vec<Part>> {
        if let Some(record) = kernel.record.or(kernel.record_single) {
            let mut recording = Recording::default();
            let mut values = Vec::new();
            for &dtype in kernel.operands {
                let (_, count) = parts(dtype);
                for _ in 0..count {
                    let own = match dtype {
                        DType::C64 => DType::F32,
                        DType::C128 => DType::F64,
                        dtype => dtype,
                    };
                    values.push(recording.operand(values.len(), own));
                }
            }
            let results = record::apply(record, &mut recording, &values);
            if !results.is_empty() {
                let inputs: Vec<Part> = operands.iter().flatten().copied().collect();
                let made = self.recording(&recording, &inputs, fault)?;
                return results.iter().map(|&result| made[result as usize]).collect();
            }
        }
        self.called(kernel, operands, fault)
    }

    /// Calls a kernel on elements that lie in the code's own frame.
    fn called(&mut self, kernel: &Kernel, operands: &[Vec<Part>], fault: Option<usize>) -> Option<Vec<Part>> {
        if operands.len() > MOST_OPERANDS {
            return None;
        }
        let addresses = (MOST_OPERANDS * SLOT) as i32;
        let result = addresses + (MOST_OPERANDS * 8) as i32;
        let (signature, slot) = match self.called {
            Some(known) => known,
            None => {
                let mut signature = self.signature.clone();
                signature.params = vec![AbiParam::new(types::I64); 3];
                signature.returns = vec![AbiParam::new(types::I64)];
                let signature = self.builder.import_signature(signature);
                let size = result as u32 + SLOT as u32;
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size, 4);
                let slot = self.builder.create_sized_stack_slot(data);
                *self.called.insert((signature, slot))
            }
        };
        let base = self.builder.ins().stack_addr(types::I64, slot, 0);
        for (number, values) in operands.iter().enumerate() {
            let offset = (number * SLOT) as i32;
            self.store(values, base, offset);
            let address = self.builder.ins().iadd_imm_s(base, offset as i64);
            self.store(&[address], base, addresses + (number * 8) as i32);
        }
        let function = kernel.function(Level::Scalar) as usize as i64;
        let function = self.builder.ins().iconst(types::I64, function);
        let pointers = self.builder.ins().iadd_imm_s(base, addresses as i64);
        let to = self.builder.ins().iadd_imm_s(base, result as i64);
        let callee = self.builder.ins().iconst(types::I64, self.call as i64);
        let call = self.builder.ins().call_indirect(signature, callee, &[function, pointers, to]);
        if let Some(fault) = fault {
            let first = self.builder.inst_results(call)[0];
            let has_none = self.builder.ins().icmp_imm_s(IntCC::Equal, first, 0);
            self.refuse(has_none, fault);
        }
        Some(self.load(Kind::Element(kernel.result), base, result))
    }

    /// Leaves with a fault of an element if a truth is set.
    fn refuse(&mut self, truth: Value, fault: usize) {
        let block = self.fault(fault);
        let zero = self.builder.ins().iconst(types::I64, 0);
        self.go_on_unless(truth, block, &[BlockArg::Value(zero), BlockArg::Value(zero)]);
    }

    /// The values of a recording, given its inputs; `fault` is what it means that there is no answer.
    fn recording(&mut self, recording: &Recording, inputs: &[Part], fault: Option<usize>) -> Option<Vec<Option<Part>>> {
        let operations = &recording.operations;
        let mut made: Vec<Option<Part>> = vec![None; operations.len()];
        let merges = |rare: usize| {
            let is_own =
                move |operation: &&Operation| operation.code == Code::Merge && operation.immediate == rare as u64;
            operations.iter().filter(is_own)
        };
        let mut joining: HashMap<usize, Block> = HashMap::new();
        let mut merged: HashMap<usize, usize> = HashMap::new();
        for (index, operation) in operations.iter().enumerate() {
            match operation.code {
                Code::Rare => {
                    let truth = made[operation.operands[0] as usize]?;
                    let [rare, joined] = std::array::from_fn(|_| self.builder.create_block());
                    self.builder.set_cold_block(rare);
                    let mut usual = Vec::new();
                    for merge in merges(index) {
                        usual.push(BlockArg::Value(made[merge.operands[2] as usize]?));
                        self.builder.append_block_param(joined, part(merge.dtype));
                    }
                    self.builder.ins().brif(truth, rare, &[], joined, &usual);
                    self.builder.switch_to_block(rare);
                    self.builder.seal_block(rare);
                    joining.insert(index, joined);
                }
                Code::Merge => {
                    let rare = operation.immediate as usize;
                    let joined = *joining.get(&rare)?;
                    let place = merged.entry(rare).or_insert(0);
                    if *place == 0 {
                        let mut slow = Vec::new();
                        for merge in merges(rare) {
                            slow.push(BlockArg::Value(made[merge.operands[1] as usize]?));
                        }
                        self.builder.ins().jump(joined, &slow);
                        self.builder.switch_to_block(joined);
                        self.builder.seal_block(joined);
                    }
                    made[index] = Some(self.builder.block_params(joined)[*place]);
                    *place += 1;
                }
                Code::Refuse => {
                    let test = &operations[operation.operands[0] as usize];
                    let divisor = made[test.operands[0] as usize]?;
                    if test.code != Code::Equal || self.known(divisor).is_none_or(|known| known == 0) {
                        let truth = made[operation.operands[0] as usize]?;
                        self.refuse(truth, fault?);
                    }
                }
                Code::Operand => made[index] = Some(*inputs.get(operation.immediate as usize)?),
                _ => {
                    let mut operands = [self.frame; 3];
                    for (to, &operand) in operands.iter_mut().zip(operation.operands()) {
                        *to = made[operand as usize]?;
                    }
                    let from = operation.operands().first().map_or(operation.dtype, |&first| recording.dtype(first));
                    made[index] = Some(self.operation(operation, operands, from)?);
                }
            }
        }
        Some(made)
    }

    /// One operation; `from` is its first operand's dtype.
    fn operation(&mut self, operation: &Operation, [a, b, c]: [Part; 3], from: DType) -> Option<Part> {
        let dtype = operation.dtype;
        let own = part(dtype);
        let is_float = own.is_float();
        let count = operation.immediate as i64;
        let condition = match operation.code {
            Code::Equal => Some((IntCC::Equal, IntCC::Equal, FloatCC::Equal)),
            Code::NotEqual => Some((IntCC::NotEqual, IntCC::NotEqual, FloatCC::NotEqual)),
            Code::Less => Some((IntCC::SignedLessThan, IntCC::UnsignedLessThan, FloatCC::LessThan)),
            Code::LessEqual => {
                Some((IntCC::SignedLessThanOrEqual, IntCC::UnsignedLessThanOrEqual, FloatCC::LessThanOrEqual))
            }
            _ => None,
        };
        if let Some((signed, unsigned, float)) = condition {
            return Some(if part(from).is_float() {
                self.builder.ins().fcmp(float, a, b)
            } else {
                self.builder.ins().icmp(if is_signed(from) { signed } else { unsigned }, a, b)
            });
        }
        let ins = self.builder.ins();
        Some(match operation.code {
            Code::Constant => self.bits(own, operation.immediate),
            Code::Add if is_float => ins.fadd(a, b),
            Code::Add => ins.iadd(a, b),
            Code::Subtract if is_float => ins.fsub(a, b),
            Code::Subtract => ins.isub(a, b),
            Code::Multiply if is_float => ins.fmul(a, b),
            Code::Multiply => match (self.known(a), self.known(b)) {
                (_, Some(factor)) => self.times(a, factor),
                (Some(factor), _) => self.times(b, factor),
                _ => self.builder.ins().imul(a, b),
            },
            Code::MultiplyLowerHalves => {
                let [a, b] = [a, b].map(|value| self.builder.ins().band_imm_s(value, 0xffff_ffff));
                self.builder.ins().imul(a, b)
            }
            Code::Divide => ins.fdiv(a, b),
            Code::FloorQuotient => self.floor_quotient(a, b, is_signed(dtype)),
            Code::FloorRemainder => self.floor_remainder(a, b, is_signed(dtype)),
            Code::Remainder => self.quotient(a, b, is_signed(dtype)).1,
            Code::Negate if is_float => ins.fneg(a),
            Code::Negate => ins.ineg(a),
            Code::Fma => ins.fma(a, b, c),
            Code::SquareRoot => ins.sqrt(a),
            Code::Absolute => ins.fabs(a),
            Code::CopySign => ins.fcopysign(a, b),
            Code::Floor => ins.floor(a),
            Code::Ceil => ins.ceil(a),
            Code::Truncate => ins.trunc(a),
            Code::Round => ins.nearest(a),
            Code::And => ins.band(a, b),
            Code::Or => ins.bor(a, b),
            Code::Xor => ins.bxor(a, b),
            Code::Not if dtype == DType::Bool => ins.bxor_imm_s(a, 1),
            Code::Not => ins.bnot(a),
            Code::ShiftLeft => ins.ishl_imm_s(a, count),
            Code::ShiftRightLogical => ins.ushr_imm_s(a, count),
            Code::ShiftRight if is_signed(dtype) => ins.sshr_imm_s(a, count),
            Code::ShiftRight => ins.ushr_imm_s(a, count),
            Code::ShiftLeftEach | Code::ShiftRightLogicalEach => {
                let shifted = match operation.code {
                    Code::ShiftLeftEach => ins.ishl(a, b),
                    _ => ins.ushr(a, b),
                };
                let zero = self.builder.ins().iconst(own, 0);
                let is_within = self.builder.ins().icmp_imm_s(IntCC::UnsignedLessThan, b, own.bits() as i64);
                self.builder.ins().select(is_within, shifted, zero)
            }
            Code::Select => ins.select(a, b, c),
            Code::Bits if part(from) == own => a,
            Code::Bits => ins.bitcast(own, MemFlagsData::new(), a),
            Code::FromInteger => ins.fcvt_from_sint(own, a),
            Code::ToInteger => {
                let rounded = ins.nearest(a);
                self.builder.ins().fcvt_to_sint_sat(own, rounded)
            }
            Code::Convert => self.convert(a, from, dtype),
            _ => return None,
        })
    }

    /// A whole number so many times; what an address can be computed by takes no multiplication.
    fn times(&mut self, value: Value, factor: i64) -> Value {
        match factor {
            1 => value,
            3 | 5 | 9 => {
                let most = self.builder.ins().ishl_imm_s(value, (factor - 1).trailing_zeros() as i64);
                self.builder.ins().iadd(value, most)
            }
            _ => self.builder.ins().imul_imm_s(value, factor),
        }
    }

    // Quotients.

    /// The number that a value is known to be.
    fn known(&self, value: Value) -> Option<i64> {
        let instruction = self.builder.func.dfg.value_def(value).inst()?;
        match self.builder.func.dfg.insts[instruction] {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
                let unused = 64 - self.builder.func.dfg.value_type(value).bits();
                Some(imm.bits() << unused >> unused)
            }
            _ => None,
        }
    }

    /// The power of two that a value is known to be, as its exponent.
    fn known_power(&self, value: Value) -> Option<i64> {
        let number = self.known(value).filter(|&number| number > 0 && number & (number - 1) == 0)?;
        Some(number.trailing_zeros() as i64)
    }

    /// A quotient rounded towards zero of a number by what is not zero, and what it leaves. Where the divisor is -1, both are
    /// of the divisor 1: a processor refuses to divide the smallest number by -1.
    fn quotient(&mut self, a: Value, b: Value, signed: bool) -> (Value, Value) {
        let own = self.builder.func.dfg.value_type(a);
        let known = self.known(b);
        let mut divisor = b;
        if signed && known.is_none_or(|known| known == -1) {
            let one = self.builder.ins().iconst(own, 1);
            let is_minus_one = self.builder.ins().icmp_imm_s(IntCC::Equal, b, -1);
            divisor = self.builder.ins().select(is_minus_one, one, b);
        }
        let ins = self.builder.ins();
        let quotient = if signed { ins.sdiv(a, divisor) } else { ins.udiv(a, divisor) };
        let product = self.builder.ins().imul(quotient, divisor);
        (quotient, self.builder.ins().isub(a, product))
    }

    /// Whether what a quotient rounded towards zero leaves has another sign than the divisor: all bits or none.
    fn is_below(&mut self, rest: Value, b: Value) -> Value {
        let own = self.builder.func.dfg.value_type(rest);
        let last = own.bits() as i64 - 1;
        if self.known(b).is_some_and(|known| known > 0) {
            return self.builder.ins().sshr_imm_s(rest, last);
        }
        let differs = self.builder.ins().bxor(rest, b);
        let differs = self.builder.ins().sshr_imm_s(differs, last);
        let zero = self.builder.ins().iconst(own, 0);
        let is_exact = self.builder.ins().icmp_imm_s(IntCC::Equal, rest, 0);
        self.builder.ins().select(is_exact, zero, differs)
    }

    fn floor_quotient(&mut self, a: Value, b: Value, signed: bool) -> Value {
        if let Some(power) = self.known_power(b) {
            let ins = self.builder.ins();
            return if signed { ins.sshr_imm_s(a, power) } else { ins.ushr_imm_s(a, power) };
        }
        let (quotient, rest) = self.quotient(a, b, signed);
        if !signed {
            return quotient;
        }
        // A quotient by -1 has left nothing.
        let below = self.is_below(rest, b);
        let floor = self.builder.ins().iadd(quotient, below);
        let is_minus_one = self.builder.ins().icmp_imm_s(IntCC::Equal, b, -1);
        let negated = self.builder.ins().ineg(a);
        self.builder.ins().select(is_minus_one, negated, floor)
    }

    fn floor_remainder(&mut self, a: Value, b: Value, signed: bool) -> Value {
        if let Some(power) = self.known_power(b) {
            return self.builder.ins().band_imm_s(a, (1i64 << power) - 1);
        }
        let (_, rest) = self.quotient(a, b, signed);
        if !signed {
            return rest;
        }
        let below = self.is_below(rest, b);
        let added = self.builder.ins().band(below, b);
        self.builder.ins().iadd(rest, added)
    }

    /// A conversion as `Scalar::cast` defines it.
    fn convert(&mut self, value: Part, from: DType, to: DType) -> Part {
        let (source, own) = (part(from), part(to));
        let ins = self.builder.ins();
        match (source.is_float(), own.is_float()) {
            (true, true) if source.bits() < own.bits() => ins.fpromote(own, value),
            (true, true) if source.bits() > own.bits() => ins.fdemote(own, value),
            (true, true) => value,
            (true, false) => {
                let wide = if own.bits() < 32 { types::I32 } else { own };
                let signed = is_signed(to);
                let number = if signed { ins.fcvt_to_sint_sat(wide, value) } else { ins.fcvt_to_uint_sat(wide, value) };
                if wide == own {
                    return number;
                }
                let bits = own.bits();
                if signed {
                    let least = self.builder.ins().iconst(wide, (-1i64 << (bits - 1)) & 0xffff_ffff);
                    let most = self.builder.ins().iconst(wide, (1i64 << (bits - 1)) - 1);
                    let number = self.builder.ins().smax(number, least);
                    let number = self.builder.ins().smin(number, most);
                    return self.builder.ins().ireduce(own, number);
                }
                let most = self.builder.ins().iconst(wide, (1i64 << bits) - 1);
                let number = self.builder.ins().umin(number, most);
                self.builder.ins().ireduce(own, number)
            }
            (false, true) => {
                let mut wide = value;
                if source.bits() < 32 {
                    wide = match is_signed(from) {
                        true => ins.sextend(types::I32, value),
                        false => ins.uextend(types::I32, value),
                    };
                }
                match is_signed(from) {
                    true => self.builder.ins().fcvt_from_sint(own, wide),
                    false => self.builder.ins().fcvt_from_uint(own, wide),
                }
            }
            (false, false) if source.bits() > own.bits() => ins.ireduce(own, value),
            (false, false) if source.bits() == own.bits() => value,
            (false, false) if is_signed(from) => ins.sextend(own, value),
            (false, false) => ins.uextend(own, value),
        }
    }
}
