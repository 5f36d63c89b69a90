//! The dataflow graph: what is computed, with every type known and nothing said of how.
//!
//! A graph is over lengths `L`. The checker builds open graphs, whose lengths are [`Length`]s: some of them are polynomials in sizes
//! that only the run can tell. Closing one (`crate::close`) gives a graph over numbers, which is what plans are made of.

use crate::diagnostic::Label;
use crate::dtype::{DType, Scalar};
use crate::length::{Length, Polynomial, Sizes, Symbol};
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A node of one graph: its index; operands always have smaller indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An operation of the library: its row's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(pub u32);

/// What a call says beside its operands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Attribute<L = usize> {
    Integer(i64),
    Integers(Vec<i64>),
    Flag(bool),
    DType(DType),
    Text(Arc<str>),
    Shape(Vec<L>),
}

/// Where a view's source index along one source axis comes from: `start + step * (result index along axis)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceAxis<L = usize> {
    /// The index at the result axis's index 0.
    pub start: L,
    /// The distance for each step along the result axis; 0 when `axis` is `None`.
    pub step: isize,
    /// The result axis; `None`: the same source index everywhere.
    pub axis: Option<usize>,
}

impl<L: From<usize>> SourceAxis<L> {
    /// A source axis that is a result axis.
    pub fn along(axis: usize) -> SourceAxis<L> {
        SourceAxis { start: L::from(0), step: 1, axis: Some(axis) }
    }

    /// One index of the source, everywhere.
    pub fn at(index: usize) -> SourceAxis<L> {
        SourceAxis { start: L::from(index), step: 0, axis: None }
    }
}

/// Where an index along one source axis comes from when the run has a say in it: what `place` says, and what `index` adds. A sum
/// below 0 counts from the axis's end; one that lies outside all the same is a fault (E0505) that names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexAxis<L = usize> {
    /// The part that is known.
    pub place: SourceAxis<L>,
    /// An i64 array that broadcasts to the result's shape.
    pub index: Option<NodeId>,
}

/// What a node computes. Result shapes stand in [`Node::types`].
#[derive(Clone, Debug)]
pub enum NodeKind<L = usize> {
    /// A known scalar.
    Constant(Scalar),
    /// A known array: its elements in C order.
    Literal(Arc<[Scalar]>),
    /// The graph's input of this index.
    Input(u32),
    /// A length as an i64 scalar. A closed graph has a `Constant` instead.
    Size(L),
    /// The integers 0, 1, 2, … as `i64[n]`.
    Iota,
    /// The value in the node's dtype, as [`Scalar::cast`] converts.
    Cast(NodeId),
    /// Slices, integer indices, permutations, new axes and broadcasts, in one form: one entry for each axis of the source. A
    /// result axis that no entry names repeats the source along it.
    View {
        /// The source.
        value: NodeId,
        /// One for each axis of the source.
        axes: Vec<SourceAxis<L>>,
    },
    /// The elements in C order in another shape.
    Reshape(NodeId),
    /// The values stacked along a new first axis; all have one type.
    Stack(Vec<NodeId>),
    /// An elementwise operation; operands have the dtypes its kernel wants and broadcast to the node's shape.
    Elementwise {
        /// The row.
        operation: OperationId,
        /// The operands.
        operands: Vec<NodeId>,
    },
    /// For each element `then` where the mask (bool) is true, `otherwise` elsewhere; operands broadcast to the node's shape.
    Select {
        /// Which.
        mask: NodeId,
        /// Where true.
        then: NodeId,
        /// Where false.
        otherwise: NodeId,
    },
    /// Elements at indices that the run tells; one entry for each axis of the source. A view when every index is a scalar.
    Gather {
        /// The source.
        value: NodeId,
        /// One for each axis of the source.
        axes: Vec<IndexAxis<L>>,
    },
    /// The value with some elements replaced. The selection has a shape of its own; its elements, in C order, take what `new` has
    /// there. Where an element is selected twice the last one wins, and with an operation every one counts.
    Update {
        /// What is changed; its type is the node's.
        value: NodeId,
        /// Which elements: one entry for each axis of the value, over the selection's shape.
        axes: Vec<IndexAxis<L>>,
        /// The selection's shape.
        shape: Vec<L>,
        /// What they become; it has the value's dtype and broadcasts to the selection's shape.
        new: NodeId,
        /// An elementwise operation of two operands of the value's dtype that gives it again: an element becomes
        /// `operation(element, new)`.
        operation: Option<OperationId>,
    },
    /// How many elements of a bool array are true: i64.
    Count(NodeId),
    /// Where they are, counted in C order: `i64[count]`, ascending.
    Positions(NodeId),
    /// The first index and the number of elements (two i64 scalars) of the slice `start:stop:step` of an axis, clamped as Python's.
    SliceBounds {
        /// The axis's length.
        length: L,
        /// i64 scalars; `None` where nothing is written.
        start: Option<NodeId>,
        /// As `start`.
        stop: Option<NodeId>,
        /// Not 0.
        step: i64,
    },
    /// A reduction over axes (ascending, distinct, not empty unless the source is a scalar); they vanish from the shape.
    Reduce {
        /// The row.
        operation: OperationId,
        /// The source.
        value: NodeId,
        /// The reduced axes of the source.
        axes: Vec<usize>,
    },
    /// Any other operation on whole arrays.
    Apply {
        /// The row.
        operation: OperationId,
        /// The operands.
        operands: Vec<NodeId>,
        /// What else the call says.
        attributes: Vec<Attribute<L>>,
    },
    /// The body once for each index of the first axis of the mapped arrays, its outputs stacked along a new first axis. The
    /// body's inputs are one element of each mapped array (rank one less), then the captured arrays.
    Map {
        /// The body.
        body: Arc<Graph<L>>,
        /// The arrays that are walked, all equally long; at least one.
        mapped: Vec<NodeId>,
        /// The arrays that each turn sees whole.
        captured: Vec<NodeId>,
    },
    /// One of two bodies; both have the captured arrays as inputs and outputs of the same types.
    If {
        /// A bool scalar.
        condition: NodeId,
        /// When true.
        then: Arc<Graph<L>>,
        /// When false.
        otherwise: Arc<Graph<L>>,
        /// The arrays that both see.
        captured: Vec<NodeId>,
    },
    /// The body again and again: once for each index of the first axis of the mapped arrays, and while the condition holds. The
    /// results are the carried values after the last turn, each of the type that it had at first.
    Loop {
        /// Whether there is another turn: inputs are the carried and then the captured values; one output, a bool scalar. `None`:
        /// the mapped arrays alone say.
        condition: Option<Arc<Graph<L>>>,
        /// Inputs are one element of each mapped array, the carried values, the captured values; outputs are the carried values
        /// of the next turn, and then, when `stops`, a bool scalar: true ends the loop after this turn.
        body: Arc<Graph<L>>,
        /// Whether the body has that output.
        stops: bool,
        /// The arrays that are walked, all equally long; at least one when there is no condition.
        mapped: Vec<NodeId>,
        /// What the carried values are at first.
        carried: Vec<NodeId>,
        /// The arrays that every turn sees.
        captured: Vec<NodeId>,
    },
    /// One result of a node that has several.
    Part {
        /// The node.
        value: NodeId,
        /// Which.
        index: u32,
    },
}

/// Shows every operand of a kind, in order: to read them with `iter`, to change them with `iter_mut`.
macro_rules! see_operands {
    ($kind:expr, $iter:ident, $see:expr) => {{
        let mut see = $see;
        match $kind {
            NodeKind::Constant(_) | NodeKind::Literal(_) | NodeKind::Input(_) | NodeKind::Size(_) | NodeKind::Iota => {}
            NodeKind::Cast(value)
            | NodeKind::Reshape(value)
            | NodeKind::Count(value)
            | NodeKind::Positions(value)
            | NodeKind::View { value, .. }
            | NodeKind::Reduce { value, .. }
            | NodeKind::Part { value, .. } => see(value),
            NodeKind::Stack(operands) | NodeKind::Elementwise { operands, .. } | NodeKind::Apply { operands, .. } => {
                operands.$iter().for_each(see)
            }
            NodeKind::Select { mask, then, otherwise } => [mask, then, otherwise].into_iter().for_each(see),
            NodeKind::Gather { value, axes } => {
                see(value);
                axes.$iter().flat_map(|axis| axis.index.$iter()).for_each(see);
            }
            NodeKind::Update { value, axes, new, .. } => {
                see(value);
                see(new);
                axes.$iter().flat_map(|axis| axis.index.$iter()).for_each(see);
            }
            NodeKind::SliceBounds { start, stop, .. } => start.$iter().chain(stop.$iter()).for_each(see),
            NodeKind::Map { mapped, captured, .. } => mapped.$iter().chain(captured.$iter()).for_each(see),
            NodeKind::If { condition, captured, .. } => {
                see(condition);
                captured.$iter().for_each(see);
            }
            NodeKind::Loop { mapped, carried, captured, .. } => {
                mapped.$iter().chain(carried.$iter()).chain(captured.$iter()).for_each(see);
            }
        }
    }};
}

impl<L> NodeKind<L> {
    /// The nodes whose values this one needs, in order.
    pub fn operands(&self) -> Vec<NodeId> {
        let mut operands = Vec::new();
        self.visit_operands(&mut |id| operands.push(id));
        operands
    }

    /// Shows every operand, in the same order.
    pub fn visit_operands(&self, see: &mut dyn FnMut(NodeId)) {
        see_operands!(self, iter, |id: &NodeId| see(*id));
    }

    /// Replaces every operand, in the same order.
    pub fn replace_operands(&mut self, to: &mut dyn FnMut(NodeId) -> NodeId) {
        see_operands!(self, iter_mut, |id: &mut NodeId| *id = to(*id));
    }
}

impl<L> NodeKind<L> {
    /// Shows every length in the kind itself, those in bodies not.
    pub fn lengths(&self, see: &mut dyn FnMut(&L)) {
        match self {
            NodeKind::Size(length) | NodeKind::SliceBounds { length, .. } => see(length),
            NodeKind::View { axes, .. } => axes.iter().for_each(|axis| see(&axis.start)),
            NodeKind::Gather { axes, .. } => axes.iter().for_each(|axis| see(&axis.place.start)),
            NodeKind::Update { axes, shape, .. } => {
                axes.iter().for_each(|axis| see(&axis.place.start));
                shape.iter().for_each(see);
            }
            NodeKind::Apply { attributes, .. } => attributes.iter().for_each(|attribute| {
                if let Attribute::Shape(shape) = attribute {
                    shape.iter().for_each(&mut *see);
                }
            }),
            _ => {}
        }
    }

    /// The bodies.
    pub fn bodies(&self) -> Vec<&Graph<L>> {
        match self {
            NodeKind::Map { body, .. } => vec![body],
            NodeKind::If { then, otherwise, .. } => vec![then, otherwise],
            NodeKind::Loop { condition, body, .. } => condition.iter().chain([body]).map(|body| &**body).collect(),
            _ => Vec::new(),
        }
    }

    /// The bodies, to change them.
    pub fn bodies_mut(&mut self) -> Vec<&mut Arc<Graph<L>>> {
        match self {
            NodeKind::Map { body, .. } => vec![body],
            NodeKind::If { then, otherwise, .. } => vec![then, otherwise],
            NodeKind::Loop { condition, body, .. } => condition.iter_mut().chain([body]).collect(),
            _ => Vec::new(),
        }
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node<L = usize> {
    /// What it computes.
    pub kind: NodeKind<L>,
    /// The types of its results; one for all but `If`, `Map`, `Loop`, `SliceBounds` and `Apply` nodes with several outputs.
    pub types: Vec<ArrayType<L>>,
    /// Where it was written, for errors at run time.
    pub span: Span,
    /// The annotations that hold for it, innermost; `None`: none does.
    pub placement: Option<Arc<Placement>>,
}

impl<L> Node<L> {
    /// The type of a node with one result (of the first, when there are several).
    pub fn array_type(&self) -> &ArrayType<L> {
        &self.types[0]
    }
}

/// An annotation as it was checked: `@parallel(4, chunk=100)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The annotation's name.
    pub annotation: Arc<str>,
    /// Its arguments by the names of their parameters; text arguments are words such as `strict`.
    pub arguments: Vec<(Arc<str>, Attribute)>,
    /// Where it was written.
    pub span: Span,
    /// The annotation around it.
    pub outer: Option<Arc<Placement>>,
}

/// Something that happens, in program order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An operation with an effect.
    Call {
        /// The row.
        operation: OperationId,
        /// The arguments, one for each parameter (a variadic parameter's are one tuple).
        arguments: Vec<Value<NodeId>>,
        /// Where it was written.
        span: Span,
    },
    /// An `If`, `Map` or `Loop` node whose bodies have effects.
    Run(NodeId),
}

/// An input of a graph.
#[derive(Clone, Debug)]
pub struct Input<L = usize> {
    /// The name it had.
    pub name: Arc<str>,
    /// Its type.
    pub array_type: ArrayType<L>,
}

/// Two lengths of which something must hold when the run knows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Guard {
    /// One.
    pub left: Length,
    /// The other.
    pub right: Length,
    /// What needs it, as a sentence's beginning: "`+` needs equal lengths".
    pub what: Arc<str>,
    /// Where.
    pub span: Span,
    /// How many effects of its graph come before it in the program: they happen, whether it holds or not.
    pub after: usize,
    /// What must hold of them.
    pub claim: Claim,
    /// What meets here, and where sizes come from that only the run tells, for the message when they are not equal.
    pub places: Arc<[Label]>,
    /// What stands in an index before and behind the part of the axis that is too long.
    pub around: (Arc<str>, Arc<str>),
    /// What to write instead, where that is known before the run.
    pub help: Option<Arc<str>>,
}

/// What must hold of two lengths when the run knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// They are equal.
    Equal,
    /// They are equal. One of them would be stretched to the other if the checker knew that it is 1.
    EqualInBroadcast,
    /// They are equal, for they are lengths of arrays of indices; or the left one is 1, and is stretched to a right one that was
    /// known before the run.
    EqualOrOne,
    /// The left one is at least the right one.
    AtLeast,
}

impl Guard {
    /// The sizes that it speaks of.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.left.symbols().chain(self.right.symbols())
    }

    /// Whether it holds whatever the sizes are that are not known.
    pub fn holds_always(&self, known: &Sizes) -> bool {
        let more = || Polynomial::from(&self.left).minus(&Polynomial::from(&self.right)).with(known);
        match self.check(known) {
            Some(holds) => holds,
            None => self.claim == Claim::AtLeast && more().is_never_negative(),
        }
    }

    /// It with the sizes that are known: whether it holds; `None` while some are not known.
    pub(crate) fn check(&self, known: &Sizes) -> Option<bool> {
        let [left, right] = [&self.left, &self.right].map(|length| length.value(known));
        let (left, right) = (left?, right?);
        Some(match self.claim {
            Claim::Equal | Claim::EqualInBroadcast => left == right,
            Claim::EqualOrOne => left == right || left == 1 && self.right.known().is_some(),
            Claim::AtLeast => left >= right,
        })
    }
}

/// The rest of a computation whose sizes were not known: it is closed when the graph before it has run.
#[derive(Clone, Debug)]
pub struct Rest {
    /// The open graph; its inputs are the outputs of the graph before it, without those that tell sizes.
    pub graph: Arc<Graph<Length>>,
    /// The sizes that are known already.
    pub known: Sizes,
    /// The sizes that the last outputs of the graph before it tell, in order: i64 scalars.
    pub told: Vec<Symbol>,
}

/// The piece of a long graph that follows another one.
#[derive(Clone, Debug)]
pub struct Next {
    /// The piece; its inputs are the outputs of the one before it.
    pub graph: Arc<Graph<Length>>,
    /// The sizes in it and in those behind it that are known before it.
    pub sizes: Arc<BTreeSet<Symbol>>,
}

impl Rest {
    /// The pieces that are to come.
    pub fn pieces(&self) -> impl Iterator<Item = &Graph<Length>> {
        std::iter::successors(Some(&*self.graph), |piece| piece.next.as_ref().map(|next| &*next.graph))
    }
}

/// A whole computation: pure nodes, what it needs, what it gives and what happens.
#[derive(Clone, Debug)]
pub struct Graph<L = usize> {
    /// Operands before their users.
    pub nodes: Vec<Node<L>>,
    /// What is given from outside.
    pub inputs: Vec<Input<L>>,
    /// What is wanted.
    pub outputs: Vec<NodeId>,
    /// What happens, in order.
    pub effects: Vec<Effect>,
    /// The sizes that nodes of this graph tell: i64 scalars. Empty in a closed graph.
    pub sizes: Vec<(Symbol, NodeId)>,
    /// What must hold of sizes. Empty in a closed graph.
    pub guards: Vec<Guard>,
    /// What follows, in a closed graph whose sizes are not all known: then the outputs are what the rest reads and what tells
    /// sizes, and the rest has the outputs that are wanted.
    pub rest: Option<Rest>,
    /// The next piece of an open graph that was too long to be closed as one. `None` in a closed graph.
    pub next: Option<Next>,
}

impl<L> Default for Graph<L> {
    fn default() -> Graph<L> {
        Graph {
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            effects: Vec::new(),
            sizes: Vec::new(),
            guards: Vec::new(),
            rest: None,
            next: None,
        }
    }
}

impl<L> Graph<L> {
    /// A node.
    pub fn node(&self, id: NodeId) -> &Node<L> {
        &self.nodes[id.index()]
    }

    /// Every node that an output or an effect needs.
    pub fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        let mut mark = |id: NodeId| needed[id.index()] = true;
        self.outputs.iter().copied().for_each(&mut mark);
        for effect in &self.effects {
            match effect {
                Effect::Call { arguments, .. } => arguments.iter().for_each(|value| value.visit(&mut |id| mark(*id))),
                Effect::Run(id) => mark(*id),
            }
        }
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                for operand in self.nodes[index].kind.operands() {
                    needed[operand.index()] = true;
                }
            }
        }
        needed
    }
}

/// What makes two nodes one: kind and placement, without spans. Bodies are compared by identity.
#[derive(PartialEq, Eq, Hash)]
enum Key<L> {
    Constant(Scalar),
    Literal(Arc<[Scalar]>),
    Input(u32),
    Size(L),
    Iota,
    Cast(NodeId),
    View(NodeId, Vec<SourceAxis<L>>),
    Reshape(NodeId),
    Stack(Vec<NodeId>),
    Elementwise(OperationId, Vec<NodeId>),
    Select([NodeId; 3]),
    Gather(NodeId, Vec<IndexAxis<L>>),
    Count(NodeId),
    Positions(NodeId),
    SliceBounds(L, [Option<NodeId>; 2], i64),
    Reduce(OperationId, NodeId, Vec<usize>),
    Apply(OperationId, Vec<NodeId>, Vec<Attribute<L>>),
    Part(NodeId, u32),
}

impl<L: Clone> Key<L> {
    fn of(kind: &NodeKind<L>) -> Option<Key<L>> {
        Some(match kind {
            NodeKind::Constant(scalar) => Key::Constant(*scalar),
            NodeKind::Literal(elements) => Key::Literal(elements.clone()),
            NodeKind::Input(index) => Key::Input(*index),
            NodeKind::Size(length) => Key::Size(length.clone()),
            NodeKind::Iota => Key::Iota,
            NodeKind::Cast(value) => Key::Cast(*value),
            NodeKind::View { value, axes } => Key::View(*value, axes.clone()),
            NodeKind::Reshape(value) => Key::Reshape(*value),
            NodeKind::Stack(values) => Key::Stack(values.clone()),
            NodeKind::Elementwise { operation, operands } => Key::Elementwise(*operation, operands.clone()),
            NodeKind::Select { mask, then, otherwise } => Key::Select([*mask, *then, *otherwise]),
            NodeKind::Gather { value, axes } => Key::Gather(*value, axes.clone()),
            NodeKind::Count(value) => Key::Count(*value),
            NodeKind::Positions(value) => Key::Positions(*value),
            NodeKind::SliceBounds { length, start, stop, step } => {
                Key::SliceBounds(length.clone(), [*start, *stop], *step)
            }
            NodeKind::Reduce { operation, value, axes } => Key::Reduce(*operation, *value, axes.clone()),
            NodeKind::Apply { operation, operands, attributes } => {
                Key::Apply(*operation, operands.clone(), attributes.clone())
            }
            NodeKind::Part { value, index } => Key::Part(*value, *index),
            NodeKind::Map { .. } | NodeKind::If { .. } | NodeKind::Loop { .. } | NodeKind::Update { .. } => {
                return None;
            }
        })
    }
}

/// A node's key, types and placement: equal ones are one node.
type Identity<L> = (Key<L>, Vec<ArrayType<L>>, Option<Arc<Placement>>);

/// Builds a graph; equal pure nodes become one.
pub struct GraphBuilder<L = usize> {
    graph: Graph<L>,
    known: HashMap<Identity<L>, NodeId>,
}

impl<L> Default for GraphBuilder<L> {
    fn default() -> GraphBuilder<L> {
        GraphBuilder { graph: Graph::default(), known: HashMap::new() }
    }
}

impl<L: Clone + Eq + std::hash::Hash> GraphBuilder<L> {
    /// A builder of an empty graph.
    pub fn new() -> GraphBuilder<L> {
        GraphBuilder::default()
    }

    /// The graph so far.
    pub fn graph(&self) -> &Graph<L> {
        &self.graph
    }

    /// The graph so far, to set its outputs and effects.
    pub fn graph_mut(&mut self) -> &mut Graph<L> {
        &mut self.graph
    }

    /// Adds a node, or finds the one that computes the same.
    pub fn add(
        &mut self,
        kind: NodeKind<L>,
        types: Vec<ArrayType<L>>,
        span: Span,
        placement: Option<Arc<Placement>>,
    ) -> NodeId {
        let id = NodeId(self.graph.nodes.len() as u32);
        if let Some(key) = Key::of(&kind) {
            match self.known.entry((key, types.clone(), placement.clone())) {
                std::collections::hash_map::Entry::Occupied(entry) => return *entry.get(),
                std::collections::hash_map::Entry::Vacant(entry) => entry.insert(id),
            };
        }
        self.graph.nodes.push(Node { kind, types, span, placement });
        id
    }

    /// The node that [`GraphBuilder::add`] would find, if there is one.
    pub fn find(
        &self,
        kind: &NodeKind<L>,
        types: Vec<ArrayType<L>>,
        placement: Option<Arc<Placement>>,
    ) -> Option<NodeId> {
        self.known.get(&(Key::of(kind)?, types, placement)).copied()
    }

    /// Adds an input and its node.
    pub fn input(&mut self, name: Arc<str>, array_type: ArrayType<L>, span: Span) -> NodeId {
        let index = self.graph.inputs.len() as u32;
        self.graph.inputs.push(Input { name, array_type: array_type.clone() });
        self.add(NodeKind::Input(index), vec![array_type], span, None)
    }

    /// The finished graph.
    pub fn finish(self) -> Graph<L> {
        self.graph
    }
}
