//! Logarithms: log, log2, log10, log1p, and the logarithm of an unevaluated sum, which the inverse hyperbolics share.

use super::{
    Double,
    exponential::{LN_2_LOW, exp, exp2},
    pair::Pair,
    polynomial::polynomial,
};
use std::f64::consts::{LN_2, LOG2_E, LOG10_2, LOG10_E};
use thalweg_runtime::{
    lane::{Integer, Mask, Number},
    rarely,
};

/// What `LOG2_E` lacks.
const LOG2_E_LOW: f64 = 2.0355273740931033e-17;
/// What `LOG10_E` lacks.
const LOG10_E_LOW: f64 = 1.098319650216765e-17;
/// What `LOG10_2` lacks.
const LOG10_2_LOW: f64 = -2.8037281277851704e-18;

/// (log(1 + f) - f + f^2/2) / f^3 for sqrt(1/2) <= 1 + f <= sqrt(2); log(1 + f) within 2^-59.1 of itself.
const LOGARITHM: [f64; 20] = [
    0.33333333333333454,
    -0.24999999999998926,
    0.19999999999945645,
    -0.1666666666691222,
    0.14285714293902574,
    -0.12499999982308528,
    0.11111110512479275,
    -0.10000000364494238,
    0.09090933613111365,
    -0.08333346431965402,
    0.07691712877394755,
    -0.07141986219785998,
    0.06675154471579281,
    -0.0626996281512085,
    0.058179107847808255,
    -0.05325827088015597,
    0.05414227024786983,
    -0.06276701006229367,
    0.05703268347267191,
    -0.0243200361966076,
];

/// The bits of sqrt(1/2), the least mantissa.
const LEAST_MANTISSA: i64 = 0x3fe6_a09e_667f_3bcd;
/// The bits of 1.
const ONE: i64 = 0x3ff0_0000_0000_0000;
/// The bits of 2^52: or-ed with a small integer they are 2^52 plus that integer.
const TWO_TO_52: i64 = 0x4330_0000_0000_0000;
/// 2^54, which makes every subnormal number normal.
const TWO_TO_54: f64 = 18014398509481984.0;

/// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for positive normal x.
pub(super) struct Split<L: Double> {
    /// k + 1023.
    biased: L::Bits,
    /// k.
    pub(super) k: L,
    /// m.
    pub(super) mantissa: L,
}

impl<L: Double> Split<L> {
    /// Integer operations on the bits: what is added carries into the exponent exactly where the mantissa reaches sqrt(2).
    #[inline(always)]
    pub(super) fn new(x: L) -> Self {
        let moved = x.to_bits().add(L::bits_constant(ONE - LEAST_MANTISSA));
        let biased = moved.shift_right_logical::<52>();
        let k = L::from_bits(biased.or(L::bits_constant(TWO_TO_52))).subtract(L::constant(4503599627370496.0 + 1023.0));
        let mantissa = L::from_bits(moved.and(L::bits_constant((1 << 52) - 1)).add(L::bits_constant(LEAST_MANTISSA)));
        Split { biased, k, mantissa }
    }

    /// 2^-k, for k at most 1022.
    #[inline(always)]
    fn inverse_scale(&self) -> L {
        L::from_bits(L::bits_constant(2046).subtract(self.biased).shift_left::<52>())
    }
}

/// Where x is not a positive normal number: one wrapping addition sends those bits below zero, and only those.
#[inline(always)]
pub(super) fn not_positive_normal<L: Double>(x: L) -> L::Mask {
    const LEAST_NORMAL: i64 = 0x0010_0000_0000_0000;
    const INFINITY: i64 = 0x7ff0_0000_0000_0000;
    // From LEAST_NORMAL.. to INFINITY as unsigned numbers becomes from i64::MIN.. up to a limit as signed ones.
    let moved = x.to_bits().add(L::bits_constant(i64::MIN.wrapping_sub(LEAST_NORMAL)));
    moved.greater_equal(L::bits_constant(i64::MIN.wrapping_add(INFINITY - LEAST_NORMAL)))
}

/// log(1 + f) - f.
#[inline(always)]
fn curve<L: Double>(f: L) -> L {
    let square = f.multiply(f);
    square.fma(L::constant(-0.5), square.multiply(f).multiply(polynomial(f, square, &LOGARITHM)))
}

/// k times a constant in two parts, plus `high` + `low`, the leading sum without error.
#[inline(always)]
fn combine<L: Double>(k: L, constant: f64, constant_low: f64, high: L, low: L) -> L {
    let sum = k.fma(L::constant(constant), high);
    // sum - k constant, exact: both are multiples of 2^-54 and nearly cancel.
    let lost = high.subtract(k.fma(L::constant(-constant), sum));
    sum.add(lost.add(k.fma(L::constant(constant_low), low)))
}

/// A logarithm of every x from one of positive normal x, which adds its second operand to k.
macro_rules! extended {
    ($lane:ty, $x:expr, $of:ident) => {{
        let x = $x;
        let fast = $of(x, None);
        rarely!($lane, not_positive_normal(x), fast, {
            let (scaled, more) = normalised(x);
            unusual(x, $of(scaled, Some(more)))
        })
    }};
}

/// x, times 2^54 where it is subnormal, and what that adds to k.
#[inline(always)]
fn normalised<L: Double>(x: L) -> (L, L) {
    let small = x.less(L::constant(f64::MIN_POSITIVE));
    let scaled = L::select(small, x.multiply(L::constant(TWO_TO_54)), x);
    (scaled, L::select(small, L::constant(-54.0), L::constant(0.0)))
}

/// `value`, or a logarithm of zero, of a negative number, of infinity and of NaN.
#[inline(always)]
fn unusual<L: Double>(x: L, value: L) -> L {
    let zero = L::constant(0.0);
    let value = L::select(x.less(L::constant(f64::INFINITY)), value, x);
    let value = L::select(x.less(zero), L::constant(f64::NAN), value);
    L::select(x.equal(zero), L::constant(f64::NEG_INFINITY), value)
}

/// k, with what is to be added to it, and f: x = 2^k (1 + f).
#[inline(always)]
fn reduced<L: Double>(x: L, more: Option<L>) -> (L, L) {
    let split = Split::new(x);
    let k = match more {
        Some(more) => split.k.add(more),
        None => split.k,
    };
    (k, split.mantissa.subtract(L::constant(1.0)))
}

/// The natural logarithm: x = 2^k (1 + f) by the bits, log(1 + f) = f - f^2/2 + f^3 polynomial (no division: on vectors one
/// costs as much as the whole polynomial), and k log 2 + f summed without error. 38 operations and a test.
///
/// The error is the last rounding and what is rounded in the tail, below a quarter of the result.
#[inline(always)]
pub fn log<L: Double>(x: L) -> L {
    extended!(L, x, log_of_normal)
}

/// `log` of positive normal x.
#[inline(always)]
fn log_of_normal<L: Double>(x: L, more: Option<L>) -> L {
    let (k, f) = reduced(x, more);
    combine(k, LN_2, LN_2_LOW, f, curve(f))
}

/// The base-2 logarithm: `log`'s reduction; f log2(e) as a pair, k added exactly. Exact for powers of two.
#[inline(always)]
pub fn log2<L: Double>(x: L) -> L {
    extended!(L, x, log2_of_normal)
}

/// `log2` of positive normal x.
#[inline(always)]
fn log2_of_normal<L: Double>(x: L, more: Option<L>) -> L {
    let (k, f) = reduced(x, more);
    let Pair { high, low } = scaled_by(f, curve(f), LOG2_E, LOG2_E_LOW);
    let sum = Pair::ordered_sum(k, high);
    sum.high.add(sum.low.add(low))
}

/// The base-10 logarithm: as `log2`, with k log10(2) in two parts. Exact for powers of ten.
#[inline(always)]
pub fn log10<L: Double>(x: L) -> L {
    extended!(L, x, log10_of_normal)
}

/// `log10` of positive normal x.
#[inline(always)]
fn log10_of_normal<L: Double>(x: L, more: Option<L>) -> L {
    let (k, f) = reduced(x, more);
    let Pair { high, low } = scaled_by(f, curve(f), LOG10_E, LOG10_E_LOW);
    combine(k, LOG10_2, LOG10_2_LOW, high, low)
}

/// (f + tail) times a constant in two parts.
#[inline(always)]
fn scaled_by<L: Double>(f: L, tail: L, constant: f64, constant_low: f64) -> Pair<L> {
    let high = f.multiply(L::constant(constant));
    let lost = f.fma(L::constant(constant), high.negate());
    Pair { high, low: tail.fma(L::constant(constant), f.fma(L::constant(constant_low), lost)) }
}

/// log(e^x + e^y): the larger one and what the other adds to it, so that nothing overflows.
#[inline(always)]
pub fn log_of_sum_of_exponentials<L: Double>(x: L, y: L) -> L {
    let larger = L::select(x.greater(y), x, y);
    let added = log1p(exp(x.subtract(y).absolute().negate()));
    L::select(x.equal(y), x.add(L::constant(LN_2)), larger.add(added))
}

/// log2(2^x + 2^y), likewise.
#[inline(always)]
pub fn log2_of_sum_of_powers<L: Double>(x: L, y: L) -> L {
    let larger = L::select(x.greater(y), x, y);
    let added = log1p(exp2(x.subtract(y).absolute().negate())).multiply(L::constant(LOG2_E));
    L::select(x.equal(y), x.add(L::constant(1.0)), larger.add(added))
}

/// log(high + low), `high` positive and normal, below 2^1022, `low` at most an ULP of it. The low part joins f once the
/// leading 1 is subtracted, so near 1 the result keeps the relative precision of the pair.
#[inline(always)]
pub(super) fn log_of_pair<L: Double>(Pair { high, low }: Pair<L>, more: f64) -> L {
    let split = Split::new(high);
    let sum = Pair::ordered_sum(split.mantissa.subtract(L::constant(1.0)), low.multiply(split.inverse_scale()));
    let k = if more == 0.0 { split.k } else { split.k.add(L::constant(more)) };
    combine(k, LN_2, LN_2_LOW, sum.high, curve(sum.high).add(sum.low))
}

/// log(1 + x): 1 + x as an exact pair, then as `log`.
#[inline(always)]
pub fn log1p<L: Double>(x: L) -> L {
    let one = L::constant(1.0);
    let fast = log_of_pair(Pair::sum(one, x), 0.0).copy_sign(x);
    // Above 2^1000 the scale of the low part is not a number, and the 1 has long been lost.
    let far = x.greater(L::constant(-1.0)).and(x.less(L::constant(1.0715086071862673e301))).not();
    rarely!(L, far, fast, log(x.add(one)))
}
