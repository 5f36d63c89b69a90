//! Inverse circular functions: asin, acos, atan, atan2.

use super::{
    Double,
    pair::{Pair, square_root_correction},
    polynomial::{alternating, polynomial},
    trigonometric::FRAC_PI_2_LOW,
};
use std::f64::consts::{FRAC_PI_2, PI};
use thalweg_runtime::{
    lane::{Mask, Number},
    rarely,
};

/// (atan t / t - 1) / t^2 as a polynomial in t^2, |t| <= 1; atan within 2^-58.5.
const ARCTANGENT: [f64; 21] = [
    -0.33333333333333287,
    0.1999999999999062,
    -0.14285714285041998,
    0.11111111086466963,
    -0.0909090854514562,
    0.07692299657564872,
    -0.06666583021715135,
    0.05881710288432542,
    -0.05259399106459004,
    0.04744774484997149,
    -0.04285887588525465,
    0.03819717732075581,
    -0.03275976841065785,
    0.026111841333875774,
    -0.01856620590021653,
    0.011273218293274552,
    -0.005581401099676926,
    0.0021358470807700952,
    -0.000587397686840713,
    0.00010269325848734787,
    -8.537164639609198e-06,
];

/// (asin s / s - 1) / s^2 as a polynomial in s^2, |s| <= 1/2; asin within 2^-59.5.
const ARCSINE: [f64; 13] = [
    0.16666666666666763,
    0.07499999999970129,
    0.044642857175254215,
    0.030381942676905582,
    0.022372215857647343,
    0.017351596406446578,
    0.013981007241413664,
    0.011397388641415276,
    0.010788769137481495,
    0.003674326072446112,
    0.02178531323924688,
    -0.021109008488865745,
    0.03269724596146539,
];

/// `base` (0, pi/2 or pi) + `leading` + `rest`, the first two summed without error.
#[inline(always)]
fn from_base<L: Double>(base: Pair<L>, leading: L, rest: L) -> L {
    let sum = Pair::ordered_sum(base.high, leading);
    sum.high.add(sum.low.add(base.low.add(rest)))
}

/// atan(t + lost) - t, for |t| <= 1.
#[inline(always)]
fn bend<L: Double>(t: L, lost: L) -> L {
    let square = t.multiply(t);
    let value = alternating::<L, 10>(square, square.multiply(square), &ARCTANGENT);
    // The derivative, 1 / (1 + t^2), is 1 - t^2/2 at both ends and near enough between.
    let lost = square.multiply(L::constant(-0.5)).fma(lost, lost);
    t.multiply(square).fma(value, lost)
}

/// The inverse tangent: above 1, pi/2 - atan(1/x); an odd polynomial of degree 43. The quotient's rounding is put back.
#[inline(always)]
pub fn atan<L: Double>(x: L) -> L {
    let zero = L::constant(0.0);
    let one = L::constant(1.0);
    let size = x.absolute();
    let large = size.greater(one);
    let t = L::select(large, L::constant(-1.0), size).divide(L::select(large, size, one));
    // -1/size - t = (-1 - t size) / size, and 1 / size is -t. Infinity times zero must not reach the sum.
    let finite = large.and(size.less(L::constant(1.0e300)));
    let lost = L::select(finite, t.fma(size, one).multiply(t), zero);
    let base = Pair {
        high: L::select(large, L::constant(FRAC_PI_2), zero),
        low: L::select(large, L::constant(FRAC_PI_2_LOW), zero),
    };
    from_base(base, t, bend(t, lost)).copy_sign(x)
}

/// The angle of the point (x, y): the smaller of |x| and |y| over the larger, then `atan`'s polynomial, and the octant.
#[inline(always)]
pub fn atan2<L: Double>(y: L, x: L) -> L {
    let zero = L::constant(0.0);
    let (height, width) = (y.absolute(), x.absolute());
    let steep = height.greater(width);
    let left = x.to_bits().less(L::bits_constant(0));
    let top = L::select(steep, width, height);
    let bottom = L::select(steep, height, width);
    // The angle falls with the quotient in the second and the fourth octant.
    let falling = steep.xor(left);
    let base = Pair {
        high: L::select(steep, L::constant(FRAC_PI_2), L::select(left, L::constant(PI), zero)),
        low: L::select(steep, L::constant(FRAC_PI_2_LOW), L::select(left, L::constant(2.0 * FRAC_PI_2_LOW), zero)),
    };
    let fast = arctangent_of_quotient(top, bottom, falling, base);
    let ordinary = bottom.less(L::constant(f64::INFINITY)).and(bottom.greater(zero));
    rarely!(L, ordinary.not(), fast, {
        // 0/0 and finite/infinite are 0, infinite/infinite is 1; NaN goes through.
        let one = L::constant(1.0);
        let infinite = L::constant(f64::INFINITY);
        let special = bottom.equal(infinite).or(bottom.equal(zero));
        let ratio = L::select(top.equal(infinite), one, L::select(top.less(infinite), zero, top));
        let top = L::select(special, ratio, top);
        arctangent_of_quotient(top, L::select(special, one, bottom), falling, base)
    })
    .copy_sign(y)
}

/// `base` plus atan(top / bottom), minus it where `falling`.
#[inline(always)]
fn arctangent_of_quotient<L: Double>(top: L, bottom: L, falling: L::Mask, base: Pair<L>) -> L {
    let quotient = top.divide(bottom);
    let lost = quotient.negate().fma(bottom, top).divide(bottom);
    let t = L::select(falling, quotient.negate(), quotient);
    let lost = L::select(falling, lost.negate(), lost);
    from_base(base, t, bend(t, lost))
}

/// What `asin` and `acos` share: s and asin(s) - s, with s = |x| where |x| <= 1/2 and sqrt((1 - |x|) / 2) elsewhere.
#[inline(always)]
fn arcsine_parts<L: Double>(size: L, large: L::Mask) -> (L, L) {
    let half = L::constant(0.5);
    let square = L::select(large, size.fma(half.negate(), half), size.multiply(size));
    let root = square.square_root();
    let s = L::select(large, root, size);
    let lost = L::select(large, square_root_correction(root, square, L::constant(0.0)), L::constant(0.0));
    let value = polynomial(square, square.multiply(square), &ARCSINE);
    (s, s.multiply(square).fma(value, lost))
}

/// The inverse sine: an odd polynomial of degree 27 to 1/2; above, pi/2 - 2 asin(sqrt((1 - x)/2)).
#[inline(always)]
pub fn asin<L: Double>(x: L) -> L {
    let zero = L::constant(0.0);
    let size = x.absolute();
    let large = size.greater(L::constant(0.5));
    let (s, bend) = arcsine_parts(size, large);
    let factor = L::select(large, L::constant(-2.0), L::constant(1.0));
    let base = Pair {
        high: L::select(large, L::constant(FRAC_PI_2), zero),
        low: L::select(large, L::constant(FRAC_PI_2_LOW), zero),
    };
    from_base(base, s.multiply(factor), bend.multiply(factor)).copy_sign(x)
}

/// The inverse cosine: pi/2 - asin(x) to 1/2; 2 asin(sqrt((1 - x)/2)) above, and pi minus that below.
#[inline(always)]
pub fn acos<L: Double>(x: L) -> L {
    let zero = L::constant(0.0);
    let size = x.absolute();
    let large = size.greater(L::constant(0.5));
    let negative = x.less(zero);
    let (s, bend) = arcsine_parts(size, large);
    let factor = L::select(large, L::constant(2.0), L::constant(-1.0));
    let factor = L::select(negative, factor.negate(), factor);
    // pi/2 in the middle, pi to the left, 0 to the right.
    let halves = L::select(negative, L::constant(2.0), zero);
    let halves = L::select(large, halves, L::constant(1.0));
    let base = Pair { high: halves.multiply(L::constant(FRAC_PI_2)), low: halves.multiply(L::constant(FRAC_PI_2_LOW)) };
    from_base(base, s.multiply(factor), bend.multiply(factor))
}
