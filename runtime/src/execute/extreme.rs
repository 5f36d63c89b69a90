//! The search for the first smallest or greatest element of each column.

use super::fold::Partial;
use crate::array::Complex;
use crate::for_dtype;
use crate::kernel::Level;
use thalweg_lang::dtype::DType;

/// The bytes of the elements that are compared with the best at once.
const LANES_BYTES: usize = 64;

/// How many times as many elements make a stretch, of which the best is compared with that of the stretches before.
const ROWS: usize = 8;

/// Of fewer stretches each is a row long: to find the place in a longer one would take longer than that saves.
const FEWEST_STRETCHES: usize = 3;

/// How many elements are compared with the best at once, of few.
const FEWEST_LANES: usize = 8;

/// How many elements have a best of their own at most: the numbers of their places are as wide as they are, or 16 bits.
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
        // SAFETY: the caller's promise.
        unsafe { self.take(level, source, Elements::More { count, taken, first_row }) }
    }

    /// Takes the elements of so many searches, of `count` elements each, one after the other; the indices that they find go to `to`.
    ///
    /// # Safety
    /// `source` has the elements, `to` has room for `width` indices of each, and the machine has the level.
    pub unsafe fn each(&mut self, level: Level, source: *const u8, count: usize, searches: usize, to: *mut i64) {
        // SAFETY: the caller's promise.
        unsafe { self.take(level, source, Elements::Each { count, searches, to }) }
    }

    /// # Safety
    /// As [`Search::feed`] or [`Search::each`].
    unsafe fn take(&mut self, level: Level, source: *const u8, elements: Elements) {
        let (values, indices, width) = (self.values.pointer(), self.indices.as_mut_ptr(), self.width);
        let greatest = self.greatest;
        for_dtype!(self.dtype, T => {
            // SAFETY: the caller's promise; a value and an index are there for each column.
            unsafe {
                let best = Best { values: values.cast::<T>(), indices, width, greatest };
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => best.take_avx512(source.cast(), elements),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => best.take_avx2(source.cast(), elements),
                    _ => best.take(source.cast(), elements),
                }
            }
        });
    }
}

/// What a search takes.
#[derive(Clone, Copy)]
enum Elements {
    /// So many more; row 0 of the search is the row `first_row`.
    More { count: usize, taken: usize, first_row: usize },
    /// All of so many searches, whose indices go to `to`.
    Each { count: usize, searches: usize, to: *mut i64 },
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
    /// As [`Search::take`]; a value and an index are there for each column.
    #[inline(always)]
    unsafe fn take(&self, source: *const T, elements: Elements) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.width == 1, self.greatest) {
                (true, true) => self.take_as::<true, true>(source, elements),
                (true, false) => self.take_as::<true, false>(source, elements),
                (false, true) => self.take_as::<false, true>(source, elements),
                (false, false) => self.take_as::<false, false>(source, elements),
            }
        }
    }

    /// # Safety
    /// As [`Best::take`].
    #[inline(always)]
    unsafe fn take_as<const LONE: bool, const GREATEST: bool>(&self, source: *const T, elements: Elements) {
        // SAFETY: the caller's promise.
        let run = |source: *const T, count: usize, taken: usize, first_row: usize| unsafe {
            if LONE {
                self.run::<GREATEST>(source, count, taken, first_row);
            } else {
                self.rows::<GREATEST>(source, count, taken, first_row);
            }
        };
        match elements {
            Elements::More { count, taken, first_row } => run(source, count, taken, first_row),
            Elements::Each { count, searches, to } => {
                for search in 0..searches {
                    // SAFETY: the caller's promise.
                    unsafe {
                        run(source.add(search * count), count, 0, 0);
                        to.add(search * self.width).copy_from_nonoverlapping(self.indices, self.width);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Best::take`], on a machine with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn take_avx2(&self, source: *const T, elements: Elements) {
        // SAFETY: the caller's promise.
        unsafe { self.take(source, elements) }
    }

    /// # Safety
    /// As [`Best::take`], on a machine with AVX-512 F, DQ, VL and BW.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn take_avx512(&self, source: *const T, elements: Elements) {
        // SAFETY: the caller's promise.
        unsafe { self.take(source, elements) }
    }

    /// One column.
    ///
    /// # Safety
    /// As [`Best::take`].
    #[inline(always)]
    unsafe fn run<const GREATEST: bool>(&self, source: *const T, count: usize, taken: usize, first_row: usize) {
        // SAFETY: the caller's promise; elements are read at any alignment.
        unsafe {
            let mut done = 0;
            while done < count {
                let part = (count - done).min(PART);
                if taken + done > 0 && !self.values.read().has_order() {
                    // Nothing takes the place of the first NaN.
                    return;
                }
                let (best, place) = first_best::<T, GREATEST>(source.add(done), part);
                if taken + done == 0 || best.beats(self.values.read(), GREATEST) {
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
    /// As [`Best::take`].
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

/// The best of `count` elements, `1..=PART`, and its place: the first NaN, or the first that no element is ahead of.
///
/// # Safety
/// `source` has `count` elements, at any alignment.
#[inline(always)]
unsafe fn first_best<T: Extreme, const GREATEST: bool>(source: *const T, count: usize) -> (T, usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let ordered = match size_of::<T>() {
            1 if count < FEWEST_STRETCHES * LANES_BYTES => {
                first_of_lanes::<T, GREATEST, { LANES_BYTES / 4 }>(source, count)
            }
            1 => first_of_lanes::<T, GREATEST, LANES_BYTES>(source, count),
            2 => first_of_lanes::<T, GREATEST, { LANES_BYTES / 2 }>(source, count),
            4 => first_of_lanes::<T, GREATEST, { LANES_BYTES / 4 }>(source, count),
            _ => first_of_lanes::<T, GREATEST, { LANES_BYTES / 8 }>(source, count),
        };
        let element = |at: usize| source.add(at).read_unaligned();
        ordered.unwrap_or_else(|| match (0..count).find(|&at| !element(at).has_order()) {
            Some(at) => (element(at), at),
            None => (1..count)
                .map(|at| (element(at), at))
                .fold((element(0), 0), |best, other| if other.0.is_ahead(best.0, GREATEST) { other } else { best }),
        })
    }
}

/// The same for elements that all have an order, if there are enough of them.
///
/// # Safety
/// As [`first_best`].
#[inline(always)]
unsafe fn first_of_lanes<T: Extreme, const GREATEST: bool, const LANES: usize>(
    source: *const T,
    count: usize,
) -> Option<(T, usize)> {
    // SAFETY: the caller's promise.
    unsafe {
        if count >= FEWEST_STRETCHES * LANES * ROWS {
            first_of_stretches::<T, GREATEST, LANES, ROWS>(source, count)
        } else if count >= LANES {
            first_of_stretches::<T, GREATEST, LANES, 1>(source, count)
        } else if count >= FEWEST_LANES {
            first_of_stretches::<T, GREATEST, FEWEST_LANES, 1>(source, count)
        } else {
            None
        }
    }
}

/// The same, a stretch of `ROWS` times `LANES` elements at a time: each lane keeps its best element and the stretch that it is
/// from. It goes over the elements once, and no branch depends on them, so that one row of many begins before the last has ended.
///
/// # Safety
/// As [`first_best`]; there is a stretch at least.
#[inline(always)]
unsafe fn first_of_stretches<T: Extreme, const GREATEST: bool, const LANES: usize, const ROWS: usize>(
    source: *const T,
    count: usize,
) -> Option<(T, usize)> {
    // SAFETY: the caller's promise.
    let element = |at: usize| unsafe { source.add(at).read_unaligned() };
    let stretch = LANES * ROWS;
    // The last stretch may have elements of the one before: of two that have the best element, the first one counts.
    let start = |number: usize| (number * stretch).min(count - stretch);
    let ahead = |one: T, other: T| if one.is_ahead(other, GREATEST) { one } else { other };
    let mut best = [element(0); LANES];
    let mut numbers = [T::Word::default(); LANES];
    let mut disordered = [T::Word::default(); LANES];
    for number in 0..count.div_ceil(stretch) {
        let from = start(number);
        for lane in 0..LANES {
            let mut own = element(from + lane);
            let mut has_order = own.has_order();
            for row in 1..ROWS {
                let value = element(from + row * LANES + lane);
                has_order &= value.has_order();
                own = ahead(value, own);
            }
            disordered[lane] = if has_order { disordered[lane] } else { T::word(1) };
            let old = best[lane];
            // A choice between values: one whether to write keeps the lanes in memory.
            best[lane] = ahead(own, old);
            numbers[lane] = if own.is_ahead(old, GREATEST) { T::word(number) } else { numbers[lane] };
        }
    }
    if disordered.into_iter().any(|word| word != T::Word::default()) {
        return None;
    }
    let mut halves = best;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            halves[lane] = ahead(halves[lane + half], halves[lane]);
        }
        half /= 2;
    }
    let value = halves[0];
    let is_it = |other: T| !value.is_ahead(other, GREATEST);
    let number =
        least::<T, LANES>(std::array::from_fn(|lane| if is_it(best[lane]) { numbers[lane] } else { T::word(PART) }));
    let from = start(T::number(number));
    let mut places = [T::word(PART); LANES];
    for (lane, place) in places.iter_mut().enumerate() {
        for at in (0..ROWS).rev().map(|row| row * LANES + lane) {
            *place = if is_it(element(from + at)) { T::word(at) } else { *place };
        }
    }
    // Of two zeros the first one.
    let place = from + T::number(least::<T, LANES>(places));
    Some((element(place), place))
}

/// The least of a power of two of numbers.
#[inline(always)]
fn least<T: Extreme, const LANES: usize>(mut numbers: [T::Word; LANES]) -> T::Word {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            numbers[lane] = numbers[lane].min(numbers[lane + half]);
        }
        half /= 2;
    }
    numbers[0]
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
    /// As wide as an element where that is wide enough for a place, so that one lies beside it in a vector.
    type Word: Copy + Default + Ord;
    /// A number up to [`PART`].
    fn word(number: usize) -> Self::Word;
    /// The same.
    fn number(word: Self::Word) -> usize;
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

macro_rules! places {
    ($word:ty) => {
        type Word = $word;
        #[inline(always)]
        fn word(number: usize) -> $word {
            number as $word
        }
        #[inline(always)]
        fn number(word: $word) -> usize {
            word as usize
        }
    };
}

macro_rules! ordered {
    ($($element:ty, $word:ty;)*) => { $(
        impl Extreme for $element {
            places!($word);
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
ordered!(bool, u16; i8, u16; i16, u16; i32, u32; i64, u64; u8, u16; u16, u16; u32, u32; u64, u64;);

macro_rules! floats {
    ($($element:ty, $word:ty;)*) => { $(
        impl Extreme for $element {
            places!($word);
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
            places!($word);
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
