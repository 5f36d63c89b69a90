//! A compiled program: its arguments are borrowed as they lie, its results come out without a copy.

use crate::interpreter::{self, Interpreter, Outcome};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::types::ArrayType;
use thalweg_lang::value::Value;
use thalweg_runtime::array::{Array, Element};
use thalweg_runtime::buffer::Pool;
use thalweg_runtime::execute::Cancel;

/// How many combinations of argument types a program remembers.
const REMEMBERED: usize = 64;

/// A text whose named arguments are given at each call. It is checked and planned once for each combination of their types;
/// calls from several threads run at the same time. A call changes nothing in the program: `rand` draws the same numbers each time.
///
/// ```
/// use thalweg::Program;
/// let program = Program::new("mean(a * b + 2)", &["a", "b"]).unwrap();
/// let (a, b) = (vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]);
/// let result = program.run(&[a.as_slice().into(), b.as_slice().into()]).unwrap();
/// assert_eq!(result.as_slice::<f64>().unwrap(), [32.0 / 3.0 + 2.0]);
/// ```
pub struct Program {
    text: Arc<str>,
    parameters: Vec<Arc<str>>,
    interpreter: RwLock<Interpreter>,
    known: Mutex<HashMap<Vec<ArrayType>, Arc<interpreter::Compiled>>>,
}

/// An array that a program borrows for one call.
pub struct Argument<'a> {
    pub(crate) array: Array,
    pub(crate) lifetime: PhantomData<&'a ()>,
}

impl<'a> Argument<'a> {
    /// The elements of a slice in C order in a shape; nothing is copied. `None` when they are not as many as the shape says.
    pub fn new<T: Element>(shape: &[usize], elements: &'a [T]) -> Option<Argument<'a>> {
        let strides = thalweg_runtime::array::contiguous_strides(shape);
        if thalweg_runtime::array::length_of(shape)? != elements.len() {
            return None;
        }
        // SAFETY: the elements are borrowed for 'a, which outlives every call that gets this argument, and no array of
        // theirs leaves a call: results that lie in them are copied, and so is what an operation of anybody's making gets.
        let array = unsafe {
            let first = std::ptr::NonNull::from(elements).cast::<u8>();
            Array::borrowed(T::DTYPE, shape, &strides, first, None)
        }?;
        Some(Argument { array, lifetime: PhantomData })
    }

    /// A scalar.
    pub fn scalar<T: Element>(value: T) -> Argument<'a> {
        let array = Array::from_slice(&[], &[value]);
        Argument { array: array.unwrap_or_else(|| unreachable!("one element fits rank 0")), lifetime: PhantomData }
    }
}

impl<'a, T: Element> From<&'a [T]> for Argument<'a> {
    fn from(elements: &'a [T]) -> Argument<'a> {
        Argument::new(&[elements.len()], elements).unwrap_or_else(|| unreachable!("the shape is the slice's own"))
    }
}

impl From<Array> for Argument<'_> {
    fn from(array: Array) -> Self {
        Argument { array, lifetime: PhantomData }
    }
}

impl Program {
    /// Reads a program whose arguments have the given names. Types are checked at the first call with arguments of them.
    ///
    /// # Errors
    /// Every error of syntax.
    pub fn new(text: &str, parameters: &[&str]) -> Result<Program, Vec<Diagnostic>> {
        Program::with(Interpreter::new(), text, parameters)
    }

    /// The same in a session of its own making: its operations, threads, host and names.
    ///
    /// # Errors
    /// Every error of syntax.
    pub fn with(interpreter: Interpreter, text: &str, parameters: &[&str]) -> Result<Program, Vec<Diagnostic>> {
        interpreter::parse(thalweg_lang::source::SourceId(1), text)?;
        Ok(Program {
            text: text.into(),
            parameters: parameters.iter().map(|name| (*name).into()).collect(),
            interpreter: RwLock::new(interpreter),
            known: Mutex::new(HashMap::new()),
        })
    }

    /// The handle that stops every call under way, from any thread. Calls fail until it is reset.
    pub fn cancel(&self) -> Cancel {
        self.interpreter.read().unwrap_or_else(PoisonError::into_inner).cancel()
    }

    /// Runs the program on arguments in the order of its parameters and gives its last value, an array.
    ///
    /// # Errors
    /// The errors of the check, of the run, or that the value is no array.
    pub fn run(&self, arguments: &[Argument]) -> Result<Array, Vec<Diagnostic>> {
        match self.run_value(arguments)? {
            Some(Value::Array(array)) => Ok(array),
            _ => Err(vec![Diagnostic::error("E0601", "the program's value is not an array", Default::default(), "")]),
        }
    }

    /// Runs the program and gives its last value, whatever it is; `None` when the last statement has none.
    ///
    /// # Errors
    /// The errors of the check or of the run.
    pub fn run_value(&self, arguments: &[Argument]) -> Result<Option<Value<Array>>, Vec<Diagnostic>> {
        if arguments.len() != self.parameters.len() {
            let message = format!("the program takes {} arguments, and got {}", self.parameters.len(), arguments.len());
            return Err(vec![Diagnostic::error("E0602", message, Default::default(), "")]);
        }
        let type_of = |argument: &Argument| ArrayType::new(argument.array.dtype(), argument.array.shape());
        let types: Vec<ArrayType> = arguments.iter().map(type_of).collect();
        let compiled = self.compiled(types)?;
        let interpreter = self.interpreter.read().unwrap_or_else(PoisonError::into_inner);
        let outcome: Outcome = interpreter.execute_with(&compiled, arguments)?;
        drop(interpreter);
        // A result may be a view of an argument, whose memory is only borrowed.
        let mut failed = None;
        let value = outcome.value.map(|value| {
            value.map(&mut |array| {
                let lies_in = |argument: &Argument| Arc::ptr_eq(argument.array.buffer(), array.buffer());
                let is_borrowed = arguments.iter().any(lies_in);
                match if is_borrowed && array.buffer().is_lent() { array.copy(&Pool::new()) } else { Ok(array.clone()) }
                {
                    Ok(own) => own,
                    Err(refusal) => {
                        failed = Some(refusal);
                        Array::scalar(Scalar::bool(false))
                    }
                }
            })
        });
        match failed {
            Some(refusal) => Err(vec![Diagnostic::error("E0502", refusal.to_string(), Default::default(), "")]),
            None => Ok(value),
        }
    }

    fn compiled(&self, types: Vec<ArrayType>) -> Result<Arc<interpreter::Compiled>, Vec<Diagnostic>> {
        if let Some(compiled) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&types) {
            return Ok(compiled.clone());
        }
        let mut interpreter = self.interpreter.write().unwrap_or_else(PoisonError::into_inner);
        let compiled = Arc::new(interpreter.compile_program(&self.text, &self.parameters, &types)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(types, compiled.clone());
        Ok(compiled)
    }
}
