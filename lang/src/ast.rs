//! The syntax tree: what was written, with its places; nothing resolved.

use crate::source::Span;
use std::sync::Arc;

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name.
    pub text: Arc<str>,
    /// Its place.
    pub span: Span,
}

/// Statements in order: a whole program, or what stands between `{` and `}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The statements; the last one's value is the block's.
    pub statements: Vec<Statement>,
    /// From the first to the last, braces included.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// The annotations before it, outermost first.
    pub annotations: Vec<Annotation>,
    /// Its place, without annotations.
    pub span: Span,
    /// Whether a `;` ends it: its value is then not shown.
    pub silent: bool,
}

/// The kinds of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `value`
    Expression(Expression),
    /// `target = value`, `a, b = value`
    Assign {
        /// What is named.
        target: Target,
        /// By what.
        value: Expression,
    },
    /// `target[…] = value`, `target += value`, `target[…] += value`
    Update {
        /// The name that changes.
        name: Name,
        /// `[…]` after it; `None`: the whole name.
        subscripts: Option<Vec<Subscript>>,
        /// `+` of `+=`; `None` for `=`.
        operator: Option<(BinaryOperator, Span)>,
        /// The new value.
        value: Expression,
    },
    /// `fn name(…) …`
    Function(Arc<Function>),
    /// `for target in sequence { … }`
    For {
        /// The name or names that each element gets.
        target: Target,
        /// What is walked.
        sequence: Expression,
        /// What is done.
        body: Block,
    },
    /// `while condition { … }`
    While {
        /// While this holds,
        condition: Expression,
        /// this is done.
        body: Block,
    },
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `import "file.tw"`
    Import {
        /// The file.
        path: Arc<str>,
        /// Its place.
        path_span: Span,
    },
    /// What could not be parsed; a diagnostic was given.
    Error,
}

/// The left side of `=`, of `for`, and of a lambda's or comprehension's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// One name.
    Name(Name),
    /// Several: `a, b` or `(a, (b, c))`.
    Tuple(Vec<Target>, Span),
    /// One among several that is a part of an array: `a[i]` in `a[i], b = …`.
    Part(Name, Vec<Subscript>, Span),
}

/// `@parallel(4, chunk=100)`
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// `parallel`, without the `@`; its span is without the `@` too.
    pub name: Name,
    /// The arguments.
    pub arguments: Vec<Argument>,
    /// From the `@` to the last parenthesis.
    pub span: Span,
}

/// A function's definition: `fn f(x: f64[n], y = 1.0) -> f64[n] { … }`, or a lambda.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name; `None` for a lambda.
    pub name: Option<Name>,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// The declared result.
    pub result: Option<TypeExpression>,
    /// What it computes; an expression after `=` or `->`, or a block expression.
    pub body: Expression,
    /// Annotations before the `fn`: they hold for each call (and are not repeated in [`Statement::annotations`]).
    pub annotations: Vec<Annotation>,
    /// From `fn` to the end.
    pub span: Span,
}

/// `x`, `x: f64[n]`, `x = 1.0`, `x: f64 = 1.0`
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name.
    pub name: Name,
    /// The declared type.
    pub declared: Option<TypeExpression>,
    /// The value when no argument is given.
    pub default: Option<Expression>,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeExpression {
    /// Which.
    pub kind: TypeExpressionKind,
    /// Where.
    pub span: Span,
}

/// The kinds of written types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeExpressionKind {
    /// `f64`, `float[..., n]`, `[n, m]`
    Array {
        /// `f64`, or a kind `float`, `int`, `complex`; `None`: any dtype.
        dtype: Option<Name>,
        /// The dimensions; none for a scalar.
        dimensions: Vec<DimensionExpression>,
    },
    /// `(f64[n], f64[n])`
    Tuple(Vec<TypeExpression>),
}

/// A dimension in a type.
#[derive(Clone, Debug, PartialEq)]
pub enum DimensionExpression {
    /// `...`: any leading dimensions.
    Rest(Span),
    /// A number, a name, or sums, differences and products of them (the only expressions here are
    /// `Integer`, `Name`, `Unary` minus and `Binary` `+ - *`).
    Size(Expression),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// Which.
    pub kind: ExpressionKind,
    /// Where.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// `42`, `1_000`, `0xff`, `0b101`
    Integer(u64),
    /// `1.5`, `1e-9`
    Float(f64),
    /// `2j`: the imaginary part.
    Imaginary(f64),
    /// `true`, `false`
    Bool(bool),
    /// `"text"`
    Text(Arc<str>),
    /// `f"text {value:.3f}"`
    FormatText(Vec<FormatPiece>),
    /// `name`
    Name(Name),
    /// `newaxis` inside an index is a name; `...` is this.
    Ellipsis,
    /// `-x`, `+x`, `~x`, `not x`
    Unary {
        /// The operator.
        operator: UnaryOperator,
        /// Its place.
        operator_span: Span,
        /// The operand.
        operand: Box<Expression>,
    },
    /// `x + y`, `x and y`; a single comparison too.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// Its place.
        operator_span: Span,
        /// The left operand.
        left: Box<Expression>,
        /// The right operand.
        right: Box<Expression>,
    },
    /// `a < b <= c`: two or more comparisons. A long run of other operators, `a + b - c + …`, too: each is applied to what those
    /// before it give. So the tree is not deeper for it.
    Chain {
        /// `a`
        first: Box<Expression>,
        /// `< b`, `<= c`; comparisons only, or none
        rest: Vec<(BinaryOperator, Span, Expression)>,
    },
    /// `if c { … } else { … }`; `else if` nests.
    If {
        /// The condition.
        condition: Box<Expression>,
        /// When it holds.
        then: Block,
        /// When not: a `Block` or another `If` expression.
        otherwise: Option<Box<Expression>>,
    },
    /// `x -> x + 1`, `(x, y) -> x + y`
    Lambda(Arc<Function>),
    /// `f(x, axis=0)`; a method call `a.sum(axis=0)` is a call of a `Property`.
    Call {
        /// What is called.
        function: Box<Expression>,
        /// With what.
        arguments: Vec<Argument>,
    },
    /// `a[1:-1, :]`
    Index {
        /// The array.
        base: Box<Expression>,
        /// What is in the brackets.
        subscripts: Vec<Subscript>,
    },
    /// `a.shape`
    Property {
        /// The value.
        base: Box<Expression>,
        /// The property.
        name: Name,
    },
    /// `(a, b)`; `()` and `(a,)` too.
    Tuple(Vec<Expression>),
    /// `[a, b, c]`
    Array(Vec<Expression>),
    /// `[f(x, y) for y in ys, x in xs if c]`
    Comprehension {
        /// What is computed for each.
        element: Box<Expression>,
        /// Over what; each clause is an axis.
        clauses: Vec<Clause>,
        /// Which to keep.
        condition: Option<Box<Expression>>,
    },
    /// `{ … }`
    Block(Block),
    /// `@parallel(4) value`
    Annotated {
        /// The annotation.
        annotation: Annotation,
        /// What it holds for.
        value: Box<Expression>,
    },
    /// What could not be parsed; a diagnostic was given.
    Error,
}

/// `x in xs`
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The name or names of the element.
    pub target: Target,
    /// What is walked.
    pub sequence: Expression,
}

/// A call's argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// `axis` of `axis=0`.
    pub name: Option<Name>,
    /// The value.
    pub value: Expression,
}

/// One entry between `[` and `]` after an array.
// A slice is big, but boxing its parts would cost every reader of the tree more than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Subscript {
    /// An integer, a mask, an array of indices, `newaxis` or `...`.
    Value(Expression),
    /// `start:stop:step`, each optional.
    Slice {
        /// The first index.
        start: Option<Expression>,
        /// One past the last.
        stop: Option<Expression>,
        /// The distance.
        step: Option<Expression>,
        /// The whole.
        span: Span,
    },
}

/// A piece of an f-string.
#[derive(Clone, Debug, PartialEq)]
pub enum FormatPiece {
    /// Text, escapes resolved.
    Text(Arc<str>),
    /// `{value:specification}`; the specification is empty when there is none.
    Value {
        /// The value.
        value: Expression,
        /// After the colon: `.3f`, `>10`, `e`.
        specification: Arc<str>,
        /// The specification's place.
        specification_span: Span,
    },
}

/// The operators before an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum UnaryOperator {
    Negative,
    Positive,
    Invert,
    Not,
}

impl UnaryOperator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            UnaryOperator::Negative => "-",
            UnaryOperator::Positive => "+",
            UnaryOperator::Invert => "~",
            UnaryOperator::Not => "not",
        }
    }
}

/// The operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Or,
    And,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    BitOr,
    BitXor,
    BitAnd,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    MatrixProduct,
    Power,
}

impl BinaryOperator {
    /// Whether it compares.
    pub fn is_comparison(self) -> bool {
        use BinaryOperator::*;
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
    }

    /// As it is written; an operation's row claims an operator by this symbol.
    pub fn symbol(self) -> &'static str {
        use BinaryOperator::*;
        match self {
            Or => "or",
            And => "and",
            Less => "<",
            LessEqual => "<=",
            Greater => ">",
            GreaterEqual => ">=",
            Equal => "==",
            NotEqual => "!=",
            BitOr => "|",
            BitXor => "^",
            BitAnd => "&",
            ShiftLeft => "<<",
            ShiftRight => ">>",
            Add => "+",
            Subtract => "-",
            Multiply => "*",
            Divide => "/",
            FloorDivide => "//",
            Remainder => "%",
            MatrixProduct => "@",
            Power => "**",
        }
    }
}
