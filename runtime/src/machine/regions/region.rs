//! A region as a request: its instructions' formulas, recorded one after the other.

use super::{Compiled, Folding, MOST_OUTPUTS, Output, Reading, Request, SHORTEST_IN_PLACE, compiled, prepare};
use crate::kernel::Level;
use crate::kernel::record::{Code, Operation, Recording, Value, apply};
use crate::machine::MachineCode;
use crate::plan::region::{Reducer, Region, Register, Source, Store, Within};
use crate::short::Short;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use thalweg_lang::dtype::DType;

/// Elements from which code is compiled at the first run: the block interpreter would take longer than compiling.
const AT_ONCE: usize = 1 << 14;

/// Smaller regions are compiled when they have run so many times.
const AFTER: u32 = 3;

/// Why there is no machine code of a region.
pub enum Refusal {
    /// The instruction with this index has a formula that branches or loops on its values.
    Formula(usize),
    /// What stands here.
    Other(String),
}

/// How inputs lie, and whether results pass by the cache.
type Way = (Vec<Reading>, bool);

/// How inputs lie, and how many accumulators take turns.
type FoldingWay = (Vec<Reading>, Option<usize>);

/// A region's machine code, when there is any.
#[derive(Default)]
pub struct Kept {
    runs: AtomicU32,
    /// For the way in which the inputs lay, and whether results passed by the cache, when it was compiled first.
    kept: OnceLock<(Way, Option<Arc<Compiled>>)>,
    /// The same for code that accumulates.
    folding: OnceLock<(FoldingWay, Option<Arc<Compiled>>)>,
    /// The leaves that are divisors.
    divisors: OnceLock<Short<Register>>,
    /// Code that copies rows of results.
    copying: OnceLock<Option<Arc<Compiled>>>,
}

impl Region {
    /// The registers that code must leave in memory: what is stored, then what is reduced.
    pub fn outputs(&self) -> Short<Register> {
        let leaves = self.leaves.len();
        let mut registers: Short<Register> = Short::new();
        let wanted = self.stores.iter().map(|store| store.register).chain(self.ends.iter().map(|end| end.register));
        for register in wanted.filter(|&register| register >= leaves) {
            if !registers.contains(&register) {
                registers.push(register);
            }
        }
        registers
    }

    /// Why the region has no machine code at a level, if it has none.
    pub fn refusal(&self, level: Level) -> Option<Refusal> {
        let readings = vec![Reading::Dense; self.leaves.len()];
        match request(self, &readings, level) {
            Ok(request) => Compiled::refusal(&request.operations, level).map(Refusal::Other),
            Err(refusal) => Some(refusal),
        }
    }

    /// The region's machine code for leaves that are read in these ways and results that pass by the cache or do not, if it is worth
    /// it by now.
    pub fn compiled(&self, readings: &[Reading], streams: bool, level: Level) -> Option<Arc<Compiled>> {
        if self.runs_without() || self.instructions.is_empty() {
            return None;
        }
        let make = || {
            let request = Request { streams, ..request(self, readings, level).ok()? };
            match Compiled::refusal(&request.operations, level) {
                None => compiled(request, level),
                Some(_) => None,
            }
        };
        let (known, code) = self.code.kept.get_or_init(|| ((readings.to_vec(), streams), make()));
        if known.0 == readings && known.1 == streams { code.clone() } else { make() }
    }

    /// The same for code that stores the region's stores and accumulates its ends, which must all be folds: each row of the line by
    /// itself in so many accumulators, or all rows in one for each element of a row.
    pub fn folding(&self, readings: &[Reading], stripe: Option<usize>, level: Level) -> Option<Arc<Compiled>> {
        if !self.may_fold() {
            return None;
        }
        let make = || {
            let request = folding_request(self, readings, stripe, level)?;
            match Compiled::refusal(&request.operations, level) {
                None => compiled(request, level),
                Some(_) => None,
            }
        };
        let (known, code) = self.code.folding.get_or_init(|| ((readings.to_vec(), stripe), make()));
        if known.0 == readings && known.1 == stripe { code.clone() } else { make() }
    }

    /// Machine code that copies rows of the region's results, which are of one dtype, if it is worth it by now.
    pub fn copying(&self, level: Level) -> Option<&Compiled> {
        if !self.is_worth_code() {
            return None;
        }
        let make = || {
            let dtype = self.dtype(self.stores.first()?.register);
            if dtype == DType::Bool {
                return None;
            }
            let mut recording = Recording::default();
            let value = recording.operand(0, dtype);
            let inputs = vec![Reading::Dense];
            let (operations, outputs) = prepare(&recording.operations, &[value], &inputs, level);
            let request =
                Request { operations, inputs, outputs, streams: false, again: None, folding: None, in_place: false };
            match Compiled::refusal(&request.operations, level) {
                None => compiled(request, level),
                Some(_) => None,
            }
        };
        self.code.copying.get_or_init(make).as_deref()
    }

    /// The leaves that elements are divided by.
    pub fn divisors(&self) -> &[Register] {
        let find = || {
            let mut recording = Recording::default();
            if recorded(self, &mut recording).is_err() {
                return Short::new();
            }
            let operations = &recording.operations;
            let is_constant = |value: Value| operations[value as usize].code == Code::Constant;
            let is_division =
                |operation: &&Operation| operation.code == Code::Divide && !is_constant(operation.operands[0]);
            let divisors = operations.iter().filter(is_division);
            let divisors = divisors.map(|operation| operations[operation.operands[1] as usize]);
            let leaves = divisors.filter(|divisor| divisor.code == Code::Operand);
            let mut leaves: Short<Register> = leaves.map(|leaf| leaf.immediate as Register).collect();
            leaves.sort_unstable();
            leaves.dedup();
            leaves
        };
        self.code.divisors.get_or_init(find)
    }

    /// Whether there may be code for its stores by now. That it was refused once is not a matter of how inputs lie.
    pub fn may_compile(&self) -> bool {
        self.is_worth_code() && !self.instructions.is_empty() && !matches!(self.code.kept.get(), Some((_, None)))
    }

    /// Whether there may be code that folds by now. That it was refused once is not a matter of how inputs lie.
    pub fn may_fold(&self) -> bool {
        self.is_worth_code() && !matches!(self.code.folding.get(), Some((_, None)))
    }

    /// Whether this run is one without machine code, because it is too early for it: then it counts.
    pub fn runs_without(&self) -> bool {
        let is_early = !self.is_worth_code();
        if is_early {
            self.code.runs.fetch_add(1, Ordering::Relaxed);
        }
        is_early
    }

    /// Whether it is known by now if there is machine code: none is made later on.
    pub fn is_settled(&self) -> bool {
        matches!(self.machine_code, MachineCode::Off) || self.is_worth_code()
    }

    /// Whether it is time for machine code.
    fn is_worth_code(&self) -> bool {
        match self.machine_code {
            MachineCode::Off => false,
            MachineCode::Always => true,
            MachineCode::WhenWorth => self.count() >= AT_ONCE || self.code.runs.load(Ordering::Relaxed) >= AFTER,
        }
    }
}

/// A region as a level's operations, or why it cannot be.
fn request(region: &Region, readings: &[Reading], level: Level) -> Result<Request, Refusal> {
    let outputs = region.outputs();
    if outputs.is_empty() {
        return Err(Refusal::Other("nothing is computed".to_owned()));
    }
    if outputs.len() > MOST_OUTPUTS {
        return Err(Refusal::Other(format!("more than {MOST_OUTPUTS} results")));
    }
    let mut recording = Recording::default();
    let registers = recorded(region, &mut recording)?;
    let values: Vec<Value> = outputs.iter().map(|&register| registers[register]).collect();
    let (operations, outputs): (_, Vec<Output>) = prepare(&recording.operations, &values, readings, level);
    let overlaps = |store: &Store| store.reuse.is_some() || store.within.as_ref().is_some_and(Within::is_at_once);
    let in_place =
        region.stores.iter().any(overlaps) && outputs.iter().all(|output| output.dtype.size() >= SHORTEST_IN_PLACE);
    let inputs = readings.to_vec();
    Ok(Request { operations, inputs, outputs, streams: false, again: None, folding: None, in_place })
}

/// A region with its folds as a level's operations, when that can be. The outputs are the stores, then the ends.
fn folding_request(region: &Region, readings: &[Reading], stripe: Option<usize>, level: Level) -> Option<Request> {
    let count = region.stores.len() + region.ends.len();
    let leaves = region.leaves.len();
    let is_vector = |register: Register| region.dtype(register).size() >= 4;
    let is_stored = |register: Register| register >= leaves && is_vector(register);
    if count > MOST_OUTPUTS || !region.stores.iter().all(|store| is_stored(store.register)) {
        return None;
    }
    let mut recording = Recording::default();
    let registers = recorded(region, &mut recording).ok()?;
    let mut elements: Vec<Value> = region.stores.iter().map(|store| registers[store.register]).collect();
    let mut combined = elements.clone();
    let mut inputs = readings.to_vec();
    for end in &region.ends {
        let Reducer::Fold { fold, .. } = end.how else { return None };
        if !is_vector(end.register) || fold.dtype() != region.dtype(end.register) {
            return None;
        }
        let accumulator = recording.operand(inputs.len(), fold.dtype());
        inputs.push(Reading::Accumulator(elements.len()));
        let element = registers[end.register];
        let [value] = apply(fold.kernel.record?, &mut recording, &[accumulator, element])[..] else { return None };
        elements.push(element);
        combined.push(value);
    }
    let (operations, mut outputs) = prepare(&recording.operations, &[combined, elements].concat(), &inputs, level);
    let elements = outputs.split_off(count).into_iter().map(|output| output.value).collect();
    let folding = Some(Folding { elements, stripe });
    Some(Request { operations, inputs, outputs, streams: false, again: None, folding, in_place: false })
}

/// The values of a region's registers; or why they cannot be recorded.
fn recorded(region: &Region, recording: &mut Recording) -> Result<Vec<Value>, Refusal> {
    let mut registers: Vec<Value> = Vec::with_capacity(region.leaves.len() + region.instructions.len());
    for (number, leaf) in region.leaves.iter().enumerate() {
        if matches!(leaf.dtype, DType::C64 | DType::C128) {
            return Err(Refusal::Other(format!("no vectors of {}", leaf.dtype)));
        }
        registers.push(match &leaf.source {
            Source::Scalar(scalar) if leaf.dtype != DType::Bool => recording.constant(scalar.bits[0], leaf.dtype),
            _ => recording.operand(number, leaf.dtype),
        });
    }
    for (index, instruction) in region.instructions.iter().enumerate() {
        let Some(record) = instruction.record else {
            return Err(Refusal::Formula(index));
        };
        let operands: Vec<Value> = instruction.operands.iter().map(|&register| registers[register]).collect();
        let [value] = apply(record, recording, &operands)[..] else {
            return Err(Refusal::Other(format!("no vectors of {}", instruction.dtype)));
        };
        registers.push(value);
    }
    Ok(registers)
}
