//! The row: everything that is said of one operation, in one place.

use std::sync::Arc;
use thalweg_lang::declaration::{Call, Declaration, Default, Mismatch, Operand, Parameter, Rule, Typing};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::promotion::Numeric;
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;
use thalweg_runtime::kernel::{Fold, Kernels};
use thalweg_runtime::operation::{Body, EffectCall, Elementwise, Failure, FunctionCall, Reduction};

pub use thalweg_lang::check::Expansion;

/// One operation of the language. Broadcasting, casts, every executor, `doc`, completion and the tests follow from it.
pub struct Operation {
    /// What the checker is told.
    pub declaration: Declaration,
    /// How it runs.
    pub body: Body,
}

/// A parameter that must be given.
pub const fn required(name: &'static str) -> Parameter {
    Parameter { name, default: Default::Required, variadic: false, joins: None }
}

/// A parameter with a default.
pub const fn optional(name: &'static str, default: Default) -> Parameter {
    Parameter { name, default, variadic: false, joins: None }
}

/// A parameter that takes all further positional arguments.
pub const fn variadic(name: &'static str) -> Parameter {
    Parameter { name, default: Default::Required, variadic: true, joins: None }
}

/// A parameter that takes arrays; `joins` says whether those of different shapes go together.
pub const fn joined(name: &'static str, joins: fn(&[Type]) -> bool) -> Parameter {
    Parameter { name, default: Default::Required, variadic: false, joins: Some(joins) }
}

impl Operation {
    fn new(name: &str, parameters: Vec<Parameter>, rule: Rule, body: Body) -> Operation {
        let declaration = Declaration {
            name: name.into(),
            operator: None,
            property: None,
            parameters,
            rule,
            summary: "",
            text: "",
            examples: &[],
        };
        Operation { declaration, body }
    }

    /// Each element by itself. The operands broadcast and are cast to what `typing` says; there must be a kernel for that.
    pub fn elementwise(
        name: &str,
        parameters: &[&'static str],
        typing: fn(&[Numeric]) -> Result<Typing, Mismatch>,
        kernels: Kernels,
    ) -> Operation {
        let parameters = parameters.iter().map(|name| required(name)).collect();
        Operation::new(name, parameters, Rule::Elementwise(typing), Body::Elementwise(Elementwise { kernels }))
    }

    /// Many elements to one, along axes, by an associative fold in the one fixed order.
    pub fn fold(
        name: &str,
        accumulate: fn(DType) -> Result<DType, Mismatch>,
        fold: fn(DType) -> Option<&'static Fold>,
        identity: fn(DType) -> Option<Scalar>,
    ) -> Operation {
        let has_identity = identity(DType::F64).is_some() || identity(DType::Bool).is_some();
        let rule = Rule::Reduction { accumulate, index: false, identity: has_identity, combine: None };
        Operation::new(name, reduction_parameters(), rule, Body::Reduction(Reduction::Fold { fold, identity }))
    }

    /// The first index of the smallest or greatest element, along axes.
    pub fn first_extreme(
        name: &str,
        accumulate: fn(DType) -> Result<DType, Mismatch>,
        greatest: bool,
        beats: Kernels,
    ) -> Operation {
        let rule = Rule::Reduction { accumulate, index: true, identity: false, combine: None };
        Operation::new(name, reduction_parameters(), rule, Body::Reduction(Reduction::FirstExtreme { greatest, beats }))
    }

    /// Written in other operations when a call is checked.
    pub fn expand(
        name: &str,
        parameters: Vec<Parameter>,
        expand: fn(&mut Expansion, &Call) -> Result<Value<Operand>, Diagnostic>,
    ) -> Operation {
        Operation::new(name, parameters, Rule::Expand(expand), Body::Expanded)
    }

    /// Whole arrays by a function of its own; `rule` gives the types (with `Expansion::apply`).
    pub fn function(
        name: &str,
        parameters: Vec<Parameter>,
        rule: fn(&mut Expansion, &Call) -> Result<Value<Operand>, Diagnostic>,
        function: fn(&FunctionCall) -> Result<Vec<Array>, Failure>,
    ) -> Operation {
        Operation::new(name, parameters, Rule::Expand(rule), Body::Function(function))
    }

    /// Something that happens, in program order.
    pub fn effect(name: &str, parameters: Vec<Parameter>, effect: fn(&EffectCall) -> Result<(), Failure>) -> Operation {
        Operation::new(name, parameters, Rule::Effect, Body::Effect(effect))
    }

    /// What a call does when the program runs, for a row whose rule says so with [`Expansion::happen`].
    pub fn happening(mut self, effect: fn(&EffectCall) -> Result<(), Failure>) -> Operation {
        self.body = Body::Effect(effect);
        self
    }

    /// A fold that may begin with an element, `initial=`; an operation of two operands combines it with the others.
    pub fn starting(mut self, with: &'static str) -> Operation {
        if let Rule::Reduction { combine, .. } = &mut self.declaration.rule {
            *combine = Some(with);
            self.declaration.parameters.push(optional("initial", Default::None));
        }
        self
    }

    /// The operator that it stands behind.
    pub fn operator(mut self, symbol: &'static str, operands: usize) -> Operation {
        self.declaration.operator = Some((symbol, operands));
        self
    }

    /// The name as a property, without parentheses.
    pub fn property(mut self, name: &'static str) -> Operation {
        self.declaration.property = Some(name);
        self
    }

    /// One sentence that says what it gives.
    pub fn summary(mut self, summary: &'static str) -> Operation {
        self.declaration.summary = summary;
        self
    }

    /// More: shapes, dtypes, errors, sources.
    pub fn text(mut self, text: &'static str) -> Operation {
        self.declaration.text = text;
        self
    }

    /// Programs and what they print; the tests run them.
    pub fn examples(mut self, examples: &'static [(&'static str, &'static str)]) -> Operation {
        self.declaration.examples = examples;
        self
    }

    /// The name.
    pub fn name(&self) -> &Arc<str> {
        &self.declaration.name
    }
}

fn reduction_parameters() -> Vec<Parameter> {
    vec![required("x"), optional("axis", Default::None), optional("keepdims", Default::Flag(false))]
}

/// Makes the kernels of a formula written in place: the kind of lanes it is written for, its operands, and what it gives.
///
/// ```
/// use thalweg::formula;
/// let halves = formula!(float [x] x.multiply(L::constant(0.5)));
/// assert!(halves.find(&[thalweg::DType::F64]).is_some());
/// ```
///
/// The kinds: `number` (integers and floats to the same dtype), `number_test` (to bool), `float` (f32 and f64 in their own
/// precision), `float_test`, `double` (written for f64; f32 is widened and rounded, or has a
/// formula of its own behind `; single`), `integer`, `logic` (bools).
#[macro_export]
macro_rules! formula {
    (number [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make NumberFormula number Number Lane [$($x),+] $body)
    };
    (float [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make FloatFormula float Float Lane [$($x),+] $body)
    };
    (double [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make DoubleFormula double Double Lane [$($x),+] $body)
    };
    (double [$($x:ident),+] $body:expr; single $other:expr) => {{
        #[allow(unused_imports)]
        use $crate::kernel::{Float as _, Integer as _, Lane as _, Mask as _, Number as _};
        struct Formula;
        const N: usize = [$(stringify!($x)),+].len();
        impl $crate::kernel::DoubleFormula<N> for Formula {
            #[inline(always)]
            fn apply<L: $crate::kernel::Double>([$($x),+]: [L; N]) -> L {
                $body
            }
        }
        impl $crate::kernel::SingleFormula<N> for Formula {
            #[inline(always)]
            fn apply<L: $crate::kernel::Single>([$($x),+]: [L; N]) -> L {
                $other
            }
        }
        const KERNELS: $crate::kernel::Kernels = $crate::kernel::Kernels::double_and_single::<Formula, N>();
        KERNELS
    }};
    (integer [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make IntegerFormula integer Integer Lane [$($x),+] $body)
    };
    (logic [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make LogicFormula logic Mask Lane [$($x),+] $body)
    };
    (number_test [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make NumberTest number_test Number Mask [$($x),+] $body)
    };
    (float_test [$($x:ident),+] $body:expr) => {
        $crate::formula!(@make FloatTest float_test Float Mask [$($x),+] $body)
    };
    (@make $formula:ident $table:ident $lane:ident Lane [$($x:ident),+] $body:expr) => {{
        #[allow(unused_imports)]
        use $crate::kernel::{Float as _, Integer as _, Lane as _, Mask as _, Number as _};
        struct Formula;
        const N: usize = [$(stringify!($x)),+].len();
        impl $crate::kernel::$formula<N> for Formula {
            #[inline(always)]
            fn apply<L: $crate::kernel::$lane>([$($x),+]: [L; N]) -> L {
                $body
            }
        }
        const KERNELS: $crate::kernel::Kernels = $crate::kernel::Kernels::$table::<Formula, N>();
        KERNELS
    }};
    (@make $formula:ident $table:ident $lane:ident Mask [$($x:ident),+] $body:expr) => {{
        #[allow(unused_imports)]
        use $crate::kernel::{Float as _, Integer as _, Lane as _, Mask as _, Number as _};
        struct Formula;
        const N: usize = [$(stringify!($x)),+].len();
        impl $crate::kernel::$formula<N> for Formula {
            #[inline(always)]
            fn apply<L: $crate::kernel::$lane>([$($x),+]: [L; N]) -> L::Mask {
                $body
            }
        }
        const KERNELS: $crate::kernel::Kernels = $crate::kernel::Kernels::$table::<Formula, N>();
        KERNELS
    }};
}
