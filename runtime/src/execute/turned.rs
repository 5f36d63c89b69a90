//! Copies of arrays that lie the other way round: what follows each other in a row lies far apart, and what lies side by side belongs to
//! neighbouring rows. Several rows are copied at once, square by square, so that each line of memory is fetched once for all of them.

use super::line::unravel;
use crate::short::Short;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm_storeu_si128, _mm_unpackhi_epi32, _mm_unpackhi_epi64,
    _mm_unpacklo_epi32, _mm_unpacklo_epi64,
};

/// The rows, and the columns, of a square.
const SQUARE: usize = 4;

/// So many elements further along the rows lines are asked for before they are needed: no processor guesses where they lie.
const AHEAD: usize = 64;

/// Whole rows that lie side by side.
#[derive(Clone, Copy)]
struct Band {
    /// The first element.
    from: *const u8,
    /// From one element of a row to the next, in bytes.
    stride: isize,
    /// How many rows.
    rows: usize,
    /// How long each is.
    length: usize,
}

/// Copies elements of the line from the beginning of a row on into a block. The axes end with that across the rows, whose distance is
/// an element's size, and that along them.
///
/// # Safety
/// The elements are readable, and `to` is writable for `length` of them.
pub unsafe fn copy(
    from: *const u8,
    size: usize,
    axes: &[(usize, isize)],
    (start, length): (usize, usize),
    to: *mut u8,
) {
    // SAFETY: the caller's promise. Elements are copied as words of their size, without alignment.
    unsafe {
        match size {
            1 => bands::<u8>(from, axes, (start, length), to.cast()),
            2 => bands::<u16>(from, axes, (start, length), to.cast()),
            4 => bands::<u32>(from, axes, (start, length), to.cast()),
            8 => bands::<u64>(from, axes, (start, length), to.cast()),
            _ => bands::<[u64; 2]>(from, axes, (start, length), to.cast()),
        }
    }
}

/// # Safety
/// As [`copy`], in elements of `T`.
unsafe fn bands<T: Copy>(from: *const u8, axes: &[(usize, isize)], (start, length): (usize, usize), to: *mut T) {
    let &[.., (across, _), (along, stride)] = axes else { unreachable!("rows and what lies along them") };
    debug_assert!(start.is_multiple_of(along) && length.is_multiple_of(along));
    let mut index: Short<usize> = Short::from_elem(0, axes.len());
    let mut row = 0;
    while row < length / along {
        let place = start / along + row;
        let rows = (across - place % across).min(length / along - row);
        // SAFETY: the caller's promise: the rows lie within the line.
        unsafe {
            let from = from.offset(unravel(axes, &mut index, place * along));
            band(Band { from, stride, rows, length: along }, to.add(row * along));
        }
        row += rows;
    }
}

/// # Safety
/// The band is readable, and `to` writable for its elements.
unsafe fn band<T: Copy>(band: Band, to: *mut T) {
    let (rows, columns) = (band.rows - band.rows % SQUARE, band.length - band.length % SQUARE);
    // SAFETY: the caller's promise; squares and what is left beside them lie within the band.
    unsafe {
        for column in (0..columns).step_by(SQUARE) {
            for further in 0..SQUARE {
                ask_for::<T>(band, column + AHEAD + further);
            }
            for row in (0..rows).step_by(SQUARE) {
                square(band, row, column, to);
            }
        }
        for row in 0..band.rows {
            let done = if row < rows { columns } else { 0 };
            for column in done..band.length {
                to.add(row * band.length + column).write_unaligned(element::<T>(band, row, column).read_unaligned());
            }
        }
    }
}

/// Where an element of a band lies.
fn element<T>(band: Band, row: usize, column: usize) -> *const T {
    band.from.wrapping_offset(column as isize * band.stride).cast::<T>().wrapping_add(row)
}

/// # Safety
/// As [`band`]; the square lies in the band.
unsafe fn square<T: Copy>(band: Band, row: usize, column: usize, to: *mut T) {
    // SAFETY: the caller's promise; the two sizes are those of the elements.
    unsafe {
        let to = to.add(row * band.length + column);
        #[cfg(target_arch = "x86_64")]
        match size_of::<T>() {
            4 => return square_of_words(|at| element::<u32>(band, row, column + at).cast(), to.cast(), band.length),
            8 => return square_of_doubles(|at| element::<u64>(band, row, column + at).cast(), to.cast(), band.length),
            _ => {}
        }
        let read: [[T; SQUARE]; SQUARE] =
            std::array::from_fn(|at| element::<T>(band, row, column + at).cast::<[T; SQUARE]>().read_unaligned());
        for at in 0..SQUARE {
            let turned = read.map(|column| column[at]);
            to.add(at * band.length).cast::<[T; SQUARE]>().write_unaligned(turned);
        }
    }
}

/// A square of elements of 4 bytes in registers, for which the compiler finds no better than one element at a time.
///
/// # Safety
/// Four elements are readable at each column's, and writable from each row's place on, so many elements apart.
#[cfg(target_arch = "x86_64")]
unsafe fn square_of_words(column: impl Fn(usize) -> *const __m128i, to: *mut u32, length: usize) {
    // SAFETY: the caller's promise; every such processor has these instructions, which need no alignment.
    unsafe {
        let [a, b, c, d]: [__m128i; SQUARE] = std::array::from_fn(|at| _mm_loadu_si128(column(at)));
        let (first, second) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        let (third, fourth) = (_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        let row = |at: usize| to.add(at * length).cast::<__m128i>();
        _mm_storeu_si128(row(0), _mm_unpacklo_epi64(first, third));
        _mm_storeu_si128(row(1), _mm_unpackhi_epi64(first, third));
        _mm_storeu_si128(row(2), _mm_unpacklo_epi64(second, fourth));
        _mm_storeu_si128(row(3), _mm_unpackhi_epi64(second, fourth));
    }
}

/// The same of 8 bytes.
///
/// # Safety
/// As [`square_of_words`].
#[cfg(target_arch = "x86_64")]
unsafe fn square_of_doubles(column: impl Fn(usize) -> *const __m128i, to: *mut u64, length: usize) {
    // SAFETY: as above.
    unsafe {
        for at in [0, 2] {
            for half in 0..2 {
                let (a, b) = (_mm_loadu_si128(column(at).add(half)), _mm_loadu_si128(column(at + 1).add(half)));
                let row = to.add(2 * half * length + at);
                _mm_storeu_si128(row.cast(), _mm_unpacklo_epi64(a, b));
                _mm_storeu_si128(row.add(length).cast(), _mm_unpackhi_epi64(a, b));
            }
        }
    }
}

/// Has the lines of a column fetched. It may lie behind the last one: nothing is read.
fn ask_for<T>(band: Band, column: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        let (first, last) = (element::<T>(band, 0, column), element::<T>(band, band.rows - 1, column));
        // SAFETY: a hint, which may be given for any address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(first.cast());
            _mm_prefetch::<_MM_HINT_T0>(last.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (band, column);
}
