//! The line: the elements of an iteration space in the order of iteration, and the places along it of elements that lie apart.

use crate::short::Short;

/// Lengths and distances along axes, slowest first.
pub type Axes = Short<(usize, isize)>;

/// Joins neighbouring axes that are evenly spaced, and leaves out those of length 1.
pub fn merge(axes: impl Iterator<Item = (usize, isize)>) -> Axes {
    let mut merged = Axes::new();
    for (length, stride) in axes {
        match merged.last_mut() {
            _ if length == 1 => {}
            Some(outer) if outer.1 == stride.wrapping_mul(length as isize) => *outer = (outer.0 * length, stride),
            _ => merged.push((length, stride)),
        }
    }
    merged
}

/// How far a place on the line lies from the first one.
pub fn place_of(axes: &[(usize, isize)], place: usize) -> isize {
    let mut rest = place;
    let mut offset = 0;
    for (length, stride) in axes.iter().rev() {
        offset += (rest % length) as isize * stride;
        rest /= length;
    }
    offset
}

/// The index of a place on the line along each axis.
pub fn unravel(axes: &[(usize, isize)], index: &mut [usize], place: usize) -> isize {
    let mut rest = place;
    let mut offset = 0;
    for ((length, stride), at) in axes.iter().zip(index.iter_mut()).rev() {
        *at = rest % length;
        rest /= length;
        offset += *at as isize * stride;
    }
    offset
}

/// Moves an index, and the offset that belongs to it, `length` elements on; they stay within a run along the innermost axis.
pub fn advance(axes: &[(usize, isize)], index: &mut [usize], offset: &mut isize, length: usize) {
    let mut step = length;
    for ((length, stride), at) in axes.iter().zip(index.iter_mut()).rev() {
        *at += step;
        *offset += step as isize * stride;
        if *at < *length {
            return;
        }
        *offset -= *length as isize * stride;
        *at = 0;
        step = 1;
    }
}

/// Goes over runs along the innermost axis: `run(offset, length)`, the offset in strides from the first element.
fn runs(
    axes: &[(usize, isize)],
    index: &mut [usize],
    start: usize,
    length: usize,
    mut run: impl FnMut(isize, isize, usize),
) {
    let Some((&(inner, stride), outer)) = axes.split_last() else {
        return run(0, 0, length);
    };
    let index = &mut index[..axes.len()];
    let mut offset = unravel(axes, index, start);
    let mut at = index[outer.len()];
    let mut left = length;
    loop {
        let count = left.min(inner - at);
        run(offset, stride, count);
        left -= count;
        if left == 0 {
            return;
        }
        offset -= at as isize * stride;
        at = 0;
        for (&(length, stride), at) in outer.iter().zip(index.iter_mut()).rev() {
            *at += 1;
            offset += stride;
            if *at < length {
                break;
            }
            offset -= stride * length as isize;
            *at = 0;
        }
    }
}

/// Copies elements of the line into a block.
///
/// # Safety
/// The elements are readable, and `to` is writable for `length` of them.
pub unsafe fn gather(
    from: *const u8,
    size: usize,
    axes: &[(usize, isize)],
    index: &mut [usize],
    start: usize,
    length: usize,
    to: *mut u8,
) {
    // SAFETY: the caller's promise. Elements are copied as bytes or words of their size; none needs more alignment than that.
    unsafe {
        match size {
            1 => gather_as::<u8>(from, axes, index, start, length, to.cast()),
            2 => gather_as::<u16>(from, axes, index, start, length, to.cast()),
            4 => gather_as::<u32>(from, axes, index, start, length, to.cast()),
            8 => gather_as::<u64>(from, axes, index, start, length, to.cast()),
            _ => gather_as::<[u64; 2]>(from, axes, index, start, length, to.cast()),
        }
    }
}

/// # Safety
/// As [`gather`], in elements of `T`.
unsafe fn gather_as<T: Copy>(
    from: *const u8,
    axes: &[(usize, isize)],
    index: &mut [usize],
    start: usize,
    length: usize,
    to: *mut T,
) {
    let mut to = to;
    runs(axes, index, start, length, |offset, stride, count| {
        // SAFETY: the caller's promise: each run lies within the line, and the runs together are `length` long.
        unsafe {
            let source = from.offset(offset);
            if stride == size_of::<T>() as isize {
                std::ptr::copy_nonoverlapping(source, to.cast(), count * size_of::<T>());
            } else if stride == 0 {
                let value = source.cast::<T>().read_unaligned();
                for at in 0..count {
                    to.add(at).write_unaligned(value);
                }
            } else {
                for at in 0..count {
                    to.add(at).write_unaligned(source.offset(at as isize * stride).cast::<T>().read_unaligned());
                }
            }
            to = to.add(count);
        }
    });
}

/// Copies a block to elements of the line.
///
/// # Safety
/// The elements are writable, and `from` is readable for `length` of them, elsewhere.
pub unsafe fn scatter(
    to: *mut u8,
    size: usize,
    axes: &[(usize, isize)],
    index: &mut [usize],
    start: usize,
    length: usize,
    from: *const u8,
) {
    let mut from = from;
    runs(axes, index, start, length, |offset, stride, count| {
        // SAFETY: the caller's promise: each run lies within the line, and the runs together are `length` long.
        unsafe {
            let to = to.offset(offset);
            if stride == size as isize {
                std::ptr::copy_nonoverlapping(from, to, count * size);
            } else {
                for at in 0..count {
                    std::ptr::copy_nonoverlapping(from.add(at * size), to.offset(at as isize * stride), size);
                }
            }
            from = from.add(count * size);
        }
    });
}

/// Counts along the line into a block.
///
/// # Safety
/// `to` is writable for `length` elements.
pub unsafe fn count(
    first: i64,
    axes: &[(usize, isize)],
    index: &mut [usize],
    start: usize,
    length: usize,
    to: *mut i64,
) {
    let mut to = to;
    runs(axes, index, start, length, |offset, stride, count| {
        let first = first.wrapping_add(offset as i64);
        // SAFETY: the runs together are `length` long.
        unsafe {
            for at in 0..count {
                to.add(at).write(first.wrapping_add(at as i64 * stride as i64));
            }
            to = to.add(count);
        }
    });
}
