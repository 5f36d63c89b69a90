//! Complex arithmetic.

use thalweg_runtime::kernel::{Complex, ComplexFormula, ComplexPart, ComplexTest, Kernels};
use thalweg_runtime::lane::{Float, Mask};

/// x + y.
pub struct Add;
impl ComplexFormula<2> for Add {
    #[inline(always)]
    fn apply<L: Float>([x, y]: [Complex<L>; 2]) -> Complex<L> {
        Complex { real: x.real.add(y.real), imaginary: x.imaginary.add(y.imaginary) }
    }
}

/// x - y.
pub struct Subtract;
impl ComplexFormula<2> for Subtract {
    #[inline(always)]
    fn apply<L: Float>([x, y]: [Complex<L>; 2]) -> Complex<L> {
        Complex { real: x.real.subtract(y.real), imaginary: x.imaginary.subtract(y.imaginary) }
    }
}

/// x y: (ac - bd, ad + bc), each product rounded.
pub struct Multiply;
impl ComplexFormula<2> for Multiply {
    #[inline(always)]
    fn apply<L: Float>([x, y]: [Complex<L>; 2]) -> Complex<L> {
        Complex {
            real: x.real.multiply(y.real).subtract(x.imaginary.multiply(y.imaginary)),
            imaginary: x.real.multiply(y.imaginary).add(x.imaginary.multiply(y.real)),
        }
    }
}

/// x / y by Smith's method (Communications of the ACM 5, 1962): the divisor is scaled by its greater part.
pub struct Divide;
impl ComplexFormula<2> for Divide {
    #[inline(always)]
    fn apply<L: Float>([x, y]: [Complex<L>; 2]) -> Complex<L> {
        let is_real_greater = y.imaginary.absolute().less_equal(y.real.absolute());
        let greater = L::select(is_real_greater, y.real, y.imaginary);
        let lesser = L::select(is_real_greater, y.imaginary, y.real);
        let ratio = lesser.divide(greater);
        let scale = greater.add(lesser.multiply(ratio));
        let straight = [x.real.add(x.imaginary.multiply(ratio)), x.imaginary.subtract(x.real.multiply(ratio))];
        let crossed = [x.real.multiply(ratio).add(x.imaginary), x.imaginary.multiply(ratio).subtract(x.real)];
        let real = L::select(is_real_greater, straight[0], crossed[0]).divide(scale);
        let imaginary = L::select(is_real_greater, straight[1], crossed[1]).divide(scale);
        let zero = L::constant(0.0);
        let is_zero = y.real.equal(zero).and(y.imaginary.equal(zero));
        let by = y.real.absolute();
        Complex {
            real: L::select(is_zero, x.real.divide(by), real),
            imaginary: L::select(is_zero, x.imaginary.divide(by), imaginary),
        }
    }
}

/// -x.
pub struct Negative;
impl ComplexFormula<1> for Negative {
    #[inline(always)]
    fn apply<L: Float>([x]: [Complex<L>; 1]) -> Complex<L> {
        Complex { real: x.real.negate(), imaginary: x.imaginary.negate() }
    }
}

/// x.
pub struct Positive;
impl ComplexFormula<1> for Positive {
    #[inline(always)]
    fn apply<L: Float>([x]: [Complex<L>; 1]) -> Complex<L> {
        x
    }
}

/// The magnitude, without overflow: the greater part times the root of one and the squared ratio.
pub struct Absolute;
impl ComplexPart<1> for Absolute {
    #[inline(always)]
    fn apply<L: Float>([x]: [Complex<L>; 1]) -> L {
        let (a, b) = (x.real.absolute(), x.imaginary.absolute());
        let is_first = b.less_equal(a);
        let (greater, lesser) = (L::select(is_first, a, b), L::select(is_first, b, a));
        let ratio = lesser.divide(greater);
        let magnitude = greater.multiply(ratio.fma(ratio, L::constant(1.0)).square_root());
        let infinity = L::constant(f64::INFINITY);
        let magnitude = L::select(lesser.equal(L::constant(0.0)), greater, magnitude);
        L::select(a.equal(infinity).or(b.equal(infinity)), infinity, magnitude)
    }
}

/// Whether both parts are equal.
struct Equal;
impl ComplexTest<2> for Equal {
    #[inline(always)]
    fn apply<L: Float>([x, y]: [Complex<L>; 2]) -> L::Mask {
        x.real.equal(y.real).and(x.imaginary.equal(y.imaginary))
    }
}

/// Whether a part differs.
struct NotEqual;
impl ComplexTest<2> for NotEqual {
    #[inline(always)]
    fn apply<L: Float>([x, y]: [Complex<L>; 2]) -> L::Mask {
        x.real.not_equal(y.real).or(x.imaginary.not_equal(y.imaginary))
    }
}

/// Kernels of `==`.
pub const EQUAL: Kernels = Kernels::complex_test::<Equal, 2>();
/// Kernels of `!=`.
pub const NOT_EQUAL: Kernels = Kernels::complex_test::<NotEqual, 2>();
