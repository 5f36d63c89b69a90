//! The value of the language: an array `dtype[dims]`, a strided view of a shared buffer.
//!
//! Strides and offsets count elements, not bytes. A stride of 0 repeats, a negative one walks backwards. An array never
//! changes what another one sees: its elements are written only while nothing else holds the buffer.

use crate::buffer::{Buffer, Keeper, OutOfMemory, Pool, Unwritten};
use crate::short::Short;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use thalweg_lang::dtype::{DType, Scalar};

/// A complex number as NumPy lays it out: the real part, then the imaginary one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Complex<T> {
    /// The real part.
    pub re: T,
    /// The imaginary part.
    pub im: T,
}

impl<T> Complex<T> {
    /// `re + im j`.
    pub const fn new(re: T, im: T) -> Complex<T> {
        Complex { re, im }
    }
}

mod sealed {
    /// Keeps [`super::Element`] to the thirteen types for which the memory layout is known.
    pub trait Sealed {}
}

/// The Rust types that are elements: `bool` (one byte, 0 or 1), `i8` to `u64`, `f32`, `f64`, [`Complex<f32>`](Complex) and
/// [`Complex<f64>`](Complex). None has padding, so an element is its bytes.
pub trait Element: Copy + PartialEq + fmt::Debug + Send + Sync + sealed::Sealed + 'static {
    /// The dtype that this type is.
    const DTYPE: DType;
    /// This value with its dtype.
    fn to_scalar(self) -> Scalar;
    /// The value cast to this type, as NumPy's `astype` casts.
    fn from_scalar(scalar: Scalar) -> Self;
}

macro_rules! elements {
    ($($element:ty, $dtype:ident, $value:ident => [$first:expr, $second:expr], $bits:ident => $back:expr;)*) => { $(
        impl sealed::Sealed for $element {}
        impl Element for $element {
            const DTYPE: DType = DType::$dtype;
            fn to_scalar(self) -> Scalar {
                let $value = self;
                Scalar { dtype: DType::$dtype, bits: [$first, $second] }
            }
            fn from_scalar(scalar: Scalar) -> $element {
                let $bits = scalar.cast(DType::$dtype).bits;
                $back
            }
        }
    )* };
}

elements! {
    bool, Bool, v => [v as u64, 0], b => b[0] != 0;
    i8, I8, v => [v as i64 as u64, 0], b => b[0] as i8;
    i16, I16, v => [v as i64 as u64, 0], b => b[0] as i16;
    i32, I32, v => [v as i64 as u64, 0], b => b[0] as i32;
    i64, I64, v => [v as u64, 0], b => b[0] as i64;
    u8, U8, v => [v as u64, 0], b => b[0] as u8;
    u16, U16, v => [v as u64, 0], b => b[0] as u16;
    u32, U32, v => [v as u64, 0], b => b[0] as u32;
    u64, U64, v => [v, 0], b => b[0];
    f32, F32, v => [v.to_bits() as u64, 0], b => f32::from_bits(b[0] as u32);
    f64, F64, v => [v.to_bits(), 0], b => f64::from_bits(b[0]);
    Complex<f32>, C64, v => [v.re.to_bits() as u64, v.im.to_bits() as u64],
        b => Complex::new(f32::from_bits(b[0] as u32), f32::from_bits(b[1] as u32));
    Complex<f64>, C128, v => [v.re.to_bits(), v.im.to_bits()],
        b => Complex::new(f64::from_bits(b[0]), f64::from_bits(b[1]));
}

/// Runs an expression with the Rust type of a dtype: `for_dtype!(array.dtype(), T => array.as_slice::<T>().is_some())`.
#[macro_export]
macro_rules! for_dtype {
    ($dtype:expr, $element:ident => $body:expr) => {
        match $dtype {
            ::thalweg_lang::dtype::DType::Bool => {
                type $element = bool;
                $body
            }
            ::thalweg_lang::dtype::DType::I8 => {
                type $element = i8;
                $body
            }
            ::thalweg_lang::dtype::DType::I16 => {
                type $element = i16;
                $body
            }
            ::thalweg_lang::dtype::DType::I32 => {
                type $element = i32;
                $body
            }
            ::thalweg_lang::dtype::DType::I64 => {
                type $element = i64;
                $body
            }
            ::thalweg_lang::dtype::DType::U8 => {
                type $element = u8;
                $body
            }
            ::thalweg_lang::dtype::DType::U16 => {
                type $element = u16;
                $body
            }
            ::thalweg_lang::dtype::DType::U32 => {
                type $element = u32;
                $body
            }
            ::thalweg_lang::dtype::DType::U64 => {
                type $element = u64;
                $body
            }
            ::thalweg_lang::dtype::DType::F32 => {
                type $element = f32;
                $body
            }
            ::thalweg_lang::dtype::DType::F64 => {
                type $element = f64;
                $body
            }
            ::thalweg_lang::dtype::DType::C64 => {
                type $element = $crate::array::Complex<f32>;
                $body
            }
            ::thalweg_lang::dtype::DType::C128 => {
                type $element = $crate::array::Complex<f64>;
                $body
            }
        }
    };
}

/// The number of elements of a shape; `None` when their bytes, as i128-sized elements, would not fit in the address space.
/// A zero dimension makes it 0, however large the others are.
pub fn length_of(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        .filter(|&length| length <= isize::MAX as usize / 16)
}

/// The strides of a shape in C order, in elements.
pub fn contiguous_strides(shape: &[usize]) -> Short<isize> {
    let fill = |strides: &mut [isize]| {
        let mut step = 1isize;
        for (stride, &dim) in strides.iter_mut().zip(shape).rev() {
            *stride = step;
            // Only a shape with a zero in it can overflow here, and then no stride is ever used.
            step = step.wrapping_mul(dim.max(1) as isize);
        }
    };
    let mut few = [0; 4];
    if shape.len() <= few.len() {
        fill(&mut few[..shape.len()]);
        return Short::from_buf_and_len(few, shape.len());
    }
    let mut strides = Short::from_elem(0, shape.len());
    fill(&mut strides);
    strides
}

/// An array: a dtype, a shape and where its elements lie. Cloning it shares the elements.
#[derive(Clone)]
pub struct Array {
    dtype: DType,
    shape: Short<usize>,
    strides: Short<isize>,
    offset: usize,
    length: usize,
    buffer: Arc<Buffer>,
}

impl Array {
    /// A rank 0 array.
    pub fn scalar(value: Scalar) -> Array {
        let mut bytes = [0; 16];
        let half = value.bits;
        match value.dtype {
            DType::C64 => {
                bytes[..4].copy_from_slice(&(half[0] as u32).to_ne_bytes());
                bytes[4..8].copy_from_slice(&(half[1] as u32).to_ne_bytes());
            }
            DType::C128 => {
                bytes[..8].copy_from_slice(&half[0].to_ne_bytes());
                bytes[8..].copy_from_slice(&half[1].to_ne_bytes());
            }
            DType::Bool => bytes[0] = (half[0] != 0) as u8,
            dtype => match dtype.size() {
                1 => bytes[0] = half[0] as u8,
                2 => bytes[..2].copy_from_slice(&(half[0] as u16).to_ne_bytes()),
                4 => bytes[..4].copy_from_slice(&(half[0] as u32).to_ne_bytes()),
                _ => bytes[..8].copy_from_slice(&half[0].to_ne_bytes()),
            },
        }
        Array {
            dtype: value.dtype,
            shape: Short::new(),
            strides: Short::new(),
            offset: 0,
            length: 1,
            buffer: Arc::new(Buffer::inline(bytes)),
        }
    }

    /// An array with a copy of these elements, in C order; `None` unless their number is the shape's.
    pub fn from_slice<T: Element>(shape: &[usize], elements: &[T]) -> Option<Array> {
        Array::from_vec(shape, elements.to_vec())
    }

    /// An array of these elements, in C order, without copying them; `None` unless their number is the shape's.
    pub fn from_vec<T: Element>(shape: &[usize], elements: Vec<T>) -> Option<Array> {
        if length_of(shape)? != elements.len() {
            return None;
        }
        let bytes = std::mem::size_of_val(elements.as_slice());
        let pointer = NonNull::new(elements.as_ptr().cast_mut())?.cast();
        // SAFETY: the vector is the keeper, so its elements live as long as the buffer; moving it does not move them, and
        // nobody can reach it to write. An element is its bytes, all initialised.
        let buffer = unsafe { Buffer::borrowed(pointer, bytes, Some(Box::new(elements))) };
        Some(Array::whole(T::DTYPE, shape, elements_length(bytes, T::DTYPE), buffer))
    }

    /// An array of elements that the embedding program shares, in C order, without copying them; `None` unless their number
    /// is the shape's.
    pub fn from_shared<T: Element>(shape: &[usize], elements: Arc<[T]>) -> Option<Array> {
        if length_of(shape)? != elements.len() {
            return None;
        }
        let bytes = std::mem::size_of_val(&*elements);
        let pointer = NonNull::new(elements.as_ptr().cast_mut())?.cast();
        // SAFETY: the keeper holds a count of the shared slice, so it stays, and while two hold it nobody can write it.
        let buffer = unsafe { Buffer::borrowed(pointer, bytes, Some(Box::new(elements))) };
        Some(Array::whole(T::DTYPE, shape, elements_length(bytes, T::DTYPE), buffer))
    }

    /// An array over the embedding program's own memory, read where it lies: element `(i, j, …)` is at
    /// `pointer + i*strides[0] + j*strides[1] + …` elements. `None` when the strides are not one for each dimension, the
    /// pointer is not aligned for the dtype, or the shape is too large to address.
    ///
    /// # Safety
    /// From now until the last array that shares this memory is dropped (the `keeper` is dropped with it) all memory from
    /// the lowest to the highest element, gaps included, stays allocated and initialised, nobody writes it, and a bool is a
    /// byte of 0 or 1.
    pub unsafe fn borrowed(
        dtype: DType,
        shape: &[usize],
        strides: &[isize],
        pointer: NonNull<u8>,
        keeper: Option<Keeper>,
    ) -> Option<Array> {
        let length = length_of(shape)?;
        if shape.len() != strides.len() || !pointer.as_ptr().addr().is_multiple_of(alignment_of(dtype)) {
            return None;
        }
        let (first, last) = reach(shape, strides)?;
        let size = dtype.size();
        let (before, bytes) = if length == 0 {
            (0, 0)
        } else {
            let before = first.unsigned_abs();
            let elements = before.checked_add(usize::try_from(last).ok()?)?.checked_add(1)?;
            (before, elements.checked_mul(size).filter(|&bytes| bytes <= isize::MAX as usize)?)
        };
        // SAFETY: the caller says that every element lies in allocated memory, so the lowest of them does.
        let start = unsafe { pointer.byte_sub(before * size) };
        // SAFETY: the caller's promise covers everything from the lowest element to the highest.
        let buffer = unsafe { Buffer::borrowed(start, bytes, keeper) };
        Some(Array {
            dtype,
            shape: Short::from_slice(shape),
            strides: Short::from_slice(strides),
            offset: before,
            length,
            buffer: Arc::new(buffer),
        })
    }

    /// Zeros (false for bools).
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn zeros(dtype: DType, shape: &[usize], pool: &Pool) -> Result<Array, OutOfMemory> {
        let bytes = bytes_of(dtype, shape)?;
        let buffer = pool.zeroed(bytes)?;
        Ok(Array::whole(dtype, shape, elements_length(bytes, dtype), buffer))
    }

    /// The block that an executor fills before [`Array::from_written`] makes an array of it: as many bytes as the shape
    /// needs, in C order, not cleared.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn unwritten(dtype: DType, shape: &[usize], pool: &Pool) -> Result<Unwritten, OutOfMemory> {
        pool.uninitialized(bytes_of(dtype, shape)?)
    }

    /// The array that a filled block has become, its elements in C order; `None` unless the block has as many bytes as the
    /// shape needs.
    ///
    /// # Safety
    /// Every byte has been written (a bool as 0 or 1), and no pointer into the block is written through any more.
    pub unsafe fn from_written(dtype: DType, shape: &[usize], block: Unwritten) -> Option<Array> {
        let bytes = bytes_of(dtype, shape).ok().filter(|&bytes| bytes == block.len())?;
        // SAFETY: the caller's promise.
        let buffer = unsafe { block.assume_written() };
        Some(Array::whole(dtype, shape, elements_length(bytes, dtype), buffer))
    }

    /// An array of the elements in a buffer: `[0, 0, …]` is `offset` elements from its start. `None` when an element would
    /// lie outside, the strides are not one for each dimension, the buffer is not aligned for the dtype, or a bool's byte
    /// is neither 0 nor 1.
    pub fn from_buffer(
        dtype: DType,
        shape: &[usize],
        strides: &[isize],
        offset: usize,
        buffer: Buffer,
    ) -> Option<Array> {
        let length = length_of(shape)?;
        if shape.len() != strides.len() || !buffer.pointer().addr().is_multiple_of(alignment_of(dtype)) {
            return None;
        }
        let offset = if length == 0 {
            0
        } else {
            let (first, last) = reach(shape, strides)?;
            let start = isize::try_from(offset).ok()?;
            let last = usize::try_from(start.checked_add(last)?).ok()?;
            if start.checked_add(first)? < 0 || last >= buffer.len() / dtype.size() {
                return None;
            }
            offset
        };
        if dtype == DType::Bool && buffer.as_bytes().iter().any(|&byte| byte > 1) {
            return None;
        }
        let (shape, strides) = (Short::from_slice(shape), Short::from_slice(strides));
        Some(Array { dtype, shape, strides, offset, length, buffer: Arc::new(buffer) })
    }

    fn whole(dtype: DType, shape: &[usize], length: usize, buffer: Buffer) -> Array {
        Array {
            dtype,
            shape: Short::from_slice(shape),
            strides: contiguous_strides(shape),
            offset: 0,
            length,
            buffer: Arc::new(buffer),
        }
    }

    /// The elements' type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// For each dimension, how many elements further the next one lies.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Where in the buffer the element `[0, 0, …]` lies, in elements.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes that the elements would take, each once: what `nbytes` is in NumPy.
    pub fn bytes(&self) -> usize {
        self.length * self.dtype.size()
    }

    /// The memory behind it, shared with every view of it.
    pub fn buffer(&self) -> &Arc<Buffer> {
        &self.buffer
    }

    /// Whether the elements lie one after the other in C order, so that `len()` of them can be read from `data_pointer()`.
    pub fn is_contiguous(&self) -> bool {
        if self.length == 0 {
            return true;
        }
        let mut step = 1;
        for (&dim, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if dim != 1 {
                if stride != step {
                    return false;
                }
                step *= dim as isize;
            }
        }
        true
    }

    /// The address of the element `[0, 0, …]`. Valid while this array or a clone of it lives; never to be written through.
    pub fn data_pointer(&self) -> *const u8 {
        self.buffer.pointer().wrapping_add(self.offset * self.dtype.size())
    }

    /// The elements, when they are contiguous and of this type.
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        if T::DTYPE != self.dtype || !self.is_contiguous() {
            return None;
        }
        if self.length == 0 {
            return Some(&[]);
        }
        // SAFETY: `length` contiguous elements of the dtype lie there (checked when the array was made), initialised, valid
        // for `T` and aligned; they do not change while `self` is borrowed.
        Some(unsafe { std::slice::from_raw_parts(self.data_pointer().cast(), self.length) })
    }

    /// The elements' bytes as they lie in memory, when they are contiguous.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if !self.is_contiguous() {
            return None;
        }
        let start = if self.length == 0 { 0 } else { self.offset * self.dtype.size() };
        self.buffer.as_bytes().get(start..start + self.bytes())
    }

    /// The elements to write, when they are contiguous, of this type, and nothing else holds the memory; `None` otherwise
    /// ([`Array::make_unique`] helps).
    pub fn as_mut_slice<T: Element>(&mut self) -> Option<&mut [T]> {
        if T::DTYPE != self.dtype || !self.is_contiguous() {
            return None;
        }
        let length = self.length;
        let pointer = self.data_pointer_mut()?;
        if length == 0 {
            return Some(&mut []);
        }
        // SAFETY: as in `as_slice`, and nothing else holds the buffer while `self` is borrowed mutably.
        Some(unsafe { std::slice::from_raw_parts_mut(pointer.cast(), length) })
    }

    /// The address of the element `[0, 0, …]`, to write elements through while `self` stays mutably borrowed (from several
    /// threads, each element by one of them; a bool as 0 or 1); `None` when the memory is shared or borrowed.
    pub fn data_pointer_mut(&mut self) -> Option<*mut u8> {
        let size = self.dtype.size();
        let pointer = Arc::get_mut(&mut self.buffer)?.pointer_mut()?;
        Some(pointer.wrapping_add(self.offset * size))
    }

    /// Makes sure that the elements can be written: contiguous, in memory that nothing else holds. Copies only when they
    /// are not.
    ///
    /// # Errors
    /// When the memory for the copy cannot be had.
    pub fn make_unique(&mut self, pool: &Pool) -> Result<(), OutOfMemory> {
        if !self.is_contiguous() || self.data_pointer_mut().is_none() {
            *self = self.copy(pool)?;
        }
        Ok(())
    }

    /// The block itself, to hold another result, when this was the last array to use it and it is the pool's.
    ///
    /// # Errors
    /// The array itself, when its memory is shared, borrowed or inline.
    pub fn into_unwritten(self) -> Result<Unwritten, Array> {
        let Array { dtype, shape, strides, offset, length, buffer } = self;
        let buffer = match Arc::try_unwrap(buffer) {
            Ok(buffer) => match buffer.into_unwritten() {
                Ok(block) => return Ok(block),
                Err(buffer) => Arc::new(buffer),
            },
            Err(buffer) => buffer,
        };
        Err(Array { dtype, shape, strides, offset, length, buffer })
    }

    /// The element at an index; `None` when there are too few or too many numbers in it, or one is out of bounds.
    pub fn item(&self, index: &[usize]) -> Option<Scalar> {
        if index.len() != self.rank() {
            return None;
        }
        let mut position = self.offset as isize;
        for ((&at, &dim), &stride) in index.iter().zip(&self.shape).zip(&self.strides) {
            if at >= dim {
                return None;
            }
            position += at as isize * stride;
        }
        Some(self.read(position as usize))
    }

    /// The one element of a rank 0 array.
    pub fn scalar_value(&self) -> Option<Scalar> {
        self.item(&[])
    }

    /// The element at a position in the buffer that is one of this array's.
    fn read(&self, position: usize) -> Scalar {
        for_dtype!(self.dtype, T => {
            // SAFETY: the callers' positions come from indices inside the shape, which were checked to lie in the buffer
            // when the array was made; elements are initialised, valid and aligned.
            let value: T = unsafe { *self.buffer.pointer().cast::<T>().add(position) };
            value.to_scalar()
        })
    }

    /// Another view of the same memory, its place given in elements from the start of the buffer: slices, transposes,
    /// broadcasts. `None` when an element of it would lie beyond the elements that this array reaches.
    pub fn view(&self, offset: usize, shape: &[usize], strides: &[isize]) -> Option<Array> {
        let length = length_of(shape)?;
        if shape.len() != strides.len() {
            return None;
        }
        let offset = if length == 0 {
            self.offset
        } else {
            let (first, last) = reach(shape, strides)?;
            let (own_first, own_last) = reach(&self.shape, &self.strides)?;
            let start = isize::try_from(offset).ok()?;
            let own_start = self.offset as isize;
            if self.length == 0
                || start.checked_add(first)? < own_start + own_first
                || start.checked_add(last)? > own_start + own_last
            {
                return None;
            }
            offset
        };
        Some(Array {
            dtype: self.dtype,
            shape: Short::from_slice(shape),
            strides: Short::from_slice(strides),
            offset,
            length,
            buffer: Arc::clone(&self.buffer),
        })
    }

    /// The same elements stretched to a shape by NumPy's broadcasting, without a copy; `None` when it does not fit.
    pub fn broadcast_to(&self, shape: &[usize]) -> Option<Array> {
        let added = shape.len().checked_sub(self.rank())?;
        let length = length_of(shape)?;
        let mut strides = Short::from_elem(0, shape.len());
        for (axis, (&dim, &stride)) in self.shape.iter().zip(&self.strides).enumerate() {
            strides[added + axis] = match (dim, shape[added + axis]) {
                (from, to) if from == to => stride,
                (1, _) => 0,
                _ => return None,
            };
        }
        Some(Array {
            dtype: self.dtype,
            shape: Short::from_slice(shape),
            strides,
            offset: self.offset,
            length,
            buffer: Arc::clone(&self.buffer),
        })
    }

    /// The same elements in C order with other dimensions, when that needs no copy; `None` when the number of elements
    /// differs (compare [`length_of`]) or only a copy could do it.
    pub fn reshape(&self, shape: &[usize]) -> Option<Array> {
        if length_of(shape)? != self.length {
            return None;
        }
        let strides = if self.is_contiguous() { contiguous_strides(shape) } else { self.strides_after_reshape(shape)? };
        Some(Array {
            dtype: self.dtype,
            shape: Short::from_slice(shape),
            strides,
            offset: self.offset,
            length: self.length,
            buffer: Arc::clone(&self.buffer),
        })
    }

    /// Groups the old and the new dimensions into runs of equal products; a run of old ones must lie evenly spaced to be cut
    /// differently.
    fn strides_after_reshape(&self, shape: &[usize]) -> Option<Short<isize>> {
        let old: Vec<(usize, isize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|&(dim, _)| dim != 1).collect();
        let mut strides = Short::from_elem(0, shape.len());
        let (mut old_at, mut new_at) = (0, 0);
        while old_at < old.len() {
            let (old_start, new_start) = (old_at, new_at);
            let (mut old_product, mut new_product) = (old[old_at].0, *shape.get(new_at)?);
            old_at += 1;
            new_at += 1;
            while old_product != new_product {
                if old_product < new_product {
                    old_product *= old.get(old_at)?.0;
                    old_at += 1;
                } else {
                    new_product *= *shape.get(new_at)?;
                    new_at += 1;
                }
            }
            let even =
                old[old_start..old_at].windows(2).all(|pair| pair[0].1 == pair[1].1.wrapping_mul(pair[1].0 as isize));
            if !even {
                return None;
            }
            let mut step = old[old_at - 1].1;
            for axis in (new_start..new_at).rev() {
                strides[axis] = step;
                step = step.wrapping_mul(shape[axis] as isize);
            }
        }
        // What is left of the new dimensions is ones.
        strides[new_at..].fill(1);
        Some(strides)
    }

    /// The array itself when it is contiguous, otherwise a contiguous copy.
    ///
    /// # Errors
    /// When the memory for the copy cannot be had.
    pub fn to_contiguous(&self, pool: &Pool) -> Result<Array, OutOfMemory> {
        if self.is_contiguous() { Ok(self.clone()) } else { self.copy(pool) }
    }

    /// A copy in C order in memory of its own.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn copy(&self, pool: &Pool) -> Result<Array, OutOfMemory> {
        let block = Array::unwritten(self.dtype, &self.shape, pool)?;
        // SAFETY: the block has room for `length` elements, and is nobody else's.
        unsafe { self.write_contiguous(block.pointer()) };
        let bytes = block.len();
        // SAFETY: all elements have just been written.
        let buffer = unsafe { block.assume_written() };
        Ok(Array::whole(self.dtype, &self.shape, elements_length(bytes, self.dtype), buffer))
    }

    /// Writes the elements in C order to `to`.
    ///
    /// # Safety
    /// `to` has room for [`Array::bytes`] bytes, which are nobody else's, and is aligned for the dtype.
    pub unsafe fn write_contiguous(&self, to: *mut u8) {
        // SAFETY: the caller's promise, and the elements' place as everywhere.
        unsafe { copy_strided(self.data_pointer(), &self.shape, &self.strides, self.dtype.size(), to) }
    }

    /// The elements in C order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { array: self, index: Short::from_elem(0, self.rank()), position: self.offset as isize, left: self.length }
    }

    /// Whether two arrays have one dtype, one shape and the same bits in every element: a NaN equals the same NaN, and
    /// `-0.0` differs from `0.0`.
    pub fn same_bits(&self, other: &Array) -> bool {
        self.dtype == other.dtype && self.shape == other.shape && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Array {
    /// The type, and the elements when they are few.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.dtype)?;
        if self.rank() > 0 {
            write!(f, "{:?}", self.shape)?;
        }
        f.write_str(" {")?;
        for (place, value) in self.iter().take(17).enumerate() {
            match place {
                16 => f.write_str(" ...")?,
                _ => write!(f, " {value}")?,
            }
        }
        f.write_str(" }")
    }
}

/// The elements of an array in C order, as scalars.
pub struct Iter<'a> {
    array: &'a Array,
    index: Short<usize>,
    position: isize,
    left: usize,
}

impl Iterator for Iter<'_> {
    type Item = Scalar;

    fn next(&mut self) -> Option<Scalar> {
        self.left = self.left.checked_sub(1)?;
        let value = self.array.read(self.position as usize);
        for (axis, at) in self.index.iter_mut().enumerate().rev() {
            let stride = self.array.strides[axis];
            *at += 1;
            self.position += stride;
            if *at < self.array.shape[axis] {
                break;
            }
            self.position -= stride * *at as isize;
            *at = 0;
        }
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The bytes of a shape, or the refusal that asking for them would get.
fn bytes_of(dtype: DType, shape: &[usize]) -> Result<usize, OutOfMemory> {
    match length_of(shape) {
        Some(length) => Ok(length * dtype.size()),
        None => Err(OutOfMemory { requested: usize::MAX, live: 0, limit: None }),
    }
}

fn elements_length(bytes: usize, dtype: DType) -> usize {
    bytes / dtype.size()
}

fn alignment_of(dtype: DType) -> usize {
    for_dtype!(dtype, T => align_of::<T>())
}

/// The lowest and the highest element that a view reaches, counted from its own first one; `None` when that overflows.
/// A view without elements reaches nothing, said as `(0, 0)`.
fn reach(shape: &[usize], strides: &[isize]) -> Option<(isize, isize)> {
    let (mut first, mut last) = (0isize, 0isize);
    if shape.contains(&0) {
        return Some((0, 0));
    }
    for (&dim, &stride) in shape.iter().zip(strides) {
        let span = isize::try_from(dim - 1).ok()?.checked_mul(stride)?;
        if span < 0 {
            first = first.checked_add(span)?;
        } else {
            last = last.checked_add(span)?;
        }
    }
    Some((first, last))
}

/// Copies a strided array to contiguous memory in C order.
///
/// # Safety
/// Every element of the view at `from` can be read, and `to` has room for all of them, is aligned for them, and overlaps
/// none.
unsafe fn copy_strided(from: *const u8, shape: &[usize], strides: &[isize], size: usize, to: *mut u8) {
    if shape.contains(&0) {
        return;
    }
    // Neighbouring dimensions that are evenly spaced count as one.
    let mut axes: Vec<(usize, isize)> = Vec::with_capacity(shape.len());
    for (&dim, &stride) in shape.iter().zip(strides) {
        match axes.last_mut() {
            _ if dim == 1 => {}
            Some(outer) if outer.1 == stride.wrapping_mul(dim as isize) => *outer = (outer.0 * dim, stride),
            _ => axes.push((dim, stride)),
        }
    }
    // SAFETY: the caller's promise. Elements are copied as unsigned integers (pairs, for 16 bytes) of their size, which are
    // aligned no more strictly than the elements themselves.
    unsafe {
        match size {
            1 => copy_axes::<u8>(from.cast(), &axes, to.cast()),
            2 => copy_axes::<u16>(from.cast(), &axes, to.cast()),
            4 => copy_axes::<u32>(from.cast(), &axes, to.cast()),
            8 => copy_axes::<[u32; 2]>(from.cast(), &axes, to.cast()),
            _ => copy_axes::<[u64; 2]>(from.cast(), &axes, to.cast()),
        }
    }
}

/// # Safety
/// As [`copy_strided`], in elements of `T`.
unsafe fn copy_axes<T: Copy>(from: *const T, axes: &[(usize, isize)], to: *mut T) {
    // Rows of this many elements at a time keep both sides of a transposition in the cache.
    const TILE: usize = 32;
    // SAFETY: each index below stays inside its dimension, so `from` reads elements of the view, and `to` advances over
    // exactly as many.
    unsafe {
        match axes {
            [] => *to = *from,
            &[(length, 1)] => std::ptr::copy_nonoverlapping(from, to, length),
            &[(length, stride)] => {
                for at in 0..length {
                    *to.add(at) = *from.offset(at as isize * stride);
                }
            }
            &[(rows, row_stride), (columns, stride)] if row_stride.abs() < stride.abs() => {
                for row in (0..rows).step_by(TILE) {
                    for column in (0..columns).step_by(TILE) {
                        for i in row..rows.min(row + TILE) {
                            for j in column..columns.min(column + TILE) {
                                let place = i as isize * row_stride + j as isize * stride;
                                *to.add(i * columns + j) = *from.offset(place);
                            }
                        }
                    }
                }
            }
            [(length, stride), inner @ ..] => {
                let step: usize = inner.iter().map(|axis| axis.0).product();
                for at in 0..*length {
                    copy_axes(from.offset(at as isize * stride), inner, to.add(at * step));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shape: &[usize]) -> Array {
        let length = length_of(shape).unwrap();
        Array::from_vec(shape, (0..length as i64).collect()).unwrap()
    }

    fn integers(array: &Array) -> Vec<i64> {
        array.iter().map(i64::from_scalar).collect()
    }

    #[test]
    fn every_dtype_keeps_its_values() {
        for dtype in DType::ALL {
            for value in [Scalar::i64(0), Scalar::i64(1), Scalar::i64(-3), Scalar::f64(0.1), Scalar::c128(-0.0, 2.5)] {
                let value = value.cast(dtype);
                let array = Array::scalar(value);
                assert_eq!(array.scalar_value(), Some(value), "{value:?}");
                assert_eq!((array.rank(), array.len()), (0, 1));
                let three = array.broadcast_to(&[3]).unwrap();
                assert_eq!(three.copy(&Pool::new()).unwrap().item(&[2]), Some(value));
            }
            let zeros = Array::zeros(dtype, &[2, 3], &Pool::new()).unwrap();
            assert!(zeros.iter().all(|value| value == Scalar::bool(false).cast(dtype)));
        }
    }

    #[test]
    fn views_stay_inside() {
        let a = counted(&[3, 4]);
        let transposed = a.view(0, &[4, 3], &[1, 4]).unwrap();
        assert_eq!(integers(&transposed), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        let backwards = a.view(11, &[12], &[-1]).unwrap();
        assert_eq!(integers(&backwards), (0..12).rev().collect::<Vec<_>>());
        assert!(a.view(11, &[13], &[-1]).is_none());
        assert!(a.view(1, &[12], &[1]).is_none());
        assert!(a.view(12, &[1], &[1]).is_none());
        assert!(a.view(0, &[2], &[isize::MAX]).is_none());
        assert!(a.view(usize::MAX, &[1], &[1]).is_none());
        assert!(a.view(0, &[2, 2], &[1]).is_none());
        assert_eq!(a.view(99, &[0, 5], &[7, 7]).unwrap().len(), 0);
        // A part reaches no further than its own elements.
        let part = a.view(4, &[4], &[1]).unwrap();
        assert!(part.view(3, &[1], &[1]).is_none());
        assert!(part.item(&[4]).is_none() && part.item(&[0, 0]).is_none());
    }

    #[test]
    fn reshapes_copy_only_when_they_must() {
        let a = counted(&[2, 3, 4]);
        assert_eq!(integers(&a.reshape(&[4, 6]).unwrap()), integers(&a));
        assert!(a.reshape(&[5, 5]).is_none());
        let b = a.view(0, &[3, 4, 2], &[4, 1, 12]).unwrap();
        let c = b.reshape(&[12, 1, 2]).unwrap();
        assert_eq!(integers(&b), integers(&c));
        assert_eq!(integers(&b.reshape(&[2, 6, 2, 1]).unwrap()), integers(&b));
        assert!(b.reshape(&[24]).is_none());
        let wide = Array::scalar(Scalar::i64(5)).broadcast_to(&[1000, 1000, 1000]).unwrap();
        assert_eq!(wide.reshape(&[1_000_000_000]).unwrap().item(&[999_999_999]), Some(Scalar::i64(5)));
        let ones = counted(&[1]).broadcast_to(&[1, 1]).unwrap();
        assert_eq!(ones.reshape(&[]).unwrap().scalar_value(), Some(Scalar::i64(0)));
        assert_eq!(counted(&[0, 3]).reshape(&[7, 0]).unwrap().len(), 0);
        assert!(counted(&[0, 3]).reshape(&[1]).is_none());
    }

    #[test]
    fn shapes_too_large_are_refused() {
        assert_eq!(length_of(&[usize::MAX, 2]), None);
        assert_eq!(length_of(&[usize::MAX, 0, usize::MAX]), Some(0));
        assert!(Array::zeros(DType::U8, &[1 << 40, 1 << 40], &Pool::new()).is_err());
        assert!(Array::scalar(Scalar::bool(true)).broadcast_to(&[1 << 40, 1 << 40]).is_none());
        let deep = counted(&[1; 40]);
        assert_eq!((deep.rank(), deep.iter().len()), (40, 1));
    }

    #[test]
    fn writing_needs_the_memory_alone() {
        let pool = Pool::new();
        let mut a = Array::zeros(DType::F64, &[4], &pool).unwrap();
        let other = a.clone();
        assert!(a.as_mut_slice::<f64>().is_none());
        a.make_unique(&pool).unwrap();
        a.as_mut_slice::<f64>().unwrap()[1] = 2.5;
        assert!(a.as_mut_slice::<f32>().is_none());
        assert_eq!(a.as_slice::<f64>(), Some(&[0.0, 2.5, 0.0, 0.0][..]));
        assert_eq!(other.as_slice::<f64>(), Some(&[0.0; 4][..]));
        let place = a.data_pointer();
        a.make_unique(&pool).unwrap();
        assert_eq!(a.data_pointer(), place);
        assert!(!a.same_bits(&other) && a.same_bits(&a.clone()));
        let block = a.into_unwritten().unwrap();
        assert_eq!(block.pointer().cast_const(), place);
        // SAFETY: the block was an array's, so its bytes are written.
        assert!(unsafe { Array::from_written(DType::F64, &[5], block) }.is_none());
        let mut lent = counted(&[2]);
        assert!(lent.as_mut_slice::<i64>().is_none(), "adopted memory is not written");
        lent.make_unique(&pool).unwrap();
        assert!(lent.as_mut_slice::<i64>().is_some());
        let shared = Array::from_shared(&[2], Arc::from([1u8, 2])).unwrap();
        assert!(shared.into_unwritten().is_err());
        let mut scalar = Array::scalar(Scalar::i64(3));
        scalar.as_mut_slice::<i64>().unwrap()[0] = 4;
        assert_eq!(scalar.scalar_value(), Some(Scalar::i64(4)));
    }

    #[test]
    fn copies_follow_the_strides() {
        let pool = Pool::new();
        let a = counted(&[5, 70, 40]);
        let axes = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for axes in axes {
            let shape = axes.map(|axis| a.shape()[axis]);
            let strides = axes.map(|axis| a.strides()[axis]);
            let turned = a.view(0, &shape, &strides).unwrap();
            let copy = turned.to_contiguous(&pool).unwrap();
            assert!(copy.is_contiguous() && copy.same_bits(&turned), "{axes:?}");
            let sparse = a
                .view(
                    39,
                    &shape.map(|dim| dim.div_ceil(2)),
                    &axes.map(|x| if x == 2 { -2 } else { 2 * a.strides()[x] }),
                )
                .unwrap();
            assert!(sparse.copy(&pool).unwrap().same_bits(&sparse), "{axes:?}");
        }
    }

    #[test]
    fn borrowed_memory_is_read_where_it_lies() {
        let numbers = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0];
        let last = NonNull::from(&numbers[5]).cast();
        let outside = NonNull::from(&numbers).cast::<u8>();
        // SAFETY: `numbers` outlives the arrays, and is not written. (The pointer for the second is into the whole.)
        unsafe {
            assert!(Array::borrowed(DType::F64, &[2], &[1], last.byte_add(1), None).is_none());
            let end = outside.byte_add(40);
            let backwards = Array::borrowed(DType::F64, &[3], &[-2], end, None).unwrap();
            assert_eq!(backwards.iter().map(f64::from_scalar).collect::<Vec<_>>(), [6.0, 4.0, 2.0]);
            assert_eq!(backwards.data_pointer(), end.as_ptr().cast_const());
            assert!(Array::borrowed(DType::F64, &[2], &[isize::MAX], outside, None).is_none());
        }
    }

    #[test]
    fn buffers_become_arrays_when_they_fit() {
        let pool = Pool::new();
        let bytes: Vec<u8> = (1..=4i32).flat_map(i32::to_ne_bytes).collect();
        let make = |shape: &[usize], strides: &[isize], offset| {
            Array::from_buffer(DType::I32, shape, strides, offset, pool.copy_of(&bytes).unwrap())
        };
        let turned = make(&[2, 2], &[1, 2], 0).unwrap();
        assert_eq!(turned.iter().map(i32::from_scalar).collect::<Vec<_>>(), [1, 3, 2, 4]);
        assert_eq!(turned.as_bytes(), None);
        assert_eq!(make(&[4], &[1], 0).unwrap().as_bytes(), Some(&bytes[..]));
        assert!(make(&[4], &[1], 1).is_none());
        assert!(make(&[4], &[-1], 2).is_none());
        assert!(make(&[4], &[isize::MAX], 0).is_none());
        assert!(make(&[4], &[], 0).is_none());
        assert_eq!(make(&[4, 0], &[9, 9], 99).unwrap().as_bytes(), Some(&[][..]));
        let bools = |bytes: &[u8]| Array::from_buffer(DType::Bool, &[2], &[1], 0, pool.copy_of(bytes).unwrap());
        assert!(bools(&[0, 1]).is_some() && bools(&[0, 2]).is_none() && bools(&[1]).is_none());
    }

    #[test]
    fn arrays_can_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Array>();
        check::<Unwritten>();
        check::<Pool>();
    }

    #[test]
    fn debug_shows_the_type() {
        assert_eq!(format!("{:?}", counted(&[2, 2])), "i64[2, 2] { 0 1 2 3 }");
        assert_eq!(format!("{:?}", Array::scalar(Scalar::f64(0.5))), "f64 { 0.5 }");
    }
}
