//! Indices that the run tells: gathers, updates, masks and slices.
//!
//! A selection is a shape, and for each of its elements a place in an array. The part of a place that is known, and what
//! indices of rank 0 add to it, make an offset and a stride for each axis, as in a view. What arrays of indices add is looked
//! up: along the selection's leading axes, up to the last one that such an array depends on, places are computed a few
//! hundred at a time, and behind each of them lies a block of elements that no array of indices says anything about.

use super::block::Fault;
use super::frame::{Run, Single, Slot};
use super::line::{Axes, count, gather, merge};
use super::region::{no_answer, start_of};
use super::threads::{Stop, UNIT};
use super::{interrupted, out_of_memory, written};
use crate::array::Array;
use crate::kernel::Level;
use crate::plan::region::{PARTS, ValueId, elements};
use crate::plan::{Combine, IndexPlace, Step, UpdateStep};
use crate::short::Short;
use std::sync::Arc;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::source::Span;
use thalweg_lang::types::{ArrayType, DisplayShape};

/// How many places are computed at once.
const PLACES: usize = 512;

/// Where elements are copied from and to: addresses that threads may share.
pub(super) struct Ends(pub *const u8, pub *mut u8);

// SAFETY: the elements are only read, and each unit of work writes its own part.
unsafe impl Sync for Ends {}

/// The number that stands for a place on an axis, if it is one: below 0 it counts from the end.
fn position(number: i64, length: usize) -> Option<usize> {
    let number = if number < 0 { number.checked_add_unsigned(length as u64)? } else { number };
    usize::try_from(number).ok().filter(|&number| number < length)
}

pub(super) fn out_of_bounds(number: i64, axis: usize, length: usize, at: &[usize], span: Span) -> Diagnostic {
    let place = if at.is_empty() { String::new() } else { format!(", at {}", DisplayShape(at)) };
    let message = format!("index {number} is out of bounds for axis {axis} of length {length}{place}");
    let help = match length {
        0 => "the axis is empty: ask for its length first".to_string(),
        _ => format!("indices go from 0 to {}, or from -{length} to -1", length - 1),
    };
    Diagnostic::error("E0505", message, span, "").help(help)
}

/// An axis of the array whose places follow from an array of indices.
struct Table {
    axis: usize,
    length: usize,
    /// From one place to the next, in elements.
    stride: isize,
    start: i64,
    /// What a step along each of the selection's axes adds to the index.
    steps: Vec<i64>,
    index: Array,
}

/// Places in an array: a selection of its elements.
struct Selection {
    shape: Short<usize>,
    /// How many leading axes the tables depend on.
    outer: usize,
    /// Where the array's element `[0, 0, …]` is, the selection's is so many elements further, but for the tables.
    offset: isize,
    /// From one element to the next along each axis, in elements, but for the tables.
    strides: Short<isize>,
    tables: Vec<Table>,
}

impl Selection {
    fn count(&self) -> usize {
        elements(&self.shape)
    }

    /// How many elements lie behind each place.
    fn inner(&self) -> usize {
        elements(&self.shape[self.outer..])
    }

    /// The index that a table's number at a place of the outer axes comes from, as an index of the index array.
    fn index_at(&self, table: &Table, place: usize) -> Vec<usize> {
        let index = unravel(&self.shape[..self.outer], place);
        let shape = table.index.shape();
        let missing = self.shape.len() - shape.len();
        let at = |axis: usize| index.get(missing + axis).copied().unwrap_or(0);
        (0..shape.len()).map(|axis| if shape[axis] == 1 { 0 } else { at(axis) }).collect()
    }

    /// The number that a table has at a place of the outer axes.
    fn number_at(&self, table: &Table, place: usize) -> i64 {
        let own = table.index.item(&self.index_at(table, place)).and_then(|scalar| scalar.as_integer()).unwrap_or(0);
        let index = unravel(&self.shape[..self.outer], place);
        let steps = index.iter().zip(&table.steps).map(|(&at, &step)| step * at as i64).sum::<i64>();
        (own as i64).saturating_add(table.start).saturating_add(steps)
    }

    fn fault(&self, fault: Fault, span: Span) -> Diagnostic {
        let table = &self.tables[fault.instruction];
        let number = self.number_at(table, fault.element);
        out_of_bounds(number, table.axis, table.length, &self.index_at(table, fault.element), span)
    }

    /// Looks at indices that select nothing, because another axis is empty: they must be in bounds all the same.
    fn check(&self, span: Span) -> Result<(), Diagnostic> {
        for table in &self.tables {
            for (place, scalar) in table.index.iter().enumerate() {
                let number = (scalar.as_integer().unwrap_or(0) as i64).saturating_add(table.start);
                if table.steps.iter().all(|step| *step == 0) && position(number, table.length).is_none() {
                    let at = unravel(table.index.shape(), place);
                    return Err(out_of_bounds(number, table.axis, table.length, &at, span));
                }
            }
        }
        Ok(())
    }

    fn places(&self, size: usize, level: Level) -> Places {
        let outer = || self.shape[..self.outer].iter().copied();
        let bytes = |stride: isize| stride * size as isize;
        let known = merge(outer().zip(self.strides.iter().map(|&stride| bytes(stride))));
        let tables = self.tables.iter().map(|table| {
            let missing = self.shape.len() - table.index.rank();
            let index = outer().enumerate().map(|(axis, length)| match axis.checked_sub(missing) {
                Some(own) if table.index.shape()[own] != 1 => (length, table.index.strides()[own] * 8),
                _ => (length, 0),
            });
            let has_steps = table.steps.iter().any(|step| *step != 0);
            PlacesOfTable {
                length: table.length as i64,
                stride: bytes(table.stride) as i64,
                start: table.start,
                pointer: table.index.data_pointer(),
                index: merge(index),
                steps: has_steps.then(|| merge(outer().zip(table.steps.iter().map(|&step| step as isize)))),
            }
        });
        Places { offset: bytes(self.offset) as i64, known, tables: tables.collect(), rank: self.shape.len(), level }
    }
}

fn unravel(shape: &[usize], place: usize) -> Vec<usize> {
    let mut rest = place;
    let mut index = vec![0; shape.len()];
    for (at, &length) in index.iter_mut().zip(shape).rev() {
        *at = rest % length.max(1);
        rest /= length.max(1);
    }
    index
}

/// A table ready to be looked up; distances in bytes.
struct PlacesOfTable {
    length: i64,
    stride: i64,
    start: i64,
    pointer: *const u8,
    index: Axes,
    steps: Option<Axes>,
}

impl PlacesOfTable {
    fn rule(&self) -> Rule {
        Rule { length: self.length, stride: self.stride, start: self.start }
    }
}

/// A selection ready to be run: where the elements of its outer axes lie; distances in bytes.
struct Places {
    offset: i64,
    known: Axes,
    tables: Vec<PlacesOfTable>,
    rank: usize,
    level: Level,
}

// SAFETY: the pointers lead to index arrays that are only read, and that the selection holds.
unsafe impl Sync for Places {}

/// How a table's numbers become distances.
struct Rule {
    length: i64,
    stride: i64,
    /// Added to each number first.
    start: i64,
}

impl Rule {
    /// Adds what the numbers (and the steps beside them) come to, in bytes, to the offsets, or to `first`, which all of them then begin
    /// with; gives the first number that is out of bounds, or how many there are. What lies behind that one is unspecified.
    ///
    /// # Safety
    /// The machine has the level.
    unsafe fn add(
        &self,
        level: Level,
        numbers: &[i64],
        steps: Option<&[i64]>,
        (first, offsets): (Option<i64>, &mut [i64]),
    ) -> usize {
        // SAFETY: the caller's promise.
        let inside = unsafe {
            match level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => self.add_avx512(numbers, steps, first, offsets),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => self.add_avx2(numbers, steps, first, offsets),
                _ => self.add_all(numbers, steps, first, offsets),
            }
        };
        let step = |place: usize| steps.map_or(0, |steps| steps[place]);
        match inside {
            true => numbers.len(),
            false => (0..numbers.len()).position(|place| self.place(numbers[place], step(place)).1).unwrap_or(0),
        }
    }

    /// The place that a number stands for, and whether it is out of bounds.
    #[inline(always)]
    fn place(&self, number: i64, step: i64) -> (i64, bool) {
        let number = number.saturating_add(self.start).saturating_add(step);
        let place = number.wrapping_add(if number < 0 { self.length } else { 0 });
        (place, place < 0 || place >= self.length)
    }

    /// All places without a branch, so that vectors do it; gives whether all are in bounds.
    #[inline(always)]
    fn add_all(&self, numbers: &[i64], steps: Option<&[i64]>, first: Option<i64>, offsets: &mut [i64]) -> bool {
        let mut outside = false;
        let places = numbers.iter().zip(offsets);
        match (steps, first) {
            // A product of 64 bits takes vectors several instructions, a shift one.
            (None, Some(first)) if self.start == 0 && self.stride > 0 && self.stride.count_ones() == 1 => {
                let shift = self.stride.trailing_zeros();
                for (&number, offset) in places {
                    let place = number.wrapping_add(self.length & (number >> 63));
                    outside |= place as u64 >= self.length as u64;
                    *offset = first.wrapping_add(place << shift);
                }
            }
            (None, _) if self.start == 0 => {
                for (&number, offset) in places {
                    let place = number.wrapping_add(self.length & (number >> 63));
                    outside |= place as u64 >= self.length as u64;
                    *offset = first.unwrap_or(*offset).wrapping_add(place.wrapping_mul(self.stride));
                }
            }
            _ => {
                for (index, (&number, offset)) in places.enumerate() {
                    let (place, is_outside) = self.place(number, steps.map_or(0, |steps| steps[index]));
                    outside |= is_outside;
                    *offset = first.unwrap_or(*offset).wrapping_add(place.wrapping_mul(self.stride));
                }
            }
        }
        !outside
    }

    /// Copies the elements of 8 bytes that the numbers stand for; false: one is out of bounds, and the rest is unspecified.
    ///
    /// # Safety
    /// The elements at all places of the axis are readable, the first at `from`, and there is room for as many as there are numbers. The
    /// machine has AVX-512 F, DQ, VL and BW.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
    unsafe fn words(&self, numbers: &[i64], from: *const u8, to: *mut i64) -> bool {
        use std::arch::x86_64::*;
        let (groups, rest) = numbers.as_chunks::<8>();
        let mut inside = u8::MAX;
        // SAFETY: the caller's promise; what is out of bounds is not read.
        unsafe {
            for (index, group) in groups.iter().enumerate() {
                let (offsets, valid) = self.eight(group);
                let found = _mm512_mask_i64gather_epi64::<1>(_mm512_setzero_si512(), valid, offsets, from.cast());
                _mm512_storeu_si512(to.add(index * 8).cast(), found);
                inside &= valid;
            }
            inside == u8::MAX && self.one_by_one(rest, from, to.add(groups.len() * 8))
        }
    }

    /// The same of 4 bytes.
    ///
    /// # Safety
    /// As [`Rule::words`].
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
    unsafe fn halves(&self, numbers: &[i64], from: *const u8, to: *mut i32) -> bool {
        use std::arch::x86_64::*;
        let (groups, rest) = numbers.as_chunks::<8>();
        let mut inside = u8::MAX;
        // SAFETY: as there.
        unsafe {
            for (index, group) in groups.iter().enumerate() {
                let (offsets, valid) = self.eight(group);
                let found = _mm512_mask_i64gather_epi32::<1>(_mm256_setzero_si256(), valid, offsets, from.cast());
                _mm256_storeu_si256(to.add(index * 8).cast(), found);
                inside &= valid;
            }
            inside == u8::MAX && self.one_by_one(rest, from, to.add(groups.len() * 8))
        }
    }

    /// How far the places of eight numbers lie from the first, in bytes, and which are in bounds.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
    fn eight(&self, numbers: &[i64; 8]) -> (std::arch::x86_64::__m512i, u8) {
        use std::arch::x86_64::*;
        let length = _mm512_set1_epi64(self.length);
        // SAFETY: the numbers are a vector's bytes.
        let numbers = unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) };
        let places = _mm512_mask_add_epi64(numbers, _mm512_movepi64_mask(numbers), numbers, length);
        let offsets = match self.stride {
            8 => _mm512_slli_epi64::<3>(places),
            4 => _mm512_slli_epi64::<2>(places),
            stride => _mm512_mullo_epi64(places, _mm512_set1_epi64(stride)),
        };
        (offsets, _mm512_cmplt_epu64_mask(places, length))
    }

    /// # Safety
    /// As [`Rule::words`].
    #[cfg(target_arch = "x86_64")]
    unsafe fn one_by_one<T: Copy>(&self, numbers: &[i64], from: *const u8, to: *mut T) -> bool {
        for (index, &number) in numbers.iter().enumerate() {
            let (place, is_outside) = self.place(number, 0);
            if is_outside {
                return false;
            }
            // SAFETY: the caller's promise, for a place in bounds.
            unsafe {
                let element = from.offset((place * self.stride) as isize).cast::<T>().read_unaligned();
                to.add(index).write_unaligned(element);
            }
        }
        true
    }

    /// # Safety
    /// The machine has AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn add_avx2(&self, numbers: &[i64], steps: Option<&[i64]>, first: Option<i64>, offsets: &mut [i64]) -> bool {
        self.add_all(numbers, steps, first, offsets)
    }

    /// # Safety
    /// The machine has AVX-512 F, DQ, VL and BW.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
    unsafe fn add_avx512(
        &self,
        numbers: &[i64],
        steps: Option<&[i64]>,
        first: Option<i64>,
        offsets: &mut [i64],
    ) -> bool {
        self.add_all(numbers, steps, first, offsets)
    }
}

/// What one thread computes places in.
struct Desk {
    offsets: Short<i64>,
    numbers: Vec<i64>,
    steps: Vec<i64>,
    index: Short<usize>,
}

impl Places {
    /// For as many places at a time as there are, but no more than `PLACES`. `has_code`: [`Places::copied`] takes all of them.
    fn desk(&self, places: usize, has_code: bool) -> Desk {
        let places = places.min(PLACES);
        let buffer = |is_needed: bool| vec![0; if is_needed { places } else { 0 }];
        let is_copied = |table: &PlacesOfTable| !matches!(table.index[..], [(_, 8)]);
        Desk {
            offsets: Short::from_elem(0, if has_code { 0 } else { places }),
            numbers: buffer(self.tables.iter().any(is_copied)),
            steps: buffer(self.tables.iter().any(|table| table.steps.is_some())),
            index: Short::from_elem(0, self.rank + 1),
        }
    }

    /// The one table whose numbers, side by side, are all that tells the places.
    fn simple(&self) -> Option<&PlacesOfTable> {
        match (&self.tables[..], &self.known[..]) {
            ([table], [] | [(_, 0)])
                if table.steps.is_none() && table.start == 0 && matches!(table.index[..], [(_, 8)]) =>
            {
                Some(table)
            }
            _ => None,
        }
    }

    /// Whether there is code that finds and copies elements of `size` bytes at once.
    fn has_code(&self, size: usize) -> bool {
        self.level == Level::Avx512 && matches!(size, 4 | 8) && self.simple().is_some()
    }

    /// Copies the elements at the places from `start` on by such code: the first index that is out of bounds, or `length`; `None` where
    /// there is none.
    ///
    /// # Safety
    /// As [`Places::find`]; the array begins at `from`, and `to` has room for the elements.
    unsafe fn copied(
        &self,
        (start, length): (usize, usize),
        from: *const u8,
        size: usize,
        to: *mut u8,
    ) -> Option<usize> {
        let table = self.simple()?;
        let rule = table.rule();
        // SAFETY: the caller's promise: the index array has a number for each place.
        unsafe {
            let numbers = std::slice::from_raw_parts(table.pointer.add(start * 8).cast(), length);
            let from = from.wrapping_offset(self.offset as isize);
            let inside = match size {
                #[cfg(target_arch = "x86_64")]
                8 => rule.words(numbers, from, to.cast()),
                #[cfg(target_arch = "x86_64")]
                4 => rule.halves(numbers, from, to.cast()),
                _ => return None,
            };
            Some(match inside {
                true => length,
                false => numbers.iter().position(|&number| rule.place(number, 0).1).unwrap_or(0),
            })
        }
    }

    /// Computes `length` offsets, in bytes, from the place `start` on. Of the indices that are out of bounds the first one
    /// comes back: its place, and the table as the instruction.
    ///
    /// # Safety
    /// The places are in the selection, no more than the desk was made for, and the index arrays live.
    unsafe fn find(&self, desk: &mut Desk, start: usize, length: usize) -> Option<Fault> {
        let Desk { offsets, numbers, steps, index } = desk;
        // Where no axis is a range or a number for each place, all begin alike.
        let alike = matches!(self.known[..], [] | [(_, 0)]);
        if !alike {
            // SAFETY: the desk's buffers have room for the places that they were made for.
            unsafe { count(self.offset, &self.known, index, start, length, offsets.as_mut_ptr()) };
        } else if self.tables.is_empty() {
            offsets[..length].fill(self.offset);
        }
        let mut fault = None;
        let mut limit = length;
        for (instruction, table) in self.tables.iter().enumerate() {
            let rule = table.rule();
            // SAFETY: the caller's promise: the index array has an element for each place of the selection; the level is one
            // that the machine has.
            let bound = unsafe {
                let numbers = match table.index[..] {
                    [(_, 8)] => std::slice::from_raw_parts(table.pointer.add(start * 8).cast(), limit),
                    _ => {
                        gather(table.pointer, 8, &table.index, index, start, limit, numbers.as_mut_ptr().cast());
                        &numbers[..limit]
                    }
                };
                let steps = table.steps.as_ref().map(|axes| {
                    count(0, axes, index, start, limit, steps.as_mut_ptr());
                    &steps[..limit]
                });
                let first = (alike && instruction == 0).then_some(self.offset);
                rule.add(self.level, numbers, steps, (first, &mut offsets[..limit]))
            };
            if bound < limit {
                fault = Some(Fault { element: start + bound, instruction });
                limit = bound;
            }
        }
        fault
    }
}

impl<'a> Run<'a> {
    /// How far the element that indices of rank 0 select lies from the first one, in elements.
    fn element(
        &self,
        shape: &[usize],
        strides: &[isize],
        axes: &[IndexPlace],
        span: Span,
    ) -> Result<isize, Diagnostic> {
        let mut offset = 0;
        for (axis, place) in axes.iter().enumerate() {
            let index = place.index.map_or(0, |index| self.integer(index));
            let number = index.saturating_add(place.place.start as i64);
            let Some(position) = position(number, shape[axis]) else {
                return Err(out_of_bounds(number, axis, shape[axis], &[], span));
            };
            offset += position as isize * strides[axis];
        }
        Ok(offset)
    }

    /// The number that a value of one element is.
    fn lone(&self, value: ValueId) -> Option<i64> {
        match &self.values[value] {
            Slot::Single(single) => single.scalar().as_integer().map(|number| number as i64),
            slot => {
                let array = slot.array().filter(|array| array.len() == 1)?;
                array.iter().next().and_then(|scalar| scalar.as_integer()).map(|number| number as i64)
            }
        }
    }

    /// Where the places on an axis begin that its known part, and a single number beside it, tell; `None`: an array of indices has a say in
    /// them, or not all are on the axis.
    fn start(&self, &IndexPlace { place, index }: &IndexPlace, length: usize, shape: &[usize]) -> Option<isize> {
        let Some(index) = index else { return Some(place.start as isize) };
        let (count, step) = place.axis.map_or((1, 0), |own| (shape[own], place.step));
        straight(self.lone(index)?.saturating_add(place.start as i64), step as i64, count, length)
    }

    /// A selection that no array of indices has a say in, and whose places are all on their axes: how far its first element is from the
    /// array's, and the distances along its axes, in elements. `None`: it may be another, or one that is out of bounds.
    fn located(
        &self,
        lengths: &[usize],
        strides: &[isize],
        axes: &[IndexPlace],
        shape: &[usize],
    ) -> Option<(isize, Short<isize>)> {
        let mut offset = 0;
        let mut along: Short<isize> = Short::from_elem(0, shape.len());
        for ((axis, &length), &stride) in axes.iter().zip(lengths).zip(strides) {
            offset += self.start(axis, length, shape)? * stride;
            if let Some(own) = axis.place.axis {
                along[own] += axis.place.step * stride;
            }
        }
        Some((offset, along))
    }

    /// The selection that indices make in an array of this shape and these strides.
    fn selection(
        &self,
        lengths: &[usize],
        strides: &[isize],
        axes: &[IndexPlace],
        shape: &[usize],
        span: Span,
    ) -> Result<Selection, Diagnostic> {
        let mut selection = Selection {
            shape: Short::from_slice(shape),
            outer: 0,
            offset: 0,
            strides: Short::from_elem(0, shape.len()),
            tables: Vec::new(),
        };
        for (axis, indexed @ IndexPlace { place, index }) in axes.iter().enumerate() {
            let (length, stride) = (lengths[axis], strides[axis]);
            let step = if place.axis.is_some() { place.step } else { 0 };
            let known = self.start(indexed, length, shape);
            let index = index.map(|index| self.array(index));
            match (known, index) {
                (Some(start), _) => {
                    selection.offset += start * stride;
                    if let Some(own) = place.axis {
                        selection.strides[own] += step * stride;
                    }
                }
                (None, Some(index)) => {
                    let mut steps = vec![0; shape.len()];
                    if let Some(own) = place.axis {
                        steps[own] = step as i64;
                    }
                    let missing = shape.len() - index.rank();
                    let last = (0..shape.len())
                        .filter(|&own| steps[own] != 0 || (own >= missing && index.shape()[own - missing] != 1))
                        .max();
                    selection.outer = selection.outer.max(last.map_or(0, |last| last + 1));
                    let start = place.start as i64;
                    selection.tables.push(Table { axis, length, stride, start, steps, index });
                }
                (None, None) => unreachable!("without an index the place is known"),
            }
        }
        // A table that depends on no axis has one number, which is out of bounds.
        if selection.outer == 0
            && let Some(table) = selection.tables.first()
        {
            let number = selection.number_at(table, 0);
            return Err(out_of_bounds(number, table.axis, table.length, &[], span));
        }
        Ok(selection)
    }

    /// Elements at indices that the run tells: the step's result.
    pub(super) fn gather(&mut self, value: ValueId, axes: &[IndexPlace], step: &Step) -> Result<(), Diagnostic> {
        let (array_type, result) = (&step.types[0], step.results[0]);
        let Some(array) = self.values[value].array() else {
            self.values[result] = self.values[value].clone();
            return Ok(());
        };
        if array_type.shape.is_empty() {
            let offset = self.element(array.shape(), array.strides(), axes, step.span)?;
            let pointer = array.data_pointer().wrapping_offset(offset * array.dtype().size() as isize);
            // SAFETY: the indices were checked.
            self.values[result] = Slot::Single(unsafe { Single::read(pointer, array.dtype()) });
            return Ok(());
        }
        if let Some((offset, strides)) = self.located(array.shape(), array.strides(), axes, &array_type.shape) {
            match array.view(array.offset().wrapping_add_signed(offset), &array_type.shape, &strides) {
                Some(view) => self.values[result] = Slot::Array(view),
                None => unreachable!("the checker has checked what is known, and the run the rest"),
            }
            return Ok(());
        }
        let array = self.looked_up(array, axes, step)?;
        self.values[result] = Slot::Array(array);
        Ok(())
    }

    /// The elements of an array at indices of which some are arrays, or out of bounds.
    fn looked_up(&self, array: &Array, axes: &[IndexPlace], step: &Step) -> Result<Array, Diagnostic> {
        let array_type = &step.types[0];
        let selection = self.selection(array.shape(), array.strides(), axes, &array_type.shape, step.span)?;
        if selection.count() == 0 {
            selection.check(step.span)?;
        }
        let block = Array::unwritten(array_type.dtype, &array_type.shape, self.context.pool)
            .map_err(|refusal| out_of_memory(array_type, refusal, step.span))?;
        if selection.count() > 0 {
            // SAFETY: the block has room for the selection, and the array lives.
            unsafe { self.look_up(&selection, array, block.pointer(), step)? };
        }
        // SAFETY: every element has been written.
        Ok(unsafe { written(array_type.dtype, &array_type.shape, block) })
    }

    /// Copies a selection's elements, in C order.
    ///
    /// # Safety
    /// `to` has room for them.
    unsafe fn look_up(&self, selection: &Selection, array: &Array, to: *mut u8, step: &Step) -> Result<(), Diagnostic> {
        let size = array.dtype().size();
        let places = selection.places(size, self.plan.level);
        let inner = selection.inner();
        let axes = inner_axes(selection, size);
        let has_code = inner == 1 && places.has_code(size);
        let outer = elements(&selection.shape[..selection.outer]);
        let drive = self.drive(&step.site);
        let unit = drive.unit(outer, (UNIT / inner).clamp(1, UNIT));
        let ends = Ends(array.data_pointer(), to);
        let outcome = drive.units(
            outer.div_ceil(unit),
            1,
            |index| index * unit,
            || places.desk(unit, has_code),
            |desk, index| {
                let Ends(from, to) = &ends;
                let end = outer.min((index + 1) * unit);
                let mut start = index * unit;
                while start < end {
                    let length = PLACES.min(end - start);
                    // SAFETY: the places are in the selection; those found are in the array; the results have room.
                    unsafe {
                        let to = to.add(start * inner * size);
                        let copied = if has_code { places.copied((start, length), *from, size, to) } else { None };
                        match copied {
                            Some(bound) if bound < length => {
                                return Some(Fault { element: start + bound, instruction: 0 });
                            }
                            Some(_) => {
                                start += length;
                                continue;
                            }
                            None => {}
                        }
                        let fault = places.find(desk, start, length);
                        if fault.is_some() {
                            return fault;
                        }
                        copy_out(*from, size, &desk.offsets[..length], &axes, inner, &mut desk.index, to);
                    }
                    start += length;
                }
                None
            },
        );
        outcome.map_err(|stop| match stop {
            Stop::Fault(fault) => selection.fault(fault, step.span),
            Stop::Cancelled | Stop::OutOfMemory(_) => interrupted(step.span),
        })
    }

    /// The value with some elements replaced, where it lies if nothing else needs it, otherwise in a copy: the step's result.
    pub(super) fn update(&mut self, update: &UpdateStep, step: &Step) -> Result<(), Diagnostic> {
        let result = step.results[0];
        self.values[result] = match self.hand(update.value).held() {
            Slot::Array(array) if update.shape.is_empty() => self.update_element(array, update, step)?,
            Slot::Array(array) => Slot::Array(self.update_array(array, update, step)?),
            value => self.update_single(value, update, step)?,
        };
        Ok(())
    }

    fn update_array(&mut self, array: Array, update: &UpdateStep, step: &Step) -> Result<Array, Diagnostic> {
        let located = self.located(array.shape(), array.strides(), &update.axes, &update.shape);
        if located.is_none() {
            let selection = self.selection(array.shape(), array.strides(), &update.axes, &update.shape, step.span)?;
            if selection.count() == 0 {
                selection.check(step.span)?;
            }
        }
        if update.shape.contains(&0) {
            return Ok(array);
        }
        let mut new = self.hand(update.new).into_array();
        let mut array = array;
        if std::ptr::eq(&**new.buffer(), &**array.buffer()) && new.len() < array.len() {
            // The smaller of the two is copied.
            new = new.copy(self.context.pool).map_err(|refusal| out_of_memory(&type_of(&new), refusal, step.span))?;
        }
        array = self.writable(array, step.span)?;
        // A copy lies in order, whatever lay there before.
        let located = located.and_then(|_| self.located(array.shape(), array.strides(), &update.axes, &update.shape));
        if let Some((offset, strides)) = located {
            let size = array.dtype().size();
            let to = start_of(&mut array).wrapping_offset(offset * size as isize);
            let strides = strides.iter().map(|stride| stride * size as isize);
            let of_new = strides_in(&new, &update.shape);
            let axes = merge_pairs(
                update.shape.iter().zip(strides).zip(of_new).map(|((&length, to), from)| (length, to, from)),
            );
            // SAFETY: the places are in the array, which nothing else holds, and `new` broadcasts to them.
            unsafe {
                match &update.combine {
                    None => copy_block(to, new.data_pointer(), size, &axes),
                    Some(combine) => {
                        let mut stage = Stage::new(if axes.is_empty() { 0 } else { STAGE }, size);
                        if let Some(faulty) = combine_block(combine, to, new.data_pointer(), &axes, &mut stage) {
                            return Err(combine.fault(&unravel(&update.shape, faulty), step.span));
                        }
                    }
                }
            }
            return Ok(array);
        }
        let selection = self.selection(array.shape(), array.strides(), &update.axes, &update.shape, step.span)?;
        let to = start_of(&mut array);
        // SAFETY: `to` is where the array lies, which nothing else holds; the selection was made for it.
        unsafe { self.write(&selection, to, &new, update, step)? };
        Ok(array)
    }

    /// A value of rank 0 has one element, which every selection selects.
    fn update_single(&mut self, value: Slot, update: &UpdateStep, step: &Step) -> Result<Slot<'static>, Diagnostic> {
        let (Slot::Single(old), true) = (&value, update.shape.is_empty()) else {
            let mut array = value.into_array();
            let new = self.array(update.new.value);
            array = self.writable(array, step.span)?;
            let selection = self.selection(&[], &[], &[], &update.shape, step.span)?;
            let Some(to) = array.data_pointer_mut() else { unreachable!("it has just been made writable") };
            if selection.count() > 0 {
                // SAFETY: as in `update`.
                unsafe { self.write(&selection, to, &new, update, step)? };
            }
            return Ok(Slot::Array(array));
        };
        let mut single = self.single(update.new.value);
        if let Some(combine) = &update.combine {
            let new = single;
            single = *old;
            let to = single.element.0.as_mut_ptr();
            // SAFETY: both are elements of the value's dtype.
            let is_faulty = unsafe { combine.apply(to, new.element.0.as_ptr(), to, 1) } == Some(0);
            if is_faulty {
                return Err(combine.fault(&[], step.span));
            }
        }
        Ok(Slot::Single(single))
    }

    /// One element of an array.
    fn update_element(&mut self, array: Array, update: &UpdateStep, step: &Step) -> Result<Slot<'static>, Diagnostic> {
        let new = self.single(update.new.value);
        let mut array = self.writable(array, step.span)?;
        let offset = self.element(array.shape(), array.strides(), &update.axes, step.span)?;
        let size = array.dtype().size();
        let Some(first) = array.data_pointer_mut() else { unreachable!("it has just been made writable") };
        let to = first.wrapping_offset(offset * size as isize);
        // SAFETY: the indices were checked, and nothing else holds the array.
        unsafe {
            match &update.combine {
                None => std::ptr::copy_nonoverlapping(new.element.0.as_ptr(), to, size),
                Some(combine) if combine.apply(to, new.element.0.as_ptr(), to, 1).is_some() => {
                    return Err(combine.fault(&[], step.span));
                }
                Some(_) => {}
            }
        }
        Ok(Slot::Array(array))
    }

    /// The array itself when its elements can be written, each by itself, otherwise a copy. Small parts of it that are still needed
    /// are copied in its place: they were taken before, as when two elements are swapped.
    pub(super) fn writable(&mut self, mut array: Array, span: Span) -> Result<Array, Diagnostic> {
        if is_injective(&array) {
            if array.data_pointer_mut().is_some() {
                return Ok(array);
            }
            self.let_go(&array, span)?;
            if array.data_pointer_mut().is_some() {
                return Ok(array);
            }
        }
        array.copy(self.context.pool).map_err(|refusal| out_of_memory(&type_of(&array), refusal, span))
    }

    /// Gives small views of an array memory of their own.
    fn let_go(&mut self, array: &Array, span: Span) -> Result<(), Diagnostic> {
        let pool = self.context.pool;
        for slot in &mut self.values {
            let Slot::Array(view) = slot else { continue };
            let is_part = Arc::ptr_eq(view.buffer(), array.buffer());
            if is_part && view.len().saturating_mul(PARTS) <= array.len() {
                let copy = view.copy(pool).map_err(|refusal| out_of_memory(&type_of(view), refusal, span))?;
                *slot = Slot::Array(copy);
            }
        }
        Ok(())
    }

    /// Writes a selection's elements, in C order.
    ///
    /// # Safety
    /// The selection was made for the array at `to`, which nothing else holds.
    unsafe fn write(
        &self,
        selection: &Selection,
        to: *mut u8,
        new: &Array,
        update: &UpdateStep,
        step: &Step,
    ) -> Result<(), Diagnostic> {
        let size = new.dtype().size();
        let places = selection.places(size, self.plan.level);
        let strides: Short<isize> = strides_in(new, &selection.shape).collect();
        let known = merge(selection.shape[..selection.outer].iter().copied().zip(strides.iter().copied()));
        let inner = (selection.outer..selection.shape.len())
            .map(|axis| (selection.shape[axis], selection.strides[axis] * size as isize, strides[axis]));
        let inner = merge_pairs(inner);
        let outer = elements(&selection.shape[..selection.outer]);
        let mut desk = places.desk(outer, false);
        let mut sources: Short<i64> = Short::from_elem(0, outer.min(PLACES));
        let mut stage = Stage::new(if inner.is_empty() || update.combine.is_some() { STAGE } else { 0 }, size);
        let mut start = 0;
        while start < outer {
            if self.context.cancel.is_cancelled() {
                return Err(interrupted(step.span));
            }
            let length = PLACES.min(outer - start);
            // SAFETY: the places are in the selection, those found are in the array, and `new` broadcasts to the selection.
            unsafe {
                if let Some(fault) = places.find(&mut desk, start, length) {
                    return Err(selection.fault(fault, step.span));
                }
                count(0, &known, &mut desk.index, start, length, sources.as_mut_ptr());
                if inner.is_empty() {
                    let (offsets, sources) = (&desk.offsets[..length], &sources[..length]);
                    let faulty = write_elements(update.combine.as_ref(), to, offsets, new, sources, &mut stage);
                    if let (Some(faulty), Some(combine)) = (faulty, &update.combine) {
                        return Err(combine.fault(&unravel(&selection.shape, start + faulty), step.span));
                    }
                    start += length;
                    continue;
                }
                for (place, (&offset, &source)) in desk.offsets[..length].iter().zip(&sources).enumerate() {
                    let (to, from) = (to.offset(offset as isize), new.data_pointer().offset(source as isize));
                    match &update.combine {
                        None => copy_block(to, from, size, &inner),
                        Some(combine) => {
                            if let Some(faulty) = combine_block(combine, to, from, &inner, &mut stage) {
                                let at = (start + place) * selection.inner() + faulty;
                                return Err(combine.fault(&unravel(&selection.shape, at), step.span));
                            }
                        }
                    }
                }
            }
            start += length;
        }
        Ok(())
    }

    /// The first index of a slice and its number of elements.
    pub(super) fn slice_bounds(
        &self,
        length: usize,
        start: Option<ValueId>,
        stop: Option<ValueId>,
        step: i64,
    ) -> [Slot<'static>; 2] {
        let [start, stop] = [start, stop].map(|value| value.map(|value| self.integer(value)));
        slice_bounds(length, start, stop, step).map(|number| Slot::Single(Single::of(Scalar::i64(number))))
    }
}

/// Where `start:stop:step` begins and how many elements it has, as Python clamps it.
pub(super) fn slice_bounds(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> [i64; 2] {
    let length = length as i64;
    let (lowest, highest) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let clamp = |number: i64| {
        let number = if number < 0 { number.saturating_add(length) } else { number };
        number.clamp(lowest, highest)
    };
    let first = start.map_or(if step < 0 { highest } else { lowest }, clamp);
    let end = stop.map_or(if step < 0 { lowest } else { highest }, clamp);
    let distance = if step < 0 { first - end } else { end - first };
    let count = if distance <= 0 { 0 } else { (distance - 1) / step.saturating_abs() + 1 };
    [first, count]
}

/// The first place of `count` evenly spaced ones on an axis, when an index below 0 counts from the end and all of them lie on
/// the axis without going around its end.
fn straight(first: i64, step: i64, count: usize, length: usize) -> Option<isize> {
    if count == 0 {
        return Some(0);
    }
    let last = first.checked_add(step.checked_mul(count as i64 - 1)?)?;
    let from_end = if first < 0 && last < 0 { length as i64 } else { 0 };
    let (first, last) = (first + from_end, last + from_end);
    let lies = |number: i64| number >= 0 && number < length as i64;
    (lies(first) && lies(last)).then_some(first as isize)
}

pub(super) fn type_of(array: &Array) -> ArrayType {
    ArrayType::new(array.dtype(), array.shape())
}

/// Whether no two elements lie at one place.
fn is_injective(array: &Array) -> bool {
    if array.is_contiguous() {
        return true;
    }
    let axes = array.shape().iter().zip(array.strides()).filter(|(length, _)| **length != 1);
    let mut axes: Short<(usize, usize)> = axes.map(|(&length, stride)| (stride.unsigned_abs(), length)).collect();
    axes.sort_unstable();
    let mut reach = 0;
    axes.into_iter().all(|(stride, length)| {
        let is_apart = stride > reach;
        reach += stride * (length - 1);
        is_apart
    })
}

/// The distances in an array along the axes of a shape that it broadcasts to, in bytes.
fn strides_in<'a>(array: &'a Array, shape: &[usize]) -> impl Iterator<Item = isize> + use<'a> {
    let missing = shape.len() - array.rank();
    (0..shape.len()).map(move |axis| match axis.checked_sub(missing) {
        Some(own) if array.shape()[own] != 1 => array.strides()[own] * array.dtype().size() as isize,
        _ => 0,
    })
}

/// The axes behind a place, in bytes.
fn inner_axes(selection: &Selection, size: usize) -> Axes {
    let axes = (selection.outer..selection.shape.len())
        .map(|axis| (selection.shape[axis], selection.strides[axis] * size as isize));
    merge(axes)
}

/// As `merge`, of two arrays at once.
fn merge_pairs(axes: impl Iterator<Item = (usize, isize, isize)>) -> Short<(usize, isize, isize)> {
    let mut merged: Short<(usize, isize, isize)> = Short::new();
    for (length, one, other) in axes {
        match merged.last_mut() {
            _ if length == 1 => {}
            Some(outer) if outer.1 == one * length as isize && outer.2 == other * length as isize => {
                *outer = (outer.0 * length, one, other);
            }
            _ => merged.push((length, one, other)),
        }
    }
    merged
}

/// Copies the blocks at some places one behind the other.
///
/// # Safety
/// The blocks are readable, and `to` has room for them.
pub(super) unsafe fn copy_out(
    from: *const u8,
    size: usize,
    offsets: &[i64],
    axes: &[(usize, isize)],
    inner: usize,
    index: &mut [usize],
    to: *mut u8,
) {
    /// # Safety
    /// As the whole, in elements of `T`.
    unsafe fn elements<T: Copy>(from: *const u8, offsets: &[i64], to: *mut u8) {
        for (place, &offset) in offsets.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                let element = from.offset(offset as isize).cast::<T>().read_unaligned();
                to.cast::<T>().add(place).write_unaligned(element);
            }
        }
    }
    // SAFETY: the caller's promise; an element is copied as a word of its size.
    unsafe {
        match (axes, size) {
            ([], 1) => elements::<u8>(from, offsets, to),
            ([], 2) => elements::<u16>(from, offsets, to),
            ([], 4) => elements::<u32>(from, offsets, to),
            ([], 8) => elements::<u64>(from, offsets, to),
            ([], _) => elements::<[u64; 2]>(from, offsets, to),
            (&[(length, stride)], _) if stride == size as isize && length * size == 16 => {
                elements::<[u64; 2]>(from, offsets, to);
            }
            (&[(length, stride)], _) if stride == size as isize && length * size == 32 => {
                elements::<[u64; 4]>(from, offsets, to);
            }
            (&[(length, stride)], _) if stride == size as isize => {
                let bytes = length * size;
                for (place, &offset) in offsets.iter().enumerate() {
                    std::ptr::copy_nonoverlapping(from.offset(offset as isize), to.add(place * bytes), bytes);
                }
            }
            _ => {
                for (place, &offset) in offsets.iter().enumerate() {
                    let to = to.add(place * inner * size);
                    gather(from.offset(offset as isize), size, axes, index, 0, inner, to);
                }
            }
        }
    }
}

/// Copies a block from one array to another, axis by axis: lengths, and distances in bytes in each.
///
/// # Safety
/// The one is readable there, the other writable, and they are apart.
unsafe fn copy_block(to: *mut u8, from: *const u8, size: usize, axes: &[(usize, isize, isize)]) {
    // SAFETY: the caller's promise; an element is copied as a word of its size.
    unsafe {
        match *axes {
            [] => std::ptr::copy_nonoverlapping(from, to, size),
            [(length, one, other)] => match size {
                _ if one == size as isize && other == one => std::ptr::copy_nonoverlapping(from, to, length * size),
                1 => copy_run::<u8>(to, from, length, one, other),
                2 => copy_run::<u16>(to, from, length, one, other),
                4 => copy_run::<u32>(to, from, length, one, other),
                8 => copy_run::<u64>(to, from, length, one, other),
                _ => copy_run::<[u64; 2]>(to, from, length, one, other),
            },
            [(length, one, other), ref inner @ ..] => {
                for index in 0..length as isize {
                    copy_block(to.offset(index * one), from.offset(index * other), size, inner);
                }
            }
        }
    }
}

/// # Safety
/// As [`copy_block`], in elements of `T`.
unsafe fn copy_run<T: Copy>(to: *mut u8, from: *const u8, length: usize, one: isize, other: isize) {
    // SAFETY: the caller's promise.
    unsafe {
        if other == 0 && one == size_of::<T>() as isize {
            let element = from.cast::<T>().read_unaligned();
            for index in 0..length {
                to.cast::<T>().add(index).write_unaligned(element);
            }
            return;
        }
        for index in 0..length as isize {
            let element = from.offset(index * other).cast::<T>().read_unaligned();
            to.offset(index * one).cast::<T>().write_unaligned(element);
        }
    }
}

/// How many elements are combined at once where they do not lie side by side.
const STAGE: usize = PLACES;

/// How many places are known apart at once, and how many are combined at once then: fewer, because two of them soon share a mark.
const MARKS: usize = 4096;
const APART: usize = 128;

/// Elements on their way through a kernel.
struct Stage {
    old: Vec<u8>,
    new: Vec<u8>,
    size: usize,
    /// The time at which a place with this mark was last seen.
    seen: Vec<u32>,
    time: u32,
}

impl Stage {
    fn new(elements: usize, size: usize) -> Stage {
        Stage { old: vec![0; elements * size], new: vec![0; elements * size], size, seen: Vec::new(), time: 0 }
    }

    /// How many of the first places certainly differ from each other: at least one.
    fn apart(&mut self, offsets: &[i64]) -> usize {
        self.time = self.time.wrapping_add(1);
        if self.seen.is_empty() || self.time == 0 {
            self.seen = vec![0; MARKS];
            self.time = 1;
        }
        let mut is_new = |offset: &i64| {
            let mark = (*offset as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
            std::mem::replace(&mut self.seen[mark as usize % MARKS], self.time) != self.time
        };
        offsets.iter().take(APART).take_while(|offset| is_new(offset)).count().max(1)
    }
}

/// Writes single elements at some places, at most [`PLACES`], or combines them with what is there; the index of the first that has no
/// answer comes back.
///
/// # Safety
/// The places are in the one array, which nothing else holds, and the sources in the other; each is a distance in bytes.
unsafe fn write_elements(
    combine: Option<&Combine>,
    to: *mut u8,
    offsets: &[i64],
    new: &Array,
    sources: &[i64],
    stage: &mut Stage,
) -> Option<usize> {
    let size = stage.size;
    // SAFETY: the caller's promise; a stage has room for `PLACES` elements.
    unsafe {
        copy_out(new.data_pointer(), size, sources, &[], 1, &mut [], stage.new.as_mut_ptr());
        let Some(combine) = combine else {
            copy_in(to, size, offsets, stage.new.as_ptr());
            return None;
        };
        let mut start = 0;
        while start < offsets.len() {
            // Equal places are combined one after the other, others at once.
            let count = stage.apart(&offsets[start..]);
            let offsets = &offsets[start..start + count];
            let (old, new) = (stage.old.as_mut_ptr(), stage.new.as_ptr().add(start * size));
            copy_out(to, size, offsets, &[], 1, &mut [], old);
            if let Some(first) = combine.apply(old, new, old, count) {
                return Some(start + first);
            }
            copy_in(to, size, offsets, old);
            start += count;
        }
    }
    None
}

/// Writes packed elements at some places, in order.
///
/// # Safety
/// The places are writable, and apart from `from`, which has an element for each.
unsafe fn copy_in(to: *mut u8, size: usize, offsets: &[i64], from: *const u8) {
    /// # Safety
    /// As the whole, in elements of `T`.
    unsafe fn elements<T: Copy>(to: *mut u8, offsets: &[i64], from: *const u8) {
        for (place, &offset) in offsets.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                let element = from.cast::<T>().add(place).read_unaligned();
                to.offset(offset as isize).cast::<T>().write_unaligned(element);
            }
        }
    }
    // SAFETY: the caller's promise; an element is copied as a word of its size.
    unsafe {
        match size {
            1 => elements::<u8>(to, offsets, from),
            2 => elements::<u16>(to, offsets, from),
            4 => elements::<u32>(to, offsets, from),
            8 => elements::<u64>(to, offsets, from),
            _ => elements::<[u64; 2]>(to, offsets, from),
        }
    }
}

impl Combine {
    /// Combines elements; the index of the first that has no answer comes back.
    ///
    /// # Safety
    /// As for a [`crate::kernel::BlockFunction`].
    unsafe fn apply(&self, old: *const u8, new: *const u8, to: *mut u8, length: usize) -> Option<usize> {
        let function = if length == 1 { self.single } else { self.function };
        // SAFETY: the caller's promise.
        let first = unsafe { function([old, new].as_ptr(), to, length) };
        (first < length).then_some(first)
    }

    fn fault(&self, at: &[usize], span: Span) -> Diagnostic {
        no_answer(self.fault, at, span)
    }
}

/// Combines a block with another, element by element; the index of the first element that has no answer comes back, counted in C
/// order.
///
/// # Safety
/// As [`copy_block`].
unsafe fn combine_block(
    combine: &Combine,
    to: *mut u8,
    from: *const u8,
    axes: &[(usize, isize, isize)],
    stage: &mut Stage,
) -> Option<usize> {
    let size = stage.size as isize;
    // SAFETY: the caller's promise; a stage has room for `STAGE` elements.
    unsafe {
        match *axes {
            [] => combine.apply(to, from, to, 1),
            [(length, one, other)] if one == size && other == size => combine.apply(to, from, to, length),
            // One element that is combined again and again.
            [(length, 0, other)] => {
                (0..length).find(|&index| combine.apply(to, from.offset(index as isize * other), to, 1).is_some())
            }
            [(length, one, other)] => {
                let mut start = 0;
                while start < length {
                    let count = STAGE.min(length - start);
                    let to = to.offset(start as isize * one);
                    let (old, new) = (stage.old.as_mut_ptr(), stage.new.as_mut_ptr());
                    copy_block(old, to, stage.size, &[(count, size, one)]);
                    copy_block(new, from.offset(start as isize * other), stage.size, &[(count, size, other)]);
                    if let Some(first) = combine.apply(old, new, old, count) {
                        return Some(start + first);
                    }
                    copy_block(to, old, stage.size, &[(count, one, size)]);
                    start += count;
                }
                None
            }
            [(length, one, other), ref inner @ ..] => {
                let behind: usize = inner.iter().map(|axis| axis.0).product();
                (0..length).find_map(|index| {
                    let (to, from) = (to.offset(index as isize * one), from.offset(index as isize * other));
                    Some(index * behind + combine_block(combine, to, from, inner, stage)?)
                })
            }
        }
    }
}
