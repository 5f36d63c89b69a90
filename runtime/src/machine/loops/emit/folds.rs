//! Reductions in the one order that `execute/fold.rs` tells: accumulators for the elements of a stripe, halved, and the blocks'
//! results likewise.

use super::{Block, Emitter, InstBuilder, IntCC, Kind, StackSlotData, StackSlotKind, Value, types};
use crate::kernel::{Kernel, STRIPE, STRIPES};
use crate::machine::loops::program::Fold;

/// So few elements are reduced in registers, without loops whose ends nobody foresees: short rows of all lengths are common.
const FEW: usize = 8;

/// Code for an element is repeated for each of the few if it has no more statements.
const MOST_REPEATED: usize = 12;

/// Accumulators in the code's own frame.
struct Row<'a> {
    base: Value,
    kernel: &'a Kernel,
}

impl Row<'_> {
    fn size(&self) -> i64 {
        self.kernel.result.size() as i64
    }

    fn lanes(&self) -> i64 {
        STRIPE as i64 / self.size()
    }
}

impl Emitter<'_, '_, '_> {
    fn row<'a>(&mut self, level: usize, kernel: &'a Kernel) -> Row<'a> {
        let slot = match self.accumulators[level] {
            Some(slot) => slot,
            None => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, STRIPE as u32, 6);
                *self.accumulators[level].insert(self.builder.create_sized_stack_slot(data))
            }
        };
        Row { base: self.builder.ins().stack_addr(types::I64, slot, 0), kernel }
    }

    /// Where an accumulator lies.
    fn accumulator(&mut self, row: &Row, number: Value) -> Value {
        let bytes = self.builder.ins().imul_imm_s(number, row.size());
        self.builder.ins().iadd(row.base, bytes)
    }

    /// Combines what lies at an address with what is given.
    fn accumulate(&mut self, row: &Row, address: Value, values: Vec<Value>) -> Option<()> {
        let known = self.load(Kind::Element(row.kernel.result), address, 0);
        let sum = self.compute(row.kernel, &[known, values], None)?;
        self.store(&sum, address, 0);
        Some(())
    }

    /// A reduction.
    pub(super) fn fold(&mut self, fold: &Fold) -> Option<()> {
        let count = self.number(&fold.count);
        let row = self.row(0, fold.kernel);
        let after = self.builder.create_block();
        if let Some(identity) = fold.identity {
            let values = self.constant(identity);
            self.set(fold.to, &values);
            let is_nothing = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, count, 1);
            self.go_on_unless(is_nothing, after, &[]);
        }
        if fold.body.len() <= MOST_REPEATED && row.lanes() >= FEW as i64 {
            let [few, many] = std::array::from_fn(|_| self.builder.create_block());
            let is_few = self.builder.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, count, FEW as i64);
            self.builder.ins().brif(is_few, few, &[], many, &[]);
            self.begin(few);
            self.fold_few(fold, count, after)?;
            self.begin(many);
        }
        let block = row.lanes() * STRIPES as i64;
        let first = self.builder.ins().iconst(types::I64, 0);
        let whole = if fold.most <= block {
            self.fold_block(fold, &row, first, count)?;
            row
        } else {
            let results = self.row(1, fold.kernel);
            let shift = block.trailing_zeros() as i64;
            self.counted(first, count, block, |emitter, start| {
                emitter.look_whether_cancelled();
                let left = emitter.builder.ins().isub(count, start);
                let most = emitter.builder.ins().iconst(types::I64, block);
                let length = emitter.builder.ins().smin(left, most);
                emitter.fold_block(fold, &row, start, length)?;
                let values = emitter.load(Kind::Element(fold.kernel.result), row.base, 0);
                let number = emitter.builder.ins().ushr_imm_s(start, shift);
                let place = emitter.builder.ins().band_imm_s(number, row.lanes() - 1);
                let address = emitter.accumulator(&results, place);
                let is_first = emitter.builder.ins().icmp_imm_s(IntCC::SignedLessThan, number, row.lanes());
                let [begin, go_on, done] = std::array::from_fn(|_| emitter.builder.create_block());
                emitter.builder.ins().brif(is_first, begin, &[], go_on, &[]);
                emitter.begin(begin);
                emitter.store(&values, address, 0);
                emitter.builder.ins().jump(done, &[]);
                emitter.begin(go_on);
                emitter.accumulate(&results, address, values)?;
                emitter.builder.ins().jump(done, &[]);
                emitter.begin(done);
                Some(())
            })?;
            let rounded = self.builder.ins().iadd_imm_s(count, block - 1);
            let blocks = self.builder.ins().ushr_imm_s(rounded, shift);
            let lanes = self.builder.ins().iconst(types::I64, row.lanes());
            let width = self.builder.ins().smin(blocks, lanes);
            self.halve(&results, width)?;
            results
        };
        let values = self.load(Kind::Element(fold.kernel.result), whole.base, 0);
        self.set(fold.to, &values);
        self.builder.ins().jump(after, &[]);
        self.begin(after);
        Some(())
    }

    /// A block that nothing else leads to any more.
    pub(super) fn begin(&mut self, block: Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
    }

    /// One to [`FEW`] elements: as they come, the later ones into the accumulators that [`Emitter::halve`] would add them to first.
    fn fold_few(&mut self, fold: &Fold, count: Value, after: Block) -> Option<()> {
        const HALF: usize = FEW / 2;
        let mut sums: Vec<Vec<Value>> = Vec::new();
        for number in 0..FEW {
            let index = self.builder.ins().iconst(types::I64, number as i64);
            let element = self.element_of(fold, index)?;
            match number.checked_sub(HALF) {
                None => sums.push(element),
                Some(place) => sums[place] = self.compute(fold.kernel, &[sums[place].clone(), element], None)?,
            }
            let [last, more] = std::array::from_fn(|_| self.builder.create_block());
            let is_last = self.builder.ins().icmp_imm_s(IntCC::Equal, count, number as i64 + 1);
            match number + 1 < FEW {
                true => self.builder.ins().brif(is_last, last, &[], more, &[]),
                false => self.builder.ins().jump(last, &[]),
            };
            self.begin(last);
            let sum = self.halved(fold.kernel, sums.clone())?;
            self.set(fold.to, &sum);
            self.builder.ins().jump(after, &[]);
            if number + 1 < FEW {
                self.begin(more);
            }
        }
        Some(())
    }

    /// What [`Emitter::halve`] makes of accumulators in registers.
    fn halved(&mut self, kernel: &Kernel, mut sums: Vec<Vec<Value>>) -> Option<Vec<Value>> {
        while sums.len() > 1 {
            let half = sums.len().next_power_of_two() / 2;
            for (place, other) in sums.split_off(half).into_iter().enumerate() {
                sums[place] = self.compute(kernel, &[sums[place].clone(), other], None)?;
            }
        }
        sums.pop()
    }

    /// The elements of a block, at least one, reduced to the first accumulator.
    fn fold_block(&mut self, fold: &Fold, row: &Row, start: Value, length: Value) -> Option<()> {
        let zero = self.builder.ins().iconst(types::I64, 0);
        let lanes = self.builder.ins().iconst(types::I64, row.lanes());
        let width = self.builder.ins().smin(length, lanes);
        self.counted(zero, width, 1, |emitter, place| {
            let index = emitter.builder.ins().iadd(start, place);
            let values = emitter.element_of(fold, index)?;
            let address = emitter.accumulator(row, place);
            emitter.store(&values, address, 0);
            Some(())
        })?;
        self.counted(lanes, length, row.lanes(), |emitter, stripe| {
            let left = emitter.builder.ins().isub(length, stripe);
            let width = emitter.builder.ins().smin(left, lanes);
            let begin = emitter.builder.ins().iadd(start, stripe);
            emitter.counted(zero, width, 1, |emitter, place| {
                let index = emitter.builder.ins().iadd(begin, place);
                let values = emitter.element_of(fold, index)?;
                let address = emitter.accumulator(row, place);
                emitter.accumulate(row, address, values)
            })
        })?;
        self.halve(row, width)
    }

    fn element_of(&mut self, fold: &Fold, index: Value) -> Option<Vec<Value>> {
        self.set(fold.index, &[index]);
        self.statements(&fold.body)?;
        Some(self.get(fold.element))
    }

    /// So many accumulators, at least one, joined in the first: each takes the one that lies half of the next power of two further.
    fn halve(&mut self, row: &Row, width: Value) -> Option<()> {
        let before = self.builder.ins().iadd_imm_s(width, -1);
        let zeros = self.builder.ins().clz(before);
        let one = self.builder.ins().iconst(types::I64, 1);
        let most = self.builder.ins().iconst(types::I64, 63);
        let power = self.builder.ins().isub(most, zeros);
        // Of one accumulator there is no half: the power is -1, which shifts as 63 does, to a number below 0.
        let half = self.builder.ins().ishl(one, power);
        let [body, after] = std::array::from_fn(|_| self.builder.create_block());
        for _ in 0..2 {
            self.builder.append_block_param(body, types::I64);
        }
        let is_any = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThan, half, 0);
        self.builder.ins().brif(is_any, body, &[half.into(), width.into()], after, &[]);
        self.builder.switch_to_block(body);
        let (half, width) = (self.builder.block_params(body)[0], self.builder.block_params(body)[1]);
        let (zero, upper) = (self.builder.ins().iconst(types::I64, 0), self.builder.ins().isub(width, half));
        let distance = self.builder.ins().imul_imm_s(half, row.size());
        self.counted(zero, upper, 1, |emitter, place| {
            let address = emitter.accumulator(row, place);
            let other = emitter.builder.ins().iadd(address, distance);
            let values = emitter.load(Kind::Element(row.kernel.result), other, 0);
            emitter.accumulate(row, address, values)
        })?;
        let next = self.builder.ins().ushr_imm_s(half, 1);
        let is_another = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThan, next, 0);
        self.builder.ins().brif(is_another, body, &[next.into(), half.into()], after, &[]);
        self.builder.seal_block(body);
        self.begin(after);
        Some(())
    }
}
