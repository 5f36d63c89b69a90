//! What must hold after every pass; checked in debug builds.

use super::region::elements as count;
use super::{Draft, Work};
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::{Graph, IndexAxis, NodeId, NodeKind};
use thalweg_lang::types::{ArrayType, broadcast};

/// Checks a draft; the error says what is wrong.
pub fn verify(draft: &Draft) -> Result<(), String> {
    graph(draft)?;
    groups(draft)?;
    steps(draft)
}

/// Operands come before their users, and types fit kinds.
fn graph(draft: &Draft) -> Result<(), String> {
    for (index, node) in draft.graph.nodes.iter().enumerate() {
        let id = NodeId(index as u32);
        if let Some(operand) = node.kind.operands().into_iter().find(|operand| *operand >= id) {
            return Err(format!("{id:?} reads {operand:?}, which comes later"));
        }
        let shape_of = |id: NodeId| &draft.graph.node(id).array_type().shape;
        let dtype_of = |id: NodeId| draft.graph.node(id).array_type().dtype;
        let type_of = |id: NodeId| draft.graph.node(id).array_type();
        let Some(own) = node.types.first() else { continue };
        let fits = match &node.kind {
            NodeKind::Constant(scalar) => own.shape.is_empty() && own.dtype == scalar.dtype,
            NodeKind::Literal(elements) => elements.len() == count(&own.shape),
            NodeKind::Input(input) => {
                draft.graph.inputs.get(*input as usize).is_some_and(|input| input.array_type == *own)
            }
            NodeKind::Iota => own.rank() == 1 && own.dtype == DType::I64,
            NodeKind::Cast(value) => *shape_of(*value) == own.shape,
            NodeKind::View { value, axes } => {
                axes.len() == shape_of(*value).len()
                    && dtype_of(*value) == own.dtype
                    && axes.iter().all(|axis| axis.axis.is_none_or(|axis| axis < own.rank()))
                    && (count(&own.shape) == 0
                        || axes.iter().zip(shape_of(*value)).all(|(axis, length)| {
                            let steps = axis.axis.map_or(0, |axis| own.shape[axis] - 1) as isize;
                            let last = axis.start as isize + axis.step * steps;
                            axis.start < *length && last >= 0 && last < *length as isize
                        }))
            }
            NodeKind::Reshape(value) => count(shape_of(*value)) == count(&own.shape) && dtype_of(*value) == own.dtype,
            NodeKind::Stack(values) => {
                own.shape.first() == Some(&values.len())
                    && values.iter().all(|value| *shape_of(*value) == own.shape[1..] && dtype_of(*value) == own.dtype)
            }
            NodeKind::Elementwise { operands, .. } => {
                operands.iter().all(|operand| broadcast(shape_of(*operand), &own.shape) == Ok(own.shape.clone()))
            }
            NodeKind::Select { mask, then, otherwise } => {
                let fits = |operand: NodeId| broadcast(shape_of(operand), &own.shape) == Ok(own.shape.clone());
                dtype_of(*mask) == DType::Bool
                    && [*then, *otherwise].iter().all(|value| dtype_of(*value) == own.dtype)
                    && [*mask, *then, *otherwise].into_iter().all(fits)
            }
            NodeKind::Reduce { value, axes, .. } => {
                let source = shape_of(*value);
                let kept = (0..source.len()).filter(|axis| !axes.contains(axis)).map(|axis| source[axis]);
                axes.is_sorted_by(|a, b| a < b) && kept.eq(own.shape.iter().copied())
            }
            NodeKind::Gather { value, axes } => {
                dtype_of(*value) == own.dtype && is_selection(axes, shape_of(*value), &own.shape, &type_of)
            }
            NodeKind::Update { value, axes, shape, new, .. } => {
                type_of(*value) == own
                    && dtype_of(*new) == own.dtype
                    && broadcast(shape_of(*new), shape) == Ok(shape.clone())
                    && is_selection(axes, shape_of(*value), shape, &type_of)
            }
            NodeKind::Count(value) => dtype_of(*value) == DType::Bool && *own == ArrayType::scalar(DType::I64),
            NodeKind::Positions(value) => dtype_of(*value) == DType::Bool && own.dtype == DType::I64 && own.rank() == 1,
            NodeKind::SliceBounds { start, stop, step, .. } => {
                let scalar = ArrayType::scalar(DType::I64);
                *step != 0
                    && node.types.len() == 2
                    && node.types.iter().all(|array_type| *array_type == scalar)
                    && start.iter().chain(stop).all(|&bound| *type_of(bound) == scalar)
            }
            NodeKind::Map { body, mapped, captured } => {
                let turns = mapped.first().and_then(|&id| shape_of(id).first().copied());
                let element = |&id: &NodeId| ArrayType::new(dtype_of(id), shape_of(id).get(1..).unwrap_or_default());
                let elements: Vec<ArrayType> = mapped.iter().map(element).collect();
                let seen: Vec<&ArrayType> = elements.iter().chain(captured.iter().map(|&id| type_of(id))).collect();
                let one =
                    |stacked: &ArrayType| ArrayType::new(stacked.dtype, stacked.shape.get(1..).unwrap_or_default());
                let given: Vec<ArrayType> = node.types.iter().map(one).collect();
                mapped.iter().all(|&id| shape_of(id).first().copied() == turns)
                    && node.types.iter().all(|stacked| stacked.shape.first().copied() == turns)
                    && is_body(body, &seen)
                    && gives(body, &given)
            }
            NodeKind::If { condition, then, otherwise, captured } => {
                let captured: Vec<&ArrayType> = captured.iter().map(|&id| type_of(id)).collect();
                *type_of(*condition) == ArrayType::scalar(DType::Bool)
                    && [then, otherwise].into_iter().all(|body| is_body(body, &captured) && gives(body, &node.types))
            }
            NodeKind::Loop { condition, body, stops, mapped, carried, captured } => {
                let element = |&id: &NodeId| ArrayType::new(dtype_of(id), shape_of(id).get(1..).unwrap_or_default());
                let elements: Vec<ArrayType> = mapped.iter().map(element).collect();
                let kept: Vec<&ArrayType> = carried.iter().chain(captured).map(|&id| type_of(id)).collect();
                let seen: Vec<&ArrayType> = elements.iter().chain(kept.iter().copied()).collect();
                let mut given: Vec<ArrayType> = node.types.clone();
                given.extend(stops.then(|| ArrayType::scalar(DType::Bool)));
                mapped.windows(2).all(|pair| shape_of(pair[0])[0] == shape_of(pair[1])[0])
                    && (condition.is_some() || !mapped.is_empty())
                    && carried.iter().map(|&id| type_of(id)).eq(&node.types)
                    && is_body(body, &seen)
                    && gives(body, &given)
                    && condition.as_ref().is_none_or(|condition| {
                        is_body(condition, &kept) && gives(condition, &[ArrayType::scalar(DType::Bool)])
                    })
            }
            _ => true,
        };
        if !fits {
            return Err(format!("{id:?} ({:?}) is not {own}", node.kind));
        }
    }
    Ok(())
}

/// Whether places and indices select elements of an array of shape `source` in this shape.
fn is_selection<'a>(
    axes: &[IndexAxis],
    source: &[usize],
    shape: &[usize],
    type_of: &dyn Fn(NodeId) -> &'a ArrayType,
) -> bool {
    axes.len() == source.len()
        && axes.iter().zip(source).all(|(axis, &length)| {
            let place = axis.place;
            if place.axis.is_some_and(|own| own >= shape.len()) {
                return false;
            }
            let steps = place.axis.map_or(0, |own| shape[own] as isize - 1);
            let last = place.start as isize + place.step * steps;
            match axis.index {
                Some(index) => {
                    let index = type_of(index);
                    index.dtype == DType::I64 && broadcast(&index.shape, shape) == Ok(shape.to_vec())
                }
                None => steps < 0 || (place.start < length && last >= 0 && last < length as isize),
            }
        })
}

/// Whether a body's inputs are of these types.
fn is_body(body: &Graph, types: &[&ArrayType]) -> bool {
    body.inputs.iter().map(|input| &input.array_type).eq(types.iter().copied())
}

/// Whether a body's outputs are of these types; what follows a body whose sizes are not known yet is known to nobody here.
fn gives(body: &Graph, types: &[ArrayType]) -> bool {
    body.rest.is_some() || body.outputs.iter().map(|&output| body.node(output).array_type()).eq(types)
}

/// Every node is in the group that says so, and in one only.
fn groups(draft: &Draft) -> Result<(), String> {
    let mut seen = vec![false; draft.graph.nodes.len()];
    for (index, group) in draft.groups.iter().enumerate() {
        for member in &group.members {
            if std::mem::replace(&mut seen[member.index()], true) || draft.group_of[member.index()] != Some(index) {
                return Err(format!("{member:?} is not only in group {index}"));
            }
            let node = draft.graph.node(*member);
            let shape = match node.kind {
                NodeKind::Reduce { value, .. } => &draft.graph.node(value).array_type().shape,
                _ => &node.array_type().shape,
            };
            if *shape != group.shape || node.placement != group.placement {
                return Err(format!("{member:?} does not fit into group {index}"));
            }
        }
    }
    match (0..draft.group_of.len()).find(|&index| draft.group_of[index].is_some() && !seen[index]) {
        Some(index) => Err(format!("node {index} was lost from its group")),
        None => Ok(()),
    }
}

/// Every value is made once, before it is read and before it is dropped, and the outputs live to the end.
fn steps(draft: &Draft) -> Result<(), String> {
    if draft.values.is_empty() {
        return Ok(());
    }
    let bases = draft.bases();
    let mut lives = vec![false; draft.values.len()];
    for (index, node) in draft.graph.nodes.iter().enumerate() {
        if matches!(node.kind, NodeKind::Input(_)) {
            lives[bases[index]] = true;
        }
    }
    for (index, step) in draft.steps.iter().enumerate() {
        if let Some(value) = step.reads().into_iter().find(|value| !lives[*value]) {
            return Err(format!("step {index} reads value {value}, which is not there"));
        }
        for value in step.makes() {
            if std::mem::replace(&mut lives[value], true) {
                return Err(format!("step {index} makes value {value} again"));
            }
        }
        if let Work::Region(region) = &step.work {
            let registers = region.leaves.len();
            for (at, instruction) in region.instructions.iter().enumerate() {
                if instruction.operands.iter().any(|operand| *operand >= registers + at) {
                    return Err(format!("step {index}, instruction {at} reads a later register"));
                }
            }
        }
        for value in &step.drops {
            if !std::mem::replace(&mut lives[*value], false) {
                return Err(format!("step {index} drops value {value}, which is not there"));
            }
        }
    }
    match draft.graph.outputs.iter().find(|id| draft.refusal.is_none() && !lives[draft.value_of(&bases, **id)]) {
        Some(id) => Err(format!("the output {id:?} is not there at the end")),
        None => Ok(()),
    }
}
