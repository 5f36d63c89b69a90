"""Times Thalweg, NumPy and numexpr side by side, in one run, and prints the ratios.

    cargo build --release && python3 benches/compare.py

It builds nothing. Where NumPy or numexpr is missing it makes a virtual environment under target/ and starts again in it.
The rounds are interleaved (Thalweg, NumPy, numexpr, Thalweg, ...), so that a machine that is busy for a moment, or changes its
frequency, is unfair to all three; each figure is the median over all rounds. See README.md beside this file.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "target" / "benches-venv"

try:
    import numexpr
    import numpy as np
except ImportError:
    python = ENVIRONMENT / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        sys.exit("numpy and numexpr could not be imported, although they were installed")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "numpy==2.*", "numexpr"], check=True)
    os.execv(str(python), [str(python), __file__, *sys.argv[1:]])

# Each expression for the three: Thalweg, NumPy, numexpr.
EXPRESSIONS = [
    ("a * b + 2", lambda a, b, c: a * b + 2, "a * b + 2"),
    ("sum(a * b + 2)", lambda a, b, c: np.sum(a * b + 2), "sum(a * b + 2)"),
    ("2*a + 3*b - a*b/(1+c*c)", lambda a, b, c: 2 * a + 3 * b - a * b / (1 + c * c), "2*a + 3*b - a*b/(1+c*c)"),
    ("sin(a)**2 + cos(b)**2", lambda a, b, c: np.sin(a) ** 2 + np.cos(b) ** 2, "sin(a)**2 + cos(b)**2"),
]


def thalweg(options, folder, threads):
    """One process: for each expression (median seconds, peak bytes), as `thalweg bench` reports them."""
    lines = [f'{name} = load("{folder}/{name}.npy")' for name in "abc"]
    lines += [f"r{index} = {text}" for index, (text, _, _) in enumerate(EXPRESSIONS)]
    script = folder / "expressions.tw"
    script.write_text("\n".join(lines) + "\n")
    ended = subprocess.run([options.command, "bench", str(script), "--json", "--threads", str(threads)],
                           capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit(f"{options.command} bench fails:\n{ended.stderr}")
    rows = {row["line"]: row for row in json.loads(ended.stdout)["statements"]}
    return [(rows[4 + index]["median_seconds"], rows[4 + index]["peak_bytes"]) for index in range(len(EXPRESSIONS))]


def timed(action, seconds):
    """The median of as many runs as fit in a time, five at least, after one that is not counted."""
    action()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - begin < seconds and len(times) < 5000):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(options, size, threads):
    """For each expression the three medians, and Thalweg's peak bytes."""
    random = np.random.default_rng(7)
    inputs = {name: random.random(size) + 0.25 for name in "abc"}
    numexpr.set_num_threads(threads)
    found = [{"thalweg": [], "numpy": [], "numexpr": [], "peak": 0} for _ in EXPRESSIONS]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for key, value in inputs.items():
            np.save(folder / f"{key}.npy", value)
        seconds = 0.3 if size > 100_000 else 0.05
        for _ in range(options.rounds):
            for entry, (median, peak) in zip(found, thalweg(options, folder, threads)):
                entry["thalweg"].append(median)
                entry["peak"] = max(entry["peak"], peak)
            for entry, (_, function, _) in zip(found, EXPRESSIONS):
                entry["numpy"].append(timed(lambda: function(**inputs), seconds))
            for entry, (_, _, text) in zip(found, EXPRESSIONS):
                entry["numexpr"].append(timed(lambda: numexpr.evaluate(text, local_dict=inputs), seconds))
    return [{key: value if key == "peak" else statistics.median(value) for key, value in entry.items()} for entry in found]


def start_up(options):
    """Median seconds of a whole process: Thalweg's `1+2`, Python with NumPy, and a process that does nothing."""
    commands = {"thalweg -e '1+2'": [options.command, "-e", "1+2"],
                "python -c 'import numpy; print(1+2)'": [sys.executable, "-c", "import numpy; print(1+2)"],
                "true (a process that does nothing)": ["true"]}
    times = {name: [] for name in commands}
    for _ in range(15):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times[name].append(time.perf_counter() - begin)
    return {name: (statistics.median(values), min(values)) for name, values in times.items()}


def shown(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--command", default=str(ROOT / "target" / "release" / "thalweg"), help="the thalweg command")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--sizes", default="10000000,1000")
    arguments.add_argument("--threads", default="1,2")
    arguments.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
    options = arguments.parse_args()
    if not pathlib.Path(options.command).exists():
        sys.exit(f"{options.command} does not exist: run `cargo build --release` first, or give --command")
    everything = {"tables": [], "start_up": start_up(options)}
    if not options.json:
        print(f"NumPy {np.__version__}, numexpr {numexpr.__version__}, {os.cpu_count()} cores, {platform.machine()}, "
              f"load {os.getloadavg()[0]:.1f}, {options.rounds} rounds; a ratio above 1 means that Thalweg is faster\n")
    for size in [int(text) for text in options.sizes.split(",")]:
        for threads in [int(text) for text in options.threads.split(",")]:
            rows = measure(options, size, threads)
            everything["tables"].append({"size": size, "threads": threads, "rows": rows})
            if options.json:
                continue
            print(f"{size:.0e} f64, {threads} thread{'s' * (threads > 1)} (NumPy always uses 1)")
            print(f"| {'expression':24} | {'Thalweg':>8} | {'NumPy':>8} | {'numexpr':>8} | {'NumPy/T':>7} | {'numexpr/T':>9} "
                  f"| {'peak/(in+out)':>13} |")
            print(f"|{'-' * 26}|{'-' * 10}|{'-' * 10}|{'-' * 10}|{'-' * 9}|{'-' * 11}|{'-' * 15}|")
            for (text, _, _), row in zip(EXPRESSIONS, rows):
                # All three inputs stay loaded, and so do the results of the statements before.
                held = 8 * size * (3 + [0, 1, 1, 2][EXPRESSIONS.index(next(e for e in EXPRESSIONS if e[0] == text))])
                output = 0 if text.startswith("sum") else 8 * size
                print(f"| {text:24} | {shown(row['thalweg']):>8} | {shown(row['numpy']):>8} | {shown(row['numexpr']):>8} "
                      f"| {row['numpy'] / row['thalweg']:7.2f} | {row['numexpr'] / row['thalweg']:9.2f} "
                      f"| {row['peak'] / (held + output):13.3f} |")
            print()
    if options.json:
        print(json.dumps(everything))
        return
    print("start-up of a whole process: median (least)")
    for name, (median, least) in everything["start_up"].items():
        print(f"  {name:40} {shown(median)} ({shown(least)})")


if __name__ == "__main__":
    main()
