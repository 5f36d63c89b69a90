//! The search for the first smallest or greatest element of each column.

use super::fold::Partial;
use crate::array::Complex;
use crate::for_dtype;
use crate::kernel::{Fold, Level, STRIPE, STRIPES};
use thalweg_lang::dtype::DType;

/// How many elements are compared with the best at once.
const LANES: usize = 32;

/// Looks for the first extreme of each column.
pub struct Search {
    dtype: DType,
    greatest: bool,
    extreme: Option<&'static Fold>,
    /// How many columns; at most as many as there were at first.
    pub width: usize,
    /// The best of each column.
    pub values: Partial,
    /// Their rows.
    pub indices: Vec<i64>,
}

impl Search {
    /// A search that has seen nothing, for the smallest or the greatest, and the fold that gives it.
    pub fn new(dtype: DType, (greatest, extreme): (bool, Option<&'static Fold>), width: usize) -> Search {
        Search { dtype, greatest, extreme, width, values: Partial::new(width * dtype.size()), indices: vec![0; width] }
    }

    /// Takes `count` elements, of which `taken` were seen before in this search; row 0 is the row `first_row`.
    ///
    /// # Safety
    /// `source` has `count` elements, and the machine has the level.
    pub unsafe fn feed(&mut self, level: Level, source: *const u8, count: usize, taken: usize, first_row: usize) {
        let (values, indices, width) = (self.values.pointer(), self.indices.as_mut_ptr(), self.width);
        let (greatest, extreme) = (self.greatest, self.extreme.map(|fold| (fold, level)));
        for_dtype!(self.dtype, T => {
            // SAFETY: the caller's promise; a value and an index are there for each column.
            unsafe {
                let best = Best { values: values.cast::<T>(), indices, width, greatest, extreme };
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
    extreme: Option<(&'static Fold, Level)>,
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

    /// One column: a fold finds the best value, then the first element is looked for that is as good.
    ///
    /// # Safety
    /// As [`Best::feed`].
    #[inline(always)]
    unsafe fn run<const GREATEST: bool>(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise; elements are read at any alignment.
        unsafe {
            let element = |at: usize| source.add(at).read_unaligned();
            let mut done = 0;
            while done < count {
                let part = (count - done).min(STRIPE / size_of::<T>() * STRIPES);
                let mut best = element(done);
                match self.extreme {
                    Some((fold, level)) => {
                        fold.total(level, source.add(done).cast(), part, (&raw mut best).cast());
                    }
                    None => {
                        let better = |best: T, value: T| if value.beats(best, GREATEST) { value } else { best };
                        best = (done..done + part).map(element).fold(best, better);
                    }
                }
                if taken + done == 0 || best.beats(self.values.read(), GREATEST) {
                    let is_it = |at: usize| match best.has_order() {
                        true => !best.is_ahead(element(at), GREATEST),
                        false => !element(at).has_order(),
                    };
                    let mut from = done;
                    while from + LANES <= done + part && !(from..from + LANES).fold(false, |any, at| any | is_it(at)) {
                        from += LANES;
                    }
                    let place = (from..done + part).find(|&at| is_it(at)).unwrap_or(done);
                    self.values.write(best);
                    self.indices.write((first_row + taken + place) as i64);
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
    ($($element:ty)*) => { $(
        impl Extreme for $element {
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
floats!(f32 f64);
