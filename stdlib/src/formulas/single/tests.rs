//! Formulas for f32 against those for f64, special values exactly, and every vector against the scalar bits.

use super::super::{self as double, Single, random};
use super::*;
use thalweg_runtime::lane::portable;
#[cfg(target_arch = "x86_64")]
use thalweg_runtime::lane::{avx2, avx512};

/// A formula as a type, of two operands or the first of them.
trait Formula {
    const NAME: &str;
    /// The most that any argument's error is, as measured, in units in the last place.
    const MOST: f64;
    fn of<L: Single>(x: L, y: L) -> L;
    fn double(x: f64, y: f64) -> f64;
}

macro_rules! formulas {
    ($($type:ident $name:ident $most:literal ($x:ident, $y:ident) ($($operand:ident),+);)*) => {
        $(
            struct $type;
            impl Formula for $type {
                const NAME: &str = stringify!($name);
                const MOST: f64 = $most;
                #[inline(always)]
                fn of<L: Single>($x: L, $y: L) -> L {
                    $name($($operand),+)
                }
                fn double($x: f64, $y: f64) -> f64 {
                    double::$name($($operand),+)
                }
            }
        )*
        /// Does the same with each.
        fn compare_all(x: &[f32], y: &[f32]) {
            $(compare::<$type>(x, y);)*
        }
        /// The value of a formula of one operand.
        fn value_of(name: &str, x: f32) -> f32 {
            match name {
                $(stringify!($name) => $type::of(x, f32::NAN),)*
                _ => panic!("no formula is named {name}"),
            }
        }
    };
}
formulas! {
    Exp exp 1.04 (x, _y) (x);
    Exp2 exp2 0.90 (x, _y) (x);
    Expm1 expm1 1.12 (x, _y) (x);
    Log log 0.88 (x, _y) (x);
    Log2 log2 1.06 (x, _y) (x);
    Log10 log10 0.92 (x, _y) (x);
    Log1p log1p 0.92 (x, _y) (x);
    Sin sin 0.92 (x, _y) (x);
    Cos cos 0.92 (x, _y) (x);
    Tan tan 1.15 (x, _y) (x);
    Sinh sinh 0.90 (x, _y) (x);
    Cosh cosh 0.71 (x, _y) (x);
    Tanh tanh 0.98 (x, _y) (x);
    Erf erf 1.19 (x, _y) (x);
    Hypot hypot 0.77 (x, y) (x, y);
}

/// Bit for bit, any NaN for NaN.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// How far a result is from an exact one, in units of that one's last place.
fn error(result: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if same(result, rounded) {
        return 0.0;
    }
    if !result.is_finite() || !rounded.is_finite() || result.is_sign_negative() != rounded.is_sign_negative() {
        return f64::INFINITY;
    }
    let exponent = ((exact.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(-126);
    (result as f64 - exact).abs() / 2f64.powi(exponent - 23)
}

/// A formula over whole vectors; the lengths are multiples of every width.
#[inline(always)]
fn run<L: Single, F: Formula>(x: &[f32], y: &[f32]) -> Vec<f32> {
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
fn run_avx2<F: Formula>(x: &[f32], y: &[f32]) -> Vec<f32> {
    run::<avx2::Singles, F>(x, y)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
fn run_avx512<F: Formula>(x: &[f32], y: &[f32]) -> Vec<f32> {
    run::<avx512::Singles, F>(x, y)
}

/// The scalar results are near the f64 formula's, and every vector's are the scalar ones.
fn compare<F: Formula>(x: &[f32], y: &[f32]) {
    let expected = run::<f32, F>(x, y);
    for (index, &result) in expected.iter().enumerate() {
        let (name, x, y) = (F::NAME, x[index], y[index]);
        let exact = F::double(x as f64, y as f64);
        let error = error(result, exact);
        assert!(error <= F::MOST, "{name}({x:?}, {y:?}) is {exact:?}, not {result:?}: {error} units");
    }
    let check = |lanes: &str, results: Vec<f32>| {
        for (index, (&result, &expected)) in results.iter().zip(&expected).enumerate() {
            let (name, x, y) = (F::NAME, x[index], y[index]);
            assert!(same(result, expected), "{lanes}: {name}({x:?}, {y:?}) is {expected:?}, not {result:?}");
        }
    };
    check("portable", run::<portable::Singles, F>(x, y));
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

/// Both ends and some of the middle of every binade of both signs, zeros, subnormal numbers, infinities and NaN.
fn of_every_exponent(each: u64) -> Vec<f32> {
    let mut points = Vec::new();
    for binade in 0..512u32 {
        points.extend([0, 1, 2, 0x7f_fffe, 0x7f_ffff].map(|low| f32::from_bits(binade << 23 | low)));
        let random = |index| random::random_bits(index, 5, binade as u64) as u32 & 0x7f_ffff;
        points.extend((0..each).map(|index| f32::from_bits(binade << 23 | random(index))));
    }
    points
}

#[test]
fn every_exponent_is_near_the_f64_formula_on_every_vector() {
    let mut points = of_every_exponent(59);
    // Where most arguments are, and where results overflow and underflow.
    let random = |index: i64| random::uniform::<f64>(index, 3, 4) - 0.5;
    points.extend((0..8192).map(|index| (random(index) * if index % 2 == 0 { 4.0 } else { 240.0 }) as f32));
    let mut others = points.clone();
    for turn in [1, 3, 64 * 512 / 2 + 7] {
        others.rotate_left(turn);
        compare_all(&points, &others);
    }
    others.clone_from(&points);
    others.iter_mut().for_each(|y| *y *= 0.75);
    compare::<Hypot>(&points, &others);
}

#[test]
fn special_values() {
    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    const LEAST: f32 = 1e-45;
    #[rustfmt::skip]
    let cases: &[(&str, f32, f32)] = &[
        ("exp", 0.0, 1.0), ("exp", -0.0, 1.0), ("exp", INF, INF), ("exp", -INF, 0.0), ("exp", NAN, NAN), ("exp", LEAST, 1.0),
        // The last argument whose power is finite, the first whose is not; the last that gives a subnormal number, and what follows.
        ("exp", 88.72283, 3.4027985e38), ("exp", 88.72284, INF), ("exp", -103.97208, LEAST), ("exp", -103.97209, 0.0),
        ("exp", 1e30, INF), ("exp", -1e30, 0.0),
        ("exp2", 3.0, 8.0), ("exp2", 127.0, 1.7014118e38), ("exp2", 128.0, INF), ("exp2", -126.0, f32::MIN_POSITIVE),
        ("exp2", -149.0, LEAST), ("exp2", -151.0, 0.0), ("exp2", INF, INF), ("exp2", -INF, 0.0), ("exp2", NAN, NAN),
        ("expm1", 0.0, 0.0), ("expm1", -0.0, -0.0), ("expm1", INF, INF), ("expm1", -INF, -1.0), ("expm1", NAN, NAN),
        ("expm1", LEAST, LEAST), ("expm1", -LEAST, -LEAST), ("expm1", -100.0, -1.0), ("expm1", 89.0, INF),
        ("log", 1.0, 0.0), ("log", 0.0, -INF), ("log", -0.0, -INF), ("log", -1.0, NAN), ("log", INF, INF), ("log", -INF, NAN),
        ("log", NAN, NAN), ("log2", 8.0, 3.0), ("log2", LEAST, -149.0), ("log2", 0.0, -INF), ("log2", -1.0, NAN), ("log2", INF, INF),
        ("log10", 1000.0, 3.0), ("log10", 1e10, 10.0), ("log10", 1.0, 0.0), ("log10", 0.0, -INF), ("log10", NAN, NAN),
        ("log1p", 0.0, 0.0), ("log1p", -0.0, -0.0), ("log1p", -1.0, -INF), ("log1p", -2.0, NAN), ("log1p", INF, INF),
        ("log1p", -INF, NAN), ("log1p", NAN, NAN), ("log1p", LEAST, LEAST), ("log1p", -LEAST, -LEAST),
        ("sin", 0.0, 0.0), ("sin", -0.0, -0.0), ("sin", INF, NAN), ("sin", -INF, NAN), ("sin", NAN, NAN), ("sin", LEAST, LEAST),
        ("sin", -LEAST, -LEAST), ("cos", 0.0, 1.0), ("cos", -0.0, 1.0), ("cos", INF, NAN), ("cos", NAN, NAN),
        ("tan", 0.0, 0.0), ("tan", -0.0, -0.0), ("tan", INF, NAN), ("tan", NAN, NAN), ("tan", LEAST, LEAST), ("tan", -LEAST, -LEAST),
        ("sinh", 0.0, 0.0), ("sinh", -0.0, -0.0), ("sinh", INF, INF), ("sinh", -INF, -INF), ("sinh", NAN, NAN), ("sinh", LEAST, LEAST),
        ("cosh", 0.0, 1.0), ("cosh", -INF, INF), ("cosh", NAN, NAN),
        ("tanh", 0.0, 0.0), ("tanh", -0.0, -0.0), ("tanh", INF, 1.0), ("tanh", -INF, -1.0), ("tanh", NAN, NAN), ("tanh", LEAST, LEAST),
        ("erf", 0.0, 0.0), ("erf", -0.0, -0.0), ("erf", INF, 1.0), ("erf", -INF, -1.0), ("erf", NAN, NAN), ("erf", LEAST, LEAST),
    ];
    for &(name, x, expected) in cases {
        let result = value_of(name, x);
        assert!(same(result, expected), "{name}({x:?}) is {expected:?}, not {result:?}");
    }
    #[rustfmt::skip]
    let cases = [
        (3.0, 4.0, 5.0), (-3e20, 4e20, 5e20), (0.0, -0.0, 0.0), (INF, NAN, INF), (NAN, -INF, INF), (NAN, 1.0, NAN), (1.0, NAN, NAN),
        (f32::MAX, f32::MAX, INF), (LEAST, 0.0, LEAST), (f32::MAX, 1.0, f32::MAX),
    ];
    for (x, y, expected) in cases {
        assert!(same(hypot(x, y), expected), "hypot({x:?}, {y:?}) is {expected:?}, not {:?}", hypot(x, y));
    }
}

#[test]
fn powers_of_two_and_ten_are_exact() {
    for k in -149..128 {
        assert_eq!(log2(exp2(k as f32)), k as f32);
        assert_eq!(exp2(k as f32) as f64, 2f64.powi(k));
    }
    for k in 0..11 {
        assert_eq!(log10(10f64.powi(k) as f32), k as f32);
    }
}

#[test]
fn odd_functions_are_odd() {
    for x in of_every_exponent(20) {
        for name in ["sin", "tan", "sinh", "tanh", "erf"] {
            assert!(same(value_of(name, -x), -value_of(name, x)), "{name}({x:?})");
        }
    }
}
