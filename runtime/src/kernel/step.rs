//! The loops: a formula becomes a `Step`, a step becomes a block function for each level.
//!
//! A step handles a fixed number of elements and is compiled once into each function; what is left at the end of a block is
//! copied into a padded buffer and goes through the same code. Within a step every load comes before the first store, so a
//! result may replace an operand of the same element size or larger.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use thalweg_lang::dtype::DType;

use super::BlockFunction;
use super::formula::*;
use crate::lane::{Double, Float, Integer, Lane, Mask, Number, Single, Whole, Words};

/// The most bytes of one operand, or of the result, in one step.
const STAGE: usize = 1024;

/// A fixed number of elements of `N` operands made into as many of the result.
pub(super) trait Step<const N: usize>: 'static {
    /// How many elements.
    const WIDTH: usize;
    /// Bytes of one element of each operand.
    const OPERANDS: [usize; N];
    /// Bytes of one element of the result.
    const RESULT: usize;
    /// Reads `WIDTH` elements of each operand, then writes `WIDTH` of the result.
    ///
    /// # Safety
    /// The pointers must be readable and writable for that many elements; the instruction set must be there.
    unsafe fn step(operands: [*const u8; N], result: *mut u8);
    /// Fills a stage with `WIDTH` harmless elements, given one operand's first remaining element: by default zeros.
    ///
    /// # Safety
    /// `stage` must be writable for `WIDTH` elements and `first` readable for one.
    #[inline(always)]
    unsafe fn pad(operand: usize, first: *const u8, stage: *mut u8) {
        let _ = first;
        // SAFETY: the caller gives that many bytes.
        unsafe { stage.write_bytes(0, Self::WIDTH * Self::OPERANDS[operand]) }
    }
}

#[repr(C, align(64))]
struct Stage(MaybeUninit<[u8; STAGE]>);

/// Results on their way out, aligned so that vectors written to it can be read back at once.
#[repr(C, align(64))]
pub(super) struct Buffer<T, const W: usize>(pub(super) [MaybeUninit<T>; W]);

/// Stands in a loop that the compiler must leave as it is: it would make vectors of several steps, with gathers.
#[inline(always)]
pub(super) fn whole_steps_only() {
    // SAFETY: no instruction at all.
    #[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
    unsafe {
        std::arch::asm!("", options(nomem, nostack, preserves_flags))
    }
}

/// Takes a step over and over, through a whole block.
///
/// # Safety
/// As `BlockFunction`; the step's instruction set must be there.
#[inline(always)]
pub(super) unsafe fn drive<S: Step<N>, const N: usize>(
    operands: *const *const u8,
    result: *mut u8,
    length: usize,
) -> usize {
    // SAFETY: the caller gives N operands and a result, readable and writable for `length` elements; whole steps stay within
    // them, and the tail goes through stages that hold one whole step. The tail is read before anything is written, which is
    // as good as reading it last: no step writes to where it lies.
    unsafe {
        const { assert!(S::WIDTH * S::RESULT <= STAGE) };
        let mut from = operands.cast::<[*const u8; N]>().read();
        let mut to = result;
        let mut left = length;
        let tail = length % S::WIDTH;
        let mut stages = [const { Stage(MaybeUninit::uninit()) }; N];
        let mut staged_result = Stage(MaybeUninit::uninit());
        if tail > 0 {
            for (operand, stage) in stages.iter_mut().enumerate() {
                let size = S::OPERANDS[operand];
                let source = from[operand].add((length - tail) * size);
                let stage = stage.0.as_mut_ptr().cast::<u8>();
                S::pad(operand, source, stage);
                std::ptr::copy_nonoverlapping(source, stage, tail * size);
            }
        }
        // One loop for whole steps and the tail, so that the step is compiled only once.
        while left > 0 {
            if left < S::WIDTH {
                for (pointer, stage) in from.iter_mut().zip(&stages) {
                    *pointer = stage.0.as_ptr().cast();
                }
                to = staged_result.0.as_mut_ptr().cast();
            }
            S::step(from, to);
            whole_steps_only();
            for (pointer, size) in from.iter_mut().zip(S::OPERANDS) {
                *pointer = pointer.wrapping_add(S::WIDTH * size);
            }
            to = to.wrapping_add(S::WIDTH * S::RESULT);
            left = left.saturating_sub(S::WIDTH);
        }
        if tail > 0 {
            let destination = result.add((length - tail) * S::RESULT);
            std::ptr::copy_nonoverlapping(staged_result.0.as_ptr().cast::<u8>(), destination, tail * S::RESULT);
        }
        usize::MAX
    }
}

/// The block function of a step for the build's own instruction set.
///
/// # Safety
/// As `BlockFunction`.
pub(super) unsafe fn plain<S: Step<N>, const N: usize>(
    operands: *const *const u8,
    result: *mut u8,
    length: usize,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe { drive::<S, N>(operands, result, length) }
}

/// The block function of a step for AVX2.
///
/// # Safety
/// As `BlockFunction`, on a machine with AVX2 and FMA.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
pub(super) unsafe fn avx2<S: Step<N>, const N: usize>(
    operands: *const *const u8,
    result: *mut u8,
    length: usize,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe { drive::<S, N>(operands, result, length) }
}

/// The block function of a step for AVX-512.
///
/// # Safety
/// As `BlockFunction`, on a machine with AVX-512 F, DQ, VL and BW.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma"))]
pub(super) unsafe fn avx512<S: Step<N>, const N: usize>(
    operands: *const *const u8,
    result: *mut u8,
    length: usize,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe { drive::<S, N>(operands, result, length) }
}

/// A step's block functions where the step is the same at each level but for the instructions that it compiles to, and `One` is the
/// step of a single element.
pub(super) const fn same<S: Step<N>, One: Step<N>, const N: usize>() -> [BlockFunction; 4] {
    [plain::<One, N>, plain::<S, N>, avx2::<S, N>, avx512::<S, N>]
}

/// The dtype of an element type.
pub(super) trait Typed: Copy + 'static {
    const DTYPE: DType;
}
macro_rules! typed {
    ($($element:ty, $dtype:ident;)*) => { $( impl Typed for $element { const DTYPE: DType = DType::$dtype; } )* };
}
typed! {
    bool, Bool; i8, I8; i16, I16; i32, I32; i64, I64; u8, U8; u16, U16; u32, U32; u64, U64; f32, F32; f64, F64;
    Complex<f32>, C64; Complex<f64>, C128;
}

/// A vector step: `U` vectors, all loaded, then all computed, then all stored.
macro_rules! vector_step {
    ($(#[$doc:meta])* $step:ident, $formula:ident, $bound:ident, value) => {
        vector_step!($(#[$doc])* $step, $formula, $bound, L, size_of::<L::Element>(), |to, index| to.cast::<L::Element>().add(index * L::WIDTH));
    };
    ($(#[$doc:meta])* $step:ident, $formula:ident, $bound:ident, mask) => {
        vector_step!($(#[$doc])* $step, $formula, $bound, L::Mask, 1, |to, index| to.add(index * L::WIDTH));
    };
    ($(#[$doc:meta])* $step:ident, $formula:ident, $bound:ident, $out:ty, $size:expr, |$to:ident, $index:ident| $place:expr) => {
        $(#[$doc])*
        pub(super) struct $step<F, L, const U: usize>(PhantomData<(F, L)>);
        impl<F: $formula<N>, L: $bound, const U: usize, const N: usize> Step<N> for $step<F, L, U> {
            const WIDTH: usize = L::WIDTH * U;
            const OPERANDS: [usize; N] = [size_of::<L::Element>(); N];
            const RESULT: usize = $size;
            #[inline(always)]
            unsafe fn step(operands: [*const u8; N], $to: *mut u8) {
                // SAFETY: the caller gives `WIDTH` elements of each, which is U vectors; every value is written before it is read.
                unsafe {
                    let mut loaded = [const { MaybeUninit::<[L; N]>::uninit() }; U];
                    for (index, vectors) in loaded.iter_mut().enumerate() {
                        let vectors = vectors.as_mut_ptr().cast::<L>();
                        for (operand, from) in operands.iter().enumerate() {
                            vectors.add(operand).write(L::load(from.cast::<L::Element>().add(index * L::WIDTH)));
                        }
                    }
                    let mut results = [const { MaybeUninit::<$out>::uninit() }; U];
                    for (value, vectors) in results.iter_mut().zip(&loaded) {
                        value.write(F::apply(vectors.assume_init()));
                    }
                    for ($index, value) in results.iter().enumerate() {
                        value.assume_init().store($place);
                    }
                }
            }
            #[inline(always)]
            unsafe fn pad(_: usize, first: *const u8, stage: *mut u8) {
                // SAFETY: the caller gives one element and room for U vectors.
                unsafe {
                    let vector = L::splat(first.cast::<L::Element>().read_unaligned());
                    for index in 0..U {
                        vector.store(stage.cast::<L::Element>().add(index * L::WIDTH));
                    }
                }
            }
        }
    };
}
vector_step!(
    /// A number formula on vectors.
    NumberVectors, NumberFormula, Number, value
);
vector_step!(
    /// A number test on vectors.
    NumberTestVectors, NumberTest, Number, mask
);
vector_step!(
    /// A float formula on vectors.
    FloatVectors, FloatFormula, Float, value
);
vector_step!(
    /// A formula for f64 on vectors of it.
    DoubleVectors,
    DoubleFormula,
    Double,
    value
);
vector_step!(
    /// A formula for f32 on vectors of it.
    SingleVectors,
    SingleFormula,
    Single,
    value
);
vector_step!(
    /// A float test on vectors.
    FloatTestVectors, FloatTest, Float, mask
);

/// A formula for f64 on f32.
pub(super) struct WidenedVectors<F, L, const U: usize>(PhantomData<(F, L)>);
impl<F: DoubleFormula<N>, L: Double, const U: usize, const N: usize> Step<N> for WidenedVectors<F, L, U> {
    const WIDTH: usize = L::WIDTH * U;
    const OPERANDS: [usize; N] = [4; N];
    const RESULT: usize = 4;
    #[inline(always)]
    unsafe fn step(operands: [*const u8; N], result: *mut u8) {
        // SAFETY: the caller gives `WIDTH` elements of each, which is U vectors; every value is written before it is read.
        unsafe {
            let mut loaded = [const { MaybeUninit::<[L; N]>::uninit() }; U];
            for (index, vectors) in loaded.iter_mut().enumerate() {
                let vectors = vectors.as_mut_ptr().cast::<L>();
                for (operand, from) in operands.iter().enumerate() {
                    vectors.add(operand).write(L::load_single(from.cast::<f32>().add(index * L::WIDTH)));
                }
            }
            let mut results = [const { MaybeUninit::<L>::uninit() }; U];
            for (value, vectors) in results.iter_mut().zip(&loaded) {
                value.write(F::apply(vectors.assume_init()));
            }
            for (index, value) in results.iter().enumerate() {
                value.assume_init().store_single(result.cast::<f32>().add(index * L::WIDTH));
            }
        }
    }
}

/// A formula of words that gives f64.
pub(super) struct DrawVectors<F, L>(PhantomData<(F, L)>);
impl<F: DrawFormula<N>, L: Double, const N: usize> Step<N> for DrawVectors<F, L> {
    const WIDTH: usize = L::WIDTH;
    const OPERANDS: [usize; N] = [8; N];
    const RESULT: usize = 8;
    #[inline(always)]
    unsafe fn step(operands: [*const u8; N], result: *mut u8) {
        // SAFETY: the caller gives a vector of each; every value is written before it is read.
        unsafe {
            let mut loaded = MaybeUninit::<[L::Bits; N]>::uninit();
            for (operand, from) in operands.iter().enumerate() {
                loaded.as_mut_ptr().cast::<L::Bits>().add(operand).write(L::Bits::load(from.cast()));
            }
            F::apply::<L>(loaded.assume_init()).store(result.cast());
        }
    }
}

/// Truths, `U` vectors of them.
pub(super) struct LogicVectors<F, M, const W: usize>(PhantomData<(F, M)>);
impl<F: LogicFormula<N>, M: Mask, const W: usize, const N: usize> Step<N> for LogicVectors<F, M, W> {
    const WIDTH: usize = W;
    const OPERANDS: [usize; N] = [1; N];
    const RESULT: usize = 1;
    #[inline(always)]
    unsafe fn step(operands: [*const u8; N], result: *mut u8) {
        // SAFETY: the caller gives `W` bytes of each, which is one vector; every value is written before it is read.
        unsafe {
            let mut loaded = MaybeUninit::<[M; N]>::uninit();
            for (operand, from) in operands.iter().enumerate() {
                loaded.as_mut_ptr().cast::<M>().add(operand).write(M::load(*from));
            }
            F::apply(loaded.assume_init()).store(result);
        }
    }
}

/// How many elements of a size a step takes where the compiler makes the vectors: 128 bytes' worth.
pub(super) const fn chunk(size: usize) -> usize {
    128 / size
}

/// A step of scalar lanes, written so that the compiler makes vectors of it: results go to a buffer of fixed length first.
macro_rules! scalar_step {
    ($(#[$doc:meta])* $step:ident, $formula:ident, $bound:ident, $out:ty) => {
        $(#[$doc])*
        pub(super) struct $step<F, T, const W: usize>(PhantomData<(F, T)>);
        impl<F: $formula<N>, T: $bound<Element = T, Mask = bool>, const W: usize, const N: usize> Step<N>
            for $step<F, T, W>
        {
            const WIDTH: usize = W;
            const OPERANDS: [usize; N] = [size_of::<T>(); N];
            const RESULT: usize = size_of::<$out>();
            #[inline(always)]
            unsafe fn step(operands: [*const u8; N], result: *mut u8) {
                // SAFETY: the caller gives `WIDTH` elements of each; every value is written before it is
                // read, at any alignment.
                unsafe {
                    let mut buffer = Buffer([const { MaybeUninit::<$out>::uninit() }; W]);
                    for (index, value) in buffer.0.iter_mut().enumerate() {
                        let mut elements = MaybeUninit::<[T; N]>::uninit();
                        for (operand, from) in operands.iter().enumerate() {
                            let element = from.cast::<T>().add(index).read_unaligned();
                            elements.as_mut_ptr().cast::<T>().add(operand).write(element);
                        }
                        value.write(F::apply(elements.assume_init()));
                    }
                    std::ptr::copy_nonoverlapping(buffer.0.as_ptr().cast::<u8>(), result, W * size_of::<$out>());
                }
            }
        }
    };
}
scalar_step!(
    /// A formula of words.
    WordScalars, WordFormula, Words, T
);
scalar_step!(
    /// A number formula on integers.
    NumberScalars, NumberFormula, Number, T
);
scalar_step!(
    /// A number test on integers.
    NumberTestScalars, NumberTest, Number, bool
);
scalar_step!(
    /// An integer formula.
    IntegerScalars, IntegerFormula, Integer, T
);

/// Unsigned integers as plain bits.
pub(super) trait Word: Copy + 'static {
    /// `then` where the truth is 1, `otherwise` where it is 0, without a branch.
    fn choose(truth: u8, then: Self, otherwise: Self) -> Self;
}
macro_rules! word {
    ($($word:ident)*) => { $(
        impl Word for $word {
            #[inline(always)]
            fn choose(truth: u8, then: $word, otherwise: $word) -> $word {
                let mask = ((truth != 0) as $word).wrapping_neg();
                (then & mask) | (otherwise & !mask)
            }
        }
    )* };
}
word!(u8 u16 u32 u64);
impl Word for [u64; 2] {
    #[inline(always)]
    fn choose(truth: u8, then: [u64; 2], otherwise: [u64; 2]) -> [u64; 2] {
        [u64::choose(truth, then[0], otherwise[0]), u64::choose(truth, then[1], otherwise[1])]
    }
}

/// `mask ? then : otherwise` for elements of any type, by their bits.
pub(super) struct SelectStep<T, const W: usize>(PhantomData<T>);
impl<T: Word, const W: usize> Step<3> for SelectStep<T, W> {
    const WIDTH: usize = W;
    const OPERANDS: [usize; 3] = [1, size_of::<T>(), size_of::<T>()];
    const RESULT: usize = size_of::<T>();
    #[inline(always)]
    unsafe fn step([mask, then, otherwise]: [*const u8; 3], result: *mut u8) {
        // SAFETY: the caller gives `WIDTH` elements of each; every value is written before it is read, at any alignment.
        unsafe {
            let mut buffer = Buffer([const { MaybeUninit::<T>::uninit() }; W]);
            for (index, value) in buffer.0.iter_mut().enumerate() {
                let then = then.cast::<T>().add(index).read_unaligned();
                let otherwise = otherwise.cast::<T>().add(index).read_unaligned();
                value.write(T::choose(*mask.add(index), then, otherwise));
            }
            std::ptr::copy_nonoverlapping(buffer.0.as_ptr().cast::<u8>(), result, W * size_of::<T>());
        }
    }
}

/// How many elements of a formula of integers are computed as floats together: some vectors of each.
const HELD: usize = 32;

/// The block function of a formula that may fail: as floats, if that is wanted, it has such a form and they hold the elements, else one
/// element after the other, up to the first that has no answer.
///
/// # Safety
/// As `BlockFunction`.
#[inline(always)]
unsafe fn whole<F: WholeFormula<N>, T: Whole, const N: usize, const FLOATS: bool>(
    operands: *const *const u8,
    result: *mut u8,
    length: usize,
) -> usize {
    // SAFETY: the caller gives N operands and a result, readable and writable for `length` elements at any alignment; a part is read
    // before its results are written.
    unsafe {
        let operands = operands.cast::<[*const T; N]>().read();
        let mut results = Buffer([const { MaybeUninit::<T>::uninit() }; HELD]);
        let mut stages = [[T::ONE; HELD]; N];
        for start in (0..length).step_by(HELD) {
            let count = HELD.min(length - start);
            let mut from = operands.map(|operand| operand.add(start));
            if count < HELD {
                for (stage, from) in stages.iter_mut().zip(&mut from) {
                    std::ptr::copy_nonoverlapping(*from, stage.as_mut_ptr(), count);
                    *from = stage.as_ptr();
                }
            }
            let done = part::<F, T, N, FLOATS>(from, &mut results.0, count);
            let to = result.cast::<T>().add(start);
            if done == HELD {
                to.cast::<[MaybeUninit<T>; HELD]>().write_unaligned(results.0);
            } else {
                std::ptr::copy_nonoverlapping(results.0.as_ptr().cast::<T>(), to, done);
            }
            if done < count {
                return start + done;
            }
        }
        usize::MAX
    }
}

/// Makes the results of the first `count` elements and says how many have one, all before the first that has none.
///
/// # Safety
/// The operands must be readable for `HELD` elements at any alignment.
#[inline(always)]
unsafe fn part<F: WholeFormula<N>, T: Whole, const N: usize, const FLOATS: bool>(
    operands: [*const T; N],
    results: &mut [MaybeUninit<T>; HELD],
    count: usize,
) -> usize {
    // SAFETY: the caller's promise; indices are below `HELD`.
    let element = |operand: usize, index: usize| unsafe { operands[operand].add(index).read_unaligned() };
    if FLOATS && F::HAS_FLOATS {
        let mut are_held = true;
        for index in 0..HELD {
            for operand in 0..N {
                are_held &= element(operand, index).is_held();
            }
            are_held &= element(N - 1, index) != T::ZERO;
        }
        if are_held {
            for (index, result) in results.iter_mut().enumerate() {
                let floats = std::array::from_fn(|operand| element(operand, index).held());
                result.write(T::of_held(F::of_floats(floats)));
            }
            return count;
        }
    }
    for (index, result) in results[..count].iter_mut().enumerate() {
        match F::apply(std::array::from_fn(|operand| element(operand, index))) {
            Some(value) => result.write(value),
            None => return index,
        };
    }
    count
}

/// `whole` at each level.
pub(super) struct WholeBlocks<F, T>(PhantomData<(F, T)>);

impl<F, T: Whole> WholeBlocks<F, T> {
    pub(super) const fn functions<const N: usize>() -> [BlockFunction; 4]
    where
        F: WholeFormula<N>,
    {
        [Self::scalar::<N>, Self::plain::<N>, Self::avx2::<N>, Self::avx512::<N>]
    }

    /// # Safety
    /// As `BlockFunction`.
    unsafe fn scalar<const N: usize>(operands: *const *const u8, result: *mut u8, length: usize) -> usize
    where
        F: WholeFormula<N>,
    {
        // SAFETY: the caller's promise.
        unsafe { whole::<F, T, N, false>(operands, result, length) }
    }

    /// # Safety
    /// As `BlockFunction`.
    unsafe fn plain<const N: usize>(operands: *const *const u8, result: *mut u8, length: usize) -> usize
    where
        F: WholeFormula<N>,
    {
        // SAFETY: the caller's promise.
        unsafe { whole::<F, T, N, true>(operands, result, length) }
    }

    /// # Safety
    /// As `BlockFunction`, on a machine with AVX2 and FMA.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
    unsafe fn avx2<const N: usize>(operands: *const *const u8, result: *mut u8, length: usize) -> usize
    where
        F: WholeFormula<N>,
    {
        // SAFETY: the caller's promise.
        unsafe { whole::<F, T, N, true>(operands, result, length) }
    }

    /// # Safety
    /// As `BlockFunction`, on a machine with AVX-512 F, DQ, VL and BW.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma"))]
    unsafe fn avx512<const N: usize>(operands: *const *const u8, result: *mut u8, length: usize) -> usize
    where
        F: WholeFormula<N>,
    {
        // SAFETY: the caller's promise.
        unsafe { whole::<F, T, N, true>(operands, result, length) }
    }
}

/// Complex formulas, one element at a time.
macro_rules! complex_step {
    ($(#[$doc:meta])* $step:ident, $formula:ident, $out:ty) => {
        $(#[$doc])*
        pub(super) struct $step<F, T, const W: usize>(PhantomData<(F, T)>);
        impl<F: $formula<N>, T: Float<Element = T, Mask = bool>, const W: usize, const N: usize> Step<N> for $step<F, T, W> {
            const WIDTH: usize = W;
            const OPERANDS: [usize; N] = [2 * size_of::<T>(); N];
            const RESULT: usize = size_of::<$out>();
            #[inline(always)]
            unsafe fn step(operands: [*const u8; N], result: *mut u8) {
                // SAFETY: the caller gives `W` elements of each at any alignment; every value is written before it is read.
                unsafe {
                    let mut buffer = Buffer([const { MaybeUninit::<$out>::uninit() }; W]);
                    for (index, value) in buffer.0.iter_mut().enumerate() {
                        let mut elements = MaybeUninit::<[Complex<T>; N]>::uninit();
                        for (operand, from) in operands.iter().enumerate() {
                            let from = from.cast::<T>().add(2 * index);
                            let element = Complex { real: from.read_unaligned(), imaginary: from.add(1).read_unaligned() };
                            elements.as_mut_ptr().cast::<Complex<T>>().add(operand).write(element);
                        }
                        value.write(F::apply(elements.assume_init()));
                    }
                    std::ptr::copy_nonoverlapping(buffer.0.as_ptr().cast::<u8>(), result, W * size_of::<$out>());
                }
            }
        }
    };
}
complex_step!(
    /// A complex formula.
    ComplexScalars, ComplexFormula, Complex<T>
);
complex_step!(
    /// A complex test.
    ComplexTestScalars, ComplexTest, bool
);
complex_step!(
    /// A complex number's part.
    ComplexPartScalars, ComplexPart, T
);

/// A float type that complex numbers are made of.
pub(super) trait Part: Copy + 'static {
    /// As an f64.
    fn widen(self) -> f64;
    /// From an f64, rounded.
    fn narrow(value: f64) -> Self;
}
impl Part for f64 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn narrow(value: f64) -> f64 {
        value
    }
}
impl Part for f32 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn narrow(value: f64) -> f32 {
        value as f32
    }
}

/// The most elements of a vector of f64.
const WIDEST: usize = 8;

/// A vector of complex numbers from memory, where the parts alternate.
///
/// # Safety
/// `from` must be readable for `L::WIDTH` complex numbers.
#[inline(always)]
unsafe fn load_complex<T: Part, L: Double>(from: *const u8) -> Complex<L> {
    const { assert!(L::WIDTH <= WIDEST) };
    let (mut real, mut imaginary) = ([0.0; WIDEST], [0.0; WIDEST]);
    // SAFETY: the caller's promise; the arrays hold a vector.
    unsafe {
        for index in 0..L::WIDTH {
            real[index] = from.cast::<T>().add(2 * index).read_unaligned().widen();
            imaginary[index] = from.cast::<T>().add(2 * index + 1).read_unaligned().widen();
        }
        Complex { real: L::load(real.as_ptr()), imaginary: L::load(imaginary.as_ptr()) }
    }
}

/// Writes a vector's elements `stride` apart.
///
/// # Safety
/// `to` must be writable for as many elements.
#[inline(always)]
unsafe fn store_apart<T: Part, L: Double>(vector: L, to: *mut T, stride: usize) {
    let mut elements = [0.0; WIDEST];
    // SAFETY: the caller's promise; the array holds a vector.
    unsafe {
        vector.store(elements.as_mut_ptr());
        for (index, element) in elements.iter().enumerate().take(L::WIDTH) {
            to.add(index * stride).write_unaligned(T::narrow(*element));
        }
    }
}

/// Complex formulas for f64 parts, on vectors.
macro_rules! complex_vectors {
    ($(#[$doc:meta])* $step:ident, $formula:ident, $parts:literal, |$value:ident, $to:ident| $store:expr) => {
        $(#[$doc])*
        pub(super) struct $step<F, T, L>(PhantomData<(F, T, L)>);
        impl<F: $formula<N>, T: Part, L: Double, const N: usize> Step<N> for $step<F, T, L> {
            const WIDTH: usize = L::WIDTH;
            const OPERANDS: [usize; N] = [2 * size_of::<T>(); N];
            const RESULT: usize = $parts * size_of::<T>();
            #[inline(always)]
            unsafe fn step(operands: [*const u8; N], $to: *mut u8) {
                // SAFETY: the caller gives a vector of each; every value is written before it is read.
                unsafe {
                    let mut loaded = MaybeUninit::<[Complex<L>; N]>::uninit();
                    for (operand, from) in operands.iter().enumerate() {
                        loaded.as_mut_ptr().cast::<Complex<L>>().add(operand).write(load_complex::<T, L>(*from));
                    }
                    let $value = F::apply(loaded.assume_init());
                    let $to = $to.cast::<T>();
                    $store
                }
            }
        }
    };
}
complex_vectors!(
    /// A complex formula for f64 parts.
    ComplexVectors, ComplexDoubleFormula, 2, |value, to| {
        store_apart(value.real, to, 2);
        store_apart(value.imaginary, to.add(1), 2);
    }
);
complex_vectors!(
    /// A complex number's part, computed on f64.
    ComplexPartVectors, ComplexDoublePart, 1, |value, to| store_apart(value, to, 1)
);

/// The block function of a test of two integer types, the same at every level.
///
/// # Safety
/// As `BlockFunction`.
pub(super) unsafe fn mixed<F: MixedTest, A: Copy + Into<i128>, B: Copy + Into<i128>>(
    operands: *const *const u8,
    result: *mut u8,
    length: usize,
) -> usize {
    // SAFETY: the caller gives two operands and a result, readable and writable for `length` elements.
    unsafe {
        let [left, right] = operands.cast::<[*const u8; 2]>().read();
        for index in 0..length {
            let a = left.cast::<A>().add(index).read_unaligned();
            let b = right.cast::<B>().add(index).read_unaligned();
            *result.add(index) = F::apply(a.into(), b.into()) as u8;
        }
    }
    usize::MAX
}
