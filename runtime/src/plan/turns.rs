//! The pass `take turns`: regions that go over the same rows run together, some rows at a time.
//!
//! A row's mean, its variance and what is made of both are regions of their own, because a reduction must be over before its
//! result is read. But it is over for one row long before it is for all: when the regions take turns, what one has read or left is in
//! the cache for the next, so that an array larger than the cache goes through memory once and not once for each region.

use super::region::{Region, Source, ValueId, bytes_of, elements};
use super::{Draft, Sizing, Step, Turns, Work, memory};
use std::collections::HashMap;
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::types::ArrayType;

/// Bytes that are read and written in one turn: they stay in the second cache.
const TURN: usize = 512 * 1024;

/// Less than this stays there anyway.
const LEAST: usize = 4 * 1024 * 1024;

/// The most steps that take turns: what many of them read and leave does not stay in the cache, and planning looks at each so often.
const MOST: usize = 16;

/// Finds steps that can take turns.
pub fn run(draft: &mut Draft) {
    // Placeholders for lengths tell nothing about caches.
    if draft.sizing == Sizing::Open {
        return;
    }
    let mut is_view = vec![false; draft.values.len()];
    for step in draft.steps.iter().filter(|step| matches!(step.work, Work::View { .. } | Work::Reshape { .. })) {
        step.makes().into_iter().for_each(|value| is_view[value] = true);
    }
    let (mut at, mut any) = (0, false);
    while at < draft.steps.len() {
        let end = draft.steps.len().min(at + MOST);
        let turns = turns(&draft.steps[at..end], &draft.values, &is_view);
        draft.steps[at].turns = turns;
        any |= turns.steps > 1;
        at += turns.steps;
    }
    if any {
        draft.peak = memory::peak(draft);
    }
}

/// How many of the steps take turns from the first on.
fn turns(steps: &[Step], types: &[ArrayType], is_view: &[bool]) -> Turns {
    let Some(first) = steps.first().and_then(over_rows) else { return Turns::NONE };
    let rows = first.shape[0];
    let mut group = Group { rows, reads: HashMap::new(), bytes: 0, held: 0 };
    let mut best = Turns::NONE;
    let mut reduces = false;
    for (index, step) in steps.iter().enumerate() {
        let Some(region) = over_rows(step).filter(|region| group.takes(region, index == 0)) else { break };
        if index > 0 && !reduces {
            break;
        }
        group.add(region, step, types);
        reduces |= !region.ends.is_empty();
        let row = group.bytes / rows;
        if index > 0 && group.bytes >= LEAST && row <= TURN {
            best = Turns { steps: index + 1, rows: (TURN / row.max(1)).clamp(1, rows) };
        }
        // What dies within stays until all have had their turns: that must not be much. A view that stays would keep others from writing
        // over what it shows.
        if group.held * 8 > group.bytes || step.drops.iter().any(|&value| is_view[value]) {
            break;
        }
    }
    best
}

/// A step's region, if it goes over the first axis from outside, keeps it, and cannot fail.
fn over_rows(step: &Step) -> Option<&Region> {
    let Work::Region(region) = &step.work else { return None };
    let fits = region.order.first() == Some(&0)
        && region.shape[0] > 1
        && elements(&region.shape) > 0
        && !region.reduced.contains(&0)
        && (region.stores.is_empty() || region.order.iter().copied().eq(0..region.order.len()))
        && region.stores.iter().all(|store| store.within.is_none())
        && region.instructions.iter().all(|instruction| instruction.fault.is_empty());
    fits.then_some(region)
}

/// Regions that may take turns.
struct Group {
    rows: usize,
    /// What they read and make, and for each whether it is made here, and whether nobody reads any but his own row of it.
    reads: HashMap<ValueId, (bool, bool)>,
    /// Bytes of all of these.
    bytes: usize,
    /// Bytes that die before the last of them.
    held: usize,
}

impl Group {
    /// Whether another region may take its turn behind those that are there: it goes over as many rows, reads something of theirs, and
    /// of what they make its own row alone; and it writes over nothing of which one of them still reads another row.
    fn takes(&self, region: &Region, is_first: bool) -> bool {
        let shares = reads(region).any(|(value, _)| self.reads.contains_key(&value));
        let keeps_to_rows = |value: ValueId| {
            let mut own = reads(region).filter(|read| read.0 == value);
            own.all(|(_, is_row)| is_row) && self.reads.get(&value).is_none_or(|&(_, is_row)| is_row)
        };
        let mut taken = region.stores.iter().filter_map(|store| store.reuse);
        let is_made = |value: ValueId| self.reads.get(&value).is_some_and(|&(is_made, _)| is_made);
        region.shape[0] == self.rows
            && (is_first || shares)
            && reads(region).all(|(value, is_row)| is_row || !is_made(value))
            && taken.all(keeps_to_rows)
    }

    fn add(&mut self, region: &Region, step: &Step, types: &[ArrayType]) {
        let bytes = |value: ValueId| bytes_of(&types[value]);
        for (value, is_row) in reads(region) {
            let mut new = 0;
            let known = self.reads.entry(value).or_insert_with(|| {
                new = bytes(value);
                (false, true)
            });
            known.1 &= is_row;
            self.bytes = self.bytes.saturating_add(new);
        }
        for value in step.makes() {
            self.reads.insert(value, (true, true));
            let is_in_place = region.stores.iter().any(|store| store.value == value && store.reuse.is_some());
            self.bytes = self.bytes.saturating_add(if is_in_place { 0 } else { bytes(value) });
        }
        let is_taken = |value: &&ValueId| region.stores.iter().any(|store| store.reuse == Some(**value));
        let held = step.drops.iter().filter(|value| !is_taken(value)).map(|&value| bytes(value));
        self.held = held.fold(self.held, usize::saturating_add);
    }
}

/// The arrays that a region reads, each with whether an element's row reads nothing but the same row of it, in its own order.
fn reads(region: &Region) -> impl Iterator<Item = (ValueId, bool)> {
    region.leaves.iter().filter_map(|leaf| match &leaf.source {
        Source::Array { value, axes } => Some((*value, is_row(axes))),
        _ => None,
    })
}

fn is_row(axes: &[SourceAxis]) -> bool {
    let mut last = None;
    axes.first() == Some(&SourceAxis { start: 0, step: 1, axis: Some(0) })
        && axes.iter().filter(|axis| axis.axis.is_some()).all(|axis| {
            let ascends = axis.step == 1 && last < axis.axis;
            last = axis.axis;
            ascends
        })
}
