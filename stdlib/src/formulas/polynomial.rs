//! Polynomials with constant coefficients.

use thalweg_runtime::lane::Float;

/// `coefficients[0] + coefficients[1] x + ...` given also x squared: Horner's rule on the even and the odd part, side by
/// side, which halves the chain of dependent operations for one more of them. At least two coefficients.
#[inline(always)]
pub fn polynomial<L: Float>(x: L, square: L, coefficients: &[f64]) -> L {
    let count = coefficients.len();
    let mut leading = L::constant(coefficients[count - 1]);
    let mut other = L::constant(coefficients[count - 2]);
    let mut left = count - 2;
    while left >= 2 {
        leading = leading.fma(square, L::constant(coefficients[left - 1]));
        other = other.fma(square, L::constant(coefficients[left - 2]));
        left -= 2;
    }
    if left == 0 { leading.fma(x, other) } else { leading.fma(square, other.fma(x, L::constant(coefficients[0]))) }
}

/// The same where the even and the odd part nearly cancel, that is where signs alternate and x reaches 1: plain Horner's rule
/// for the first `PLAIN` coefficients, whose partial sums never exceed the result by much.
#[inline(always)]
pub fn alternating<L: Float, const PLAIN: usize>(x: L, square: L, coefficients: &[f64]) -> L {
    let mut value = polynomial(x, square, &coefficients[PLAIN..]);
    for &coefficient in coefficients[..PLAIN].iter().rev() {
        value = value.fma(x, L::constant(coefficient));
    }
    value
}
