//! The pass `compress`: what a mask selects is copied as the mask is read, without an array of places.

use super::region::{ValueId, elements};
use super::{Draft, Step, Work};
use std::collections::{HashMap, HashSet};
use thalweg_lang::graph::SourceAxis;

/// Joins each search for the places where a mask is true with the gather that alone reads them.
pub fn run(draft: &mut Draft) {
    let mut readers: HashMap<ValueId, usize> = HashMap::new();
    draft.steps.iter().flat_map(Step::reads).for_each(|value| *readers.entry(value).or_default() += 1);
    let bases = draft.bases();
    for &output in &draft.graph.outputs {
        *readers.entry(draft.value_of(&bases, output)).or_default() += 1;
    }
    // Each value of places, or of places with new axes, that one step alone reads: the mask, and the steps that make it.
    let mut places: HashMap<ValueId, (ValueId, Vec<usize>)> = HashMap::new();
    let mut gone: HashSet<usize> = HashSet::new();
    for at in 0..draft.steps.len() {
        if let Some((value, mask, steps)) = selected(draft, &draft.steps[at], &places) {
            gone.extend(steps);
            draft.steps[at].work = Work::Compress { value, mask };
            continue;
        }
        let step = &draft.steps[at];
        let Some(&result) = step.results.first().filter(|result| readers.get(result) == Some(&1)) else { continue };
        let found = match &step.work {
            Work::Positions { value } => Some((*value, vec![at])),
            Work::View { value, axes } if axes[..] == [SourceAxis::along(0)] => {
                places.get(value).map(|(mask, steps)| {
                    let mut steps = steps.clone();
                    steps.push(at);
                    (*mask, steps)
                })
            }
            _ => None,
        };
        places.extend(found.map(|found| (result, found)));
    }
    let mut index = 0;
    draft.steps.retain(|_| {
        index += 1;
        !gone.contains(&(index - 1))
    });
}

/// What a gather selects by places alone, whole rows along the first axis: of which value, by which mask, and the steps that find them. The
/// mask has a truth for each row: one that `nonzero` was given may have more, and then the gather looks whether there are such rows.
fn selected(
    draft: &Draft,
    step: &Step,
    places: &HashMap<ValueId, (ValueId, Vec<usize>)>,
) -> Option<(ValueId, ValueId, Vec<usize>)> {
    let Work::Gather { value, axes } = &step.work else { return None };
    let (first, others) = axes.split_first()?;
    let (mask, steps) = places.get(&first.index?)?;
    let (shape, whole) = (&step.types[0].shape, &draft.values[*value].shape);
    let is_whole = others
        .iter()
        .enumerate()
        .all(|(axis, other)| other.index.is_none() && other.place == SourceAxis::along(axis + 1));
    let are_all = elements(&draft.values[*mask].shape) == whole[0]
        && steps.iter().all(|&step| draft.steps[step].types[0].shape.first() == shape.first());
    let are_rows =
        first.place == SourceAxis::at(0) && is_whole && shape.len() == axes.len() && shape[1..] == whole[1..];
    (are_all && are_rows).then(|| (*value, *mask, steps.clone()))
}
