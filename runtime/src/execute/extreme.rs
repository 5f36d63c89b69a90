//! The search for the first smallest or greatest element of each column.

use super::fold::Partial;
use crate::array::Complex;
use crate::for_dtype;
use crate::kernel::Level;
use std::ops::{BitOrAssign, Range};
use thalweg_lang::dtype::DType;

/// How many elements are compared with the best at once, of many.
const MOST_LANES: usize = 32;

/// How many elements are compared with the best at once, of few.
const FEWEST_LANES: usize = 8;

/// How many elements are gone over twice: they stay in the first cache.
const PART: usize = 4096;

/// Looks for the first extreme of each column.
pub struct Search {
    dtype: DType,
    greatest: bool,
    /// How many columns; at most as many as there were at first.
    pub width: usize,
    /// The best of each column.
    pub values: Partial,
    /// Their rows.
    pub indices: Vec<i64>,
}

impl Search {
    /// A search that has seen nothing, for the smallest or the greatest.
    pub fn new(dtype: DType, greatest: bool, width: usize) -> Search {
        Search { dtype, greatest, width, values: Partial::new(width * dtype.size()), indices: vec![0; width] }
    }

    /// Takes `count` elements, of which `taken` were seen before in this search; row 0 is the row `first_row`.
    ///
    /// # Safety
    /// `source` has `count` elements, and the machine has the level.
    pub unsafe fn feed(&mut self, level: Level, source: *const u8, count: usize, taken: usize, first_row: usize) {
        let (values, indices, width) = (self.values.pointer(), self.indices.as_mut_ptr(), self.width);
        let greatest = self.greatest;
        for_dtype!(self.dtype, T => {
            // SAFETY: the caller's promise; a value and an index are there for each column.
            unsafe {
                let best = Best { values: values.cast::<T>(), indices, width, greatest };
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => best.feed_avx512(source.cast(), count, taken, first_row),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => best.feed_avx2(source.cast(), count, taken, first_row),
                    _ => best.feed(source.cast(), count, taken, first_row),
                }
            }
        });
    }
}

/// The best of each column so far, and their rows.
struct Best<T> {
    values: *mut T,
    indices: *mut i64,
    width: usize,
    greatest: bool,
}

impl<T: Extreme> Best<T> {
    /// # Safety
    /// As [`Search::feed`]; a value and an index are there for each column.
    #[inline(always)]
    unsafe fn feed(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.width == 1, self.greatest) {
                (true, true) => self.run::<true>(source, count, taken, first_row),
                (true, false) => self.run::<false>(source, count, taken, first_row),
                (false, true) => self.rows::<true>(source, count, taken, first_row),
                (false, false) => self.rows::<false>(source, count, taken, first_row),
            }
        }
    }

    /// # Safety
    /// As [`Best::feed`], on a machine with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn feed_avx2(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.feed(source, count, taken, first_row) }
    }

    /// # Safety
    /// As [`Best::feed`], on a machine with AVX-512 F, DQ, VL and BW.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn feed_avx512(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.feed(source, count, taken, first_row) }
    }

    /// One column: the best of a part is found first, then the first element that is as good.
    ///
    /// # Safety
    /// As [`Best::feed`].
    #[inline(always)]
    unsafe fn run<const GREATEST: bool>(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise; elements are read at any alignment.
        unsafe {
            let mut done = 0;
            while done < count {
                let part = (count - done).min(PART);
                let from = source.add(done);
                let best = best_of::<T, GREATEST>(from, part);
                if taken + done == 0 || best.beats(self.values.read(), GREATEST) {
                    let place = first_of::<T, GREATEST>(from, part, best);
                    self.values.write(best);
                    self.indices.write((first_row + taken + done + place) as i64);
                }
                done += part;
            }
        }
    }

    /// Several columns, a row, or what there is of it, at a time.
    ///
    /// # Safety
    /// As [`Best::feed`].
    #[inline(always)]
    unsafe fn rows<const GREATEST: bool>(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        let mut done = 0;
        while done < count {
            let (row, column) = ((taken + done) / self.width, (taken + done) % self.width);
            let part = (self.width - column).min(count - done);
            let index = (first_row + row) as i64;
            // SAFETY: the part lies in the source and in the columns.
            unsafe {
                let values = std::slice::from_raw_parts_mut(self.values.add(column), part);
                let indices = std::slice::from_raw_parts_mut(self.indices.add(column), part);
                for (at, (best, place)) in values.iter_mut().zip(indices).enumerate() {
                    let value = source.add(done + at).read_unaligned();
                    // Without a branch, so that it is vectors that choose.
                    let wins = row == 0 || value.beats(*best, GREATEST);
                    *best = if wins { value } else { *best };
                    *place = if wins { index } else { *place };
                }
            }
            done += part;
        }
    }
}

/// The best of `count` elements, one at least: the first NaN, or what no element is ahead of.
///
/// # Safety
/// `source` has `count` elements, at any alignment.
#[inline(always)]
unsafe fn best_of<T: Extreme, const GREATEST: bool>(source: *const T, count: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe {
        let ordered = match count {
            MOST_LANES.. => best_of_ordered::<T, GREATEST, MOST_LANES>(source, count),
            16.. => best_of_ordered::<T, GREATEST, 16>(source, count),
            FEWEST_LANES.. => best_of_ordered::<T, GREATEST, FEWEST_LANES>(source, count),
            _ => None,
        };
        ordered.unwrap_or_else(|| {
            let element = |at: usize| source.add(at).read_unaligned();
            let better = |best: T, value: T| if value.beats(best, GREATEST) { value } else { best };
            (1..count).map(element).fold(element(0), better)
        })
    }
}

/// The best of `count` elements where all of them have an order, `LANES` at a time.
///
/// # Safety
/// As [`best_of`]; there are `LANES` elements at least.
#[inline(always)]
unsafe fn best_of_ordered<T: Extreme, const GREATEST: bool, const LANES: usize>(
    source: *const T,
    count: usize,
) -> Option<T> {
    // SAFETY: the caller's promise.
    let element = |at: usize| unsafe { source.add(at).read_unaligned() };
    let mut best: [T; LANES] = std::array::from_fn(element);
    let mut disordered = [T::Word::from(false); LANES];
    for (word, value) in disordered.iter_mut().zip(&best) {
        *word = T::Word::from(!value.has_order());
    }
    let mut at = LANES;
    while at < count {
        // The last ones may be looked at twice: that changes nothing.
        let from = at.min(count - LANES);
        for (lane, best) in best.iter_mut().enumerate() {
            let value = element(from + lane);
            disordered[lane] |= T::Word::from(!value.has_order());
            *best = if value.is_ahead(*best, GREATEST) { value } else { *best };
        }
        at += LANES;
    }
    if disordered.into_iter().any(|word| word != T::Word::from(false)) {
        return None;
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            best[lane] = if best[lane + half].is_ahead(best[lane], GREATEST) { best[lane + half] } else { best[lane] };
        }
        half /= 2;
    }
    Some(best[0])
}

/// The first of `count` elements that is as good as the best of them.
///
/// # Safety
/// As [`best_of`].
#[inline(always)]
unsafe fn first_of<T: Extreme, const GREATEST: bool>(source: *const T, count: usize, best: T) -> usize {
    // SAFETY: the caller's promise.
    let element = |at: usize| unsafe { source.add(at).read_unaligned() };
    if !best.has_order() {
        return (0..count).find(|&at| !element(at).has_order()).unwrap_or(0);
    }
    let is_it = |at: usize| !best.is_ahead(element(at), GREATEST);
    let is_among = |places: Range<usize>| places.fold(false, |any, at| any | is_it(at));
    let mut from = 0;
    while from + MOST_LANES <= count && !is_among(from..from + MOST_LANES) {
        from += MOST_LANES;
    }
    while from + FEWEST_LANES <= count && !is_among(from..from + FEWEST_LANES) {
        from += FEWEST_LANES;
    }
    (from..count).find(|&at| is_it(at)).unwrap_or(0)
}

/// Whether one value must take the place of another.
///
/// # Safety
/// Both are readable as elements of the dtype.
pub unsafe fn beats(dtype: DType, value: *const u8, best: *const u8, greatest: bool) -> bool {
    for_dtype!(dtype, T => {
        // SAFETY: the caller's promise.
        unsafe { value.cast::<T>().read_unaligned().beats(best.cast::<T>().read_unaligned(), greatest) }
    })
}

/// Elements with an order in which NaN comes first.
trait Extreme: Copy {
    /// As wide as an element, so that a truth lies beside it in a vector.
    type Word: Copy + PartialEq + From<bool> + BitOrAssign;
    /// Whether it has a place in the order of numbers: it is not NaN.
    fn has_order(self) -> bool;
    /// Whether it is greater (less), of two that have a place.
    fn is_ahead(self, other: Self, greatest: bool) -> bool;
    /// Whether it must take the place of the best before it: it is greater (less), or the first NaN.
    #[inline(always)]
    fn beats(self, best: Self, greatest: bool) -> bool {
        best.has_order() & (!self.has_order() | self.is_ahead(best, greatest))
    }
}

macro_rules! ordered {
    ($($element:ty)*) => { $(
        impl Extreme for $element {
            type Word = u8;
            #[inline(always)]
            fn has_order(self) -> bool {
                true
            }
            #[inline(always)]
            fn is_ahead(self, other: $element, greatest: bool) -> bool {
                if greatest { self > other } else { self < other }
            }
        }
    )* };
}
ordered!(bool i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($element:ty, $word:ty;)*) => { $(
        impl Extreme for $element {
            type Word = $word;
            #[inline(always)]
            fn has_order(self) -> bool {
                !self.is_nan()
            }
            #[inline(always)]
            fn is_ahead(self, other: $element, greatest: bool) -> bool {
                if greatest { self > other } else { self < other }
            }
        }
        /// As NumPy orders them: by the real part, then by the imaginary one; NaN in either part counts.
        impl Extreme for Complex<$element> {
            type Word = $word;
            #[inline(always)]
            fn has_order(self) -> bool {
                !self.re.is_nan() & !self.im.is_nan()
            }
            #[inline(always)]
            fn is_ahead(self, other: Self, greatest: bool) -> bool {
                let (a, b) = if greatest { (self, other) } else { (other, self) };
                (a.re > b.re) | ((a.re == b.re) & (a.im > b.im))
            }
        }
    )* };
}
floats!(f32, u32; f64, u64;);
