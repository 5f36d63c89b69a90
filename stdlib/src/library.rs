//! The library of a session: every row by name and operator, the prelude, the constants and the annotations.

use crate::format;
use crate::operation::Operation;
use crate::operations;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use thalweg_lang::ast::{Function, StatementKind};
use thalweg_lang::declaration::{Advice, AnnotationDeclaration, AnnotationParameter, Declaration};
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::OperationId;
use thalweg_lang::parser;
use thalweg_lang::source::SourceId;
use thalweg_lang::types::Type;
use thalweg_runtime::array::Array;
use thalweg_runtime::operation::{Bodies, Body};

/// The prelude: functions written in Thalweg.
pub(crate) const PRELUDE: &str = include_str!("prelude.tw");

/// The source that the prelude is in every session.
pub(crate) const PRELUDE_SOURCE: SourceId = SourceId(0);

/// Operations, prelude functions, constants and annotations.
pub struct Library {
    declarations: Vec<Declaration>,
    bodies: Vec<Body>,
    names: HashMap<Arc<str>, OperationId>,
    operators: HashMap<(&'static str, usize), OperationId>,
    prelude: OnceLock<HashMap<&'static str, PreludeFunction>>,
}

/// A function of the prelude, which is read when a program first names it: reading all takes longer than most programs do.
struct PreludeFunction {
    text: Range<usize>,
    function: OnceLock<Option<Arc<Function>>>,
}

impl PreludeFunction {
    /// The function, at its place in the prelude.
    fn function(&self) -> Option<Arc<Function>> {
        let read = || {
            let text = " ".repeat(self.text.start) + &PRELUDE[self.text.clone()];
            let parsed = parser::parse(PRELUDE_SOURCE, &text);
            debug_assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
            parsed.program.statements.into_iter().find_map(|statement| match statement.kind {
                StatementKind::Function(function) => Some(function),
                _ => None,
            })
        };
        self.function.get_or_init(read).clone()
    }
}

impl Library {
    /// The standard library.
    pub fn standard() -> Library {
        let mut library = Library {
            declarations: Vec::new(),
            bodies: Vec::new(),
            names: HashMap::new(),
            operators: HashMap::new(),
            prelude: OnceLock::new(),
        };
        for operation in operations::all() {
            library.add(operation);
        }
        library
    }

    /// Adds an operation; one of the same name or operator is replaced.
    pub fn add(&mut self, operation: Operation) {
        let id = OperationId(self.declarations.len() as u32);
        if let Some(operator) = operation.declaration.operator {
            self.operators.insert(operator, id);
        }
        self.names.insert(operation.declaration.name.clone(), id);
        self.declarations.push(operation.declaration);
        self.bodies.push(operation.body);
    }

    /// The prelude's functions: it has no other statements, and each begins a line.
    fn prelude_functions(&self) -> &HashMap<&'static str, PreludeFunction> {
        self.prelude.get_or_init(|| {
            let begins = PRELUDE.match_indices("\nfn ").map(|(at, _)| at + 1);
            let begins: Vec<usize> = PRELUDE.starts_with("fn ").then_some(0).into_iter().chain(begins).collect();
            let ends = begins.iter().skip(1).copied().chain([PRELUDE.len()]);
            let functions = begins.iter().zip(ends).map(|(&begin, end)| {
                let name = PRELUDE[begin + "fn ".len()..end].split('(').next().unwrap_or_default();
                (name, PreludeFunction { text: begin..end, function: OnceLock::new() })
            });
            functions.collect()
        })
    }
}

/// The named constants; they promote like literals.
const CONSTANTS: [(&str, f64); 4] =
    [("pi", std::f64::consts::PI), ("e", std::f64::consts::E), ("inf", f64::INFINITY), ("nan", f64::NAN)];

const WORKERS: AnnotationParameter =
    AnnotationParameter { name: "workers", words: &[], number: true, positional: true };
const CHUNK: AnnotationParameter = AnnotationParameter { name: "chunk", words: &[], number: true, positional: false };

/// The annotations; what runs them is the runtime's choice.
pub(crate) const ANNOTATIONS: [AnnotationDeclaration; 4] = [
    AnnotationDeclaration { name: "simd", parameters: &[], summary: "The vector lanes of one core." },
    AnnotationDeclaration {
        name: "parallel",
        parameters: &[WORKERS, CHUNK],
        summary: "Threads: as many as given, or all that the budget has.",
    },
    AnnotationDeclaration {
        name: "process",
        parameters: &[
            WORKERS,
            CHUNK,
            AnnotationParameter { name: "timeout", words: &[], number: true, positional: false },
            AnnotationParameter { name: "retries", words: &[], number: true, positional: false },
            AnnotationParameter { name: "on_error", words: &["keep", "stop"], number: false, positional: false },
        ],
        summary: "Worker processes that share the arrays' memory.",
    },
    AnnotationDeclaration {
        name: "gpu",
        parameters: &[AnnotationParameter { name: "device", words: &["strict"], number: true, positional: true }],
        summary: "The GPU; without one, the same bits from the CPU.",
    },
];

/// What users of other languages type, and what to type here.
const FOREIGN: &[(&str, &str)] = &[
    ("True", "write `true`"),
    ("False", "write `false`"),
    ("None", "write `none`, or `newaxis` in an index"),
    ("linalg", "write the function alone: `inv(a)`, not `linalg.inv(a)`; nothing needs importing"),
    ("np", "write the function alone: `sum(a)`, not `np.sum(a)`; nothing needs importing"),
    ("numpy", "write the function alone: `sum(a)`, not `numpy.sum(a)`; nothing needs importing"),
    ("random", "write the function alone: `rand(3)`, not `random.rand(3)`; nothing needs importing"),
    ("random.random", "write `rand(…)`"),
    (
        "random.normal",
        "write `randn(…)`; a generator has a mean and a deviation: `rng(1).normal(…, loc=0.0, scale=1.0)`",
    ),
    ("random.uniform", "write `rand(…)`; a generator has bounds: `rng(1).uniform(…, low=0.0, high=1.0)`"),
    ("math", "write the function alone: `sqrt(x)`, not `math.sqrt(x)`; nothing needs importing"),
    ("cp", "write the function alone, and `@gpu` before it: `@gpu sum(a)`"),
    ("jnp", "write the function alone: `sum(a)`, not `jnp.sum(a)`; nothing needs importing"),
    ("torch", "write the function alone: `sum(a)`; nothing needs importing"),
    ("length", "write `len(a)`, which is `a.shape[0]`; all elements are counted by `a.size`"),
    ("copy", "values are never shared: the name alone, `b = a`, is a copy"),
    ("tolist", "an array is used as it is, and `print` shows it: leave `.tolist()` out"),
    ("pass", "an empty block is `{ }`"),
    ("end", "the last element is `a[-1]`"),
    ("float", "write `f64`"),
    ("float64", "write `f64`"),
    ("float32", "write `f32`"),
    ("double", "write `f64`"),
    ("int", "write `i64`"),
    ("int8", "write `i8`"),
    ("int16", "write `i16`"),
    ("int32", "write `i32`"),
    ("int64", "write `i64`"),
    ("uint8", "write `u8`"),
    ("uint16", "write `u16`"),
    ("uint32", "write `u32`"),
    ("uint64", "write `u64`"),
    ("f16", "the floats are f32 and f64"),
    ("float16", "the floats are f32 and f64"),
    ("complex", "write `c128`"),
    ("complex64", "write `c64`"),
    ("complex128", "write `c128`"),
    ("arange", "write `range`"),
    ("array", "write the brackets alone: `[1, 2, 3]`"),
    ("asarray", "write the brackets alone: `[1, 2, 3]`"),
    ("astype", "a dtype's name is the cast: `f32(x)`"),
    ("abs_", "write `abs`"),
    ("absolute", "write `abs`"),
    ("amax", "write `max`"),
    ("amin", "write `min`"),
    ("asin", "write `arcsin`"),
    ("acos", "write `arccos`"),
    ("atan", "write `arctan`"),
    ("atan2", "write `arctan2`"),
    ("pow", "write `x ** y`"),
    ("conjugate", "write `conj`"),
    ("mod", "write `x % y`"),
    ("fix", "write `trunc`"),
    ("fabs", "write `abs`"),
    ("shuffle", "write `x = permutation(x)`"),
    ("default_rng", "write `rng(seed)`"),
    ("compress", "index with the condition: `x[c]`"),
    ("extract", "index with the condition: `x[c]`"),
    ("around", "write `round`"),
    ("true_divide", "write `x / y`"),
    ("bitwise_not", "write `~x`"),
    ("bitwise_count", "write `bit_count`"),
    ("where()", "to choose write `where(c, x, y)`; the places where it holds are `nonzero(c)`"),
    ("sorted", "write `sort`"),
    ("reversed", "write `x[::-1]`"),
    ("fill", "write `a[:] = value`"),
    ("vectorize", "every function works on arrays: call it; or write `map(f, x)`"),
    ("apply_along_axis", "write a comprehension: `[f(row) for row in m]`"),
    ("fromfunction", "write a comprehension: `[f(i, j) for i in range(n), j in range(m)]`"),
    ("indices", "write `meshgrid(range(n), range(m), indexing=\"ij\")`"),
    ("piecewise", "write `where(c, x, y)`, one in another"),
    ("ix_", "write `a[rows[:, newaxis], columns]`"),
    ("tril_indices", "write `nonzero(tri(n, n))`"),
    ("triu_indices", "write `nonzero(tri(n, n).T)`"),
    ("diag_indices", "write `i = range(n)`, and index with `[i, i]`"),
    ("partition", "write `sort`"),
    ("argpartition", "write `argsort`"),
    ("nbytes", "the elements are counted by `x.size`, and their dtype is `x.dtype`"),
    ("itemsize", "the dtype, whose name tells the bits, is `x.dtype`"),
    ("upper", "a text is taken as it is: write the letters that are to be seen"),
    ("lower", "a text is taken as it is: write the letters that are to be seen"),
    ("join", "texts are joined by `+`, or shown together: `print(a, b, sep=\", \")`"),
    ("ljust", "an f-string fills: `f\"{x:<10}\"`"),
    ("rjust", "an f-string fills: `f\"{x:>10}\"`"),
    ("center", "an f-string fills: `f\"{x:^10}\"`"),
    ("format", "an f-string formats: `f\"{x:.2f}\"`"),
    ("isinstance", "ask for what differs: `x.dtype`, `x.ndim`"),
    ("type", "write `x.dtype`, `x.shape`"),
    ("list", "write `[ ]` for an array, `( )` for a tuple"),
    ("dict", "several values are a tuple: `(a, b)`"),
    ("set", "write `unique(x)`"),
    ("open", "a file is read by `load(\"a.npy\")`, and written by `save(\"a.npy\", x)`"),
    (
        "append",
        "an array has a fixed length: collect the values in a comprehension, `[f(x) for x in xs]`, or join two: `concatenate((a, b))`",
    ),
    ("item", "an array of one element is used as it is; index others: `a[0]`"),
    ("str", "write `text(x)`, or an f-string: `f\"{x}\"`"),
    ("input", "values come from files: `load(\"a.npy\")`, or `--in NAME=FILE`"),
    ("lambda", "write `x -> x + 1`"),
    ("def", "write `fn f(x) = x + 1`"),
    ("quit", "type `:quit`, or press Ctrl-D"),
    ("exit", "type `:quit`, or press Ctrl-D"),
    ("help", "type `:help`, or `?name`"),
];

/// What the language has and nobody has built yet.
const UNBUILT: &[&str] = &["einsum", "plot"];

impl thalweg_lang::declaration::Library for Library {
    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    fn find(&self, name: &str) -> Option<OperationId> {
        self.names.get(name).copied()
    }

    fn operator(&self, symbol: &str, operands: usize) -> Option<OperationId> {
        self.operators.iter().find(|(key, _)| key.0 == symbol && key.1 == operands).map(|(_, id)| *id)
    }

    fn prelude(&self, name: &str) -> Option<Arc<Function>> {
        self.prelude_functions().get(name)?.function()
    }

    fn prelude_names(&self) -> Vec<Arc<str>> {
        self.prelude_functions().keys().map(|&name| name.into()).collect()
    }

    fn prelude_source(&self) -> SourceId {
        PRELUDE_SOURCE
    }

    fn constant(&self, name: &str) -> Option<Scalar> {
        CONSTANTS.iter().find(|(constant, _)| *constant == name).map(|(_, value)| Scalar::f64(*value))
    }

    fn constant_names(&self) -> Vec<Arc<str>> {
        CONSTANTS.iter().map(|(name, _)| (*name).into()).collect()
    }

    fn foreign(&self, name: &str) -> Option<&str> {
        FOREIGN.iter().find(|(foreign, _)| *foreign == name).map(|(_, help)| *help)
    }

    fn foreign_names(&self) -> Vec<&str> {
        FOREIGN.iter().map(|(foreign, _)| *foreign).collect()
    }

    fn advice(&self, advice: Advice) -> &str {
        match advice {
            Advice::ChooseByElement => "use `where(c, x, y)` to choose element by element, or `any(c)` or `all(c)`",
            Advice::WalkNumbers => "write `range(n)` for the integers below n",
            Advice::AskWhetherEmpty => "check the shape first: `if a.size > 0 { … } else { … }`",
            Advice::FromComplex => "write `real(z)` for the real part, or `abs(z)` for the distance from 0",
            Advice::Transpose => "transpose one of them: `.T`",
            Advice::StartWith => "zeros({shape}, dtype={dtype})",
            Advice::ShowInLoop => "print each part where it is made: `for x in xs { print(f\"{x} \", end=\"\") }`",
            Advice::KnownSize => "use a literal, or a length such as `a.shape[0]`",
        }
    }

    fn is_unbuilt(&self, name: &str) -> bool {
        UNBUILT.contains(&name)
    }

    fn refuse_format(&self, array_type: Option<&Type>, specification: &str) -> Option<(String, Option<String>)> {
        let explained = |error: format::FormatError| (error.message, error.help);
        let Some(array_type) = array_type else {
            return format::format_text_specification("", specification).err().map(explained);
        };
        // Whether a specification fits depends on the dtype, and on whether there is more than one value.
        let shape: Vec<usize> = array_type.shape.iter().map(|length| length.known().unwrap_or(2)).collect();
        let example = Array::scalar(Scalar::i64(1).cast(array_type.dtype)).broadcast_to(&shape)?;
        format::format_array_specification(&example, specification).err().map(explained)
    }

    fn format(&self, scalar: Scalar, specification: &str) -> Option<String> {
        let array = Array::scalar(scalar);
        match specification.is_empty() {
            true => Some(format::format_array(&array)),
            false => format::format_array_specification(&array, specification).ok(),
        }
    }

    fn annotations(&self) -> &[AnnotationDeclaration] {
        &ANNOTATIONS
    }

    fn fold(&self, operation: OperationId, operands: &[Scalar]) -> Option<Scalar> {
        let Body::Elementwise(elementwise) = self.bodies.get(operation.0 as usize)? else { return None };
        let dtypes: Vec<_> = operands.iter().map(|operand| operand.dtype).collect();
        elementwise.kernels.find(&dtypes)?.scalar(operands).ok()
    }
}

impl Bodies for Library {
    fn body(&self, operation: OperationId) -> &Body {
        &self.bodies[operation.0 as usize]
    }

    fn name(&self, operation: OperationId) -> &str {
        &self.declarations[operation.0 as usize].name
    }

    fn help_for_nothing(&self) -> Option<&str> {
        Some(thalweg_lang::declaration::Library::advice(self, Advice::AskWhetherEmpty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_lang::declaration::{Library as _, Rule};
    use thalweg_lang::dtype::DType;
    use thalweg_lang::promotion::Numeric;
    use thalweg_runtime::operation::Reduction;

    /// Every combination of dtypes for a number of operands.
    fn combinations(operands: usize) -> Vec<Vec<Numeric>> {
        let mut all = vec![Vec::new()];
        for _ in 0..operands {
            all = all
                .into_iter()
                .flat_map(|some| {
                    DType::ALL.map(|dtype| {
                        let mut more: Vec<Numeric> = some.clone();
                        more.push(Numeric { dtype, weak: false });
                        more
                    })
                })
                .collect();
        }
        all
    }

    #[test]
    fn what_the_checker_lets_through_has_a_kernel() {
        let library = Library::standard();
        for (declaration, body) in library.declarations.iter().zip(&library.bodies) {
            match (&declaration.rule, body) {
                (Rule::Elementwise(typing), Body::Elementwise(elementwise)) => {
                    for operands in combinations(declaration.parameters.len()) {
                        let Ok(typing) = typing(&operands) else { continue };
                        let kernel = elementwise.kernels.find(&typing.operands);
                        let result = kernel.map(|kernel| kernel.result);
                        assert_eq!(result, Some(typing.result), "{} of {operands:?}", declaration.name);
                    }
                }
                (Rule::Reduction { accumulate, .. }, Body::Reduction(Reduction::Fold { fold, identity })) => {
                    for dtype in DType::ALL {
                        let Ok(dtype) = accumulate(dtype) else { continue };
                        assert!(fold(dtype).is_some(), "{} of {dtype}", declaration.name);
                        assert!(
                            identity(dtype).is_none_or(|one| one.dtype == dtype),
                            "{} of {dtype}",
                            declaration.name
                        );
                    }
                }
                (Rule::Reduction { .. }, Body::Reduction(_))
                | (Rule::Expand(_), Body::Expanded | Body::Function(_) | Body::Effect(_))
                | (Rule::Effect, Body::Effect(_)) => {}
                _ => panic!("{}: its rule and its body do not go together", declaration.name),
            }
        }
    }

    #[test]
    fn every_row_is_documented_and_every_name_is_used_once() {
        let library = Library::standard();
        for declaration in &library.declarations {
            assert!(!declaration.summary.is_empty(), "{} has no summary", declaration.name);
        }
        assert_eq!(library.names.len(), library.declarations.len());
        let unread = library.prelude_names().into_iter().find(|name| library.prelude(name).is_none());
        assert_eq!(unread, None);
        let both = library.prelude_names().into_iter().find(|name| library.find(name).is_some());
        assert_eq!(both, None);
    }
}
