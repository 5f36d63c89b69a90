//! A group of nodes becomes a region: leaves, instructions over registers, stores and ends.

use super::counter::Counter;
use super::fuse::resolve;
use super::region::{
    Code, End, Idle, Instruction, Leaf, Reducer, Region, Register, Site, Source, Store, ValueId, elements,
};
use super::{Combine, Draft, Group};
use crate::kernel::record::is_identity;
use crate::kernel::{Kernel, Kernels, Level, cast};
use crate::machine::MachineCode;
use crate::operation::Reduction;
use std::collections::HashMap;
use std::sync::Arc;
use thalweg_lang::graph::{NodeId, NodeKind, OperationId};
use thalweg_lang::types::ArrayType;

/// The region of a group; `stored` tells which nodes' values something outside of their group reads.
pub fn region(draft: &mut Draft, group: usize, bases: &[ValueId], stored: &[bool]) -> Region {
    let Group { members, shape, reduced, site, .. } = draft.groups[group].clone();
    let mut builder = Builder { draft, bases, group: Some(group), leaves: Vec::new(), shape: shape.clone() };
    // Leaves come first in the numbering, so they are collected before the instructions.
    let operands: Vec<Vec<Operand>> = members.iter().map(|&member| builder.operands(member)).collect();
    let leaves = std::mem::take(&mut builder.leaves);
    let mut registers: HashMap<NodeId, Register> = HashMap::new();
    let mut region = empty(shape, reduced.unwrap_or_default(), site);
    region.machine_code = draft.settings.machine_code;
    region.leaves = leaves;
    if reads_along_a_kept_axis(&region) {
        let kept = (0..region.shape.len()).filter(|axis| !region.reduced.contains(axis));
        region.order = region.reduced.iter().copied().chain(kept).collect();
    }
    for (&member, operands) in members.iter().zip(operands) {
        let operands: Vec<Register> = operands
            .into_iter()
            .map(|operand| match operand {
                Operand::Leaf(index) => index,
                Operand::Node(id) => registers[&id],
            })
            .collect();
        let value = draft.value_of(bases, member);
        if let NodeKind::Reduce { operation, .. } = draft.graph.node(member).kind {
            if let Some(how) = reducer(draft, operation, region.dtype(operands[0]), member) {
                let node = draft.graph.node(member);
                let array_type = node.array_type().clone();
                region.ends.push(End { register: operands[0], operation, how, value, array_type, span: node.span });
            }
            continue;
        }
        let instruction = instruction(draft, &region, member, operands);
        if !stored[member.index()]
            && let Some(same) = same(&region, &instruction)
        {
            registers.insert(member, same);
            continue;
        }
        let register = region.leaves.len() + region.instructions.len();
        region.instructions.push(instruction);
        registers.insert(member, register);
        if stored[member.index()] {
            let span = draft.graph.node(member).span;
            region.stores.push(Store { register, value, span, reuse: None, within: None });
        }
    }
    assign_buffers(&mut region);
    region
}

/// The region that stores what a counter counts.
pub fn iota(draft: &Draft, id: NodeId, value: ValueId) -> Region {
    let node = draft.graph.node(id);
    let site = Site { threads: 1, is_light: false, reason: "counting".to_owned() };
    let mut region = empty(node.array_type().shape.clone(), Vec::new(), site);
    region.leaves.push(Leaf { source: Source::Counter(Counter::iota()), dtype: node.array_type().dtype });
    region.stores.push(Store { register: 0, value, span: node.span, reuse: None, within: None });
    region
}

fn empty(shape: Vec<usize>, reduced: Vec<usize>, site: Site) -> Region {
    let first_inner = reduced.last().map_or(shape.len(), |&last| last + 1);
    let outer = (0..first_inner).filter(|axis| !reduced.contains(axis));
    let order = outer.chain(reduced.iter().copied()).chain(first_inner..shape.len()).collect();
    Region {
        shape,
        reduced,
        order,
        leaves: Vec::new(),
        instructions: Vec::new(),
        stores: Vec::new(),
        ends: Vec::new(),
        buffers: 0,
        site,
        machine_code: MachineCode::Off,
        code: Arc::default(),
        idle: Idle::default(),
    }
}

/// Whether the largest arrays that a reduction reads have neighbours along an axis that it keeps and that would be slower than the
/// reduced ones. The order in which elements are combined does not depend on this.
fn reads_along_a_kept_axis(region: &Region) -> bool {
    let Some(&last) = region.reduced.last() else { return false };
    let fastest = |leaf: &Leaf| match &leaf.source {
        Source::Array { axes, .. } => {
            let own: Vec<usize> = axes.iter().filter_map(|axis| axis.axis).collect();
            let size: usize = own.iter().map(|&axis| region.shape[axis]).product();
            own.last().map(|&axis| (size, axis))
        }
        _ => None,
    };
    let leaves: Vec<(usize, usize)> = region.leaves.iter().filter_map(fastest).collect();
    let largest = leaves.iter().map(|&(size, _)| size).max();
    let mut of_largest = leaves.iter().filter(|&&(size, _)| Some(size) == largest).peekable();
    of_largest.peek().is_some() && of_largest.all(|&(_, axis)| axis < last && !region.reduced.contains(&axis))
}

/// Where an operand comes from.
enum Operand {
    Leaf(usize),
    Node(NodeId),
}

struct Builder<'a, 'b> {
    draft: &'a Draft<'b>,
    bases: &'a [ValueId],
    group: Option<usize>,
    shape: Vec<usize>,
    leaves: Vec<Leaf>,
}

impl Builder<'_, '_> {
    fn operands(&mut self, member: NodeId) -> Vec<Operand> {
        self.draft.graph.node(member).kind.operands().into_iter().map(|id| self.operand(id)).collect()
    }

    fn operand(&mut self, id: NodeId) -> Operand {
        let node = self.draft.graph.node(id);
        if self.draft.group_of[id.index()] == self.group && !matches!(node.kind, NodeKind::Reduce { .. }) {
            return Operand::Node(id);
        }
        let (root, axes) = resolve(self.draft, id, &self.shape);
        let node = self.draft.graph.node(root);
        let source = match (&node.kind, Counter::of(&self.draft.graph, root)) {
            (NodeKind::Constant(scalar), _) => Source::Scalar(*scalar),
            (_, Some(counter)) => Source::Counter(counter.viewed(&axes, self.shape.len())),
            _ => Source::Array { value: self.draft.value_of(self.bases, root), axes },
        };
        let leaf = Leaf { source, dtype: node.array_type().dtype };
        let known = self.leaves.iter().position(|other| *other == leaf);
        Operand::Leaf(known.unwrap_or_else(|| {
            self.leaves.push(leaf);
            self.leaves.len() - 1
        }))
    }
}

/// The instruction of an elementwise node, a cast or a selection.
fn instruction(draft: &mut Draft, region: &Region, member: NodeId, operands: Vec<Register>) -> Instruction {
    // A single element is computed by the code that has no vectors to fill.
    let level = if elements(&region.shape) == 1 { Level::Scalar } else { draft.settings.level };
    let node = draft.graph.node(member);
    let (dtype, span) = (node.array_type().dtype, node.span);
    let dtypes: Vec<_> = operands.iter().map(|&register| region.dtype(register)).collect();
    let (code, kernel): (Code, Option<&'static Kernel>) = match node.kind {
        NodeKind::Elementwise { operation, .. } => (Code::Row(operation), draft.bodies.body(operation).kernel(&dtypes)),
        NodeKind::Select { .. } => (Code::Select, Kernels::select().find(&dtypes)),
        _ => (Code::Cast, Some(cast(dtypes[0], dtype))),
    };
    let kernel = kernel.filter(|kernel| kernel.result == dtype);
    let function = kernel.map(|kernel| kernel.function(level)).unwrap_or_else(|| {
        let name = match code {
            Code::Row(operation) => draft.bodies.name(operation),
            Code::Cast => "a cast",
            Code::Select => "a selection",
        };
        let dtypes: Vec<String> = dtypes.iter().map(ToString::to_string).collect();
        draft.refuse(format!("internal error: `{name}` has no kernel for {} -> {dtype}", dtypes.join(", ")), span);
        // Never run: the plan is refused.
        cast(dtype, dtype).function(level)
    });
    let fault = kernel.and_then(|kernel| kernel.fault).unwrap_or("");
    let record = kernel.and_then(|kernel| kernel.record);
    Instruction { code, function, record, operands, dtype, buffer: 0, fault, span }
}

/// The register that an instruction only repeats: the real part of real numbers, for one.
fn same(region: &Region, instruction: &Instruction) -> Option<Register> {
    match instruction.operands[..] {
        [operand] if region.dtype(operand) == instruction.dtype => {
            is_identity(instruction.record?, instruction.dtype).then_some(operand)
        }
        _ => None,
    }
}

/// What an update makes of an old element and a new one, by a row; a plan without a kernel for it is refused.
pub fn combine(draft: &mut Draft, operation: OperationId, update: NodeId) -> Option<Combine> {
    let node = draft.graph.node(update);
    let (dtype, span) = (node.array_type().dtype, node.span);
    let kernel = draft.bodies.body(operation).kernel(&[dtype, dtype]);
    let Some(kernel) = kernel.filter(|kernel| kernel.result == dtype) else {
        let name = draft.bodies.name(operation);
        draft.refuse(format!("internal error: `{name}` has no kernel for {dtype}, {dtype} -> {dtype}"), span);
        return None;
    };
    Some(Combine {
        operation,
        function: kernel.function(draft.settings.level),
        single: kernel.function(Level::Scalar),
        fault: kernel.fault.unwrap_or(""),
    })
}

fn reducer(
    draft: &mut Draft,
    operation: OperationId,
    dtype: thalweg_lang::dtype::DType,
    member: NodeId,
) -> Option<Reducer> {
    let node = draft.graph.node(member);
    let result = node.array_type().dtype;
    let found = match draft.reduction(operation)? {
        Reduction::Fold { fold, identity } => {
            fold(dtype).filter(|_| result == dtype).map(|fold| Reducer::Fold { fold, identity: identity(dtype) })
        }
        Reduction::FirstExtreme { greatest, .. } => {
            let reducer = Reducer::FirstExtreme { greatest: *greatest };
            (result == thalweg_lang::dtype::DType::I64).then_some(reducer)
        }
    };
    if found.is_none() {
        let from: ArrayType = ArrayType::scalar(dtype);
        let message = format!("internal error: `{}` cannot reduce {from} to {result}", draft.bodies.name(operation));
        draft.refuse(message, node.span);
    }
    found
}

/// Gives each instruction's result a block buffer, the same one again where its last reader has run.
fn assign_buffers(region: &mut Region) {
    let leaves = region.leaves.len();
    let mut last = vec![0usize; region.instructions.len()];
    for (index, instruction) in region.instructions.iter().enumerate() {
        for operand in instruction.operands.iter().filter(|operand| **operand >= leaves) {
            last[operand - leaves] = index;
        }
    }
    let mut keeps = vec![false; region.instructions.len()];
    for end in region.ends.iter().filter(|end| end.register >= leaves) {
        last[end.register - leaves] = usize::MAX;
    }
    for store in region.stores.iter().filter(|store| store.register >= leaves) {
        keeps[store.register - leaves] = true;
    }
    let mut free: Vec<usize> = Vec::new();
    for index in 0..region.instructions.len() {
        let size = region.instructions[index].dtype.size();
        let mut dying: Vec<usize> =
            region.instructions[index].operands.iter().filter_map(|operand| operand.checked_sub(leaves)).collect();
        dying.retain(|&operand| last[operand] == index && !keeps[operand]);
        dying.sort_unstable();
        dying.dedup();
        // A kernel may write where it reads, if the elements it reads are no smaller.
        let (before, after): (Vec<usize>, Vec<usize>) =
            dying.into_iter().partition(|&operand| region.instructions[operand].dtype.size() >= size);
        free.extend(before.iter().map(|&operand| region.instructions[operand].buffer));
        if !keeps[index] {
            let buffer = free.pop().unwrap_or_else(|| {
                region.buffers += 1;
                region.buffers - 1
            });
            region.instructions[index].buffer = buffer;
            if last[index] == 0 {
                // Nothing reads it: the next instruction may have the buffer.
                free.push(buffer);
            }
        }
        free.extend(after.iter().map(|&operand| region.instructions[operand].buffer));
    }
}
