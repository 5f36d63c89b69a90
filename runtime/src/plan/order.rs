//! The pass `order updates`: what changes a value comes after everything else that reads it.
//!
//! An update writes where its value lies if nothing else needs the value any more, and copies it otherwise. Operands alone do
//! not say that another reader should run first, so this pass adds such constraints where they contradict nothing, and
//! numbers the nodes anew so that they hold.

use super::Draft;
use super::fuse::epochs;
use super::region::{PARTS, ValueId, elements};
use std::collections::{HashMap, HashSet};
use thalweg_lang::graph::{Effect, Graph, NodeId, NodeKind};

/// How many nodes are looked at in search of contradictions: a pass must not cost more than what it gains.
const MOST_LOOKS: usize = 500_000;

/// A value with more readers than this is copied once more at no cost that shows.
const MOST_READERS: usize = 100;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    draft.before = vec![Vec::new(); draft.graph.nodes.len()];
    let consumers: Vec<NodeId> = (0..draft.graph.nodes.len())
        .map(|index| NodeId(index as u32))
        .filter(|id| draft.needed[id.index()] && !consumed(&draft.graph.node(*id).kind).is_empty())
        .collect();
    if consumers.is_empty() {
        return;
    }
    let bases = draft.bases();
    let readers = Readers::of(draft, &bases);
    let epochs = epochs(draft);
    let mut looks = MOST_LOOKS;
    for consumer in consumers {
        for value in consumed(&draft.graph.node(consumer).kind) {
            if draft.graph.node(value).array_type().shape.is_empty() {
                continue;
            }
            for reader in readers.all(draft, &bases, value) {
                let in_time = epochs[reader.index()] <= epochs[consumer.index()];
                if reader != consumer && in_time && !leads(draft, reader, consumer, &mut looks) {
                    draft.before[consumer.index()].push(reader);
                }
            }
        }
    }
    renumber(draft);
}

/// The operands that a node writes over when nothing else needs them.
fn consumed<L>(kind: &NodeKind<L>) -> Vec<NodeId> {
    match kind {
        NodeKind::Update { value, .. } => vec![*value],
        NodeKind::If { then, otherwise, captured, .. } => {
            let inputs = [consumed_inputs(then), consumed_inputs(otherwise)].concat();
            (0..captured.len()).filter(|input| inputs.contains(input)).map(|input| captured[input]).collect()
        }
        NodeKind::Loop { body, mapped, carried, .. } => {
            let inputs = consumed_inputs(body);
            (0..carried.len()).filter(|input| inputs.contains(&(mapped.len() + input))).map(|at| carried[at]).collect()
        }
        _ => Vec::new(),
    }
}

/// The inputs that a body writes over.
fn consumed_inputs<L>(body: &Graph<L>) -> Vec<usize> {
    let by_nodes = body.nodes.iter().flat_map(|node| consumed(&node.kind));
    let by_rest = body.rest.iter().flat_map(|rest| consumed_inputs(&rest.graph)).map(|input| body.outputs[input]);
    let inputs = by_nodes.chain(by_rest).filter_map(|id| match body.node(id).kind {
        NodeKind::Input(input) => Some(input as usize),
        _ => None,
    });
    inputs.collect()
}

/// For each value the nodes that read it.
struct Readers(HashMap<ValueId, Vec<NodeId>>);

impl Readers {
    fn of(draft: &Draft, bases: &[ValueId]) -> Readers {
        let mut readers: HashMap<ValueId, Vec<NodeId>> = HashMap::new();
        for (index, node) in draft.graph.nodes.iter().enumerate().filter(|(index, _)| draft.needed[*index]) {
            if matches!(node.kind, NodeKind::Part { .. }) {
                continue;
            }
            for operand in node.kind.operands() {
                readers.entry(draft.value_of(bases, operand)).or_default().push(NodeId(index as u32));
            }
        }
        Readers(readers)
    }

    /// Those of a value and of everything that shares its memory, each once; none when there are too many to look at.
    fn all(&self, draft: &Draft, bases: &[ValueId], value: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let whole = elements(&draft.graph.node(value).array_type().shape);
        let mut seen: HashSet<NodeId> = HashSet::new();
        let mut values = vec![draft.value_of(bases, value)];
        while let Some(value) = values.pop() {
            for &reader in self.0.get(&value).into_iter().flatten() {
                if !seen.insert(reader) {
                    continue;
                }
                let node = draft.graph.node(reader);
                let is_looked_through = matches!(node.kind, NodeKind::View { .. } | NodeKind::Reshape(_));
                if is_looked_through || matches!(node.kind, NodeKind::Gather { .. }) {
                    values.push(draft.value_of(bases, reader));
                }
                // A small part is copied when it is still needed where all is written over: it had better be there by then.
                let is_small = || elements(&node.array_type().shape).saturating_mul(PARTS) <= whole;
                if !is_looked_through || is_small() {
                    found.push(reader);
                }
                if seen.len() > MOST_READERS {
                    return Vec::new();
                }
            }
        }
        found
    }
}

/// Whether a node cannot run before another has; in doubt it cannot.
fn leads(draft: &Draft, from: NodeId, to: NodeId, looks: &mut usize) -> bool {
    let mut seen: HashSet<NodeId> = HashSet::new();
    let mut stack = vec![from];
    while let Some(id) = stack.pop() {
        if id == to || *looks == 0 {
            return true;
        }
        if seen.insert(id) {
            *looks -= 1;
            draft.add_dependencies(id, &mut stack);
        }
    }
    false
}

/// Gives the nodes numbers that rise along every operand and constraint.
fn renumber(draft: &mut Draft) {
    let count = draft.graph.nodes.len();
    let mut order: Vec<NodeId> = Vec::with_capacity(count);
    let mut placed = vec![false; count];
    for index in 0..count {
        let mut stack = vec![(NodeId(index as u32), false)];
        while let Some((id, ready)) = stack.pop() {
            if placed[id.index()] {
                continue;
            }
            if ready {
                placed[id.index()] = true;
                order.push(id);
            } else {
                stack.push((id, true));
                stack.extend(draft.dependencies(id).into_iter().map(|id| (id, false)));
            }
        }
    }
    let mut to = vec![NodeId(0); count];
    order.iter().enumerate().for_each(|(position, id)| to[id.index()] = NodeId(position as u32));
    let to = |id: NodeId| to[id.index()];
    draft.needed = order.iter().map(|id| draft.needed[id.index()]).collect();
    draft.before = order.iter().map(|id| draft.before[id.index()].iter().map(|&id| to(id)).collect()).collect();
    let graph = &mut draft.graph;
    graph.nodes = order.iter().map(|&id| graph.node(id).clone()).collect();
    graph.nodes.iter_mut().for_each(|node| node.kind.replace_operands(&mut |id| to(id)));
    graph.outputs.iter_mut().for_each(|id| *id = to(*id));
    for effect in &mut graph.effects {
        match effect {
            Effect::Call { arguments, .. } => {
                arguments.iter_mut().for_each(|value| *value = value.map(&mut |&id| to(id)));
            }
            Effect::Run(id) => *id = to(*id),
        }
    }
}
