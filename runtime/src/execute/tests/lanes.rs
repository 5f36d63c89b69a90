//! Maps whose bodies choose and loop: on lanes they give what they give turn by turn, and fail as they would.

use super::*;
use thalweg_lang::graph::IndexAxis;

/// Bodies at random: arithmetic, choices, loops, gathers and updates, in each other.
struct Bodies<'a> {
    random: &'a mut Random,
    /// How many nodes there may still be.
    left: usize,
}

/// What a body can use: integers, a row of 5 of its own, and a table of 7 that all turns share.
#[derive(Clone)]
struct Known {
    numbers: Vec<NodeId>,
    row: NodeId,
    table: NodeId,
}

const ROW: usize = 5;
const TABLE: usize = 7;

impl Bodies<'_> {
    fn number(&mut self, known: &Known) -> NodeId {
        known.numbers[self.random.below(known.numbers.len())]
    }

    /// An index that is in bounds, from either end.
    fn index(&mut self, maker: &mut Maker, known: &Known, length: usize) -> NodeId {
        let number = self.number(known);
        let (low, high) = (-(length as i64) - 1, length as i64);
        let [low, high, zero] = [low, high, 0].map(|bound| maker.constant(Scalar::i64(bound)));
        let (above, below) = (maker.call(LESS, low, number), maker.call(LESS, number, high));
        let scalar = ArrayType::scalar(DType::I64);
        let inner = maker.add(NodeKind::Select { mask: below, then: number, otherwise: zero }, scalar.clone());
        maker.add(NodeKind::Select { mask: above, then: inner, otherwise: zero }, scalar)
    }

    fn gather(&mut self, maker: &mut Maker, value: NodeId, index: NodeId) -> NodeId {
        let place = SourceAxis { start: 0, step: 0, axis: None };
        let axes = vec![IndexAxis { place, index: Some(index) }];
        maker.add(NodeKind::Gather { value, axes }, ArrayType::scalar(DType::I64))
    }

    /// The inputs of a body that sees all of this.
    fn inputs(&mut self, known: &Known) -> (Maker, Known) {
        let mut maker = Maker::new();
        let numbers = known.numbers.iter().map(|_| maker.input(DType::I64, &[])).collect();
        let (row, table) = (maker.input(DType::I64, &[ROW]), maker.input(DType::I64, &[TABLE]));
        (maker, Known { numbers, row, table })
    }

    fn seen(&self, known: &Known) -> Vec<NodeId> {
        known.numbers.iter().copied().chain([known.row, known.table]).collect()
    }

    /// Adds some nodes to a body.
    fn block(&mut self, maker: &mut Maker, known: &mut Known, depth: usize) {
        for _ in 0..2 + self.random.below(4) {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let (a, b) = (self.number(known), self.number(known));
            let new = match self.random.below(if depth == 0 { 5 } else { 10 }) {
                0 => maker.call(ADD, a, b),
                1 => maker.call(MULTIPLY, a, b),
                2 => {
                    let index = self.index(maker, known, TABLE);
                    self.gather(maker, known.table, index)
                }
                3 => {
                    let index = self.index(maker, known, ROW);
                    self.gather(maker, known.row, index)
                }
                4 => {
                    let index = self.index(maker, known, ROW);
                    let place = SourceAxis { start: 0, step: 0, axis: None };
                    let axes = vec![IndexAxis { place, index: Some(index) }];
                    let operation = [None, Some(ADD)][self.random.below(2)];
                    let kind = NodeKind::Update { value: known.row, axes, shape: Vec::new(), new: a, operation };
                    known.row = maker.add(kind, ArrayType::new(DType::I64, vec![ROW]));
                    continue;
                }
                5 | 6 => self.choice(maker, known, depth, a, b),
                7 => self.division(maker, known, a, b),
                _ => self.repetition(maker, known, depth, a),
            };
            known.numbers.push(new);
        }
    }

    /// `if a < b { … } else { … }`, with another number and another row.
    fn choice(&mut self, maker: &mut Maker, known: &mut Known, depth: usize, a: NodeId, b: NodeId) -> NodeId {
        let mut side = || {
            let (mut inner, mut seen) = self.inputs(known);
            self.block(&mut inner, &mut seen, depth - 1);
            let last = *seen.numbers.last().unwrap();
            Arc::new(inner.finish(&[last, seen.row]))
        };
        let (then, otherwise) = (side(), side());
        let condition = maker.call(LESS, a, b);
        let types = vec![ArrayType::scalar(DType::I64), ArrayType::new(DType::I64, vec![ROW])];
        let kind = NodeKind::If { condition, then, otherwise, captured: self.seen(known) };
        let value = maker.builder.add(kind, types.clone(), Span::default(), None);
        let parts = maker.parts(value, types);
        known.row = parts[1];
        parts[0]
    }

    /// `if 0 < b { a divided by b } else { a }`: the side that is not taken would fault.
    fn division(&mut self, maker: &mut Maker, _known: &Known, a: NodeId, b: NodeId) -> NodeId {
        let mut then = Maker::new();
        let (x, y) = (then.input(DType::I64, &[]), then.input(DType::I64, &[]));
        let quotient = then.call(DIVIDE, x, y);
        let then = Arc::new(then.finish(&[quotient]));
        let mut otherwise = Maker::new();
        let (x, _) = (otherwise.input(DType::I64, &[]), otherwise.input(DType::I64, &[]));
        let otherwise = Arc::new(otherwise.finish(&[x]));
        let zero = maker.constant(Scalar::i64(0));
        let condition = maker.call(LESS, zero, b);
        let kind = NodeKind::If { condition, then, otherwise, captured: vec![a, b] };
        maker.add(kind, ArrayType::scalar(DType::I64))
    }

    /// A loop of at most six turns: as long as `k` is below a number, or over an array, or until something is large.
    fn repetition(&mut self, maker: &mut Maker, known: &mut Known, depth: usize, start: NodeId) -> NodeId {
        let scalar = ArrayType::scalar(DType::I64);
        let row = ArrayType::new(DType::I64, vec![ROW]);
        let (walks, stops, has_condition) =
            (self.random.below(3), self.random.below(3) == 0, self.random.below(2) == 0);
        let mapped = match walks {
            0 => vec![known.table],
            1 => vec![known.row],
            _ => Vec::new(),
        };
        let has_condition = has_condition || mapped.is_empty();
        let condition = has_condition.then(|| {
            let mut inner = Maker::new();
            let (k, _, _) =
                (inner.input(DType::I64, &[]), inner.input(DType::I64, &[]), inner.input(DType::I64, &[ROW]));
            let numbers: Vec<NodeId> = known.numbers.iter().map(|_| inner.input(DType::I64, &[])).collect();
            inner.input(DType::I64, &[TABLE]);
            let six = inner.constant(Scalar::i64(6));
            let first = inner.call(LESS, k, six);
            let second = inner.call(LESS, k, numbers[self.random.below(numbers.len())]);
            let none = inner.constant(Scalar::bool(false));
            let both = NodeKind::Select { mask: first, then: second, otherwise: none };
            let both = inner.add(both, ArrayType::scalar(DType::Bool));
            Arc::new(inner.finish(&[both]))
        });
        let mut body = Maker::new();
        let element: Vec<NodeId> = mapped.iter().map(|_| body.input(DType::I64, &[])).collect();
        let (k, s) = (body.input(DType::I64, &[]), body.input(DType::I64, &[]));
        let own_row = body.input(DType::I64, &[ROW]);
        let mut numbers: Vec<NodeId> = known.numbers.iter().map(|_| body.input(DType::I64, &[])).collect();
        let table = body.input(DType::I64, &[TABLE]);
        numbers.extend([element, vec![k, s]].concat());
        let mut seen = Known { numbers, row: own_row, table };
        self.block(&mut body, &mut seen, depth - 1);
        let one = body.constant(Scalar::i64(1));
        let next = body.call(ADD, k, one);
        let last = *seen.numbers.last().unwrap();
        let last = body.call(ADD, s, last);
        let mut outputs = vec![next, last, seen.row];
        if stops {
            let limit = self.number(&seen);
            outputs.push(body.call(LESS, limit, last));
        }
        let body = Arc::new(body.finish(&outputs));
        let zero = maker.constant(Scalar::i64(0));
        let types = vec![scalar.clone(), scalar, row];
        let captured = known.numbers.iter().copied().chain([known.table]).collect();
        let kind = NodeKind::Loop { condition, body, stops, mapped, carried: vec![zero, start, known.row], captured };
        let value = maker.builder.add(kind, types.clone(), Span::default(), None);
        let parts = maker.parts(value, types);
        known.row = parts[2];
        parts[1]
    }
}

/// A body over two numbers, a row, the table and a third number that is the same in all turns.
fn random_body(random: &mut Random) -> Graph {
    let mut maker = Maker::new();
    let (x, y) = (maker.input(DType::I64, &[]), maker.input(DType::I64, &[]));
    let row = maker.input(DType::I64, &[ROW]);
    let (table, c) = (maker.input(DType::I64, &[TABLE]), maker.input(DType::I64, &[]));
    let mut known = Known { numbers: vec![x, y, c], row, table };
    let mut bodies = Bodies { random, left: 40 };
    bodies.block(&mut maker, &mut known, 3);
    let last = *known.numbers.last().unwrap();
    maker.finish(&[last, known.row])
}

/// The body's outputs for each turn, one after the other.
fn turn_by_turn(body: &Graph, inputs: &[Array], mapped: usize) -> Vec<Vec<Scalar>> {
    let library = library();
    let plan = plan(body, &library, &plain());
    let mut outputs = vec![Vec::new(); body.outputs.len()];
    for turn in 0..inputs[0].shape()[0] {
        let own = inputs.iter().enumerate().map(|(index, array)| {
            if index >= mapped {
                return array.clone();
            }
            let offset = array.offset() + turn * array.strides()[0] as usize;
            array.view(offset, &array.shape()[1..], &array.strides()[1..]).unwrap()
        });
        let own: Vec<Array> = own.collect();
        let results = run_plan(&plan, &own, &library, &Cancel::new(), &Screen::default()).unwrap();
        outputs.iter_mut().zip(results).for_each(|(output, result)| output.extend(result.iter()));
    }
    outputs
}

/// The body for each turn, as a map.
fn mapped_graph(body: &Graph, inputs: &[Array], mapped: usize, threads: Option<usize>) -> Graph {
    let mut maker = threads.map_or_else(Maker::new, Maker::parallel);
    let ids: Vec<NodeId> = inputs.iter().map(|array| maker.input(array.dtype(), array.shape())).collect();
    let turns = inputs[0].shape()[0];
    let raised = |id: &NodeId| {
        let own = body.node(*id).array_type();
        ArrayType::new(own.dtype, std::iter::once(turns).chain(own.shape.iter().copied()).collect::<Vec<_>>())
    };
    let types: Vec<ArrayType> = body.outputs.iter().map(raised).collect();
    let (mapped, captured) = (ids[..mapped].to_vec(), ids[mapped..].to_vec());
    let kind = NodeKind::Map { body: Arc::new(body.clone()), mapped, captured };
    let value = maker.builder.add(kind, types.clone(), Span::default(), maker.placement.clone());
    let parts = maker.parts(value, types);
    maker.finish(&parts)
}

#[test]
fn random_bodies_give_on_lanes_what_they_give_turn_by_turn() {
    let library = library();
    let mut on_lanes = 0;
    for seed in 0..250 {
        let mut random = Random(7000 + seed);
        let body = random_body(&mut random);
        let turns = [1, 3, 20, 300, 1100][random.below(5)];
        let mut integers = |count: usize, range: i64| -> Vec<i64> {
            (0..count).map(|_| random.below(2 * range as usize) as i64 - range).collect()
        };
        let inputs = [
            Array::from_vec(&[turns], integers(turns, 9)).unwrap(),
            Array::from_vec(&[turns], integers(turns, 4)).unwrap(),
            Array::from_vec(&[turns, ROW], integers(turns * ROW, 6)).unwrap(),
            Array::from_vec(&[TABLE], integers(TABLE, 5)).unwrap(),
            Array::scalar(Scalar::i64(integers(1, 5)[0])),
        ];
        let expected = turn_by_turn(&body, &inputs, 3);
        for (threads, fuse) in [(None, true), (Some(2), true), (Some(4), false)] {
            let graph = mapped_graph(&body, &inputs, 3, threads);
            let plan = plan(&graph, &library, &settings(4, fuse, Level::detect()));
            let text = plan.render(&library);
            on_lanes += usize::from(text.contains("lanes at a time"));
            let results = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default())
                .unwrap_or_else(|failure| panic!("seed {seed}: {}\n{text}", failure.message));
            for (result, expected) in results.iter().zip(&expected) {
                let differs = result.iter().zip(expected).position(|(a, b)| a != *b);
                assert_eq!(differs, None, "seed {seed}, {turns} turns on {threads:?}, fuse {fuse}\n{text}");
            }
        }
    }
    assert!(on_lanes > 200, "only {on_lanes} of 750 ran on lanes");
}

/// `for i in iota(20) { if table[x + i] … }`: a lane ends when it has found 0, and may leave the table before.
fn search() -> Graph {
    let mut body = Maker::new();
    let (i, at) = (body.input(DType::I64, &[]), body.input(DType::I64, &[]));
    let table = body.input(DType::I64, &[TABLE]);
    let _ = i;
    let place = SourceAxis { start: 0, step: 0, axis: None };
    let axes = vec![IndexAxis { place, index: Some(at) }];
    let found = body.add(NodeKind::Gather { value: table, axes }, ArrayType::scalar(DType::I64));
    let next = body.call(ADD, at, found);
    let one = body.constant(Scalar::i64(1));
    let stop = body.call(LESS, found, one);
    let body = Arc::new(body.finish(&[next, stop]));
    let mut maker = Maker::new();
    let (x, table) = (maker.input(DType::I64, &[]), maker.input(DType::I64, &[TABLE]));
    let counter = maker.iota(20);
    let kind = NodeKind::Loop {
        condition: None,
        body,
        stops: true,
        mapped: vec![counter],
        carried: vec![x],
        captured: vec![table],
    };
    let result = maker.add(kind, ArrayType::scalar(DType::I64));
    maker.finish(&[result])
}

#[test]
fn a_lane_that_is_done_cannot_fault_and_the_first_turn_that_fails_is_told() {
    let table = Array::from_vec(&[TABLE], vec![2i64, 0, 1, 3, 0, 90, 4]).unwrap();
    let starts: Vec<i64> = (0..500).map(|turn| [0, 1, 2, 3][turn % 4]).collect();
    let run = |starts: &[i64], threads: usize| {
        let inputs = [Array::from_vec(&[starts.len()], starts.to_vec()).unwrap(), table.clone()];
        let graph = mapped_graph(&search(), &inputs, 1, Some(threads));
        let library = library();
        let plan = plan(&graph, &library, &settings(4, true, Level::detect()));
        assert!(plan.render(&library).contains("lanes at a time"), "{}", plan.render(&library));
        run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default())
    };
    for threads in [1, 2, 4] {
        // From 0 and 2 a lane comes to 6, and from there out of bounds, but for those that stop at 4 or 1.
        let failure = run(&starts, threads).unwrap_err();
        assert_eq!(failure.message, "index 10 is out of bounds for axis 0 of length 7");
        let harmless: Vec<i64> = starts.iter().map(|start| if start % 2 == 0 { 4 } else { 1 }).collect();
        let results = run(&harmless, threads).unwrap();
        assert_eq!(results[0].as_slice::<i64>(), Some(&harmless[..]));
        let mut late = harmless.clone();
        (late[400], late[140], late[141]) = (-8, 5, -9);
        let failure = run(&late, threads).unwrap_err();
        assert_eq!(failure.message, "index 95 is out of bounds for axis 0 of length 7", "on {threads}");
    }
}

/// The steps until `x * x + y` (with 16 fractional bits: none, so that it grows at once) is no longer below a limit.
#[test]
fn nested_maps_with_loops_run_on_all_their_lanes() {
    let mut turn = Maker::new();
    let (n, z) = (turn.input(DType::I64, &[]), turn.input(DType::F64, &[]));
    let (x, y) = (turn.input(DType::F64, &[]), turn.input(DType::F64, &[]));
    let square = turn.call(MULTIPLY, z, z);
    let sum = turn.call(ADD, square, x);
    let sum = turn.call(ADD, sum, y);
    let one = turn.constant(Scalar::i64(1));
    let next = turn.call(ADD, n, one);
    let turn = Arc::new(turn.finish(&[next, sum]));
    let mut holds = Maker::new();
    let (n, z) = (holds.input(DType::I64, &[]), holds.input(DType::F64, &[]));
    holds.input(DType::F64, &[]);
    holds.input(DType::F64, &[]);
    let (limit, bound) = (holds.constant(Scalar::i64(50)), holds.constant(Scalar::f64(4.0)));
    let (first, second) = (holds.call(LESS, n, limit), holds.call(LESS, z, bound));
    let none = holds.constant(Scalar::bool(false));
    let both = NodeKind::Select { mask: first, then: second, otherwise: none };
    let both = holds.add(both, ArrayType::scalar(DType::Bool));
    let holds = Arc::new(holds.finish(&[both]));
    let mut inner = Maker::new();
    let (x, y) = (inner.input(DType::F64, &[]), inner.input(DType::F64, &[]));
    let (zero, start) = (inner.constant(Scalar::i64(0)), inner.constant(Scalar::f64(0.0)));
    let types = vec![ArrayType::scalar(DType::I64), ArrayType::scalar(DType::F64)];
    let kind = NodeKind::Loop {
        condition: Some(holds),
        body: turn,
        stops: false,
        mapped: Vec::new(),
        carried: vec![zero, start],
        captured: vec![x, y],
    };
    let value = inner.builder.add(kind, types.clone(), Span::default(), None);
    let steps = inner.parts(value, types)[0];
    let inner = Arc::new(inner.finish(&[steps]));
    let (columns, rows) = (60, 40);
    let mut outer = Maker::new();
    let (y, xs) = (outer.input(DType::F64, &[]), outer.input(DType::F64, &[columns]));
    let kind = NodeKind::Map { body: inner, mapped: vec![xs], captured: vec![y] };
    let row = outer.add(kind, ArrayType::new(DType::I64, vec![columns]));
    let outer = outer.finish(&[row]);
    let axis = |count: usize| {
        let elements = (0..count).map(|at| at as f64 / 20.0 - 1.0).collect();
        Array::from_vec(&[count], elements).unwrap()
    };
    let inputs = [axis(rows), axis(columns)];
    let expected = turn_by_turn(&outer, &inputs, 1);
    for threads in [1, 2, 4] {
        let graph = mapped_graph(&outer, &inputs, 1, Some(threads));
        let library = library();
        let plan = plan(&graph, &library, &settings(4, true, Level::detect()));
        let text = plan.render(&library);
        assert!(text.matches("map over").count() == 1 && text.contains("lanes at a time"), "{text}");
        let results = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
        assert!(results[0].iter().eq(expected[0].iter().copied()), "{text}");
    }
}
