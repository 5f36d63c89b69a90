//! The cube root, and the hypotenuse.

use super::{
    Double,
    logarithm::not_positive_normal,
    pair::{Pair, square_root_correction},
};
use thalweg_runtime::{
    lane::{Integer, Mask},
    rarely,
};

/// The cube root: x^(-1/3) from the bits (a third of the exponent, negated), two steps of a series in 1 - x y^3, then x y^2
/// and one Newton step whose residual is computed as a pair. 0.501 ULP (0.68 below 1e-290); exact for cubes.
#[inline(always)]
pub fn cbrt<L: Double>(x: L) -> L {
    let size = x.absolute();
    let fast = positive_root(size);
    rarely!(L, not_positive_normal(size), fast, {
        // 2^54 makes subnormal numbers normal, and its root is 2^18.
        let scaled =
            positive_root(size.multiply(L::constant(18014398509481984.0))).multiply(L::constant(1.0 / 262144.0));
        let itself = size.equal(L::constant(0.0)).or(size.less(L::constant(f64::INFINITY)).not());
        L::select(itself, size, scaled)
    })
    .copy_sign(x)
}

/// The cube root of a positive normal number.
#[inline(always)]
fn positive_root<L: Double>(x: L) -> L {
    /// Four thirds of the upper half of the bits of 1.0, less what centres the error (found by search): |h| below 0.104 at first.
    const FOUR_THIRDS_OF_ONE: f64 = 1430185511.7;
    let one = L::constant(1.0);
    // A third of the upper half of the bits, which a double holds exactly.
    let upper = L::from_integer(x.to_bits().shift_right_logical::<32>());
    let upper = upper.fma(L::constant(-1.0 / 3.0), L::constant(FOUR_THIRDS_OF_ONE));
    let inverse = L::from_bits(upper.to_integer().shift_left::<32>());
    // With h = 1 - x y^3, x^(-1/3) = y (1 - h)^(-1/3) = y (1 + h/3 + 2 h^2/9 + 14 h^3/81 + ...).
    let h = x.multiply(inverse).negate().fma(inverse.multiply(inverse), one);
    let series = h.fma(L::constant(35.0 / 243.0), L::constant(14.0 / 81.0));
    let series = series.fma(h, L::constant(2.0 / 9.0)).fma(h, L::constant(1.0 / 3.0));
    let inverse = inverse.multiply(h).fma(series, inverse);
    let h = x.multiply(inverse).negate().fma(inverse.multiply(inverse), one);
    let series = h.fma(L::constant(2.0 / 9.0), L::constant(1.0 / 3.0));
    let inverse = inverse.multiply(h).fma(series, inverse);
    let inverse_square = inverse.multiply(inverse);
    let root = x.multiply(inverse_square);
    let square = Pair::product(root, root);
    let excess = square.low.fma(root, square.high.fma(root, x.negate()));
    excess.multiply(inverse_square).fma(L::constant(-1.0 / 3.0), root)
}

/// sqrt(x^2 + y^2) without overflow or loss: the squares and their sum as pairs, the rounding of the root put back.
#[inline(always)]
pub fn hypot<L: Double>(x: L, y: L) -> L {
    /// 2^600.
    const UP: f64 = 4.149515568880993e180;
    let (x, y) = (x.absolute(), y.absolute());
    let swapped = y.greater(x);
    let long = L::select(swapped, y, x);
    let short = L::select(swapped, x, y);
    // 2^500 and 2^-400: no square overflows, and what underflows does not count.
    let ordinary = long.less(L::constant(3.273390607896142e150)).and(long.greater(L::constant(3.872591914849318e-121)));
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
fn length<L: Double>(long: L, short: L) -> L {
    let first = Pair::product(long, long);
    let second = Pair::product(short, short);
    let sum = Pair::ordered_sum(first.high, second.high);
    let rest = sum.low.add(first.low.add(second.low));
    let root = sum.high.square_root();
    root.add(square_root_correction(root, sum.high, rest))
}
