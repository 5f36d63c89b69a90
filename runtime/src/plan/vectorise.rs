//! The pass `vectorise maps`: a map becomes whole-array nodes with its axis in front, where its body allows it.
//!
//! A node of the body is either the same for every turn, and is computed once, or has one value for each turn, and becomes a
//! node with one axis more. NumPy's broadcasting aligns axes at the end, so an operand of lower rank gets axes of length 1
//! behind the map's axis.

use super::Draft;
use super::region::elements;
use super::rewrite::{Rewriter, with_operands};
use crate::operation::{Bodies, Body, Reduction};
use std::collections::HashMap;
use std::sync::Arc;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::{Graph, GraphBuilder, Node, NodeId, NodeKind, Placement, SourceAxis};
use thalweg_lang::types::ArrayType;

/// A body with a value of more elements than this is run turn by turn: its regions are long enough by themselves, and the
/// turns' temporaries need not exist all at once.
const LONG_BODY: usize = 16 * 1024;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    if draft.graph.nodes.iter().any(|node| matches!(node.kind, NodeKind::Map { .. })) {
        draft.graph = vectorised(&draft.graph, draft.bodies);
    }
}

/// The graph with every map flattened that can be.
fn vectorised(old: &Graph, bodies: &dyn Bodies) -> Graph {
    let mut rewriter = Rewriter::new(old);
    let mut results: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    for (index, node) in old.nodes.iter().enumerate() {
        let id = match &node.kind {
            NodeKind::Part { value, index } if results.contains_key(value) => results[value][*index as usize],
            NodeKind::Map { body, mapped, captured } => {
                let body = Arc::new(vectorised(body, bodies));
                let to = |ids: &[NodeId]| ids.iter().map(|id| rewriter.to[id.index()]).collect::<Vec<_>>();
                let (mapped, captured) = (to(mapped), to(captured));
                let length = rewriter.node(mapped[0]).array_type().shape[0];
                if is_flat(&body, bodies, length) {
                    let mut flattener =
                        Flattener { builder: &mut rewriter.builder, bodies, length, placement: node.placement.clone() };
                    let outputs = flattener.flatten(&body, &mapped, &captured);
                    results.insert(NodeId(index as u32), outputs.clone());
                    // A map without results stands for its first operand; nothing reads it.
                    outputs.first().copied().unwrap_or(mapped[0])
                } else {
                    let kind = NodeKind::Map { body, mapped, captured };
                    rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone())
                }
            }
            kind => {
                let kind = rewriter.renamed(kind);
                rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone())
            }
        };
        rewriter.to.push(id);
    }
    rewriter.finish(old)
}

/// Whether every needed node of a body has a whole-array form, and none is large.
fn is_flat(body: &Graph, bodies: &dyn Bodies, length: usize) -> bool {
    let needed = body.needed();
    let count = |node: &Node| node.types.iter().map(|array_type| elements(&array_type.shape)).max().unwrap_or(0);
    body.rest.is_none()
        && body.effects.is_empty()
        && body.nodes.iter().zip(&needed).filter(|(_, needed)| **needed).all(|(node, _)| {
            let has_form = match &node.kind {
                NodeKind::Apply { .. }
                | NodeKind::Map { .. }
                | NodeKind::If { .. }
                | NodeKind::Loop { .. }
                | NodeKind::Part { .. }
                | NodeKind::Gather { .. }
                | NodeKind::Update { .. }
                | NodeKind::Count(_)
                | NodeKind::Positions(_)
                | NodeKind::SliceBounds { .. } => false,
                NodeKind::Reduce { operation, .. } => matches!(bodies.body(*operation), Body::Reduction(_)),
                _ => true,
            };
            let is_input = matches!(node.kind, NodeKind::Input(_));
            has_form && (length == 1 || is_input || count(node) <= LONG_BODY)
        })
}

/// What a node of the body is in the graph around the map.
#[derive(Clone, Copy)]
enum Lifted {
    /// The same in every turn.
    Same(NodeId),
    /// One value for each turn, along the first axis.
    Each(NodeId),
}

impl Lifted {
    fn id(self) -> NodeId {
        match self {
            Lifted::Same(id) | Lifted::Each(id) => id,
        }
    }
}

struct Flattener<'a> {
    builder: &'a mut GraphBuilder,
    bodies: &'a dyn Bodies,
    length: usize,
    placement: Option<Arc<Placement>>,
}

impl Flattener<'_> {
    /// The body's outputs as nodes of the graph around.
    fn flatten(&mut self, body: &Graph, mapped: &[NodeId], captured: &[NodeId]) -> Vec<NodeId> {
        let needed = body.needed();
        let mut lifted: Vec<Lifted> = Vec::with_capacity(body.nodes.len());
        for (node, needed) in body.nodes.iter().zip(needed) {
            let one = match &node.kind {
                NodeKind::Input(index) => match mapped.get(*index as usize) {
                    Some(&id) => Lifted::Each(id),
                    None => Lifted::Same(captured[*index as usize - mapped.len()]),
                },
                // Nothing reads it: any node will do.
                _ if !needed => Lifted::Same(mapped[0]),
                kind => {
                    let operands = kind.operands();
                    if operands.iter().all(|operand| matches!(lifted[operand.index()], Lifted::Same(_))) {
                        let kind = with_operands(kind, &mut |id| lifted[id.index()].id());
                        Lifted::Same(self.add(kind, node.array_type().clone(), node))
                    } else {
                        Lifted::Each(self.each(body, &lifted, node))
                    }
                }
            };
            lifted.push(one);
        }
        body.outputs.iter().map(|&output| self.spread(lifted[output.index()], body.node(output))).collect()
    }

    fn add(&mut self, kind: NodeKind, array_type: ArrayType, like: &Node) -> NodeId {
        let placement = like.placement.clone().or_else(|| self.placement.clone());
        self.builder.add(kind, vec![array_type], like.span, placement)
    }

    /// The type with the map's axis in front.
    fn raised(&self, array_type: &ArrayType) -> ArrayType {
        let shape: Vec<usize> = std::iter::once(self.length).chain(array_type.shape.iter().copied()).collect();
        ArrayType::new(array_type.dtype, shape)
    }

    /// A value with the map's axis, repeated along it where it is the same in every turn.
    fn spread(&mut self, value: Lifted, node: &Node) -> NodeId {
        match value {
            Lifted::Each(id) => id,
            Lifted::Same(value) => {
                let axes = (0..node.array_type().rank()).map(|axis| along(axis + 1)).collect();
                let array_type = self.raised(node.array_type());
                self.add(NodeKind::View { value, axes }, array_type, node)
            }
        }
    }

    /// A node of which some operand differs from turn to turn.
    fn each(&mut self, body: &Graph, lifted: &[Lifted], node: &Node) -> NodeId {
        let array_type = self.raised(node.array_type());
        let of = |id: NodeId| lifted[id.index()];
        let kind = match &node.kind {
            NodeKind::Cast(value) => NodeKind::Cast(of(*value).id()),
            NodeKind::Reshape(value) => NodeKind::Reshape(of(*value).id()),
            NodeKind::View { value, axes } => {
                let raised = axes.iter().map(|axis| SourceAxis { axis: axis.axis.map(|axis| axis + 1), ..*axis });
                NodeKind::View { value: of(*value).id(), axes: std::iter::once(along(0)).chain(raised).collect() }
            }
            NodeKind::Reduce { operation, value, axes } => {
                let value_id = of(*value).id();
                if axes.is_empty() {
                    return self.reduce_one(node, value_id);
                }
                let axes = axes.iter().map(|axis| axis + 1).collect();
                NodeKind::Reduce { operation: *operation, value: value_id, axes }
            }
            NodeKind::Elementwise { operation, operands } => {
                let rank = node.array_type().rank();
                let operands = operands.iter().map(|&operand| self.aligned(of(operand), body.node(operand), rank));
                NodeKind::Elementwise { operation: *operation, operands: operands.collect() }
            }
            NodeKind::Select { mask, then, otherwise } => {
                let rank = node.array_type().rank();
                let mut aligned = |operand: NodeId| self.aligned(of(operand), body.node(operand), rank);
                let (mask, then, otherwise) = (aligned(*mask), aligned(*then), aligned(*otherwise));
                NodeKind::Select { mask, then, otherwise }
            }
            NodeKind::Stack(values) => return self.stack(body, lifted, values, node),
            _ => unreachable!("`is_flat` lets only these through, and the others have no operands"),
        };
        self.add(kind, array_type, node)
    }

    /// An operand with its own axes at the end and the map's axis in front of `rank` axes.
    fn aligned(&mut self, operand: Lifted, node: &Node, rank: usize) -> NodeId {
        let own = &node.array_type().shape;
        let missing = rank - own.len();
        match operand {
            Lifted::Same(id) => id,
            Lifted::Each(id) if missing == 0 => id,
            Lifted::Each(value) => {
                let axes =
                    std::iter::once(along(0)).chain((0..own.len()).map(|axis| along(1 + missing + axis))).collect();
                let ones = std::iter::repeat_n(1, missing);
                let shape: Vec<usize> = std::iter::once(self.length).chain(ones).chain(own.iter().copied()).collect();
                self.add(NodeKind::View { value, axes }, ArrayType::new(node.array_type().dtype, shape), node)
            }
        }
    }

    /// The reduction of a scalar: the scalar, or its index.
    fn reduce_one(&mut self, node: &Node, value: NodeId) -> NodeId {
        let NodeKind::Reduce { operation, .. } = node.kind else { return value };
        let array_type = self.raised(node.array_type());
        match self.bodies.body(operation) {
            Body::Reduction(Reduction::FirstExtreme { .. }) => {
                let zero = Scalar::i64(0).cast(array_type.dtype);
                let zero = self.add(NodeKind::Constant(zero), ArrayType::scalar(array_type.dtype), node);
                self.add(NodeKind::View { value: zero, axes: Vec::new() }, array_type, node)
            }
            _ => value,
        }
    }

    /// `[k, turns, …]` is what stacking gives; `[turns, k, …]` is wanted.
    fn stack(&mut self, body: &Graph, lifted: &[Lifted], values: &[NodeId], node: &Node) -> NodeId {
        let spread: Vec<NodeId> =
            values.iter().map(|&value| self.spread(lifted[value.index()], body.node(value))).collect();
        let shape = &node.array_type().shape;
        let stacked: Vec<usize> = [shape[0], self.length].into_iter().chain(shape[1..].iter().copied()).collect();
        let dtype = node.array_type().dtype;
        let value = self.add(NodeKind::Stack(spread), ArrayType::new(dtype, stacked), node);
        let axes = [along(1), along(0)].into_iter().chain((2..=shape.len()).map(along)).collect();
        let array_type = self.raised(node.array_type());
        self.add(NodeKind::View { value, axes }, array_type, node)
    }
}

/// A source axis that follows a result axis.
fn along(axis: usize) -> SourceAxis {
    SourceAxis { start: 0, step: 1, axis: Some(axis) }
}
