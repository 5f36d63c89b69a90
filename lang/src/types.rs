//! The type of an array: a dtype and a shape; and how shapes broadcast.

use crate::dtype::DType;
use crate::length::Length;
use std::fmt;

/// The lengths of an array's axes, outermost first; empty for a scalar.
pub type Shape = Vec<usize>;

/// A dtype and a shape; prints as it is written: `f64`, `f32[512, 512]`, `f64[n + 1]`. Lengths are numbers once a plan is made;
/// while a program is checked they are [`crate::length::Length`]s.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArrayType<L = usize> {
    /// The elements' dtype.
    pub dtype: DType,
    /// The lengths of the axes.
    pub shape: Vec<L>,
}

impl<L> ArrayType<L> {
    /// An array's type.
    pub fn new(dtype: DType, shape: impl Into<Vec<L>>) -> ArrayType<L> {
        ArrayType { dtype, shape: shape.into() }
    }

    /// A scalar's type.
    pub fn scalar(dtype: DType) -> ArrayType<L> {
        ArrayType { dtype, shape: Vec::new() }
    }

    /// How many axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// An array's type while a program is checked.
pub type Type = ArrayType<Length>;

impl Type {
    /// The type over numbers, when all lengths are known.
    pub fn known(&self) -> Option<ArrayType> {
        let shape: Option<Vec<usize>> = self.shape.iter().map(Length::known).collect();
        Some(ArrayType::new(self.dtype, shape?))
    }
}

impl From<&ArrayType> for Type {
    fn from(known: &ArrayType) -> Type {
        ArrayType::new(known.dtype, known.shape.iter().map(|length| Length::Known(*length)).collect::<Vec<_>>())
    }
}

impl ArrayType {
    /// How many elements; at most `usize::MAX`.
    pub fn count(&self) -> usize {
        if self.shape.contains(&0) {
            return 0;
        }
        self.shape.iter().fold(1, |count, length| count.saturating_mul(*length))
    }

    /// How many bytes, packed.
    pub fn bytes(&self) -> usize {
        self.count().saturating_mul(self.dtype.size())
    }
}

impl<L: fmt::Display> fmt::Display for ArrayType<L> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.dtype)?;
        if self.shape.is_empty() { Ok(()) } else { write!(f, "{}", DisplayShape(&self.shape)) }
    }
}

/// A shape as it is written in a type: `[3, 4]`.
pub struct DisplayShape<'a, L = usize>(
    /// The shape.
    pub &'a [L],
);

impl<L: fmt::Display> fmt::Display for DisplayShape<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "[")?;
        for (axis, length) in self.0.iter().enumerate() {
            if axis > 0 {
                write!(f, ", ")?;
            }
            write!(f, "{length}")?;
        }
        write!(f, "]")
    }
}

/// NumPy's broadcasting of two shapes; `Err` is the pair of lengths that do not go together, and their axis counted from
/// the end (1 is the last).
pub fn broadcast(left: &[usize], right: &[usize]) -> Result<Shape, (usize, usize, usize)> {
    let rank = left.len().max(right.len());
    let mut shape = vec![0; rank];
    for from_end in 1..=rank {
        let a = if from_end <= left.len() { left[left.len() - from_end] } else { 1 };
        let b = if from_end <= right.len() { right[right.len() - from_end] } else { 1 };
        shape[rank - from_end] = match (a, b) {
            (a, b) if a == b => a,
            (1, b) => b,
            (a, 1) => a,
            (a, b) => return Err((a, b, from_end)),
        };
    }
    Ok(shape)
}
