//! Recording: formulas, applied to lanes that note what is asked of them, become straight-line code of single operations.
//!
//! A [`Recording`] is in static single assignment: each operation makes one value, and its operands come before it. It says what one
//! element needs; whoever makes machine code of it decides how many elements go side by side. What `rarely!` guards lies
//! between a [`Code::Rare`] and its [`Code::Merge`], and may be skipped where no element's truth is set.

use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;

use thalweg_lang::dtype::DType;

use super::formula::*;
use crate::lane::{Double, Float, Integer, Lane, Mask, Number, Quotients, Words};

/// A value: the index of the operation that makes it.
pub type Value = u32;

/// What an operation does. Each is exactly what the lane method of that name says; a truth has dtype bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The input whose number is the immediate.
    Operand,
    /// The bits of the immediate.
    Constant,
    /// Where the operand is true there is no answer, and nothing that follows is needed. Makes no value.
    Refuse,
    /// `Quotients::floor_quotient`.
    FloorQuotient,
    /// `Quotients::floor_remainder`.
    FloorRemainder,
    /// `Quotients::remainder`.
    Remainder,
    /// Sum; integers wrap.
    Add,
    /// Difference; integers wrap.
    Subtract,
    /// Product; integers wrap.
    Multiply,
    /// The product of the lower 32 bits as unsigned numbers.
    MultiplyLowerHalves,
    /// Quotient of floats.
    Divide,
    /// The other sign; integers wrap.
    Negate,
    /// First times second plus third, rounded once.
    Fma,
    /// Square root.
    SquareRoot,
    /// Without the sign bit.
    Absolute,
    /// The first with the second's sign bit.
    CopySign,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Integer part.
    Truncate,
    /// Nearest integer, ties to even.
    Round,
    /// Comparison.
    Equal,
    /// Comparison; true with NaN.
    NotEqual,
    /// Comparison.
    Less,
    /// Comparison.
    LessEqual,
    /// Of bits or truths.
    And,
    /// Of bits or truths.
    Or,
    /// Of bits or truths.
    Xor,
    /// Of bits or truths.
    Not,
    /// Of the bits of three numbers, where the machine has it: bit `4a + 2b + c` of the immediate is what bits `a`, `b` and `c` give.
    OfThree,
    /// By the immediate.
    ShiftLeft,
    /// By the immediate, filling with zeros.
    ShiftRightLogical,
    /// By the immediate, filling with the sign (zeros where there is none).
    ShiftRight,
    /// By each element's own count; 0 from the width on.
    ShiftLeftEach,
    /// By each element's own count, filling with zeros; 0 from the width on.
    ShiftRightLogicalEach,
    /// The second where the first is true, the third elsewhere.
    Select,
    /// The same bits as another dtype of the same size.
    Bits,
    /// `Float::from_integer`.
    FromInteger,
    /// `Float::to_integer`.
    ToInteger,
    /// A conversion as `Scalar::cast` defines it; truths are 0 and 1.
    Convert,
    /// From here to the `Merge` that names it, nothing is needed unless the operand is true somewhere. Makes no value.
    Rare,
    /// A select whose second operand is what the guarded operations made; the immediate is the `Rare`'s index. The merges of
    /// one `Rare` stand together.
    Merge,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// What.
    pub code: Code,
    /// The dtype of the value.
    pub dtype: DType,
    /// How many operands there are.
    pub arity: u8,
    /// The operands; the places beyond the arity hold 0.
    pub operands: [Value; 3],
    /// A constant's bits, a shift's count, an input's number.
    pub immediate: u64,
}

impl Operation {
    /// The operands.
    pub fn operands(&self) -> &[Value] {
        &self.operands[..self.arity as usize]
    }
}

/// Straight-line code.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The operations; equal ones are one.
    pub operations: Vec<Operation>,
    known: HashMap<Operation, Value>,
    /// For each `Rare` that is open: its value, and what has become known since.
    open: Vec<(Value, Vec<Operation>)>,
}

impl Recording {
    /// Notes an operation, or finds an equal one.
    pub fn push(&mut self, code: Code, dtype: DType, operands: &[Value], immediate: u64) -> Value {
        let mut places = [0; 3];
        places[..operands.len()].copy_from_slice(operands);
        let operation = Operation { code, dtype, arity: operands.len() as u8, operands: places, immediate };
        // Masks are tested where they stand: two `Rare` of one mask are two.
        let shared = !matches!(code, Code::Rare | Code::Merge);
        if shared && let Some(&value) = self.known.get(&operation) {
            return value;
        }
        let value = self.operations.len() as Value;
        self.operations.push(operation);
        if shared {
            self.known.insert(operation, value);
            if let Some((_, since)) = self.open.last_mut() {
                since.push(operation);
            }
        }
        value
    }

    /// An input.
    pub fn operand(&mut self, number: usize, dtype: DType) -> Value {
        self.push(Code::Operand, dtype, &[], number as u64)
    }

    /// A number, by the bits that it has in memory.
    pub fn constant(&mut self, bits: u64, dtype: DType) -> Value {
        self.push(Code::Constant, dtype, &[], bits)
    }

    /// A value's dtype.
    pub fn dtype(&self, value: Value) -> DType {
        self.operations[value as usize].dtype
    }

    fn rare(&mut self, mask: Value) {
        let value = self.push(Code::Rare, DType::Bool, &[mask], 0);
        self.open.push((value, Vec::new()));
    }

    fn merge<const N: usize>(&mut self, dtype: DType, mask: Value, slow: [Value; N], fast: [Value; N]) -> [Value; N] {
        let Some((rare, since)) = self.open.pop() else { unreachable!("every merge follows its `any`") };
        // What was computed under a guard is not there for what follows.
        for operation in since {
            self.known.remove(&operation);
        }
        std::array::from_fn(|part| self.push(Code::Merge, dtype, &[mask, slow[part], fast[part]], rare as u64))
    }
}

/// Where the lanes of this thread record, and what a formula takes and gives.
#[derive(Default)]
struct Session {
    recording: Recording,
    operands: Vec<Value>,
    results: Vec<Value>,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
}

/// Takes a formula's operands from the session and gives it its results.
pub type Record = fn();

/// Applies a formula to values of a recording; complex operands and results are two values each, the real part first.
pub fn apply(record: Record, recording: &mut Recording, operands: &[Value]) -> Vec<Value> {
    SESSION.with_borrow_mut(|session| {
        std::mem::swap(&mut session.recording, recording);
        session.operands.clear();
        session.operands.extend_from_slice(operands);
        session.results.clear();
    });
    record();
    SESSION.with_borrow_mut(|session| {
        std::mem::swap(&mut session.recording, recording);
        std::mem::take(&mut session.results)
    })
}

/// Whether a formula of one element of a dtype is that element.
pub fn is_identity(record: Record, dtype: DType) -> bool {
    let mut recording = Recording::default();
    if matches!(dtype, DType::C64 | DType::C128) {
        return false;
    }
    let operand = recording.operand(0, dtype);
    apply(record, &mut recording, &[operand])[..] == [operand]
}

fn push(code: Code, dtype: DType, operands: &[Value], immediate: u64) -> Value {
    SESSION.with_borrow_mut(|session| session.recording.push(code, dtype, operands, immediate))
}

/// An element type that machine code has values of.
pub(super) trait Recordable: Copy + 'static {
    const DTYPE: DType;
    fn bits(self) -> u64;
}
macro_rules! recordable {
    ($($element:ident $dtype:ident |$value:ident| $bits:expr;)*) => { $(
        impl Recordable for $element {
            const DTYPE: DType = DType::$dtype;
            fn bits(self) -> u64 {
                let $value = self;
                $bits
            }
        }
    )* };
}
recordable! {
    i8 I8 |value| value as u8 as u64;
    i16 I16 |value| value as u16 as u64;
    i32 I32 |value| value as u32 as u64;
    i64 I64 |value| value as u64;
    u8 U8 |value| value as u64;
    u16 U16 |value| value as u64;
    u32 U32 |value| value as u64;
    u64 U64 |value| value;
    f32 F32 |value| value.to_bits() as u64;
    f64 F64 |value| value.to_bits();
}

/// A lane that records.
pub(super) struct Recorded<T>(Value, PhantomData<T>);
impl<T> Clone for Recorded<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Recorded<T> {}

/// A truth that records.
#[derive(Clone, Copy)]
pub(super) struct RecordedMask(Value);

impl<T: Recordable> Recorded<T> {
    fn make(code: Code, operands: &[Value], immediate: u64) -> Self {
        Recorded(push(code, T::DTYPE, operands, immediate), PhantomData)
    }
    fn one(self, code: Code) -> Self {
        Self::make(code, &[self.0], 0)
    }
    fn two(self, code: Code, other: Self) -> Self {
        Self::make(code, &[self.0, other.0], 0)
    }
    fn by(self, code: Code, count: u32) -> Self {
        Self::make(code, &[self.0], count as u64)
    }
    fn test(self, code: Code, other: Self) -> RecordedMask {
        RecordedMask(push(code, DType::Bool, &[self.0, other.0], 0))
    }
}

impl RecordedMask {
    fn two(self, code: Code, other: Self) -> Self {
        RecordedMask(push(code, DType::Bool, &[self.0, other.0], 0))
    }
}

impl Mask for RecordedMask {
    fn splat(value: bool) -> Self {
        RecordedMask(push(Code::Constant, DType::Bool, &[], value as u64))
    }
    fn and(self, other: Self) -> Self {
        self.two(Code::And, other)
    }
    fn or(self, other: Self) -> Self {
        self.two(Code::Or, other)
    }
    fn xor(self, other: Self) -> Self {
        self.two(Code::Xor, other)
    }
    fn not(self) -> Self {
        RecordedMask(push(Code::Not, DType::Bool, &[self.0], 0))
    }
    fn any(self) -> bool {
        SESSION.with_borrow_mut(|session| session.recording.rare(self.0));
        true
    }
    unsafe fn load(_: *const u8) -> Self {
        unreachable!("a recording reads no memory")
    }
    unsafe fn store(self, _: *mut u8) {
        unreachable!("a recording writes no memory")
    }
}

impl<T: Recordable> Lane for Recorded<T> {
    type Element = T;
    type Mask = RecordedMask;
    const WIDTH: usize = 1;
    fn splat(value: T) -> Self {
        Self::make(Code::Constant, &[], value.bits())
    }
    unsafe fn load(_: *const T) -> Self {
        unreachable!("a recording reads no memory")
    }
    unsafe fn store(self, _: *mut T) {
        unreachable!("a recording writes no memory")
    }
    fn select(mask: RecordedMask, then: Self, otherwise: Self) -> Self {
        Self::make(Code::Select, &[mask.0, then.0, otherwise.0], 0)
    }
    fn merge(mask: RecordedMask, slow: Self, fast: Self) -> Self {
        let [merged] = SESSION.with_borrow_mut(|session| session.recording.merge(T::DTYPE, mask.0, [slow.0], [fast.0]));
        Recorded(merged, PhantomData)
    }
    fn merge_two(mask: RecordedMask, slow: [Self; 2], fast: [Self; 2]) -> [Self; 2] {
        SESSION
            .with_borrow_mut(|session| {
                session.recording.merge(T::DTYPE, mask.0, slow.map(|part| part.0), fast.map(|part| part.0))
            })
            .map(|value| Recorded(value, PhantomData))
    }
}

impl<T: Recordable> Number for Recorded<T> {
    fn add(self, other: Self) -> Self {
        self.two(Code::Add, other)
    }
    fn subtract(self, other: Self) -> Self {
        self.two(Code::Subtract, other)
    }
    fn multiply(self, other: Self) -> Self {
        self.two(Code::Multiply, other)
    }
    fn negate(self) -> Self {
        self.one(Code::Negate)
    }
    fn equal(self, other: Self) -> RecordedMask {
        self.test(Code::Equal, other)
    }
    fn not_equal(self, other: Self) -> RecordedMask {
        self.test(Code::NotEqual, other)
    }
    fn less(self, other: Self) -> RecordedMask {
        self.test(Code::Less, other)
    }
    fn less_equal(self, other: Self) -> RecordedMask {
        self.test(Code::LessEqual, other)
    }
}

impl<T: Recordable> Integer for Recorded<T> {
    fn and(self, other: Self) -> Self {
        self.two(Code::And, other)
    }
    fn or(self, other: Self) -> Self {
        self.two(Code::Or, other)
    }
    fn xor(self, other: Self) -> Self {
        self.two(Code::Xor, other)
    }
    fn invert(self) -> Self {
        self.one(Code::Not)
    }
    fn shift_left<const N: u32>(self) -> Self {
        self.by(Code::ShiftLeft, N)
    }
    fn shift_right_logical<const N: u32>(self) -> Self {
        self.by(Code::ShiftRightLogical, N)
    }
    fn shift_right<const N: u32>(self) -> Self {
        self.by(Code::ShiftRight, N)
    }
    fn shift_left_each(self, counts: Self) -> Self {
        self.two(Code::ShiftLeftEach, counts)
    }
    fn shift_right_logical_each(self, counts: Self) -> Self {
        self.two(Code::ShiftRightLogicalEach, counts)
    }
    fn multiply_lower_halves(self, other: Self) -> Self {
        self.two(Code::MultiplyLowerHalves, other)
    }
}
impl Words for Recorded<u64> {}

impl<T: Recordable> Quotients for Recorded<T> {
    fn refuse(truth: RecordedMask) {
        push(Code::Refuse, DType::Bool, &[truth.0], 0);
    }
    fn floor_quotient(self, other: Self) -> Self {
        self.two(Code::FloorQuotient, other)
    }
    fn floor_remainder(self, other: Self) -> Self {
        self.two(Code::FloorRemainder, other)
    }
    fn remainder(self, other: Self) -> Self {
        self.two(Code::Remainder, other)
    }
}

macro_rules! float {
    ($element:ident $bits:ident) => {
        impl Float for Recorded<$element> {
            type Bits = Recorded<$bits>;
            fn to_bits(self) -> Recorded<$bits> {
                Recorded::make(Code::Bits, &[self.0], 0)
            }
            fn from_bits(bits: Recorded<$bits>) -> Self {
                Self::make(Code::Bits, &[bits.0], 0)
            }
            fn constant(value: f64) -> Self {
                Self::splat(value as $element)
            }
            fn bits_constant(value: i64) -> Recorded<$bits> {
                Recorded::splat(value as $bits)
            }
            fn from_integer(integer: Recorded<$bits>) -> Self {
                Self::make(Code::FromInteger, &[integer.0], 0)
            }
            fn to_integer(self) -> Recorded<$bits> {
                Recorded::make(Code::ToInteger, &[self.0], 0)
            }
            fn divide(self, other: Self) -> Self {
                self.two(Code::Divide, other)
            }
            fn square_root(self) -> Self {
                self.one(Code::SquareRoot)
            }
            fn fma(self, factor: Self, addend: Self) -> Self {
                Self::make(Code::Fma, &[self.0, factor.0, addend.0], 0)
            }
            fn absolute(self) -> Self {
                self.one(Code::Absolute)
            }
            fn copy_sign(self, sign: Self) -> Self {
                self.two(Code::CopySign, sign)
            }
            fn floor(self) -> Self {
                self.one(Code::Floor)
            }
            fn ceil(self) -> Self {
                self.one(Code::Ceil)
            }
            fn truncate(self) -> Self {
                self.one(Code::Truncate)
            }
            fn round(self) -> Self {
                self.one(Code::Round)
            }
        }
    };
}
float!(f64 i64);
float!(f32 i32);

impl Double for Recorded<f64> {
    unsafe fn load_single(_: *const f32) -> Self {
        unreachable!("a recording reads no memory")
    }
    unsafe fn store_single(self, _: *mut f32) {
        unreachable!("a recording writes no memory")
    }
}

/// What a formula takes, from the session's values.
trait Taken {
    fn take(operands: &mut std::vec::IntoIter<Value>) -> Self;
}
impl<T: Recordable> Taken for Recorded<T> {
    fn take(operands: &mut std::vec::IntoIter<Value>) -> Self {
        match operands.next() {
            Some(value) => Recorded(value, PhantomData),
            None => unreachable!("a formula is given as many values as it takes"),
        }
    }
}
impl Taken for RecordedMask {
    fn take(operands: &mut std::vec::IntoIter<Value>) -> Self {
        let Recorded(value, _) = Recorded::<u8>::take(operands);
        RecordedMask(value)
    }
}
impl<L: Taken> Taken for Complex<L> {
    fn take(operands: &mut std::vec::IntoIter<Value>) -> Self {
        Complex { real: L::take(operands), imaginary: L::take(operands) }
    }
}

/// What a formula gives, as values.
trait Given {
    fn give(self) -> [Option<Value>; 2];
}
impl<T> Given for Recorded<T> {
    fn give(self) -> [Option<Value>; 2] {
        [Some(self.0), None]
    }
}
impl<T> Given for Option<Recorded<T>> {
    fn give(self) -> [Option<Value>; 2] {
        [self.map(|value| value.0), None]
    }
}
impl Given for RecordedMask {
    fn give(self) -> [Option<Value>; 2] {
        [Some(self.0), None]
    }
}
impl<T> Given for Complex<Recorded<T>> {
    fn give(self) -> [Option<Value>; 2] {
        [Some(self.real.0), Some(self.imaginary.0)]
    }
}

/// Runs a formula on the session's operands.
fn run<A: Taken, R: Given, const N: usize>(formula: impl FnOnce([A; N]) -> R) {
    let operands = SESSION.with_borrow_mut(|session| std::mem::take(&mut session.operands));
    let mut operands = operands.into_iter();
    let results = formula(std::array::from_fn(|_| A::take(&mut operands))).give();
    SESSION.with_borrow_mut(|session| session.results.extend(results.into_iter().flatten()));
}

impl Recording {
    /// A value as another dtype, as `Scalar::cast` defines it.
    pub fn convert(&mut self, value: Value, to: DType) -> Value {
        let from = self.dtype(value);
        if from == to {
            value
        } else if to == DType::Bool {
            let zero = self.push(Code::Constant, from, &[], 0);
            self.push(Code::NotEqual, DType::Bool, &[value, zero], 0)
        } else {
            self.push(Code::Convert, to, &[value], 0)
        }
    }
}

fn convert(value: Value, to: DType) -> Value {
    SESSION.with_borrow_mut(|session| session.recording.convert(value, to))
}

/// An element type whose values a formula for f64 can take: f64, and f32 by widening and rounding.
pub(super) trait Part: Recordable {
    /// As an f64.
    fn widen(value: Recorded<Self>) -> Recorded<f64> {
        Recorded(convert(value.0, DType::F64), PhantomData)
    }
    /// Rounded.
    fn narrow(value: Recorded<f64>) -> Recorded<Self> {
        Recorded(convert(value.0, Self::DTYPE), PhantomData)
    }
}
impl Part for f64 {}
impl Part for f32 {}

/// The record functions of a kind of formula: `name: Formula, element type bound, what goes in, what comes out`.
macro_rules! records {
    ($($name:ident: $formula:ident, $bound:ident, |$operands:ident: $taken:ty| $result:expr;)*) => { $(
        pub(super) fn $name<F: $formula<N>, T: $bound, const N: usize>() {
            run(|$operands: [$taken; N]| $result);
        }
    )* };
}
records! {
    number: NumberFormula, Recordable, |operands: Recorded<T>| F::apply(operands);
    number_test: NumberTest, Recordable, |operands: Recorded<T>| F::apply(operands);
    integer: IntegerFormula, Recordable, |operands: Recorded<T>| F::apply(operands);
    whole: WholeFormula, Recordable, |operands: Recorded<T>| F::straight(operands);
    double: DoubleFormula, Part, |operands: Recorded<T>| T::narrow(F::apply(operands.map(T::widen)));
    complex_double: ComplexDoubleFormula, Part, |operands: Complex<Recorded<T>>| {
        let Complex { real, imaginary } = F::apply(operands.map(widen));
        Complex { real: T::narrow(real), imaginary: T::narrow(imaginary) }
    };
    complex_double_part: ComplexDoublePart, Part, |operands: Complex<Recorded<T>>| {
        T::narrow(F::apply(operands.map(widen)))
    };
}

fn widen<T: Part>(value: Complex<Recorded<T>>) -> Complex<Recorded<f64>> {
    Complex { real: T::widen(value.real), imaginary: T::widen(value.imaginary) }
}

/// The record functions of formulas of floats in their own precision, for one element type.
pub(super) struct OwnPrecision<T>(PhantomData<T>);
macro_rules! own_precision {
    ($element:ident) => {
        impl OwnPrecision<$element> {
            pub(super) fn float<F: FloatFormula<N>, const N: usize>() {
                run(|operands: [Recorded<$element>; N]| F::apply(operands));
            }
            pub(super) fn float_test<F: FloatTest<N>, const N: usize>() {
                run(|operands: [Recorded<$element>; N]| F::apply(operands));
            }
            pub(super) fn complex<F: ComplexFormula<N>, const N: usize>() {
                run(|operands: [Complex<Recorded<$element>>; N]| F::apply(operands));
            }
            pub(super) fn complex_test<F: ComplexTest<N>, const N: usize>() {
                run(|operands: [Complex<Recorded<$element>>; N]| F::apply(operands));
            }
            pub(super) fn complex_part<F: ComplexPart<N>, const N: usize>() {
                run(|operands: [Complex<Recorded<$element>>; N]| F::apply(operands));
            }
        }
    };
}
own_precision!(f64);
own_precision!(f32);

pub(super) fn single<F: SingleFormula<N>, const N: usize>() {
    run(|operands: [Recorded<f32>; N]| F::apply(operands));
}

pub(super) fn word<F: WordFormula<N>, const N: usize>() {
    run(|operands: [Recorded<u64>; N]| F::apply(operands));
}

pub(super) fn draw<F: DrawFormula<N>, const N: usize>() {
    run(|operands: [Recorded<i64>; N]| F::apply::<Recorded<f64>>(operands));
}

pub(super) fn logic<F: LogicFormula<N>, const N: usize>() {
    run(|operands: [RecordedMask; N]| F::apply(operands));
}

/// A conversion to a dtype, complex ones by their parts.
pub(super) fn cast(to: DType) {
    SESSION.with_borrow_mut(|session| {
        let Session { recording, operands, results } = session;
        let part = match to {
            DType::C64 => Some(DType::F32),
            DType::C128 => Some(DType::F64),
            _ => None,
        };
        match (operands[..].as_ref(), part) {
            (&[real, imaginary], Some(part)) => {
                results.extend([recording.convert(real, part), recording.convert(imaginary, part)]);
            }
            (&[real], Some(part)) => {
                // An integer becomes an f64 before it becomes an f32's part.
                let wide = recording.convert(real, DType::F64);
                let zero = recording.push(Code::Constant, part, &[], 0);
                results.extend([recording.convert(wide, part), zero]);
            }
            (&[real, imaginary], None) if to == DType::Bool => {
                let (a, b) = (recording.convert(real, to), recording.convert(imaginary, to));
                results.push(recording.push(Code::Or, to, &[a, b], 0));
            }
            (values, _) => results.push(recording.convert(values[0], to)),
        }
    });
}

/// `mask ? then : otherwise`, of values of any dtype, complex ones by their parts.
pub(super) fn select() {
    SESSION.with_borrow_mut(|session| {
        let Session { recording, operands, results } = session;
        let (mask, values) = (operands[0], &operands[1..]);
        let parts = values.len() / 2;
        for part in 0..parts {
            let (then, otherwise) = (values[part], values[parts + part]);
            let dtype = recording.dtype(then);
            results.push(recording.push(Code::Select, dtype, &[mask, then, otherwise], 0));
        }
    });
}
