//! A plan as a person reads it. The same plan always gives the same text: it can be a golden file.

use super::counter::Counter;
use super::region::{Code, Leaf, Reducer, Region, Site, Source, ValueId, Within, bytes_of, elements};
use super::{Handed, IndexPlace, Plan, Step, Walked, Work};
use crate::kernel::Level;
use crate::machine::{MachineCode, regions::Refusal};
use crate::operation::Bodies;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use thalweg_lang::graph::{Claim, Effect, Graph, Guard, NodeKind, Rest, SourceAxis};
use thalweg_lang::length::{Length, Sizes, Symbol};
use thalweg_lang::types::ArrayType;

/// The text of a plan.
pub fn render(plan: &Plan, bodies: &dyn Bodies) -> String {
    let mut text = String::new();
    Renderer { bodies, text: &mut text, indent: 0, values: 0, regions: 0 }.plan(plan);
    let _ = writeln!(text, "predicted peak memory: {}", bytes(plan.peak));
    text
}

/// Bytes with one digit, in powers of ten, as bandwidths are given.
fn bytes(bytes: usize) -> String {
    let (value, unit) = match bytes as f64 {
        n if n < 1e3 => return format!("{bytes} B"),
        n if n < 1e6 => (n / 1e3, "kB"),
        n if n < 1e9 => (n / 1e6, "MB"),
        n => (n / 1e9, "GB"),
    };
    format!("{value:.1} {unit}")
}

fn executor(site: &Site) -> String {
    match site.threads {
        1 => format!("lanes: {}", site.reason),
        threads => format!("{threads} threads: {}", site.reason),
    }
}

struct Renderer<'a> {
    bodies: &'a dyn Bodies,
    text: &'a mut String,
    indent: usize,
    /// How many values have a number as their name; numbers run on through bodies, so that each means one value.
    values: usize,
    /// How many regions there were, in bodies too.
    regions: usize,
}

impl Renderer<'_> {
    fn line(&mut self, line: &str) {
        let line = format!("{:indent$}{line}", "", indent = self.indent);
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn plan(&mut self, plan: &Plan) {
        let mut names: HashMap<ValueId, String> = HashMap::new();
        for (input, values) in &plan.inputs {
            // A body's inputs may be called alike.
            let alike = plan.inputs.iter().take_while(|(other, _)| !std::ptr::eq(other, input));
            let alike = alike.filter(|(other, _)| other.name == input.name).count();
            let own = if alike == 0 { input.name.to_string() } else { format!("{}_{}", input.name, alike + 1) };
            values.iter().for_each(|&value| {
                names.insert(value, own.clone());
            });
        }
        for step in &plan.steps {
            if step.turns.steps > 1 {
                let (first, last) = (self.regions + 1, self.regions + step.turns.steps);
                let rows = if step.turns.rows == 1 { "row" } else { "rows" };
                self.line(&format!("regions {first} to {last} take turns, {} {rows} at a time", step.turns.rows));
            }
            self.step(plan, step, &mut names);
        }
        if let Some(following) = &plan.following {
            return self.following(&following.rest);
        }
        let outputs: Vec<String> = plan.outputs.iter().map(|handed| name(&names, handed.value)).collect();
        if !outputs.is_empty() {
            self.line(&format!("gives {}", outputs.join(", ")));
        }
    }

    /// What is known of what cannot be planned yet.
    fn following(&mut self, rest: &Rest) {
        let told: Vec<&str> = rest.told.iter().map(Symbol::name).collect();
        match told.as_slice() {
            [] => self.line("then:"),
            [one] => self.line(&format!("then, when {one} is known:")),
            several => self.line(&format!("then, when {} are known:", several.join(", "))),
        }
        self.indent += 2;
        rest.pieces().for_each(|piece| self.piece(piece, &rest.known));
        self.indent -= 2;
    }

    /// What is known of one piece of it.
    fn piece(&mut self, graph: &Graph<Length>, known: &Sizes) {
        let needed = graph.needed();
        for node in graph.nodes.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(node, _)| node) {
            if let Some(what) = self.what(&node.kind) {
                let types: Vec<String> = node.types.iter().map(ToString::to_string).collect();
                let colon = if types.is_empty() { "" } else { ": " };
                self.line(&format!("{what}{colon}{}", types.join(", ")));
            }
        }
        for effect in &graph.effects {
            if let Effect::Call { operation, .. } = effect {
                self.line(&format!("effect {}", self.bodies.name(*operation)));
            }
        }
        let is_open = |guard: &&Guard| guard.symbols().any(|symbol| !known.contains_key(symbol));
        // Several places may need one and the same, and either of two equal lengths may stand first.
        let mut needed = BTreeSet::new();
        for guard in graph.guards.iter().filter(is_open) {
            let (left, right) = (guard.left.to_string(), guard.right.to_string());
            let line = match guard.claim {
                Claim::Equal | Claim::EqualInBroadcast if guard.left.known().is_some() => format!("{right} = {left}"),
                Claim::Equal | Claim::EqualInBroadcast => format!("{left} = {right}"),
                Claim::EqualOrOne => format!("{left} = {right} or 1"),
                Claim::AtLeast => format!("{left} ≥ {right}"),
            };
            if needed.insert(line.clone()) {
                self.line(&format!("if {line}"));
            }
        }
    }

    /// What a node does that will be planned when its sizes are known; nothing for what costs nothing.
    fn what(&self, kind: &NodeKind<Length>) -> Option<String> {
        Some(match kind {
            NodeKind::Constant(_)
            | NodeKind::Input(_)
            | NodeKind::Size(_)
            | NodeKind::Iota
            | NodeKind::View { .. }
            | NodeKind::Part { .. } => return None,
            NodeKind::Elementwise { operation, .. }
            | NodeKind::Reduce { operation, .. }
            | NodeKind::Apply { operation, .. } => self.bodies.name(*operation).to_owned(),
            NodeKind::Literal(_) => "literal".to_owned(),
            NodeKind::Cast(_) => "to another dtype".to_owned(),
            NodeKind::Reshape(_) => "another shape".to_owned(),
            NodeKind::Stack(_) => "stacked".to_owned(),
            NodeKind::Select { .. } => "select".to_owned(),
            NodeKind::Gather { .. } => "gather".to_owned(),
            NodeKind::Update { .. } => "update".to_owned(),
            NodeKind::Count(_) => "how many are true".to_owned(),
            NodeKind::Positions(_) => "positions".to_owned(),
            NodeKind::SliceBounds { .. } => "bounds".to_owned(),
            NodeKind::Map { .. } => "a map".to_owned(),
            NodeKind::If { .. } => "an if".to_owned(),
            NodeKind::Loop { .. } => "a loop".to_owned(),
        })
    }

    fn step(&mut self, plan: &Plan, step: &Step, names: &mut HashMap<ValueId, String>) {
        let list = |values: &[ValueId], names: &HashMap<ValueId, String>| {
            values.iter().map(|&value| name(names, value)).collect::<Vec<_>>().join(" ")
        };
        let said = match &step.work {
            Work::Region(region) => {
                self.regions += 1;
                return self.region(plan, region, names, self.regions);
            }
            Work::Effect { operation, arguments } => {
                let mut values = Vec::new();
                arguments.iter().for_each(|value| value.visit(&mut |value| values.push(*value)));
                let line = format!("effect {} {}", self.bodies.name(*operation), list(&values, names));
                return self.line(&line);
            }
            Work::Constant(scalar) => format!("{scalar}"),
            Work::Literal(_) => "literal".to_owned(),
            Work::View { value, axes } => format!("view {}{}", name(names, *value), view(axes)),
            Work::Reshape { value } => format!("reshape {}", name(names, *value)),
            Work::Stack { values } => format!("stack {}", list(values, names)),
            Work::Apply { operation, operands, .. } => {
                format!("{} {}", self.bodies.name(*operation), list(operands, names))
            }
            Work::Gather { value, axes } => format!("gather {}{}", name(names, *value), indices(axes, names)),
            Work::Update(update) => {
                let by = match &update.combine {
                    Some(combine) => format!("by {} with", self.bodies.name(combine.operation)),
                    None => "to".to_owned(),
                };
                let (value, new) = (name(names, update.value.value), name(names, update.new.value));
                let place = if update.value.last { ", where it lies" } else { ", in a copy" };
                format!("update {value}{} {by} {new}{place}", indices(&update.axes, names))
            }
            Work::Count { value } => format!("how many are true in {}", name(names, *value)),
            Work::Positions { value } => format!("positions in {}", name(names, *value)),
            Work::Compress { value, mask } => format!("{} where {} is true", name(names, *value), name(names, *mask)),
            Work::SliceBounds { length, start, stop, step } => {
                let bound = |value: &Option<ValueId>| value.map_or(String::new(), |value| name(names, value));
                let step = if *step == 1 { String::new() } else { format!(":{step}") };
                format!("bounds of {}:{}{step} in {length}", bound(start), bound(stop))
            }
            Work::Map(map) => {
                let captured = list(&map.captured, names);
                let seen = if captured.is_empty() { captured } else { format!(", with {captured} in every turn") };
                let walked = walked(&map.mapped, map.length, names);
                let lanes = map.chunks.as_ref().map(|chunks| format!(", {} lanes at a time", chunks.lanes));
                let runs = match &map.machine {
                    Some(Ok(_)) => ", as machine code",
                    _ => "",
                };
                format!("map over {walked}{seen}{}{runs}", lanes.unwrap_or_default())
            }
            Work::If(choice) => {
                let captured = list(&handed(&choice.captured), names);
                let seen = if captured.is_empty() { captured } else { format!(", with {captured}") };
                format!("if {}{seen}", name(names, choice.condition))
            }
            Work::Loop(repeated) => {
                let walked = walked(&repeated.mapped, repeated.turns, names);
                let over = if walked.is_empty() { walked } else { format!(" over {walked}") };
                let condition = if repeated.condition.is_some() { " while a condition holds" } else { "" };
                let carried = list(&handed(&repeated.carried), names);
                let from = if carried.is_empty() { carried } else { format!(", from {carried}") };
                let captured = list(&repeated.captured, names);
                let seen = if captured.is_empty() { captured } else { format!(", with {captured} in every turn") };
                let runs = match &repeated.machine {
                    _ if repeated.lanes.is_some() => ", as machine code, a few lanes at a time".to_owned(),
                    None => String::new(),
                    Some(Ok(_)) => ", as machine code".to_owned(),
                    Some(Err(reason)) => format!(", turn by turn: {reason}"),
                };
                format!("loop{over}{condition}{from}{seen}{runs}")
            }
        };
        let said = said.trim_end();
        let results: Vec<String> = step.results.iter().map(|&value| self.fresh(names, value)).collect();
        let types: Vec<String> = step.types.iter().map(ToString::to_string).collect();
        let site = match step.work {
            Work::Map(_) | Work::Gather { .. } | Work::Compress { .. } => format!("   {}", executor(&step.site)),
            // How many threads a function of its own takes, it alone knows: only what it was told is said.
            Work::Apply { .. } | Work::View { .. } | Work::Reshape { .. } | Work::Stack { .. } => {
                format!("   {}", step.site.reason)
            }
            _ => String::new(),
        };
        let equals = if results.is_empty() { "" } else { " = " };
        let colon = if types.is_empty() { "" } else { ": " };
        self.line(&format!("{}{equals}{said}{colon}{}{site}", results.join(", "), types.join(", ")));
        self.bodies_of(step);
    }

    /// The name of a new value: they are numbered as they appear.
    fn fresh(&mut self, names: &mut HashMap<ValueId, String>, value: ValueId) -> String {
        let known = names.entry(value).or_insert_with(|| {
            self.values += 1;
            format!("%{}", self.values)
        });
        known.clone()
    }

    fn bodies_of(&mut self, step: &Step) {
        self.indent += 2;
        match &step.work {
            Work::Map(map) => self.plan(map.chunks.as_ref().map_or(&map.body, |chunks| &chunks.each)),
            Work::If(choice) => {
                self.part("then", &choice.then);
                self.part("else", &choice.otherwise);
            }
            Work::Loop(repeated) => {
                if let Some(condition) = &repeated.condition {
                    self.part("while", condition);
                }
                let turn = if repeated.stops { "turn, until its last value is true" } else { "turn" };
                self.part(turn, &repeated.body);
            }
            _ => {}
        }
        self.indent -= 2;
    }

    /// One of several bodies.
    fn part(&mut self, title: &str, plan: &Plan) {
        self.line(title);
        self.indent += 2;
        self.plan(plan);
        self.indent -= 2;
    }

    fn region(&mut self, plan: &Plan, region: &Region, names: &mut HashMap<ValueId, String>, number: usize) {
        let dtype = match (region.instructions.last(), region.leaves.first()) {
            (Some(instruction), _) => instruction.dtype,
            (None, Some(leaf)) => leaf.dtype,
            (None, None) => return,
        };
        let space = ArrayType::new(dtype, region.shape.clone());
        self.line(&format!("region {number}   {space}   {}", executor(&region.site)));
        self.indent += 2;
        let mut registers: Vec<String> = region.leaves.iter().map(|leaf| leaf_name(leaf, region, names)).collect();
        for (index, instruction) in region.instructions.iter().enumerate() {
            let register = region.leaves.len() + index;
            let stored = region.stores.iter().find(|store| store.register == register);
            let own = match stored {
                Some(store) if store.within.is_none() => self.fresh(names, store.value),
                _ => format!("t{}", index + 1),
            };
            let operands: Vec<&str> = instruction.operands.iter().map(|&operand| registers[operand].as_str()).collect();
            let operation = match instruction.code {
                Code::Row(operation) => self.bodies.name(operation).to_owned(),
                Code::Cast => format!("to {}", instruction.dtype),
                Code::Select => "select".to_owned(),
            };
            let line = format!("{own} = {operation} {}", operands.join(" "));
            self.line(&line);
            registers.push(own);
        }
        for store in &region.stores {
            let own = self.fresh(names, store.value);
            let source = &registers[store.register];
            if let Some(within) = &store.within {
                let place = match within {
                    Within { is_aside: true, .. } => ", in another array that takes turns with it",
                    Within { value, .. } if value.last => ", where it lies",
                    Within { .. } => ", in a copy",
                };
                let whole = format!("{}{}", name(names, within.value.value), view(&within.axes));
                self.line(&format!("-> {own} = update {whole} to {source}{place}: {}", plan.values[store.value]));
                continue;
            }
            let what = if store.register < region.leaves.len() { format!("{own} = {source}") } else { own };
            let is_input = |value: ValueId| plan.inputs.iter().any(|(_, values)| values.contains(&value));
            let reuse = store.reuse.filter(|&value| !is_input(value));
            let reuse = reuse.map_or(String::new(), |value| format!("   in the memory of {}", name(names, value)));
            self.line(&format!("-> {what}: {}{reuse}", plan.values[store.value]));
        }
        for end in &region.ends {
            let own = self.fresh(names, end.value);
            let over = match (&end.how, &region.reduced[..]) {
                (Reducer::Fold { .. } | Reducer::FirstExtreme { .. }, axes) if axes.len() == region.shape.len() => {
                    String::new()
                }
                (_, axes) => {
                    format!(" over axis {}", axes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
                }
            };
            let operation = self.bodies.name(end.operation);
            let line = format!("-> {own} = {operation} {}{over}: {}", registers[end.register], end.array_type);
            self.line(&line);
        }
        self.line(&format!("reads {}, writes {}", bytes(read(plan, region)), bytes(written(plan, region))));
        if let Some(reason) = self.interpreted(plan, region) {
            self.line(&format!("no machine code: {reason}"));
        }
        self.indent -= 2;
    }
}

impl Renderer<'_> {
    /// Why a region that could become machine code does not.
    fn interpreted(&self, plan: &Plan, region: &Region) -> Option<String> {
        let asked = region.machine_code != MachineCode::Off && matches!(plan.level, Level::Avx2 | Level::Avx512);
        if !asked || region.is_single() || region.outputs().is_empty() {
            return None;
        }
        Some(match region.refusal(plan.level)? {
            Refusal::Formula(index) => match region.instructions[index].code {
                Code::Row(operation) => format!("`{}` goes element by element", self.bodies.name(operation)),
                Code::Cast | Code::Select => return None,
            },
            Refusal::Other(reason) => reason,
        })
    }
}

/// The bytes that a region reads from memory, each array once and no more than the region has elements.
fn read(plan: &Plan, region: &Region) -> usize {
    let mut seen: Vec<ValueId> = Vec::new();
    let mut total = 0usize;
    for leaf in &region.leaves {
        if let Source::Array { value, .. } = leaf.source
            && !seen.contains(&value)
        {
            seen.push(value);
            let touched = elements(&plan.values[value].shape).min(region.count());
            total = total.saturating_add(touched * leaf.dtype.size());
        }
    }
    total
}

fn written(plan: &Plan, region: &Region) -> usize {
    let stores = region.stores.iter().map(|store| store.value);
    stores
        .chain(region.ends.iter().map(|end| end.value))
        .fold(0, |total, value| bytes_of(&plan.values[value]).saturating_add(total))
}

fn handed(values: &[Handed]) -> Vec<ValueId> {
    values.iter().map(|handed| handed.value).collect()
}

/// What is walked along.
fn walked(walked: &[Walked], length: usize, names: &HashMap<ValueId, String>) -> String {
    let one = |walked: &Walked| match *walked {
        Walked::Value(value) => name(names, value),
        Walked::Counter { start: 0, step: 1 } => format!("iota[{length}]"),
        Walked::Counter { start, step } => {
            format!("iota{}[{length}]", counted(&Counter { start, steps: vec![step] }))
        }
    };
    walked.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn name(names: &HashMap<ValueId, String>, value: ValueId) -> String {
    names.get(&value).cloned().unwrap_or_else(|| "?".to_owned())
}

fn leaf_name(leaf: &Leaf, region: &Region, names: &HashMap<ValueId, String>) -> String {
    match &leaf.source {
        Source::Scalar(scalar) => scalar.to_string(),
        Source::Counter(counter) if counter.start == 0 && counter.single_step(&region.shape) == Some(1) => {
            "iota".to_owned()
        }
        Source::Counter(counter) => format!("iota{}", counted(counter)),
        Source::Array { value, axes } => {
            let straight = axes.len() == region.shape.len()
                && axes
                    .iter()
                    .enumerate()
                    .all(|(index, axis)| *axis == SourceAxis { start: 0, step: 1, axis: Some(index) });
            let name = name(names, *value);
            if straight || axes.is_empty() { name } else { format!("{name}{}", view(axes)) }
        }
    }
}

/// The index at which an iota stands for a counter, as [`view`] writes indices.
fn counted(counter: &Counter) -> String {
    let mut text = if counter.start == 0 { String::new() } else { counter.start.to_string() };
    for (index, &step) in counter.steps.iter().enumerate().filter(|(_, step)| **step != 0) {
        let sign = if step < 0 {
            "-"
        } else if text.is_empty() {
            ""
        } else {
            "+"
        };
        let times = if step.unsigned_abs() == 1 { String::new() } else { format!("{}*", step.unsigned_abs()) };
        let _ = write!(text, "{sign}{times}i{index}");
    }
    if text.is_empty() { "[0]".to_owned() } else { format!("[{text}]") }
}

/// A view: for each axis of the source where its index comes from, `i0` being the index along the result's first axis.
fn view(axes: &[SourceAxis]) -> String {
    format!("[{}]", axes.iter().map(source_axis).collect::<Vec<_>>().join(", "))
}

/// The same with what the run adds.
fn indices(axes: &[IndexPlace], names: &HashMap<ValueId, String>) -> String {
    let axis = |axis: &IndexPlace| {
        let place = source_axis(&axis.place);
        match axis.index {
            None => place,
            Some(index) if place == "0" => name(names, index),
            Some(index) => format!("{}+{place}", name(names, index)),
        }
    };
    format!("[{}]", axes.iter().map(axis).collect::<Vec<_>>().join(", "))
}

fn source_axis(axis: &SourceAxis) -> String {
    match axis.axis {
        None => axis.start.to_string(),
        Some(index) => match (axis.start, axis.step) {
            (0, 1) => format!("i{index}"),
            (start, 1) => format!("{start}+i{index}"),
            (start, -1) => format!("{start}-i{index}"),
            (start, step) if step < 0 => format!("{start}-{}*i{index}", step.unsigned_abs()),
            (start, step) => format!("{start}+{step}*i{index}"),
        },
    }
}
