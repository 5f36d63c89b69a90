//! Hyperbolic functions.

use super::super::{Single, pair::Pair, polynomial::polynomial};
use super::exponential::{NORMAL, Reduced, half_exp, power_of_two};
use thalweg_runtime::{lane::Mask, rarely};

/// (sinh r / r - 1) / r^2 as a polynomial in r^2, |r| <= log(2)/2; sinh within 2^-34.3.
const SINH: [f64; 3] = [0.16666667, 0.008333175, 0.00019974024];

/// (cosh r - 1 - r^2/2) / r^4 as a polynomial in r^2, |r| <= log(2)/2; cosh within 2^-33.2.
const COSH: [f64; 2] = [0.04166646, 0.0013935453];

/// cosh r - 1 and sinh r - r with |x| = k log 2 + r, and what multiplies them, as for f64.
struct Parts<L> {
    /// 2^k / 2.
    up: L,
    /// 2^-k / 2.
    down: L,
    /// `up` - `down`, rounded.
    difference: L,
    /// `up` + `down`, rounded.
    sum: L,
    /// r.
    r: L,
    /// cosh r - 1.
    cosh: L,
    /// sinh r - r, with what rounding took from r.
    sinh: L,
}

impl<L: Single> Parts<L> {
    /// For 0 <= x < 87.
    #[inline(always)]
    fn new(x: L) -> Self {
        let reduced = Reduced::new(x);
        let (k, r) = (reduced.k, reduced.r);
        let up = power_of_two(k.subtract(L::constant(1.0)));
        let down = power_of_two(L::constant(-1.0).subtract(k));
        let square = r.multiply(r);
        let power = square.multiply(square);
        let cosh = power.fma(polynomial(square, power, &COSH), square.multiply(L::constant(0.5)));
        let sinh = r.multiply(square).fma(polynomial(square, power, &SINH), reduced.low());
        Parts { up, down, difference: up.subtract(down), sum: up.add(down), r, cosh, sinh }
    }

    /// a cosh r + b sinh r; the leading a + b r is summed without error, and what `a` lacks added.
    #[inline(always)]
    fn mixed(&self, a: L, a_low: L, b: L) -> L {
        let high = b.fma(self.r, a);
        let lost = b.fma(self.r, a.subtract(high));
        high.add(b.fma(self.sinh, a.fma(self.cosh, lost.add(a_low))))
    }
}

/// The hyperbolic sine, by `Parts`.
#[inline(always)]
pub fn sinh<L: Single>(x: L) -> L {
    let size = x.absolute();
    let parts = Parts::new(size);
    let lost = parts.up.subtract(parts.difference).subtract(parts.down);
    let fast = parts.mixed(parts.difference, lost, parts.sum);
    rarely!(L, size.less(L::constant(NORMAL)).not(), fast, half_exp(size)).copy_sign(x)
}

/// The hyperbolic cosine, by `Parts`.
#[inline(always)]
pub fn cosh<L: Single>(x: L) -> L {
    let size = x.absolute();
    let parts = Parts::new(size);
    let lost = parts.down.subtract(parts.sum.subtract(parts.up));
    let fast = parts.mixed(parts.sum, lost, parts.difference);
    rarely!(L, size.less(L::constant(NORMAL)).not(), fast, half_exp(size))
}

/// The hyperbolic tangent: E / (E + 2) with E = e^(2x) - 1, both as pairs, with one division; beyond 10 it is 1.
#[inline(always)]
pub fn tanh<L: Single>(x: L) -> L {
    let size = x.absolute();
    let size = L::select(size.greater(L::constant(10.0)), L::constant(10.0), size);
    let numerator = Reduced::new(size.add(size)).expm1().normal();
    let sum = Pair::sum(numerator.high, L::constant(2.0));
    let divisor = Pair { high: sum.high, low: sum.low.add(numerator.low) };
    numerator.over(divisor).round().copy_sign(x)
}
