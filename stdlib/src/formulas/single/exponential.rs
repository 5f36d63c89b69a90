//! Exponentials: exp, exp2, expm1, and the pieces that hyperbolics and the error function share.

use super::super::{Single, exponential::clamp, pair::Pair, polynomial::polynomial};
use std::f64::consts::LOG2_E;
use thalweg_runtime::{
    lane::{Integer, Mask},
    rarely,
};

/// log 2, rounded to f32.
pub(super) const LN_2: f64 = 0.6931471824645996;
/// What it lacks.
pub(super) const LN_2_LOW: f64 = -1.9046542121259336e-09;

/// 1.5 * 2^23 + 127. A number below 2^22 added to it is rounded to an integer k, and the low bits of the sum are k + 127:
/// shifted left by 23 they are the bits of 2^k.
const SHIFTER: f64 = 12582912.0 + 127.0;

/// Where e^x is a normal number, as a bound of |x|.
pub(super) const NORMAL: f64 = 87.0;

/// (e^r - 1 - r) / r^2 for |r| <= log(2)/2; e^r within 2^-28.2.
const EXPONENTIAL: [f64; 5] = [0.49999994, 0.16666515, 0.041668084, 0.008369349, 0.0013840399];

/// (e^r - 1 - r - r^2/2) / r^3 for |r| <= log(2)/2; e^r within 2^-31.2.
const LONG_EXPONENTIAL: [f64; 5] = [0.16666648, 0.04166648, 0.008337858, 0.0013933383, 0.0001735153];

/// (2^r - 1 - r log 2) / r^2 for |r| <= 1/2; 2^r within 2^-28.2.
const EXPONENTIAL_2: [f64; 5] = [0.24022648, 0.055503614, 0.009618483, 0.0013390649, 0.00015339161];

/// 2^k for an integer k in -126..=127.
#[inline(always)]
pub(super) fn power_of_two<L: Single>(k: L) -> L {
    scale(k.add(L::constant(SHIFTER)))
}

/// 2^k from k + `SHIFTER`.
#[inline(always)]
fn scale<L: Single>(shifted: L) -> L {
    L::from_bits(shifted.to_bits().shift_left::<23>())
}

/// x = k log 2 + r with an integer k and |r| <= log(2)/2 (1 + tiny).
pub(super) struct Reduced<L> {
    /// k + `SHIFTER`.
    shifted: L,
    /// k.
    pub(super) k: L,
    /// x - k times the high part of log 2: exact, because it is a multiple of 2^-25 below 1/2.
    nearly: L,
    /// r, rounded.
    pub(super) r: L,
}

impl<L: Single> Reduced<L> {
    /// Reduces x, |x| below 2^12 or so, as for f64.
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

    /// e^x - 1 as a pair, for 2^k within f32: 2^k r + (2^k - 1) summed without error, and the rest.
    #[inline(always)]
    pub(super) fn expm1(&self) -> Pair<L> {
        let scale = self.scale();
        let base = scale.subtract(L::constant(1.0));
        let high = self.r.fma(scale, base);
        let low = self.r.fma(scale, base.subtract(high));
        let lost = self.low();
        let square = self.r.multiply(self.r);
        let rest = polynomial(self.r, square, &EXPONENTIAL).fma(square, lost.fma(self.r, lost));
        Pair { high, low: rest.fma(scale, low) }
    }

    /// e^r - 1.
    #[inline(always)]
    pub(super) fn rise(&self) -> L {
        let square = self.r.multiply(self.r);
        polynomial(self.r, square, &EXPONENTIAL).fma(square, self.r)
    }
}

/// 2^k (1 + rise) in two steps, for k from -250 to 250: overflows to infinity, and rounds to subnormal numbers once more.
#[inline(always)]
fn scale_far<L: Single>(k: L, rise: L) -> L {
    let half = k.multiply(L::constant(0.5)).round();
    let first = power_of_two(half);
    rise.fma(first, first).multiply(power_of_two(k.subtract(half)))
}

/// e^x where the result may overflow or be subnormal.
#[inline(always)]
pub(super) fn exp_far<L: Single>(x: L) -> L {
    let reduced = Reduced::new(clamp(x, -105.0, 90.0));
    scale_far(reduced.k, reduced.rise())
}

/// e^x: as for f64, with a polynomial of degree 6. 14 operations and a test.
#[inline(always)]
pub fn exp<L: Single>(x: L) -> L {
    let reduced = Reduced::new(x);
    let scale = reduced.scale();
    let fast = reduced.rise().fma(scale, scale);
    rarely!(L, x.absolute().less(L::constant(NORMAL)).not(), fast, exp_far(x))
}

/// 2^x: x = k + r exactly, 2^r - 1 = r (log 2, in two parts) + r^2 polynomial. Exact for integers.
#[inline(always)]
pub fn exp2<L: Single>(x: L) -> L {
    let shifted = x.add(L::constant(SHIFTER));
    let scale = scale(shifted);
    let fast = exp2_rise(x.subtract(shifted.subtract(L::constant(SHIFTER)))).fma(scale, scale);
    rarely!(L, x.absolute().less(L::constant(126.0)).not(), fast, {
        let x = clamp(x, -152.0, 130.0);
        let k = x.round();
        scale_far(k, exp2_rise(x.subtract(k)))
    })
}

/// 2^r - 1 for |r| <= 1/2.
#[inline(always)]
fn exp2_rise<L: Single>(r: L) -> L {
    let square = r.multiply(r);
    let curve = polynomial(r, square, &EXPONENTIAL_2).multiply(square);
    r.fma(L::constant(LN_2), r.fma(L::constant(LN_2_LOW), curve))
}

/// e^x - 1: 2^k (e^r - 1) + (2^k - 1), the two leading terms summed without error.
#[inline(always)]
pub fn expm1<L: Single>(x: L) -> L {
    let fast = Reduced::new(x).expm1().round().copy_sign(x);
    let far = x.absolute().less(L::constant(NORMAL)).not();
    rarely!(L, far, fast, L::select(x.less(L::constant(0.0)), L::constant(-1.0), exp_far(x)))
}

/// e^x / 2 for x from 80 on, up to infinity: the terms to r^2/2 are summed without error.
#[inline(always)]
pub(super) fn half_exp<L: Single>(x: L) -> L {
    let reduced = Reduced::new(clamp(x, 0.0, 91.0));
    let r = reduced.r;
    let square = Pair::product(r, r);
    let half = square.high.multiply(L::constant(0.5));
    let cubic = polynomial(r, square.high, &LONG_EXPONENTIAL).multiply(r.multiply(square.high));
    let low = reduced.low();
    let low = low.fma(r.add(half).add(cubic), square.low.fma(L::constant(0.5), low));
    let first = Pair::ordered_sum(L::constant(1.0), r);
    let second = Pair::ordered_sum(first.high, half);
    let number = second.high.add(first.low.add(second.low).add(cubic.add(low)));
    let k = reduced.k.subtract(L::constant(1.0));
    let half = k.multiply(L::constant(0.5)).round();
    number.multiply(power_of_two(half)).multiply(power_of_two(k.subtract(half)))
}
