//! What costs so little that it is done another way than it is written: branches without a branch, loops without a loop, loops
//! that need not look whether they are cancelled.

use super::program::{Local, Repeat, Statement};
use crate::kernel::Kernel;
use crate::kernel::record::{Code, Recording, Value, apply};
use std::collections::HashMap;
use thalweg_lang::dtype::{DType, Kind, Scalar};

/// The most operations of both sides of a branch that are done instead of it: about what a branch costs that is foreseen as
/// often as not.
const MOST_OPERATIONS: usize = 16;

/// The most turns of a loop that is written out, and the most statements that it becomes.
const MOST_TURNS: i64 = 8;
const MOST_STATEMENTS: i64 = 96;

/// The most statements of a loop's condition that is written twice.
const MOST_TESTED: i64 = 12;

/// The most statements between two looks at the flag that cancels: a fraction of a millisecond.
const MOST_UNSEEN: i64 = 100_000;

/// The variables that the sides of a branch set, if both may be done whatever the condition is: they only compute, always have
/// an answer and cost little.
pub fn both(then: &[Statement], otherwise: &[Statement], constants: &HashMap<Local, Scalar>) -> Option<Vec<Local>> {
    let mut operations = 0;
    let mut changed = Vec::new();
    for side in [then, otherwise] {
        let mut constants: HashMap<Local, Scalar> = constants.clone();
        let mut own = Vec::new();
        for statement in side {
            match statement {
                Statement::Constant { to, value } => {
                    constants.insert(*to, *value);
                }
                Statement::Data { .. } => {}
                Statement::Number { number, .. } => operations += 2 * number.terms.len(),
                Statement::Assign { to, .. } => own.extend(to.iter().copied()),
                Statement::Compute { kernel, operands, .. } => operations += cost(kernel, operands, &constants)?,
                _ => return None,
            }
        }
        own.sort_unstable();
        own.dedup();
        changed.push(own);
    }
    let (otherwise, then) = (changed.pop()?, changed.pop()?);
    (then == otherwise && operations <= MOST_OPERATIONS).then_some(then)
}

/// How many cheap operations a kernel is; `None` if others are among them, or it may have no answer.
fn cost(kernel: &Kernel, operands: &[Local], constants: &HashMap<Local, Scalar>) -> Option<usize> {
    if kernel.operands.iter().any(|dtype| dtype.kind() == Kind::Complex) {
        return None;
    }
    let mut recording = Recording::default();
    let values: Vec<Value> =
        kernel.operands.iter().enumerate().map(|(number, &dtype)| recording.operand(number, dtype)).collect();
    if apply(kernel.record.or(kernel.record_single)?, &mut recording, &values).is_empty() {
        return None;
    }
    let known = |value: Value| {
        let operation = &recording.operations[value as usize];
        match operation.code {
            Code::Operand => constants.get(operands.get(operation.immediate as usize)?)?.as_integer(),
            _ => None,
        }
    };
    let mut count = 0;
    // What follows from known elements alone is computed once, when the code is made.
    let mut is_known: Vec<bool> = Vec::new();
    for operation in &recording.operations {
        let knows = |place: usize| is_known[operation.operands[place] as usize];
        let is_zero = |value: Value| {
            let made = &recording.operations[value as usize];
            made.code == Code::Xor && made.operands[0] == made.operands[1]
        };
        let is_unsigned = |value: Value| {
            matches!(recording.dtype(value), DType::Bool | DType::U8 | DType::U16 | DType::U32 | DType::U64)
        };
        let follows = match operation.code {
            Code::Constant => true,
            // A number and itself; a number that cannot be below 0.
            Code::Xor if operation.operands[0] == operation.operands[1] => true,
            Code::Less if is_zero(operation.operands[1]) && is_unsigned(operation.operands[0]) => true,
            Code::Operand => constants.contains_key(operands.get(operation.immediate as usize)?),
            _ => operation.arity > 0 && (0..operation.arity as usize).all(knows),
        };
        let has_known_count = operation.arity > 1 && knows(1);
        let is_free = follows || (operation.code == Code::Select && knows(0));
        is_known.push(follows);
        if is_free {
            continue;
        }
        let is_float = matches!(operation.dtype, DType::F32 | DType::F64);
        count += match operation.code {
            Code::Operand | Code::Constant => 0,
            // A known divisor, which has an answer for every number.
            Code::Refuse => 0,
            Code::FloorQuotient | Code::FloorRemainder | Code::Remainder => {
                known(operation.operands[1]).filter(|&divisor| divisor > 0)?;
                if known(operation.operands[1]).is_some_and(|divisor| divisor & (divisor - 1) == 0) { 1 } else { 6 }
            }
            Code::Divide | Code::SquareRoot | Code::Rare | Code::Merge => return None,
            Code::Add | Code::Subtract | Code::Multiply | Code::Fma if is_float => 2,
            Code::ShiftLeftEach | Code::ShiftRightLogicalEach if !has_known_count => 3,
            _ => 1,
        };
    }
    Some(count)
}

/// Whether a loop is written out, turn by turn.
pub fn is_unrolled(repeat: &Repeat) -> bool {
    let (false, None, Some((_, count))) = (repeat.is_outermost, &repeat.condition, repeat.turns) else { return false };
    count <= MOST_TURNS && all(&repeat.body).is_some_and(|steps| steps * count <= MOST_STATEMENTS)
}

/// Whether a loop is over before anybody waits for it.
pub fn is_short(repeat: &Repeat) -> bool {
    !repeat.is_outermost && turns(repeat).is_some_and(|steps| steps <= MOST_UNSEEN)
}

/// Whether what tells that there is another turn is worth being written twice.
pub fn is_short_test(repeat: &Repeat) -> bool {
    let steps = repeat.condition.as_ref().map_or(Some(0), |(statements, _)| all(statements));
    steps.is_some_and(|steps| steps <= MOST_TESTED)
}

fn turns(repeat: &Repeat) -> Option<i64> {
    let condition = repeat.condition.as_ref().map_or(Some(0), |(statements, _)| all(statements))?;
    repeat.most?.checked_mul(all(&repeat.body)?.checked_add(condition)?.checked_add(1)?)
}

fn all(statements: &[Statement]) -> Option<i64> {
    statements.iter().try_fold(0i64, |sum, statement| sum.checked_add(steps(statement)?))
}

/// How many statements one is at most, those in it counted; `None` if nobody knows.
fn steps(statement: &Statement) -> Option<i64> {
    match statement {
        Statement::If { then, otherwise, .. } => Some(1 + all(then)?.max(all(otherwise)?)),
        Statement::Loop(repeat) => turns(repeat),
        Statement::Each { .. } => None,
        Statement::Fold(fold) => fold.most.checked_mul(all(&fold.body)?.checked_add(2)?),
        _ => Some(1),
    }
}
