//! Arrays in files, in the format that the path's ending names: .npy, .png, .csv.

use crate::{npy, picture, table};
use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use thalweg_lang::dtype::DType;
use thalweg_lang::types::{ArrayType, Type};
use thalweg_runtime::array::Array;
use thalweg_runtime::buffer::Pool;

/// A format that files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Npy,
    Png,
    Csv,
}

impl Format {
    /// The format that a path's ending names.
    fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "npy" => Some(Format::Npy),
            "png" => Some(Format::Png),
            "csv" => Some(Format::Csv),
            _ => None,
        }
    }
}

/// Whether the ending of a path names a format.
pub(crate) fn has_format(path: &Path) -> bool {
    Format::of(path).is_some()
}

/// Whether two paths name one file, which need not be there yet: `x.npy`, `./x.npy`, `folder/../x.npy`.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.file_name() == other.file_name() && folder_of(one) == folder_of(other)
}

/// The folder that a path's file lies in, under the one name that each folder has; one that is not there keeps its name as written.
fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.components().collect())
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// The type of the array in a file; a path with any other ending is taken for a .npy file.
pub(crate) fn type_of(path: &Path) -> Result<ArrayType, String> {
    match Format::of(path) {
        Some(Format::Png) => picture::type_of(path),
        Some(Format::Csv) => table::type_of(path),
        Some(Format::Npy) | None => {
            npy::read_header(path).map(|header| ArrayType::new(header.dtype, header.shape)).map_err(text)
        }
    }
}

/// The type of the array in a file that an array of another type was saved to; `None` where only the file can tell.
pub(crate) fn type_when_saved(path: &Path, saved: &Type) -> Option<Type> {
    let is_full = saved.shape.iter().all(|length| length.known().is_some_and(|length| length > 0));
    match (Format::of(path)?, saved.shape.as_slice()) {
        (Format::Npy, _) => Some(saved.clone()),
        (Format::Png, [height, width]) => Some(Type::new(DType::U8, vec![height.clone(), width.clone()])),
        (Format::Png, [height, width, parts]) if is_full => {
            let axes = if parts.is(1) { 2 } else { 3 };
            Some(Type::new(
                DType::U8,
                [height, width, parts][..axes].iter().map(|axis| (*axis).clone()).collect::<Vec<_>>(),
            ))
        }
        (Format::Csv, [rows]) if is_full => Some(Type::new(DType::F64, vec![rows.clone(), 1.into()])),
        (Format::Csv, [_, _]) if is_full => Some(Type::new(DType::F64, saved.shape.clone())),
        _ => None,
    }
}

/// The array in a file.
pub(crate) fn read(path: &Path, pool: &Pool) -> Result<Array, String> {
    match Format::of(path) {
        Some(Format::Png) => picture::read(path, pool),
        Some(Format::Csv) => table::read(path, pool),
        Some(Format::Npy) | None => npy::read(path, pool).map_err(text),
    }
}

/// Writes an array to a file whose path's ending names a format.
pub(crate) fn write(path: &Path, array: &Array) -> Result<(), String> {
    match Format::of(path) {
        Some(Format::Png) => picture::write(path, array),
        Some(Format::Csv) => table::write(path, array),
        Some(Format::Npy) | None => npy::write(path, array).map_err(text),
    }
}

/// Replaces a file, or makes it, once its contents are complete: they go to a temporary file beside it, which then takes its place.
///
/// # Errors
/// When the system refuses; the old file is then as it was.
pub(crate) fn replace(path: &Path, write: impl FnOnce(File) -> io::Result<()>) -> io::Result<()> {
    // Through a link the file that it points to is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let existing = fs::metadata(&target).ok();
    if let Some(metadata) = &existing
        && !metadata.is_file()
    {
        // A device or a pipe is written to; nothing can take its place.
        return write(fs::OpenOptions::new().write(true).open(&target)?);
    }
    let (temporary, file) = temporary_beside(&target)?;
    let permissions = existing.map(|metadata| metadata.permissions());
    let written = write(file)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| fs::set_permissions(&temporary, permissions)))
        .and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The first error is the one worth telling.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in the same folder, under a name that no other writer uses.
fn temporary_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = target.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    loop {
        let mut own = std::ffi::OsString::from(".");
        own.push(name);
        own.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let temporary = target.with_file_name(own);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            // Left behind by a process that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
