//! Functions of complex numbers, in terms of the real ones: every part is a few roundings away from exact, and infinities, NaN and
//! signed zeros go as C's Annex G has them where NumPy does.

use super::{
    Double,
    arithmetic::Multiply,
    exponential::{exp, expm1},
    hyperbolic::{asinh, atanh, cosh, sinh},
    inverse_trigonometric::atan2,
    logarithm::{log, log1p},
    pair::Pair,
    roots::hypot,
    trigonometric::{cos, sin, tan},
};
use thalweg_runtime::kernel::{Complex, ComplexDoubleFormula, ComplexDoublePart, ComplexFormula, Kernels};
use thalweg_runtime::lane::{Integer, Mask, Number};

/// `then` where the mask is true.
#[inline(always)]
fn choose<L: Double>(mask: L::Mask, then: Complex<L>, otherwise: Complex<L>) -> Complex<L> {
    Complex {
        real: L::select(mask, then.real, otherwise.real),
        imaginary: L::select(mask, then.imaginary, otherwise.imaginary),
    }
}

/// `rarely!` for both parts: `slow` is computed only when some element needs it.
macro_rules! rarely_complex {
    ($lane:ty, $mask:expr, $fast:expr, $slow:expr) => {{
        let (mask, fast) = ($mask, $fast);
        if Mask::any(mask) {
            let slow: Complex<$lane> = $slow;
            let parts = [fast.real, fast.imaginary];
            let [real, imaginary] = <$lane>::merge_two(mask, [slow.real, slow.imaginary], parts);
            Complex { real, imaginary }
        } else {
            fast
        }
    }};
}

/// i z.
#[inline(always)]
fn turned<L: Double>(z: Complex<L>) -> Complex<L> {
    Complex { real: z.imaginary.negate(), imaginary: z.real }
}

/// -i z.
#[inline(always)]
fn turned_back<L: Double>(z: Complex<L>) -> Complex<L> {
    Complex { real: z.imaginary, imaginary: z.real.negate() }
}

#[inline(always)]
fn times<L: Double>(a: Complex<L>, b: Complex<L>) -> Complex<L> {
    <Multiply as ComplexFormula<2>>::apply([a, b])
}

#[inline(always)]
fn is_infinite<L: Double>(x: L) -> L::Mask {
    x.absolute().equal(L::constant(f64::INFINITY))
}

#[inline(always)]
fn is_finite<L: Double>(x: L) -> L::Mask {
    x.absolute().less(L::constant(f64::INFINITY))
}

/// e^z = e^x (cos y + i sin y).
#[inline(always)]
pub fn complex_exp<L: Double>(z: Complex<L>) -> Complex<L> {
    let (x, y) = (z.real, z.imaginary);
    let zero = L::constant(0.0);
    let (sine, cosine) = (sin(y), cos(y));
    let size = exp(x);
    let fast = Complex { real: size.multiply(cosine), imaginary: size.multiply(sine) };
    let ordinary = x.absolute().less(L::constant(700.0)).and(is_finite(y));
    let value = rarely_complex!(L, ordinary.not(), fast, {
        // In two halves, because e^x may overflow where its product does not.
        let half = exp(x.multiply(L::constant(0.5)));
        let scaled =
            Complex { real: half.multiply(cosine).multiply(half), imaginary: half.multiply(sine).multiply(half) };
        let endless = is_infinite(x).and(is_finite(y).not());
        let vanishing = Complex { real: zero, imaginary: zero.copy_sign(y) };
        let growing = Complex { real: x, imaginary: L::constant(f64::NAN) };
        choose(endless, choose(x.less(zero), vanishing, growing), scaled)
    });
    Complex { real: value.real, imaginary: L::select(y.equal(zero), y, value.imaginary) }
}

/// log |z|, without overflow, and without loss where |z| is near 1.
#[inline(always)]
fn log_of_size<L: Double>(z: Complex<L>) -> L {
    let (x, y) = (z.real.absolute(), z.imaginary.absolute());
    let larger = L::select(y.greater(x), y, x);
    let smaller = L::select(y.greater(x), x, y);
    // |z|^2 - 1 in pairs: the larger part's square lies between 1/4 and 4, so that taking 1 from it is exact.
    let first = Pair::product(larger, larger);
    let second = Pair::product(smaller, smaller);
    let sum = Pair::sum(first.high.subtract(L::constant(1.0)), second.high);
    let excess = sum.high.add(sum.low.add(first.low.add(second.low)));
    let near = larger.greater(L::constant(0.5)).and(larger.less(L::constant(2.0)));
    // A power of two brings what is far from 1 to where the hypotenuse neither overflows nor loses bits.
    let great = larger.greater(L::constant(1e300));
    let tiny = larger.less(L::constant(1e-290));
    let one = L::constant(1.0);
    let scale = L::select(great, L::constant(exact_power(-100)), L::select(tiny, L::constant(exact_power(200)), one));
    let back = L::select(great, L::constant(100.0), L::select(tiny, L::constant(-200.0), L::constant(0.0)));
    let size = hypot(x.multiply(scale), y.multiply(scale));
    let far = back.fma(L::constant(std::f64::consts::LN_2), log(size));
    L::select(near, log1p(excess).multiply(L::constant(0.5)), far)
}

/// A power of two; the exponent is one of a normal number.
const fn exact_power(exponent: i64) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// log z = log |z| + i arg z.
#[inline(always)]
pub fn complex_log<L: Double>(z: Complex<L>) -> Complex<L> {
    Complex { real: log_of_size(z), imaginary: atan2(z.imaginary, z.real) }
}

/// The root with the real part at least 0: t = sqrt((|x| + |z|) / 2), and y / 2t.
#[inline(always)]
pub fn complex_sqrt<L: Double>(z: Complex<L>) -> Complex<L> {
    let zero = L::constant(0.0);
    let half = L::constant(0.5);
    let larger = L::select(z.imaginary.absolute().greater(z.real.absolute()), z.imaginary, z.real).absolute();
    // By a power of four, so that the root is brought back exactly.
    let great = larger.greater(L::constant(1e307));
    let tiny = larger.less(L::constant(1e-290));
    let one = L::constant(1.0);
    let scale = L::select(great, L::constant(0.0625), L::select(tiny, L::constant(exact_power(200)), one));
    let back = L::select(great, L::constant(4.0), L::select(tiny, L::constant(exact_power(-100)), one));
    let (x, y) = (z.real.multiply(scale), z.imaginary.multiply(scale));
    let root = x.absolute().add(hypot(x, y)).multiply(half).square_root();
    let other = y.absolute().multiply(half).divide(root);
    let other = L::select(root.equal(zero), zero, other);
    let left = x.less(zero);
    let real = L::select(left, other, root).multiply(back);
    let imaginary = L::select(left, root, other).multiply(back).copy_sign(z.imaginary);
    // An infinite part decides; NaN in the imaginary part stays undecided.
    let endless = is_infinite(z.imaginary);
    let minus = z.real.equal(L::constant(f64::NEG_INFINITY));
    let plus = z.real.equal(L::constant(f64::INFINITY));
    let undefined = z.imaginary.is_nan();
    let real = L::select(plus, z.real, L::select(minus.and(undefined.not()), zero, real));
    let imaginary = L::select(plus.and(undefined.not()), zero.copy_sign(z.imaginary), imaginary);
    let imaginary = L::select(minus, L::constant(f64::INFINITY).copy_sign(z.imaginary), imaginary);
    Complex {
        real: L::select(endless, L::constant(f64::INFINITY), real),
        imaginary: L::select(endless, z.imaginary, imaginary),
    }
}

/// sinh z = sinh x cos y + i cosh x sin y, and cosh z = cosh x cos y + i sinh x sin y.
#[inline(always)]
fn hyperbolic<L: Double>(z: Complex<L>, is_cosine: bool) -> Complex<L> {
    let (x, y) = (z.real, z.imaginary);
    let zero = L::constant(0.0);
    let (sine, cosine) = (sin(y), cos(y));
    let (odd, even) = (sinh(x), cosh(x));
    let (first, second) = if is_cosine { (even, odd) } else { (odd, even) };
    let fast = Complex { real: first.multiply(cosine), imaginary: second.multiply(sine) };
    let ordinary = x.absolute().less(L::constant(700.0)).and(is_finite(y));
    let value = rarely_complex!(L, ordinary.not(), fast, {
        // cosh x and |sinh x| are e^|x| / 2 there, in two halves, because that may overflow where the product does not.
        let far = x.absolute().greater_equal(L::constant(700.0)).and(is_finite(y));
        let half = exp(x.absolute().multiply(L::constant(0.5)));
        let rising = L::constant(0.5).multiply(half);
        let sign = L::constant(1.0).copy_sign(x);
        let (real_sign, imaginary_sign) = if is_cosine { (L::constant(1.0), sign) } else { (sign, L::constant(1.0)) };
        let scaled = Complex {
            real: rising.multiply(cosine).multiply(half).multiply(real_sign),
            imaginary: rising.multiply(sine).multiply(half).multiply(imaginary_sign),
        };
        // An infinite magnitude at no angle is infinite all the same.
        let endless = is_infinite(x).and(is_finite(y).not());
        let unbounded = Complex { real: x.absolute(), imaginary: L::constant(f64::NAN) };
        choose(endless, unbounded, choose(far, scaled, fast))
    });
    // What is 0 for every angle stays 0 at an angle that is none: sinh x at x = 0, and sin y at y = 0 for an infinite x.
    let nowhere = x.equal(zero).and(is_finite(y).not());
    let imaginary = if is_cosine { y.multiply(L::constant(1.0).copy_sign(x)) } else { y };
    let imaginary = L::select(y.equal(zero), imaginary, value.imaginary);
    match is_cosine {
        true => Complex { real: value.real, imaginary: L::select(nowhere, zero, imaginary) },
        false => Complex { real: L::select(nowhere, x, value.real), imaginary },
    }
}

/// The hyperbolic sine.
#[inline(always)]
pub fn complex_sinh<L: Double>(z: Complex<L>) -> Complex<L> {
    hyperbolic(z, false)
}

/// The hyperbolic cosine.
#[inline(always)]
pub fn complex_cosh<L: Double>(z: Complex<L>) -> Complex<L> {
    hyperbolic(z, true)
}

/// The hyperbolic tangent: with t = tan y, s = sinh x and b = 1 + t^2, (b s cosh x + i t) / (1 + b s^2) (Kahan 1987); far out
/// it is the sign of x and i 4 sin y cos y e^(-2|x|).
#[inline(always)]
pub fn complex_tanh<L: Double>(z: Complex<L>) -> Complex<L> {
    let (x, y) = (z.real, z.imaginary);
    let (zero, one) = (L::constant(0.0), L::constant(1.0));
    let far = x.absolute().greater(L::constant(20.0));
    let within = L::select(far, zero, x);
    let tangent = tan(y);
    let spread = tangent.fma(tangent, one);
    let rise = sinh(within);
    let scale = spread.multiply(rise);
    let below = scale.fma(rise, one);
    let near = Complex {
        real: scale.multiply(rise.fma(rise, one).square_root()).divide(below),
        imaginary: tangent.divide(below),
    };
    let value = rarely_complex!(L, far, near, {
        let angle = sin(y).multiply(cos(y));
        let falling = exp(x.absolute().multiply(L::constant(-2.0)));
        let rest = angle.multiply(L::constant(4.0)).multiply(falling);
        let rest = L::select(is_infinite(x), L::select(is_finite(y), zero.copy_sign(angle), zero.copy_sign(y)), rest);
        let decided = is_finite(y).or(is_infinite(x));
        Complex { real: L::select(decided, one, L::constant(f64::NAN)).copy_sign(x), imaginary: rest }
    });
    Complex { real: L::select(x.equal(zero), x, value.real), imaginary: value.imaginary }
}

/// The sine: that of i z, turned.
#[inline(always)]
pub fn complex_sin<L: Double>(z: Complex<L>) -> Complex<L> {
    turned_back(complex_sinh(turned(z)))
}

/// The cosine: the hyperbolic one of i z.
#[inline(always)]
pub fn complex_cos<L: Double>(z: Complex<L>) -> Complex<L> {
    complex_cosh(turned(z))
}

/// The tangent: that of i z, turned.
#[inline(always)]
pub fn complex_tan<L: Double>(z: Complex<L>) -> Complex<L> {
    turned_back(complex_tanh(turned(z)))
}

/// sqrt(1 - z) and sqrt(1 + z).
#[inline(always)]
fn roots_beside_one<L: Double>(z: Complex<L>) -> (Complex<L>, Complex<L>) {
    let one = L::constant(1.0);
    let below = Complex { real: one.subtract(z.real), imaginary: z.imaginary.negate() };
    let above = Complex { real: one.add(z.real), imaginary: z.imaginary };
    (complex_sqrt(below), complex_sqrt(above))
}

/// The imaginary part of conj(a) b.
#[inline(always)]
fn cross<L: Double>(a: Complex<L>, b: Complex<L>) -> L {
    a.real.multiply(b.imaginary).subtract(a.imaginary.multiply(b.real))
}

/// The angle of a point far beyond all others, where a coordinate is infinite; `angle` elsewhere.
#[inline(always)]
fn angle_at_infinity<L: Double>(z: Complex<L>, far: L, angle: L) -> L {
    L::select(is_infinite(z.real).or(is_infinite(z.imaginary)), far, angle)
}

/// The inverse sine, by Kahan's formulas (1987), which keep to the right side of the cuts.
#[inline(always)]
pub fn complex_asin<L: Double>(z: Complex<L>) -> Complex<L> {
    let (below, above) = roots_beside_one(z);
    let product = below.real.multiply(above.real).subtract(below.imaginary.multiply(above.imaginary));
    let far = atan2(z.real, z.imaginary.absolute());
    Complex { real: angle_at_infinity(z, far, atan2(z.real, product)), imaginary: asinh(cross(below, above)) }
}

/// The inverse cosine, likewise.
#[inline(always)]
pub fn complex_acos<L: Double>(z: Complex<L>) -> Complex<L> {
    let (below, above) = roots_beside_one(z);
    let angle = atan2(below.real, above.real);
    let far = atan2(z.imaginary.absolute(), z.real);
    Complex { real: angle_at_infinity(z, far, angle.add(angle)), imaginary: asinh(cross(above, below)) }
}

/// The inverse hyperbolic sine: that of i z, turned.
#[inline(always)]
pub fn complex_asinh<L: Double>(z: Complex<L>) -> Complex<L> {
    turned_back(complex_asin(turned(z)))
}

/// The inverse hyperbolic cosine, by Kahan's formula.
#[inline(always)]
pub fn complex_acosh<L: Double>(z: Complex<L>) -> Complex<L> {
    let one = L::constant(1.0);
    let below = complex_sqrt(Complex { real: z.real.subtract(one), imaginary: z.imaginary });
    let above = complex_sqrt(Complex { real: z.real.add(one), imaginary: z.imaginary });
    let size = below.real.multiply(above.real).add(below.imaginary.multiply(above.imaginary));
    let angle = atan2(below.imaginary, above.real);
    Complex { real: asinh(size), imaginary: angle_at_infinity(z, atan2(z.imaginary, z.real), angle.add(angle)) }
}

/// The inverse hyperbolic tangent: log1p(4x / ((1 - x)^2 + y^2)) / 4, and half the angle of (1 - x)(1 + x) - y^2 + 2yi.
#[inline(always)]
pub fn complex_atanh<L: Double>(z: Complex<L>) -> Complex<L> {
    let (x, y) = (z.real.absolute(), z.imaginary);
    let (zero, one, half) = (L::constant(0.0), L::constant(1.0), L::constant(0.5));
    let rest = one.subtract(x);
    let square = y.multiply(y);
    let size = log1p(x.multiply(L::constant(4.0)).divide(rest.fma(rest, square))).multiply(L::constant(0.25));
    // Beside 1 the squares underflow: there it is log(2 / |y|) / 2.
    let beside = rest.equal(zero).and(y.absolute().less(L::constant(1e-150)));
    let steep = L::constant(std::f64::consts::LN_2).subtract(log(y.absolute())).multiply(half);
    let size = L::select(beside, steep, size);
    let angle = atan2(y.add(y), rest.multiply(one.add(x)).subtract(square)).multiply(half);
    // Beyond 10^150 a square overflows: there it is x / |z|^2 and a right angle.
    let far = x.greater(L::constant(1e150)).or(y.absolute().greater(L::constant(1e150)));
    let scale = hypot(x, y);
    let little = x.divide(scale).divide(scale);
    let little = L::select(is_infinite(scale), zero, little);
    let value = Complex {
        real: L::select(far, little, L::select(y.equal(zero).and(x.less(one)), atanh(x), size)),
        imaginary: L::select(far, L::constant(std::f64::consts::FRAC_PI_2).copy_sign(y), angle),
    };
    Complex { real: value.real.copy_sign(z.real), imaginary: value.imaginary }
}

/// The inverse tangent: that of i z, turned.
#[inline(always)]
pub fn complex_atan<L: Double>(z: Complex<L>) -> Complex<L> {
    turned_back(complex_atanh(turned(z)))
}

/// e^z - 1: e^x - 1 times cos y, less 2 sin(y/2)^2, so that nothing cancels near 0.
#[inline(always)]
pub fn complex_expm1<L: Double>(z: Complex<L>) -> Complex<L> {
    let half = sin(z.imaginary.multiply(L::constant(0.5)));
    let real = expm1(z.real).multiply(cos(z.imaginary)).subtract(half.multiply(half).multiply(L::constant(2.0)));
    Complex { real, imaginary: complex_exp(z).imaginary }
}

/// log(1 + z).
#[inline(always)]
pub fn complex_log1p<L: Double>(z: Complex<L>) -> Complex<L> {
    let (x, y) = (z.real, z.imaginary);
    let above = L::constant(1.0).add(x);
    // log |1 + z| = log1p(2x + x^2 + y^2) / 2, the sum in pairs.
    let small = x.absolute().less(L::constant(0.5)).and(y.absolute().less(L::constant(0.5)));
    let (first, second) = (Pair::product(x, x), Pair::product(y, y));
    let sum = Pair::sum(x.add(x), second.high);
    let more = Pair::sum(sum.high, first.high);
    let excess = more.high.add(more.low.add(sum.low.add(first.low.add(second.low))));
    let far = log_of_size(Complex { real: above, imaginary: y });
    Complex { real: L::select(small, log1p(excess).multiply(L::constant(0.5)), far), imaginary: atan2(y, above) }
}

/// Both parts times a constant.
#[inline(always)]
fn scaled<L: Double>(z: Complex<L>, factor: f64) -> Complex<L> {
    let factor = L::constant(factor);
    Complex { real: z.real.multiply(factor), imaginary: z.imaginary.multiply(factor) }
}

/// z to the power w: by products for whole w below 100, as NumPy has it, else e^(w log z).
#[inline(always)]
pub fn complex_power<L: Double>(z: Complex<L>, w: Complex<L>) -> Complex<L> {
    let (zero, one) = (L::constant(0.0), L::constant(1.0));
    let unit = Complex { real: one, imaginary: zero };
    let size = w.real.absolute();
    let is_small = size.less(L::constant(100.0));
    let is_whole = w.imaginary.equal(zero).and(is_small).and(w.real.truncate().equal(w.real));
    let count = L::select(is_whole, size, zero).to_integer();
    let (mut product, mut square) = (unit, z);
    for bit in 0..7 {
        let bits = L::bits_constant(1 << bit);
        let taken = count.and(bits).equal(bits);
        // The first factor is taken as it is: 1 times an infinity is not that infinity.
        let first = Mask::not(count.and(L::bits_constant((1 << bit) - 1)).not_equal(L::bits_constant(0)));
        product = choose(taken, choose(first, square, times(product, square)), product);
        square = times(square, square);
    }
    let inverse = <super::arithmetic::Divide as ComplexFormula<2>>::apply([unit, product]);
    let whole = choose(w.real.less(zero), inverse, product);
    let general = complex_exp(times(w, complex_log(z)));
    let nothing = z.real.equal(zero).and(z.imaginary.equal(zero));
    let undefined = Complex { real: L::constant(f64::NAN), imaginary: L::constant(f64::NAN) };
    let vanished = Complex { real: zero, imaginary: zero };
    let power = choose(is_whole, whole, general);
    let power = choose(nothing, choose(w.real.greater(zero), vanished, undefined), power);
    choose(w.real.equal(zero).and(w.imaginary.equal(zero)), unit, power)
}

/// z / |z|; 0 for 0, NaN for NaN.
#[inline(always)]
pub fn complex_sign<L: Double>(z: Complex<L>) -> Complex<L> {
    let (zero, one) = (L::constant(0.0), L::constant(1.0));
    // An infinite part counts, and a finite one beside it does not.
    let endless = is_infinite(z.real).or(is_infinite(z.imaginary));
    let real = L::select(is_infinite(z.real), one, zero).copy_sign(z.real);
    let imaginary = L::select(is_infinite(z.imaginary), one, zero).copy_sign(z.imaginary);
    let z = choose(endless, Complex { real, imaginary }, z);
    let size = hypot(z.real, z.imaginary);
    let empty = size.equal(zero);
    let undefined = z.real.is_nan().or(z.imaginary.is_nan());
    let value = Complex { real: z.real.divide(size), imaginary: z.imaginary.divide(size) };
    let value = choose(empty, Complex { real: zero, imaginary: zero }, value);
    choose(undefined, Complex { real: size.multiply(L::constant(f64::NAN)), imaginary: L::constant(f64::NAN) }, value)
}

/// Kernels of a function of complex numbers for c64 and c128.
macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident = [$($z:ident),+] $body:expr;)*) => { $(
        $(#[$doc])*
        pub const $name: Kernels = {
            struct Formula;
            const N: usize = [$(stringify!($z)),+].len();
            impl ComplexDoubleFormula<N> for Formula {
                #[inline(always)]
                fn apply<L: Double>([$($z),+]: [Complex<L>; N]) -> Complex<L> {
                    $body
                }
            }
            Kernels::complex_double::<Formula, N>()
        };
    )* };
}

kernels! {
    /// e^z.
    EXP = [z] complex_exp(z);
    /// 2^z.
    EXP2 = [z] complex_exp(scaled(z, std::f64::consts::LN_2));
    /// e^z - 1.
    EXPM1 = [z] complex_expm1(z);
    /// log z.
    LOG = [z] complex_log(z);
    /// log z over log 2.
    LOG2 = [z] scaled(complex_log(z), std::f64::consts::LOG2_E);
    /// log z over log 10.
    LOG10 = [z] scaled(complex_log(z), std::f64::consts::LOG10_E);
    /// log(1 + z).
    LOG1P = [z] complex_log1p(z);
    /// The square root.
    SQRT = [z] complex_sqrt(z);
    /// The sine.
    SIN = [z] complex_sin(z);
    /// The cosine.
    COS = [z] complex_cos(z);
    /// The tangent.
    TAN = [z] complex_tan(z);
    /// The inverse sine.
    ASIN = [z] complex_asin(z);
    /// The inverse cosine.
    ACOS = [z] complex_acos(z);
    /// The inverse tangent.
    ATAN = [z] complex_atan(z);
    /// The hyperbolic sine.
    SINH = [z] complex_sinh(z);
    /// The hyperbolic cosine.
    COSH = [z] complex_cosh(z);
    /// The hyperbolic tangent.
    TANH = [z] complex_tanh(z);
    /// The inverse hyperbolic sine.
    ASINH = [z] complex_asinh(z);
    /// The inverse hyperbolic cosine.
    ACOSH = [z] complex_acosh(z);
    /// The inverse hyperbolic tangent.
    ATANH = [z] complex_atanh(z);
    /// z to the power w.
    POWER = [z, w] complex_power(z, w);
    /// z / |z|.
    SIGN = [z] complex_sign(z);
}

/// Kernels of the magnitude, without overflow.
pub const MAGNITUDE: Kernels = {
    struct Magnitude;
    impl ComplexDoublePart<1> for Magnitude {
        #[inline(always)]
        fn apply<L: Double>([z]: [Complex<L>; 1]) -> L {
            hypot(z.real, z.imaginary)
        }
    }
    Kernels::complex_double_part::<Magnitude, 1>()
};
