//! The block interpreter: a region's instructions on a few hundred consecutive elements at a time, all in the first cache.
//!
//! The iteration space is a line: its elements in the order of iteration. A leaf that lies densely along the line is read
//! where it is; a scalar is splatted once for each bench; any other leaf is copied into a block first, by runs along its
//! innermost axis. So every kernel sees packed blocks, and a stored result is written straight to its place.

use super::line::{Axes, advance, count, place_of, unravel};
use super::reader::{Few, Packed, Place, Reader, Reciprocals, are_in_rows, common_window, rows, splat};
use super::scratch::Scratch;
use crate::buffer::ALIGNMENT;
use crate::kernel::{BlockFunction, Level, STRIPE, STRIPES};
use crate::machine::MachineCode;
use crate::machine::regions::{Compiled, Line as Stage, MOST_IN_ROWS, Reading};
use crate::plan::region::{End, Region, Register, SHORTEST_ROW, Source, Store};
use crate::short::Short;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Elements of a block.
pub const BLOCK: usize = 512;

/// How many reductions must lie in one block of the line for them to be worth taking together.
pub const SHORT: usize = 4;

/// Elements of a block where they are large or the instructions need many blocks at once.
const SMALL_BLOCK: usize = 256;

/// Elements of a block of what reads and writes arrays alone.
const LONG_BLOCK: usize = 4096;

/// The same where it is machine code that takes many rows in one call.
const CODE_BLOCK: usize = 16 * 1024;

/// Elements of a block of machine code whose results are reduced over an outer axis: rows of them, with accumulators beside them.
const ROW_BLOCK: usize = 1024;

/// The most bytes of a bundle's rows, so that they stay in the first cache beside what they are computed of, and the fewest elements of one.
const MOST_BUNDLED: usize = 16 * 1024;
const FEWEST_BUNDLED: usize = 32;

/// The most elements of a region whose tape is kept for its next run.
const MOST_AGAIN: usize = 128 * 1024;

/// The most bytes that are packed in such a tape, for they are held from run to run.
const MOST_PACKED_AGAIN: usize = 32 * 1024;

/// No block of a region that replaces a part of an array has more elements: what it computes waits in the first cache.
pub const WAITING_BLOCK: usize = 4096;

/// Results of so many bytes do not stay in any cache until somebody reads them.
const MOST_CACHED: usize = 32 * 1024 * 1024;

/// The shortest rows, in bytes, of which lines are fetched ahead: of shorter ones they would be those of a gap.
const SHORTEST_FETCHED: usize = 16 * 1024;

/// The shortest rows, in bytes, that are folded on each other of which the next is fetched: of shorter ones it would come too late.
const SHORTEST_FOLDED: usize = 1024;

/// A unit of so many rows may be a row longer.
const MANY_ROWS: usize = 16;

/// Elements of a region from which on it is worth it to find the slices that overlap.
pub const FEWEST_OVERLAPPING: usize = 2048;

/// The least run along the innermost axis for which blocks end where runs do: then what lies densely in a run is read where it is. Machine
/// code, whose blocks are cheaper to begin, takes runs from [`SHORTEST_ROW`] on.
const RUN_OF_FUNCTIONS: usize = 256;

/// Between the accumulators of two reductions: code may look at what lies before the first.
pub const BEFORE_ACCUMULATORS: usize = 64;

/// Between two block buffers, so that equal offsets in them do not fall on equal offsets in a page: the processor would take
/// a load for one that must wait for the store before it.
const PADDING: usize = 3 * ALIGNMENT;

/// How code accumulates rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each in so many accumulators of its own, a stripe's.
    Stripes(usize),
    /// Every so many-th of `reduced` rows on each other.
    Rows {
        /// How many rows become one.
        reduced: usize,
        /// Accumulators: so far apart lie the rows that one takes.
        every: usize,
    },
    /// The same where an accumulator takes few rows: several take them in turn, out of the first cache ([`Tape::bundles`]).
    Bundles {
        /// How many rows become one.
        reduced: usize,
        /// So far apart lie the rows that these accumulators take.
        every: usize,
    },
}

/// Where an instruction writes.
#[derive(Clone, Copy)]
enum Output {
    /// The block buffer at this offset of the bench.
    Bench(usize),
    /// Element `i` of the line at `pointer + i * size`.
    Dense { pointer: *mut u8, size: usize },
    /// Element `i` of the line where [`Tape::apart`] leads from the pointer.
    Apart { pointer: *mut u8 },
}

struct Operation {
    function: BlockFunction,
    first: usize,
    count: usize,
    output: Output,
}

/// A region with its arrays: what one block needs to run.
pub struct Tape {
    readers: Few<Reader>,
    operations: Few<Operation>,
    operands: Short<u32, 16>,
    copies: Short<(Register, *mut u8, usize)>,
    leaf_offsets: Few<usize>,
    block: usize,
    /// No block reaches beyond a multiple of this: leaves have copied so many elements at once.
    window: usize,
    /// No block reaches beyond a multiple of this, but for whole runs of machine code.
    run: usize,
    /// So many runs, from a multiple of this on, all leaves go on by the same distances.
    rows: usize,
    /// How many runs lie between the rows of one call, and one more.
    every: usize,
    /// Whether it is one of [`Tape::bundles`].
    bundles: bool,
    bytes: usize,
    arity: usize,
    axes: usize,
    machine: Option<Machine>,
    /// What readers that are packed read from.
    packed: Short<Packed, 2>,
    /// Of rows that are repeated, which the code reads behind the leaves.
    reciprocals: Short<Reciprocals, 1>,
    /// The axes along which a result lies whose runs are not side by side.
    apart: Axes,
    /// Block buffers that a thread has given back.
    spare: Spare,
}

/// A place for block buffers that nobody uses.
#[derive(Default)]
struct Spare(AtomicPtr<Bench>);

impl Spare {
    /// What is there; nobody else gets it.
    fn take(&self) -> Option<Box<Bench>> {
        let bench = self.0.swap(std::ptr::null_mut(), Ordering::Acquire);
        // SAFETY: what is left here was a box, and the exchange gives it to one taker alone.
        (!bench.is_null()).then(|| unsafe { Box::from_raw(bench) })
    }

    /// Leaves something here, and forgets what was.
    fn leave(&self, bench: Box<Bench>) {
        let before = self.0.swap(Box::into_raw(bench), Ordering::AcqRel);
        if !before.is_null() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(before) });
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.take();
    }
}

/// One thread's block buffers, which go back to their tape.
pub struct Lease<'a> {
    spare: &'a Spare,
    bench: Option<Box<Bench>>,
}

impl Deref for Lease<'_> {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        match &self.bench {
            Some(bench) => bench,
            None => unreachable!("it is given back in the end alone"),
        }
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Bench {
        match &mut self.bench {
            Some(bench) => bench,
            None => unreachable!("it is given back in the end alone"),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(bench) = self.bench.take() {
            self.spare.leave(bench);
        }
    }
}

/// The region's machine code, which takes the place of the operations.
struct Machine {
    code: Arc<Compiled>,
    /// The registers that it computes, and where to.
    outputs: Short<(Register, Output)>,
    /// How far the place of each leaf, and then of each output, goes from run to run, in bytes.
    steps: Few<isize>,
}

// SAFETY: the pointers lead to arrays that are only read, and to results of which each unit of work writes its own elements;
// both outlive the tape (the executor holds them while it runs). Those of a spare bench are made anew before they are used.
unsafe impl Send for Tape {}
// SAFETY: as above.
unsafe impl Sync for Tape {}

/// A tape from an element of the line on, which counts as the first.
#[derive(Clone, Copy)]
pub struct Stretch<'a> {
    tape: &'a Tape,
    from: usize,
}

impl<'a> Stretch<'a> {
    /// The whole line.
    pub fn whole(tape: &'a Tape) -> Stretch<'a> {
        Stretch { tape, from: 0 }
    }

    /// What begins at an element.
    pub fn from(tape: &'a Tape, from: usize) -> Stretch<'a> {
        Stretch { tape, from }
    }

    /// [`Tape::evaluate`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn evaluate(&self, bench: &mut Bench, start: usize, length: usize) -> Option<Fault> {
        // SAFETY: the caller's promise.
        let fault = unsafe { self.tape.evaluate(bench, self.from + start, length) };
        fault.map(|fault| Fault { element: fault.element - self.from, ..fault })
    }

    /// [`Tape::accumulate`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn accumulate(&self, bench: &mut Bench, start: usize, rows: (usize, usize), to: &[*mut u8]) {
        // SAFETY: the caller's promise.
        unsafe { self.tape.accumulate(bench, self.from + start, rows, to) }
    }

    /// [`Tape::compute`].
    ///
    /// # Safety
    /// As there.
    pub unsafe fn compute(&self, bench: &mut Bench, start: usize, rows: (usize, usize)) {
        // SAFETY: the caller's promise.
        unsafe { self.tape.compute(bench, self.from + start, rows) }
    }

    /// [`Tape::distance`].
    pub fn distance(&self, register: Register) -> isize {
        self.tape.distance(register)
    }

    /// Whether the tape is one of [`Tape::bundles`].
    pub fn takes_bundles(&self) -> bool {
        self.tape.bundles
    }

    /// [`Tape::piece`].
    pub fn piece(&self, start: usize, left: usize) -> usize {
        self.tape.piece(self.from + start, left)
    }

    /// [`Tape::rows_from`], for an element that begins a run.
    pub fn rows_from(&self, start: usize) -> usize {
        self.tape.rows_from((self.from + start) / self.tape.run)
    }

    /// The most elements that one call of [`Tape::evaluate`] takes.
    pub fn block(&self) -> usize {
        self.tape.block
    }

    /// [`Tape::grain`].
    pub fn grain(&self, unit: usize) -> usize {
        self.tape.grain(unit)
    }

    /// [`Tape::vector`].
    pub fn vector(&self) -> usize {
        self.tape.vector()
    }

    /// [`Tape::takes_any`].
    pub fn takes_any(&self) -> bool {
        self.tape.takes_any()
    }

    /// [`Tape::lease`].
    pub fn lease(&self) -> Lease<'a> {
        self.tape.lease()
    }

    /// [`Tape::register`].
    pub fn register(&self, bench: &Bench, register: Register) -> *const u8 {
        self.tape.register(bench, register)
    }
}

/// One thread's block buffers.
pub struct Bench {
    memory: Scratch,
    pointers: Short<*const u8, 16>,
    arguments: Few<*const u8>,
    /// Room for a leaf's index; where blocks follow runs, the index of each leaf at the element `next` of the line.
    index: Short<usize, 16>,
    /// Of each leaf there, in bytes.
    offsets: Few<isize>,
    /// Where the elements begin of which each leaf has copied a whole window.
    windows: Few<usize>,
    /// Where the last block ended.
    next: usize,
    /// The element of the line that stored results begin with.
    pub origin: usize,
    /// For machine code: its table, and room for the last elements.
    stage: Few<Stage>,
}

/// The first element that has no answer: its place on the line and the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The place on the line.
    pub element: usize,
    /// The instruction's index.
    pub instruction: usize,
}

impl Tape {
    /// A region with its arrays: the places of the leaves (`None` for those that are no arrays), and the stored results'
    /// first bytes, in the order of the region's stores. A region that is not alone takes turns with others: then its leaves are not read yet,
    /// and its results do not pass by the cache. The region must not be empty.
    pub fn new(
        region: &Region,
        level: Level,
        places: &[Option<Place>],
        destinations: &[*mut u8],
        is_alone: bool,
    ) -> Tape {
        let mut readers = Reader::all(region, places);
        let packed = if is_alone { packed(&mut readers) } else { Short::new() };
        // What is reduced may not be taken in the order of the line, and what is replaced is not to be read twice.
        if is_alone && region.ends.is_empty() && region.stores.iter().all(|store| store.within.is_none()) {
            readers.iter_mut().for_each(Reader::turn);
        }
        let window = common_window(&mut readers);
        if region.machine_code != MachineCode::Off {
            let run = run(region, &readers, SHORTEST_ROW);
            let mut readings = readings(region, &readers, run, packed.is_empty());
            if is_alone && (region.ends.is_empty() || region.extents().2 == 1) {
                fetch(region, &readers, run, &mut readings);
            }
            let repeated = if is_alone { repeated(region, &readers, run, &mut readings) } else { Short::new() };
            let streams = is_alone && run == usize::MAX && streams(region, &readers, window, destinations);
            // A leaf that is a result or is reduced is wanted element by element, and code repeats one in a line alone.
            let is_wanted = |register: Register| {
                region.ends.iter().any(|end| end.register == register)
                    || region.stores.iter().any(|store| store.register == register)
            };
            let is_line = (0..readings.len()).any(|leaf| readings[leaf] == Reading::Splat && is_wanted(leaf));
            if is_line {
                region.runs_without();
            } else if let Some(code) = region.compiled(&readings, streams, level) {
                return Tape::of_code(region, code, readers, (packed, run, window), (&repeated, destinations));
            }
        }
        let run = run(region, &readers, RUN_OF_FUNCTIONS);
        let leaves = readers.len();
        let count = region.count();
        let largest = (0..leaves + region.instructions.len()).map(|register| region.dtype(register).size()).max();
        let largest = largest.unwrap_or(1);
        let limit = match region.instructions.len() {
            0 if readers.iter().all(|reader| matches!(reader, Reader::Dense { .. })) => LONG_BLOCK,
            _ if largest > 8 || (largest == 8 && region.buffers > 4) => SMALL_BLOCK,
            _ => BLOCK,
        };
        let block = limit.min(count.max(1));
        let slot = (block * largest).next_multiple_of(ALIGNMENT) + PADDING;
        let mut bytes = region.buffers * slot;
        let mut leaf_offsets: Few<usize> = Few::from_elem(0, leaves);
        for (reader, offset) in readers.iter().zip(&mut leaf_offsets) {
            if !matches!(reader, Reader::Dense { .. }) {
                *offset = bytes;
                bytes += slot.max((reader.window() * reader.size()).next_multiple_of(ALIGNMENT) + PADDING);
            }
        }
        let mut operations = Few::with_capacity(region.instructions.len());
        let mut operands = Short::new();
        for (index, instruction) in region.instructions.iter().enumerate() {
            let stored = region.stores.iter().position(|store| store.register == leaves + index);
            let output = match stored {
                Some(store) => Output::Dense { pointer: destinations[store], size: instruction.dtype.size() },
                None => Output::Bench(instruction.buffer * slot),
            };
            let first = operands.len();
            operands.extend(instruction.operands.iter().map(|&register| register as u32));
            operations.push(Operation {
                function: instruction.function,
                first,
                count: instruction.operands.len(),
                output,
            });
        }
        let copies = copies(region, destinations);
        let arity = operations.iter().map(|operation| operation.count).max().unwrap_or(0);
        let axes = readers.iter().map(Reader::rank).max().unwrap_or(0);
        Tape {
            readers,
            operations,
            operands,
            copies,
            leaf_offsets,
            block,
            window,
            run,
            rows: 1,
            every: 1,
            bundles: false,
            bytes,
            arity,
            axes,
            machine: None,
            packed,
            reciprocals: Short::new(),
            apart: Axes::new(),
            spare: Spare::default(),
        }
    }

    /// The same where the region has machine code: only what is reduced, and what is not read where it lies, has blocks.
    fn of_code(
        region: &Region,
        code: Arc<Compiled>,
        readers: Few<Reader>,
        (packed, run, window): (Short<Packed, 2>, usize, usize),
        (repeated, destinations): (&[Register], &[*mut u8]),
    ) -> Tape {
        let leaves = readers.len();
        let outputs = region.outputs();
        let stored = |register| region.stores.iter().position(|store| store.register == register);
        let moved = readers.iter().any(|reader| reader.is_moved(run));
        let block = if region.stores.iter().any(|store| store.within.is_some()) {
            WAITING_BLOCK
        } else if !moved && outputs.iter().all(|&register| stored(register).is_some()) {
            CODE_BLOCK
        } else if !moved && region.extents().2 > 1 {
            ROW_BLOCK
        } else {
            BLOCK
        };
        let block = block.min(region.count().max(1));
        let mut bytes = 0;
        let mut slot = |elements: usize, size: usize| {
            let offset = bytes;
            bytes += (elements * size).next_multiple_of(ALIGNMENT) + PADDING;
            offset
        };
        let mut leaf_offsets: Few<usize> = Few::from_elem(0, leaves);
        for (register, reader) in readers.iter().enumerate() {
            let elements = match reader {
                Reader::Dense { .. } => continue,
                Reader::Strided { size, .. } if reader.reading(run) == Reading::Splat && code.repeats(*size) => {
                    continue;
                }
                // A line for each run.
                reader if reader.reading(run) == Reading::Splat => ALIGNMENT * (block / run).max(1),
                reader if !reader.is_moved(run) => continue,
                reader => block.max(reader.window()),
            };
            let size = if reader.reading(run) == Reading::Splat { 1 } else { region.dtype(register).size() };
            leaf_offsets[register] = slot(elements, size);
        }
        let place = |register: Register| {
            let size = region.dtype(register).size();
            match stored(register) {
                Some(store) => (register, Output::Dense { pointer: destinations[store], size }),
                None => (register, Output::Bench(slot(block, size))),
            }
        };
        let outputs: Short<(Register, Output)> = outputs.into_iter().map(place).collect();
        let axes = readers.iter().map(Reader::rank).max().unwrap_or(0);
        let arity = leaves + repeated.len() + outputs.len();
        let copies = copies(region, destinations);
        let reciprocals =
            repeated.iter().map(|&leaf| Reciprocals::new(leaf, region.dtype(leaf), &readers[leaf])).collect();
        let read = readers.iter().chain(repeated.iter().map(|&leaf| &readers[leaf]));
        let steps = read.map(|reader| reader.step(run, &code));
        let steps = steps.chain(outputs.iter().map(|&(register, _)| (run * region.dtype(register).size()) as isize));
        let steps = if run == usize::MAX { Few::new() } else { steps.collect() };
        // A leaf that is copied or reduced itself is wanted without gaps between rows.
        let is_wanted = !copies.is_empty() || region.ends.iter().any(|end| end.register < leaves);
        let rows = if run == usize::MAX || arity > MOST_IN_ROWS || is_wanted { 1 } else { rows(&readers, run) };
        let machine = Some(Machine { code, outputs, steps });
        let (operations, operands) = (Few::new(), Short::new());
        Tape {
            readers,
            operations,
            operands,
            copies,
            leaf_offsets,
            block,
            window,
            run,
            rows,
            every: 1,
            bundles: false,
            bytes,
            arity,
            axes,
            machine,
            packed,
            reciprocals,
            apart: Axes::new(),
            spare: Spare::default(),
        }
    }

    /// A tape whose code accumulates the region's ends, if there is such code and all leaves lie where it can read them: rows of `row`
    /// elements of the line each in so many accumulators (`stripe`), or every so many-th of them (`every`) on each other.
    pub fn folding(
        region: &Region,
        level: Level,
        places: &[Option<Place>],
        destinations: &[*mut u8],
        (row, way): (usize, Way),
        is_alone: bool,
    ) -> Option<Tape> {
        let (stripe, most, step, reduced, every) = match way {
            Way::Stripes(stripe) => (Some(stripe), (LONG_BLOCK / row).max(1), STRIPE as isize, 1, 1),
            Way::Rows { reduced, every } => (None, STRIPES, 0, reduced, every),
            Way::Bundles { reduced, every } => {
                return Tape::bundles(region, level, places, destinations, row, (reduced, every), is_alone);
            }
        };
        if !region.may_fold() {
            return None;
        }
        let mut readers = Reader::all(region, places);
        let packed = if is_alone { packed(&mut readers) } else { Short::new() };
        if !are_in_rows(&readers, row, reduced) {
            return None;
        }
        let mut readings = readings(region, &readers, row, packed.is_empty());
        let size = region.ends.iter().map(|end| region.dtype(end.register).size()).min();
        if stripe.is_some() || size.is_some_and(|size| row * size >= SHORTEST_FOLDED) {
            fetch(region, &readers, row, &mut readings);
        }
        let code = region.folding(&readings, stripe, level)?;
        let mut bytes = 0;
        let mut leaf_offsets: Few<usize> = Few::from_elem(0, readers.len());
        for (offset, reading) in leaf_offsets.iter_mut().zip(&readings) {
            if *reading == Reading::Splat {
                *offset = bytes;
                bytes += most * ALIGNMENT;
            }
        }
        let outputs: Short<(Register, Output)> = region
            .stores
            .iter()
            .zip(destinations)
            .map(|(store, &pointer)| {
                let size = region.dtype(store.register).size();
                (store.register, Output::Dense { pointer, size })
            })
            .collect();
        let ends = region.ends.len();
        let stored = outputs.iter().map(|&(register, _)| (row * region.dtype(register).size()) as isize);
        let steps =
            readers.iter().map(|reader| reader.step(row, &code)).chain(std::iter::repeat_n(0, ends)).chain(stored);
        // Elements that were repeated lie one line behind the other, whatever lies between their rows.
        let apart = |(index, step): (usize, isize)| match readers.get(index) {
            Some(reader) if readings[index] == Reading::Splat && !code.repeats(reader.size()) => step,
            _ => step * every as isize,
        };
        let steps = steps.enumerate().map(apart).chain(std::iter::repeat_n(step, ends)).collect();
        let arity = readers.len() + 2 * ends + outputs.len();
        let axes = readers.iter().map(Reader::rank).max().unwrap_or(0);
        let machine = Some(Machine { code, outputs, steps });
        let (operations, operands, copies) = (Few::new(), Short::new(), Short::new());
        let block = (LONG_BLOCK / row).max(1) * row;
        let rows = rows(&readers, row);
        Some(Tape {
            readers,
            operations,
            operands,
            copies,
            leaf_offsets,
            block,
            window: usize::MAX,
            run: row,
            rows,
            every,
            bundles: false,
            bytes,
            arity,
            axes,
            machine,
            packed,
            reciprocals: Short::new(),
            apart: Axes::new(),
            spare: Spare::default(),
        })
    }

    /// A tape that computes every so many-th row of `row` elements of the line side by side ([`Tape::compute`]), all that a bundle of
    /// accumulators takes of the `reduced`, if there is code for it and all leaves lie where it can read them.
    fn bundles(
        region: &Region,
        level: Level,
        places: &[Option<Place>],
        destinations: &[*mut u8],
        row: usize,
        (reduced, every): (usize, usize),
        is_alone: bool,
    ) -> Option<Tape> {
        let mut readers = Reader::all(region, places);
        let packed = if is_alone { packed(&mut readers) } else { Short::new() };
        let readings = readings(region, &readers, row, packed.is_empty());
        let (leaves, wanted) = (readers.len(), region.outputs());
        // Leaves that are reduced themselves are read where they lie.
        let is_there = |end: &End| end.register >= leaves || readings[end.register] != Reading::Splat;
        let is_stored = |store: &Store| store.register >= leaves;
        if !are_in_rows(&readers, row, reduced)
            || !region.ends.iter().all(is_there)
            || !region.stores.iter().all(is_stored)
            || leaves + wanted.len() > MOST_IN_ROWS
        {
            return None;
        }
        let code = if wanted.is_empty() { None } else { Some(region.compiled(&readings, false, level)?) };
        let most = reduced.div_ceil(every);
        let largest = wanted.iter().map(|&register| region.dtype(register).size()).max();
        // Whole lines of the smallest elements that there are.
        let wide = |size: usize| (MOST_BUNDLED / (most * size)).max(FEWEST_BUNDLED).next_multiple_of(ALIGNMENT / 4);
        let block = largest.map_or(ROW_BLOCK, wide).min(row);
        let mut bytes = 0;
        let mut slot = |size: usize| {
            let offset = bytes;
            bytes += size.next_multiple_of(ALIGNMENT) + PADDING;
            offset
        };
        let leaf_offsets =
            readings.iter().map(|reading| if *reading == Reading::Splat { slot(most * ALIGNMENT) } else { 0 });
        let leaf_offsets = leaf_offsets.collect();
        let machine = code.map(|code| {
            let leaf = |(reader, reading): (&Reader, &Reading)| match reader.step(row, &code) {
                step if *reading == Reading::Splat && !code.repeats(reader.size()) => step,
                step => step * every as isize,
            };
            let mut steps: Few<isize> = readers.iter().zip(&readings).map(leaf).collect();
            let output = |&register: &Register| {
                let size = region.dtype(register).size();
                match region.stores.iter().position(|store| store.register == register) {
                    Some(store) => {
                        steps.push((every * row * size) as isize);
                        (register, Output::Dense { pointer: destinations[store], size })
                    }
                    None => {
                        steps.push((block * size) as isize);
                        (register, Output::Bench(slot(most * block * size)))
                    }
                }
            };
            let outputs = wanted.iter().map(output).collect();
            Machine { code, outputs, steps }
        });
        Some(Tape {
            operations: Few::new(),
            operands: Short::new(),
            copies: Short::new(),
            leaf_offsets,
            block,
            window: usize::MAX,
            run: row,
            rows: rows(&readers, row),
            every,
            bundles: true,
            bytes,
            arity: leaves + wanted.len(),
            axes: readers.iter().map(Reader::rank).max().unwrap_or(0),
            machine,
            packed,
            reciprocals: Short::new(),
            apart: Axes::new(),
            spare: Spare::default(),
            readers,
        })
    }

    /// A tape without instructions that reads `count` packed elements.
    pub fn over(pointer: *const u8, size: usize, count: usize) -> Tape {
        Tape {
            readers: Few::from_iter([Reader::Dense { pointer, size }]),
            operations: Few::new(),
            operands: Short::new(),
            copies: Short::new(),
            leaf_offsets: Few::from_elem(0, 1),
            block: BLOCK.min(count.max(1)),
            window: usize::MAX,
            run: usize::MAX,
            rows: 1,
            every: 1,
            bundles: false,
            bytes: 0,
            arity: 0,
            axes: 0,
            machine: None,
            packed: Short::new(),
            reciprocals: Short::new(),
            apart: Axes::new(),
            spare: Spare::default(),
        }
    }

    /// The tape of a region whose one result lies along these axes, if its code can leave it so.
    pub fn apart(region: &Region, level: Level, places: &[Option<Place>], to: *mut u8, axes: &Axes) -> Option<Tape> {
        let mut tape = Tape::new(region, level, places, &[to], true);
        let &(row, inner) = axes.last()?;
        let machine = tape.machine.as_mut()?;
        let [(register, output)] = &mut machine.outputs[..] else { return None };
        let size = region.dtype(*register).size();
        let are_rows = axes.len() == 1 || row == tape.run;
        if inner != size as isize || !are_rows || !tape.copies.is_empty() {
            return None;
        }
        if let [.., (length, distance), _] = axes[..] {
            *output = Output::Apart { pointer: to };
            if let Some(step) = machine.steps.last_mut() {
                *step = distance;
            }
            if axes.len() > 2 && !length.is_multiple_of(tape.rows) {
                tape.rows = 1;
            }
            tape.apart = axes.clone();
        }
        Some(tape)
    }

    /// Whether it leaves its result along these axes.
    pub fn suits(&self, axes: &Axes) -> bool {
        if axes.len() == 1 { self.apart.is_empty() } else { self.apart == *axes }
    }

    /// How many of the next elements one call of [`Tape::evaluate`] takes.
    pub fn piece(&self, start: usize, left: usize) -> usize {
        let mut piece = left.min(self.block);
        if self.window != usize::MAX {
            piece = piece.min(self.window - start % self.window);
        }
        if self.run == usize::MAX {
            return piece;
        }
        let (run, at) = (start / self.run, start % self.run);
        let rows = (piece / self.run).min(self.rows - run % self.rows);
        if at == 0 && rows > 1 { rows * self.run } else { piece.min(self.run - at) }
    }

    /// Units of about so many elements had better be multiples of this: of what is copied at once, or of rows where those are many, or of
    /// what begins with a line of the cache.
    pub fn grain(&self, unit: usize) -> usize {
        match (self.window, self.run) {
            (usize::MAX, run) if run <= unit / MANY_ROWS => run,
            (usize::MAX, _) => ALIGNMENT,
            (window, _) => window,
        }
    }

    /// So many runs, from one on, can be taken at once.
    pub fn rows_from(&self, run: usize) -> usize {
        self.rows - run % self.rows
    }

    /// The least elements of a row that accumulating code takes.
    pub fn vector(&self) -> usize {
        self.machine.as_ref().map_or(usize::MAX, |machine| machine.code.width())
    }

    /// Whether a leaf of one value for a whole run is read where it lies.
    fn repeats(&self, size: usize) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.code.repeats(size))
    }

    /// Whether any block of elements can be taken at once, whatever runs it lies in.
    pub fn takes_any(&self) -> bool {
        self.run == usize::MAX
    }

    /// Whether the tape serves another run, of arrays that lie as these do elsewhere: the region is so small that it gains by it.
    pub fn serves_again(&self, region: &Region) -> bool {
        let bytes = self.packed.iter().map(Packed::bytes).chain(self.reciprocals.iter().map(Reciprocals::bytes));
        bytes.sum::<usize>() <= MOST_PACKED_AGAIN && region.count() <= MOST_AGAIN
    }

    /// Takes a leaf from where its array begins now, which began at `from` before.
    ///
    /// # Safety
    /// As [`Reader::follow`].
    pub unsafe fn follow(&mut self, leaf: Register, from: *const u8, to: *const u8) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.packed.iter_mut().find(|packed| packed.leaf == leaf) {
                Some(packed) => packed.follow(from, to),
                None => self.readers[leaf].follow(from, to),
            }
        }
        if let Some(reciprocals) = self.reciprocals.iter_mut().find(|reciprocals| reciprocals.leaf == leaf) {
            reciprocals.fill(&self.readers[leaf]);
        }
    }

    /// Brings the stored results elsewhere, in the order of the region's stores.
    pub fn direct(&mut self, region: &Region, destinations: &[*mut u8]) {
        let leaves = self.readers.len();
        let computed = self.operations.iter_mut().enumerate();
        let computed = computed.map(|(index, operation)| (leaves + index, &mut operation.output));
        let by_machine = self.machine.iter_mut().flat_map(|machine| machine.outputs.iter_mut());
        for (register, output) in computed.chain(by_machine.map(|(register, output)| (*register, output))) {
            if let Output::Dense { pointer, .. } | Output::Apart { pointer } = output
                && let Some(store) = region.stores.iter().position(|store| store.register == register)
            {
                *pointer = destinations[store];
            }
        }
        self.copies = copies(region, destinations);
    }

    /// Block buffers for one thread: those that another one has given back, or new ones.
    pub fn lease(&self) -> Lease<'_> {
        let bench = match self.spare.take() {
            Some(mut bench) => {
                self.rewind(&mut bench);
                bench
            }
            None => Box::new(self.bench()),
        };
        Lease { spare: &self.spare, bench: Some(bench) }
    }

    /// Block buffers for one thread.
    pub fn bench(&self) -> Bench {
        let mut memory = Scratch::of(self.bytes);
        let base = memory.pointer();
        let registers = match &self.machine {
            Some(machine) => machine.outputs.iter().map(|(register, _)| register + 1).max().unwrap_or(0),
            None => self.readers.len() + self.operations.len(),
        };
        let mut pointers = Short::from_elem(std::ptr::null(), registers.max(self.readers.len()));
        for ((reader, &offset), pointer) in self.readers.iter().zip(&self.leaf_offsets).zip(&mut pointers) {
            if let Reader::Dense { .. } = reader {
                continue;
            }
            // SAFETY: the offset was laid out within the bench.
            *pointer = unsafe { base.add(offset) };
        }
        self.repeat(base);
        for (operation, pointer) in self.operations.iter().zip(&mut pointers[self.readers.len()..]) {
            if let Output::Bench(offset) = operation.output {
                // SAFETY: as above.
                *pointer = unsafe { base.add(offset) };
            }
        }
        let stage = self.machine.as_ref().map_or(0, |machine| machine.code.stage());
        Bench {
            memory,
            pointers,
            arguments: Few::from_elem(std::ptr::null(), self.arity),
            index: Short::from_elem(0, if self.run == usize::MAX { self.axes } else { self.axes * self.readers.len() }),
            offsets: Few::from_elem(0, if self.run == usize::MAX { 0 } else { self.readers.len() }),
            windows: Few::from_elem(usize::MAX, if self.window == usize::MAX { 0 } else { self.readers.len() }),
            next: usize::MAX,
            origin: 0,
            stage: Few::from_elem(Stage::EMPTY, stage),
        }
    }

    /// Repeats what is one value everywhere.
    fn repeat(&self, base: *mut u8) {
        for (reader, &offset) in self.readers.iter().zip(&self.leaf_offsets) {
            if let Reader::Splat { bytes, size, .. } = reader {
                let count = if self.machine.is_some() { ALIGNMENT / size } else { self.block };
                // SAFETY: the offset was laid out within the bench, and a slot has room for a block of the largest elements.
                unsafe { splat(bytes, *size, base.add(offset), count) };
            }
        }
    }

    /// Begins with the line again, for arrays that may lie elsewhere.
    pub fn rewind(&self, bench: &mut Bench) {
        (bench.next, bench.origin) = (usize::MAX, 0);
        bench.windows.fill(usize::MAX);
        self.repeat(bench.memory.pointer());
    }

    /// Runs every instruction on the elements `start .. start + length` of the line, no more than a [`Tape::piece`]. When an element has
    /// no answer, the first such element and its first instruction come back, and what lies behind it is unspecified.
    ///
    /// # Safety
    /// The elements are in the region, the bench is of this tape, the arrays live, and no other thread works on the same
    /// elements of a tape with stores.
    pub unsafe fn evaluate(&self, bench: &mut Bench, start: usize, length: usize) -> Option<Fault> {
        debug_assert!(length <= self.block);
        // Whole runs, or a part of one.
        let rows = if self.run == usize::MAX { 1 } else { (length / self.run).max(1) };
        // SAFETY: the caller's promise.
        unsafe { self.read(bench, start, length, rows) };
        let base = bench.memory.pointer();
        if let Some(machine) = &self.machine {
            // SAFETY: the caller's promise, and what was set up above.
            unsafe { machine.evaluate(bench, base, self, start, (length, rows)) };
            // SAFETY: as above.
            unsafe { self.copy(bench, start, length) };
            return None;
        }
        let mut length = length;
        let mut fault = None;
        let leaves = self.readers.len();
        for (index, operation) in self.operations.iter().enumerate() {
            let operands = &self.operands[operation.first..operation.first + operation.count];
            for (argument, &register) in bench.arguments.iter_mut().zip(operands) {
                *argument = bench.pointers[register as usize];
            }
            let output = match operation.output {
                // SAFETY: the offset was laid out within the bench.
                Output::Bench(offset) => unsafe { base.add(offset) },
                Output::Apart { .. } => unreachable!("only machine code leaves results apart"),
                Output::Dense { pointer, size } => {
                    // SAFETY: the element is in the result.
                    let place = unsafe { pointer.add((start - bench.origin) * size) };
                    bench.pointers[leaves + index] = place;
                    place
                }
            };
            // SAFETY: every operand is packed and has `length` elements; the result has room, and is an operand's memory only
            // when the plan let it take a leaf's place at the same index.
            let first = unsafe { (operation.function)(bench.arguments.as_ptr(), output, length) };
            if first < length {
                fault = Some(Fault { element: start + first, instruction: index });
                length = first;
                if length == 0 {
                    return fault;
                }
            }
        }
        // SAFETY: as above.
        unsafe { self.copy(bench, start, length) };
        fault
    }

    /// Finds the leaves' elements, and moves them where they do not lie as they are wanted.
    ///
    /// # Safety
    /// As [`Tape::evaluate`].
    unsafe fn read(&self, bench: &mut Bench, start: usize, length: usize, rows: usize) {
        let base = bench.memory.pointer();
        // Where rows are taken together, their run's number and the place in it tell where they begin.
        let (begun, at) = if rows > 1 { (start / self.run, start % self.run) } else { (0, 0) };
        for ((register, reader), &offset) in self.readers.iter().enumerate().zip(&self.leaf_offsets) {
            // SAFETY: the caller's promise: the elements are in the arrays, and the slot has room for a block.
            unsafe {
                match reader {
                    Reader::Dense { pointer, size } => bench.pointers[register] = pointer.add(start * size),
                    Reader::Splat { .. } => {}
                    Reader::Strided { pointer, size, axes, .. } if self.run != usize::MAX => {
                        let inner = axes.last().map_or(0, |axis| axis.1);
                        let (first, last) = (register * self.axes, register * self.axes + axes.len());
                        let place = &mut bench.index[first..last];
                        if rows > 1
                            && let &[(_, outer), (length, _)] = &axes[..]
                            && length == self.run
                        {
                            bench.offsets[register] = begun as isize * outer + at as isize * inner;
                        } else if bench.next != start {
                            bench.offsets[register] = unravel(axes, place, start);
                        }
                        let from = pointer.offset(bench.offsets[register]);
                        if inner == *size as isize || inner == 0 && self.repeats(*size) {
                            bench.pointers[register] = from;
                        } else if inner == 0 && self.machine.is_some() {
                            for row in 0..rows {
                                let mut bytes = [0; 16];
                                let from = from.offset((row * self.every) as isize * reader.stride(self.run));
                                std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), *size);
                                splat(&bytes, *size, base.add(offset + row * ALIGNMENT), ALIGNMENT / size);
                            }
                        } else {
                            let copied = bench.windows.get_mut(register);
                            bench.pointers[register] = reader.copy(place, copied, (start, length), base.add(offset));
                        }
                        if rows == 1 {
                            advance(axes, place, &mut bench.offsets[register], length);
                        }
                    }
                    Reader::Strided { .. } => {
                        let copied = bench.windows.get_mut(register);
                        bench.pointers[register] =
                            reader.copy(&mut bench.index, copied, (start, length), base.add(offset));
                    }
                    Reader::Counter { start: first, axes } => {
                        // Where blocks follow runs, the other places are other leaves'.
                        let own = if self.run == usize::MAX { 0 } else { register * self.axes };
                        count(*first, axes, &mut bench.index[own..], start, length, base.add(offset).cast());
                    }
                }
            }
        }
        bench.next = if rows == 1 { start + length } else { usize::MAX };
    }

    /// Computes rows of `count` elements, the first at `start` of the line, and accumulates them.
    ///
    /// # Safety
    /// As [`Tape::evaluate`] for the rows, no more than [`Tape::rows_from`] the first or, where rows are accumulated on each other, those
    /// of one reduction; the tape is one of [`Tape::folding`]. The ends' accumulators are memory for all that the rows leave there, with
    /// 64 bytes before it where each row has its own.
    pub unsafe fn accumulate(&self, bench: &mut Bench, start: usize, (count, rows): (usize, usize), to: &[*mut u8]) {
        let Some(machine) = &self.machine else { unreachable!("it is made of machine code") };
        // SAFETY: the caller's promise.
        unsafe {
            self.read(bench, start, count * rows, rows);
            let leaves = self.readers.len();
            bench.arguments[..leaves].copy_from_slice(&bench.pointers[..leaves]);
            let results = &mut bench.arguments[leaves + to.len()..];
            for (&(_, output), argument) in machine.outputs.iter().zip(results.iter_mut()) {
                if let Output::Dense { pointer, size } = output {
                    *argument = pointer.add(start * size);
                }
            }
            for (argument, &to) in results[machine.outputs.len()..].iter_mut().zip(to) {
                *argument = to;
            }
            machine.code.fold(&mut bench.arguments, count, (rows, &machine.steps));
        }
    }

    /// Computes rows of `count` elements, the first at `start` of the line, and leaves them side by side: [`Tape::register`] tells where
    /// the first lies, [`Tape::distance`] how far apart they are.
    ///
    /// # Safety
    /// As [`Tape::evaluate`] for the rows, those of one reduction; the tape is one of [`Tape::bundles`], and rows are no longer than its
    /// block.
    pub unsafe fn compute(&self, bench: &mut Bench, start: usize, (count, rows): (usize, usize)) {
        // SAFETY: the caller's promise.
        unsafe {
            self.read(bench, start, count * rows, rows);
            if let Some(machine) = &self.machine {
                let base = bench.memory.pointer();
                machine.evaluate(bench, base, self, start, (count * rows, rows));
            }
        }
    }

    /// How far a register's rows lie apart, in bytes.
    pub fn distance(&self, register: Register) -> isize {
        if let Some(reader) = self.readers.get(register) {
            return reader.stride(self.run) * self.every as isize;
        }
        let place = |machine: &Machine| machine.outputs.iter().position(|&(output, _)| output == register);
        let before = self.readers.len() + self.reciprocals.len();
        let step = |machine: &Machine| place(machine).map(|place| machine.steps[before + place]);
        self.machine.as_ref().and_then(step).unwrap_or(0)
    }

    /// Copies leaves that are results themselves.
    ///
    /// # Safety
    /// As [`Tape::evaluate`], when the leaves have been read.
    unsafe fn copy(&self, bench: &Bench, start: usize, length: usize) {
        for &(register, to, size) in &self.copies {
            // SAFETY: the element is in the result; in place both are the same.
            unsafe { std::ptr::copy(bench.pointers[register], to.add((start - bench.origin) * size), length * size) };
        }
    }

    /// Where a register's elements lie after [`Tape::evaluate`].
    pub fn register(&self, bench: &Bench, register: Register) -> *const u8 {
        bench.pointers[register]
    }
}

impl Machine {
    /// Computes the elements `start .. start + length` of the line.
    ///
    /// # Safety
    /// As [`Tape::evaluate`], when the leaves have been read.
    unsafe fn evaluate(
        &self,
        bench: &mut Bench,
        base: *mut u8,
        tape: &Tape,
        start: usize,
        (length, rows): (usize, usize),
    ) {
        let leaves = tape.readers.len();
        bench.arguments[..leaves].copy_from_slice(&bench.pointers[..leaves]);
        let (reciprocals, results) = bench.arguments[leaves..].split_at_mut(tape.reciprocals.len());
        for (reciprocals, argument) in tape.reciprocals.iter().zip(reciprocals) {
            *argument = reciprocals.of(&tape.readers[reciprocals.leaf], bench.pointers[reciprocals.leaf]);
        }
        for (&(register, output), argument) in self.outputs.iter().zip(results) {
            // SAFETY: the offset was laid out within the bench, and the element is in the result.
            let place = unsafe {
                match output {
                    Output::Bench(offset) => base.add(offset),
                    Output::Dense { pointer, size } => pointer.add((start - bench.origin) * size),
                    Output::Apart { pointer } => pointer.offset(place_of(&tape.apart, start)),
                }
            };
            bench.pointers[register] = place;
            *argument = place;
        }
        // SAFETY: the leaves are readable for `length` elements, splat ones for a line; so are the results, each of which is
        // memory of its own or takes an operand's place.
        unsafe { self.code.run(&mut bench.arguments, &mut bench.stage, length / rows, (rows, &self.steps)) };
    }
}

/// Whether results are better written past the cache: all are new arrays, and together more than it holds.
fn streams(region: &Region, readers: &[Reader], window: usize, destinations: &[*mut u8]) -> bool {
    let bytes: usize = region.stores.iter().map(|store| region.dtype(store.register).size() * region.count()).sum();
    let is_new = |to: &*mut u8| {
        let lies_there =
            |reader: &Reader| matches!(reader, Reader::Dense { pointer, .. } if *pointer == to.cast_const());
        !readers.iter().any(lies_there) && to.addr().is_multiple_of(ALIGNMENT)
    };
    // Blocks end where windows do, and each is to begin with a line.
    let begins_line = |store: &Store| {
        window == usize::MAX || (window * region.dtype(store.register).size()).is_multiple_of(ALIGNMENT)
    };
    bytes >= MOST_CACHED
        && region.ends.is_empty()
        && region.stores.iter().all(begins_line)
        && region.stores.iter().all(|store| store.within.is_none())
        && destinations.iter().all(is_new)
}

/// The length of the runs that blocks must not leave, so that leaves which are not dense along the whole line are read where they
/// lie; `usize::MAX` where that is not worth it.
fn run(region: &Region, readers: &[Reader], least: usize) -> usize {
    let inner = |reader: &Reader| match reader {
        Reader::Strided { axes, .. } => axes.last().map(|axis| axis.0),
        _ => None,
    };
    let (_, reduced, width) = region.extents();
    // Many short reductions are put into one block.
    let short = !region.ends.is_empty() && reduced * width * SHORT <= BLOCK;
    match readers.iter().filter_map(inner).min() {
        Some(run)
            if run >= least
                && !short
                && readers.iter().filter_map(inner).all(|length| length % run == 0)
                && readers.iter().any(|reader| matches!(reader, Reader::Strided { .. }) && !reader.is_moved(run)) =>
        {
            run
        }
        _ => usize::MAX,
    }
}

/// What machine code makes of each reader. Slices of one array that begin within a line of each other are found by one address, where
/// all lie in their arrays and none in a copy.
fn readings(region: &Region, readers: &[Reader], run: usize, in_place: bool) -> Few<Reading> {
    let mut readings: Few<Reading> = readers.iter().map(|reader| reader.reading(run)).collect();
    if region.count() < FEWEST_OVERLAPPING || !in_place {
        return readings;
    }
    let origin = |at: usize| match (&region.leaves[at].source, &readers[at]) {
        _ if readings[at] != Reading::Dense || readers[at].is_moved(run) || region.leaves[at].dtype.size() < 4 => None,
        (Source::Array { value, .. }, Reader::Dense { pointer, .. }) => Some((*value, *pointer, &[][..])),
        (Source::Array { value, .. }, Reader::Strided { pointer, axes, .. }) => Some((*value, *pointer, &axes[..])),
        _ => None,
    };
    let origins: Few<_> = (0..readers.len()).map(origin).collect();
    // From the lowest address on.
    let mut order: Few<usize> = (0..readers.len()).filter(|&at| origins[at].is_some()).collect();
    order.sort_by_key(|&at| origins[at].map(|(value, pointer, _)| (value, pointer)));
    let mut first = 0;
    for place in 1..order.len() {
        let (Some((value, from, axes)), Some((other, pointer, others))) =
            (origins[order[first]], origins[order[place]])
        else {
            continue;
        };
        let (size, distance) = (readers[order[place]].size(), pointer.addr() - from.addr().min(pointer.addr()));
        if value == other && axes == others && distance <= ALIGNMENT && distance.is_multiple_of(size) {
            readings[order[place]] = Reading::Shifted { of: order[first], by: distance / size };
        } else {
            first = place;
        }
    }
    readings
}

/// Has arrays fetched that are read from the first element to the last, if they are together more than the cache holds. Of several slices of
/// one array the foremost is: the others find there what it has read.
fn fetch(region: &Region, readers: &[Reader], run: usize, readings: &mut [Reading]) {
    // Most regions are small.
    let size = readers.iter().map(Reader::size).sum();
    if region.count().saturating_mul(size) < MOST_CACHED {
        return;
    }
    let from = |leaf: usize| match &readers[leaf] {
        _ if readings[leaf] != Reading::Dense => None,
        Reader::Dense { pointer, .. } => Some(*pointer),
        Reader::Strided { pointer, size, axes, .. } => {
            let is_read = !readers[leaf].is_moved(run) && run * size >= SHORTEST_FETCHED;
            (is_read && axes.iter().all(|axis| axis.1 != 0)).then_some(*pointer)
        }
        _ => None,
    };
    let value = |leaf: usize| match region.leaves[leaf].source {
        Source::Array { value, .. } => Some(value),
        _ => None,
    };
    let is_foremost = |leaf: usize, pointer: *const u8| {
        let other = |other: usize| value(other) == value(leaf) && from(other) > Some(pointer);
        value(leaf).is_none() || !(0..readers.len()).any(other)
    };
    let fetched: Few<usize> =
        (0..readers.len()).filter(|&leaf| from(leaf).is_some_and(|pointer| is_foremost(leaf, pointer))).collect();
    let bytes = fetched.iter().map(|&leaf| region.count() * readers[leaf].size());
    if bytes.sum::<usize>() >= MOST_CACHED {
        fetched.iter().for_each(|&leaf| readings[leaf] = Reading::Fetched);
    }
}

/// The leaves by which many rows are divided, whose reciprocals the code finds in inputs behind the leaves.
fn repeated(region: &Region, readers: &[Reader], run: usize, readings: &mut Few<Reading>) -> Short<Register> {
    let is_repeated = |leaf: usize| readings[leaf] == Reading::Dense && readers[leaf].is_repeated(run);
    if run == usize::MAX || !(0..readers.len()).any(is_repeated) {
        return Short::new();
    }
    let repeated: Short<Register> = region.divisors().iter().copied().filter(|&leaf| is_repeated(leaf)).collect();
    for &leaf in &repeated {
        readings[leaf] = Reading::Repeated;
        readings.push(Reading::Reciprocals(leaf));
    }
    repeated
}

/// Packs the leaves that gain by it.
fn packed(readers: &mut [Reader]) -> Short<Packed, 2> {
    readers.iter_mut().enumerate().filter_map(|(leaf, reader)| reader.pack(leaf)).collect()
}

/// The stored results that are leaves: which, where to, and an element's bytes.
fn copies(region: &Region, destinations: &[*mut u8]) -> Short<(Register, *mut u8, usize)> {
    let stores = region.stores.iter().zip(destinations).filter(|(store, _)| store.register < region.leaves.len());
    stores.map(|(store, &to)| (store.register, to, region.dtype(store.register).size())).collect()
}
