//! The pass `write out short loops`: a loop of few turns over elementwise code becomes its turns, one after the other.
//!
//! A polynomial by Horner's rule is a loop over a short table. As a loop each turn goes over whole arrays; written out, all turns are one
//! group that reads its operands once, and the table's elements are constants of its code. What a turn computes of the loop's values
//! must be elementwise, so that the turns can be a group, and must always have an answer, so that no error is told that another turn would have
//! met first.

use super::lanes::is_total;
use super::region::elements;
use super::rewrite::{Rewriter, compose, is_elementwise, with_operands};
use super::{Draft, Sizing};
use crate::array::contiguous_strides;
use crate::operation::Bodies;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::{Graph, Node, NodeId, NodeKind, SourceAxis};
use thalweg_lang::types::ArrayType;

/// The most turns that are written out.
const MOST_TURNS: usize = 16;

/// The most elementwise nodes that one loop becomes: several such loops make one group.
const MOST_NODES: usize = 256;

/// The fewest elements of an array for which the planning is worth it. In a map each element may become as many.
const FEWEST: usize = 4096;

/// How many nodes are looked at for where a value comes from.
const FARTHEST: usize = 1024;

/// Runs the pass. A plan that is made in the midst of a run takes longer to make so than it may save.
pub fn run(draft: &mut Draft) {
    if draft.settings.fuse
        && draft.sizing == Sizing::Known
        && let Some(graph) = written_out(&draft.graph, draft.bodies, false)
    {
        draft.graph = graph;
    }
}

/// The graph with its short loops written out, in bodies too; `None`: it has none.
fn written_out(old: &Graph, bodies: &dyn Bodies, in_map: bool) -> Option<Graph> {
    if old.nodes.iter().all(|node| node.kind.bodies().is_empty()) {
        return None;
    }
    let mut writer = Writer { rewriter: Rewriter::new(old), bodies, in_map };
    let mut results: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    let mut is_changed = false;
    for (index, node) in old.nodes.iter().enumerate() {
        let mut kind = writer.rewriter.renamed(&node.kind);
        let in_map = in_map || matches!(kind, NodeKind::Map { .. });
        for body in kind.bodies_mut() {
            if let Some(new) = written_out(body, bodies, in_map) {
                *body = Arc::new(new);
                is_changed = true;
            }
        }
        let outputs = match node.kind {
            NodeKind::Part { value, index } => results.get(&value).map(|all| vec![all[index as usize]]),
            _ => writer.turns(&kind),
        };
        let id = match outputs {
            Some(outputs) => {
                is_changed = true;
                let first = outputs[0];
                results.insert(NodeId(index as u32), outputs);
                first
            }
            None => writer.rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone()),
        };
        writer.rewriter.to.push(id);
    }
    is_changed.then(|| writer.rewriter.finish(old))
}

struct Writer<'a> {
    rewriter: Rewriter,
    bodies: &'a dyn Bodies,
    /// Whether all this is done for each element of a map.
    in_map: bool,
}

impl Writer<'_> {
    /// What a loop gives, its turns written out, if that is worth it; the operands are of the new graph.
    fn turns(&mut self, kind: &NodeKind) -> Option<Vec<NodeId>> {
        let NodeKind::Loop { condition: None, body, stops: false, mapped, carried, captured } = kind else {
            return None;
        };
        let turns = self.rewriter.node(*mapped.first()?).array_type().shape[0];
        let needed = body.needed();
        let is_large = |&id: &NodeId| elements(&self.rewriter.node(id).array_type().shape) >= FEWEST;
        if carried.is_empty()
            || !(1..=MOST_TURNS).contains(&turns)
            || !(self.in_map || carried.iter().any(is_large))
            || !self.is_plain(body, &needed, (mapped, carried, captured))
        {
            return None;
        }
        let computed = body.nodes.iter().zip(&needed).filter(|(node, needed)| **needed && is_elementwise(&node.kind));
        if computed.count() * turns > MOST_NODES {
            return None;
        }
        let mut values = carried.clone();
        for turn in 0..turns {
            let elements: Vec<NodeId> = mapped.iter().map(|&value| self.element(value, turn)).collect();
            let inputs: Vec<NodeId> = elements.into_iter().chain(values).chain(captured.iter().copied()).collect();
            values = self.turn(body, &needed, &inputs);
        }
        Some(values)
    }

    /// Whether all that is computed is elementwise and has an answer. Arrays that do not follow from the turn before may be computed only
    /// where the turns wait for nothing else: each turn would have to store its own.
    fn is_plain(
        &self,
        body: &Graph,
        needed: &[bool],
        (mapped, carried, captured): (&[NodeId], &[NodeId], &[NodeId]),
    ) -> bool {
        let mut operands = mapped.iter().chain(carried).chain(captured);
        let is_ready = !self.in_map && operands.all(|&value| self.is_ready(value));
        let is_carried = mapped.len()..mapped.len() + carried.len();
        let is_single = |node: &Node| !self.in_map && node.array_type().shape.is_empty();
        // Whether each node changes from turn to turn by more than which elements of the walked arrays it shows.
        let mut is_changing = vec![false; body.nodes.len()];
        let is_plain = body.nodes.iter().enumerate().filter(|(index, _)| needed[*index]).all(|(index, node)| {
            is_changing[index] = match node.kind {
                NodeKind::Input(input) => is_carried.contains(&(input as usize)),
                _ => node.kind.operands().iter().any(|operand| is_changing[operand.index()]),
            };
            match node.kind {
                NodeKind::Input(_) | NodeKind::Constant(_) | NodeKind::Literal(_) | NodeKind::Iota => true,
                NodeKind::View { .. } => !is_changing[index],
                ref kind => {
                    (is_changing[index] || is_ready || is_single(node))
                        && is_elementwise(kind)
                        && is_total(self.bodies, body, node)
                }
            }
        });
        is_plain && body.effects.is_empty() && body.rest.is_none()
    }

    /// Whether a value is computed element by element of what is there before the plan runs.
    fn is_ready(&self, value: NodeId) -> bool {
        let mut seen = HashSet::new();
        let mut waiting = vec![value];
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            let kind = &self.rewriter.node(id).kind;
            match kind {
                NodeKind::Input(_) | NodeKind::Constant(_) | NodeKind::Literal(_) | NodeKind::Iota => {}
                NodeKind::View { .. } | NodeKind::Stack(_) => waiting.extend(kind.operands()),
                kind if is_elementwise(kind) => waiting.extend(kind.operands()),
                _ => return false,
            }
            if seen.len() > FARTHEST {
                return false;
            }
        }
        true
    }

    /// What one turn hands on.
    fn turn(&mut self, body: &Graph, needed: &[bool], inputs: &[NodeId]) -> Vec<NodeId> {
        let mut to: Vec<NodeId> = Vec::with_capacity(body.nodes.len());
        for (node, &needed) in body.nodes.iter().zip(needed) {
            let id = match &node.kind {
                NodeKind::Input(input) => inputs[*input as usize],
                // Nothing reads it.
                _ if !needed => NodeId(u32::MAX),
                NodeKind::View { value, axes } => self.view(to[value.index()], axes.clone(), node.array_type(), node),
                kind => {
                    let kind = with_operands(kind, &mut |id| to[id.index()]);
                    self.rewriter.add(kind, node.array_type().clone(), node)
                }
            };
            to.push(id);
        }
        body.outputs.iter().map(|output| to[output.index()]).collect()
    }

    /// An element of an array along its first axis.
    fn element(&mut self, value: NodeId, index: usize) -> NodeId {
        let node = self.rewriter.node(value).clone();
        let mut own = node.array_type().clone();
        own.shape.remove(0);
        let rest = (0..own.rank()).map(SourceAxis::along);
        let axes = std::iter::once(SourceAxis::at(index)).chain(rest).collect();
        self.view(value, axes, &own, &node)
    }

    /// A view of what a view shows in the end; a single element that is known is a constant.
    fn view(&mut self, value: NodeId, axes: Vec<SourceAxis>, array_type: &ArrayType, like: &Node) -> NodeId {
        let (mut value, mut axes) = (value, axes);
        loop {
            match &self.rewriter.node(value).kind {
                NodeKind::View { value: source, axes: outer } => (value, axes) = (*source, compose(outer, &axes)),
                NodeKind::Stack(values) if axes[0].axis.is_none() => value = values[axes.remove(0).start],
                _ => break,
            }
        }
        let places: Option<Vec<usize>> = axes.iter().map(|axis| axis.axis.is_none().then_some(axis.start)).collect();
        match places.and_then(|places| self.known(value, &places)) {
            Some(scalar) if array_type.rank() == 0 => {
                self.rewriter.add(NodeKind::Constant(scalar), array_type.clone(), like)
            }
            _ => self.rewriter.view(value, axes, array_type.shape.clone(), like.span, like.placement.clone()),
        }
    }

    /// The element of an array at one index, if it is known.
    fn known(&self, value: NodeId, places: &[usize]) -> Option<Scalar> {
        let node = self.rewriter.node(value);
        match &node.kind {
            NodeKind::Literal(elements) => {
                let strides = contiguous_strides(&node.array_type().shape);
                let index: usize = places.iter().zip(strides).map(|(place, stride)| place * stride as usize).sum();
                Some(elements[index])
            }
            NodeKind::Iota => Some(Scalar::i64(places[0] as i64)),
            NodeKind::Cast(source) => Some(self.known(*source, places)?.cast(node.array_type().dtype)),
            _ => None,
        }
    }
}
