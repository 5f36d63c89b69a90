//! Tables of numbers as .csv files: one row a line, commas between the numbers.
//!
//! A first line in which no field is a number is a heading, and skipped; empty lines and lines that begin with `#` are as well. An
//! empty field is NaN.

use crate::file;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use thalweg_lang::dtype::{DType, Kind};
use thalweg_lang::types::ArrayType;
use thalweg_runtime::array::Array;
use thalweg_runtime::buffer::Pool;

/// The numbers in C order, and how many there are in a row.
struct Table {
    numbers: Vec<f64>,
    columns: usize,
}

impl Table {
    fn array_type(&self) -> ArrayType {
        let rows = self.numbers.len().checked_div(self.columns).unwrap_or(0);
        ArrayType::new(DType::F64, vec![rows, self.columns])
    }
}

fn number(field: &str) -> Option<f64> {
    match field.trim() {
        "" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

fn parse(path: &Path) -> Result<Table, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut table = Table { numbers: Vec::new(), columns: 0 };
    let mut is_first = true;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}');
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let is_heading = is_first && line.split(',').all(|field| field.trim().parse::<f64>().is_err());
        is_first = false;
        if is_heading {
            continue;
        }
        let before = table.numbers.len();
        for field in line.split(',') {
            let Some(value) = number(field) else {
                let place = format!("{}, line {}", path.display(), index + 1);
                return Err(format!("{place}: `{}` is not a number", field.trim()));
            };
            table.numbers.push(value);
        }
        let columns = table.numbers.len() - before;
        if before == 0 {
            table.columns = columns;
        } else if columns != table.columns {
            let place = format!("{}, line {}", path.display(), index + 1);
            return Err(format!("{place}: a row of {columns} numbers below rows of {}", table.columns));
        }
    }
    Ok(table)
}

/// The type of the table in a file: f64[rows, columns].
pub(crate) fn type_of(path: &Path) -> Result<ArrayType, String> {
    parse(path).map(|table| table.array_type())
}

/// The table in a file.
pub(crate) fn read(path: &Path, pool: &Pool) -> Result<Array, String> {
    let table = parse(path)?;
    let array_type = table.array_type();
    let refused = |refusal| format!("{}: {refusal}", path.display());
    let mut array = Array::zeros(array_type.dtype, &array_type.shape, pool).map_err(refused)?;
    array.as_mut_slice::<f64>().unwrap_or_default().copy_from_slice(&table.numbers);
    Ok(array)
}

/// Writes a table, or an array of one axis as a column, with as many digits as reading needs.
pub(crate) fn write(path: &Path, array: &Array) -> Result<(), String> {
    let found = ArrayType::new(array.dtype(), array.shape());
    if array.rank() == 0 || array.rank() > 2 {
        return Err(format!("a .csv file holds a table, of one axis or two, not {found}"));
    }
    if array.dtype().kind() == Kind::Complex {
        return Err(format!("a .csv file holds real numbers, not {}; save `real(z)` and `imag(z)`", array.dtype()));
    }
    let columns = array.shape().get(1).copied().unwrap_or(1);
    let write_rows = |file| {
        let mut to = BufWriter::new(file);
        for (index, scalar) in array.iter().enumerate() {
            let end = if (index + 1) % columns == 0 { "\n" } else { "," };
            match array.dtype() {
                DType::Bool => write!(to, "{}{end}", scalar.bits[0])?,
                _ => write!(to, "{scalar}{end}")?,
            }
        }
        to.flush()
    };
    file::replace(path, write_rows).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
