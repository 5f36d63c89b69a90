"""How long `thalweg check` takes for programs of 1,000, 10,000 and 100,000 lines: is it linear?

    python3 benches/check.py target/release/thalweg [lines …]

The programs have every kind of statement that a long program has: assignments, calls, `if` on what is known and on what only the
run can tell, comprehensions, loops, updates of parts, and functions, typed and not, each called once, and values that are
used again and again."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

KINDS = {
    "assignments": lambda i: [f"a{i} = {i} * 2.5 + {i % 7}"],
    "calls": lambda i: [f"b{i} = sum(sqrt(linspace(0, 1, {i % 9 + 2})) * {i})"],
    "known ifs": lambda i: [f"if {i} % 2 == 0 {{", f"    c{i} = {i}", "} else {", f"    c{i} = -{i}", "}"],
    "comprehensions": lambda i: [f"d{i} = [x * x + {i} for x in range({i % 5 + 1})]"],
    "functions": lambda i: [f"fn e{i}(x, y = {i}) {{", f"    z = x * y + {i}", "    z - x", "}", f"f{i} = e{i}({i}.5)"],
    "typed functions": lambda i: [f"fn g{i}(x: f64[n], y: f64[n]) = sum(x * y) + {i}", f"h{i} = g{i}(ones(3), ones(3))"],
    "run-time ifs": lambda i: [f"r{i} = rand(3)", f"if sum(r{i}) > 1 {{", f"    s{i} = {i}.0", "} else {", f"    s{i} = 2.0", "}"],
    "loops": lambda i: [f"t{i} = {i}.0", f"for k in range({i % 4 + 2}) {{", f"    t{i} += k * 0.5", "}"],
    "updates": lambda i: [f"u{i} = zeros({i % 6 + 2}, 3)", f"u{i}[0, :] = {i}"],
    "names used again": lambda i: [f"v{i % 20} = v{i * 7 % 20} - sum(v{(i * 11 + 3) % 20})"],
}


def program(lines: int, kinds: list[str]) -> str:
    text = [f"v{i} = rand(9)" for i in range(20)]
    index = 0
    while len(text) < lines:
        text += KINDS[kinds[index % len(kinds)]](index)
        index += 1
    return "\n".join(text) + "\n"


def seconds(command: str, text: str, folder: Path) -> float:
    path = folder / "program.tw"
    path.write_text(text)
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run([command, "check", path], check=True)
        best = min(best, time.perf_counter() - begin)
    return best


def main() -> None:
    command = str(Path(sys.argv[1]).resolve())
    sizes = [int(word) for word in sys.argv[2:]] or [1_000, 10_000, 100_000]
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'lines of':18}" + "".join(f"{size:>12,}" for size in sizes) + "   µs a line at the most")
        for name, kinds in {"all kinds": list(KINDS), **{name: [name] for name in KINDS}}.items():
            times = [seconds(command, program(size, kinds), Path(folder)) for size in sizes]
            shown = "".join(f"{taken:10.3f} s" for taken in times)
            print(f"{name:18}{shown}   {1e6 * times[-1] / sizes[-1]:.0f}", flush=True)


if __name__ == "__main__":
    main()
