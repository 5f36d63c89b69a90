//! Small regions in one call of their machine code.

use super::block::{BEFORE_ACCUMULATORS, BLOCK, FEWEST_OVERLAPPING, SHORT};
use super::reader::{Few, Place, Reader, splat};
use super::scratch::Scratch;
use crate::buffer::{ALIGNMENT, Unwritten};
use crate::kernel::{Level, STRIPE, STRIPES};
use crate::machine::regions::{Compiled, Line as Stage, Reading};
use crate::plan::region::{End, Leaf, Reducer, Region, Register, Source, Store};
use std::sync::Arc;

/// The most elements of a region that are taken in one call of its machine code, without a tape.
const MOST_STRAIGHT: usize = 16 * 1024;

/// A small region whose leaves all lie densely along the line or are one value everywhere: its machine code takes the whole line in one
/// call, and needs no tape.
pub struct Straight {
    readers: Few<Reader>,
    code: Arc<Compiled>,
    /// A line for each leaf, for one value over and over, and then the stage or the accumulators.
    memory: Scratch,
    /// Where the code finds the leaves.
    addresses: Few<*const u8>,
}

impl Straight {
    /// A region with its arrays: the places of the leaves (`None` for those that are no arrays). `None` where it needs a tape. The region
    /// must not be empty.
    pub fn new(region: &Region, level: Level, places: &[Option<Place>]) -> Option<Straight> {
        let (count, leaves) = (region.count(), region.leaves.len());
        let may_run = if region.ends.is_empty() { region.may_compile() } else { region.may_fold() };
        if count > MOST_STRAIGHT || region.site.threads > 1 || !may_run {
            return None;
        }
        // A reduction is one block of the fixed order, which fills a stripe at least.
        let stripe = match region.ends.first() {
            None => None,
            Some(end) => {
                let lanes = STRIPE / region.dtype(end.register).size();
                let is_block = count >= lanes && count <= lanes * STRIPES && count * SHORT > BLOCK;
                let is_fold = |end: &End| {
                    matches!(end.how, Reducer::Fold { .. }) && STRIPE / region.dtype(end.register).size() == lanes
                };
                if !is_block || region.reduced.len() != region.shape.len() || !region.ends.iter().all(is_fold) {
                    return None;
                }
                Some(lanes)
            }
        };
        // The code's outputs are the stores, one by one.
        let is_output = |(index, store): (usize, &Store)| {
            store.register >= leaves && region.stores[..index].iter().all(|other| other.register != store.register)
        };
        if !region.stores.iter().enumerate().all(is_output) {
            return None;
        }
        let value_of = |leaf: &Leaf| if let Source::Array { value, .. } = leaf.source { Some(value) } else { None };
        let shares = |(index, leaf): (usize, &Leaf)| {
            let value = value_of(leaf);
            value.is_some() && region.leaves[..index].iter().any(|other| value_of(other) == value)
        };
        // Slices that overlap have one address, which a tape finds.
        if count >= FEWEST_OVERLAPPING && region.leaves.iter().enumerate().any(shares) {
            return None;
        }
        let readers = Reader::all(region, places);
        let reading = |reader: &Reader| match reader {
            Reader::Dense { .. } => Some(Reading::Dense),
            Reader::Splat { .. } => Some(Reading::Splat),
            _ => None,
        };
        let readings = readers.iter().map(reading).collect::<Option<Few<Reading>>>()?;
        let code = match stripe {
            None => region.compiled(&readings, false, level),
            Some(_) => region.folding(&readings, stripe, level),
        };
        let code = code?;
        let accumulators = region.ends.len() * (BEFORE_ACCUMULATORS + STRIPE);
        let memory = Scratch::of(leaves * ALIGNMENT + code.stage() * size_of::<Stage>() + accumulators);
        let addresses = Few::from_elem(std::ptr::null(), leaves);
        let mut straight = Straight { readers, code, memory, addresses };
        (0..leaves).for_each(|leaf| straight.find(leaf));
        Some(straight)
    }

    /// Notes where the code finds a leaf.
    fn find(&mut self, leaf: Register) {
        self.addresses[leaf] = match &self.readers[leaf] {
            Reader::Splat { bytes, size, .. } => {
                let line = self.memory.pointer().wrapping_add(leaf * ALIGNMENT);
                // SAFETY: the memory has a line for each leaf.
                unsafe { splat(bytes, *size, line, ALIGNMENT / size) };
                line.cast_const()
            }
            Reader::Dense { pointer, .. } => *pointer,
            _ => unreachable!("no others are taken"),
        };
    }

    /// Takes a leaf from where its array begins now, which began at `from` before.
    ///
    /// # Safety
    /// As [`Reader::follow`].
    pub unsafe fn follow(&mut self, leaf: Register, from: *const u8, to: *const u8) {
        // SAFETY: the caller's promise.
        unsafe { self.readers[leaf].follow(from, to) };
        self.find(leaf);
    }

    /// Computes the region's results: the stored ones, and what is reduced.
    ///
    /// # Safety
    /// The leaves' arrays live, and the results have room for all elements.
    pub unsafe fn run(&mut self, region: &Region, level: Level, stored: &[Unwritten], ends: &[Unwritten]) {
        let (count, leaves) = (region.count(), self.readers.len());
        let first = self.memory.pointer().wrapping_add(leaves * ALIGNMENT);
        let mut table = Few::from_slice(&self.addresses);
        let stored = stored.iter().map(|block| block.pointer().cast_const());
        if ends.is_empty() {
            table.extend(stored);
            // SAFETY: the leaves are readable for the whole line, one value for a line of memory; so are the results, each of which is
            // memory of its own or takes an operand's place. The memory behind the leaves' lines is the stage.
            unsafe {
                let stage = std::slice::from_raw_parts_mut(first.cast::<Stage>(), self.code.stage());
                self.code.run(&mut table, stage, count, (1, &[]));
            }
            return;
        }
        let accumulators = (0..ends.len())
            .map(|index| first.wrapping_add(index * (BEFORE_ACCUMULATORS + STRIPE) + BEFORE_ACCUMULATORS));
        table.extend(std::iter::repeat_n(std::ptr::null(), ends.len()));
        table.extend(stored);
        table.extend(accumulators.clone().map(<*mut u8>::cast_const));
        // SAFETY: as above, for a stripe at least; the memory has room for the accumulators of each end.
        unsafe { self.code.fold(&mut table, count, (1, &[])) };
        for ((end, block), from) in region.ends.iter().zip(ends).zip(accumulators) {
            let Reducer::Fold { fold, .. } = end.how else { unreachable!("all ends are folds") };
            // SAFETY: the code has filled the accumulators, and a result is one element.
            unsafe { fold.total(level, from, STRIPE / fold.dtype().size(), block.pointer()) };
        }
    }
}
