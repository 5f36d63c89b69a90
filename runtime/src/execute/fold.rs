//! Reductions, in one order: it depends on the reduced length and the element's size alone.
//!
//! The reduced elements of one result, in C order, are cut into blocks of 64 stripes of 512 bytes. In a block, element `i`
//! goes to accumulator `i mod S` (S elements are 512 bytes), which begins as its first element. Then the accumulators are
//! halved: `j` takes `j + S/2`, then `j + S/4`, …, where both have an element. The blocks' results are reduced likewise.
//!
//! Several ways to run give this order. A dense run feeds stripes as they come, or machine code computes and accumulates them
//! (`reduce_rows`). Over outer axes an accumulator is a whole row of `width` results, so a stripe is `S * width` elements and everything
//! else is the same; few of them exist at once (`Long::tree`). Machine code may accumulate the rows of one, or, where each takes few,
//! rows are computed side by side and several accumulators take them in registers (`Long::bundle`). When several results fit into a
//! block of the line, the block is transposed, and folding and halving run across all of them at once (`reduce_short`).

use super::block::{BEFORE_ACCUMULATORS, BLOCK, Fault, Lease, SHORT, Stretch, Tape, Way};
use super::extreme::{Search, beats};
use super::scratch::Scratch;
use super::threads::{Drive, Stop};
use super::turned;
use crate::kernel::{BUNDLE, Fold, Level, NARROWEST_BUNDLE, STRIPE, STRIPES};
use crate::plan::region::Register;
use crate::short::Short;
use std::alloc::Layout;
use thalweg_lang::dtype::DType;

/// The widest tile of results that an outer-axis reduction works on: the accumulators of a tile stay in the second cache.
const TILE: usize = 256;

/// The widest rows whose accumulators, a stripe of them, stay in the first cache.
const NARROW: usize = 32;

/// An accumulator that takes no more rows than this is one of a bundle: to begin with each by itself would take longer than to fold them.
const FEW: usize = 8;

/// The reduced elements of a unit of work when only extremes are looked for.
const EXTREME_BLOCK: usize = 8192;

/// About how many elements a thread takes at a time.
const GRAIN: usize = 32 * 1024;

/// The iteration space of a reduction.
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    /// Kept, slower than the reduced.
    pub outer: usize,
    /// Reduced; not 0.
    pub reduced: usize,
    /// Kept, faster than the reduced.
    pub inner: usize,
}

/// One result of a reduction.
#[derive(Clone, Copy)]
pub struct Target {
    /// What is reduced.
    pub register: Register,
    /// Its dtype.
    pub dtype: DType,
    /// How.
    pub how: How,
    /// Where the `outer * inner` results go, packed.
    pub to: *mut u8,
}

// SAFETY: the pointer leads to a result of which each unit of work writes its own elements, and which the caller holds.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// How a register is reduced.
#[derive(Clone, Copy)]
pub enum How {
    /// By a fold.
    Fold(&'static Fold),
    /// To the index of the first smallest or greatest.
    Extreme {
        /// Greatest.
        greatest: bool,
    },
}

impl Target {
    /// Bytes of a result.
    pub fn result_size(&self) -> usize {
        match self.how {
            How::Fold(_) => self.dtype.size(),
            How::Extreme { .. } => size_of::<i64>(),
        }
    }

    fn size(&self) -> usize {
        self.dtype.size()
    }

    /// Accumulators of a stripe.
    fn lanes(&self) -> usize {
        STRIPE / self.size()
    }

    /// Reduced elements of one block of a fold.
    fn block(&self) -> usize {
        self.lanes() * STRIPES
    }
}

/// Memory for partial results, aligned for any element.
pub struct Partial(Vec<[u64; 2]>);

impl Partial {
    /// So many bytes, zeros.
    pub fn new(bytes: usize) -> Partial {
        Partial(vec![[0; 2]; bytes.div_ceil(16)])
    }

    /// The same for a size that the data decides: a refusal, not an abort, when it cannot be had.
    fn try_new(bytes: usize) -> Result<Partial, Stop> {
        let length = bytes.div_ceil(16);
        if length == 0 {
            return Ok(Partial(Vec::new()));
        }
        let layout = Layout::array::<[u64; 2]>(length).map_err(|_| Stop::OutOfMemory(bytes))?;
        // Pages that the system clears when they are first written: a run that is cancelled early has touched few of them.
        // SAFETY: the layout is not empty; what comes back is the allocator's own for it, and zeros are elements.
        unsafe {
            let memory = std::alloc::alloc_zeroed(layout);
            if memory.is_null() {
                return Err(Stop::OutOfMemory(bytes));
            }
            Ok(Partial(Vec::from_raw_parts(memory.cast(), length, length)))
        }
    }

    /// The first byte.
    pub fn pointer(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

/// How many partial results of one result a target has.
fn blocks_of(target: &Target, reduced: usize, rows: usize) -> usize {
    match target.how {
        How::Fold(_) => reduced.div_ceil(target.block()),
        How::Extreme { .. } => reduced.div_ceil(rows),
    }
}

/// How machine code accumulates a region's folds, if that may be worth it: rows of how many elements, and which accumulators take them.
pub fn accumulation(extents: Extents, targets: &[Target]) -> Option<(usize, Way)> {
    let Extents { reduced, inner, .. } = extents;
    let first = targets.first()?;
    let (lanes, block) = (first.lanes(), first.block());
    if !targets.iter().all(|target| matches!(target.how, How::Fold(_)) && target.lanes() == lanes) {
        return None;
    }
    if are_wide(extents, first) {
        let way = match reduced <= FEW * lanes {
            true => Way::Bundles { reduced, every: lanes / BUNDLE },
            false => Way::Rows { reduced, every: lanes },
        };
        return Some((inner, way));
    }
    // Code fills a stripe of accumulators: many short runs, and a last block that is shorter than that, go another way.
    let last = (reduced - 1) % block + 1;
    (inner == 1 && last >= lanes && reduced * SHORT > BLOCK).then_some((reduced, Way::Stripes(lanes)))
}

/// Whether rows of results are so wide that each is an accumulator by itself: of few rows already where a bundle takes them.
fn are_wide(Extents { reduced, inner, .. }: Extents, target: &Target) -> bool {
    inner > NARROW || reduced <= FEW * target.lanes() && inner * target.size() >= 2 * NARROWEST_BUNDLE
}

/// Reduces each row of the line by code that accumulates (a tape of [`Way::Stripes`]).
///
/// # Errors
/// When the run was cancelled.
///
/// # Safety
/// As [`reduce`].
pub unsafe fn reduce_rows(
    tape: Stretch,
    level: Level,
    extents: Extents,
    targets: &[Target],
    drive: &Drive,
) -> Result<(), Stop> {
    let Extents { outer, reduced, .. } = extents;
    let block = targets.first().map_or(1, Target::block);
    let (mut blocks, places) = partial_results(targets, extents, block)?;
    let per_row = reduced.div_ceil(block);
    // Several rows are a unit, or a row is several.
    let batch = if per_row == 1 { tape.block() / reduced } else { 1 };
    let units = outer.div_ceil(batch) * per_row;
    let grain = (GRAIN / (batch * reduced.min(block))).clamp(1, units.div_ceil(drive.count() * 4).max(1));
    let span = BEFORE_ACCUMULATORS + batch * STRIPE;
    drive.units(
        units,
        grain,
        |unit| unit / per_row * batch * reduced,
        || (tape.lease(), Scratch::of(targets.len() * span)),
        |(bench, memory), unit| {
            let (part, end) = (unit % per_row, outer.min((unit / per_row + 1) * batch));
            let mut row = unit / per_row * batch;
            // SAFETY: the memory has room for each target's accumulators; rows and parts lie in the extents, and results in their place.
            unsafe {
                let to: Short<*mut u8> =
                    (0..targets.len()).map(|index| memory.pointer().add(index * span + BEFORE_ACCUMULATORS)).collect();
                while row < end {
                    let rows = tape.rows_from(row * reduced).min(end - row);
                    let count = block.min(reduced - part * block);
                    tape.accumulate(bench, row * reduced + part * block, (count, rows), &to);
                    for ((target, &(places, _)), &to) in targets.iter().zip(&places).zip(&to) {
                        let How::Fold(fold) = target.how else { continue };
                        for at in 0..rows {
                            let place = places.values.add(((row + at) * per_row + part) * target.size());
                            fold.total(level, to.add(at * STRIPE), target.lanes(), place);
                        }
                    }
                    row += rows;
                }
            }
            None
        },
    )?;
    for (target, blocks) in targets.iter().zip(&mut blocks) {
        // SAFETY: the blocks are all written now, packed as described.
        unsafe { finish(target, blocks, level, extents, drive)? };
    }
    Ok(())
}

/// Reduces what a tape computes. `folding`: a tape of the same region for rows ([`Way::Rows`] or [`Way::Bundles`]).
///
/// # Errors
/// When the run was cancelled or an element has no answer.
///
/// # Safety
/// The extents are the tape's, the arrays behind the tape live, and every target's memory has room for its results.
pub unsafe fn reduce(
    (tape, folding): (Stretch, Option<Stretch>),
    level: Level,
    extents: Extents,
    targets: &[Target],
    drive: &Drive,
) -> Result<(), Stop> {
    let Extents { outer, reduced, inner } = extents;
    if outer * inner == 0 {
        return Ok(());
    }
    debug_assert!(reduced > 0);
    // A block of the line is shorter than any fold's block, so that a short run is always one block.
    // SAFETY: the caller's promise.
    unsafe {
        let searches = targets.iter().all(|target| matches!(target.how, How::Extreme { .. }));
        let short = if searches { tape.block() / 2 } else { tape.block().min(BLOCK) / SHORT };
        if reduced * inner <= short && tape.takes_any() {
            reduce_short(tape, level, extents, targets, drive)
        } else {
            reduce_long((tape, folding), level, extents, targets, drive)
        }
    }
}

/// Several results for each block of the line.
///
/// # Safety
/// As [`reduce`].
unsafe fn reduce_short(
    tape: Stretch,
    level: Level,
    extents: Extents,
    targets: &[Target],
    drive: &Drive,
) -> Result<(), Stop> {
    let Extents { outer, reduced, inner } = extents;
    let span = reduced * inner;
    let batch = tape.block() / span;
    let units = outer.div_ceil(batch);
    drive.units(
        units,
        (GRAIN / (batch * span)).min(units.div_ceil(drive.count() * 4)),
        |unit| unit * batch * span,
        || {
            let search = |target: &Target| match target.how {
                How::Extreme { greatest } => Some(Search::new(target.dtype, greatest, inner)),
                How::Fold(_) => None,
            };
            let searches: Short<Option<Search>> = targets.iter().map(search).collect();
            let folds = searches.iter().any(Option::is_none);
            (tape.lease(), Scratch::of(if folds { tape.block() * 16 } else { 0 }), searches)
        },
        |(bench, columns, searches), unit| {
            let from = unit * batch;
            let count = batch.min(outer - from);
            // SAFETY: the caller's promise; the units' elements and results are their own.
            unsafe {
                let fault = tape.evaluate(bench, from * span, count * span);
                if fault.is_some() {
                    return fault;
                }
                for (target, search) in targets.iter().zip(searches) {
                    let source = tape.register(bench, target.register);
                    match (target.how, search) {
                        (How::Fold(fold), _) => {
                            let size = target.size();
                            let width = count * inner;
                            let rows = columns.pointer();
                            transpose(source, rows, size, (count, reduced, inner));
                            // The accumulators are the first rows; the rest are taken a stripe at a time.
                            let lanes = target.lanes();
                            for row in (lanes..reduced).step_by(lanes) {
                                let more = lanes.min(reduced - row) * width;
                                fold.combine(level, rows, rows.add(row * width * size), more);
                            }
                            halve(fold, level, rows, reduced.min(lanes), width);
                            let to = target.to.add(from * inner * size);
                            std::ptr::copy_nonoverlapping(columns.pointer(), to, width * size);
                        }
                        (How::Extreme { .. }, search) => {
                            let to = target.to.cast::<i64>().add(from * inner);
                            let Some(search) = search else { unreachable!("it was made for the target") };
                            search.each(level, source, span, count, to);
                        }
                    }
                }
            }
            None
        },
    )
}

/// `[count, reduced, inner]` to `[reduced, count, inner]`.
///
/// # Safety
/// Both have room for the elements, and do not overlap.
unsafe fn transpose(from: *const u8, to: *mut u8, size: usize, extents: (usize, usize, usize)) {
    /// # Safety
    /// As `transpose`.
    unsafe fn elements<T: Copy>(from: *const T, to: *mut T, (count, reduced, inner): (usize, usize, usize)) {
        // SAFETY: the caller's promise.
        unsafe {
            if inner == 1 {
                for at in 0..count {
                    let (from, to) = (from.add(at * reduced), to.add(at));
                    for k in 0..reduced {
                        to.add(k * count).write_unaligned(from.add(k).read_unaligned());
                    }
                }
                return;
            }
            for at in 0..count {
                for k in 0..reduced {
                    let (from, to) = (from.add((at * reduced + k) * inner), to.add((k * count + at) * inner));
                    for j in 0..inner {
                        to.add(j).write_unaligned(from.add(j).read_unaligned());
                    }
                }
            }
        }
    }
    let (count, reduced, inner) = extents;
    // SAFETY: the caller's promise.
    unsafe {
        // Squares do not pay for fewer.
        if inner == 1 && reduced >= 8 {
            let axes = [(reduced, size as isize), (count, (reduced * size) as isize)];
            return turned::copy(from, size, &axes, (0, count * reduced), to);
        }
        match size {
            1 => elements::<u8>(from, to, extents),
            2 => elements::<u16>(from.cast(), to.cast(), extents),
            4 => elements::<u32>(from.cast(), to.cast(), extents),
            8 => elements::<u64>(from.cast(), to.cast(), extents),
            _ => elements::<[u64; 2]>(from.cast(), to.cast(), extents),
        }
    }
}

/// Halves `filled` accumulators (at most a stripe's) of `width` elements each into the first.
///
/// # Safety
/// The accumulators have that many elements.
unsafe fn halve(fold: &Fold, level: Level, accumulators: *mut u8, filled: usize, width: usize) {
    let size = fold.dtype().size();
    if width == 1 && filled == STRIPE / size {
        // SAFETY: the caller's promise.
        return unsafe { fold.halve(level, accumulators, filled) };
    }
    let mut half = STRIPE / size / 2;
    let mut filled = filled;
    while half > 0 {
        if filled > half {
            // SAFETY: both parts lie among the filled accumulators.
            unsafe {
                fold.combine(level, accumulators, accumulators.add(half * width * size), (filled - half) * width);
            }
            filled = half;
        }
        half /= 2;
    }
}

/// The accumulators of one target for one tile.
enum Accumulator {
    Fold { memory: Scratch, taken: usize },
    Search(Search),
}

/// One thread's state.
struct Worker<'a> {
    bench: Lease<'a>,
    /// That of the tape whose code accumulates.
    folding: Option<Lease<'a>>,
    accumulators: Short<Accumulator>,
}

/// What the blocks of a target become before they are combined.
enum Blocks {
    /// There is one block for each result, which goes to its place at once.
    Direct,
    /// `[outer, blocks, inner]` partial results.
    Partial { memory: Partial, blocks: usize },
    /// The best of each block, and its index.
    Found { values: Partial, indices: Partial, blocks: usize },
}

/// Long runs: the unit of work is a block of reduced elements of one tile.
struct Long<'a> {
    tape: Stretch<'a>,
    /// The tape whose code accumulates rows, or whose rows are taken in bundles.
    folding: Option<Stretch<'a>>,
    level: Level,
    extents: Extents,
    targets: &'a [Target],
    places: Located,
    tiles: usize,
    width: usize,
    rows: usize,
    units_per_tile: usize,
    /// Whether units are trees of rows.
    is_tree: bool,
}

/// The rows of a unit: where the first begins on the line, how wide they are, and how many.
#[derive(Clone, Copy)]
struct Rows {
    first: usize,
    width: usize,
    rows: usize,
}

/// Where blocks write.
#[derive(Clone, Copy)]
struct Places {
    values: *mut u8,
    indices: *mut i64,
}

// SAFETY: each unit writes its own elements.
unsafe impl Send for Places {}
// SAFETY: as above.
unsafe impl Sync for Places {}

/// # Safety
/// As [`reduce`].
unsafe fn reduce_long(
    (tape, folding): (Stretch, Option<Stretch>),
    level: Level,
    extents: Extents,
    targets: &[Target],
    drive: &Drive,
) -> Result<(), Stop> {
    let Extents { outer, reduced, inner } = extents;
    let folds = targets.iter().filter(|target| matches!(target.how, How::Fold(_)));
    let rows = folds.map(Target::block).max().unwrap_or(EXTREME_BLOCK);
    let (mut blocks, places) = partial_results(targets, extents, rows)?;
    // Rows of one dtype are reduced as a tree of rows, which needs few of them at once: then the tiles may be wide.
    let lanes = targets.first().map(Target::lanes);
    let is_tree = targets.first().is_some_and(|first| are_wide(extents, first))
        && targets.iter().all(|target| matches!(target.how, How::Fold(_)) && Some(target.lanes()) == lanes);
    let width = match is_tree {
        true if drive.count() == 1 => inner.min(tape.block()),
        true => inner.min(inner.div_ceil(drive.count() * 2).max(TILE)).min(tape.block()),
        false => inner.min(TILE),
    };
    let width = match folding {
        Some(tape) if tape.takes_bundles() => width.min(tape.block()),
        _ => width,
    };
    let long = Long {
        is_tree,
        tape,
        folding,
        level,
        extents,
        targets,
        places,
        tiles: inner.div_ceil(width),
        width,
        rows,
        units_per_tile: reduced.div_ceil(rows),
    };
    let units = outer * long.tiles * long.units_per_tile;
    let grain = (GRAIN / (rows.min(reduced) * width)).clamp(1, units.div_ceil(drive.count() * 4).max(1));
    // SAFETY: the caller's promise; units are below their number.
    drive.units(
        units,
        grain,
        |unit| long.first(unit),
        || long.worker(),
        |worker, unit| unsafe { long.run(worker, unit, drive) },
    )?;
    for (target, blocks) in targets.iter().zip(&mut blocks) {
        // SAFETY: the blocks are all written now, packed as described.
        unsafe { finish(target, blocks, level, extents, drive)? };
    }
    Ok(())
}

/// For each target, the partial results (values, indices) and how many blocks there are.
type Located = Short<(Places, usize), 2>;

/// Memory for the results of blocks of so many reduced elements, and where each target's lie.
fn partial_results(targets: &[Target], extents: Extents, rows: usize) -> Result<(Vec<Blocks>, Located), Stop> {
    let Extents { outer, reduced, inner } = extents;
    let is_direct = |target: &Target| matches!(target.how, How::Fold(_)) && blocks_of(target, reduced, rows) == 1;
    if targets.iter().all(is_direct) {
        let place = |target: &Target| (Places { values: target.to, indices: std::ptr::null_mut() }, 1);
        return Ok((Vec::new(), targets.iter().map(place).collect()));
    }
    let results = outer * inner;
    let mut blocks: Vec<Blocks> = targets
        .iter()
        .map(|target| -> Result<Blocks, Stop> {
            let memory = |size: usize| {
                let bytes =
                    results.checked_mul(blocks_of(target, reduced, rows)).and_then(|count| count.checked_mul(size));
                Partial::try_new(bytes.unwrap_or(usize::MAX))
            };
            let blocks = blocks_of(target, reduced, rows);
            Ok(match target.how {
                How::Fold(_) if blocks == 1 => Blocks::Direct,
                How::Fold(_) => Blocks::Partial { memory: memory(target.size())?, blocks },
                How::Extreme { .. } => Blocks::Found { values: memory(target.size())?, indices: memory(8)?, blocks },
            })
        })
        .collect::<Result<_, _>>()?;
    let places = targets.iter().zip(&mut blocks).map(|(target, blocks)| match blocks {
        Blocks::Direct => (Places { values: target.to, indices: std::ptr::null_mut() }, 1),
        Blocks::Partial { memory, blocks } => {
            (Places { values: memory.pointer(), indices: std::ptr::null_mut() }, *blocks)
        }
        Blocks::Found { values, indices, blocks } => {
            (Places { values: values.pointer(), indices: indices.pointer().cast() }, *blocks)
        }
    });
    let places = places.collect();
    Ok((blocks, places))
}

/// Combines the blocks' results.
///
/// # Safety
/// The blocks are written, and the target has room.
unsafe fn finish(
    target: &Target,
    blocks: &mut Blocks,
    level: Level,
    extents: Extents,
    drive: &Drive,
) -> Result<(), Stop> {
    let Extents { outer, inner, .. } = extents;
    match blocks {
        Blocks::Direct => Ok(()),
        Blocks::Partial { memory, blocks } => {
            let count = outer * *blocks * inner;
            let tape = Tape::over(memory.pointer(), target.size(), count);
            let extents = Extents { outer, reduced: *blocks, inner };
            let drive = if count < GRAIN { drive.alone() } else { drive.again() };
            // SAFETY: the memory has the extents, and the target's is the caller's.
            unsafe {
                reduce((Stretch::whole(&tape), None), level, extents, &[Target { register: 0, ..*target }], &drive)
            }
        }
        Blocks::Found { values, indices, blocks } => {
            let How::Extreme { greatest } = target.how else { return Ok(()) };
            let size = target.size();
            let (values, indices) = (values.pointer().cast_const(), indices.pointer().cast::<i64>().cast_const());
            for at in 0..outer * inner {
                let place = |block: usize| (at / inner * *blocks + block) * inner + at % inner;
                let mut best = place(0);
                for block in 1..*blocks {
                    let other = place(block);
                    // SAFETY: both places are among the blocks' results.
                    if unsafe { beats(target.dtype, values.add(other * size), values.add(best * size), greatest) } {
                        best = other;
                    }
                }
                // SAFETY: as above, and the target has room.
                unsafe { target.to.cast::<i64>().add(at).write_unaligned(*indices.add(best)) };
            }
            Ok(())
        }
    }
}

impl<'a> Long<'a> {
    /// (outer index, first column, columns, first row, rows) of a unit.
    fn unit(&self, unit: usize) -> (usize, usize, usize, usize, usize) {
        let block = unit % self.units_per_tile;
        let tile = unit / self.units_per_tile % self.tiles;
        let outer = unit / self.units_per_tile / self.tiles;
        let column = tile * self.width;
        let row = block * self.rows;
        (outer, column, self.width.min(self.extents.inner - column), row, self.rows.min(self.extents.reduced - row))
    }

    fn first(&self, unit: usize) -> usize {
        let (outer, column, _, row, _) = self.unit(unit);
        (outer * self.extents.reduced + row) * self.extents.inner + column
    }

    fn worker(&self) -> Worker<'a> {
        let accumulator = |target: &Target| match target.how {
            How::Fold(_) if self.is_tree => Accumulator::Fold {
                memory: Scratch::of((target.lanes().ilog2() as usize + 2) * self.width * target.size()),
                taken: 0,
            },
            How::Fold(_) => Accumulator::Fold {
                memory: Scratch::of(target.lanes().min(self.extents.reduced) * self.width * target.size()),
                taken: 0,
            },
            How::Extreme { greatest } => Accumulator::Search(Search::new(target.dtype, greatest, self.width)),
        };
        Worker {
            bench: self.tape.lease(),
            folding: self.folding.map(|tape| tape.lease()),
            accumulators: self.targets.iter().map(accumulator).collect(),
        }
    }

    /// # Safety
    /// `unit` is one of the units; the rest as [`reduce`].
    unsafe fn run(&self, worker: &mut Worker, unit: usize, drive: &Drive) -> Option<Fault> {
        let (outer, column, width, first_row, rows) = self.unit(unit);
        if self.is_tree {
            let rows =
                Rows { first: (outer * self.extents.reduced + first_row) * self.extents.inner + column, width, rows };
            // SAFETY: the unit lies in the extents.
            let found = unsafe { self.tree(worker, rows, 0, 1, 0, drive) };
            if found.is_some() {
                // Rows are not taken in their order, and the first fault counts.
                // SAFETY: as above.
                return unsafe { self.first_fault(worker, rows) }.or(found);
            }
            for (index, target) in self.targets.iter().enumerate() {
                let Accumulator::Fold { memory, .. } = &mut worker.accumulators[index] else { continue };
                let (places, blocks) = self.places[index];
                let place = (outer * blocks + first_row / target.block()) * self.extents.inner + column;
                let size = target.size();
                // SAFETY: the place is that of this unit, and the tree's root is its first row.
                unsafe {
                    std::ptr::copy_nonoverlapping(memory.pointer(), places.values.add(place * size), width * size)
                };
            }
            return None;
        }
        for accumulator in &mut worker.accumulators {
            if let Accumulator::Fold { taken, .. } = accumulator {
                *taken = 0;
            }
        }
        // Pieces of the line: one for the whole unit where rows follow each other, otherwise one for each row.
        let whole = self.tiles == 1;
        let (pieces, length) = if whole { (1, rows * width) } else { (rows, width) };
        for piece in 0..pieces {
            let start = (outer * self.extents.reduced + first_row + piece) * self.extents.inner + column;
            let mut done = 0;
            while done < length {
                if drive.is_cancelled() {
                    return None;
                }
                let count = self.tape.piece(start + done, length - done);
                // SAFETY: the piece lies in the extents.
                let found = unsafe { self.tape.evaluate(&mut worker.bench, start + done, count) };
                if found.is_some() {
                    return found;
                }
                let taken = piece * width + done;
                for (index, target) in self.targets.iter().enumerate() {
                    let source = self.tape.register(&worker.bench, target.register);
                    // SAFETY: the register has `count` elements; those of a whole block of a fold make one partial result.
                    unsafe {
                        match &mut worker.accumulators[index] {
                            Accumulator::Fold { .. } if count == rows && width == 1 && rows <= target.block() => {
                                let How::Fold(fold) = target.how else { continue };
                                let (places, blocks) = self.places[index];
                                let place = (outer * blocks + first_row / target.block()) * self.extents.inner + column;
                                fold.total(self.level, source, rows, places.values.add(place * target.size()));
                            }
                            Accumulator::Fold { .. } => {
                                let end = taken + count == rows * width;
                                let block = (outer, column, width, first_row);
                                self.feed(&mut worker.accumulators[index], index, source, count, (taken, end), block);
                            }
                            Accumulator::Search(search) => {
                                search.width = width;
                                search.feed(self.level, source, count, taken, first_row);
                                if taken + count == rows * width {
                                    self.found(index, search, outer, column, first_row / self.rows);
                                }
                            }
                        }
                    }
                }
                done += count;
            }
        }
        None
    }

    /// What the accumulators from `lane` on, `step` apart, come to: into the row `depth` of each target's memory. An accumulator is
    /// the rows `lane`, `lane + S`, … in turn; two halves are combined as soon as both are there, so that few rows exist at once.
    ///
    /// # Safety
    /// The rows lie in the extents, and the memory has a row for each depth.
    unsafe fn tree(
        &self,
        worker: &mut Worker,
        rows: Rows,
        lane: usize,
        step: usize,
        depth: usize,
        drive: &Drive,
    ) -> Option<Fault> {
        let lanes = self.targets[0].lanes();
        // SAFETY: the caller's promise; each depth is a row of its own.
        unsafe {
            if step * BUNDLE == lanes && self.takes_bundles(rows.width) {
                if !drive.is_cancelled() {
                    self.bundle(worker, rows, (lane, step), depth);
                }
                return None;
            }
            if step == lanes {
                let alone = match self.accumulates(rows.width) {
                    true => lane + 1,
                    false => rows.rows,
                };
                for row in (lane..alone).step_by(lanes) {
                    if drive.is_cancelled() {
                        return None;
                    }
                    let fault = self.row(
                        worker,
                        rows,
                        row,
                        |fold, to, from, count, size| {
                            if row == lane {
                                std::ptr::copy_nonoverlapping(from, to, count * size);
                            } else {
                                fold.combine(self.level, to, from, count);
                            }
                        },
                        depth,
                    );
                    if fault.is_some() {
                        return fault;
                    }
                }
                if alone == lane + 1 {
                    self.accumulate(worker, rows, lane + lanes, depth);
                }
                return None;
            }
            let fault = self.tree(worker, rows, lane, 2 * step, depth, drive);
            if fault.is_some() || lane + step >= rows.rows.min(lanes) {
                return fault;
            }
            let fault = self.tree(worker, rows, lane + step, 2 * step, depth + 1, drive);
            for (target, accumulator) in self.targets.iter().zip(&mut worker.accumulators) {
                let (Accumulator::Fold { memory, .. }, How::Fold(fold)) = (accumulator, target.how) else { continue };
                let row = self.width * target.size();
                let left = memory.pointer().add(depth * row);
                fold.combine(self.level, left, left.add(row), rows.width);
            }
            fault
        }
    }

    /// Whether rows of this width are accumulated by machine code.
    fn accumulates(&self, width: usize) -> bool {
        self.folding.is_some_and(|tape| !tape.takes_bundles() && width >= tape.vector())
    }

    /// Whether rows of this width are taken in bundles.
    fn takes_bundles(&self, width: usize) -> bool {
        let is_wide = |target: &Target| width * target.size() >= NARROWEST_BUNDLE;
        self.folding.is_some_and(|tape| tape.takes_bundles()) && self.targets.iter().all(is_wide)
    }

    /// Folds every so many-th row (`step`) from `first` on into the row `depth` of each target's memory: a bundle of accumulators.
    ///
    /// # Safety
    /// As [`Long::tree`]; the rows are wide enough for it.
    unsafe fn bundle(&self, worker: &mut Worker, rows: Rows, (first, step): (usize, usize), depth: usize) {
        let (Some(tape), Some(bench)) = (self.folding, &mut worker.folding) else { return };
        let count = (rows.rows - first).div_ceil(step);
        // SAFETY: the caller's promise.
        unsafe {
            tape.compute(bench, rows.first + first * self.extents.inner, (rows.width, count));
            for (target, accumulator) in self.targets.iter().zip(&mut worker.accumulators) {
                let (Accumulator::Fold { memory, .. }, How::Fold(fold)) = (accumulator, target.how) else { continue };
                let (from, distance) = (tape.register(bench, target.register), tape.distance(target.register));
                let to = memory.pointer().add(depth * self.width * target.size());
                fold.bundle(self.level, from, (distance, count), rows.width, to);
            }
        }
    }

    /// Accumulates every so many-th row from `first` on in the row `depth` of each target's memory.
    ///
    /// # Safety
    /// As [`Long::tree`]; the rows are wide enough for it.
    unsafe fn accumulate(&self, worker: &mut Worker, rows: Rows, first: usize, depth: usize) {
        let lanes = self.targets[0].lanes();
        let (Some(tape), Some(bench)) = (self.folding, &mut worker.folding) else { return };
        if first >= rows.rows {
            return;
        }
        let count = (rows.rows - first).div_ceil(lanes);
        // SAFETY: the caller's promise.
        unsafe {
            let row = |(accumulator, target): (&mut Accumulator, &Target)| match accumulator {
                Accumulator::Fold { memory, .. } => memory.pointer().add(depth * self.width * target.size()),
                Accumulator::Search(_) => unreachable!("only folds are reduced as trees of rows"),
            };
            let to: Short<*mut u8> = worker.accumulators.iter_mut().zip(self.targets).map(row).collect();
            tape.accumulate(bench, rows.first + first * self.extents.inner, (rows.width, count), &to);
        }
    }

    /// Computes a row, piece by piece, and hands each target's elements on: `take(fold, to, from, count, size)`.
    ///
    /// # Safety
    /// As [`Long::tree`].
    unsafe fn row(
        &self,
        worker: &mut Worker,
        rows: Rows,
        row: usize,
        take: impl Fn(&Fold, *mut u8, *const u8, usize, usize),
        depth: usize,
    ) -> Option<Fault> {
        let start = rows.first + row * self.extents.inner;
        let mut done = 0;
        while done < rows.width {
            let count = self.tape.piece(start + done, rows.width - done);
            // SAFETY: the row lies in the extents; registers have `count` elements, and so has the rest of the memory's row.
            unsafe {
                let fault = self.tape.evaluate(&mut worker.bench, start + done, count);
                if fault.is_some() {
                    return fault;
                }
                for (target, accumulator) in self.targets.iter().zip(&mut worker.accumulators) {
                    let (Accumulator::Fold { memory, .. }, How::Fold(fold)) = (accumulator, target.how) else {
                        continue;
                    };
                    let size = target.size();
                    let to = memory.pointer().add((depth * self.width + done) * size);
                    take(fold, to, self.tape.register(&worker.bench, target.register), count, size);
                }
            }
            done += count;
        }
        None
    }

    /// The first fault of a unit's rows.
    ///
    /// # Safety
    /// As [`Long::tree`].
    unsafe fn first_fault(&self, worker: &mut Worker, rows: Rows) -> Option<Fault> {
        // SAFETY: the caller's promise.
        (0..rows.rows).find_map(|row| unsafe { self.row(worker, rows, row, |_, _, _, _, _| {}, 0) })
    }

    /// Feeds packed elements to a fold's accumulators; `end`: they are the unit's last.
    ///
    /// # Safety
    /// `source` has `count` elements.
    unsafe fn feed(
        &self,
        accumulator: &mut Accumulator,
        index: usize,
        source: *const u8,
        count: usize,
        (before, end): (usize, bool),
        (outer, column, width, first_row): (usize, usize, usize, usize),
    ) {
        let target = &self.targets[index];
        let (Accumulator::Fold { memory, taken }, How::Fold(fold)) = (accumulator, target.how) else { return };
        let size = target.size();
        let stripe = target.lanes() * width;
        let block = target.block() * width;
        let accumulators = memory.pointer();
        let mut done = 0;
        while done < count {
            // SAFETY: every part lies within the accumulators and within the source.
            unsafe {
                let from = source.add(done * size);
                let at = *taken % stripe;
                let mut part = (count - done).min(stripe - at);
                let to = accumulators.add(at * size);
                if *taken < stripe {
                    std::ptr::copy_nonoverlapping(from, to, part * size);
                } else if at == 0 && part == stripe {
                    let stripes = (count - done).min(block - *taken) / stripe;
                    fold.accumulate(self.level, accumulators, from, stripe, stripe * size, stripes);
                    part = stripes * stripe;
                } else {
                    fold.combine(self.level, to, from, part);
                }
                *taken += part;
                done += part;
                if *taken == block || (end && done == count) {
                    let filled = (*taken / width).min(target.lanes());
                    halve(fold, self.level, accumulators, filled, width);
                    // The row that the block's last element lies in tells the block.
                    let row = first_row + (before + done - 1) / width;
                    let (places, blocks) = self.places[index];
                    let place = (outer * blocks + row / target.block()) * self.extents.inner + column;
                    std::ptr::copy_nonoverlapping(accumulators, places.values.add(place * size), width * size);
                    *taken = 0;
                }
            }
        }
    }

    /// Writes the best of a unit.
    ///
    /// # Safety
    /// The search has seen the unit.
    unsafe fn found(&self, index: usize, search: &mut Search, outer: usize, column: usize, block: usize) {
        let (places, blocks) = self.places[index];
        let place = (outer * blocks + block) * self.extents.inner + column;
        let size = self.targets[index].size();
        // SAFETY: the place is that of this unit.
        unsafe {
            let values = places.values.add(place * size);
            std::ptr::copy_nonoverlapping(search.values.pointer(), values, search.width * size);
            places.indices.add(place).copy_from_nonoverlapping(search.indices.as_ptr(), search.width);
        }
    }
}
