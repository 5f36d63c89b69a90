//! Hard points within 2 ULP, special values exactly.

use super::{random::*, *};

mod complex_points;
mod hard_points;
mod lanes;
mod quotients;

/// The distance of two doubles in units of the last place.
fn distance(a: f64, b: f64) -> u64 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u64::MAX };
    }
    // The bits of doubles are ordered as they are, once negative ones are counted down from zero.
    let place = |x: f64| {
        let bits = x.to_bits() as i64;
        (if bits < 0 { i64::MIN - bits } else { bits }) as i128
    };
    (place(a) - place(b)).unsigned_abs() as u64
}

fn formula(name: &str) -> fn(f64) -> f64 {
    match name {
        "exp" => exp,
        "exp2" => exp2,
        "expm1" => expm1,
        "log" => log,
        "log2" => log2,
        "log10" => log10,
        "log1p" => log1p,
        "sin" => sin,
        "cos" => cos,
        "tan" => tan,
        "asin" => asin,
        "acos" => acos,
        "atan" => atan,
        "sinh" => sinh,
        "cosh" => cosh,
        "tanh" => tanh,
        "asinh" => asinh,
        "acosh" => acosh,
        "atanh" => atanh,
        "cbrt" => cbrt,
        "erf" => erf,
        "erfc" => erfc,
        _ => panic!("no formula is named {name}"),
    }
}

fn formula_of_two(name: &str) -> fn(f64, f64) -> f64 {
    match name {
        "atan2" => atan2,
        "hypot" => hypot,
        "power" => power,
        _ => panic!("no formula is named {name}"),
    }
}

#[test]
fn hard_points_are_within_two_units() {
    for &(name, x, expected) in hard_points::ONE {
        let result = formula(name)(x);
        assert!(distance(result, expected) <= 2, "{name}({x:?}) is {expected:?}, not {result:?}");
    }
    for &(name, x, y, expected) in hard_points::TWO {
        let result = formula_of_two(name)(x, y);
        assert!(distance(result, expected) <= 2, "{name}({x:?}, {y:?}) is {expected:?}, not {result:?}");
    }
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const LEAST: f64 = 5e-324;

/// Bit for bit, any NaN for NaN.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn special_values_of_one_operand() {
    #[rustfmt::skip]
    let cases: &[(&str, f64, f64)] = &[
        ("exp", 0.0, 1.0), ("exp", -0.0, 1.0), ("exp", INF, INF), ("exp", -INF, 0.0), ("exp", NAN, NAN), ("exp", 710.0, INF),
        ("exp", -746.0, 0.0), ("exp", -745.0, LEAST), ("exp", 1e300, INF), ("exp", -1e300, 0.0), ("exp", LEAST, 1.0),
        ("exp2", 0.0, 1.0), ("exp2", 3.0, 8.0), ("exp2", 1023.0, 8.98846567431158e307), ("exp2", 1024.0, INF),
        ("exp2", -1022.0, f64::MIN_POSITIVE), ("exp2", -1074.0, LEAST), ("exp2", -1076.0, 0.0), ("exp2", INF, INF),
        ("exp2", -INF, 0.0), ("exp2", NAN, NAN),
        ("expm1", 0.0, 0.0), ("expm1", -0.0, -0.0), ("expm1", INF, INF), ("expm1", -INF, -1.0), ("expm1", NAN, NAN),
        ("expm1", LEAST, LEAST), ("expm1", -LEAST, -LEAST), ("expm1", -800.0, -1.0), ("expm1", 710.0, INF),
        ("log", 1.0, 0.0), ("log", 0.0, -INF), ("log", -0.0, -INF), ("log", -1.0, NAN), ("log", INF, INF), ("log", -INF, NAN),
        ("log", NAN, NAN), ("log2", 8.0, 3.0), ("log2", LEAST, -1074.0), ("log2", 1.0, 0.0), ("log2", 0.0, -INF),
        ("log2", -1.0, NAN), ("log2", INF, INF), ("log10", 1000.0, 3.0), ("log10", 1e22, 22.0), ("log10", 1.0, 0.0),
        ("log10", 0.0, -INF), ("log10", -1.0, NAN), ("log10", INF, INF), ("log10", NAN, NAN),
        ("log1p", 0.0, 0.0), ("log1p", -0.0, -0.0), ("log1p", -1.0, -INF), ("log1p", -2.0, NAN), ("log1p", INF, INF),
        ("log1p", -INF, NAN), ("log1p", NAN, NAN), ("log1p", LEAST, LEAST), ("log1p", -LEAST, -LEAST),
        ("sin", 0.0, 0.0), ("sin", -0.0, -0.0), ("sin", INF, NAN), ("sin", -INF, NAN), ("sin", NAN, NAN), ("sin", LEAST, LEAST),
        ("sin", -LEAST, -LEAST), ("cos", 0.0, 1.0), ("cos", -0.0, 1.0), ("cos", INF, NAN), ("cos", -INF, NAN), ("cos", NAN, NAN),
        ("tan", 0.0, 0.0), ("tan", -0.0, -0.0), ("tan", INF, NAN), ("tan", NAN, NAN), ("tan", LEAST, LEAST), ("tan", -LEAST, -LEAST),
        ("asin", 0.0, 0.0), ("asin", -0.0, -0.0), ("asin", 1.0, std::f64::consts::FRAC_PI_2), ("asin", 1.1, NAN),
        ("asin", -INF, NAN), ("asin", NAN, NAN), ("asin", LEAST, LEAST),
        ("acos", 1.0, 0.0), ("acos", -1.0, std::f64::consts::PI), ("acos", 0.0, std::f64::consts::FRAC_PI_2), ("acos", -1.1, NAN),
        ("acos", INF, NAN), ("acos", NAN, NAN),
        ("atan", 0.0, 0.0), ("atan", -0.0, -0.0), ("atan", INF, std::f64::consts::FRAC_PI_2), ("atan", -INF, -std::f64::consts::FRAC_PI_2),
        ("atan", NAN, NAN), ("atan", LEAST, LEAST), ("atan", f64::MAX, std::f64::consts::FRAC_PI_2), ("atan", 1.0, std::f64::consts::FRAC_PI_4),
        ("sinh", 0.0, 0.0), ("sinh", -0.0, -0.0), ("sinh", INF, INF), ("sinh", -INF, -INF), ("sinh", NAN, NAN), ("sinh", LEAST, LEAST),
        ("sinh", 711.0, INF), ("cosh", 0.0, 1.0), ("cosh", -0.0, 1.0), ("cosh", -INF, INF), ("cosh", INF, INF), ("cosh", NAN, NAN),
        ("tanh", 0.0, 0.0), ("tanh", -0.0, -0.0), ("tanh", INF, 1.0), ("tanh", -INF, -1.0), ("tanh", NAN, NAN), ("tanh", LEAST, LEAST),
        ("asinh", 0.0, 0.0), ("asinh", -0.0, -0.0), ("asinh", INF, INF), ("asinh", -INF, -INF), ("asinh", NAN, NAN), ("asinh", LEAST, LEAST),
        ("acosh", 1.0, 0.0), ("acosh", 0.5, NAN), ("acosh", -INF, NAN), ("acosh", INF, INF), ("acosh", NAN, NAN),
        ("atanh", 0.0, 0.0), ("atanh", -0.0, -0.0), ("atanh", 1.0, INF), ("atanh", -1.0, -INF), ("atanh", 1.5, NAN), ("atanh", INF, NAN),
        ("atanh", NAN, NAN), ("atanh", LEAST, LEAST),
        ("cbrt", 0.0, 0.0), ("cbrt", -0.0, -0.0), ("cbrt", 27.0, 3.0), ("cbrt", -27.0, -3.0), ("cbrt", INF, INF), ("cbrt", -INF, -INF),
        ("cbrt", NAN, NAN), ("cbrt", 1e-300, 1e-100), ("cbrt", LEAST, 1.7031839360032603e-108),
        ("erf", 0.0, 0.0), ("erf", -0.0, -0.0), ("erf", INF, 1.0), ("erf", -INF, -1.0), ("erf", NAN, NAN), ("erf", LEAST, LEAST),
        ("erfc", 0.0, 1.0), ("erfc", INF, 0.0), ("erfc", -INF, 2.0), ("erfc", NAN, NAN), ("erfc", 28.0, 0.0),
    ];
    for &(name, x, expected) in cases {
        let result = formula(name)(x);
        assert!(same(result, expected), "{name}({x:?}) is {expected:?}, not {result:?}");
    }
}

#[test]
fn special_values_of_two_operands() {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    #[rustfmt::skip]
    let cases: &[(&str, f64, f64, f64)] = &[
        ("power", 0.0, 0.0, 1.0), ("power", NAN, 0.0, 1.0), ("power", INF, -0.0, 1.0), ("power", 1.0, NAN, 1.0), ("power", 1.0, INF, 1.0),
        ("power", NAN, 1.0, NAN), ("power", 2.0, NAN, NAN), ("power", -1.0, INF, 1.0), ("power", -1.0, -INF, 1.0),
        ("power", 0.0, 3.0, 0.0), ("power", -0.0, 3.0, -0.0), ("power", -0.0, 2.0, 0.0), ("power", -0.0, 0.5, 0.0),
        ("power", 0.0, -3.0, INF), ("power", -0.0, -3.0, -INF), ("power", -0.0, -2.0, INF), ("power", -0.0, -0.5, INF),
        ("power", 0.0, INF, 0.0), ("power", 0.0, -INF, INF), ("power", -0.0, -INF, INF),
        ("power", INF, 2.0, INF), ("power", INF, -2.0, 0.0), ("power", -INF, 3.0, -INF), ("power", -INF, 2.0, INF), ("power", -INF, 0.5, INF),
        ("power", -INF, -3.0, -0.0), ("power", -INF, -2.0, 0.0), ("power", -INF, -0.5, 0.0),
        ("power", 2.0, INF, INF), ("power", 2.0, -INF, 0.0), ("power", 0.5, INF, 0.0), ("power", 0.5, -INF, INF), ("power", -2.0, INF, INF),
        ("power", -0.5, INF, 0.0), ("power", INF, INF, INF), ("power", INF, -INF, 0.0), ("power", -INF, INF, INF),
        ("power", -8.0, 1.0 / 3.0, NAN), ("power", -2.0, 3.0, -8.0), ("power", -2.0, -2.0, 0.25), ("power", -2.0, 1024.0, INF),
        ("power", -2.0, 1025.0, -INF), ("power", 10.0, 308.0, 1e308), ("power", 10.0, 309.0, INF), ("power", 2.0, -1074.0, LEAST),
        ("power", 2.0, -1076.0, 0.0), ("power", -2.0, -1077.0, -0.0), ("power", 10.0, 22.0, 1e22), ("power", 3.0, 33.0, 5559060566555523.0),
        ("power", 0.1, 1.0, 0.1), ("power", f64::MAX, 1.0, f64::MAX), ("power", LEAST, 1.0, LEAST), ("power", -1.7, 1.0, -1.7),
        ("power", 2.0, 1e308, INF), ("power", 0.5, f64::MAX, 0.0), ("power", 1.0000000000000002, f64::MAX, INF), ("power", 2.0, 0.5, std::f64::consts::SQRT_2),
        ("power", -1.0, 9007199254740993.0, 1.0), ("power", -1.0, 9007199254740991.0, -1.0), ("power", 2.0, LEAST, 1.0),
        ("atan2", 0.0, 1.0, 0.0), ("atan2", -0.0, 1.0, -0.0), ("atan2", 0.0, -1.0, PI), ("atan2", -0.0, -1.0, -PI),
        ("atan2", 0.0, 0.0, 0.0), ("atan2", -0.0, 0.0, -0.0), ("atan2", 0.0, -0.0, PI), ("atan2", -0.0, -0.0, -PI),
        ("atan2", 1.0, 0.0, FRAC_PI_2), ("atan2", -1.0, -0.0, -FRAC_PI_2), ("atan2", INF, INF, FRAC_PI_4), ("atan2", -INF, INF, -FRAC_PI_4),
        ("atan2", INF, -INF, 3.0 * FRAC_PI_4), ("atan2", 1.0, INF, 0.0), ("atan2", -1.0, INF, -0.0), ("atan2", 1.0, -INF, PI),
        ("atan2", INF, 1.0, FRAC_PI_2), ("atan2", -INF, -1.0, -FRAC_PI_2), ("atan2", NAN, 1.0, NAN), ("atan2", 1.0, NAN, NAN),
        ("atan2", INF, NAN, NAN), ("atan2", NAN, INF, NAN), ("atan2", LEAST, 1.0, LEAST), ("atan2", LEAST, LEAST, FRAC_PI_4),
        ("hypot", 3.0, 4.0, 5.0), ("hypot", -3e200, 4e200, 5e200), ("hypot", 0.0, -0.0, 0.0), ("hypot", INF, NAN, INF), ("hypot", NAN, -INF, INF),
        ("hypot", NAN, 1.0, NAN), ("hypot", 1.0, NAN, NAN), ("hypot", f64::MAX, f64::MAX, INF), ("hypot", LEAST, 0.0, LEAST),
        ("hypot", 3e-320, 4e-320, 5e-320), ("hypot", f64::MAX, 1.0, f64::MAX),
    ];
    for &(name, x, y, expected) in cases {
        let result = formula_of_two(name)(x, y);
        assert!(same(result, expected), "{name}({x:?}, {y:?}) is {expected:?}, not {result:?}");
    }
}

#[test]
fn powers_of_two_and_ten_are_exact() {
    for k in -1074..1024 {
        let power_of_two = exp2(k as f64);
        assert_eq!(log2(power_of_two), k as f64);
        assert!(same(power_of_two, power(2.0, k as f64)));
    }
    for k in 0..23 {
        assert_eq!(log10(power(10.0, k as f64)), k as f64);
    }
    for k in 1..2000 {
        let x = k as f64;
        assert_eq!(cbrt(x * x * x), x);
        assert!(same(power(x / 7.0, 1.0), x / 7.0));
    }
}

#[test]
fn odd_functions_are_odd() {
    for name in ["expm1", "sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "cbrt", "erf"] {
        if name == "expm1" {
            continue;
        }
        for k in 0..2000 {
            let x = (k as f64 * 0.0137).powi(3) % 1.0 * if k % 2 == 0 { 1.0 } else { 1e12 };
            assert!(same(formula(name)(-x), -formula(name)(x)), "{name}({x:?})");
        }
    }
}

/// The double nearest to a multiple of pi/2, relative to its size: 62 bits of 2/pi x are zeros.
#[test]
fn the_hardest_angle() {
    let x = 6381956970095103.0 * 2f64.powi(797);
    assert_eq!(cos(x), -4.687165924254628e-19);
    assert_eq!(sin(x), 1.0);
    assert!(distance(tan(x), -2.133485385753704e18) <= 1);
    assert!(distance(sin(1e300), -0.8178819121159085) <= 1);
    assert!(distance(sin(f64::MAX), 0.004961954789184062) <= 1);
}

/// The error of a complex number in units of the last place of its magnitude.
fn complex_distance([real, imaginary]: [f64; 2], expected: [f64; 2]) -> f64 {
    let size = hypot(expected[0], expected[1]);
    hypot((real - expected[0]) / size, (imaginary - expected[1]) / size) / f64::EPSILON
}

#[test]
fn functions_of_complex_numbers_are_within_two_units() {
    use super::complex::*;
    use thalweg_runtime::kernel::Complex;
    for &(name, [real, imaginary], expected) in complex_points::POINTS {
        let z = Complex { real, imaginary };
        let value = match name {
            "exp" => complex_exp(z),
            "expm1" => complex_expm1(z),
            "log" => complex_log(z),
            "log1p" => complex_log1p(z),
            "sqrt" => complex_sqrt(z),
            "sin" => complex_sin(z),
            "cos" => complex_cos(z),
            "tan" => complex_tan(z),
            "sinh" => complex_sinh(z),
            "cosh" => complex_cosh(z),
            "tanh" => complex_tanh(z),
            "asin" => complex_asin(z),
            "acos" => complex_acos(z),
            "atan" => complex_atan(z),
            "asinh" => complex_asinh(z),
            "acosh" => complex_acosh(z),
            "atanh" => complex_atanh(z),
            _ => panic!("no function is named {name}"),
        };
        let units = complex_distance([value.real, value.imaginary], expected);
        assert!(units <= 2.0, "{name}({z:?}) is {expected:?}, not {value:?}: {units} units");
    }
}

#[test]
fn philox_gives_the_known_answers() {
    // The test vectors of the authors' Random123 library.
    let zeros = philox([0u64; 4], [0; 2]);
    assert_eq!(zeros, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    let ones = philox([0xffff_ffffu64; 4], [0xffff_ffff; 2]);
    assert_eq!(ones, [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    let pi = philox([0x243f6a88i64, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
    assert_eq!(pi, [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
}

#[test]
fn elements_share_blocks_in_order() {
    assert_eq!(random_bits(0u64, 0, 0), 0xe169c58d_6627e8d5);
    assert_eq!(random_bits(1u64, 0, 0), 0x9b00dbd8_bc57ac4c);
    assert_ne!(random_bits(2u64, 0, 0), random_bits(0u64, 0, 0));
    assert_ne!(random_bits(0u64, 1, 0), random_bits(0u64, 0, 1));
}

#[test]
fn random_numbers_have_their_moments() {
    const COUNT: i64 = 100_000;
    let moments = |of: &dyn Fn(i64) -> f64| {
        let mut sums = [0.0; 4];
        for index in 0..COUNT {
            let x = of(index);
            sums[0] += x;
            sums[1] += x * x;
            sums[2] += x * x * x;
            sums[3] += x * x * x * x;
        }
        sums.map(|sum| sum / COUNT as f64)
    };
    let close = |a: [f64; 4], b: [f64; 4], within: f64| a.iter().zip(b).all(|(a, b)| (a - b).abs() < within);
    let uniforms = moments(&|index| {
        let x: f64 = uniform(index, 42, 7);
        assert!((0.0..1.0).contains(&x));
        x
    });
    assert!(close(uniforms, [1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0, 1.0 / 5.0], 0.004), "{uniforms:?}");
    let normals = moments(&|index| normal(index, 42, 7));
    assert!(close(normals, [0.0, 1.0, 0.0, 3.0], 0.1), "{normals:?}");
    // The extremes of the uniform numbers give finite normals.
    assert_eq!(uniform_from_bits::<f64>(-1), 1.0 - f64::EPSILON / 2.0);
}
