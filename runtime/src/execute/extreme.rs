//! The search for the first smallest or greatest element of each column.

use super::fold::Partial;
use crate::array::Complex;
use crate::for_dtype;
use crate::kernel::Level;
use thalweg_lang::dtype::DType;

/// How many elements are asked at once whether any of them wins.
const STRETCH: usize = 128;

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
    /// A search that has seen nothing.
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

    /// One column: a stretch is first asked as a whole whether anything in it wins, which is rare and takes vectors.
    ///
    /// # Safety
    /// As [`Best::feed`].
    #[inline(always)]
    unsafe fn run<const GREATEST: bool>(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise; elements are read at any alignment.
        unsafe {
            let element = |at: usize| source.add(at).read_unaligned();
            let mut best = if taken == 0 { element(0) } else { self.values.read() };
            let mut place = (taken == 0).then_some(0);
            let mut from = 0;
            while from < count {
                let to = count.min(from + STRETCH);
                let wins = (from..to).fold(false, |wins, at| wins | element(at).beats(best, GREATEST));
                if wins {
                    for at in from..to {
                        if element(at).beats(best, GREATEST) {
                            best = element(at);
                            place = Some(at);
                        }
                    }
                }
                from = to;
            }
            if let Some(place) = place {
                self.values.write(best);
                self.indices.write((first_row + taken + place) as i64);
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
    /// Whether it must take the place of the best before it: it is greater (less), or the first NaN.
    fn beats(self, best: Self, greatest: bool) -> bool;
}

macro_rules! ordered {
    ($($element:ty)*) => { $(
        impl Extreme for $element {
            #[inline(always)]
            fn beats(self, best: $element, greatest: bool) -> bool {
                if greatest { self > best } else { self < best }
            }
        }
    )* };
}
ordered!(bool i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($element:ty)*) => { $(
        impl Extreme for $element {
            #[inline(always)]
            fn beats(self, best: $element, greatest: bool) -> bool {
                let ahead = if greatest { self > best } else { self < best };
                ahead || (self.is_nan() && !best.is_nan())
            }
        }
        impl Extreme for Complex<$element> {
            /// As NumPy orders them: by the real part, then by the imaginary one; NaN in either part counts.
            #[inline(always)]
            fn beats(self, best: Self, greatest: bool) -> bool {
                let not_a_number = |z: Self| z.re.is_nan() || z.im.is_nan();
                if not_a_number(best) || not_a_number(self) {
                    return !not_a_number(best);
                }
                let (a, b) = if greatest { (self, best) } else { (best, self) };
                a.re > b.re || (a.re == b.re && a.im > b.im)
            }
        }
    )* };
}
floats!(f32 f64);
