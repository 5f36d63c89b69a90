//! `import`: whose names a program gets, in which order things happen, and what is said of a file that is wrong.

use crate::process::Folder;

#[test]
fn a_files_own_names_become_the_programs() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("lib")).expect("a folder");
    folder.write(
        "lib/area.tw",
        "import \"constants.tw\"\nfn area(r) = scale(pi2 / 2) * r ** 2\nfn scale(x) = x * one\none = 1\n",
    );
    folder.write("lib/constants.tw", "pi2 = 2 * pi\nhidden = 5\n");
    folder.write("main.tw", "import \"lib/area.tw\"\nscale = 7\none = 100\nprint(f\"{area(1.0):.4f} {scale}\")\n");
    // Paths are relative to the importing file, wherever one is; a function keeps the names of its file.
    folder.run(&["main.tw"], "").is(0, "3.1416 7\n");
    folder.run(&["./lib/../main.tw"], "").is(0, "3.1416 7\n");
    folder.run(&["-e", "import \"lib/area.tw\"; area(2.0) > 12.5"], "").is(0, "true\n");
    // What a file imports is its own affair.
    folder.run(&["-e", "import \"lib/area.tw\"\nhidden"], "").is(3, "").says("there is no name `hidden`");
    // The file does not see the program's names.
    folder.write("nosy.tw", "print(secret)\n");
    folder.run(&["-e", "secret = 1\nimport \"nosy.tw\""], "").is(3, "").says("nosy.tw:1:7").says("is imported here");
    folder.write("nosy.tw", "fn tell() = secret\n");
    folder.run(&["-e", "secret = 1\nimport \"nosy.tw\"\ntell()"], "").is(3, "").says("there is no name `secret`");
    folder.run(&["main.tw", "--out", "one=one.npy"], "").is(0, "3.1416 7\n");
    folder.run(&["fmt", "--check", "main.tw"], "").is(0, "");
}

#[test]
fn what_a_file_does_happens_once_where_it_is_imported_first() {
    let folder = Folder::new();
    folder.write("one.tw", "import \"two.tw\"\nprint(\"one\")\n");
    folder.write("two.tw", "print(\"two\")\nx = 2\n");
    folder.write("main.tw", "print(\"begin\")\nimport \"one.tw\"\nimport \"./two.tw\"\nprint(\"end\", x)\n");
    folder.run(&["main.tw"], "").is(0, "begin\ntwo\none\nend 2\n");
    // The session's random numbers are one stream.
    folder.write("seeded.tw", "seed(7)\na = rand()\n");
    folder
        .run(&["-e", "import \"seeded.tw\"\nb = rand()\nseed(7)\n(a == rand()) and (b == rand())"], "")
        .is(0, "true\n");
}

#[test]
fn at_the_prompt_imported_names_stay() {
    let folder = Folder::new();
    folder.write("lib.tw", "fn twice(x) = two * x\ntwo = 2\n");
    let mut script = String::from("import \"lib.tw\"\n");
    script.push_str("two = 3\nprint(twice(4))\n");
    folder.run(&["-"], &script).is(0, "8\n");
}

#[test]
fn files_that_are_wrong_are_shown_with_their_own_text() {
    let folder = Folder::new();
    folder
        .run(&["-e", "import \"absent\""], "")
        .is(3, "")
        .says("E0217")
        .says("there is no such file")
        .says("absent.tw");
    folder.write("a.tw", "import \"b.tw\"\nx = 1\n");
    folder.write("b.tw", "import \"c.tw\"\n");
    folder.write("c.tw", "import \"a.tw\"\n");
    let ended = folder.run(&["-e", "import \"a.tw\"\nprint(x)"], "");
    ended.is(3, "").says("E0218").says("`a.tw` → `b.tw` → `c.tw` → `a.tw`").says("c.tw:1:1");
    folder.write("self.tw", "import \"self.tw\"\n");
    folder.run(&["-e", "import \"self.tw\""], "").is(3, "").says("`self.tw` imports itself");
    folder.write("inside.tw", "if true { import \"a.tw\" }\n");
    folder.run(&["inside.tw"], "").is(3, "").says("E0219");
    folder.write("syntax.tw", "y = (1\nfn f(x) = x\n");
    let ended = folder.run(&["-e", "import \"syntax.tw\"\nf(y)"], "");
    ended.is(3, "").says("syntax.tw:1:5").says("`syntax.tw` is imported here").says("1 error;");
    folder.write("types.tw", "y = zeros(2) + zeros(3)\nz = 1\n");
    let ended = folder.run(&["-e", "import \"types.tw\"\ny + z"], "");
    ended.is(3, "").says("E0301").says("types.tw:1:5").says("is imported here").says("1 error;");
    folder.write("runs.tw", "fn part(a, b) = a // b\n");
    folder.run(&["-e", "import \"runs.tw\"\npart(range(3), range(3))"], "").is(1, "").says("runs.tw:1:");
    folder.write("loop.tw", "fn f(x) = g(x)\nfn g(x) = f(x)\n");
    folder.run(&["-e", "import \"loop.tw\"\nf(1)"], "").is(3, "").says("E0207");
}
