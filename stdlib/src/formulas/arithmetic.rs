//! Arithmetic, comparisons, bits and rounding: the formulas that are exact or a few operations long, by NumPy's rules.

use thalweg_runtime::kernel::{
    Complex, ComplexFormula, ComplexPart, ComplexTest, FloatFormula, FloatTest, IntegerFormula, LogicFormula,
    MixedTest, NumberFormula, NumberTest, WholeFormula,
};
use thalweg_runtime::lane::{Float, Integer, Lane, Mask, Number, Quotients, Whole};
use thalweg_runtime::rarely;

/// Formulas of one expression each: `Name { Trait<operands>(bound) -> result: |operands| expression; ... }`.
macro_rules! formulas {
    ($($(#[$doc:meta])* $formula:ident {
        $($kind:ident<$count:literal>($bound:ident) -> $result:ty: |$($operand:ident),*| $body:expr;)*
    })*) => { $(
        $(#[$doc])*
        pub struct $formula;
        $(
            impl $kind<$count> for $formula {
                #[inline(always)]
                fn apply<L: $bound>([$($operand),*]: [L; $count]) -> $result {
                    $body
                }
            }
        )*
    )* };
}

formulas! {
    /// The sum.
    Add {
        NumberFormula<2>(Number) -> L: |a, b| a.add(b);
    }
    /// The difference.
    Subtract {
        NumberFormula<2>(Number) -> L: |a, b| a.subtract(b);
    }
    /// The product.
    Multiply {
        NumberFormula<2>(Number) -> L: |a, b| a.multiply(b);
    }
    /// The quotient of floats.
    Divide {
        FloatFormula<2>(Float) -> L: |a, b| a.divide(b);
    }
    /// The number with the other sign; integers wrap.
    Negative {
        NumberFormula<1>(Number) -> L: |a| a.negate();
    }
    /// The number itself.
    Positive {
        NumberFormula<1>(Number) -> L: |a| a;
    }
    /// The product with itself.
    Square {
        NumberFormula<1>(Number) -> L: |a| a.multiply(a);
    }
    /// The magnitude; the smallest signed integer stays as it is.
    Absolute {
        IntegerFormula<1>(Integer) -> L: |a| L::select(a.less(zero(a)), a.negate(), a);
        FloatFormula<1>(Float) -> L: |a| a.absolute();
    }
    /// -1, 0 or 1; NaN for NaN.
    Sign {
        IntegerFormula<1>(Integer) -> L: |a| {
            let minus_one = zero(a).invert();
            let positive = L::select(a.equal(zero(a)), zero(a), minus_one.negate());
            L::select(a.less(zero(a)), minus_one, positive)
        };
        FloatFormula<1>(Float) -> L: |a| {
            let zero = L::constant(0.0);
            let rest = L::select(a.equal(zero), zero, a);
            let below = L::select(a.less(zero), L::constant(-1.0), rest);
            L::select(a.greater(zero), L::constant(1.0), below)
        };
    }
    /// The larger; NaN if either is.
    Maximum {
        NumberFormula<2>(Number) -> L: |a, b| L::select(a.greater(b).or(a.not_equal(a)), a, b);
        LogicFormula<2>(Mask) -> L: |a, b| a.or(b);
    }
    /// The smaller; NaN if either is.
    Minimum {
        NumberFormula<2>(Number) -> L: |a, b| L::select(a.less(b).or(a.not_equal(a)), a, b);
        LogicFormula<2>(Mask) -> L: |a, b| a.and(b);
    }
    /// The larger; the other if one is NaN.
    Fmax {
        NumberFormula<2>(Number) -> L: |a, b| L::select(a.greater(b).or(b.not_equal(b)), a, b);
    }
    /// The smaller; the other if one is NaN.
    Fmin {
        NumberFormula<2>(Number) -> L: |a, b| L::select(a.less(b).or(b.not_equal(b)), a, b);
    }
    /// Whether the first takes the place of the second as the smallest: it is less, or the first NaN.
    BeatsAsLeast {
        NumberTest<2>(Number) -> L::Mask: |a, b| b.less_equal(a).not().and(b.equal(b));
    }
    /// Whether the first takes the place of the second as the greatest: it is greater, or the first NaN.
    BeatsAsGreatest {
        NumberTest<2>(Number) -> L::Mask: |a, b| b.greater_equal(a).not().and(b.equal(b));
    }
    /// Whether they are equal.
    Equal {
        NumberTest<2>(Number) -> L::Mask: |a, b| a.equal(b);
        LogicFormula<2>(Mask) -> L: |a, b| a.xor(b).not();
    }
    /// Whether they differ.
    NotEqual {
        NumberTest<2>(Number) -> L::Mask: |a, b| a.not_equal(b);
        LogicFormula<2>(Mask) -> L: |a, b| a.xor(b);
    }
    /// Whether the first is less.
    Less {
        NumberTest<2>(Number) -> L::Mask: |a, b| a.less(b);
        LogicFormula<2>(Mask) -> L: |a, b| a.not().and(b);
    }
    /// Whether the first is less or equal.
    LessEqual {
        NumberTest<2>(Number) -> L::Mask: |a, b| a.less_equal(b);
        LogicFormula<2>(Mask) -> L: |a, b| a.not().or(b);
    }
    /// Whether the first is greater.
    Greater {
        NumberTest<2>(Number) -> L::Mask: |a, b| a.greater(b);
        LogicFormula<2>(Mask) -> L: |a, b| a.and(b.not());
    }
    /// Whether the first is greater or equal.
    GreaterEqual {
        NumberTest<2>(Number) -> L::Mask: |a, b| a.greater_equal(b);
        LogicFormula<2>(Mask) -> L: |a, b| a.or(b.not());
    }
    /// Both: truths, or bits of integers.
    And {
        LogicFormula<2>(Mask) -> L: |a, b| a.and(b);
        IntegerFormula<2>(Integer) -> L: |a, b| a.and(b);
    }
    /// Either: truths, or bits of integers.
    Or {
        LogicFormula<2>(Mask) -> L: |a, b| a.or(b);
        IntegerFormula<2>(Integer) -> L: |a, b| a.or(b);
    }
    /// Exactly one: truths, or bits of integers.
    Xor {
        LogicFormula<2>(Mask) -> L: |a, b| a.xor(b);
        IntegerFormula<2>(Integer) -> L: |a, b| a.xor(b);
    }
    /// Not: truths, or bits of integers.
    Not {
        LogicFormula<1>(Mask) -> L: |a| a.not();
        IntegerFormula<1>(Integer) -> L: |a| a.invert();
    }
    /// Shifts left; 0 for a count of the width or more, or below 0.
    LeftShift {
        IntegerFormula<2>(Integer) -> L: |a, b| a.shift_left_each(b);
    }
    /// Shifts right with the sign; only sign bits for a count of the width or more, or below 0.
    RightShift {
        IntegerFormula<2>(Integer) -> L: |a, b| {
            // A negative number's bits are inverted before and after, so that ones come in.
            let negative = a.less(zero(a));
            let shifted = L::select(negative, a.invert(), a).shift_right_logical_each(b);
            L::select(negative, shifted.invert(), shifted)
        };
    }
    /// The largest integer not above.
    Floor {
        FloatFormula<1>(Float) -> L: |a| a.floor();
    }
    /// The smallest integer not below.
    Ceil {
        FloatFormula<1>(Float) -> L: |a| a.ceil();
    }
    /// The integer part.
    Truncate {
        FloatFormula<1>(Float) -> L: |a| a.truncate();
    }
    /// The nearest integer, ties to even.
    Round {
        FloatFormula<1>(Float) -> L: |a| a.round();
    }
    /// The square root.
    SquareRoot {
        FloatFormula<1>(Float) -> L: |a| a.square_root();
    }
    /// One by the number.
    Reciprocal {
        FloatFormula<1>(Float) -> L: |a| L::constant(1.0).divide(a);
    }
    /// The first with the sign of the second.
    CopySign {
        FloatFormula<2>(Float) -> L: |a, b| a.copy_sign(b);
    }
    /// The product of the first two and the third added, rounded once.
    Fma {
        FloatFormula<3>(Float) -> L: |a, b, c| a.fma(b, c);
    }
    /// The next float in the direction of the second.
    NextAfter {
        FloatFormula<2>(Float) -> L: |a, b| {
            let zero = L::constant(0.0);
            // The bits of floats of one sign are ordered as they are.
            let away = a.less(b).xor(a.less(zero));
            let one = L::bits_constant(1);
            let bits = a.to_bits();
            let next = L::from_bits(L::Bits::select(away, bits.add(one), bits.subtract(one)));
            let least = L::from_bits(one).copy_sign(b);
            let moved = L::select(a.equal(zero), least, next);
            let moved = L::select(a.equal(b), b, moved);
            L::select(a.is_nan().or(b.is_nan()), a.add(b), moved)
        };
    }
    /// The real part of a real number.
    Real {
        NumberFormula<1>(Number) -> L: |a| a;
        LogicFormula<1>(Mask) -> L: |a| a;
    }
    /// The imaginary part of a real number.
    Imaginary {
        IntegerFormula<1>(Integer) -> L: |a| zero(a);
        FloatFormula<1>(Float) -> L: |_a| L::constant(0.0);
        LogicFormula<1>(Mask) -> L: |a| a.xor(a);
    }
    /// Whether it is not a number.
    IsNan {
        FloatTest<1>(Float) -> L::Mask: |a| a.is_nan();
    }
    /// Whether it is an infinity.
    IsInfinite {
        FloatTest<1>(Float) -> L::Mask: |a| a.absolute().equal(L::constant(f64::INFINITY));
    }
    /// Whether it is neither an infinity nor NaN.
    IsFinite {
        FloatTest<1>(Float) -> L::Mask: |a| a.absolute().less(L::constant(f64::INFINITY));
    }
    /// Whether the sign bit is set.
    SignBit {
        FloatTest<1>(Float) -> L::Mask: |a| a.to_bits().less(L::bits_constant(0));
    }
    /// What truncating division leaves, with the sign of the first (C's fmod).
    TruncatedRemainder {
        FloatFormula<2>(Float) -> L: |a, b| truncated_remainder(a, b);
    }
    /// What floor division leaves, with the sign of the second.
    Remainder {
        FloatFormula<2>(Float) -> L: |a, b| {
            let zero = L::constant(0.0);
            let rest = truncated_remainder(a, b);
            let moved = L::select(b.less(zero).xor(rest.less(zero)), rest.add(b), rest);
            L::select(rest.equal(zero), zero.copy_sign(b), moved)
        };
    }
    /// The largest integer not above the quotient.
    FloorDivide {
        FloatFormula<2>(Float) -> L: |a, b| {
            let (zero, one) = (L::constant(0.0), L::constant(1.0));
            let rest = truncated_remainder(a, b);
            let quotient = a.divide(b);
            let whole = a.subtract(rest).divide(b);
            let below = rest.not_equal(zero).and(b.less(zero).xor(rest.less(zero)));
            let whole = L::select(below, whole.subtract(one), whole);
            // `whole` is an integer but for rounding.
            let floor = whole.floor();
            let floor = L::select(whole.subtract(floor).greater(L::constant(0.5)), floor.add(one), floor);
            let result = L::select(whole.equal(zero), zero.copy_sign(quotient), floor);
            L::select(b.equal(zero), quotient, result)
        };
    }
}

/// 0 of a vector's type, which has no other constants.
#[inline(always)]
fn zero<L: Integer>(a: L) -> L {
    a.xor(a)
}

/// The exact remainder of truncating division, with the sign of `a`.
#[inline(always)]
fn truncated_remainder<L: Float>(a: L, b: L) -> L {
    // Up to this power of two an integer quotient is exact, and so is `rest - quotient * divisor`; more quotient bits than
    // that are taken off `bits` at a time, starting from the most there can be.
    let (bits, steps) = if size_of::<L::Element>() == 8 { (52, 41) } else { (23, 13) };
    let (rest, divisor) = (a.absolute(), b.absolute());
    let infinity = L::constant(f64::INFINITY);
    let long = rest.divide(divisor).greater_equal(L::constant((1u64 << bits) as f64)).and(rest.less(infinity));
    let result = rarely!(L, long.and(divisor.greater(L::constant(0.0))), reduce(rest, divisor), {
        let mut left = rest;
        for index in (0..steps).rev() {
            // The divisor times 2 to the power of bits * index, in three factors so that each is in range.
            let (power, third) = (bits * index, bits * index / 3);
            let scaled = divisor.multiply(power_of_two(third)).multiply(power_of_two(third));
            let scaled = scaled.multiply(power_of_two(power - 2 * third));
            left = L::select(scaled.less_equal(left), reduce(left, scaled), left);
        }
        left
    });
    L::select(rest.less(divisor), rest, result).copy_sign(a)
}

/// The remainder of magnitudes whose integer quotient is exact.
#[inline(always)]
fn reduce<L: Float>(rest: L, divisor: L) -> L {
    // The rounded quotient may be an integer just above the true one: then what is left is a divisor too low.
    let quotient = rest.divide(divisor).truncate();
    let left = quotient.negate().fma(divisor, rest);
    L::select(left.less(L::constant(0.0)), left.add(divisor), left)
}

/// A power of two as a constant; the exponent is one of a normal number.
#[inline(always)]
fn power_of_two<L: Float>(exponent: u64) -> L {
    L::constant(f64::from_bits((1023 + exponent) << 52))
}

/// Formulas that go element by element.
///
/// Floats give the same quotients. The quotient of integers that is none lies at least 1 / b from the next integer, and a / b is rounded
/// by a part of 2^-53 (2^-24 of f32) of a / b, which is less where a is below 2^52 (2^23): rounding does not reach that integer.
macro_rules! whole_formulas {
    ($($(#[$doc:meta])* $formula:ident, $fault:expr, |$a:ident, $b:ident| $body:expr $(, straight $straight:expr, of floats $of_floats:expr)?;)*) => { $(
        $(#[$doc])*
        impl WholeFormula<2> for $formula {
            const FAULT: Option<&'static str> = $fault;
            #[inline(always)]
            fn apply<T: Whole>([$a, $b]: [T; 2]) -> Option<T> {
                $body
            }
            $(
                #[inline(always)]
                fn straight<L: Quotients>([$a, $b]: [L; 2]) -> Option<L> {
                    L::refuse($b.equal(zero($b)));
                    Some($straight)
                }
                const HAS_FLOATS: bool = true;
                #[inline(always)]
                fn of_floats<L: Float>([$a, $b]: [L; 2]) -> L {
                    $of_floats
                }
            )?
        }
    )* };
}

/// The integer power.
pub struct Power;
/// The greatest common divisor.
pub struct Gcd;
/// The least common multiple.
pub struct Lcm;

const BY_ZERO: Option<&str> =
    Some("integer division by zero: keep zeros out, `maximum(y, 1)`, or divide as floats, `x / y`");

whole_formulas! {
    FloorDivide, BY_ZERO, |a, b| {
        if b == T::ZERO {
            return None;
        }
        let (quotient, rest) = (a.divide(b), a.remainder(b));
        let below = rest != T::ZERO && (rest < T::ZERO) != (b < T::ZERO);
        Some(if below { quotient.subtract(T::ONE) } else { quotient })
    }, straight a.floor_quotient(b), of floats a.divide(b).floor();
    Remainder, BY_ZERO, |a, b| {
        if b == T::ZERO {
            return None;
        }
        let rest = a.remainder(b);
        let below = rest != T::ZERO && (rest < T::ZERO) != (b < T::ZERO);
        Some(if below { rest.add(b) } else { rest })
    }, straight a.floor_remainder(b), of floats a.subtract(a.divide(b).floor().multiply(b));
    TruncatedRemainder, BY_ZERO, |a, b| {
        if b == T::ZERO { None } else { Some(a.remainder(b)) }
    }, straight a.remainder(b), of floats a.subtract(a.divide(b).truncate().multiply(b));
    Power, Some("an integer to a negative integer power: cast it first, `f64(x) ** y`"), |a, b| {
        if b < T::ZERO {
            return None;
        }
        let (mut base, mut exponent, mut power) = (a, b, T::ONE);
        while exponent != T::ZERO {
            if exponent.and(T::ONE) != T::ZERO {
                power = power.multiply(base);
            }
            base = base.multiply(base);
            exponent = exponent.shift_right_logical::<1>();
        }
        Some(power)
    };
    Gcd, None, |a, b| Some(greatest_common_divisor(a, b));
    Lcm, None, |a, b| {
        let divisor = greatest_common_divisor(a, b);
        if divisor == T::ZERO {
            return Some(T::ZERO);
        }
        Some(magnitude(a).divide(divisor).multiply(magnitude(b)))
    };
}

/// How many bits of the magnitude are set.
pub struct BitCount;
impl WholeFormula<1> for BitCount {
    const FAULT: Option<&'static str> = None;
    #[inline(always)]
    fn apply<T: Whole>([a]: [T; 1]) -> Option<T> {
        let (mut left, mut count) = (magnitude(a), T::ZERO);
        while left != T::ZERO {
            left = left.and(left.subtract(T::ONE));
            count = count.add(T::ONE);
        }
        Some(count)
    }
}

#[inline(always)]
fn greatest_common_divisor<T: Whole>(mut a: T, mut b: T) -> T {
    while b != T::ZERO {
        (a, b) = (b, a.remainder(b));
    }
    magnitude(a)
}

#[inline(always)]
fn magnitude<T: Whole>(a: T) -> T {
    if a < T::ZERO { a.negate() } else { a }
}

/// Complex numbers are ordered by their real parts, and by their imaginary parts where those are equal: whether the real part of
/// the first is less, and neither imaginary part is NaN.
#[inline(always)]
fn is_below<L: Float>(a: Complex<L>, b: Complex<L>) -> L::Mask {
    a.real.less(b.real).and(a.imaginary.is_nan().or(b.imaginary.is_nan()).not())
}

#[inline(always)]
fn is_undefined<L: Float>(a: Complex<L>) -> L::Mask {
    a.real.is_nan().or(a.imaginary.is_nan())
}

#[inline(always)]
fn choose<L: Float>(mask: L::Mask, then: Complex<L>, otherwise: Complex<L>) -> Complex<L> {
    Complex {
        real: L::select(mask, then.real, otherwise.real),
        imaginary: L::select(mask, then.imaginary, otherwise.imaginary),
    }
}

/// Formulas of complex numbers.
macro_rules! complex_formulas {
    ($($formula:ident: $kind:ident<$count:literal> -> $result:ty: |$($operand:ident),*| $body:expr;)*) => { $(
        impl $kind<$count> for $formula {
            #[inline(always)]
            fn apply<L: Float>([$($operand),*]: [Complex<L>; $count]) -> $result {
                $body
            }
        }
    )* };
}

/// The complex conjugate.
pub struct Conjugate;

complex_formulas! {
    Add: ComplexFormula<2> -> Complex<L>: |a, b| {
        Complex { real: a.real.add(b.real), imaginary: a.imaginary.add(b.imaginary) }
    };
    Subtract: ComplexFormula<2> -> Complex<L>: |a, b| {
        Complex { real: a.real.subtract(b.real), imaginary: a.imaginary.subtract(b.imaginary) }
    };
    Multiply: ComplexFormula<2> -> Complex<L>: |a, b| {
        Complex {
            real: a.real.multiply(b.real).subtract(a.imaginary.multiply(b.imaginary)),
            imaginary: a.real.multiply(b.imaginary).add(a.imaginary.multiply(b.real)),
        }
    };
    Square: ComplexFormula<1> -> Complex<L>: |a| <Multiply as ComplexFormula<2>>::apply([a, a]);
    Divide: ComplexFormula<2> -> Complex<L>: |a, b| {
        // Smith's way: everything is scaled by the divisor's larger part.
        let (real, imaginary) = (b.real.absolute(), b.imaginary.absolute());
        let mostly_real = real.greater_equal(imaginary);
        let large = L::select(mostly_real, b.real, b.imaginary);
        let small = L::select(mostly_real, b.imaginary, b.real);
        let ratio = small.divide(large);
        let scale = L::constant(1.0).divide(large.add(small.multiply(ratio)));
        let (scaled_real, scaled_imaginary) = (a.real.multiply(ratio), a.imaginary.multiply(ratio));
        let quotient = Complex {
            real: L::select(mostly_real, a.real.add(scaled_imaginary), scaled_real.add(a.imaginary)).multiply(scale),
            imaginary: L::select(mostly_real, a.imaginary.subtract(scaled_real), scaled_imaginary.subtract(a.real))
                .multiply(scale),
        };
        let zero = L::constant(0.0);
        let by_zero = real.equal(zero).and(imaginary.equal(zero));
        Complex {
            real: L::select(by_zero, a.real.divide(real), quotient.real),
            imaginary: L::select(by_zero, a.imaginary.divide(real), quotient.imaginary),
        }
    };
    Reciprocal: ComplexFormula<1> -> Complex<L>: |a| {
        let mostly_real = a.real.absolute().greater_equal(a.imaginary.absolute());
        let large = L::select(mostly_real, a.real, a.imaginary);
        let small = L::select(mostly_real, a.imaginary, a.real);
        let ratio = small.divide(large);
        let scale = large.add(small.multiply(ratio));
        let (one, minus_one) = (L::constant(1.0), L::constant(-1.0));
        Complex {
            real: L::select(mostly_real, one, ratio).divide(scale),
            imaginary: L::select(mostly_real, ratio.negate(), minus_one).divide(scale),
        }
    };
    Negative: ComplexFormula<1> -> Complex<L>: |a| Complex { real: a.real.negate(), imaginary: a.imaginary.negate() };
    Positive: ComplexFormula<1> -> Complex<L>: |a| a;
    Conjugate: ComplexFormula<1> -> Complex<L>: |a| Complex { real: a.real, imaginary: a.imaginary.negate() };
    Real: ComplexPart<1> -> L: |a| a.real;
    Imaginary: ComplexPart<1> -> L: |a| a.imaginary;
    Equal: ComplexTest<2> -> L::Mask: |a, b| a.real.equal(b.real).and(a.imaginary.equal(b.imaginary));
    NotEqual: ComplexTest<2> -> L::Mask: |a, b| a.real.not_equal(b.real).or(a.imaginary.not_equal(b.imaginary));
    Less: ComplexTest<2> -> L::Mask: |a, b| is_below(a, b).or(a.real.equal(b.real).and(a.imaginary.less(b.imaginary)));
    LessEqual: ComplexTest<2> -> L::Mask: |a, b| {
        is_below(a, b).or(a.real.equal(b.real).and(a.imaginary.less_equal(b.imaginary)))
    };
    Greater: ComplexTest<2> -> L::Mask: |a, b| <Less as ComplexTest<2>>::apply([b, a]);
    GreaterEqual: ComplexTest<2> -> L::Mask: |a, b| <LessEqual as ComplexTest<2>>::apply([b, a]);
    Maximum: ComplexFormula<2> -> Complex<L>: |a, b| {
        choose(<GreaterEqual as ComplexTest<2>>::apply([a, b]).or(is_undefined(a)), a, b)
    };
    Minimum: ComplexFormula<2> -> Complex<L>: |a, b| {
        choose(<LessEqual as ComplexTest<2>>::apply([a, b]).or(is_undefined(a)), a, b)
    };
    Fmax: ComplexFormula<2> -> Complex<L>: |a, b| {
        choose(<GreaterEqual as ComplexTest<2>>::apply([a, b]).or(is_undefined(b)), a, b)
    };
    Fmin: ComplexFormula<2> -> Complex<L>: |a, b| {
        choose(<LessEqual as ComplexTest<2>>::apply([a, b]).or(is_undefined(b)), a, b)
    };
    Round: ComplexFormula<1> -> Complex<L>: |a| Complex { real: a.real.round(), imaginary: a.imaginary.round() };
    IsNan: ComplexTest<1> -> L::Mask: |a| a.real.is_nan().or(a.imaginary.is_nan());
    IsInfinite: ComplexTest<1> -> L::Mask: |a| {
        <IsInfinite as FloatTest<1>>::apply([a.real]).or(<IsInfinite as FloatTest<1>>::apply([a.imaginary]))
    };
    IsFinite: ComplexTest<1> -> L::Mask: |a| {
        <IsFinite as FloatTest<1>>::apply([a.real]).and(<IsFinite as FloatTest<1>>::apply([a.imaginary]))
    };
}

/// Comparisons of integers that no one dtype holds.
macro_rules! mixed_tests {
    ($($formula:ident $operator:tt),*) => { $(
        impl MixedTest for $formula {
            #[inline(always)]
            fn apply(left: i128, right: i128) -> bool {
                left $operator right
            }
        }
    )* };
}
mixed_tests!(Equal ==, NotEqual !=, Less <, LessEqual <=, Greater >, GreaterEqual >=);
