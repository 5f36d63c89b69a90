//! The pass `vectorise maps`: a map becomes whole-array nodes with its axis in front, where its body allows it.
//!
//! A map with a loop in its body stays a map, because all its turns at once would go through memory in every turn of the loop:
//! it runs in chunks of lanes that stay in the cache, if its body has a form on lanes, and turn by turn otherwise.

use super::Draft;
use super::lanes::{Lanes, Lifted, on_lanes};
use super::region::elements;
use super::rewrite::Rewriter;
use crate::operation::Bodies;
use std::collections::HashMap;
use std::sync::Arc;
use thalweg_lang::graph::{Graph, Node, NodeId, NodeKind};

/// The most lanes of a chunk.
const MOST_LANES: usize = 4096;

/// The fewest lanes that are worth the arrays that they need.
const FEWEST_LANES: usize = 8;

/// About how many elements the largest value of a chunk has.
const CHUNK: usize = 64 * 1024;

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
                match flattened(&mut rewriter, &body, &mapped, &captured, node, bodies) {
                    Some(outputs) => {
                        results.insert(NodeId(index as u32), outputs.clone());
                        // A map without results stands for its first operand; nothing reads it.
                        outputs.first().copied().unwrap_or(mapped[0])
                    }
                    None => {
                        let kind = NodeKind::Map { body, mapped, captured };
                        rewriter.builder.add(kind, node.types.clone(), node.span, node.placement.clone())
                    }
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

/// The map's results as nodes of the graph around it.
fn flattened(
    rewriter: &mut Rewriter,
    body: &Graph,
    mapped: &[NodeId],
    captured: &[NodeId],
    node: &Node,
    bodies: &dyn Bodies,
) -> Option<Vec<NodeId>> {
    let turns = rewriter.node(mapped[0]).array_type().shape[0];
    // What is the same in every turn would be computed even if there were none.
    if turns == 0 || has_loop(body, false) {
        return None;
    }
    let builder = std::mem::take(&mut rewriter.builder);
    let mut lanes = Lanes::new(builder, bodies, turns, node.placement.clone(), true);
    let each = mapped.iter().map(|&id| Lifted::Each(id));
    let inputs: Vec<Lifted> = each.chain(captured.iter().map(|&id| Lifted::Same(id))).collect();
    let outputs = lanes.flatten(body, &inputs).map(|outputs| {
        let outputs = outputs.into_iter().zip(&body.outputs);
        outputs.map(|(value, &id)| lanes.spread(value, body.node(id))).collect()
    });
    rewriter.builder = lanes.builder;
    outputs
}

/// Whether a loop runs in each turn of a body; `deep`: or in each turn of a map in it.
fn has_loop(body: &Graph, deep: bool) -> bool {
    let needed = body.needed();
    body.nodes.iter().zip(needed).filter(|(_, needed)| *needed).any(|(node, _)| match &node.kind {
        NodeKind::Loop { .. } => true,
        NodeKind::Map { .. } if !deep => false,
        kind => kind.bodies().into_iter().any(|body| has_loop(body, deep)),
    })
}

/// A map's body on lanes.
pub struct Chunks {
    /// How many lanes a chunk has.
    pub lanes: usize,
    /// The body on as many.
    pub each: Graph,
    /// The body on those of the last chunk, if they are fewer.
    pub last: Option<Graph>,
}

/// The chunks in which a map runs; `None`: turn by turn.
pub fn chunks(node: &Node, turns: usize, threads: usize, bodies: &dyn Bodies) -> Option<Chunks> {
    let NodeKind::Map { body, mapped, .. } = &node.kind else { return None };
    if !has_loop(body, true) {
        return None;
    }
    let most = (CHUNK / width(body)).min(MOST_LANES);
    // Several chunks for each thread, so that all have some to do until the end.
    let most = most.min(turns.div_ceil(threads * 4).max(256));
    if most.min(turns) < FEWEST_LANES {
        return None;
    }
    let lanes = turns.div_ceil(turns.div_ceil(most));
    let on = |lanes: usize| on_lanes(body, mapped.len(), lanes, node.placement.clone(), bodies);
    let each = on(lanes)?;
    let last = match turns % lanes {
        0 => None,
        rest => Some(on(rest)?),
    };
    Some(Chunks { lanes, each, last })
}

/// The elements of the largest value that a body computes.
fn width(body: &Graph) -> usize {
    let own = |node: &Node| {
        let inside = node.kind.bodies().into_iter().map(width).max().unwrap_or(1);
        let types = if matches!(node.kind, NodeKind::Input(_)) { &[] } else { &node.types[..] };
        types.iter().map(|own| elements(&own.shape)).max().unwrap_or(1).max(inside)
    };
    body.nodes
        .iter()
        .zip(body.needed())
        .filter(|(_, needed)| *needed)
        .map(|(node, _)| own(node))
        .max()
        .unwrap_or(1)
        .max(1)
}
