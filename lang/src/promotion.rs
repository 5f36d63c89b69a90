//! Promotion of dtypes, NumPy 2's (NEP 50): literals adapt to what they meet.

use crate::dtype::{DType, Kind};

/// A dtype, and whether it comes from a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numeric {
    /// The dtype; of a weak value: i64 (u64 when it needs it), f64 or c128.
    pub dtype: DType,
    /// Whether it adapts.
    pub weak: bool,
}

/// The dtype in which operands meet, and whether all of them were weak.
pub fn common(operands: &[Numeric]) -> Numeric {
    let strong = operands.iter().filter(|operand| !operand.weak).map(|operand| operand.dtype).reduce(DType::promote);
    let weak = operands.iter().filter(|operand| operand.weak).map(|operand| operand.dtype).reduce(DType::promote);
    let dtype = match (strong, weak) {
        (Some(strong), Some(weak)) => adapt(strong, weak),
        (Some(dtype), None) | (None, Some(dtype)) => dtype,
        (None, None) => DType::F64,
    };
    Numeric { dtype, weak: strong.is_none() }
}

/// The dtype in which a literal of `weak` meets `strong`.
fn adapt(strong: DType, weak: DType) -> DType {
    match (strong.kind(), weak.kind()) {
        (Kind::Bool, _) => weak,
        (strong_kind, weak_kind) if weak_kind <= strong_kind => strong,
        (Kind::Unsigned | Kind::Signed, Kind::Unsigned | Kind::Signed) => strong,
        (Kind::Unsigned | Kind::Signed, _) => weak,
        (Kind::Float, _) => {
            if strong == DType::F32 {
                DType::C64
            } else {
                DType::C128
            }
        }
        _ => strong,
    }
}

/// The smallest float dtype that NumPy computes a float function of this dtype in; f16 is not among ours, f32 stands in.
pub fn float_of(dtype: DType) -> DType {
    match dtype {
        DType::Bool | DType::I8 | DType::U8 | DType::I16 | DType::U16 => DType::F32,
        DType::I32 | DType::I64 | DType::U32 | DType::U64 => DType::F64,
        other => other,
    }
}
