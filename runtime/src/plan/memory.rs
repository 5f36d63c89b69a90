//! The pass `memory`: where each of a plan's values ends, what may be written in whose place, and how much there is at once.
//!
//! A value is dropped after the step that reads it last, and a stored result may take over the memory of an operand that dies
//! there.

use super::region::{Region, Source, ValueId, bytes_of};
use super::{Choice, Draft, Handed, LoopStep, Plan, Step, Work};
use std::collections::HashMap;
use thalweg_lang::graph::SourceAxis;

/// Adds to the steps what dies after each and what takes whose place, and to the draft its peak.
pub fn run(draft: &mut Draft) {
    drops(draft);
    takeovers(draft);
    draft.peak = peak(draft);
}

/// Notes for each step the values that are read there last; what nothing reads dies where it is made.
fn drops(draft: &mut Draft) {
    let bases = draft.bases();
    let mut last: HashMap<ValueId, usize> = HashMap::new();
    for (index, step) in draft.steps.iter().enumerate() {
        step.reads().into_iter().chain(step.makes()).for_each(|value| {
            last.insert(value, index);
        });
    }
    for &output in &draft.graph.outputs {
        last.remove(&draft.value_of(&bases, output));
    }
    let mut last: Vec<(ValueId, usize)> = last.into_iter().collect();
    last.sort_unstable();
    for (value, step) in last {
        draft.steps[step].drops.push(value);
    }
    for step in &mut draft.steps {
        hand_over(step);
    }
}

/// Notes which values a step's bodies get for good: those that die there and are read once.
fn hand_over(step: &mut Step) {
    let reads = step.reads();
    let drops = &step.drops;
    let is_last = |value: ValueId| drops.contains(&value) && reads.iter().filter(|&&read| read == value).count() == 1;
    match &mut step.work {
        Work::If(Choice { captured: handed, .. }) | Work::Loop(LoopStep { carried: handed, .. }) => {
            handed.iter_mut().for_each(|handed| handed.last = is_last(handed.value));
        }
        // The region's own reads of what it changes are over when it is written.
        Work::Region(region) => {
            let within = region.stores.iter_mut().filter_map(|store| store.within.as_mut());
            within.for_each(|within| within.value.last = drops.contains(&within.value.value));
        }
        Work::Update(update) => {
            update.value.last = is_last(update.value.value);
            update.new.last = is_last(update.new.value);
        }
        _ => {}
    }
}

/// Lets stored results take over the memory of operands that die in their region.
fn takeovers(draft: &mut Draft) {
    // A view's memory is another value's. An input's is the caller's, who may give it away: the run finds out, and a value
    // that a step has made is the better choice.
    let mut is_view = vec![false; draft.values.len()];
    let mut is_made = vec![false; draft.values.len()];
    for step in &draft.steps {
        let views =
            matches!(step.work, Work::View { .. } | Work::Reshape { .. } | Work::Constant(_) | Work::Gather { .. });
        for value in step.makes() {
            is_view[value] = views;
            is_made[value] = true;
        }
    }
    for step in &mut draft.steps {
        let drops = step.drops.clone();
        let Work::Region(region) = &mut step.work else { continue };
        let mut free: Vec<ValueId> = drops.into_iter().filter(|&value| !is_view[value]).collect();
        free.sort_by_key(|&value| !is_made[value]);
        for index in (0..region.stores.len()).filter(|&index| region.stores[index].within.is_none()).collect::<Vec<_>>()
        {
            let bytes = bytes_of(&draft.values[region.stores[index].value]);
            let fits = |value: ValueId| bytes_of(&draft.values[value]) == bytes && may_take(region, index, value);
            let found = free.iter().position(|&value| fits(value));
            region.stores[index].reuse = found.map(|found| free.remove(found));
        }
    }
}

/// Whether a store may write where a value lies: the value is read at the same index only, and by nothing after the write.
fn may_take(region: &Region, store: usize, value: ValueId) -> bool {
    let leaves = region.leaves.len();
    let register = region.stores[store].register;
    let in_c_order = region.order.iter().copied().eq(0..region.order.len());
    let reads: Vec<usize> = (0..leaves)
        .filter(|&leaf| matches!(&region.leaves[leaf].source, Source::Array { value: other, .. } if *other == value))
        .collect();
    let [leaf] = reads[..] else { return false };
    let Source::Array { axes, .. } = &region.leaves[leaf].source else { return false };
    let straight = axes.len() == region.shape.len()
        && axes.iter().enumerate().all(|(index, axis)| *axis == SourceAxis { start: 0, step: 1, axis: Some(index) });
    let read_later = register < leaves
        || region.instructions[register - leaves + 1..].iter().any(|instruction| instruction.operands.contains(&leaf));
    let kept = region.ends.iter().any(|end| end.register == leaf) || region.stores.iter().any(|s| s.register == leaf);
    in_c_order && straight && !read_later && !kept && region.leaves[leaf].dtype.size() == region.dtype(register).size()
}

/// The bytes that a body takes beside its inputs, which are there anyway.
fn own_peak(plan: &Plan) -> usize {
    let inputs = plan.inputs.iter().map(|(input, _)| bytes_of(&input.array_type));
    plan.peak.saturating_sub(inputs.fold(0, usize::saturating_add))
}

/// The most bytes that values take at once, as far as shapes tell: bodies count once for each turn that runs at once.
pub fn peak(draft: &Draft) -> usize {
    let bytes = |value: ValueId| bytes_of(&draft.values[value]);
    // Views share their source's memory, which lives as long as the last of them.
    let mut owner: Vec<ValueId> = (0..draft.values.len()).collect();
    let mut holders = vec![0usize; draft.values.len()];
    let mut is_made = vec![false; draft.values.len()];
    draft.steps.iter().flat_map(Step::makes).for_each(|value| is_made[value] = true);
    let inputs = draft.graph.inputs.iter();
    let mut live = inputs.fold(0usize, |total, input| total.saturating_add(bytes_of(&input.array_type)));
    let mut peak = live;
    // What dies while steps take turns stays until all of them are done.
    let (mut turns, mut dying) = (1, Vec::new());
    for step in &draft.steps {
        turns = turns.max(step.turns.steps);
        let inside = match &step.work {
            Work::Map(map) => {
                let body = map.chunks.as_ref().map_or(&map.body, |chunks| &chunks.each);
                body.peak.saturating_mul(step.site.threads)
            }
            Work::If(choice) => choice.then.peak.max(choice.otherwise.peak),
            Work::Loop(repeated) => {
                let condition = repeated.condition.as_deref().map_or(0, own_peak);
                condition.max(own_peak(&repeated.body))
            }
            _ => 0,
        };
        let mut taken = Vec::new();
        if let Work::Region(region) = &step.work {
            // Whether an input's memory can be taken over is not known here.
            taken.extend(region.stores.iter().filter_map(|store| store.reuse).filter(|&value| is_made[value]));
        }
        let within: Vec<Handed> = match &step.work {
            Work::Region(region) => {
                let within = region.stores.iter().filter_map(|store| store.within.as_ref());
                within.filter(|within| !within.is_aside).map(|within| within.value).collect()
            }
            _ => Vec::new(),
        };
        let handed = match &step.work {
            Work::Region(_) => &within[..],
            Work::Update(update) => std::slice::from_ref(&update.value),
            Work::Loop(repeated) => &repeated.carried,
            _ => &[],
        };
        let is_taken = |handed: &&Handed| handed.last && is_made[handed.value] && owner[handed.value] == handed.value;
        taken.extend(handed.iter().filter(is_taken).map(|handed| handed.value));
        for value in step.makes() {
            if let Work::View { value: source, .. } | Work::Reshape { value: source } = step.work {
                owner[value] = owner[source];
            } else {
                live = live.saturating_add(bytes(value));
            }
            holders[owner[value]] += 1;
        }
        for &value in &taken {
            live = live.saturating_sub(bytes(value));
        }
        peak = peak.max(live.saturating_add(inside));
        dying.extend(step.drops.iter().map(|value| (*value, taken.contains(value))));
        turns -= 1;
        if turns > 0 {
            continue;
        }
        turns = 1;
        for (value, is_taken) in dying.drain(..) {
            let owner = owner[value];
            holders[owner] = holders[owner].saturating_sub(1);
            if holders[owner] == 0 && is_made[owner] && !is_taken {
                live = live.saturating_sub(bytes(owner));
            }
        }
    }
    peak
}
