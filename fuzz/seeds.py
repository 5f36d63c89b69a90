"""Writes the seeds of the fuzz targets, and their dictionary: the programs of the tests, the examples and the documents.

    python3 fuzz/seeds.py        # fuzz/corpus/check/*, fuzz/check.dict
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent


def programs():
    """The texts of all programs, whole and by statements."""
    for path in sorted((ROOT / "tests/programs").glob("*.txt")):
        statements = []
        for line in path.read_text().splitlines():
            if line.startswith("> "):
                statements.append(line[2:])
            elif line.startswith(". ") and statements:
                statements[-1] += "\n" + line[2:]
        yield from statements
        # A few statements together have names that are defined.
        for start in range(0, len(statements), 5):
            yield "\n".join(statements[start:start + 12])
    for path in sorted((ROOT / "tests/diagnostics").glob("*.txt")):
        yield path.read_text().split("----\n")[0].split("\n", 1)[-1]
    for path in [*sorted((ROOT / "examples").rglob("*.tw")), *sorted((ROOT / "tests").rglob("*.tw")), *sorted((ROOT / "docs").glob("*.tw"))]:
        yield path.read_text()
    for path in sorted((ROOT / "docs").glob("*.md")):
        for fence in re.findall(r"```thalweg\n(.*?)```", path.read_text(), re.DOTALL):
            lines = [line[3:] for line in fence.splitlines() if line.startswith((">> ", ".. "))]
            yield "\n".join(lines)
            yield from lines


def words():
    """Keywords, operators, and the names of operations and of the prelude."""
    names = set("and break continue else false fn for if import in not or true while newaxis none nan inf zip".split())
    names |= set("bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 c64 c128 axis= keepdims=true dtype= float[n] f64[n,m] f64[...]".split())
    names |= set("-> ** // << >> <= >= == != += -= *= /= //= %= **= ... @simd @parallel(2) [1:-1] [mask] [::-1] .T .shape ?1 2j f\"{".split())
    for path in (ROOT / "stdlib/src").rglob("*.rs"):
        names |= set(re.findall(r'(?:name|function|operation)\w*\(\s*"([a-z_0-9]+)"', path.read_text()))
    names |= set(re.findall(r"^fn (\w+)", (ROOT / "stdlib/src/prelude.tw").read_text(), re.MULTILINE))
    return sorted(names)


def main():
    folder = ROOT / "fuzz/corpus/check"
    folder.mkdir(parents=True, exist_ok=True)
    texts = sorted({text.strip("\n") for text in programs()})
    for number, text in enumerate(texts):
        (folder / f"seed-{number:05}").write_text(text)
    quoted = [word.replace("\\", "\\\\").replace('"', '\\"') for word in words()]
    (ROOT / "fuzz/check.dict").write_text("".join(f'"{word}"\n' for word in quoted))
    print(f"{len(texts)} seeds, {len(quoted)} words")


if __name__ == "__main__":
    main()
