//! Checks an allocation without running it: every operation finds the values that it wants where it looks for them.

use super::allocate::{Allocation, Place, Step, Target};
use crate::kernel::record::{Operation, Value};
use std::collections::HashMap;

/// Which value of which copy.
type Held = (Value, u8);

/// What lies where.
#[derive(Clone, Default, PartialEq)]
struct State {
    registers: HashMap<(usize, u8), Held>,
    slots: HashMap<u32, Held>,
}

struct Verifier<'a, T> {
    target: &'a T,
    operations: &'a [Operation],
    pinned: HashMap<(usize, u8), Value>,
}

/// The first fault of an allocation.
pub fn fault<T: Target>(target: &T, operations: &[Operation], allocation: &Allocation) -> Option<String> {
    let bank = |value: Value| target.bank(operations[value as usize].dtype);
    let pinned = allocation.pinned.iter().map(|&(value, register)| ((bank(value), register), value)).collect();
    let verifier = Verifier { target, operations, pinned };
    verifier.steps(&allocation.steps, &mut State::default()).err()
}

impl<T: Target> Verifier<'_, T> {
    fn bank(&self, value: Value) -> usize {
        self.target.bank(self.operations[value as usize].dtype)
    }

    fn expect(&self, state: &State, bank: usize, register: u8, value: Value, copy: u8) -> Result<(), String> {
        if self.pinned.get(&(bank, register)) == Some(&value)
            || state.registers.get(&(bank, register)) == Some(&(value, copy))
        {
            return Ok(());
        }
        let found = state.registers.get(&(bank, register));
        Err(format!("register {register} of bank {bank} should hold {value} of copy {copy} and has {found:?}"))
    }

    fn write(&self, state: &mut State, bank: usize, register: u8, held: Held) -> Result<(), String> {
        if self.pinned.contains_key(&(bank, register)) {
            return Err(format!("register {register} of bank {bank} is pinned"));
        }
        state.registers.insert((bank, register), held);
        Ok(())
    }

    fn steps(&self, steps: &[Step], state: &mut State) -> Result<(), String> {
        for step in steps {
            self.step(step, state).map_err(|fault| format!("{fault}, at {step:?}"))?;
        }
        Ok(())
    }

    fn step(&self, step: &Step, state: &mut State) -> Result<(), String> {
        match step {
            Step::Compute { value, copy, result, operands, temporaries } => {
                let operation = self.operations[*value as usize];
                let wanted = operation.operands();
                let mut swapped = wanted.to_vec();
                if swapped.len() > 1 {
                    swapped.swap(0, 1);
                }
                let found = |state: &State, wanted: &[Value]| -> Result<(), String> {
                    for (&place, &value) in operands.iter().zip(wanted) {
                        match place {
                            Place::Register(register) => {
                                self.expect(state, self.bank(value), register, value, *copy)?;
                            }
                            Place::Slot(slot) if state.slots.get(&slot) == Some(&(value, *copy)) => {}
                            Place::Direct(direct) if direct == value => {}
                            place => return Err(format!("{place:?} is not {value} of copy {copy}")),
                        }
                    }
                    Ok(())
                };
                found(state, wanted).or_else(|fault| {
                    let (_, swaps) = self.target.memory(&operation);
                    if swaps { found(state, &swapped) } else { Err(fault) }
                })?;
                let dtypes =
                    std::array::from_fn(|position| self.operations[operation.operands[position] as usize].dtype);
                let needs = self.target.needs(&operation, dtypes);
                let mut count = 0;
                for bank in 0..2 {
                    for _ in 0..needs.temporaries[bank] {
                        state.registers.remove(&(bank, temporaries[count]));
                        count += 1;
                    }
                }
                self.write(state, self.bank(*value), *result, (*value, *copy))
            }
            Step::Join { value, copy, register, low, high } => {
                let Some(other) = self.target.shifted(*value) else {
                    return Err(format!("{value} is not another one's elements further on"));
                };
                self.expect(state, self.bank(other), *low, other, *copy)?;
                self.expect(state, self.bank(other), *high, other, *copy + 1)?;
                self.write(state, self.bank(*value), *register, (*value, *copy))
            }
            Step::Load { value, copy, register } => self.write(state, self.bank(*value), *register, (*value, *copy)),
            Step::Move { bank, from, to } => {
                match (state.registers.get(&(*bank, *from)), self.pinned.get(&(*bank, *from))) {
                    (_, Some(&value)) => self.write(state, *bank, *to, (value, 0)),
                    (Some(&held), None) => self.write(state, *bank, *to, held),
                    (None, None) => Err("there is nothing to move".to_owned()),
                }
            }
            Step::Save { bank, register, slot } => match state.registers.get(&(*bank, *register)) {
                Some(&held) => {
                    state.slots.insert(*slot, held);
                    Ok(())
                }
                None => Err("there is nothing to save".to_owned()),
            },
            Step::Restore { bank, register, slot } => match state.slots.get(slot) {
                Some(&held) => self.write(state, *bank, *register, held),
                None => Err("there is nothing to restore".to_owned()),
            },
            Step::Guard { masks: _, results, body } => {
                let mut after = state.clone();
                for &(value, copy, register) in results {
                    let fast = self.operations[value as usize].operands[2];
                    let bank = self.bank(value);
                    let held = after.registers.get(&(bank, register)).copied();
                    if held.map(|held| held.0) != Some(fast) {
                        return Err(format!(
                            "register {register} should hold {fast}, which {value} merges, not {held:?}"
                        ));
                    }
                    self.write(&mut after, bank, register, (value, copy))?;
                }
                let skipped = after.clone();
                self.steps(body, &mut after)?;
                // What is the same either way is there afterwards.
                *state = skipped;
                state.registers.retain(|place, held| after.registers.get(place) == Some(held));
                state.slots.retain(|place, held| after.slots.get(place) == Some(held));
                Ok(())
            }
            Step::Merge { value, copy, register, mask, slow } => {
                let [truth, other, _] = self.operations[*value as usize].operands;
                self.expect(state, self.bank(truth), *mask, truth, *copy)?;
                self.expect(state, self.bank(other), *slow, other, *copy)?;
                self.expect(state, self.bank(*value), *register, *value, *copy)
            }
            Step::Store { value, copy, register, .. } => {
                self.expect(state, self.bank(*value), *register, *value, *copy)
            }
        }
    }
}
