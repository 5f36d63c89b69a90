//! Every level against the scalar lane, bit for bit.

use thalweg_lang::dtype::{DType, Kind, Scalar};

use super::table::{from_bytes, to_bytes};
use super::*;
use crate::lane::{Float, Integer, Lane, Mask, Number, Whole};

/// A small generator (splitmix64): tests must not differ from run to run.
struct Random(u64);
impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d049bb133111eb);
        mixed ^ (mixed >> 31)
    }
}

const FLOATS: [f64; 28] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.49999999999999994,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1e-310,
    f64::MAX,
    f64::MIN,
    4503599627370495.5,
    4503599627370497.0,
    -4503599627370495.5,
    9007199254740993.0,
    9.3e18,
    3e38,
    1e-40,
    1e-45,
    8388607.5,
];

/// One part of an element: special, small or any bits.
fn bits(dtype: DType, random: &mut Random) -> u64 {
    let float = |random: &mut Random| match random.next() % 4 {
        0 => FLOATS[(random.next() % FLOATS.len() as u64) as usize],
        1 => (random.next() as i64 >> 40) as f64 / 64.0,
        2 => (random.next() as i64 >> 54) as f64,
        _ => f64::from_bits(random.next()),
    };
    match dtype {
        DType::Bool => random.next() & 1,
        DType::F64 | DType::C128 => float(random).to_bits(),
        DType::F32 | DType::C64 => match random.next() % 2 {
            0 => (float(random) as f32).to_bits() as u64,
            _ => random.next() as u32 as u64,
        },
        _ => match random.next() % 4 {
            0 => [0, 1, u64::MAX, i64::MAX as u64, i64::MIN as u64, 127, 128, 1 << 31][(random.next() % 8) as usize],
            1 => (random.next() as i64 >> 60) as u64,
            2 => (random.next() as i64 >> (random.next() % 64)) as u64,
            _ => random.next(),
        },
    }
}

/// Dense random elements, with room behind them.
fn elements(dtype: DType, length: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..length {
        let scalar = Scalar { dtype, bits: [bits(dtype, random), bits(dtype, random)] };
        bytes.extend_from_slice(&to_bytes(scalar)[..dtype.size()]);
    }
    bytes
}

/// The elements with every NaN made the same one: which NaN an operation gives is not promised.
fn plain(dtype: DType, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if matches!(dtype, DType::F32 | DType::C64) {
        for part in bytes.chunks_exact_mut(4) {
            if f32::from_ne_bytes(part.try_into().unwrap()).is_nan() {
                part.copy_from_slice(&f32::NAN.to_ne_bytes());
            }
        }
    } else if matches!(dtype, DType::F64 | DType::C128) {
        for part in bytes.chunks_exact_mut(8) {
            if f64::from_ne_bytes(part.try_into().unwrap()).is_nan() {
                part.copy_from_slice(&f64::NAN.to_ne_bytes());
            }
        }
    }
    bytes
}

/// Runs a kernel; the bytes behind the result must stay as they are.
fn run(kernel: &Kernel, level: Level, operands: &[Vec<u8>], length: usize) -> (Vec<u8>, usize) {
    let size = length * kernel.result.size();
    let mut result = vec![0xa5; size + 64];
    let pointers: Vec<*const u8> = operands.iter().map(|operand| operand.as_ptr()).collect();
    // SAFETY: operands have `length` elements, the result has room, the level is available.
    let fault = unsafe { kernel.function(level)(pointers.as_ptr(), result.as_mut_ptr(), length) };
    assert!(result[size..].iter().all(|byte| *byte == 0xa5), "{kernel:?} at {level:?} wrote beyond {length}");
    result.truncate(size);
    (result, fault)
}

fn check_kernel(kernel: &Kernel, random: &mut Random) {
    for length in (0..67).chain([128, 200, 515]) {
        let operands: Vec<Vec<u8>> = kernel.operands.iter().map(|dtype| elements(*dtype, length, random)).collect();
        let (expected, fault) = run(kernel, Level::Scalar, &operands, length);
        let valid = fault.min(length) * kernel.result.size();
        for level in Level::available() {
            let (got, got_fault) = run(kernel, level, &operands, length);
            assert_eq!(fault, got_fault, "{kernel:?} at {level:?}, length {length}");
            compare(kernel, level, &operands, &expected[..valid], &got[..valid]);
            for (index, dtype) in kernel.operands.iter().enumerate() {
                if dtype.size() < kernel.result.size() {
                    continue;
                }
                let mut operands = operands.clone();
                let result = operands[index].as_mut_ptr();
                let mut pointers: Vec<*const u8> = operands.iter().map(|operand| operand.as_ptr()).collect();
                pointers[index] = result;
                // SAFETY: as in `run`; the result replaces an operand whose elements are no smaller.
                unsafe { kernel.function(level)(pointers.as_ptr(), result, length) };
                compare(kernel, level, &operands, &expected[..valid], &operands[index][..valid]);
            }
        }
    }
}

#[track_caller]
fn compare(kernel: &Kernel, level: Level, operands: &[Vec<u8>], expected: &[u8], got: &[u8]) {
    let (expected, got) = (plain(kernel.result, expected), plain(kernel.result, got));
    let size = kernel.result.size();
    for (index, (expected, got)) in expected.chunks(size).zip(got.chunks(size)).enumerate() {
        let inputs: Vec<Scalar> = kernel
            .operands
            .iter()
            .zip(operands)
            .map(|(dtype, bytes)| element(*dtype, &bytes[index * dtype.size()..]))
            .collect();
        assert_eq!(expected, got, "{kernel:?} at {level:?}, element {index}: {inputs:?}");
    }
}

fn element(dtype: DType, bytes: &[u8]) -> Scalar {
    let mut whole = [0; 16];
    whole[..dtype.size()].copy_from_slice(&bytes[..dtype.size()]);
    from_bytes(dtype, whole)
}

fn check(kernels: Kernels) {
    let mut random = Random(1);
    for kernel in kernels.iter() {
        check_kernel(kernel, &mut random);
    }
}

macro_rules! formulas {
    ($($formula:ident: $kind:ident<$count:literal>($bound:ident) -> $out:ty = |$($operand:ident),*| $body:expr;)*) => { $(
        struct $formula;
        impl $kind<$count> for $formula {
            #[inline(always)]
            fn apply<L: $bound>([$($operand),*]: [L; $count]) -> $out {
                $body
            }
        }
    )* };
}

formulas! {
    Add: NumberFormula<2>(Number) -> L = |a, b| a.add(b);
    Subtract: NumberFormula<2>(Number) -> L = |a, b| a.subtract(b);
    Multiply: NumberFormula<2>(Number) -> L = |a, b| a.multiply(b);
    Negate: NumberFormula<1>(Number) -> L = |a| a.negate();
    Larger: NumberFormula<2>(Number) -> L = |a, b| {
        L::select(a.greater_equal(b).or(a.not_equal(a)), a, b)
    };
    Equal: NumberTest<2>(Number) -> L::Mask = |a, b| a.equal(b);
    NotEqual: NumberTest<2>(Number) -> L::Mask = |a, b| a.not_equal(b);
    Less: NumberTest<2>(Number) -> L::Mask = |a, b| a.less(b);
    LessEqual: NumberTest<2>(Number) -> L::Mask = |a, b| a.less_equal(b);
    Greater: NumberTest<2>(Number) -> L::Mask = |a, b| a.greater(b);
    Masks: NumberTest<2>(Number) -> L::Mask = |a, b| {
        a.less(b).not().xor(a.equal(a).and(L::Mask::splat(true))).or(b.equal(a))
    };
    Divide: FloatFormula<2>(Float) -> L = |a, b| a.divide(b);
    SquareRoot: FloatFormula<1>(Float) -> L = |a| a.square_root();
    Fma: FloatFormula<3>(Float) -> L = |a, b, c| a.fma(b, c);
    DoubleFma: DoubleFormula<3>(Double) -> L = |a, b, c| a.fma(b, c);
    DoubleSquareRoot: DoubleFormula<1>(Double) -> L = |a| a.square_root();
    Absolute: FloatFormula<1>(Float) -> L = |a| a.absolute();
    CopySign: FloatFormula<2>(Float) -> L = |a, b| a.copy_sign(b);
    Floor: FloatFormula<1>(Float) -> L = |a| a.floor();
    Ceil: FloatFormula<1>(Float) -> L = |a| a.ceil();
    Truncate: FloatFormula<1>(Float) -> L = |a| a.truncate();
    Round: FloatFormula<1>(Float) -> L = |a| a.round();
    IsNan: FloatTest<1>(Float) -> L::Mask = |a| a.is_nan();
    // Conversions, kept to where they are defined.
    Integers: FloatFormula<1>(Float) -> L = |a| {
        let small = a.absolute().less(L::constant(2097152.0));
        let a = L::select(small, a, L::constant(-3.5));
        L::from_integer(a.to_integer()).add(L::from_integer(a.to_integer().multiply(L::bits_constant(5))))
    };
    Shifts: FloatFormula<2>(Float) -> L = |a, b| {
        let (a, b) = (a.to_bits(), b.to_bits());
        let counts = b.and(L::bits_constant(127));
        let mixed = a.shift_left::<3>()
            .xor(a.shift_right::<5>())
            .xor(a.shift_right::<0>())
            .xor(a.shift_right_logical::<9>())
            .xor(a.shift_left_each(counts))
            .xor(b.shift_right_logical_each(counts))
            .xor(a.shift_right_logical_each(b));
        let mixed = <L::Bits as Lane>::select(a.less_equal(b), mixed.invert(), mixed.negate());
        L::from_integer(mixed.shift_right_logical::<1>().and(L::bits_constant(0xfffff)))
    };
    BitTests: FloatTest<2>(Float) -> L::Mask = |a, b| {
        let (a, b) = (a.to_bits(), b.to_bits());
        let product = a.multiply(b).add(a.subtract(b)).or(b.and(a));
        product.less(a).xor(product.equal(b)).xor(product.not_equal(a)).xor(a.greater(b)).xor(b.greater_equal(product))
    };
    Rare: FloatFormula<1>(Float) -> L = |a| L::rarely(a.less(L::constant(0.0)), a, || a.absolute().square_root());
    BitAnd: IntegerFormula<2>(Integer) -> L = |a, b| a.and(b);
    Mixed: IntegerFormula<2>(Integer) -> L = |a, b| {
        a.shift_left_each(b).xor(b.shift_right_logical_each(a)).or(a.invert()).add(b.shift_right::<3>().shift_left::<1>())
    };
    Both: LogicFormula<2>(Mask) -> L = |a, b| a.and(b);
    Differ: LogicFormula<2>(Mask) -> L = |a, b| a.xor(b).or(a.and(b)).not();
}

/// A formula for f64, as a transcendental one is: constants, bits and a rare path.
struct Horner;
impl DoubleFormula<2> for Horner {
    #[inline(always)]
    fn apply<L: Float<Element = f64, Bits: Integer<Element = i64>>>([a, b]: [L; 2]) -> L {
        let sum = a.fma(L::constant(0.1), b).fma(a, L::splat(0.3));
        let scaled = L::from_bits(sum.to_bits().add(L::Bits::splat(1 << 52)));
        crate::rarely!(L, scaled.is_nan(), scaled, a.divide(b).add(L::constant(1.0)))
    }
}

/// The same with a formula of its own for f32.
struct TwoTexts;
impl DoubleFormula<2> for TwoTexts {
    #[inline(always)]
    fn apply<L: Double>(operands: [L; 2]) -> L {
        Horner::apply(operands)
    }
}
impl SingleFormula<2> for TwoTexts {
    #[inline(always)]
    fn apply<L: Single>([a, b]: [L; 2]) -> L {
        let sum = a.fma(L::constant(0.1), b).fma(a, L::splat(0.3));
        let scaled = L::from_bits(sum.to_bits().add(L::Bits::splat(1 << 23)));
        crate::rarely!(L, scaled.is_nan(), scaled, a.divide(b).add(L::constant(1.0)))
    }
}

struct Quotient;
impl WholeFormula<2> for Quotient {
    const FAULT: Option<&'static str> = Some("division by zero");
    fn apply<T: Whole>([a, b]: [T; 2]) -> Option<T> {
        (b != T::ZERO).then(|| a.divide(b))
    }
}

struct ComplexProduct;
impl ComplexFormula<2> for ComplexProduct {
    #[inline(always)]
    fn apply<L: Float>([a, b]: [Complex<L>; 2]) -> Complex<L> {
        Complex {
            real: a.real.multiply(b.real).subtract(a.imaginary.multiply(b.imaginary)),
            imaginary: a.real.multiply(b.imaginary).add(a.imaginary.multiply(b.real)),
        }
    }
}
struct ComplexSum;
impl ComplexDoubleFormula<2> for ComplexSum {
    #[inline(always)]
    fn apply<L: Float<Element = f64, Bits: Integer<Element = i64>>>([a, b]: [Complex<L>; 2]) -> Complex<L> {
        Complex { real: a.real.add(b.real), imaginary: a.imaginary.fma(L::constant(1.1), b.imaginary) }
    }
}
struct Magnitude;
impl ComplexDoublePart<1> for Magnitude {
    #[inline(always)]
    fn apply<L: Float<Element = f64, Bits: Integer<Element = i64>>>([a]: [Complex<L>; 1]) -> L {
        a.real.fma(a.real, a.imaginary.multiply(a.imaginary)).square_root()
    }
}
struct ComplexEqual;
impl ComplexTest<2> for ComplexEqual {
    #[inline(always)]
    fn apply<L: Float>([a, b]: [Complex<L>; 2]) -> L::Mask {
        a.real.equal(b.real).and(a.imaginary.equal(b.imaginary))
    }
}
struct Imaginary;
impl ComplexPart<1> for Imaginary {
    #[inline(always)]
    fn apply<L: Float>([a]: [Complex<L>; 1]) -> L {
        a.imaginary
    }
}

#[test]
fn numbers() {
    check(Kernels::number::<Add, 2>());
    check(Kernels::number::<Subtract, 2>());
    check(Kernels::number::<Multiply, 2>());
    check(Kernels::number::<Negate, 1>());
    check(Kernels::number::<Larger, 2>());
}

#[test]
fn comparisons() {
    check(Kernels::number_test::<Equal, 2>());
    check(Kernels::number_test::<NotEqual, 2>());
    check(Kernels::number_test::<Less, 2>());
    check(Kernels::number_test::<LessEqual, 2>());
    check(Kernels::number_test::<Greater, 2>());
    check(Kernels::number_test::<Masks, 2>());
}

#[test]
fn floats() {
    check(Kernels::float::<Divide, 2>());
    check(Kernels::float::<SquareRoot, 1>());
    check(Kernels::float::<Fma, 3>());
    check(Kernels::float::<Absolute, 1>());
    check(Kernels::float::<CopySign, 2>());
    check(Kernels::float::<Floor, 1>());
    check(Kernels::float::<Ceil, 1>());
    check(Kernels::float::<Truncate, 1>());
    check(Kernels::float::<Round, 1>());
    check(Kernels::float_test::<IsNan, 1>());
    check(Kernels::float::<Rare, 1>());
    check(Kernels::double::<DoubleFma, 3>());
    check(Kernels::double::<DoubleSquareRoot, 1>());
    check(Kernels::double::<Horner, 2>());
    check(Kernels::double_and_single::<TwoTexts, 2>());
}

#[test]
fn bits_of_floats() {
    check(Kernels::float::<Integers, 1>());
    check(Kernels::float::<Shifts, 2>());
    check(Kernels::float_test::<BitTests, 2>());
}

#[test]
fn integers_and_truths() {
    check(Kernels::integer::<BitAnd, 2>());
    check(Kernels::integer::<Mixed, 2>());
    check(Kernels::whole::<Quotient, 2>());
    check(Kernels::logic::<Both, 2>().and(Kernels::logic::<Differ, 2>()));
    check(Kernels::select());
}

#[test]
fn complex_numbers() {
    check(Kernels::complex::<ComplexProduct, 2>());
    check(Kernels::complex_test::<ComplexEqual, 2>());
    check(Kernels::complex_part::<Imaginary, 1>());
    check(Kernels::complex_double::<ComplexSum, 2>());
    check(Kernels::complex_double_part::<Magnitude, 1>());
}

#[test]
fn casts_are_those_of_scalars() {
    let mut random = Random(2);
    for from in DType::ALL {
        for to in DType::ALL {
            let kernel = cast(from, to);
            assert_eq!((kernel.operands, kernel.result), (&[from][..], to));
            check_kernel(kernel, &mut random);
            let bytes = elements(from, 400, &mut random);
            let (got, _) = run(kernel, Level::detect(), std::slice::from_ref(&bytes), 400);
            for index in 0..400 {
                let value = element(from, &bytes[index * from.size()..]);
                let expected = value.cast(to);
                let expected = plain(to, &to_bytes(expected)[..to.size()]);
                let got = plain(to, &got[index * to.size()..][..to.size()]);
                assert_eq!(expected, got, "{value:?} to {to}");
            }
        }
    }
}

#[test]
fn a_scalar_and_a_fault() {
    let kernel = Kernels::whole::<Quotient, 2>().find(&[DType::I64, DType::I64]).unwrap();
    assert_eq!(kernel.scalar(&[Scalar::i64(-7), Scalar::i64(2)]), Ok(Scalar::i64(-3)));
    assert_eq!(kernel.scalar(&[Scalar::i64(1), Scalar::i64(0)]), Err(Fault { reason: "division by zero" }));
    let add = Kernels::number::<Add, 2>().and(Kernels::complex::<ComplexProduct, 2>());
    for dtype in DType::ALL {
        assert_eq!(add.find(&[dtype, dtype]).is_some(), dtype.kind() != Kind::Bool);
    }
    assert!(add.find(&[DType::I64, DType::F64]).is_none());
}

fn check_folds(folds: Folds) {
    let mut random = Random(3);
    for fold in DType::ALL.into_iter().filter_map(|dtype| folds.find(dtype)) {
        let size = fold.dtype().size();
        for width in (1..20).chain([STRIPE / size, STRIPE / size + 5, 300]) {
            for stripes in [0, 1, 2, 5, STRIPES] {
                let gap = (random.next() % 3) as usize * 3;
                let stride = (width + gap) * size;
                let count = if stripes == 0 { 0 } else { (stripes - 1) * (width + gap) + width };
                let source = elements(fold.dtype(), count, &mut random);
                let start = elements(fold.dtype(), width, &mut random);
                let mut expected = start.clone();
                for stripe in 0..stripes {
                    let row = source[stripe * stride..][..width * size].to_vec();
                    let (next, _) = run(&fold.kernel, Level::Scalar, &[expected, row], width);
                    expected = next;
                }
                for level in Level::available() {
                    let mut got = start.clone();
                    got.extend_from_slice(&[0xa5; 64]);
                    // SAFETY: as many accumulators and elements as are named, no fewer; the level is available.
                    unsafe { fold.accumulate(level, got.as_mut_ptr(), source.as_ptr(), width, stride, stripes) };
                    assert!(got[width * size..].iter().all(|byte| *byte == 0xa5));
                    compare(&fold.kernel, level, &[start.clone(), start.clone()], &expected, &got[..width * size]);
                    if width.is_power_of_two() {
                        // SAFETY: the accumulators are `width` elements; the level is available.
                        unsafe { fold.halve(level, got.as_mut_ptr(), width) };
                        let mut total = expected.clone();
                        while total.len() > size {
                            let upper = total.split_off(total.len() / 2);
                            let length = upper.len() / size;
                            (total, _) = run(&fold.kernel, Level::Scalar, &[total, upper], length);
                        }
                        compare(&fold.kernel, level, &[start.clone(), start.clone()], &total, &got[..size]);
                    }
                }
            }
        }
    }
}

#[test]
fn folds() {
    check_folds(Folds::number::<Add>());
    check_folds(Folds::number::<Larger>());
    check_folds(Folds::float::<Divide>());
    check_folds(Folds::integer::<BitAnd>());
    check_folds(Folds::logic::<Both>());
    check_folds(Folds::complex::<ComplexProduct>());
}
