//! What depends on sizes that each turn tells: slices with run-time bounds, and what is gathered and reduced along them.
//!
//! The steps behind such sizes come from a plan that stands for all of them (`plan/rest.rs`): where one of its numbers depends on a
//! size it is made of placeholders, and [`Lowering::amount`] says of what. No array of such a length is made: it is computed
//! where it is read.

use super::super::program::{Affine, Bound, Fault, Fold, Local, Statement};
use super::{Binding, Computed, Lowered, Lowering, Table, bound};
use crate::kernel::Kernel;
use crate::plan::region::{End, Reducer, Region, ValueId};
use crate::plan::{Following, IndexPlace, MOST_FACTOR, MOST_PLACEHOLDERS, PLACEHOLDER, Step, placeholder};
use std::rc::Rc;
use thalweg_lang::dtype::DType;
use thalweg_lang::source::Span;

/// The most elements, if it is known how many there are, that are reduced in every turn: the interpreter's vectors are faster
/// than this code is, but for what a step of it costs.
const MOST_REDUCED: usize = 2048;

/// How many numbers are replaced by what they are at most, to find the least that a sum may be.
const MOST_REPLACED: usize = 4;

/// A slice that a turn tells: so many places of an axis from a first one on.
pub(super) struct Slice {
    first: Local,
    count: Local,
    /// The axis's length and the distance of the places, as the plan has them.
    length: usize,
    step: i64,
}

/// Elements at places that an array of numbers says; they have been looked at.
pub(super) struct Gathered<'a> {
    value: Binding<'a>,
    /// The places on the other axes; none on the one that the numbers are for.
    places: Vec<Option<Affine>>,
    numbers: Binding<'a>,
    start: i64,
    length: i64,
    shape: [usize; 1],
    /// The variable that counts the numbers where they are looked at.
    counter: Local,
}

/// Numbers that stand for places, looked at as they are used rather than before all of it.
pub(super) struct Look {
    /// The variable that counts them where they would have been looked at.
    counter: Local,
    /// The variable that counts them where they are used, and how many they are.
    at: (Local, Affine),
    /// What it is when there is no such place.
    fault: usize,
    /// Whether each is used where it is counted, and nowhere else: then no number is used before it is looked at.
    use_of_all: Use,
}

/// Where numbers are used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Nowhere,
    AsCounted,
    Elsewhere,
}

impl Gathered<'_> {
    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(super) fn roots(&self, found: &mut Vec<usize>) {
        self.value.roots(found);
        self.numbers.roots(found);
    }
}

/// Whether a number of a plan depends on sizes.
pub(super) fn is_open(number: usize) -> bool {
    number as i64 >= PLACEHOLDER / 2
}

impl<'a> Lowering<'a> {
    /// What a number of a plan is made of.
    pub(super) fn amount(&self, number: i64) -> Lowered<Affine> {
        let mut rest = number;
        let mut amount = Affine::default();
        for place in (0..MOST_PLACEHOLDERS).rev() {
            let size = placeholder(place);
            let factor = rest.saturating_add(size / 2).div_euclid(size);
            if factor == 0 {
                continue;
            }
            let known = self.sizes.iter().rev().find(|(known, _)| *known == size);
            let Some((_, local)) = known.filter(|_| factor.abs() <= MOST_FACTOR) else {
                return Err("a number depends on sizes in no simple way".to_owned());
            };
            rest -= factor * size;
            amount.add(&Affine::of(*local), factor);
        }
        amount.offset = rest;
        Ok(amount)
    }

    /// The steps behind the sizes that outputs have told.
    pub(super) fn following(
        &mut self,
        following: &'a Following,
        mut given: Vec<Binding<'a>>,
    ) -> Lowered<Vec<Binding<'a>>> {
        let generic = following.generic(self.bodies).ok_or("its turns tell sizes, and not simply")?;
        let told = given.split_off(given.len() - generic.placeholders.len());
        for (&size, binding) in generic.placeholders.iter().zip(told) {
            let Binding::Element(local) = binding else { return Err("a size is an array".to_owned()) };
            if self.ranges[local].is_none_or(|range| range.0 < 0 || range.1 >= PLACEHOLDER / 2) {
                return Err("nobody knows how large a size may be".to_owned());
            }
            self.sizes.push((size, local));
        }
        for &length in &generic.lengths {
            let amount = self.amount(length)?;
            let local = self.number(amount);
            given.push(Binding::Element(local));
        }
        self.plan(&generic.plan, given)
    }

    /// A slice's first place and how many it has.
    pub(super) fn slice(
        &mut self,
        length: usize,
        bounds: [Option<ValueId>; 2],
        distance: i64,
        step: &Step,
        table: &mut Table<'a>,
    ) -> Lowered<()> {
        if distance < 1 {
            return Err("a slice goes backwards between bounds that each turn tells".to_owned());
        }
        let most = self.most(length)?;
        let mut clamped = [None; 2];
        for (clamped, bound_at) in clamped.iter_mut().zip(bounds) {
            let Some(value) = bound_at else { continue };
            let Binding::Element(number) = bound(table, value)? else { return Err("a bound is an array".to_owned()) };
            let is_within = !is_open(length)
                && self.ranges[number].is_some_and(|(least, greatest)| least >= 0 && greatest <= length as i64);
            *clamped = Some(Bound { number, is_within });
        }
        let [start, stop] = clamped;
        let (first, count) = (self.element(DType::I64), self.element(DType::I64));
        self.ranges[first] = Some((0, most));
        self.ranges[count] = Some((0, most));
        let amount = self.amount(length as i64)?;
        self.push(Statement::Slice { first, count, length: amount, start, stop, step: distance });
        self.slices.push(Slice { first, count, length, step: distance });
        table[step.results[0]] = Some(Binding::Element(first));
        table[step.results[1]] = Some(Binding::Element(count));
        Ok(())
    }

    /// The most that a length may be.
    fn most(&self, length: usize) -> Lowered<i64> {
        let amount = self.amount(length as i64)?;
        let most = amount.terms.iter().try_fold(amount.offset, |sum, &(local, factor)| {
            let (least, most) = self.ranges[local]?;
            sum.checked_add(factor * if factor < 0 { least } else { most })
        });
        most.ok_or_else(|| "nobody knows how large a size may be".to_owned())
    }

    /// Where a slice of an axis begins that has so many places: it must be known that it lies on the axis.
    pub(super) fn slice_start(&self, index: Local, place: &IndexPlace, length: usize, count: usize) -> Lowered<Affine> {
        let amount = self.amount(count as i64)?;
        let step = place.place.step as i64;
        let is_it = |slice: &&Slice| {
            slice.first == index && slice.length == length && slice.step == step && amount == Affine::of(slice.count)
        };
        if place.place.start == 0 && self.slices.iter().rev().any(|slice| is_it(&slice)) {
            return Ok(Affine::of(index));
        }
        let mut start = self.amount(place.place.start as i64)?;
        start.add(&Affine::of(index), 1);
        // What is left of the axis behind the last place.
        let mut left = self.amount(length as i64)?;
        left.add(&Affine::known(1), -1);
        left.add(&start, -1);
        left.add(&amount, -step);
        left.add(&Affine::known(step), 1);
        let is_on_axis = step > 0 && self.least(&start) >= Some(0) && self.least(&left) >= Some(0);
        is_on_axis.then_some(start).ok_or_else(|| "a slice begins where each turn says".to_owned())
    }

    /// What a sum is at least.
    pub(super) fn least(&self, sum: &Affine) -> Option<i64> {
        let mut expanded = Affine::known(sum.offset);
        for &(local, factor) in &sum.terms {
            expanded.add(&self.as_sum(local), factor);
        }
        let by_ranges = |sum: &Affine| {
            sum.terms.iter().try_fold(sum.offset, |least, &(local, factor)| {
                let (lower, upper) = self.ranges[local]?;
                least.checked_add(factor.checked_mul(if factor < 0 { upper } else { lower })?)
            })
        };
        let mut least = by_ranges(&expanded);
        // What is taken away is at most what it is known to be at most; what came last first, because it depends on the others.
        for _ in 0..MOST_REPLACED {
            let is_known = |&&(local, factor): &&(Local, i64)| factor < 0 && self.greatest.contains_key(&local);
            let Some(&(local, factor)) = expanded.terms.iter().filter(is_known).max_by_key(|(local, _)| *local) else {
                break;
            };
            expanded.add(&Affine::of(local), -factor);
            expanded.add(&self.greatest[&local], factor);
            least = least.max(by_ranges(&expanded));
        }
        least
    }

    /// A number as a sum of others, as far as it is known to be one.
    pub(super) fn as_sum(&self, local: Local) -> Affine {
        match (self.ranges[local], self.sums.get(&local)) {
            (Some((least, most)), _) if least == most => Affine::known(least),
            (_, Some(sum)) => sum.clone(),
            _ => Affine::of(local),
        }
    }

    /// Elements at the places that an array of numbers says: the numbers are looked at here, in their order.
    pub(super) fn gathered(
        &mut self,
        value: Binding<'a>,
        axes: &[IndexPlace],
        step: &Step,
        table: &Table<'a>,
    ) -> Lowered<Binding<'a>> {
        let lengths = value.shape().to_vec();
        let &[count] = &step.types[0].shape[..] else {
            return Err("an array of indices selects parts of an array in every turn".to_owned());
        };
        let mut numbers = None;
        let mut places = Vec::new();
        for (axis, own) in axes.iter().enumerate() {
            let index = own.index.map(|index| bound(table, index)).transpose()?;
            places.push(match index {
                Some(index @ (Binding::Array(_) | Binding::Computed(_))) => {
                    let is_first = numbers.is_none() && own.place.axis.is_none() && index.shape() == [count];
                    if !is_first || is_open(lengths[axis]) {
                        return Err("arrays of indices select elements in every turn".to_owned());
                    }
                    numbers = Some((index, axis, own.place.start as i64));
                    None
                }
                _ => Some(self.place(axis, own, &lengths, &step.types[0].shape, step.span, table)?),
            });
        }
        if axes.iter().any(|own| own.place.axis.is_some()) {
            return Err("an array of indices selects parts of an array in every turn".to_owned());
        }
        let Some((numbers, axis, start)) = numbers else {
            return Err("an array of indices selects elements in every turn".to_owned());
        };
        let counter = self.look_at(&numbers, (axis, lengths[axis], start), count, step.span)?;
        let length = lengths[axis] as i64;
        Ok(Binding::Computed(Rc::new(Computed::Gathered(Gathered {
            value,
            places,
            numbers,
            start,
            length,
            shape: [count],
            counter,
        }))))
    }

    /// Looks whether numbers stand for places on an axis; gives the variable that counts them.
    fn look_at(
        &mut self,
        numbers: &Binding<'a>,
        (axis, length, start): (usize, usize, i64),
        count: usize,
        span: Span,
    ) -> Lowered<Local> {
        let count = self.amount(count as i64)?;
        let fault = self.fault(Fault::Bounds { axis, length, is_one_of_several: true, span });
        let (index, of_all) = (self.element(DType::I64), count.clone());
        let (body, (), _) = self.block(|lowering| {
            let number = lowering.at(numbers, &[Affine::of(index)])?;
            let to = lowering.element(DType::I64);
            lowering.push(Statement::Position {
                to,
                number,
                start,
                length: length as i64,
                may_be_negative: true,
                fault: Some(fault),
                at: Some((index, of_all.clone())),
            });
            Ok(())
        })?;
        self.push(Statement::Each { index, count, body });
        self.looked = Some((index, fault));
        Ok(index)
    }

    /// Takes back that numbers were looked at just before, so many, when they can be looked at where they are used.
    fn look_later(&mut self, count: &Affine, index: Local) -> Option<Statement> {
        let (look, fault) = self.looked.take()?;
        let open = self.code.last_mut()?;
        match open.last() {
            Some(Statement::Each { index: own, count: all, .. }) if *own == look && all == count => {}
            _ => return None,
        }
        self.look = Some(Look { counter: look, at: (index, count.clone()), fault, use_of_all: Use::Nowhere });
        open.pop()
    }

    /// An element at a place that a number says.
    pub(super) fn gathered_at(&mut self, gathered: &Gathered<'a>, index: &[Affine]) -> Lowered<Local> {
        let number = self.at(&gathered.numbers, index)?;
        let to = self.element(DType::I64);
        self.ranges[to] = Some((0, (gathered.length - 1).max(0)));
        let (start, length) = (gathered.start, gathered.length);
        let (mut fault, mut at) = (None, None);
        if let Some(look) = &mut self.look
            && look.counter == gathered.counter
        {
            if *index == [Affine::of(look.at.0)] && look.use_of_all != Use::Elsewhere {
                look.use_of_all = Use::AsCounted;
                (fault, at) = (Some(look.fault), Some(look.at.clone()));
            } else {
                look.use_of_all = Use::Elsewhere;
            }
        }
        self.push(Statement::Position { to, number, start, length, may_be_negative: true, fault, at });
        let places: Vec<Affine> =
            gathered.places.iter().map(|place| place.clone().unwrap_or_else(|| Affine::of(to))).collect();
        self.at(&gathered.value, &places)
    }

    /// The reductions of a region along one axis.
    pub(super) fn folds(&mut self, region: &'a Region, table: &mut Table<'a>) -> Lowered<()> {
        let &[length] = &region.shape[..] else { return Err("axes are reduced in every turn".to_owned()) };
        if !is_open(length) && length > MOST_REDUCED {
            return Err("a long array is reduced in every turn".to_owned());
        }
        if region.reduced != [0] {
            return Err("no axis is reduced in every turn".to_owned());
        }
        if region.instructions.iter().any(|instruction| !instruction.fault.is_empty()) {
            return Err("elements that may have no answer are reduced in every turn".to_owned());
        }
        for store in &region.stores {
            let made = self.computed(region, store.register, table)?;
            table[store.value] = Some(made);
        }
        let leaves = self.leaf_bindings(region, table)?;
        for end in &region.ends {
            let folded = self.fold(region, end, &leaves, length)?;
            table[end.value] = Some(Binding::Element(folded));
        }
        Ok(())
    }

    fn fold(&mut self, region: &'a Region, end: &End, leaves: &[Binding<'a>], length: usize) -> Lowered<Local> {
        let name = self.bodies.name(end.operation);
        let Reducer::Fold { fold, identity } = &end.how else {
            return Err(format!("`{name}` searches an array in every turn"));
        };
        let kernel: &'static Kernel = &fold.kernel;
        if kernel.fault.is_some() || kernel.operands.iter().any(|dtype| *dtype != kernel.result) {
            return Err(format!("`{name}` reduces an array in every turn"));
        }
        let (count, most) = (self.amount(length as i64)?, self.most(length)?);
        let identity = identity.map(|identity| identity.cast(kernel.result));
        let may_be_empty = !count.terms.is_empty() || count.offset == 0;
        if (identity.is_none() && may_be_empty) || most > Fold::most_elements(kernel.result) {
            return Err(format!("`{name}` reduces an array in every turn"));
        }
        let index = self.element(DType::I64);
        self.ranges[index] = Some((0, (most - 1).max(0)));
        let looked = self.look_later(&count, index);
        let (body, element, weight) = self.block(|lowering| {
            let mut registers = lowering.leaves_at(region, leaves, &[Affine::of(index)])?;
            for instruction in 0..region.instructions.len() {
                let result = lowering.instruction(region, instruction, &registers, &[])?;
                registers.push(result);
            }
            Ok(registers[end.register])
        })?;
        if let (Some(look), Some(statement)) = (self.look.take(), looked)
            && look.use_of_all != Use::AsCounted
        {
            self.push(statement);
        }
        if self.dtype(element) != kernel.result {
            return Err(format!("`{name}` reduces another dtype"));
        }
        self.weight += 2.0 + weight;
        let to = self.element(kernel.result);
        let identity = identity.filter(|_| may_be_empty);
        self.push(Statement::Fold(Box::new(Fold { to, index, count, most, body, element, kernel, identity })));
        Ok(to)
    }
}
