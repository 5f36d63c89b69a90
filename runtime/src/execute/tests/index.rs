//! Indices that the run tells: what is selected, what is changed and where, and what is out of bounds.

use super::*;
use crate::execute::index::slice_bounds;
use thalweg_lang::graph::IndexAxis;

fn known(start: usize, step: isize, axis: Option<usize>) -> SourceAxis {
    SourceAxis { start, step, axis }
}

/// A random selection of elements of an array: its axes, its shape, and the arrays of indices.
fn random_selection(
    maker: &mut Maker,
    random: &mut Random,
    source: &[usize],
    arrays: &mut Vec<Array>,
) -> (Vec<IndexAxis>, Vec<usize>) {
    let rank = random.below(4);
    let mut shape: Vec<usize> = (0..rank).map(|_| 1 + random.below(6)).collect();
    if rank > 0 && random.below(12) == 0 {
        let axis = random.below(rank);
        shape[axis] = 0;
    }
    if rank > 0 && random.below(8) == 0 {
        shape[0] = 700;
    }
    let mut input = |maker: &mut Maker, array: Array| {
        let id = maker.input(array.dtype(), array.shape());
        arrays.push(array);
        Some(id)
    };
    let mut axes = Vec::new();
    for &length in source {
        let along = if rank > 0 { Some(random.below(rank)) } else { None };
        let count = along.map_or(1, |axis| shape[axis]);
        let anywhere = |random: &mut Random| random.below(2 * length) as i64 - length as i64;
        let fits = along.is_some() && count > 0 && count <= length;
        axes.push(match random.below(6) {
            1 if fits => {
                let step = if count == 1 { 1 } else { 1 + random.below((length - 1) / (count - 1)) };
                let start = random.below(length - (count - 1) * step);
                let backwards = random.below(2) == 0;
                let place = if backwards {
                    known(start + (count - 1) * step, -(step as isize), along)
                } else {
                    known(start, step as isize, along)
                };
                IndexAxis { place, index: None }
            }
            2 => {
                let index = Array::scalar(Scalar::i64(anywhere(random)));
                IndexAxis { place: known(0, 0, None), index: input(maker, index) }
            }
            3 if fits => {
                let shift = random.below(length - count + 1) as i64;
                let shift = if random.below(2) == 0 { shift } else { shift - length as i64 };
                IndexAxis { place: known(0, 1, along), index: input(maker, Array::scalar(Scalar::i64(shift))) }
            }
            4 => {
                let own: Vec<usize> = shape[random.below(rank + 1)..]
                    .iter()
                    .map(|&length| if random.below(4) == 0 { 1 } else { length })
                    .collect();
                let indices: Vec<i64> = (0..own.iter().product()).map(|_| anywhere(random)).collect();
                let index = Array::from_vec(&own, indices).unwrap();
                IndexAxis { place: known(0, 0, None), index: input(maker, index) }
            }
            5 if fits => {
                let own = shape[random.below(rank + 1)..].to_vec();
                let most = 2 * length - count + 1;
                let indices = (0..own.iter().product()).map(|_| random.below(most) as i64 - length as i64);
                let index = Array::from_vec(&own, indices.collect::<Vec<_>>()).unwrap();
                IndexAxis { place: known(0, 1, along), index: input(maker, index) }
            }
            _ => IndexAxis { place: known(random.below(length), 0, None), index: None },
        });
    }
    (axes, shape)
}

/// The places in the source, in C order of the selection.
fn places(graph: &Graph, inputs: &[Array], axes: &[IndexAxis], source: &[usize], shape: &[usize]) -> Vec<Vec<usize>> {
    let one = |index: &Vec<usize>| {
        let place = |(axis, &length): (&IndexAxis, &usize)| {
            let own = axis.index.map_or(0, |id| {
                let NodeKind::Input(input) = graph.node(id).kind else { panic!("an input") };
                let array = Naive::of(&inputs[input as usize]);
                array.broadcast_at(index).as_integer().unwrap() as i64
            });
            let step = axis.place.axis.map_or(0, |along| axis.place.step as i64 * index[along] as i64);
            let number = axis.place.start as i64 + step + own;
            (if number < 0 { number + length as i64 } else { number }) as usize
        };
        axes.iter().zip(source).map(place).collect()
    };
    indices(shape).iter().map(one).collect()
}

fn place_of(shape: &[usize], index: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |place, (at, length)| place * length + at)
}

/// An array that does not lie in order, with the same elements.
fn turned(array: &Array) -> Array {
    let reversed: Vec<usize> = array.shape().iter().rev().copied().collect();
    let strides: Vec<isize> = array.strides().iter().rev().copied().collect();
    let view = array.view(array.offset(), &reversed, &strides).unwrap().copy(&Pool::new()).unwrap();
    let strides: Vec<isize> = view.strides().iter().rev().copied().collect();
    view.view(0, array.shape(), &strides).unwrap()
}

#[test]
fn gathers_select_what_their_indices_say() {
    let library = library();
    for seed in 0..if cfg!(miri) { 12 } else { 600 } {
        let mut random = Random(seed);
        let dtype = DType::ALL[random.below(13)];
        let source: Vec<usize> = (0..random.below(4)).map(|_| 1 + random.below(8)).collect();
        let mut maker = Maker::parallel([1, 2, 4][seed as usize % 3]);
        let array = random.array(dtype, &source);
        let array = if random.below(3) == 0 { turned(&array) } else { array };
        let mut inputs = vec![array];
        let value = maker.input(dtype, &source);
        let (axes, shape) = random_selection(&mut maker, &mut random, &source, &mut inputs);
        let gather = maker.add(NodeKind::Gather { value, axes: axes.clone() }, ArrayType::new(dtype, shape.clone()));
        let graph = maker.finish(&[gather]);
        let naive = Naive::of(&inputs[0]);
        let elements = places(&graph, &inputs, &axes, &source, &shape).iter().map(|place| naive.at(place)).collect();
        let expected = Naive { shape, elements };
        let result = execute(&graph, &inputs, &settings(4, true, Level::detect())).unwrap();
        let text = plan(&graph, &library, &plain()).render(&library);
        assert!(same(&result[0], &expected), "seed {seed}\n{text}{:?}\n{expected:?}", result[0]);
    }
}

#[test]
fn updates_change_what_their_indices_say() {
    let library = library();
    for seed in 0..if cfg!(miri) { 12 } else { 900 } {
        let mut random = Random(seed);
        let operation = [None, Some(ADD), Some(MULTIPLY)][random.below(3)];
        let dtype = if operation.is_some() { random.dtype() } else { DType::ALL[random.below(13)] };
        let source: Vec<usize> = (0..random.below(4)).map(|_| 1 + random.below(8)).collect();
        let mut maker = Maker::new();
        let array = random.array(dtype, &source);
        let array = if random.below(3) == 0 { turned(&array) } else { array };
        let value = maker.input(dtype, &source);
        let mut inputs = vec![array];
        let (axes, shape) = random_selection(&mut maker, &mut random, &source, &mut inputs);
        let own: Vec<usize> = shape[random.below(shape.len() + 1)..]
            .iter()
            .map(|&length| if random.below(4) == 0 { 1 } else { length })
            .collect();
        let array = random.array(dtype, &own);
        inputs.push(if random.below(3) == 0 { turned(&array) } else { array });
        let new = maker.input(dtype, &own);
        let update = maker.add(
            NodeKind::Update { value, axes: axes.clone(), shape: shape.clone(), new, operation },
            ArrayType::new(dtype, source.clone()),
        );
        let graph = maker.finish(&[update]);
        let mut expected = Naive::of(&inputs[0]);
        let replacement = Naive::of(inputs.last().unwrap());
        for (index, place) in indices(&shape).iter().zip(places(&graph, &inputs, &axes, &source, &shape)) {
            let element = &mut expected.elements[place_of(&source, &place)];
            let new = replacement.broadcast_at(index);
            *element = operation.map_or(new, |operation| scalar_call(&library, operation, &[*element, new]));
        }
        let before: Vec<Array> = inputs.iter().map(|array| array.copy(&Pool::new()).unwrap()).collect();
        for level in Level::available() {
            let result = execute(&graph, &inputs, &settings(2, true, level)).unwrap();
            let text = plan(&graph, &library, &plain()).render(&library);
            assert!(same(&result[0], &expected), "seed {seed}\n{text}{:?}\n{expected:?}", result[0]);
        }
        assert!(inputs.iter().zip(&before).all(|(now, before)| now.same_bits(before)), "seed {seed}: an input changed");
        // Given away, the value is changed where it lies.
        let (pool, threads, cancel, host) = (Pool::new(), Threads::new(), Cancel::new(), Screen::default());
        let context = Context { pool: &pool, threads: &threads, cancel: &cancel, host: &host, bodies: &library };
        let mut given = inputs.clone();
        given[0] = inputs[0].copy(&pool).unwrap();
        let place = given[0].data_pointer();
        let plan = plan(&graph, &library, &plain());
        let result = run_taking(&plan, given, &context).unwrap();
        assert!(same(&result[0], &expected), "seed {seed}, in place: {:?}\n{expected:?}", result[0]);
        if !source.is_empty() {
            assert_eq!(result[0].data_pointer(), place, "seed {seed}");
        }
    }
}

/// `a[i]` of rank 1 with an array of indices.
fn gather_one(maker: &mut Maker, value: NodeId, index: NodeId) -> NodeId {
    let array_type = ArrayType::new(maker.kind_of(value).dtype, maker.kind_of(index).shape);
    maker.add(
        NodeKind::Gather { value, axes: vec![IndexAxis { place: known(0, 0, None), index: Some(index) }] },
        array_type,
    )
}

/// `a[i] = new`, or with an operation.
fn update_one(maker: &mut Maker, value: NodeId, index: NodeId, new: NodeId, operation: Option<OperationId>) -> NodeId {
    let (array_type, shape) = (maker.kind_of(value), maker.kind_of(index).shape);
    let axes = vec![IndexAxis { place: known(0, 0, None), index: Some(index) }];
    maker.add(NodeKind::Update { value, axes, shape, new, operation }, array_type)
}

#[test]
fn an_index_out_of_bounds_is_named_with_its_place() {
    let fails = |lengths: &[i64], shape: &[usize], threads: usize| {
        let mut maker = Maker::parallel(threads);
        let (a, i) = (maker.input(DType::F64, &[5]), maker.input(DType::I64, shape));
        let gather = gather_one(&mut maker, a, i);
        let graph = maker.finish(&[gather]);
        let inputs = [Array::from_vec(&[5], vec![0.0; 5]).unwrap(), Array::from_vec(shape, lengths.to_vec()).unwrap()];
        let failure = execute(&graph, &inputs, &settings(4, true, Level::detect())).unwrap_err();
        assert_eq!(failure.code, "E0505");
        assert_eq!(failure.labels[0].span, graph.node(gather).span);
        failure.message
    };
    assert_eq!(fails(&[1, -5, 7, 9], &[4], 1), "index 7 is out of bounds for axis 0 of length 5, at [2]");
    assert_eq!(fails(&[1, 4, -6, 9], &[2, 2], 2), "index -6 is out of bounds for axis 0 of length 5, at [1, 0]");
    assert_eq!(fails(&[5], &[], 1), "index 5 is out of bounds for axis 0 of length 5");
    assert_eq!(fails(&[i64::MIN], &[1], 1), format!("index {} is out of bounds for axis 0 of length 5", i64::MIN));
    let mut many = vec![0; 200_000];
    many[150_001] = 5;
    many[199_000] = 6;
    for threads in [1, 2, 4] {
        let message = fails(&many, &[200_000], threads);
        assert_eq!(message, "index 5 is out of bounds for axis 0 of length 5, at [150001]");
    }
}

#[test]
fn an_update_out_of_bounds_or_without_an_answer_is_named_with_its_place() {
    let fails = |indices: Vec<i64>, new: Vec<i64>, operation| {
        let mut maker = Maker::new();
        let count = indices.len();
        let (a, i) = (maker.input(DType::I64, &[5]), maker.input(DType::I64, &[count]));
        let x = maker.input(DType::I64, &[count]);
        let update = update_one(&mut maker, a, i, x, operation);
        let graph = maker.finish(&[update]);
        let inputs = [
            Array::from_vec(&[5], vec![1i64; 5]).unwrap(),
            Array::from_vec(&[count], indices).unwrap(),
            Array::from_vec(&[count], new).unwrap(),
        ];
        let failure = execute(&graph, &inputs, &plain()).unwrap_err();
        assert!(inputs[0].iter().all(|element| element == Scalar::i64(1)), "what was given is as it was");
        (failure.code, failure.message)
    };
    let (code, message) = fails(vec![0, 1, 5], vec![9, 9, 9], None);
    assert_eq!((code, &*message), ("E0505", "index 5 is out of bounds for axis 0 of length 5, at [2]"));
    let (code, message) = fails(vec![0, 1, 1], vec![1, 0, 1], Some(DIVIDE));
    assert_eq!((code, &*message), ("E0501", "division by zero at [1]"));
}

#[test]
fn an_index_into_an_empty_axis_is_out_of_bounds_even_when_nothing_is_selected() {
    let mut maker = Maker::new();
    let (a, i) = (maker.input(DType::F64, &[5, 0]), maker.input(DType::I64, &[2]));
    let index = maker.view(i, vec![known(0, 1, Some(0))], vec![2, 1]);
    let axes = vec![
        IndexAxis { place: known(0, 0, None), index: Some(index) },
        IndexAxis { place: known(0, 1, Some(1)), index: None },
    ];
    let gather = maker.add(NodeKind::Gather { value: a, axes }, ArrayType::new(DType::F64, vec![2, 0]));
    let graph = maker.finish(&[gather]);
    let run = |indices: Vec<i64>| {
        let inputs = [Array::from_vec::<f64>(&[5, 0], Vec::new()).unwrap(), Array::from_vec(&[2], indices).unwrap()];
        execute(&graph, &inputs, &plain())
    };
    assert!(run(vec![4, -5]).unwrap()[0].is_empty());
    assert_eq!(run(vec![4, 5]).unwrap_err().message, "index 5 is out of bounds for axis 0 of length 5, at [1, 0]");
}

#[test]
fn a_gather_by_single_indices_shows_the_array_itself() {
    let mut maker = Maker::new();
    let (a, i) = (maker.input(DType::F64, &[4, 1000]), maker.input(DType::I64, &[]));
    let axes = vec![
        IndexAxis { place: known(0, 0, None), index: Some(i) },
        IndexAxis { place: known(0, 1, Some(0)), index: None },
    ];
    let row = maker.add(NodeKind::Gather { value: a, axes }, ArrayType::new(DType::F64, vec![1000]));
    let graph = maker.finish(&[row]);
    let array = Array::from_vec(&[4, 1000], (0..4000).map(f64::from).collect()).unwrap();
    let result = execute(&graph, &[array.clone(), Array::scalar(Scalar::i64(-2))], &plain()).unwrap();
    assert_eq!(result[0].data_pointer(), array.data_pointer().wrapping_add(2000 * 8));
    assert_eq!(result[0].item(&[7]), Some(Scalar::f64(2007.0)));
}

/// Swaps neighbours again and again: `for i in iota(n - 1) { x = a[i]; a[i] = a[i + 1]; a[i + 1] = x }`.
fn rotation(length: usize) -> Graph {
    let mut body = Maker::new();
    let (i, a) = (body.input(DType::I64, &[]), body.input(DType::F64, &[length]));
    let one = body.constant(Scalar::i64(1));
    let next = body.call(ADD, i, one);
    let first = gather_one(&mut body, a, i);
    let second = gather_one(&mut body, a, next);
    let changed = update_one(&mut body, a, i, second, None);
    let changed = update_one(&mut body, changed, next, first, None);
    let body = Arc::new(body.finish(&[changed]));
    let mut maker = Maker::new();
    let a = maker.input(DType::F64, &[length]);
    let counter = maker.iota(length - 1);
    let kind = NodeKind::Loop {
        condition: None,
        body,
        stops: false,
        mapped: vec![counter],
        carried: vec![a],
        captured: Vec::new(),
    };
    let result = maker.add(kind, ArrayType::new(DType::F64, vec![length]));
    maker.finish(&[result])
}

#[test]
fn a_loop_changes_elements_where_they_lie() {
    let length = 20_000;
    let (library, pool, threads) = (library(), Pool::new(), Threads::new());
    let array = Array::from_vec(&[length], (0..length).map(|at| at as f64).collect()).unwrap();
    for fuse in [true, false] {
        let plan = plan(&rotation(length), &library, &settings(1, fuse, Level::detect()));
        let (cancel, host) = (Cancel::new(), Screen::default());
        let context = Context { pool: &pool, threads: &threads, cancel: &cancel, host: &host, bodies: &library };
        pool.reset_peak();
        let started = std::time::Instant::now();
        let result = run(&plan, std::slice::from_ref(&array), &context).unwrap();
        assert!(started.elapsed().as_millis() < 200, "{:?}", started.elapsed());
        assert_eq!(pool.peak_bytes(), 8 * length, "one copy for all turns");
        let expected: Vec<f64> = (1..length).map(|at| at as f64).chain([0.0]).collect();
        assert_eq!(result[0].as_slice::<f64>(), Some(&expected[..]));
        assert_eq!(array.item(&[0]), Some(Scalar::f64(0.0)));
    }
}

#[test]
fn what_still_reads_a_value_sees_it_as_it_was() {
    for fuse in [true, false] {
        let mut maker = Maker::new();
        let (a, i) = (maker.input(DType::I64, &[6]), maker.input(DType::I64, &[2]));
        let doubled = maker.call(ADD, a, a);
        let tail = maker.view(doubled, vec![known(1, 1, Some(0))], vec![5]);
        let ten = maker.constant(Scalar::i64(10));
        let changed = update_one(&mut maker, doubled, i, ten, None);
        let again = update_one(&mut maker, doubled, i, ten, Some(ADD));
        let sum = maker.reduce(SUM, doubled, &[0]);
        let difference = maker.call(MULTIPLY, doubled, changed);
        let graph = maker.finish(&[changed, again, sum, difference, tail]);
        let inputs =
            [Array::from_vec(&[6], vec![0i64, 1, 2, 3, 4, 5]).unwrap(), Array::from_vec(&[2], vec![1i64, 1]).unwrap()];
        let results = execute(&graph, &inputs, &settings(1, fuse, Level::detect())).unwrap();
        let numbers = |index: usize| results[index].iter().map(|x| x.as_integer().unwrap()).collect::<Vec<_>>();
        assert_eq!(numbers(0), [0, 10, 4, 6, 8, 10]);
        assert_eq!(numbers(1), [0, 22, 4, 6, 8, 10], "both count");
        assert_eq!(numbers(2), [30]);
        assert_eq!(numbers(3), [0, 20, 16, 36, 64, 100]);
        assert_eq!(numbers(4), [2, 4, 6, 8, 10]);
    }
}

#[test]
fn a_slice_may_be_moved_within_its_array() {
    let mut maker = Maker::new();
    let a = maker.input(DType::I64, &[6]);
    let doubled = maker.call(ADD, a, a);
    let head = maker.view(doubled, vec![known(0, 1, Some(0))], vec![5]);
    let axes = vec![IndexAxis { place: known(1, 1, Some(0)), index: None }];
    let kind = NodeKind::Update { value: doubled, axes, shape: vec![5], new: head, operation: None };
    let moved = maker.add(kind, ArrayType::new(DType::I64, vec![6]));
    let graph = maker.finish(&[moved]);
    let array = Array::from_vec(&[6], vec![0i64, 1, 2, 3, 4, 5]).unwrap();
    let results = execute(&graph, &[array], &plain()).unwrap();
    assert_eq!(results[0].as_slice::<i64>(), Some(&[0, 0, 2, 4, 6, 8][..]));
}

#[test]
fn masks_are_counted_and_found() {
    for (length, every) in [(0, 1), (1, 1), (5, 7), (64, 1), (1000, 3), (1000, 1), (100_000, 1001)] {
        let truths: Vec<bool> = (0..length).map(|at| at % every == 0).collect();
        let expected: Vec<i64> = (0..length).filter(|at| at % every == 0).map(|at| at as i64).collect();
        let mut maker = Maker::new();
        let mask = maker.input(DType::Bool, &[length]);
        let count = maker.add(NodeKind::Count(mask), ArrayType::scalar(DType::I64));
        let positions = maker.add(NodeKind::Positions(mask), ArrayType::new(DType::I64, vec![expected.len()]));
        let graph = maker.finish(&[count, positions]);
        let results = execute(&graph, &[Array::from_vec(&[length], truths).unwrap()], &plain()).unwrap();
        assert_eq!(results[0].scalar_value(), Some(Scalar::i64(expected.len() as i64)));
        assert_eq!(results[1].as_slice::<i64>(), Some(&expected[..]));
    }
    // In C order, whatever the order in memory.
    let mut maker = Maker::new();
    let mask = maker.input(DType::Bool, &[2, 3]);
    let positions = maker.add(NodeKind::Positions(mask), ArrayType::new(DType::I64, vec![3]));
    let graph = maker.finish(&[positions]);
    let mask = Array::from_vec(&[2, 3], vec![true, false, true, false, true, false]).unwrap();
    let results = execute(&graph, &[turned(&mask)], &plain()).unwrap();
    assert_eq!(results[0].as_slice::<i64>(), Some(&[0, 2, 4][..]));
}

#[test]
fn bounds_of_slices_are_clamped_as_python_clamps_them() {
    // By going from element to element, as the definition says.
    let elements = |length: i64, start: Option<i64>, stop: Option<i64>, step: i64| -> Vec<i64> {
        let clamp = |number: i64, low: i64, high: i64| {
            let number = if number < 0 { number + length } else { number };
            number.max(low).min(high)
        };
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let mut at = start.map_or(if step > 0 { low } else { high }, |start| clamp(start, low, high));
        let end = stop.map_or(if step > 0 { high } else { low }, |stop| clamp(stop, low, high));
        let mut found = Vec::new();
        while (step > 0 && at < end) || (step < 0 && at > end) {
            found.push(at);
            at += step;
        }
        found
    };
    let bounds: Vec<Option<i64>> = std::iter::once(None).chain((-7..=7).map(Some)).collect();
    for length in 0..6i64 {
        for &start in &bounds {
            for &stop in &bounds {
                for step in [-3, -2, -1, 1, 2, 5] {
                    let expected = elements(length, start, stop, step);
                    let [first, count] = slice_bounds(length as usize, start, stop, step);
                    assert_eq!(count, expected.len() as i64, "{length}: {start:?}:{stop:?}:{step}");
                    assert!(expected.first().is_none_or(|expected| *expected == first));
                }
            }
        }
    }
    assert_eq!(slice_bounds(5, Some(i64::MIN), Some(i64::MAX), 1), [0, 5]);
    assert_eq!(slice_bounds(5, Some(i64::MAX), Some(i64::MIN), i64::MIN), [4, 1]);
    let mut maker = Maker::new();
    let stop = maker.input(DType::I64, &[]);
    let kind = NodeKind::SliceBounds { length: 10, start: None, stop: Some(stop), step: 3 };
    let types = vec![ArrayType::scalar(DType::I64); 2];
    let bounds = maker.builder.add(kind, types.clone(), Span::default(), None);
    let parts = maker.parts(bounds, types);
    let results = execute(&maker.finish(&parts), &[Array::scalar(Scalar::i64(-2))], &plain()).unwrap();
    assert_eq!(results[1].scalar_value(), Some(Scalar::i64(3)));
}

#[test]
fn selections_are_part_of_regions_in_every_dtype() {
    let library = library();
    for dtype in DType::ALL {
        for shape in [vec![], vec![0], vec![3, 700]] {
            let mut random = Random(dtype as u64 + 5);
            let mut maker = Maker::new();
            let mask = maker.input(DType::Bool, &shape);
            let (a, b) = (maker.input(dtype, &shape), maker.input(dtype, &[]));
            let select =
                maker.add(NodeKind::Select { mask, then: a, otherwise: b }, ArrayType::new(dtype, shape.clone()));
            let back = maker.add(NodeKind::Select { mask, then: b, otherwise: select }, maker.kind_of(select));
            let graph = maker.finish(&[select, back]);
            let count: usize = shape.iter().product();
            let truths: Vec<bool> = (0..count).map(|_| random.below(2) == 0).collect();
            let inputs = [
                Array::from_vec(&shape, truths.clone()).unwrap(),
                random.array(dtype, &shape),
                random.array(dtype, &[]),
            ];
            let one = inputs[2].scalar_value().unwrap();
            let expected: Vec<Scalar> =
                truths.iter().zip(inputs[1].iter()).map(|(&truth, a)| if truth { a } else { one }).collect();
            for (level, fuse) in Level::available().flat_map(|level| [(level, true), (level, false)]) {
                let plan = plan(&graph, &library, &settings(1, fuse, level));
                assert!(!fuse || plan.region_count() == 1, "{}", plan.render(&library));
                let results = run_plan(&plan, &inputs, &library, &Cancel::new(), &Screen::default()).unwrap();
                assert!(results[0].iter().eq(expected.iter().copied()), "{dtype} {level:?}");
                let expected = truths.iter().zip(&expected).map(|(&truth, &a)| if truth { one } else { a });
                assert!(results[1].iter().eq(expected), "{dtype} {level:?}");
            }
        }
    }
}

#[test]
fn of_many_equal_indices_the_last_wins_or_every_one_counts() {
    for bins in [1, 2, 7, 100, 50_000] {
        let count = 20_000;
        let mut random = Random(bins as u64);
        let indices: Vec<i64> = (0..count).map(|_| random.below(bins) as i64).collect();
        let new: Vec<i64> = (0..count as i64).collect();
        let (mut last, mut sums) = (vec![0i64; bins], vec![0i64; bins]);
        for (&index, &new) in indices.iter().zip(&new) {
            last[index as usize] = new;
            sums[index as usize] += new;
        }
        let mut maker = Maker::new();
        let (a, i) = (maker.input(DType::I64, &[bins]), maker.input(DType::I64, &[count]));
        let x = maker.input(DType::I64, &[count]);
        let (set, add) = (update_one(&mut maker, a, i, x, None), update_one(&mut maker, a, i, x, Some(ADD)));
        let graph = maker.finish(&[set, add]);
        let array = |elements: Vec<i64>| Array::from_vec(&[elements.len()], elements).unwrap();
        let inputs = [array(vec![0; bins]), array(indices), array(new)];
        let results = execute(&graph, &inputs, &plain()).unwrap();
        assert_eq!(results[0].as_slice::<i64>(), Some(&last[..]), "{bins} bins");
        assert_eq!(results[1].as_slice::<i64>(), Some(&sums[..]), "{bins} bins");
    }
}
