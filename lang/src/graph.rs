//! The dataflow graph: what is computed, with every type known and nothing said of how.

use crate::dtype::{DType, Scalar};
use crate::source::Span;
use crate::types::{ArrayType, Shape};
use crate::value::Value;
use std::collections::HashMap;
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
pub enum Attribute {
    Integer(i64),
    Integers(Vec<i64>),
    Flag(bool),
    DType(DType),
    Text(Arc<str>),
    Shape(Shape),
}

/// Where a view's source index along one source axis comes from: `start + step * (result index along axis)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceAxis {
    /// The index at the result axis's index 0.
    pub start: usize,
    /// The distance for each step along the result axis; 0 when `axis` is `None`.
    pub step: isize,
    /// The result axis; `None`: the same source index everywhere.
    pub axis: Option<usize>,
}

/// What a node computes. Result shapes stand in [`Node::types`].
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A known scalar.
    Constant(Scalar),
    /// A known array: its elements in C order.
    Literal(Arc<[Scalar]>),
    /// The graph's input of this index.
    Input(u32),
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
        axes: Vec<SourceAxis>,
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
        attributes: Vec<Attribute>,
    },
    /// The body once for each index of the first axis of the mapped arrays, its outputs stacked along a new first axis. The
    /// body's inputs are one element of each mapped array (rank one less), then the captured arrays.
    Map {
        /// The body.
        body: Arc<Graph>,
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
        then: Arc<Graph>,
        /// When false.
        otherwise: Arc<Graph>,
        /// The arrays that both see.
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

impl NodeKind {
    /// The nodes whose values this one needs, in order.
    pub fn operands(&self) -> Vec<NodeId> {
        match self {
            NodeKind::Constant(_) | NodeKind::Literal(_) | NodeKind::Input(_) | NodeKind::Iota => Vec::new(),
            NodeKind::Cast(value)
            | NodeKind::Reshape(value)
            | NodeKind::View { value, .. }
            | NodeKind::Reduce { value, .. }
            | NodeKind::Part { value, .. } => vec![*value],
            NodeKind::Stack(values) => values.clone(),
            NodeKind::Elementwise { operands, .. } | NodeKind::Apply { operands, .. } => operands.clone(),
            NodeKind::Map { mapped, captured, .. } => mapped.iter().chain(captured).copied().collect(),
            NodeKind::If { condition, captured, .. } => {
                std::iter::once(*condition).chain(captured.iter().copied()).collect()
            }
        }
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub kind: NodeKind,
    /// The types of its results; one for all but `If`, `Map` and `Apply` nodes with several outputs.
    pub types: Vec<ArrayType>,
    /// Where it was written, for errors at run time.
    pub span: Span,
    /// The annotations that hold for it, innermost; `None`: none does.
    pub placement: Option<Arc<Placement>>,
}

impl Node {
    /// The type of a node with one result (of the first, when there are several).
    pub fn array_type(&self) -> &ArrayType {
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
    /// An `If` or `Map` node whose bodies have effects.
    Run(NodeId),
}

/// An input of a graph.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name it had.
    pub name: Arc<str>,
    /// Its type.
    pub array_type: ArrayType,
}

/// A whole computation: pure nodes, what it needs, what it gives and what happens.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Operands before their users.
    pub nodes: Vec<Node>,
    /// What is given from outside.
    pub inputs: Vec<Input>,
    /// What is wanted.
    pub outputs: Vec<NodeId>,
    /// What happens, in order.
    pub effects: Vec<Effect>,
}

impl Graph {
    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
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
enum Key {
    Constant(Scalar),
    Literal(Arc<[Scalar]>),
    Input(u32),
    Iota,
    Cast(NodeId),
    View(NodeId, Vec<SourceAxis>),
    Reshape(NodeId),
    Stack(Vec<NodeId>),
    Elementwise(OperationId, Vec<NodeId>),
    Reduce(OperationId, NodeId, Vec<usize>),
    Apply(OperationId, Vec<NodeId>, Vec<Attribute>),
    Part(NodeId, u32),
}

impl Key {
    fn of(kind: &NodeKind) -> Option<Key> {
        Some(match kind {
            NodeKind::Constant(scalar) => Key::Constant(*scalar),
            NodeKind::Literal(elements) => Key::Literal(elements.clone()),
            NodeKind::Input(index) => Key::Input(*index),
            NodeKind::Iota => Key::Iota,
            NodeKind::Cast(value) => Key::Cast(*value),
            NodeKind::View { value, axes } => Key::View(*value, axes.clone()),
            NodeKind::Reshape(value) => Key::Reshape(*value),
            NodeKind::Stack(values) => Key::Stack(values.clone()),
            NodeKind::Elementwise { operation, operands } => Key::Elementwise(*operation, operands.clone()),
            NodeKind::Reduce { operation, value, axes } => Key::Reduce(*operation, *value, axes.clone()),
            NodeKind::Apply { operation, operands, attributes } => {
                Key::Apply(*operation, operands.clone(), attributes.clone())
            }
            NodeKind::Part { value, index } => Key::Part(*value, *index),
            NodeKind::Map { .. } | NodeKind::If { .. } => return None,
        })
    }
}

/// A node's key, types and placement: equal ones are one node.
type Identity = (Key, Vec<ArrayType>, Option<Arc<Placement>>);

/// Builds a graph; equal pure nodes become one.
#[derive(Default)]
pub struct GraphBuilder {
    graph: Graph,
    known: HashMap<Identity, NodeId>,
}

impl GraphBuilder {
    /// A builder of an empty graph.
    pub fn new() -> GraphBuilder {
        GraphBuilder::default()
    }

    /// The graph so far.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph so far, to set its outputs and effects.
    pub fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    /// Adds a node, or finds the one that computes the same.
    pub fn add(
        &mut self,
        kind: NodeKind,
        types: Vec<ArrayType>,
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

    /// Adds an input and its node.
    pub fn input(&mut self, name: Arc<str>, array_type: ArrayType, span: Span) -> NodeId {
        let index = self.graph.inputs.len() as u32;
        self.graph.inputs.push(Input { name, array_type: array_type.clone() });
        self.add(NodeKind::Input(index), vec![array_type], span, None)
    }

    /// The finished graph.
    pub fn finish(self) -> Graph {
        self.graph
    }
}
