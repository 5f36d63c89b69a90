//! The pass `sink views`: so that a view costs no temporary.
//!
//! Elementwise code can be computed on the part that a view shows, in the order in which it shows it: the view moves to the
//! operands, and there it is only another way to read an array. That is done where nothing else needs the value whole and the
//! view does not repeat elements.

use super::Draft;
use super::region::elements;
use super::rewrite::{Rewriter, broadcast_axes, compose};
use thalweg_lang::graph::{Effect, Graph, Node, NodeId, NodeKind, SourceAxis};
use thalweg_lang::types::ArrayType;

/// How deep a view sinks: each level is a call, and very long expressions are unrolled loops.
const DEPTH: usize = 64;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    let old = std::mem::take(&mut draft.graph);
    let uses = uses(&old);
    let mut sinker = Sinker { rewriter: Rewriter::new(&old), single: Vec::new() };
    for (index, node) in old.nodes.iter().enumerate() {
        let kind = sinker.rewriter.renamed(&node.kind);
        let id = sinker.node(kind, node);
        sinker.rewriter.to.push(id);
        sinker.single.resize(sinker.rewriter.builder.graph().nodes.len(), true);
        if uses[index] > 1 {
            sinker.single[id.index()] = false;
        }
    }
    draft.graph = sinker.rewriter.finish(&old);
}

/// How many needed nodes, outputs and effects read each node; an operand counts once for each time it stands there.
fn uses(graph: &Graph) -> Vec<usize> {
    let needed = graph.needed();
    let mut uses = vec![0; graph.nodes.len()];
    for (node, _) in graph.nodes.iter().zip(&needed).filter(|(_, needed)| **needed) {
        node.kind.operands().iter().for_each(|operand| uses[operand.index()] += 1);
    }
    // Outputs and effects need the value itself: that counts as many.
    graph.outputs.iter().for_each(|id| uses[id.index()] += 2);
    for effect in &graph.effects {
        match effect {
            Effect::Call { arguments, .. } => {
                arguments.iter().for_each(|value| value.visit(&mut |id| uses[id.index()] += 2));
            }
            Effect::Run(id) => uses[id.index()] += 2,
        }
    }
    uses
}

struct Sinker {
    rewriter: Rewriter,
    /// For each new node whether only one node reads it.
    single: Vec<bool>,
}

impl Sinker {
    fn node(&mut self, kind: NodeKind, node: &Node) -> NodeId {
        match kind {
            NodeKind::View { value, axes } => self.view(value, axes, node.array_type().shape.clone(), node, DEPTH),
            NodeKind::Reshape(value) => {
                let source = self.rewriter.node(value);
                if source.array_type().shape == node.array_type().shape {
                    return value;
                }
                let value = if let NodeKind::Reshape(inner) = source.kind { inner } else { value };
                self.rewriter.add(NodeKind::Reshape(value), node.array_type().clone(), node)
            }
            NodeKind::Cast(value) => {
                let dtype = node.array_type().dtype;
                let source = self.rewriter.node(value);
                match source.kind {
                    _ if source.array_type().dtype == dtype => value,
                    NodeKind::Constant(scalar) => {
                        self.rewriter.add(NodeKind::Constant(scalar.cast(dtype)), ArrayType::scalar(dtype), node)
                    }
                    _ => self.rewriter.add(NodeKind::Cast(value), node.array_type().clone(), node),
                }
            }
            kind => self.rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone()),
        }
    }

    fn view(&mut self, value: NodeId, axes: Vec<SourceAxis>, shape: Vec<usize>, node: &Node, depth: usize) -> NodeId {
        let source = self.rewriter.node(value).clone();
        let enlarges = elements(&shape) > elements(&source.array_type().shape);
        let only = self.single.get(value.index()).copied().unwrap_or(true);
        match &source.kind {
            NodeKind::View { value, axes: outer } => {
                let axes = compose(outer, &axes);
                return self.view(*value, axes, shape, node, depth.saturating_sub(1));
            }
            NodeKind::Cast(operand) if only && !enlarges && depth > 0 => {
                let operand = self.view(*operand, axes, shape.clone(), node, depth - 1);
                let array_type = ArrayType::new(source.array_type().dtype, shape);
                return self.rewriter.add(NodeKind::Cast(operand), array_type, &source);
            }
            NodeKind::Elementwise { operation, operands } if only && !enlarges && depth > 0 => {
                let whole = &source.array_type().shape;
                let operands = operands.iter().map(|&operand| {
                    let own = self.rewriter.node(operand).array_type().shape.clone();
                    if own.is_empty() {
                        return operand;
                    }
                    let axes = compose(&broadcast_axes(&own, whole), &axes);
                    self.view(operand, axes, shape.clone(), node, depth - 1)
                });
                let kind = NodeKind::Elementwise { operation: *operation, operands: operands.collect() };
                let array_type = ArrayType::new(source.array_type().dtype, shape);
                return self.rewriter.add(kind, array_type, &source);
            }
            _ => {}
        }
        self.rewriter.view(value, axes, shape, node.span, node.placement.clone())
    }
}
