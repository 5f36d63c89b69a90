//! Sinking a reshape: elementwise code computes the same elements in the new shape, so that only its operands are reshaped.
//!
//! The code that moves is a cone: what only this reshape needs, down to values that exist as arrays (whose reshape is
//! another way to look at them) or cost nothing. An operand that is broadcast follows where the axes that it lacks stay
//! apart from those that it has. Where any of this fails, nothing moves: the value is stored, and looked at in its new shape.

use super::counter::Counter;
use super::region::bytes_of;
use super::rewrite::is_elementwise;
use super::views::Sinker;
use crate::array::{contiguous_strides, length_of};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use thalweg_lang::graph::{Graph, Node, NodeId, NodeKind, SourceAxis};
use thalweg_lang::types::{ArrayType, Shape};

/// The most nodes that move at once: a region has no more, and looking at them costs time.
const LARGEST: usize = 256;

impl Sinker {
    /// The value in another shape without a step that reshapes it; `None` where that cannot be.
    pub fn reshaped(&mut self, value: NodeId, shape: &[usize]) -> Option<NodeId> {
        let whole = self.rewriter.node(value).array_type().clone();
        if matches!(length_of(shape), None | Some(0)) {
            return None;
        }
        let matching = Matching::new(&whole.shape, shape);
        let (cone, mut stored) = (self.cone(value)?, 0usize);
        let mut moved: HashMap<NodeId, NodeId> = HashMap::new();
        for &(id, is_inside) in cone.iter().rev() {
            let node = self.rewriter.node(id).clone();
            let own = node.array_type();
            let to = matching.target(&own.shape)?;
            let new = if own.shape.is_empty() || own.shape == to {
                id
            } else if is_inside {
                let kind = super::rewrite::with_operands(&node.kind, &mut |operand| moved[&operand]);
                self.rewriter.add(kind, ArrayType::new(own.dtype, to), &node)
            } else {
                if is_elementwise(&node.kind) {
                    stored = stored.saturating_add(bytes_of(own));
                }
                self.edge(id, &node, to)?
            };
            moved.insert(id, new);
        }
        // What others need too is stored for this: no more than the value itself would have been.
        (stored <= bytes_of(&whole)).then(|| moved[&value])
    }

    /// The nodes whose values only `value` needs, `true`, and those that these read, users before their operands.
    fn cone(&self, value: NodeId) -> Option<Vec<(NodeId, bool)>> {
        let graph = self.rewriter.builder.graph();
        let mut nodes = Vec::new();
        // Users have greater indices than their operands: when a node is taken out, all its users in the cone have been.
        let mut waiting = BTreeMap::from([(value, 1)]);
        while let Some((id, found)) = waiting.pop_last() {
            let node = graph.node(id);
            let costs_nothing = matches!(node.kind, NodeKind::Cast(from) if Counter::of(graph, from).is_some());
            // A scalar is as good in any shape, and stays.
            let is_inside = is_elementwise(&node.kind)
                && !node.array_type().shape.is_empty()
                && (costs_nothing || found >= self.uses_of(id));
            if is_inside {
                node.kind.operands().into_iter().for_each(|operand| *waiting.entry(operand).or_default() += 1);
            }
            nodes.push((id, is_inside));
            if nodes.len() > LARGEST {
                return None;
            }
        }
        Some(nodes)
    }

    /// A value at the edge of a cone in another shape, where that needs no copy.
    fn edge(&mut self, id: NodeId, node: &Node, shape: Shape) -> Option<NodeId> {
        let array_type = ArrayType::new(node.array_type().dtype, shape);
        let graph = self.rewriter.builder.graph();
        let kind = match &node.kind {
            // One element everywhere.
            NodeKind::View { value, axes } if axes.is_empty() => NodeKind::View { value: *value, axes: Vec::new() },
            NodeKind::Iota | NodeKind::View { .. } | NodeKind::Reshape(_) if Counter::of(graph, id).is_some() => {
                Counter::of(graph, id)?.reshaped(&node.array_type().shape, &array_type.shape)?;
                NodeKind::Reshape(id)
            }
            NodeKind::View { value, axes } if !is_contiguous(graph, *value, axes, &node.array_type().shape) => {
                return None;
            }
            NodeKind::Reshape(value) if graph.node(*value).array_type().shape == array_type.shape => {
                return Some(*value);
            }
            NodeKind::Reshape(value) => NodeKind::Reshape(*value),
            _ => NodeKind::Reshape(id),
        };
        Some(self.rewriter.add(kind, array_type, node))
    }
}

/// Whether a view shows elements that follow each other in its source, if the source itself lies in C order.
fn is_contiguous(graph: &Graph, value: NodeId, axes: &[SourceAxis], shape: &[usize]) -> bool {
    let mut strides = vec![0; shape.len()];
    for (axis, stride) in axes.iter().zip(contiguous_strides(&graph.node(value).array_type().shape)) {
        if let Some(own) = axis.axis {
            strides[own] += axis.step * stride;
        }
    }
    let expected = contiguous_strides(shape);
    (0..shape.len()).all(|axis| shape[axis] == 1 || strides[axis] == expected[axis])
}

/// A reshape that only adds or takes away axes of length 1, as a view.
pub fn as_view(from: &[usize], to: &[usize]) -> Option<Vec<SourceAxis>> {
    let mut own = (0..to.len()).filter(|&axis| to[axis] != 1);
    let mut axes = Vec::with_capacity(from.len());
    for &length in from {
        let axis = if length == 1 { None } else { Some(own.next().filter(|&axis| to[axis] == length)?) };
        axes.push(SourceAxis { start: 0, step: axis.map_or(0, |_| 1), axis });
    }
    own.next().is_none().then_some(axes)
}

/// Which axes of one shape become which of another: neighbours with the same product.
struct Matching<'a> {
    from: &'a [usize],
    to: &'a [usize],
    groups: Vec<(Range<usize>, Range<usize>)>,
}

impl<'a> Matching<'a> {
    /// Of two shapes with equally many elements, at least one.
    fn new(from: &'a [usize], to: &'a [usize]) -> Matching<'a> {
        let mut groups = Vec::new();
        let (mut first, mut second) = (0, 0);
        while first < from.len() || second < to.len() {
            let (start, begin) = (first, second);
            let (mut one, mut other) = (1, 1);
            loop {
                if one <= other && first < from.len() {
                    one *= from[first];
                    first += 1;
                } else if second < to.len() {
                    other *= to[second];
                    second += 1;
                }
                if one == other || (first == from.len() && second == to.len()) {
                    break;
                }
            }
            groups.push((start..first, begin..second));
        }
        Matching { from, to, groups }
    }

    /// The shape that an operand of shape `own` takes, which broadcasts to the whole.
    fn target(&self, own: &[usize]) -> Option<Shape> {
        if own.is_empty() {
            return Some(Vec::new());
        }
        let missing = self.from.len() - own.len();
        let length = |axis: usize| if axis < missing { 1 } else { own[axis - missing] };
        let mut target = Vec::with_capacity(self.to.len());
        for (from, to) in &self.groups {
            if from.clone().all(|axis| length(axis) == self.from[axis]) {
                target.extend_from_slice(&self.to[to.clone()]);
            } else if from.clone().all(|axis| length(axis) == 1) {
                target.extend(to.clone().map(|_| 1));
            } else {
                return None;
            }
        }
        Some(target)
    }
}
