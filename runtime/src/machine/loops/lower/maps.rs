//! A map whose turns work on single elements: a loop that stores what each turn gives.

use super::super::program::{Affine, Given, Kind, Place, Program, Repeat, Statement};
use super::{Binding, Lowered, Lowering, Reason, UNROLLED, byte_strides, indices};
use crate::operation::Bodies;
use crate::plan::region::elements;
use crate::plan::{Plan, Work};
use thalweg_lang::dtype::DType;
use thalweg_lang::types::ArrayType;

/// The program of a map in a plan, or why it has none.
pub fn lower_map(plan: &Plan, index: usize, bodies: &dyn Bodies) -> Result<Program, Reason> {
    let step = &plan.steps[index];
    let Work::Map(map) = &step.work else { return Err("it is no comprehension".to_owned()) };
    if map.chunks.is_some() {
        return Err("its turns run side by side".to_owned());
    }
    let mut lowering = Lowering::new(bodies);
    let walks = lowering.walks(plan, &map.mapped)?;
    let mut captured = Vec::new();
    for (number, &value) in map.captured.iter().enumerate() {
        let array_type = &plan.values[value];
        captured.push(lowering.input(Given::Captured(number), array_type.dtype, &array_type.shape, false));
    }
    let mut results = Vec::new();
    for number in 0..step.types.len() {
        let base = lowering.local(Kind::Address);
        lowering.program.inputs.push((Given::Result(number), base));
        results.push(base);
    }
    let count = map.length.min(i64::MAX as usize) as i64;
    let turn = lowering.element(DType::I64);
    lowering.ranges[turn] = Some((0, (count - 1).max(0)));
    let (body, (), weight) = lowering.block(|lowering| {
        let mut inputs = Vec::new();
        for walk in walks {
            inputs.push(lowering.walked(walk, turn)?);
        }
        inputs.extend(captured);
        let outputs = lowering.plan(&map.body, inputs)?;
        for ((output, array_type), &base) in outputs.iter().zip(&step.types).zip(&results) {
            lowering.result(output, array_type, base, turn)?;
        }
        Ok(())
    })?;
    let repeat =
        Repeat { turns: Some((turn, count)), most: Some(count), is_outermost: true, condition: None, body, stop: None };
    lowering.push(Statement::Loop(Box::new(repeat)));
    lowering.program.weight = weight.max(1.0);
    lowering.program.statements = lowering.code.pop().unwrap_or_default();
    lowering.program.size = lowering.statements;
    Ok(lowering.program)
}

impl<'a> Lowering<'a> {
    /// Stores what a turn gives in its part of a result.
    fn result(&mut self, output: &Binding<'a>, array_type: &ArrayType, base: usize, turn: usize) -> Lowered<()> {
        let shape = array_type.shape.get(1..).unwrap_or_default();
        if elements(shape) > UNROLLED {
            return Err("each turn gives an array".to_owned());
        }
        let size = array_type.dtype.size() as i64;
        let strides = byte_strides(shape, array_type.dtype);
        // All of them are read before the first is stored, which may lie where another is read.
        let mut stores = Vec::new();
        for index in indices(shape) {
            let own: Vec<Affine> = index.iter().map(|&at| Affine::known(at as i64)).collect();
            let from = self.at(output, &own)?;
            let mut bytes = Affine::default();
            bytes.add(&Affine::of(turn), size * elements(shape) as i64);
            bytes.offset = index.iter().zip(&strides).map(|(&at, stride)| at as i64 * stride).sum();
            stores.push(Statement::Store { place: Place { base, bytes }, from });
        }
        stores.into_iter().for_each(|store| self.push(store));
        Ok(())
    }
}
