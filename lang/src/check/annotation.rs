//! Annotations: where the nodes that are built next shall run.

use super::{Checker, Checks, similar};
use crate::ast::{self, ExpressionKind};
use crate::diagnostic::Diagnostic;
use crate::graph::{Attribute, Placement};
use crate::value::{TextPiece, Value};
use std::sync::Arc;

impl Checker<'_> {
    /// What is walked under annotations, the outermost first.
    pub(super) fn annotated<T>(
        &mut self,
        annotations: &[ast::Annotation],
        walk: impl FnOnce(&mut Self) -> Checks<T>,
    ) -> Checks<T> {
        let outer = self.placement.clone();
        let placed = annotations.iter().try_for_each(|annotation| self.place(annotation));
        let result = placed.and_then(|()| walk(self));
        self.placement = outer;
        result
    }

    /// Checks an annotation and makes it the innermost one.
    fn place(&mut self, annotation: &ast::Annotation) -> Checks<()> {
        let library = self.library;
        let name = &annotation.name;
        let Some(declaration) = library.annotations().iter().find(|one| one.name == &*name.text) else {
            let names: Vec<&str> = library.annotations().iter().map(|one| one.name).collect();
            let help = match similar(&name.text, names.iter().copied()) {
                Some(near) => format!("did you mean `@{near}`?"),
                None => format!("the annotations are `@{}`", names.join("`, `@")),
            };
            let message = format!("there is no annotation `@{}`", name.text);
            return Err(self.report(Diagnostic::error("E0209", message, annotation.span, "").help(help)));
        };
        let mut arguments: Vec<(Arc<str>, Attribute)> = Vec::new();
        let mut positional = declaration.parameters.iter().filter(|parameter| parameter.positional);
        for argument in &annotation.arguments {
            let parameter = match &argument.name {
                Some(given) => declaration.parameters.iter().find(|parameter| parameter.name == &*given.text),
                None => positional.next(),
            };
            let Some(parameter) = parameter else {
                let place = argument.name.as_ref().map_or(argument.value.span, |given| given.span);
                let names: Vec<&str> = declaration.parameters.iter().map(|parameter| parameter.name).collect();
                let message = match &argument.name {
                    Some(given) => format!("`@{}` has no option `{}`", name.text, given.text),
                    None => format!("`@{}` takes no further argument", name.text),
                };
                let diagnostic = Diagnostic::error("E0202", message, place, "");
                return Err(self.report(match names.is_empty() {
                    true => diagnostic.help(format!("write `@{}` alone", name.text)),
                    false => diagnostic.help(format!("its options are `{}`", names.join("`, `"))),
                }));
            };
            let value = self.annotation_argument(&argument.value)?;
            let fits = match &value {
                Some(Attribute::Integer(number)) => parameter.number && *number >= 1,
                Some(Attribute::Text(word)) => parameter.words.contains(&&**word),
                _ => false,
            };
            let Some(value) = value.filter(|_| fits) else {
                let mut takes: Vec<String> = parameter.words.iter().map(|word| format!("`{word}`")).collect();
                if parameter.number {
                    takes.insert(0, "a number of at least 1 that is known before the run".into());
                }
                let message = format!("`{}` of `@{}` is {}", parameter.name, name.text, takes.join(" or "));
                let diagnostic = Diagnostic::error("E0303", message, argument.value.span, "");
                let example = match (parameter.number, parameter.words.first()) {
                    (false, Some(word)) => format!("{}=\"{word}\"", parameter.name),
                    _ if parameter.positional => "4".to_string(),
                    _ => format!("{}=4", parameter.name),
                };
                return Err(self.report(diagnostic.help(format!("write `@{}({example})`", name.text))));
            };
            arguments.push((parameter.name.into(), value));
        }
        self.placement = Some(Arc::new(Placement {
            annotation: name.text.clone(),
            arguments,
            span: annotation.span,
            outer: self.placement.take(),
        }));
        Ok(())
    }

    /// A number, or a word: written bare or as a string.
    fn annotation_argument(&mut self, expression: &ast::Expression) -> Checks<Option<Attribute>> {
        if let ExpressionKind::Name(word) = &expression.kind
            && !self.is_assigned(&word.text, word.span)
        {
            return Ok(Some(Attribute::Text(word.text.clone())));
        }
        let value = self.expression(expression)?;
        Ok(match value {
            Value::Array(operand) => self
                .constant_of(operand)
                .and_then(|scalar| scalar.as_integer())
                .and_then(|number| i64::try_from(number).ok())
                .map(Attribute::Integer),
            Value::Text(pieces) => match pieces.as_slice() {
                [TextPiece::Text(text)] => Some(Attribute::Text(text.clone())),
                _ => None,
            },
            _ => None,
        })
    }
}
