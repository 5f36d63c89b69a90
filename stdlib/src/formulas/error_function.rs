//! The error function and its complement.

use super::{
    Double,
    exponential::{Reduced, exp_of_pair, scale_in_two_steps},
    pair::Pair,
    polynomial::{alternating, polynomial},
};

/// erf(x) / x - 1 as a polynomial in x^2, |x| <= 1; erf within 2^-56.3.
const SMALL: [f64; 13] = [
    0.1283791670955126,
    -0.376126389031841,
    0.11283791670971165,
    -0.026866170648057967,
    0.005223977653086043,
    -0.0008548328565458021,
    0.00012055387512240818,
    -1.4926918432767864e-05,
    1.6481730617742122e-06,
    -1.656503009806418e-07,
    1.6071275112477347e-08,
    -1.6706916329900348e-09,
    1.4781543474818378e-10,
];

/// -log(erfc(x)) for 1 <= x <= 6, where its error counts as much as erfc(x) does in erf(x): erf within 2^-56.7.
const EXPONENT: [f64; 18] = [
    4.995651215732492e-07,
    1.1283741200071828,
    0.6366434962926624,
    0.10270379036181393,
    -0.01899082378488706,
    -0.0004097593025315132,
    0.0019150559683894777,
    -0.0007699409245885416,
    0.0001346144990564761,
    2.0480010465753685e-05,
    -2.2904861038344156e-05,
    8.692093288527272e-06,
    -2.1415212572579945e-06,
    3.7434139674633056e-07,
    -4.6557988971710045e-08,
    3.946382579374743e-09,
    -2.0516609541842073e-10,
    4.945776341270134e-12,
];

/// (x + 3) e^(x^2) erfc(x) as a polynomial in t = (x - 3)/(x + 3), 0.499 <= x <= 27.3: its first coefficient, in two parts,
/// and the others; within 2^-56.7 of itself.
const FAR_FIRST: f64 = 1.0740069070883398;
const FAR_FIRST_LOW: f64 = -8.938290936736399e-17;
const FAR: [f64; 21] = [
    -0.8833944531698836,
    0.5902283571041022,
    -0.31046726190056434,
    0.11952776128727,
    -0.026827234624592685,
    -0.0012124166267009533,
    0.0030340620029114733,
    -0.0005483096985856109,
    -0.0002767778586066173,
    0.00010756154298566902,
    3.039820066288569e-05,
    -1.74708657491129e-05,
    -4.749198261984446e-06,
    2.7664233214463517e-06,
    9.983261727631622e-07,
    -4.1023782772215864e-07,
    -2.316726026961322e-07,
    4.913903608100631e-08,
    4.7660379191803295e-08,
    -3.3914442195142955e-09,
    -5.987179745102787e-09,
];

/// Its derivative within a tenth, for what rounding takes from t.
const FAR_SLOPE: [f64; 3] = [-0.883, 1.444, -0.961];

/// erf(x) / x - 1 for |x| <= 1.
#[inline(always)]
fn small_excess<L: Double>(x: L) -> L {
    let square = x.multiply(x);
    alternating::<L, 4>(square, square.multiply(square), &SMALL)
}

/// The error function: x + x polynomial(x^2) below 1; above, 1 - e^-q(x) with a polynomial q fitted to -log(erfc), so that
/// there is no division and `exp`'s polynomial does the rest. 1.15 ULP measured.
#[inline(always)]
pub fn erf<L: Double>(x: L) -> L {
    let one = L::constant(1.0);
    let six = L::constant(6.0);
    let size = x.absolute();
    let near = size.fma(small_excess(size), size);
    let capped = L::select(size.greater(six), six, size);
    let reduced = Reduced::new(polynomial(capped, capped.multiply(capped), &EXPONENT).negate());
    let scale = reduced.scale();
    let far = one.subtract(reduced.rise().fma(scale, scale));
    L::select(size.less(one), near, far).copy_sign(x)
}

/// The complementary error function, 1 - erf(x), with the relative error of a small number where it is small.
///
/// Below 1/2: 1 - x - x polynomial(x^2). Above: e^(-x^2) g(t) / (x + 3) with t = (x - 3)/(x + 3) (the mapping of Shepherd and
/// Laframboise, 1981), the square, the exponential, the quotient and the leading sum of g in pairs. Negative: 2 - erfc(-x).
#[inline(always)]
pub fn erfc<L: Double>(x: L) -> L {
    let one = L::constant(1.0);
    let half = L::constant(0.5);
    let size = x.absolute();
    // 1 - x is summed without error.
    let sum = Pair::ordered_sum(one, x.negate());
    let near = sum.high.add(x.negate().fma(small_excess(x), sum.low));

    let last = L::constant(27.5);
    let capped = L::select(size.greater(last), last, size);
    let square = Pair::product(capped, capped);
    let (reduced, exponential) = exp_of_pair(Pair { high: square.high.negate(), low: square.low.negate() });
    let divisor = Pair::sum(capped, L::constant(3.0));
    let inverse = Pair { high: one, low: L::constant(0.0) }.over(divisor);
    // t = 1 - 6 / (x + 3).
    let six = L::constant(-6.0);
    let t = Pair::ordered_sum(one, inverse.high.multiply(six));
    let t_low = inverse.low.fma(six, inverse.high.fma(six, inverse.high.multiply(six).negate()).add(t.low));
    let t = t.high;
    let tail = alternating::<L, 4>(t, t.multiply(t), &FAR[1..]);
    let second = L::constant(FAR[0]);
    let tail_high = tail.fma(t, second);
    let tail_low = tail.fma(t, second.subtract(tail_high));
    let leading = L::constant(FAR_FIRST);
    let high = tail_high.fma(t, leading);
    let slope = polynomial(t, t.multiply(t), &FAR_SLOPE);
    let low =
        tail_high.fma(t, leading.subtract(high)).add(tail_low.fma(t, t_low.fma(slope, L::constant(FAR_FIRST_LOW))));
    let value = exponential.normal().times(Pair { high, low }).times(inverse).round();
    let far = scale_in_two_steps(reduced.k, value);

    let negative = x.less(L::constant(0.0));
    let reflected = L::select(negative, L::constant(2.0).subtract(far), far);
    L::select(size.less(half), near, reflected)
}
