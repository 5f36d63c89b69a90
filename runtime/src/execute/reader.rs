//! How a region's leaves are read: where they lie, as one value, or copied first.

use super::line::{Axes, gather, merge};
use super::scratch::Scratch;
use super::turned;
use crate::buffer::ALIGNMENT;
use crate::machine::regions::{Compiled, Reading, reciprocals};
use crate::plan::region::{Leaf, Region, Register, Source};
use crate::short::Short;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::SourceAxis;

/// The most bytes that are packed for a run: more would not stay in the second cache.
const MOST_PACKED: usize = 512 * 1024;

/// The fewest rows for which what they are divided by has its reciprocals made.
const FEWEST_REPEATED: usize = 8;

/// The most bytes of rows that are copied at once from an array that lies the other way round, for they stay in the second cache; and the
/// fewest rows that are worth it.
const MOST_TURNED: usize = 208 * 1024;
const FEWEST_TURNED: usize = 4;

/// Rows of such an array that are no longer than this touch few lines of memory, and find them again in the first cache.
const SHORT_TURNED: usize = 64;

/// What belongs to a region's leaves, operands or results: few of each, mostly.
pub type Few<T> = Short<T, 8>;

/// A leaf as it is read in this run.
pub enum Reader {
    /// Element `i` of the line lies at `pointer + i * size`.
    Dense { pointer: *const u8, size: usize },
    /// One value everywhere, and where it lies in an array (null: in none).
    Splat { bytes: [u8; 16], size: usize, from: *const u8 },
    /// Copied by runs; lengths and distances in bytes along the line's axes, slowest first. Where it is not 0, so many elements are
    /// copied at once, from a multiple of it on, and found there afterwards.
    Strided { pointer: *const u8, size: usize, axes: Axes, window: usize },
    /// Counted by runs, as i64.
    Counter { start: i64, axes: Axes },
}

/// Elements of an array, each once, in memory of their own.
pub struct Packed {
    /// Whose they are.
    pub leaf: Register,
    from: *const u8,
    size: usize,
    /// The axes along which they differ.
    axes: Axes,
    count: usize,
    memory: Scratch,
}

impl Packed {
    /// How much memory they take.
    pub fn bytes(&self) -> usize {
        self.count * self.size
    }

    /// Gathers them.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn fill(&mut self) {
        let mut index: Short<usize> = Short::from_elem(0, self.axes.len());
        // SAFETY: the caller's promise; the memory has room for each of them once.
        unsafe { gather(self.from, self.size, &self.axes, &mut index, 0, self.count, self.memory.pointer()) };
    }

    /// Gathers them from where the array begins now, which began at `from` before.
    ///
    /// # Safety
    /// They can be read.
    pub unsafe fn follow(&mut self, from: *const u8, to: *const u8) {
        self.from = moved(self.from, from, to);
        // SAFETY: the caller's promise.
        unsafe { self.fill() };
    }
}

/// The reciprocals of a row that divides many.
pub struct Reciprocals {
    /// Whose they are.
    pub leaf: Register,
    dtype: DType,
    count: usize,
    memory: Scratch,
}

impl Reciprocals {
    /// Those of a leaf, which is a row of so many floats that many others repeat.
    pub fn new(leaf: Register, dtype: DType, reader: &Reader) -> Reciprocals {
        let Reader::Strided { axes, .. } = reader else { unreachable!("only a row is repeated") };
        let count = axes.last().map_or(0, |axis| axis.0);
        let mut reciprocals = Reciprocals { leaf, dtype, count, memory: Scratch::of(count * dtype.size()) };
        reciprocals.fill(reader);
        reciprocals
    }

    /// How much memory they take.
    pub fn bytes(&self) -> usize {
        self.count * self.dtype.size()
    }

    /// Computes them from where the reader finds the row now.
    pub fn fill(&mut self, reader: &Reader) {
        let Reader::Strided { pointer, .. } = reader else { unreachable!("only a row is repeated") };
        // SAFETY: the row is the array's, and the memory has room for it.
        unsafe { reciprocals(self.dtype, *pointer, self.memory.pointer(), self.count) };
    }

    /// Where those are of the elements that the reader finds at an address.
    pub fn of(&self, reader: &Reader, at: *const u8) -> *const u8 {
        let Reader::Strided { pointer, .. } = reader else { unreachable!("only a row is repeated") };
        self.memory.start().wrapping_add(at.addr() - pointer.addr())
    }
}

/// Where an element lies of an array that began at `from` and begins at `to` now.
fn moved(element: *const u8, from: *const u8, to: *const u8) -> *const u8 {
    to.wrapping_add(element.addr().wrapping_sub(from.addr()))
}

/// Where an array's elements lie.
pub struct Place {
    /// The element `[0, 0, …]`.
    pub pointer: *const u8,
    /// In elements.
    pub strides: Short<isize>,
}

/// The bytes of a scalar in memory.
pub fn scalar_bytes(scalar: Scalar) -> [u8; 16] {
    let mut bytes = [0; 16];
    let [low, high] = scalar.bits;
    match scalar.dtype {
        DType::C64 => {
            bytes[..4].copy_from_slice(&(low as u32).to_ne_bytes());
            bytes[4..8].copy_from_slice(&(high as u32).to_ne_bytes());
        }
        DType::C128 => {
            bytes[..8].copy_from_slice(&low.to_ne_bytes());
            bytes[8..].copy_from_slice(&high.to_ne_bytes());
        }
        dtype => match dtype.size() {
            1 => bytes[0] = low as u8,
            2 => bytes[..2].copy_from_slice(&(low as u16).to_ne_bytes()),
            4 => bytes[..4].copy_from_slice(&(low as u32).to_ne_bytes()),
            _ => bytes[..8].copy_from_slice(&low.to_ne_bytes()),
        },
    }
    bytes
}

/// Fills `count` elements of `size` bytes with one value.
///
/// # Safety
/// `to` must be writable for them.
pub unsafe fn splat(bytes: &[u8; 16], size: usize, to: *mut u8, count: usize) {
    /// Elements of one type, so that the compiler writes whole vectors of them.
    unsafe fn fill<T: Copy>(bytes: &[u8; 16], to: *mut u8, count: usize) {
        // SAFETY: the 16 bytes hold a T of at most that size, and the caller's memory `count` of them.
        unsafe {
            let value = bytes.as_ptr().cast::<T>().read_unaligned();
            for index in 0..count {
                to.cast::<T>().add(index).write_unaligned(value);
            }
        }
    }
    // SAFETY: the caller's promise; each type has the element's size.
    unsafe {
        match size {
            1 => fill::<u8>(bytes, to, count),
            2 => fill::<u16>(bytes, to, count),
            4 => fill::<u32>(bytes, to, count),
            8 => fill::<u64>(bytes, to, count),
            _ => fill::<u128>(bytes, to, count),
        }
    }
}

impl Reader {
    /// How a region's leaves are read.
    pub fn all(region: &Region, places: &[Option<Place>]) -> Few<Reader> {
        let reader = |(leaf, place): (&Leaf, &Option<Place>)| {
            let place = place.as_ref().map(|place| (place.pointer, &place.strides[..]));
            Reader::new(region, &leaf.source, leaf.dtype, place)
        };
        region.leaves.iter().zip(places).map(reader).collect()
    }

    /// How a leaf is read, given where its array's first element lies, and its strides.
    pub fn new(region: &Region, source: &Source, dtype: DType, place: Option<(*const u8, &[isize])>) -> Reader {
        match source {
            Source::Scalar(scalar) => {
                Reader::Splat { bytes: scalar_bytes(*scalar), size: dtype.size(), from: std::ptr::null() }
            }
            Source::Counter(counter) => {
                let strides = region.order.iter().map(|&own| (region.shape[own], counter.steps[own] as isize));
                Reader::Counter { start: counter.start, axes: merge(strides) }
            }
            Source::Array { axes, .. } => match place {
                Some(place) => Reader::of_array(region, place, dtype.size(), axes),
                None => unreachable!("an array's place is known"),
            },
        }
    }

    fn of_array(region: &Region, (first, own): (*const u8, &[isize]), size: usize, axes: &[SourceAxis]) -> Reader {
        let mut offset = 0isize;
        let mut strides: Short<isize> = Short::from_elem(0, region.shape.len());
        for (axis, &stride) in axes.iter().zip(own) {
            offset += axis.start as isize * stride;
            if let Some(own) = axis.axis {
                strides[own] += axis.step * stride;
            }
        }
        let pointer = first.wrapping_offset(offset * size as isize);
        let merged = merge(region.order.iter().map(|&own| (region.shape[own], strides[own] * size as isize)));
        match merged[..] {
            [] => Reader::splat_at(pointer, size),
            [(_, 0)] => Reader::splat_at(pointer, size),
            [(_, stride)] if stride == size as isize => Reader::Dense { pointer, size },
            _ => Reader::Strided { pointer, size, axes: merged, window: 0 },
        }
    }

    /// Packs what lies apart along the innermost axis and is read over and over along another: it is gathered once, and then read
    /// where it lies. What comes back must live as long as the reader.
    pub fn pack(&mut self, leaf: Register) -> Option<Packed> {
        let Reader::Strided { pointer, size, axes, .. } = self else { return None };
        let inner = axes.last().map_or(0, |axis| axis.1);
        let count: usize = axes.iter().filter(|axis| axis.1 != 0).map(|axis| axis.0).product();
        let reads: usize = axes.iter().map(|axis| axis.0).product();
        if inner == 0 || inner == *size as isize || count * *size > MOST_PACKED || reads < 2 * count {
            return None;
        }
        let kept: Axes = axes.iter().copied().filter(|axis| axis.1 != 0).collect();
        let memory = Scratch::of(count * *size);
        let mut packed = Packed { leaf, from: *pointer, size: *size, axes: kept, count, memory };
        // SAFETY: the elements are the array's.
        unsafe { packed.fill() };
        let mut stride = *size as isize;
        for axis in axes.iter_mut().rev().filter(|axis| axis.1 != 0) {
            axis.1 = stride;
            stride *= axis.0 as isize;
        }
        *pointer = packed.memory.pointer();
        *axes = merge(axes.iter().copied());
        Some(packed)
    }

    /// What lies the other way round has neighbouring elements in neighbouring rows: row by row, each line of memory would be fetched
    /// as often as it has elements. So a line's worth of rows is copied at once.
    pub fn turn(&mut self) {
        let Reader::Strided { size, axes, window, .. } = self else { return };
        let &[.., (rows, next), (inner, stride)] = &axes[..] else { return };
        let most = (ALIGNMENT / *size).min(MOST_TURNED / (inner * *size));
        let is_turned = next == *size as isize && stride != next && inner > SHORT_TURNED;
        if is_turned && most.min(rows) >= FEWEST_TURNED {
            *window = (1 << most.ilog2()) * inner;
        }
    }

    /// Copies elements of the line into a slot, a whole window of them if they are not in the one that was `copied` last, and tells where
    /// they are.
    ///
    /// # Safety
    /// The elements of the line are readable, and the slot has room for a window, too.
    pub unsafe fn copy(
        &self,
        index: &mut [usize],
        copied: Option<&mut usize>,
        (start, length): (usize, usize),
        slot: *mut u8,
    ) -> *const u8 {
        let Reader::Strided { pointer, size, axes, window } = self else { unreachable!("all else is not copied") };
        // SAFETY: the caller's promise; a window ends where the line does.
        unsafe {
            if let Some(copied) = copied
                && *window > 0
            {
                let first = start - start % window;
                if start + length <= first + window {
                    if *copied != first {
                        let count: usize = axes.iter().map(|axis| axis.0).product();
                        turned::copy(*pointer, *size, axes, (first, (*window).min(count - first)), slot);
                        *copied = first;
                    }
                    return slot.add((start - first) * size);
                }
                *copied = usize::MAX;
            }
            gather(*pointer, *size, axes, index, start, length, slot);
        }
        slot
    }

    /// How many elements are copied at once; 0 where as many as are asked for.
    pub fn window(&self) -> usize {
        if let Reader::Strided { window, .. } = self { *window } else { 0 }
    }

    fn splat_at(pointer: *const u8, size: usize) -> Reader {
        let mut bytes = [0; 16];
        // SAFETY: the element is in the array: the region is not empty, and its leaves' indices were checked against shapes.
        unsafe { std::ptr::copy_nonoverlapping(pointer, bytes.as_mut_ptr(), size) };
        Reader::Splat { bytes, size, from: pointer }
    }

    /// Goes to where its array begins now, which began at `from` before: its elements lie there as they lay here.
    ///
    /// # Safety
    /// They can be read.
    pub unsafe fn follow(&mut self, from: *const u8, to: *const u8) {
        let moved = |pointer: *const u8| moved(pointer, from, to);
        match self {
            Reader::Dense { pointer, .. } | Reader::Strided { pointer, .. } => *pointer = moved(*pointer),
            Reader::Splat { from, .. } if from.is_null() => {}
            Reader::Splat { bytes, size, from } => {
                *from = moved(*from);
                // SAFETY: the caller's promise.
                unsafe { std::ptr::copy_nonoverlapping(*from, bytes.as_mut_ptr(), *size) };
            }
            Reader::Counter { .. } => {}
        }
    }

    /// What machine code makes of it, when blocks end where runs of this length do: what is the same in a whole run is repeated,
    /// and all else is dense by the time that the code runs.
    pub fn reading(&self, run: usize) -> Reading {
        match self {
            Reader::Splat { .. } => Reading::Splat,
            Reader::Strided { axes, .. } if run != usize::MAX && axes.last().is_some_and(|axis| axis.1 == 0) => {
                Reading::Splat
            }
            _ => Reading::Dense,
        }
    }

    /// Whether it is copied into a block.
    pub fn is_moved(&self, run: usize) -> bool {
        match self {
            Reader::Dense { .. } | Reader::Splat { .. } => false,
            Reader::Counter { .. } => true,
            Reader::Strided { size, axes, .. } => {
                let inner = axes.last().map_or(0, |axis| axis.1);
                run == usize::MAX || inner != 0 && inner != *size as isize
            }
        }
    }

    /// How far its place goes from one run to the next, in bytes, where it is read without being moved; otherwise the distance in
    /// what it is moved to.
    pub fn step(&self, run: usize, code: &Compiled) -> isize {
        match self {
            Reader::Splat { .. } => 0,
            reader if code.repeats(self.size()) && reader.reading(run) == Reading::Splat => reader.stride(run),
            reader if reader.reading(run) == Reading::Splat => ALIGNMENT as isize,
            reader if reader.is_moved(run) => (run * reader.size()) as isize,
            reader => reader.stride(run),
        }
    }

    /// How many runs follow each other at equal distances, from a multiple of this on; `None`: all do.
    pub fn even(&self, run: usize) -> Option<usize> {
        match self {
            Reader::Strided { axes, .. } => match axes[..] {
                [.., (rows, _), (length, _)] if length == run => Some(rows),
                [.., (length, _)] => Some(length / run),
                [] => None,
            },
            _ => None,
        }
    }

    /// The distance between the first elements of two runs, in bytes.
    pub fn stride(&self, run: usize) -> isize {
        match self {
            Reader::Strided { axes, .. } => match axes[..] {
                [.., (_, outer), (length, _)] if length == run => outer,
                [.., (_, inner)] => run as isize * inner,
                [] => 0,
            },
            reader => (run * reader.size()) as isize,
        }
    }

    /// Whether runs all read one row, many times over, which is small enough to have reciprocals beside it.
    pub fn is_repeated(&self, run: usize) -> bool {
        match self {
            Reader::Strided { size, axes, .. } => {
                let is_row = |row: usize| row.is_multiple_of(run) && row * size <= MOST_PACKED;
                matches!(axes[..], [(rows, 0), (row, inner)] if rows >= FEWEST_REPEATED && inner == *size as isize && is_row(row))
            }
            _ => false,
        }
    }

    pub fn size(&self) -> usize {
        match self {
            Reader::Dense { size, .. } | Reader::Splat { size, .. } | Reader::Strided { size, .. } => *size,
            Reader::Counter { .. } => size_of::<i64>(),
        }
    }

    pub fn rank(&self) -> usize {
        match self {
            Reader::Strided { axes, .. } | Reader::Counter { axes, .. } => axes.len(),
            _ => 0,
        }
    }
}

/// The least window that readers have, `usize::MAX` where none has: those which do not end where it does are given up.
pub fn common_window(readers: &mut [Reader]) -> usize {
    let least = readers.iter().map(Reader::window).filter(|&window| window > 0).min().unwrap_or(usize::MAX);
    for reader in readers {
        if let Reader::Strided { window, .. } = reader
            && !window.is_multiple_of(least)
        {
            *window = 0;
        }
    }
    least
}

/// Whether all readers find rows of the line where they lie, and `reduced` of them, from a multiple of that on, at equal distances.
pub fn are_in_rows(readers: &[Reader], row: usize, reduced: usize) -> bool {
    let is_in_rows = |reader: &Reader| match reader {
        Reader::Strided { axes, .. } => axes.last().is_some_and(|axis| axis.0 == row) && !reader.is_moved(row),
        reader => !reader.is_moved(row),
    };
    let goes_on = |reader: &Reader| reader.even(row).is_none_or(|rows| rows.is_multiple_of(reduced));
    readers.iter().all(|reader| is_in_rows(reader) && goes_on(reader))
}

/// How many runs follow each other at equal distances for all readers: blocks of so many begin at multiples of it.
pub fn rows(readers: &[Reader], run: usize) -> usize {
    let least = readers.iter().filter_map(|reader| reader.even(run)).min().unwrap_or(usize::MAX);
    if readers.iter().filter_map(|reader| reader.even(run)).all(|rows| rows % least == 0) { least.max(1) } else { 1 }
}
