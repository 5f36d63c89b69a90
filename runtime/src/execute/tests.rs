//! Plans and their execution against a naive evaluator: every executor, level, fusion and layout gives the same bits.

mod index;
mod lanes;
mod loops;
mod machine;
mod rest;

use super::{Cancel, Context, Threads, run, run_taking};
use crate::array::Array;
use crate::buffer::Pool;
use crate::kernel::{DoubleFormula, Folds, Kernels, Level, NumberFormula, NumberTest, WholeFormula};
use crate::lane::{Double, Mask, Number, Whole};
use crate::machine::MachineCode;
use crate::operation::{Bodies, Body, Elementwise, Failure, FunctionCall, Host, Reduction};
use crate::plan::{Plan, Settings, plan};
use std::sync::{Arc, Mutex};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::graph::{
    Attribute, Effect, Graph, GraphBuilder, NodeId, NodeKind, OperationId, Placement, SourceAxis,
};
use thalweg_lang::source::Span;
use thalweg_lang::types::{ArrayType, broadcast};
use thalweg_lang::value::Value;

struct Add;
impl NumberFormula<2> for Add {
    #[inline(always)]
    fn apply<L: Number>([a, b]: [L; 2]) -> L {
        a.add(b)
    }
}

struct Multiply;
impl NumberFormula<2> for Multiply {
    #[inline(always)]
    fn apply<L: Number>([a, b]: [L; 2]) -> L {
        a.multiply(b)
    }
}

struct Greater;
impl NumberFormula<2> for Greater {
    #[inline(always)]
    fn apply<L: Number>([a, b]: [L; 2]) -> L {
        L::select(a.greater(b).or(a.not_equal(a)), a, b)
    }
}

struct Less;
impl NumberTest<2> for Less {
    #[inline(always)]
    fn apply<L: Number>([a, b]: [L; 2]) -> L::Mask {
        a.less(b)
    }
}

struct Divide;
impl WholeFormula<2> for Divide {
    const FAULT: Option<&'static str> = Some("division by zero");
    fn apply<T: Whole>([a, b]: [T; 2]) -> Option<T> {
        if b == T::ZERO { None } else { Some(a.subtract(b)) }
    }
}

struct Heavy;
impl DoubleFormula<2> for Heavy {
    #[inline(always)]
    fn apply<L: Double>([a, b]: [L; 2]) -> L {
        a.divide(b)
    }
}

const ADD: OperationId = OperationId(0);
const MULTIPLY: OperationId = OperationId(1);
const LESS: OperationId = OperationId(2);
const DIVIDE: OperationId = OperationId(3);
const SUM: OperationId = OperationId(4);
const MAX: OperationId = OperationId(5);
const ARGMAX: OperationId = OperationId(6);
const TWICE: OperationId = OperationId(7);
const SHOW: OperationId = OperationId(8);
const HEAVY: OperationId = OperationId(9);
const NAMES: [&str; 10] = ["add", "multiply", "less", "divide", "sum", "max", "argmax", "twice", "show", "heavy"];

struct Library(Vec<Body>);

const SUMS: Folds = Folds::number::<Add>();
const GREATEST: Folds = Folds::number::<Greater>();

fn library() -> Library {
    let elementwise = |kernels: Kernels| Body::Elementwise(Elementwise { kernels });
    Library(vec![
        elementwise(Kernels::number::<Add, 2>()),
        elementwise(Kernels::number::<Multiply, 2>()),
        elementwise(Kernels::number_test::<Less, 2>()),
        elementwise(Kernels::whole::<Divide, 2>()),
        Body::Reduction(Reduction::Fold {
            fold: |dtype| SUMS.find(dtype),
            identity: |dtype| Some(Scalar::i64(0).cast(dtype)),
        }),
        Body::Reduction(Reduction::Fold { fold: |dtype| GREATEST.find(dtype), identity: |_| None }),
        Body::Reduction(Reduction::FirstExtreme { greatest: true, beats: Kernels::NONE }),
        Body::Function(twice),
        Body::Effect(|call| {
            let text: Vec<String> = call.arguments.iter().map(|value| format!("{value:?}")).collect();
            call.host.print(&text.join(" "));
            Ok(())
        }),
        elementwise(Kernels::double::<Heavy, 2>()),
    ])
}

fn twice(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let values: Vec<f64> = call.operands[0].iter().map(|scalar| scalar.as_complex().0 * 2.0).collect();
    Array::from_vec(call.operands[0].shape(), values).map(|array| vec![array]).ok_or_else(|| Failure {
        code: "E0500",
        message: "shape".to_owned(),
        help: None,
    })
}

impl Bodies for Library {
    fn body(&self, operation: OperationId) -> &Body {
        &self.0[operation.0 as usize]
    }
    fn name(&self, operation: OperationId) -> &str {
        NAMES[operation.0 as usize]
    }
}

#[derive(Default)]
struct Screen(Mutex<Vec<String>>);

impl Host for Screen {
    fn print(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// Runs a graph with the world that it needs.
fn execute(graph: &Graph, inputs: &[Array], settings: &Settings) -> Result<Vec<Array>, Diagnostic> {
    execute_with(graph, inputs, settings, &Cancel::new(), &Screen::default())
}

fn execute_with(
    graph: &Graph,
    inputs: &[Array],
    settings: &Settings,
    cancel: &Cancel,
    host: &Screen,
) -> Result<Vec<Array>, Diagnostic> {
    let library = library();
    let plan = plan(graph, &library, settings);
    run_plan(&plan, inputs, &library, cancel, host)
}

fn run_plan(
    plan: &Plan,
    inputs: &[Array],
    library: &Library,
    cancel: &Cancel,
    host: &Screen,
) -> Result<Vec<Array>, Diagnostic> {
    let (pool, threads) = (Pool::new(), Threads::new());
    run(plan, inputs, &Context { pool: &pool, threads: &threads, cancel, host, bodies: library })
}

fn settings(threads: usize, fuse: bool, level: Level) -> Settings {
    Settings { threads, fuse, level, machine_code: MachineCode::Off, cancel: Cancel::new() }
}

fn plain() -> Settings {
    settings(1, true, Level::detect())
}

/// Elements in C order.
#[derive(Clone, Debug)]
struct Naive {
    shape: Vec<usize>,
    elements: Vec<Scalar>,
}

impl Naive {
    fn of(array: &Array) -> Naive {
        Naive { shape: array.shape().to_vec(), elements: array.iter().collect() }
    }

    fn at(&self, index: &[usize]) -> Scalar {
        let place = index.iter().zip(&self.shape).fold(0, |place, (at, length)| place * length + at);
        self.elements[place]
    }

    /// The element that broadcasting puts at an index.
    fn broadcast_at(&self, index: &[usize]) -> Scalar {
        let added = index.len() - self.shape.len();
        let own: Vec<usize> =
            self.shape.iter().zip(&index[added..]).map(|(&length, &at)| if length == 1 { 0 } else { at }).collect();
        self.at(&own)
    }
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let count: usize = shape.iter().product();
    (0..count)
        .map(|place| {
            let mut rest = place;
            let mut index = vec![0; shape.len()];
            for (at, &length) in index.iter_mut().zip(shape).rev() {
                *at = rest % length;
                rest /= length;
            }
            index
        })
        .collect()
}

/// The order of a reduction, as it is written down: an implementation that shares nothing with the real one.
fn in_order(elements: &[Scalar], combine: &dyn Fn(Scalar, Scalar) -> Scalar) -> Scalar {
    let lanes = 512 / elements[0].dtype.size();
    if elements.len() > lanes * 64 {
        let blocks: Vec<Scalar> = elements.chunks(lanes * 64).map(|block| in_order(block, combine)).collect();
        return in_order(&blocks, combine);
    }
    let mut accumulators: Vec<Option<Scalar>> = vec![None; lanes];
    for (index, &element) in elements.iter().enumerate() {
        let place = &mut accumulators[index % lanes];
        *place = Some(place.map_or(element, |known| combine(known, element)));
    }
    let mut half = lanes / 2;
    while half > 0 {
        for index in 0..half {
            if let (Some(left), Some(right)) = (accumulators[index], accumulators[index + half]) {
                accumulators[index] = Some(combine(left, right));
            }
        }
        half /= 2;
    }
    accumulators[0].unwrap()
}

fn naive_extreme(elements: &[Scalar]) -> Scalar {
    let value = |scalar: Scalar| scalar.as_integer().map_or(scalar.as_complex().0, |integer| integer as f64);
    let mut best = 0;
    for (index, &element) in elements.iter().enumerate() {
        let (new, old) = (value(element), value(elements[best]));
        if new > old || (new.is_nan() && !old.is_nan()) {
            best = index;
        }
    }
    Scalar::i64(best as i64)
}

fn scalar_call(library: &Library, operation: OperationId, operands: &[Scalar]) -> Scalar {
    let Body::Elementwise(row) = library.body(operation) else { panic!("not elementwise") };
    let dtypes: Vec<DType> = operands.iter().map(|operand| operand.dtype).collect();
    row.kernels.find(&dtypes).unwrap().scalar(operands).unwrap()
}

/// Every node's value, one node after the other.
fn evaluate(graph: &Graph, inputs: &[Array], library: &Library) -> Vec<Naive> {
    let mut values: Vec<Naive> = Vec::new();
    for node in &graph.nodes {
        let shape = node.array_type().shape.clone();
        let elements = match &node.kind {
            NodeKind::Constant(scalar) => vec![*scalar],
            NodeKind::Literal(elements) => elements.to_vec(),
            NodeKind::Input(index) => Naive::of(&inputs[*index as usize]).elements,
            NodeKind::Iota => (0..shape[0]).map(|index| Scalar::i64(index as i64)).collect(),
            NodeKind::Cast(value) => {
                values[value.index()].elements.iter().map(|scalar| scalar.cast(node.array_type().dtype)).collect()
            }
            NodeKind::View { value, axes } => {
                let source = |index: &Vec<usize>| {
                    let place = |axis: &SourceAxis| {
                        (axis.start as isize + axis.axis.map_or(0, |own| axis.step * index[own] as isize)) as usize
                    };
                    values[value.index()].at(&axes.iter().map(place).collect::<Vec<_>>())
                };
                indices(&shape).iter().map(source).collect()
            }
            NodeKind::Reshape(value) => values[value.index()].elements.clone(),
            NodeKind::Stack(parts) => parts.iter().flat_map(|part| values[part.index()].elements.clone()).collect(),
            NodeKind::Elementwise { operation, operands } => {
                let element = |index: &Vec<usize>| {
                    let operands: Vec<Scalar> =
                        operands.iter().map(|operand| values[operand.index()].broadcast_at(index)).collect();
                    scalar_call(library, *operation, &operands)
                };
                indices(&shape).iter().map(element).collect()
            }
            NodeKind::Reduce { operation, value, axes } => {
                let source = &values[value.index()];
                let kept: Vec<usize> = (0..source.shape.len()).filter(|axis| !axes.contains(axis)).collect();
                let reduced: Vec<usize> = axes.iter().map(|&axis| source.shape[axis]).collect();
                let result = |index: &Vec<usize>| {
                    let elements: Vec<Scalar> = indices(&reduced)
                        .iter()
                        .map(|inner| {
                            let mut place = vec![0; source.shape.len()];
                            kept.iter().zip(index).for_each(|(&axis, &at)| place[axis] = at);
                            axes.iter().zip(inner).for_each(|(&axis, &at)| place[axis] = at);
                            source.at(&place)
                        })
                        .collect();
                    match *operation {
                        ARGMAX => naive_extreme(&elements),
                        SUM if elements.is_empty() => Scalar::i64(0).cast(node.array_type().dtype),
                        SUM => in_order(&elements, &|a, b| scalar_call(library, ADD, &[a, b])),
                        _ => {
                            in_order(&elements, &|a, b| GREATEST.find(a.dtype).unwrap().kernel.scalar(&[a, b]).unwrap())
                        }
                    }
                };
                indices(&shape).iter().map(result).collect()
            }
            NodeKind::Map { body, mapped, captured } => {
                let turns = values[mapped[0].index()].shape[0];
                let turn = |index: usize| {
                    let one = |id: &NodeId| {
                        let whole = &values[id.index()];
                        let count: usize = whole.shape[1..].iter().product();
                        let elements = whole.elements[index * count..(index + 1) * count].to_vec();
                        to_array(&whole.shape[1..], &elements, graph.node(*id).array_type().dtype)
                    };
                    let all = |id: &NodeId| {
                        let whole = &values[id.index()];
                        to_array(&whole.shape, &whole.elements, graph.node(*id).array_type().dtype)
                    };
                    let inputs: Vec<Array> = mapped.iter().map(one).chain(captured.iter().map(all)).collect();
                    evaluate(body, &inputs, library)[body.outputs[0].index()].elements.clone()
                };
                (0..turns).flat_map(turn).collect()
            }
            other => panic!("the naive evaluator does not know {other:?}"),
        };
        values.push(Naive { shape, elements });
    }
    values
}

fn to_array(shape: &[usize], elements: &[Scalar], dtype: DType) -> Array {
    crate::for_dtype!(dtype, T => {
        let elements: Vec<T> = elements.iter().map(|&scalar| crate::array::Element::from_scalar(scalar)).collect();
        Array::from_vec(shape, elements).unwrap()
    })
}

/// Equal bits; one NaN is as good as another, because the processor's choice among several depends on operand order.
fn same(array: &Array, naive: &Naive) -> bool {
    let is_nan = |scalar: Scalar| scalar.as_complex().0.is_nan();
    array.shape() == naive.shape
        && array.iter().zip(&naive.elements).all(|(a, &b)| a == b || (a.dtype == b.dtype && is_nan(a) && is_nan(b)))
}

/// Small random numbers, always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51afd7ed558ccd);
        mixed ^ (mixed >> 29)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn scalar(&mut self, dtype: DType) -> Scalar {
        match (dtype.kind(), self.below(40)) {
            (Kind::Float, 0) => Scalar::f64(f64::NAN).cast(dtype),
            (Kind::Float, 1) => Scalar::f64(-0.0).cast(dtype),
            (Kind::Float, _) => Scalar::f64((self.below(2000) as f64 - 1000.0) / 7.0).cast(dtype),
            _ => Scalar::i64(self.below(200) as i64 - 100).cast(dtype),
        }
    }

    fn array(&mut self, dtype: DType, shape: &[usize]) -> Array {
        let elements: Vec<Scalar> = (0..shape.iter().product()).map(|_| self.scalar(dtype)).collect();
        to_array(shape, &elements, dtype)
    }

    fn dtype(&mut self) -> DType {
        [DType::F64, DType::F32, DType::I64, DType::I16, DType::U8][self.below(5)]
    }

    fn shape(&mut self, largest: usize) -> Vec<usize> {
        let rank = self.below(5);
        let lengths = [1, 1, 2, 3, 5, 7, 16, 33, 65, 130, 700];
        let mut shape: Vec<usize> = (0..rank).map(|_| lengths[self.below(lengths.len())]).collect();
        if rank > 0 && self.below(15) == 0 {
            let axis = self.below(rank);
            shape[axis] = 0;
        }
        while shape.iter().product::<usize>() > largest {
            let longest = (0..rank).max_by_key(|&axis| shape[axis]).unwrap();
            shape[longest] = shape[longest].div_ceil(2);
        }
        shape
    }
}

/// A graph under construction.
struct Maker {
    builder: GraphBuilder,
    placement: Option<Arc<Placement>>,
}

impl Maker {
    fn new() -> Maker {
        Maker { builder: GraphBuilder::new(), placement: None }
    }

    fn parallel(threads: usize) -> Maker {
        Maker { builder: GraphBuilder::new(), placement: annotation("parallel", Some(threads)) }
    }

    fn input(&mut self, dtype: DType, shape: &[usize]) -> NodeId {
        let name = format!("x{}", self.builder.graph().inputs.len());
        self.builder.input(name.into(), ArrayType::new(dtype, shape), Span::default())
    }

    fn kind_of(&self, id: NodeId) -> ArrayType {
        self.builder.graph().node(id).array_type().clone()
    }

    fn add(&mut self, kind: NodeKind, array_type: ArrayType) -> NodeId {
        let span = Span { start: self.builder.graph().nodes.len() as u32, ..Span::default() };
        self.builder.add(kind, vec![array_type], span, self.placement.clone())
    }

    fn constant(&mut self, scalar: Scalar) -> NodeId {
        self.add(NodeKind::Constant(scalar), ArrayType::scalar(scalar.dtype))
    }

    fn cast(&mut self, value: NodeId, dtype: DType) -> NodeId {
        let shape = self.kind_of(value).shape;
        self.add(NodeKind::Cast(value), ArrayType::new(dtype, shape))
    }

    fn call(&mut self, operation: OperationId, a: NodeId, b: NodeId) -> NodeId {
        let (left, right) = (self.kind_of(a), self.kind_of(b));
        let shape = broadcast(&left.shape, &right.shape).unwrap();
        let dtype = if operation == LESS { DType::Bool } else { left.dtype };
        self.add(NodeKind::Elementwise { operation, operands: vec![a, b] }, ArrayType::new(dtype, shape))
    }

    fn reduce(&mut self, operation: OperationId, value: NodeId, axes: &[usize]) -> NodeId {
        let source = self.kind_of(value);
        let kept = (0..source.rank()).filter(|axis| !axes.contains(axis)).map(|axis| source.shape[axis]);
        let dtype = if operation == ARGMAX { DType::I64 } else { source.dtype };
        let array_type = ArrayType::new(dtype, kept.collect::<Vec<_>>());
        self.add(NodeKind::Reduce { operation, value, axes: axes.to_vec() }, array_type)
    }

    fn view(&mut self, value: NodeId, axes: Vec<SourceAxis>, shape: Vec<usize>) -> NodeId {
        let dtype = self.kind_of(value).dtype;
        self.add(NodeKind::View { value, axes }, ArrayType::new(dtype, shape))
    }

    fn reshape(&mut self, value: NodeId, shape: &[usize]) -> NodeId {
        let array_type = ArrayType::new(self.kind_of(value).dtype, shape.to_vec());
        self.add(NodeKind::Reshape(value), array_type)
    }

    fn iota(&mut self, length: usize) -> NodeId {
        self.add(NodeKind::Iota, ArrayType::new(DType::I64, vec![length]))
    }

    fn transpose(&mut self, value: NodeId) -> NodeId {
        let shape = self.kind_of(value).shape;
        let rank = shape.len();
        let axes = (0..rank).map(|axis| SourceAxis { start: 0, step: 1, axis: Some(rank - 1 - axis) }).collect();
        self.view(value, axes, shape.into_iter().rev().collect())
    }

    fn finish(mut self, outputs: &[NodeId]) -> Graph {
        self.builder.graph_mut().outputs = outputs.to_vec();
        self.builder.finish()
    }
}

fn annotation(name: &str, threads: Option<usize>) -> Option<Arc<Placement>> {
    let arguments = threads.map(|threads| (Arc::from("n"), Attribute::Integer(threads as i64)));
    Some(Arc::new(Placement {
        annotation: name.into(),
        arguments: arguments.into_iter().collect(),
        span: Span::default(),
        outer: None,
    }))
}

/// A random view: slices with steps of either sign, permuted axes, an index, a new axis.
fn random_view(maker: &mut Maker, random: &mut Random, value: NodeId) -> NodeId {
    let source = maker.kind_of(value).shape;
    let mut order: Vec<Option<usize>> = (0..source.len()).map(Some).collect();
    for index in (1..order.len()).rev() {
        order.swap(index, random.below(index + 1));
    }
    if random.below(3) == 0 {
        order.insert(random.below(order.len() + 1), None);
    }
    let mut axes = vec![SourceAxis { start: 0, step: 0, axis: None }; source.len()];
    let mut shape = Vec::new();
    for from in order {
        let Some(axis) = from else {
            shape.push(1 + random.below(2));
            continue;
        };
        let length = source[axis];
        if length > 0 && random.below(6) == 0 {
            axes[axis].start = random.below(length);
            continue;
        }
        let step = 1 + random.below(3);
        let taken = if length == 0 { 0 } else { 1 + random.below(length.div_ceil(step)) };
        let (start, step) = match random.below(3) {
            0 if taken > 0 => ((taken - 1) * step, -(step as isize)),
            _ => (0, step as isize),
        };
        let (start, step, taken) = if random.below(2) == 0 { (0, 1, length) } else { (start, step, taken) };
        axes[axis] = SourceAxis { start, step, axis: Some(shape.len()) };
        shape.push(taken);
    }
    maker.view(value, axes, shape)
}

/// A random shape of so many elements.
fn random_factors(random: &mut Random, count: usize) -> Vec<usize> {
    let mut shape = vec![count];
    for _ in 0..random.below(4) {
        let axis = random.below(shape.len());
        let length = shape[axis];
        let divisors: Vec<usize> = (1..=length.max(1)).filter(|divisor| length.is_multiple_of(*divisor)).collect();
        let divisor = divisors[random.below(divisors.len())];
        shape[axis] = divisor;
        shape.insert(axis + 1, length / divisor);
    }
    shape
}

/// A random graph over inputs of the given types.
fn random_graph(random: &mut Random, inputs: &[Array], threads: Option<usize>) -> Graph {
    let mut maker = threads.map_or_else(Maker::new, Maker::parallel);
    let mut nodes: Vec<NodeId> = inputs.iter().map(|array| maker.input(array.dtype(), array.shape())).collect();
    let scalar = random.scalar(DType::F64);
    nodes.push(maker.constant(scalar));
    for _ in 0..4 + random.below(14) {
        let a = nodes[random.below(nodes.len())];
        let of = maker.kind_of(a);
        let new = match random.below(10) {
            0..=4 => {
                let compatible: Vec<NodeId> = nodes
                    .iter()
                    .copied()
                    .filter(|&b| {
                        broadcast(&of.shape, &maker.kind_of(b).shape).is_ok_and(|s| s.iter().product::<usize>() < 9000)
                    })
                    .collect();
                let b = compatible[random.below(compatible.len())];
                let dtype = if of.dtype == DType::Bool { DType::I64 } else { of.dtype };
                let (a, b) = (cast_to(&mut maker, a, dtype), cast_to(&mut maker, b, dtype));
                let operation = [ADD, MULTIPLY, MULTIPLY, LESS][random.below(4)];
                maker.call(operation, a, b)
            }
            5 | 6 => random_view(&mut maker, random, a),
            7 if of.rank() > 0 => {
                let axes: Vec<usize> = (0..of.rank()).filter(|_| random.below(2) == 0).collect();
                let axes = if axes.is_empty() { vec![of.rank() - 1] } else { axes };
                let empty = axes.iter().any(|&axis| of.shape[axis] == 0);
                let operation = if empty { SUM } else { [SUM, MAX, ARGMAX][random.below(3)] };
                let dtype = if of.dtype == DType::Bool { DType::I64 } else { of.dtype };
                let a = cast_to(&mut maker, a, dtype);
                maker.reduce(operation, a, &axes)
            }
            8 => {
                let dtype = random.dtype();
                cast_to(&mut maker, a, dtype)
            }
            _ => match random.below(3) {
                0 => {
                    let shape = random_factors(random, of.count());
                    maker.reshape(a, &shape)
                }
                1 if of.count() < 3000 => {
                    let shape: Vec<usize> = std::iter::once(2).chain(of.shape.iter().copied()).collect();
                    maker.add(NodeKind::Stack(vec![a, a]), ArrayType::new(of.dtype, shape))
                }
                _ => {
                    let length = of.shape.last().copied().unwrap_or(1);
                    maker.add(NodeKind::Iota, ArrayType::new(DType::I64, vec![length]))
                }
            },
        };
        nodes.push(new);
    }
    let outputs: Vec<NodeId> = (0..3).map(|back| nodes[nodes.len() - 1 - back]).collect();
    maker.finish(&outputs)
}

fn cast_to(maker: &mut Maker, value: NodeId, dtype: DType) -> NodeId {
    if maker.kind_of(value).dtype == dtype { value } else { maker.cast(value, dtype) }
}

#[test]
fn random_graphs_agree_with_the_naive_evaluator() {
    let library = library();
    for seed in 0..400 {
        let mut random = Random(seed);
        let shape = random.shape(1500);
        let other = shape[shape.len() / 2..].to_vec();
        let (first, second) = (random.dtype(), random.dtype());
        let inputs = [random.array(first, &shape), random.array(second, &other)];
        let threads = [None, Some(1), Some(2), Some(4), Some(8)][seed as usize % 5];
        let graph = random_graph(&mut random, &inputs, threads);
        let expected = evaluate(&graph, &inputs, &library);
        for (fuse, level) in
            [(true, Level::detect()), (false, Level::Portable), (true, Level::Scalar), (true, Level::Avx2)]
        {
            let level = if level.is_available() { level } else { Level::Portable };
            let results = execute(&graph, &inputs, &settings(2, fuse, level)).unwrap();
            for (result, output) in results.iter().zip(&graph.outputs) {
                let expected = &expected[output.index()];
                assert!(
                    same(result, expected),
                    "seed {seed}, fuse {fuse}, {level:?}, {output:?}:\n{result:?}\n{expected:?}\n{}",
                    plan(&graph, &library, &plain()).render(&library)
                );
            }
        }
    }
}

#[test]
fn reductions_keep_the_order_over_every_axis_and_length() {
    let library = library();
    let mut random = Random(7);
    let shapes: [&[usize]; 12] = [
        &[1],
        &[63],
        &[64],
        &[65],
        &[129],
        &[4096],
        &[4097],
        &[9000],
        &[3, 4100],
        &[4100, 3],
        &[130, 300],
        &[2, 70, 600],
    ];
    for shape in shapes {
        for dtype in [DType::F64, DType::F32, DType::U8] {
            let inputs = [random.array(dtype, shape)];
            for threads in [1, 3] {
                let mut maker = Maker::parallel(threads);
                let x = maker.input(dtype, shape);
                let mut outputs = Vec::new();
                for axis in 0..shape.len() {
                    for operation in [SUM, MAX, ARGMAX] {
                        outputs.push(maker.reduce(operation, x, &[axis]));
                    }
                }
                let all: Vec<usize> = (0..shape.len()).collect();
                outputs.push(maker.reduce(SUM, x, &all));
                outputs.push(maker.reduce(ARGMAX, x, &all));
                let graph = maker.finish(&outputs);
                let expected = evaluate(&graph, &inputs, &library);
                for level in Level::available() {
                    let results = execute(&graph, &inputs, &settings(threads, true, level)).unwrap();
                    for (result, output) in results.iter().zip(&outputs) {
                        let expected = &expected[output.index()];
                        let kind = &graph.node(*output).kind;
                        assert!(same(result, expected), "{dtype}{shape:?} {kind:?} {level:?} on {threads}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_transposed_reduction_gives_the_same_bits() {
    let mut random = Random(3);
    let x = random.array(DType::F64, &[5000, 37]);
    let mut maker = Maker::new();
    let id = maker.input(DType::F64, &[5000, 37]);
    let turned = maker.transpose(id);
    let columns = maker.reduce(SUM, id, &[0]);
    let rows = maker.reduce(SUM, turned, &[1]);
    let graph = maker.finish(&[columns, rows]);
    let results = execute(&graph, std::slice::from_ref(&x), &plain()).unwrap();
    assert!(results[0].same_bits(&results[1]));
    let copied = x.view(0, &[37, 5000], &[1, 37]).unwrap().copy(&Pool::new()).unwrap();
    let mut maker = Maker::new();
    let id = maker.input(DType::F64, &[37, 5000]);
    let rows = maker.reduce(SUM, id, &[1]);
    let dense = execute(&maker.finish(&[rows]), &[copied], &plain()).unwrap();
    assert!(results[0].same_bits(&dense[0]));
}

#[test]
fn what_lies_the_other_way_round_is_read_right() {
    let mut random = Random(17);
    let shapes = [[70, 5], [100, 3], [65, 64], [131, 37], [67, 130], [300, 100], [2100, 21]];
    for dtype in [DType::F32, DType::F64, DType::I16, DType::U8] {
        for [rows, columns] in shapes {
            let mut maker = Maker::parallel(2);
            let (a, b) = (maker.input(dtype, &[rows, columns]), maker.input(dtype, &[columns, rows]));
            let c = maker.input(dtype, &[rows]);
            let turned = maker.transpose(a);
            let outputs = [maker.call(ADD, turned, b), maker.call(ADD, turned, c), maker.call(ADD, turned, turned)];
            let graph = maker.finish(&outputs);
            let inputs = [&[rows, columns][..], &[columns, rows], &[rows]].map(|shape| random.array(dtype, shape));
            let expected = evaluate(&graph, &inputs, &library());
            for (machine_code, threads) in
                [MachineCode::Off, MachineCode::Always].into_iter().flat_map(|code| [(code, 1), (code, 2)])
            {
                let settings = Settings { machine_code, ..settings(threads, true, Level::detect()) };
                let results = execute(&graph, &inputs, &settings).unwrap();
                for (result, output) in results.iter().zip(&outputs) {
                    let place = format!("{dtype} [{rows}, {columns}], {machine_code:?}, {threads} threads");
                    assert!(same(result, &expected[output.index()]), "{place}");
                }
            }
        }
    }
}

#[test]
fn columns_of_every_height_are_folded_in_one_order() {
    let mut random = Random(19);
    for (dtype, rows, columns) in [
        (DType::F32, 2, 700),
        (DType::F32, 100, 70),
        (DType::F32, 300, 33),
        (DType::F32, 1000, 67),
        (DType::F64, 63, 41),
        (DType::F64, 130, 1030),
        (DType::F64, 513, 65),
        (DType::I64, 200, 50),
        (DType::U8, 700, 150),
    ] {
        let mut maker = Maker::parallel(2);
        let (a, b) = (maker.input(dtype, &[2, rows, columns]), maker.input(dtype, &[2, 1, columns]));
        let product = maker.call(MULTIPLY, a, b);
        let outputs = [maker.reduce(SUM, a, &[1]), maker.reduce(SUM, product, &[1]), product];
        let graph = maker.finish(&outputs);
        let inputs = [&[2, rows, columns][..], &[2, 1, columns]].map(|shape| random.array(dtype, shape));
        let expected = evaluate(&graph, &inputs, &library());
        for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
            for (machine_code, threads) in
                [MachineCode::Off, MachineCode::Always].into_iter().flat_map(|code| [(code, 1), (code, 2)])
            {
                let settings = Settings { machine_code, ..settings(threads, true, level) };
                let results = execute(&graph, &inputs, &settings).unwrap();
                for (result, output) in results.iter().zip(&outputs) {
                    let place =
                        format!("{dtype} [{rows}, {columns}] at {level:?}, {machine_code:?}, {threads} threads");
                    assert!(same(result, &expected[output.index()]), "{place}");
                }
            }
        }
    }
}

#[test]
fn a_million_ones_are_a_million() {
    let ones = Array::from_vec(&[1_000_000], vec![1f32; 1_000_000]).unwrap();
    let mut maker = Maker::new();
    let x = maker.input(DType::F32, &[1_000_000]);
    let sum = maker.reduce(SUM, x, &[0]);
    let graph = maker.finish(&[sum]);
    for threads in [1, 2, 4, 8] {
        let result = execute(&graph, std::slice::from_ref(&ones), &settings(threads, true, Level::detect())).unwrap();
        assert_eq!(result[0].scalar_value(), Some(Scalar::f64(1e6).cast(DType::F32)));
    }
}

#[test]
fn large_regions_split_and_give_the_same_bits() {
    let mut random = Random(11);
    let a = random.array(DType::F64, &[300, 1000]);
    let b = random.array(DType::F64, &[1000]);
    let mut results: Vec<Vec<Array>> = Vec::new();
    for threads in [1, 2, 4, 8] {
        for fuse in [true, false] {
            let mut maker = Maker::parallel(threads);
            let (x, y) = (maker.input(DType::F64, &[300, 1000]), maker.input(DType::F64, &[1000]));
            let product = maker.call(MULTIPLY, x, y);
            let squares = maker.call(MULTIPLY, product, product);
            let outputs = [
                maker.call(ADD, squares, y),
                maker.reduce(SUM, squares, &[0]),
                maker.reduce(SUM, product, &[0]),
                maker.reduce(SUM, squares, &[0, 1]),
            ];
            let graph = maker.finish(&outputs);
            results.push(execute(&graph, &[a.clone(), b.clone()], &settings(8, fuse, Level::detect())).unwrap());
        }
    }
    for other in &results[1..] {
        for (one, other) in results[0].iter().zip(other) {
            assert!(one.iter().zip(other.iter()).all(|(a, b)| a == b || a.as_complex().0.is_nan()));
        }
    }
}

#[test]
fn what_is_more_than_the_caches_hold_gives_the_same_bits() {
    let (rows, columns) = (1030, 4101);
    let elements = |count: usize| (0..count).map(|index| (index % 1999) as f64 / 7.0 - 100.0).collect::<Vec<f64>>();
    let inputs = [
        Array::from_vec(&[rows, columns], elements(rows * columns)).unwrap(),
        Array::from_vec(&[columns], elements(columns)).unwrap(),
    ];
    let mut maker = Maker::parallel(2);
    let (x, y) = (maker.input(DType::F64, &[rows, columns]), maker.input(DType::F64, &[columns]));
    let product = maker.call(MULTIPLY, x, y);
    let below = |maker: &mut Maker, start: usize| {
        let axes = vec![SourceAxis { start, ..SourceAxis::along(0) }, SourceAxis::along(1)];
        maker.view(x, axes, vec![rows - 1, columns])
    };
    let neighbours = [below(&mut maker, 0), below(&mut maker, 1)];
    let outputs = [
        maker.call(ADD, product, x),
        maker.call(ADD, neighbours[0], neighbours[1]),
        maker.reduce(SUM, x, &[0, 1]),
        maker.reduce(SUM, product, &[1]),
        maker.reduce(SUM, product, &[0]),
        maker.reduce(ARGMAX, x, &[1]),
    ];
    let graph = maker.finish(&outputs);
    let run = |threads: usize, machine_code: MachineCode, level: Level| {
        let settings = Settings { machine_code, ..settings(threads, true, level) };
        execute(&graph, &inputs, &settings).unwrap()
    };
    let expected = run(1, MachineCode::Off, Level::detect());
    for level in [Level::Avx2, Level::Avx512].into_iter().filter(|level| level.is_available()) {
        for threads in [1, 2] {
            for (index, (one, other)) in run(threads, MachineCode::Always, level).iter().zip(&expected).enumerate() {
                assert!(one.iter().eq(other.iter()), "result {index} at {level:?}, {threads} threads");
            }
        }
    }
}

#[test]
fn mean_and_variance_read_their_input_once() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[1000]);
    let sum = maker.reduce(SUM, x, &[0]);
    let square = maker.call(MULTIPLY, x, x);
    let squares = maker.reduce(SUM, square, &[0]);
    let graph = maker.finish(&[sum, squares]);
    let library = library();
    let plan = plan(&graph, &library, &plain());
    let text = "\
region 1   f64[1000]   lanes: the budget is one thread
  t1 = multiply x0 x0
  -> %1 = sum x0: f64
  -> %2 = sum t1: f64
  reads 8.0 kB, writes 16 B
gives %1, %2
predicted peak memory: 8.0 kB
";
    assert_eq!(plan.render(&library), text);
}

#[test]
fn a_reduction_that_feeds_elementwise_code_is_a_region_of_its_own() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[20, 30]);
    let sum = maker.reduce(SUM, x, &[1]);
    let axes = vec![SourceAxis { start: 0, step: 1, axis: Some(0) }];
    let column = maker.view(sum, axes, vec![20, 1]);
    let scaled = maker.call(MULTIPLY, x, column);
    let shifted = maker.call(ADD, scaled, scaled);
    let graph = maker.finish(&[shifted]);
    let library = library();
    let plan = plan(&graph, &library, &plain());
    assert_eq!(plan.region_count(), 2, "{}", plan.render(&library));
    let mut random = Random(5);
    let inputs = [random.array(DType::F64, &[20, 30])];
    let result = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
    assert!(same(&result[0], &evaluate(&graph, &inputs, &library)[shifted.index()]));
}

#[test]
fn a_stencil_is_one_region_without_temporaries() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[8, 8]);
    let part = |maker: &mut Maker, row: usize, column: usize| {
        let axis = |start, axis| SourceAxis { start, step: 1, axis: Some(axis) };
        maker.view(x, vec![axis(row, 0), axis(column, 1)], vec![6, 6])
    };
    let (up, down) = (part(&mut maker, 0, 1), part(&mut maker, 2, 1));
    let sum = maker.call(ADD, up, down);
    let left = part(&mut maker, 1, 0);
    let sum = maker.call(ADD, sum, left);
    let graph = maker.finish(&[sum]);
    let library = library();
    let plan = plan(&graph, &library, &plain());
    assert_eq!(plan.region_count(), 1, "{}", plan.render(&library));
    assert_eq!(plan.peak_bytes(), 8 * 64 + 8 * 36);
}

#[test]
fn a_dying_operand_gives_its_memory() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[100, 1000]);
    let doubled = maker.add(
        NodeKind::Apply { operation: TWICE, operands: vec![x], attributes: Vec::new() },
        ArrayType::new(DType::F64, vec![100, 1000]),
    );
    let shifted = maker.call(ADD, doubled, x);
    let graph = maker.finish(&[shifted]);
    let library = library();
    let plan = plan(&graph, &library, &plain());
    assert!(plan.render(&library).contains("in the memory of"), "{}", plan.render(&library));
    assert_eq!(plan.peak_bytes(), 2 * 800_000);
}

#[test]
fn the_first_fault_is_reported_by_every_executor() {
    let mut values = vec![1i64; 100_000];
    values[70_001] = 0;
    values[99_000] = 0;
    let divisor = Array::from_vec(&[100, 1000], values).unwrap();
    for threads in [1, 2, 8] {
        for fuse in [true, false] {
            let mut maker = Maker::parallel(threads);
            let x = maker.input(DType::I64, &[100, 1000]);
            let sum = maker.call(ADD, x, x);
            let quotient = maker.call(DIVIDE, sum, x);
            let total = maker.reduce(SUM, quotient, &[0, 1]);
            let graph = maker.finish(&[total, quotient]);
            let divisor = std::slice::from_ref(&divisor);
            let failure = execute(&graph, divisor, &settings(threads, fuse, Level::detect())).unwrap_err();
            assert_eq!((failure.code, failure.message.as_str()), ("E0501", "division by zero at [70, 1]"));
            assert_eq!(failure.labels[0].span, graph.node(quotient).span);
        }
    }
}

#[test]
fn effects_come_before_what_fails_later() {
    let mut maker = Maker::new();
    let x = maker.input(DType::I64, &[3]);
    let shown = maker.call(ADD, x, x);
    let quotient = maker.call(DIVIDE, shown, x);
    let mut graph = maker.finish(&[quotient]);
    graph.effects.push(Effect::Call { operation: SHOW, arguments: vec![Value::Array(shown)], span: Span::default() });
    let screen = Screen::default();
    let x = Array::from_vec(&[3], vec![2i64, 1, 0]).unwrap();
    let failure = execute_with(&graph, &[x], &plain(), &Cancel::new(), &screen).unwrap_err();
    assert_eq!(failure.message, "division by zero at [2]");
    assert_eq!(screen.0.into_inner().unwrap(), ["Array(i64[3] { 4 2 0 })"]);
}

#[test]
fn a_cancelled_run_stops() {
    let mut maker = Maker::parallel(2);
    let x = maker.input(DType::F64, &[2_000_000]);
    let mut value = x;
    for _ in 0..200 {
        value = maker.call(MULTIPLY, value, x);
    }
    let sum = maker.reduce(SUM, value, &[0]);
    let graph = maker.finish(&[sum]);
    let array = Array::from_vec(&[2_000_000], vec![1.0f64; 2_000_000]).unwrap();
    let cancel = Cancel::new();
    let started = std::time::Instant::now();
    let stopper = {
        let cancel = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            cancel.cancel();
        })
    };
    let result = execute_with(&graph, &[array], &plain(), &cancel, &Screen::default());
    stopper.join().unwrap();
    // A very fast machine may finish before it is stopped; one that was stopped must have stopped soon.
    if let Err(failure) = result {
        assert_eq!(failure.code, "E0590");
        assert!(started.elapsed().as_millis() < 2000, "{:?}", started.elapsed());
    }
    assert!(cancel.is_cancelled());
}

/// `x -> x * y[i] + c`, summed, for each row.
fn row_map(maker: &mut Maker, rows: usize, columns: usize, function: bool) -> NodeId {
    let x = maker.input(DType::F64, &[rows, columns]);
    let y = maker.input(DType::F64, &[rows]);
    let c = maker.input(DType::F64, &[columns]);
    let mut body = Maker::new();
    let (row, factor) = (body.input(DType::F64, &[columns]), body.input(DType::F64, &[]));
    let shift = body.input(DType::F64, &[columns]);
    let mut row = row;
    if function {
        let kind = NodeKind::Apply { operation: TWICE, operands: vec![row], attributes: Vec::new() };
        row = body.add(kind, ArrayType::new(DType::F64, vec![columns]));
    }
    let product = body.call(MULTIPLY, row, factor);
    let sum = body.call(ADD, product, shift);
    let reversed = body.view(sum, vec![SourceAxis { start: columns - 1, step: -1, axis: Some(0) }], vec![columns]);
    let total = body.reduce(SUM, sum, &[0]);
    let result = body.call(ADD, reversed, total);
    let result = body.add(NodeKind::Stack(vec![result, row]), ArrayType::new(DType::F64, vec![2, columns]));
    let body = Arc::new(body.finish(&[result]));
    maker.add(
        NodeKind::Map { body, mapped: vec![x, y], captured: vec![c] },
        ArrayType::new(DType::F64, vec![rows, 2, columns]),
    )
}

#[test]
fn maps_become_whole_array_nodes() {
    let library = library();
    let mut random = Random(9);
    let inputs = [random.array(DType::F64, &[7, 5]), random.array(DType::F64, &[7]), random.array(DType::F64, &[5])];
    let mut maker = Maker::new();
    let map = row_map(&mut maker, 7, 5, false);
    let graph = maker.finish(&[map]);
    let plan = plan(&graph, &library, &plain());
    assert!(!plan.render(&library).contains("map"), "{}", plan.render(&library));
    let result = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
    assert!(same(&result[0], &evaluate(&graph, &inputs, &library)[map.index()]), "{}", plan.render(&library));
}

#[test]
fn other_maps_run_turn_by_turn() {
    let mut random = Random(9);
    let inputs = [random.array(DType::F64, &[70, 5]), random.array(DType::F64, &[70]), random.array(DType::F64, &[5])];
    let mut maker = Maker::new();
    let map = row_map(&mut maker, 70, 5, false);
    let plain_result = execute(&maker.finish(&[map]), &inputs, &plain()).unwrap();
    for threads in [1, 4] {
        let mut maker = Maker::parallel(threads);
        let map = row_map(&mut maker, 70, 5, true);
        let graph = maker.finish(&[map]);
        let library = library();
        assert!(plan(&graph, &library, &plain()).render(&library).contains("map"));
        let result = execute(&graph, &inputs, &settings(threads, true, Level::detect())).unwrap();
        assert_eq!(result[0].shape(), plain_result[0].shape());
        let (doubled, single) = (result[0].item(&[3, 1, 2]).unwrap(), plain_result[0].item(&[3, 1, 2]).unwrap());
        assert_eq!(doubled.as_complex().0, single.as_complex().0 * 2.0);
    }
}

#[test]
fn nested_maps_become_one_region() {
    let library = library();
    let mut inner = Maker::new();
    let (x, y) = (inner.input(DType::F64, &[]), inner.input(DType::F64, &[]));
    let product = inner.call(MULTIPLY, x, y);
    let inner = Arc::new(inner.finish(&[product]));
    let mut outer = Maker::new();
    let (y, xs) = (outer.input(DType::F64, &[]), outer.input(DType::F64, &[6]));
    let row = outer
        .add(NodeKind::Map { body: inner, mapped: vec![xs], captured: vec![y] }, ArrayType::new(DType::F64, vec![6]));
    let outer = Arc::new(outer.finish(&[row]));
    let mut maker = Maker::new();
    let (xs, ys) = (maker.input(DType::F64, &[6]), maker.input(DType::F64, &[4]));
    let table = maker.add(
        NodeKind::Map { body: outer, mapped: vec![ys], captured: vec![xs] },
        ArrayType::new(DType::F64, vec![4, 6]),
    );
    let graph = maker.finish(&[table]);
    let plan = plan(&graph, &library, &plain());
    assert_eq!(plan.region_count(), 1, "{}", plan.render(&library));
    let mut random = Random(2);
    let inputs = [random.array(DType::F64, &[6]), random.array(DType::F64, &[4])];
    let result = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
    assert!(same(&result[0], &evaluate(&graph, &inputs, &library)[table.index()]));
}

#[test]
fn an_if_runs_one_of_its_bodies() {
    let body = |operation| {
        let mut body = Maker::new();
        let x = body.input(DType::I64, &[3]);
        let result = body.call(operation, x, x);
        Arc::new(body.finish(&[result]))
    };
    let mut maker = Maker::new();
    let condition = maker.input(DType::Bool, &[]);
    let x = maker.input(DType::I64, &[3]);
    // The other body would fail: it divides by zero.
    let kind = NodeKind::If { condition, then: body(ADD), otherwise: body(DIVIDE), captured: vec![x] };
    let result = maker.add(kind, ArrayType::new(DType::I64, vec![3]));
    let graph = maker.finish(&[result]);
    let x = Array::from_vec(&[3], vec![1i64, 0, 2]).unwrap();
    let inputs = [Array::scalar(Scalar::bool(true)), x.clone()];
    let results = execute(&graph, &inputs, &plain()).unwrap();
    assert_eq!(results[0].as_slice::<i64>(), Some(&[2, 0, 4][..]));
    let inputs = [Array::scalar(Scalar::bool(false)), x];
    assert_eq!(execute(&graph, &inputs, &plain()).unwrap_err().code, "E0501");
}

#[test]
fn what_is_not_built_is_noted_once() {
    let mut maker = Maker::new();
    maker.placement = annotation("gpu", None);
    let x = maker.input(DType::F64, &[3]);
    let one = maker.call(ADD, x, x);
    let two = maker.call(MULTIPLY, one, x);
    let graph = maker.finish(&[two]);
    let library = library();
    let plan = plan(&graph, &library, &plain());
    assert_eq!(plan.notes().len(), 1);
    assert_eq!(plan.notes()[0].message, "`@gpu` is not built yet: this runs on threads, with the same bits");
}

#[test]
fn memory_that_cannot_be_had_is_a_diagnostic() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[]);
    let huge = maker.view(x, Vec::new(), vec![1 << 40, 1 << 30]);
    let sum = maker.call(ADD, huge, huge);
    let graph = maker.finish(&[sum]);
    let failure = execute(&graph, &[Array::scalar(Scalar::f64(1.0))], &plain()).unwrap_err();
    assert_eq!(failure.code, "E0502");
}

#[test]
fn unneeded_work_is_not_done() {
    let mut maker = Maker::new();
    let x = maker.input(DType::I64, &[3]);
    let _fails = maker.call(DIVIDE, x, x);
    let sum = maker.call(ADD, x, x);
    let graph = maker.finish(&[sum]);
    let x = Array::from_vec(&[3], vec![0i64, 1, 2]).unwrap();
    assert!(execute(&graph, &[x], &plain()).is_ok());
}

/// A random body that is the same with or without a map around it.
fn random_map(random: &mut Random, inputs: &[Array]) -> Graph {
    let element = random.array(inputs[0].dtype(), &inputs[0].shape()[1..]);
    let body = Arc::new({
        let mut body = random_graph(random, &[element, inputs[1].clone()], None);
        body.outputs.truncate(1);
        body
    });
    let mut maker = Maker::new();
    let mapped = maker.input(inputs[0].dtype(), inputs[0].shape());
    let captured = maker.input(inputs[1].dtype(), inputs[1].shape());
    let result = body.node(body.outputs[0]).array_type().clone();
    let shape: Vec<usize> = std::iter::once(inputs[0].shape()[0]).chain(result.shape).collect();
    let kind = NodeKind::Map { body, mapped: vec![mapped], captured: vec![captured] };
    let map = maker.add(kind, ArrayType::new(result.dtype, shape));
    maker.finish(&[map])
}

#[test]
fn random_maps_agree_with_the_naive_evaluator() {
    let library = library();
    for seed in 0..200 {
        let mut random = Random(1000 + seed);
        let shape = random.shape(200);
        let (first, second) = (random.dtype(), random.dtype());
        let turns: Vec<usize> = std::iter::once(1 + random.below(5)).chain(shape.iter().copied()).collect();
        let inputs = [random.array(first, &turns), random.array(second, &shape)];
        let graph = random_map(&mut random, &inputs);
        let plan = plan(&graph, &library, &plain());
        assert!(!plan.render(&library).contains("map "), "{}", plan.render(&library));
        let result = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
        let expected = &evaluate(&graph, &inputs, &library)[graph.outputs[0].index()];
        assert!(same(&result[0], expected), "seed {seed}\n{}\n{:?}\n{expected:?}", plan.render(&library), result[0]);
    }
}

#[test]
fn effects_of_maps_and_ifs_happen_in_order() {
    let show = |x: NodeId| Effect::Call { operation: SHOW, arguments: vec![Value::Array(x)], span: Span::default() };
    let mut then = Maker::new();
    let x = then.input(DType::I64, &[]);
    let mut then = then.finish(&[]);
    then.effects.push(show(x));
    let mut turn = Maker::parallel(4);
    let x = turn.input(DType::I64, &[]);
    let limit = turn.constant(Scalar::i64(2));
    let small = turn.call(LESS, x, limit);
    let otherwise = Arc::new(Graph { inputs: then.inputs.clone(), ..Graph::default() });
    let kind = NodeKind::If { condition: small, then: Arc::new(then), otherwise, captured: vec![x] };
    let choice = turn.builder.add(kind, Vec::new(), Span::default(), None);
    let mut turn = turn.finish(&[]);
    turn.effects.push(Effect::Run(choice));
    let mut maker = Maker::parallel(4);
    let xs = maker.input(DType::I64, &[4]);
    let kind = NodeKind::Map { body: Arc::new(turn), mapped: vec![xs], captured: Vec::new() };
    let map = maker.builder.add(kind, Vec::new(), Span::default(), maker.placement.clone());
    let mut graph = maker.finish(&[xs]);
    graph.effects = vec![Effect::Run(map), show(xs)];
    let screen = Screen::default();
    let xs = Array::from_vec(&[4], vec![1i64, 5, 0, -3]).unwrap();
    execute_with(&graph, &[xs], &settings(4, true, Level::detect()), &Cancel::new(), &screen).unwrap();
    let shown = ["Array(i64 { 1 })", "Array(i64 { 0 })", "Array(i64 { -3 })", "Array(i64[4] { 1 5 0 -3 })"];
    assert_eq!(screen.0.into_inner().unwrap(), shown);
}

#[test]
fn an_input_that_is_given_away_is_written_in_place() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[100_000]);
    let sum = maker.call(ADD, x, x);
    let graph = maker.finish(&[sum]);
    let (library, pool, threads) = (library(), Pool::new(), Threads::new());
    let plan = plan(&graph, &library, &plain());
    let context =
        Context { pool: &pool, threads: &threads, cancel: &Cancel::new(), host: &Screen::default(), bodies: &library };
    let mut array = Array::zeros(DType::F64, &[100_000], &pool).unwrap();
    array.as_mut_slice::<f64>().unwrap().fill(1.5);
    let place = array.data_pointer();
    let kept = run(&plan, std::slice::from_ref(&array), &context).unwrap();
    assert_ne!(kept[0].data_pointer(), place);
    assert_eq!(array.item(&[7]), Some(Scalar::f64(1.5)));
    let taken = run_taking(&plan, vec![array], &context).unwrap();
    assert_eq!(taken[0].data_pointer(), place);
    assert!(taken[0].same_bits(&kept[0]));
}

#[test]
fn small_regions_give_the_same_bits_in_one_call_of_their_code() {
    let mut random = Random(11);
    for length in [1, 2, 7, 8, 10, 63, 64, 128, 129, 1000, 2048, 4096, 4097, 8192, 8199, 20_000] {
        for dtype in [DType::F64, DType::F32, DType::I64, DType::U8] {
            let mut maker = Maker::new();
            let (a, b, scalar) =
                (maker.input(dtype, &[length]), maker.input(dtype, &[length]), maker.input(dtype, &[]));
            let scaled = maker.call(MULTIPLY, a, scalar);
            let both = maker.call(ADD, scaled, b);
            let (sum, greatest) = (maker.reduce(SUM, both, &[0]), maker.reduce(MAX, scaled, &[0]));
            let smaller = maker.call(LESS, both, a);
            let graph = maker.finish(&[scaled, both, sum, greatest, smaller]);
            let inputs = [random.array(dtype, &[length]), random.array(dtype, &[length]), random.array(dtype, &[])];
            let expected = execute(&graph, &inputs, &plain()).unwrap();
            for outputs in [graph.outputs.clone(), graph.outputs[1..2].to_vec(), graph.outputs[2..4].to_vec()] {
                let places = outputs.iter().map(|output| graph.outputs.iter().position(|other| other == output));
                let expected: Vec<&Array> = places.map(|place| &expected[place.unwrap()]).collect();
                let graph = Graph { outputs, ..graph.clone() };
                let library = library();
                let plan = plan(&graph, &library, &Settings { machine_code: MachineCode::Always, ..plain() });
                for turn in 0..3 {
                    let results = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
                    for (result, &expected) in results.iter().zip(&expected) {
                        assert!(result.iter().eq(expected.iter()), "{dtype}[{length}] in turn {turn}");
                    }
                }
            }
        }
    }
}

#[test]
fn plans_are_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Plan>();
    is_shared::<Threads>();
    is_shared::<Cancel>();
}

#[test]
fn long_programs_are_planned_quickly() {
    let mut maker = Maker::new();
    let x = maker.input(DType::F64, &[100]);
    let mut value = x;
    for step in 0..3000 {
        let axis = SourceAxis { start: 99, step: -1, axis: Some(0) };
        let other = if step % 7 == 0 { maker.view(value, vec![axis], vec![100]) } else { x };
        value = maker.call(if step % 2 == 0 { ADD } else { MULTIPLY }, value, other);
    }
    let graph = maker.finish(&[value]);
    let started = std::time::Instant::now();
    let plan = plan(&graph, &library(), &plain());
    assert!(plan.region_count() > 400);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn reshaped_code_is_computed_in_its_new_shape() {
    let library = library();
    for seed in 0..300 {
        let mut random = Random(1000 + seed);
        let count = [1, 2, 12, 60, 360, 2520, 4096][random.below(7)];
        let shape = random_factors(&mut random, count);
        let row = shape[shape.len() / 2..].to_vec();
        let inputs = [random.array(DType::F64, &shape), random.array(DType::F64, &row)];
        let mut maker = Maker::new();
        let mut value = maker.input(DType::F64, &shape);
        let row = maker.input(DType::F64, &row);
        let counter = maker.iota(count);
        for _ in 0..2 + random.below(6) {
            let of = maker.kind_of(value);
            value = match random.below(6) {
                0 => maker.call(MULTIPLY, value, value),
                1 if broadcast(&of.shape, &maker.kind_of(row).shape) == Ok(of.shape.clone()) => {
                    maker.call(ADD, value, row)
                }
                2 => {
                    let counted = maker.reshape(counter, &of.shape);
                    let counted = maker.cast(counted, DType::F64);
                    maker.call(ADD, value, counted)
                }
                3 if of.rank() > 1 => maker.transpose(value),
                _ => {
                    let shape = random_factors(&mut random, count);
                    maker.reshape(value, &shape)
                }
            };
        }
        let axes: Vec<usize> = (0..maker.kind_of(value).rank()).filter(|_| random.below(2) == 0).collect();
        let reduced = if axes.is_empty() { value } else { maker.reduce(SUM, value, &axes) };
        let graph = maker.finish(&[value, reduced]);
        let expected = evaluate(&graph, &inputs, &library);
        for fuse in [true, false] {
            let results = execute(&graph, &inputs, &settings(2, fuse, Level::detect())).unwrap();
            for (result, output) in results.iter().zip(&graph.outputs) {
                let plan = plan(&graph, &library, &plain()).render(&library);
                assert!(same(result, &expected[output.index()]), "seed {seed}, fuse {fuse}:\n{plan}");
            }
        }
    }
}

#[test]
fn a_reshape_of_elementwise_code_is_part_of_its_region() {
    let library = library();
    let one_region = |make: &dyn Fn(&mut Maker) -> NodeId, peak: usize| {
        let mut maker = Maker::new();
        let output = make(&mut maker);
        let plan = plan(&maker.finish(&[output]), &library, &plain());
        let text = plan.render(&library);
        assert_eq!(plan.region_count(), 1, "{text}");
        assert_eq!(plan.peak_bytes(), peak, "{text}");
    };
    const MEGABYTE: usize = 1 << 20;
    // Larger than any memory, and never there.
    let sum_of_counted = |maker: &mut Maker| {
        let counter = maker.iota(200_000 * 100_000);
        let counter = maker.cast(counter, DType::F64);
        let table = maker.reshape(counter, &[200_000, 100_000]);
        let square = maker.call(MULTIPLY, table, table);
        maker.reduce(SUM, square, &[0, 1])
    };
    one_region(&sum_of_counted, 8);
    let flattened_sum = |maker: &mut Maker| {
        let (a, b) = (maker.input(DType::F64, &[256, 512]), maker.input(DType::F64, &[512]));
        let product = maker.call(MULTIPLY, a, b);
        let square = maker.call(MULTIPLY, product, product);
        let flat = maker.reshape(square, &[256 * 512]);
        maker.reduce(SUM, flat, &[0])
    };
    one_region(&flattened_sum, MEGABYTE + 4096 + 8);
    let split = |maker: &mut Maker| {
        let (a, b) = (maker.input(DType::F64, &[256, 512]), maker.input(DType::F64, &[512]));
        let sum = maker.call(ADD, a, b);
        let split = maker.reshape(sum, &[16, 16, 512]);
        maker.call(MULTIPLY, split, split)
    };
    one_region(&split, 2 * MEGABYTE + 4096);
    let flat_operand = |maker: &mut Maker| {
        let a = maker.input(DType::F64, &[256, 512]);
        let flat = maker.reshape(a, &[256 * 512]);
        maker.call(MULTIPLY, flat, flat)
    };
    one_region(&flat_operand, 2 * MEGABYTE);
}

#[test]
fn what_another_shape_would_copy_is_stored_once() {
    let library = library();
    let mut maker = Maker::new();
    let a = maker.input(DType::F64, &[256, 512]);
    let turned = maker.transpose(a);
    let square = maker.call(MULTIPLY, turned, turned);
    let flat = maker.reshape(square, &[256 * 512]);
    let twice = maker.call(ADD, flat, flat);
    let plan = plan(&maker.finish(&[twice]), &library, &plain());
    // The input, and one value: the second takes the place of the first, if the reshape has not hidden it.
    assert!(plan.peak_bytes() <= 3 << 20, "{}", plan.render(&library));
    assert_eq!(plan.region_count(), 2, "{}", plan.render(&library));
}

#[test]
fn a_plan_claims_no_threads_for_what_decides_itself() {
    let library = library();
    let render = |maker: Maker, output: NodeId| {
        let graph = maker.finish(&[output]);
        plan(&graph, &library, &settings(4, true, Level::detect())).render(&library)
    };
    let own_function = |maker: &mut Maker| {
        let input = maker.input(DType::F64, &[1_000_000]);
        let array_type = maker.kind_of(input);
        maker.add(NodeKind::Apply { operation: TWICE, operands: vec![input], attributes: Vec::new() }, array_type)
    };
    let mut maker = Maker::new();
    let output = own_function(&mut maker);
    let text = render(maker, output);
    assert!(text.starts_with("%1 = twice x0: f64[1000000]\n"), "{text}");
    let mut maker = Maker::parallel(2);
    let output = own_function(&mut maker);
    let text = render(maker, output);
    assert!(text.starts_with("%1 = twice x0: f64[1000000]   on at most 2 threads: `@parallel(2)` says so\n"), "{text}");
}

#[test]
fn threads_wake_for_costly_kernels_sooner() {
    let library = library();
    let threads = |operation: OperationId, length: usize| {
        let mut maker = Maker::new();
        let input = maker.input(DType::F64, &[length]);
        let output = maker.call(operation, input, input);
        let text = plan(&maker.finish(&[output]), &library, &settings(2, true, Level::detect())).render(&library);
        match text.contains("2 threads: ") {
            true if text.contains("is split when steps like it follow each other") => "where they are awake",
            true => "2",
            false => "1",
        }
    };
    assert_eq!(
        [threads(ADD, 20_000), threads(ADD, 70_000), threads(ADD, 1_000_000)],
        ["1", "where they are awake", "2"]
    );
    assert_eq!(
        [threads(HEAVY, 1000), threads(HEAVY, 40_000), threads(HEAVY, 200_000)],
        ["1", "where they are awake", "2"]
    );
}

#[test]
fn the_first_of_equal_extremes_is_found_at_every_level() {
    for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
        for (length, extremes, expected) in [
            (1, vec![], 0),
            (1000, vec![], 0),
            (1000, vec![(127, 2.0), (128, 2.0), (900, 2.0)], 127),
            (1000, vec![(5, 2.0), (640, 3.0), (641, 4.0)], 641),
            (100_000, vec![(99_999, 2.0)], 99_999),
            (100_000, vec![(9000, f64::INFINITY), (70_001, f64::NAN), (70_002, f64::NAN)], 70_001),
        ] {
            let mut elements = vec![1.0; length];
            extremes.iter().for_each(|&(at, value)| elements[at] = value);
            for columns in [1, 3] {
                let rows: Vec<f64> = elements.iter().flat_map(|&element| vec![element; columns]).collect();
                let mut maker = Maker::new();
                let input = maker.input(DType::F64, &[length, columns]);
                let output = maker.reduce(ARGMAX, input, &[0]);
                let array = Array::from_vec(&[length, columns], rows).unwrap();
                let result = execute(&maker.finish(&[output]), &[array], &settings(2, true, level)).unwrap();
                assert!(
                    result[0].iter().all(|found| found == Scalar::i64(expected)),
                    "{level:?}, {length}, {result:?}"
                );
            }
        }
    }
}

#[test]
fn the_first_extreme_of_rows_of_every_length_is_found_at_every_level() {
    for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
        for length in 1..=70 {
            let rows = 40;
            // Few values, so that extremes repeat; every fifth row has a NaN somewhere.
            let mut elements: Vec<f64> =
                (0..rows * length).map(|index| ((index * 7919 + index / length * 31) % 13) as f64).collect();
            (0..rows).step_by(5).for_each(|row| elements[row * length + row * 3 % length] = f64::NAN);
            let mut maker = Maker::new();
            let input = maker.input(DType::F64, &[rows, length]);
            let output = maker.reduce(ARGMAX, input, &[1]);
            let array = Array::from_vec(&[rows, length], elements.clone()).unwrap();
            let result = execute(&maker.finish(&[output]), &[array], &settings(1, true, level)).unwrap();
            for (row, found) in elements.chunks(length).zip(result[0].iter()) {
                let row: Vec<Scalar> = row.iter().map(|&element| Scalar::f64(element)).collect();
                assert_eq!(found, naive_extreme(&row), "{level:?}, {length}");
            }
        }
    }
}
