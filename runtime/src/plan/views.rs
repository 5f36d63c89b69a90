//! The pass `sink views`: so that a view, or another shape, costs no temporary.
//!
//! Elementwise code can be computed on the part that a view shows, in the order in which it shows it: the view moves to the
//! operands, and there it is only another way to read an array. That is done where nothing else needs the value whole, the
//! view does not repeat elements, and no more arrays are stored for it than without. A reshape moves likewise; `reshape` says when.

use super::Draft;
use super::counter::Counter;
use super::fuse::root;
use super::region::elements;
use super::reshape::as_view;
use super::rewrite::{Rewriter, broadcast_axes, compose, is_elementwise, with_operands};
use thalweg_lang::graph::{Effect, Graph, Node, NodeId, NodeKind, SourceAxis};
use thalweg_lang::types::ArrayType;

/// How deep a view sinks: each level is a call, and very long expressions are unrolled loops.
const DEPTH: usize = 64;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    let old = std::mem::take(&mut draft.graph);
    let (uses, computes, stored) = (uses(&old), computed_with(&old), stored(&old));
    let mut sinker = Sinker { rewriter: Rewriter::new(&old), uses: Vec::new(), stored: Vec::new() };
    for (index, node) in old.nodes.iter().enumerate() {
        let kind = sinker.rewriter.renamed(&node.kind);
        let known = sinker.uses.len();
        let id = sinker.node(kind, node, computes[index]);
        sinker.rewriter.to.push(id);
        sinker.uses.resize(sinker.rewriter.builder.graph().nodes.len(), 1);
        let earlier = if id.index() < known { sinker.uses[id.index()] } else { 0 };
        sinker.uses[id.index()] = earlier + uses[index];
        sinker.stored.resize(sinker.uses.len(), false);
        sinker.stored[id.index()] |= stored[index];
    }
    draft.graph = sinker.rewriter.finish(&old);
}

/// For each node whether something computes with it: an output's shape can as well be looked at in the end.
fn computed_with(graph: &Graph) -> Vec<bool> {
    let mut computes = vec![false; graph.nodes.len()];
    for node in &graph.nodes {
        match node.kind {
            NodeKind::Stack(_)
            | NodeKind::Apply { .. }
            | NodeKind::Map { .. }
            | NodeKind::If { .. }
            | NodeKind::Loop { .. } => {}
            ref kind => kind.operands().iter().for_each(|operand| computes[operand.index()] = true),
        }
    }
    computes
}

/// For each node whether an array of it is needed anyway: by an output, an effect, or by what is no elementwise code or reduction.
fn stored(graph: &Graph) -> Vec<bool> {
    let mut stored = vec![false; graph.nodes.len()];
    for (node, _) in graph.nodes.iter().zip(graph.needed()).filter(|(_, needed)| *needed) {
        if !is_elementwise(&node.kind) && !matches!(node.kind, NodeKind::Reduce { .. }) {
            node.kind.operands().iter().for_each(|operand| stored[operand.index()] = true);
        }
    }
    graph.outputs.iter().for_each(|id| stored[id.index()] = true);
    for effect in &graph.effects {
        if let Effect::Call { arguments, .. } = effect {
            arguments.iter().for_each(|value| value.visit(&mut |id| stored[id.index()] = true));
        }
    }
    stored
}

/// How many needed nodes, outputs and effects read each node; an operand counts once for each time it stands there.
pub fn uses(graph: &Graph) -> Vec<usize> {
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

/// The new graph, and how it is read.
pub struct Sinker {
    /// The new graph.
    pub rewriter: Rewriter,
    /// For each new node how many read it; nodes that a sinking view or shape has made are read once.
    uses: Vec<usize>,
    /// For each new node whether an array of it is needed anyway.
    stored: Vec<bool>,
}

impl Sinker {
    /// How many nodes read a new node.
    pub fn uses_of(&self, id: NodeId) -> usize {
        self.uses.get(id.index()).copied().unwrap_or(1)
    }

    fn node(&mut self, kind: NodeKind, node: &Node, is_computed_with: bool) -> NodeId {
        match kind {
            NodeKind::View { value, axes } => {
                let depth = if self.parts(value) { 0 } else { DEPTH };
                self.view(value, axes, node.array_type().shape.clone(), node, depth)
            }
            NodeKind::Reshape(value) => {
                let source = self.rewriter.node(value);
                let (from, to) = (&source.array_type().shape, &node.array_type().shape);
                if from == to {
                    return value;
                }
                if let Some(axes) = as_view(from, to) {
                    return self.view(value, axes, to.clone(), node, DEPTH);
                }
                let sunk = if is_computed_with { self.reshaped(value, to) } else { None };
                sunk.unwrap_or_else(|| self.reshape(value, node))
            }
            // In C order all elements of a value are those of its other shapes.
            NodeKind::Reduce { operation, value, axes }
                if axes.len() == self.rewriter.node(value).array_type().rank() =>
            {
                let (value, axes) = match self.rewriter.node(value).kind {
                    NodeKind::Reshape(inner) => (inner, (0..self.rewriter.node(inner).array_type().rank()).collect()),
                    _ => (value, axes),
                };
                self.rewriter.add(NodeKind::Reduce { operation, value, axes }, node.array_type().clone(), node)
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
            kind => match self.with_new_axes(&kind, node) {
                Some(known) => known,
                None => self.rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone()),
            },
        }
    }

    /// Elementwise code on values that only have new axes, where the same is computed without them: a mean of rows, and the same mean with
    /// its axis kept, are one.
    fn with_new_axes(&mut self, kind: &NodeKind, node: &Node) -> Option<NodeId> {
        let known = |kind, types: Vec<ArrayType>| self.rewriter.builder.find(kind, types, node.placement.clone());
        if !matches!(kind, NodeKind::Elementwise { .. } | NodeKind::Select { .. })
            || known(kind, node.types.clone()).is_some()
        {
            return None;
        }
        let shape = &node.array_type().shape;
        let mut without: Option<(&[SourceAxis], &[usize])> = None;
        for operand in kind.operands() {
            let own = self.rewriter.node(operand);
            if own.array_type().shape.is_empty() {
                continue;
            }
            let NodeKind::View { value, axes } = &own.kind else { return None };
            let base = &self.rewriter.node(*value).array_type().shape[..];
            let is_kept = |axis: &SourceAxis| axis.start == 0 && axis.step == 1 && axis.axis.is_some();
            let only_new = own.array_type().shape == *shape
                && elements(base) == elements(shape)
                && axes.iter().all(is_kept)
                && axes.is_sorted_by_key(|axis| axis.axis);
            if !only_new || without.is_some_and(|known| known != (&axes[..], base)) {
                return None;
            }
            without = Some((axes, base));
        }
        let (axes, base) = without?;
        let (axes, base) = (axes.to_vec(), ArrayType::new(node.array_type().dtype, base));
        let flat = with_operands(kind, &mut |operand| match self.rewriter.node(operand).kind {
            NodeKind::View { value, .. } if !self.rewriter.node(operand).array_type().shape.is_empty() => value,
            _ => operand,
        });
        let known = known(&flat, vec![base])?;
        if let Some(uses) = self.uses.get_mut(known.index()) {
            *uses += 1;
        }
        Some(self.rewriter.view(known, axes, shape.clone(), node.span, node.placement.clone()))
    }

    /// A value in a node's shape, as a step of its own.
    fn reshape(&mut self, value: NodeId, node: &Node) -> NodeId {
        let value = if let NodeKind::Reshape(inner) = self.rewriter.node(value).kind { inner } else { value };
        if self.rewriter.node(value).array_type().shape == node.array_type().shape {
            return value;
        }
        self.rewriter.add(NodeKind::Reshape(value), node.array_type().clone(), node)
    }

    /// Whether a value follows from the index alone, so that it costs nothing to have it again.
    fn counts(&self, id: NodeId) -> bool {
        Counter::of(self.rewriter.builder.graph(), id).is_some()
    }

    /// Whether a view that sinks through a value would part it from several others that are in registers where it is computed: then each
    /// of these would be stored instead of it alone.
    fn parts(&self, value: NodeId) -> bool {
        let value = root(self.rewriter.builder.graph(), value);
        let count = elements(&self.rewriter.node(value).array_type().shape);
        let mut parted: Option<NodeId> = None;
        let mut waiting = vec![value];
        while let Some(id) = waiting.pop() {
            let node = self.rewriter.node(id);
            let is_free = matches!(node.kind, NodeKind::Cast(operand) if self.counts(operand));
            if !is_elementwise(&node.kind) || is_free || elements(&node.array_type().shape) < count {
                continue;
            }
            if self.uses_of(id) <= 1 {
                waiting.extend(node.kind.operands());
            } else if !self.stored.get(id.index()).copied().unwrap_or(false)
                && parted.replace(id).is_some_and(|other| other != id)
            {
                return true;
            }
        }
        false
    }

    fn view(&mut self, value: NodeId, axes: Vec<SourceAxis>, shape: Vec<usize>, node: &Node, depth: usize) -> NodeId {
        let source = self.rewriter.node(value).clone();
        let enlarges = elements(&shape) > elements(&source.array_type().shape);
        let only = self.uses_of(value) <= 1;
        match &source.kind {
            NodeKind::View { value, axes: outer } => {
                let axes = compose(outer, &axes);
                return self.view(*value, axes, shape, node, depth.saturating_sub(1));
            }
            NodeKind::Cast(operand) if !enlarges && depth > 0 && (only || self.counts(*operand)) => {
                let operand = self.view(*operand, axes, shape.clone(), node, depth - 1);
                let array_type = ArrayType::new(source.array_type().dtype, shape);
                return self.rewriter.add(NodeKind::Cast(operand), array_type, &source);
            }
            NodeKind::Elementwise { .. } | NodeKind::Select { .. } if only && !enlarges && depth > 0 => {
                let whole = &source.array_type().shape;
                let kind = with_operands(&source.kind, &mut |operand| {
                    let own = self.rewriter.node(operand).array_type().shape.clone();
                    if own.is_empty() {
                        return operand;
                    }
                    let axes = compose(&broadcast_axes(&own, whole), &axes);
                    self.view(operand, axes, shape.clone(), node, depth - 1)
                });
                let array_type = ArrayType::new(source.array_type().dtype, shape);
                return self.rewriter.add(kind, array_type, &source);
            }
            _ => {}
        }
        self.rewriter.view(value, axes, shape, node.span, node.placement.clone())
    }
}
