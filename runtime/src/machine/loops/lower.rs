//! From a loop's plan to a program of single elements. What has no such form is declined, and the reason is what the plan shows.
//!
//! The steps are followed in the plan's order, so that whatever goes wrong goes wrong in the same order as turn by turn in the
//! interpreter. An array is changed where it lies: the interpreter finds out whether anything else holds it, here it must be
//! provable. Each array has a **root**, the memory that it lies in; an update, a loop that carries it and a branch that may
//! change it take the root over, and are declined while another value still shows it.

mod interchange;
mod maps;
mod slices;
mod updates;

pub use maps::lower_map;

use super::program::{Affine, Fault, Given, Kind, Local, Place, Program, Repeat, Statement};
use super::range::{Range, counted, sum_factor, whole_range};
use crate::array::contiguous_strides;
use crate::kernel::{Kernel, Kernels, cast};
use crate::operation::Bodies;
use crate::plan::region::{Code, End, Leaf, Reducer, Region, Source, ValueId, elements};
use crate::plan::{Choice, Handed, IndexPlace, LoopStep, Plan, Step, Walked, Work};
use slices::{Gathered, Slice, is_open};
use std::collections::HashMap;
use std::rc::Rc;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::source::Span;

/// The most elements that are unrolled: a loop over them would cost more than they do.
const UNROLLED: usize = 16;

/// The most instructions of an array that is computed where it is read.
const MOST_REPEATED: usize = 6;

/// How many turns a loop counts for whose number of turns the run tells.
const UNKNOWN_TURNS: f64 = 64.0;

/// The most statements of a program.
const MOST_STATEMENTS: usize = 20_000;

/// Why a loop stays with the interpreter.
pub type Reason = String;

type Lowered<T> = Result<T, Reason>;

/// What a value of a plan is in a program.
#[derive(Clone)]
enum Binding<'a> {
    /// A variable.
    Element(Local),
    /// Elements in memory.
    Array(Lying),
    /// A few elements, each in a variable, in C order.
    Few { elements: Rc<[Local]>, shape: Vec<usize> },
    /// The same element everywhere.
    Repeated { element: Local, shape: Vec<usize> },
    /// Elements that are computed where they are read.
    Computed(Rc<Computed<'a>>),
}

/// An array in memory; strides in bytes.
#[derive(Clone, Debug)]
struct Lying {
    place: Place,
    shape: Vec<usize>,
    strides: Vec<i64>,
    dtype: DType,
    root: usize,
}

impl Lying {
    /// Whether it is all of its root, in C order.
    fn is_whole(&self) -> bool {
        let is_known = !self.shape.iter().any(|&length| is_open(length));
        is_known && self.place.bytes == Affine::default() && self.strides == byte_strides(&self.shape, self.dtype)
    }
}

impl Lying {
    /// Where a part with so many axes begins, whose first places on the array's axes are these, and the distances along its axes.
    fn part(&self, places: &[Affine], axes: &[IndexPlace], rank: usize) -> (Place, Vec<i64>) {
        let mut place = self.place.clone();
        let mut strides = vec![0; rank];
        for ((at, axis), &stride) in places.iter().zip(axes).zip(&self.strides) {
            place.bytes.add(at, stride);
            if let Some(own) = axis.place.axis {
                strides[own] += axis.place.step as i64 * stride;
            }
        }
        (place, strides)
    }
}

/// Elements that are computed where they are read.
enum Computed<'a> {
    /// By a region without reductions whose instructions always have an answer.
    Region { region: &'a Region, leaves: Vec<Binding<'a>>, register: usize },
    /// As another value shows them.
    View { value: Binding<'a>, axes: &'a [SourceAxis], shape: Vec<usize> },
    /// At places that numbers say.
    Gathered(Gathered<'a>),
    /// Together with another value, in the loops whose counters these are: there the variable holds the element.
    Row { element: Local, counters: Vec<Local>, shape: Vec<usize> },
}

impl Binding<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Binding::Element(_) => &[],
            Binding::Array(array) => &array.shape,
            Binding::Few { shape, .. } | Binding::Repeated { shape, .. } => shape,
            Binding::Computed(computed) => match &**computed {
                Computed::Region { region, .. } => &region.shape,
                Computed::View { shape, .. } | Computed::Row { shape, .. } => shape,
                Computed::Gathered(gathered) => gathered.shape(),
            },
        }
    }

    /// The roots that it shows.
    fn roots(&self, found: &mut Vec<usize>) {
        match self {
            Binding::Array(array) => found.push(array.root),
            Binding::Computed(computed) => match &**computed {
                Computed::Region { leaves, .. } => leaves.iter().for_each(|leaf| leaf.roots(found)),
                Computed::View { value, .. } => value.roots(found),
                Computed::Gathered(gathered) => gathered.roots(found),
                Computed::Row { .. } => {}
            },
            Binding::Element(_) | Binding::Few { .. } | Binding::Repeated { .. } => {}
        }
    }

    fn shows(&self, root: usize) -> bool {
        let mut found = Vec::new();
        self.roots(&mut found);
        found.contains(&root)
    }
}

fn byte_strides(shape: &[usize], dtype: DType) -> Vec<i64> {
    contiguous_strides(shape).into_iter().map(|stride| stride as i64 * dtype.size() as i64).collect()
}

/// The program of a loop in a plan, or why it has none.
pub fn lower(plan: &Plan, index: usize, bodies: &dyn Bodies) -> Result<Program, Reason> {
    let step = &plan.steps[index];
    let Work::Loop(repeated) = &step.work else { return Err("it is no loop".to_owned()) };
    let mut lowering = Lowering::new(bodies);
    lowering.may_interchange = true;
    let walks = lowering.walks(plan, &repeated.mapped)?;
    let array = |value: ValueId| &plan.values[value];
    let mut carried = Vec::new();
    for (number, handed) in repeated.carried.iter().enumerate() {
        carried.push(lowering.input(
            Given::Carried(number),
            array(handed.value).dtype,
            &array(handed.value).shape,
            true,
        ));
    }
    let mut captured = Vec::new();
    for (number, &value) in repeated.captured.iter().enumerate() {
        captured.push(lowering.input(Given::Captured(number), array(value).dtype, &array(value).shape, false));
    }
    let results = lowering.repeat(repeated, walks, carried, captured, true)?;
    for result in results {
        let local = match result {
            Binding::Element(local) => local,
            Binding::Array(array) => array.place.base,
            _ => return Err("what it carries is in no memory".to_owned()),
        };
        lowering.program.outputs.push(local);
    }
    let statements = lowering.code.pop().unwrap_or_default();
    lowering.program.statements = lowering.interchanged(statements)?;
    lowering.program.size = lowering.statements;
    Ok(lowering.program)
}

struct Lowering<'a> {
    bodies: &'a dyn Bodies,
    program: Program,
    /// The statements of the blocks that are open, the innermost last.
    code: Vec<Vec<Statement>>,
    statements: usize,
    /// Between which numbers a variable lies, where that is known.
    ranges: Vec<Option<Range>>,
    /// The places that numbers are known to stand for: the number, what is added, the axis's length; and the place.
    positions: Vec<((Local, i64, i64), Local)>,
    /// Whether each root is the loop's own, to be changed where it lies.
    owned: Vec<bool>,
    /// About how many steps of the interpreter the open block stands for.
    weight: f64,
    /// What the placeholders of sizes stand for, the latest last.
    sizes: Vec<(i64, Local)>,
    /// The slices that turns tell.
    slices: Vec<Slice>,
    /// What numbers are that are known to be sums of others, and not to wrap.
    sums: HashMap<Local, Affine>,
    /// What numbers are at most, as sums of others, where that is known.
    greatest: HashMap<Local, Affine>,
    /// The numbers that were looked at last: the variable that counts them, and the fault.
    looked: Option<(Local, usize)>,
    /// The numbers that are looked at where they are used.
    look: Option<slices::Look>,
    /// Whether the outermost loop may be done row by row.
    may_interchange: bool,
    /// What turns change that lies apart.
    changes: Vec<interchange::Change>,
    /// Whether an element may be computed in more than [`MOST_REPEATED`] instructions.
    may_be_long: bool,
}

/// The values of a plan, as far as they are known.
type Table<'a> = Vec<Option<Binding<'a>>>;

impl<'a> Lowering<'a> {
    fn new(bodies: &'a dyn Bodies) -> Lowering<'a> {
        Lowering {
            bodies,
            program: Program::default(),
            code: vec![Vec::new()],
            statements: 0,
            ranges: Vec::new(),
            positions: Vec::new(),
            owned: Vec::new(),
            weight: 0.0,
            sizes: Vec::new(),
            slices: Vec::new(),
            sums: HashMap::new(),
            greatest: HashMap::new(),
            looked: None,
            look: None,
            may_interchange: false,
            changes: Vec::new(),
            may_be_long: false,
        }
    }

    fn local(&mut self, kind: Kind) -> Local {
        self.program.locals.push(kind);
        self.ranges.push(match kind {
            Kind::Element(dtype) => whole_range(dtype),
            Kind::Address => None,
        });
        self.program.locals.len() - 1
    }

    fn element(&mut self, dtype: DType) -> Local {
        self.local(Kind::Element(dtype))
    }

    fn dtype(&self, local: Local) -> DType {
        match self.program.locals[local] {
            Kind::Element(dtype) => dtype,
            Kind::Address => DType::I64,
        }
    }

    fn root(&mut self, owned: bool) -> usize {
        self.owned.push(owned);
        self.owned.len() - 1
    }

    fn push(&mut self, statement: Statement) {
        self.statements += 1;
        if let Some(open) = self.code.last_mut() {
            open.push(statement);
        }
    }

    /// Statements of a block of their own, and what they stand for in steps.
    fn block<T>(&mut self, fill: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<(Vec<Statement>, T, f64)> {
        self.code.push(Vec::new());
        let known = self.positions.len();
        let weight = std::mem::replace(&mut self.weight, 0.0);
        let result = fill(self);
        let weight = std::mem::replace(&mut self.weight, weight);
        self.positions.truncate(known);
        let statements = self.code.pop().unwrap_or_default();
        self.is_not_too_long()?;
        Ok((statements, result?, weight))
    }

    fn is_not_too_long(&self) -> Lowered<()> {
        if self.statements > MOST_STATEMENTS { Err("it is very long".to_owned()) } else { Ok(()) }
    }

    fn fault(&mut self, fault: Fault) -> usize {
        let known = self.program.faults.iter().position(|known| *known == fault);
        known.unwrap_or_else(|| {
            self.program.faults.push(fault);
            self.program.faults.len() - 1
        })
    }

    fn constant(&mut self, value: Scalar) -> Local {
        let to = self.element(value.dtype);
        if value.dtype == DType::I64 {
            self.ranges[to] = Some((value.bits[0] as i64, value.bits[0] as i64));
        }
        self.push(Statement::Constant { to, value });
        to
    }

    /// An array or an element from outside.
    fn input(&mut self, given: Given, dtype: DType, shape: &[usize], owned: bool) -> Binding<'a> {
        if shape.is_empty() {
            let local = self.element(dtype);
            self.program.inputs.push((given, local));
            return Binding::Element(local);
        }
        let base = self.local(Kind::Address);
        self.program.inputs.push((given, base));
        let root = self.root(owned);
        Binding::Array(whole(base, dtype, shape, root))
    }

    /// What the outermost loop walks along.
    fn walks(&mut self, plan: &'a Plan, mapped: &[Walked]) -> Lowered<Vec<Walk<'a>>> {
        let mut walks = Vec::new();
        for (number, walked) in mapped.iter().enumerate() {
            walks.push(match *walked {
                Walked::Counter { start, step } => Walk::Counter { start, step },
                // What only counts need not be read from memory, and is known to lie between its ends.
                Walked::Value(value) => match self.counting_region(plan, value) {
                    Some(binding) => Walk::Value(binding),
                    None => {
                        let array = &plan.values[value];
                        Walk::Value(self.input(Given::Walked(number), array.dtype, &array.shape, false))
                    }
                },
            });
        }
        Ok(walks)
    }

    /// A value that a region of the same plan makes from counters and known elements alone.
    fn counting_region(&mut self, plan: &'a Plan, value: ValueId) -> Option<Binding<'a>> {
        let step = plan.steps.iter().find(|step| step.makes().contains(&value))?;
        let Work::Region(region) = &step.work else { return None };
        let is_known = |leaf: &Leaf| !matches!(leaf.source, Source::Array { .. });
        if !region.leaves.iter().all(is_known) {
            return None;
        }
        let store = region.stores.iter().find(|store| store.value == value)?;
        if region.instructions.len() > MOST_REPEATED {
            return None;
        }
        self.computed(region, store.register, &Vec::new()).ok()
    }

    // Plans.

    /// The steps of a plan, given its inputs; its outputs come back.
    fn plan(&mut self, plan: &'a Plan, inputs: Vec<Binding<'a>>) -> Lowered<Vec<Binding<'a>>> {
        if plan.refusal().is_some() {
            return Err("it cannot run at all".to_owned());
        }
        let mut table: Table = vec![None; plan.values.len()];
        for ((_, values), binding) in plan.inputs.iter().zip(inputs) {
            for &value in values {
                table[value] = Some(binding.clone());
            }
        }
        for step in &plan.steps {
            self.step(step, &mut table)?;
            for &value in &step.drops {
                table[value] = None;
            }
        }
        let outputs: Vec<Binding> =
            plan.outputs.iter().map(|handed| bound(&table, handed.value)).collect::<Lowered<_>>()?;
        match &plan.following {
            Some(following) => self.following(following, outputs),
            None => Ok(outputs),
        }
    }

    fn step(&mut self, step: &'a Step, table: &mut Table<'a>) -> Lowered<()> {
        self.weight += 1.0;
        let binding = match &step.work {
            Work::Constant(value) => Binding::Element(self.constant(*value)),
            Work::Literal(values) => self.literal(values, &step.types[0]),
            Work::View { value, axes } => self.view(bound(table, *value)?, axes, &step.types[0].shape)?,
            Work::Reshape { value } => match bound(table, *value)? {
                Binding::Array(array)
                    if array.strides == byte_strides(&array.shape, array.dtype)
                        && !array.shape.iter().chain(&step.types[0].shape).any(|&length| is_open(length)) =>
                {
                    let shape = step.types[0].shape.clone();
                    let strides = byte_strides(&shape, array.dtype);
                    Binding::Array(Lying { shape, strides, ..array })
                }
                _ => return Err("an array takes another shape in every turn".to_owned()),
            },
            Work::Stack { values } => {
                let elements = values.iter().map(|&value| match bound(table, value)? {
                    Binding::Element(local) => Ok(local),
                    _ => Err("arrays are stacked in every turn".to_owned()),
                });
                let elements: Vec<Local> = elements.collect::<Lowered<_>>()?;
                if elements.len() > UNROLLED {
                    return Err("many elements are stacked in every turn".to_owned());
                }
                Binding::Few { elements: elements.into(), shape: step.types[0].shape.clone() }
            }
            Work::Region(region) => return self.region(region, table),
            Work::Gather { value, axes } => self.gather(*value, axes, step, table)?,
            Work::Update(update) => self.update(update, step, table)?,
            Work::If(choice) => return self.choose(choice, step, table),
            Work::Loop(repeated) => {
                let results = self.inner_loop(repeated, table)?;
                for (&value, result) in step.results.iter().zip(results) {
                    table[value] = Some(result);
                }
                return Ok(());
            }
            Work::Map(_) => return Err("a comprehension stands in it".to_owned()),
            Work::Apply { operation, .. } => {
                return Err(format!("`{}` is a function on whole arrays", self.bodies.name(*operation)));
            }
            Work::Effect { operation, .. } => {
                return Err(format!("`{}` is an effect", self.bodies.name(*operation)));
            }
            Work::Count { .. } | Work::Positions { .. } | Work::Compress { .. } => {
                return Err("a mask is counted in every turn".to_owned());
            }
            Work::SliceBounds { length, start, stop, step: distance } => {
                return self.slice(*length, [*start, *stop], *distance, step, table);
            }
        };
        table[step.results[0]] = Some(binding);
        Ok(())
    }

    fn literal(&mut self, values: &[Scalar], array_type: &thalweg_lang::types::ArrayType) -> Binding<'a> {
        let to = self.local(Kind::Address);
        let values: Vec<Scalar> = values.iter().map(|value| value.cast(array_type.dtype)).collect();
        let index = self.program.add_data(&values);
        self.push(Statement::Data { to, index });
        let root = self.root(false);
        Binding::Array(whole(to, array_type.dtype, &array_type.shape, root))
    }

    // Elements.

    /// The element at an index.
    fn at(&mut self, binding: &Binding<'a>, index: &[Affine]) -> Lowered<Local> {
        match binding {
            Binding::Element(local) | Binding::Repeated { element: local, .. } => Ok(*local),
            Binding::Array(array) => {
                let mut place = array.place.clone();
                for (at, &stride) in index.iter().zip(&array.strides) {
                    place.bytes.add(at, stride);
                }
                let to = self.element(array.dtype);
                self.push(Statement::Load { to, place });
                Ok(to)
            }
            Binding::Few { elements, shape, .. } => {
                if index.iter().any(|at| !at.terms.is_empty()) {
                    return Err("a few elements are indexed by a number that the run tells".to_owned());
                }
                let place = index.iter().zip(shape).fold(0, |place, (at, length)| place * length + at.offset as usize);
                Ok(elements[place])
            }
            Binding::Computed(computed) => match &**computed {
                Computed::View { value, axes, .. } => {
                    let index = self.source_indices(axes, index)?;
                    self.at(value, &index)
                }
                Computed::Gathered(gathered) => self.gathered_at(gathered, index),
                Computed::Region { region, leaves, register } => {
                    if region.instructions.len() > MOST_REPEATED && !self.may_be_long {
                        return Err("an array is computed in every turn".to_owned());
                    }
                    Ok(self.registers_at(region, leaves, index)?[*register])
                }
                Computed::Row { element, counters, .. }
                    if counters.iter().zip(index).all(|(&counter, at)| *at == Affine::of(counter)) =>
                {
                    Ok(*element)
                }
                Computed::Row { .. } => Err("an array is computed in every turn".to_owned()),
            },
        }
    }

    /// The registers of a region without reductions at an index of its space.
    fn registers_at(&mut self, region: &Region, leaves: &[Binding<'a>], index: &[Affine]) -> Lowered<Vec<Local>> {
        let mut registers = self.leaves_at(region, leaves, index)?;
        for instruction in 0..region.instructions.len() {
            let result = self.instruction(region, instruction, &registers, &[])?;
            registers.push(result);
        }
        self.is_not_too_long()?;
        Ok(registers)
    }

    /// The indices on a source's axes that a view shows at an index.
    fn source_indices(&self, axes: &[SourceAxis], index: &[Affine]) -> Lowered<Vec<Affine>> {
        let source = |axis: &SourceAxis| {
            let mut found = self.amount(axis.start as i64)?;
            if let Some(own) = axis.axis.and_then(|own| index.get(own)) {
                found.add(own, axis.step as i64);
            }
            Ok(found)
        };
        axes.iter().map(source).collect()
    }

    /// What a region's leaves are at an index of its space.
    fn leaves_at(&mut self, region: &Region, leaves: &[Binding<'a>], index: &[Affine]) -> Lowered<Vec<Local>> {
        let mut found = Vec::new();
        for (leaf, binding) in region.leaves.iter().zip(leaves) {
            found.push(match &leaf.source {
                Source::Scalar(value) => self.constant(*value),
                Source::Counter(counter) => {
                    if leaf.dtype != DType::I64 {
                        return Err("a counter is of another dtype".to_owned());
                    }
                    let mut number = self.amount(counter.start)?;
                    for (at, &step) in index.iter().zip(&counter.steps) {
                        let Affine { offset: step, terms } = self.amount(step)?;
                        if !terms.is_empty() {
                            return Err("a counter's steps depend on sizes".to_owned());
                        }
                        number.add(at, step);
                    }
                    self.number(number)
                }
                Source::Array { axes, .. } => {
                    let index = self.source_indices(axes, index)?;
                    self.at(binding, &index)?
                }
            });
        }
        Ok(found)
    }

    /// A whole number in a variable.
    fn number(&mut self, number: Affine) -> Local {
        if let ([(local, 1)], 0) = (&number.terms[..], number.offset) {
            return *local;
        }
        if number.terms.is_empty() {
            return self.constant(Scalar::i64(number.offset));
        }
        let to = self.element(DType::I64);
        self.ranges[to] = number.terms.iter().try_fold((number.offset, number.offset), |sum, &(local, factor)| {
            super::range::plus(sum, super::range::times(self.ranges[local]?, (factor, factor))?)
        });
        if self.ranges[to].is_some() {
            let mut sum = Affine::known(number.offset);
            number.terms.iter().for_each(|&(local, factor)| sum.add(&self.as_sum(local), factor));
            self.sums.insert(to, sum);
        }
        self.push(Statement::Number { to, number });
        to
    }

    /// What a region's leaves are bound to.
    fn leaf_bindings(&mut self, region: &Region, table: &Table<'a>) -> Lowered<Vec<Binding<'a>>> {
        let binding = |leaf: &Leaf| match &leaf.source {
            Source::Array { value, .. } => bound(table, *value),
            // Not looked at.
            Source::Scalar(_) | Source::Counter(_) => Ok(Binding::Element(0)),
        };
        region.leaves.iter().map(binding).collect()
    }

    /// Elements that are computed where they are read.
    fn computed(&mut self, region: &'a Region, register: usize, table: &Table<'a>) -> Lowered<Binding<'a>> {
        if region.instructions.iter().any(|instruction| !instruction.fault.is_empty()) {
            return Err("an array of elements that may have no answer is computed in every turn".to_owned());
        }
        let leaves = self.leaf_bindings(region, table)?;
        Ok(Binding::Computed(Rc::new(Computed::Region { region, leaves, register })))
    }

    fn region(&mut self, region: &'a Region, table: &mut Table<'a>) -> Lowered<()> {
        if region.stores.iter().any(|store| store.within.is_some()) {
            return Err("a part of an array is replaced in every turn".to_owned());
        }
        let count = elements(&region.shape);
        if region.shape.is_empty() && region.ends.is_empty() {
            let leaves = self.leaf_bindings(region, table)?;
            let registers = self.registers_at(region, &leaves, &[])?;
            for store in &region.stores {
                table[store.value] = Some(Binding::Element(registers[store.register]));
            }
            return Ok(());
        }
        if (1..=UNROLLED).contains(&count) && self.is_unrolled(region, table) {
            return self.unrolled(region, table);
        }
        if !region.ends.is_empty() {
            return self.folds(region, table);
        }
        let made: Vec<(ValueId, Binding)> = region
            .stores
            .iter()
            .map(|store| Ok((store.value, self.computed(region, store.register, table)?)))
            .collect::<Lowered<_>>()?;
        for (value, binding) in made {
            table[value] = Some(binding);
        }
        Ok(())
    }

    /// Whether a region of few elements is computed at once: one that a loop walks along is better computed where it is read.
    fn is_unrolled(&self, region: &Region, table: &Table<'a>) -> bool {
        let is_few = |leaf: &Leaf| match &leaf.source {
            Source::Array { value, .. } => !matches!(table[*value], Some(Binding::Computed(_))),
            _ => false,
        };
        !region.ends.is_empty() || region.leaves.iter().any(is_few)
    }

    /// A region of a few elements, instruction by instruction.
    fn unrolled(&mut self, region: &'a Region, table: &mut Table<'a>) -> Lowered<()> {
        if !region.order.iter().copied().eq(0..region.order.len()) {
            return Err("a few elements are taken in another order".to_owned());
        }
        let leaves = self.leaf_bindings(region, table)?;
        let indices = indices(&region.shape);
        let mut registers: Vec<Vec<Local>> = Vec::new();
        for index in &indices {
            let index: Vec<Affine> = index.iter().map(|&at| Affine::known(at as i64)).collect();
            registers.push(self.leaves_at(region, &leaves, &index)?);
        }
        for instruction in 0..region.instructions.len() {
            for (index, registers) in indices.iter().zip(&mut registers) {
                let result = self.instruction(region, instruction, registers, index)?;
                registers.push(result);
            }
        }
        for store in &region.stores {
            let elements: Vec<Local> = registers.iter().map(|registers| registers[store.register]).collect();
            table[store.value] = Some(Binding::Few { elements: elements.into(), shape: region.shape.clone() });
        }
        for end in &region.ends {
            let elements: Vec<Local> = registers.iter().map(|registers| registers[end.register]).collect();
            let folded = self.folded(region, end, elements)?;
            table[end.value] = Some(Binding::Element(folded));
        }
        Ok(())
    }

    /// A few elements reduced to one, in the one order of reductions: as many accumulators as elements, halved.
    fn folded(&mut self, region: &Region, end: &End, mut elements: Vec<Local>) -> Lowered<Local> {
        let Reducer::Fold { fold, .. } = &end.how else {
            return Err(format!("`{}` searches an array in every turn", self.bodies.name(end.operation)));
        };
        if region.reduced.len() != region.shape.len() {
            return Err(format!("`{}` reduces some axes in every turn", self.bodies.name(end.operation)));
        }
        let kernel: &'static Kernel = &fold.kernel;
        while elements.len() > 1 {
            let half = elements.len().next_power_of_two() / 2;
            let upper = elements.split_off(half);
            for (place, other) in upper.into_iter().enumerate() {
                elements[place] = self.compute(kernel, vec![elements[place], other], None);
            }
        }
        Ok(elements[0])
    }

    /// One instruction on single elements.
    fn instruction(&mut self, region: &Region, index: usize, registers: &[Local], at: &[usize]) -> Lowered<Local> {
        let instruction = &region.instructions[index];
        let operands: Vec<Local> = instruction.operands.iter().map(|&register| registers[register]).collect();
        let dtypes: Vec<DType> = operands.iter().map(|&operand| self.dtype(operand)).collect();
        let kernel = match instruction.code {
            Code::Row(operation) => self.bodies.body(operation).kernel(&dtypes),
            Code::Cast => Some(cast(dtypes[0], instruction.dtype)),
            Code::Select => Kernels::select().find(&dtypes),
        };
        let kernel = kernel.filter(|kernel| kernel.result == instruction.dtype);
        let Some(kernel) = kernel else { return Err("an operation has no kernel".to_owned()) };
        let fault =
            kernel.fault.map(|text| self.fault(Fault::Instruction { text, at: at.to_vec(), span: instruction.span }));
        Ok(self.compute(kernel, operands, fault))
    }

    fn compute(&mut self, kernel: &'static Kernel, operands: Vec<Local>, fault: Option<usize>) -> Local {
        self.weight += 0.3;
        let to = self.element(kernel.result);
        if kernel.result == DType::I64 {
            let ranges: Vec<Option<Range>> = operands.iter().map(|&operand| self.ranges[operand]).collect();
            self.ranges[to] = super::range::of(kernel, &ranges);
            if let (Some(_), &[left, right], Some(factor)) = (self.ranges[to], &operands[..], sum_factor(kernel)) {
                let mut sum = self.as_sum(left);
                sum.add(&self.as_sum(right), factor);
                self.sums.insert(to, sum);
            }
        }
        self.push(Statement::Compute { to, kernel, operands, fault });
        to
    }

    // Views and indices.

    fn view(&mut self, value: Binding<'a>, axes: &'a [SourceAxis], shape: &[usize]) -> Lowered<Binding<'a>> {
        if shape.is_empty() {
            let index = self.source_indices(axes, &[])?;
            return Ok(Binding::Element(self.at(&value, &index)?));
        }
        Ok(match value {
            Binding::Element(element) | Binding::Repeated { element, .. } => {
                Binding::Repeated { element, shape: shape.to_vec() }
            }
            Binding::Array(array) => {
                let mut place = array.place.clone();
                let mut strides = vec![0; shape.len()];
                for (axis, &stride) in axes.iter().zip(&array.strides) {
                    place.bytes.add(&self.amount(axis.start as i64)?, stride);
                    if let Some(own) = axis.axis {
                        strides[own] += axis.step as i64 * stride;
                    }
                }
                Binding::Array(Lying { place, shape: shape.to_vec(), strides, ..array })
            }
            value @ (Binding::Few { .. } | Binding::Computed(_)) => {
                Binding::Computed(Rc::new(Computed::View { value, axes, shape: shape.to_vec() }))
            }
        })
    }

    /// The place on an axis that an index of rank 0 stands for.
    fn position(&mut self, index: Local, start: i64, axis: usize, length: usize, span: Span) -> Affine {
        let range = self.ranges[index].and_then(|range| super::range::plus(range, (start, start)));
        debug_assert!(!is_open(length), "an axis of known length");
        let mut place = Affine::of(index);
        place.offset = start;
        let mut left = Affine::known(length as i64 - 1);
        left.add(&place, -1);
        if range.is_some_and(|(least, most)| least >= 0 && (most < length as i64 || self.least(&left) >= Some(0))) {
            return place;
        }
        let key = (index, start, length as i64);
        if let Some((_, place)) = self.positions.iter().find(|(known, _)| *known == key) {
            return Affine::of(*place);
        }
        let fault = self.fault(Fault::Bounds { axis, length, is_one_of_several: false, span });
        let to = self.element(DType::I64);
        self.ranges[to] = Some((0, (length as i64 - 1).max(0)));
        let may_be_negative = range.is_none_or(|(least, _)| least < 0);
        let length = length as i64;
        let fault = Some(fault);
        self.push(Statement::Position { to, number: index, start, length, may_be_negative, fault, at: None });
        self.positions.push((key, to));
        Affine::of(to)
    }

    /// The place that an index of rank 0 stands for on an axis; where an axis goes along a result's, the first one's.
    fn place(
        &mut self,
        axis: usize,
        own: &IndexPlace,
        lengths: &[usize],
        shape: &[usize],
        span: Span,
        table: &Table<'a>,
    ) -> Lowered<Affine> {
        let Some(index) = own.index else { return self.amount(own.place.start as i64) };
        let Binding::Element(index) = bound(table, index)? else {
            return Err("an array of indices selects elements in every turn".to_owned());
        };
        if let Some(along) = own.place.axis {
            return self.slice_start(index, own, lengths[axis], shape[along]);
        }
        if is_open(lengths[axis]) {
            return Err("an index is one of an axis whose length each turn tells".to_owned());
        }
        let start = self.amount(own.place.start as i64)?;
        if !start.terms.is_empty() {
            return Err("an index is counted from where each turn says".to_owned());
        }
        Ok(self.position(index, start.offset, axis, lengths[axis], span))
    }

    /// The places that indices of rank 0 stand for, one for each axis.
    fn places(
        &mut self,
        axes: &[IndexPlace],
        lengths: &[usize],
        shape: &[usize],
        span: Span,
        table: &Table<'a>,
    ) -> Lowered<Vec<Affine>> {
        axes.iter().enumerate().map(|(axis, own)| self.place(axis, own, lengths, shape, span, table)).collect()
    }

    fn gather(&mut self, value: ValueId, axes: &[IndexPlace], step: &Step, table: &Table<'a>) -> Lowered<Binding<'a>> {
        let value = bound(table, value)?;
        let shape = &step.types[0].shape;
        if let Binding::Element(_) = value {
            return Ok(value);
        }
        let lengths = value.shape().to_vec();
        let is_array = |own: &IndexPlace| match own.index.map(|index| bound(table, index)) {
            Some(Ok(index)) => !index.shape().is_empty(),
            _ => false,
        };
        if axes.iter().any(is_array) {
            return self.gathered(value, axes, step, table);
        }
        let places = self.places(axes, &lengths, shape, step.span, table)?;
        if shape.is_empty() {
            return Ok(Binding::Element(self.at(&value, &places)?));
        }
        let Binding::Array(array) = value else {
            return Err("a part of an array that is in no memory is taken in every turn".to_owned());
        };
        let (place, strides) = array.part(&places, axes, shape.len());
        Ok(Binding::Array(Lying { place, shape: shape.clone(), strides, ..array }))
    }

    /// What a branch or an inner loop gets of a value.
    fn handed(&mut self, handed: Handed, table: &Table<'a>) -> Lowered<Binding<'a>> {
        let binding = bound(table, handed.value)?;
        let Binding::Array(array) = binding else { return Ok(binding) };
        let owned = self.take(&array, handed.value, handed.last, table).is_ok();
        let root = self.root(owned);
        Ok(Binding::Array(Lying { root, ..array }))
    }

    fn choose(&mut self, choice: &'a Choice, step: &Step, table: &mut Table<'a>) -> Lowered<()> {
        let Binding::Element(condition) = bound(table, choice.condition)? else {
            return Err("a condition is an array".to_owned());
        };
        let mut captured = Vec::new();
        for &handed in &choice.captured {
            captured.push(self.handed(handed, table)?);
        }
        if step.types.iter().flat_map(|own| &own.shape).any(|&length| is_open(length)) {
            return Err("a branch gives an array whose length each turn tells".to_owned());
        }
        let results: Vec<Local> = step
            .types
            .iter()
            .map(|own| self.local(if own.shape.is_empty() { Kind::Element(own.dtype) } else { Kind::Address }))
            .collect();
        let mut sides = Vec::new();
        let mut weight = 0.0f64;
        for plan in [&choice.then, &choice.otherwise] {
            let captured = captured.clone();
            let (statements, (), own) = self.block(|lowering| {
                let outputs = lowering.plan(plan, captured)?;
                let from = lowering.given_back(&outputs)?;
                lowering.push(Statement::Assign { to: results.clone(), from });
                Ok(())
            })?;
            weight = weight.max(own);
            sides.push(statements);
        }
        self.weight += weight;
        let (Some(otherwise), Some(then)) = (sides.pop(), sides.pop()) else { return Ok(()) };
        self.push(Statement::If { condition, then, otherwise });
        for ((&value, &local), own) in step.results.iter().zip(&results).zip(&step.types) {
            table[value] = Some(if own.shape.is_empty() {
                Binding::Element(local)
            } else {
                let root = self.root(true);
                Binding::Array(whole(local, own.dtype, &own.shape, root))
            });
        }
        Ok(())
    }

    /// The variables of what a body gives: elements, and whole arrays that it owns, each once.
    fn given_back(&self, outputs: &[Binding<'a>]) -> Lowered<Vec<Local>> {
        let mut roots = Vec::new();
        let mut locals = Vec::new();
        for output in outputs {
            locals.push(match output {
                Binding::Element(local) => *local,
                Binding::Array(array) => {
                    if !self.owned[array.root] || !array.is_whole() || roots.contains(&array.root) {
                        return Err("it gives an array that is needed as it was".to_owned());
                    }
                    roots.push(array.root);
                    array.place.base
                }
                _ => return Err("it gives an array that it makes in every turn".to_owned()),
            });
        }
        Ok(locals)
    }

    // Loops.

    fn inner_loop(&mut self, repeated: &'a LoopStep, table: &Table<'a>) -> Lowered<Vec<Binding<'a>>> {
        let mut walks = Vec::new();
        for walked in &repeated.mapped {
            walks.push(match *walked {
                Walked::Counter { start, step } => Walk::Counter { start, step },
                Walked::Value(value) => Walk::Value(bound(table, value)?),
            });
        }
        let mut carried = Vec::new();
        for &handed in &repeated.carried {
            let binding = bound(table, handed.value)?;
            if let Binding::Array(array) = &binding {
                self.take(array, handed.value, handed.last, table)?;
            }
            carried.push(binding);
        }
        let mut captured = Vec::new();
        for &value in &repeated.captured {
            let binding = bound(table, value)?;
            captured.push(match binding {
                Binding::Array(array) => {
                    let root = self.root(false);
                    Binding::Array(Lying { root, ..array })
                }
                other => other,
            });
        }
        self.repeat(repeated, walks, carried, captured, false)
    }

    /// A loop, given what it walks along, what it begins with, and what every turn sees.
    fn repeat(
        &mut self,
        repeated: &'a LoopStep,
        walks: Vec<Walk<'a>>,
        first: Vec<Binding<'a>>,
        captured: Vec<Binding<'a>>,
        is_outermost: bool,
    ) -> Lowered<Vec<Binding<'a>>> {
        if repeated.turns != usize::MAX && is_open(repeated.turns) {
            return Err("it walks along what each turn tells the length of".to_owned());
        }
        // Each slot has a variable of its own, which holds what the turn begins with.
        let mut slots = Vec::new();
        let mut from = Vec::new();
        for binding in &first {
            let (own, slot) = match binding {
                Binding::Element(local) => {
                    let slot = self.element(self.dtype(*local));
                    (*local, Binding::Element(slot))
                }
                Binding::Array(array) => {
                    let base = self.local(Kind::Address);
                    let root = self.root(true);
                    (array.place.base, Binding::Array(whole(base, array.dtype, &array.shape, root)))
                }
                _ => return Err("it begins with an array that each turn makes".to_owned()),
            };
            from.push(own);
            slots.push(slot);
        }
        let to = self.given_back(&slots)?;
        self.push(Statement::Assign { to: to.clone(), from: from.clone() });
        let turns = (!walks.is_empty()).then(|| {
            let turn = self.element(DType::I64);
            let count = repeated.turns.min(i64::MAX as usize) as i64;
            self.ranges[turn] = Some((0, (count - 1).max(0)));
            (turn, count)
        });
        // What the condition bounds lies in the bounds in the body alone.
        let mut bounded = Vec::new();
        if let Some(condition) = &repeated.condition {
            for number in 0..first.len() {
                let (Binding::Element(local), Binding::Element(slot)) = (&first[number], &slots[number]) else {
                    continue;
                };
                let inputs: Vec<&Binding> = slots.iter().chain(&captured).collect();
                let limit = |input: usize| match inputs.get(input) {
                    Some(Binding::Element(limit)) if input >= slots.len() => self.ranges[*limit],
                    _ => None,
                };
                let body_input = walks.len() + number;
                let Some(range) = self.ranges[*local] else { continue };
                let found = counted(repeated, condition, (number, body_input), range, &limit, self.bodies);
                let Some((range, below)) = found else { continue };
                bounded.push((*slot, range));
                if let Some(Binding::Element(limit)) = below.and_then(|input| inputs.get(input)) {
                    let mut most = self.as_sum(*limit);
                    most.add(&Affine::known(1), -1);
                    self.greatest.insert(*slot, most);
                }
            }
        }
        let condition = match &repeated.condition {
            None => None,
            Some(plan) => {
                let inputs = slots.iter().chain(&captured).cloned().collect();
                let (statements, holds, weight) = self.block(|lowering| {
                    let outputs = lowering.plan(plan, inputs)?;
                    match outputs.first() {
                        Some(Binding::Element(holds)) => Ok(*holds),
                        _ => Err("its condition is an array".to_owned()),
                    }
                })?;
                self.weight += weight;
                Some((statements, holds))
            }
        };
        for &(slot, range) in &bounded {
            self.ranges[slot] = Some(range);
        }
        let (body, stop, weight) = self.block(|lowering| {
            let mut inputs = Vec::new();
            for walk in walks {
                let Some((turn, _)) = turns else { continue };
                inputs.push(lowering.walked(walk, turn)?);
            }
            inputs.extend(slots.iter().cloned());
            inputs.extend(captured);
            let mut outputs = lowering.plan(&repeated.body, inputs)?;
            let stop = match (repeated.stops, outputs.len() > slots.len()) {
                (true, true) => match outputs.pop() {
                    Some(Binding::Element(stop)) => Some(stop),
                    _ => return Err("what ends it is an array".to_owned()),
                },
                _ => None,
            };
            let from = lowering.given_back(&outputs)?;
            lowering.push(Statement::Assign { to: to.clone(), from });
            Ok(stop)
        })?;
        for &(slot, _) in &bounded {
            self.greatest.remove(&slot);
            self.ranges[slot] = None;
        }
        if is_outermost {
            self.program.weight = weight.max(1.0);
        }
        self.weight += turns.map_or(UNKNOWN_TURNS, |(_, count)| count as f64) * weight;
        let most =
            turns.map(|(_, count)| count).into_iter().chain(bounded.iter().map(|(_, range)| range.1 - range.0 + 1));
        let most = most.min();
        self.push(Statement::Loop(Box::new(Repeat { turns, most, is_outermost, condition, body, stop })));
        let results = slots.into_iter().map(|slot| match slot {
            Binding::Array(array) => {
                let root = self.root(true);
                Binding::Array(Lying { root, ..array })
            }
            other => other,
        });
        Ok(results.collect())
    }

    /// What a turn sees of what a loop walks along.
    fn walked(&mut self, walk: Walk<'a>, turn: Local) -> Lowered<Binding<'a>> {
        let value = match walk {
            Walk::Counter { start, step } => {
                let mut number = Affine::known(start);
                number.add(&Affine::of(turn), step);
                return Ok(Binding::Element(self.number(number)));
            }
            Walk::Value(value) => value,
        };
        match value {
            Binding::Array(array) if array.shape.len() > 1 => {
                let mut place = array.place.clone();
                place.bytes.add(&Affine::of(turn), array.strides[0]);
                let (shape, strides) = (array.shape[1..].to_vec(), array.strides[1..].to_vec());
                let root = self.root(false);
                Ok(Binding::Array(Lying { place, shape, strides, dtype: array.dtype, root }))
            }
            Binding::Repeated { element, shape } if shape.len() > 1 => {
                Ok(Binding::Repeated { element, shape: shape[1..].to_vec() })
            }
            value if value.shape().len() == 1 => Ok(Binding::Element(self.at(&value, &[Affine::of(turn)])?)),
            _ => Err("it walks along arrays that each turn makes".to_owned()),
        }
    }
}

/// What a loop walks along.
enum Walk<'a> {
    Value(Binding<'a>),
    Counter { start: i64, step: i64 },
}

fn bound<'a>(table: &Table<'a>, value: ValueId) -> Lowered<Binding<'a>> {
    table.get(value).and_then(Option::clone).ok_or_else(|| "a value is read before it is made".to_owned())
}

/// All of an array's memory, in C order.
fn whole(base: Local, dtype: DType, shape: &[usize], root: usize) -> Lying {
    let place = Place { base, bytes: Affine::default() };
    Lying { place, shape: shape.to_vec(), strides: byte_strides(shape, dtype), dtype, root }
}

/// All indices of a shape in C order.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |found, &length| {
        found.iter().flat_map(|index| (0..length).map(move |at| [&index[..], &[at]].concat())).collect()
    })
}
