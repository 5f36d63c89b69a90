//! Running a region: memory for its results, the tape, and the units of work.

use super::block::{Bench, Fault, Stretch, Tape, WAITING_BLOCK, Way};
use super::fold::{Extents, How, Target, accumulation, reduce, reduce_rows};
use super::frame::{Element, Run, Single, Slot};
use super::line::{Axes, merge, place_of, scatter};
use super::reader::{Place, scalar_bytes, splat};
use super::scratch::Scratch;
use super::straight::Straight;
use super::threads::{Drive, Stop, UNIT};
use super::{interrupted, out_of_memory, written};
use crate::array::{Array, length_of};
use crate::buffer::{Bytes, OutOfMemory, Unwritten};
use crate::kernel::Level;
use crate::machine::regions::{Compiled, Line as Stage, SHORTEST_IN_PLACE};
use crate::operation::{Bodies, Failure};
use crate::plan::region::{
    End, Leaf, MOST_OPERANDS, Opened, Reducer, Region, Source, Store, ValueId, Within, elements,
};
use crate::plan::{self, Step};
use crate::short::Short;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::source::Span;
use thalweg_lang::types::{ArrayType, DisplayShape};

/// About how many bytes of a region that replaces a part of an array are computed before as many are written: both stay in the
/// first cache, with what is read.
const WAITING: usize = 12 * 1024;

/// The most bytes that may wait in a replacement that is kept for the next run: large ones gain nothing by it.
const MOST_WAITING: usize = 256 * 1024;

/// Where the leaves of a region lie, those that are arrays.
type Places = Short<Option<Place>, 8>;

impl Run<'_> {
    /// Runs a region and keeps its results.
    pub(super) fn region(&mut self, region: &Region, span: Span) -> Result<(), Diagnostic> {
        if region.is_single() {
            return self.single_region(region);
        }
        if length_of(&region.shape).is_none() {
            let dtype = region.leaves.first().map_or(DType::F64, |leaf| leaf.dtype);
            let array_type = ArrayType::new(dtype, region.shape.clone());
            let refusal = OutOfMemory { requested: usize::MAX, live: 0, limit: None };
            return Err(out_of_memory(&array_type, refusal, span));
        }
        if let [Store { within: Some(within), value, .. }] = &region.stores[..] {
            let array = self.replace(region, within, span)?;
            self.values[*value] = Slot::Array(array);
            return Ok(());
        }
        // It is filled and emptied where it lies: results are moved once.
        let mut memory = Memory::default();
        if region.count() == 0 {
            self.memory(region, &mut memory)?;
            let mut ends = region.ends.iter().zip(&memory.ends);
            ends.try_for_each(|(end, block)| nothing(end, block, self.context.bodies))?;
            // SAFETY: there is no element but what has been written.
            unsafe { self.take_results(region, &mut memory) };
            return Ok(());
        }
        let (mut ready, idle) = self.ready(region, true, &mut memory)?;
        // SAFETY: the leaves' arrays are held by this run (one that a store took over by that store's block).
        let outcome = unsafe { ready.run(region, &memory, &self.drive(&region.site)) };
        ready.leave(region, idle);
        outcome.map_err(|stop| stopped(region, stop, span))?;
        // SAFETY: every element has been written.
        unsafe { self.take_results(region, &mut memory) };
        Ok(())
    }

    /// A region that is not empty with memory for its results, ready to run: what its last run left, or made now.
    fn ready<'r>(
        &mut self,
        region: &'r Region,
        is_alone: bool,
        memory: &mut Memory,
    ) -> Result<(Box<Ready>, Opened<'r>), Diagnostic> {
        let mut idle = region.idle.open();
        let left = Ready::taken_up(region, &mut idle, |value| self.strided(value));
        // They are told before memory is, which may be a leaf's own.
        let places: Places = match left {
            Some(_) => Places::new(),
            None => places(region, |value| self.strided(value)),
        };
        self.memory(region, memory)?;
        let ready = match left {
            Some(mut ready) => {
                ready.direct(region, memory);
                ready
            }
            None => Box::new(Ready::new(region, self.plan.level, places, memory, is_alone)),
        };
        Ok((ready, idle))
    }

    /// Memory for a region's results.
    fn memory(&mut self, region: &Region, Memory { stored, ends }: &mut Memory) -> Result<(), Diagnostic> {
        for store in &region.stores {
            stored.push(self.destination(region, store)?);
        }
        for end in &region.ends {
            let block = Array::unwritten(end.array_type.dtype, &end.array_type.shape, self.context.pool);
            ends.push(block.map_err(|refusal| out_of_memory(&end.array_type, refusal, end.span))?);
        }
        Ok(())
    }

    /// Keeps a region's results, of which the memory is then empty.
    ///
    /// # Safety
    /// Every element has been written, or will be before anything reads it.
    unsafe fn take_results(&mut self, region: &Region, Memory { stored, ends }: &mut Memory) {
        for (store, block) in region.stores.iter().zip(stored.drain(..)) {
            // SAFETY: the units together write every element in the order of iteration.
            let array = unsafe { in_order(region, store, block) };
            self.values[store.value] = Slot::Array(array);
        }
        for (end, block) in region.ends.iter().zip(ends.drain(..)) {
            // SAFETY: the reduction writes every element.
            self.values[end.value] =
                Slot::Array(unsafe { written(end.array_type.dtype, &end.array_type.shape, block) });
        }
    }

    /// Runs regions that take turns, so many rows at a time: what one of them leaves is in the cache for the next.
    pub(super) fn together(&mut self, steps: &[Step], rows: usize) -> Result<(), Diagnostic> {
        let outcome = self.take_turns(steps, rows);
        if outcome.is_err() {
            // Nobody may see what has not been written.
            steps.iter().flat_map(Step::makes).for_each(|value| self.values[value] = Slot::Empty);
        }
        outcome
    }

    fn take_turns(&mut self, steps: &[Step], rows: usize) -> Result<(), Diagnostic> {
        let mut works: Short<(Box<Ready>, &Region, Span)> = Short::new();
        let mut places: Short<Opened> = Short::new();
        let mut length = 0;
        for step in steps {
            let plan::Work::Region(region) = &step.work else { unreachable!("only regions take turns") };
            let mut memory = Memory::default();
            let (ready, idle) = self.ready(region, false, &mut memory)?;
            works.push((ready, region, step.span));
            places.push(idle);
            // SAFETY: the regions are run in their order for each row, and read of the others' results that row alone.
            unsafe { self.take_results(region, &mut memory) };
            length = region.shape[0];
        }
        let sites = works.iter().map(|(_, region, _)| &region.site);
        let Some(site) = sites.max_by_key(|site| (!site.is_light, site.threads)) else { return Ok(()) };
        let drive = self.drive(site);
        let alone = drive.alone();
        // What went wrong in the first rows counts, whoever is first to say so.
        let failed: Mutex<Option<(usize, Diagnostic)>> = Mutex::new(None);
        let outcome = drive.units(
            length.div_ceil(rows),
            1,
            |unit| unit,
            || (),
            |(), unit| {
                for (ready, region, span) in &works {
                    let rows = Some(unit * rows..length.min((unit + 1) * rows));
                    let Work::Blocks(blocks) = &ready.work else { unreachable!("it is not alone") };
                    // SAFETY: the leaves' arrays are in the table, and stay there until all is done; rows are their own.
                    if let Err(stop) = unsafe { blocks.run(region, rows, &alone) } {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        if failed.as_ref().is_none_or(|(first, _)| unit < *first) {
                            *failed = Some((unit, stopped(region, stop, *span)));
                        }
                        break;
                    }
                }
                None
            },
        );
        let (first, span) = (works[0].1, works[0].2);
        works.into_iter().zip(places).for_each(|((ready, region, _), idle)| ready.leave(region, idle));
        if let Some((_, diagnostic)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(diagnostic);
        }
        outcome.map_err(|stop| stopped(first, stop, span))
    }

    /// Runs a region whose result replaces a part of an array: where it lies if nothing else needs it, otherwise in a copy.
    fn replace(&mut self, region: &Region, within: &Within, span: Span) -> Result<Array, Diagnostic> {
        let array = self.hand(within.value).into_array();
        if region.count() == 0 {
            return Ok(array);
        }
        let array = match self.replace_at_once(region, within, array, span)? {
            Ok(replaced) => return Ok(replaced),
            Err(array) => array,
        };
        let mut array = self.writable(array, span)?;
        let size = array.dtype().size();
        let (first, axes) = replaced(region, within, array.strides(), size);
        let to = start_of(&mut array).wrapping_offset(first);
        let whole = (array.data_pointer(), array.strides());
        let lies = |value| if value == within.value.value { whole } else { self.strided(value) };
        let mut idle = region.idle.open();
        let left = Ready::taken_up(region, &mut idle, lies);
        let mut ready = match left {
            Some(ready) if matches!(&ready.work, Work::Delayed(delayed) if delayed.suits(&axes)) => ready,
            _ => {
                let places = places(region, lies);
                let is_settled = region.is_settled();
                let delayed = Delayed::new(region, self.plan.level, &places, (size, &axes), within.delay);
                Box::new(Ready { places, work: Work::Delayed(Box::new(delayed)), is_settled })
            }
        };
        let Work::Delayed(delayed) = &mut ready.work else { unreachable!("it is made so") };
        let rows = Rows { to, size, axes: &axes, code: region.copying(self.plan.level) };
        // SAFETY: the leaves' arrays are held by this run and by `array`, which nothing else holds; the selection's elements are its
        // own, and `axes` leads to them in the order of the line.
        let outcome = unsafe { delayed.run(region.count(), &rows, &self.alone()) };
        ready.leave(region, idle);
        outcome.map_err(|stop| stopped(region, stop, span))?;
        Ok(array)
    }

    /// The same where no result waits: each takes the place of what only it may still read, or they go into another array, with what is
    /// not replaced, where the plan says so. So two arrays take turns in a loop, for the memory of the old one is the next one's.
    /// `Err`: the region has no code that can, and the array is as it was.
    fn replace_at_once(
        &mut self,
        region: &Region,
        within: &Within,
        array: Array,
        span: Span,
    ) -> Result<Result<Array, Array>, Diagnostic> {
        let size = array.dtype().size();
        // A vector that is computed again at a row's end reads what lies ahead of it anew, and code writes only what is new of it where
        // elements are not shorter.
        let may = match within.is_aside {
            true => array.is_contiguous(),
            false => within.is_at_once() && (within.is_apart || size >= SHORTEST_IN_PLACE),
        };
        if !may || !region.may_compile() {
            return Ok(Err(array));
        }
        let mut array = if within.is_aside { array } else { self.writable(array, span)? };
        let (first, axes) = replaced(region, within, array.strides(), size);
        let mut idle = region.idle.open();
        let here = (!within.is_aside).then(|| start_of(&mut array));
        let whole = (array.data_pointer(), array.strides());
        let lies = |value| if value == within.value.value { whole } else { self.strided(value) };
        let mut kept = None;
        let left = Ready::taken_up(region, &mut idle, lies);
        if let Some(ready) = left {
            match &ready.work {
                // Its code was known by then, and could not do it.
                Work::Delayed(_) => {
                    idle.leave(ready);
                    return Ok(Err(array));
                }
                Work::Blocks(blocks) if blocks.tape.suits(&axes) => kept = Some(ready),
                _ => {}
            }
        }
        let aside = if within.is_aside {
            let block = Array::unwritten(array.dtype(), array.shape(), self.context.pool);
            Some(block.map_err(|refusal| out_of_memory(&ArrayType::new(array.dtype(), array.shape()), refusal, span))?)
        } else {
            None
        };
        let Some(to) = aside.as_ref().map(|block| block.pointer()).or(here) else {
            unreachable!("it is one of the two")
        };
        let to = to.wrapping_offset(first);
        let mut ready = match kept {
            Some(mut ready) => {
                if let Work::Blocks(blocks) = &mut ready.work {
                    blocks.tape.direct(region, &[to]);
                }
                ready
            }
            None => {
                let places = places(region, lies);
                let is_settled = region.is_settled();
                let Some(tape) = Tape::apart(region, self.plan.level, &places, to, &axes) else {
                    return Ok(Err(array));
                };
                let work = Work::Blocks(Box::new(Blockwise::of(region, self.plan.level, tape)));
                Box::new(Ready { places, work, is_settled })
            }
        };
        let between = aside.as_ref().map(|block| Between {
            from: array.data_pointer(),
            to: block.pointer(),
            bytes: array.bytes(),
            first: first as usize,
            axes: &axes,
            count: region.count(),
        });
        // Where later elements are read that others replace, the order counts.
        let drive = if aside.is_some() || within.is_apart { self.drive(&region.site) } else { self.alone() };
        let Work::Blocks(blocks) = &mut ready.work else { unreachable!("it is made so") };
        let tape = Stretch::from(&blocks.tape, 0);
        // SAFETY: the leaves' arrays are held by this run and by `array`; the elements are the block's own, or the array's, which nothing
        // else holds, and then none is read after it has been written. The block is as long as the array, whose elements lie in order.
        let outcome = unsafe {
            each(tape, region, region.count(), &drive, |elements| {
                between.iter().for_each(|between| between.copy(elements.clone()));
            })
        };
        ready.leave(region, idle);
        outcome.map_err(|stop| stopped(region, stop, span))?;
        Ok(Ok(match aside {
            // SAFETY: every element has been written: those of the region, and between them those of the array.
            Some(block) => unsafe { written(array.dtype(), array.shape(), block) },
            None => array,
        }))
    }

    /// Runs a region of one element, in the table alone.
    fn single_region(&mut self, region: &Region) -> Result<(), Diagnostic> {
        let leaves = region.leaves.len();
        let mut registers = std::mem::take(&mut self.registers);
        let count = leaves + region.instructions.len();
        if registers.len() < count {
            registers.resize(count, Element([0; 16]));
        }
        for (leaf, register) in region.leaves.iter().zip(&mut registers) {
            *register = self.leaf(leaf);
        }
        let base: *mut Element = registers.as_mut_ptr();
        let mut fault = None;
        for (index, instruction) in region.instructions.iter().enumerate() {
            let mut operands = [std::ptr::null::<u8>(); MOST_OPERANDS];
            for (operand, &register) in operands.iter_mut().zip(&instruction.operands) {
                *operand = base.wrapping_add(register).cast();
            }
            // SAFETY: an instruction's operands are registers before its own, each with an element of the dtype that the
            // kernel reads; there are no more than the array holds.
            let first =
                unsafe { (instruction.function)(operands.as_ptr(), base.wrapping_add(leaves + index).cast(), 1) };
            if first == 0 {
                fault = Some(fault_at(region, Fault { element: 0, instruction: index }));
                break;
            }
        }
        for store in &region.stores {
            let single = Single { element: registers[store.register], dtype: region.dtype(store.register) };
            self.values[store.value] = Slot::Single(single);
        }
        self.registers = registers;
        fault.map_or(Ok(()), Err)
    }

    /// The one element that a region of one element reads from a leaf.
    fn leaf(&self, leaf: &Leaf) -> Element {
        match &leaf.source {
            Source::Scalar(scalar) => Element(scalar_bytes(*scalar)),
            Source::Counter(counter) => Element(scalar_bytes(Scalar::i64(counter.start))),
            Source::Array { value, axes } => match &self.values[*value] {
                Slot::Single(single) => single.element,
                slot => {
                    let Some(array) = slot.array() else {
                        unreachable!("steps come after those that make their operands")
                    };
                    let places = axes.iter().zip(array.strides());
                    let offset: isize = places.map(|(axis, stride)| axis.start as isize * stride).sum();
                    let pointer = array.data_pointer().wrapping_offset(offset * leaf.dtype.size() as isize);
                    // SAFETY: the checker has checked the view's indices, so that the element is one of the array's.
                    unsafe { Single::read(pointer, leaf.dtype).element }
                }
            },
        }
    }

    /// Memory for a stored result: a dying operand's where the plan says so and nothing else holds it, otherwise new.
    fn destination(&mut self, region: &Region, store: &Store) -> Result<Unwritten, Diagnostic> {
        let dtype = region.dtype(store.register);
        if let Some(value) = store.reuse
            && !self.is_pinned(value)
            && let Slot::Array(array) = &self.values[value]
            && array.is_contiguous()
            && array.offset() == 0
            && array.buffer().is_owned()
            && array.buffer().len() == region.count() * dtype.size()
            && Arc::strong_count(array.buffer()) == 1
            && let Slot::Array(array) = std::mem::replace(&mut self.values[value], Slot::Empty)
        {
            match array.into_unwritten() {
                Ok(block) => return Ok(block),
                // The leaf still reads it.
                Err(array) => self.values[value] = Slot::Array(array),
            }
        }
        Array::unwritten(dtype, &region.shape, self.context.pool)
            .map_err(|refusal| out_of_memory(&ArrayType::new(dtype, region.shape.clone()), refusal, store.span))
    }
}

/// Where a region's leaves lie, for arrays that `lies` tells the first element and the strides of.
fn places<'a>(region: &Region, lies: impl Fn(ValueId) -> (*const u8, &'a [isize])) -> Places {
    let place = |leaf: &Leaf| {
        let Source::Array { value, .. } = leaf.source else { return None };
        let (pointer, strides) = lies(value);
        Some(Place { pointer, strides: strides.into() })
    };
    region.leaves.iter().map(place).collect()
}

/// What a region needs besides its arrays to run. It is left with the region, and the next run, whose arrays mostly lie alike, takes
/// it up again.
struct Ready {
    /// Where the leaves lie.
    places: Places,
    work: Work,
    /// Whether no machine code takes its place later on: that was known before it was made.
    is_settled: bool,
}

/// How a region is run.
enum Work {
    /// In one call.
    Straight(Box<Straight>, Level),
    /// In blocks.
    Blocks(Box<Blockwise>),
    /// In blocks that wait before they replace what lies there.
    Delayed(Box<Delayed>),
}

// SAFETY: where something is left, nothing is done with its addresses before they have been replaced by those of the arrays of the
// run that takes it up.
unsafe impl Send for Ready {}
// SAFETY: threads that work together each write elements of their own; the arrays are held while they do.
unsafe impl Sync for Ready {}

/// Memory for a region's results, in the order of its stores and of its ends.
#[derive(Default)]
struct Memory {
    stored: Blocks,
    ends: Blocks,
}

/// Blocks of results: one or two mostly, and they are moved about in each run.
type Blocks = Short<Unwritten, 2>;

impl Ready {
    /// A region with its leaves' places and its results' memory; the region must not be empty. `is_alone`: whether it takes no turns.
    fn new(region: &Region, level: Level, places: Places, memory: &Memory, is_alone: bool) -> Ready {
        let is_settled = region.is_settled();
        let straight = if is_alone { Straight::new(region, level, &places) } else { None };
        let work = match straight {
            Some(straight) => Work::Straight(Box::new(straight), level),
            None => Work::Blocks(Box::new(Blockwise::new(region, level, &places, memory, is_alone))),
        };
        Ready { places, work, is_settled }
    }

    /// What the region's last run left, for arrays that `lies` tells the first element and the strides of; `None` where nothing was
    /// left, or what was left is for arrays that lie differently.
    fn taken_up<'a>(
        region: &Region,
        idle: &mut Opened,
        lies: impl Fn(ValueId) -> (*const u8, &'a [isize]),
    ) -> Option<Box<Ready>> {
        let mut ready = idle.take::<Ready>()?;
        let Ready { places, work, .. } = &mut *ready;
        for (register, (leaf, place)) in region.leaves.iter().zip(places).enumerate() {
            let (Source::Array { value, .. }, Some(place)) = (&leaf.source, place) else { continue };
            let (to, strides) = lies(*value);
            if strides != &place.strides[..] {
                return None;
            }
            let from = std::mem::replace(&mut place.pointer, to);
            // SAFETY: the array is of the same type and lies alike, so that the leaf's elements are in it.
            unsafe {
                match work {
                    Work::Straight(straight, _) => straight.follow(register, from, to),
                    Work::Blocks(blocks) => blocks.tapes().for_each(|tape| tape.follow(register, from, to)),
                    Work::Delayed(delayed) => delayed.tape.follow(register, from, to),
                }
            }
        }
        Some(ready)
    }

    /// Brings the results to other memory.
    fn direct(&mut self, region: &Region, memory: &Memory) {
        let Work::Blocks(blocks) = &mut self.work else { return };
        let destinations: Short<*mut u8> = memory.stored.iter().map(Unwritten::pointer).collect();
        blocks.tapes().for_each(|tape| tape.direct(region, &destinations));
        for (target, to) in blocks.targets.iter_mut().zip(&memory.ends) {
            target.to = to.pointer();
        }
    }

    /// Leaves it with the region, if it serves again.
    fn leave(mut self: Box<Ready>, region: &Region, idle: Opened) {
        let serves_again = match &mut self.work {
            Work::Straight(..) => true,
            Work::Blocks(blocks) => blocks.tapes().all(|tape| tape.serves_again(region)),
            Work::Delayed(delayed) => delayed.serves_again(region),
        };
        if self.is_settled && serves_again {
            idle.leave(self);
        }
    }

    /// Runs it: all of it, with the memory that its results have.
    ///
    /// # Errors
    /// When the run was cancelled, an element has no answer, or there is no memory for partial results.
    ///
    /// # Safety
    /// The leaves' arrays live, and nothing else writes to the results' memory.
    unsafe fn run(&mut self, region: &Region, memory: &Memory, drive: &Drive) -> Result<(), Stop> {
        // SAFETY: the caller's promise.
        unsafe {
            match &mut self.work {
                Work::Straight(straight, level) => {
                    straight.run(region, *level, &memory.stored, &memory.ends);
                    Ok(())
                }
                Work::Blocks(blocks) => blocks.run(region, None, drive),
                Work::Delayed(_) => unreachable!("a replacement has its own way"),
            }
        }
    }
}

/// What machine code accumulates.
enum Folding {
    /// Nothing.
    None,
    /// Stripes of rows: the work's own tape is that of the code.
    Stripes,
    /// Rows on each other, by this tape.
    Rows(Box<Tape>),
}

/// A region that runs in blocks, with tapes over what it reads and writes.
struct Blockwise {
    level: Level,
    extents: Extents,
    targets: Short<Target>,
    tape: Tape,
    folding: Folding,
}

impl Blockwise {
    fn new(region: &Region, level: Level, places: &Places, memory: &Memory, is_alone: bool) -> Blockwise {
        let destinations: Short<*mut u8> = memory.stored.iter().map(Unwritten::pointer).collect();
        let (outer, reduced, inner) = region.extents();
        let extents = Extents { outer, reduced, inner };
        let ends = region.ends.iter().zip(&memory.ends);
        let targets: Short<Target> = ends.map(|(end, to)| target(region, end, to)).collect();
        let way = if targets.is_empty() { None } else { accumulation(extents, &targets) };
        let folding = way.and_then(|way| Tape::folding(region, level, places, &destinations, way, is_alone));
        let (tape, folding) = match (way, folding) {
            (Some((_, Way::Stripes(_))), Some(tape)) => (tape, Folding::Stripes),
            (_, rows) => {
                let folding = rows.map_or(Folding::None, |rows| Folding::Rows(Box::new(rows)));
                (Tape::new(region, level, places, &destinations, is_alone), folding)
            }
        };
        Blockwise { level, extents, targets, tape, folding }
    }

    /// For a region that reduces nothing, with its tape.
    fn of(region: &Region, level: Level, tape: Tape) -> Blockwise {
        let (outer, reduced, inner) = region.extents();
        let extents = Extents { outer, reduced, inner };
        Blockwise { level, extents, targets: Short::new(), tape, folding: Folding::None }
    }

    /// Its tapes.
    fn tapes(&mut self) -> impl Iterator<Item = &mut Tape> {
        let rows = if let Folding::Rows(rows) = &mut self.folding { Some(&mut **rows) } else { None };
        std::iter::once(&mut self.tape).chain(rows)
    }

    /// Does it, for a range of the first axis of a region that reduces others, or for all.
    ///
    /// # Errors
    /// When the run was cancelled, an element has no answer, or there is no memory for partial results.
    ///
    /// # Safety
    /// The leaves' arrays and the results live; nothing else works on the same rows.
    unsafe fn run(&self, region: &Region, rows: Option<Range<usize>>, drive: &Drive) -> Result<(), Stop> {
        // Where the rows begin, on the line and among the results, and how many elements and kept rows they are.
        let (from, first, count, outer) = match rows {
            None => (0, 0, region.count(), self.extents.outer),
            Some(rows) => {
                let length = region.shape[0];
                let (row, outer) = (region.count() / length, self.extents.outer / length);
                (rows.start * row, rows.start * outer, rows.len() * row, rows.len() * outer)
            }
        };
        let extents = Extents { outer, ..self.extents };
        let stretch = |tape| Stretch::from(tape, from);
        let tape = stretch(&self.tape);
        if self.targets.is_empty() {
            // SAFETY: the caller's promise.
            return unsafe { each(tape, region, count, drive, |_| ()) };
        }
        let moved = |target: &Target| {
            // SAFETY: the results of the rows are among all.
            Target { to: unsafe { target.to.add(first * extents.inner * target.result_size()) }, ..*target }
        };
        let targets: Short<Target> = self.targets.iter().map(moved).collect();
        // SAFETY: the caller's promise.
        unsafe {
            match &self.folding {
                Folding::Stripes => reduce_rows(tape, self.level, extents, &targets, drive),
                Folding::Rows(rows) => reduce((tape, Some(stretch(rows))), self.level, extents, &targets, drive),
                Folding::None => reduce((tape, None), self.level, extents, &targets, drive),
            }
        }
    }
}

/// How an end is reduced, and where to.
fn target(region: &Region, end: &End, to: &Unwritten) -> Target {
    let how = match &end.how {
        Reducer::Fold { fold, .. } => How::Fold(fold),
        Reducer::FirstExtreme { greatest } => How::Extreme { greatest: *greatest },
    };
    Target { register: end.register, dtype: region.dtype(end.register), how, to: to.pointer() }
}

/// Elementwise work on so many elements, unit by unit along the line, and with each unit what `beside` does for its elements.
///
/// # Safety
/// As [`Tape::evaluate`], for all of them.
unsafe fn each(
    tape: Stretch,
    region: &Region,
    count: usize,
    drive: &Drive,
    beside: impl Fn(Range<usize>) + Sync,
) -> Result<(), Stop> {
    // Heavy code takes smaller units, so that a cancelled run stops soon.
    let unit = drive.unit(count, UNIT / (1 + region.instructions.len() / 16));
    let unit = unit.next_multiple_of(tape.grain(unit));
    drive.units(
        count.div_ceil(unit),
        1,
        |index| index * unit,
        || tape.lease(),
        |bench, index| {
            let end = count.min((index + 1) * unit);
            let mut start = index * unit;
            beside(start..end);
            while start < end {
                let length = tape.piece(start, end - start);
                // SAFETY: the caller's promise; units do not overlap.
                let fault = unsafe { tape.evaluate(bench, start, length) };
                if fault.is_some() {
                    return fault;
                }
                start += length;
            }
            None
        },
    )
}

/// Elementwise work whose results go to their places once so many more elements of the line are computed: they wait in a buffer.
pub(super) struct Delayed {
    tape: Tape,
    bench: Bench,
    /// A ring of blocks: what waits, and what is computed next.
    waiting: Scratch,
    /// Its elements, and those of a block.
    ring: usize,
    block: usize,
    /// How many elements wait at least.
    delay: usize,
    /// The elements that are written at once, if they are no longer than a block; an element's bytes.
    row: Option<usize>,
    size: usize,
}

impl Delayed {
    /// For a region with its leaves' places, whose results' axes lead to elements of `size` bytes.
    fn new(region: &Region, level: Level, places: &Places, (size, axes): (usize, &Axes), delay: usize) -> Delayed {
        // Whole rows are computed and written, where they are not longer than a block of the tape.
        let row = short_row(axes);
        let block = row.map_or(WAITING_BLOCK, |row| (WAITING / (row * size)).max(1) * row);
        let delay = delay.next_multiple_of(row.unwrap_or(1));
        let ring = (delay.min(region.count()) + block).next_multiple_of(block);
        let mut waiting = Scratch::of(ring * size);
        let tape = Tape::new(region, level, places, &[waiting.pointer()], true);
        let bench = tape.bench();
        Delayed { tape, bench, waiting, ring, block, delay, row, size }
    }

    /// Whether it can leave its results along these axes.
    fn suits(&self, axes: &Axes) -> bool {
        self.row == short_row(axes)
    }

    /// Whether it serves another run.
    fn serves_again(&self, region: &Region) -> bool {
        self.ring * self.size <= MOST_WAITING && self.tape.serves_again(region)
    }

    /// Computes so many elements, all that there are.
    ///
    /// # Safety
    /// The leaves' arrays live, and each row's elements may be written when so many later ones have been computed.
    unsafe fn run(&mut self, count: usize, rows: &Rows, drive: &Drive) -> Result<(), Stop> {
        let Delayed { tape, bench, waiting, ring, block, delay, .. } = self;
        let (waiting, ring, block, delay) = (waiting.pointer(), *ring, *block, *delay);
        tape.rewind(bench);
        let (mut written, mut done) = (0, 0);
        // Their places in the ring.
        let (mut first, mut next) = (0, 0);
        // How many elements are left of the block at hand.
        let mut limit = block;
        while done < count {
            if drive.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let length = tape.piece(done, (count - done).min(limit));
            bench.origin = done - next;
            // SAFETY: the elements have room in the ring, behind what waits.
            if let Some(fault) = unsafe { tape.evaluate(bench, done, length) } {
                return Err(Stop::Fault(fault));
            }
            done += length;
            next = if next + length == ring { 0 } else { next + length };
            limit = if length == limit { block } else { limit - length };
            let end = if done == count { count } else { done.saturating_sub(delay).max(written) };
            while written < end {
                let length = (end - written).min(ring - first);
                // SAFETY: what is written over is not read any more, and the elements lie up to the ring's end.
                unsafe { rows.write(written, length, waiting.add(first * rows.size)) };
                written += length;
                first = if first + length == ring { 0 } else { first + length };
            }
        }
        Ok(())
    }
}

/// The first element of an array that has been made writable.
pub(super) fn start_of(array: &mut Array) -> *mut u8 {
    let Some(start) = array.data_pointer_mut() else { unreachable!("it has just been made writable") };
    start
}

/// Where a region's elements lie in an array that they are a part of: the first one's distance from the array's first, in bytes, and the
/// axes of the line.
fn replaced(region: &Region, within: &Within, own: &[isize], size: usize) -> (isize, Axes) {
    let mut first = 0;
    let mut strides: Short<isize> = Short::from_elem(0, region.shape.len());
    for (axis, &stride) in within.axes.iter().zip(own) {
        first += axis.start as isize * stride;
        if let Some(own) = axis.axis {
            strides[own] += axis.step * stride;
        }
    }
    let axes = merge(region.order.iter().map(|&own| (region.shape[own], strides[own] * size as isize)));
    (first * size as isize, axes)
}

/// What lies before, between and behind the runs of elements that a region computes, in the array that they are a part of, and where it
/// goes.
struct Between<'a> {
    from: *const u8,
    to: *mut u8,
    /// What both have.
    bytes: usize,
    /// Where the first run begins, in bytes, and the ascending axes of the line of so many elements, of which the last is that of the runs.
    first: usize,
    axes: &'a Axes,
    count: usize,
}

// SAFETY: threads each copy what lies between runs of their own; nobody writes to what they read.
unsafe impl Sync for Between<'_> {}

impl Between<'_> {
    /// Copies what lies before the runs that begin among these elements of the line, and what lies behind the last run if it ends there:
    /// who computes an element has its neighbours in the cache.
    ///
    /// # Safety
    /// Both have so many bytes, in which the runs lie one behind the other; nobody else uses what the second has between the runs.
    unsafe fn copy(&self, elements: Range<usize>) {
        let Some((&(run, size), outer)) = self.axes.split_last() else { unreachable!("a part has axes") };
        let size = size as usize;
        let begin = |index: usize| self.first + place_of(outer, index) as usize;
        let copy = |from: usize, to: usize| {
            debug_assert!(from <= to && to <= self.bytes);
            // SAFETY: the caller's promise.
            unsafe { std::ptr::copy_nonoverlapping(self.from.add(from), self.to.add(from), to - from) };
        };
        let indices = elements.start.div_ceil(run)..elements.end.div_ceil(run);
        let mut end = if indices.start == 0 { 0 } else { begin(indices.start - 1) + run * size };
        for index in indices {
            copy(end, begin(index));
            end = begin(index) + run * size;
        }
        if elements.end == self.count {
            copy(end, self.bytes);
        }
    }
}

/// The length of the runs along the last axis, if blocks hold whole ones.
fn short_row(axes: &Axes) -> Option<usize> {
    axes.last().map(|axis| axis.0).filter(|&row| row <= WAITING_BLOCK)
}

/// Where results go that have waited.
struct Rows<'a> {
    to: *mut u8,
    size: usize,
    axes: &'a Axes,
    /// What copies rows of them.
    code: Option<&'a Compiled>,
}

impl Rows<'_> {
    /// Copies elements `start .. start + length` of the line from a block.
    ///
    /// # Safety
    /// They are writable, and readable from `from` on, elsewhere.
    unsafe fn write(&self, start: usize, length: usize, from: *const u8) {
        let &Rows { to, size, axes, code } = self;
        // SAFETY: the caller's promise. Whole rows are told by their number and their distance.
        unsafe {
            if let (Some(code), &[(_, outer), (row, inner)]) = (code, &axes[..])
                && inner == size as isize
                && start.is_multiple_of(row)
                && length.is_multiple_of(row)
            {
                let mut table = [from, to.offset((start / row) as isize * outer).cast_const()];
                let mut stage = [Stage::EMPTY; 2];
                let steps = [(row * size) as isize, outer];
                code.run(&mut table, &mut stage, row, (length / row, &steps));
                return;
            }
            let mut index: Short<usize> = Short::from_elem(0, axes.len());
            scatter(to, size, axes, &mut index, start, length, from);
        }
    }
}

/// Fills a result with what reducing nothing gives.
fn nothing(end: &End, block: &Unwritten, bodies: &dyn Bodies) -> Result<(), Diagnostic> {
    let count = elements(&end.array_type.shape);
    if count == 0 {
        return Ok(());
    }
    match &end.how {
        Reducer::Fold { identity: Some(identity), .. } => {
            let size = end.array_type.dtype.size();
            // SAFETY: the block has room for the type's elements.
            unsafe { splat(&scalar_bytes(identity.cast(end.array_type.dtype)), size, block.pointer(), count) };
            Ok(())
        }
        _ => {
            let message =
                format!("`{}` of nothing has no value, and the run finds nothing here", bodies.name(end.operation));
            let help = bodies.help_for_nothing().map(str::to_owned);
            Err(Failure { code: "E0503", message, help }.at(end.span))
        }
    }
}

/// A stored result as an array of the region's shape: the block lies in the order of iteration.
///
/// # Safety
/// Every element has been written.
unsafe fn in_order(region: &Region, store: &Store, block: Unwritten) -> Array {
    let dtype = region.dtype(store.register);
    if region.order.iter().copied().eq(0..region.order.len()) {
        // SAFETY: the caller's promise.
        return unsafe { written(dtype, &region.shape, block) };
    }
    let lying: Short<usize> = region.order.iter().map(|&axis| region.shape[axis]).collect();
    // SAFETY: the caller's promise.
    let array = unsafe { written(dtype, &lying, block) };
    let mut strides: Short<isize> = Short::from_elem(0, region.order.len());
    for (&axis, &stride) in region.order.iter().zip(array.strides()) {
        strides[axis] = stride;
    }
    match array.view(0, &region.shape, &strides) {
        Some(view) => view,
        None => unreachable!("the same elements in another order of axes"),
    }
}

/// Why a region's work ended early, to the person who wrote the program.
fn stopped(region: &Region, stop: Stop, span: Span) -> Diagnostic {
    match stop {
        Stop::Cancelled => interrupted(span),
        Stop::OutOfMemory(bytes) => {
            let message = format!("out of memory: the reduction's partial results take {}", Bytes(bytes));
            Diagnostic::error("E0502", message, span, "").help("take smaller arrays, or a part at a time")
        }
        Stop::Fault(fault) => fault_at(region, fault),
    }
}

/// What a fault is to the person who wrote the program.
fn fault_at(region: &Region, fault: Fault) -> Diagnostic {
    let instruction = &region.instructions[fault.instruction];
    let mut index = vec![0; region.shape.len()];
    let mut rest = fault.element;
    for &axis in region.order.iter().rev() {
        index[axis] = rest % region.shape[axis];
        rest /= region.shape[axis];
    }
    no_answer(instruction.fault, &index, instruction.span)
}

/// The error that an element has no answer.
pub(super) fn no_answer(fault: &str, index: &[usize], span: Span) -> Diagnostic {
    let place = match index[..] {
        [] => String::new(),
        _ => format!(" at {}", DisplayShape(index)),
    };
    let (what, help) = fault.split_once(": ").unwrap_or((fault, ""));
    let diagnostic = Diagnostic::error("E0501", format!("{what}{place}"), span, "");
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_copied_and_nothing_else_whoever_computes_beside_them() {
        // Bytes of the array, where its first run begins, and the axes, of which the last is that of the runs.
        let cases = [
            (800, 8, vec![(98, 8)]),
            (30 * 20 * 4, (20 + 1) * 4, vec![(28, 80), (18, 4)]),
            (30 * 20 * 4, 0, vec![(30, 80), (17, 4)]),
            (6 * 5 * 7 * 8, (35 + 7 + 1) * 8, vec![(4, 280), (3, 56), (5, 8)]),
        ];
        for (bytes, first, axes) in cases {
            let mut lines = Axes::new();
            lines.extend(axes.iter().copied());
            let count: usize = axes.iter().map(|axis| axis.0).product();
            let size = axes.last().map_or(0, |axis| axis.1 as usize);
            let from: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
            let mut expected = from.clone();
            for index in 0..count {
                let at = first + place_of(&lines, index) as usize;
                expected[at..at + size].fill(0xff);
            }
            for unit in 1..=count {
                let mut to = vec![0xff; bytes];
                let between = Between { from: from.as_ptr(), to: to.as_mut_ptr(), bytes, first, axes: &lines, count };
                for start in (0..count).step_by(unit).rev() {
                    // SAFETY: both have so many bytes, and nobody else uses them.
                    unsafe { between.copy(start..count.min(start + unit)) };
                }
                assert_eq!(to, expected, "units of {unit} of {axes:?}");
            }
        }
    }
}
