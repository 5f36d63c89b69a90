//! The pass `compress`: what a mask selects is copied as the mask is read, without an array of places.

use super::region::ValueId;
use super::{Draft, Step, Work};
use std::collections::HashMap;
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
    let mut gone: Vec<usize> = Vec::new();
    for at in 0..draft.steps.len() {
        let step = &draft.steps[at];
        let Some(&result) = step.results.first().filter(|result| readers.get(result) == Some(&1)) else {
            if let Some((value, mask, steps)) = compressed(draft, step, &places) {
                gone.extend(steps);
                draft.steps[at].work = Work::Compress { value, mask };
            }
            continue;
        };
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
        if let Some((value, mask, steps)) = compressed(draft, step, &places) {
            gone.extend(steps);
            draft.steps[at].work = Work::Compress { value, mask };
        }
        places.extend(found.map(|found| (result, found)));
    }
    let mut index = 0;
    draft.steps.retain(|_| {
        index += 1;
        !gone.contains(&(index - 1))
    });
}

/// What a gather selects by places alone, whole rows along the first axis: of which value, by which mask, and the steps that find them.
fn compressed(
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
    let are_rows =
        first.place == SourceAxis::at(0) && is_whole && shape.len() == axes.len() && shape[1..] == whole[1..];
    are_rows.then(|| (*value, *mask, steps.clone()))
}
