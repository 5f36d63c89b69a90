//! Powers with a real exponent.

use super::{
    Double,
    exponential::{LN_2_LOW, exp_of_pair, scale_in_two_steps},
    logarithm::{Split, not_positive_normal},
    pair::Pair,
    polynomial::polynomial,
};
use std::f64::consts::LN_2;
use thalweg_runtime::{lane::Mask, rarely};

/// (atanh s / s - 1 - s^2/3) / s^4 as a polynomial in s^2, |s| <= 3 - sqrt(8); atanh within 2^-73.4.
const AREA_TANGENT: [f64; 9] = [
    0.2,
    0.14285714285713444,
    0.11111111111358407,
    0.09090909052975808,
    0.07692311096851562,
    0.06666479678890808,
    0.058886443946706245,
    0.05139265225924053,
    0.06016260454957249,
];

/// What the double 1/3 lacks.
const THIRD_LOW: f64 = 1.850371707708594e-17;

/// log(x) for positive normal x, plus `more` log 2, to about 2^-66 of itself: log(m) = 2 atanh(s), s = (m - 1)/(m + 1), with
/// the first two terms of the series in pairs.
#[inline(always)]
fn log_as_pair<L: Double>(x: L, more: Option<L>) -> Pair<L> {
    let split = Split::new(x);
    let k = match more {
        Some(more) => split.k.add(more),
        None => split.k,
    };
    let one = L::constant(1.0);
    let zero = L::constant(0.0);
    let numerator = Pair { high: split.mantissa.subtract(one), low: zero };
    // m + 1 may need 54 bits.
    let sum = split.mantissa.add(one);
    let divisor = Pair { high: sum, low: split.mantissa.subtract(sum.subtract(one)) };
    let s = numerator.over(divisor);
    let square = s.times(s);
    let power = square.high.multiply(square.high);
    let tail = square.high.multiply(polynomial(square.high, power, &AREA_TANGENT));
    let series = Pair::ordered_sum(L::constant(1.0 / 3.0), tail);
    let series = Pair { high: series.high, low: series.low.add(L::constant(THIRD_LOW)) };
    let cubic = s.times(square.times(series));
    let sum = Pair::ordered_sum(s.high, cubic.high);
    let rest = sum.low.add(cubic.low.add(s.low));
    let two = L::constant(2.0);
    let whole = Pair::product(k, L::constant(LN_2));
    let whole_low = k.fma(L::constant(LN_2_LOW), whole.low);
    let total = Pair::ordered_sum(whole.high, sum.high.multiply(two));
    Pair { high: total.high, low: total.low.add(rest.fma(two, whole_low)) }.normal()
}

/// y log, as a pair.
#[inline(always)]
fn exponent<L: Double>(y: L, log: Pair<L>) -> Pair<L> {
    let high = y.multiply(log.high);
    Pair { high, low: y.fma(log.low, y.fma(log.high, high.negate())) }
}

/// x to the power y: e^(y log x) with the logarithm to 66 bits, the product as a pair, and `exp`'s polynomial with the low
/// part put back. 0.53 ULP measured for normal results; overflow and subnormal results in two steps.
///
/// Special cases are C's: x^0 = 1 and 1^y = 1 even for NaN, a negative base has a power only for integers, and a zero
/// or infinite base keeps its sign for odd ones.
#[inline(always)]
pub fn power<L: Double>(x: L, y: L) -> L {
    let product = exponent(y, log_as_pair(x, None));
    let (reduced, value) = exp_of_pair(product);
    let fast = value.round().multiply(reduced.scale());
    let ordinary = product.high.absolute().less(L::constant(700.0));
    rarely!(L, not_positive_normal(x).or(ordinary.not()), fast, power_far(x, y))
}

/// Any power.
#[inline(always)]
fn power_far<L: Double>(x: L, y: L) -> L {
    let zero = L::constant(0.0);
    let one = L::constant(1.0);
    let infinite = L::constant(f64::INFINITY);
    let size = x.absolute();
    let small = size.less(L::constant(f64::MIN_POSITIVE));
    let scaled = L::select(small, size.multiply(L::constant(18014398509481984.0)), size);
    let log = log_as_pair(scaled, Some(L::select(small, L::constant(-54.0), zero)));
    let Pair { high, low } = exponent(y, log);
    const LIMIT: f64 = 800.0;
    let limit = L::constant(LIMIT);
    let within = high.absolute().less(limit);
    let high = L::select(within, high, L::select(high.less(zero), limit.negate(), limit));
    let (reduced, value) = exp_of_pair(Pair { high, low: L::select(within, low, zero) });
    let value = scale_in_two_steps(reduced.k, value.round());

    // Where the exact magnitude is 0 or infinite.
    let extreme = size.equal(zero).or(size.equal(infinite)).or(y.absolute().equal(infinite));
    let grows = size.greater(one).xor(y.less(zero));
    let value = L::select(extreme, L::select(grows, infinite, zero), value);
    let value = L::select(y.absolute().equal(infinite).and(size.equal(one)), one, value);

    let half = y.multiply(L::constant(0.5));
    let integer = y.truncate().equal(y);
    let odd = integer.and(half.truncate().not_equal(half));
    let undefined = x.less(zero).and(integer.not()).and(size.less(infinite));
    let value = L::select(undefined, L::constant(f64::NAN), value);
    let value = L::select(odd, value.copy_sign(x), value);
    let value = L::select(x.is_nan().or(y.is_nan()), x.add(y), value);
    L::select(y.equal(zero).or(x.equal(one)), one, value)
}
