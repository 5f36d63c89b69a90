//! Loops on lanes as machine code: a body that is one region, run again while a mask is true anywhere.
//!
//! The interpreter runs such a loop on thousands of lanes at a time, until the last of them has stopped. Machine code runs it on as
//! many as fit in a few vectors, until these have stopped: what a lane that has stopped computes is what it has already. Complex
//! numbers are two values each, and lie apart while the loop runs.

use super::{Compiled, Output, Reading, Request, compiled, prepare};
use crate::kernel::Level;
use crate::kernel::record::{Recording, Value, apply};
use crate::plan::region::{Code, Region, Register, Source, ValueId};
use crate::plan::{LoopStep, Plan, Work};
use std::sync::{Arc, OnceLock};
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::SourceAxis;

/// A value that the loop reads: carried from turn to turn, or the same in every turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The carried value of this number.
    Carried(usize),
    /// The captured value of this number, with an element for each lane or with one for all.
    Captured(usize, Reading),
}

/// A loop on lanes that has machine code, or will have it when it runs.
pub struct LaneLoop {
    request: Request,
    level: Level,
    /// What the inputs of the request are, in order; a complex value is two of them.
    pub operands: Vec<Operand>,
    /// How many lanes there are.
    pub lanes: usize,
    code: OnceLock<Option<Arc<Compiled>>>,
}

impl LaneLoop {
    /// The code, compiled at the first call.
    pub fn code(&self) -> Option<&Arc<Compiled>> {
        self.code.get_or_init(|| compiled(self.request.clone(), self.level)).as_ref()
    }
}

/// The parts of a dtype as machine code has them: complex numbers are two.
pub fn parts(dtype: DType) -> &'static [DType] {
    match dtype {
        DType::Bool => &[DType::Bool],
        DType::I32 => &[DType::I32],
        DType::I64 => &[DType::I64],
        DType::U32 => &[DType::U32],
        DType::U64 => &[DType::U64],
        DType::F32 => &[DType::F32],
        DType::F64 => &[DType::F64],
        DType::C64 => &[DType::F32; 2],
        DType::C128 => &[DType::F64; 2],
        _ => &[],
    }
}

/// A loop as a loop on lanes, or why it is none.
pub fn lane_loop(repeated: &LoopStep, level: Level) -> Result<LaneLoop, String> {
    if repeated.stops || !repeated.mapped.is_empty() {
        return Err("it does not run on while a condition holds".to_owned());
    }
    let body = &*repeated.body;
    let mask = repeated.condition.as_deref().and_then(counted_mask);
    let mask = mask.filter(|&mask| mask < repeated.carried.len()).ok_or("its condition is no mask")?;
    if body.following.is_some() || body.outputs.len() != repeated.carried.len() {
        return Err("a turn tells sizes".to_owned());
    }
    let [step] = &body.steps[..] else { return Err("a turn is more than one region".to_owned()) };
    let Work::Region(region) = &step.work else { return Err("a turn is no region".to_owned()) };
    let (carried, [lanes]) = (repeated.carried.len(), &region.shape[..]) else {
        return Err("a turn is no region on lanes".to_owned());
    };
    let results: Vec<Register> = body
        .outputs
        .iter()
        .map(|output| region.stores.iter().find(|store| store.value == output.value).map(|store| store.register))
        .collect::<Option<_>>()
        .ok_or("something is carried that a turn does not compute")?;
    if !region.ends.is_empty() || region.instructions.iter().any(|instruction| !instruction.fault.is_empty()) {
        return Err("a turn may fail".to_owned());
    }
    let mut draft = Draft { recording: Recording::default(), operands: Vec::new(), carried, body };
    // The carried values come first, whether or not a turn reads them: the results lie where they do.
    for number in 0..carried {
        let array_type = &body.inputs[number].0.array_type;
        if array_type.shape != [*lanes] {
            return Err("something is carried that has no element for each lane".to_owned());
        }
        draft.operand(Operand::Carried(number), array_type.dtype)?;
    }
    let registers = draft.registers(region)?;
    let is_stopped = |(number, &result): (usize, &Register)| {
        let Some(instruction) = result.checked_sub(region.leaves.len()).map(|at| &region.instructions[at]) else {
            return false;
        };
        let own = |register: Register| draft.leaf_operand(region, register) == Some(Operand::Carried(number));
        match (instruction.code, &instruction.operands[..]) {
            (Code::Select, &[of, _, otherwise]) if number == mask => {
                own(of) && matches!(region.leaves.get(otherwise), Some(leaf) if is_false(&leaf.source))
            }
            (Code::Select, &[of, _, otherwise]) => of == results[mask] && own(otherwise),
            _ => false,
        }
    };
    if !results.iter().enumerate().all(is_stopped) {
        return Err("a lane that has stopped may still change".to_owned());
    }
    let values: Vec<Value> = results.iter().flat_map(|&result| registers[result].clone()).collect();
    let before: usize = results[..mask].iter().map(|&result| registers[result].len()).sum();
    let inputs: Vec<Reading> = draft
        .operands
        .iter()
        .map(|operand| match operand {
            Operand::Carried(_) => Reading::Dense,
            Operand::Captured(_, reading) => *reading,
        })
        .collect();
    let (operations, outputs): (_, Vec<Output>) = prepare(&draft.recording.operations, &values, &inputs, level);
    if let Some(reason) = Compiled::refusal(&operations, level) {
        return Err(reason);
    }
    if outputs.len() > super::MOST_OUTPUTS {
        return Err(format!("more than {} results", super::MOST_OUTPUTS));
    }
    let request =
        Request { operations, inputs, outputs, streams: false, again: Some(before), folding: None, in_place: false };
    Ok(LaneLoop { request, level, operands: draft.operands, lanes: *lanes, code: OnceLock::new() })
}

/// The carried value whose truths a condition counts: it holds while any of them is true.
fn counted_mask(condition: &Plan) -> Option<usize> {
    let (None, [count, test], [output]) = (&condition.following, &condition.steps[..], &condition.outputs[..]) else {
        return None;
    };
    let (Work::Count { value }, Work::Region(region)) = (&count.work, &test.work) else { return None };
    let ([instruction], [leaf], [store]) = (&region.instructions[..], &region.leaves[..], &region.stores[..]) else {
        return None;
    };
    let is_test = instruction.code == Code::Cast
        && instruction.dtype == DType::Bool
        && matches!(&leaf.source, Source::Array { value, .. } if *value == count.results[0])
        && store.value == output.value;
    let is_mask = |(_, values): &(_, Vec<ValueId>)| values.contains(value);
    if is_test { condition.inputs.iter().position(is_mask) } else { None }
}

fn is_false(source: &Source) -> bool {
    matches!(source, Source::Scalar(scalar) if scalar.dtype == DType::Bool && scalar.bits[0] == 0)
}

/// A recording on its way.
struct Draft<'a> {
    recording: Recording,
    operands: Vec<Operand>,
    carried: usize,
    body: &'a Plan,
}

impl Draft<'_> {
    /// An operand's values; it becomes an input of the request unless it is one.
    fn operand(&mut self, operand: Operand, dtype: DType) -> Result<Vec<Value>, String> {
        let parts = parts(dtype);
        if parts.is_empty() {
            return Err(format!("no vectors of {dtype}"));
        }
        let known = self.operands.iter().position(|other| *other == operand);
        let first = known.unwrap_or(self.operands.len());
        if known.is_none() {
            self.operands.extend(parts.iter().map(|_| operand));
        }
        Ok((first..).zip(parts).map(|(number, &part)| self.recording.operand(number, part)).collect())
    }

    /// What a leaf reads, when that is a value of the loop's.
    fn leaf_operand(&self, region: &Region, register: Register) -> Option<Operand> {
        let Source::Array { value, axes } = &region.leaves.get(register)?.source else { return None };
        let input = self.body.inputs.iter().position(|(_, values)| values.contains(value))?;
        match (input.checked_sub(self.carried), &axes[..]) {
            (None, [axis]) if *axis == SourceAxis::along(0) => Some(Operand::Carried(input)),
            (Some(captured), [axis]) if *axis == SourceAxis::along(0) => {
                Some(Operand::Captured(captured, Reading::Dense))
            }
            (Some(captured), []) => Some(Operand::Captured(captured, Reading::Splat)),
            _ => None,
        }
    }

    /// The values of all registers of a region.
    fn registers(&mut self, region: &Region) -> Result<Vec<Vec<Value>>, String> {
        let mut registers: Vec<Vec<Value>> = Vec::new();
        for (number, leaf) in region.leaves.iter().enumerate() {
            let values = match &leaf.source {
                Source::Scalar(scalar) => self.constant(*scalar)?,
                _ => {
                    let operand = self.leaf_operand(region, number).ok_or("it reads something else on lanes")?;
                    self.operand(operand, leaf.dtype)?
                }
            };
            registers.push(values);
        }
        for instruction in &region.instructions {
            let record = instruction.record.ok_or("a formula branches on its values")?;
            let operands: Vec<Value> =
                instruction.operands.iter().flat_map(|&register| registers[register].clone()).collect();
            let values = apply(record, &mut self.recording, &operands);
            if values.len() != parts(instruction.dtype).len() {
                return Err(format!("no vectors of {}", instruction.dtype));
            }
            registers.push(values);
        }
        Ok(registers)
    }

    fn constant(&mut self, scalar: Scalar) -> Result<Vec<Value>, String> {
        let parts = parts(scalar.dtype);
        if parts.is_empty() {
            return Err(format!("no vectors of {}", scalar.dtype));
        }
        Ok(parts.iter().zip(scalar.bits).map(|(&part, bits)| self.recording.constant(bits, part)).collect())
    }
}
