//! Whether two trees say the same, wherever their words stand.

use crate::ast::*;
use crate::source::Span;
use std::sync::Arc;

/// Whether two programs are equal but for the places of their words.
pub(super) fn is_same(mut left: Block, mut right: Block) -> bool {
    block(&mut left);
    block(&mut right);
    left == right
}

fn block(block: &mut Block) {
    block.span = Span::default();
    block.statements.iter_mut().for_each(statement);
}

fn statement(statement: &mut Statement) {
    statement.span = Span::default();
    statement.annotations.iter_mut().for_each(annotation);
    match &mut statement.kind {
        StatementKind::Expression(value) => expression(value),
        StatementKind::Assign { target: left, value } => {
            target(left);
            expression(value);
        }
        StatementKind::Update { name: left, subscripts, operator, value } => {
            name(left);
            subscripts.iter_mut().flatten().for_each(subscript);
            if let Some((_, span)) = operator {
                *span = Span::default();
            }
            expression(value);
        }
        StatementKind::Function(defined) => function(defined),
        StatementKind::For { target: left, sequence, body } => {
            target(left);
            expression(sequence);
            block(body);
        }
        StatementKind::While { condition, body } => {
            expression(condition);
            block(body);
        }
        StatementKind::Import { path_span, .. } => *path_span = Span::default(),
        StatementKind::Break | StatementKind::Continue | StatementKind::Error => {}
    }
}

fn name(name: &mut Name) {
    name.span = Span::default();
}

fn target(left: &mut Target) {
    match left {
        Target::Name(left) => name(left),
        Target::Tuple(parts, span) => {
            *span = Span::default();
            parts.iter_mut().for_each(target);
        }
        Target::Part(left, subscripts, span) => {
            *span = Span::default();
            name(left);
            subscripts.iter_mut().for_each(subscript);
        }
    }
}

fn annotation(annotation: &mut Annotation) {
    annotation.span = Span::default();
    name(&mut annotation.name);
    annotation.arguments.iter_mut().for_each(argument);
}

fn argument(argument: &mut Argument) {
    argument.name.iter_mut().for_each(name);
    expression(&mut argument.value);
}

fn function(function: &mut Arc<Function>) {
    let function = Arc::make_mut(function);
    function.span = Span::default();
    function.name.iter_mut().for_each(name);
    for parameter in &mut function.parameters {
        name(&mut parameter.name);
        parameter.declared.iter_mut().for_each(type_expression);
        parameter.default.iter_mut().for_each(expression);
    }
    function.result.iter_mut().for_each(type_expression);
    function.annotations.iter_mut().for_each(annotation);
    expression(&mut function.body);
}

fn type_expression(declared: &mut TypeExpression) {
    declared.span = Span::default();
    match &mut declared.kind {
        TypeExpressionKind::Array { dtype, dimensions } => {
            dtype.iter_mut().for_each(name);
            for dimension in dimensions {
                match dimension {
                    DimensionExpression::Rest(span) => *span = Span::default(),
                    DimensionExpression::Size(size) => expression(size),
                }
            }
        }
        TypeExpressionKind::Tuple(parts) => parts.iter_mut().for_each(type_expression),
    }
}

fn subscript(entry: &mut Subscript) {
    match entry {
        Subscript::Value(value) => expression(value),
        Subscript::Slice { start, stop, step, span } => {
            *span = Span::default();
            [start, stop, step].into_iter().flatten().for_each(expression);
        }
    }
}

fn expression(value: &mut Expression) {
    value.span = Span::default();
    match &mut value.kind {
        ExpressionKind::Integer(_)
        | ExpressionKind::Float(_)
        | ExpressionKind::Imaginary(_)
        | ExpressionKind::Bool(_)
        | ExpressionKind::Text(_)
        | ExpressionKind::Ellipsis
        | ExpressionKind::Error => {}
        ExpressionKind::FormatText(pieces) => {
            for piece in pieces {
                if let FormatPiece::Value { value, specification_span, .. } = piece {
                    *specification_span = Span::default();
                    expression(value);
                }
            }
        }
        ExpressionKind::Name(word) => name(word),
        ExpressionKind::Unary { operator_span, operand, .. } => {
            *operator_span = Span::default();
            expression(operand);
        }
        ExpressionKind::Binary { operator_span, left, right, .. } => {
            *operator_span = Span::default();
            expression(left);
            expression(right);
        }
        ExpressionKind::Chain { first, rest } => {
            expression(first);
            for (_, span, operand) in rest {
                *span = Span::default();
                expression(operand);
            }
        }
        ExpressionKind::If { condition, then, otherwise } => {
            expression(condition);
            block(then);
            otherwise.iter_mut().for_each(|otherwise| expression(otherwise));
        }
        ExpressionKind::Lambda(lambda) => function(lambda),
        ExpressionKind::Call { function, arguments } => {
            expression(function);
            arguments.iter_mut().for_each(argument);
        }
        ExpressionKind::Index { base, subscripts } => {
            expression(base);
            subscripts.iter_mut().for_each(subscript);
        }
        ExpressionKind::Property { base, name: property } => {
            expression(base);
            name(property);
        }
        ExpressionKind::Tuple(parts) | ExpressionKind::Array(parts) => parts.iter_mut().for_each(expression),
        ExpressionKind::Comprehension { element, clauses, condition } => {
            expression(element);
            for clause in clauses {
                target(&mut clause.target);
                expression(&mut clause.sequence);
            }
            condition.iter_mut().for_each(|condition| expression(condition));
        }
        ExpressionKind::Block(inner) => block(inner),
        ExpressionKind::Annotated { annotation: placed, value } => {
            annotation(placed);
            expression(value);
        }
    }
}
