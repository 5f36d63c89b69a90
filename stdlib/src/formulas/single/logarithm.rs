//! Logarithms: log, log2, log10, log1p.

use super::super::{Single, pair::Pair, polynomial::polynomial};
use super::exponential::{LN_2, LN_2_LOW};
use thalweg_runtime::{
    lane::{Integer, Mask, Number},
    rarely,
};

/// log2 e, rounded to f32.
const LOG2_E: f64 = 1.4426950216293335;
/// What it lacks.
const LOG2_E_LOW: f64 = 1.925963033500011e-08;
/// log10 e, rounded to f32.
const LOG10_E: f64 = 0.4342944920063019;
/// What it lacks.
const LOG10_E_LOW: f64 = -1.0103049952192578e-08;
/// log10 2, rounded to f32.
const LOG10_2: f64 = 0.3010300099849701;
/// What it lacks.
const LOG10_2_LOW: f64 = -1.432098883924482e-08;

/// (log(1 + f) - f + f^2/2) / f^3 for sqrt(1/2) <= 1 + f <= sqrt(2); log(1 + f) within 2^-30.2 of itself.
const LOGARITHM: [f64; 9] =
    [0.33333313, -0.25000012, 0.20002069, -0.16667874, 0.14220369, -0.1240776, 0.1188463, -0.1166316, 0.06739951];

/// The bits of sqrt(1/2), the least mantissa.
const LEAST_MANTISSA: i64 = 0x3f35_04f3;
/// The bits of 1.
const ONE: i64 = 0x3f80_0000;
/// The bits of 2^23: or-ed with a small integer they are 2^23 plus that integer.
const TWO_TO_23: i64 = 0x4b00_0000;
/// 2^25, which makes every subnormal number normal.
const TWO_TO_25: f64 = 33554432.0;

/// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for positive normal x.
struct Split<L: Single> {
    /// k + 127.
    biased: L::Bits,
    /// k.
    k: L,
    /// m - 1.
    f: L,
}

impl<L: Single> Split<L> {
    /// Integer operations on the bits: what is added carries into the exponent exactly where the mantissa reaches sqrt(2).
    #[inline(always)]
    fn new(x: L) -> Self {
        let moved = x.to_bits().add(L::bits_constant(ONE - LEAST_MANTISSA));
        let biased = moved.shift_right_logical::<23>();
        let k = L::from_bits(biased.or(L::bits_constant(TWO_TO_23))).subtract(L::constant(8388608.0 + 127.0));
        let mantissa = L::from_bits(moved.and(L::bits_constant((1 << 23) - 1)).add(L::bits_constant(LEAST_MANTISSA)));
        Split { biased, k, f: mantissa.subtract(L::constant(1.0)) }
    }

    /// The same, with something added to k.
    #[inline(always)]
    fn with(x: L, more: Option<L>) -> Self {
        let split = Split::new(x);
        match more {
            Some(more) => Split { k: split.k.add(more), ..split },
            None => split,
        }
    }
}

/// Where x is not a positive normal number: one wrapping addition sends those bits below zero, and only those.
#[inline(always)]
fn not_positive_normal<L: Single>(x: L) -> L::Mask {
    const LEAST_NORMAL: i32 = 0x0080_0000;
    const INFINITY: i32 = 0x7f80_0000;
    let moved = x.to_bits().add(L::bits_constant(i32::MIN.wrapping_sub(LEAST_NORMAL) as i64));
    moved.greater_equal(L::bits_constant(i32::MIN.wrapping_add(INFINITY - LEAST_NORMAL) as i64))
}

/// log(1 + f) - f.
#[inline(always)]
fn curve<L: Single>(f: L) -> L {
    let square = f.multiply(f);
    square.fma(L::constant(-0.5), square.multiply(f).multiply(polynomial(f, square, &LOGARITHM)))
}

/// k times a constant in two parts, plus `high` + `low`, the leading sum without error.
#[inline(always)]
fn combine<L: Single>(k: L, constant: f64, constant_low: f64, high: L, low: L) -> L {
    let sum = k.fma(L::constant(constant), high);
    // sum - k constant, exact: both are multiples of 2^-25 and nearly cancel.
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

/// x, times 2^25 where it is subnormal, and what that adds to k.
#[inline(always)]
fn normalised<L: Single>(x: L) -> (L, L) {
    let small = x.less(L::constant(f32::MIN_POSITIVE as f64));
    let scaled = L::select(small, x.multiply(L::constant(TWO_TO_25)), x);
    (scaled, L::select(small, L::constant(-25.0), L::constant(0.0)))
}

/// `value`, or a logarithm of zero, of a negative number, of infinity and of NaN.
#[inline(always)]
fn unusual<L: Single>(x: L, value: L) -> L {
    let zero = L::constant(0.0);
    let value = L::select(x.less(L::constant(f64::INFINITY)), value, x);
    let value = L::select(x.less(zero), L::constant(f64::NAN), value);
    L::select(x.equal(zero), L::constant(f64::NEG_INFINITY), value)
}

/// The natural logarithm: as for f64, with a polynomial of degree 11. 27 operations and a test.
#[inline(always)]
pub fn log<L: Single>(x: L) -> L {
    extended!(L, x, log_of_normal)
}

/// `log` of positive normal x.
#[inline(always)]
fn log_of_normal<L: Single>(x: L, more: Option<L>) -> L {
    let Split { k, f, .. } = Split::with(x, more);
    combine(k, LN_2, LN_2_LOW, f, curve(f))
}

/// The base-2 logarithm: `log`'s reduction; f log2(e) as a pair, k added exactly. Exact for powers of two.
#[inline(always)]
pub fn log2<L: Single>(x: L) -> L {
    extended!(L, x, log2_of_normal)
}

/// `log2` of positive normal x.
#[inline(always)]
fn log2_of_normal<L: Single>(x: L, more: Option<L>) -> L {
    let Split { k, f, .. } = Split::with(x, more);
    let Pair { high, low } = scaled_by(f, curve(f), LOG2_E, LOG2_E_LOW);
    let sum = Pair::ordered_sum(k, high);
    sum.high.add(sum.low.add(low))
}

/// The base-10 logarithm: as `log2`, with k log10(2) in two parts. Exact for powers of ten.
#[inline(always)]
pub fn log10<L: Single>(x: L) -> L {
    extended!(L, x, log10_of_normal)
}

/// `log10` of positive normal x.
#[inline(always)]
fn log10_of_normal<L: Single>(x: L, more: Option<L>) -> L {
    let Split { k, f, .. } = Split::with(x, more);
    let Pair { high, low } = scaled_by(f, curve(f), LOG10_E, LOG10_E_LOW);
    combine(k, LOG10_2, LOG10_2_LOW, high, low)
}

/// (f + tail) times a constant in two parts.
#[inline(always)]
fn scaled_by<L: Single>(f: L, tail: L, constant: f64, constant_low: f64) -> Pair<L> {
    let high = f.multiply(L::constant(constant));
    let lost = f.fma(L::constant(constant), high.negate());
    Pair { high, low: tail.fma(L::constant(constant), f.fma(L::constant(constant_low), lost)) }
}

/// log(1 + x): 1 + x as an exact pair, whose low part joins f once the leading 1 is subtracted.
#[inline(always)]
pub fn log1p<L: Single>(x: L) -> L {
    let one = L::constant(1.0);
    let Pair { high, low } = Pair::sum(one, x);
    let split = Split::new(high);
    // 2^-k, for k at most 126.
    let inverse_scale = L::from_bits(L::bits_constant(254).subtract(split.biased).shift_left::<23>());
    let sum = Pair::ordered_sum(split.f, low.multiply(inverse_scale));
    let fast = combine(split.k, LN_2, LN_2_LOW, sum.high, curve(sum.high).add(sum.low)).copy_sign(x);
    // Above 2^100 the scale of the low part may not be a number, and the 1 has long been lost.
    let far = x.greater(L::constant(-1.0)).and(x.less(L::constant(1.2676506002282294e30))).not();
    rarely!(L, far, fast, log(x.add(one)))
}
