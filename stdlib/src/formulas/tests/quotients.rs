//! Integers are divided to the same bits whether floats do it or the processor's division.

use super::super::arithmetic::{FloorDivide, Remainder, TruncatedRemainder};
use thalweg_lang::dtype::DType;
use thalweg_runtime::kernel::{Kernel, Kernels, Level};

/// The kernel's results at a level, and how many elements have one: `usize::MAX` if all do.
fn results<T: Copy + Default>(kernel: &Kernel, level: Level, operands: [&[T]; 2]) -> (Vec<T>, usize) {
    let mut results = vec![T::default(); operands[0].len()];
    let pointers = operands.map(|operand| operand.as_ptr().cast::<u8>());
    // SAFETY: operands and results have as many elements of the kernel's dtype, and the level is available.
    let done = unsafe { kernel.function(level)(pointers.as_ptr(), results.as_mut_ptr().cast(), results.len()) };
    (results, done)
}

/// Compares all levels with the scalar one, which divides as the processor does.
fn compare<T: Copy + Default + PartialEq + std::fmt::Debug>(dtype: DType, left: &[T], right: &[T]) {
    let formulas = [
        ("//", Kernels::whole::<FloorDivide, 2>()),
        ("%", Kernels::whole::<Remainder, 2>()),
        ("fmod", Kernels::whole::<TruncatedRemainder, 2>()),
    ];
    for (name, kernels) in formulas {
        let kernel = kernels.find(&[dtype, dtype]).expect("there is one for each integer");
        let (expected, done) = results(kernel, Level::Scalar, [left, right]);
        assert_eq!(done, usize::MAX, "{name}: no divisor is zero");
        for level in Level::available() {
            let (found, done) = results(kernel, level, [left, right]);
            assert_eq!(done, usize::MAX, "{name} at {level:?}");
            if let Some(at) = (0..left.len()).find(|&at| found[at] != expected[at]) {
                panic!("{:?} {name} {:?} at {level:?}: {:?}, not {:?}", left[at], right[at], found[at], expected[at]);
            }
        }
    }
}

#[test]
fn all_numbers_of_eight_bits() {
    let pairs = || (0..=255u8).flat_map(|left| (1..=255u8).map(move |right| (left, right)));
    let (left, right): (Vec<u8>, Vec<u8>) = pairs().unzip();
    compare(DType::U8, &left, &right);
    let (left, right): (Vec<i8>, Vec<i8>) = pairs().map(|(left, right)| (left as i8, right as i8)).unzip();
    compare(DType::I8, &left, &right);
}

/// Dividends beside multiples of divisors, where a quotient that is rounded wrongly shows; the divisors and quotients are of all lengths.
fn beside_multiples(most: u32) -> impl Iterator<Item = (i64, i64)> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..300_000u64).map(move |turn| {
        let bits = 1 + next() % u64::from(most);
        let right = (next() >> (64 - bits)).max(1) as i64;
        let times = next() >> (64 - (u64::from(most) - bits).max(1));
        let left = (times as i64).wrapping_mul(right).wrapping_add(turn as i64 % 3 - 1);
        (if turn & 4 == 0 { left } else { left.wrapping_neg() }, if turn & 8 == 0 { right } else { -right })
    })
}

#[test]
fn numbers_beside_multiples() {
    macro_rules! each {
        ($($element:ident $dtype:ident $most:literal;)*) => { $(
            let pairs = beside_multiples($most).map(|(left, right)| (left as $element, right as $element));
            let (left, right): (Vec<$element>, Vec<$element>) = pairs.filter(|pair| pair.1 != 0).unzip();
            compare(DType::$dtype, &left, &right);
        )* };
    }
    each! { i16 I16 15; u16 U16 16; i32 I32 31; u32 U32 32; i64 I64 50; i64 I64 52; i64 I64 62; u64 U64 51; u64 U64 63; }
}

#[test]
fn the_ends_of_each_dtype() {
    macro_rules! each {
        ($($element:ident $dtype:ident;)*) => { $(
            let near = |center: i128| (center - 2..=center + 2).filter_map(|value| $element::try_from(value).ok());
            let ends = [$element::MIN as i128, $element::MAX as i128, 0, 1 << 31, 1 << 50, 1 << 51, 1 << 52, 1 << 53];
            let values: Vec<$element> = ends.into_iter().chain(ends.map(|end| -end)).flat_map(near).collect();
            for right in values.iter().filter(|right| **right != 0) {
                compare(DType::$dtype, &values, &vec![*right; values.len()]);
                // Alone, so that floats hold all elements of a part if they hold these two.
                for left in &values {
                    compare(DType::$dtype, &[*left; 3], &[*right; 3]);
                }
            }
        )* };
    }
    each! { i16 I16; u16 U16; i32 I32; u32 U32; i64 I64; u64 U64; }
}

#[test]
fn the_first_zero_is_told() {
    let kernel = Kernels::whole::<FloorDivide, 2>().find(&[DType::I32, DType::I32]).expect("there is one");
    for level in Level::available() {
        for (length, zero) in [(1, 0), (31, 30), (32, 5), (100, 33), (100, 99)] {
            let left: Vec<i32> = (0..length).collect();
            let mut right = vec![3; length as usize];
            right[zero..].fill(0);
            let (found, done) = results(kernel, level, [&left, &right]);
            assert_eq!(done, zero, "{level:?}");
            assert!(found[..zero].iter().zip(&left).all(|(found, left)| *found == left / 3), "{level:?}");
        }
    }
}
