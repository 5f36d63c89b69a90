//! The pass `fuse`: elementwise nodes, and the reductions at their ends, become groups over one iteration space.
//!
//! First each node joins the groups that make its operands, so that these need not be stored; then groups that read the same
//! arrays over the same space join, so that they are read once. Two groups may become one when they have the same shape, the
//! same annotation and the same reduced axes, and when no path leads from one to the other through something else: such a
//! path would have to run in the middle of the group. A reduction's result is outside in that sense.

use super::counter::Counter;
use super::region::elements;
use super::rewrite::{broadcast_axes, compose};
use super::straddled::Straddled;
use super::{Draft, Group};
use std::collections::HashMap;
use thalweg_lang::graph::{Effect, Graph, NodeId, NodeKind, SourceAxis};

/// The most nodes of a group: more would not be faster, and joining costs time in proportion.
const LARGEST: usize = 640;

/// How many nodes are looked at for a path between two groups: what is farther apart stays apart, so that long programs are planned
/// in proportion to their length.
const FARTHEST: usize = 256;

/// How many groups that read an array are tried, the latest first.
const TRIED: usize = 8;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    let epochs = epochs(draft);
    draft.group_of = vec![None; draft.graph.nodes.len()];
    draft.straddled = Straddled::new(draft.graph.nodes.len());
    draft.walk = Walk::new(draft.graph.nodes.len());
    for (index, &epoch) in epochs.iter().enumerate() {
        let id = NodeId(index as u32);
        if draft.needed[index] && is_member(draft, id) {
            let group = begin(draft, id, epoch);
            if draft.settings.fuse {
                join_operands(draft, group);
            }
        }
    }
    if draft.settings.fuse {
        join_readers(draft);
    }
}

/// Whether a node becomes part of a region.
fn is_member(draft: &Draft, id: NodeId) -> bool {
    match &draft.graph.node(id).kind {
        NodeKind::Elementwise { .. } | NodeKind::Cast(_) | NodeKind::Select { .. } => true,
        NodeKind::Reduce { operation, .. } => draft.reduction(*operation).is_some(),
        _ => false,
    }
}

/// For each node the first effect that needs it; one more than the last effect's index when none does.
pub fn epochs(draft: &Draft) -> Vec<usize> {
    let graph = &draft.graph;
    let mut epochs = vec![usize::MAX; graph.nodes.len()];
    let mut mark = |from: Vec<NodeId>, epoch: usize| {
        let mut stack = from;
        while let Some(id) = stack.pop() {
            if epochs[id.index()] == usize::MAX {
                epochs[id.index()] = epoch;
                stack.extend(graph.node(id).kind.operands());
            }
        }
    };
    for (epoch, effect) in graph.effects.iter().enumerate() {
        let mut roots = Vec::new();
        match effect {
            Effect::Call { arguments, .. } => arguments.iter().for_each(|value| value.visit(&mut |id| roots.push(*id))),
            Effect::Run(id) => roots.push(*id),
        }
        mark(roots, epoch);
    }
    mark(graph.outputs.clone(), graph.effects.len());
    epochs
}

/// A group of one node.
fn begin(draft: &mut Draft, id: NodeId, epoch: usize) -> usize {
    let node = draft.graph.node(id);
    let (shape, reduced, faults) = match &node.kind {
        NodeKind::Reduce { value, axes, .. } => {
            (draft.graph.node(*value).array_type().shape.clone(), Some(axes.clone()), false)
        }
        NodeKind::Elementwise { operation, operands } => {
            let dtypes: Vec<_> = operands.iter().map(|&operand| draft.graph.node(operand).array_type().dtype).collect();
            let kernel = draft.bodies.body(*operation).kernel(&dtypes);
            let faults = kernel.is_some_and(|kernel| kernel.fault.is_some());
            (node.array_type().shape.clone(), None, faults)
        }
        _ => (node.array_type().shape.clone(), None, false),
    };
    let group = draft.groups.len();
    draft.groups.push(Group {
        members: vec![id],
        shape,
        placement: node.placement.clone(),
        reduced,
        epoch,
        faults_in: faults.then_some(epoch),
        site: super::Site { threads: 1, is_light: false, reason: String::new() },
    });
    draft.group_of[id.index()] = Some(group);
    group
}

/// Joins a new group of one node with those that make its operands.
fn join_operands(draft: &mut Draft, group: usize) {
    let operands = draft.graph.node(draft.groups[group].members[0]).kind.operands();
    for operand in operands {
        if is_register(draft, operand)
            && let Some(maker) = draft.group_of[operand.index()]
        {
            join(draft, group, maker);
        }
    }
}

/// Whether a node's value is elementwise, so that its group can hand it on in a register.
fn is_register(draft: &Draft, id: NodeId) -> bool {
    !matches!(draft.graph.node(id).kind, NodeKind::Reduce { .. })
}

/// Joins groups that read the same arrays.
fn join_readers(draft: &mut Draft) {
    let mut readers: HashMap<NodeId, Vec<usize>> = HashMap::new();
    for first in 0..draft.groups.len() {
        let mut group = first;
        for root in leaves(draft, first) {
            let known = readers.entry(root).or_default();
            for index in (0..known.len()).rev().take(TRIED) {
                let other = known[index];
                if !draft.groups[other].members.is_empty() && other != group && join(draft, other, group) {
                    group = other;
                }
            }
            if !known.contains(&group) {
                known.push(group);
            }
        }
    }
}

/// The arrays of at least the group's size that it reads.
fn leaves(draft: &Draft, group: usize) -> Vec<NodeId> {
    let count = elements(&draft.groups[group].shape);
    let mut roots = Vec::new();
    for &member in &draft.groups[group].members {
        for operand in draft.graph.node(member).kind.operands() {
            if draft.group_of[operand.index()] == Some(group) && is_register(draft, operand) {
                continue;
            }
            let root = root(&draft.graph, operand);
            let node = draft.graph.node(root);
            if is_array(&draft.graph, root) && elements(&node.array_type().shape) >= count && !roots.contains(&root) {
                roots.push(root);
            }
        }
    }
    roots
}

/// What a view shows in the end.
pub fn root(graph: &Graph, id: NodeId) -> NodeId {
    let mut id = id;
    while let NodeKind::View { value, .. } = graph.node(id).kind {
        id = value;
    }
    id
}

/// Whether a group that reads a root needs an array of it.
pub fn is_array(graph: &Graph, root: NodeId) -> bool {
    !matches!(graph.node(root).kind, NodeKind::Constant(_)) && Counter::of(graph, root).is_none()
}

/// What an operand of a group shows in the end, with its axes in terms of the group's.
pub fn resolve(draft: &Draft, id: NodeId, shape: &[usize]) -> (NodeId, Vec<SourceAxis>) {
    let mut id = id;
    let mut axes = broadcast_axes(&draft.graph.node(id).array_type().shape, shape);
    while let NodeKind::View { value, axes: outer } = &draft.graph.node(id).kind {
        axes = compose(outer, &axes);
        id = *value;
    }
    (id, axes)
}

/// Makes two groups one if that is possible; the first remains.
fn join(draft: &mut Draft, into: usize, from: usize) -> bool {
    let (a, b) = (&draft.groups[into], &draft.groups[from]);
    let axes_agree = match (&a.reduced, &b.reduced) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let epoch = a.epoch.min(b.epoch);
    // What may fail must not run before an effect that stands before it.
    let in_time = [a.faults_in, b.faults_in].into_iter().flatten().all(|fault| fault == epoch);
    if into == from
        || a.members.len() + b.members.len() > LARGEST
        || a.shape != b.shape
        || a.placement != b.placement
        || !axes_agree
        || !in_time
        || reaches(draft, into, from)
        || reaches(draft, from, into)
    {
        return false;
    }
    let from = std::mem::take(&mut draft.groups[from].members)
        .into_iter()
        .map(|id| (id, draft.groups[from].reduced.clone(), draft.groups[from].faults_in))
        .collect::<Vec<_>>();
    let group = &mut draft.groups[into];
    for (id, reduced, faults_in) in from {
        group.members.push(id);
        group.reduced = group.reduced.take().or(reduced);
        group.faults_in = group.faults_in.or(faults_in);
        draft.group_of[id.index()] = Some(into);
    }
    group.epoch = epoch;
    group.members.sort_unstable();
    if let [first, .., last] = group.members[..] {
        draft.straddled.add(first.index(), last.index());
    }
    true
}

/// What a search for a path notes, kept from one to the next: there are several for each node.
#[derive(Default)]
pub struct Walk {
    /// Which search it is.
    turn: u32,
    /// For each node the last search that has seen it.
    seen: Vec<u32>,
    stack: Vec<NodeId>,
}

impl Walk {
    fn new(count: usize) -> Walk {
        Walk { turn: 0, seen: vec![0; count], stack: Vec::new() }
    }

    fn begin(&mut self) {
        self.turn += 1;
        self.stack.clear();
    }

    /// Notes a node; whether it is new.
    fn see(&mut self, id: NodeId) -> bool {
        std::mem::replace(&mut self.seen[id.index()], self.turn) != self.turn
    }
}

/// Whether `user` needs something of `maker` otherwise than in a register: through a third group or node, or a reduction's
/// result. A path that is not found among the nearest nodes is taken to be there.
fn reaches(draft: &mut Draft, user: usize, maker: usize) -> bool {
    // What lies below a node that no group straddles needs only what lies below it too.
    let lowest = NodeId(draft.straddled.nearest(draft.groups[maker].members[0].index()) as u32);
    let mut walk = std::mem::take(&mut draft.walk);
    walk.begin();
    let found = reads_result(draft, user, maker, &mut walk.stack) || leads(draft, maker, lowest, &mut walk);
    draft.walk = walk;
    found
}

/// Whether `user` reads a reduction's result of `maker`; adds what it reads of others.
fn reads_result(draft: &Draft, user: usize, maker: usize, others: &mut Vec<NodeId>) -> bool {
    let mut found = false;
    for &member in &draft.groups[user].members {
        draft.graph.node(member).kind.visit_operands(&mut |operand| match draft.group_of[operand.index()] {
            Some(group) if group == maker => found |= !is_register(draft, operand),
            Some(group) if group == user => {}
            _ => others.push(operand),
        });
    }
    found
}

/// Whether a path goes from what the walk begins with to `maker`; nothing below `lowest` is looked at.
fn leads(draft: &Draft, maker: usize, lowest: NodeId, walk: &mut Walk) -> bool {
    let mut looked = 0;
    while let Some(id) = walk.stack.pop() {
        if !walk.see(id) {
            continue;
        }
        looked += 1;
        if looked > FARTHEST {
            return true;
        }
        let group = draft.group_of[id.index()];
        if group == Some(maker) {
            return true;
        }
        // A group runs as one: whatever any member needs must be there first.
        let members = group.map_or(std::slice::from_ref(&id), |group| &draft.groups[group].members);
        if members.last().is_some_and(|last| *last < lowest) {
            continue;
        }
        for &member in members {
            walk.see(member);
            draft.add_dependencies(member, &mut walk.stack);
        }
    }
    false
}
