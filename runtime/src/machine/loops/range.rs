//! Between which numbers an integer lies, as far as the program tells: an index that lies on its axis needs no check.

use crate::kernel::Kernel;
use crate::kernel::record::{Code, Recording, Value, apply};
use crate::operation::{Bodies, Body};
use crate::plan::region::{Code as Instruction, Region, Source, ValueId};
use crate::plan::{LoopStep, Plan, Work};
use thalweg_lang::dtype::{DType, Kind};

/// The least and the greatest number.
pub type Range = (i64, i64);

/// What a variable of a dtype may be; nothing for those that may be too much to know, or no integer.
pub fn whole_range(dtype: DType) -> Option<Range> {
    Some(match dtype {
        DType::Bool => (0, 1),
        DType::I8 => (i8::MIN as i64, i8::MAX as i64),
        DType::I16 => (i16::MIN as i64, i16::MAX as i64),
        DType::I32 => (i32::MIN as i64, i32::MAX as i64),
        DType::U8 => (0, u8::MAX as i64),
        DType::U16 => (0, u16::MAX as i64),
        DType::U32 => (0, u32::MAX as i64),
        _ => return None,
    })
}

/// A sum, if it cannot wrap.
pub fn plus(left: Range, right: Range) -> Option<Range> {
    Some((left.0.checked_add(right.0)?, left.1.checked_add(right.1)?))
}

/// A product, if it cannot wrap.
pub fn times(left: Range, right: Range) -> Option<Range> {
    let ends = [(left.0, right.0), (left.0, right.1), (left.1, right.0), (left.1, right.1)];
    let mut products = [0; 4];
    for (product, (a, b)) in products.iter_mut().zip(ends) {
        *product = a.checked_mul(b)?;
    }
    Some((products.into_iter().min()?, products.into_iter().max()?))
}

fn minus(left: Range, right: Range) -> Option<Range> {
    Some((left.0.checked_sub(right.1)?, left.1.checked_sub(right.0)?))
}

/// A quotient rounded down by a number above 0.
fn floor_quotient(left: Range, right: Range) -> Option<Range> {
    let floor = |a: i64, b: i64| a.div_euclid(b);
    (right.0 > 0).then(|| {
        let least = floor(left.0, if left.0 < 0 { right.0 } else { right.1 });
        let most = floor(left.1, if left.1 < 0 { right.1 } else { right.0 });
        (least, most)
    })
}

/// What a quotient by a number above 0 leaves.
fn floor_remainder(left: Range, right: Range) -> Option<Range> {
    (right.0 > 0).then(|| (0, if left.0 >= 0 { left.1.min(right.1 - 1) } else { right.1 - 1 }))
}

/// The bits that two numbers share, if one is not negative.
fn and(left: Range, right: Range) -> Option<Range> {
    let most = [left, right].into_iter().filter(|range| range.0 >= 0).map(|range| range.1).min()?;
    Some((0, most))
}

/// A kernel's formula and its result, if it can be recorded and has one value.
pub fn recorded(kernel: &Kernel) -> Option<(Recording, Value)> {
    let record = kernel.record.or(kernel.record_single)?;
    if kernel.operands.iter().any(|dtype| dtype.kind() == Kind::Complex) {
        return None;
    }
    let mut recording = Recording::default();
    let operands: Vec<Value> =
        kernel.operands.iter().enumerate().map(|(number, &dtype)| recording.operand(number, dtype)).collect();
    match apply(record, &mut recording, &operands)[..] {
        [result] => Some((recording, result)),
        _ => None,
    }
}

/// Between which numbers an i64 result lies.
pub fn of(kernel: &Kernel, operands: &[Option<Range>]) -> Option<Range> {
    let (recording, result) = recorded(kernel)?;
    let mut ranges: Vec<Option<Range>> = Vec::with_capacity(recording.operations.len());
    for operation in &recording.operations {
        let range = |place: usize| ranges[operation.operands[place] as usize];
        let both = || Some((range(0)?, range(1)?));
        let own = match (operation.code, operation.dtype) {
            (Code::Operand, _) => operands.get(operation.immediate as usize).copied().flatten(),
            (Code::Constant, DType::I64) => Some((operation.immediate as i64, operation.immediate as i64)),
            (Code::Add, DType::I64) => both().and_then(|(left, right)| plus(left, right)),
            (Code::Subtract, DType::I64) => both().and_then(|(left, right)| minus(left, right)),
            (Code::Multiply, DType::I64) => both().and_then(|(left, right)| times(left, right)),
            (Code::FloorQuotient, DType::I64) => both().and_then(|(left, right)| floor_quotient(left, right)),
            (Code::FloorRemainder, DType::I64) => both().and_then(|(left, right)| floor_remainder(left, right)),
            (Code::Remainder, DType::I64) => {
                both().and_then(|(left, right)| (left.0 >= 0).then_some(floor_remainder(left, right)?))
            }
            (Code::And, DType::I64) => both().and_then(|(left, right)| and(left, right)),
            (Code::Convert, DType::I64) => range(0),
            (Code::Select, DType::I64) => {
                range(1).zip(range(2)).map(|(then, other)| (then.0.min(other.0), then.1.max(other.1)))
            }
            _ => None,
        };
        ranges.push(own);
    }
    ranges[result as usize]
}

/// How often the second operand is added to the first, if that is all that a kernel of whole numbers does.
pub fn sum_factor(kernel: &Kernel) -> Option<i64> {
    let (recording, result) = recorded(kernel)?;
    let operation = &recording.operations[result as usize];
    match (operation.code, operation.operands()) {
        (Code::Add, [0, 1]) => Some(1),
        (Code::Subtract, [0, 1]) => Some(-1),
        _ => None,
    }
}

/// Where a scalar region makes a value of two others by one operation: the kernel and the leaves' numbers.
fn made_of_two<'a>(
    plan: &'a Plan,
    value: ValueId,
    bodies: &dyn Bodies,
) -> Option<(&'static Kernel, &'a Region, [usize; 2])> {
    let region = plan.steps.iter().find_map(|step| match &step.work {
        Work::Region(region) if region.stores.iter().any(|store| store.value == value) => Some(&**region),
        _ => None,
    })?;
    let register = region.stores.iter().find(|store| store.value == value)?.register;
    let instruction = region.instructions.get(register.checked_sub(region.leaves.len())?)?;
    let (&[left, right], Instruction::Row(operation)) = (&instruction.operands[..], instruction.code) else {
        return None;
    };
    if left >= region.leaves.len() || right >= region.leaves.len() || !region.shape.is_empty() {
        return None;
    }
    let Body::Elementwise(row) = bodies.body(operation) else { return None };
    let kernel = row.kernels.find(&[region.leaves[left].dtype, region.leaves[right].dtype])?;
    Some((kernel, region, [left, right]))
}

/// Which of a plan's inputs a leaf is.
fn input_of(plan: &Plan, region: &Region, leaf: usize) -> Option<usize> {
    let Source::Array { value, .. } = &region.leaves[leaf].source else { return None };
    plan.inputs.iter().position(|(_, values)| values.contains(value))
}

/// Between which numbers a carried number lies in the body: it begins in `first`, grows by a known number, and the loop goes on
/// while it is below what every turn sees. `slot` are its numbers among the inputs of the condition and of the body; `limit`
/// tells what is known of the condition's inputs. Beside the range comes the condition's input that the number is below.
pub fn counted(
    repeated: &LoopStep,
    condition: &Plan,
    slot: (usize, usize),
    first: Range,
    limit: &dyn Fn(usize) -> Option<Range>,
    bodies: &dyn Bodies,
) -> Option<(Range, Option<usize>)> {
    let body = &repeated.body;
    if body.following.is_some() || condition.following.is_some() {
        return None;
    }
    let (kernel, region, [left, right]) = made_of_two(body, body.outputs.get(slot.0)?.value, bodies)?;
    let known = |leaf: usize| match &region.leaves[leaf].source {
        Source::Scalar(scalar) => scalar.as_integer().and_then(|number| i64::try_from(number).ok()),
        _ => None,
    };
    let step = if input_of(body, region, left) == Some(slot.1) {
        known(right)
    } else if input_of(body, region, right) == Some(slot.1) {
        known(left)
    } else {
        None
    }?;
    let is_just = |kernel: &Kernel, code: Code| {
        recorded(kernel).is_some_and(|(recording, result)| {
            let operation = &recording.operations[result as usize];
            operation.code == code && operation.operands() == [0, 1]
        })
    };
    if step < 1 || kernel.result != DType::I64 || !is_just(kernel, Code::Add) {
        return None;
    }
    let (kernel, region, [left, right]) = made_of_two(condition, condition.outputs.first()?.value, bodies)?;
    if input_of(condition, region, left) != Some(slot.0) || kernel.operands[0] != DType::I64 {
        return None;
    }
    let (most, below) = match &region.leaves[right].source {
        Source::Scalar(scalar) => (scalar.as_integer().and_then(|number| i64::try_from(number).ok())?, None),
        _ => {
            let input = input_of(condition, region, right)?;
            (limit(input)?.1, Some(input))
        }
    };
    // Where the next number would wrap it would be below the limit again.
    most.checked_add(step)?;
    if !is_just(kernel, Code::Less) {
        return None;
    }
    Some(((first.0, first.1.max(most.checked_sub(1)?)), below))
}
