//! Arithmetic formulas: the four rules, division with a floor, extremes, shifts, divisors.

use thalweg_runtime::kernel::{FloatFormula, IntegerFormula, LogicFormula, NumberFormula, WholeFormula};
use thalweg_runtime::lane::{Float, Integer, Mask, Number, Whole};

/// Declares zero-sized formulas of one kind.
macro_rules! formulas {
    ($($(#[$doc:meta])* $name:ident: $kind:ident<$count:literal>, $lane:ident, [$($x:ident),+] => $body:expr;)*) => { $(
        $(#[$doc])*
        pub struct $name;
        impl $kind<$count> for $name {
            #[inline(always)]
            fn apply<L: $lane>([$($x),+]: [L; $count]) -> L {
                $body
            }
        }
    )* };
}

formulas! {
    /// x + y.
    Add: NumberFormula<2>, Number, [x, y] => x.add(y);
    /// x - y.
    Subtract: NumberFormula<2>, Number, [x, y] => x.subtract(y);
    /// x y.
    Multiply: NumberFormula<2>, Number, [x, y] => x.multiply(y);
    /// -x; unsigned numbers wrap.
    Negative: NumberFormula<1>, Number, [x] => x.negate();
    /// x.
    Positive: NumberFormula<1>, Number, [x] => x;
    /// The magnitude of integers; the smallest signed one wraps to itself.
    NumberAbsolute: NumberFormula<1>, Number, [x] => L::select(x.less(x.subtract(x)), x.negate(), x);
    /// The magnitude of floats: the sign bit cleared.
    FloatAbsolute: FloatFormula<1>, Float, [x] => x.absolute();
    /// x / y.
    Divide: FloatFormula<2>, Float, [x, y] => x.divide(y);
    /// The quotient rounded down.
    FloatFloorDivide: FloatFormula<2>, Float, [x, y] => floor_divide(x, y);
    /// What floor division leaves, with the sign of the divisor.
    FloatRemainder: FloatFormula<2>, Float, [x, y] => remainder(x, y);
    /// The lesser of two integers.
    NumberMinimum: NumberFormula<2>, Number, [x, y] => L::select(x.less(y), x, y);
    /// The greater of two integers.
    NumberMaximum: NumberFormula<2>, Number, [x, y] => L::select(y.less(x), x, y);
    /// The lesser of two floats; NaN if either is.
    FloatMinimum: FloatFormula<2>, Float, [x, y] => L::select(x.less(y).or(x.is_nan()), x, y);
    /// The greater of two floats; NaN if either is.
    FloatMaximum: FloatFormula<2>, Float, [x, y] => L::select(y.less(x).or(x.is_nan()), x, y);
    /// The lesser of two floats; NaN only if both are.
    FloatLesser: FloatFormula<2>, Float, [x, y] => L::select(x.less_equal(y).or(y.is_nan()), x, y);
    /// The greater of two floats; NaN only if both are.
    FloatGreater: FloatFormula<2>, Float, [x, y] => L::select(y.less_equal(x).or(y.is_nan()), x, y);
    /// -1, 0 or 1; NaN stays.
    FloatSign: FloatFormula<1>, Float, [x] => {
        let zero = L::constant(0.0);
        let sign = L::select(x.less(zero), L::constant(-1.0), L::select(zero.less(x), L::constant(1.0), zero));
        L::select(x.is_nan(), x, sign)
    };
    /// Bitwise and.
    BitAnd: IntegerFormula<2>, Integer, [x, y] => x.and(y);
    /// Bitwise or.
    BitOr: IntegerFormula<2>, Integer, [x, y] => x.or(y);
    /// Bitwise exclusive or.
    BitXor: IntegerFormula<2>, Integer, [x, y] => x.xor(y);
    /// Bitwise not.
    Invert: IntegerFormula<1>, Integer, [x] => x.invert();
    /// Left shift; a count of the width or more, or below 0, gives 0.
    ShiftLeft: IntegerFormula<2>, Integer, [x, count] => x.shift_left_each(count);
    /// Right shift that keeps the sign; a count of the width or more, or below 0, leaves only the sign.
    ShiftRight: IntegerFormula<2>, Integer, [x, count] => {
        let kept = x.invert().shift_right_logical_each(count).invert();
        L::select(x.less(x.subtract(x)), kept, x.shift_right_logical_each(count))
    };
}

/// Both.
pub struct And;
impl LogicFormula<2> for And {
    #[inline(always)]
    fn apply<M: Mask>([x, y]: [M; 2]) -> M {
        x.and(y)
    }
}

/// Either.
pub struct Or;
impl LogicFormula<2> for Or {
    #[inline(always)]
    fn apply<M: Mask>([x, y]: [M; 2]) -> M {
        x.or(y)
    }
}

/// C's fmod: x minus the whole multiple of y nearest to it on the side of 0. Exact.
#[inline(always)]
fn truncated_remainder<L: Float>(x: L, y: L) -> L {
    let quotient = x.divide(y);
    let whole = quotient.truncate();
    // x - whole y is exact for whole quotients that the mantissa holds; a quotient that was rounded up to the next whole
    // number leaves a remainder of the wrong sign, one divisor short.
    let left = whole.negate().fma(y, x);
    let step = y.absolute().copy_sign(x);
    let zero = L::constant(0.0);
    let is_short = L::select(x.less(zero), left.negate(), left).less(zero);
    let left = L::select(is_short, left.add(step), left).absolute().copy_sign(x);
    let infinity = L::constant(f64::INFINITY);
    let is_easy = quotient.absolute().less(L::constant(4_194_304.0)).and(y.absolute().less(infinity));
    L::rarely(is_easy.not(), left, || long_remainder(x, y))
}

/// The same for any operands: the divisor times falling powers of 2^22 is taken away, so each step's quotient is exact.
#[inline(always)]
fn long_remainder<L: Float>(x: L, y: L) -> L {
    L::truncated_remainder_each(x, y)
}

/// Python's `%` on floats, as NumPy computes it.
#[inline(always)]
fn remainder<L: Float>(x: L, y: L) -> L {
    let left = truncated_remainder(x, y);
    let zero = L::constant(0.0);
    let differs = left.less(zero).xor(y.less(zero));
    let shifted = L::select(differs, left.add(y), left);
    L::select(left.equal(zero), zero.copy_sign(y), shifted)
}

/// Python's `//` on floats, as NumPy computes it.
#[inline(always)]
fn floor_divide<L: Float>(x: L, y: L) -> L {
    let left = truncated_remainder(x, y);
    let (zero, one) = (L::constant(0.0), L::constant(1.0));
    let quotient = x.subtract(left).divide(y);
    let differs = left.less(zero).xor(y.less(zero)).and(left.not_equal(zero));
    let quotient = L::select(differs, quotient.subtract(one), quotient);
    let floor = quotient.floor();
    let nearest = L::select(L::constant(0.5).less(quotient.subtract(floor)), floor.add(one), floor);
    let plain = x.divide(y);
    let signed = L::select(quotient.equal(zero), zero.copy_sign(plain), nearest);
    L::select(y.equal(zero), plain, signed)
}

/// Declares formulas of whole numbers, which may fail.
macro_rules! whole {
    ($($(#[$doc:meta])* $name:ident<$count:literal> fails $fault:expr, [$($x:ident),+] => $body:expr;)*) => { $(
        $(#[$doc])*
        pub struct $name;
        impl WholeFormula<$count> for $name {
            const FAULT: Option<&'static str> = $fault;
            #[inline(always)]
            fn apply<T: Whole>([$($x),+]: [T; $count]) -> Option<T> {
                $body
            }
        }
    )* };
}

whole! {
    /// The quotient rounded down; the smallest number by -1 wraps.
    WholeFloorDivide<2> fails Some("integer division by zero"), [x, y] => {
        if y == T::ZERO {
            return None;
        }
        let (quotient, left) = (x.divide(y), x.remainder(y));
        let is_short = left != T::ZERO && (left < T::ZERO) != (y < T::ZERO);
        Some(if is_short { quotient.subtract(T::ONE) } else { quotient })
    };
    /// What floor division leaves, with the sign of the divisor.
    WholeRemainder<2> fails Some("integer remainder by zero"), [x, y] => {
        if y == T::ZERO {
            return None;
        }
        let left = x.remainder(y);
        Some(if left != T::ZERO && (left < T::ZERO) != (y < T::ZERO) { left.add(y) } else { left })
    };
    /// x to the power of y by squaring, wrapping.
    WholePower<2> fails Some("an integer to a negative power"), [x, y] => {
        if y < T::ZERO {
            return None;
        }
        let (mut base, mut exponent, mut power) = (x, y, T::ONE);
        while exponent != T::ZERO {
            if exponent.and(T::ONE) != T::ZERO {
                power = power.multiply(base);
            }
            base = base.multiply(base);
            exponent = exponent.shift_right_logical::<1>();
        }
        Some(power)
    };
    /// -1, 0 or 1.
    WholeSign<1> fails None, [x] => {
        Some(if x < T::ZERO { T::ZERO.subtract(T::ONE) } else if x > T::ZERO { T::ONE } else { T::ZERO })
    };
    /// The greatest common divisor, by Euclid's algorithm.
    GreatestCommonDivisor<2> fails None, [x, y] => Some(divisor(x, y));
    /// The least common multiple.
    LeastCommonMultiple<2> fails None, [x, y] => {
        let shared = divisor(x, y);
        Some(if shared == T::ZERO { T::ZERO } else { magnitude(x.divide(shared).multiply(y)) })
    };
}

#[inline(always)]
fn magnitude<T: Whole>(x: T) -> T {
    if x < T::ZERO { x.negate() } else { x }
}

#[inline(always)]
fn divisor<T: Whole>(x: T, y: T) -> T {
    let (mut a, mut b) = (x, y);
    while b != T::ZERO {
        (a, b) = (b, a.remainder(b));
    }
    magnitude(a)
}
