//! The pass `unroll short reductions`: where few elements make one result, they are combined as elementwise code.
//!
//! Coordinates, colours, the members of a small group: reducing them one by one would be a loop of a few turns for each result.
//! Instead, each element of the reduced axis becomes a value over the kept axes, and these are combined in the order that every
//! reduction of so many elements has. What computes the elements is repeated for each of them, so that none of it is stored,
//! and the result can go on into other elementwise code.

use super::Draft;
use super::region::elements;
use super::rewrite::{Rewriter, compose, is_elementwise, with_operands};
use super::views::uses;
use crate::operation::{Bodies, Body, Reduction};
use std::collections::{BTreeMap, HashMap, HashSet};
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::{Graph, Node, NodeId, NodeKind, OperationId, SourceAxis};
use thalweg_lang::types::{ArrayType, Shape};

/// The longest axis that is unrolled.
const LONGEST: usize = 8;

/// The fewest results for which that is worth planning it.
const FEWEST: usize = 64;

/// The most nodes that one reduction becomes.
const MOST_NODES: usize = 160;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    if !draft.settings.fuse || !(0..draft.graph.nodes.len()).any(|index| is_short(&draft.graph, NodeId(index as u32))) {
        return;
    }
    let old = std::mem::take(&mut draft.graph);
    let old_uses = uses(&old);
    let mut unroller = Unroller { rewriter: Rewriter::new(&old), uses: Vec::new(), bodies: draft.bodies };
    for (index, node) in old.nodes.iter().enumerate() {
        let kind = unroller.rewriter.renamed(&node.kind);
        let unrolled = match kind {
            NodeKind::Reduce { operation, value, ref axes } if is_short(&old, NodeId(index as u32)) => {
                unroller.unrolled(node, operation, value, axes[0])
            }
            _ => None,
        };
        let id = unrolled.unwrap_or_else(|| {
            unroller.rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone())
        });
        unroller.rewriter.to.push(id);
        unroller.uses.resize(unroller.rewriter.builder.graph().nodes.len(), 1);
        unroller.uses[id.index()] = unroller.uses[id.index()].max(old_uses[index]);
    }
    draft.graph = unroller.rewriter.finish(&old);
}

/// Whether a node reduces one short axis to many results.
fn is_short(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let NodeKind::Reduce { value, axes, .. } = &node.kind else { return false };
    match axes[..] {
        [axis] => {
            (2..=LONGEST).contains(&graph.node(*value).array_type().shape[axis])
                && elements(&node.array_type().shape) >= FEWEST
        }
        _ => false,
    }
}

struct Unroller<'a> {
    rewriter: Rewriter,
    /// For each new node how many read it, or more.
    uses: Vec<usize>,
    bodies: &'a dyn Bodies,
}

impl Unroller<'_> {
    /// A reduction as elementwise code, if that is worth it.
    fn unrolled(&mut self, node: &Node, operation: OperationId, value: NodeId, axis: usize) -> Option<NodeId> {
        let source = self.rewriter.node(value).array_type().clone();
        let length = source.shape[axis];
        let Body::Reduction(reduction) = self.bodies.body(operation) else { return None };
        self.bodies.body(operation).kernel(&[source.dtype; 2])?;
        // What others need too is stored, and read from there.
        let cone = self.cone(value);
        let is_stored = is_elementwise(&self.rewriter.node(value).kind) && !cone.contains(&value);
        if is_stored || (cone.len() + 3) * length > MOST_NODES {
            return None;
        }
        let part = |index| self.part(value, axis, index, &cone, &mut HashMap::new());
        let parts: Vec<NodeId> = (0..length).map(part).collect();
        let result = node.array_type().clone();
        match reduction {
            Reduction::Fold { .. } => Some(self.folded(parts, operation, &result, node)),
            Reduction::FirstExtreme { .. } => Some(self.first_extreme(parts, operation, source.dtype, node)),
        }
    }

    /// Combines in the order of every reduction: the second half is joined to the first, where it has elements, until one is left.
    fn folded(&mut self, parts: Vec<NodeId>, operation: OperationId, result: &ArrayType, node: &Node) -> NodeId {
        let mut parts = parts;
        while parts.len() > 1 {
            let half = parts.len().next_power_of_two() / 2;
            let upper = parts.split_off(half);
            for (place, other) in upper.into_iter().enumerate() {
                let operands = vec![parts[place], other];
                parts[place] = self.rewriter.add(NodeKind::Elementwise { operation, operands }, result.clone(), node);
            }
        }
        parts[0]
    }

    /// The index of the first of the values that no other beats.
    fn first_extreme(&mut self, parts: Vec<NodeId>, operation: OperationId, dtype: DType, node: &Node) -> NodeId {
        let shape = node.array_type().shape.clone();
        let of = |dtype: DType| ArrayType::new(dtype, shape.clone());
        let index_dtype = node.array_type().dtype;
        let number = |this: &mut Self, index: usize| {
            let scalar = Scalar::i64(index as i64).cast(index_dtype);
            this.rewriter.add(NodeKind::Constant(scalar), ArrayType::scalar(index_dtype), node)
        };
        let mut best = parts[0];
        let mut place = number(self, 0);
        for (index, &value) in parts.iter().enumerate().skip(1) {
            let operands = vec![value, best];
            let beats = self.rewriter.add(NodeKind::Elementwise { operation, operands }, of(DType::Bool), node);
            let own = number(self, index);
            let select = |then, otherwise| NodeKind::Select { mask: beats, then, otherwise };
            place = self.rewriter.add(select(own, place), of(index_dtype), node);
            best = self.rewriter.add(select(value, best), of(dtype), node);
        }
        place
    }

    /// The elementwise code that only `value` needs, itself first of all, and that cannot fail: an error names the element's index.
    fn cone(&self, value: NodeId) -> HashSet<NodeId> {
        let mut cone = HashSet::new();
        // Users have greater indices than their operands: when a node is taken out, all its users in the cone have been.
        let mut waiting = BTreeMap::from([(value, 1)]);
        while let Some((id, found)) = waiting.pop_last() {
            let node = self.rewriter.node(id);
            if is_elementwise(&node.kind) && found >= self.uses_of(id) && !self.may_fail(&node.kind) {
                cone.insert(id);
                node.kind.operands().into_iter().for_each(|operand| *waiting.entry(operand).or_default() += 1);
            }
            if cone.len() > MOST_NODES {
                break;
            }
        }
        cone
    }

    fn uses_of(&self, id: NodeId) -> usize {
        self.uses.get(id.index()).copied().unwrap_or(1)
    }

    fn may_fail(&self, kind: &NodeKind) -> bool {
        let NodeKind::Elementwise { operation, operands } = kind else { return false };
        let dtype = |operand: &NodeId| self.rewriter.node(*operand).array_type().dtype;
        let dtypes: Vec<DType> = operands.iter().map(dtype).collect();
        self.bodies.body(*operation).kernel(&dtypes).is_none_or(|kernel| kernel.fault.is_some())
    }

    /// The elements of a value at one index of an axis.
    fn part(
        &mut self,
        id: NodeId,
        axis: usize,
        index: usize,
        cone: &HashSet<NodeId>,
        known: &mut HashMap<(NodeId, usize), NodeId>,
    ) -> NodeId {
        if let Some(&part) = known.get(&(id, axis)) {
            return part;
        }
        let node = self.rewriter.node(id).clone();
        let whole = &node.array_type().shape;
        let mut shape: Shape = whole.clone();
        let index = if shape.remove(axis) == 1 { 0 } else { index };
        let part = if cone.contains(&id) {
            let kind = with_operands(&node.kind, &mut |operand| {
                let own = self.rewriter.node(operand).array_type().rank();
                match (axis + own).checked_sub(whole.len()) {
                    Some(axis) => self.part(operand, axis, index, cone, known),
                    None => operand,
                }
            });
            self.rewriter.add(kind, ArrayType::new(node.array_type().dtype, shape), &node)
        } else {
            let chosen = |own: usize| match own.cmp(&axis) {
                std::cmp::Ordering::Less => SourceAxis::along(own),
                std::cmp::Ordering::Equal => SourceAxis::at(index),
                std::cmp::Ordering::Greater => SourceAxis::along(own - 1),
            };
            let axes: Vec<SourceAxis> = (0..whole.len()).map(chosen).collect();
            let (value, axes) = match &node.kind {
                NodeKind::View { value, axes: outer } => (*value, compose(outer, &axes)),
                _ => (id, axes),
            };
            self.rewriter.view(value, axes, shape, node.span, node.placement.clone())
        };
        known.insert((id, axis), part);
        part
    }
}
