//! The table of an operation: one kernel for each combination of operand dtypes. Tables are constants; making one costs nothing.

use std::fmt;

use thalweg_lang::dtype::{DType, Scalar};

use super::formula::*;
use super::record::{self, OwnPrecision, Record};
use super::step::{self, *};
use super::{BlockFunction, Level};
use crate::lane::{Lane, Lanes, scalar};

// On other machines these levels are never there; their places in the tables are taken by the portable vectors.
pub(super) use crate::lane::portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use crate::lane::{avx2::Avx2, avx512::Avx512};
#[cfg(not(target_arch = "x86_64"))]
pub(super) use crate::lane::{portable::Portable as Avx2, portable::Portable as Avx512};

/// An element that has no answer, and why: the middle of a sentence ("division by zero").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Why.
    pub reason: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for Fault {}

/// An operation for one combination of operand dtypes.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// The operands' dtypes.
    pub operands: &'static [DType],
    /// The result's dtype.
    pub result: DType,
    /// What it means that an element has no answer, and behind `: ` what to type instead; `None` if every element has one.
    pub fault: Option<&'static str>,
    /// About how many picoseconds an element takes, in vectors and from the first cache.
    pub cost: u32,
    pub(super) functions: [BlockFunction; 4],
    /// The formula, for a recording; `None` where it branches or loops on its values.
    pub record: Option<Record>,
    /// The formula for a recording of a single element that may have no answer, which may turn out to have no such form.
    pub record_single: Option<Record>,
}

impl Kernel {
    /// The code for a level. Call it only on a machine that has the level.
    pub fn function(&self, level: Level) -> BlockFunction {
        self.functions[level as usize]
    }

    /// The kernel's value for single operands, by the reference instantiation.
    ///
    /// # Panics
    /// If the operands' dtypes are not the kernel's.
    pub fn scalar(&self, operands: &[Scalar]) -> Result<Scalar, Fault> {
        assert!(
            operands.iter().map(|operand| operand.dtype).eq(self.operands.iter().copied()),
            "operand dtypes differ"
        );
        let bytes: Vec<[u8; 16]> = operands.iter().map(|operand| to_bytes(*operand)).collect();
        let pointers: Vec<*const u8> = bytes.iter().map(|bytes| bytes.as_ptr()).collect();
        let mut result = [0; 16];
        // SAFETY: each operand and the result have one element of the dtype that the kernel expects, and every machine has
        // the scalar level.
        let fault = unsafe { self.function(Level::Scalar)(pointers.as_ptr(), result.as_mut_ptr(), 1) };
        match self.fault {
            Some(reason) if fault == 0 => Err(Fault { reason }),
            _ => Ok(from_bytes(self.result, result)),
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "kernel {:?} -> {}", self.operands, self.result)
    }
}

/// A scalar as it lies in memory.
pub(super) fn to_bytes(scalar: Scalar) -> [u8; 16] {
    let mut bytes = [0; 16];
    let [low, high] = scalar.bits;
    if scalar.dtype == DType::C64 {
        bytes[..4].copy_from_slice(&(low as u32).to_ne_bytes());
        bytes[4..8].copy_from_slice(&(high as u32).to_ne_bytes());
    } else if scalar.dtype == DType::C128 {
        bytes[..8].copy_from_slice(&low.to_ne_bytes());
        bytes[8..].copy_from_slice(&high.to_ne_bytes());
    } else {
        match scalar.dtype.size() {
            1 => bytes[..1].copy_from_slice(&(low as u8).to_ne_bytes()),
            2 => bytes[..2].copy_from_slice(&(low as u16).to_ne_bytes()),
            4 => bytes[..4].copy_from_slice(&(low as u32).to_ne_bytes()),
            _ => bytes[..8].copy_from_slice(&low.to_ne_bytes()),
        }
    }
    bytes
}

/// A scalar from memory.
pub(crate) fn from_bytes(dtype: DType, bytes: [u8; 16]) -> Scalar {
    let two = u16::from_ne_bytes([bytes[0], bytes[1]]);
    let four = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let eight = |at: usize| u64::from_ne_bytes(std::array::from_fn(|index| bytes[at + index]));
    let bits = match dtype {
        DType::Bool | DType::U8 => [bytes[0] as u64, 0],
        DType::I8 => [bytes[0] as i8 as u64, 0],
        DType::I16 => [two as i16 as u64, 0],
        DType::U16 => [two as u64, 0],
        DType::I32 => [four(0) as i32 as u64, 0],
        DType::U32 | DType::F32 => [four(0) as u64, 0],
        DType::I64 | DType::U64 | DType::F64 => [eight(0), 0],
        DType::C64 => [four(0) as u64, four(4) as u64],
        DType::C128 => [eight(0), eight(8)],
    };
    Scalar { dtype, bits }
}

/// How many parts a table can be put together from.
const PARTS: usize = 6;

/// The kernels of an operation. Made by constant functions from formulas, and joined by `and`.
#[derive(Clone, Copy)]
pub struct Kernels {
    parts: [&'static [Kernel]; PARTS],
}

impl Kernels {
    /// No kernels.
    pub const NONE: Kernels = Kernels { parts: [&[]; PARTS] };

    pub(super) const fn of(kernels: &'static [Kernel]) -> Kernels {
        let mut parts: [&'static [Kernel]; PARTS] = [&[]; PARTS];
        parts[0] = kernels;
        Kernels { parts }
    }

    /// One kernel of a table that has not been joined.
    pub(super) const fn first(self, index: usize) -> Kernel {
        self.parts[0][index]
    }

    /// These and others; where both have the same operands, these win.
    pub const fn and(self, others: Kernels) -> Kernels {
        let mut parts = self.parts;
        let mut next = 0;
        let mut index = 0;
        while index < PARTS {
            if !others.parts[index].is_empty() {
                while !parts[next].is_empty() {
                    next += 1;
                }
                parts[next] = others.parts[index];
            }
            index += 1;
        }
        Kernels { parts }
    }

    /// The kernel for exactly these operand dtypes.
    pub fn find(&self, operands: &[DType]) -> Option<&'static Kernel> {
        self.iter().find(|kernel| kernel.operands == operands)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static Kernel> + use<> {
        self.parts.into_iter().flatten()
    }

    /// A number formula for i8 to u64, f32 and f64.
    pub const fn number<F: NumberFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(NumberTable::<F, N>::KERNELS)
    }

    /// A number test for i8 to u64, f32 and f64.
    pub const fn number_test<F: NumberTest<N>, const N: usize>() -> Kernels {
        Kernels::of(NumberTestTable::<F, N>::KERNELS)
    }

    /// A float formula for f32 and f64, each in its own precision.
    pub const fn float<F: FloatFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(FloatTable::<F, N>::KERNELS)
    }

    /// A formula written for f64, for f32 and f64: f32 operands are widened, and the result is rounded.
    pub const fn double<F: DoubleFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(DoubleTable::<F, N>::KERNELS)
    }

    /// A function with two formulas, one written for f64 and one for f32.
    pub const fn double_and_single<F: DoubleFormula<N> + SingleFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(DoubleAndSingleTable::<F, N>::KERNELS)
    }

    /// A float test for f32 and f64.
    pub const fn float_test<F: FloatTest<N>, const N: usize>() -> Kernels {
        Kernels::of(FloatTestTable::<F, N>::KERNELS)
    }

    /// An integer formula for i8 to u64.
    pub const fn integer<F: IntegerFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(IntegerTable::<F, N>::KERNELS)
    }

    /// A test of u64 against i64, either first: no common dtype holds both.
    pub const fn mixed_test<F: MixedTest>() -> Kernels {
        Kernels::of(MixedTestTable::<F>::KERNELS)
    }

    /// A formula of words, for u64.
    pub const fn word<F: WordFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(WordTable::<F, N>::KERNELS)
    }

    /// A formula of words that gives f64, for u64.
    pub const fn draw<F: DrawFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(DrawTable::<F, N>::KERNELS)
    }

    /// An integer formula that goes element by element, for i8 to u64.
    pub const fn whole<F: WholeFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(WholeTable::<F, N>::KERNELS)
    }

    /// A formula of truths, for bool.
    pub const fn logic<F: LogicFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(LogicTable::<F, N>::KERNELS)
    }

    /// A complex formula for c64 and c128, each in its own precision.
    pub const fn complex<F: ComplexFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(ComplexTable::<F, N>::KERNELS)
    }

    /// A complex test for c64 and c128.
    pub const fn complex_test<F: ComplexTest<N>, const N: usize>() -> Kernels {
        Kernels::of(ComplexTestTable::<F, N>::KERNELS)
    }

    /// A part of complex numbers, for c64 (giving f32) and c128 (giving f64).
    pub const fn complex_part<F: ComplexPart<N>, const N: usize>() -> Kernels {
        Kernels::of(ComplexPartTable::<F, N>::KERNELS)
    }

    /// A complex formula written for f64 parts, for c64 and c128: c64 operands are widened, and the result is rounded.
    pub const fn complex_double<F: ComplexDoubleFormula<N>, const N: usize>() -> Kernels {
        Kernels::of(ComplexDoubleTable::<F, N>::KERNELS)
    }

    /// The same for a formula with one float as its result.
    pub const fn complex_double_part<F: ComplexDoublePart<N>, const N: usize>() -> Kernels {
        Kernels::of(ComplexDoublePartTable::<F, N>::KERNELS)
    }

    /// `(bool, T, T) -> T` for every dtype: the second operand where the first is true, else the third.
    pub const fn select() -> Kernels {
        Kernels::of(SELECT)
    }
}

/// The vectors that a step takes at once. It pays for formulas of a few instructions, by less looping; the processor itself
/// overlaps the steps of longer ones (an exponential was measured equally fast with 1, 2 and 4).
const SHORT: usize = 4;
const MIDDLING: usize = 2;
const LONG: usize = 1;

/// A formula's block functions over vectors of f64 or f32, at each level.
macro_rules! vectors {
    ($step:ident, $formula:ident, $lane:ident, $unroll:ident, $count:ident) => {
        [
            step::plain::<$step<$formula, <scalar::Scalar as Lanes>::$lane, 1>, $count>,
            step::plain::<$step<$formula, <Portable as Lanes>::$lane, $unroll>, $count>,
            step::avx2::<$step<$formula, <Avx2 as Lanes>::$lane, $unroll>, $count>,
            step::avx512::<$step<$formula, <Avx512 as Lanes>::$lane, $unroll>, $count>,
        ]
    };
}

// What an element costs, in picoseconds: measured with AVX-512 on one core of a Zen 5 server as `bench` of `sum(f(a))` less
// `sum(a)` over 4,000 elements. A kind of formula stands for all of its kind: nothing here is right to more than a factor of 3.
/// Each byte of an operand, in vectors: `a + 1` took 90 for f64.
pub(super) const SIMPLE_BYTE: u32 = 11;
/// The same for formulas of floats: `floor` took 65, a quotient 145, `sqrt` 230.
const FLOAT_BYTE: u32 = 16;
/// A formula written for f64: `exp` took 310, `sin` 530, `log` 590, `tanh` 1000, a power 2600; widened f32 no less.
const DOUBLE: u32 = 700;
/// A formula written for f32: `exp`, `log` and `tanh` took a third of what the f64 formulas took of widened f32.
const SINGLE: u32 = 250;
/// A formula of words: `random_bits` took 1400.
const WORD: u32 = 1400;
/// A formula that goes element by element: a greatest common divisor, say, or `i // 7` before floats computed it.
const WHOLE: u32 = 1700;
/// A formula of integers that floats compute: `i // 7` took 480 for i64, 360 for i32 and 270 for u8.
const HELD: u32 = 400;

/// A kernel whose operands have one dtype.
const fn kernel<T: Typed, R: Typed, const N: usize>(record: Record, functions: [BlockFunction; 4]) -> Kernel {
    let cost = SIMPLE_BYTE * size_of::<T>() as u32;
    let operands = const { &[T::DTYPE; N] };
    Kernel { operands, result: R::DTYPE, fault: None, cost, functions, record: Some(record), record_single: None }
}

impl Kernel {
    /// The kernel, with another cost of an element.
    const fn costing(self, cost: u32) -> Kernel {
        Kernel { cost, ..self }
    }
}

/// A table's kernels: a name that can hold a constant for each formula.
macro_rules! table {
    ($table:ident, $formula:ident $(+ $other:ident)?, [$($kernel:expr),* $(,)?]) => {
        struct $table<F, const N: usize>(std::marker::PhantomData<F>);
        impl<F: $formula<N> $(+ $other<N>)?, const N: usize> $table<F, N> {
            const KERNELS: &'static [Kernel] = &[$($kernel),*];
        }
    };
}

table!(
    NumberTable,
    NumberFormula,
    [
        kernel::<f64, f64, N>(record::number::<F, f64, N>, vectors!(NumberVectors, F, Double, SHORT, N)),
        kernel::<f32, f32, N>(record::number::<F, f32, N>, vectors!(NumberVectors, F, Single, SHORT, N)),
        kernel::<i64, i64, N>(
            record::number::<F, i64, N>,
            same::<NumberScalars<F, i64, { chunk(size_of::<i64>()) }>, NumberScalars<F, i64, 1>, N>()
        ),
        kernel::<i32, i32, N>(
            record::number::<F, i32, N>,
            same::<NumberScalars<F, i32, { chunk(size_of::<i32>()) }>, NumberScalars<F, i32, 1>, N>()
        ),
        kernel::<i16, i16, N>(
            record::number::<F, i16, N>,
            same::<NumberScalars<F, i16, { chunk(size_of::<i16>()) }>, NumberScalars<F, i16, 1>, N>()
        ),
        kernel::<i8, i8, N>(
            record::number::<F, i8, N>,
            same::<NumberScalars<F, i8, { chunk(size_of::<i8>()) }>, NumberScalars<F, i8, 1>, N>()
        ),
        kernel::<u64, u64, N>(
            record::number::<F, u64, N>,
            same::<NumberScalars<F, u64, { chunk(size_of::<u64>()) }>, NumberScalars<F, u64, 1>, N>()
        ),
        kernel::<u32, u32, N>(
            record::number::<F, u32, N>,
            same::<NumberScalars<F, u32, { chunk(size_of::<u32>()) }>, NumberScalars<F, u32, 1>, N>()
        ),
        kernel::<u16, u16, N>(
            record::number::<F, u16, N>,
            same::<NumberScalars<F, u16, { chunk(size_of::<u16>()) }>, NumberScalars<F, u16, 1>, N>()
        ),
        kernel::<u8, u8, N>(
            record::number::<F, u8, N>,
            same::<NumberScalars<F, u8, { chunk(size_of::<u8>()) }>, NumberScalars<F, u8, 1>, N>()
        ),
    ]
);

table!(
    NumberTestTable,
    NumberTest,
    [
        kernel::<f64, bool, N>(record::number_test::<F, f64, N>, vectors!(NumberTestVectors, F, Double, SHORT, N)),
        kernel::<f32, bool, N>(record::number_test::<F, f32, N>, vectors!(NumberTestVectors, F, Single, SHORT, N)),
        kernel::<i64, bool, N>(
            record::number_test::<F, i64, N>,
            same::<NumberTestScalars<F, i64, { chunk(size_of::<i64>()) }>, NumberTestScalars<F, i64, 1>, N>()
        ),
        kernel::<i32, bool, N>(
            record::number_test::<F, i32, N>,
            same::<NumberTestScalars<F, i32, { chunk(size_of::<i32>()) }>, NumberTestScalars<F, i32, 1>, N>()
        ),
        kernel::<i16, bool, N>(
            record::number_test::<F, i16, N>,
            same::<NumberTestScalars<F, i16, { chunk(size_of::<i16>()) }>, NumberTestScalars<F, i16, 1>, N>()
        ),
        kernel::<i8, bool, N>(
            record::number_test::<F, i8, N>,
            same::<NumberTestScalars<F, i8, { chunk(size_of::<i8>()) }>, NumberTestScalars<F, i8, 1>, N>()
        ),
        kernel::<u64, bool, N>(
            record::number_test::<F, u64, N>,
            same::<NumberTestScalars<F, u64, { chunk(size_of::<u64>()) }>, NumberTestScalars<F, u64, 1>, N>()
        ),
        kernel::<u32, bool, N>(
            record::number_test::<F, u32, N>,
            same::<NumberTestScalars<F, u32, { chunk(size_of::<u32>()) }>, NumberTestScalars<F, u32, 1>, N>()
        ),
        kernel::<u16, bool, N>(
            record::number_test::<F, u16, N>,
            same::<NumberTestScalars<F, u16, { chunk(size_of::<u16>()) }>, NumberTestScalars<F, u16, 1>, N>()
        ),
        kernel::<u8, bool, N>(
            record::number_test::<F, u8, N>,
            same::<NumberTestScalars<F, u8, { chunk(size_of::<u8>()) }>, NumberTestScalars<F, u8, 1>, N>()
        ),
    ]
);

table!(
    FloatTable,
    FloatFormula,
    [
        kernel::<f64, f64, N>(OwnPrecision::<f64>::float::<F, N>, vectors!(FloatVectors, F, Double, MIDDLING, N))
            .costing(8 * FLOAT_BYTE),
        kernel::<f32, f32, N>(OwnPrecision::<f32>::float::<F, N>, vectors!(FloatVectors, F, Single, MIDDLING, N))
            .costing(4 * FLOAT_BYTE),
    ]
);

table!(
    DoubleTable,
    DoubleFormula,
    [
        kernel::<f64, f64, N>(record::double::<F, f64, N>, vectors!(DoubleVectors, F, Double, LONG, N)).costing(DOUBLE),
        kernel::<f32, f32, N>(record::double::<F, f32, N>, vectors!(WidenedVectors, F, Double, LONG, N))
            .costing(DOUBLE),
    ]
);

table!(
    DoubleAndSingleTable,
    DoubleFormula + SingleFormula,
    [
        kernel::<f64, f64, N>(record::double::<F, f64, N>, vectors!(DoubleVectors, F, Double, LONG, N)).costing(DOUBLE),
        kernel::<f32, f32, N>(record::single::<F, N>, vectors!(SingleVectors, F, Single, LONG, N)).costing(SINGLE),
    ]
);

table!(
    FloatTestTable,
    FloatTest,
    [
        kernel::<f64, bool, N>(
            OwnPrecision::<f64>::float_test::<F, N>,
            vectors!(FloatTestVectors, F, Double, MIDDLING, N)
        )
        .costing(8 * FLOAT_BYTE),
        kernel::<f32, bool, N>(
            OwnPrecision::<f32>::float_test::<F, N>,
            vectors!(FloatTestVectors, F, Single, MIDDLING, N)
        )
        .costing(4 * FLOAT_BYTE),
    ]
);

table!(
    IntegerTable,
    IntegerFormula,
    [
        kernel::<i64, i64, N>(
            record::integer::<F, i64, N>,
            same::<IntegerScalars<F, i64, { chunk(size_of::<i64>()) }>, IntegerScalars<F, i64, 1>, N>()
        ),
        kernel::<i32, i32, N>(
            record::integer::<F, i32, N>,
            same::<IntegerScalars<F, i32, { chunk(size_of::<i32>()) }>, IntegerScalars<F, i32, 1>, N>()
        ),
        kernel::<i16, i16, N>(
            record::integer::<F, i16, N>,
            same::<IntegerScalars<F, i16, { chunk(size_of::<i16>()) }>, IntegerScalars<F, i16, 1>, N>()
        ),
        kernel::<i8, i8, N>(
            record::integer::<F, i8, N>,
            same::<IntegerScalars<F, i8, { chunk(size_of::<i8>()) }>, IntegerScalars<F, i8, 1>, N>()
        ),
        kernel::<u64, u64, N>(
            record::integer::<F, u64, N>,
            same::<IntegerScalars<F, u64, { chunk(size_of::<u64>()) }>, IntegerScalars<F, u64, 1>, N>()
        ),
        kernel::<u32, u32, N>(
            record::integer::<F, u32, N>,
            same::<IntegerScalars<F, u32, { chunk(size_of::<u32>()) }>, IntegerScalars<F, u32, 1>, N>()
        ),
        kernel::<u16, u16, N>(
            record::integer::<F, u16, N>,
            same::<IntegerScalars<F, u16, { chunk(size_of::<u16>()) }>, IntegerScalars<F, u16, 1>, N>()
        ),
        kernel::<u8, u8, N>(
            record::integer::<F, u8, N>,
            same::<IntegerScalars<F, u8, { chunk(size_of::<u8>()) }>, IntegerScalars<F, u8, 1>, N>()
        ),
    ]
);

table!(
    WordTable,
    WordFormula,
    [kernel::<u64, u64, N>(
        record::word::<F, N>,
        same::<WordScalars<F, u64, { chunk(size_of::<u64>()) }>, WordScalars<F, u64, 1>, N>()
    )
    .costing(WORD)]
);

table!(
    DrawTable,
    DrawFormula,
    [kernel::<u64, f64, N>(
        record::draw::<F, N>,
        [
            step::plain::<DrawVectors<F, <scalar::Scalar as Lanes>::Double>, N>,
            step::plain::<DrawVectors<F, <Portable as Lanes>::Double>, N>,
            step::avx2::<DrawVectors<F, <Avx2 as Lanes>::Double>, N>,
            step::avx512::<DrawVectors<F, <Avx512 as Lanes>::Double>, N>,
        ]
    )
    .costing(WORD + DOUBLE)]
);

struct MixedTestTable<F>(std::marker::PhantomData<F>);
impl<F: MixedTest> MixedTestTable<F> {
    const KERNELS: &'static [Kernel] = &[
        Kernel {
            operands: &[DType::U64, DType::I64],
            result: DType::Bool,
            fault: None,
            cost: WHOLE,
            functions: [step::mixed::<F, u64, i64>; 4],
            record: None,
            record_single: None,
        },
        Kernel {
            operands: &[DType::I64, DType::U64],
            result: DType::Bool,
            fault: None,
            cost: WHOLE,
            functions: [step::mixed::<F, i64, u64>; 4],
            record: None,
            record_single: None,
        },
    ];
}

/// A kernel that goes element by element and may fail.
const fn whole_kernel<F: WholeFormula<N>, T: record::Recordable + crate::lane::Whole, const N: usize>() -> Kernel {
    Kernel {
        operands: const { &[T::DTYPE; N] },
        result: T::DTYPE,
        fault: F::FAULT,
        cost: if F::HAS_FLOATS { HELD } else { WHOLE },
        functions: step::WholeBlocks::<F, T>::functions::<N>(),
        record: None,
        record_single: Some(record::whole::<F, T, N>),
    }
}

table!(
    WholeTable,
    WholeFormula,
    [
        whole_kernel::<F, i64, N>(),
        whole_kernel::<F, i32, N>(),
        whole_kernel::<F, i16, N>(),
        whole_kernel::<F, i8, N>(),
        whole_kernel::<F, u64, N>(),
        whole_kernel::<F, u32, N>(),
        whole_kernel::<F, u16, N>(),
        whole_kernel::<F, u8, N>(),
    ]
);

table!(
    LogicTable,
    LogicFormula,
    [kernel::<bool, bool, N>(
        record::logic::<F, N>,
        [
            step::plain::<LogicVectors<F, bool, 1>, N>,
            step::plain::<LogicVectors<F, <Portable as Lanes>::Truth, { <Portable as Lanes>::TRUTHS }>, N>,
            step::avx2::<LogicVectors<F, <Avx2 as Lanes>::Truth, { <Avx2 as Lanes>::TRUTHS }>, N>,
            step::avx512::<LogicVectors<F, <Avx512 as Lanes>::Truth, { <Avx512 as Lanes>::TRUTHS }>, N>,
        ]
    ),]
);

table!(
    ComplexTable,
    ComplexFormula,
    [
        kernel::<Complex<f64>, Complex<f64>, N>(
            OwnPrecision::<f64>::complex::<F, N>,
            same::<ComplexScalars<F, f64, 8>, ComplexScalars<F, f64, 1>, N>()
        ),
        kernel::<Complex<f32>, Complex<f32>, N>(
            OwnPrecision::<f32>::complex::<F, N>,
            same::<ComplexScalars<F, f32, 16>, ComplexScalars<F, f32, 1>, N>()
        ),
    ]
);

table!(
    ComplexTestTable,
    ComplexTest,
    [
        kernel::<Complex<f64>, bool, N>(
            OwnPrecision::<f64>::complex_test::<F, N>,
            same::<ComplexTestScalars<F, f64, 8>, ComplexTestScalars<F, f64, 1>, N>()
        ),
        kernel::<Complex<f32>, bool, N>(
            OwnPrecision::<f32>::complex_test::<F, N>,
            same::<ComplexTestScalars<F, f32, 16>, ComplexTestScalars<F, f32, 1>, N>()
        ),
    ]
);

table!(
    ComplexPartTable,
    ComplexPart,
    [
        kernel::<Complex<f64>, f64, N>(
            OwnPrecision::<f64>::complex_part::<F, N>,
            same::<ComplexPartScalars<F, f64, 8>, ComplexPartScalars<F, f64, 1>, N>()
        ),
        kernel::<Complex<f32>, f32, N>(
            OwnPrecision::<f32>::complex_part::<F, N>,
            same::<ComplexPartScalars<F, f32, 16>, ComplexPartScalars<F, f32, 1>, N>()
        ),
    ]
);

/// A complex formula's block functions over vectors of f64 parts, at each level.
macro_rules! complex_vectors {
    ($step:ident, $formula:ident, $part:ident, $count:ident) => {
        [
            step::plain::<$step<$formula, $part, <scalar::Scalar as Lanes>::Double>, $count>,
            step::plain::<$step<$formula, $part, <Portable as Lanes>::Double>, $count>,
            step::avx2::<$step<$formula, $part, <Avx2 as Lanes>::Double>, $count>,
            step::avx512::<$step<$formula, $part, <Avx512 as Lanes>::Double>, $count>,
        ]
    };
}

table!(
    ComplexDoubleTable,
    ComplexDoubleFormula,
    [
        kernel::<Complex<f64>, Complex<f64>, N>(
            record::complex_double::<F, f64, N>,
            complex_vectors!(ComplexVectors, F, f64, N)
        )
        .costing(2 * DOUBLE),
        kernel::<Complex<f32>, Complex<f32>, N>(
            record::complex_double::<F, f32, N>,
            complex_vectors!(ComplexVectors, F, f32, N)
        )
        .costing(2 * DOUBLE),
    ]
);

table!(
    ComplexDoublePartTable,
    ComplexDoublePart,
    [
        kernel::<Complex<f64>, f64, N>(
            record::complex_double_part::<F, f64, N>,
            complex_vectors!(ComplexPartVectors, F, f64, N)
        )
        .costing(DOUBLE),
        kernel::<Complex<f32>, f32, N>(
            record::complex_double_part::<F, f32, N>,
            complex_vectors!(ComplexPartVectors, F, f32, N)
        )
        .costing(DOUBLE),
    ]
);

macro_rules! select {
    ($($dtype:ident $bits:ty,)*) => {
        &[$(Kernel {
            operands: &[DType::Bool, DType::$dtype, DType::$dtype],
            result: DType::$dtype,
            fault: None,
            cost: SIMPLE_BYTE * size_of::<$bits>() as u32,
            functions: same::<SelectStep<$bits, { chunk(size_of::<$bits>()) }>, SelectStep<$bits, 1>, 3>(),
            record: Some(record::select),
            record_single: None,
        }),*]
    };
}
const SELECT: &[Kernel] = select![
    Bool u8, I8 u8, I16 u16, I32 u32, I64 u64, U8 u8, U16 u16, U32 u32, U64 u64, F32 u32, F64 u64, C64 u64, C128 [u64; 2],
];

const _: () = assert!(<f64 as Lane>::WIDTH == 1);
