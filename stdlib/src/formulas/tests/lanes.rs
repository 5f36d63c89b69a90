//! Every vector gives the bits of the scalar formula.

use super::{super::*, hard_points};
use thalweg_runtime::kernel::Complex;
use thalweg_runtime::lane::portable;
#[cfg(target_arch = "x86_64")]
use thalweg_runtime::lane::{avx2, avx512};

/// A formula as a type, of two operands or the first of them.
trait Formula {
    const NAME: &str;
    fn of<L: Double>(x: L, y: L) -> L;
}

macro_rules! formulas {
    ($($type:ident $name:literal ($x:ident, $y:ident) $value:expr;)*) => {
        $(
            struct $type;
            impl Formula for $type {
                const NAME: &str = $name;
                #[inline(always)]
                fn of<L: Double>($x: L, $y: L) -> L {
                    $value
                }
            }
        )*
        /// Compares each formula's results.
        fn compare_all(x: &[f64], y: &[f64]) {
            $(compare::<$type>(x, y);)*
        }
    };
}
formulas! {
    Exp "exp" (x, _y) exp(x);
    Exp2 "exp2" (x, _y) exp2(x);
    Expm1 "expm1" (x, _y) expm1(x);
    Log "log" (x, _y) log(x);
    Log2 "log2" (x, _y) log2(x);
    Log10 "log10" (x, _y) log10(x);
    Log1p "log1p" (x, _y) log1p(x);
    LogOfSum "logaddexp" (x, y) log_of_sum_of_exponentials(x, y);
    Log2OfSum "logaddexp2" (x, y) log2_of_sum_of_powers(x, y);
    Sin "sin" (x, _y) sin(x);
    Cos "cos" (x, _y) cos(x);
    Tan "tan" (x, _y) tan(x);
    Asin "asin" (x, _y) asin(x);
    Acos "acos" (x, _y) acos(x);
    Atan "atan" (x, _y) atan(x);
    Atan2 "atan2" (x, y) atan2(x, y);
    Sinh "sinh" (x, _y) sinh(x);
    Cosh "cosh" (x, _y) cosh(x);
    Tanh "tanh" (x, _y) tanh(x);
    Asinh "asinh" (x, _y) asinh(x);
    Acosh "acosh" (x, _y) acosh(x);
    Atanh "atanh" (x, _y) atanh(x);
    Power "power" (x, y) power(x, y);
    Cbrt "cbrt" (x, _y) cbrt(x);
    Hypot "hypot" (x, y) hypot(x, y);
    Erf "erf" (x, _y) erf(x);
    Erfc "erfc" (x, _y) erfc(x);
    ComplexExp "complex_exp" (x, y) sum(complex::complex_exp(Complex { real: x, imaginary: y }));
    ComplexLog "complex_log" (x, y) sum(complex::complex_log(Complex { real: x, imaginary: y }));
    ComplexSqrt "complex_sqrt" (x, y) sum(complex::complex_sqrt(Complex { real: x, imaginary: y }));
    ComplexSin "complex_sin" (x, y) sum(complex::complex_sin(Complex { real: x, imaginary: y }));
    ComplexTanh "complex_tanh" (x, y) sum(complex::complex_tanh(Complex { real: x, imaginary: y }));
    ComplexAcosh "complex_acosh" (x, y) sum(complex::complex_acosh(Complex { real: x, imaginary: y }));
    ComplexAtanh "complex_atanh" (x, y) sum(complex::complex_atanh(Complex { real: x, imaginary: y }));
    ComplexPower "complex_power" (x, y)
        sum(complex::complex_power(Complex { real: x, imaginary: y }, Complex { real: y, imaginary: x }));
    WholePower "whole_power" (x, y) sum(complex::complex_power(
        Complex { real: x, imaginary: y },
        Complex { real: L::constant(-7.0), imaginary: L::constant(0.0) },
    ));
    ScaledByPower "scaled_by_power" (x, y) exponential::scaled_by_power(x, L::select(y.is_nan(), L::constant(3.0), y.round()));
    Uniform "uniform" (x, y) random::uniform(x.to_bits(), y.to_bits(), x.to_bits());
    Normal "normal" (x, y) random::normal(x.to_bits(), y.to_bits(), x.to_bits());
}

/// Both parts at once.
#[inline(always)]
fn sum<L: Double>(z: Complex<L>) -> L {
    z.real.add(z.imaginary)
}

/// A formula over whole vectors; the lengths are multiples of every width.
#[inline(always)]
fn run<L: Double, F: Formula>(x: &[f64], y: &[f64]) -> Vec<f64> {
    let mut results = vec![0.0; x.len()];
    for start in (0..x.len()).step_by(L::WIDTH) {
        // SAFETY: the three have the same length, a multiple of the width.
        unsafe {
            let value = F::of(L::load(x.as_ptr().add(start)), L::load(y.as_ptr().add(start)));
            value.store(results.as_mut_ptr().add(start));
        }
    }
    results
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<F: Formula>(x: &[f64], y: &[f64]) -> Vec<f64> {
    run::<avx2::Doubles, F>(x, y)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
fn run_avx512<F: Formula>(x: &[f64], y: &[f64]) -> Vec<f64> {
    run::<avx512::Doubles, F>(x, y)
}

fn compare<F: Formula>(x: &[f64], y: &[f64]) {
    let expected = run::<f64, F>(x, y);
    let check = |lanes: &str, results: Vec<f64>| {
        for (index, (&result, &expected)) in results.iter().zip(&expected).enumerate() {
            let same = result.to_bits() == expected.to_bits() || result.is_nan() && expected.is_nan();
            let (name, x, y) = (F::NAME, x[index], y[index]);
            assert!(same, "{lanes}: {name}({x:?}, {y:?}) is {expected:?}, not {result:?}");
        }
    };
    check("portable", run::<portable::Doubles, F>(x, y));
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: just asked.
        check("AVX2", unsafe { run_avx2::<F>(x, y) });
        let wide = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq");
        if wide && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: just asked.
            check("AVX-512", unsafe { run_avx512::<F>(x, y) });
        }
    }
}

#[test]
fn vectors_give_the_bits_of_scalars() {
    let specials = [
        0.0,
        1.0,
        0.5,
        2.0,
        3.0,
        f64::INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        1e-310,
        1e300,
        1e-300,
        0.1,
        10.0,
        709.0,
        745.0,
        30.0,
        1e9,
        1e10,
        1e22,
        0.7,
        27.0,
        1.5,
    ];
    let mut points: Vec<f64> = specials.iter().flat_map(|&x| [x, -x]).collect();
    points.extend(hard_points::ONE.iter().map(|&(_, x, _)| x));
    points.extend(hard_points::TWO.iter().flat_map(|&(_, x, y, _)| [x, y]));
    // Every binade, by Philox; and the ordinary range.
    points.extend((0..4000u64).map(|index| f64::from_bits(random::random_bits(index, 1, 2))));
    points.extend(
        (0..4000i64).map(|index| (random::uniform::<f64>(index, 3, 4) - 0.5) * if index % 2 == 0 { 4.0 } else { 60.0 }),
    );
    points.truncate(points.len() / 64 * 64);
    let mut others = points.clone();
    for turn in [0, 1, 47, 1001] {
        others.rotate_left(turn);
        compare_all(&points, &others);
    }
}
