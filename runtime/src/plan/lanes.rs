//! A body on many lanes at once: whole-array nodes with an axis for the lanes in front.
//!
//! A node of the body is either the same on every lane, and is computed once, or has one value for each lane, and becomes a
//! node with one axis more. NumPy's broadcasting aligns axes at the end, so an operand of lower rank gets axes of length 1
//! behind the axis of lanes.
//!
//! Where lanes go separate ways, each side is computed on all lanes under a mask, and a selection keeps what is right. A loop
//! goes on while any lane is active; the others keep what they carry. A lane that the mask leaves out must not fault, so it
//! computes with harmless operands: ones where a kernel may have no answer, an index that is in bounds, an element's old value
//! where one is changed.

use super::region::elements;
use super::rewrite::with_operands;
use crate::operation::{Bodies, Body, Reduction};
use std::collections::HashMap;
use std::sync::Arc;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::{Graph, GraphBuilder, IndexAxis, Node, NodeId, NodeKind, OperationId, Placement, SourceAxis};
use thalweg_lang::types::{ArrayType, Shape, broadcast};

/// A body with a value of more elements than this is run turn by turn: its regions are long enough by themselves, and the
/// turns' temporaries need not exist all at once.
pub const LONG_BODY: usize = 16 * 1024;

/// The most elements of a captured value that are copied for each turn of a map inside.
const MOST_REPEATED: usize = 16;

/// The most lanes that a map inside makes of some.
const MOST_LANES: usize = 64 * 1024;

/// What a node of the body is on the lanes.
#[derive(Clone, Copy, Debug)]
pub enum Lifted {
    /// The same on every lane.
    Same(NodeId),
    /// One value for each lane, along the first axis.
    Each(NodeId),
}

impl Lifted {
    fn id(self) -> NodeId {
        match self {
            Lifted::Same(id) | Lifted::Each(id) => id,
        }
    }

    fn is_each(self) -> bool {
        matches!(self, Lifted::Each(_))
    }
}

/// A graph that grows while bodies are put on lanes.
pub struct Lanes<'a> {
    /// The graph.
    pub builder: GraphBuilder,
    bodies: &'a dyn Bodies,
    lanes: usize,
    placement: Option<Arc<Placement>>,
    /// Whether the lanes are all turns of a map, so that maps inside make a longer map, of which each chunk has its lanes.
    is_whole: bool,
    /// The lanes that count, `bool[lanes]`; `None`: all.
    mask: Option<NodeId>,
    /// Values that differ from another one only on the lanes of the mask under which they were made.
    changed: HashMap<NodeId, NodeId>,
}

/// The graph of a body on so many lanes at once: the mapped inputs have an axis for them, and so have all outputs.
pub fn on_lanes(
    body: &Graph,
    mapped: usize,
    lanes: usize,
    placement: Option<Arc<Placement>>,
    bodies: &dyn Bodies,
) -> Option<Graph> {
    let mut own = Lanes::new(GraphBuilder::new(), bodies, lanes, placement, false);
    let mut inputs = Vec::with_capacity(body.inputs.len());
    for (index, input) in body.inputs.iter().enumerate() {
        let is_mapped = index < mapped;
        let array_type = if is_mapped { own.raised(&input.array_type) } else { input.array_type.clone() };
        let id = own.builder.input(input.name.clone(), array_type, Default::default());
        inputs.push(if is_mapped { Lifted::Each(id) } else { Lifted::Same(id) });
    }
    let outputs = own.flatten(body, &inputs)?;
    let outputs = outputs.into_iter().zip(&body.outputs).map(|(value, &id)| own.spread(value, body.node(id))).collect();
    own.builder.graph_mut().outputs = outputs;
    Some(own.builder.finish())
}

impl<'a> Lanes<'a> {
    /// Lanes that grow a graph.
    pub fn new(
        builder: GraphBuilder,
        bodies: &'a dyn Bodies,
        lanes: usize,
        placement: Option<Arc<Placement>>,
        is_whole: bool,
    ) -> Lanes<'a> {
        Lanes { builder, bodies, lanes, placement, is_whole, mask: None, changed: HashMap::new() }
    }

    /// The outputs of a body on the lanes, given its inputs; `None` where some node has no form on lanes.
    pub fn flatten(&mut self, body: &Graph, inputs: &[Lifted]) -> Option<Vec<Lifted>> {
        if !body.effects.is_empty() || body.rest.is_some() {
            return None;
        }
        let mut lifted: Vec<Vec<Lifted>> = Vec::with_capacity(body.nodes.len());
        for (node, needed) in body.nodes.iter().zip(body.needed()) {
            let results = match &node.kind {
                NodeKind::Input(index) => vec![inputs[*index as usize]],
                _ if !needed => Vec::new(),
                NodeKind::Part { value, index } => vec![lifted[value.index()][*index as usize]],
                _ => self.node(body, node, &|id| lifted[id.index()][0])?,
            };
            lifted.push(results);
        }
        Some(body.outputs.iter().map(|output| lifted[output.index()][0]).collect())
    }

    /// A value with the axis of lanes, repeated along it where it is the same on every lane.
    pub fn spread(&mut self, value: Lifted, node: &Node) -> NodeId {
        match value {
            Lifted::Each(id) => id,
            Lifted::Same(value) => {
                let own = self.builder.graph().node(value).array_type().clone();
                let axes = (0..own.rank()).map(|axis| SourceAxis::along(axis + 1)).collect();
                let array_type = self.raised(&own);
                self.add(NodeKind::View { value, axes }, array_type, node)
            }
        }
    }

    /// The results of a node that is no input and no part.
    fn node(&mut self, body: &Graph, node: &Node, of: &dyn Fn(NodeId) -> Lifted) -> Option<Vec<Lifted>> {
        let is_same = node.kind.operands().iter().all(|&id| !of(id).is_each());
        if is_same && (self.mask.is_none() || is_total(self.bodies, body, node)) {
            let kind = with_operands(&node.kind, &mut |id| of(id).id());
            let results = self.add_all(kind, node.types.clone(), node);
            return Some(results.into_iter().map(Lifted::Same).collect());
        }
        match &node.kind {
            NodeKind::If { .. } => self.choose(node, of),
            NodeKind::Loop { .. } => self.repeat(node, of),
            NodeKind::Map { .. } => self.map(node, of),
            NodeKind::Apply { .. }
            | NodeKind::Count(_)
            | NodeKind::Positions(_)
            | NodeKind::SliceBounds { .. }
            | NodeKind::Part { .. } => None,
            _ if self.lanes > 1 && elements(&node.array_type().shape) > LONG_BODY => None,
            _ => Some(vec![Lifted::Each(self.each(body, node, of)?)]),
        }
    }

    fn add(&mut self, kind: NodeKind, array_type: ArrayType, like: &Node) -> NodeId {
        let placement = like.placement.clone().or_else(|| self.placement.clone());
        self.builder.add(kind, vec![array_type], like.span, placement)
    }

    /// A node with several results, part by part.
    fn add_all(&mut self, kind: NodeKind, types: Vec<ArrayType>, like: &Node) -> Vec<NodeId> {
        let placement = like.placement.clone().or_else(|| self.placement.clone());
        let value = self.builder.add(kind, types.clone(), like.span, placement);
        if types.len() == 1 {
            return vec![value];
        }
        let part = |(index, array_type)| self.add(NodeKind::Part { value, index: index as u32 }, array_type, like);
        types.into_iter().enumerate().map(part).collect()
    }

    fn constant(&mut self, scalar: Scalar, like: &Node) -> NodeId {
        self.add(NodeKind::Constant(scalar), ArrayType::scalar(scalar.dtype), like)
    }

    fn type_of(&self, id: NodeId) -> &ArrayType {
        self.builder.graph().node(id).array_type()
    }

    /// The type with the axis of lanes in front.
    fn raised(&self, array_type: &ArrayType) -> ArrayType {
        let shape: Vec<usize> = std::iter::once(self.lanes).chain(array_type.shape.iter().copied()).collect();
        ArrayType::new(array_type.dtype, shape)
    }

    /// The shape of a value on one lane.
    fn own_shape(&self, value: Lifted) -> Shape {
        let shape = &self.type_of(value.id()).shape;
        if value.is_each() { shape[1..].to_vec() } else { shape.clone() }
    }

    /// An operand with its own axes at the end and the axis of lanes in front of `rank` axes.
    fn aligned(&mut self, operand: Lifted, rank: usize, like: &Node) -> NodeId {
        let own = self.own_shape(operand);
        let missing = rank - own.len();
        match operand {
            Lifted::Same(id) => id,
            Lifted::Each(id) if missing == 0 => id,
            Lifted::Each(value) => {
                let axes = (0..own.len()).map(|axis| SourceAxis::along(1 + missing + axis));
                let axes = std::iter::once(SourceAxis::along(0)).chain(axes).collect();
                let ones = std::iter::repeat_n(1, missing);
                let shape: Vec<usize> = std::iter::once(self.lanes).chain(ones).chain(own).collect();
                let dtype = self.type_of(value).dtype;
                self.add(NodeKind::View { value, axes }, ArrayType::new(dtype, shape), like)
            }
        }
    }

    /// On each lane one of two values, whose shapes broadcast to a shape of this rank.
    fn select(&mut self, mask: NodeId, then: Lifted, otherwise: Lifted, like: &Node) -> NodeId {
        let own = broadcast(&self.own_shape(then), &self.own_shape(otherwise)).unwrap_or_default();
        let rank = own.len();
        let array_type = self.raised(&ArrayType::new(self.type_of(then.id()).dtype, own));
        let mask = self.aligned(Lifted::Each(mask), rank, like);
        let (then, otherwise) = (self.aligned(then, rank, like), self.aligned(otherwise, rank, like));
        self.add(NodeKind::Select { mask, then, otherwise }, array_type, like)
    }

    /// The lanes of a mask on which a condition holds.
    fn and(&mut self, mask: Option<NodeId>, condition: Lifted, like: &Node) -> NodeId {
        match (mask, condition) {
            (None, Lifted::Each(condition)) => condition,
            (mask, condition) => {
                let none = Lifted::Same(self.constant(Scalar::bool(false), like));
                let mask = mask.unwrap_or_else(|| self.all(like));
                self.select(mask, condition, none, like)
            }
        }
    }

    /// The lanes of a mask on which a condition does not hold.
    fn and_not(&mut self, mask: Option<NodeId>, condition: NodeId, like: &Node) -> NodeId {
        let none = Lifted::Same(self.constant(Scalar::bool(false), like));
        let rest = match mask {
            Some(mask) => Lifted::Each(mask),
            None => Lifted::Same(self.constant(Scalar::bool(true), like)),
        };
        self.select(condition, none, rest, like)
    }

    /// All lanes.
    fn all(&mut self, like: &Node) -> NodeId {
        let yes = self.constant(Scalar::bool(true), like);
        self.spread(Lifted::Same(yes), like)
    }

    /// An operand where the mask is, and something harmless elsewhere.
    fn masked(&mut self, operand: Lifted, harmless: Scalar, like: &Node) -> Lifted {
        let Some(mask) = self.mask else { return operand };
        let harmless = Lifted::Same(self.constant(harmless, like));
        Lifted::Each(self.select(mask, operand, harmless, like))
    }

    /// A node with one result, of which some operand differs from lane to lane, or that may fault.
    fn each(&mut self, body: &Graph, node: &Node, of: &dyn Fn(NodeId) -> Lifted) -> Option<NodeId> {
        let array_type = self.raised(node.array_type());
        let rank = node.array_type().rank();
        let kind = match &node.kind {
            NodeKind::Cast(value) => NodeKind::Cast(of(*value).id()),
            NodeKind::Reshape(value) => NodeKind::Reshape(of(*value).id()),
            NodeKind::View { value, axes } => {
                let raised = axes.iter().map(raised_axis);
                NodeKind::View {
                    value: of(*value).id(),
                    axes: std::iter::once(SourceAxis::along(0)).chain(raised).collect(),
                }
            }
            NodeKind::Reduce { operation, value, axes } => {
                if !is_total(self.bodies, body, node) {
                    return None;
                }
                let value = self.spread(of(*value), node);
                if axes.is_empty() {
                    return Some(self.reduce_one(node, value));
                }
                let axes = axes.iter().map(|axis| axis + 1).collect();
                NodeKind::Reduce { operation: *operation, value, axes }
            }
            NodeKind::Elementwise { operation, operands } => {
                let mut operands: Vec<Lifted> = operands.iter().map(|&operand| of(operand)).collect();
                if self.mask.is_some() && !is_total(self.bodies, body, node) {
                    operands = self.harmless(*operation, operands, node)?;
                }
                let operands = operands.into_iter().map(|operand| self.aligned(operand, rank, node)).collect();
                NodeKind::Elementwise { operation: *operation, operands }
            }
            NodeKind::Select { mask, then, otherwise } => {
                let [mask, then, otherwise] = [*mask, *then, *otherwise].map(|id| self.aligned(of(id), rank, node));
                NodeKind::Select { mask, then, otherwise }
            }
            NodeKind::Stack(values) => {
                let values: Vec<NodeId> = values.iter().map(|&value| self.spread(of(value), node)).collect();
                return Some(self.stack(values, node));
            }
            NodeKind::Gather { value, axes } => {
                let source = of(*value);
                let axes = self.selection(source, axes, node.array_type().rank(), of, node)?;
                NodeKind::Gather { value: source.id(), axes }
            }
            NodeKind::Update { .. } => return self.update(node, of),
            _ => return None,
        };
        Some(self.add(kind, array_type, node))
    }

    /// Operands for which a kernel has an answer where the mask is not.
    fn harmless(&mut self, operation: OperationId, operands: Vec<Lifted>, node: &Node) -> Option<Vec<Lifted>> {
        let Body::Elementwise(row) = self.bodies.body(operation) else { return None };
        let dtypes: Vec<DType> = operands.iter().map(|operand| self.type_of(operand.id()).dtype).collect();
        let ones: Vec<Scalar> = dtypes.iter().map(|dtype| Scalar::i64(1).cast(*dtype)).collect();
        row.kernels.find(&dtypes)?.scalar(&ones).ok()?;
        Some(operands.into_iter().zip(ones).map(|(operand, one)| self.masked(operand, one, node)).collect())
    }

    /// The reduction of a scalar: the scalar, or its index.
    fn reduce_one(&mut self, node: &Node, value: NodeId) -> NodeId {
        let NodeKind::Reduce { operation, .. } = node.kind else { return value };
        let array_type = self.raised(node.array_type());
        match self.bodies.body(operation) {
            Body::Reduction(Reduction::FirstExtreme { .. }) => {
                let zero = self.constant(Scalar::i64(0).cast(array_type.dtype), node);
                self.add(NodeKind::View { value: zero, axes: Vec::new() }, array_type, node)
            }
            _ => value,
        }
    }

    /// `[k, lanes, …]` is what stacking gives; `[lanes, k, …]` is wanted.
    fn stack(&mut self, spread: Vec<NodeId>, node: &Node) -> NodeId {
        let shape = &node.array_type().shape;
        let stacked: Vec<usize> = [shape[0], self.lanes].into_iter().chain(shape[1..].iter().copied()).collect();
        let dtype = node.array_type().dtype;
        let value = self.add(NodeKind::Stack(spread), ArrayType::new(dtype, stacked), node);
        let axes = [1, 0].into_iter().chain(2..=shape.len()).map(SourceAxis::along).collect();
        let array_type = self.raised(node.array_type());
        self.add(NodeKind::View { value, axes }, array_type, node)
    }

    /// The places of a selection of this rank on each lane of a source.
    fn selection(
        &mut self,
        source: Lifted,
        axes: &[IndexAxis],
        rank: usize,
        of: &dyn Fn(NodeId) -> Lifted,
        node: &Node,
    ) -> Option<Vec<IndexAxis>> {
        let lengths = self.own_shape(source);
        let own_lane = IndexAxis { place: SourceAxis::along(0), index: None };
        let mut raised: Vec<IndexAxis> = source.is_each().then_some(own_lane).into_iter().collect();
        for (axis, &length) in axes.iter().zip(&lengths) {
            let place = raised_axis(&axis.place);
            let index = match axis.index {
                None => None,
                Some(index) => {
                    let mut index = of(index);
                    if self.mask.is_some() {
                        let harmless = harmless_index(&axis.place, self.selected(node), length)?;
                        index = self.masked(index, Scalar::i64(harmless), node);
                    }
                    Some(self.aligned(index, rank, node))
                }
            };
            raised.push(IndexAxis { place, index });
        }
        Some(raised)
    }

    /// The shape of the selection that a node makes on one lane.
    fn selected<'b>(&self, node: &'b Node) -> &'b [usize] {
        match &node.kind {
            NodeKind::Update { shape, .. } => shape,
            _ => &node.array_type().shape,
        }
    }

    fn update(&mut self, node: &Node, of: &dyn Fn(NodeId) -> Lifted) -> Option<NodeId> {
        let NodeKind::Update { value, axes, shape, new, operation } = &node.kind else { return None };
        let before = self.spread(of(*value), node);
        let axes = self.selection(Lifted::Each(before), axes, shape.len(), of, node)?;
        let lanes_shape: Shape = std::iter::once(self.lanes).chain(shape.iter().copied()).collect();
        let array_type = self.type_of(before).clone();
        if let (Some(_), Some(operation)) = (self.mask, operation) {
            // An element that the mask leaves out is combined too, and what comes of it is forgotten.
            let Body::Elementwise(row) = self.bodies.body(*operation) else { return None };
            let kernel = row.kernels.find(&[array_type.dtype; 2])?;
            if kernel.fault.is_some() {
                return None;
            }
        }
        let mut new = of(*new);
        if let (Some(mask), None) = (self.mask, operation) {
            let kind = NodeKind::Gather { value: before, axes: axes.clone() };
            let old = self.add(kind, ArrayType::new(array_type.dtype, lanes_shape.clone()), node);
            new = Lifted::Each(self.select(mask, new, Lifted::Each(old), node));
        }
        let new = self.aligned(new, shape.len(), node);
        let kind = NodeKind::Update { value: before, axes, shape: lanes_shape, new, operation: *operation };
        let after = self.add(kind, array_type, node);
        match (self.mask, operation) {
            (None, _) => Some(after),
            (Some(_), None) => {
                self.changed.insert(after, before);
                Some(after)
            }
            (Some(mask), Some(_)) => Some(self.select(mask, Lifted::Each(after), Lifted::Each(before), node)),
        }
    }

    /// Whether a value differs from another only on the lanes of masks that came up after `start`.
    fn is_change_of(&self, value: Lifted, other: Lifted, start: usize) -> bool {
        let (Lifted::Each(mut value), Lifted::Each(other)) = (value, other) else { return false };
        while value != other && value.index() >= start {
            match self.changed.get(&value) {
                Some(&before) => value = before,
                None => return false,
            }
        }
        value == other
    }

    /// How many nodes there are.
    fn count(&self) -> usize {
        self.builder.graph().nodes.len()
    }

    fn choose(&mut self, node: &Node, of: &dyn Fn(NodeId) -> Lifted) -> Option<Vec<Lifted>> {
        let NodeKind::If { condition, then, otherwise, captured } = &node.kind else { return None };
        let captured: Vec<Lifted> = captured.iter().map(|&id| of(id)).collect();
        let condition = match of(*condition) {
            Lifted::Each(condition) => condition,
            Lifted::Same(condition) => return self.choose_for_all(node, condition, [then, otherwise], &captured),
        };
        let (outer, start) = (self.mask, self.count());
        self.mask = Some(self.and(outer, Lifted::Each(condition), node));
        let thens = self.flatten(then, &captured)?;
        self.mask = Some(self.and_not(outer, condition, node));
        let others = self.flatten(otherwise, &captured)?;
        self.mask = outer;
        let mut results = Vec::with_capacity(thens.len());
        for (then, otherwise) in thens.into_iter().zip(others) {
            results.push(match (then, otherwise) {
                (Lifted::Same(one), Lifted::Same(other)) if one == other => then,
                _ if self.is_change_of(then, otherwise, start) => then,
                _ if self.is_change_of(otherwise, then, start) => otherwise,
                _ => Lifted::Each(self.select(condition, then, otherwise, node)),
            });
        }
        Some(results)
    }

    /// One of two bodies for all lanes.
    fn choose_for_all(
        &mut self,
        node: &Node,
        condition: NodeId,
        sides: [&Arc<Graph>; 2],
        captured: &[Lifted],
    ) -> Option<Vec<Lifted>> {
        let mut flat = Vec::new();
        for side in sides {
            let mut inner = self.inner();
            let inputs: Vec<Lifted> = captured.iter().map(|&value| inner.input(self, value)).collect();
            inner.mask = self.mask.map(|mask| inner.input(self, Lifted::Each(mask)).id());
            let outputs = inner.flatten(side, &inputs)?;
            flat.push((inner, outputs));
        }
        let each: Vec<bool> =
            (0..node.types.len()).map(|index| flat.iter().any(|(_, outputs)| outputs[index].is_each())).collect();
        let mut bodies = flat.into_iter().map(|(mut inner, outputs)| {
            let outputs = outputs.into_iter().zip(&each).map(|(output, each)| match each {
                true => inner.spread(output, node),
                false => output.id(),
            });
            inner.builder.graph_mut().outputs = outputs.collect();
            Arc::new(inner.builder.finish())
        });
        let (then, otherwise) = (bodies.next()?, bodies.next()?);
        let captured = captured.iter().map(|value| value.id()).chain(self.mask).collect();
        let types = self.types(&node.types, &each);
        let results = self.add_all(NodeKind::If { condition, then, otherwise, captured }, types, node);
        Some(marked(results, &each))
    }

    /// Lanes for the graph of a body, as many as here.
    fn inner(&self) -> Lanes<'a> {
        Lanes::new(GraphBuilder::new(), self.bodies, self.lanes, self.placement.clone(), false)
    }

    /// An input for a value of the graph around.
    fn input(&mut self, outer: &Lanes, value: Lifted) -> Lifted {
        let array_type = outer.type_of(value.id()).clone();
        self.input_of(array_type, value.is_each())
    }

    fn input_of(&mut self, array_type: ArrayType, is_each: bool) -> Lifted {
        let name = format!("x{}", self.builder.graph().inputs.len());
        let id = self.builder.input(name.into(), array_type, Default::default());
        if is_each { Lifted::Each(id) } else { Lifted::Same(id) }
    }

    /// The types of results, with the axis of lanes where there is one.
    fn types(&self, types: &[ArrayType], each: &[bool]) -> Vec<ArrayType> {
        types.iter().zip(each).map(|(own, each)| if *each { self.raised(own) } else { own.clone() }).collect()
    }

    fn repeat(&mut self, node: &Node, of: &dyn Fn(NodeId) -> Lifted) -> Option<Vec<Lifted>> {
        let NodeKind::Loop { condition, body, stops, mapped, carried, captured } = &node.kind else { return None };
        let lifted = |ids: &[NodeId]| ids.iter().map(|&id| of(id)).collect::<Vec<_>>();
        let parts = LoopParts {
            condition: condition.as_deref(),
            body,
            stops: *stops,
            mapped: lifted(mapped),
            carried: lifted(carried),
            captured: lifted(captured),
        };
        // What is carried differs from lane to lane if it does so after any turn; it takes a turn for each to find out.
        let mut each: Vec<bool> = parts.carried.iter().map(|value| value.is_each()).collect();
        let mut goes_apart = self.mask.is_some() && parts.condition.is_some();
        while !goes_apart {
            match self.repeat_for_all(&parts, &each, node)? {
                Attempt::Done(results) => return Some(results),
                Attempt::More(more) => each = more,
                Attempt::Apart => goes_apart = true,
            }
        }
        self.repeat_apart(&parts, node)
    }

    /// What a loop walks along, as a node whose first axis is that of the turns.
    fn walked(&mut self, value: Lifted, node: &Node) -> NodeId {
        match value {
            Lifted::Same(id) => id,
            Lifted::Each(value) => {
                let mut array_type = self.type_of(value).clone();
                array_type.shape.swap(0, 1);
                let axes = [1, 0].into_iter().chain(2..array_type.rank()).map(SourceAxis::along).collect();
                self.add(NodeKind::View { value, axes }, array_type, node)
            }
        }
    }

    /// The inputs that a turn of a loop has for what is walked along.
    fn walked_inputs(&mut self, outer: &Lanes, mapped: &[Lifted]) -> Vec<Lifted> {
        let one = |value: &Lifted| {
            let mut array_type = outer.type_of(value.id()).clone();
            array_type.shape.remove(if value.is_each() { 1 } else { 0 });
            self.input_of(array_type, value.is_each())
        };
        mapped.iter().map(one).collect()
    }

    /// A loop whose turns are the same on all lanes.
    fn repeat_for_all(&mut self, parts: &LoopParts, each: &[bool], node: &Node) -> Option<Attempt> {
        let types = self.types(&node.types, each);
        let condition = match parts.condition {
            None => None,
            Some(condition) => {
                let mut inner = self.inner();
                let mut inputs: Vec<Lifted> =
                    types.iter().zip(each).map(|(own, each)| inner.input_of(own.clone(), *each)).collect();
                inputs.extend(parts.captured.iter().map(|&value| inner.input(self, value)));
                let holds = inner.flatten(condition, &inputs)?[0];
                if holds.is_each() {
                    return Some(Attempt::Apart);
                }
                inner.builder.graph_mut().outputs = vec![holds.id()];
                Some(Arc::new(inner.builder.finish()))
            }
        };
        let mut inner = self.inner();
        let mut inputs = inner.walked_inputs(self, &parts.mapped);
        inputs.extend(types.iter().zip(each).map(|(own, each)| inner.input_of(own.clone(), *each)));
        inputs.extend(parts.captured.iter().map(|&value| inner.input(self, value)));
        inner.mask = self.mask.map(|mask| inner.input(self, Lifted::Each(mask)).id());
        let mut outputs = inner.flatten(parts.body, &inputs)?;
        let stop = if parts.stops { outputs.pop() } else { None };
        if stop.is_some_and(Lifted::is_each) {
            return Some(Attempt::Apart);
        }
        let more: Vec<bool> = outputs.iter().zip(each).map(|(output, each)| *each || output.is_each()).collect();
        if more != each {
            return Some(Attempt::More(more));
        }
        let kept = outputs.into_iter().zip(each).map(|(output, each)| match each {
            true => inner.spread(output, node),
            false => output.id(),
        });
        let mut kept: Vec<NodeId> = kept.collect();
        kept.extend(stop.map(Lifted::id));
        inner.builder.graph_mut().outputs = kept;
        let body = Arc::new(inner.builder.finish());
        let carried = parts.carried.iter().zip(each).map(|(&value, each)| match each {
            true => self.spread(value, node),
            false => value.id(),
        });
        let carried = carried.collect();
        let kind = NodeKind::Loop {
            condition,
            body,
            stops: parts.stops,
            mapped: parts.mapped.iter().map(|&value| self.walked(value, node)).collect(),
            carried,
            captured: parts.captured.iter().map(|value| value.id()).chain(self.mask).collect(),
        };
        let results = self.add_all(kind, types, node);
        Some(Attempt::Done(marked(results, each)))
    }

    /// A loop that each lane leaves by itself: it goes on while any lane is active.
    fn repeat_apart(&mut self, parts: &LoopParts, node: &Node) -> Option<Vec<Lifted>> {
        let each = vec![true; parts.carried.len()];
        let mut types = self.types(&node.types, &each);
        let lanes = ArrayType::new(DType::Bool, vec![self.lanes]);
        let mut inner = self.inner();
        let walked = inner.walked_inputs(self, &parts.mapped);
        let carried: Vec<Lifted> = types.iter().map(|own| inner.input_of(own.clone(), true)).collect();
        let active = inner.input_of(lanes.clone(), true).id();
        let captured: Vec<Lifted> = parts.captured.iter().map(|&value| inner.input(self, value)).collect();
        inner.mask = Some(active);
        let live = match parts.condition {
            None => active,
            Some(condition) => {
                let holds = inner.flatten(condition, &[carried.clone(), captured.clone()].concat())?[0];
                inner.and(Some(active), holds, node)
            }
        };
        inner.mask = Some(live);
        let start = inner.count();
        let mut outputs = inner.flatten(parts.body, &[walked, carried.clone(), captured].concat())?;
        let still = match if parts.stops { outputs.pop() } else { None } {
            None => live,
            Some(stop) => {
                let stop = inner.spread(stop, node);
                inner.and_not(Some(live), stop, node)
            }
        };
        let kept = outputs.into_iter().zip(&carried).map(|(output, &before)| {
            if inner.is_change_of(output, before, start) {
                output.id()
            } else {
                inner.select(live, output, before, node)
            }
        });
        let mut kept: Vec<NodeId> = kept.collect();
        kept.push(still);
        inner.builder.graph_mut().outputs = kept;
        let body = Arc::new(inner.builder.finish());

        types.push(lanes);
        let mut any = self.inner();
        let inputs: Vec<Lifted> = types.iter().map(|own| any.input_of(own.clone(), true)).collect();
        parts.captured.iter().for_each(|&value| {
            any.input(self, value);
        });
        let count = NodeKind::Count(inputs[inputs.len() - 1].id());
        let count = any.add(count, ArrayType::scalar(DType::I64), node);
        let any_active = any.add(NodeKind::Cast(count), ArrayType::scalar(DType::Bool), node);
        any.builder.graph_mut().outputs = vec![any_active];

        let mut carried: Vec<NodeId> = parts.carried.iter().map(|&value| self.spread(value, node)).collect();
        carried.push(self.mask.unwrap_or_else(|| self.all(node)));
        let kind = NodeKind::Loop {
            condition: Some(Arc::new(any.builder.finish())),
            body,
            stops: false,
            mapped: parts.mapped.iter().map(|&value| self.walked(value, node)).collect(),
            carried,
            captured: parts.captured.iter().map(|value| value.id()).collect(),
        };
        let mut results = self.add_all(kind, types, node);
        results.pop();
        Some(results.into_iter().map(Lifted::Each).collect())
    }

    /// A map inside: its turns on all lanes are lanes again.
    fn map(&mut self, node: &Node, of: &dyn Fn(NodeId) -> Lifted) -> Option<Vec<Lifted>> {
        let NodeKind::Map { body, mapped, captured } = &node.kind else { return None };
        let turns = self.own_shape(of(mapped[0]))[0];
        let is_small = |value: Lifted| !value.is_each() || elements(&self.own_shape(value)) <= MOST_REPEATED;
        if turns == 0 || !captured.iter().all(|&id| is_small(of(id))) {
            return None;
        }
        let lanes = self.lanes.checked_mul(turns)?;
        let mut wide: Vec<Lifted> = Vec::new();
        for &id in mapped {
            let spread = self.spread(of(id), node);
            wide.push(Lifted::Each(self.joined(spread, node)));
        }
        for &id in captured {
            let value = match of(id) {
                Lifted::Same(id) => Lifted::Same(id),
                Lifted::Each(id) => Lifted::Each(self.repeated(id, turns, node)),
            };
            wide.push(value);
        }
        let results = if self.is_whole && self.mask.is_none() {
            self.longer_map(body, &wide, lanes, node)
        } else {
            if lanes > MOST_LANES {
                return None;
            }
            let (own, outer) = (self.lanes, self.mask);
            self.mask = outer.map(|mask| self.repeated(mask, turns, node));
            self.lanes = lanes;
            let outputs = self.flatten(body, &wide)?;
            let results = outputs.into_iter().map(|output| self.spread(output, node)).collect();
            (self.lanes, self.mask) = (own, outer);
            results
        };
        let types: Vec<ArrayType> = node.types.iter().map(|own| self.raised(own)).collect();
        let split = results.into_iter().zip(types);
        Some(split.map(|(value, own)| Lifted::Each(self.add(NodeKind::Reshape(value), own, node))).collect())
    }

    /// A map over all turns of a map inside on all lanes.
    fn longer_map(&mut self, body: &Graph, inputs: &[Lifted], turns: usize, node: &Node) -> Vec<NodeId> {
        let order: Vec<usize> = (0..inputs.len())
            .filter(|&input| inputs[input].is_each())
            .chain((0..inputs.len()).filter(|&input| !inputs[input].is_each()))
            .collect();
        let mut body = body.clone();
        body.inputs = order.iter().map(|&input| body.inputs[input].clone()).collect();
        for node in &mut body.nodes {
            if let NodeKind::Input(input) = &mut node.kind {
                let place = order.iter().position(|&old| old == *input as usize);
                *input = place.unwrap_or_default() as u32;
            }
        }
        let ids =
            |is_each: bool| order.iter().map(|&input| inputs[input]).filter(move |value| value.is_each() == is_each);
        let kind = NodeKind::Map {
            mapped: ids(true).map(Lifted::id).collect(),
            captured: ids(false).map(Lifted::id).collect(),
            body: Arc::new(body),
        };
        let raised = |own: &ArrayType| {
            let shape: Shape = std::iter::once(turns).chain(own.shape[1..].iter().copied()).collect();
            ArrayType::new(own.dtype, shape)
        };
        let types = node.types.iter().map(raised).collect();
        self.add_all(kind, types, node)
    }

    /// `[lanes, turns, …]` as `[lanes * turns, …]`.
    fn joined(&mut self, value: NodeId, node: &Node) -> NodeId {
        let own = self.type_of(value).clone();
        let shape: Shape = std::iter::once(own.shape[0] * own.shape[1]).chain(own.shape[2..].iter().copied()).collect();
        self.add(NodeKind::Reshape(value), ArrayType::new(own.dtype, shape), node)
    }

    /// `[lanes, …]` as `[lanes * turns, …]`: the same in every turn.
    fn repeated(&mut self, value: NodeId, turns: usize, node: &Node) -> NodeId {
        let own = self.type_of(value).clone();
        let axes = std::iter::once(0).chain(2..=own.rank()).map(SourceAxis::along).collect();
        let shape: Shape = [own.shape[0], turns].into_iter().chain(own.shape[1..].iter().copied()).collect();
        let wide = self.add(NodeKind::View { value, axes }, ArrayType::new(own.dtype, shape), node);
        self.joined(wide, node)
    }
}

/// A loop's parts, as they are on the lanes.
struct LoopParts<'a> {
    condition: Option<&'a Graph>,
    body: &'a Graph,
    stops: bool,
    mapped: Vec<Lifted>,
    carried: Vec<Lifted>,
    captured: Vec<Lifted>,
}

/// What came of putting a loop on lanes whose turns are the same everywhere.
enum Attempt {
    /// Its results.
    Done(Vec<Lifted>),
    /// More of what is carried differs from lane to lane.
    More(Vec<bool>),
    /// Each lane has turns of its own.
    Apart,
}

fn marked(results: Vec<NodeId>, each: &[bool]) -> Vec<Lifted> {
    let mark = |(id, each): (NodeId, &bool)| if *each { Lifted::Each(id) } else { Lifted::Same(id) };
    results.into_iter().zip(each).map(mark).collect()
}

/// A source axis of a view or a selection with one axis more in front.
fn raised_axis(axis: &SourceAxis) -> SourceAxis {
    SourceAxis { axis: axis.axis.map(|axis| axis + 1), ..*axis }
}

/// An index that is in bounds whatever the step along the selection, if there is one.
fn harmless_index(place: &SourceAxis, shape: &[usize], length: usize) -> Option<i64> {
    let steps = place.axis.map_or(0, |axis| shape[axis].saturating_sub(1)) as i64 * place.step as i64;
    (steps.unsigned_abs() < length as u64).then(|| -(place.start as i64) - steps.min(0))
}

/// Whether a node has an answer whatever its operands are, and in the end.
pub fn is_total(bodies: &dyn Bodies, graph: &Graph, node: &Node) -> bool {
    match &node.kind {
        NodeKind::Elementwise { operation, operands } => {
            let dtypes: Vec<DType> = operands.iter().map(|&id| graph.node(id).array_type().dtype).collect();
            match bodies.body(*operation) {
                Body::Elementwise(row) => row.kernels.find(&dtypes).is_some_and(|kernel| kernel.fault.is_none()),
                _ => false,
            }
        }
        NodeKind::Gather { axes, .. } => axes.iter().all(|axis| axis.index.is_none()),
        NodeKind::Update { axes, operation, .. } => operation.is_none() && axes.iter().all(|axis| axis.index.is_none()),
        NodeKind::Reduce { operation, value, .. } => {
            let source = graph.node(*value).array_type();
            match bodies.body(*operation) {
                Body::Reduction(Reduction::Fold { identity, .. }) => {
                    elements(&source.shape) > 0 || identity(source.dtype).is_some()
                }
                Body::Reduction(Reduction::FirstExtreme { .. }) => elements(&source.shape) > 0,
                _ => false,
            }
        }
        NodeKind::Apply { .. } => false,
        NodeKind::Loop { condition: Some(_), .. } => false,
        kind => kind.bodies().into_iter().all(|body| {
            let needed = body.needed();
            body.effects.is_empty()
                && body.rest.is_none()
                && body.nodes.iter().zip(needed).all(|(node, needed)| !needed || is_total(bodies, body, node))
        }),
    }
}
