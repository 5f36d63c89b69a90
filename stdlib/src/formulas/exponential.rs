//! Exponentials: exp, exp2, expm1, and the pieces that powers, hyperbolics and the error function share.

use super::{Double, pair::Pair, polynomial::polynomial};
use std::f64::consts::{LN_2, LOG2_E};
use thalweg_runtime::{
    lane::{Float, Integer, Mask},
    rarely,
};

/// What `LN_2` lacks of log 2.
pub(super) const LN_2_LOW: f64 = 2.3190468138462996e-17;

/// 1.5 * 2^52 + 1023. A number below 2^51 added to it is rounded to an integer k, and the low bits of the sum are k + 1023:
/// shifted left by 52 they are the bits of 2^k.
const SHIFTER: f64 = 6755399441055744.0 + 1023.0;

/// (e^r - 1 - r) / r^2 for |r| <= log(2)/2; e^r within 2^-57.7.
const EXPONENTIAL: [f64; 10] = [
    0.5000000000000011,
    0.16666666666666652,
    0.04166666666653452,
    0.008333333333386064,
    0.0013888888941688939,
    0.00019841269681935279,
    2.480149543346644e-05,
    2.755746514043257e-06,
    2.762937371420295e-07,
    2.5030481428265907e-08,
];

/// (e^r - 1 - r - r^2/2) / r^3 for |r| <= log(2)/2; e^r within 2^-63.5.
const LONG_EXPONENTIAL: [f64; 10] = [
    0.16666666666666688,
    0.041666666666666824,
    0.0083333333333139,
    0.0013888888888778463,
    0.00019841269903337898,
    2.4801587557311966e-05,
    2.7557228724505873e-06,
    2.755707028847273e-07,
    2.5113915040311822e-08,
    2.0976642234129792e-09,
];

/// (2^r - 1 - r log 2) / r^2 for |r| <= 1/2; 2^r within 2^-57.3.
const EXPONENTIAL_2: [f64; 10] = [
    0.24022650695910122,
    0.05550410866481911,
    0.009618129107596027,
    0.001333355814723164,
    0.0001540353045606839,
    1.5252732940804824e-05,
    1.3215435345400912e-06,
    1.0178458321402554e-07,
    7.073828006023472e-09,
    4.392956570786915e-10,
];

/// 2^k for an integer k in -1022..=1023.
#[inline(always)]
pub(super) fn power_of_two<L: Double>(k: L) -> L {
    scale(k.add(L::constant(SHIFTER)))
}

/// 2^k from k + `SHIFTER`.
#[inline(always)]
fn scale<L: Double>(shifted: L) -> L {
    L::from_bits(shifted.to_bits().shift_left::<52>())
}

/// x = k log 2 + r with an integer k and |r| <= log(2)/2 (1 + tiny).
pub(super) struct Reduced<L> {
    /// k + `SHIFTER`.
    shifted: L,
    /// k.
    pub(super) k: L,
    /// x - k times the high part of log 2: exact, because it is a multiple of 2^-54 below 1/2.
    nearly: L,
    /// r, rounded.
    pub(super) r: L,
}

impl<L: Double> Reduced<L> {
    /// Reduces x, |x| below 2^20 or so: Cody and Waite's two-part constant, with fused operations.
    #[inline(always)]
    pub(super) fn new(x: L) -> Self {
        let shifted = x.fma(L::constant(LOG2_E), L::constant(SHIFTER));
        let k = shifted.subtract(L::constant(SHIFTER));
        let nearly = k.fma(L::constant(-LN_2), x);
        let r = k.fma(L::constant(-LN_2_LOW), nearly);
        Reduced { shifted, k, nearly, r }
    }

    /// What rounding took from r.
    #[inline(always)]
    pub(super) fn low(&self) -> L {
        self.k.fma(L::constant(-LN_2_LOW), self.nearly.subtract(self.r))
    }

    /// 2^k.
    #[inline(always)]
    pub(super) fn scale(&self) -> L {
        scale(self.shifted)
    }

    /// e^r - 1 - r with what rounding took from r, times e^r near enough.
    #[inline(always)]
    fn rest(&self) -> L {
        let low = self.low();
        let square = self.r.multiply(self.r);
        polynomial(self.r, square, &EXPONENTIAL).fma(square, low.fma(self.r, low))
    }

    /// e^x - 1 as a pair, for 2^k within the doubles: 2^k r + (2^k - 1) summed without error, and the rest.
    #[inline(always)]
    pub(super) fn expm1(&self) -> Pair<L> {
        let scale = self.scale();
        let base = scale.subtract(L::constant(1.0));
        let high = self.r.fma(scale, base);
        let low = self.r.fma(scale, base.subtract(high));
        Pair { high, low: self.rest().fma(scale, low) }
    }

    /// e^r - 1.
    #[inline(always)]
    pub(super) fn rise(&self) -> L {
        let square = self.r.multiply(self.r);
        polynomial(self.r, square, &EXPONENTIAL).fma(square, self.r)
    }
}

/// 2^k (1 + rise) in two steps, for k from -2000 to 2000: overflows to infinity, and rounds to subnormal numbers once more.
#[inline(always)]
fn scale_far<L: Double>(k: L, rise: L) -> L {
    let half = k.multiply(L::constant(0.5)).round();
    let first = power_of_two(half);
    rise.fma(first, first).multiply(power_of_two(k.subtract(half)))
}

/// `x` kept within `low..=high`; NaN stays.
#[inline(always)]
pub(super) fn clamp<L: Float>(x: L, low: f64, high: f64) -> L {
    let x = L::select(x.less(L::constant(low)), L::constant(low), x);
    L::select(x.greater(L::constant(high)), L::constant(high), x)
}

/// e^x where the result may overflow or be subnormal.
#[inline(always)]
fn exp_far<L: Double>(x: L) -> L {
    let reduced = Reduced::new(clamp(x, -760.0, 720.0));
    scale_far(reduced.k, reduced.rise())
}

/// e^x: x = k log 2 + r, a polynomial of degree 11 in r, and the exponent put in by its bits. 19 operations and a test.
///
/// The last step is one fused `2^k rise + 2^k`, so the error is that rounding, the rounding of e^r - 1 (below half of its
/// weight) and of r: at most 0.5 + 0.52 ULP.
#[inline(always)]
pub fn exp<L: Double>(x: L) -> L {
    let reduced = Reduced::new(x);
    let scale = reduced.scale();
    let fast = reduced.rise().fma(scale, scale);
    rarely!(L, x.absolute().less(L::constant(708.0)).not(), fast, exp_far(x))
}

/// 2^x: x = k + r exactly, 2^r - 1 = r (log 2, in two parts) + r^2 polynomial. Exact for integers. 20 operations and a test.
#[inline(always)]
pub fn exp2<L: Double>(x: L) -> L {
    let shifted = x.add(L::constant(SHIFTER));
    let scale = scale(shifted);
    let fast = exp2_rise(x.subtract(shifted.subtract(L::constant(SHIFTER)))).fma(scale, scale);
    rarely!(L, x.absolute().less(L::constant(1022.0)).not(), fast, exp2_far(x))
}

/// 2^x where the result may overflow or be subnormal.
#[inline(always)]
fn exp2_far<L: Double>(x: L) -> L {
    let x = clamp(x, -1100.0, 1050.0);
    let k = x.round();
    scale_far(k, exp2_rise(x.subtract(k)))
}

/// 2^r - 1 for |r| <= 1/2.
#[inline(always)]
fn exp2_rise<L: Double>(r: L) -> L {
    let square = r.multiply(r);
    let curve = polynomial(r, square, &EXPONENTIAL_2).multiply(square);
    r.fma(L::constant(LN_2), r.fma(L::constant(LN_2_LOW), curve))
}

/// e^x - 1: 2^k (e^r - 1) + (2^k - 1), the two leading terms summed without error, so that nothing is lost to
/// cancellation for k = -1 and 1 and nothing at all near 0. 28 operations and a test.
#[inline(always)]
pub fn expm1<L: Double>(x: L) -> L {
    let fast = Reduced::new(x).expm1().round().copy_sign(x);
    let far = x.absolute().less(L::constant(708.0)).not();
    rarely!(L, far, fast, L::select(x.less(L::constant(0.0)), L::constant(-1.0), exp_far(x)))
}

/// e^(high + low) as 2^k times a pair near 1, to about 2^-59; |high| below 1500, `low` a rounding error of `high`. The terms
/// to r^2/2 are summed without error.
#[inline(always)]
pub(super) fn exp_of_pair<L: Double>(exponent: Pair<L>) -> (Reduced<L>, Pair<L>) {
    let reduced = Reduced::new(exponent.high);
    let r = reduced.r;
    let low = reduced.low().add(exponent.low);
    let square = Pair::product(r, r);
    let half = square.high.multiply(L::constant(0.5));
    let cubic = polynomial(r, square.high, &LONG_EXPONENTIAL).multiply(r.multiply(square.high));
    // `low` may be large beside a unit of the result: times all of e^r.
    let low = low.fma(r.add(half).add(cubic), square.low.fma(L::constant(0.5), low));
    let curve = cubic.add(low);
    let first = Pair::ordered_sum(L::constant(1.0), r);
    let second = Pair::ordered_sum(first.high, half);
    (reduced, Pair { high: second.high, low: first.low.add(second.low).add(curve) })
}

/// 2^k times a number near 1, in two steps, for k from -2000 to 2000.
#[inline(always)]
pub(super) fn scale_in_two_steps<L: Double>(k: L, number: L) -> L {
    let half = k.multiply(L::constant(0.5)).round();
    number.multiply(power_of_two(half)).multiply(power_of_two(k.subtract(half)))
}

/// x times 2^exponent for a whole exponent, rounded once: in three parts, of which only the last can leave the normal numbers.
#[inline(always)]
pub fn scaled_by_power<L: Double>(x: L, exponent: L) -> L {
    let exponent = clamp(exponent, -2200.0, 2200.0);
    let third = exponent.multiply(L::constant(1.0 / 3.0)).round();
    let near = exponent.absolute().less_equal(L::constant(1000.0));
    let third = L::select(near, L::constant(0.0), third);
    let part = power_of_two(third);
    let rest = power_of_two(exponent.subtract(third.add(third)));
    x.multiply(part).multiply(part).multiply(rest)
}
