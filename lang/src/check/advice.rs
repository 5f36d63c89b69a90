//! What to type where shapes or numbers do not fit: one repair, found by trying.

use crate::declaration::Operand;
use crate::dtype::{DType, Kind, Scalar};
use crate::length::{Length, Polynomial, Symbol};
use crate::promotion::{Numeric, common};
use crate::types::DisplayShape;
use crate::value::Value;

/// What would make two shapes go together, as words that can be typed.
pub(super) fn broadcast_help(left: &[Length], right: &[Length]) -> Option<String> {
    if let ([a], [b]) = (left, right)
        && let (Some(a), Some(b)) = (a.known(), b.known())
    {
        let outer = "for every pair of elements give the first a second axis: `[:, newaxis]`";
        let (shorter, longer) = (a.min(b), a.max(b));
        return Some(match longer - shorter {
            1 if shorter > 1 => format!("leave one element of the {longer} out: `[:-1]` or `[1:]`"),
            _ if shorter == 0 => outer.into(),
            _ => format!("{outer}; or take the first {shorter} of the longer: `[:{shorter}]`"),
        });
    }
    if left.len() == right.len() {
        let differ = |axis: &usize| left[*axis] != right[*axis] && !left[*axis].is(1) && !right[*axis].is(1);
        let differing: Vec<usize> = (0..left.len()).filter(differ).collect();
        let &[axis] = differing.as_slice() else { return common_part(left, right) };
        let (a, b) = (Polynomial::from(&left[axis]), Polynomial::from(&right[axis]));
        let (longer, shorter) = if longer_part(&a, &b).is_some() { (a, b) } else { (b, a) };
        let all = ":, ".repeat(axis);
        return match longer.minus(&shorter).known() {
            // All of the longer one would have to go.
            _ if shorter.known() == Some(0) => None,
            Some(more) => {
                let what = if more == 1 { "one element".into() } else { format!("{more} elements") };
                Some(format!("leave {what} of the {longer} out: `[{all}:-{more}]` or `[{all}{more}:]`"))
            }
            None => longer_part(&longer, &shorter)
                .map(|part| format!("take the first {shorter} of the {longer}: `[{all}{part}]`")),
        };
    }
    let (shorter, longer) = if left.len() < right.len() { (left, right) } else { (right, left) };
    match new_axes(shorter, longer) {
        Some(index) => Some(format!("give the {} one another axis: `[{index}]`", DisplayShape(shorter))),
        None => common_part(left, right),
    }
}

/// The part of the last axes that two shapes over numbers have in common, to be taken of both.
fn common_part(left: &[Length], right: &[Length]) -> Option<String> {
    let pairs = left.iter().rev().zip(right.iter().rev());
    let lengths: Option<Vec<(usize, usize)>> = pairs.map(|(a, b)| Some((a.known()?, b.known()?))).collect();
    let mut entries = Vec::new();
    for (a, b) in lengths?.into_iter().rev() {
        entries.push(match a.min(b) {
            0 => return None,
            _ if a == b || a == 1 || b == 1 => ":".to_string(),
            least => format!(":{least}"),
        });
    }
    let rest = if left.len() == right.len() { "" } else { "..., " };
    (1..=8)
        .contains(&entries.len())
        .then(|| format!("take of both the part that both have: `[{rest}{}]`", entries.join(", ")))
}

/// What to take so that two values with as many axes have one shape, not only shapes that go together.
pub(super) fn one_part(left: &[Length], right: &[Length]) -> Option<String> {
    if left.len() != right.len() || left.len() > 8 {
        return None;
    }
    let (mut entries, mut is_of_left, mut is_of_right) = (Vec::new(), false, false);
    for (a, b) in left.iter().zip(right) {
        let part = |longer: &Length, shorter: &Length| match (longer.known(), shorter.known()) {
            (Some(longer), Some(shorter)) => (0 < shorter && shorter < longer).then(|| format!(":{shorter}")),
            _ => longer_part(&longer.into(), &shorter.into()),
        };
        entries.push(match (a == b, part(a, b), part(b, a)) {
            (true, ..) => ":".to_string(),
            (_, Some(part), _) => {
                is_of_left = true;
                part
            }
            (.., Some(part)) => {
                is_of_right = true;
                part
            }
            _ => return None,
        });
    }
    let whose = if is_of_left && is_of_right { "both" } else { "the longer" };
    Some(format!("take `[{}]` of {whose}", entries.join(", ")))
}

/// Whether a shape becomes another by broadcasting.
pub(super) fn goes_into(small: &[Length], large: &[Length]) -> bool {
    small.len() <= large.len() && small.iter().rev().zip(large.iter().rev()).all(|(a, b)| a == b || a.is(1))
}

/// What to write instead of an `if` whose sides give what cannot be one value.
pub(super) fn apart_help(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("give one of the two a name of its own: `{name}_2 = …`"),
        None => "use each value in its own branch: `if … { print(…) } else { print(…) }`".to_string(),
    }
}

/// What chooses between two functions or two dtypes while the program runs: a function that chooses between their results.
pub(super) fn choosing_help(one: &Value<Operand>, other: &Value<Operand>) -> Option<String> {
    let name_of = |value: &Value<Operand>| match value {
        Value::Builtin(name) => Some(format!("{name}(t)")),
        Value::Function(closure) => {
            let name = closure.function.name.as_ref();
            Some(name.map_or("…".into(), |name| format!("{}(t)", name.text)))
        }
        _ => None,
    };
    let (what, sides) = match (one, other) {
        (Value::DType(one), Value::DType(other)) => {
            let common = common(&[one, other].map(|dtype| Numeric { dtype: *dtype, weak: false })).dtype;
            let cast = |dtype: &DType| match *dtype == common {
                true => format!("{common}(t)"),
                false => format!("{common}({dtype}(t))"),
            };
            ("a dtype is known before the run: write a function", [cast(one), cast(other)])
        }
        _ => ("a function is known before the run: write one", [name_of(one)?, name_of(other)?]),
    };
    let [one, other] = sides;
    Some(format!("{what} that chooses, `t -> if … {{ {one} }} else {{ {other} }}`"))
}

/// The part of an axis that is as long as another, when the first is provably longer for every size.
pub(super) fn longer_part(longer: &Polynomial, shorter: &Polynomial) -> Option<String> {
    let more = longer.minus(shorter);
    match more.known() {
        Some(0) => None,
        Some(known) => (known > 0).then(|| format!(":-{known}")),
        // A length that is written down has only names that the function has.
        None => (more.is_never_negative() && shorter.symbols().all(Symbol::is_variable)).then(|| format!(":{shorter}")),
    }
}

/// The index with new axes, fewest and latest first, that lets a shape broadcast with one of more axes.
fn new_axes(shorter: &[Length], longer: &[Length]) -> Option<String> {
    if shorter.len() == longer.len() || shorter.is_empty() || longer.len() > 8 {
        return None;
    }
    // Each way to choose which of the longer's axes the shorter one has; bits from the first axis.
    for kept in (0u32..1 << longer.len()).filter(|kept| kept.count_ones() as usize == shorter.len()) {
        let is_kept = |axis: usize| kept >> axis & 1 == 1;
        let meet = (0..longer.len()).filter(|axis| is_kept(*axis)).zip(shorter);
        if meet.into_iter().all(|(axis, own)| *own == longer[axis] || own.is(1)) {
            // New axes before the first of its own are there without being written.
            let first = kept.trailing_zeros() as usize;
            let entries: Vec<&str> =
                (first..longer.len()).map(|axis| if is_kept(axis) { ":" } else { "newaxis" }).collect();
            return Some(entries.join(", "));
        }
    }
    None
}

/// The smallest integer dtype that holds a number and all that another dtype holds, of the same kind where there is one.
pub(super) fn dtype_for(scalar: Scalar, near: DType) -> DType {
    const SIGNED: [DType; 4] = [DType::I8, DType::I16, DType::I32, DType::I64];
    const UNSIGNED: [DType; 4] = [DType::U8, DType::U16, DType::U32, DType::U64];
    let order = if near.kind() == Kind::Unsigned { [UNSIGNED, SIGNED] } else { [SIGNED, UNSIGNED] };
    let (least, greatest) = bounds(near);
    let holds = |dtype: &DType| {
        let (own_least, own_greatest) = bounds(*dtype);
        own_least <= least && greatest <= own_greatest && fits(scalar, *dtype)
    };
    order.concat().into_iter().find(holds).unwrap_or(DType::F64)
}

/// Whether a dtype holds a number: an integer dtype holds only those between its bounds.
pub(super) fn fits(scalar: Scalar, dtype: DType) -> bool {
    let is_integer = matches!(dtype.kind(), Kind::Unsigned | Kind::Signed);
    !is_integer || scalar.as_integer().is_none() || scalar.cast(dtype).as_integer() == scalar.as_integer()
}

/// The least and the greatest number of an integer dtype.
pub(super) fn bounds(dtype: DType) -> (i128, i128) {
    let bits = 8 * dtype.size() as u32;
    match dtype.kind() {
        Kind::Unsigned => (0, (1 << bits) - 1),
        _ => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_axes_are_where_they_fit() {
        let lengths = |shape: &[usize]| shape.iter().map(|length| Length::Known(*length)).collect::<Vec<_>>();
        let help =
            |left: &[usize], right: &[usize]| broadcast_help(&lengths(left), &lengths(right)).unwrap_or_default();
        assert!(help(&[3, 4], &[3]).ends_with("`[:, newaxis]`"));
        assert!(help(&[4, 5], &[4, 5, 3]).ends_with("`[:, :, newaxis]`"));
        assert!(help(&[2, 5, 3], &[2, 3]).ends_with("`[:, newaxis, :]`"));
        assert!(help(&[5, 4], &[6]).ends_with("`[..., :4]`"));
        assert!(help(&[3, 4], &[5, 6]).ends_with("`[:3, :4]`"));
        assert!(help(&[3, 4], &[3, 5]).ends_with("`[:, :-1]` or `[:, 1:]`"));
        assert!(help(&[5, 4], &[0]).is_empty());
        assert!(help(&[3], &[4]).contains("`[:-1]`"));
        assert!(help(&[3], &[8]).contains("`[:3]`"));
    }

    #[test]
    fn dtypes_hold_what_they_are_named_for() {
        assert_eq!(dtype_for(Scalar::i64(200), DType::I8), DType::I16);
        assert_eq!(dtype_for(Scalar::i64(300), DType::U8), DType::U16);
        assert_eq!(dtype_for(Scalar::i64(-1), DType::U8), DType::I16);
        assert_eq!(bounds(DType::I8), (-128, 127));
        assert_eq!(bounds(DType::U64), (0, u64::MAX as i128));
    }
}
