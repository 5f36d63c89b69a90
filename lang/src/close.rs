//! Closing a graph: with the sizes that are known put in, what can be planned becomes a graph over numbers, and what depends on sizes
//! that this graph tells when it runs becomes its rest.

use crate::diagnostic::Diagnostic;
use crate::dtype::Scalar;
use crate::graph::{
    Attribute, Claim, Effect, Graph, Guard, IndexAxis, Input, Node, NodeId, NodeKind, Rest, SourceAxis,
};
use crate::length::{Length, Sizes, Symbol};
use crate::pieces::{PIECE, pieces};
use crate::types::ArrayType;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A length that is not known yet, or cannot be.
enum Refusal {
    Open,
    Negative(i64),
}

type Closes<T> = Result<T, Refusal>;

/// Closes a graph.
///
/// # Errors
/// Two lengths that must be equal and are not (`E0504`), or a negative length (`E0506`).
pub fn close(graph: &Graph<Length>, known: &Sizes) -> Result<Graph, Diagnostic> {
    close_by(graph, known, PIECE)
}

/// The same in pieces of so many nodes, when some of them have to wait: each stage looks at all nodes of a piece.
fn close_by(graph: &Graph<Length>, known: &Sizes, piece: usize) -> Result<Graph, Diagnostic> {
    let fails = |guard: &&Guard| guard.check(known) == Some(false);
    let failing = match graph.guards.iter().filter(fails).min_by_key(|guard| guard.after) {
        Some(guard) if guard.after == 0 => return Err(failure(guard, known)),
        other => other.map(|guard| guard.after),
    };
    let closed = Closed::of(graph, known, failing.is_some())?;
    let needed = graph.needed();
    let told = closed.told_now(graph, known, &needed);
    let is_whole = told.is_empty()
        && graph.nodes.iter().enumerate().all(|(index, _)| !needed[index] || closed.nodes[index].is_some());
    let is_long = graph.next.is_none() && graph.nodes.len() > 2 * piece;
    if (failing.is_some() || !is_whole)
        && is_long
        && let Some(first) = pieces(graph, piece)
    {
        return close_by(&first, known, piece);
    }
    if failing.is_none() && is_whole {
        let mut whole = closed.whole(graph, &needed);
        whole.rest = graph.next.as_ref().map(|next| {
            let known = known.iter().filter(|(symbol, _)| next.sizes.contains(symbol));
            let known = known.map(|(symbol, size)| (symbol.clone(), *size)).collect();
            Rest { graph: next.graph.clone(), known, told: Vec::new() }
        });
        return Ok(whole);
    }
    // What is claimed is looked at before anything happens that stands behind it in the program.
    let waits = |guard: &&Guard| guard.check(known).is_none();
    let limit = graph.guards.iter().filter(waits).map(|guard| guard.after).chain(failing).min();
    Ok(closed.staged(graph, known, told, limit.unwrap_or(graph.effects.len())))
}

/// What is said when a guard does not hold.
fn failure(guard: &Guard, known: &Sizes) -> Diagnostic {
    let [left, right] = [&guard.left, &guard.right].map(|length| length.value(known).unwrap_or_default());
    let shown = |length: &Length, value: i64| match length {
        Length::Known(_) => value.to_string(),
        Length::Open(_) => format!("{length} = {value}"),
    };
    let (a, b) = (shown(&guard.left, left), shown(&guard.right, right));
    let (code, message, here) = match guard.claim {
        Claim::AtLeast => ("E0506", format!("{}: {a}", guard.what), format!("{left} here")),
        _ => ("E0504", format!("{}, and they are {a} and {b}", guard.what), format!("{left} and {right} here")),
    };
    let mut diagnostic = Diagnostic::error(code, message, guard.span, here);
    diagnostic.labels.extend(guard.places.iter().cloned());
    if let Some(help) = &guard.help {
        return diagnostic.help(&**help);
    }
    let shorter = left.min(right);
    let (before, behind) = &guard.around;
    match guard.claim {
        Claim::EqualInBroadcast if shorter == 1 => diagnostic.help(
            "only a length that is known to be 1 before the run is stretched: write `x.reshape(1)`, or `x[0]` for the element",
        ),
        Claim::Equal | Claim::EqualInBroadcast | Claim::EqualOrOne if shorter < 0 => {
            let (name, least) = match left < 0 {
                true => (&guard.left, -left),
                false => (&guard.right, -right),
            };
            diagnostic.help(format!("no length is negative: give it more elements, {least} at least, that {name} is 0"))
        }
        Claim::Equal | Claim::EqualInBroadcast | Claim::EqualOrOne if shorter == 0 => {
            diagnostic.help("one of the two is empty: look at what selects its elements")
        }
        Claim::Equal | Claim::EqualInBroadcast | Claim::EqualOrOne => {
            diagnostic.help(format!("take the first {shorter} of the longer one: `[{before}:{shorter}{behind}]`"))
        }
        Claim::AtLeast => diagnostic,
    }
}

/// The nodes that are closed with the sizes that are known.
struct Closed {
    nodes: Vec<Option<(NodeKind, Vec<ArrayType>)>>,
}

impl Closed {
    /// The nodes that can be; where a guard has failed, one with a negative length waits for the error.
    fn of(graph: &Graph<Length>, known: &Sizes, has_failed: bool) -> Result<Closed, Diagnostic> {
        let mut nodes: Vec<Option<(NodeKind, Vec<ArrayType>)>> = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let operands_are_closed = node.kind.operands().iter().all(|id| nodes[id.index()].is_some());
            let closed = match operands_are_closed {
                false => Err(Refusal::Open),
                true => close_node(node, known)?,
            };
            nodes.push(match closed {
                Ok(closed) => Some(closed),
                Err(Refusal::Open) => None,
                Err(Refusal::Negative(_)) if has_failed => None,
                Err(Refusal::Negative(length)) => {
                    // What a body makes is as long as what the body around it has of it.
                    let guards = node.kind.bodies().into_iter().flat_map(|body| &body.guards);
                    let mut failing = guards.filter(|guard| guard.check(known) == Some(false));
                    return Err(failing.next().map_or_else(
                        || {
                            let message = format!("a length cannot be negative: {length}");
                            Diagnostic::error("E0506", message, node.span, "").help("write 0 or more")
                        },
                        |guard| failure(guard, known),
                    ));
                }
            });
        }
        Ok(Closed { nodes })
    }

    /// The graph over numbers, of the nodes that are wanted; `None` where a node is not among them.
    fn graph(&self, graph: &Graph<Length>, wanted: &[bool]) -> (Graph, Vec<Option<NodeId>>) {
        let mut result = Graph::default();
        let mut to: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
        result.inputs = graph
            .inputs
            .iter()
            .map(|input| Input { name: input.name.clone(), array_type: ArrayType::scalar(input.array_type.dtype) })
            .collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            let (true, Some((kind, types))) = (wanted[index], &self.nodes[index]) else { continue };
            let mut kind = kind.clone();
            kind.replace_operands(&mut |id| to[id.index()].unwrap_or(id));
            if let NodeKind::Input(input) = kind {
                result.inputs[input as usize].array_type = types[0].clone();
            }
            to[index] = Some(NodeId(result.nodes.len() as u32));
            result.nodes.push(Node { kind, types: types.clone(), span: node.span, placement: node.placement.clone() });
        }
        (result, to)
    }

    fn whole(&self, graph: &Graph<Length>, needed: &[bool]) -> Graph {
        let inputs: Vec<bool> = graph
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| needed[index] || matches!(node.kind, NodeKind::Input(_)))
            .collect();
        let (mut result, to) = self.graph(graph, &inputs);
        let renamed = |id: NodeId| to[id.index()].unwrap_or(id);
        result.outputs = graph.outputs.iter().map(|id| renamed(*id)).collect();
        result.effects = self.effects(&graph.effects).map(|effect| renamed_effect(effect, &renamed)).collect();
        result
    }

    /// What happens, without what has only to be run for the guards in its bodies, which hold.
    fn effects<'e>(&self, effects: &'e [Effect]) -> impl Iterator<Item = &'e Effect> {
        let is_over = |body: &&Graph| body.effects.is_empty() && body.rest.is_none();
        effects.iter().filter(move |effect| match effect {
            Effect::Call { .. } => true,
            Effect::Run(id) => self.nodes[id.index()].as_ref().is_none_or(|(kind, _)| {
                let bodies = kind.bodies();
                bodies.is_empty() || !bodies.iter().all(is_over)
            }),
        })
    }

    /// The sizes that open nodes and guards wait for and closed nodes tell.
    fn told_now(&self, graph: &Graph<Length>, known: &Sizes, needed: &[bool]) -> Vec<(Symbol, NodeId)> {
        let tellers: HashMap<&Symbol, NodeId> = graph.sizes.iter().map(|(symbol, id)| (symbol, *id)).collect();
        let mut told: BTreeMap<Symbol, NodeId> = BTreeMap::new();
        let mut seen = vec![false; graph.nodes.len()];
        let mut stack: Vec<NodeId> =
            (0..graph.nodes.len()).filter(|index| needed[*index]).map(|index| NodeId(index as u32)).collect();
        let mut symbols: BTreeSet<Symbol> = graph.guards.iter().flat_map(Guard::symbols).cloned().collect();
        loop {
            for symbol in std::mem::take(&mut symbols).into_iter().filter(|symbol| !known.contains_key(symbol)) {
                let Some(teller) = tellers.get(&symbol).copied() else { continue };
                match self.nodes[teller.index()] {
                    Some(_) => {
                        told.insert(symbol, teller);
                    }
                    None => stack.push(teller),
                }
            }
            let Some(id) = stack.pop() else { break };
            if self.nodes[id.index()].is_none() && !std::mem::replace(&mut seen[id.index()], true) {
                stack.extend(graph.node(id).kind.operands());
                node_symbols(graph.node(id), &mut symbols);
            }
        }
        told.into_iter().collect()
    }

    /// What comes first: the sizes that can be told, what happens before they are needed; and the rest.
    fn staged(
        &self,
        graph: &Graph<Length>,
        known: &Sizes,
        mut told: Vec<(Symbol, NodeId)>,
        most_effects: usize,
    ) -> Graph {
        let is_closed = |id: NodeId| self.nodes[id.index()].is_some();
        // What happens later tells nothing now.
        let later = graph.effects[most_effects..].iter().filter_map(|effect| match effect {
            Effect::Run(id) => Some(*id),
            Effect::Call { .. } => None,
        });
        if later.clone().next().is_some() {
            told.retain(|(_, teller)| {
                let before = reached(graph, &[*teller], &|_| false);
                !later.clone().any(|id| before[id.index()])
            });
        }
        let first_open = graph
            .effects
            .iter()
            .position(|effect| effect_roots(effect).iter().any(|id| !is_closed(*id)))
            .unwrap_or(graph.effects.len())
            .min(most_effects);
        let mut roots: Vec<NodeId> = told.iter().map(|(_, id)| *id).collect();
        graph.effects[..first_open].iter().for_each(|effect| roots.extend(effect_roots(effect)));
        let mut first = reached(graph, &roots, &|_| false);
        // Inputs stay where they are, needed or not: whoever runs the graph gives them all.
        for (index, node) in graph.nodes.iter().enumerate() {
            first[index] |= matches!(node.kind, NodeKind::Input(_)) && self.nodes[index].is_some();
        }
        // What has several results crosses part by part.
        for (index, node) in graph.nodes.iter().enumerate() {
            if let NodeKind::Part { value, .. } = node.kind {
                first[index] |= first[value.index()];
            }
        }
        let passed_on = |id: NodeId| first[id.index()] && !is_made_anywhere(&graph.node(id).kind);
        let told_symbols: BTreeSet<&Symbol> = told.iter().map(|(symbol, _)| symbol).collect();
        let later: Vec<(Symbol, NodeId)> = graph
            .sizes
            .iter()
            .filter(|(symbol, _)| !known.contains_key(symbol) && !told_symbols.contains(symbol))
            .cloned()
            .collect();
        let effects: Vec<&Effect> = graph.effects[first_open..]
            .iter()
            .filter(|effect| !matches!(effect, Effect::Run(id) if first[id.index()]))
            .collect();
        let mut roots: Vec<NodeId> = graph.outputs.clone();
        effects.iter().for_each(|effect| roots.extend(effect_roots(effect)));
        let rest_needs = reached_with_sizes(graph, roots, &later, &passed_on);
        let mut rest = Graph::<Length>::default();
        let mut to: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
        let mut crossing = Vec::new();
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| rest_needs[*index]) {
            let kind = if passed_on(NodeId(index as u32)) {
                crossing.push(NodeId(index as u32));
                let name = match node.kind {
                    NodeKind::Input(input) => graph.inputs[input as usize].name.clone(),
                    _ => "passed on".into(),
                };
                rest.inputs.push(Input { name, array_type: node.types[0].clone() });
                NodeKind::Input(crossing.len() as u32 - 1)
            } else {
                let mut kind = node.kind.clone();
                kind.replace_operands(&mut |id| to[id.index()].unwrap_or(id));
                kind
            };
            to[index] = Some(NodeId(rest.nodes.len() as u32));
            rest.nodes.push(Node {
                kind,
                types: node.types.clone(),
                span: node.span,
                placement: node.placement.clone(),
            });
        }
        let renamed = |id: NodeId| to[id.index()].unwrap_or(id);
        rest.next = graph.next.clone();
        rest.outputs = graph.outputs.iter().map(|id| renamed(*id)).collect();
        rest.effects = effects.into_iter().map(|effect| renamed_effect(effect, &renamed)).collect();
        rest.sizes = later.iter().filter_map(|(symbol, id)| Some((symbol.clone(), to[id.index()]?))).collect();
        let kept = |position: &usize| !matches!(&graph.effects[*position], Effect::Run(id) if first[id.index()]);
        rest.guards = graph
            .guards
            .iter()
            .map(|guard| Guard { after: (first_open..guard.after).filter(kept).count(), ..guard.clone() })
            .collect();

        let (mut result, to) = self.graph(graph, &first);
        let renamed = |id: NodeId| to[id.index()].unwrap_or(id);
        result.outputs = crossing.iter().chain(told.iter().map(|(_, id)| id)).map(|id| renamed(*id)).collect();
        let happened = self.effects(&graph.effects[..first_open]);
        result.effects = happened.map(|effect| renamed_effect(effect, &renamed)).collect();
        result.rest = Some(Rest {
            graph: Arc::new(rest),
            known: known.clone(),
            told: told.into_iter().map(|(symbol, _)| symbol).collect(),
        });
        result
    }
}

/// The nodes that some nodes need, themselves among them; what `stops` is not looked behind.
fn reached(graph: &Graph<Length>, roots: &[NodeId], stops: &dyn Fn(NodeId) -> bool) -> Vec<bool> {
    let mut reached = vec![false; graph.nodes.len()];
    let mut stack = roots.to_vec();
    while let Some(id) = stack.pop() {
        if !std::mem::replace(&mut reached[id.index()], true) && !stops(id) {
            stack.extend(graph.node(id).kind.operands());
        }
    }
    reached
}

/// The same, with the nodes that tell the sizes in them and in the guards.
fn reached_with_sizes(
    graph: &Graph<Length>,
    mut roots: Vec<NodeId>,
    sizes: &[(Symbol, NodeId)],
    stops: &dyn Fn(NodeId) -> bool,
) -> Vec<bool> {
    let claimed: BTreeSet<Symbol> = graph.guards.iter().flat_map(Guard::symbols).cloned().collect();
    loop {
        let found = reached(graph, &roots, stops);
        let mut symbols = claimed.clone();
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| found[*index]) {
            if !stops(NodeId(index as u32)) {
                node_symbols(node, &mut symbols);
            }
        }
        let before = roots.len();
        for (symbol, id) in sizes {
            if symbols.contains(symbol) && !found[id.index()] {
                roots.push(*id);
            }
        }
        if roots.len() == before {
            return found;
        }
    }
}

/// Whether a node needs no other: whoever reads it may have one of its own.
pub(crate) fn is_made_anywhere(kind: &NodeKind<Length>) -> bool {
    matches!(kind, NodeKind::Constant(_) | NodeKind::Literal(_) | NodeKind::Size(_) | NodeKind::Iota)
}

pub(crate) fn effect_roots(effect: &Effect) -> Vec<NodeId> {
    let mut roots = Vec::new();
    match effect {
        Effect::Call { arguments, .. } => arguments.iter().for_each(|value| value.visit(&mut |id| roots.push(*id))),
        Effect::Run(id) => roots.push(*id),
    }
    roots
}

pub(crate) fn renamed_effect(effect: &Effect, renamed: &dyn Fn(NodeId) -> NodeId) -> Effect {
    match effect {
        Effect::Call { operation, arguments, span } => Effect::Call {
            operation: *operation,
            arguments: arguments.iter().map(|value| value.map(&mut |id| renamed(*id))).collect(),
            span: *span,
        },
        Effect::Run(id) => Effect::Run(renamed(*id)),
    }
}

/// The sizes in a node's types, lengths and bodies, without those that the bodies tell themselves.
pub(crate) fn node_symbols(node: &Node<Length>, symbols: &mut BTreeSet<Symbol>) {
    node.types
        .iter()
        .flat_map(|array_type| &array_type.shape)
        .for_each(|length| symbols.extend(length.symbols().cloned()));
    node.kind.lengths(&mut |length| symbols.extend(length.symbols().cloned()));
    node.kind.bodies().into_iter().for_each(|body| symbols.extend(asked_outside(body)));
}

/// The sizes in a body that it does not tell itself.
fn asked_outside(body: &Graph<Length>) -> BTreeSet<Symbol> {
    let mut symbols: BTreeSet<Symbol> = body.guards.iter().flat_map(Guard::symbols).cloned().collect();
    let inputs = body.inputs.iter().flat_map(|input| &input.array_type.shape);
    symbols.extend(inputs.flat_map(Length::symbols).cloned());
    body.nodes.iter().for_each(|node| node_symbols(node, &mut symbols));
    body.sizes.iter().for_each(|(own, _)| {
        symbols.remove(own);
    });
    symbols
}

fn number(length: &Length, known: &Sizes) -> Closes<usize> {
    match length.with(known) {
        Ok(Length::Known(number)) => Ok(number),
        Ok(Length::Open(_)) => Err(Refusal::Open),
        Err(negative) => Err(Refusal::Negative(negative)),
    }
}

fn numbers(lengths: &[Length], known: &Sizes) -> Closes<Vec<usize>> {
    lengths.iter().map(|length| number(length, known)).collect()
}

fn closed_type(array_type: &ArrayType<Length>, known: &Sizes) -> Closes<ArrayType> {
    Ok(ArrayType::new(array_type.dtype, numbers(&array_type.shape, known)?))
}

fn closed_axis(axis: &SourceAxis<Length>, known: &Sizes) -> Closes<SourceAxis> {
    // The last index of an axis without elements is never used.
    let start = match number(&axis.start, known) {
        Err(Refusal::Negative(-1)) => 0,
        other => other?,
    };
    Ok(SourceAxis { start, step: axis.step, axis: axis.axis })
}

fn closed_index(axis: &IndexAxis<Length>, known: &Sizes) -> Closes<IndexAxis> {
    Ok(IndexAxis { place: closed_axis(&axis.place, known)?, index: axis.index })
}

fn closed_attribute(attribute: &Attribute<Length>, known: &Sizes) -> Closes<Attribute> {
    Ok(match attribute {
        Attribute::Integer(value) => Attribute::Integer(*value),
        Attribute::Integers(values) => Attribute::Integers(values.clone()),
        Attribute::Flag(value) => Attribute::Flag(*value),
        Attribute::DType(dtype) => Attribute::DType(*dtype),
        Attribute::Text(text) => Attribute::Text(text.clone()),
        Attribute::Shape(shape) => Attribute::Shape(numbers(shape, known)?),
    })
}

/// A body that may be run once the sizes around it are known.
fn closed_body(body: &Graph<Length>, known: &Sizes) -> Result<Closes<Arc<Graph>>, Diagnostic> {
    if asked_outside(body).iter().any(|symbol| !known.contains_key(symbol)) {
        return Ok(Err(Refusal::Open));
    }
    // What cannot be in a body is an error when the body runs, and it may never run: the side of an `if` that nobody takes.
    match close(body, known) {
        Ok(closed) => Ok(Ok(Arc::new(closed))),
        Err(diagnostic) => Ok(Ok(Arc::new(failing(body, known).ok_or(diagnostic)?))),
    }
}

/// A body that cannot be closed, as one that finds that out when it runs: its inputs, and all else as its rest. `None` when not even the
/// inputs can be.
fn failing(body: &Graph<Length>, known: &Sizes) -> Option<Graph> {
    let closed = |node: &Node<Length>| match node.kind {
        NodeKind::Input(input) => {
            let types: Closes<Vec<ArrayType>> = node.types.iter().map(|one| closed_type(one, known)).collect();
            types.ok().map(|types| Some((NodeKind::Input(input), types)))
        }
        _ => Some(None),
    };
    let nodes = body.nodes.iter().map(closed).collect::<Option<_>>()?;
    let closed = Closed { nodes };
    let told = closed.told_now(body, known, &body.needed());
    Some(closed.staged(body, known, told, 0))
}

#[allow(clippy::type_complexity)]
fn close_node(node: &Node<Length>, known: &Sizes) -> Result<Closes<(NodeKind, Vec<ArrayType>)>, Diagnostic> {
    let types: Closes<Vec<ArrayType>> = node.types.iter().map(|one| closed_type(one, known)).collect();
    let types = match types {
        Ok(types) => types,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(close_kind(&node.kind, known)?.map(|kind| (kind, types)))
}

fn close_kind(kind: &NodeKind<Length>, known: &Sizes) -> Result<Closes<NodeKind>, Diagnostic> {
    macro_rules! closed {
        ($value:expr) => {
            match $value {
                Ok(value) => value,
                Err(refusal) => return Ok(Err(refusal)),
            }
        };
    }
    Ok(Ok(match kind {
        NodeKind::Constant(scalar) => NodeKind::Constant(*scalar),
        NodeKind::Literal(elements) => NodeKind::Literal(elements.clone()),
        NodeKind::Input(index) => NodeKind::Input(*index),
        NodeKind::Size(length) => NodeKind::Constant(Scalar::i64(closed!(number(length, known)) as i64)),
        NodeKind::Iota => NodeKind::Iota,
        NodeKind::Cast(value) => NodeKind::Cast(*value),
        NodeKind::View { value, axes } => {
            let axes: Closes<Vec<SourceAxis>> = axes.iter().map(|axis| closed_axis(axis, known)).collect();
            NodeKind::View { value: *value, axes: closed!(axes) }
        }
        NodeKind::Reshape(value) => NodeKind::Reshape(*value),
        NodeKind::Stack(values) => NodeKind::Stack(values.clone()),
        NodeKind::Elementwise { operation, operands } => {
            NodeKind::Elementwise { operation: *operation, operands: operands.clone() }
        }
        NodeKind::Select { mask, then, otherwise } => {
            NodeKind::Select { mask: *mask, then: *then, otherwise: *otherwise }
        }
        NodeKind::Gather { value, axes } => {
            let axes: Closes<Vec<IndexAxis>> = axes.iter().map(|axis| closed_index(axis, known)).collect();
            NodeKind::Gather { value: *value, axes: closed!(axes) }
        }
        NodeKind::Update { value, axes, shape, new, operation } => {
            let axes: Closes<Vec<IndexAxis>> = axes.iter().map(|axis| closed_index(axis, known)).collect();
            let (axes, shape) = (closed!(axes), closed!(numbers(shape, known)));
            NodeKind::Update { value: *value, axes, shape, new: *new, operation: *operation }
        }
        NodeKind::Count(value) => NodeKind::Count(*value),
        NodeKind::Positions(value) => NodeKind::Positions(*value),
        NodeKind::SliceBounds { length, start, stop, step } => {
            NodeKind::SliceBounds { length: closed!(number(length, known)), start: *start, stop: *stop, step: *step }
        }
        NodeKind::Reduce { operation, value, axes } => {
            NodeKind::Reduce { operation: *operation, value: *value, axes: axes.clone() }
        }
        NodeKind::Apply { operation, operands, attributes } => {
            let attributes: Closes<Vec<Attribute>> =
                attributes.iter().map(|attribute| closed_attribute(attribute, known)).collect();
            NodeKind::Apply { operation: *operation, operands: operands.clone(), attributes: closed!(attributes) }
        }
        NodeKind::Map { body, mapped, captured } => {
            let body = closed!(closed_body(body, known)?);
            NodeKind::Map { body, mapped: mapped.clone(), captured: captured.clone() }
        }
        NodeKind::If { condition, then, otherwise, captured } => {
            let (then, otherwise) = (closed!(closed_body(then, known)?), closed!(closed_body(otherwise, known)?));
            NodeKind::If { condition: *condition, then, otherwise, captured: captured.clone() }
        }
        NodeKind::Loop { condition, body, stops, mapped, carried, captured } => {
            let condition = match condition {
                Some(condition) => Some(closed!(closed_body(condition, known)?)),
                None => None,
            };
            NodeKind::Loop {
                condition,
                body: closed!(closed_body(body, known)?),
                stops: *stops,
                mapped: mapped.clone(),
                carried: carried.clone(),
                captured: captured.clone(),
            }
        }
        NodeKind::Part { value, index } => NodeKind::Part { value: *value, index: *index },
    }))
}
