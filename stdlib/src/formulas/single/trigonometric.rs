//! Circular functions of every argument: sin, cos, tan.

use super::super::{Single, pair::Pair, polynomial::polynomial};
use std::f64::consts::FRAC_2_PI;
use thalweg_runtime::{
    lane::{Integer, Lane, Mask, Number},
    rarely,
};

/// pi/2, rounded down to f32, so that what it lacks is positive and a zero angle keeps its sign.
const FRAC_PI_2: f64 = 1.570796251296997;
/// What it lacks of pi/2.
const FRAC_PI_2_LOW: f64 = 7.549790126404332e-08;
/// What both lack.
const FRAC_PI_2_LOWEST: f64 = -1.7151245100058819e-15;

/// 1.5 * 2^23: a small number added to it is rounded to an integer, which the low bits of the sum then hold.
const SHIFTER: f64 = 12582912.0;

/// Minus (sin r / r - 1) / r^2 as a polynomial in r^2, |r| <= 0.788; sin within 2^-27.8.
const SINE: [f64; 3] = [0.16666654, -0.008332106, 0.00019507883];

/// (cos r - 1 + r^2/2) / r^4 as a polynomial in r^2, |r| <= 0.788; cos within 2^-32.9.
const COSINE: [f64; 3] = [0.041666646, -0.0013887306, 2.443165e-05];

/// An angle as a quadrant and what is left, |high| <= 0.788.
#[derive(Clone, Copy)]
struct Angle<L: Single> {
    /// What is left, rounded.
    high: L,
    /// Minus what rounding took. Minus, so that every sum below keeps the sign of a zero angle.
    minus_low: L,
    /// The quadrant in the two lowest bits.
    quadrant: L::Bits,
}

impl<L: Single> Angle<L> {
    /// Reduction for |x| <= 2^16, as for f64: the third part of pi/2 leaves 2^-77 q, against at least 2^-32 for the angle.
    #[inline(always)]
    fn near(x: L) -> Self {
        let shifted = x.fma(L::constant(FRAC_2_PI), L::constant(SHIFTER));
        let q = shifted.subtract(L::constant(SHIFTER));
        let first = q.fma(L::constant(-FRAC_PI_2), x);
        let high = first.subtract(q.multiply(L::constant(FRAC_PI_2_LOW)));
        let lost = q.fma(L::constant(FRAC_PI_2_LOW), high.subtract(first));
        Angle { high, minus_low: q.fma(L::constant(FRAC_PI_2_LOWEST), lost), quadrant: shifted.to_bits() }
    }

    /// Reduction for |x| >= 1, whatever its size: Payne and Hanek's, as for f64. Of the bits of 2/pi 96 matter; 70 bits of fraction
    /// remain right, of which about 30 may be zeros.
    #[inline(always)]
    fn far(x: L) -> Self {
        let bits = x.absolute().to_bits();
        let exponent = bits.shift_right_logical::<23>().subtract(L::bits_constant(127));
        let mantissa = bits.and(L::bits_constant((1 << 23) - 1)).or(L::bits_constant(1 << 23));

        // The window starts at bit `exponent` of the constant: its first bit then weighs 2 in units of pi/2 after the product.
        let mut words = [L::bits_constant(0); 7];
        for (word, &bits) in words.iter_mut().zip(&TWO_OVER_PI) {
            *word = L::bits_constant(bits as i64);
        }
        let words: [L::Bits; 5] = drop_words::<L, 7, 5, 2>(words, exponent, 64);
        let words: [L::Bits; 4] = drop_words::<L, 5, 4, 1>(words, exponent, 32);
        let left = exponent.and(L::bits_constant(31));
        let right = L::bits_constant(32).subtract(left);
        let mut window = [L::bits_constant(0); 3];
        for index in 0..3 {
            window[index] = words[index].shift_left_each(left).or(words[index + 1].shift_right_logical_each(right));
        }

        // mantissa * window modulo 2^96, without its lowest 32 bits.
        let low = mantissa.multiply(window[1]);
        let carried = multiply_high::<L>(mantissa, window[2]);
        let low_sum = low.add(carried);
        // The carry out of an unsigned sum, from the top bits.
        let carry = low.and(carried).or(low.or(carried).and(low_sum.invert())).shift_right_logical::<31>();
        let high = mantissa.multiply(window[0]).add(multiply_high::<L>(mantissa, window[1])).add(carry);

        // The nearest quadrant, and the signed fraction in units of 2^-30 and 2^-62 quadrants.
        let quadrant = high.add(L::bits_constant(1 << 29)).shift_right_logical::<30>();
        let high = high.subtract(quadrant.shift_left::<30>());
        let mask = L::bits_constant(0xffff);
        const TWO_TO_MINUS_14: f64 = 1.0 / (1u64 << 14) as f64;
        const TWO_TO_MINUS_30: f64 = 1.0 / (1u64 << 30) as f64;
        const TWO_TO_MINUS_46: f64 = 1.0 / (1u64 << 46) as f64;
        const TWO_TO_MINUS_62: f64 = 1.0 / (1u64 << 62) as f64;
        let first = Pair::ordered_sum(
            piece::<L>(high.shift_right::<16>(), TWO_TO_MINUS_14),
            piece::<L>(high.and(mask), TWO_TO_MINUS_30),
        );
        let second = Pair::sum(first.high, piece::<L>(low_sum.shift_right_logical::<16>(), TWO_TO_MINUS_46));
        let rest = first.low.add(second.low).add(piece::<L>(low_sum.and(mask), TWO_TO_MINUS_62));
        let fraction = Pair::ordered_sum(second.high, rest);

        let half_pi = Pair { high: L::constant(FRAC_PI_2), low: L::constant(FRAC_PI_2_LOW) };
        let angle = fraction.times(half_pi).normal();
        let negative = x.less(L::constant(0.0));
        Angle {
            high: L::select(negative, angle.high.negate(), angle.high),
            minus_low: L::select(negative, angle.low, angle.low.negate()),
            quadrant: L::Bits::select(negative, quadrant.negate(), quadrant),
        }
    }

    /// The sine of what is left, as two terms to be subtracted.
    #[inline(always)]
    fn sine(self, square: L) -> (L, L) {
        let factor = polynomial(square, square.multiply(square), &SINE);
        (self.high, self.high.multiply(square).fma(factor, self.minus_low))
    }

    /// The cosine of what is left, as two terms to be added: 1 - r^2/2 rounded, and what that lost plus the rest.
    #[inline(always)]
    fn cosine(self, square: L) -> (L, L) {
        let power = square.multiply(square);
        let one = L::constant(1.0);
        let half = self.high.multiply(L::constant(-0.5));
        let leading = half.fma(self.high, one);
        let lost = half.fma(self.high, one.subtract(leading));
        let lost = self.high.fma(self.minus_low, lost);
        (leading, power.fma(polynomial(square, power, &COSINE), lost))
    }

    /// The sine of the whole angle, a quarter turn more for each of `turn`.
    #[inline(always)]
    fn sine_after(self, turn: i64) -> L {
        let square = self.high.multiply(self.high);
        let (sine, minus) = self.sine(square);
        let (cosine, plus) = self.cosine(square);
        let quadrant = if turn == 0 { self.quadrant } else { self.quadrant.add(L::bits_constant(turn)) };
        let value = L::select(odd::<L>(quadrant), cosine.add(plus), sine.subtract(minus));
        let sign = quadrant.and(L::bits_constant(2)).shift_left::<30>();
        L::from_bits(value.to_bits().xor(sign))
    }

    /// The tangent: the quotient of sine and cosine as pairs, turned over and negated in odd quadrants.
    #[inline(always)]
    fn tangent(self) -> L {
        let square = self.high.multiply(self.high);
        let (sine, minus) = self.sine(square);
        let (cosine, plus) = self.cosine(square);
        let sine_high = sine.subtract(minus);
        let sine_low = sine.subtract(sine_high).subtract(minus);
        let cosine = Pair::ordered_sum(cosine, plus);
        let turned = odd::<L>(self.quadrant);
        let numerator = L::select(turned, cosine.high, sine_high);
        let numerator_low = L::select(turned, cosine.low, sine_low);
        let divisor = L::select(turned, sine_high, cosine.high);
        let divisor_low = L::select(turned, sine_low, cosine.low);
        let inverse = L::constant(1.0).divide(divisor);
        let quotient = numerator.multiply(inverse);
        let excess = quotient.fma(divisor, numerator.negate()).subtract(numerator_low);
        let excess = quotient.fma(divisor_low, excess);
        let value = excess.negate().fma(inverse, quotient);
        L::from_bits(value.to_bits().xor(self.quadrant.shift_left::<31>()))
    }
}

/// A few bits as a number, times a weight.
#[inline(always)]
fn piece<L: Single>(bits: L::Bits, weight: f64) -> L {
    L::from_integer(bits).multiply(L::constant(weight))
}

/// Where a quadrant is odd.
#[inline(always)]
fn odd<L: Single>(quadrant: L::Bits) -> L::Mask {
    quadrant.and(L::bits_constant(1)).equal(L::bits_constant(1))
}

/// The bits of 2/pi after 25 zeros, so that an f32 with exponent n needs those from the nth.
const TWO_OVER_PI: [u32; 7] =
    [0x0000_0051, 0x7cc1_b727, 0x220a_94fe, 0x13ab_e8fa, 0x9a6e_e06d, 0xb14a_cc9e, 0x21c8_20ff];

/// One stage of the barrel shifter: without the first `BY` words where `exponent` has the bit `bit`.
#[inline(always)]
fn drop_words<L: Single, const FROM: usize, const TO: usize, const BY: usize>(
    words: [L::Bits; FROM],
    exponent: L::Bits,
    bit: i64,
) -> [L::Bits; TO] {
    let drop = exponent.and(L::bits_constant(bit)).not_equal(L::bits_constant(0));
    let mut left = [words[0]; TO];
    for index in 0..TO {
        left[index] = L::Bits::select(drop, words[index + BY], words[index]);
    }
    left
}

/// The upper 32 bits of the 64-bit product of unsigned words, from four products of halves.
#[inline(always)]
fn multiply_high<L: Single>(a: L::Bits, b: L::Bits) -> L::Bits {
    let mask = L::bits_constant(0xffff);
    let (a_high, b_high) = (a.shift_right_logical::<16>(), b.shift_right_logical::<16>());
    let (a_low, b_low) = (a.and(mask), b.and(mask));
    let lowest = a_low.multiply(b_low).shift_right_logical::<16>();
    let first = a_high.multiply(b_low).add(lowest);
    let second = a_low.multiply(b_high).add(first.and(mask));
    let carried = first.shift_right_logical::<16>().add(second.shift_right_logical::<16>());
    a_high.multiply(b_high).add(carried)
}

/// A method of the angle x, by whichever reduction x needs; NaN for infinities.
macro_rules! of_angle {
    ($lane:ty, $x:expr, $method:ident($($argument:expr)?)) => {{
        const FAR: f64 = 65536.0;
        let x = $x;
        let size = x.absolute();
        let fast = Angle::near(x).$method($($argument)?);
        rarely!($lane, size.less(<$lane>::constant(FAR)).not(), fast, {
            let finite = size.less(<$lane>::constant(f64::INFINITY));
            // An infinity minus itself, or a NaN.
            <$lane>::select(finite, Angle::far(x).$method($($argument)?), x.subtract(x))
        })
    }};
}

/// The sine: as for f64, with polynomials of degree 7 and 8. 33 operations and a test.
#[inline(always)]
pub fn sin<L: Single>(x: L) -> L {
    of_angle!(L, x, sine_after(0))
}

/// The cosine: the sine a quarter turn later.
#[inline(always)]
pub fn cos<L: Single>(x: L) -> L {
    of_angle!(L, x, sine_after(1))
}

/// The tangent: sine over cosine, both as pairs, with one division.
#[inline(always)]
pub fn tan<L: Single>(x: L) -> L {
    of_angle!(L, x, tangent())
}
