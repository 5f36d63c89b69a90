//! `thalweg fmt`: which files are written, and what is said.

use crate::process::Folder;
use std::fs;

const CROOKED: &str = "a=1\n\n\n\nb  = [1,2 ]# two\n";
const STRAIGHT: &str = "a = 1\n\nb = [1, 2]  # two\n";

fn read(folder: &Folder, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect("a file of the test")
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = Folder::new();
    folder.run(&["fmt", "-"], CROOKED).is(0, STRAIGHT);
    folder.run(&["fmt", "-"], "").is(0, "");
    folder.run(&["fmt", "--check", "-"], STRAIGHT).is(0, "");
    folder.run(&["fmt", "--check", "-"], CROOKED).is(1, "<stdin>\n");
}

#[test]
fn files_are_written_where_they_are() {
    let folder = Folder::new();
    folder.write("crooked.tw", CROOKED);
    folder.write("straight.tw", STRAIGHT);
    folder.run(&["fmt", "--check", "crooked.tw", "straight.tw"], "").is(1, "crooked.tw\n");
    assert_eq!(read(&folder, "crooked.tw"), CROOKED);
    let time = |name: &str| fs::metadata(folder.path().join(name)).and_then(|data| data.modified()).expect("a time");
    let before = time("straight.tw");
    folder.run(&["fmt", "crooked.tw", "straight.tw"], "").is(0, "");
    assert_eq!(read(&folder, "crooked.tw"), STRAIGHT);
    assert_eq!(time("straight.tw"), before);
    let names = fs::read_dir(folder.path()).expect("the folder").count();
    assert_eq!(names, 2, "something is left behind");
    folder.run(&["fmt", "--check", "crooked.tw", "straight.tw"], "").is(0, "");
}

#[cfg(unix)]
#[test]
fn permissions_and_links_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    folder.write("crooked.tw", CROOKED);
    let path = folder.path().join("crooked.tw");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).expect("permissions");
    symlink("crooked.tw", folder.path().join("link.tw")).expect("a link");
    folder.run(&["fmt", "link.tw"], "").is(0, "");
    assert_eq!(read(&folder, "crooked.tw"), STRAIGHT);
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o750);
    assert!(fs::symlink_metadata(folder.path().join("link.tw")).expect("the link").is_symlink());
}

#[test]
fn a_program_with_errors_is_left_alone_and_the_others_are_not() {
    let folder = Folder::new();
    folder.write("wrong.tw", "a  = (1\n");
    folder.write("crooked.tw", CROOKED);
    folder.run(&["fmt", "wrong.tw", "absent.tw", "crooked.tw"], "").is(3, "").says("wrong.tw:1").says("absent.tw");
    assert_eq!(read(&folder, "wrong.tw"), "a  = (1\n");
    assert_eq!(read(&folder, "crooked.tw"), STRAIGHT);
    folder.run(&["fmt", "absent.tw"], "").is(2, "").says("there is no such file");
}
