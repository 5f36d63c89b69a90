//! The error function.

use super::super::{
    Single,
    polynomial::{alternating, polynomial},
};
use super::exponential::Reduced;

/// erf(x) / x - 1 as a polynomial in x^2, |x| <= 1; erf within 2^-29.4.
const SMALL: [f64; 7] = [0.12837917, -0.37612626, 0.11283579, -0.026853347, 0.005187162, -0.0007997853, 7.806904e-05];

/// -log(erfc(x)) for 1 <= x <= 4, where its error counts as much as erfc(x) does in erf(x): erf within 2^-29.8.
const EXPONENT: [f64; 7] =
    [0.00034152647, 1.1270891, 0.63814497, 0.10310658, -0.021837952, 0.0029476217, -0.00018637441];

/// The error function: x + x polynomial(x^2) below 1; above, 1 - e^-q(x) with a polynomial q fitted to -log(erfc).
#[inline(always)]
pub fn erf<L: Single>(x: L) -> L {
    let one = L::constant(1.0);
    let four = L::constant(4.0);
    let size = x.absolute();
    let square = size.multiply(size);
    let near = size.fma(alternating::<L, 4>(square, square.multiply(square), &SMALL), size);
    let capped = L::select(size.greater(four), four, size);
    let reduced = Reduced::new(polynomial(capped, capped.multiply(capped), &EXPONENT).negate());
    let scale = reduced.scale();
    let far = one.subtract(reduced.rise().fma(scale, scale));
    L::select(size.less(one), near, far).copy_sign(x)
}
