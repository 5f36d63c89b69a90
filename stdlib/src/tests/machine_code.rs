//! Machine code gives the bits of the scalar formulas: every row's kernels, conversions, and random programs of many operations.

use crate::operations;
use thalweg_lang::dtype::DType;
use thalweg_runtime::kernel::record::{Code, Recording, Value, apply};
use thalweg_runtime::kernel::{Kernel, Kernels, Level, cast};
use thalweg_runtime::machine::regions::{Compiled, Line, MOST_OUTPUTS, Output, Reading, Request, prepare, reciprocals};
use thalweg_runtime::operation::Body;

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

const SPECIAL: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -2.5,
    1e-310,
    1e300,
    -1e300,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    709.9,
    -745.5,
    2147483647.5,
    -2147483649.0,
    4294967296.0,
    9223372036854775808.0,
    -9223372036854775808.0,
    18446744073709551616.0,
];

/// An element's bytes: floats of all sizes and special ones, integers likewise.
fn element(dtype: DType, random: &mut Random) -> Vec<u8> {
    let float = match random.below(3) {
        0 => SPECIAL[random.below(SPECIAL.len())],
        1 => f64::from_bits(random.next()),
        _ => (random.next() as i64 >> 40) as f64 / 8192.0,
    };
    let integer = match random.below(3) {
        0 => [0, 1, u64::MAX, i64::MAX as u64, i64::MIN as u64, 127, 1 << 31][random.below(7)],
        1 => (random.next() as i64 >> random.below(64)) as u64,
        _ => random.next(),
    };
    match dtype {
        DType::Bool => vec![random.next() as u8 & 1],
        DType::F64 => float.to_ne_bytes().to_vec(),
        DType::F32 => (float as f32).to_ne_bytes().to_vec(),
        dtype => integer.to_ne_bytes()[..dtype.size()].to_vec(),
    }
}

fn elements(dtype: DType, count: usize, random: &mut Random) -> Vec<u8> {
    (0..count).flat_map(|_| element(dtype, random)).collect()
}

/// The bytes, with every NaN made the same: which one an operation gives is not promised.
fn plain(dtype: DType, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match dtype {
        DType::F64 => bytes.chunks_exact_mut(8).for_each(|part| {
            if f64::from_ne_bytes(std::array::from_fn(|index| part[index])).is_nan() {
                part.copy_from_slice(&f64::NAN.to_ne_bytes());
            }
        }),
        DType::F32 => bytes.chunks_exact_mut(4).for_each(|part| {
            if f32::from_ne_bytes(std::array::from_fn(|index| part[index])).is_nan() {
                part.copy_from_slice(&f32::NAN.to_ne_bytes());
            }
        }),
        _ => {}
    }
    bytes
}

/// What a kernel's scalar code makes of whole arrays.
fn expected(kernel: &Kernel, operands: &[&[u8]], count: usize) -> Vec<u8> {
    let mut result = vec![0; count * kernel.result.size()];
    let pointers: Vec<*const u8> = operands.iter().map(|operand| operand.as_ptr()).collect();
    // SAFETY: every operand has `count` elements of its dtype, the result has room, and every machine has this level.
    unsafe { kernel.function(Level::Scalar)(pointers.as_ptr(), result.as_mut_ptr(), count) };
    result
}

/// Where the first whole line of some memory begins.
fn first_of(memory: &[u8]) -> usize {
    memory.as_ptr().align_offset(64)
}

/// Elements that a dense input has behind those that are asked for: others may be read from a later one on.
const SPARE: usize = 16;

/// What compiled code makes of them, for inputs that are dense, one value repeated, or what begins later in another.
fn got(request: &Request, level: Level, inputs: &[Vec<u8>], count: usize) -> Vec<Vec<u8>> {
    let code =
        Compiled::new(request, level).unwrap_or_else(|error| panic!("{error} at {level:?}: {:#?}", request.operations));
    // What passes by the cache begins at a whole line.
    let room = |output: &Output| vec![0xa5u8; count * output.dtype.size() + 128];
    let mut results: Vec<Vec<u8>> = request.outputs.iter().map(room).collect();
    // As three rows where there are enough elements, and what is left as one more.
    let row = if count >= 60 && !request.streams { count / 3 } else { count };
    let sizes = inputs.iter().zip(&request.inputs).map(|(input, reading)| match reading {
        Reading::Dense | Reading::Fetched | Reading::Repeated | Reading::Reciprocals(_) => {
            input.len() / (count + SPARE)
        }
        Reading::Splat | Reading::Shifted { .. } | Reading::Accumulator(_) => 0,
    });
    let sizes: Vec<usize> = sizes.chain(request.outputs.iter().map(|output| output.dtype.size())).collect();
    let steps: Vec<isize> = sizes.iter().map(|&size| (row * size) as isize).collect();
    let places: Vec<*const u8> = inputs
        .iter()
        .map(|input| input.as_ptr())
        .chain(results.iter_mut().map(|result| {
            let first = first_of(result);
            result[first..].as_mut_ptr().cast_const()
        }))
        .collect();
    let mut stage = vec![Line::EMPTY; code.stage()];
    let rows = count.checked_div(row).unwrap_or(1);
    for (first, length, rows) in [(0, row, rows), (row * rows, count - row * rows, 1)] {
        let at = |(place, size): (&*const u8, &usize)| place.wrapping_add(first * size);
        let mut table: Vec<*const u8> = places.iter().zip(&sizes).map(at).collect();
        // SAFETY: dense inputs and the results have `count` elements, splat ones 64 bytes; the level was asked for.
        unsafe { code.run(&mut table, &mut stage, length, (rows, &steps)) };
    }
    for (result, output) in results.iter_mut().zip(&request.outputs) {
        let first = first_of(result);
        let end = first + count * output.dtype.size();
        let around = result[..first].iter().chain(&result[end..]);
        assert!(around.into_iter().all(|byte| *byte == 0xa5), "written beside {count}");
        *result = plain(output.dtype, &result[first..end]);
    }
    results
}

fn levels() -> impl Iterator<Item = Level> {
    Level::available().filter(|level| matches!(level, Level::Avx2 | Level::Avx512))
}

/// Every kernel that can be recorded and has operands and a result that machine code has vectors of.
fn kernels() -> Vec<(String, Kernel)> {
    let mut all = Vec::new();
    for row in operations::all() {
        if let Body::Elementwise(elementwise) = &row.body {
            all.extend(elementwise.kernels.iter().map(|kernel| (row.name().to_string(), *kernel)));
        }
    }
    all.extend(Kernels::select().iter().map(|kernel| ("select".to_string(), *kernel)));
    for from in DType::ALL {
        all.extend(DType::ALL.iter().map(|&to| (format!("{from} to {to}"), *cast(from, to))));
    }
    let complex = |dtype: &DType| matches!(dtype, DType::C64 | DType::C128);
    all.retain(|(_, kernel)| kernel.record.is_some() && !kernel.operands.iter().chain([&kernel.result]).any(complex));
    all
}

/// A kernel alone, at a level.
fn request(kernel: &Kernel, reading: Reading, level: Level) -> Request {
    let mut recording = Recording::default();
    let operands: Vec<Value> =
        kernel.operands.iter().enumerate().map(|(number, dtype)| recording.operand(number, *dtype)).collect();
    let values = apply(kernel.record.expect("it records"), &mut recording, &operands);
    let mut inputs = vec![Reading::Dense; operands.len()];
    if let Some(last) = inputs.last_mut() {
        *last = reading;
    }
    let (operations, outputs) = prepare(&recording.operations, &values, &inputs, level);
    Request { operations, inputs, outputs, streams: false, again: None, folding: None, in_place: false }
}

#[test]
fn every_kernel() {
    let mut random = Random(7);
    let mut compiled = 0;
    for (name, kernel) in kernels() {
        for reading in [Reading::Dense, Reading::Splat] {
            if reading == Reading::Splat && kernel.operands.len() < 2 {
                continue;
            }
            for level in levels() {
                let request = request(&kernel, reading, level);
                if Compiled::refusal(&request.operations, level).is_some() {
                    continue;
                }
                compiled += 1;
                for count in [1, 7, 64, 333] {
                    let mut inputs: Vec<Vec<u8>> =
                        kernel.operands.iter().map(|dtype| elements(*dtype, count + SPARE, &mut random)).collect();
                    let mut arrays = inputs.clone();
                    for (array, dtype) in arrays.iter_mut().zip(kernel.operands) {
                        array.truncate(count * dtype.size());
                    }
                    if reading == Reading::Splat {
                        let last = inputs.len() - 1;
                        let one = element(kernel.operands[last], &mut random);
                        inputs[last] = one.repeat(64);
                        arrays[last] = one.repeat(count);
                    }
                    let arrays: Vec<&[u8]> = arrays.iter().map(Vec::as_slice).collect();
                    let expected = plain(kernel.result, &expected(&kernel, &arrays, count));
                    let [got] = &got(&request, level, &inputs, count)[..] else { panic!("{name} has one result") };
                    let size = kernel.result.size();
                    for (index, (expected, got)) in expected.chunks(size).zip(got.chunks(size)).enumerate() {
                        let operands: Vec<&[u8]> = arrays
                            .iter()
                            .zip(kernel.operands)
                            .map(|(array, dtype)| &array[index * dtype.size()..(index + 1) * dtype.size()])
                            .collect();
                        assert_eq!(
                            expected, got,
                            "{name} {kernel:?} {reading:?} at {level:?}, element {index} of {count}: {operands:?}"
                        );
                    }
                }
            }
        }
    }
    assert!(levels().next().is_none() || compiled > 300, "only {compiled} kernels were compiled");
}

/// Many operations in one request, with more values alive than there are registers.
#[test]
fn random_programs() {
    // Which NaN it is shows in its sign.
    let shows_signs = |name: &str| name.contains("sign") || name == "absolute";
    // Its exponents come from integers.
    let is_partial = |name: &str| name == "ldexp";
    let all: Vec<(String, Kernel)> = kernels()
        .into_iter()
        .filter(|(name, _)| !shows_signs(name) && !is_partial(name))
        .filter(|(_, kernel)| {
            Compiled::refusal(&request(kernel, Reading::Dense, Level::Avx512).operations, Level::Avx512).is_none()
        })
        .collect();
    let is_straight = |(_, kernel): &&(String, Kernel)| {
        request(kernel, Reading::Dense, Level::Avx512).operations.iter().all(|operation| operation.code != Code::Rare)
    };
    let straight: Vec<(String, Kernel)> = all.iter().filter(is_straight).cloned().collect();
    let mut random = Random(11);
    for round in 0..400 {
        let count = 1 + random.below(300);
        let dtypes = [DType::F64, DType::F64, DType::F32, DType::I64, DType::I32, DType::Bool, DType::U64];
        let mut recording = Recording::default();
        let mut values: Vec<(Value, DType, Vec<u8>)> = Vec::new();
        let mut inputs: Vec<Vec<u8>> = Vec::new();
        let mut readings = Vec::new();
        for number in 0..3 + random.below(12) {
            let dtype = dtypes[random.below(dtypes.len())];
            let size = dtype.size();
            let is_dense = |reading: &Reading| matches!(reading, Reading::Dense | Reading::Fetched);
            let others = (0..number).filter(|&other| values[other].1 == dtype && is_dense(&readings[other]));
            let others: Vec<usize> = others.filter(|_| dtype != DType::Bool).collect();
            // In some rounds half of them are one value, and what is made of these is computed once.
            let (reading, input, array) = match random.below(if round % 3 == 1 { 2 } else { 4 }) {
                0 => {
                    let one = element(dtype, &mut random);
                    (Reading::Splat, one.repeat(64), one.repeat(count))
                }
                1 | 2 if !others.is_empty() => {
                    let (of, by) = (others[random.below(others.len())], 1 + random.below(64 / size));
                    let array = inputs[of][by * size..(by + count) * size].to_vec();
                    (Reading::Shifted { of, by }, Vec::new(), array)
                }
                _ => {
                    let input = elements(dtype, count + SPARE, &mut random);
                    let array = input[..count * size].to_vec();
                    (if round % 5 == 0 { Reading::Fetched } else { Reading::Dense }, input, array)
                }
            };
            inputs.push(input);
            readings.push(reading);
            values.push((recording.operand(number, dtype), dtype, array));
        }
        let leaves = values.len();
        // In some rounds what divides finds its reciprocals.
        let is_float = |dtype: DType| matches!(dtype, DType::F32 | DType::F64);
        for number in (0..leaves).filter(|_| round % 2 == 0) {
            let dtype = values[number].1;
            if readings[number] == Reading::Dense && is_float(dtype) {
                let from = &inputs[number];
                let mut made = vec![0; from.len()];
                // SAFETY: both are as long.
                unsafe { reciprocals(dtype, from.as_ptr(), made.as_mut_ptr(), from.len() / dtype.size()) };
                inputs.push(made);
                readings[number] = Reading::Repeated;
                readings.push(Reading::Reciprocals(number));
            }
        }
        let mut text = String::new();
        let all = if round % 4 < 2 { &all } else { &straight };
        for _ in 0..4 + random.below(60) {
            let (name, kernel) = &all[random.below(all.len())];
            let pick = |dtype: &DType, random: &mut Random| {
                let fitting: Vec<usize> = (0..values.len()).filter(|&index| values[index].1 == *dtype).collect();
                (!fitting.is_empty()).then(|| fitting[random.below(fitting.len())])
            };
            let chosen: Option<Vec<usize>> = kernel.operands.iter().map(|dtype| pick(dtype, &mut random)).collect();
            let Some(chosen) = chosen else { continue };
            text.push_str(&format!("v{} = {name} {chosen:?}\n", values.len()));
            let operands: Vec<Value> = chosen.iter().map(|&index| values[index].0).collect();
            let arrays: Vec<&[u8]> = chosen.iter().map(|&index| values[index].2.as_slice()).collect();
            let array = plain(kernel.result, &expected(kernel, &arrays, count));
            let value = apply(kernel.record.expect("it records"), &mut recording, &operands)[0];
            values.push((value, kernel.result, array));
        }
        if values.len() == leaves {
            continue;
        }
        let outputs: Vec<usize> =
            (0..1 + random.below(MOST_OUTPUTS)).map(|_| leaves + random.below(values.len() - leaves)).collect();
        let wanted: Vec<Value> = outputs.iter().map(|&index| values[index].0).collect();
        for level in levels() {
            let (operations, results) = prepare(&recording.operations, &wanted, &readings, level);
            let in_place = round % 3 == 0 && results.iter().all(|output| output.dtype != DType::Bool);
            let request = Request {
                operations,
                inputs: readings.clone(),
                outputs: results,
                streams: round % 2 == 1,
                again: None,
                folding: None,
                in_place,
            };
            if Compiled::refusal(&request.operations, level).is_some() {
                continue;
            }
            for (got, &index) in got(&request, level, &inputs, count).iter().zip(&outputs) {
                let size = values[index].1.size();
                for (element, (got, wanted)) in got.chunks(size).zip(values[index].2.chunks(size)).enumerate() {
                    let place = format!("round {round} at {level:?}, element {element} of {count}, v{index}");
                    assert_eq!(got, wanted, "{place}:\n{text}");
                }
            }
        }
    }
}

#[test]
fn results_take_the_place_of_operands_in_rows_of_every_length() {
    let mut random = Random(13);
    for (_, kernel) in kernels().iter().filter(|(name, kernel)| name == "multiply" && kernel.result.size() >= 4) {
        for (level, in_place) in levels().flat_map(|level| [(level, false), (level, true)]) {
            let request = Request { in_place, ..request(kernel, Reading::Splat, level) };
            if Compiled::refusal(&request.operations, level).is_some() {
                continue;
            }
            let code = Compiled::new(&request, level).expect("it is not refused");
            let (size, rows) = (kernel.result.size(), 3);
            for count in 1..=140 {
                let (mut array, one) =
                    (elements(kernel.result, rows * count, &mut random), element(kernel.result, &mut random));
                let repeated = one.repeat(rows * count);
                let expected = plain(kernel.result, &expected(kernel, &[&array, &repeated], rows * count));
                // Where code does not repeat it, the one value lies in memory over and over for each row.
                let one = if code.repeats(size) { one } else { one.repeat(64 / size) };
                let place = array.as_mut_ptr().cast_const();
                let (mut table, mut stage) = ([place, one.as_ptr(), place], vec![Line::EMPTY; code.stage()]);
                let step = (count * size) as isize;
                // SAFETY: the array has the elements of all rows, and the value is there as the code reads it.
                unsafe { code.run(&mut table, &mut stage, count, (rows, &[step, 0, step])) };
                assert_eq!(
                    plain(kernel.result, &array),
                    expected,
                    "{kernel:?} at {level:?}, rows of {count}, {in_place}"
                );
            }
        }
    }
}
