//! Registers for straight-line vector code: which operation finds its operands where, and what is saved and loaded between.
//!
//! Several copies of the code go side by side, each on its own vector of elements, so that the processor has something to do while
//! one copy waits. A value keeps its register until its last use; when there is none left, the value whose next use is farthest
//! goes to a slot of the stack (Belady's rule, which is the best there is for straight lines). What can be had again from memory,
//! constants and inputs, is loaded again instead.

use crate::kernel::record::{Code, Operation, Value};
use thalweg_lang::dtype::DType;

/// Where an operand is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a register.
    Register(u8),
    /// In a slot of the stack.
    Slot(u32),
    /// In memory: the constant, or the input, that the value is.
    Direct(Value),
}

/// What the machine does, in order.
#[derive(Debug)]
pub enum Step {
    /// An operation.
    Compute {
        /// Which.
        value: Value,
        /// Of which copy.
        copy: u8,
        /// Its register.
        result: u8,
        /// Its operands.
        operands: [Place; 3],
        /// Registers that it may use besides.
        temporaries: [u8; 2],
    },
    /// A constant or an input into a register.
    Load {
        /// Which.
        value: Value,
        /// Of which copy.
        copy: u8,
        /// Where to.
        register: u8,
    },
    /// A register's contents to another one of the same bank.
    Move {
        /// Which bank.
        bank: usize,
        /// Where from.
        from: u8,
        /// Where to.
        to: u8,
    },
    /// A register to a slot.
    Save {
        /// Which bank.
        bank: usize,
        /// Where from.
        register: u8,
        /// Where to.
        slot: u32,
    },
    /// A slot to a register.
    Restore {
        /// Which bank.
        bank: usize,
        /// Where to.
        register: u8,
        /// Where from.
        slot: u32,
    },
    /// What is only needed when one of the masks is true anywhere; behind it all registers are as if it had not run, but for
    /// those that its merges change.
    Guard {
        /// The masks' registers.
        masks: Vec<u8>,
        /// What is merged inside: the operation, its copy and its register, which holds the third operand before.
        results: Vec<(Value, u8, u8)>,
        /// The steps.
        body: Vec<Step>,
    },
    /// `register` takes `slow` where the mask is true.
    Merge {
        /// The operation.
        value: Value,
        /// Of which copy.
        copy: u8,
        /// Both what is there and what comes.
        register: u8,
        /// The mask's register.
        mask: u8,
        /// What comes.
        slow: u8,
    },
    /// An input's vector, put together of two that follow each other: another one's of this copy and of the next.
    Join {
        /// Which.
        value: Value,
        /// Of which copy.
        copy: u8,
        /// Where to.
        register: u8,
        /// Where the other input of this copy is.
        low: u8,
        /// Where the other input of the next copy is.
        high: u8,
    },
    /// An output.
    Store {
        /// Which output.
        output: usize,
        /// Its value.
        value: Value,
        /// Of which copy.
        copy: u8,
        /// Where from.
        register: u8,
    },
}

/// What the allocator has to know of a machine.
pub trait Target {
    /// How many registers each bank has.
    fn banks(&self) -> [usize; 2];
    /// The bank of a dtype's values.
    fn bank(&self, dtype: DType) -> usize;
    /// Whether an operation can read an operand from memory, and whether the first two can change places.
    fn memory(&self, operation: &Operation) -> ([bool; 3], bool);
    /// Registers of each bank that an operation needs for itself, and whether it writes its result before it has read all.
    fn needs(&self, operation: &Operation, operands: [DType; 3]) -> Needs;
    /// Whether a value is an input that lies in memory element by element.
    fn is_dense(&self, value: Value) -> bool;
    /// Whether a value is the same in every element and lies in memory.
    fn is_uniform(&self, value: Value) -> bool;
    /// The dense input of which a value is the same elements, less than a vector further on, where it is worth it to make one of the
    /// other's registers instead of reading memory again.
    fn shifted(&self, value: Value) -> Option<Value>;
}

/// What an operation needs besides its operands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// How many registers of its own, and of which bank (at most two in all).
    pub temporaries: [usize; 2],
    /// Whether the result must not lie where an operand does.
    pub apart: bool,
}

/// Code whose values have registers.
pub struct Allocation {
    /// Loaded once, before everything.
    pub pinned: Vec<(Value, u8)>,
    /// The steps.
    pub steps: Vec<Step>,
    /// How many slots there are.
    pub slots: u32,
}

/// Never used again.
const NEVER: u32 = u32::MAX;

/// For each value, the operations that use it, or what is made of it, ascending; outputs use theirs after all. What lies in memory ready
/// made needs nothing.
fn uses(target: &impl Target, operations: &[Operation], outputs: &[Value], shifted: &[Option<Value>]) -> Vec<Vec<u32>> {
    let mut uses = vec![Vec::new(); operations.len()];
    for (index, operation) in operations.iter().enumerate().filter(|(index, _)| !target.is_uniform(*index as Value)) {
        let others = operation.operands().iter().filter_map(|&operand| shifted[operand as usize]);
        for operand in operation.operands().iter().copied().chain(others) {
            let list: &mut Vec<u32> = &mut uses[operand as usize];
            if list.last() != Some(&(index as u32)) {
                list.push(index as u32);
            }
        }
    }
    for &output in outputs {
        uses[output as usize].push(operations.len() as u32);
    }
    uses
}

/// For each value the one of which it is put together.
fn shifted(target: &impl Target, operations: &[Operation]) -> Vec<Option<Value>> {
    // These operations may be the first ones of more.
    let is_there = |&other: &Value| (other as usize) < operations.len();
    (0..operations.len() as Value).map(|value| target.shifted(value).filter(is_there)).collect()
}

/// How many registers of each bank one copy needs at once, and the values that could be loaded once, the most used first.
pub fn pressure(target: &impl Target, operations: &[Operation], outputs: &[Value]) -> ([usize; 2], Vec<Value>) {
    let shifted = shifted(target, operations);
    let uses = uses(target, operations, outputs, &shifted);
    let mut live = [0usize; 2];
    let mut most = [0usize; 2];
    let mut uniform: Vec<Value> = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let value = index as Value;
        if target.is_uniform(value) {
            if !uses[index].is_empty() {
                uniform.push(value);
            }
            continue;
        }
        if operation.code == Code::Rare {
            continue;
        }
        let others = operation.operands().iter().filter_map(|&operand| shifted[operand as usize]);
        let mut ended: Vec<Value> = Vec::new();
        for operand in operation.operands().iter().copied().chain(others) {
            let last = uses[operand as usize].last() == Some(&(index as u32));
            if last && !target.is_uniform(operand) && !ended.contains(&operand) {
                ended.push(operand);
                let bank = target.bank(operations[operand as usize].dtype);
                live[bank] = live[bank].saturating_sub(1);
            }
        }
        let bank = target.bank(operation.dtype);
        let waits = target.is_dense(value);
        if !waits || uses[index].len() > 1 {
            live[bank] += 1;
            most[bank] = most[bank].max(live[bank]);
        }
    }
    uniform.sort_by_key(|&value| std::cmp::Reverse(uses[value as usize].len()));
    (most, uniform)
}

#[derive(Clone, Copy, Default)]
struct Location {
    register: Option<u8>,
    slot: Option<u32>,
}

/// Who holds a register.
type Holder = (Value, u8);

struct Allocator<'a, T> {
    target: &'a T,
    operations: &'a [Operation],
    uses: Vec<Vec<u32>>,
    /// For each value the one of which it is put together.
    shifted: Vec<Option<Value>>,
    copies: usize,
    /// By value and copy.
    locations: Vec<Location>,
    holders: [Vec<Option<Holder>>; 2],
    /// Registers that must stay as they are: pinned ones, and those of the operation at hand.
    locked: [Vec<u32>; 2],
    pinned: Vec<Option<u8>>,
    /// How far each copy has come: what is guarded runs copy after copy.
    reached: Vec<u32>,
    slots: u32,
    free_slots: Vec<u32>,
    steps: Vec<Step>,
}

/// Gives registers to `copies` copies of the code, of which the `pinned` values are loaded once. Those that come behind the operations are
/// another code's, which finds its registers as they were.
pub fn allocate<T: Target>(
    target: &T,
    operations: &[Operation],
    outputs: &[Value],
    copies: usize,
    pinned: &[Value],
) -> Allocation {
    let banks = target.banks();
    // One copy alone has nothing to be put together of.
    let shifted = if copies > 1 { shifted(target, operations) } else { vec![None; operations.len()] };
    let mut allocator = Allocator {
        target,
        operations,
        uses: uses(target, operations, outputs, &shifted),
        shifted,
        copies,
        locations: vec![Location::default(); operations.len() * copies],
        holders: banks.map(|count| vec![None; count]),
        locked: banks.map(|count| vec![0; count]),
        pinned: vec![None; operations.len()],
        reached: vec![0; copies],
        slots: 0,
        free_slots: Vec::new(),
        steps: Vec::new(),
    };
    let mut registers = Vec::new();
    // The last registers: the first ones have the shorter names.
    let mut next = banks;
    for &value in pinned {
        let own = operations.get(value as usize);
        let bank = own.map_or(target.bank(DType::F64), |operation| target.bank(operation.dtype));
        next[bank] -= 1;
        allocator.locked[bank][next[bank]] = 1;
        if own.is_some() {
            allocator.pinned[value as usize] = Some(next[bank] as u8);
            registers.push((value, next[bank] as u8));
        }
    }
    let all: Vec<u8> = (0..copies as u8).collect();
    allocator.range(0, operations.len() as u32, &all);
    let end = operations.len() as u32;
    for &copy in &all {
        for (output, &value) in outputs.iter().enumerate() {
            let register = allocator.in_register(value, copy, end - 1);
            allocator.steps.push(Step::Store { output, value, copy, register });
            let later = outputs[output + 1..].contains(&value);
            if !later {
                allocator.release(value, copy);
            }
        }
    }
    Allocation { pinned: registers, steps: allocator.steps, slots: allocator.slots }
}

impl<T: Target> Allocator<'_, T> {
    fn operation(&self, value: Value) -> Operation {
        self.operations[value as usize]
    }

    fn bank(&self, value: Value) -> usize {
        self.target.bank(self.operation(value).dtype)
    }

    fn location(&mut self, value: Value, copy: u8) -> &mut Location {
        &mut self.locations[value as usize * self.copies + copy as usize]
    }

    /// The first use of a value after an operation.
    fn next_use(&self, value: Value, after: u32) -> u32 {
        let uses = &self.uses[value as usize];
        uses.get(uses.partition_point(|&index| index <= after)).copied().unwrap_or(NEVER)
    }

    /// The operations `first..end` for the given copies.
    fn range(&mut self, first: u32, end: u32, copies: &[u8]) {
        let mut index = first;
        while index < end {
            let operation = self.operation(index);
            match operation.code {
                Code::Constant | Code::Operand => index += 1,
                _ if self.target.is_uniform(index) => index += 1,
                Code::Rare => index = self.guard(index, copies),
                _ => {
                    for &copy in copies {
                        self.compute(index, copy);
                    }
                    index += 1;
                }
            }
        }
    }

    fn compute(&mut self, index: Value, copy: u8) {
        let operation = self.operation(index);
        self.reached[copy as usize] = index;
        let mut order = [0, 1, 2];
        let (memory, swaps) = self.target.memory(&operation);
        // An operand that lies in memory and is wanted only here is read there, if the instruction can.
        let arity = operation.arity as usize;
        let direct = |allocator: &mut Self, position: usize| {
            let value = operation.operands[position];
            if allocator.pinned[value as usize].is_some() {
                return None;
            }
            let location = *allocator.location(value, copy);
            match location {
                Location { register: Some(_), .. } => None,
                Location { slot: Some(slot), .. } => Some(Place::Slot(slot)),
                _ if allocator.target.is_uniform(value) => Some(Place::Direct(value)),
                _ if allocator.is_joined(value, copy, index).is_some() => None,
                _ if allocator.target.is_dense(value) && allocator.next_use(value, index) == NEVER => {
                    Some(Place::Direct(value))
                }
                _ => None,
            }
        };
        let twice = |position: usize| {
            (0..arity).any(|other| other != position && operation.operands[other] == operation.operands[position])
        };
        let mut places = [Place::Register(0); 3];
        let mut chosen = None;
        for position in (0..arity).rev().filter(|&position| memory[position] && !twice(position)) {
            if let Some(place) = direct(self, position) {
                chosen = Some((position, place));
                break;
            }
        }
        if chosen.is_none()
            && swaps
            && memory[1]
            && !twice(0)
            && let Some(place) = direct(self, 0)
        {
            order.swap(0, 1);
            chosen = Some((1, place));
        }
        let mut held: Vec<(usize, u8)> = Vec::new();
        for position in 0..arity {
            if let Some((at, place)) = chosen
                && at == position
            {
                places[position] = place;
                continue;
            }
            let value = operation.operands[order[position]];
            let register = self.in_register(value, copy, index);
            places[position] = Place::Register(register);
            let bank = self.bank(value);
            self.locked[bank][register as usize] += 1;
            held.push((bank, register));
        }
        let dtypes = std::array::from_fn(|position| self.operation(operation.operands[position]).dtype);
        let needs = self.target.needs(&operation, dtypes);
        let mut temporaries = [0; 2];
        let mut count = 0;
        for bank in 0..2 {
            for _ in 0..needs.temporaries[bank] {
                let register = self.take(bank, index);
                self.locked[bank][register as usize] += 1;
                held.push((bank, register));
                temporaries[count] = register;
                count += 1;
            }
        }
        // The slots of operands that die are read by the operation itself: what makes room for its result goes elsewhere.
        let free_slots = std::mem::take(&mut self.free_slots);
        if !needs.apart {
            self.unlock(&mut held);
            self.release_dying(&operation, index, copy);
        }
        let dying = std::mem::replace(&mut self.free_slots, free_slots);
        let bank = self.bank(index);
        // The result goes where its first operand was, if that is free now: the instruction may then work in place.
        let preferred = (0..arity).find_map(|position| match places[position] {
            Place::Register(register)
                if self.bank(operation.operands[order[position]]) == bank
                    && self.holders[bank][register as usize].is_none()
                    && self.locked[bank][register as usize] == 0 =>
            {
                Some(register)
            }
            _ => None,
        });
        // Temporaries are nobody's, but not the result's either.
        let own: Vec<(usize, u8)> = if needs.apart { Vec::new() } else { self.lock_temporaries(&temporaries, &needs) };
        let result = match preferred.filter(|register| !own.contains(&(bank, *register))) {
            Some(register) => register,
            None => self.take(bank, index),
        };
        for (bank, register) in own {
            self.locked[bank][register as usize] -= 1;
        }
        if needs.apart {
            self.unlock(&mut held);
            self.release_dying(&operation, index, copy);
        }
        self.free_slots.extend(dying);
        self.hold(index, copy, result);
        self.steps.push(Step::Compute { value: index, copy, result, operands: places, temporaries });
    }

    fn lock_temporaries(&mut self, temporaries: &[u8; 2], needs: &Needs) -> Vec<(usize, u8)> {
        let mut own = Vec::new();
        let mut count = 0;
        for bank in 0..2 {
            for _ in 0..needs.temporaries[bank] {
                self.locked[bank][temporaries[count] as usize] += 1;
                own.push((bank, temporaries[count]));
                count += 1;
            }
        }
        own
    }

    fn unlock(&mut self, held: &mut Vec<(usize, u8)>) {
        for (bank, register) in held.drain(..) {
            self.locked[bank][register as usize] -= 1;
        }
    }

    fn release_dying(&mut self, operation: &Operation, index: Value, copy: u8) {
        for &operand in operation.operands() {
            // The copy before has taken what it needs of this one's.
            for value in [Some(operand), self.shifted[operand as usize]].into_iter().flatten() {
                if self.next_use(value, index) == NEVER {
                    self.release(value, copy);
                }
            }
        }
    }

    /// The value of which a copy's vector of an input is put together at an operation, if it is: both parts are in registers, or will
    /// be needed there anyway.
    fn is_joined(&self, value: Value, copy: u8, at: u32) -> Option<Value> {
        let other = self.shifted[value as usize]?;
        let is_there = |copy: usize| match self.locations[other as usize * self.copies + copy] {
            Location { register: Some(_), .. } => true,
            Location { slot, .. } => slot.is_none() && self.next_use(other, at.saturating_sub(1)) != NEVER,
        };
        let copy = copy as usize;
        (copy + 1 < self.copies && is_there(copy) && is_there(copy + 1)).then_some(other)
    }

    /// Puts a copy's vector of an input together of two of another.
    fn join(&mut self, value: Value, other: Value, copy: u8, at: u32) -> u8 {
        let bank = self.bank(value);
        let mut parts = [0; 2];
        for (next, part) in parts.iter_mut().enumerate() {
            *part = self.in_register(other, copy + next as u8, at);
            self.locked[bank][*part as usize] += 1;
        }
        let register = self.take(bank, at.saturating_sub(1));
        let [low, high] = parts;
        parts.iter().for_each(|&part| self.locked[bank][part as usize] -= 1);
        self.steps.push(Step::Join { value, copy, register, low, high });
        self.hold(value, copy, register);
        register
    }

    /// A value is not needed any more.
    fn release(&mut self, value: Value, copy: u8) {
        let location = std::mem::take(self.location(value, copy));
        let bank = self.bank(value);
        if let Some(register) = location.register {
            self.holders[bank][register as usize] = None;
        }
        if let Some(slot) = location.slot {
            self.free_slots.push(slot);
        }
    }

    fn hold(&mut self, value: Value, copy: u8, register: u8) {
        let bank = self.bank(value);
        self.holders[bank][register as usize] = Some((value, copy));
        self.location(value, copy).register = Some(register);
    }

    /// A value's register; it is loaded if it has none.
    fn in_register(&mut self, value: Value, copy: u8, at: u32) -> u8 {
        if let Some(register) = self.pinned[value as usize] {
            return register;
        }
        let Location { register, slot } = *self.location(value, copy);
        if let Some(register) = register {
            return register;
        }
        if slot.is_none()
            && let Some(other) = self.is_joined(value, copy, at)
        {
            return self.join(value, other, copy, at);
        }
        let bank = self.bank(value);
        // The use at hand counts: what one operand needs must not be thrown out for its neighbour.
        let register = self.take(bank, at.saturating_sub(1));
        match slot {
            Some(slot) => self.steps.push(Step::Restore { bank, register, slot }),
            None => self.steps.push(Step::Load { value, copy, register }),
        }
        self.hold(value, copy, register);
        register
    }

    /// A register that holds nothing, or no longer does.
    fn take(&mut self, bank: usize, at: u32) -> u8 {
        let free = |register: &usize| self.holders[bank][*register].is_none() && self.locked[bank][*register] == 0;
        let count = self.holders[bank].len();
        if let Some(register) = (0..count).find(free) {
            return register as u8;
        }
        let farthest = (0..count).filter(|&register| self.locked[bank][register] == 0).max_by_key(|&register| {
            self.holders[bank][register].map(|(value, copy)| self.next_use(value, at.min(self.reached[copy as usize])))
        });
        let Some(register) = farthest else { unreachable!("an operation needs fewer registers than there are") };
        if let Some((value, copy)) = self.holders[bank][register].take() {
            let again = self.target.is_uniform(value);
            let free_slot = self.free_slots.pop();
            let Location { register: held, slot } = self.location(value, copy);
            *held = None;
            if !again && slot.is_none() {
                let chosen = free_slot.unwrap_or(self.slots);
                self.location(value, copy).slot = Some(chosen);
                self.slots = self.slots.max(chosen + 1);
                self.steps.push(Step::Save { bank, register: register as u8, slot: chosen });
            } else if let Some(free) = free_slot {
                self.free_slots.push(free);
            }
        }
        register as u8
    }

    /// The guarded operations behind a `Rare` up to its merges; gives the operation behind them.
    fn guard(&mut self, rare: Value, copies: &[u8]) -> u32 {
        let names_it = |operation: &Operation| operation.code == Code::Merge && operation.immediate == rare as u64;
        let later = &self.operations[rare as usize..];
        let merge = rare + later.iter().position(names_it).unwrap_or(0) as u32;
        let merges =
            self.operations[merge as usize..].iter().take_while(|operation| names_it(operation)).count() as u32;
        let end = merge + merges;
        let test = self.operation(rare).operands[0];
        // What is merged lies in its register before the guard.
        let mut results: Vec<(Value, u8, usize, u8)> = Vec::new();
        for &copy in copies {
            for value in merge..end {
                let fast = self.operation(value).operands[2];
                let bank = self.bank(value);
                let register = self.in_register(fast, copy, rare);
                let dies = self.next_use(fast, value) == NEVER
                    && (value + 1..end).all(|other| self.operation(other).operands[2] != fast)
                    && self.next_use(fast, rare) >= merge
                    && self.pinned[fast as usize].is_none();
                let register = if dies {
                    self.release(fast, copy);
                    register
                } else {
                    self.locked[bank][register as usize] += 1;
                    let to = self.take(bank, rare);
                    self.locked[bank][register as usize] -= 1;
                    self.steps.push(Step::Move { bank, from: register, to });
                    to
                };
                self.hold(value, copy, register);
                self.locked[bank][register as usize] += 1;
                results.push((value, copy, bank, register));
            }
        }
        copies.iter().for_each(|&copy| self.reached[copy as usize] = rare);
        let mask_bank = self.bank(test);
        let mut masks = Vec::new();
        for &copy in copies {
            let register = self.in_register(test, copy, rare);
            self.locked[mask_bank][register as usize] += 1;
            masks.push(register);
        }
        for &register in &masks {
            self.locked[mask_bank][register as usize] -= 1;
        }
        let outer = std::mem::take(&mut self.steps);
        let before = (self.holders.clone(), self.locations.clone());
        let (free_before, slots_before) = (self.free_slots.clone(), self.slots);
        // Slots that are freed inside may be needed outside again: the guarded code gets new ones.
        self.free_slots.clear();
        for &copy in copies {
            self.range(rare + 1, merge, &[copy]);
            for value in merge..end {
                let [mask, slow, _] = self.operation(value).operands;
                let slow_register = self.in_register(slow, copy, value);
                let bank = self.bank(slow);
                self.locked[bank][slow_register as usize] += 1;
                let mask = self.in_register(mask, copy, value);
                self.locked[bank][slow_register as usize] -= 1;
                let Some(&(_, _, _, register)) = results.iter().find(|result| result.0 == value && result.1 == copy)
                else {
                    unreachable!("every merge has its result")
                };
                self.steps.push(Step::Merge { value, copy, register, mask, slow: slow_register });
                if self.next_use(slow, end - 1) == NEVER
                    && (value + 1..end).all(|other| self.operation(other).operands[1] != slow)
                {
                    self.release(slow, copy);
                }
            }
        }
        // Back to what was before: whoever skips the guarded code must find the same.
        let (holders, locations) = before;
        for (bank, before) in holders.iter().enumerate() {
            for (register, &holder) in before.iter().enumerate() {
                let Some((value, copy)) = holder else { continue };
                if self.holders[bank][register] == holder {
                    continue;
                }
                let after = if copies.contains(&copy) { end - 1 } else { self.reached[copy as usize] };
                let merged = results.iter().any(|result| result.0 == value && result.1 == copy);
                if merged || self.next_use(value, after) == NEVER {
                    continue;
                }
                let register = register as u8;
                match self.locations[value as usize * self.copies + copy as usize].slot {
                    Some(slot) => self.steps.push(Step::Restore { bank, register, slot }),
                    None => self.steps.push(Step::Load { value, copy, register }),
                }
            }
        }
        copies.iter().for_each(|&copy| self.reached[copy as usize] = end - 1);
        self.holders = holders;
        self.locations = locations;
        self.free_slots = free_before;
        self.free_slots.extend(slots_before..self.slots);
        let body = std::mem::replace(&mut self.steps, outer);
        let merged = results.iter().map(|&(value, copy, _, register)| (value, copy, register)).collect();
        self.steps.push(Step::Guard { masks, results: merged, body });
        for &(_, _, bank, register) in &results {
            self.locked[bank][register as usize] -= 1;
        }
        // What was needed only inside is free now.
        for &copy in copies {
            for index in rare..end {
                let operation = self.operation(index);
                for &operand in operation.operands() {
                    if operand < rare && self.next_use(operand, end - 1) == NEVER {
                        let merged = (merge..end).any(|value| value == operand);
                        if !merged {
                            self.release(operand, copy);
                        }
                    }
                }
            }
        }
        end
    }
}
