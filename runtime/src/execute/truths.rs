//! Where a mask is true, and what it selects.

use super::frame::{Run, Single, Slot};
use super::index::{Ends, copy_out, type_of};
use super::line::merge;
use super::threads::{Stop, UNIT};
use super::{interrupted, out_of_memory, written};
use crate::array::Array;
use crate::kernel::Level;
use crate::plan::Step;
use crate::plan::region::{ValueId, elements};
use crate::short::Short;
use std::sync::atomic::{AtomicUsize, Ordering};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::source::Span;

/// How many truths are looked at together.
const CHUNK: usize = 64;

/// How many truths become places at once, which stay in the first cache.
const PLACES: usize = 1024;

impl Run<'_> {
    /// How many elements are true.
    pub(super) fn count(&self, value: ValueId, span: Span) -> Result<Slot<'static>, Diagnostic> {
        let mask = self.mask(value, span)?;
        let truths = mask.as_bytes().unwrap_or_default();
        Ok(Slot::Single(Single::of(Scalar::i64(count(truths) as i64))))
    }

    /// Where they are.
    pub(super) fn positions(&self, value: ValueId, step: &Step) -> Result<Slot<'static>, Diagnostic> {
        let array_type = &step.types[0];
        let mask = self.mask(value, step.span)?;
        let truths = mask.as_bytes().unwrap_or_default();
        let mut array = Array::zeros(array_type.dtype, &array_type.shape, self.context.pool)
            .map_err(|refusal| out_of_memory(array_type, refusal, step.span))?;
        let places = array.as_mut_slice::<i64>().unwrap_or_default();
        // SAFETY: a plan's level is one that the machine has.
        let found = unsafe { positions(self.plan.level, truths, places) };
        if found != places.len() {
            let message = format!("internal error: {found} elements are true where there should be {}", places.len());
            return Err(Diagnostic::error("E0599", message, step.span, ""));
        }
        Ok(Slot::Array(array))
    }

    /// A bool array whose elements lie in order.
    fn mask(&self, value: ValueId, span: Span) -> Result<Array, Diagnostic> {
        let array = self.array(value);
        array.to_contiguous(self.context.pool).map_err(|refusal| out_of_memory(&type_of(&array), refusal, span))
    }

    /// The rows of a value, along its first axis, where a mask is true.
    pub(super) fn compress(&self, value: ValueId, mask: ValueId, step: &Step) -> Result<Slot<'static>, Diagnostic> {
        let (array, mask) = (self.array(value), self.mask(mask, step.span)?);
        let truths = mask.as_bytes().unwrap_or_default();
        assert_eq!(array.shape().first(), Some(&truths.len()), "the plan has looked that each row has a truth");
        let array_type = &step.types[0];
        let (rows, size) = (array_type.shape[0], array.dtype().size());
        let block = Array::unwritten(array_type.dtype, &array_type.shape, self.context.pool)
            .map_err(|refusal| out_of_memory(array_type, refusal, step.span))?;
        let bytes = |stride: isize| stride * size as isize;
        let distance = array.strides().first().map_or(0, |&stride| bytes(stride)) as i64;
        let lengths = array.shape().iter().zip(array.strides());
        let axes = merge(lengths.skip(1).map(|(&length, &stride)| (length, bytes(stride))));
        let inner = elements(&array.shape()[1..]);
        let is_dense = array.rank() == 1 && distance == size as i64;
        let drive = self.drive(&step.site);
        let length = drive.unit(truths.len(), UNIT).next_multiple_of(PLACES);
        let units = truths.len().div_ceil(length);
        // Where the rows of each unit begin: one thread, which takes the units in their order, finds out as it goes.
        let mut begins = Vec::new();
        let mut begin = 0;
        let copied = AtomicUsize::new(0);
        if drive.count() > 1 {
            for unit in truths.chunks(length) {
                begins.push(begin);
                begin += count(unit);
            }
        }
        let ends = Ends(array.data_pointer(), block.pointer());
        let outcome = drive.units(
            units,
            1,
            |unit| unit * length,
            || ([0; PLACES], Short::<usize>::from_elem(0, axes.len()), 0),
            |(places, index, done), unit| {
                let Ends(from, to) = &ends;
                let mut row = begins.get(unit).copied().unwrap_or(*done);
                let first = unit * length;
                for (chunk, truths) in truths[first..truths.len().min(first + length)].chunks(PLACES).enumerate() {
                    let from = from.wrapping_offset((first + chunk * PLACES) as isize * distance as isize);
                    let to = to.wrapping_add(row * inner * size);
                    // SAFETY: a plan's level is one that the machine has; the truths are those of rows of the array, and the results
                    // have room for all rows that are left.
                    let found = unsafe {
                        let picked = match is_dense {
                            true => pick(self.plan.level, truths, (from, size), (to, rows - row)),
                            false => None,
                        };
                        match picked {
                            Some(found) => found,
                            None => {
                                let found = positions(self.plan.level, truths, places);
                                if found > rows - row {
                                    break;
                                }
                                places[..found].iter_mut().for_each(|place| *place *= distance);
                                copy_out(from, size, &places[..found], &axes, inner, index, to);
                                found
                            }
                        }
                    };
                    copied.fetch_add(found, Ordering::Relaxed);
                    row += found;
                }
                *done = row;
                None
            },
        );
        outcome.map_err(|_: Stop| interrupted(step.span))?;
        let copied = copied.into_inner();
        if copied != rows {
            let message = format!("internal error: {copied} elements are true where there should be {rows}");
            return Err(Diagnostic::error("E0599", message, step.span, ""));
        }
        // SAFETY: every row has been written: each found a place of its own, and they are as many as there are.
        Ok(Slot::Array(unsafe { written(array_type.dtype, &array_type.shape, block) }))
    }
}

/// How many are true.
fn count(truths: &[u8]) -> usize {
    let chunk = |chunk: &[u8]| usize::from(chunk.iter().copied().fold(0u8, u8::wrapping_add));
    truths.chunks(255).map(chunk).sum()
}

/// Writes the places of the truths, in order, as long as there is room for them; gives how many there are.
///
/// # Safety
/// The machine has the level.
pub unsafe fn positions(level: Level, truths: &[u8], to: &mut [i64]) -> usize {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller's promise.
        Level::Avx512 => unsafe { compressed(truths, to) },
        _ => stepped(truths, to),
    }
}

/// Every place is written, and the next one goes over it where there was no truth: nothing depends on how the truths lie.
fn stepped(truths: &[u8], to: &mut [i64]) -> usize {
    let mut found = 0;
    for (chunk, truths) in truths.chunks(CHUNK).enumerate() {
        if truths.iter().all(|&truth| truth == 0) {
            continue;
        }
        let mut places = [0; CHUNK];
        let mut count = 0;
        for (at, &truth) in truths.iter().enumerate() {
            places[count] = (chunk * CHUNK + at) as i64;
            count += usize::from(truth != 0);
        }
        if let Some(to) = to.get_mut(found..found + count) {
            to.copy_from_slice(&places[..count]);
        }
        found += count;
    }
    found
}

/// The same by instructions that pick the chosen elements of a vector.
///
/// # Safety
/// The machine has AVX-512 F, DQ, VL and BW, POPCNT and BMI2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,popcnt,bmi2")]
unsafe fn compressed(truths: &[u8], to: &mut [i64]) -> usize {
    use std::arch::x86_64::*;
    let mut found = 0;
    let (groups, rest) = truths.as_chunks::<8>();
    let mut places = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    for group in groups {
        // SAFETY: the group has as many bytes; what is stored is looked for room before.
        unsafe {
            let bytes = _mm_loadl_epi64(group.as_ptr().cast());
            let chosen = _mm_test_epi8_mask(bytes, bytes) as u8;
            let count = chosen.count_ones();
            if let Some(to) = to.get_mut(found..found + count as usize) {
                let picked = _mm512_maskz_compress_epi64(chosen, places);
                _mm512_mask_storeu_epi64(to.as_mut_ptr(), _bzhi_u32(0xff, count) as u8, picked);
            }
            found += count as usize;
        }
        places = _mm512_add_epi64(places, _mm512_set1_epi64(8));
    }
    let first = groups.len() * 8;
    for (at, _) in rest.iter().enumerate().filter(|(_, truth)| **truth != 0) {
        if let Some(to) = to.get_mut(found) {
            *to = (first + at) as i64;
        }
        found += 1;
    }
    found
}

/// Copies the elements of `size` bytes for which there is a truth one behind the other, and gives how many they are; `None` where there
/// is no code for it, or less room than for so many.
///
/// # Safety
/// There is an element for each truth, and room for `room` of them at `to`. The machine has the level.
unsafe fn pick(
    level: Level,
    truths: &[u8],
    (from, size): (*const u8, usize),
    (to, room): (*mut u8, usize),
) -> Option<usize> {
    match (level, size) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller's promise, and there is room for all.
        (Level::Avx512, 8) if count(truths) <= room => Some(unsafe { picked_words(truths, from.cast(), to.cast()) }),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        (Level::Avx512, 4) if count(truths) <= room => Some(unsafe { picked_halves(truths, from.cast(), to.cast()) }),
        _ => None,
    }
}

/// Elements of 8 bytes.
///
/// # Safety
/// There is an element for each truth, and room for those that are chosen. The machine has AVX-512 F, DQ, VL and BW, POPCNT and BMI2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,popcnt,bmi2")]
unsafe fn picked_words(truths: &[u8], from: *const i64, to: *mut i64) -> usize {
    use std::arch::x86_64::*;
    let mut found = 0;
    let (groups, rest) = truths.as_chunks::<8>();
    // SAFETY: the caller's promise; a store writes the chosen elements alone.
    unsafe {
        for (index, group) in groups.iter().enumerate() {
            let bytes = _mm_loadl_epi64(group.as_ptr().cast());
            let chosen = _mm_test_epi8_mask(bytes, bytes) as u8;
            let count = chosen.count_ones();
            let picked = _mm512_maskz_compress_epi64(chosen, _mm512_loadu_si512(from.add(index * 8).cast()));
            _mm512_mask_storeu_epi64(to.add(found), _bzhi_u32(0xff, count) as u8, picked);
            found += count as usize;
        }
        let first = groups.len() * 8;
        for (at, _) in rest.iter().enumerate().filter(|(_, truth)| **truth != 0) {
            to.add(found).write_unaligned(from.add(first + at).read_unaligned());
            found += 1;
        }
    }
    found
}

/// Elements of 4 bytes.
///
/// # Safety
/// As [`picked_words`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,popcnt,bmi2")]
unsafe fn picked_halves(truths: &[u8], from: *const i32, to: *mut i32) -> usize {
    use std::arch::x86_64::*;
    let mut found = 0;
    let (groups, rest) = truths.as_chunks::<16>();
    // SAFETY: as there.
    unsafe {
        for (index, group) in groups.iter().enumerate() {
            let bytes = _mm_loadu_si128(group.as_ptr().cast());
            let chosen = _mm_test_epi8_mask(bytes, bytes);
            let count = chosen.count_ones();
            let picked = _mm512_maskz_compress_epi32(chosen, _mm512_loadu_si512(from.add(index * 16).cast()));
            _mm512_mask_storeu_epi32(to.add(found), _bzhi_u32(0xffff, count) as u16, picked);
            found += count as usize;
        }
        let first = groups.len() * 16;
        for (at, _) in rest.iter().enumerate().filter(|(_, truth)| **truth != 0) {
            to.add(found).write_unaligned(from.add(first + at).read_unaligned());
            found += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_finds_the_same_places() {
        for length in [0, 1, 7, 8, 63, 64, 65, 200, 1000i32] {
            for period in [1, 2, 3, 5, 64, 2000] {
                let truths: Vec<u8> = (0..length).map(|at| u8::from(at * at % period == 0 || at % 7 == 3)).collect();
                let expected: Vec<i64> = (0..length as i64).filter(|&at| truths[at as usize] != 0).collect();
                for level in Level::available() {
                    let mut to = vec![-1; expected.len()];
                    // SAFETY: the level is there.
                    let found = unsafe { positions(level, &truths, &mut to) };
                    assert_eq!(found, expected.len(), "{}", level.name());
                    assert_eq!(to, expected, "{}", level.name());
                    let words: Vec<i64> = (0..length as i64).map(|at| at * 7 - 3).collect();
                    let halves: Vec<i32> = (0..length).map(|at| at * 5 - 3).collect();
                    let (mut chosen, mut chosen_halves) = (vec![-1i64; found], vec![-1i32; found]);
                    // SAFETY: the level is there, each truth has an element, and there is room for those that are found.
                    let (whole, half) = unsafe {
                        (
                            pick(level, &truths, (words.as_ptr().cast(), 8), (chosen.as_mut_ptr().cast(), found)),
                            pick(
                                level,
                                &truths,
                                (halves.as_ptr().cast(), 4),
                                (chosen_halves.as_mut_ptr().cast(), found),
                            ),
                        )
                    };
                    if let (Some(whole), Some(half)) = (whole, half) {
                        assert_eq!((whole, half), (found, found));
                        assert!(expected.iter().zip(&chosen).all(|(&at, &word)| word == at * 7 - 3));
                        assert!(expected.iter().zip(&chosen_halves).all(|(&at, &half)| i64::from(half) == at * 5 - 3));
                    }
                }
            }
        }
    }
}
