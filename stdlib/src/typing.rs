//! The dtype rules that rows choose from: what operands are cast to, and what comes out. NumPy 2's rules; where NumPy computes
//! in f16, f32 stands in.

use thalweg_lang::declaration::{Mismatch, Typing};
use thalweg_lang::dtype::{DType, Kind};
use thalweg_lang::promotion::{Numeric, common, float_of};

/// What a rule gives.
pub type Typed = Result<Typing, Mismatch>;

fn all(operands: &[Numeric], dtype: DType, result: DType) -> Typed {
    Ok(Typing { operands: vec![dtype; operands.len()], result })
}

fn takes_help(what: &str, help: &str) -> Mismatch {
    Mismatch { takes: what.into(), help: Some(help.into()) }
}

/// The promoted dtype in and out, whatever it is.
pub fn any(operands: &[Numeric]) -> Typed {
    let dtype = common(operands).dtype;
    all(operands, dtype, dtype)
}

/// Numbers; bools only beside numbers.
pub fn numbers(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        DType::Bool => Err(takes_help("numbers", "cast first: `i64(x)`, or use `not`, `and`, `or`, `^` on bools")),
        dtype => all(operands, dtype, dtype),
    }
}

/// True division: integers and bools divide in f64.
pub fn division(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        dtype if dtype.is_integral() => all(operands, DType::F64, DType::F64),
        dtype => all(operands, dtype, dtype),
    }
}

/// Floor division and remainder: real numbers, bools as i8.
pub fn floor_division(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        DType::Bool => all(operands, DType::I8, DType::I8),
        dtype if dtype.kind() == Kind::Complex => Err(takes_help("real numbers", "take the magnitude first: `abs(z)`")),
        dtype => all(operands, dtype, dtype),
    }
}

/// The conjugate: bools as i8.
pub fn conjugate(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        DType::Bool => all(operands, DType::I8, DType::I8),
        dtype => all(operands, dtype, dtype),
    }
}

/// u64 against signed integers: no integer dtype holds both, so they are compared as they are, exactly.
fn mixed(operands: &[Numeric]) -> Option<Typing> {
    let is_signed = |operand: &Numeric| operand.dtype.kind() == Kind::Signed && !operand.weak;
    let is_widest = |operand: &Numeric| operand.dtype == DType::U64 && !operand.weak;
    let dtypes = match operands {
        [left, right] if is_widest(left) && is_signed(right) => vec![DType::U64, DType::I64],
        [left, right] if is_signed(left) && is_widest(right) => vec![DType::I64, DType::U64],
        _ => return None,
    };
    Some(Typing { operands: dtypes, result: DType::Bool })
}

/// Equality and order: any dtypes.
pub fn comparison(operands: &[Numeric]) -> Typed {
    if let Some(typing) = mixed(operands) {
        return Ok(typing);
    }
    all(operands, common(operands).dtype, DType::Bool)
}

/// `and`, `or`, `not`: bools.
pub fn logic(operands: &[Numeric]) -> Typed {
    if operands.iter().all(|operand| operand.dtype == DType::Bool) {
        return all(operands, DType::Bool, DType::Bool);
    }
    Err(takes_help("bools", "compare first: `x != 0`"))
}

/// `&`, `|`, `^`, `~`: integers and bools.
pub fn bits(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        dtype if dtype.is_integral() => all(operands, dtype, dtype),
        _ if are_integral(operands) => Err(one_integer("integers or bools of one dtype")),
        _ => Err(takes_help("integers or bools", "bits are of integers: cast first, `i64(x)`")),
    }
}

/// Whether all are integers or bools: u64 and a signed one have no integer that holds both.
fn are_integral(operands: &[Numeric]) -> bool {
    operands.iter().all(|operand| operand.dtype.is_integral())
}

fn one_integer(takes: &str) -> Mismatch {
    takes_help(takes, "no integer holds both dtypes: cast the u64, `i64(x)`, or the other one, `u64(x)`")
}

/// Integers only; bools count as i8.
pub fn integers(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        DType::Bool => all(operands, DType::I8, DType::I8),
        dtype if dtype.is_integral() => all(operands, dtype, dtype),
        _ if are_integral(operands) => Err(one_integer("integers of one dtype")),
        _ => Err(takes_help("integers", "round and cast first: `i64(round(x))`")),
    }
}

/// Integers only, and no bools.
pub fn strict_integers(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        DType::Bool => Err(takes_help("integers", "cast first: `i64(x)`")),
        _ => integers(operands),
    }
}

/// The float dtype in which operands meet: integers by the floats of each, so that i8 and u16 meet in f32, which holds both.
fn float_common(operands: &[Numeric]) -> DType {
    let dtype = common(operands).dtype;
    // A bool gives way to a literal, any other integer has its way.
    let decides = |operand: &&Numeric| !operand.weak && operand.dtype != DType::Bool;
    let decisive = operands.iter().filter(decides).map(|operand| float_of(operand.dtype));
    match dtype.is_integral() {
        true => decisive.reduce(DType::promote).unwrap_or(float_of(dtype)),
        false => float_of(dtype),
    }
}

/// Functions that give floats: small integers compute in f32, large ones in f64.
pub fn floats(operands: &[Numeric]) -> Typed {
    let dtype = float_common(operands);
    match dtype.kind() {
        Kind::Complex => Err(takes_help("real numbers", "take the magnitude first: `abs(z)`")),
        _ => all(operands, dtype, dtype),
    }
}

/// The same for functions that complex numbers have too.
pub fn analytic(operands: &[Numeric]) -> Typed {
    let dtype = float_common(operands);
    all(operands, dtype, dtype)
}

/// Tests of floats: integers are tested as f64.
pub fn float_test(operands: &[Numeric]) -> Typed {
    floats(operands).map(|typing| Typing { result: DType::Bool, ..typing })
}

/// Tests of floats and complex numbers.
pub fn analytic_test(operands: &[Numeric]) -> Typed {
    analytic(operands).map(|typing| Typing { result: DType::Bool, ..typing })
}

/// Rounding: integers and bools stay as they are.
pub fn rounding(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        dtype if dtype.kind() == Kind::Complex => Err(takes_help("real numbers", "take the magnitude first: `abs(z)`")),
        dtype => all(operands, dtype, dtype),
    }
}

/// Rounding to nearest: as `rounding`, but bools become floats, and complex numbers are rounded by their parts.
pub fn nearest(operands: &[Numeric]) -> Typed {
    match common(operands).dtype {
        DType::Bool => all(operands, DType::F32, DType::F32),
        dtype => all(operands, dtype, dtype),
    }
}

/// Magnitudes and parts: a complex number's are real.
pub fn magnitude(operands: &[Numeric]) -> Typed {
    let dtype = common(operands).dtype;
    all(operands, dtype, real_of(dtype))
}

/// The dtype of a complex dtype's parts.
pub fn real_of(dtype: DType) -> DType {
    match dtype {
        DType::C64 => DType::F32,
        DType::C128 => DType::F64,
        other => other,
    }
}

/// A condition, then two values of any dtype.
pub fn selection(operands: &[Numeric]) -> Typed {
    if operands[0].dtype != DType::Bool {
        return Err(takes_help("a condition of bools first", "compare first: `x != 0`"));
    }
    let dtype = common(&operands[1..]).dtype;
    Ok(Typing { operands: vec![DType::Bool, dtype, dtype], result: dtype })
}

/// Sums and products: integers accumulate in 64 bits.
pub fn accumulator(dtype: DType) -> Result<DType, Mismatch> {
    Ok(match dtype.kind() {
        Kind::Bool | Kind::Signed => DType::I64,
        Kind::Unsigned => DType::U64,
        _ => dtype,
    })
}

/// Extremes: everything has an order.
pub fn extreme(dtype: DType) -> Result<DType, Mismatch> {
    Ok(dtype)
}

/// Indices of extremes: bools are ordered as u8.
pub fn extreme_index(dtype: DType) -> Result<DType, Mismatch> {
    match dtype.kind() {
        Kind::Complex => Err(takes_help("real numbers", "take `abs(z)` or `real(z)` first")),
        Kind::Bool => Ok(DType::U8),
        _ => Ok(dtype),
    }
}

/// `any` and `all`: everything is a truth value.
pub fn truth(_: DType) -> Result<DType, Mismatch> {
    Ok(DType::Bool)
}
