//! The hypotenuse.

use super::super::{Single, pair::Pair};
use thalweg_runtime::{
    lane::{Integer, Mask, Number},
    rarely,
};

/// sqrt(x^2 + y^2) without overflow or loss: the squares and their sum as pairs, the rounding of the root put back.
#[inline(always)]
pub fn hypot<L: Single>(x: L, y: L) -> L {
    /// 2^110.
    const UP: f64 = 1.298074214633707e33;
    let (x, y) = (x.absolute(), y.absolute());
    let swapped = y.greater(x);
    let long = L::select(swapped, y, x);
    let short = L::select(swapped, x, y);
    // 2^60 and 2^-50: no square overflows, and what underflows does not count.
    let ordinary = long.less(L::constant(1.152921504606847e18)).and(long.greater(L::constant(8.881784197001252e-16)));
    // NaN in `short` passes through; in `long`, it is not ordinary.
    rarely!(L, ordinary.not(), length(long, short), {
        let infinite = L::constant(f64::INFINITY);
        let small = long.less(L::constant(1.0));
        let scale = L::select(small, L::constant(UP), L::constant(1.0 / UP));
        let back = L::select(small, L::constant(1.0 / UP), L::constant(UP));
        let value = length(long.multiply(scale), short.multiply(scale)).multiply(back);
        let zero = long.equal(L::constant(0.0)).and(short.equal(L::constant(0.0)));
        let value = L::select(zero, long, value);
        let value = L::select(x.is_nan().or(y.is_nan()), x.add(y), value);
        L::select(x.equal(infinite).or(y.equal(infinite)), infinite, value)
    })
}

/// The hypotenuse where no square overflows or underflows in a way that counts.
#[inline(always)]
fn length<L: Single>(long: L, short: L) -> L {
    let first = Pair::product(long, long);
    let second = Pair::product(short, short);
    let sum = Pair::ordered_sum(first.high, second.high);
    let rest = sum.low.add(first.low.add(second.low));
    let root = sum.high.square_root();
    root.add(root_correction(root, sum.high, rest))
}

/// What `root`, the rounded square root of `square + rest`, lacks, with an estimate of `1 / root` off the bits of `square`.
#[inline(always)]
fn root_correction<L: Single>(root: L, square: L, rest: L) -> L {
    /// Three halves of the bits of 1.0, less what centres the error of the straight line through each binade.
    const HALF_OF_THREE_ONES: i64 = 0x5f37_5a86;
    let residual = root.negate().fma(root, square).add(rest);
    let estimate =
        L::from_bits(L::bits_constant(HALF_OF_THREE_ONES).subtract(square.to_bits().shift_right_logical::<1>()));
    residual.multiply(estimate.multiply(L::constant(0.5)))
}
