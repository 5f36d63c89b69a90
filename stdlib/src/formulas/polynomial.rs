//! Polynomials with constant coefficients.

use super::Double;

/// `coefficients[0] + coefficients[1] x + ...` given also x squared: Horner's rule on the even and the odd part, side by
/// side, which halves the chain of dependent operations for one more of them. `N - 1` fused operations; `N` at least 2.
#[inline(always)]
pub fn polynomial<L: Double, const N: usize>(x: L, square: L, coefficients: &[f64; N]) -> L {
    let mut leading = L::constant(coefficients[N - 1]);
    let mut other = L::constant(coefficients[N - 2]);
    let mut left = N - 2;
    while left >= 2 {
        leading = leading.fma(square, L::constant(coefficients[left - 1]));
        other = other.fma(square, L::constant(coefficients[left - 2]));
        left -= 2;
    }
    if left == 0 { leading.fma(x, other) } else { leading.fma(square, other.fma(x, L::constant(coefficients[0]))) }
}
