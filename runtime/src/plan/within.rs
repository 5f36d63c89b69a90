//! The pass `write within`: a region that computes what takes the place of a part of an array writes it there itself.
//!
//! The region may read the array that it changes, as a stencil does: what it has computed waits until nothing that is still to
//! come reads the element that it replaces, if anything does. So neither the new elements nor a second copy of the array go through memory. Where it
//! replaces most of the array, it may write another one instead and copy the rest, so that nothing waits: two arrays take turns in a loop.

use super::region::{Region, SHORTEST_ROW, Site, Source, ValueId, Within, elements};
use super::{Draft, Sizing, Step, UpdateStep, Work};
use crate::kernel::Level;
use crate::machine::MachineCode;
use std::collections::HashMap;
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::types::Shape;

/// The most elements that wait: more would not stay in the cache.
const LONGEST: usize = 16 * 1024;

/// The fewest elements for which that is worth it: loops over fewer may become machine code as a whole.
const FEWEST: usize = 256;

/// The most bytes of an array that one thread makes anew rather than waits: a stencil of 1000 by 1000 takes five sixths of the time where
/// two stay in a third cache of 32 MB (f32 five sevenths), and a fourteenth more where the third cache is slow.
const MOST_ASIDE: usize = 8 * 1024 * 1024;

/// Joins each such region with the update that reads it.
pub fn run(draft: &mut Draft) {
    // How far a stencil reaches back is told by lengths, which a generic plan has placeholders for.
    if draft.sizing == Sizing::Open {
        return;
    }
    let mut readers: HashMap<ValueId, usize> = HashMap::new();
    for step in &draft.steps {
        step.reads().into_iter().for_each(|value| *readers.entry(value).or_default() += 1);
    }
    let bases = draft.bases();
    for &output in &draft.graph.outputs {
        *readers.entry(draft.value_of(&bases, output)).or_default() += 1;
    }
    let mut makers: HashMap<ValueId, usize> = HashMap::new();
    let mut joined: Vec<(usize, usize, Within)> = Vec::new();
    for (at, step) in draft.steps.iter().enumerate() {
        match &step.work {
            Work::Region(region) => makers.extend(region.stores.iter().map(|store| (store.value, at))),
            Work::Update(update) if readers[&update.new.value] == 1 => {
                let maker = makers.get(&update.new.value).copied();
                let whole = (&step.types[0].shape[..], draft.settings.level);
                joined
                    .extend(maker.and_then(|maker| Some((maker, at, within(&draft.steps, maker, at, update, whole)?))));
            }
            _ => {}
        }
    }
    let mut steps: Vec<Option<Step>> = std::mem::take(&mut draft.steps).into_iter().map(Some).collect();
    for (maker, at, within) in joined {
        let taken = steps[maker].take().map(|step| step.work);
        let (Some(Work::Region(mut region)), Some(step)) = (taken, &mut steps[at]) else {
            unreachable!("a maker is a region, and an update a step")
        };
        if region.site.threads > 1 && !within.is_aside && !within.is_apart {
            let reason = "an element waits for those that read what it replaces".to_owned();
            region.site = Site { threads: 1, is_light: false, reason };
        }
        region.stores[0].value = step.results[0];
        region.stores[0].within = Some(within);
        step.site = region.site.clone();
        step.work = Work::Region(region);
        step.results.clear();
        step.types.clear();
    }
    draft.steps = steps.into_iter().flatten().collect();
}

/// How the step `maker`, a region, does what the update at the step `at` does, if it can.
fn within(
    steps: &[Step],
    maker: usize,
    at: usize,
    update: &UpdateStep,
    (whole, level): (&[usize], Level),
) -> Option<Within> {
    let Work::Region(region) = &steps[maker].work else { return None };
    let (UpdateStep { value, axes, shape, combine: None, .. }, [store]) = (update, &region.stores[..]) else {
        return None;
    };
    let axes: Vec<SourceAxis> =
        axes.iter().map(|axis| axis.index.is_none().then_some(axis.place)).collect::<Option<_>>()?;
    let fits = region.ends.is_empty()
        && region.shape == *shape
        && elements(shape) >= FEWEST
        && store.within.is_none()
        && is_injective(&axes, shape);
    // What may fail keeps its place among the steps, and what is read here must not be held when another step would write it.
    let may_fail = region.instructions.iter().any(|instruction| !instruction.fault.is_empty());
    let takes_over = |step: &Step| matches!(step.work, Work::Update(_) | Work::If(_) | Work::Loop(_));
    if !fits || (may_fail && maker + 1 != at) || steps[maker + 1..at].iter().any(takes_over) {
        return None;
    }
    let (delay, is_apart) = delay(region, value.value, &axes)?;
    let threads = if region.site.is_light { 1 } else { region.site.threads };
    let is_short = whole.iter().product::<usize>().saturating_mul(region.dtype(store.register).size()) <= MOST_ASIDE;
    let is_aside = delay > 0 && (threads > 1 || is_short) && is_most(region, &axes, whole) && has_code(region, level);
    let is_shared = is_apart && lies_in_rows(region, &axes) && has_code(region, level);
    (is_aside || is_shared || threads == 1).then_some(Within {
        value: *value,
        axes,
        delay,
        is_apart: is_shared,
        is_aside,
    })
}

/// Whether machine code leaves a region's rows where they belong.
fn has_code(region: &Region, level: Level) -> bool {
    region.machine_code != MachineCode::Off
        && region.shape.last().is_some_and(|&row| row >= SHORTEST_ROW)
        && region.refusal(level).is_none()
}

/// Whether a region's rows lie along the last axis of the array that they are a part of.
fn lies_in_rows(region: &Region, axes: &[SourceAxis]) -> bool {
    axes.last().is_some_and(|last| last.step == 1 && last.axis.is_some() && last.axis == region.order.last().copied())
}

/// Whether a region's elements are most of an array of a shape, and come in the order in which it lies.
fn is_most(region: &Region, axes: &[SourceAxis], whole: &[usize]) -> bool {
    let is_whole = |axis: &SourceAxis| axis.axis.is_none() || axis.step == 1;
    region.order.iter().copied().eq(0..region.shape.len())
        && axes.iter().filter_map(|axis| axis.axis).eq(0..region.shape.len())
        && axes.iter().all(is_whole)
        && region.count() >= elements(whole) / 4 * 3
}

/// Whether each element of the selection is one of its own.
fn is_injective(axes: &[SourceAxis], shape: &Shape) -> bool {
    (0..shape.len())
        .all(|own| shape[own] == 1 || axes.iter().filter(|axis| axis.axis == Some(own) && axis.step != 0).count() == 1)
}

/// How many elements of the line a result waits until no later element reads what it replaces, and whether none reads what another
/// replaces; `None` when that is not told by one distance, or when it is too far.
fn delay(region: &Region, value: ValueId, axes: &[SourceAxis]) -> Option<(usize, bool)> {
    let mut distances = vec![0; region.shape.len()];
    let mut distance = 1;
    for &axis in region.order.iter().rev() {
        distances[axis] = distance;
        distance *= region.shape[axis] as isize;
    }
    let mut longest = 0;
    let mut is_apart = true;
    'leaves: for leaf in &region.leaves {
        let Source::Array { value: source, axes: read } = &leaf.source else { continue };
        if *source != value {
            continue;
        }
        let mut delay = 0;
        let mut is_elsewhere = false;
        for (write, read) in axes.iter().zip(read) {
            let apart = write.start as isize - read.start as isize;
            match (write.axis, read.axis) {
                (None, None) if apart != 0 => continue 'leaves,
                (None, None) => {}
                (Some(own), Some(other)) if own == other && write.step == read.step => {
                    if apart % write.step != 0 || (apart / write.step).unsigned_abs() >= region.shape[own] {
                        continue 'leaves;
                    }
                    delay += apart / write.step * distances[own];
                    is_elsewhere |= apart != 0;
                }
                _ => return None,
            }
        }
        longest = longest.max(delay);
        is_apart &= !is_elsewhere;
    }
    let longest = longest.max(0) as usize;
    (longest <= LONGEST).then_some((longest, is_apart))
}
