//! Hyperbolic functions and their inverses.

use super::{
    Double,
    exponential::{Reduced, clamp, exp_of_pair, power_of_two, scale_in_two_steps},
    logarithm::log_of_pair,
    pair::Pair,
    polynomial::polynomial,
};
use thalweg_runtime::{lane::Mask, rarely};

/// (sinh r / r - 1) / r^2 as a polynomial in r^2, |r| <= log(2)/2; sinh within 2^-61.6.
const SINH: [f64; 5] =
    [0.16666666666666677, 0.008333333333321386, 0.0001984126988681811, 2.75572434486621e-06, 2.510932243592317e-08];

/// (cosh r - 1 - r^2/2) / r^4 as a polynomial in r^2, |r| <= log(2)/2; cosh within 2^-69.9.
const COSH: [f64; 5] =
    [0.041666666666666685, 0.0013888888888873283, 2.480158734919958e-05, 2.755725182263596e-07, 2.0921768809996456e-09];

/// cosh r - 1 and sinh r - r with |x| = k log 2 + r, and what multiplies them: with e^r = cosh r + sinh r and
/// e^-r = cosh r - sinh r, sinh x = (2^k - 2^-k)/2 cosh r + (2^k + 2^-k)/2 sinh r, and cosh x likewise, crosswise. Nothing cancels.
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

impl<L: Double> Parts<L> {
    /// For 0 <= x < 709.
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

    /// a cosh r + b sinh r; the leading a + b r is summed without error, and what `a` lacks (which matters near k = 27 only) added.
    #[inline(always)]
    fn mixed(&self, a: L, a_low: L, b: L) -> L {
        let high = b.fma(self.r, a);
        let lost = b.fma(self.r, a.subtract(high));
        high.add(b.fma(self.sinh, a.fma(self.cosh, lost.add(a_low))))
    }
}

/// e^x / 2 for x >= 700, up to infinity.
#[inline(always)]
fn half_exp<L: Double>(x: L) -> L {
    let zero = L::constant(0.0);
    let (reduced, Pair { high, low }) = exp_of_pair(Pair { high: clamp(x, 0.0, 720.0), low: zero });
    scale_in_two_steps(reduced.k.subtract(L::constant(1.0)), high.add(low))
}

/// The hyperbolic sine, by `Parts`.
#[inline(always)]
pub fn sinh<L: Double>(x: L) -> L {
    let size = x.absolute();
    let parts = Parts::new(size);
    let lost = parts.up.subtract(parts.difference).subtract(parts.down);
    let fast = parts.mixed(parts.difference, lost, parts.sum);
    rarely!(L, size.less(L::constant(708.0)).not(), fast, half_exp(size)).copy_sign(x)
}

/// The hyperbolic cosine, by `Parts`.
#[inline(always)]
pub fn cosh<L: Double>(x: L) -> L {
    let size = x.absolute();
    let parts = Parts::new(size);
    let lost = parts.down.subtract(parts.sum.subtract(parts.up));
    let fast = parts.mixed(parts.sum, lost, parts.difference);
    rarely!(L, size.less(L::constant(708.0)).not(), fast, half_exp(size))
}

/// The hyperbolic tangent: E / (E + 2) with E = e^(2x) - 1, both as pairs, with one division; beyond 20 it is 1.
#[inline(always)]
pub fn tanh<L: Double>(x: L) -> L {
    let size = x.absolute();
    let size = L::select(size.greater(L::constant(20.0)), L::constant(20.0), size);
    let numerator = Reduced::new(size.add(size)).expm1().normal();
    let sum = Pair::sum(numerator.high, L::constant(2.0));
    let divisor = Pair { high: sum.high, low: sum.low.add(numerator.low) };
    numerator.over(divisor).round().copy_sign(x)
}

/// Beyond this, the 1 in x^2 + 1 is far below rounding.
const FAR: f64 = 1.0e150;

/// sqrt(square) of a pair, as a pair; 0 at 0.
#[inline(always)]
fn root_of_pair<L: Double>(square: Pair<L>) -> Pair<L> {
    let high = square.high.square_root();
    let residual = high.negate().fma(high, square.high).add(square.low);
    let low = residual.divide(high.add(high));
    Pair { high, low: L::select(high.equal(L::constant(0.0)), high, low) }
}

/// log(2 x) for large x.
#[inline(always)]
fn log_of_twice<L: Double>(x: L) -> L {
    // Halving keeps the exponent within what the logarithm of a pair takes.
    let half = Pair { high: x.multiply(L::constant(0.5)), low: L::constant(0.0) };
    L::select(x.less(L::constant(f64::INFINITY)), log_of_pair(half, 2.0), x)
}

/// The inverse hyperbolic sine: log(|x| + sqrt(x^2 + 1)), all of it in pairs until the logarithm.
#[inline(always)]
pub fn asinh<L: Double>(x: L) -> L {
    let size = x.absolute();
    let square = Pair::product(size, size);
    let sum = Pair::sum(L::constant(1.0), square.high);
    let root = root_of_pair(Pair { high: sum.high, low: sum.low.add(square.low) });
    let sum = Pair::sum(root.high, size);
    let value = log_of_pair(Pair { high: sum.high, low: sum.low.add(root.low) }, 0.0);
    // Below 2^-28 the cubic term is below a quarter of a unit.
    let value = L::select(size.less(L::constant(3.725290298461914e-9)), size, value);
    rarely!(L, size.less(L::constant(FAR)).not(), value, log_of_twice(size)).copy_sign(x)
}

/// The inverse hyperbolic cosine: log(x + sqrt(x^2 - 1)), all of it in pairs until the logarithm; NaN below 1.
#[inline(always)]
pub fn acosh<L: Double>(x: L) -> L {
    let square = Pair::product(x, x);
    let difference = Pair::sum(square.high, L::constant(-1.0));
    let root = root_of_pair(Pair { high: difference.high, low: difference.low.add(square.low) }.normal());
    let sum = Pair::ordered_sum(x, root.high);
    let value = log_of_pair(Pair { high: sum.high, low: sum.low.add(root.low) }, 0.0);
    let far = x.less(L::constant(FAR)).and(x.greater_equal(L::constant(1.0))).not();
    rarely!(L, far, value, L::select(x.less(L::constant(1.0)), L::constant(f64::NAN), log_of_twice(x)))
}

/// The inverse hyperbolic tangent: log(1 + 2 |x| / (1 - |x|)) / 2, the quotient as a pair.
#[inline(always)]
pub fn atanh<L: Double>(x: L) -> L {
    let size = x.absolute();
    let one = L::constant(1.0);
    let zero = L::constant(0.0);
    let divisor = Pair::ordered_sum(one, size.negate());
    let quotient = Pair { high: size.add(size), low: zero }.over(divisor);
    let sum = Pair::sum(one, quotient.high);
    let value = log_of_pair(Pair { high: sum.high, low: sum.low.add(quotient.low) }, 0.0).multiply(L::constant(0.5));
    rarely!(L, size.less(one).not(), value, {
        let value = L::select(size.equal(one), L::constant(f64::INFINITY), L::constant(f64::NAN));
        L::select(size.is_nan(), size, value)
    })
    .copy_sign(x)
}
