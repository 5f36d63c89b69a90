//! Folds: what a reduction does innermost, in the one order that every executor follows.
//!
//! A reduction lays its elements out in stripes and keeps one accumulator for each place in a stripe: accumulator `j` takes
//! element `j` of each stripe in turn. Reducing a dense run, a stripe is 512 bytes (`STRIPE`) and 64 stripes (`STRIPES`) make a
//! block, whose accumulators `halve` joins in a tree; reducing over an outer axis, a stripe is a row. Either way the order
//! depends on lengths alone, so every level, thread and device gives the same bits.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use thalweg_lang::dtype::DType;

use super::Level;
use super::formula::*;
use super::step::whole_steps_only;
use super::table::{Avx2, Avx512, Kernel, Kernels, Portable};
use crate::lane::{Float, Integer, Lane, Lanes, Mask, Number, scalar};

/// The bytes of a stripe of a dense run.
pub const STRIPE: usize = 512;
/// The stripes of a block of a dense run.
pub const STRIPES: usize = 64;
/// The accumulators that [`Fold::bundle`] holds in registers.
pub const BUNDLE: usize = 8;
/// The fewest bytes of the rows that it takes: no vector has more.
pub const NARROWEST_BUNDLE: usize = 64;

type StripeFunction = unsafe fn(accumulators: *mut u8, source: *const u8, width: usize, stride: usize, stripes: usize);
type HalveFunction = unsafe fn(accumulators: *mut u8, length: usize);
type TotalFunction = unsafe fn(source: *const u8, count: usize, to: *mut u8);
type BundleFunction = unsafe fn(source: *const u8, distance: isize, rows: usize, width: usize, to: *mut u8);

/// A way to fold elements of one dtype into one.
pub struct Fold {
    /// The operation on two elements.
    pub kernel: Kernel,
    stripes: [StripeFunction; 4],
    halves: [HalveFunction; 4],
    totals: [TotalFunction; 4],
    bundles: [BundleFunction; 4],
}

impl Fold {
    /// The dtype of the elements and of the accumulators.
    pub fn dtype(&self) -> DType {
        self.kernel.result
    }

    /// For each of `stripes` stripes in turn, combines accumulator `j` (on the left) with element `j` of the stripe, for `j`
    /// below `width`. Stripes begin `stride` bytes apart and their elements are dense.
    ///
    /// # Safety
    /// `accumulators` must be readable and writable for `width` elements; every byte from `source` to the end of the last
    /// stripe's elements must be readable, gaps between stripes included, and `stride` at least a stripe's size. They must not
    /// overlap. The machine must have the level.
    pub unsafe fn accumulate(
        &self,
        level: Level,
        accumulators: *mut u8,
        source: *const u8,
        width: usize,
        stride: usize,
        stripes: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe { self.stripes[level as usize](accumulators, source, width, stride, stripes) }
    }

    /// Combines element by element: `left[j]` becomes `left[j]` (on the left) with `right[j]`.
    ///
    /// # Safety
    /// Both must be readable, and `left` writable, for `length` elements; they must not overlap. The machine must have the
    /// level.
    pub unsafe fn combine(&self, level: Level, left: *mut u8, right: *const u8, length: usize) {
        let operands = [left.cast_const(), right];
        // SAFETY: the caller's promise; a kernel may work in place.
        unsafe { self.kernel.function(level)(operands.as_ptr(), left, length) };
    }

    /// Folds a dense run of at most a block's elements, and one at least, into one.
    ///
    /// # Safety
    /// `source` must be readable for `count` elements, and `to` writable for one; the machine must have the level.
    pub unsafe fn total(&self, level: Level, source: *const u8, count: usize, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.totals[level as usize](source, count, to) }
    }

    /// Folds `rows` rows, one at least, of `width` elements that begin `distance` bytes apart into one row: [`BUNDLE`] accumulators take
    /// them in turn, and are halved in the end.
    ///
    /// # Safety
    /// The rows must be readable and have [`NARROWEST_BUNDLE`] bytes at least; `to` must be writable for one and overlap none. The
    /// machine must have the level.
    pub unsafe fn bundle(
        &self,
        level: Level,
        source: *const u8,
        (distance, rows): (isize, usize),
        width: usize,
        to: *mut u8,
    ) {
        debug_assert!(rows > 0 && width * self.dtype().size() >= NARROWEST_BUNDLE);
        // SAFETY: the caller's promise.
        unsafe { self.bundles[level as usize](source, distance, rows, width, to) }
    }

    /// Joins `length` accumulators, a power of two, into the first of them: the second half is combined into the first half
    /// until one is left.
    ///
    /// # Safety
    /// `accumulators` must be readable and writable for `length` elements; the machine must have the level.
    pub unsafe fn halve(&self, level: Level, accumulators: *mut u8, length: usize) {
        debug_assert!(length.is_power_of_two());
        // SAFETY: the caller's promise.
        unsafe { self.halves[level as usize](accumulators, length) }
    }
}

/// Two operands of one vector combined into one.
trait Combine: 'static {
    /// A vector.
    type Vector: Copy;
    /// An element.
    type Element: Copy;
    /// Elements of a vector.
    const WIDTH: usize;
    /// Bytes of an element.
    const SIZE: usize;
    /// # Safety
    /// `from` must be readable for a vector.
    unsafe fn load(from: *const u8) -> Self::Vector;
    /// # Safety
    /// `to` must be writable for a vector.
    unsafe fn store(vector: Self::Vector, to: *mut u8);
    fn combine(left: Self::Vector, right: Self::Vector) -> Self::Vector;
    /// The same for two elements.
    fn combine_elements(left: Self::Element, right: Self::Element) -> Self::Element;
}

/// Folds `C` vectors of accumulators from column `column` on, held in registers over all stripes. The last vector may reach
/// beyond `width`: what it reads there is ignored.
///
/// # Safety
/// As `Fold::accumulate`, with the columns' first within `width`.
#[inline(always)]
unsafe fn columns<V: Combine, const C: usize>(
    accumulators: *mut u8,
    source: *const u8,
    column: usize,
    (width, stride, stripes): (usize, usize, usize),
) {
    // SAFETY: whole vectors are loaded and stored only where they lie within the accumulators, and within the stripes' extent
    // from `source` to the end of the last; otherwise they go through a buffer. Values are written before they are read.
    unsafe {
        let bytes = V::WIDTH * V::SIZE;
        let wanted = (width - column).min(C * V::WIDTH) * V::SIZE;
        let whole = wanted == C * bytes;
        let accumulators = accumulators.add(column * V::SIZE);
        let mut source = source.add(column * V::SIZE);
        let mut buffer = MaybeUninit::<[u8; STRIPE]>::zeroed();
        let buffer = buffer.as_mut_ptr().cast::<u8>();
        let from = if whole {
            accumulators
        } else {
            std::ptr::copy_nonoverlapping(accumulators, buffer, wanted);
            buffer
        };
        let mut totals = [const { MaybeUninit::<V::Vector>::uninit() }; C];
        for (index, total) in totals.iter_mut().enumerate() {
            total.write(V::load(from.add(index * bytes)));
        }
        // The stripes whose vectors end before the last stripe does.
        let extent = (stripes - 1) * stride + wanted;
        let direct = if extent < C * bytes { 0 } else { ((extent - C * bytes) / stride + 1).min(stripes) };
        let mut stripe = 0;
        loop {
            while stripe < direct {
                for (index, total) in totals.iter_mut().enumerate() {
                    total.write(V::combine(total.assume_init(), V::load(source.add(index * bytes))));
                    whole_steps_only();
                }
                source = source.add(stride);
                stripe += 1;
            }
            if stripe == stripes {
                break;
            }
            // One of the few last stripes, by way of the buffer.
            std::ptr::copy_nonoverlapping(source, buffer, wanted);
            for (index, total) in totals.iter_mut().enumerate() {
                total.write(V::combine(total.assume_init(), V::load(buffer.add(index * bytes))));
            }
            source = source.add(stride);
            stripe += 1;
        }
        let to = if whole { accumulators } else { buffer };
        for (index, total) in totals.iter().enumerate() {
            V::store(total.assume_init(), to.add(index * bytes));
        }
        if !whole {
            std::ptr::copy_nonoverlapping(buffer, accumulators, wanted);
        }
    }
}

/// # Safety
/// As `Fold::accumulate`.
#[inline(always)]
unsafe fn accumulate<V: Combine, const C: usize>(
    accumulators: *mut u8,
    source: *const u8,
    width: usize,
    stride: usize,
    stripes: usize,
) {
    if stripes == 0 {
        return;
    }
    let mut column = 0;
    // SAFETY: the caller's promise; columns stay below `width`.
    unsafe {
        while width - column >= C * V::WIDTH {
            columns::<V, C>(accumulators, source, column, (width, stride, stripes));
            column += C * V::WIDTH;
        }
        while column < width {
            columns::<V, 1>(accumulators, source, column, (width, stride, stripes));
            column += V::WIDTH;
        }
    }
}

/// The accumulators of a stripe.
#[repr(C, align(64))]
struct Stripe(MaybeUninit<[u8; STRIPE]>);

/// # Safety
/// As `Fold::halve`.
#[inline(always)]
unsafe fn halve<V: Combine>(accumulators: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { halve_filled::<V>(accumulators, length, length) }
}

/// Joins accumulators of which only the first `filled` have anything; `length` is a power of two.
///
/// # Safety
/// `accumulators` must be readable and writable for `filled` elements.
#[inline(always)]
unsafe fn halve_filled<V: Combine>(accumulators: *mut u8, length: usize, filled: usize) {
    let mut half = length / 2;
    let mut filled = filled;
    // SAFETY: what is combined lies within the filled accumulators; elements need no alignment.
    unsafe {
        while half > 0 {
            if filled <= half {
                half /= 2;
                continue;
            }
            let (upper, more) = (accumulators.add(half * V::SIZE), filled - half);
            let whole = more - more % V::WIDTH;
            let mut index = 0;
            while index < whole {
                let (left, right) = (accumulators.add(index * V::SIZE), upper.add(index * V::SIZE));
                V::store(V::combine(V::load(left), V::load(right)), left);
                whole_steps_only();
                index += V::WIDTH;
            }
            while index < more {
                let left = accumulators.cast::<V::Element>().add(index);
                let right = upper.cast::<V::Element>().add(index);
                left.write_unaligned(V::combine_elements(left.read_unaligned(), right.read_unaligned()));
                index += 1;
            }
            filled = half;
            half /= 2;
        }
    }
}

/// # Safety
/// As `Fold::total`; `C` vectors fit into a stripe evenly.
#[inline(always)]
unsafe fn total<V: Combine, const C: usize>(source: *const u8, count: usize, to: *mut u8) {
    let lanes = STRIPE / V::SIZE;
    let mut stripe = Stripe(MaybeUninit::uninit());
    let accumulators = stripe.0.as_mut_ptr().cast::<u8>();
    let filled = count.min(lanes);
    // SAFETY: every place lies within the source and, as the accumulators are filled before they are read, within what is
    // written of the stripe.
    unsafe {
        let mut column = 0;
        while column < filled {
            let group = (C * V::WIDTH).min(lanes - column);
            let (from, into) = (source.add(column * V::SIZE), accumulators.add(column * V::SIZE));
            // How many stripes have the whole group, and how many elements of it the next one has.
            let stripes = if count < column + group { 0 } else { (count - column - group) / lanes + 1 };
            let rest = (count - column).saturating_sub(stripes * lanes).min(group);
            if stripes == 0 {
                std::ptr::copy_nonoverlapping(from, into, rest * V::SIZE);
                break;
            }
            let mut totals = [const { MaybeUninit::<V::Vector>::uninit() }; C];
            for (index, total) in totals.iter_mut().enumerate() {
                total.write(V::load(from.add(index * V::WIDTH * V::SIZE)));
            }
            for stripe in 1..stripes {
                let from = from.add(stripe * STRIPE);
                for (index, total) in totals.iter_mut().enumerate() {
                    total.write(V::combine(total.assume_init(), V::load(from.add(index * V::WIDTH * V::SIZE))));
                    whole_steps_only();
                }
            }
            let from = from.add(stripes * STRIPE);
            for (index, total) in totals.iter_mut().enumerate() {
                let first = index * V::WIDTH;
                if first + V::WIDTH <= rest {
                    total.write(V::combine(total.assume_init(), V::load(from.add(first * V::SIZE))));
                    whole_steps_only();
                } else if first < rest {
                    let into = into.add(first * V::SIZE);
                    V::store(total.assume_init(), into);
                    for element in 0..rest - first {
                        let left = into.cast::<V::Element>().add(element);
                        let right = from.cast::<V::Element>().add(first + element);
                        left.write_unaligned(V::combine_elements(left.read_unaligned(), right.read_unaligned()));
                    }
                    total.write(V::load(into));
                }
            }
            if group == lanes {
                // All accumulators are in registers: they are halved there while they fill more than one.
                let mut half = C / 2;
                while half > 0 {
                    for index in 0..half {
                        let (left, right) = (totals[index].assume_init(), totals[index + half].assume_init());
                        totals[index].write(V::combine(left, right));
                        whole_steps_only();
                    }
                    half /= 2;
                }
                V::store(totals[0].assume_init(), accumulators);
                halve_filled::<V>(accumulators, V::WIDTH, V::WIDTH);
                std::ptr::copy_nonoverlapping(accumulators, to, V::SIZE);
                return;
            }
            for (index, total) in totals.iter().enumerate() {
                V::store(total.assume_init(), into.add(index * V::WIDTH * V::SIZE));
            }
            column += group;
        }
        halve_filled::<V>(accumulators, lanes, filled);
        std::ptr::copy_nonoverlapping(accumulators, to, V::SIZE);
    }
}

/// `C` vectors of each row, all accumulators in registers.
///
/// # Safety
/// As `Fold::bundle`, for so many elements.
#[inline(always)]
unsafe fn bundled_columns<V: Combine, const C: usize>(
    source: *const u8,
    (distance, rows): (isize, usize),
    to: *mut u8,
) {
    let mut totals = [const { [const { MaybeUninit::<V::Vector>::uninit() }; C] }; BUNDLE];
    // SAFETY: rows that are there are read; an accumulator is read only if there is its first row.
    unsafe {
        let load =
            |row: usize, index: usize| V::load(source.offset(row as isize * distance).add(index * V::WIDTH * V::SIZE));
        for (row, totals) in totals.iter_mut().enumerate() {
            if row < rows {
                totals.iter_mut().enumerate().for_each(|(index, total)| _ = total.write(load(row, index)));
            }
        }
        let mut row = BUNDLE;
        while row < rows {
            for (at, totals) in totals.iter_mut().enumerate() {
                if row + at < rows {
                    for (index, total) in totals.iter_mut().enumerate() {
                        total.write(V::combine(total.assume_init(), load(row + at, index)));
                    }
                    whole_steps_only();
                }
            }
            row += BUNDLE;
        }
        let mut filled = rows.min(BUNDLE);
        let mut half = BUNDLE / 2;
        while half > 0 {
            let (lower, upper) = totals.split_at_mut(half);
            for (at, (left, right)) in lower.iter_mut().zip(upper.iter()).enumerate() {
                if at + half < filled {
                    for (left, right) in left.iter_mut().zip(right) {
                        left.write(V::combine(left.assume_init(), right.assume_init()));
                    }
                    whole_steps_only();
                }
            }
            filled = filled.min(half);
            half /= 2;
        }
        for (index, total) in totals[0].iter().enumerate() {
            V::store(total.assume_init(), to.add(index * V::WIDTH * V::SIZE));
        }
    }
}

/// # Safety
/// As `Fold::bundle`.
#[inline(always)]
unsafe fn bundle<V: Combine, const C: usize>(
    source: *const u8,
    distance: isize,
    rows: usize,
    width: usize,
    to: *mut u8,
) {
    let (mut column, rows) = (0, (distance, rows));
    // SAFETY: the caller's promise: a row has a vector at least, and the last one may begin within the one before it.
    unsafe {
        while width - column >= C * V::WIDTH {
            bundled_columns::<V, C>(source.add(column * V::SIZE), rows, to.add(column * V::SIZE));
            column += C * V::WIDTH;
        }
        while column < width {
            let at = column.min(width - V::WIDTH);
            bundled_columns::<V, 1>(source.add(at * V::SIZE), rows, to.add(at * V::SIZE));
            column = at + V::WIDTH;
        }
    }
}

/// # Safety
/// As `Fold::bundle`.
unsafe fn plain_bundle<V: Combine, const C: usize>(
    source: *const u8,
    distance: isize,
    rows: usize,
    width: usize,
    to: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { bundle::<V, C>(source, distance, rows, width, to) }
}

/// # Safety
/// As `Fold::bundle`, on a machine with AVX2 and FMA.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
unsafe fn avx2_bundle<V: Combine, const C: usize>(
    source: *const u8,
    distance: isize,
    rows: usize,
    width: usize,
    to: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { bundle::<V, C>(source, distance, rows, width, to) }
}

/// # Safety
/// As `Fold::bundle`, on a machine with AVX-512 F, DQ, VL and BW.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma"))]
unsafe fn avx512_bundle<V: Combine, const C: usize>(
    source: *const u8,
    distance: isize,
    rows: usize,
    width: usize,
    to: *mut u8,
) {
    // SAFETY: the caller's promise.
    unsafe { bundle::<V, C>(source, distance, rows, width, to) }
}

/// # Safety
/// As `Fold::halve`.
unsafe fn plain_halve<V: Combine>(accumulators: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { halve::<V>(accumulators, length) }
}

/// # Safety
/// As `Fold::halve`, on a machine with AVX2 and FMA.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
unsafe fn avx2_halve<V: Combine>(accumulators: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { halve::<V>(accumulators, length) }
}

/// # Safety
/// As `Fold::halve`, on a machine with AVX-512 F, DQ, VL and BW.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma"))]
unsafe fn avx512_halve<V: Combine>(accumulators: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { halve::<V>(accumulators, length) }
}

/// # Safety
/// As `Fold::accumulate`.
unsafe fn plain<V: Combine, const C: usize>(
    accumulators: *mut u8,
    source: *const u8,
    width: usize,
    stride: usize,
    stripes: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { accumulate::<V, C>(accumulators, source, width, stride, stripes) }
}

/// # Safety
/// As `Fold::accumulate`, on a machine with AVX2 and FMA.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
unsafe fn avx2<V: Combine, const C: usize>(
    accumulators: *mut u8,
    source: *const u8,
    width: usize,
    stride: usize,
    stripes: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { accumulate::<V, C>(accumulators, source, width, stride, stripes) }
}

/// # Safety
/// As `Fold::accumulate`, on a machine with AVX-512 F, DQ, VL and BW.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma"))]
unsafe fn avx512<V: Combine, const C: usize>(
    accumulators: *mut u8,
    source: *const u8,
    width: usize,
    stride: usize,
    stripes: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { accumulate::<V, C>(accumulators, source, width, stride, stripes) }
}

/// # Safety
/// As `Fold::total`.
unsafe fn plain_total<V: Combine, const C: usize>(source: *const u8, count: usize, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { total::<V, C>(source, count, to) }
}

/// # Safety
/// As `Fold::total`, on a machine with AVX2 and FMA.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
unsafe fn avx2_total<V: Combine, const C: usize>(source: *const u8, count: usize, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { total::<V, C>(source, count, to) }
}

/// # Safety
/// As `Fold::total`, on a machine with AVX-512 F, DQ, VL and BW.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma"))]
unsafe fn avx512_total<V: Combine, const C: usize>(source: *const u8, count: usize, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { total::<V, C>(source, count, to) }
}

/// A formula of two operands, on explicit vectors.
macro_rules! vectors {
    ($name:ident, $formula:ident, $bound:ident) => {
        struct $name<F, L>(PhantomData<(F, L)>);
        impl<F: $formula<2>, L: $bound<Element: $bound>> Combine for $name<F, L> {
            type Vector = L;
            type Element = L::Element;
            const WIDTH: usize = L::WIDTH;
            const SIZE: usize = size_of::<L::Element>();
            #[inline(always)]
            unsafe fn load(from: *const u8) -> L {
                // SAFETY: the caller's promise.
                unsafe { L::load(from.cast()) }
            }
            #[inline(always)]
            unsafe fn store(vector: L, to: *mut u8) {
                // SAFETY: the caller's promise.
                unsafe { vector.store(to.cast()) }
            }
            #[inline(always)]
            fn combine(left: L, right: L) -> L {
                F::apply([left, right])
            }
            #[inline(always)]
            fn combine_elements(left: L::Element, right: L::Element) -> L::Element {
                F::apply([left, right])
            }
        }
    };
}
vectors!(NumberVectors, NumberFormula, Number);
vectors!(FloatVectors, FloatFormula, Float);

/// The bytes that an array takes where the compiler makes the vectors.
const ARRAY: usize = 64;

/// A formula of two operands, on arrays of 64 bytes of which the compiler makes vectors.
macro_rules! arrays {
    ($name:ident, $formula:ident, $bound:ident) => {
        struct $name<F, T, const W: usize>(PhantomData<(F, T)>);
        impl<F: $formula<2>, T: $bound<Element = T, Mask = bool>, const W: usize> Combine for $name<F, T, W> {
            type Vector = [T; W];
            type Element = T;
            const WIDTH: usize = W;
            const SIZE: usize = size_of::<T>();
            #[inline(always)]
            unsafe fn load(from: *const u8) -> [T; W] {
                // SAFETY: the caller's promise.
                unsafe { from.cast::<[T; W]>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(vector: [T; W], to: *mut u8) {
                // SAFETY: the caller's promise.
                unsafe { to.cast::<[T; W]>().write_unaligned(vector) }
            }
            #[inline(always)]
            fn combine(mut left: [T; W], right: [T; W]) -> [T; W] {
                for (left, right) in left.iter_mut().zip(right) {
                    *left = F::apply([*left, right]);
                }
                left
            }
            #[inline(always)]
            fn combine_elements(left: T, right: T) -> T {
                F::apply([left, right])
            }
        }
    };
}
arrays!(NumberArrays, NumberFormula, Number);
arrays!(IntegerArrays, IntegerFormula, Integer);

/// A formula of two truths, on vectors of bytes.
struct LogicVectors<F, M, const W: usize>(PhantomData<(F, M)>);
impl<F: LogicFormula<2>, M: Mask, const W: usize> Combine for LogicVectors<F, M, W> {
    type Vector = M;
    type Element = bool;
    const WIDTH: usize = W;
    const SIZE: usize = 1;
    #[inline(always)]
    unsafe fn load(from: *const u8) -> M {
        // SAFETY: the caller's promise.
        unsafe { M::load(from) }
    }
    #[inline(always)]
    unsafe fn store(vector: M, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { vector.store(to) }
    }
    #[inline(always)]
    fn combine(left: M, right: M) -> M {
        F::apply([left, right])
    }
    #[inline(always)]
    fn combine_elements(left: bool, right: bool) -> bool {
        F::apply([left, right])
    }
}

/// A formula of two complex numbers, on arrays of 64 bytes.
struct ComplexArrays<F, T, const W: usize>(PhantomData<(F, T)>);
impl<F: ComplexFormula<2>, T: Float<Element = T, Mask = bool>, const W: usize> Combine for ComplexArrays<F, T, W> {
    type Vector = [Complex<T>; W];
    type Element = Complex<T>;
    const WIDTH: usize = W;
    const SIZE: usize = 2 * size_of::<T>();
    #[inline(always)]
    unsafe fn load(from: *const u8) -> [Complex<T>; W] {
        // SAFETY: the caller's promise; `Complex` is its two parts in order.
        unsafe { from.cast::<[Complex<T>; W]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(vector: [Complex<T>; W], to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[Complex<T>; W]>().write_unaligned(vector) }
    }
    #[inline(always)]
    fn combine(mut left: [Complex<T>; W], right: [Complex<T>; W]) -> [Complex<T>; W] {
        for (left, right) in left.iter_mut().zip(right) {
            *left = F::apply([*left, right]);
        }
        left
    }
    #[inline(always)]
    fn combine_elements(left: Complex<T>, right: Complex<T>) -> Complex<T> {
        F::apply([left, right])
    }
}

/// How many parts a table of folds can be put together from.
const PARTS: usize = 4;

/// The folds of an operation, one for each dtype.
#[derive(Clone, Copy)]
pub struct Folds {
    parts: [&'static [Fold]; PARTS],
}

impl Folds {
    /// No folds.
    pub const NONE: Folds = Folds { parts: [&[]; PARTS] };

    const fn of(folds: &'static [Fold]) -> Folds {
        let mut parts: [&'static [Fold]; PARTS] = [&[]; PARTS];
        parts[0] = folds;
        Folds { parts }
    }

    /// These and others; where both have the same dtype, these win.
    pub const fn and(self, others: Folds) -> Folds {
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
        Folds { parts }
    }

    /// The fold of a dtype.
    pub fn find(&self, dtype: DType) -> Option<&'static Fold> {
        self.parts.into_iter().flatten().find(|fold| fold.dtype() == dtype)
    }

    /// By a number formula, for i8 to u64, f32 and f64.
    pub const fn number<F: NumberFormula<2>>() -> Folds {
        Folds::of(NumberFolds::<F>::FOLDS)
    }

    /// By a float formula, for f32 and f64.
    pub const fn float<F: FloatFormula<2>>() -> Folds {
        Folds::of(FloatFolds::<F>::FOLDS)
    }

    /// By an integer formula, for i8 to u64.
    pub const fn integer<F: IntegerFormula<2>>() -> Folds {
        Folds::of(IntegerFolds::<F>::FOLDS)
    }

    /// By a formula of truths, for bool.
    pub const fn logic<F: LogicFormula<2>>() -> Folds {
        Folds::of(LogicFolds::<F>::FOLDS)
    }

    /// By a complex formula, for c64 and c128.
    pub const fn complex<F: ComplexFormula<2>>() -> Folds {
        Folds::of(ComplexFolds::<F>::FOLDS)
    }
}

/// A name that can hold a constant for each formula.
macro_rules! table {
    ($table:ident, $formula:ident, [$($fold:expr),* $(,)?]) => {
        struct $table<F>(PhantomData<F>);
        impl<F: $formula<2>> $table<F> {
            const FOLDS: &'static [Fold] = &[$($fold),*];
        }
    };
}

/// Vectors of floats: eight at a time fill a stripe with AVX-512 and half the registers with AVX2.
macro_rules! float_fold {
    ($kernels:ident, $step:ident, $formula:ident, $lane:ident, $index:literal) => {
        Fold {
            kernel: Kernels::$kernels::<$formula, 2>().first($index),
            stripes: [
                plain::<$step<$formula, <scalar::Scalar as Lanes>::$lane>, 1>,
                plain::<$step<$formula, <Portable as Lanes>::$lane>, 4>,
                avx2::<$step<$formula, <Avx2 as Lanes>::$lane>, 8>,
                avx512::<$step<$formula, <Avx512 as Lanes>::$lane>, 8>,
            ],
            halves: [
                plain_halve::<$step<$formula, <scalar::Scalar as Lanes>::$lane>>,
                plain_halve::<$step<$formula, <Portable as Lanes>::$lane>>,
                avx2_halve::<$step<$formula, <Avx2 as Lanes>::$lane>>,
                avx512_halve::<$step<$formula, <Avx512 as Lanes>::$lane>>,
            ],
            totals: [
                plain_total::<$step<$formula, <scalar::Scalar as Lanes>::$lane>, 1>,
                plain_total::<$step<$formula, <Portable as Lanes>::$lane>, 4>,
                avx2_total::<$step<$formula, <Avx2 as Lanes>::$lane>, 8>,
                avx512_total::<$step<$formula, <Avx512 as Lanes>::$lane>, 8>,
            ],
            bundles: [
                plain_bundle::<$step<$formula, <scalar::Scalar as Lanes>::$lane>, 1>,
                plain_bundle::<$step<$formula, <Portable as Lanes>::$lane>, 1>,
                avx2_bundle::<$step<$formula, <Avx2 as Lanes>::$lane>, 1>,
                avx512_bundle::<$step<$formula, <Avx512 as Lanes>::$lane>, 2>,
            ],
        }
    };
}

/// Arrays that the compiler makes vectors of.
macro_rules! array_fold {
    ($kernels:ident, $array:ident, $formula:ident, $element:ty, $index:literal) => {
        array_fold!($kernels, $array, $formula, $element, $index, { ARRAY / size_of::<$element>() })
    };
    ($kernels:ident, $array:ident, $formula:ident, $element:ty, $index:literal, $width:expr) => {
        Fold {
            kernel: Kernels::$kernels::<$formula, 2>().first($index),
            stripes: [
                plain::<$array<$formula, $element, $width>, 2>,
                plain::<$array<$formula, $element, $width>, 2>,
                avx2::<$array<$formula, $element, $width>, 4>,
                avx512::<$array<$formula, $element, $width>, 8>,
            ],
            halves: [
                plain_halve::<$array<$formula, $element, $width>>,
                plain_halve::<$array<$formula, $element, $width>>,
                avx2_halve::<$array<$formula, $element, $width>>,
                avx512_halve::<$array<$formula, $element, $width>>,
            ],
            totals: [
                plain_total::<$array<$formula, $element, $width>, 2>,
                plain_total::<$array<$formula, $element, $width>, 2>,
                avx2_total::<$array<$formula, $element, $width>, 4>,
                avx512_total::<$array<$formula, $element, $width>, 8>,
            ],
            bundles: [
                plain_bundle::<$array<$formula, $element, $width>, 1>,
                plain_bundle::<$array<$formula, $element, $width>, 1>,
                avx2_bundle::<$array<$formula, $element, $width>, 1>,
                avx512_bundle::<$array<$formula, $element, $width>, 2>,
            ],
        }
    };
}

table!(
    NumberFolds,
    NumberFormula,
    [
        float_fold!(number, NumberVectors, F, Double, 0),
        float_fold!(number, NumberVectors, F, Single, 1),
        array_fold!(number, NumberArrays, F, i64, 2),
        array_fold!(number, NumberArrays, F, i32, 3),
        array_fold!(number, NumberArrays, F, i16, 4),
        array_fold!(number, NumberArrays, F, i8, 5),
        array_fold!(number, NumberArrays, F, u64, 6),
        array_fold!(number, NumberArrays, F, u32, 7),
        array_fold!(number, NumberArrays, F, u16, 8),
        array_fold!(number, NumberArrays, F, u8, 9),
    ]
);

table!(
    FloatFolds,
    FloatFormula,
    [float_fold!(float, FloatVectors, F, Double, 0), float_fold!(float, FloatVectors, F, Single, 1),]
);

table!(
    IntegerFolds,
    IntegerFormula,
    [
        array_fold!(integer, IntegerArrays, F, i64, 0),
        array_fold!(integer, IntegerArrays, F, i32, 1),
        array_fold!(integer, IntegerArrays, F, i16, 2),
        array_fold!(integer, IntegerArrays, F, i8, 3),
        array_fold!(integer, IntegerArrays, F, u64, 4),
        array_fold!(integer, IntegerArrays, F, u32, 5),
        array_fold!(integer, IntegerArrays, F, u16, 6),
        array_fold!(integer, IntegerArrays, F, u8, 7),
    ]
);

table!(
    LogicFolds,
    LogicFormula,
    [Fold {
        kernel: Kernels::logic::<F, 2>().first(0),
        stripes: [
            plain::<LogicVectors<F, bool, 1>, 1>,
            plain::<LogicVectors<F, <Portable as Lanes>::Truth, { <Portable as Lanes>::TRUTHS }>, 4>,
            avx2::<LogicVectors<F, <Avx2 as Lanes>::Truth, { <Avx2 as Lanes>::TRUTHS }>, 4>,
            avx512::<LogicVectors<F, <Avx512 as Lanes>::Truth, { <Avx512 as Lanes>::TRUTHS }>, 8>,
        ],
        halves: [
            plain_halve::<LogicVectors<F, bool, 1>>,
            plain_halve::<LogicVectors<F, <Portable as Lanes>::Truth, { <Portable as Lanes>::TRUTHS }>>,
            avx2_halve::<LogicVectors<F, <Avx2 as Lanes>::Truth, { <Avx2 as Lanes>::TRUTHS }>>,
            avx512_halve::<LogicVectors<F, <Avx512 as Lanes>::Truth, { <Avx512 as Lanes>::TRUTHS }>>,
        ],
        totals: [
            plain_total::<LogicVectors<F, bool, 1>, 1>,
            plain_total::<LogicVectors<F, <Portable as Lanes>::Truth, { <Portable as Lanes>::TRUTHS }>, 4>,
            avx2_total::<LogicVectors<F, <Avx2 as Lanes>::Truth, { <Avx2 as Lanes>::TRUTHS }>, 4>,
            avx512_total::<LogicVectors<F, <Avx512 as Lanes>::Truth, { <Avx512 as Lanes>::TRUTHS }>, 8>,
        ],
        bundles: [
            plain_bundle::<LogicVectors<F, bool, 1>, 1>,
            plain_bundle::<LogicVectors<F, <Portable as Lanes>::Truth, { <Portable as Lanes>::TRUTHS }>, 1>,
            avx2_bundle::<LogicVectors<F, <Avx2 as Lanes>::Truth, { <Avx2 as Lanes>::TRUTHS }>, 1>,
            avx512_bundle::<LogicVectors<F, <Avx512 as Lanes>::Truth, { <Avx512 as Lanes>::TRUTHS }>, 2>,
        ],
    }]
);

table!(
    ComplexFolds,
    ComplexFormula,
    [array_fold!(complex, ComplexArrays, F, f64, 0, 4), array_fold!(complex, ComplexArrays, F, f32, 1, 8),]
);

const _: () = assert!(<f64 as Lane>::WIDTH == 1);
