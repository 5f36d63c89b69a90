//! Unevaluated sums of two floats, for the places where one's bits are not enough (Dekker 1971, Knuth: error-free sums and products).

use super::Double;
use thalweg_runtime::lane::Float;

/// A number as `high + low`, where `low` is what rounding took from `high`.
#[derive(Clone, Copy)]
pub struct Pair<L> {
    /// The nearest float, or close to it.
    pub high: L,
    /// The rest.
    pub low: L,
}

impl<L: Float> Pair<L> {
    /// `a + b` exactly, where `a` is 0 or at least as large as `b` in magnitude. Three operations.
    #[inline(always)]
    pub fn ordered_sum(a: L, b: L) -> Self {
        let high = a.add(b);
        Pair { high, low: b.subtract(high.subtract(a)) }
    }

    /// `a + b` exactly. Six operations.
    #[inline(always)]
    pub fn sum(a: L, b: L) -> Self {
        let high = a.add(b);
        let from_b = high.subtract(a);
        let from_a = high.subtract(from_b);
        Pair { high, low: a.subtract(from_a).add(b.subtract(from_b)) }
    }

    /// `a * b` exactly, short of underflow. Two operations and a sign.
    #[inline(always)]
    pub fn product(a: L, b: L) -> Self {
        let high = a.multiply(b);
        Pair { high, low: a.fma(b, high.negate()) }
    }

    /// The product of two pairs, to about twice a float's bits (104 of 106 for f64).
    #[inline(always)]
    pub fn times(self, other: Self) -> Self {
        let Pair { high, low } = Pair::product(self.high, other.high);
        Pair { high, low: low.add(self.high.fma(other.low, self.low.multiply(other.high))) }
    }

    /// The quotient of two pairs, to nearly twice a float's bits (100 of 106 for f64), with one division.
    #[inline(always)]
    pub fn over(self, divisor: Self) -> Self {
        let inverse = L::constant(1.0).divide(divisor.high);
        let high = self.high.multiply(inverse);
        let rest = high.negate().fma(divisor.high, self.high).add(self.low);
        Pair { high, low: high.negate().fma(divisor.low, rest).multiply(inverse) }
    }

    /// One float: the sum, rounded once.
    #[inline(always)]
    pub fn round(self) -> L {
        self.high.add(self.low)
    }

    /// The same number with `low` below half a unit of `high`.
    #[inline(always)]
    pub fn normal(self) -> Self {
        Pair::ordered_sum(self.high, self.low)
    }
}

/// What `root`, the rounded square root of `square + rest`, lacks: the residual over twice the root.
///
/// The division is replaced by an estimate of `1 / root` within 3.5 % read off the bits of `square` (halving and negating the
/// exponent is a shift and a subtraction): of a correction below half a unit that leaves 0.02 units.
#[inline(always)]
pub fn square_root_correction<L: Double>(root: L, square: L, rest: L) -> L {
    use thalweg_runtime::lane::{Integer, Number};
    /// Three halves of the bits of 1.0, less what centres the error of the straight line through each binade.
    const HALF_OF_THREE_ONES: i64 = 0x5fe6_eb50_c7b5_37a9;
    let residual = root.negate().fma(root, square).add(rest);
    let estimate =
        L::from_bits(L::bits_constant(HALF_OF_THREE_ONES).subtract(square.to_bits().shift_right_logical::<1>()));
    residual.multiply(estimate.multiply(L::constant(0.5)))
}
