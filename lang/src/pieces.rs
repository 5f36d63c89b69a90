//! A long graph in pieces: one that tells its sizes in many stages is closed piece by piece, so that no stage looks at all of it.
//!
//! A piece holds nodes that follow each other, what happens among them, and what must hold of sizes there. What a later piece reads
//! is an output of each piece before it and an input of each piece behind it.

use crate::close::{effect_roots, is_made_anywhere, node_symbols, renamed_effect};
use crate::graph::{Effect, Graph, Guard, Input, Next, Node, NodeId, NodeKind};
use crate::length::{Length, Symbol};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How many nodes a piece has.
pub(crate) const PIECE: usize = 512;

/// The first piece of a graph, the others behind it; `None` when it is no longer than one of this size.
pub(crate) fn pieces(graph: &Graph<Length>, size: usize) -> Option<Graph<Length>> {
    let cut = Cut::of(graph, size);
    if cut.count < 2 || !cut.is_clean() {
        return None;
    }
    let crossing = cut.crossing();
    let mut next = None;
    for piece in (1..cut.count).rev() {
        let graph = Arc::new(cut.piece(piece, next, &crossing));
        next = Some(Next { graph, sizes: Arc::new(cut.known[piece].clone()) });
    }
    Some(cut.piece(0, next, &crossing))
}

/// Which piece everything belongs to.
struct Cut<'g> {
    graph: &'g Graph<Length>,
    /// How many pieces there are.
    count: usize,
    /// The nodes of each piece, ascending, without those that are made anywhere.
    members: Vec<Vec<NodeId>>,
    /// The piece of each node that is needed; `None` of one that is made anywhere.
    piece_of: Vec<Option<usize>>,
    /// The last piece that reads each node.
    last_read: Vec<usize>,
    /// The piece of each effect; they ascend.
    effects: Vec<usize>,
    /// The guards of each piece.
    guards: Vec<Vec<Guard>>,
    /// For each piece the sizes that its nodes are the first to ask for, with what tells them.
    sizes: Vec<Vec<(Symbol, NodeId)>>,
    /// For each piece the sizes that an earlier one has asked for and that it or a later one mentions.
    known: Vec<BTreeSet<Symbol>>,
}

impl<'g> Cut<'g> {
    fn of(graph: &'g Graph<Length>, size: usize) -> Cut<'g> {
        let tellers: HashMap<&Symbol, NodeId> = graph.sizes.iter().map(|(symbol, id)| (symbol, *id)).collect();
        let needed = needed(graph, &tellers);
        let mut piece_of: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        let mut counted = 0;
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            piece_of[index] = match node.kind {
                NodeKind::Input(_) => Some(0),
                // What has several results crosses part by part.
                NodeKind::Part { value, .. } => piece_of[value.index()],
                _ if is_made_anywhere(&node.kind) => None,
                _ => {
                    counted += 1;
                    Some((counted - 1) / size)
                }
            };
        }
        let count = counted.div_ceil(size).max(1);
        let mut cut = Cut {
            graph,
            count,
            members: vec![Vec::new(); count],
            last_read: piece_of.iter().map(|piece| piece.unwrap_or(0)).collect(),
            piece_of,
            effects: Vec::new(),
            guards: vec![Vec::new(); count],
            sizes: vec![Vec::new(); count],
            known: vec![BTreeSet::new(); count],
        };
        // Whoever runs the graph gives it all its inputs.
        for (index, node) in graph.nodes.iter().enumerate() {
            let is_input = matches!(node.kind, NodeKind::Input(_));
            if let Some(piece) = cut.piece_of[index].or(is_input.then_some(0)) {
                cut.members[piece].push(NodeId(index as u32));
            }
        }
        cut.note_reads();
        let mut asked = HashMap::new();
        cut.note_guards(&tellers, &mut asked);
        cut.note_sizes(&tellers, &mut asked);
        for (symbol, (first, last)) in asked {
            cut.known[first + 1..=last].iter_mut().for_each(|known| {
                known.insert(symbol.clone());
            });
        }
        cut
    }

    /// Notes what the pieces read of each other's nodes.
    fn note_reads(&mut self) {
        for piece in 0..self.count {
            for at in 0..self.members[piece].len() {
                let id = self.members[piece][at];
                for operand in self.graph.node(id).kind.operands() {
                    self.read(operand, piece);
                }
            }
        }
        self.graph.outputs.iter().for_each(|id| self.read(*id, self.count - 1));
    }

    fn read(&mut self, id: NodeId, piece: usize) {
        let last = &mut self.last_read[id.index()];
        *last = (*last).max(piece);
    }

    /// The nodes that are made anywhere and that a piece reads.
    fn made_in(&self, piece: usize) -> BTreeSet<NodeId> {
        let mut made = BTreeSet::new();
        let mut add = |id: NodeId| {
            if self.piece_of[id.index()].is_none() && is_made_anywhere(&self.graph.node(id).kind) {
                made.insert(id);
            }
        };
        self.members[piece].iter().for_each(|id| self.graph.node(*id).kind.operands().into_iter().for_each(&mut add));
        self.effects_of(piece).for_each(|effect| effect_roots(effect).into_iter().for_each(&mut add));
        if piece + 1 == self.count {
            self.graph.outputs.iter().copied().for_each(&mut add);
        }
        made
    }

    fn effects_of(&self, piece: usize) -> impl Iterator<Item = &'g Effect> {
        let first = self.effects.partition_point(|own| *own < piece);
        let end = self.effects.partition_point(|own| *own <= piece);
        self.graph.effects[first..end].iter()
    }

    /// Notes which piece asks for each size first, so that it is known from there on, and which is the last that mentions it.
    fn note_sizes(&mut self, tellers: &HashMap<&Symbol, NodeId>, asked: &mut HashMap<Symbol, (usize, usize)>) {
        for piece in 0..self.count {
            let mut symbols = BTreeSet::new();
            let made = self.made_in(piece);
            for id in self.members[piece].iter().chain(&made) {
                node_symbols(self.graph.node(*id), &mut symbols);
            }
            for symbol in symbols {
                if let Some((_, last)) = asked.get_mut(&symbol) {
                    *last = piece.max(*last);
                } else if let Some(teller) = tellers.get(&symbol).copied() {
                    self.read(teller, piece);
                    self.sizes[piece].push((symbol.clone(), teller));
                    asked.insert(symbol, (piece, piece));
                }
            }
        }
        // What crosses has a type in each piece that it reaches.
        for (node, last_read) in self.graph.nodes.iter().zip(&self.last_read) {
            for length in node.types.iter().flat_map(|array_type| &array_type.shape) {
                for symbol in length.symbols() {
                    if let Some((_, last)) = asked.get_mut(symbol) {
                        *last = (*last).max(*last_read);
                    }
                }
            }
        }
    }

    /// Notes where what happens belongs, and what must hold of sizes: that stands where these are told, everything in its order.
    fn note_guards(&mut self, tellers: &HashMap<&Symbol, NodeId>, asked: &mut HashMap<Symbol, (usize, usize)>) {
        let mut guards: Vec<&Guard> = self.graph.guards.iter().collect();
        guards.sort_by_key(|guard| guard.after);
        let mut guards = guards.into_iter().peekable();
        let mut latest = 0;
        for index in 0..=self.graph.effects.len() {
            while let Some(guard) = guards.next_if(|guard| guard.after <= index) {
                for symbol in guard.symbols() {
                    let Some(teller) = tellers.get(symbol).copied() else { continue };
                    let piece = self.piece_of[teller.index()].unwrap_or(0);
                    latest = latest.max(piece);
                    if !asked.contains_key(symbol) {
                        self.read(teller, piece);
                        self.sizes[piece].push((symbol.clone(), teller));
                        asked.insert(symbol.clone(), (piece, piece));
                    }
                }
                for symbol in guard.symbols() {
                    if let Some((_, last)) = asked.get_mut(symbol) {
                        *last = latest.max(*last);
                    }
                }
                let before = self.effects.partition_point(|own| *own < latest);
                self.guards[latest].push(Guard { after: guard.after - before, ..guard.clone() });
            }
            let Some(effect) = self.graph.effects.get(index) else { break };
            let roots = effect_roots(effect);
            latest = roots.iter().filter_map(|id| self.piece_of[id.index()]).fold(latest, usize::max);
            self.effects.push(latest);
            roots.into_iter().for_each(|id| self.read(id, latest));
        }
    }

    /// Whether everything can cross as it has to: what has several results cannot be an input, what happens in a node happens in
    /// its own piece, and no size is asked for before it is told.
    fn is_clean(&self) -> bool {
        let crosses_whole = |(index, node): (usize, &Node<Length>)| {
            node.types.len() != 1 && self.piece_of[index].is_some_and(|piece| self.last_read[index] > piece)
        };
        let is_elsewhere = |(effect, piece): (&Effect, &usize)| matches!(effect, Effect::Run(id) if self.piece_of[id.index()] != Some(*piece));
        let is_early = |(piece, (_, teller)): (usize, &(Symbol, NodeId))| {
            self.piece_of[teller.index()].is_none_or(|told| told > piece)
        };
        let sizes =
            self.sizes.iter().enumerate().flat_map(|(piece, sizes)| sizes.iter().map(move |size| (piece, size)));
        !self.graph.nodes.iter().enumerate().any(crosses_whole)
            && !self.graph.effects.iter().zip(&self.effects).any(is_elsewhere)
            && !sizes.into_iter().any(is_early)
    }

    /// The nodes that each piece takes from those before it.
    fn crossing(&self) -> Vec<Vec<NodeId>> {
        let mut crossing = vec![Vec::new(); self.count];
        for (index, piece) in self.piece_of.iter().enumerate() {
            let Some(piece) = piece else { continue };
            for later in &mut crossing[piece + 1..=self.last_read[index].max(*piece)] {
                later.push(NodeId(index as u32));
            }
        }
        crossing
    }

    /// One piece as a graph.
    fn piece(&self, piece: usize, next: Option<Next>, crossing: &[Vec<NodeId>]) -> Graph<Length> {
        let graph = self.graph;
        let mut result = Graph::<Length> { next, ..Graph::default() };
        let mut to: HashMap<NodeId, NodeId> = HashMap::new();
        let own: BTreeSet<NodeId> = self.members[piece].iter().copied().chain(self.made_in(piece)).collect();
        if piece == 0 {
            result.inputs = graph.inputs.clone();
        }
        for id in crossing[piece].iter().copied().chain(own) {
            let node = graph.node(id);
            let mut kind = node.kind.clone();
            if self.piece_of[id.index()].is_some_and(|own| own < piece) {
                let name = match kind {
                    NodeKind::Input(input) => graph.inputs[input as usize].name.clone(),
                    _ => "passed on".into(),
                };
                kind = NodeKind::Input(result.inputs.len() as u32);
                result.inputs.push(Input { name, array_type: node.types[0].clone() });
            } else {
                kind.replace_operands(&mut |operand| to.get(&operand).copied().unwrap_or(operand));
            }
            to.insert(id, NodeId(result.nodes.len() as u32));
            let (types, placement) = (node.types.clone(), node.placement.clone());
            result.nodes.push(Node { kind, types, span: node.span, placement });
        }
        let renamed = |id: NodeId| to.get(&id).copied().unwrap_or(id);
        let outputs = crossing.get(piece + 1).unwrap_or(&graph.outputs);
        result.outputs = outputs.iter().map(|id| renamed(*id)).collect();
        result.effects = self.effects_of(piece).map(|effect| renamed_effect(effect, &renamed)).collect();
        result.sizes = self.sizes[piece].iter().map(|(symbol, id)| (symbol.clone(), renamed(*id))).collect();
        result.guards = self.guards[piece].clone();
        result
    }
}

/// What outputs, effects and guards need, with what tells the sizes in it.
fn needed(graph: &Graph<Length>, tellers: &HashMap<&Symbol, NodeId>) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    let mut stack = graph.outputs.clone();
    graph.effects.iter().for_each(|effect| stack.extend(effect_roots(effect)));
    let claimed = graph.guards.iter().flat_map(Guard::symbols);
    stack.extend(claimed.filter_map(|symbol| tellers.get(symbol).copied()));
    while let Some(id) = stack.pop() {
        if std::mem::replace(&mut needed[id.index()], true) {
            continue;
        }
        let node = graph.node(id);
        stack.extend(node.kind.operands());
        let mut symbols = BTreeSet::new();
        node_symbols(node, &mut symbols);
        stack.extend(symbols.iter().filter_map(|symbol| tellers.get(symbol).copied()));
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::close;
    use crate::dtype::DType;
    use crate::graph::{GraphBuilder, IndexAxis, SourceAxis};
    use crate::length::{Polynomial, Sizes};
    use crate::source::Span;
    use crate::types::ArrayType;

    /// `m = m[m]`, so many times: each mask tells how long the next one is.
    fn chain(count: u32) -> Graph<Length> {
        let mut builder = GraphBuilder::<Length>::new();
        let span = Span::default();
        let mut mask = builder.input("m".into(), ArrayType::new(DType::Bool, vec![Length::Known(9)]), span);
        let mut sizes = Vec::new();
        for id in 0..count {
            let count = builder.add(NodeKind::Count(mask), vec![ArrayType::scalar(DType::I64)], span, None);
            let symbol = Symbol::of_run(id, "?", 0, None);
            let shape = vec![Length::Open(Arc::new(Polynomial::from(&symbol)))];
            sizes.push((symbol, count));
            let positions = NodeKind::Positions(mask);
            let positions = builder.add(positions, vec![ArrayType::new(DType::I64, shape.clone())], span, None);
            let place = SourceAxis { start: Length::Known(0), step: 0, axis: None };
            let axes = vec![IndexAxis { place, index: Some(positions) }];
            let gather = NodeKind::Gather { value: mask, axes };
            mask = builder.add(gather, vec![ArrayType::new(DType::Bool, shape)], span, None);
        }
        let mut graph = builder.finish();
        graph.outputs = vec![mask];
        graph.sizes = sizes;
        graph
    }

    #[test]
    fn each_stage_of_a_long_graph_looks_at_one_piece() {
        let count = 4 * PIECE as u32;
        let mut closed = close(&chain(count), &Sizes::new()).expect("nothing is wrong with it");
        let (mut told, mut looked, mut longest) = (0, 0, 0);
        let mut stages = 0;
        while let Some(rest) = closed.rest {
            stages += 1;
            assert!(stages <= 2 * count, "it does not end");
            let mut sizes = rest.known.clone();
            sizes.extend(rest.told.iter().cloned().map(|symbol| (symbol, 9)));
            told += rest.told.len();
            looked += rest.graph.nodes.len();
            longest = longest.max(sizes.len());
            assert_eq!(closed.outputs.len(), rest.graph.inputs.len() + rest.told.len());
            closed = close(&rest.graph, &sizes).expect("nothing is wrong with it");
        }
        assert_eq!(told, count as usize);
        assert_eq!(closed.nodes[closed.outputs[0].index()].types[0].shape, [9]);
        assert!(looked <= 2 * PIECE * count as usize, "{looked} nodes for {count} sizes");
        assert!(longest <= 2 * PIECE, "{longest} sizes are passed on");
    }
}
