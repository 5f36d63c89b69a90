//! What graph-to-graph passes share: a new graph that grows while the old one is read.

use std::sync::Arc;
use thalweg_lang::graph::{Effect, Graph, GraphBuilder, Node, NodeId, NodeKind, Placement, SourceAxis};
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;

/// A new graph, and for each node of the old one the node that computes the same.
pub struct Rewriter {
    /// The new graph.
    pub builder: GraphBuilder,
    /// For each old node the new one.
    pub to: Vec<NodeId>,
}

impl Rewriter {
    /// An empty graph with the inputs of the old one.
    pub fn new(old: &Graph) -> Rewriter {
        let mut builder = GraphBuilder::new();
        builder.graph_mut().inputs = old.inputs.clone();
        Rewriter { builder, to: Vec::with_capacity(old.nodes.len()) }
    }

    /// The old node's kind over new operands.
    pub fn renamed(&self, kind: &NodeKind) -> NodeKind {
        with_operands(kind, &mut |id| self.to[id.index()])
    }

    /// A new node.
    pub fn add(&mut self, kind: NodeKind, array_type: ArrayType, like: &Node) -> NodeId {
        self.builder.add(kind, vec![array_type], like.span, like.placement.clone())
    }

    /// A new node of a new graph.
    pub fn node(&self, id: NodeId) -> &Node {
        self.builder.graph().node(id)
    }

    /// A view, unless it shows the value as it is.
    pub fn view(
        &mut self,
        value: NodeId,
        axes: Vec<SourceAxis>,
        shape: Vec<usize>,
        span: Span,
        placement: Option<Arc<Placement>>,
    ) -> NodeId {
        let source = self.node(value).array_type();
        if source.shape == shape && is_identity(&axes, &shape) {
            return value;
        }
        let array_type = ArrayType::new(source.dtype, shape);
        self.builder.add(NodeKind::View { value, axes }, vec![array_type], span, placement)
    }

    /// The finished graph, with the old one's outputs and effects.
    pub fn finish(mut self, old: &Graph) -> Graph {
        let to = |id: NodeId| self.to[id.index()];
        let outputs = old.outputs.iter().map(|&id| to(id)).collect();
        let effects = old
            .effects
            .iter()
            .map(|effect| match effect {
                Effect::Call { operation, arguments, span } => Effect::Call {
                    operation: *operation,
                    arguments: arguments.iter().map(|value| value.map(&mut |&id| to(id))).collect(),
                    span: *span,
                },
                Effect::Run(id) => Effect::Run(to(*id)),
            })
            .collect();
        let graph = self.builder.graph_mut();
        graph.outputs = outputs;
        graph.effects = effects;
        graph.rest = old.rest.clone();
        self.builder.finish()
    }
}

/// Whether a view with these axes is the source itself, given equal shapes.
pub fn is_identity(axes: &[SourceAxis], shape: &[usize]) -> bool {
    axes.len() == shape.len()
        && axes.iter().enumerate().all(|(index, axis)| {
            let same = *axis == SourceAxis::along(index);
            same || (shape[index] == 1 && axis.start == 0 && axis.axis.is_none_or(|axis| shape[axis] == 1))
        })
}

/// The view of a view as one: `outer` shows the source, `inner` shows what `outer` shows.
pub fn compose(outer: &[SourceAxis], inner: &[SourceAxis]) -> Vec<SourceAxis> {
    outer
        .iter()
        .map(|axis| {
            let Some(between) = axis.axis else { return *axis };
            let inner = inner[between];
            // Only a view without elements can begin outside; its start is never used.
            let start = (axis.start as isize).wrapping_add(axis.step.wrapping_mul(inner.start as isize));
            SourceAxis {
                start: start.max(0) as usize,
                step: if inner.axis.is_some() { axis.step.wrapping_mul(inner.step) } else { 0 },
                axis: inner.axis,
            }
        })
        .collect()
}

/// The axes of an operand of shape `from`, broadcast to `to` by NumPy's rule.
pub fn broadcast_axes(from: &[usize], to: &[usize]) -> Vec<SourceAxis> {
    let added = to.len() - from.len();
    let axis = |index: usize| match (from[index], to[added + index]) {
        (1, length) if length != 1 => SourceAxis::at(0),
        _ => SourceAxis::along(added + index),
    };
    (0..from.len()).map(axis).collect()
}

/// Whether each element of a node follows from the same element of its operands.
pub fn is_elementwise(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Elementwise { .. } | NodeKind::Cast(_) | NodeKind::Select { .. })
}

/// A kind with other operands.
pub fn with_operands(kind: &NodeKind, to: &mut dyn FnMut(NodeId) -> NodeId) -> NodeKind {
    let mut kind = kind.clone();
    kind.replace_operands(to);
    kind
}
