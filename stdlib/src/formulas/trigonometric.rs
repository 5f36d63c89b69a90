//! Circular functions of every argument: sin, cos, tan.

use super::{Double, pair::Pair, polynomial::polynomial};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};
use thalweg_runtime::{
    lane::{Integer, Lane, Mask, Number},
    rarely,
};

/// What `FRAC_PI_2` lacks of pi/2.
pub(super) const FRAC_PI_2_LOW: f64 = 6.123233995736766e-17;
/// What both lack.
const FRAC_PI_2_LOWEST: f64 = -1.4973849048591698e-33;

/// 1.5 * 2^52: a small number added to it is rounded to an integer, which the low bits of the sum then hold.
const SHIFTER: f64 = 6755399441055744.0;

/// Minus (sin r / r - 1) / r^2 as a polynomial in r^2, |r| <= pi/4; sin within 2^-58.
const SINE: [f64; 6] = [
    0.16666666666666632,
    -0.00833333333332249,
    0.00019841269829857762,
    -2.7557313706980735e-06,
    2.505076023621146e-08,
    -1.5896908792197372e-10,
];

/// (cos r - 1 + r^2/2) / r^4 as a polynomial in r^2, |r| <= pi/4; cos within 2^-63.9.
const COSINE: [f64; 6] = [
    0.0416666666666666,
    -0.0013888888888874474,
    2.4801587289670903e-05,
    -2.755731440080347e-07,
    2.0875729246118006e-09,
    -1.1359932257841569e-11,
];

/// An angle as a quadrant and what is left, |high| <= pi/4 (1 + tiny).
#[derive(Clone, Copy)]
pub(super) struct Angle<L: Double> {
    /// What is left, rounded.
    pub(super) high: L,
    /// Minus what rounding took. Minus, so that every sum below keeps the sign of a zero angle.
    pub(super) minus_low: L,
    /// The quadrant in the two lowest bits.
    pub(super) quadrant: L::Bits,
}

impl<L: Double> Angle<L> {
    /// Reduction for |x| <= 2^30: Cody and Waite's, with a three-part pi/2 and fused operations. 8 operations.
    ///
    /// x - q high is exact (a multiple of 2^-53 below 1). The product with the second part is subtracted rounded, and the
    /// exact product again from the difference, so that `minus_low` is right even where the first two parts cancel; the
    /// third part leaves 2^-161 q, against at least 2^-62 for the angle.
    #[inline(always)]
    pub(super) fn near(x: L) -> Self {
        let shifted = x.fma(L::constant(FRAC_2_PI), L::constant(SHIFTER));
        let q = shifted.subtract(L::constant(SHIFTER));
        let first = q.fma(L::constant(-FRAC_PI_2), x);
        let high = first.subtract(q.multiply(L::constant(FRAC_PI_2_LOW)));
        let lost = q.fma(L::constant(FRAC_PI_2_LOW), high.subtract(first));
        Angle { high, minus_low: q.fma(L::constant(FRAC_PI_2_LOWEST), lost), quadrant: shifted.to_bits() }
    }

    /// Reduction for |x| >= 1, whatever its size: Payne and Hanek's. With x = M 2^e only 192 of the bits of 2/pi matter:
    /// those before give whole turns, those after too little. They are cut out of the constant by a barrel shifter of
    /// selects (no table look-up), multiplied by the 53 bits of M modulo 2^192, and the top two bits are the quadrant.
    /// 126 bits of fraction remain, of which at most 62 are zeros, since no double is nearer to a multiple of pi/2.
    #[inline(always)]
    fn far(x: L) -> Self {
        let bits = x.absolute().to_bits();
        let exponent = bits.shift_right_logical::<52>().subtract(L::bits_constant(1023));
        let mantissa = bits.and(L::bits_constant((1 << 52) - 1)).or(L::bits_constant(1 << 52));

        // The window starts at bit `exponent` of the constant: its first bit then weighs 2 in units of pi/2 after the product.
        let mut words = [L::bits_constant(0); 19];
        for (word, &bits) in words.iter_mut().zip(&TWO_OVER_PI) {
            *word = L::bits_constant(bits as i64);
        }
        let words: [L::Bits; 11] = drop_words::<L, 19, 11, 8>(words, exponent, 512);
        let words: [L::Bits; 7] = drop_words::<L, 11, 7, 4>(words, exponent, 256);
        let words: [L::Bits; 5] = drop_words::<L, 7, 5, 2>(words, exponent, 128);
        let words: [L::Bits; 4] = drop_words::<L, 5, 4, 1>(words, exponent, 64);
        let left = exponent.and(L::bits_constant(63));
        let right = L::bits_constant(64).subtract(left);
        let mut window = [L::bits_constant(0); 3];
        for index in 0..3 {
            window[index] = words[index].shift_left_each(left).or(words[index + 1].shift_right_logical_each(right));
        }

        // mantissa * window modulo 2^192, without its lowest 64 bits.
        let low = mantissa.multiply(window[1]);
        let carried = multiply_high::<L>(mantissa, window[2]);
        let low_sum = low.add(carried);
        // The carry out of an unsigned sum, from the top bits.
        let carry = low.and(carried).or(low.or(carried).and(low_sum.invert())).shift_right_logical::<63>();
        let high = mantissa.multiply(window[0]).add(multiply_high::<L>(mantissa, window[1])).add(carry);

        // The nearest quadrant, and the signed fraction in units of 2^-62 and 2^-126 quadrants.
        let quadrant = high.add(L::bits_constant(1 << 61)).shift_right_logical::<62>();
        let high = high.subtract(quadrant.shift_left::<62>());
        let mask = L::bits_constant(0xffff_ffff);
        const TWO_TO_MINUS_30: f64 = 1.0 / (1u64 << 30) as f64;
        const TWO_TO_MINUS_32: f64 = 1.0 / (1u64 << 32) as f64;
        const TWO_TO_MINUS_62: f64 = TWO_TO_MINUS_30 * TWO_TO_MINUS_32;
        const TWO_TO_MINUS_94: f64 = TWO_TO_MINUS_62 * TWO_TO_MINUS_32;
        const TWO_TO_MINUS_126: f64 = TWO_TO_MINUS_94 * TWO_TO_MINUS_32;
        let first = Pair::ordered_sum(
            piece::<L>(high.shift_right::<32>(), TWO_TO_MINUS_30),
            piece::<L>(high.and(mask), TWO_TO_MINUS_62),
        );
        let second = Pair::sum(first.high, piece::<L>(low_sum.shift_right_logical::<32>(), TWO_TO_MINUS_94));
        let rest = first.low.add(second.low).add(piece::<L>(low_sum.and(mask), TWO_TO_MINUS_126));
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

    /// The sine of what is left, as two terms to be subtracted: r - (r^3 (1/6 - ...) - low).
    #[inline(always)]
    fn sine(self, square: L) -> (L, L) {
        let power = square.multiply(square);
        let factor = polynomial(square, power, &SINE);
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
    pub(super) fn sine_after(self, turn: i64) -> L {
        let square = self.high.multiply(self.high);
        let (sine, minus) = self.sine(square);
        let (cosine, plus) = self.cosine(square);
        let quadrant = if turn == 0 { self.quadrant } else { self.quadrant.add(L::bits_constant(turn)) };
        let value = L::select(odd::<L>(quadrant), cosine.add(plus), sine.subtract(minus));
        let sign = quadrant.and(L::bits_constant(2)).shift_left::<62>();
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
        L::from_bits(value.to_bits().xor(self.quadrant.shift_left::<63>()))
    }
}

/// A few bits as a number, times a weight.
#[inline(always)]
fn piece<L: Double>(bits: L::Bits, weight: f64) -> L {
    L::from_integer(bits).multiply(L::constant(weight))
}

/// Where a quadrant is odd.
#[inline(always)]
fn odd<L: Double>(quadrant: L::Bits) -> L::Mask {
    quadrant.and(L::bits_constant(1)).equal(L::bits_constant(1))
}

/// The bits of 2/pi after 54 zeros, so that a double with exponent n needs those from the nth.
const TWO_OVER_PI: [u64; 19] = [
    0x0000_0000_0000_028b,
    0xe60d_b939_1054_a7f0,
    0x9d5f_47d4_d377_036d,
    0x8a56_64f1_0e41_07f9,
    0x458e_af7a_ef15_86dc,
    0x91b8_e909_374b_8019,
    0x24bb_a827_4648_73f8,
    0x77ac_72c4_a69c_fba2,
    0x08d7_d4ba_ed12_13a6,
    0x71c0_9ad1_7df9_04e6,
    0x4758_e60d_4ce7_d272,
    0x117e_2ef7_e4a0_ec7f,
    0xe25f_ff78_1660_3fbc,
    0xbc46_2d68_29b4_7db4,
    0xd9fb_3c9f_2c26_dd3d,
    0x18fd_9a79_7fa8_b5d4,
    0x9eeb_1faf_97c5_ecf4,
    0x1ce7_de29_4a4b_a9af,
    0xed7e_c47e_3574_2158,
];

/// One stage of the barrel shifter: without the first `BY` words where `exponent` has the bit `bit`.
#[inline(always)]
fn drop_words<L: Double, const FROM: usize, const TO: usize, const BY: usize>(
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

/// The upper 64 bits of the 128-bit product of unsigned words, from four products of halves.
#[inline(always)]
fn multiply_high<L: Double>(a: L::Bits, b: L::Bits) -> L::Bits {
    let (a_high, b_high) = (a.shift_right_logical::<32>(), b.shift_right_logical::<32>());
    let lowest = a.multiply_lower_halves(b).shift_right_logical::<32>();
    let first = a_high.multiply_lower_halves(b).add(lowest);
    let second = a.multiply_lower_halves(b_high).add(first.and(L::bits_constant(0xffff_ffff)));
    let carried = first.shift_right_logical::<32>().add(second.shift_right_logical::<32>());
    a_high.multiply_lower_halves(b_high).add(carried)
}

/// A method of the angle x, by whichever reduction x needs; NaN for infinities.
macro_rules! of_angle {
    ($lane:ty, $x:expr, $method:ident($($argument:expr)?)) => {{
        const FAR: f64 = (1u64 << 30) as f64;
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

/// The sine: reduced to a quadrant and |r| <= pi/4 as a pair, a polynomial of degree 13 for the sine and 14 for the cosine,
/// one of them selected and its sign set by its bits. 39 operations and a test.
///
/// r + r^3 p: the last rounding, that of the second term (below 1/8 of the first), and what the low part of r lacks of
/// its factor cos r: 0.86 ULP measured.
#[inline(always)]
pub fn sin<L: Double>(x: L) -> L {
    of_angle!(L, x, sine_after(0))
}

/// The cosine: the sine a quarter turn later. 40 operations and a test.
#[inline(always)]
pub fn cos<L: Double>(x: L) -> L {
    of_angle!(L, x, sine_after(1))
}

/// The tangent: sine over cosine, both as pairs, with one division. 1.01 ULP measured.
#[inline(always)]
pub fn tan<L: Double>(x: L) -> L {
    of_angle!(L, x, tangent())
}

/// The cosine (`quarter` false) or the sine (true) of 2 pi `turns`, 0 <= turns < 1.
#[inline(always)]
pub(super) fn cosine_or_sine_of_turns<L: Double>(turns: L, quarter: L::Mask) -> L {
    // turns * 4 = q + rest, exactly.
    let quarters = turns.multiply(L::constant(4.0));
    let shifted = quarters.add(L::constant(SHIFTER));
    let rest = quarters.subtract(shifted.subtract(L::constant(SHIFTER)));
    let angle = Pair::product(rest, L::constant(FRAC_PI_2));
    let low = rest.fma(L::constant(FRAC_PI_2_LOW), angle.low);
    let one = L::bits_constant(1);
    let turn = L::Bits::select(quarter, L::bits_constant(0), one);
    Angle { high: angle.high, minus_low: low.negate(), quadrant: shifted.to_bits().add(turn) }.sine_after(0)
}
