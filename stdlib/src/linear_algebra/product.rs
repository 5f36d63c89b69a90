//! Products of matrices: floats and complex numbers by `gemm`, integers and bools by exact floats or a loop of our own.

use super::{Ring, elements, in_c_order, out_of_memory, unexpected, worth};
use std::borrow::Cow;
use std::sync::Mutex;
use thalweg_lang::dtype::DType;
use thalweg_runtime::array::{Array, Complex, Element};
use thalweg_runtime::operation::{Failure, FunctionCall};

/// `[…, m, k]` times `[…, k, n]`: the leading axes broadcast to the result's.
pub(crate) fn run(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let [left, right] = call.operands else { return Err(unexpected()) };
    let shape = &call.types[0].shape;
    multiply(call, left, right, shape).map(|product| vec![product])
}

/// The product in the given shape, in the operands' dtype.
pub(crate) fn multiply(call: &FunctionCall, left: &Array, right: &Array, shape: &[usize]) -> Result<Array, Failure> {
    match left.dtype() {
        DType::F32 => floats::<f32>(call, left, right, shape),
        DType::F64 => floats::<f64>(call, left, right, shape),
        DType::C64 => floats::<Complex<f32>>(call, left, right, shape),
        DType::C128 => floats::<Complex<f64>>(call, left, right, shape),
        DType::Bool => whole::<bool>(call, left, right, shape),
        DType::I8 => whole::<i8>(call, left, right, shape),
        DType::I16 => whole::<i16>(call, left, right, shape),
        DType::I32 => whole::<i32>(call, left, right, shape),
        DType::I64 => whole::<i64>(call, left, right, shape),
        DType::U8 => whole::<u8>(call, left, right, shape),
        DType::U16 => whole::<u16>(call, left, right, shape),
        DType::U32 => whole::<u32>(call, left, right, shape),
        DType::U64 => whole::<u64>(call, left, right, shape),
    }
}

/// Elements that `gemm` multiplies.
trait Float: Element {
    /// The same in its words, laid out alike.
    type Own: Copy + Send + Sync + 'static;
    /// Nothing and one, in its words.
    const UNITS: [Self::Own; 2];
    /// What multiplying and adding costs, in nanoseconds on one core.
    const COST: f64;
    /// The sum.
    fn plus(self, other: Self) -> Self;
}

impl Float for f32 {
    type Own = f32;
    const UNITS: [f32; 2] = [0.0, 1.0];
    const COST: f64 = 0.01;
    fn plus(self, other: f32) -> f32 {
        self + other
    }
}

impl Float for f64 {
    type Own = f64;
    const UNITS: [f64; 2] = [0.0, 1.0];
    const COST: f64 = 0.02;
    fn plus(self, other: f64) -> f64 {
        self + other
    }
}

impl Float for Complex<f32> {
    type Own = gemm::c32;
    const UNITS: [gemm::c32; 2] = [gemm::c32::new(0.0, 0.0), gemm::c32::new(1.0, 0.0)];
    const COST: f64 = 0.04;
    fn plus(self, other: Complex<f32>) -> Complex<f32> {
        Complex::new(self.re + other.re, self.im + other.im)
    }
}

impl Float for Complex<f64> {
    type Own = gemm::c64;
    const UNITS: [gemm::c64; 2] = [gemm::c64::new(0.0, 0.0), gemm::c64::new(1.0, 0.0)];
    const COST: f64 = 0.08;
    fn plus(self, other: Complex<f64>) -> Complex<f64> {
        Complex::new(self.re + other.re, self.im + other.im)
    }
}

/// Reading or writing a byte, in nanoseconds.
const BYTE: f64 = 0.04;

/// Calling `gemm`, in nanoseconds.
const CALL: f64 = 60.0;

/// The longest that a piece should run, so that cancelling is noticed, in nanoseconds.
const LONGEST: f64 = 4e7;

/// A matrix in memory: its first element, and the distances between rows and between columns.
struct Place<T> {
    start: *const T,
    row: isize,
    column: isize,
}

impl<T: Copy> Place<T> {
    /// Appends the elements of a matrix of this shape in C order.
    ///
    /// # Safety
    /// They can be read, and there is room for them.
    unsafe fn append(&self, [rows, columns]: [usize; 2], to: &mut Vec<T>) {
        let begin = to.len();
        debug_assert!(to.capacity() - begin >= rows * columns);
        // SAFETY: the caller's promise.
        unsafe {
            let place = to.as_mut_ptr().add(begin);
            if self.column == 1 && self.row == columns as isize {
                place.copy_from_nonoverlapping(self.start, rows * columns);
            } else {
                for row in 0..rows {
                    for column in 0..columns {
                        place.add(row * columns + column).write(self.from(row, column).start.read());
                    }
                }
            }
            to.set_len(begin + rows * columns);
        }
    }
}

impl<T> Place<T> {
    /// The part from a row and a column on.
    fn from(&self, row: usize, column: usize) -> Place<T> {
        let distance = row as isize * self.row + column as isize * self.column;
        Place { start: self.start.wrapping_offset(distance), ..*self }
    }
}

/// A product `[m, k] x [k, n]`.
#[derive(Clone, Copy)]
struct Size {
    m: usize,
    k: usize,
    n: usize,
}

/// A place that several threads read from.
struct Sent<T>(Place<T>);

// SAFETY: the matrices are only read, and outlive the threads' work on them.
unsafe impl<T> Sync for Sent<T> {}

impl<T> Sent<T> {
    /// The part from a row and a column on.
    fn from(&self, row: usize, column: usize) -> Place<T> {
        self.0.from(row, column)
    }
}

/// The block that pieces of work write, each its own part.
struct Target<T>(*mut T);

// SAFETY: the threads of a product write disjoint parts of the block, which outlives them; see `floats`.
unsafe impl<T> Sync for Target<T> {}

impl<T> Target<T> {
    /// The element at a distance.
    fn at(&self, distance: usize) -> *mut T {
        self.0.wrapping_add(distance)
    }
}

/// The operands' memory, which several threads read.
#[derive(Clone, Copy)]
struct Source<'a> {
    array: &'a Array,
}

impl Source<'_> {
    /// The matrix of a number among those that the leading axes of the result count; the operand's own broadcast to them.
    fn matrix<T>(self, number: usize, leading: &[usize]) -> Place<T> {
        let (shape, strides, rank) = (self.array.shape(), self.array.strides(), self.array.rank());
        let (mut left, mut distance) = (number, 0isize);
        for (from_end, &length) in leading.iter().rev().enumerate() {
            if let Some(axis) = (rank - 2).checked_sub(from_end + 1)
                && shape[axis] > 1
            {
                distance += (left % length) as isize * strides[axis];
            }
            left /= length;
        }
        let start = self.array.data_pointer().cast::<T>().wrapping_offset(distance);
        Place { start, row: strides[rank - 2], column: strides[rank - 1] }
    }
}

/// One product into C order, `width` elements from row to row.
///
/// # Safety
/// Both matrices can be read, and the elements of the result can be written and are read by nobody else.
unsafe fn multiply_into<T: Float>(size: Size, left: Place<T>, right: Place<T>, to: *mut T, width: usize) {
    let [zero, one] = T::UNITS;
    // SAFETY: the caller's promise; `Own` is laid out as `T`, and with `read_dst` false what stood in the result is not read.
    unsafe {
        gemm::gemm::<T::Own>(
            size.m,
            size.n,
            size.k,
            to.cast(),
            1,
            width as isize,
            false,
            left.start.cast(),
            left.column,
            left.row,
            right.start.cast(),
            right.column,
            right.row,
            zero,
            one,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Into how many rows and columns of tiles a result of m by n is cut to get so many pieces: as square as they can be, and
/// not so small that the operands are packed more often than that is worth. `gemm` cuts long sums otherwise where a product has at most 64 rows and
/// columns: no part of a longer axis has so few, so that the bits do not tell how many pieces there were.
fn tiles(m: usize, n: usize, pieces: usize) -> (usize, usize) {
    const LEAST: usize = 80;
    let (most_rows, most_columns) = ((m / LEAST).max(1), (n / LEAST).max(1));
    let mut best = (1, 1);
    let mut least = usize::MAX;
    for rows in 1..=pieces.min(most_rows) {
        let columns = pieces.div_ceil(rows).min(most_columns);
        let edge = m / rows + n / columns + pieces.saturating_sub(rows * columns) * (m + n);
        if edge < least {
            (best, least) = ((rows, columns), edge);
        }
    }
    best
}

/// The part of a length that a piece of many has; parts begin at multiples of 16, and are less than that apart in their lengths.
fn part(length: usize, pieces: usize, piece: usize) -> std::ops::Range<usize> {
    let begin = |piece: usize| if piece == pieces { length } else { length * piece / pieces / 16 * 16 };
    begin(piece)..begin(piece + 1)
}

/// Whether an operand is matrices of a shape, in a stack that broadcasts to one.
fn fits(operand: &Array, leading: &[usize], matrix: [usize; 2]) -> bool {
    let (shape, rank) = (operand.shape(), operand.rank());
    rank >= 2
        && rank - 2 <= leading.len()
        && shape[rank - 2..] == matrix
        && shape[..rank - 2].iter().rev().zip(leading.iter().rev()).all(|(own, wanted)| *own == 1 || own == wanted)
}

/// An operand; when it is a vector along an axis (counted from the end), its elements side by side.
fn beside<'a>(
    call: &FunctionCall,
    operand: &'a Array,
    is_vector: bool,
    axis: usize,
) -> Result<Cow<'a, Array>, Failure> {
    if is_vector && operand.strides()[operand.rank() - axis] != 1 {
        return in_c_order(call, operand).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(operand))
}

/// A matrix times itself transposed is computed up to the diagonal, in as many pieces as have so many rows.
const LEAST_HALVED: usize = 64;

/// Into how many pieces, unless they take long: of 16 the part that is computed is 0.53 of the whole.
const MOST_HALVED: usize = 16;

/// Products with one and the same matrix that take less, in nanoseconds, are one product: calling `gemm` for each would take longer than
/// to lay their rows one below the other.
const SMALL: f64 = 20_000.0;

/// The same for a matrix of no more bytes than this: longer ones take longer to copy than a call does.
const SMALL_BYTES: usize = 4096;

/// The most bytes of rows that are copied for such a product, and how many rows it has at least.
const MOST_STACKED: usize = 256 * 1024;
const FEWEST_ROWS: usize = 128;

/// Rows of this many elements of the middle axis are summed by themselves where the result is too small to be shared out.
const STRETCH: usize = 16_384;

fn floats<T: Float>(call: &FunctionCall, left: &Array, right: &Array, shape: &[usize]) -> Result<Array, Failure> {
    let [leading @ .., m, n] = shape else { return Err(unexpected()) };
    let (&[.., k], m, n) = (left.shape(), *m, *n) else { return Err(unexpected()) };
    let size = Size { m, k, n };
    if !(fits(left, leading, [m, k]) && fits(right, leading, [k, n])) {
        return Err(unexpected());
    }
    let count: usize = leading.iter().product();
    let bytes = ((m * k + k * n + m * n) * size_of::<T>()) as f64;
    let each = CALL + (m as f64 * k as f64 * n as f64) * T::COST + bytes * BYTE;
    // The shapes alone tell, so that the bits do not depend on how operands lie.
    let is_small = each < SMALL && (1..=SMALL_BYTES).contains(&(m * k * size_of::<T>()));
    if is_small && count > 1 && left.len() == count * m * k && right.len() == k * n {
        return stacked::<T>(call, size, [left, right], each, shape);
    }
    // Memory-bound products want the vector's elements side by side.
    let (left, right) = (beside(call, left, m == 1, 1)?, beside(call, right, n == 1, 2)?);
    let block = Array::unwritten(T::DTYPE, shape, call.pool).map_err(out_of_memory)?;
    let target = Target(block.pointer().cast::<T>());
    let threads = worth(call, each * count as f64);
    let is_square = m == n && m >= 2 * LEAST_HALVED && is_transposed(&left, &right);
    let (left, right) = (Source { array: &left }, Source { array: &right });
    if is_square {
        // The part above the diagonal is the one below it: whole rows of blocks up to the diagonal, the longest first.
        let pieces = (m / LEAST_HALVED).min(MOST_HALVED.max((each / LONGEST) as usize));
        let work = |piece: usize| {
            let (number, rows) = (piece / pieces, part(m, pieces, pieces - 1 - piece % pieces));
            let (left, right) = (left.matrix::<T>(number, leading), right.matrix::<T>(number, leading));
            let size = Size { m: rows.len(), k, n: rows.end };
            // SAFETY: as below; a piece writes its rows up to the diagonal, and above it the columns of the same number.
            unsafe {
                let to = target.at(number * m * n);
                multiply_into(size, left.from(rows.start, 0), right, to.add(rows.start * n), n);
                mirror(to, n, rows);
            }
        };
        match threads == 1 && each * (count as f64) < LONGEST {
            true => call.team.each(1, &|_| (0..count * pieces).for_each(work))?,
            false => call.team.each(count * pieces, &work)?,
        }
    } else if m * n <= 4096 && k >= 2 * STRETCH {
        // A small result of long sums: the sums are cut, always at the same places.
        let stretches = k.div_ceil(STRETCH);
        for number in 0..count {
            let (left, right) = (left.matrix::<T>(number, leading), right.matrix::<T>(number, leading));
            long(call, size, [left, right], stretches, target.at(number * m * n))?;
        }
    } else if count >= threads * 4 || count > 1 && each < LONGEST && threads == 1 {
        // Whole matrices, some at a time.
        let run = (LONGEST / each).clamp(1.0, (count / threads).max(1) as f64) as usize;
        call.team.each(count.div_ceil(run), &|piece| {
            for number in piece * run..((piece + 1) * run).min(count) {
                let (left, right) = (left.matrix(number, leading), right.matrix(number, leading));
                // SAFETY: the matrices are parts of arrays that outlive this call; each number has a part of the block of
                // its own, and the block holds `count` of them.
                unsafe { multiply_into(size, left, right, target.at(number * m * n), n) };
            }
        })?;
    } else {
        let pieces = match threads {
            1 => (each / LONGEST) as usize,
            _ if each < 2e6 => threads,
            _ => (threads * 4).max((each / LONGEST) as usize),
        };
        let (rows, columns) = tiles(m, n, pieces.max(1));
        call.team.each(count * rows * columns, &|piece| {
            let (number, tile) = (piece / (rows * columns), piece % (rows * columns));
            let (row, column) = (part(m, rows, tile / columns), part(n, columns, tile % columns));
            let (left, right) = (left.matrix::<T>(number, leading), right.matrix::<T>(number, leading));
            let size = Size { m: row.len(), k, n: column.len() };
            let to = target.at(number * m * n + row.start * n + column.start);
            // SAFETY: as above; a tile's rows and columns lie inside the matrices, and tiles do not overlap.
            unsafe { multiply_into(size, left.from(row.start, 0), right.from(0, column.start), to, n) };
        })?;
    }
    // SAFETY: every element of the block was written: the pieces cover all numbers, rows and columns.
    unsafe { Array::from_written(T::DTYPE, shape, block) }.ok_or_else(unexpected)
}

/// The products of a stack of matrices with one and the same, so many of them as one product: their rows lie one below the other, or
/// are copied so.
fn stacked<T: Float>(
    call: &FunctionCall,
    Size { m, k, n }: Size,
    [left, right]: [&Array; 2],
    each: f64,
    shape: &[usize],
) -> Result<Array, Failure> {
    let (leading, matrix) = (&shape[..shape.len() - 2], m * k);
    let count: usize = leading.iter().product();
    let together = (MOST_STACKED / (matrix * size_of::<T>())).max(FEWEST_ROWS / m).clamp(1, count);
    let pieces = count.div_ceil(together);
    let block = Array::unwritten(T::DTYPE, shape, call.pool).map_err(out_of_memory)?;
    let target = Target(block.pointer().cast::<T>());
    let is_in_order = left.is_contiguous();
    let (left, right) = (Source { array: left }, Source { array: right });
    let work = |piece: usize| {
        let numbers = piece * together..((piece + 1) * together).min(count);
        let (size, to) = (Size { m: numbers.len() * m, k, n }, target.at(numbers.start * m * n));
        let right = right.matrix::<T>(0, leading);
        let mut rows: Vec<T> = Vec::new();
        let start = match is_in_order {
            true => left.matrix::<T>(numbers.start, leading).start,
            false => {
                rows.reserve_exact(numbers.len() * matrix);
                for number in numbers {
                    let place = left.matrix::<T>(number, leading);
                    // SAFETY: the matrix's elements are the array's, which outlives this call; there is room for as many more.
                    unsafe { place.append([m, k], &mut rows) };
                }
                rows.as_ptr()
            }
        };
        let left = Place { start, row: k as isize, column: 1 };
        // SAFETY: the rows lie one below the other, in the array or in their copy; each piece has a part of the block of its own.
        unsafe { multiply_into(size, left, right, to, n) };
    };
    let all = each * count as f64;
    match worth(call, all) == 1 && all < LONGEST {
        true => call.team.each(1, &|_| (0..pieces).for_each(work))?,
        false => call.team.each(pieces, &work)?,
    }
    // SAFETY: every element of the block was written: the pieces are all matrices.
    unsafe { Array::from_written(T::DTYPE, shape, block) }.ok_or_else(unexpected)
}

/// Whether two operands are the same matrices, one of them transposed.
fn is_transposed(left: &Array, right: &Array) -> bool {
    let rank = left.rank();
    let across = |axis: usize| if axis + 2 < rank { axis } else { 2 * rank - 3 - axis };
    let is_alike = |axis: usize| {
        left.shape()[axis] == right.shape()[across(axis)] && left.strides()[axis] == right.strides()[across(axis)]
    };
    left.data_pointer() == right.data_pointer() && rank == right.rank() && (0..rank).all(is_alike)
}

/// Copies what some rows of a square matrix have before the diagonal's block to the columns of the same number.
///
/// # Safety
/// The rows have been written up to the diagonal, and nobody else uses those columns' elements above it.
unsafe fn mirror<T: Copy>(matrix: *mut T, n: usize, rows: std::ops::Range<usize>) {
    /// Rows and columns that are copied together, so that lines stay in the cache.
    const EDGE: usize = 16;
    for column in (0..rows.start).step_by(EDGE) {
        for first in rows.clone().step_by(EDGE) {
            for row in first..rows.end.min(first + EDGE) {
                for column in column..rows.start.min(column + EDGE) {
                    // SAFETY: both lie in the matrix, on different sides of the diagonal.
                    unsafe { matrix.add(column * n + row).write(matrix.add(row * n + column).read()) };
                }
            }
        }
    }
}

/// A product of long sums: stretches of the sums are products of their own, added in order.
fn long<T: Float>(
    call: &FunctionCall,
    size: Size,
    [left, right]: [Place<T>; 2],
    stretches: usize,
    to: *mut T,
) -> Result<(), Failure> {
    let Size { m, k, n } = size;
    let parts = Array::unwritten(T::DTYPE, &[stretches, m * n], call.pool).map_err(out_of_memory)?;
    let target = Target(parts.pointer().cast::<T>());
    let (left, right) = (Sent(left), Sent(right));
    call.team.each(stretches, &|piece| {
        let stretch = piece * STRETCH..k.min((piece + 1) * STRETCH);
        let size = Size { m, k: stretch.len(), n };
        let (left, right) = (left.from(0, stretch.start), right.from(stretch.start, 0));
        // SAFETY: the stretch lies inside both matrices, and each piece writes products of its own.
        unsafe { multiply_into(size, left, right, target.at(piece * m * n), n) };
    })?;
    // SAFETY: each stretch has written its part.
    let parts = unsafe { Array::from_written(T::DTYPE, &[stretches, m * n], parts) }.ok_or_else(unexpected)?;
    let parts = elements::<T>(&parts)?;
    for element in 0..m * n {
        let terms = (1..stretches).map(|stretch| parts[stretch * m * n + element]);
        let sum = terms.fold(parts[element], T::plus);
        // SAFETY: `to` has room for the product, which nobody else writes.
        unsafe { to.add(element).write(sum) };
    }
    Ok(())
}

/// Whole numbers and truth values.
trait Whole: Ring {
    /// How far from zero.
    fn magnitude(self) -> u64;
    /// The same as a float; exact up to 2^53.
    fn to_float(self) -> f64;
    /// A whole number below 2^53 as one of these, wrapped.
    fn from_float(value: f64) -> Self;
}

macro_rules! whole {
    ($($integer:ty, $magnitude:ident;)*) => { $(
        impl Whole for $integer {
            fn magnitude(self) -> u64 {
                $magnitude!(self) as u64
            }
            fn to_float(self) -> f64 {
                self as f64
            }
            fn from_float(value: f64) -> $integer {
                value as i64 as $integer
            }
        }
    )* };
}

macro_rules! signed {
    ($value:expr) => {
        $value.unsigned_abs()
    };
}

macro_rules! unsigned {
    ($value:expr) => {
        $value
    };
}

whole! { i8, signed; i16, signed; i32, signed; i64, signed; u8, unsigned; u16, unsigned; u32, unsigned; u64, unsigned; }

impl Whole for bool {
    fn magnitude(self) -> u64 {
        self as u64
    }
    fn to_float(self) -> f64 {
        f64::from(self as u8)
    }
    fn from_float(value: f64) -> bool {
        value != 0.0
    }
}

/// Products of this few multiplications are not worth turning into floats.
const FEW: usize = 4096;

/// Where no sum can reach 2^53, floats give the exact product, several times as fast as integers can.
fn whole<T: Whole>(call: &FunctionCall, left: &Array, right: &Array, shape: &[usize]) -> Result<Array, Failure> {
    let [leading @ .., m, n] = shape else { return Err(unexpected()) };
    let (&[.., k], m, n) = (left.shape(), *m, *n) else { return Err(unexpected()) };
    let count: usize = leading.iter().product();
    let few = m.saturating_mul(k).saturating_mul(n).saturating_mul(count) <= FEW;
    if !few {
        let (left, right) = (in_c_order(call, left)?, in_c_order(call, right)?);
        let largest = |array: &Array| -> Result<u128, Failure> {
            Ok(elements::<T>(array)?.iter().fold(0, |largest, one| one.magnitude().max(largest)).into())
        };
        let bound = largest(&left)?.saturating_mul(largest(&right)?).saturating_mul(k as u128);
        if bound <= 1 << 53 {
            let as_floats = |array: &Array| converted::<T, f64>(call, array, array.shape(), T::to_float);
            let product = floats::<f64>(call, &as_floats(&left)?, &as_floats(&right)?, shape)?;
            return converted::<f64, T>(call, &product, shape, T::from_float);
        }
    }
    let with = |axes: [usize; 2]| [leading, &axes].concat();
    let (Some(left), Some(right)) = (left.broadcast_to(&with([m, k])), right.broadcast_to(&with([k, n]))) else {
        return Err(unexpected());
    };
    let (left, right) = (in_c_order(call, &left)?, in_c_order(call, &right)?);
    let mut result = Array::zeros(T::DTYPE, shape, call.pool).map_err(out_of_memory)?;
    let (left, right) = (elements::<T>(&left)?, elements::<T>(&right)?);
    let to = result.as_mut_slice::<T>().ok_or_else(unexpected)?;
    if to.is_empty() || k == 0 {
        return Ok(result);
    }
    // Rows that go together stay below a millisecond.
    let rows = (2_000_000 / (k * n)).clamp(1, m);
    let panels = to.chunks_mut(m * n).flat_map(|matrix| matrix.chunks_mut(rows * n));
    let panels: Vec<Mutex<&mut [T]>> = panels.map(Mutex::new).collect();
    let in_matrix = m.div_ceil(rows);
    let work = |piece: usize| {
        let (number, from) = (piece / in_matrix, piece % in_matrix * rows);
        let mut panel = panels[piece].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (left, right) = (&left[number * m * k..][from * k..], &right[number * k * n..][..k * n]);
        add_products(&mut panel, left, right, k, n);
    };
    match worth(call, (count * m * k * n) as f64 * 0.5) {
        1 => (0..panels.len()).for_each(work),
        _ => call.team.each(panels.len(), &work)?,
    }
    drop(panels);
    Ok(result)
}

/// Adds the product of the rows of `left` with `right` to `to`, a block of `right` at a time while it is in the cache.
fn add_products<T: Whole>(to: &mut [T], left: &[T], right: &[T], k: usize, n: usize) {
    const DEPTH: usize = 64;
    const WIDTH: usize = 512;
    for column in (0..n).step_by(WIDTH) {
        let columns = column..n.min(column + WIDTH);
        for depth in (0..k).step_by(DEPTH) {
            for (row, to) in to.chunks_mut(n).enumerate() {
                let to = &mut to[columns.clone()];
                for middle in depth..k.min(depth + DEPTH) {
                    let factor = left[row * k + middle];
                    for (sum, &other) in to.iter_mut().zip(&right[middle * n..][columns.clone()]) {
                        *sum = sum.multiply_add(factor, other);
                    }
                }
            }
        }
    }
}

/// Each element turned into another kind.
fn converted<T: Element, U: Element + Default>(
    call: &FunctionCall,
    array: &Array,
    shape: &[usize],
    turn: fn(T) -> U,
) -> Result<Array, Failure> {
    let mut result = Array::zeros(U::DTYPE, shape, call.pool).map_err(out_of_memory)?;
    let to = result.as_mut_slice::<U>().ok_or_else(unexpected)?;
    for (to, &from) in to.iter_mut().zip(elements::<T>(array)?) {
        *to = turn(from);
    }
    Ok(result)
}
